"""Grade one submission: bytes in, results out, without reading or writing a file or a gradebook.

The results are those that ``nbgrader autograde`` and ``nbgrader generate_feedback`` produce for the same submission
with the same configuration.  ``grade`` runs in worker processes, on this machine or on others.
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
from grader.classroom.judging import Rules
from grader.nbgrader.job import Aside, Graded, GradedNotebook, Job, Unit
from grader.nbgrader.resources import PROCESS
from grader.nbgrader.steps import Steps
from grader.pack import PackError
from grader.sandbox import SandboxError
from grader.sandbox.forkserver import ForkServer
from grader.sandbox.zygote import Usage
from grader.words import COMMANDS, FEEDBACK, LANGUAGE

# Runs and judges a mended notebook in place by its Rules; returns remarks and what the run used.
Run = Callable[[NotebookNode, Rules], tuple[list[str], Usage]]


def begin(requests: socket.socket | None) -> None:
    """Prepare a worker process.  requests: the socket of the fork server that workers share, if there is one."""
    PROCESS.fork_server = ForkServer(requests) if requests else None
    PROCESS.bounded.get_ready()  # by a fork, which is safe only while there is no other thread


def grade(unit: Unit, job: Job) -> Graded:
    """Grade one submission.

    Raises Aside if this submission cannot be graded but others can, SandboxError if students' code cannot be run here
    at all, and CourseError if this process's language is not the unit's, or if a pack cannot be loaded here.
    """
    if unit.language != LANGUAGE:
        raise CourseError(COMMANDS["other_language"].format(ours=LANGUAGE, theirs=unit.language))
    torch.set_num_threads(1)  # workers, not threads, make use of the cores
    try:
        PROCESS.rules(unit)
    except PackError as why:
        raise CourseError(str(why)) from why
    return _Submission(unit, job).graded_by_running()


def set_aside(unit: Unit, job: Job, why: str) -> Graded:
    """The results for a submission that cannot be graded: no points, nothing run, and ``why`` on its feedback page."""
    unread = Job(job.student, dict.fromkeys(job.notebooks, why), job.record, job.seconds_late, person=job.person)
    graded = _Submission(unit, unread).graded_by(lambda nb, rules: (judging.not_run(nb, rules), Usage()))
    graded.aside = why
    return graded


class _Submission:
    """One submission on its way from bytes to results."""

    def __init__(self, unit: Unit, job: Job):
        self.unit, self.job = unit, job
        self.graded = Graded(job.student, confined=unit.confined)

    def graded_by_running(self) -> Graded:
        self.zygote = PROCESS.lend(self.unit.confined)  # starts up while the submission is read and problems are drawn
        try:
            return self.graded_by(self._run)
        finally:
            PROCESS.take_back(self.zygote)

    def graded_by(self, run: Run) -> Graded:
        with PROCESS.bounded.borrowed() as process:
            for name, rules in PROCESS.rules(self.unit).items():
                if name in self.job.notebooks:
                    self.graded.notebooks[name] = self._notebook(name, rules, run, process)
        return self.graded

    def _run(self, nb: NotebookNode, rules: Rules) -> tuple[list[str], Usage]:
        """Run a mended notebook's cells in the sandbox and judge them, with a second try in a new zygote.

        Raises Aside if both tries fail, and SandboxError if not even an empty notebook can be run.
        """
        try:
            return self._run_once(nb, rules)
        except SandboxError:
            self.zygote.close()
            self.zygote = PROCESS.lend(self.unit.confined)
            self.zygote.run([], [])  # if this fails too, the fault is the machine's and not the submission's
        try:
            return self._run_once(nb, rules)
        except SandboxError as why:
            raise Aside(COMMANDS["no_process"].format(why=why)) from why

    def _run_once(self, nb: NotebookNode, rules: Rules) -> tuple[list[str], Usage]:
        unit = self.unit
        remarks = judging.run(nb, rules, self.zygote, unit.limits, unit.secret, self.job.student, PROCESS.shown)
        return remarks, self.zygote.used

    def _notebook(self, name: str, rules: Rules, run: Run, process: BoundedProcess) -> GradedNotebook:
        job, graded = self.job, self.graded
        nb, resources = self._read(name, process)
        resources["nbgrader"]["person"] = job.person
        if name in job.notes:
            nb = submission.noted(nb, job.notes[name])
        which = f"{name}: " if len(self.unit.released) > 1 else ""
        graded.remarks += [which + remark for remark in submission.remarks(nb)]
        with _timed(graded.spent, "judging"):
            remarks, usage = run(nb, rules)
        graded.remarks += [which + remark for remark in remarks]
        graded.usage = graded.usage + usage
        limit, given = self.unit.limits.page_seconds, (resources, job.record, job.seconds_late)
        try:
            return self._bounded(process, "pages", limit, "finish", nb, *given, False)
        except Exception:  # a page that cannot be laid out must not cost the grade
            nb = submission.noted(nb, FEEDBACK["plain_page"])
            graded.remarks.append(FEEDBACK["plain_page"])
            return self._bounded(process, "pages", limit, "finish", nb, *given, True)

    def _read(self, name: str, process: BoundedProcess) -> tuple[NotebookNode, dict[str, Any]]:
        """The notebook to run and nbgrader's resources; if reading takes too long or too much, a notebook saying so."""
        handed_in, limit, who = self.job.notebooks[name], self.unit.limits.reading_seconds, self.job.student
        try:
            return self._bounded(process, "reading", limit, "read", who, name, handed_in)
        except bounded.GAVE_UP as why:
            return self._bounded(process, "reading", limit, "read", who, name, bounded.unread(why))

    def _bounded(self, process: BoundedProcess, part: str, seconds: float, step: str, *arguments: Any) -> Any:
        """Call a method of the unit's ``Steps`` in the bounded process, and add its CPU time to ``spent[part]``."""
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
