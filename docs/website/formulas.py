"""Formulas as MathML, which browsers lay out by themselves: no script, no fonts, no network."""

from __future__ import annotations

import re
from html import unescape

from latex2mathml.converter import convert

ALIGNED = re.compile(r"\\(begin|end)\{(aligned|split)\}")  # which the library does not know, as it does align*
LEFT_OVER = re.compile(r"\\[A-Za-z]+|<m[ion]>&</m[ion]>")  # an unknown command, or a column mark outside of a table


def mathml(tex: str, display: bool = False) -> str:
    """A formula as a MathML element.  tex: without its dollars.  display: on a line of its own.

    Raises ValueError for what has no translation.
    """
    made = convert(ALIGNED.sub(r"\\\1{align*}", tex.strip()), display="block" if display else "inline")
    if lost := LEFT_OVER.findall(unescape(made)):
        raise ValueError(f"no MathML for {', '.join(lost)} in {tex}")
    return made
