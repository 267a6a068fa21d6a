"""``grader grade``: what is skipped and what is not, manual grades, failures and how they show, workers that die."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pickle
import re
import socket
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from courses import NOTEBOOK, POINTS, UNIT, Here, command, content, files, handed_in, url
from nbgrader.api import Base, Gradebook
from sqlalchemy import create_engine, event
from sqlalchemy.exc import ArgumentError, OperationalError, ProgrammingError
from traitlets.config import Config

from grader import cli
from grader.classroom import CourseError, workers
from grader.classroom.processes import ProcessExecutor
from grader.classroom.workers import Lost, mapped
from grader.demo import sample
from grader.nbgrader.command import grade_class, local_workers
from grader.nbgrader.folders import Course
from grader.nbgrader.gradebook import Entry, GradebookWriter
from grader.nbgrader.job import Graded, GradedNotebook, Job, Record, Unit
from grader.sandbox.limits import Limits
from grader.words import COMMANDS

FEW = [s for s in sample.CLASS if s.name in ("ada", "ben", "deniz", "walt")]


@pytest.fixture(scope="module")
def graded_once(tmp_path_factory):
    folder = handed_in(tmp_path_factory.mktemp("few") / "course", FEW)
    return folder, grade_class(Course(folder, UNIT), Here)


@pytest.fixture
def fresh(graded_once, tmp_path):
    """The same course, of this test alone, graded already."""
    import shutil

    return Path(shutil.copytree(graded_once[0], tmp_path / "course"))


def done(folder, **options):
    """The students who were graded in this run, who were unchanged, and who failed."""
    outcome = grade_class(Course(folder, UNIT), Here, **options)
    return [grade.student for grade in outcome.graded], outcome.unchanged, outcome.failed


def everybody(*but: str) -> list[str]:
    return [s.name for s in FEW if s.name not in but]


def test_everybody_gets_what_he_must_get(graded_once):
    scores = {grade.student: grade.score for grade in graded_once[1].graded}
    assert scores == {s.name: sum(s.expected(POINTS).values()) for s in FEW}
    assert len(set(scores.values())) > 2  # the way to fail: one score for all


# --- what is graded again


def test_what_did_not_change_is_left_alone(fresh):
    before = files(fresh)
    for path in (fresh / "submitted").rglob("*.ipynb"):
        os.utime(path, (1, 1))  # file times do not decide
    assert done(fresh) == ([], everybody(), {})
    assert files(fresh) == before


def _change_content(folder):
    path = folder / "submitted" / "ada" / NOTEBOOK
    path.write_text(path.read_text("utf-8").replace("grad_outputs=v", "grad_outputs=2 * v"), "utf-8")


def _remove_page(folder):
    (folder / "feedback" / "ada" / UNIT / f"{UNIT}.html").unlink()


def _give_by_hand(folder):
    with Gradebook(url(folder)) as book:
        book.find_grade("05-one_row", UNIT, UNIT, "ada").manual_score = 0.5
        book.find_comment("answer-05-one_row", UNIT, UNIT, "ada").manual_comment = "Well done"
        book.db.commit()


def _hand_in_again(folder):
    """The same notebook at another time: by it, and by the secret beside it, the exchange finds the feedback."""
    (folder / "submitted" / "ada" / UNIT / "timestamp.txt").write_text("2024-11-24 20:03:35 UTC")


@pytest.mark.parametrize("change", [_change_content, _remove_page, _give_by_hand, _hand_in_again])
def test_what_changed_is_graded_again_and_nothing_else(fresh, change):
    change(fresh)
    assert done(fresh) == (["ada"], everybody("ada"), {})
    assert done(fresh) == ([], everybody(), {})


@pytest.mark.parametrize("options", [{"force": True}, {"limits": {"cell_seconds": 19.0}}, {"confined": False}])
def test_other_rules_or_force_grade_everybody_again(fresh, options):
    again, unchanged, failed = done(fresh, **options)
    assert (sorted(again), unchanged, failed) == (everybody(), [], {})


def test_another_version_of_a_question_grades_everybody_again(fresh, monkeypatch):
    monkeypatch.setattr("grader.nbgrader.job._package_version", lambda: "another")
    assert sorted(done(fresh)[0]) == everybody()


def test_a_resubmission_without_its_graded_cells_keeps_no_old_score(fresh):
    path = fresh / "submitted" / "ada" / NOTEBOOK
    nb = json.loads(path.read_text("utf-8"))
    nb["cells"] = nb["cells"][:1]
    path.write_text(json.dumps(nb), "utf-8")
    outcome = grade_class(Course(fresh, UNIT), Here)
    assert [(grade.student, grade.score) for grade in outcome.graded] == [("ada", 0.0)]


def test_what_people_gave_stays_and_stands_on_the_page(fresh):
    _give_by_hand(fresh)
    before = {row[:3]: row for row in content(url(fresh))["grades"]}
    done(fresh)
    after = {row[:3]: row for row in content(url(fresh))["grades"]}
    key = ("ada", UNIT, "05-one_row")
    assert after[key][4] == 0.5
    assert after[key][6] is True  # people are asked to look again, as in nbgrader
    assert {k: v for k, v in after.items() if k != key} == {k: v for k, v in before.items() if k != key}
    page = (fresh / "feedback" / "ada" / UNIT / f"{UNIT}.html").read_text("utf-8")
    assert "Well done" in page
    assert "<strong>22.5 of 24</strong>" in page


def test_a_students_rows_are_found_without_reading_those_of_the_class(fresh, monkeypatch):
    ran = []

    def noted(connection, cursor, statement, parameters, context, many):
        ran.append((statement, parameters[0] if many else parameters))

    put = GradebookWriter.put

    def watched(book, *arguments):
        event.listen(book.engine, "before_cursor_execute", noted)
        put(book, *arguments)
        event.remove(book.engine, "before_cursor_execute", noted)

    monkeypatch.setattr(GradebookWriter, "put", watched)
    with contextlib.closing(sqlite3.connect(fresh / "gradebook.db")) as db, db:
        db.execute("UPDATE grade SET auto_score = 99")  # what is as it was is not written again
        db.execute("UPDATE comment SET auto_comment = 'old'")
    done(fresh, students=["ada"], force=True)
    asked = [(statement, values) for statement, values in ran if not statement.startswith("INSERT")]
    assert {statement.split()[0] for statement, _ in asked} == {"SELECT", "UPDATE", "DELETE"}
    with contextlib.closing(sqlite3.connect(fresh / "gradebook.db")) as db:

        def read(statement, values):
            return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", values)]

        assert [plan for plan in (read(*one) for one in asked) if "SCAN" in str(plan)] == []
        assert "SCAN" in str(read("SELECT id FROM grade WHERE notebook_id = ?", ("n",)))  # the way to fail


def test_many_submissions_are_entered_in_one_transaction_and_one_that_cannot_be_spoils_no_other(fresh, monkeypatch):
    sizes, put = [], GradebookWriter.put

    def watched(book, entries):
        sizes.append(len(entries))
        if any(entry.graded.student == "deniz" for entry in entries):
            raise ValueError("no such row")
        put(book, entries)

    class Eager(Here):
        """All results at once, so that the one who writes is never idle."""

        def __init__(self):
            super().__init__()
            self.all[0].most = 10

    monkeypatch.setattr(GradebookWriter, "put", watched)
    monkeypatch.setattr(workers, "wait", lambda running, **how: (set(running), set()))
    outcome = grade_class(Course(fresh, UNIT), Eager, force=True)
    assert sizes == [4, 1, 1, 1, 1]  # together, and then each by itself
    assert {grade.student for grade in outcome.graded} == {"ada", "ben", "walt"}
    assert "ValueError: no such row" in outcome.failed["deniz"]


def test_what_is_graded_is_entered_as_soon_as_there_is_nothing_else_to_do(fresh, monkeypatch):
    """The way to fail: to wait for a full batch, while a slow submission keeps the others waiting."""
    seen, put = [], GradebookWriter.put
    monkeypatch.setattr(GradebookWriter, "put", lambda book, entries: seen.append(len(entries)) or put(book, entries))
    grade_class(Course(fresh, UNIT), Here, force=True)
    assert sum(seen) == 4
    assert max(seen) < 4


def test_an_extension_that_is_given_later_grades_who_was_late_and_nobody_else(fresh):
    """The way to fail: a fingerprint without lateness, which would leave the penalty unchanged."""
    with (fresh / "nbgrader_config.py").open("a") as config:
        config.write(PENALTY)
    sys.modules.pop("late_by_the_hour", None)
    (fresh / "late_by_the_hour.py").write_text(LATE)
    for student, when in (("ada", "2024-11-15 14:00:00 UTC"), ("deniz", "2024-11-15 11:00:00 UTC")):
        (fresh / "submitted" / student / UNIT / "timestamp.txt").write_text(when)
    with Gradebook(url(fresh)) as book:
        book.update_or_create_assignment(UNIT, duedate="2024-11-15 12:00:00 UTC")

    def penalties():
        return {row[0]: row[4] for row in content(url(fresh))["submissions"]}

    done(fresh)
    assert penalties() == {"ada": 2.0, "ben": None, "deniz": None, "walt": None}
    assert done(fresh)[0] == []
    with Gradebook(url(fresh)) as book:
        book.find_submission(UNIT, "ada").extension = timedelta(hours=1)
        book.db.commit()
    assert done(fresh)[0] == ["ada"]
    assert penalties() == {"ada": 1.0, "ben": None, "deniz": None, "walt": None}


PENALTY = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent))
from late_by_the_hour import ByTheHour
c.AssignLatePenalties.plugin_class = ByTheHour
"""
LATE = """
from nbgrader.plugins import LateSubmissionPlugin
class ByTheHour(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return total_seconds_late / 3600
"""


