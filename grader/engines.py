"""Engines for reverse mode, one right and many wrong: an expression is traced once and differentiated by each.

The truth of a question never comes from here: forward mode gives it.  This module computes what a student's engine
would find if one thing in it were wrong: an operation's rule, or how gradients travel from node to node.

An expression is a function of nodes, written with operators and methods only, so that it can be called with tensors,
with a student's nodes, and with the nodes of this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

Array = np.ndarray
Rule = Callable[["Node", Any], tuple[Any, ...]]  # (node, upstream gradient) -> one gradient for each parent


@dataclass(eq=False)
class Node:
    """A value, float64 of any shape, with the operation and the nodes that it was computed from.

    op: a key of RULES, or "" for a leaf.  how: the operation's further argument: an exponent, an axis, an index.

    >>> a, b = Node(2.0), Node(5.0)
    >>> c = a * b + a.sin()
    >>> [parent.op for parent in c.parents], [float(g) for g in vjp(c.parents[0], 1.0)]
    (['mul', 'sin'], [5.0, 2.0])
    """

    data: Any
    parents: tuple[Node, ...] = ()
    op: str = ""
    how: Any = None

    __array_ufunc__ = None  # ``array * node`` is left to this class, not to numpy

    def _unary(self, op: str, data: Any, how: Any = None) -> Node:
        return Node(data, (self,), op, how)

    def _binary(self, op: str, other: Any, f: Callable[[Any, Any], Any]) -> Node:
        other = other if isinstance(other, Node) else Node(other)
        return Node(f(self.data, other.data), (self, other), op)

    def __add__(self, other: Any) -> Node:
        return self._binary("add", other, np.add)

    def __mul__(self, other: Any) -> Node:
        return self._binary("mul", other, np.multiply)

    __radd__, __rmul__ = __add__, __mul__

    def __sub__(self, other: Any) -> Node:
        return self._binary("sub", other, np.subtract)

    def __truediv__(self, other: Any) -> Node:
        return self._binary("truediv", other, np.divide)

    def __matmul__(self, other: Any) -> Node:
        return self._binary("matmul", other, np.matmul)

    def maximum(self, other: Any) -> Node:
        return self._binary("maximum", other, np.maximum)

    def __pow__(self, exponent: float) -> Node:
        return self._unary("pow", np.power(self.data, float(exponent)), exponent)

    def __getitem__(self, key: Any) -> Node:
        return self._unary("getitem", self.data[key], key)

    def sum(self, axis: int | None = None) -> Node:
        return self._unary("sum", np.sum(self.data, axis=axis), axis)

    @property
    def T(self) -> Node:
        return self._unary("T", np.transpose(self.data))

    def sin(self) -> Node:
        return self._unary("sin", np.sin(self.data))

    def exp(self) -> Node:
        return self._unary("exp", np.exp(self.data))

    def log(self) -> Node:
        return self._unary("log", np.log(self.data))

    def tanh(self) -> Node:
        return self._unary("tanh", np.tanh(self.data))

    def relu(self) -> Node:
        return self._unary("relu", np.maximum(self.data, 0.0))

    def abs(self) -> Node:
        return self._unary("abs", np.abs(self.data))


# --- the operations' rules


def _summed(g: Any, like: Any) -> Array:
    """A gradient summed over the broadcast dimensions, in the shape of ``like``."""
    g, shape = np.asarray(g), np.shape(like)
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return np.asarray(g.sum(axis=tuple(k for k, size in enumerate(shape) if size == 1), keepdims=True)).reshape(shape)


def _spread(g: Any, x: Any, axis: int | None) -> Array:
    """The gradient of a sum over an axis, in the shape of x."""
    return np.array(np.broadcast_to(g if axis is None else np.expand_dims(g, axis), np.shape(x)))


def _scattered(g: Any, x: Any, key: Any) -> Array:
    """The gradient of x[key], in the shape of x: gradients of an entry that was taken twice add up."""
    whole = np.zeros(np.shape(x))
    np.add.at(whole, key, g)
    return whole


def _two(rule: Callable[[Any, Any, Any], tuple[Any, Any]]) -> Rule:
    """A rule written in terms of (upstream gradient, first operand, second operand)."""
    return lambda node, g: rule(g, node.parents[0].data, node.parents[1].data)


def _one(rule: Callable[[Any, Any, Any], Any]) -> Rule:
    """A rule written in terms of (upstream gradient, operand, result)."""
    return lambda node, g: (rule(g, node.parents[0].data, node.data),)


RULES: dict[str, Rule] = {
    "add": _two(lambda g, a, b: (_summed(g, a), _summed(g, b))),
    "mul": _two(lambda g, a, b: (_summed(g * b, a), _summed(g * a, b))),
    "sub": _two(lambda g, a, b: (_summed(g, a), _summed(-g, b))),
    "truediv": _two(lambda g, a, b: (_summed(g / b, a), _summed(-g * a / b**2, b))),
    "matmul": _two(lambda g, a, b: (g @ b.T, a.T @ g)),
    "maximum": _two(lambda g, a, b: (g * (a > b), g * (a <= b))),
    "pow": lambda node, g: (g * node.how * np.power(node.parents[0].data, node.how - 1.0),),
    "getitem": lambda node, g: (_scattered(g, node.parents[0].data, node.how),),
    "sum": lambda node, g: (_spread(g, node.parents[0].data, node.how),),
    "T": _one(lambda g, x, y: np.transpose(g)),
    "sin": _one(lambda g, x, y: g * np.cos(x)),
    "exp": _one(lambda g, x, y: g * y),
    "log": _one(lambda g, x, y: g / x),
    "tanh": _one(lambda g, x, y: g * (1 - y * y)),
    "relu": _one(lambda g, x, y: g * (x > 0)),
    "abs": _one(lambda g, x, y: g * np.sign(x)),
}


def vjp(node: Node, g: Any) -> tuple[Any, ...]:
    """The gradients that an operation hands back to its parents: one for each, in the parent's shape."""
    return RULES[node.op](node, g)


