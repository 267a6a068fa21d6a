"""What unit 01 and the cards say of torch.  Each claim is asserted, and beside it its opposite."""

import pytest
import torch
from torch.autograd import grad

F64 = {"dtype": torch.float64}


def leaf(value):
    return torch.tensor(value, requires_grad=True, **F64)


def test_grad_returns_a_tuple_as_long_as_inputs_and_a_dict_for_a_dict():
    """Row 1: a tuple, even for one input; unless inputs is a dict (since torch 2.13)."""
    x, w = leaf(2.0), leaf(3.0)
    alone, pair = grad(x * w, x), grad(x * w, [x, w])
    assert type(alone) is tuple
    assert len(alone) == 1
    assert type(pair) is tuple
    assert [g.item() for g in pair] == [3, 2]
    named = grad(x * w, {"x": x, "w": w})
    assert type(named) is dict
    assert {name: g.item() for name, g in named.items()} == {"x": 3, "w": 2}


def test_zero_grad_belongs_to_optimizers_and_modules_and_not_to_tensors():
    """Row 9: nn.Module has zero_grad, and no step; an optimizer has both, a tensor neither."""
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    assert callable(model.zero_grad)
    assert not hasattr(model, "step")
    assert callable(optimizer.zero_grad)
    assert callable(optimizer.step)
    assert not hasattr(leaf(1.0), "zero_grad")
    model(torch.ones(1, 2)).sum().backward()
    assert model.weight.grad is not None
    model.zero_grad()
    assert model.weight.grad is None


def test_only_what_was_declared_before_it_was_used_can_be_differentiated_with_respect_to():
    """A declaration after the computation comes too late; whole numbers cannot be declared."""
    x = torch.tensor(2.0, **F64)
    y = x**2
    x.requires_grad_()
    with pytest.raises(RuntimeError, match="does not require grad"):
        grad(y, x)
    assert grad(x**2, x)[0] == 4
    with pytest.raises(RuntimeError, match="floating point"):
        torch.tensor(3, requires_grad=True)


def test_autograd_differentiates_the_branch_that_was_taken():
    """A condition may look at a plain number; what the result is computed from may not."""

    def halved(x, cut=False):
        while x.item() > 2:
            x = (x / 2).detach() if cut else x / 2
        return x**2 if x > 1 else 3 * x

    assert [grad(halved(x), x)[0].item() for x in (leaf(0.8), leaf(1.5), leaf(5.0))] == [3, 3, 0.625]
    x = leaf(5.0)
    with pytest.raises(RuntimeError, match="does not require grad"):
        grad(halved(x, cut=True), x)


def test_a_float64_step_of_1e_17_moves_nothing_and_1e_5_is_good_to_ten_digits():
    """x + 1e-17 is x; the central difference with h = 1e-5 is off by less than 1e-10, the one-sided one by more."""
    x, h = torch.tensor(0.5, **F64), 1e-5
    assert x + 1e-17 == x

    def f(x):
        return x + torch.sin(2 * x)

    exact = 1 + 2 * torch.cos(2 * x)
    assert abs((f(x + h) - f(x - h)) / (2 * h) - exact) < 1e-10
    assert abs((f(x + h) - f(x)) / h - exact) > 1e-10
