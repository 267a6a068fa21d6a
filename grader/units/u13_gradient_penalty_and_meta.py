"""Unit 13: gradients that are themselves part of a loss: the gradient penalty of WGAN-GP, and MAML's meta-gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from grader import formatting
from grader.jacobian import forward_mode
from grader.mistakes import Mistake
from grader.models import Loss
from grader.predictions import Facts
from grader.probe import Value
from grader.problem import Map, Problem, Sampler, mixed_signs, normal, uniform
from grader.quantities import Computed, Gradient
from grader.question import Question
from grader.units import u13_formulas as formulas
from grader.units import u13_functions as functions

PARAMETERS = ("W", "b", "a", "c")  # not in alphabetical order, so that names that were sorted show


def _flat(p: Problem, name: str) -> np.ndarray:
    """An input as one row for each sample: (N, k)."""
    x = p.inputs[name].numpy()
    return x.reshape(len(x), -1)


# --- 13.1: norms of one fixed gradient

G = torch.sin(torch.arange(4 * 3 * 2 * 5, dtype=torch.float64) ** 2).reshape(4, 3, 2, 5)


def _one_per_image(norms: Callable[[Tensor], Tensor]) -> Callable[[], bool]:
    """Whether ``norms`` gives one norm for each of the four images."""

    def compare() -> bool:
        true = torch.stack([(image * image).sum() ** 0.5 for image in G])
        found = norms(G)
        return found.shape == true.shape and torch.allclose(found, true)

    return compare


# --- 13.2: x̂ on the lines between real and fake samples

ON_THE_LINE = 1e-6  # relative to the largest entry
SAME = 1e-6  # factors that differ by less are the same
MANY = 40  # factors that do not all lie on one side of 1/2 by chance


@dataclass(frozen=True)
class _Interpolates(Computed):
    """ε · real + (1 − ε) · fake with factors that the answer draws: one for each sample, in [0, 1].

    The Problem has inputs ``real`` and ``fake``, of the same shape (N, ...).  Any draw is right, and the truth is one
    of them.  A right answer is refused by chance only if all factors of a batch happen to be in order, with probability
    2/N! (4 in 10⁹ for N = 12, the smallest of 13.2); if two of them are within 10⁻⁶ of 0 or 1 (5 in 10¹⁰ for N = 16);
    or if 40 are in the same half (2 in 10¹²).  Factors from a normal distribution are in [0, 1] with probability 0.34
    each; all 68 of a check are with less than 10⁻³¹.
    """

    compared: ClassVar = False
    shape_help: ClassVar = "x̂ has one point for each pair of samples, in the shape of real."

    @np.errstate(all="ignore")  # points near the largest float overflow
    def told(self, p: Problem, value: Value) -> tuple[str, Mapping[str, Any]] | None:
        if value.array is None:
            return None
        N, *shape = p.inputs["real"].shape
        if len(shape) == 1 and value.array.shape == (N, 1, N, *shape):
            return "factors_for_images_only", {}
        return self.amiss(p, value.array)

    @np.errstate(all="ignore")
    def read(self, p: Problem, value: Value) -> Value:
        right_kind = (value.kind, value.dtype) == ("tensor", "float64")
        if not right_kind or value.array is None or not self._comparable(p, value.array):
            return value
        fits = self.amiss(p, value.array) is None
        return Value("tensor", p.truth, "float64", type_name=value.type_name) if fits else value

    def _comparable(self, p: Problem, found: np.ndarray) -> bool:
        """Whether these can be points between real and fake; if so, they are right unless ``amiss`` finds a fault."""
        wanted = tuple(p.inputs["real"].shape)
        return found.shape == wanted and np.isrealobj(found) and bool(np.isfinite(found).all())

    def amiss(self, p: Problem, found: np.ndarray) -> tuple[str, Mapping[str, Any]] | None:
        """(key, detail) of what is wrong with these points; None if nothing is, or if they cannot be compared."""
        real, fake = p.inputs["real"].numpy(), p.inputs["fake"].numpy()
        if not self._comparable(p, found):
            return None
        N = len(real)
        x, r, f = (points.reshape(N, -1) for points in (found, real, fake))
        factors, off = _on_lines(x, r, f)
        if off.max() <= ON_THE_LINE:
            return _of_factors(factors)
        weights = [np.linalg.lstsq(np.stack([r[i], f[i]], axis=1), x[i], rcond=None)[0] for i in range(N)]
        fitted = np.stack([w @ np.stack([r[i], f[i]]) for i, w in enumerate(weights)])
        if np.abs(fitted - x).max() <= ON_THE_LINE * max(1.0, np.abs(x).max()):
            i = int(np.argmax(np.abs(np.sum(weights, axis=1) - 1)))
            detail = {"i": i, "one": formatting.number(weights[i][0]), "other": formatting.number(weights[i][1])}
            return "weights_not_summing_to_one", detail
        if _between_others(x, r, f):
            return "pairs_shuffled", {}
        with np.errstate(all="ignore"):
            entries = np.where(real == fake, np.nan, (found - fake) / (real - fake))
        if np.nanmin(entries) >= -SAME and np.nanmax(entries) <= 1 + SAME:
            along = [d for d in range(entries.ndim) if (_spread(entries, d) > SAME).any()]
            key = "factor_per_entry" if 0 in along else "factors_along_other_dimension"
            return key, {"along": f"dimension{'s' if len(along) > 1 else ''} {formatting.listed(along)}"}
        return "off_the_lines", {"i": int(np.argmax(off))}


def _on_lines(x: np.ndarray, real: np.ndarray, fake: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The factor of the point nearest to x on the line through fake and real, and how far off x is: (N,) each.

    x, real, fake: (N, k).  The distances are relative to the largest entry.
    """
    line = real - fake
    factors = ((x - fake) * line).sum(axis=1) / (line * line).sum(axis=1)
    off = np.abs(fake + factors[:, None] * line - x).max(axis=1)
    return factors, off / max(1.0, float(np.abs(x).max()))


def _between_others(x: np.ndarray, real: np.ndarray, fake: np.ndarray) -> bool:
    """Whether each point lies between a real and a fake sample at least one of which has the point's index."""

    def near_some(ours: np.ndarray, theirs: np.ndarray) -> bool:
        for point, own in zip(x, ours, strict=True):
            factors, off = _on_lines(np.tile(point, (len(x), 1)), np.tile(own, (len(x), 1)), theirs)
            if not np.any((off <= ON_THE_LINE) & (factors >= -SAME) & (factors <= 1 + SAME)):
                return False
        return True

    return near_some(real, fake) or near_some(fake, real)


def _spread(entries: np.ndarray, dim: int) -> np.ndarray:
    """How far entries differ along one dimension, ignoring nan."""
    return np.asarray(np.nanmax(np.moveaxis(entries, dim, 0), axis=0) - np.nanmin(np.moveaxis(entries, dim, 0), axis=0))


def _of_factors(factors: np.ndarray) -> tuple[str, Mapping[str, Any]] | None:
    """What is wrong with the factors of points that lie on their lines: (N,)."""
    detail = {"low": formatting.number(factors.min()), "high": formatting.number(factors.max())}
    if np.ptp(factors) <= SAME:
        end = min(abs(factors[0]), abs(factors[0] - 1)) <= SAME
        middle = abs(factors[0] - 0.5) <= SAME
        key = "ends_for_interpolates" if end else "midpoints" if middle else "one_factor_for_all"
        return key, {"factor": formatting.number(factors[0])}
    at_an_end = np.minimum(np.abs(factors), np.abs(factors - 1)) <= SAME
    if np.all(at_an_end):
        return "ends_for_interpolates", {}
    if factors.min() >= 1 - SAME or factors.max() <= SAME:
        return "extrapolated", detail
    if factors.min() < -SAME or factors.max() > 1 + SAME:
        return "factors_outside", detail
    steps = np.diff(factors)
    if np.all(steps > 0) or np.all(steps < 0):
        return "factors_in_order", {}
    if np.count_nonzero(at_an_end) > 1:
        return "factors_clamped", {"count": int(np.count_nonzero(at_an_end))}
    if len(np.unique(np.rint(factors / SAME))) <= len(factors) // 2:
        return "factors_repeated", {}
    one_side = factors.max() < 0.5 or factors.min() > 0.5
    return ("factors_in_one_half", detail) if one_side and len(factors) >= MANY else None


def _draw(p: Problem) -> np.ndarray:
    """Factors for a right answer, one for each sample, in the shape that multiplies them."""
    real = p.inputs["real"]
    factors = (0.5 + 0.618034 * np.arange(len(real))) % 1
    return factors.reshape(-1, *(1,) * (real.ndim - 1))


def _mixed(factors: Callable[[Problem], Any]) -> Callable[[Problem], Any]:
    """Points between real and fake with these factors; None if there are no such factors."""

    def points(p: Problem) -> Any:
        e = factors(p)
        real, fake = p.inputs["real"].numpy(), p.inputs["fake"].numpy()
        return None if e is None else e * real + (1 - e) * fake

    return points


def _with_detail(*points: Callable[[Problem], Any]) -> Callable[[Problem], Any]:
    """What mistakes give, with the detail that is told of them."""

    def cases(p: Problem) -> Any:
        found = [x for make in points if (x := make(p)) is not None]
        return [(p.question.asks.amiss(p, x)[1], x) for x in found]

    return cases


def _entrywise(p: Problem) -> np.ndarray:
    return (0.5 + 0.618034 * np.arange(p.inputs["real"].numel())).reshape(tuple(p.inputs["real"].shape)) % 1


def _along_last(p: Problem) -> np.ndarray | None:
    """Factors of shape (N,), broadcast along the last dimension; None unless it has N entries, too."""
    shape = p.inputs["real"].shape
    return _draw(p).reshape(-1) if shape[0] == shape[-1] else None


def _shuffled(p: Problem) -> np.ndarray:
    e, real, fake = _draw(p), p.inputs["real"].numpy(), p.inputs["fake"].numpy()
    return e * real + (1 - e) * fake[::-1]


def _two_draws(p: Problem) -> np.ndarray:
    e, real, fake = _draw(p), p.inputs["real"].numpy(), p.inputs["fake"].numpy()
    return e * real + e[::-1] * fake


def _noisy(p: Problem) -> np.ndarray:
    return _mixed(_draw)(p) + 2 * np.cos(np.arange(p.inputs["real"].numel())).reshape(tuple(p.inputs["real"].shape))


