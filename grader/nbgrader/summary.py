"""What the top of a feedback page says: the score, each exercise with its verdict, and what to repeat.

It is read off the graded notebook's metadata, where nbgrader keeps scores and we keep ``Notes``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbgrader import utils
from pygments.formatters import HtmlFormatter

from grader import formatting
from grader.classroom.cells import is_graded, is_test
from grader.classroom.notes import Notes
from grader.classroom.report import share
from grader.classroom.result import Result
from grader.classroom.submission import REMARKS, grade_id
from grader.words import FEEDBACK, LANGUAGE, SANDBOX

Resources = dict[str, Any]

NO_RESPONSE = "No response."  # nbgrader's own comment on an answer that is unchanged
MARKS = {"right": "✓", "partly": "◐", "wrong": "✗", "untouched": "○", "unjudged": "–", "waits": "…", "unrated": "–"}
TOLD = "feedback"  # key of a graded cell's metadata, for the template: its Row as a dict


# A second defense beside the escaping: text that escaped it could neither run nor fetch anything.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True)
class Row:
    """A graded cell's line in the table of contents.

    id: its grade_id.  title: of its exercise; the id if it has none.  outcome: a key of MARKS.
    score: of points, in words.  why: why there is no verdict, or "".  comment: whether a person left one.
    """

    id: str
    title: str
    outcome: str
    score: str
    why: str = ""
    comment: bool = False

    @property
    def mark(self) -> str:
        return MARKS[self.outcome]

    @property
    def verdict(self) -> str:
        return FEEDBACK[f"verdict_{self.outcome}"]


@dataclass(frozen=True)
class Page:
    """What the top of a page says.

    unit, notebook, student, person: names; ``notebook`` is "" if it is the unit's, ``person`` if it is not known.
    score: of points, in words.  penalty: points off, in words, or "".  waits: how many rows wait for a person.
    trouble: (what to say above them, sentences) on the file and the run.  alarming: whether there was nothing to grade.
    repeat: ``{(lesson, its address or ""): {name of what went wrong: rows}}``.
    """

    unit: str
    notebook: str
    student: str
    person: str
    score: str
    penalty: str
    waits: int
    alarming: bool
    trouble: tuple[tuple[str, tuple[str, ...]], ...]
    rows: tuple[Row, ...]
    repeat: Mapping[tuple[str, ...], Mapping[str, list[Row]]]


class Summary(Preprocessor):  # type: ignore[misc]
    """Puts a Page into the resources, a Row into each graded cell, and removes cells that would only repeat these.

    Of a file that could not be read, only the cells that a person commented on stay: the others are the exercises.
    """

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        place = resources.get("nbgrader", {})
        notes = Notes.of(nb) or Notes()
        cells = {grade_id(cell): cell for cell in nb.cells if is_graded(cell)}
        result = _result(str(place.get("student", "")), cells, notes)
        rows = {id: _row(id, cell, result, notes) for id, cell in cells.items()}
        for id, cell in cells.items():
            cell.metadata[TOLD] = NotebookNode(vars(rows[id]) | {"mark": rows[id].mark, "verdict": rows[id].verdict})
        repeat: dict[tuple[str, ...], dict[str, list[Row]]] = {}
        for id, row in rows.items():
            if id in notes.repeat and row.outcome not in ("right", "waits"):
                name, *lesson = notes.repeat[id]
                repeat.setdefault(tuple(lesson), {}).setdefault(name.removesuffix("."), []).append(row)
        nb.cells = [cell for cell in nb.cells if _shown(cell, notes)]
        penalty = float(place.get("late_penalty") or 0)
        resources["page"] = Page(
            str(place.get("assignment", "")),
            name if (name := str(place.get("notebook", ""))) != place.get("assignment") else "",
            str(place.get("student", "")),
            str(place.get("person", "")),
            _points(place.get("score"), place.get("max_score")),
            f"−{formatting.of(penalty)}" if penalty else "",
            sum(row.outcome == "waits" for row in rows.values()),
            notes.unreadable,
            tuple(_trouble(notes, rows)),
            tuple(rows.values()),
            repeat,
        )
        resources |= OF_ALL_PAGES
        return nb, resources


def _trouble(notes: Notes, rows: Mapping[str, Row]) -> list[tuple[str, tuple[str, ...]]]:
    """What went wrong with the file and with the process: (heading, sentences)."""
    limits = []
    for id, limit in dict.fromkeys(map(tuple, notes.breaches)):
        limits.append(f"{rows[id].title if id in rows else FEEDBACK['your_code']}: {SANDBOX[limit]}")
    told = [
        (FEEDBACK["unreadable" if notes.unreadable else "mended"], tuple(notes.remarks)),
        (FEEDBACK["limits"], tuple(limits)),
    ]
    return [(heading, said) for heading, said in told if said]


def _shown(cell: NotebookNode, notes: Notes) -> bool:
    if notes.unreadable:
        return commented(cell)
    return not (notes.remarks and cell.get("id") == REMARKS)  # they are at the top


def commented(cell: NotebookNode) -> bool:
    """Whether a person left a comment on this cell."""
    return cell.metadata.get("nbgrader", {}).get("comment") not in (None, "", NO_RESPONSE)


def _result(student: str, cells: Mapping[str, NotebookNode], notes: Notes) -> Result:
    rules = {id: cell.metadata.nbgrader for id, cell in cells.items()}
    return Result(
        student,
        {id: float(rule.get("score") or 0) for id, rule in rules.items()},
        {id: float(rule.get("points") or 0) for id, rule in rules.items()},
        {id: said for id, said in notes.verdicts.items() if id in cells},
        unjudged=notes.unjudged,
        unreadable=notes.unreadable,
        asked=notes.asked,
        order=tuple(notes.order or cells),
    )


def _row(id: str, cell: NotebookNode, result: Result, notes: Notes) -> Row:
    rules = cell.metadata.nbgrader
    outcome = share(result, id)
    if rules.get("waits") and not notes.unreadable:
        outcome = "waits"
    elif not result.points[id] and id not in notes.verdicts:
        outcome = "unrated"
    elif outcome == "wrong" and not is_test(cell) and untouched(cell):
        outcome = "untouched"
    why = notes.unjudged.get(id, "") if outcome == "unjudged" and not notes.unreadable else ""
    return Row(
        id, notes.titles.get(id) or id, outcome, _points(result.scores[id], result.points[id]), why, commented(cell)
    )


def untouched(cell: NotebookNode) -> bool:
    """Whether a cell is unchanged from the release version."""
    return bool(cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell))


def _points(score: float | None, points: float | None) -> str:
    return FEEDBACK["points"].format(score=formatting.of(score or 0.0), points=formatting.of(points or 0.0))


def _colors() -> str:
    """The style of highlighted code, in light and in dark."""
    light, dark = (HtmlFormatter(style=name).get_style_defs(".highlight") for name in ("default", "github-dark"))
    own = ".highlight,.highlight .err{background:none;border:0}"
    return f"{light}\n@media screen and (prefers-color-scheme:dark){{\n{dark}\n}}\n{own}"


OF_ALL_PAGES: Resources = {"page_language": LANGUAGE, "page_policy": POLICY, "page_colors": _colors()}
