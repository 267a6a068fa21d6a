"""What lessons are made of besides prose: refutations from the catalogue, errors shown, and the pictures."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import numpy as np

from grader import words
from grader.errors import recognise
from grader.mistakes import CATALOGUE
from grader.notebook import Shown, find
from grader.pictures import Picture, chain, curves, heatmap, slider, triptych, weighted_rows
from grader.probe import Call, probe

__all__ = [
    "Picture",
    "chain",
    "curves",
    "heatmap",
    "met_error",
    "refute",
    "slider",
    "triptych",
    "values",
    "weighted_rows",
]


def values(*things: object) -> None:
    """Print numbers, arrays or tensors as the course does: four significant digits, one line each."""
    for thing in things:
        print(words.values(thing.detach().numpy() if hasattr(thing, "detach") else np.asarray(thing)))


def refute(id: str, *keys: str, seed: int = 0) -> Shown:
    """The named mistakes, made on one problem of a question: what each computes, and why it is not the answer.

    Raises UnknownQuestion for the id, KeyError for a mistake that the question does not know.
    """
    question = find(id)
    problem = question.sample(seed)
    facts = {"m": problem.y.size, "v": words.values(question.asks.weight(problem))}
    facts["vy"] = words.number(float(question.asks.weight(problem) @ problem.y))
    text = [f"{question.asks.formula} = {words.values(problem.truth)}  (true)"]
    rows = [_row(question.asks.formula, words.values(problem.truth), "", "")]
    for key in keys:
        wrong = next((w for w in problem.wrongs if w.key == key), None)
        if wrong is None:
            raise KeyError(f"{id} knows no mistake {key!r}; it knows {sorted({w.key for w in problem.wrongs})}")
        formula, said = CATALOGUE[key].formula, words.MISTAKES[key]
        why = words.fill(said.why, {**facts, **wrong.detail})
        text += ["", f"{said.name}: {formula} = {words.values(wrong.value)}", f"    {why}"]
        rows.append(_row(formula, words.values(wrong.value), said.name, why))
    return Shown("\n".join(text), f'<table style="max-width:60em">{"".join(rows)}</table>')


def met_error(snippet: Callable[[], object]) -> Shown:
    """Run a snippet that PyTorch refuses, and show its message with what it means.

    Raises AssertionError where the snippet runs through: then the lesson says something untrue.
    """
    raised = probe(snippet, Call()).raised
    assert raised is not None, "the snippet was to raise an error, and did not"
    note = recognise(raised)
    meaning = words.ERRORS[note.key] if note else None
    text = f"{raised.type_name}: {raised.message}"
    if meaning is None:
        return Shown(text)
    says = meaning.says.format(fn="autograd")
    body = f"{says[0].upper()}{says[1:]} {meaning.why}"
    html = f"<pre>{escape(text)}</pre><p>{_code(body)}</p>"
    return Shown(f"{text}\n\n{body}", html)


def _row(formula: str, value: str, name: str, why: str) -> str:
    cell = '<td style="text-align:left;vertical-align:top">{}</td>'
    head = f"<b>{escape(name)}</b><br>" if name else "<b>true</b>"
    return f"<tr>{cell.format(head + _code(why))}{cell.format(escape(formula))}{cell.format(escape(value))}</tr>"


def _code(text: str) -> str:
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if k % 2 else piece for k, piece in enumerate(pieces))
