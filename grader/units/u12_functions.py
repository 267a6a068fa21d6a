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
    h = torch.tanh(z)
    return (h + s * (torch.sin(z) - h)) @ a


class Network(nn.Module):
    """``output`` as a module: u(x), u(x, t) or u(X), with a tensor of N rows for each argument.  Returns (N, 1)."""

    def __init__(self, W: Tensor, b: Tensor, a: Tensor, s: Tensor) -> None:
        super().__init__()
        # A Parameter is registered itself, not a copy, so that its gradient and its trained value can be read from it.
        self.W, self.b, self.a = (p if isinstance(p, nn.Parameter) else nn.Parameter(p) for p in (W, b, a))
        self.register_buffer("s", s)

    def forward(self, *columns: Tensor) -> Tensor:
        if any(not isinstance(z, Tensor) or z.ndim != 2 or len(z) != len(columns[0]) for z in columns):
            got = ", ".join(str(tuple(z.shape)) if isinstance(z, Tensor) else type(z).__name__ for z in columns)
            raise ValueError(f"u takes tensors with a point in each row, of shape (N, 1), and was called with {got}")
        return output(self.W, self.b, self.a, self.get_buffer("s"), *columns)


def ansatz(W: Tensor, b: Tensor, a: Tensor, s: Tensor) -> nn.Module:
    return Network(W, b, a, s)


# Each of these makes a function from the last tensor made before it; the other tensors are the network's.


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


# --- the heat equation

CONDUCTIVITY = 0.1


def heat_residual(u: Callable[[Tensor, Tensor], Tensor], x: Tensor, t: Tensor) -> Tensor:
    """u_t − 0.1 u_xx at the points (x, t), (N, 1) each, which must require a gradient.  Returns (N, 1)."""
    y = u(x, t)
    u_x, u_t = torch.autograd.grad(y, (x, t), torch.ones_like(y), create_graph=True)
    (u_xx,) = torch.autograd.grad(u_x, x, torch.ones_like(u_x), create_graph=True)
    return u_t - CONDUCTIVITY * u_xx


# --- −u″ = f with two boundary values

MOST_CALLS = 3000  # of a network in training
MOST_SOLVES = 500  # of a solver in the search for a coefficient


class Budget:
    """Counts calls, and raises TimeoutError when there are too many."""

    def __init__(self, name: str, most: int) -> None:
        self.name, self.most, self.count = name, most, 0

    def spend(self) -> None:
        self.count += 1
        if self.count > self.most:
            raise TimeoutError(f"the budget is spent: {self.name} may be called {self.most} times")


class TrainedNetwork(Network):
    """A Network that may be called ``MOST_CALLS`` times."""

    def __init__(self, W: Tensor, b: Tensor, a: Tensor, s: Tensor) -> None:
        super().__init__(W, b, a, s)
        self.budget = Budget("u", MOST_CALLS)

    def forward(self, *columns: Tensor) -> Tensor:
        self.budget.spend()
        return super().forward(*columns)


def trainable(W: Tensor, b: Tensor, a: Tensor, s: Tensor) -> nn.Module:
    return TrainedNetwork(W, b, a, s)


def rod_source(*made: Tensor) -> Callable[[Tensor], Tensor]:
    """f(x) = c₀c₁² sin(c₁x) − 6c₂x − c₃e^x.  c: (4,)."""
    c = made[-1].detach().clone()
    return lambda x: c[0] * c[1] ** 2 * torch.sin(c[1] * x) - 6 * c[2] * x - c[3] * torch.exp(x)


# --- a differential equation with an unknown coefficient

STEPS, EVERY = 20, 4


def course(c: Tensor, k: Tensor) -> Tensor:
    """y at five times, where y′ = k(c₁ − y)y or, if c₂ is 0, y′ = k(c₁ − y); by 20 explicit steps from y(0) = c₀.

    c: (4,), and c₃ is the time at the end.  k: ().  Returns (5,).
    """
    y, seen = c[0], []
    for n in range(STEPS):
        y = y + c[3] / STEPS * k * (c[1] - y) * (1 + c[2] * (y - 1))
        if n % EVERY == EVERY - 1:
            seen.append(y)
    return torch.stack(seen)


def solver(*made: Tensor) -> Callable[[Tensor], Tensor]:
    """solve(k), which may be called ``MOST_SOLVES`` times."""
    c, budget = made[-1].detach(), Budget("solve", MOST_SOLVES)

    def solve(k: Tensor) -> Tensor:
        budget.spend()
        return course(c, k)

    return solve
