"""The Questions of every unit, in course order."""

from grader.question import Question
from grader.units import u00_setup, u01_scalar, u05_weighted_vjp

QUESTIONS: dict[str, Question] = {
    question.id: question
    for unit in (u00_setup, u01_scalar, u05_weighted_vjp)
    for question in unit.QUESTIONS
}
