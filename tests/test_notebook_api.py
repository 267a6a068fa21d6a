"""``check``, ``hint``, ``progress`` and ``gallery``: they never stop a notebook, and what was right stays right."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from dataclasses import replace
from html import escape, unescape
from pathlib import Path

import pytest
import torch

import grader
from grader import check, diagnose, gallery, hint, progress, student, words
from grader.card import Card
from grader.student import ADDRESS, Shown, UnknownQuestion

from support import SHIPPED, as_returned, functions, posed

ID, OTHER = "05.weight_the_outputs", "01.declare"
QUESTION = SHIPPED[ID]


def right(x, v):
    return torch.autograd.grad(functions.pair(x), x, v)[0]


def wrong(x, v):
    return 5 * right(x, v)


def untouched(x, v):
    """A docstring."""


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A progress file in a folder that does not exist yet."""
    path = tmp_path / "deep" / "progress.json"
    monkeypatch.setenv("GRADER_PROGRESS", str(path))
    return path


def fresh_kernel():
    student._session.clear()
    student._hints_given.clear()


# --- check


@pytest.mark.parametrize("id", SHIPPED)
def test_check_shows_a_card_whose_plain_text_is_the_score(id):
    truth = as_returned(posed(id)[0].truth, SHIPPED[id].asks.form)
    for answer in (truth, ...):
        card = check(id, answer)
        assert isinstance(card, Card)
        score = float(card._repr_mimebundle_()["text/plain"])
        assert score == (SHIPPED[id].points if SHIPPED[id].asks.predicts and answer is truth else 0)


def test_check_and_diagnose_agree():
    for answer in (right, wrong, untouched):
        assert check(ID, answer).verdict.headline == diagnose(ID, answer).headline
    assert diagnose(ID, right).correct
    assert diagnose(ID, wrong).status == "multiple"


@pytest.mark.parametrize(
    ("id", "nearest"),
    [("05.weight_the_output", ID), ("weight_the_outputs", ID), ("05.weight_the_outputs ", ID), ("1.declare", OTHER)],
)
def test_unknown_id_names_the_nearest_ones_and_where_all_are(id, nearest):
    shown = check(id, right)
    assert isinstance(shown, Shown)
    bundle = shown._repr_mimebundle_()
    assert bundle["text/plain"] == "0.0"  # what nbgrader reads
    assert nearest in bundle["text/html"]
    assert ADDRESS in bundle["text/html"]
    with pytest.raises(UnknownQuestion, match=ADDRESS.replace("(", r"\(").replace(")", r"\)")) as raised:
        diagnose(id, right)
    assert nearest in str(raised.value)
    assert nearest in repr(hint(id))


def test_id_like_no_other_names_none_but_says_where_all_are():
    shown = check("qqqqqqqq", right)
    assert words.NOTICES["nearest"].split("{")[0].strip() not in shown.html
    assert ADDRESS in shown.html
    assert eval(ADDRESS) == list(SHIPPED.values())  # the address really holds them


class Unprintable:
    def __str__(self):
        raise SystemExit

    __repr__ = __format__ = __str__


class IdOfItsOwn(str):
    """A text that hides behind another one."""

    def __hash__(self):
        raise RuntimeError("no hash")

    def __format__(self, spec):
        raise RuntimeError("no format")


@pytest.mark.parametrize(
    "id", [None, 5, [], {}, right, ..., torch.ones(2), Unprintable(), IdOfItsOwn("x"), "<b>", "{id}", "\ud800", ""]
)
def test_any_object_in_place_of_an_id_is_answered_without_an_error(id):
    for shown in (check(id, right), hint(id)):
        assert isinstance(shown, Shown)
        assert ADDRESS in shown.html + shown.text
        assert "<b>" not in shown.html


def test_text_that_is_an_id_is_one_whatever_its_class():
    class Text(str):
        pass

    assert check(Text(ID), right).verdict.correct


