"""Cells that lost their ids are found again where it is clear which they are, and left alone where it is not."""

from __future__ import annotations

import json
import random
from copy import deepcopy

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader.classroom import matching, submission
from grader.classroom.inert import inert
from grader.classroom.matching import Cell
from grader.classroom.submission import grade_id
from grader.words import FEEDBACK

from support import case


def of(kind, source, id="", **rules):
    """A cell as the release version has it, under an id that says nothing of what it is."""
    make = new_code_cell if kind == "code" else new_markdown_cell
    cell = make(source, id=f"c-{id}" if id else "c-" + "".join(filter(str.isalnum, source))[:20])
    if id:
        cell.metadata["nbgrader"] = {"grade_id": id, "grade": False, "solution": False, "locked": True, **rules}
    return cell


def released():
    """A unit of two functions, a number, and two texts that a person grades."""
    answer, test, words = {"solution": True}, {"grade": True, "points": 1}, {"solution": True, "grade": True}
    return new_notebook(
        cells=[
            of("code", "import torch"),
            of("markdown", "# One"),
            of("code", "def first(x):\n    raise NotImplementedError()", "q7", **answer),
            of("code", "assert first(1) == 1", "zz", **test),
            of("markdown", "# Two"),
            of("code", "def second(x):\n    raise NotImplementedError()", "a", **answer),
            of("code", "assert second(1) == 1", "b", **test),
            of("markdown", "# Three"),
            of("code", "# YOUR CODE HERE\nraise NotImplementedError()", "cell-81", **answer),
            of("code", "assert number == 1", "cell-80", **test),
            of("markdown", "Why?", "why"),
            of("markdown", "YOUR ANSWER HERE", "essay", **words, points=3),
            of("markdown", "And how?", "how"),
            of("markdown", "YOUR ANSWER HERE", "essay-2", **words, points=3),
            of("markdown", "The end."),
        ]
    )


ANSWERS = {
    "q7": "def first(x):\n    return x",
    "a": "def second(x):\n    return x * x",
    "cell-81": "number = 1",
    "essay": "Because it is so.",
    "essay-2": "With care.",
}
IDS = [grade_id(cell) for cell in released().cells if grade_id(cell)]


def answered():
    nb = released()
    for cell in nb.cells:
        cell.source = ANSWERS.get(grade_id(cell), cell.source)
    return nb


def mended(nb):
    return submission.mend(submission.read(nbformat.writes(nb).encode()), released())


def stripped(nb, ids=None):
    """The notebook without the metadata of these cells, or of all."""
    for cell in nb.cells:
        if ids is None or grade_id(cell) in ids:
            cell.metadata = {}
    return nb


def sources(nb):
    return {grade_id(cell): cell.source for cell in nb.cells if grade_id(cell)}


def place(nb, id):
    return next(k for k, cell in enumerate(nb.cells) if grade_id(cell) == id)


def remarks(key, **facts):
    return FEEDBACK[key].format(**facts)


@pytest.mark.parametrize("ids", [None, {"q7"}, {"b"}, {"essay"}, {"essay", "why", "how"}, {"cell-81", "cell-80"}])
def test_cells_that_lost_their_metadata_are_what_they_were(ids):
    nb = mended(stripped(answered(), ids))
    kept = [cell for cell in nb.cells if cell.id != submission.REMARKS]
    assert [(c.source, c.metadata) for c in kept] == [(c.source, c.metadata) for c in answered().cells]
    (said,) = submission.remarks(nb)
    assert said == remarks("recognized", cells=", ".join(i for i in IDS if i in ids) if ids else f"{len(IDS)} cells")


def test_without_the_matching_nothing_of_them_is_found(monkeypatch):
    """The way to fail: to look at ids only."""
    monkeypatch.setattr(matching, "found", lambda theirs, ours: matching.Found())
    found = sources(mended(stripped(answered())))
    assert not [id for id in ANSWERS if found.get(id) == ANSWERS[id]]


def test_what_was_not_touched_is_still_as_it_was_released():
    nb = released()
    nb.cells[11].source = ANSWERS["essay"]
    assert sources(mended(stripped(deepcopy(nb)))) == sources(nb)


