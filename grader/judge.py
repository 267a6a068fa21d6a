"""The trusted side: takes Problems and the Answers to them, and returns one Verdict.

Checks are made in this order: attempted, called as asked, raised, type, shape, dtype, finite, value, named mistake,
generic pattern, plain difference.  A correct answer is never called a mistake; a wrong one is called a mistake only
if exactly one mistake fits on every problem posed.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch

from grader import formatting, likeness, words
from grader.errors import recognise
from grader.predictions import letters_of
from grader.probe import FUNCTION_USES, OF_A_CLASS, Answer, Raised, Value, plain, probe
from grader.problem import ROUGH, Problem, Wrong, alike
from grader.question import Question

FLOAT32_RTOL = 1e-4  # for float32 results: of their 7 digits, sums lose a few

_ATTRIBUTES = ["requires_grad", "grad", "data", "retain_grad", "grad_fn"]  # that students set, or mean to


@dataclass(frozen=True)
class Verdict:
    """What the judge found, as data.

    status: correct, unattempted, unfinished, no_function, no_operation, signature, raised, type, length, count, shape,
        complex, dtype, nonfinite, mistake, imprecise, special_point, multiple, transpose, permuted, some_right,
        wrong_choice, wrong_text or wrong.
    score, points: what the answer earned, and what a correct one earns.
    headline, message: text for people, without the score.
    mistake: key of the named mistake, or None.  error: key in ``errors.NOTES``, or None.
    lines: (line number, source line) of the student's code that an exception passed through, outermost first.
    formula, equation: how the truth follows from J, and how the shapes fit, as text.
    inputs: name -> value as text, on the problem that the message is about.
    yours, true: arrays, tuples of arrays or texts on that problem; None if there is nothing to show, or if showing the
        truth would give a prediction away.
    curve: if the picture draws yours and true as curves: (name of the horizontal axis, points (k,)); else None.
    rows: (J, v) for the picture, with J of shape (m, n), if the truth is one weighted sum of the rows of J; else None.
    unit: the unit whose lesson explains this, by default the question's own.
    section: the heading of the section in that lesson, or "".
    places: the names of the entries, if a tuple was asked for; () for a single result.
    """

    question: str
    title: str
    status: str
    score: float
    points: float
    headline: str = ""
    message: str = ""
    mistake: str | None = None
    error: str | None = None
    lines: tuple[tuple[int, str], ...] = ()
    formula: str = ""
    equation: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    yours: Any = None
    true: Any = None
    rows: tuple[np.ndarray, np.ndarray] | None = None
    curve: tuple[str, np.ndarray] | None = None
    unit: str = ""
    places: tuple[str, ...] = ()
    section: str = ""

    @property
    def correct(self) -> bool:
        return self.status == "correct"

    def as_data(self) -> dict[str, Any]:
        """All fields except ``inputs`` and those that hold arrays, ready for JSON."""
        return {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name not in ("yours", "true", "rows", "curve", "inputs")
        }


@dataclass(frozen=True)
class Finding:
    """What was found about one Answer to one Problem.

    status: as in Verdict, or "value" for a wrong value, whose pattern is in ``facts["pattern"]``.
    facts: fill the sentences in ``words``.
    yours: the answer's value, an array, tuple of arrays or text; None if it has none.
    """

    status: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    mistakes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # key -> detail, for all that fit
    yours: Any = None
    parts: tuple[bool, ...] = ()  # which entries of a tuple are right
    stage: Problem | None = None  # if the Problem is judged in stages: the stage in which this was found


def diagnose(question: Question, answer: object, seed: int | None = None) -> Verdict:
    """Pose a question's problems to an answer, and judge it.

    answer: the student's function, or for a prediction a plain value.
    seed: selects the hidden inputs; None means 0, the usual ones.
    """
    with torch.autograd.set_detect_anomaly(False):  # a student may have left it on, and some truths come from a NaN
        problems = question.problems(seed or 0)
        return judge(question, problems, [probe(answer, problem.call) for problem in problems])


def judge(question: Question, problems: Sequence[Problem], answers: Sequence[Answer]) -> Verdict:
    """The Verdict on the answers to a question's problems, one per problem and in their order.

    A wrong answer scores 0; but if the question is ``partial`` and all answers are tuples of the right length, every
    entry that is right on all problems earns its share of the points.  If the problems are independent of each other
    (``Quantity.apart``), each that is right earns one point.
    """
    findings = [_find(p, a) for p, a in zip(problems, answers, strict=True)]
    bad = [k for k, finding in enumerate(findings) if finding.status != "correct"]
    if not bad:
        return _verdict(question, problems[0], findings[0], answers[0], score=question.points, count=len(problems))
    k, finding = (
        _of_the_first(problems, findings, bad)
        if question.asks.apart
        else _named(problems, findings) or _unnamed(problems, findings, bad)
    )
    score = 0.0
    if question.partial and question.asks.apart:
        score = question.points * (len(findings) - len(bad)) / len(findings)
    elif question.partial and all(f.parts or f.status == "correct" for f in findings):
        parts = np.array([findings[b].parts for b in bad])
        score = question.points * float(parts.all(axis=0).mean())
    return _verdict(question, problems[k], finding, answers[k], score=score, count=len(problems))


def _named(problems: Sequence[Problem], findings: Sequence[Finding]) -> tuple[int, Finding] | None:
    """The one mistake that explains all answers, and the first problem that shows it; None if none or several do.

    Where a mistake cannot be made (because J is not square, say), being correct, raising an error or having a wrong
    shape is compatible with it.
    """

    def explains(key: str, p: Problem, finding: Finding) -> bool:
        if finding.status == "nonfinite":  # an overflow hides the value, so any mistake may be behind it
            return True
        elsewhere = key not in {wrong.key for wrong in p.wrongs} or key in p.question.asks.harmless(p)
        return key in finding.mistakes or (elsewhere and finding.status in ("correct", "raised", "shape"))

    keys = {key: None for finding in findings for key in finding.mistakes}
    fitting = [key for key in keys if all(explains(key, p, f) for p, f in zip(problems, findings, strict=True))]
    if len(fitting) != 1:
        return None
    (key,) = fitting
    k = next(k for k, finding in enumerate(findings) if key in finding.mistakes)
    found = findings[k]
    return k, Finding("mistake", {**found.mistakes[key], "key": key}, yours=found.yours, stage=found.stage)


def _of_the_first(problems: Sequence[Problem], findings: Sequence[Finding], bad: Sequence[int]) -> tuple[int, Finding]:
    """What to report if the problems are independent of each other: the finding on the first that is not right."""
    attempted = [k for k in bad if findings[k].status != "unattempted"]
    k = (attempted or bad)[0]
    if not attempted and len(bad) < len(findings):
        return k, Finding("unfinished")
    found = _named([problems[k]], [findings[k]])
    return k, found[1] if found else _unnamed([problems[k]], [findings[k]], [0])[1]


def _unnamed(problems: Sequence[Problem], findings: Sequence[Finding], bad: Sequence[int]) -> tuple[int, Finding]:
    """What to report if no mistake fits, and on which problem: an error, or a pattern that all wrong answers share."""
    raised = next((b for b in bad if findings[b].status == "raised"), None)
    if raised is not None:
        return raised, findings[raised]
    # The problem to show: one whose answer cannot be compared with the truth, else the one with most to say about it.
    unfit = [b for b in bad if findings[b].status != "value"]
    patterns = {findings[b].facts.get("pattern") for b in bad}
    described = bad if len(patterns) > 1 or patterns == {"wrong"} else []
    telling = (b for b in described if likeness.telling(problems[b], findings[b].yours, problems[b].question.rtol))
    k = unfit[0] if unfit else next(telling, bad[0])
    finding = findings[k]
    if len(bad) < len(findings) and finding.status in ("value", "shape") and patterns != {"imprecise"}:
        special = _of_special_point(findings, bad, k)
        return k, Finding("special_point", special, yours=finding.yours, stage=finding.stage)
    if finding.status != "value":
        return k, finding
    # A factor has the names that it has on all problems.
    factors = [
        name
        for name in finding.facts.get("factors", ())
        if all(name in findings[b].facts.get("factors", ()) for b in bad)
    ]
    facts = {**finding.facts, "factors": factors, "same": _always_the_same(findings)}
    pattern = finding.facts["pattern"] if len(patterns) == 1 else "wrong"
    return k, Finding(pattern, facts, yours=finding.yours, stage=finding.stage)


def _of_special_point(findings: Sequence[Finding], bad: Sequence[int], k: int) -> dict[str, Any]:
    """Facts about an answer that is right on some problems: about problem k, which is shown, and about all in ``bad``.

    They name no cause, and need not explain why the answer is right on the other problems.
    """
    finding, facts = findings[k], dict[str, Any]()
    fitting = set.intersection(*({*findings[b].mistakes} for b in bad))
    if len(fitting) == 1:
        (key,) = fitting
        facts["fits"] = (key, finding.mistakes[key])
    if finding.status == "shape":
        facts["shapes"] = finding.facts
    elif finding.facts["pattern"] in words.FINDINGS and len({findings[b].facts.get("pattern") for b in bad}) == 1:
        facts |= {**finding.facts, "pattern_here": finding.facts["pattern"]}
    return facts


def _always_the_same(findings: Sequence[Finding]) -> bool:
    """Whether the same array was returned on every problem, though their inputs differ."""
    first = findings[0].yours
    return (
        isinstance(first, np.ndarray)
        and bool(np.any(first))
        and len(findings) > 1
        and all(isinstance(f.yours, np.ndarray) and np.array_equal(f.yours, first) for f in findings)
    )


def _find(p: Problem, answer: Answer) -> Finding:
    if answer.untouched:
        return Finding("unattempted")
    if answer.instead is not None:
        return Finding("no_operation" if p.call.use in FUNCTION_USES else "no_function", {"value": answer.instead})
    if answer.misfit:
        return Finding("signature", {"misfit": answer.misfit})
    if answer.raised:
        return Finding("raised", {"raised": answer.raised}, _misspelled(answer.raised))
    assert answer.value is not None
    if answer.value.kind == "none" and any("not a leaf" in warning for warning in answer.warned):
        return Finding("type", {"value": answer.value}, mistakes={"grad_of_non_leaf": {}})
    if p.question.asks.stages:
        return _find_in_stages(p, answer.value)
    if p.question.asks.differentiable or p.question.asks.frees_graph:
        value, seen = answer.value.items
        found = _find_value(p, value)
        key = p.question.asks.sequel(p, seen) if found.status == "correct" else ""
        # No ``yours`` here: the values are right, and comparing them with the true ones would show nothing.
        return Finding("value", {"pattern": "wrong"}, {key: {}}) if key else found
    told = p.question.asks.told(p, answer.value)
    value = p.question.asks.read(p, answer.value)
    if told:
        key, detail = told
        return Finding("value", {"pattern": "wrong"}, {key: detail}, yours=_shown(value))
    return _find_value(p, value)


def _shown(value: Value) -> Any:
    """A value as an array or a tuple of arrays; None if it is neither."""
    if value.array is not None:
        return value.array
    parts = tuple(item.array for item in value.items)
    numbers = _numbers(value) if value.kind == "list" else None
    return numbers if numbers is not None else parts if parts and all(part is not None for part in parts) else None


def _find_in_stages(p: Problem, value: Value) -> Finding:
    """Judge an operation: its value, its VJP, then the derivative of the VJP; stop at the first that is wrong."""
    asks, (forward, pullback) = p.question.asks, p.stages
    y, gradients, second = value.items
    found = _find_value(forward, y)
    if found.status == "value" and not found.mistakes:
        found = replace(found, mistakes=asks.otherwise(p, y, gradients))
    if found.status != "correct":
        return replace(found, stage=forward)
    if asks.zero_where_unused:
        named = zip(asks.names, gradients.items, strict=False)
        filled = tuple(plain(torch.zeros_like(p.inputs[n])) if item.kind == "none" else item for n, item in named)
        gradients = replace(gradients, items=filled)
    missing = [name for name, item in zip(asks.names, gradients.items, strict=False) if item.kind == "none"]
    if gradients.kind == "none" or missing:
        key = "value_without_graph" if gradients.kind == "none" else "gradient_is_none"
        return Finding("value", {"pattern": "wrong"}, {key: {"which": ", ".join(missing)}}, stage=pullback)
    found = _find_value(pullback, gradients if isinstance(asks.wrt, tuple) else gradients.items[0])
    if found.status == "value" and not found.mistakes:
        found = replace(found, mistakes=asks.otherwise(p, y, gradients))
    if found.status == "correct" and asks.differentiable:
        key = asks.sequel(p, second)
        if key:
            return Finding("value", {"pattern": "wrong"}, {key: {}}, stage=pullback)
    return found if found.status == "correct" else replace(found, stage=pullback)


def _misspelled(raised: Raised) -> dict[str, Mapping[str, Any]]:
    """The mistake of setting an attribute that tensors do not have, if its name is close to one they do have."""
    for name in raised.unknown:
        near = difflib.get_close_matches(name, _ATTRIBUTES, n=1, cutoff=0.8)
        if near:
            return {"attribute_misspelt": {"attribute": name, "nearest": near[0], "lines": raised.lines}}
    return {}


def _find_value(p: Problem, value: Value) -> Finding:
    asks, truth = p.question.asks, p.truth
    if value.kind == "none":
        key = "grad_is_none" if asks.observes == "grad" else "not_returned"
        named = {w.key: w.detail for w in p.wrongs if w.value is None}
        return Finding("type", {"value": value}, mistakes=named or {key: {}})
    if asks.form == "text":
        if value.kind != "text":
            return Finding("type", {"value": value})
        found = _compare(p, value.text.strip(), truth)
        return replace(found, facts={"pattern": "wrong_text"}) if found.status == "value" else found
    if asks.form == "letters":
        said = letters_of(value)
        if not said and value.kind != "text":
            return Finding("type", {"value": value})
        return _compare(p, said, truth)
    if isinstance(truth, tuple):
        return _find_tuple(p, value, truth)
    if value.kind in ("tuple", "list") and asks.form in ("numbers", "shape"):
        array = _numbers(value)
    else:
        array = value.array
        if value.kind in ("tuple", "list") and len(value.items) == 1 and value.items[0].array is not None:
            inner = _find_value(p, value.items[0])
            if inner.status == "correct":
                return Finding("type", {"value": value}, {f"{value.kind}_of_one": {}})
        elif _add_up(p, value):
            return Finding("type", {"value": value}, {"parts_not_added": {"kind": _kind(value)}})
    if array is None or not _kind_fits(p, value):
        entries = tuple(item.array for item in value.items)
        known = entries and all(entry is not None for entry in entries)
        return Finding("type", {"value": value}, _matching(p, entries, p.question.rtol) if known else {})
    return _find_array(p, value, array, truth)


@np.errstate(over="ignore", invalid="ignore")  # entries near the largest float must not warn
def _add_up(p: Problem, value: Value) -> bool:
    """Whether the entries of a tuple or list add up to the truth."""
    arrays = [item.array for item in value.items if item.array is not None]
    if len(arrays) < len(value.items) or len({array.shape for array in arrays}) != 1:
        return False
    return bool(arrays) and alike(np.asarray(sum(arrays)), p.truth, p.question.rtol, p.scale)


def _find_tuple(p: Problem, value: Value, truth: tuple[np.ndarray, ...]) -> Finding:
    if value.kind not in ("tuple", "list"):
        return Finding("type", {"value": value})
    if len(value.items) != len(truth):
        per_input = len(truth) == len(p.question.asks.names)
        found = _matching(p, tuple(item.array for item in value.items), p.question.rtol)
        return Finding("length" if per_input else "count", {"got": len(value.items), "wanted": len(truth)}, found)
    parts = tuple(_right(p, item, true) for item, true in zip(value.items, truth, strict=True))
    if any(true is None for true in truth) or bool(getattr(p.question.asks, "unused", "")):
        return _find_with_none(p, value, parts)
    for item, place in zip(value.items, _places(p, len(parts)), strict=True):
        if item.array is None or not _kind_fits(p, item):
            wrapped = item.kind in ("tuple", "list") and len(item.items) == 1
            named: dict[str, Mapping[str, Any]] = {f"{item.kind}_of_one": {"place": place}} if wrapped else {}
            return Finding("type", {"value": item, "place": place}, named, parts=parts)
    arrays = tuple(item.array for item in value.items if item.array is not None)
    for item, array, true, place in zip(value.items, arrays, truth, _places(p, len(parts)), strict=True):
        refused = _unfit(p, item, array, np.asarray(true), arrays)
        if refused:
            return replace(refused, facts={**refused.facts, "place": place}, parts=parts)
    if all(parts):
        return Finding("correct", yours=arrays, parts=parts)
    rtol = max(_rtol(p, item) for item in value.items)
    facts = _of_entries(p, arrays, parts, rtol)
    return Finding("value", facts, _matching(p, arrays, rtol) or _first_wrong(p, arrays, parts, rtol), arrays, parts)


def _of_entries(p: Problem, arrays: tuple[Any, ...], parts: tuple[bool, ...], rtol: float) -> dict[str, Any]:
    """Which entries of a tuple are right; or its pattern, if none is but zeros, which may be right by chance."""
    some = any(right and np.any(true) for right, true in zip(parts, p.truth, strict=True))
    facts = likeness.pattern(p, arrays, p.truth, rtol)
    return _results(p, parts) if some and facts["pattern"] != "imprecise" else facts


def _first_wrong(
    p: Problem, arrays: Sequence[Any], parts: tuple[bool, ...], rtol: float
) -> dict[str, Mapping[str, Any]]:
    """The mistakes that fit the first wrong entry of a tuple, if the Quantity names its mistake after that entry."""
    place = parts.index(False)
    return _matching(p, arrays[place], rtol, p.question.asks.in_entry(p, place))


def _find_with_none(p: Problem, value: Value, parts: tuple[bool, ...]) -> Finding:
    """Judge a tuple that contains, or should contain, None for an input that takes no part."""
    arrays = tuple(item.array for item in value.items)
    if all(parts):
        return Finding("correct", yours=arrays, parts=parts)
    known = all(item.array is not None or item.kind == "none" for item in value.items)
    found = _matching(p, arrays, p.question.rtol) if known else {}
    for item, true, place in zip(value.items, p.truth, _places(p, len(parts)), strict=True):
        if found or true is None or item.kind == "none":
            continue
        if item.array is None or not _kind_fits(p, item):
            return Finding("type", {"value": item, "place": place}, parts=parts)
        refused = _unfit(p, item, item.array, np.asarray(true), item.array)
        if refused:
            return replace(refused, facts={**refused.facts, "place": place}, parts=parts, yours=arrays)
    whole = all(a is not None and true is not None for a, true in zip(arrays, p.truth, strict=True))
    facts = _of_entries(p, arrays, parts, p.question.rtol) if whole else _results(p, parts)
    return Finding("value", facts, found, arrays, parts)


def _places(p: Problem, count: int) -> Sequence[str]:
    """The names of a tuple's entries: those that the Quantity gives, if it names each of them, else numbers."""
    places = p.question.asks.places(p)
    return places if len(places) == count else [str(k) for k in range(count)]


