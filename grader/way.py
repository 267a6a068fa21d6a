"""The way through a course, seen from a notebook: links to lessons and exercises, what comes next, and what is done."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape
from pathlib import Path
from urllib.parse import quote

from grader import words
from grader.card import MARKS, WRONG, Link
from grader.pack import Pack, Packs
from grader.question import Question

# state of an exercise -> (mark, its color)
STATES = {"right": MARKS["correct"], "wrong": WRONG, "open": ("·", "inherit")}


def slug(heading: str) -> str:
    """The fragment under which the website finds a heading."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


def located(path: str, heading: str, folder: Path) -> str:
    """The address of a heading in a course's notebook, as a link from ``folder``; "" if the notebook is not found.

    path: of the notebook in the course, such as ``course/lesson_05_weighted_vjp.ipynb``; it is looked for in this
    folder and those above it.  An address that begins with a scheme is left as it is.
    The link names the heading's cell by its id: JupyterLab finds a heading only in a notebook that is already open.
    """
    if "://" in path or not path:
        return path
    for above in (folder, *folder.parents):
        notebook = above / path
        if notebook.exists():
            there = quote(Path(os.path.relpath(notebook, folder)).as_posix())
            id = _cells_of(notebook, notebook.stat().st_mtime_ns).get(heading, "")
            return f"{there}#cell-id={quote(id)}" if id else there
    return ""


@lru_cache(maxsize=64)
def _cells_of(notebook: Path, changed: int) -> Mapping[str, str]:
    """``{heading: id of its cell}`` of a notebook as it was at that time; empty if it cannot be read."""
    found: dict[str, str] = {}
    # A student may have edited it.
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                lines = "".join(cell["source"]).splitlines()
                found |= {line.lstrip("#").strip(): cell["id"] for line in lines if line.startswith("#")}
    return found


def published(pack: Pack, unit: str, heading: str = "") -> str:
    """The address of a section of a lesson on the pack's website; "" if it has none."""
    lesson = pack.lessons.get(unit, "")
    if not pack.website or not lesson or "://" in lesson:
        return lesson if "://" in lesson else ""
    page = f"{pack.website}lessons/{quote(Path(lesson).stem)}.html"
    return f"{page}#{slug(heading)}" if heading else page


def lesson(packs: Packs, question: str, unit: str, section: str, folder: Path | None = None) -> str:
    """Where a section of a lesson is: in the folder's course, or else on the website; "" if neither is there.

    question: the id of the one that is asked.  folder: the notebook's, or None for a page that is read elsewhere.
    """
    pack = packs.pack_of(question)
    if pack is None:
        return ""
    here = located(pack.lessons.get(unit, ""), section, folder) if folder else ""
    return here or published(pack, unit, section)


def exercise(packs: Packs, question: Question, folder: Path) -> str:
    """Where an exercise is, as a link from this folder; "" if its notebook is not found."""
    pack = packs.pack_of(question.id)
    return located(pack.exercises.get(question.unit, ""), question.title, folder) if pack else ""


def following(packs: Packs, id: str, folder: Path) -> Link | None:
    """What comes after an exercise: the next one of its unit, or the next unit's lesson; None after the last one."""
    pack = packs.pack_of(id)
    if pack is None:
        return None
    every = list(pack.questions.values())
    place = [question.id for question in every].index(id) + 1
    if place == len(every):
        return None
    then = every[place]
    if then.unit == every[place - 1].unit:
        return Link(then.title, exercise(packs, then, folder))
    title = words.WAY["lesson"].format(unit=then.unit, title=pack.titles.get(then.unit, "")).strip()
    return Link(title, located(pack.lessons.get(then.unit, ""), "", folder))


def state(status: str) -> str:
    """The state of an exercise, a key of STATES, from the status of its last check; "" if it was never checked."""
    return "right" if status == "correct" else "wrong" if status and status != "unattempted" else "open"


