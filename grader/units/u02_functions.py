"""The functions of unit 02: losses, branches, and models with their optimizer."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def bowl(x: Tensor) -> Tensor:
    return (x**2).sum() + x[0] * x[1]


def twist(x: Tensor) -> Tensor:
    return torch.sin(x[0]) * x[-1] + x[1] ** 2


def well(x: Tensor) -> Tensor:
    return torch.exp(x / 3).sum() - x[0] * x[-1]


def ahead(x: Tensor) -> Tensor:
    return torch.stack([x[2] ** 2, x[0] - x[1]])


def further_ahead(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[3], torch.cos(x[1]), x[4] ** 2])


def turned(x: Tensor) -> Tensor:
    return x.flip(0) * x[0]


def mean_miss(w: Tensor, X: Tensor, t: Tensor) -> Tensor:
    return ((torch.tanh(X @ w) - t) ** 2).mean()


def loss_of_rows(w: Tensor, X: Tensor, t: Tensor, most: int) -> Tensor:
    """mean_miss, but with memory for at most ``most`` rows at once, like a device; more raise MemoryError."""
    if len(X) > most:
        raise MemoryError(f"{len(X)} rows at once, and there is room for {most}")
    return mean_miss(w, X, t)


# --- models, made of their parameters, and the optimizer of one

RATE = 0.1  # the learning rate


def linear_layer(weight: Tensor, bias: Tensor) -> nn.Linear:
    """A linear layer with these parameters.  weight: (h, k), bias: (h,)."""
    h, k = weight.shape
    made = nn.Linear(k, h, device="meta")  # its own parameters are never used
    # A Parameter is kept as it is, so that whoever made it sees its gradient and its trained value.
    made.weight, made.bias = (p if isinstance(p, nn.Parameter) else nn.Parameter(p) for p in (weight, bias))
    return made


def sgd(*made: Tensor) -> torch.optim.Optimizer:
    return torch.optim.SGD([p for p in made if p.requires_grad], lr=RATE)


class TwoHalves(nn.Module):
    """A network of two halves: a layer of features with tanh, and a linear head.  (N, k) → (N, 1)."""

    def __init__(self, W: Tensor, b: Tensor, V: Tensor, c: Tensor) -> None:
        super().__init__()
        self.features, self.head = linear_layer(W, b), linear_layer(V, c)

    def forward(self, X: Tensor) -> Tensor:
        return self.head(torch.tanh(self.features(X)))


def two_halves(W: Tensor, b: Tensor, V: Tensor, c: Tensor) -> nn.Module:
    return TwoHalves(W, b, V, c)
