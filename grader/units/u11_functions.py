"""The functions of unit 11: operations with a backward of their own, right and wrong, and functions that give nan."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def damp(x: Tensor, w: Tensor) -> Tensor:
    return x / (1 + w**2)


def silu(x: Tensor) -> Tensor:
    return x * torch.sigmoid(x)


def clipped(x: Tensor, bound: float) -> Tensor:
    """The identity between -bound and bound, and constant outside: what a straight-through estimator differentiates."""
    return x.clamp(-bound, bound)


def rounded(x: Tensor, bound: float) -> Tensor:
    return torch.round(x)


def unit_rows(X: Tensor) -> Tensor:
    """Each row of X divided by its length; a row of zeros stays one, and has no derivative but 0."""
    return torch.stack([row / row.square().sum() ** 0.5 if row.detach().any() else 0 * row for row in X])


# --- for gradcheck: each is right or wrong in a way of its own


class _Softsign(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x / (1 + x.abs())

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return v / (1 + x.abs()) ** 2


class _Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 2 * v * x**2


class _Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        slope = 2 * x
        ctx.save_for_backward(slope)
        return x**2

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> Tensor:
        (slope,) = ctx.saved_tensors
        return v * slope


class _Mixed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * x.sum()

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return v * x.sum() + (v * x).sum()


def softsign(x: Tensor) -> Any:
    return _Softsign.apply(x)


def twofold_cube(x: Tensor) -> Any:
    return _Cube.apply(x)


def frozen_square(x: Tensor) -> Any:
    return _Square.apply(x)


def times_sum(x: Tensor) -> Any:
    return _Mixed.apply(x)


# --- for anomaly mode: one node of the graph makes a nan out of numbers that are none


def roots(x: Tensor) -> Tensor:
    u = 3 * x
    return torch.where(u > 0, torch.sqrt(u), 0 * u).sum()


def entropy(x: Tensor) -> Tensor:
    p = x.abs()
    return -torch.where(p > 0, p * torch.log(p), 0 * p).mean()


def cardinal_sine(x: Tensor) -> Tensor:
    u = torch.tanh(x)
    return torch.where(u == 0, torch.ones_like(u), torch.sin(u) / u).prod()


def distances(x: Tensor) -> Tensor:
    return ((x * (x > 0)) ** 0.5).norm()


# --- holomorphic functions of complex z, entry by entry; z may also be given as real and imaginary parts, (2, n)


def _complex(z: Tensor) -> Tensor:
    return z if z.is_complex() else torch.complex(z[0], z[1])


def polynomial(z: Tensor) -> Tensor:
    z = _complex(z)
    return z**3 - 2j * z


def spiral(z: Tensor) -> Tensor:
    z = _complex(z)
    return torch.exp(1j * z) * z


def moebius(z: Tensor) -> Tensor:
    z = _complex(z)
    return (z - 1j) / (z + 3)
