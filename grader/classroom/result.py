"""A student's result in a unit as plain data: scores from the gradebook, and the judge's verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Result:
    """One student's result in one unit.

    A graded cell is named by its grade_id, in a unit of several notebooks after its notebook: ``problem1/cell``.
    scores: ``{cell: score}`` from the gradebook, manual grades included.  points: ``{cell: maximum score}``.
    penalty: points taken off for handing in late.
    verdicts: ``{cell: Verdict as data}``, where the judge gave one.
    unjudged: ``{cell: why}``, where there is no verdict.
    remarks: sentences on what was mended before grading, or why nothing could be graded.
    unreadable: whether the file could not be read, so that untouched exercises were graded instead.
    breaches: sentences on limits that were breached, and where.
    by_hand: cells that wait for manual grading.
    asked: ``{cell: question id}`` of the cells that ask a question.
    inside: cells that are nbgrader tests, judged inside the student's process.
    order: all graded cells, in the order of the notebooks.
    seconds: wall time of the run.  memory: its peak in bytes.  None if not measured.
    confined: whether the sandbox was on; None if not known.
    aside: why this submission could not be graded and needs a person; "" if it was graded.
    handed_in: when, in UTC; None if not known.
    seconds_late: how long after the due date and any extension, whether or not it costs points; 0 without a due date.
    """

    student: str
    scores: Mapping[str, float] = field(default_factory=dict)
    points: Mapping[str, float] = field(default_factory=dict)
    verdicts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    penalty: float = 0.0
    unjudged: Mapping[str, str] = field(default_factory=dict)
    unreadable: bool = False
    breaches: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    seconds: float | None = None
    memory: int | None = None
    confined: bool | None = None
    aside: str = ""
    asked: Mapping[str, str] = field(default_factory=dict)
    inside: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    handed_in: datetime | None = None
    seconds_late: float = 0.0

    @property
    def questions(self) -> dict[str, str]:
        """``{cell: question id}``, as far as it is known."""
        told = {cell: str(said["question"]) for cell, said in self.verdicts.items() if said.get("question")}
        return {**told, **self.asked}

    @property
    def score(self) -> float:
        """The total score after the penalty, as in the gradebook, never below 0."""
        return max(0.0, sum(self.scores.values()) - self.penalty)

    @property
    def final(self) -> bool:
        """Whether the score is final: nothing waits for a person.

        A cell that could not be judged, because the student's code stopped its check, has its score: none.
        """
        return not (self.aside or self.by_hand)


@dataclass(frozen=True)
class Person:
    """A student in the gradebook; "" for what it does not know."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""

    @property
    def name(self) -> str:
        """The name and the id, such as "Ada Lovelace (ada)"; the id alone if there is no name."""
        full = f"{self.first_name} {self.last_name}".strip()
        return f"{full} ({self.id})" if full else self.id

    @property
    def order(self) -> tuple[str, str, str]:
        """What a class list is sorted by: last name, first name and id, or the id alone if there is no name."""
        return (self.last_name or self.first_name or self.id).casefold(), self.first_name.casefold(), self.id
