"""The functions of unit 13: critics of points and of images, with and without normalization, and pairs of losses."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

Function = Callable[[Tensor], Tensor]

# --- critics as modules


def _parameter(values: Tensor) -> nn.Parameter:
    """The tensor itself where it is a parameter already, so that its gradient can be read from it."""
    return values if isinstance(values, nn.Parameter) else nn.Parameter(values.detach().clone())


class Critic(nn.Module):
    """One number for each sample: (N, *sample's shape) → (N,).

    W: (h, k) and samples (k,), through a hidden layer; or (h, C, 2, 2) and samples (C, H, W), through a convolution.
    b, a: (h,).  c: ().
    """

    def __init__(self, W: Tensor, b: Tensor, a: Tensor, c: Tensor) -> None:
        super().__init__()
        self.W, self.b, self.a, self.c = map(_parameter, (W, b, a, c))

    def forward(self, x: Tensor) -> Tensor:
        if self.W.ndim == 2:
            return torch.tanh(functional.linear(x, self.W, self.b)) @ self.a + self.c
        return torch.tanh(functional.conv2d(x, self.W, self.b)).sum(dim=(2, 3)) @ self.a + self.c


def scores(W: Tensor, b: Tensor, a: Tensor, c: Tensor) -> nn.Module:
    return Critic(W, b, a, c)


# --- critics as plain functions, to see which samples influence which outputs

_W = torch.tensor([[1.0, -0.5, 0.25], [0.5, 1.0, -1.0], [-0.75, 0.5, 1.0], [0.25, -1.0, 0.5]], dtype=torch.float64)
_A = torch.tensor([1.0, -0.75, 0.5, 1.25], dtype=torch.float64)


def of_each_sample(x: Tensor) -> Tensor:
    """A critic without normalization: a·tanh(Wx).  (N, k) → (N,), k ≤ 3."""
    return torch.tanh(x @ _W[:, : x.shape[1]].T) @ _A


def batch_normalized(x: Tensor) -> Tensor:
    """A critic with batch normalization, in training mode: each hidden unit is normalized over all samples."""
    z = x @ _W[:, : x.shape[1]].T
    z = z - z.mean(dim=0)
    return torch.tanh(z / ((z * z).mean(dim=0) + 1e-5) ** 0.5) @ _A


def layer_normalized(x: Tensor) -> Tensor:
    """A critic with layer normalization: each sample is normalized over its own hidden units."""
    z = x @ _W[:, : x.shape[1]].T
    z = z - z.mean(dim=1)[:, None]
    return torch.tanh(z / ((z * z).mean(dim=1)[:, None] + 1e-5) ** 0.5) @ _A


def centered(x: Tensor) -> Tensor:
    """A critic that compares each sample with the mean of the batch: tanh of it, weighted by the sample itself."""
    z = (x - x.mean(dim=0)) @ _W[:, : x.shape[1]].T
    return torch.tanh(z) @ _A * (1 + x[:, 0] ** 2 / 4)


# --- losses of the parameters θ: on training data and on validation data


def train_bowl(theta: Tensor) -> Tensor:
    """(θ₀ − 1)² + θ₀θ₁ + θ₁⁴/4.  θ: (2,)."""
    return (theta[0] - 1) ** 2 + theta[0] * theta[1] + theta[1] ** 4 / 4


def val_bowl(theta: Tensor) -> Tensor:
    """(θ₀ + θ₁)² + sin θ₀.  θ: (2,)."""
    return (theta[0] + theta[1]) ** 2 + torch.sin(theta[0])


def train_fit(theta: Tensor) -> Tensor:
    """The squared error of θ₀ tanh(θ₁x) + θ₂ at four points.  θ: (3,)."""
    x, t = torch.tensor([[-1.0, -0.5, 0.5, 1.5], [-0.5, 0.5, 0.0, 1.0]], dtype=torch.float64)
    return ((theta[0] * torch.tanh(theta[1] * x) + theta[2] - t) ** 2).mean()


def val_fit(theta: Tensor) -> Tensor:
    """The squared error of the same model at three other points.  θ: (3,)."""
    x, t = torch.tensor([[-1.5, 0.25, 1.0], [-1.0, 0.5, 0.5]], dtype=torch.float64)
    return ((theta[0] * torch.tanh(theta[1] * x) + theta[2] - t) ** 2).mean()


def train_saddle(theta: Tensor) -> Tensor:
    """θ₀θ₁θ₂ + θ₃²θ₀ + cos θ₁θ₃ + ‖θ‖²/2.  θ: (4,)."""
    return (
        theta[0] * theta[1] * theta[2]
        + theta[3] ** 2 * theta[0]
        + torch.cos(theta[1] * theta[3])
        + (theta**2).sum() / 2
    )


def val_saddle(theta: Tensor) -> Tensor:
    """e^(θ₀/2) + (θ₁ − θ₂)² + θ₂θ₃.  θ: (4,)."""
    return torch.exp(theta[0] / 2) + (theta[1] - theta[2]) ** 2 + theta[2] * theta[3]
