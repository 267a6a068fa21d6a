"""The functions of unit 02: accumulation, cut branches, forbidden operations."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def loss_today(x: Tensor) -> Tensor:
    return x[0] * x[1] ** 2


def loss_tomorrow(x: Tensor) -> Tensor:
    return x[0] ** 2 + 4 * x[1]


def loss_of_both_days(x: Tensor) -> Tensor:
    return loss_today(x) + loss_tomorrow(x)


def bowl(x: Tensor) -> Tensor:
    return (x**2).sum() + x[0] * x[1]


def twist(x: Tensor) -> Tensor:
    return torch.sin(x[0]) * x[-1] + x[1] ** 2


def well(x: Tensor) -> Tensor:
    return torch.exp(x / 3).sum() - x[0] * x[-1]


def one_after_the_other(
    x: Tensor, first: Callable[[Tensor], Tensor], second: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    return first(x), second(x)


def ahead(x: Tensor) -> Tensor:
    return torch.stack([x[2] ** 2, x[0] - x[1]])


def further_ahead(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[3], torch.cos(x[1]), x[4] ** 2])


def turned(x: Tensor) -> Tensor:
    return x.flip(0) * x[0]


def squared_distance(
    x: Tensor, t: Tensor, predict: Callable[[Tensor], Tensor], target: Callable[[Tensor], Tensor]
) -> Tensor:
    """The squared distance between predict(x) and a target t, which the caller computes as target(x)."""
    return ((predict(x) - t) ** 2).sum()


def last_half(h: Tensor, inner: Callable[[Tensor], Tensor], outer: Callable[[Tensor], Tensor]) -> Tensor:
    """outer(h), where h = inner(x) was computed by the caller."""
    return outer(h)


def gained(A: Tensor, x: Tensor, gain: float) -> Tensor:
    return ((gain * torch.tanh(A @ x)) ** 2).sum()


def miss(w: Tensor, row: Tensor, t: Tensor) -> Tensor:
    return (torch.tanh(row @ w) - t) ** 2


def mean_miss(w: Tensor, X: Tensor, t: Tensor) -> Tensor:
    return ((torch.tanh(X @ w) - t) ** 2).mean()


def shares(A: Tensor, x: Tensor, c: Tensor) -> Tensor:
    h = torch.sigmoid(A @ x)
    return (c * (h / h.sum())).sum()


def loss_of_rows(w: Tensor, X: Tensor, t: Tensor, most: int) -> Tensor:
    """mean_miss, but with memory for at most ``most`` rows at once, like a device; more raise MemoryError."""
    if len(X) > most:
        raise MemoryError(f"{len(X)} rows at once, and there is room for {most}")
    return mean_miss(w, X, t)


def mean_over_rows(
    w: Tensor, X: Tensor, t: Tensor, loss: Callable[[Tensor, Tensor, Tensor], Tensor], size: int
) -> Tensor:
    return torch.stack([loss(w, row, one) for row, one in zip(X.split(1), t.split(1), strict=True)]).mean()