def test_students_can_be_picked(fresh):
    assert done(fresh, students=["ben"], force=True) == (["ben"], [], {})
    with pytest.raises(CourseError, match="nobody has handed in nothing"):
        done(fresh, students=["nobody"])


def test_other_files_come_along_and_links_do_not(fresh, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("of somebody else")
    folder = fresh / "submitted" / "ada" / UNIT
    (folder / "sub").mkdir()
    (folder / "sub" / "data.csv").write_text("1,2")
    (folder / "link.txt").symlink_to(secret)
    (folder / "timestamp.txt").write_text("2024-11-01 12:00:00 UTC")
    old = fresh / "autograded" / "ada" / UNIT / "old.txt"
    old.write_text("from an earlier submission")
    done(fresh, force=True)
    for step in ("autograded", "feedback"):
        there = {path.name for path in (fresh / step / "ada" / UNIT).rglob("*") if path.is_file()}
        assert there - {f"{UNIT}.ipynb", f"{UNIT}.html"} == {"data.csv", "timestamp.txt"}
    assert ("ada", 2024) in [(row[0], row[1].year) for row in content(url(fresh))["submissions"] if row[1]]


def test_a_time_that_is_none_is_told_and_stops_nobody(fresh):
    (fresh / "submitted" / "ada" / UNIT / "timestamp.txt").write_text("yesterday")
    outcome = grade_class(Course(fresh, UNIT), Here, force=True)
    assert [grade.student for grade in outcome.graded if grade.remarks] == ["ada", "walt"]


# --- what fails


def test_a_folder_without_its_notebook_is_told_and_the_others_are_graded(fresh):
    (fresh / "submitted" / "ada" / NOTEBOOK).unlink()
    again, _, failed = done(fresh, force=True)
    assert sorted(again) == everybody("ada")
    assert failed == {"ada": COMMANDS["nothing_handed_in"].format(names=f"{UNIT}.ipynb")}


def test_a_folder_whose_name_is_no_text_is_told(fresh):
    bad = os.fsencode(fresh / "submitted") + b"/\xff"
    os.makedirs(bad + b"/" + UNIT.encode())
    with open(bad + b"/" + NOTEBOOK.encode(), "wb"):
        pass
    _, unchanged, failed = done(fresh)
    assert unchanged == everybody()
    assert list(failed.values()) == [COMMANDS["bad_student"]]


def test_a_fault_of_the_graders_own_costs_one_students_grade_only(fresh, monkeypatch):
    from grader.nbgrader import command

    def grade(unit, job, real=command.grade):
        if job.student == "ben":
            raise ZeroDivisionError("seven")
        return real(unit, job)

    monkeypatch.setattr(command, "grade", grade)
    again, _, failed = done(fresh, force=True)
    assert sorted(again) == everybody("ben")
    assert "ZeroDivisionError: seven" in failed["ben"]


def _disk_full(fresh, monkeypatch):
    def full(*arguments, **named):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("grader.nbgrader.folders.write_whole", full)
    return None, "No space left"


def _disk_fails(fresh, monkeypatch):
    def fails(self):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Course, "flush", fails)  # what was written is not on the disk
    return None, "Input/output error"


