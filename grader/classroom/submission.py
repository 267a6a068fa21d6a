"""Prepares one submission to be run: reads it within limits, and repairs it from the release version.

Only the sources of cells are taken from a student's notebook; everything else, from metadata to the
cells that grade, comes from the release version.  Nothing here uses nbgrader's classes or opens a file.
"""

from __future__ import annotations

import ast
import codecs
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from nbformat import NotebookNode

from grader.canonical import copied, new_cell, new_notebook
from grader.classroom import matching
from grader.classroom.inert import inert
from grader.classroom.notes import Notes
from grader.sandbox.wire import TURNING
from grader.words import FEEDBACK

REMARKS = "grader-remarks"  # id of the cell that tells the student what was mended

LARGEST_FILE = 64 * 2**20  # bytes; pictures in outputs make honest files large
LARGEST_SOURCE = 2 * 2**20  # characters of all cells together
MOST_CELLS = 2000
# Characters of a student's own text: in one cell, in all cells, and what is kept of a text beyond these.
LONGEST_TEXT, MOST_TEXT, KEPT_OF_A_TEXT = 20_000, 100_000, 2_000
MOST_NOTES = 30  # sentences on what was mended; further ones are only counted
LONGEST_NAME = 120  # characters that are shown of a name
MOST_NAMED = 3  # cells named in one sentence; more are counted

# Byte-order mark -> encoding; UTF-32 first, since one of its marks begins with UTF-16's.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_KINDS = ("code", "markdown", "raw")
_SOURCES = ("source", "input", "code", "text")  # the keys of a cell's text, in this format and in older ones


class Unreadable(ValueError):
    """What was handed in is not a notebook; the message says why, in words for the student."""


