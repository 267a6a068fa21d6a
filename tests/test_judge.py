"""The judge: answers found by any valid method are right, wrong ones get the name that fits, nothing crashes it."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import grader
from grader import formatting, words
from grader.card import as_text
from grader.formatting import LONGEST
from grader.jacobian import central_differences, forward_mode, reverse_mode
from grader.judge import diagnose, judge
from grader.predictions import letters_of
from grader.probe import Answer, Call, Raised, is_stub, plain, probe
from grader.problem import Map, normal, uniform
from grader.quantities import WeightedGradient
from grader.question import Question

from answers import RIGHT
from support import (
    ALL,
    FAN,
    MISTAKES,
    SHIPPED,
    as_returned,
    cases,
    functions,
    keys,
    posed,
    returned,
    returned_on,
    sample,
    stretched,
    varied,
)

grad = torch.autograd.grad
TRICK, JACOBIAN, STATE = "05.scalar_trick", "04.all_rows", "05.backward_gradient"
SLOPE, DIFFERENCE = "01.declare", "01.central_difference"


def right(f, x, v):
    """The answer to 05.scalar_trick."""
    return grad(f(x), x, v)[0]


def told(id: str, answer: object) -> grader.Verdict:
    return diagnose(ALL[id], answer)


def answers(id: str, value_of) -> grader.Verdict:
    """The verdict on answers made by hand: value_of(problem) is what is returned on it."""
    return judge(ALL[id], posed(id), [returned_on(p, value_of(p)) for p in posed(id)])


def taking(names: tuple[str, ...], function) -> Any:
    """function with a signature of just these arguments, as a check looks at signatures."""
    arguments = ", ".join(names)
    return eval(f"lambda {arguments}: function({arguments})", {"function": function})


def is_full(v: grader.Verdict) -> bool:
    return v.correct and v.score == v.points and v.mistake is None and v.error is None


# --- right answers


@pytest.mark.parametrize("id", ALL)
def test_the_truth_is_right(id):
    v = answers(id, lambda p: p.truth)
    assert is_full(v)
    assert (v.status, v.score) == ("correct", float(ALL[id].points))


@pytest.mark.parametrize("seed", [1, 2, 11])
@pytest.mark.parametrize("id", [TRICK, JACOBIAN, "99.any_shape", "01.several_inputs"])
def test_the_truth_is_right_at_other_seeds_too(id, seed):
    problems = ALL[id].problems(seed)
    assert is_full(judge(ALL[id], problems, [returned(p.truth) for p in problems]))


def through_j(J_of, f, x, v):
    """Jᵀv in x's shape, J by the road given."""
    J = J_of(lambda z: f(z), {"x": x.detach()})["x"]
    return torch.from_numpy(v.numpy().reshape(-1) @ J).reshape(x.shape)


def by_differences(f, inputs):
    return {name: J for name, (J, _) in central_differences(f, inputs).items()}


def into_grad(f, x, v):
    x.grad = None
    f(x).backward(gradient=v)
    return x.grad


def dual(f, x, v):
    columns = [torch.func.jvp(f, (x.detach(),), (e.reshape(x.shape),))[1] for e in torch.eye(x.numel()).double()]
    return torch.stack([(v * column).sum() for column in columns]).reshape(x.shape)


WEIGHTED_ROADS = {
    "autograd.grad": right,
    "backward": into_grad,
    "scalar trick": lambda f, x, v: grad((v * f(x)).sum(), x)[0],
    "a graph kept": lambda f, x, v: grad(f(x), x, v, retain_graph=True, create_graph=True)[0],
    "func.vjp": lambda f, x, v: torch.func.vjp(f, x)[1](v)[0],
    "func.grad": lambda f, x, v: torch.func.grad(lambda z: (v * f(z)).sum())(x),
    "jacrev": lambda f, x, v: torch.tensordot(v, torch.func.jacrev(f)(x), dims=v.dim()),
    "jacfwd": lambda f, x, v: torch.tensordot(v, torch.func.jacfwd(f)(x), dims=v.dim()),
    "jvps": dual,
    "J by reverse mode": lambda f, x, v: through_j(reverse_mode, f, x, v),
    "J by forward mode": lambda f, x, v: through_j(forward_mode, f, x, v),
    "J by central differences": lambda f, x, v: through_j(by_differences, f, x, v),
    "row by row": lambda f, x, v: sum(
        w * grad(y, x, retain_graph=True)[0] for w, y in zip(v.reshape(-1), f(x).reshape(-1), strict=True)
    ),
    "a Parameter": lambda f, x, v: torch.nn.Parameter(right(f, x, v)),
    "not contiguous": lambda f, x, v: torch.stack([right(f, x, v)] * 2, dim=-1)[..., 0],
    "sparse": lambda f, x, v: right(f, x, v).to_sparse(),
}


@pytest.mark.parametrize("road", WEIGHTED_ROADS)
@pytest.mark.parametrize("id", [TRICK, "99.any_shape"])
def test_weighted_gradient_is_right_by_every_road(id, road):
    assert is_full(told(id, WEIGHTED_ROADS[road]))


@pytest.mark.parametrize("road", WEIGHTED_ROADS)
def test_every_road_of_a_wrong_weight_is_wrong(road):
    assert told(TRICK, lambda f, x, v: WEIGHTED_ROADS[road](f, x, 1.5 * v)).status == "multiple"


def rows_of(f, x):
    return torch.stack([grad(entry, x, retain_graph=True)[0] for entry in f(x)])


def newton(a, steps):
    x = torch.ones_like(a)
    for _ in range(steps):
        x = (x + a / x) / 2
    return x


def newton_by_hand(a, steps):
    """The same iteration with its derivative carried along."""
    x, dx = 1.0, 0.0
    for _ in range(steps):
        x, dx = (x + a.detach() / x) / 2, (dx + 1 / x - a.detach() * dx / x**2) / 2
    return dx


def zeroed_first(f, x, v):
    x.grad.zero_()
    f(x).backward(gradient=v)


def set_grad(f, x):
    x.grad = grad(f(x), x)[0]


