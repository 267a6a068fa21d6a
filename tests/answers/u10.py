"""Unit 10: engines and their rules, as students write them."""

from __future__ import annotations

from collections import deque

import numpy as np
import torch


class Node:
    """What the notebook gives."""

    def __init__(self, data, parents=(), pull=None):
        self.data = data
        self.parents = parents
        self.pull = pull
        self.grad = 0.0

    def wrap(self, other):
        return other if isinstance(other, Node) else type(self)(other)

    def __add__(self, other):
        other = self.wrap(other)
        return type(self)(self.data + other.data, (self, other), lambda g: (g, g))

    def __mul__(self, other):
        other = self.wrap(other)
        return type(self)(self.data * other.data, (self, other), lambda g: (g * other.data, g * self.data))

    __radd__, __rmul__ = __add__, __mul__


def unary(f, rule):
    """A method.  f: of the operand's data.  rule: (g, operand, result) -> gradient."""

    def method(self):
        y = f(self.data)
        return type(self)(y, (self,), lambda g: (rule(g, self.data, y),))

    return method


def binary(f, rule):
    """The same for two operands.  rule: (g, a, b) -> two gradients."""

    def method(self, other):
        other = self.wrap(other)
        return type(self)(f(self.data, other.data), (self, other), lambda g: rule(g, self.data, other.data))

    return method


def power(rule):
    """The same for a power with a constant exponent.  rule: (g, x, k, y) -> gradient."""

    def method(self, k):
        y = self.data**k
        return type(self)(y, (self,), lambda g: (rule(g, self.data, k, y),))

    return method


# --- 10.2


class Smooth(Node):
    sin = unary(np.sin, lambda g, x, y: g * np.cos(x))
    exp = unary(np.exp, lambda g, x, y: g * y)
    log = unary(np.log, lambda g, x, y: g / x)
    tanh = unary(np.tanh, lambda g, x, y: g * (1 - y**2))
    __pow__ = power(lambda g, x, k, y: g * k * x ** (k - 1))
    __sub__ = binary(np.subtract, lambda g, a, b: (g, -g))
    __truediv__ = binary(np.divide, lambda g, a, b: (g / b, -g * a / b**2))


def smooth(**methods):
    """Smooth with some of its operations replaced."""
    return type("Smooth", (Smooth,), methods)


class ByOtherFormulas(Node):
    sin = unary(np.sin, lambda g, x, y: np.float64(g) * np.sin(x + np.pi / 2))
    exp = unary(np.exp, lambda g, x, y: np.exp(x) * g)
    log = unary(np.log, lambda g, x, y: g * x**-1)
    tanh = unary(np.tanh, lambda g, x, y: g / np.cosh(x) ** 2)
    __pow__ = power(lambda g, x, k, y: g * k * y / x)
    __sub__ = binary(np.subtract, lambda g, a, b: [g * 1, g * -1])
    __truediv__ = binary(np.divide, lambda g, a, b: (g / b, -g * (a / b) / b))


class InTorch(Smooth):
    """Results that are torch's numbers are as good."""

    sin = unary(np.sin, lambda g, x, y: torch.tensor(g * np.cos(x)))


def no_comma(self):
    return type(self)(np.sin(self.data), (self,), lambda g: g * np.cos(self.data))


def no_rule(self):
    return type(self)(np.sin(self.data), (self,))


def plain_node(self):
    return Node(np.sin(self.data), (self,), lambda g: (g * np.cos(self.data),))


def only_a_number(self):
    return np.sin(self.data)


def exponent_as_parent(self, k):
    return type(self)(self.data**k, (self,), lambda g: (g * k * self.data ** (k - 1), 0.0))


def other_forgotten(self, other):
    return type(self)(self.data - other.data, (self, other), lambda g: (g,))


def printed(self):
    def pull(g):
        print(end="")
        (g * np.cos(self.data),)

    return type(self)(np.sin(self.data), (self,), pull)


def of_the_node(self):
    return type(self)(np.sin(self.data), (self,), lambda g: (g * np.cos(self),))


def upstream_node(self):
    return type(self)(np.sin(self.data), (self,), lambda g: (g.data * np.cos(self.data), g.grad))


def still_open(self):
    def pull(g):
        raise NotImplementedError()

    return type(self)(self.data, (self,), pull)


# --- 10.3


def by_visits(parents, root):
    order, seen = [], set()

    def visit(k):
        if k not in seen:
            seen.add(k)
            for parent in parents[k]:
                visit(parent)
            order.append(k)

    visit(root)
    return order


