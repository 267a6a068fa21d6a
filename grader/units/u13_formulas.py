"""The formulas of unit 13: its critics in plain operations, with ∇D by hand, and the functions whose J is computed.

They are the answers: none is handed to students, and this module never reaches a student's process.
"""

from __future__ import annotations

import torch
from torch import Tensor

from grader.units.u13_functions import Function


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


def judged(x: Tensor, critic: Function) -> Tensor:
    return critic(x)


def both_losses(theta: Tensor, train_loss: Function, val_loss: Function) -> tuple[Tensor, Tensor]:
    return train_loss(theta), val_loss(theta)
