"""Every link leads somewhere: those in notebooks and documents, and those that cards and ``progress`` make."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
import torch

import grader
from grader import check, progress, way
from grader.card import Link, as_html, as_text
from grader.classroom.judging import Shown
from grader.errors import NOTES
from grader.judge import diagnose
from grader.mistakes import CATALOGUE
from grader.pack import Packs, at_hand
from grader.units import EXERCISES, LESSONS, TITLES
from grader.units.sections import SECTIONS

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted([*ROOT.glob("course/*.ipynb"), *ROOT.glob("exercises/*/*.ipynb")])
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
QUESTIONS = grader.questions()
WRONG, RIGHT = "05.weight_the_outputs", "05.scalar_trick"


def markdown(path: Path) -> str:
    if path.suffix == ".md":
        return path.read_text("utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def headings(path: Path) -> list[str]:
    text = re.sub(r"(?ms)^```.*?^```", "", markdown(path))
    return [line.lstrip("#").strip() for line in text.splitlines() if re.match("#+ ", line)]


def broken(link: str, folder: Path) -> str:
    """Why a link in this folder leads nowhere; "" if it leads somewhere or to the Web."""
    path, _, fragment = link.partition("#")
    if re.match(r"[a-z]+:", path):
        return ""
    there = (folder / unquote(path)).resolve() if path else folder
    if not there.exists():
        return f"no file {path}"
    if not fragment or there.is_dir():
        return ""
    if there.suffix == ".ipynb":
        ids = {cell.id for cell in nbformat.read(there, as_version=4).cells}
        return "" if fragment.removeprefix("cell-id=") in ids else f"no cell {fragment}"
    return "" if fragment in map(way.slug, headings(there)) else f"no heading {fragment}"


def hrefs(html: str) -> list[str]:
    return re.findall(r'href="([^"]*)"', html)


@pytest.fixture
def exercises(monkeypatch):
    """The folder of an exercise notebook, as its kernel's folder."""
    folder = ROOT / "exercises" / "05_weighted_vjp"
    monkeypatch.chdir(folder)
    return folder


# --- written links


@pytest.mark.parametrize("path", [*NOTEBOOKS, *DOCUMENTS], ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    text = re.sub(r"(?ms)^```.*?^```|`[^`\n]*`", "", markdown(path))
    found = [why for link in LINK.findall(text) if (why := broken(link, path.parent if link[0] != "#" else path))]
    assert found == []


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("../course/lesson_99.ipynb", "no file"),
        ("../course/start.ipynb#cell-id=nowhere", "no cell"),
        ("running-a-class.md#no-such-heading", "no heading"),
        ("running-a-class.md#lateness", ""),
        ("../course/start.ipynb#cell-id=how-a-unit-goes", ""),
        ("https://example.org/anything", ""),
    ],
)
def test_a_link_that_leads_nowhere_is_noticed(link, why):
    said = broken(link, ROOT / "docs")
    assert said.startswith(why)
    assert bool(said) == bool(why)


@pytest.mark.parametrize("unit", LESSONS)
def test_lesson_leads_to_its_exercises_and_they_lead_back_and_on(unit):
    def leads(start: str, to: str) -> bool:
        path = ROOT / start
        return (ROOT / to).resolve() in {(path.parent / link).resolve() for link in LINK.findall(markdown(path))}

    assert leads(LESSONS[unit], EXERCISES[unit])
    assert leads(EXERCISES[unit], LESSONS[unit])
    assert leads(EXERCISES[unit], "course/start.ipynb")
    units = list(LESSONS)
    then = units[(units.index(unit) + 1) % len(units)]
    assert leads(EXERCISES[unit], LESSONS[then]) == (then != "00")
    assert not leads(LESSONS[unit], "nowhere")


def test_no_two_notebooks_of_a_student_have_the_same_name():
    names = [path.name for path in NOTEBOOKS]
    assert sorted(names) == sorted(set(names))
    assert len(names) == 2 * len(LESSONS) + 1


@pytest.mark.parametrize("unit", LESSONS)
def test_title_of_a_unit_is_that_of_its_lesson(unit):
    assert headings(ROOT / LESSONS[unit])[0] == f"{unit} {TITLES[unit]}"


# --- sections that explain


