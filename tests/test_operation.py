"""An operation that students write is judged in stages: its value, its VJP, the derivative of the VJP."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.autograd import Function

from grader.judge import diagnose, judge
from grader.mistakes import CATALOGUE
from grader.probe import Call, plain, probe
from grader.problem import Map, fixed, normal
from grader.quantities import Operation, WeightedGradient
from grader.question import Question
from grader.sandbox.handed import NONE
from grader.sandbox.zygote import Zygote

from support import ALL


def twist(x, w):
    return torch.stack([x[0] * w[1], w[0] ** 2 * x[1], x[0] * x[1]])


def asked(**settings) -> Question:
    maps = [Map(twist, {"x": normal(2), "w": normal(2)})]
    return Question("99.twist", "Twist", Operation(("x", "w"), **settings), maps, ("x", "w"), {"v": None})


class Twist(Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return twist(x, w)

    @staticmethod
    def backward(ctx, v):
        x, w = ctx.saved_tensors
        return (
            torch.stack([v[0] * w[1] + v[2] * x[1], v[1] * w[0] ** 2 + v[2] * x[0]]),
            torch.stack([2 * v[1] * w[0] * x[1], v[0] * x[0]]),
        )


class Detached(Twist):
    @staticmethod
    def backward(ctx, v):
        return tuple(g.detach() for g in Twist.backward(ctx, v))


class OneConstant(Twist):
    @staticmethod
    def backward(ctx, v):
        x, w = ctx.saved_tensors
        first, _ = Twist.backward(ctx, v)
        return first, torch.stack([2 * v[1] * w[0].detach() * x[1], v[0] * x[0]])


class Separated(Function):
    @staticmethod
    def forward(x, w):
        return twist(x, w)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    backward = Twist.backward


# --- stages


@pytest.mark.parametrize("answer", [twist, Twist.apply, lambda x, w: Twist.apply(x, w)])
def test_a_plain_function_is_right_if_value_and_gradient_are(answer):
    v = diagnose(asked(), answer)
    assert v.correct
    assert "y and Jᵀv" in v.headline


def test_a_wrong_value_is_told_before_the_gradient_is_looked_at():
    v = diagnose(asked(), lambda x, w: twist(x, w).detach() + 1)
    assert v.status == "wrong"
    assert "about the value" in v.message
    np.testing.assert_allclose(v.yours, v.true + 1)
    assert "v" not in v.inputs


def test_a_wrong_gradient_of_a_right_value_is_shown_with_the_weight_that_it_was_pulled_back_with():
    v = diagnose(asked(), lambda x, w: twist(x, w.detach()) + 2 * (w - w.detach()).sum())
    assert v.status == "some_right"
    assert "The value is right" in v.message
    assert "v" in v.inputs
    assert len(v.yours) == 2


def test_mistakes_of_the_catalogue_are_named_in_the_gradient():
    class Ignoring(Twist):
        @staticmethod
        def backward(ctx, v):
            return Twist.backward(ctx, torch.ones_like(v))

    assert diagnose(asked(), Ignoring.apply).mistake == "upstream_unused"
    assert diagnose(asked(), lambda x, w: twist(x, w).detach()).mistake == "value_without_graph"
    assert diagnose(asked(), lambda x, w: twist(x, w.detach())).mistake == "gradient_is_none"
    assert CATALOGUE["gradient_is_none"].unit == "11"


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (twist, None),
        (Twist.apply, None),
        (Detached.apply, "pullback_without_graph"),
        (OneConstant.apply, "saved_intermediate"),
    ],
)
def test_the_derivative_of_the_gradient_is_looked_at_last_and_only_if_asked_for(answer, mistake):
    assert diagnose(asked(differentiable=True), answer).mistake == mistake
    assert diagnose(asked(), answer).correct


def test_truth_of_the_derivative_is_what_double_backward_gives():
    question = asked(differentiable=True)
    p = question.sample(0)
    x, w = (p.inputs[name].clone().requires_grad_() for name in ("x", "w"))
    v = p.weights["v"].clone().requires_grad_()
    gradients = torch.autograd.grad(twist(x, w), (x, w), v, create_graph=True)
    r = torch.from_numpy(question.asks.again_weights(p))
    again = torch.autograd.grad(r @ torch.cat(gradients), (x, w, v))
    for ours, theirs in zip(question.asks.once_more(p), again, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-7)


def test_stages_are_told_apart_each_by_itself():
    """A mistake in the gradient may have the numbers of a value, but none may have those of its own stage's truth."""
    (value, pullback) = asked().sample(0).stages
    assert value.truth.shape == (3,)
    assert [g.shape for g in pullback.truth] == [(2,), (2,)]
    assert isinstance(pullback.question.asks, WeightedGradient)
    assert value.wrongs == []


# --- what counts as a Function


def test_a_function_class_its_apply_and_what_calls_it_are_taken_and_nothing_else():
    question = asked(function=True)
    for answer in (Twist, Twist.apply, lambda x, w: Twist.apply(x, w)):
        assert diagnose(question, answer).correct
    for answer in (twist, Twist.__new__(Twist), torch.nn.Module, torch.ones(3), "Twist", 3):
        v = diagnose(question, answer)
        assert v.status == "no_operation"
        assert "torch.autograd.Function" in v.headline
        assert v.true is None


