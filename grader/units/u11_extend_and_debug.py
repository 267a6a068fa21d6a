"""Unit 11: operations with a backward of their own, and how to find what is wrong with a gradient."""

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grader.mistakes import Mistake
from grader.predictions import Facts
from grader.problem import Map, Problem, Sampler, mixed_signs, normal, uniform
from grader.quantities import Computed, Numbers, Operation, Text
from grader.question import Question
from grader.units import u11_functions as functions

V = {"v": None}
float64 = torch.float64


# --- what students write themselves: never handed out, so defined here


def damp(x: Tensor, w: Tensor) -> Tensor:
    return x / (1 + w**2)


def silu(x: Tensor) -> Tensor:
    return x * torch.sigmoid(x)


def clipped(x: Tensor, bound: float) -> Tensor:
    """The identity between -bound and bound, and constant outside: what a straight-through estimator differentiates."""
    return x.clamp(-bound, bound)


def rounded(x: Tensor, bound: float) -> Tensor:
    return torch.round(x)


def unit_rows(X: Tensor) -> Tensor:
    """Each row of X divided by its length; a row of zeros stays zero, and its derivative is 0."""
    return torch.stack([row / row.square().sum() ** 0.5 if row.detach().any() else 0 * row for row in X])


def _with_a_zero(n: int) -> Sampler:
    """(n,), with a zero at a random place and both signs elsewhere."""

    def draw(generator: torch.Generator) -> Tensor:
        x = uniform(0.2, 2, n)(generator)
        order = torch.randperm(n, generator=generator)
        x[order[0]] = 0
        x[order[1]] *= -1
        return x

    return draw


def _with_a_row_of_zeros(m: int, n: int) -> Sampler:
    """(m, n), with zeros in a random row."""

    def draw(generator: torch.Generator) -> Tensor:
        X = normal(m, n)(generator)
        X[int(torch.randint(m, (), generator=generator))] = 0
        return X

    return draw


def _one_of(*kinds: int) -> Sampler:
    """One of these numbers."""
    return lambda generator: torch.tensor(
        float(kinds[int(torch.randint(len(kinds), (), generator=generator))]), dtype=float64
    )


# The functions of kinds 0 to 3, as cards show them.
OPERATIONS = ("x / (1 + |x|)", "x³", "x²", "x · Σx")
WITH_NAN = (
    "Σ where(3x > 0, √3x, 0)",
    "−mean of where(p > 0, p log p, 0), p = |x|",
    "Π where(u = 0, 1, sin u / u), u = tanh x",
    "‖(x where x > 0)^½‖",
)


def _formula_of(formulas: tuple[str, ...]) -> Callable[[Problem], dict[str, str]]:
    """What a card shows for f, which is drawn: ``{"f(x)": formula}``.  formulas: one for each kind."""
    return lambda p: {"f(x)": formulas[int(p.inputs["kind"])]}


def _off_the_bounds(n: int) -> Sampler:
    """(n,), between -3 and 3, and never an integer, half of one, or any other number of two decimals."""
    return lambda generator: uniform(-3, 3, n)(generator) + 0.004


# --- 11.predict_nan: which gradients are nan


def _is_nan(f: Callable[[Tensor], Tensor], at: Any) -> Callable[[], bool]:
    def find_out() -> bool:
        x = torch.tensor(at, dtype=float64, requires_grad=True)
        (g,) = torch.autograd.grad(f(x), x)
        return bool(g.isnan().any())

    return find_out


NAN = {
    "a": _is_nan(torch.relu, 0.0),
    "b": _is_nan(torch.sqrt, 0.0),
    "c": _is_nan(lambda x: torch.where(x > 0, torch.sqrt(x), 0.0), 0.0),
    "d": _is_nan(torch.norm, [0.0, 0.0]),
    "e": _is_nan(lambda x: torch.sqrt((x**2).sum()), [0.0, 0.0]),
    "f": _is_nan(lambda x: torch.maximum(x, -x), 0.0),
    "g": _is_nan(lambda x: torch.where(x == 0, 1.0, torch.sin(x) / x), 0.0),
    "h": _is_nan(lambda x: torch.where(x == 0, 0.0, x * torch.cos(x)), 0.0),
}

# --- 11.function


def _damped(p: Problem) -> tuple[np.ndarray, ...]:
    """x, w, v and the factor 1/(1 + w²), as arrays of one shape."""
    x, w = (p.inputs[name].numpy() for name in ("x", "w"))
    return x, w, p.weights["v"].numpy(), 1 / (1 + w**2)


