"""Helpers for tests of whole classes: a course with submissions, and all results of grading, in a comparable form."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbgrader import api
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from grader.classroom.workers import Worker
from grader.demo import sample
from grader.nbgrader import course

from support import SAMPLE

ROOT = Path(__file__).parent.parent
UNIT = sample.UNIT
NOTEBOOK = f"{UNIT}/{UNIT}.ipynb"
RELEASED = nbformat.read(sample.COURSE / "exercises" / NOTEBOOK, as_version=4)
# Of each question that the sample class is asked: the cell that checks it, and what it is worth.
CELLS = sample.checks(RELEASED)
POINTS = {id: float(SAMPLE.questions[id].points) for id in CELLS}


def handed_in(folder: Path, students) -> Path:
    """A course in which these students have handed in, and nothing is graded."""
    sample.lay_out(folder)
    assert course.api(folder).generate_assignment(UNIT)["success"]
    sample.hand_in(folder, students)
    course.secret(folder)
    return folder


def copy_course(root: Path, folder: Path, names: Iterable[str]) -> None:
    """Copy a course's configuration and the source folders of the named units to ``folder``, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(root / course.CONFIG, folder)
    dirs = course.directory(root)
    for unit in names:
        source = Path(dirs.format_path(dirs.source_directory, ".", unit))
        there = folder / source.relative_to(root)
        shutil.copytree(source, there, ignore=shutil.ignore_patterns(".*", "__pycache__"))


def copied(folder: Path, other: Path) -> Path:
    """The same course again, its secret too, so that everybody meets the same hidden inputs."""
    shutil.copytree(folder, other)
    return other


def command(folder: Path, *arguments: str, unit: str = UNIT, **environment: str) -> subprocess.Popen:
    """``grader grade`` of a unit, as typed, in a course."""
    return subprocess.Popen(
        [sys.executable, "-m", "grader.cli", "grade", unit, *arguments],
        cwd=folder,
        env={**course.environment(folder / "state"), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Here:
    """A worker in this very process, for what has nothing to do with processes."""

    def __init__(self, executor: type[Executor] = ThreadPoolExecutor):
        self.all = [Worker(executor(1), most=2)]

    def replace(self, worker: Worker) -> None:
        raise AssertionError("nothing dies here")

    def close(self) -> None:
        self.all[0].executor.shutdown()


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    """``{path: (content, mode)}`` of what grading writes."""
    written = [path for step in ("autograded", "feedback") for path in (folder / step).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode) for path in written}


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'gradebook.db'}"


def content(db: str) -> dict[str, list]:
    """All that a gradebook says of submissions, without ids that are drawn at random."""
    engine = create_engine(db)
    of = (
        select(api.SubmittedAssignment.student_id, api.Notebook.name, api.BaseCell.name)
        .join(api.SubmittedNotebook, api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id)
        .join(api.Notebook, api.Notebook.id == api.SubmittedNotebook.notebook_id)
    )
    grade, comment = api.Grade, api.Comment
    queries = {
        "students": select(api.Student.id, api.Student.first_name, api.Student.email),
        "submissions": select(
            api.SubmittedAssignment.student_id,
            api.SubmittedAssignment.timestamp,
            api.SubmittedAssignment.extension,
            api.SubmittedNotebook.flagged,
            api.SubmittedNotebook.late_submission_penalty,
        ).join(api.SubmittedNotebook, api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id),
        "grades": of.add_columns(
            grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade, grade.score
        )
        .join(grade, grade.notebook_id == api.SubmittedNotebook.id)
        .join(api.BaseCell, api.BaseCell.id == grade.cell_id),
        "comments": of.add_columns(comment.auto_comment, comment.manual_comment)
        .join(comment, comment.notebook_id == api.SubmittedNotebook.id)
        .join(api.BaseCell, api.BaseCell.id == comment.cell_id),
    }
    with Session(engine) as session:
        found = {name: sorted(map(tuple, session.execute(query)), key=repr) for name, query in queries.items()}
    engine.dispose()
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def program(name: str) -> str:
    """Where PostgreSQL's program is; Debian keeps the server's out of PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(debian[-1]) if debian else "")


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """The URL of an empty database on a server of one's own; "" where PostgreSQL is not installed."""
    if not program("initdb"):
        yield ""
        return
    # The server refuses to be run by root; Debian's package brings a user for it.
    user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)
    who = {"user": user.pw_uid, "group": user.pw_gid} if user else {}
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    data, port = folder / "data", free_port()
    subprocess.run(
        [program("initdb"), "-D", data, "-U", "grader", "-A", "trust", "--no-sync"], check=True, **who, **quiet
    )
    server = subprocess.Popen(
        [program("postgres"), "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder], **who, **quiet
    )
    try:
        address = ["-h", "127.0.0.1", "-p", str(port), "-U", "grader"]
        end = time.monotonic() + 60
        while subprocess.run([program("createdb"), *address, "gradebook"], **quiet).returncode:
            assert time.monotonic() < end, "the server did not start"
            assert server.poll() is None, "the server ended"
            time.sleep(0.2)
        yield f"postgresql://grader@127.0.0.1:{port}/gradebook"
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)
