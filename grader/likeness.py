"""Describes a wrong value that no mistake explains: the pattern that it follows, and what is right about it.

Nothing here claims a cause.  Every sentence is a fact about the problem that the card shows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grader import formatting, words
from grader.problem import ROUGH, Problem, alike

CLOSE = 5e-3  # a wrong answer off by no more, relative to the scale, is called imprecise
SMALLEST_FACTOR = 1e-3  # an answer smaller than this multiple of the truth is not called a multiple
PLAIN = (-2.0, -1.0, -0.5, 0.5, 2.0)  # factors that are reported even for a single number
SAME_SIZE = 3.0  # an answer larger or smaller by no more than this factor has the right order of magnitude


@np.errstate(all="ignore")  # entries near the largest float must not warn
def pattern(p: Problem, yours: Any, truth: Any, rtol: float) -> dict[str, Any]:
    """Facts about a wrong value in the form of the truth; the entry "pattern" is a status of the Verdict.

    yours, truth: arrays of the same shape, tuples of such, or texts.  rtol: relative to the problem's scale.
    """
    if isinstance(truth, str):
        return {"pattern": "wrong_choice"}
    flat = isinstance(truth, tuple)
    a = np.concatenate([np.ravel(x) for x in yours]) if flat else np.asarray(yours)
    t = np.concatenate([np.ravel(x) for x in truth]) if flat else np.asarray(truth)
    tolerance, size = rtol * p.scale, t.size
    rough = ROUGH * p.scale if rtol < 1e-6 else tolerance  # a looser rtol: difference quotients are asked for
    off = float(np.abs(a - t).max(initial=0)) / p.scale
    right = np.abs(a - t) <= tolerance
    facts: dict[str, Any] = {"size": size, "right": int(right.sum()), "which": "", "factors": ()}
    facts["things"] = words.CARD["entries"]
    if off <= CLOSE:
        return {**facts, "pattern": "imprecise", "off": f"{off:.0e}", "allowed": f"{rtol:.0e}"}
    factor = complex(np.vdot(t, a) / np.vdot(t, t)) if np.any(t) else 0j
    if abs(factor.imag) <= rtol * abs(factor):  # all of it, where neither is complex
        factor = complex(factor.real)
    fits = np.isfinite(factor) and np.abs(a - factor * t).max() <= rough * max(1, abs(factor))
    if fits and abs(factor) > SMALLEST_FACTOR:
        named = tuple(name for name, value in _factors(p) if alike(np.asarray(factor), np.asarray(value), 1e-6))
        if size > 1 or named or np.min(np.abs(np.array(PLAIN) - factor)) <= ROUGH:
            return {**facts, "pattern": "multiple", "factor": formatting.number(factor), "factors": named}
    if size > 1:
        if a.ndim == 2 and a.shape == a.T.shape and np.abs(a.T - t).max() <= tolerance:
            return {**facts, "pattern": "transpose"}
        if np.abs(np.sort(np.ravel(a)) - np.sort(np.ravel(t))).max() <= tolerance:
            return {**facts, "pattern": "permuted"}
        if right.any():
            places = [formatting.shape(tuple(i)) if a.ndim > 1 else str(i[0]) for i in np.argwhere(right)]
            which = words.CARD["at_places"].format(places=formatting.listed(places))
            return {**facts, "pattern": "some_right", "which": which}
    return {**facts, "pattern": "wrong"}


def _factors(p: Problem) -> Iterator[tuple[str, float]]:
    """Numbers of a problem that an answer may be off by as a factor: (name, value), without those near 0, 1 and −1."""
    said = words.FACTORS
    numbers: dict[str, float] = {}
    for name, w in p.weights.items():
        v = w.detach().numpy()
        numbers |= {f"{name}.sum()": v.sum(), f"‖{name}‖": np.sqrt((v * v).sum()), f"‖{name}‖²": (v * v).sum()}
    if len(p.weights) == len(p.outputs) == 1:
        numbers[said["weighted_sum"].format(name=next(iter(p.weights)))] = float(p.question.asks.weight(p) @ p.y)
    if p.outputs:
        numbers[said["outputs"]] = p.y.size
    for name, tensor in [*(("y", y) for y in p.outputs[:1] if y.ndim > 1), *p.inputs.items()]:
        if name in p.question.handed or name in p.question.hidden:  # handed: the student's has another shape
            continue
        sizes = tuple(tensor.shape)
        numbers[said["entries"].format(name=name)] = tensor.numel()
        if len(sizes) > 1:
            numbers |= {f"{name}.shape[{k}]": size for k, size in enumerate(sizes)}
    for name, value in p.extras.items():
        if isinstance(value, Tensor):
            if not value.is_floating_point():
                continue  # labels or places: they have no length
            numbers[f"‖{name}‖"] = float(torch.linalg.vector_norm(value))
        elif isinstance(value, (int, float)):
            numbers[name] = float(value)
            numbers |= {f"{of}[{name}]": entry for of, entry in _entries_at(p, value)}
    for name, value in numbers.items():
        if np.isfinite(value) and abs(value) > SMALLEST_FACTOR and abs(abs(value) - 1) > SMALLEST_FACTOR:
            yield name, value
            yield said["one_over"].format(name=name), 1 / value


def _entries_at(p: Problem, place: float) -> Iterator[tuple[str, float]]:
    """The entries of a vector x, and of a vector y, at a place that the Question draws."""
    for of, tensor in [*p.inputs.items(), *(("y", y) for y in p.outputs[:1])]:
        if isinstance(place, int) and tensor.ndim == 1 and 0 <= place < len(tensor):
            yield of, float(tensor[place])


def about(p: Problem, yours: Any, rtol: float) -> list[str]:
    """What is right about a wrong value, and what it resembles, in whole sentences; [] if there is nothing to say.

    yours: an array, in the truth's shape or another.  There is nothing to say of tuples and texts, and of predictions
    only what does not give them away.
    """
    return [formatting.fill(words.ABOUT[key], facts) for key, facts in _about(p, yours, rtol)]


def telling(p: Problem, yours: Any, rtol: float) -> bool:
    """Whether ``about`` says more about a value than how large it is and which signs are right.

    The comparison with the truth at other points is left out: it costs as much as another problem.
    """
    return any(key not in OF_SIZE for key, _ in _about(p, yours, rtol, elsewhere=False))


OF_SIZE = ("signs_right", "one_sign", "right_size", "too_large", "too_small")


@np.errstate(all="ignore")
def _about(p: Problem, yours: Any, rtol: float, elsewhere: bool = True) -> list[Told]:
    truth = p.truth
    if not isinstance(yours, np.ndarray) or not isinstance(truth, np.ndarray) or not np.isfinite(yours).all():
        return []
    if p.question.asks.form == "numbers" and not p.question.asks.predicts:  # plain numbers that mean different things
        return []
    if p.question.asks.predicts:
        alike_signs = yours.shape == truth.shape and truth.size > 1 and np.array_equal(np.sign(yours), np.sign(truth))
        return [("signs_right", {})] if alike_signs else []
    if not yours.size:
        return []
    if not np.any(yours):
        return [("zero", {})] if np.any(truth) else []
    if yours.shape != truth.shape:
        return _of_another_shape(p, yours, truth, rtol)
    told = [*_of_truth(p, yours, truth, rtol)]
    if elsewhere and not told and np.isrealobj(truth):  # complex points come in two parts
        told = _at_other_places(p, yours, rtol)
    return (told or _of_rows(p, yours, rtol)) + _in_size(yours, truth)


Told = tuple[str, dict[str, Any]]  # the key of a sentence in ``words.ABOUT``, and its facts


def _of_another_shape(p: Problem, yours: np.ndarray, truth: np.ndarray, rtol: float) -> list[Told]:
    """How to get from an array of another shape to the truth: by reshaping, or a sum or mean over a dimension."""
    if yours.size == truth.size and alike(yours.reshape(truth.shape), truth, rtol, p.scale):
        return [("reshaped", {})]
    for dim in range(yours.ndim):
        for key, reduce in (("to_be_added", np.sum), ("to_be_averaged", np.mean)):
            if alike(reduce(yours, axis=dim), truth, rtol, p.scale):
                return [(key, {"dim": dim})]
    for dim in range(truth.ndim):
        for key, reduce in (("added_up", np.sum), ("averaged", np.mean)):
            if alike(yours, np.asarray(reduce(truth, axis=dim)), rtol, p.scale):
                return [(key, {"dim": dim})]
    return []


def _of_truth(p: Problem, yours: np.ndarray, truth: np.ndarray, rtol: float) -> Iterator[Told]:
    """How it differs from the truth: by an added constant or argument, or by an argument as a factor, entrywise."""
    tolerance = rtol * p.scale
    difference = yours - truth
    if truth.size > 1 and np.ptp(difference.real) <= tolerance and np.isrealobj(difference):
        yield "shifted", {"by": formatting.number(float(difference.flat[0]))}
        return
    for name, value in _arguments(p):
        if value.shape != truth.shape or not np.any(value):
            continue
        for sign, key in ((1, "plus"), (-1, "minus")):
            if alike(difference, sign * value, rtol, p.scale):
                yield key, {"name": name}
                return
        for key, product in (("times", value * truth), ("divided", truth / value)):
            large = float(np.abs(product).max(initial=0))  # infinite where it divides by 0: everything would be alike
            if truth.size > 1 and np.isfinite(large) and alike(yours, product, rtol, max(p.scale, large)):
                yield key, {"name": name}
                return


def _arguments(p: Problem) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays that the student's function works with: inputs, weights and extras by name, and y."""
    for name, value in {**p.inputs, **p.weights, **p.extras}.items():
        if isinstance(value, Tensor) and name not in p.question.hidden:
            yield name, value.detach().numpy()
    if len(p.outputs) == 1:
        yield "y", p.outputs[0].detach().numpy()


