"""Drawing a Question is deterministic, tells its mistakes apart or says why it cannot, and passes what it says."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import grader
from grader import clashes
from grader.predictions import PredictedShape
from grader.probe import Arg
from grader.problem import (
    SEPARATION,
    Inseparable,
    Map,
    Problem,
    alike,
    fixed,
    like,
    mixed_signs,
    normal,
    place,
    uniform,
)
from grader.quantities import EachWeight, Gradient, WeightedGradient
from grader.question import TRIES, Question

from support import ALL, CONSTRUCTED, FAN, GRID, MISTAKES, MIXED, SHIPPED, SWIRL, functions, posed, sum_of_linear

UNITS = sorted({question.unit for question in SHIPPED.values()})
README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
DRAWN = [id for id, question in ALL.items() if question.maps and not question.asks.predicts]

PAIR = Map(functions.pair, {"x": normal(3)})


def twice_the_sum(x):
    return torch.stack([x.sum(), x.sum()])


def one_over(x):
    return 1 / x


def two_sizes(x):
    return x**2, torch.outer(x[:2], x[1:])


def every_question(*ids):
    return pytest.mark.parametrize("id", ids or list(ALL))


def drawn(problem: Problem) -> dict[str, np.ndarray]:
    """Everything that was drawn for a problem."""
    return {
        name: np.asarray(value)
        for place in (problem.inputs, problem.weights, problem.extras)
        for name, value in place.items()
    }


def same(a: Problem, b: Problem) -> bool:
    x, y = drawn(a), drawn(b)
    return x.keys() == y.keys() and all(np.array_equal(x[name], y[name]) for name in x)


def test_every_question_has_a_cell_of_its_own_whose_id_nbgrader_allows():
    ids = [question.grade_id for question in SHIPPED.values()]
    assert all(re.fullmatch(r"\d\d-[\w-]+", id) for id in ids)
    assert len(set(ids)) == len(ids)


# --- form


def test_ids_are_unique_and_stand_in_course_order():
    listed = grader.questions()
    assert len({question.id for question in listed}) == len(listed) == len(SHIPPED)
    assert [question.unit for question in listed] == sorted(question.unit for question in listed)


def said_in(page: str) -> dict[str, int]:
    """{unit: number of exercises} in the README's table of units."""
    return {unit: int(count) for unit, count in re.findall(r"^\| (\d\d)_\w+ \|.*\| (\d+) \|$", page, re.M)}


def test_readme_says_how_many_questions_each_unit_has():
    assert said_in(README) == Counter(question.unit for question in grader.questions())
    assert said_in(re.sub(r"\d+ \|$", "99 |", README, flags=re.M)) == dict.fromkeys(UNITS, 99)  # the way to fail


def test_titles_count_the_questions_of_a_unit_without_a_gap():
    for unit in UNITS:
        numbers = [question.title.split()[0] for question in grader.questions() if question.unit == unit]
        assert numbers == [f"{int(unit)}.{k + 1}" for k in range(len(numbers))]


# --- drawing


@every_question()
def test_problem_at_a_seed_is_the_same_whenever_it_is_drawn(id):
    state = torch.random.get_rng_state()
    first = ALL[id].sample(3)
    torch.manual_seed(99)
    torch.randn(5)
    second = ALL[id].sample(3)
    assert same(first, second)
    assert alike(first.truth, second.truth, 0.0)
    torch.random.set_rng_state(state)


@every_question(*DRAWN)
def test_drawing_leaves_the_callers_random_numbers_alone(id):
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    ALL[id].sample(4)
    assert torch.equal(torch.randn(3), expected)


@every_question(*[id for id, question in ALL.items() if question.asks.predicts])
def test_a_prediction_poses_one_problem(id):
    assert len(posed(id)) == 1


@every_question(*DRAWN)
def test_one_check_poses_every_map_and_at_least_three_problems(id):
    for seed in (0, 1, 7):
        problems = ALL[id].problems(seed)
        assert len(problems) >= 3
        assert all(any(p.map is map for p in problems) for map in ALL[id].maps)


def test_other_seeds_pose_other_problems():
    question = SHIPPED["05.scalar_trick"]
    first, second = question.problems(0), question.problems(1)
    assert not any(same(a, b) for a in first for b in second)
    assert all(same(a, b) for a, b in zip(first, question.problems(0), strict=True))


