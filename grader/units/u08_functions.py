"""The functions of unit 08: derivatives of derivatives."""

from __future__ import annotations

import torch
from torch import Tensor


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
