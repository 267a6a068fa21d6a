"""Undocumented parts of other packages that are used here all the same.

The next release of the package may remove any of them, so each is listed with the reason for using it and what happens
without it.  ``tests/test_borrowed.py`` finds uses that are not listed, and says which upgrade removed a part; upper
bounds in ``pyproject.toml`` keep such an upgrade from reaching a class before that test has seen it.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any


@dataclass(frozen=True)
class Borrowed:
    """One such part.

    distribution: the package as pip knows it; "" for Python's own library.
    module, name: where it is; ``name`` has a dot if it belongs to a class.
    used_by: the modules of this package that use it.
    why: what it does that no documented part does.
    without: what happens if it is missing.
    """

    distribution: str
    module: str
    name: str
    used_by: tuple[str, ...]
    why: str
    without: str

    @property
    def there(self) -> bool:
        """Whether the installed release has it."""
        try:
            found: Any = importlib.import_module(self.module)
            for part in self.name.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError):
            return False
        return True

    @property
    def missed(self) -> str:
        """The message to show if it is missing."""
        release = f"{self.distribution} {version(self.distribution)}" if self.distribution else "This Python"
        what = f"{self.module}.{self.name}, which grader.{self.used_by[0]} uses"
        return f"{release} has no {what}. Without it: {self.without}"


BORROWED = (
    Borrowed(
        *("ipython", "IPython.core.interactiveshell", "InteractiveShell._showtraceback", ("sandbox.shell",)),
        why="It is given an error's name, message and formatted traceback; the public showtraceback prints them. "
        "Jupyter's own kernel overrides it for the same reason.",
        without="Tracebacks become printed text, and a cell that raised an error shows no error output.",
    ),
    Borrowed(
        *("ipython", "IPython.core.async_helpers", "get_asyncio_loop", ("sandbox.shell",)),
        why="The event loop of top-level await opens sockets when it is first used, which a confined process cannot.",
        without="No process that runs submissions can be started.",
    ),
    Borrowed(
        *("", "inspect", "modulesbyfile", ("sandbox.shell",)),
        why="inspect looks through all loaded modules for each line of a traceback whose file it does not know, and a "
        "cell is no file.",
        without="No cell can be run. Without the entry alone, an endless recursion takes 20 seconds to be shown.",
    ),
    Borrowed(
        *("torch", "torch", "_C.DisableTorchFunctionSubclass", ("probe",)),
        why="A subclass of Tensor decides what its methods return; the probe reads the entries that it really has.",
        without="Such a subclass speaks for its own entries. It cannot gain by that: they are compared all the same.",
    ),
    Borrowed(
        *("", "multiprocessing.connection", "Connection", ("classroom.bounded", "classroom.processes")),
        why="A connection over a descriptor that was inherited: Pipe makes both ends in one process.",
        without="No worker process can be started.",
    ),
)
