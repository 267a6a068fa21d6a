"""A Problem: a Question at one seed, with its inputs, its weights, its Jacobian, and what follows from them.

There is no stored answer.  A Problem draws inputs and weights and computes the full Jacobian J by another method than
the student's; from J, the Question's Quantity then derives the truth and what each known mistake would give.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import cycle
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from grader import jacobian
from grader.jacobian import derivative, flatten, hessian
from grader.probe import Arg, Call
from grader.words import AUTHORS


class Wrong(NamedTuple):
    """The value that one mistake gives on one Problem."""

    key: str  # of the mistake
    value: Any  # in the form of the truth, or in another shape
    detail: Mapping[str, Any]  # facts for the explanation, e.g. which row
    stage: int = (
        0  # if an answer is judged in stages: the one that the mistake is in, an index into ``Quantity.stages``
    )


class Block:
    """The part of a Problem that concerns one input, flattened; the mistakes are formulas in its attributes.

    J: (m, n).  v, y, ones: (m,).  x: (n,).  x_shape, y_shape: the shapes before flattening (y_shape is (m,) if there
    are several outputs).  square: whether m = n > 1 and both shapes are equal.  p: the whole Problem.
    T: like J, but with respect to the first drawn input, with nothing held constant; None if no input is derived.

    >>> def f(x): return torch.stack([x[0] * x[1], x[1] ** 2, x[0]])
    >>> q = Question("99.q", "Q", WeightedGradient(), [Map(f, {"x": normal(2)})], ("f", "x", "v"), {"v": None})
    >>> (block,) = q.asks.blocks(q.sample(seed=0))
    >>> block.J.shape, block.v.shape, block.g.shape, block.H.shape
    ((3, 2), (3,), (2,), (2, 2))
    """

    def __init__(self, p: Problem, name: str, v: np.ndarray):
        self.p, self.name, self.v = p, name, v
        self.J, self.y = p.jacobians[name], p.y
        self.T = p.totals.get(next(iter(p.drawn), "")) if p.map.derived else None
        self.x = p.inputs[name].numpy().reshape(-1)
        self.x_shape = tuple(p.inputs[name].shape)
        self.y_shape = tuple(p.outputs[0].shape) if len(p.outputs) == 1 else self.y.shape
        self.m, self.n = self.J.shape
        self.square = self.m == self.n > 1 and self.y_shape == self.x_shape
        self.ones = np.ones(self.m)

    @cached_property
    def g(self) -> np.ndarray:
        """The true weighted gradient, Jᵀv: (n,)."""
        return self.J.T @ self.v

    @property
    def H(self) -> np.ndarray:
        """The Hessian of v·y with respect to this input: (n, n)."""
        key = (self.name, self.v.tobytes())
        if key not in self.p.seconds:
            self.p.seconds[key] = hessian(self.number, self.p.inputs[self.name])
        H: np.ndarray = self.p.seconds[key]
        return H

    def number(self, z: Tensor) -> Tensor:
        """v·y as a function of this input, with the others held constant: a tensor of shape ()."""
        y = flatten(self.p.forward(*{**self.p.inputs, self.name: z}.values()))
        return (torch.from_numpy(self.v) * y).sum()

    def derivative(self, order: int) -> float:
        """The derivative of v·y of this order with respect to this input, which must be a single number."""
        key = (self.name, self.v.tobytes(), order)
        if key not in self.p.seconds:
            self.p.seconds[key] = derivative(self.number, self.p.inputs[self.name], order)
        return float(self.p.seconds[key])

    def extra(self, name: str) -> np.ndarray:
        """The Question's extra of this name, flattened: (size,)."""
        return np.asarray(self.p.extras[name]).reshape(-1)


Sampler = Callable[[torch.Generator], Tensor]  # any function that draws a float64 tensor from the generator
Extra = Callable[[torch.Generator, "Problem"], Any]  # draws a further argument, once the outputs are known

TRUTH = ""  # stands for the truth where mistakes are named by their keys
ROUGH = 5e-4  # relative tolerance for results of difference quotients; less than SEPARATION
SEPARATION = 1e-3  # values closer than this, relative to the larger, count as equal


