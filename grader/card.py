"""The card that shows a Verdict, in HTML and in plain text, with its question's hints folded underneath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from grader import formatting, words
from grader.judge import Verdict
from grader.pictures import ACCENT, NEGATIVE, along, heatmap, triptych, weighted_rows

Lines = Sequence[tuple[int, str]]
MIME = "application/vnd.grader.verdict+json"

# status -> (mark, color of the card's edge); every other status means a wrong answer
MARKS = {"correct": ("✓", ACCENT), "unattempted": ("○", "#888888")}
WRONG = ("✗", NEGATIVE)
# MathJax 2 to 4 skip elements with these classes: a card quotes students' words, which must not be typeset.
UNTYPESET = "tex2jax_ignore mathjax_ignore"
MOST_CELLS = 72  # arrays with more entries are not drawn: they are too large to read on a card


@dataclass(frozen=True)
class Link:
    """A text and where it leads, relative to the notebook's folder; without an address, it is only a text."""

    text: str
    href: str = ""

    @property
    def html(self) -> str:
        return f'<a href="{escape(self.href, quote=True)}">{escape(self.text)}</a>' if self.href else escape(self.text)


class Card:
    """One Verdict for Jupyter to display.

    ``text/html`` is the card; ``text/plain``, the repr, is the score, which nbgrader reads as partial credit; ``str``
    gives the card in plain text.  hints, solution: the question's.
    """

    def __init__(
        self,
        verdict: Verdict,
        hints: Sequence[str] = (),
        solution: str = "",
        lesson: str = "",
        then: Link | None = None,
    ):
        """lesson: the address of the section that explains it.  then: what comes next, if the answer is right."""
        self.verdict, self.hints, self.solution, self.lesson, self.then = verdict, hints, solution, lesson, then

    def __repr__(self) -> str:
        return str(self.verdict.score)

    def __str__(self) -> str:
        return as_text(self.verdict, self.then)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        return {
            "text/plain": repr(self),
            "text/html": as_html(self.verdict, self.hints, self.solution, self.lesson, self.then),
            MIME: self.verdict.as_data(),
        }


def headline(v: Verdict) -> str:
    """The card's first line: the mark, the score (unless unattempted) and the Verdict's headline."""
    mark, _ = MARKS.get(v.status, WRONG)
    if v.status == "unattempted":
        return f"{mark} {v.headline}"
    score = words.CARD["score"].format(score=formatting.of(v.score), points=formatting.of(v.points))
    if v.correct:
        return f"{mark} {score}. {v.headline}"
    return f"{mark} {score} — {v.headline}"


def as_text(v: Verdict, then: Link | None = None) -> str:
    """The card in plain text: everything that the HTML card shows, except the pictures.  then: what comes next."""
    parts = [headline(v), v.message]
    parts += _numbered(v.lines)
    if v.inputs and not v.correct:
        parts.append(words.CARD["where"].format(inputs=_inputs(v)))
    if v.yours is not None and not v.correct:
        parts.append(_pair(v))
    if not v.correct and v.status != "unattempted":
        parts.append(f"{_lesson(v)} {_more(v)}".strip())
    if then is not None:
        parts.append(words.CARD["then"].format(title=then.text))
    return "\n".join(part for part in parts if part)


def as_html(
    v: Verdict, hints: Sequence[str] = (), solution: str = "", lesson: str = "", then: Link | None = None
) -> str:
    """The card as one ``<div>`` with inline styles, which needs no style sheet, script or network.

    hints, solution: the question's.  Each is folded into the one before it; a correct answer's card has none.
    lesson: the address of the section that explains it; "" leaves it a text.  then: what comes next.
    """
    _, edge = MARKS.get(v.status, WRONG)
    body = [_said(headline(v), v.message, v.lines)]
    if not v.correct and v.inputs:
        where = words.CARD["where"].format(inputs=_inputs(v))
        body.append(f'<div style="margin-top:8px;opacity:0.85">{escape(where)}</div>')
    if not v.correct and v.yours is not None:
        body.append(f'<div style="margin-top:2px">{escape(_pair(v))}</div>')
    pictures = _pictures(v)
    if pictures:
        body.append(f'<div style="margin-top:8px;overflow-x:auto">{pictures}</div>')
    if not v.correct and v.status != "unattempted":
        said = f"{Link(_lesson(v), lesson).html} {'' if hints else rich(_more(v))}".strip()
        body.append(f'<div style="margin-top:8px;font-size:90%">{said}</div>' if said else "")
    if then is not None:
        said = words.CARD["then"].format(title=then.html)
        body.append(f'<div style="margin-top:8px;font-size:90%">{said}</div>')
    if not v.correct:
        body.append(_folded(hints, solution))
    return _framed("".join(body), edge, headline(v))


def notice_as_text(head: str, message: str, lines: Lines = ()) -> str:
    """A card without a verdict, in plain text."""
    return "\n".join([head, message, *_numbered(lines)])


def notice_as_html(head: str, message: str, lines: Lines = ()) -> str:
    """A card without a verdict, as HTML: why there is none, and lines of the student's code as (number, line)."""
    return _framed(_said(head, message, lines), MARKS["unattempted"][1], head)


