"""The input and output of grading a unit: plain data that can be sent to other processes and machines."""

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
from grader.pack import Source
from grader.sandbox.limits import Limits
from grader.sandbox.zygote import Usage

Notebooks = Mapping[str, bytes | str]


@dataclass(frozen=True)
class Record:
    """What people have entered in the gradebook for a submission.  Grading does not change it; feedback shows it.

    manual, extra: points by hand and extra credit, ``{(notebook, grade_id): points}``.
    comments: ``{(notebook, grade_id): text}``.
    """

    manual: Mapping[tuple[str, str], float] = field(default_factory=dict)
    extra: Mapping[tuple[str, str], float] = field(default_factory=dict)
    comments: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass
class GradedNotebook:
    """The results for one notebook.

    text: the autograded notebook.  page: its feedback as HTML.  Both are UTF-8.
    scores: ``{grade_id: points}``, None for cells that are graded by hand.  comments: ``{grade_id: comment or None}``.
    penalty: points off for being late, or None.  notes: ``classroom.notes.Notes`` as data.
    """

    text: bytes
    page: bytes
    scores: Mapping[str, float | None]
    comments: Mapping[str, str | None]
    penalty: float | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Unit:
    """Everything that the submissions of one assignment are graded with; no file of the course is needed besides.

    released: ``{notebook: text}``, the release versions.  config: the course's, with its preprocessors and plugins.
    secret: the course's, from which hidden inputs are drawn.  confined: False runs students' code unprotected.
    hidden: ``{notebook: {grade_id: source}}`` of tests, with their hidden tests.
    packs: of the questions that the notebooks ask, as text, so that a worker need not have them installed.
    files: ``{name: content}`` of what the instructor released beside the notebooks.
    """

    name: str
    released: Mapping[str, str]
    config: Config
    limits: Limits
    secret: bytes
    confined: bool = True
    language: str = words.LANGUAGE  # of cards and feedback pages
    hidden: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    packs: tuple[Source, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)

    @cached_property
    def version(self) -> str:
        """A digest of everything but the submission that affects a grade: this package, and the fields above."""
        settings = re.sub(" at 0x[0-9a-f]+", "", repr(self.config))  # addresses of functions differ from run to run
        parts = [self.name, repr(sorted(self.released.items())), settings, repr(self.limits)]
        parts += [self.secret.hex(), str(self.confined), self.language, _package_version()]
        parts += [repr(sorted((name, sorted(cells.items())) for name, cells in self.hidden.items()))]
        parts += [pack.digest for pack in self.packs]
        parts += [f"{name}={hashlib.sha256(content).hexdigest()}" for name, content in sorted(self.files.items())]
        return _digest(parts)


@dataclass(frozen=True)
class Job:
    """One submission to grade.

    notebooks: ``{notebook: bytes, or why it cannot be read}``.  record: what people have entered in the gradebook.
    seconds_late: after the due date and any extension.  supplementary: a digest of the files beside the notebooks.
    notes: ``{notebook: a sentence on its file, for its page}``.  person: the student's name, "" if it is not known.
    """

    student: str
    notebooks: Notebooks
    record: Record = field(default_factory=Record)
    seconds_late: float = 0.0
    supplementary: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)
    person: str = ""

    def fingerprint(self, unit: Unit) -> str:
        """A digest of the content of this job and of the unit's rules."""
        handed_in = [
            f"{name}={hashlib.sha256(data).hexdigest() if isinstance(data, bytes) else data}"
            for name, data in sorted(self.notebooks.items())
        ]
        known = [repr(sorted(part.items())) for part in (*vars(self.record).values(), self.notes)]
        return _digest(
            [unit.version, self.student, self.person, *handed_in, *known, repr(self.seconds_late), self.supplementary]
        )


@dataclass
class Graded:
    """The results for one submission.

    notebooks: by name.  remarks: for the instructor.  usage: of the confined processes.
    beside: the remarks about the folder and its time, not about a notebook.
    spent: seconds of CPU time on the trusted side for "reading", "judging" and "pages".
    aside: why nothing could be graded and a person must look; "" if it was graded.
    """

    student: str
    notebooks: dict[str, GradedNotebook] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    spent: dict[str, float] = field(default_factory=dict)
    confined: bool = True
    aside: str = ""
    beside: tuple[str, ...] = ()


class Aside(RuntimeError):
    """This submission cannot be graded, though others can; the message says why."""


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


@cache
def _package_version() -> str:
    """A digest of this package's sources: a changed mistake, sentence or template changes grades or feedback."""
    here = Path(__file__).parent.parent
    files = sorted([*here.rglob("*.py"), *(here / "nbgrader" / "templates").rglob("*.*")])
    return _digest(f"{path.relative_to(here)} {path.read_text('utf-8')}" for path in files)
