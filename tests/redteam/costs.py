"""Submissions that gain nothing and would cost somebody else, as data: the run, a worker, a neighbour's time.

Each is made in one student's folder by a function, and is graded in a class with honest members; see ``Cost``.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
from attacks import BASES, RELEASED, SOLUTION, UNIT
from nbformat.v4 import new_code_cell, new_markdown_cell

from grader.classroom.supplementary import MOST_BESIDE

Make = Callable[[Path], None]
NOTEBOOK = f"{UNIT}.ipynb"
SOLVED = BASES["solved"].submission(SOLUTION, RELEASED)


@dataclass(frozen=True)
class Cost:
    """One hostile submission.

    make: what it does to the folder that holds an honest solution, ``submitted/STUDENT/UNIT``.
    told: a key of words.COMMANDS or words.FEEDBACK that its instructor reads, or "" where there is nothing to tell.
    worth: whether it keeps the points of the honest solution.  failed: whether it is listed among those not graded.
    naive: of ``test_costs``, what it does where the defence is absent; "" where another test shows that.
    """

    name: str
    make: Make
    told: str = ""
    worth: bool = True
    failed: bool = False
    naive: str = ""


def _timestamp(text: str | bytes) -> Make:
    def make(folder: Path) -> None:
        (folder / "timestamp.txt").write_bytes(text if isinstance(text, bytes) else text.encode())

    return make


def _file(name: str, content: str = "x") -> Make:
    def make(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    return make


def _folder(name: str) -> Make:
    return lambda folder: (folder / name).mkdir(parents=True)


def _nested(depth: int) -> Make:
    def make(folder: Path) -> None:
        here = os.getcwd()
        try:
            os.chdir(folder)  # a path to the last of them would be longer than any that can be opened
            for _ in range(depth):
                os.mkdir("d")
                os.chdir("d")
            Path("last").touch()
        finally:
            os.chdir(here)

    return make


def _many(count: int) -> Make:
    def make(folder: Path) -> None:
        for k in range(count):
            (folder / f"file-{k}").touch()

    return make


def _patterns(folder: Path) -> None:
    """Folders whose names match each other, as patterns: a path to the last of them matches thousands."""
    for depth in range(8):
        for inner in list(folder.rglob("*")) if depth else [folder]:
            if inner.is_dir() and len(inner.relative_to(folder).parts) == depth:
                for name in ("*", "a"):
                    (inner / name).mkdir()


def _sparse(size: int) -> Make:
    def make(folder: Path) -> None:
        with open(folder / "data.bin", "wb") as file:
            file.truncate(size)

    return make


def _replaced_time(folder: Path) -> None:
    with open(folder / "timestamp.txt", "wb") as file:
        file.write(b"2024-01-01 00:00:00 UTC\n")
        file.truncate(10**12)


def _pipe(name: str) -> Make:
    return lambda folder: os.mkfifo(folder / name)


def _server(folder: Path) -> None:
    here = os.getcwd()
    try:
        os.chdir(folder)
        socket.socket(socket.AF_UNIX).bind("listens")
    finally:
        os.chdir(here)


def _link(name: str, to: str) -> Make:
    return lambda folder: (folder / name).symlink_to(to)


def _replaced(name: str, by: Make) -> Make:
    def make(folder: Path) -> None:
        (folder / name).unlink()
        by(folder)

    return make


def _somebody_elses_folder(folder: Path) -> None:
    (folder / NOTEBOOK).unlink()
    folder.rmdir()
    folder.parent.rmdir()
    folder.parent.symlink_to("ada")


def _somebody_elses_unit(folder: Path) -> None:
    (folder / NOTEBOOK).unlink()
    folder.rmdir()
    folder.symlink_to(f"../ada/{UNIT}")


def _bytes(data: Callable[[], bytes]) -> Make:
    return lambda folder: _write(folder, data())


def _write(folder: Path, data: bytes) -> None:
    (folder / NOTEBOOK).write_bytes(data)


def _with(*cells: Callable[[], Any]) -> Make:
    """Cells of the student's own behind the honest ones."""

    def make(folder: Path) -> None:
        nb = nbformat.reads(SOLVED.decode(), as_version=4)
        nb.cells += [cell() for cell in cells]
        for k, cell in enumerate(nb.cells):
            cell.id = cell.id if k < len(nb.cells) - len(cells) else f"own-{k}"
        _write(folder, nbformat.writes(nb).encode())

    return make