def _of_sides(node: Node, g: Any) -> list[tuple[Any, ...]]:
    """Every result of a matrix product's rule with its factors swapped or a transpose lost, where the shapes allow."""
    a, b = (parent.data for parent in node.parents)
    firsts = [(g, b.T), (g, b), (b.T, g), (b, g), (b, g.T)]
    seconds = [(a.T, g), (a, g), (g, a.T), (g, a), (g.T, a)]
    return [
        (p @ q, r @ s)
        for k, ((p, q), (r, s)) in enumerate(product(firsts, seconds))
        if k and p.shape[1] == q.shape[0] and r.shape[1] == s.shape[0]
    ]


def _ignored(node: Node, g: Any) -> list[tuple[Any, ...]]:
    """The derivatives alone, with the upstream gradient forgotten."""
    with_ones = vjp(node, np.ones_like(g))
    if node.op == "matmul":
        return [with_ones, (node.parents[1].data.T, node.parents[0].data.T)]
    return [with_ones]


def _exchanged(node: Node, g: Any) -> list[tuple[Any, ...]]:
    """The gradients of the two operands swapped; for a product also each summed to its own operand's shape."""
    found = [vjp(node, g)[::-1]]
    if node.op == "mul":
        a, b = (parent.data for parent in node.parents)
        found.append((_summed(g * a, a), _summed(g * b, b)))
    return found


def _negated(node: Node, g: Any) -> list[tuple[Any, ...]]:
    return [tuple(-part for part in vjp(node, g))]


def _too_far(g: Any, like: Any, always: bool) -> Array:
    """The sum of a gradient's entries at every place of its operand.  always: False does so only after broadcasting."""
    return np.sum(g) * np.ones(np.shape(like)) if always or np.shape(g) != np.shape(like) else np.asarray(g)


def _of_one_copy(g: Any, like: Any) -> Array:
    """The gradient of only the first of an operand's broadcast copies, in the operand's shape."""
    g, shape = np.asarray(g), np.shape(like)
    g = g[(0,) * (g.ndim - len(shape))]
    return np.asarray(g[tuple(slice(size) for size in shape)]).reshape(shape)


def _in_another_way(rules: dict[str, Sequence[Rule]]) -> Callable[[Node, Any], list[tuple[Any, ...]]]:
    return lambda node, g: [rule(node, g) for rule in rules.get(node.op, ())]


