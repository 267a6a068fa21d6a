"""The catalogue of named mistakes: derivations that people really get wrong, as data.

Each is computed from the same J, v, y and x as the truth, on the very problem at hand; an answer
that equals one, and only one, is that mistake.  What a mistake is called and how it is explained
stands under its key in ``words.MISTAKES``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from grader.question import Problem
    from grader.quantities import Block

Derivation = Callable[..., Any]

ACCUMULATED = (2, 3, 4)  # how many backward calls without zeroing are recognised
FEW = 4  # up to this many weights, every order of them is tried


@dataclass(frozen=True)
class Mistake:
    """One row of the catalogue.

    key: the same in every question, so that a class can be counted.
    unit: the unit whose lesson teaches it.
    derive: kind of Quantity -> derivation.  A derivation takes a Block (for the kind "tuple": the
        true tuple and the Problem) and returns the flat result for that input, None where the
        mistake cannot be made there, or a list of (detail, result) pairs.
    """

    key: str
    unit: str
    derive: Mapping[str, Derivation]

    @property
    def formula(self) -> str:
        """What is computed instead of the truth, in terms of J, v, y and x; "" where no formula says it."""
        return FORMULAS.get(self.key, "")


def _orders(b: Block) -> list[tuple[dict[str, Any], np.ndarray]] | None:
    """The weights put in every other order (a few), or reversed and rotated (many)."""
    identity = tuple(range(b.m))
    if b.m < 2:
        return None
    tried = (
        permutations(identity)
        if b.m <= FEW
        else [identity[::-1], *(identity[k:] + identity[:k] for k in (1, -1))]
    )
    return [({}, b.J.T @ b.v[list(order)]) for order in tried if order != identity]


def _one_output(b: Block) -> list[tuple[dict[str, Any], np.ndarray]] | None:
    if b.m < 2:
        return None
    return [({"i": i}, row) for i in range(b.m) for row in (b.J[i], b.v[i] * b.J[i])]


def _diagonal(b: Block) -> list[tuple[dict[str, Any], np.ndarray]] | None:
    if not b.square:
        return None
    diagonal = np.diag(b.J)
    return [({}, diagonal), ({}, diagonal * b.v)]


def _swapped(truth: tuple[np.ndarray, ...], p: Problem) -> list[tuple[dict[str, Any], Any]]:
    """The right gradients in the wrong places of the tuple."""
    orders = permutations(range(len(truth)))
    return [({}, tuple(truth[k] for k in order)) for order in orders if list(order) != sorted(order)]


def _stale(b: Block) -> np.ndarray | None:
    stale = b.p.extras.get("stale")
    return None if stale is None else b.g + np.asarray(stale).reshape(-1)


def _last_backward(b: Block) -> np.ndarray | None:
    weights = list(b.p.weights.values())
    if len(weights) < 2 or len(b.p.outputs) > 1:
        return None
    return b.J.T @ weights[-1].numpy().reshape(-1)


def _undetached(b: Block) -> np.ndarray | None:
    """d(v(x)·y(x))/dx by the product rule: Jᵀv + (∂v/∂x)ᵀy."""
    weigh = b.p.question.weigh
    if weigh is None:
        return None
    from grader.jacobian import forward_mode

    return b.g + forward_mode(weigh, b.p.inputs)[b.name].T @ b.y


def _times(b: Block) -> list[tuple[dict[str, Any], np.ndarray]]:
    return [({"k": k}, k * b.g) for k in ACCUMULATED]


def _at_least_two(derive: Derivation) -> Derivation:
    """Only where there are two outputs or more: with one, the mistake gives the truth."""
    return lambda b: derive(b) if b.m > 1 else None


def _grid(b: Block, values: np.ndarray) -> np.ndarray:
    return values.reshape(b.y_shape + b.x_shape)


def _transposed(b: Block) -> np.ndarray | None:
    return b.J.T if len(b.y_shape) == len(b.x_shape) == 1 else None


def _other_rows(b: Block) -> list[tuple[dict[str, Any], np.ndarray]]:
    return [({"k": k}, b.J[k]) for k in range(b.m) if k != b.p.extras["i"]]


def _other_columns(b: Block) -> list[tuple[dict[str, Any], np.ndarray]]:
    return [({"k": k}, b.J[:, k]) for k in range(b.n) if k != b.p.extras["j"]]


def _direction(b: Block) -> np.ndarray:
    return np.asarray(b.p.extras["u"]).reshape(-1)


_ALL = [
    Mistake("jvp_for_vjp", "05", {"vjp": lambda b: b.J @ b.v if b.square else None}),
    Mistake(
        "ones_weight",
        "05",
        {
            "vjp": _at_least_two(lambda b: b.J.T @ b.ones),
            "jacobian": _at_least_two(lambda b: b.J.T @ b.ones),
            "row": lambda b: b.J.T @ b.ones,
        },
    ),
    Mistake("mean_of_weighted", "05", {"vjp": _at_least_two(lambda b: b.g / b.m)}),
    Mistake("mean_of_outputs", "05", {"vjp": _at_least_two(lambda b: b.J.T @ b.ones / b.m)}),
    Mistake("weighted_twice", "05", {"vjp": _at_least_two(lambda b: b.J.T @ (b.v * b.v))}),
    Mistake(
        "weight_applied_after", "05", {"vjp": lambda b: b.v * (b.J.T @ b.ones) if b.square else None}
    ),
    Mistake("diagonal_only", "05", {"vjp": _diagonal}),
    Mistake("accumulated", "02", {"vjp": _times}),
    Mistake("stale_grad", "02", {"grad_state": _stale}),
    Mistake("last_backward_only", "02", {"grad_state": _last_backward}),
    Mistake("one_output_only", "05", {"vjp": _one_output}),
    Mistake("whole_jacobian", "04", {"vjp": _at_least_two(lambda b: _grid(b, b.J))}),
    Mistake(
        "unreduced_jacobian",
        "05",
        {"vjp": _at_least_two(lambda b: _grid(b, b.v[:, None] * b.J))},
    ),
    Mistake("outputs_as_weights", "05", {"vjp": _at_least_two(lambda b: b.J.T @ b.y)}),
    Mistake("weight_in_other_order", "05", {"vjp": _orders}),
    Mistake("weight_not_detached", "05", {"vjp": _undetached}),
    Mistake(
        "normalised_weight", "05", {"vjp": _at_least_two(lambda b: b.g / np.sqrt(np.sum(b.v * b.v)))}
    ),
    Mistake("absolute_weight", "05", {"vjp": _at_least_two(lambda b: b.J.T @ np.abs(b.v))}),
    Mistake(
        "squared_loss",
        "05",
        {"vjp": _at_least_two(lambda b: [({}, c * (b.v @ b.y) * b.g) for c in (1, 2)])},
    ),
    Mistake(
        "minus_sign",
        "01",
        {
            "vjp": lambda b: -b.g,
            "jacobian": lambda b: -_grid(b, b.J),
            "row": lambda b: -b.J[b.p.extras["i"]],
            "column": lambda b: -b.J[:, b.p.extras["j"]],
            "jvp": lambda b: -b.J @ _direction(b),
        },
    ),
    Mistake("value_not_slope", "01", {"derivative": lambda b: b.y}),
    Mistake("inputs_swapped", "01", {"tuple": _swapped}),
    Mistake("transposed_assembly", "04", {"jacobian": _transposed}),
    Mistake(
        "rows_accumulated",
        "04",
        {"jacobian": _at_least_two(lambda b: _grid(b, np.cumsum(b.J, axis=0)))},
    ),
    Mistake("other_row", "04", {"row": _other_rows}),
    Mistake(
        "column_for_row",
        "04",
        {"row": lambda b: b.J[:, b.p.extras["i"]] if b.square else None},
    ),
    Mistake("other_column", "04", {"column": _other_columns}),
    Mistake(
        "row_for_column",
        "04",
        {"column": lambda b: b.J[b.p.extras["j"]] if b.square else None},
    ),
    Mistake("vjp_for_jvp", "09", {"jvp": lambda b: b.J.T @ _direction(b) if b.square else None}),
    # Derived by the questions themselves (Question.also): they need the question's own intermediates.
    Mistake("chain_stops_early", "01", {}),
    Mistake("outer_at_wrong_place", "01", {}),
    Mistake("outer_times_inner_values", "01", {}),
    Mistake("divided_by_one_step", "01", {}),
    Mistake("last_step_only", "01", {}),
    Mistake("limit_not_iterate", "01", {}),
    Mistake("one_step_off", "01", {}),
    Mistake("power_not_lowered", "01", {}),
    Mistake("doubled_not_squared", "00", {}),
    Mistake("along_other_dim", "00", {}),
    Mistake("over_everything", "00", {}),
    Mistake("sum_for_mean", "00", {}),
    Mistake("sum_of_columns", "05", {}),
    Mistake("one_output_forgotten", "05", {}),
    Mistake("weights_exchanged", "05", {}),
    Mistake("weight_laid_out_by_columns", "05", {}),
    # Predictions.
    Mistake("shape_of_output", "03", {}),
    Mistake("shape_of_input", "00", {}),
    Mistake("shape_reversed", "04", {}),
    Mistake("shape_of_scalar", "03", {}),
    Mistake("letter_missed", "05", {}),
    Mistake("letter_too_many", "05", {}),
    Mistake("other_cause", "00", {}),
    # Forms: the right values in the wrong wrapping.
    Mistake("tuple_of_one", "01", {}),
    Mistake("list_of_one", "01", {}),
    Mistake("not_returned", "00", {}),
    Mistake("grad_is_none", "02", {}),
]

# What each mistake computes instead of the truth, in the terms of a Block.
FORMULAS: dict[str, str] = {
    "jvp_for_vjp": "Jv",
    "ones_weight": "Jᵀ1",
    "mean_of_weighted": "Jᵀv / m",
    "mean_of_outputs": "Jᵀ1 / m",
    "weighted_twice": "Jᵀ(v ⊙ v)",
    "weight_applied_after": "v ⊙ Jᵀ1",
    "diagonal_only": "diag(J) ⊙ v",
    "accumulated": "k · Jᵀv",
    "stale_grad": "Jᵀv + old",
    "last_backward_only": "Jᵀv_last",
    "one_output_only": "J[i]",
    "whole_jacobian": "J",
    "unreduced_jacobian": "v[:, None] ⊙ J",
    "outputs_as_weights": "Jᵀy",
    "weight_in_other_order": "Jᵀπ(v)",
    "weight_not_detached": "Jᵀv + (∂v/∂x)ᵀy",
    "normalised_weight": "Jᵀv / ‖v‖",
    "absolute_weight": "Jᵀ|v|",
    "squared_loss": "(v·y) Jᵀv",
    "minus_sign": "−g",
    "value_not_slope": "f(x)",
    "transposed_assembly": "Jᵀ",
    "rows_accumulated": "J[0] + … + J[i]",
    "other_row": "J[k]",
    "column_for_row": "J[:, i]",
    "other_column": "J[:, k]",
    "row_for_column": "J[j]",
    "vjp_for_jvp": "Jᵀu",
    "chain_stops_early": "h′(g(x))",
    "outer_at_wrong_place": "h′(x) · g′(x)",
    "outer_times_inner_values": "h′(g′(x))",
    "divided_by_one_step": "(f(x+h) − f(x−h)) / h",
    "last_step_only": "½ · 1/x_{k−1}",
    "limit_not_iterate": "1/(2√a)",
    "power_not_lowered": "n · xⁿ",
    "sum_of_columns": "J1",
    "weights_exchanged": "J_yᵀw + J_zᵀv",
    "inputs_swapped": "(∂f/∂b, ∂f/∂a)",
}

CATALOGUE: dict[str, Mistake] = {mistake.key: mistake for mistake in _ALL}