def code(source: Callable[[], str]) -> Callable[[], Any]:
    return lambda: new_code_cell(source())


def text(source: Callable[[], str]) -> Callable[[], Any]:
    return lambda: new_markdown_cell(source())


def old_format(outputs: int, version: int = 3) -> bytes:
    """A notebook of an older format with outputs that no version allows."""
    solved = json.loads(SOLVED)
    cells = [
        {
            "cell_type": "code",
            "input": cell["source"],
            "language": "python",
            "outputs": [],
            "metadata": cell["metadata"],
        }
        if cell["cell_type"] == "code"
        else {"cell_type": "markdown", "source": cell["source"], "metadata": cell["metadata"]}
        for cell in solved["cells"]
    ]
    bad = [{"output_type": "stream", "stream": 1, "text": 2}] * outputs
    cells.append({"cell_type": "code", "input": "1", "language": "python", "outputs": bad, "metadata": {}})
    return json.dumps(
        {"nbformat": version, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}
    ).encode()


def _with_in_place(change: Callable[[dict[str, Any]], None]) -> Make:
    def make(folder: Path) -> None:
        nb = json.loads(SOLVED)
        change(nb)
        _write(folder, json.dumps(nb).encode())

    return make


def _claims(nb: dict[str, Any]) -> None:
    """Hundreds of cells, each with an id that no unit has."""
    nb["cells"] += [
        {"cell_type": "code", "source": "", "metadata": {"nbgrader": {"grade_id": f"nobody-{k}"}}} for k in range(1500)
    ]


def hungry() -> bytes:
    """A file of less than 64 MiB that becomes gigabytes of Python's objects."""
    return b'{"nbformat": 4, "cells": [' + b'{"":{}},' * (8 * 2**20 - 10) + b"{}]}"


def _without_metadata(nb: dict[str, Any]) -> None:
    """Nothing says which cells are which, and very many resemble those that were released."""
    for cell in nb["cells"]:
        cell["metadata"] = {}
    text = next(cell["source"] for cell in nb["cells"] if cell["cell_type"] == "markdown")
    alike = [{"cell_type": "markdown", "metadata": {}, "source": "".join(text)[k % 7 :][:60]} for k in range(1500)]
    nb["cells"] += alike


LONG_NAME = "n" * 250
ODD = ("-rf", "a\nb", "\x1b[2J", "ü%s{0}", "\udcff")

FENCED = "```{language}\n{text}\n!x\n```"

