"""Attacks through ``nbgrader autograde`` itself: a class with hostile members, a resubmission, the feedback."""

from __future__ import annotations

import hashlib
import re

import nbformat
import pytest
from attacks import ATTACKS, BASES, FULL, NOTHING, RELEASED, SOLUTION, UNIT
from nbformat.v4 import new_markdown_cell

from grader.demo import sample
from grader.nbgrader import course
from grader.nbgrader.results import results

# The course folder stands where the attacks look for their canary.
MEMBERS = (
    "check_silent",
    "update_gradebook",
    "overwrite_sibling",
    "read_secret",
    "html",
    "future_schema",
    "duplicate_graded",
    "surrogates",
    "half_a_character",
    "daemon",
    "deep_json",
    "forged_flood",
)
SHOWN = ("shown-html", "shown-text")  # whose feedback is looked at
BY_NAME = {attack.name: attack for attack in ATTACKS}


def prelude(folder) -> str:
    return (
        f"CANARY, LONG, PORT, VICTIM, SEGMENT, SHM = {str(folder)!r}, 1e9, 1, 2**30, 2**30, '/dev/shm/x'\n"
        "VICTIM_ADDRESS, ABSTRACT = 0, ''"
    )


def hand_in(folder, student: str, data: bytes) -> None:
    path = folder / "submitted" / student / UNIT / f"{UNIT}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def marked_up(data: bytes) -> bytes:
    """A text cell of the student's with a script in it."""
    nb = nbformat.reads(data.decode(), as_version=4)
    texts = ("<script>alert('text')</script>", "<img src=x onerror=alert(1)>", "[a](javascript:alert(2))")
    nb.cells += [new_markdown_cell(text, id=f"text-{k}") for k, text in enumerate(texts)]
    return nbformat.writes(nb).encode()


@pytest.fixture(scope="session")
def graded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    state = tmp_path_factory.mktemp("state")
    sample.lay_out(folder)
    assert course.api(folder).generate_assignment(UNIT)["success"]
    honest = BASES["solved"].submission(SOLUTION, RELEASED)
    (folder / "submitted" / "ada" / "05").mkdir(parents=True)
    for student in ("ada", "zora", "resubmits"):  # the first and the last to be graded, and one who comes again
        hand_in(folder, student, honest)
    for name in MEMBERS:
        hand_in(folder, f"mallory-{name}", BY_NAME[name].submission(prelude(folder)))
    hand_in(folder, "shown-html", BY_NAME["html"].submission(prelude(folder)))
    hand_in(folder, "shown-text", marked_up(honest))
    course.secret(folder)
    kept = {p: digest(p) for p in folder.rglob("*") if p.is_file() and p.name != "gradebook.db"}
    log = course.nbgrader(folder, state, "autograde", UNIT)
    first = {result.student: result.scores for result in results(folder, UNIT)}
    changed = [str(p) for p, before in kept.items() if digest(p) != before]
    hand_in(folder, "resubmits", BY_NAME["graded_deleted"].submission(prelude(folder)))
    assert course.api(folder).autograde(UNIT, "resubmits", force=True)["success"]
    for student in SHOWN:
        assert course.api(folder).generate_feedback(UNIT, student)["success"]
    second = {result.student: result.scores for result in results(folder, UNIT)}
    return folder, first, second, changed, log


def digest(path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_neighbors_get_their_own_grades_whoever_comes_between(graded):
    _, first, second, _, _ = graded
    for student in ("ada", "zora"):
        assert first[student] == FULL
        assert second[student] == FULL


@pytest.mark.parametrize("name", MEMBERS)
def test_hostile_member_gets_no_more_than_honest(graded, name):
    honest = BY_NAME[name].scores()
    assert all(graded[1][f"mallory-{name}"][id] <= honest[id] for id in honest)


def test_resubmission_without_graded_cells_keeps_no_old_score(graded):
    _, first, second, _, _ = graded
    assert first["resubmits"] == FULL
    assert second["resubmits"] == NOTHING


def test_nothing_in_the_course_folder_changed(graded):
    assert graded[3] == []


def test_secret_is_told_nowhere(graded):
    folder = graded[0]
    secret = repr(course.secret(folder))[2:10]
    pages = [*(folder / "autograded").rglob("*.ipynb"), *(folder / "feedback").rglob("*.html")]
    assert pages
    assert not [page for page in pages if secret in page.read_text("utf-8")]


@pytest.mark.parametrize("name", ["html", "text"])
def test_feedback_page_is_inert(graded, name):
    page = (graded[0] / "feedback" / f"shown-{name}" / UNIT / f"{UNIT}.html").read_text("utf-8")
    assert not re.search(r"<script>\s*alert|<img[^>]*onerror|href=\"javascript:", page)


def test_feedback_of_an_unprotected_nbgrader_would_not_be_inert():
    """nbconvert, as nbgrader calls it, hands a student's HTML to the browser."""
    from nbconvert import HTMLExporter

    nb = nbformat.reads(marked_up(BASES["solved"].submission(SOLUTION, RELEASED)).decode(), as_version=4)
    page, _ = HTMLExporter().from_notebook_node(nb)
    assert re.search(r"<script>\s*alert", page)
