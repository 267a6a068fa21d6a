"""The feedback page: what its top says of each exercise and of the file, where its links lead, and that it is inert."""

from __future__ import annotations

import re
from urllib.parse import unquote

import nbformat
import pytest
from bs4 import BeautifulSoup
from courses import CELLS, RELEASED, UNIT
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader.classroom.notes import Notes
from grader.nbgrader.feedback import Pages
from grader.nbgrader.summary import MARKS
from grader.words import FEEDBACK

from support import SAMPLE

HOSTILE = "<img src=x onerror=alert(1)>\"'`</title><script>alert(1)</script>"


def page_of(folder, student) -> BeautifulSoup:
    path = folder / "feedback" / student / UNIT / f"{UNIT}.html"
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")


def text(element) -> str:
    return " ".join(element.get_text(" ").split())


def toc(page) -> list[list[str]]:
    """The lines of the table of contents: title, verdict, points."""
    rows = page.select(".toc li:has(.verdict)")
    return [[text(row.select_one(name)) for name in (".title", ".verdict", ".points")] for row in rows]


def made(cells, notes=None, **place) -> BeautifulSoup:
    """The page of a notebook with these cells."""
    nb = new_notebook(cells=cells)
    (notes or Notes()).put(nb)
    about = {"assignment": "unit", "notebook": "unit", "student": "ada", "score": 1, "max_score": 3, "late_penalty": 0}
    resources = {"nbgrader": {**about, **place}, "metadata": {"name": "unit"}, "unique_key": "unit"}
    return BeautifulSoup(Pages().page(nb, resources, plain=False), "html.parser")


def graded(id, score, points, kind="test", source="x", **rules):
    """A cell that earned ``score``: a test, or an answer that a person grades."""
    cell = new_code_cell(source) if kind == "test" else new_markdown_cell(source)
    known = {
        "grade": True,
        "solution": kind == "answer",
        "grade_id": id,
        "score": score,
        "points": points,
        "task": False,
    }
    cell.metadata["nbgrader"] = nbformat.from_dict({**known, **rules})
    return cell


# --- the top


def test_each_exercise_has_its_title_its_verdict_in_words_its_points_and_a_link(class_by_us):
    page = page_of(class_by_us, "deniz")
    rows = toc(page)
    assert [row[0] for row in rows] == [SAMPLE.questions[id].title for id in CELLS]
    verdicts = {row[0].split()[0]: row[1:] for row in rows}
    assert verdicts["5.2"] == ["✗ wrong", "0 of 2"]
    assert verdicts["5.4"] == ["✓ right", "2 of 2"]
    assert {row[1] for row in toc(page_of(class_by_us, "ada"))} == {"✓ right"}
    links = [unquote(link["href"]) for link in page.select(".toc a")]
    assert links == [f"#{cell}" for cell in CELLS.values()]
    for link, row in zip(links, rows, strict=True):
        assert text(page.find(id=link[1:]).find("h3")) == row[0]
    assert all(page.find(id=unquote(link["href"][1:])) for link in page.select('a[href^="#"]'))
    assert page.find(id="no-such-place") is None  # the way to fail


def test_the_top_says_who_what_and_how_many_points(class_by_us):
    page = page_of(class_by_us, "deniz")
    assert text(page.find("h1")) == UNIT
    assert text(page.select_one(".who")) == "deniz"
    assert text(page.select_one(".score")) == "Score: 18 of 24"
    assert text(page.select_one(".toc .total")) == "Total 18 of 24"


def test_mistakes_lead_to_the_lessons_to_repeat(class_by_us):
    repeat = page_of(class_by_us, "deniz").select_one(".repeat")
    assert "lesson_05_weighted_vjp.ipynb" in text(repeat)
    assert "every output counts 1: 5.2 Say how much each output counts , 5.3 The same by a single number" in text(
        repeat
    )
    assert page_of(class_by_us, "ada").select_one(".repeat") is None


