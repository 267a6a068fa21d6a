"""Run a mended submission in the sandbox, judge it outside, and put outputs, scores and cards into its notebook."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from html import escape

import nbformat
from nbformat import NotebookNode

from grader import functions
from grader.card import MIME, UNTYPESET, WRONG, as_html
from grader.classroom.notes import Notes
from grader.classroom.submission import grade_id
from grader.judge import Verdict, judge
from grader.probe import Answer, Call
from grader.problem import Problem
from grader.question import Question
from grader.sandbox.conversation import CellRun
from grader.sandbox.handed import Handed
from grader.sandbox.limits import Limits
from grader.sandbox.zygote import Zygote
from grader.student import questions
from grader.words import FEEDBACK, SANDBOX

WITHOUT_VALUES = ("correct", "unattempted", "no_function", "signature")  # statuses explained without showing inputs
HANDED = Handed.of_modules(functions)
_NO_MEMORY = ("not enough memory", "can't allocate memory")  # in the message of torch's RuntimeError


class Shown:
    """Caches what is the same for all students: the visible problems of questions, and cards without values."""

    def __init__(self) -> None:
        self._problems: dict[str, list[Problem]] = {}
        self._cards: dict[str, str] = {}

    def problems(self, question: Question) -> list[Problem]:
        """The problems that ``check`` poses in every student's own notebook."""
        if question.id not in self._problems:
            self._problems[question.id] = question.problems()
        return self._problems[question.id]

    def card(self, told: Verdict, data: Mapping[str, object]) -> str:
        """A verdict's card as HTML, cached for correct and unattempted answers; data: the verdict as data."""
        if told.status not in ("correct", "unattempted") or told.inputs:
            return as_html(told)
        key = f"{data} {told.rows is None}"
        if key not in self._cards:
            self._cards[key] = as_html(told)
        return self._cards[key]


def run(
    nb: NotebookNode,
    released: NotebookNode,
    zygote: Zygote,
    limits: Limits,
    secret: bytes,
    student: str,
    shown: Shown | None = None,
) -> list[str]:
    """Run every code cell of ``nb`` and write its outputs in place; graded cells get the judge's score and card.

    Hidden inputs are seeded by the course's secret, the student, the question and the submission's own text: the same
    notebook handed in again meets the same inputs, a changed one meets others.  They appear on no card: for a wrong
    answer, the card shows what it gives on the problems that ``check`` poses in the student's own notebook.

    nb: from ``submission.mend``.  released: the release version.  shown: a cache to keep between submissions.
    Returns remarks for the instructor, on limits that were breached.  Raises SandboxError.
    """
    shown = shown or Shown()
    graded = {grade_id(c): c for c in released.cells if c.metadata.get("nbgrader", {}).get("grade")}
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    text = hashlib.sha256("\0".join(cell.source for cell in cells).encode()).digest()
    left = _left_as_released(nb, released)
    asked = {
        q.grade_id: _Asked(q, seed(secret, student, q.id, text), q.grade_id in left, shown)
        for q in questions()
        if q.grade_id in graded
    }

    def then(k: int, answers: list[list[Answer]]) -> Sequence[Call] | None:
        return asked[grade_id(cells[k])].next(answers)

    poses = [partial(_pose, asked, grade_id(cell)) for cell in cells]
    runs = zygote.run([cell.source for cell in cells], poses, limits, then, HANDED)
    notes = Notes.of(nb) or Notes()
    for k, (cell, done) in enumerate(zip(cells, runs, strict=True)):
        id = grade_id(cell)
        cell.execution_count = k + 1 if done.ran else None
        cell.outputs = [nbformat.from_dict(output) for output in done.outputs]
        breach = done.breach or _breach(done)
        if breach:
            said = {"output_type": "stream", "name": "stdout", "text": SANDBOX[breach] + "\n"}
            cell.outputs.append(nbformat.from_dict(said))
            notes.breaches.append([id, breach])
        if id in graded:
            points = float(graded[id].metadata.nbgrader.points)
            cell.outputs = _judged(asked.get(id), done, points, cell.outputs, id, notes)
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

    def __init__(self, question: Question, seed: int, left: bool, shown: Shown):
        self.question, self.seed, self.left, self.shown = question, seed, left, shown
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

        A wrong answer is at last asked the visible problems, for the card.
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
        """The verdict on the first round that counts; see ``_verdict``."""
        if self.verdict is None:
            problems = self.visible[:1] if self.left and _is_none(answers) else self.hidden
            self.verdict = _verdict(self.question, problems, self.counted(answers)[0])
        return self.verdict


