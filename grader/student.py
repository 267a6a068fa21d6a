"""The functions that a notebook calls: ``check``, ``hint`` and ``progress``."""

from __future__ import annotations

import difflib
import json
import os
import sys
import textwrap
from collections import Counter
from html import escape
from pathlib import Path
from typing import Any

from grader import way, words
from grader.card import Card, Lines, as_text, code_block, notice_as_html, notice_as_text, rich
from grader.files import write_whole
from grader.judge import Verdict
from grader.judge import diagnose as _diagnose
from grader.live import Interrupted, watch
from grader.pack import Packs, at_hand
from grader.probe import Raised, describe_error, plain
from grader.question import Question

ADDRESS = "grader.questions()"

_hints_given: Counter[str] = Counter()
_session: dict[str, str] = {}
watch()


class UnknownQuestion(LookupError):
    """Raised if no question has the given id, or if two packs have one; the message suggests similar ids."""


class Shown:
    """A short text for Jupyter to display: plain, and optionally as HTML."""

    def __init__(self, text: str, html: str = ""):
        self.text, self.html = text, html

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {"text/plain": self.text} | ({"text/html": self.html} if self.html else {})


def questions() -> list[Question]:
    """Every Question of all available packs, in the order of each pack."""
    return list(at_hand(Path.cwd())[0].questions.values())


def find(id: str) -> Question:
    """The Question with this id.  Raises UnknownQuestion, whose message suggests similar ids."""
    return _find(id)[0]


def _find(id: str) -> tuple[Question, Packs]:
    """The Question with this id, as from ``find``, and the packs available."""
    if type(id) is not str:  # a function, say, because the arguments were swapped
        value = plain(id)
        id = value.text or words.KINDS[value.kind].format(count=len(value.items), type_name=value.type_name)
    packs, wrong = at_hand(Path.cwd())
    for why in wrong:
        if id in why.ids:
            raise UnknownQuestion(str(why))
    if id in packs.questions:
        return packs.questions[id], packs
    near = difflib.get_close_matches(id, packs.questions, n=3, cutoff=0.5)
    nearest = words.NOTICES["nearest"].format(ids=", ".join(near)) if near else ""
    said = [words.NOTICES["unknown_id"].format(id=id, nearest=nearest, address=ADDRESS), *map(str, wrong)]
    if not wrong and id.partition(".")[0] not in {question.unit for question in packs.questions.values()}:
        said.append(words.NOTICES["no_pack"].format(folder=Path.cwd()))
    raise UnknownQuestion(" ".join(said))


def diagnose(id: str, answer: object, seed: int | None = None) -> Verdict:
    """Judge an answer and return the Verdict.

    answer: the student's function, or for a prediction a plain value.
    seed: selects the hidden inputs; None selects those of ``check``.
    Raises UnknownQuestion.  Errors that the answer raises end up in the Verdict.
    """
    return _diagnosed(*_find(id), answer, seed)


def _diagnosed(question: Question, packs: Packs, answer: object, seed: int | None = None) -> Verdict:
    return packs.told(_diagnose(question, answer, seed))


def check(id: str, answer: object) -> Card | Shown:
    """Judge an answer and show a card with the score and an explanation.

    id: the question's, e.g. "05.scalar_trick".  answer: your function, or the value that you predict.
    Errors are shown on the card and not raised, so that "Run All" goes on.  If the cell that defines the answer stopped
    the last time it ran, nothing is judged.  While nbgrader validates a notebook, the card of an answer that is not
    right goes to stderr, too, which is where its Validate button looks.
    Raises Interrupted, after it has shown where, if the student interrupts the answer: the cells that wait are not run.
    """
    if unfit := _stopped(id):
        return _unjudged(*unfit)
    try:
        question, packs = _find(id)
        verdict = _diagnosed(question, packs, answer)
    except UnknownQuestion as unknown:
        _validated(str(unknown))
        return Shown("0.0", f"<div>{escape(str(unknown))}</div>")
    except KeyboardInterrupt as interrupt:
        raise _interrupted(describe_error(interrupt, answer=answer)) from None
    _remember(verdict)
    if not verdict.correct:
        _validated(as_text(verdict))
    here = Path.cwd()
    lesson = way.lesson(packs, verdict.question, verdict.unit, verdict.section, here) if verdict.unit else ""
    then = way.following(packs, verdict.question, here) if verdict.correct else None
    return Card(verdict, question.hints, question.solution, lesson, then)


