"""Read a class's results: scores from nbgrader's gradebook, and verdicts from the graded notebooks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from nbformat import NotebookNode
from sqlalchemy import inspect, select

from grader.card import MIME
from grader.classroom import CourseError, submission
from grader.classroom.judging import breach_said
from grader.classroom.notes import Notes
from grader.classroom.result import Person, Result
from grader.nbgrader.course import directory
from grader.nbgrader.gradebook import RUN
from grader.words import COMMANDS, FEEDBACK, REPORT, SANDBOX


def results(root: Path, unit: str, db: str | None = None) -> list[Result]:
    """All results in a unit, sorted by student id; empty if nothing was graded.

    root: the course's folder.  db: the gradebook's URL; None for the configured one.
    Raises CourseError if there is no such gradebook, or no such unit in it.
    """
    from nbgrader import api

    of_unit = (api.Assignment.name == unit,)
    with _reading(root, db) as session:
        if not session.execute(select(api.Assignment.id).where(*of_unit)).first():
            raise CourseError(COMMANDS["not_in_gradebook"].format(unit=unit))
        submitted = (
            select(
                api.SubmittedAssignment.student_id,
                api.SubmittedAssignment.late_submission_penalty,
                api.SubmittedAssignment.timestamp,
                api.SubmittedAssignment.extension,
                api.Assignment.duedate,
            )
            .join(api.Assignment, api.Assignment.id == api.SubmittedAssignment.assignment_id)
            .where(*of_unit)
        )
        graded = (
            select(
                api.SubmittedAssignment.student_id,
                api.BaseCell.name,
                api.Notebook.name,
                api.Grade.score,
                api.Grade.max_score,
                api.Grade.needs_manual_grade,
            )
            .select_from(api.Grade)
            .join(api.BaseCell, api.BaseCell.id == api.Grade.cell_id)
            .join(api.SubmittedNotebook, api.SubmittedNotebook.id == api.Grade.notebook_id)
            .join(api.Notebook, api.Notebook.id == api.SubmittedNotebook.notebook_id)
            .join(api.SubmittedAssignment, api.SubmittedAssignment.id == api.SubmittedNotebook.assignment_id)
            .join(api.Assignment, api.Assignment.id == api.SubmittedAssignment.assignment_id)
            .where(*of_unit)
        )
        penalties, times = dict[str, float](), dict[str, dict[str, Any]]()
        for student, penalty, *when in session.execute(submitted):
            penalties[student], times[student] = float(penalty or 0), _times(*when)
        in_unit = api.Assignment.id == api.Notebook.assignment_id
        names = sorted(session.scalars(select(api.Notebook.name).join(api.Assignment, in_unit).where(*of_unit)))
        grades: dict[str, list[_Graded]] = {student: [] for student in penalties}
        for student, name, notebook, score, worth, waits in session.execute(graded):
            grades[student].append(_Graded(notebook, name, float(score or 0), float(worth), bool(waits)))
        runs = _runs(session, unit)
    dirs, found, called = directory(root), [], _called(names)
    for student, given in sorted(grades.items()):
        run = runs.get(student, {})
        folder = Path(dirs.format_path(dirs.autograded_directory, student, unit))
        kept, notes = run.pop("notes", {}), list[tuple[str, Notes]]()
        beside = kept.pop("", ())
        for name in names:
            points = {one.cell: one.points for one in given if one.notebook == name}
            if read := _notes(folder / f"{name}.ipynb", kept, points):
                notes.append((name, read))
        found.append(
            replace(_result(notes, student, sorted(given), penalties[student], called, beside), **times[student], **run)
        )
    return found


class _Graded(NamedTuple):
    """A graded cell's row in the gradebook.  waits: for a person to grade it."""

    notebook: str
    cell: str
    score: float
    points: float
    waits: bool


Called = Callable[[str, str], str]  # (notebook, grade_id) -> what a cell is called in the unit


def _called(notebooks: list[str]) -> Called:
    """The function that names a unit's cells: by grade_id, preceded by the notebook's name if there are several."""
    if len(notebooks) == 1:
        return lambda notebook, cell: cell
    return lambda notebook, cell: f"{notebook}/{cell}"


