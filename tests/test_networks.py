"""The truths about networks, found by forward mode, are what reverse mode gives twice, and central differences once.

Every road starts from another place: the truth from a formula in plain operations, reverse mode from the module that
students are handed, central differences from values of the plain operations alone.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from grader.jacobian import central_differences
from grader.judge import diagnose, judge
from grader.probe import Answer, Value, functions_of
from grader.problem import Problem, alike
from grader.units import u12_functions as u12
from grader.units import u13_formulas as formulas
from grader.units import u13_functions as u13

from support import ALL, posed

CRITIC = ("W", "b", "a", "c")
Road = Callable[[Problem], Any]


def tensors(p: Problem, *names: str) -> list[Tensor]:
    """Drawn tensors and inputs of a problem, by name."""
    return [{**p.drawn, **p.inputs}[name] for name in names]


# --- reverse mode, on the module


def module(p: Problem) -> Any:
    return u13.scores(*tensors(p, *CRITIC))


def slopes(critic: Any, x: Tensor) -> Tensor:
    """The gradient of the critic at each sample, with its graph."""
    x = x.clone().requires_grad_()
    return torch.autograd.grad(critic(x).sum(), x, create_graph=True)[0]


def penalty(critic: Any, x: Tensor) -> Tensor:
    return ((slopes(critic, x).flatten(1).norm(dim=1) - 1) ** 2).mean()


def gradients(number: Tensor, critic: Any) -> tuple[np.ndarray, ...]:
    found = torch.autograd.grad(number, tuple(critic.parameters()), materialize_grads=True)
    return tuple(g.numpy() for g in found)


def penalty_gradient(p: Problem) -> Any:
    critic = module(p)
    return gradients(penalty(critic, *tensors(p, "x_hat")), critic)


def loss(p: Problem, critic: Any) -> Tensor:
    real, fake, x_hat = tensors(p, "real", "fake", "x_hat")
    return critic(fake).mean() - critic(real).mean() + p.extras["lam"] * penalty(critic, x_hat)


def loss_gradient(p: Problem) -> Any:
    critic = module(p)
    return gradients(loss(p, critic), critic)


def table(p: Problem) -> Any:
    x = p.inputs["x"].clone().requires_grad_()
    outputs = p.map.fixed_args["critic"](x)
    return torch.stack([torch.autograd.grad(y, x, retain_graph=True)[0].norm(dim=1) for y in outputs]).numpy()


def meta(p: Problem) -> Any:
    train, val = (p.map.fixed_args[name] for name in ("train_loss", "val_loss"))
    theta = p.inputs["theta"].clone().requires_grad_()
    (inner,) = torch.autograd.grad(train(theta), theta, create_graph=True)
    adapted = theta - p.extras["alpha"] * inner
    return tuple(g.numpy() for g in torch.autograd.grad(val(adapted), (theta, adapted)))


# --- central differences, of values


def differences(f: Callable[..., Any], **inputs: Tensor) -> dict[str, np.ndarray]:
    return {name: J for name, (J, _) in central_differences(f, inputs).items()}


def own_slopes(p: Problem, x: Tensor) -> np.ndarray:
    """The gradient of D at each sample, each alone: (N, k)."""
    theta = tensors(p, *CRITIC)
    rows = [differences(lambda z: formulas.outputs(*theta, z), z=sample[None])["z"][0] for sample in x]
    return np.stack(rows)


def norms_by_differences(p: Problem, name: str) -> np.ndarray:
    return np.linalg.norm(own_slopes(p, *tensors(p, name)), axis=1)


def penalty_by_differences(p: Problem) -> Any:
    return ((norms_by_differences(p, "x_hat") - 1) ** 2).mean()


def of_parameters(p: Problem, number: Callable[..., Tensor]) -> Any:
    theta = dict(zip(CRITIC, tensors(p, *CRITIC), strict=True))
    J = differences(number, **theta)
    return tuple(J[name].reshape(tuple(x.shape)) for name, x in theta.items())


def loss_by_differences(p: Problem) -> Any:
    real, fake, x_hat = tensors(p, "real", "fake", "x_hat")

    def number(*theta: Tensor) -> Tensor:
        at_fake, at_real, cost = formulas.critic_parts(*theta, real, fake, x_hat)
        return at_fake - at_real + p.extras["lam"] * cost

    return of_parameters(p, number)


def table_by_differences(p: Problem) -> Any:
    x = p.inputs["x"]
    J = differences(p.map.fixed_args["critic"], x=x)["x"]
    return np.linalg.norm(J.reshape(len(x), len(x), -1), axis=2)


def meta_by_differences(p: Problem) -> Any:
    """The gradients of val(θ − α∇train(θ)) and of val at θ′, where ∇train is made of differences, too."""
    train, val = (p.map.fixed_args[name] for name in ("train_loss", "val_loss"))

    def adapted(theta: Tensor) -> Tensor:
        slope = differences(train, theta=theta)["theta"][0]
        return theta - p.extras["alpha"] * torch.from_numpy(slope)

    theta, step = p.inputs["theta"], 1e-4
    basis = torch.eye(len(theta), dtype=theta.dtype)
    found = [float(val(adapted(theta + step * e)) - val(adapted(theta - step * e))) / (2 * step) for e in basis]
    return np.array(found), differences(val, theta=adapted(theta))["theta"][0]


def the_truth(p: Problem) -> Any:
    return p.truth


def gradient_stage(p: Problem) -> Any:
    return p.stages[-1].truth


# (question, its truth, by reverse mode, by central differences)
TRUTHS: list[tuple[str, Road, Road, Road]] = [
    (
        "13.gradient_norms",
        the_truth,
        lambda p: slopes(module(p), *tensors(p, "x")).flatten(1).norm(dim=1).detach().numpy(),
        lambda p: norms_by_differences(p, "x"),
    ),
    (
        "13.penalty",
        the_truth,
        lambda p: penalty(module(p), *tensors(p, "x_hat")).detach().numpy(),
        penalty_by_differences,
    ),
    (
        "13.penalty_gradient",
        the_truth,
        penalty_gradient,
        lambda p: of_parameters(p, lambda *theta: formulas.slope_penalty(*theta, *tensors(p, "x_hat"))),
    ),
    ("13.critic_loss", gradient_stage, loss_gradient, loss_by_differences),
    ("13.batch_norm", the_truth, table, table_by_differences),
    ("13.meta_gradient", the_truth, meta, meta_by_differences),
]
ROADS = pytest.mark.parametrize(("id", "truth", "by_reverse", "by_differences"), TRUTHS, ids=[id for id, *_ in TRUTHS])
EXACT, ROUGH = 1e-9, 1e-5  # relative to the largest entry


def off(value: Any) -> Any:
    """A value, or each of a tuple, 1% too large in its largest entry."""
    if isinstance(value, tuple):
        return tuple(map(off, value))
    wrong = np.array(value, dtype=float)
    wrong.flat[np.abs(wrong).argmax()] *= 1.01
    return wrong


@ROADS
def test_a_truth_about_a_network_is_what_two_other_roads_give(id, truth, by_reverse, by_differences):
    for p in posed(id):
        found, size = truth(p), p.scale
        assert alike(by_reverse(p), found, EXACT, size)
        assert alike(by_differences(p), found, ROUGH, size)
        assert not alike(by_reverse(p), off(found), EXACT, size)  # the ways to fail
        assert not alike(by_differences(p), off(found), ROUGH, size)


def test_the_value_of_the_loss_is_that_of_the_module():
    for p in posed("13.critic_loss"):
        value = loss(p, module(p)).item()
        assert value == pytest.approx(float(p.stages[0].truth), rel=EXACT)
        assert value != pytest.approx(float(p.stages[0].truth) + p.extras["lam"] * 1e-3, rel=EXACT)


@pytest.mark.parametrize("id", ["13.gradient_norms", "13.penalty", "13.penalty_gradient", "13.critic_loss"])
def test_a_critic_is_the_same_as_a_module_and_in_plain_operations(id):
    """And its slopes by hand are those of the module.  The way to fail: another bias, which moves only one of them."""
    for p in posed(id):
        (x,) = tensors(p, "x" if id == "13.gradient_norms" else "x_hat")
        W, b, a, c = tensors(p, *CRITIC)
        assert torch.allclose(module(p)(x), formulas.outputs(W, b, a, c, x), rtol=1e-12)
        assert not torch.allclose(module(p)(x), formulas.outputs(W, b, a, c + 0.01, x), rtol=1e-12)
        assert torch.allclose(slopes(module(p), x), formulas.slopes(W, b, a, x), rtol=1e-12, atol=1e-12)
        assert not torch.allclose(slopes(module(p), x), formulas.slopes(W, b + 0.01, a, x), rtol=1e-12, atol=1e-12)


def test_any_draw_of_interpolates_is_right_and_no_other_points_are():
    torch.manual_seed(0)
    question = ALL["13.interpolates"]

    def drawn(real, fake, beyond=0.0):
        eps = torch.rand(len(real), *[1] * (real.ndim - 1)) + beyond
        return eps * real + (1 - eps) * fake

    assert all(diagnose(question, drawn, seed).correct for seed in range(30))
    assert diagnose(question, lambda real, fake: drawn(real, fake, 0.5)).mistake == "factors_outside"


@pytest.mark.parametrize("extreme", [0.0, 1.0])
def test_a_factor_at_an_end_of_its_line_is_allowed(extreme):
    """`torch.rand` may give 0, and 1 − ε is 1 then."""
    torch.manual_seed(0)

    def drawn(real, fake):
        eps = torch.rand(len(real), *[1] * (real.ndim - 1))
        eps[0] = extreme
        return eps * real + (1 - eps) * fake

    assert diagnose(ALL["13.interpolates"], drawn).correct


# --- what students' processes get of it


def lying(real, fake):
    """Zeros times i, in a tensor that says that its entries are real."""

    class Real(Tensor):
        dtype = property(lambda self: torch.float64)

    return (torch.zeros_like(real) * 1j).as_subclass(Real)


def test_points_that_cannot_be_compared_are_not_right():
    v = diagnose(ALL["13.interpolates"], lying)
    assert v.status == "complex"
    (p, *_) = posed("13.interpolates")
    for wrong in (np.full(p.truth.shape, 1e308), p.truth + 1j, p.truth[:-1]):
        assert not judge(ALL["13.interpolates"], [p], [Answer(Value("tensor", wrong, "float64"))]).correct
    assert judge(ALL["13.interpolates"], [p], [Answer(Value("tensor", p.truth, "float64"))]).correct


def unreached(module: Any, handed: set[str]) -> set[str]:
    """The functions and classes of a module that none of those handed over uses."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    defined = {node.name: node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    waiting, reached = list(handed), set[str]()
    while waiting:
        name = waiting.pop()
        if name in defined and name not in reached:
            reached.add(name)
            waiting += [node.id for node in ast.walk(defined[name]) if isinstance(node, ast.Name)]
    return defined.keys() - reached


@pytest.mark.parametrize("functions", [u12, u13], ids=["12", "13"])
def test_nothing_travels_to_students_processes_but_what_they_are_handed(functions):
    unit = functions.__name__[-12:-10]
    calls = [p.call for id in ALL if id.startswith(f"{unit}.") and ALL[id].maps for p in posed(id)]
    handed = {f.__name__ for call in calls for f in functions_of(call) if f.__module__ == functions.__name__}
    assert unreached(functions, handed) == set()
    assert unreached(functions, set()) >= handed  # the way to fail
