"""The functions that unit 11 hands out: operations with a backward, right and wrong, and functions that give nan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

# --- for gradcheck: each is right, or wrong in its own way


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


def operation_of(kind: Tensor) -> Callable[[Tensor], Any]:
    """x / (1 + |x|), x³, x² or x · Σx, for kinds 0 to 3.  Neither their name nor their order in a check tells which."""
    function = (_Softsign, _Cube, _Square, _Mixed)[int(kind)]

    def operation(x: Tensor) -> Any:
        return function.apply(x)

    return operation


def operated(kind: Tensor, x: Tensor) -> Any:
    return operation_of(kind)(x)


# --- for anomaly mode: one node of the graph makes a nan out of numbers that are none


def _roots(x: Tensor) -> Tensor:
    u = 3 * x
    return torch.where(u > 0, torch.sqrt(u), 0 * u).sum()


def _entropy(x: Tensor) -> Tensor:
    p = x.abs()
    return -torch.where(p > 0, p * torch.log(p), 0 * p).mean()


def _cardinal_sine(x: Tensor) -> Tensor:
    u = torch.tanh(x)
    return torch.where(u == 0, torch.ones_like(u), torch.sin(u) / u).prod()


def _distances(x: Tensor) -> Tensor:
    return ((x * (x > 0)) ** 0.5).norm()


def function_of(kind: Tensor) -> Callable[[Tensor], Tensor]:
    """One of the four above, for kinds 0 to 3, under a name that does not tell which."""
    chosen = (_roots, _entropy, _cardinal_sine, _distances)[int(kind)]

    def f(x: Tensor) -> Tensor:
        return chosen(x)

    return f


def somewhere_nan(kind: Tensor, x: Tensor) -> Tensor:
    return function_of(kind)(x)


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
