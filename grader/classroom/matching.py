"""Find the cells of a submission that lost their ids: by their text, by what they define, and by their place.

Front ends, converters and uploads drop the metadata in which nbgrader keeps a cell's id.  Everything here takes time in
proportion to the length of the notebooks, apart from sorting, whatever a student hands in.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field

Pair = tuple[int, int]  # indices of a submitted cell and of a released one
Gap = tuple[range, range]  # indices of the submitted and of the released cells between two pairs


@dataclass(frozen=True)
class Cell:
    """The parts of a cell that are compared.  id: its grade_id, or "".  answer: whether students fill it in."""

    kind: str
    source: str
    id: str = ""
    answer: bool = False


@dataclass
class Found:
    """Which submitted cells are which released ones.

    ids: ``{index of a submitted cell: grade_id}``, for ids that no submitted cell has.
    chosen: the ids for which several cells could be meant and the last was taken.
    """

    ids: dict[int, str] = field(default_factory=dict)
    chosen: list[str] = field(default_factory=list)


def found(submitted: Sequence[Cell], released: Sequence[Cell]) -> Found:
    """The submitted cells that are released cells without their id.

    submitted: a cell's id is "" if it has none of the released ids.  A cell that cannot be a match has an empty source.

    First, cells with the same id or the same text are paired, in order.  Between two pairs, an answer is the last cell
    that defines a name which its released text defines.  The remaining cells are matched by place: if there are as many
    of a kind as were released, they match in order; of several in the place of a single answer, the last is taken.
    """
    here = {cell.id: k for k, cell in enumerate(released) if cell.id}
    known = [(k, here[cell.id]) for k, cell in enumerate(submitted) if cell.id]
    taken = {k for _, k in known}
    theirs = [k for k, cell in enumerate(submitted) if not cell.id and cell.source.strip()]
    ours = [k for k in range(len(released)) if k not in taken]
    alike = _alike([(k, _key(submitted[k])) for k in theirs], [(k, _key(released[k])) for k in ours])
    result, pairs = Found(), _increasing([*known, *alike])

    def extended(more: Callable[[list[int], list[int]], list[Pair]]) -> list[Pair]:
        free = set(theirs) - {k for k, _ in pairs}, set(ours) - {k for _, k in pairs}
        further = [
            pair
            for a, b in _gaps(pairs, len(submitted), len(released))
            for pair in more([k for k in a if k in free[0]], [k for k in b if k in free[1]])
        ]
        return _increasing([*pairs, *further])

    def by_name(a: list[int], b: list[int]) -> list[Pair]:
        last = {name: k for k in a for name in _defined(submitted[k])}
        answers = [(k, _defined(released[k])) for k in b if released[k].answer]
        return [(max(places), k) for k, names in answers if (places := [last[name] for name in names if name in last])]

    def by_place(a: list[int], b: list[int]) -> list[Pair]:
        further = list[Pair]()
        for kind in sorted({released[k].kind for k in b}):  # pages must not differ from process to process
            mine, wanted = ([k for k in part if of[k].kind == kind] for part, of in ((a, submitted), (b, released)))
            if len(mine) == len(wanted):  # other text in a locked cell's place may be the student's own, and stays
                further += [pair for pair in zip(mine, wanted, strict=True) if released[pair[1]].answer]
            elif mine and len(wanted) == 1 and released[wanted[0]].answer:
                further.append((mine[-1], wanted[0]))
                result.chosen.append(released[wanted[0]].id)
        return further

    pairs = extended(by_name)
    pairs = extended(by_place)
    result.ids = {a: released[b].id for a, b in pairs if not submitted[a].id and released[b].id}
    given = set(result.ids.values())
    result.chosen = [id for id in result.chosen if id in given]
    return result


def same(one: str, other: str) -> bool:
    """Whether two sources differ in nothing but white space where lines and cells end, which some front ends change."""
    return _bare(one) == _bare(other)


def _bare(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.splitlines()).strip("\n")


def _key(cell: Cell) -> Hashable:
    return cell.kind, _bare(cell.source)


def _alike(theirs: Sequence[tuple[int, Hashable]], ours: Sequence[tuple[int, Hashable]]) -> list[Pair]:
    """Pairs of cells with the same key, in order; no pairs for a key that occurs more often on one side."""
    places: tuple[dict[Hashable, list[int]], dict[Hashable, list[int]]] = (defaultdict(list), defaultdict(list))
    for side, cells in zip(places, (theirs, ours), strict=True):
        for k, key in cells:
            side[key].append(k)
    return [
        pair
        for key, mine in places[1].items()
        if len(mine) == len(places[0].get(key, ()))
        for pair in zip(places[0][key], mine, strict=True)
    ]


def _increasing(pairs: Sequence[Pair]) -> list[Pair]:
    """A longest subsequence of pairs, sorted, in which both indices increase."""
    ends, best, before = list[int](), list[Pair](), dict[Pair, Pair | None]()
    for pair in sorted(pairs, key=lambda pair: (pair[0], -pair[1])):
        k = bisect_left(ends, pair[1])
        if k == len(ends):
            ends.append(pair[1])
            best.append(pair)
        ends[k], best[k] = pair[1], pair
        before[pair] = best[k - 1] if k else None
    chosen, last = list[Pair](), best[-1] if best else None
    while last is not None:
        chosen.append(last)
        last = before[last]
    return chosen[::-1]


def _gaps(pairs: Sequence[Pair], submitted: int, released: int) -> Iterator[Gap]:
    """The cells before, between and after pairs that increase."""
    for (a, b), (c, d) in zip([(-1, -1), *pairs], [*pairs, (submitted, released)], strict=True):
        yield range(a + 1, c), range(b + 1, d)


def _defined(cell: Cell) -> set[str]:
    """The functions and classes that a code cell defines; without any, the names that it assigns."""
    if cell.kind != "code":
        return set()
    return set(_DEFINITION.findall(cell.source)) or set(_ASSIGNMENT.findall(cell.source))


# Read line by line, since a cell with a syntax error or a magic defines names too.
_DEFINITION = re.compile(r"^(?:async +)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)
_ASSIGNMENT = re.compile(r"^(\w+)[ \t]*(?::[^=\n]*)?=(?!=)", re.MULTILINE)
