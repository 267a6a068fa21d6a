"""The functions of unit 03: the gradient of a scalar with respect to a vector: its shape and its direction."""

from __future__ import annotations

import torch
from torch import Tensor


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
