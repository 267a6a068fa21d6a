"""Unit 01: the derivative of one number by one number."""

from functools import partial
from typing import Any

import numpy as np
import torch

from grader import maps
from grader.jacobian import Function, as_tuple, forward_mode
from grader.quantities import Derivative, Gradient, GradState, Predicted
from grader.question import Map, Problem, Question, fixed, uniform


def _slope(f: Function, x: torch.Tensor) -> torch.Tensor:
    """f′(x), a tensor of shape ()."""
    return torch.from_numpy(forward_mode(f, {"x": x})["x"]).reshape(())


def _stops_early(p: Problem) -> Any:
    parts = p.map.fixed_args
    return _slope(parts["outer"], parts["inner"](p.inputs["x"])).numpy()


def _outer_at_x(p: Problem) -> Any:
    parts, x = p.map.fixed_args, p.inputs["x"]
    return (_slope(parts["outer"], x) * _slope(parts["inner"], x)).numpy()


def _outer_of_slope(p: Problem) -> Any:
    parts = p.map.fixed_args
    return _slope(parts["outer"], _slope(parts["inner"], p.inputs["x"])).numpy()


def _inner_only(p: Problem) -> Any:
    return _slope(p.map.fixed_args["inner"], p.inputs["x"]).numpy()


def _order_exchanged(p: Problem) -> Any:
    parts = p.map.fixed_args
    return _slope(lambda x: parts["inner"](parts["outer"](x)), p.inputs["x"]).numpy()


def _product_rule(p: Problem) -> Any:
    parts = p.map.fixed_args
    return _slope(lambda x: parts["outer"](x) * parts["inner"](x), p.inputs["x"]).numpy()


def _nothing_left(p: Problem) -> Any:
    """0, and the noise that is left of the rise with steps as small as the last digits of x."""
    x = p.inputs["x"]
    rises = [(h, [as_tuple(p.forward(x + side))[0] for side in (h, -h)]) for h in (1e-15, 1e-16)]
    noise = [(right - left) / (2 * h) for h, (right, left) in rises]
    return [({}, slope.numpy()) for slope in (torch.zeros_like(x), *noise)]


def _last_step(p: Problem) -> Any:
    a = p.inputs["a"]
    before = maps.newton_root(a, p.map.fixed_args["steps"] - 1)
    return (0.5 / before).numpy()


def _other_steps(p: Problem) -> Any:
    steps, a = p.map.fixed_args["steps"], p.inputs["a"]
    others = (steps - 1, steps + 1, *range(1, steps - 1))
    return [({"k": k, "steps": steps}, _slope(partial(maps.newton_root, steps=k), a).numpy()) for k in others]


def _divisor_constant(p: Problem) -> Any:
    a = p.inputs["a"]
    slope = torch.zeros_like(a)
    for k in range(p.map.fixed_args["steps"]):
        slope = (slope + 1 / maps.newton_root(a, k)) / 2
    return slope.numpy()


_SCALAR_MAPS = [
    Map(maps.wave, {"x": uniform(0.5, 2.5)}, "x sin x + x²"),
    Map(maps.growth, {"x": uniform(-1, 1.5)}, "e^(0.8x) + x"),
    Map(maps.bend, {"x": uniform(-2, 2)}, "log(1 + x²) + 2x"),
]

