"""Figures, not tests: a class graded by plain nbgrader, and by ``grader grade``.  Run with ``make bench-class``.

Everything is measured in one run, since what matters are ratios: the machine may be slow, or busy with other things.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import pickle
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from datetime import date
from pathlib import Path
from typing import Any

import nbformat
from courses import postgresql

from grader.classroom import submission
from grader.classroom.workers import Worker
from grader.demo import sample
from grader.nbgrader import autograde, command, course
from grader.nbgrader.folders import Course
from grader.nbgrader.job import Job, Unit
from grader.sandbox.limits import Limits

ROOT = Path(__file__).parent.parent
CURVE = (10, 100, int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
PLAIN = (2, 14)  # submissions; the difference leaves out what nbgrader does once a run
WARM = 100
JOBS = os.cpu_count() or 1
LOOK = 3.0  # seconds

PLAIN_CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "gradients"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
"""

# Every cell in one process that has been warm for long, in IPython as it comes: no fork, no sandbox, no judge.  Once
# with a check that does nothing, and once with one that puts ready-made problems to the answers.
FLOOR = """
import json, sys, time
import torch, numpy
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config
import grader
from grader.probe import probe
torch.set_num_threads(1)
config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=config)
calls = {q.id: [problem.call for problem in q.problems()] for q in grader.questions() if q.unit == "vjp"}
books = json.load(sys.stdin)
for check in (lambda *arguments: None, lambda id, answer: [probe(answer, call) for call in calls[id]] and None):
    grader.check = check
    for cells in [*books[:5], None, *books]:
        if cells is None:
            start = time.perf_counter()
            continue
        for source in cells:
            with capture_output():
                shell.run_cell(source, store_history=True)
    print(time.perf_counter() - start)
"""


def crowd(count: int, broken: bool = True) -> list[sample.Student]:
    """The first ``count`` of the class; without those that broke their notebooks, which end plain nbgrader's run."""
    students = sample.crowd(10 * count)
    return [s for s in students if broken or not (s.edit or s.file)][:count]


def handed_in(folder: Path, students: Sequence[sample.Student], plain: bool = False) -> Path:
    sample.lay_out(folder)
    if plain:
        (folder / course.CONFIG).write_text(PLAIN_CONFIG)
    course.nbgrader(folder, folder / "state", "generate_assignment", sample.UNIT)
    sample.hand_in(folder, students)
    return folder


def seconds(folder: Path, *arguments: str) -> float:
    """On the clock, of one command in a course."""
    start = time.perf_counter()
    course.nbgrader(folder, folder / "state", *arguments)
    return time.perf_counter() - start


def plain_nbgrader(scratch: Path) -> tuple[float, float]:
    """Seconds a submission of nbgrader's own autograde and generate_feedback."""
    found = []
    for step in ("autograde", "generate_feedback"):
        times = []
        for count in PLAIN:
            folder = scratch / f"plain-{count}"
            if not folder.exists():
                handed_in(folder, crowd(count, broken=False), plain=True)
            times.append(seconds(folder, step, sample.UNIT))
        found.append((times[1] - times[0]) / (PLAIN[1] - PLAIN[0]))
    return found[0], found[1]


def floor() -> tuple[float, float]:
    """Seconds a submission that its cells take in one warm process: alone, and with what their checks call."""
    name = Path(sample.UNIT) / f"{sample.UNIT}.ipynb"
    solution = nbformat.read(sample.COURSE / "solutions" / name, as_version=4)
    released = nbformat.read(sample.COURSE / "exercises" / name, as_version=4)
    made = [s.submission(solution, released) for s in crowd(WARM, broken=False)]
    nbs = [submission.mend(submission.read(data), released) for data in made]
    books = [[cell.source for cell in nb.cells if cell.cell_type == "code"] for nb in nbs]
    done = subprocess.run(
        [sys.executable, "-c", FLOOR],
        input=json.dumps(books),
        cwd=sample.COURSE,
        capture_output=True,
        text=True,
        check=True,
    )
    alone, probed = (float(line) / WARM for line in done.stdout.split())
    return alone, probed