def by_counting_users(parents, root):
    reached, waiting = {root}, [root]
    while waiting:
        for parent in parents[waiting.pop()]:
            if parent not in reached:
                reached.add(parent)
                waiting.append(parent)
    users = dict.fromkeys(reached, 0)
    for k in reached:
        for parent in parents[k]:
            users[parent] += 1
    free, order = deque([root]), []
    while free:
        k = free.popleft()
        order.append(k)
        for parent in parents[k]:
            users[parent] -= 1
            if not users[parent]:
                free.append(parent)
    return order[::-1]


def by_rounds(parents, root):
    needed = set(by_visits(parents, root))
    order = []
    while needed - set(order):
        for k in sorted(needed, reverse=True):
            if k not in order and all(parent in order for parent in parents[k]):
                order.append(k)
    return np.array(order)


def on_arrival(parents, root):
    order = []

    def visit(k):
        if k not in order:
            order.append(k)
            for parent in parents[k]:
                visit(parent)

    visit(root)
    return order


def from_a_stack(parents, root):
    order, stack = [], [root]
    while stack:
        k = stack.pop()
        if k not in order:
            order.append(k)
            stack.extend(parents[k])
    return order[::-1]


def from_a_queue(parents, root):
    order, queue = [], deque([root])
    while queue:
        k = queue.popleft()
        if k not in order:
            order.append(k)
            queue.extend(parents[k])
    return order[::-1]


def without_a_set(parents, root):
    return [*(k for parent in parents[root] for k in without_a_set(parents, parent)), root]


def of_every_node(parents, root):
    order = []

    def visit(k):
        if k not in order:
            for parent in parents[k]:
                visit(parent)
            order.append(k)

    for k in range(len(parents)):
        visit(k)
    return order


def by_number(parents, root):
    return sorted(by_visits(parents, root))


def nothing_returned(parents, root):
    by_visits(parents, root)


def in_a_set(parents, root):
    return set(by_visits(parents, root))


# --- 10.4


def ordered(out):
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for parent in node.parents:
                visit(parent)
            order.append(node)

    visit(out)
    return order


class Backward(Node):
    def backward(self, g=1.0):
        self.grad = g
        for node in reversed(ordered(self)):
            if node.parents:
                for parent, part in zip(node.parents, node.pull(node.grad), strict=True):
                    parent.grad = parent.grad + part


def backward(method):
    """A class with this method as its backward pass."""
    return type("Backward", (Node,), {"backward": method})


def by_paths(self, g=1.0):
    """Right, if slow: every path is followed by itself."""
    self.grad = self.grad + g
    if self.parents:
        for parent, part in zip(self.parents, self.pull(g), strict=True):
            by_paths(parent, part)


def by_a_dictionary(self, g=1.0):
    grads = {self: g}
    for node in reversed(ordered(self)):
        node.grad = grads.get(node, 0.0)
        for parent, part in zip(node.parents, node.pull(node.grad) if node.pull else (), strict=True):
            grads[parent] = grads.get(parent, 0.0) + part


def assigned(self, g=1.0):
    self.grad = g
    for node in reversed(ordered(self)):
        if node.parents:
            for parent, part in zip(node.parents, node.pull(node.grad), strict=True):
                parent.grad = part


def assigned_recursively(self, g=1.0):
    self.grad = g
    if self.parents:
        for parent, part in zip(self.parents, self.pull(self.grad), strict=True):
            assigned_recursively(parent, part)


def breadth_first(self, g=1.0):
    self.grad = g
    queue, seen = deque([self]), {self}
    while queue:
        node = queue.popleft()
        if node.parents:
            for parent, part in zip(node.parents, node.pull(node.grad), strict=True):
                parent.grad += part
                if parent not in seen:
                    seen.add(parent)
                    queue.append(parent)


def depth_first(self, g=1.0):
    self.grad = g
    order = []

    def visit(node):
        if node not in order:
            order.append(node)
            for parent in node.parents:
                visit(parent)

    visit(self)
    for node in order:
        if node.parents:
            for parent, part in zip(node.parents, node.pull(node.grad), strict=True):
                parent.grad += part


def passing_on(self, g=1.0):
    self.grad = g

    def hand_on(node):
        if node.parents:
            for parent, part in zip(node.parents, node.pull(node.grad), strict=True):
                parent.grad += part
                hand_on(parent)

    hand_on(self)


