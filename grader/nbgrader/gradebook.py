"""nbgrader's gradebook as grading writes it: each submission whole or not at all, with what it was graded under.

The rows are those that ``nbgrader autograde`` writes.  Beside them one table of ours, ``grader_run``, keeps a
fingerprint of each submission and its rules, so that a run which was stopped goes on where it stood.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

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


class Entry(NamedTuple):
    """What is written of one submission: what came of it, under which fingerprint, and when it was handed in."""

    graded: Graded
    fingerprint: str
    timestamp: datetime | None


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

    def put(self, entries: Sequence[Entry]) -> None:
        """Write the scores, comments and penalties of several submissions in one transaction: all of them, or none."""
        with self._told(), self.engine.begin() as connection:
            places, before = self._places(connection, entries)
            penalties, grades, comments = [], [], []
            for graded, *_ in entries:
                for name, cells in self.notebooks.items():
                    place, done = places[graded.student, name], graded.notebooks.get(name)
                    penalty = done.penalty if done else None
                    if before.get(place) != penalty:
                        penalties.append({"of": place, "late_submission_penalty": penalty})
                    # A notebook that was not handed in is worth nothing, and nobody need look at it.
                    scores = done.scores if done else dict.fromkeys(cells.grades, 0.0)
                    texts = done.comments if done else {}
                    grades += [(place, id, scores.get(cell), done is not None) for cell, id in cells.grades.items()]
                    comments += [(place, id, texts.get(cell)) for cell, id in cells.comments.items()]
            _write(connection, _NOTEBOOK, penalties, [])
            self._grades(connection, list(places.values()), grades)
            self._comments(connection, list(places.values()), comments)
            students = [entry.graded.student for entry in entries]
            connection.execute(delete(RUN).where(RUN.c.unit == self.unit, RUN.c.student.in_(students)))
            connection.execute(insert(RUN), [self._run(*entry) for entry in entries])

    def _run(self, graded: Graded, fingerprint: str, timestamp: datetime | None) -> dict[str, Any]:
        """The row of RUN."""
        return {
            "unit": self.unit,
            "student": graded.student,
            "fingerprint": fingerprint,
            "seconds": graded.usage.seconds,
            "cpu": graded.usage.cpu,
            "memory": graded.usage.memory,
            "confined": graded.confined,
            "aside": graded.aside,
            "notes": json.dumps({name: done.notes for name, done in graded.notebooks.items()}),
        }

    def _places(
        self, connection: Connection, entries: Sequence[Entry]
    ) -> tuple[dict[tuple[str, str], str], dict[str, float | None]]:
        """Find or make the rows of submissions: ``{(student, notebook): its id}``, and ``{id: penalty until now}``."""
        students = [entry.graded.student for entry in entries]
        there = set(connection.scalars(select(_STUDENT.c.id).where(_STUDENT.c.id.in_(students))))
        _write(connection, _STUDENT, [], [{"id": student} for student in students if student not in there])
        mine = (_SUBMITTED.c.assignment_id == self.assignment, _SUBMITTED.c.student_id.in_(students))
        rows = connection.execute(select(_SUBMITTED.c.student_id, _SUBMITTED.c.id).where(*mine))
        submitted: dict[str, str] = {row[0]: row[1] for row in rows}
        changed, new = [], []
        for graded, _, timestamp in entries:
            if graded.student not in submitted:
                submitted[graded.student] = id = _new_id()
                row = {"id": id, "assignment_id": self.assignment, "student_id": graded.student}
                new.append({**row, "timestamp": timestamp})
            elif timestamp is not None:
                changed.append({"of": submitted[graded.student], "timestamp": timestamp})
        _write(connection, _SUBMITTED, changed, new)
        names = {cells.id: name for name, cells in self.notebooks.items()}
        owners = {id: student for student, id in submitted.items()}
        found = connection.execute(
            select(
                _NOTEBOOK.c.assignment_id, _NOTEBOOK.c.notebook_id, _NOTEBOOK.c.id, _NOTEBOOK.c.late_submission_penalty
            ).where(_NOTEBOOK.c.notebook_id.in_(list(names)), _NOTEBOOK.c.assignment_id.in_(list(owners)))
        )
        places, penalties = dict[tuple[str, str], str](), dict[str, float | None]()
        for owner, of, id, penalty in found:
            places[owners[owner], names[of]], penalties[id] = id, penalty
        new = []
        for student in students:
            for id, name in names.items():
                if (student, name) not in places:
                    places[student, name] = made = _new_id()
                    new.append({"id": made, "assignment_id": submitted[student], "notebook_id": id})
        _write(connection, _NOTEBOOK, [], new)
        return places, penalties

    def _grades(
        self, connection: Connection, places: list[str], scores: list[tuple[str, str, float | None, bool]]
    ) -> None:
        """Write automatic scores; what people gave stays, and then people are asked to look again, as in nbgrader.

        scores: (submitted notebook, cell, score, whether it was handed in).
        """
        cells = [id for notebook in self.notebooks.values() for id in notebook.grades.values()]
        of = _GRADE.c
        columns = (of.notebook_id, of.cell_id, of.id, of.manual_score, of.auto_score, of.needs_manual_grade)
        found = connection.execute(select(*columns).where(*_at(_GRADE, places, cells)))
        had = {(place, cell): rest for place, cell, *rest in found}
        changed, new = [], []
        for place, cell, score, handed_in in scores:
            id, manual, *before = had.get((place, cell), ("", None))
            by_hand = handed_in and (score is None or manual is not None)
            row = {"auto_score": score, "needs_manual_grade": by_hand}
            if not id:
                new.append({"id": _new_id(), "notebook_id": place, "cell_id": cell, **row})
            elif before != [score, by_hand]:
                changed.append({"of": id, **row})
        _write(connection, _GRADE, changed, new)

    def _comments(self, connection: Connection, places: list[str], texts: list[tuple[str, str, str | None]]) -> None:
        cells = [id for notebook in self.notebooks.values() for id in notebook.comments.values()]
        columns = (_COMMENT.c.notebook_id, _COMMENT.c.cell_id, _COMMENT.c.id, _COMMENT.c.auto_comment)
        found = connection.execute(select(*columns).where(*_at(_COMMENT, places, cells)))
        had = {(place, cell): (id, before) for place, cell, id, before in found}
        changed, new = [], []
        for place, cell, text in texts:
            id, before = had.get((place, cell), ("", None))
            if not id:
                new.append({"id": _new_id(), "notebook_id": place, "cell_id": cell, "auto_comment": text})
            elif before != text:
                changed.append({"of": id, "auto_comment": text})
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


def _new_id() -> str:
    """As nbgrader's ``new_uuid``: 32 hexadecimal digits that nobody has.  There are dozens in a submission."""
    return secrets.token_hex(16)


def _at(table: Any, places: list[str], cells: list[str]) -> tuple[Any, Any]:
    """These students' rows for these cells.

    nbgrader's index has the cell first: asked for the notebooks alone, a database reads the rows of the whole class.
    """
    return table.c.cell_id.in_(cells), table.c.notebook_id.in_(places)


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