@pytest.mark.parametrize(
    "answer", [None, 5, [], {}, ..., torch.ones(2), Unprintable(), Unprintable, print, int, type, "text", 10**400]
)
@pytest.mark.parametrize("id", [ID, "05.predict_error", "01.predict_slope", "00.predict_a_shape", "05.several_inputs"])
def test_any_object_in_place_of_an_answer_gets_a_card(id, answer):
    card = check(id, answer)
    assert isinstance(card, Card)
    assert float(repr(card)) == 0
    assert card._repr_mimebundle_()["text/html"]


def test_keyboard_interrupt_stops_a_check():
    def interrupted(x, v):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(ID, interrupted)


def test_a_check_prints_nothing_and_warns_of_nothing(capfd, recwarn):
    for answer in (right, wrong, untouched):
        check(ID, answer)
    assert capfd.readouterr() == ("", "")
    assert not [w for w in recwarn if not issubclass(w.category, DeprecationWarning)]


def test_list_of_questions_is_a_copy():
    grader.questions().clear()
    assert len(grader.questions()) == len(SHIPPED)


# --- hints


@pytest.mark.parametrize("id", SHIPPED)
def test_hints_come_one_by_one_in_order_and_the_last_one_stays(id):
    hints = SHIPPED[id].hints
    for k, text in enumerate(hints):
        said = repr(hint(id))
        assert text in said
        assert all(later not in said for later in hints[k + 1 :])
        assert words.CARD["hint"].format(k=k + 1, count=len(hints), title=SHIPPED[id].title) in said
        last = k + 1 == len(hints)
        assert (words.CARD["last_hint"] in said) == last
        assert (words.CARD["next_hint"].format(id=id) in said) == (not last)
    for _ in range(3):
        assert hints[-1] in repr(hint(id))


def test_hints_of_two_questions_are_counted_apart_and_a_new_kernel_starts_anew():
    hint(ID)
    assert QUESTION.hints[1] in repr(hint(ID))
    assert SHIPPED[OTHER].hints[0] in repr(hint(OTHER))
    fresh_kernel()
    assert QUESTION.hints[0] in repr(hint(ID))


SOLVED = replace(QUESTION, solution="def weigh(x, v):\n    return x < v")


def test_solution_comes_after_the_last_hint_and_stays(monkeypatch):
    monkeypatch.setattr(student, "find", lambda id: SOLVED)
    for text in SOLVED.hints:
        said = repr(hint(ID))
        assert text in said
        assert words.CARD["next_hint"].format(id=ID) in said
        assert SOLVED.solution not in said
    for _ in range(2):
        shown = hint(ID)
        assert repr(shown) == f"{words.CARD['solution'].format(title=SOLVED.title)}\n{SOLVED.solution}"
        assert SOLVED.solution in unescape(shown.html)
        assert "x < v" not in shown.html


def test_no_question_of_the_course_shows_a_solution():
    assert [question.id for question in SHIPPED.values() if question.solution] == []


def test_code_in_a_hint_is_set_as_code():
    shown = hint(ID)
    while "`" not in repr(shown):
        shown = hint(ID)
    assert "<code>" in shown.html
    assert "`" not in shown.html


def test_check_shows_the_hints_of_its_question_until_it_is_right():
    for answer in (wrong, untouched):
        assert check(ID, answer)._repr_mimebundle_()["text/html"].count("<details") == len(QUESTION.hints)
    assert "<details" not in check(ID, right)._repr_mimebundle_()["text/html"]


def test_question_without_hints_says_so(monkeypatch):
    monkeypatch.setattr(student, "find", lambda id: replace(QUESTION, hints=()))
    assert repr(hint(ID)) == words.CARD["no_hints"].format(title=QUESTION.title)


# --- progress


def table(shown):
    """Unit -> its line in the table of all units."""
    return {line[:2]: line for line in repr(shown).splitlines() if re.match(r"\d\d  ", line)}


def test_progress_without_a_check_says_so():
    assert words.WAY["nothing_checked"] in repr(progress())


