"""What lessons show besides prose: wrong answers and why they are wrong, errors explained, galleries, and pictures."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape

import numpy as np

from grader import formatting, words
from grader.card import rich
from grader.errors import recognise
from grader.judge import facts_on
from grader.pictures import Picture, blocks, bucket, chain, curves, graph, heatmap, slider, triptych, weighted_rows
from grader.probe import Call, probe
from grader.problem import Problem
from grader.question import Question
from grader.student import Shown, find, questions

__all__ = [
    "Picture",
    "blocks",
    "bucket",
    "chain",
    "curves",
    "gallery",
    "graph",
    "heatmap",
    "met_error",
    "refute",
    "slider",
    "text",
    "triptych",
    "values",
    "weighted_rows",
]


def text(thing: object) -> str:
    """A number, array or tensor as text in the course's format, with four significant digits."""
    return formatting.values(thing.detach().numpy() if hasattr(thing, "detach") else np.asarray(thing))


def values(*things: object) -> None:
    """Print numbers, arrays or tensors, one line each."""
    for thing in things:
        print(text(thing))


def refute(id: str, *keys: str, seed: int = 0) -> Shown:
    """Show mistakes beside the truth on one problem of a question: what each computes, and why that is wrong.

    id: the question's.  keys: of the mistakes, in the order in which they are shown.  seed: of the problem.
    Raises UnknownQuestion for an unknown id, KeyError for a mistake that cannot be made on this problem.
    """
    question = find(id)
    lines, rows = _refuted(question, question.sample(seed), keys)
    return Shown("\n".join(lines), _table(rows))


def gallery(unit: str) -> Shown:
    """Show what the known mistakes of a unit compute, each exercise folded: for those who have solved it.

    unit: such as "05".  Predictions have no formulas and are left out.  For an unknown unit, the known ones are listed.
    """
    every = questions()
    units = dict.fromkeys(question.unit for question in every)
    if unit not in units:
        return Shown(words.NOTICES["unknown_unit"].format(unit=unit, units=", ".join(units)))
    lines, html = [], []
    for question in every:
        if question.unit != unit or question.asks.predicts:
            continue
        known: set[str] = set()
        said: list[str] = []
        tables = []
        for problem in question.problems():  # a mistake that cannot be made on the first may be one on the next
            keys = [k for k in dict.fromkeys(wrong.key for wrong in problem.wrongs) if k not in known]
            known |= set(keys)
            if keys:
                text, rows = _refuted(question, problem, keys)
                said += ["", *text]
                tables.append(_table(rows))
        if known:
            summary = words.CARD["gallery"].format(title=question.title, count=len(known))
            lines += [summary, *said, ""]
            html.append(f"<details><summary>{escape(summary)}</summary>{''.join(tables)}</details>")
    return Shown("\n".join(lines), "".join(html))


def met_error(snippet: Callable[[], object], again: bool = False) -> Shown:
    """Run a snippet that raises an error, and show the error message with its explanation, if there is one.

    again: True if a derivative is differentiated; some errors have another cause there.
    Raises AssertionError if the snippet raises nothing: then what the lesson says is not true.
    """
    raised = probe(snippet, Call()).raised
    assert raised is not None, "the snippet was to raise an error, and did not"
    note = recognise(raised)
    message = f"{raised.type_name}: {raised.message}"
    if note is None:
        return Shown(message)
    body = words.explained(note.key, again=again and bool(note.again))
    html = f"<pre>{escape(message)}</pre><p>{rich(body)}</p>"
    return Shown(f"{message}\n\n{body}", html)


def _refuted(question: Question, problem: Problem, keys: Sequence[str]) -> tuple[list[str], list[str]]:
    """The truth and these mistakes on one Problem: as lines of text, and as rows of a table."""
    facts = facts_on(problem)
    formula_of_truth = question.asks.formula_on(problem)
    lines = [f"{formula_of_truth} = {formatting.values(problem.truth)}  (true)"]
    rows = [_row(formula_of_truth, formatting.values(problem.truth), "", "")]
    for key in keys:
        wrong = next((w for w in problem.wrongs if w.key == key), None)
        if wrong is None:
            known = sorted({w.key for w in problem.wrongs})
            raise KeyError(f"{question.id} knows no mistake {key!r} on this problem; it knows {known}")
        said = question.mistake(key).words
        formula = _filled(question.mistake(key).formula, wrong.detail)
        name, why = (formatting.fill(text, {**facts, **wrong.detail}) for text in (said.name, said.why))
        equation = f"{formula} = {formatting.values(wrong.value)}" if formula else formatting.values(wrong.value)
        lines += ["", f"{name}: {equation}", f"    {why}"]
        rows.append(_row(formula, formatting.values(wrong.value), name, why))
    return lines, rows


def _filled(formula: str, detail: Mapping[str, object]) -> str:
    """The formula with every ``{name}`` filled that is a key of ``detail``; other braces are mathematics."""
    return re.sub(r"{(\w+)}", lambda found: str(detail.get(found[1], found[0])), formula)


def _table(rows: Sequence[str]) -> str:
    return f'<table style="max-width:60em">{"".join(rows)}</table>'


def _row(formula: str, value: str, name: str, why: str) -> str:
    cell = '<td style="text-align:left;vertical-align:top">{}</td>'
    head = f"<b>{escape(name)}</b><br>" if name else "<b>true</b>"
    formula = f'<span style="white-space:nowrap">{escape(formula)}</span>'
    return f"<tr>{cell.format(head + rich(why))}{cell.format(formula)}{cell.format(escape(value))}</tr>"
