"""The notebooks: canonical, in step with the Questions, full marks with the solutions, zero without."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from torch.autograd import gradcheck, gradgradcheck

import grader
from grader.canonical import canonical, format_file, new_cell, new_notebook
from grader.probe import FUNCTION_USES, OF_A_CLASS

from support import functions

ROOT = Path(__file__).parent.parent
LESSONS = sorted((ROOT / "course").glob("lesson_*.ipynb"))
EXECUTED = ROOT / "course" / "executed"  # the lessons with their text outputs, with which nbval compares
UNITS = [path.stem.removeprefix("lesson_") for path in LESSONS]
STARS = 5


def solution(unit: str) -> Path:
    return ROOT / "solutions" / unit / f"{unit}.ipynb"


def release(unit: str) -> Path:
    return ROOT / "exercises" / unit / f"{unit}.ipynb"


def cells(path: Path, flag: str) -> dict[str, nbformat.NotebookNode]:
    """The notebook's cells whose nbgrader metadata has ``flag``, by grade_id."""
    nb = nbformat.read(path, as_version=4)
    marked = [cell for cell in nb.cells if cell.metadata.get("nbgrader", {}).get(flag)]
    return {cell.metadata.nbgrader.grade_id: cell for cell in marked}


def scores(path: Path, tmp_path: Path) -> dict[str, float]:
    """Run a notebook from top to bottom, stopping at any error, and read each check's score."""
    nb = nbformat.read(path, as_version=4)
    NotebookClient(nb, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    found = {}
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            (output,) = [o for o in cell.outputs if o.output_type == "execute_result"]
            found[cell.metadata.nbgrader.grade_id] = float(output.data["text/plain"])
    return found


def test_every_unit_has_its_lesson_its_solutions_its_release_and_its_questions():
    stems = {path.parent.name for path in (ROOT / "solutions").glob("*/*.ipynb")}
    assert stems == set(UNITS)
    assert {path.parent.name for path in (ROOT / "exercises").glob("*/*.ipynb")} == set(UNITS)
    modules = {path.stem for path in (ROOT / "grader" / "units").glob("u*.py") if not path.stem.endswith("_formulas")}
    assert modules == {f"u{unit}" for unit in UNITS} | {f"u{unit[:2]}_functions" for unit in UNITS}


def test_every_question_has_one_graded_cell_with_its_points_and_in_course_order():
    found = {}
    for unit in UNITS:
        found |= {id: cell.metadata.nbgrader.points for id, cell in cells(solution(unit), "grade").items()}
    assert list(found.items()) == [(q.grade_id, q.points) for q in grader.questions()]


@pytest.mark.parametrize("question", grader.questions(), ids=lambda q: q.id)
def test_statement_says_the_title_stars_minutes_and_points_of_its_question(question):
    path = next(solution(unit) for unit in UNITS if unit.startswith(question.unit))
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    points = f"{question.points} point{'s' if question.points != 1 else ''}"
    stars = "★" * question.stars + "☆" * (STARS - question.stars)
    assert f"## {question.title}\n\n{stars} · {question.minutes} min · {points}\n" in text


@pytest.mark.parametrize("question", grader.questions(), ids=lambda q: q.id)
def test_signature_of_the_stub_is_what_the_question_gives(question):
    path = next(solution(unit) for unit in UNITS if unit.startswith(question.unit))
    source = cells(path, "solution")[f"answer-{question.grade_id}"].source
    arguments = None
    if question.asks.use in OF_A_CLASS:  # what its methods take, the words say
        *_, name = re.findall(r"^class (\w+)\(.*\):$", source, re.MULTILINE)
    elif question.asks.use in FUNCTION_USES:
        name = re.search(r"^class (\w+)\(torch\.autograd\.Function\):$", source, re.MULTILINE)[1]
        arguments = re.search(r"def forward\((?:ctx, )?(.*)\):$", source, re.MULTILINE)[1]
    else:
        (name, arguments) = re.search(r"^def (\w+)\((.*)\):$", source, re.MULTILINE).groups()
    if arguments is not None:
        assert tuple(a.strip() for a in arguments.split(",") if a.strip()) == question.passed
    assert cells(path, "grade")[question.grade_id].source == f'check("{question.id}", {name})'


def given_functions():
    for unit in UNITS:
        for grade_id, cell in cells(solution(unit), "locked").items():
            if grade_id.startswith("given-"):
                yield pytest.param(grade_id.removeprefix("given-"), cell.source, id=grade_id)


def test_operations_shown_in_an_exercise_are_right_once_and_wrong_twice_as_it_is_judged():
    question = next(q for q in grader.questions() if q.id == "11.saved_intermediate")
    source = cells(next(map(solution, (unit for unit in UNITS if unit.startswith("11")))), "locked")
    scope = {"torch": torch}
    exec(source[f"shown-{question.grade_id}"].source, scope)
    shown = [thing for thing in scope.values() if isinstance(thing, type)]
    x = torch.tensor([0.3, -1.1], dtype=torch.float64, requires_grad=True)
    said = [
        [check(thing.apply, (x,), raise_exception=False) for check in (gradcheck, gradgradcheck)] for thing in shown
    ]
    letters = [letter for letter, (once, twice) in zip("abcdefgh", said, strict=False) if once and not twice]
    assert "".join(letters) == question.problems()[0].truth
    assert len(shown) == len(question.asks.calls)


@pytest.mark.parametrize(("id", "source"), list(given_functions()))
def test_function_printed_in_an_exercise_is_the_one_that_is_judged(id, source):
    question = next(q for q in grader.questions() if q.grade_id == id)
    scope = {"torch": torch}
    exec(source, scope)
    for problem in question.problems():
        inputs = tuple(problem.inputs.values())
        assert torch.equal(scope["f"](*inputs), problem.outputs[0])
        other = functions.wave if problem.map.fn is not functions.wave else functions.growth
        with pytest.raises((AssertionError, RuntimeError, IndexError, TypeError)):  # it can tell: others differ
            assert torch.equal(scope["f"](*inputs), other(*inputs))


@pytest.mark.parametrize(
    "path",
    [ROOT / "course" / "start.ipynb", *LESSONS, *EXECUTED.glob("*.ipynb"), *map(solution, UNITS), *map(release, UNITS)],
    ids=lambda p: p.as_posix()[-45:],
)
def test_notebook_is_canonical(path):
    assert not format_file(path, check=True)


def test_canonical_form_notices_what_a_front_end_leaves_behind(tmp_path):
    nb = nbformat.read(EXECUTED / LESSONS[0].name, as_version=4)
    nb.cells[1].execution_count = 7
    nb.metadata["toc"] = {"a": 1}
    path = tmp_path / "executed" / "x.ipynb"
    path.parent.mkdir()
    nbformat.write(nb, path)
    assert format_file(path, check=True)
    assert format_file(path)
    assert not format_file(path)
    assert path.read_text("utf-8") == (EXECUTED / LESSONS[0].name).read_text("utf-8")
    elsewhere = tmp_path / "x.ipynb"
    nbformat.write(nb, elsewhere)
    assert format_file(elsewhere)
    assert elsewhere.read_text("utf-8") == LESSONS[0].read_text("utf-8")


def test_canonical_form_keeps_that_a_source_is_folded_away_and_nothing_else_that_a_front_end_remembers():
    nb = new_notebook([new_cell("code", "1", "folded"), new_cell("code", "2", "open")])
    nb.cells[0].metadata = {"jupyter": {"source_hidden": True, "outputs_hidden": False}, "collapsed": True}
    nb.cells[1].metadata = {"jupyter": {"source_hidden": False, "outputs_hidden": True}}
    folded, opened = canonical(nb, keep_outputs=True).cells
    assert folded.metadata == {"jupyter": {"source_hidden": True}}
    assert opened.metadata == {}


def test_pieces_of_one_stream_are_put_together_and_those_of_two_are_not():
    def said(name, text):
        return nbformat.v4.new_output("stream", name=name, text=text)

    nb = new_notebook([new_cell("code", "1", "talks")])
    nb.cells[0].outputs = [said("stdout", "a"), said("stdout", "b\n"), said("stderr", "c"), said("stdout", "d")]
    outputs = canonical(nb, keep_outputs=True).cells[0].outputs
    assert [(o.name, o.text) for o in outputs] == [("stdout", "ab\n"), ("stderr", "c"), ("stdout", "d")]


@pytest.mark.parametrize("text", ["", "{}", "not json", '{"cells": 3}'])
def test_what_is_no_notebook_is_refused_by_name_and_left_alone(tmp_path, text):
    path = tmp_path / "x.ipynb"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"x\.ipynb is not a notebook"):
        format_file(path)
    assert path.read_text() == text


