"""Write grades to nbgrader's gradebook, each submission completely or not at all.

The rows are those that ``nbgrader autograde`` writes.  A table of our own, ``grader_run``, keeps a fingerprint of each
submission and the rules it was graded under, so that a run which was stopped can be resumed.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple, cast

from nbgrader import api
from nbgrader.api import Gradebook, MissingEntry
from sqlalchemy import (
    DDL,
    Boolean,
    Column,
    Float,
    MetaData,
    Select,
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
_GRADE, _COMMENT = (t.__table__ for t in (api.Grade, api.Comment))
# What people enter, and where a Record keeps it.
_BY_HAND = (
    (_GRADE, _GRADE.c.manual_score, "manual"),
    (_GRADE, _GRADE.c.extra_credit, "extra"),
    (_COMMENT, _COMMENT.c.manual_comment, "comments"),
)


@dataclass
class Known:
    """What the gradebook knows of a student's submission.

    record: what people entered.  extension: of the due date.
    fingerprint: see ``Job.fingerprint``; "" if it was not graded by ``grader grade``, or set aside.
    """

    record: Record = field(default_factory=Record)
    extension: timedelta | None = None
    fingerprint: str = ""


@dataclass(frozen=True)
class _Cells:
    """A notebook of the unit: its database id, and ``{grade_id: database id}`` of its cells with grades or comments.

    sources: ``{grade_id: source}`` of its cells, with hidden tests.
    """

    id: str
    grades: dict[str, str]
    comments: dict[str, str]
    sources: dict[str, str]


class Entry(NamedTuple):
    """What is written for one submission: its results, its fingerprint, and when it was handed in (UTC)."""

    graded: Graded
    fingerprint: str
    timestamp: datetime | None


class GradebookWriter:
    """The gradebook, open for one unit.  Methods raise CourseError if the database refuses.

    due: the unit's due date, or None.  notebooks: ``{name: _Cells}`` of the unit.
    """

    def __init__(self, url: str, course_id: str, unit: str):
        """Open the gradebook at ``url``.  Raises CourseError if that fails or ``unit`` is not in it."""
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
                    sources_of(nb),
                )
                for nb in assignment.notebooks
            }
            self.gradebook.db.remove()

    def close(self) -> None:
        self.gradebook.close()

    def known(self) -> dict[str, Known]:
        """``{student: Known}`` for every submission of this unit that is in the gradebook."""
        mine = _SUBMITTED.c.assignment_id == self.assignment
        with self._told(), self.engine.connect() as connection:
            rows = connection.execute(select(_SUBMITTED.c.student_id, _SUBMITTED.c.extension).where(mine))
            found = {student: Known(Record({}, {}, {}), extension) for student, extension in rows}
            # No further joins: on tables that have just grown, PostgreSQL has no statistics and takes seconds for them.
            names = {cells.id: name for name, cells in self.notebooks.items()}
            rows = connection.execute(
                select(_NOTEBOOK.c.id, _SUBMITTED.c.student_id, _NOTEBOOK.c.notebook_id)
                .join(_SUBMITTED, _NOTEBOOK.c.assignment_id == _SUBMITTED.c.id)
                .where(mine)
            )
            places = {place: (student, names[notebook]) for place, student, notebook in rows}
            # An answer that a person grades has two ids, one for its grade and one for its comment.
            named = (chain(nb.grades.items(), nb.comments.items()) for nb in self.notebooks.values())
            cells = {id: name for pairs in named for name, id in pairs}
            for table, column, part in _BY_HAND:
                rows = connection.execute(
                    select(table.c.notebook_id, table.c.cell_id, column).where(column.is_not(None))
                )
                for place, cell, value in rows:
                    if place in places and cell in cells:  # neither another unit's nor one that was removed since
                        student, notebook = places[place]
                        getattr(found[student].record, part)[notebook, cells[cell]] = value
            for run in connection.execute(select(RUN).where(RUN.c.unit == self.unit)):
                if run.student in found and not run.aside:
                    found[run.student].fingerprint = run.fingerprint
        return found

    def people(self) -> dict[str, str]:
        """``{student: name}`` of all students in the gradebook who have one there."""
        with self._told(), self.engine.connect() as connection:
            rows = connection.execute(select(_STUDENT.c.id, _STUDENT.c.first_name, _STUDENT.c.last_name))
            names = {student: f"{first or ''} {last or ''}".strip() for student, first, last in rows}
        return {student: name for student, name in names.items() if name}

    def seconds_late(self, timestamp: datetime | None, extension: timedelta | None) -> float:
        """Seconds after the due date, extended for this student; 0 if on time, or without a due date or timestamp."""
        if timestamp is None or self.due is None:
            return 0.0
        return max(0.0, (timestamp - self.due - (extension or timedelta())).total_seconds())

    def put(self, entries: Sequence[Entry]) -> None:
        """Write the scores, comments and penalties of several submissions in one transaction, all of them or none."""
        with self._told(), self.engine.begin() as connection:
            places, before = self._places(connection, entries)
            penalties, grades, comments = [], [], []
            for graded, *_ in entries:
                for name, cells in self.notebooks.items():
                    place, done = places[graded.student, name], graded.notebooks.get(name)
                    penalty = done.penalty if done else None
                    if before.get(place) != penalty:
                        penalties.append({"of": place, "late_submission_penalty": penalty})
                    # A notebook that was not handed in gets 0 points, and needs no manual grading.
                    scores = done.scores if done else dict.fromkeys(cells.grades, 0.0)
                    texts = done.comments if done else {}
                    grades += [(place, id, scores.get(cell), done is not None) for cell, id in cells.grades.items()]
                    comments += [(place, id, texts.get(cell)) for cell, id in cells.comments.items()]
            _write(connection, _NOTEBOOK, penalties, [])
            self._grades(connection, list(before), grades)
            self._comments(connection, list(before), comments)
            students = [entry.graded.student for entry in entries]
            connection.execute(delete(RUN).where(RUN.c.unit == self.unit, RUN.c.student.in_(students)))
            connection.execute(insert(RUN), [self._run(*entry) for entry in entries])

    def _run(self, graded: Graded, fingerprint: str, timestamp: datetime | None) -> dict[str, Any]:
        """The submission's row in RUN."""
        return {
            "unit": self.unit,
            "student": graded.student,
            "fingerprint": fingerprint,
            "seconds": graded.usage.seconds,
            "cpu": graded.usage.cpu,
            "memory": graded.usage.memory,
            "confined": graded.confined,
            "aside": graded.aside,
            "notes": json.dumps({name: done.notes for name, done in graded.notebooks.items()} | {"": graded.beside}),
        }

    def _places(
        self, connection: Connection, entries: Sequence[Entry]
    ) -> tuple[dict[tuple[str, str], str], dict[str, float | None]]:
        """Find or make the rows of students, submissions and submitted notebooks.

        Returns ``{(student, notebook): id}`` of the submitted notebooks, and ``{id: penalty so far}`` of those that
        were there before.
        """
        students = [entry.graded.student for entry in entries]
        there = set(connection.scalars(select(_STUDENT.c.id).where(_STUDENT.c.id.in_(students))))
        _write(connection, _STUDENT, [], [{"id": student} for student in students if student not in there])
        mine = (_SUBMITTED.c.assignment_id == self.assignment, _SUBMITTED.c.student_id.in_(students))
        rows = connection.execute(select(_SUBMITTED.c.student_id, _SUBMITTED.c.id).where(*mine))
        submitted: dict[str, str] = {row[0]: row[1] for row in rows}
        owners = {id: student for student, id in submitted.items()}
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
        of = _NOTEBOOK.c
        places, penalties = dict[tuple[str, str], str](), dict[str, float | None]()
        columns = select(of.assignment_id, of.notebook_id, of.id, of.late_submission_penalty)
        found = _found(connection, columns, {of.notebook_id: list(names), of.assignment_id: list(owners)})
        for owner, notebook, id, penalty in found:
            places[owners[owner], names[notebook]], penalties[id] = id, penalty
        new = []
        for student in students:
            for id, name in names.items():
                if (student, name) not in places:
                    places[student, name] = made = _new_id()
                    new.append({"id": made, "assignment_id": submitted[student], "notebook_id": id})
        _write(connection, _NOTEBOOK, [], new)
        return places, penalties

    def _grades(
        self, connection: Connection, there: list[str], scores: list[tuple[str, str, float | None, bool]]
    ) -> None:
        """Write automatic scores.  Manual scores stay, and are marked for people to look at again, as in nbgrader.

        there: ids of the submitted notebooks that may have rows.
        scores: (submitted notebook, cell, score or None, whether handed in).
        """
        cells = [id for notebook in self.notebooks.values() for id in notebook.grades.values()]
        of = _GRADE.c
        columns = select(of.notebook_id, of.cell_id, of.id, of.manual_score, of.auto_score, of.needs_manual_grade)
        found = _found(connection, columns, {of.cell_id: cells, of.notebook_id: there})
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

    def _comments(self, connection: Connection, there: list[str], texts: list[tuple[str, str, str | None]]) -> None:
        """Write automatic comments.  there: as for ``_grades``.  texts: (submitted notebook, cell, comment or None)."""
        cells = [id for notebook in self.notebooks.values() for id in notebook.comments.values()]
        of = _COMMENT.c
        columns = select(of.notebook_id, of.cell_id, of.id, of.auto_comment)
        found = _found(connection, columns, {of.cell_id: cells, of.notebook_id: there})
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
        """Turn errors of the database, and a missing driver for it, into CourseError."""
        try:
            yield
        except ModuleNotFoundError as why:  # SQLAlchemy imports a database's driver at first use
            raise CourseError(COMMANDS["no_driver"].format(driver=why.name)) from why
        except SQLAlchemyError as why:
            said = str(why.orig if isinstance(why, DBAPIError) else why).strip().splitlines()[0]
            key = "database_locked" if "locked" in said else "database_refused"
            raise CourseError(COMMANDS[key].format(url=_shown(self.url), why=said)) from why