def listed_twice(self, g=1.0):
    order = []

    def visit(node):
        for parent in node.parents:
            visit(parent)
        order.append(node)

    visit(self)
    self.grad = g
    for node in reversed(order):
        if node.parents:
            for parent, part in zip(node.parents, node.pull(node.grad), strict=True):
                parent.grad += part


def never_started(self, g=1.0):
    for node in reversed(ordered(self)):
        if node.parents:
            for parent, part in zip(node.parents, node.pull(node.grad), strict=True):
                parent.grad += part


def one_step(self, g=1.0):
    for parent, part in zip(self.parents, self.pull(g), strict=True):
        parent.grad += part


def forwards(self, g=1.0):
    self.grad = g
    for node in ordered(self):
        if node.parents:
            for parent, part in zip(node.parents, node.pull(node.grad), strict=True):
                parent.grad += part


def upstream_lost(self, g=1.0):
    self.grad = g
    for node in reversed(ordered(self)):
        if node.parents:
            for parent, part in zip(node.parents, node.pull(1.0), strict=True):
                parent.grad += part


def from_the_value(self, g=1.0):
    self.grad = self.data
    for node in reversed(ordered(self)):
        if node.parents:
            for parent, part in zip(node.parents, node.pull(node.grad), strict=True):
                parent.grad += part


def of_the_output(self, g=1.0):
    self.grad = g
    for node in reversed(ordered(self)):
        if node.parents:
            for parent, part in zip(node.parents, node.pull(g), strict=True):
                parent.grad += part


def seed_at_every_node(self, g=1.0):
    self.grad = g
    for node in reversed(ordered(self)):
        if node.parents:
            for parent, part in zip(node.parents, node.pull(node.grad * g), strict=True):
                parent.grad += part


def parents_in_a_dictionary(self, g=1.0):
    self.grad = g
    for node in reversed(ordered(self)):
        if node.parents:
            for parent, part in dict(zip(node.parents, node.pull(node.grad), strict=True)).items():
                parent.grad += part


def queued_again(self, g=1.0):
    self.grad = g
    queue = deque([self])
    while queue:
        node = queue.popleft()
        if node.parents:
            for parent, part in zip(node.parents, node.pull(node.grad), strict=True):
                parent.grad += part
                queue.append(parent)


def upstream_twice(self, g=1.0):
    self.grad = g
    for node in reversed(ordered(self)):
        if node.parents:
            for parent, part in zip(node.parents, node.pull(node.grad), strict=True):
                parent.grad += node.grad * part


def parts_exchanged(self, g=1.0):
    self.grad = g
    for node in reversed(ordered(self)):
        if node.parents:
            for parent, part in zip(node.parents, reversed(node.pull(node.grad)), strict=True):
                parent.grad += part


def kept_to_itself(self, g=1.0):
    self.grad = g
    for node in reversed(ordered(self)):
        if node.parents:
            node.grad = sum(node.pull(node.grad))


def leaves_pulled(self, g=1.0):
    self.grad = g
    for node in reversed(ordered(self)):
        for parent, part in zip(node.parents, node.pull(node.grad), strict=True):
            parent.grad += part


class StartsAsNone(Node):
    def __init__(self, data, parents=(), pull=None):
        super().__init__(data, parents, pull)
        self.grad = None

    def backward(self, g=1.0):
        grads = {self: g}
        for node in reversed(ordered(self)):
            for parent, part in zip(node.parents, node.pull(grads[node]) if node.pull else (), strict=True):
                grads[parent] = grads.get(parent, 0.0) + part


class WithoutPass(Node):
    def backwards(self, g=1.0):
        by_paths(self, g)


class UntouchedBackward(Node):
    def backward(self, g=1.0):
        """Leave the gradients."""
        raise NotImplementedError()


class WrongValues(Backward):
    def __mul__(self, other):
        other = self.wrap(other)
        return type(self)(self.data + other.data, (self, other), lambda g: (g * other.data, g * self.data))

    __rmul__ = __mul__


# --- 10.5


class Branches(Node):
    relu = unary(lambda x: np.maximum(x, 0), lambda g, x, y: g * (x > 0))
    abs = unary(np.abs, lambda g, x, y: g * np.sign(x))
    maximum = binary(np.maximum, lambda g, a, b: (g * (a > b), g * (a <= b)))


def branches(**methods):
    return type("Branches", (Branches,), methods)


def relu(rule):
    return branches(relu=unary(lambda x: np.maximum(x, 0), rule))


def absolute(rule):
    return branches(abs=unary(np.abs, rule))


def maximum(rule):
    return branches(maximum=binary(np.maximum, rule))


