"""The functions of unit 06 that students are handed: matrices to matrices."""

from __future__ import annotations

import torch
from torch import Tensor


def twisted(X: Tensor) -> Tensor:
    return X @ X + torch.sin(X) * X[0]


def crossed(X: Tensor) -> Tensor:
    return X.T @ X[:, :2] - torch.sin(X.T)


def spread(X: Tensor) -> Tensor:
    return torch.cat([X, X[:, :1] * X], dim=1) + X.sum(dim=0)[0] ** 2
