"""The pictures that cards and lessons share, all in one theme and with alt text.

Tables of numbers are HTML and graphs are inline SVG; both take their text color from the page, so that they are
readable in a light and in a dark JupyterLab, in print, and in exported HTML without a network.  Curves are SVG from
Matplotlib, recolored to do the same.  Blue is positive and orange is negative, two hues that can be told apart with all
common forms of color blindness, and every cell shows its number.  A picture's ``text/plain`` is its alt text, the only
part of it that is saved in a notebook of this course.  From a notebook that it does not trust, JupyterLab removes SVG
and scripts: a graph then shows its alt text, and a slider says what to do.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from grader import formatting
from grader.words import CARD, PICTURES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POSITIVE, NEGATIVE, ACCENT = "#0072b2", "#d55e00", "#009e73"  # after Okabe and Ito, Color Universal Design
ROUNDING = 1e-12  # a difference below this, relative to the largest entry, is drawn as 0
DIMMED = 0.3  # of its opacity, for a cell beside one that is highlighted
PRINTED = "-webkit-print-color-adjust:exact;print-color-adjust:exact"  # browsers print no backgrounds without it
DEEPEST = 0.62  # opacity of the largest entry: dark enough to see, light enough to read the number on
CELL_W, LABEL_W, FONT = 66, 34, 13  # pixels; cells and labels grow with long labels
CHARACTER, PADDING = 7.5, 12  # pixels of a label: of one character, and of both sides together
LARGEST = 12  # rows or columns shown before an array is cut

_numbers = itertools.count(1)  # with its alt text, makes the ids within a plot differ from those of all others


def tint(colour: str, depth: float) -> str:
    """The color ``#rrggbb`` at an opacity in [0, 1], in CSS: the page's background, light or dark, shines through."""
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},{depth:.2f})"


class Picture:
    """A picture as HTML with its alt text; ``a & b`` sets two side by side.

    html: what is displayed.  alt: what the picture shows, in a sentence.
    """

    def __init__(self, html: str, alt: str):
        self.html, self.alt = html, alt

    def __and__(self, other: Picture) -> Picture:
        row = '<div style="display:flex;flex-wrap:wrap;gap:18px;align-items:flex-start">'
        return Picture(f"{row}{self.html}{other.html}</div>", f"{self.alt} {other.alt}")

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {"text/plain": f"[Picture] {self.alt}", "text/html": self.html}


def heatmap(
    values: Any,
    title: str = "",
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    row: int | None = None,
    column: int | None = None,
    largest: float | None = None,
) -> Picture:
    """A table of numbers, colored by sign and size; at most ``LARGEST`` rows and columns of it are shown.

    values: a number, or an array of shape (n,) or (m, n); further leading dimensions are folded into the rows.
    rows, columns: labels.  row, column: the index of one to highlight; the others are dimmed.
    largest: the absolute value that gets the deepest color; by default that of the largest entry shown.
    """
    array = np.asarray(values, dtype=float)
    # Both sizes are given, because reshape cannot infer a -1 for an array without entries.
    table = array.reshape(int(np.prod(array.shape[:-1])), array.shape[-1] if array.ndim else 1)
    cut = table.shape[0] > LARGEST or table.shape[1] > LARGEST
    table = table[:LARGEST, :LARGEST]
    top = largest or _largest(table)
    width = table.shape[1]
    rows, columns = rows[: len(table)], columns[:width]
    cells = []
    if columns:
        cells += [_label("")] * bool(rows) + [_label(name) for name in columns]
    for i, entries in enumerate(table):
        if rows:
            cells.append(_label(rows[i] if i < len(rows) else "", "right"))
        for j, entry in enumerate(entries):
            lit = None if row is None and column is None else row in (None, i) and column in (None, j)
            cells.append(_cell(entry, top, lit))
    said = [PICTURES[f"{way}_lit"].format(k=k) for way, k in (("row", row), ("column", column)) if k is not None][:1]
    alt = PICTURES["table_cut" if cut else "table"].format(
        title=title or PICTURES["untitled"], lit="".join(said), values=formatting.values(array)
    )
    widths = ([_width(rows, LABEL_W)] if rows else []) + [_width(columns, CELL_W)] * width
    return Picture(_grid(widths, cells, alt, title), alt)