def _results(p: Problem, parts: tuple[bool, ...]) -> dict[str, Any]:
    """Facts about which entries of a tuple are right, named after the inputs if there is one for each input."""
    names = _places(p, len(parts))
    which = words.CARD["at_places"].format(places=", ".join(n for n, right in zip(names, parts, strict=True) if right))
    facts = {"size": len(parts), "right": sum(parts), "which": which, "things": words.CARD["results"]}
    return {**facts, "pattern": "some_right" if any(parts) else "wrong"}


def _right(p: Problem, item: Value, true: np.ndarray | None) -> bool:
    """Whether one entry of a tuple is right, regardless of the others."""
    array = item.array
    if true is None:
        return item.kind == "none"
    true = np.asarray(true)
    if array is None or not _kind_fits(p, item) or _unfit(p, item, array, true, array):
        return False
    return alike(array, true, _rtol(p, item), p.scale)


def _find_array(p: Problem, value: Value, array: np.ndarray, truth: np.ndarray) -> Finding:
    return _unfit(p, value, array, np.asarray(truth), array) or _compare(p, array, truth, _rtol(p, value))


def _unfit(p: Problem, value: Value, array: np.ndarray, truth: np.ndarray, whole: Any) -> Finding | None:
    """Why an array cannot be compared with the truth: wrong shape or dtype, or entries not finite; else None."""
    if array.shape != truth.shape:
        facts = {"yours": array.shape, "true": truth.shape}
        return Finding("shape", facts, _matching(p, whole, p.question.rtol), yours=whole)
    if np.iscomplexobj(array) and not np.iscomplexobj(truth):
        return Finding("complex", yours=whole)
    if value.kind == "tensor" and not _dtype_fits(p, value, truth):
        true = "complex128" if np.iscomplexobj(truth) else "float64"
        found = _matching(p, whole, p.question.rtol) if value.dtype == "float64" else {}
        return Finding("dtype", {"yours": value.dtype, "true": true}, found, yours=whole)
    if not np.isfinite(array).all():
        what = [words.CARD[name] for name, test in (("nan", np.isnan), ("infinite", np.isinf)) if test(array).any()]
        count = int((~np.isfinite(array)).sum())
        return Finding(
            "nonfinite", {"count": count, "size": array.size, "what": words.CARD["or"].join(what)}, yours=whole
        )
    return None