def _pose(asked: Mapping[str, _Asked], id: str, said: str) -> list[Call] | None:
    """The calls for a check in the cell ``id`` for the question ``said``; None unless that is the cell's question."""
    return asked[id].first() if id in asked and asked[id].question.id == said else None


def _is_none(answers: Sequence[Sequence[Answer]]) -> bool:
    """Whether the first round shows that nothing was filled in."""
    return all(answer.untouched for answer in answers[0])


def _left_as_released(nb: NotebookNode, released: NotebookNode) -> set[str]:
    """The ids of graded cells whose cells to be filled in, those since the graded cell before, are all unchanged."""
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


def not_run(nb: NotebookNode, released: NotebookNode) -> list[str]:
    """Give no points in a notebook that could not be run, in place; returns no remarks, in the form of ``run``."""
    notes = Notes.of(nb) or Notes()
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
            why = notes.unjudged[grade_id(cell)] = _no_verdict(CellRun(ran=False))
            cell.outputs = [_result(0.0, _nothing(why))]
    notes.put(nb)
    return []


def seed(secret: bytes, student: str, question: str, text: bytes) -> int:
    """The seed of a question's hidden problems: a number below 2⁴⁰ that cannot be predicted without the secret.

    text: a digest of the submission's code.
    """
    message = b"\0".join([student.encode("utf-8", "surrogateescape"), question.encode(), text])
    return int.from_bytes(hmac.digest(secret, message, "sha256")[:5], "big")


def _verdict(question: Question, problems: Sequence[Problem], answers: Sequence[Answer]) -> Verdict | None:
    """The judge's verdict, or None if judging fails: a forged answer, as no probe gives it, must not stop the run."""
    try:
        return judge(question, problems, answers)
    except Exception:
        return None


def _judged(
    asked: _Asked | None, done: CellRun, points: float, outputs: list[NotebookNode], id: str, notes: Notes
) -> list[NotebookNode]:
    """A graded cell's outputs: the score for nbgrader and the card, or 0 and why there is no verdict, with any errors.

    The verdict, or why there is none, is also put into ``notes``.
    """
    if asked is None or not done.answers or not asked.counted(done.answers):
        why = notes.unjudged[id] = _no_verdict(done)
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
    return [_result(score, asked.shown.card(told, data), {**data, **found})]


def _told(asked: _Asked, verdict: Verdict, shown: Sequence[Answer]) -> Verdict:
    """The verdict as the feedback shows it, without the hidden inputs and anything computed from them."""
    question, problems = asked.question, asked.visible
    bare = replace(verdict, inputs={}, yours=None, true=None, rows=None, equation=question.asks.equation(problems[0]))
    if verdict.status in WITHOUT_VALUES:
        return replace(bare, rows=question.asks.rows(problems[0]) if verdict.rows else None)
    told = _verdict(question, problems, shown) if shown else None
    if told is None or told.correct:
        text = FEEDBACK["elsewhere_only" if told else "wrong_unshown"]
        return replace(bare, headline=text, message="", lines=())
    return told


def _result(score: float, html: str, data: dict[str, object] | None = None) -> NotebookNode:
    bundle = {"text/plain": repr(float(score)), "text/html": html, **({MIME: data} if data else {})}
    return nbformat.from_dict(
        {"output_type": "execute_result", "execution_count": None, "metadata": {}, "data": bundle}
    )


def _no_verdict(done: CellRun) -> str:
    """Why a graded cell has no verdict, in a sentence for the student."""
    errors = [output for output in done.outputs if output["output_type"] == "error"]
    breach = done.breach or _breach(done)
    if breach:
        text = SANDBOX[breach]
    elif errors:
        text = FEEDBACK["check_stopped"].format(error=f"{errors[0]['ename']}: {errors[0]['evalue']}"[:300])
    else:
        text = FEEDBACK["check_silent" if done.ran else "check_not_run"]
    return text


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
