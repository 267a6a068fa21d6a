"""Unit 06: matrices, tensors of higher rank, broadcasting, and the backward pass of a convolution."""

import torch
import torch.nn.functional as F

grad = torch.autograd.grad


# --- 6.1


def weighted_by_columns():
    return [5, 3, 3]  # V read down its columns: x₀x₁ + 3x₂ − x₁


# --- 6.2


def flat(D, V):
    m, k, p, q = D.shape
    return V.reshape(-1) @ D.reshape(m * k, p * q)


def weight_by_columns(D, V):
    m, k, p, q = D.shape
    return (V.T.reshape(-1) @ D.reshape(m * k, p * q)).reshape(p, q)


def result_by_columns(D, V):
    return flat(D, V).reshape(D.shape[3], D.shape[2]).T


def cut_the_other_way(D, V):
    m, k, p, q = D.shape
    return (D.reshape(p * q, m * k) @ V.reshape(-1)).reshape(p, q)


def derivatives_not_reduced(D, V):
    return V[:, :, None, None] * D


# --- 6.3


def by_autograd(A, B, V):
    X = torch.zeros(A.shape[1], B.shape[0], dtype=V.dtype, requires_grad=True)
    return grad(A @ X @ B, X, grad_outputs=V)[0]


# --- 6.4


def reshaped(V, a, b, c):
    shape = [0, 0, 0]
    for size, place in zip(V.shape, (a, b, c), strict=True):
        shape[place] = size
    return V.reshape(shape)


def by_movedim(V, a, b, c):
    return V.movedim((0, 1, 2), (a, b, c))


# --- 6.5


def broken_trace(f, X, V):
    (G,) = grad(torch.trace(V @ f(X)), X)
    return G


def weight_per_row(f, X, V):
    (G,) = grad(f(X), X, grad_outputs=V.sum(dim=1, keepdim=True))
    return G


def entry_after_entry(f, X, V):
    Y, G = f(X), torch.zeros_like(X)
    for place in torch.cartesian_prod(*map(torch.arange, Y.shape)).tolist():
        G = G + V[*place] * grad(Y[*place], X, retain_graph=True)[0]
    return G


# --- 6.6


def only_the_sum_mended(X, W, b, T):
    return (X @ W + b - T).sum(dim=0)


def only_the_target_mended(X, W, b, T):
    Y = X @ W + b
    return (Y - T.reshape(Y.shape)).sum()


def as_it_came(X, W, b, T):
    return (X @ W + b - T).sum()


def loss_of_all_pairs(X, W, b, T):
    b.requires_grad_()
    return grad(0.5 * ((X @ W + b - T) ** 2).sum(), b)[0]


def rows_summed(X, W, b, T):
    Y = X @ W + b
    return (Y - T.reshape(Y.shape)).sum(dim=1)


def squared_without_half(X, W, b, T):
    Y = X @ W + b
    return 2 * (Y - T.reshape(Y.shape)).sum(dim=0)


def residual_itself(X, W, b, T):
    Y = X @ W + b
    return Y - T.reshape(Y.shape)


def column_means(X, W, b, T):
    return residual_itself(X, W, b, T).mean(dim=0)


def row_kept(X, W, b, T):
    return residual_itself(X, W, b, T).sum(dim=0, keepdim=True)


def bias_by_autograd(X, W, b, T):
    b = b.detach().clone().requires_grad_()
    Y = X @ W + b
    return grad(0.5 * ((Y - T.reshape(Y.shape)) ** 2).sum(), b)[0]


def first_copy(b, V):
    while V.dim() > b.dim():
        V = V[0]
    for d in range(b.dim()):
        if b.shape[d] == 1:
            V = V.select(d, 0).unsqueeze(d)
    return V


# --- 6.7


def leading_only(b, V):
    while V.dim() > b.dim():
        V = V.sum(dim=0)
    return V


def ones_only(b, V):
    lead = V.dim() - b.dim()
    for d in range(b.dim()):
        if b.shape[d] == 1:
            V = V.sum(dim=lead + d, keepdim=True)
    return V


def without_keepdim(b, V):
    V = leading_only(b, V)
    dims = [d for d in range(b.dim()) if b.shape[d] == 1]
    return V.sum(dim=dims) if dims else V


def always_keepdim(b, V):
    lead = V.dim() - b.dim()
    dims = [*range(lead), *(lead + d for d in range(b.dim()) if b.shape[d] == 1)]
    return V.sum(dim=dims, keepdim=True)


def other_dims(b, V):
    lead = V.dim() - b.dim()
    dims = [lead + d for d in range(b.dim()) if b.shape[d] > 1]
    return V.sum(dim=dims) if dims else V.sum()


