"""Run a mended submission in the sandbox, judge it outside, and put outputs, scores and cards into its notebook."""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from html import escape
from typing import Any

import nbformat
from nbformat import NotebookNode

from grader import formatting, way
from grader.card import MIME, UNTYPESET, WRONG, as_html
from grader.classroom.cells import Cells
from grader.classroom.notes import Notes
from grader.classroom.submission import grade_id
from grader.judge import Verdict, judge
from grader.pack import Packs
from grader.probe import Answer, Call
from grader.problem import Problem
from grader.question import Question
from grader.sandbox.asserts import Test
from grader.sandbox.conversation import CellRun
from grader.sandbox.handed import Handed
from grader.sandbox.limits import USUAL, Limits
from grader.sandbox.zygote import Zygote
from grader.words import FEEDBACK, SANDBOX

# Statuses explained without showing inputs.
WITHOUT_VALUES = ("correct", "unattempted", "unfinished", "no_function", "no_operation", "signature")
_NO_MEMORY = ("not enough memory", "can't allocate memory")  # in the message of torch's RuntimeError


class Shown:
    """A cache of what all students share: the visible problems of questions, and cards without values."""

    def __init__(self) -> None:
        self._problems: dict[int, tuple[Question, list[Problem]]] = {}  # by the id() of a question, which is kept
        self._cards: dict[str, str] = {}

    def problems(self, question: Question) -> list[Problem]:
        """The problems that ``check`` poses in every student's own notebook."""
        if id(question) not in self._problems:
            self._problems[id(question)] = question, question.problems()
        return self._problems[id(question)][1]

    def card(self, packs: Packs, question: Question, told: Verdict, data: Mapping[str, object]) -> str:
        """A verdict's card as HTML, cached for correct and unattempted answers; data: the verdict as data.

        It is read far from the course's folder, so it leads to the lesson on the website, if there is one.
        """
        lesson = way.lesson(packs, told.question, told.unit, told.section) if told.unit else ""
        if told.status not in ("correct", "unattempted") or told.inputs:
            return as_html(told, question.hints, question.solution, lesson)
        key = f"{id(question)} {data} {told.rows is None}"
        if key not in self._cards:
            self._cards[key] = as_html(told, question.hints, question.solution, lesson)
        return self._cards[key]


@dataclass(frozen=True)
class Rules:
    """Everything that the submissions of one notebook are judged by, the same for all students.

    released: the release version.  cells: the kinds of its graded cells.  packs: those of its questions.
    files: ``{name: content}`` of the instructor's files that are beside the notebook when it runs.
    """

    released: NotebookNode
    cells: Cells
    packs: Packs
    files: Mapping[str, bytes] = field(default_factory=dict)

    @cached_property
    def points(self) -> dict[str, float]:
        """``{grade_id: points}`` of the cells that are graded by running them."""
        cells = {grade_id(cell): cell for cell in self.released.cells}
        return {id: float(cells[id].metadata.nbgrader.points) for id in (*self.cells.questions, *self.cells.tests)}

    @cached_property
    def tests(self) -> dict[str, Test]:
        """``{grade_id: test}`` of the cells that are nbgrader tests."""
        made, before = dict[str, Test](), list[str]()
        for cell in self.released.cells:
            id = grade_id(cell)
            if id in self.cells.tests:
                made[id] = Test(self.cells.tests[id], tuple(before))
            if cell.cell_type == "code":
                before.append(self.cells.tests.get(id, cell.source))
        return made

    @cached_property
    def handed(self) -> Handed:
        """The functions that the notebook's questions hand to students."""
        return Handed(self.packs.modules, self.packs.functions)


