"""A grader for gradients: it compares answers with Jacobian-weighted references and says why they are wrong.

In a notebook:  ``check(id, answer)``, ``hint(id)``, ``progress()``.
In a program:   ``questions()``, ``diagnose(id, answer, seed=None)``, which returns a ``Verdict``.
"""

from grader.judge import Verdict
from grader.notebook import UnknownQuestion, check, diagnose, hint, progress, questions
from grader.question import Question

__all__ = ["Question", "UnknownQuestion", "Verdict", "check", "diagnose", "hint", "progress", "questions"]
