"""What lessons use besides prose: wrong answers refuted, error messages explained, and the pictures."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import numpy as np

from grader import formatting, words
from grader.card import rich
from grader.errors import recognise
from grader.judge import facts_on
from grader.pictures import Picture, blocks, bucket, chain, curves, graph, heatmap, slider, triptych, weighted_rows
from grader.probe import Call, probe
from grader.student import Shown, find

__all__ = [
    "Picture",
    "blocks",
    "bucket",
    "chain",
    "curves",
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
    problem = question.sample(seed)
    facts = facts_on(problem)
    formula_of_truth = question.asks.formula_on(problem)
    lines = [f"{formula_of_truth} = {formatting.values(problem.truth)}  (true)"]
    rows = [_row(formula_of_truth, formatting.values(problem.truth), "", "")]
    for key in keys:
        wrong = next((w for w in problem.wrongs if w.key == key), None)
        if wrong is None:
            raise KeyError(f"{id} knows no mistake {key!r}; it knows {sorted({w.key for w in problem.wrongs})}")
        formula, said = question.mistake(key).formula, question.mistake(key).words
        name = formatting.fill(said.name, {**facts, **wrong.detail})
        why = formatting.fill(said.why, {**facts, **wrong.detail})
        equation = f"{formula} = {formatting.values(wrong.value)}" if formula else formatting.values(wrong.value)
        lines += ["", f"{name}: {equation}", f"    {why}"]
        rows.append(_row(formula, formatting.values(wrong.value), name, why))
    return Shown("\n".join(lines), f'<table style="max-width:60em">{"".join(rows)}</table>')


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


def _row(formula: str, value: str, name: str, why: str) -> str:
    cell = '<td style="text-align:left;vertical-align:top">{}</td>'
    head = f"<b>{escape(name)}</b><br>" if name else "<b>true</b>"
    formula = f'<span style="white-space:nowrap">{escape(formula)}</span>'
    return f"<tr>{cell.format(head + rich(why))}{cell.format(formula)}{cell.format(escape(value))}</tr>"
