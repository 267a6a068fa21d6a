"""Claims of unit 05, each with its opposite."""

import warnings

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import grad


def leaf(*shape):
    generator = torch.Generator().manual_seed(len(shape))
    return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()


def two_of(x):
    return torch.stack([x[0] * x[1], x[1] ** 2])


def test_05_a_weight_may_be_left_out_for_a_single_number_and_for_nothing_else():
    """05, first prediction and card: "for a single number the weight is 1 and may be left out"."""
    x = leaf(2)
    torch.testing.assert_close(grad(two_of(x)[0], x), grad(two_of(x)[0], x, torch.tensor(1.0).double()))
    grad(two_of(x)[:1], x)  # one entry, of shape (1,), counts as a single number
    with pytest.raises(RuntimeError, match="implicitly created only for scalar outputs"):
        grad(two_of(x), x)


def test_05_none_among_several_weights_stands_for_the_1_of_a_single_number():
    """05, several outputs: "If one of the outputs is a single number, its entry in grad_outputs may be None"."""
    x = leaf(2)
    v = torch.tensor([0.5, -2.0], dtype=torch.float64)
    (found,) = grad((x.prod(), two_of(x)), x, (None, v))
    torch.testing.assert_close(found, grad(x.prod() + v @ two_of(x), x)[0])
    with pytest.raises(RuntimeError, match="implicitly created only for scalar outputs"):
        grad((two_of(x), two_of(x)), x, (None, v))


def test_05_grad_outputs_are_not_broadcast():
    """05, "The weight has y's shape, exactly"."""
    x = leaf(2)
    for v in (torch.tensor(2.0), torch.ones(2, 1), torch.ones(1, 2)):
        with pytest.raises(RuntimeError, match="Mismatch in shape"):
            grad(two_of(x), x, v.double())
        assert (v * two_of(x)).numel() >= 2  # a product is


def test_05_what_goes_in_as_grad_outputs_is_taken_as_numbers_unless_a_graph_is_made():
    """05, "A weight that depends on x"."""
    x = leaf(2)
    v = torch.cos(x)
    (through,) = grad(two_of(x), x, v, retain_graph=True)
    (detached,) = grad(v.detach() @ two_of(x), x)
    (both,) = grad(v @ two_of(x), x, retain_graph=True)
    torch.testing.assert_close(through, detached)
    assert not torch.allclose(through, both)
    assert not through.requires_grad
    (made,) = grad(two_of(x), x, v, create_graph=True)
    assert grad(made.sum(), v)[0].abs().sum() > 0  # then it depends on the weight, too


def test_05_the_gradient_of_cross_entropy_at_the_logits_is_p_minus_one_hot_over_n():
    """05, "Softmax and cross-entropy"; the way through the softmax's Jacobian gives the same."""
    Z, t = leaf(4, 3), torch.tensor([2, 0, 1, 0])
    hot, p = F.one_hot(t, 3), torch.softmax(Z, dim=1).detach()
    (at_logits,) = grad(F.cross_entropy(Z, t), Z)
    torch.testing.assert_close(at_logits, (p - hot) / 4)
    S = torch.diag(p[0]) - torch.outer(p[0], p[0])
    torch.testing.assert_close(S.T @ (-hot[0] / p[0]), p[0] - hot[0])
    assert not torch.allclose(grad(F.cross_entropy(torch.softmax(Z, dim=1), t), Z)[0], at_logits)


def test_05_backward_from_the_logits_fills_the_grad_that_the_loss_fills():
    """05: "logits.backward(gradient=v) leaves the same .grad as loss.backward()"."""
    W, X, t = leaf(2, 3), torch.ones(4, 2).double(), torch.tensor([2, 0, 1, 0])
    F.cross_entropy(X @ W, t).backward()
    expected, W.grad = W.grad, None
    logits = X @ W
    logits.backward(gradient=(torch.softmax(logits, dim=1).detach() - F.one_hot(t, 3)) / 4)
    torch.testing.assert_close(W.grad, expected)
    logits = X @ W
    logits.backward(gradient=torch.softmax(logits, dim=1).detach() / 4)  # adds to it, and without the one-hot rows
    assert not torch.allclose(W.grad, 2 * expected)


def test_05_cross_entropy_stays_finite_where_the_probability_is_rounded_to_zero():
    """05: "log Σ e^z − z_t stays finite even where p_t is rounded to 0 and −log p_t becomes infinite"."""
    Z = torch.tensor([[1000.0, 0.0]], dtype=torch.float64)
    assert F.cross_entropy(Z, torch.tensor([1])) == 1000.0
    assert torch.isinf(-torch.log(torch.softmax(Z, dim=1)[0, 1]))


def test_05_a_gradient_of_softmax_with_ones_is_zero():
    """05, the argument with a neighbor."""
    z = leaf(3)
    s = torch.softmax(z, dim=0)
    assert grad(s, z, torch.ones_like(s), retain_graph=True)[0].abs().max() < 1e-12
    assert grad(s[0], z)[0].abs().min() > 1e-3


def test_05_the_adjoint_of_a_lookup_turns_the_gradient_at_the_rows_into_that_of_the_table():
    """05, "The adjoint": one row per token at X = E[ids], one per word at E; only the very X that was used has one."""
    E, ids = leaf(4, 2), torch.tensor([2, 0, 2, 1])
    X = E[ids]
    score = torch.sin(X.cumsum(dim=0)).sum()
    (at_rows,) = grad(score, X, retain_graph=True)
    (at_table,) = grad(score, E, retain_graph=True)
    torch.testing.assert_close(grad(X, E, at_rows, retain_graph=True)[0], at_table)
    assert not torch.allclose(at_table[ids][2], at_rows[2])
    with pytest.raises(RuntimeError, match="not have been used in the graph"):
        grad(score, E[ids])


def test_05_the_adjoint_is_what_moves_j_to_the_other_side_of_the_inner_product():
    """05: v·(Ju) = (Jᵀv)·u for all u and v."""
    x, u, v = leaf(2), torch.tensor([0.3, -2.0]).double(), torch.tensor([1.5, 0.7]).double()
    Ju = torch.func.jvp(two_of, (x.detach(),), (u,))[1]
    (Jtv,) = grad(two_of(x), x, v)
    torch.testing.assert_close(v @ Ju, Jtv @ u)
    assert not torch.isclose(v @ Ju, v @ u)


def test_05_a_mask_of_bools_is_taken_as_a_weight():
    """05.one_class: `labels == c` may go in as it is; PyTorch converts it without a warning."""
    x = leaf(2)
    mask = torch.tensor([True, False])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = grad(two_of(x), x, mask)
    torch.testing.assert_close(found, grad(two_of(x)[0], x)[0])
    with pytest.raises(TypeError):
        grad(two_of(x), x, [True, False])
