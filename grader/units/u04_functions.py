"""The functions of unit 04: the Jacobian by rows and by columns."""

from __future__ import annotations

import torch
from torch import Tensor


def orbit(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[2], torch.sin(x[0]) + x[1], x[1] * x[2] - x[0] ** 2])


def four_of_two(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[1], torch.exp(x[0] / 2), x[1] ** 2, x[0] - 2 * x[1]])


def funnel(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[3] + torch.sin(x[1]), x[2] ** 2 - x[0] * x[1]])


def leaning(X: Tensor) -> Tensor:
    return torch.sin(X[:, 0]) * X.sum(dim=1) + X[0, 1]


def sine_product(X: Tensor) -> Tensor:
    return X.T @ torch.sin(X)


def unrolled(X: Tensor) -> Tensor:
    return torch.outer(torch.stack([X[0] * X[1], X[2] ** 2]), X) + X
