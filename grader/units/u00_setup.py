"""Unit 00: run, check, read an error, take a hint."""

import torch

from grader.mistakes import CATALOGUE, Mistake
from grader.predictions import Cause, PredictedShape
from grader.problem import Map, normal
from grader.quantities import Output
from grader.question import Question
from grader.units import u00_functions as functions


def wrong_order() -> torch.Tensor:
    """The snippet of 00.read_an_error."""
    A = torch.ones(4, 3)
    x = torch.ones(4)
    return A @ x


DOUBLED_NOT_SQUARED = Mistake(
    "doubled_not_squared",
    formula="2x",
    name="doubled instead of squared",
    says="this is 2x, not x².",
    why="`2 * x` doubles; a power is written with two asterisks.",
    on_problem=lambda p: 2 * p.inputs["x"].numpy(),
)
SQUARES_ADDED_UP = Mistake(
    "squares_added_up",
    formula="(x**2).sum()",
    name="the squares added up",
    says="this is the sum of all squares, a single number.",
    why="The exercise asks for the square of every entry, in x's shape: `x**2` alone.",
    on_problem=lambda p: (p.inputs["x"] ** 2).sum().numpy(),
)
ALONG_OTHER_DIM = Mistake(
    "along_other_dim",
    formula="A.mean(dim=0)",
    name="along the other dimension",
    says="this was computed along the other dimension.",
    why="`dim` names the dimension that disappears. `dim=0` adds down the columns and leaves one entry per column; "
    "`dim=1` adds along the rows and leaves one entry per row.",
    on_problem=lambda p: [({}, reduce(p.inputs["A"], 0).numpy()) for reduce in (torch.mean, torch.sum)],
)
SUM_FOR_MEAN = Mistake(
    "sum_for_mean",
    formula="A.sum(dim=1)",
    name="a sum instead of a mean",
    says="this is the sum; the exercise asks for the mean.",
    why="A mean is the sum divided by the number of entries that were added.",
    on_problem=lambda p: p.inputs["A"].sum(dim=1).numpy(),
)
DIVIDED_BY_ROWS = Mistake(
    "divided_by_rows",
    formula="A.sum(dim=1) / A.shape[0]",
    name="divided by the number of rows",
    says="this is the sum of each row, divided by the number of rows.",
    why="A row has as many entries as there are columns, so divide its sum by the number of columns. `A.shape` is "
    "(rows, columns); `A.mean` counts for you.",
    on_problem=lambda p: (p.inputs["A"].sum(dim=1) / p.inputs["A"].shape[0]).numpy(),
)
DIMENSION_KEPT = Mistake(
    "dimension_kept",
    formula="A.mean(dim=1, keepdim=True)",
    name="the dimension was kept",
    says="these are the right numbers, but in a table with a single column.",
    why="The dimension that should disappear is still there, with size 1: `keepdim=True` does that, and so does "
    "`reshape(-1, 1)`. The shapes (n, 1) and (n,) differ.",
    on_problem=lambda p: p.inputs["A"].mean(dim=1, keepdim=True).numpy(),
)

QUESTIONS = [
    Question(
        "00.run_and_check",
        "0.1 Run it, then check it",
        Output(),
        [Map(functions.square, {"x": normal(4)}, "x²"), Map(functions.square, {"x": normal(2, 3)}, "x²")],
        gives=("x",),
        also=(
            DOUBLED_NOT_SQUARED,
            SQUARES_ADDED_UP,
        ),
        points=1,
        stars=1,
        minutes=2,
        hints=(
            "Python writes powers with two asterisks.",
            "`return x ** 2` squares every entry of a tensor, whatever its shape.",
        ),
    ),
    Question(
        "00.predict_a_shape",
        "0.2 Predict a shape",
        PredictedShape(of=Output()),
        [Map(functions.rows_times_vector, {"A": normal(4, 3), "x": normal(3)}, "A @ x")],
        points=1,
        stars=1,
        minutes=3,
        hints=(
            "Each row of A is multiplied by x and added up: how many numbers does one row give?",
            "A has 4 rows, so the result has 4 entries. A shape with one entry is written with a comma: (n,).",
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
            "Read an error from the bottom: the last line says what went wrong.",
            "The message is about sizes. Which two sizes does `A @ x` compare?",
        ),
    ),
    Question(
        "00.use_a_hint",
        "0.4 Ask for a hint, and use it",
        Output(),
        [
            Map(functions.row_means, {"A": normal(3, 5)}, "the mean of each row of A"),
            Map(functions.row_means, {"A": normal(4, 2)}, "the mean of each row of A"),
        ],
        gives=("A",),
        also=(
            ALONG_OTHER_DIM,
            CATALOGUE["over_everything"].derived(
                lambda p: [({}, reduce(p.inputs["A"]).numpy()) for reduce in (torch.mean, torch.sum)]
            ),
            SUM_FOR_MEAN,
            DIVIDED_BY_ROWS,
            DIMENSION_KEPT,
        ),
        points=1,
        stars=2,
        minutes=4,
        hints=(
            "`A.mean()` takes a `dim`: the dimension that disappears.",
            "You need one number per row, so the columns must disappear. Rows are dimension 0, and columns "
            "dimension 1.",
            "`A.mean(dim=1)`",
        ),
    ),
]