ONE_FACTOR = Mistake(
    "one_factor_for_all",
    formula="one ε for all i",
    name="one factor for the whole batch",
    says="every x̂ lies on its line, but all of them with the same factor, here {factor}.",
    why="One number was drawn for the whole batch. The penalty is to be taken at points all over the lines: draw as "
    "many factors as there are samples.",
    on_problem=_with_detail(_mixed(lambda p: 0.3)),
)
MIDPOINTS = Mistake(
    "midpoints",
    formula="½ x + ½ x̃",
    name="always the midpoint",
    says="every x̂ is the midpoint of its line.",
    why="A factor of ½ is only the mean of what is asked for. Draw the factors with `torch.rand`, one for each sample.",
    on_problem=_with_detail(_mixed(lambda p: 0.5)),
)
ENDS = Mistake(
    "ends_for_interpolates",
    formula="ε ∈ {0, 1}",
    name="the samples themselves",
    says="every x̂ is a real or a fake sample itself, and none lies between the two.",
    why="The factors are 0 or 1. `torch.rand` draws from everything in between.",
    on_problem=_with_detail(lambda p: p.inputs["real"].numpy(), lambda p: p.inputs["fake"].numpy()),
)
FACTOR_PER_ENTRY = Mistake(
    "factor_per_entry",
    formula="ε with more than one entry for each i",
    name="more than one factor for a sample",
    says="the factor changes within a sample: it differs along {along} of x̂.",
    why="Then x̂ᵢ lies anywhere in the box that xᵢ and x̃ᵢ span, not on the line between them. All entries of a sample "
    "share one factor: shape (N, 1) for points, and (N, 1, 1, 1) for images.",
    on_problem=_with_detail(_mixed(_entrywise)),
)
OTHER_DIMENSION = Mistake(
    "factors_along_other_dimension",
    formula="ε along another dimension",
    name="the factors along another dimension",
    says="the factors differ along {along}, and are the same for all samples.",
    why="The first dimension counts the samples, and broadcasting lines dimensions up from the last one: factors of "
    "shape (N,) meet the last dimension of the images, and those of shape (C, 1, 1) their channels. Where the sizes "
    "agree, nothing stops you. A shape of (N, 1, 1, 1) says what is meant.",
    on_problem=_with_detail(_mixed(_along_last)),
)
OUTSIDE = Mistake(
    "factors_outside",
    formula="ε ∉ [0, 1]",
    name="factors outside of [0, 1]",
    says="every x̂ is on its line, but the factors go from {low} to {high}.",
    why="`torch.randn` draws from a normal distribution, `torch.rand` uniformly from [0, 1). Between real and fake lie "
    "only the factors from 0 to 1.",
    on_problem=_with_detail(_mixed(lambda p: 4 * _draw(p) - 1.5)),
)
EXTRAPOLATED = Mistake(
    "extrapolated",
    formula="x + ε(x − x̃)",
    name="beyond the samples",
    says="every x̂ is on its line, but beyond one of its ends: the factors go from {low} to {high}.",
    why="From x to x̃ leads x̃ − x, and x + ε(x − x̃) goes the other way. Compare: x̃ + ε(x − x̃) = εx + (1 − ε)x̃.",
    on_problem=_with_detail(_mixed(lambda p: 1 + _draw(p)), _mixed(lambda p: -_draw(p))),
)
SHUFFLED = Mistake(
    "pairs_shuffled",
    formula="ε xᵢ + (1 − ε) x̃ⱼ",
    name="paired with other samples",
    says="the points lie between real and fake samples of different numbers.",
    why="Pair i is xᵢ and x̃ᵢ. For training any pairing will do, since both are drawn independently. Here sample i of "
    "x̂ is asked to lie on line i.",
    on_problem=_with_detail(_shuffled),
)
TWO_DRAWS = Mistake(
    "weights_not_summing_to_one",
    formula="ε x + ε′ x̃",
    name="weights that do not add up to 1",
    says="in sample {i}, real counts {one} and fake {other}, and that does not add up to 1.",
    why="On the line between two points, what one of them loses the other gains: ε and 1 − ε, with the same ε in both "
    "places. If `torch.rand` is called twice, it draws twice.",
    on_problem=_with_detail(_two_draws),
)
IN_ORDER = Mistake(
    "factors_in_order",
    formula="ε₀ < ε₁ < …",
    name="factors in order",
    says="every x̂ is on its line, but the factors go up or down steadily from sample to sample.",
    why="That is a grid, as from `torch.linspace`, and the same in every step of training. Draw the factors with "
    "`torch.rand`.",
    on_problem=_with_detail(_mixed(lambda p: np.sort(_draw(p), axis=0))),
)


def _every_factor_with_every_sample(p: Problem) -> np.ndarray | None:
    """The result of factors of shape (N, 1, 1, 1) with samples of shape (N, k): (N, 1, N, k)."""
    real, fake = p.inputs["real"].numpy(), p.inputs["fake"].numpy()
    e = _draw(p).reshape(-1, 1, 1, 1)
    return e * real + (1 - e) * fake if real.ndim == 2 else None


CLAMPED = Mistake(
    "factors_clamped",
    formula="min(max(ε, 0), 1)",
    name="factors cut off at 0 and 1",
    says="every x̂ is on its line, but {count} of them are a real or a fake sample itself.",
    why="Where factors from `torch.randn` are cut off at 0 and 1, many end up exactly there. `torch.rand` draws from "
    "[0, 1) at once.",
    on_problem=_with_detail(_mixed(lambda p: np.clip(4 * _draw(p) - 1.5, 0, 1))),
)
REPEATED = Mistake(
    "factors_repeated",
    formula="εᵢ = εⱼ for many i, j",
    name="the same factors again and again",
    says="every x̂ is on its line, but many samples share a factor.",
    why="The points are to lie all over the lines: as many factors as samples, drawn independently with `torch.rand`.",
    on_problem=_with_detail(_mixed(lambda p: np.rint(2 * _draw(p)) / 2 * 0.5 + 0.2)),
)
IN_ONE_HALF = Mistake(
    "factors_in_one_half",
    formula="ε ∈ [0, ½]",
    name="factors from a part of [0, 1]",
    says="every x̂ is on its line, but all factors lie between {low} and {high}.",
    why="The points are to lie all over the lines, so the factors are drawn uniformly from the whole of [0, 1): "
    "`torch.rand` as it is.",
    on_problem=_with_detail(_mixed(lambda p: _draw(p) / 2 if len(p.inputs["real"]) >= MANY else None)),
)
FACTORS_FOR_IMAGES = Mistake(
    "factors_for_images_only",
    formula="ε of shape (N, 1, 1, 1) with points (N, k)",
    name="factors that fit images only",
    says="for samples of shape (k,), x̂ was of shape (N, 1, N, k): every factor met every sample.",
    why="eps.view(-1, 1, 1, 1) fits images, and points only by accident of broadcasting. As many dimensions of size 1 "
    "as a sample has: `eps.view(-1, *[1] * (real.ndim - 1))`.",
    on_problem=_every_factor_with_every_sample,
)
TWO_SIZES_OR_FOUR = (
    "The shape has as many sizes as the samples have dimensions, and one for N: four for images, but two for points. "
    "`len(real)` is N, and `real.ndim` says how many there are in all."
)
OFF_THE_LINES = Mistake(
    "off_the_lines",
    name="off the lines",
    says="x̂ is not on the line between real and fake; sample {i} is farthest from it.",
    why="x̂ᵢ = ε xᵢ + (1 − ε) x̃ᵢ, with a single number ε for sample i, and nothing added.",
    on_problem=_with_detail(_noisy),
)

# --- 13.3: the slope at every sample


def _gradients(p: Problem, name: str) -> np.ndarray:
    """∂D(x)ᵢ/∂xᵢ for every sample, in the shape of x: the blocks on the diagonal of J."""
    N = len(p.inputs[name])
    i = np.arange(N)
    return p.jacobians[name].reshape(N, N, -1)[i, i].reshape(tuple(p.inputs[name].shape))


def _per_pixel(g: np.ndarray) -> np.ndarray:
    """Norms over the channels: (N, H, W)."""
    return np.sqrt((g * g).sum(axis=1))


def _over_one_dimension(g: np.ndarray, reduce: Callable[[np.ndarray], Any]) -> list[tuple[dict[str, Any], Any]]:
    """The norms over the height alone and over the width alone, reduced."""
    return [
        ({"dim": dim, "which": which}, reduce(np.sqrt((g * g).sum(axis=dim))))
        for dim, which in ((2, "height"), (3, "width"))
    ]


def _norms(g: np.ndarray) -> np.ndarray:
    return np.sqrt((g.reshape(len(g), -1) ** 2).sum(axis=1))


def _of_gradients(what: Callable[[np.ndarray], Any]) -> Callable[[Problem], Any]:
    """A derivation: ``what`` of the gradients of 13.3, (N, C, H, W)."""
    return lambda p: what(_gradients(p, "x"))


def _per_image(reduce: Callable[[np.ndarray], np.ndarray]) -> Callable[[Problem], Any]:
    """A derivation: ``reduce`` of the entries of each image's gradient, (N, C·H·W)."""
    return _of_gradients(lambda g: reduce(g.reshape(len(g), -1)))


NORM_PER_PIXEL = Mistake(
    "norm_over_channels",
    formula="g.norm(2, dim=1)",
    name="one norm per pixel",
    says="these are norms over the channels alone, one for each pixel.",
    why="For points of shape (N, k), `dim=1` is all there is to a sample. An image has three dimensions: flatten it "
    "first, `g.flatten(1).norm(dim=1)`, or name them all, `dim=(1, 2, 3)`.",
    on_problem=_of_gradients(_per_pixel),
)


def _weighted_by_outputs(p: Problem) -> list[tuple[dict[str, Any], Any]]:
    n, y = _norms(_gradients(p, "x")), np.abs(p.y)
    weights = {"|D(x)ᵢ|": y, "2|D(x)ᵢ|": 2 * y, "|D(x)ᵢ| / ‖D(x)‖": y / np.sqrt((y * y).sum())}
    return [({"what": said}, w * n) for said, w in weights.items()]