def test_a_problem_that_was_moved_has_a_truth_of_its_own_and_leaves_the_other_as_it_was():
    p = posed("08.mend_create_graph")[0]
    (name,) = p.drawn
    truth, x = p.truth, p.inputs[name]  # known before it is moved
    moved = p.at(name, x + 1)
    assert torch.equal(moved.inputs[name], x + 1)
    assert not alike(moved.truth, truth, SEPARATION)
    assert alike(moved.at(name, x).truth, truth, 1e-12)
    assert (p.truth is truth, p.inputs[name] is x) == (True, True)


@pytest.mark.parametrize(("n", "square"), [(1, False), (2, True), (3, True)])
def test_a_jacobian_is_square_from_two_rows_on(n, square):
    maps = [Map(functions.square, {"x": normal(n)})]
    p = Problem(Question("99.square", "Square", WeightedGradient(), maps, ("x", "v"), weights={"v": None}), 0)
    assert p.block("x", p.weights["v"].numpy()).square == square


def test_a_text_is_like_a_text_only():
    assert alike("a", "a", 1.0)
    assert not any(alike(a, b, 1.0) for a, b in (("a", "b"), ("a", np.ones(())), (np.ones(()), "a"), ("a", None)))


def test_second_derivatives_are_those_of_the_weighted_sum():
    """The way to fail: those of the sum of the outputs, which are the same wherever v is 1."""
    p = posed("05.scalar_trick")[0]
    x, v = p.inputs["x"], p.weights["v"]
    H = p.block("x", v.numpy()).H
    np.testing.assert_allclose(H, torch.autograd.functional.hessian(lambda x: v @ p.forward(x), x), atol=1e-12)
    assert not np.allclose(H, torch.autograd.functional.hessian(lambda x: p.forward(x).sum(), x))


# --- what separates


def weighted(maps=(PAIR,), **settings) -> Question:
    settings = {"gives": ("x", "v"), "weights": {"v": None}, **settings}
    return Question("99.made_up", "Made up", WeightedGradient(), maps, **settings)


def refused(question: Question) -> str:
    """What the author of a question that cannot be drawn is told."""
    with pytest.raises(Inseparable) as why:
        question.sample(0)
    return str(why.value)


def always(said: str) -> list[set[str]]:
    """The groups that coincide on every try; the catalogue may add to any of them."""
    found = re.findall(rf"{TRIES} of {TRIES}: (.*) give the same result", said)
    return [set(re.split(", | and ", names)) for names in found]


def coincide(said: str, *names: str) -> bool:
    """Whether these are told to coincide on every try."""
    return any(set(names) <= group for group in always(said))


def proposed(said: str) -> dict[str, str]:
    """The ``without`` that is proposed, read as an author would copy it."""
    (code,) = re.findall(r"without=(\{.*\})", said)
    return ast.literal_eval(code)


def test_a_question_that_separates_is_drawn_and_any_other_is_refused_by_its_id():
    assert weighted().sample(0).clashes() == []
    assert weighted(weights={"v": mixed_signs(2)}).sample(0).clashes() == []
    said = refused(weighted(weights={"v": fixed([1.0, 1.0])}))
    assert said.startswith(f"99.made_up: none of {TRIES} draws at seed 0 tells the truth and all mistakes apart.")


def test_a_weight_of_ones_cannot_separate_and_all_that_coincides_is_told_with_its_cause():
    said = refused(weighted(weights={"v": fixed([1.0, 1.0])}))
    assert coincide(said, "the truth", "ones_weight", "weighted_twice", "weight_in_other_order", "absolute_weight")
    assert coincide(said, "mean_of_weighted", "mean_of_outputs")
    assert coincide(said, "whole_jacobian", "unreduced_jacobian")
    assert not coincide(said, "the truth", "mean_of_outputs")
    assert "All entries of the weight v have the same absolute value" in said
    assert 'weights={"v": None}' in said
    assert "without=" not in said  # the weight must be mended, and no mistake be left out


def test_a_weight_of_one_sign_cannot_separate_and_its_sign_is_told_as_the_cause():
    said = refused(weighted(weights={"v": uniform(0.5, 2)}))
    assert coincide(said, "the truth", "absolute_weight")
    assert "the same sign" in said
    assert "the same absolute value" not in said


