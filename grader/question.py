"""Questions are data; a Problem is a Question at one seed, with its Jacobian and its truth.

There is no stored answer: a Problem draws inputs and weights, computes the full Jacobian J by
another road than the student's, and its Quantity derives from J what is true and what each
known mistake would give.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from grader.mistakes import CATALOGUE, Mistake
from grader.problem import Inseparable, Map, Problem, Sampler

if TYPE_CHECKING:
    from grader.quantities import Quantity

TRIES = 64  # draws before a question is declared unable to separate its mistakes
PROBLEMS = 3  # hidden problems that one check poses


@dataclass(frozen=True)
class Question:
    """One exercise as data.  The reference, the hidden problems, the mistakes and the card follow from it.

    id: unit number, dot, a name.
    asks: the Quantity wanted.
    maps: what is differentiated.  One map: the exercise gives it.  Several: the student's function
        takes f as an argument and is judged on all of them.
    gives: the names of the student's arguments, in order: ``"f"``, names of inputs, of weights, of extras.
    weights: names of the weights in the order of the outputs; a None sampler draws mixed signs in the
        output's shape.
    weigh: where the weight is a function of the inputs: called with them, returns v.
    extras: further arguments, drawn after the outputs are known: ``name -> (generator, problem) -> value``.
    handed: how an argument is changed before the student gets it, e.g. a weight handed over flat.
    hands: further arguments, as they are: functions, numbers.
    computed: arguments that are handed over as results with their graph: functions of the tensors handed before;
        None stands for f itself.
    declared: False where declaring ``requires_grad`` is part of the exercise.
    leaves: which tensors arrive with ``requires_grad``; those differentiated by, where empty.
    also: mistakes that this question itself derives, each with its ``on_problem``.
    without: catalogue mistakes that this question cannot tell from the truth, each with the reason.
    rtol: relative tolerance in float64; float32 results are held to 1e-4 where ``float32`` allows them.
    plain_numbers: True where a Python number will do for a tensor of shape ().
    partial: True where each right entry of a tuple earns its share of the points.
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
    computed: Mapping[str, Callable[..., Tensor] | None] = field(default_factory=dict)
    declared: bool = True
    leaves: tuple[str, ...] = ()
    also: Sequence[Mistake] = ()
    without: Mapping[str, str] = field(default_factory=dict)
    points: int = 2
    stars: int = 2
    minutes: int = 5
    hints: tuple[str, ...] = ()
    rtol: float = 1e-6
    float32: bool = False
    plain_numbers: bool = False
    partial: bool = False

    @property
    def unit(self) -> str:
        """The unit's number as text, e.g. "05"."""
        return self.id.partition(".")[0]

    def mistake(self, key: str) -> Mistake:
        """The mistake of this key, of this question's own or of the catalogue."""
        return next((mistake for mistake in self.also if mistake.key == key), None) or CATALOGUE[key]

    @property
    def grade_id(self) -> str:
        """The id of its graded cell: nbgrader allows letters, digits, ``_`` and ``-``, but no dot."""
        return cell_id(self.id)

    def sample(self, seed: int) -> Problem:
        """The Problem at this seed: the first draw that tells all its mistakes apart.

        Raises Inseparable where none of ``TRIES`` draws does: then the question needs other inputs.
        """
        blame = ""
        for attempt in range(TRIES):
            problem = Problem(self, seed, attempt)
            blame = problem.coincidence()
            if not blame:
                return problem
        raise Inseparable(f"{self.id}: no draw of {TRIES} at seed {seed} keeps its mistakes apart: {blame}")

    @cached_property
    def _the_one(self) -> Problem:
        return self.sample(0)

    def problems(self, seed: int = 0) -> list[Problem]:
        """The hidden problems of one check: one for a prediction, else ``PROBLEMS``, and every map once."""
        if not self.maps:  # nothing is drawn: what a snippet does is the same every time
            return [self._the_one]
        count = 1 if self.asks.predicts else max(PROBLEMS, len(self.maps))
        return [self.sample(seed * 1000 + k) for k in range(count)]


def cell_id(question: str) -> str:
    """A question's id as nbgrader's ``grade_id``: ``05-weight_the_outputs`` for ``05.weight_the_outputs``."""
    return question.replace(".", "-", 1)