def run(
    nb: NotebookNode,
    rules: Rules,
    zygote: Zygote,
    limits: Limits,
    secret: bytes,
    student: str,
    shown: Shown | None = None,
) -> list[str]:
    """Run every code cell of ``nb`` and write its outputs in place; graded cells get their scores, and cards.

    A question's answer is judged outside the student's process.  An nbgrader test is judged by how it ends inside: with
    an error it earns nothing, with a number that many points, otherwise all points.  This is as in nbgrader, except
    that neither missing output nor text on stderr matters.

    Hidden inputs are seeded by the course's secret, the student, the question and the submission's own text: the same
    notebook handed in again meets the same inputs, a changed one meets others.  They appear on no card: for a wrong
    answer, the card shows what it gives on the problems that ``check`` poses in the student's own notebook.

    nb: from ``submission.mend``.  shown: a cache to keep between submissions.
    Returns remarks for the instructor about breached limits.  Raises SandboxError.
    """
    shown = shown or Shown()
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    text = hashlib.sha256("\0".join(cell.source for cell in cells).encode()).digest()
    left = _left_as_released(nb, rules.released)
    asked = {
        id: _Asked(rules.packs, question, seed(secret, student, question, text), id in left, shown)
        for id, question in rules.cells.questions.items()
    }
    tests = rules.tests

    def then(k: int, answers: list[list[Answer]]) -> Sequence[Call] | None:
        return asked[grade_id(cells[k])].next(answers)

    for cell in cells:
        if grade_id(cell) in tests:
            cell.source = tests[grade_id(cell)].source
    sources = [tests.get(grade_id(cell), cell.source) for cell in cells]
    poses = [partial(_pose, asked, grade_id(cell)) for cell in cells]
    runs = zygote.run(sources, poses, limits, then, rules.handed, rules.files)
    notes = _noted(nb, rules)
    count = 0  # as a kernel counts, which skips empty cells
    for cell, done in zip(cells, runs, strict=True):
        id = grade_id(cell)
        ran = done.ran and bool(cell.source.strip())
        count += ran
        cell.execution_count = count if ran else None
        cell.outputs = [nbformat.from_dict(output) for output in done.outputs]
        breach = done.breach or _breach(done)
        if breach:
            said = {"output_type": "stream", "name": "stdout", "text": _breached(breach, limits) + "\n"}
            cell.outputs.append(nbformat.from_dict(said))
            notes.breaches.append([id, breach])
        if id in asked:
            cell.outputs = _judged(asked[id], done, rules.points[id], cell.outputs, id, notes, limits)
        elif id in tests:
            cell.outputs = _tested(done, rules.points[id], cell.outputs, id, notes, limits)
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
    notes.put(nb)
    return [breach_said(*breach) for breach in notes.breaches]


def breach_said(id: str, limit: str) -> str:
    """A sentence on a limit that a cell breached.  id: its grade_id, "" for a student's own cell.

    limit: a key of words.SANDBOX.
    """
    return f"{id or FEEDBACK['own_cell']}: {SANDBOX[limit]}"


class _Asked:
    """One question put to a submission's answer: the rounds of calls, and the verdict.

    left: whether the cell to be filled in is unchanged.  Then there is probably no answer, and the first round is just
        one visible problem; hidden problems, which are slow to draw, are drawn only if there is an answer after all.
    """

    def __init__(self, packs: Packs, question: str, seed: int, left: bool, shown: Shown):
        self.packs, self.question = packs, packs.questions[question]
        self.seed, self.left, self.shown = seed, left, shown
        self.verdict: Verdict | None = None
        if not left:
            _ = self.hidden  # draw them now, while no cell's time is running

    @cached_property
    def hidden(self) -> list[Problem]:
        return self.question.problems(self.seed)

    @property
    def visible(self) -> list[Problem]:
        return self.shown.problems(self.question)

    def first(self) -> list[Call]:
        """The calls of the first round."""
        return _calls(self.visible[:1] if self.left else self.hidden)

    def next(self, answers: Sequence[Sequence[Answer]]) -> list[Call] | None:
        """The calls of the next round after these answers, or None if there are enough.

        The last round for a wrong answer has the visible problems, for the card.
        """
        counted = self.counted(answers)
        if not counted:
            return _calls(self.hidden)
        verdict = self.judged(answers)
        enough = len(counted) > 1 or verdict is None or verdict.status in WITHOUT_VALUES
        return None if enough else _calls(self.visible)

    def counted(self, answers: Sequence[Sequence[Answer]]) -> Sequence[Sequence[Answer]]:
        """The rounds that count: the one to judge, then the one for the card; none yet after only a first try."""
        return answers[1:] if self.left and not _is_none(answers) else answers

    def judged(self, answers: Sequence[Sequence[Answer]]) -> Verdict | None:
        """The verdict on the first round that counts; see ``put``."""
        if self.verdict is None:
            problems = self.visible[:1] if self.left and _is_none(answers) else self.hidden
            self.verdict = self.put(problems, self.counted(answers)[0])
        return self.verdict

    def put(self, problems: Sequence[Problem], answers: Sequence[Answer]) -> Verdict | None:
        """The judge's verdict; None if judging fails: a forged answer, as no probe gives it, must not stop the run."""
        try:
            return self.packs.told(judge(self.question, problems, answers))
        except Exception:
            return None