def read(data: bytes) -> NotebookNode:
    """A new notebook with the type, source and ``grade_id`` of each submitted cell, and nothing else.

    data: the file's bytes, in UTF-8, or in UTF-16 or UTF-32 with a byte-order mark.

    Raises Unreadable, and MemoryError.
    """
    if not data.strip():
        raise Unreadable(FEEDBACK["empty"])
    if len(data) > LARGEST_FILE:
        raise Unreadable(FEEDBACK["too_large"])
    try:
        text = data.decode(next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8-sig"))
    except UnicodeDecodeError as why:
        raise Unreadable(FEEDBACK["not_utf8"].format(place=why.start)) from why
    try:
        submitted = json.loads(text)
        if submitted["nbformat"] > 4:
            raise ValueError(submitted["nbformat"])
        there = _cells(submitted)
        listed = [(k, cell) for k, cell in enumerate(there) if isinstance(cell, dict)]
        if there and not listed:
            raise ValueError("cells")
        # Stop just above MOST_CELLS: making a cell takes 0.1 ms, and a file can hold a million.
        cells = [_clean(cell, k) for k, cell in listed[: MOST_CELLS + 1]]
    except MemoryError:
        raise
    except Exception as why:  # the JSON may hold anything in any place
        raise Unreadable(FEEDBACK["not_a_notebook"]) from why
    if not cells:
        raise Unreadable(FEEDBACK["no_cells"])
    if len(cells) > MOST_CELLS or sum(len(cell.source) for cell in cells) > LARGEST_SOURCE:
        raise Unreadable(FEEDBACK["too_large"])
    return new_notebook(cells=cells)


def unreadable(released: NotebookNode, why: str) -> NotebookNode:
    """The notebook to grade in place of an unreadable file: the release version, with the reason in a first cell."""
    nb = copied(released)
    nb.cells.insert(0, _remarks(FEEDBACK["unreadable"], [why]))
    Notes(unreadable=True, remarks=[why]).put(nb)
    return nb


def mend(submitted: NotebookNode, released: NotebookNode) -> NotebookNode:
    """The submission with the release version's own cells restored, and a first cell that says what was mended, if any.

    Cells are matched by ``grade_id``, and those that lost theirs as ``matching`` says.  Locked cells get the released
    source, and missing ones are put back; answers keep the student's source.  Of several cells with one id the last
    counts, as in nbgrader.  Code before the first id in the release version, mostly imports, is put first unless it is
    still before the first id, maybe filled in.
    """
    trusted = {grade_id(cell): cell for cell in released.cells if grade_id(cell)}
    notes = _recognized(submitted.cells, released.cells, trusted)
    last = {grade_id(cell): k for k, cell in enumerate(submitted.cells) if grade_id(cell) in trusted}
    texts = {cell.source for cell in released.cells if cell.cell_type != "code"}
    cells: list[NotebookNode] = []
    for k, cell in enumerate(submitted.cells):
        id = grade_id(cell)
        if id and last.get(id) != k:
            notes.append(FEEDBACK["duplicate" if id in trusted else "unknown_id"].format(id=quoted(id)))
        cells.append(_restored(cell, trusted[id], notes) if last.get(id) == k else _plain(cell, texts))
    order = [id for id in map(grade_id, cells) if id]
    if order != [id for id in trusted if id in last]:
        notes.append(FEEDBACK["reordered"])
        cells = [cell for cell in cells if not _locked(trusted.get(grade_id(cell)))]
    notes += [FEEDBACK[_missing(cell)].format(id=id) for id, cell in trusted.items() if id not in last]
    cells = _with_locked(cells, trusted)
    first = _head(cells)
    there = [cell.source for cell in first if cell.cell_type == "code"]
    for cell in reversed(_head(released.cells)):
        if cell.cell_type == "code" and not _is_there(cell.source, there):
            notes.append(FEEDBACK["put_back"])
            cells.insert(0, copied(cell))
    left = MOST_TEXT
    for cell in cells:
        if cell.cell_type != "code" and cell.source not in texts:
            left -= len(cell.source)
            if len(cell.source) > LONGEST_TEXT or left < 0:
                notes.append(FEEDBACK["long_text"].format(kept=KEPT_OF_A_TEXT))
                cell.source = cell.source[:KEPT_OF_A_TEXT] + " …"
    nb = new_notebook(cells=cells, metadata=copied(released.metadata))
    if notes:
        said = list(dict.fromkeys(notes))
        more = [FEEDBACK["more_notes"].format(count=len(said) - MOST_NOTES)] if len(said) > MOST_NOTES else []
        said = said[:MOST_NOTES] + more
        nb.cells.insert(0, _remarks(FEEDBACK["mended"], said))
        Notes(remarks=said).put(nb)
    return nb


def noted(nb: NotebookNode, note: str) -> NotebookNode:
    """Add one more sentence for the student to a notebook's first cell, in place; returns the notebook."""
    notes = _notes(nb)
    if not notes.remarks:
        nb.cells.insert(0, _remarks(FEEDBACK["mended"], []))
    nb.cells[0].source += f"\n- {note}"
    notes.remarks.append(note)
    notes.put(nb)
    return nb


def legible(nb: NotebookNode) -> NotebookNode:
    """Write out the characters that turn the reading direction of code as escapes, in place; returns the notebook.

    With them, people would read other code than was run.
    """
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.source = re.sub(f"[{TURNING}]", lambda found: f"\\u{ord(found[0]):04x}", cell.source)
    return nb


def quoted(name: str) -> str:
    """A name that a student made up, of a cell or a file, made fit for a line of Markdown."""
    return re.sub(r"[^\w .:()-]", "?", name[:LONGEST_NAME])


def grade_id(cell: NotebookNode) -> str:
    """The cell's ``grade_id``, or '' if it has none."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def remarks(nb: NotebookNode) -> list[str]:
    """Sentences on what was mended in a notebook, or why there is nothing to grade."""
    return list(_notes(nb).remarks)


def _notes(nb: NotebookNode) -> Notes:
    return Notes.of(nb) or Notes()


def _cells(submitted: dict[str, Any]) -> list[Any]:
    """All cells of a notebook in any format; those before the fourth keep them in worksheets.

    nbformat's own conversion is not used, since it also converts outputs: malformed ones take a millisecond each, and
    a file can hold a million.  The parts needed here have hardly changed since the first format.
    """
    if "cells" in submitted:
        return list(submitted["cells"])
    return list(itertools.chain.from_iterable(sheet["cells"] for sheet in submitted["worksheets"]))


def _clean(cell: dict[str, Any], k: int) -> NotebookNode:
    """A new cell with the type, source and ``grade_id`` of the submitted one; an unknown type becomes "raw"."""
    source = next((cell[name] for name in _SOURCES if name in cell), "")
    source = source if isinstance(source, str) else "".join(map(str, source)) if isinstance(source, list) else ""
    source = re.sub("[\ud800-\udfff]", "\ufffd", source.replace("\r\n", "\n"))  # UTF-8 cannot encode surrogates
    kind = str(cell.get("cell_type"))
    made = new_cell(kind if kind in _KINDS else "raw", source, f"student-{k}")
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if isinstance(nbgrader, dict) and isinstance(nbgrader.get("grade_id"), str):
        made.metadata["nbgrader"] = NotebookNode(grade_id=nbgrader["grade_id"])
    return made


def _plain(cell: NotebookNode, released: set[str]) -> NotebookNode:
    """A cell without an id; a student's own text is labeled and made inert, since it goes into the feedback page."""
    cell.metadata.pop("nbgrader", None)
    if cell.cell_type != "code" and cell.source not in released:
        label = FEEDBACK["own_text"]
        cell.source = f"{f'*{label}*' if cell.cell_type == 'markdown' else label}\n\n{inert(cell.source)}"
    return cell


def _restored(cell: NotebookNode, trusted: NotebookNode, notes: list[str]) -> NotebookNode:
    """The released cell, with the student's source if it is an answer; what was mended is added to ``notes``."""
    restored = copied(trusted)
    if not _locked(trusted):
        restored.source = cell.source if trusted.cell_type == "code" else inert(cell.source)
    elif not matching.same(cell.source, trusted.source):
        notes.append(FEEDBACK["changed"].format(id=grade_id(trusted)))
    if cell.cell_type != trusted.cell_type:
        notes.append(FEEDBACK["retyped"].format(id=grade_id(trusted)))
    return restored


def _locked(cell: NotebookNode | None) -> bool:
    return cell is not None and not cell.metadata.nbgrader.get("solution", False)


def _head(cells: list[NotebookNode]) -> list[NotebookNode]:
    """The cells before the first one with an id."""
    return list(itertools.takewhile(lambda cell: not grade_id(cell), cells))


def _with_locked(cells: Sequence[NotebookNode], trusted: Mapping[str, NotebookNode]) -> list[NotebookNode]:
    """The cells with each missing locked cell put back after all that precede it and the student's code there.

    Missing cells that a person grades are put back too: without them the grade could never be complete.
    """
    places = {id: k for k, cell in enumerate(cells) if (id := grade_id(cell))}
    put: dict[int, list[NotebookNode]] = {}  # by the index of the cell that they come before
    place, started = 0, False
    for id, cell in trusted.items():
        if id in places:
            place, started = max(place, places[id] + 1), True
        elif _locked(cell) or cell.metadata.nbgrader.get("grade"):
            while started and place < len(cells) and cells[place].cell_type == "code" and not grade_id(cells[place]):
                place += 1
            put.setdefault(place, []).append(copied(cell))
            started = True
    return [one for k in range(len(cells) + 1) for one in (*put.get(k, ()), *cells[k : k + 1])]


def _missing(cell: NotebookNode) -> str:
    """The key in FEEDBACK of what to say if this released cell is missing."""
    if _locked(cell):
        return "missing"
    return "missing_by_hand" if cell.metadata.nbgrader.get("grade") else "missing_answer"


def _recognized(
    submitted: Sequence[NotebookNode], released: Sequence[NotebookNode], trusted: Mapping[str, NotebookNode]
) -> list[str]:
    """Restore lost ids of cells, in place; returns sentences that say so."""
    last = {grade_id(cell): k for k, cell in enumerate(submitted)}
    theirs = []
    for k, cell in enumerate(submitted):
        known = grade_id(cell) in trusted
        source = cell.source if not known or last[grade_id(cell)] == k else ""
        theirs.append(matching.Cell(cell.cell_type, source, grade_id(cell) if known and source else ""))
    ours = [matching.Cell(c.cell_type, c.source, grade_id(c), bool(grade_id(c)) and not _locked(c)) for c in released]
    found = matching.found(theirs, ours)
    for k, id in found.ids.items():
        submitted[k].metadata["nbgrader"] = NotebookNode(grade_id=id)
    if not found.ids:
        return []
    ids = list(found.ids.values())
    named = ", ".join(ids) if len(ids) <= MOST_NAMED else FEEDBACK["so_many_cells"].format(count=len(ids))
    chosen = [FEEDBACK["chosen"].format(id=id) for id in found.chosen]
    return [FEEDBACK["recognized"].format(cells=named), *chosen]


def _is_there(released: str, sources: list[str]) -> bool:
    """Whether a released cell is still in these sources, unchanged or filled in.

    In a form to fill in, such as ``NAME = ""``, the assigned literal may have changed; only the name must be there.
    """
    if any(released in source for source in sources):
        return True
    try:
        statements = ast.parse(released).body
    except SyntaxError:
        return False
    names = [target.id for line in statements if (target := _literal(line))]
    return len(names) == len(statements) > 0 and any(
        all(re.search(rf"^{re.escape(name)}\s*=", source, re.MULTILINE) for name in names) for source in sources
    )


def _literal(statement: ast.stmt) -> ast.Name | None:
    """The name that a statement assigns a literal to, if that is all it does."""
    match statement:
        case ast.Assign(targets=[ast.Name() as name], value=ast.Constant()):
            return name
    return None


def _remarks(head: str, notes: list[str]) -> NotebookNode:
    return new_cell("markdown", "\n".join([f"**{head}**", "", *(f"- {note}" for note in notes)]), REMARKS)