ROADS = [
    ("00.run_and_check", lambda x: x**2),
    ("00.run_and_check", lambda x: x * x),
    ("00.use_a_hint", lambda A: A.mean(dim=1)),
    ("00.use_a_hint", lambda A: A.T.mean(0)),
    (DIFFERENCE, lambda f, x: (f(x + 1e-5) - f(x - 1e-5)) / 2e-5),
    (DIFFERENCE, lambda f, x: ((f(x + 1e-5) - f(x - 1e-5)) / 2e-5).item()),
    (DIFFERENCE, lambda f, x: np.float64((f(x + 1e-5) - f(x - 1e-5)) / 2e-5)),
    (DIFFERENCE, lambda f, x: torch.func.grad(f)(x)),
    (SLOPE, lambda x: grad(functions.wave(x.requires_grad_()), x)[0]),
    (SLOPE, lambda x: torch.func.grad(functions.wave)(x)),
    (SLOPE, lambda x: torch.sin(x) + x * torch.cos(x) + 2 * x),
    ("01.unpack_the_tuple", lambda f, x: grad(f(x), x)[0]),
    ("01.unpack_the_tuple", lambda f, x: (f(x + 1e-5) - f(x - 1e-5)) / 2e-5),
    ("01.composition", lambda outer, inner, x: grad(outer(inner(x)), x)[0]),
    (
        "01.composition",
        lambda outer, inner, x: (torch.func.grad(outer)(inner(x)) * torch.func.grad(inner)(x)).detach(),
    ),
    ("01.several_inputs", lambda f, a, b, c: grad(f(a, b, c), (a, b, c))),
    ("01.several_inputs", lambda f, a, b, c: [grad(f(a, b, c), z)[0] for z in (a, b, c)]),
    ("01.several_inputs", lambda f, a, b, c: torch.func.grad(f, argnums=(0, 1, 2))(a, b, c)),
    ("01.backward", lambda f, x: f(x).backward()),
    ("01.backward", set_grad),
    ("01.newton_root", lambda a, steps: grad(newton(a, steps), a)[0]),
    ("01.newton_root", newton_by_hand),
    ("05.weight_the_outputs", lambda x, v: grad(functions.pair(x), x, v)[0]),
    ("05.weight_the_outputs", lambda x, v: (v * functions.pair(x)).sum().backward() or x.grad),
    (STATE, lambda f, x, v: into_grad(f, x, v)),
    (STATE, zeroed_first),
    (STATE, lambda f, x, v: setattr(x, "grad", grad(f(x), x, v)[0])),
    ("04.one_row", lambda f, x, i: grad(f(x)[i], x)[0]),
    ("04.one_row", lambda f, x, i: torch.func.jacrev(f)(x)[i]),
    ("05.several_outputs", lambda f, x, v, w: grad(f(x), x, (v, w))[0]),
    ("05.several_outputs", lambda f, x, v, w: grad(v @ f(x)[0] + w @ f(x)[1], x)[0]),
    ("05.several_inputs", lambda f, A, x, v: grad(f(A, x), (A, x), v)),
    ("05.several_inputs", lambda f, A, x, v: torch.func.vjp(f, A, x)[1](v)),
    ("05.mend_the_weight", lambda f, x, v: grad(f(x), x, v.reshape(f(x).shape))[0]),
    ("05.mend_the_weight", lambda f, x, v: grad(f(x).reshape(-1), x, v)[0]),
    ("05.weight_that_depends_on_x", lambda f, weigh, x: grad(f(x), x, weigh(x))[0]),
    ("05.weight_that_depends_on_x", lambda f, weigh, x: grad((weigh(x).detach() * f(x)).sum(), x)[0]),
    (JACOBIAN, rows_of),
    (JACOBIAN, lambda f, x: torch.func.jacrev(f)(x)),
    (JACOBIAN, lambda f, x: torch.func.jacfwd(f)(x)),
    (JACOBIAN, lambda f, x: torch.from_numpy(by_differences(f, {"x": x.detach()})["x"])),
    (JACOBIAN, lambda f, x: torch.autograd.functional.jacobian(f, x)),
    ("99.row_of_a_matrix", lambda f, X, i: grad(f(X).reshape(-1)[i], X)[0]),
    ("99.column", lambda f, x, j: rows_of(f, x)[:, j]),
    ("99.column_of_a_matrix", lambda f, x, j: torch.func.jacfwd(f)(x)[..., j]),
    ("99.jvp", lambda f, x, u: torch.func.jvp(f, (x,), (u,))[1]),
    ("99.jvp", lambda f, x, u: rows_of(f, x) @ u),
    ("99.jvp_of_a_matrix", lambda f, X, u: torch.func.jvp(f, (X,), (u,))[1]),
    ("99.jacobian", lambda f, X: torch.func.jacrev(f)(X)),
    ("99.two_backwards", lambda f, x, v, w: (f(x).backward(gradient=v), f(x).backward(gradient=w))),
    ("99.two_backwards", lambda f, x, v, w: f(x).backward(gradient=v + w)),
    ("99.two_outputs", functions.two_heads),
]


@pytest.mark.parametrize(("id", "answer"), ROADS, ids=[f"{id}-{k}" for k, (id, _) in enumerate(ROADS)])
def test_right_answer_is_right_by_other_roads(id, answer):
    v = told(id, answer)
    assert is_full(v), v.headline


@pytest.mark.parametrize(("id", "answer"), ROADS, ids=[f"{id}-{k}" for k, (id, _) in enumerate(ROADS)])
def test_the_same_roads_with_a_factor_of_one_percent_are_not_right(id, answer):
    def spoiled(*args):
        result = answer(*args)
        if ALL[id].asks.observes == "grad":
            leaf = next(a for a in args if isinstance(a, torch.Tensor) and a.grad is not None)
            leaf.grad = 1.01 * leaf.grad
            return None
        return tuple(1.01 * r for r in result) if isinstance(result, (tuple, list)) else 1.01 * result

    assert told(id, taking(ALL[id].gives, spoiled)).status in ("multiple", "wrong")


def test_every_shipped_question_that_takes_a_function_has_a_right_road_here():
    functions = {id for id, question in SHIPPED.items() if not question.asks.predicts}
    assert functions <= {id for id, _ in (*ROADS, *RIGHT)} | {TRICK}


# --- tolerance, dtype, form


@pytest.mark.parametrize(("off", "status"), [(0.2, "correct"), (5.0, "imprecise"), (500, "imprecise")])
def test_right_within_the_tolerance_and_imprecise_beyond_it(off, status):
    rtol = ALL[TRICK].rtol

    def shifted(p):
        wrong = p.truth.copy()
        wrong[0] += off * rtol * ALL[TRICK].asks.scale(p)
        return wrong

    v = answers(TRICK, shifted)
    assert v.status == status
    assert v.score == (v.points if status == "correct" else 0)


def test_rough_difference_quotient_is_imprecise_and_a_good_one_is_right():
    def forward(f, x):
        return (f(x + 1e-5) - f(x)) / 1e-5

    v = told(DIFFERENCE, forward)
    assert v.status == "imprecise"
    assert words.FINDINGS["imprecise"][1] == v.message
    assert is_full(told(DIFFERENCE, lambda f, x: (f(x + 1e-5) - f(x - 1e-5)) / 2e-5))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool])
def test_other_dtype_is_refused_and_named(dtype):
    v = told(TRICK, lambda f, x, v: right(f, x, v).to(dtype))
    assert v.status == "dtype"
    assert str(dtype).removeprefix("torch.") in v.headline
    assert v.score == 0


@pytest.mark.parametrize("id", [TRICK, "05.several_inputs"])
def test_float32_is_right_only_where_the_question_allows_it(id):
    def rough(*args):
        result = right(*args) if id == TRICK else grad(args[0](*args[1:3]), args[1:3], args[3])
        return tuple(r.float() for r in result) if isinstance(result, tuple) else result.float()

    answer = taking(ALL[id].gives, rough)
    assert diagnose(varied(id, float32=True), answer).correct
    assert diagnose(varied(id, float32=False), answer).status == "dtype"


def test_float32_is_held_to_its_own_tolerance_and_no_looser():
    question = varied(TRICK, float32=True)

    def off_by(share):
        return lambda f, x, v: (right(f, x, v) * (1 + share)).float()

    assert diagnose(question, off_by(1e-5)).correct
    assert diagnose(question, off_by(5e-4)).status == "imprecise"
    assert diagnose(question, lambda f, x, v: right(f, x, v) * (1 + 1e-5)).status == "imprecise"


def test_numpy_number_of_single_precision_is_no_way_round_the_tolerance():
    def by_number(kind):
        return lambda f, x: kind(torch.func.grad(f)(x).item() * (1 + 1e-7))

    assert told(DIFFERENCE, by_number(np.float32)).status == "imprecise"
    assert told(DIFFERENCE, by_number(np.float64)).status == "imprecise"
    assert told(DIFFERENCE, lambda f, x: np.float64(torch.func.grad(f)(x).item())).correct


@pytest.mark.parametrize("kind", [float, np.float64, lambda value: value.item()])
def test_plain_number_will_do_only_where_the_question_says_so(kind):
    assert diagnose(varied("01.unpack_the_tuple", plain_numbers=True), lambda f, x: kind(grad(f(x), x)[0])).correct
    v = told("01.unpack_the_tuple", lambda f, x: kind(grad(f(x), x)[0]))
    assert v.status == "type"
    assert words.KINDS["number"] in v.headline


# (what is returned, what the headline must say)
WRONG_TYPES = [
    (lambda g: g.numpy(), words.KINDS["array"]),
    (lambda g: g.tolist(), "a list of 3"),
    (lambda g: (g, g), "a tuple of 2"),
    (lambda g: (2 * g,), "a tuple of 1"),
    (lambda g: [], "a list of 0"),
    (lambda g: "text", words.KINDS["text"]),
    (lambda g: 3.0, words.KINDS["number"]),
    (lambda g: lambda: g, words.KINDS["callable"]),
    (lambda g: {"g": g}, "type dict"),
    (lambda g: g.to("meta"), words.KINDS["no_values"]),
    (lambda g: torch.nested.nested_tensor([g, g]), words.KINDS["no_values"]),
]


@pytest.mark.parametrize(("wrap", "said"), WRONG_TYPES, ids=[said for _, said in WRONG_TYPES])
def test_another_type_is_named(wrap, said):
    v = diagnose(varied(TRICK, maps=[ALL[TRICK].maps[0]]), lambda f, x, v: wrap(right(f, x, v).detach()))
    assert (v.status, v.score, v.mistake) == ("type", 0, None)
    assert said in v.headline
    assert words.FORMS["tensor"] in v.headline


WRAPPINGS = {"tuple_of_one": lambda g: (g,), "list_of_one": lambda g: [g], "not_returned": lambda g: None}


