"""The catalogue of named mistakes: wrong derivations that people really make, as data.

Each is computed from the same J, v, y and x as the truth, on the same problem; an answer that equals exactly one of
them is given its name.  The catalogue holds the mistakes that any question may use; those that belong to a single
unit's questions are defined in that unit's module.
"""

from grader.mistakes import batched, engines, jacobian, models, operations, predicted, second_order, shared, weighted
from grader.mistakes.base import Derivation, Mistake

CATALOGUE: dict[str, Mistake] = {
    mistake.key: mistake
    for field in (weighted, jacobian, second_order, batched, engines, operations, models, predicted, shared)
    for mistake in field.MISTAKES
}

__all__ = ["CATALOGUE", "Derivation", "Mistake"]
