"""Unit 03: the gradient of a scalar with respect to a vector: its shape and its direction."""

from typing import Any

import numpy as np
import torch

from grader.jacobian import flatten, forward_mode
from grader.mistakes import CATALOGUE, Mistake
from grader.predictions import PredictedShape
from grader.problem import Map, Problem, mixed_signs, normal, uniform
from grader.quantities import JVP, Computed, Gradient, Step
from grader.question import Question
from grader.units import u03_functions as functions

OVERFLOW = 709  # exp(709) is finite in float64, exp(710) is not

HILLS = Map(functions.hills, {"x": mixed_signs(3)}, "x₀²x₁ + sin(x₁x₂)")
RIBBON = Map(functions.ribbon, {"x": mixed_signs(4)}, "the sum of all x_i² x_(i+1), + sin(the sum of x)")
CONTRAST = Map(functions.contrast, {"x": mixed_signs(5)}, "log(1 + Σ(x_i − mean of x)²) + x₀x₄")
ANY_LENGTH = Map(functions.ribbon, {"x": mixed_signs(6)}, "the sum of all x_i² x_(i+1), + sin(the sum of x)")


def _gradient(p: Problem) -> np.ndarray:
    """The gradient of the single output with respect to x: (n,)."""
    return p.jacobians["x"].reshape(-1)