@pytest.mark.parametrize(("key", "wrap"), WRAPPINGS.items(), ids=WRAPPINGS)
def test_right_tensor_in_the_wrong_wrapping_is_a_named_mistake_and_bare_it_is_right(key, wrap):
    assert told(TRICK, lambda f, x, v: wrap(right(f, x, v))).mistake == key
    assert told(TRICK, lambda f, x, v: right(f, x, v)).correct


@pytest.mark.parametrize("count", [0, 1, 3])
def test_tuple_of_another_length_is_named(count):
    v = told("05.several_inputs", lambda f, A, x, v: (grad(f(A, x), (A, x), v) * 2)[:count])
    assert v.status == "length"
    assert v.headline == formatting.fill(words.FINDINGS["length"][0], {"got": count, "wanted": 2, "inputs": "A, x"})
    assert v.score == 0


def test_a_tuple_that_a_mistake_explains_is_named_and_any_other_is_told_as_a_tuple():
    def both(f, x, u):
        return torch.func.jvp(f, (x,), (u,))

    named, other = told("09.jvp", both), told("09.jvp", lambda f, x, u: both(f, x, u)[::-1])
    assert (named.status, named.mistake) == ("mistake", "both_of_jvp")
    assert (other.status, other.mistake) == ("type", None)


def test_a_wrong_entry_among_equal_ones_is_told_with_its_place():
    def three(f, x, u):
        _, Hu = torch.func.jvp(torch.func.grad(f), (x,), (u,))
        return Hu, 2 * Hu, 3 * Hu

    v = told("09.hvp_three_ways", lambda f, x, u: (*three(f, x, u)[:2], three(f, x, u)[0]))
    assert (v.mistake, v.score) == ("hvp_doubled", 2)
    assert v.headline.startswith(words.CARD["entry_of_tuple"].format(place=1))
    v = told("09.hvp_three_ways", three)  # the third is known in no way, and the second all the same
    assert (v.mistake, v.score) == ("hvp_doubled", 1)
    assert told("09.hvp_three_ways", lambda f, x, u: three(f, x, u)[::2] + three(f, x, u)[1:2]).mistake is None


def test_none_inside_a_tuple_is_named():
    v = told("05.several_inputs", lambda f, A, x, v: (None, grad(f(A, x), x, v)[0]))
    assert v.status == "type"
    assert "None" in v.headline
    assert v.headline.startswith(words.CARD["entry_of_tuple"].format(place="A"))
    assert words.FORMS["tensor"] in v.headline


def test_shape_is_named_with_both_shapes():
    v = told(JACOBIAN, lambda f, x: torch.zeros(7, 7, dtype=torch.float64))
    assert v.status == "shape"
    assert "(7, 7)" in v.headline
    assert formatting.shape(posed(JACOBIAN)[0].truth.shape) in v.headline
    assert words.SHAPE_HELP["jacobian"] in v.message


@pytest.mark.parametrize(
    ("bad", "said"),
    [(float("nan"), "nan"), (float("inf"), "infinite"), (float("-inf"), "infinite")],
)
def test_nan_and_infinity_are_counted_and_named(bad, said):
    def spoiled(f, x, v):
        g = right(f, x, v)
        g[0] = bad
        return g

    v = told(TRICK, spoiled)
    size = posed(TRICK)[0].truth.size
    assert v.status == "nonfinite"
    assert v.headline == formatting.fill(words.FINDINGS["nonfinite"][0], {"count": 1, "size": size, "what": said})


def test_nan_beside_infinity_is_named_both():
    v = told(TRICK, lambda f, x, v: torch.tensor([float("nan"), float("inf")]).double().repeat(8)[: x.numel()])
    assert "nan or infinite" in v.headline


# --- the order in which a judge looks


def raises_at_once(f, x, v):
    raise ValueError("at once")


def raises_with_another_signature(f, x):
    raise ValueError("never reached")


def untouched(f, x, v):
    """A docstring."""


def as_shape(f, x, v, dtype=torch.float64, fill=0.0):
    return torch.full((7,), fill, dtype=dtype)


def at_shape(x, dtype=torch.float64, fill=0.0):
    return torch.full_like(x, fill, dtype=dtype, requires_grad=False)


# Each has the fault of its status and every fault that comes later in the list.
ORDER = [
    ("unattempted", untouched),
    ("no_function", 3.0),
    ("signature", raises_with_another_signature),
    ("raised", raises_at_once),
    ("type", lambda f, x, v: np.full(7, np.nan, dtype=np.float32)),
    ("shape", lambda f, x, v: as_shape(f, x, v, torch.complex64, float("nan"))),
    ("complex", lambda f, x, v: at_shape(x, torch.complex64, float("nan"))),
    ("dtype", lambda f, x, v: at_shape(x, torch.float32, float("nan"))),
    ("nonfinite", lambda f, x, v: at_shape(x, fill=float("nan"))),
    ("mistake", lambda f, x, v: 2 * right(f, x, v)),  # a multiple too, but one that has a name
    ("multiple", lambda f, x, v: 5 * right(f, x, v)),
    ("wrong", lambda f, x, v: right(f, x, v) * torch.arange(2, 2 + x.numel())),
    ("correct", right),
]


@pytest.mark.parametrize(("status", "answer"), ORDER, ids=[status for status, _ in ORDER])
def test_the_earliest_fault_is_the_one_that_is_told(status, answer):
    v = told(TRICK, answer)
    assert v.status == status
    assert v.score == (v.points if status == "correct" else 0)
    assert v.headline
    assert not any(sign in v.headline + v.message for sign in "{}")


def test_every_status_of_the_order_is_listed_in_the_verdicts_documentation():
    for status, _ in ORDER:
        assert status in str(grader.Verdict.__doc__)


def test_signature_is_shown_as_it_is_and_as_it_was_given():
    v = told(TRICK, raises_with_another_signature)
    assert "(f, x)" in v.headline
    assert "(f, x, v)" in v.headline
    assert told(TRICK, lambda f, x, v, more=1: right(f, x, v)).correct
    assert told(TRICK, lambda *args: right(*args)).correct


@pytest.mark.parametrize("given", [torch.ones(3), None, "x", [1.0], 3, (torch.ones(3),)])
def test_value_where_a_function_is_wanted_is_named(given):
    v = told(TRICK, given)
    assert v.status == "no_function"
    assert v.score == 0
    assert words.KINDS[plain(given).kind].split("{")[0].strip() in v.headline


# --- mistakes: the one name that fits


@pytest.mark.parametrize("id", ALL)
def test_every_wrong_of_every_question_is_told_its_own_name(id):
    question = ALL[id]
    for key in keys(posed(id)):
        for problems, wrongs in cases(posed(id), key):
            v = judge(
                question, problems, [returned_on(p, w.value, w.stage) for p, w in zip(problems, wrongs, strict=True)]
            )
            assert (v.status, v.mistake) == ("mistake", key)
            assert v.unit == (MISTAKES[key].unit or question.unit)
            right_parts = [
                [np.shape(a) == np.shape(b) and np.allclose(a, b) for a, b in zip(w.value, p.truth, strict=True)]
                for w, p in zip(wrongs, problems, strict=True)
                if question.partial and not question.asks.apart  # there each problem that is right earns a share
            ]
            earned = np.all(right_parts, axis=0).mean() if right_parts else 0.0
            assert v.score == pytest.approx(question.points * earned)


def test_two_different_mistakes_on_two_problems_get_no_name():
    problems = posed(TRICK)
    by_key = [{w.key: w.value for w in p.wrongs} for p in problems]
    mixed = ["ones_weight", "mean_of_outputs", "absolute_weight"]
    values = [wrongs[key] for wrongs, key in zip(by_key, mixed, strict=True)]
    v = judge(ALL[TRICK], problems, [returned(value) for value in values])
    assert v.status == "wrong"
    assert v.mistake is None
    same = [wrongs["ones_weight"] for wrongs in by_key]
    assert judge(ALL[TRICK], problems, [returned(value) for value in same]).mistake == "ones_weight"


def test_a_mistake_on_one_problem_and_a_plain_difference_on_another_get_no_name():
    problems = posed(TRICK)
    values = [{w.key: w.value for w in p.wrongs}["ones_weight"] for p in problems]
    values[2] = values[2] + 1.0
    assert judge(ALL[TRICK], problems, [returned(value) for value in values]).mistake is None


def test_two_mistakes_that_share_a_value_on_every_problem_are_not_told_apart_by_guessing():
    question = varied("05.weight_the_outputs", also=[MISTAKES["sum_of_columns"].derived(lambda p: 2 * p.truth)])
    problems = [type(p)(question, p.seed) for p in posed("05.weight_the_outputs")]  # undrawn: they coincide
    assert all(p.clashes() for p in problems)
    v = judge(question, problems, [returned(2 * p.truth) for p in problems])
    assert v.mistake is None
    assert v.status == "multiple"


