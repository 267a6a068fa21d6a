"""What grading a unit is given and gives back: plain data that travels between processes and machines."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from traitlets.config import Config

from grader import words
from grader.sandbox.limits import Limits
from grader.sandbox.zygote import Usage

Notebooks = Mapping[str, bytes | str]


@dataclass(frozen=True)
class Record:
    """What people have put into the gradebook, which grading leaves as it is and feedback shows.

    manual, extra: ``{(notebook, grade_id): points}``.  comments: the same with texts.
    """

    manual: Mapping[tuple[str, str], float] = field(default_factory=dict)
    extra: Mapping[tuple[str, str], float] = field(default_factory=dict)
    comments: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass
class GradedNotebook:
    """What came of one notebook.

    text: the autograded notebook, page: its feedback, HTML; both in UTF-8.  scores: ``{grade_id: points, or None where
    people are to give them}``.  comments: ``{grade_id: comment or None}``.  penalty: for being late, or None.
    notes: what was found, as data; see ``classroom.notes``.
    """

    text: bytes
    page: bytes
    scores: Mapping[str, float | None]
    comments: Mapping[str, str | None]
    penalty: float | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Unit:
    """What all submissions of one assignment are graded with, and nothing that a machine must have on its disk.

    released: ``{notebook: text}``, the release versions.  config: the course's, with its preprocessors and plugins.
    secret: the course's, from which hidden inputs follow.  confined: False runs students' code unprotected.
    """

    name: str
    released: Mapping[str, str]
    config: Config
    limits: Limits
    secret: bytes
    confined: bool = True
    language: str = words.LANGUAGE  # of what is said on cards and pages

    @cached_property
    def version(self) -> str:
        """A digest of all that decides a grade besides the submission: questions, judge, released cells, limits."""
        settings = re.sub(" at 0x[0-9a-f]+", "", repr(self.config))  # where a function lies differs from run to run
        parts = [self.name, repr(sorted(self.released.items())), settings, repr(self.limits)]
        parts += [self.secret.hex(), str(self.confined), self.language, _package_version()]
        return _digest(parts)


@dataclass(frozen=True)
class Job:
    """One submission: ``{notebook: bytes, or why there are none}``, and what the gradebook knows of it already.

    seconds_late: after the due date and any extension.  supplementary: a digest of the files that come along.
    """

    student: str
    notebooks: Notebooks
    record: Record = field(default_factory=Record)
    seconds_late: float = 0.0
    supplementary: str = ""

    def fingerprint(self, unit: Unit) -> str:
        """The same for the same content under the same rules; file times do not count."""
        handed_in = [
            f"{name}={hashlib.sha256(data).hexdigest() if isinstance(data, bytes) else data}"
            for name, data in sorted(self.notebooks.items())
        ]
        known = [repr(sorted(part.items())) for part in vars(self.record).values()]
        return _digest([unit.version, self.student, *handed_in, *known, repr(self.seconds_late), self.supplementary])


@dataclass
class Graded:
    """What came of one submission.

    remarks: for the instructor.  usage: of the confined processes.  spent: seconds of this process by what it did.
    aside: why nothing could be graded, and a person must look; "" where all went well.
    """

    student: str
    notebooks: dict[str, GradedNotebook] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    spent: dict[str, float] = field(default_factory=dict)
    confined: bool = True
    aside: str = ""


class Aside(RuntimeError):
    """One submission cannot be graded here, and others can; the message says why."""


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


@cache
def _package_version() -> str:
    """A digest of this package: a changed question, mistake or sentence makes other grades or other feedback."""
    here = Path(__file__).parent.parent
    return _digest(f"{path.relative_to(here)} {path.read_text('utf-8')}" for path in sorted(here.rglob("*.py")))