def _quadratic(p: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Ax and Aᵀx."""
    A, x = p.inputs["A"].numpy(), p.inputs["x"].numpy()
    return A @ x, A.T @ x


def _one_factor(p: Problem) -> Any:
    right, left = _quadratic(p)
    return [({"kept": "Ax", "lost": "Aᵀx"}, right), ({"kept": "Aᵀx", "lost": "Ax"}, left)]


def _as_symmetric(p: Problem) -> Any:
    right, left = _quadratic(p)
    return [({"formula": "2Ax"}, 2 * right), ({"formula": "2Aᵀx"}, 2 * left)]


def _entry_by_entry(p: Problem) -> Any:
    right, left = _quadratic(p)
    x = p.inputs["x"].numpy()
    return [
        ({}, x * right),
        ({}, 2 * x * right),
        ({}, x * (right + left)),
    ]


def _exponentials(p: Problem) -> Any:
    """exp(x) if it does not overflow, and exp(x − max x)."""
    x = p.inputs["x"].numpy()
    cases = [x - x.max()] if x.max() > OVERFLOW else [x, x - x.max()]
    return [({}, np.exp(case)) for case in cases]


def _one_hot(p: Problem) -> np.ndarray:
    x = p.inputs["x"].numpy()
    return (np.arange(x.size) == x.argmax()).astype(float)


def _direction(p: Problem) -> np.ndarray:
    return np.asarray(p.extras["u"])


def _slope_along(p: Problem) -> Any:
    return _gradient(p) @ _direction(p)


def _whole_step(p: Problem) -> Any:
    x = p.inputs["x"]
    return flatten(p.forward(x + p.extras["u"])).numpy()[0] - p.y[0]


def _part(p: Problem) -> np.ndarray:
    return _gradient(p)[p.extras["k"] :]


def _padded(p: Problem) -> np.ndarray:
    return np.where(np.arange(_gradient(p).size) < p.extras["k"], 0.0, _gradient(p))


def _of_the_slice(p: Problem) -> Any:
    """The gradient of f at x[k:] instead of x; None if f needs three entries."""
    if p.map.fn is functions.hills:
        return None
    return forward_mode(p.map.fn, {"x": p.inputs["x"][p.extras["k"] :]})["x"].reshape(-1)


def _residual(p: Problem) -> tuple[np.ndarray, np.ndarray]:
    """A and r = Ax − b."""
    A, b, x = (p.inputs[name].numpy() for name in ("A", "b", "x"))
    return A, A @ x - b


def _moved(p: Problem, direction: np.ndarray) -> np.ndarray:
    """x − η times a direction."""
    return p.inputs["x"].numpy() - p.extras["eta"] * direction


def _along_residual(p: Problem) -> Any:
    A, r = _residual(p)
    return _moved(p, r) if A.shape[0] == A.shape[1] else None


def _transposed(p: Problem) -> Any:
    A, r = _residual(p)
    return _moved(p, A @ r) if A.shape[0] == A.shape[1] else None


def _unit_step(p: Problem) -> np.ndarray:
    g = _gradient(p)
    return _moved(p, g / np.sqrt(g @ g))


def _all_moved(p: Problem) -> Any:
    total = _gradient(p).sum()
    return [({}, np.full_like(_gradient(p), total)), ({}, total)]


def _u(generator: torch.Generator, p: Problem) -> torch.Tensor:
    return mixed_signs(*p.inputs["x"].shape)(generator)


def _k(generator: torch.Generator, p: Problem) -> int:
    """The start of the slice x[k:], with at least one entry before it and two in it."""
    return int(torch.randint(1, p.inputs["x"].numel() - 1, (), generator=generator))


def _eta(generator: torch.Generator, p: Problem) -> float:
    return float(uniform(0.05, 0.4)(generator))


SHAPE_OF_VALUE = Mistake(
    "shape_of_value",
    name="the shape of f's value",
    says="this is the shape of f's value, a single number.",
    why="One number has one derivative for every number that can be moved. The gradient holds all of them, so it "
    "has the shape of the variable, not that of the value.",
    on_problem=lambda p: np.array(p.outputs[0].shape),
)
SHAPE_OF_OTHER_VARIABLE = Mistake(
    "shape_of_other_variable",
    name="the shape of another variable",
    says="this is the shape of {name}, another variable.",
    why="A gradient has the shape of the variable that it is taken by. The others are held still, and their shapes "
    "do not enter.",
    on_problem=lambda p: [({"name": n}, np.array(p.inputs[n].shape)) for n in ("x", "t")],
)
SHAPE_FLATTENED = Mistake(
    "shape_flattened",
    name="the right count, in one line",
    says="the number of entries is right, but they do not stand in one line.",
    why="Each derivative stands where its own entry stands in the variable. PyTorch never flattens a gradient: its "
    "shape is always that of the variable.",
    on_problem=lambda p: np.array([p.inputs["W"].numel()]),
)
SHAPE_WITH_A_ROW = Mistake(
    "shape_with_a_row",
    name="a row for the output",
    says="this has one more dimension, for the single output.",
    why="A table of derivatives has a row for each output. A gradient is taken of one number, and that number takes "
    "up no dimension: only the variable's shape is left.",
    on_problem=lambda p: np.array([1, *p.inputs["W"].shape]),
)
SYMMETRIC_ASSUMED = Mistake(
    "symmetric_assumed",
    formula="2Ax",
    name="the formula for a symmetric matrix",
    says="this is {formula}, the formula for a symmetric A.",
    why="x stands on both sides of A. Moving the right one gives Aᵀx, moving the left one gives Ax, and the "
    "gradient is their sum, (A + Aᵀ)x. The two parts are equal for every x only where A equals Aᵀ.",
    on_problem=_as_symmetric,
)
ONE_FACTOR_ONLY = Mistake(
    "one_factor_only",
    formula="Ax",
    name="one of the two factors held still",
    says="this is {kept}: only one of the two x was moved.",
    why="x stands on both sides of A. By the product rule there is one part for each: Ax for the left one, Aᵀx for "
    "the right one. Here {lost} is missing.",
    on_problem=_one_factor,
)
FACTOR_X_NOT_DROPPED = Mistake(
    "factor_x_not_dropped",
    formula="2x ⊙ Ax",
    name="still multiplied by x",
    says="every entry is still multiplied by its entry of x.",
    why="xᵀAx has two factors x. By the product rule there is one part for each, and in it that factor is gone: Ax for "
    "the left one, Aᵀx for the right one.",
    on_problem=_entry_by_entry,
)
LOG_BEFORE_SUM = Mistake(
    "log_before_sum",
    formula="(1, 1, …)",
    name="the logarithm before the sum",
    says="this is a 1 for every entry of x, the gradient of x₀ + x₁ + ….",
    why="`torch.log(torch.exp(x)).sum()` takes the logarithm of every exponential by itself, which gives back x. Add "
    "the exponentials up first, and then take one logarithm of their sum.",
    on_problem=lambda p: np.ones_like(p.truth),
)
EXPONENTIALS_ALONE = Mistake(
    "exponentials_alone",
    formula="exp(x)",
    name="not divided by the sum",
    says="these are exponentials that were not divided by their sum.",
    why="The derivative of log s is 1/s, and here s is the sum of all exponentials. With this factor the entries of "
    "the gradient add up to 1.",
    on_problem=_exponentials,
)
GRADIENT_OF_MAXIMUM = Mistake(
    "gradient_of_maximum",
    formula="∇max(x)",
    name="the gradient of the maximum",
    says="this is 1 at the largest entry and 0 elsewhere: the gradient of max(x).",
    why="The logarithm of a sum of exponentials comes near the maximum where one entry is much larger than all "
    "others. Otherwise every entry has its share.",
    on_problem=_one_hot,
)
MAXIMUM_NOT_ADDED = Mistake(
    "maximum_not_added",
    formula="∇f − ∇max(x)",
    name="the maximum was not added back",
    says="this is the right answer minus 1 at the largest entry.",
    why="Shifting by the maximum m keeps the exponentials small, but it changes the value: log Σ exp(x_i) = m + log "
    "Σ exp(x_i − m). m depends on x, too: differentiate both places where it stands, or neither.",
    on_problem=lambda p: p.truth - _one_hot(p),
)
LOG_OF_GRADIENT = Mistake(
    "log_of_gradient",
    formula="log ∇f(x)",
    name="the logarithm of the answer",
    says="these are the logarithms of the right entries.",
    why="`log_softmax` and x − log Σ exp(x_i) give the logarithm of softmax. The gradient is softmax itself.",
    on_problem=lambda p: np.log(p.truth),
)
DIRECTION_NORMALISED = Mistake(
    "direction_normalised",
    formula="∇f·u / |u|",
    name="direction scaled to length 1",
    says="this is the slope along u, divided by the length of u.",
    why="∇f·u says how fast f changes when x moves with the velocity u. Twice as fast a move changes f twice as "
    "fast, so u must not be scaled.",
    on_problem=lambda p: _slope_along(p) / np.sqrt(_direction(p) @ _direction(p)),
)
DIRECTION_UNSUMMED = Mistake(
    "direction_unsummed",
    formula="∇f ⊙ u",
    name="not yet added up",
    says="this is ∇f times u, entry by entry, not yet added up.",
    why="Entry j tells what moving x_j alone does. In a direction all entries move at once, and what they do adds "
    "up: `(g * u).sum()` or `g @ u`.",
    on_problem=lambda p: _gradient(p) * _direction(p),
)
LENGTH_OF_GRADIENT = Mistake(
    "length_of_gradient",
    formula="|∇f|",
    name="the length of the gradient",
    says="this is |∇f|, whatever u is.",
    why="That is the slope in one direction only, the gradient's own, taken with length 1. In the direction u the "
    "slope is ∇f·u.",
    on_problem=lambda p: np.sqrt(_gradient(p) @ _gradient(p)),
)
LENGTHS_MULTIPLIED = Mistake(
    "lengths_multiplied",
    formula="|∇f| |u|",
    name="the product of the two lengths",
    says="this is |∇f|·|u|, the product of the two lengths.",
    why="That is the slope along u only where u points the same way as the gradient. ∇f·u depends on the angle between "
    "them as well: `(g * u).sum()` or `g @ u`.",
    on_problem=lambda p: np.sqrt((_gradient(p) @ _gradient(p)) * (_direction(p) @ _direction(p))),
)
GRADIENT_FOR_SLOPE = Mistake(
    "gradient_for_slope",
    formula="∇f(x)",
    name="the gradient itself",
    says="this is the whole gradient; one number, the slope along u, was asked for.",
    why="The direction u has not entered yet: multiply the gradient by u, entry by entry, and add up.",
    on_problem=_gradient,
)
WHOLE_STEP = Mistake(
    "whole_step",
    formula="f(x + u) − f(x)",
    name="the change over a whole step",
    says="this is f(x + u) − f(x), the change over a whole step.",
    why="A derivative is the rate of change at the point x itself. On the way from x to x + u that rate changes, in "
    "general; where f is linear it does not.",
    on_problem=_whole_step,
)
RESIDUAL_FOR_GRADIENT = Mistake(
    "residual_for_gradient",
    formula="x − η(Ax − b)",
    name="a step along the residual",
    says="this step was taken along Ax − b, not along the gradient.",
    why="½|r|² has the gradient r by r. By x, where r = Ax − b, the chain rule brings one more factor: Aᵀr.",
    on_problem=_along_residual,
)
TRANSPOSED_OPERAND = Mistake(
    "transposed_operand",
    formula="x − ηA(Ax − b)",
    name="A where Aᵀ belongs",
    says="this step was taken along A(Ax − b), not along Aᵀ(Ax − b).",
    why="x_j meets column j of A, so its derivative is made with column j: that is a row of Aᵀ. Only a square A "
    "lets the wrong product pass.",
    on_problem=_transposed,
)
HALF_LOST = Mistake(
    "half_lost",
    formula="x − 2η∇f(x)",
    name="the ½ was lost",
    says="this is a step twice as long.",
    why="The 2 that comes down from the square and the ½ in front of it cancel. Look whether the ½ of f was left out.",
    on_problem=lambda p: _moved(p, 2 * _gradient(p)),
)
UNIT_STEP = Mistake(
    "unit_step",
    formula="x − η∇f(x)/|∇f(x)|",
    name="the gradient scaled to length 1",
    says="this step was taken along ∇f/|∇f|, so its length is eta, whatever the gradient's is.",
    why="In steepest descent as it was asked for here, a steep place gets a long step: the gradient enters with its "
    "size.",
    on_problem=_unit_step,
)
SLICE_NEVER_SEEN = Mistake(
    "slice_never_seen",
    formula="None",
    name="None, for a slice that f never saw",
    says="what you returned is None.",
    why="If there is a `return`, then autograd had nothing to give: `x[k:]`, written after y was computed, is a new "
    "tensor that y does not depend on. `allow_unused=True` gives None for it instead of an error. Slice before "
    "f is computed, or slice the gradient.",
    on_problem=lambda p: [({}, None)],
)
GRADIENT_NOT_SLICED = Mistake(
    "gradient_not_sliced",
    formula="∇f(x)",
    name="the gradient by all of x",
    says="this is the gradient by the whole of x; that by x[{k}:] was asked for.",
    why="The gradient by a part of x holds the entries that belong to that part.",
    on_problem=_gradient,
)
OTHER_PART = Mistake(
    "other_part",
    formula="∂f/∂x[:k]",
    name="the other part",
    says="this is the gradient by x[:{k}], the entries before place {k}.",
    why="`x[k:]` begins at place k and goes to the end; `x[:k]` ends before it.",
    on_problem=lambda p: _gradient(p)[: p.extras["k"]],
)
ZEROS_BEFORE_SLICE = Mistake(
    "zeros_before_slice",
    formula="(0, …, 0, ∂f/∂x[k:])",
    name="zeros where nothing was asked for",
    says="this is the right part, with zeros in front of it.",
    why="The gradient has the shape of what is differentiated by, here that of the slice `x[k:]`.",
    on_problem=_padded,
)
FUNCTION_OF_SLICE = Mistake(
    "function_of_slice",
    formula="∇f(x[k:])",
    name="f of the slice alone",
    says="this is the gradient of f(x[k:]), a function of fewer numbers.",
    why="f was to be taken at the whole of x. The entries before place k are held still, but they are still there.",
    on_problem=_of_the_slice,
)
ALL_ENTRIES_MOVED = Mistake(
    "all_entries_moved",
    formula="(Σ ∂f/∂x_i, Σ ∂f/∂x_i, …)",
    name="all entries moved at once",
    says="what stands here is the sum of all entries of the gradient: all of x was moved at once.",
    why="`x + h` adds h to every entry. For entry j of the gradient only x_j may move: `plus = x.clone()`, then "
    "`plus[j] += h`.",
    on_problem=_all_moved,
)
NOT_MOVED_BACK = Mistake(
    "not_moved_back",
    formula="(∂f/∂x₀, ∂f/∂x₀ + ∂f/∂x₁, …)",
    name="entries not moved back",
    says="entry j is the sum of the right entries up to j: the entries moved before were still moved.",
    why="For entry j only x_j may differ from the point x. Move it back before the next one, or start each time from a "
    "fresh `x.clone()`.",
    on_problem=lambda p: np.cumsum(_gradient(p)),
    rough=True,
)
BOTH_POINTS_THE_SAME = Mistake(
    "both_points_the_same",
    name="both values at the same point",
    says="these are zeros, or next to nothing.",
    why="`plus = x` makes no copy: it gives x a second name, and what is added under the one is taken away again "
    "under the other, so that both values of f are taken at the same point. Write `x.clone()`. A step so small "
    "that x ± h is rounded to x does the same. And `rise / 2 * h` multiplies by h: write `rise / (2 * h)`.",
    on_problem=lambda p: np.zeros_like(p.truth),
)
SHAPE_TRANSPOSED = Mistake(
    "shape_transposed",
    name="the variable's shape, transposed",
    says="this is the shape of {name}, transposed.",
    why="Some books lay derivatives out that way. In PyTorch entry [i, j] of the gradient is the derivative by "
    "entry [i, j] of the variable.",
    on_problem=lambda p: [({"name": "W"}, np.array(p.inputs["W"].shape[::-1]))],
)
POINT_NOT_MOVED = Mistake(
    "point_not_moved",
    formula="x",
    name="x as it was",
    says="this is x, as it was before the step.",
    why="`x - eta * g` computes a new tensor and leaves x alone. Return what it gives.",
    on_problem=lambda p: p.inputs["x"].numpy(),
)

QUESTIONS = [
    Question(
        "03.predict_the_shape",
        "3.1 Predict the shape of a gradient",
        PredictedShape(of=Gradient(wrt="W")),
        [Map(functions.misfit, {"W": normal(2, 3), "x": normal(3), "t": normal(2)}, "the sum of (W @ x − t)²")],
        also=(
            SHAPE_OF_VALUE,
            SHAPE_OF_OTHER_VARIABLE,
            SHAPE_TRANSPOSED,
            SHAPE_FLATTENED,
            SHAPE_WITH_A_ROW,
        ),
        points=1,
        stars=1,
        minutes=3,
        hints=(
            "The gradient holds one derivative for each number that can be moved. Which numbers are moved here?",
            "Each of the numbers in W can be moved by itself, and its derivative stands at its own place.",
        ),
    ),
    Question(
        "03.quadratic_form",
        "3.2 A quadratic form",
        Gradient(),
        [
            Map(functions.quadratic, {"A": normal(3, 3), "x": normal(3)}, "xᵀAx"),
            Map(functions.quadratic, {"A": normal(2, 2), "x": normal(2)}, "xᵀAx"),
            Map(functions.quadratic, {"A": normal(4, 4), "x": normal(4)}, "xᵀAx"),
        ],
        gives=("A", "x"),
        also=(
            SYMMETRIC_ASSUMED,
            ONE_FACTOR_ONLY,
            FACTOR_X_NOT_DROPPED,
        ),
        points=2,
        stars=2,
        minutes=8,
        hints=(
            "x stands there twice. Hold the first one still and differentiate by the second, then the other way round.",
            "uᵀAx, with u held still, has the gradient Aᵀu by x. What is the gradient of xᵀAw, with w held still?",
            "The two parts add up: `A @ x + A.T @ x`.",
        ),
    ),
    Question(
        "03.log_sum_exp",
        "3.3 The logarithm of a sum of exponentials",
        Gradient(),
        [
            Map(functions.log_sum_exp, {"x": normal(4)}, "log(e^x₀ + e^x₁ + …)"),
            Map(functions.log_sum_exp, {"x": uniform(-3, 3, 3)}, "log(e^x₀ + e^x₁ + …)"),
            Map(functions.log_sum_exp_less_990, {"x": uniform(990, 993, 5)}, "log(e^x₀ + e^x₁ + …)"),
        ],
        gives=("x",),
        also=(
            EXPONENTIALS_ALONE,
            GRADIENT_OF_MAXIMUM,
            MAXIMUM_NOT_ADDED,
            LOG_OF_GRADIENT,
            LOG_BEFORE_SUM,
        ),
        points=2,
        stars=3,
        minutes=9,
        hints=(
            "By the chain rule: the derivative of log s is 1/s, and s is the sum of the exponentials. Now exp(1000) is "
            "∞ in float64; which numbers would stay finite?",
            "For every number c, log Σ exp(x_i) = c + log Σ exp(x_i − c). Which c keeps all exponentials at 1 or "
            "below?",
            "`torch.logsumexp(x, dim=0)` does that by itself; the gradient has a name, too: softmax.",
        ),
    ),
    Question(
        "03.directional_derivative",
        "3.4 The slope in a direction",
        JVP(),
        [HILLS, RIBBON, CONTRAST],
        gives=("f", "x", "u"),
        extras={"u": _u},
        also=(
            DIRECTION_NORMALISED,
            DIRECTION_UNSUMMED,
            LENGTH_OF_GRADIENT,
            LENGTHS_MULTIPLIED,
            GRADIENT_FOR_SLOPE,
            WHOLE_STEP,
        ),
        points=2,
        stars=2,
        minutes=6,
        hints=(
            "Moving x by a little, t·u, moves entry j by t·u_j. Each of these moves f by how much, and what do they "
            "do together?",
            "∇f·u: multiply entry by entry, and add up. u counts as it is, whatever its length.",
        ),
    ),
    Question(
        "03.descent_step",
        "3.5 One step downhill",
        Step(),
        [
            Map(functions.half_squares, {"A": normal(3, 3), "b": normal(3), "x": normal(3)}, "½|Ax − b|²"),
            Map(functions.half_squares, {"A": normal(4, 2), "b": normal(4), "x": normal(2)}, "½|Ax − b|²"),
            Map(functions.half_squares, {"A": normal(2, 4), "b": normal(2), "x": normal(4)}, "½|Ax − b|²"),
        ],
        gives=("A", "b", "x", "eta"),
        extras={"eta": _eta},
        also=(
            RESIDUAL_FOR_GRADIENT,
            TRANSPOSED_OPERAND,
            HALF_LOST,
            UNIT_STEP,
            POINT_NOT_MOVED,
        ),
        without={"nothing_changed": "nothing is to be changed in place here: the new point is returned"},
        points=2,
        stars=2,
        minutes=8,
        hints=(
            "The gradient points to where f grows fastest. Which way is down, and how far does eta say to go?",
            "The new point is x minus eta times the gradient of f by x, at this x.",
            "By autograd: `torch.autograd.grad(f(A, b, x), x)`. By formula: the gradient is Aᵀ(Ax − b).",
        ),
    ),
    Question(
        "03.by_a_slice",
        "3.6 Mend: the gradient by a slice",
        Computed(compute=_part, text="∂f/∂x[k:]"),
        [HILLS, CONTRAST, ANY_LENGTH],
        gives=("f", "x", "k"),
        extras={"k": _k},
        also=(
            SLICE_NEVER_SEEN,
            GRADIENT_NOT_SLICED,
            OTHER_PART,
            ZEROS_BEFORE_SLICE,
            FUNCTION_OF_SLICE,
            CATALOGUE["minus_sign"].derived(lambda p: -_part(p)),
        ),
        points=2,
        stars=3,
        minutes=8,
        hints=(
            "`x[k:]` makes a new tensor each time it is written. Was that very tensor used when y was computed?",
            "Two ways out. Differentiate by x, and slice what comes back. Or make the slice first, and compute f from "
            "it.",
            "`(g,) = torch.autograd.grad(f(x), x)`, then `g[k:]`. The other way needs `torch.cat([x[:k], part])`.",
        ),
    ),
    Question(
        "03.order_of_inputs",
        "3.7 Three vectors, in another order",
        Gradient(wrt=("c", "a", "b")),
        [
            Map(functions.triple, {"a": normal(3), "b": normal(3), "c": normal(3)}, "(a ⊙ b)·c + sin(a·c)"),
            Map(
                functions.uneven,
                {"a": normal(2), "b": normal(3), "c": normal(4)},
                "a₀a₁ Σ tanh b_i + a₁|c|² − b₀c₃",
            ),
        ],
        gives=("f", "a", "b", "c"),
        also=(CATALOGUE["accumulated_in_turn"].derived(lambda p: tuple((k + 1) * g for k, g in enumerate(p.truth))),),
        partial=True,
        points=2,
        stars=2,
        minutes=5,
        hints=(
            "The order in which f takes its arguments and that in which you ask for gradients need not be the same.",
            "`torch.autograd.grad(y, (c, a, b))` returns the gradients in just that order.",
        ),
    ),
    Question(
        "03.finite_differences",
        "3.8 Check a gradient with differences",
        Gradient(),
        [HILLS, RIBBON, CONTRAST],
        gives=("f", "x"),
        declared=False,
        also=(
            CATALOGUE["divided_by_one_step"].derived(lambda p: 2 * p.truth),
            ALL_ENTRIES_MOVED,
            NOT_MOVED_BACK,
            BOTH_POINTS_THE_SAME,
        ),
        without={"accumulated": "twice the gradient comes from dividing by h here: nothing accumulates"},
        rtol=1e-8,
        points=3,
        stars=3,
        minutes=12,
        hints=(
            "One entry at a time: move x_j by h to either side, all other entries as they are. Which h was the best "
            "one in unit 01?",
            "`plus = x.clone()` and `plus[j] += h` move one entry of a copy. Without `clone`, plus and x would be one "
            "tensor under two names.",
            "Entry j is (f(plus) − f(minus)) / (2·h), with h = 1e-5. Collect the entries in `torch.zeros_like(x)`, "
            "or in a list for `torch.stack`.",
        ),
    ),
]
