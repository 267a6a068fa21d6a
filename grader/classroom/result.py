"""What a class was given: scores as the gradebook has them, and what the judge said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Result:
    """One student's result in one unit.

    scores: ``{grade_id: points}`` as the gradebook has them, with what people gave by hand; points: what each is worth.
    penalty: points taken off for handing in late.
    verdicts: ``{grade_id: Verdict as data}``, where the judge gave one.
    unjudged: ``{grade_id: why}``, where the check did not get to a verdict.
    remarks: what was mended before grading, or why nothing could be graded.
    unreadable: the file was no notebook; what was graded are untouched exercises.
    breaches: limits that were reached, and where, a sentence each.
    by_hand: cells that wait for a score from a person.
    seconds: wall time of the run; memory: its peak in bytes; None where it was not measured.
    confined: whether the sandbox was on; None where it is not known.
    aside: why this submission could not be graded and needs a person; "" where it could.
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

    @property
    def score(self) -> float:
        """The total that the gradebook has: never below 0, whatever the penalty."""
        return max(0.0, sum(self.scores.values()) - self.penalty)


@dataclass(frozen=True)
class Person:
    """A student as the gradebook knows him; "" where it knows nothing."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
