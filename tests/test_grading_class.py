"""A whole class by ``grader grade`` and by ``nbgrader autograde``, side by side: the same scores, comments and pages.

The same configuration and the same secret, so everybody meets the same hidden inputs on both roads.
"""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from courses import UNIT, command, content, copied, files, handed_in, url
from repeats import count

from grader.demo import sample
from grader.nbgrader import course


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """(a course graded by nbgrader, the same one graded by us)."""
    folder = tmp_path_factory.mktemp("both")
    theirs = handed_in(folder / "theirs", [*sample.CLASS, *sample.crowd(count("students"), seed=1)])
    for name, time in (("ada", "2026-11-01 12:00:00 UTC"), ("ben", "2026-12-24 12:00:00 UTC")):
        (theirs / "submitted" / name / UNIT / "timestamp.txt").write_text(time)
    config = theirs / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    course.nbgrader(theirs, theirs / "state", "db", "assignment", "add", UNIT, "--duedate", "2026-11-15 12:00:00 UTC")
    ours = copied(theirs, folder / "ours")
    course.nbgrader(theirs, theirs / "state", "autograde", UNIT)
    course.nbgrader(theirs, theirs / "state", "generate_feedback", UNIT)
    process = command(ours, "--jobs", "1")
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    return theirs, ours


@pytest.mark.parametrize("table", ["students", "submissions", "grades", "comments"])
def test_the_gradebooks_say_the_same(both, table):
    theirs, ours = (content(url(folder))[table] for folder in both)
    assert ours == theirs
    assert len(ours) >= len(sample.CLASS) + count("students")


def test_the_gradebooks_have_something_to_say(both):
    """The way to fail: tables that are empty, or full of one value, are always the same."""
    found = content(url(both[0]))
    assert len({row[3] for row in found["grades"]}) >= 4
    assert {row[3] for row in found["comments"]} == {None, "No response."}
    assert {row[4] for row in found["submissions"]} == {None, 0.0}  # ben was late, and had nothing to lose


def test_the_graded_notebooks_are_the_same_bytes(both):
    theirs, ours = (files(folder) for folder in both)
    assert set(ours) == set(theirs)
    assert [name for name in ours if name.startswith("autograded") and ours[name] != theirs[name]] == []
    assert [name for name in ours if ours[name][1] != theirs[name][1]] == []  # modes


def test_the_pages_are_the_same_documents(both):
    """nbconvert parses and writes each page once more at the end; we do so only where that changes something."""

    def document(page: bytes) -> str:
        return str(BeautifulSoup(page, "html.parser"))

    theirs, ours = (files(folder) for folder in both)
    pages = [name for name in ours if name.endswith(".html")]
    assert len(pages) == len(sample.CLASS) + count("students")
    assert [name for name in pages if document(ours[name][0]) != document(theirs[name][0])] == []
    one = ours[pages[0]][0]
    assert document(re.sub(rb"Score", b"Points", one, count=1)) != document(one)  # the way to fail
