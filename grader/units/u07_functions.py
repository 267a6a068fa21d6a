"""The functions of unit 07: leaves that do not all take part, losses on one trunk, maps for a hook, recurrent steps."""

from __future__ import annotations

import torch
from torch import Tensor


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
    return u[0] - u[1] + (u[2] + torch.sin(u[0] + u[1] - u[2])) / 4


def surge(u: Tensor) -> Tensor:
    return u[-1] - u[0] + (u[1] + torch.sin(u[0] + u[1] + u[-1])) / 4


def elman(W: Tensor, h: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    d = h.shape[0]
    h = torch.tanh(W[:, :d] @ h + W[:, d:] @ x)
    return h, (h[0] - x[0]) ** 2


def leaky(W: Tensor, h: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    d = h.shape[0]
    h = (h + torch.sin(W[:, :d] @ h + W[:, d:] @ x)) / 2
    return h, h[0] * h[1] + h[0] ** 2


def trunk(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[1], torch.sin(x[-1]) + x[0] ** 2])


def first_loss(h: Tensor) -> Tensor:
    return h[0] ** 2 + h[1]


def second_loss(h: Tensor) -> Tensor:
    return torch.exp(h[0] / 2) * h[1]


def first_of_two(x: Tensor, h: Tensor) -> Tensor:
    return first_loss(h)


def second_of_two(x: Tensor, h: Tensor, p: Tensor) -> Tensor:
    return second_loss(h)