OUTPUTS_COUNTED = Mistake(
    "slopes_weighted_by_outputs",
    formula="{what} · ‖gᵢ‖",
    name="slopes of another number than the sum of the outputs",
    says="each slope carries a factor {what}.",
    why="That comes of differentiating the norm of the outputs or the sum of their squares, or of the outputs as "
    "`grad_outputs`. Differentiate their plain sum: in it, every output counts 1.",
    on_problem=_weighted_by_outputs,
)
NEVER_CLEARED = Mistake(
    "slopes_accumulated",
    formula="‖g₀‖, ‖g₀‖ and ‖g₁‖ together, …",
    name="gradients never cleared",
    says="entry i is the norm of the gradients of all images up to i together.",
    why="`backward` adds to `x.grad`, where the gradients of the images before still lie. One call for the sum of all "
    "outputs is enough: row i of the gradient is that of image i.",
    on_problem=_of_gradients(lambda g: np.sqrt(np.cumsum(_norms(g) ** 2))),
)
NORM_PER_CHANNEL = Mistake(
    "norm_per_channel",
    formula="g.norm(dim=(2, 3))",
    name="one norm per channel",
    says="these are norms over height and width, one for each channel of each image.",
    why="The slope of D at an image counts all of its entries, in all channels: `dim=(1, 2, 3)`.",
    on_problem=_of_gradients(lambda g: np.sqrt((g * g).sum(axis=(2, 3)))),
)
NORM_OVER_ONE_DIMENSION = Mistake(
    "norm_over_one_dimension",
    formula="g.norm(dim=2), g.norm(dim=3)",
    name="the norm over a single dimension",
    says="these are norms over dimension {dim} alone, the {which} of the images.",
    why="The slope of D at an image counts all of its entries. Flatten each image first, `g.flatten(1).norm(dim=1)`, "
    "or name all of its dimensions.",
    on_problem=_of_gradients(lambda g: _over_one_dimension(g, lambda norms: norms)),
)
PIXEL_NORMS_REDUCED = Mistake(
    "pixel_norms_reduced",
    formula="g.norm(2, dim=1).mean(dim=(1, 2))",
    name="norms of the pixels, added up or averaged",
    says="these are the norms of the single pixels, added up or averaged over each image.",
    why="Norms do not add up: ‖(3, 4)‖ is 5, not 7. Squares do. Take one norm of all C·H·W entries of an image.",
    on_problem=_of_gradients(lambda g: [({}, _per_pixel(g).sum(axis=(1, 2))), ({}, _per_pixel(g).mean(axis=(1, 2)))]),
)
SAMPLES_MIXED = Mistake(
    "samples_mixed_by_reshape",
    formula="g.reshape(-1, N).norm(dim=0)",
    name="entries of several samples in one norm",
    says="every norm here holds entries of several samples.",
    why="`reshape` never reorders entries. The samples come first, and must stay first: `g.reshape(len(g), -1)`, and "
    "then `dim=1`.",
    on_problem=_of_gradients(
        lambda g: [
            ({}, np.sqrt((g.reshape(-1, len(g)) ** 2).sum(axis=0))),
            ({}, _norms(g.swapaxes(0, 1).reshape(len(g), -1))),
        ]
    ),
)
NORM_OVER_SAMPLES = Mistake(
    "norm_over_samples",
    formula="g.norm(dim=0)",
    name="norms over the samples",
    says="these are norms over the samples, one for each entry of an image.",
    why="`dim` says what disappears. The samples are to stay, and everything else goes: `dim=(1, 2, 3)`.",
    on_problem=_of_gradients(lambda g: np.sqrt((g * g).sum(axis=0))),
)
ONE_NORM_FOR_ALL = Mistake(
    "one_norm_for_all",
    formula="‖(g₁, …, g_N)‖",
    name="one norm for the whole batch",
    says="this is the norm of the gradients of all samples together.",
    why="`norm` without `dim` takes all entries at once. One norm per sample is asked for.",
    on_problem=_of_gradients(lambda g: np.sqrt((g * g).sum())),
)
SQUARED_NORMS = Mistake(
    "squared_norms",
    formula="‖gᵢ‖²",
    name="the squares of the norms",
    says="these are the squares of the norms.",
    why="The norm is the square root of the sum of squares: a root is missing.",
    on_problem=_per_image(lambda g: (g * g).sum(axis=1)),
)
ROOT_MEAN_SQUARE = Mistake(
    "root_mean_square",
    formula="√(mean of gᵢ²)",
    name="averaged over the entries",
    says="this is the root of the mean square: it is too small by √k, where k counts the entries of a sample.",
    why="A norm adds the squares up. A mean divides by their number, and would make larger images less steep.",
    on_problem=_per_image(lambda g: np.sqrt((g * g).mean(axis=1))),
)
LARGEST_ENTRY = Mistake(
    "largest_entry",
    formula="max |gᵢ|",
    name="the largest entry",
    says="this is the largest absolute entry of each gradient.",
    why="That is the norm for p = ∞. The slope is the Euclidean norm, p = 2.",
    on_problem=_per_image(lambda g: np.abs(g).max(axis=1)),
)
SUM_OF_ABSOLUTE = Mistake(
    "sum_of_absolute_entries",
    formula="Σ |gᵢ|",
    name="the sum of absolute values",
    says="this is the sum of the absolute entries of each gradient.",
    why="That is the norm for p = 1. The slope is the Euclidean norm, p = 2.",
    on_problem=_per_image(lambda g: np.abs(g).sum(axis=1)),
)
SUM_OF_ENTRIES = Mistake(
    "sum_of_entries",
    formula="Σ gᵢ",
    name="the entries added up",
    says="this adds the entries of each gradient up, with their signs.",
    why="Then positive and negative slopes cancel. The norm squares the entries first, and takes the root at the end.",
    on_problem=_per_image(lambda g: g.sum(axis=1)),
)
GRADIENTS_FOR_NORMS = Mistake(
    "gradients_for_norms",
    formula="gᵢ",
    name="the gradients, not their norms",
    says="these are the gradients themselves; their norms are asked for.",
    why="One number per sample is left: flatten each gradient and take its norm.",
    on_problem=_of_gradients(lambda g: g),
)
DIVIDED_BY_N = Mistake(
    "gradient_of_mean_output",
    formula="‖gᵢ‖ / N",
    name="the gradient of the mean output",
    says="these are the norms divided by N.",
    why="`critic(x).mean()` weights every output 1/N. Add the outputs up instead: as no sample influences another's "
    "output, the gradient of the sum holds each sample's own gradient.",
    on_problem=_of_gradients(lambda g: _norms(g) / len(g)),
)
OUTPUTS_FOR_NORMS = Mistake(
    "outputs_for_norms",
    formula="D(xᵢ)",
    name="the critic's outputs",
    says="these are the critic's outputs; how steeply they change is asked for.",
    why="Differentiate them with respect to x first: `torch.autograd.grad(critic(x).sum(), x)`.",
    on_problem=lambda p: p.outputs[0].numpy(),
)
DISTANCES_FROM_ONE = Mistake(
    "distances_from_one",
    formula="‖gᵢ‖ − 1",
    name="1 taken off",
    says="these are the norms minus 1.",
    why="The penalty will compare each norm with 1; here the norms themselves are asked for.",
    on_problem=_of_gradients(lambda g: _norms(g) - 1),
)

# --- 13.4: the penalty


def _slopes_at(p: Problem, x: Tensor) -> np.ndarray:
    """∇D at these points, for what mistakes give; the truth comes from J."""
    W, b, a = (p.inputs[name] for name in ("W", "b", "a"))
    return formulas.slopes(W, b, a, x).numpy()


def _pen(g: np.ndarray) -> np.ndarray:
    return ((_norms(g) - 1) ** 2).mean()


def _of_slopes(what: Callable[[np.ndarray], Any]) -> Callable[[Problem], Any]:
    """What is computed from the gradients at the interpolates, in their shape."""
    return lambda p: what(_gradients(p, "x_hat"))


def _of_norms(what: Callable[[np.ndarray], Any]) -> Callable[[Problem], Any]:
    return lambda p: what(_norms(_gradients(p, "x_hat")))


def _at(point: Callable[[Tensor, Tensor, Tensor], Tensor | None]) -> Callable[[Problem], Any]:
    """The penalty at other points, made of real, fake and eps; None where these cannot be made."""

    def elsewhere(p: Problem) -> Any:
        x = point(*(p.drawn[name] for name in ("real", "fake", "eps")))
        return None if x is None else _pen(_slopes_at(p, x))

    return elsewhere


_penalty_at_real = _at(lambda real, fake, eps: real)


_penalty_at_fake = _at(lambda real, fake, eps: fake)


_penalty_with_factors_exchanged = _at(lambda real, fake, eps: formulas.interpolates(fake, real, eps))


def _broadcast(p: Problem) -> Any:
    """Factors of shape (N,), (N, 1) or (N, 1, 1), laid along another dimension of N entries than the samples'."""
    real, fake, eps = (p.drawn[name] for name in ("real", "fake", "eps"))
    found = []
    for back in range(1, real.ndim):
        if real.shape[-back] == len(eps):
            e = eps.reshape(-1, *(1,) * (back - 1))
            found.append(({"dim": real.ndim - back}, _pen(_slopes_at(p, e * real + (1 - e) * fake))))
    return found or None


def _on_images(what: Callable[[np.ndarray], Any]) -> Callable[[Problem], Any]:
    def derive(p: Problem) -> Any:
        g = _gradients(p, "x_hat")
        return what(g) if g.ndim == 4 else None

    return derive


NORM_PER_PIXEL_PENALTY = NORM_PER_PIXEL.derived(_on_images(lambda g: ((_per_pixel(g) - 1) ** 2).mean()))
NORM_PER_CHANNEL_PENALTY = NORM_PER_CHANNEL.derived(
    _on_images(lambda g: ((np.sqrt((g * g).sum(axis=(2, 3))) - 1) ** 2).mean())
)
NORM_OVER_ONE_DIMENSION_PENALTY = NORM_OVER_ONE_DIMENSION.derived(
    _on_images(lambda g: _over_one_dimension(g, lambda norms: ((norms - 1) ** 2).mean()))
)
ONE_NORM_FOR_ALL_PENALTY = ONE_NORM_FOR_ALL.derived(_of_norms(lambda n: (np.sqrt((n * n).sum()) - 1) ** 2))
ROOT_MEAN_SQUARE_PENALTY = ROOT_MEAN_SQUARE.derived(
    _of_slopes(lambda g: ((np.sqrt((g.reshape(len(g), -1) ** 2).mean(axis=1)) - 1) ** 2).mean())
)
DIVIDED_BY_N_PENALTY = Mistake(
    "penalty_of_mean_output",
    formula="mean (‖gᵢ‖/N − 1)²",
    name="the gradient of the mean output",
    says="here each gradient was divided by N before its norm was compared with 1.",
    why="`critic(x_hat).mean()` weights every output 1/N. The gradients of the single outputs come from the sum. The "
    "mean is taken at the end, over the penalties.",
    on_problem=_of_norms(lambda n: ((n / len(n) - 1) ** 2).mean()),
)
MEAN_NORM_FIRST = Mistake(
    "mean_norm_first",
    formula="(mean ‖gᵢ‖ − 1)²",
    name="the mean taken before the square",
    says="this compares the mean of the norms with 1, and not each norm.",
    why="Norms of 0 and 2 have the mean 1, and would cost nothing. Square the distance of each norm from 1, and take "
    "the mean last.",
    on_problem=_of_norms(lambda n: (n.mean() - 1) ** 2),
)
AT_REAL = Mistake(
    "penalty_at_real",
    formula="mean (‖∇D(xᵢ)‖ − 1)²",
    name="at the real samples",
    says="this is the penalty at the real samples.",
    why="It is asked for at the interpolates: call the critic at x̂, and differentiate with respect to x̂.",
    on_problem=_penalty_at_real,
)
AT_FAKE = Mistake(
    "penalty_at_fake",
    formula="mean (‖∇D(x̃ᵢ)‖ − 1)²",
    name="at the fake samples",
    says="this is the penalty at the fake samples.",
    why="It is asked for at the interpolates: call the critic at x̂, and differentiate with respect to x̂.",
    on_problem=_penalty_at_fake,
)
FACTORS_EXCHANGED = Mistake(
    "ends_exchanged",
    formula="x̂ = (1 − ε) x + ε x̃",
    name="ε and 1 − ε exchanged",
    says="this is the penalty at (1 − ε)x + εx̃.",
    why="If the factors are drawn at random, the two cannot be told apart. Here they are given: ε belongs to the real "
    "samples, and 1 − ε to the fake ones.",
    on_problem=_penalty_with_factors_exchanged,
)
FACTORS_BROADCAST = Mistake(
    "factors_broadcast",
    formula="ε along another dimension",
    name="the factors along another dimension",
    says="the factors were laid along dimension {dim} of the images, and not along the samples.",
    why="Broadcasting lines dimensions up from the last one. Where that one has N entries too, no error says so. "
    "Factors of shape (N, 1, 1, 1) belong to samples of shape (C, H, W), and (N, 1) to those of shape (k,).",
    on_problem=_broadcast,
)


def _all_pairs(p: Problem) -> Any:
    """What factors of shape (N, 1, 1, 1) give with points of shape (N, k): an x̂ of shape (N, 1, N, k)."""
    real, fake, eps = (p.drawn[name] for name in ("real", "fake", "eps"))
    if real.ndim > 2:
        return None
    g = np.stack([_slopes_at(p, e * real + (1 - e) * fake) for e in eps])
    return _pen(g)


FACTORS_FOR_IMAGES_PENALTY = FACTORS_FOR_IMAGES.derived(_all_pairs)
FIRST_FACTOR_FOR_ALL = Mistake(
    "first_factor_for_all",
    formula="ε₀ for all i",
    name="one factor for all samples",
    says="here all interpolates were made with one and the same factor.",
    why="Sample i has its own factor, `eps[i]`.",
    on_problem=lambda p: [
        ({}, _at(lambda real, fake, eps: formulas.interpolates(real, fake, 0 * eps + eps[0]))(p)),
        ({}, _at(lambda real, fake, eps: formulas.interpolates(real, fake, 0 * eps + eps.mean()))(p)),
        ({}, _at(lambda real, fake, eps: (real + fake) / 2)(p)),
    ],
)


def _beyond(p: Problem) -> list[tuple[dict[str, str], Any]]:
    """The penalty at real + ε (real − fake) and at fake + ε (fake − real)."""
    eps = p.drawn["eps"]
    return [
        (
            {"low": formatting.number(float(e.min())), "high": formatting.number(float(e.max()))},
            _pen(_slopes_at(p, formulas.interpolates(p.drawn["real"], p.drawn["fake"], e))),
        )
        for e in (1 + eps, -eps)
    ]


EXTRAPOLATED_PENALTY = EXTRAPOLATED.derived(_beyond)


