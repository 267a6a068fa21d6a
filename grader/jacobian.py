"""The Jacobian of a small map, by three roads that share no differentiation code.

The judge takes forward mode, students mostly take reverse mode, and central differences
take neither; the tests hold the three together.  Everything is float64, and every tensor is
flattened in row-major order here and nowhere else: for outputs y with m entries in all and
an input x with n entries, ``J[i, j] = ∂y_i/∂x_j`` is an array of shape (m, n).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

Inputs = Mapping[str, Tensor]
Function = Callable[..., Tensor | tuple[Tensor, ...]]


def as_tuple(outputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The outputs as a tuple, whether the map returned one tensor or several."""
    return outputs if isinstance(outputs, tuple) else (outputs,)


def flatten(outputs: Tensor | tuple[Tensor, ...]) -> Tensor:
    """All entries of all outputs, in order and row-major: shape (m,)."""
    return torch.cat([y.reshape(-1) for y in as_tuple(outputs)])


def forward_mode(f: Function, inputs: Inputs) -> dict[str, np.ndarray]:
    """``{name: J}``, each J of shape (m, n), one column per forward-mode pass.

    One ``jvp`` a column rather than ``torch.func.jacfwd``, because the latter's ``vmap`` refuses
    maps whose loops or branches look at values.  Where an operator has no forward rule the
    Jacobian is built by rows in reverse mode instead.
    """
    jacobians = {}
    for name, x in inputs.items():

        def by_one(z: Tensor, name: str = name) -> Tensor:
            return flatten(f(*{**inputs, name: z}.values()))

        columns = []
        for basis in torch.eye(x.numel(), dtype=x.dtype):
            try:
                _, column = torch.func.jvp(by_one, (x,), (basis.reshape(x.shape),))
            except NotImplementedError:
                return reverse_mode(f, inputs)
            columns.append(column)
        jacobians[name] = torch.stack(columns, dim=1).detach().numpy()
    return jacobians


def reverse_mode(f: Function, inputs: Inputs) -> dict[str, np.ndarray]:
    """``{name: J}``, each J of shape (m, n), one row per reverse-mode pass."""
    leaves = {name: x.detach().clone().requires_grad_() for name, x in inputs.items()}
    y = flatten(f(*leaves.values()))
    rows = [
        torch.autograd.grad(
            entry, list(leaves.values()), retain_graph=True, allow_unused=True, materialize_grads=True
        )
        for entry in y
    ]
    return {
        name: torch.stack([row[k].reshape(-1) for row in rows]).detach().numpy()
        for k, name in enumerate(leaves)
    }


def central_differences(
    f: Function, inputs: Inputs, step: float = 2.0**-17
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """``{name: (J, bound)}`` by ``(f(x + h) - f(x - h)) / 2h``; both of shape (m, n).

    The truncation error of step h is ``h²/6 · f‴`` to leading order, so the values at h and 2h
    differ by three times the error at h: that difference bounds it with a factor of three to
    spare.  The rounding error is at most a few units in the last place of f, divided by h; 64
    units allow for the rounding inside f.  (Dennis and Schnabel, *Numerical Methods for
    Unconstrained Optimization*, section 5.6.)
    """
    eps = float(np.finfo(np.float64).eps)
    result = {}
    with torch.no_grad():
        for name, x in inputs.items():

            def at(z: Tensor, name: str = name) -> np.ndarray:
                return flatten(f(*{**inputs, name: z}.values())).numpy()

            columns, bounds = [], []
            for basis in torch.eye(x.numel(), dtype=x.dtype):
                e = basis.reshape(x.shape)
                plus, minus = at(x + step * e), at(x - step * e)
                near = (plus - minus) / (2 * step)
                far = (at(x + 2 * step * e) - at(x - 2 * step * e)) / (4 * step)
                rounding = 64 * eps * (1 + np.maximum(np.abs(plus), np.abs(minus))) / step
                columns.append(near)
                bounds.append(np.abs(far - near) + rounding)
            result[name] = np.stack(columns, axis=1), np.stack(bounds, axis=1)
    return result