def by_an_if(self):
    return type(self)(np.maximum(self.data, 0), (self,), lambda g: (g if self.data > 0 else 0 * g,))


def by_size(g, a, b):
    first = np.abs(a) > np.abs(b)
    return g * first, g * ~first


# --- 10.6


def unbroadcast(g, shape):
    while np.ndim(g) > len(shape):
        g = g.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1:
            g = g.sum(axis=axis, keepdims=True)
    return g


def summing(rule):
    """A sum along an axis.  rule: (g, x, axis) -> gradient."""

    def method(self, axis=None):
        return type(self)(np.sum(self.data, axis=axis), (self,), lambda g: (rule(g, self.data, axis),))

    return method


def spread(g, x, axis):
    return (g if axis is None else np.expand_dims(g, axis)) * np.ones(x.shape)


def plus(rule):
    return binary(np.add, rule)


def times(rule):
    return binary(np.multiply, rule)


class Arrays(Node):
    __add__ = plus(lambda g, a, b: (unbroadcast(g, np.shape(a)), unbroadcast(g, np.shape(b))))
    __mul__ = times(lambda g, a, b: (unbroadcast(g * b, np.shape(a)), unbroadcast(g * a, np.shape(b))))
    __radd__, __rmul__ = __add__, __mul__
    sum = summing(spread)
    __matmul__ = binary(np.matmul, lambda g, a, b: (g @ b.T, a.T @ g))

    @property
    def T(self):
        return type(self)(self.data.T, (self,), lambda g: (g.T,))


def arrays(**methods):
    return type("Arrays", (Arrays,), methods)


def with_unbroadcast(undo):
    """Arrays with another way to undo a broadcast.  undo: (g, shape) -> gradient."""
    return arrays(
        __add__=plus(lambda g, a, b: (undo(g, np.shape(a)), undo(g, np.shape(b)))),
        __mul__=times(lambda g, a, b: (undo(g * b, np.shape(a)), undo(g * a, np.shape(b)))),
    )


def axes_dropped(g, shape):
    g = np.sum(g, axis=tuple(range(np.ndim(g) - len(shape))))
    return np.sum(g, axis=tuple(k for k, size in enumerate(shape) if size == 1))


def averaged(g, shape):
    whole = unbroadcast(g, shape)
    return whole * np.size(whole) / np.size(g)


def first_copy(g, shape):
    g = g if np.ndim(g) == len(shape) else g[(0,) * (np.ndim(g) - len(shape))]
    return g if np.shape(g) == shape else g[:, :1]


def by_reshape(g, shape):
    return np.asarray(g).reshape(shape)


def leading_axes_only(g, shape):
    return np.sum(g, axis=tuple(range(np.ndim(g) - len(shape))))


class ByEinsum(Arrays):
    sum = summing(lambda g, x, axis: np.array(np.broadcast_to(g if axis != 1 else g[:, None], x.shape)))
    __matmul__ = binary(np.matmul, lambda g, a, b: (np.einsum("ij,kj->ik", g, b), np.einsum("ik,ij->kj", a, g)))


# --- 10.7


def indexing(rule):
    """Indexing.  rule: (g, x, key) -> gradient."""

    def method(self, key):
        return type(self)(self.data[key], (self,), lambda g: (rule(g, self.data, key),))

    return method


def added(g, x, key):
    whole = np.zeros(x.shape)
    np.add.at(whole, key, g)
    return whole


def overwritten(g, x, key):
    whole = np.zeros(x.shape)
    whole[key] = g
    return whole


def added_in_place(g, x, key):
    whole = np.zeros(x.shape)
    whole[key] += g
    return whole


def counted(g, x, key):
    """Right by a matrix of zeros and ones."""
    places = np.arange(x.size).reshape(x.shape)[key]
    one_hot = np.ravel(places)[:, None] == np.arange(x.size)
    return (np.ravel(g) @ one_hot).reshape(x.shape)


class Engine(Backward, Smooth, Branches, Arrays):
    __getitem__ = indexing(added)


def engine(rule=added, backward=None):
    methods = {"__getitem__": indexing(rule), **({"backward": backward} if backward else {})}
    return type("Engine", (Backward, Smooth, Branches, Arrays), methods)


def counts(x, key):
    return np.maximum(added(np.ones(x[key].shape), x, key), 1)


def upon(empty):
    """Gradients of an index, put into something else than zeros."""

    def rule(g, x, key):
        whole = empty(x)
        whole[key] = g
        return whole

    return rule