def _compare(p: Problem, yours: Any, truth: Any, rtol: float | None = None) -> Finding:
    rtol = rtol or p.question.rtol
    if alike(yours, truth, rtol, p.scale):
        return Finding("correct", yours=yours)
    return Finding("value", likeness.pattern(p, yours, truth, rtol), _matching(p, yours, rtol), yours)


def _matching(
    p: Problem, yours: Any, rtol: float, wrongs: Sequence[Wrong] | None = None
) -> dict[str, Mapping[str, Any]]:
    """The mistakes that give this value on this problem: key -> detail.  wrongs: the candidates; by default all."""
    near = [
        w for w in reversed(p.wrongs if wrongs is None else wrongs) if alike(yours, w.value, max(rtol, ROUGH), p.scale)
    ]
    return {w.key: w.detail for w in near if p.question.mistake(w.key).rough or alike(yours, w.value, rtol, p.scale)}


def _rtol(p: Problem, value: Value) -> float:
    rough = p.question.float32 and value.dtype == "float32"
    rtol = p.question.asks.rtol(p)
    return max(rtol, FLOAT32_RTOL) if rough else rtol


def _kind_fits(p: Problem, value: Value) -> bool:
    asks = p.question.asks
    if asks.form == "gradients":
        return value.kind in ("number", "array", "tensor")
    if asks.form in ("numbers", "shape"):
        return value.kind in ("tensor", "array", "tuple", "list") or (value.kind, asks.form) == ("number", "numbers")
    return value.kind == "tensor" or (p.question.plain_numbers and value.kind == "number")