def notebooks(root: Path, unit: str, db: str | None = None) -> list[str]:
    """The names of a unit's notebooks in the gradebook, sorted.  Raises CourseError if there is no gradebook."""
    from nbgrader import api

    with _reading(root, db) as session:
        in_unit = (api.Assignment.id == api.Notebook.assignment_id, api.Assignment.name == unit)
        return sorted(session.scalars(select(api.Notebook.name).join(api.Assignment, in_unit[0]).where(in_unit[1])))


def _times(handed_in: datetime | None, extension: timedelta | None, due: datetime | None) -> dict[str, Any]:
    """The fields of Result that say when a submission was handed in, and how late."""
    late = (handed_in - due - (extension or timedelta())).total_seconds() if handed_in and due else 0.0
    return {"handed_in": handed_in, "seconds_late": max(0.0, late)}


def _runs(session: Any, unit: str) -> dict[str, dict[str, Any]]:
    """``{student: fields of Result, and notes}`` of what ``grader grade`` graded; nbgrader keeps no such data."""
    tables = inspect(session.connection())
    if not tables.has_table(RUN.name):
        return {}
    there = {column["name"] for column in tables.get_columns(RUN.name)}  # fewer if an earlier version made the table
    rows = session.execute(select(*(column for column in RUN.c if column.name in there)).where(RUN.c.unit == unit))
    return {
        run.student: {
            "seconds": run.seconds,
            "memory": None if run.memory is None else int(run.memory),
            "confined": run.confined,
            "aside": run.aside or "",
            "notes": json.loads(getattr(run, "notes", None) or "{}"),
        }
        for run in rows
    }


def units(root: Path, db: str | None = None) -> list[str]:
    """The names of the units in the gradebook, sorted.  Raises CourseError if there is no gradebook."""
    from nbgrader import api

    with _reading(root, db) as session:
        return sorted(session.scalars(select(api.Assignment.name)))


def people(root: Path, db: str | None = None) -> dict[str, Person]:
    """``{id: Person}`` of the students in the gradebook.  Raises CourseError if there is no gradebook."""
    from nbgrader import api

    columns = (api.Student.id, api.Student.first_name, api.Student.last_name, api.Student.email)
    with _reading(root, db) as session:
        return {row[0]: Person(*(entry or "" for entry in row)) for row in session.execute(select(*columns))}


@contextmanager
def _reading(root: Path, db: str | None) -> Iterator[Any]:
    """A database session for reading.  Raises CourseError if there is no gradebook; nbgrader's class would make one."""
    from sqlalchemy import create_engine
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.orm import Session

    shown = db = db or str(directory(root).db_url)
    try:
        url = make_url(db)
        shown = url.render_as_string(hide_password=True)
        if url.drivername.startswith("sqlite") and url.database and not Path(root, url.database).exists():
            raise CourseError(COMMANDS["no_gradebook"].format(db=shown))  # connecting would make an empty one
        engine = create_engine(url)
        try:
            if not inspect(engine).has_table("submitted_assignment"):
                raise CourseError(COMMANDS["no_gradebook"].format(db=shown))
            with Session(engine) as session:
                yield session
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError) as why:  # ImportError: the database's driver
        raise CourseError(COMMANDS["unread_gradebook"].format(db=shown, why=str(why).partition("\n")[0])) from why


