"""Each command that the pages for instructors show exists, with each of its options; so the pages cannot drift."""

from __future__ import annotations

import contextlib
import io
import itertools
import re
import shlex
from pathlib import Path

import pytest
from courses import UNIT, command, content, handed_in, url
from nbgrader.api import Gradebook
from nbgrader.apps.nbgraderapp import NbGraderApp
from traitlets.config import Application

from grader import cli
from grader.demo import sample

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "docs/running-a-class.md", "docs/a-course-of-your-own.md")
LINE = re.compile(
    r"^ +(?:\.venv/bin/)?((?:grader|nbgrader) [^#\n]*)|`(?:\.venv/bin/)?((?:grader|nbgrader) [^`\n]+)`", re.M
)


def commands(text: str) -> list[str]:
    """The command lines of a page: indented ones without their comments, and those in backquotes.

    Prose may name a command without what it needs; then its help must be there.
    """
    found = [(indented.strip(), quoted.strip()) for indented, quoted in LINE.findall(text)]
    return [
        indented or (f"{quoted} --help" if re.fullmatch(r"grader \w+", quoted) else quoted)
        for indented, quoted in found
    ]


def wrong(command: str) -> str:
    """What is wrong with a command line; "" where nothing is."""
    program, *words = shlex.split(command)
    return _of_grader(words) if program == "grader" else _of_nbgrader(NbGraderApp, words)


def _of_grader(words: list[str]) -> str:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            cli._parser().parse_args(words)
        except SystemExit as why:
            return said.getvalue() if why.code else ""
    return ""


def _of_nbgrader(app: type[Application], words: list[str]) -> str:
    """Walk nbgrader's applications down to the one that is named, and look each option up in it."""
    while words and (found := _subcommands(app).get(words[0])):
        app, words = found[0], words[1:]
    if _subcommands(app):
        return f"{app.__name__} has no {words[:1]}"
    made = app()
    known = {name for names in (*made.flags, *made.aliases) for name in ([names] if isinstance(names, str) else names)}
    traits = {
        f"{kind.__name__}.{name}" for kind in made._classes_inc_parents() for name in kind.class_traits(config=True)
    }
    for word in words:
        option = word.lstrip("-").partition("=")[0]
        if word.startswith("-") and option not in known | traits:
            return f"{app.__name__} has no {word}"
    return ""


def _subcommands(app: type[Application]) -> dict:
    made = app()
    return made.subcommands if isinstance(made.subcommands, dict) else {}


@pytest.mark.parametrize("page", PAGES)
def test_every_command_on_a_page_exists(page):
    found = commands((ROOT / page).read_text("utf-8"))
    assert len(found) > 5
    assert {command: said for command in found if (said := wrong(command))} == {}


@pytest.mark.parametrize(
    "command",
    [
        "grader grad 05_weighted_vjp",
        "grader grade 05_weighted_vjp --parallel",
        "grader grade 05_weighted_vjp --limit patience=3",
        "grader export",
        "nbgrader gather 05_weighted_vjp",
        "nbgrader collect 05_weighted_vjp --newest",
        "nbgrader db assignment make 05_weighted_vjp",
        "nbgrader autograde 05_weighted_vjp --RunOutside.patience=3",
    ],
)
def test_a_command_that_does_not_exist_is_noticed(command):
    assert wrong(command)
    assert commands(f"Run\n\n    .venv/bin/{command}   # so\n")[0] == command
    assert commands(f"Then `{command} --json`.") == [f"{command} --json"]


def named_tests(text: str) -> set[str]:
    """The tests, and files of tests, that a page names."""
    return set(re.findall(r"\btest_\w+", text))


def test_every_test_that_a_page_names_exists():
    there = set()
    for path in (ROOT / "tests").rglob("*.py"):
        there |= {path.stem, *re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.M)}
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "tests" / "repeats.py"):
        gone = {name for name in named_tests(page.read_text("utf-8")) if not any(n.startswith(name) for n in there)}
        assert gone == set(), page
    assert named_tests("see `test_that_is_gone`") - there == {"test_that_is_gone"}  # the way to fail


def example(text: str, name: str) -> str:
    """The indented example that begins with a comment of this name, as a file."""
    lines = text.partition(f"    # {name}\n")[2].splitlines()
    kept = itertools.takewhile(lambda line: not line or line.startswith("    "), lines)
    return "\n".join(line.removeprefix("    ") for line in kept)


@pytest.mark.parametrize(("due", "penalty"), [("2024-11-15 12:00 UTC", 4.8), ("2024-11-17 12:00 UTC", None)])
def test_the_rule_for_lateness_on_the_page_takes_off_what_the_page_says(due, penalty, tmp_path):
    page = (ROOT / "docs" / "running-a-class.md").read_text("utf-8")
    folder = handed_in(tmp_path / "course", [student for student in sample.CLASS if student.name == "ada"])
    (folder / "late_days.py").write_text(example(page, "late_days.py"))
    with (folder / "nbgrader_config.py").open("a") as config:
        config.write("\n" + example(page, "nbgrader_config.py"))
    (folder / "submitted" / "ada" / UNIT / "timestamp.txt").write_text("2024-11-16 13:00:00 UTC")
    with Gradebook(url(folder)) as book:
        book.update_or_create_assignment(UNIT, duedate=due)
    process = command(folder, "--jobs", "1")
    assert process.wait() == 0, process.communicate()
    process.communicate()
    assert [row[4] for row in content(url(folder))["submissions"]] == [pytest.approx(penalty) if penalty else None]
    assert "4.8 points" in page


def test_a_command_may_be_named_in_prose_if_there_is_one():
    assert not wrong(*commands("`grader grade` grades"))
    assert wrong(*commands("`grader grad` grades"))
