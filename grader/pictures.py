"""The pictures that cards and lessons share: one theme, one habit for alt text.

Tables of numbers and graphs are inline SVG that takes its text colour from the page, so that they
read in a light and in a dark JupyterLab, in print, and in exported HTML without a network.  Curves
come from Matplotlib as SVG, with the same habit.  Blue is positive, orange is negative (two hues that
all common forms of colour blindness tell apart), and every cell holds its number.  A picture's
``text/plain`` is its alt text: that is what a notebook keeps.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from grader import words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POSITIVE, NEGATIVE, ACCENT = "#0072b2", "#d55e00", "#009e73"  # after Okabe and Ito, Color Universal Design
DEEPEST = 0.62  # opacity of the largest entry: dark enough to see, light enough to read the number on
CELL_W, CELL_H, GAP, FONT = 66, 30, 14, 13
LARGEST = 12  # rows or columns shown before an array is cut

_slider_numbers = itertools.count(1)


class Picture:
    """A picture as HTML with its alt text; ``&`` sets two side by side.

    svg: the HTML, inline SVG for the most part.  alt: what it shows, in a sentence.
    """

    def __init__(self, svg: str, alt: str):
        self.svg, self.alt = svg, alt

    def __and__(self, other: Picture) -> Picture:
        row = '<div style="display:flex;flex-wrap:wrap;gap:18px;align-items:flex-start">'
        return Picture(f"{row}{self.svg}{other.svg}</div>", f"{self.alt} {other.alt}")

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {"text/plain": f"[Picture] {self.alt}", "text/html": self.svg}


def heatmap(
    values: Any,
    title: str = "",
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    row: int | None = None,
    column: int | None = None,
    largest: float | None = None,
) -> Picture:
    """A table of numbers, coloured by sign and size.

    values: a number, (n,) or (m, n); more dimensions are folded into rows.
    rows, columns: labels.  row, column: a spotlight on one of them.
    largest: what counts as the deepest colour; the largest entry by default.
    """
    array = np.asarray(values, dtype=float)
    grid = array.reshape(1, -1) if array.ndim < 2 else array.reshape(-1, array.shape[-1])
    cut = grid.shape[0] > LARGEST or grid.shape[1] > LARGEST
    grid = grid[:LARGEST, :LARGEST]
    finite = np.abs(grid[np.isfinite(grid)])
    top = largest or float(finite.max(initial=0)) or 1.0
    left, above = (34 if rows else 2), (22 if title else 2) + (18 if columns else 0)
    parts = [_text(left, 15, title, weight="600")] if title else []
    for j, label in enumerate(columns[: grid.shape[1]]):
        parts.append(_text(left + (j + 0.5) * CELL_W, above - 6, label, "middle", size=12))
    for i in range(grid.shape[0]):
        y = above + i * CELL_H
        if i < len(rows):
            parts.append(_text(left - 7, y + 20, rows[i], "end", size=12))
        for j, entry in enumerate(grid[i]):
            dim = (row is not None and i != row) or (column is not None and j != column)
            parts.append(_cell(left + j * CELL_W, y, entry, top, dim))
    width = max(left + grid.shape[1] * CELL_W + 2, 9 * len(title))
    height = above + grid.shape[0] * CELL_H + 2
    lit = f", row {row} lit" if row is not None else f", column {column} lit" if column is not None else ""
    alt = f"{title or 'Table'}{lit}: {words.values(array)}{' (cut)' if cut else ''}."
    return Picture(_svg(width, height, parts, alt), alt)


def triptych(yours: Any, true: Any) -> Picture:
    """Yours, true and the difference, side by side and on one colour scale; shapes must be equal."""
    yours, true = np.asarray(yours, dtype=float), np.asarray(true, dtype=float)
    both = np.abs(np.concatenate([yours.reshape(-1), true.reshape(-1)]))
    top = float(both[np.isfinite(both)].max(initial=0)) or 1.0
    with np.errstate(invalid="ignore"):
        difference = yours - true
    return (
        heatmap(yours, words.CARD["yours"], largest=top)
        & heatmap(true, words.CARD["true"], largest=top)
        & heatmap(difference, words.CARD["difference"], largest=top)
    )


def weighted_rows(J: np.ndarray, v: np.ndarray, rows: Sequence[str] = (), columns: Sequence[str] = ()) -> Picture:
    """The rows of J, each times its weight, adding up to Jᵀv.  J: (m, n), v: (m,)."""
    J, v = np.asarray(J, dtype=float), np.asarray(v, dtype=float)
    m, n = J.shape
    rows = rows or [f"y{_subscript(i)}" for i in range(m)]
    columns = columns or [f"x{_subscript(j)}" for j in range(n)]
    weighted, total = v[:, None] * J, v @ J
    top = float(max(np.abs(J).max(initial=0), np.abs(weighted).max(initial=0), np.abs(total).max(initial=0))) or 1.0
    x_v, x_j = 34, 34 + CELL_W + 26
    x_w = x_j + n * CELL_W + 40
    parts = [
        _text(x_v, 14, "v", weight="600"),
        _text(x_j, 14, "row of J", weight="600"),
        _text(x_w, 14, "weight × row", weight="600"),
    ]
    for j in range(n):
        parts += [_text(x + (j + 0.5) * CELL_W, 30, columns[j], "middle", size=11) for x in (x_j, x_w)]
    for i in range(m):
        y = 36 + i * CELL_H
        parts += [_text(27, y + 20, rows[i], "end", size=12), _cell(x_v, y, v[i], float(np.abs(v).max()) or 1.0)]
        parts += [_text(x_v + CELL_W + 13, y + 20, "×", "middle"), _text(x_w - 20, y + 20, "=", "middle")]
        for j in range(n):
            parts += [_cell(x_j + j * CELL_W, y, J[i, j], top), _cell(x_w + j * CELL_W, y, weighted[i, j], top)]
    y = 36 + m * CELL_H + 8
    parts.append(
        f'<line x1="{x_w}" x2="{x_w + n * CELL_W}" y1="{y - 3}" y2="{y - 3}" stroke="currentColor" stroke-width="1.5"/>'
    )
    parts.append(_text(x_w - 10, y + 20, "Jᵀv =", "end", weight="600"))
    parts += [_cell(x_w + j * CELL_W, y, total[j], top) for j in range(n)]
    terms = "; ".join(f"{words.number(v[i])} times {words.values(J[i])}" for i in range(min(m, LARGEST)))
    alt = f"The rows of J, each times its weight, add up: {terms}; in all {words.values(total)}."
    return Picture(_svg(x_w + n * CELL_W + 4, y + CELL_H + 4, parts, alt), alt)


def chain(
    steps: Sequence[tuple[str, str]],
    edges: Sequence[str],
    back: Sequence[str] = (),
    shown: int | None = None,
    title: str = "",
) -> Picture:
    """A computation as boxes from left to right, with the way back drawn underneath.

    steps: (name, value) of each box.  edges: what happens between two boxes.
    back: the local derivative of each edge; ``shown`` of them are drawn, from the right.
    """
    box, wide, top = 96, 74, 26 if title else 6
    count = len(back) if shown is None else shown
    parts = [_text(2, 15, title, weight="600")] if title else []
    for k, (name, value) in enumerate(steps):
        x = 2 + k * (box + wide)
        lit = k >= len(steps) - 1 - count
        parts.append(
            f'<rect x="{x}" y="{top}" width="{box}" height="46" rx="7" fill="{ACCENT if lit and count else POSITIVE}" '
            f'fill-opacity="{0.28 if lit and count else 0.13}" stroke="currentColor" stroke-opacity="0.5"/>'
        )
        parts += [
            _text(x + box / 2, top + 19, name, "middle", weight="600"),
            _text(x + box / 2, top + 37, value, "middle"),
        ]
        if k < len(edges):
            parts += _arrow(x + box + 5, x + box + wide - 5, top + 16, edges[k], above=True)
        if k < len(back) and k >= len(back) - count:
            parts += _arrow(x + box + wide - 5, x + box + 5, top + 34, back[k], above=False)
    width = 4 + len(steps) * box + (len(steps) - 1) * wide
    forward = " → ".join(f"{name} = {value}" for name, value in steps)
    backward = ", ".join(reversed([b for k, b in enumerate(back) if k >= len(back) - count]))
    alt = f"{title + '. ' if title else ''}Forward: {forward}." + (f" Back: {backward}." if backward else "")
    return Picture(_svg(width, top + 62, parts, alt), alt)


def curves(draw: Callable[[Axes], None], alt: str, width: float = 6.2, height: float = 3.3) -> Picture:
    """A Matplotlib plot as SVG whose lines and texts take the page's colour.

    draw: receives the axes; use the colours ``POSITIVE``, ``NEGATIVE``, ``ACCENT`` and ``"black"``, which
    becomes the page's text colour.  width, height: in inches.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    draw(axes)
    figure.patch.set_alpha(0)
    axes.patch.set_alpha(0)
    if (legend := axes.get_legend()) is not None:
        legend.set_frame_on(False)
    buffer = io.StringIO()
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "grader"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"#000000|\bblack\b", "currentColor", text)
    text = text.replace("<text ", '<text fill="currentColor" ')
    text = re.sub(r'style="font: ([^"]*)"', r'style="font: \1; fill: currentColor"', text)
    label = f'role="img" aria-label="{escape(alt, quote=True)}" style="max-width:100%;height:auto"'
    return Picture(text.replace("<svg ", f"<svg {label} ", 1), alt)


