"""How a mistake, an error or a status is spoken of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """How a mistake or an error is spoken of: its short name, one sentence that says what it is, and why.

    listed: the name in a list, where ``name`` would say too little without the answer that it is about.
    """

    name: str
    says: str
    why: str
    listed: str = ""
