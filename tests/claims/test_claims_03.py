"""What unit 03 says of torch.  Each claim is asserted, and beside it its opposite."""

import pytest
import torch
from torch.autograd import grad

F64 = {"dtype": torch.float64}


def _at_kink(fn):
    """PyTorch's derivative of a function of one number at 0."""
    x = torch.tensor(0.0, requires_grad=True, **F64)
    return grad(fn(x), x)[0].item()


def test_abs_and_relu_take_the_shortest_subgradient_and_clamp_does_not():
    """At a kink of a convex function PyTorch's note promises the subgradient of minimum norm; clamp returns 1."""
    assert _at_kink(torch.abs) == 0
    assert _at_kink(torch.relu) == 0
    assert _at_kink(lambda x: x.clamp(min=0)) == 1


def test_maximum_keeps_the_rule_in_both_arguments_and_breaks_it_in_one():
    """torch.maximum shares the slope: ½ as a function of x alone, (½, ½), the shortest, as a function of both."""
    assert _at_kink(lambda x: torch.maximum(x, torch.zeros_like(x))) == 0.5
    x = torch.zeros(2, requires_grad=True, **F64)
    (pair,) = grad(torch.maximum(x[0], x[1]), x)
    lengths = [torch.tensor([t, 1 - t], **F64).norm() for t in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert pair.tolist() == [0.5, 0.5]
    assert torch.isclose(pair.norm(), min(lengths))


def test_the_norm_returns_zero_at_its_tip_and_the_root_of_squares_nan():
    """vector_norm returns 0 at the origin; √Σx² returns nan."""
    x = torch.zeros(3, requires_grad=True, **F64)
    assert grad(torch.linalg.vector_norm(x), x)[0].tolist() == [0, 0, 0]
    assert grad((x**2).sum().sqrt(), x)[0].isnan().all()


def test_a_repeated_index_adds_gradients_and_an_assignment_keeps_one():
    """The gradients of rows looked up twice add; ``G[idx] += rows`` keeps only one of them."""
    E, idx = torch.ones(4, 2, requires_grad=True, **F64), torch.tensor([2, 0, 2])
    C = torch.tensor([[1, 2], [5, 5], [10, 20]], **F64)
    (g,) = grad((C * E[idx]).sum(), E)
    assert g.tolist() == [[5, 5], [0, 0], [11, 22], [0, 0]]
    assert torch.equal(g, torch.zeros(4, 2, **F64).index_add_(0, idx, C))
    overwritten = torch.zeros(4, 2, **F64)
    overwritten[idx] += C
    assert overwritten[2].tolist() in ([1, 2], [10, 20])


def test_the_differential_does_not_depend_on_units_and_the_gradient_does():
    """In centimeters the gradient is another arrow; the differential of the same motion is the same number."""
    x, dx, units = (torch.tensor(v, **F64) for v in ([1.0, -0.5], [0.3, 0.2], [1.0, 100.0]))

    def f(x):
        return x[0] ** 2 + x[0] * x[1] + 2 * x[1] ** 2

    old, new = x.clone().requires_grad_(), (units * x).requires_grad_()
    (g,), (h,) = grad(f(old), old), grad(f(new / units), new)
    assert torch.isclose(g @ dx, h @ (units * dx))
    assert not torch.isclose(torch.cosine_similarity(g, h / units, dim=0), torch.ones((), **F64))


def test_a_slice_taken_after_f_is_refused_and_one_taken_before_is_not():
    """A slice taken after f was computed is a tensor that f never saw."""
    w = torch.tensor([1.0, -2.0, 0.5, 3.0], requires_grad=True, **F64)
    with pytest.raises(RuntimeError, match="not have been used"):
        grad((w**2).sum(), w[2:])
    assert grad((w**2).sum(), w[2:], allow_unused=True) == (None,)
    part = w[2:]
    assert grad((torch.cat([w[:2], part]) ** 2).sum(), part)[0].tolist() == [1, 6]


def test_log_of_sum_of_exp_is_nan_for_large_entries_and_logsumexp_is_not():
    """exp(1002) overflows float64, and 0·∞ is nan on the way back."""
    z = torch.tensor([1002.0, 1001.0], requires_grad=True, **F64)
    assert grad(torch.log(torch.exp(z).sum()), z)[0].isnan().all()
    assert torch.allclose(grad(torch.logsumexp(z, 0), z)[0], torch.softmax(z.detach(), 0))


def test_sgd_takes_the_step_of_gradient_descent_and_no_other():
    """optimizer.step() of plain SGD replaces p by p − lr·p.grad."""
    model = torch.nn.Linear(3, 2, **F64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = [p.detach().clone() for p in model.parameters()]
    (model(torch.tensor([1.0, 0.0, -2.0], **F64)) ** 2).sum().backward()
    optimizer.step()
    for p, old in zip(model.parameters(), before, strict=True):
        assert p.grad.shape == p.shape
        assert torch.allclose(p, old - 0.1 * p.grad)
        assert not torch.allclose(p, old + 0.1 * p.grad)
