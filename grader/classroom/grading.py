"""A whole class graded: what is handed in, minus what is graded already, mapped over workers; one writer behind them.

A run can be stopped at any moment: files are replaced whole, a submission's rows in one transaction after its files,
and the next run does what is missing.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import find_all_files, parse_utc
from traitlets.config import Config

from grader.classroom import course, submission
from grader.classroom.book import Book, Known
from grader.classroom.course import CourseError
from grader.classroom.grade import Graded, Job, Unit, grade, set_aside
from grader.classroom.lanes import Lost, Place, mapped
from grader.classroom.nbgrader_plugin import RunOutside, handed_in
from grader.files import copy_whole, write_whole
from grader.sandbox import SandboxError
from grader.sandbox.run import Limits
from grader.words import CLASSROOM

LONGEST_ID = 128  # characters of a student's id, as the gradebook has them
AUTOGRADED, PAGE = 0o444, 0o644  # modes, as nbgrader gives them


@dataclass(frozen=True)
class Grade:
    """What is told of one graded submission.  Points; seconds on the clock; bytes; spent: see ``Graded``."""

    student: str
    score: float
    seconds: float
    cpu: float
    memory: int
    spent: Mapping[str, float]
    remarks: tuple[str, ...]

    @classmethod
    def of(cls, done: Graded) -> Grade:
        score = sum(points or 0 for nb in done.notebooks.values() for points in nb.scores.values())
        usage = done.usage
        return cls(done.student, score, usage.seconds, usage.cpu, usage.memory, done.spent, tuple(done.remarks))


@dataclass
class Outcome:
    """What a run did.

    graded: those graded now.  unchanged: those left as they were.  failed: ``{student: why}``, those without a grade.
    """

    graded: list[Grade] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    confined: bool = True  # False where students' code ran without the sandbox


@dataclass(frozen=True)
class HandedIn:
    """One student's folder: what it holds, and when it was handed in.  wrong: why it cannot be graded, or ""."""

    student: str
    folder: Path
    notebooks: Mapping[str, bytes | str] = field(default_factory=dict)
    timestamp: datetime | None = None
    remarks: tuple[str, ...] = ()
    wrong: str = ""
    beside: str = ""  # a digest of the other files, which come along with what is graded
    fingerprint: str = ""  # of the job that it became


class Course:
    """A course folder as nbgrader's configuration describes it, and one unit of it."""

    def __init__(self, root: Path, unit: str, db: str | None = None):
        """Read the configuration.  db: the gradebook's URL, where it is not the configured one."""
        self.root, self.unit = root, unit
        self.config: Config = course.configuration(root)
        self.dirs = CourseDirectory(config=self.config)
        self.dirs.root = str(root)
        self.db = db or self.dirs.db_url

    def folder(self, step: str, student: str) -> Path:
        return Path(self.dirs.format_path(step, student, self.unit))

    def graded_with(self, book: Book, confined: bool | None = None, limits: Mapping[str, Any] | None = None) -> Unit:
        """What every submission is graded with.  Raises CourseError where a release version is missing."""
        settings = RunOutside(config=self.config)
        chosen = Limits(**{field.name: getattr(settings, field.name) for field in fields(Limits)})
        released = {}
        for name in book.notebooks:
            path = self.folder(self.dirs.release_directory, ".") / f"{name}.ipynb"
            if not path.exists():
                raise CourseError(CLASSROOM["no_release"].format(path=path, unit=self.unit))
            released[name] = path.read_text("utf-8")
        return Unit(
            self.unit,
            released,
            self.config,
            replace(chosen, **limits or {}),
            course.secret(self.root),
            settings.confined if confined is None else confined,
        )

    def students(self) -> list[str]:
        """Everyone who handed in something for this unit, in order."""
        pattern = re.compile(
            self.dirs.format_path(self.dirs.submitted_directory, "(?P<student>[^/]+)", self.unit, escape=True)
        )
        anywhere = self.folder(self.dirs.submitted_directory, "*")
        found = (pattern.fullmatch(str(path)) for path in self.root.glob(str(anywhere.relative_to(self.root))))
        excluded = self.dirs.student_id_exclude.split(",")
        return sorted({match["student"] for match in found if match} - set(excluded))

    def handed_in(self, student: str, names: Sequence[str]) -> HandedIn:
        """What one student handed in, read with care: links are not followed, and nothing is waited for."""
        folder = self.folder(self.dirs.submitted_directory, student)
        wrong = "" if _can_be_an_id(student) else CLASSROOM["bad_student"]
        notebooks: dict[str, bytes | str] = {}
        for name in names:
            path = folder / f"{name}.ipynb"
            try:
                if os.path.lexists(path):
                    notebooks[name] = handed_in(path)
            except submission.Unreadable as why:
                notebooks[name] = str(why)
            except OSError as why:
                wrong = CLASSROOM["not_opened"].format(why=why.strerror or why)
        if not notebooks and not wrong:
            wrong = CLASSROOM["nothing_handed_in"].format(names=", ".join(f"{name}.ipynb" for name in names))
        timestamp, remarks = _timestamp(folder / "timestamp.txt")
        beside = ""
        try:
            beside = _digest_of(self._extras(folder))
        except OSError as why:
            wrong = wrong or CLASSROOM["not_opened"].format(why=f"{why.filename}: {why.strerror}")
        return HandedIn(student, folder, notebooks, timestamp, remarks, wrong, beside)

    def written(self, student: str) -> dict[str, Path]:
        """``{what: folder}`` of the two folders that grading fills."""
        steps = {"autograded": self.dirs.autograded_directory, "feedback": self.dirs.feedback_directory}
        return {what: self.folder(step, student) for what, step in steps.items()}

    def complete(self, student: str, names: Iterable[str]) -> bool:
        """Whether all that grading writes is there."""
        folders = self.written(student)
        return all(
            (folders["autograded"] / f"{name}.ipynb").exists() and (folders["feedback"] / f"{name}.html").exists()
            for name in names
        )

    def write(self, given: HandedIn, graded: Graded) -> None:
        """Write what nbgrader's ``autograde`` and ``generate_feedback`` write; what else lies there is removed."""
        folders = self.written(given.student)
        extras = self._extras(given.folder)
        texts = {
            "autograded": {f"{name}.ipynb": done.text for name, done in graded.notebooks.items()},
            "feedback": {f"{name}.html": done.page for name, done in graded.notebooks.items()},
        }
        for (what, folder), mode in zip(folders.items(), (AUTOGRADED, PAGE), strict=True):
            folder.mkdir(parents=True, exist_ok=True)
            for name, source in extras.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                copy_whole(source, folder / name, mode)
            for name, text in texts[what].items():
                write_whole(folder / name, text, mode)
            kept = {folder / name for name in (*extras, *texts[what])}
            for path in [path for path in folder.rglob("*") if not path.is_dir() and path not in kept]:
                path.unlink()

    def _extras(self, folder: Path) -> dict[str, Path]:
        """``{name: file}`` of other files that were handed in, and of the unit's own, which come before them."""
        source = self.folder(self.dirs.source_directory, ".")
        found = {}
        for place in (folder, source):
            for file in find_all_files(str(place), [*self.dirs.ignore, "*.ipynb"]):
                if not os.path.islink(file) and os.path.isfile(file):  # a link could lead to anyone's file
                    found[os.path.relpath(file, place)] = Path(file)
        return found