def triptych(yours: Any, true: Any) -> Picture:
    """Yours, true and their difference, side by side and on one color scale.  yours, true: arrays of the same shape."""
    yours, true = np.asarray(yours, dtype=float), np.asarray(true, dtype=float)
    top = _largest(np.concatenate([yours.reshape(-1), true.reshape(-1)]))
    with np.errstate(invalid="ignore", over="ignore"):
        difference = yours - true
        difference = np.where(np.abs(difference) < ROUNDING * top, 0.0, difference)
    return (
        heatmap(yours, CARD["yours"], largest=top)
        & heatmap(true, CARD["true"], largest=top)
        & heatmap(difference, CARD["difference"], largest=top)
    )


def weighted_rows(
    J: np.ndarray,
    v: np.ndarray,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    matrix: str = "J",
    weight: str = "v",
    total: str = "Jᵀv",
) -> Picture:
    """The rows of a matrix, each times its weight, adding up: by default the rows of J to Jᵀv.

    J: (m, n), v: (m,).  rows, columns: labels.  matrix, weight, total: the names of J, of v and of the sum, e.g. "H",
    "u" and "Hu" for a symmetric matrix.
    """
    J, v = np.asarray(J, dtype=float), np.asarray(v, dtype=float)
    m, n = J.shape
    rows = rows or [f"y{_subscript(i)}" for i in range(m)]
    columns = columns or [f"x{_subscript(j)}" for j in range(n)]
    weighted, added = v[:, None] * J, v @ J
    top, top_v = _largest(np.stack([*J, *weighted, added])), _largest(v)
    heads = PICTURES["row_of"].format(matrix=matrix), PICTURES["weight_times_row"]
    span = f"grid-column:span {n}"
    cells = [_label(""), _label(weight, bold=True), _label("")]
    cells += [_label(heads[0], bold=True, style=span), _label(""), _label(heads[1], bold=True, style=span)]
    cells += [_label("")] * 3 + [_label(name) for name in columns] + [_label("")] + [_label(name) for name in columns]
    for i in range(m):
        cells += [_label(rows[i], "right"), _cell(v[i], top_v), _label("×")]
        cells += [_cell(entry, top) for entry in J[i]] + [_label("=")]
        cells += [_cell(entry, top) for entry in weighted[i]]
    rule = "border-top:2px solid;padding-top:3px;margin-top:3px"
    cells.append(_label(f"{total} =", "right", bold=True, style=f"grid-column:span {n + 4};padding-top:9px"))
    cells += [f'<div style="{rule}">{_cell(entry, top)}</div>' for entry in added]
    term, shown = PICTURES["term"], range(min(m, LARGEST))
    terms = "; ".join(term.format(weight=formatting.number(v[i]), row=formatting.values(J[i])) for i in shown)
    alt = PICTURES["weighted_rows"].format(matrix=matrix, terms=terms, total=total, sum=formatting.values(added))
    entries = [max(_width(columns, CELL_W), -(-_width(heads, CELL_W) // max(n, 1)))] * n
    return Picture(_grid([_width(rows, LABEL_W), CELL_W, 26, *entries, 40, *entries], cells, alt), alt)


def chain(
    steps: Sequence[tuple[str, str]],
    edges: Sequence[str],
    back: Sequence[str] = (),
    shown: int | None = None,
    title: str = "",
) -> Picture:
    """A computation as boxes from left to right, with the backward pass drawn underneath.

    steps: (name, value) of each box.  edges: the operation between each box and the next.
    back: the local derivative of each edge.  shown: how many of these are drawn, from the right; None draws all.
    """
    top = 26 if title else 20
    box = max(96, *(8 * max(len(name), len(value)) + 16 for name, value in steps))
    wide = max(74, *(7 * len(label) + 24 for label in (*edges, *back)))
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
            parts += _line(x + box + 5, top + 16, x + box + wide - 5, top + 16, edges[k], "currentColor")
        if k < len(back) and k >= len(back) - count:
            parts += _line(x + box + wide - 5, top + 34, x + box + 5, top + 34, back[k], NEGATIVE)
    width = 4 + len(steps) * box + (len(steps) - 1) * wide
    forward = " → ".join(f"{name} = {value}" for name, value in steps)
    backward = ", ".join(reversed([b for k, b in enumerate(back) if k >= len(back) - count]))
    alt = _titled(title) + PICTURES["forward"].format(said=forward)
    alt += PICTURES["back"].format(said=backward) if backward else ""
    return Picture(_svg(width, top + 62, parts, alt), alt)


def graph(
    nodes: Mapping[str, tuple[int, float, str]],
    edges: Sequence[tuple[str, str, str]],
    lit: Sequence[str] = (),
    back: Sequence[tuple[str, str, str]] = (),
    cut: Sequence[tuple[str, str]] = (),
    title: str = "",
    box: int = 92,
    gap: int = 78,
) -> Picture:
    """A computation with branches: boxes in columns, arrows for the operations, and the backward pass beside them.

    nodes: name -> (column, row, value).  edges: (from, to, operation).  lit: names of boxes to highlight.
    back: (from, to, what is passed back), where "from" is the later box.
    cut: (from, to) of edges through which no gradient flows back; they are dashed.
    box, gap: the least widths of a box and of the space between two columns, in pixels.  A slider whose frames have
        texts of different lengths stands still if both are large enough for the longest.
    """
    top = 30 if title else 8
    box = max(box, *(8 * max(len(name), len(value)) + 16 for name, (_, _, value) in nodes.items()))
    labels = [label for _, _, label in (*edges, *back)]
    wide, tall = max(gap, *(7 * len(label) + 26 for label in labels)), 46
    lowest = min(row for _, row, _ in nodes.values())

    def corner(name: str) -> tuple[float, float]:
        column, row, _ = nodes[name]
        return 2 + column * (box + wide), top + (row - lowest) * 112

    parts = [_text(2, 15, title, weight="600")] if title else []
    for start, end, label in edges:
        (x1, y1), (x2, y2) = corner(start), corner(end)
        ends = (x1 + box + 4, y1 + tall / 2 - 7, x2 - 4, y2 + tall / 2 - 7)
        parts += _line(*ends, label, "currentColor", dashed=(start, end) in cut)
    for start, end, label in back:
        (x1, y1), (x2, y2) = corner(start), corner(end)
        parts += _line(x1 - 4, y1 + tall / 2 + 8, x2 + box + 4, y2 + tall / 2 + 8, label, NEGATIVE)
    for name, (_, _, value) in nodes.items():
        x, y = corner(name)
        parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{box}" height="{tall}" rx="7" '
            f'fill="{ACCENT if name in lit else POSITIVE}" fill-opacity="{0.32 if name in lit else 0.13}" '
            'stroke="currentColor" stroke-opacity="0.5"/>'
        )
        parts += [_text(x + box / 2, y + 19, name, "middle", weight="600")] if value else []
        parts.append(
            _text(x + box / 2, y + (37 if value else 28), value or name, "middle", weight="400" if value else "600")
        )
    width = max(corner(name)[0] for name in nodes) + box + 4
    height = max(corner(name)[1] for name in nodes) + tall + 6
    alt = _titled(title) + PICTURES["boxes"].format(
        said=", ".join(f"{name} {value}".strip() for name, (_, _, value) in nodes.items())
    )
    alt += PICTURES["forward"].format(said="; ".join(_edge(*edge, edge[:2] in cut) for edge in edges))
    alt += PICTURES["lit"].format(said=", ".join(lit)) if lit else ""
    handed = [PICTURES["handed_back"].format(start=a, end=b, label=label) for a, b, label in back]
    alt += PICTURES["back"].format(said="; ".join(handed)) if back else ""
    return Picture(_svg(width, height, parts, alt), alt)


def bucket(layers: Sequence[tuple[str, Any]], title: str = ".grad", holds: str | None = None) -> Picture:
    """``.grad`` as a bucket: what each call of backward added, the newest on top, with the sum underneath.

    A layer that makes no entry larger takes something away: it has a dashed outline, a minus, and no fill.

    layers: (which call, the array that it added), the first one at the bottom; all arrays have the same shape.
    holds: text to show underneath instead of the sum, e.g. "None".
    """
    total = (
        sum((np.asarray(value, dtype=float) for _, value in layers[1:]), np.asarray(layers[0][1], dtype=float))
        if layers
        else None
    )
    under = holds if holds is not None else "None" if total is None else formatting.values(total)
    texts = [f"{name}: {formatting.values(value)}" for name, value in layers]
    takes = [bool(np.all(np.asarray(value) <= 0) and np.any(value)) for _, value in layers]
    width = max(190, *(7.4 * len(text) + 52 for text in (*texts, under)))
    tall = 34
    depth = tall * max(3, len(layers)) + 12
    parts = [_text(width / 2, 16, title, "middle", weight="600")]
    parts.append(
        f'<path d="M6 26V{26 + depth}H{width - 6:g}V26" fill="none" stroke="currentColor" stroke-width="2.5"/>'
    )
    for k, text in enumerate(texts):
        y, colour = 26 + depth - (k + 1) * tall - 2, (POSITIVE, ACCENT)[k % 2]
        size = f'width="{width - 18:g}" height="{tall - 3}"'
        if takes[k]:
            parts.append(f'<rect x="9" y="{y}" {size} fill="none" stroke="{NEGATIVE}" stroke-dasharray="5 4"/>')
            parts.append(_text(20, y + 21, "−", "middle", weight="600", size=16))
        else:
            parts.append(f'<rect x="9" y="{y}" {size} fill="{colour}" fill-opacity="0.22"/>')
        parts.append(_text(width / 2, y + 20, text, "middle"))
    parts.append(_text(width / 2, depth + 46, f"= {under}", "middle", weight="600"))
    said = [PICTURES["takes_away"].format(layer=text) if takes[k] else text for k, text in enumerate(texts)]
    layers_said = PICTURES["layers"].format(said="; ".join(said)) if said else PICTURES["empty"]
    alt = PICTURES["bucket"].format(title=title, layers=layers_said, under=under)
    return Picture(_svg(width, depth + 54, parts, alt), alt)


def blocks(terms: Sequence[str | tuple[str, tuple[int, ...]]], unit: int = 22, title: str = "") -> Picture:
    """A product or a sum of tensors as blocks, each drawn to the scale of its shape.

    terms: (name, shape) for a block, or a text to put between two blocks, e.g. "·", "=" or "+".  A vector is drawn as a
        column, and a tensor with more than two dimensions as a matrix of the last two, labeled with its whole shape.
    unit: pixels per entry.
    """
    shapes = [term[1] for term in terms if not isinstance(term, str)]
    tallest = max((shape[-2] if len(shape) > 1 else shape[-1] if shape else 1) for shape in shapes) * unit
    top, x, parts = (28 if title else 6), 4.0, [_text(2, 15, title, weight="600")] if title else []
    said = []
    for term in terms:
        if isinstance(term, str):
            wide = 9 * len(term) + 18
            parts.append(_text(x + wide / 2, top + tallest / 2 + 5, term, "middle", size=16))
            x += wide
            said.append(term)
            continue
        name, shape = term
        rows, columns = (shape[-2], shape[-1]) if len(shape) > 1 else (shape[0], 1) if shape else (1, 1)
        size = "×".join(str(n) for n in shape) or "()"
        across = max(columns * unit, 8 * len(name) + 10, 7 * len(size) + 6)
        left, y = x + (across - columns * unit) / 2, top + (tallest - rows * unit) / 2
        parts.append(
            f'<rect x="{left:g}" y="{y:g}" width="{columns * unit}" height="{rows * unit}" fill="{POSITIVE}" '
            'fill-opacity="0.16" stroke="currentColor" stroke-opacity="0.7"/>'
        )
        parts += [_rule(left, y + k * unit, columns * unit, 0) for k in range(1, rows)]
        parts += [_rule(left + k * unit, y, 0, rows * unit) for k in range(1, columns)]
        parts.append(_text(x + across / 2, top + tallest + 18, name, "middle", weight="600"))
        parts.append(_text(x + across / 2, top + tallest + 35, size, "middle", size=12))
        x += across + 8
        said.append(f"{name} ({size})")
    alt = (f"{title}: " if title else "") + PICTURES["blocks"].format(said=" ".join(said))
    width = max(x, 8 * len(title) + 8)  # a title may be wider than small blocks
    return Picture(_svg(width, top + tallest + 42, parts, alt), alt)


def curves(draw: Callable[[Axes], None], alt: str, width: float = 6.2, height: float = 3.3) -> Picture:
    """A Matplotlib plot as SVG, in which all that is black takes the page's text color.

    draw: is called with the axes and draws on them in ``POSITIVE``, ``NEGATIVE``, ``ACCENT`` and ``"black"``; black
        becomes the page's text color.
    width, height: in inches.
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

    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": f"{alt} {next(_numbers)}"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"#000000|\bblack\b", "currentColor", text)
    # Black text, arrows and markers have no fill attribute of their own in Matplotlib's SVG.
    label = f'role="img" aria-label="{escape(alt, quote=True)}" fill="currentColor" style="max-width:100%;height:auto"'
    return Picture(_drawn(text.replace("<svg ", f"<svg {label} ", 1), alt), alt)


def along(name: str, x: np.ndarray, yours: np.ndarray, true: np.ndarray) -> Picture:
    """Two curves over the same points, all of shape (k,): yours, and the truth, dashed.  name: the label of the x axis.

    Plain SVG, without Matplotlib: a card is drawn at every check, and goes into pages that fetch nothing.
    """
    order = np.argsort(x)
    both = np.concatenate([yours, true])
    left, right, bottom, top = float(x.min()), float(x.max()), float(both.min()), float(both.max())
    width, height, at = 420, 190, 58  # of the frame, and where it begins
    ends = [0.0 if abs(v) < 1e-4 * (top - bottom) else v for v in (top, bottom)]  # the labels of the y axis

    def path(values: np.ndarray) -> str:
        across = at + (x[order] - left) / ((right - left) or 1.0) * width
        down = 24 + (top - values[order]) / ((top - bottom) or 1.0) * height
        return "M" + "L".join(f"{a:.1f} {d:.1f}" for a, d in zip(across, down, strict=True))

    parts = [
        _rule(at, 24, 0, height),
        _rule(at, 24 + height, width, 0),
        f'<path d="{path(yours)}" fill="none" stroke="{ACCENT}" stroke-width="2.5"/>',
        f'<path d="{path(true)}" fill="none" stroke="currentColor" stroke-width="1.5" stroke-dasharray="6 4"/>',
        *(_text(at - 6, y, formatting.number(v), "end", size=11) for y, v in zip((30, 24 + height), ends, strict=True)),
        *(_text(at + a, 40 + height, formatting.number(v), "middle", size=11) for a, v in ((0, left), (width, right))),
        _text(at + width / 2, 40 + height, name, "middle", size=12),
    ]
    for k, (said, colour, dash) in enumerate(
        ((CARD["yours"], ACCENT, ""), (CARD["true"], "currentColor", ' stroke-dasharray="6 4"'))
    ):
        start = at + 10 + 90 * k
        parts.append(f'<path d="M{start} 12h24" stroke="{colour}" stroke-width="2"{dash}/>')
        parts.append(_text(start + 30, 16, said, size=12))
    alt = PICTURES["along"].format(count=len(x), apart=formatting.number(float(np.abs(yours - true).max())))
    return Picture(_svg(at + width + 24, height + 50, parts, alt), alt)


def slider(frames: Sequence[tuple[str, Picture]], label: str, start: int = 0) -> Picture:
    """Pictures drawn in advance, and a slider that chooses one: moving it needs no kernel and no network.

    frames: (the slider's reading, the picture).  label: text before the slider.
    start: index of the frame shown at first, and the only one shown in print and where scripts do not run.
    The alt text describes every frame.
    """
    move = (
        "var b=this.closest('[data-slider]'),k=+this.value,t='';"
        "b.querySelectorAll('[data-frame]').forEach(function(f,i){f.style.display=i===k?'block':'none';"
        "if(i===k)t=f.dataset.frame});"
        "b.querySelector('output').textContent=t;this.setAttribute('aria-valuetext',t)"
    )
    shown = "".join(
        f'<div data-frame="{escape(reading, quote=True)}" style="display:{"block" if k == start else "none"}">'
        f"{picture.html}</div>"
        for k, (reading, picture) in enumerate(frames)
    )
    # The label holds its input, so that no id is needed, which another open notebook could have, too.  JupyterLab takes
    # the arrow keys for itself unless the element that has the focus says otherwise.
    control = (
        f'<label>{escape(label)} <input type="range" min="0" max="{len(frames) - 1}" step="1" value="{start}" '
        f'data-lm-suppress-shortcuts="true" aria-valuetext="{escape(frames[start][0], quote=True)}" '
        f'oninput="{escape(move, quote=True)}" '
        'style="display:inline-block;vertical-align:middle;width:260px;max-width:60%"></label> '
        f'<output style="display:inline;padding:0;font-size:inherit;color:inherit">{escape(frames[start][0])}</output>'
    )
    untrusted = _if_untrusted(PICTURES["slider_untrusted"].format(reading=frames[start][0]))
    html = (
        f'<div data-slider style="font-size:{FONT}px"><div style="margin-bottom:6px">{control}</div>{untrusted}{shown}'
        "</div>"
    )
    alt = PICTURES["slider"].format(label=label, count=len(frames))
    alt += " ".join(f"{reading}: {picture.alt}" for reading, picture in frames)
    return Picture(html, alt)


def _if_untrusted(text: str) -> str:
    """A text that shows only where a sanitizer removes SVG and keeps the texts within it, as JupyterLab's does."""
    return f'<svg width="0" height="0" style="position:absolute" aria-hidden="true"><desc>{escape(text)}</desc></svg>'


def _drawn(svg: str, alt: str) -> str:
    """An SVG, and what stands in its place where a sanitizer removes it.

    The labels within the SVG have font sizes of their own; without it, they would be scattered words, and have none.
    """
    return f'<div>{_if_untrusted(PICTURES["untrusted"].format(alt=alt))}<div style="font-size:0">{svg}</div></div>'


def _titled(title: str) -> str:
    return f"{title}. " if title else ""


def _edge(start: str, end: str, label: str, is_cut: bool) -> str:
    said = PICTURES["edge_by" if label else "edge"].format(start=start, end=end, label=label)
    return said + (PICTURES["edge_cut"] if is_cut else "")


def _width(names: Sequence[str], least: int) -> int:
    """The width of a column with these labels, in pixels."""
    return max(least, *(int(CHARACTER * len(name)) + PADDING for name in names)) if names else least


def _grid(widths: Sequence[int], cells: Sequence[str], alt: str, title: str = "") -> str:
    """Cells laid out row by row, as plain ``<div>`` elements, which a front end keeps even if it strips SVG."""
    columns = " ".join(f"{width}px" for width in widths)
    head = f'<div style="font-weight:600;margin-bottom:3px">{escape(title)}</div>' if title else ""
    style = f"display:grid;grid-template-columns:{columns};align-items:center"
    return (
        f'<div role="img" aria-label="{escape(alt, quote=True)}" style="font-size:{FONT}px;line-height:1.3">'
        f'{head}<div style="{style}">{"".join(cells)}</div></div>'
    )


def _cell(entry: float, top: float, lit: bool | None = None) -> str:
    """A cell.  lit: highlighted, or dimmed beside others that are; None if nothing is highlighted.

    Dimming takes away color, never the number's contrast.
    """
    depth = DEEPEST * min(1.0, abs(entry) / top) if np.isfinite(entry) else 0.0
    depth *= DIMMED if lit is False else 1
    border = "currentColor" if lit else "rgba(128,128,128,0.45)"
    style = (  # important, because Bootstrap's style sheet, as on nbgrader's feedback page, prints no backgrounds
        f"background-color:{tint(POSITIVE if entry >= 0 else NEGATIVE, depth)}!important;border:1px solid {border};"
        f"border-radius:3px;margin:1px;padding:5px 0;text-align:center;{PRINTED}{';font-weight:600' if lit else ''}"
    )
    text = formatting.number(entry)
    style += ";font-size:11px;line-height:1.54" if len(text) > 7 else ""  # keeps the height that a cell has in FONT
    return f'<div style="{style}">{text}</div>'


def _label(text: str, align: str = "center", bold: bool = False, style: str = "") -> str:
    weight = ";font-weight:600" if bold else ""
    return f'<div style="text-align:{align};padding:0 6px;white-space:nowrap{weight};{style}">{escape(text)}</div>'


def _largest(array: np.ndarray) -> float:
    """The largest finite absolute value in an array, or 1 if there is none or it is 0: it gets the deepest color."""
    sizes = np.abs(array[np.isfinite(array)])
    return float(sizes.max(initial=0)) or 1.0


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = FONT, weight: str = "400") -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" '
        f'fill="currentColor">{escape(text)}</text>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, label: str, colour: str, dashed: bool = False) -> list[str]:
    """A straight arrow, with its label above it if it points to the right and below it if it points to the left."""
    length = float(np.hypot(x2 - x1, y2 - y1)) or 1.0
    dx, dy = (x2 - x1) / length, (y2 - y1) / length
    wings = [(x2 - 8 * dx - side * 4 * dy, y2 - 8 * dy + side * 4 * dx) for side in (1, -1)]
    tip = "".join(f"M{wx:.1f} {wy:.1f}L{x2:.1f} {y2:.1f}" for wx, wy in wings)
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    anchor = "middle" if abs(dy) < 0.15 else "start" if dy > 0 else "end"
    x, y = (x1 + x2) / 2 + 8 * dy, (y1 + y2) / 2 - (8 if dx > 0 else -8) * abs(dx) + (0 if dx > 0 else 9)
    return [
        f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>',
        f'<path d="{tip}" fill="none" stroke="{colour}" stroke-width="1.6"/>',
        _text(x, y, label, anchor, size=12),
    ]


def _rule(x: float, y: float, dx: float, dy: float) -> str:
    return f'<path d="M{x:g} {y:g}l{dx:g} {dy:g}" stroke="currentColor" stroke-opacity="0.3"/>'


def _svg(width: float, height: float, parts: Sequence[str], alt: str) -> str:
    return _drawn(
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(alt, quote=True)}" '
        f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}" '
        'style="max-width:100%;font-family:inherit">' + "".join(parts) + "</svg>",
        alt,
    )


def _subscript(k: int) -> str:
    return "".join("₀₁₂₃₄₅₆₇₈₉"[int(d)] for d in str(k))
