"""Every statement of the text behind the course has its place: a heading in a lesson, and questions that grade it."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

import grader

ROOT = Path(__file__).parent.parent
COUNT = 18
TABLE = (ROOT / "docs" / "statements.md").read_text("utf-8")
IDS = {question.id for question in grader.questions()}


def rows(table: str) -> list[list[str]]:
    """The table's rows as cells: number, statement, places, questions."""
    lines = [line for line in table.splitlines() if re.match(r"\| \d+ \|", line)]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def headings() -> set[str]:
    """Every second-level heading of every lesson, with its unit's number before it."""
    found = set()
    for path in (ROOT / "course").glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                found |= {f"{path.name[7:9]} {line[3:]}" for line in cell.source.splitlines() if line.startswith("## ")}
    return found


HEADINGS = headings()


def missing(row: list[str]) -> list[str]:
    """The places and questions that a row names and that are not there."""
    _, _, places, questions = row
    lost = [place for place in places.split("; ") if place not in HEADINGS]
    return lost + [id for id in questions.split(", ") if id not in IDS]


def test_every_statement_has_a_row():
    assert [int(number) for number, *_ in rows(TABLE)] == list(range(1, COUNT + 1))


@pytest.mark.parametrize("row", rows(TABLE), ids=lambda row: row[0])
def test_statement_is_taught_where_the_table_says_and_graded_by_what_it_names(row):
    assert row[2]
    assert row[3]
    assert missing(row) == []


def test_a_heading_or_a_question_that_is_lost_is_noticed():
    number, statement, places, questions = rows(TABLE)[0]
    assert missing([number, statement, places + " no more", questions])
    assert missing([number, statement, places, questions + "s"])
