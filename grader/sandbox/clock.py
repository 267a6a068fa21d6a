"""The time that limits count of a process: what it computed or slept, and not what it waited for a processor.

On a busy machine a process waits while others run.  Counted as its own, that would let others decide what it may do.
"""

from __future__ import annotations

import contextlib
import os
import time

NANOSECOND = 1e-9
LONGEST_LINE = 128  # bytes: three numbers


class Clock:
    """Seconds of one process since this was made; see ``used``.

    pid: as this process sees it.  A limit looks at the clock hundreds of times in a submission, so the file that tells
    how long the process waited stays open until ``close``.
    """

    def __init__(self, pid: int):
        self.pid = pid
        self._cpu, self._waited, self._descriptor = 0.0, 0.0, -1
        with contextlib.suppress(OSError):
            self._descriptor = os.open(f"/proc/{pid}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        self.started = time.monotonic()
        self._first = self._now()

    def __enter__(self) -> Clock:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop looking.  What was used until now stays readable."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def used(self) -> float:
        """The larger of two times: what all of its threads computed, and what passed while its first thread, which runs
        the cells, was not waiting for a processor.  The latter has the seconds that it slept.
        """
        cpu, waited = self._now()
        return max(cpu - self._first[0], time.monotonic() - self.started - (waited - self._first[1]))

    def _now(self) -> tuple[float, float]:
        """Seconds computed and seconds waited so far; those of the last look where the process has ended.

        Where a kernel does not tell, nothing was waited, and the time on the clock decides.
        """
        with contextlib.suppress(OSError):
            # clock_getcpuclockid(3): the number of the clock of a whole process
            self._cpu = time.clock_gettime(~self.pid << 3 | 2)
        with contextlib.suppress(OSError, ValueError, IndexError):
            self._waited = int(os.pread(self._descriptor, LONGEST_LINE, 0).split()[1]) * NANOSECOND
        return self._cpu, self._waited
