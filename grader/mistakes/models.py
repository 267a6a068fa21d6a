"""Mistakes with losses of several parts, and with models that were trained."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.mistakes.base import Derivation, Mistake
from grader.words import CARD

if TYPE_CHECKING:
    from grader.problem import Problem

Case = tuple[dict[str, Any], np.ndarray]  # the detail, and the weights of all parts: (parts,)


def _each(changed: Callable[[Any], Any]) -> Derivation:
    """For every part whose weight ``changed`` changes: all weights, with that part's replaced by its result."""

    def derive(p: Problem) -> list[Case]:
        asks, found = p.question.asks, []
        v = asks.weight(p)
        for k, part in enumerate(asks.parts):
            w = v.copy()
            w[k] = changed(v[k])
            if w[k] != v[k]:
                found.append(({"loss_part": part}, w))
        return found

    return derive


def _some_left_out(p: Problem) -> list[Case]:
    """The weights with some parts left out, but not all of those with a weight."""
    v, parts = p.question.asks.weight(p), p.question.asks.parts
    counting = [k for k in range(len(v)) if v[k]]
    found = []
    for count in range(1, len(counting)):
        for gone in combinations(counting, count):
            said = CARD["and"].join(parts[k] for k in gone)
            found.append(({"loss_part": said}, np.where(np.isin(np.arange(len(v)), gone), 0.0, v)))
    return found


def _alone(p: Problem) -> list[Case]:
    v, parts = p.question.asks.weight(p), p.question.asks.parts
    if len(parts) < 3:  # with two parts, keeping one alone is the same as leaving out the other
        return []
    return [({"loss_part": part}, v * (np.arange(len(v)) == k)) for k, part in enumerate(parts)]


def _all_weighted(p: Problem) -> list[Case]:
    """Every weight with the size of the only one that is not 0, 1 or −1; [] if there is not exactly one such weight."""
    v, parts = p.question.asks.weight(p), p.question.asks.parts
    heavy = [k for k in range(len(v)) if abs(v[k]) not in (0.0, 1.0)]
    return [({"loss_part": parts[heavy[0]]}, np.sign(v) * abs(v[heavy[0]]))] if len(heavy) == 1 and len(v) > 1 else []


