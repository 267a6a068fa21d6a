"""The Questions of every unit, in course order: each module ``uNN_name`` beside this file is one."""

from importlib import import_module
from pkgutil import iter_modules

from grader.question import Question

_MODULES = [import_module(f"{__name__}.{name}") for name in sorted(module.name for module in iter_modules(__path__))]

QUESTIONS: dict[str, Question] = {question.id: question for unit in _MODULES for question in unit.QUESTIONS}

# A unit's number -> its lesson: units, modules and notebooks have one stem.
LESSONS: dict[str, str] = {
    stem[:2]: f"course/{stem}.ipynb" for stem in (unit.__name__.rpartition(".u")[2] for unit in _MODULES)
}
