"""The catalogue of named mistakes: derivations that people really get wrong, as data.

Each is computed from the same J, v, y and x as the truth, on the very problem at hand; an answer
that equals one, and only one, is that mistake.  What a mistake is called and how it is explained
stands under its key in ``words.MISTAKES``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from grader.quantities import Block
    from grader.question import Problem

Derivation = Callable[..., Any]

ACCUMULATED = (2, 3, 4)  # how many backward calls without zeroing are recognised
FEW = 4  # up to this many weights, every order of them is tried


@dataclass(frozen=True)
class Mistake:
    """One row of the catalogue.

    key: the same in every question, so that a class can be counted.
    unit: the unit whose lesson teaches it; that lesson exists.  "" where it is that of the question itself.
    derive: kind of Quantity -> derivation.  A derivation takes a Block (for the kind "tuple": the
        true tuple and the Problem) and returns the flat result for that input, None where the
        mistake cannot be made there, or a list of (detail, result) pairs.  For the kind "weights" it
        returns not results but what weights the outputs instead of v, (m,): all products are taken at once.
    """

    key: str
    unit: str
    derive: Mapping[str, Derivation]

    @property
    def formula(self) -> str:
        """What is computed instead of the truth, in terms of J, v, y and x; "" where no formula says it."""
        return FORMULAS.get(self.key, "")


@cache
def _other_orders_of(m: int) -> np.ndarray:
    """Every other order of m things (a few), or reversed and rotated (many): (k, m) of indices."""
    identity = tuple(range(m))
    tried = permutations(identity) if m <= FEW else [identity[::-1], *(identity[k:] + identity[:k] for k in (1, -1))]
    return np.array([order for order in tried if order != identity])


def _orders(b: Block) -> list[tuple[dict[str, Any], np.ndarray]] | None:
    return [({}, v) for v in b.v[_other_orders_of(b.m)]] if b.m > 1 else None


def _one_output(b: Block) -> list[tuple[dict[str, Any], np.ndarray]] | None:
    if b.m < 2:
        return None
    single = np.eye(b.m)
    return [({"i": i}, one) for i, pair in enumerate(zip(single, single * b.v, strict=True)) for one in pair]


def _diagonal(b: Block) -> list[tuple[dict[str, Any], np.ndarray]] | None:
    if not b.square:
        return None
    diagonal = np.diag(b.J)
    return [({}, diagonal * b.v), ({}, diagonal)]


def _swapped(truth: tuple[np.ndarray, ...], p: Problem) -> list[tuple[dict[str, Any], Any]]:
    """The right gradients in the wrong places of the tuple."""
    orders = permutations(range(len(truth)))
    return [({}, tuple(truth[k] for k in order)) for order in orders if list(order) != sorted(order)]


def _stale(b: Block) -> np.ndarray | None:
    stale = b.p.extras.get("stale")
    return None if stale is None else b.g + np.asarray(stale).reshape(-1)


def _as_it_was(b: Block) -> np.ndarray | None:
    stale = b.p.extras.get("stale")
    return None if stale is None else np.asarray(stale).reshape(-1)


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
    return [({"k": k}, k * b.v) for k in ACCUMULATED]


def _at_least_two(derive: Derivation) -> Derivation:
    """Only where there are two outputs or more: with one, the mistake gives the truth."""
    return lambda b: derive(b) if b.m > 1 else None


def _grid(b: Block, values: np.ndarray) -> np.ndarray:
    return values.reshape(b.y_shape + b.x_shape)


def _transposed(b: Block) -> np.ndarray | None:
    return b.J.T if len(b.y_shape) == len(b.x_shape) == 1 else None


def _one_row(b: Block) -> list[tuple[dict[str, Any], np.ndarray]] | None:
    """One gradient alone, as the only row of a table, or in every row."""
    if b.m < 2:
        return None
    forms = (lambda row: row, lambda row: row[None], lambda row: _grid(b, np.tile(row, (b.m, 1))))
    return [({"i": i}, form(b.J[i])) for i in range(b.m) for form in forms]


def _diagonal_of_table(b: Block) -> list[tuple[dict[str, Any], np.ndarray]] | None:
    if not b.square:
        return None
    diagonal = np.diag(b.J)
    return [({}, diagonal), ({}, _grid(b, np.diag(diagonal)))]


def _flattened(b: Block) -> list[tuple[dict[str, Any], np.ndarray]]:
    """All entries in one line, or as m×n where the Jacobian's own shape is another; with a leading or a last 1."""
    shapes = [(b.m * b.n,), (b.m, b.n), (1, b.m, b.n), (b.m, 1, b.n), (b.m, b.n, 1)]
    return [({}, b.J.reshape(shape)) for shape in shapes if shape != b.y_shape + b.x_shape]


