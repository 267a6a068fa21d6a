"""Finds which file is which notebook if students, browsers or learning platforms have changed the names.

If there is no ``05_vjp.ipynb``, then ``05_vjp-Copy1.ipynb`` or ``ada_late_1234_05_vjp (1).ipynb`` is taken for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

ENDING = ".ipynb"


@dataclass(frozen=True)
class Meant:
    """The unit's notebooks in a folder.

    files: ``{notebook: file}``, for those found.
    unclear: ``{notebook: files}``, for those for which no file has the right name and several may be meant.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    unclear: Mapping[str, Sequence[str]] = field(default_factory=dict)


def meant(names: Sequence[str], there: Collection[str], others: Callable[[], Collection[str]] = tuple) -> Meant:
    """Which of the files ``there`` is which of the unit's notebooks.

    names: the unit's notebooks, without their ending.  others: called for the names of other units' notebooks.

    A file with the right name is the notebook.  Otherwise it is the only file whose name contains the notebook's,
    delimited by characters that are neither letters nor digits, and no other name of the unit.  If there is none and
    the unit has one notebook, it is the only notebook in the folder, unless it is named like another unit's.
    """
    files, unclear = dict[str, str](), dict[str, list[str]]()
    notebooks = sorted(file for file in there if file.endswith(ENDING) and not file.startswith("."))
    holding = {file: [name for name in names if _holds(file, name)] for file in notebooks}
    for name in names:
        candidates = [file for file in notebooks if holding[file] == [name]]
        if name + ENDING in there:
            files[name] = name + ENDING
        elif len(candidates) == 1:
            files[name] = candidates[0]
        elif candidates:
            unclear[name] = candidates
        elif len(names) == len(notebooks) == 1 and not any(_holds(notebooks[0], other) for other in others()):
            files[name] = notebooks[0]
    return Meant(files, unclear)


def _holds(file: str, name: str) -> bool:
    return bool(re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", file.removesuffix(ENDING), re.IGNORECASE))