def _through_x_hat(p: Problem, norms: np.ndarray) -> list[tuple[dict[str, Any], Any]]:
    """The penalty of slopes that carry a factor of the interpolates.  norms: at the interpolates, (N,)."""
    eps = p.drawn["eps"].numpy()
    return [
        ({"name": name, "share": share}, ((e * norms - 1) ** 2).mean())
        for name, share, e in (("real", "ε", eps), ("fake", "1 − ε", 1 - eps))
    ]


THROUGH_X_HAT = Mistake(
    "gradient_through_interpolates",
    formula="‖∂D(x̂ᵢ)/∂xᵢ‖ = εᵢ‖gᵢ‖",
    name="with respect to the samples, through x̂",
    says="each gradient carries a factor {share}.",
    why="It does where the gradient is taken with respect to `{name}`, or where ε or 1 − ε is given as `grad_outputs`. "
    "The slope of D at x̂ is the gradient with respect to x̂ itself: declare x̂, and let every output count 1.",
    on_problem=lambda p: _through_x_hat(p, _norms(_gradients(p, "x_hat"))),
)
ENTRIES_COMPARED = Mistake(
    "entries_compared_with_one",
    formula="mean (gᵢₖ − 1)²",
    name="no norm taken",
    says="every single entry of the gradients was compared with 1.",
    why="It is the norm of a sample's gradient, one number, that is to be 1.",
    on_problem=_of_slopes(lambda g: ((g - 1) ** 2).mean()),
)
SUM_OF_PENALTIES = Mistake(
    "sum_of_penalties",
    formula="Σ (‖gᵢ‖ − 1)²",
    name="the sum instead of the mean",
    says="this is the sum over the samples; their mean is asked for.",
    why="With a sum, a larger batch would be penalized more, and λ would have to change with it.",
    on_problem=_of_norms(lambda n: ((n - 1) ** 2).sum()),
)
NOT_AVERAGED = Mistake(
    "penalties_not_averaged",
    formula="(‖gᵢ‖ − 1)²",
    name="one penalty per sample",
    says="these are the penalties of the single samples; their mean is asked for.",
    why="A loss is one number: end with `.mean()`.",
    on_problem=_of_norms(lambda n: (n - 1) ** 2),
)
ONE_SIDED = Mistake(
    "one_sided_penalty",
    formula="mean max(0, ‖gᵢ‖ − 1)²",
    name="only norms above 1 penalized",
    says="this penalizes only the norms that are larger than 1.",
    why="That is the one-sided penalty, which some papers prefer. The two-sided one that is asked for draws smaller "
    "norms up to 1 as well.",
    on_problem=_of_norms(lambda n: (np.maximum(n - 1, 0) ** 2).mean()),
)
SQUARED_NORMS_PENALTY = Mistake(
    "penalty_of_squared_norms",
    formula="mean (‖gᵢ‖² − 1)²",
    name="the squared norm compared with 1",
    says="here the square of each norm is compared with 1.",
    why="The root is missing: it is ‖g‖ that is compared with 1.",
    on_problem=_of_norms(lambda n: ((n * n - 1) ** 2).mean()),
)
ZERO_CENTERED = Mistake(
    "zero_centered_penalty",
    formula="mean ‖gᵢ‖²",
    name="the squared norms, without the 1",
    says="this is the mean of the squared norms: it draws every slope to 0.",
    why="That is another regularizer (R1, where it is taken at the real samples). Here slopes of 1 are free.",
    on_problem=_of_norms(lambda n: (n * n).mean()),
)


def _not_squared(norms: np.ndarray) -> list[tuple[dict[str, Any], Any]]:
    return [({}, (norms - 1).mean()), ({}, np.abs(norms - 1).mean())]


NOT_SQUARED = Mistake(
    "penalty_not_squared",
    formula="mean (‖gᵢ‖ − 1), mean |‖gᵢ‖ − 1|",
    name="not squared",
    says="the distances from 1 are not squared.",
    why="Each sample's penalty is (‖g‖ − 1)².",
    on_problem=_of_norms(_not_squared),
)
NORMS_FOR_PENALTY = Mistake(
    "mean_norm_for_penalty",
    formula="mean ‖gᵢ‖",
    name="the mean norm",
    says="this is the mean of the norms.",
    why="How far each norm is from 1 is what counts: (‖g‖ − 1)², averaged over the samples.",
    on_problem=_of_norms(lambda n: n.mean()),
)


def _other_costs(p: Problem) -> list[tuple[dict[str, Any], Any]]:
    g = _gradients(p, "x_hat").reshape(len(p.inputs["x_hat"]), -1)
    n, absolute = _norms(g), np.abs(g).sum(axis=1)
    others = {
        "mean (‖gᵢ‖² − 1)": (n * n - 1).mean(),
        "mean |‖gᵢ‖² − 1|": np.abs(n * n - 1).mean(),
        "mean (‖gᵢ‖ + 1)²": ((n + 1) ** 2).mean(),
        "√ mean (‖gᵢ‖ − 1)²": np.sqrt(((n - 1) ** 2).mean()),
        "mean (Σₖ|gᵢₖ| − 1)², with the norm for p = 1,": ((absolute - 1) ** 2).mean(),
        "(‖mean gᵢ‖ − 1)²": (np.sqrt((g.mean(axis=0) ** 2).sum()) - 1) ** 2,
    }
    return [({"what": said}, found) for said, found in others.items()]


OTHER_COST = Mistake(
    "other_cost_of_norms",
    formula="{what}",
    name="another cost for the penalty",
    says="this is {what} and not the mean of (‖gᵢ‖ − 1)².",
    why="For each sample: the Euclidean norm of its own gradient, minus 1, squared. Then the mean, and nothing after.",
    on_problem=_other_costs,
)
LAMBDA_INCLUDED = Mistake(
    "lambda_included",
    formula="10 · mean (‖gᵢ‖ − 1)²",
    name="ten times the penalty",
    says="this is ten times the penalty.",
    why="10 is the usual λ, with which the penalty enters the loss. Here it is asked for without λ.",
    on_problem=_of_norms(lambda n: 10 * ((n - 1) ** 2).mean()),
)

# --- 13.5: its gradient with respect to the parameters


@dataclass(frozen=True)
class _PenaltyGradient(Gradient):
    """The gradient of a number in which a derivative is contained."""

    twice: ClassVar = True


def _gradient_of(number: Callable[[Problem, Tensor, Tensor, Tensor, Tensor], Tensor]) -> Callable[[Problem], Any]:
    """The gradient with respect to the parameters of a number made of them, (p, W, b, a, c) → (), by forward mode."""

    def derive(p: Problem) -> Any:
        jacobians = forward_mode(lambda *theta: number(p, *theta), {name: p.inputs[name] for name in PARAMETERS})
        return tuple(jacobians[name].reshape(tuple(p.inputs[name].shape)) for name in PARAMETERS)

    return derive


def _norms_of(p: Problem, W: Tensor, b: Tensor, a: Tensor) -> Tensor:
    x = p.inputs["x_hat"]
    g = formulas.slopes(W, b, a, x).reshape(len(x), -1)
    return (g * g).sum(dim=1) ** 0.5


def _gradient_of_norms(reduce: Callable[[Tensor], Tensor]) -> Callable[[Problem], Any]:
    """The gradient of a number made of the norms, (N,)."""
    return _gradient_of(lambda p, W, b, a, c: reduce(_norms_of(p, W, b, a)))


def _gradient_per_pixel(p: Problem) -> Any:
    def number(p: Problem, W: Tensor, b: Tensor, a: Tensor, c: Tensor) -> Tensor:
        g = formulas.slopes(W, b, a, p.inputs["x_hat"])
        return (((g * g).sum(dim=1) ** 0.5 - 1) ** 2).mean()

    return _gradient_of(number)(p) if p.inputs["x_hat"].ndim == 4 else None


def _scaled(factor: Callable[[Problem], float]) -> Callable[[Problem], Any]:
    return lambda p: tuple(factor(p) * g for g in p.truth)


def _outputs_of(p: Problem, *theta: Tensor) -> Tensor:
    W, b, a, c = theta
    return formulas.outputs(W, b, a, c, p.inputs["x_hat"])


CRITIC_FOR_PENALTY = Mistake(
    "critic_for_penalty",
    formula="∂/∂θ mean D(x̂)",
    name="the gradient of the critic, not of the penalty",
    says="these are the gradients of the critic's outputs with respect to the parameters.",
    why="Two gradients follow each other here. The first is that of D with respect to x̂; of its norms the penalty is "
    "made. The second is that of the penalty with respect to the parameters.",
    on_problem=lambda p: [
        ({}, _gradient_of(lambda p, *theta: _outputs_of(p, *theta).mean())(p)),
        ({}, _gradient_of(lambda p, *theta: _outputs_of(p, *theta).sum())(p)),
    ],
)
PENALTY_CUT = Mistake(
    "penalty_cut_from_parameters",
    formula="0",
    name="no gradient at all",
    says="no parameter gets a gradient here.",
    why="The penalty has lost its way back to the parameters: without `create_graph=True`, g is a plain number to "
    "autograd, and so is all that is made of it. `requires_grad_()` starts a new graph, and does not mend the old one. "
    "If you return what lies in `.grad`: it is filled by `backward` alone.",
    on_problem=lambda p: [({}, tuple(np.zeros_like(g) for g in p.truth)), ({}, (None,) * len(p.truth))],
)
UNUSED_LEFT_OUT = Mistake(
    "unused_parameter_left_out",
    formula="(∂W, ∂b, ∂a)",
    name="the parameter without a part left out",
    says="the gradients are right, but one parameter has none.",
    why="The last bias moves D up and down and changes no slope, so its gradient is 0. An optimizer that is given the "
    "gradients by their place needs one for each parameter.",
    on_problem=lambda p: p.truth[:-1],
)


def _with_first_backward(p: Problem) -> Any:
    critic = _gradient_of(lambda p, *theta: _outputs_of(p, *theta).sum())(p)
    return tuple(g + h for g, h in zip(p.truth, critic, strict=True))


ADDED_TO_FIRST = Mistake(
    "added_to_first_backward",
    formula="∂/∂θ (Σ D(x̂) + penalty)",
    name="added to what the first backward left",
    says="these are the gradients of the penalty plus those of Σ D(x̂).",
    why="The first `backward` filled `.grad` of x̂ and of all parameters. Before the second one, set that of the "
    "parameters to None; or take the first gradient with `torch.autograd.grad`, which leaves `.grad` alone.",
    on_problem=_with_first_backward,
)
GRADIENT_OF_SUM = Mistake(
    "gradient_of_summed_penalties",
    formula="∂/∂θ Σ (‖gᵢ‖ − 1)²",
    name="the gradient of the sum",
    says="this is N times what is asked for: the gradient of the sum of all penalties.",
    why="The penalty is the mean over the samples: `((norms - 1) ** 2).mean()`.",
    on_problem=_scaled(lambda p: len(p.inputs["x_hat"])),
)
HALF_THE_PENALTY = Mistake(
    "half_the_penalty",
    formula="∂/∂θ ½ mean (‖gᵢ‖ − 1)²",
    name="a factor 2 is missing",
    says="these are half of the right gradients.",
    why="The derivative of (‖g‖ − 1)² is 2(‖g‖ − 1) times that of ‖g‖.",
    on_problem=_scaled(lambda p: 0.5),
)
SQUARED_NORMS_GRADIENT = SQUARED_NORMS_PENALTY.derived(_gradient_of_norms(lambda n: ((n * n - 1) ** 2).mean()))
ZERO_CENTERED_GRADIENT = ZERO_CENTERED.derived(_gradient_of_norms(lambda n: (n * n).mean()))
MEAN_NORM_FIRST_GRADIENT = MEAN_NORM_FIRST.derived(_gradient_of_norms(lambda n: (n.mean() - 1) ** 2))
NORMS_FOR_PENALTY_GRADIENT = NORMS_FOR_PENALTY.derived(_gradient_of_norms(lambda n: n.mean()))
DIVIDED_BY_N_GRADIENT = DIVIDED_BY_N_PENALTY.derived(_gradient_of_norms(lambda n: ((n / len(n) - 1) ** 2).mean()))
ONE_SIDED_GRADIENT = ONE_SIDED.derived(_gradient_of_norms(lambda n: ((n.maximum(0 * n + 1) - 1) ** 2).mean()))
ONE_NORM_FOR_ALL_GRADIENT = ONE_NORM_FOR_ALL.derived(_gradient_of_norms(lambda n: ((n * n).sum() ** 0.5 - 1) ** 2))
NOT_SQUARED_GRADIENT = NOT_SQUARED.derived(
    _gradient_of_norms(lambda n: ((n - 1).maximum(0 * n) + (1 - n).maximum(0 * n)).mean())
)
NORM_PER_PIXEL_GRADIENT = NORM_PER_PIXEL.derived(_gradient_per_pixel)