def _dtype_fits(p: Problem, value: Value, truth: np.ndarray) -> bool:
    if p.question.asks.form in ("numbers", "shape", "gradients"):
        return True
    if np.iscomplexobj(truth):
        return value.dtype == "complex128"
    if p.question.plain_numbers and value.array is not None and value.array.ndim == 0 and value.dtype[:3] == "int":
        return True  # a count
    return value.dtype == "float64" or (p.question.float32 and value.dtype == "float32")


def _numbers(value: Value) -> np.ndarray | None:
    """A list or tuple of numbers, possibly nested, as one array; None if it is ragged or contains anything else."""
    if value.array is not None:
        return value.array
    items = [array for item in value.items if (array := _numbers(item)) is not None]
    if value.kind not in ("tuple", "list") or len(items) < len(value.items):
        return None
    try:
        return np.array(items, dtype=complex if any(np.iscomplexobj(item) for item in items) else float)
    except ValueError:
        return None


def _verdict(q: Question, p: Problem, finding: Finding, answer: Answer, score: float, count: int) -> Verdict:
    """Put a finding into words: the sentences in ``words``, filled with facts about the problem."""
    whole, p = p, finding.stage or p
    facts = {**facts_on(p, count), **finding.facts}
    status, mistake, error = finding.status, None, None
    if status == "correct":
        facts["formula_of_truth"] = q.asks.found_right_on(p)
    unit = ""
    lines: tuple[tuple[int, str], ...] = ()
    if status == "mistake":
        mistake = str(finding.facts["key"])
        found = q.mistake(mistake)
        says, why, unit = found.words.says, found.words.why, found.unit
        lines = finding.facts.get("lines", ())
        if "cause" in facts:
            facts["cause_words"] = words.cause(facts["cause"])
    elif status == "raised":
        raised: Raised = finding.facts["raised"]
        lines = raised.lines
        note = recognise(raised)
        torch_did = note is not None and raised.type_name == "RuntimeError"
        says, why = words.FINDINGS["raised" if torch_did else "raised_python"]
        facts["error"] = (raised.message or raised.type_name).rstrip(".")
        facts["place"] = words.CARD["place"].format(line=raised.at or lines[-1][0]) if lines else ""
        if note:
            again = note.again if q.asks.twice else ""
            error, unit = note.key, again or note.unit
            why = q.errors.get(note.key) or words.explained(note.key, again=bool(again))
        if not lines and error in ("second_backward", "inplace_on_saved"):
            why = f"{words.CARD['differentiated_afterwards']} {why}"
    else:
        if status in ("type", "no_function", "no_operation"):
            facts |= _type_facts(finding.facts["value"], q, p, entry="place" in finding.facts)
        elif status == "shape":
            facts["shape_help"] = p.question.asks.shape_help
            facts["yours"], facts["true"] = formatting.shape(facts["yours"]), formatting.shape(facts["true"])
        if q.asks.predicts:
            of_prediction = {"correct": "right"}
            if q.asks.form == "shape":
                of_prediction |= {"shape": "dimensions", "permuted": "sizes_permuted"}
            says, why = words.FINDINGS[of_prediction.get(status, status)]
        elif status == "nonfinite" and finding.stage is not None and finding.stage is whole.stages[-1]:
            says, why = words.FINDINGS["nonfinite_gradient"]
        elif status == "dtype" and (facts["true"], facts["yours"]) == ("complex128", "float64"):
            says, why = words.FINDINGS["not_complex"]
        elif status == "no_function" and q.asks.use in OF_A_CLASS:
            says, why = words.FINDINGS["no_class"]
        elif status == "nonfinite" and facts["size"] == 1:
            says, why = words.FINDINGS["nonfinite_number"]
        else:
            says, why = words.FINDINGS[status]
    if "place" in finding.facts:
        says = words.CARD["entry_of_gradients" if q.asks.form == "gradients" else "entry_of_tuple"] + says
    shows_truth = not q.asks.predicts and status not in (
        "unattempted",
        "unfinished",
        "raised",
        "signature",
        "no_function",
        "no_operation",
    )
    if "{about}" in why:
        told = [words.ABOUT["same"]] if facts.get("same") else likeness.about(p, finding.yours, q.rtol)
        facts["about"] = "".join(f" {said}" for said in [*_here(q, facts), *told])
    named = words.CARD["or"].join(facts.get("factors", ()))
    facts["factor_name"] = words.ABOUT["factor"].format(name=named) if named else ""
    return Verdict(
        question=q.id,
        title=q.title,
        status=status,
        score=float(score),
        points=float(q.points),
        headline=formatting.fill(says, facts),
        message=f"{_stage_said(whole, finding)} {formatting.fill(why, facts).strip()}".strip(),
        mistake=mistake,
        error=error,
        lines=lines,
        formula=p.question.asks.formula_on(p),
        equation=facts["equation"],
        inputs=_shown_inputs(whole, finding.stage) if shows_truth else {},
        yours=_as_shape(finding.yours) if q.asks.form == "shape" else finding.yours,
        true=p.truth if shows_truth and (q.asks.compared or status == "correct") else None,
        rows=q.asks.rows(p) if shows_truth else None,
        curve=q.asks.curve(p) if shows_truth else None,
        unit=unit or q.unit,
        places=tuple(_places(p, len(p.truth))) if isinstance(p.truth, tuple) else (),
    )