def indexing_alone(rule, strict=False):
    """An engine whose indexing hands back no tuple."""

    def getitem(self, key):
        return type(self)(self.data[key], (self,), lambda g: rule(g, self.data, key))

    def sweep(self, g=1.0):
        self.grad = g
        for node in reversed(ordered(self)):
            if node.parents:
                for parent, part in zip(node.parents, node.pull(node.grad), strict=strict):
                    parent.grad = parent.grad + part

    return type("Engine", (Backward, Smooth, Branches, Arrays), {"__getitem__": getitem, "backward": sweep})


class EngineByPaths(Smooth, Branches, Arrays):
    backward = by_paths
    __getitem__ = indexing(counted)


class WithoutIndexing(Backward, Smooth, Branches, Arrays):
    pass


class OrderOfBases(Backward, Smooth, Branches, Arrays):
    """The rules of numbers win over those of arrays."""

    __getitem__ = indexing(added)
    __add__, __mul__ = Node.__add__, Node.__mul__
    __radd__, __rmul__ = __add__, __mul__


def started_at_one(self, g=1.0):
    Backward.backward(self, np.ones(np.shape(self.data)))


def started_at_number(self, g=1.0):
    Backward.backward(self, 1.0)


WRONG = [
    # 10.1
    ("engine_assigned", "10.predict_shared", lambda: [18, -12, -6, -6]),
    ("engine_assigned", "10.predict_shared", lambda: [-6, -8, -4, -6]),
    ("engine_order", "10.predict_shared", lambda: [6, -8, -10, -6]),
    ("engine_passed_on_again", "10.predict_shared", lambda: [42, -32, -10, -6]),
    ("engine_one_step", "10.predict_shared", lambda: [0, 0, -4, -6]),
    ("upstream_ignored", "10.predict_shared", lambda: [-2, 2, -3, -6]),
    ("values_for_gradients", "10.predict_shared", lambda: [2, -3, -6, -4]),
    ("one_use_of_a", "10.predict_shared", lambda: [30, -20, -10, -6]),
    ("one_use_of_a", "10.predict_shared", lambda: [-6, -20, -10, -6]),
    ("one_use_of_c", "10.predict_shared", lambda: [6, -8, -4, -6]),
    ("one_use_of_c", "10.predict_shared", lambda: [12, -12, -6, -6]),
    # 10.2
    ("rule_at_the_output", "10.local_rules", smooth(sin=unary(np.sin, lambda g, x, y: g * np.cos(y)))),
    ("rule_at_the_output", "10.local_rules", smooth(exp=unary(np.exp, lambda g, x, y: g * np.exp(y)))),
    ("rule_at_the_output", "10.local_rules", smooth(log=unary(np.log, lambda g, x, y: g / y))),
    ("rule_at_the_output", "10.local_rules", smooth(__pow__=power(lambda g, x, k, y: g * k * y ** (k - 1)))),
    ("rule_input_for_output", "10.local_rules", smooth(tanh=unary(np.tanh, lambda g, x, y: g * (1 - x**2)))),
    ("rule_input_for_output", "10.local_rules", smooth(exp=unary(np.exp, lambda g, x, y: g * x))),
    ("rule_value_for_derivative", "10.local_rules", smooth(sin=unary(np.sin, lambda g, x, y: g * y))),
    ("upstream_ignored", "10.local_rules", smooth(sin=unary(np.sin, lambda g, x, y: np.cos(x)))),
    ("upstream_ignored", "10.local_rules", smooth(__sub__=binary(np.subtract, lambda g, a, b: (1.0, -1.0)))),
    ("rule_sign_lost", "10.local_rules", smooth(__sub__=binary(np.subtract, lambda g, a, b: (g, g)))),
    ("rule_sign_lost", "10.local_rules", smooth(sin=unary(np.sin, lambda g, x, y: -g * np.cos(x)))),
    (
        "rule_sign_lost",
        "10.local_rules",
        smooth(__truediv__=binary(np.divide, lambda g, a, b: (g / b, g * a / b**2))),
    ),
    ("rule_sign_lost", "10.local_rules", smooth(tanh=unary(np.tanh, lambda g, x, y: -g * (1 - y**2)))),
    ("upstream_added", "10.local_rules", smooth(sin=unary(np.sin, lambda g, x, y: g + np.cos(x)))),
    ("rule_exchanged", "10.local_rules", smooth(__sub__=binary(np.subtract, lambda g, a, b: (-g, g)))),
    ("quotient_cut_short", "10.local_rules", smooth(__truediv__=binary(np.divide, lambda g, a, b: (g / b, -g / b**2)))),
    ("quotient_cut_short", "10.local_rules", smooth(__truediv__=binary(np.divide, lambda g, a, b: (g / b, g * a)))),
    ("power_cut_short", "10.local_rules", smooth(__pow__=power(lambda g, x, k, y: g * k * y))),
    ("power_cut_short", "10.local_rules", smooth(__pow__=power(lambda g, x, k, y: g * x ** (k - 1)))),
    ("power_cut_short", "10.local_rules", smooth(exp=unary(np.exp, lambda g, x, y: g * x * np.exp(x - 1)))),
    ("product_for_quotient", "10.local_rules", smooth(log=unary(np.log, lambda g, x, y: g * x))),
    ("forward_value", "10.local_rules", smooth(tanh=unary(np.sinh, lambda g, x, y: g * (1 - np.tanh(x) ** 2)))),
    ("pull_without_comma", "10.local_rules", smooth(sin=no_comma)),
    ("pull_without_comma", "10.local_rules", smooth(__sub__=binary(np.subtract, lambda g, a, b: np.array([g, -g])))),
    ("pull_without_comma", "10.local_rules", smooth(__sub__=binary(np.subtract, lambda g, a, b: iter((g, -g))))),
    ("pull_missing", "10.local_rules", smooth(sin=no_rule)),
    ("not_a_node", "10.local_rules", smooth(sin=plain_node)),
    ("not_a_node", "10.local_rules", smooth(sin=only_a_number)),
    ("not_one_for_each_parent", "10.local_rules", smooth(__sub__=other_forgotten)),
    ("not_one_for_each_parent", "10.local_rules", smooth(__pow__=exponent_as_parent)),
    ("nothing_arrived", "10.local_rules", smooth(sin=printed)),
    ("node_in_numpy", "10.local_rules", smooth(sin=of_the_node)),
    ("object_has_no", "10.local_rules", smooth(sin=upstream_node)),
    ("unfinished", "10.local_rules", smooth(tanh=still_open)),
    ("no_function", "10.local_rules", Smooth(2.0)),
    ("object_has_no", "10.local_rules", Node),
    # 10.3
    ("order_reversed", "10.topological_order", lambda parents, root: by_visits(parents, root)[::-1]),
    ("order_depth_first", "10.topological_order", on_arrival),
    ("order_depth_first", "10.topological_order", lambda parents, root: on_arrival(parents, root)[::-1]),
    ("order_depth_first", "10.topological_order", from_a_stack),
    ("order_breadth_first", "10.topological_order", from_a_queue),
    ("order_node_twice", "10.topological_order", without_a_set),
    ("order_unreached", "10.topological_order", of_every_node),
    ("order_unreached", "10.topological_order", lambda parents, root: list(range(len(parents)))),
    ("order_missing", "10.topological_order", lambda parents, root: by_visits(parents, root)[:-1]),
    ("order_missing", "10.topological_order", lambda parents, root: [*dict.fromkeys(parents[root]), root]),
    ("order_missing", "10.topological_order", lambda parents, root: []),
    ("order_not_after_parents", "10.topological_order", by_number),
    ("not_returned", "10.topological_order", nothing_returned),
    ("order_in_a_set", "10.topological_order", in_a_set),
    ("type", "10.topological_order", lambda parents, root: "01"),
    # 10.4
    ("engine_assigned", "10.backward_pass", backward(assigned)),
    ("engine_assigned", "10.backward_pass", backward(assigned_recursively)),
    ("engine_order", "10.backward_pass", backward(breadth_first)),
    ("engine_order", "10.backward_pass", backward(depth_first)),
    ("engine_passed_on_again", "10.backward_pass", backward(passing_on)),
    ("engine_passed_on_again", "10.backward_pass", backward(listed_twice)),
    ("engine_not_started", "10.backward_pass", backward(never_started)),
    ("engine_one_step", "10.backward_pass", backward(one_step)),
    ("engine_one_step", "10.backward_pass", backward(forwards)),
    ("upstream_ignored", "10.backward_pass", backward(upstream_lost)),
    ("engine_started_at_value", "10.backward_pass", backward(from_the_value)),
    ("engine_parent_once", "10.backward_pass", backward(parents_in_a_dictionary)),
    ("engine_passed_on_again", "10.backward_pass", backward(queued_again)),
    ("engine_upstream_twice", "10.backward_pass", backward(upstream_twice)),
    ("engine_parts_exchanged", "10.backward_pass", backward(parts_exchanged)),
    ("engine_not_started", "10.backward_pass", backward(kept_to_itself)),
    ("engine_started_at_one", "10.backward_pass", backward(started_at_one)),
    ("engine_of_the_output", "10.backward_pass", backward(of_the_output)),
    ("engine_seed_at_every_node", "10.backward_pass", backward(seed_at_every_node)),
    ("leaf_without_rule", "10.backward_pass", backward(leaves_pulled)),
    ("nothing_arrived", "10.backward_pass", StartsAsNone),
    ("object_has_no", "10.backward_pass", WithoutPass),
    ("forward_value", "10.backward_pass", WrongValues),
    ("no_function", "10.backward_pass", Backward(1.0)),
    ("no_function", "10.backward_pass", by_paths),
    ("unattempted", "10.backward_pass", UntouchedBackward),
    # 10.5
    ("slope_one_everywhere", "10.branch", relu(lambda g, x, y: g)),
    ("slope_one_everywhere", "10.branch", absolute(lambda g, x, y: g)),
    ("slope_one_everywhere", "10.branch", maximum(lambda g, a, b: (g, g))),
    ("branch_by_upstream", "10.branch", relu(lambda g, x, y: np.maximum(g, 0))),
    ("branch_by_upstream", "10.branch", absolute(lambda g, x, y: np.abs(g))),
    ("other_branch", "10.branch", relu(lambda g, x, y: g * (x < 0))),
    ("other_branch", "10.branch", maximum(lambda g, a, b: (g * (a < b), g * (a > b)))),
    ("branch_lost", "10.branch", absolute(lambda g, x, y: g * (x > 0))),
    ("branch_lost", "10.branch", maximum(lambda g, a, b: (g * (a > b), 0 * g))),
    ("branch_by_sign", "10.branch", maximum(lambda g, a, b: (g * (a > 0), g * (b > 0)))),
    ("branch_by_sign", "10.branch", maximum(lambda g, a, b: (g * (a > 0), g * (a <= 0)))),
    ("branch_by_sign", "10.branch", maximum(lambda g, a, b: (g * (b <= 0), g * (b > 0)))),
    ("branch_by_size", "10.branch", maximum(by_size)),
    ("upstream_ignored", "10.branch", relu(lambda g, x, y: (x > 0) * 1.0)),
    ("rule_value_for_derivative", "10.branch", relu(lambda g, x, y: g * y)),
    ("truth_of_an_array", "10.branch", branches(relu=by_an_if)),
    # 10.6
    ("broadcast_not_summed", "10.array_rules", with_unbroadcast(lambda g, shape: g)),
    ("broadcast_axes_dropped", "10.array_rules", with_unbroadcast(axes_dropped)),
    ("mean_for_sum_of_copies", "10.array_rules", with_unbroadcast(averaged)),
    ("broadcast_summed_too_far", "10.array_rules", with_unbroadcast(lambda g, shape: np.sum(g) * np.ones(shape))),
    ("one_copy_only", "10.array_rules", with_unbroadcast(first_copy)),
    (
        "rule_exchanged",
        "10.array_rules",
        arrays(__mul__=times(lambda g, a, b: (unbroadcast(g * a, np.shape(a)), unbroadcast(g * b, np.shape(b))))),
    ),
    ("matmul_sides", "10.array_rules", arrays(__matmul__=binary(np.matmul, lambda g, a, b: (b @ g.T, g.T @ a)))),
    (
        "upstream_ignored",
        "10.array_rules",
        arrays(__matmul__=binary(np.matmul, lambda g, a, b: (np.ones_like(g) @ b.T, a.T @ np.ones_like(g)))),
    ),
    (
        "none_for_whole_number",
        "10.array_rules",
        arrays(sum=summing(lambda g, x, axis: np.expand_dims(g, axis) * (x == x))),
    ),
    ("reshape_size", "10.array_rules", with_unbroadcast(by_reshape)),
    ("broadcast_not_summed", "10.array_rules", with_unbroadcast(leading_axes_only)),
    ("rule_exchanged", "10.array_rules", arrays(__matmul__=binary(np.matmul, lambda g, a, b: (a.T @ g, g @ b.T)))),
    ("matmul_sides", "10.array_rules", arrays(__matmul__=binary(np.matmul, lambda g, a, b: (g @ b, a @ g)))),
    ("sum_not_expanded", "10.array_rules", arrays(sum=summing(lambda g, x, axis: g))),
    ("along_other_axis", "10.array_rules", arrays(sum=summing(lambda g, x, axis: np.broadcast_to(g, x.shape)))),
    ("upstream_ignored", "10.array_rules", arrays(sum=summing(lambda g, x, axis: np.ones(x.shape)))),
    ("mean_for_sum_of_copies", "10.array_rules", arrays(sum=summing(lambda g, x, axis: spread(g, x, axis) / x.size))),
    ("upstream_ignored", "10.array_rules", arrays(__matmul__=binary(np.matmul, lambda g, a, b: (b.T, a.T)))),
    # 10.7
    ("index_overwrites", "10.earlier_maps", engine(overwritten)),
    ("index_overwrites", "10.earlier_maps", engine(added_in_place)),
    ("index_averaged", "10.earlier_maps", engine(lambda g, x, key: added(g, x, key) / counts(x, key))),
    ("index_others_filled", "10.earlier_maps", engine(upon(np.array))),
    ("index_others_filled", "10.earlier_maps", engine(upon(np.ones_like))),
    ("index_whole_numbers", "10.earlier_maps", engine(upon(lambda x: np.zeros(x.shape, int)))),
    ("pull_without_comma", "10.earlier_maps", indexing_alone(lambda g, x, key: added(g, x, key))),
    ("pull_without_comma", "10.earlier_maps", indexing_alone(lambda g, x, key: added(g, x, key), strict=True)),
    ("pull_shape", "10.earlier_maps", engine(lambda g, x, key: g)),
    ("pull_shape", "10.earlier_maps", engine(lambda g, x, key: g[key])),
    (
        "shapes_do_not_broadcast",
        "10.earlier_maps",
        engine(lambda g, x, key: g * (added(np.ones(np.shape(g)), x, key) > 0)),
    ),
    ("no_index", "10.earlier_maps", WithoutIndexing),
    ("engine_started_at_one", "10.earlier_maps", engine(backward=started_at_one)),
    ("engine_started_at_one", "10.earlier_maps", engine(backward=started_at_number)),
    ("engine_assigned", "10.earlier_maps", engine(backward=assigned)),
    ("engine_not_started", "10.earlier_maps", engine(backward=never_started)),
    ("engine_started_at_value", "10.earlier_maps", engine(backward=from_the_value)),
    ("engine_passed_on_again", "10.earlier_maps", engine(backward=listed_twice)),
    # 10.8
    ("edges_for_nodes", "10.count", lambda k: (2 * k, 2**k - 1)),
    ("edges_for_nodes", "10.count", lambda k: (2 * k, 2 ** (k + 1) - 2)),
    ("leaf_counted", "10.count", lambda k: (k + 1, 2 ** (k + 1) - 1)),
    ("ways_for_calls", "10.count", lambda k: (k, 2**k)),
    ("ways_for_calls", "10.count", lambda k: (k, 2 ** (k + 1) - 2)),
    ("recursion_not_doubled", "10.count", lambda k: (k, 2 * k)),
    ("recursion_not_doubled", "10.count", lambda k: (k, k**2)),
    ("counts_exchanged", "10.count", lambda k: (2**k - 1, k)),
    ("both_the_same", "10.count", lambda k: (2**k - 1, 2**k - 1)),
    ("type", "10.count", lambda k: k),
]

RIGHT = [
    ("10.predict_shared", lambda: (24, -20.0, -10, -6)),
    ("10.predict_shared", lambda: np.array([24, -20, -10, -6])),
    ("10.local_rules", Smooth),
    ("10.local_rules", ByOtherFormulas),
    ("10.local_rules", InTorch),
    ("10.topological_order", by_visits),
    ("10.topological_order", by_counting_users),
    ("10.topological_order", by_rounds),
    ("10.backward_pass", Backward),
    ("10.backward_pass", backward(by_paths)),
    ("10.backward_pass", backward(by_a_dictionary)),
    ("10.branch", Branches),
    ("10.branch", relu(lambda g, x, y: np.where(x > 0, g, 0.0))),
    ("10.branch", absolute(lambda g, x, y: g * x / y)),
    ("10.branch", maximum(lambda g, a, b: (np.where(a > b, g, 0), np.where(a > b, 0, g)))),
    ("10.array_rules", Arrays),
    ("10.array_rules", ByEinsum),
    ("10.earlier_maps", Engine),
    ("10.earlier_maps", EngineByPaths),
    ("10.count", lambda k: (k, sum(2**i for i in range(k)))),
    ("10.count", lambda k: [np.int64(k), (1 << k) - 1]),
]
