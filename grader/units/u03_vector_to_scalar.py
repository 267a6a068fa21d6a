"""Unit 03: the gradient of one number by a vector: its shape and its direction."""

from typing import Any

import numpy as np
import torch

from grader import maps
from grader.jacobian import flatten, forward_mode
from grader.quantities import JVP, Computed, Gradient, PredictedShape, Step
from grader.question import Map, Problem, Question, mixed_signs, normal, uniform

OVERFLOW = 709  # exp of this is still a float64 number, exp of 710 is not

HILLS = Map(maps.hills, {"x": mixed_signs(3)}, "x₀²x₁ + sin(x₁x₂)")
RIBBON = Map(maps.ribbon, {"x": mixed_signs(4)}, "the sum of all x_i² x_(i+1), + sin(the sum of x)")
CONTRAST = Map(maps.contrast, {"x": mixed_signs(5)}, "log(1 + Σ(x_i − mean of x)²) + x₀x₄")
ANY_LENGTH = Map(maps.ribbon, {"x": mixed_signs(6)}, "the sum of all x_i² x_(i+1), + sin(the sum of x)")


def _gradient(p: Problem) -> np.ndarray:
    """The gradient of the one output by x: (n,)."""
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


def _exponentials(p: Problem) -> Any:
    """exp(x), where it does not overflow, and the same shifted by the largest entry."""
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
    """The gradient of f at the slice alone; None where f needs all of x."""
    if p.map.fn is maps.hills:
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
    """Where the slice begins: at least one entry lies before it and two in it."""
    return int(torch.randint(1, p.inputs["x"].numel() - 1, (), generator=generator))


def _eta(generator: torch.Generator, p: Problem) -> float:
    return float(uniform(0.05, 0.4)(generator))


QUESTIONS = [
    Question(
        "03.predict_the_shape",
        "3.1 Predict the shape of a gradient",
        PredictedShape(of=Gradient(by="W")),
        [Map(maps.misfit, {"W": normal(2, 3), "x": normal(3), "t": normal(2)}, "the sum of (W @ x − t)²")],
        also={
            "shape_of_value": lambda p: np.array(p.outputs[0].shape),
            "shape_of_other_variable": lambda p: [({"name": n}, np.array(p.inputs[n].shape)) for n in ("x", "t")],
            "shape_transposed": lambda p: [({"name": "W"}, np.array(p.inputs["W"].shape[::-1]))],
            "shape_flattened": lambda p: np.array([p.inputs["W"].numel()]),
            "shape_with_a_row": lambda p: np.array([1, *p.inputs["W"].shape]),
        },
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
            Map(maps.quadratic, {"A": normal(3, 3), "x": normal(3)}, "xᵀAx"),
            Map(maps.quadratic, {"A": normal(2, 2), "x": normal(2)}, "xᵀAx"),
            Map(maps.quadratic, {"A": normal(4, 4), "x": normal(4)}, "xᵀAx"),
        ],
        gives=("A", "x"),
        also={"symmetric_assumed": _as_symmetric, "one_factor_only": _one_factor},
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
            Map(maps.log_sum_exp, {"x": normal(4)}, "log(e^x₀ + e^x₁ + …)"),
            Map(maps.log_sum_exp, {"x": uniform(-3, 3, 3)}, "log(e^x₀ + e^x₁ + …)"),
            Map(maps.log_sum_exp_less_990, {"x": uniform(990, 993, 5)}, "log(e^x₀ + e^x₁ + …)"),
        ],
        gives=("x",),
        also={
            "exponentials_alone": _exponentials,
            "gradient_of_maximum": _one_hot,
            "maximum_not_added": lambda p: p.truth - _one_hot(p),
            "log_of_gradient": lambda p: np.log(p.truth),
        },
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
        also={
            "direction_normalised": lambda p: _slope_along(p) / np.sqrt(_direction(p) @ _direction(p)),
            "direction_unsummed": lambda p: _gradient(p) * _direction(p),
            "length_of_gradient": lambda p: np.sqrt(_gradient(p) @ _gradient(p)),
            "gradient_for_slope": _gradient,
            "whole_step": _whole_step,
        },
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
            Map(maps.half_squares, {"A": normal(3, 3), "b": normal(3), "x": normal(3)}, "½|Ax − b|²"),
            Map(maps.half_squares, {"A": normal(4, 2), "b": normal(4), "x": normal(2)}, "½|Ax − b|²"),
            Map(maps.half_squares, {"A": normal(2, 4), "b": normal(2), "x": normal(4)}, "½|Ax − b|²"),
        ],
        gives=("A", "b", "x", "eta"),
        extras={"eta": _eta},
        also={
            "residual_for_gradient": _along_residual,
            "transposed_operand": _transposed,
            "half_lost": lambda p: _moved(p, 2 * _gradient(p)),
            "unit_step": _unit_step,
            "point_not_moved": lambda p: p.inputs["x"].numpy(),
        },
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
        also={
            "slice_never_seen": lambda p: [({}, None)],
            "gradient_not_sliced": _gradient,
            "other_part": lambda p: _gradient(p)[: p.extras["k"]],
            "zeros_before_slice": _padded,
            "function_of_slice": _of_the_slice,
            "minus_sign": lambda p: -_part(p),
        },
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
        Gradient(by=("c", "a", "b")),
        [
            Map(maps.triple, {"a": normal(3), "b": normal(3), "c": normal(3)}, "(a ⊙ b)·c + sin(a·c)"),
            Map(
                maps.uneven,
                {"a": normal(2), "b": normal(3), "c": normal(4)},
                "a₀a₁ Σ tanh b_i + a₁|c|² − b₀c₃",
            ),
        ],
        gives=("f", "a", "b", "c"),
        also={"accumulated_in_turn": lambda p: tuple((k + 1) * g for k, g in enumerate(p.truth))},
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
        also={
            "divided_by_one_step": lambda p: 2 * p.truth,
            "all_entries_moved": _all_moved,
            "both_points_the_same": lambda p: np.zeros_like(p.truth),
        },
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