def test_every_question_and_every_mistake_of_the_catalogue_has_a_section_of_the_right_lesson():
    anywhere = {"fact_missed", "fact_too_many", "nothing_arrived"}  # these belong to whatever was asked
    assert {q.id for q in QUESTIONS} | CATALOGUE.keys() - anywhere <= SECTIONS.keys()
    own = {mistake.key for question in QUESTIONS for mistake in question.also}
    assert SECTIONS.keys() <= {q.id for q in QUESTIONS} | CATALOGUE.keys() | NOTES.keys() | own
    for question in QUESTIONS:
        assert SECTIONS[question.id][0] == question.unit
    for key, (unit, _) in SECTIONS.items():
        known = CATALOGUE.get(key) or NOTES.get(key)
        assert known is None or known.unit in ("", unit), key


def lost(sections: dict[str, tuple[str, str]]) -> list[tuple[str, str]]:
    """The sections that are no headings of their lessons."""
    there = {unit: headings(ROOT / path) for unit, path in LESSONS.items()}
    return [section for section in sections.values() if section[1] not in there[section[0]]]


def test_sections_are_headings_of_their_lessons():
    assert lost(SECTIONS) == []
    assert lost({"x": ("05", "Say how much each output costs")}) == [("05", "Say how much each output costs")]
    assert lost({"x": ("06", "Say how much each output counts")})


def test_a_mistake_is_explained_by_its_own_section_and_else_where_its_question_is(exercises):
    packs = at_hand(exercises)[0]
    assert packs.section(WRONG, "05", "ones_weight", None) == "Move the weights yourself"
    assert packs.section(WRONG, "05", "no_such_mistake", None) == "Say how much each output counts"
    assert packs.section(WRONG, "01", "accumulated") == "backward, and what ends up in .grad"
    assert packs.section(WRONG, "01", "ones_weight") == ""  # it belongs to another lesson
    assert packs.section("no.such", "05") == ""


# --- cards


def wrong(x, v):
    return torch.autograd.grad(torch.stack([x[0] * x[1], x[1] ** 2 + torch.sin(x[2])]).sum(), x)[0]


def right(f, x, v):
    return torch.autograd.grad((v * f(x)).sum(), x)[0]


def test_wrong_answer_leads_to_the_section_that_explains_it(exercises):
    card = check(WRONG, wrong)
    (href,) = hrefs(card._repr_mimebundle_()["text/html"])
    assert href.startswith("../../course/lesson_05_weighted_vjp.ipynb#cell-id=")
    assert broken(href, exercises) == ""
    id = href.partition("#cell-id=")[2]
    (cell,) = [c for c in nbformat.read(exercises / href.partition("#")[0], as_version=4).cells if c.id == id]
    assert "## Move the weights yourself" in cell.source
    assert "“Move the weights yourself”" in str(card)
    assert "Next:" not in str(card)


def test_right_answer_names_the_next_exercise(exercises):
    card = check(RIGHT, right)
    (href,) = hrefs(card._repr_mimebundle_()["text/html"])
    assert href.startswith("05_weighted_vjp.ipynb#cell-id=")
    assert broken(href, exercises) == ""
    assert "Next: 5.5 Mend a weight of the wrong shape" in str(card)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_what_comes_next_is_there(question, exercises):
    then = way.following(at_hand(exercises)[0], question.id, exercises)
    if question == QUESTIONS[-1]:
        assert then is None
    else:
        after = QUESTIONS[QUESTIONS.index(question) + 1]
        assert then.text == (
            after.title if after.unit == question.unit else f"lesson {after.unit} {TITLES[after.unit]}"
        )
        assert broken(then.href, exercises) == ""


@pytest.mark.parametrize("key", SECTIONS)
def test_links_to_sections_lead_to_the_cell_with_the_heading(key, exercises):
    unit, heading = SECTIONS[key]
    href = way.lesson(at_hand(exercises)[0], WRONG, unit, heading, exercises)
    assert broken(href, exercises) == ""
    assert "#cell-id=" in href


def test_where_the_lesson_is_not_at_hand_its_name_stays_a_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for id, answer in ((WRONG, wrong), (RIGHT, right)):
        assert hrefs(check(id, answer)._repr_mimebundle_()["text/html"]) == []
    assert "Lesson 05" in str(check(WRONG, wrong))


def published(packs):
    """The same packs, with a website."""
    return Packs(replace(pack, website="https://example.org/course/") for pack in packs.packs)


