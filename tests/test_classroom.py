"""The round trip through the real nbgrader: every member of the sample class gets exactly the expected score."""

from __future__ import annotations

import csv
import json
import os
import re
from pathlib import Path

import nbformat
import pytest
from courses import CELLS, POINTS, RELEASED, copied, copy_course
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import grader
from grader import cli
from grader.card import MIME
from grader.classroom import CourseError, submission
from grader.classroom.cells import cells_of, faults
from grader.classroom.inert import inert
from grader.classroom.notes import Notes
from grader.demo import sample
from grader.nbgrader import course
from grader.nbgrader.results import _verdict, results
from grader.words import FEEDBACK

from support import PACKS, SAMPLE

ROOT = Path(__file__).parent.parent
UNITS = course.units(ROOT)
CLASS = {student.name: student for student in sample.CLASS}


def points(unit: str) -> dict[str, float]:
    """Of a unit of the course, ``{grade_id: points}``."""
    return {q.grade_id: float(q.points) for q in grader.questions() if unit.startswith(q.unit)}


def by_cell(of_questions: dict) -> dict:
    """By the cells of the sample class's notebook, what is given by question."""
    return {CELLS[id]: value for id, value in of_questions.items()}


@pytest.fixture(scope="module")
def classroom(class_by_nbgrader):
    """The course folder after the whole sample class was graded, and the results."""
    found = {result.student: result for result in results(class_by_nbgrader, sample.UNIT)}
    return class_by_nbgrader, {name: found[name] for name in CLASS}


def test_the_sample_classs_release_version_is_what_nbgrader_makes_of_its_source(classroom):
    name = Path(sample.UNIT) / f"{sample.UNIT}.ipynb"
    assert (classroom[0] / "exercises" / name).read_bytes() == (sample.COURSE / "exercises" / name).read_bytes()


def test_the_sample_class_is_asked_the_questions_of_its_own_pack_and_none_of_the_courses():
    """So that the course may change as it likes."""
    assert list(cells_of(RELEASED).questions.values()) == list(SAMPLE.questions)
    assert not any("grader.units" in text for _, text in SAMPLE.sources[0].modules.values())
    assert faults(sample.UNIT, RELEASED, SAMPLE) == []
    assert len(faults(sample.UNIT, RELEASED, PACKS)) == len(SAMPLE.questions)  # the way to fail


@pytest.mark.parametrize("name", CLASS)
def test_every_score_of_every_student_is_what_it_must_be(classroom, name):
    assert classroom[1][name].scores == by_cell(CLASS[name].expected(POINTS))


def test_the_class_has_right_wrong_and_broken_members(classroom):
    totals = [result.score for result in classroom[1].values()]
    full = sum(POINTS.values())
    assert full in totals
    assert 0.0 in totals
    assert len({total for total in totals if 0 < total < full}) >= 5  # a grader that says one thing only would show


@pytest.mark.parametrize("name", [s.name for s in sample.CLASS if any(w[2] for w in s.wrong.values())])
def test_every_mistake_is_called_by_its_name(classroom, name):
    verdicts = classroom[1][name].verdicts
    said = {id: v["mistake"] or v["error"] or v["status"] for id, v in verdicts.items() if v["status"] != "correct"}
    assert said == by_cell({id: wrong[2] for id, wrong in CLASS[name].wrong.items() if wrong[2]})


@pytest.mark.parametrize("name", CLASS)
def test_feedback_page_says_what_was_mended_and_nothing_where_nothing_was(classroom, name):
    folder, found = classroom
    page = (folder / "feedback" / name / sample.UNIT / f"{sample.UNIT}.html").read_text("utf-8")
    key = CLASS[name].remark
    assert bool(found[name].remarks) == bool(key)
    if key:
        start = FEEDBACK[key].partition("{")[0].partition("`")[0].rstrip()
        assert start in page
        assert any(remark.startswith(start) for remark in found[name].remarks)


def test_feedback_page_shows_the_card_and_the_students_own_answer(classroom):
    page = (classroom[0] / "feedback" / "deniz" / sample.UNIT / f"{sample.UNIT}.html").read_text("utf-8")
    assert "every output counts 1" in page
    assert "yours − true" in page
    assert "BEGIN SOLUTION" not in page
    other = (classroom[0] / "feedback" / "ada" / sample.UNIT / f"{sample.UNIT}.html").read_text("utf-8")
    assert "every output counts 1" not in other


