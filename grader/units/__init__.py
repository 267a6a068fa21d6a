"""The Questions of every unit, in course order: each module ``uNN_name`` beside this file is one."""

from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules

from grader import words
from grader.mistakes import CATALOGUE, Mistake
from grader.question import Question

_MODULES = [import_module(f"{__name__}.{name}") for name in sorted(module.name for module in iter_modules(__path__))]


def _spoken(question: Question) -> Question:
    """A question in the language of the program; it is written in English."""
    title, hints = words.QUESTIONS.get(question.id, (question.title, question.hints))
    return replace(question, title=title, hints=hints)


QUESTIONS: dict[str, Question] = {question.id: _spoken(question) for unit in _MODULES for question in unit.QUESTIONS}

# All mistakes that can be named: those of the catalogue, and those that questions of one unit derive.
MISTAKES: dict[str, Mistake] = {
    **{mistake.key: mistake for question in QUESTIONS.values() for mistake in question.also},
    **CATALOGUE,
}

# A unit's number -> its lesson: units, modules and notebooks have one stem.
LESSONS: dict[str, str] = {
    stem[:2]: f"course/{stem}.ipynb" for stem in (unit.__name__.rpartition(".u")[2] for unit in _MODULES)
}
