"""The rules that every question of a course must follow, beyond its types, and the messages when one is broken.

The rules are keys of ``words.RULES``.  No students' code is involved; the example answers and the solutions are the
author's own, and run unconfined, with the caller's rights.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from grader.clashes import acts_entry_by_entry, of_one_sign, of_one_size
from grader.errors import NOTES
from grader.formatting import fill
from grader.judge import facts_on, judge
from grader.mistakes import CATALOGUE, Mistake
from grader.probe import probe
from grader.problem import Inseparable, Problem, alike
from grader.quantities import WeightedGradient
from grader.question import Question
from grader.words import RULES

SEEDS = 3  # how many seeds every question is drawn at
WRONG_ANSWERS, RIGHT_ANSWERS = 3, 1  # the least that every question needs
SLOPPIEST = 1e-6  # the largest relative tolerance: mistakes that differ by SEPARATION must stay far outside of it
REASON_WORDS = 4  # the least number of words in a reason for leaving out a mistake

Wrong = tuple[str, str, Any]  # (name, question id, answer); the name is a mistake's or error's key, or a status
Right = tuple[str, Any]  # (question id, answer)


@dataclass(frozen=True)
class Finding:
    """A rule that a question, or with ``question == ""`` the whole pack, does not follow.

    rule: a key of ``words.RULES``.  says: what is missing and what to do.
    broken: False if this is only a remark, or if the rule could not be checked.
    """

    question: str
    rule: str
    says: str
    broken: bool = True

    def __str__(self) -> str:
        return f"{self.question}: {self.says}" if self.question else self.says


def broken(
    questions: Sequence[Question],
    wrong: Sequence[Wrong] | None = None,
    right: Sequence[Right] | None = None,
    *,
    seeds: int = SEEDS,
) -> list[Finding]:
    """Which rules these questions break, in the order of the questions; [] if none.

    wrong: wrong answers, each with the name that it must be given.  right: right answers, found by another method than
    the reference.  If either is None, its rules are reported as not checked.
    seeds: how many draws of every question are looked at.  Takes about a second for ten questions.

    >>> from grader.rules import broken
    >>> def f(x): return torch.stack([x[0] * x[1], x[1] ** 2])
    >>> q = Question("ps1.ones", "1.1 Ones", WeightedGradient(), [Map(f, {"x": normal(2)})], ("x", "v"), {"v": None})
    >>> print(broken([q], wrong=[], right=[("ps1.ones", lambda x, v: torch.autograd.grad(f(x), x, v)[0])])[0])
    ps1.ones: It has 0 hints. Give two or three, all different and without leading or trailing spaces.
    """
    found = []
    for question in questions:
        mine = None if wrong is None else [(name, answer) for name, id, answer in wrong if id == question.id]
        roads = None if right is None else [answer for id, answer in right if id == question.id]
        found += _of_one(question, mine, roads, seeds)
    found += together(questions)
    ids = {question.id for question in questions}
    answered = dict.fromkeys((*(id for _, id, _ in wrong or ()), *(id for id, _ in right or ())))
    found += [_finding("", "answer_to_nothing", id=id) for id in answered if id not in ids]
    for name, given in (("WRONG", wrong), ("RIGHT", right)):
        if given is None:
            found.append(replace(_finding("", "not_checked", name=name), broken=False))
    return found


def _of_one(
    q: Question,
    mine: Sequence[tuple[str, Any]] | None,
    roads: Sequence[Any] | None,
    seeds: int,
) -> list[Finding]:
    problems, found = _drawn(q, seeds)
    found = [*_form(q), *_mistakes(q), *found]
    if problems:
        found += _problems(q, problems)
        unfit = [*_handed(q, problems), *_sentences(q, problems)]
        found += unfit
        if all(finding.rule == "handed" for finding in unfit):  # else answers cannot be judged, or not be explained
            posed = problems[: len(q.problems())]
            found += [*_wrong(q, posed, mine or ()), *_right(q, posed, roads or ()), *_solution(q, posed)]
    return [*found, *_counts(q, mine, roads)]


def lines(findings: Sequence[Finding]) -> list[str]:
    """The findings as lines of text, broken rules first and each with its key, and a last line that counts them."""
    ordered = sorted(findings, key=lambda finding: not finding.broken)
    count = sum(finding.broken for finding in findings)
    total = RULES["count"].format(count=count) if count else RULES["all_kept"]
    return [*(f"{finding}  [{finding.rule}]" for finding in ordered), total]


def _finding(question: str, rule: str, **facts: Any) -> Finding:
    return Finding(question, rule, RULES[rule].format(**facts))


# --- rules that can be checked without drawing a problem


def _form(q: Question) -> Iterator[Finding]:
    if not re.fullmatch(r"[a-z0-9_]+\.[a-z][a-z0-9_]*", q.id):
        yield _finding(q.id, "id")
    if not re.fullmatch(r"\d[\w.]* \S(.*\S)?", q.title):
        yield _finding(q.id, "title", title=q.title)
    tidy = all(hint and hint.strip() == hint for hint in q.hints)
    if not (2 <= len(q.hints) <= 3 and len(set(q.hints)) == len(q.hints) and tidy):
        yield _finding(q.id, "hints", count=len(q.hints))
    if q.stars not in range(1, 6):
        yield _finding(q.id, "stars", value=q.stars)
    if not q.points > 0:
        yield _finding(q.id, "points", value=q.points)
    if not q.minutes > 0:
        yield _finding(q.id, "minutes", value=q.minutes)
    if not 0 < q.rtol <= SLOPPIEST:
        yield _finding(q.id, "rtol", value=q.rtol, most=SLOPPIEST)


def _mistakes(q: Question) -> Iterator[Finding]:
    own = {mistake.key for mistake in q.also}
    for key, reason in q.without.items():
        if key not in CATALOGUE:
            yield _finding(q.id, "without_unknown", key=key)
        elif key in own:
            yield _finding(q.id, "without_and_also", key=key)
        if len(reason.split()) < REASON_WORDS:
            yield _finding(q.id, "without_reason", key=key, least=REASON_WORDS)
    for key in q.errors:
        if key not in NOTES:
            yield _finding(q.id, "errors_unknown", key=key)
    for mistake in q.also:
        yield from wording(mistake, q.id)
        if mistake.key in CATALOGUE and _said(mistake) != _said(CATALOGUE[mistake.key]):
            yield _finding(q.id, "also_catalogue", key=mistake.key)


def _said(mistake: Mistake) -> tuple[object, ...]:
    """Everything said about a mistake, which must be the same wherever its key is used."""
    return mistake.words, mistake.formula, mistake.unit


def wording(mistake: Mistake, question: str = "") -> Iterator[Finding]:
    """Findings where a mistake's texts are not whole sentences.  question: the id of its own Question, if any."""
    text = mistake.words
    if not text.name or text.name.endswith("."):
        yield _finding(question, "words_name", key=mistake.key)
    for field, said in (("says", text.says), ("why", text.why)):
        if not re.search(r"[.}`]$", said) or said.count("`") % 2 or "  " in said:
            yield _finding(question, "words_sentence", key=mistake.key, field=field)