def without_outputs(path: Path) -> nbformat.NotebookNode:
    return canonical(nbformat.read(path, as_version=4), keep_outputs=False)


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_executed_lesson_is_the_lesson_that_students_open(path):
    assert without_outputs(EXECUTED / path.name) == nbformat.read(path, as_version=4), "run `make lessons`"


def test_every_executed_notebook_is_a_lesson_and_a_changed_one_is_noticed():
    assert {path.name for path in EXECUTED.glob("*.ipynb")} == {path.name for path in LESSONS}
    assert without_outputs(EXECUTED / LESSONS[1].name) != nbformat.read(LESSONS[0], as_version=4)


@pytest.mark.parametrize("unit", UNITS)
def test_executed_lesson_keeps_text_outputs_without_pictures_paths_or_bare_tensors(unit):
    nb = nbformat.read(EXECUTED / f"lesson_{unit}.ipynb", as_version=4)
    outputs = [o for cell in nb.cells if cell.cell_type == "code" for o in cell.outputs]
    assert outputs
    for output in outputs:
        assert set(output.get("data", {})) <= {"text/plain"}
        text = output.get("text", "") + output.get("data", {}).get("text/plain", "")
        assert not re.search(r"/home/|/tmp/|/root/|0x[0-9a-f]{6}|(?<!torch\.)tensor\(", text)


