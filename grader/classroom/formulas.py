"""Formulas in TeX as MathML, which browsers lay out by themselves, without a script and without a network.

latex2mathml reads the TeX.  What it makes is written here, from lists of elements and attributes, since it also knows
macros for links and styles, and a student's text must not use these.
"""

from __future__ import annotations

import re
from html import escape, unescape
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element

LONGEST = 2_000  # characters of a formula that is laid out
ELEMENTS = frozenset(
    (
        "math", "menclose", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded",
        "mphantom", "mprescripts", "mroot", "mrow", "mspace", "msqrt", "mstyle", "msub", "msubsup",
        "msup", "mtable", "mtd", "mtext", "mtr", "munder", "munderover", "none",
    )
)  # fmt: skip
ATTRIBUTES = frozenset(
    (
        "accent", "accentunder", "columnalign", "columnlines", "columnspacing", "display",
        "displaystyle", "fence", "form", "largeop", "linethickness", "lspace", "mathvariant",
        "maxsize", "minsize", "movablelimits", "rowspacing", "rspace", "scriptlevel", "separator",
        "stretchy", "symmetric", "width",
    )
)  # fmt: skip
_ALIGNED = re.compile(r"\\(begin|end)\{(aligned|split)\}")  # which the library does not know, as it does align*
_VALUE = re.compile(r"[\w.%+ -]*")
_LEFT_OVER = re.compile(r"\\|^&$")  # a macro that is not known, or a column mark outside of a table


class NoFormula(ValueError):
    """The text is not a formula that can be laid out."""


def as_mathml(tex: str, display: bool = False) -> str:
    """A formula as a MathML element.

    tex: without its dollars.  display: on a line of its own.
    Raises NoFormula for a text that is not TeX, uses unknown macros, or is longer than LONGEST.
    """
    if len(tex) > LONGEST:
        raise NoFormula(tex[:LONGEST])
    try:
        made = convert_to_element(_ALIGNED.sub(r"\\\1{align*}", tex.strip()), display="block" if display else "inline")
    except (Exception, RecursionError) as why:  # the library raises errors of many kinds
        raise NoFormula(tex) from why
    return _written(made, tex)


def _written(element: Element, tex: str) -> str:
    """An element as text.  The library writes characters as references, each in a text of its own."""
    text = unescape(element.text or "")
    if element.tag not in ELEMENTS or (element.tag != "mtext" and _LEFT_OVER.search(text)):
        raise NoFormula(tex)
    kept = {name: value for name, value in element.attrib.items() if name in ATTRIBUTES and _VALUE.fullmatch(value)}
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in kept.items())
    inside = escape(text, quote=False) + "".join(_written(part, tex) for part in element)
    return f"<{element.tag}{attributes}>{inside}</{element.tag}>"