# --- files beside the notebook, and its time
BESIDE = (
    *(
        Cost(f"time_{name}", _timestamp(said), told, naive=naive)
        for name, said, told, naive in (
            ("before_all", "0001-01-01 00:00:00 +1400", "bad_timestamp", "unforeseen"),
            ("after_all", "9999-12-31 23:59 -1200", "bad_timestamp", "unforeseen"),
            ("huge_zone", "2024-01-01 00:00 99999999999999999999", "unknown_zone", "unforeseen"),
            ("first_hour", "0001-01-01T00:00:00+01:00", "bad_timestamp", "unforeseen"),
            ("last_hour", "9999-12-31T23:59:59-01:00", "bad_timestamp", "unforeseen"),
            ("huge_year", "999999999999999999999999-01-01 00:00:00", "bad_timestamp", "unforeseen"),
            ("file_as_zone", "2024-01-01 00:00 ../../etc/passwd", "unknown_zone", "unforeseen"),
            ("absolute_zone", "2024-01-01 00:00 /etc/passwd", "unknown_zone", "opens"),
            ("no_such_zone", "2024-01-01 00:00 Middle/Earth", "unknown_zone", "taken_for_utc"),
        )
    ),
    Cost("time_a_folder", _folder("timestamp.txt"), naive="refused"),
    Cost("time_a_terabyte", _replaced_time, "too_large_beside", naive="a_terabyte"),
    Cost("time_a_pipe", _pipe("timestamp.txt"), naive="waits"),
    Cost("time_a_link", _link("timestamp.txt", "/etc/passwd"), naive="reads_another"),
    Cost("long_name", _file(LONG_NAME), naive="long_name"),
    Cost("named_as_the_page", _folder(f"{UNIT}.html"), naive="a_folder_there"),
    Cost("full_folder_named_as_the_page", _file(f"{UNIT}.html/inside"), naive="a_folder_there"),
    Cost("a_thousand_deep", _nested(1200), "too_deep", naive="deep"),
    Cost("too_many", _many(MOST_BESIDE + 10), "too_many_files", naive="all_of_them"),
    Cost("many_thousands", _many(10_000), "too_many_files", naive="lists_them_each_time"),
    Cost("named_as_patterns", _patterns, naive="lists_them_each_time"),
    Cost("too_large", _sparse(10**12), "too_large_beside", naive="a_terabyte"),
    Cost("a_pipe", _pipe("data"), naive="waits"),
    Cost("a_server", _server, naive="refused"),
    Cost("a_link_out", _link("passwd", "/etc/passwd"), naive="reads_another"),
    Cost("a_link_to_itself", _link("loop", "loop"), naive="refused"),
    Cost("odd_names", lambda folder: [_file(n)(folder) for n in ODD], naive="unprintable"),
    Cost("folder_of_another", _somebody_elses_folder, "linked", worth=False, failed=True, naive="reads_another"),
    Cost("unit_of_another", _somebody_elses_unit, "linked", worth=False, failed=True, naive="reads_another"),
)

# --- what is slow or hungry to read
READING = (
    Cost("old_outputs", _bytes(partial(old_format, 24_000)), naive="slow_conversion"),
    Cost("older_outputs", _bytes(partial(old_format, 24_000, 2)), naive="slow_conversion"),
    Cost("hungry", _bytes(hungry), "hungry_to_read", worth=False, naive="hungry"),
    Cost("many_ids", _with_in_place(_claims), "more_notes", naive="many_notes"),
    Cost("many_alike", _with_in_place(_without_metadata), "recognized", naive="each_with_each"),
)

# --- what is slow to lay out
LAYOUT = (
    Cost("code_blank_lines", _with(code(lambda: "x = 1\n" + " \n" * 16_000)), naive="slow_code"),
    Cost("code_after_a_bang", _with(code(lambda: "! " + " \n" * 16_000)), naive="slow_code"),
    Cost("code_in_many_cells", _with(*[code(lambda: "x = 1\n" + " \n" * 50_000)] * 8), naive="slow_code"),
    *(
        Cost(
            f"fenced_{language}",
            _with(text(partial(FENCED.format, language=language, text=piece * 9000))),
            naive="slow_text",
        )
        for language, piece in (("sas", " \n"), ("boa", '\\"'), ("rst", " \n"), ("promela", " \n"), ("python", " \n"))
    ),
    Cost("tex_round", _with(*[text(lambda: r"\\(" * 6_600)] * 2), naive="slow_text"),
    Cost("tex_square", _with(text(lambda: r"\\[" * 6_600)), naive="slow_text"),
    Cost("tex_begin", _with(*[text(lambda: r"\begin{a}" * 2_200)] * 4), naive="slow_text"),
)  # fmt: skip

COSTS = (*BESIDE, *READING, *LAYOUT)
