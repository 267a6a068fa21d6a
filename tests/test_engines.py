"""Engines: the right one agrees with J, wrong ones are told by their names, and hostile ones harm nobody."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
import torch

from grader.card import as_text
from grader.engines import RULES, WRONG_ENGINES, WRONG_RULES, Node, along, parents_first, traced, vjp
from grader.judge import diagnose, judge
from grader.mistakes.engines import trace_of
from grader.probe import OF_A_CLASS, Call, probe
from grader.problem import alike
from grader.programs import EngineGradient, LocalRule, ParentsFirst
from grader.question import Question
from grader.sandbox.codec import answer_as_message, answer_from_message
from grader.units import u06_matrices_and_broadcasting

from answers.u10 import Arrays, Backward, Engine, Smooth, added, backward, by_visits, engine, passing_on, smooth, unary
from support import ALL, functions, sample

OF_ENGINES = [id for id, question in ALL.items() if isinstance(question.asks, EngineGradient)]
OF_RULES = [id for id in OF_ENGINES if isinstance(ALL[id].asks, LocalRule)]
ORDER = "10.topological_order"


def drawn(id):
    return [sample(id, seed) for seed in range(max(3, len(ALL[id].maps)))]


def right(out, g):
    return along(parents_first(out)[::-1], out, g)


# --- the right engine


@pytest.mark.parametrize("id", OF_ENGINES)
def test_the_right_engine_finds_what_forward_mode_finds(id):
    for p in drawn(id):
        trace = trace_of(p)
        assert alike(tuple(out.data for out in trace.outputs), tuple(y.detach().numpy() for y in p.outputs), 1e-12)
        assert alike(trace.gradients(right), p.truth[1:], 1e-10)


def test_an_engine_with_a_wrong_rule_does_not(monkeypatch):
    p = sample("10.earlier_maps", 0)
    monkeypatch.setitem(RULES, "sin", lambda node, g: (g * 1.001,))
    assert not alike(trace_of(p).gradients(right), p.truth[1:], 1e-6)


@pytest.mark.parametrize("id", OF_RULES)
def test_every_operation_hands_back_what_forward_mode_finds(id):
    for p in drawn(id):
        (out,), (g,) = trace_of(p).outputs, trace_of(p).seeds
        assert alike(tuple(map(np.asarray, vjp(out, g))), p.truth[1:], 1e-12)


def test_every_operation_of_the_engine_is_met_in_some_question():
    met = {
        node.op for id in OF_ENGINES for p in drawn(id) for out in trace_of(p).outputs for node in parents_first(out)
    }
    assert met - {""} == set(RULES)


def test_every_wrong_engine_and_every_wrong_rule_is_right_nowhere_or_in_one_of_its_forms_only():
    """Else it would be no mistake, or one that no question shows."""
    used = {wrong.key for id in OF_ENGINES for p in drawn(id) for wrong in p.wrongs}
    assert len(used) >= len({*WRONG_ENGINES, *WRONG_RULES}) - 2  # two names are shared by both


# --- expressions


EARLIER = {
    "ridge": [(3,)],
    "swirl": [(3,)],
    "layer": [(2, 3), (3,)],
    "mixed_rows": [(3, 2)],
    "half_squared_error": [(4, 3), (3, 2), (2,), (4, 2)],
}


@pytest.mark.parametrize("name", EARLIER)
def test_an_expression_for_engines_is_the_earlier_units_function(name):
    generator = torch.Generator().manual_seed(1)
    inputs = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in EARLIER[name]]
    earlier = getattr(functions, name, None) or getattr(u06_matrices_and_broadcasting, name)
    ours, theirs = getattr(functions, f"{name}_for_engines")(*inputs), earlier(*inputs)
    ours = torch.stack(ours) if isinstance(ours, tuple) else ours
    torch.testing.assert_close(ours, theirs)
    assert not torch.allclose(ours, earlier(*(x + 1 for x in inputs)))  # the way to fail


def test_the_layer_with_cross_entropy_is_that_of_torch():
    generator = torch.Generator().manual_seed(2)
    X, W, b = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in [(4, 2), (2, 3), (3,)])
    classes = torch.tensor([2, 0, 1, 1])
    P = torch.eye(3, dtype=torch.float64)[classes]
    expected = torch.nn.functional.cross_entropy(X @ W + b, classes, reduction="sum")
    torch.testing.assert_close(functions.cross_entropy(X, W, b, P), expected)


def test_a_tape_holds_each_use_of_a_value():
    trace = traced(lambda a: a * a + a, [np.array(3.0)], None)
    assert [node.op for node in parents_first(trace.outputs[0])] == ["", "mul", "add"]
    assert float(trace.gradients(right)[0]) == 7.0


# --- what the judge makes of them


def test_a_rule_that_is_wrong_in_one_operation_costs_that_operation_alone():
    v = diagnose(ALL["10.local_rules"], smooth(sin=unary(np.sin, lambda g, x, y: g * np.cos(y))))
    assert (v.mistake, v.score) == ("rule_at_the_output", pytest.approx(3 * 7 / 8))
    assert v.inputs["f(x)"] == "sin x"


def test_of_two_operations_that_are_wrong_in_different_ways_the_first_is_explained():
    both = smooth(sin=unary(np.sin, lambda g, x, y: g * np.cos(y)), log=unary(np.log, lambda g, x, y: g * x))
    v = diagnose(ALL["10.local_rules"], both)
    assert (v.mistake, v.score) == ("rule_at_the_output", pytest.approx(3 * 6 / 8))


def test_a_class_without_any_rule_is_not_attempted_and_one_that_lacks_a_rule_is_unfinished():
    def still_open(g):
        raise NotImplementedError()

    def method(self, *others):
        others = [self.wrap(other) for other in others if isinstance(other, type(self))]
        return type(self)(self.data, (self, *others), still_open)

    names = ("sin", "exp", "log", "tanh", "__pow__", "__sub__", "__truediv__")
    assert diagnose(ALL["10.local_rules"], smooth(**dict.fromkeys(names, method))).status == "unattempted"
    v = diagnose(ALL["10.local_rules"], smooth(tanh=method))
    assert (v.status, v.score) == ("unfinished", pytest.approx(3 * 7 / 8))
    assert "tanh x" in v.headline


def test_a_mistake_that_changes_nothing_on_some_problem_is_named_by_the_others():
    def parents_right_to_left(self, g=1.0):
        grads = {self: g}
        for node in parents_first(self, turn=-1)[::-1]:
            node.grad = grads.get(node, 0.0)
            grads.update(zip(node.parents, node.pull(node.grad) if node.pull else (), strict=True))

    v = diagnose(ALL["10.earlier_maps"], engine(backward=parents_right_to_left))
    assert v.mistake == "engine_assigned"


def test_numbers_of_any_kind_are_taken_as_gradients():
    class InTorch(Backward):
        def backward(self, g=1.0):
            super().backward(g)
            for node in parents_first(self):
                node.grad = torch.tensor(node.grad)

    assert diagnose(ALL["10.backward_pass"], InTorch).correct


def test_any_order_in_which_nodes_stand_after_their_parents_is_right_and_no_other():
    shuffle = random.Random(4)
    for p in drawn(ORDER):
        parents, root = p.question.asks.parents(p), p.extras["root"]
        nodes = by_visits(parents, root)
        for _ in range(50):
            waiting, order = set(nodes), []
            while waiting:
                free = sorted(k for k in waiting if not waiting & set(parents[k]))
                order.append(shuffle.choice(free))
                waiting.remove(order[-1])
            assert judge(ALL[ORDER], [p], [probe(lambda parents, root, order=order: order, p.call)]).correct
            exchanged = list(order)
            i, j = sorted(shuffle.sample(range(len(order)), 2))
            exchanged[i], exchanged[j] = exchanged[j], exchanged[i]
            at = {k: place for place, k in enumerate(exchanged)}
            legal = all(at[parent] < at[k] for k in exchanged for parent in parents[k])
            v = judge(ALL[ORDER], [p], [probe(lambda parents, root, order=exchanged: order, p.call)])
            assert v.correct == legal
            assert legal or v.status == "mistake"


def test_an_order_is_asked_for_by_parents_that_are_made_of_a_hidden_table():
    p = sample(ORDER, 0)
    assert isinstance(p.question.asks, ParentsFirst)
    seen = []
    probe(lambda *passed: seen.append(passed), p.call)
    ((parents, root),) = seen
    assert parents == p.question.asks.parents(p)
    assert root == p.extras["root"]


# --- how an engine is used


PLAIN = Question("99.plain", "1 Plain", EngineGradient(), ALL["10.backward_pass"].maps, ("f", "inputs"))


def test_an_engine_is_not_given_an_upstream_gradient_that_is_1():
    given = []

    class Told(Backward):
        def backward(self, *g):
            given.append(g)
            super().backward(*g)

    assert diagnose(ALL["10.backward_pass"], Told).correct
    assert () in given
    assert any(g and g[0] != 1 for g in given)
    given.clear()
    assert diagnose(PLAIN, Told).correct
    assert set(given) == {()}


def test_an_unweighted_question_knows_the_mistakes_of_engines_too():
    v = diagnose(PLAIN, backward(passing_on))
    assert (v.mistake, v.formula) == ("engine_passed_on_again", "∇f")


def test_rules_without_tuples_are_right_in_an_engine_that_takes_them_so():
    """What goes wrong is told by what the rules returned; what goes right is not."""

    def sweep(self, g=1.0):
        self.grad = g
        for node in parents_first(self)[::-1]:
            if node.parents:
                back = node.pull(node.grad)
                for parent, part in zip(node.parents, back if isinstance(back, tuple) else (back,), strict=True):
                    parent.grad = parent.grad + part

    def alone(self, key):
        return type(self)(self.data[key], (self,), lambda g: added(g, self.data, key))

    assert diagnose(ALL["10.earlier_maps"], type("Own", (Engine,), {"__getitem__": alone, "backward": sweep})).correct


def test_a_rule_that_returned_no_tuple_is_told_by_the_method_that_made_it():
    class Own(Engine):
        def __getitem__(self, key):
            return type(self)(self.data[key], (self,), lambda g: added(g, self.data, key))

    v = diagnose(ALL["10.earlier_maps"], Own)
    assert v.mistake == "pull_without_comma"
    assert "`__getitem__`" in v.headline
    assert "ndarray" in v.headline


# --- hostile classes


class Raises(Backward):
    def __init__(self, data, parents=(), pull=None):
        raise SystemExit


class RaisesWhenRead(Backward):
    @property
    def grad(self):
        raise KeyError("none of yours")

    @grad.setter
    def grad(self, value):
        pass


class Lies(float):
    def __eq__(self, other):
        return True

    __hash__ = float.__hash__

    def __array__(self, *arguments, **named):
        raise MemoryError

    def __str__(self):
        raise ValueError

    __repr__ = __str__


class ZeroForEverything(Backward):
    def backward(self, g=1.0):
        for node in parents_first(self):
            node.grad = Lies(1.0)


class Endless(tuple):
    def __iter__(self):
        while True:
            yield 1.0


class Everything(type):
    def __instancecheck__(cls, thing):
        return True


class AnythingIsOne(Backward, metaclass=Everything):
    def __add__(self, other):
        return 3.0

    __radd__ = __mul__ = __rmul__ = __add__


class Nested(Backward):
    def backward(self, g=1.0):
        for node in parents_first(self):
            node.grad = []
            node.grad.append(node.grad)


class Huge(Backward):
    def backward(self, g=1.0):
        for node in parents_first(self):
            node.grad = np.zeros((2000, 2000))


class NoData(Backward):
    data = property(lambda self: 1 / 0, lambda self, value: None)


def handing_back(what):
    return smooth(sin=lambda self: type(self)(np.sin(self.data), (self,), lambda g: what))


HOSTILE = [Raises, RaisesWhenRead, ZeroForEverything, AnythingIsOne, Nested, Huge, NoData]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("id", ["10.backward_pass", "10.earlier_maps"])
def test_a_hostile_engine_gets_a_verdict_and_no_points(id, hostile):
    whole = hostile if id == "10.backward_pass" else type("Hostile", (hostile, Engine), {})
    v = diagnose(ALL[id], whole)
    assert (v.correct, v.score) == (False, 0)
    assert v.headline
    for p in drawn(id):  # what is said of it passes the boundary of the sandbox
        arrays = {}
        message = json.loads(json.dumps(answer_as_message(probe(whole, p.call), arrays)))
        assert not judge(ALL[id], [p], [answer_from_message(message, arrays)]).correct


@pytest.mark.parametrize("what", [Endless(), (Lies(1.0),), iter(int, 1), {1: 2}, "g", type, [[[[[1.0]]]]]])
def test_a_hostile_rule_gets_a_verdict_and_no_points_for_its_operation(what):
    v = diagnose(ALL["10.local_rules"], handing_back(what))
    assert v.score == pytest.approx(3 * 7 / 8)
    assert v.headline


@pytest.mark.parametrize(
    "order",
    [
        np.arange(60000.0),
        [float("inf")] * 3,
        np.full(3, np.nan),
        np.array([0.5, 1.0]),
        np.array([1, 2 + 0j]),
        np.zeros((8,) * 18 + (0,)),
        [[]],
        [2.5],
        torch.zeros(2, 2),
    ],
    ids=str,
)
def test_what_is_no_list_of_whole_numbers_is_no_order_and_costs_nothing(order):
    v = diagnose(ALL["10.topological_order"], lambda parents, root: order)
    assert v.score == 0
    assert len(as_text(v)) < 5000


@pytest.mark.parametrize("answer", [None, 3, Smooth(1.0), by_visits, len, "Engine", Arrays([1.0])])
def test_what_is_no_class_is_told_so(answer):
    for id in OF_ENGINES:
        assert sample(id, 0).call.use in OF_A_CLASS
        assert diagnose(ALL[id], answer).status == "no_function"
    assert diagnose(PLAIN, answer).status == "no_function"


def test_the_right_engine_is_no_hostile_one():
    assert diagnose(ALL["10.backward_pass"], backward(Backward.backward)).correct
    assert diagnose(ALL["10.earlier_maps"], Engine).correct
    assert probe(Engine, Call(use="engine")).raised is not None  # nothing was passed
    assert Node(1.0).parents == ()
