"""Forward mode in numpy agrees with torch's, rule by rule; operators without a rule are known, and left to torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grader import dual, jacobian
from grader.dual import Unruled

from support import ALL, sample

TIGHT = 1e-12
SHAPES = {"x": (3,), "A": (2, 3), "s": (), "B": (3, 1)}

# One map or more for each rule, and for each way to call it.
RULED = {
    "sum and difference": lambda x, A, s, B: (1 - x) + A - s + B[0] - (A - 2) * 2,
    "a constant that is larger": lambda x, A, s, B: s + torch.ones(2, 2, dtype=torch.float64) - x[:1],
    "product": lambda x, A, s, B: x * A * B[0] * s * 3,
    "product of other ranks": lambda x, A, s, B: x * B + s * x,
    "constants on the left": lambda x, A, s, B: torch.tensor([[2.0], [3.0]], dtype=torch.float64) * x,
    "a tensor plus": lambda x, A, s, B: torch.ones(3).double() + x,
    "a constant minus, a constant by": lambda x, A, s, B: torch.ones(3).double() - x / torch.full((3,), 2.0).double(),
    "quotient": lambda x, A, s, B: (1 / (x**2 + 1)) + A / (s**2 + 2) + torch.ones(3).double() / (x**2 + 3),
    "powers": lambda x, A, s, B: x**2 + x**3 + (x**2 + 1) ** 0.5 + (A**2 + 1) ** -1.5 + x**1 + x**0,
    "matrix by vector": lambda x, A, s, B: A @ x,
    "vector by matrix": lambda x, A, s, B: A[:, 0] @ A + x @ B,
    "matrix by matrix": lambda x, A, s, B: (A @ B).T @ A,
    "vector by vector": lambda x, A, s, B: x @ x,
    "constants in a product of matrices": lambda x, A, s, B: (
        torch.arange(6).double().reshape(2, 3) @ x + A @ torch.arange(3).double()
    ),
    "entries, rows, slices": lambda x, A, s, B: x[0] * x[-1] + A[1] * A[:, 2:] + x[None, :1] + A[..., :1] + x[None],
    "for each row": lambda x, A, s, B: sum(row * row for row in A) * len(A),
    "transposed": lambda x, A, s, B: A.T * x[:, None],
    "functions": lambda x, A, s, B: torch.sin(x) + torch.cos(x) * torch.exp(s) + torch.tanh(A) - 2 * x.sin(),
    "more functions": lambda x, A, s, B: torch.log(x**2 + 1) + torch.sigmoid(A) + torch.relu(x) + torch.neg(-x),
    "functions with a branch": lambda x, A, s, B: torch.abs(x) + A.abs() + x.maximum(A) * torch.maximum(s, B[0]),
    "rows of a table": lambda x, A, s, B: B[[2, 0, 2]] * x[[1, 1, 0]],
    "sums along an axis": lambda x, A, s, B: A.sum(axis=0) + A.sum(axis=1)[0] + A.sum(axis=1)[1],
    "sums": lambda x, A, s, B: A.sum() + A.sum(dim=0)[0] + A.sum(1)[0] + A.sum(dim=(0, 1)) + A.sum(-1, keepdim=True),
    "means": lambda x, A, s, B: A.mean() + A.mean(dim=1)[0] + torch.mean(x) + A.mean(0, keepdim=True),
    "other shapes": lambda x, A, s, B: A.reshape(3, 2) @ A + (A.reshape(-1)[:3] * B.reshape((3,)))[:, None],
    "joined": lambda x, A, s, B: torch.stack([x, 2 * x, torch.ones(3).double()], dim=1) * torch.cat([A, A[:1]]).T,
    "permuted": lambda x, A, s, B: A[None].permute(2, 0, 1) * 2,
    "outer": lambda x, A, s, B: torch.outer(x, A[0]),
    "softmax": lambda x, A, s, B: torch.softmax(40 * x, dim=0) + torch.softmax(A, dim=1) + torch.softmax(A, 0)[0],
    "logsumexp": lambda x, A, s, B: torch.logsumexp(300 * x, dim=0) + torch.logsumexp(A, dim=1),
    "ones": lambda x, A, s, B: torch.ones_like(x) * x,
    "a branch on values": lambda x, A, s, B: x * 2 if s > 0 and x[0] != 5 and not s <= 0 else x * 3,
    "several outputs, one constant": lambda x, A, s, B: (x * s, torch.ones(2, dtype=torch.float64), A.sum()),
    "nothing but a constant": lambda x, A, s, B: torch.ones(2, dtype=torch.float64),
}


def inputs(seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in SHAPES.items()}


def apart(f, given) -> float:
    """How far the two roads are apart, relative to the largest entry."""
    ours, theirs = dual.jacobians(f, given), jacobian.by_columns(f, given)
    assert {name: J.shape for name, J in ours.items()} == {name: J.shape for name, J in theirs.items()}
    largest = max(float(np.abs(J).max()) for J in theirs.values()) or 1.0
    return max(float(np.abs(ours[name] - theirs[name]).max()) for name in ours) / largest


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", RULED)
def test_a_rule_gives_what_torch_gives(name, seed):
    assert apart(RULED[name], inputs(seed)) <= TIGHT


SPOILED = {
    "sin": "functions",
    "sum": "sums",
    "stack": "joined",
    "mul": "constants on the left",
    "log": "logsumexp",
}


@pytest.mark.parametrize("rule", SPOILED)
def test_a_spoiled_rule_is_seen(rule, monkeypatch):
    for table in (dual.RULES, dual.METHODS):
        if rule in table:
            right = table[rule]

            def spoiled(*arguments, right=right, **named):
                found = right(*arguments, **named)
                return dual.Dual(found.value, found.tangent * (1 + 1e-6))

            monkeypatch.setitem(table, rule, spoiled)
    assert apart(RULED[SPOILED[rule]], inputs()) > TIGHT


UNRULED = {
    "a function without a rule": lambda x: torch.cumsum(x, dim=0),
    "a method without a rule": lambda x: x.prod(),
    "an index that is a tensor": lambda x: x[torch.tensor([0, 0])],
    "an exponent that moves": lambda x: (x**2 + 1) ** x,
    "a batch of matrices": lambda x: torch.ones(2, 3, 3).double() @ x,
    "a question what it is": lambda x: x if isinstance(x, torch.Tensor) else 2 * x,
    "a question for its gradient": lambda x: x * (1 if x.requires_grad else 2),
    "a number made of it": lambda x: x * float(x[0].detach()),
    "no tensor at all": lambda x: torch.from_numpy(np.asarray(x)),
    "what is written into": lambda x: _written(x),
    "joined from the end": lambda x: torch.stack([x, x], dim=-1),
}


def _written(x):
    y = x * 1
    y[0] = 3.0
    return y


@pytest.mark.parametrize("name", UNRULED)
def test_what_has_no_rule_is_refused_and_goes_by_torch(name):
    given = {"x": torch.tensor([0.5, -1.25, 2.0], dtype=torch.float64)}
    with pytest.raises((TypeError, ValueError)):
        dual.jacobians(UNRULED[name], given)
    found, expected = jacobian.forward_mode(UNRULED[name], given), jacobian.by_columns(UNRULED[name], given)
    np.testing.assert_array_equal(found["x"], expected["x"])


class Doubled(torch.autograd.Function):
    """2x, and nothing saved: its rule alone says that its derivative is to be 3."""

    @staticmethod
    def forward(x):
        return 2 * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def jvp(ctx, t):
        return 3 * t


class DoubledInTheOldStyle(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        return 3 * g


@pytest.mark.parametrize("made", [Doubled, DoubledInTheOldStyle])
def test_a_function_with_a_rule_of_its_own_is_differentiated_by_that_rule(made):
    x = {"x": torch.ones(1, dtype=torch.float64)}
    with pytest.raises(Unruled):
        dual.jacobians(made.apply, x)
    assert jacobian.forward_mode(made.apply, x)["x"] == [[3.0]]
    assert dual.jacobians(lambda x: 2 * x, x)["x"] == [[2.0]]  # the way to fail: what forward computes


# Questions of which a map goes by torch; all others' maps have their rules.
BY_TORCH = {
    "02.micro_batches",
    "03.order_of_inputs",
    "05.token_contributions",
    "06.batched",
    "06.trace_of_inverse",
    "06.undo_broadcast",
    "07.backward_inputs",
    "07.unused_none",
    "07.unused_zeros",
    "11.straight_through",
    "11.gradcheck",
    "11.nan_behind_where",
    "11.anomaly",
    "11.complex",
    "12.loss_parts",
}


@pytest.mark.parametrize("id", [id for id, question in ALL.items() if question.maps])
def test_every_map_of_every_question_by_both_roads(id):
    unruled = set()
    for seed in range(max(3, len(ALL[id].maps))):
        p = sample(id, seed)
        try:
            assert apart(p.forward, p.inputs) <= TIGHT
        except (Unruled, TypeError) as why:  # the latter from torch itself, for a condition that is an array
            unruled.add(str(why))
    assert bool(unruled) == (id in BY_TORCH), unruled