def test_progress_shows_every_unit_with_a_mark_for_every_question():
    check(ID, right)
    check(OTHER, lambda x: x)
    lines = table(progress())
    assert set(lines) == {question.unit for question in SHIPPED.values()}
    for unit, line in lines.items():
        ids = [id for id, question in SHIPPED.items() if question.unit == unit]
        marks = line.split()[1]
        assert len(marks) == len(ids)
        for id, mark in zip(ids, marks, strict=True):
            assert mark == {ID: "✓", OTHER: "✗"}.get(id, "·")
        assert line.split()[2] == f"{marks.count('✓')}/{len(ids)}"
    html = progress().html
    in_unit = sum(question.unit == SHIPPED[OTHER].unit for question in SHIPPED.values())
    assert html.count("<tr>") == html.count("</tr>") == in_unit + 1 + len(lines) + 1  # a head, and a total
    assert all(escape(question.title, quote=True) in html for question in SHIPPED.values())


def test_untouched_exercise_leaves_no_mark():
    check(ID, untouched)
    assert words.WAY["nothing_checked"] in repr(progress())
    check(ID, wrong)
    assert "✗" in repr(progress())


def test_question_once_right_stays_right_in_the_same_kernel_and_in_the_next(file):
    check(ID, right)
    check(ID, wrong)
    assert json.loads(file.read_text())[ID] == "correct"
    fresh_kernel()
    check(ID, wrong)
    assert json.loads(file.read_text())[ID] == "correct"
    assert "✓" in repr(progress())


def test_wrong_question_becomes_right(file):
    check(ID, wrong)
    assert json.loads(file.read_text()) == {ID: "multiple"}
    check(ID, right)
    assert json.loads(file.read_text()) == {ID: "correct"}


def test_what_another_kernel_found_right_stays_right_although_this_one_saw_it_wrong(file):
    check(ID, wrong)
    file.write_text(json.dumps({ID: "correct", OTHER: "correct"}))  # another notebook, meanwhile
    check(ID, wrong)
    assert json.loads(file.read_text()) == {ID: "correct", OTHER: "correct"}
    check("05.predict_error", "b")
    assert json.loads(file.read_text()) == {ID: "correct", OTHER: "correct", "05.predict_error": "mistake"}
    assert "✗" in repr(progress())


def test_progress_is_kept_for_the_next_kernel(file):
    check(ID, right)
    check(OTHER, lambda x: x)
    before = table(progress())
    fresh_kernel()
    assert table(progress()) == before


def test_progress_file_is_written_whole_and_alone(file):
    for answer in (wrong, right):
        check(ID, answer)
        assert os.listdir(file.parent) == [file.name]
        json.loads(file.read_text("utf-8"))


def test_interrupted_write_leaves_the_old_file(file, monkeypatch):
    check(ID, right)
    old = file.read_bytes()

    def full(*args):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        assert check(OTHER, lambda x: x).verdict.status == "wrong"
    assert file.read_bytes() == old
    assert os.listdir(file.parent) == [file.name]
    assert "✗" in repr(progress())  # this kernel still knows


CORRUPTED = ["", "{", "[1, 2]", "null", "3", '"text"', "\x00\x01", '{"05.weight_the_outputs": "corr']


@pytest.mark.parametrize("text", CORRUPTED)
def test_corrupted_progress_file_is_reported_and_stops_nothing(file, text, capsys):
    file.parent.mkdir()
    file.write_text(text)
    assert words.WAY["nothing_checked"] in repr(progress())
    said = capsys.readouterr().out
    assert str(file) in said
    assert said.startswith(words.NOTICES["no_progress_file"].split("{")[0])
    assert check(ID, right).verdict.correct
    capsys.readouterr()
    assert json.loads(file.read_text()) == {ID: "correct"}  # and is mended by the next check
    progress()
    assert capsys.readouterr().out == ""


def test_file_that_is_no_text_is_reported_and_stops_nothing(file, capsys):
    file.parent.mkdir()
    file.write_bytes(b"\xff\xfe\x00")
    assert check(ID, right).verdict.correct
    assert str(file) in capsys.readouterr().out


@pytest.mark.parametrize("entry", [3, None, [1], {"a": 1}, True])
def test_entry_that_is_no_status_is_passed_over(file, entry):
    file.parent.mkdir()
    file.write_text(json.dumps({ID: entry, OTHER: "correct", "77.gone": "correct"}))
    assert "".join(table(progress()).values()).count("✓") == 1
    check(ID, right)
    assert "".join(table(progress()).values()).count("✓") == 2