@dataclass(frozen=True)
class Drawn:
    """A sampler of independent entries and the shape that it draws; ``normal``, ``uniform`` and others return one.

    entries: (shape, generator) -> float64 array of that shape.
    shape: of the tensor drawn; () is one number, but as the sampler of a weight it takes the shape of its output.

    >>> draw = normal(2, 3)
    >>> draw(torch.Generator().manual_seed(0)).shape, draw.of((4,))(torch.Generator().manual_seed(0)).shape
    (torch.Size([2, 3]), torch.Size([4]))
    """

    entries: Callable[[tuple[int, ...], torch.Generator], np.ndarray]
    shape: tuple[int, ...] = ()

    def __call__(self, generator: torch.Generator) -> Tensor:
        return torch.from_numpy(np.asarray(self.entries(self.shape, generator)))

    def of(self, shape: tuple[int, ...]) -> Drawn:
        """The same entries in another shape."""
        return Drawn(self.entries, shape)


def normal(*shape: int) -> Drawn:
    """A sampler of standard normal float64 entries, rounded to two decimals so that a card can print them in full.

    >>> normal(3)(torch.Generator().manual_seed(0)).tolist()
    [1.54, -0.29, -2.18]
    """
    return Drawn(_normal, shape)


def uniform(low: float, high: float, *shape: int) -> Drawn:
    """A sampler of uniform float64 entries in [low, high], rounded to two decimals.

    >>> uniform(0, 1, 2)(torch.Generator().manual_seed(0)).tolist()
    [0.97, 0.71]
    """
    return Drawn(partial(_uniform, low, high), shape)


def fixed(values: Any) -> Sampler:
    """A sampler that always gives these values, as float64, for questions whose text names its numbers.

    >>> fixed([1, 2])(torch.Generator()).tolist()
    [1.0, 2.0]
    """
    return lambda generator: torch.tensor(values, dtype=torch.float64)


def mixed_signs(*shape: int) -> Drawn:
    """A sampler of weights with absolute values in [0.25, 2], of which half, rounded down, are negative.

    Signs and sizes differ because with ``v = ones`` several wrong formulas give the right result.

    >>> mixed_signs(4)(torch.Generator().manual_seed(0)).tolist()
    [-1.95, 1.49, -1.05, 1.86]
    """
    return Drawn(_mixed_signs, shape)


def like(name: str, sampler: Drawn | None = None) -> Extra:
    """An extra in the shape of the input of this name: a direction u, or an old gradient.  Mixed signs by default.

    >>> extras = {"u": like("x"), "stale": like("x", normal())}
    """
    return lambda generator, p: (sampler or mixed_signs()).of(tuple(p.inputs[name].shape))(generator)


def place(name: str = "") -> Extra:
    """An extra that is an index, an int: into the flattened input of this name, or without a name into the outputs.

    >>> extras = {"i": place(), "j": place("x")}
    """
    return lambda generator, p: int(
        torch.randint(p.inputs[name].numel() if name else p.y.size, (), generator=generator)
    )


def _normal(shape: tuple[int, ...], generator: torch.Generator) -> np.ndarray:
    return _two_decimals(torch.randn(shape, generator=generator, dtype=torch.float64).numpy())


def _uniform(low: float, high: float, shape: tuple[int, ...], generator: torch.Generator) -> np.ndarray:
    u = torch.rand(shape, generator=generator, dtype=torch.float64).numpy()
    return _two_decimals(low + (high - low) * u)


def _mixed_signs(shape: tuple[int, ...], generator: torch.Generator) -> np.ndarray:
    sizes = _uniform(0.25, 2, shape, generator)
    order = torch.randperm(sizes.size, generator=generator).numpy()
    return sizes * (1.0 - 2.0 * (order % 2)).reshape(shape)


def _two_decimals(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.rint(values * 100) / 100)


@dataclass(frozen=True)
class Map:
    """A function to differentiate, with a sampler for each of its tensor arguments, in order.

    A derived tensor is computed from the drawn ones, and then treated as independent of them: derivatives with respect
    to x hold it constant (a detached branch), and others are with respect to it (an intermediate result).

    >>> def power(x, k): return x ** k
    >>> p = Problem(Question("99.q", "Q", Derivative(), [Map(power, {"x": fixed(3)}, "x²", {"k": 2})], ("x",)), seed=0)
    >>> p.inputs["x"].item(), p.outputs[0].item(), p.truth.item()
    (3.0, 9.0, 6.0)
    """

    fn: jacobian.Function
    inputs: Mapping[str, Sampler]
    formula: str = ""  # as a card shows it, e.g. "(x₀x₁, x₁² + sin x₂)"
    fixed_args: Mapping[str, Any] = field(default_factory=dict)  # further plain arguments, passed as keywords
    derived: Mapping[str, Callable[..., Tensor]] = field(default_factory=dict)  # functions of the drawn inputs
    takes: tuple[str, ...] = ()  # the names in inputs and derived that fn takes, in order; empty for all


