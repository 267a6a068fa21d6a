"""The functions of unit 00: tensors, not yet differentiated."""

from __future__ import annotations

from torch import Tensor


def square(x: Tensor) -> Tensor:
    return x**2


def rows_times_vector(A: Tensor, x: Tensor) -> Tensor:
    return A @ x


def row_means(A: Tensor) -> Tensor:
    return A.mean(dim=1)