def _no_folder(fresh, monkeypatch):
    import shutil

    shutil.rmtree(fresh / "feedback")
    (fresh / "feedback").write_text("a file in the way")
    return None, "feedback"


def _locked(fresh, monkeypatch):
    other = sqlite3.connect(fresh / "gradebook.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr(_locked, "other", other, raising=False)
    return CourseError, "in use by another program"


def _read_only(fresh, monkeypatch):
    from sqlalchemy.exc import OperationalError

    from grader.nbgrader.gradebook import GradebookWriter

    def refused(self, *arguments):
        with self._told():
            raise OperationalError("INSERT", {}, sqlite3.OperationalError("attempt to write a readonly database"))

    monkeypatch.setattr(GradebookWriter, "put", refused)
    return CourseError, "readonly database"


@pytest.mark.parametrize("spoil", [_disk_full, _disk_fails, _no_folder, _locked, _read_only])
def test_what_refuses_is_told_nothing_is_half_written_and_a_second_run_completes(fresh, monkeypatch, spoil):
    _change_content(fresh)
    before, book = files(fresh), content(url(fresh))
    with monkeypatch.context() as patched:
        kind, said = spoil(fresh, patched)
        if kind:
            with pytest.raises(kind, match=said):
                grade_class(Course(fresh, UNIT), Here)
        else:  # told of each submission that could not be written, and the run goes on
            assert said in grade_class(Course(fresh, UNIT), Here).failed["ada"]
        if spoil is _locked:
            _locked.other.rollback()
            _locked.other.close()
    if spoil is _no_folder:
        (fresh / "feedback").unlink()
    assert content(url(fresh)) == book  # all or nothing: what is half done is not said to be done
    whole = {"cell_type", "metadata", "source"}
    for name, (data, _) in files(fresh).items():
        if name.endswith(".ipynb"):
            assert all(whole <= set(cell) for cell in json.loads(data)["cells"])
        assert not Path(name).name.startswith(".")
    again, unchanged, failed = done(fresh)
    assert "ada" in again
    assert failed == {}
    assert sorted(again + unchanged) == everybody()
    changed = {name for name, kept in files(fresh).items() if before.get(name) != kept}
    assert changed <= {f"autograded/ada/{NOTEBOOK}", f"feedback/ada/{UNIT}/{UNIT}.html"} or spoil is _no_folder
    assert done(fresh)[0] == []


def test_a_unit_that_was_not_released_is_told(fresh):
    with pytest.raises(CourseError, match="generate_assignment 07_graph_lifetime"):
        grade_class(Course(fresh, "07_graph_lifetime"), Here)


# --- what stands in the gradebook, without grading

NOON = datetime(2026, 11, 15, 12)


@pytest.fixture
def two_units(tmp_path):
    """A gradebook with two units of one notebook, which differ in their names alone, and no submission."""
    engine = create_engine(url(tmp_path))
    Base.metadata.create_all(engine)  # Gradebook would, too, and call a program for the version
    engine.dispose()
    with Gradebook(url(tmp_path)) as book:
        for unit in ("a", "b"):
            book.add_assignment(unit, duedate=f"{NOON} UTC")
            book.add_notebook("n", unit)
            book.add_grade_cell("q", "n", unit, max_score=2, cell_type="code")
            book.add_grade_cell("words", "n", unit, max_score=3, cell_type="markdown")
            book.add_solution_cell("answer", "n", unit)
    return url(tmp_path)


def entered(db, *entries, unit="a"):
    """The gradebook's content after these were entered at once."""
    book = GradebookWriter(db, "", unit)
    try:
        book.put(entries)
    finally:
        book.close()
    return content(db)


def known(db, unit):
    book = GradebookWriter(db, "", unit)
    try:
        return book.known()
    finally:
        book.close()


def entry(student="ada", q=2.0, words=None, comment=None, penalty=None, timestamp=NOON, fingerprint="f", **more):
    """Somebody's submission, graded; ``q=None``: without its notebook."""
    notebook = GradedNotebook(b"", b"", {"q": q, "words": words}, {"answer": comment}, penalty)
    return Entry(Graded(student, {} if q is None else {"n": notebook}, **more), fingerprint, timestamp)


def test_what_is_entered_of_one_unit_leaves_the_other_as_it_was(two_units):
    for unit in ("a", "b", "a"):
        entered(two_units, entry(fingerprint=f"of {unit}", q=1.0), entry("ben"), unit=unit)
    entered(two_units, entry(fingerprint="new", q=2.0), unit="b")
    assert [known(two_units, unit)["ada"].fingerprint for unit in ("a", "b")] == ["of a", "new"]
    assert known(two_units, "a")["ben"].fingerprint == "f"
    assert sorted(row[3] for row in content(two_units)["grades"] if row[::2][:2] == ("ada", "q")) == [1.0, 2.0]


def test_what_an_earlier_version_kept_is_read_and_added_to(two_units):
    with contextlib.closing(sqlite3.connect(two_units.removeprefix("sqlite:///"))) as db, db:
        db.execute("CREATE TABLE grader_run (unit TEXT, student TEXT, fingerprint TEXT, PRIMARY KEY (unit, student))")
        db.execute("INSERT INTO grader_run VALUES ('a', 'ben', 'old')")
    entered(two_units, entry("ada"), entry("ben", fingerprint="other"), unit="b")
    entered(two_units, entry("ada"))
    assert known(two_units, "b")["ben"].fingerprint == "other"
    entered(two_units, entry("ben", fingerprint="new"))
    assert {student: one.fingerprint for student, one in known(two_units, "a").items()} == {"ada": "f", "ben": "new"}


def test_who_is_set_aside_has_no_fingerprint_and_whoever_was_graded_has_one(two_units):
    entered(two_units, entry("ada", aside="no room"), entry("ben"))
    assert {student: one.fingerprint for student, one in known(two_units, "a").items()} == {"ada": "", "ben": "f"}


def test_what_is_entered_again_replaces_what_was_there(two_units):
    first = entered(two_units, entry(q=1.0, comment="No response.", penalty=1.0))
    assert first["submissions"] == [("ada", NOON, None, False, 1.0)]
    assert first["comments"] == [("ada", "n", "answer", "No response.", None)]
    found = entered(two_units, entry(q=2.0, timestamp=NOON + timedelta(hours=1)))
    assert found["submissions"] == [("ada", NOON + timedelta(hours=1), None, False, None)]
    assert [row[3] for row in found["grades"]] == [2.0, None]
    assert found["comments"] == [("ada", "n", "answer", None, None)]
    assert entered(two_units, entry(q=2.0, timestamp=None)) == found  # no time is no other time


def test_people_are_asked_to_look_where_a_score_is_theirs_to_give_or_was_given(two_units):
    def asked(**scores):
        return {row[2]: row[6] for row in entered(two_units, entry(**scores))["grades"]}

    assert asked() == {"q": False, "words": True}
    assert asked(words=0.0) == {"q": False, "words": False}
    with Gradebook(two_units) as book:
        book.find_grade("q", "n", "a", "ada").manual_score = 0.5
        book.db.commit()
    assert asked(words=0.0) == {"q": True, "words": False}
    assert asked(q=None) == {"q": False, "words": False}  # nothing was handed in
    assert {row[2]: row[3] for row in content(two_units)["grades"]} == {"q": 0.0, "words": 0.0}


def test_lateness_is_counted_from_the_due_date_and_an_extension_and_is_never_below_zero(two_units):
    book = GradebookWriter(two_units, "", "a")
    hour, second = timedelta(hours=1), timedelta(seconds=1)
    try:
        assert [book.seconds_late(NOON + late, None) for late in (-hour, 0 * hour, second)] == [0.0, 0.0, 1.0]
        assert [book.seconds_late(NOON + late, hour) for late in (hour, hour + second)] == [0.0, 1.0]
        assert book.seconds_late(None, None) == 0.0
        book.due = None
        assert book.seconds_late(NOON, None) == 0.0
    finally:
        book.close()


def test_what_people_gave_is_known_by_student_notebook_and_cell(two_units):
    for unit in ("a", "b"):
        entered(two_units, entry("ada"), entry("ben"), entry("carla"), unit=unit)
    with Gradebook(two_units) as book:
        for k, (student, unit) in enumerate(product(("ada", "ben"), ("a", "b"))):
            grade = book.find_grade("q" if student == "ada" else "words", "n", unit, student)
            grade.manual_score, grade.extra_credit = k + 0.5, k + 0.25
            book.find_comment("answer", "n", unit, student).manual_comment = f"{student} {unit}"
        book.find_submission("b", "ben").extension = timedelta(hours=1)
        book.find_notebook("n", "b").name = "m"
        book.db.commit()
    for unit, name, first in (("a", "n", 0), ("b", "m", 1)):
        q, words, answer = ((name, cell) for cell in ("q", "words", "answer"))
        assert {student: one.record for student, one in known(two_units, unit).items()} == {
            "ada": Record({q: first + 0.5}, {q: first + 0.25}, {answer: f"ada {unit}"}),
            "ben": Record({words: first + 2.5}, {words: first + 2.25}, {answer: f"ben {unit}"}),
            "carla": Record(),
        }
    assert {student: one.extension for student, one in known(two_units, "b").items() if one.extension} == {
        "ben": timedelta(hours=1)
    }


def test_what_people_gave_is_passed_over_where_its_cell_is_gone(two_units):
    entered(two_units, entry("ada"))
    with Gradebook(two_units) as book:
        book.find_grade("q", "n", "a", "ada").manual_score = 1.5
        book.db.commit()
    writer = GradebookWriter(two_units, "", "a")
    try:
        assert writer.known()["ada"].record.manual == {("n", "q"): 1.5}  # the way to fail
        writer.notebooks = {name: replace(cells, grades={}, comments={}) for name, cells in writer.notebooks.items()}
        assert writer.known()["ada"].record == Record()
    finally:
        writer.close()


def test_ids_are_nbgraders_and_a_unit_that_it_does_not_have_is_told(two_units):
    entered(two_units, entry())
    with contextlib.closing(sqlite3.connect(two_units.removeprefix("sqlite:///"))) as db:
        ids = [row[0] for row in db.execute("SELECT id FROM grade UNION SELECT id FROM comment")]
    assert len(ids) == 3  # two grades and a comment
    assert all(re.fullmatch("[0-9a-f]{32}", id) for id in ids)
    with pytest.raises(CourseError, match="neither"):
        GradebookWriter(two_units, "", "neither")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ProgrammingError("SELECT", {}, Exception("first line\nsecond line")), ": first line"),
        (ArgumentError("first line\nsecond line"), ": first line"),
        (OperationalError("SELECT", {}, Exception("database is locked")), "in use by another program"),
    ],
)
def test_a_database_that_refuses_is_told_by_its_first_line_and_without_a_password(two_units, error, said):
    book = GradebookWriter(two_units, "", "a")
    book.url = "postgresql://grader:secret@there/gradebook"
    with pytest.raises(CourseError) as caught, book._told():
        raise error
    book.close()
    assert said in str(caught.value)
    assert "there/gradebook" in str(caught.value)
    assert "second" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_fingerprint_changes_with_all_that_decides_a_grade_and_with_nothing_else():
    unit = Unit("a", {"n": "released"}, Config(), Limits(), b"s" * 32)
    job = Job("ada", {"n": b"content", "m": b"more"}, Record(), 1.0, "files")
    same = replace(job, notebooks={"m": b"more", "n": b"content"}, record=Record({}, {}, {}))
    assert same.fingerprint(replace(unit, config=Config())) == job.fingerprint(unit)
    place = ("n", "q")
    others = [
        *(replace(job, **{name: other}) for name, other in (("student", "ben"), ("seconds_late", 2.0))),
        replace(job, supplementary="others"),
        replace(job, notebooks={"n": b"other", "m": b"more"}),
        replace(job, notebooks={"n": "too large", "m": b"more"}),  # why there are none
        replace(job, notebooks={"n": "too many", "m": b"more"}),
        replace(job, notebooks={"n": b"content"}),
        *(replace(job, record=Record(**{part: {place: 1.0}})) for part in ("manual", "extra", "comments")),
    ]
    rules = [
        *(replace(unit, **{name: other}) for name, other in (("name", "b"), ("released", {"n": "other"}))),
        replace(unit, config=Config(A={"b": 1})),
        replace(unit, limits=Limits(cell_seconds=1.0)),
        *(replace(unit, **{name: other}) for name, other in (("secret", b"t" * 32), ("confined", False))),
        replace(unit, language="another"),
    ]
    prints = [job.fingerprint(unit), *(one.fingerprint(unit) for one in others), *(map(job.fingerprint, rules))]
    assert len(set(prints)) == len(prints)


