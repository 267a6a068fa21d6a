"""What lesson 06 says, as tests: each claim beside its opposite."""

import warnings

import pytest
import torch
from torch import nn

float64 = {"dtype": torch.float64}


def test_the_differential_of_an_inverse_has_one_factor_on_each_side():
    """d(X⁻¹) = −X⁻¹ dX X⁻¹: it is not −X⁻² dX, and not the inverse of dX."""
    X = torch.tensor([[2.0, 1.0], [-1.0, 3.0]], **float64)
    E = torch.tensor([[0.5, -1.0], [2.0, 1.0]], **float64)
    inv = torch.linalg.inv
    _, moved = torch.func.jvp(inv, (X,), (E,))
    assert torch.allclose(moved, -inv(X) @ E @ inv(X))
    assert not torch.allclose(moved, -inv(X) @ inv(X) @ E)
    assert not torch.allclose(moved, inv(E))


def test_reshape_never_reorders_axes():
    """`reshape` keeps the entries in row-major order; `permute` and a transpose change it."""
    D = torch.arange(24.0).reshape(2, 2, 2, 3)
    J = D.reshape(4, 6)
    assert torch.equal(D.reshape(6, 4).flatten(), D.flatten())
    assert not torch.equal(D.reshape(6, 4), J.T)
    assert torch.equal(D.permute(2, 3, 0, 1).reshape(6, 4), J.T)


@pytest.mark.parametrize("weight", [torch.ones(2, 1), torch.tensor(2.0), torch.ones(3)])
def test_grad_outputs_is_never_broadcast(weight):
    """A column, a single number or x's shape is refused as the weight of a matrix; the stretched column is not."""
    x = torch.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        torch.autograd.grad(torch.outer(x[:2], x[1:]), x, grad_outputs=weight)
    (g,) = torch.autograd.grad(torch.outer(x[:2], x[1:]), x, grad_outputs=torch.ones(2, 1).expand(2, 2))
    assert g.shape == x.shape


def _warned(loss, Y, t):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loss(Y, t)
    return any("target size" in str(warning.message) for warning in caught)


def test_a_subtraction_broadcasts_silently_where_mse_loss_warns():
    """(N, 1) − (N,) is (N, N) without a warning; `nn.MSELoss` warns of these shapes, and not of equal ones."""
    Y, t = torch.zeros(4, 1), torch.zeros(4)
    assert (Y - t).shape == (4, 4)
    assert not _warned(lambda Y, t: ((Y - t) ** 2).mean(), Y, t)
    assert _warned(nn.MSELoss(), Y, t)
    assert not _warned(nn.MSELoss(), Y, t.reshape(4, 1))


def test_linear_keeps_its_weight_transposed():
    """For `nn.Linear` the gradient of the weight is VᵀX, not XᵀV, and that of the bias the column sums of V."""
    layer, X, V = nn.Linear(3, 3, **float64), torch.randn(5, 3, **float64), torch.randn(5, 3, **float64)
    layer(X).backward(V)
    assert torch.allclose(layer.weight.grad, V.T @ X)
    assert not torch.allclose(layer.weight.grad, X.T @ V)
    assert torch.allclose(layer.bias.grad, V.sum(dim=0))


def test_conv1d_does_not_reverse_the_kernel():
    """`conv1d` computes Σ w_j x_{i+j}; with the kernel reversed the values differ."""
    x, w = torch.randn(6, **float64), torch.randn(3, **float64)
    y = torch.nn.functional.conv1d(x[None], w[None, None])[0]
    assert torch.allclose(y, x.unfold(0, 3, 1) @ w)
    assert not torch.allclose(y, x.unfold(0, 3, 1) @ w.flip(0))