def slider(frames: Sequence[tuple[str, Picture]], label: str, start: int = 0) -> Picture:
    """Pictures that follow a slider, drawn beforehand: no kernel and no network is needed to move it.

    frames: (the slider's reading, the picture).  Where scripts do not run, and in print, the frame
    ``start`` is seen; the alt text describes every frame.
    """
    name = f"grader-slider-{next(_slider_numbers)}"
    readings = "|".join(reading for reading, _ in frames)
    move = (
        "var b=this.closest('[data-slider]'),k=+this.value;"
        "b.querySelectorAll('[data-frame]').forEach(function(f,i){f.style.display=i===k?'block':'none'});"
        "var t=this.dataset.readings.split('|')[k];b.querySelector('output').textContent=t;"
        "this.setAttribute('aria-valuetext',t)"
    )
    shown = "".join(
        f'<div data-frame style="display:{"block" if k == start else "none"}">{picture.svg}</div>'
        for k, (_, picture) in enumerate(frames)
    )
    control = (
        f'<label for="{name}">{escape(label)} </label><input type="range" id="{name}" min="0" max="{len(frames) - 1}" '
        f'step="1" value="{start}" data-readings="{escape(readings, quote=True)}" '
        f'aria-valuetext="{escape(frames[start][0], quote=True)}" oninput="{escape(move, quote=True)}" '
        'style="vertical-align:middle;width:260px;max-width:60%"> '
        f"<output>{escape(frames[start][0])}</output>"
    )
    html = f'<div data-slider style="font-size:{FONT}px"><div style="margin-bottom:6px">{control}</div>{shown}</div>'
    alt = f"{label}, {len(frames)} positions. " + " ".join(f"{reading}: {p.alt}" for reading, p in frames)
    return Picture(html, alt)


