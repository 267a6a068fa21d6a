"""The Questions of all units, in course order; each module ``uNN_name`` in this folder is one unit."""

from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules

from grader import words
from grader.mistakes import CATALOGUE, Mistake
from grader.question import Question

_MODULES = [import_module(f"{__name__}.{name}") for name in sorted(module.name for module in iter_modules(__path__))]


def _spoken(question: Question) -> Question:
    """A question, which is written in English, with its title and hints in the program's language."""
    title, hints = words.QUESTIONS.get(question.id, (question.title, question.hints))
    return replace(question, title=title, hints=hints)


QUESTIONS: dict[str, Question] = {question.id: _spoken(question) for unit in _MODULES for question in unit.QUESTIONS}

# All mistakes that can be named: those of the catalogue and the questions' own.
MISTAKES: dict[str, Mistake] = {
    **{mistake.key: mistake for question in QUESTIONS.values() for mistake in question.also},
    **CATALOGUE,
}

# A unit's number -> the path of its lesson, whose name is that of the unit's module without the u.
LESSONS: dict[str, str] = {
    stem[:2]: f"course/{stem}.ipynb" for stem in (unit.__name__.rpartition(".u")[2] for unit in _MODULES)
}