# Mistake -> what an operation that makes it hands back: (node, upstream gradient) -> results, one for each form.
WRONG_RULES: dict[str, Callable[[Node, Any], list[tuple[Any, ...]]]] = {
    "upstream_ignored": _ignored,
    "upstream_added": lambda node, g: (
        [(vjp(node, np.ones_like(g))[0] + g,)] if node.op in ("sin", "exp", "log", "tanh", "pow") else []
    ),
    "at_the_output": _in_another_way(
        {
            "sin": [_one(lambda g, x, y: g * np.cos(y))],
            "exp": [_one(lambda g, x, y: g * np.exp(y))],
            "log": [_one(lambda g, x, y: g / y)],
            "tanh": [_one(lambda g, x, y: g * (1 - np.tanh(y) ** 2))],
            "pow": [lambda node, g: (g * node.how * np.power(node.data, node.how - 1.0),)],
        }
    ),
    "input_for_output": _in_another_way(
        {"exp": [_one(lambda g, x, y: g * x)], "tanh": [_one(lambda g, x, y: g * (1 - x * x))]}
    ),
    "value_for_derivative": lambda node, g: (
        [(g * node.data,), (node.data,)] if node.op in ("sin", "log", "tanh", "pow", "relu", "abs") else []
    ),
    "exchanged": lambda node, g: _exchanged(node, g) if node.op in ("mul", "sub", "truediv", "matmul") else [],
    "sign_lost": _in_another_way(
        {
            "sub": [_two(lambda g, a, b: (g, g))],
            "truediv": [_two(lambda g, a, b: (g / b, g * a / b**2)), lambda node, g: _negated(node, g)[0]],
            **{op: [lambda node, g: _negated(node, g)[0]] for op in ("sin", "exp", "log", "tanh", "pow")},
        }
    ),
    "quotient_cut_short": _in_another_way(
        {
            "truediv": [
                _two(lambda g, a, b: (g / b, -g / b**2)),
                _two(lambda g, a, b: (g / b, -g * a / b)),
                _two(lambda g, a, b: (g / b, g / a)),
                _two(lambda g, a, b: (g / b, g * a)),
                _two(lambda g, a, b: (g * b, g * a)),
            ]
        }
    ),
    "power_cut_short": _in_another_way(
        {
            "pow": [
                lambda node, g: (g * node.how * node.data,),
                lambda node, g: (g * np.power(node.parents[0].data, node.how - 1.0),),
                lambda node, g: (g * (node.how - 1.0) * np.power(node.parents[0].data, node.how - 1.0),),
                lambda node, g: (g * node.how * node.parents[0].data,),
            ],
            "exp": [_one(lambda g, x, y: g * x * np.exp(x - 1))],
        }
    ),
    "product_for_quotient": _in_another_way({"log": [_one(lambda g, x, y: g * x)]}),
    "slope_one_everywhere": _in_another_way(
        {
            "relu": [_one(lambda g, x, y: g)],
            "abs": [_one(lambda g, x, y: g)],
            "maximum": [_two(lambda g, a, b: (g, g)), _two(lambda g, a, b: (g / 2, g / 2))],
        }
    ),
    "branch_by_upstream": _in_another_way(
        {
            "relu": [_one(lambda g, x, y: np.maximum(g, 0)), _one(lambda g, x, y: g * (g > 0) * (x > 0))],
            "abs": [_one(lambda g, x, y: np.abs(g))],
            "maximum": [_two(lambda g, a, b: (g * (g > 0), g * (g <= 0)))],
        }
    ),
    "other_branch": _in_another_way(
        {
            "relu": [_one(lambda g, x, y: g * (x <= 0))],
            "abs": [_one(lambda g, x, y: -g * np.sign(x))],
            "maximum": [_two(lambda g, a, b: (g * (a < b), g * (a > b)))],
        }
    ),
    "branch_lost": _in_another_way(
        {
            "abs": [_one(lambda g, x, y: g * (x > 0))],
            "maximum": [
                _two(lambda g, a, b: (g * (a > b), 0.0 * g)),
                _two(lambda g, a, b: (0.0 * g, g * (a <= b))),
                _two(lambda g, a, b: (g, 0.0 * g)),
                _two(lambda g, a, b: (0.0 * g, g)),
            ],
        }
    ),
    "branch_by_sign": _in_another_way(
        {
            "maximum": [
                _two(lambda g, a, b: (g * (a > 0), g * (b > 0))),
                _two(lambda g, a, b: (g * (a > 0), g * (a <= 0))),
                _two(lambda g, a, b: (g * (b <= 0), g * (b > 0))),
            ]
        }
    ),
    "branch_by_size": _in_another_way(
        {"maximum": [_two(lambda g, a, b: (g * (np.abs(a) > np.abs(b)), g * (np.abs(a) <= np.abs(b))))]}
    ),
    "not_summed": _in_another_way(
        {"add": [_two(lambda g, a, b: (g, g))], "mul": [_two(lambda g, a, b: (g * b, g * a))]}
    ),
    "summed_away": _in_another_way(
        {
            "add": [_two(lambda g, a, b: (_away(g, a), _away(g, b)))],
            "mul": [_two(lambda g, a, b: (_away(g * b, a), _away(g * a, b)))],
        }
    ),
    "averaged": _in_another_way(
        {
            "add": [_two(lambda g, a, b: (_mean(g, a), _mean(g, b)))],
            "mul": [_two(lambda g, a, b: (_mean(g * b, a), _mean(g * a, b)))],
            "sum": [_one(lambda g, x, y: np.size(y) / np.size(x) * np.ones(np.shape(x)) * np.mean(g))],
        }
    ),
    "summed_too_far": _in_another_way(
        {
            "add": [
                _two(lambda g, a, b: (_too_far(g, a, False), _too_far(g, b, False))),
                _two(lambda g, a, b: (_too_far(g, a, True), _too_far(g, b, True))),
            ],
            "mul": [
                _two(lambda g, a, b: (_too_far(g * b, a, False), _too_far(g * a, b, False))),
                _two(lambda g, a, b: (_too_far(g * b, a, True), _too_far(g * a, b, True))),
            ],
        }
    ),
    "one_copy_only": _in_another_way(
        {
            "add": [_two(lambda g, a, b: (_of_one_copy(g, a), _of_one_copy(g, b)))],
            "mul": [_two(lambda g, a, b: (_of_one_copy(g * b, a), _of_one_copy(g * a, b)))],
        }
    ),
    "not_expanded": _in_another_way({"sum": [_one(lambda g, x, y: g)]}),
    "along_other_axis": lambda node, g: (
        [(_spread(g, node.parents[0].data, 1 - node.how),)]
        if node.op == "sum" and node.how is not None and len(set(node.parents[0].data.shape)) == 1
        else []
    ),
    "sides": lambda node, g: _of_sides(node, g) if node.op == "matmul" else [],
    "overwritten": lambda node, g: [(_placed(node, g),)] if node.op == "getitem" else [],
    "index_averaged": lambda node, g: [(_averaged_places(node, g),)] if node.op == "getitem" else [],
    "others_filled": lambda node, g: (
        [
            (_placed(node, g, np.ones),),
            (_placed(node, g, lambda shape: np.array(node.parents[0].data)),),
            (vjp(node, g)[0] + 1.0,),
            (vjp(node, g)[0] + node.parents[0].data,),
        ]
        if node.op == "getitem"
        else []
    ),
    "whole_numbers": lambda node, g: (
        [(np.trunc(_placed(node, g)),), (np.trunc(vjp(node, g)[0]),), (vjp(node, np.trunc(g))[0],)]
        if node.op == "getitem"
        else []
    ),
    "not_scattered": lambda node, g: [(g,)] if node.op == "getitem" else [],
}


