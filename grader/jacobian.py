"""The Jacobian of a small map, by roads that share no differentiation code.

The judge takes forward mode, in numpy or, for what has no rule there, in torch; students mostly take reverse mode, and
central differences take neither; the tests hold them together.  Everything is float64, and every tensor is
flattened in row-major order, here and in ``dual`` and nowhere else: for outputs y with m entries in all and
an input x with n entries, ``J[i, j] = ∂y_i/∂x_j`` is an array of shape (m, n).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

from grader import dual

Inputs = Mapping[str, Tensor]
Function = Callable[..., Tensor | tuple[Tensor, ...]]


def as_tuple(outputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The outputs as a tuple, whether the map returned one tensor or several."""
    return outputs if isinstance(outputs, tuple) else (outputs,)


def flatten(outputs: Tensor | tuple[Tensor, ...]) -> Tensor:
    """All entries of all outputs, in order and row-major: shape (m,)."""
    flat = [y.reshape(-1) for y in as_tuple(outputs)]
    return flat[0] if len(flat) == 1 else torch.cat(flat)


def forward_mode(f: Function, inputs: Inputs) -> dict[str, np.ndarray]:
    """``{name: J}``, each J of shape (m, n): with all columns at once in numpy, where ``dual`` has the rules for it.

    Else ``by_columns``.  Raises what the map itself raises.
    """
    try:
        return dual.jacobians(f, inputs)
    except Exception:  # whatever a map does with what is no tensor; what it does with tensors is told below
        return by_columns(f, inputs)


def by_columns(f: Function, inputs: Inputs) -> dict[str, np.ndarray]:
    """``{name: J}``, each J of shape (m, n), one column per forward-mode pass of torch.

    Dual numbers, a column at a time, rather than ``torch.func.jacfwd``, because the latter's ``vmap`` refuses
    maps whose loops or branches look at values.  Where an operator has no forward rule the
    Jacobian is built by rows in reverse mode instead.
    """
    jacobians = {}
    try:
        with torch.inference_mode(False):  # the caller's may have made the inputs, and such tensors carry no tangent
            inputs = {name: x.clone() for name, x in inputs.items()}
            for name, x in inputs.items():
                columns = []
                with forward_ad.dual_level():
                    for basis in torch.eye(x.numel(), dtype=x.dtype).reshape(-1, *x.shape):
                        y = flatten(f(*{**inputs, name: forward_ad.make_dual(x, basis)}.values()))
                        column = forward_ad.unpack_dual(y).tangent
                        columns.append(torch.zeros_like(y) if column is None else column)
                    jacobians[name] = torch.stack(columns, dim=1).detach().numpy()
    except (NotImplementedError, RuntimeError):  # the latter for a Function without setup_context
        return reverse_mode(f, inputs)
    return jacobians


def hessian(f: Callable[[Tensor], Tensor], x: Tensor) -> np.ndarray:
    """The Hessian of a map from x to one number, of shape (n, n): forward mode over forward mode.

    Students go by reverse mode twice, or forward over reverse; neither is taken here.
    """
    basis = [e.reshape(x.shape) for e in torch.eye(x.numel(), dtype=x.dtype)]
    H = np.empty((len(basis), len(basis)))
    for i, e in enumerate(basis):

        def along(z: Tensor, e: Tensor = e) -> Tensor:
            return torch.func.jvp(f, (z,), (e,))[1]

        for j, d in enumerate(basis[: i + 1]):
            H[i, j] = H[j, i] = float(torch.func.jvp(along, (x,), (d,))[1])
    return H


def derivative(f: Callable[[Tensor], Tensor], x: Tensor, order: int) -> float:
    """The derivative of this order of a map from one number to one number, by nested forward mode."""
    if order == 0:
        return float(f(x).detach())

    def slope(z: Tensor) -> Tensor:
        return torch.func.jvp(f, (z,), (torch.ones_like(z),))[1]

    return derivative(slope, x, order - 1)


def reverse_mode(f: Function, inputs: Inputs) -> dict[str, np.ndarray]:
    """``{name: J}``, each J of shape (m, n), one row per reverse-mode pass."""
    leaves = {name: x.detach().clone().requires_grad_() for name, x in inputs.items()}
    with torch.enable_grad():  # whatever the caller has switched off
        rows = [
            torch.autograd.grad(
                entry, list(leaves.values()), retain_graph=True, allow_unused=True, materialize_grads=True
            )
            for entry in flatten(f(*leaves.values()))
        ]
    return {name: torch.stack([row[k].reshape(-1) for row in rows]).detach().numpy() for k, name in enumerate(leaves)}


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
