"""The functions of unit 09: maps with few inputs or few outputs, and functions of one sample among many."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def curve(t: Tensor) -> Tensor:
    """A curve in 50 dimensions: () → (50,)."""
    k = torch.arange(1, 51, dtype=t.dtype)
    return torch.sin(k * t) / k


def loss_of_many(w: Tensor) -> Tensor:
    """A loss of a million parameters: (1000, 1000) → ()."""
    return torch.tanh(w).square().mean()


def narrow_ends(x: Tensor) -> Tensor:
    """A network from 4 inputs by 100 hidden units to 2 outputs: (4,) → (2,)."""
    k = torch.arange(1, 101, dtype=x.dtype)
    hidden = torch.tanh(torch.outer(torch.cos(k), x.new_tensor([1.0, -2.0, 0.5, 1.5])) @ x)
    return torch.stack([torch.sin(k) @ hidden, torch.cos(2 * k) @ hidden])


def rotation(x: Tensor) -> Tensor:
    """A map from (30,) to (30,)."""
    return torch.sin(x) + x.roll(1) * x


def helix(x: Tensor) -> Tensor:
    return torch.stack([x[0] * torch.cos(x[1]), x[0] * torch.sin(x[1]), x[1] ** 2 - x[0], x[0] * x[1]])


def nozzle(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[3] + torch.sin(x[1]), x[2] ** 2 * x[4] - x[0]])


def whirl(x: Tensor) -> Tensor:
    return torch.stack([x[1] * x[2], x[0] ** 2 - x[1], torch.exp(x[0] / 2) * x[2]])


def lattice(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[1], x[1] * x[2] ** 2, torch.tanh(x[0]) - x[2], x[2] * x[0], torch.cos(x[1])])


def swell(x: Tensor) -> Tensor:
    return torch.exp(torch.stack([x[0] - x[1], x[1] * x[2], x[2] + torch.sin(x[0]), x[0] * x[1] * x[2]]) / 2)


# --- one number for one sample; the dots let them take a whole batch as well, a sample in each row


def logistic(w: Tensor, x: Tensor) -> Tensor:
    """log(1 + e^(−z)) with z = w₀x₀ + w₁x₁ + w₂.  w: (3,), x: (2,)."""
    return torch.log(1 + torch.exp(-(w[0] * x[..., 0] + w[1] * x[..., 1] + w[2])))


def ripple(w: Tensor, x: Tensor) -> Tensor:
    """sin(w₀x₀ + w₁) · x₂ + (w₁x₁)²/2.  w: (2,), x: (3,)."""
    return torch.sin(w[0] * x[..., 0] + w[1]) * x[..., 2] + (w[1] * x[..., 1]) ** 2 / 2


def bell(w: Tensor, x: Tensor) -> Tensor:
    """e^(−|w − x|²/8) + w₀w₁x₂².  w: (3,), x: (3,)."""
    return torch.exp(-((w - x) ** 2).sum(dim=-1) / 8) + w[0] * w[1] * x[..., 2] ** 2


def valley(x: Tensor) -> Tensor:
    """x₀²x₁ + sin x₁.  x: (2,)."""
    return x[..., 0] ** 2 * x[..., 1] + torch.sin(x[..., 1])


def ravine(x: Tensor) -> Tensor:
    """x₀x₁² + x₁x₂ + e^(x₂/2)x₀.  x: (3,)."""
    return x[..., 0] * x[..., 1] ** 2 + x[..., 1] * x[..., 2] + torch.exp(x[..., 2] / 2) * x[..., 0]


def furrow(x: Tensor) -> Tensor:
    """x₀x₁ cos x₂ + x₂²x₀.  x: (3,)."""
    return x[..., 0] * x[..., 1] * torch.cos(x[..., 2]) + x[..., 2] ** 2 * x[..., 0]


# --- a model and its loss


class Network(nn.Module):
    """a·tanh(Wx + b), one number for each sample.  W: (h, k), b: (h,), a: (h,); forward: (k,) → (), (N, k) → (N,)."""

    def __init__(self, W: Tensor, b: Tensor, a: Tensor) -> None:
        super().__init__()
        self.W, self.b, self.a = (nn.Parameter(p.detach().clone()) for p in (W, b, a))

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x @ self.W.T + self.b) @ self.a


def network(W: Tensor, b: Tensor, a: Tensor) -> nn.Module:
    return Network(W, b, a)


def squared_errors(W: Tensor, b: Tensor, a: Tensor, X: Tensor, t: Tensor) -> Tensor:
    """(network(x) − t)² for every sample.  X: (N, k), t: (N,).  Returns (N,)."""
    return (torch.tanh(X @ W.T + b) @ a - t) ** 2
