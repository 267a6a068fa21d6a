"""Reports why no draw of a question separates its truth from its mistakes, and what its author can do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from grader.mistakes import CATALOGUE
from grader.problem import TRUTH, Problem
from grader.words import AUTHORS

REASON = "REASON"  # a placeholder in proposals, for the reason that only the author knows


def report(tried: Sequence[Problem]) -> str:
    """What coincides in these problems and what to do about it, as lines of text.

    tried: problems of one question, each with at least one clash.
    A group of mistakes is counted on every problem where all of its members coincide; the most frequent come first.
    """
    found = [problem.clashes() for problem in tried]
    question, seed = tried[0].question, tried[0].seed
    groups = dict.fromkeys(group for groups in found for group in groups)
    counts = Counter({group: sum(_shows(groups, group) for groups in found) for group in groups})
    lines = [AUTHORS["inseparable"].format(id=question.id, tries=len(tried), seed=seed)]
    for group, count in counts.most_common():
        kind = "not_finite" if len(group) == 1 else "alike"
        lines.append("  " + AUTHORS[kind].format(count=count, tries=len(tried), names=named(group)))
    return "\n".join([*lines, *_advice(tried, counts)])


def _shows(groups: Sequence[tuple[str, ...]], group: tuple[str, ...]) -> bool:
    """Whether ``group`` is one of a problem's clashes, or a part of one.  groups: the clashes of that problem."""
    return any(set(group) <= set(other) and (len(group) > 1 or group == other) for other in groups)


def named(keys: Sequence[str]) -> str:
    """The keys listed in words: "the truth, ones_weight and absolute_weight"."""
    *most, last = [key if key != TRUTH else AUTHORS["truth"] for key in keys]
    return AUTHORS["and"].format(most=", ".join(most), last=last) if most else last


def _advice(tried: Sequence[Problem], counts: Counter[tuple[str, ...]]) -> list[str]:
    """What to do, most helpful first: change the weights or maps that cause other clashes too, or leave out keys."""
    question = tried[0].question
    found = [
        AUTHORS["weight_of_one_" + what].format(name=name)
        for name in (tried[0].weights if question.weigh is None else ())
        for what, unfit in (("size", of_one_size), ("sign", of_one_sign))
        if all(unfit(p.weights[name].detach().numpy()) for p in tried)
    ]
    entrywise = [name for name in tried[0].inputs if all(acts_entry_by_entry(p, name) for p in tried)]
    found += [AUTHORS["entrywise"].format(name=name) for name in entrywise]
    if found:
        return [*found, AUTHORS["then_again"]]
    always = [group for group, count in counts.items() if count == len(tried)] or list(counts)
    own = {mistake.key for mistake in question.also}
    if (TRUTH,) in always:
        found.append(AUTHORS["finite_inputs"])
    if any(TRUTH in group and len(group) > 1 for group in always):
        found.append(AUTHORS["other_inputs"])
    leave = dict.fromkeys(key for group in always for key in _to_leave_out(group, own))
    if leave:
        entries = ", ".join(f'"{key}": "{REASON}"' for key in leave)
        found.append(AUTHORS["leave_out"].format(code=f"without={{{entries}}}", reason=REASON))
    twins = dict.fromkeys(key for group in always for key in group if key in own and not set(group) & set(leave))
    if twins:
        found.append(AUTHORS["own"].format(names=named(list(twins))))
    return found


def _to_leave_out(group: tuple[str, ...], own: set[str]) -> list[str]:
    """The keys of a group to put into ``without`` so that at most one stays.  own: the question's own, which stay."""
    possible = [key for key in group if key in CATALOGUE and key not in own]
    kept = len(group) == len(possible) > 1  # neither the truth nor an own mistake is among them, so one can stay
    return possible[1:] if kept else possible


def of_one_size(v: np.ndarray) -> bool:
    """Whether all weights (at least two) have the same absolute value, so that most wrong weightings look right."""
    return v.size > 1 and float(np.ptp(np.abs(v))) == 0


def of_one_sign(v: np.ndarray) -> bool:
    """Whether all weights (at least two) have the same sign, so that a lost sign does not show."""
    return v.size > 1 and bool((v > 0).all() or (v < 0).all())


def acts_entry_by_entry(p: Problem, name: str) -> bool:
    """Whether J with respect to this input is square and diagonal: then Jᵀv, Jv and v ⊙ Jᵀ1 are the same."""
    J = p.jacobians[name]
    return J.shape[0] == J.shape[1] > 1 and not np.any(J - np.diag(np.diag(J)))
