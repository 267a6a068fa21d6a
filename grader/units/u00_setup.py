"""Unit 00: run, check, read an error, take a hint."""

import torch

from grader import maps
from grader.quantities import Cause, Output, PredictedShape
from grader.question import Map, Question, normal


def wrong_order() -> torch.Tensor:
    """The snippet of 00.read_an_error."""
    A = torch.ones(4, 3)
    x = torch.ones(4)
    return A @ x


QUESTIONS = [
    Question(
        "00.run_and_check",
        "0.1 Run it, then check it",
        Output(),
        [Map(maps.square, {"x": normal(4)}, "x²"), Map(maps.square, {"x": normal(2, 3)}, "x²")],
        gives=("x",),
        also={
            "doubled_not_squared": lambda p: 2 * p.inputs["x"].numpy(),
            "over_everything": lambda p: (p.inputs["x"] ** 2).sum().numpy(),
        },
        points=1,
        stars=1,
        minutes=2,
        hints=(
            "Python writes powers with two stars.",
            "`return x ** 2` squares every entry; a tensor of any shape will do.",
        ),
    ),
    Question(
        "00.predict_a_shape",
        "0.2 Predict a shape",
        PredictedShape(of=Output()),
        [Map(maps.rows_times_vector, {"A": normal(4, 3), "x": normal(3)}, "A @ x")],
        points=1,
        stars=1,
        minutes=3,
        hints=(
            "Each row of A is multiplied with x and added up: how many numbers does one row give?",
            "A has 4 rows, so there are 4 numbers in one line. A shape with one entry is written with a comma: (n,).",
        ),
    ),
    Question(
        "00.read_an_error",
        "0.3 Read an error",
        Cause(
            snippet=wrong_order,
            options={
                "a": "integer_tensor",
                "b": "shapes_do_not_multiply",
                "c": "name_unknown",
                "d": "wrong_values",
            },
        ),
        points=1,
        stars=1,
        minutes=4,
        hints=(
            "Read an error from the bottom: the last line says what was met.",
            "The message speaks of two sizes. Which sizes does `A @ x` compare?",
        ),
    ),
    Question(
        "00.use_a_hint",
        "0.4 Ask for a hint, and use it",
        Output(),
        [
            Map(maps.row_means, {"A": normal(3, 5)}, "the mean of each row of A"),
            Map(maps.row_means, {"A": normal(4, 2)}, "the mean of each row of A"),
        ],
        gives=("A",),
        also={
            "along_other_dim": lambda p: [({}, reduce(p.inputs["A"], 0).numpy()) for reduce in (torch.mean, torch.sum)],
            "over_everything": lambda p: [({}, reduce(p.inputs["A"]).numpy()) for reduce in (torch.mean, torch.sum)],
            "sum_for_mean": lambda p: p.inputs["A"].sum(dim=1).numpy(),
            "divided_by_rows": lambda p: (p.inputs["A"].sum(dim=1) / p.inputs["A"].shape[0]).numpy(),
            "dimension_kept": lambda p: p.inputs["A"].mean(dim=1, keepdim=True).numpy(),
        },
        points=1,
        stars=2,
        minutes=4,
        hints=(
            "`A.mean()` takes a `dim`: the dimension that disappears.",
            "One number per row is wanted, so the columns must disappear. Rows are dimension 0, columns dimension 1.",
            "`A.mean(dim=1)`",
        ),
    ),
]
