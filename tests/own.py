"""Helpers that several tests share: the course in ``examples/``, with a class that has handed in."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat

from grader.nbgrader import course, results

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "course"
UNIT, NOTEBOOKS = "ps1", ("problem1", "problem2")

# What each student wrote in place of the solution, {cell: code}.
CLASS = {
    "ada": {},
    "bo": {
        "cell-17": "def weighted(f, w, X, v):\n    return torch.autograd.grad(f(w, X).sum(), w)[0]",
        "cell-20": "def slope(w, X, t):\n    return X.T @ (X @ w - t) / len(t)",
        "cell-24": "def weighted_gradient(x, v):\n    return torch.autograd.grad(f(x), x, grad_outputs=v / len(v))[0]",
        "read-answer": "def columns(path):\n    return [1.0] * 6, [2.0] * 6",  # passes the test that is seen
        "fit-answer": "def line(x, t):\n    return 2.0, 0.0",
        "say-it": "It is far away.",
    },
    "cy": None,  # hands in what was released
}
POINTS = {
    "problem1/cell-18": 2.0,
    "problem1/cell-21": 3.0,
    "problem1/cell-25": 2.0,
    "problem2/read-test": 3.0,
    "problem2/fit-test": 2.0,
    "problem2/say-it": 2.0,
}
SCORES = {
    "ada": {**POINTS, "problem2/say-it": 0.0},
    "bo": {**dict.fromkeys(POINTS, 0.0), "problem2/fit-test": 1.0},
    "cy": dict.fromkeys(POINTS, 0.0),
}
NAMED = {
    "problem1/cell-18": "ones_weight",
    "problem1/cell-21": "half_the_slope",
    "problem1/cell-25": "mean_of_weighted",
}


def solved(nb: nbformat.NotebookNode) -> dict[str, str]:
    """``{grade_id: answer}`` of a source version."""
    answers = [cell for cell in nb.cells if cell.metadata.get("nbgrader", {}).get("solution")]
    lines = {cell.metadata.nbgrader.grade_id: cell.source.splitlines() for cell in answers}
    return {id: "\n".join(line for line in text if "### " not in line) for id, text in lines.items()}


def hand_in(folder: Path, student: str, wrote: dict[str, str] | None) -> None:
    place = folder / "submitted" / student / UNIT
    place.mkdir(parents=True)
    for name in NOTEBOOKS:
        shutil.copy(folder / "release" / UNIT / f"{name}.ipynb", place)
    if wrote is not None:
        answer(folder, place, wrote)


def answer(folder: Path, place: Path, wrote: dict[str, str]) -> None:
    """Write a student's answers into the released notebooks that are in ``place``."""
    for name in NOTEBOOKS:
        answers = solved(nbformat.read(folder / "source" / UNIT / f"{name}.ipynb", 4))
        nb = nbformat.read(place / f"{name}.ipynb", 4)
        for cell in nb.cells:
            id = cell.metadata.get("nbgrader", {}).get("grade_id")
            if id in answers:
                cell.source = wrote.get(id, answers[id])
        nbformat.write(nb, place / f"{name}.ipynb")


def released(folder: Path) -> Path:
    """The example course, copied and released."""
    shutil.copytree(EXAMPLE, folder)
    made = course.api(folder).generate_assignment(UNIT)
    assert made["success"], made["log"]
    course.secret(folder)
    return folder


def with_class(folder: Path) -> Path:
    """The example course, copied and released, with a class that has handed in."""
    released(folder)
    for student, wrote in CLASS.items():
        hand_in(folder, student, wrote)
    return folder


def scores(folder: Path) -> dict[str, dict[str, float]]:
    """``{student: {cell: score}}`` in the gradebook."""
    return {result.student: dict(result.scores) for result in results.results(folder, UNIT)}


def named(folder: Path, student: str) -> dict[str, str]:
    """``{cell: mistake}`` that the judge named in a student's answers."""
    found = {result.student: result for result in results.results(folder, UNIT)}
    return {cell: said["mistake"] for cell, said in found[student].verdicts.items() if said.get("mistake")}