# --- 13.6: the whole loss


def _with_penalty(penalty: Callable[[Problem], Any]) -> Callable[[Problem], Any]:
    """The loss with another penalty in the place of the right one."""

    def value(p: Problem) -> Any:
        fake, real, _ = p.y
        found = penalty(p)
        cases = found if isinstance(found, list) else [({}, found)]
        return [(detail, fake - real + p.extras["lam"] * wrong) for detail, wrong in cases if wrong is not None]

    return value


def _slopes_of_loss(p: Problem) -> np.ndarray:
    return _slopes_at(p, p.inputs["x_hat"])


def _loss_of_norms(what: Callable[[np.ndarray], Any]) -> Callable[[Problem], Any]:
    return _with_penalty(lambda p: what(_norms(_slopes_of_loss(p))))


def _wrong_value(mistake: Mistake, on_value: Callable[[Problem], Any]) -> Mistake:
    return replace(mistake, on_problem=None, on_value=on_value)


def _loss_with_sums(p: Problem) -> Any:
    """The loss with the sums of the scores, and the penalty as it is asked for or summed, too."""
    (fake, real, penalty), N = p.y, len(p.inputs["x_hat"])
    return [({}, N * (fake - real) + p.extras["lam"] * share * penalty) for share in (1, N)]


SUM_OF_SCORES = Mistake(
    "sum_of_scores",
    formula="Σ D(x̃ᵢ) − Σ D(xᵢ)",
    name="sums instead of means",
    says="here the scores of the samples are added up, and not averaged.",
    why="The loss is made of means, so that its size, and with it the part of the penalty, does not depend on the "
    "batch.",
    on_value=_loss_with_sums,
)
SCORES_SIGN_TURNED = Mistake(
    "scores_sign_turned",
    formula="mean D(x) − mean D(x̃) + λ · penalty",
    name="real and fake exchanged",
    says="the means of real and fake samples stand in each other's place; the penalty is right.",
    why="The loss is made small. The critic is to give real samples large numbers, so their mean has the minus. Some "
    "write −(mean D(x) − mean D(x̃)), which is the same.",
    on_value=lambda p: p.y[1] - p.y[0] + p.extras["lam"] * p.y[2],
)
GENERATOR_LOSS = Mistake(
    "generator_loss",
    formula="−mean D(x̃)",
    name="the generator's loss",
    says="this is −mean D(x̃), the loss of the generator.",
    why="The generator wants large numbers for its fake samples. The critic, whose loss is asked for, wants the "
    "opposite, and large numbers for the real ones.",
    on_value=lambda p: -p.y[0],
)
TEN_FOR_LAM = Mistake(
    "ten_for_lambda",
    formula="λ = 10",
    name="λ = 10 instead of lam",
    says="the penalty was multiplied by 10, and not by `lam`.",
    why="10 is the usual λ. Here it is an argument: `lam`.",
    on_value=lambda p: p.y[0] - p.y[1] + 10 * p.y[2],
)
PIXELS_IN_LOSS = _wrong_value(
    NORM_PER_PIXEL,
    _with_penalty(
        lambda p: ((_per_pixel(_slopes_of_loss(p)) - 1) ** 2).mean() if p.inputs["x_hat"].ndim == 4 else None
    ),
)


def _scores(p: Problem, name: str) -> np.ndarray:
    """The critic's outputs for an input of this name: (N,)."""
    W, b, a, c = (p.inputs[parameter] for parameter in PARAMETERS)
    return formulas.outputs(W, b, a, c, p.inputs[name]).detach().numpy()


def _ordinary_gan(p: Problem) -> float:
    """Cross-entropy for scores that are logits: log(1 + e^D(x̃)) + log(1 + e^−D(x)), averaged, and the penalty."""
    real, fake = _scores(p, "real"), _scores(p, "fake")
    return float(np.logaddexp(0, fake).mean() + np.logaddexp(0, -real).mean() + p.extras["lam"] * p.y[2])


ORDINARY_GAN = Mistake(
    "ordinary_gan_scores",
    formula="mean log(1 + e^D(x̃)) + mean log(1 + e^−D(x)) + λ · penalty",
    name="the scores of an ordinary GAN",
    says="the scores were taken for logits, with cross-entropy; the penalty has the right value.",
    why="That is the loss of a GAN whose critic, there called discriminator, gives probabilities. In a Wasserstein GAN "
    "the scores enter as they are: mean D(x̃) − mean D(x).",
    on_value=_ordinary_gan,
)
AT_INTERPOLATES = Mistake(
    "scores_at_interpolates",
    formula="mean D(x̂) − mean D(x) + λ · penalty",
    name="D(x̂) for D(x̃)",
    says="the score of the interpolates stands where that of the fake samples belongs.",
    why="x̂ serves the penalty alone. The two means compare real with fake samples.",
    on_value=lambda p: _scores(p, "x_hat").mean() - p.y[1] + p.extras["lam"] * p.y[2],
)


IN_LOSS = (
    ORDINARY_GAN,
    AT_INTERPOLATES,
    _wrong_value(THROUGH_X_HAT, _with_penalty(lambda p: _through_x_hat(p, _norms(_slopes_of_loss(p))))),
    _wrong_value(NOT_SQUARED, _with_penalty(lambda p: _not_squared(_norms(_slopes_of_loss(p))))),
    SCORES_SIGN_TURNED,
    GENERATOR_LOSS,
    TEN_FOR_LAM,
    SUM_OF_SCORES,
    PIXELS_IN_LOSS,
    _wrong_value(MEAN_NORM_FIRST, _loss_of_norms(lambda n: (n.mean() - 1) ** 2)),
    _wrong_value(SUM_OF_PENALTIES, _loss_of_norms(lambda n: ((n - 1) ** 2).sum())),
    _wrong_value(SQUARED_NORMS_PENALTY, _loss_of_norms(lambda n: ((n * n - 1) ** 2).mean())),
    _wrong_value(ONE_NORM_FOR_ALL, _loss_of_norms(lambda n: (np.sqrt((n * n).sum()) - 1) ** 2)),
    _wrong_value(FACTORS_FOR_IMAGES, _with_penalty(_all_pairs)),
    _wrong_value(ZERO_CENTERED, _loss_of_norms(lambda n: (n * n).mean())),
    _wrong_value(ONE_SIDED, _loss_of_norms(lambda n: (np.maximum(n - 1, 0) ** 2).mean())),
    _wrong_value(DIVIDED_BY_N_PENALTY, _loss_of_norms(lambda n: ((n / len(n) - 1) ** 2).mean())),
    _wrong_value(AT_REAL, _with_penalty(_penalty_at_real)),
    _wrong_value(AT_FAKE, _with_penalty(_penalty_at_fake)),
    _wrong_value(FACTORS_EXCHANGED, _with_penalty(_penalty_with_factors_exchanged)),
    _wrong_value(FACTORS_BROADCAST, _with_penalty(lambda p: _broadcast(p) or [])),
)

# --- 13.7: who influences whom


def _blocks(p: Problem) -> np.ndarray:
    """∂D(x)ᵢ/∂xⱼ: (N, N, k)."""
    N = len(p.inputs["x"])
    return p.jacobians["x"].reshape(N, N, -1)


def _table(p: Problem) -> np.ndarray:
    return np.sqrt((_blocks(p) ** 2).sum(axis=2))


def _coupled(derive: Callable[[Problem], Any]) -> Callable[[Problem], Any]:
    """A derivation, restricted to critics in which samples influence each other."""

    def where_coupled(p: Problem) -> Any:
        K = _table(p)
        return derive(p) if np.abs(K - np.diag(np.diag(K))).max() > 1e-3 * K.max() else None

    return where_coupled


def _influence_on_the_sum(p: Problem) -> np.ndarray:
    """The norm of the gradient of the sum of all outputs, for each sample: (N,)."""
    return np.sqrt((_blocks(p).sum(axis=0) ** 2).sum(axis=1))


TABLE_TRANSPOSED = Mistake(
    "influence_transposed",
    formula="Kᵀ",
    name="the transpose of K",
    says="this is Kᵀ: rows and columns are exchanged.",
    why="Row i belongs to output i, column j to sample j, as in every Jacobian.",
    on_problem=_coupled(lambda p: _table(p).T),
)
DIAGONAL_OF_TABLE = Mistake(
    "influence_on_itself_only",
    formula="diag K",
    name="only each sample's own influence",
    says="this has each sample's influence on its own output, and 0 for all others.",
    why="With batch normalization every sample goes into the mean and the variance of the batch, and by that into "
    "every output. That is what K is to show.",
    on_problem=_coupled(lambda p: np.diag(np.diag(_table(p)))),
)
SUM_ON_DIAGONAL = Mistake(
    "influence_on_the_sum_as_diagonal",
    formula="diag ‖Σᵢ ∂D(x)ᵢ/∂xⱼ‖",
    name="the influence on the sum, on the diagonal",
    says="this takes for granted that K is diagonal; there it has the norms of the gradient of the sum of all outputs.",
    why="Where no sample influences another's output, that is K. Whether it is so is what K is to show: differentiate "
    "each output by itself.",
    on_problem=_coupled(lambda p: np.diag(_influence_on_the_sum(p))),
)


def _alone(p: Problem) -> np.ndarray:
    """The influence of each sample on its own output, in a batch of its own."""
    ones = [p.at("x", p.inputs["x"][j : j + 1]) for j in range(len(p.inputs["x"]))]
    return np.diag([float(np.sqrt((one.jacobians["x"] ** 2).sum())) for one in ones])


