"""Quantities about a program that differentiates: an engine's gradients, an operation's rule, an order of nodes.

The answer to the first two is a class of nodes.  It is given only expressions that it has not seen, written with
operators and methods alone.  The gradients that it finds are compared with J, which forward mode gives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from grader import formatting, words
from grader.mistakes.engines import value_of
from grader.probe import Value
from grader.problem import Block, Wrong, alike
from grader.quantities import Quantity
from grader.words import SHAPE_HELP

if TYPE_CHECKING:
    from grader.problem import Problem


LONGEST_LINE = 1000  # the most numbers in a list that is read as an order of nodes
EQUAL = 1e-9  # a mistake whose value differs from the truth by less, relative to its size, has no effect


@dataclass(frozen=True)
class EngineGradient(Quantity):
    """The value of an expression, and the gradients that a student's engine leaves at its inputs: Jᵀv, one for each.

    The answer is a class: ``answer(data)`` makes a leaf from a float or a float64 array, expressions make further nodes
    from leaves, and ``backward()`` of the last one leaves gradients in ``grad``.  An expression with several outputs,
    or one that is not a number, needs ``weighted=True`` and an extra in the Question, last in ``gives``: a weight for
    each entry of all outputs, flattened; then ``backward`` is given an upstream gradient, unless that is the number 1,
    and the graph is built anew for each output.

    The truth is a tuple: the value, then a gradient in the shape of each of the Map's inputs.

    >>> def f(a, b): return a * b + a
    >>> maps = [Map(f, {"a": fixed(3), "b": fixed(2)})]
    >>> q = Question("99.q", "Q", EngineGradient(), maps, ("f", "a", "b"))
    >>> [float(part) for part in Problem(q, seed=0).truth]
    [9.0, 3.0, 3.0]
    """

    wrt: str | tuple[str, ...] = ()
    weighted: bool = False
    kind: ClassVar = "engine"
    form: ClassVar = "gradients"

    @property
    def use(self) -> str:  # type: ignore[override]
        return "weighted_engine" if self.weighted else "engine"

    def weight(self, p: Problem) -> np.ndarray:
        v = p.extras.get(p.question.gives[-1])
        return super().weight(p) if v is None else np.asarray(v).reshape(-1)

    def blocks(self, p: Problem) -> list[Block]:
        return [p.block(name, self.weight(p)) for name in p.inputs]

    def places(self, p: Problem) -> tuple[str, ...]:
        return (words.CARD["value"], *p.inputs)

    def shown(self, p: Problem) -> Mapping[str, str]:
        listed = [words.CARD["value"], *(words.CARD["gradient_of"].format(name=name) for name in p.inputs)]
        return {words.CARD["listed"]: f"({', '.join(listed)})"}

    def formula_on(self, p: Problem) -> str:
        if not self.weighted:
            return "∇f"
        name = p.question.gives[-1]
        return "Jᵀv" if np.ndim(p.extras[name]) else f"{name} · ∇f"

    def truth(self, p: Problem) -> Any:
        return (value_of(p), *(block.g.reshape(block.x_shape) for block in self.blocks(p)))

    def scale(self, p: Problem) -> float:
        return max(float(np.abs(part).max(initial=0)) for part in p.truth) or 1.0

    def wrongs(self, p: Problem) -> list[Wrong]:
        return [wrong for wrong in self._made(p) if not alike(wrong.value, p.truth, EQUAL)]

    def harmless(self, p: Problem) -> frozenset[str]:
        return frozenset(wrong.key for wrong in self._made(p) if alike(wrong.value, p.truth, EQUAL))

    def _made(self, p: Problem) -> list[Wrong]:
        """What every mistake gives on this problem, in all of its forms, including those that give the truth."""
        if "made" not in p.seconds:
            found = [Wrong(key, value, detail) for key, detail, value in self._of_kind(p, self.kind)]
            p.seconds["made"] = found + self._also(p)
        made: list[Wrong] = p.seconds["made"]
        return made

    def told(self, p: Problem, value: Value) -> tuple[str, Mapping[str, Any]] | None:
        if value.kind == "text":
            return "not_a_node", {"type": value.text}
        if value.kind == "list" and value.items and all(item.kind == "text" for item in value.items):
            said = [item.text for item in value.items]
            return ("engine_started_at_one", {}) if said == ["start"] else _amiss(*said)
        if value.kind not in ("tuple", "list") or not value.items:
            return None
        got, wanted = value.items[0].array, p.truth[0]
        if got is None or not alike(got, wanted, p.question.rtol, float(np.abs(wanted).max(initial=0)) or 1.0):
            shown = words.KINDS["none"] if got is None else formatting.values(got)
            return "forward_value", {"got": shown, "wanted": formatting.values(wanted)}
        missing = [name for name, item in zip(p.inputs, value.items[1:], strict=False) if item.kind == "none"]
        return ("nothing_arrived", {"which": ", ".join(missing)}) if missing else None


@dataclass(frozen=True)
class LocalRule(EngineGradient):
    """The value of a single operation, and what its rule hands back for an upstream gradient g: Jᵀg, one per operand.

    The answer is a class, as for EngineGradient, whose nodes have the operation's rule in ``pull``.  The weight of the
    Question is g, last in ``gives``; each gradient has its operand's shape.  Every Map is a separate operation: a
    mistake in one is explained independently of the others.

    >>> def times(a, b): return a * b
    >>> maps = [Map(times, {"a": fixed(3), "b": fixed(2)})]
    >>> q = Question("99.q", "Q", LocalRule(), maps, ("f", "a", "b", "g"), weights={"g": fixed(-1)})
    >>> [float(part) for part in Problem(q, seed=0).truth]
    [6.0, -2.0, -3.0]
    """

    kind: ClassVar = "rule"
    apart: ClassVar = True

    @property
    def use(self) -> str:  # type: ignore[override]
        return "pull"

    def formula_on(self, p: Problem) -> str:
        return "g · ∂y/∂x" if p.y.size == 1 else "Jᵀg"

    def told(self, p: Problem, value: Value) -> tuple[str, Mapping[str, Any]] | None:
        found = super().told(p, value)
        if found:
            return found
        if value.kind == "list":
            return _amiss("", value.items[-1].type_name)
        got, wanted = len(value.items) - 1, len(p.inputs)
        if value.kind == "tuple" and got != wanted:
            return ("not_one_for_each_parent", {"k": got, "n": wanted}) if got else ("pull_missing", {})
        return None


def _amiss(method: str, *what: str) -> tuple[str, Mapping[str, Any]]:
    """(key, detail) of the mistake in what a rule returned.  method: the one that made the rule, "" if it is known.

    what: the type, if it is not a tuple; else the shapes of a gradient and of its parent.
    """
    rule = words.CARD["rule_of"].format(method=method) if method else words.CARD["rule"]
    if len(what) == 1:
        return "pull_without_comma", {"rule": rule, "type": what[0]}
    got, wanted = what
    return "pull_shape", {"rule": rule, "got": got, "wanted": wanted}


@dataclass(frozen=True)
class ParentsFirst(Quantity):
    """An order of the nodes that ``root`` depends on, each after its parents: a list of their numbers.

    The Map's only input is ``table``, of shape (n, n): entry (k, j) counts how often node j is a parent of node k.  The
    Question has ``root`` as an extra.  Every such order is right; the truth is one of them.

    >>> def size(table): return table.sum()
    >>> maps = [Map(size, {"table": fixed([[0, 1, 0], [0, 0, 0], [1, 1, 0]])})]
    >>> q = Question("99.q", "Q", ParentsFirst(), maps, extras={"root": lambda generator, p: 2})
    >>> Problem(q, seed=0).truth.tolist()
    [1.0, 0.0, 2.0]
    """

    wrt: str | tuple[str, ...] = ()
    form: ClassVar = "numbers"
    apart: ClassVar = True
    shape_help: ClassVar = SHAPE_HELP["order"]

    def parents(self, p: Problem) -> list[list[int]]:
        """For each node the list of its parents; one that the node takes twice is listed twice."""
        table = p.inputs["table"].numpy().astype(int)
        return [[j for j, times in enumerate(row) for _ in range(times)] for row in table]

    def formula_on(self, p: Problem) -> str:
        return words.CARD["parents_first"]

    def truth(self, p: Problem) -> Any:
        parents, found = self.parents(p), list[int]()

        def visit(k: int) -> None:
            if k not in found:
                for j in parents[k]:
                    visit(j)
                found.append(k)

        visit(p.extras["root"])
        return np.asarray(found, dtype=float)

    def scale(self, p: Problem) -> float:
        return 1.0

    def wrongs(self, p: Problem) -> list[Wrong]:
        found = [
            Wrong(key, order, detail) for key, detail, order in self._of_kind(p, "order") if not self.valid(p, order)
        ]
        return found + self._also(p)

    def valid(self, p: Problem, order: np.ndarray) -> bool:
        """Whether an order is right: it contains each node of the truth once, after the node's parents."""
        if order.ndim != 1 or sorted(order) != sorted(p.truth):
            return False
        parents, at = self.parents(p), {int(k): place for place, k in enumerate(order)}
        return all(at[j] < at[k] for k in at for j in parents[k])

    def read(self, p: Problem, value: Value) -> Value:
        order = _line(value)
        return Value("array", p.truth, "float64") if order is not None and self.valid(p, order) else value

    def told(self, p: Problem, value: Value) -> tuple[str, Mapping[str, Any]] | None:
        if value.type_name in ("set", "frozenset"):
            return "order_in_a_set", {}
        order = _line(value)
        if order is None or self.valid(p, order):
            return None
        found = self.amiss(p, order)
        if "key" in found:
            return found["key"], found
        if any(alike(order, wrong.value, 0.0) for wrong in p.wrongs):
            return None
        at, parents = {int(k): place for place, k in enumerate(order)}, self.parents(p)
        k, j = next((k, j) for k in at for j in parents[k] if at[j] > at[k])
        return "order_not_after_parents", {"k": k, "j": j}

    def amiss(self, p: Problem, order: Sequence[float] | np.ndarray) -> dict[str, Any]:
        """Which nodes are listed twice, unnecessarily or not at all: the mistake's key and their numbers, or {}."""
        listed, wanted = {int(k) for k in order}, {int(k) for k in p.truth}
        for key, nodes in (
            ("order_node_twice", {k for k, times in Counter(map(int, order)).items() if times > 1}),
            ("order_unreached", listed - wanted),
            ("order_missing", wanted - listed),
        ):
            if nodes:
                return {"key": key, "which": formatting.listed(sorted(nodes))}
        return {}

    def shown(self, p: Problem) -> Mapping[str, str]:
        return {"parents": str(self.parents(p)), words.CARD["true"]: words.CARD["one_right_order"]}


def _line(value: Value) -> np.ndarray | None:
    """A list of at most ``LONGEST_LINE`` whole numbers as a float64 array (k,); None for anything else."""
    if value.kind in ("list", "tuple"):
        entries = [item.array for item in value.items if item.array is not None and item.array.ndim == 0]
        line = np.array(entries) if len(entries) == len(value.items) else None
    else:
        line = value.array
    if line is None or line.ndim != 1 or len(line) > LONGEST_LINE or np.iscomplexobj(line):
        return None
    whole = bool(np.isfinite(line).all()) and np.array_equal(line, np.rint(line))
    return line.astype(float) if whole else None
