"""A Question is one exercise as data; a Problem is a Question at one seed, with its Jacobian and its truth.

There is no stored answer: a Problem draws inputs and weights and computes the full Jacobian J by
another method than the student's; from J, its Quantity derives the truth and what each known
mistake would give.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from grader import clashes
from grader.mistakes import CATALOGUE, Mistake
from grader.problem import Inseparable, Map, Problem, Sampler

if TYPE_CHECKING:
    from grader.quantities import Quantity

TRIES = 64  # draws before a question is found unable to separate its mistakes
PROBLEMS = 3  # hidden problems posed by one check, at least


@dataclass(frozen=True)
class Question:
    """One exercise as data.  The reference, the hidden problems, the mistakes and the card follow from it.

    id: unit, dot, name, e.g. "05.scalar_trick" or "ps1.one_row", of lower-case letters, digits and underscores.
    asks: the Quantity to be returned.
    maps: the functions to differentiate, whose shapes may vary; a check poses all of them, a prediction only one.
    gives: the names of the arguments of the student's function, in order: ``"f"``, ``"weigh"``, or names of inputs,
        weights, extras, fixed arguments, ``hands`` or ``computed``.  ``"inputs"`` stands for all inputs of the Map,
        where their number varies from Map to Map.
    weights: name -> sampler, in the order of the outputs.  A sampler made without a shape takes its output's; None
    stands for ``mixed_signs()``.
    weigh: for a weight that depends on the inputs: a function of them that returns v.
    extras: further arguments, drawn after the outputs are known: ``name -> (generator, problem) -> value``.
    handed: name -> function that changes an array before the student gets it, e.g. flattens a weight.
    hands: further arguments, passed unchanged: functions, numbers.
    computed: arguments passed as results with their graph: name -> function of the tensors before it in ``gives``; None
    stands for the Map's function.  The function may also return something else, such as a module.
    hidden: names in ``gives`` that are not passed, but only used to make later ``computed`` arguments.
    declared: False if setting ``requires_grad`` is part of the exercise.
    leaves: the tensors that are passed with ``requires_grad``; by default those in ``asks.names``.
    also: this question's own mistakes, each with its ``on_problem``.
    without: mistakes of the catalogue that are not recognized here -> the reason.
    errors: what an error means here, if that is more than its general meaning: key in ``errors.NOTES`` -> sentences,
    which replace its explanation.
    stars: difficulty, from 1 to 5.  minutes: the time that it takes.  hints: shown one after the other.
    solution: code whose last definition is a right answer, shown after the last hint; "" if students are to see none.
    rtol: relative tolerance in float64; float32 results, allowed if ``float32``, are compared to 1e-4.
    plain_numbers: True if a Python number is accepted for a tensor of shape ().
    partial: True if each right entry of a tuple earns its share of the points.

    >>> def f(x): return torch.stack([x[0] * x[1], x[1] ** 2])
    >>> q = Question("99.q", "Weigh", WeightedGradient(), [Map(f, {"x": normal(2)})], ("f", "x", "v"), {"v": None})
    >>> [arg.name for arg in q.sample(seed=0).call.args], q.sample(seed=0).weights["v"].shape
    (['f', 'x', 'v'], torch.Size([2]))
    """

    id: str
    title: str
    asks: Quantity
    maps: Sequence[Map] = ()
    gives: tuple[str, ...] = ()
    weights: Mapping[str, Sampler | None] = field(default_factory=dict)
    weigh: Callable[..., Tensor] | None = None
    extras: Mapping[str, Callable[[torch.Generator, Problem], Any]] = field(default_factory=dict)
    handed: Mapping[str, Callable[[np.ndarray], np.ndarray]] = field(default_factory=dict)
    hands: Mapping[str, Any] = field(default_factory=dict)
    computed: Mapping[str, Callable[..., Any] | None] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    declared: bool = True
    leaves: tuple[str, ...] = ()
    also: Sequence[Mistake] = ()
    without: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    points: int = 2
    stars: int = 2
    minutes: int = 5
    hints: tuple[str, ...] = ()
    solution: str = ""
    rtol: float = 1e-6
    float32: bool = False
    plain_numbers: bool = False
    partial: bool = False

    @property
    def unit(self) -> str:
        """The unit, e.g. "05" or "ps1"."""
        return self.id.partition(".")[0]

    @property
    def number(self) -> str:
        """The number that its title begins with, such as "5.2"; "" if it begins with none."""
        first = self.title.partition(" ")[0]
        return first if re.fullmatch(r"\d+(\.\d+)*\.?", first) else ""

    @property
    def name(self) -> str:
        """Its title without the number."""
        return self.title.removeprefix(self.number).strip()

    @property
    def passed(self) -> tuple[str, ...]:
        """The names of the arguments that the student's function gets, in order: ``gives`` without ``hidden``."""
        return tuple(name for name in self.gives if name not in self.hidden)

    def mistake(self, key: str) -> Mistake:
        """The mistake with this key, from ``also`` or else from the catalogue; raises KeyError if there is none."""
        return next((mistake for mistake in self.also if mistake.key == key), None) or CATALOGUE[key]

    @property
    def grade_id(self) -> str:
        """The nbgrader id of its graded cell, which may contain letters, digits, ``_`` and ``-``, but no dot."""
        return cell_id(self.id)

    def sample(self, seed: int) -> Problem:
        """The Problem at this seed: the first draw on which truth and mistakes all differ.

        Raises Inseparable if there is none among ``TRIES`` draws: its message says what coincides, and what to do.
        """
        tried = []
        for attempt in range(TRIES):
            tried.append(Problem(self, seed, attempt))
            if not tried[-1].clashes():
                return tried[-1]
        raise Inseparable(clashes.report(tried))

    @cached_property
    def _the_one(self) -> Problem:
        return self.sample(0)

    def problems(self, seed: int = 0) -> list[Problem]:
        """The hidden problems of one check: one for a prediction, else at least ``PROBLEMS``, with every Map used."""
        if not self.maps:  # nothing is drawn, so the problem is the same every time
            return [self._the_one]
        count = 1 if self.asks.predicts else max(PROBLEMS, len(self.maps))
        return [self.sample((0 if self.asks.drawn_once else seed) * 1000 + k) for k in range(count)]


def cell_id(question: str) -> str:
    """The nbgrader id of a question's graded cell: ``05-weight_the_outputs`` for ``05.weight_the_outputs``."""
    return question.replace(".", "-", 1)