def test_usually_nobody_is_late_and_everybody_is_confined():
    assert Job("ada", {}) == Job("ada", {}, Record(), 0.0, "")
    assert Unit("a", {}, Config(), Limits(), b"").confined
    assert Graded("ada").confined


# --- workers


def square(k):
    """Work that ends its worker at 3, and the first time at 5, of which a file says that it was there."""
    number, marks = k
    if number == 3:
        os._exit(1)
    if number == 5 and not (marks / "was there").exists():
        (marks / "was there").touch()
        os._exit(1)
    if number == 7:
        raise ValueError("seven")
    return number**2


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_worker_that_dies_costs_a_retry_and_what_kills_it_twice_is_given_up(tmp_path, jobs):
    place = local_workers(jobs)
    try:
        found = {thing[0]: result for thing, result in mapped(place, square, ((k, tmp_path) for k in range(12)))}
    finally:
        place.close()
    assert isinstance(found.pop(3), Lost)
    assert isinstance(found.pop(7), ValueError)
    assert found == {k: k**2 for k in range(12) if k not in (3, 7)}


def sent_by_halves(k):
    """Work whose worker ends after half of its result is sent: always at 3, at 5 the first time only."""
    number, marks = k
    mark = marks / str(number)
    dies = number == 3 or (number == 5 and not mark.exists())
    mark.touch()

    def send(connection, data, whole=Connection._send):
        if not dies:
            return whole(connection, data)
        os.write(connection.fileno(), bytes(data)[: len(data) // 2])
        os._exit(1)

    Connection._send = send
    return bytes(1000)


def test_a_worker_that_dies_while_it_sends_is_noticed(tmp_path):
    """The way to fail: to wait for ever for the other half."""
    place = local_workers(1)
    try:
        found = {
            thing[0]: result for thing, result in mapped(place, sent_by_halves, ((k, tmp_path) for k in (1, 3, 5)))
        }
    finally:
        place.close()
    assert isinstance(found.pop(3), Lost)
    assert found == dict.fromkeys((1, 5), bytes(1000))


SEEN = """
import os, sys
def seen(nothing):
    links = [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
    return "marked" in sys.modules, any(link.endswith("kept.txt") for link in links), os.getppid()
"""
SERVER = """
import os, sys, threading, time, types

sys.modules["marked"] = types.ModuleType("marked")
kept = open("kept.txt", "w")
if sys.argv[1:] == ["a thread"]:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
from grader.classroom.processes import Template
from grader.classroom.workers import mapped
from grader.nbgrader.command import PRELOAD, local_workers
from seen import seen
template = Template.made(PRELOAD)
workers = local_workers(1, None, template)
((_, (marked, leaked, parent)),) = mapped(workers, seen, [1])
print(marked, leaked, parent == (template.pid if template else os.getpid()), flush=True)
if sys.argv[1:] == ["killed"]:
    os.kill(os.getpid(), 9)
workers.close()
if template:
    template.__exit__()
os._exit(0)
"""


@pytest.mark.parametrize(("how", "marked"), [("alone", True), ("killed", True), ("a thread", False)])
def test_workers_come_of_this_process_where_no_thread_holds_a_lock_and_hold_nothing_of_it_open(tmp_path, how, marked):
    (tmp_path / "seen.py").write_text(SEEN)
    (tmp_path / "server.py").write_text(SERVER)
    done = subprocess.run([sys.executable, "server.py", how], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stdout == f"{marked} False True\n", done.stderr  # its output ends, so all of them have ended
    assert done.stderr == ""


def test_a_worker_ends_with_its_executor_whatever_it_does():
    executor = ProcessExecutor(nothing_first)
    pid = executor.submit(os.getpid).result()
    stuck = executor.submit(time.sleep, 600)
    executor.shutdown(wait=False, cancel_futures=True)
    with pytest.raises(BrokenExecutor):
        stuck.result(timeout=20)
    with pytest.raises(BrokenExecutor):
        executor.submit(os.getpid)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def nothing_first(fork_server):
    """What a worker does before all else, where there is nothing to do."""


def unspeakable():
    """A result that cannot be sent, and then an error that cannot be read."""
    return lambda: None


def test_a_result_that_cannot_travel_is_an_error_and_the_worker_goes_on():
    executor = ProcessExecutor(nothing_first)
    try:
        with pytest.raises(RuntimeError, match="pickle"):
            executor.submit(unspeakable).result(timeout=60)
        with pytest.raises(SystemExit):
            executor.submit(sys.exit, 3).result(timeout=60)
        assert executor.submit(pow, 2, 3).result(timeout=60) == 8
        with pytest.raises((AttributeError, pickle.PicklingError)):
            executor.submit(lambda: None)
        assert executor.submit(pow, 2, 4).result(timeout=60) == 16
    finally:
        executor.shutdown()


def test_things_are_taken_as_workers_get_to_them():
    """The way to fail: a class of thousands read into memory at once."""
    taken = []

    def things():
        for k in range(100):
            taken.append(k)
            yield k

    place = Here(ThreadPoolExecutor)
    results = mapped(place, abs, things())
    next(results)
    assert len(taken) < 10
    assert sorted(result for _, result in results) == list(range(1, 100)) or len(taken) == 100
    place.close()


def test_a_submission_that_is_set_aside_gets_nothing_a_page_and_another_try(fresh, monkeypatch):
    from grader.nbgrader import command

    real = workers.mapped

    def deadly(place, work, things, idle):
        for thing, result in real(place, work, things, idle):
            yield thing, Lost(COMMANDS["lost"].format(times=2)) if thing.student == "ada" else result

    monkeypatch.setattr(command, "mapped", deadly)
    again, _, failed = done(fresh, force=True)
    assert sorted(again) == everybody("ada")
    assert "died 2 times" in failed["ada"]
    assert {row[3] for row in content(url(fresh))["grades"] if row[0] == "ada"} == {0.0}
    assert "died 2 times" in (fresh / "feedback" / "ada" / UNIT / f"{UNIT}.html").read_text("utf-8")
    monkeypatch.setattr(command, "mapped", real)
    assert done(fresh) == (["ada"], everybody("ada"), {})


# --- the command


def test_the_command_grades_in_processes_and_says_what_it_did(fresh, tmp_path):
    """With a temporary folder as clusters have them, in which a socket's address is longer than any system takes."""
    _change_content(fresh)
    (fresh / "submitted" / "ben" / NOTEBOOK).unlink()
    deep = tmp_path / ("deep" * 25)
    deep.mkdir()
    with pytest.raises(OSError, match="too long"):
        socket.socket(socket.AF_UNIX).bind(str(deep / "socket"))
    process = command(fresh, "--jobs", "1", "--json", TMPDIR=str(deep))
    out, err = process.communicate()
    said = json.loads(out)
    assert [grade["student"] for grade in said["graded"]] == ["ada"]
    assert said["unchanged"] == ["deniz", "walt"]
    assert list(said["failed"]) == ["ben"]
    assert process.returncode == 1  # not everybody has a grade
    assert f"{UNIT}: 4 of 4" in err


def test_the_command_tells_in_a_table_and_returns_nothing_amiss(fresh, monkeypatch, capsys):
    monkeypatch.chdir(fresh)
    monkeypatch.setattr("grader.nbgrader.command.local_workers", lambda jobs, fork_server, template: Here())
    assert cli.main(["grade", UNIT, "--force", "--no-sandbox"]) == 0
    out = capsys.readouterr().out
    assert "graded          4" in out
    assert "walt" in out  # who handed in what is no notebook: worth a look
    assert COMMANDS["not_confined"] in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--limit", "patience=3"], "cell_seconds"),
        (["--limit", "threads=many"], "cell_seconds"),
        (["--jobs", "0"], "above 0"),
    ],
)
def test_wrong_usage_is_told(fresh, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(fresh)
    with pytest.raises(SystemExit):
        cli.main(["grade", UNIT, *arguments])
    assert said in capsys.readouterr().err


def test_an_empty_class_is_told(fresh):
    (fresh / "submitted").rename(fresh / "elsewhere")
    with pytest.raises(CourseError, match=r"nobody has handed in anything.*submitted/STUDENT"):
        grade_class(Course(fresh, UNIT), Here)


def test_a_cluster_that_is_not_there_is_told(fresh, monkeypatch, capsys):
    monkeypatch.chdir(fresh)
    monkeypatch.setattr("grader.classroom.workers.CONNECTS_WITHIN", 1.0)
    assert cli.main(["grade", UNIT, "--force", "--dask", "tcp://127.0.0.1:1"]) == 1
    assert "no Dask scheduler at tcp://127.0.0.1:1" in capsys.readouterr().err