# --- rules for the problems drawn


def _drawn(q: Question, seeds: int) -> tuple[list[Problem], list[Finding]]:
    """The problems of a check and of further seeds, and findings if they cannot be drawn."""
    try:
        problems = q.problems()
        if q.maps:
            problems += [q.sample(seed) for seed in range(len(problems), seeds)]
        return problems, []
    except Inseparable as why:
        return [], [_finding(q.id, "separable", why=str(why).removeprefix(f"{q.id}: "))]
    except Exception as why:  # whatever the author's own functions raise
        return [], [_finding(q.id, "drawable", error=f"{type(why).__name__}: {why}")]


def _problems(q: Question, problems: Sequence[Problem]) -> Iterator[Finding]:
    wrongs = {wrong.key for p in problems for wrong in p.wrongs}
    if q.without:
        whole = replace(q, without={})
        others = {wrong.key for seed in range(len(q.maps) or 1) for wrong in Problem(whole, seed).wrongs}
        for key in [key for key in q.without if key in CATALOGUE and key not in others]:
            yield _finding(q.id, "without_idle", key=key)
    for mistake in q.also:
        if mistake.key not in wrongs:
            derived = mistake.on_problem or mistake.on_value
            yield _finding(q.id, "also_never" if derived else "also_derivation", key=mistake.key)
    drawn = [item for p in problems for place in (p.drawn, p.weights) for item in place.items()]
    for name in dict.fromkeys(name for name, x in drawn if x.dtype != torch.float64):
        yield _finding(q.id, "float64", name=name)
    yield from _weights(q, problems)
    if q.asks.predicts:
        again = Problem(q, seed=1)
        if q.maps and not alike(again.truth, problems[0].truth, 0.0):
            yield _finding(q.id, "prediction")
    elif any(_same(Problem(q, k), Problem(q, k + len(q.maps))) for k in range(len(q.maps))):
        yield _finding(q.id, "same_again")


def _weights(q: Question, problems: Sequence[Problem]) -> Iterator[Finding]:
    weights = [[v.detach().numpy().reshape(-1) for v in p.weights.values()] for p in problems if p.weights]
    if any(of_one_sign(np.concatenate(all_)) or any(map(of_one_size, all_)) for all_ in weights):
        yield _finding(q.id, "weights")
    if not weights or not isinstance(q.asks, WeightedGradient):
        return
    names = {name for p in problems for name in p.inputs if acts_entry_by_entry(p, name)}
    for name in sorted(names if not q.asks.stages else ()):  # an operation may well act entry by entry
        yield _finding(q.id, "entrywise", name=name)
    shapes = {p.jacobians[name].shape for p in problems for name in q.asks.names}
    if len(q.maps) > 1 and not q.asks.stages and all(m == n for m, n in shapes):
        yield replace(_finding(q.id, "only_square"), broken=False)