def _pose(asked: Mapping[str, _Asked], id: str, said: str) -> list[Call] | None:
    """The calls for a check in the cell ``id`` for the question ``said``; None unless that is the cell's question."""
    return asked[id].first() if id in asked and asked[id].question.id == said else None


def _is_none(answers: Sequence[Sequence[Answer]]) -> bool:
    """Whether the first round shows that nothing was filled in."""
    return all(answer.untouched for answer in answers[0])


def _left_as_released(nb: NotebookNode, released: NotebookNode) -> set[str]:
    """The ids of graded cells for which all cells to fill in, those since the previous graded cell, are unchanged."""
    sources = {grade_id(cell): cell.source for cell in released.cells}
    found, changed = set(), list[bool]()
    for cell in nb.cells:
        rules = cell.metadata.get("nbgrader", {})
        if rules.get("grade"):
            if changed and not any(changed):
                found.add(grade_id(cell))
            changed = []
        elif rules.get("solution"):
            changed.append(cell.source != sources.get(grade_id(cell)))
    return found


def _calls(problems: Sequence[Problem]) -> list[Call]:
    return [problem.call for problem in problems]


def not_run(nb: NotebookNode, rules: Rules) -> list[str]:
    """Give no points in a notebook that could not be run, in place; returns an empty list of remarks, like ``run``."""
    notes = _noted(nb, rules)
    for cell in nb.cells:
        if grade_id(cell) in rules.points:
            why = notes.unjudged[grade_id(cell)] = _no_verdict(CellRun(ran=False), USUAL)
            cell.outputs = [_result(0.0, _nothing(why))]
    notes.put(nb)
    return []


def _noted(nb: NotebookNode, rules: Rules) -> Notes:
    """New Notes for a notebook, with its graded cells."""
    notes = Notes.of(nb) or Notes()
    notes.asked, notes.inside, notes.order = dict(rules.cells.questions), list(rules.cells.tests), [*rules.cells.order]
    known = rules.packs.questions
    notes.titles = {id: known[asked].title for id, asked in notes.asked.items() if asked in known}
    return notes


def seed(secret: bytes, student: str, question: str, text: bytes) -> int:
    """The seed of a question's hidden problems: a number below 2⁴⁰ that cannot be predicted without the secret.

    text: a digest of the submission's code.
    """
    message = b"\0".join([student.encode("utf-8", "surrogateescape"), question.encode(), text])
    return int.from_bytes(hmac.digest(secret, message, "sha256")[:5], "big")


def _judged(
    asked: _Asked,
    done: CellRun,
    points: float,
    outputs: list[NotebookNode],
    id: str,
    notes: Notes,
    limits: Limits,
) -> list[NotebookNode]:
    """A graded cell's outputs: score and card, or 0 and why there is no verdict; and errors, if any.

    The verdict, or why there is none, is also put into ``notes``.
    """
    if not done.answers or not asked.counted(done.answers):
        why = notes.unjudged[id] = _no_verdict(done, limits)
        return [_result(0.0, _nothing(why)), *(o for o in outputs if o.output_type == "error")]
    verdict = asked.judged(done.answers)
    if verdict is None:
        why = notes.unjudged[id] = FEEDBACK["not_judged"]
        return [_result(0.0, _nothing(why))]
    (_, *shown) = asked.counted(done.answers)
    score = min(verdict.score, points)
    told = replace(_told(asked, verdict, shown[0] if shown else []), score=score)
    data = told.as_data()
    found = {name: getattr(verdict, name) for name in ("status", "mistake", "error", "unit")}
    notes.verdicts[id] = {"question": verdict.question, "score": score, "points": points, **found}
    lesson = asked.packs.lesson(verdict.question, verdict.unit) if verdict.unit else ""
    if lesson and verdict.status not in ("correct", "unattempted"):
        address = way.lesson(asked.packs, verdict.question, verdict.unit, verdict.section)
        notes.repeat[id] = [told.headline, lesson, address]
    return [_result(score, asked.shown.card(asked.packs, asked.question, told, data), {**data, **found})]