def _away(g: Any, like: Any) -> Array:
    """A gradient summed over the broadcast dimensions, without keeping the axes of size 1."""
    whole = _summed(g, like)
    return whole if whole.shape == np.shape(g) else whole.reshape([size for size in whole.shape if size > 1])


def _mean(g: Any, like: Any) -> Array:
    return _summed(g, like) * (np.size(like) / np.size(g))


def _placed(node: Node, g: Any, empty: Callable[[Any], Array] = np.zeros) -> Array:
    """The gradient of x[key] if repeated entries overwrite each other.  empty: makes the array that is written into."""
    whole = empty(np.shape(node.parents[0].data))
    whole[node.how] = g
    return whole


def _averaged_places(node: Node, g: Any) -> Array:
    """The gradient of x[key] if entries that were taken more than once get the mean of their gradients."""
    whole, counts = vjp(node, g)[0], vjp(node, np.ones(np.shape(g)))[0]
    return np.asarray(whole / np.maximum(counts, 1.0))


# --- how gradients travel


@dataclass
class Pass:
    """One pass from an output back: the gradients found so far, 0 where nothing has arrived."""

    grads: dict[Node, Any] = field(default_factory=dict)
    rule: Rule = vjp

    def of(self, node: Node) -> Any:
        return self.grads.get(node, 0.0)

    def add(self, node: Node, part: Any) -> None:
        self.grads[node] = self.of(node) + part

    def assign(self, node: Node, part: Any) -> None:
        self.grads[node] = part

    def keep_first(self, node: Node, part: Any) -> None:
        self.grads.setdefault(node, part)

    def parts(self, node: Node, g: Any) -> list[tuple[Node, Any]]:
        return list(zip(node.parents, self.rule(node, g), strict=True)) if node.op else []