def test_trailing_white_space_hides_no_cell_and_is_no_change():
    nb = stripped(answered())
    for cell in nb.cells:
        cell.source = "\n".join(line + "  " for line in cell.source.split("\n")) + "\n"
    assert submission.remarks(mended(nb)) == [remarks("recognized", cells=f"{len(IDS)} cells")]
    other = answered()
    other.cells[3].source += " "
    assert submission.remarks(mended(other)) == []
    other.cells[3].source = " " + other.cells[3].source  # the way to fail: this may be another program
    assert submission.remarks(mended(other)) == [remarks("changed", id="zz")]


def test_random_losses_among_cells_of_the_students_own_cost_no_answer():
    for seed in range(60):
        rng, nb = random.Random(seed), answered()
        for k in rng.sample(range(len(nb.cells)), rng.randrange(1, len(nb.cells) + 1)):
            nb.cells[k].metadata = {}
        # Own code stands anywhere but where an answer without a name could be it; own text, where no essay is.
        for _ in range(rng.randrange(4)):
            at = rng.choice([k for k, cell in enumerate(nb.cells) if cell.source in ("# One", "# Two", "The end.")])
            nb.cells.insert(at, new_code_cell(rng.choice(["print(1)", "first = second = None", "x = 2"])))
        with case(f"seed {seed}"):
            made = mended(nb)
            assert sources(made) == sources(answered())
            assert [grade_id(cell) for cell in made.cells if grade_id(cell)] == IDS


def test_the_last_cell_that_defines_the_name_is_the_answer_and_all_stand_before_the_check():
    nb = stripped(answered())
    tries = ["def helper(x):\n    return x", "def first(x):\n    return 0", ANSWERS["q7"], "print(first(2))"]
    nb.cells[2:3] = [new_code_cell(source) for source in tries]
    made = mended(nb)
    assert sources(made)["q7"] == ANSWERS["q7"]
    assert [cell.source for cell in made.cells[3 : 3 + len(tries)]] == tries
    assert place(made, "zz") == 3 + len(tries)
    assert submission.remarks(made) == [remarks("recognized", cells=f"{len(IDS)} cells")]


def test_of_several_cells_without_such_a_name_the_last_is_taken_and_that_is_said():
    nb = stripped(answered())
    nb.cells[8:9] = [new_code_cell(source) for source in ("half = 0.5", "2 * half")]
    nb.cells[-4:-3] = [new_markdown_cell(text) for text in ("Because", "it is so.")]
    made = mended(nb)
    assert (sources(made)["cell-81"], sources(made)["essay"]) == ("2 * half", "it is so.")
    assert place(made, "cell-80") > place(made, "cell-81")
    assert "Because" in made.cells[place(made, "essay") - 1].source
    assert submission.remarks(made)[1:] == [remarks("chosen", id="cell-81"), remarks("chosen", id="essay")]


def test_functions_alone_in_a_new_notebook_are_the_answers():
    nb = new_notebook(cells=[new_code_cell(ANSWERS[id]) for id in ("q7", "a")])
    made = mended(nb)
    assert {id: sources(made).get(id) for id in ("q7", "a")} == {id: ANSWERS[id] for id in ("q7", "a")}
    assert place(made, "q7") < place(made, "zz") < place(made, "a") < place(made, "b")


def test_an_answer_written_anew_in_its_place_is_the_answer():
    nb = answered()
    nb.cells[2] = new_code_cell(ANSWERS["q7"])
    made = mended(nb)
    assert sources(made) == sources(answered())
    assert submission.remarks(made) == [remarks("recognized", cells="q7")]


@pytest.mark.parametrize("elsewhere", [True, False])
def test_what_is_said_of_a_missing_answer_is_true_whether_or_not_it_stands_elsewhere(elsewhere):
    nb = answered()
    del nb.cells[2]
    if elsewhere:
        nb.cells.insert(0, new_code_cell(ANSWERS["q7"]))
    made = mended(nb)
    assert "q7" not in sources(made)
    assert any(cell.source == ANSWERS["q7"] for cell in made.cells[: place(made, "zz")]) is elsewhere
    assert submission.remarks(made) == [remarks("missing_answer", id="q7")]
    assert "nothing to check" not in FEEDBACK["missing_answer"]