def _of_rows(p: Problem, yours: np.ndarray, rtol: float) -> list[Told]:
    """Whether it is a combination of the rows of J, and with which weights.

    If J is square, every vector is one; then it is reported only if a weight equals that of the truth up to its sign.
    """
    both = p.question.asks.combined(p)
    if both is None:
        return []
    J, v = both
    m, n = J.shape
    if m > n or np.linalg.matrix_rank(J) < m:  # the weights would not be unique
        return []
    weights = np.linalg.lstsq(J.T, yours.reshape(-1), rcond=None)[0]
    weights[np.abs(weights) < 1e-9 * np.abs(weights).max()] = 0.0
    if np.abs(J.T @ weights - yours.reshape(-1)).max() > rtol * max(p.scale, np.abs(yours).max()):
        return [("off_rows", {})]
    if m == n and not np.any(np.abs(np.abs(weights) - np.abs(v)) <= 1e-6 * np.abs(v).max()):
        return []
    return [("rows", {"weights": formatting.values(weights), "v": formatting.values(v)})]


def _at_other_places(p: Problem, yours: np.ndarray, rtol: float) -> list[Told]:
    """Whether it is the truth at another point: with another value of an input, or with two inputs swapped."""
    for places, facts, key in _places(p):
        with contextlib.suppress(Exception):  # the map need not be defined there
            moved = p
            for name, value in places.items():
                moved = moved.at(name, value)
            if alike(yours, moved.truth, rtol, max(p.scale, moved.scale)):
                return [(key, facts)]
    return []