EACH_ALONE = Mistake(
    "each_sample_in_a_batch_of_its_own",
    formula="diag ‖∇D(xⱼ)‖",
    name="each sample in a batch of its own",
    says="each sample was given to the critic alone, in a batch of its own.",
    why="Alone, no sample can influence another, and what batch normalization subtracts from a sample is that sample. "
    "Hand the whole of x to the critic, and differentiate each of its outputs.",
    on_problem=_coupled(_alone),
)
OWN_INFLUENCE = Mistake(
    "influence_one_per_sample",
    formula="Kᵢᵢ",
    name="one number per sample",
    says="these are the influences of each sample on its own output, the diagonal of K.",
    why="K has a row for each output and a column for each sample. Off its diagonal it says which samples meddle with "
    "the outputs of others.",
    on_problem=_coupled(lambda p: np.diag(_table(p))),
)
WHOLE_ROWS = Mistake(
    "influence_of_all_samples",
    formula="‖∂D(x)ᵢ/∂x‖",
    name="all samples in one norm",
    says="this has one number for each output: the norm of its gradient with respect to all samples together.",
    why="`norm()` without `dim` takes all of ∂D(x)ᵢ/∂x, of shape (N, k). With `dim=1` it leaves a number for each "
    "sample: row i of K.",
    on_problem=_coupled(lambda p: np.sqrt((_table(p) ** 2).sum(axis=1))),
)
NORMS_OF_ROWS_ADDED = Mistake(
    "influence_of_the_sum",
    formula="‖Σᵢ ∂D(x)ᵢ/∂xⱼ‖",
    name="the influence on the sum of all outputs",
    says="these are the norms of the gradient of the sum of all outputs, one for each sample.",
    why="`grad(critic(x).sum(), x)` adds all rows of the Jacobian before you see them. For a table of single rows, "
    "differentiate each output by itself.",
    on_problem=_coupled(_influence_on_the_sum),
)
SUM_REPEATED = Mistake(
    "influence_of_the_sum_repeated",
    formula="‖Σᵢ ∂D(x)ᵢ/∂xⱼ‖ in every row",
    name="the influence on the sum, in every row",
    says="all rows are alike, or all columns: the norms of the gradient of the sum of all outputs.",
    why="Row i is to show who influences output i. Differentiate `critic(x)[i]`, not `critic(x).sum()`. If you did, "
    "with `backward`, then every row is the same `x.grad`, which went on growing: clone it, and set it to None.",
    on_problem=lambda p: [
        ({}, form / share)
        for form in (
            np.tile(_influence_on_the_sum(p), (len(_table(p)), 1)),
            np.tile(_influence_on_the_sum(p)[:, None], (1, len(_table(p)))),
        )
        for share in (1, len(_table(p)))
    ],
)
NORM_OVER_SAMPLES_OF_ROW = Mistake(
    "norm_over_the_samples",
    formula="norms over j",
    name="the norm over the samples",
    says="these are norms over the samples, one for each output and each feature.",
    why="∂D(x)ᵢ/∂xⱼ has an entry for each feature of sample j. The features are to disappear: the last dimension.",
    on_problem=_coupled(lambda p: np.sqrt((_blocks(p) ** 2).sum(axis=1))),
)
NORM_OVER_OUTPUTS = Mistake(
    "norm_over_the_outputs",
    formula="norms over i",
    name="the norm over the outputs",
    says="these are norms over the outputs, one for each sample and each feature.",
    why="The outputs stay as the rows of K. The features are to disappear: the last dimension.",
    on_problem=_coupled(lambda p: np.sqrt((_blocks(p) ** 2).sum(axis=0))),
)
TABLE_SQUARED = Mistake(
    "influence_squared",
    formula="Kᵢⱼ²",
    name="the squares",
    says="these are the squares of the norms.",
    why="The norm is the square root of the sum of squares: a root is missing.",
    on_problem=lambda p: _table(p) ** 2,
)
ROWS_ACCUMULATED = Mistake(
    "influence_accumulated",
    formula="‖Σₗ≤ᵢ ∂D(x)ₗ/∂xⱼ‖",
    name="each output added to the next",
    says="row i holds the influence on the sum of all outputs up to i.",
    why="`backward` adds to `.grad`. Set it to None between two outputs, or use `autograd.grad`, which has no memory.",
    on_problem=lambda p: np.sqrt((np.cumsum(_blocks(p), axis=0) ** 2).sum(axis=2)),
)
ROOT_MEAN_SQUARE_TABLE = ROOT_MEAN_SQUARE.derived(lambda p: np.sqrt((_blocks(p) ** 2).mean(axis=2)))
SUM_OF_ABSOLUTE_TABLE = SUM_OF_ABSOLUTE.derived(lambda p: np.abs(_blocks(p)).sum(axis=2))
LARGEST_ENTRY_TABLE = LARGEST_ENTRY.derived(lambda p: np.abs(_blocks(p)).max(axis=2))
ONE_FEATURE = Mistake(
    "influence_of_one_feature",
    formula="|∂D(x)ᵢ/∂xⱼ₀|",
    name="a single feature",
    says="this looks at a single feature of each sample, number {k}.",
    why="All features of sample j count: the norm of the whole of ∂D(x)ᵢ/∂xⱼ.",
    on_problem=lambda p: [
        ({"k": k}, form)
        for k in range(_blocks(p).shape[2])
        for form in (np.abs(_blocks(p)[:, :, k]), _blocks(p)[:, :, k])
    ],
)
FEATURES_ADDED = Mistake(
    "influence_features_added",
    formula="Σₖ ∂D(x)ᵢ/∂xⱼₖ",
    name="the features added up",
    says="this adds the derivatives with respect to all features of a sample up.",
    why="Then they cancel, or they are not weighed as a norm weighs them: square, add, take the root.",
    on_problem=lambda p: _blocks(p).sum(axis=2),
)
JACOBIAN_FOR_TABLE = Mistake(
    "jacobian_for_norms",
    formula="∂D(x)ᵢ/∂xⱼ",
    name="the whole Jacobian",
    says="this is the Jacobian itself, with the features still there.",
    why="Take the norm over its last dimension: `.norm(dim=-1)`.",
    on_problem=_blocks,
)

# --- 13.8: the meta-gradient

TRAIN, VAL = np.array([1.0, 0.0]), np.array([0.0, 1.0])  # the weights that pick one of both losses


def _slope(p: Problem, loss: np.ndarray, at: np.ndarray | None = None) -> np.ndarray:
    """The gradient of a loss at θ, or at another point: (n,)."""
    there = p if at is None else p.at("theta", torch.from_numpy(at))
    return np.asarray(loss @ there.jacobians["theta"])


def _curvature(p: Problem, loss: np.ndarray, at: np.ndarray | None = None) -> np.ndarray:
    there = p if at is None else p.at("theta", torch.from_numpy(at))
    return there.block("theta", loss).H


def _theta(p: Problem) -> np.ndarray:
    return p.inputs["theta"].numpy()


def _adapted(p: Problem, rate: float | None = None) -> np.ndarray:
    """θ′ = θ − α∇train(θ)."""
    rate = p.extras["alpha"] if rate is None else rate
    return _theta(p) - rate * _slope(p, TRAIN)


def _meta(p: Problem, rate: float | None = None, loss: np.ndarray = VAL) -> np.ndarray:
    """(I − αH)∇val(θ′)."""
    rate = p.extras["alpha"] if rate is None else rate
    g = _slope(p, loss, _adapted(p, rate))
    return np.asarray(g - rate * _curvature(p, TRAIN) @ g)


def _shortcut(p: Problem) -> np.ndarray:
    return _slope(p, VAL, _adapted(p))


def _both(p: Problem) -> tuple[np.ndarray, np.ndarray]:
    return _meta(p), _shortcut(p)


def _other_curvature(p: Problem) -> Any:
    g, alpha = _shortcut(p), p.extras["alpha"]
    return g - alpha * _curvature(p, TRAIN, _adapted(p)) @ g, g


def _uphill(p: Problem) -> Any:
    rate = -p.extras["alpha"]
    return _meta(p, rate), _slope(p, VAL, _adapted(p, rate))


FIRST_ORDER_FOR_BOTH = Mistake(
    "shortcut_for_meta",
    formula="(∇val(θ′), ∇val(θ′))",
    name="the shortcut for both",
    says="both are the shortcut, ∇val(θ′).",
    why="The inner step was cut from the graph, or the outer gradient was taken with respect to θ′. For the "
    "meta-gradient, θ′ must keep how it came from θ: `create_graph=True` in the inner step, and the outer gradient "
    "with respect to θ.",
    on_problem=lambda p: (_shortcut(p), _shortcut(p)),
)
META_FOR_BOTH = Mistake(
    "meta_for_shortcut",
    formula="(meta, meta)",
    name="the meta-gradient for both",
    says="both are the meta-gradient.",
    why="The shortcut takes θ′ as given: ∇val(θ′), with respect to θ′ itself.",
    on_problem=lambda p: (_meta(p), _meta(p)),
)
META_EXCHANGED = Mistake(
    "meta_exchanged",
    formula="(shortcut, meta)",
    name="the two exchanged",
    says="both gradients are right, and stand in each other's place.",
    why="The meta-gradient comes first.",
    on_problem=lambda p: _both(p)[::-1],
)
NOT_ADAPTED = Mistake(
    "val_at_theta",
    formula="∇val(θ)",
    name="without the inner step",
    says="∇val was taken at θ, before the inner step.",
    why="The question of MAML is how good the parameters are *after* a step on the training loss: ∇val belongs at "
    "θ′ = θ − α∇train(θ).",
    on_problem=lambda p: [
        ({}, (_slope(p, VAL), _slope(p, VAL))),
        ({}, (_meta(p), _slope(p, VAL))),
        ({}, (_slope(p, VAL), _shortcut(p))),
        (
            {},
            (
                _slope(p, VAL) - p.extras["alpha"] * _curvature(p, TRAIN) @ _slope(p, VAL),
                _slope(p, VAL),
            ),
        ),
    ],
)
INNER_STEP_UPHILL = Mistake(
    "inner_step_uphill",
    formula="θ′ = θ + α∇train(θ)",
    name="the inner step uphill",
    says="the inner step went uphill, to θ + α∇train(θ).",
    why="Training lowers the loss: θ′ = θ − α∇train(θ).",
    on_problem=_uphill,
)
CURVATURE_SIGN = Mistake(
    "curvature_added",
    formula="(I + αH)∇val(θ′)",
    name="I + αH for I − αH",
    says="the Hessian term has the wrong sign.",
    why="θ′ = θ − α∇train(θ), so ∂θ′/∂θ = I − αH, with a minus.",
    on_problem=lambda p: (2 * _shortcut(p) - _meta(p), _shortcut(p)),
)
CURVATURE_ALONE = Mistake(
    "curvature_alone",
    formula="−αH∇val(θ′)",
    name="only the way through the gradient",
    says="the meta-gradient lacks the identity in I − αH.",
    why="θ enters θ′ = θ − α∇train(θ) twice: as itself, and through its gradient. The first was cut, as by `detach`.",
    on_problem=lambda p: (_meta(p) - _shortcut(p), _shortcut(p)),
)
CURVATURE_ELSEWHERE = Mistake(
    "curvature_at_adapted",
    formula="(I − αH(θ′))∇val(θ′)",
    name="the Hessian at θ′",
    says="the Hessian was taken at θ′.",
    why="H comes of differentiating ∇train(θ) with respect to θ, so it is that of the training loss at θ. Only ∇val "
    "is taken at θ′.",
    on_problem=_other_curvature,
)
RATE_FORGOTTEN = Mistake(
    "rate_forgotten",
    formula="θ′ = θ − ∇train(θ)",
    name="α forgotten",
    says="the inner step was made without α.",
    why="θ′ = θ − α∇train(θ): the rate multiplies the step.",
    on_problem=lambda p: (_meta(p, 1.0), _slope(p, VAL, _adapted(p, 1.0))),
)
RATE_FORGOTTEN_BEFORE_H = Mistake(
    "rate_forgotten_before_hessian",
    formula="(I − H)∇val(θ′)",
    name="α forgotten before the Hessian",
    says="the Hessian term was not multiplied by α.",
    why="∂θ′/∂θ = I − αH.",
    on_problem=lambda p: (_shortcut(p) - _curvature(p, TRAIN) @ _shortcut(p), _shortcut(p)),
)
TRAIN_FOR_VAL = Mistake(
    "train_for_val",
    formula="∇train(θ′)",
    name="the training loss in the place of the other",
    says="the outer gradient is that of the training loss.",
    why="A step on the training data is judged by other data: the outer loss is `val_loss`.",
    on_problem=lambda p: (_meta(p, loss=TRAIN), _slope(p, TRAIN, _adapted(p))),
)


def _losses_exchanged(p: Problem) -> Any:
    theta = _theta(p) - p.extras["alpha"] * _slope(p, VAL)
    g = _slope(p, TRAIN, theta)
    return g - p.extras["alpha"] * _curvature(p, VAL) @ g, g


def _val_for_train(p: Problem) -> Any:
    theta = _theta(p) - p.extras["alpha"] * _slope(p, VAL)
    g = _slope(p, VAL, theta)
    return g - p.extras["alpha"] * _curvature(p, VAL) @ g, g