def test_two_mistakes_that_share_a_value_on_one_problem_are_told_apart_by_another():
    def twice_on_the_first(p):
        return (2 if p.seed == 0 else 7) * p.truth

    question = varied("05.weight_the_outputs", also=[MISTAKES["sum_of_columns"].derived(twice_on_the_first)])
    problems = [type(p)(question, p.seed) for p in posed("05.weight_the_outputs")]
    values = [2 * p.truth for p in problems]
    assert judge(question, problems[:1], [returned(values[0])]).mistake is None
    assert judge(question, problems, [returned(value) for value in values]).mistake == "accumulated"
    other = [twice_on_the_first(p) for p in problems]
    assert judge(question, problems, [returned(value) for value in other]).mistake == "sum_of_columns"


def test_stale_gradient_on_a_leaf_with_a_past_is_named_and_cleared_it_is_right():
    assert told(STATE, lambda f, x, v: f(x).backward(gradient=v)).mistake == "stale_grad"
    assert told(STATE, into_grad).correct


# --- patterns, without a name


def patterned(values_of, map=None):
    """The verdict on 05.scalar_trick for what values_of makes of the truth."""
    question = varied(TRICK, maps=[map]) if map else ALL[TRICK]
    problems = question.problems()
    return judge(question, problems, [returned(values_of(p.truth)) for p in problems])


FOLD_OF_FIVE = Map(functions.fold, {"x": normal(5)})
SQUARE = Map(stretched, {"x": uniform(-1, 1, 2, 2)})


@pytest.mark.parametrize(
    ("status", "change", "map"),
    [
        ("multiple", lambda g: 5 * g, None),
        ("multiple", lambda g: -0.25 * g, None),
        ("transpose", lambda g: g.T, SQUARE),
        ("permuted", lambda g: g[::-1], None),
        ("permuted", lambda g: np.roll(g.reshape(-1), 1).reshape(2, 2), SQUARE),
        ("some_right", lambda g: np.concatenate([g[:1], g[1:] + 1]), None),
        ("some_right", lambda g: g + np.eye(2), SQUARE),
        ("wrong", lambda g: g + 1 + np.arange(g.size), None),
        ("imprecise", lambda g: g * (1 + 1e-5), None),
    ],
)
def test_pattern_is_told_where_no_mistake_fits(status, change, map):
    v = patterned(change, map)
    assert (v.status, v.mistake, v.score) == (status, None, 0)
    assert v.headline
    assert not any(sign in v.headline + v.message for sign in "{}")


def test_factor_is_told():
    for factor in (5, -0.25):
        says = formatting.fill(words.FINDINGS["multiple"][0], {"factor": formatting.number(factor)})
        v = patterned(lambda g, factor=factor: factor * g)
        assert v.headline == says
        assert not v.message.startswith(words.ABOUT["factor"].partition("{")[0])  # it means nothing here


# What is right about a wrong value: the sentence, and answers to 05.scalar_trick on 3 to 3, 2 to 4 and 5 to 3 numbers.
# The second answer of each row comes near it, and must not be told so.
LIKENESSES = [
    ("factor", lambda f, x, v: v.sum() * right(f, x, v), lambda f, x, v: v[0] * right(f, x, v)),
    ("plus", lambda f, x, v: right(f, x, v) + x, lambda f, x, v: right(f, x, v) + 1.1 * x),
    ("minus", lambda f, x, v: right(f, x, v) - x, lambda f, x, v: 1.1 * right(f, x, v) - x),
    ("times", lambda f, x, v: right(f, x, v) * x, lambda f, x, v: right(f, x, v) * x + 0.01),
    ("divided", lambda f, x, v: right(f, x, v) / x, lambda f, x, v: right(f, x, v) / (x + 0.1)),
    ("shifted", lambda f, x, v: right(f, x, v) + 0.3, lambda f, x, v: right(f, x, v) + 0.3 * torch.arange(len(x))),
    ("elsewhere", lambda f, x, v: right(f, -x, v), lambda f, x, v: right(f, x + 0.2, v)),
    ("zero", lambda f, x, v: 0 * x, lambda f, x, v: 0.1 * x),
]


@pytest.mark.parametrize(("key", "answer", "near"), LIKENESSES, ids=[key for key, *_ in LIKENESSES])
def test_what_a_wrong_value_resembles_is_told_and_nothing_that_is_only_near(key, answer, near):
    says = words.ABOUT[key].partition("{")[0]
    assert says in told(TRICK, answer).message
    assert says not in told(TRICK, near).message


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("to_be_added", lambda g: np.stack([g / 4, g * 3 / 4])),
        ("to_be_averaged", lambda g: np.stack([g / 2, g * 3 / 2])),
        ("added_up", lambda g: g.sum(axis=0)),
        ("averaged", lambda g: g.mean(axis=0)),
        ("reshaped", lambda g: g[None]),
    ],
)
def test_what_is_missing_from_another_shape_is_told(key, change):
    says = words.ABOUT[key].partition("{")[0]
    assert says in patterned(change).message
    assert says not in patterned(lambda g: change(g) + 0.01).message


def test_weights_that_a_sum_of_rows_amounts_to_are_told_where_they_are_unique():
    def weighted(v):
        return lambda p: p.jacobians["x"].T @ v

    wide = Map(functions.fold, {"x": normal(5)})
    question = varied(TRICK, maps=[wide])
    problems = question.problems()
    cubed = judge(question, problems, [returned(weighted(p.weights["v"].numpy() ** 3)(p)) for p in problems])
    assert f"with the weights {formatting.values(problems[0].weights['v'].numpy() ** 3)}" in cubed.message
    outside = judge(question, problems, [returned(p.truth + np.arange(5) ** 2) for p in problems])
    assert words.ABOUT["off_rows"] in outside.message


def test_quotient_by_an_argument_that_is_0_somewhere_resembles_nothing():
    pole = Map(functions.swirl, {"x": lambda generator: torch.tensor([0.4, 0.0, -0.3], dtype=torch.float64)})
    question = varied(TRICK, maps=[pole])
    problems = question.problems()
    v = judge(question, problems, [returned(np.array([1.5, -2.0, 0.25])) for _ in problems])
    assert words.ABOUT["divided"].partition("{")[0] not in v.message


def test_half_of_a_difference_quotient_is_told_though_it_is_rough():
    def halved(f, x, h=1e-5):
        return (f(x + h / 2) - f(x - h / 2)) / (2 * h)

    v = told("01.central_difference", halved)
    assert (v.status, v.headline) == ("multiple", "this is 0.5 times the right answer.")
    assert told("01.central_difference", lambda f, x: halved(f, x) * 1.01).status == "wrong"


def second_or(f, x, otherwise):
    (slope,) = grad(f(x), x, create_graph=True)
    try:
        return grad(slope, x)[0]
    except RuntimeError:
        return otherwise


def test_mistake_that_fits_where_an_answer_is_wrong_is_told_without_being_its_name():
    def first_only(f, x, order):
        (slope,) = grad(f(x), x)
        return slope

    v = told("08.nth_derivative", first_only)
    assert (v.status, v.mistake) == ("special_point", None)
    assert words.ABOUT["here"].partition("{")[0] in v.message
    mixed = told("08.nth_derivative", lambda f, x, order: first_only(f, x, order) + (order > 1) * x)
    assert words.ABOUT["here"].partition("{")[0] not in mixed.message


def test_shape_that_is_wrong_on_some_problems_only_is_told():
    v = told("08.linear_map", lambda f, x: second_or(f, x, torch.zeros(1, dtype=torch.float64)))
    assert v.status == "special_point"
    assert "(1,)" in v.message
    assert told("08.linear_map", lambda f, x: second_or(f, x, torch.zeros_like(x))).correct


def test_wrong_shape_is_told_on_whichever_problem_it_shows():
    answers_ = [returned(np.array(p.truth) + 1) for p in posed(TRICK)]
    answers_[-1] = returned(np.zeros((2, 2)))
    assert judge(ALL[TRICK], posed(TRICK), answers_).status == "shape"


def test_value_that_never_changes_is_told():
    fixed_value = torch.tensor([1.0, 2, 3], dtype=torch.float64)
    question = varied(TRICK, maps=[ALL[TRICK].maps[0]])
    problems = question.problems()
    v = judge(question, problems, [probe(lambda f, x, v: fixed_value, p.call) for p in problems])
    assert words.ABOUT["same"] in v.message
    changing = judge(question, problems, [probe(lambda f, x, v: fixed_value + x, p.call) for p in problems])
    assert words.ABOUT["same"] not in changing.message


