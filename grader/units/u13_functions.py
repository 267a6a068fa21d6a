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


# --- the same in plain operations, and ∇D by hand


def _hidden(W: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """Wx + b at each sample, (N, h), or the convolution W ∗ x + b at each place of each image: (N, H − 1, W − 1, h)."""
    if W.ndim == 2:
        return x @ W.T + b
    N, C, H, L = x.shape
    corners = [x[:, :, i : H - 1 + i, j : L - 1 + j] for i in (0, 1) for j in (0, 1)]
    patches = torch.stack(corners).permute(1, 3, 4, 2, 0).reshape(-1, 4 * C)
    return (patches @ W.reshape(-1, 4 * C).T + b).reshape(N, H - 1, L - 1, -1)


def outputs(W: Tensor, b: Tensor, a: Tensor, c: Tensor, x: Tensor) -> Tensor:
    """D(x), one number for each sample: (N,).

    For points a·tanh(Wx + b) + c; for images the sum over all places of a·tanh(W ∗ x + b), plus c.
    """
    h = torch.tanh(_hidden(W, b, x))
    return (h if W.ndim == 2 else h.sum(dim=(1, 2))) @ a + c


def slopes(W: Tensor, b: Tensor, a: Tensor, x: Tensor) -> Tensor:
    """∇D at each sample: x's shape."""
    rates = a * (1 - torch.tanh(_hidden(W, b, x)) ** 2)
    if W.ndim == 2:
        return rates @ W
    N, C, H, L = x.shape
    patches = rates.reshape(-1, a.shape[0]) @ W.reshape(-1, 4 * C)
    corners = patches.reshape(N, H - 1, L - 1, C, 4).permute(4, 0, 3, 1, 2)
    zeros = torch.zeros(N, C, H, L, dtype=torch.float64)
    total = zeros
    for k in range(4):  # each corner of a patch is an entry of the image, one row or column further or not
        i, j = divmod(k, 2)
        wide = torch.cat([zeros[:, :, 1:, :j], corners[k], zeros[:, :, 1:, : 1 - j]], dim=3)
        total = total + torch.cat([zeros[:, :, :i], wide, zeros[:, :, : 1 - i]], dim=2)
    return total


def squared_distance(real: Tensor, fake: Tensor) -> Tensor:
    """How far apart real and fake samples are: ()."""
    return ((real - fake) ** 2).sum()


def interpolates(real: Tensor, fake: Tensor, eps: Tensor) -> Tensor:
    """ε · real + (1 − ε) · fake, with one factor for each sample.  eps: (N,)."""
    factors = eps.reshape(-1, *(1,) * (real.ndim - 1))
    return factors * real + (1 - factors) * fake


def slope_penalty(W: Tensor, b: Tensor, a: Tensor, c: Tensor, x: Tensor) -> Tensor:
    """The mean over all samples of (‖∇D(x)‖ − 1)²: ().  c takes no part in ∇D."""
    g = slopes(W, b, a, x).reshape(x.shape[0], -1)
    return (((g * g).sum(dim=1) ** 0.5 - 1) ** 2).mean()


def critic_parts(
    W: Tensor, b: Tensor, a: Tensor, c: Tensor, real: Tensor, fake: Tensor, x_hat: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The mean of D at fake samples, at real ones, and the penalty: () each."""
    at_fake, at_real = outputs(W, b, a, c, fake).mean(), outputs(W, b, a, c, real).mean()
    return at_fake, at_real, slope_penalty(W, b, a, c, x_hat)


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


def judged(x: Tensor, critic: Function) -> Tensor:
    return critic(x)


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


def both_losses(theta: Tensor, train_loss: Function, val_loss: Function) -> tuple[Tensor, Tensor]:
    return train_loss(theta), val_loss(theta)
