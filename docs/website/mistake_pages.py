"""A page for every named mistake, generated from the catalogue and the questions.

Mistakes that only predictions know have no page: their names would give the answers away.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from grader import lesson
from grader.card import rich
from grader.formatting import fill
from grader.judge import facts_on
from grader.pack import at_hand
from grader.pictures import triptych
from grader.problem import Problem, Wrong
from grader.question import Question
from grader.student import questions

from layout import ROOT, github_slug

MOST_CELLS = 72  # larger arrays are too large to read


class Example(NamedTuple):
    """A problem of a question on which a mistake can be made, at its seed."""

    question: Question
    problem: Problem
    wrong: Wrong
    seed: int


def examples() -> dict[str, list[Example]]:
    """{key of a mistake: an example from each question that recognizes it}, without predictions."""
    found: dict[str, list[Example]] = defaultdict(list)
    for question in questions():
        if question.asks.predicts:
            continue
        seen: set[str] = set()
        for seed, problem in enumerate(question.problems()):  # those of a check at seed 0
            for wrong in problem.wrongs:
                if wrong.key not in seen:
                    seen.add(wrong.key)
                    found[wrong.key].append(Example(question, problem, wrong, seed))
    return found


def pages(known: dict[str, str], titles: dict[str, str]) -> dict[str, str]:
    """{file name: Markdown} of the pages of all mistakes, and of their index.

    known: {file of the repository: page of the website}, which says where lessons and exercises are.
    titles: {unit: the title of its lesson}.
    """
    every = examples()
    lessons = {Path(page).name[7:9]: page for file, page in known.items() if page.startswith("lessons/")}
    exercises = {Path(page).name[:2]: page for file, page in known.items() if page.startswith("exercises/")}
    made = {f"{key}.md": page(key, found, lessons, exercises, titles) for key, found in every.items()}
    return made | {"index.md": index(every, lessons, titles)}


def section_of(found: list[Example], key: str) -> tuple[str, str]:
    """(unit, heading) of the section of a lesson that explains a mistake; the heading is "" if all of it does."""
    question = found[0].question
    unit = question.mistake(key).unit or question.unit
    return unit, at_hand(ROOT)[0].section(question.id, unit, key)


def title(found: list[Example], key: str) -> str:
    """The name of a mistake as a title, with the facts of its first example."""
    name = fill(found[0].question.mistake(key).words.name, said(found[0]))
    return name[:1].upper() + name[1:]


def said(example: Example) -> dict[str, Any]:
    """What the sentences about a mistake may mention on one problem."""
    return {**facts_on(example.problem), **example.wrong.detail}


def page(
    key: str,
    found: list[Example],
    lessons: dict[str, str],
    exercises: dict[str, str],
    titles: dict[str, str],
) -> str:
    """The page of one mistake."""
    question, problem, wrong, seed = found[0]
    mistake, facts = question.mistake(key), said(found[0])
    unit, heading = section_of(found, key)
    sentences = [fill(mistake.words.says, facts), fill(mistake.words.why, facts)]
    says, why = (f"{text[:1].upper()}{text[1:]}" for text in sentences)
    lines = [f"# {plain(title(found, key))}", ""]
    lines += html(f"<p><strong>What was computed.</strong> {rich(says)}</p>")
    if mistake.formula:
        lines += [f"**As a formula.** `{filled(mistake.formula, found[0])}`", ""]
    if why:
        lines += html(f"<p><strong>Why that is wrong.</strong> {rich(why)}</p>")
    if unit in lessons:
        place = f"../{lessons[unit]}#{github_slug(heading)}" if heading else f"../{lessons[unit]}"
        text = f"Lesson {titles[unit]}: {heading}" if heading else f"Lesson {titles[unit]}"
        lines += [f"**Where it is explained.** [{plain(text)}]({place})", ""]
    lines += ["## On one problem", "", f"A problem of exercise {link(question, exercises)}:", ""]
    lines += html(f'<div class="scrolled">{lesson.refute(question.id, key, seed=seed).html}</div>')
    if drawable(wrong.value, problem.truth):
        lines += html(f'<div class="scrolled">{triptych(wrong.value, problem.truth).html}</div>')
    lines += ["## Exercises in which it is recognized", ""]
    lines += [f"- {link(example.question, exercises)}" for example in found]
    return "\n".join(["---", "orphan: true", "---", *lines, ""])


def link(question: Question, exercises: dict[str, str]) -> str:
    """A question by its title, as a link to its page if it has one."""
    text = plain(question.title)
    return f"[{text}](../{exercises[question.unit]})" if question.unit in exercises else text


def drawable(yours: Any, true: Any) -> bool:
    """Whether the two are real arrays of one shape that are neither single numbers nor too large to read."""
    if isinstance(true, (tuple, list, str)) or np.shape(yours) != np.shape(true) or np.iscomplexobj(yours):
        return False
    array = np.asarray(true)
    return array.dtype.kind == "f" and 0 < array.ndim <= 2 and 1 < array.size <= MOST_CELLS


def html(text: str) -> list[str]:
    """HTML in Markdown."""
    return ["~~~~{raw} html", text, "~~~~", ""]


def plain(text: str) -> str:
    """Text in which Markdown sees nothing but code in backquotes."""
    pieces = text.split("`")
    marked = ["".join(f"\\{c}" if c in r"\*_[]<>$#|{}" else c for c in piece) for piece in pieces[::2]]
    return "`".join(
        piece for pair in zip(marked, [*pieces[1::2], None], strict=False) for piece in pair if piece is not None
    )


def index(every: dict[str, list[Example]], lessons: dict[str, str], titles: dict[str, str]) -> str:
    """The page that lists all mistakes, by the unit that teaches them."""
    by_unit: dict[str, list[str]] = defaultdict(list)
    for key, found in every.items():
        by_unit[section_of(found, key)[0]].append(key)
    lines = ["# Named mistakes", "", INTRODUCTION.format(count=len(every)), ""]
    for unit in sorted(by_unit):
        if unit in lessons:
            lines += [f"## {plain(titles[unit])}", "", f"[The lesson](../{lessons[unit]})", ""]
        rows = sorted(by_unit[unit], key=lambda key: title(every[key], key).lower())
        for key in rows:
            formula = every[key][0].question.mistake(key).formula
            shown = f" — `{filled(formula, every[key][0])}`" if formula else ""
            lines.append(f"- [{plain(title(every[key], key))}]({key}.md){shown}")
        lines.append("")
    return "\n".join(lines)


def filled(formula: str, example: Example) -> str:
    """A formula with the facts of an example in it; other braces are mathematics."""
    for name, fact in example.wrong.detail.items():
        formula = formula.replace(f"{{{name}}}", str(fact))
    return formula


INTRODUCTION = """The grader knows {count} mistakes by name, besides those of predictions, whose names would give the
answers away. Each is a derivation from the same problem as the truth; a wrong answer that equals exactly one of them is
given its name. A page shows what the wrong formula and the right one compute, so solve the exercise first.
J is the Jacobian, v the weight of the outputs, y the outputs and x the inputs."""
