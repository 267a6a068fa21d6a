"""Every sentence that the program says, as tables: a folder for each language, a module for each audience.

English is the language in which questions are written; their titles and hints stand with them, and so do the names and
explanations of mistakes.  Another language is a folder with the same modules and, for those, two more:
``questions.py`` with QUESTIONS, ``{id: (title, hints)}``, and ``mistakes.py`` with MISTAKES, ``{key: Words}``.
Placeholders in braces are filled by whoever speaks, and are the same in every language.

The environment variable GRADER_LANGUAGE names the folder; without it, English is spoken.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from types import ModuleType

from grader.words.entry import Words as Words

LANGUAGES = tuple(sorted(path.parent.name for path in Path(__file__).parent.glob("*/__init__.py")))
LANGUAGE = os.environ.get("GRADER_LANGUAGE") or "en"  # as HTML's ``lang`` has it
if LANGUAGE not in LANGUAGES:
    raise ImportError(f"GRADER_LANGUAGE is {LANGUAGE!r}, and the grader speaks {', '.join(LANGUAGES)}")


def _tables(audience: str) -> ModuleType:
    return import_module(f"{__name__}.{LANGUAGE}.{audience}")


_student, _instructor, _report, _sandbox = map(_tables, ("student", "instructor", "report", "sandbox"))

FINDINGS: dict[str, tuple[str, str]] = _student.FINDINGS
ERRORS: dict[str, Words] = _student.ERRORS
AGAIN: dict[str, Words] = _student.AGAIN
CAUSES: dict[str, str] = _student.CAUSES
FORMS: dict[str, str] = _student.FORMS
EQUATIONS: dict[str, str] = _student.EQUATIONS
SHAPE_HELP: dict[str, str] = _student.SHAPE_HELP
KINDS: dict[str, str] = _student.KINDS
FORM_HELP: dict[str, str] = _student.FORM_HELP
CARD: dict[str, str] = _student.CARD
NOTICES: dict[str, str] = _student.NOTICES
FEEDBACK: dict[str, str] = _student.FEEDBACK
PICTURES: dict[str, str] = _student.PICTURES
COMMANDS: dict[str, str] = _instructor.COMMANDS
LIMITS: dict[str, str] = _instructor.LIMITS
DOCTOR: dict[str, str] = _instructor.DOCTOR
SANDBOX: dict[str, str] = _sandbox.SANDBOX
STATUSES: dict[str, Words] = _report.STATUSES
REPORT_FACTS: dict[str, str] = _report.REPORT_FACTS
REPORT: dict[str, str] = _report.REPORT
# Of other languages; English has them with the questions and the mistakes themselves.
QUESTIONS: dict[str, tuple[str, tuple[str, ...]]] = {} if LANGUAGE == "en" else _tables("questions").QUESTIONS
MISTAKES: dict[str, Words] = {} if LANGUAGE == "en" else _tables("mistakes").MISTAKES


def cause(key: str) -> str:
    """What to say to someone who took ``key`` for the cause of another error."""
    return CAUSES[key] if key in CAUSES else CARD["other_error"].format(says=ERRORS[key].says)


def explained(key: str, again: bool = False) -> str:
    """What an error means and what to do: ``again`` where a derivative is differentiated and the cause is another."""
    text = (AGAIN if again else ERRORS)[key]
    return f"{text.says[0].upper()}{text.says[1:]} {text.why}"
