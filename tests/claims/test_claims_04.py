"""What unit 04 says of PyTorch, and what it says no longer: each claim with its opposite."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd import grad
from torch.utils.flop_counter import FlopCounterMode

from grader import lesson


def _square(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[2], torch.sin(x[0]) + x[1], x[1] * x[2] - x[0] ** 2])


def _wide(x: Tensor) -> Tensor:
    return torch.stack([x[0] * x[3] + torch.sin(x[1]), x[2] ** 2 - x[0] * x[1]])


def _filled(f, x: Tensor, outputs_first: bool, into_rows: bool) -> Tensor:
    y = f(x)
    J = torch.zeros((len(y), len(x)) if outputs_first else (len(x), len(y)), dtype=x.dtype)
    for i in range(len(y)):
        (gradient,) = grad(y[i], x, retain_graph=True)
        if into_rows:
            J[i] = gradient
        else:
            J[:, i] = gradient
    return J


@pytest.mark.parametrize(("outputs_first", "into_rows"), [(True, False), (False, True)])
def test_mending_one_line_of_the_transposed_loop_raises_only_where_m_is_not_n(outputs_first, into_rows):
    """Row 5 (4.5): half mended, the loop raises for m ≠ n; for m = n it returns numbers in silence."""
    x = torch.tensor([0.5, -1.0, 2.0, 0.3], dtype=torch.float64, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"expand|size"):
        _filled(_wide, x, outputs_first, into_rows)
    z = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64, requires_grad=True)
    J = torch.func.jacrev(_square)(z)
    half = _filled(_square, z, outputs_first, into_rows)
    # For m = n the two shapes are the same: the place that is written to decides alone.
    assert torch.allclose(half, J) == into_rows
    assert torch.allclose(half, J.T) == (not into_rows)


def test_weights_are_spoken_of_in_the_note_and_not_in_the_message():
    """Row 6: PyTorch's message for several outputs does not mention weights; the note below it does."""
    x = torch.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError) as raised:
        grad(_square(x), x)
    assert "weight" not in str(raised.value)
    assert "weight" in str(lesson.met_error(lambda: grad(_square(x), x)))


def _saved(run) -> int:
    sizes = []

    def pack(tensor: Tensor) -> Tensor:
        sizes.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda kept: kept):
        run()
    return sum(sizes)


def test_reverse_mode_saves_more_for_a_longer_computation_and_forward_mode_saves_nothing():
    """Row 8: where m and n are close the passes are, too, but reverse mode stores intermediates: 50 per step."""

    def waves(z: Tensor, steps: int) -> Tensor:
        for _ in range(steps):
            z = torch.sin(z)
        return z

    start = torch.linspace(-1, 1, 50)
    leaf = start.clone().requires_grad_()
    for steps in (2, 20):
        assert _saved(lambda: grad(waves(leaf, steps)[0], leaf)) >= 50 * steps  # noqa: B023
        assert _saved(lambda: torch.func.jvp(lambda z: waves(z, steps), (start,), (start,))) == 0  # noqa: B023


def _multiplications(run) -> int:
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() // 2


def test_the_order_of_three_factors_changes_the_cost_and_not_the_product():
    """(C·B)·A and C·(B·A) are equal and take m·l·k + m·k·n and l·k·n + m·l·n multiplications."""
    n, k, l, m = 8, 5, 6, 1
    A, B, C = (torch.randn(*s, dtype=torch.float64) for s in ((k, n), (l, k), (m, l)))
    assert torch.allclose((C @ B) @ A, C @ (B @ A))
    assert _multiplications(lambda: (C @ B) @ A) == m * l * k + m * k * n == 70
    assert _multiplications(lambda: C @ (B @ A)) == l * k * n + m * l * n == 288


def test_the_sizes_in_between_decide_where_m_is_n():
    """With as many inputs as outputs neither order is always the cheaper one."""
    for k, l, left, right in ((2, 3, 56, 72), (3, 2, 72, 56)):
        A, B, C = torch.ones(k, 4), torch.ones(l, k), torch.ones(4, l)
        assert _multiplications(lambda: (C @ B) @ A) == left  # noqa: B023
        assert _multiplications(lambda: C @ (B @ A)) == right  # noqa: B023


def test_multi_dot_takes_the_cheapest_order_neither_left_nor_right():
    """Second reading: with a waist of width 2, multi_dot takes (D·C)·(B·A)."""
    D, C, B, A = (torch.ones(*s, dtype=torch.float64) for s in ((30, 20), (20, 2), (2, 20), (20, 30)))
    assert _multiplications(lambda: torch.linalg.multi_dot([D, C, B, A])) == 4200
    assert _multiplications(lambda: ((D @ C) @ B) @ A) == 20400
    assert _multiplications(lambda: D @ (C @ (B @ A))) == 20400
    assert _multiplications(lambda: (D @ C) @ (B @ A)) == 4200


def test_backward_carries_one_row_and_multiplies_it_by_the_next_jacobian():
    """In a training step each intermediate gradient is a row; times the layer's weight it is the next one."""
    torch.manual_seed(0)
    first, second = torch.nn.Linear(8, 6).double(), torch.nn.Linear(6, 4).double()
    h = first(torch.randn(8, dtype=torch.float64))
    y = second(h)
    for value in (h, y):
        value.retain_grad()
    y.square().sum().backward()
    assert (h.grad.shape, y.grad.shape) == ((6,), (4,))
    assert torch.allclose(y.grad @ second.weight, h.grad)
    assert second.weight.T.shape != second.weight.shape  # x @ W would need the transpose


def test_jvp_takes_a_function_and_not_its_value():
    """``torch.func.jvp(f, (x,), (u,))`` returns f(x) and Ju; given f(x) in place of f it raises."""
    x, u = torch.tensor([0.5, -1.0, 2.0]), torch.tensor([1.0, 0.0, 0.0])
    value, column = torch.func.jvp(_square, (x,), (u,))
    assert torch.allclose(value, _square(x))
    assert torch.allclose(column, torch.func.jacrev(_square)(x)[:, 0])
    with pytest.raises(TypeError):
        torch.func.jvp(_square(x), (x,), (u,))