def _stage_said(p: Problem, finding: Finding) -> str:
    """If an answer is judged in stages: a sentence that says which stage an unnamed finding is about; else ''."""
    if finding.stage is None or finding.status in ("mistake", "correct", "nonfinite"):
        return ""
    return words.CARD["about_gradient" if finding.stage is p.stages[-1] else "about_value"]


def _here(q: Question, facts: Mapping[str, Any]) -> list[str]:
    """Sentences about the problem shown, if the answer is right on others.  facts: from ``_of_special_point``."""
    told = []
    if "fits" in facts:
        key, detail = facts["fits"]
        name = formatting.fill(q.mistake(key).words.name, {**facts, **detail})
        told.append(words.ABOUT["value_here"].format(name=name))
    elif facts.get("pattern_here") in ("multiple", "transpose", "permuted"):
        says, _ = words.FINDINGS[facts["pattern_here"]]
        told.append(words.ABOUT["here"].format(says=formatting.fill(says, facts)))
    if "shapes" in facts:
        shapes = {name: formatting.shape(facts["shapes"][name]) for name in ("yours", "true")}
        told.append(words.ABOUT["shape_here"].format_map(shapes))
    return told


def _as_shape(sizes: Any) -> Any:
    """A predicted shape as Python writes it; anything that cannot be a shape is returned unchanged."""
    return formatting.shape(tuple(sizes)) if np.ndim(sizes) == 1 and np.isfinite(sizes).all() else sizes


