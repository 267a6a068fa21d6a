"""Unit 08: derivatives of derivatives."""

import warnings
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grader.mistakes import Mistake
from grader.predictions import Facts
from grader.problem import Map, Problem, mixed_signs, normal, uniform
from grader.quantities import (
    HVP,
    Gradient,
    GradientOfSquaredNorm,
    Hessian,
    Laplacian,
    NewtonStep,
    NthDerivative,
    SecondPartial,
)
from grader.question import Question
from grader.units import u01_functions
from grader.units import u08_functions as functions

SCALAR = [
    Map(u01_functions.wave, {"x": uniform(0.5, 2.5)}, "x sin x + x²"),
    Map(functions.fade, {"x": uniform(-1, 2)}, "3x e^(−x/2)"),
    Map(functions.sway, {"x": uniform(0.3, 1.5)}, "sin 2x + x³"),
]
RIDGE = Map(functions.ridge, {"x": normal(3)}, "x₀²x₁ + x₀ sin x₂ + x₁x₂²")
GULLY = Map(functions.gully, {"x": normal(2)}, "x₀x₁² + e^(x₀/2)")
PLATEAU = Map(functions.plateau, {"x": normal(4)}, "x₀x₁x₂ + x₃²x₀ + cos x₁x₃ + x₂x₃")
TANH_NET = Map(functions.tanh_net, {"x": uniform(-1.5, 1.5, 2)}, "a small network with tanh")
SEVERAL = [RIDGE, GULLY, PLATEAU]


def _order(generator: torch.Generator, p: Problem) -> int:
    """The order: 2, 3, 4 and 1 in turn, so that every check asks for several orders."""
    return (2, 3, 4, 1)[p.seed % 4]


def _place(generator: torch.Generator, p: Problem) -> int:
    return int(torch.randint(p.inputs["x"].numel(), (), generator=generator))


def _other_place(generator: torch.Generator, p: Problem) -> int:
    """A random index other than the extra i."""
    n = p.inputs["x"].numel()
    return (p.extras["i"] + 1 + int(torch.randint(n - 1, (), generator=generator))) % n


def _slope_of_a_line(p: Problem) -> np.ndarray | None:
    """f′(x) on a line, where PyTorch refuses to differentiate it; else None, also for a ReLU network, which gives 0."""
    return None if np.any(p.truth) or p.map.fn is functions.hinges else p.jacobians["x"].reshape(())


# --- 08.predict_again: whether the second derivative comes out of a g


def _gives_second(differentiate: Callable[[Tensor, Tensor], Tensor]) -> Callable[[], bool]:
    """A function that tells whether g = ``differentiate(x, y)`` can be differentiated, to 48, for y = x⁴ at x = 2."""

    def find_out() -> bool:
        x = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
        try:
            (second,) = torch.autograd.grad(differentiate(x, x**4), x)
        except RuntimeError:
            return False
        return second.item() == 48

    return find_out


def _with_graph(x: Tensor, y: Tensor) -> Tensor:
    return torch.autograd.grad(y, x, create_graph=True)[0]


# --- 08.leak: each of these runs a snippet and tests one statement


def _cube() -> tuple[Tensor, Tensor]:
    x = torch.tensor(5.0, dtype=torch.float64, requires_grad=True)
    return x, x**3


