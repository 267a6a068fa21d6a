"""nbgrader's gradebook as grading writes it: each submission in one transaction, with what it was graded under.

The rows are those that ``nbgrader autograde`` writes.  Beside them one table of ours, ``grader_run``, keeps a
fingerprint of each submission and its rules, so that a run which was stopped goes on where it stood.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from nbgrader import api
from nbgrader.api import Gradebook, MissingEntry
from sqlalchemy import (
    DDL,
    Boolean,
    Column,
    Float,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from grader.classroom import CourseError
from grader.nbgrader.job import Graded, Record
from grader.words import COMMANDS

_STUDENT, _SUBMITTED, _NOTEBOOK = (t.__table__ for t in (api.Student, api.SubmittedAssignment, api.SubmittedNotebook))
_GRADE, _COMMENT, _CELL = (t.__table__ for t in (api.Grade, api.Comment, api.BaseCell))


@dataclass
class Known:
    """What the gradebook has of a student's submission; fingerprint: "" where it was not graded, or set aside."""

    record: Record = field(default_factory=Record)
    extension: timedelta | None = None
    fingerprint: str = ""


@dataclass(frozen=True)
class _Cells:
    """A notebook of the unit: its own id, and ``{grade_id: id}`` of the cells with grades and with comments."""

    id: str
    grades: Mapping[str, str]
    comments: Mapping[str, str]


