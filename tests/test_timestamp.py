"""A time is read as intended, in each of its forms, and whatever is uncertain about it is reported."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from courses import UNIT, Here, content, handed_in, url
from nbgrader.api import Gradebook
from nbgrader.utils import parse_utc

from grader.classroom import timestamp
from grader.demo import sample
from grader.nbgrader import course
from grader.nbgrader.command import grade_class
from grader.nbgrader.folders import Course
from grader.words import COMMANDS

NOW = datetime(2025, 6, 1)
CERTAIN = {
    "2024-11-30 18:00:00 UTC": "18:00",
    "2024-11-30 18:00:00.123456 UTC": "18:00",
    "2024-11-30 18:00:00 utc": "18:00",
    "2024-11-30T18:00:00Z": "18:00",
    "2024-11-30 18:00:00 GMT": "18:00",
    "2024-11-30 18:00:00 +0200": "16:00",
    "2024-11-30 18:00:00 +02:00": "16:00",
    "2024-11-30 18:00:00 +02": "16:00",
    "2024-11-30 18:00:00+02:00": "16:00",
    "2024-11-30T18:00:00+0200": "16:00",
    "2024-11-30 18:00:00 -0330": "21:30",
    "2024-11-30 18:00:00 UTC+2": "16:00",
    "2024-11-30 18:00:00 GMT+02:00": "16:00",
    "Sat, 30 Nov 2024 18:00:00 +0200": "16:00",
    "Sat Nov 30 18:00:00 CET 2024": "17:00",
    "2024-11-30 18:00:00 -0500 (EST)": "23:00",
    "2024-11-30 18:00:00 CET": "17:00",
    "2024-06-30 18:00:00 CEST": "16:00",
    "2024-11-30 18:00:00 EST": "23:00",
    "2024-06-30 18:00:00 EDT": "22:00",
    "Jun 30 2024 18:00 PDT": "01:00",
    "2024-11-30 18:00:00 Europe/Berlin": "17:00",
    "2024-06-30 18:00:00 Europe/Berlin": "16:00",
    "2024-11-30 6:00 PM UTC": "18:00",
    "30.11.2024 18:00 Europe/Berlin": "17:00",
    "\ufeff2024-11-30 18:00:00 UTC\r\n": "18:00",
}
UNCERTAIN = {
    "2024-11-30 18:00:00": ("18:00", "no_zone"),
    "2024-11-30T18:00:00": ("18:00", "no_zone"),
    "2024-11-30 6:00 PM": ("18:00", "no_zone"),
    "30.11.2024 18:00": ("18:00", "no_zone"),
    "2024-11-30": ("00:00", "no_zone"),
    "2024-11-30 18:00:00 Middle/Earth": ("18:00", "unknown_zone"),
    "2024-11-30 18:00:00 XYZ": ("18:00", "unknown_zone"),
    "Nov 30 18:00 2024 XYZ": ("18:00", "unknown_zone"),
    "2024-11-30 18:00:00 +9900": ("18:00", "unknown_zone"),
    "2024-11-30 18:00:00 CST": ("00:00", "unclear_time"),  # in America; in China it is 14 hours earlier
    "2024-06-30 18:00:00 CET": ("16:00", "unclear_time"),  # or 17:00, if it was not meant as the time of the summer
    "2024-10-27 02:30:00 Europe/Berlin": ("00:30", "unclear_time"),  # clocks show it twice
    "2024-03-31 02:30:00 Europe/Berlin": ("01:30", "unclear_time"),  # and this never
    "01/12/2024 18:00 UTC": ("18:00", "unclear_time"),
    "2025-06-01 00:06:00 UTC": ("00:06", "future_time"),
}
NO_TIME = (
    "yesterday",
    "18:00",
    "18:00 UTC",
    "Nov 30 18:00 UTC",
    "1733000000",
    "2024-13-45 18:00 UTC",
    "\x00",
    "+0200",
    "UTC",
)


@pytest.fixture
def read(tmp_path):
    def of(text):
        (tmp_path / "timestamp.txt").write_text(text, "utf-8")
        when, remarks = timestamp.read(tmp_path / "timestamp.txt", NOW)
        return when and f"{when:%H:%M}", remarks

    return of


@pytest.mark.parametrize("text", CERTAIN)
def test_a_time_with_a_known_zone_is_read_and_nothing_is_said(read, text):
    assert read(text) == (CERTAIN[text], ())


@pytest.mark.parametrize("text", UNCERTAIN)
def test_what_is_not_certain_is_read_and_said(read, text):
    when, key = UNCERTAIN[text]
    found, remarks = read(text)
    assert found == when
    start = COMMANDS[key].partition("{read}")[0].format(text=text)
    assert [remark for remark in remarks if remark.startswith(start)] == list(remarks)
    assert len(remarks) == 1


@pytest.mark.parametrize("text", NO_TIME)
def test_what_is_no_date_and_time_is_none_and_said(read, text):
    """Today's date is not put in for one that is missing."""
    found, remarks = read(text)
    assert (found, remarks) == (None, (COMMANDS["bad_timestamp"].format(text=text),))


def test_clocks_may_differ_by_some_minutes(read):
    assert read("2025-06-01 00:04:00 UTC") == ("00:04", ())
    assert len(read("2025-06-01 00:06:00 XYZ")[1]) == 2


def test_there_need_be_no_time(read, tmp_path):
    assert read(" \n") == (None, ())
    assert timestamp.read(tmp_path / "none") == (None, ())


# --- inside nbgrader

HALF_PAST = "2024-11-15 13:30:00 +0200"  # half an hour before the due date, and to nbgrader more than an hour after it
LATE = {HALF_PAST: None, "2024-11-15 13:30:00 XYZ": 24.0, "2024-11-15 14:30:00 +0200": 24.0, "13:30": None}


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    folder = handed_in(tmp_path_factory.mktemp("late") / "course", [s for s in sample.CLASS if s.name == "ada"])
    with (folder / "nbgrader_config.py").open("a") as config:
        config.write("\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    with Gradebook(url(folder)) as book:
        book.update_or_create_assignment(UNIT, duedate="2024-11-15 12:00:00 UTC")
    return folder


def by_nbgrader(folder, monkeypatch):
    done = course.api(folder).autograde(UNIT, "ada", force=True)
    assert done["success"], done["error"]
    return done["log"]


def by_us(folder, monkeypatch):
    (grade,) = grade_class(Course(folder, UNIT), Here, force=True).graded
    return "\n".join(grade.remarks)


@pytest.mark.parametrize("graded", [by_nbgrader, by_us])
@pytest.mark.parametrize("text", LATE)
def test_a_time_makes_late_who_is_late_and_nobody_else(one, graded, text, monkeypatch):
    (one / "submitted" / "ada" / UNIT / "timestamp.txt").write_text(text)
    with Gradebook(url(one)) as book:
        for submission in list(book.assignment_submissions(UNIT)):
            book.remove_submission(UNIT, submission.student.id)
    said = graded(one, monkeypatch)
    ((_, when, _, _, penalty),) = content(url(one))["submissions"]
    assert penalty == LATE[text]
    assert when == timestamp.read(one / "submitted" / "ada" / UNIT / "timestamp.txt")[0]
    assert ("timestamp.txt says" in said) is (text in ("13:30", "2024-11-15 13:30:00 XYZ"))
    assert ("nbgrader read" in said) is (graded is by_nbgrader and text not in ("2024-11-15 13:30:00 XYZ",))


def test_nbgrader_alone_is_hours_off():
    """The way to fail."""
    assert parse_utc(HALF_PAST) - datetime(2024, 11, 15, 12) > timedelta(hours=1)
