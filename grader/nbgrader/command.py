"""Grade a whole class: map all submissions that are not yet graded over workers, and write results in one process.

A run can be stopped at any moment: files are replaced whole, a submission's rows are written in one transaction after
its files, and the next run does what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Any

import nbformat

from grader.classroom import CourseError
from grader.classroom.processes import Template
from grader.classroom.workers import LocalWorkers, Lost, Workers, mapped
from grader.nbgrader import course, released
from grader.nbgrader.autograde import begin, grade, set_aside
from grader.nbgrader.folders import Course, HandedIn
from grader.nbgrader.gradebook import Entry, GradebookWriter, Known
from grader.nbgrader.job import Aside, Graded, Job, Unit
from grader.nbgrader.plugin import RunOutside, limits_of
from grader.pack import Packs
from grader.sandbox import SandboxError
from grader.sandbox.forkserver import ForkServer
from grader.words import COMMANDS

MOST_AT_ONCE = 256  # submissions in one transaction
PRELOAD = "grader.nbgrader.preload"  # imported once for all workers of this machine


@dataclass(frozen=True)
class Grade:
    """The summary of one graded submission.

    score: points given automatically, before any penalty.  seconds, cpu, memory: see ``Usage``.  spent: see ``Graded``.
    """

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

    graded: submissions graded in this run.  unchanged: students whose submission had been graded already.
    failed: ``{student: why}`` for submissions without a grade.
    """

    graded: list[Grade] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    confined: bool = True  # False if students' code ran without the sandbox


def local_workers(jobs: int, fork_server: ForkServer | None = None, template: Template | None = None) -> LocalWorkers:
    """``jobs`` worker processes on this machine.

    fork_server, template: what the workers' zygotes and the workers themselves are forked from.  Without them, each
        takes seconds to start.
    """
    return LocalWorkers(jobs, begin, fork_server, template)


def grade_class(
    here: Course,
    make_workers: Callable[[], Workers],
    students: Sequence[str] = (),
    force: bool = False,
    confined: bool | None = None,
    limits: Mapping[str, Any] | None = None,
    on_progress: Callable[[Outcome, int], None] = lambda outcome, count: None,
) -> Outcome:
    """Grade the submissions in ``submitted/`` that are not graded yet.

    make_workers: called only if there is something to grade.  students: grade only these; empty for all.
    force: grade again what has been graded.  confined, limits: override the configuration.
    on_progress: called after each submission with the Outcome so far and the number of submissions.

    If anything goes wrong with one submission, from reading its folder to writing its results, ``Outcome.failed`` says
    so and the run goes on.  Raises CourseError if there are no submissions, if one of ``students`` has none, if a
    release version is missing, if a pack cannot be used or a graded cell not be graded, or if the gradebook refuses;
    SandboxError if students' code cannot be run here.  Submissions that are already in the gradebook stay there, and
    the next run does the rest.
    """
    packs = released.packs(here.dirs)  # before anything is opened
    book = GradebookWriter(here.db, here.dirs.course_id, here.unit)
    try:
        unit = unit_of(here, book, packs, confined, limits)
        names = list(book.notebooks)
        there = here.students()
        missing = sorted(set(students) - set(there))
        if missing:
            folder = here.folder(here.dirs.submitted_directory, missing[0])
            raise CourseError(COMMANDS["no_such_submission"].format(student=missing[0], unit=here.unit, folder=folder))
        known, people, outcome = book.known(), book.people(), Outcome(confined=unit.confined)
        if not there:
            where = here.folder(here.dirs.submitted_directory, "STUDENT") / f"{(names or [here.unit])[0]}.ipynb"
            raise CourseError(COMMANDS["nobody"].format(unit=here.unit, path=where))
        asked, given = list(students or there), dict[str, HandedIn]()

        def job_of(student: str) -> Job | None:
            """The student's submission; None if it cannot be graded or has been graded already."""
            found, had = here.handed_in(student, names), known.get(student, Known())
            late = book.seconds_late(found.timestamp, had.extension)
            job = Job(student, found.notebooks, had.record, late, found.digest, found.notes, people.get(student, ""))
            fingerprint = job.fingerprint(unit)
            if found.wrong:
                outcome.failed[student] = found.wrong
            elif not force and had.fingerprint == fingerprint and here.complete(student, job.notebooks):
                outcome.unchanged.append(student)
            else:
                given[student] = replace(found, notebooks={}, fingerprint=fingerprint)
                return job
            return None

        def jobs() -> Iterator[Job]:
            """The submissions to grade, each read only when a worker takes it: memory must not grow with the class."""
            for student in asked:
                try:
                    job = job_of(student)
                except Exception as why:
                    job, outcome.failed[student] = None, _fault(why)
                if job:
                    yield job
                else:
                    on_progress(outcome, len(asked))

        work = jobs()
        first = next(work, None)
        if first is not None:
            workers = make_workers()
            writing = _Writing(here, book, unit, outcome, lambda: on_progress(outcome, len(asked)))
            try:
                for job, done in mapped(workers, partial(grade, unit), chain([first], work), writing.settle):
                    if isinstance(done, SandboxError):
                        raise done
                    writing.take(job, done, given.pop(job.student))
            except (SandboxError, KeyboardInterrupt):
                writing.settle()  # keep what has been graded
                raise
            else:
                writing.settle()
            finally:
                workers.close()
    finally:
        book.close()
    return outcome