class GradebookWriter:
    """The gradebook, open for one unit.  Every method raises CourseError where the database refuses."""

    def __init__(self, url: str, course_id: str, unit: str):
        """Open it.  Raises CourseError where the unit is not in it too."""
        self.url, self.unit = url, unit
        with self._told():
            self.gradebook = Gradebook(url, course_id)
            self.engine = self.gradebook.engine
            RUN.metadata.create_all(self.engine)
            _add_what_is_missing(self.engine)
            try:
                assignment = self.gradebook.find_assignment(unit)
            except MissingEntry as why:
                self.close()
                raise CourseError(COMMANDS["not_in_gradebook"].format(unit=unit)) from why
            self.assignment, self.due = assignment.id, assignment.duedate
            self.notebooks = {
                nb.name: _Cells(
                    nb.id,
                    {cell.name: cell.id for cell in (*nb.grade_cells, *nb.task_cells)},
                    {cell.name: cell.id for cell in (*nb.solution_cells, *nb.task_cells)},
                )
                for nb in assignment.notebooks
            }
            self.gradebook.db.remove()

    def close(self) -> None:
        self.gradebook.close()

    def known(self) -> dict[str, Known]:
        """``{student: Known}`` of every submission of this unit that the gradebook has."""
        mine = _SUBMITTED.c.assignment_id == self.assignment
        with self._told(), self.engine.connect() as connection:
            rows = connection.execute(select(_SUBMITTED.c.student_id, _SUBMITTED.c.extension).where(mine))
            found = {student: Known(Record({}, {}, {}), extension) for student, extension in rows}
            places = {_GRADE: ("manual_score", "extra_credit"), _COMMENT: ("manual_comment",)}
            parts = {"manual_score": "manual", "extra_credit": "extra", "manual_comment": "comments"}
            for table, names in places.items():
                for name in names:
                    rows = connection.execute(
                        select(_SUBMITTED.c.student_id, api.Notebook.__table__.c.name, _CELL.c.name, table.c[name])
                        .join(_NOTEBOOK, table.c.notebook_id == _NOTEBOOK.c.id)
                        .join(_SUBMITTED, _NOTEBOOK.c.assignment_id == _SUBMITTED.c.id)
                        .join(api.Notebook.__table__, _NOTEBOOK.c.notebook_id == api.Notebook.__table__.c.id)
                        .join(_CELL, table.c.cell_id == _CELL.c.id)
                        .where(mine, table.c[name].is_not(None))
                    )
                    for student, notebook, cell, value in rows:
                        getattr(found[student].record, parts[name])[notebook, cell] = value
            for run in connection.execute(select(RUN).where(RUN.c.unit == self.unit)):
                if run.student in found and not run.aside:
                    found[run.student].fingerprint = run.fingerprint
        return found

    def seconds_late(self, timestamp: datetime | None, extension: timedelta | None) -> float:
        """Seconds after the due date and a student's extension; 0 where there is no due date or no timestamp."""
        if timestamp is None or self.due is None:
            return 0.0
        return max(0.0, (timestamp - self.due - (extension or timedelta())).total_seconds())

    def put(self, graded: Graded, fingerprint: str, timestamp: datetime | None) -> None:
        """Write one submission's scores, comments and penalty, all or nothing."""
        with self._told(), self.engine.begin() as connection:
            notebooks = self._submission(connection, graded.student, timestamp)
            for name, cells in self.notebooks.items():
                done = graded.notebooks.get(name)
                penalty = done.penalty if done else None
                connection.execute(
                    update(_NOTEBOOK).where(_NOTEBOOK.c.id == notebooks[name]).values(late_submission_penalty=penalty)
                )
                # A notebook that was not handed in is worth nothing, and nobody need look at it.
                scores = done.scores if done else dict.fromkeys(cells.grades, 0.0)
                self._grades(connection, notebooks[name], cells.grades, scores, handed_in=done is not None)
                self._comments(connection, notebooks[name], cells.comments, done.comments if done else {})
            connection.execute(delete(RUN).where(RUN.c.unit == self.unit, RUN.c.student == graded.student))
            connection.execute(
                insert(RUN).values(
                    unit=self.unit,
                    student=graded.student,
                    fingerprint=fingerprint,
                    seconds=graded.usage.seconds,
                    cpu=graded.usage.cpu,
                    memory=graded.usage.memory,
                    confined=graded.confined,
                    aside=graded.aside,
                    notes=json.dumps({name: done.notes for name, done in graded.notebooks.items()}),
                )
            )

    def _submission(self, connection: Connection, student: str, timestamp: datetime | None) -> dict[str, str]:
        """Find or make the rows of a submission, and return the ids of its notebooks by name."""
        if not connection.execute(select(_STUDENT.c.id).where(_STUDENT.c.id == student)).first():
            connection.execute(insert(_STUDENT).values(id=student))
        mine = (_SUBMITTED.c.assignment_id == self.assignment, _SUBMITTED.c.student_id == student)
        submitted = connection.execute(select(_SUBMITTED.c.id).where(*mine)).scalar()
        if submitted is None:
            submitted = api.new_uuid()
            connection.execute(
                insert(_SUBMITTED).values(
                    id=submitted, assignment_id=self.assignment, student_id=student, timestamp=timestamp
                )
            )
        elif timestamp is not None:
            connection.execute(update(_SUBMITTED).where(_SUBMITTED.c.id == submitted).values(timestamp=timestamp))
        ids = [cells.id for cells in self.notebooks.values()]  # as in _at
        there = select(_NOTEBOOK.c.notebook_id, _NOTEBOOK.c.id).where(
            _NOTEBOOK.c.notebook_id.in_(ids), _NOTEBOOK.c.assignment_id == submitted
        )
        had: dict[str, str] = {row[0]: row[1] for row in connection.execute(there)}
        new = {cells.id: api.new_uuid() for cells in self.notebooks.values() if cells.id not in had}
        if new:
            rows = [{"id": id, "assignment_id": submitted, "notebook_id": of} for of, id in new.items()]
            connection.execute(insert(_NOTEBOOK), rows)
        return {name: {**had, **new}[cells.id] for name, cells in self.notebooks.items()}

    def _grades(
        self,
        connection: Connection,
        notebook: str,
        cells: Mapping[str, str],
        scores: Mapping[str, float | None],
        handed_in: bool,
    ) -> None:
        """Write automatic scores; what people gave stays, and then people are asked to look again, as in nbgrader."""
        found = select(_GRADE.c.cell_id, _GRADE.c.id, _GRADE.c.manual_score).where(*_at(_GRADE, notebook, cells))
        had = {cell: (id, manual) for cell, id, manual in connection.execute(found)}
        changed, new = [], []
        for name, cell in cells.items():
            score = scores.get(name)
            _, manual = had.get(cell, ("", None))
            by_hand = handed_in and (score is None or manual is not None)
            row = {"auto_score": score, "needs_manual_grade": by_hand}
            if cell in had:
                changed.append({"of": had[cell][0], **row})
            else:
                new.append({"id": api.new_uuid(), "notebook_id": notebook, "cell_id": cell, **row})
        _write(connection, _GRADE, changed, new)

    def _comments(
        self, connection: Connection, notebook: str, cells: Mapping[str, str], comments: Mapping[str, str | None]
    ) -> None:
        found = select(_COMMENT.c.cell_id, _COMMENT.c.id).where(*_at(_COMMENT, notebook, cells))
        had: dict[str, str] = {row[0]: row[1] for row in connection.execute(found)}
        changed, new = [], []
        for name, cell in cells.items():
            row = {"auto_comment": comments.get(name)}
            if cell in had:
                changed.append({"of": had[cell], **row})
            else:
                new.append({"id": api.new_uuid(), "notebook_id": notebook, "cell_id": cell, **row})
        _write(connection, _COMMENT, changed, new)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the database says, as an error for people."""
        try:
            yield
        except ModuleNotFoundError as why:  # SQLAlchemy loads a database's driver when it is first used
            raise CourseError(COMMANDS["no_driver"].format(driver=why.name)) from why
        except SQLAlchemyError as why:
            said = str(why.orig if isinstance(why, DBAPIError) else why).strip().splitlines()[0]
            key = "database_locked" if "locked" in said else "database_refused"
            raise CourseError(COMMANDS[key].format(url=_shown(self.url), why=said)) from why


def _add_what_is_missing(engine: Engine) -> None:
    """Columns that an earlier version's table lacks."""
    there = {column["name"] for column in inspect(engine).get_columns(RUN.name)}
    with engine.begin() as connection:
        for column in RUN.c:
            if column.name not in there:
                connection.execute(DDL(f"ALTER TABLE {RUN.name} ADD COLUMN {column.name} {column.type.compile()}"))


def _at(table: Any, notebook: str, cells: Mapping[str, str]) -> tuple[Any, Any]:
    """A student's rows for these cells.

    nbgrader's index has the cell first: asked for the notebook alone, a database reads the rows of the whole class.
    """
    return table.c.cell_id.in_(list(cells.values())), table.c.notebook_id == notebook


def _write(connection: Connection, table: Any, changed: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
    if changed:
        values: dict[str, Any] = {name: bindparam(name) for name in changed[0] if name != "of"}
        connection.execute(update(table).where(table.c.id == bindparam("of")).values(values), changed)
    if new:
        connection.execute(insert(table), new)


def _shown(url: str) -> str:
    """A database's address without a password."""
    with contextlib.suppress(SQLAlchemyError):
        return make_url(url).render_as_string(hide_password=True)
    return url


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
    Column("notes", Text),  # JSON: {notebook: notes.Notes as data}
    Column("aside", Text),  # why a person must look; "" where all went well
)
