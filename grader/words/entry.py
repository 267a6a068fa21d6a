"""The words for a mistake, an error or a status."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """The words for a mistake, an error or a status: its short name, what it is, and why or what to do.

    listed: the name to use in a list, if ``name`` says too little apart from the answer that it describes.
    """

    name: str
    says: str
    why: str
    listed: str = ""
