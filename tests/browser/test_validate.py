"""nbgrader's button Validate, on a notebook that is untouched, one that is wrong, and one that is right."""

from __future__ import annotations

import shutil

import nbformat
import pytest
from lab import ROOT
from playwright.sync_api import expect

from grader.demo.sample import answered

EXERCISES = "exercises/00_setup/00_setup.ipynb"
WRONG = {"answer-00-run_and_check": "return 2 * x"}
SUCCESS = "Success! Your notebook passes all the tests."
PARTIAL = "Partial credit"


def solved(**wrong: str) -> nbformat.NotebookNode:
    """The exercises of unit 00 with their solutions; wrong: ``{grade_id: code in place of the solution}``."""
    nb, solution = (
        nbformat.read(ROOT / name, as_version=4) for name in (EXERCISES, EXERCISES.replace("exercises", "solutions", 1))
    )
    sources = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source for cell in solution.cells}
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            id = cell.metadata.nbgrader.grade_id
            cell.source = answered(sources[id], wrong.get(id))
    return nb


@pytest.mark.parametrize(
    ("name", "says", "says_not"),
    [
        ("untouched", "Not attempted yet", (SUCCESS, PARTIAL)),
        ("wrong", "✗ 0 of 1 — this is 2x, not x².", (SUCCESS, PARTIAL, "Not attempted yet")),
        ("right", SUCCESS, (PARTIAL, "✗", "Not attempted yet")),
    ],
)
def test_validate(opened, page, students_lab, seen, name, says, says_not):
    file = f"exercises/00_setup/{name}.ipynb"
    if name == "untouched":
        shutil.copy(ROOT / EXERCISES, students_lab[1] / file)
    else:
        nbformat.write(solved(**WRONG if name == "wrong" else {}), students_lab[1] / file)
    notebook = opened(file)
    notebook.panel.get_by_role("button", name="Validate").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Validation Results")
    seen(page, name)
    expect(dialog).to_contain_text(says)
    for other in says_not:
        expect(dialog).not_to_contain_text(other)