QUESTIONS = [
    Question(
        "01.predict_slope",
        "1.1 Predict a slope",
        Predicted(of=Derivative()),
        [Map(maps.cubic, {"x": fixed(5.0)}, "x³ − 4x")],
        also={
            "power_not_lowered": lambda p: np.array(3 * p.inputs["x"].item() ** 3 - 4),
            "power_not_in_front": lambda p: np.array(p.inputs["x"].item() ** 2 - 4),
            "linear_term_kept": lambda p: np.array(3 * p.inputs["x"].item() ** 2 - 4 * p.inputs["x"].item()),
            "linear_term_lost": lambda p: np.array(3 * p.inputs["x"].item() ** 2),
        },
        points=1,
        stars=1,
        minutes=3,
        hints=(
            "The derivative of xⁿ is n·xⁿ⁻¹, and that of −4x is −4.",
            "3x² − 4, at x = 5.",
        ),
    ),
    Question(
        "01.central_difference",
        "1.2 A slope from two values",
        Derivative(),
        _SCALAR_MAPS,
        gives=("f", "x"),
        declared=False,
        also={"divided_by_one_step": lambda p: 2 * p.truth, "step_vanishes": _nothing_left},
        without={"accumulated": "twice the slope comes from dividing by h here: nothing accumulates"},
        rtol=1e-9,
        plain_numbers=True,
        points=2,
        stars=2,
        minutes=8,
        hints=(
            "The rise from x − h to x + h is f(x + h) − f(x − h). How long is the run?",
            "Too large an h, and the curve bends in between; too small, and the rise drowns in rounding. The "
            "V-shaped plot in the lesson shows where the best h lies for the central difference.",
            "The best h is near 1e-5 for numbers of size 1 in float64. And mind the brackets: `rise / 2 * h` "
            "multiplies by h.",
        ),
    ),
    Question(
        "01.declare",
        "1.3 Declare what you differentiate by",
        Derivative(),
        [Map(maps.wave, {"x": uniform(0.5, 2.5)}, "x sin x + x²")],
        gives=("x",),
        declared=False,
        points=1,
        stars=1,
        minutes=4,
        hints=(
            "Autograd records only what is computed from a tensor that requires a gradient.",
            "`x.requires_grad_()`, before f is called. To leave the caller's tensor alone: "
            "`x = x.detach().clone().requires_grad_()`.",
        ),
    ),
    Question(
        "01.unpack_the_tuple",
        "1.4 Take the gradient out of the tuple",
        Derivative(),
        _SCALAR_MAPS,
        gives=("f", "x"),
        points=1,
        stars=1,
        minutes=4,
        hints=(
            "`torch.autograd.grad(y, x)` returns a tuple with one entry per input.",
            "`(slope,) = torch.autograd.grad(y, x)`",
        ),
    ),
    Question(
        "01.composition",
        "1.5 One function inside another",
        Derivative(),
        [
            Map(
                maps.composed,
                {"x": uniform(0.3, 1.8)},
                "outer(inner(x)), outer u² + u, inner x² + 0.5",
                {"outer": maps.plus_square, "inner": maps.shifted_square},
            ),
            Map(
                maps.composed,
                {"x": uniform(0.3, 1.8)},
                "outer(inner(x)), outer sin u, inner x² + 0.5",
                {"outer": maps.sine, "inner": maps.shifted_square},
            ),
            Map(
                maps.composed,
                {"x": uniform(0.3, 1.2)},
                "outer(inner(x)), outer e^(u/2), inner sin x",
                {"outer": maps.half_exp, "inner": maps.sine},
            ),
        ],
        gives=("outer", "inner", "x"),
        also={
            "chain_stops_early": _stops_early,
            "outer_at_wrong_place": _outer_at_x,
            "outer_times_inner_values": _outer_of_slope,
            "inner_only": _inner_only,
            "order_exchanged": _order_exchanged,
            "product_rule": _product_rule,
            "slopes_added": lambda p: _stops_early(p) + _inner_only(p),
        },
        points=2,
        stars=2,
        minutes=6,
        hints=(
            "Compute u = inner(x), then y = outer(u). By which of the two tensors do you differentiate?",
            "Autograd multiplies the two slopes for you as long as the way from x to y is unbroken.",
        ),
    ),
    Question(
        "01.several_inputs",
        "1.6 Several inputs, each gradient at its place",
        Gradient(by=("a", "b", "c")),
        [
            Map(
                maps.lens,
                {"a": uniform(0.5, 2), "b": uniform(-2, -0.5), "c": uniform(0.2, 1.2)},
                "ab² + a sin c",
            ),
            Map(
                maps.gauge,
                {"a": uniform(0.5, 2), "b": uniform(-2, -0.5), "c": uniform(0.2, 0.8)},
                "e^(a/3) + bc² − b",
            ),
        ],
        gives=("f", "a", "b", "c"),
        also={"accumulated_in_turn": lambda p: tuple((k + 1) * g for k, g in enumerate(p.truth))},
        partial=True,
        points=2,
        stars=2,
        minutes=5,
        hints=(
            "`inputs` of `torch.autograd.grad` may be a tuple; the result is a tuple of the same length.",
            "`return torch.autograd.grad(y, (a, b, c))`",
        ),
    ),
    Question(
        "01.backward",
        "1.7 Leave the slope in x.grad",
        GradState(),
        _SCALAR_MAPS,
        gives=("f", "x"),
        also={
            "value_not_slope": lambda p: p.y.reshape(()),
            "backward_of_input": lambda p: np.ones(()),
            "weighted_by_input": lambda p: p.inputs["x"].item() * p.truth,
        },
        points=1,
        stars=2,
        minutes=4,
        hints=(
            "`backward` is a method of the result, not of x, and it returns nothing.",
            "`f(x).backward()` fills `x.grad`. Do not detach x first: the detached copy's `.grad` would be filled.",
        ),
    ),
    Question(
        "01.newton_root",
        "1.8 Through a loop",
        Derivative(by="a"),
        [
            Map(maps.newton_root, {"a": uniform(20, 60)}, fixed_args={"steps": 3}),
            Map(maps.newton_root, {"a": uniform(20, 60)}, fixed_args={"steps": 2}),
        ],
        gives=("a", "steps"),
        also={
            "last_step_only": _last_step,
            "limit_not_iterate": lambda p: (0.5 / p.inputs["a"].sqrt()).numpy(),
            "one_step_off": _other_steps,
            "divisor_held_constant": _divisor_constant,
        },
        points=2,
        stars=3,
        minutes=10,
        hints=(
            "Write the loop with tensors, as you would with numbers: autograd follows every step.",
            "Start from `x = torch.ones_like(a)`, and run `x = (x + a / x) / 2` steps times.",
            "Then differentiate the last x by a. No `.item()`, `float()` or `.detach()` on the way.",
        ),
    ),
]