def facts_on(p: Problem, count: int = 1) -> dict[str, Any]:
    """The values of the placeholders in ``words`` on this problem.  count: how many problems are posed."""
    q, asks = p.question, p.question.asks
    names = asks.names
    facts: dict[str, Any] = {
        "number": q.number or q.title,
        "minutes": q.minutes,
        "given": "(" + ", ".join(name for name in p.given if name not in q.hidden) + ")",
        "inputs": ", ".join(names),
        "formula_of_truth": asks.formula_on(p),
        "equation": asks.equation(p),
        "problems": words.CARD["hidden"].format(count=count),
        "expression": p.map.formula,
        "cause_words": "",
        **{name: value for name, value in p.extras.items() if isinstance(value, int)},
        **p.map.fixed_args,
    }
    facts["equation_line"] = f"{facts['equation']}." if facts["equation"] else ""
    if p.inputs and p.outputs:
        v = asks.weight(p)
        facts |= {"v": formatting.values(v), "m": p.y.size, "y": formatting.values(p.y)}
        facts["vy"] = formatting.number((v @ p.y).item())
        facts["n"] = int(p.inputs[names[0]].numel()) if names else 0
    return facts


def _kind(value: Value) -> str:
    """What a value is, in words."""
    return words.KINDS[value.kind].format(count=len(value.items), type_name=value.type_name)


