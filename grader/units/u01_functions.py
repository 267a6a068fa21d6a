"""The functions of unit 01: scalar functions of one number."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


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