def test_a_missing_answer_that_a_person_grades_is_put_back_empty_so_that_it_has_a_place_for_a_score():
    nb = answered()
    del nb.cells[11]
    made = mended(nb)
    assert submission.remarks(made) == [remarks("missing_by_hand", id="essay")]
    (put,) = [cell for cell in made.cells if grade_id(cell) == "essay"]
    assert put == next(cell for cell in released().cells if grade_id(cell) == "essay")
    del nb.cells[2]  # one that is judged is not put back: an empty one would stop the cells after it
    assert "q7" not in sources(mended(nb))


def test_a_cell_in_the_place_of_a_locked_one_stays_the_students_own():
    nb = answered()
    nb.cells[3] = new_code_cell("def helper(x):\n    return x")
    made = mended(nb)
    assert [cell.source for cell in made.cells[4:6]] == ["def helper(x):\n    return x", "assert first(1) == 1"]
    assert submission.remarks(made) == [remarks("missing", id="zz")]


def test_two_answers_and_one_cell_are_not_told_apart_by_place():
    """What is ambiguous stays the student's own."""
    ours = [Cell("markdown", "a", "a"), *(Cell("markdown", "", id, True) for id in "xy"), Cell("markdown", "b", "b")]
    theirs = [Cell("markdown", "a", "a"), Cell("markdown", "mine"), Cell("markdown", "b", "b")]
    assert matching.found(theirs, ours) == matching.Found()
    both = [*theirs[:2], Cell("markdown", "mine, too"), theirs[2]]
    assert matching.found(both, ours).ids == {1: "x", 2: "y"}


def test_a_cell_that_claims_an_id_is_taken_for_no_other():
    nb = answered()
    nb.cells[2] = deepcopy(nb.cells[5])  # a copy of the second answer, metadata and all, in place of the first
    nb.cells[2].id = "copy"
    made = mended(nb)
    assert "q7" not in sources(made)
    assert remarks("missing_answer", id="q7") in submission.remarks(made)


def test_ids_that_the_unit_does_not_have_are_as_good_as_none():
    nb = answered()
    for cell in nb.cells:
        if grade_id(cell):
            cell.metadata["nbgrader"]["grade_id"] = f"old-{grade_id(cell)}"
    nb.cells.append(of("code", "mine = 1", "no-such"))
    made = mended(nb)
    assert sources(made) == sources(answered())
    said = [remarks("unknown_id", id="no-such"), remarks("recognized", cells=f"{len(IDS)} cells")]
    assert sorted(submission.remarks(made)) == sorted(said)


def test_other_kinds_of_cells_are_no_answers():
    nb = answered()
    nb.cells[2] = new_markdown_cell(ANSWERS["q7"])
    assert "q7" not in sources(mended(nb))


def test_an_essay_that_is_recognized_is_made_harmless():
    nb = stripped(answered())
    nb.cells[11].source = "<b onclick=x>a</b>"
    assert sources(mended(nb))["essay"] == inert("<b onclick=x>a</b>") != "<b onclick=x>a</b>"


@pytest.mark.parametrize("shape", ["alike", "distinct", "backwards", "named", "known", "blank lines"])
def test_thousands_of_cells_are_each_looked_at_a_few_times(shape, monkeypatch):
    """No comparison of each with each, whatever the cells hold: what is done for each is counted."""
    count, looks = 2000, []
    made = {
        "alike": lambda k: "x = 1",
        "distinct": lambda k: f"x{k} = 1",
        "backwards": lambda k: f"x{count - k} = 1",
        "named": lambda k: "def f(x): pass",
        "known": lambda k: f"x{k} = 1",
        "blank lines": lambda k: "a\n" * 500,
    }[shape]
    cells = [new_code_cell(made(k), id=f"s-{k}") for k in range(count)]
    if shape == "known":
        for k, cell in enumerate(reversed(cells)):
            cell.metadata["nbgrader"] = {"grade_id": f"r{k}"}
    ours = [of("code", f"x{k} = 1", f"r{k}", solution=bool(k % 2)) for k in range(count)]
    for name in ("_bare", "_defined"):
        real = getattr(matching, name)
        monkeypatch.setattr(matching, name, lambda of, real=real: looks.append(of) or real(of))
    monkeypatch.setattr(submission, "grade_id", lambda cell, real=grade_id: looks.append(cell) or real(cell))
    nb = submission.read(json.dumps(new_notebook(cells=cells)).encode())
    submission.mend(nb, new_notebook(cells=ours))
    assert 2 * count < len(looks) < 40 * count