def _inputs_first(b: Block) -> np.ndarray | None:
    if len(b.y_shape) == len(b.x_shape) == 1:
        return None  # that is the transpose
    return b.J.T.reshape(b.x_shape + b.y_shape)


def _other_rows(b: Block) -> list[tuple[dict[str, Any], np.ndarray]]:
    return [({"k": k}, b.J[k]) for k in range(b.m) if k != b.p.extras["i"]]


def _other_columns(b: Block) -> list[tuple[dict[str, Any], np.ndarray]]:
    return [({"k": k}, b.J[:, k]) for k in range(b.n) if k != b.p.extras["j"]]


def _column_of_that_number(b: Block) -> np.ndarray | None:
    i = b.p.extras["i"]
    return b.J[:, i] if i < b.n else None


def _row_of_that_number(b: Block) -> np.ndarray | None:
    j = b.p.extras["j"]
    return b.J[j] if j < b.m else None


def _through_everything(b: Block) -> np.ndarray | None:
    """Where a derived tensor is held constant: the gradient with nothing held."""
    return None if b.T is None or b.name not in b.p.drawn else b.T.T @ b.v


def _by_the_leaf(b: Block) -> np.ndarray | None:
    """Where one differentiates by a derived tensor: the gradient by the drawn input behind it, in that one's shape."""
    if b.T is None or b.name in b.p.drawn:
        return None
    (x, *_) = b.p.drawn.values()
    return (b.T.T @ b.v).reshape(tuple(x.shape))


def _pure_partials(b: Block) -> list[tuple[dict[str, Any], np.ndarray]]:
    i, j = b.p.extras["i"], b.p.extras["j"]
    return [({"k": k}, b.H[k, k]) for k in sorted({i, j})] if i != j else []


def _newton_alone(b: Block) -> list[tuple[dict[str, Any], np.ndarray]]:
    step = np.linalg.solve(b.H, b.g)
    return [({}, step), ({}, -step)]


def _order(b: Block) -> int:
    order: int = b.p.question.asks.order_on(b.p)  # type: ignore[attr-defined]  # these belong to NthDerivative
    return order


def _other_orders(b: Block) -> list[tuple[dict[str, Any], np.ndarray]]:
    n = _order(b)
    return [({"k": k, "order": n}, np.asarray(b.derivative(k))) for k in range(n + 2) if k != n]


def _running_orders(b: Block) -> np.ndarray | None:
    """What is in .grad when it is not reset between orders: each backward adds the derivative of all that is there."""
    n = _order(b)
    return np.asarray(sum(comb(n - 1, k - 1) * b.derivative(k) for k in range(1, n + 1))) if n > 1 else None


def _zero(truth: np.ndarray) -> np.ndarray | None:
    """Nothing but zeros, where that is not the truth."""
    return np.zeros_like(truth) if np.any(truth) else None


def _opposite(truth: np.ndarray) -> np.ndarray | None:
    """The opposite sign, where that makes a difference."""
    return -truth if np.any(truth) else None


def _nth(b: Block) -> np.ndarray:
    return np.asarray(b.derivative(_order(b)))


def _reciprocals(b: Block) -> np.ndarray | None:
    return b.x - (1 / b.H) @ b.g if b.H.all() else None


def _power_of_first(b: Block) -> np.ndarray | None:
    n = _order(b)
    return np.asarray(b.derivative(1) ** n) if n > 1 else None