def _saved_in_other_order(x: np.ndarray, w: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return v / (1 + x**2), -2 * x * w * v / (1 + x**2) ** 2


def _with_other_w(change: Callable[..., np.ndarray]) -> Callable[[Problem], Any]:
    """The right gradients, but the one with respect to w is ``change(x, w, v, factor)``."""
    return lambda p: (_damped(p)[2] * _damped(p)[3], change(*_damped(p)))


GRADIENTS_EXCHANGED = Mistake(
    "gradients_exchanged",
    formula="(J_wᵀv, J_xᵀv)",
    name="gradients returned in the wrong order",
    says="these are the right gradients, in the wrong order.",
    why="`backward` returns one gradient for each argument of `forward`, in the order of those arguments, whatever "
    "the order in which they were used or saved.",
    on_problem=lambda p: p.truth[::-1],
)
INNER_DERIVATIVE_FORGOTTEN = Mistake(
    "inner_derivative_forgotten",
    formula="−xv / (1 + w²)²",
    name="the inner derivative forgotten",
    says="in the gradient with respect to w, the factor 2w is missing.",
    why="With u = 1 + w², the derivative of x/u with respect to u is −x/u². And u changes with w, with slope 2w.",
    on_problem=_with_other_w(lambda x, w, v, factor: -x * v * factor**2),
)
SIGN_OF_QUOTIENT = Mistake(
    "sign_of_quotient",
    formula="+2xwv / (1 + w²)²",
    name="the sign of a quotient's derivative lost",
    says="the gradient with respect to w has the opposite sign.",
    why="As the denominator grows, the quotient shrinks: the derivative of 1/u is −1/u².",
    on_problem=_with_other_w(lambda x, w, v, factor: 2 * x * w * v * factor**2),
)
QUOTIENT_NOT_SQUARED = Mistake(
    "quotient_not_squared",
    formula="−2xwv / (1 + w²)",
    name="the denominator not squared",
    says="in the gradient with respect to w, the denominator is not squared.",
    why="The derivative of 1/u is −1/u²: here u = 1 + w².",
    on_problem=_with_other_w(lambda x, w, v, factor: -2 * x * w * v * factor),
)
NUMERATOR_FORGOTTEN = Mistake(
    "numerator_forgotten",
    formula="−2wv / (1 + w²)²",
    name="the numerator forgotten",
    says="in the gradient with respect to w, the factor x is missing.",
    why="y is x times 1/(1 + w²). With respect to w, x is a constant factor, and the derivative keeps it.",
    on_problem=_with_other_w(lambda x, w, v, factor: -2 * w * v * factor**2),
)
SAVED_IN_OTHER_ORDER = Mistake(
    "saved_in_other_order",
    formula="x and w exchanged",
    name="saved in one order, unpacked in another",
    says="x and w are exchanged in `backward`.",
    why="`ctx.saved_tensors` gives them back in the order in which they were given to `ctx.save_for_backward`.",
    on_problem=lambda p: _saved_in_other_order(*_damped(p)[:3]),
)


# --- 11.twice


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)))


def _slope_of_silu(x: np.ndarray) -> np.ndarray:
    s = _sigmoid(x)
    return np.asarray(s + x * s * (1 - s))


