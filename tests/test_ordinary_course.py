"""An ordinary nbgrader course with an honest class: the same scores and outputs as by nbgrader alone, cell by cell.

By nbgrader alone means its own kernel, without a line of ours; beside it ``grader grade``, and nbgrader's own command
with our plugin.  What differs on purpose comes last, each difference with its reason.
"""

from __future__ import annotations

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup, Tag
from courses import Here, content, url
from ordinary import BY_HAND, CLASS, PLUGIN, SOURCES, UNIT, Student, answer, enter, hand_in, lay_out, notebook, test

from grader.classroom import CourseError
from grader.nbgrader import course
from grader.nbgrader.command import grade_class
from grader.nbgrader.folders import Course
from grader.words import COMMANDS

ROADS = ("grader", "plugin")
ODD = "odd"


def graded(folder: Path, unit: str) -> dict[str, Path]:
    """``{"nbgrader" or a road: a copy of the course, graded and with feedback}``."""
    roads = {"nbgrader": folder}
    for name in ROADS:
        roads[name] = Path(shutil.copytree(folder, folder.with_name(f"{folder.name}-{name}")))
        with (roads[name] / course.CONFIG).open("a") as file:
            file.write(PLUGIN)
    with ThreadPoolExecutor() as pool:  # kernels start in one processor's time, and we grade in another's
        alone = pool.submit(by_nbgrader, folder, unit)
        outcome = grade_class(Course(roads["grader"], unit), Here)
        assert outcome.failed == {}
        said = [remark for grade in outcome.graded for remark in grade.remarks]
        assert said == [COMMANDS["not_all_notebooks"].format(file="data.ipynb")] * (
            unit == UNIT
        )  # of the one without it
        commands = course.api(roads["plugin"])
        for step in (commands.autograde, commands.generate_feedback):
            done = step(unit, "*")
            assert done["success"], done["log"]
        alone.result()
    return roads


def by_nbgrader(folder: Path, unit: str) -> None:
    for step in ("autograde", "generate_feedback"):
        course.nbgrader(folder, folder.with_name("state"), step, unit)


@pytest.fixture(scope="module")
def roads(tmp_path_factory) -> dict[str, Path]:
    folder = lay_out(tmp_path_factory.mktemp("ordinary") / "course", UNIT, SOURCES)
    for name, made in CLASS.items():
        hand_in(folder, UNIT, name, made)
    enter(folder, UNIT, BY_HAND)
    return graded(folder, UNIT)


def told(text: str) -> str:
    """A text of an output without numbers of processes and places in memory."""
    text = re.sub(r"\S*ipykernel_\d+/\d+\.py|<ipython-input-[^>]*>|\b\d+\.py(?=, line)", "<cell>", text)
    return re.sub(r"0x[0-9a-f]+", "0x…", text)


def outputs(cell) -> list[tuple]:
    """What a cell shows: kinds, texts and numbers; not tracebacks, whose frames differ, nor pictures."""
    found: list[tuple] = []
    for output in cell.outputs:
        if output.output_type == "stream":
            before = found.pop()[2] if found and found[-1][:2] == ("stream", output.name) else ""
            found.append(("stream", output.name, told(before + output.text)))  # a kernel sends them in pieces
        elif output.output_type == "error":
            found.append(("error", output.ename, told(output.evalue)))
        else:
            data, count = output.data, output.get("execution_count")
            found.append((output.output_type, told(data.get("text/plain", "")), "image/png" in data, count))
    return found


def cells(folder: Path, unit: str) -> dict[tuple, tuple]:
    """``{(student, notebook, place): (source, count, outputs)}`` of all code cells that were run."""
    found = {}
    for path in sorted((folder / "autograded").glob(f"*/{unit}/*.ipynb")):
        code = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
        for k, cell in enumerate(code):
            found[path.parts[-3], path.stem, k] = cell.source, cell.execution_count, outputs(cell)
    return found


