"""What grading found, as data in the graded notebook's metadata, from which the class report is made.

It can be trusted: a notebook's outputs hold what a student printed, but its metadata come from the release version and
hold only what we put there.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import nbformat
from nbformat import NotebookNode

METADATA = "grader"  # key of the notebook's metadata
FORMAT = 1


@dataclass
class Notes:
    """What grading found in one notebook.

    unreadable: whether the file handed in could not be read.  remarks: sentences on what was mended before grading, or
    why the file could not be read.
    verdicts: ``{grade_id: the judge's verdict, without values}``.  unjudged: ``{grade_id: why there is no verdict}``.
    breaches: ``[[grade_id or "", key of words.SANDBOX]]``, the limits that cells breached.
    asked: ``{grade_id: question id}`` of the cells that ask a question.  inside: the cells that are nbgrader tests,
    judged inside the student's process.  order: all graded cells, in the notebook's order.
    titles: ``{grade_id: title of the question, with its number}``.
    repeat: ``{grade_id: [what went wrong, the lesson that explains it, its address on the website or ""]}``.
    """

    unreadable: bool = False
    remarks: list[str] = field(default_factory=list)
    verdicts: dict[str, dict[str, Any]] = field(default_factory=dict)
    unjudged: dict[str, str] = field(default_factory=dict)
    breaches: list[list[str]] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)
    inside: list[str] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    repeat: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, nb: NotebookNode) -> Notes | None:
        """The Notes in a notebook's metadata; None if there are none, as in notebooks graded by earlier versions."""
        return cls.from_data(nb.metadata.get(METADATA))

    @classmethod
    def from_data(cls, data: Any) -> Notes | None:
        """Notes from what ``as_data`` returned; None for anything else."""
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            return None
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})

    def as_data(self) -> dict[str, Any]:
        """The Notes as plain data, ready for JSON."""
        return {
            "format": FORMAT,
            **json.loads(json.dumps(asdict(self))),
        }  # through JSON, for plain dicts: those of nbformat are slow to pickle

    def put(self, nb: NotebookNode) -> None:
        """Put the Notes into a notebook's metadata, replacing any that are there."""
        nb.metadata[METADATA] = nbformat.from_dict(self.as_data())
