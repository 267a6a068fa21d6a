"""The catalogue: mistakes are told apart, have words and a lesson, and give what code that makes them gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from repeats import count

import grader
from grader import formatting, rules
from grader.card import as_html, as_text
from grader.errors import NOTES
from grader.judge import judge
from grader.mistakes import CATALOGUE
from grader.probe import probe
from grader.problem import SEPARATION

from answers import WRONG
from support import ALL, MISTAKES, as_returned, cases, keys, posed, returned_on, sample

COURSE = Path(__file__).parent.parent / "course"
grad = torch.autograd.grad


def apart(a: Any, b: Any, least: float = 0.0) -> bool:
    """Whether two values differ in kind, in shape, or in an entry: by more than SEPARATION of its size, and ``least``.

    Entries of a tuple have sizes of their own: the parts of a loss, and gradients with respect to several parameters.
    """
    if a is None or b is None:
        return a is not b
    if isinstance(a, str) or isinstance(b, str):
        return a != b
    if isinstance(a, tuple) or isinstance(b, tuple):
        both = isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b)
        return not both or any(apart(x, y, least) for x, y in zip(a, b, strict=True))
    x, y = np.asarray(a), np.asarray(b)
    if x.shape != y.shape:
        return True
    size = max(np.abs(x).max(initial=0), np.abs(y).max(initial=0))
    return bool(np.abs(x - y).max(initial=0) > max(SEPARATION * size, least))


# --- tables


def test_a_key_is_that_of_its_mistake_and_a_question_finds_its_own_first():
    for question in grader.questions():
        assert all(question.mistake(mistake.key) is mistake for mistake in question.also)
    assert all(key == mistake.key for key, mistake in MISTAKES.items())
    assert MISTAKES["not_returned"].formula == ""


def test_words_for_a_mistake_are_whole_sentences():
    """Those of the catalogue; for a question's own a rule asks.  The ways to fail are in ``test_rules.py``."""
    assert [str(found) for mistake in CATALOGUE.values() for found in rules.wording(mistake)] == []


@pytest.mark.parametrize("unit", sorted({entry.unit for entry in (*MISTAKES.values(), *NOTES.values())} - {""}))
def test_unit_that_is_named_as_teaching_a_mistake_or_an_error_has_its_lesson(unit):
    assert len(list(COURSE.glob(f"lesson_{unit}_*.ipynb"))) == 1


def test_no_lesson_is_found_for_a_unit_that_does_not_exist():
    assert not list(COURSE.glob("lesson_99_*.ipynb"))


# --- told apart


@pytest.mark.parametrize("id", ALL)
def test_no_mistake_equals_the_truth_and_no_two_mistakes_coincide(id):
    for seed in range(count("seeds")):
        p = sample(id, seed)
        least = 2 * p.question.asks.rtol(p) * p.scale  # so that no value can be near enough to both
        for k, wrong in enumerate(p.wrongs):
            assert apart(wrong.value, p.truth, least), (seed, wrong.key)
            for other in p.wrongs[k + 1 :]:
                same = (wrong.key, wrong.stage) == (other.key, other.stage) or wrong.stage != other.stage
                assert same or apart(wrong.value, other.value, least), (seed, wrong.key, other.key)


def test_values_within_the_separation_are_not_told_apart():
    near, far = np.array([1.0, 2.0]), np.array([1.0, 2.0 + 3 * SEPARATION])
    assert not apart(near, near * (1 + SEPARATION / 2))
    assert apart(near, far)
    assert apart((near, far), (far, near))
    assert not apart((near, far), (near, far))
    assert not apart((10 * far, near), (10 * far, near * (1 + SEPARATION / 2)))
    assert apart((10 * far, near), (10 * far, far))
    assert not apart((10 * far, near), (10 * far, far), least=0.01)
    assert apart(near, near.reshape(2, 1))
    assert apart("ab", "a")


# --- words fill


@pytest.mark.parametrize("id", ALL)
def test_every_mistake_of_a_question_is_said_in_words_without_a_gap(id):
    for key in keys(posed(id)):
        for problems, wrongs in cases(posed(id), key):
            v = judge(
                ALL[id], problems, [returned_on(p, w.value, w.stage) for p, w in zip(problems, wrongs, strict=True)]
            )
            template = MISTAKES[key].says + MISTAKES[key].why
            said = v.headline + v.message
            assert v.headline
            assert v.message
            assert not re.search(r"[{}]", said)
            assert said.count("None") == template.count("None")  # a fact that is missing would read None
            assert "nan" not in said
            for shown in (as_text(v), as_html(v)):
                assert formatting.number(v.points) in shown