def test_export_gives_every_students_total(classroom):
    folder, found = classroom
    course.nbgrader(folder, folder / "state", "export")
    with (folder / "grades.csv").open(newline="") as file:
        rows = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    expected = {name: sum(CLASS[name].expected(POINTS).values()) for name in found}
    assert {name: rows[name] for name in found} == expected


def test_resubmission_without_its_checks_keeps_no_old_score(classroom, tmp_path):
    folder = copied(classroom[0], tmp_path / "course")
    path = folder / "submitted" / "ada" / sample.UNIT / f"{sample.UNIT}.ipynb"
    right = path.read_bytes()
    nb = nbformat.read(path, as_version=4)
    nb.cells = [cell for cell in nb.cells if cell.cell_type != "code"]
    nbformat.write(nb, path)
    nbgrader = course.api(folder)
    try:
        assert nbgrader.autograde(sample.UNIT, "ada", force=True)["success"]
        (ada,) = [result for result in results(folder, sample.UNIT) if result.student == "ada"]
        assert ada.score == 0.0
    finally:
        path.write_bytes(right)
        assert nbgrader.autograde(sample.UNIT, "ada", force=True)["success"]
    (ada,) = [result for result in results(folder, sample.UNIT) if result.student == "ada"]
    assert ada.score == sum(POINTS.values())


@pytest.fixture(scope="module")
def whole_course(tmp_path_factory):
    """The course with all its units, and nbgrader in this process, as its formgrader's buttons call it."""
    folder = tmp_path_factory.mktemp("whole")
    copy_course(ROOT, folder, UNITS)
    before = {name: os.environ.get(name) for name in course.environment(folder)}
    os.environ.update(course.environment(folder / "state"))
    yield folder, course.api(folder)
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_gives_full_marks_to_the_solutions_and_none_to_the_untouched(whole_course, unit):
    folder, nbgrader = whole_course
    assert nbgrader.generate_assignment(unit)["success"]
    undone = tuple(q.id for q in grader.questions() if unit.startswith(q.unit))
    sample.hand_in(folder, [CLASS["ada"], sample.Student("ben", "nothing touched", undone=undone)], unit)
    for student in ("ada", "ben"):
        for command in (nbgrader.autograde, nbgrader.generate_feedback):
            done = command(unit, student)
            assert done["success"], done["error"]
        assert (folder / "feedback" / student / unit / f"{unit}.html").exists()
    found = {result.student: result.scores for result in results(folder, unit)}
    assert found["ada"] == points(unit)
    assert found["ben"] == dict.fromkeys(points(unit), 0.0)


def test_plain_nbgrader_gets_these_wrong(tmp_path):
    """The way to fail: without our part of the configuration, a tag and a warning decide grades."""
    sample.lay_out(tmp_path)
    config = tmp_path / course.CONFIG
    config.write_text(config.read_text().partition("plugin.configure(")[0])
    course.nbgrader(tmp_path, tmp_path / "state", "generate_assignment", sample.UNIT)
    sample.hand_in(tmp_path, [CLASS["pia"], CLASS["ugo"]])
    course.nbgrader(tmp_path, tmp_path / "state", "autograde", sample.UNIT)
    graded = {result.student: result for result in results(tmp_path, sample.UNIT)}
    assert graded["ugo"].score == sum(POINTS.values())  # every check skipped, every point given
    assert graded["pia"].scores["05-weight_the_outputs"] == 0.0  # right, but for a warning


# --- reading and mending, without nbgrader


def check_cell(id: str, copy: str = ""):
    metadata = {"nbgrader": {"grade_id": id, "grade": True, "solution": False, "locked": True, "points": 2}}
    return new_code_cell(f'check("{id}")', metadata=metadata, id=f"{id}{copy}")


def answer_cell(id: str, source: str = "answer", copy: str = ""):
    metadata = {"nbgrader": {"grade_id": f"answer-{id}", "grade": False, "solution": True, "locked": False}}
    return new_code_cell(source, metadata=metadata, id=f"answer-{id}{copy}")


def released():
    return new_notebook(
        cells=[
            new_markdown_cell("text", id="text"),
            answer_cell("a"),
            check_cell("a"),
            answer_cell("b"),
            check_cell("b"),
        ]
    )


def sources(nb):
    return [cell.source for cell in nb.cells if cell.id != submission.REMARKS]


def mended(change):
    """The released notebook, changed as a student might, sent as bytes, read and mended."""
    nb = released()
    change(nb)
    data = nbformat.writes(nb, version=4).encode()
    return submission.mend(submission.read(data), released())