def _stopped(id: object) -> tuple[str, str, Lines] | None:
    """What to say if the cell that defines the answer stopped the last time it ran; None if it did not."""
    cells = watch()
    name = cells.checked(id) if cells and isinstance(id, str) else ""
    if not cells or name not in cells.stopped:
        return None
    stopped = cells.stopped[name]
    place = words.CARD["place_in_cell"].format(line=stopped.line) if stopped.line else ""
    head = words.NOTICES["not_checked"].format(name=name, place=place)
    why = words.NOTICES["not_checked_because"].format(name=name, error=stopped.error)
    return head, why, [(stopped.line, stopped.text)] if stopped.text else []


def _unjudged(head: str, why: str, lines: Lines) -> Shown:
    _validated(notice_as_text(head, why, lines))
    return Shown("0.0", notice_as_html(head, why, lines))


def _interrupted(raised: Raised) -> Interrupted:
    """Show a card with the student's line, and return what is to be raised after it."""
    at = words.CARD["place"].format(line=raised.lines[-1][0]) if raised.lines else ""
    why = words.NOTICES["interrupted_because" if raised.lines else "interrupted_elsewhere"]
    card = _unjudged(words.NOTICES["interrupted"].format(place=at), why, raised.lines)
    if watch():
        from IPython.display import display

        display(card)
    return Interrupted(words.NOTICES["interrupted_all"])


def _validated(text: str) -> None:
    """Print a card to stderr if nbgrader validates the notebook, in lines that it does not cut."""
    if os.environ.get("NBGRADER_VALIDATING"):
        lines = [textwrap.fill(line, 80, subsequent_indent="  ") for line in text.splitlines()]
        print("\n".join(lines), file=sys.stderr)


def hint(id: str) -> Shown:
    """Show the next hint for a question: each call tells a little more.

    After the last hint comes the solution, if the question offers one.  What came last is repeated.
    """
    try:
        question = find(id)
    except UnknownQuestion as unknown:
        return Shown(str(unknown))
    if not question.hints:
        return Shown(words.CARD["no_hints"].format(title=question.title))
    count = len(question.hints)
    k = min(_hints_given[id], count - 1 + bool(question.solution))
    _hints_given[id] += 1
    if k == count:
        head = words.CARD["solution"].format(title=question.title)
        return Shown(f"{head}\n{question.solution}", f"<div><b>{rich(head)}</b>{code_block(question.solution)}</div>")
    head = words.CARD["hint"].format(k=k + 1, count=count, title=question.title)
    last = k + 1 == count and not question.solution
    tail = words.CARD["last_hint"] if last else words.CARD["next_hint"].format(id=id)
    html = f"<div><b>{rich(head)}</b><div>{rich(question.hints[k])}</div><div>{rich(tail)}</div></div>"
    return Shown(f"{head}\n{question.hints[k]}\n{tail}", html)


def progress() -> Shown:
    """Show how far you have come: what is next, a mark for every exercise, and how many minutes are left.

    Marks and titles lead to exercises and lessons.  The unit in which you checked something last comes first.
    """
    packs = at_hand(Path.cwd())[0]
    seen = _seen()
    current = next((packs.questions[id].unit for id in reversed(_session) if id in packs.questions), "")
    return Shown(*way.overview(packs, seen, current, Path.cwd()))


def _progress_file() -> Path | None:
    """The file that keeps progress across sessions; None if GRADER_PROGRESS is empty, or nbgrader runs the notebook."""
    if os.environ.get("NBGRADER_EXECUTION") or os.environ.get("NBGRADER_VALIDATING"):
        return None
    if "GRADER_PROGRESS" in os.environ:
        return Path(os.environ["GRADER_PROGRESS"]) if os.environ["GRADER_PROGRESS"] else None
    from platformdirs import user_data_path

    return user_data_path("grader") / "progress.json"


def _load() -> dict[str, str]:
    path = _progress_file()
    try:
        seen = dict(json.loads(path.read_text("utf-8"))) if path and path.exists() else {}
        return {str(id): status for id, status in seen.items() if isinstance(status, str)}
    except (OSError, ValueError, TypeError) as why:
        print(words.NOTICES["no_progress_file"].format(path=path, why=why))
        return {}


def _seen() -> dict[str, str]:
    """Question id -> status, from the file and this session; a question that is correct in either is correct."""
    kept = _load()
    right = {id: status for id, status in kept.items() if status == "correct"}
    return kept | {id: status for id, status in _session.items() if status != "unattempted"} | right


def _remember(verdict: Verdict) -> None:
    """Record a verdict; a question once correct stays so.  Errors in writing are ignored, so that no check fails."""
    path = _progress_file()
    seen = _seen()
    _session[verdict.question] = _session.pop(verdict.question, "unattempted")  # the last one checked comes last
    if seen.get(verdict.question) == "correct" or verdict.status == "unattempted":
        return
    _session[verdict.question] = verdict.status
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        seen[verdict.question] = verdict.status
        write_whole(path, json.dumps(seen, indent=0, sort_keys=True))
    except OSError:
        return