def _by_backward(x: Tensor, y: Tensor) -> Tensor:
    """Call ``y.backward(create_graph=True)`` without its warning, and return x.grad."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y.backward(create_graph=True)
    assert x.grad is not None
    return x.grad


def _first_requires_grad() -> bool:
    x, y = _cube()
    return _by_backward(x, y).requires_grad


def _twice_gives(expected: float) -> Callable[[], bool]:
    def find_out() -> bool:
        x, y = _cube()
        _by_backward(x, y).backward()
        assert x.grad is not None
        return x.grad.item() == expected

    return find_out


def _reset_gives_second() -> bool:
    x, y = _cube()
    g = _by_backward(x, y)
    x.grad = None
    g.backward()
    return x.grad is not None and x.grad.item() == 30


def _grad_gives_second_and_leaves_grad_alone() -> bool:
    x, y = _cube()
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    (h,) = torch.autograd.grad(g, x)
    return h.item() == 30 and x.grad is None


def _freed(differentiate: Callable[[Tensor, Tensor], object]) -> Callable[[], bool]:
    """A function that tells whether x is freed as soon as no name refers to it, after ``differentiate(x, y)``."""

    def watched() -> weakref.ref[Tensor]:
        x, y = _cube()
        differentiate(x, y)
        return weakref.ref(x)

    return lambda: watched()() is None


def _by_grad(x: Tensor, y: Tensor) -> Any:
    return torch.autograd.grad(y, x, create_graph=True)


SLOPE_FOR_ZERO = Mistake(
    "slope_for_zero",
    formula="f′(x)",
    name="the slope where its derivative was asked for",
    says="this is f′(x) of a straight line. Its slope never changes, so the second derivative is 0.",
    why="Where PyTorch refuses to differentiate a constant slope, the answer is a zero in x's shape: "
    "`torch.zeros_like(x)`.",
    on_problem=_slope_of_a_line,
)

QUESTIONS = [
    Question(
        "08.predict_again",
        "8.1 Predict: what can be differentiated again?",
        Facts(
            calls={
                "a": _gives_second(lambda x, y: torch.autograd.grad(y, x)[0]),
                "b": _gives_second(_with_graph),
                "c": _gives_second(lambda x, y: torch.autograd.grad(y, x, retain_graph=True)[0]),
                "d": _gives_second(lambda x, y: _with_graph(x, y).detach()),
                "e": _gives_second(lambda x, y: 4 * x**3),
                "f": _gives_second(lambda x, y: 2 * (h := _with_graph(x, y)) - h),
                "g": _gives_second(lambda x, y: torch.autograd.grad(y, x)[0] + 0 * x),
            },
            notes={
                "a": "By default `grad` does not record the backward pass, so g has no graph.",
                "b": "The backward pass was recorded, so g has a graph that leads to x.",
                "c": "The graph of y is kept, but g gets no graph of its own.",
                "d": "`detach` cuts the graph off again.",
                "e": "This g was computed from x by recorded operations, like any other output.",
                "f": "What you compute from tensors with a graph has a graph, and derivatives are no exception.",
                "g": "x is in this graph only by way of 0 * x, whose derivative is 0; the 32 counts as a constant.",
            },
        ),
        points=1,
        stars=2,
        minutes=6,
        hints=(
            "Ask each time whether g was computed from x by operations that PyTorch recorded.",
            "`retain_graph` is about the graph of y, `create_graph` about the graph of g.",
            "After line g there is a graph, and no error. But what is the derivative of `32 + 0 * x`?",
        ),
    ),
    Question(
        "08.second_derivative",
        "8.2 The second derivative",
        NthDerivative(order=2),
        SCALAR,
        gives=("f", "x"),
        points=1,
        stars=1,
        minutes=4,
        hints=(
            "The slope is to be differentiated once more, so it needs a graph of its own.",
            "An argument of `torch.autograd.grad` asks for that graph, and it is not `retain_graph`.",
            "`(slope,) = torch.autograd.grad(y, x, create_graph=True)`",
        ),
    ),
    Question(
        "08.nth_derivative",
        "8.3 As often as you are told",
        NthDerivative(),
        [*SCALAR, Map(functions.quintic, {"x": uniform(0.5, 2)}, "x⁵/20 − x²")],
        gives=("f", "x", "order"),
        extras={"order": _order},
        points=2,
        stars=2,
        minutes=5,
        hints=(
            "Start with y = f(x), and replace y by its derivative, `order` times.",
            "Every derivative but the last is differentiated again, so every call but the last needs "
            "`create_graph=True`. In the last call it does not change the value.",
            "`for _ in range(order): (y,) = torch.autograd.grad(y, x, create_graph=True)`",
        ),
    ),
    Question(
        "08.mixed_partial",
        "8.4 First one variable, then another",
        SecondPartial(),
        SEVERAL,
        gives=("f", "x", "i", "j"),
        extras={"i": _place, "j": _other_place},
        points=2,
        stars=2,
        minutes=6,
        hints=(
            "The gradient holds all first derivatives. Which entry of it is the derivative with respect to x_i?",
            "`g[i]` is one number, with a graph. Its gradient with respect to x has n entries; you want one of them.",
            "Index after differentiating: `x[j]` is a new tensor, and g was not computed from it.",
        ),
    ),
    Question(
        "08.mend_create_graph",
        "8.5 Mend a gradient that is a dead end",
        Gradient(differentiable=True),
        SEVERAL,
        gives=("f", "x"),
        points=1,
        stars=1,
        minutes=4,
        hints=(
            "`retain_graph=True` keeps the graph that leads from x to f(x). Which graph is missing?",
            "The one from x to the gradient. `create_graph=True` makes it, and nothing may cut it afterward.",
        ),
    ),
    Question(
        "08.linear_map",
        "8.6 Mend: when nothing is left to differentiate",
        NthDerivative(order=2),
        [
            Map(functions.line, {"x": uniform(-2, 2)}, "3x − 2"),
            Map(functions.sway, {"x": uniform(0.3, 1.5)}, "sin 2x + x³"),
            Map(functions.hinges, {"x": uniform(-2, 2)}, "a small ReLU network"),
            Map(functions.tilt, {"x": uniform(-2, 2)}, "wx + 0.5, w a parameter"),
        ],
        gives=("f", "x"),
        also=(SLOPE_FOR_ZERO,),
        without={
            "order_off": "on a line the third derivative is as zero as the second",
            "second_plus_first": "on a line that sum is the slope alone",
        },
        points=2,
        stars=3,
        minutes=8,
        hints=(
            "What is the second derivative of 3x − 2? And what does its slope, 3, depend on?",
            "A slope without a graph is a constant; `slope.requires_grad` tells you. Return zeros like x then.",
            "A slope may also have a graph in which x does not occur: the slope of wx is w, a parameter. "
            "`materialize_grads=True` returns zeros for an input that does not occur.",
        ),
    ),
    Question(
        "08.hessian_by_rows",
        "8.7 The Hessian, row by row",
        Hessian(),
        SEVERAL,
        gives=("f", "x"),
        points=3,
        stars=2,
        minutes=8,
        hints=(
            "H is the Jacobian of the gradient: row i is the gradient of g[i].",
            "Each of the n rows takes a backward pass through the graph of g: `retain_graph=True`.",
            "`rows = [torch.autograd.grad(entry, x, retain_graph=True)[0] for entry in g]`, then `torch.stack(rows)`.",
        ),
    ),
    Question(
        "08.hvp",
        "8.8 H times u, without H",
        HVP(),
        SEVERAL,
        gives=("f", "x", "u"),
        extras={"u": lambda generator, p: mixed_signs(*p.inputs["x"].shape)(generator)},
        points=3,
        stars=2,
        minutes=6,
        hints=(
            "Hu is a weighted sum of the rows of H, and H is a Jacobian. Which call adds up the weighted rows of one?",
            "The gradient g has n outputs, and u says how much each counts: two calls in all, and no loop.",
            "`torch.autograd.grad(g, x, grad_outputs=u)`, or the gradient of the number `(g * u).sum()`.",
        ),
    ),
    Question(
        "08.leak",
        "8.9 What `backward` leaves behind",
        Facts(
            calls={
                "a": _first_requires_grad,
                "b": _twice_gives(30),
                "c": _twice_gives(105),
                "d": _reset_gives_second,
                "e": _freed(_by_backward),
                "f": _freed(_by_grad),
                "g": _grad_gives_second_and_leaves_grad_alone,
            },
            notes={
                "a": "The backward pass was recorded, so the gradient that it left in `.grad` has a graph.",
                "b": "`backward` adds to what `.grad` already holds.",
                "c": "`backward` adds to what `.grad` already holds.",
                "d": "`.grad` was emptied before the second call, so that call had nothing to add to.",
                "e": "x holds `x.grad`, and the graph of `x.grad` holds x.",
                "f": "The graph of g holds x, but x does not hold g.",
                "g": "`autograd.grad` returns the derivative, and puts nothing into `.grad`.",
            },
        ),
        points=2,
        stars=3,
        minutes=8,
        hints=(
            "f′(5) = 75 and f″(5) = 30. What does `backward` do with what `.grad` already holds?",
            "After the first call x holds `x.grad`, and the graph of `x.grad` holds x: each keeps the other alive.",
            "`autograd.grad` stores nothing in x. What it returns holds x, but x does not hold it.",
        ),
    ),
    Question(
        "08.laplacian",
        "8.10 Transfer: the Laplacian",
        Laplacian(),
        [RIDGE, TANH_NET, PLATEAU],
        gives=("f", "x"),
        points=2,
        stars=3,
        minutes=8,
        hints=(
            "∂²f/∂x_i² is entry i of row i of H.",
            "For each i, differentiate `g[i]` with respect to x, and take entry i of the result. Add these up.",
            "`g.sum()` forgets which entry is which. Differentiate one entry of g at a time.",
        ),
    ),
    Question(
        "08.gradient_of_norm",
        "8.11 Transfer: the gradient of a gradient's norm",
        GradientOfSquaredNorm(),
        [RIDGE, Map(functions.critic, {"x": normal(2, 3)}, "a small critic, tanh inside"), GULLY],
        gives=("f", "x"),
        points=2,
        stars=2,
        minutes=6,
        hints=(
            "First the gradient g, with a graph. Then one number computed from it. Then the gradient of that number.",
            "‖g‖² is the sum of the squares of all entries, whatever the shape: `(g * g).sum()`, nothing detached.",
        ),
    ),
    Question(
        "08.newton_step",
        "8.12 Recall: a step downhill, with Newton's method",
        NewtonStep(),
        [
            Map(functions.basin, {"x": normal(2)}, "(x₀ − 1)² + 2(x₀ + x₁)² + e^(x₁/2)"),
            Map(functions.hollow, {"x": normal(3)}, "log(e^x₀ + e^x₁ + e^x₂) + |x|²/2 + (x₀ − 2x₁ + x₂)²"),
            Map(functions.trough, {"x": normal(4)}, "the sum of x⁴/4, plus (the sum of x, minus 1)² + |x|²"),
        ],
        gives=("f", "x"),
        points=2,
        stars=3,
        minutes=9,
        hints=(
            "You need two things at x, the gradient g and the Hessian H, and you have written both.",
            "The step s solves Hs = −g. `torch.linalg.solve` does that without an inverse.",
            "`return x - torch.linalg.solve(H, g)`",
        ),
    ),
]
