"""Numbers, shapes and arrays as people read them: the one place that formats them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from grader.words import CARD

LONGEST = 8  # entries of an array printed in running text before it is cut
MOST = 1000  # numbers and rows of one text before the rest is cut
LARGEST_SIZE = 10**9  # larger sizes are printed like numbers


def number(value: float | complex) -> str:
    """A number to four significant digits, with a true minus sign: −0.25, nan, ∞, 1+2i."""
    if isinstance(value, complex) and value.imag:
        return f"{number(value.real)}{'+' if value.imag >= 0 else '−'}{number(abs(value.imag))}i"
    real = float(value.real)
    if math.isnan(real):
        return "nan"
    if math.isinf(real):
        return "∞" if real > 0 else "−∞"
    text = f"{real:.4g}"
    return ("0" if text == "-0" else text).replace("-", "−")


def shape(sizes: tuple[int, ...]) -> str:
    """A shape as Python writes it: (), (3,), (2, 3).  Cut after ``LONGEST`` sizes."""
    inside = listed(sizes, lambda size: str(int(size)) if abs(size) < LARGEST_SIZE else number(size))
    return f"({inside},)" if len(sizes) == 1 else f"({inside})"


def listed(things: Sequence[Any], text: Callable[[Any], str] = str) -> str:
    """Things with commas between them, as ``text`` writes them; cut after ``LONGEST``."""
    return ", ".join([text(thing) for thing in things[:LONGEST]] + ["…"] * (len(things) > LONGEST))


def values(thing: Any) -> str:
    """An array, or a tuple of arrays, on one line: nested brackets for rows, each cut after ``LONGEST`` entries.

    At most ``MOST`` numbers are printed in all; an array without entries is printed as its shape.  Also takes None, and
    a text, which is returned unchanged (an empty one as words for "none of them").
    """
    return _values(thing, itertools.count())


def _values(thing: Any, printed: Iterator[int]) -> str:
    if thing is None:
        return "None"
    if isinstance(thing, str):
        return thing or CARD["none_of_them"]
    if isinstance(thing, tuple):
        return "(" + ", ".join(_values(item, printed) for item in thing) + ("," if len(thing) == 1 else "") + ")"
    array = np.asarray(thing)
    if array.ndim == 0:
        next(printed)
        return number(array.item())
    if not array.size:
        return f"[] {shape(array.shape)}" if array.ndim > 1 else "[]"
    rows = []
    for row in array[:LONGEST]:
        spent = next(printed)  # rows that are looked at count too, even if they are left out
        if spent > MOST:
            break
        rows.append(_values(row, printed))
    return "[" + ", ".join(rows + ["…"] * (len(array) > len(rows))) + "]"


def of(n: float) -> str:
    """A number of points without unnecessary decimals: 2, 1.5."""
    return f"{n:.4g}"


def fill(template: str, facts: Mapping[str, Any]) -> str:
    """The template with its placeholders in braces filled from ``facts``; raises KeyError if one is missing."""
    return template.format_map(facts)