def test_a_template_with_an_unknown_placeholder_is_noticed():
    with pytest.raises(KeyError):
        formatting.fill("this is row {k} of J.", {"i": 1})
    assert formatting.fill("this is row {k} of J.", {"k": 1}) == "this is row 1 of J."


# --- where they occur

SCALAR, COMPOSED, ROOT = "01.unpack_the_tuple", "01.composition", "01.newton_root"
TRICK, STATE, INPUTS = "05.scalar_trick", "05.backward_gradient", "05.several_inputs"
MEANS, HEADS, FLAT = "00.use_a_hint", "05.several_outputs", "05.mend_the_weight"


@cache
def occurring() -> set[str]:
    """The keys of all mistakes that some problem derives, of a shipped question or of one in ``support``."""
    return {wrong.key for id in ALL for seed in range(max(3, len(ALL[id].maps))) for wrong in sample(id, seed).wrongs}


def never_derived(mistakes, keys) -> list[str]:
    """Mistakes with a derivation that no problem uses: a question in ``tests/support.py`` must show each of them."""
    return [key for key, mistake in mistakes.items() if (mistake.derive or mistake.on_problem) and key not in keys]


def test_every_derivation_is_used_by_some_question():
    assert never_derived(MISTAKES, occurring()) == []
    assert never_derived(MISTAKES, occurring() - {"jvp_for_vjp"}) == ["jvp_for_vjp"]  # the way to fail


def test_a_mistake_that_needs_a_square_jacobian_is_derived_only_there():
    square_only = {"jvp_for_vjp", "weight_applied_after", "diagonal_only"}
    for p in posed(TRICK):
        m, n = p.jacobians["x"].shape
        assert square_only & {wrong.key for wrong in p.wrongs} == (square_only if m == n else set())


# --- what really comes of making them


def by_backward(x, times, y, v=None):
    for _ in range(times):
        y.backward(gradient=v, retain_graph=True)
    return x.grad


def rows(f, x):
    return torch.stack([grad(entry, x, retain_graph=True)[0] for entry in f(x)])


def rows_without_zeroing(f, x):
    found = []
    for entry in f(x):
        entry.backward(retain_graph=True)
        found.append(x.grad.clone())
    return torch.stack(found)


def last_call_only(f, x, v, w):
    f(x).backward(gradient=v)
    x.grad = None
    f(x).backward(gradient=w)


def slope(f, x):
    x = x.detach().clone().requires_grad_()
    return grad(f(x), x)[0]


def root(a, steps, last_only=False):
    x = torch.ones_like(a)
    for k in range(steps):
        if last_only and k == steps - 1:
            x = x.detach()
        x = (x + a / x) / 2
    return x


def central(f, x, run):
    h = 1e-5
    return (f(x + h) - f(x - h)) / run(h)