def means(b, V):
    lead = V.dim() - b.dim()
    dims = [*range(lead), *(lead + d for d in range(b.dim()) if b.shape[d] == 1)]
    return V.mean(dim=dims).reshape(b.shape)


def by_expanding(b, V):
    b = b.detach().clone().requires_grad_()
    return grad(b.expand_as(V), b, grad_outputs=V)[0]


# --- 6.8


def shared_not_summed(X, W, V):
    return V @ W.mT, X.mT @ V


def shared_mean(X, W, V):
    by_w = X.mT @ V
    return V @ W.mT, by_w.mean(dim=0) if W.dim() == 2 else by_w


def untransposed(X, W, V):
    by_w = X @ V
    return V @ W, by_w.sum(dim=0) if W.dim() == 2 else by_w


def sides_exchanged(X, W, V):
    by_w = V @ X.mT
    return W.mT @ V, by_w.sum(dim=0) if W.dim() == 2 else by_w


def by_w_transposed(X, W, V):
    by_w = V.mT @ X
    return V @ W.mT, by_w.sum(dim=0) if W.dim() == 2 else by_w


def places_exchanged(X, W, V):
    by_w = X.mT @ V
    return by_w.sum(dim=0) if W.dim() == 2 else by_w, V @ W.mT


def batched_by_autograd(X, W, V):
    X, W = (t.detach().clone().requires_grad_() for t in (X, W))
    return grad(X @ W, (X, W), grad_outputs=V)


def by_einsum(X, W, V):
    if W.dim() == 2:
        return torch.einsum("bnm,km->bnk", V, W), torch.einsum("bnk,bnm->km", X, V)
    return torch.einsum("bnm,bkm->bnk", V, W), torch.einsum("bnk,bnm->bkm", X, V)


# --- 6.9


def convolution(X, W, V):
    dX, dW, m = torch.zeros_like(X), torch.zeros_like(W), V.shape[1]
    for j in range(W.shape[2]):
        dX[:, j : j + m] += W[:, :, j].T @ V
        dW[:, :, j] = V @ X[:, j : j + m].T
    return dX, dW


def kernel_part(X, V):
    """The gradient with respect to the kernel."""
    m = V.shape[1]
    return torch.stack([V @ X[:, j : j + m].T for j in range(X.shape[1] - m + 1)], dim=2)


def overwritten(X, W, V):
    dX, dW, m = torch.zeros_like(X), torch.zeros_like(W), V.shape[1]
    for j in range(W.shape[2]):
        dX[:, j : j + m] = W[:, :, j].T @ V
        dW[:, :, j] = V @ X[:, j : j + m].T
    return dX, dW


def overwritten_by_position(X, W, V):
    dX, dW = torch.zeros_like(X), torch.zeros_like(W)
    for i in range(V.shape[1]):
        for j in range(W.shape[2]):
            dX[:, i + j] = W[:, :, j].T @ V[:, i]
            dW[:, :, j] = torch.outer(V[:, i], X[:, i + j])
    return dX, dW


def unreversed(X, W, V):
    padded = F.pad(V, (W.shape[2] - 1,) * 2)
    return F.conv1d(padded[None], W.transpose(0, 1))[0], kernel_part(X, V)


def textbook_convolution(X, W, V):
    """As if the forward pass reversed the kernel."""
    by_x, by_w = unreversed(X, W, V)
    return by_x, by_w.flip(2)


def kernel_reversed(X, W, V):
    by_x, by_w = convolution(X, W, V)
    return by_x, by_w.flip(2)


def window_fixed(X, W, V):
    dX, dW, m = convolution(X, W, V)[0], torch.zeros_like(W), V.shape[1]
    for j in range(W.shape[2]):
        dW[:, :, j] = V @ X[:, :m].T
    return dX, dW


def taps_untransposed(X, W, V):
    dX, m = torch.zeros_like(X), V.shape[1]
    for j in range(W.shape[2]):
        dX[:, j : j + m] += W[:, :, j] @ V
    return dX, kernel_part(X, V)


def channels_swapped(X, W, V):
    m = V.shape[1]
    by_w = torch.stack([X[:, j : j + m] @ V.T for j in range(W.shape[2])], dim=2)
    return convolution(X, W, V)[0], by_w


def columns_not_moved(X, W, V):
    dX, m = torch.zeros_like(X), V.shape[1]
    for j in range(W.shape[2]):
        dX[:, :m] += W[:, :, j].T @ V
    return dX, kernel_part(X, V)


def mean_over_uses(X, W, V):
    dX, uses, m = torch.zeros_like(X), torch.zeros_like(X), V.shape[1]
    for j in range(W.shape[2]):
        dX[:, j : j + m] += W[:, :, j].T @ V
        uses[:, j : j + m] += 1
    return dX / uses, kernel_part(X, V)


