"""Notebooks under other names are graded if it is clear which they are, and never one in place of another."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from courses import NOTEBOOK, UNIT, Here, handed_in

from grader.classroom.naming import Meant, meant
from grader.demo import sample
from grader.nbgrader import course
from grader.nbgrader.command import grade_class
from grader.nbgrader.folders import Course, lying_in
from grader.nbgrader.results import results
from grader.words import COMMANDS, FEEDBACK

FULL = 24.0
ODD = (
    f"{UNIT}-Copy1.ipynb",
    f"{UNIT} (1).ipynb",
    f"{UNIT}(2).ipynb",
    f"12345_67890_{UNIT}.ipynb",
    f"ada_late_1234_{UNIT}.ipynb",
    f"ada_123_456_{UNIT}-1.ipynb",
    f"Ada Lovelace_12345_assignsubmission_file_{UNIT}.ipynb",
    f"{UNIT}_attempt_2026-11-30-18-00-00_{UNIT}.ipynb",
    f"{UNIT.upper()}.ipynb",
    f"Kopie von {UNIT}.ipynb",
)


@pytest.mark.parametrize("file", ODD)
def test_a_file_whose_name_holds_the_notebooks_is_meant_for_it(file):
    two = ("06_other", UNIT)
    assert meant(two, [file]) == Meant({UNIT: file})
    assert meant(two, [file, f"{UNIT}.ipynb"]) == Meant({UNIT: f"{UNIT}.ipynb"})
    assert meant(two, [file, f"a_{file}"]) == Meant({}, {UNIT: sorted([file, f"a_{file}"])})


@pytest.mark.parametrize(
    "file", [f"{UNIT}2.ipynb", f"1{UNIT}.ipynb", "homework.ipynb", f"._{UNIT}.ipynb", f"{UNIT}.txt"]
)
def test_any_other_name_is_meant_for_nothing_in_a_unit_of_two(file):
    assert meant(("06_other", UNIT), [file]) == Meant()


def test_the_only_notebook_of_a_folder_is_that_of_a_unit_with_one():
    assert meant([UNIT], ["homework.ipynb", "data.csv"]) == Meant({UNIT: "homework.ipynb"})
    assert meant([UNIT], ["homework.ipynb", "notes.ipynb"]) == Meant()
    assert meant([UNIT], ["._homework.ipynb"]) == Meant()  # what macOS leaves beside a file in an archive
    assert meant([UNIT], ["04_jacobian (1).ipynb"], lambda: ["04_jacobian"]) == Meant()
    assert meant([UNIT], ["04_jacobian (1).ipynb"], lambda: ["03"]).files


def test_no_notebook_is_taken_for_another():
    names = ("problem1", "problem2", "problem10")
    there = ["problem1.ipynb", "problem10.ipynb"]
    assert meant(names, there).files == {"problem1": "problem1.ipynb", "problem10": "problem10.ipynb"}
    assert meant(names, ["problem10-Copy1.ipynb"]).files == {"problem10": "problem10-Copy1.ipynb"}
    assert meant(names, ["problem1_problem2.ipynb"]) == Meant()
    assert meant(("a", "a-b"), ["a-b.ipynb"]).files == {"a-b": "a-b.ipynb"}
    assert meant(("a", "a-b"), ["a-b-Copy1.ipynb"]) == Meant()  # the second try of one, or a copy of the other


def test_names_are_text_and_no_patterns():
    assert meant(("a.b", "c"), ["a.b-Copy1.ipynb"]).files == {"a.b": "a.b-Copy1.ipynb"}
    assert meant(("a.b", "c"), ["axb-Copy1.ipynb"]) == Meant()


# --- in a class


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return handed_in(tmp_path_factory.mktemp("named") / "course", [s for s in sample.CLASS if s.name in ("ada", "ben")])


@pytest.fixture
def fresh(two, tmp_path):
    return Path(shutil.copytree(two, tmp_path / "course"))


def renamed(folder, *names):
    """Ada's folder with her notebook under these names."""
    own = folder / "submitted" / "ada" / UNIT
    data = (own / f"{UNIT}.ipynb").read_bytes()
    (own / f"{UNIT}.ipynb").unlink()
    for name in names:
        (own / name).write_bytes(data)
    return own