Order = Callable[[Node], Iterable[Node]]
LEFT, RIGHT = 1, -1  # the two orders in which parents are visited


def parents_first(out: Node, turn: int = LEFT, again: bool = False) -> list[Node]:
    """The nodes that ``out`` depends on, each after its parents, ``out`` last.

    again: True lists a node once for each path that leads to it.
    """
    found: list[Node] = []
    seen: set[Node] = set()

    def visit(node: Node) -> None:
        if again or node not in seen:
            seen.add(node)
            for parent in node.parents[::turn]:
                visit(parent)
            found.append(node)

    visit(out)
    return found


def _preorder(out: Node, turn: int) -> list[Node]:
    found: dict[Node, None] = {}

    def visit(node: Node) -> None:
        if node not in found:
            found[node] = None
            for parent in node.parents[::turn]:
                visit(parent)

    visit(out)
    return list(found)


def _breadth_first(out: Node, turn: int) -> list[Node]:
    found = [out]
    for node in found:
        found += [parent for parent in dict.fromkeys(node.parents[::turn]) if parent not in found]
    return found


def _from_a_stack(out: Node, turn: int) -> list[Node]:
    """Depth first with a stack; a node that is on it twice is visited when it is first taken off."""
    found: dict[Node, None] = {}
    stack = [out]
    while stack:
        node = stack.pop()
        if node not in found:
            found[node] = None
            stack += node.parents[::turn]
    return list(found)


def along(
    order: Iterable[Node], out: Node, g: Any, put: Callable[[Pass, Node, Any], None] = Pass.add, rule: Rule = vjp
) -> Pass:
    """A pass through the nodes in this order, each handing the gradient that has arrived at it to its parents."""
    run = Pass({out: g}, rule)
    for node in order:
        for parent, part in run.parts(node, run.of(node)):
            put(run, parent, part)
    return run


def _recursive(
    out: Node, g: Any, turn: int, put: Callable[[Pass, Node, Any], None], *, once: bool = False, first: bool = False
) -> Pass:
    """A recursive pass: each node calls its parents, which hand on everything that has arrived at them so far.

    once: a node that was called before is not called again.  first: all parents receive their gradients before any is
    called.
    """
    run, seen = Pass({out: g}), {out}

    def call(node: Node) -> None:
        if once and node in seen:
            return
        seen.add(node)
        visit(node)

    def visit(node: Node) -> None:
        parts = run.parts(node, run.of(node))[::turn]
        if first:
            for parent, part in parts:
                put(run, parent, part)
        for parent, part in parts:
            if not first:
                put(run, parent, part)
            call(parent)

    visit(out)
    return run


def _each_way(order: Callable[[Node, int], Iterable[Node]], **options: Any) -> list[Callable[[Node, Any], Pass]]:
    return [lambda out, g, turn=turn: along(order(out, turn), out, g, **options) for turn in (LEFT, RIGHT)]  # type: ignore[misc]


def _down(out: Node, turn: int) -> list[Node]:
    return parents_first(out, turn)[::-1]


def _down_again(out: Node, turn: int) -> list[Node]:
    return parents_first(out, turn, again=True)[::-1]


def _parents_as_set(out: Node, g: Any) -> Pass:
    """The right engine, except that if a node takes one parent twice, one of the two gradients overwrites the other."""
    run = Pass({out: g})
    for node in _down(out, LEFT):
        for parent, part in dict(run.parts(node, run.of(node))).items():
            run.add(parent, part)
    return run


def _nothing(out: Node, g: Any) -> Pass:
    return Pass()


def _with(wrong: str, form: int = 0) -> Callable[[Node, Any], Pass]:
    """The right engine, except that every operation's rule makes this mistake, in one of its forms."""

    def rule(node: Node, g: Any) -> tuple[Any, ...]:
        forms = WRONG_RULES[wrong](node, g)
        return forms[form] if forms else vjp(node, g)

    return lambda out, g: along(_down(out, LEFT), out, g, rule=rule)


def _twice_upstream(node: Node, g: Any) -> tuple[Any, ...]:
    return tuple(part * g for part in vjp(node, g))


def _parts_exchanged(node: Node, g: Any) -> tuple[Any, ...]:
    return vjp(node, g)[::-1]


def _of_the_output(out: Node, seed: Any) -> Pass:
    """A pass in which every rule is called with the output's upstream gradient."""
    return along(_down(out, LEFT), out, seed, rule=lambda node, g: vjp(node, seed))


