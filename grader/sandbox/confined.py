"""The confined side: one fork, one notebook.  Cells come over the pipe one by one, and their outputs go back.

``check`` asks the trusted side what to do: in a graded cell inputs come, the answer is probed with them, and what it
gave goes back; anywhere else nothing comes.  No judge is here, and no answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from typing import Any, NoReturn

import numpy as np

import grader.functions
from grader.probe import Arg, Call, probe
from grader.sandbox import codec, confine, wire
from grader.sandbox.limits import Limits
from grader.sandbox.shell import LONGEST_MESSAGE, Shell, text_of

REHEARSAL = (
    "import torch\nx = torch.ones(2, dtype=torch.float64, requires_grad=True)\nprint('x')\nx",
    "def f(x):\n    (g,) = torch.autograd.grad((x**2).sum(), x)\n    return g",
    "from grader import check\ncheck('', f)",
    "1 / 0",
)


def serve(
    descriptor: int, job: bytes, parent: int, notebook: Notebook, prepared: confine.Prepared | OSError | None
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
        notebook.connect(pipe)
        if isinstance(prepared, OSError):
            raise prepared
        layers = [] if prepared is None else confine.confine(Limits(**setup["limits"]), prepared)
        wire.send(pipe, {"ready": layers})
        notebook.run()
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


class Notebook:
    """A notebook's cells and its ``check``, whose other side is at the end of a pipe.

    Made once, before the forks, which each get a copy.  It has run ``REHEARSAL`` and forgotten it: what is looked up or
    imported at the first time, no fork has to.
    """

    def __init__(self) -> None:
        self.shell = Shell.made()
        self.pipe: Any = None
        self.last: object = None  # the answer that the last check was given
        self._rehearse()

    def connect(self, pipe: Any) -> None:
        """Have this pipe, in a fork, and a package ``grader`` that asks over it."""
        self.pipe = pipe
        self.shell.begin()
        package: Any = sys.modules["grader"]
        package.check, package.hint, package.progress = self.check, _quiet, _quiet

    def run(self) -> NoReturn:
        """Cell after cell, until the trusted side ends this process."""
        while True:
            message, arrays = wire.receive(self.pipe)
            if "calls" in message:
                self._again(message, arrays)
                continue
            outputs = self.shell.cell(message["source"], message["limit"])
            wire.send(self.pipe, {"done": outputs})

    def check(self, id: str, answer: object) -> Any:
        """Put the trusted side's inputs to an answer; what it is worth is said on the feedback page."""
        wire.send(self.pipe, {"check": text_of(id)})
        message, arrays = wire.receive(self.pipe)
        if "calls" in message:
            self.last = answer
            self._put(message, arrays)
        return _Nothing()

    def _again(self, message: dict[str, Any], arrays: codec.Arrays) -> None:
        """Put more calls to the last answer, when its cell is done."""
        try:
            self._put(message, arrays)
        except KeyboardInterrupt:  # raised by the answer itself: between cells nobody interrupts
            wire.send(self.pipe, {"unanswered": True})

    def _put(self, message: dict[str, Any], arrays: codec.Arrays) -> None:
        found: codec.Arrays = {}
        calls = [codec.call_from_message(call, grader.functions, arrays) for call in message["calls"]]
        answers = [codec.answer_as_message(probe(self.last, call), found) for call in calls]
        wire.send(self.pipe, {"answers": answers}, found)

    def _rehearse(self) -> None:
        ours, theirs = socket.socketpair()
        arrays: codec.Arrays = {}
        call = Call((Arg("x", np.ones(2), requires_grad=True),))
        wire.send(ours, {"calls": [codec.call_as_message(call, grader.functions, arrays)]}, arrays)
        self.connect(theirs)
        for source in REHEARSAL:
            self.shell.cell(source, LONGEST_MESSAGE)
        self.shell.forget()
        self.pipe = self.last = None
        ours.close()
        theirs.close()


class _Nothing:
    """What ``check`` returns here: the card is made by the judge, elsewhere."""

    def __repr__(self) -> str:
        return ""

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {"text/plain": ""}


def _quiet(*arguments: object) -> _Nothing:
    return _Nothing()
