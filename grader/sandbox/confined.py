"""The confined side: one fork runs one notebook.  Cells come over the pipe one by one, and their outputs go back.

``check`` asks the trusted side for inputs.  In a graded cell they come, the answer is probed with them, and the results
go back; in any other cell none come.  This side holds neither the judge nor any reference answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

from grader.probe import Arg, Call, probe
from grader.sandbox import codec, confine, wire
from grader.sandbox.handed import NONE, Name
from grader.sandbox.limits import Limits
from grader.sandbox.pristine import pristine
from grader.sandbox.shell import LONGEST_MESSAGE, Shell, text_of
from grader.sandbox.tester import Run, tester

REHEARSAL = (
    "import torch\nx = torch.ones(2, dtype=torch.float64, requires_grad=True)\nprint('x')\nx",
    "def f(x):\n    (g,) = torch.autograd.grad((x**2).sum(), x)\n    return g",
    "from grader import check\ncheck('', f)",
    "1 / 0",
)


def serve(
    descriptor: int, job: bytes, parent: int, notebook: Notebook, prepared: confine.Prepared | OSError | None
) -> NoReturn:
    """Confine this process and run a notebook in it; never returns, and the process ends here whatever happens.

    descriptor: the pipe's.  job: JSON of the work folder, the environment, the limits, and the arguments of
        ``Notebook.run``.
    parent: see ``confine.ends_with``.
    prepared: what ``confine.prepare`` returned or raised; None to run unconfined.
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
        sys.path.insert(0, "")  # as in a kernel: a notebook imports what lies beside it
        sys.dont_write_bytecode = True  # modules there are the instructor's, or are not imported twice
        notebook.connect(pipe)
        if isinstance(prepared, OSError):
            raise prepared
        layers = [] if prepared is None else confine.confine(Limits(**setup["limits"]), prepared)
        wire.send(pipe, {"ready": layers})
        notebook.run(setup["tests"], setup["files"])
    except confine.Unconfined as why:
        with contextlib.suppress(wire.Broken):
            wire.send(pipe, {"unconfined": str(why)})
    except BaseException:  # nobody is left to report it to
        os._exit(1)
    os._exit(0)


def _silence(kept: set[int]) -> None:
    """Point the standard streams to the null device, and close every descriptor but these and ``kept``."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    confine.close_descriptors({0, 1, 2, *kept})


class Notebook:
    """Runs a notebook's cells, and provides the ``check`` that they call, for the trusted side at the end of a pipe.

    Made once, before the forks, each of which gets a copy.  It has run ``REHEARSAL`` and forgotten it, so that no fork
    has to do again what is imported or looked up only the first time.
    """

    def __init__(self) -> None:
        self.shell = Shell.made()
        self.pipe: Any = None
        self.last: object = None  # the answer that the last check was given
        self.texts: dict[str, str] = {}  # of modules of functions that calls hand over, by key
        self.modules: dict[str, ModuleType] = {}  # those of them that were needed
        self._rehearse()
        restore = pristine()
        self.tests: tuple[Callable[[], None], Run] | None = restore, tester(self.shell, restore)

    def connect(self, pipe: Any) -> None:
        """Use this pipe, in a fork, and make the ``check`` of the package ``grader`` ask over it."""
        self.pipe = pipe
        self.shell.begin()
        package: Any = sys.modules["grader"]
        package.check = self.check
        package.hint = package.progress = package.gallery = _quiet

    def run(self, tests: bool, files: str) -> NoReturn:
        """Run cell after cell until the trusted side ends this process.  Raises ``wire.Broken`` if the pipe closes.

        tests: whether there are tests of the instructor's among them.  Then what tests rely on is put back as it was
            before each message is received, so that no submission can read a test, or answer it, in its place.
        files: the folder of the instructor's files, "" if there are none.
        """
        assert self.tests
        restore, test = self.tests
        self.tests = None  # a submission could replace whatever it reaches by ``check.__self__``
        pipe, kind = self.pipe, type(self.pipe)
        while True:
            if tests:
                restore()
                object.__setattr__(pipe, "__class__", kind)
            message, arrays = wire.receive(pipe)
            if "calls" in message:
                self._again(message, arrays)
            elif "test" in message:
                reply = test(message, files)
                restore()  # an object of the submission's may have been shown, whose methods can do anything
                wire.send(pipe, reply)
            else:
                wire.send(pipe, {"done": self.shell.cell(message["source"], message["limit"])})

    def check(self, id: str, answer: object) -> Any:
        """Probe ``answer`` with the inputs that the trusted side sends, if it sends any, and send back the results.

        Shows nothing: the verdict appears on the feedback page.
        """
        wire.send(self.pipe, {"check": text_of(id)})
        message, arrays = wire.receive(self.pipe)
        if "calls" in message:
            self.last = answer
            self._put(message, arrays)
        return _Nothing()

    def _again(self, message: dict[str, Any], arrays: codec.Arrays) -> None:
        """Probe the last answer with more calls, after its cell has run."""
        try:
            self._put(message, arrays)
        except KeyboardInterrupt:  # raised by the answer itself: between cells SIGINT is ignored
            wire.send(self.pipe, {"unanswered": True})

    def _put(self, message: dict[str, Any], arrays: codec.Arrays) -> None:
        found: codec.Arrays = {}
        self.texts.update(message["modules"])
        calls = [codec.call_from_message(call, self._function, arrays) for call in message["calls"]]
        answers = [codec.answer_as_message(probe(self.last, call), found) for call in calls]
        wire.send(self.pipe, {"answers": answers}, found)

    def _function(self, name: Name) -> Callable[..., Any]:
        key, inner = name
        if key not in self.modules:
            self.modules[key] = _executed(key, self.texts[key])
        function: Callable[..., Any] = getattr(self.modules[key], inner)
        return function

    def _rehearse(self) -> None:
        ours, theirs = socket.socketpair()
        arrays: codec.Arrays = {}
        call = Call((Arg("x", np.ones(2), requires_grad=True),))
        wire.send(ours, {"calls": [codec.call_as_message(call, NONE, arrays)], "modules": {}}, arrays)
        self.connect(theirs)
        for source in REHEARSAL:
            self.shell.cell(source, LONGEST_MESSAGE)
        self.shell.forget()
        self.pipe = self.last = None
        ours.close()
        theirs.close()


def _executed(key: str, text: str) -> ModuleType:
    """A module made of a source text.  It is not in ``sys.modules``, so a submission cannot import it."""
    module = ModuleType(key)
    exec(compile(text, f"<functions of {key}>", "exec", dont_inherit=True), vars(module))
    return module


class _Nothing:
    """What ``check`` returns here, shown as nothing: the card is made on the trusted side."""

    def __repr__(self) -> str:
        return ""

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {"text/plain": ""}


def _quiet(*arguments: object) -> _Nothing:
    return _Nothing()
