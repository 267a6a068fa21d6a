"""What a class was given: scores from nbgrader's gradebook, and the judge's words from the graded notebooks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from html import unescape
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from sqlalchemy import Boolean, Column, Float, MetaData, String, Table, Text, inspect, select

from grader.classroom import submission
from grader.classroom.course import CourseError
from grader.words import CLASSROOM, REPORT, SANDBOX

# What ``grader grade`` did, beside nbgrader's own tables: under which rules, what it took, whom a person must look at.
RUN = Table(
    "grader_run",
    MetaData(),
    Column("unit", String(128), primary_key=True),
    Column("student", String(128), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("seconds", Float),  # on the clock, of the student's cells
    Column("cpu", Float),  # seconds of processor time
    Column("memory", Float),  # bytes at the most, beyond those of the process that was forked
    Column("confined", Boolean),
    Column("aside", Text),  # why a person must look; "" where all went well
)


@dataclass(frozen=True)
class Result:
    """One student's result in one unit.

    scores: ``{grade_id: points}`` as the gradebook has them, with what people gave by hand; points: what each is worth.
    penalty: points taken off for handing in late.
    verdicts: ``{grade_id: Verdict as data}``, where the judge gave one.
    unjudged: ``{grade_id: why}``, where the check did not get to a verdict.
    remarks: what was mended before grading, or why nothing could be graded.
    unreadable: the file was no notebook; what was graded are untouched exercises.
    breaches: limits that were reached, and where, a sentence each.
    by_hand: cells that wait for a score from a person.
    seconds: wall time of the run; memory: its peak in bytes; None where it was not measured.
    confined: whether the sandbox was on; None where it is not known.
    aside: why this submission could not be graded and needs a person; "" where it could.
    """

    student: str
    scores: Mapping[str, float] = field(default_factory=dict)
    points: Mapping[str, float] = field(default_factory=dict)
    verdicts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    penalty: float = 0.0
    unjudged: Mapping[str, str] = field(default_factory=dict)
    unreadable: bool = False
    breaches: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    seconds: float | None = None
    memory: int | None = None
    confined: bool | None = None
    aside: str = ""

    @property
    def score(self) -> float:
        """The total that the gradebook has: never below 0, whatever the penalty."""
        return max(0.0, sum(self.scores.values()) - self.penalty)


@dataclass(frozen=True)
class Person:
    """A student as the gradebook knows him; "" where it knows nothing."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""


def results(course: Path, unit: str, db: str | None = None) -> list[Result]:
    """Every student's result in a unit, by name; none where nothing was graded.

    course: the folder of gradebook.db and autograded/.  db: the gradebook's URL, where it is not that file.
    Raises CourseError where there is no such gradebook, or no such unit in it.
    """
    from nbgrader import api

    of_unit = (api.Assignment.name == unit,)
    with _reading(course, db) as session:
        if not session.execute(select(api.Assignment.id).where(*of_unit)).first():
            raise CourseError(CLASSROOM["not_in_gradebook"].format(unit=unit))
        submitted = (
            select(api.SubmittedAssignment.student_id, api.SubmittedAssignment.late_submission_penalty)
            .join(api.Assignment, api.Assignment.id == api.SubmittedAssignment.assignment_id)
            .where(*of_unit)
        )
        graded = (
            select(
                api.SubmittedAssignment.student_id,
                api.BaseCell.name,
                api.Grade.score,
                api.Grade.max_score,
                api.Grade.needs_manual_grade,
            )
            .select_from(api.Grade)
            .join(api.BaseCell, api.BaseCell.id == api.Grade.cell_id)
            .join(api.SubmittedNotebook, api.SubmittedNotebook.id == api.Grade.notebook_id)
            .join(api.SubmittedAssignment, api.SubmittedAssignment.id == api.SubmittedNotebook.assignment_id)
            .join(api.Assignment, api.Assignment.id == api.SubmittedAssignment.assignment_id)
            .where(*of_unit)
        )
        penalties = {student: float(penalty or 0) for student, penalty in session.execute(submitted)}
        grades: dict[str, list[tuple[str, float, float, bool]]] = {student: [] for student in penalties}
        for student, name, score, worth, waits in session.execute(graded):
            grades[student].append((name, float(score or 0), float(worth), bool(waits)))
        runs = _runs(session, unit)
    found = [_result(course, unit, student, sorted(grades[student]), penalties[student]) for student in sorted(grades)]
    return [replace(result, **runs.get(result.student, {})) for result in found]