MISTAKES = [
    Mistake(
        "part_left_out",
        unit="12",
        name="a part of the loss left out",
        says="this is the loss without its part {loss_part}.",
        why="The loss is {formula_of_truth}. Training ignores whatever no part of the loss asks for.",
        derive={"loss": _each(lambda weight: 0.0)},
    ),
    Mistake(
        "part_alone",
        unit="12",
        name="one part instead of the whole loss",
        says="this is the part {loss_part} alone.",
        why="The loss is {formula_of_truth}.",
        derive={"loss": _alone},
    ),
    Mistake(
        "part_sign_turned",
        unit="13",
        name="the sign of a part flipped",
        says="the part {loss_part} has the wrong sign.",
        why="The loss is {formula_of_truth}. Training makes it small, so a part with a minus sign is made large.",
        derive={"loss": _each(lambda weight: -weight)},
    ),
    Mistake(
        "loss_sign_turned",
        unit="13",
        formula="−L",
        name="the loss with its sign flipped",
        says="this is the loss with its sign flipped.",
        why="The loss is {formula_of_truth}. An optimizer makes it small, so what should become large has a minus "
        "sign.",
        derive={"loss": lambda p: [({}, -p.question.asks.weight(p))]},
    ),
    Mistake(
        "part_unweighted",
        unit="12",
        name="the weight of a part forgotten",
        says="the part {loss_part} has the weight 1.",
        why="The loss is {formula_of_truth}.",
        derive={"loss": _each(np.sign)},
    ),
    Mistake(
        "part_weighted_twice",
        unit="12",
        name="the weight of a part used twice",
        says="the part {loss_part} was multiplied by its weight twice.",
        why="The loss is {formula_of_truth}.",
        derive={"loss": _each(lambda weight: weight * abs(weight))},
    ),
    Mistake(
        "all_parts_weighted",
        unit="12",
        name="every part weighted",
        says="every part was multiplied by the weight of {loss_part}.",
        why="Is a pair of parentheses in the wrong place? The loss is {formula_of_truth}.",
        derive={"loss": _all_weighted},
    ),
    Mistake(
        "parts_weighted_otherwise",
        unit="13",
        name="the parts with other weights",
        says="this is {weights}.",
        why="The loss is {formula_of_truth}. How much each part counts was found from your loss and its gradient: "
        "compare the signs and the factors one by one.",
    ),
    Mistake(
        "part_without_gradient",
        unit="13",
        name="a part of the loss without a gradient",
        says="the loss has the right value, but its gradient is that of the loss without {loss_part}.",
        why="The optimizer sees gradients only: to it, this part is a constant. It was cut from the parameters, by "
        "`.detach()`, `.item()` or `torch.no_grad()`, or because a gradient in it was computed without "
        "`create_graph=True`.",
        derive={"loss_gradient": _some_left_out},
    ),
    Mistake(
        "gradient_weighted_otherwise",
        unit="13",
        name="a gradient in which the parts have other weights",
        says="the loss has the right value, but its gradient is that of {weights}.",
        why="To autograd, something in it is partly a constant: look for `.detach()`, `.item()`, "
        "`torch.no_grad()`, and for gradients without `create_graph=True`.",
    ),
    Mistake(
        "loss_without_gradient",
        unit="13",
        formula="0",
        name="a loss that moves no parameter",
        says="the loss has the right value, but its gradient is 0 for all parameters.",
        why="To autograd it is a constant: it was rebuilt from numbers, or cut off by `.detach()`. A "
        "`requires_grad=True` on such a tensor starts a new graph, which leads to no parameter.",
        derive={"loss_gradient": lambda p: [({}, 0 * p.question.asks.weight(p))]},
    ),
    Mistake(
        "untrained",
        unit="12",
        name="nothing was trained",
        says="the parameters of {model} are what they were before: nothing was trained.",
        why="Does the optimizer have the parameters of this very {model}, not of a copy? And does each step of the "
        "loop call `zero_grad`, `backward` and `optimizer.step()`, in this order? You need not return anything: "
        "the grader looks at {model} itself.",
    ),
    Mistake(
        "model_changed",
        unit="12",
        name="a model with other parameters",
        says="{model} no longer has the parameters that it came with: their number or their shapes differ.",
        why="Train {model} as it is. An optimizer changes the values of its parameters, and nothing else.",
    ),
    Mistake(
        "training_diverged",
        unit="12",
        name="training diverged",
        says="training diverged: {model} is no longer finite, or far outside the range of any solution.",
        why='Usually the learning rate is too large, and `torch.optim.LBFGS` needs `line_search_fn="strong_wolfe"`. A '
        "loss that can fall below 0 also runs away: square its terms.",
    ),
    Mistake(
        "boundary_missed",
        unit="12",
        name="the boundary conditions missed",
        says="{model} solves the equation, but with the wrong boundary values: at the boundary it is off by "
        "{boundary}.",
        why="An equation has many solutions, and the boundary values pick one of them. They need a part of the loss "
        "of their own. The residual is {residual}, and {model} is off by {error}, where {allowed} is allowed.",
    ),
    Mistake(
        "equation_missed",
        unit="12",
        name="the equation missed",
        says="{model} has the right boundary values, but does not solve the equation: its residual is {residual}.",
        why="Compare the residual in your loss with the equation, sign by sign, and check that its derivatives are "
        "made with `create_graph=True`. If your loss is still falling, take more steps. The boundary values are off "
        "by {boundary}, and {model} by {error}, where {allowed} is allowed.",
    ),
    Mistake(
        "not_trained_enough",
        unit="12",
        name="not trained enough",
        says="{model} is not there yet: its largest error is {error}, and {allowed} is allowed.",
        why="The residual of the equation is {residual}, and the boundary values are off by {boundary}. If your loss "
        "falls, take more steps or another learning rate. If it does not, check that the gradient is cleared in "
        "each step, and that each part of the loss is right.",
    ),
    Mistake(
        "search_passed_by",
        unit="12",
        name="a search that overshot",
        says="{found} lies beyond the right value, as seen from {start}: {away} away, where {allowed} is allowed.",
        why="A search that jumps back and forth needs smaller or more steps; one that settles there minimizes a "
        "different function from the misfit of the exercise.",
    ),
    Mistake(
        "search_went_away",
        unit="12",
        name="a search that went away",
        says="the search began at {start} and ended at {found}, which is no closer: {away} away from the right value.",
        why="Look at the sign of the step: it goes against the gradient. Or the step is far too large.",
    ),
    Mistake(
        "search_not_finished",
        unit="12",
        name="a search that is not finished",
        says="{found} is on the way from {start} to the right value, but {away} away from it; {allowed} is allowed.",
        why="If your value creeps, take more steps or a larger learning rate; if it jumps back and forth, a smaller "
        "one.",
    ),
]