def _cell(x: float, y: float, entry: float, top: float, dim: bool = False) -> str:
    colour = POSITIVE if entry >= 0 else NEGATIVE
    depth = DEEPEST * min(1.0, abs(entry) / top) if np.isfinite(entry) else 0.0
    faded = ' opacity="0.3"' if dim else ""
    return (
        f'<g{faded}><rect x="{x + 1:g}" y="{y + 1:g}" width="{CELL_W - 2}" height="{CELL_H - 2}" rx="3" '
        f'fill="{colour}" fill-opacity="{depth:.2f}" stroke="currentColor" stroke-opacity="0.25"/>'
        + _text(x + CELL_W / 2, y + 20, words.number(entry), "middle")
        + "</g>"
    )


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = FONT, weight: str = "400") -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" '
        f'fill="currentColor">{escape(text)}</text>'
    )


def _arrow(x1: float, x2: float, y: float, label: str, above: bool) -> list[str]:
    tip = 6 if x2 > x1 else -6
    colour = "currentColor" if above else NEGATIVE
    return [
        f'<path d="M{x1:g} {y:g}H{x2:g}m{-tip} -4l{tip} 4l{-tip} 4" fill="none" stroke="{colour}" stroke-width="1.6"/>',
        _text((x1 + x2) / 2, y - 6 if above else y + 18, label, "middle", size=12),
    ]


def _svg(width: float, height: float, parts: Sequence[str], alt: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(alt, quote=True)}" '
        f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}" '
        'style="max-width:100%;font-family:inherit">' + "".join(parts) + "</svg>"
    )


def _subscript(k: int) -> str:
    return "".join("₀₁₂₃₄₅₆₇₈₉"[int(d)] for d in str(k))