@contextlib.contextmanager
def watched(process: subprocess.Popen[str]) -> Iterator[list[int]]:
    """Bytes of memory of a process and all below it, each shared page counted once, every few seconds.

    To look is work for the kernel: twice a second, it took a twentieth of the machine.
    """
    seen, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(LOOK):
            seen.append(sum(map(proportional, family(process.pid))))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def family(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(place.name))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += parents.get(found[-1], [])
    return found


def proportional(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def ours(folder: Path, jobs: int, *options: str) -> dict[str, float]:
    """One run of ``grader grade --force``."""
    start, before = time.perf_counter(), os.times()
    process = subprocess.Popen(
        [sys.executable, "-m", "grader.cli", "grade", sample.UNIT, "--force", "--json", "--jobs", str(jobs), *options],
        cwd=folder,
        env=course.environment(folder / "state"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with watched(process) as memory:
        out, _ = process.communicate()
    clock, after = time.perf_counter() - start, os.times()
    said = json.loads(out)
    graded = said["graded"]
    assert not said["failed"], said["failed"]
    count = len(graded)
    parts = {name: sum(g["spent"].get(name, 0) for g in graded) / count for name in ("reading", "judging", "pages")}
    main = after.children_user + after.children_system - before.children_user - before.children_system
    return {
        "seconds": clock,
        "each": clock / count,
        "memory": max(memory),
        "child": sum(g["cpu"] for g in graded) / count,
        "writer": main / count,
        **parts,
    }


class Instant(Executor):
    """A worker whose results are ready at once, so that only the process that reads and writes is measured."""

    def __init__(self, result: bytes):
        self.result = result

    def submit(self, work: Any, job: Job) -> Future[Any]:
        made, done = Future[Any](), pickle.loads(self.result)
        done.student = job.student
        made.set_result(done)
        return made


class Instants:
    def __init__(self, result: bytes):
        self.all = [Worker(Instant(result), most=4)]

    def replace(self, worker: Worker) -> None:
        raise AssertionError("nothing dies here")

    def close(self) -> None:
        pass


def writer(scratch: Path) -> None:
    """How fast one process reads new submissions and writes what comes of them: one in each transaction, and many."""
    folder = handed_in(scratch / "writer", [s for s in sample.CLASS if s.name == "deniz"])
    secret, place = course.secret(folder), folder / "submitted" / "deniz" / sample.UNIT
    data = (place / f"{sample.UNIT}.ipynb").read_bytes()
    released = {sample.UNIT: (folder / "exercises" / sample.UNIT / f"{sample.UNIT}.ipynb").read_text("utf-8")}
    unit = Unit(sample.UNIT, released, course.configuration(folder), Limits(), secret)
    result = pickle.dumps(autograde.grade(unit, Job("deniz", {sample.UNIT: data})))
    terms = iter(range(100))

    def run(db: str | None, most: int, count: int) -> tuple[float, float, list[int]]:
        """Submissions a second, seconds of processor time for each, and bytes of memory after each tenth of them."""
        command.MOST_AT_ONCE, seen, term = most, list[int](), next(terms)
        shutil.rmtree(folder / "submitted")
        for k in range(count):
            there = folder / "submitted" / f"student-{term}-{k:05}" / sample.UNIT
            there.mkdir(parents=True)
            (there / f"{sample.UNIT}.ipynb").write_bytes(data)

        def on_progress(outcome: command.Outcome, count: int) -> None:
            if len(outcome.graded) % max(1, count // 10) == 0:
                seen.append(proportional(os.getpid()))

        start, cpu = time.perf_counter(), time.process_time()
        done = command.grade_class(Course(folder, sample.UNIT, db), lambda: Instants(result), on_progress=on_progress)
        clock = time.perf_counter() - start
        assert not done.failed, done.failed
        return len(done.graded) / clock, (time.process_time() - cpu) / len(done.graded), seen

    usual = command.MOST_AT_ONCE
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # as the command does
    with postgresql() as server:
        if server:
            course.nbgrader(folder, folder / "state", "generate_assignment", sample.UNIT, "--force", "--db", server)
        for name, db in (("SQLite", None), ("PostgreSQL", server)):
            if db == "":
                print("writer, PostgreSQL   not installed here")
                continue
            for what, most in (("one by one", 1), (f"{usual} at once", usual)):
                rate, cpu, _ = run(db, most, CURVE[-1])
                print(f"writer, {name}, {what:12} {rate:6.0f} a second, {cpu * 1e3:.2f} ms of a processor each")
    rate, _, seen = run(None, usual, 10 * CURVE[-1])
    first, last = (seen[k] / 2**20 for k in (0, -1))
    said = f"{first:.0f} MiB after a tenth, {last:.0f} MiB at the end"
    print(f"writer, {10 * CURVE[-1]} submissions: {rate:6.0f} a second; {said}")


def main() -> None:
    if sys.argv[2:] == ["writer"]:
        with tempfile.TemporaryDirectory(prefix="bench-class-") as folder:
            writer(Path(folder))
        return
    scratch = Path(tempfile.mkdtemp(prefix="bench-class-"))
    try:
        print(f"{date.today():%Y-%m-%d}, {platform.machine()}, {JOBS} processors, Python {platform.python_version()}")
        autograde, feedback = plain_nbgrader(scratch)
        plain = autograde + feedback
        print(f"plain nbgrader       {plain:8.3f} s a submission: {autograde:.3f} autograde, {feedback:.3f} feedback")
        alone, probed = floor()
        print(f"its cells, warm        {alone:8.4f} s a submission, no fork, no sandbox, no judge")
        print(f"  with their checks' calls {probed:.4f} s, problems ready-made")
        big = handed_in(scratch / "ours", crowd(CURVE[-1]))
        runs = {jobs: ours(big, jobs) for jobs in sorted({1, JOBS})}
        for jobs, run in runs.items():
            cpu = sum(run[name] for name in ("child", "reading", "judging", "pages", "writer"))
            speed = f"{run['each']:8.4f} s a submission ({cpu:.4f} s of processors), {1 / run['each']:5.1f} a second"
            times = (
                f"{plain / run['each']:5.1f} times nbgrader's speed, {run['each'] / probed:4.1f} times its cells' time"
            )
            print(f"grade, jobs {jobs}        {speed}: {times}; {run['memory'] / 2**20:.0f} MiB")
        naked = ours(big, JOBS, "--no-sandbox")
        print(f"  jobs {JOBS}, --no-sandbox {naked['each']:8.4f} s a submission")
        best = runs[1]
        whole = sum(best[name] for name in ("child", "reading", "judging", "pages", "writer"))
        print(f"CPU, 1 job           {whole:8.4f} s a submission, of which")
        for name, what in (
            ("child", "in the fork: cells, probes, shell, confinement"),
            ("judging", "posing and judging"),
            ("reading", "reading and mending"),
            ("pages", "notebook and feedback page"),
            ("writer", "reading files, gradebook, writing files, starting up"),
        ):
            print(f"  {best[name]:8.4f} s  {best[name] / whole:4.0%}  {what}")
        writer(scratch)
        print("curve                    seconds   a submission   memory")
        for count in CURVE[:-1]:
            run = ours(handed_in(scratch / f"curve-{count}", crowd(count)), JOBS)
            print(f"  {count:6}  {run['seconds']:20.1f}   {run['each']:10.4f}   {run['memory'] / 2**20:6.0f} MiB")
        run = runs[JOBS]
        print(f"  {CURVE[-1]:6}  {run['seconds']:20.1f}   {run['each']:10.4f}   {run['memory'] / 2**20:6.0f} MiB")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
