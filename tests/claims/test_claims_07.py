"""What unit 07 says of torch.  Each claim is asserted, and beside it its opposite."""

import warnings
import weakref

import pytest
import torch
from torch.autograd import grad
from torch.autograd.graph import get_gradient_edge, register_multi_grad_hook, saved_tensors_hooks

F64 = {"dtype": torch.float64}
AGAIN = "backward through the graph a second time"


def _leaf(*numbers):
    return torch.tensor(numbers, requires_grad=True, **F64)


def test_grad_returns_a_dict_for_a_dict_of_inputs_and_else_a_tuple():
    """Since 2.13 ``inputs`` may be a dict, and the result is a dict with the same keys; otherwise it is a tuple."""
    x, w = _leaf(1.2, -0.7), _leaf(2.0, 1.0)
    found = grad((x * w).sum(), {"x": x, "w": w})
    assert type(found) is dict
    assert list(found) == ["x", "w"]
    assert torch.equal(found["x"], w)
    assert torch.equal(found["w"], x)
    assert type(grad((x * w).sum(), [x, w])) is tuple
    assert type(grad((x * w).sum(), x)) is tuple


def test_a_gradient_edge_may_stand_for_an_input_and_for_an_output():
    """A GradientEdge stands for a tensor and does not keep it alive; a copy of the tensor has no place in the graph."""
    x = _leaf(1.2, -0.7)
    h = x**2
    edge, alive = get_gradient_edge(h), weakref.ref(h)
    y = (3 * h).sum()
    other = h.detach().requires_grad_()
    del h
    assert alive() is None
    assert grad(y, edge)[0].tolist() == [3, 3]
    h = x**2
    assert torch.equal(grad(get_gradient_edge(h), x, grad_outputs=torch.ones(2, **F64))[0], 2 * x)
    with pytest.raises(RuntimeError, match="not have been used"):
        grad((3 * x**2).sum(), other)


def test_none_in_grad_outputs_stands_for_the_weight_of_a_single_number_only():
    """None is 1 for an output that is a single number; for any other output it is refused."""
    x = _leaf(1.2, -0.7)
    ones = torch.ones(2, **F64)
    (mixed,) = grad((x.sum(), x * x), x, grad_outputs=(None, ones))
    assert torch.equal(mixed, 1 + 2 * x)
    with pytest.raises(RuntimeError, match="only for scalar outputs"):
        grad((x.sum(), x * x), x, grad_outputs=(torch.tensor(1.0, **F64), None))


