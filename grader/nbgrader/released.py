"""What a course provides to grade a unit: released notebooks, hidden tests, packs of questions and files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from textwrap import indent
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions, IncludeHeaderFooter, LockCells
from traitlets.config import Config

from grader import pack
from grader.canonical import canonical, new_cell, new_notebook
from grader.classroom import CourseError
from grader.classroom.cells import cells_of, faults, is_test
from grader.classroom.submission import grade_id
from grader.classroom.supplementary import LARGEST_BESIDE
from grader.files import write_whole
from grader.pack import PackError, Packs
from grader.problem import Inseparable
from grader.words import CELLS, COMMANDS

Hidden = Mapping[str, str]  # grade_id -> a test's source with its hidden tests


def packs(dirs: CourseDirectory, config: Config | None = None) -> Packs:
    """The packs that a course can use: those installed, and those that its configuration names.  Raises CourseError.

    config: the course's, if ``dirs`` was made before it was read, as nbgrader's commands make it.
    """
    names = list((config or dirs.config).get("RunOutside", {}).get("packs", []))
    try:
        root = Path(dirs.root)
        return Packs(map(pack.loaded, [*pack.installed(), *pack.named(root, names)]), root)
    except PackError as why:
        raise CourseError(str(why)) from why


def folder(dirs: CourseDirectory, unit: str) -> Path:
    """The folder of a unit's release version."""
    return Path(dirs.format_path(dirs.release_directory, ".", unit))


def text(dirs: CourseDirectory, unit: str, name: str) -> str:
    """A released notebook's text.  Raises CourseError if there is none."""
    path = folder(dirs, unit) / f"{name}.ipynb"
    if not path.exists():
        raise CourseError(COMMANDS["no_release"].format(path=path, unit=unit))
    return path.read_text("utf-8")


def hidden(sources: Mapping[str, str], released: NotebookNode) -> Hidden:
    """``{grade_id: source}`` of a notebook's tests in the gradebook, with their hidden tests.

    sources: ``{grade_id: source}`` of the notebook's cells in the gradebook.
    """
    return {id: sources[id] for id in cells_of(released).tests if id in sources}


def stale(name: str, unit: str, given: Hidden, released: NotebookNode, config: Config) -> list[str]:
    """Sentences on tests whose source in the gradebook is not the released one with hidden tests put in."""
    wrong = []
    for cell in released.cells:
        if grade_id(cell) in given:
            whole = new_cell("code", given[grade_id(cell)], "cell")
            whole.metadata["nbgrader"] = cell.metadata.nbgrader
            nb = new_notebook([whole])
            with contextlib.suppress(Exception):  # a source that nbgrader cannot process is not the released one
                ClearHiddenTests(config=config).preprocess(nb, {})
            if canonical(nb, keep_outputs=False).cells[0].source != _plain(cell.source):
                wrong.append(CELLS["stale"].format(notebook=name, cell=grade_id(cell), unit=unit))
    return wrong


def _plain(source: str) -> str:
    nb = new_notebook([new_cell("code", source, "cell")])
    return str(canonical(nb, keep_outputs=False).cells[0].source)


def faults_of(
    dirs: CourseDirectory,
    unit: str,
    notebooks: Mapping[str, NotebookNode],
    sources: Mapping[str, Mapping[str, str]],
    packs: Packs,
) -> list[str]:
    """Sentences on what cannot be graded in a unit's released notebooks, for ``examine``.

    notebooks: by name.  sources: ``{notebook: {grade_id: source}}`` of its cells in the gradebook.
    """
    found = list[str]()
    for name, nb in notebooks.items():
        where = os.path.relpath(folder(dirs, unit) / f"{name}.ipynb", dirs.root)
        given = hidden(sources[name], nb)
        unknown = [id for id in cells_of(nb).order if id not in sources[name]]
        found += [CELLS["stale"].format(notebook=where, cell=id, unit=unit) for id in unknown]
        found += stale(where, unit, given, nb, dirs.config) or faults(where, nb, packs, given)
    return found + _without_problems(_asked(notebooks.values()), packs)


