"""One submission graded: bytes in, results out.  Nothing here reads a file, writes one, or knows a gradebook.

What comes out is what ``nbgrader autograde`` and ``nbgrader generate_feedback`` make of the same submission with the
same configuration.  ``grade`` runs in worker processes, on this machine or on others.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from nbformat import NotebookNode

from grader.classroom import CourseError, bounded, judging, submission
from grader.classroom.bounded import BoundedProcess
from grader.nbgrader.job import Aside, Graded, GradedNotebook, Job, Unit
from grader.nbgrader.resources import PROCESS
from grader.nbgrader.steps import Steps
from grader.sandbox import SandboxError
from grader.sandbox.forkserver import ForkServer
from grader.sandbox.zygote import Usage
from grader.words import COMMANDS, FEEDBACK, LANGUAGE

# What runs a mended notebook in place and judges it, beside the released one: remarks, and what the run took.
Run = Callable[[NotebookNode, NotebookNode], tuple[list[str], Usage]]


def begin(requests: socket.socket | None) -> None:
    """Get a worker process ready.  requests: the socket of the common fork server, if there is one."""
    PROCESS.fork_server = ForkServer(requests) if requests else None
    PROCESS.bounded.get_ready()  # before there is another thread


def grade(unit: Unit, job: Job) -> Graded:
    """Grade one submission.

    Raises Aside; SandboxError where students' code cannot be run here at all; CourseError where this process speaks
    another language than whoever asks.
    """
    if unit.language != LANGUAGE:
        raise CourseError(COMMANDS["other_language"].format(ours=LANGUAGE, theirs=unit.language))
    torch.set_num_threads(1)  # there are as many workers as cores
    return _Submission(unit, job).graded_by_running()


def set_aside(unit: Unit, job: Job, why: str) -> Graded:
    """What is written of a submission that cannot be graded: no points, nothing run, and the reason on its page."""
    unread = Job(job.student, dict.fromkeys(job.notebooks, why), job.record, job.seconds_late)
    graded = _Submission(unit, unread).graded_by(lambda nb, trusted: (judging.not_run(nb, trusted), Usage()))
    graded.aside = why
    return graded


class _Submission:
    """One submission on its way from bytes to results."""

    def __init__(self, unit: Unit, job: Job):
        self.unit, self.job = unit, job
        self.graded = Graded(job.student, confined=unit.confined)

    def graded_by_running(self) -> Graded:
        self.zygote = PROCESS.lend(self.unit.confined)  # gets ready while the submission is read and problems are drawn
        try:
            return self.graded_by(self._run)
        finally:
            PROCESS.take_back(self.zygote)

    def graded_by(self, run: Run) -> Graded:
        with PROCESS.bounded.borrowed() as process:
            for name, trusted in PROCESS.released(self.unit).items():
                if name in self.job.notebooks:
                    self.graded.notebooks[name] = self._notebook(name, trusted, run, process)
        return self.graded

    def _run(self, nb: NotebookNode, trusted: NotebookNode) -> tuple[list[str], Usage]:
        """Run a mended notebook's cells in the sandbox, and judge them.  Raises SandboxError and Aside."""
        try:
            return self._run_once(nb, trusted)
        except SandboxError:
            self.zygote.close()
            self.zygote = PROCESS.lend(self.unit.confined)
            self.zygote.run([], [])  # where not even this works, the machine is to blame
        try:
            return self._run_once(nb, trusted)
        except SandboxError as why:
            raise Aside(COMMANDS["no_process"].format(why=why)) from why

    def _run_once(self, nb: NotebookNode, trusted: NotebookNode) -> tuple[list[str], Usage]:
        unit = self.unit
        remarks = judging.run(nb, trusted, self.zygote, unit.limits, unit.secret, self.job.student, PROCESS.shown)
        return remarks, self.zygote.used

    def _notebook(self, name: str, trusted: NotebookNode, run: Run, process: BoundedProcess) -> GradedNotebook:
        job, graded = self.job, self.graded
        nb, resources = self._read(name, process)
        graded.remarks += submission.remarks(nb)
        with _timed(graded.spent, "judging"):
            remarks, usage = run(nb, trusted)
        graded.remarks += remarks
        graded.usage = graded.usage + usage
        limit, given = self.unit.limits.page_seconds, (resources, job.record, job.seconds_late)
        try:
            return self._bounded(process, "pages", limit, "finish", nb, *given, False)
        except Exception:  # the grade counts, whatever became of the page
            nb = submission.noted(nb, FEEDBACK["plain_page"])
            graded.remarks.append(FEEDBACK["plain_page"])
            return self._bounded(process, "pages", limit, "finish", nb, *given, True)

    def _read(self, name: str, process: BoundedProcess) -> tuple[NotebookNode, dict[str, Any]]:
        """What is to be run of a notebook; where it cannot be read in time and memory, what says so in its place."""
        handed_in, limit, who = self.job.notebooks[name], self.unit.limits.reading_seconds, self.job.student
        try:
            return self._bounded(process, "reading", limit, "read", who, name, handed_in)
        except bounded.GAVE_UP as why:
            return self._bounded(process, "reading", limit, "read", who, name, bounded.unread(why))

    def _bounded(self, process: BoundedProcess, part: str, seconds: float, step: str, *arguments: Any) -> Any:
        """A method of the unit's ``Steps``, done in that process."""
        unit, spent = self.unit, self.graded.spent
        process.make(unit.version, Steps, unit.name, unit.released, unit.config)
        done = process.ask(unit.version, step, *arguments, seconds=seconds)
        spent[part] = spent.get(part, 0.0) + process.spent
        return done


@contextmanager
def _timed(spent: dict[str, float], name: str) -> Iterator[None]:
    start = time.thread_time()
    try:
        yield
    finally:
        spent[name] = spent.get(name, 0.0) + time.thread_time() - start