def _add_what_is_missing(engine: Engine) -> None:
    """Add the columns that RUN lacks if an earlier version made it."""
    there = {column["name"] for column in inspect(engine).get_columns(RUN.name)}
    with engine.begin() as connection:
        for column in RUN.c:
            if column.name not in there:
                connection.execute(DDL(f"ALTER TABLE {RUN.name} ADD COLUMN {column.name} {column.type.compile()}"))


def sources_of(notebook: api.Notebook) -> dict[str, str]:
    """``{grade_id: source}`` of a notebook's cells in the gradebook, with their hidden tests."""
    return {cell.name: str(cell.source) for cell in notebook.source_cells}


def _new_id() -> str:
    """32 random hexadecimal digits, as from nbgrader's ``new_uuid``, but faster: a submission needs dozens."""
    return secrets.token_hex(16)


def _found(connection: Connection, columns: Select[Any], where: Mapping[Any, list[str]]) -> Sequence[Any]:
    """The rows with one of these values in each of these columns.  No query is made if no values are given.

    Name the columns of nbgrader's index, including the first: else a database reads the rows of the whole class.
    """
    if not all(where.values()):
        return []
    return connection.execute(columns.where(*(column.in_(values) for column, values in where.items()))).all()


def _write(connection: Connection, table: Any, changed: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
    if changed:
        values: dict[str, Any] = {name: bindparam(name) for name in changed[0] if name != "of"}
        connection.execute(update(table).where(table.c.id == bindparam("of")).values(values), changed)
    if new and connection.dialect.driver == "psycopg":
        _copy(connection, table, new)
    elif new:
        # RETURNING makes SQLAlchemy send many rows in one statement instead of one statement for each.
        connection.execute(insert(table).returning(*table.primary_key), new)


def _copy(connection: Connection, table: Any, new: list[dict[str, Any]]) -> None:
    """Insert rows by PostgreSQL's COPY, which takes half the time of INSERT.

    SQLAlchemy does not see what the driver raises here, so it is raised as SQLAlchemy would: DBAPIError.
    """
    usual = {c.name: c.default.arg for c in table.c if c.default is not None and c.default.is_scalar}
    names = list(usual | new[0])
    driver: Any = connection.connection.driver_connection
    statement, dbapi = f"COPY {table.name} ({', '.join(names)}) FROM STDIN", cast(Any, connection.dialect.dbapi)
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in new:
                full = usual | row
                copy.write_row([full[name] for name in names])
    except dbapi.Error as why:
        raise DBAPIError(statement, None, why) from why


def _shown(url: str) -> str:
    """A database's URL without its password."""
    with contextlib.suppress(SQLAlchemyError):
        return make_url(url).render_as_string(hide_password=True)
    return url


# What ``grader grade`` did, beside nbgrader's own tables: under which rules, what it used, and what needs a person.
RUN = Table(
    "grader_run",
    MetaData(),
    Column("unit", String(128), primary_key=True),
    Column("student", String(128), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("seconds", Float),  # wall time of the student's cells
    Column("cpu", Float),  # seconds of CPU time
    Column("memory", Float),  # peak in bytes, beyond the process that was forked
    Column("confined", Boolean),
    Column("notes", Text),  # JSON: {notebook: notes.Notes as data, "": remarks on the folder}
    Column("aside", Text),  # why it could not be graded and a person must look; "" if it was graded
)
