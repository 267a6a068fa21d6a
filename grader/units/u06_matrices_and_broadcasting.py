"""Unit 06: matrices, tensors of higher rank, broadcasting, and the backward pass of a convolution."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grader.jacobian import forward_mode
from grader.mistakes import CATALOGUE, Mistake
from grader.predictions import Predicted
from grader.problem import Map, Problem, Sampler, fixed, mixed_signs, normal
from grader.quantities import Gradient, WeightedGradient
from grader.question import Question
from grader.units import u06_functions as functions

V = {"V": None}
Cases = list[tuple[dict[str, Any], Any]]


# --- what is differentiated; students are told these formulas, and are not handed the functions


def small_matrix(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[1], x[2], x[1], x[0] * x[2]]).reshape(2, 2)


def sandwich(A: Tensor, X: Tensor, B: Tensor) -> Tensor:
    return A @ X @ B


def copied(b: Tensor, size: tuple[int, ...]) -> Tensor:
    return b.expand(size)


def half_squared_error(X: Tensor, W: Tensor, b: Tensor, T: Tensor) -> Tensor:
    Y = X @ W + b
    return ((Y - T.reshape(Y.shape)) ** 2).sum() / 2


def times(X: Tensor, W: Tensor) -> Tensor:
    return X @ W


def permuted(X: Tensor, a: int, b: int, c: int) -> Tensor:
    return X.permute(a, b, c)


def convolved(X: Tensor, W: Tensor) -> Tensor:
    """X: (C, L), W: (O, C, K).  Returns (O, L − K + 1), as ``torch.nn.functional.conv1d`` does."""
    m = X.shape[1] - W.shape[2] + 1
    return sum((W[:, :, j] @ X[:, j : j + m] for j in range(1, W.shape[2])), W[:, :, 0] @ X[:, :m])


def trace_of_inverse_times(X: Tensor, A: Tensor) -> Tensor:
    return torch.trace(torch.linalg.inv(X) @ A)


# --- what the mistakes would give


def _arrays(p: Problem, *names: str) -> tuple[np.ndarray, ...]:
    """Inputs and weights of a problem by name, as arrays in their own shapes."""
    return tuple({**p.inputs, **p.weights}[name].detach().numpy() for name in names)


def _product(*factors: np.ndarray) -> np.ndarray | None:
    """The matrix product from left to right; None if the shapes of two neighbors do not fit."""
    found = factors[0]
    for factor in factors[1:]:
        if found.shape[-1] != factor.shape[-2]:
            return None
        found = found @ factor
    return found


def _sandwich(form: Callable[..., tuple[np.ndarray, ...]]) -> Callable[[Problem], Any]:
    """A derivation: the product of the factors ``form(A, V, B)``, or None if their shapes do not fit."""
    return lambda p: _product(*form(*_arrays(p, "A", "V", "B")))


def _weighted(p: Problem, weight: np.ndarray) -> np.ndarray:
    """The gradient with respect to X for a weight other than V, in Y's shape."""
    return (p.jacobians["X"].T @ weight.reshape(-1)).reshape(tuple(p.inputs["X"].shape))


def _for_transposed_weight(p: Problem) -> np.ndarray | None:
    (v,) = _arrays(p, "V")
    return _weighted(p, v.T) if v.shape == v.T.shape else None


def _on_diagonal_only(p: Problem) -> np.ndarray:
    (v,) = _arrays(p, "V")
    return _weighted(p, v * np.eye(*v.shape))


def _of_matrix_products(p: Problem) -> Cases:
    """The gradients of (Vᵀ @ Y).sum() and (Y @ Vᵀ).sum(), and for a square Y of (V @ Y).sum() and (Y @ V).sum()."""
    (v,) = _arrays(p, "V")
    m, k = v.shape
    down, along = v.sum(axis=0), v.sum(axis=1)
    weights = [np.tile(along[:, None], (1, k)), np.tile(down[None, :], (m, 1))]  # of Vᵀ @ Y and of Y @ Vᵀ
    if m == k:
        weights += [np.tile(down[:, None], (1, k)), np.tile(along[None, :], (m, 1))]  # of V @ Y and of Y @ V
    return [({}, _weighted(p, weight)) for weight in weights]


def _of_transposed_operand(p: Problem) -> Cases:
    """The gradient of f(Xᵀ) with respect to X and with respect to Xᵀ; only if X is square."""
    (x,) = p.inputs.values()
    if x.shape != x.T.shape:
        return []
    J = forward_mode(p.forward, {"X": x.T.contiguous()})["X"]
    by_transposed = (J.T @ p.question.asks.weight(p)).reshape(tuple(x.shape))
    return [({}, by_transposed.T), ({}, by_transposed)]


def _four_axes(generator: torch.Generator, p: Problem) -> Tensor:
    """The derivative of Y with respect to X with Y's axes before X's: D[i, j, a, b] = ∂Y_ij/∂X_ab."""
    return torch.from_numpy(p.jacobians["X"].reshape(*p.outputs[0].shape, *p.inputs["X"].shape))


def _weight_by_columns(p: Problem) -> np.ndarray:
    (v,) = _arrays(p, "V")
    return (p.jacobians["X"].T @ v.T.reshape(-1)).reshape(tuple(p.inputs["X"].shape))


def _result_by_columns(p: Problem) -> np.ndarray:
    return np.asarray(p.truth).reshape(p.truth.T.shape).T


def _cut_the_other_way(p: Problem) -> np.ndarray:
    J = p.jacobians["X"]
    return (J.reshape(J.T.shape) @ p.question.asks.weight(p)).reshape(tuple(p.inputs["X"].shape))