def test_untouched_notebook_comes_through_as_it_was_without_remarks():
    nb = mended(lambda nb: None)
    assert [(c.source, c.metadata) for c in nb.cells] == [(c.source, c.metadata) for c in released().cells]
    assert submission.remarks(nb) == []


CHANGES = {
    "check deleted": (lambda nb: nb.cells.pop(2), "missing"),
    "first check and its answer deleted": (lambda nb: nb.cells.__delitem__(slice(1, 3)), "missing"),
    "all checks deleted": (lambda nb: [nb.cells.pop(4), nb.cells.pop(2)], "missing"),
    "check emptied": (lambda nb: nb.cells[2].update(source=""), "changed"),
    "check rewritten": (lambda nb: nb.cells[2].update(source="score = 2"), "changed"),
    "check turned to text": (lambda nb: nb.cells[2].update(cell_type="raw"), "retyped"),
    "check renamed": (lambda nb: nb.cells[2].metadata.nbgrader.update(grade_id="c"), "recognized"),
    "check renamed and rewritten": (
        lambda nb: nb.cells[2].update(source="", metadata={"nbgrader": {"grade_id": "c"}}),
        "unknown_id",
    ),
    "check above its answer": (lambda nb: nb.cells.insert(1, nb.cells.pop(2)), "reordered"),
    "exercises exchanged": (lambda nb: nb.cells.extend([nb.cells.pop(1), nb.cells.pop(1)]), "reordered"),
    "check copied": (lambda nb: nb.cells.append(check_cell("a", "-copy")), "duplicate"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_mended_notebook_has_every_check_once_behind_its_answer_and_says_what_was_done(name):
    change, remark = CHANGES[name]
    nb = mended(change)
    ids = [submission.grade_id(cell) for cell in nb.cells]
    for id in "ab":
        assert ids.count(id) == 1
        if f"answer-{id}" in ids:
            assert ids.index(f"answer-{id}") < ids.index(id)
        (cell,) = [c for c in nb.cells if submission.grade_id(c) == id]
        assert (cell.source, cell.metadata) == (check_cell(id).source, check_cell(id).metadata)
    start = FEEDBACK[remark].partition("{")[0]
    assert any(said.startswith(start) for said in submission.remarks(nb))


@pytest.mark.parametrize("gone", [{2}, {4}, {2, 4}])
def test_a_check_that_was_deleted_comes_back_where_it_stood(gone):
    nb = mended(lambda nb: nb.update(cells=[cell for k, cell in enumerate(nb.cells) if k not in gone]))
    assert sources(nb) == sources(released())


def test_a_check_with_nothing_before_it_comes_back_on_top_of_the_students_code():
    nb = mended(lambda nb: nb.update(cells=[new_code_cell("own = 1"), *nb.cells[3:]]))
    assert sources(nb) == ['check("a")', "own = 1", "answer", 'check("b")']


def test_a_cell_that_says_nothing_of_a_solution_is_the_instructors():
    def locked():
        return new_notebook(cells=[new_code_cell("seed = 1", metadata={"nbgrader": {"grade_id": "seed"}}, id="seed")])

    nb = locked()
    nb.cells[0].source = "seed = 2"
    assert sources(submission.mend(submission.read(nbformat.writes(nb).encode()), locked())) == ["seed = 1"]


def test_answers_in_another_order_keep_their_text():
    def exchange(nb):
        nb.cells[1].source, nb.cells[3].source = "answer a", "answer b"
        nb.cells.extend([nb.cells.pop(1), nb.cells.pop(1)])

    assert sources(mended(exchange)) == ["text", "answer b", "answer a", 'check("a")', 'check("b")']


IMPORTS = [new_code_cell("import torch", id="torch"), new_code_cell("import grader", id="grader")]


@pytest.mark.parametrize(
    ("head", "again"),
    [
        (["import torch", "import grader"], []),
        (["import grader", "import torch  # and more"], []),
        (["import torch"], ["import grader"]),
        ([], ["import torch", "import grader"]),
    ],
)
def test_the_code_that_a_notebook_begins_with_is_put_back_on_top_where_it_is_gone(head, again):
    with_imports = new_notebook(cells=[*IMPORTS, *released().cells])
    nb = new_notebook(cells=[*map(new_code_cell, head), *released().cells])
    made = submission.mend(submission.read(nbformat.writes(nb).encode()), with_imports)
    assert sources(made) == [*again, *head, *sources(released())]
    assert submission.remarks(made) == [FEEDBACK["put_back"]] * bool(again)


@pytest.mark.parametrize(
    ("form", "head", "again"),
    [
        ('NAME = ""\nAGE = 0', 'NAME = "ada"\nAGE = 7', False),
        ('NAME = ""\nAGE = 0', 'NAME = "ada"', True),
        ('NAME = ""', 'MY_NAME = "ada"', True),
        ('import torch\nNAME = ""', 'NAME = "ada"', True),
        ("x = f()", "x = 1", True),
        ("%pylab\nx = 1", "x = 2", True),
    ],
)
def test_a_form_that_was_filled_in_is_not_put_back(form, head, again):
    with_form = new_notebook(cells=[new_code_cell(form, id="form"), *released().cells])
    nb = new_notebook(cells=[new_code_cell(head), *released().cells])
    made = submission.mend(submission.read(nbformat.writes(nb).encode()), with_form)
    assert sources(made) == [*[form] * again, head, *sources(released())]
    assert submission.remarks(made) == [FEEDBACK["put_back"]] * again


def test_imports_that_became_text_or_stand_behind_an_answer_are_put_back():
    for cells in (
        [new_markdown_cell("import torch"), new_markdown_cell("import grader"), *released().cells],
        [*released().cells, *map(new_code_cell, ("import torch", "import grader"))],
    ):
        data = nbformat.writes(new_notebook(cells=cells)).encode()
        made = submission.mend(submission.read(data), new_notebook(cells=[*IMPORTS, *released().cells]))
        assert sources(made)[:2] == ["import torch", "import grader"]


def test_text_is_shown_whole_up_to_its_limits_and_code_always(monkeypatch):
    label = len(f"*{FEEDBACK['own_text']}*\n\n")
    monkeypatch.setattr(submission, "LONGEST_TEXT", label + 40)
    monkeypatch.setattr(submission, "KEPT_OF_A_TEXT", label + 5)

    def shown(*lengths, code=()):
        """How much is shown of each own text and of each own piece of code."""
        own = [new_markdown_cell("0" * n) for n in lengths] + [new_code_cell("0" * n) for n in code]
        return [source.count("0") for source in sources(mended(lambda nb: nb.cells.extend(own)))[-len(own) :]]

    assert shown(40, 41, code=(41, 400)) == [40, 5, 41, 400]
    monkeypatch.setattr(submission, "MOST_TEXT", 2 * label + 50)
    assert shown(20, 30) == [20, 30]
    assert shown(20, 31) == [20, 5]


def test_of_many_things_put_right_the_first_are_listed_and_the_others_counted():
    def renamed(count):
        made_up = [check_cell(f"made-up-{k}") for k in range(count)]
        return submission.remarks(mended(lambda nb: nb.cells.extend(made_up)))

    assert len(renamed(submission.MOST_NOTES)) == submission.MOST_NOTES
    *listed, last = renamed(submission.MOST_NOTES + 7)
    assert listed == renamed(submission.MOST_NOTES)
    assert last == FEEDBACK["more_notes"].format(count=7)


def test_a_later_note_stands_on_top_with_those_before_it():
    for change, remarks in ((lambda nb: None, []), (lambda nb: nb.cells.pop(2), [FEEDBACK["missing"].format(id="a")])):
        nb = submission.noted(mended(change), "and this")
        assert submission.remarks(nb) == [*remarks, "and this"]
        assert nb.cells[0].source.startswith(f"**{FEEDBACK['mended']}**")
        assert nb.cells[0].source.endswith("\n- and this")
        assert sources(nb) == sources(released())


def test_a_file_that_is_no_notebook_is_graded_as_the_untouched_one_and_says_so():
    nb = submission.unreadable(released(), "It is empty.")
    assert nb.cells[0].source == f"**{FEEDBACK['unreadable']}**\n\n- It is empty."
    assert sources(nb) == sources(released())
    assert (Notes.of(nb).unreadable, submission.remarks(nb)) == (True, ["It is empty."])
    assert not Notes.of(mended(lambda nb: nb.cells.pop(2))).unreadable


def test_an_answer_in_words_is_made_harmless_and_one_in_code_is_not_touched():
    text = "<b onclick=x>a</b>"

    def with_both(words, code):
        in_words = new_markdown_cell(words, metadata=answer_cell("words").metadata)
        return new_notebook(cells=[in_words, answer_cell("a", code)])

    data = nbformat.writes(with_both(text, text)).encode()
    words, code = sources(submission.mend(submission.read(data), with_both("in words", "answer")))
    assert code == text
    assert words == inert(text) != text


def test_students_own_cells_keep_their_place_and_their_text():
    nb = mended(lambda nb: nb.cells.insert(2, new_code_cell("helper = 1")))
    assert sources(nb) == ["text", "answer", "helper = 1", 'check("a")', "answer", 'check("b")']


def test_missing_check_comes_back_behind_the_helper_that_follows_its_answer():
    nb = mended(lambda nb: nb.cells.__setitem__(2, new_code_cell("helper = 1")))
    assert sources(nb) == ["text", "answer", "helper = 1", 'check("a")', "answer", 'check("b")']


def test_it_comes_back_there_in_a_notebook_that_begins_with_an_answer_too():
    nb = mended(lambda nb: nb.update(cells=[nb.cells[1], new_code_cell("helper = 1"), *nb.cells[3:]]))
    assert sources(nb) == ["answer", "helper = 1", 'check("a")', "answer", 'check("b")']


def test_last_of_several_answers_counts():
    nb = mended(lambda nb: nb.cells.insert(1, answer_cell("a", "first try", "-copy")))
    counted = {submission.grade_id(cell): cell.source for cell in nb.cells}
    assert counted["answer-a"] == "answer"
    assert "first try" in sources(nb)


def test_nothing_of_a_students_metadata_comes_through():
    def change(nb):
        nb.metadata["kernelspec"] = {"name": "evil", "display_name": "x"}
        for cell in nb.cells:
            cell.metadata["tags"] = ["skip-execution"]
            cell.metadata.get("nbgrader", {}).update(points=100, schema_version=99, task=True)

    text = nbformat.writes(mended(change))
    assert "evil" not in text
    assert "skip-execution" not in text
    assert "99" not in text
    assert "100" not in text


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"plain text", "not_a_notebook"),
        (b"[1, 2]", "not_a_notebook"),
        (b'{"a": 1}', "not_a_notebook"),
        (b'{"nbformat": 99, "nbformat_minor": 0, "metadata": {}, "cells": []}', "not_a_notebook"),
        (b'{"nbformat": 5, "cells": [{"cell_type": "code", "source": "x"}]}', "not_a_notebook"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}', "no_cells"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [3]}', "not_a_notebook"),
        ('{"nbformat": 4, "x": "ü"}'.encode("latin-1"), "not_utf8"),
        (b"\x00\xff" * 50, "not_utf8"),
    ],
)
def test_what_is_no_notebook_is_refused_with_the_reason(data, key):
    with pytest.raises(submission.Unreadable) as caught:
        submission.read(data)
    assert str(caught.value).startswith(FEEDBACK[key].partition("{")[0])