# (mistake, question, a program that makes it): what people write, not what the catalogue derives
PROGRAMS: list[tuple[str, str, Callable[..., Any]]] = [
    ("jvp_for_vjp", TRICK, lambda f, x, v: rows(f, x) @ v),
    ("jvp_for_vjp", TRICK, lambda f, x, v: torch.func.jvp(f, (x.detach(),), (v,))[1]),
    ("ones_weight", TRICK, lambda f, x, v: grad(f(x), x, torch.ones_like(v))[0]),
    ("ones_weight", TRICK, lambda f, x, v: grad(f(x).sum(), x)[0]),
    ("rows_added_up", "04.all_rows", lambda f, x: grad(f(x).sum(), x)[0]),
    ("rows_added_up", "04.one_row", lambda f, x, i: grad(f(x).sum(), x)[0]),
    ("mean_of_weighted", TRICK, lambda f, x, v: grad((v * f(x)).mean(), x)[0]),
    ("mean_of_outputs", TRICK, lambda f, x, v: grad(f(x).mean(), x)[0]),
    ("weighted_twice", TRICK, lambda f, x, v: grad(v * f(x), x, grad_outputs=v)[0]),
    ("weight_applied_after", TRICK, lambda f, x, v: v * grad(f(x).sum(), x)[0]),
    ("diagonal_only", TRICK, lambda f, x, v: rows(f, x).diagonal() * v),
    ("diagonal_only", TRICK, lambda f, x, v: rows(f, x).diagonal()),
    *(("accumulated", TRICK, lambda f, x, v, k=k: by_backward(x, k, f(x), v)) for k in (2, 3, 4)),
    ("stale_grad", STATE, lambda f, x, v: f(x).backward(gradient=v)),
    ("last_backward_only", "99.two_backwards", last_call_only),
    ("one_output_only", TRICK, lambda f, x, v: grad(f(x)[0], x)[0]),
    ("one_output_only", TRICK, lambda f, x, v: grad((v * f(x))[1], x)[0]),
    ("whole_jacobian", TRICK, lambda f, x, v: torch.func.jacrev(f)(x)),
    ("unreduced_jacobian", TRICK, lambda f, x, v: v[:, None] * rows(f, x)),
    ("outputs_as_weights", TRICK, lambda f, x, v: grad(f(x), x, f(x).detach())[0]),
    ("outputs_as_weights", TRICK, lambda f, x, v: grad((f(x) ** 2).sum() / 2, x)[0]),
    ("weight_in_other_order", TRICK, lambda f, x, v: grad(f(x), x, v.flip(0))[0]),
    ("weight_in_other_order", TRICK, lambda f, x, v: grad(f(x), x, v.roll(1))[0]),
    ("weight_not_detached", "05.weight_that_depends_on_x", lambda f, w, x: grad((w(x) * f(x)).sum(), x)[0]),
    ("normalised_weight", TRICK, lambda f, x, v: grad(f(x), x, v / v.norm())[0]),
    ("absolute_weight", TRICK, lambda f, x, v: grad(f(x), x, v.abs())[0]),
    ("squared_loss", TRICK, lambda f, x, v: grad((v @ f(x)) ** 2, x)[0]),
    ("squared_loss", TRICK, lambda f, x, v: grad((v @ f(x)) ** 2 / 2, x)[0]),
    ("minus_sign", TRICK, lambda f, x, v: -grad(f(x), x, v)[0]),
    ("minus_sign", "04.all_rows", lambda f, x: -rows(f, x)),
    ("minus_sign", "04.one_row", lambda f, x, i: -rows(f, x)[i]),
    ("minus_sign", "99.column_of_a_matrix", lambda f, x, j: -torch.func.jacrev(f)(x)[..., j]),
    ("minus_sign", "99.jvp_of_a_matrix", lambda f, X, u: -torch.func.jvp(f, (X.detach(),), (u,))[1]),
    ("value_not_slope", SCALAR, lambda f, x: f(x)),
    ("inputs_swapped", INPUTS, lambda f, A, x, v: grad(f(A, x), (x, A), v)),
    ("inputs_swapped", "01.several_inputs", lambda f, a, b, c: grad(f(a, b, c), (b, c, a))),
    ("transposed_assembly", "04.all_rows", lambda f, x: torch.stack([*rows(f, x)], dim=1)),
    ("rows_accumulated", "04.all_rows", rows_without_zeroing),
    ("other_row", "04.one_row", lambda f, x, i: rows(f, x)[i - 1]),
    ("column_for_row", "04.one_row", lambda f, x, i: rows(f, x)[:, i]),
    ("all_rows_but_i", "04.one_row", lambda f, x, i: grad(f(x).sum() - f(x)[i], x)[0]),
    ("place_as_value", "04.one_row", lambda f, x, i: grad(i * f(x)[i], x)[0]),
    ("rows_up_to_i", "04.one_row", lambda f, x, i: grad(f(x)[: i + 1].sum(), x)[0]),
    ("other_column", "99.column", lambda f, x, j: rows(f, x)[:, j - 1]),
    ("other_column", "99.column_of_a_matrix", lambda f, x, j: torch.func.jacrev(f)(x)[..., j - 1]),
    ("row_for_column", "99.column", lambda f, x, j: rows(f, x)[j]),
    ("vjp_for_jvp", "99.jvp", lambda f, x, u: grad(f(x), x, u)[0]),
    ("vjp_for_jvp", "99.jvp_of_a_matrix", lambda f, X, u: grad(f(X), X, u)[0]),
    ("chain_stops_early", COMPOSED, lambda outer, inner, x: slope(outer, inner(x))),
    ("outer_at_wrong_place", COMPOSED, lambda outer, inner, x: slope(outer, x) * slope(inner, x)),
    ("divided_by_one_step", "01.central_difference", lambda f, x: central(f, x, run=lambda h: h)),
    ("last_step_only", ROOT, lambda a, steps: grad(root(a, steps, last_only=True), a)[0]),
    ("limit_not_iterate", ROOT, lambda a, steps: grad(a.sqrt(), a)[0]),
    ("one_step_off", ROOT, lambda a, steps: grad(root(a, steps - 1), a)[0]),
    ("one_step_off", ROOT, lambda a, steps: grad(root(a, steps + 1), a)[0]),
    ("doubled_not_squared", "00.run_and_check", lambda x: 2 * x),
    ("along_other_dim", MEANS, lambda A: A.mean(dim=0)),
    ("over_everything", MEANS, lambda A: A.mean()),
    ("sum_for_mean", MEANS, lambda A: A.sum(dim=1)),
    ("divided_by_rows", MEANS, lambda A: A.sum(dim=1) / len(A)),
    ("dimension_kept", MEANS, lambda A: A.mean(dim=1, keepdim=True)),
    ("one_output_forgotten", HEADS, lambda f, x, v, w: grad(f(x)[0], x, v)[0]),
    ("one_output_forgotten", HEADS, lambda f, x, v, w: grad(f(x)[1], x, w)[0]),
    ("weights_exchanged", HEADS, lambda f, x, v, w: grad(f(x), x, (w, v))[0]),
    (
        "weight_laid_out_by_columns",
        FLAT,
        lambda f, x, v: grad(f(x), x, v.reshape(f(x).T.shape).T)[0],
    ),
    ("tuple_of_one", TRICK, lambda f, x, v: grad(f(x), x, v)),
    ("list_of_one", TRICK, lambda f, x, v: [grad(f(x), x, v)[0]]),
    ("not_returned", TRICK, lambda f, x, v: f(x).backward(gradient=v)),
    ("grad_is_none", STATE, lambda f, x, v: setattr(x, "grad", None)),
    ("grad_is_none", "01.backward", lambda f, x: f(x.clone().detach().requires_grad_()).backward()),
    *((key, id, program) for key, id, program in WRONG if key in MISTAKES),
]


