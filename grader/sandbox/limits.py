"""What one submission may use: the one place where limits and their defaults are declared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What one submission may use.  Sizes in bytes, outputs in characters; ``words.LIMITS`` explains each.

    cell_seconds, notebook_seconds: as ``Clock`` counts them.  cpu_seconds: CPU time of the whole notebook.
    memory: of address space, beyond what the process has at the start.
    threads: at one time.  The trusted side counts them; in a user namespace the kernel limits them as well.
    reading_seconds, page_seconds: for the process that reads what was handed in and makes the feedback page.
    """

    cell_seconds: float = 20.0
    notebook_seconds: float = 120.0
    cpu_seconds: int = 120
    memory: int = 4 * 2**30
    file_size: int = 64 * 2**20
    open_files: int = 128
    work_size: int = 256 * 2**20
    threads: int = 64
    cell_output: int = 200_000
    notebook_output: int = 2_000_000
    reading_seconds: float = 30.0
    page_seconds: float = 30.0


USUAL = Limits()  # the defaults
