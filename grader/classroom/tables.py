"""CSV tables for spreadsheets and other systems, in which no text from a student can become a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

# Characters that start a formula in a spreadsheet, including their full-width forms.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

NO_GRADE = "-"  # Moodle's sign for no grade; by itself it is no formula


def inert(entry: object) -> str:
    """An entry as text that no spreadsheet takes for a formula.  None becomes ""; numbers are left alone."""
    text = "" if entry is None else str(entry)
    return f"'{text}" if isinstance(entry, str) and text != NO_GRADE and text.startswith(_FORMULA) else text


def as_csv(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV in the form of RFC 4180, every entry made inert.

    Lines end in ``\\r\\n``, so that Python quotes entries with either character.  Otherwise a ``\\r`` in a name could
    begin a new row for programs that read it as a line end.
    """
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\r\n").writerows([inert(entry) for entry in row] for row in rows)
    return file.getvalue()


def plain(number: float | None) -> float | int | None:
    """A number rounded to four decimals, as an int if it is whole; None for None."""
    if number is None:
        return None
    rounded = round(float(number), 4)
    return int(rounded) if rounded.is_integer() else rounded
