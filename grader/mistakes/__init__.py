"""The catalogue of named mistakes: derivations that people really get wrong, as data.

Each is computed from the same J, v, y and x as the truth, on the very problem at hand; an answer that equals one, and
only one, is that mistake.  Here are those that any question may meet; one that a single unit's questions ask for stands
beside them.
"""

from grader.mistakes import jacobian, predicted, second_order, shared, weighted
from grader.mistakes.base import Derivation, Mistake

CATALOGUE: dict[str, Mistake] = {
    mistake.key: mistake
    for field in (weighted, jacobian, second_order, predicted, shared)
    for mistake in field.MISTAKES
}

__all__ = ["CATALOGUE", "Derivation", "Mistake"]
