"""Every shipped question keeps the rules: its wrong answers are called by their names, and its right ones pass.

The rules, and the ways to break each of them, are in ``tests/test_rules.py``.
"""

from __future__ import annotations

import pytest
from repeats import count

import grader
from grader import rules

from answers import RIGHT, WRONG
from support import SHIPPED


def answers_to(id):
    """The wrong and the right answers to a question, as ``rules.broken`` takes them."""
    return [entry for entry in WRONG if entry[1] == id], [entry for entry in RIGHT if entry[0] == id]


def broken(question, wrong, right, **settings):
    """What the rules find amiss with a question, in words, a line each; "" if it keeps them all."""
    return "\n".join(str(found) for found in rules.broken([question], wrong, right, **settings) if found.broken)


@pytest.mark.parametrize("id", SHIPPED)
def test_a_shipped_question_keeps_every_rule(id):
    wrong, right = answers_to(id)
    assert broken(SHIPPED[id], wrong, right, seeds=count("seeds")) == ""


def test_shipped_questions_go_together():
    assert [str(found) for found in rules.together(grader.questions())] == []


def test_every_answer_belongs_to_a_question():
    assert {id for _, id, _ in WRONG} | {id for id, _ in RIGHT} <= set(SHIPPED)


def test_an_answer_that_is_taken_away_or_wrongly_named_is_missed():
    wrong, right = answers_to("05.scalar_trick")
    asked = SHIPPED["05.scalar_trick"]
    assert broken(asked, wrong[:2], right)
    assert broken(asked, wrong, [])
    assert broken(asked, [("no_such_name", *entry[1:]) for entry in wrong], right)


def test_the_rules_judge_as_a_check_does():
    (name, id, answer), (other, right) = WRONG[0], RIGHT[0]
    verdict = grader.diagnose(id, answer)
    assert name in (verdict.mistake, verdict.error, verdict.status)
    assert grader.diagnose(other, right).correct