def test_only_inputs_is_ignored_with_a_warning():
    """``only_inputs=False`` warns and fills no ``.grad``; True does not warn."""
    a, b = _leaf(1.0), _leaf(2.0)
    with pytest.warns(FutureWarning, match="deprecated and is ignored"):
        (asked,) = grad((a * b).sum(), a, only_inputs=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (plain,) = grad((a * b).sum(), a, only_inputs=True)
    assert torch.equal(asked, plain)
    assert a.grad is None
    assert b.grad is None


def test_an_operation_saves_what_its_derivative_needs():
    """sin saves its input, exp its result, a sum nothing; x * w saves w alone where w requires no gradient."""

    def saved(operation, *tensors):
        places = []
        with saved_tensors_hooks(lambda t: places.append(t.data_ptr()) or t, lambda t: t):
            result = operation(*tensors)
        names = {t.data_ptr(): k for k, t in enumerate((*tensors, result))}
        return [names[place] for place in places]

    x, w = _leaf(1.2, -0.7), torch.tensor([2.0, 1.0], **F64)
    assert saved(torch.sin, x) == [0]
    assert saved(torch.exp, x) == [1]
    assert saved(torch.sum, x) == []
    assert saved(torch.mul, x, w) == [1]
    assert saved(torch.mul, x, _leaf(2.0, 1.0)) != [1]


def test_a_plain_number_is_saved_outside_the_hooks():
    """2 * x saves no tensor, and yet a second pass is refused; through x + 2 it is not."""
    x, saved = _leaf(1.2, -0.7), []
    with saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        twice, plus = (2 * x).sum(), (x + 2).sum()
    assert saved == []
    grad(twice, x), grad(plus, x)
    with pytest.raises(RuntimeError, match=AGAIN):
        grad(twice, x)
    assert grad(plus, x)[0].tolist() == [1, 1]


def test_each_node_frees_its_saved_tensors_as_soon_as_the_pass_has_gone_through_it():
    """At t the square has freed, and the product has not; with ``retain_graph=True`` all still hold afterwards."""

    def run(retain):
        x, w = _leaf(0.5), _leaf(2.0)
        u = torch.sin(x)
        t = w * u
        y = t**2
        nodes, seen = (u.grad_fn, t.grad_fn, y.grad_fn), []

        def holding():
            held = []
            for node in nodes:
                try:
                    held.append(node._saved_self is not None)
                except RuntimeError:
                    held.append(False)
            return held

        t.register_hook(lambda g: seen.append(holding()))
        u.register_hook(lambda g: seen.append(holding()))
        y.sum().backward(retain_graph=retain)
        return [*seen, holding()]

    assert run(False) == [[True, True, False], [True, False, False], [False, False, False]]
    assert run(True) == [[True, True, True]] * 3


def test_a_refused_call_frees_the_graph_as_well():
    """After the error for an unused input the graph is freed; after a call that was right and retained it is not."""
    a, b = _leaf(2.0), _leaf(1.0)
    y = (a**2).sum()
    grad(y, (a, b), allow_unused=True, retain_graph=True)
    with pytest.raises(RuntimeError, match="not have been used"):
        grad(y, (a, b))
    with pytest.raises(RuntimeError, match=AGAIN):
        grad(y, a)


def test_stopping_at_h_leaves_the_trunk_alone():
    """grad(p, h) does not free what lies between x and h; grad(p, x) does."""
    x = _leaf(1.2, -0.7)
    h = x**2
    p, q = (h**2).sum(), (h**3).sum()
    (at_h,) = grad(p, h)
    grad(h, x, at_h, retain_graph=True)
    grad(q, x)
    with pytest.raises(RuntimeError, match=AGAIN):
        grad(h, x, at_h)


def test_unused_is_an_error_none_or_zeros():
    """By default an error, None with allow_unused, zeros with materialize_grads, also where 0·b has a path."""
    a, b = _leaf(2.0), torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="not have been used"):
        grad((a**2).sum(), (a, b))
    assert grad((a**2).sum(), (a, b), allow_unused=True)[1] is None
    zeros = grad((a**2).sum(), (a, b), materialize_grads=True)[1]
    assert zeros.shape == b.shape
    assert zeros.dtype == b.dtype
    assert not zeros.any()
    path = grad((a**2).sum() + 0 * b.sum(), (a, b), allow_unused=True)[1]
    assert path is not None
    assert not path.any()


def test_exchanged_output_and_input_pass_in_silence_if_the_alarm_is_off():
    """grad(s, s**2) is an error; allow_unused answers None, materialize_grads 0."""
    s = _leaf(3.0)
    with pytest.raises(RuntimeError, match="not have been used"):
        grad(s, s**2, torch.ones(1, **F64))
    assert grad(s.sum(), s**2, allow_unused=True) == (None,)
    assert grad(s.sum(), s**2, materialize_grads=True)[0].tolist() == [0]


def test_backward_fills_what_inputs_names_even_in_the_middle():
    """``inputs=`` names what is filled; without it the leaves are filled, and a tensor in the middle is not."""
    a, b = _leaf(1.0), _leaf(2.0)
    h = a * b
    (h**2).sum().backward(inputs=(h, a))
    assert h.grad.tolist() == [4]
    assert a.grad.tolist() == [8]
    assert b.grad is None
    h = a * b
    (h**2).sum().backward()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert h.grad is None
    assert b.grad is not None


def test_an_optimizer_skips_none_and_weight_decay_moves_zeros():
    """SGD with weight decay leaves a parameter without gradient alone, and moves one whose gradient is zero."""
    b = _leaf(0.5, 3.0)
    optimizer = torch.optim.SGD([b], lr=0.1, weight_decay=0.5)
    optimizer.step()
    assert b.tolist() == [0.5, 3.0]
    b.grad = torch.zeros_like(b)
    optimizer.step()
    assert b.tolist() != [0.5, 3.0]


def test_backward_with_create_graph_warns_of_a_reference_cycle():
    """``create_graph=True`` leaves a graph in ``.grad``, and PyTorch warns; without it there is neither."""
    a = _leaf(1.0)
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)  # otherwise only the first test of a process would see it
    try:
        with pytest.warns(UserWarning, match="reference cycle"):
            (a**3).sum().backward(create_graph=True)
    finally:
        torch.set_warn_always(always)
    assert a.grad.requires_grad
    a.grad = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (a**3).sum().backward()
    assert not a.grad.requires_grad


