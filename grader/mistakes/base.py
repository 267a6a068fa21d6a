"""What a mistake is, and helpers of those who derive them."""

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
    """A derivation that people really get wrong: what it gives, and how it is spoken of.

    key: the same in every question, so that a class can be counted.
    name: a few words.  says: one sentence, "this is ...".  why: what was confused, and how it is done.  They may name
        facts of the problem in braces: {v}, {m}, {k}.
    listed: the name in a list of a class's mistakes, where ``name`` would say too little without the answer.
    formula: what is computed instead of the truth, in terms of J, v, y and x; "" where no formula says it.
    unit: the unit whose lesson teaches it; "" where it is that of the question itself.
    derive: kind of Quantity -> derivation.  A derivation takes a Block (for the kind "tuple": the true tuple and the
        Problem) and returns the flat result for that input, None where the mistake cannot be made there, or a list of
        (detail, result) pairs.  For the kind "weights" it returns not results but what weights the outputs instead of
        v, (m,): all products are taken at once.
    on_problem: a derivation that takes the Problem and returns results in their own shape; used by a Question that
        names the mistake in ``also``.
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

    @property
    def words(self) -> Words:
        """How it is spoken of in the language of the program."""
        return words.MISTAKES.get(self.key) or Words(self.name, self.says, self.why, self.listed)

    def derived(self, on_problem: Derivation) -> Mistake:
        """The same mistake as one Question derives it."""
        return replace(self, on_problem=on_problem)


def order(b: Block) -> int:
    """The order of the derivative that is asked for."""
    n: int = b.p.question.asks.order_on(b.p)  # these belong to NthDerivative
    return n


def nth(b: Block) -> np.ndarray:
    """The truth of an NthDerivative: shape ()."""
    return np.asarray(b.derivative(order(b)))


def at_least_two(derive: Derivation) -> Derivation:
    """Only where there are two outputs or more: with one, the mistake gives the truth."""
    return lambda b: derive(b) if b.m > 1 else None


def grid(b: Block, values: np.ndarray) -> np.ndarray:
    """Values of a Jacobian, (m, n), with an axis for each of y's and of x's."""
    return values.reshape(b.y_shape + b.x_shape)
