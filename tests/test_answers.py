"""Three wrong answers to every exercise, each called by its name, and beside them right ones by other roads."""

from __future__ import annotations

from collections import Counter

import pytest

import grader

from answers import RIGHT, UNITS, WRONG

ASKED = [q.id for q in grader.questions() if q.unit in UNITS]
AT_LEAST = 3


def ids(entries):
    return [f"{'-'.join(map(str, entry[:-1]))}-{k}" for k, entry in enumerate(entries)]


@pytest.mark.parametrize(("name", "id", "answer"), WRONG, ids=ids(WRONG))
def test_wrong_answer_is_called_by_its_name_and_does_not_get_full_marks(name, id, answer):
    verdict = grader.diagnose(id, answer)
    assert (verdict.mistake or verdict.error or verdict.status) == name
    assert verdict.score < verdict.points


@pytest.mark.parametrize(("id", "answer"), RIGHT, ids=ids(RIGHT))
def test_right_answer_by_another_road_gets_full_marks(id, answer):
    verdict = grader.diagnose(id, answer)
    assert (verdict.status, verdict.score) == ("correct", verdict.points)


@pytest.mark.parametrize("id", ASKED)
def test_every_exercise_has_three_wrong_answers_and_a_right_one(id):
    assert Counter(asked for _, asked, _ in WRONG)[id] >= AT_LEAST
    assert Counter(asked for asked, _ in RIGHT)[id] >= 1