class Inseparable(ValueError):
    """Raised for a Question whose mistakes cannot be told from each other or from the truth.

    Its message names all that coincide, how often, and what to do about it.

    >>> def f(x): return torch.stack([x[0] * x[1], x[1] ** 2])
    >>> ones = {"v": fixed([1, 1])}
    >>> Question("99.q", "Q", WeightedGradient(), [Map(f, {"x": normal(2)})], ("f", "x", "v"), ones).sample(seed=0)
    Traceback (most recent call last):
    grader.problem.Inseparable: 99.q: none of 64 draws at seed 0 tells the truth and all mistakes apart.
      64 of 64: ...
    """


class Problem:
    """A Question at one seed: inputs, outputs, weights and J in float64, and what follows from them.

    question: a Question; that class makes Problems, so this module cannot import it.
    seed: selects the Map and the random numbers.  attempt: draws other numbers at the same seed.

    map: the Map.  inputs, weights, extras: by name; inputs and weights are float64 tensors.  outputs: a tuple of
    tensors.  jacobians: by input, (m, n) each.  y: all outputs, flattened: (m,).  truth, wrongs: derived from these.

    >>> def f(x): return torch.stack([x[0] * x[1], x[1] ** 2, x[0]])
    >>> q = Question("99.q", "Q", WeightedGradient(), [Map(f, {"x": normal(2)})], ("f", "x", "v"), {"v": None})
    >>> p = Problem(q, seed=0)
    >>> p.inputs["x"].shape, p.weights["v"].shape, p.jacobians["x"].shape, p.truth.shape
    (torch.Size([2]), torch.Size([3]), (3, 2), (2,))
    """

    def __init__(self, question: Any, seed: int, attempt: int = 0):
        self.question, self.seed = question, seed
        key = f"{question.id}/{seed}/{attempt}".encode()
        generator = torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(key).digest()[:6], "big"))
        maps = question.maps or (Map(lambda: torch.zeros(()), {}),)
        self.map = maps[seed % len(maps)]
        self.drawn: dict[str, Tensor] = {name: draw(generator) for name, draw in self.map.inputs.items()}
        self.inputs = self._inputs(self.drawn)
        self.outputs = jacobian.as_tuple(self.forward(*self.inputs.values()))
        self.weights: dict[str, Tensor] = self._draw_weights(generator)
        self.extras: dict[str, Any] = {}
        for name, draw in question.extras.items():  # one by one: each may depend on those before it
            self.extras[name] = draw(generator, self)
        self._forget()

    def _forget(self) -> None:
        self.seconds: dict[Any, Any] = {}  # Hessians and higher derivatives, which cost most, by input and weight
        self.parts: dict[int, list[Block]] = {}  # by the id of the Quantity that uses them
        self._blocks: dict[tuple[str, bytes], Block] = {}

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The Map's function at these inputs, with its further plain arguments filled in."""
        return self.map.fn(*inputs, **self.map.fixed_args)

    def _inputs(self, drawn: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors that the Map's function takes, in order: drawn ones and those derived from them."""
        all_ = {**drawn, **{name: make(*drawn.values()) for name, make in self.map.derived.items()}}
        return {name: all_[name] for name in self.map.takes or all_}

    def at(self, name: str, value: Tensor) -> Problem:
        """This Problem with another value for one drawn input; weights and extras stay the same."""
        moved = copy.copy(self)
        for cached in [key for key, made in vars(Problem).items() if isinstance(made, cached_property)]:
            moved.__dict__.pop(cached, None)
        moved._forget()
        moved.drawn = {**self.drawn, name: value}
        moved.inputs = moved._inputs(moved.drawn)
        moved.outputs = jacobian.as_tuple(moved.forward(*moved.inputs.values()))
        return moved

    def asking(self, asks: Any) -> Problem:
        """This Problem with another Quantity asked for: the same inputs, outputs, weights and extras."""
        other = copy.copy(self)
        for cached in ("truth", "wrongs", "scale", "call", "stages"):
            other.__dict__.pop(cached, None)
        other._forget()
        other.question = replace(self.question, asks=asks)
        return other

    @cached_property
    def stages(self) -> list[Problem]:
        """The stages in which an answer is judged, in order: a Problem for each of the Quantity's stages."""
        return [self.asking(asks) for asks in self.question.asks.stages] or [self]

    def _draw_weights(self, generator: torch.Generator) -> dict[str, Tensor]:
        if self.question.weigh is not None:
            (name,) = self.question.weights
            return {name: self.question.weigh(*self.inputs.values())}
        drawn = {}
        # One weight for each output, or several for a single output.
        for (name, sampler), y in zip(self.question.weights.items(), cycle(self.outputs), strict=False):
            draw, shape = sampler or mixed_signs(), tuple(y.shape)
            v = drawn[name] = (draw.of(shape) if isinstance(draw, Drawn) and not draw.shape else draw)(generator)
            if tuple(v.shape) != shape:
                facts = {"id": self.question.id, "name": name, "got": tuple(v.shape), "shape": shape}
                raise ValueError(AUTHORS["weight_shape"].format_map(facts))
        return drawn

    @cached_property
    def jacobians(self) -> dict[str, np.ndarray]:
        """``{input: J}``, each J of shape (m, n), where m counts the entries of all outputs together."""
        return jacobian.forward_mode(self.forward, self.inputs)

    @cached_property
    def totals(self) -> dict[str, np.ndarray]:
        """Like ``jacobians``, but with respect to the drawn inputs and with nothing held constant: no branch is cut."""

        def whole(*drawn: Tensor) -> Tensor | tuple[Tensor, ...]:
            return self.forward(*self._inputs(dict(zip(self.drawn, drawn, strict=True))).values())

        return jacobian.forward_mode(whole, self.drawn)

    @cached_property
    def y(self) -> np.ndarray:
        """All outputs, flattened: shape (m,)."""
        return jacobian.flatten(self.outputs).detach().numpy()

    @cached_property
    def truth(self) -> Any:
        """The right answer: an array, a tuple of arrays or None, or a text, depending on the Quantity."""
        return self.question.asks.truth(self)

    @cached_property
    def wrongs(self) -> list[Wrong]:
        """What each mistake that belongs to the Quantity would give on this very problem."""
        return self.question.asks.wrongs(self)

    @cached_property
    def scale(self) -> float:
        """The size to which tolerances for rounding errors are relative."""
        return self.question.asks.scale(self)

    def block(self, name: str, v: np.ndarray) -> Block:
        """The Block for one input and a weight v: (m,); made once, since every mistake is derived from it."""
        key = (name, v.tobytes())
        if key not in self._blocks:
            self._blocks[key] = Block(self, name, v)
        return self._blocks[key]

    @cached_property
    def call(self) -> Call:
        """What the probe passes to the student's function, and what it looks at afterwards."""
        asks, args = self.question.asks, []
        leaves = self.question.leaves or asks.names
        for name in self.given:
            if name in self.question.computed:
                made = self.question.computed[name] or partial(self.map.fn, **self.map.fixed_args)
                args.append(Arg(name, made, computed=True))
                continue
            value, hidden = self._argument(name), name in self.question.hidden
            change = self.question.handed.get(name, lambda array: array)
            if isinstance(value, Tensor):
                declared = self.question.declared and name in leaves
                stale = self.extras.get("stale") if name in asks.names else None
                old = None if stale is None else stale.numpy()
                args.append(Arg(name, change(value.detach().numpy()), requires_grad=declared, stale=old, hidden=hidden))
            else:
                args.append(Arg(name, value, hidden=hidden))
        of, again = asks.looks_at, asks.again_weights(self)
        return Call(tuple(args), asks.observes, of, again, asks.use, asks.pulled_with(self))

    @property
    def given(self) -> tuple[str, ...]:
        """The names of the arguments of the student's function, in order, with "inputs" written out."""
        names = self.question.gives
        return tuple(one for name in names for one in (self.inputs if name == "inputs" else (name,)))

    def _argument(self, name: str) -> Any:
        if name == "f":
            return self.map.fn
        if name == "weigh":
            return self.question.weigh
        for place in (self.inputs, self.drawn, self.weights, self.extras, self.map.fixed_args, self.question.hands):
            if name in place:
                return place[name]
        raise KeyError(f"{self.question.id} gives {name!r}, which is no input, weight or extra of it")

    def clashes(self) -> list[tuple[str, ...]]:
        """What makes this problem unusable: [] if truth and mistakes are all finite and differ from each other.

        Each clash is a tuple of mistakes' keys, with ``TRUTH`` for the truth: either all that give the same value, or a
        single one whose value is not finite and which could never be recognized, since no answer equals nan.
        """
        if self.question.asks.stages:
            return list(dict.fromkeys(clash for stage in self.stages for clash in stage.clashes()))
        entries = [(TRUTH, self.truth), *((w.key, w.value) for w in self.wrongs)]
        forms: dict[Any, list[int]] = {}
        for k, (_, value) in enumerate(entries):
            forms.setdefault(_form(value), []).append(k)
        found: list[tuple[str, ...]] = []
        separation = max(
            SEPARATION, 3 * self.question.asks.tolerated
        )  # so that no answer is close enough to two values
        for members in forms.values():
            pairs = _pairs_alike([entries[k][1] for k in members], separation)
            if pairs.diagonal().all() and np.count_nonzero(pairs) == len(members):  # each is like only itself
                continue
            found += _groups([entries[k][0] for k in members], pairs)
        return list(dict.fromkeys(found))


def _groups(names: Sequence[str], pairs: np.ndarray) -> list[tuple[str, ...]]:
    """Groups of names with values that are alike, also through others, or not finite.  pairs: from ``_pairs_alike``."""
    odd = [(name,) for name, finite in zip(names, pairs.diagonal(), strict=True) if not finite]
    together = {k: {k} for k in range(len(names))}
    for i, j in np.argwhere(np.triu(pairs, 1)):
        joined = together[i] | together[j]
        together.update(dict.fromkeys(joined, joined))
    groups = [tuple(dict.fromkeys(names[k] for k in sorted(group))) for group in together.values()]
    return odd + [group for group in groups if len(group) > 1]


def _form(value: Any) -> Any:
    """The form that two values must share to be alike: their structure and shapes; a text is its own form."""
    if isinstance(value, np.ndarray):
        return value.shape
    if isinstance(value, tuple):
        return tuple(map(_form, value))
    return value if value is None or isinstance(value, str) else np.shape(value)


def _pairs_alike(values: Sequence[Any], rtol: float) -> np.ndarray:
    """``alike`` for each pair of k values of the same form: (k, k), bool.

    They are compared all at once, since calling ``alike`` on each pair would take a third of a sample's time.  A value
    that contains nan or infinity is not like itself.
    """
    first = values[0]
    if isinstance(first, tuple):
        parts = (_pairs_alike(part, rtol) for part in zip(*values, strict=True))
        return np.logical_and.reduce([np.full((len(values),) * 2, True), *parts])
    if first is None or isinstance(first, str):
        return np.full((len(values),) * 2, True)
    entries = np.ascontiguousarray(np.array(values).reshape(len(values), -1).T)  # numpy is fast along the first axis
    size = np.maximum.reduce(np.abs(entries), initial=0)
    with np.errstate(invalid="ignore"):  # inf - inf
        apart = np.maximum.reduce(np.abs(entries[:, :, None] - entries[:, None]), initial=0)
    return np.asarray(apart <= rtol * np.maximum(size[:, None], size))


def alike(a: Any, b: Any, rtol: float, scale: float | None = None) -> bool:
    """Whether two values have the same structure and shapes, and entries that differ by at most ``rtol * scale``.

    a, b: arrays, tuples of them, texts, which must be equal, or None.
    scale: by default the largest absolute entry of the two arrays compared.
    """
    if a is None or b is None:
        return a is b
    if isinstance(a, tuple) or isinstance(b, tuple):
        both = isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b)
        return both and all(alike(p, q, rtol, scale) for p, q in zip(a, b, strict=True))
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str) and a == b
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    if scale is None:
        scale = max(np.abs(a).max(initial=0), np.abs(b).max(initial=0))
    return bool(np.all(np.abs(a - b) <= rtol * scale))
