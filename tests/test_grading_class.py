"""A whole class by ``grader grade`` and by ``nbgrader autograde``, side by side: the same scores, comments and pages.

The same configuration and the same secret, so everybody meets the same hidden inputs on both roads.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup
from courses import UNIT, content, files, url
from repeats import count

from grader.demo import sample
from grader.nbgrader.results import results


@pytest.fixture(scope="module")
def both(class_by_nbgrader, class_by_us):
    """(a course graded by nbgrader, the same one graded by us)."""
    return class_by_nbgrader, class_by_us


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


def test_the_results_are_the_same(both):
    """What is kept as data in the notebooks and beside the run: verdicts, breaches and remarks."""
    timeless = {"seconds": None, "memory": None, "confined": None}
    theirs, ours = ([replace(result, **timeless) for result in results(folder, UNIT)] for folder in both)
    assert ours == theirs
    assert {bool(result.breaches) for result in ours} == {bool(result.remarks) for result in ours} == {True, False}
    assert len({result.score for result in ours}) > 5  # the way to fail: results that are all alike


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