@pytest.mark.parametrize("shape", [(8,) * 18 + (0,), (2,) * 15, (2,) * 20 + (0,), (0,) * 40])
def test_value_of_many_axes_gets_a_short_card(shape):
    v = told(TRICK, lambda f, x, v: torch.zeros(shape))
    assert v.status == "shape"
    assert len(as_text(v)) < 6000
    assert len(formatting.values(np.zeros((8, 8, 8)))) > len(formatting.values(np.zeros((8, 8))))  # that much is shown


class Unspeakable(Exception):
    @property
    def __traceback__(self):
        raise ValueError


def marks_a_tensor(name):
    def answer(f, x, v):
        x.__dict__[name] = 1
        raise ValueError("here")

    return answer


def test_exception_that_cannot_be_looked_at_is_an_error_like_any_other():
    def raises(f, x, v):
        raise Unspeakable

    assert told(TRICK, raises).status == "raised"
    for name in (3, ("a",), "grad" * 1000):
        v = told(TRICK, marks_a_tensor(name))
        assert (v.status, v.mistake) == ("raised", None)
        assert "here" in v.headline


def test_anomaly_mode_that_was_left_on_changes_nothing():
    def leaves_it_on(f, x, v):
        torch.autograd.set_detect_anomaly(True)
        return right(f, x, v)

    def batched(f, x, V):
        return grad(f(x), x, grad_outputs=V, is_grads_batched=True)[0]

    assert told(TRICK, leaves_it_on).correct
    assert not torch.is_anomaly_enabled()
    with torch.autograd.set_detect_anomaly(True):
        assert told("09.batched_weights", batched).correct
        assert told("11.anomaly", lambda f, x: "SqrtBackward0").status == "special_point"
        assert torch.is_anomaly_enabled()  # it is the student's to leave on


def test_nothing_that_gives_a_prediction_away_is_told():
    v = told("05.ones_sum_the_rows", [3.5, 4, 5.5])
    assert v.message == words.ABOUT["signs_right"]


def test_places_that_are_right_are_told():
    v = patterned(lambda g: np.concatenate([g[:2], g[2:] + 1]), FOLD_OF_FIVE)
    assert v.headline == "2 of 5 entries are right: at 0, 1."


def test_right_signs_are_told_only_where_all_are_right():
    growing = patterned(lambda g: g * np.arange(2, 2 + g.size))
    assert words.ABOUT["signs_right"] in growing.message
    turned = patterned(lambda g: g * np.arange(2, 2 + g.size) * np.resize([1, -1], g.size))
    assert words.ABOUT["signs_right"] not in turned.message


def test_pattern_that_differs_between_problems_is_not_told():
    problems = posed(TRICK)
    values = [5 * problems[0].truth, problems[1].truth[::-1], problems[2].truth + 1]
    assert judge(ALL[TRICK], problems, [returned(value) for value in values]).status == "wrong"


@pytest.mark.parametrize("size", [1e30, 1e154, 1e308])
def test_entries_near_the_largest_float_are_wrong_without_a_factor_or_a_warning(size, recwarn):
    v = told(TRICK, lambda f, x, v: size * torch.sign(right(f, x, v)))
    assert v.status == "wrong"
    assert "∞" not in v.headline
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]


def test_largest_floats_beside_a_truth_much_smaller_than_one_do_not_warn(recwarn):
    slow = Map(lambda x: 0.001 * functions.fan(x), {"x": normal(2)})
    assert patterned(lambda g: 1.7e308 * np.sign(g), slow).status in ("wrong", "multiple")
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]


# --- answers that fit one problem only


def test_hard_coded_answer_is_right_on_one_problem_only_and_scores_nothing():
    first = as_returned(posed(SLOPE)[0].truth)
    v = told(SLOPE, lambda x: first)
    assert (v.status, v.score, v.mistake) == ("special_point", 0, None)
    assert v.message.startswith(words.FINDINGS["special_point"][1].removesuffix("{about}"))


@pytest.mark.parametrize("wrong_at", [0, 1, 2])
def test_right_everywhere_but_on_one_problem_is_a_special_point_wherever_it_is(wrong_at):
    def value_of(p):
        return p.truth + (p is posed(TRICK)[wrong_at])

    v = answers(TRICK, value_of)
    assert (v.status, v.score) == ("special_point", 0)
    np.testing.assert_array_equal(v.true, posed(TRICK)[wrong_at].truth)  # the problem that the card shows
    assert answers(TRICK, lambda p: p.truth).correct


def test_shape_typed_in_that_fits_one_map_only_is_a_special_point():
    assert (
        told(TRICK, lambda f, x, v: torch.cat([right(f, x, v), torch.zeros(5).double()])[:3]).status == "special_point"
    )


def test_error_on_one_problem_only_is_told_as_the_error():
    def only_for_three(f, x, v):
        return right(f, x, v) if x.numel() == 3 else x.reshape(3)

    v = told(TRICK, only_for_three)
    assert (v.status, v.error, v.score) == ("raised", "reshape_size", 0)


# --- partial credit


@pytest.mark.parametrize(
    ("id", "spoiled", "share"),
    [
        ("05.several_inputs", (), 1),
        ("05.several_inputs", (0,), 1 / 2),
        ("05.several_inputs", (1,), 1 / 2),
        ("05.several_inputs", (0, 1), 0),
        ("01.several_inputs", (1,), 2 / 3),
        ("01.several_inputs", (0, 2), 1 / 3),
        ("01.several_inputs", (0, 1, 2), 0),
    ],
)
@pytest.mark.parametrize("spoil", [lambda g: g + 1, lambda g: g * np.nan, lambda g: g[None]])
def test_every_right_entry_of_a_tuple_earns_its_share_whatever_the_others_are(id, spoiled, share, spoil):
    v = answers(id, lambda p: tuple(spoil(g) if k in spoiled else g for k, g in enumerate(p.truth)))
    assert v.score == pytest.approx(share * v.points)
    assert v.correct == (share == 1)


@pytest.mark.parametrize("entry", [None, "text", torch.ones((), dtype=torch.complex64)])
def test_entry_that_is_no_tensor_of_its_own_costs_its_own_share_only(entry):
    v = told("01.several_inputs", lambda f, a, b, c: (*grad(f(a, b, c), (a, b)), entry))
    assert v.score == pytest.approx(2 / 3 * v.points)
    assert not v.correct


@pytest.mark.parametrize("form", [torch.Tensor.numpy, torch.Tensor.tolist, lambda g: (g, g)])
def test_right_numbers_in_another_form_are_named_cost_their_own_share_and_are_no_mistake(form):
    def answer(f, A, x, v):
        by_A, by_x = grad(f(A, x), (A, x), v)
        return by_A, form(by_x)

    v = told("05.several_inputs", answer)
    assert (v.status, v.mistake) == ("type", None)
    assert v.score == v.points / 2


def test_entry_counts_only_where_it_is_right_on_every_problem():
    def value_of(p):
        A, x = p.truth
        return (A, x + 1) if p is posed("05.several_inputs")[0] else (A + 1, x)

    assert answers("05.several_inputs", value_of).score == 0


def test_no_share_is_given_where_the_question_gives_none():
    question = varied("05.several_inputs", partial=False)
    problems = posed("05.several_inputs")
    v = judge(question, problems, [returned((p.truth[0], p.truth[1] + 1)) for p in problems])
    assert v.score == 0


def test_tuple_that_is_too_short_earns_no_share():
    assert told("01.several_inputs", lambda f, a, b, c: grad(f(a, b, c), (a, b))).score == 0


# --- untouched


def only_dots(f, x, v): ...


def only_pass(f, x, v):
    pass


def only_a_text(f, x, v):
    """What the stub of an exercise looks like."""


def not_implemented(f, x, v):
    """What the release version looks like."""
    raise NotImplementedError()


def not_implemented_class(f, x, v):
    raise NotImplementedError


@pytest.mark.parametrize("stub", [..., only_dots, only_pass, only_a_text, not_implemented, not_implemented_class])
def test_stub_is_unattempted(stub):
    v = told(TRICK, stub)
    assert (v.status, v.score, v.mistake, v.error) == ("unattempted", 0, None, None)
    assert ALL[TRICK].title.split()[0] in v.headline
    assert str(ALL[TRICK].minutes) in v.headline


def returns_something(f, x, v):
    return 5


