"""Helpers that several tests share: Questions beyond the shipped ones, Problems computed once, Answers by hand."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from grader.classroom.cells import cells_of
from grader.classroom.judging import Rules
from grader.classroom.notes import Notes
from grader.demo import sample as demo
from grader.mistakes import CATALOGUE
from grader.models import Loss, Trained
from grader.pack import Packs, installed, loaded, of_path
from grader.predictions import Cause, Letters, Predicted, PredictedShape
from grader.probe import Answer, Value, plain
from grader.problem import Map, Problem, Wrong, like, normal, place, uniform
from grader.quantities import JVP, Column, GradState, Jacobian, Operation, Output, Row, WeightedGradient
from grader.question import Question

PACKS = Packs(map(loaded, installed()))
QUESTIONS = PACKS.questions
SAMPLE = Packs(
    [loaded(of_path(demo.PACK))]
)  # the sample class's, which stay as they are whatever becomes of the course
EVERY = Packs([*PACKS.packs, *SAMPLE.packs])
# Every mistake that a question of the course can name: those of the catalogue, and the questions' own.
MISTAKES = {**{mistake.key: mistake for question in QUESTIONS.values() for mistake in question.also}, **CATALOGUE}
UNITS = sorted({question.unit for question in QUESTIONS.values()})
# All functions of all units, by name.
functions = SimpleNamespace(
    **{
        name: thing
        for unit in UNITS
        for name, thing in vars(import_module(f"grader.units.u{unit}_functions")).items()
        if callable(thing)
    }
)

SWIRL = Map(functions.swirl, {"x": normal(3)})  # 3 outputs of 3 inputs, not symmetric
FAN = Map(functions.fan, {"x": normal(2)})  # 4 of 2
FOLD = Map(functions.fold, {"x": normal(5)})  # 3 of 5
GRID = Map(functions.grid, {"x": normal(3)})  # (2, 3) of (3,)
MIXED = Map(functions.mixed_rows, {"X": normal(3, 2)})  # (3, 2) of (3, 2): square after flattening


def stretched(X: torch.Tensor) -> torch.Tensor:
    """A map from a matrix to a tensor of rank 3."""
    return torch.stack([X * X[:, :1], torch.exp(X / 2)])


def sum_of_linear(x: torch.Tensor) -> torch.Tensor:
    """The sum of J @ x for a J of shape (2, 3)."""
    return (x.new_tensor([[2.0, -1.0, 0.0], [1.0, 3.0, 5.0]]) @ x).sum()


STRETCHED = Map(stretched, {"X": uniform(-1, 1, 2, 2)})  # (2, 2, 2) of (2, 2)


def rules(released, hidden=None, files=None) -> Rules:
    """What the submissions of a released notebook are judged by."""
    return Rules(released, cells_of(released, hidden), EVERY, files or {})


def scored(nb) -> dict[str, float]:
    """``{grade_id: score}`` of a judged notebook: the numbers that nbgrader reads, which the notes say, too."""
    notes, scores = Notes.of(nb), {}
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            id, (result, *_) = cell.metadata.nbgrader.grade_id, cell.outputs
            scores[id] = float(result.data["text/plain"])
            assert scores[id] == (notes.verdicts[id]["score"] if id in notes.verdicts else 0.0)
            assert (id in notes.verdicts) != (id in notes.unjudged)
    return scores


@contextlib.contextmanager
def case(name: object):
    """Names the case of a loop that a failure belongs to."""
    try:
        yield
    except BaseException as why:
        why.add_note(f"in the case {name}")
        raise


def needs_a_weight():
    x = torch.ones(3, requires_grad=True)
    torch.autograd.grad(2 * x, x)


def runs_through():
    return torch.ones(3) + 1


def an_integer():
    torch.ones(3, dtype=torch.int64, requires_grad=True)


# Quantities, shapes and mistakes that no shipped Question has yet.
_CONSTRUCTED = [
    Question("99.row", "A row", Row(), [SWIRL, FAN], ("f", "x", "i"), extras={"i": place()}),
    Question(
        "99.row_of_a_matrix",
        "A row, in a matrix's shape",
        Row(wrt="X"),
        [MIXED],
        ("f", "X", "i"),
        extras={"i": place()},
    ),
    Question("99.column", "A column", Column(), [SWIRL, FAN], ("f", "x", "j"), extras={"j": place("x")}),
    Question(
        "99.column_of_a_matrix",
        "A column, in a matrix's shape",
        Column(),
        [GRID],
        ("f", "x", "j"),
        extras={"j": place("x")},
    ),
    Question("99.jvp", "A JVP", JVP(), [SWIRL, FOLD], ("f", "x", "u"), extras={"u": like("x")}),
    Question(
        "99.jvp_of_a_matrix",
        "A JVP of a matrix",
        JVP(wrt="X"),
        [MIXED],
        ("f", "X", "u"),
        extras={"u": like("X")},
    ),
    Question("99.jacobian", "The Jacobian of a matrix", Jacobian(wrt="X"), [MIXED], ("f", "X")),
    Question(
        "99.any_shape",
        "A weighted gradient of matrices",
        WeightedGradient(wrt="X"),
        [MIXED, STRETCHED],
        ("f", "X", "V"),
        weights={"V": None},
    ),
    Question(
        "99.two_backwards",
        "Two calls of backward",
        GradState(),
        [SWIRL, FAN],
        ("f", "x", "v", "w"),
        weights={"v": None, "w": None},
    ),
    Question(
        "99.shape_of_gradient",
        "Predict a gradient's shape",
        PredictedShape(of=WeightedGradient()),
        [Map(functions.gated, {"A": normal(2, 4), "x": normal(4)})],
        weights={"v": None},
    ),
    Question(
        "99.shape_of_table",
        "Predict a Jacobian's shape",
        PredictedShape(of=Jacobian()),
        [FAN],
    ),
    Question(
        "99.predict_a_vector",
        "Predict a vector",
        Predicted(of=WeightedGradient()),
        [FAN],
        weights={"v": None},
    ),
    Question(
        "99.letters",
        "Which need a weight?",
        Letters(calls={"a": runs_through, "b": needs_a_weight, "c": needs_a_weight}, error="scalar_needed"),
    ),
    Question(
        "99.cause",
        "Why does it stop?",
        Cause(snippet=an_integer, options={"a": "no_graph", "b": "integer_tensor", "c": "too_slow"}),
    ),
    Question(
        "99.two_outputs",
        "Both outputs",
        Output(),
        [Map(functions.two_heads, {"x": normal(3)})],
        ("x",),
        also=[MISTAKES["weights_exchanged"].derived(lambda p: tuple(y.numpy() for y in reversed(p.outputs)))],
    ),
]

SHIPPED = QUESTIONS
CONSTRUCTED = {question.id: question for question in _CONSTRUCTED}
ALL = {**SHIPPED, **CONSTRUCTED}


@cache
def sample(id: str, seed: int) -> Problem:
    """The Problem of a question at a seed, computed once."""
    return ALL[id].sample(seed)


@cache
def posed(id: str) -> tuple[Problem, ...]:
    """The problems that one check of this question poses."""
    question = ALL[id]
    return tuple(question.problems())


def varied(id: str, **changes: Any) -> Question:
    """A question with some of its settings changed."""
    return replace(ALL[id], **changes)


def returned(value: Any, form: str = "tensor") -> Answer:
    """The Answer of a student's function that returned this array, tuple of arrays, or text."""
    return Answer(value=plain(as_returned(value, form)))


