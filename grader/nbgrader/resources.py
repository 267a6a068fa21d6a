"""What a process keeps from one submission to the next because it is slow to make."""

from __future__ import annotations

import atexit
from collections.abc import Mapping

import nbformat

from grader.classroom.bounded import Pool
from grader.classroom.cells import cells_of
from grader.classroom.judging import Rules, Shown
from grader.nbgrader.job import Unit
from grader.pack import Packs, loaded
from grader.sandbox.forkserver import ForkServer
from grader.sandbox.zygote import Zygote


class Resources:
    """Processes and problems, made when they are first needed and kept until ``close``.

    bounded: processes that read submissions and make feedback pages.
    shown: the problems and cards that are the same for everybody.
    fork_server: what zygotes are forked from; if None, each is started by itself, which takes seconds.
    """

    def __init__(self) -> None:
        self.bounded = Pool()
        self.shown = Shown()
        self.fork_server: ForkServer | None = None
        self._rules: dict[str, dict[str, Rules]] = {}
        self._zygotes: dict[bool, list[Zygote]] = {True: [], False: []}

    def rules(self, unit: Unit) -> Mapping[str, Rules]:
        """``{notebook: Rules}`` of a unit, made once.  Do not change them.  Raises PackError."""
        if unit.version not in self._rules:
            packs, made = Packs(map(loaded, unit.packs)), dict[str, Rules]()
            for name, text in unit.released.items():
                nb = nbformat.reads(text, as_version=4)
                made[name] = Rules(nb, cells_of(nb, unit.hidden.get(name)), packs, unit.files)
            self._rules[unit.version] = made
        return self._rules[unit.version]

    def lend(self, confined: bool) -> Zygote:
        """A zygote for the caller alone, to be returned by ``take_back``.  A new one starts up in the background."""
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
        """End all processes that are not lent out.  New ones are started if they are needed again."""
        self.bounded.close()
        for idle in self._zygotes.values():
            while idle:
                idle.pop().close()


PROCESS = Resources()
atexit.register(PROCESS.close)