def test_under_torch_func_a_function_needs_setup_context():
    question = asked(transformed=True)
    assert diagnose(question, Separated).correct
    assert diagnose(question, Separated.apply).correct
    assert diagnose(question, lambda x, w: Separated.apply(x, w)).correct
    assert diagnose(question, Twist).error == "setup_context_missing"
    assert diagnose(question, twist).status == "no_operation"
    assert diagnose(asked(function=True), Separated).correct


def test_a_stub_in_forward_or_in_backward_is_not_attempted_yet():
    class Stub(Twist):
        @staticmethod
        def forward(ctx, x, w):
            raise NotImplementedError()

    class Half(Twist):
        @staticmethod
        def backward(ctx, v):
            raise NotImplementedError()

    for answer in (Stub, Half):
        assert diagnose(asked(function=True), answer).status == "unattempted"


# --- students' code that means no good


class Lies(torch.Tensor):
    requires_grad = property(lambda self: 1 / 0)
    shape = property(lambda self: (3,))


class Owner(type):
    @property
    def apply(cls):
        raise SystemExit


HOSTILE = [
    lambda x, w: twist(x, w).detach().as_subclass(Lies),
    type("Raising", (Function,), {"apply": property(lambda self: 1 / 0)}),
    type("Text", (Function,), {"apply": staticmethod(lambda *a: "text")}),
    type("Numpy", (Function,), {"apply": staticmethod(lambda x, w: twist(x, w).detach().numpy())}),
    type("Leaving", (Function,), {"apply": staticmethod(lambda *a: exit())}),
    Owner("Odd", (), {}),
]


@pytest.mark.parametrize("settings", [{}, {"function": True}, {"transformed": True}, {"differentiable": True}])
@pytest.mark.parametrize("answer", HOSTILE)
def test_no_class_makes_the_probe_raise_or_is_right(answer, settings):
    question = asked(**settings)
    problems = question.problems()
    v = judge(question, problems, [probe(answer, p.call) for p in problems])
    assert not v.correct
    assert v.score == 0


class OwnApply(Function):
    apply = staticmethod(twist)


@pytest.mark.parametrize("answer", [OwnApply, OwnApply.apply])
def test_a_function_whose_apply_is_not_pytorchs_is_none(answer):
    assert diagnose(asked(function=True), answer).status == "no_operation"
    assert diagnose(asked(function=True), Twist).correct  # the way to fail
    assert diagnose(asked(), OwnApply.apply).correct  # any function will do there


@pytest.mark.parametrize("id", ["11.gradcheck", "11.anomaly"])
def test_neither_the_place_nor_the_name_of_a_function_tells_what_is_true_of_it(id):
    question = ALL[id]
    for k in range(len(question.maps)):
        same_place = [question.sample(k + len(question.maps) * seed) for seed in range(8)]
        truths = {str(p.truth) for p in same_place}
        made = [p.question.computed["f"](p.inputs["kind"]) for p in same_place]
        assert len(truths) > 1 or (id, k) == ("11.gradcheck", 0)  # whose two are both right
        assert len({f.__name__ for f in made}) == 1
        assert "kind" not in [arg.name for arg in same_place[0].call.args if not arg.hidden]


# --- complex results


def test_complex_values_are_read_where_a_view_is_conjugated_or_negated():
    z = torch.tensor([1 + 2j, -3j])
    np.testing.assert_array_equal(plain(z.conj()).array, [1 - 2j, 3j])
    np.testing.assert_array_equal(plain(z.conj().imag).array, [-2, 3])


def test_a_complex_truth_is_compared_as_such_and_a_real_answer_to_it_is_refused_in_words():
    question = ALL["11.complex"]

    def answer(change):
        return diagnose(question, lambda f, z: change(torch.func.jvp(f, (z.detach(),), (torch.ones_like(z),))[1]))

    assert answer(lambda h: h).correct
    for change, status in ((torch.abs, "dtype"), (lambda h: h * 2j, "multiple"), (lambda h: h + 1j, "wrong")):
        assert answer(change).status == status
    assert "must be complex" in answer(torch.abs).headline
    assert "0+2i times" in answer(lambda h: h * 2j).headline


# --- the sandbox

CELL = """\
import torch
from grader import check
class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x
    @staticmethod
    def backward(ctx, v):
        return {backward}
check("99.double", Double)
"""


@pytest.mark.parametrize(("backward", "correct"), [("2 * v", True), ("v", False)])
def test_a_class_is_used_in_the_sandbox_as_it_is_here(fork_server, backward, correct):
    maps = [Map(lambda x: 2 * x, {"x": fixed([1.0, -2.0])})]
    question = Question("99.double", "Double", Operation(function=True), maps, ("x",), {"v": fixed([0.5, 3.0])})
    problems = [question.sample(0)]
    process = Zygote(fork_server=fork_server)
    try:
        (run,) = process.run([CELL.format(backward=backward)], lambda id: [p.call for p in problems], handed=NONE)
    finally:
        process.close()
    assert judge(question, problems, run.answers[0]).correct is correct


def test_a_call_that_pulls_nothing_back_has_no_weight():
    assert Call().weight is None
    assert ALL["05.scalar_trick"].sample(0).call.weight is None
    p = ALL["11.twice"].sample(0)
    np.testing.assert_array_equal(p.call.weight, p.weights["v"].numpy())