def _framed(body: str, edge: str, label: str) -> str:
    style = f"border-left:5px solid {edge};padding:8px 14px;margin:4px 0;line-height:1.5;max-width:56em"
    named = f'class="{UNTYPESET}" lang="{words.LANGUAGE}" role="group" aria-label="{escape(label, quote=True)}"'
    return f'<div {named} style="{style}">{body}</div>'


def _said(head: str, message: str, lines: Lines) -> str:
    said = f'<div style="font-weight:600">{rich(head)}</div>'
    said += f'<div style="margin-top:4px">{rich(message)}</div>' if message else ""
    return said + code_block("\n".join(line.strip() for line in _numbered(lines)))


def _numbered(lines: Lines) -> list[str]:
    return [f"    {words.CARD['line'].format(line=n)}: {line}" for n, line in lines]


def _folded(hints: Sequence[str], solution: str) -> str:
    """The hints and then the solution, each inside the one before, so that they unfold one by one, without a kernel."""
    count = len(hints)
    steps = [(words.CARD["card_hint"].format(k=k, count=count), rich(hint)) for k, hint in enumerate(hints, 1)]
    steps += [(words.CARD["card_solution"], code_block(solution))] if solution else []
    inner = ""
    for summary, body in reversed(steps):
        # Without the attribute that ends in "shortcuts", JupyterLab takes Enter and Space for itself; without the
        # display, Bootstrap's style sheet, as on nbgrader's feedback page, hides the triangle.
        inner = (
            '<details style="margin-top:6px"><summary data-lm-suppress-shortcuts="true" '
            f'style="display:list-item;cursor:pointer">{escape(summary)}</summary>'
            f'<div style="margin:2px 0 0 16px">{body}{inner}</div></details>'
        )
    return inner


def code_block(code: str) -> str:
    """Lines of code as HTML, escaped."""
    return f'<pre style="margin:6px 0;white-space:pre-wrap">{escape(code)}</pre>' if code else ""


def _inputs(v: Verdict) -> str:
    return ", ".join(f"{name} = {value}" for name, value in v.inputs.items())


def _pair(v: Verdict) -> str:
    yours = f"{words.CARD['yours']} {formatting.values(v.yours)}"
    return yours if v.true is None else f"{yours} · {words.CARD['true']} {formatting.values(v.true)}"


def _lesson(v: Verdict) -> str:
    """Which section of which lesson explains it; "" if there is no lesson."""
    said = words.CARD["section" if v.section else "lesson"]
    return said.format(lesson=v.unit, section=v.section) if v.unit else ""


def _more(v: Verdict) -> str:
    return words.CARD["more"].format(id=v.question)


def _pictures(v: Verdict) -> str:
    """The pictures as HTML: yours, true and difference if wrong; J if right; and the sum of the weighted rows of J."""
    if v.curve is not None and np.size(v.yours) == np.size(v.true) == len(v.curve[1]):
        return along(*v.curve, np.ravel(v.yours), np.ravel(v.true)).html
    rows = weighted_rows(*v.rows).html if v.rows is not None and v.rows[0].size <= MOST_CELLS else ""
    if v.correct:
        return rows or (heatmap(v.true, v.formula).html if _is_table(v.true) and _drawable(v.true) else "")
    if v.true is None:
        return ""
    yours = v.yours if isinstance(v.yours, tuple) else (v.yours,)
    true = v.true if isinstance(v.true, tuple) else (v.true,)
    names = v.places if len(v.places) == len(true) > 1 else ("",) * len(true)
    pairs = [(n, a, t) for n, a, t in zip(names, yours, true, strict=False) if a is not None and t is not None]
    shown = [_entry(name) + _compared(a, t) for name, a, t in pairs if _drawable(a) and _drawable(t)]
    return "".join(shown) + (f'<div style="margin-top:10px">{rows}</div>' if rows and shown else "")


def _entry(name: str) -> str:
    """The heading above the picture of one entry of a tuple."""
    said = escape(words.CARD["entry"].format(place=name))
    return f'<div style="margin-top:10px;opacity:0.75">{said}</div>' if name else ""


def _is_table(thing: Any) -> bool:
    return isinstance(thing, np.ndarray) and thing.ndim == 2


def _drawable(array: Any) -> bool:
    return np.size(array) <= MOST_CELLS and not np.iscomplexobj(array) and not isinstance(array, str)


def _compared(yours: Any, true: Any) -> str:
    if np.shape(yours) == np.shape(true):
        return triptych(yours, true).html
    return (
        heatmap(yours, f"{words.CARD['yours']} {formatting.shape(np.shape(yours))}")
        & heatmap(true, f"{words.CARD['true']} {formatting.shape(np.shape(true))}")
    ).html


def rich(text: str) -> str:
    """``text`` as HTML: escaped, and with everything between two backticks set as code."""
    pieces = escape(text).split("`")
    if len(pieces) % 2 == 0:  # an unpaired backtick, e.g. from a student's own message
        return "`".join(pieces)
    return "".join(f"<code>{piece}</code>" if k % 2 else piece for k, piece in enumerate(pieces))
