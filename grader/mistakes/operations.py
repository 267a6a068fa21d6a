"""Mistakes in operations that students write: in their ``backward``, or in differentiating what they are made of."""

from __future__ import annotations

import numpy as np

from grader.mistakes.base import Mistake, at_least_two

MISTAKES = [
    Mistake(
        "upstream_unused",
        unit="11",
        formula="Jᵀ1",
        name="the upstream gradient ignored",
        says="this is the local derivative alone, whatever the upstream gradient is.",
        why="`backward` receives v, the upstream gradient: how much the loss changes with each entry of y. Every "
        "gradient that it returns contains this factor; here v = {v}. Where v is 1 everywhere, as after `y.sum()`, "
        "the mistake does not show.",
        derive={"operation": at_least_two(lambda b: b.J.T @ b.ones)},
    ),
    Mistake(
        "upstream_unused_once",
        unit="11",
        formula="(J_xᵀv, J_wᵀ1)",
        name="the upstream gradient ignored for one input",
        says="the gradient with respect to {which} is the local derivative alone, without the upstream gradient.",
        why="Each input has a chain rule of its own, and in each of them the upstream gradient is a factor.",
    ),
    Mistake(
        "upstream_twice",
        unit="11",
        formula="Jᵀ(v ⊙ v)",
        name="the upstream gradient used twice",
        says="the result was multiplied by the upstream gradient twice.",
        why="The chain rule multiplies by it once: upstream gradient times local derivative.",
        derive={"operation": at_least_two(lambda b: b.J.T @ b.v**2)},
    ),
    Mistake(
        "upstream_handed_on",
        unit="11",
        formula="v",
        name="the upstream gradient passed on unchanged",
        says="this is the upstream gradient itself, passed on unchanged.",
        why="That is the backward of y = x. The factor that belongs to this operation, its local derivative, is "
        "missing.",
        derive={"operation": lambda b: b.v if b.x_shape == b.y_shape and not _is_identity(b.J) else None},
    ),
    Mistake(
        "gradient_is_none",
        unit="11",
        name="None for a gradient",
        says="the gradient with respect to {which} is None: no gradient got there.",
        why="A `backward` returns None only for what is not differentiated, such as a number; for a tensor it returns "
        "a gradient in that tensor's shape. Where you wrote no `backward`, y must be computed from this very tensor, "
        "not from a copy of it.",
    ),
    Mistake(
        "value_without_graph",
        unit="11",
        name="a value without a graph",
        says="the value is right, but it has no graph: no gradient can get back through it.",
        why="Every operation on the way to it must be recorded: without `.detach()`, `.data`, `torch.no_grad()` or "
        "`torch.tensor(…)`.",
    ),
    Mistake(
        "pullback_without_graph",
        unit="11",
        name="a backward that cannot be differentiated",
        says="y and its gradient are right, but the gradient has no graph: there is no second derivative.",
        why="With `create_graph=True`, what `backward` does is recorded like any other code. `.detach()`, `.data`, "
        "`.item()` and `torch.no_grad()` in it cut that record.",
    ),
    Mistake(
        "saved_intermediate",
        unit="11",
        name="an intermediate result saved as a constant",
        says="y and its gradient are right, but the derivative of the gradient is wrong.",
        why="Inside `forward` nothing is recorded: an intermediate result that was computed there is a constant "
        "for `backward`, although it depends on x; `.detach()`, `.data` and `torch.no_grad()` in `backward` make "
        "one, too. `gradcheck` passes and `gradgradcheck` fails. Save inputs or outputs, and compute the rest from "
        "them in `backward`.",
    ),
]


def _is_identity(J: np.ndarray) -> bool:
    return bool(np.array_equal(J, np.eye(len(J))))
