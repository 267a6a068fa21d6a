"""What grading found, as data in the graded notebook's metadata: who reports on a class reads this, and no sentence.

A notebook's outputs hold what a student printed; its metadata, which come from the release version, only what we put
there.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import nbformat
from nbformat import NotebookNode

METADATA = "grader"  # the key under which they stand
FORMAT = 1


@dataclass
class Notes:
    """What became of one notebook.

    unreadable: whether it stands for a file that was no notebook.  remarks: what was mended before grading, or why the
    file could not be read, a sentence each.
    verdicts: ``{grade_id: the judge's verdict, without values}``.  unjudged: ``{grade_id: why there is none}``.
    breaches: ``[[grade_id or "", key of words.SANDBOX]]``, the limits that cells reached.
    """

    unreadable: bool = False
    remarks: list[str] = field(default_factory=list)
    verdicts: dict[str, dict[str, Any]] = field(default_factory=dict)
    unjudged: dict[str, str] = field(default_factory=dict)
    breaches: list[list[str]] = field(default_factory=list)

    @classmethod
    def of(cls, nb: NotebookNode) -> Notes | None:
        """Those of a notebook; None where there are none, as in notebooks that an earlier version graded."""
        return cls.from_data(nb.metadata.get(METADATA))

    @classmethod
    def from_data(cls, data: Any) -> Notes | None:
        """Those that ``as_data`` gave; None for anything else."""
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            return None
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})

    def as_data(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "format": FORMAT,
            **json.loads(json.dumps(asdict(self))),
        }  # what nbformat made of dicts is slow to pickle

    def put(self, nb: NotebookNode) -> None:
        """Put them into a notebook's metadata, in place of those that are there."""
        nb.metadata[METADATA] = nbformat.from_dict(self.as_data())