def _without_problems(asked: set[str], packs: Packs) -> list[str]:
    """Sentences on questions for which no problem can be drawn."""
    found = []
    for id in (id for id in packs.questions if id in asked):
        try:
            packs.questions[id].problems()
        except Exception as why:  # Inseparable, or whatever a question's own samplers and derivations raise
            said = str(why) if isinstance(why, Inseparable) else f"{id}: {type(why).__name__}: {why}"
            found.append(CELLS["no_problem"].format(where=packs.where(id), why=said))
    return found


def _asked(notebooks: Iterable[NotebookNode]) -> set[str]:
    return {id for nb in notebooks for id in cells_of(nb).questions.values()}


def used(notebooks: Iterable[NotebookNode], packs: Packs) -> Packs:
    """The packs whose questions these released notebooks ask."""
    return packs.only(_asked(notebooks) & packs.questions.keys())


def files(dirs: CourseDirectory, unit: str, packs: Packs) -> dict[str, bytes]:
    """``{name: content}`` of the files that the instructor released beside a unit's notebooks.

    Left out are notebooks, what the configuration ignores, and modules of packs that hold questions: none of these
    may be where students' code runs.  Raises CourseError if they are too large.
    """
    place, found, size = folder(dirs, unit), dict[str, bytes](), 0
    functions = {text for one in packs.packs for text in one.modules.values()}
    judging = {text for one in packs.packs for _, text in one.source.modules.values()} - functions
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        parts = name.split("/")
        ignored = any(fnmatch(part, pattern) for part in parts for pattern in dirs.ignore)
        if ignored or path.suffix == ".ipynb" or not path.is_file() or pack.makes_questions(path):
            continue
        found[name] = path.read_bytes()
        size += len(found[name])
        if size > LARGEST_BESIDE:
            raise CourseError(COMMANDS["too_large_given"].format(folder=place, most=LARGEST_BESIDE // 10**6))
        if path.suffix == ".py" and found[name].decode("utf-8", "replace") in judging:
            del found[name]
    return found


def put_packs(notebooks: Iterable[NotebookNode], packs: Packs, dirs: CourseDirectory, unit: str) -> None:
    """Copy the course's own packs that these notebooks need beside the unit's release version, where missing."""
    there = {path.read_bytes() for path in folder(dirs, unit).rglob("*.py")}
    for one in used(notebooks, packs).packs:
        source, file = one.source, Path(one.source.file)
        # nbgrader has already copied the files in the unit's source folder.
        if source.installed or source.modules[source.name][1].encode() in there:
            continue
        above = file.parent.parent if file.name == "__init__.py" else file.parent
        for module, content in source.modules.values():
            path = folder(dirs, unit) / Path(module).relative_to(above)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)


def examine(found: Iterable[str]) -> None:
    """Raise CourseError if there are any sentences on what cannot be graded.  found: these sentences."""
    lines = list(dict.fromkeys(found))
    if lines:
        raise CourseError(CELLS["stop"].format(faults=indent("\n".join(lines), "  ")))


def in_source(path: Path, converter: Any, packs: Packs) -> Iterator[str]:
    """Sentences on what could not be graded if a source version were released; see ``cells.faults``.

    converter: nbgrader's GenerateAssignment, whose steps are tried on a copy.
    """
    try:
        nb = nbformat.read(path, as_version=4)
        for step in (IncludeHeaderFooter, LockCells, ClearSolutions):
            nb, _ = step(parent=converter).preprocess(nb, {})
        whole = {grade_id(cell): cell.source for cell in nb.cells if is_test(cell)}
        nb, _ = ClearHiddenTests(parent=converter).preprocess(nb, {})
    except Exception:  # nbgrader will fail in the same way, and report it
        return
    yield from faults(os.path.relpath(path, converter.coursedir.root), nb, packs, whole)
    yield from _without_problems(_asked([nb]), packs)
