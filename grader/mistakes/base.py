"""What a mistake is, and helper functions for deriving mistakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from grader import words
from grader.words import Words

if TYPE_CHECKING:
    from grader.problem import Block

Derivation = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Mistake:
    """A wrong derivation that people really make: what it gives, and the words that explain it.

    key: the same in every question, so that it can be counted over a class.
    name: a few words.  says: one sentence, "this is ...".  why: what was confused, and how to do it right.  All three
        may contain facts about the problem in braces: {v}, {m}, {k}.
    listed: the name in a list of a class's mistakes, if ``name`` would say too little without the answer.
    formula: what is computed instead of the truth, in terms of J, v, y and x; "" if no formula describes it.
    unit: the unit whose lesson teaches it; "" means the unit of the question.
    derive: kind of Quantity -> derivation.  A derivation takes a Block (for the kind "tuple": the true tuple and the
        Problem) and returns a flat result for that input, None if the mistake cannot be made there, or a list of
        (detail, result) pairs.  For the kind "weights", a result is the weight (m,) that takes the place of v, so that
        all products with J can be computed at once.
    on_problem: a derivation that takes the Problem and returns one result in its own shape, None, or a list of
        (detail, result) pairs; it is used by Questions that list the mistake in ``also``.  Mistakes of the catalogue
        get one by ``derived``; ``derive`` is for the catalogue alone.
        rough: True if it is made with difference quotients, whose values only approximate that of the derivation.
        on_value: if an operation is asked for: like ``on_problem``, but derives a wrong value y.

    >>> doubled = Mistake(
    ...     "doubled",
    ...     name="doubled instead of squared",
    ...     says="this is 2x, not x².",
    ...     why="`2 * x` doubles; a power is written with two stars.",
    ...     on_problem=lambda p: 2 * p.inputs["x"].numpy(),
    ... )
    >>> def square(x): return x ** 2
    >>> q = Question("99.q", "Square", Output(), [Map(square, {"x": normal(3)})], ("x",), also=[doubled])
    >>> [(wrong.key, wrong.value.shape) for wrong in q.sample(seed=0).wrongs]
    [('doubled', (3,))]
    """

    key: str
    name: str
    says: str
    why: str = ""
    listed: str = ""
    formula: str = ""
    unit: str = ""
    derive: Mapping[str, Derivation] = field(default_factory=dict)
    on_problem: Derivation | None = None
    rough: bool = False
    on_value: Derivation | None = None

    @property
    def words(self) -> Words:
        """The words for it, in the program's language."""
        return words.MISTAKES.get(self.key) or Words(self.name, self.says, self.why, self.listed)

    def derived(self, on_problem: Derivation) -> Mistake:
        """This mistake with another ``on_problem``, for use in a Question's ``also``."""
        return replace(self, on_problem=on_problem)


def order(b: Block) -> int:
    """The order of the derivative that the Question asks for."""
    n: int = b.p.question.asks.order_on(b.p)  # used only with NthDerivative
    return n


def nth(b: Block) -> np.ndarray:
    """The truth of an NthDerivative: shape ()."""
    return np.asarray(b.derivative(order(b)))


def at_least_two(derive: Derivation) -> Derivation:
    """The derivation, restricted to two or more outputs: with a single one, the mistake gives the truth."""
    return lambda b: derive(b) if b.m > 1 else None


def grid(b: Block, values: np.ndarray) -> np.ndarray:
    """The values of a Jacobian, (m, n), reshaped to y's shape followed by x's."""
    return values.reshape(b.y_shape + b.x_shape)