def _places(p: Problem) -> Iterator[tuple[dict[str, Tensor], dict[str, Any], str]]:
    for name, x in p.drawn.items():
        if name not in p.question.asks.names or name in p.question.hidden:
            continue
        length = torch.linalg.vector_norm(x)
        others = {
            f"−{name}": -x,
            f"2{name}": 2 * x,
            f"{name}/2": x / 2,
            f"|{name}|": x.abs(),
            f"{name}²": x * x,
            f"{name}/‖{name}‖": x / length,
            f"{name} in reverse order": x.flip(tuple(range(x.ndim))),
            "0": torch.zeros_like(x),
            "1": torch.ones_like(x),
        }
        for said, value in others.items():
            yield {name: value}, {"name": name, "place": said}, "elsewhere"
    names = [name for name in p.drawn if name not in p.question.hidden]
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            if p.drawn[one].shape == p.drawn[other].shape:
                yield {one: p.drawn[other], other: p.drawn[one]}, {"one": one, "other": other}, "exchanged"


def _in_size(yours: np.ndarray, truth: np.ndarray) -> list[Told]:
    """Whether the signs and the order of magnitude are right."""
    told: list[Told] = []
    if truth.size > 1 and np.isrealobj(yours) and np.isrealobj(truth):
        wrong = [np.unravel_index(k, truth.shape) for k in np.flatnonzero(np.sign(yours) != np.sign(truth))]
        if not wrong:
            told.append(("signs_right", {}))
        elif len(wrong) == 1 and truth.size > 2:
            where = tuple(map(int, wrong[0]))
            place = where[0] if truth.ndim == 1 else formatting.shape(where)
            told.append(("one_sign", {"place": place}))
    mine, true = float(np.linalg.norm(yours)), float(np.linalg.norm(truth))
    if min(mine, true) > 0 and not 1 / SAME_SIZE <= mine / true <= SAME_SIZE:
        larger = mine > true
        told.append(
            ("too_large" if larger else "too_small", {"times": f"{mine / true if larger else true / mine:.2g}"})
        )
    elif mine and true and told:  # not useful on its own
        told.append(("right_size", {}))
    return told
