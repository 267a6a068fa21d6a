"""What lesson 08 claims of PyTorch."""

import gc
import warnings
import weakref

import pytest
import torch
from torch import nn
from torch.autograd import grad


def scalar(value=4.0):
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def test_create_graph_keeps_the_graph_of_y_unless_retain_graph_is_false():
    """08: retain_graph, left out, takes the value of create_graph; an explicit False frees the graph of y."""
    x = scalar()
    y = torch.exp(x)
    grad(y, x, create_graph=True)
    assert torch.equal(grad(y, x)[0], torch.exp(x))  # y's graph is there
    y = torch.exp(x)
    (slope,) = grad(y, x, create_graph=True, retain_graph=False)
    for freed in (y, slope):
        with pytest.raises(RuntimeError, match="a second time"):
            grad(freed, x)


def test_a_slope_that_needs_nothing_of_a_freed_graph_is_differentiated_all_the_same():
    """08, second reading: after retain_graph=False x³ still has a second derivative, and exp has none."""
    x = scalar()
    (slope,) = grad(x**3, x, create_graph=True, retain_graph=False)
    assert grad(slope, x)[0].item() == 24
    (slope,) = grad(torch.exp(x), x, create_graph=True, retain_graph=False)
    with pytest.raises(RuntimeError, match="a second time"):
        grad(slope, x)


def test_retain_graph_makes_no_graph_of_the_slope():
    """08: only create_graph records the pass back."""
    x = scalar()
    assert not grad(x**3, x, retain_graph=True)[0].requires_grad
    assert grad(x**3, x, create_graph=True)[0].requires_grad


def test_three_lines_have_slopes_in_three_situations():
    """08: no graph; a graph with x in it; a graph without x, where materialize_grads gives zeros."""
    x, w = scalar(), scalar(3.0)
    slopes = [grad(line, x, create_graph=True)[0] for line in (3 * x - 2, 3 * x**1 - 2, w * x - 2)]
    assert [slope.requires_grad for slope in slopes] == [False, True, True]
    with pytest.raises(RuntimeError, match="does not require grad"):
        grad(slopes[0], x)
    with pytest.raises(RuntimeError, match="not have been used"):
        grad(slopes[2], x)
    assert grad(slopes[1], x)[0].item() == 0
    assert grad(slopes[2], x, materialize_grads=True)[0].item() == 0


def test_a_hook_on_a_leaf_is_called_once_in_every_pass_that_arrives_there():
    """08: n + 1 passes for H, 2 for Hu, counted by a hook on z, also with autograd.grad."""
    z = torch.linspace(-1, 1, 5, dtype=torch.float64, requires_grad=True)
    arrived = []
    z.register_hook(arrived.append)
    (g,) = grad((z * z.roll(1) ** 2).sum(), z, create_graph=True)
    for entry in g:
        grad(entry, z, retain_graph=True)
    assert len(arrived) == 6
    grad(g, z, torch.ones_like(z))
    assert len(arrived) == 7


def penalized(create_graph, retain_graph=None, shared=False, penalty=0.1):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    X = torch.linspace(-2, 2, 8, dtype=torch.float64)[:, None].requires_grad_()
    out = model(X)
    (g,) = grad((out if shared else model(X)).sum(), X, create_graph=create_graph, retain_graph=retain_graph)
    loss = (out - 1).square().mean() + penalty * g.square().mean()
    loss.backward()
    return model[0].weight.grad


def test_a_penalty_on_a_gradient_without_a_graph_is_a_constant_and_no_error_says_so():
    """08: without create_graph the training is that without a penalty."""
    assert torch.equal(penalized(False), penalized(True, penalty=0))
    assert not torch.allclose(penalized(True), penalized(True, penalty=0))


def test_with_one_call_of_the_model_the_missing_create_graph_is_an_error_and_retain_graph_hides_it():
    """08: "a second time"; retain_graph=True leads back to the constant, create_graph=True helps."""
    with pytest.raises(RuntimeError, match="a second time"):
        penalized(False, shared=True)
    assert torch.allclose(penalized(False, retain_graph=True, shared=True), penalized(True, penalty=0))
    assert torch.allclose(penalized(True, shared=True), penalized(True))


def test_second_derivatives_of_a_relu_network_are_zero_and_of_tanh_are_not():
    """08: autograd's second derivative of a ReLU network is 0, without an error."""
    x = scalar(0.6)
    for act, zero in ((torch.relu, True), (torch.tanh, False)):
        (g,) = grad(
            (act(x * torch.tensor([1.0, -0.5, 2.0], dtype=torch.float64) + 0.3) ** 1).sum(), x, create_graph=True
        )
        (h,) = grad(g, x, materialize_grads=True)
        assert (h.item() == 0) is zero


def after(differentiate):
    def leave():
        x = scalar()
        differentiate(x**3, x)
        return weakref.ref(x)

    watch = leave()
    gc.collect()
    return watch() is None


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_backward_with_create_graph_leaks_and_grad_does_not():
    """08: x.grad's graph holds x and x holds x.grad; setting it to None breaks the cycle."""

    def reset(y, x):
        y.backward(create_graph=True)
        x.grad = None

    assert not after(lambda y, x: y.backward(create_graph=True))
    assert after(lambda y, x: grad(y, x, create_graph=True))
    assert after(reset)


def test_backward_accumulates_into_a_gradient_that_has_a_graph():
    """08: 48 + 24 = 72; with .grad set to None in between, 24; zero_() overwrites the derivative itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x = scalar()
        (x**3).backward(create_graph=True)
        x.grad.backward()
        assert x.grad.item() == 72
        x = scalar()
        (x**3).backward(create_graph=True)
        g, x.grad = x.grad, None
        g.backward()
        assert x.grad.item() == 24
        x = scalar()
        (x**3).backward(create_graph=True)
        g = x.grad
        x.grad.zero_()
        assert g.item() == 0


def test_a_gradient_hung_on_x_by_nothing_has_the_derivative_zero():
    """08, second reading: slope + 0 * x has right values and the derivative 0 instead of 24."""
    x = scalar()
    (slope,) = grad(x**3, x)
    assert grad(slope + 0 * x, x)[0].item() == 0
    assert grad(grad(x**3, x, create_graph=True)[0] + 0 * x, x)[0].item() == 24
