"""The confined side: one fork, one notebook.  Cells come over the pipe one by one, and their outputs go back.

``check`` asks the trusted side what to do: in a graded cell inputs come, the answer is probed with them, and what it
gave goes back; anywhere else nothing comes.  No judge is here, and no answer.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np

import grader.functions
from grader.probe import Arg, Call, probe
from grader.sandbox import codec, confine, wire
from grader.sandbox.limits import Limits

LONGEST_NAME, LONGEST_MESSAGE = 200, 10_000
REHEARSAL = (
    "import torch\nx = torch.ones(2, dtype=torch.float64, requires_grad=True)\nprint('x')\nx",
    "def f(x):\n    (g,) = torch.autograd.grad((x**2).sum(), x)\n    return g",
    "from grader import check\ncheck('', f)",
    "1 / 0",
)


def serve(
    descriptor: int, job: bytes, parent: int, shell: SimpleNamespace, prepared: confine.Prepared | OSError | None
) -> NoReturn:
    """Confine this process and run a notebook in it; the process ends here, whatever happens.

    parent: see ``confine.ends_with``.
    prepared: of ``confine.prepare``, or why there is nothing; None where nothing is to be confined.
    """
    try:
        confine.ends_with(parent)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # between cells there is nothing to interrupt
        setup = json.loads(job)
        pipe = socket.socket(fileno=descriptor)
        _silence({descriptor, prepared.ruleset} if isinstance(prepared, confine.Prepared) else {descriptor})
        os.chdir(setup["work"])
        os.environ.clear()
        os.environ.update(setup["environment"])
        shell.connect(pipe)
        if isinstance(prepared, OSError):
            raise prepared
        layers = [] if prepared is None else confine.confine(Limits(**setup["limits"]), prepared)
        wire.send(pipe, {"ready": layers})
        _run(pipe, shell)
    except confine.Unconfined as why:
        with contextlib.suppress(wire.Broken):
            wire.send(pipe, {"unconfined": str(why)})
    except BaseException:  # nobody is left to be told
        os._exit(1)
    os._exit(0)


def _silence(kept: set[int]) -> None:
    """Standard streams that lead nowhere, and no descriptor but those."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    confine.close_descriptors({0, 1, 2, *kept})


def _run(pipe: Any, shell: SimpleNamespace) -> NoReturn:
    """Cell after cell, until the trusted side ends this process."""
    while True:
        message, arrays = wire.receive(pipe)
        if "calls" in message:
            shell.again(message, arrays)
            continue
        outputs = shell.cell(message["source"], message["limit"])
        wire.send(pipe, {"done": outputs})


class _Outputs:
    """What a cell prints and shows, in order and up to a limit of characters."""

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


class _Stream(io.TextIOBase):
    """Standard output or error of a cell."""

    def __init__(self, outputs: _Outputs, name: str):
        self.outputs, self.stream = outputs, name

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        for start in range(0, len(text), 2**16):
            self.outputs.text(self.stream, str(text[start : start + 2**16]))
        return len(text)


