"""What tests of whole classes share: a course with submissions, and all that grading left, in a form to compare."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

from nbgrader import api
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from grader.classroom.workers import Worker
from grader.demo import sample
from grader.nbgrader import course

ROOT = Path(__file__).parent.parent
UNIT = sample.UNIT
NOTEBOOK = f"{UNIT}/{UNIT}.ipynb"


def handed_in(folder: Path, students) -> Path:
    """A course in which these students have handed in, and nothing is graded."""
    sample.lay_out(folder)
    assert course.api(folder).generate_assignment(UNIT)["success"]
    sample.hand_in(folder, students)
    course.secret(folder)
    return folder


def copied(folder: Path, other: Path) -> Path:
    """The same course again, its secret too, so that everybody meets the same hidden inputs."""
    shutil.copytree(folder, other)
    return other


def command(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen:
    """``grader grade`` of the unit, as typed, in a course."""
    return subprocess.Popen(
        [sys.executable, "-m", "grader.cli", "grade", UNIT, *arguments],
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