def with_a_text(f, x, v):
    """A docstring and an answer."""
    return "answer"


def not_implemented_with_words(f, x, v):
    raise NotImplementedError("on purpose")


@pytest.mark.parametrize("attempt", [returns_something, with_a_text, not_implemented_with_words, lambda f, x, v: ...])
def test_attempt_is_not_taken_for_a_stub(attempt):
    assert not is_stub(attempt)
    assert told(TRICK, attempt).status in ("type", "raised")


def test_not_implemented_from_within_torch_is_an_error_and_not_a_stub():
    v = told(TRICK, lambda f, x, v: torch.ones(2, device="meta").numpy())
    assert v.status == "raised"


# --- answers that misbehave


def mutates(f, x, v):
    g = right(f, x, v)
    with torch.no_grad():
        x.zero_()
        v.fill_(7)
    return g


def prints(f, x, v):
    print("a student's print")
    return right(f, x, v)


def switches_gradients_off(f, x, v):
    g = right(f, x, v)
    torch.set_grad_enabled(False)
    return g


@pytest.mark.parametrize("answer", [mutates, prints, switches_gradients_off])
def test_side_effects_change_no_verdict_and_no_later_problem(answer):
    problems = ALL[TRICK].problems()
    before = [arg.value.copy() for p in problems for arg in p.call.args[1:]]
    for _ in range(2):
        with redirect_stdout(io.StringIO()):
            assert is_full(judge(ALL[TRICK], problems, [probe(answer, p.call) for p in problems]))
    after = [arg.value for p in problems for arg in p.call.args[1:]]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert torch.is_grad_enabled()


def test_tensor_that_a_later_call_overwrites_is_judged_as_it_was_returned():
    kept = torch.zeros(3, dtype=torch.float64)

    def into_the_same_tensor(f, x, v):
        return kept.copy_(right(f, x, v))

    assert is_full(diagnose(varied(TRICK, maps=[ALL[TRICK].maps[0]]), into_the_same_tensor))


def test_callable_object_is_judged_on_what_it_returns_whatever_its_attributes_are():
    class Answering:
        __code__ = EqualToEverything()

        def __call__(self, f, x, v):
            return right(f, x, v)

    assert is_full(told(TRICK, Answering()))


class Odd:
    """An object that raises, or lies, wherever it is asked; ``error`` is what it raises."""

    error: type[BaseException] = RuntimeError

    def _refuse(self, *args):
        raise self.error("no")

    __str__ = __repr__ = __eq__ = __ne__ = __bool__ = __len__ = __iter__ = __format__ = __getattr__ = _refuse
    __array__ = __float__ = __index__ = __getitem__ = __lt__ = _refuse
    __hash__ = None  # type: ignore[assignment]


class OddAndExiting(Odd):
    error = SystemExit


class OddFunction(Odd):
    def __call__(self, *args):
        return self


class Classless:
    @property
    def __class__(self):
        raise RuntimeError("no class")


class EqualToEverything:
    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    __hash__ = None  # type: ignore[assignment]