def prepare() -> SimpleNamespace:
    """An IPython shell without a kernel, as two functions: it is made once, before the forks, which each get a copy.

    connect(pipe): for a fork, whose ``check`` asks over that pipe.
    cell(source, limit): runs one cell and returns its outputs, of ``limit`` characters at most.
    again(message, arrays): puts more calls to the answer that the last ``check`` had.

    It has run ``REHEARSAL`` and forgotten it: what is looked up or imported at the first time, no fork has to.
    """
    from IPython.core.async_helpers import get_asyncio_loop
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.inputtransformer2 import TransformerManager
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    outputs = _Outputs()

    class Hook(DisplayHook):
        def write_output_prompt(self) -> None:
            pass

        def write_format_data(self, format_dict: dict[str, Any], md_dict: Any = None) -> None:
            data = {mime: body for mime, body in format_dict.items() if isinstance(body, str)}
            outputs.add({"output_type": "execute_result", "data": data, "metadata": {}})

        def finish_displayhook(self) -> None:
            pass

    class Publisher(DisplayPublisher):
        def publish(self, data: Any, metadata: Any = None, source: Any = None, **rest: Any) -> None:
            kept = {mime: body for mime, body in data.items() if isinstance(body, str)}
            outputs.add({"output_type": "display_data", "data": kept, "metadata": {}})

        def clear_output(self, wait: bool = False) -> None:
            outputs.list.clear()

    usual = TransformerManager().token_transformers

    class Transformers(TransformerManager):
        def do_token_transforms(self, lines: list[str]) -> list[str]:
            """As IPython's, which looks for its signs among tokens: a third of a cell's time, mostly for nothing.

            What is Python already holds no such sign, since none is valid Python.  Where other characters than "\\n"
            end lines, IPython may see lines where Python sees a comment.
            """
            text = "".join(lines)
            if self.token_transformers == usual and text.count("\n") == len(lines) and _is_python(text):
                return lines
            return list(super().do_token_transforms(lines))

    class Shell(InteractiveShell):
        displayhook_class = Hook
        display_pub_class = Publisher

        def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
            outputs.add(
                {
                    "output_type": "error",
                    "ename": _name(etype.__name__),
                    "evalue": _name(evalue, LONGEST_MESSAGE),
                    "traceback": stb,
                }
            )

        def enable_gui(self, gui: Any = None) -> None:
            pass

        def ask_exit(self) -> None:
            raise SystemExit

    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.colors = "nocolor"
    # This lays out a profile folder, with modes, which no fork could.
    shell = Shell.instance(config=config, input_transformer_manager=Transformers())

    def connect(pipe: Any) -> None:
        get_asyncio_loop()  # for top-level await: it makes itself a pair of sockets, which it cannot later on
        sys.modules["__main__"] = shell.user_module
        package: Any = sys.modules["grader"]
        package.check, prepared.again = _check(pipe)
        package.hint, package.progress = _quiet, _quiet

    def cell(source: str, limit: int) -> list[dict[str, Any]]:
        outputs.begin(limit)
        out, err = _Stream(outputs, "stdout"), _Stream(outputs, "stderr")
        with contextlib.suppress(KeyboardInterrupt):  # one that came when the cell had just ended
            signal.signal(signal.SIGINT, signal.default_int_handler)  # again, whatever an earlier cell made of it
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                shell.run_cell(source, store_history=True, silent=False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return outputs.list

    def rehearse() -> None:
        ours, theirs = socket.socketpair()
        arrays: codec.Arrays = {}
        call = Call((Arg("x", np.ones(2), requires_grad=True),))
        wire.send(ours, {"calls": [codec.call_as_message(call, grader.functions, arrays)]}, arrays)
        connect(theirs)
        for source in REHEARSAL:
            cell(source, LONGEST_MESSAGE)
        get_asyncio_loop().close()  # with sockets that a fork closes
        outputs.begin(0)
        shell.reset(new_session=True)
        for name in ("last_type", "last_value", "last_traceback", "last_exc"):
            vars(sys).pop(name, None)
        ours.close()
        theirs.close()

    prepared = SimpleNamespace(connect=connect, cell=cell)
    rehearse()
    return prepared


def _is_python(text: str) -> bool:
    """Whether a text can be parsed.

    Warns of nothing: that comes when it is run.  And not by ``catch_warnings``, which has Python forget what it has
    warned of before.
    """
    filters, warnings.filters = warnings.filters, [("ignore", None, Warning, None, 0)]
    try:
        ast.parse(text)
    except Exception:
        return False
    finally:
        warnings.filters = filters
    return True


def _check(pipe: Any) -> tuple[Callable[..., Any], Callable[..., None]]:
    """``check``, and what puts more calls to the last answer that it was given, when its cell is done."""
    last: object = None

    def put(answer: object, message: dict[str, Any], arrays: codec.Arrays) -> None:
        found: codec.Arrays = {}
        calls = [codec.call_from_message(call, grader.functions, arrays) for call in message["calls"]]
        answers = [codec.answer_as_message(probe(answer, call), found) for call in calls]
        wire.send(pipe, {"answers": answers}, found)

    def check(id: str, answer: object) -> Any:
        """Put the trusted side's inputs to an answer; what it is worth is said on the feedback page."""
        nonlocal last
        wire.send(pipe, {"check": _name(id)})
        message, arrays = wire.receive(pipe)
        if "calls" in message:
            last = answer
            put(answer, message, arrays)
        return _Nothing()

    def again(message: dict[str, Any], arrays: codec.Arrays) -> None:
        try:
            put(last, message, arrays)
        except KeyboardInterrupt:  # raised by the answer itself: between cells nobody interrupts
            wire.send(pipe, {"unanswered": True})

    return check, again


class _Nothing:
    """What ``check`` returns here: the card is made by the judge, elsewhere."""

    def __repr__(self) -> str:
        return ""

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {"text/plain": ""}


def _quiet(*arguments: object) -> _Nothing:
    return _Nothing()


def _name(thing: object, longest: int = LONGEST_NAME) -> str:
    try:
        return str(thing)[:longest]
    except BaseException:
        return ""
