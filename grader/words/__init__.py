"""Every sentence that the program says, as tables: a folder for each language, a module for each audience.

Questions are written in English, so their titles and hints, and the names and explanations of mistakes, are not here
but with the questions and mistakes themselves.  Another language is a folder with the same modules and two more:
``questions.py`` with QUESTIONS, ``{id: (title, hints)}``, and ``mistakes.py`` with MISTAKES, ``{key: Words}``.
Placeholders in braces are filled in by the code that uses a sentence, and are the same in every language.

The environment variable GRADER_LANGUAGE names the folder; the default is "en".  Raises ImportError for any other name.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from types import ModuleType

from grader.words.entry import Words as Words

LANGUAGES = tuple(sorted(path.parent.name for path in Path(__file__).parent.glob("*/__init__.py")))
LANGUAGE = os.environ.get("GRADER_LANGUAGE") or "en"  # a language code as in HTML's ``lang``
if LANGUAGE not in LANGUAGES:
    raise ImportError(f"GRADER_LANGUAGE is {LANGUAGE!r}, and the grader speaks {', '.join(LANGUAGES)}")


def _tables(audience: str) -> ModuleType:
    return import_module(f"{__name__}.{LANGUAGE}.{audience}")


_student, _instructor, _report, _sandbox = map(_tables, ("student", "instructor", "report", "sandbox"))

FINDINGS: dict[str, tuple[str, str]] = _student.FINDINGS
ABOUT: dict[str, str] = _student.ABOUT
FACTORS: dict[str, str] = _student.FACTORS
ERRORS: dict[str, Words] = _student.ERRORS
AGAIN: dict[str, Words] = _student.AGAIN
CAUSES: dict[str, str] = _student.CAUSES
FORMS: dict[str, str] = _student.FORMS
EQUATIONS: dict[str, str] = _student.EQUATIONS
SHAPE_HELP: dict[str, str] = _student.SHAPE_HELP
KINDS: dict[str, str] = _student.KINDS
FORM_HELP: dict[str, str] = _student.FORM_HELP
CARD: dict[str, str] = _student.CARD
WAY: dict[str, str] = _student.WAY
NOTICES: dict[str, str] = _student.NOTICES
FEEDBACK: dict[str, str] = _student.FEEDBACK
PICTURES: dict[str, str] = _student.PICTURES
COMMANDS: dict[str, str] = _instructor.COMMANDS
LIMITS: dict[str, str] = _instructor.LIMITS
DOCTOR: dict[str, str] = _instructor.DOCTOR
PACKS: dict[str, str] = _instructor.PACKS
CELLS: dict[str, str] = _instructor.CELLS
AUTHORS: dict[str, str] = _instructor.AUTHORS
RULES: dict[str, str] = _instructor.RULES
SANDBOX: dict[str, str] = _sandbox.SANDBOX
STATUSES: dict[str, Words] = _report.STATUSES
REPORT_FACTS: dict[str, str] = _report.REPORT_FACTS
REPORT: dict[str, str] = _report.REPORT
# For other languages only; the English ones are with the questions and the mistakes themselves.
QUESTIONS: dict[str, tuple[str, tuple[str, ...]]] = {} if LANGUAGE == "en" else _tables("questions").QUESTIONS
MISTAKES: dict[str, Words] = {} if LANGUAGE == "en" else _tables("mistakes").MISTAKES


def cause(key: str) -> str:
    """What to tell a student who chose ``key`` as the cause of an error that has another cause."""
    return CAUSES[key] if key in CAUSES else CARD["other_error"].format(says=ERRORS[key].says)


def explained(key: str, again: bool = False) -> str:
    """What an error means and what to do about it.

    key: of ERRORS or, with ``again``, of AGAIN, for errors that have another cause when a derivative is differentiated.
    """
    text = (AGAIN if again else ERRORS)[key]
    return f"{text.says[0].upper()}{text.says[1:]} {text.why}"
