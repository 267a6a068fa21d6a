"""What a live kernel knows of its cells: which of them stopped, and which one runs a check.

The first use of the package in a kernel starts the watch.  A kernel that is to watch from its first cell on, and so
after a restart, loads this module as an IPython extension: ``c.InteractiveShellApp.extensions = ["grader.live"]``.
It imports neither torch nor any question.  Nothing here runs where submissions are graded.
"""

from __future__ import annotations

import ast
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from grader import words

# The names that a notebook's first cell imports from here.
IMPORTED = ("check", "hint", "progress", "gallery", "lesson")
DEFINITION = re.compile(r"^(?:(?:async\s+)?def|class)\s+(\w+)|^(\w+)\s*(?::[^=\n]*)?=(?!=)", re.MULTILINE)


@dataclass(frozen=True)
class Stopped:
    """How a cell stopped.  error: type and message.  line: its number, 0 if unknown.  text: of that line."""

    error: str
    line: int
    text: str


class Interrupted(KeyboardInterrupt):
    """Raised by ``check`` after it has shown where the answer was interrupted; IPython shows a sentence for it."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class Cells:
    """Follows the cells that a shell runs.

    stopped: name -> how the cell that defines it stopped, if that is what happened the last time such a cell ran.
    """

    def __init__(self, shell: Any):
        self.stopped: dict[str, Stopped] = {}
        self._shell, self._running = shell, ""
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._end)
        if not shell.custom_exceptions:  # a shell has only one such handler, and another one may be the user's own
            shell.set_custom_exc((NameError,), self._missing)

    def checked(self, id: str) -> str:
        """The name that the running cell gives to ``check`` with this id, "" if it gives none."""
        return next((name for of, name in _checks(self._running) if of == id), "")

    def _begin(self, info: Any) -> None:
        self._running = info.raw_cell

    def _end(self, result: Any) -> None:
        source = result.info.raw_cell if result.info is not None else None
        if not isinstance(source, str):
            return
        error = result.error_before_exec or result.error_in_exec
        line = self._line(error) if error is not None else 0
        lines = source.splitlines()
        text = lines[line - 1].strip() if 0 < line <= len(lines) else ""
        for name, last in _defined(source):
            if error is None or (line and last < line and result.error_before_exec is None):
                self.stopped.pop(name, None)
            else:
                self.stopped[name] = Stopped(f"{type(error).__name__}: {_message(error)}", line, text)

    def _line(self, error: BaseException) -> int:
        """The line of the cell at which it stopped, 0 if unknown."""
        at = error.__traceback__
        while at is not None:
            if at.tb_frame.f_code.co_name == "<module>" and at.tb_frame.f_globals is self._shell.user_ns:
                return at.tb_lineno
            at = at.tb_next
        return (error.lineno or 0) if isinstance(error, SyntaxError) else 0

    def _missing(
        self,
        shell: Any,
        kind: type[NameError],
        error: NameError,
        traceback: TracebackType,
        tb_offset: int | None = None,
    ) -> None:
        """Show a NameError, or what to do about it if a cell was left out."""
        advice = self._advice(error.name or "") if _is_of_the_cell(traceback) else ""
        if advice:
            lines = textwrap.wrap(advice, 80, break_long_words=False)  # nbgrader cuts lines at 87
            error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
        shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)

    def _advice(self, name: str) -> str:
        if name in IMPORTED:
            return words.NOTICES["first_cell"].format(name=name)
        if name not in [answer for _, answer in _checks(self._running)]:
            return ""
        if name not in self.stopped:
            return words.NOTICES["answer_missing"].format(name=name)
        stopped = self.stopped[name]
        place = words.CARD["place_in_cell"].format(line=stopped.line) if stopped.line else ""
        return words.NOTICES["answer_stopped"].format(name=name, error=stopped.error, place=place)


_watching: dict[Any, Cells] = {}  # shell -> its cells


def watch() -> Cells | None:
    """The cells of this process's kernel, watched from now on if they were not before; None if it is no kernel."""
    ipython = sys.modules.get("IPython")  # where it was not imported, there is no kernel, and importing it takes time
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        return None
    if shell not in _watching:
        load_ipython_extension(shell)
    return _watching[shell]


def load_ipython_extension(shell: Any) -> None:
    """Watch this shell's cells: what IPython calls for ``%load_ext grader.live``."""
    if shell not in _watching:
        _watching[shell] = Cells(shell)


def _message(error: BaseException | None) -> str:
    if isinstance(error, SyntaxError):
        return str(error.msg)
    try:
        return str(error)
    except Exception:  # an exception of a class that the student wrote
        return ""


def _is_of_the_cell(traceback: TracebackType) -> bool:
    """Whether the cell itself raised, and not a function that it called."""
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback.tb_frame.f_code.co_name == "<module>"


def _checks(source: str) -> Iterator[tuple[str, str]]:
    """(id, name of the answer) of each check in a cell."""
    try:
        calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    except (SyntaxError, ValueError, RecursionError):  # a cell of IPython's magic is not Python
        return
    for call in calls:
        match call:
            case ast.Call(func=ast.Name("check"), args=[ast.Constant(str() as id), ast.Name(name), *_]):
                yield id, name


def _defined(source: str) -> list[tuple[str, int]]:
    """(name, last line of the statement) for each function, class or variable that a cell defines at its top level."""
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):
        return [(found[1] or found[2], source.count("\n") + 1) for found in DEFINITION.finditer(source)]
    found = []
    for statement in statements:
        last = statement.end_lineno or 0
        match statement:
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                found.append((name, last))
            case ast.Assign(targets):
                found += [(target.id, last) for target in targets if isinstance(target, ast.Name)]
            case ast.AnnAssign(target=ast.Name(name)):
                found.append((name, last))
    return found