def grade_class(
    here: Course,
    place: Callable[[], Place],
    students: Sequence[str] = (),
    force: bool = False,
    confined: bool | None = None,
    limits: Mapping[str, Any] | None = None,
    told: Callable[[Outcome, int], None] = lambda outcome, count: None,
) -> Outcome:
    """Grade what is in ``submitted/``, but for what is graded already.

    place: makes the workers; called when there is work.  students: only these.  force: what is graded, too.
    told: called after each submission with what came of all so far, and how many there are.

    Raises CourseError or OSError where files or the gradebook refuse; all before that is kept, and a second run does
    the rest.  Raises SandboxError where nothing can be run here.
    """
    book = Book(here.db, here.dirs.course_id, here.unit)
    try:
        unit = here.graded_with(book, confined, limits)
        names = list(book.notebooks)
        there = here.students()
        missing = sorted(set(students) - set(there))
        if missing:
            raise CourseError(CLASSROOM["no_such_submission"].format(student=missing[0], unit=here.unit))
        known, outcome = book.known(), Outcome(confined=unit.confined)
        if not there:
            where = here.folder(here.dirs.submitted_directory, "STUDENT") / f"{(names or [here.unit])[0]}.ipynb"
            raise CourseError(CLASSROOM["nobody"].format(unit=here.unit, path=where))
        asked, given = list(students or there), dict[str, HandedIn]()

        def jobs() -> Iterator[Job]:
            """What is to be graded, read as workers take it, so that memory does not grow with the class."""
            for student in asked:
                found, had = here.handed_in(student, names), known.get(student, Known())
                late = book.seconds_late(found.timestamp, had.extension)
                job = Job(student, found.notebooks, had.record, late, found.beside)
                fingerprint = job.fingerprint(unit)
                if found.wrong:
                    outcome.failed[student] = found.wrong
                elif not force and had.fingerprint == fingerprint and here.complete(student, job.notebooks):
                    outcome.unchanged.append(student)
                else:
                    given[student] = replace(found, notebooks={}, fingerprint=fingerprint)
                    yield job
                    continue
                told(outcome, len(asked))

        work = jobs()
        first = next(work, None)
        if first is not None:
            workers = place()
            try:
                for job, done in mapped(workers, partial(grade, unit), chain([first], work)):
                    _take(here, book, unit, job, done, given.pop(job.student), outcome)
                    told(outcome, len(asked))
            finally:
                workers.close()
    finally:
        book.close()
    return outcome


def _take(
    here: Course,
    book: Book,
    unit: Unit,
    job: Job,
    done: Graded | BaseException,
    given: HandedIn,
    outcome: Outcome,
) -> None:
    """Write what came of one submission: the files first, so that what the gradebook has is there."""
    if isinstance(done, SandboxError):
        raise done
    if isinstance(done, Lost):
        done = set_aside(unit, job, str(done))
    if isinstance(done, BaseException):  # a fault of the grader's own; one student's must not stop the others' run
        outcome.failed[job.student] = CLASSROOM["fault"].format(error=f"{type(done).__name__}: {done}"[:300])
        return
    done.remarks = [*given.remarks, *done.remarks]
    here.write(given, done)
    book.put(done, given.fingerprint, given.timestamp)
    if done.aside:
        outcome.failed[job.student] = done.aside
    else:
        outcome.graded.append(Grade.of(done))


def _digest_of(named: Mapping[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, path in sorted(named.items()):
        with open(path, "rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{name}={content}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _can_be_an_id(student: str) -> bool:
    try:
        student.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return len(student) <= LONGEST_ID


def _timestamp(path: Path) -> tuple[datetime | None, tuple[str, ...]]:
    """When a submission was handed in, as nbgrader notes it, and what is to be said where that cannot be read."""
    if path.is_symlink() or not path.is_file():
        return None, ()
    text = path.read_bytes()[:100].decode("utf-8", "replace").strip()
    try:
        return (parse_utc(text), ()) if text else (None, ())
    except ValueError:
        return None, (CLASSROOM["bad_timestamp"].format(text=text),)