def page(path: Path) -> tuple[tuple, dict[str, tuple], list[str]]:
    """What a feedback page says of scores: (of the notebook, of each cell by its id, and comments)."""
    found = BeautifulSoup(path.read_bytes(), "html.parser")
    if found.select_one(".panel"):  # nbgrader's own page
        parts = {
            part.select("a[name]")[-1]["name"].removeprefix("comment-"): part
            for part in found.select(".nbgrader_cell:has(.pull-right)")
        }
        scores = {id: pair for id, part in parts.items() if (pair := numbers(part, r"Score: ([\d.]+) / ([\d.]+)"))}
        return numbers(found.find("h4"), r"Score: ([\d.]+) / ([\d.]+)"), scores, said(found, ".panel-footer")
    scores = {part["id"]: numbers(part.select_one(".points"), OURS) for part in found.select(".graded")}
    return numbers(found.select_one(".score"), OURS), scores, said(found, ".comment")


OURS = r"([\d.]+) of ([\d.]+)"


def numbers(part: Tag, pattern: str) -> tuple[float, ...]:
    given = re.search(pattern, " ".join(part.get_text(" ").split()))
    return tuple(map(float, given.groups())) if given else ()


def said(found: BeautifulSoup, where: str) -> list[str]:
    return [re.sub(r"^Comments?:?\s*", "", " ".join(part.get_text(" ").split())) for part in found.select(where)]


# --- the same


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("table", ["students", "submissions", "grades", "comments"])
def test_the_gradebooks_say_the_same(roads, road, table):
    assert content(url(roads[road]))[table] == content(url(roads["nbgrader"]))[table]


def test_the_gradebook_has_something_to_say(roads):
    """The way to fail: columns with one value are always the same."""
    found = content(url(roads["nbgrader"]))
    columns = [set(column) for column in zip(*found["grades"], strict=True)]
    assert [len(column) for column in columns[:3]] == [len(CLASS), 2, 21]
    assert [len(column) > 2 for column in columns[3:6]] == [True, True, True]
    assert columns[6] == {True, False}
    assert {row[3] for row in found["comments"]} == {None, "No response."}
    kept = {row[:3]: row[4:6] for row in found["grades"]}
    for place, given in BY_HAND.items():
        assert kept[place] == (given.get("manual_score"), given.get("extra_credit"))


@pytest.mark.parametrize("road", ROADS)
def test_every_cell_shows_the_same(roads, road):
    theirs, ours = (cells(roads[name], UNIT) for name in ("nbgrader", road))
    assert ours.keys() == theirs.keys()
    for place, cell in theirs.items():
        assert ours[place] == cell, place


def test_the_cells_show_all_kinds_of_things(roads):
    """The way to fail: a class that shows nothing, and a comparison that sees nothing."""
    found = cells(roads["nbgrader"], UNIT)
    kinds = {output[:2] if output[0] == "stream" else output[:1] for *_, shown in found.values() for output in shown}
    assert kinds == {("stream", "stdout"), ("stream", "stderr"), ("error",), ("execute_result",), ("display_data",)}
    names = {output[1] for *_, shown in found.values() for output in shown if output[0] == "error"}
    assert {"AssertionError", "NameError", "NotImplementedError", "RecursionError", "SyntaxError"} <= names
    one = next((roads["nbgrader"] / "autograded" / "errors").rglob("words.ipynb"))
    shown = [cell for cell in nbformat.read(one, 4).cells if cell.get("outputs")]
    before = [outputs(cell) for cell in shown]
    for cell in shown:
        output = cell.outputs[-1]
        output.update({name: "other" for name in ("text", "evalue", "execution_count") if name in output})
    assert [a == outputs(cell) for a, cell in zip(before, shown, strict=True)] == [False] * len(shown)


@pytest.mark.parametrize("road", ROADS)
def test_the_pages_say_the_same_of_scores(roads, road):
    pages = sorted(path.relative_to(roads["nbgrader"]) for path in roads["nbgrader"].glob("feedback/*/*/*.html"))
    assert len(pages) == 2 * len(CLASS) - 1
    for path in pages:
        assert page(roads[road] / path) == page(roads["nbgrader"] / path), path
    found = [page(roads[road] / path) for path in pages]
    assert found[0] != found[-1]  # the way to fail
    assert all(scores and total for total, scores, _ in found)
    assert any(comments for *_, comments in found)


def test_both_roads_make_the_same_pages_and_say_what_waits_for_a_person(roads):
    pages = [sorted(roads[road].glob("feedback/*/*/*.html")) for road in ROADS]
    for one, other in zip(*pages, strict=True):
        assert one.read_bytes() == other.read_bytes(), one
    waits = [bool(BeautifulSoup(path.read_bytes(), "html.parser").select_one(".unfinished")) for path in pages[0]]
    assert {True, False} == set(waits)