def overview(packs: Packs, seen: Mapping[str, str], current: str, folder: Path) -> tuple[str, str]:
    """How far a student has come, as text and as HTML.

    seen: ``{question: status}``.  folder: the notebook's.  current: the unit that the student is working on, which is
    shown exercise by exercise; "" shows only the table of all units.
    """
    every = _of_the_course(packs, seen)
    states = {question.id: state(seen.get(question.id, "")) for question in every}
    waiting = [question for question in every if states[question.id] != "right"]
    ahead = _ahead(every, waiting, current or _latest(every, states))
    text, html = [], []
    if not any(status != "unattempted" for status in seen.values()):
        text.append(words.WAY["nothing_checked"])
        html.append(f"<p>{escape(words.WAY['nothing_checked'])}</p>")
    if ahead:
        then = ahead[0]
        minutes = words.WAY["minutes"].format(minutes=then.minutes)
        text.append(words.WAY["next"].format(title=f"{then.title} ({minutes})"))
        link = Link(then.title, exercise(packs, then, folder)).html
        html.append(f"<p>{words.WAY['next'].format(title=f'<b>{link}</b> ({escape(minutes)})')}</p>")
    elif every:
        text.append(words.WAY["all_done"])
        html.append(f"<p>{escape(words.WAY['all_done'])}</p>")
    if current:
        asked = [question for question in every if question.unit == current]
        text += ["", *(_line(question, states) for question in asked), ""]
        html.append(_table("".join(_row(packs, question, states, folder) for question in asked)))
    units: dict[str, list[Question]] = {}
    for question in every:
        units.setdefault(question.unit, []).append(question)
    wide = max(map(len, units.values()), default=0)
    rows = []
    for unit, asked in units.items():
        pack = packs.pack_of(asked[0].id)
        title = pack.titles.get(unit, "") if pack else ""
        marks = "".join(STATES[states[question.id]][0] for question in asked)
        text.append(f"{unit}  {marks:{wide}}  {_count(asked, states):>5}  {title}".rstrip())
        link = Link(f"{unit} {title}".strip(), located(pack.lessons.get(unit, "") if pack else "", "", folder)).html
        cells = (link, "".join(_mark(packs, question, states, folder) for question in asked))
        rows.append(_cells(*cells, *_numbers(asked, states)))
    text.append(words.WAY["total"].format(done=_count(every, states), minutes=_left(every, states)))
    total = f"<b>{escape(words.WAY['in_all'])}</b>"
    rows.append(_cells(total, "", *_numbers(every, states)))
    head = _cells(*(f"<b>{escape(words.WAY[name])}</b>" for name in ("unit", "exercises", "done", "minutes_left")))
    table = _table(head + "".join(rows))
    summary = escape(words.WAY["all_units"])
    html.append(f"<details><summary>{summary}</summary>{table}</details>" if current else table)
    return "\n".join(text), "".join(html)


def _of_the_course(packs: Packs, seen: Mapping[str, str]) -> list[Question]:
    """The questions of the course: if it has packs of its own, then of an installed one only the units begun."""
    own = {question for pack in packs.packs if not pack.source.installed for question in pack.questions}
    begun = {
        question.unit for id, question in packs.questions.items() if id in own or state(seen.get(id, "")) != "open"
    }
    return [question for question in packs.questions.values() if not own or question.unit in begun]


def _latest(every: Sequence[Question], states: Mapping[str, str]) -> str:
    """The last unit in which something was tried; "" if nothing was."""
    return next((question.unit for question in reversed(every) if states[question.id] != "open"), "")


def _ahead(every: Sequence[Question], waiting: Sequence[Question], current: str) -> list[Question]:
    """The exercises that wait, beginning with the current unit; those of earlier units come last."""
    units = list(dict.fromkeys(question.unit for question in every))
    place = units.index(current) if current in units else 0
    return sorted(waiting, key=lambda question: units.index(question.unit) < place)


def _count(asked: Sequence[Question], states: Mapping[str, str]) -> str:
    return f"{sum(states[question.id] == 'right' for question in asked)}/{len(asked)}"


def _left(asked: Sequence[Question], states: Mapping[str, str]) -> int:
    return sum(question.minutes for question in asked if states[question.id] != "right")


def _numbers(asked: Sequence[Question], states: Mapping[str, str]) -> tuple[str, str]:
    return _count(asked, states), str(_left(asked, states))


def _line(question: Question, states: Mapping[str, str]) -> str:
    minutes = words.WAY["minutes"].format(minutes=question.minutes)
    return f"{STATES[states[question.id]][0]} {question.title} ({minutes})"


def _row(packs: Packs, question: Question, states: Mapping[str, str], folder: Path) -> str:
    mark, color = STATES[states[question.id]]
    shown = f'<span role="img" aria-label="{words.WAY[states[question.id]]}" style="color:{color}">{mark}</span>'
    link = Link(question.title, exercise(packs, question, folder)).html
    return _cells(shown, link, words.WAY["minutes"].format(minutes=question.minutes))


def _mark(packs: Packs, question: Question, states: Mapping[str, str], folder: Path) -> str:
    """A mark that leads to its exercise, and says which it is and what became of it."""
    mark, color = STATES[states[question.id]]
    said = escape(words.WAY["mark"].format(title=question.title, state=words.WAY[states[question.id]]), quote=True)
    style = f"color:{color};padding:0 3px;text-decoration:none;font-weight:600"
    href = exercise(packs, question, folder)
    if href:
        return f'<a href="{escape(href, quote=True)}" title="{said}" aria-label="{said}" style="{style}">{mark}</a>'
    return f'<span role="img" title="{said}" aria-label="{said}" style="{style}">{mark}</span>'


def _table(rows: str) -> str:
    return f"<table>{rows}</table>"


def _cells(first: str, second: str, *numbers: str) -> str:
    """A row: what is in ``first`` and ``second`` is HTML."""
    texts = "".join(f'<td style="text-align:left">{cell}</td>' for cell in (first, second))
    return f"<tr>{texts}{''.join(f'<td>{number}</td>' for number in numbers)}</tr>"
