"""The trusted side: Problems and Answers in, one Verdict out.

It looks in this order: attempted, called as asked, raised, type, shape, dtype, finite, value,
named mistake, generic pattern, plain difference.  A correct answer is never called a mistake; a
wrong one gets a name only where the same single name fits on every problem posed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from grader import words
from grader.errors import NOTES, recognise
from grader.mistakes import CATALOGUE
from grader.probe import Answer, Raised, Value, probe
from grader.quantities import letters_of
from grader.question import Problem, Question, alike

FLOAT32_RTOL = 1e-4  # float32 carries 7 digits; a few are lost in sums
CLOSE = 1e-3  # below this an answer is the right one, computed roughly


@dataclass(frozen=True)
class Verdict:
    """What the judge found, as data.

    status: correct, unattempted, no_function, signature, raised, type, length, shape, dtype, nonfinite, mistake,
        imprecise, special_point, multiple, transpose, permuted, some_right or wrong.
    mistake: key of the catalogue, or None.  error: key of ``errors.NOTES``, or None.
    headline, message: for people, without the score.
    yours, true: arrays, tuples of arrays or texts on the problem that the message speaks of; None
        where there is none, or where showing the truth would give a prediction away.
    rows: (J, v) where the truth is one weighted sum of the rows of J, for the picture; J is (m, n).
    unit: the unit whose lesson explains this; "" where none does.
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
    unit: str = ""

    @property
    def correct(self) -> bool:
        return self.status == "correct"

    def as_data(self) -> dict[str, Any]:
        """Everything but the arrays, ready for JSON."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("yours", "true", "rows", "inputs")}


@dataclass(frozen=True)
class Finding:
    """What is to be said of one Answer to one Problem."""

    status: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    mistakes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # key -> detail; all that fit
    yours: Any = None
    parts: tuple[bool, ...] = ()  # which entries of a tuple are right


def diagnose(question: Question, answer: object, seed: int | None = None) -> Verdict:
    """Probe and judge at once: pose the question's problems to a function or a predicted value.

    seed: chooses the hidden inputs; None poses the usual ones.
    """
    problems = question.problems(seed or 0)
    return judge(question, problems, [probe(answer, problem.call) for problem in problems])


def judge(question: Question, problems: Sequence[Problem], answers: Sequence[Answer]) -> Verdict:
    """The Verdict on a question's answers, one per problem."""
    findings = [_find(p, a) for p, a in zip(problems, answers, strict=True)]
    bad = [k for k, finding in enumerate(findings) if finding.status != "correct"]
    if not bad:
        return _verdict(question, problems[0], findings[0], answers[0], score=question.points, count=len(problems))
    k = bad[0]
    finding = findings[k]
    if len(bad) < len(findings) and finding.status in ("value", "shape"):
        finding = Finding("special_point", yours=finding.yours)
    elif finding.status in ("value", "shape", "type", "length"):
        finding = _agree([findings[b] for b in bad])
    score = 0.0
    if question.partial and all(f.parts or f.status == "correct" for f in findings):
        parts = np.array([findings[b].parts for b in bad])
        score = question.points * float(parts.all(axis=0).mean())
    return _verdict(question, problems[k], finding, answers[k], score=score, count=len(problems))


def _agree(findings: Sequence[Finding]) -> Finding:
    """One finding for several wrong answers: a mistake or a pattern only where all of them show it."""
    first = findings[0]
    common = set(first.mistakes).intersection(*(f.mistakes for f in findings[1:]))
    if len(common) == 1:
        (key,) = common
        return Finding("mistake", {**first.mistakes[key], "key": key}, yours=first.yours)
    if first.status != "value":
        return first
    pattern = first.facts["pattern"]
    if any(f.facts.get("pattern") != pattern for f in findings):
        pattern = "wrong"
    return Finding(pattern, first.facts, yours=first.yours)


def _find(p: Problem, answer: Answer) -> Finding:
    if answer.untouched:
        return Finding("unattempted")
    if answer.instead is not None:
        return Finding("no_function", {"value": answer.instead})
    if answer.misfit:
        return Finding("signature", {"misfit": answer.misfit})
    if answer.raised:
        return Finding("raised", {"raised": answer.raised})
    assert answer.value is not None
    return _find_value(p, answer.value)


def _find_value(p: Problem, value: Value) -> Finding:
    asks, truth = p.question.asks, p.truth
    if value.kind == "none":
        key = "grad_is_none" if asks.observes == "grad" else "not_returned"
        return Finding("type", {"value": value}, mistakes={key: {}})
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
    if array is None or not _kind_fits(p, value):
        return Finding("type", {"value": value})
    return _find_array(p, value, array, truth)


