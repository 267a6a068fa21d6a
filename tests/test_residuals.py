"""The truths of unit 12, found by forward mode, are what reverse mode gives on the module, and central differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from grader.judge import diagnose
from grader.problem import Problem, alike
from grader.units import u12_differential_equations as unit
from grader.units import u12_functions as functions

from answers import u12
from support import ALL, posed

Derivatives = Callable[..., Tensor]  # the names of inputs, or (name, column), in turn -> (N, 1)


def parameters(p: Problem) -> list[Tensor]:
    return [p.inputs[name] for name in unit.PARAMETERS]


def by_reverse_mode(p: Problem) -> Derivatives:
    """Derivatives of the module, by as many passes of reverse mode; without names, its values."""
    u = functions.ansatz(*parameters(p))
    names = [name for name in ("x", "t", "X") if name in p.inputs]
    points = {name: p.inputs[name].clone().requires_grad_() for name in names}

    def derivative(*places: Any) -> Tensor:
        y = u(*points.values())
        for place in places:
            name, column = place if isinstance(place, tuple) else (place, 0)
            (g,) = torch.autograd.grad(y.sum(), points[name], create_graph=True)
            y = g[:, column : column + 1]
        return y.detach()

    return derivative


def by_differences(p: Problem, h: float = 1e-3) -> Derivatives:
    """Derivatives by central differences of values in plain operations, nested."""
    names = [name for name in ("x", "t", "X") if name in p.inputs]

    def derivative(*places: Any, **moved: Tensor) -> Tensor:
        points = {**{name: p.inputs[name] for name in names}, **moved}
        if not places:
            return functions.output(*parameters(p), *points.values())
        name, column = places[-1] if isinstance(places[-1], tuple) else (places[-1], 0)
        step = torch.zeros_like(points[name])
        step[:, column] = h
        ends = [derivative(*places[:-1], **{**moved, name: points[name] + sign * step}) for sign in (1, -1)]
        return (ends[0] - ends[1]) / (2 * h)

    return derivative


def two(p: Problem, d: Derivatives) -> Any:
    return d("x"), d("x", "x")


def oscillator(p: Problem, d: Derivatives) -> Any:
    zeta, omega = p.extras["zeta"], p.extras["omega"]
    force = functions.force(p.drawn["c"])(p.inputs["t"])
    return d("t", "t") + 2 * zeta * omega * d("t") + omega**2 * d() - force


def poisson(p: Problem, d: Derivatives) -> Any:
    columns = range(p.inputs["X"].shape[1])
    return -sum(d(("X", i), ("X", i)) for i in columns) - functions.source(p.drawn["c"])(p.inputs["X"])


def burgers(p: Problem, d: Derivatives) -> Any:
    return d("t") + d() * d("x") - p.extras["nu"] * d("x", "x")


def heat(p: Problem, d: Derivatives) -> Any:
    """The first part alone: no derivative is in the others."""
    return (d("t") - functions.CONDUCTIVITY * d("x", "x")).square().mean()


TRUTHS = [
    ("12.two_derivatives", two),
    ("12.ode_residual", oscillator),
    ("12.poisson_residual", poisson),
    ("12.burgers_residual", burgers),
    ("12.loss_parts", heat),
]
EXACT, ROUGH = 1e-9, 1e-5  # relative to the largest entry


def arrays(values: Any) -> Any:
    return tuple(v.numpy() for v in values) if isinstance(values, tuple) else values.numpy()


def off(value: Any) -> Any:
    return tuple(map(off, value)) if isinstance(value, tuple) else np.asarray(value) * 1.001 + 1e-3


@pytest.mark.parametrize(("id", "formula"), TRUTHS, ids=[id for id, _ in TRUTHS])
def test_a_truth_is_what_two_other_roads_give(id, formula):
    for p in posed(id):
        truth = p.truth[0] if id == "12.loss_parts" else p.truth
        assert alike(arrays(formula(p, by_reverse_mode(p))), truth, EXACT, p.scale)
        assert alike(arrays(formula(p, by_differences(p))), truth, ROUGH, p.scale)
        assert not alike(arrays(formula(p, by_differences(p))), off(truth), ROUGH, p.scale)  # the way to fail


def test_the_residual_that_students_are_handed_is_the_one_that_is_judged():
    for p in posed("12.loss_parts"):
        x, t = (p.inputs[name].clone().requires_grad_() for name in ("x", "t"))
        r = functions.heat_residual(functions.ansatz(*parameters(p)), x, t).detach()
        assert r.square().mean().item() == pytest.approx(float(p.truth[0]), rel=EXACT)


def curve(p: Problem, u: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """(−u″ at the problem's points, by reverse mode; u at 0 and 1)."""
    x = p.inputs["x"].clone().requires_grad_()
    (d,) = torch.autograd.grad(u(x).sum(), x, create_graph=True)
    (d2,) = torch.autograd.grad(d.sum(), x)
    return -d2, u(torch.tensor([[0.0], [1.0]], dtype=x.dtype)).reshape(-1)


def test_the_exact_solution_solves_the_equation_that_is_handed_over():
    for p in posed("12.train"):
        c, line = p.drawn["c"], p.drawn["line"]
        lhs, ends = curve(p, lambda x, c=c, line=line: unit.rod(c, line, x))
        f = functions.rod_source(c)(p.inputs["x"])
        assert torch.allclose(lhs, f, rtol=1e-10, atol=1e-10)
        assert not torch.allclose(-lhs, f, rtol=1e-2)
        assert ends.tolist() == pytest.approx([p.extras["left"], p.extras["right"]])
        assert unit.rod(c, line, p.inputs["x"]).numpy() == pytest.approx(p.truth)


@pytest.mark.parametrize(
    ("key", "factor"),
    [
        ("trained_with_other_sign", -1),
        ("trained_without_source", 0),
        ("trained_to_zero_at_the_ends", 1),
        ("trained_with_ends_exchanged", 1),
    ],
)
def test_a_wrong_solution_solves_the_wrong_problem_that_it_is_named_after(key, factor):
    """By differences of its values, which lie on a grid."""
    ends = {"trained_to_zero_at_the_ends": lambda a, b: (0, 0), "trained_with_ends_exchanged": lambda a, b: (b, a)}
    for p in posed("12.train"):
        (w,) = [wrong.value[:, 0] for wrong in p.wrongs if wrong.key == key]
        h = 1 / (len(w) - 1)
        f = functions.rod_source(p.drawn["c"])(p.inputs["x"]).numpy()[1:-1, 0]
        assert -(w[2:] - 2 * w[1:-1] + w[:-2]) / h**2 == pytest.approx(factor * f, rel=2e-2, abs=2e-2)
        wanted = ends.get(key, lambda a, b: (a, b))(p.extras["left"], p.extras["right"])
        assert (w[0], w[-1]) == pytest.approx(wanted)


def test_descent_with_the_numbers_that_are_handed_over_finds_the_coefficient_with_room_to_spare():
    for seed in range(5):
        for p in ALL["12.find_coefficient"].problems(seed):
            given = (functions.solver(p.inputs["c"]), p.extras["data"], p.extras["k0"], unit.LR, unit.DESCENT_STEPS)
            assert u12.by_grad(*given).item() == pytest.approx(float(p.truth), rel=1e-6)
            assert u12.descent(steps=5)(*given).item() != pytest.approx(float(p.truth), rel=1e-6)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_network_is_trained_from_other_starts_too(seed):
    assert diagnose(ALL["12.train"], u12.by_lbfgs(), seed).correct
    assert diagnose(ALL["12.train"], u12.train(steps=25), seed).mistake == "not_trained_enough"


def test_a_budget_is_spent_by_the_call_that_is_one_too_many():
    p = posed("12.find_coefficient")[0]
    solve = functions.solver(p.inputs["c"])
    for _ in range(functions.MOST_SOLVES):
        solve(p.inputs["k"])
    with pytest.raises(TimeoutError, match="the budget is spent"):
        solve(p.inputs["k"])