def full_marks(unit: str) -> dict[str, int]:
    return {q.grade_id: q.points for q in grader.questions() if unit.startswith(q.unit)}


def test_solutions_score_full_marks_in_a_kernel(tmp_path):
    assert scores(solution(UNITS[5]), tmp_path) == full_marks(UNITS[5])


@pytest.mark.parametrize("unit", UNITS)
def test_solutions_of_every_unit_score_full_marks_in_a_kernel(unit, tmp_path):
    assert scores(solution(unit), tmp_path) == full_marks(unit)


@pytest.mark.parametrize("unit", UNITS)
def test_untouched_release_runs_to_the_end_and_scores_zero(unit, tmp_path):
    expected = {q.grade_id: 0.0 for q in grader.questions() if unit.startswith(q.unit)}
    assert scores(release(unit), tmp_path) == expected


def small_lesson(path: Path, kept: str) -> None:
    output = nbformat.v4.new_output("stream", name="stdout", text=kept) if kept else None
    cell = nbformat.v4.new_code_cell("print(1 + 1)", outputs=[output] if output else [])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)


def test_nbval_compares_text_outputs_although_no_counts_are_kept(tmp_path):
    shutil.copy(ROOT / "conftest.py", tmp_path)
    for name, kept in (("right", "2\n"), ("wrong", "3\n"), ("lost", "")):
        small_lesson(tmp_path / f"{name}.ipynb", kept)
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env", "."]
    plain = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    said = subprocess.run(command, cwd=tmp_path, env=plain, capture_output=True, text=True, check=False).stdout
    found = dict(re.findall(r"^(\w+)::ipynb::Cell 0 (\w+)", said, re.M))
    assert found == {"right": "PASSED", "wrong": "FAILED", "lost": "FAILED"}, said
