"""A mended submission run in the sandbox and judged outside of it: outputs, scores and cards into its notebook."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import replace
from html import escape

import nbformat
from nbformat import NotebookNode

from grader.card import MIME, WRONG, as_html
from grader.classroom.submission import grade_id
from grader.judge import Verdict, judge
from grader.notebook import questions
from grader.probe import Answer, Call
from grader.question import Problem, Question
from grader.sandbox.run import CellRun, Limits, Pose, Warm
from grader.words import CLASSROOM, SANDBOX

WITHOUT_VALUES = ("correct", "unattempted", "no_function", "signature")  # verdicts whose words need no inputs
_NO_MEMORY = ("not enough memory", "can't allocate memory")  # as torch says it, in a RuntimeError


def run(nb: NotebookNode, released: NotebookNode, warm: Warm, limits: Limits, secret: bytes, student: str) -> list[str]:
    """Run every code cell of ``nb`` and write its outputs; graded cells get the judge's score and card.

    Hidden inputs follow from the course's secret, the student, the question and the submission's own text: handed in
    again unchanged, a notebook meets the same ones; changed, it meets others.  They appear on no card: where an answer
    is wrong, the card shows what it gives on the problems that ``check`` poses in the student's own notebook.

    Returns what the instructor should hear.  Raises SandboxError.
    """
    graded = {grade_id(c): c for c in released.cells if c.metadata.get("nbgrader", {}).get("grade")}
    asked = {q.grade_id: q for q in questions() if q.grade_id in graded}
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    text = hashlib.sha256("\0".join(cell.source for cell in cells).encode()).digest()
    posed = {id: q.problems(seed(secret, student, q.id, text)) for id, q in asked.items()}
    verdicts: dict[str, Verdict | None] = {}

    def show(k: int, answers: list[Answer]) -> Sequence[Call] | None:
        id = grade_id(cells[k])
        verdict = verdicts[id] = _verdict(asked[id], posed[id], answers)
        if verdict is None or verdict.status in WITHOUT_VALUES:
            return None
        return [problem.call for problem in visible(asked[id])]

    poses = [_pose(asked, posed, grade_id(cell)) for cell in cells]
    runs = warm.run([cell.source for cell in cells], poses, limits, show)
    remarks = []
    for k, (cell, done) in enumerate(zip(cells, runs, strict=True)):
        id = grade_id(cell)
        cell.execution_count = k + 1 if done.ran else None
        cell.outputs = [nbformat.from_dict(output) for output in done.outputs]
        breach = done.breach or _breach(done)
        if breach:
            said = {"output_type": "stream", "name": "stdout", "text": SANDBOX[breach] + "\n"}
            cell.outputs.append(nbformat.from_dict(said))
            remarks.append(f"{id or CLASSROOM['own_cell']}: {SANDBOX[breach]}")
        if id in graded:
            points = float(graded[id].metadata.nbgrader.points)
            if id in verdicts or done.answers is None:
                verdict = verdicts.get(id)
            else:  # a breach ended the notebook with this cell
                verdict = _verdict(asked[id], posed[id], done.answers)
            cell.outputs = _judged(asked.get(id), verdict, done, points, cell.outputs)
    return remarks


def visible(question: Question) -> list[Problem]:
    """The problems that ``check`` poses to everybody, drawn once."""
    if question.id not in _VISIBLE:
        _VISIBLE[question.id] = question.problems()
    return _VISIBLE[question.id]


_VISIBLE: dict[str, list[Problem]] = {}


def not_run(nb: NotebookNode, released: NotebookNode) -> list[str]:
    """Give no points in a notebook of which nothing could be run."""
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
            cell.outputs = [_result(0.0, _no_verdict(CellRun(ran=False)))]
    return []


def seed(secret: bytes, student: str, question: str, text: bytes) -> int:
    """A number below 2⁴⁰ that nobody can foresee without the secret."""
    message = b"\0".join([student.encode("utf-8", "surrogateescape"), question.encode(), text])
    return int.from_bytes(hmac.digest(secret, message, "sha256")[:5], "big")


def _pose(asked: dict[str, Question], posed: dict[str, list[Problem]], id: str) -> Pose:
    """What a check in this cell is asked: its problems in the graded cell of that very question, else nothing."""

    def pose(said: str) -> Sequence[Call] | None:
        return [problem.call for problem in posed[id]] if id in asked and asked[id].id == said else None

    return pose


def _verdict(question: Question, problems: Sequence[Problem], answers: Sequence[Answer]) -> Verdict | None:
    """The judge's verdict, or None for a forged answer that no probe gives: one student's must not stop the run."""
    try:
        return judge(question, problems, answers)
    except Exception:
        return None


def _judged(
    question: Question | None, verdict: Verdict | None, done: CellRun, points: float, outputs: list[NotebookNode]
) -> list[NotebookNode]:
    """A graded cell's outputs: one number for nbgrader, the card, and the errors that stopped the check."""
    if question is None or done.answers is None:
        return [_result(0.0, _no_verdict(done)), *(o for o in outputs if o.output_type == "error")]
    if verdict is None:
        return [_result(0.0, _nothing(CLASSROOM["not_judged"]))]
    told = _told(question, verdict, done.shown)
    score = min(verdict.score, points)
    data = {**told.as_data(), "status": verdict.status, "mistake": verdict.mistake, "error": verdict.error}
    return [_result(score, as_html(replace(told, score=score)), {**data, "unit": verdict.unit, "score": score})]