@pytest.mark.parametrize("file", [ODD[0], ODD[4], "homework.ipynb"])
def test_it_is_graded_and_said_to_instructor_and_student(fresh, file):
    renamed(fresh, file)
    outcome = grade_class(Course(fresh, UNIT), Here)
    said = FEEDBACK["named_otherwise"].format(right=f"{UNIT}.ipynb", file=file)
    assert {grade.student: (grade.score, grade.remarks) for grade in outcome.graded} == {
        "ada": (FULL, (said,)),
        "ben": (0.0, ()),
    }
    page = fresh / "feedback" / "ada" / UNIT / f"{UNIT}.html"
    assert file.removesuffix(".ipynb") in page.read_text("utf-8")
    written = {path.name for step in ("autograded", "feedback") for path in (fresh / step / "ada" / UNIT).iterdir()}
    assert written == {f"{UNIT}.ipynb", f"{UNIT}.html"}
    assert {r.student: r.remarks for r in results(fresh, UNIT)} == {"ada": (said,), "ben": ()}


def test_a_file_that_gets_its_right_name_is_graded_again_without_the_remark(fresh):
    own = renamed(fresh, ODD[0])
    grade_class(Course(fresh, UNIT), Here)
    (own / ODD[0]).rename(own / f"{UNIT}.ipynb")
    outcome = grade_class(Course(fresh, UNIT), Here)
    assert [(grade.student, grade.remarks) for grade in outcome.graded] == [("ada", ())]
    assert outcome.unchanged == ["ben"]


def test_where_several_may_be_meant_none_is_graded_and_all_are_listed(fresh):
    renamed(fresh, *ODD[:2])
    outcome = grade_class(Course(fresh, UNIT), Here)
    files = ", ".join(sorted(ODD[:2]))
    assert outcome.failed == {"ada": COMMANDS["several_notebooks"].format(file=f"{UNIT}.ipynb", files=files)}
    assert [grade.student for grade in outcome.graded] == ["ben"]


def test_another_units_notebook_is_not_graded_and_named(fresh):
    other = fresh / "exercises" / "04_jacobian"
    other.mkdir()
    (other / "04_jacobian.ipynb").touch()
    renamed(fresh, "04_jacobian.ipynb")
    outcome = grade_class(Course(fresh, UNIT), Here)
    said = COMMANDS["other_notebooks"].format(names=f"{UNIT}.ipynb", files="04_jacobian.ipynb")
    assert outcome.failed == {"ada": said}


def test_links_folders_and_crowds_are_not_taken(tmp_path, fresh):
    dirs = Course(fresh, UNIT).dirs
    (tmp_path / "somebody_elses.ipynb").write_bytes(sample.CLASS[0].name.encode())
    own = tmp_path / "own"
    own.mkdir()
    (own / ODD[0]).symlink_to(tmp_path / "somebody_elses.ipynb")
    (own / ODD[1]).mkdir()
    os.mkfifo(own / ODD[2])
    assert lying_in(own, [UNIT], dirs).files == {}
    (own / ODD[3]).touch()
    assert lying_in(own, [UNIT], dirs).files == {UNIT: ODD[3]}
    for k in range(1000):
        (own / f"file-{k}").touch()
    assert lying_in(own, [UNIT], dirs).files == {}


def test_a_name_is_text_in_what_is_said_of_it(fresh):
    renamed(fresh, f"<b>x<b> [a](b) \udcff {UNIT}.ipynb")
    (grade, _) = sorted(grade_class(Course(fresh, UNIT), Here).graded, key=lambda grade: grade.student)
    assert grade.score == FULL
    assert (
        FEEDBACK["named_otherwise"].format(right=f"{UNIT}.ipynb", file=f"?b?x?b? ?a?(b) ? {UNIT}.ipynb")
        in grade.remarks
    )


def test_a_notebook_that_was_not_handed_in_is_told(fresh):
    found = lying_in(fresh / "submitted" / "ada" / UNIT, [UNIT, "other"], Course(fresh, UNIT).dirs)
    assert found.files == {UNIT: f"{UNIT}.ipynb"}
    assert found.remarks == (COMMANDS["not_all_notebooks"].format(file="other.ipynb"),)


@pytest.mark.parametrize(("files", "score"), [([ODD[0]], FULL), (["homework.ipynb"], FULL), (ODD[:2], None)])
def test_nbgrader_with_the_plugin_takes_it_too(fresh, files, score):
    own = renamed(fresh, *files)
    before = sorted(own.iterdir())
    done = course.api(fresh).autograde(UNIT, "ada")
    assert done["success"] is (score is not None)
    assert sorted(own.iterdir()) == before
    found = {r.student: (r.score, r.remarks) for r in results(fresh, UNIT) if score is not None}
    said = FEEDBACK["named_otherwise"].format(right=f"{UNIT}.ipynb", file=files[0])
    assert found == ({"ada": (score, (said,))} if score is not None else {})
    assert (fresh / "autograded" / "ada" / NOTEBOOK).exists() is (score is not None)
    if score is None:
        assert COMMANDS["several_notebooks"].format(file=f"{UNIT}.ipynb", files=", ".join(sorted(files))) in done["log"]
