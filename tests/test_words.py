"""Every language has all of the program's texts, with the same placeholders, and is chosen by one variable."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import astuple, is_dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import nbformat
import pytest

import grader
from grader import words
from grader.words import Words

from support import MISTAKES, SHIPPED

ROOT = Path(__file__).parent.parent
AUDIENCES = ("student", "instructor", "sandbox", "report")


def tables(module: ModuleType | SimpleNamespace) -> dict[str, dict[str, Any]]:
    return {name: table for name, table in vars(module).items() if name.isupper() and isinstance(table, dict)}


def placeholders(entry: Any) -> list[list[str]]:
    """Those of each of its texts, in any order: grammar decides it."""
    texts = astuple(entry) if is_dataclass(entry) else entry if isinstance(entry, tuple) else (entry,)
    return [sorted(re.findall(r"\{[^}]*\}", " ".join(text) if isinstance(text, tuple) else text)) for text in texts]


def differences(ours: dict[str, dict[str, Any]], theirs: dict[str, dict[str, Any]]) -> list[str]:
    """Where a language says more, less or of other things than English does."""
    found = []
    for name in ours.keys() | theirs.keys():
        mine, other = ours.get(name, {}), theirs.get(name, {})
        found += [f"{name}: {key} is in one only" for key in mine.keys() ^ other.keys()]
        found += [
            f"{name}: {key} has other placeholders"
            for key in mine.keys() & other.keys()
            if placeholders(mine[key]) != placeholders(other[key])
        ]
    return found


def english(audience: str) -> dict[str, dict[str, Any]]:
    if audience == "mistakes":
        return {"MISTAKES": {key: mistake.words for key, mistake in MISTAKES.items()}}
    if audience == "questions":
        return {"QUESTIONS": {question.id: (question.title, question.hints) for question in grader.questions()}}
    return tables(importlib.import_module(f"grader.words.en.{audience}"))


@pytest.mark.parametrize("language", [name for name in words.LANGUAGES if name != "en"] or ["en"])
def test_a_language_says_the_same_of_the_same(language):
    further = () if language == "en" else ("mistakes", "questions")
    for audience in (*AUDIENCES, *further):
        said = tables(importlib.import_module(f"grader.words.{language}.{audience}"))
        assert differences(english(audience), said) == []


def test_a_language_that_lacks_a_key_or_a_placeholder_is_noticed():
    ours = english("sandbox")
    assert differences(ours, ours) == []
    (name, table), *_ = ours.items()
    key = next(key for key, text in table.items() if "{" in text)
    assert differences(ours, {name: {k: v for k, v in table.items() if k != key}}) == [f"{name}: {key} is in one only"]
    assert differences(ours, {name: {**table, "more": ""}}) == [f"{name}: more is in one only"]
    assert differences(ours, {name: {**table, key: "nothing"}}) == [f"{name}: {key} has other placeholders"]
    assert differences({"T": {"k": Words("a {k}", "", "")}}, {"T": {"k": Words("", "a {k}", "")}})
    assert differences({"T": {"k": ("a", ("b", "{c}"))}}, {"T": {"k": ("a", ("b",))}})


def made_up(folder: Path) -> None:
    """A second language: the same tables, every text in capitals, its placeholders left alone."""

    def loud(entry: Any) -> Any:
        if is_dataclass(entry):
            return Words(*map(loud, astuple(entry)))
        if isinstance(entry, tuple):
            return tuple(map(loud, entry))
        return "".join(part if k % 2 else part.upper() for k, part in enumerate(re.split(r"(\{[^}]*\})", entry)))

    (folder / "xx").mkdir()
    (folder / "xx" / "__init__.py").touch()
    for audience in (*AUDIENCES, "mistakes", "questions"):
        said = {name: {k: loud(entry) for k, entry in table.items()} for name, table in english(audience).items()}
        text = "\n".join(f"{name} = {table!r}" for name, table in said.items())
        (folder / "xx" / f"{audience}.py").write_text(f"from grader.words.entry import Words\n{text}\n", "utf-8")


SPEAK = """
import json, grader
from grader import pack, student, words
from grader.card import as_html, as_text
from grader.classroom import report, report_page
from grader.nbgrader import job

