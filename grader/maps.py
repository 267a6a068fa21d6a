"""The functions that questions differentiate: plain torch, and nothing that knows an answer.

Where an exercise prints its function, the notebook holds the same text; a test compares the two.
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


# --- unit 01: one number to one number


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


def triple(x: Tensor) -> Tensor:
    return 3 * x - 1


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
    """A weight that depends on x, for maps with three outputs."""
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