def _seed_at_every_node(out: Node, seed: Any) -> Pass:
    """A pass in which every rule is called with its node's gradient times the output's."""
    return along(_down(out, LEFT), out, seed, rule=lambda node, g: vjp(node, g * seed))


def _queued_again(out: Node, g: Any) -> Pass:
    """A pass level by level in which a node is queued each time a gradient arrives at it."""
    run, queue = Pass({out: g}), [out]
    for node in queue:
        for parent, part in run.parts(node, run.of(node)):
            run.add(parent, part)
            queue.append(parent)
    return run


def _ignored_everywhere(node: Node, g: Any) -> tuple[Any, ...]:
    return vjp(node, np.ones(np.shape(node.data)))


# Mistake -> engines that make it, each (output, upstream gradient) -> the pass that it makes.
WRONG_ENGINES: dict[str, list[Callable[[Node, Any], Pass]]] = {
    "assigned": [
        *_each_way(_down, put=Pass.assign),
        *_each_way(_down, put=Pass.keep_first),
        *(
            lambda out, g, t=t, o=o: _recursive(out, g, t, Pass.assign, **o)
            for t in (LEFT, RIGHT)
            for o in ({}, {"once": True})
        ),
    ],
    "order": [
        *_each_way(_preorder),
        *_each_way(_breadth_first),
        *_each_way(_from_a_stack),
        *(
            lambda out, g, t=t, first=first: _recursive(out, g, t, Pass.add, once=True, first=first)
            for t in (LEFT, RIGHT)
            for first in (False, True)
        ),
    ],
    "passed_on_again": [
        _queued_again,
        *_each_way(_down_again),
        *(
            lambda out, g, t=t, first=first: _recursive(out, g, t, Pass.add, first=first)
            for t in (LEFT, RIGHT)
            for first in (False, True)
        ),
    ],
    "not_started": [_nothing],
    "one_step": [lambda out, g: along([out], out, g)],
    "upstream_ignored": [lambda out, g: along(_down(out, LEFT), out, g, rule=_ignored_everywhere)],
    "upstream_twice": [lambda out, g: along(_down(out, LEFT), out, g, rule=_twice_upstream)],
    "parts_exchanged": [lambda out, g: along(_down(out, LEFT), out, g, rule=_parts_exchanged)],
    "parent_once": [_parents_as_set],
    "started_at_value": [lambda out, g: along(_down(out, LEFT), out, out.data)],
    "started_at_one": [lambda out, g: along(_down(out, LEFT), out, np.ones(np.shape(out.data)))],
    "of_the_output": [_of_the_output],
    "seed_at_every_node": [_seed_at_every_node],
    "overwritten": [_with("overwritten")],
    "index_averaged": [_with("index_averaged")],
    "others_filled": [_with("others_filled", form) for form in range(4)],
    "whole_numbers": [_with("whole_numbers", form) for form in range(3)],
}


@dataclass(frozen=True)
class Trace:
    """An expression as nodes.

    leaves: its inputs.  outputs: its results.  seeds: the upstream gradient of each output, in its shape.
    """

    leaves: tuple[Node, ...]
    outputs: tuple[Node, ...]
    seeds: tuple[Any, ...]

    def gradients(self, engine: Callable[[Node, Any], Pass]) -> tuple[Array, ...]:
        """The gradients that an engine leaves at the leaves, one for each, after one pass per output."""
        runs = [engine(out, g) for out, g in zip(self.outputs, self.seeds, strict=True)]
        found = []
        for leaf in self.leaves:
            total = np.asarray(sum(run.of(leaf) for run in runs))
            arrived = total.ndim or np.any(total)  # a bare 0 means that nothing has arrived
            found.append(total if arrived else np.zeros(np.shape(leaf.data)))
        return tuple(found)


def traced(expression: Callable[..., Any], inputs: Sequence[Array], seeds: Sequence[Array] | Array | None) -> Trace:
    """The Trace of an expression at these inputs, float64.

    seeds: the upstream gradients of all outputs, flattened: (m,); None for 1.
    """
    leaves = tuple(Node(np.asarray(x, dtype=float)) for x in inputs)
    made = expression(*leaves)
    outputs = made if type(made) is tuple else (made,)
    line = np.ones(sum(np.size(out.data) for out in outputs)) if seeds is None else np.asarray(seeds).reshape(-1)
    parts, start = [], 0
    for out in outputs:
        size = np.size(out.data)
        parts.append(line[start : start + size].reshape(np.shape(out.data)))
        start += size
    return Trace(leaves, outputs, tuple(parts))