def test_a_lesson_on_a_website_is_a_link_and_one_in_a_folder_is_text():
    notes = Notes(
        titles={"a": "1.1 A"}, repeat={"a": ["a sum", "l/04", "https://x.example/04"], "b": ["b", "l/05", ""]}
    )
    page = made([graded("a", 0, 1), graded("b", 0, 1)], notes)
    assert [link["href"] for link in page.select(".repeat a")] == ["https://x.example/04", "#a", "#b"]
    assert [text(lesson) for lesson in page.select(".repeat code")] == ["l/04", "l/05"]
    for bad in ("javascript:alert(1)", "http://x.example", HOSTILE):
        page = made([graded("a", 0, 1)], Notes(repeat={"a": ["a sum", bad, bad]}))
        assert [link["href"] for link in page.select(".repeat a")] == ["#a"]


def test_a_mistake_for_which_a_person_gave_all_points_is_not_to_be_repeated():
    notes = Notes(repeat={"a": ["a sum", "05", ""]}, verdicts={"a": {"status": "wrong"}})
    assert made([graded("a", 0, 1)], notes).select_one(".repeat")
    assert made([graded("a", 1, 1)], notes).select_one(".repeat") is None


def test_every_outcome_has_its_words():
    notes = Notes(
        verdicts={
            "right": {"status": "correct"},
            "partly": {"status": "wrong"},
            "wrong": {"status": "wrong"},
            "untouched": {"status": "unattempted"},
        },
        unjudged={"unjudged": "the check was not run"},
        asked={name: name for name in ("right", "partly", "wrong", "untouched", "unjudged")},
        order=[*MARKS],
    )
    worth = {"right": (2, 2), "partly": (1, 2), "waits": (0, 2), "unrated": (0, 0)}
    cells = [graded(name, *worth.get(name, (0, 2)), waits=name == "waits") for name in MARKS]
    page = made(cells, notes)
    assert {row[0]: row[1] for row in toc(page)} == {
        name: f"{mark} {FEEDBACK[f'verdict_{name}']}" for name, mark in MARKS.items()
    }
    assert text(page.select_one(".toc .why")) == "the check was not run"


def test_manual_work_that_nobody_graded_yet_is_said_to_be_unfinished():
    answer = graded("essay", 0, 2, "answer", waits=True)
    assert text(made([answer, graded("a", 1, 1)]).select_one(".unfinished")) == FEEDBACK["waits_one"]
    two = [answer, graded("b", 0, 2, "answer", waits=True)]
    assert text(made(two).select_one(".unfinished")).startswith("2 answers wait")
    done = made([graded("essay", 2, 2, "answer", waits=False, comment="Well **argued**.")])
    assert done.select_one(".unfinished") is None
    assert toc(done) == [["essay (with a comment)", "✓ right", "2 of 2"]]
    assert str(done.select_one(".comment strong + div")).count("<strong>argued</strong>") == 1


def test_points_off_for_being_late_are_said():
    page = made([graded("a", 3, 3)], score=2, late_penalty=1)
    assert text(page.select_one(".toc .late")) == "Handed in late −1"
    assert text(page.select_one(".score")).startswith("Score: 2 of 3")
    assert made([graded("a", 3, 3)]).select_one(".toc .late") is None


def test_the_name_in_the_gradebook_is_beside_the_id():
    assert text(made([graded("a", 1, 1)], person="Ada Lovelace").select_one(".who")) == "Ada Lovelace · ada"
    assert text(made([graded("a", 1, 1)]).select_one(".who")) == "ada"


def test_both_ways_of_grading_find_the_name(class_by_us, class_by_nbgrader):
    for folder in (class_by_us, class_by_nbgrader):
        assert text(page_of(folder, "ada").select_one(".who")) == "Ada Lovelace · ada"
        assert text(page_of(folder, "deniz").select_one(".who")) == "deniz"


# --- what went wrong


@pytest.mark.parametrize("student", ["walt", "xenia", "yuri"])
def test_an_unreadable_file_shows_why_and_no_empty_answers(class_by_us, student):
    page = page_of(class_by_us, student)
    assert FEEDBACK["unreadable"] in text(page.select_one(".trouble.alarm"))
    assert page.select(".answer, .graded, .toc") == []
    assert len(page_of(class_by_us, "ada").select(".answer")) == len(CELLS)  # the way to fail