def _other_matrices(p: Problem) -> list[tuple[dict[str, Any], Any]]:
    """What stands for (I − αH)∇val(θ′), where the shortcut s is right."""
    s, H, alpha = _shortcut(p), _curvature(p, TRAIN), p.extras["alpha"]
    g, theta = _slope(p, TRAIN), _adapted(p)
    others = {
        "(1 − αH)∇val(θ′), with the number 1 subtracted from in every place of H,": s.sum() - alpha * H @ s,
        "∇val(θ′) − αH∇val(θ′) with the Hessian of val": s - alpha * _curvature(p, VAL) @ s,
        "∇val(θ′) − αH∇val(θ′) with the Hessian of val at θ′": s - alpha * _curvature(p, VAL, theta) @ s,
        "∇val(θ′) − αH∇train(θ)": s - alpha * H @ g,
        "∇val(θ′) − αH·1, with ones for ∇val(θ′) behind H,": s - alpha * H.sum(axis=1),
        "∇val(θ′) minus α times the diagonal of H times ∇val(θ′)": s - alpha * np.diag(H) * s,
        "(1 − α∇train(θ)) · ∇val(θ′), entry by entry,": (1 - alpha * g) * s,
        "∇val(θ′) − α∇train(θ)": s - alpha * g,
        "∇val(θ′) − α²H∇val(θ′)": s - alpha**2 * H @ s,
        "H∇val(θ′)": H @ s,
        "(I − αH)⁻¹∇val(θ′)": np.linalg.solve(np.eye(len(s)) - alpha * H, s),
    }
    return [({"what": said}, (meta, s)) for said, meta in others.items()]


OTHER_MATRIX = Mistake(
    "meta_with_other_matrix",
    formula="{what}",
    name="another matrix in the chain rule",
    says="the shortcut is right, but meta is {what} and not (I − αH)∇val(θ′).",
    why="θ′ = θ − α∇train(θ), so ∂θ′/∂θ = I − αH, with the identity matrix and the Hessian of the training loss at θ. "
    "It multiplies ∇val(θ′) as a matrix. In code none of it is needed: let autograd go through the inner step.",
    on_problem=_other_matrices,
)
META_IS_ZERO = Mistake(
    "meta_is_zero",
    formula="(0, ∇val(θ′))",
    name="no way back to θ",
    says="the shortcut is right, but meta is 0: no way leads from val(θ′) back to θ.",
    why="θ′ was cut from θ, by `detach()` or `torch.no_grad()`; zeros are what `materialize_grads=True` gives then. "
    "Compute θ′ = θ − α · inner in the graph, and let `inner` be made with `create_graph=True`.",
    on_problem=lambda p: (0 * _meta(p), _shortcut(p)),
)


def _two_steps(p: Problem) -> Any:
    alpha, first = p.extras["alpha"], _adapted(p)
    second = first - alpha * _slope(p, TRAIN, first)
    g = _slope(p, VAL, second)
    back = g - alpha * _curvature(p, TRAIN, first) @ g
    return back - alpha * _curvature(p, TRAIN) @ back, g


TWO_INNER_STEPS = Mistake(
    "two_inner_steps",
    formula="θ″ = θ′ − α∇train(θ′)",
    name="two inner steps",
    says="two inner steps were made.",
    why="One is asked for: θ′ = θ − α∇train(θ), and then the validation loss at θ′.",
    on_problem=_two_steps,
)
STEPPED = Mistake(
    "parameters_for_gradients",
    formula="θ − α · (meta, shortcut)",
    name="updated parameters for gradients",
    says="these are parameters, θ minus α times the right gradients.",
    why="The gradients themselves are asked for. What the outer optimizer makes of them comes later.",
    on_problem=lambda p: tuple(_theta(p) - p.extras["alpha"] * g for g in _both(p)),
)
TRAIN_GRADIENT_ADDED = Mistake(
    "train_gradient_added",
    formula="meta + ∇train(θ)",
    name="the training gradient added",
    says="this is the meta-gradient plus the gradient of the training loss at θ.",
    why="Either the outer loss holds the training loss, too, or `backward` was called for the inner gradient, and what "
    "it left in `theta.grad` was not cleared before the second call.",
    on_problem=lambda p: (_meta(p) + _slope(p, TRAIN), _shortcut(p)),
)
LOSSES_EXCHANGED = Mistake(
    "losses_exchanged",
    formula="train and val exchanged",
    name="the two losses exchanged",
    says="the inner step was made on the validation loss.",
    why="The inner step is training: on `train_loss`. The outer gradient is that of `val_loss`.",
    on_problem=lambda p: [({}, _losses_exchanged(p)), ({}, _val_for_train(p))],
)

# --- samplers


def _theta_of(h: int, *shape: int) -> dict[str, Sampler]:
    """The parameters of a critic with h hidden units: of points (k,), or of images with a convolution (C, 2, 2)."""
    if len(shape) == 1:
        return {"W": uniform(-1, 1, h, *shape), "b": normal(h), "a": mixed_signs(h), "c": normal()}
    # An image's slope adds up over all places: so smaller, that some samples have slopes above 1 and others below.
    return {"W": uniform(-1.5, 1.5, h, *shape), "b": normal(h), "a": uniform(-0.7, 0.7, h), "c": normal()}


def _pairs(N: int, *shape: int) -> dict[str, Sampler]:
    """Real and fake samples, and a factor for each pair."""
    return {"real": normal(N, *shape), "fake": uniform(-2, 2, N, *shape), "eps": uniform(0.05, 0.95, N)}


def _x_hat(*drawn: Tensor) -> Tensor:
    return formulas.interpolates(*drawn[-3:])


def _alpha(generator: torch.Generator, p: Problem) -> float:
    return float(uniform(0.1, 0.3)(generator))


def _lam(generator: torch.Generator, p: Problem) -> float:
    return float(uniform(2, 12)(generator))


POINT_CRITIC, IMAGE_CRITIC = "a·tanh(Wx + b) + c", "Σ a·tanh(W ∗ x + b) + c"


def _at_x_hat(formula: str, theta: dict[str, Sampler], pairs: dict[str, Sampler]) -> Map:
    """D at the interpolates of pairs, for a critic with these parameters."""
    drawn = {**theta, **pairs}
    return Map(formulas.outputs, drawn, formula, derived={"x_hat": _x_hat}, takes=(*PARAMETERS, "x_hat"))


SHAPE_OF_FACTORS = (
    "If these are the factors and the samples: shapes are compared from the last size backwards, so factors of shape "
    "(N,) meet the last dimension of a sample, not the samples. They need the shape (N, 1, 1, 1) for images and (N, 1) "
    "for points: N, and then a 1 for each further dimension of `real`."
)
PENALTY_WITHOUT_GRAPH = (
    "What you differentiate has no graph that leads to the parameters. The penalty is made of g, and g comes from the "
    "first call of `autograd.grad`, which keeps no record of how it was computed unless it is told to: "
    "`create_graph=True`. After that, `.detach()`, `.item()` or `torch.no_grad()` would cut the graph again."
)
INNER_WITHOUT_GRAPH = (
    "What you differentiate has no graph. The inner gradient keeps no record of how it was computed unless it is told "
    "to: `create_graph=True` in the inner call. And `.detach()` or `torch.no_grad()` on the way cuts it again."
)
A_PARAMETER_WITHOUT_PART = (
    "Some parameter was not met on the way back. The index says which: if it is the last one, the bias c, that is as "
    "it should be, since c moves D up and down and changes no slope. Then `materialize_grads=True` gives zeros. If "
    "it is the first, index 0, look at how g was made: without `create_graph=True`, no parameter can be reached, and "
    "`requires_grad_()` afterwards only begins a new graph."
)

