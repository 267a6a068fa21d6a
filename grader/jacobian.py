"""The Jacobian of a small function, by several methods that share no differentiation code.

The judge uses forward mode, in numpy or, for operators without a rule there, in torch.  Students mostly use reverse
mode, central differences use neither, and the tests check that they all agree.  Everything is float64.  Tensors are
flattened only here and in ``dual``, in row-major order: for outputs y with m entries in all and an input x with n
entries, ``J[i, j] = ∂y_i/∂x_j`` is an array of shape (m, n).

A ``Function`` takes the values of ``Inputs`` by position and returns a tensor or a tuple of tensors.
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
    """The outputs of a function as a tuple, whether it returned a tensor or a tuple of tensors."""
    return outputs if isinstance(outputs, tuple) else (outputs,)


def flatten(outputs: Tensor | tuple[Tensor, ...]) -> Tensor:
    """All entries of all outputs in one vector, row-major: shape (m,)."""
    flat = [y.reshape(-1) for y in as_tuple(outputs)]
    return flat[0] if len(flat) == 1 else torch.cat(flat)


def forward_mode(f: Function, inputs: Inputs) -> dict[str, np.ndarray]:
    """``{name: J}``, each J of shape (m, n), by forward mode.

    Uses ``dual``, in one pass, if it has rules for all operators in f, else ``by_columns``.  Raises what f raises.
    """
    try:
        return dual.jacobians(f, inputs)
    except Exception:  # f may fail on Duals in any way; if it also fails on tensors, by_columns raises
        return by_columns(f, inputs)


def by_columns(f: Function, inputs: Inputs) -> dict[str, np.ndarray]:
    """``{name: J}``, each J of shape (m, n), by torch's forward mode, one pass per column.

    It uses dual tensors, one column at a time, rather than ``torch.func.jacfwd``, whose ``vmap`` refuses functions
    with loops or branches that depend on values.  If an operator has no forward-mode rule, the Jacobians come from
    ``reverse_mode`` instead.  Raises what f raises.
    """
    jacobians = {}
    try:
        with torch.inference_mode(False):  # tensors made in inference mode carry no tangent; their clones do
            inputs = {name: x.clone() for name, x in inputs.items()}
            for name, x in inputs.items():
                columns = []
                with forward_ad.dual_level():
                    for basis in torch.eye(x.numel(), dtype=x.dtype).reshape(-1, *x.shape):
                        y = flatten(f(*{**inputs, name: forward_ad.make_dual(x, basis)}.values()))
                        column = forward_ad.unpack_dual(y).tangent
                        columns.append(torch.zeros_like(y) if column is None else column)
                    jacobians[name] = torch.stack(columns, dim=1).detach().numpy()
    except (NotImplementedError, RuntimeError):  # RuntimeError: an autograd.Function without setup_context
        return reverse_mode(f, inputs)
    return jacobians


def hessian(f: Callable[[Tensor], Tensor], x: Tensor) -> np.ndarray:
    """The Hessian of a scalar function at x, a tensor with n entries: (n, n), by forward mode over forward mode.

    Students use reverse over reverse or forward over reverse, so no code is shared with their answers.
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
    """The derivative of f of this order at x, both scalars of shape (), by nested forward mode.  Order 0 is f(x)."""
    if order == 0:
        return float(f(x).detach())

    def slope(z: Tensor) -> Tensor:
        return torch.func.jvp(f, (z,), (torch.ones_like(z),))[1]

    return derivative(slope, x, order - 1)


def reverse_mode(f: Function, inputs: Inputs) -> dict[str, np.ndarray]:
    """``{name: J}``, each J of shape (m, n), by reverse mode, one pass per row."""
    leaves = {name: x.detach().clone().requires_grad_() for name, x in inputs.items()}
    with torch.enable_grad():  # even if the caller has switched it off
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
    """``{name: (J, bound)}``: J by ``(f(x + h) - f(x - h)) / 2h``, and a bound on its error; both of shape (m, n).

    step: h.  The truncation error at step h is ``h²/6 · f‴`` to leading order, so the results for h and 2h differ by
    three times the error at h: their difference bounds it with a factor of three to spare.  The rounding error is at
    most a few units in the last place of f, divided by h; 64 units allow for the rounding inside f.  (Dennis and
    Schnabel, *Numerical Methods for Unconstrained Optimization*, section 5.6.)
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
