"""The functions of unit 05: several outputs."""

from __future__ import annotations

import torch
from torch import Tensor


def pair(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[1], x[1] ** 2 + torch.sin(x[2])])


def swirl(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[1], torch.sin(x[1]) + 2 * x[2], x[2] * x[0] - x[1] ** 2])


def fan(x: Tensor) -> Tensor:
    return torch.stack([x[0] ** 2, x[0] * x[1], torch.sin(x[1]), x[0] - 3 * x[1]])


def fold(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[1] - x[4], torch.tanh(x[2]) + x[3] * x[0], x[3] ** 2 + x[1] * x[4]])


def grid(x: Tensor) -> Tensor:
    return torch.outer(torch.stack([x[0], x[1] * x[2]]), x) + x**2


def ledger(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[2], x[1] ** 2, x[2] - x[0]]).reshape(3, 1) * torch.stack([x[1], x[0]])


def two_heads(x: Tensor) -> tuple[Tensor, Tensor]:
    return torch.stack([x[0] * x[1], torch.sin(x[2])]), torch.stack([x[2] ** 2, x[0] - x[1] * x[2]])


def head_and_tail(x: Tensor) -> tuple[Tensor, Tensor]:
    return torch.stack([x[0] ** 2, x[1] * x[0], x[3]]), torch.stack([x[2] * x[3], torch.cos(x[0]), x[1]])


def layer(A: Tensor, x: Tensor) -> Tensor:
    return torch.sin(A @ x)


def gated(A: Tensor, x: Tensor) -> Tensor:
    return (A @ x) * x[: A.shape[0]] ** 2


def three_weights(x: Tensor) -> Tensor:
    """A weight that depends on x, for functions with three outputs."""
    return torch.stack([torch.cos(x[0]), x[-1] ** 2 + 0.5, -x.sum()])


def mixed_rows(X: Tensor) -> Tensor:
    return X @ X.T[:, :2] + X[:, :2] ** 2


# --- a batch: one loss for each sample or one row of logits for each sample


def squared_losses(w: Tensor, X: Tensor, t: Tensor) -> Tensor:
    """w: (n,), X: (N, n), t: (N,).  Returns (N,)."""
    return (X @ w - t) ** 2


def soft_losses(w: Tensor, X: Tensor, t: Tensor) -> Tensor:
    """w: (n,), X: (N, n), t: (N,).  Returns (N,)."""
    return torch.log(1 + torch.exp(t - X @ w))


def linear_logits(W: Tensor, X: Tensor) -> Tensor:
    """W: (k, C), X: (N, k).  Returns (N, C)."""
    return X @ W


def bounded_logits(W: Tensor, X: Tensor) -> Tensor:
    """W: (k, C), X: (N, k).  Returns (N, C)."""
    return 3 * torch.tanh(X @ W)


# --- a text


def text_head(X: Tensor) -> Tensor:
    """Logits from the rows of a text's tokens, with their places taken into account.  X: (T, d).  Returns (3,)."""
    t = torch.arange(1, len(X) + 1, dtype=X.dtype)
    u = torch.tanh(X.sum(dim=1))
    return torch.stack([torch.cos(t) @ u, torch.sin(t) @ (X**2).sum(dim=1), (u[:-1] * u[1:]).sum() + t @ X[:, 0]])