QUESTIONS = [
    Question(
        "13.predict_norms",
        "13.1 Predict: one norm per image?",
        Facts(
            calls={
                "a": _one_per_image(lambda g: g.norm(2, dim=1)),
                "b": _one_per_image(lambda g: g.flatten(1).norm(2, dim=1)),
                "c": _one_per_image(lambda g: g.norm()),
                "d": _one_per_image(lambda g: g.square().sum(dim=(1, 2, 3)).sqrt()),
                "e": _one_per_image(lambda g: g.norm(dim=(2, 3))),
                "f": _one_per_image(lambda g: torch.linalg.vector_norm(g, dim=(1, 2, 3))),
                "g": _one_per_image(lambda g: g.square().mean(dim=(1, 2, 3)).sqrt()),
            },
            notes={
                "a": "`dim=1` takes the channels alone: one norm per pixel, of shape (N, H, W).",
                "b": "`flatten(1)` makes (N, C·H·W) of it, and then `dim=1` is a whole image: shape (N,).",
                "c": "Without `dim` all entries go into one norm, those of all images: shape ().",
                "d": "Squares, added up over all dimensions of an image, and the root of that: shape (N,).",
                "e": "Height and width alone: one norm per channel of each image, of shape (N, C).",
                "f": "`vector_norm` takes several dimensions as one: one norm per image, of shape (N,).",
                "g": "The shape is (N,), but the mean divides by the number of entries first: the norm over √(C·H·W).",
            },
        ),
        points=1,
        stars=2,
        minutes=5,
        hints=(
            "Say the shape of each result. `dim` names the dimensions that disappear; only N may be left.",
            "Among those with the shape (N,), one does not add the squares up.",
        ),
    ),
    Question(
        "13.interpolates",
        "13.2 One random factor per sample",
        _Interpolates(
            wrt=(),
            compute=lambda p: _mixed(_draw)(p),
            text="εᵢxᵢ + (1 − εᵢ)x̃ᵢ with random εᵢ from [0, 1)",
            show=lambda p: {"true": "one draw of many that are right"},
        ),
        [
            Map(formulas.squared_distance, {"real": normal(N, *shape), "fake": uniform(-2, 2, N, *shape)})
            for N, *shape in ((MANY, 3), (12, 2, 2, 12), (16, 2, 3, 4))
        ],
        gives=("real", "fake"),
        also=(
            ONE_FACTOR,
            MIDPOINTS,
            ENDS,
            FACTOR_PER_ENTRY,
            OTHER_DIMENSION,
            OUTSIDE,
            EXTRAPOLATED,
            SHUFFLED,
            TWO_DRAWS,
            IN_ORDER,
            CLAMPED,
            REPEATED,
            IN_ONE_HALF,
            FACTORS_FOR_IMAGES,
            OFF_THE_LINES,
        ),
        errors={"shapes_do_not_broadcast": SHAPE_OF_FACTORS, "unpack_count": TWO_SIZES_OR_FOUR},
        points=2,
        stars=2,
        minutes=7,
        hints=(
            "How many factors are there? And what shape lets each of them multiply one whole sample?",
            "For images, factors of shape (N, 1, 1, 1). For samples with any number of dimensions: N, then as many "
            "ones as real has further dimensions.",
            "`eps = torch.rand(len(real), *[1] * (real.ndim - 1))`, and then `eps * real + (1 - eps) * fake`.",
        ),
    ),
    Question(
        "13.gradient_norms",
        "13.3 The critic's slope at every sample",
        Computed(compute=lambda p: _norms(_gradients(p, "x")), text="‖∂D(x)ᵢ/∂xᵢ‖"),
        [
            Map(formulas.outputs, {**_theta_of(h, C, 2, 2), "x": normal(N, C, H, W)}, IMAGE_CRITIC)
            for N, C, H, W, h in ((3, 2, 3, 3, 2), (2, 3, 2, 4, 3), (4, 2, 4, 3, 2))
        ],
        gives=(*PARAMETERS, "critic", "x"),
        computed={"critic": functions.scores},
        hidden=PARAMETERS,
        declared=False,
        also=(
            NORM_PER_PIXEL,
            NORM_PER_CHANNEL,
            NORM_OVER_ONE_DIMENSION,
            PIXEL_NORMS_REDUCED,
            SAMPLES_MIXED,
            NORM_OVER_SAMPLES,
            ONE_NORM_FOR_ALL,
            SQUARED_NORMS,
            ROOT_MEAN_SQUARE,
            LARGEST_ENTRY,
            SUM_OF_ABSOLUTE,
            SUM_OF_ENTRIES,
            GRADIENTS_FOR_NORMS,
            DIVIDED_BY_N,
            OUTPUTS_FOR_NORMS,
            DISTANCES_FROM_ONE,
            OUTPUTS_COUNTED,
            NEVER_CLEARED,
        ),
        points=2,
        stars=2,
        minutes=7,
        hints=(
            "The samples do not influence each other's outputs. What does the gradient of the sum of all outputs hold "
            "then, in its part for sample i?",
            "x must require a gradient before the critic is called. The gradient has x's shape, (N, C, H, W).",
            "`(g,) = torch.autograd.grad(critic(x).sum(), x)`, and then one norm per image, as in 13.1.",
        ),
    ),
    Question(
        "13.penalty",
        "13.4 The penalty",
        Computed(wrt="x_hat", compute=lambda p: _pen(_gradients(p, "x_hat")), text="mean (‖∇D(x̂ᵢ)‖ − 1)²"),
        [
            _at_x_hat(IMAGE_CRITIC, _theta_of(2, 2, 2, 2), _pairs(3, 2, 3, 3)),
            _at_x_hat(POINT_CRITIC, _theta_of(4, 3), _pairs(4, 3)),
            _at_x_hat(IMAGE_CRITIC, _theta_of(2, 3, 2, 2), _pairs(2, 3, 3, 4)),
            _at_x_hat(POINT_CRITIC, _theta_of(3, 2), _pairs(5, 2)),
        ],
        gives=(*PARAMETERS, "critic", "real", "fake", "eps"),
        computed={"critic": functions.scores},
        hidden=PARAMETERS,
        declared=False,
        also=(
            NORM_PER_PIXEL_PENALTY,
            NORM_PER_CHANNEL_PENALTY,
            NORM_OVER_ONE_DIMENSION_PENALTY,
            ONE_NORM_FOR_ALL_PENALTY,
            ROOT_MEAN_SQUARE_PENALTY,
            DIVIDED_BY_N_PENALTY,
            MEAN_NORM_FIRST,
            AT_REAL,
            AT_FAKE,
            FACTORS_EXCHANGED,
            FACTORS_BROADCAST,
            FACTORS_FOR_IMAGES_PENALTY,
            FIRST_FACTOR_FOR_ALL,
            EXTRAPOLATED_PENALTY,
            THROUGH_X_HAT,
            ENTRIES_COMPARED,
            SUM_OF_PENALTIES,
            NOT_AVERAGED,
            ONE_SIDED,
            SQUARED_NORMS_PENALTY,
            ZERO_CENTERED,
            NOT_SQUARED,
            NORMS_FOR_PENALTY,
            OTHER_COST,
            LAMBDA_INCLUDED,
        ),
        errors={"shapes_do_not_broadcast": SHAPE_OF_FACTORS},
        points=3,
        stars=3,
        minutes=10,
        hints=(
            "Four steps: x̂ from real, fake and eps; the gradients at x̂; a norm per sample; the mean of (norm − 1)².",
            "eps has the shape (N,). Give it as many further dimensions of size 1 as real has: "
            "`eps.view(-1, *[1] * (real.ndim - 1))`.",
            "`x_hat = (e * real + (1 - e) * fake).requires_grad_()`, then `g` as in 13.3, "
            "`norms = g.flatten(1).norm(dim=1)`, and `((norms - 1) ** 2).mean()`.",
        ),
    ),
    Question(
        "13.penalty_gradient",
        "13.5 Mend: what the penalty asks of the parameters",
        _PenaltyGradient(wrt=PARAMETERS, unused="zeros", text="∂/∂θ mean (‖∇D(x̂ᵢ)‖ − 1)²"),
        [
            Map(formulas.slope_penalty, {**_theta_of(3, 2), "x_hat": normal(5, 2)}, POINT_CRITIC),
            Map(formulas.slope_penalty, {**_theta_of(2, 2, 2, 2), "x_hat": normal(5, 2, 2, 3)}, IMAGE_CRITIC),
            Map(formulas.slope_penalty, {**_theta_of(4, 3), "x_hat": normal(6, 3)}, POINT_CRITIC),
        ],
        gives=(*PARAMETERS, "critic", "x_hat"),
        computed={"critic": functions.scores},
        hidden=PARAMETERS,
        also=(
            CRITIC_FOR_PENALTY,
            PENALTY_CUT,
            UNUSED_LEFT_OUT,
            ADDED_TO_FIRST,
            GRADIENT_OF_SUM,
            HALF_THE_PENALTY,
            SQUARED_NORMS_GRADIENT,
            ZERO_CENTERED_GRADIENT,
            MEAN_NORM_FIRST_GRADIENT,
            NORMS_FOR_PENALTY_GRADIENT,
            DIVIDED_BY_N_GRADIENT,
            ONE_NORM_FOR_ALL_GRADIENT,
            ONE_SIDED_GRADIENT,
            NOT_SQUARED_GRADIENT,
            NORM_PER_PIXEL_GRADIENT,
        ),
        errors={"no_graph": PENALTY_WITHOUT_GRAPH, "not_in_graph": A_PARAMETER_WITHOUT_PART},
        points=3,
        stars=4,
        minutes=10,
        hints=(
            "The message names the second call. What does it miss in the penalty, and which argument of the first call "
            "would have left it there?",
            "Once that is mended, one parameter is not found in the graph: the bias c of D = … + c changes no slope. "
            "What is its gradient, and how does `autograd.grad` learn that it may be missing?",
            "`create_graph=True` in the first call, `materialize_grads=True` in the second.",
        ),
    ),
    Question(
        "13.critic_loss",
        "13.6 The whole critic loss",
        Loss(
            wrt=PARAMETERS,
            parts=("fake", "real", "penalty"),
            weights=lambda p: (1, -1, p.extras["lam"]),
            text="mean D(x̃) − mean D(x) + λ · mean (‖∇D(x̂)‖ − 1)²",
        ),
        [
            Map(
                formulas.critic_parts,
                {**_theta_of(h, *kernel), **_pairs(N, *shape)},
                formula,
                derived={"x_hat": _x_hat},
                takes=(*PARAMETERS, "real", "fake", "x_hat"),
            )
            for h, kernel, N, shape, formula in (
                (3, (2,), 5, (2,), POINT_CRITIC),
                (2, (2, 2, 2), 3, (2, 2, 3), IMAGE_CRITIC),
                (3, (3,), 3, (3,), POINT_CRITIC),
            )
        ],
        gives=(*PARAMETERS, "critic", "real", "fake", "eps", "lam"),
        extras={"lam": _lam},
        computed={"critic": functions.scores},
        hidden=PARAMETERS,
        also=IN_LOSS,
        errors={"shapes_do_not_broadcast": SHAPE_OF_FACTORS},
        points=4,
        stars=4,
        minutes=12,
        hints=(
            "The critic is trained to give real samples large numbers and fake ones small. The loss is what it lowers: "
            "which sign has each mean?",
            "The penalty is that of 13.4. But its value is not all: which argument did 13.5 add, so that the "
            "parameters feel it?",
            "`critic(fake).mean() - critic(real).mean() + lam * penalty`, the penalty made with `create_graph=True`, "
            "and without `.item()` or `.detach()` anywhere.",
        ),
    ),
    Question(
        "13.batch_norm",
        "13.7 Recall: who influences whom?",
        Computed(compute=_table, text="Kᵢⱼ = ‖∂D(x)ᵢ/∂xⱼ‖"),
        [
            Map(
                formulas.judged,
                {"x": normal(4, 3)},
                "a·tanh(batch norm of Wx)",
                {"critic": functions.batch_normalized},
            ),
            Map(formulas.judged, {"x": normal(3, 2)}, "a·tanh(Wx)", {"critic": functions.of_each_sample}),
            Map(
                formulas.judged,
                {"x": normal(3, 3)},
                "(1 + x₀²/4) a·tanh(W(x − mean of the batch))",
                {"critic": functions.centered},
            ),
            Map(
                formulas.judged,
                {"x": normal(4, 2)},
                "a·tanh(layer norm of Wx)",
                {"critic": functions.layer_normalized},
            ),
        ],
        gives=("critic", "x"),
        also=(
            TABLE_TRANSPOSED,
            DIAGONAL_OF_TABLE,
            SUM_ON_DIAGONAL,
            EACH_ALONE,
            SUM_OF_ABSOLUTE_TABLE,
            OWN_INFLUENCE,
            WHOLE_ROWS,
            NORMS_OF_ROWS_ADDED,
            SUM_REPEATED,
            NORM_OVER_SAMPLES_OF_ROW,
            NORM_OVER_OUTPUTS,
            TABLE_SQUARED,
            ROWS_ACCUMULATED,
            ROOT_MEAN_SQUARE_TABLE,
            LARGEST_ENTRY_TABLE,
            ONE_FEATURE,
            FEATURES_ADDED,
            JACOBIAN_FOR_TABLE,
        ),
        points=3,
        stars=3,
        minutes=8,
        hints=(
            "The Jacobian of critic(x) with respect to x has the shape (N, N, k). Which of its dimensions disappears "
            "in K?",
            "Unit 04: row by row, with `retain_graph=True`; unit 09: `torch.func.jacrev(critic)(x)` or "
            "`is_grads_batched=True`.",
            "`torch.func.jacrev(critic)(x).norm(dim=-1)`",
        ),
    ),
    Question(
        "13.meta_gradient",
        "13.8 Transfer: the meta-gradient of MAML, and its shortcut",
        Computed(wrt="theta", compute=_both, text="((I − αH)∇val(θ′), ∇val(θ′))", entries=("meta", "shortcut")),
        [
            Map(formulas.both_losses, {"theta": normal(n)}, formula, {"train_loss": train, "val_loss": val})
            for n, formula, train, val in (
                (3, "two errors of θ₀ tanh(θ₁x) + θ₂", functions.train_fit, functions.val_fit),
                (
                    2,
                    "train = (θ₀ − 1)² + θ₀θ₁ + θ₁⁴/4, val = (θ₀ + θ₁)² + sin θ₀",
                    functions.train_bowl,
                    functions.val_bowl,
                ),
                (4, "two losses of four parameters", functions.train_saddle, functions.val_saddle),
            )
        ],
        gives=("train_loss", "val_loss", "theta", "alpha"),
        extras={"alpha": _alpha},
        also=(
            FIRST_ORDER_FOR_BOTH,
            META_FOR_BOTH,
            META_EXCHANGED,
            NOT_ADAPTED,
            INNER_STEP_UPHILL,
            CURVATURE_SIGN,
            CURVATURE_ALONE,
            CURVATURE_ELSEWHERE,
            RATE_FORGOTTEN,
            RATE_FORGOTTEN_BEFORE_H,
            TRAIN_FOR_VAL,
            TRAIN_GRADIENT_ADDED,
            OTHER_MATRIX,
            META_IS_ZERO,
            TWO_INNER_STEPS,
            STEPPED,
            LOSSES_EXCHANGED,
        ),
        errors={"no_graph": INNER_WITHOUT_GRAPH},
        partial=True,
        points=4,
        stars=4,
        minutes=12,
        hints=(
            "On paper, by the chain rule: ∂θ′/∂θ is I − αH, with H the Hessian of the training loss at θ, so meta is "
            "(I − αH)∇val(θ′). In code, autograd does that.",
            "θ′ is a function of θ. For the meta-gradient, the graph must lead from val(θ′) back to θ, through the "
            "inner gradient as well.",
            "`(inner,) = torch.autograd.grad(train_loss(theta), theta, create_graph=True)`, "
            "`adapted = theta - alpha * inner`, and `meta, shortcut = torch.autograd.grad(val_loss(adapted), "
            "(theta, adapted))`.",
        ),
    ),
]
