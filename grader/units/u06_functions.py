"""The functions of unit 06: matrices, higher rank by flattening, and undoing a broadcast."""

from __future__ import annotations

import torch
from torch import Tensor


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