def _silu_with(slope: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[[Problem], np.ndarray]:
    """The upstream gradient times a wrong slope of SiLU: a function of x and σ(x)."""

    def derive(p: Problem) -> np.ndarray:
        x = p.inputs["x"].numpy()
        return np.asarray(p.weights["v"].numpy() * slope(x, _sigmoid(x)))

    return derive


SLOPE_AT_OUTPUT = Mistake(
    "slope_at_output",
    formula="vf′(y)",
    name="the derivative at the output",
    says="the derivative was taken at y; it must be taken at x.",
    why="The chain rule multiplies by f′ at the point where f was applied, its input x. Save x, not y, or take σ of x, "
    "not of y.",
    on_problem=lambda p: [
        ({}, _silu_with(lambda x, s: _slope_of_silu(x * s))(p)),
        ({}, _silu_with(lambda x, s: _sigmoid(x * s) * (1 + x * (1 - _sigmoid(x * s))))(p)),
    ],
)
SIGMOID_ITS_OWN_SLOPE = Mistake(
    "sigmoid_its_own_slope",
    formula="v(σ(x) + xσ(x))",
    name="σ taken for its own derivative",
    says="in the second term of the product rule, σ stands where σ′ must.",
    why="σ′ = σ(1 − σ): the factor 1 − σ is missing. Only the exponential is its own derivative.",
    on_problem=_silu_with(lambda x, s: s + x * s),
)
DERIVATIVES_MULTIPLIED = Mistake(
    "derivatives_multiplied",
    formula="vσ(x)(1 − σ(x))",
    name="the product of the derivatives",
    says="this is the product of the two derivatives, 1 and σ′(x).",
    why="The derivative of a product is not the product of the derivatives: (xσ)′ = σ + xσ′.",
    on_problem=_silu_with(lambda x, s: s * (1 - s)),
)
X_OF_SECOND_TERM_FORGOTTEN = Mistake(
    "x_of_second_term_forgotten",
    formula="v(σ(x) + σ′(x))",
    name="the factor x forgotten in the second term",
    says="in the second term of the product rule, the factor x is missing.",
    why="(xσ)′ = σ + xσ′: each term keeps the factor that is not differentiated in it.",
    on_problem=_silu_with(lambda x, s: s + s * (1 - s)),
)
SIGN_OF_SECOND_TERM = Mistake(
    "sign_of_second_term",
    formula="v(σ(x) − xσ′(x))",
    name="the sign of the second term lost",
    says="the second term of the product rule has the opposite sign.",
    why="(xσ)′ = σ + xσ′, and σ grows everywhere: σ′ = σ(1 − σ) is positive, also where x is negative.",
    on_problem=_silu_with(lambda x, s: s - x * s * (1 - s)),
)
PRODUCT_RULE_HALVED = Mistake(
    "product_rule_halved",
    formula="vσ(x), or vxσ(x)(1 − σ(x))",
    name="half of the product rule",
    says="this is one of the two terms of the product rule.",
    why="In xσ(x) both factors change with x: the derivative is σ(x) + xσ′(x), with σ′ = σ(1 − σ).",
    on_problem=lambda p: [
        ({}, _silu_with(lambda x, s: s)(p)),
        ({}, _silu_with(lambda x, s: x * s * (1 - s))(p)),
    ],
)

# --- 11.straight_through


def _where(keep: Callable[[np.ndarray, float], np.ndarray]) -> Callable[[Problem], np.ndarray]:
    """The upstream gradient where ``keep(x, bound)`` holds, and 0 elsewhere."""
    return lambda p: p.weights["v"].numpy() * keep(p.inputs["x"].numpy(), p.map.fixed_args["bound"])


ROUNDING_ITSELF = Mistake(
    "rounding_itself",
    formula="0",
    name="the rounding's own gradient",
    says="this is the derivative of rounding itself, which is 0 wherever it exists.",
    why="Nothing can be trained through a gradient of 0. A straight-through estimator differentiates another function "
    "than the one it computes: here the identity, clipped at the bound.",
    on_problem=_where(lambda x, bound: np.zeros_like(x)),
)
NOT_CLIPPED = Mistake(
    "not_clipped",
    formula="v",
    name="handed on everywhere",
    says="the upstream gradient is handed on everywhere, also where |x| is larger than the bound.",
    why="Beyond the bound the clipped identity is constant: its derivative there is 0.",
    on_problem=_where(lambda x, bound: np.ones_like(x)),
)
OUTSIDE_FOR_INSIDE = Mistake(
    "outside_for_inside",
    formula="v where |x| > bound",
    name="handed on outside, stopped inside",
    says="the upstream gradient is handed on where |x| is larger than the bound, and stopped where it is smaller.",
    why="It is the other way round: between −bound and bound the clipped identity has slope 1, beyond them slope 0.",
    on_problem=_where(lambda x, bound: np.abs(x) > bound),
)
ONE_SIDE_CLIPPED = Mistake(
    "one_side_clipped",
    formula="v where x ≤ bound",
    name="clipped on one side only",
    says="the upstream gradient is stopped on one side only.",
    why="The bound holds on both sides: compare |x| with it, not x.",
    on_problem=lambda p: [
        ({}, _where(lambda x, bound: x <= bound)(p)),
        ({}, _where(lambda x, bound: x >= -bound)(p)),
    ],
)
CLIPPED_BY_OUTPUT = Mistake(
    "clipped_by_output",
    formula="v where |y| ≤ bound",
    name="the rounded value compared with the bound",
    says="the upstream gradient is handed on where |y| is within the bound; it is x that must be.",
    why="y is rounded, and so it can lie on the other side of the bound than x. Save x, not y.",
    on_problem=_where(lambda x, bound: np.abs(np.round(x)) <= bound),
)
UPSTREAM_CLIPPED = Mistake(
    "upstream_clipped",
    formula="clip(v), or v where |v| ≤ bound",
    name="the upstream gradient clipped",
    says="the bound was applied to the upstream gradient itself.",
    why="The bound applies to x: v is handed on unchanged where |x| is within it, whatever v's size, and 0 elsewhere.",
    on_problem=lambda p: [
        ({}, p.weights["v"].numpy().clip(-p.map.fixed_args["bound"], p.map.fixed_args["bound"])),
        ({}, p.weights["v"].numpy() * (np.abs(p.weights["v"].numpy()) <= p.map.fixed_args["bound"])),
    ],
)
NOT_ROUNDED = Mistake(
    "not_rounded",
    formula="y = x",
    name="not rounded on the way forward",
    says="y is x itself; forward it must be rounded.",
    why="Only the way back is changed by a straight-through estimator. Forward it does what its name says.",
    on_value=lambda p: [
        ({}, p.inputs["x"].numpy()),
        ({}, p.inputs["x"].numpy().clip(-p.map.fixed_args["bound"], p.map.fixed_args["bound"])),
    ],
)
VALUE_CLIPPED = Mistake(
    "value_clipped",
    formula="y = round(clip(x))",
    name="clipped on the way forward",
    says="y is rounded and clipped; only the gradient is to be clipped.",
    why="Forward, x is rounded to the nearest integer, however large it is. The bound concerns `backward` alone.",
    on_value=lambda p: [
        ({}, np.round(p.inputs["x"].numpy().clip(-p.map.fixed_args["bound"], p.map.fixed_args["bound"]))),
        ({}, np.round(p.inputs["x"].numpy()).clip(-p.map.fixed_args["bound"], p.map.fixed_args["bound"])),
    ],
)
ROUNDED_DOWN = Mistake(
    "rounded_down",
    formula="y = ⌊x⌋",
    name="cut off instead of rounded",
    says="the decimals were cut off: y must be the nearest integer.",
    why="`torch.floor` goes down, `torch.trunc` and `.int()` go toward 0; `torch.round` goes to the nearest integer.",
    on_value=lambda p: [({}, np.floor(p.inputs["x"].numpy())), ({}, np.trunc(p.inputs["x"].numpy()))],
)

# --- 11.gradcheck


def _checks(p: Problem, dtype: torch.dtype = float64) -> tuple[bool, bool]:
    """Whether gradcheck and gradgradcheck accept the Map's operation at x in this dtype."""
    with warnings.catch_warnings(), torch.enable_grad(), torch.random.fork_rng():
        warnings.simplefilter("ignore")  # gradcheck warns of float32
        torch.manual_seed(0)  # gradgradcheck draws its weights
        operation = functions.operation_of(p.inputs["kind"])
        x = p.inputs["x"].detach().to(dtype, copy=True).requires_grad_()
        return (
            torch.autograd.gradcheck(operation, (x,), raise_exception=False),
            torch.autograd.gradgradcheck(operation, (x,), raise_exception=False),
        )


def _pair(change: Callable[[Any, Any], Any]) -> Callable[[Problem], np.ndarray | None]:
    """The true pair of answers after ``change``; None if that is the truth again."""

    def derive(p: Problem) -> np.ndarray | None:
        pair = np.array(change(*p.truth))
        return None if np.array_equal(pair, p.truth) else pair

    return derive


LEFT_IN_FLOAT32 = Mistake(
    "left_in_float32",
    name="checked in float32",
    says="both are said to fail.",
    why="In float32 right operations fail as well: the checks move x by 10⁻⁶, float32 has seven digits, and the "
    "difference of two values that close to each other is mostly rounding error. Give the checks `x.double()`.",
    on_problem=lambda p: np.array(_checks(p, torch.float32), dtype=float),
)
CHECK_ALWAYS_PASSES = Mistake(
    "check_always_passes",
    name="passes, whatever the operation",
    says="both are said to pass; here one of them does not.",
    why="Return what the checks return. `raise_exception=False` turns a failure into False; an error that is caught "
    "and ignored is a failed check, too.",
    on_problem=_pair(lambda first, second: (1.0, 1.0)),
)
CHECKS_EXCHANGED = Mistake(
    "checks_exchanged",
    name="the two checks exchanged",
    says="the two checks stand in each other's place.",
    why="First `gradcheck`, for the gradient; then `gradgradcheck`, for the gradient's derivative.",
    on_problem=_pair(lambda first, second: (second, first)),
)

# --- 11.saved_intermediate: the Functions whose code the notebook shows


class _Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 2 * x * v


class _Exp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = torch.exp(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return y * v


class _Tanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = torch.tanh(x)
        slope = 1 - y**2
        ctx.save_for_backward(slope)
        return y

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> Tensor:
        (slope,) = ctx.saved_tensors
        return slope * v


class _Sine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.sin(x)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return torch.cos(x.detach()) * v


class _Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 2 * x**2 * v


def _right_once_only(operation: Callable[..., Any]) -> Callable[[], bool]:
    def find_out() -> bool:
        x = (torch.tensor([0.7, -0.4, 1.3], dtype=float64, requires_grad=True),)
        once = torch.autograd.gradcheck(operation, x, raise_exception=False)
        return once and not torch.autograd.gradgradcheck(operation, x, raise_exception=False)

    return find_out


# --- 11.nan_behind_where


def _rows(p: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """X and v, of shape (m, n), and the length of each row of X, or 1 for a row of zeros: (m, 1)."""
    X = p.inputs["X"].numpy()
    length = np.linalg.norm(X, axis=1, keepdims=True)
    return X, p.weights["v"].numpy(), np.where(length > 0, length, 1)


def _on_zeros(divisor: float) -> Callable[[Problem], np.ndarray]:
    """The truth, except that the row of zeros gets the upstream gradient divided by this number."""

    def derive(p: Problem) -> np.ndarray:
        X, v, _ = _rows(p)
        return np.asarray(np.where(X.any(axis=1, keepdims=True), p.truth, v / divisor))

    return derive


def _length_held_constant(p: Problem) -> Any:
    X, v, length = _rows(p)
    handed_on = v / length
    return [({}, np.where(X.any(axis=1, keepdims=True), handed_on, 0)), ({}, handed_on)]


LENGTH_HELD_CONSTANT = Mistake(
    "length_held_constant",
    formula="v / ‖row‖",
    name="the length held constant",
    says="this is the upstream gradient divided by the length: the length was held constant.",
    why="The length changes with X, too. A length that was detached, or computed under `torch.no_grad()`, has no "
    "derivative.",
    on_problem=_length_held_constant,
)
NO_BRANCH_TAKEN_BACK = Mistake(
    "no_branch_taken_back",
    formula="v in the row of zeros",
    name="divided by 1 in the row of zeros",
    says="the row of zeros got the upstream gradient itself; it must get 0.",
    why="There, the row was divided by a 1 that stands in for the length, and x/1 has slope 1. A second `where`, "
    "around the quotient, puts a constant 0 in its place, and a constant has slope 0.",
    on_problem=_on_zeros(1),
)
DIVIDED_BY_TINY = Mistake(
    "divided_by_tiny",
    formula="v / ε in the row of zeros",
    name="divided by a tiny number",
    says="the row of zeros got the upstream gradient divided by a tiny number.",
    why="0/ε is 0, so the value is right; but its slope is 1/ε. An ε in the denominator, by hand, by `clamp` or in "
    "`torch.nn.functional.normalize`, replaces NaN by a gradient of the size of 1/ε.",
    on_problem=lambda p: [({}, _on_zeros(float(f"1e-{k}"))(p)) for k in range(3, 17)],
)
COLUMNS_NORMALIZED = Mistake(
    "columns_normalized",
    formula="X / ‖column‖",
    name="columns instead of rows",
    says="each column was divided by its length; each row must be.",
    why="The length of a row is a sum along the row: over `dim=1`, kept as a column of shape (m, 1) by `keepdim=True`.",
    on_value=lambda p: _rows(p)[0] / np.linalg.norm(_rows(p)[0], axis=0, keepdims=True),
)
WHOLE_LENGTH = Mistake(
    "whole_length",
    formula="X / ‖X‖",
    name="divided by the length of the whole matrix",
    says="everything was divided by one length, that of the whole matrix.",
    why="Without `dim`, `norm` takes all entries together. Each row has a length of its own: `dim=1, keepdim=True`.",
    on_value=lambda p: _rows(p)[0] / np.linalg.norm(_rows(p)[0]),
)
DIVIDED_BY_SQUARE = Mistake(
    "divided_by_square",
    formula="X / ‖row‖²",
    name="divided by the squared length",
    says="each row was divided by the square of its length.",
    why="The length is the root of the sum of the squares.",
    on_value=lambda p: _rows(p)[0] / _rows(p)[2] ** 2,
)

# --- 11.anomaly


def _backward_nodes(p: Problem) -> tuple[str, list[str]]:
    """The message of anomaly mode, and the names of all nodes that hand back a NaN, in the order of the pass."""
    x = p.inputs["x"].clone().requires_grad_()
    with warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")  # anomaly mode warns that it is on, and tells where the node was made
        y = p.forward(p.inputs["kind"], x)
        assert isinstance(y, Tensor)
        try:
            with torch.autograd.detect_anomaly():
                torch.autograd.grad(y, x, retain_graph=True)
        except RuntimeError as error:
            message = str(error)
        found: list[str] = []
        waiting: list[Any] = [y.grad_fn]
        seen = set()
        while waiting:
            node = waiting.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            waiting += [before for before, _ in node.next_functions]

            def look(out: Any, into: Any, name: str = node.name()) -> None:
                if any(g is not None and g.isnan().any() for g in out):
                    found.append(name)

            node.register_hook(look)
        torch.autograd.grad(y, x)
    return message, found


def _said_by_anomaly_mode(p: Problem) -> str:
    said = re.search(r"'(\w+)'", _backward_nodes(p)[0])
    assert said
    return said[1]


def _last_node(p: Problem) -> str:
    y = p.forward(p.inputs["kind"], p.inputs["x"].clone().requires_grad_())
    assert isinstance(y, Tensor)
    assert y.grad_fn is not None
    return y.grad_fn.name()


NODE_OF_OUTPUT = Mistake(
    "node_of_output",
    name="the node at the output",
    says="this is y's own node, `y.grad_fn`: the pass begins there, and what it hands back is still a number.",
    why="Anomaly mode looks at what each node hands back, one after the other, and stops at the first that holds a "
    "NaN. Its message names that node.",
    on_problem=_last_node,
)
NO_ERROR_RAISED = Mistake(
    "no_error_raised",
    name="None",
    says="your function returned None.",
    why="Either `return` is missing, or no error was raised and nothing was caught. Anomaly mode looks only at what "
    "happens inside of `with torch.autograd.detect_anomaly():`: it is the pass backward that must run there.",
    on_problem=lambda p: [({}, None)],
)
OTHER_PART_OF_ERROR = Mistake(
    "other_part_of_error",
    name="another part of the error",
    says="this is a part of the error, but not the name of the node.",
    why="The error's class is RuntimeError; the name of the node stands in its message, between the two quotes: "
    '`str(error).split("\'")[1]`.',
    on_problem=lambda p: [
        ({}, text.strip()) for text in (RuntimeError.__name__, *_backward_nodes(p)[0].split("'")[::2])
    ],
)
NODE_THAT_HANDS_ON = Mistake(
    "node_that_hands_on",
    name="a node that only hands the NaN on",
    says="this node hands on a NaN that it was given; another one made it.",
    why="The pass goes from y to x. The first node that hands back a NaN, seen from y, made it; all those between it "
    "and x only multiply it.",
    on_problem=lambda p: [({}, name) for name in dict.fromkeys(_backward_nodes(p)[1]) if name != p.truth],
)
FORWARD_NAME = Mistake(
    "forward_name",
    name="the operation instead of its node",
    says="this is the name of the operation on the way forward; its node on the way back was asked for.",
    why="A node is named after its operation, followed by `Backward0`: that is how `y.grad_fn.name()` and the error "
    "write it.",
    on_problem=lambda p: [
        ({}, change(_said_by_anomaly_mode(p).removesuffix("Backward0"))) for change in (str, str.lower)
    ],
)
WHOLE_MESSAGE = Mistake(
    "whole_message",
    name="the whole message",
    says="this is the whole message; only the name of the node was asked for.",
    why='The name stands between the two quotes: `message.split("\'")[1]`.',
    on_problem=lambda p: [({}, say(RuntimeError(_backward_nodes(p)[0]))) for say in (str, repr)],
)
QUOTES_KEPT = Mistake(
    "quotes_kept",
    name="the name with its quotes",
    says="these are the right letters, with the message's quotes around them.",
    why="Only what stands between the quotes is the name.",
    on_problem=lambda p: f"'{_said_by_anomaly_mode(p)}'",
)

# --- 11.complex


def _complex(z: np.ndarray) -> np.ndarray:
    """Real and imaginary parts, (2, n), as complex numbers: (n,)."""
    return np.asarray(z[0] + 1j * z[1])


def _slope(p: Problem) -> np.ndarray:
    """h′(z), by forward mode along the real axis: (n,)."""
    z = torch.from_numpy(_complex(p.inputs["z"].numpy()))
    return np.asarray(torch.func.jvp(p.map.fn, (z,), (torch.ones_like(z),))[1].numpy())


CONJUGATE = Mistake(
    "conjugate_slope",
    unit="11",
    formula="conj(h′(z))",
    name="the conjugate",
    says="this is the complex conjugate of h′(z).",
    why="It is what `torch.autograd.grad` gives for a weight of 1. PyTorch's gradient points where a real loss grows "
    "fastest, and for that the slope must be conjugated. For h′(z) itself, take `.conj()` of it.",
    on_problem=lambda p: p.truth.conj(),
)
REAL_PART_OF_SLOPE = Mistake(
    "real_part_of_slope",
    unit="11",
    formula="Re h′(z), or Im h′(z)",
    name="only one of the two parts",
    says="this is only the {part} part of h′(z).",
    why="h′(z) is a complex number: it says by how much h stretches, and by what angle it turns.",
    on_problem=lambda p: [({"part": "real"}, p.truth.real), ({"part": "imaginary"}, p.truth.imag)],
)
HALF_SLOPE = Mistake(
    "half_slope",
    unit="11",
    formula="h′(z) / 2",
    name="half of the derivative",
    says="this is half of h′(z), or of its conjugate.",
    why="The ½ belongs to the definition ∂/∂z = ½(∂/∂a − i ∂/∂b), where both partial derivatives are added up. One of "
    "them alone, ∂h/∂a, is already h′(z).",
    on_problem=lambda p: [({}, p.truth / 2), ({}, p.truth.conj() / 2)],
)
IMAGINARY_OUTPUT_ALONE = Mistake(
    "imaginary_output_alone",
    unit="11",
    formula="i · conj(h′(z))",
    name="the gradient of the imaginary part",
    says="this is the gradient of the imaginary part of h alone, i times the conjugate of h′(z), or its conjugate.",
    why="The real part of h determines h′(z) already: the gradient of `h.real.sum()` is the conjugate of h′(z).",
    on_problem=lambda p: [({}, 1j * p.truth.conj()), ({}, -1j * p.truth)],
)
VALUE_FOR_SLOPE = Mistake(
    "value_of_h",
    unit="11",
    formula="h(z)",
    name="the value instead of the derivative",
    says="this is h(z), the value.",
    why="Its derivative is asked for, at each of the points z.",
    on_problem=lambda p: p.y,
)


QUESTIONS = [
    Question(
        "11.predict_nan",
        "11.1 Which gradients are NaN?",
        Facts(
            calls=NAN,
            notes={
                "a": "At a kink PyTorch takes a number between the two slopes; for relu it takes 0.",
                "b": "The slope of the root at 0 is infinite, and ∞ is not NaN. It becomes NaN where it meets a "
                "factor of 0.",
                "c": "The branch that is not taken gets the gradient 0, and 0 times the root's infinite slope is NaN.",
                "d": "`torch.norm` knows the kink at 0, and takes 0 there.",
                "e": "Backward it goes step by step: the root's slope at 0 is infinite, that of the squares is 0.",
                "f": "At a tie, `maximum` gives half of the gradient to each side: ½ − ½ = 0.",
                "g": "The quotient is differentiated, too, although 1 was taken: 0 times an infinite slope is NaN.",
                "h": "Here nothing is infinite in the branch that is not taken: 0 times a finite slope is 0.",
            },
        ),
        points=1,
        stars=2,
        minutes=8,
        hints=(
            "At a kink PyTorch chooses a finite number. NaN needs two things that meet on the way back: 0 and ∞.",
            "`torch.where` gives the branch that was not taken the upstream gradient 0, and then differentiates it "
            "all the same.",
            "Where is the slope infinite: at the root of 0, at a quotient by 0? And what is it multiplied by?",
        ),
    ),
    Question(
        "11.function",
        "11.2 A Function of your own",
        Operation(("x", "w"), function=True),
        [
            Map(damp, {"x": normal(3), "w": normal(3)}, "x / (1 + w²)"),
            Map(damp, {"x": normal(2, 3), "w": normal(2, 3)}, "x / (1 + w²)"),
            Map(damp, {"x": normal(5), "w": normal(5)}, "x / (1 + w²)"),
        ],
        gives=("x", "w"),
        weights=V,
        also=(
            GRADIENTS_EXCHANGED,
            INNER_DERIVATIVE_FORGOTTEN,
            SIGN_OF_QUOTIENT,
            QUOTIENT_NOT_SQUARED,
            NUMERATOR_FORGOTTEN,
            SAVED_IN_OTHER_ORDER,
        ),
        without={"inputs_swapped": "its words are about inputs; here it is backward that returns them"},
        points=2,
        stars=3,
        minutes=9,
        hints=(
            "`backward` gets v, the upstream gradient, in y's shape. It returns two gradients: v times ∂y/∂x, and v "
            "times ∂y/∂w.",
            "∂y/∂x = 1/(1 + w²) and ∂y/∂w = −2xw/(1 + w²)². Both need w, and one needs x: `ctx.save_for_backward(x, "
            "w)` in `forward`.",
            "`x, w = ctx.saved_tensors`, and `return v / (1 + w**2), …` in the order of `forward`'s arguments.",
        ),
    ),
    Question(
        "11.twice",
        "11.3 Mend one that is right only once",
        Operation("x", differentiable=True, function=True),
        [
            Map(silu, {"x": normal(3)}, "x · sigmoid(x)"),
            Map(silu, {"x": normal(2, 2)}, "x · sigmoid(x)"),
            Map(silu, {"x": normal(4)}, "x · sigmoid(x)"),
        ],
        gives=("x",),
        weights=V,
        also=(
            PRODUCT_RULE_HALVED,
            X_OF_SECOND_TERM_FORGOTTEN,
            SIGN_OF_SECOND_TERM,
            SLOPE_AT_OUTPUT,
            SIGMOID_ITS_OWN_SLOPE,
            DERIVATIVES_MULTIPLIED,
        ),
        points=2,
        stars=3,
        minutes=8,
        hints=(
            "What does autograd know of s when it differentiates `backward`? Inside of `forward` nothing is recorded.",
            "x is an input, and saved inputs keep their past. Compute s from x where it is recorded.",
            "`ctx.save_for_backward(x)`, and in `backward`: `(x,) = ctx.saved_tensors`, `s = torch.sigmoid(x)`.",
        ),
    ),
    Question(
        "11.straight_through",
        "11.4 Transfer: straight through a rounding",
        Operation("x", transformed=True, value=rounded, text="v where |x| ≤ bound, 0 elsewhere"),
        [
            Map(clipped, {"x": _off_the_bounds(8)}, "round(x)", {"bound": 1.25}),
            Map(clipped, {"x": _off_the_bounds(10)}, "round(x)", {"bound": 0.75}),
            Map(clipped, {"x": _off_the_bounds(9)}, "round(x)", {"bound": 1.0}),
        ],
        gives=("x", "bound"),
        weights=V,
        also=(
            ROUNDING_ITSELF,
            NOT_CLIPPED,
            OUTSIDE_FOR_INSIDE,
            ONE_SIDE_CLIPPED,
            CLIPPED_BY_OUTPUT,
            UPSTREAM_CLIPPED,
            NOT_ROUNDED,
            VALUE_CLIPPED,
            ROUNDED_DOWN,
        ),
        without={
            "upstream_handed_on": "that is not_clipped, with words of its own here",
        },
        points=2,
        stars=4,
        minutes=10,
        hints=(
            "Three static methods: `forward(x, bound)` without ctx, `setup_context(ctx, inputs, output)`, "
            "`backward(ctx, v)`.",
            "A tensor goes through `ctx.save_for_backward`, a number is simply put on ctx: `ctx.bound = bound`.",
            "`return v * (x.abs() <= ctx.bound), None`: one gradient for each argument, and None for what is no "
            "tensor.",
        ),
    ),
    Question(
        "11.gradcheck",
        "11.5 Have a backward checked",
        Numbers((), compute=_checks, text="(gradcheck, gradgradcheck)", show=_formula_of(OPERATIONS)),
        [
            Map(functions.operated, {"kind": _one_of(0, 3), "x": mixed_signs(3)}),  # right twice
            Map(functions.operated, {"kind": _one_of(1, 2), "x": mixed_signs(4)}),  # right once
            Map(functions.operated, {"kind": _one_of(2, 1), "x": mixed_signs(3)}),
            Map(functions.operated, {"kind": _one_of(0, 1, 2, 3), "x": mixed_signs(3)}),
        ],
        gives=("kind", "f", "x"),
        computed={"f": functions.operation_of},
        hidden=("kind",),
        handed={"x": lambda x: x.astype(np.float32)},
        also=(LEFT_IN_FLOAT32, CHECK_ALWAYS_PASSES, CHECKS_EXCHANGED),
        points=2,
        stars=3,
        minutes=7,
        hints=(
            "Which dtype do the checks need, and what must x be for anything to be differentiated?",
            "`x.double().requires_grad_()` is float64, and requires a gradient.",
            "`torch.autograd.gradcheck(f, (x,), raise_exception=False)` returns True or False instead of raising.",
        ),
    ),
    Question(
        "11.saved_intermediate",
        "11.6 Recall: right once, wrong twice",
        Facts(
            calls={
                "a": _right_once_only(_Square.apply),
                "b": _right_once_only(_Exp.apply),
                "c": _right_once_only(_Tanh.apply),
                "d": _right_once_only(_Sine.apply),
                "e": _right_once_only(_Cube.apply),
            },
            notes={
                "a": "A saved input keeps its past: 2x is differentiated as it should be.",
                "b": "A saved output keeps its past as well: y is what `apply` returned.",
                "c": "The slope is neither an input nor an output: to `backward` it is a constant.",
                "d": "`detach` in `backward` makes a constant of x.",
                "e": "Here the first derivative is wrong already, and then `gradcheck` says so.",
            },
        ),
        points=1,
        stars=3,
        minutes=6,
        hints=(
            "Differentiate `backward` as autograd does: which of its tensors does it know to depend on x?",
            "Inputs and outputs that were saved keep their past. What `forward` computed besides is a constant.",
            "Two of the five are right, one is wrong from the start. Which are the other two?",
        ),
    ),
    Question(
        "11.nan_behind_where",
        "11.7 Mend a NaN behind where",
        Operation("X"),
        [
            Map(unit_rows, {"X": _with_a_row_of_zeros(3, 2)}, "X / ‖row‖"),
            Map(unit_rows, {"X": _with_a_row_of_zeros(3, 3)}, "X / ‖row‖"),
            Map(unit_rows, {"X": _with_a_row_of_zeros(3, 4)}, "X / ‖row‖"),
        ],
        gives=("X",),
        weights=V,
        also=(
            LENGTH_HELD_CONSTANT,
            NO_BRANCH_TAKEN_BACK,
            DIVIDED_BY_TINY,
            COLUMNS_NORMALIZED,
            WHOLE_LENGTH,
            DIVIDED_BY_SQUARE,
        ),
        points=3,
        stars=4,
        minutes=10,
        hints=(
            "`where` chooses between values that have been computed already, and backward it goes into both branches. "
            "What does the branch that is not taken divide by?",
            "Make the denominator harmless before dividing: `safe = torch.where(length > 0, length, 1.0)`. Is one "
            "`where` enough?",
            "With `X / safe` alone, a row of zeros is divided by 1 and gets the slope of that. Two are needed: "
            "`torch.where(length > 0, X / safe, 0.0)`.",
        ),
    ),
    Question(
        "11.anomaly",
        "11.8 What anomaly mode says",
        Text((), compute=_said_by_anomaly_mode, text="the node that makes the first NaN", show=_formula_of(WITH_NAN)),
        [
            Map(functions.somewhere_nan, {"kind": _one_of(*kinds), "x": _with_a_zero(n)})
            for kinds, n in (((0, 1), 4), ((1, 2), 3), ((2, 3), 3), ((3, 0), 5))
        ],
        gives=("kind", "f", "x"),
        computed={"f": functions.function_of},
        hidden=("kind",),
        leaves=("x",),
        also=(
            NODE_OF_OUTPUT,
            NODE_THAT_HANDS_ON,
            FORWARD_NAME,
            WHOLE_MESSAGE,
            QUOTES_KEPT,
            OTHER_PART_OF_ERROR,
            NO_ERROR_RAISED,
        ),
        points=2,
        stars=3,
        minutes=8,
        hints=(
            "Differentiate inside of `with torch.autograd.detect_anomaly():`. It raises a RuntimeError, whose message "
            "names the node.",
            "`except RuntimeError as error:` and then `str(error)`: the name stands between the quotes.",
            '`str(error).split("\'")[1]`',
        ),
    ),
    Question(
        "11.complex",
        "11.9 The derivative of a complex function",
        Computed((), compute=_slope, text="h′(z)"),
        [
            Map(functions.polynomial, {"z": normal(2, 3)}, "z³ − 2iz"),
            Map(functions.spiral, {"z": uniform(-1, 1, 2, 4)}, "z e^(iz)"),
            Map(functions.moebius, {"z": uniform(-2, 2, 2, 3)}, "(z − i) / (z + 3)"),
        ],
        gives=("f", "z"),
        leaves=("z",),
        handed={"z": _complex},
        also=(CONJUGATE, REAL_PART_OF_SLOPE, HALF_SLOPE, IMAGINARY_OUTPUT_ALONE, VALUE_FOR_SLOPE),
        points=2,
        stars=4,
        minutes=7,
        hints=(
            "`grad_outputs` must have f(z)'s shape and dtype: ones like it. Try it on z², whose derivative you know.",
            "At z = 1 + 2i the derivative of z² is 2 + 4i, and autograd gives 2 − 4i. What happened to it?",
            "`g.conj()` undoes it.",
        ),
    ),
]
