"""The lessons' form: thirty minutes, few refutations, folded drawing code, and every term in the glossary."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

import grader
from grader.canonical import new_cell, new_notebook

ROOT = Path(__file__).parent.parent
LESSONS = {  # with their outputs, which are read, too
    path.stem[7:9]: nbformat.read(path, as_version=4) for path in sorted((ROOT / "course" / "executed").glob("*.ipynb"))
}
SOLUTIONS = {
    path.stem[:2]: nbformat.read(path, as_version=4) for path in sorted((ROOT / "solutions").glob("*/*.ipynb"))
}
CORE = 3500  # words: what a student reads in thirty minutes
REFUTED = range(3, 6)
AFTER_THE_FIRST = [unit for unit in LESSONS if unit != "00"]  # unit 00 teaches the tools and keeps its own order
BOLD = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)
SECOND_READING = "## Second reading"


def core(nb):
    """The words of a lesson outside its second readings: prose, open code, and the texts that open code puts out."""
    count, second = 0, False
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                if line.startswith("## "):
                    second = line.startswith(SECOND_READING)
                count += 0 if second else len(line.split())
        elif not second and not folded(cell):
            said = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.outputs]
            said += ["\n".join(o.traceback) for o in cell.outputs if o.output_type == "error"]
            count += len(" ".join([cell.source, *said]).split())
    return count


def folded(cell):
    return bool(cell.metadata.get("jupyter", {}).get("source_hidden"))


def refuted(nb):
    """The keys of the mistakes that a lesson refutes."""
    calls = [call for cell in nb.cells for call in re.findall(r"lesson\.refute\((.*?)\)", cell.source, re.DOTALL)]
    return [key for call in calls for key in re.findall(r'"([a-z_0-9]+)"', call)]


def terms(nb):
    """The terms that a lesson introduces: they stand in bold, and nothing else does."""
    prose = "\n".join(re.sub("`[^`]*`", "", cell.source) for cell in nb.cells if cell.cell_type == "markdown")
    return [" ".join(term.split()).casefold() for term in BOLD.findall(prose)]


def glossary():
    """Term -> (what it means, its lesson), from the table of docs/glossary.md."""
    lines = (ROOT / "docs" / "glossary.md").read_text("utf-8").splitlines()
    rows = [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in lines if line.startswith("| ")][1:]
    assert all(len(row) == 3 for row in rows)
    return [(term, meaning, lesson) for term, meaning, lesson in rows]


def small(*cells):
    return new_notebook([new_cell(kind, source, f"c{k}") for k, (kind, source) in enumerate(cells)])


@pytest.mark.parametrize("unit", LESSONS)
def test_core_of_a_lesson_takes_thirty_minutes(unit):
    assert core(LESSONS[unit]) <= CORE


def test_core_counts_prose_open_code_and_outputs_and_neither_second_readings_nor_folded_code():
    nb = small(
        ("markdown", "one two"), ("code", "three = 4"), ("code", "five"), ("markdown", "## Second reading: x\nsix")
    )
    assert core(nb) == 6
    nb.cells[1].outputs = [nbformat.v4.new_output("stream", text="seven eight")]
    assert core(nb) == 8
    nb.cells[1].metadata = {"jupyter": {"source_hidden": True}}
    assert core(nb) == 3
    nb.cells[3].source += "\n## Back\nnine"
    assert core(nb) == 6


@pytest.mark.parametrize("unit", AFTER_THE_FIRST)
def test_lesson_refutes_three_to_five_mistakes_and_leaves_the_others_to_the_cards(unit):
    assert len(refuted(LESSONS[unit])) in REFUTED


def test_refuted_mistakes_are_counted_one_by_one():
    assert refuted(small(("code", 'lesson.refute("05.x", "a_b",\n "c")'), ("code", 'refute("05.x", "d")'))) == [
        "a_b",
        "c",
    ]


def texts_of_folded(nb):
    """What folded cells print: their pictures, described in words, do not count."""
    said = [
        (o.get("text") or o.get("data", {}).get("text/plain", "")) for c in nb.cells if folded(c) for o in c.outputs
    ]
    return [text for text in said if not text.startswith("[Picture]")]


@pytest.mark.parametrize("unit", LESSONS)
def test_what_is_folded_away_draws_and_says_nothing(unit):
    assert texts_of_folded(LESSONS[unit]) == []


def test_folded_cell_that_says_something_is_noticed():
    nb = small(("code", "print(1)"), ("code", "print(2)"))
    for cell, text in zip(nb.cells, ("[Picture] A line.", "2"), strict=True):
        cell.metadata = {"jupyter": {"source_hidden": True}}
        cell.outputs = [nbformat.v4.new_output("stream", text=text)]
    assert texts_of_folded(nb) == ["2"]


@pytest.mark.parametrize("unit", LESSONS)
def test_terms_in_bold_are_those_of_the_glossary_each_in_the_lesson_that_introduces_it(unit):
    assert sorted(terms(LESSONS[unit])) == sorted(term.casefold() for term, _, lesson in glossary() if lesson == unit)


def test_glossary_has_each_term_once_in_order_with_one_sentence_each():
    listed = [term.casefold() for term, _, _ in glossary()]
    assert listed == sorted(set(listed))
    for _, meaning, _ in glossary():
        assert meaning.endswith(".")
        assert not re.search(r"[.!?] +[A-Z]", meaning.replace("e.g. ", ""))


def test_terms_are_found_in_bold_across_lines_and_nowhere_else():
    assert terms(small(("markdown", "A **leaf\ntensor** is `x**2`, *not* `y**3`."), ("code", "x**2 + y**2"))) == [
        "leaf tensor"
    ]


@pytest.mark.parametrize(
    "word", ["backpropagation", "reverse mode", "computational graph", "upstream gradient", "cotangent"]
)
def test_glossary_has_the_words_of_the_field(word):
    assert word in {term.casefold() for term, _, _ in glossary()}


@pytest.mark.parametrize("unit", AFTER_THE_FIRST)
def test_exercises_of_a_unit_begin_with_a_prediction_and_hold_a_transfer_and_a_recall(unit):
    asked = [question for question in grader.questions() if question.unit == unit]
    assert asked[0].asks.predicts
    for kind in ("Transfer: ", "Recall: "):
        assert any(question.name.startswith(kind) for question in asked)
    assert [question.number for question in asked] == [f"{int(unit)}.{k}" for k in range(1, len(asked) + 1)]


@pytest.mark.parametrize("unit", SOLUTIONS)
def test_exercises_end_with_the_gallery_of_their_unit(unit):
    assert SOLUTIONS[unit].cells[-1].source == f'gallery("{unit}")'
    assert 'gallery("99")' not in SOLUTIONS[unit].cells[-1].source
