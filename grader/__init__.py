"""A grader for gradients: it compares answers with references computed from the Jacobian and says why they are wrong.

In a notebook:  ``check(id, answer)``, ``hint(id)``, ``progress()``, ``gallery(unit)``.
In a program:   ``questions()``, ``diagnose(id, answer, seed=None)``, which returns a ``Verdict``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.judge import Verdict as Verdict
    from grader.lesson import gallery as gallery
    from grader.question import Question as Question
    from grader.student import UnknownQuestion as UnknownQuestion
    from grader.student import check as check
    from grader.student import diagnose as diagnose
    from grader.student import hint as hint
    from grader.student import progress as progress
    from grader.student import questions as questions

# Imported on first access: otherwise every run of the command line would wait a second for torch.
_MODULES = {
    **dict.fromkeys(("UnknownQuestion", "check", "diagnose", "hint", "progress", "questions"), "student"),
    "Question": "question",
    "Verdict": "judge",
    "gallery": "lesson",
}

__all__ = ["Question", "UnknownQuestion", "Verdict", "check", "diagnose", "gallery", "hint", "progress", "questions"]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(import_module(f"grader.{_MODULES[name]}"), name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