def mean_over_positions(X, W, V):
    by_x, by_w = convolution(X, W, V)
    return by_x, by_w / V.shape[1]


def convolution_by_autograd(X, W, V):
    X, W = (t.detach().clone().requires_grad_() for t in (X, W))
    return grad(F.conv1d(X[None], W)[0], (X, W), grad_outputs=V)


def transposed_convolution(X, W, V):
    windows = X.unfold(1, W.shape[2], 1)  # (C, m, K)
    return F.conv_transpose1d(V[None], W)[0], torch.einsum("om,cmk->ock", V, windows)


# --- 6.10


def inv(X):
    return torch.linalg.inv(X)


def by_solving(X, A):
    return -torch.linalg.solve(X.T, torch.linalg.solve(X.T, A.T, left=False))


def trace_by_autograd(X, A):
    X = X.detach().clone().requires_grad_()
    return grad(torch.trace(inv(X) @ A), X)[0]


WRONG = [
    ("ones_weight", "06.vector_to_table", lambda: [8, 5, 5]),
    ("weight_in_other_order", "06.vector_to_table", weighted_by_columns),
    ("absolute_weight", "06.vector_to_table", lambda: [5, 7, 1]),
    ("shape", "06.vector_to_table", lambda: [[20, -3], [15, 0]]),
    ("result_left_flat", "06.four_axes", flat),
    ("weight_laid_out_by_columns", "06.four_axes", weight_by_columns),
    ("result_laid_out_by_columns", "06.four_axes", result_by_columns),
    ("reshaped_not_permuted", "06.four_axes", cut_the_other_way),
    ("unreduced_jacobian", "06.four_axes", derivatives_not_reduced),
    ("whole_jacobian", "06.four_axes", lambda D, V: D),
    ("factors_untransposed", "06.sandwich", lambda A, B, V: A @ V @ B),
    ("right_untransposed", "06.sandwich", lambda A, B, V: A.T @ V @ B),
    ("left_untransposed", "06.sandwich", lambda A, B, V: A @ V @ B.T),
    ("factors_exchanged", "06.sandwich", lambda A, B, V: B.T @ V @ A.T),
    ("gradient_transposed", "06.sandwich", lambda A, B, V: B @ V.T @ A),
    ("ones_weight", "06.sandwich", lambda A, B, V: A.T @ torch.ones_like(V) @ B.T),
    ("shapes_do_not_multiply", "06.sandwich", lambda A, B, V: A @ B @ V),
    ("permuted_again", "06.permute", lambda V, a, b, c: V.permute(a, b, c)),
    ("two_dims_exchanged", "06.permute", lambda V, a, b, c: V.permute(c, b, a)),
    ("two_dims_exchanged", "06.permute", lambda V, a, b, c: V.transpose(a, b)),
    ("reshaped_not_permuted", "06.permute", reshaped),
    ("reshaped_not_permuted", "06.permute", lambda V, a, b, c: V.reshape(V.shape[a], V.shape[b], V.shape[c])),
    ("reshaped_not_permuted", "06.permute", lambda V, a, b, c: V),
    ("weight_transposed", "06.matrix_to_matrix", broken_trace),
    ("shapes_do_not_multiply", "06.matrix_to_matrix", lambda f, X, V: grad((V @ f(X)).sum(), X)[0]),
    ("weight_as_matrix_product", "06.matrix_to_matrix", lambda f, X, V: grad((V.T @ f(X)).sum(), X)[0]),
    ("operand_transposed", "06.matrix_to_matrix", lambda f, X, V: grad(f(X.T), X, grad_outputs=V)[0]),
    ("weight_shape", "06.matrix_to_matrix", weight_per_row),
    ("weight_transposed", "06.matrix_to_matrix", lambda f, X, V: grad(f(X), X, grad_outputs=V.T)[0]),
    ("scalar_needed", "06.matrix_to_matrix", lambda f, X, V: grad(V * f(X), X)[0]),
    ("weight_on_diagonal_only", "06.matrix_to_matrix", lambda f, X, V: grad(torch.trace(V * f(X)), X)[0]),
    ("residual_all_pairs", "06.bias", only_the_sum_mended),
    ("residual_all_pairs", "06.bias", loss_of_all_pairs),
    ("over_everything", "06.bias", only_the_target_mended),
    ("over_everything", "06.bias", as_it_came),
    ("summed_other_dim", "06.bias", rows_summed),
    ("broadcast_not_undone", "06.bias", residual_itself),
    ("mean_over_copies", "06.bias", column_means),
    ("leading_one_kept", "06.bias", row_kept),
    ("accumulated", "06.bias", squared_without_half),
    ("broadcast_not_undone", "06.undo_broadcast", lambda b, V: V),
    ("mean_over_copies", "06.undo_broadcast", means),
    ("summed_other_dim", "06.undo_broadcast", other_dims),
    ("sum_incomplete", "06.undo_broadcast", leading_only),
    ("sum_incomplete", "06.undo_broadcast", ones_only),
    ("size_one_lost", "06.undo_broadcast", without_keepdim),
    ("leading_one_kept", "06.undo_broadcast", always_keepdim),
    ("over_everything", "06.undo_broadcast", lambda b, V: V.sum()),
    ("over_everything", "06.undo_broadcast", lambda b, V: torch.ones_like(b) * V.sum()),
    ("one_copy_of_many", "06.undo_broadcast", first_copy),
    ("multiplied_by_operand", "06.undo_broadcast", lambda b, V: V.sum_to_size(b.shape) * b),
    ("broadcast_not_undone", "06.batched", shared_not_summed),
    ("mean_over_copies", "06.batched", shared_mean),
    ("factors_untransposed", "06.batched", untransposed),
    ("factors_exchanged", "06.batched", sides_exchanged),
    ("gradient_transposed", "06.batched", by_w_transposed),
    ("inputs_swapped", "06.batched", places_exchanged),
    ("shapes_do_not_multiply", "06.batched", lambda X, W, V: (V @ W.mT, V @ X)),
    ("overlaps_overwritten", "06.convolution", overwritten),
    ("overlaps_overwritten", "06.convolution", overwritten_by_position),
    ("kernel_unreversed", "06.convolution", unreversed),
    ("kernel_unreversed", "06.convolution", textbook_convolution),
    ("kernel_gradient_reversed", "06.convolution", kernel_reversed),
    ("window_not_moved", "06.convolution", window_fixed),
    ("window_not_moved", "06.convolution", columns_not_moved),
    ("factors_untransposed", "06.convolution", taps_untransposed),
    ("gradient_transposed", "06.convolution", channels_swapped),
    ("mean_over_copies", "06.convolution", mean_over_positions),
    ("mean_over_copies", "06.convolution", mean_over_uses),
    ("inputs_swapped", "06.convolution", lambda X, W, V: convolution(X, W, V)[::-1]),
    ("gradient_transposed", "06.trace_of_inverse", lambda X, A: -inv(X) @ A @ inv(X)),
    ("inverse_untransposed", "06.trace_of_inverse", lambda X, A: -inv(X) @ A.T @ inv(X)),
    ("operand_untransposed", "06.trace_of_inverse", lambda X, A: -inv(X).T @ A @ inv(X).T),
    ("inverses_on_one_side", "06.trace_of_inverse", lambda X, A: -A.T @ inv(X).T @ inv(X).T),
    ("inverses_on_one_side", "06.trace_of_inverse", lambda X, A: -(inv(X) @ inv(X)).T @ A.T),
    ("inverses_on_one_side", "06.trace_of_inverse", lambda X, A: -inv(X) @ inv(X) @ A.T),
    ("inverse_sign", "06.trace_of_inverse", lambda X, A: inv(X).T @ A.T @ inv(X).T),
    ("chain_stops_early", "06.trace_of_inverse", lambda X, A: A.T),
    ("entry_by_entry", "06.trace_of_inverse", lambda X, A: -A / X**2),
]

