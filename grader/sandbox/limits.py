"""What one submission may use: the one place where limits and their defaults are declared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What one submission may use.  Bytes, characters, and seconds as ``Clock`` counts them; see ``words.LIMITS``.

    memory: of address space, beyond what the process has at the start.  threads: of the process, where it is in a user
        namespace of its own; elsewhere the trusted side counts them.
    reading_seconds, page_seconds: of the process that reads what was handed in and makes the feedback page.
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


USUAL = Limits()  # what a submission may use where nobody says otherwise
