"""The kind of a graded cell follows from its source, and cells that cannot be graded are reported before grading."""

from __future__ import annotations

import re

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader import words
from grader.classroom.cells import Cells, cells_of, faults

from support import PACKS

ID = "05.weight_the_outputs"
CHECK = f'check("{ID}", f)'
KINDS = {
    "test": {"grade": True, "locked": True},
    "manual": {"grade": True, "solution": True},
    "answer": {"solution": True},
    "locked": {"locked": True},
    "task": {"task": True},
}
IMPORT = "from grader import check"


def cell(source: str, kind: str = "", id: str = "cell-3", points: float = 2, text: bool = False):
    made = (new_markdown_cell if text else new_code_cell)(source)
    if kind:
        rules = {"grade": False, "solution": False, "locked": False, "task": False, "points": points, "grade_id": id}
        made.metadata["nbgrader"] = rules | KINDS[kind]
    return made


def notebook(*cells, imports: str = IMPORT):
    return new_notebook(cells=[new_code_cell(imports), *cells])


def said(*cells, hidden=None, imports: str = IMPORT) -> list[str]:
    return faults("release/ps1/a.ipynb", notebook(*cells, imports=imports), PACKS, hidden)


# --- what a cell is


def test_each_graded_cell_is_what_it_says_and_never_what_it_is_called():
    nb = notebook(
        cell(CHECK, "test", "cell-1"),
        cell("assert f(1) == 2", "test", ID.replace(".", "-")),  # the id of a question, and an ordinary test
        cell("my answer", "manual", "cell-4", text=True),
        cell("def g(): ...", "manual", "cell-5"),
        cell("do this", "task", "cell-6", text=True),
        cell("def f(): ...", "answer", "cell-7"),
        cell(CHECK),
    )
    assert cells_of(nb) == Cells(
        {"cell-1": ID},
        {ID.replace(".", "-"): "assert f(1) == 2"},
        ("cell-4", "cell-5", "cell-6"),
        ("cell-1", ID.replace(".", "-"), "cell-4", "cell-5", "cell-6"),
    )


@pytest.mark.parametrize(
    ("imports", "source"),
    [
        (IMPORT, CHECK),
        (IMPORT, f"check('{ID}', f)"),
        (IMPORT, f'check(id="{ID}", answer=f)'),
        (IMPORT, f'shown = check("{ID}", f)\nshown'),
        (IMPORT, f'if True:\n    check("{ID}",\n          f)'),
        (IMPORT, f'%matplotlib inline\ncheck("{ID}", f)'),
        ("from grader import check as ask", f'ask("{ID}", f)'),
        ("import grader", f'grader.check("{ID}", f)'),
        ("import grader as g", f'g.check("{ID}", f)'),
        ("from grader import *", CHECK),
        ("import torch", CHECK),  # nobody imports it, which is a fault; and yet it is no test
    ],
)
def test_a_check_is_found_by_whatever_name_it_was_imported(imports, source):
    assert cells_of(notebook(cell(source, "test"), imports=imports)).questions == {"cell-3": ID}


@pytest.mark.parametrize(
    ("imports", "source"),
    [
        (IMPORT, "assert f(1) == 2"),
        (IMPORT, "assert f("),
        (IMPORT, f'print("check({ID!r}, f)")'),
        (IMPORT, f'# check("{ID}", f)\nassert f'),
        (IMPORT, f'other.check("{ID}", f)'),
        ("def check(name, value):\n    assert value", CHECK),  # a course's own function
        ("from helper import check", CHECK),
        ("check = print", CHECK),
        ("import torch", 'check("only one argument")'),
    ],
)
def test_what_is_no_check_is_an_ordinary_test(imports, source):
    found = cells_of(notebook(cell(source, "test"), imports=imports))
    assert (found.questions, found.tests) == ({}, {"cell-3": source})


def test_a_test_is_run_with_its_hidden_tests():
    whole = "assert f(1) == 2\n### BEGIN HIDDEN TESTS\nassert f(2) == 3\n### END HIDDEN TESTS"
    nb = notebook(cell("assert f(1) == 2", "test"), cell(CHECK, "test", "cell-4"))
    assert cells_of(nb, {"cell-3": whole, "cell-4": "assert False"}) == Cells(
        {"cell-4": ID}, {"cell-3": whole}, (), ("cell-3", "cell-4")
    )


# --- what nobody can grade


def test_a_notebook_that_can_be_graded_has_no_faults():
    assert said(cell(CHECK, "test"), cell("assert f", "test", "b", 7), cell("text", "manual", "c", text=True)) == []


FAULTS = [
    ("unknown", [cell('check("05.weigh_the_outputs", f)', "test")], {}),
    ("points", [cell(CHECK, "test", points=3)], {}),
    ("not_graded", [cell(CHECK), cell("assert f", "test", "b")], {}),
    ("not_graded", [cell(CHECK, "locked"), cell("assert f", "test", "b")], {}),
    ("not_graded", [cell(CHECK, "manual")], {}),
    ("no_literal", [cell("check(name, f)", "test")], {}),
    ("two_checks", [cell(f"{CHECK}\n{CHECK}", "test")], {}),
    ("again", [cell(CHECK, "test", "b"), cell(CHECK, "test")], {}),
    ("hidden_check", [cell("assert f", "test")], {"hidden": {"cell-3": f"assert f\n{CHECK}"}}),
    ("not_imported", [cell(CHECK, "test")], {"imports": "import torch"}),
    ("empty", [cell("", "test")], {}),
    ("empty", [cell("# nothing", "test")], {}),
    ("no_python", [cell("assert f(", "test")], {}),
    ("nothing_graded", [cell("1 + 1"), cell("def f(): ...", "answer")], {}),
    ("nothing_graded", [], {}),
]


@pytest.mark.parametrize(("key", "cells", "more"), FAULTS, ids=[f"{key}-{k}" for k, (key, *_) in enumerate(FAULTS)])
def test_what_nobody_can_grade_is_told_with_notebook_cell_and_remedy(key, cells, more):
    (one,) = said(*cells, **more)
    start = re.split(r"\{", words.CELLS[key].replace("{notebook}", "release/ps1/a.ipynb"))[0]
    assert one.startswith(start)
    if key != "nothing_graded":
        assert re.search(r"cell (cell-3|number 2)", one)
    fixed = re.sub(r"\{[^}]*\}", "\0", words.CELLS[key])
    assert all(part in one for part in fixed.split("\0") if "{" not in part)  # the whole of this sentence, no other


def test_an_unknown_id_comes_with_those_that_are_near_and_the_packs_at_hand():
    (one,) = said(cell('check("05.weigh_the_outputs", f)', "test"))
    assert ID in one
    assert "grader.units" in one


def test_points_that_differ_come_with_the_place_of_the_question():
    (one,) = said(cell(CHECK, "test", points=3))
    assert re.search(r"u05_weighted_vjp\.py:\d+", one)


def test_an_empty_cell_with_hidden_tests_is_a_test():
    assert said(cell("", "test"), hidden={"cell-3": "### BEGIN HIDDEN TESTS\nassert f\n### END HIDDEN TESTS"}) == []


def test_magics_and_autotests_are_no_faults():
    assert said(cell("%timeit f(1)\n!ls\nassert f", "test"), cell("### AUTOTEST f(1)", "test", "b")) == []


def test_all_faults_are_told_at_once():
    found = said(cell('check("a.b", f)', "test"), cell(CHECK, "test", "b", 9), cell(CHECK))
    assert len(found) == 3