def _find_tuple(p: Problem, value: Value, truth: tuple[np.ndarray, ...]) -> Finding:
    if value.kind not in ("tuple", "list"):
        return Finding("type", {"value": value})
    if len(value.items) != len(truth):
        return Finding("length", {"got": len(value.items), "wanted": len(truth)})
    for item in value.items:
        if item.array is None or not _kind_fits(p, item):
            return Finding("type", {"value": item})
    arrays = tuple(item.array for item in value.items if item.array is not None)
    for item, true in zip(value.items, truth, strict=True):
        refused = _unfit(p, item, item.array, np.asarray(true), arrays)
        if refused:
            return refused
    return _compare(p, arrays, truth)


def _find_array(p: Problem, value: Value, array: np.ndarray, truth: np.ndarray) -> Finding:
    return _unfit(p, value, array, np.asarray(truth), array) or _compare(p, array, truth, _rtol(p, value))


def _unfit(p: Problem, value: Value, array: np.ndarray, truth: np.ndarray, whole: Any) -> Finding | None:
    """Why an array cannot be compared entry by entry with the truth: its shape, dtype or entries."""
    if array.shape != truth.shape:
        facts = {"yours": array.shape, "true": truth.shape}
        return Finding("shape", facts, _matching(p, whole, p.question.rtol), yours=whole)
    if np.iscomplexobj(array):
        return Finding("complex", yours=whole)
    if value.kind == "tensor" and not _dtype_fits(p, value):
        return Finding("dtype", {"yours": value.dtype, "true": "float64"}, yours=whole)
    if not np.isfinite(array).all():
        what = [name for name, test in (("nan", np.isnan), ("infinite", np.isinf)) if test(array).any()]
        count = int((~np.isfinite(array)).sum())
        return Finding("nonfinite", {"count": count, "size": array.size, "what": " or ".join(what)}, yours=whole)
    return None


def _compare(p: Problem, yours: Any, truth: Any, rtol: float | None = None) -> Finding:
    rtol = rtol or p.question.rtol
    scale = p.question.asks.scale(p)
    if alike(yours, truth, rtol, scale):
        return Finding("correct", yours=yours)
    parts: tuple[bool, ...] = ()
    if isinstance(truth, tuple):
        parts = tuple(alike(a, b, rtol, scale) for a, b in zip(yours, truth, strict=True))
    facts = _pattern(yours, truth, rtol, scale)
    return Finding("value", facts, _matching(p, yours, rtol), yours, parts)


def _matching(p: Problem, yours: Any, rtol: float) -> dict[str, Mapping[str, Any]]:
    """Every mistake that gives just this value here, with its detail."""
    return {w.key: w.detail for w in reversed(p.wrongs) if alike(yours, w.value, rtol, p.question.asks.scale(p))}


def _pattern(yours: Any, truth: Any, rtol: float, scale: float) -> dict[str, Any]:
    """What can be said of a wrong value without guessing at its cause."""
    if isinstance(truth, str):
        return {"pattern": "wrong_choice"}
    flat = isinstance(truth, tuple)
    a = np.concatenate([np.ravel(x) for x in yours]) if flat else np.asarray(yours)
    t = np.concatenate([np.ravel(x) for x in truth]) if flat else np.asarray(truth)
    tolerance, size = rtol * scale, t.size
    off = float(np.abs(a - t).max(initial=0)) / scale
    right = np.abs(a - t) <= tolerance
    facts: dict[str, Any] = {"size": size, "right": int(right.sum()), "which": "", "sign_line": ""}
    if off <= CLOSE:
        return {**facts, "pattern": "imprecise", "off": f"{off:.0e}", "allowed": f"{rtol:.0e}"}
    if size > 1:
        factor = float(np.vdot(t, a) / np.vdot(t, t)) if np.any(t) else 0.0
        if abs(factor) > CLOSE and np.abs(a - factor * t).max() <= tolerance * max(1, abs(factor)):
            return {**facts, "pattern": "multiple", "factor": words.number(factor)}
        if a.ndim == 2 and a.shape == a.T.shape and np.abs(a.T - t).max() <= tolerance:
            return {**facts, "pattern": "transpose"}
        if np.abs(np.sort(np.ravel(a)) - np.sort(np.ravel(t))).max() <= tolerance:
            return {**facts, "pattern": "permuted"}
        if right.any():
            places = [words.shape(tuple(i)) if a.ndim > 1 else str(i[0]) for i in np.argwhere(right)]
            cut = places[: words.LONGEST] + ["…"] * (len(places) > words.LONGEST)
            return {**facts, "pattern": "some_right", "which": "at " + ", ".join(cut)}
        if np.array_equal(np.sign(a), np.sign(t)):
            facts["sign_line"] = " The shape and all signs are right."
    return {**facts, "pattern": "wrong"}


def _rtol(p: Problem, value: Value) -> float:
    return max(p.question.rtol, FLOAT32_RTOL) if value.dtype == "float32" else p.question.rtol


def _kind_fits(p: Problem, value: Value) -> bool:
    asks = p.question.asks
    if asks.form in ("numbers", "shape"):
        return value.kind in ("tensor", "array", "number", "tuple", "list")
    return value.kind == "tensor" or (p.question.plain_numbers and value.kind == "number")