def test_folder_that_cannot_be_written_is_harmless(tmp_path, monkeypatch, capsys):
    (tmp_path / "in_the_way").write_text("a file, where a folder would have to be")
    monkeypatch.setenv("GRADER_PROGRESS", str(tmp_path / "in_the_way" / "progress.json"))
    assert check(ID, right).verdict.correct
    assert "✓" in repr(progress())
    assert sorted(os.listdir(tmp_path)) == ["in_the_way"]


def test_read_only_folder_is_harmless(file, monkeypatch):
    file.parent.mkdir()
    file.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)

    def refused(*args, **kwargs):  # also where the tests run as root, whom no mode stops
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refused)
    try:
        assert check(ID, right).verdict.correct
        assert "✓" in repr(progress())
        assert os.listdir(file.parent) == []
    finally:
        file.parent.chmod(0o755)


def test_folder_in_place_of_the_file_is_reported_and_stops_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GRADER_PROGRESS", str(tmp_path))
    assert check(ID, right).verdict.correct
    assert str(tmp_path) in capsys.readouterr().out
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("variable", ["NBGRADER_EXECUTION", "NBGRADER_VALIDATING"])
def test_nothing_is_written_while_nbgrader_runs_a_notebook(file, monkeypatch, variable):
    monkeypatch.setenv(variable, "autograde")
    assert check(ID, right).verdict.correct
    assert not file.parent.exists()
    monkeypatch.delenv(variable)
    fresh_kernel()
    check(ID, right)
    assert file.exists()


def test_nothing_is_written_where_progress_is_switched_off(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADER_PROGRESS", "")
    monkeypatch.chdir(tmp_path)
    check(ID, right)
    assert os.listdir(tmp_path) == []


def test_without_a_setting_progress_lies_in_the_users_data_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("GRADER_PROGRESS")
    monkeypatch.setattr("platformdirs.user_data_path", lambda name: tmp_path / name)
    check(ID, right)
    assert json.loads((tmp_path / "grader" / "progress.json").read_text()) == {ID: "correct"}


# --- the package


def test_what_a_notebook_imports_is_what_the_package_offers():
    assert set(grader.__all__) == {
        "Question",
        "UnknownQuestion",
        "Verdict",
        "check",
        "diagnose",
        "gallery",
        "hint",
        "progress",
        "questions",
    }
    assert all(hasattr(grader, name) for name in grader.__all__)


ALONE = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("probe", sys.argv[1])
sys.modules["probe"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["probe"])
print([name for name in sys.modules if name.split(".")[0] == "grader"])
"""


@pytest.mark.parametrize(("module", "alone"), [("probe.py", True), ("errors.py", False)])
def test_probe_runs_without_any_module_that_knows_an_answer(tmp_path, module, alone):
    path = Path(student.__file__).with_name(module)
    command = [sys.executable, "-c", ALONE, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert (done.stdout.strip() == "[]") == alone


# --- the gallery


@pytest.mark.parametrize("unit", sorted({question.unit for question in SHIPPED.values()}))
def test_gallery_tells_each_exercise_of_its_unit_with_every_mistake_its_problems_show(unit):
    shown = gallery(unit)
    text, html = repr(shown), shown._repr_mimebundle_()["text/html"]
    asked = [question for question in SHIPPED.values() if question.unit == unit and not question.asks.predicts]
    for question in SHIPPED.values():
        keys = {wrong.key for problem in question.problems() for wrong in problem.wrongs}
        summary = words.CARD["gallery"].format(title=question.title, count=len(keys))
        there = question in asked and bool(keys)
        assert (summary in text) == there
        assert (summary in unescape(html)) == there
    assert "<details open" not in html  # folded: it would give away what a card says best
    assert not re.search(r"[{]\w+[}]", text)


def test_gallery_of_an_unknown_unit_says_which_units_there_are():
    said = repr(gallery("77"))
    assert '"77"' in said
    assert "05" in said
    assert "<details" not in repr(gallery("77")._repr_mimebundle_())
