"""Synthetic classes: seeded Results of any size, for the tests of reports, and to look at."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import numpy as np

from grader import words
from grader.classroom.result import Result
from grader.errors import NOTES
from grader.question import Question
from grader.words import FEEDBACK, SANDBOX

from support import MISTAKES, SAMPLE

UNIT = "05_weighted_vjp"
QUESTIONS = list(SAMPLE.questions.values())
# What goes wrong in a question of the unit: kind and key, the frequent first.
USUAL = [("mistake", key) for key in ("ones_weight", "mean_of_weighted", "stale_grad", "rows_accumulated", "other_row")]
USUAL += [("error", key) for key in ("scalar_needed", "weight_shape", "second_backward", "name_unknown")]
USUAL += [("status", key) for key in ("some_right", "shape", "wrong", "dtype", "wrong_choice")]


def verdict(question: Question, status: str = "correct", **said) -> dict:
    """A Verdict as data, as far as a report reads it."""
    full = {"correct": float(question.points)}.get(status, 0.0)
    base = {"question": question.id, "title": question.title, "status": status, "score": full, "unit": question.unit}
    return base | {"points": float(question.points), "mistake": None, "error": None} | said


def made(question: Question, key: str, kind: str = "mistake", **said) -> dict:
    """A Verdict that names a mistake, an error, or just a status."""
    if kind == "status":
        return verdict(question, key, **said)
    lesson = MISTAKES[key].unit if kind == "mistake" else NOTES[key].unit
    status = "raised" if kind == "error" else kind
    return verdict(question, status, **{"unit": lesson or question.unit, kind: key} | said)


def result(student: str, verdicts: dict[str, dict], **more) -> Result:
    """The Result of these verdicts, ``{grade_id: verdict}``, with their scores and points."""
    scores = {id: said["score"] for id, said in verdicts.items()}
    points = {id: said["points"] for id, said in verdicts.items()}
    return Result(student, scores, points, verdicts, order=tuple(verdicts), **more)


def pages_of(student: str) -> list[tuple[str, str]]:
    """Where a student's feedback page is, as nbgrader has it by default."""
    return [(UNIT, f"../feedback/{quote(student, safe='')}/{UNIT}/{UNIT}.html")]


def perfect(student: str, **more) -> Result:
    return result(student, {question.grade_id: verdict(question) for question in QUESTIONS}, **more)


def unreadable(student: str, **more) -> Result:
    undone = {question.grade_id: verdict(question, "unattempted") for question in QUESTIONS}
    return result(student, undone, unreadable=True, remarks=(FEEDBACK["empty"],), **more)


def generated(size: int, seed: int = 0) -> list[Result]:
    """A class as they are: able to different degrees, at questions hard to different degrees, with a few accidents.

    Whether a question is solved follows a logistic law in ability minus difficulty, so that strong and weak differ.
    """
    rng = np.random.default_rng(seed)
    difficulty = np.linspace(-2.6, 1.6, len(QUESTIONS))
    popular = 1 / np.arange(1, len(USUAL) + 1)
    found = []
    for k in range(size):
        ability, gives_up = rng.normal(), rng.integers(3, 14) if rng.random() < 0.25 else len(QUESTIONS)
        verdicts = {}
        for j, question in enumerate(QUESTIONS):
            usual = np.roll(popular, j)
            if j >= gives_up:
                said = verdict(question, "unattempted")
            elif rng.random() < 1 / (1 + np.exp(difficulty[j] - 1.5 * ability - 0.6)):
                said = verdict(question)
            else:
                kind, key = USUAL[rng.choice(len(USUAL), p=usual / usual.sum())]
                said = made(question, key, kind, **({"score": 1.0} if question.partial and key == "some_right" else {}))
            verdicts[question.grade_id] = said
        more = {"seconds": float(rng.lognormal(-1.6, 0.5)), "memory": int(rng.lognormal(18.6, 0.2)), "confined": True}
        found.append(result(f"s{1000 + k}", verdicts, **more))
    accidents = rng.permutation(size)
    for k in accidents[: size // 60]:
        found[k] = unreadable(found[k].student)
    for k in accidents[size // 60 : size // 30]:
        check, said = QUESTIONS[3].grade_id, dict(found[k].verdicts)
        del said[check]
        stopped = {check: words.FEEDBACK["check_stopped"].format(error="ZeroDivisionError: division by zero")}
        breach = f"answer-{QUESTIONS[4].grade_id}: {SANDBOX['cell_time']}"
        scores = {**found[k].scores, check: 0.0}
        whole = replace(found[k], scores=scores, verdicts=said, unjudged=stopped)
        found[k] = replace(whole, breaches=(breach,), seconds=20.4)
    for k in accidents[size // 30 : size // 20]:
        found[k] = replace(found[k], remarks=(FEEDBACK["missing"].format(id=QUESTIONS[2].grade_id),))
    return found
