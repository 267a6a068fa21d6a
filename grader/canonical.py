"""The canonical form of a notebook: the same bytes no matter who saved it, and with which program.

A canonical notebook has stable, readable cell ids, no execution counts and no volatile metadata.  It
keeps no outputs either, since students are to predict them; only the executed copies of lessons, which nbval compares
with, keep their text outputs.  Pictures are never kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
EXECUTED = "executed"  # the folder whose notebooks keep their text outputs

_RANDOM_ID = re.compile(r"[0-9a-f]{8}|[0-9a-f]{8}-[0-9a-f-]{27}")


def canonical(nb: NotebookNode, keep_outputs: bool) -> NotebookNode:
    """Put a notebook into canonical form, in place, and return it.

    keep_outputs: True keeps the text outputs of code cells, False removes all outputs.
    """
    nb.nbformat, nb.nbformat_minor = 4, 5
    nb.metadata = nbformat.from_dict(METADATA)
    taken: set[str] = set()
    for cell in nb.cells:
        cell.id = _readable_id(cell, taken)
        cell.metadata = _kept_metadata(cell.metadata)
        cell.source = "\n".join(line.rstrip() for line in cell.source.strip("\n").splitlines())
        cell.pop("attachments", None)
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.outputs = _whole_streams(map(_kept, cell.outputs)) if keep_outputs else []
    return nb


def text(nb: NotebookNode) -> str:
    """The notebook as the text of its file: JSON in nbformat 4, ending with one newline."""
    return str(nbformat.writes(nb, version=4)).rstrip("\n") + "\n"


def new_cell(kind: str, source: str, id: str) -> NotebookNode:
    """A new cell.  kind: "code", "markdown" or "raw".

    Equal to what nbformat's constructors make, but without their validation, which takes a millisecond per cell.
    """
    of_code: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return nbformat.from_dict({"cell_type": kind, "id": id, "metadata": {}, "source": source, **of_code})


def new_notebook(cells: list[NotebookNode], metadata: Mapping[str, Any] | None = None) -> NotebookNode:
    """A notebook in nbformat 4.5 that holds the given cells themselves, not copies of them."""
    nb = nbformat.from_dict({"metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 5})
    nb.cells = cells
    return nb


def copied(node: NotebookNode) -> NotebookNode:
    """A deep copy of a node that contains only JSON data; ``copy.deepcopy`` takes five times as long."""
    return nbformat.from_dict(node)


def format_file(path: Path, check: bool = False) -> bool:
    """Put one notebook file into canonical form; returns whether that changes it.

    Text outputs are kept if the file is in a folder named ``executed``.
    check: True leaves the file unchanged.  Raises ValueError, naming the file, if it is not a readable, valid notebook.
    """
    try:
        before = path.read_text("utf-8")
        nb = nbformat.reads(before, as_version=4)
        nbformat.validate(nb, relax_add_props=True)
    except Exception as why:  # nbformat raises what its JSON and schema libraries raise
        raise ValueError(f"{path} is not a notebook that can be formatted: {why}") from why
    after = text(canonical(nb, keep_outputs=EXECUTED in path.resolve().parts))
    if after != before and not check:
        write_whole(path, after)
    return after != before


def _readable_id(cell: NotebookNode, taken: set[str]) -> str:
    """The cell's id if it is neither random nor taken; else a new one made from its grade_id or its first words."""
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


def _kept_metadata(metadata: NotebookNode) -> NotebookNode:
    """A cell's metadata without what a front end adds; whether its source is folded is the author's choice: kept."""
    kept = {key: metadata[key] for key in KEPT_CELL_METADATA if key in metadata}
    if metadata.get("jupyter", {}).get("source_hidden"):
        kept["jupyter"] = {"source_hidden": True}
    return nbformat.from_dict(kept)


def _whole_streams(outputs: Iterable[NotebookNode]) -> list[NotebookNode]:
    """The outputs, with consecutive pieces of one stream joined: a kernel splits streams at random."""
    whole: list[NotebookNode] = []
    for output in outputs:
        if whole and output.output_type == "stream" == whole[-1].output_type and output.name == whole[-1].name:
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def _kept(output: NotebookNode) -> NotebookNode:
    """An output without its volatile parts: plain text only, no execution count, no traceback (it contains paths)."""
    data: dict[str, Any] = dict(output)
    if "data" in data:
        data["data"] = {mime: body for mime, body in data["data"].items() if mime in KEPT_MIMES}
        data["metadata"] = {}
    if "execution_count" in data:
        data["execution_count"] = None
    if "traceback" in data:
        data["traceback"] = []
    return nbformat.from_dict(data)