def _copied_over(p: Problem) -> tuple[np.ndarray, tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """V, the shape of b, and the dimensions of V that are new in front and those where a size 1 was stretched."""
    (v,) = _arrays(p, "V")
    shape = tuple(p.inputs["b"].shape)
    lead = v.ndim - len(shape)
    ones = tuple(lead + i for i, size in enumerate(shape) if size == 1 and v.shape[lead + i] > 1)
    return v, shape, tuple(range(lead)), ones


def _convolution(p: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """X, W, V, and the number of positions of the window."""
    X, W, v = _arrays(p, "X", "W", "V")
    return X, W, v, v.shape[1]


def _spread_back(p: Problem, factors: list[np.ndarray], overwrite: bool = False) -> np.ndarray:
    """The matrices factors[j] @ V, each at the columns of X that it belongs to: added up, or one over the other."""
    X, _, v, m = _convolution(p)
    found = np.zeros_like(X)
    for j, factor in enumerate(factors):
        found[:, j : j + m] = factor @ v + (0 if overwrite else found[:, j : j + m])
    return found


def _taps(p: Problem) -> list[np.ndarray]:
    """The kernel as a matrix (C, O) for each of its K places: transposed, as the way back needs them."""
    W = _convolution(p)[1]
    return [W[:, :, j].T for j in range(W.shape[2])]


def _overwritten(p: Problem) -> Cases:
    """The gradients where a loop over j overwrites dX, and where loops over i and j overwrite dX, or dX and dW."""
    X, W, v, m = _convolution(p)
    by_x = np.zeros_like(X)
    for i in range(m):
        by_x[:, i : i + W.shape[2]] = np.stack([tap @ v[:, i] for tap in _taps(p)], axis=1)
    last = v[:, -1][:, None, None] * X[:, m - 1 :]
    over_j = _spread_back(p, _taps(p), overwrite=True)
    return [({}, (over_j, p.truth[1])), ({}, (by_x, p.truth[1])), ({}, (by_x, last))]


def _mean_over_uses(p: Problem) -> Cases:
    """The gradients divided by how often each entry is used: that of W, that of X, or both."""
    X, W, _, m = _convolution(p)
    uses = np.zeros_like(X)
    for j in range(W.shape[2]):
        uses[:, j : j + m] += 1
    by_x, by_w = p.truth
    return [({}, (by_x, by_w / m)), ({}, (by_x / uses, by_w)), ({}, (by_x / uses, by_w / m))]


def _unreversed(p: Problem) -> Cases:
    by_x = _spread_back(p, _taps(p)[::-1])
    return [({}, (by_x, p.truth[1])), ({}, (by_x, p.truth[1][:, :, ::-1]))]


def _taps_untransposed(p: Problem) -> Any:
    _, W, _, _ = _convolution(p)
    square = W.shape[0] == W.shape[1]
    return (_spread_back(p, [tap.T for tap in _taps(p)]), p.truth[1]) if square else None


def _channels_exchanged(p: Problem) -> Any:
    by_x, by_w = p.truth
    return by_x, by_w.swapaxes(0, 1)


def _window_not_moved(p: Problem) -> Cases:
    """The gradients where the window of X stays at its first place: for W, for X, and for both."""
    X, W, v, m = _convolution(p)
    by_w = np.repeat((v @ X[:, :m].T)[:, :, None], W.shape[2], axis=2)
    by_x = np.zeros_like(X)
    by_x[:, :m] = sum(tap @ v for tap in _taps(p))
    return [({}, (p.truth[0], by_w)), ({}, (by_x, p.truth[1])), ({}, (by_x, by_w))]


def _mean_over_copies(p: Problem) -> np.ndarray:
    v, shape, lead, ones = _copied_over(p)
    return v.mean(axis=lead + ones).reshape(shape)


def _other_dims(p: Problem) -> Cases:
    v, shape, lead, ones = _copied_over(p)
    kept = tuple(i for i in range(v.ndim) if i not in lead + ones)
    if not kept:
        return []
    summed = v.sum(axis=kept)
    fits = summed.size == int(np.prod(shape))
    return [({}, summed), *([({}, summed.reshape(shape))] if fits and summed.shape != shape else [])]


def _some_dims(p: Problem) -> Cases:
    v, _, lead, ones = _copied_over(p)
    return [({}, v.sum(axis=lead)), ({}, v.sum(axis=ones, keepdims=True))] if lead and ones else []


def _without_keepdim(p: Problem) -> np.ndarray | None:
    v, _, lead, ones = _copied_over(p)
    return v.sum(axis=lead + ones) if ones else None


def _with_keepdim(p: Problem) -> np.ndarray | None:
    v, _, lead, ones = _copied_over(p)
    return v.sum(axis=lead + ones, keepdims=True) if lead else None


def _everything(p: Problem) -> Cases:
    """The sum of all of V, as one number and in every entry of b's shape."""
    total, b = _arrays(p, "V")[0].sum(), p.inputs["b"]
    return [({}, total), ({}, np.full(tuple(b.shape), total))] if b.numel() > 1 else []


def _first_or_last_copy(p: Problem) -> Cases:
    v, shape, lead, ones = _copied_over(p)
    return [
        ({}, v[tuple(k if d in lead + ones else slice(None) for d in range(v.ndim))].reshape(shape)) for k in (0, -1)
    ]


def _times_operand(p: Problem) -> np.ndarray:
    v, shape, lead, ones = _copied_over(p)
    return v.sum(axis=lead + ones).reshape(shape) * _arrays(p, "b")[0]


def _residual(p: Problem) -> np.ndarray:
    """Y − T, of shape (N, k): the gradient of half the squared error with respect to Y."""
    X, W, b, T = _arrays(p, "X", "W", "b", "T")
    Y = X @ W + b
    return Y - T.reshape(Y.shape)


def _all_pairs(p: Problem) -> np.ndarray | None:
    """Y − T, broadcast to (N, N) because Y is (N, 1) and T is (N,); None if T has two dimensions."""
    X, W, b, T = _arrays(p, "X", "W", "b", "T")
    return X @ W + b - T if T.ndim == 1 else None


def _sums_of_all_pairs(p: Problem) -> Cases:
    pairs = _all_pairs(p)
    if pairs is None:
        return []
    return [({}, value) for value in (pairs.sum().reshape(1), pairs.sum(axis=0), pairs.sum(axis=1))]


def _sums_of_everything(p: Problem) -> Cases:
    pairs = _all_pairs(p)
    return [({}, r.sum()) for r in (_residual(p), pairs) if r is not None]


def _batch(p: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
    X, W, v = _arrays(p, "X", "W", "V")
    return X, W, v, W.ndim == 2


def _shared(p: Problem, gather: Callable[[np.ndarray], np.ndarray]) -> Any:
    """The gradients where ``gather`` combines those for a W shared by the batch, one per element; None if W is not."""
    X, _, v, shared = _batch(p)
    return (p.truth[0], gather(X.swapaxes(-1, -2) @ v)) if shared else None


def _batched_untransposed(p: Problem) -> Any:
    X, W, v, shared = _batch(p)
    by_x, by_w = _product(v, W), _product(X, v)
    return None if by_x is None or by_w is None else (by_x, by_w.sum(axis=0) if shared else by_w)


def _batched_exchanged(p: Problem) -> Any:
    X, W, v, shared = _batch(p)
    by_x, by_w = _product(W.swapaxes(-1, -2), v), _product(v, X.swapaxes(-1, -2))
    return None if by_x is None or by_w is None else (by_x, by_w.sum(axis=0) if shared else by_w)


def _order(p: Problem) -> tuple[int, ...]:
    return tuple(p.map.fixed_args[name] for name in "abc")


def _entries_not_moved(p: Problem) -> Cases:
    """The entries of V in their order, in every shape that has X's sizes, in any order."""
    (v,) = _arrays(p, "V")
    return [({}, v.reshape(shape)) for shape in dict.fromkeys(permutations(p.inputs["X"].shape))]


def _one_exchange(p: Problem) -> Cases:
    (v,) = _arrays(p, "V")
    return [({}, v.swapaxes(*dims)) for dims in ((0, 1), (0, 2), (1, 2))]


def _invertible(n: int) -> Sampler:
    """A sampler of n×n matrices with entries of two decimals, none 0; diagonally dominant, so invertible."""

    def draw(generator: torch.Generator) -> Tensor:
        return (n + 1) * torch.eye(n, dtype=torch.float64) + (mixed_signs(n, n)(generator) * 50).round() / 100

    return draw


def _inverse_products(*forms: str) -> Callable[[Problem], Cases]:
    """A derivation: minus the products that ``forms`` spell with i = X⁻¹, I = X⁻ᵀ, a = A, A = Aᵀ (truth: "IAI")."""

    def derive(p: Problem) -> Cases:
        X, A = _arrays(p, "X", "A")
        inverse = np.linalg.inv(X)
        letters = {"i": inverse, "I": inverse.T, "a": A, "A": A.T}
        return [({}, -np.linalg.multi_dot([letters[letter] for letter in form])) for form in forms]

    return derive


FACTORS_UNTRANSPOSED = Mistake(
    "factors_untransposed",
    formula="AVB",
    name="no factor transposed",
    says="each factor is on the right side, but neither is transposed.",
    why="The factors take X to Y; their transposes take the weight of Y back to X. Where all matrices are square, "
    "no shape gives the difference away.",
)
RIGHT_UNTRANSPOSED = Mistake(
    "right_untransposed",
    formula="AᵀVB",
    name="only the left factor transposed",
    says="this is AᵀVB: the factor on the right was not transposed.",
    why="On the way back both factors are transposed: AᵀVBᵀ. Where B is not square, VB is not even defined.",
    on_problem=_sandwich(lambda A, v, B: (A.T, v, B)),
)
LEFT_UNTRANSPOSED = Mistake(
    "left_untransposed",
    formula="AVBᵀ",
    name="only the right factor transposed",
    says="this is AVBᵀ: the factor on the left was not transposed.",
    why="On the way back both factors are transposed: AᵀVBᵀ. Where A is not square, AV is not even defined.",
    on_problem=_sandwich(lambda A, v, B: (A, v, B.T)),
)
FACTORS_EXCHANGED = Mistake(
    "factors_exchanged",
    formula="BᵀVAᵀ",
    name="the factors on the wrong sides",
    says="both factors are transposed, but they have changed sides.",
    why="Transposing a whole product reverses the order of its factors. Here nothing is transposed as a whole: what "
    "stood to the left of X stays on the left.",
)
GRADIENT_TRANSPOSED = Mistake(
    "gradient_transposed",
    formula="the gradient, transposed",
    name="the gradient transposed",
    says="this is the right gradient with its rows and columns exchanged.",
    why="Entry (a, b) of the gradient is the derivative with respect to entry (a, b) of the variable, so the two have "
    "the same shape and the same order.",
)
WEIGHT_TRANSPOSED = Mistake(
    "weight_transposed",
    formula="the gradient for Vᵀ",
    name="the weight transposed",
    says="this is the gradient for the weight Vᵀ.",
    why="`trace(V @ Y)` adds up V[i, j] times Y[j, i]: each entry of Y gets the weight from the mirrored place. The "
    "Frobenius inner product pairs entries at the same place: `(V * Y).sum()`, or `trace(V.T @ Y)`.",
    on_problem=_for_transposed_weight,
)
WEIGHT_AS_MATRIX_PRODUCT = Mistake(
    "weight_as_matrix_product",
    formula="the gradient of (Vᵀ @ Y).sum()",
    name="V and Y multiplied as matrices",
    says="V and Y were multiplied as matrices, and all entries of the product were added up.",
    why="A matrix product pairs whole rows with whole columns. A weight is paired entry by entry with what it weights: "
    "`V * Y`, not `@`.",
    on_problem=_of_matrix_products,
)
WEIGHT_ON_DIAGONAL_ONLY = Mistake(
    "weight_on_diagonal_only",
    formula="the gradient of Σ V[i, i]·Y[i, i]",
    name="only the diagonal of Y weighted",
    says="only the entries on the diagonal of Y were weighted and added up.",
    why="`torch.trace` adds up a diagonal, and the diagonal of `V * Y` holds nothing but V[i, i]·Y[i, i]. Every entry "
    "of Y should count: `(V * Y).sum()`.",
    on_problem=_on_diagonal_only,
)
OPERAND_TRANSPOSED = Mistake(
    "operand_transposed",
    formula="the gradient of f(Xᵀ)",
    name="f of the transposed X",
    says="this is the gradient of f(Xᵀ), not of f(X).",
    why="X was transposed before f received it. Where X is square, f accepts that, and only the values give it away.",
    on_problem=_of_transposed_operand,
)
RESULT_LAID_OUT_BY_COLUMNS = Mistake(
    "result_laid_out_by_columns",
    formula="(Jᵀv).reshape(q, p).T",
    name="the result laid out by columns",
    says="the right numbers were filled in column by column.",
    why="X was flattened in row-major order, so the result must be cut into rows again: `reshape(p, q)`, with no "
    "transpose after it.",
    on_problem=_result_by_columns,
)
RESULT_LEFT_FLAT = Mistake(
    "result_left_flat",
    formula="Jᵀv, flat",
    name="the result left flat",
    says="these are the right numbers, still flat.",
    why="The flattening of X has to be undone at the end: `g.reshape(p, q)`. A gradient has the shape of the variable "
    "that it is taken with respect to.",
    on_problem=lambda p: p.truth.reshape(-1),
)
RESHAPED_NOT_PERMUTED = Mistake(
    "reshaped_not_permuted",
    name="reshaped where dimensions had to move",
    says="the entries were kept in their order, although dimensions had to change places.",
    why="`reshape` never reorders axes: it keeps the entries in row-major order and only divides them up differently. "
    "To move dimensions, use `permute` or a transpose.",
)
BROADCAST_NOT_UNDONE = Mistake(
    "broadcast_not_undone",
    formula="V",
    name="the broadcast was not undone",
    says="these are the gradients with respect to the single copies, not yet added up.",
    why="One entry was copied to several places, and each copy contributes to the result. When the entry moves, all "
    "its copies move: their gradients add up.",
)
MEAN_OVER_COPIES = Mistake(
    "mean_over_copies",
    formula="the mean of V",
    name="a mean over the copies",
    says="this is the mean over the copies; it must be the sum.",
    why="When an entry moves a little, each of its copies moves just as far. Their effects add up, and nothing is "
    "divided by their number.",
)
SUMMED_OTHER_DIM = Mistake(
    "summed_other_dim",
    name="summed over the other dimension",
    says="this was summed over the dimensions that hold the entries, not over those that hold their copies.",
    why="Line the shapes up from the right. The copies lie along dimensions where the small operand has size 1 or no "
    "dimension at all; sum over those, and over no others.",
)
SUM_INCOMPLETE = Mistake(
    "sum_incomplete",
    name="summed over some copies only",
    says="some of the dimensions that hold copies were summed over, but not all of them.",
    why="Two kinds of dimensions hold copies: leading ones that the small operand does not have, and those where its "
    "size is 1. Sum over both kinds.",
    on_problem=_some_dims,
)
SIZE_ONE_LOST = Mistake(
    "size_one_lost",
    name="the dimension of size 1 was lost",
    says="these are the right numbers, but a dimension of size 1 is missing.",
    why="`sum` removes the dimension it runs over. Where the operand has that dimension with size 1, keep it: `sum(d, "
    "keepdim=True)`, or `reshape` at the end.",
    on_problem=_without_keepdim,
)
LEADING_ONE_KEPT = Mistake(
    "leading_one_kept",
    name="one dimension too many",
    says="these are the right numbers, with a dimension of size 1 that the operand does not have.",
    why="Leading dimensions that broadcasting added must disappear again: sum over them without `keepdim`.",
)
ONE_COPY_ONLY = Mistake(
    "one_copy_of_many",
    formula="V at one copy of b",
    name="one copy only",
    says="this is the part of V that belongs to one copy of b; the other copies were left out.",
    why="Each entry of b was copied to several places, and each copy contributes to the result. When the entry moves, "
    "all its copies move: sum over the dimensions that hold copies.",
    on_problem=_first_or_last_copy,
)
MULTIPLIED_BY_OPERAND = Mistake(
    "multiplied_by_operand",
    formula="b ⊙ (V summed over the copies)",
    name="multiplied by b",
    says="this is V, summed over the copies, and then multiplied by b.",
    why="A copy equals its entry of b and moves as that entry does: its derivative is 1, whatever the value. The "
    "gradient depends on the shape of b, not on its values.",
    on_problem=_times_operand,
)
RESIDUAL_ALL_PAIRS = Mistake(
    "residual_all_pairs",
    name="(N, 1) − (N,) is N×N",
    says="here every row of Y was compared with every target: the difference was N×N.",
    why="Y has shape (N, 1) and T has shape (N,). Lined up from the right, 1 meets N, and N meets a missing dimension, "
    "so both are stretched, and the subtraction gives no warning. Give T the shape of Y first.",
    on_problem=_sums_of_all_pairs,
)
PERMUTED_AGAIN = Mistake(
    "permuted_again",
    formula="V.permute(a, b, c)",
    name="permuted the same way again",
    says="V was permuted the same way once more, not back.",
    why="The gradient needs the inverse order. Swapping two dimensions is its own inverse; rotating all three is not.",
    on_problem=lambda p: p.weights["V"].permute(_order(p)).numpy(),
)
TWO_DIMS_EXCHANGED = Mistake(
    "two_dims_exchanged",
    formula="V.transpose(a, b)",
    name="only two dimensions swapped",
    says="two dimensions of V were swapped, and the third stayed where it was.",
    why="A rotation of all three is undone by the opposite rotation. `V.transpose(a, b)` swaps only two, and so does "
    "`V.permute(c, b, a)`, the order read backward. The inverse order has k at place order[k].",
    on_problem=_one_exchange,
)
INVERSE_UNTRANSPOSED = Mistake(
    "inverse_untransposed",
    formula="−X⁻¹AᵀX⁻¹",
    name="X⁻¹ for X⁻ᵀ",
    says="this is −X⁻¹AᵀX⁻¹: A is transposed, X⁻¹ is not.",
    why="In d(X⁻¹) = −X⁻¹ dX X⁻¹, dX has X⁻¹ on both sides, as X has A and B in AXB. On the way back both are "
    "transposed.",
    on_problem=_inverse_products("iAi"),
)
OPERAND_UNTRANSPOSED = Mistake(
    "operand_untransposed",
    formula="−X⁻ᵀAX⁻ᵀ",
    name="A for Aᵀ",
    says="this is −X⁻ᵀAX⁻ᵀ: A should be transposed.",
    why="tr(ZA) adds up Z[i, j] times A[j, i], so the weight of Z[i, j] is A[j, i]: as a matrix, Aᵀ.",
    on_problem=_inverse_products("IaI"),
)
INVERSES_ON_ONE_SIDE = Mistake(
    "inverses_on_one_side",
    formula="−X⁻ᵀX⁻ᵀAᵀ",
    name="both inverses on one side",
    says="both inverses are on the same side of A.",
    why="For numbers, the order of the factors in d(1/x) = −dx/x² does not matter. For matrices d(X⁻¹) = −X⁻¹ dX X⁻¹, "
    "with one inverse on each side of dX.",
    on_problem=_inverse_products("IIA", "AII", "iiA", "Aii", "IIa", "aII", "iia", "aii"),
)
ENTRY_BY_ENTRY = Mistake(
    "entry_by_entry",
    formula="−A / X**2",
    name="entry by entry",
    says="this divides by the squares of the entries of X.",
    why="That is the derivative of A/X entry by entry. The entries of an inverse matrix are not 1/X[i, j]; in general "
    "each of them depends on every entry of X.",
    on_problem=lambda p: -_arrays(p, "A")[0] / _arrays(p, "X")[0] ** 2,
)
INVERSE_SIGN = Mistake(
    "inverse_sign",
    formula="X⁻ᵀAᵀX⁻ᵀ",
    name="the sign of d(X⁻¹) lost",
    says="this is the right answer with the opposite sign.",
    why="X X⁻¹ stays the identity, so dX X⁻¹ + X d(X⁻¹) = 0, and d(X⁻¹) = −X⁻¹ dX X⁻¹. For numbers this is the minus "
    "sign in d(1/x) = −dx/x².",
    on_problem=lambda p: -p.truth,
)

OVERLAPS_OVERWRITTEN = Mistake(
    "overlaps_overwritten",
    name="overwritten, not added",
    says="each step of the loop overwrote what earlier steps had left.",
    why="Windows overlap, so an entry of X is used by several outputs, and an entry of W by all of them. Every use "
    "contributes to the gradient. `dX[:, j : j + m] = …` discards what is already there; add: `+=`.",
    on_problem=_overwritten,
)
KERNEL_UNREVERSED = Mistake(
    "kernel_unreversed",
    name="the kernel slid forward again",
    says="the gradient with respect to X applies the kernel in the wrong direction.",
    why="Output i uses X[:, i + j] with W[:, :, j]. So entry l of X appears in output l − j, and its gradient is the "
    "sum of W[:, :, j]ᵀ V[:, l − j]: as j grows, the index of V falls. As a convolution of V, it needs the kernel "
    "reversed.",
    on_problem=_unreversed,
)
KERNEL_GRADIENT_REVERSED = Mistake(
    "kernel_gradient_reversed",
    name="the kernel's gradient reversed",
    says="the gradient with respect to W has its last dimension in reverse order.",
    why="PyTorch's convolution slides the kernel as it is: W[:, :, j] always multiplies the column j places after the "
    "start of the window. So the gradient with respect to W[:, :, j] pairs V[:, i] with X[:, i + j].",
    on_problem=lambda p: (p.truth[0], p.truth[1][:, :, ::-1]),
)
WINDOW_NOT_MOVED = Mistake(
    "window_not_moved",
    name="the window not moved",
    says="the window of X stayed at its first place for every j.",
    why="W[:, :, j] multiplies the columns X[:, j : j + m], which start at j. On the way back it is paired with the "
    "same columns.",
    on_problem=_window_not_moved,
)

QUESTIONS: list[Question] = [
    Question(
        "06.vector_to_table",
        "6.1 Predict a weighted gradient",
        Predicted(of=WeightedGradient()),
        [Map(small_matrix, {"x": fixed([4.0, 5.0, 3.0])}, "[[x₀x₁, x₂], [x₁, x₀x₂]]")],
        weights={"V": fixed([[1.0, -1.0], [3.0, 0.0]])},
        points=1,
        stars=2,
        minutes=6,
        hints=(
            "Each entry of V multiplies the entry of Y at its place. Write the sum out: four terms, one of them 0.",
            "The number is x₀x₁ − x₂ + 3x₁. Differentiate it with respect to x₀, to x₁ and to x₂.",
        ),
    ),
    Question(
        "06.four_axes",
        "6.2 Four axes, flattened to two",
        WeightedGradient(wrt="X"),
        [
            Map(functions.twisted, {"X": normal(2, 2)}, "X @ X + sin X · X[0]"),
            Map(functions.crossed, {"X": normal(2, 3)}, "Xᵀ @ X[:, :2] − sin Xᵀ"),
            Map(functions.spread, {"X": normal(2, 2)}, "(X, x₀X) side by side, plus (the first column's sum)²"),
        ],
        gives=("D", "V"),
        weights=V,
        extras={"D": _four_axes},
        also=(
            CATALOGUE["weight_laid_out_by_columns"].derived(_weight_by_columns),
            RESULT_LAID_OUT_BY_COLUMNS,
            RESULT_LEFT_FLAT,
            RESHAPED_NOT_PERMUTED.derived(_cut_the_other_way),
        ),
        without={
            "jvp_for_vjp": "D reshaped to (p·q, m·k) gives Jv on a square problem, and has a name here",
            "weight_in_other_order": "laying V out by columns is such an order, and has a name of its own here",
        },
        points=2,
        stars=2,
        minutes=6,
        hints=(
            "J has one row per entry of Y and one column per entry of X. How many of each?",
            "`D.reshape(m * k, p * q)` is J, and `V.reshape(m * k)` is the weight, both in row-major order.",
            "`v @ J` has p·q entries, one for each entry of X. Which `reshape` undoes the flattening of X?",
        ),
    ),
    Question(
        "06.sandwich",
        "6.3 The gradient of AXB",
        WeightedGradient(wrt="X", text="AᵀVBᵀ"),
        [
            Map(sandwich, {"A": normal(3, 3), "X": normal(3, 3), "B": normal(3, 3)}, "AXB"),
            Map(sandwich, {"A": normal(2, 3), "X": normal(3, 4), "B": normal(4, 2)}, "AXB"),
            Map(sandwich, {"A": normal(4, 2), "X": normal(2, 2), "B": normal(2, 3)}, "AXB"),
        ],
        gives=("A", "B", "V"),
        weights=V,
        declared=False,
        also=(
            FACTORS_UNTRANSPOSED.derived(_sandwich(lambda A, v, B: (A, v, B))),
            RIGHT_UNTRANSPOSED,
            LEFT_UNTRANSPOSED,
            FACTORS_EXCHANGED.derived(_sandwich(lambda A, v, B: (B.T, v, A.T))),
            GRADIENT_TRANSPOSED.derived(_sandwich(lambda A, v, B: (B, v.T, A))),
        ),
        without={"jvp_for_vjp": "Jv is AVB where all four are square, which has a name of its own here"},
        points=2,
        stars=1,
        minutes=5,
        hints=(
            "Y = AXB has shape (m, r). Which products of A, B and V, transposed or not, can have X's shape (p, q)?",
            "With the trace trick: ⟨V, A dX B⟩ = tr(Vᵀ A dX B) = tr(B Vᵀ A dX) = ⟨G, dX⟩. What is Gᵀ, and what is G?",
            "Or by entries: the derivative with respect to X_ab is the sum over i and j of A_ia V_ij B_bj. Its part "
            "Σ_i A_ia V_ij is AᵀV.",
        ),
    ),
    Question(
        "06.permute",
        "6.4 The way back through permute",
        WeightedGradient(wrt="X", text="V permuted back"),
        [
            Map(permuted, {"X": normal(2, 2, 2)}, "X.permute(2, 0, 1)", {"a": 2, "b": 0, "c": 1}),
            Map(permuted, {"X": normal(2, 3, 4)}, "X.permute(2, 0, 1)", {"a": 2, "b": 0, "c": 1}),
            Map(permuted, {"X": normal(3, 2, 2)}, "X.permute(1, 2, 0)", {"a": 1, "b": 2, "c": 0}),
        ],
        gives=("V", "a", "b", "c"),
        weights=V,
        also=(
            PERMUTED_AGAIN,
            TWO_DIMS_EXCHANGED,
            RESHAPED_NOT_PERMUTED.derived(_entries_not_moved),
        ),
        without={
            "jvp_for_vjp": "on a cube Jv is V permuted the same way again, which has its own name here",
            "weight_applied_after": "on a cube this is V as it came, which has its own name here",
        },
        points=2,
        stars=3,
        minutes=7,
        hints=(
            "Dimension 0 of Y is dimension a of X. So where must dimension 0 of V go?",
            "The inverse order has k at place order[k]: start from `[0, 0, 0]` and set `inverse[order[k]] = k` "
            "for k = 0, 1, 2.",
        ),
    ),
    Question(
        "06.matrix_to_matrix",
        "6.5 Mend a weight that was multiplied as a matrix",
        WeightedGradient(wrt="X"),
        [
            Map(functions.twisted, {"X": normal(3, 3)}, "X @ X + sin X · X[0]"),
            Map(functions.crossed, {"X": normal(2, 3)}, "Xᵀ @ X[:, :2] − sin Xᵀ"),
            Map(functions.spread, {"X": normal(2, 2)}, "(X, x₀X) side by side, plus (the first column's sum)²"),
        ],
        gives=("f", "X", "V"),
        weights=V,
        also=(
            WEIGHT_TRANSPOSED,
            WEIGHT_AS_MATRIX_PRODUCT,
            WEIGHT_ON_DIAGONAL_ONLY,
            OPERAND_TRANSPOSED,
        ),
        points=2,
        stars=2,
        minutes=5,
        hints=(
            "Write out `torch.trace(V @ Y)` for 2×2 matrices. Which entry of Y does V[0, 1] meet?",
            "The number to differentiate is ⟨V, Y⟩, the sum of V[i, j] times Y[i, j]: entry by entry, not a matrix "
            "product.",
            "`(V * Y).sum()`, or `grad_outputs=V` with Y itself.",
        ),
    ),
    Question(
        "06.bias",
        "6.6 Mend the gradient of a bias",
        Gradient(wrt="b", text="the column sums of V"),
        [
            Map(
                half_squared_error,
                {"X": normal(5, 2), "W": normal(2, 1), "b": normal(1), "T": normal(5)},
                "½ Σ (XW + b − T)²",
            ),
            Map(
                half_squared_error,
                {"X": normal(3, 2), "W": normal(2, 3), "b": normal(3), "T": normal(3, 3)},
                "½ Σ (XW + b − T)²",
            ),
            Map(
                half_squared_error,
                {"X": normal(4, 3), "W": normal(3, 2), "b": normal(2), "T": normal(4, 2)},
                "½ Σ (XW + b − T)²",
            ),
        ],
        gives=("X", "W", "b", "T"),
        declared=False,
        also=(
            RESIDUAL_ALL_PAIRS,
            CATALOGUE["over_everything"].derived(_sums_of_everything),
            BROADCAST_NOT_UNDONE.derived(_residual),
            MEAN_OVER_COPIES.derived(lambda p: _residual(p).mean(axis=0)),
            SUMMED_OTHER_DIM.derived(lambda p: _residual(p).sum(axis=1)),
            LEADING_ONE_KEPT.derived(lambda p: _residual(p).sum(axis=0, keepdims=True)),
        ),
        points=2,
        stars=3,
        minutes=7,
        hints=(
            "Print the shapes of XW + b, of T and of their difference, for k = 1. What shape should the difference "
            "have?",
            "`T.reshape(Y.shape)` gives T the shape of Y. And b was copied to every row: what does that do to its "
            "gradient?",
            "`V.sum(dim=0)` adds up each column, and leaves one entry for each entry of b.",
        ),
    ),
    Question(
        "06.undo_broadcast",
        "6.7 Undo a broadcast",
        WeightedGradient(wrt="b", text="V summed over the copies"),
        [
            Map(copied, {"b": normal(3)}, "b, stretched to (3, 3)", {"size": (3, 3)}),
            Map(copied, {"b": normal(3, 1)}, "b, stretched to (3, 4)", {"size": (3, 4)}),
            Map(copied, {"b": normal(2, 1)}, "b, stretched to (3, 2, 2)", {"size": (3, 2, 2)}),
            Map(copied, {"b": normal(1, 3)}, "b, stretched to (2, 3)", {"size": (2, 3)}),
            Map(copied, {"b": normal()}, "b, stretched to (2, 3)", {"size": (2, 3)}),
            Map(copied, {"b": normal(2, 1, 3)}, "b, stretched to (2, 2, 3)", {"size": (2, 2, 3)}),
        ],
        gives=("b", "V"),
        weights=V,
        declared=False,
        also=(
            BROADCAST_NOT_UNDONE.derived(lambda p: p.weights["V"].numpy()),
            MEAN_OVER_COPIES.derived(_mean_over_copies),
            SUMMED_OTHER_DIM.derived(_other_dims),
            SUM_INCOMPLETE,
            SIZE_ONE_LOST,
            LEADING_ONE_KEPT.derived(_with_keepdim),
            ONE_COPY_ONLY,
            MULTIPLIED_BY_OPERAND,
            CATALOGUE["over_everything"].derived(_everything),
        ),
        without={
            "mean_of_weighted": "the mean over the copies is what students take, and has its name here",
            "weight_in_other_order": "where all entries are copies of one, their order does not matter",
            "mean_of_outputs": "a copy moves as its entry does, so the mean over copies of one is one copy alone",
            "unreduced_jacobian": "for a single number it is V as it came, which has a name of its own here",
            "one_weight_for_all": "for a single number that is copied, the sum of the weights is the answer",
            "one_output_only": "for a single number it is one copy of it, which has a name of its own here",
            "weighted_outputs_as_weights": "a copy equals b, so this is b times the sum, which has its own name here",
            "weight_summing_to_one": "for a single number that is copied, such weights add up to 1 whatever V is",
        },
        points=3,
        stars=4,
        minutes=12,
        hints=(
            "Each entry of b was copied to several places, and V has one weight for each copy. What happens to ⟨V, Y⟩ "
            "when the entry moves?",
            "Two kinds of dimensions hold copies: leading ones that b does not have at all, and those where b has "
            "size 1 and V does not. Sum over the first kind until V has as many dimensions as b.",
            "`while V.dim() > b.dim(): V = V.sum(0)`, then for each dimension where `b.shape[d] == 1`: "
            "`V = V.sum(d, keepdim=True)`.",
        ),
    ),
    Question(
        "06.batched",
        "6.8 A batch of products",
        WeightedGradient(wrt=("X", "W"), text="(VWᵀ, XᵀV)"),
        [
            Map(times, {"X": normal(2, 3, 3), "W": normal(3, 3)}, "X @ W"),
            Map(times, {"X": normal(3, 2, 3), "W": normal(3, 2)}, "X @ W"),
            Map(times, {"X": normal(2, 3, 2), "W": normal(2, 2, 2)}, "X @ W"),
        ],
        gives=("X", "W", "V"),
        weights=V,
        declared=False,
        also=(
            BROADCAST_NOT_UNDONE.derived(lambda p: _shared(p, lambda each: each)),
            MEAN_OVER_COPIES.derived(lambda p: _shared(p, lambda each: each.mean(axis=0))),
            FACTORS_UNTRANSPOSED.derived(_batched_untransposed),
            FACTORS_EXCHANGED.derived(_batched_exchanged),
            GRADIENT_TRANSPOSED.derived(lambda p: (p.truth[0], p.truth[1].swapaxes(-1, -2))),
        ),
        partial=True,
        points=2,
        stars=3,
        minutes=8,
        hints=(
            "First take one product without a batch: Y = XW is AXB with a factor missing. What are its two gradients?",
            "`.mT` transposes the last two dimensions and leaves the batch alone; `@` multiplies the matrices of the "
            "batch one by one.",
            "A shared W was copied to every element of the batch: where `W.dim() == 2`, sum over dimension 0.",
        ),
    ),
    Question(
        "06.convolution",
        "6.9 Transfer: the backward pass of a convolution",
        WeightedGradient(wrt=("X", "W"), text="(∂⟨V, Y⟩/∂X, ∂⟨V, Y⟩/∂W)"),
        [
            Map(convolved, {"X": normal(2, 5), "W": normal(2, 2, 3)}, "conv1d(X, W)"),
            Map(convolved, {"X": normal(3, 4), "W": normal(2, 3, 2)}, "conv1d(X, W)"),
            Map(convolved, {"X": normal(1, 6), "W": normal(2, 1, 3)}, "conv1d(X, W)"),
        ],
        gives=("X", "W", "V"),
        weights=V,
        declared=False,
        also=(
            OVERLAPS_OVERWRITTEN,
            KERNEL_UNREVERSED,
            KERNEL_GRADIENT_REVERSED,
            WINDOW_NOT_MOVED,
            FACTORS_UNTRANSPOSED.derived(_taps_untransposed),
            GRADIENT_TRANSPOSED.derived(_channels_exchanged),
            MEAN_OVER_COPIES.derived(_mean_over_uses),
        ),
        partial=True,
        points=3,
        stars=4,
        minutes=14,
        hints=(
            "For one j, Y gets the matrix product W[:, :, j] @ X[:, j : j + m]. You know both gradients of a product.",
            "Loop over j. The gradient with respect to W[:, :, j] is `V @ X[:, j : j + m].T`: the sum over the "
            "positions of the window is already inside this product.",
            "`dX = torch.zeros_like(X)`, and in the loop `dX[:, j : j + m] += W[:, :, j].T @ V`. Why `+=`?",
        ),
    ),
    Question(
        "06.trace_of_inverse",
        "6.10 Recall: a gradient from a differential",
        Gradient(wrt="X", text="−X⁻ᵀAᵀX⁻ᵀ"),
        [
            Map(trace_of_inverse_times, {"X": _invertible(3), "A": normal(3, 3)}, "tr(X⁻¹A)"),
            Map(trace_of_inverse_times, {"X": _invertible(2), "A": normal(2, 2)}, "tr(X⁻¹A)"),
            Map(trace_of_inverse_times, {"X": _invertible(4), "A": normal(4, 4)}, "tr(X⁻¹A)"),
        ],
        gives=("X", "A"),
        declared=False,
        also=(
            INVERSE_SIGN,
            GRADIENT_TRANSPOSED.derived(_inverse_products("iai")),
            OPERAND_UNTRANSPOSED,
            INVERSE_UNTRANSPOSED,
            INVERSES_ON_ONE_SIDE,
            CATALOGUE["chain_stops_early"].derived(lambda p: _arrays(p, "A")[0].T),
            ENTRY_BY_ENTRY,
        ),
        without={"minus_sign": "the sign that is lost here is the one in the derivative of an inverse"},
        points=2,
        stars=4,
        minutes=10,
        hints=(
            "With Z = X⁻¹, the differential of tr(ZA) is tr(dZ A), and the lesson says what dZ = d(X⁻¹) is.",
            "The differential is −tr(X⁻¹ dX X⁻¹ A). A trace does not change when its first factor moves to the end: "
            "bring dX to the end.",
            "It is tr(M dX) with M = −X⁻¹ A X⁻¹. And ⟨G, dX⟩ = tr(Gᵀ dX): so what is G?",
        ),
    ),
]
