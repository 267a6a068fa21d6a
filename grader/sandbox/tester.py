"""Runs an instructor's test in a fork: compiled code, in the notebook's namespace, without IPython's machinery.

The result goes back beside the outputs: whether the end of the test was reached, shown by a token that came with this
test only, and the number that it ended with.  The test shares the process with the submission; SECURITY.md says which
attacks that leaves open.
"""

from __future__ import annotations

import base64
import builtins
import contextlib
import importlib
import inspect
import linecache
import marshal
import signal
import sys
import time
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from IPython.core.async_helpers import get_asyncio_loop
from IPython.display import display

from grader.sandbox.shell import Shell, Stream

FILE = "<test>"  # as in ``asserts``, which is not here
RESTORING = 1.0  # seconds that one test may spend on putting things back after its calls of a submission's functions

Run = Callable[[Mapping[str, Any], str], dict[str, Any]]  # of a message and the folder of the instructor's files


def tester(shell: Shell, restore: Callable[[], None]) -> Run:
    """A function that runs the test in a message, made by ``asserts.Test``, and returns the reply to it.

    restore: from ``pristine``; to be called before the function, too, which then uses nothing that was changed.
    """
    space, outputs = vars(shell.user_module), shell.outputs
    usual, of_shell = dict(vars(builtins)), {"get_ipython": shell.get_ipython, "display": display}
    shell.magics_manager.lsmagic_docs()  # loads those that are loaded on first use, which putting back would undo
    magics = [(table, dict(table)) for table in shell.magics_manager.magics.values()]
    attributes, libraries = frozenset(vars(shell)), list(sys.path)
    longest, clock = RESTORING, time.perf_counter

    def run(message: Mapping[str, Any], files: str) -> dict[str, Any]:
        for table, before in magics:
            table.update(before)
        for name in vars(shell).keys() - attributes:
            if callable(getattr(type(shell), name, None)):
                delattr(shell, name)
        paths = sys.path  # what a submission wrote comes last, whatever its name
        first = [files, *libraries] if files else libraries
        sys.path = [*first, *(path for path in paths if path not in first)]
        shell.outputs = outputs
        shell.execution_count += 1  # tracebacks name cells by it
        outputs.begin(message["limit"])
        space["__builtins__"] = builtins
        linecache.cache[FILE] = (len(message["text"]), None, message["text"].splitlines(keepends=True), FILE)
        ending: list[Any] = []
        left = longest

        def after(value: Any) -> Any:
            nonlocal left
            if left > 0:
                begun = clock()
                restore()
                left -= clock() - begun
            return value

        def find(mark: str) -> Any:
            kind, _, name = mark.partition(":")
            if kind in ("builtin", "shell"):
                return (usual if kind == "builtin" else of_shell)[name]
            return _imported(name) if kind == "import" else {"end": ending.append, "after": after}[kind]

        ended, number = False, None
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            out, err = Stream(outputs, "stdout"), Stream(outputs, "stderr")
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    code = _filled(marshal.loads(base64.b64decode(message["test"])), message["mark"], find)
                    result = eval(code, space)
                    if code.co_flags & inspect.CO_COROUTINE:  # a test with ``await`` at the top level
                        get_asyncio_loop().run_until_complete(result)
                except BaseException as error:
                    restore()
                    _show_error(shell, error)
                else:
                    restore()
                    ended = len(ending) == 1
                    number = _number(ending[0]) if ended else None
                    shown = _show_value(shell, ending)
                    number = _read(shown) if ended and number is None else number
                shell.events.trigger("post_execute")  # shows the figures that the test has drawn
        except BaseException:  # an interrupt, or one that a value raised when it was shown
            ended = False
        with contextlib.suppress(KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.path = paths
        return {"done": outputs.list, **({"ended": message["token"], "number": number} if ended else {})}

    return run


def _filled(code: types.CodeType, mark: str, find: Callable[[str], Any]) -> types.CodeType:
    """Code with objects in place of the strings that begin with ``mark``.  find: maps the rest of one to its object."""

    def fill(constant: Any) -> Any:
        if isinstance(constant, str) and constant.startswith(mark):
            return find(constant.removeprefix(mark))
        if isinstance(constant, (tuple, frozenset)):
            return type(constant)(map(fill, constant))
        return _filled(constant, mark, find) if isinstance(constant, types.CodeType) else constant

    return code.replace(co_consts=tuple(map(fill, code.co_consts)))


def _imported(what: str) -> Any:
    """A module, or, of "module:name", what the module has by that name."""
    module, _, name = what.partition(":")
    found = importlib.import_module(module)
    if name and not hasattr(found, name):
        return importlib.import_module(f"{module}.{name}")
    return getattr(found, name) if name else found


def _number(value: Any) -> float | None:
    """A real number, also one in a NumPy scalar or in an array or tensor without axes; None for anything else.

    Truth values are no numbers, as in nbgrader, which reads "True".
    """
    if isinstance(value, np.generic) or (type(value) in (np.ndarray, torch.Tensor) and not value.ndim):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float.__float__(value) if isinstance(value, float) else int.__float__(value)
    except OverflowError:
        return float("inf") if value > 0 else -float("inf")


def _show_value(shell: Shell, ending: list[Any]) -> str:
    """Show what a test ended with; returns its plain text."""
    shown = dict[str, str]()
    if ending and ending[0] is not None:
        data, _ = shell.display_formatter.format(ending[0])
        shown = {mime: body for mime, body in data.items() if isinstance(body, str)}
        shell.outputs.add({"output_type": "execute_result", "data": shown, "metadata": {}})
    return shown.get("text/plain", "")


def _read(text: str) -> float | None:
    """The number that nbgrader reads in the text of another kind of value, such as an integer of SymPy's.

    A submission may have written the text, but without a number in it, it would earn all points.
    """
    try:
        number = float(text)
    except ValueError:
        return None
    return number if number >= 0 else None


def _show_error(shell: Shell, error: BaseException) -> None:
    """An error output, in IPython's form if a submission has left that alone."""
    lines = error.__traceback__
    while lines and lines.tb_frame.f_code.co_filename == __file__:
        lines = lines.tb_next
    with contextlib.suppress(Exception):
        shell.showtraceback((type(error), error, lines), tb_offset=0)
    if not any(isinstance(output, dict) and output.get("output_type") == "error" for output in shell.outputs.list):
        shell.show_error(type(error), error, [])