def _dtype_fits(p: Problem, value: Value) -> bool:
    if p.question.asks.form in ("numbers", "shape"):
        return True
    return value.dtype == "float64" or (p.question.float32 and value.dtype == "float32")


def _numbers(value: Value) -> np.ndarray | None:
    """A list of numbers, or of such lists, as one array; None where it is ragged or holds something else."""
    if value.array is not None:
        return value.array
    items = [_numbers(item) for item in value.items]
    if value.kind not in ("tuple", "list") or any(item is None for item in items):
        return None
    try:
        return np.array(items, dtype=float)
    except ValueError:
        return None


def _verdict(q: Question, p: Problem, finding: Finding, answer: Answer, score: float, count: int) -> Verdict:
    """Words for a finding: the facts of the problem, then the sentences of the tables."""
    facts = {**_facts(q, p, count), **finding.facts}
    status, mistake, error = finding.status, None, None
    unit, lines = "", ()
    if status == "mistake":
        mistake = str(finding.facts["key"])
        text = words.MISTAKES[mistake]
        says, why, unit = text.says, text.why, CATALOGUE[mistake].unit
        if "cause" in facts:
            facts["cause_words"] = words.cause(facts["cause"])
    elif status == "raised":
        raised: Raised = finding.facts["raised"]
        lines = raised.lines
        note = recognise(raised)
        says, why = words.FINDINGS["raised" if note and "RuntimeError" in note.types else "raised_python"]
        facts["error"] = raised.message or raised.type_name
        facts["place"] = " at your " + words.CARD["line"].format(line=lines[-1][0]) if lines else ""
        if note:
            error, unit = note.key, NOTES[note.key].unit
            text = words.ERRORS[note.key]
            facts["fn"] = "autograd"
            why = f"{text.says[0].upper()}{text.says[1:]} {text.why}"
    else:
        if status in ("type", "no_function"):
            facts |= _type_facts(finding.facts["value"], q)
        elif status == "shape":
            facts["shape_help"] = p.question.asks.shape_help
            facts["yours"], facts["true"] = words.shape(facts["yours"]), words.shape(facts["true"])
        says, why = words.FINDINGS["right" if status == "correct" and q.asks.predicts else status]
    shows_truth = not q.asks.predicts and status not in ("unattempted", "raised", "signature", "no_function")
    return Verdict(
        question=q.id,
        title=q.title,
        status=status,
        score=float(score),
        points=float(q.points),
        headline=words.fill(says, facts),
        message=words.fill(why, facts).strip(),
        mistake=mistake,
        error=error,
        lines=lines,
        formula=facts["formula_of_truth"],
        equation=facts["equation"],
        inputs=_shown_inputs(p) if shows_truth else {},
        yours=finding.yours,
        true=p.truth if shows_truth else None,
        rows=q.asks.rows(p) if shows_truth else None,
        unit=unit or q.unit,
    )


def _facts(q: Question, p: Problem, count: int) -> dict[str, Any]:
    """What the sentences may speak of on this problem."""
    asks = q.asks
    names = asks.names
    facts: dict[str, Any] = {
        "title": q.title,
        "minutes": q.minutes,
        "given": "(" + ", ".join(q.gives) + ")",
        "inputs": ", ".join(names),
        "formula_of_truth": asks.formula,
        "equation": asks.equation(p),
        "problems": words.CARD["hidden"].format(count=count),
        "cause_words": "",
        **{name: value for name, value in p.extras.items() if isinstance(value, int)},
        **p.map.fixed_args,
    }
    facts["equation_line"] = f"{facts['equation']}." if facts["equation"] else ""
    if p.inputs and p.outputs:
        v = asks.weight(p)
        facts |= {"v": words.values(v), "m": p.y.size, "y": words.values(p.y)}
        facts["vy"] = words.number(float(v @ p.y)) if v.shape == p.y.shape else ""
        facts["n"] = int(p.inputs[names[0]].numel()) if names else 0
    return facts


def _type_facts(value: Value, q: Question) -> dict[str, Any]:
    kind = words.KINDS[value.kind].format(count=len(value.items), type_name=value.type_name)
    form = "tuple" if isinstance(q.asks.by, tuple) and len(q.asks.by) > 1 else q.asks.form
    help_ = words.FORM_HELP.get(value.kind, "") if form in ("tensor", "tuple") else ""
    return {"kind": kind, "expected": words.FORMS[form], "form_help": help_}


def _shown_inputs(p: Problem) -> dict[str, str]:
    """The arguments of the call as a card prints them."""
    shown = {}
    for arg in p.call.args:
        if isinstance(arg.value, np.ndarray):
            shown[arg.name] = words.values(arg.value)
        elif isinstance(arg.value, (int, float)):
            shown[arg.name] = words.number(arg.value)
        elif arg.name == "f" and p.map.formula:
            shown["f(" + ", ".join(p.inputs) + ")"] = p.map.formula
    return shown