def _result(
    notes: Iterable[tuple[str, Notes]],
    student: str,
    grades: list[_Graded],
    penalty: float,
    called: Called,
    beside: Sequence[str],
) -> Result:
    """A submission's Result, from its rows in the gradebook and the notes of its notebooks.

    notes: (notebook, its notes).  beside: remarks on the folder and its time.
    """
    points = {called(one.notebook, one.cell): one.points for one in grades}
    verdicts, told = dict[str, Any](), dict[str, str]()
    remarks, breaches, unreadable = list(beside), list[str](), False
    asked, inside, order = dict[str, str](), list[str](), list[str]()
    for notebook, found in notes:
        verdicts |= {called(notebook, cell): said for cell, said in found.verdicts.items()}
        told |= {called(notebook, cell): why for cell, why in found.unjudged.items()}
        which = called(notebook, "").removesuffix("/")
        remarks += [f"{which}: {remark}" if which else remark for remark in found.remarks]
        breaches += [breach_said(called(notebook, id) if id else id, limit) for id, limit in found.breaches]
        unreadable = unreadable or found.unreadable
        asked |= {called(notebook, cell): id for cell, id in found.asked.items()}
        inside += [called(notebook, cell) for cell in found.inside]
        order += [called(notebook, cell) for cell in found.order]
    # A question needs a verdict; if a notebook's notes do not say which cells ask one, all cells do.
    silent = {cell for cell in points if cell not in order or cell in asked}
    unjudged = {**dict.fromkeys(silent, REPORT["no_card"]), **told}
    return Result(
        student,
        {called(one.notebook, one.cell): one.score for one in grades},
        points,
        {cell: said for cell, said in verdicts.items() if cell in points},
        tuple(dict.fromkeys(remarks)),
        penalty,
        {cell: unjudged[cell] for cell in points if cell in unjudged and cell not in verdicts},
        unreadable,
        tuple(breaches),
        tuple(called(one.notebook, one.cell) for one in grades if one.waits),
        asked=asked,
        inside=tuple(inside),
        order=tuple(order),
    )


def _notes(path: Path, kept: Mapping[str, Any], points: Mapping[str, float]) -> Notes | None:
    """The Notes of one of a submission's notebooks; None if there are none.

    path: the autograded notebook.  Its notes come first, since nbgrader may have graded it again.  Other notebooks in
        the same folder are copies of what the student handed in, with any notes the student put there.
    kept: ``{notebook: notes as data}`` from the gradebook, for notebooks without a file.
    points: ``{grade_id: points}``.
    """
    if path.exists():
        nb = nbformat.read(path, as_version=4)
        return Notes.of(nb) or _notes_before(nb, points)
    return Notes.from_data(kept.get(path.stem))


# --- notebooks graded by a version that kept no notes: they are reconstructed from the cells


def _notes_before(nb: NotebookNode, points: Mapping[str, float]) -> Notes:
    """Notes reconstructed from a notebook's cells; a student's output that repeats our sentences can mislead this."""
    cells = {submission.grade_id(cell): cell for cell in nb.cells if submission.grade_id(cell) in points}
    verdicts = {name: said for name, cell in cells.items() if (said := _verdict(cell, points[name]))}
    keys = {text: key for key, text in SANDBOX.items()}
    (first, *_) = nb.cells or [None]
    top = str(first.source) if first is not None and first.get("id") == submission.REMARKS else ""
    return Notes(
        unreadable=FEEDBACK["unreadable"] in top,
        remarks=[line[2:] for line in top.splitlines() if line.startswith("- ")],
        verdicts=verdicts,
        unjudged={name: why for name, cell in cells.items() if name not in verdicts and (why := _why(cell))},
        breaches=[
            [submission.grade_id(cell), keys[text]]
            for cell in nb.cells
            for output in cell.get("outputs", [])
            if output.output_type == "stream" and (text := output.text.removesuffix("\n")) in keys
        ],
    )


def _verdict(cell: NotebookNode, points: float) -> dict[str, Any] | None:
    """The judge's verdict on what a graded cell checks, as data, among its outputs; None if there is no valid one."""
    for output in cell.get("outputs", []):
        data = output.get("data", {}).get(MIME)
        if output.output_type != "execute_result" or not isinstance(data, dict):
            continue
        score: Any = data.get("score")
        if (
            cell.source.startswith(f'check("{data.get("question")}"')
            and type(score) in (int, float)
            and 0 <= score <= points
        ):
            return data
    return None


def _why(cell: NotebookNode) -> str:
    """Why a graded cell has no verdict, from the card shown in place of one; "" if there is no card."""
    for output in cell.get("outputs", []):
        html = output.get("data", {}).get("text/html")
        if output.output_type == "execute_result" and isinstance(html, str):
            return unescape(re.sub("<[^>]*>", "", html)).partition("— ")[2]
    return ""
