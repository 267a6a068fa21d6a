"""What lesson 07 says of torch.autograd.grad, backward, hooks and the lifetime of graphs, each with its opposite."""

from __future__ import annotations

import warnings
import weakref

import pytest
import torch
from torch import nn
from torch.autograd import grad
from torch.autograd.graph import get_gradient_edge, saved_tensors_hooks

F64 = {"dtype": torch.float64}


def _two() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([1.0, -2.0], requires_grad=True, **F64), torch.tensor([0.5, 3.0], requires_grad=True, **F64)


def test_a_dict_of_inputs_gives_a_dict_and_anything_else_a_tuple():
    """Row 1: since torch 2.13 the result is a dict with the keys of ``inputs``, if that is one; else it is a tuple."""
    a, b = _two()
    by_name = grad((a * b).sum(), {"first": a, "second": b})
    assert type(by_name) is dict
    assert list(by_name) == ["first", "second"]
    assert torch.equal(by_name["second"], a)
    assert type(grad((a * b).sum(), [a, b])) is tuple
    assert type(grad((a * b).sum(), a)) is tuple
    assert grad((a**2).sum(), {"a": a, "b": b}, allow_unused=True)["b"] is None
    assert not grad((a**2).sum(), {"a": a, "b": b}, materialize_grads=True)["b"].any()


def test_a_gradient_edge_stands_for_a_tensor_among_inputs_and_outputs():
    """Row 1: ``GradientEdge`` as input, without the tensor, and as output; a tensor that was copied does not do."""
    a, b = _two()
    h = a * b
    edge, copy = get_gradient_edge(h), h.clone()
    y = torch.sin(h).sum()
    del h
    torch.testing.assert_close(grad(y, edge, retain_graph=True)[0], torch.cos(a * b).detach())
    with pytest.raises(RuntimeError, match="not have been used"):
        grad(y, copy)
    v = torch.tensor([1.0, -0.5], **F64)
    assert torch.equal(grad(get_gradient_edge(a * b), a, v)[0], v * b)


def test_none_inside_grad_outputs_counts_as_1_for_a_number_only():
    """Row 1: None is the weight 1 of a single number; for a vector it is refused."""
    a, b = _two()
    v = torch.tensor([1.0, -0.5], **F64)
    assert torch.equal(grad((a.sum(), a * b), a, grad_outputs=(None, v))[0], 1 + v * b)
    with pytest.raises(RuntimeError, match="only for scalar outputs"):
        grad((a.sum(), a * b), a, grad_outputs=(None, None))


def test_only_inputs_is_ignored_and_warns_if_false():
    """``only_inputs=False`` warns and fills no ``.grad``; True does not warn."""
    a, b = _two()
    with pytest.warns(FutureWarning, match="only_inputs"):
        grad((a * b).sum(), a, only_inputs=False)
    assert b.grad is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        grad((a * b).sum(), a, only_inputs=True)


def test_saved_tensors_are_freed_operation_by_operation():
    """A backward pass frees what each operation saved as soon as it has gone through it; with retain_graph nothing."""
    for retain, expected in ((False, [4, 3, 1, 0]), (True, [4, 4, 4, 4])):
        kept, counts = [], []

        def pack(tensor, kept=kept):
            copy = tensor.detach()
            kept.append(weakref.ref(copy))
            return copy

        def count(*_, kept=kept, counts=counts):
            counts.append(sum(ref() is not None for ref in kept))

        x, w = (torch.tensor(value, requires_grad=True, **F64) for value in (0.5, 2.0))
        with saved_tensors_hooks(pack, lambda copy: copy):
            u = torch.sin(x)
            t = w * u
            y = t**2
        count()
        t.register_hook(count)
        u.register_hook(count)
        y.backward(retain_graph=retain)
        count()
        assert counts == expected


def test_a_carried_state_needs_a_cut_and_not_retain_graph():
    """Without a cut the second chunk is refused; retained, the optimizer's write is; cut, the loop runs."""

    def train(cut: bool, keep: bool) -> None:
        torch.manual_seed(0)
        cell = nn.Linear(5, 4, **F64)
        optimizer = torch.optim.SGD(cell.parameters(), lr=0.05)
        state = torch.zeros(4, **F64)
        for _ in range(2):
            state = state.detach() if cut else state
            for _ in range(3):
                state = torch.tanh(cell(torch.cat([torch.ones(1, **F64), state])))
            optimizer.zero_grad()
            state.sum().backward(retain_graph=keep)
            optimizer.step()

    with pytest.raises(RuntimeError, match="a second time"):
        train(cut=False, keep=False)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        train(cut=False, keep=True)
    train(cut=True, keep=False)


def test_a_write_through_a_view_or_detach_is_noticed_and_one_through_data_is_not():
    """Views and ``detach()`` share the version of their base; ``.data`` does not."""
    x = torch.tensor([1.2, -0.7, 0.4], requires_grad=True, **F64)
    for share in (lambda h: h[:2], lambda h: h.detach()):
        h = x * 1
        y = (h**2).sum()
        share(h).mul_(10)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            grad(y, x)
    h = x * 1
    y = (h**2).sum()
    h.data.zero_()
    assert not grad(y, x)[0].any()  # wrong, and silent
    h = x * 1
    y = (h + 1).sum()  # saves nothing
    h[:2].mul_(10)
    assert grad(y, x)[0].tolist() == [1, 1, 1]


def test_a_post_accumulate_hook_can_step_and_free_within_the_backward_pass():
    """``register_post_accumulate_grad_hook`` gets the leaf with its ``.grad``; a tensor that is no leaf is refused."""
    p = nn.Parameter(torch.ones(2, **F64))
    optimizer = torch.optim.SGD([p], lr=0.1)

    def step_at_once(leaf):
        optimizer.step()
        leaf.grad = None

    p.register_post_accumulate_grad_hook(step_at_once)
    (3 * p).sum().backward()
    assert p.grad is None
    assert torch.allclose(p.detach(), torch.full((2,), 0.7, **F64))
    with pytest.raises(RuntimeError, match="leaf"):
        (p * 1).register_post_accumulate_grad_hook(step_at_once)


def test_a_hook_acts_through_what_it_returns():
    """A hook that returns nothing changes nothing; another shape is refused."""
    x = torch.tensor([1.2, -0.7], requires_grad=True, **F64)
    for hook, expected in ((lambda g: 2 * g, 2), (lambda g: None, 1)):
        h = x * 1
        h.register_hook(hook)
        assert grad(h.sum(), x)[0].tolist() == [expected] * 2
    h = x * 1
    h.register_hook(lambda g: g.sum())
    with pytest.raises(RuntimeError, match="changed the size"):
        grad(h.sum(), x)


def test_create_graph_keeps_the_graph_unless_retain_graph_is_false():
    """``retain_graph=None`` means what ``create_graph`` says."""
    x = torch.tensor([1.2, -0.7], requires_grad=True, **F64)
    y = (x**2).sum()
    grad(y, x, create_graph=True)
    grad(y, x)
    with pytest.raises(RuntimeError, match="a second time"):
        grad(y, x)