RIGHT = [
    ("06.vector_to_table", lambda: (5.0, 7.0, -1.0)),
    ("06.four_axes", lambda D, V: torch.einsum("ijab,ij->ab", D, V)),
    ("06.sandwich", by_autograd),
    ("06.sandwich", lambda A, B, V: torch.einsum("ia,ij,bj->ab", A, V, B)),
    ("06.permute", by_movedim),
    ("06.permute", lambda V, a, b, c: V.permute(*torch.tensor([a, b, c]).argsort().tolist())),
    ("06.matrix_to_matrix", entry_after_entry),
    ("06.matrix_to_matrix", lambda f, X, V: grad(torch.trace(V.T @ f(X)), X)[0]),
    ("06.bias", bias_by_autograd),
    ("06.undo_broadcast", lambda b, V: V.sum_to_size(b.shape)),
    ("06.undo_broadcast", by_expanding),
    ("06.batched", batched_by_autograd),
    ("06.batched", by_einsum),
    ("06.convolution", convolution_by_autograd),
    ("06.convolution", transposed_convolution),
    ("06.trace_of_inverse", trace_by_autograd),
    ("06.trace_of_inverse", by_solving),
    ("06.trace_of_inverse", lambda X, A: -(inv(X) @ A @ inv(X)).T),
]
