"""The functions of unit 12: networks to be differentiated with respect to their input, and what a question adds."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def output(W: Tensor, b: Tensor, a: Tensor, s: Tensor, *columns: Tensor) -> Tensor:
    """A network with one hidden layer, applied to each row: σ(zWᵀ + b)a.  Returns (N, 1).

    columns: (N, ·) each; side by side they are z, of shape (N, k).  W: (h, k), b: (h,), a: (h, 1).
    s: (h,), 0 for a hidden unit whose σ is tanh, and 1 for one whose σ is sin.
    """
    z = torch.cat(columns, dim=1) @ W.T + b
    return ((1 - s) * torch.tanh(z) + s * torch.sin(z)) @ a


class Network(nn.Module):
    """``output`` as a module: u(x), u(x, t) or u(X), with a tensor of N rows for each argument.  Returns (N, 1)."""

    def __init__(self, W: Tensor, b: Tensor, a: Tensor, s: Tensor) -> None:
        super().__init__()
        # A Parameter is kept as it is, so that whoever made it sees its gradient and its trained value.
        self.W, self.b, self.a = (p if isinstance(p, nn.Parameter) else nn.Parameter(p) for p in (W, b, a))
        self.register_buffer("s", s)

    def forward(self, *columns: Tensor) -> Tensor:
        return output(self.W, self.b, self.a, self.get_buffer("s"), *columns)


def network(W: Tensor, b: Tensor, a: Tensor, s: Tensor) -> nn.Module:
    return Network(W, b, a, s)


# Each of these makes a function of the last tensor that was made before it; all others are the network's.


def swing(c: Tensor, t: Tensor) -> Tensor:
    """A force c₀ cos(c₁t) at the times t, (N, 1).  c: (2,).  Returns (N, 1)."""
    return c[0] * torch.cos(c[1] * t)


def force(*made: Tensor) -> Callable[[Tensor], Tensor]:
    c = made[-1].detach()
    return lambda t: swing(c, t)


def load(c: Tensor, X: Tensor) -> Tensor:
    """c₀ sin(x₀ + c₁x₁) in every row x of X, (N, d).  c: (2,).  Returns (N, 1)."""
    return c[0] * torch.sin(X[:, :1] + c[1] * X[:, 1:2])


def source(*made: Tensor) -> Callable[[Tensor], Tensor]:
    c = made[-1].detach()
    return lambda X: load(c, X)
