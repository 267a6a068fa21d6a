"""Unit 03: the gradient of a scalar with respect to a vector: its shape and its direction."""

from collections.abc import Callable
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

LOSS = "½ Σ (E[idx] @ w − t)²"
TEXTS = tuple(torch.tensor(words) for words in ([2, 0, 2, 3, 2], [5, 1, 1, 4], [0, 2, 0]))  # each repeats a word

HILLS = Map(functions.hills, {"x": mixed_signs(3)}, "x₀²x₁ + sin(x₁x₂)")
RIBBON = Map(functions.ribbon, {"x": mixed_signs(4)}, "the sum of all x_i² x_(i+1), + sin(the sum of x)")
CONTRAST = Map(functions.contrast, {"x": mixed_signs(5)}, "log(1 + Σ(x_i − mean of x)²) + x₀x₄")
ANY_LENGTH = Map(functions.ribbon, {"x": mixed_signs(6)}, "the sum of all x_i² x_(i+1), + sin(the sum of x)")


def _misfit(W: torch.Tensor, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return ((W @ x - t) ** 2).sum()


def _quadratic_form(A: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return x @ A @ x


def _log_sum_exp(x: torch.Tensor) -> torch.Tensor:
    return torch.logsumexp(x, dim=0)


def _log_sum_exp_less_990(x: torch.Tensor) -> torch.Tensor:
    """_log_sum_exp(x) − 990: has the same gradient, and for x near 990 values small enough for finite differences."""
    return torch.logsumexp(x - 990, dim=0)


def _half_squares(A: torch.Tensor, b: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return ((A @ x - b) ** 2).sum() / 2


def _lookup_loss(E: torch.Tensor, w: torch.Tensor, t: torch.Tensor, idx: torch.Tensor) -> torch.Tensor:
    """Half the squared error of the scores of the words idx.  E: (n, d), w: (d,), t: (k,), idx: (k,).  Returns ()."""
    return ((E[idx.tolist()] @ w - t) ** 2).sum() / 2  # a list, so that dual numbers know it, too


def _gradient(p: Problem) -> np.ndarray:
    """The gradient of the single output with respect to x: (n,)."""
    return p.jacobians["x"].reshape(-1)


def _both_products(p: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Ax and Aᵀx."""
    A, x = p.inputs["A"].numpy(), p.inputs["x"].numpy()
    return A @ x, A.T @ x


def _one_factor(p: Problem) -> Any:
    right, left = _both_products(p)
    return [({"kept": "Ax", "lost": "Aᵀx"}, right), ({"kept": "Aᵀx", "lost": "Ax"}, left)]


def _as_symmetric(p: Problem) -> Any:
    right, left = _both_products(p)
    return [({"formula": "2Ax"}, 2 * right), ({"formula": "2Aᵀx"}, 2 * left)]


def _entry_by_entry(p: Problem) -> Any:
    right, left = _both_products(p)
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


def _residuals(p: Problem) -> np.ndarray:
    """The score minus the target at each place of the text: (k,)."""
    E, w, t = (p.inputs[name].numpy() for name in ("E", "w", "t"))
    return np.asarray(E[_places(p)] @ w - t)


def _places(p: Problem) -> np.ndarray:
    """The row of E looked up at each place of the text: (k,)."""
    return np.asarray(p.map.fixed_args["idx"])


def _looked_up(p: Problem) -> np.ndarray:
    """The gradient with respect to the rows looked up, E[idx]: (k, d)."""
    return np.outer(_residuals(p), p.inputs["w"].numpy())


def _scattered(p: Problem, rows: np.ndarray, combine: Callable[[np.ndarray], Any] = lambda parts: parts.sum(0)) -> Any:
    """A table of E's shape with rows, (k, d), at their places; ``combine`` makes one of those that meet: (uses, d)."""
    G = np.zeros(p.inputs["E"].shape)
    for row in set(_places(p).tolist()):
        G[row] = combine(rows[_places(p) == row])
    return G


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
    why="A single number has one derivative for each number that can be moved. The gradient holds all of them, so it "
    "has the shape of the variable, not the shape of the value.",
    on_problem=lambda p: np.array(p.outputs[0].shape),
)
SHAPE_OF_OTHER_VARIABLE = Mistake(
    "shape_of_other_variable",
    name="the shape of another variable",
    says="this is the shape of {name}, another variable.",
    why="A gradient has the shape of the variable that it is taken with respect to. The other variables are held "
    "constant, and their shapes do not matter.",
    on_problem=lambda p: [({"name": n}, np.array(p.inputs[n].shape)) for n in ("x", "t")],
)
SHAPE_TRANSPOSED = Mistake(
    "shape_transposed",
    name="the variable's shape, transposed",
    says="this is the shape of {name}, transposed.",
    why="Some books arrange derivatives that way. In PyTorch, entry [i, j] of the gradient is the derivative with "
    "respect to entry [i, j] of the variable.",
    on_problem=lambda p: [({"name": "W"}, np.array(p.inputs["W"].shape[::-1]))],
)
SHAPE_FLATTENED = Mistake(
    "shape_flattened",
    name="the right number of entries, flattened",
    says="the number of entries is right, but they do not form one long vector.",
    why="Each derivative stands at the place of its entry in the variable. PyTorch never flattens a gradient: its "
    "shape is always that of the variable.",
    on_problem=lambda p: np.array([p.inputs["W"].numel()]),
)
SHAPE_WITH_A_ROW = Mistake(
    "shape_with_a_row",
    name="a dimension for the output",
    says="this has one more dimension, for the single output.",
    why="A table with a row for each output is a Jacobian. A gradient belongs to one number, of shape (), which adds "
    "no dimension: the shape is the variable's.",
    on_problem=lambda p: np.array([1, *p.inputs["W"].shape]),
)
SYMMETRIC_ASSUMED = Mistake(
    "symmetric_assumed",
    formula="2Ax",
    name="the formula for a symmetric matrix",
    says="this is {formula}, the formula for a symmetric A.",
    why="x stands on both sides of A. Moving the right one gives Aᵀx, moving the left one gives Ax, and the "
    "gradient is their sum, (A + Aᵀ)x. The two parts are equal for every x only if A equals Aᵀ.",
    on_problem=_as_symmetric,
)
ONE_FACTOR_ONLY = Mistake(
    "one_factor_only",
    formula="Ax",
    name="one of the two factors held constant",
    says="this is {kept}: only one of the two factors x was moved.",
    why="x stands on both sides of A. The product rule gives one part for each: Ax for the left one, Aᵀx for the "
    "right one. Here {lost} is missing.",
    on_problem=_one_factor,
)
FACTOR_X_NOT_DROPPED = Mistake(
    "factor_x_not_dropped",
    formula="2x ⊙ Ax",
    name="still multiplied by x",
    says="every entry is still multiplied by its entry of x.",
    why="xᵀAx has two factors x. The product rule gives one part for each, and the factor that is differentiated is "
    "gone from it: Ax for the left one, Aᵀx for the right one.",
    on_problem=_entry_by_entry,
)
LOG_BEFORE_SUM = Mistake(
    "log_before_sum",
    formula="(1, 1, …)",
    name="the logarithm before the sum",
    says="this is 1 for every entry of x: the gradient of x₀ + x₁ + ….",
    why="`torch.log(torch.exp(x)).sum()` takes the logarithm of each exponential separately, which gives back x. First "
    "add up the exponentials, and then take one logarithm of their sum.",
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
    why="The logarithm of a sum of exponentials is close to the maximum if one entry is much larger than all "
    "others. Otherwise every entry has its share.",
    on_problem=_one_hot,
)
MAXIMUM_NOT_ADDED = Mistake(
    "maximum_not_added",
    formula="∇f − ∇max(x)",
    name="the maximum was not added back",
    says="this is the right answer minus 1 at the largest entry.",
    why="Subtracting the maximum m keeps the exponentials small, but it changes the value: log Σ exp(x_i) = m + log "
    "Σ exp(x_i − m). m depends on x, too: differentiate both places where it stands, or detach both.",
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
DIRECTION_NORMALIZED = Mistake(
    "direction_normalized",
    formula="∇f·u / |u|",
    name="direction scaled to length 1",
    says="this is the slope along u, divided by the length of u.",
    why="∇f·u says how fast f changes when x moves with the velocity u. Moving twice as fast changes f twice as "
    "fast, so u must not be scaled.",
    on_problem=lambda p: _slope_along(p) / np.sqrt(_direction(p) @ _direction(p)),
)
DIRECTION_UNSUMMED = Mistake(
    "direction_unsummed",
    formula="∇f ⊙ u",
    name="not yet added up",
    says="this is ∇f times u, entry by entry, not yet added up.",
    why="Entry j says what the motion of x_j alone does. Along u all entries move at once, and their effects add "
    "up: `(g * u).sum()` or `g @ u`.",
    on_problem=lambda p: _gradient(p) * _direction(p),
)
LENGTH_OF_GRADIENT = Mistake(
    "length_of_gradient",
    formula="|∇f|",
    name="the length of the gradient",
    says="this is |∇f|, whatever u is.",
    why="That is the slope in one direction only, the gradient's own, scaled to length 1. Along u the slope is ∇f·u.",
    on_problem=lambda p: np.sqrt(_gradient(p) @ _gradient(p)),
)
LENGTHS_MULTIPLIED = Mistake(
    "lengths_multiplied",
    formula="|∇f| |u|",
    name="the product of the two lengths",
    says="this is |∇f|·|u|, the product of the two lengths.",
    why="That is the slope along u only if u points the same way as the gradient. ∇f·u depends on the angle between "
    "them as well: `(g * u).sum()` or `g @ u`.",
    on_problem=lambda p: np.sqrt((_gradient(p) @ _gradient(p)) * (_direction(p) @ _direction(p))),
)
GRADIENT_FOR_SLOPE = Mistake(
    "gradient_for_slope",
    formula="∇f(x)",
    name="the gradient itself",
    says="this is the whole gradient; one number, the slope along u, was asked for.",
    why="The direction u is not used yet: multiply the gradient by u, entry by entry, and add up.",
    on_problem=_gradient,
)
WHOLE_STEP = Mistake(
    "whole_step",
    formula="f(x + u) − f(x)",
    name="the change over a whole step",
    says="this is f(x + u) − f(x), the change over a whole step.",
    why="A derivative is the rate of change at the point x itself. Between x and x + u that rate changes, unless f "
    "is linear.",
    on_problem=_whole_step,
)
RESIDUAL_FOR_GRADIENT = Mistake(
    "residual_for_gradient",
    formula="x − η(Ax − b)",
    name="a step along the residual",
    says="this step was taken along Ax − b, not along the gradient.",
    why="The gradient of ½|r|² with respect to r is r. With respect to x, where r = Ax − b, the chain rule adds a "
    "factor: Aᵀr.",
    on_problem=_along_residual,
)
TRANSPOSED_OPERAND = Mistake(
    "transposed_operand",
    formula="x − ηA(Ax − b)",
    name="A where Aᵀ belongs",
    says="this step was taken along A(Ax − b), not along Aᵀ(Ax − b).",
    why="x_j is multiplied by column j of A, so its derivative is made with column j, which is a row of Aᵀ. Only if A "
    "is square does the wrong product have a shape that fits.",
    on_problem=_transposed,
)
HALF_LOST = Mistake(
    "half_lost",
    formula="x − 2η∇f(x)",
    name="the ½ was lost",
    says="this is a step twice as long.",
    why="The 2 from differentiating the square cancels the ½ in front of it. Check whether the ½ of f was left out.",
    on_problem=lambda p: _moved(p, 2 * _gradient(p)),
)
UNIT_STEP = Mistake(
    "unit_step",
    formula="x − η∇f(x)/|∇f(x)|",
    name="the gradient scaled to length 1",
    says="this step was taken along ∇f/|∇f|, so its length is eta, however long the gradient is.",
    why="In gradient descent a steep place gets a long step: the gradient is used with its length.",
    on_problem=_unit_step,
)
POINT_NOT_MOVED = Mistake(
    "point_not_moved",
    formula="x",
    name="x before the step",
    says="this is x, as it was before the step.",
    why="`x - eta * g` computes a new tensor and leaves x unchanged. Return that new tensor.",
    on_problem=lambda p: p.inputs["x"].numpy(),
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
    name="the gradient with respect to all of x",
    says="this is the gradient with respect to the whole of x; only x[{k}:] was asked for.",
    why="The gradient with respect to a part of x holds the entries that belong to that part.",
    on_problem=_gradient,
)
OTHER_PART = Mistake(
    "other_part",
    formula="∂f/∂x[:k]",
    name="the other part",
    says="this is the gradient with respect to x[:{k}], the entries before place {k}.",
    why="`x[k:]` begins at place k and goes to the end; `x[:k]` ends before it.",
    on_problem=lambda p: _gradient(p)[: p.extras["k"]],
)
ZEROS_BEFORE_SLICE = Mistake(
    "zeros_before_slice",
    formula="(0, …, 0, ∂f/∂x[k:])",
    name="zeros for the fixed entries",
    says="this is the right part, with zeros in front of it.",
    why="A gradient has the shape of what it is taken with respect to, here the shape of the slice `x[k:]`.",
    on_problem=_padded,
)
FUNCTION_OF_SLICE = Mistake(
    "function_of_slice",
    formula="∇f(x[k:])",
    name="f of the slice alone",
    says="this is the gradient of f(x[k:]), a function of fewer numbers.",
    why="f takes the whole of x. The entries before place k are held constant, but they are still there.",
    on_problem=_of_the_slice,
)
LAST_USE_ONLY = Mistake(
    "last_use_only",
    formula="∂f/∂E, last uses only",
    name="repeated rows overwritten",
    says="where a row of E was looked up more than once, only its last use counts here.",
    why="Each use of a row contributes a part, and the parts add up. With a repeated index, `G[idx] = rows` and even "
    "`G[idx] += rows` keep only one of them: `+=` reads all the old rows before it writes any. "
    "`G.index_add_(0, idx, rows)` adds every one.",
    on_problem=lambda p: _scattered(p, _looked_up(p), lambda parts: parts[-1]),
)
USES_AVERAGED = Mistake(
    "uses_averaged",
    formula="∂f/∂E / number of uses",
    name="the uses of a row averaged",
    says="where a row of E was looked up more than once, this is the mean of its parts.",
    why="Moving a row moves every place where it was looked up, and the effects add up: the gradient is their sum.",
    on_problem=lambda p: _scattered(p, _looked_up(p), lambda parts: parts.mean(0)),
)
ROWS_AS_LOOKED_UP = Mistake(
    "rows_as_looked_up",
    formula="∂f/∂E[idx]",
    name="the gradient with respect to the rows looked up",
    says="this is the gradient with respect to E[idx], with one row for each entry of idx.",
    why="The gradient with respect to E has the shape of E. Row i of what you have belongs in row idx[i], and rows "
    "that belong in the same place are added.",
    on_problem=_looked_up,
)
OTHER_FACTOR = Mistake(
    "other_factor",
    formula="Σ (s_i − t_i)·E[idx_i]",
    name="differentiated with respect to the other factor",
    says="each part holds the row of E where w belongs.",
    why="The score is the product E[idx_i]·w. With respect to one factor, the row, its gradient is the other one, w.",
    on_problem=lambda p: _scattered(p, _residuals(p)[:, None] * p.inputs["E"].numpy()[_places(p)]),
)
CHAIN_STOPPED_AT_SCORE = Mistake(
    "chain_stopped_at_score",
    formula="Σ (s_i − t_i)",
    name="the chain rule stopped at the score",
    says="each part is s_i − t_i in all its entries: the factor w is missing.",
    why="s_i − t_i is the derivative with respect to the score. The score is E[idx_i]·w, so the row of E gets this "
    "derivative times w.",
    on_problem=lambda p: _scattered(p, np.outer(_residuals(p), np.ones(p.inputs["w"].shape))),
)
HALF_OF_LOSS_LOST = Mistake(
    "half_of_loss_lost",
    formula="2 ∂f/∂E",
    name="the ½ of the loss was lost",
    says="every entry is twice the right one.",
    why="The 2 from differentiating the square cancels the ½ in front of it.",
    on_problem=lambda p: 2 * p.truth,
)
ALL_ENTRIES_MOVED = Mistake(
    "all_entries_moved",
    formula="(Σ ∂f/∂x_i, Σ ∂f/∂x_i, …)",
    name="all entries moved at once",
    says="this is the sum of all entries of the gradient: all of x was moved at once.",
    why="`x + h` adds h to every entry. For entry j of the gradient only x_j may move: `plus = x.clone()`, then "
    "`plus[j] += h`.",
    on_problem=_all_moved,
)
NOT_MOVED_BACK = Mistake(
    "not_moved_back",
    formula="(∂f/∂x₀, ∂f/∂x₀ + ∂f/∂x₁, …)",
    name="entries not moved back",
    says="entry j is the sum of the right entries up to j: the entries moved earlier were still moved.",
    why="For entry j only x_j may differ from the point x. Move it back before the next one, or start each time from a "
    "fresh `x.clone()`.",
    on_problem=lambda p: np.cumsum(_gradient(p)),
    rough=True,
)
BOTH_POINTS_THE_SAME = Mistake(
    "both_points_the_same",
    name="both values at the same point",
    says="these are zeros, or nearly zeros.",
    why="`plus = x` makes no copy: it gives x a second name, and what is added under one name is subtracted again "
    "under the other, so both values of f are taken at the same point. Write `x.clone()`. A step so small "
    "that x ± h is rounded to x has the same effect. And `rise / 2 * h` multiplies by h: write `rise / (2 * h)`.",
    on_problem=lambda p: np.zeros_like(p.truth),
)

QUESTIONS = [
    Question(
        "03.predict_the_shape",
        "3.1 Predict the shape of a gradient",
        PredictedShape(of=Gradient(wrt="W")),
        [Map(_misfit, {"W": normal(2, 3), "x": normal(3), "t": normal(2)}, "the sum of (W @ x − t)²")],
        also=(
            SHAPE_OF_VALUE,
            SHAPE_OF_OTHER_VARIABLE,
            SHAPE_TRANSPOSED,
            SHAPE_FLATTENED,
            SHAPE_WITH_A_ROW,
        ),
        points=1,
        stars=1,
        minutes=2,
        hints=(
            "The gradient holds one derivative for each number that can be moved. Which numbers are those here?",
            "Each of the numbers in W can be moved by itself, and its derivative stands at the same place.",
        ),
    ),
    Question(
        "03.order_of_inputs",
        "3.2 Three vectors, in another order",
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
        stars=1,
        minutes=4,
        hints=(
            "f takes its arguments in one order, and you may ask for the gradients in another.",
            "`torch.autograd.grad(y, (c, a, b))` returns the gradients in exactly that order.",
        ),
    ),
    Question(
        "03.directional_derivative",
        "3.3 The slope in a direction",
        JVP(),
        [HILLS, RIBBON, CONTRAST],
        gives=("f", "x", "u"),
        extras={"u": _u},
        also=(
            DIRECTION_NORMALIZED,
            DIRECTION_UNSUMMED,
            LENGTH_OF_GRADIENT,
            LENGTHS_MULTIPLIED,
            GRADIENT_FOR_SLOPE,
            WHOLE_STEP,
        ),
        points=2,
        stars=2,
        minutes=5,
        hints=(
            "Moving x by a small t·u moves entry j by t·u_j. By how much does each of these motions change f, and by "
            "how much do all of them together?",
            "It is the inner product ∇f·u: multiply entry by entry, and add up. Use u as it is, whatever its length.",
        ),
    ),
    Question(
        "03.log_sum_exp",
        "3.4 The logarithm of a sum of exponentials",
        Gradient(),
        [
            Map(_log_sum_exp, {"x": normal(4)}, "log(e^x₀ + e^x₁ + …)"),
            Map(_log_sum_exp, {"x": uniform(-3, 3, 3)}, "log(e^x₀ + e^x₁ + …)"),
            Map(_log_sum_exp_less_990, {"x": uniform(990, 993, 5)}, "log(e^x₀ + e^x₁ + …)"),
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
        stars=2,
        minutes=7,
        hints=(
            "By the chain rule: the derivative of log s is 1/s, and s is the sum of the exponentials. Now exp(1000) is "
            "∞ in float64. What is then multiplied by what?",
            "For every number c, log Σ exp(x_i) = c + log Σ exp(x_i − c). Which c keeps all exponentials at 1 or "
            "below?",
            "`torch.logsumexp(x, dim=0)` does that for you. And the gradient has a name of its own: softmax.",
        ),
    ),
    Question(
        "03.by_a_slice",
        "3.5 Mend: the gradient with respect to a slice",
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
        stars=2,
        minutes=6,
        hints=(
            "`x[k:]` makes a new tensor each time it is written. Was this very tensor used when y was computed?",
            "There are two ways out. Differentiate with respect to x, and slice the result. Or make the slice first, "
            "and compute f from it.",
            "`(g,) = torch.autograd.grad(f(x), x)`, then `g[k:]`. The other way needs `torch.cat([x[:k], part])`.",
        ),
    ),
    Question(
        "03.quadratic_form",
        "3.6 A quadratic form",
        Gradient(),
        [
            Map(_quadratic_form, {"A": normal(3, 3), "x": normal(3)}, "xᵀAx"),
            Map(_quadratic_form, {"A": normal(2, 2), "x": normal(2)}, "xᵀAx"),
            Map(_quadratic_form, {"A": normal(4, 4), "x": normal(4)}, "xᵀAx"),
        ],
        gives=("A", "x"),
        also=(
            SYMMETRIC_ASSUMED,
            ONE_FACTOR_ONLY,
            FACTOR_X_NOT_DROPPED,
        ),
        points=2,
        stars=2,
        minutes=6,
        hints=(
            "x stands there twice. Hold the first one constant and differentiate with respect to the second, then the "
            "other way round.",
            "With u held constant, the gradient of uᵀAx with respect to x is Aᵀu. What is the gradient of xᵀAw, with w "
            "held constant?",
            "The two parts add up: `A @ x + A.T @ x`.",
        ),
    ),
    Question(
        "03.descent_step",
        "3.7 One step of gradient descent",
        Step(),
        [
            Map(_half_squares, {"A": normal(3, 3), "b": normal(3), "x": normal(3)}, "½|Ax − b|²"),
            Map(_half_squares, {"A": normal(4, 2), "b": normal(4), "x": normal(2)}, "½|Ax − b|²"),
            Map(_half_squares, {"A": normal(2, 4), "b": normal(2), "x": normal(4)}, "½|Ax − b|²"),
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
        minutes=6,
        hints=(
            "The gradient points where f grows fastest. Which way is down, and how far does eta tell you to go?",
            "The new point is x minus eta times the gradient of f with respect to x, at this x.",
            "By autograd: `torch.autograd.grad(f(A, b, x), x)`. By formula: the gradient is Aᵀ(Ax − b).",
        ),
    ),
    Question(
        "03.embedding",
        "3.8 Transfer: the gradient of an embedding table",
        Gradient(wrt="E"),
        [
            Map(_lookup_loss, {"E": normal(4, 3), "w": mixed_signs(3), "t": normal(5)}, LOSS, {"idx": TEXTS[0]}),
            Map(_lookup_loss, {"E": normal(6, 2), "w": mixed_signs(2), "t": normal(4)}, LOSS, {"idx": TEXTS[1]}),
            Map(_lookup_loss, {"E": normal(3, 3), "w": mixed_signs(3), "t": normal(3)}, LOSS, {"idx": TEXTS[2]}),
        ],
        gives=("E", "idx", "w", "t"),
        also=(
            LAST_USE_ONLY,
            USES_AVERAGED,
            ROWS_AS_LOOKED_UP,
            OTHER_FACTOR,
            CHAIN_STOPPED_AT_SCORE,
            HALF_OF_LOSS_LOST,
        ),
        without={"accumulated": "twice the gradient means that the ½ was lost here: there is nothing to accumulate"},
        points=3,
        stars=3,
        minutes=12,
        hints=(
            "Look at one place i of the text first. With respect to the row looked up there, the gradient of "
            "½(s_i − t_i)² is (s_i − t_i)·w, of shape (d,). Which row of G does it belong to?",
            "Start from `G = torch.zeros_like(E)` and go through the places of the text, one by one. What if two of "
            "them hold the same word?",
            "`G[idx[i]] += (s[i] - t[i]) * w` in a loop over i adds up, with `s = E[idx] @ w`. Without a loop, "
            "`G[idx] += ...` writes each row only once; `G.index_add_(0, idx, ...)` adds.",
        ),
    ),
    Question(
        "03.finite_differences",
        "3.9 Recall: check a gradient with differences",
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
            "One entry at a time: move x_j by h to either side, and leave all other entries alone. Which h was best in "
            "unit 01?",
            "`plus = x.clone()` and `plus[j] += h` move one entry of a copy. Without `clone`, plus and x would be one "
            "tensor under two names.",
            "Entry j is (f(plus) − f(minus)) / (2·h), with h = 1e-5. Collect the entries in `torch.zeros_like(x)`, "
            "or in a list for `torch.stack`.",
        ),
    ),
]
