"""A report uses the data that grading recorded: no sentence is parsed, and every path is the configured one."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from courses import UNIT, Here, handed_in
from nbformat.v4 import new_code_cell
from sqlalchemy import create_engine, inspect, text

from grader import cli
from grader.classroom import report
from grader.classroom.notes import Notes
from grader.demo import sample
from grader.nbgrader.command import grade_class
from grader.nbgrader.folders import Course
from grader.nbgrader.results import results
from grader.pack import Packs
from grader.words import FEEDBACK, SANDBOX

# ada is right, and prints what is said of breaches and cards; tara's process ends half way; lena deleted a check.
PRINTS = f"print({SANDBOX['cell_time']!r})\nprint('✗ 0 — ' + {FEEDBACK['check_silent']!r})"
NAMES = ("ada", "tara", "lena", "walt")


def prints_our_sentences(nb) -> None:
    nb.cells.insert(1, new_code_cell(f"print({SANDBOX['cell_time']!r})"))
    nb.cells.append(new_code_cell(PRINTS))


CLASS = [
    replace(member, edit=prints_our_sentences) if member.name == "ada" else member
    for member in sample.CLASS
    if member.name in NAMES
]


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Path:
    """A course whose folders have other names, graded."""
    folder = handed_in(tmp_path_factory.mktemp("notes") / "course", CLASS)
    with (folder / "nbgrader_config.py").open("a") as config:
        config.write('c.CourseDirectory.autograded_directory = "graded"\n')
        config.write('c.CourseDirectory.feedback_directory = "told"\n')
    grade_class(Course(folder, UNIT), Here)
    return folder


@pytest.fixture
def fresh(graded, tmp_path) -> Path:
    return Path(shutil.copytree(graded, tmp_path / "course"))


def by_name(folder: Path, db: str | None = None):
    return {result.student: result for result in results(folder, UNIT, db)}


def notebook(folder: Path, student: str) -> Path:
    return folder / "graded" / student / UNIT / f"{UNIT}.ipynb"


def test_a_perfect_student_who_prints_our_sentences_has_breached_nothing(graded):
    cells = nbformat.read(notebook(graded, "ada"), 4).cells
    printed = [output.text for cell in cells for output in cell.get("outputs", []) if output.output_type == "stream"]
    assert f"{SANDBOX['cell_time']}\n" in printed
    found = by_name(graded)
    assert (found["ada"].breaches, found["ada"].unjudged, found["ada"].remarks) == ((), {}, ())
    assert found["tara"].breaches[0].endswith(SANDBOX["left"])
    assert set(found["tara"].unjudged.values()) == {FEEDBACK["check_not_run"]}
    assert found["lena"].remarks == (FEEDBACK["missing"].format(id="05-scalar_trick"),)
    assert found["walt"].unreadable
    assert not found["lena"].unreadable
    human = report.analyse(UNIT, list(found.values()), Packs([])).human
    assert set(human) == {"tara", "lena", "walt"}


def test_the_report_finds_notebooks_and_pages_where_the_configuration_says(fresh, monkeypatch):
    assert not (fresh / "autograded").exists()
    monkeypatch.chdir(fresh)
    assert cli.main(["report", UNIT, "--json", "r.json"]) == 0
    page = (fresh / "report" / f"{UNIT}.html").read_text("utf-8")
    assert f'href="../told/tara/{UNIT}/{UNIT}.html"' in page
    assert (fresh / "told" / "tara" / UNIT / f"{UNIT}.html").exists()
    said = json.loads((fresh / "r.json").read_text("utf-8"))
    assert {student["student"] for student in said["students"] if student["needs"]} == {"tara", "lena", "walt"}


def test_an_export_of_another_layout_leads_to_the_same_pages(tmp_path, monkeypatch):
    """The way to fail: links that are put together by hand."""
    folder = handed_in(tmp_path / "course", CLASS[:1])
    with (folder / "nbgrader_config.py").open("a") as config:
        config.write('c.CourseDirectory.directory_structure = "{nbgrader_step}/{assignment_id}/{student_id}"\n')
    for step in ("solutions", "exercises", "submitted"):
        for path in list((folder / step).rglob("*.ipynb")):
            student = path.parent.parent.name if step == "submitted" else "."
            there = folder / step / UNIT / student / path.name
            data = path.read_bytes()
            shutil.rmtree(folder / step)
            there.parent.mkdir(parents=True)
            there.write_bytes(data)
    outcome = grade_class(Course(folder, UNIT), Here)
    assert [grade.student for grade in outcome.graded] == ["ada"]
    monkeypatch.chdir(folder)
    assert cli.main(["report", UNIT]) == 0
    page = (folder / "report" / f"{UNIT}.html").read_text("utf-8")
    (link,) = set(re.findall(r'href="([^"#]+)"', page))  # but those to places on the page itself
    assert (folder / "report" / link).resolve().exists()


def test_what_was_found_is_kept_beside_the_run_for_who_has_no_notebooks(fresh):
    here = by_name(fresh)
    shutil.rmtree(fresh / "graded")
    assert by_name(fresh) == here
    engine = create_engine(f"sqlite:///{fresh / 'gradebook.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE grader_run SET notes = NULL"))
    engine.dispose()
    assert by_name(fresh)["tara"].breaches == ()  # the way to fail


def test_a_notebook_that_was_graded_again_since_is_believed_before_the_run(fresh):
    path = notebook(fresh, "tara")
    path.chmod(0o644)
    nb = nbformat.read(path, 4)
    Notes(remarks=["graded again"]).put(nb)
    nbformat.write(nb, path)
    assert by_name(fresh)["tara"].remarks == ("graded again",)


def test_a_students_own_notebook_beside_the_units_says_nothing_of_the_grade(fresh):
    """nbgrader copies whatever was handed in beside the notebook, and a student writes what he likes into that."""
    here = by_name(fresh)
    forged = nbformat.v4.new_notebook()
    Notes(remarks=["forged"], breaches=[["05-one_row", "memory"]]).put(forged)
    nbformat.write(forged, notebook(fresh, "ada").parent / "another.ipynb")
    assert by_name(fresh) == here
    path = notebook(fresh, "ada")
    path.chmod(0o644)
    nbformat.write(forged, path)  # the way to fail: the same in the place of the unit's notebook
    assert by_name(fresh)["ada"].remarks == ("forged",)


def test_what_is_said_of_the_folder_and_its_time_is_in_the_report_too(fresh):
    (fresh / "submitted" / "ada" / UNIT / "timestamp.txt").write_text("2024-11-30 18:00:00")
    grade_class(Course(fresh, UNIT), Here, students=["ada"])
    (remark,) = by_name(fresh)["ada"].remarks
    assert "2024-11-30 18:00:00" in remark
    (fresh / "submitted" / "ada" / UNIT / "timestamp.txt").write_text("2024-11-30 18:00:00 UTC")
    grade_class(Course(fresh, UNIT), Here, students=["ada"])
    assert by_name(fresh)["ada"].remarks == ()


def test_notebooks_that_were_graded_before_there_were_notes_are_read_as_ever(fresh):
    here = by_name(fresh)
    for student in NAMES:
        path = notebook(fresh, student)
        path.chmod(0o644)
        nb = nbformat.read(path, 4)
        del nb.metadata["grader"]
        nbformat.write(nb, path)
    engine = create_engine(f"sqlite:///{fresh / 'gradebook.db'}")
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE grader_run DROP COLUMN notes"))
    before = by_name(fresh)
    for student in ("tara", "lena", "walt"):
        one, other = here[student], before[student]
        assert {id: said["status"] for id, said in one.verdicts.items()} == {
            id: said["status"] for id, said in other.verdicts.items()
        }
        known = {"verdicts": {}, "asked": {}, "order": ()}  # only notes say which cells ask a question
        assert replace(one, **known) == replace(other, **known)
    assert before["ada"].breaches  # what could not be told apart there
    grade_class(Course(fresh, UNIT), Here, force=True)
    assert "notes" in {column["name"] for column in inspect(engine).get_columns("grader_run")}
    engine.dispose()
    assert by_name(fresh)["ada"].breaches == ()


def test_notes_of_another_format_are_none():
    notes = Notes(breaches=[["05-one_row", "memory"]])
    assert Notes.from_data(notes.as_data()) == notes
    assert Notes.from_data({**notes.as_data(), "format": 99}) is None
    assert Notes.from_data("nonsense") is None
