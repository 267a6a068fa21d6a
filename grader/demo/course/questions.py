"""The sample class's own questions: unit 05 of the course as it once was.

They never change, so that whatever is done to the course leaves the class, and the tests that stand on it, as they are.
"""

from typing import Any

import numpy as np
import torch

from grader.authoring import (
    CATALOGUE,
    Gradient,
    GradState,
    Jacobian,
    Letters,
    Map,
    Mistake,
    Predicted,
    Problem,
    Question,
    Row,
    WeightedGradient,
    fixed,
    mixed_signs,
    normal,
    uniform,
)

import functions

PAIR = Map(functions.pair, {"x": normal(3)}, "(x₀x₁, x₁² + sin x₂)")
SWIRL = Map(functions.swirl, {"x": normal(3)}, "(x₀x₁, sin x₁ + 2x₂, x₀x₂ − x₁²)")
FAN = Map(functions.fan, {"x": normal(2)}, "(x₀², x₀x₁, sin x₁, x₀ − 3x₁)")
FOLD = Map(functions.fold, {"x": normal(5)}, "(x₀x₁ − x₄, tanh x₂ + x₀x₃, x₃² + x₁x₄)")

V = {"v": None}


def _x_and_y(differentiate: str) -> Any:
    """One call of vjp.predict_error on fresh x of shape (3,) and y = pair(x) of shape (2,)."""

    def call() -> object:
        x = torch.tensor([1.2, -0.7, 0.4], dtype=torch.float64, requires_grad=True)
        y = functions.pair(x)
        return {
            "no weight": lambda: torch.autograd.grad(y, x),
            "sum": lambda: torch.autograd.grad(y.sum(), x),
            "backward": lambda: y.backward(),
            "weight": lambda: torch.autograd.grad(y, x, grad_outputs=torch.ones_like(y)),
            "one entry": lambda: torch.autograd.grad(y[0], x),
        }[differentiate]()

    return call


def _one_head(p: Problem) -> Any:
    """The weighted gradient of only one of the two outputs, y or z."""
    J, m = p.jacobians["x"], p.outputs[0].numel()
    v = p.question.asks.weight(p)
    return [({"which": "y"}, J[:m].T @ v[:m]), ({"which": "z"}, J[m:].T @ v[m:])]


def _exchanged(p: Problem) -> Any:
    v, m = p.question.asks.weight(p), p.outputs[0].numel()
    return p.jacobians["x"].T @ np.concatenate([v[m:], v[:m]])


def _by_columns(p: Problem) -> Any:
    v = p.question.asks.weight(p)
    m, k = p.outputs[0].shape
    return p.jacobians["x"].T @ v.reshape(k, m).T.reshape(-1)


def _linear_rows(p: Problem) -> np.ndarray:
    return np.array([[2.0, -1.0, 0.0], [1.0, 3.0, 5.0]])


SUM_OF_COLUMNS = Mistake(
    "sum_of_columns",
    formula="J1",
    name="columns added instead of rows",
    says="this adds along each row of J: one number per output.",
    why="With ones as weights, the rows of J are added to each other: one number per input is left, and the result "
    "has x's shape.",
    on_problem=lambda p: _linear_rows(p).sum(axis=1),
)
MEAN_OF_ROWS = Mistake(
    "mean_of_rows",
    name="a mean instead of a sum",
    says="this is the mean of the rows of J; a weight of ones adds them up.",
    why="Nothing is divided: each row is multiplied by its weight, here 1, and the rows are added.",
    on_problem=lambda p: _linear_rows(p).mean(axis=0),
)
ONE_OUTPUT_FORGOTTEN = Mistake(
    "one_output_forgotten",
    name="one of the outputs forgotten",
    says="this is the weighted gradient of {which} alone.",
    why="Both outputs depend on x, and both count. `autograd.grad` takes several outputs at once, with as many "
    "`grad_outputs`.",
    on_problem=_one_head,
)
WEIGHTS_EXCHANGED = Mistake(
    "weights_exchanged",
    formula="J_yᵀw + J_zᵀv",
    name="weights given to the wrong outputs",
    says="each output got the other one's weight.",
    why="`grad_outputs` is matched with `outputs` by place: the first weight belongs to the first output.",
    on_problem=_exchanged,
)