def test_a_notebook_with_more_cells_or_more_text_than_any_has_is_refused(monkeypatch):
    def read(*sources):
        return len(submission.read(nbformat.writes(new_notebook(cells=[*map(new_code_cell, sources)])).encode()).cells)

    monkeypatch.setattr(submission, "MOST_CELLS", 3)
    monkeypatch.setattr(submission, "LARGEST_SOURCE", 10)
    assert (read("", "", ""), read("x" * 5, "x" * 5)) == (3, 2)
    for sources in (("", "", "", ""), ("x" * 5, "x" * 6)):
        with pytest.raises(submission.Unreadable, match=re.escape(FEEDBACK["too_large"])):
            read(*sources)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_a_notebook_in_utf_16_or_32_is_read_where_it_says_so(encoding):
    text = nbformat.writes(new_notebook(cells=[new_markdown_cell("für ∂y/∂x")]))
    marked = text if encoding in ("utf-16", "utf-32") else f"\ufeff{text}"
    (cell,) = submission.read(marked.encode(encoding)).cells
    assert cell.source == "für ∂y/∂x"
    for broken in (text.encode(encoding)[4:], marked.encode(encoding)[:-1]):
        with pytest.raises(submission.Unreadable):
            submission.read(broken)


def test_notebook_of_an_older_format_is_read():
    cells = [{"cell_type": "code", "input": "a = 1"}, {"cell_type": "markdown", "source": "text"}]
    nb = submission.read(json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}, {"cells": cells[:1]}]}).encode())
    assert [cell.source for cell in nb.cells] == ["a = 1", "text", "a = 1"]