def returned_on(p: Problem, value: Any, stage: int = -1) -> Answer:
    """The same on one problem, with what the probe sees beside it, as it must be, where the question asks for that.

    stage: where an answer is judged in stages, the one that the value belongs to: those before it are right.
    """
    asks = p.question.asks
    if isinstance(asks, (Operation, Loss)):
        return _pulled(asks, p, value, last=stage in (-1, 1))
    if isinstance(asks, Trained):
        return Answer(value=plain(as_returned(fitted(p, value))))
    answer = returned(value, asks.form)
    if not (asks.differentiable or asks.frees_graph):
        return answer
    assert answer.value is not None
    seen = plain(torch.from_numpy(asks._moved(p)) if asks.differentiable else 1.0)
    return Answer(value=Value("tuple", items=(answer.value, seen), type_name="tuple"))


def fitted(p: Problem, value: np.ndarray, steps: int = 60) -> tuple[np.ndarray, ...]:
    """Parameters of a model that has this value at the problem's points, nearly: by Levenberg and Marquardt's steps."""
    names, damping = p.question.asks.names, 1e-2

    def miss(q: Problem) -> np.ndarray:
        return value.reshape(-1) - q.y

    for _ in range(steps):
        J = np.hstack([p.jacobians[name] for name in names])
        step = np.linalg.solve(J.T @ J + damping * np.eye(J.shape[1]), J.T @ miss(p))
        moved, start = p, 0
        for name in names:
            size = p.inputs[name].numel()
            part = torch.from_numpy(step[start : start + size]).reshape(p.inputs[name].shape)
            moved, start = moved.at(name, p.inputs[name] + part), start + size
        better = np.linalg.norm(miss(moved)) < np.linalg.norm(miss(p))
        p, damping = (moved, damping / 3) if better else (p, damping * 4)
    return tuple(p.inputs[name].numpy() for name in names)


def _pulled(asks: Operation | Loss, p: Problem, value: Any, last: bool) -> Answer:
    """What the probe sees of an operation with this gradient, or with this value and no gradient."""
    right = as_returned(p.stages[0].truth)
    gradients = value if isinstance(value, tuple) else (value,)
    seen = (right, as_returned(gradients)) if last else (as_returned(value), None)
    second = as_returned(asks.once_more(p)) if isinstance(asks, Operation) and asks.differentiable else None
    return Answer(value=Value("tuple", items=tuple(map(plain, (*seen, second))), type_name="tuple"))


def as_returned(value: Any, form: str = "tensor") -> object:
    """A true or wrong value as a student would return it: tensors, a tuple of ints for a shape, letters."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return tuple(as_returned(entry, form) for entry in value)
    if form == "shape":
        return tuple(int(size) for size in np.atleast_1d(value))
    return torch.from_numpy(np.array(value, dtype=complex if np.iscomplexobj(value) else float))


def cases(problems: Sequence[Problem], key: str) -> list[tuple[list[Problem], list[Wrong]]]:
    """A mistake's cases: each the problems on which it can be made, and what it gives on them."""
    able = [p for p in problems if any(wrong.key == key for wrong in p.wrongs)]
    found = [[wrong for wrong in p.wrongs if wrong.key == key] for p in able]
    most = max(len(wrongs) for wrongs in found)
    return [(able, [wrongs[k % len(wrongs)] for wrongs in found]) for k in range(most)]


def keys(problems: Sequence[Problem]) -> list[str]:
    """The mistakes that can be made on at least one of the problems, in the catalogue's order."""
    return list(dict.fromkeys(wrong.key for p in problems for wrong in p.wrongs))
