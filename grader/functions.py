"""The functions that questions differentiate: plain torch, and nothing that knows an answer.

Where an exercise prints its function, the notebook defines it as f, and a test checks that the two agree.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# --- unit 00: tensors, not yet differentiated


def square(x: Tensor) -> Tensor:
    return x**2


def rows_times_vector(A: Tensor, x: Tensor) -> Tensor:
    return A @ x


def row_means(A: Tensor) -> Tensor:
    return A.mean(dim=1)


# --- unit 01: scalar functions of one number


def cubic(x: Tensor) -> Tensor:
    return x**3 - 4 * x


def wave(x: Tensor) -> Tensor:
    return x * torch.sin(x) + x**2


def growth(x: Tensor) -> Tensor:
    return torch.exp(0.8 * x) + x


def bend(x: Tensor) -> Tensor:
    return torch.log(1 + x**2) + 2 * x


def plus_square(u: Tensor) -> Tensor:
    return u**2 + u


def half_exp(u: Tensor) -> Tensor:
    return torch.exp(u / 2)


def sine(u: Tensor) -> Tensor:
    return torch.sin(u)


def shifted_square(x: Tensor) -> Tensor:
    return x**2 + 0.5


def composed(x: Tensor, outer: Callable[[Tensor], Tensor], inner: Callable[[Tensor], Tensor]) -> Tensor:
    return outer(inner(x))


def lens(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return a * b**2 + torch.sin(c) * a


def gauge(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return torch.exp(a / 3) + b * c**2 - b


def newton_root(a: Tensor, steps: int) -> Tensor:
    x = torch.ones_like(a)
    for _ in range(steps):
        x = (x + a / x) / 2
    return x


# --- unit 02: accumulation, cut branches, forbidden operations


def loss_today(x: Tensor) -> Tensor:
    return x[0] * x[1] ** 2


def loss_tomorrow(x: Tensor) -> Tensor:
    return x[0] ** 2 + 4 * x[1]


def loss_of_both_days(x: Tensor) -> Tensor:
    return loss_today(x) + loss_tomorrow(x)


def bowl(x: Tensor) -> Tensor:
    return (x**2).sum() + x[0] * x[1]


def twist(x: Tensor) -> Tensor:
    return torch.sin(x[0]) * x[-1] + x[1] ** 2


def well(x: Tensor) -> Tensor:
    return torch.exp(x / 3).sum() - x[0] * x[-1]


def one_after_the_other(
    x: Tensor, first: Callable[[Tensor], Tensor], second: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    return first(x), second(x)


def ahead(x: Tensor) -> Tensor:
    return torch.stack([x[2] ** 2, x[0] - x[1]])


def further_ahead(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[3], torch.cos(x[1]), x[4] ** 2])


def turned(x: Tensor) -> Tensor:
    return x.flip(0) * x[0]


def squared_distance(
    x: Tensor, t: Tensor, predict: Callable[[Tensor], Tensor], target: Callable[[Tensor], Tensor]
) -> Tensor:
    """The squared distance between predict(x) and a target t, which the caller computes as target(x)."""
    return ((predict(x) - t) ** 2).sum()


def last_half(h: Tensor, inner: Callable[[Tensor], Tensor], outer: Callable[[Tensor], Tensor]) -> Tensor:
    """outer(h), where h = inner(x) was computed by the caller."""
    return outer(h)


def gained(A: Tensor, x: Tensor, gain: float) -> Tensor:
    return ((gain * torch.tanh(A @ x)) ** 2).sum()


def miss(w: Tensor, row: Tensor, t: Tensor) -> Tensor:
    return (torch.tanh(row @ w) - t) ** 2


def mean_miss(w: Tensor, X: Tensor, t: Tensor) -> Tensor:
    return ((torch.tanh(X @ w) - t) ** 2).mean()


def shares(A: Tensor, x: Tensor, c: Tensor) -> Tensor:
    h = torch.sigmoid(A @ x)
    return (c * (h / h.sum())).sum()


def loss_of_rows(w: Tensor, X: Tensor, t: Tensor, most: int) -> Tensor:
    """mean_miss, but with memory for at most ``most`` rows at once, like a device; more raise MemoryError."""
    if len(X) > most:
        raise MemoryError(f"{len(X)} rows at once, and there is room for {most}")
    return mean_miss(w, X, t)


def mean_over_rows(
    w: Tensor, X: Tensor, t: Tensor, loss: Callable[[Tensor, Tensor, Tensor], Tensor], size: int
) -> Tensor:
    return torch.stack([loss(w, row, one) for row, one in zip(X.split(1), t.split(1), strict=True)]).mean()


# --- unit 03: the gradient of a scalar with respect to a vector: its shape and its direction


def misfit(W: Tensor, x: Tensor, t: Tensor) -> Tensor:
    return ((W @ x - t) ** 2).sum()


def quadratic(A: Tensor, x: Tensor) -> Tensor:
    return x @ A @ x


def log_sum_exp(x: Tensor) -> Tensor:
    return torch.logsumexp(x, dim=0)


def half_squares(A: Tensor, b: Tensor, x: Tensor) -> Tensor:
    return ((A @ x - b) ** 2).sum() / 2


def hills(x: Tensor) -> Tensor:
    return x[0] ** 2 * x[1] + torch.sin(x[1] * x[2])


def ribbon(x: Tensor) -> Tensor:
    return (x[:-1] ** 2 * x[1:]).sum() + torch.sin(x.sum())


def contrast(x: Tensor) -> Tensor:
    return torch.log(1 + ((x - x.mean()) ** 2).sum()) + x[0] * x[-1]


def triple(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return (a * b) @ c + torch.sin(a @ c)


def uneven(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return a.prod() * torch.tanh(b).sum() + a[1] * (c**2).sum() - b[0] * c[3]


def log_sum_exp_less_990(x: Tensor) -> Tensor:
    """log_sum_exp(x) − 990: has the same gradient, and for x near 990 values small enough for finite differences."""
    return torch.logsumexp(x - 990, dim=0)


# --- unit 04: the Jacobian by rows and by columns


def orbit(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[2], torch.sin(x[0]) + x[1], x[1] * x[2] - x[0] ** 2])


def four_of_two(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[1], torch.exp(x[0] / 2), x[1] ** 2, x[0] - 2 * x[1]])


def funnel(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[3] + torch.sin(x[1]), x[2] ** 2 - x[0] * x[1]])


def table_to_two(X: Tensor) -> Tensor:
    return torch.stack([X[0, 0] * X[1, 2], X.sum()])


def softmax(x: Tensor) -> Tensor:
    return torch.softmax(x, dim=0)


def row_times_matrix(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return x @ W + b


def leaning(X: Tensor) -> Tensor:
    return torch.sin(X[:, 0]) * X.sum(dim=1) + X[0, 1]


def sine_product(X: Tensor) -> Tensor:
    return X.T @ torch.sin(X)


def unrolled(X: Tensor) -> Tensor:
    return torch.outer(torch.stack([X[0] * X[1], X[2] ** 2]), X) + X


# --- unit 05: several outputs


def pair(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[1], x[1] ** 2 + torch.sin(x[2])])


def swirl(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[1], torch.sin(x[1]) + 2 * x[2], x[2] * x[0] - x[1] ** 2])


def fan(x: Tensor) -> Tensor:
    return torch.stack([x[0] ** 2, x[0] * x[1], torch.sin(x[1]), x[0] - 3 * x[1]])


def fold(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[1] - x[4], torch.tanh(x[2]) + x[3] * x[0], x[3] ** 2 + x[1] * x[4]])


def grid(x: Tensor) -> Tensor:
    return torch.outer(torch.stack([x[0], x[1] * x[2]]), x) + x**2


def ledger(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[2], x[1] ** 2, x[2] - x[0]]).reshape(3, 1) * torch.stack([x[1], x[0]])


def two_heads(x: Tensor) -> tuple[Tensor, Tensor]:
    return torch.stack([x[0] * x[1], torch.sin(x[2])]), torch.stack([x[2] ** 2, x[0] - x[1] * x[2]])


def head_and_tail(x: Tensor) -> tuple[Tensor, Tensor]:
    return torch.stack([x[0] ** 2, x[1] * x[0], x[3]]), torch.stack([x[2] * x[3], torch.cos(x[0]), x[1]])


def layer(A: Tensor, x: Tensor) -> Tensor:
    return torch.sin(A @ x)


def gated(A: Tensor, x: Tensor) -> Tensor:
    return (A @ x) * x[: A.shape[0]] ** 2


def three_weights(x: Tensor) -> Tensor:
    """A weight that depends on x, for functions with three outputs."""
    return torch.stack([torch.cos(x[0]), x[-1] ** 2 + 0.5, -x.sum()])


def sum_of_linear(x: Tensor) -> Tensor:
    J = torch.tensor([[2.0, -1.0, 0.0], [1.0, 3.0, 5.0]], dtype=x.dtype)
    return (J @ x).sum()


def mixed_rows(X: Tensor) -> Tensor:
    return X @ X.T[:, :2] + X[:, :2] ** 2


def pooled(X: Tensor) -> Tensor:
    return torch.sin(X).sum(dim=0) * X[0]


def stretched(X: Tensor) -> Tensor:
    return torch.stack([X * X[:, :1], torch.exp(X / 2)])


# --- unit 06: matrices, higher rank by flattening, and undoing a broadcast


def small_table(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[1], x[2], x[1], x[0] * x[2]]).reshape(2, 2)


def sandwich(A: Tensor, X: Tensor, B: Tensor) -> Tensor:
    return A @ X @ B


def twisted(X: Tensor) -> Tensor:
    return X @ X + torch.sin(X) * X[0]


def crossed(X: Tensor) -> Tensor:
    return X.T @ X[:, :2] - torch.sin(X.T)


def spread(X: Tensor) -> Tensor:
    return torch.cat([X, X[:, :1] * X], dim=1) + X.sum(dim=0)[0] ** 2


def copied(b: Tensor, size: tuple[int, ...]) -> Tensor:
    return b.expand(size)


def half_squared_error(X: Tensor, W: Tensor, b: Tensor, T: Tensor) -> Tensor:
    Y = X @ W + b
    return ((Y - T.reshape(Y.shape)) ** 2).sum() / 2


def times(X: Tensor, W: Tensor) -> Tensor:
    return X @ W


def permuted(X: Tensor, a: int, b: int, c: int) -> Tensor:
    return X.permute(a, b, c)


def trace_of_inverse_times(X: Tensor, A: Tensor) -> Tensor:
    return torch.trace(torch.linalg.inv(X) @ A)


# --- unit 07: what a graph keeps, when it is freed, and inputs that take no part


def blend(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return (a * b.sum()).sum() + (c**2).sum() * a[0]


def tower(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return torch.sin(a).sum() * b.prod() + (c * b.sum()).sum() ** 2


def without_b(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return (a * c).sum() ** 2 + torch.sin(c)


def without_c(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return a.prod() * b.sum() + (b**2).sum()


def without_a(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return torch.exp(b[0] / 2) * b[1] + c * b[2] ** 2


def without_bias(W: Tensor, b: Tensor, x: Tensor) -> Tensor:
    return torch.tanh(W @ x).sum() + (W @ x).prod()


def penalty(W: Tensor, b: Tensor, x: Tensor) -> Tensor:
    return (W**2).sum()


def bias_and_input(W: Tensor, b: Tensor, x: Tensor) -> Tensor:
    return b.prod() * (x**2).sum() + b[0]


def cross(u: Tensor) -> Tensor:
    return (u[0] - u[1]) ** 2 / 4 + u[0] * u[1] / 8


def surge(u: Tensor) -> Tensor:
    return torch.sin(u[0]) * u[1] / 2 - (u**2).sum() / 4


def trunk(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[1], torch.sin(x[-1]) + x[0] ** 2])


def first_loss(h: Tensor) -> Tensor:
    return h[0] ** 2 + h[1]


def second_loss(h: Tensor) -> Tensor:
    return torch.exp(h[0] / 2) * h[1]


def two_losses(x: Tensor) -> tuple[Tensor, Tensor]:
    return first_loss(trunk(x)), second_loss(trunk(x))


def first_of_two(x: Tensor, h: Tensor) -> Tensor:
    return first_loss(h)


def second_of_two(x: Tensor, h: Tensor, p: Tensor) -> Tensor:
    return second_loss(h)


# --- unit 08: derivatives of derivatives


def sway(x: Tensor) -> Tensor:
    return torch.sin(2 * x) + x**3


def fade(x: Tensor) -> Tensor:
    return 3 * x * torch.exp(-x / 2)


def quintic(x: Tensor) -> Tensor:
    return x**5 / 20 - x**2


def line(x: Tensor) -> Tensor:
    return 3 * x - 2


def tilt(x: Tensor) -> Tensor:
    """A line whose slope is a parameter: the slope has a graph, but x is not part of it."""
    w = torch.tensor(1.7, dtype=x.dtype, requires_grad=True)
    return w * x + 0.5


def hinges(x: Tensor) -> Tensor:
    """A small ReLU network: piecewise linear, with kinks at 1/3 and −7/9."""
    return 0.6 * x + 1.5 * torch.relu(x - 1 / 3) + 2 * torch.relu(-x - 7 / 9)


def ridge(x: Tensor) -> Tensor:
    return x[0] ** 2 * x[1] + x[0] * torch.sin(x[2]) + x[1] * x[2] ** 2


def gully(x: Tensor) -> Tensor:
    return x[0] * x[1] ** 2 + torch.exp(x[0] / 2)


def plateau(x: Tensor) -> Tensor:
    return x[0] * x[1] * x[2] + x[3] ** 2 * x[0] + torch.cos(x[1] * x[3]) + x[2] * x[3]


def tanh_net(x: Tensor) -> Tensor:
    W = torch.tensor([[1.0, -0.5], [0.4, 0.8], [-0.7, 1.2]], dtype=x.dtype)
    b = torch.tensor([0.2, -0.5, 0.3], dtype=x.dtype)
    return torch.tensor([1.5, -2.0, 1.0], dtype=x.dtype) @ torch.tanh(W @ x + b)


def critic(x: Tensor) -> Tensor:
    """A scalar function of a matrix of shape (2, 3)."""
    A = torch.tensor([[1.0, -0.5], [0.4, 0.8], [-0.7, 1.2]], dtype=x.dtype)
    return torch.tanh(x @ A).sum() + x[0] @ x[1]


def basin(x: Tensor) -> Tensor:
    return (x[0] - 1) ** 2 + 2 * (x[0] + x[1]) ** 2 + torch.exp(x[1] / 2)


def hollow(x: Tensor) -> Tensor:
    return torch.logsumexp(x, dim=0) + (x**2).sum() / 2 + (x[0] - 2 * x[1] + x[2]) ** 2


def trough(x: Tensor) -> Tensor:
    return (x**4).sum() / 4 + (x.sum() - 1) ** 2 + x @ x