def test_notebook_with_odd_cells_is_read_all_the_same():
    odd = {
        "nbformat": 4,
        "nbformat_minor": 4,
        "metadata": {},
        "cells": [
            {"cell_type": "code", "source": ["a = 1\n", "b = 2"]},
            {"cell_type": "heading", "source": "old", "metadata": {"nbgrader": "nonsense"}},
            {"cell_type": "markdown", "metadata": {"nbgrader": {"grade_id": ["x"]}}},
        ],
    }
    nb = submission.read(b"\xef\xbb\xbf" + json.dumps(odd).encode())
    assert [(c.cell_type, c.source) for c in nb.cells] == [("code", "a = 1\nb = 2"), ("raw", "old"), ("markdown", "")]
    nbformat.validate(nb)


# --- what nbgrader reads as a score


def verdict_output(**changes):
    data = {"question": "a", "score": 1.5} | changes
    return new_output("execute_result", data={"text/plain": "1.5", "text/html": "<p>card</p>", MIME: data})


def said(*outputs):
    nb = released()
    nb.cells[2].outputs = list(outputs)
    return _verdict(nb.cells[2], 2.0)


def test_verdict_is_read_off_a_graded_cell():
    assert said(verdict_output())["score"] == 1.5


@pytest.mark.parametrize(
    "outputs",
    [
        [],
        [new_output("execute_result", data={"text/plain": "2.0"})],
        [new_output("stream", text="2.0")],
        [new_output("error", ename="ValueError", evalue="x", traceback=["x"])],
        [new_output("display_data", data={MIME: {"question": "a", "score": 2}})],
        [verdict_output(question="b")],
        [verdict_output(score=3)],
        [verdict_output(score=-1)],
        [verdict_output(score=float("nan"))],
        [verdict_output(score="2")],
        [verdict_output(score=True)],
        [verdict_output(score=None)],
        [new_output("execute_result", data={MIME: "nonsense"})],
    ],
    ids=lambda outputs: repr(outputs)[:60],
)
def test_nothing_else_is_a_verdict(outputs):
    assert said(*outputs) is None


