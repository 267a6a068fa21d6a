"""Tables for spreadsheets and other systems: CSV in which nothing that a student chose is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

# What a spreadsheet takes for the start of a formula, the wide forms of East Asian keyboards included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

NO_GRADE = "-"  # alone it is no formula, and what Moodle writes and reads for it


def inert(entry: object) -> str:
    """A table's entry that no spreadsheet takes for a formula.  None is an empty entry; numbers stay as they are."""
    text = "" if entry is None else str(entry)
    return f"'{text}" if isinstance(entry, str) and text != NO_GRADE and text.startswith(_FORMULA) else text


def as_csv(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV after RFC 4180, every entry made inert.

    With the RFC's line ends Python quotes an entry that holds either half of one; with ``\\n`` alone, a name could
    start a line of its own for whoever reads ``\\r`` as one.
    """
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\r\n").writerows([inert(entry) for entry in row] for row in rows)
    return file.getvalue()


def plain(number: float | None) -> float | int | None:
    """A number as a table holds it: at most four decimals, no exponent, no needless ``.0``."""
    if number is None:
        return None
    rounded = round(float(number), 4)
    return int(rounded) if rounded.is_integer() else rounded
