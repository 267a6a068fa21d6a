"""Every shipped question keeps the rules: its wrong answers are called by their names, and its right ones pass.

The rules, and the ways to break each of them, are in ``tests/test_rules.py``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import nbformat
import pytest
from repeats import count

import grader
from grader import rules
from grader.judge import judge
from grader.probe import probe

from answers import RIGHT, WRONG
from support import SHIPPED

SOLUTIONS = Path(__file__).parent.parent / "solutions"
# Pairs (a, b) where the solution of a is right for b as well -> why both are asked.
ANY_MAP = "the other answer is for any map, and this one is a special case of it that has a lesson of its own"
UNSEEN = "both give the same quantity by different methods, and a check sees values, not methods"
MENDED = "here a program is given whose mistake is to be found; mended, it computes what the other exercise asks for"
WHOLE_ENGINE = "the other exercise puts all the rules together into the engine of which this is one part"
SAME_ANSWER: dict[tuple[str, str], str] = {
    **{
        (other, "01.unpack_the_tuple"): ANY_MAP
        for other in ("01.central_difference", "04.any_shape", "08.mend_create_graph", "11.complex", "13.batch_norm")
    },
    ("07.unused_none", "01.several_inputs"): ANY_MAP,
    ("07.unused_zeros", "01.several_inputs"): ANY_MAP,
    ("13.batch_norm", "01.central_difference"): UNSEEN,
    ("09.jvp", "03.directional_derivative"): ANY_MAP,
    ("04.mend_transposed", "04.all_rows"): MENDED,
    ("04.any_shape", "04.all_rows"): ANY_MAP,
    ("04.all_rows", "04.mend_transposed"): MENDED,
    ("04.any_shape", "04.mend_transposed"): ANY_MAP,
    ("05.mend_the_weight", "05.scalar_trick"): UNSEEN,
    ("06.matrix_to_matrix", "05.scalar_trick"): UNSEEN,
    ("05.scalar_trick", "06.matrix_to_matrix"): MENDED,
    ("05.mend_the_weight", "06.matrix_to_matrix"): MENDED,
    ("08.linear_map", "08.second_derivative"): ANY_MAP,
    ("03.finite_differences", "08.mend_create_graph"): UNSEEN,
    ("01.central_difference", "11.complex"): UNSEEN,
    **{
        ("10.earlier_maps", part): WHOLE_ENGINE
        for part in ("10.local_rules", "10.backward_pass", "10.branch", "10.array_rules")
    },
}


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


# --- no two exercises have the same answer


@cache
def solved():
    """The id of each question that is no prediction -> what its solution notebook gives to ``check``."""
    answers = {}
    for path in sorted(SOLUTIONS.glob("*/*.ipynb")):
        scope: dict[str, object] = {}
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.metadata.get("nbgrader", {}).get("grade"):
                id, name = cell.source.removeprefix('check("').removesuffix(")").split('", ')
                answers[id] = scope[name]
            elif cell.cell_type == "code" and not cell.source.startswith(("gallery(", "hint(", "progress(")):
                exec(cell.source, scope)
    return {id: answer for id, answer in answers.items() if not SHIPPED[id].asks.predicts}


def right_for(id, answers):
    """Which of these answers are right for a question, by the ids that they were written for."""
    question = SHIPPED[id]
    first = question.problems()[:1]  # most fail on the first problem, and need no other
    tried = [
        other
        for other, answer in answers.items()
        if judge(question, first, [probe(answer, problem.call) for problem in first]).correct
    ]
    return [other for other in tried if grader.diagnose(id, answers[other]).correct]


@pytest.mark.parametrize("id", [id for id, question in SHIPPED.items() if not question.asks.predicts])
def test_no_solution_of_another_exercise_is_right_here(id):
    answers = solved()
    listed = [one for one, other in SAME_ANSWER if other == id]
    assert sorted(right_for(id, answers)) == sorted([id, *listed])


def test_an_answer_to_two_exercises_is_found():
    right = {"04.one_row": solved()["04.one_row"], "04.one_column": solved()["04.one_row"]}
    assert right_for("04.one_row", right) == ["04.one_row", "04.one_column"]
    assert right_for("04.one_column", right) == []
