"""A live kernel: a check judges no function from before, names the cell to run, and can be interrupted."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from unittest import mock

import nbformat
import pytest
from ipykernel.kernelspec import get_kernel_dict
from nbclient import NotebookClient
from nbgrader.validator import Validator

from grader import words
from grader.card import rich

ROOT = Path(__file__).parent.parent
JUPYTER = ROOT / "grader" / "jupyter"
ID = "00.run_and_check"
IMPORTS, CHECK = "import torch\nfrom grader import check", f'check("{ID}", squares)'
RIGHT, WRONG = "def squares(x):\n    return x**2", "def squares(x):\n    return 2 * x"
UNCLOSED = "def squares(x):\n    return x**2)"
ENDLESS = """import os, signal
def squares(x):
    while True:
        os.kill(os.getpid(), signal.SIGINT)"""


def ran(*sources: str, watched: bool = True) -> list[nbformat.NotebookNode]:
    """These cells, run in a new kernel.  watched: with the extension, as in what ``make lab`` starts."""
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    environment = {"GRADER_PROGRESS": "", "PYTHONPATH": str(ROOT)} | ({"JUPYTER_PATH": str(JUPYTER)} if watched else {})
    with mock.patch.dict(os.environ, environment):
        NotebookClient(nb, kernel_name="python3", allow_errors=True, timeout=120).execute()
    return nb.cells


def shown(cell: nbformat.NotebookNode) -> str:
    """All that a cell shows, as text."""
    said = []
    for output in cell.outputs:
        html = output.get("data", {}).get("text/html", "")
        said.append(" ".join(output.get("traceback", [])) + output.get("text", "") + re.sub("<[^>]*>", "", html))
    return " ".join(unescape(" ".join(said)).split())


def plain(text: str) -> str:
    return re.sub("<[^>]*>", "", unescape(rich(text)))


def not_checked(line: int) -> str:
    place = words.CARD["place_in_cell"].format(line=line)
    return plain(words.NOTICES["not_checked"].format(name="squares", place=place))


SESSION = {  # what was done -> the cells, of which the last is looked at
    "started with a check": [CHECK],
    "then without an answer": [IMPORTS, CHECK],
    "then an answer that stops": [UNCLOSED, CHECK],
    "mended": [RIGHT, CHECK],
    "spoiled by a syntax error": [UNCLOSED, CHECK],
    "stopped before the definition": [f"1 / 0\n{WRONG}", CHECK],
    "stopped after the definition": [f"{RIGHT}\nprint(squares(nothing))", CHECK],
    "renamed": ["def square(x):\n    return x**2)\n", CHECK],
    "wrong": [WRONG, CHECK],
    "a name of the student's own": ["nothing"],
    "interrupted": [ENDLESS, CHECK],
    "after the interrupt": [RIGHT, CHECK],
}


@pytest.fixture(scope="module")
def session():
    """What was done -> the last of its cells, all run in one kernel."""
    cells = iter(ran(*(source for sources in SESSION.values() for source in sources)))
    return {name: [next(cells) for _ in sources][-1] for name, sources in SESSION.items()}


def test_check_after_a_restart_says_to_run_the_first_cell(session):
    cell = session["started with a check"]
    assert shown(cell) == words.NOTICES["first_cell"].format(name="check")
    assert cell.outputs[0].output_type == "error"  # so that nothing counts as right, and Run All stops


def test_check_without_an_answer_says_to_run_its_cell(session):
    said = shown(session["then without an answer"])
    assert said == words.NOTICES["answer_missing"].format(name="squares")


def test_check_of_an_answer_that_never_ran_says_where_its_cell_stopped(session):
    said = shown(session["then an answer that stops"])
    place = words.CARD["place_in_cell"].format(line=2)
    assert said.startswith(words.NOTICES["answer_stopped"].split("{error}")[0].format(name="squares", place=place))
    assert "SyntaxError: unmatched ')'" in said


@pytest.mark.parametrize(("done", "line"), [("spoiled by a syntax error", 2), ("stopped before the definition", 1)])
def test_function_from_before_is_not_judged(session, done, line):
    cell = session[done]
    assert not_checked(line) in shown(cell)
    assert cell.outputs[0].data["text/plain"] == "0.0"
    assert "vnd.grader" not in str(cell.outputs)


@pytest.mark.parametrize("done", ["mended", "stopped after the definition", "renamed", "after the interrupt"])
def test_function_that_was_defined_is_judged(session, done):
    assert session[done].outputs[0].data["text/plain"] == "1.0"


def test_wrong_function_is_judged_wrong(session):
    assert "2x" in shown(session["wrong"])


def test_other_errors_keep_their_traceback(session):
    said = shown(session["a name of the student's own"])
    assert "NameError" in said
    assert "Traceback" in said


def test_interrupted_answer_gets_a_card_with_its_line_and_stops_the_cells_that_wait(session):
    card, error = session["interrupted"].outputs
    said = shown(session["interrupted"])
    line = words.CARD["line"].format(line=4)
    assert words.NOTICES["interrupted"].format(place=words.CARD["place"].format(line=4)) in said
    assert f"{line}: os.kill(os.getpid(), signal.SIGINT)" in said
    assert card.data["text/plain"] == "0.0"
    assert (error.output_type, error.traceback) == ("error", [words.NOTICES["interrupted_all"]])
    assert "grader/" not in str(session["interrupted"].outputs)


ANSWERS = {
    "squares": RIGHT,
    "shape_of_product": "def shape_of_product():\n    return (4,)",
    "cause": 'def cause():\n    return "b"',
    "row_means": "def row_means(A):\n    return A.mean(dim=1)",
}
UNFINISHED = ANSWERS | {"squares": WRONG, "row_means": "def row_means(A):\n    return A.mean(dim=1"}


def validated(folder: Path, answers: Mapping[str, str]) -> str:
    """What nbgrader's Validate says of unit 00 with these answers."""
    nb = nbformat.read(ROOT / "exercises" / "00_setup" / "00_setup.ipynb", 4)
    for cell in nb.cells:
        defined = re.match(r"def (\w+)", cell.source)
        if defined and defined[1] in answers:
            cell.source = answers[defined[1]]
    nbformat.write(nb, folder / "nb.ipynb")
    with mock.patch.dict(os.environ, {"PYTHONPATH": str(ROOT), "JUPYTER_PATH": str(JUPYTER)}):
        validator = Validator()
        validator.stream = io.StringIO()
        validator.validate_and_print(str(folder / "nb.ipynb"))
    return validator.stream.getvalue()


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({}, ["Not attempted yet: 0.1", "Not attempted yet: 0.4", "FAILED ON 4"]),
        (
            UNFINISHED,
            ["0 of 1 — this is 2x, not x²", "SyntaxError", "your answer stopped at its line 2", "FAILED ON 2"],
        ),
        (ANSWERS, ["Success! Your notebook passes all the tests."]),
    ],
    ids=["untouched", "wrong", "right"],
)
def test_validate_shows_the_card_of_every_answer_that_is_not_right(tmp_path, answers, said):
    text = " ".join(validated(tmp_path, answers).split())
    assert [part for part in said if part not in text] == []
    assert "Partial credit" not in text
    assert "..." not in text  # nbgrader cuts long lines


def test_without_the_extension_the_watch_begins_with_the_import_and_a_restart_is_not_explained():
    bare, *_, spoiled, missing = ran(
        CHECK, IMPORTS, RIGHT, UNCLOSED, CHECK, 'check("00.use_a_hint", means)', watched=False
    )
    assert "NameError" in shown(bare)  # the way to fail
    assert not_checked(2) in shown(spoiled)
    assert shown(missing) == words.NOTICES["answer_missing"].format(name="means")


def test_kernel_of_make_lab_is_the_usual_one_with_the_extension():
    ours = json.loads((JUPYTER / "kernels" / "python3" / "kernel.json").read_text("utf-8"))
    usual = get_kernel_dict(extra_arguments=["--InteractiveShellApp.extra_extensions=grader.live"])
    usual["argv"] = ["python", *usual["argv"][1:]]
    assert {key: ours[key] for key in usual} == usual


def test_extension_loads_without_torch():
    code = "import sys, grader.live; print(sorted({'torch', 'numpy', 'IPython'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