# --- the command


def test_release_versions_are_what_the_solutions_give(tmp_path):
    assert course.release(ROOT, tmp_path, UNITS, check=True) == []


def test_drift_is_noticed_and_mended(tmp_path):
    copy = tmp_path / "course"
    copy_course(ROOT, copy, [UNITS[0]])
    name = Path("exercises", UNITS[0], f"{UNITS[0]}.ipynb")
    (copy / name).parent.mkdir(parents=True)
    (copy / name).write_text((ROOT / name).read_text("utf-8").replace("YOUR CODE HERE", "your code here"))
    (copy / name.parent / "stray.txt").touch()
    picture = b"\x89PNG\r\n\xff"  # what is no text is released, too
    (copy / "solutions" / UNITS[0] / "picture.png").write_bytes(picture)
    all_ = [copy / name, copy / name.parent / "picture.png", copy / name.parent / "stray.txt"]
    assert course.release(copy, tmp_path / "a", [UNITS[0]], check=True) == all_
    assert not all_[1].exists()
    assert course.release(copy, tmp_path / "b", [UNITS[0]]) == all_
    assert (copy / name).read_bytes() == (ROOT / name).read_bytes()
    assert all_[1].read_bytes() == picture


def test_command_lists_every_question(capsys):
    assert cli.main(["questions"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [q.id for q in grader.questions()]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["demo", "{folder}"], "was not made by this command"),
        (["demo", "{folder}/new", "--student", "nobody"], "there are ada"),
        (["release", "99_nowhere"], "there is no unit 99_nowhere"),
        (["format", "{folder}/nowhere.ipynb"], "there is no"),
        (["format", "{folder}/kept.ipynb"], "is not a notebook"),
    ],
)
def test_command_that_cannot_do_its_work_says_why_and_touches_nothing(arguments, says, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    (tmp_path / "kept.ipynb").write_text("mine")
    assert cli.main([a.format(folder=tmp_path) for a in arguments]) == 1
    assert says in capsys.readouterr().err
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"kept.ipynb": "mine"}


def test_outside_of_a_course_the_command_says_where_to_go(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["release"]) == 1
    assert "Go to the course's folder" in capsys.readouterr().err


def test_nbgraders_failure_comes_with_the_end_of_its_log(tmp_path):
    copy_course(ROOT, tmp_path, [UNITS[0]])
    with pytest.raises(CourseError, match=r"(?s)generate_assignment 99.*No notebooks were matched"):
        course.nbgrader(tmp_path, tmp_path / "state", "generate_assignment", "99")