_ALL = [
    Mistake("jvp_for_vjp", "05", {"vjp": lambda b: b.J @ b.v if b.square else None}),
    Mistake(
        "ones_weight",
        "05",
        {
            "weights": _at_least_two(lambda b: b.ones),
        },
    ),
    Mistake("mean_of_weighted", "05", {"weights": _at_least_two(lambda b: b.v / b.m)}),
    Mistake("mean_of_outputs", "05", {"weights": _at_least_two(lambda b: b.ones / b.m)}),
    Mistake("weighted_twice", "05", {"weights": _at_least_two(lambda b: b.v * b.v)}),
    Mistake("weight_applied_after", "05", {"vjp": lambda b: b.v * (b.J.T @ b.ones) if b.square else None}),
    Mistake("diagonal_only", "05", {"vjp": _diagonal}),
    Mistake("accumulated", "01", {"weights": _times}),
    Mistake("stale_grad", "02", {"grad_state": _stale}),
    Mistake("grad_untouched", "01", {"grad_state": _as_it_was}),
    Mistake("last_backward_only", "02", {"grad_state": _last_backward}),
    Mistake("one_output_only", "05", {"weights": _one_output}),
    Mistake("whole_jacobian", "05", {"vjp": _at_least_two(lambda b: _grid(b, b.J))}),
    Mistake(
        "unreduced_jacobian",
        "05",
        {"vjp": _at_least_two(lambda b: _grid(b, b.v[:, None] * b.J))},
    ),
    Mistake("outputs_as_weights", "05", {"weights": _at_least_two(lambda b: b.y)}),
    Mistake("weighted_outputs_as_weights", "05", {"weights": _at_least_two(lambda b: b.v * b.y)}),
    Mistake("weight_in_other_order", "05", {"weights": _orders}),
    Mistake("weight_not_detached", "05", {"vjp": _undetached}),
    Mistake("normalised_weight", "05", {"weights": _at_least_two(lambda b: b.v / np.sqrt(b.v @ b.v))}),
    Mistake("absolute_weight", "05", {"weights": _at_least_two(lambda b: np.abs(b.v))}),
    Mistake(
        "squared_loss",
        "05",
        {"weights": _at_least_two(lambda b: [({}, c * (b.v @ b.y) * b.v) for c in (1, 2)])},
    ),
    Mistake(
        "minus_sign",
        "01",
        {
            "weights": lambda b: -b.v,
            "jacobian": lambda b: -_grid(b, b.J),
            "row": lambda b: -b.J[b.p.extras["i"]],
            "column": lambda b: -b.J[:, b.p.extras["j"]],
            "jvp": lambda b: -b.J @ b.extra("u"),
            "nth": lambda b: _opposite(_nth(b)),
            "second_partial": lambda b: _opposite(b.H[b.p.extras["i"], b.p.extras["j"]]),
            "hessian": lambda b: -b.H.reshape(b.x_shape * 2),
            "hvp": lambda b: -b.H @ b.extra("u"),
            "laplacian": lambda b: _opposite(np.trace(b.H)),
            "squared_norm": lambda b: -2 * b.H @ b.g,
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
        {"row": _column_of_that_number},
    ),
    Mistake("other_column", "04", {"column": _other_columns}),
    Mistake(
        "row_for_column",
        "04",
        {"column": _row_of_that_number},
    ),
    Mistake("vjp_for_jvp", "05", {"jvp": lambda b: b.J.T @ b.extra("u") if b.square else None}),
    # A branch that is cut, an intermediate result: what comes of differentiating through everything.
    Mistake("branch_not_cut", "02", {"vjp": _through_everything}),
    Mistake("leaf_for_intermediate", "02", {"vjp": _by_the_leaf}),
    # A step of descent.
    Mistake("gradient_for_step", "03", {"step": lambda b: b.g}),
    Mistake("step_alone", "03", {"step": lambda b: [({}, sign * float(b.extra("eta")[0]) * b.g) for sign in (-1, 1)]}),
    Mistake("uphill", "03", {"step": lambda b: b.x + float(b.extra("eta")[0]) * b.g}),
    Mistake("step_without_rate", "03", {"step": lambda b: b.x - b.g}),
    Mistake("nothing_changed", "02", {"step": lambda b: b.x}),
    # Second order.
    Mistake("hessian_of_rows", "08", {"hessian": lambda b: np.cumsum(b.H, axis=0).reshape(b.x_shape * 2)}),
    Mistake("hessian_diagonal", "08", {"hessian": lambda b: [({}, np.diag(b.H)), ({}, np.diag(np.diag(b.H)))]}),
    Mistake("gradient_outer", "08", {"hessian": lambda b: np.outer(b.g, b.g).reshape(b.x_shape * 2)}),
    Mistake("hessian_summed", "08", {"hessian": lambda b: b.H.sum(axis=0)}),
    Mistake("hvp_ones", "08", {"hvp": lambda b: b.H.sum(axis=1)}),
    Mistake("hvp_diagonal", "08", {"hvp": lambda b: [({}, np.diag(b.H) * b.extra("u")), ({}, np.diag(b.H))]}),
    Mistake("hvp_gradient_weighted", "08", {"hvp": lambda b: b.g * b.extra("u")}),
    Mistake("hvp_plus_gradient", "08", {"hvp": lambda b: b.H @ b.extra("u") + b.g}),
    Mistake("hvp_doubled", "08", {"hvp": lambda b: 2 * b.H @ b.extra("u")}),
    Mistake("hvp_directional", "08", {"hvp": lambda b: [({}, (b.g @ b.extra("u")) * b.g), ({}, b.g @ b.extra("u"))]}),
    Mistake("curvature_along", "08", {"hvp": lambda b: b.extra("u") @ b.H @ b.extra("u")}),
    Mistake(
        "gradient_for_second",
        "08",
        {
            "hvp": lambda b: b.g,
            "hessian": lambda b: b.g,
            "squared_norm": lambda b: b.g,
            "second_partial": lambda b: [({}, b.g[b.p.extras[k]]) for k in ("i", "j")],
        },
    ),
    Mistake("laplacian_of_all", "08", {"laplacian": lambda b: b.H.sum()}),
    Mistake("laplacian_of_squares", "08", {"laplacian": lambda b: b.g @ b.g}),
    Mistake("laplacian_unsummed", "08", {"laplacian": lambda b: np.diag(b.H)}),
    Mistake("sum_of_gradient", "08", {"laplacian": lambda b: b.g.sum()}),
    Mistake("pure_for_mixed", "08", {"second_partial": _pure_partials}),
    Mistake("product_of_slopes", "08", {"second_partial": lambda b: b.g[b.p.extras["i"]] * b.g[b.p.extras["j"]]}),
    Mistake("row_of_hessian", "08", {"second_partial": lambda b: b.H[b.p.extras["i"]]}),
    Mistake("gradient_step", "08", {"newton_step": lambda b: b.x - b.g}),
    Mistake("newton_step_alone", "08", {"newton_step": _newton_alone}),
    Mistake("newton_uphill", "08", {"newton_step": lambda b: b.x + np.linalg.solve(b.H, b.g)}),
    Mistake("newton_diagonal", "08", {"newton_step": lambda b: b.x - b.g / np.diag(b.H)}),
    Mistake("hessian_not_inverted", "08", {"newton_step": lambda b: b.x - b.H @ b.g}),
    Mistake("half_of_squared_norm", "08", {"squared_norm": lambda b: b.H @ b.g}),
    Mistake("gradient_of_norm", "08", {"squared_norm": lambda b: b.H @ b.g / np.sqrt(b.g @ b.g)}),
    Mistake("twice_the_gradient", "08", {"squared_norm": lambda b: 2 * b.g}),
    Mistake("order_off", "08", {"nth": _other_orders}),
    Mistake("second_plus_first", "08", {"nth": _running_orders}),
    Mistake("power_of_first", "08", {"nth": _power_of_first}),
    Mistake(
        "zero_second",
        "08",
        {
            "nth": lambda b: _zero(_nth(b)) if _order(b) > 1 else None,
            "hessian": lambda b: _zero(b.H.reshape(b.x_shape * 2)),
            "hvp": lambda b: _zero(b.H @ b.extra("u")),
        },
    ),
    Mistake("hessian_from_grad", "08", {"hessian": lambda b: (np.cumsum(b.H, axis=0) + b.g).reshape(b.x_shape * 2)}),
    Mistake("summed_then_picked", "08", {"second_partial": lambda b: b.H.sum(axis=0)[b.p.extras["j"]]}),
    Mistake("laplacian_of_triangle", "08", {"laplacian": lambda b: np.triu(b.H).sum()}),
    Mistake("reciprocal_of_hessian", "08", {"newton_step": _reciprocals}),
    # What shows only after the right values.
    Mistake("not_differentiable_again", "08", {}),
    Mistake("graph_cut_inside", "08", {}),
    Mistake("graph_kept", "07", {}),
    Mistake("zeros_for_none", "07", {}),
    Mistake("none_for_zeros", "07", {}),
    Mistake("fact_missed", "", {}),  # taught where it is asked
    Mistake("fact_too_many", "", {}),
    # Derived by the questions themselves (Question.also): they need the question's own intermediates.
    Mistake("chain_stops_early", "01", {}),
    Mistake("outer_at_wrong_place", "01", {}),
    Mistake("outer_times_inner_values", "01", {}),
    Mistake("divided_by_one_step", "01", {}),
    Mistake("last_step_only", "01", {}),
    Mistake("limit_not_iterate", "01", {}),
    Mistake("one_step_off", "01", {}),
    Mistake("power_not_lowered", "01", {}),
    Mistake("power_not_in_front", "01", {}),
    Mistake("linear_term_kept", "01", {}),
    Mistake("linear_term_lost", "01", {}),
    Mistake("step_vanishes", "01", {}),
    Mistake("inner_only", "01", {}),
    Mistake("order_exchanged", "01", {}),
    Mistake("product_rule", "01", {}),
    Mistake("slopes_added", "01", {}),
    Mistake("accumulated_in_turn", "01", {}),
    Mistake("backward_of_input", "01", {}),
    Mistake("weighted_by_input", "01", {}),
    Mistake("divisor_held_constant", "01", {}),
    Mistake("doubled_not_squared", "00", {}),
    Mistake("along_other_dim", "00", {}),
    Mistake("over_everything", "00", {}),
    Mistake("sum_for_mean", "00", {}),
    Mistake("divided_by_rows", "00", {}),
    Mistake("dimension_kept", "00", {}),
    Mistake("sum_of_columns", "05", {}),
    Mistake("mean_of_rows", "05", {}),
    Mistake("one_output_forgotten", "05", {}),
    Mistake("weights_exchanged", "05", {}),
    Mistake("weight_laid_out_by_columns", "05", {}),
    Mistake("first_backward_only", "02", {}),
    Mistake("shared_grad", "02", {}),
    Mistake("never_zeroed", "02", {}),
    Mistake("not_zeroed_before", "02", {}),
    Mistake("other_branch_cut", "02", {}),
    Mistake("data_written", "02", {}),
    Mistake("operation_hidden", "02", {}),
    Mistake("total_held_constant", "02", {}),
    Mistake("one_sample_only", "02", {}),
    Mistake("samples_added", "02", {}),
    Mistake("means_added", "02", {}),
    Mistake("mean_of_means", "02", {}),
    Mistake("last_batch_only", "02", {}),
    Mistake("shape_of_value", "03", {}),
    Mistake("shape_of_other_variable", "03", {}),
    Mistake("shape_flattened", "03", {}),
    Mistake("shape_with_a_row", "03", {}),
    Mistake("symmetric_assumed", "03", {}),
    Mistake("one_factor_only", "03", {}),
    Mistake("exponentials_alone", "03", {}),
    Mistake("gradient_of_maximum", "03", {}),
    Mistake("maximum_not_added", "03", {}),
    Mistake("log_of_gradient", "03", {}),
    Mistake("direction_normalised", "03", {}),
    Mistake("direction_unsummed", "03", {}),
    Mistake("length_of_gradient", "03", {}),
    Mistake("gradient_for_slope", "03", {}),
    Mistake("whole_step", "03", {}),
    Mistake("residual_for_gradient", "03", {}),
    Mistake("transposed_operand", "03", {}),
    Mistake("half_lost", "03", {}),
    Mistake("unit_step", "03", {}),
    Mistake("slice_never_seen", "03", {}),
    Mistake("gradient_not_sliced", "03", {}),
    Mistake("other_part", "03", {}),
    Mistake("zeros_before_slice", "03", {}),
    Mistake("function_of_slice", "03", {}),
    Mistake("all_entries_moved", "03", {}),
    Mistake("both_points_the_same", "03", {}),
    Mistake("shape_transposed", "03", {}),
    Mistake("point_not_moved", "03", {}),
    Mistake(
        "rows_added_up",
        "04",
        {"row": lambda b: b.J.T @ b.ones, "jacobian": _at_least_two(lambda b: b.J.T @ b.ones)},
    ),
    Mistake(
        "whole_table",
        "04",
        {"row": _at_least_two(lambda b: _grid(b, b.J)), "column": lambda b: _grid(b, b.J) if b.n > 1 else None},
    ),
    Mistake("columns_added_up", "04", {"column": lambda b: b.J.sum(axis=1) if b.n > 1 else None}),
    Mistake("moved_along_x", "04", {"column": lambda b: b.J @ b.x}),
    Mistake("one_row_only", "04", {"jacobian": _one_row}),
    Mistake("jacobian_diagonal", "04", {"jacobian": _diagonal_of_table}),
    Mistake("jacobian_in_other_shape", "04", {"jacobian": _flattened}),
    Mistake("jacobian_inputs_first", "04", {"jacobian": _inputs_first}),
    Mistake("argument_ignored", "04", {"jacobian": lambda b: np.zeros(b.y_shape + b.x_shape)}),
    # Derived by the questions of unit 04 themselves.
    Mistake("jacobian_shape_flat", "04", {}),
    Mistake("jacobian_shape_inputs_first", "04", {}),
    Mistake("jacobian_shape_of_one_side", "04", {}),
    Mistake("transposed_by_reshape", "04", {}),
    Mistake("softmax_diagonal", "04", {}),
    Mistake("softmax_outer", "04", {}),
    Mistake("softmax_plus", "04", {}),
    Mistake("softmax_unnormalised", "04", {}),
    Mistake("softmax_not_diagonal", "04", {}),
    Mistake("inner_for_outer", "04", {}),
    Mistake("log_softmax", "04", {}),
    Mistake("jacobians_exchanged", "04", {}),
    Mistake("elementwise_product", "04", {}),
    Mistake("ones_for_identity", "04", {}),
    Mistake("matrix_not_transposed", "04", {}),
    Mistake("factor_x_kept", "04", {}),
    Mistake(
        "one_grad_for_all_rows",
        "04",
        {"jacobian": _at_least_two(lambda b: _grid(b, np.tile(b.J.sum(axis=0), (b.m, 1))))},
    ),
    Mistake("factors_untransposed", "06", {}),
    Mistake("right_untransposed", "06", {}),
    Mistake("left_untransposed", "06", {}),
    Mistake("factors_exchanged", "06", {}),
    Mistake("gradient_transposed", "06", {}),
    Mistake("weight_transposed", "06", {}),
    Mistake("weight_as_matrix_product", "06", {}),
    Mistake("operand_transposed", "06", {}),
    Mistake("result_laid_out_by_columns", "06", {}),
    Mistake("result_left_flat", "06", {}),
    Mistake("reshaped_not_permuted", "06", {}),
    Mistake("broadcast_not_undone", "06", {}),
    Mistake("mean_over_copies", "06", {}),
    Mistake("summed_other_dim", "06", {}),
    Mistake("sum_incomplete", "06", {}),
    Mistake("size_one_lost", "06", {}),
    Mistake("leading_one_kept", "06", {}),
    Mistake("residual_all_pairs", "06", {}),
    Mistake("permuted_again", "06", {}),
    Mistake("inverse_untransposed", "06", {}),
    Mistake("operand_untransposed", "06", {}),
    Mistake("inverses_on_one_side", "06", {}),
    Mistake("entry_by_entry", "06", {}),
    Mistake("inverse_sign", "06", {}),
    Mistake("call_missed", "07", {}),
    Mistake("call_too_many", "07", {}),
    Mistake("saved_missed", "07", {}),
    Mistake("saved_too_many", "07", {}),
    Mistake("sums_in_turn", "07", {}),
    Mistake("one_sum_for_all", "07", {}),
    Mistake("first_for_all", "07", {}),
    Mistake("results_exchanged", "07", {}),
    Mistake("landed_everywhere", "07", {}),
    Mistake("landed_in_the_other", "07", {}),
    Mistake("zeros_landed", "07", {}),
    Mistake("nothing_landed", "07", {}),
    Mistake("hook_without_effect", "07", {}),
    Mistake("clipped_at_the_input", "07", {}),
    Mistake("clipped_from_above_only", "07", {}),
    Mistake("clipped_by_length", "07", {}),
    Mistake("clipped_not_handed_on", "07", {}),
    Mistake("clipped_on_the_way_forward", "07", {}),
    Mistake("sum_of_losses", "07", {}),
    Mistake("stopped_at_the_trunk", "07", {}),
    Mistake("slope_for_zero", "08", {}),
    # Predictions.
    Mistake("shape_of_output", "05", {}),
    Mistake("shape_of_input", "00", {}),
    Mistake("shape_reversed", "00", {}),
    Mistake("shape_of_scalar", "00", {}),
    Mistake("letter_missed", "05", {}),
    Mistake("letter_too_many", "05", {}),
    Mistake("other_cause", "00", {}),
    # Forms: the right values in the wrong wrapping.
    Mistake("tuple_of_one", "01", {}),
    Mistake("list_of_one", "01", {}),
    Mistake("not_returned", "00", {}),
    Mistake("grad_is_none", "01", {}),
    Mistake("grad_of_non_leaf", "02", {}),
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
    "grad_untouched": "old",
    "last_backward_only": "Jᵀv_last",
    "one_output_only": "J[i]",
    "whole_jacobian": "J",
    "unreduced_jacobian": "v[:, None] ⊙ J",
    "outputs_as_weights": "Jᵀy",
    "weighted_outputs_as_weights": "Jᵀ(v ⊙ y)",
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
    "one_step_off": "x_k′(a), another k",
    "power_not_lowered": "n · xⁿ",
    "inner_only": "g′(x)",
    "order_exchanged": "g′(h(x)) · h′(x)",
    "product_rule": "h′(x) · g(x) + h(x) · g′(x)",
    "slopes_added": "h′(g(x)) + g′(x)",
    "accumulated_in_turn": "(∂f/∂a, 2 · ∂f/∂b, …)",
    "weighted_by_input": "x · f′(x)",
    "doubled_not_squared": "2x",
    "along_other_dim": "A.mean(dim=0)",
    "over_everything": "A.mean()",
    "sum_for_mean": "A.sum(dim=1)",
    "divided_by_rows": "A.sum(dim=1) / A.shape[0]",
    "dimension_kept": "A.mean(dim=1, keepdim=True)",
    "sum_of_columns": "J1",
    "weights_exchanged": "J_yᵀw + J_zᵀv",
    "branch_not_cut": "the gradient through both branches",
    "leaf_for_intermediate": "∂f/∂x",
    "gradient_for_step": "∇f(x)",
    "step_alone": "−η∇f(x)",
    "uphill": "x + η∇f(x)",
    "step_without_rate": "x − ∇f(x)",
    "nothing_changed": "x",
    "hessian_of_rows": "H[0] + … + H[i]",
    "hessian_diagonal": "diag(H)",
    "gradient_outer": "∇f ∇fᵀ",
    "hessian_summed": "1ᵀH",
    "hvp_ones": "H1",
    "hvp_diagonal": "diag(H) ⊙ u",
    "hvp_gradient_weighted": "∇f ⊙ u",
    "hvp_plus_gradient": "Hu + ∇f",
    "hvp_doubled": "2Hu",
    "hvp_directional": "(u·∇f) ∇f",
    "curvature_along": "uᵀHu",
    "gradient_for_second": "∇f",
    "laplacian_of_all": "1ᵀH1",
    "laplacian_of_squares": "∇f·∇f",
    "laplacian_unsummed": "diag(H)",
    "sum_of_gradient": "1·∇f",
    "pure_for_mixed": "H[k, k]",
    "product_of_slopes": "∂f/∂x_i · ∂f/∂x_j",
    "row_of_hessian": "H[i]",
    "gradient_step": "x − ∇f",
    "newton_step_alone": "−H⁻¹∇f",
    "newton_uphill": "x + H⁻¹∇f",
    "newton_diagonal": "x − ∇f / diag(H)",
    "hessian_not_inverted": "x − H∇f",
    "half_of_squared_norm": "H∇f",
    "gradient_of_norm": "H∇f / ‖∇f‖",
    "twice_the_gradient": "2∇f",
    "order_off": "another order",
    "second_plus_first": "f′ + f″",
    "power_of_first": "(f′)ⁿ",
    "hessian_from_grad": "∇f + H[0] + … + H[i]",
    "summed_then_picked": "(1ᵀH)[j]",
    "laplacian_of_triangle": "Σ_{i≤j} H[i, j]",
    "reciprocal_of_hessian": "x − (1 / H)∇f",
    "first_backward_only": "∇f₁",
    "shared_grad": "(x.grad, x.grad)",
    "other_branch_cut": "the gradient through the target",
    "one_sample_only": "∇ℓ_k",
    "samples_added": "∇ℓ₁ + … + ∇ℓ_N",
    "means_added": "g₁ + … + g_B",
    "mean_of_means": "(g₁ + … + g_B) / B",
    "last_batch_only": "g_B",
    "symmetric_assumed": "2Ax",
    "one_factor_only": "Ax",
    "exponentials_alone": "exp(x)",
    "gradient_of_maximum": "∇max(x)",
    "maximum_not_added": "∇f − ∇max(x)",
    "log_of_gradient": "log ∇f(x)",
    "direction_normalised": "∇f·u / |u|",
    "direction_unsummed": "∇f ⊙ u",
    "length_of_gradient": "|∇f|",
    "gradient_for_slope": "∇f(x)",
    "whole_step": "f(x + u) − f(x)",
    "residual_for_gradient": "x − η(Ax − b)",
    "transposed_operand": "x − ηA(Ax − b)",
    "half_lost": "x − 2η∇f(x)",
    "unit_step": "x − η∇f(x)/|∇f(x)|",
    "slice_never_seen": "None",
    "gradient_not_sliced": "∇f(x)",
    "other_part": "∂f/∂x[:k]",
    "zeros_before_slice": "(0, …, 0, ∂f/∂x[k:])",
    "function_of_slice": "∇f(x[k:])",
    "all_entries_moved": "(Σ ∂f/∂x_i, Σ ∂f/∂x_i, …)",
    "point_not_moved": "x",
    "rows_added_up": "J[0] + J[1] + …",
    "whole_table": "J",
    "columns_added_up": "J1",
    "moved_along_x": "Jx",
    "one_row_only": "J[i]",
    "jacobian_diagonal": "diag(J)",
    "jacobian_in_other_shape": "J, reshaped",
    "jacobian_inputs_first": "x's shape + y's shape",
    "argument_ignored": "0",
    "transposed_by_reshape": "Jᵀ.reshape(m, n)",
    "softmax_diagonal": "diag(s)",
    "softmax_outer": "−ssᵀ",
    "softmax_plus": "diag(s) + ssᵀ",
    "softmax_unnormalised": "diag(e) − eeᵀ",
    "softmax_not_diagonal": "1sᵀ − ssᵀ",
    "inner_for_outer": "diag(s) − s·s",
    "log_softmax": "I − 1sᵀ",
    "jacobians_exchanged": "g′(x) h′(u)",
    "elementwise_product": "h′(u) ⊙ g′(x)",
    "ones_for_identity": "(Wᵀ, 1)",
    "matrix_not_transposed": "W",
    "factor_x_kept": "Wᵀ ⊙ x",
    "one_grad_for_all_rows": "J[0] + J[1] + …, in every row",
    "factors_untransposed": "AVB",
    "right_untransposed": "AᵀVB",
    "left_untransposed": "AVBᵀ",
    "factors_exchanged": "BᵀVAᵀ",
    "gradient_transposed": "the gradient, transposed",
    "weight_transposed": "the gradient for Vᵀ",
    "weight_as_matrix_product": "the gradient of (Vᵀ @ Y).sum()",
    "operand_transposed": "the gradient of f(Xᵀ)",
    "result_laid_out_by_columns": "(Jᵀv).reshape(q, p).T",
    "result_left_flat": "Jᵀv, flat",
    "broadcast_not_undone": "V",
    "mean_over_copies": "the mean of V",
    "permuted_again": "V.permute(a, b, c)",
    "inverse_untransposed": "−X⁻¹AᵀX⁻¹",
    "operand_untransposed": "−X⁻ᵀAX⁻ᵀ",
    "inverses_on_one_side": "−X⁻ᵀX⁻ᵀAᵀ",
    "entry_by_entry": "−A / X**2",
    "inverse_sign": "X⁻ᵀAᵀX⁻ᵀ",
    "sums_in_turn": "(Jᵀv, Jᵀ(v + w), …)",
    "one_sum_for_all": "Jᵀ(v + w + …), each time",
    "first_for_all": "Jᵀv, each time",
    "results_exchanged": "(…, Jᵀw, Jᵀv)",
    "landed_everywhere": "(∂L/∂a, ∂L/∂b, ∂L/∂c)",
    "landed_in_the_other": "(None, ∂L/∂b, None)",
    "zeros_landed": "(∂L/∂a, 0, ∂L/∂c)",
    "nothing_landed": "(None, None, None)",
    "hook_without_effect": "Jᵀg",
    "clipped_at_the_input": "clip(Jᵀg)",
    "clipped_from_above_only": "Jᵀ min(g, c)",
    "clipped_by_length": "Jᵀg · c/‖g‖",
    "clipped_not_handed_on": "clip(g)",
    "clipped_on_the_way_forward": "∇ outer(clip(h))",
    "sum_of_losses": "(∇(p + q), ∇(p + q))",
    "stopped_at_the_trunk": "(∂p/∂h, ∂q/∂h)",
    "slope_for_zero": "f′(x)",
    "inputs_swapped": "(…, ∂f/∂c, ∂f/∂b)",
}

CATALOGUE: dict[str, Mistake] = {mistake.key: mistake for mistake in _ALL}