def test_a_hook_acts_by_what_it_returns_and_sees_the_gradient_complete():
    """Without a return the gradient passes unchanged; a hook is called once, with all branches added up."""
    x, seen = _leaf(1.2, -0.7), []
    h = 2 * x
    h.register_hook(seen.append)
    (plain,) = grad((3 * h).sum() + (4 * h).sum(), x)
    assert len(seen) == 1
    assert seen[0].tolist() == [7, 7]
    assert plain.tolist() == [14, 14]
    h = 2 * x
    h.register_hook(lambda g: g.clamp(-1, 1))
    assert grad((3 * h).sum(), x)[0].tolist() == [2, 2]


def _two_chunks(cut, retain, stepping):
    torch.manual_seed(0)
    cell, h = torch.nn.RNNCell(1, 4), torch.zeros(4)
    optimizer = torch.optim.SGD(cell.parameters(), lr=0.1)
    for _ in range(2):
        h = h.detach() if cut else h
        for x in torch.ones(3, 1):
            h = cell(x, h)
        optimizer.zero_grad()
        (h**2).sum().backward(retain_graph=retain)
        if stepping:
            optimizer.step()


def test_a_state_that_is_carried_over_must_be_detached():
    """Carried over with its graph it is refused; retaining helps only until a step overwrites the weights."""
    _two_chunks(cut=True, retain=False, stepping=True)
    with pytest.raises(RuntimeError, match=AGAIN):
        _two_chunks(cut=False, retain=False, stepping=True)
    _two_chunks(cut=False, retain=True, stepping=False)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        _two_chunks(cut=False, retain=True, stepping=True)


def test_detach_returns_another_tensor():
    """``h.detach()`` leaves h as it was."""
    h = _leaf(1.0) * 2
    h.detach()
    assert h.grad_fn is not None
    assert h.detach().grad_fn is None


def test_a_post_accumulate_hook_belongs_on_a_leaf_and_follows_backward_only():
    """It is called after backward has filled ``.grad``, not by grad; on any other tensor it is refused."""
    x, seen = _leaf(1.0), []
    x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.item()))
    grad((x**2).sum(), x)
    assert seen == []
    (x**2).sum().backward()
    assert seen == [2]
    with pytest.raises(RuntimeError, match="leaf"):
        (x * 2).register_post_accumulate_grad_hook(print)


def test_a_multi_grad_hook_is_called_once_with_none_where_there_is_no_gradient():
    """It receives one gradient for each tensor, and what it returns is ignored."""
    a, b, c, seen = _leaf(1.0), _leaf(2.0), _leaf(3.0), []
    handle = register_multi_grad_hook((a, b, c), lambda found: seen.append(list(found)) or [None])
    (a * b).sum().backward()
    assert len(seen) == 1
    assert seen[0][0].tolist() == [2]
    assert seen[0][2] is None
    assert a.grad.tolist() == [2]
    handle.remove()
    (a * b).sum().backward()
    assert len(seen) == 1


def test_a_write_into_a_view_gives_the_base_a_graph_and_the_other_way_round():
    """After ``row.copy_(a²)`` the table has CopySlices; after a write into the table, the row another node."""
    a = _leaf(1.0, -2.0)
    table = torch.zeros(2, 2, **F64)
    assert table.grad_fn is None
    table[0].copy_(a**2)
    assert type(table.grad_fn).__name__ == "CopySlices"
    assert torch.equal(grad(table.sum(), a)[0], 2 * a)
    table = torch.outer(a, a)
    row = table[0]
    before = row.grad_fn
    assert row.grad_fn is before
    table.mul_(2)
    assert row.grad_fn is not before
    assert grad(row.sum(), a)[0].tolist() == [4 * 1 + 2 * -2, 2 * 1]
    table = torch.outer(a, a)
    table[0] = 0
    assert grad(table[0].sum(), a)[0].tolist() == [0, 0]


def test_a_view_of_a_leaf_is_written_under_no_grad_only():
    """Writing into a view of a leaf that requires a gradient raises an error, except under no_grad."""
    a = _leaf(1.0, -2.0)
    with pytest.raises(RuntimeError, match="view of a leaf"):
        a[:1].mul_(2)
    with torch.no_grad():
        a[:1].mul_(2)
    assert a.tolist() == [2, -2]
