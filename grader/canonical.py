"""The canonical form of a notebook: the same bytes whoever saved it, whatever they saved it with.

Stable readable cell ids, no execution counts, no volatile metadata; lessons keep their text outputs
(the reference that nbval compares with), exercises and solutions keep none; pictures are never kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from grader.files import write_whole

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
KEPT_CELL_METADATA = ("nbgrader", "tags", "deletable", "editable")
KEPT_MIMES = ("text/plain",)
LESSONS = "course"  # the folder whose notebooks keep their text outputs

_RANDOM_ID = re.compile(r"[0-9a-f]{8}|[0-9a-f]{8}-[0-9a-f-]{27}")


def canonical(nb: NotebookNode, keep_outputs: bool) -> NotebookNode:
    """The notebook in canonical form, changed in place and returned."""
    nb.nbformat, nb.nbformat_minor = 4, 5
    nb.metadata = nbformat.from_dict(METADATA)
    taken: set[str] = set()
    for cell in nb.cells:
        cell.id = _readable_id(cell, taken)
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in KEPT_CELL_METADATA if key in cell.metadata}
        )
        cell.source = "\n".join(line.rstrip() for line in cell.source.strip("\n").splitlines())
        cell.pop("attachments", None)
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.outputs = [_kept(output) for output in cell.outputs] if keep_outputs else []
    return nb


def text(nb: NotebookNode) -> str:
    """The notebook as the bytes to be written, in UTF-8."""
    return str(nbformat.writes(nb, version=4)).rstrip("\n") + "\n"


def new_cell(kind: str, source: str, id: str) -> NotebookNode:
    """A cell as nbformat makes it, without its validation, which takes a millisecond a cell: code, markdown or raw."""
    of_code: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return nbformat.from_dict({"cell_type": kind, "id": id, "metadata": {}, "source": source, **of_code})


def new_notebook(cells: list[NotebookNode], metadata: Mapping[str, Any] | None = None) -> NotebookNode:
    """A notebook of these very cells, in the newest format."""
    nb = nbformat.from_dict({"metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 5})
    nb.cells = cells
    return nb


def copied(node: NotebookNode) -> NotebookNode:
    """A copy down to the last leaf; ``copy.deepcopy`` takes five times as long for what holds nothing but JSON."""
    return nbformat.from_dict(node)


def format_file(path: Path, check: bool = False) -> bool:
    """Put one notebook into canonical form; returns whether it differed.

    check: only look.  Raises ValueError, naming the file, for what is no notebook.
    """
    try:
        before = path.read_text("utf-8")
        nb = nbformat.reads(before, as_version=4)
        nbformat.validate(nb, relax_add_props=True)
    except Exception as why:  # nbformat raises what its JSON and schema libraries raise
        raise ValueError(f"{path} is not a notebook that can be formatted: {why}") from why
    after = text(canonical(nb, keep_outputs=LESSONS in path.resolve().parts))
    if after != before and not check:
        write_whole(path, after)
    return after != before


def _readable_id(cell: NotebookNode, taken: set[str]) -> str:
    """The cell's id if a person gave it; else one from its grade_id or its first words."""
    old = cell.get("id", "")
    if old and not _RANDOM_ID.fullmatch(old) and old not in taken:
        taken.add(old)
        return str(old)
    stem = cell.metadata.get("nbgrader", {}).get("grade_id", "")
    if not stem:
        first = next((line for line in cell.source.splitlines() if line.strip(" #>*%")), cell.cell_type)
        stem = "-".join(re.findall(r"[a-z0-9]+", first.lower())[:6])
    stem = re.sub(r"[^a-zA-Z0-9_-]", "-", stem)[:48].strip("-") or cell.cell_type
    name, k = stem, 2
    while name in taken:
        name, k = f"{stem}-{k}", k + 1
    taken.add(name)
    return name


def _kept(output: NotebookNode) -> NotebookNode:
    """An output without its volatile parts: only plain text, no counts, no traceback (it holds paths)."""
    data: dict[str, Any] = dict(output)
    if "data" in data:
        data["data"] = {mime: body for mime, body in data["data"].items() if mime in KEPT_MIMES}
        data["metadata"] = {}
    if "execution_count" in data:
        data["execution_count"] = None
    if "traceback" in data:
        data["traceback"] = []
    return nbformat.from_dict(data)
