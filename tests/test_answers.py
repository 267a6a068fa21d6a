"""Three wrong answers to every exercise, each called by its name, and beside them right ones by other roads."""

from __future__ import annotations

from collections import Counter

import pytest

import grader
from grader.judge import judge
from grader.probe import probe

from answers import RIGHT, UNITS, WRONG
from support import SHIPPED, case, posed

ASKED = [q.id for q in grader.questions() if q.unit in UNITS]
AT_LEAST = 3


def told(id, answer):
    """The verdict, as ``grader.diagnose`` gives it, on problems that are drawn once for all answers to a question."""
    return judge(SHIPPED[id], posed(id), [probe(answer, p.call) for p in posed(id)])


def test_the_verdict_is_what_diagnose_gives():
    (_, id, wrong), (other, right) = WRONG[0], RIGHT[0]
    for asked, answer in ((id, wrong), (other, right)):
        assert told(asked, answer).as_data() == grader.diagnose(asked, answer).as_data()


@pytest.mark.parametrize("id", ASKED)
def test_every_wrong_answer_is_called_by_its_name_and_does_not_get_full_marks(id):
    for k, (name, asked, answer) in enumerate(WRONG):
        if asked == id:
            with case(f"{name}, number {k}"):
                verdict = told(id, answer)
                assert (verdict.mistake or verdict.error or verdict.status) == name
                assert verdict.score < verdict.points


@pytest.mark.parametrize("id", ASKED)
def test_every_right_answer_by_another_road_gets_full_marks(id):
    for k, (asked, answer) in enumerate(RIGHT):
        if asked == id:
            with case(f"number {k}"):
                verdict = told(id, answer)
                assert (verdict.status, verdict.score) == ("correct", verdict.points)


@pytest.mark.parametrize("id", ASKED)
def test_every_exercise_has_three_wrong_answers_and_a_right_one(id):
    assert Counter(asked for _, asked, _ in WRONG)[id] >= AT_LEAST
    assert Counter(asked for asked, _ in RIGHT)[id] >= 1