def possible(id, key):
    """The problems of a question on which the mistake can be made; all of them for one that no problem derives.

    Those are wrappings, such as a tuple, and what shows only after the right values.
    """
    return [p for p in posed(id) if key not in occurring() or any(wrong.key == key for wrong in p.wrongs)]


@pytest.mark.parametrize(("key", "id", "program"), PROGRAMS, ids=[f"{key}-{id}" for key, id, _ in PROGRAMS])
def test_program_that_makes_a_mistake_is_told_its_name(key, id, program):
    problems = possible(id, key)
    v = judge(ALL[id], problems, [probe(program, p.call) for p in problems])
    assert (v.status, v.mistake) == ("mistake", key)
    assert v.unit == (MISTAKES[key].unit or ALL[id].unit)
    assert not v.correct
    assert v.score < v.points


def without_program(keys) -> set[str]:
    """Mistakes of the catalogue, derived for any question or for none, that no program makes: each needs one above.

    The questions' own, and those of the catalogue that a question derives itself, are asked for by a rule.
    """
    return {key for key, m in CATALOGUE.items() if m.derive or key not in occurring()} - keys


def test_every_mistake_of_the_catalogue_has_a_program_that_makes_it():
    made = {key for key, _, _ in PROGRAMS}
    assert without_program(made) == set()
    assert without_program(made - {"jvp_for_vjp", "tuple_of_one"}) == {"jvp_for_vjp", "tuple_of_one"}  # the way to fail


@pytest.mark.parametrize("id", [id for id, question in ALL.items() if question.asks.predicts])
def test_mistake_in_a_prediction_is_told_its_name_and_the_truth_is_not_shown(id):
    (p,) = posed(id)
    for wrong in p.wrongs:
        said = as_returned(wrong.value, ALL[id].asks.form)
        v = judge(ALL[id], [p], [probe(lambda said=said: said, p.call)])
        assert v.mistake == wrong.key
        assert v.true is None
        assert v.rows is None
        assert v.score == 0