# --- different on purpose

# A test worth two points: what nbgrader gives for it, what we give, and why.
ODDITIES = {
    # Under NumPy 2 this is displayed as "np.float64(0.5)", which nbgrader does not read: it gives all points.
    "numpy-float": ("np.float64(0.5)", 2, 0.5),
    "numpy-int": ("np.int64(1)", 2, 1),
    "numpy-array": ("np.array(0.5)", 2, 0.5),
    # Numbers that are no part of the points: nbgrader gives all of them, and we none.
    "negative": ("-1", 2, 0),
    "nan": ("float('nan')", 2, 0),
    # A warning is no error.  With nbgrader, any text on stderr costs all points.
    "stderr": ("import sys\nprint('a note', file=sys.stderr)", 0, 2),
    "warning": ("assert warns() == 1", 0, 2),
    "warning-part": ("warns()", 0, 1),
}
# And what is the same.
EVEN = {
    "float": ("0.5", 0.5),
    "true": ("True", 2),
    "text": ("'well done'", 2),
    "number-text": ("'0.5'", 2),
    "none": ("None", 2),
    "silent": ("0.5;", 2),
    "shown": ("display(0.5)", 2),
    "printed": ("print(0.5)", 2),
    "inner": ("if True:\n    0.5", 2),
    "sympy": ("import sympy\nsympy.Integer(1)", 1),
    "fraction": ("import fractions\nfractions.Fraction(1, 2)", 2),
    "exit": ("raise SystemExit", 0),
}


@pytest.fixture(scope="module")
def odd(tmp_path_factory) -> dict[str, Path]:
    first = answer(
        "first", "import warnings\nimport numpy as np\n\n\ndef warns():\n    warnings.warn('x')\n    return 1"
    )
    each = [test(id, 2, source) for id, (source, *_) in {**ODDITIES, **EVEN}.items()]
    folder = lay_out(tmp_path_factory.mktemp("odd") / "course", ODD, {"odd": notebook(first, *each)})
    hand_in(folder, ODD, "ada", Student(named=False))
    return graded(folder, ODD)


def scores(folder: Path) -> dict[str, float]:
    return {row[2]: row[3] for row in content(url(folder))["grades"]}


def test_nbgrader_alone_gives_odd_numbers_and_warnings_what_we_say_it_does(odd):
    assert scores(odd["nbgrader"]) == {
        **{id: theirs for id, (_, theirs, _) in ODDITIES.items()},
        **{id: both for id, (_, both) in EVEN.items()},
    }


@pytest.mark.parametrize("road", ROADS)
def test_odd_numbers_and_warnings_are_graded_as_we_say(odd, road):
    assert scores(odd[road]) == {
        **{id: ours for id, (*_, ours) in ODDITIES.items()},
        **{id: both for id, (_, both) in EVEN.items()},
    }


@pytest.mark.parametrize("road", ROADS)
def test_a_value_that_is_no_number_is_shown_as_a_display(odd, road):
    """nbgrader reads scores off results, so in a test's outputs there is none but the score."""
    theirs, ours = ({c[0]: c[2] for c in cells(odd[name], ODD).values()} for name in ("nbgrader", road))
    assert theirs["'well done'"][0][:2] == ("execute_result", "'well done'")
    assert ours["'well done'"][0][:2] == ("display_data", "'well done'")
    assert ours["0.5"] == theirs["0.5"]


def test_more_than_all_points_stops_nbgrader_and_counts_as_all_here(tmp_path):
    folder = lay_out(tmp_path / "course", ODD, {"odd": notebook(answer("first", "x = 1"), test("above", 2, "x + 2"))})
    hand_in(folder, ODD, "ada", Student(named=False))
    with pytest.raises(CourseError, match="greater than maximum"):
        by_nbgrader(folder, ODD)
    shutil.rmtree(folder / "autograded")
    (folder / course.CONFIG).write_text((folder / course.CONFIG).read_text() + PLUGIN)
    assert grade_class(Course(folder, ODD), Here).failed == {}
    assert scores(folder) == {"above": 2}
    (cell,) = (shown for source, _, shown in cells(folder, ODD).values() if source == "x + 2")
    assert "3" in cell[0][2]  # the page says what the test gave