class EqualTensor(torch.Tensor):
    """A tensor that says that it equals everything, and hands out something that says so too."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func.__name__ in ("numpy", "__eq__", "allclose", "equal", "eq"):
            return EqualToEverything()
        return super().__torch_function__(func, types, args, kwargs or {})

    def detach(self):
        return EqualToEverything()

    def numpy(self):
        return EqualToEverything()


class EqualText(str):
    """A text that reads as another one whenever it is asked."""

    def __getitem__(self, key):
        return self

    def lower(self):
        return "ac"

    def __eq__(self, other):
        return True

    __hash__ = str.__hash__


class EqualArray(np.ndarray):
    def __eq__(self, other):
        return np.ones(self.shape, dtype=bool)


ODD = {
    "raises": Odd,
    "exits": OddAndExiting,
    "callable": OddFunction,
    "classless": Classless,
    "equal to everything": EqualToEverything,
    "a number too large": lambda: 10**400,
}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
@pytest.mark.parametrize("id", [TRICK, "05.predict_error", "01.predict_slope", "05.several_inputs", STATE])
def test_odd_object_returned_or_given_is_judged_and_never_right(id, make):
    thing = make()
    for answer in (thing, taking(ALL[id].gives, lambda *args: thing)):
        v = told(id, answer)
        assert v.score == 0
        assert not v.correct
        json.dumps(v.as_data())


@pytest.mark.parametrize("id", [TRICK, "01.predict_slope", "05.ones_sum_the_rows"])
def test_number_too_large_for_a_float_is_another_type(id):
    assert told(id, taking(ALL[id].gives, lambda *args: 10**400)).status == "type"
    assert told(id, taking(ALL[id].gives, lambda *args: 10**300)).status in ("type", "wrong", "shape")


def test_tensor_that_says_it_equals_everything_is_judged_on_its_entries():
    v = told(TRICK, lambda f, x, v: (5 * right(f, x, v)).as_subclass(EqualTensor))
    assert (v.status, v.score) == ("multiple", 0)
    assert told(TRICK, lambda f, x, v: right(f, x, v).as_subclass(EqualTensor)).correct


def test_text_that_says_it_equals_everything_is_judged_on_its_letters():
    assert told("05.predict_error", EqualText("b")).status == "mistake"
    assert told("05.predict_error", EqualText(posed("05.predict_error")[0].truth)).correct


def test_array_that_says_it_equals_everything_is_judged_on_its_entries():
    wrong = np.array(ALL["01.predict_slope"].sample(0).truth + 0.5).reshape(1).view(EqualArray)[0:1].reshape(())
    assert not told("01.predict_slope", wrong).correct


class Raising(Exception):
    def __str__(self):
        raise SystemExit("from str")


def endless(f, x, v):
    return endless(f, x, v)


def to_and_fro(f, x, v):
    return fro(f, x, v)


def fro(f, x, v):
    return to_and_fro(f, x, v)


def raises(error):
    def answer(f, x, v):
        raise error

    return answer


@pytest.mark.parametrize(
    "answer",
    [raises(SystemExit(1)), raises(ValueError()), raises(Raising()), raises(GeneratorExit()), endless],
    ids=[
        "SystemExit",
        "an error without words",
        "an error that cannot be printed",
        "GeneratorExit",
        "recursion",
    ],
)
def test_whatever_is_raised_ends_up_in_the_verdict(answer):
    v = told(TRICK, answer)
    assert (v.status, v.score) == ("raised", 0)
    assert v.lines
    assert v.headline


@pytest.mark.parametrize(("answer", "count"), [(endless, 1), (to_and_fro, 2)])
def test_endless_recursion_tells_each_of_its_lines_once(answer, count):
    assert len(told(TRICK, answer).lines) == count


def test_keyboard_interrupt_passes_through_so_that_a_loop_can_be_stopped():
    with pytest.raises(KeyboardInterrupt):
        told(TRICK, raises(KeyboardInterrupt()))

    class Interrupting:
        def __str__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        told("05.predict_error", Interrupting())
    assert told(TRICK, raises(Exception("not that"))).status == "raised"


def test_error_is_blamed_on_pytorch_only_where_pytorch_raised_it():
    by_torch = told(TRICK, lambda f, x, v: grad(f(x), x))
    assert by_torch.headline.startswith(words.FINDINGS["raised"][0].split("{")[0])
    assert by_torch.error == "scalar_needed"
    by_python = told(TRICK, lambda f, x, v: [x][5])
    assert by_python.headline.startswith(words.FINDINGS["raised_python"][0].split("{")[0])
    assert by_python.error == "index_range"
    assert told(TRICK, raises(RuntimeError("my own"))).error is None


# --- predictions


@pytest.mark.parametrize("id", [id for id, question in ALL.items() if question.asks.predicts])
def test_prediction_is_taken_as_a_value_and_as_a_function_and_its_truth_is_kept(id):
    said = as_returned(posed(id)[0].truth, ALL[id].asks.form)
    for answer in (said, lambda: said):
        v = told(id, answer)
        assert is_full(v)
        assert v.true is None
        assert v.inputs == {}


@pytest.mark.parametrize("form", [lambda a: a.tolist(), lambda a: tuple(a.tolist()), torch.tensor, np.array])
def test_predicted_numbers_may_be_a_list_a_tuple_an_array_or_a_tensor(form):
    truth = posed("05.ones_sum_the_rows")[0].truth
    assert told("05.ones_sum_the_rows", form(truth)).correct
    assert not told("05.ones_sum_the_rows", form(truth[::-1].copy())).correct


def test_predicted_numbers_with_an_imaginary_part_are_not_taken_for_their_real_part():
    truth = posed("05.ones_sum_the_rows")[0].truth
    for said in ([*truth[:-1], truth[-1] + 1j], truth + 0j, complex(truth[0])):
        assert told("05.ones_sum_the_rows", said).status in ("complex", "shape")
    assert told("05.ones_sum_the_rows", [*truth]).correct


def test_predicted_numbers_in_a_ragged_or_wordy_list_are_another_type():
    for said in ([1, [2, 3]], [1, "2", 3], [[], 1]):
        assert told("05.ones_sum_the_rows", said).status == "type"


def test_predicted_shape_may_be_a_tuple_a_list_or_a_size():
    truth = tuple(int(n) for n in posed("00.predict_a_shape")[0].truth)
    for said in (truth, list(truth), torch.Size(truth)):
        assert told("00.predict_a_shape", said).correct
        assert not told("00.predict_a_shape", (*said, 1)).correct


LETTERS = "05.predict_error"


@given(st.data())
def test_letters_are_read_in_any_order_case_and_wrapping(data):
    truth = posed(LETTERS)[0].truth
    order = list(data.draw(st.sampled_from(list(permutations(truth)))))
    order = [data.draw(st.sampled_from([letter, letter.upper(), f" {letter}", f"{letter})"])) for letter in order]
    joined = data.draw(st.sampled_from(["", " ", ", ", ",", " and ", " & ", "; ", "/", "\n"])).join(order)
    said = data.draw(st.sampled_from([joined, order, tuple(order), [joined], joined + joined]))
    assert told(LETTERS, said).correct


@given(st.sets(st.sampled_from("abcde")))
def test_every_other_choice_of_letters_is_a_mistake(chosen):
    truth = posed(LETTERS)[0].truth
    v = told(LETTERS, ", ".join(sorted(chosen)))
    assert v.correct == (chosen == set(truth))
    assert v.correct or v.mistake in ("letter_missed", "letter_too_many")


@pytest.mark.parametrize(
    ("said", "status"), [("xyz", "wrong_choice"), ("", "mistake"), (3, "type"), ([], "type"), ({"a", "c"}, "type")]
)
def test_choice_without_a_known_letter_is_not_right(said, status):
    v = told(LETTERS, said)
    assert (v.status, v.score) == (status, 0)


def test_the_word_and_is_no_choice_but_the_letters_of_another_word_are():
    assert letters_of(plain("A and C")) == "ac"
    assert letters_of(plain("sand")) == "adns"


@pytest.mark.parametrize("id", ["00.read_an_error", "99.cause"])
def test_cause_is_one_letter_and_every_other_one_is_explained(id):
    truth = posed(id)[0].truth
    options = ALL[id].asks.options
    assert truth in options
    for letter, key in options.items():
        v = told(id, letter)
        assert v.correct == (letter == truth)
        if letter != truth:
            assert v.mistake == "other_cause"
            assert v.message == words.cause(key)


# --- the verdict


@pytest.mark.parametrize(("status", "answer"), ORDER, ids=[status for status, _ in ORDER])
def test_verdict_is_plain_data(status, answer):
    v = told(TRICK, answer)
    data = json.loads(json.dumps(v.as_data()))
    assert data["status"] == status
    assert data["score"] == v.score
    assert not {"yours", "true", "rows"} & set(data)


def test_rows_of_j_are_shown_for_a_weighted_gradient_of_a_vector_only():
    v = told(TRICK, lambda f, x, v: 5 * right(f, x, v))
    J, weight = v.rows
    np.testing.assert_allclose(weight @ J, v.true)
    assert told("99.any_shape", lambda f, X, V: 5 * right(f, X, V)).rows is None
    assert told(JACOBIAN, lambda f, x: 5 * rows_of(f, x)).rows is None


def test_nothing_true_is_shown_before_there_is_an_answer():
    for answer in (untouched, 3.0, raises_with_another_signature, raises_at_once):
        v = told(TRICK, answer)
        assert v.true is None
        assert v.rows is None
    assert told(TRICK, lambda f, x, v: 5 * right(f, x, v)).true is not None


def test_inputs_are_shown_as_the_call_passed_them():
    v = told("05.weight_that_depends_on_x", lambda f, weigh, x: 5 * grad(f(x), x, weigh(x))[0])
    p = posed("05.weight_that_depends_on_x")[0]
    assert v.inputs["x"] == formatting.values(p.inputs["x"].numpy())
    assert v.inputs["v = weigh(x)"] == formatting.values(p.weights["v"].numpy())
    stale = told(STATE, lambda f, x, v: setattr(x, "grad", 5 * x.detach())).inputs
    shown = [p for p in posed(STATE) if formatting.values(p.inputs["x"].numpy()) == stale["x"]]
    assert [stale["x.grad before"]] == [formatting.values(p.extras["stale"].numpy()) for p in shown]


def test_a_result_that_is_handed_over_is_shown_by_its_formula():
    v = told("07.retain", lambda x, y, v, w: 5 * grad(y, x, v)[0])
    assert v.inputs["y"] == posed("07.retain")[0].map.formula


def test_the_square_of_the_weighted_sum_is_told_with_the_factor_that_it_brings():
    p = posed(TRICK)[0]
    v = told(TRICK, lambda f, x, v: grad((f(x) @ v) ** 2 / 2, x)[0])
    assert v.mistake == "squared_loss"
    assert f"here {formatting.number(float(p.weights['v'] @ p.outputs[0]))}." in v.message


def test_how_the_shapes_fit_is_said_where_there_is_something_to_say():
    v = told(TRICK, lambda f, x, v: right(f, x, v) ** 3 + x.detach() + 1)
    assert (v.status, bool(v.equation)) == ("wrong", True)
    assert f"{v.equation}." in v.message


def test_right_values_and_true_ones_are_of_one_problem():
    v = told(TRICK, right)
    np.testing.assert_allclose(v.yours, v.true)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(v.yours, posed(TRICK)[1].truth)  # the way to fail


def test_answers_and_problems_must_be_as_many():
    with pytest.raises(ValueError, match="zip"):
        judge(ALL[TRICK], posed(TRICK), [returned(posed(TRICK)[0].truth)])


def test_judge_takes_answers_as_the_probe_leaves_them():
    for answer, status in [
        (Answer(untouched=True), "unattempted"),
        (Answer(instead=plain(3)), "no_function"),
        (Answer(misfit="(x)"), "signature"),
        (Answer(raised=Raised("ValueError", "")), "raised"),
        (Answer(value=plain(None)), "mistake"),
    ]:
        assert judge(ALL[TRICK], posed(TRICK), [answer] * len(posed(TRICK))).status == status


def test_other_seed_poses_other_inputs_and_judges_alike():
    wrong = diagnose(ALL[TRICK], lambda f, x, v: 2 * right(f, x, v), seed=5)
    usual = diagnose(ALL[TRICK], lambda f, x, v: 2 * right(f, x, v))
    assert wrong.mistake == usual.mistake == "accumulated"
    assert wrong.inputs != usual.inputs
    assert diagnose(ALL[TRICK], right, seed=5).correct


def test_probe_hands_over_fresh_leaves_and_plain_arguments():
    p = sample("04.one_row", 0)
    seen = []
    probe(lambda f, x, i: seen.append((x, i)), p.call)
    probe(lambda f, x, i: seen.append((x, i)), p.call)
    (x1, i1), (x2, i2) = seen
    assert x1 is not x2
    assert x1.is_leaf
    assert x1.requires_grad
    assert x1.dtype == torch.float64
    assert i1 == i2 == p.extras["i"]


def test_undeclared_input_requires_no_gradient():
    seen = []
    probe(lambda x: seen.append(x.requires_grad), sample(SLOPE, 0).call)
    probe(lambda f, x: seen.append(x.requires_grad), sample("01.backward", 0).call)
    assert seen == [False, True]


def test_probe_of_a_value_needs_no_call():
    assert probe(3.5, Call()).value.array == 3.5
    assert probe(..., Call()).untouched
    assert probe(lambda: "a", Call()).value.text == "a"


def test_question_with_one_map_and_a_weight_is_all_that_a_check_needs():
    question = Question("99.small", "Small", WeightedGradient(), [FAN], ("x", "v"), weights={"v": None})
    assert diagnose(question, lambda x, v: grad(functions.fan(x), x, v)[0]).correct
    assert diagnose(question, lambda x, v: grad(functions.fan(x), x, v.abs())[0]).mistake == "absolute_weight"
    assert diagnose(replace(question, points=7), lambda x, v: grad(functions.fan(x), x, v)[0]).score == 7


# --- mistakes that only some of the posed problems can show


def _jacobian_times_v(f, x, v):
    return torch.autograd.functional.jacobian(f, x) @ v


def test_mistake_that_only_a_square_jacobian_shows_is_named_although_the_others_raise():
    assert grader.diagnose("05.scalar_trick", _jacobian_times_v).mistake == "jvp_for_vjp"


def test_it_is_not_named_where_the_others_give_something_else():
    def sometimes(f, x, v):
        return _jacobian_times_v(f, x, v) if len(v) == len(x) else torch.zeros_like(x)

    assert grader.diagnose("05.scalar_trick", sometimes).mistake is None


def test_what_raises_everywhere_is_an_error_and_no_mistake():
    verdict = grader.diagnose("05.scalar_trick", lambda f, x, v: torch.autograd.grad(f(x), x))
    assert (verdict.mistake, verdict.error) == (None, "scalar_needed")


def test_error_on_a_later_problem_is_shown_where_no_mistake_fits_the_earlier_ones():
    first = next(q for q in grader.questions() if q.id == "05.scalar_trick").problems()[0].call.args[1].value.size

    def later(f, x, v):
        if x.numel() == first:
            return torch.full_like(x, 7.0)
        raise ValueError("only later")

    verdict = grader.diagnose("05.scalar_trick", later)
    assert verdict.status == "raised"
    assert "only later" in verdict.headline


def test_of_several_results_the_right_ones_are_named_by_their_inputs():
    def half(f, A, x, v):
        by_A, by_x = grad(f(A, x), (A, x), v)
        return by_A, by_x + 1

    verdict = grader.diagnose("05.several_inputs", half)
    assert (verdict.status, verdict.score) == ("some_right", 1.0)
    assert "1 of 2 results are right: at A" in verdict.headline
    neither = grader.diagnose("05.several_inputs", lambda f, A, x, v: tuple(g + 1 for g in half(f, A, x, v)))
    assert "results are right" not in neither.headline


def test_answer_above_the_line_that_raises_is_told_to_delete_that_line():
    def answered(x):
        y = x**2  # noqa: F841
        raise NotImplementedError

    verdict = grader.diagnose("00.run_and_check", answered)
    assert verdict.status == "unattempted"
    assert "delete the line" in verdict.message


def test_predicted_shape_is_shown_as_a_shape_and_one_in_another_order_is_told_of_sizes():
    assert grader.diagnose("00.predict_a_shape", [4, 1]).yours == "(4, 1)"
    verdict = grader.diagnose("04.shape", (2, 3, 4))
    assert (verdict.status, verdict.yours) == ("permuted", "(2, 3, 4)")
    assert "sizes" in verdict.headline
    assert "gradient" not in verdict.message


@pytest.mark.parametrize("shape", [(float("nan"),), (2.5,), ((2, 3), (4, 5)), (), 10**30])
def test_predicted_shape_that_is_none_is_refused_and_not_shown_as_one(shape):
    verdict = grader.diagnose("00.predict_a_shape", shape)
    assert not verdict.correct
    grader.card.as_html(verdict)


def test_result_that_is_a_single_number_is_not_counted_in_entries():
    one = grader.diagnose("01.unpack_the_tuple", lambda f, x: x * float("nan"))
    assert (one.status, one.headline) == ("nonfinite", "the result is nan.")
    several = grader.diagnose("00.run_and_check", lambda x: x * float("nan"))
    assert "entries" in several.headline


@pytest.mark.parametrize(
    ("id", "answer", "help_"),
    [
        ("01.several_inputs", lambda f, a, b, c: sum(torch.autograd.grad(f(a, b, c), (a, b, c))), "tuple/tensor"),
        ("01.predict_slope", "71", "numbers/text"),
        ("00.predict_a_shape", "(4,)", "shape/text"),
        (TRICK, lambda f, x, v: [1.0, 2.0], "list"),
    ],
)
def test_answer_of_another_form_is_told_how_to_give_it(id, answer, help_):
    verdict = grader.diagnose(id, answer)
    assert (verdict.status, verdict.message) == ("type", words.FORM_HELP[help_])


def test_quotient_with_parentheses_missing_is_not_told_that_both_values_are_the_same():
    without = grader.diagnose("01.central_difference", lambda f, x: (f(x + 1e-5) - f(x - 1e-5)) / 2 * 1e-5)
    assert "parentheses" in without.message
    with_them = grader.diagnose("01.central_difference", lambda f, x: (f(x + 1e-5) - f(x - 1e-5)) / (2 * 1e-5))
    assert with_them.correct


def test_old_gradient_left_alone_is_not_called_the_right_one_plus_an_old_one():
    left = grader.diagnose("05.backward_gradient", lambda f, x, v: torch.autograd.grad(f(x), x, v)[0])
    assert left.mistake == "grad_untouched"
    added = grader.diagnose("05.backward_gradient", lambda f, x, v: f(x).backward(v))
    assert added.mistake == "stale_grad"


def test_the_line_at_which_an_answer_raised_is_said():
    v = told(TRICK, lambda f, x, v: {}["no such key"])
    assert v.status == "raised"
    assert f"line {v.lines[-1][0]}: " in v.headline


def test_of_many_right_places_the_first_are_listed_and_then_dots():
    def but_one(p):
        value = p.truth.copy()
        value[(0,) * value.ndim] += 1.0
        return value

    many, few = answers("99.jacobian", but_one), answers(JACOBIAN, but_one)
    assert {many.status, few.status} == {"some_right"}
    assert many.headline.count("(") == LONGEST
    assert many.headline.rstrip(".").endswith("…")
    assert "…" not in few.headline


def test_a_warning_about_a_leaf_is_no_fault_where_the_answer_is_right():
    assert is_full(told(TRICK, lambda f, x, v: ((x * 1).grad, right(f, x, v))[1]))


def test_a_predicted_vector_in_another_order_is_no_shape_in_another_order():
    v = answers("99.predict_a_vector", lambda p: p.truth[::-1].copy())
    assert v.status == "permuted"
    assert v.headline.startswith(words.FINDINGS["permuted"][0].partition("{")[0])
    assert words.FINDINGS["permuted"] != words.FINDINGS["sizes_permuted"]


def test_next_to_nothing_is_no_multiple():
    assert told(TRICK, lambda f, x, v: 1e-4 * right(f, x, v)).status == "wrong"
    assert told(TRICK, lambda f, x, v: 1e-2 * right(f, x, v)).status == "multiple"


def test_an_overflow_on_one_problem_hides_no_mistake_on_the_others():
    first, *rest = posed(TRICK)
    wrong = {p: next(w.value for w in p.wrongs if w.key == "ones_weight") for p in (first, *rest)}
    v = answers(TRICK, lambda p: wrong[p] if p is first else np.full_like(wrong[p], np.inf))
    assert (v.status, v.mistake) == ("mistake", "ones_weight")
    assert answers(TRICK, lambda p: wrong[p] if p is first else wrong[p] + 1).mistake is None  # the way to fail


def test_an_error_of_a_second_derivative_is_explained_by_its_own_cause():
    twice = told("08.hessian_by_rows", lambda f, x: grad(grad(f(x), x)[0].sum(), x)[0])
    once = told(TRICK, lambda f, x, v: grad(f(x.detach()), x, v)[0])
    assert {twice.error, once.error} == {"no_graph"}
    assert (twice.unit, once.unit) == ("08", "01")
    assert twice.message != once.message


def test_a_list_with_something_else_among_its_numbers_is_no_shape():
    assert {told("99.shape_of_table", said).status for said in (("a", 3), ("a", "b"))} == {"type"}
    assert told("99.shape_of_table", (9, 3)).status == "wrong"


def test_what_comes_after_wrong_values_names_no_mistake():
    def times(factor):
        return lambda f, x: factor * grad(f(x), x, create_graph=True)[0]

    assert is_full(told("08.mend_create_graph", times(1)))
    assert told("08.mend_create_graph", times(1.5)).status == "multiple"


def test_what_is_no_tensor_in_a_tuple_is_not_taken_for_none():
    def with_instead_of_zeros(thing):
        def answer(f, W, b, x):
            found = grad(f(W, b, x), (W, b, x), allow_unused=True)
            return tuple(thing if g is None else g for g in found)

        return answer

    assert told("07.unused_zeros", with_instead_of_zeros(None)).mistake == "none_for_zeros"
    assert told("07.unused_zeros", with_instead_of_zeros("b")).status == "type"
