"""Each rule for questions is followed by a good question, and broken by one that lacks just what the rule requires."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from grader import rules
from grader.authoring import (
    CATALOGUE,
    Derivative,
    Gradient,
    Letters,
    Map,
    Mistake,
    Predicted,
    Question,
    WeightedGradient,
    fixed,
    mixed_signs,
    normal,
    uniform,
)
from grader.words import RULES

grad = torch.autograd.grad


def pair(x):
    return torch.stack([x[0] * x[1], x[1] ** 2 + torch.sin(x[2])])


def square(x):
    return x**2


def swirl(x):
    return torch.stack([x[0] * x[1], torch.sin(x[1]), x[0] * x[2] - x[1] ** 2])


def failing(x):
    raise RuntimeError("no such thing")


FIRST = Mistake(
    "first_left_out",
    name="the first output left out",
    says="this is the gradient of y₁ alone, {times} times.",
    why="Both outputs count: v = {v}.",
    on_problem=lambda p: [({"times": k}, k * p.jacobians["x"][1]) for k in (5, 7)],
)
GOOD = Question(
    "ps1.weigh",
    "1.1 Weigh",
    WeightedGradient(),
    [Map(pair, {"x": normal(3)})],
    ("f", "x", "v"),
    weights={"v": None},
    also=[FIRST],
    hints=("What shape does v have?", "`grad_outputs=v`"),
)
NEVER = replace(FIRST, key="never_made", on_problem=lambda p: None)
ID = GOOD.id
WRONG = [
    ("ones_weight", ID, lambda f, x, v: grad(f(x).sum(), x)[0]),
    ("scalar_needed", ID, lambda f, x, v: grad(f(x), x)[0]),
    ("first_left_out", ID, lambda f, x, v: 5 * grad(f(x)[1], x)[0]),
]
RIGHT = [(ID, lambda f, x, v: grad(v @ f(x), x)[0])]
PREDICTION = Question("ps1.say", "1.2 Say", Predicted(of=Gradient()), hints=GOOD.hints)


def found(question=GOOD, wrong=WRONG, right=RIGHT, more=(), **settings) -> dict[str, str]:
    """{rule: what is said} of what is broken, with answers that fit the good question."""
    return {f.rule: str(f) for f in rules.broken([question, *more], wrong, right, **settings) if f.broken}


def changed(**settings):
    """The good question with other settings, and no answers to it."""
    return lambda: {
        rule: said for rule, said in found(replace(GOOD, **settings), [], []).items() if rule not in ANSWERS
    }


def own(**settings):
    return changed(also=[replace(FIRST, **settings)])


ANSWERS = {"few_wrong", "few_right", "also_unmade"}
SAME = Mistake("ones_weight", "another name", "this is it.", "Do not.", on_problem=FIRST.on_problem)
TWIN = replace(GOOD, id="ps1.again", also=[replace(FIRST, why="Something else.")])

# rule -> (a question that breaks it and nothing else, what is said of it besides)
BREAKS = {
    "id": (changed(id="PS1.weigh"), "ps1.one_row"),
    "title": (changed(title="Weigh"), "'Weigh'"),
    "hints": (changed(hints=("Only one.",)), "1 hints"),
    "solution": (changed(solution="def slope(f, x, v):\n    return x"), "not right"),
    "stars": (changed(stars=6), "6"),
    "points": (changed(points=0), "0"),
    "minutes": (changed(minutes=0), "0"),
    "rtol": (changed(rtol=1e-3), "0.001"),
    "without_unknown": (changed(without={"no_such": "why not in four words"}), "no_such"),
    "errors_unknown": (changed(errors={"no_such": "It means this."}), "no_such"),
    "without_idle": (changed(without={"order_off": "why not in four words"}), "order_off"),
    "without_and_also": (
        changed(
            without={"minus_sign": "why not in four words"}, also=[CATALOGUE["minus_sign"].derived(lambda p: -p.truth)]
        ),
        "minus_sign",
    ),
    "without_reason": (changed(without={"ones_weight": "REASON"}), "ones_weight"),
    "also_derivation": (own(on_problem=None), "first_left_out"),
    "also_never": (changed(also=[NEVER]), "never_made"),
    "also_catalogue": (changed(also=[SAME]), "ones_weight"),
    "words_name": (own(name="A sentence."), "first_left_out"),
    "words_sentence": (own(why="It ends without a stop"), "`why`"),
    "words_filled": (own(why="Here it is {nothing_known}."), "nothing_known"),
    "separable": (changed(weights={"v": fixed([1.0, 1.0])}), "the truth, ones_weight"),
    "drawable": (changed(maps=[Map(failing, {"x": normal(3)})]), "RuntimeError: no such thing"),
    "float64": (changed(maps=[Map(pair, {"x": lambda g: torch.randn(3, generator=g)})], rtol=1e-6), "x is not"),
    "weights": (
        changed(weights={"v": uniform(1, 2)}, without={"absolute_weight": "the weights are positive here"}),
        "mixed_signs()",
    ),
    "entrywise": (
        changed(
            maps=[Map(square, {"x": normal(3)})],
            also=(),
            without=dict.fromkeys(
                ("jvp_for_vjp", "weight_applied_after", "diagonal_only"), "the map is entrywise here"
            ),
        ),
        "with respect to x",
    ),
    "prediction": (lambda: found(replace(PREDICTION, maps=[Map(torch.prod, {"x": normal(3)})]), None, None), "fixed("),
    "same_again": (
        changed(maps=[Map(pair, {"x": fixed([0.3, 1.2, -0.7])})], weights={"v": fixed([0.5, -1.75])}),
        "normal(",
    ),
    "gives": (changed(gives=("f", "x", "w")), "'w'"),
    "handed": (changed(gives=("f", "x", "v", "g"), hands={"g": {"a": 1}}), "g is handed"),
    "misnamed": (lambda: found(wrong=[*WRONG, ("minus_sign", ID, WRONG[0][2])]), "named ones_weight"),
    "full_marks": (lambda: found(wrong=[*WRONG, ("correct", ID, RIGHT[0][1])]), "4"),
    "refused": (lambda: found(right=[*RIGHT, (ID, WRONG[0][2])]), "2 is refused as ones_weight"),
    "few_wrong": (lambda: found(wrong=WRONG[1:]), "2 wrong"),
    "few_right": (lambda: found(right=[]), "0 right"),
    "also_unmade": (lambda: found(wrong=[*WRONG[:2], WRONG[0]]), "first_left_out"),
    "answer_to_nothing": (lambda: found(right=[*RIGHT, ("ps1.no_such", 1)]), "ps1.no_such"),
    "id_twice": (lambda: found(more=[GOOD]), "2 questions"),
    "also_two_words": (
        lambda: {rule: said for rule, said in found(more=[TWIN]).items() if rule not in ANSWERS},
        "ps1.weigh",
    ),
}
NOTES = {"only_square", "not_checked"}


def test_a_good_question_keeps_every_rule():
    assert rules.broken([GOOD], WRONG, RIGHT) == []
    assert rules.broken([], [], []) == []


@pytest.mark.parametrize("rule", BREAKS)
def test_what_breaks_one_rule_is_told_of_that_one_with_its_id(rule):
    case, said = BREAKS[rule]
    told = case()
    assert set(told) == {rule}
    assert said in told[rule]
    assert rule == "answer_to_nothing" or "ps1." in told[rule]


def test_every_rule_has_a_question_that_breaks_it():
    assert set(RULES) == set(BREAKS) | NOTES | {"count", "all_kept"}


def unnamed(page: str) -> set[str]:
    """The rules that a page does not name."""
    return {rule for rule in set(BREAKS) | NOTES if f"`{rule}`" not in page}


def test_contributors_are_told_every_rule():
    page = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text("utf-8")
    assert unnamed(page) == set()
    assert unnamed(page.replace("`hints`", "")) == {"hints"}  # the way to fail


@pytest.mark.parametrize(
    ("rule", "settings"),
    [
        ("id", {"id": "ps1.Weigh"}),
        ("id", {"id": "ps1"}),
        ("id", {"id": "ps1.1st"}),
        ("title", {"title": "1.1"}),
        ("title", {"title": "1.1 Weigh "}),
        ("hints", {"hints": ("a", "a")}),
        ("hints", {"hints": ("a", " b")}),
        ("hints", {"hints": ("a", "")}),
        ("hints", {"hints": tuple("abcd")}),
        ("stars", {"stars": 0}),
        ("stars", {"stars": 1.5}),
        ("rtol", {"rtol": 0.0}),
        ("words_name", {"also": [replace(FIRST, name="")]}),
        ("words_sentence", {"also": [replace(FIRST, why="")]}),
        ("words_sentence", {"also": [replace(FIRST, says="this is `v.")]}),
        ("words_sentence", {"also": [replace(FIRST, says="two  blanks.")]}),
        ("words_filled", {"also": [replace(FIRST, why="A brace } alone.")]}),
        ("words_filled", {"also": [replace(FIRST, on_problem=lambda p: [({"times": None}, 5 * p.truth)])]}),
        ("weights", {"weights": {"v": uniform(-2, -1)}, "without": {"absolute_weight": "they are negative here, all"}}),
        (
            "words_filled",
            {"asks": Letters(calls={"a": bool, "b": bool}, too_many="no_such"), "weights": {}, "gives": ()},
        ),
        ("drawable", {"weights": {"v": mixed_signs(3)}}),
        ("drawable", {"also": [replace(FIRST, on_problem=lambda p: p.jacobians["y"])]}),
        ("handed", {"gives": ("f", "x", "v", "g"), "hands": {"g": "a text"}}),
    ],
)
def test_other_ways_to_break_a_rule_are_noticed_as_well(rule, settings):
    assert rule in changed(**settings)()


@pytest.mark.parametrize(
    "settings",
    [
        {"id": "05.weigh"},
        {"id": "week_3.weigh2"},
        {"title": "1a Weigh"},
        {"stars": 5},
        {"points": 0.5},
        {"also": [replace(FIRST, why="Not the dominant one: None at all.")]},
    ],
)
def test_what_is_allowed_is_not_told(settings):
    assert changed(**settings)() == {}


def test_answers_that_are_not_given_are_reported_as_not_checked_and_break_nothing():
    told = rules.broken([GOOD])
    assert [(f.rule, f.broken) for f in told] == [("not_checked", False)] * 2
    assert "WRONG" in str(told[0])
    assert "RIGHT" in str(told[1])
    assert [f.rule for f in rules.broken([GOOD], wrong=WRONG)] == ["not_checked"]


def test_maps_that_are_all_square_are_worth_a_look_and_one_that_is_not_settles_it():
    square_maps = [Map(swirl, {"x": normal(3)}), Map(swirl, {"x": uniform(-1, 1, 3)})]
    (told,) = [f for f in rules.broken([replace(GOOD, maps=square_maps)], WRONG[:2], RIGHT) if f.rule not in ANSWERS][
        :1
    ]
    assert (told.rule, told.broken) == ("only_square", False)
    mixed = replace(GOOD, maps=[*GOOD.maps, square_maps[0]])
    assert "only_square" not in {f.rule for f in rules.broken([mixed], WRONG, RIGHT)}


def test_a_prediction_of_fixed_inputs_keeps_the_rules():
    question = replace(PREDICTION, asks=Predicted(of=Derivative()), maps=[Map(square, {"x": fixed(5.0)})])
    assert found(question, None, None) == {}


def test_a_question_is_drawn_at_as_many_seeds_as_asked_for():
    seen = set()

    def watched(p):
        seen.add(p.seed)
        return 5 * p.jacobians["x"][1] if p.seed < 5 else p.truth

    question = replace(GOOD, also=[replace(FIRST, says="this is it.", on_problem=watched)])
    assert found(question, [], [], seeds=5).keys() == ANSWERS
    assert {0, 1, 2, 3, 4} <= seen
    assert 5 not in seen
    assert "the truth and first_left_out" in found(question, [], [], seeds=6)["separable"]


def test_lines_put_what_is_broken_first_and_count_it():
    told = rules.broken([replace(GOOD, stars=9)])
    said = rules.lines([told[-1], *told[:-1]])
    assert said[0] == "ps1.weigh: stars is 9. Give a whole number from 1 to 5.  [stars]"
    assert len(said) == 4
    assert said[-1] == "Rules broken: 1."
    assert rules.lines([]) == [RULES["all_kept"]]
    assert rules.lines(rules.broken([GOOD]))[-1] == RULES["all_kept"]


def test_a_finding_in_several_lines_keeps_them():
    (told,) = [f for f in rules.broken([replace(GOOD, weights={"v": fixed([1.0, 1.0])})]) if f.rule == "separable"]
    assert str(told).startswith("ps1.weigh: none of 64 draws")
    assert str(told).count("ps1.weigh") == 1
    assert len(str(told).splitlines()) > 3


def test_findings_are_plain_values():
    told = rules.broken([replace(GOOD, stars=9)], WRONG, RIGHT)
    assert told == [rules.Finding("ps1.weigh", "stars", RULES["stars"].format(value=9))]


SOLUTION = "import torch\n\ndef slope(f, x, v):\n    return torch.autograd.grad(f(x), x, v)[0]"


def test_solution_that_is_right_keeps_the_rule_and_one_that_raises_breaks_it():
    assert found(replace(GOOD, solution=SOLUTION)) == {}
    assert "SyntaxError" in found(replace(GOOD, solution="def slope(:"))["solution"]
    assert "ZeroDivisionError" in found(replace(GOOD, solution="1 / 0"))["solution"]