def _same(a: Problem, b: Problem) -> bool:
    """Whether two problems have the same draws."""
    one, other = ({**p.drawn, **p.weights, **p.extras} for p in (a, b))
    return all(np.array_equal(np.asarray(one[name]), np.asarray(other[name])) for name in one)


def _handed(q: Question, problems: Sequence[Problem]) -> Iterator[Finding]:
    """Checks the arguments of the student's function: each must be known, and of a kind that can be sent.

    Whether a function can be sent is checked when the pack is loaded.
    """
    try:
        values = [(arg.name, arg.value) for p in problems for arg in p.call.args]
    except KeyError as why:
        yield _finding(q.id, "gives", error=why.args[0])
        return
    sent = (np.ndarray, int, float)
    for name in dict.fromkeys(name for name, value in values if not callable(value) and not isinstance(value, sent)):
        yield _finding(q.id, "handed", name=name)


def _sentences(q: Question, problems: Sequence[Problem]) -> Iterator[Finding]:
    """Checks that the texts of the mistakes, except the catalogue's, can be filled in on every problem."""
    own = {mistake.key for mistake in q.also}
    amiss = {}
    for p in problems:
        facts = facts_on(p)
        for wrong in p.wrongs:
            if wrong.key in CATALOGUE and wrong.key not in own:
                continue
            try:
                text = q.mistake(wrong.key).words
                said = fill(text.says + text.why, {**facts, **wrong.detail})
            except (KeyError, IndexError, ValueError) as why:  # an unmatched brace, or an unknown name
                amiss[wrong.key] = str(why)
                continue
            missing = said.count("None") != (text.says + text.why).count("None")
            if missing or re.search(r"[{}]|\bnan\b", said):
                amiss[wrong.key] = said
    for key, what in amiss.items():
        yield _finding(q.id, "words_filled", key=key, what=what)


# --- rules for the example answers


def _wrong(q: Question, problems: Sequence[Problem], answers: Sequence[tuple[str, Any]]) -> Iterator[Finding]:
    for k, (name, answer) in enumerate(answers, 1):
        verdict = judge(q, problems, [probe(answer, p.call) for p in problems])
        got = verdict.mistake or verdict.error or verdict.status
        if got != name:
            yield _finding(q.id, "misnamed", number=k, name=name, got=got, headline=verdict.headline)
        elif verdict.score >= verdict.points:
            yield _finding(q.id, "full_marks", number=k, name=name)


def _solution(q: Question, problems: Sequence[Problem]) -> Iterator[Finding]:
    if not q.solution:
        return
    names: dict[str, Any] = {"__name__": "solution"}
    try:
        exec(compile(q.solution, "<solution>", "exec"), names)
        verdict = judge(q, problems, [probe(list(names.values())[-1], p.call) for p in problems])
    except Exception as why:  # the author's own code may raise anything
        yield _finding(q.id, "solution", why=f"{type(why).__name__}: {why}")
        return
    if not verdict.correct:
        yield _finding(q.id, "solution", why=verdict.headline.removesuffix("."))


def _right(q: Question, problems: Sequence[Problem], answers: Sequence[Any]) -> Iterator[Finding]:
    for k, answer in enumerate(answers, 1):
        verdict = judge(q, problems, [probe(answer, p.call) for p in problems])
        if not verdict.correct:
            got = verdict.mistake or verdict.error or verdict.status
            yield _finding(q.id, "refused", number=k, got=got, headline=verdict.headline)


def _counts(q: Question, mine: Sequence[tuple[str, Any]] | None, roads: Sequence[Any] | None) -> Iterator[Finding]:
    if mine is not None:
        if len(mine) < WRONG_ANSWERS:
            yield _finding(q.id, "few_wrong", count=len(mine), least=WRONG_ANSWERS)
        for key in dict.fromkeys(mistake.key for mistake in q.also):
            if key not in {name for name, _ in mine}:
                yield _finding(q.id, "also_unmade", key=key)
    if roads is not None and len(roads) < RIGHT_ANSWERS:
        yield _finding(q.id, "few_right", count=len(roads), least=RIGHT_ANSWERS)


# --- rules between questions


def together(questions: Sequence[Question]) -> Iterator[Finding]:
    """Findings where two questions conflict: they have the same id, or explain the same key differently."""
    for id, count in Counter(question.id for question in questions).items():
        if count > 1:
            yield _finding(id, "id_twice", count=count)
    first: dict[str, tuple[str, Mistake]] = {}
    for question in questions:
        for mistake in question.also:
            id, other = first.setdefault(mistake.key, (question.id, mistake))
            if mistake.key not in CATALOGUE and _said(mistake) != _said(other):
                yield _finding(question.id, "also_two_words", key=mistake.key, other=id)