v = grader.diagnose("05.ones_sum_the_rows", [1, 9])
w = grader.diagnose("05.weight_the_outputs", lambda y, v: v / len(v))
print(json.dumps({
    "cards": [as_text(v), as_text(w)], "html": as_html(v), "title": v.title, "hint": str(student.hint(v.question)),
    "page": report_page.as_html(report.analyse("05_x", [], pack.Packs([])), lambda student: []),
    "version": job.Unit("x", {}, {}, None, b"").version,
}))
"""


def spoken(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SPEAK],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def test_one_variable_chooses_the_language_of_cards_hints_pages_and_fingerprints(tmp_path):
    (tmp_path / "grader").symlink_to(ROOT / "grader")
    assert spoken(tmp_path, GRADER_LANGUAGE="xx").returncode != 0
    (tmp_path / "grader").unlink()
    shutil.copytree(ROOT / "grader", tmp_path / "grader", ignore=shutil.ignore_patterns("__pycache__"))
    made_up(tmp_path / "grader" / "words")
    usual, other = (json.loads(spoken(tmp_path, GRADER_LANGUAGE=language).stdout) for language in ("", "xx"))
    assert [card.upper() for card in other["cards"]] == [card.upper() for card in usual["cards"]]
    assert "This adds along" not in " ".join(other["cards"])
    assert "THIS ADDS ALONG EACH ROW" in other["cards"][0]
    assert other["title"] == usual["title"].upper()
    assert 'lang="en"' in usual["html"]
    assert 'lang="xx"' in other["html"]
    assert usual["page"].startswith('<!doctype html>\n<html lang="en">')
    assert other["page"].startswith('<!doctype html>\n<html lang="xx">')
    assert usual["version"] != other["version"]  # graded in one language, a class is graded again in another


def test_a_language_that_is_not_there_is_told_with_those_that_are(tmp_path):
    done = spoken(ROOT, GRADER_LANGUAGE="tlh")
    assert done.returncode != 0
    assert "GRADER_LANGUAGE is 'tlh', and the grader speaks en" in done.stderr


# --- the field's words

# A habit of this project's English -> what to write.
HABITS = {
    r"(?<!multiply the )(?<!entries of the )(?<!times the )(?<!weight its )"
    r"\b(differentiat\w+|derivatives?|gradients?|Jacobians?) by (?:(?:the|each|every|all|an?|its) )?"
    r"(?:a\b(?!\s(?!and\b|or\b)\w\w)|[b-zθ]\b|inputs?\b|variables?\b|lea(?:f|ves)\b|(?:parameter|weight)s?\b)": "wrt",
    r"\b\w*(?:neighbour|colour|behaviour|favour|optimis|minimis|maximis|summaris)\w*": "American spelling",
    r"\b[Ww]hich (?:shape|size|value|dtype) ha(?:s|ve)\b": "What shape does ... have?",
    r"\bround brackets\b|pair of brackets": "parentheses",
}


def prose():
    """What people read: lessons, exercises, documents, and what the program says, each with its place."""
    for path in sorted([*ROOT.glob("course/*.ipynb"), *ROOT.glob("solutions/*/*.ipynb")]):
        yield path.stem, "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("grader/words/en/*.py")]):
        yield path.name, path.read_text("utf-8")
    for key, mistake in MISTAKES.items():
        yield key, " ".join(astuple(mistake.words))
    for question in SHIPPED.values():
        yield question.id, " ".join([question.title, *question.hints])


def habits(text):
    return [found[0] for habit in HABITS for found in re.finditer(habit, text, re.IGNORECASE)]


def test_what_people_read_is_said_in_the_words_of_the_field():
    assert {place: found for place, text in prose() if (found := habits(text))} == {}


@pytest.mark.parametrize(
    ("bent", "straight"),
    [
        ("the derivative by x", "the derivative with respect to x"),
        ("differentiate by the leaf", "multiply the gradient by u"),
        ("Which shape has the Jacobian?", "What shape does the Jacobian have?"),
        ("ask a neighbour", "ask a neighbor"),
        ("in round brackets", "in parentheses"),
        ("gradients by each input", "the gradient by the chain rule"),
        ("a gradient by a and b", "a Jacobian by a different method"),
    ],
)
def test_bent_english_is_noticed_and_the_plain_form_is_not(bent, straight):
    assert habits(bent)
    assert not habits(straight)
