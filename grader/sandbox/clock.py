"""The time that limits count of a process: what it computed or slept, and not what it waited for a processor.

On a busy machine a process waits while others run.  Counted as its own, that would let others decide what it may do.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

NANOSECOND = 1e-9


class Clock:
    """Seconds of one process since this was made; see ``used``.

    pid: as this process sees it.
    """

    def __init__(self, pid: int):
        self.pid = pid
        self.started = time.monotonic()
        self._cpu, self._waited = 0.0, 0.0
        self._first = self._now()

    def used(self) -> float:
        """The larger of two times: what all of its threads computed, and what passed while its first thread, which runs
        the cells, was not waiting for a processor.  The latter has the seconds that it slept.
        """
        cpu, waited = (now - first for now, first in zip(self._now(), self._first, strict=True))
        return max(cpu, time.monotonic() - self.started - waited)

    def _now(self) -> tuple[float, float]:
        """Seconds computed and seconds waited so far; those of the last look where the process has ended.

        Where a kernel does not tell, nothing was waited, and the time on the clock decides.
        """
        with contextlib.suppress(OSError):
            # clock_getcpuclockid(3): the number of the clock of a whole process
            self._cpu = time.clock_gettime(~self.pid << 3 | 2)
        with contextlib.suppress(OSError, ValueError, IndexError):
            waited = Path(f"/proc/{self.pid}/schedstat").read_text().split()[1]
            self._waited = int(waited) * NANOSECOND
        return self._cpu, self._waited
