"""nbgrader's formgrader, as an instructor uses it: release, grade by its buttons, read a card, grade by hand."""

from __future__ import annotations

import shutil

import own
import pytest
from formgrader import Formgrader
from lab import instructors_lab
from playwright.sync_api import expect

STUDENT = "bo"
BY_HAND = "say-it"


@pytest.fixture(scope="module")
def instructor(installed, tmp_path_factory):
    """(url, folder) of an instructor's JupyterLab in the example course, in which nothing has been released."""
    there = tmp_path_factory.mktemp("instructor")
    shutil.copytree(own.EXAMPLE, there / "course")
    with instructors_lab(there / "course", there / "home") as url:
        yield url, there / "course"


def test_from_release_to_feedback(page, instructor, seen):
    url, folder = instructor
    formgrader = Formgrader(page, url)
    formgrader.press(own.UNIT, "generate")
    assert {path.stem for path in (folder / "release" / own.UNIT).glob("*.ipynb")} == {*own.NOTEBOOKS}

    own.hand_in(folder, STUDENT, own.CLASS[STUDENT])
    formgrader.submissions(own.UNIT)
    row = formgrader.row(STUDENT)
    expect(row).not_to_contain_text("needs manual grading")
    formgrader.press(STUDENT, "autograde")
    expect(row).to_contain_text("needs manual grading")
    seen(page, "autograded")

    formgrader.submission(own.UNIT, "problem1")
    cards = formgrader.frame.get_by_role("group", name="✗ 0 of 3")
    expect(cards.first).to_be_visible()
    seen(cards.first, "a card")
    expect(formgrader.score("cell-21")).to_have_attribute("placeholder", "0")

    formgrader.submission(own.UNIT, "problem2")
    points = formgrader.score(BY_HAND)
    expect(points).to_have_value("")
    points.fill("1.5")
    points.press("Tab")
    comment = formgrader.frame.locator(f"#{BY_HAND}-comment")
    comment.fill("How far is it?")
    comment.press("Tab")
    seen(page, "graded by hand")
    assert_later(lambda: own.scores(folder)[STUDENT][f"problem2/{BY_HAND}"] == 1.5, page)

    formgrader = Formgrader(page, url)
    formgrader.submissions(own.UNIT)
    row = formgrader.row(STUDENT)
    expect(row).to_contain_text("graded")
    expect(row).not_to_contain_text("needs manual grading")
    formgrader.press(STUDENT, "feedback")
    pages = sorted((folder / "feedback" / STUDENT / own.UNIT).glob("*.html"))
    assert [path.stem for path in pages] == [*own.NOTEBOOKS]
    for path in pages:
        page.goto(path.as_uri())
        seen(page, f"feedback {path.stem}", full_page=True)
    expect(page.locator("body")).to_contain_text("How far is it?")


def assert_later(condition, page) -> None:
    """Wait until something that the server writes is written."""
    for _ in range(100):
        if condition():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it was not written")