QUESTIONS = [
    Question(
        "vjp.predict_error",
        "5.1 Which of these will PyTorch refuse?",
        Letters(
            calls={
                "a": _x_and_y("no weight"),
                "b": _x_and_y("sum"),
                "c": _x_and_y("backward"),
                "d": _x_and_y("weight"),
                "e": _x_and_y("one entry"),
            },
            error="scalar_needed",
        ),
        points=1,
        stars=1,
        minutes=4,
        hints=(
            "For each line: how many numbers stand at the front of the gradient, and who says how much each counts?",
            "A single number counts 1 without being told. y.sum() and y[0] are single numbers; y is not.",
        ),
    ),
    Question(
        "vjp.weight_the_outputs",
        "5.2 Say how much each output counts",
        WeightedGradient(),
        [PAIR],
        gives=("x", "v"),
        weights=V,
        points=2,
        stars=2,
        minutes=6,
        hints=(
            "`autograd.grad` has an argument for exactly this; which shape must it have?",
            "`grad_outputs=v`: it has the shape of f(x), one weight per output.",
            "`(g,) = torch.autograd.grad(f(x), x, grad_outputs=v)`",
        ),
    ),
    Question(
        "vjp.scalar_trick",
        "5.3 The same by a single number",
        WeightedGradient(),
        [SWIRL, FAN, FOLD],
        gives=("f", "x", "v"),
        weights=V,
        points=2,
        stars=2,
        minutes=6,
        hints=(
            "The gradient of v₀y₀ + v₁y₁ + … is what you want: build that number first.",
            "`(v * f(x)).sum()` is one number, and one number needs no weight.",
        ),
    ),
    Question(
        "vjp.backward_gradient",
        "5.4 The same with backward, on a leaf that has a past",
        GradState(),
        [FAN, SWIRL, FOLD],
        gives=("f", "x", "v"),
        weights=V,
        extras={"stale": lambda generator, p: mixed_signs(*p.inputs["x"].shape)(generator)},
        points=2,
        stars=3,
        minutes=6,
        hints=(
            "`y.backward(gradient=…)` takes the weight that `grad_outputs` takes.",
            "x comes with an old gradient in `x.grad`, and backward adds to it. What must stand there before?",
            "`x.grad = None`, then `f(x).backward(gradient=v)`.",
        ),
    ),
    Question(
        "vjp.one_row",
        "5.5 One row of J",
        Row(),
        [SWIRL, FAN, FOLD],
        gives=("f", "x", "i"),
        extras={"i": lambda generator, p: int(torch.randint(p.y.size, (), generator=generator))},
        points=2,
        stars=2,
        minutes=5,
        hints=(
            "Which weight keeps output i and drops all the others?",
            "A vector of zeros with a single 1 at place i, of y's shape and dtype: `torch.zeros_like(y)`.",
        ),
    ),
    Question(
        "vjp.ones_sum_the_rows",
        "5.6 What do ones do?",
        Predicted(of=Gradient()),
        [Map(functions.sum_of_linear, {"x": fixed([1.0, 1.0, 1.0])}, "J @ x")],
        also=(
            SUM_OF_COLUMNS,
            MEAN_OF_ROWS,
            CATALOGUE["one_output_only"].derived(
                lambda p: [({"i": i, "m": 2}, row) for i, row in enumerate(_linear_rows(p))]
            ),
        ),
        points=1,
        stars=2,
        minutes=4,
        hints=(
            "Each row of J is multiplied by its weight, here 1, and the rows are added to each other.",
            "Three inputs, so three numbers. The first is 2 + 1.",
        ),
    ),
    Question(
        "vjp.several_outputs",
        "5.7 Two outputs, two weights",
        WeightedGradient(),
        [
            Map(functions.two_heads, {"x": normal(3)}, "y = (x₀x₁, sin x₂), z = (x₂², x₀ − x₁x₂)"),
            Map(functions.head_and_tail, {"x": normal(4)}, "y = (x₀², x₀x₁, x₃), z = (x₂x₃, cos x₀, x₁)"),
        ],
        gives=("f", "x", "v", "w"),
        weights={"v": None, "w": None},
        also=(
            ONE_OUTPUT_FORGOTTEN,
            WEIGHTS_EXCHANGED,
        ),
        without={
            "weight_in_other_order": "exchanging v and w is such an order, and has a name of its own here",
        },
        points=2,
        stars=3,
        minutes=6,
        hints=(
            "`outputs` and `grad_outputs` may both be tuples, matched by place.",
            "`y, z = f(x)`, then `torch.autograd.grad((y, z), x, grad_outputs=(v, w))`.",
        ),
    ),
    Question(
        "vjp.several_inputs",
        "5.8 Two inputs, two results",
        WeightedGradient(wrt=("A", "x")),
        [
            Map(functions.layer, {"A": normal(2, 3), "x": normal(3)}, "sin(A @ x)"),
            Map(functions.gated, {"A": normal(2, 4), "x": normal(4)}, "(A @ x) · (x₀², x₁²)"),
        ],
        gives=("f", "A", "x", "v"),
        weights=V,
        partial=True,
        points=2,
        stars=3,
        minutes=6,
        hints=(
            "One call is enough: `inputs` may be a tuple.",
            "`return torch.autograd.grad(f(A, x), (A, x), grad_outputs=v)`; A's gradient has A's shape.",
        ),
    ),
    Question(
        "vjp.mend_the_weight",
        "5.9 Mend a weight of the wrong shape",
        WeightedGradient(),
        [
            Map(functions.grid, {"x": normal(3)}, "outer((x₀, x₁x₂), x) + x²"),
            Map(functions.ledger, {"x": normal(3)}, "the outer product of (x₀x₂, x₁², x₂ − x₀) and (x₁, x₀)"),
        ],
        gives=("f", "x", "v"),
        weights=V,
        handed={"v": lambda v: v.reshape(-1)},
        also=(CATALOGUE["weight_laid_out_by_columns"].derived(_by_columns),),
        points=2,
        stars=3,
        minutes=7,
        hints=(
            "The message names two shapes. Which of them is the weight's, and which must it be?",
            "v holds the right numbers in y's row-major order, in one long line: `v.reshape(y.shape)`.",
        ),
    ),
    Question(
        "vjp.weight_that_depends_on_x",
        "5.10 A weight that depends on x",
        WeightedGradient(),
        [SWIRL, FOLD],
        gives=("f", "weigh", "x"),
        weights=V,
        weigh=functions.three_weights,
        points=3,
        stars=4,
        minutes=8,
        hints=(
            "A weight is a constant of the question, even where it was computed from x.",
            "`(v * y).sum()` differentiates both factors, unless v is detached. What happens to `grad_outputs`?",
            "`v = weigh(x).detach()` is right by either road.",
        ),
    ),
    Question(
        "vjp.rebuild_jacobian",
        "5.11 Rebuild J from weighted gradients",
        Jacobian(),
        [FAN, SWIRL, FOLD],
        gives=("f", "x"),
        points=3,
        stars=3,
        minutes=10,
        hints=(
            "You can get one row with a one-hot weight. How many rows are there, and where do they go?",
            "`torch.stack(rows)` puts tensors of shape (n,) under each other: (m, n).",
            "The graph is needed once per row: `retain_graph=True`, or call f anew each time.",
        ),
    ),
    Question(
        "vjp.transfer",
        "5.12 Transfer: from any shape to any shape",
        WeightedGradient(wrt="X"),
        [
            Map(functions.mixed_rows, {"X": normal(3, 2)}, "X @ Xᵀ[:, :2] + X[:, :2]²"),
            Map(functions.pooled, {"X": normal(2, 4)}, "(the column sums of sin X) · X[0]"),
            Map(functions.stretched, {"X": uniform(-1, 1, 2, 2)}, "(X · X[:, :1], e^(X/2)), stacked"),
        ],
        gives=("f", "X", "V"),
        weights={"V": None},
        points=2,
        stars=4,
        minutes=8,
        hints=(
            "Nothing in `autograd.grad` asks for vectors: the weight has the output's shape, whatever it is.",
            "The result has X's shape. If you flattened anything, undo it at the end.",
        ),
    ),
]

# The lessons are the course's: a mistake of the catalogue belongs to the unit that teaches it.
LESSONS = {
    "vjp": "course/lesson_05_weighted_vjp.ipynb",
    "00": "course/lesson_00_setup.ipynb",
    "01": "course/lesson_01_scalar.ipynb",
    "02": "course/lesson_02_bookkeeping.ipynb",
    "03": "course/lesson_03_vector_to_scalar.ipynb",
    "04": "course/lesson_04_jacobian.ipynb",
    "05": "course/lesson_05_weighted_vjp.ipynb",
    "07": "course/lesson_07_graph_lifetime.ipynb",
    "08": "course/lesson_08_higher_order.ipynb",
}