def test_lesson_is_found_on_the_website_where_there_is_one(tmp_path):
    packs = at_hand(tmp_path)[0]
    online = published(packs)
    page = "https://example.org/course/lessons/lesson_05_weighted_vjp.html"
    assert way.lesson(online, WRONG, "05", "Move the weights yourself") == f"{page}#move-the-weights-yourself"
    assert way.lesson(online, WRONG, "05", "", tmp_path) == page
    assert way.lesson(packs, WRONG, "05", "") == ""  # this course has none yet
    here = ROOT / "exercises" / "05_weighted_vjp"
    assert way.lesson(online, WRONG, "05", "", here).startswith("../../course/")  # the one at hand comes first


def test_card_on_a_feedback_page_leads_to_the_website_or_nowhere(exercises):
    packs = at_hand(exercises)[0]
    verdict = packs.told(diagnose(packs.questions[WRONG], wrong))
    page = "https://example.org/course/lessons/lesson_05_weighted_vjp.html#move-the-weights-yourself"
    for known, leads in ((packs, []), (published(packs), [page])):
        assert hrefs(Shown().card(known, known.questions[WRONG], verdict, {})) == leads


def test_a_card_that_is_read_elsewhere_leads_nowhere():
    verdict = diagnose(next(q for q in QUESTIONS if q.id == WRONG), wrong)
    assert hrefs(as_html(verdict)) == []
    assert hrefs(as_html(verdict, lesson="a&b", then=Link("<next>", 'c"d'))) == ["a&amp;b", "c&quot;d"]
    assert "&lt;next&gt;" in as_html(verdict, lesson="a", then=Link("<next>", "c"))
    assert "Next: <next>" in as_text(verdict, Link("<next>"))


def test_a_notebook_that_a_student_has_broken_is_still_found(tmp_path):
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "x.ipynb").write_text("not a notebook")
    assert way.located("course/x.ipynb", "Heading", tmp_path) == "course/x.ipynb"
    (tmp_path / "course" / "x.ipynb").write_text(json.dumps({"cells": [{"cell_type": "markdown"}]}))
    assert way.located("course/x.ipynb", "Heading", tmp_path) == "course/x.ipynb"
    assert way.located("course/y.ipynb", "Heading", tmp_path) == ""
    assert way.located("https://example.org/lesson", "Heading", tmp_path) == "https://example.org/lesson"


# --- progress


def test_progress_leads_to_every_exercise_and_lesson(exercises):
    shown = progress()
    links = hrefs(shown.html)
    assert {why for href in links if (why := broken(href, exercises))} == set()
    assert len(links) == len(QUESTIONS) + len(LESSONS) + 1  # and to what is next
    assert "Nothing has been checked yet" in str(shown)
    assert "Next: 0.1 Run it, then check it (2 min)" in str(shown)


def test_progress_shows_the_unit_at_hand_first_and_counts_what_is_left(exercises):
    check(RIGHT, right)
    check(WRONG, wrong)
    check("05.one_class", lambda *anything: None)
    shown = progress()
    text = str(shown)
    assert "Nothing has been checked" not in text
    assert text.startswith("Next: 5.1 Which of these will PyTorch refuse?")
    assert "✓ 5.4 The same gradient" in text
    assert "✗ 5.3 Say how much" in text
    assert "· 5.5 Mend a weight" in text
    assert text.index("✓ 5.4") < text.index("00  ····")
    minutes = sum(question.minutes for question in QUESTIONS if question.id != RIGHT)
    assert f"In all: 1/{len(QUESTIONS)} solved, {minutes} minutes left." in text
    assert "<details>" in shown.html
    assert 'aria-label="5.4 The same gradient from a single number: solved"' in shown.html
    assert "5.5 Mend a weight of the wrong shape: not tried yet" in shown.html


def test_progress_of_an_earlier_session_goes_on_where_it_ended(exercises, monkeypatch, tmp_path):
    file = tmp_path / "progress.json"
    monkeypatch.setenv("GRADER_PROGRESS", str(file))
    file.write_text(json.dumps({"03.order_of_inputs": "correct", "00.use_a_hint": "correct"}))
    assert "Next: 3.1 Predict the shape" in str(progress())
    file.write_text(json.dumps({q.id: "correct" for q in QUESTIONS if q.id != "02.leaf_or_not"}))
    assert "Next: 2.1 Leaf or not?" in str(progress())
    file.write_text(json.dumps({q.id: "correct" for q in QUESTIONS}))
    assert "Everything is solved." in str(progress())
    assert "Next:" not in str(progress())