def _tested(
    done: CellRun, points: float, outputs: list[NotebookNode], id: str, notes: Notes, limits: Limits
) -> list[NotebookNode]:
    """The outputs of a cell that is an nbgrader test, from which nbgrader reads the score that the test earns.

    nbgrader gives 0 for an error or text on stderr, a number for one that is displayed as a result, else all points.
    So text on stderr becomes text on stdout, and of results only the cell's own counts.
    """
    results = [k for k, output in enumerate(outputs) if output.output_type == "execute_result"]
    own = results[-1] if done.ended and done.number is not None and results else None  # shows the number itself
    shown = [nbformat.from_dict(_aside(output)) for k, output in enumerate(outputs) if k != own]
    if not done.ended:
        if done.breach or not any(output.output_type == "error" for output in shown):
            why = notes.unjudged[id] = _no_verdict(done, limits)
            return [_result(0.0, _nothing(why)), *shown]
        return shown
    if done.number is None:
        return shown
    score = 0.0 if math.isnan(done.number) else min(max(done.number, 0.0), points)
    if own is not None and _reads(outputs[own], score):
        return [*shown[:own], outputs[own], *shown[own:]]
    if score != done.number:
        said = FEEDBACK["odd_number"].format(
            number=formatting.number(done.number), points=f"{points:g}", score=f"{score:g}"
        )
        shown.append(nbformat.from_dict({"output_type": "stream", "name": "stdout", "text": said + "\n"}))
    return [*shown, _result(score)]


def _reads(result: NotebookNode, score: float) -> bool:
    """Whether nbgrader reads exactly this score from an unchanged result."""
    try:
        return set(result.data) == {"text/plain"} and float(result.data["text/plain"]) == score
    except ValueError:
        return False


def _aside(output: Mapping[str, Any]) -> dict[str, Any]:
    """The output in a form from which nbgrader reads no score."""
    if output.get("name") == "stderr":
        return {**output, "name": "stdout"}
    if output["output_type"] == "execute_result":
        return {name: part for name, part in output.items() if name != "execution_count"} | {
            "output_type": "display_data"
        }
    return dict(output)


def _told(asked: _Asked, verdict: Verdict, shown: Sequence[Answer]) -> Verdict:
    """The verdict as the feedback shows it, without the hidden inputs and anything computed from them."""
    question, problems = asked.question, asked.visible
    bare = replace(verdict, inputs={}, yours=None, true=None, rows=None, equation=question.asks.equation(problems[0]))
    if verdict.status in WITHOUT_VALUES:
        return replace(bare, rows=question.asks.rows(problems[0]) if verdict.rows else None)
    told = asked.put(problems, shown) if shown else None
    if told is None or told.correct:
        text = FEEDBACK["elsewhere_only" if told else "wrong_unshown"]
        return replace(bare, headline=text, message="", lines=())
    return told


def _result(score: float, html: str = "", data: dict[str, object] | None = None) -> NotebookNode:
    bundle = {
        "text/plain": repr(float(score)),
        **({"text/html": html} if html else {}),
        **({MIME: data} if data else {}),
    }
    return nbformat.from_dict(
        {"output_type": "execute_result", "execution_count": None, "metadata": {}, "data": bundle}
    )


def _no_verdict(done: CellRun, limits: Limits) -> str:
    """Why a graded cell has no verdict, in a sentence for the student."""
    errors = [output for output in done.outputs if output["output_type"] == "error"]
    breach = done.breach or _breach(done)
    if breach:
        text = _breached(breach, limits)
    elif errors:
        text = FEEDBACK["check_stopped"].format(error=f"{errors[0]['ename']}: {errors[0]['evalue']}"[:300])
    else:
        text = FEEDBACK["check_silent" if done.ran else "check_not_run"]
    return text


def _breached(breach: str, limits: Limits) -> str:
    """What a student is told of a limit, which is a key of words.SANDBOX: for the one met most often, also its size."""
    size = f" {SANDBOX['cell_seconds'].format(seconds=f'{limits.cell_seconds:g}')}" if breach == "cell_time" else ""
    return SANDBOX[breach] + size


def _nothing(why: str) -> str:
    mark, edge = WRONG
    return (
        f'<div class="{UNTYPESET}" style="border-left:5px solid {edge};padding:8px 14px">{mark} 0 — {escape(why)}</div>'
    )


def _breach(done: CellRun) -> str:
    """The limit whose breach Python reported as an error in this cell, as a key of words.SANDBOX, or ''."""
    for output in done.outputs:
        if output["output_type"] != "error":
            continue
        if output["ename"] == "MemoryError" or any(said in output["evalue"] for said in _NO_MEMORY):
            return "memory"
        if output["ename"] == "OSError" and output["evalue"].startswith("[Errno 27]"):
            return "file_size"
    return ""
