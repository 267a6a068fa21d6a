"""IPython without a kernel: a cell's source goes in, and what it printed and displayed comes out.

It runs beside students' code, which can tamper with it: the trusted side checks all that it returns.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import json
import os
import signal
import sys
import warnings
from typing import Any

from IPython.core.async_helpers import get_asyncio_loop
from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

LONGEST_NAME, LONGEST_MESSAGE = 200, 10_000  # characters


class Outputs:
    """What a cell prints and displays, in order, up to a limit of characters of JSON; then a mark that it was cut."""

    def __init__(self) -> None:
        self.list: list[dict[str, Any]] = []
        self.left = 0

    def begin(self, limit: int) -> None:
        self.list, self.left = [], limit

    def add(self, output: dict[str, Any]) -> None:
        size = len(json.dumps(output, default=str))
        if size > self.left:
            if self.left >= 0:
                self.list.append({"cut": True})
            self.left = -1
            return
        self.left -= size
        self.list.append(output)

    def text(self, name: str, text: str) -> None:
        if self.list and self.list[-1].get("name") == name and self.left >= len(text):
            self.list[-1]["text"] += text
            self.left -= len(text)
        else:
            self.add({"output_type": "stream", "name": name, "text": text})


class Stream(io.TextIOBase):
    """A cell's standard output or standard error."""

    def __init__(self, outputs: Outputs, name: str):
        self.outputs, self.stream = outputs, name

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        for start in range(0, len(text), 2**16):
            self.outputs.text(self.stream, str(text[start : start + 2**16]))
        return len(text)


class _Hook(DisplayHook):
    """Collects the value of a cell's last expression."""

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: dict[str, Any], md_dict: Any = None) -> None:
        data = {mime: body for mime, body in format_dict.items() if isinstance(body, str)}
        self.shell.outputs.add({"output_type": "execute_result", "data": data, "metadata": {}})

    def finish_displayhook(self) -> None:
        pass


class _Publisher(DisplayPublisher):
    """Collects what a cell displays."""

    def publish(self, data: Any, metadata: Any = None, source: Any = None, **rest: Any) -> None:
        kept = {mime: body for mime, body in data.items() if isinstance(body, str)}
        self.shell.outputs.add({"output_type": "display_data", "data": kept, "metadata": {}})

    def clear_output(self, wait: bool = False) -> None:
        self.shell.outputs.list.clear()


class _Transformers(TransformerManager):
    """IPython's transformers without the search for magics in plain Python, which takes a third of a cell's time."""

    usual: list[Any] = TransformerManager().token_transformers

    def do_token_transforms(self, lines: list[str]) -> list[str]:
        """The lines unchanged if they parse as Python: they hold no magic then, since no magic is valid Python.

        Only if every line ends in "\\n": at other line ends IPython may see a new line where Python sees a comment.
        """
        text = "".join(lines)
        if self.token_transformers == self.usual and text.count("\n") == len(lines) and is_python(text):
            return lines
        return list(super().do_token_transforms(lines))


class _Compiler(CachingCompiler):
    """Tells ``inspect`` that cells belong to ``__main__``.

    Otherwise it looks through all loaded modules, again for each line of a traceback: with torch loaded, an endless
    recursion took 20 seconds to be shown, and the tests after it had no time left.
    """

    def cache(self, transformed_code: str, number: int = 0, raw_code: str | None = None) -> str:
        name = str(super().cache(transformed_code, number, raw_code))
        inspect.modulesbyfile[name] = inspect.modulesbyfile[os.path.abspath(name)] = "__main__"
        return name


class Shell(InteractiveShell):
    """The shell that runs cells, made before the forks, each of which gets a copy.

    outputs: those of the cell that is running.
    """

    displayhook_class = _Hook
    display_pub_class = _Publisher
    compiler_class = Type(_Compiler)

    @classmethod
    def made(cls) -> Shell:
        """The shell of this process.  It makes IPython's profile folder and sets its modes, which no fork may do."""
        config = Config()
        config.HistoryManager.enabled = False
        config.HistoryManager.hist_file = ":memory:"
        config.InteractiveShell.colors = "nocolor"
        shell: Shell = cls.instance(config=config, input_transformer_manager=_Transformers())
        return shell

    def __init__(self, *arguments: Any, **named: Any):
        self.outputs = Outputs()
        super().__init__(*arguments, **named)
        self.set_hook(
            "show_in_pager", lambda *arguments, **named: None
        )  # what ``f?`` says is no output, as in a kernel

    def begin(self) -> None:
        """Prepare to run cells in this process: make the user's module ``__main__``.  Call it before confinement."""
        get_asyncio_loop()  # for top-level await; the loop makes a pair of sockets, which confinement forbids
        sys.modules["__main__"] = self.user_module

    def cell(self, source: str, limit: int) -> list[dict[str, Any]]:
        """Run a cell; returns its outputs in nbformat's form, at most ``limit`` characters of JSON.

        If there were more, the last one is ``{"cut": True}``.  An error is an output too: nothing is raised.
        """
        self.outputs.begin(limit)
        out, err = Stream(self.outputs, "stdout"), Stream(self.outputs, "stderr")
        with contextlib.suppress(KeyboardInterrupt):  # an interrupt may come just after the cell has ended
            signal.signal(signal.SIGINT, signal.default_int_handler)  # an earlier cell may have changed the handler
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                self.run_cell(source, store_history=True, silent=False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return self.outputs.list

    def forget(self) -> None:
        """Reset the shell as if no cell had been run."""
        get_asyncio_loop().close()  # its sockets would be closed in a fork
        self.outputs.begin(0)
        self.reset(new_session=True)
        for name in ("last_type", "last_value", "last_traceback", "last_exc"):
            vars(sys).pop(name, None)

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        self.show_error(etype, evalue, stb)

    def show_error(self, kind: type, error: object, traceback: list[str]) -> None:
        """Show an error with these lines of a traceback."""
        name, message = text_of(kind.__name__), text_of(error, LONGEST_MESSAGE)
        self.outputs.add({"output_type": "error", "ename": name, "evalue": message, "traceback": traceback})

    def enable_gui(self, gui: Any = None) -> None:
        pass

    def ask_exit(self) -> None:
        raise SystemExit


def is_python(text: str) -> bool:
    """Whether a text can be parsed as Python.

    Warnings are left for when it runs.  They are not silenced by ``catch_warnings``, since that makes Python forget
    which warnings it has shown.
    """
    filters, warnings.filters = warnings.filters, [("ignore", None, Warning, None, 0)]
    try:
        ast.parse(text)
    except Exception:
        return False
    finally:
        warnings.filters = filters
    return True


def text_of(thing: object, longest: int = LONGEST_NAME) -> str:
    """``str`` of a student's object, cut to ``longest`` characters; "" if it raises."""
    try:
        return str(thing)[:longest]
    except BaseException:
        return ""