def unit_of(
    here: Course,
    book: GradebookWriter,
    packs: Packs,
    confined: bool | None = None,
    limits: Mapping[str, Any] | None = None,
) -> Unit:
    """The Unit: everything that its submissions are graded with.

    packs: those of the course.  confined, limits: override the configuration.
    Raises CourseError if the unit has no notebook, a release version is missing, or a graded cell could not be graded.
    """
    dirs = here.dirs
    if not book.notebooks:
        raise CourseError(COMMANDS["not_in_gradebook"].format(unit=here.unit))
    sources = {name: cells.sources for name, cells in book.notebooks.items()}
    texts = {name: released.text(dirs, here.unit, name) for name in sources}
    notebooks = {name: nbformat.reads(text, as_version=4) for name, text in texts.items()}
    released.examine(released.faults_of(dirs, here.unit, notebooks, sources, packs))
    hidden = {name: released.hidden(sources[name], nb) for name, nb in notebooks.items()}
    used = released.used(notebooks.values(), packs)
    return Unit(
        here.unit,
        texts,
        here.config,
        replace(limits_of(here.config), **limits or {}),
        course.secret(here.root),
        RunOutside(config=here.config).confined if confined is None else confined,
        hidden=hidden,
        packs=used.sources,
        files=released.files(dirs, here.unit, packs),
    )


class _Writing:
    """Writes results: to files for each submission, then to the gradebook, for many in one transaction.

    Files come first and are flushed once before each transaction, so that they exist for all that the gradebook has.
    There is no writing thread, since for each of a few hundred short calls one thread would wait for the other.
    """

    def __init__(
        self, here: Course, book: GradebookWriter, unit: Unit, outcome: Outcome, on_progress: Callable[[], None]
    ):
        self.here, self.book, self.unit, self.outcome, self.on_progress = here, book, unit, outcome, on_progress
        self.written: list[Entry] = []

    def take(self, job: Job, done: Graded | BaseException, given: HandedIn) -> None:
        """Write one submission's files, or record why it failed.  Raises CourseError: see ``settle``."""
        if isinstance(done, CourseError):  # every submission would raise it
            raise done
        try:
            if isinstance(done, (Aside, Lost)):
                done = set_aside(self.unit, job, str(done))
            if isinstance(done, BaseException):
                raise done
            done.remarks, done.beside = [*given.remarks, *done.remarks], tuple(given.remarks)
            self.here.write(given, done)
        except Exception as why:
            self._failed(given.student, why)
            return
        self.written.append(Entry(done, given.fingerprint, given.timestamp))
        if len(self.written) >= MOST_AT_ONCE:
            self.settle()

    def settle(self) -> None:
        """Put the submissions whose files are written into the gradebook.  Raises CourseError if that refuses."""
        entries, self.written = self.written, []
        if not entries:
            return
        try:
            self.here.flush()
        except OSError as why:
            for entry in entries:
                self._failed(entry.graded.student, why)
            return
        self._put(entries)

    def _put(self, entries: Sequence[Entry]) -> None:
        try:
            self.book.put(entries)
        except CourseError:
            raise
        except Exception as why:
            if len(entries) == 1:
                self._failed(entries[0].graded.student, why)
            else:
                for entry in entries:  # one by one, so that only the one at fault fails
                    self._put([entry])
            return
        for done, *_ in entries:
            if done.aside:
                self.outcome.failed[done.student] = done.aside
            else:
                self.outcome.graded.append(Grade.of(done))
            self.on_progress()

    def _failed(self, student: str, why: Exception) -> None:
        self.outcome.failed[student] = _fault(why)
        self.on_progress()


def _fault(why: Exception) -> str:
    """The message for the instructor about a submission that failed with an unexpected error."""
    return COMMANDS["fault"].format(error=f"{type(why).__name__}: {why}".removesuffix(": ")[:300])