def _told(question: Question, verdict: Verdict, shown: Sequence[Answer] | None) -> Verdict:
    """The verdict as the feedback shows it: without hidden inputs, nor anything computed from them."""
    problems = visible(question)
    bare = replace(verdict, inputs={}, yours=None, true=None, rows=None, equation=question.asks.equation(problems[0]))
    if verdict.status in WITHOUT_VALUES:
        return replace(bare, rows=question.asks.rows(problems[0]) if verdict.rows else None)
    told = None if shown is None else _verdict(question, problems, shown)
    if told is None or told.correct:
        text = CLASSROOM["elsewhere_only" if told else "wrong_unshown"]
        return replace(bare, headline=text, message="", lines=())
    return told


def _result(score: float, html: str, data: dict[str, object] | None = None) -> NotebookNode:
    bundle = {"text/plain": repr(float(score)), "text/html": html, **({MIME: data} if data else {})}
    return nbformat.from_dict(
        {"output_type": "execute_result", "execution_count": None, "metadata": {}, "data": bundle}
    )


def _no_verdict(done: CellRun) -> str:
    """Why a graded cell has no verdict, as the judge's cards would say it."""
    errors = [output for output in done.outputs if output["output_type"] == "error"]
    breach = done.breach or _breach(done)
    if breach:
        text = SANDBOX[breach]
    elif errors:
        text = CLASSROOM["check_stopped"].format(error=f"{errors[0]['ename']}: {errors[0]['evalue']}"[:300])
    else:
        text = CLASSROOM["check_silent" if done.ran else "check_not_run"]
    return _nothing(text)


def _nothing(why: str) -> str:
    mark, edge = WRONG
    return f'<div style="border-left:5px solid {edge};padding:8px 14px">{mark} 0 — {escape(why)}</div>'


def _breach(done: CellRun) -> str:
    """The limit that the kernel enforces and Python reports as an error: a key of SANDBOX, or ''."""
    for output in done.outputs:
        if output["output_type"] != "error":
            continue
        if output["ename"] == "MemoryError" or any(said in output["evalue"] for said in _NO_MEMORY):
            return "memory"
        if output["ename"] == "OSError" and output["evalue"].startswith("[Errno 27]"):
            return "file_size"
    return ""