def _runs(session: Any, unit: str) -> dict[str, dict[str, Any]]:
    """``{student: fields of Result}`` where ``grader grade`` did the grading; nbgrader's own notes nothing."""
    if not inspect(session.connection()).has_table(RUN.name):
        return {}
    return {
        run.student: {
            "seconds": run.seconds,
            "memory": None if run.memory is None else int(run.memory),
            "confined": run.confined,
            "aside": run.aside or "",
        }
        for run in session.execute(select(RUN).where(RUN.c.unit == unit))
    }


def units(course: Path, db: str | None = None) -> list[str]:
    """The units that the gradebook knows, by name.  Raises CourseError where there is no gradebook."""
    from nbgrader import api

    with _reading(course, db) as session:
        return sorted(session.scalars(select(api.Assignment.name)))


def people(course: Path, db: str | None = None) -> dict[str, Person]:
    """The students that the gradebook knows, by id.  Raises CourseError where there is no gradebook."""
    from nbgrader import api

    columns = (api.Student.id, api.Student.first_name, api.Student.last_name, api.Student.email)
    with _reading(course, db) as session:
        return {row[0]: Person(*(entry or "" for entry in row)) for row in session.execute(select(*columns))}


@contextmanager
def _reading(course: Path, db: str | None) -> Iterator[Any]:
    """A session that reads: nbgrader's own Gradebook makes what it does not find.  Raises CourseError."""
    from sqlalchemy import create_engine
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.orm import Session

    shown = db or str(course / "gradebook.db")
    try:
        url = make_url(db or f"sqlite:///{course / 'gradebook.db'}")
        shown = url.render_as_string(hide_password=True) if db else shown
        if url.drivername.startswith("sqlite") and url.database and not Path(course, url.database).exists():
            raise CourseError(CLASSROOM["no_gradebook"].format(db=shown))  # to connect would make an empty one
        engine = create_engine(url)
        try:
            if not inspect(engine).has_table("submitted_assignment"):
                raise CourseError(CLASSROOM["no_gradebook"].format(db=shown))
            with Session(engine) as session:
                yield session
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError) as why:  # ImportError: the database's driver
        raise CourseError(CLASSROOM["unread_gradebook"].format(db=shown, why=str(why).partition("\n")[0])) from why


def _result(
    course: Path, unit: str, student: str, grades: list[tuple[str, float, float, bool]], penalty: float
) -> Result:
    """What the gradebook has of one submission, and what its graded notebook says."""
    path = course / "autograded" / student / unit / f"{unit}.ipynb"
    nb = nbformat.read(path, as_version=4) if path.exists() else nbformat.v4.new_notebook()
    points = {name: worth for name, _, worth, _ in grades}
    checks = {submission.grade_id(cell): cell for cell in nb.cells if submission.grade_id(cell) in points}
    verdicts = {name: said for name, cell in checks.items() if (said := submission.verdict(cell, points[name]))}
    return Result(
        student,
        {name: score for name, score, _, _ in grades},
        points,
        verdicts,
        tuple(submission.remarks(nb)),
        penalty,
        {name: _why(cell) for name, cell in checks.items() if name not in verdicts},
        submission.was_unreadable(nb),
        tuple(_breaches(nb)),
        tuple(name for name, _, _, waits in grades if waits),
    )


def _why(cell: NotebookNode) -> str:
    """Why a graded cell has no verdict, from the card that stands in its place."""
    for output in cell.get("outputs", []):
        html = output.get("data", {}).get("text/html")
        if output.output_type == "execute_result" and isinstance(html, str):
            return unescape(re.sub("<[^>]*>", "", html)).partition("— ")[2]
    return REPORT["no_card"]


def _breaches(nb: NotebookNode) -> list[str]:
    """The limits that cells reached: the sentence that stands under such a cell, after its name."""
    sentences = set(SANDBOX.values())
    return [
        f"{submission.grade_id(cell) or CLASSROOM['own_cell']}: {text}"
        for cell in nb.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and (text := output.text.removesuffix("\n")) in sentences
    ]
