"""One submission graded: bytes in, results out.  Nothing here reads a file, writes one, or knows a gradebook.

What comes out is what ``nbgrader autograde`` and ``nbgrader generate_feedback`` make of the same submission with the
same configuration.  ``grade`` runs in worker processes, on this machine or on others.
"""

from __future__ import annotations

import atexit
import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar

import nbformat
import torch
from nbformat import NotebookNode
from traitlets.config import Config

from grader.classroom import apart, outside, paperwork, submission
from grader.classroom.apart import Apart
from grader.classroom.paperwork import GradedNotebook, Record
from grader.sandbox import SandboxError
from grader.sandbox.origin import Origin
from grader.sandbox.run import Limits, Usage, Warm
from grader.words import CLASSROOM

Out = TypeVar("Out")
# What runs and judges a mended notebook in place, beside the released one: remarks, and what it took.
Run = Callable[[NotebookNode, NotebookNode], tuple[list[str], Usage]]
Notebooks = Mapping[str, bytes | str]


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

    @cached_property
    def version(self) -> str:
        """A digest of all that decides a grade besides the submission: questions, judge, released cells, limits."""
        settings = re.sub(" at 0x[0-9a-f]+", "", repr(self.config))  # where a function lies differs from run to run
        parts = [self.name, repr(sorted(self.released.items())), settings, repr(self.limits)]
        parts += [self.secret.hex(), str(self.confined), _package_version()]
        return _digest(parts)


@dataclass(frozen=True)
class Job:
    """One submission: ``{notebook: bytes, or why there are none}``, and what the gradebook knows of it already.

    seconds_late: after the due date and any extension.  beside: a digest of the files that come along.
    """

    student: str
    notebooks: Notebooks
    record: Record = field(default_factory=Record)
    seconds_late: float = 0.0
    beside: str = ""

    def fingerprint(self, unit: Unit) -> str:
        """The same for the same content under the same rules; file times do not count."""
        handed_in = [
            f"{name}={hashlib.sha256(data).hexdigest() if isinstance(data, bytes) else data}"
            for name, data in sorted(self.notebooks.items())
        ]
        known = [repr(sorted(part.items())) for part in vars(self.record).values()]
        return _digest([unit.version, self.student, *handed_in, *known, repr(self.seconds_late), self.beside])


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


def grade(unit: Unit, job: Job) -> Graded:
    """Grade one submission.  Raises Aside, and SandboxError where students' code cannot be run here at all."""
    with _tools(unit) as tools:
        tools.heat()
        return tools.grade(job, lambda nb, trusted: tools.run(nb, trusted, job.student))


def set_aside(unit: Unit, job: Job, why: str) -> Graded:
    """What is written of a submission that cannot be graded: no points, nothing run, and the reason on its page."""
    unread = Job(job.student, dict.fromkeys(job.notebooks, why), job.record, job.seconds_late)
    with _tools(unit) as tools:
        graded = tools.grade(unread, lambda nb, trusted: (outside.not_run(nb, trusted), Usage()))
    graded.aside = why
    return graded