def test_an_elementwise_map_cannot_tell_the_diagonal_from_the_truth_and_the_map_is_told_as_the_cause():
    said = refused(weighted([Map(functions.square, {"x": normal(3)})]))
    assert coincide(said, "the truth", "jvp_for_vjp", "weight_applied_after", "diagonal_only")
    assert "With respect to x the map acts entry by entry" in said
    assert "without=" not in said


@pytest.mark.parametrize("form", [lambda g: g, lambda g: g[:1], lambda g: (g, g)])
def test_two_mistakes_that_coincide_are_refused_by_name_whatever_their_form(form):
    also = [MISTAKES[key].derived(lambda p: form(7 * p.truth)) for key in ("sum_of_columns", "one_output_forgotten")]
    said = refused(weighted(also=also))
    assert always(said) == [{"sum_of_columns", "one_output_forgotten"}]
    assert "question's own mistakes: sum_of_columns and one_output_forgotten" in said
    assert "without=" not in said  # which leaves out the catalogue's
    assert weighted(also=also[:1]).sample(0)


def test_what_may_be_left_out_is_proposed_as_code_that_helps_and_the_questions_own_mistake_stays():
    question = weighted(also=[MISTAKES["sum_of_columns"].derived(lambda p: 2 * p.truth)])
    said = refused(question)
    assert coincide(said, "accumulated", "sum_of_columns")
    assert proposed(said) == {"accumulated": clashes.REASON}
    assert replace(question, without=proposed(said)).sample(0)


def test_of_catalogue_mistakes_that_coincide_with_the_truth_all_are_proposed_and_of_others_all_but_one():
    sum_of_two = weighted([Map(sum_of_linear, {"x": normal(3)})], weights={"v": fixed(1.0)})
    assert sum_of_two.sample(0)
    flat = Question("99.flat", "Flat", Gradient(), [Map(lambda x: 0 * x.sum(), {"x": normal(2)})], ("x",))
    said = refused(flat)
    assert coincide(said, "the truth", "accumulated", "minus_sign")
    assert "choose other inputs, another shape, or a map" in said
    assert {"accumulated", "minus_sign"} <= set(proposed(said))
    twice = weighted([Map(twice_the_sum, {"x": normal(2)})])
    assert coincide(refused(twice), "mean_of_outputs", "one_output_only", "diagonal_only")
    assert {"one_output_only", "diagonal_only"} <= set(proposed(refused(twice)))
    assert "mean_of_outputs" not in proposed(refused(twice))  # the first of them stays


def test_how_often_each_clash_occurred_is_told_the_most_frequent_first():
    def now_and_then(p):
        return 2 * p.truth if p.inputs["x"][0] > 0 else 9 * p.truth

    also = [
        MISTAKES["sum_of_columns"].derived(now_and_then),
        MISTAKES["one_output_forgotten"].derived(lambda p: 8 * p.truth),
        MISTAKES["weights_exchanged"].derived(lambda p: 8 * p.truth),
    ]
    said = refused(weighted(also=also))
    assert f"{TRIES} of {TRIES}: one_output_forgotten and weights_exchanged" in said
    counts = [int(count) for count in re.findall(rf"(\d+) of {TRIES}:", said)]
    assert counts == sorted(counts, reverse=True)
    (some,) = re.findall(rf"(\d+) of {TRIES}: accumulated and sum_of_columns", said)
    assert 0 < int(some) < TRIES
    drawn = [Problem(weighted(), 0, attempt).inputs["x"][0] > 0 for attempt in range(TRIES)]
    assert int(some) == sum(map(bool, drawn))