def _type_facts(value: Value, q: Question, p: Problem, entry: bool) -> dict[str, Any]:
    several = q.asks.form == "tensor" and isinstance(p.truth, tuple) and len(p.truth) > 1 and not entry
    mixed = several and any(np.ndim(true) for true in p.truth)
    form = ("tuple_with_numbers" if mixed else "numbers_in_tuple") if q.plain_numbers else "tuple"
    form = form if several else q.asks.form
    general = words.FORM_HELP.get(value.kind, "") if form in ("tensor", "tuple") else ""
    help_ = words.FORM_HELP.get(f"{form}/{value.kind}", general)
    if entry:
        help_ = words.FORM_HELP.get(f"entry/{value.kind}", help_)
    kind = _kind(value)
    if form == "numbers" and value.kind in ("tuple", "list"):  # then not all of its entries are numbers
        kind = words.KINDS["not_numbers"].format(kind=kind)
    return {"kind": kind, "expected": words.FORMS[form], "form_help": help_}


def _shown_inputs(p: Problem, stage: Problem | None = None) -> dict[str, str]:
    """The arguments of the call, as texts for the card: name -> value.

    stage: the stage that a finding is about; the weight of an operation is shown only if the finding is about its VJP.
    """
    shown = {}
    for arg in p.call.args:
        if arg.hidden:
            continue
        if isinstance(arg.value, np.ndarray):
            shown[arg.name] = formatting.values(arg.value)
            if arg.stale is not None:
                shown[words.CARD["stale"].format(name=arg.name)] = formatting.values(arg.stale)
        elif isinstance(arg.value, (int, float)):
            shown[arg.name] = formatting.number(arg.value)
        elif arg.computed and p.map.formula and p.question.computed[arg.name] is None:
            shown[arg.name] = p.map.formula
        elif arg.name == "f" and not arg.computed and p.map.formula:
            shown["f(" + ", ".join(p.inputs) + ")"] = p.map.formula
        elif arg.name in p.map.fixed_args:
            shown["f"] = p.map.formula
        elif arg.name == "weigh":
            shown |= {f"{name} = weigh({', '.join(p.inputs)})": formatting.values(v) for name, v in p.weights.items()}
    if stage is not None and stage is p.stages[-1]:
        shown |= {name: formatting.values(v.numpy()) for name, v in p.weights.items()}
    return {**shown, **p.question.asks.shown(p)}
