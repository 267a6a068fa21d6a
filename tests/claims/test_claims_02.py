"""What lesson 02 says about PyTorch, as tests: each claim beside its opposite."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

float64 = {"dtype": torch.float64}


def _leaf():
    return torch.tensor(2.0, requires_grad=True, **float64)


def _warnings_of(line: str, times: int = 2) -> int:
    """How many warnings ``times`` runs of a line make in a fresh process that shows them all."""
    code = (
        "import math, torch, warnings; warnings.simplefilter('always'); "
        f"y = 2 * torch.tensor(1.5, requires_grad=True); [{line} for _ in range({times})]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stderr.count("UserWarning")


def test_item_tolist_and_f_strings_cut_silently():
    """`.item()`, `.tolist()` and f-strings take values out of the graph without a warning or an error."""
    assert _warnings_of("(y.item(), y.tolist(), f'{y:.2f}')") == 0
    assert _warnings_of("float(y)") == 1  # the opposite


@pytest.mark.parametrize("line", ["float(y)", "math.sin(y)", "torch.tensor([y])"])
def test_float_math_and_a_list_in_torch_tensor_warn_once_per_process(line):
    """`float(y)`, `math.sin(y)` and `torch.tensor([y])` warn, once per process; for a detached y they do not."""
    assert _warnings_of(line) == 1
    assert _warnings_of(line.replace("y", "y.detach()")) == 0


def test_torch_tensor_of_a_tensor_warns_of_something_else():
    """`torch.tensor(y)` warns as well, each time, but of the copy: a detached y makes it warn just so."""
    for line in ("torch.tensor(y)", "torch.tensor(y.detach())"):
        assert _warnings_of(line) == 2
    assert _warnings_of("y.detach().clone()") == 0


def test_int_and_bool_are_silent():
    """`int(y)` and `bool(y)` cut silently, unlike `float(y)`."""
    assert _warnings_of("(int(y), bool(y))") == 0
    assert _warnings_of("float(y)") == 1


@pytest.mark.parametrize("convert", [lambda y: y.numpy(), np.asarray, np.sin])
def test_numpy_raises(convert):
    """`.numpy()`, `np.asarray` and `np.sin` raise for a tensor that requires a gradient, and not for a detached one."""
    y = 2 * _leaf()
    with pytest.raises(RuntimeError, match="Can't call numpy"):
        convert(y)
    assert np.isfinite(convert(y.detach()))


def test_requires_grad_false_acts_on_recorded_graphs():
    """After `x.requires_grad_(False)`, `backward` through an old graph leaves x.grad None, and `grad` raises."""
    x, w = _leaf(), _leaf()
    y = x * w
    x.requires_grad_(False)
    with pytest.raises(RuntimeError, match="does not require grad"):
        torch.autograd.grad(y, x, retain_graph=True)
    y.backward()
    assert x.grad is None
    assert w.grad == 2.0
    x.requires_grad_(True)  # the opposite: declared again, the very same kind of graph reaches it
    (x * w).backward()
    assert x.grad == 2.0


def test_eval_does_not_stop_recording():
    """`model.eval()` changes dropout and leaves recording on; `no_grad` stops recording and leaves dropout on."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 50), torch.nn.Dropout(0.5))
    x = torch.ones(3)
    model.eval()
    assert model(x).requires_grad
    assert torch.equal(model(x), model(x))
    model.train()
    with torch.no_grad():
        first, second = model(x), model(x)
    assert not first.requires_grad
    assert not torch.equal(first, second)


def test_optimizer_skips_none_and_moves_by_weight_decay_where_zeros_lie():
    """A parameter whose .grad is None is left alone; with zeros in .grad, weight decay still moves it."""
    p, q = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([p, q], lr=0.1, weight_decay=0.5)
    q.grad = torch.zeros(2)
    optimizer.step()
    assert torch.equal(p, torch.ones(2))
    assert torch.equal(q.detach(), torch.full((2,), 0.95))


def test_momentum_moves_a_parameter_whose_gradient_is_zero():
    """With momentum, a parameter moves on under a gradient of zeros, and stays under None."""
    for cleared, moves in ((torch.zeros(1), True), (None, False)):
        p = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([p], lr=0.1, momentum=0.9)
        p.grad = torch.ones(1)
        optimizer.step()
        before = p.detach().clone()
        p.grad = cleared
        optimizer.step()
        assert bool((p != before).any()) == moves


def test_a_frozen_parameter_with_an_old_gradient_is_still_moved():
    """An optimizer moves what has a .grad, also a parameter frozen afterwards; after `p.grad = None` it does not."""
    p = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([p], lr=0.1)
    p.sum().backward()
    p.requires_grad_(False)
    optimizer.step()
    assert p.item() != 1
    before = p.item()
    p.grad = None
    optimizer.step()
    assert p.item() == before


def test_modules_register_parameters_and_not_plain_tensors():
    """A tensor that is an attribute of a module is a parameter only if it is an nn.Parameter."""

    class Scale(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.plain = torch.ones(2, requires_grad=True)
            self.registered = torch.nn.Parameter(torch.ones(2))

    assert [name for name, _ in Scale().named_parameters()] == ["registered"]
    assert torch.nn.Parameter(torch.ones(2)).requires_grad
    assert torch.nn.Parameter(torch.ones(2)).is_leaf


def test_module_requires_grad_takes_all_parameters():
    """`module.requires_grad_(False)` freezes every parameter; `module.requires_grad = False` freezes none."""
    layer = torch.nn.Linear(2, 2)
    layer.requires_grad = False
    assert all(p.requires_grad for p in layer.parameters())
    layer.requires_grad_(False)
    assert not any(p.requires_grad for p in layer.parameters())


def test_gradient_passes_through_frozen_layers():
    """Freezing a later layer does not cut: earlier ones get their gradients; no_grad around it cuts."""
    first, second = torch.nn.Linear(2, 3), torch.nn.Linear(3, 1)
    second.requires_grad_(False)
    second(first(torch.ones(2))).sum().backward()
    assert first.weight.grad is not None
    assert second.weight.grad is None
    h = first(torch.ones(2))
    with torch.no_grad():
        y = second(h)
    assert not y.requires_grad


def test_inference_tensors_cannot_be_saved():
    """A tensor from inference mode cannot be saved for backward; one from no_grad can."""
    x = _leaf()
    with torch.inference_mode():
        k = torch.exp(x)
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved"):
        x * k
    assert (x + k).requires_grad
    with torch.no_grad():
        k = torch.exp(x)
    assert (x * k).requires_grad


def test_float_formatting_and_math_agree():
    """`math.sin(y)` has the value of `torch.sin(y)`, and no graph."""
    y = _leaf()
    assert math.sin(y.item()) == pytest.approx(torch.sin(y).item())
    assert torch.sin(y).requires_grad
