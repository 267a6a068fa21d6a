"""What a process keeps from one submission to the next because it takes long to make, and how that ends."""

from __future__ import annotations

import atexit
from collections.abc import Mapping

import nbformat
from nbformat import NotebookNode

from grader.classroom.bounded import Pool
from grader.classroom.judging import Shown
from grader.nbgrader.job import Unit
from grader.sandbox.forkserver import ForkServer
from grader.sandbox.zygote import Zygote


class Resources:
    """Processes and drawings, made when they are first needed and kept until ``close``.

    bounded: processes that read what was handed in and make pages.  shown: what everybody is shown of a question.
    fork_server: where zygotes are forked from; None starts each by itself, which takes seconds.
    """

    def __init__(self) -> None:
        self.bounded = Pool()
        self.shown = Shown()
        self.fork_server: ForkServer | None = None
        self._released: dict[str, dict[str, NotebookNode]] = {}
        self._zygotes: dict[bool, list[Zygote]] = {True: [], False: []}

    def released(self, unit: Unit) -> Mapping[str, NotebookNode]:
        """A unit's release versions, parsed once; not to be changed."""
        if unit.version not in self._released:
            self._released[unit.version] = {k: nbformat.reads(text, as_version=4) for k, text in unit.released.items()}
        return self._released[unit.version]

    def lend(self, confined: bool) -> Zygote:
        """A zygote that nobody else has, until ``take_back``; it gets ready while other work is done."""
        idle = self._zygotes[confined]
        while idle:
            zygote = idle.pop()
            if zygote.alive:
                return zygote
            zygote.close()
        return Zygote(confined, self.fork_server)

    def take_back(self, zygote: Zygote) -> None:
        self._zygotes[zygote.confined].append(zygote)

    def close(self) -> None:
        """End all processes that nobody has.  What is asked for afterwards is made again."""
        self.bounded.close()
        for idle in self._zygotes.values():
            while idle:
                idle.pop().close()


PROCESS = Resources()
atexit.register(PROCESS.close)