def test_a_comment_on_an_unreadable_file_is_shown():
    cells = [graded("a", 0, 1, "answer", comment="Come and see me."), graded("b", 0, 1)]
    page = made(cells, Notes(unreadable=True, remarks=["The file is empty."]))
    assert "Come and see me." in text(page.select_one(".graded"))
    assert len(page.select(".graded")) == 1


def test_repairs_and_limits_are_at_the_top_and_said_once(class_by_us):
    page = page_of(class_by_us, "vera")
    assert text(page).count(FEEDBACK["reordered"]) == 1
    assert FEEDBACK["reordered"] in text(page.select_one(".trouble"))
    assert FEEDBACK["limits"] in text(page_of(class_by_us, "tara").select_one(".trouble"))
    assert page_of(class_by_us, "ada").select_one(".trouble") is None


# --- the page itself


def outside(html: str) -> list[str]:
    """What of a page would run, or be fetched from elsewhere."""
    page = BeautifulSoup(html, "html.parser")
    found = [tag.name for tag in page.find_all(["script", "link", "iframe", "object", "embed", "base"])]
    for tag in page.find_all(True):
        found += [f"{tag.name} {name}" for name in tag.attrs if name.startswith("on")]
        found += [tag["src"] for name in ("src",) if not tag.get(name, "data:").startswith("data:")]
    return found + re.findall(r"@import|url\((?!data:)", html)


def test_a_page_needs_no_script_and_no_network_and_says_so(class_by_us):
    html = str(page_of(class_by_us, "deniz"))
    assert outside(html) == []
    page = BeautifulSoup(html, "html.parser")
    assert "default-src 'none'" in page.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    usual, _ = HTMLExporter(template_name="classic").from_notebook_node(nbformat.from_dict(RELEASED))
    assert outside(usual)  # the way to fail


def test_a_page_says_its_language_fits_a_phone_and_knows_the_dark(class_by_us):
    page = page_of(class_by_us, "deniz")
    assert page.html["lang"] == "en"
    assert page.find("meta", {"name": "viewport"})["content"] == "width=device-width,initial-scale=1"
    style = "".join(tag.get_text() for tag in page.find_all("style"))
    assert "prefers-color-scheme:dark" in style
    assert "print-color-adjust:exact" in style


def test_names_and_titles_are_text():
    said = {"titles": {"a": HOSTILE}, "repeat": {"a": [HOSTILE, HOSTILE, HOSTILE]}, "unjudged": {"a": HOSTILE}}
    notes = Notes(remarks=[HOSTILE], asked={"a": "q"}, order=["a"], **said)
    cells = [graded("a", 0, 1), graded(HOSTILE, 0, 1), new_code_cell(HOSTILE), nbformat.v4.new_raw_cell(HOSTILE)]
    page = made(cells, notes, student=HOSTILE, person=HOSTILE, assignment=HOSTILE, notebook=HOSTILE + "2")
    assert outside(str(page)) == []
    assert page.find("img") is None
    assert text(page.select_one(".who")).count("onerror") == 2
    assert outside(f"<p>{HOSTILE}</p>")  # the way to fail


def test_formulas_are_laid_out_and_what_is_none_stays_text():
    page = made([new_markdown_cell(r"Let $x_0 < 1$, $$\frac{a}{b}$$ and $\nosuch{<b>x</b>}$; it costs \$5 and $6.")])
    shown = page.select_one(".text_cell_render")
    assert [tag.get("display") for tag in shown.find_all("math")] == ["inline", "block"]
    assert text(shown.select_one("code.tex")) == r"$\nosuch{<b>x</b>}$"
    assert shown.find("b") is None


def test_a_course_with_a_template_of_its_own_keeps_it():
    config = Pages(template_name="classic")
    assert config.template_name == "classic"
    assert Pages().template_name == "grader_feedback"