def test_a_mistake_nearer_to_the_truth_than_the_separation_is_refused():
    def question(share):
        return weighted(also=[MISTAKES["sum_of_columns"].derived(lambda p: p.truth * (1 + share))])

    assert "the truth and sum_of_columns" in refused(question(SEPARATION / 2))
    assert question(SEPARATION * 2).sample(0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("form", [lambda g, bad: bad, lambda g, bad: bad[:1], lambda g, bad: (g, bad)])
def test_a_mistake_that_gives_no_number_is_refused_by_name(value, form):
    """Nobody's answer equals nan: such a mistake would coincide with none, and name none."""

    def derived(p):
        bad = p.truth.copy()
        bad[0] = value
        return form(p.truth, bad)

    said = refused(weighted(also=[MISTAKES["sum_of_columns"].derived(derived)]))
    assert f"{TRIES} of {TRIES}: sum_of_columns is not finite" in said


def test_a_truth_that_is_not_finite_is_told_so():
    pole = Question("99.pole", "A pole", Gradient(), [Map(one_over, {"x": fixed(0.0)})], ("x",))
    said = refused(pole)
    assert "the truth is not finite" in said
    assert "Choose inputs at which the truth is finite." in said


@pytest.mark.parametrize(
    ("asks", "settings", "key"),
    [
        (EachWeight(), {"weights": {"v": None, "w": None}, "maps": [PAIR]}, "results_exchanged"),
        (PredictedShape(of=WeightedGradient()), {"weights": {"v": None}, "maps": [PAIR]}, "shape_of_output"),
        (WeightedGradient(), {"weights": {"v": None}, "maps": [PAIR]}, "ones_weight"),
    ],
)
def test_a_mistake_that_is_left_out_is_derived_by_no_quantity(asks, settings, key):
    question = Question("99.left_out", "Left out", asks, **settings)
    assert key in {wrong.key for wrong in question.sample(0).wrongs}
    assert key not in {wrong.key for wrong in replace(question, without={key: "for once"}).sample(0).wrongs}


@pytest.mark.parametrize("unit", ["05"])
def test_somewhere_m_differs_from_n_and_somewhere_j_is_square_and_not_symmetric(unit):
    asked = [(p, name) for id in SHIPPED if id.startswith(unit) for p in posed(id) for name in p.question.asks.names]
    jacobians = [p.jacobians[name] for p, name in asked if name in p.jacobians]
    assert any(J.shape[0] > J.shape[1] > 1 for J in jacobians)
    assert any(1 < J.shape[0] < J.shape[1] for J in jacobians)
    square = [J for J in jacobians if J.shape[0] == J.shape[1] > 1]
    assert square
    assert not any(np.allclose(J, J.T) for J in square)


# --- samplers


@pytest.mark.parametrize("seed", range(3))
def test_samplers_draw_float64_in_their_shape_and_range(seed):
    def generator():
        return torch.Generator().manual_seed(seed)

    for sampler, shape in [
        (normal(2, 3), (2, 3)),
        (uniform(-1, 2, 4), (4,)),
        (mixed_signs(5), (5,)),
        (normal(), ()),
    ]:
        value = sampler(generator())
        assert value.dtype == torch.float64
        assert tuple(value.shape) == shape
        assert torch.equal(value, sampler(generator()))
        assert torch.allclose(value * 100, (value * 100).round(), atol=1e-9)  # a card can print it whole
    spread = uniform(-1, 2, 50)(generator())
    assert -1 <= spread.min() < 0 < 1 < spread.max() <= 2
    signs = mixed_signs(2, 3)(generator())
    assert (signs > 0).sum() == (signs < 0).sum() == 3
    assert 0.25 <= signs.abs().min() <= signs.abs().max() <= 2
    assert fixed([1, 2])(generator()).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("sampler", [mixed_signs(), uniform(-2, 2), normal(), None])
@pytest.mark.parametrize("map", [PAIR, GRID, Map(sum_of_linear, {"x": normal(3)})])
def test_a_weight_whose_sampler_has_no_shape_takes_its_outputs(sampler, map):
    p = Problem(weighted([map], weights={"v": sampler}), 0)
    assert p.weights["v"].shape == p.outputs[0].shape
    assert p.weights["v"].dtype == torch.float64


def test_each_output_gives_its_shape_to_its_own_weight():
    p = Problem(weighted([Map(two_sizes, {"x": normal(3)})], weights={"v": normal(), "w": uniform(1, 2)}), 0)
    assert [tuple(v.shape) for v in p.weights.values()] == [(3,), (2, 2)]
    assert 1 <= p.weights["w"].min() <= p.weights["w"].max() <= 2


def test_a_weight_is_drawn_alike_with_the_outputs_shape_or_with_one_of_its_own():
    """So that the numbers of a question stay as they are if its author leaves the shape out."""
    for bare, whole in ((mixed_signs(), mixed_signs(2)), (normal(), normal(2)), (uniform(1, 3), uniform(1, 3, 2))):
        one, other = (Problem(weighted(weights={"v": sampler}), 4) for sampler in (bare, whole))
        assert same(one, other)
    assert not same(one, Problem(weighted(weights={"v": normal(2)}), 4))


def test_an_input_whose_sampler_has_no_shape_is_one_number():
    assert Problem(weighted([Map(torch.sin, {"x": normal()})]), 0).inputs["x"].shape == ()


@pytest.mark.parametrize(
    "sampler", [mixed_signs(3), fixed([1.0, 2.0, 3.0]), fixed(1.0), lambda generator: torch.ones(3)]
)
def test_a_weight_of_another_shape_than_its_outputs_is_refused_in_words(sampler):
    with pytest.raises(ValueError, match=r"99.made_up: the weight v has shape \(.*\), but its output has shape \(2,\)"):
        weighted(weights={"v": sampler}).sample(0)


def test_extras_take_the_shape_of_an_input_or_a_place_in_it():
    extras = {"u": like("X"), "w": like("X", uniform(5, 6)), "i": place(), "j": place("X")}
    question = Question("99.extras", "Extras", WeightedGradient(wrt="X"), [MIXED], ("X",), extras=extras)
    drawn = [Problem(question, seed) for seed in range(30)]
    for p in drawn:
        assert p.extras["u"].shape == p.extras["w"].shape == p.inputs["X"].shape == (3, 2)
        assert (p.extras["u"] < 0).sum() == 3
        assert p.extras["w"].min() >= 5
    assert {p.extras["j"] for p in drawn} == set(range(6))
    row = Question("99.place", "A place", WeightedGradient(), [FAN], ("x",), extras={"i": place(), "j": place("x")})
    drawn = [Problem(row, seed) for seed in range(30)]
    assert {p.extras["i"] for p in drawn} == set(range(4))
    assert {p.extras["j"] for p in drawn} == set(range(2))


# --- the call


@every_question()
def test_call_passes_what_the_question_gives_in_that_order(id):
    leaves = ALL[id].leaves or ALL[id].asks.names
    for p in posed(id):
        given = [[*p.inputs] if name == "inputs" else [name] for name in ALL[id].gives]
        assert [arg.name for arg in p.call.args] == [name for names in given for name in names] == [*p.given]
        for arg in p.call.args:
            if arg.name in p.inputs:
                handed = ALL[id].handed.get(arg.name, lambda array: array)
                np.testing.assert_array_equal(arg.value, handed(p.inputs[arg.name].numpy()))
                assert arg.requires_grad == (ALL[id].declared and arg.name in leaves)
            elif arg.name in p.weights and arg.name not in ALL[id].handed:
                np.testing.assert_array_equal(arg.value, p.weights[arg.name].numpy())
            assert not (arg.requires_grad and arg.name not in {**p.inputs, **p.drawn})
        assert p.call.observe == ALL[id].asks.observes


def test_weight_is_handed_over_flat_where_the_question_says_so():
    for p in posed("05.mend_the_weight"):
        (v,) = [arg.value for arg in p.call.args if arg.name == "v"]
        assert v.shape == (p.y.size,)
        assert p.weights["v"].shape == p.outputs[0].shape != v.shape
        np.testing.assert_array_equal(v, p.weights["v"].numpy().reshape(-1))


def test_leaf_with_a_past_is_handed_over_with_its_old_gradient():
    for p in posed("05.backward_gradient"):
        stale = {arg.name: arg.stale for arg in p.call.args}
        np.testing.assert_array_equal(stale.pop("x"), p.extras["stale"].numpy())
        assert set(stale.values()) == {None}


@every_question()
def test_call_carries_plain_values_and_functions_and_never_the_truth(id):
    for p in posed(id):
        assert all(isinstance(arg, Arg) for arg in p.call.args)
        assert all(isinstance(arg.value, (np.ndarray, int, float)) or callable(arg.value) for arg in p.call.args)
        given = [arg.value for arg in p.call.args if isinstance(arg.value, np.ndarray)]
        assert not any(alike(value, p.truth, SEPARATION) for value in given)


def test_a_name_that_is_no_argument_of_the_question_is_refused():
    question = Question("99.typo", "Typo", Gradient(), [Map(sum_of_linear, {"x": normal(3)})], ("x", "vv"))
    with pytest.raises(KeyError, match="'vv', which is no input, weight or extra"):
        question.sample(0).call  # noqa: B018  # a property that does the work


def test_constructed_questions_stand_beside_the_shipped_ones_and_not_among_them():
    assert not set(CONSTRUCTED) & set(SHIPPED)
    assert {FAN.fn, SWIRL.fn} <= {map.fn for question in SHIPPED.values() for map in question.maps}