class Tools:
    """What grading needs and what takes long to make: the process that does the paperwork, and a warm one."""

    def __init__(self, unit: Unit):
        torch.set_num_threads(1)  # there are as many of these processes as cores
        self.unit = unit
        self.released = {name: nbformat.reads(text, as_version=4) for name, text in unit.released.items()}
        self.warm: Warm | None = None

    def close(self) -> None:
        if self.warm:
            self.warm.close()
            self.warm = None

    def heat(self) -> None:
        """Start the warm process, which gets ready while the submission is read and its problems are drawn."""
        if self.warm is None or not self.warm.alive:
            self.warm = Warm(self.unit.confined, ORIGIN)

    def run(self, nb: NotebookNode, trusted: NotebookNode, student: str) -> tuple[list[str], Usage]:
        """Run a mended notebook's cells in the sandbox, and judge them.  Raises SandboxError and Aside."""
        try:
            return self._run(nb, trusted, student)
        except SandboxError:
            self.close()
            self.heat()
            self._warmed.run([], [])  # where not even this works, the machine is to blame
        try:
            return self._run(nb, trusted, student)
        except SandboxError as why:
            raise Aside(CLASSROOM["no_process"].format(why=why)) from why

    def _run(self, nb: NotebookNode, trusted: NotebookNode, student: str) -> tuple[list[str], Usage]:
        remarks = outside.run(nb, trusted, self._warmed, self.unit.limits, self.unit.secret, student)
        return remarks, self._warmed.used

    @property
    def _warmed(self) -> Warm:
        assert self.warm is not None
        return self.warm

    def grade(self, job: Job, run: Run) -> Graded:
        graded = Graded(job.student, confined=self.unit.confined)
        with apart.borrowed() as process:
            for name, trusted in self.released.items():
                if name in job.notebooks:
                    graded.notebooks[name] = self._notebook(job, name, trusted, run, graded, process)
        return graded

    def _notebook(
        self, job: Job, name: str, trusted: NotebookNode, run: Run, graded: Graded, process: Apart
    ) -> GradedNotebook:
        nb, resources = self._read(job, name, graded, process)
        graded.remarks += submission.remarks(nb)
        with _timed(graded.spent, "judging"):
            remarks, usage = run(nb, trusted)
        graded.remarks += remarks
        graded.usage = graded.usage + usage
        limit, given = self.unit.limits.page_seconds, (resources, job.record, job.seconds_late)
        try:
            done, seconds = self._apart(process, limit, paperwork.finish, nb, *given, False)
        except Exception:  # the grade counts, whatever became of the page
            nb = submission.noted(nb, CLASSROOM["plain_page"])
            graded.remarks.append(CLASSROOM["plain_page"])
            done, seconds = self._apart(process, limit, paperwork.finish, nb, *given, True)
        graded.spent["pages"] = graded.spent.get("pages", 0.0) + seconds
        return done

    def _read(self, job: Job, name: str, graded: Graded, process: Apart) -> tuple[NotebookNode, dict[str, Any]]:
        """What is to be run of a notebook; where it cannot be read in time and memory, what says so in its place."""
        handed_in, limit = job.notebooks[name], self.unit.limits.reading_seconds
        try:
            nb, resources, seconds = self._apart(process, limit, paperwork.read, job.student, name, handed_in)
        except apart.GAVE_UP as why:
            said = apart.unread(why)
            nb, resources, seconds = self._apart(process, limit, paperwork.read, job.student, name, said)
        graded.spent["reading"] = graded.spent.get("reading", 0.0) + seconds
        return nb, resources

    def _apart(self, process: Apart, seconds: float, work: Callable[..., Out], *arguments: Any) -> Out:
        """A function of ``paperwork`` called for this unit, in that process."""
        unit = self.unit
        process.prepare(unit.version, paperwork.open_unit, unit.version, unit.name, unit.released, unit.config)
        return process.call(work, unit.version, *arguments, seconds=seconds)


_IDLE: dict[str, list[Tools]] = {}
ORIGIN: Origin | None = None  # of this process's warm ones; a worker is given one


@contextmanager
def _tools(unit: Unit) -> Iterator[Tools]:
    """The tools of this process for a unit; two threads never have the same ones."""
    idle = _IDLE.setdefault(unit.version, [])
    tools = idle.pop() if idle else Tools(unit)
    try:
        yield tools
    finally:
        idle.append(tools)


def close() -> None:
    """End the warm processes of this process."""
    for idle in _IDLE.values():
        while idle:
            idle.pop().close()


@contextmanager
def _timed(spent: dict[str, float], name: str) -> Iterator[None]:
    start = time.thread_time()
    try:
        yield
    finally:
        spent[name] = spent.get(name, 0.0) + time.thread_time() - start


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


@cache
def _package_version() -> str:
    """A digest of this package: a changed question, mistake or sentence makes other grades or other feedback."""
    here = Path(__file__).parent.parent
    return _digest(f"{path.relative_to(here)} {path.read_text('utf-8')}" for path in sorted(here.rglob("*.py")))


atexit.register(close)
