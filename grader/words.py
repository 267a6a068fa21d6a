"""Every sentence that the program says, as tables keyed by name, and the one place that formats numbers.

A second language is a second copy of these tables; nothing elsewhere holds prose.
Placeholders are filled by the judge: {v}, {x}, {y} values; {m}, {n} sizes; {k}, {i} which one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

LONGEST = 8  # entries of an array printed in running text before it is cut


def number(value: float | complex) -> str:
    """Four significant digits, a true minus sign, and the names nan, ∞ and −∞."""
    if isinstance(value, complex) and value.imag:
        return f"{number(value.real)}{'+' if value.imag >= 0 else '−'}{number(abs(value.imag))}i"
    real = float(np.real(value))
    if np.isnan(real):
        return "nan"
    if np.isinf(real):
        return "∞" if real > 0 else "−∞"
    text = f"{real:.4g}"
    return ("0" if text == "-0" else text).replace("-", "−")


def shape(sizes: tuple[int, ...]) -> str:
    """A shape as Python writes it: (), (3,), (2, 3)."""
    return str(tuple(int(s) for s in sizes))


def values(thing: Any) -> str:
    """An array or a tuple of arrays in one line, nested brackets for rows, cut after a few entries."""
    if isinstance(thing, str):
        return thing or "none of them"
    if isinstance(thing, tuple):
        return "(" + ", ".join(values(item) for item in thing) + ("," if len(thing) == 1 else "") + ")"
    array = np.asarray(thing)
    if array.ndim == 0:
        return number(array.item())
    rows = [values(row) for row in array[:LONGEST]]
    return "[" + ", ".join(rows) + (", …]" if len(array) > LONGEST else "]")


def of(n: float) -> str:
    """Points without a needless decimal: 2, 1.5."""
    return f"{n:.4g}"


@dataclass(frozen=True)
class Words:
    """How a mistake or an error is spoken of: its short name, one sentence that says what it is, and why."""

    name: str
    says: str
    why: str


MISTAKES: dict[str, Words] = {
    "jvp_for_vjp": Words(
        "Jv instead of Jᵀv",
        "this is Jv, the Jacobian times v, not Jᵀv.",
        "Jv adds up the columns of J: it tells how y moves when x moves along v. A weighted gradient adds up "
        "the rows, one per output, each times that output's weight.",
    ),
    "ones_weight": Words(
        "ones as the weight",
        "this is the gradient of the plain sum of the outputs, where every output counts 1.",
        "Here the weight is {v}. `grad_outputs` is where autograd learns it; `torch.ones_like(y)` says "
        "that all outputs count the same.",
    ),
    "mean_of_weighted": Words(
        "mean of the weighted outputs",
        "this is Jᵀv divided by {m}, the number of outputs.",
        "A mean was taken where a sum was meant: `(v * y).mean()` is `(v * y).sum()` divided by {m}, "
        "and so is its gradient.",
    ),
    "mean_of_outputs": Words(
        "gradient of y.mean()",
        "this is the gradient of y.mean(): every output counts 1/{m}.",
        "Taking the mean makes y a number, so that autograd asks no question. But the weights {v} never "
        "entered: each output got the same share instead.",
    ),
    "weighted_twice": Words(
        "weighted twice",
        "this is Jᵀ(v⊙v): every output was weighted by v twice.",
        "Multiplying y by v is one way to weight, `grad_outputs=v` is another. Use one of them: "
        "together they count each output v² times.",
    ),
    "weight_applied_after": Words(
        "weight applied to the inputs",
        "this is v times the unweighted gradient, entry by entry.",
        "The weights belong to the outputs, so they must act before the rows are added up. After the sum, "
        "entry j of the result belongs to x_j, and multiplying it by v_j mixes the two up.",
    ),
    "diagonal_only": Words(
        "only the diagonal of J",
        "this uses only the diagonal of J: how y_i depends on x_i with the same index.",
        "Each output may depend on every input. The off-diagonal entries of J are part of the sum; they can "
        "be left out only where the map acts entry by entry.",
    ),
    "accumulated": Words(
        "accumulated {k} times",
        "this is {k} times the right answer.",
        "`backward` adds to what is already in `.grad`. Called {k} times without setting `.grad` to None in "
        "between, it leaves {k} times the gradient. A factor of {k} in the formula would look the same.",
    ),
    "stale_grad": Words(
        "an old .grad was not cleared",
        "this is the right gradient plus what already lay in `.grad` before your function was called.",
        "`backward` adds to `.grad`; it never replaces it. Set `x.grad = None` before calling it.",
    ),
    "last_backward_only": Words(
        "only the last backward",
        "this is what the last backward call alone would leave in `.grad`.",
        "Every `backward` adds to `.grad`, so both calls count: the result is the gradient for the sum of the "
        "weights.",
    ),
    "one_output_only": Words(
        "one output only",
        "this is made of the gradient of output {i} alone.",
        "All {m} outputs count here, each with its own weight. One row of J is the answer only where the "
        "weight is one-hot.",
    ),
    "whole_jacobian": Words(
        "the whole Jacobian",
        "this is the whole Jacobian: one row per output, not yet weighted and added up.",
        "The weights turn its rows into one gradient: `v @ J`. `autograd.grad` does that without ever "
        "building J.",
    ),
    "unreduced_jacobian": Words(
        "weighted rows, not added up",
        "these are the rows of J, each times its weight, before they are added up.",
        "The gradient of a weighted sum is the weighted sum of the gradients: add over the outputs, and "
        "x's shape is left.",
    ),
    "outputs_as_weights": Words(
        "outputs used as weights",
        "this is Jᵀy: the outputs themselves were used as weights.",
        "That is the gradient of half the sum of squares of y. `grad_outputs` has y's shape, but its values are v, "
        "not y.",
    ),
    "weight_in_other_order": Words(
        "weights in another order",
        "the right weights were used, but in another order.",
        "Entry i of `grad_outputs` weights entry i of y, by place. Here v = {v}.",
    ),
    "weight_not_detached": Words(
        "the weight was differentiated too",
        "this is Jᵀv + (∂v/∂x)ᵀy: the weight's own dependence on x was differentiated as well.",
        "In `(v * y).sum()` both factors depend on x, and the product rule takes both. A weight is a constant: "
        "`v.detach()`. What goes in through `grad_outputs` is never differentiated.",
    ),
    "normalised_weight": Words(
        "weight scaled to length 1",
        "this is Jᵀv divided by the length of v.",
        "A direction is often scaled to length 1. A weight is not: it is {v}, as it stands.",
    ),
    "absolute_weight": Words(
        "absolute values of the weight",
        "this is Jᵀ|v|: the signs of the weights were lost.",
        "A negative weight means that the output counts against the sum. Here v = {v}.",
    ),
    "squared_loss": Words(
        "gradient of the squared sum",
        "this is the gradient of a square of v·y, not of v·y itself.",
        "Squaring brings the factor v·y down in front, here {vy}. The scalar to differentiate is the weighted sum "
        "and nothing more.",
    ),
    "minus_sign": Words(
        "opposite sign",
        "this is the right answer with the opposite sign.",
        "Every entry has the right size. A gradient points uphill; a step of descent carries the minus "
        "sign, the gradient itself does not.",
    ),
    "value_not_slope": Words(
        "the value instead of the slope",
        "this is f(x) itself, not its derivative.",
        "The value says how high the curve is at x; the derivative says how fast it rises there.",
    ),
    "inputs_swapped": Words(
        "gradients in the wrong places",
        "these are the right gradients, in the wrong places of the tuple.",
        "Each gradient stands where its own variable stands in `inputs`. Asking in another order changes "
        "no value, only the places.",
    ),
    "transposed_assembly": Words(
        "the transpose of J",
        "this is Jᵀ: rows and columns are exchanged.",
        "Row i of J is the gradient of output i, so J has shape ({m}, {n}): outputs first. A gradient goes into "
        "a row, `J[i] = g`, not into a column, `J[:, i] = g`.",
    ),
    "rows_accumulated": Words(
        "each row added to the next",
        "every row here is the sum of the right rows up to it.",
        "`backward` adds to `.grad`. Between two rows it must be set to None; `autograd.grad` has no such memory.",
    ),
    "other_row": Words(
        "another row",
        "this is row {k} of J; row {i} was asked for.",
        "The 1 in a one-hot weight stands at the place of the output that counts. Places are counted from 0.",
    ),
    "column_for_row": Words(
        "a column instead of a row",
        "this is column {i} of J; row {i} was asked for.",
        "Row i is the gradient of output i by all inputs. Column i tells how all outputs move with input i.",
    ),
    "other_column": Words(
        "another column",
        "this is column {k} of J; column {j} was asked for.",
        "Column j tells how all outputs move with input j. Places are counted from 0.",
    ),
    "row_for_column": Words(
        "a row instead of a column",
        "this is row {j} of J; column {j} was asked for.",
        "Column j tells how all outputs move with input j. Row j is the gradient of output j by all inputs.",
    ),
    "vjp_for_jvp": Words(
        "Jᵀu instead of Ju",
        "this is Jᵀu, a weighted sum of the rows, not Ju.",
        "Ju tells how y moves when x moves along u: it adds up columns, and has y's shape.",
    ),
    "chain_stops_early": Words(
        "the chain rule stops early",
        "this is the derivative by the intermediate value, not by x.",
        "With u = g(x) and y = h(u), you have h′(u). To get to x, the factor g′(x) is still missing. "
        "Differentiate by the leaf x, not by what was computed from it.",
    ),
    "outer_at_wrong_place": Words(
        "the outer derivative at the wrong place",
        "this is h′(x)·g′(x): the outer derivative was taken at x.",
        "In h(g(x)) the outer function never sees x. It sees u = g(x), and there its derivative must be taken: h′(g(x))·g′(x).",
    ),
    "outer_times_inner_values": Words(
        "derivative of the derivative",
        "this is h′(g′(x)): the inner derivative was put into the outer one.",
        "The chain rule multiplies: h′(g(x)) times g′(x).",
    ),
    "divided_by_one_step": Words(
        "divided by h instead of 2h",
        "this is twice the slope.",
        "From x−h to x+h the run is 2h, not h.",
    ),
    "last_step_only": Words(
        "only the last step of the loop",
        "this is the derivative of the last step alone, with the value before it held constant.",
        "That value depends on a too. Something cut the graph on the way, such as `.detach()`, `.item()` or `float()`: "
        "keep tensors from the first step to the last.",
    ),
    "limit_not_iterate": Words(
        "the derivative of √a",
        "this is 1/(2√a), the derivative of the exact square root.",
        "The loop stops after a few steps, and its result is not quite √a; nor is its derivative. Autograd "
        "differentiates what the program computes.",
    ),
    "one_step_off": Words(
        "one step too many or too few",
        "this is the derivative after {k} steps; {steps} were asked for.",
        "Check what the loop counts: `range(steps)` runs steps times.",
    ),
    "power_not_lowered": Words(
        "the power was not lowered",
        "the exponent came down in front, but the power itself stayed.",
        "The derivative of xⁿ is n·xⁿ⁻¹: the power goes down by one.",
    ),
    "doubled_not_squared": Words(
        "doubled instead of squared",
        "this is 2x, not x².",
        "`2 * x` doubles; a power is written with two stars.",
    ),
    "along_other_dim": Words(
        "along the other dimension",
        "this runs over the other dimension.",
        "`dim` names the dimension that disappears. `dim=0` adds down the rows and leaves one entry per column; "
        "`dim=1` adds along each row and leaves one entry per row.",
    ),
    "over_everything": Words(
        "over everything",
        "this is taken over all entries at once.",
        "Without `dim`, PyTorch reduces every dimension and leaves a single number.",
    ),
    "sum_for_mean": Words(
        "a sum instead of a mean",
        "this is the sum; the mean was asked for.",
        "A mean is the sum divided by how many entries went into it.",
    ),
    "sum_of_columns": Words(
        "columns added instead of rows",
        "this adds along each row of J: one number per output.",
        "With ones as weights, the rows of J are added to each other: one number per input is left, and the "
        "result has x's shape.",
    ),
    "one_output_forgotten": Words(
        "one of the outputs forgotten",
        "this is the weighted gradient of {which} alone.",
        "Both outputs depend on x, and both count. `autograd.grad` takes several outputs at once, with as many "
        "`grad_outputs`.",
    ),
    "weights_exchanged": Words(
        "weights given to the wrong outputs",
        "each output got the other one's weight.",
        "`grad_outputs` is matched with `outputs` by place: the first weight belongs to the first output.",
    ),
    "weight_laid_out_by_columns": Words(
        "weights laid out by columns",
        "the flat weights were filled in column by column.",
        "PyTorch lays entries out row by row (row-major): `v.reshape(y.shape)` does just that, a transpose "
        "afterwards undoes it.",
    ),
    "shape_of_output": Words(
        "the output's shape",
        "this is the shape of y.",
        "The weights have y's shape; the result has the shape of what is differentiated by.",
    ),
    "shape_of_input": Words(
        "the input's shape",
        "this is the shape of {name}, one of the inputs.",
        "An operation makes a new tensor: ask what is left of the inputs' dimensions after it.",
    ),
    "shape_reversed": Words(
        "the shape backwards",
        "these are the right sizes in reverse order.",
        "The first entry of a shape counts the rows.",
    ),
    "shape_of_scalar": Words(
        "the shape of a single number",
        "this is the shape of a single number.",
        "There is one entry for each way of moving; a single number would be enough only for one.",
    ),
    "letter_missed": Words(
        "one that does is missing",
        "look again at {letter}: it was not in your answer, but it does raise this error.",
        "PyTorch fills in the weight 1 by itself only where there is a single number to weight.",
    ),
    "letter_too_many": Words(
        "one that does not is in it",
        "look again at {letter}: it was in your answer, but it does not raise this error.",
        "Count the entries of what is differentiated, and look whether somebody says how much each counts.",
    ),
    "other_cause": Words(
        "another cause",
        "{letter} is not what this message says.",
        "{cause_words}",
    ),
    "tuple_of_one": Words(
        "the tuple was not unpacked",
        "you returned a tuple that holds the right tensor; the tensor itself was asked for.",
        "`torch.autograd.grad` always returns a tuple, one gradient per input, even for one input. Take it out: "
        "`(g,) = torch.autograd.grad(…)` or `torch.autograd.grad(…)[0]`.",
    ),
    "list_of_one": Words(
        "a list instead of a tensor",
        "you returned a list that holds the right tensor; the tensor itself was asked for.",
        "Take it out of the list: `return g`, not `return [g]`.",
    ),
    "not_returned": Words(
        "nothing was returned",
        "your function returned None.",
        "A function without `return` returns None. If it computes the result and stops there, "
        "add `return` in front of it.",
    ),
    "grad_is_none": Words(
        "nothing landed in .grad",
        "after your function, `.grad` is None: no gradient has landed there.",
        "`backward` fills `.grad` of leaves that took part in the computation. A copy of x "
        "(`x.clone()`, `x.detach()`) is another tensor: its `.grad` is not x's.",
    ),
}

ERRORS: dict[str, Words] = {
    "scalar_needed": Words(
        "a weight is needed",
        "{fn} was asked for the gradient of more than one number.",
        "For a single number the weight is understood to be 1. For several, only you know how much each counts: "
        "say it with `grad_outputs` (in `autograd.grad`) or `gradient` (in `backward`).",
    ),
    "weight_shape": Words(
        "the weight has the wrong shape",
        "the weight does not have the outputs' shape.",
        "Each entry of `grad_outputs` weights the entry of y at its place, so the shapes must be equal. "
        "Nothing is broadcast here: not a single number, not a column.",
    ),
    "not_in_graph": Words(
        "not used in the computation",
        "autograd followed the outputs back and never met that input.",
        "Either outputs and inputs are exchanged, or the input was copied or sliced after the outputs were "
        "computed, or it really does not take part. Differentiate by the very tensor that went into the "
        "computation; `allow_unused=True` is for inputs that truly do not matter.",
    ),
    "second_backward": Words(
        "the graph was already used",
        "the graph was freed by an earlier gradient.",
        "What autograd saved on the way forward is let go after one pass back. Ask the earlier pass to keep it "
        "(`retain_graph=True`), or compute the outputs again.",
    ),
    "no_graph": Words(
        "nothing to differentiate",
        "what you differentiate has no graph behind it: nothing that went into it requires a gradient.",
        "Declare the input before computing with it: `x.requires_grad_()`. If it was declared, the graph was "
        "cut on the way: `.detach()`, `.data`, `.item()`, `torch.tensor(…)` and `torch.no_grad()` all do that.",
    ),
    "integer_tensor": Words(
        "whole numbers have no gradient",
        "an integer tensor was declared to require a gradient.",
        "A derivative needs values that can change by a little. Make the tensor floating point: "
        "`torch.tensor([1.0, 2.0])` or `x.double()`.",
    ),
    "inplace_on_saved": Words(
        "a saved value was overwritten",
        "a tensor that autograd still needs was changed in place.",
        "Operations that end in an underscore, `+=` and assignments to a slice overwrite. Write `y = y * 2` "
        "instead of `y *= 2`.",
    ),
    "inplace_on_leaf": Words(
        "a leaf was overwritten",
        "a leaf that requires a gradient was changed in place.",
        "Compute a new tensor from it instead, or, for an update step, do it under `torch.no_grad()`.",
    ),
    "inference_tensor": Words(
        "made in inference mode",
        "a tensor that was made under `torch.inference_mode()` is used where gradients are wanted.",
        "Use `torch.no_grad()` there, or `.clone()` the tensor outside.",
    ),
    "numpy_of_grad": Words(
        "NumPy cannot follow gradients",
        "a tensor that requires a gradient was handed to NumPy.",
        "What NumPy computes is invisible to autograd. Stay with torch functions; where only the "
        "values are wanted, say so: `x.detach().numpy()`.",
    ),
    "shapes_do_not_multiply": Words(
        "inner sizes differ",
        "the two factors of a matrix product do not fit.",
        "In `A @ B` the last size of A must equal the first of B. Print both shapes just before that line.",
    ),
    "shapes_do_not_broadcast": Words(
        "shapes do not fit",
        "two tensors of different shapes met where entries are paired.",
        "Shapes are compared from the last size backwards; each pair must be equal, or one of them 1. Print "
        "both shapes just before that line.",
    ),
    "not_a_scalar": Words(
        "more than one number",
        "a tensor with several entries was used where a single number is needed.",
        "`float()`, `.item()` and `if` need one number. Look at the tensor's shape.",
    ),
    "dtypes_differ": Words(
        "two dtypes",
        "tensors of different dtypes met in one product.",
        "The inputs here are float64. Make new tensors like them: `torch.zeros_like(x)`, "
        "`x.new_tensor([…])` or `dtype=x.dtype`.",
    ),
    "view_incompatible": Words(
        "view needs adjacent memory",
        "`view` was called on a tensor whose entries do not lie in that order.",
        "Use `reshape`, which copies where it must.",
    ),
    "reshape_size": Words(
        "number of entries differs",
        "a reshape asked for another number of entries than there are.",
        "The product of the sizes must stay the same.",
    ),
    "index_range": Words(
        "no such place",
        "an index or a dimension is out of range.",
        "Places are counted from 0: the last of n is n − 1.",
    ),
    "name_unknown": Words(
        "an unknown name",
        "a name is used that has no value yet.",
        "Look for a typing mistake, or for a cell further up that was not run.",
    ),
    "tuple_has_no": Words(
        "a tuple, not a tensor",
        "a tuple was used as if it were a tensor.",
        "`torch.autograd.grad` always returns a tuple, one gradient per input: `(g,) = torch.autograd.grad(…)`.",
    ),
    "none_has_no": Words(
        "None, not a tensor",
        "something is None where a tensor was expected.",
        "`backward` returns None, and `.grad` is None until a gradient has landed there: of a tensor that is not a "
        "leaf it stays None.",
    ),
}

# Causes that raise nothing: options of `Cause` questions that are keyed by a free name.
CAUSES: dict[str, str] = {
    "too_slow": "Nothing in the message speaks of time. An error's last line says what was met.",
    "wrong_values": "PyTorch does not know which values you wanted: wrong values raise no error.",
}

# What the judge says where no mistake is named.  Keys are Verdict.status or the pattern found.
FINDINGS: dict[str, tuple[str, str]] = {
    "correct": ("{formula_of_truth} on {problems}.", ""),
    "right": ("Right.", ""),
    "no_function": (
        "you gave `check` {kind}; your function itself was asked for.",
        "Give its name, without brackets: it is called here, with inputs that you have not seen.",
    ),
    "unattempted": ("Not attempted yet: {title}, about {minutes} minutes.", ""),
    "raised": ("PyTorch stopped{place}: `{error}`.", ""),
    "raised_python": ("your code stopped{place}: `{error}`.", ""),
    "signature": (
        "your function takes {misfit}, but it is called with {given}.",
        "Keep the line that starts with `def` as it was given.",
    ),
    "type": ("you returned {kind}; {expected} was asked for.", "{form_help}"),
    "length": (
        "you returned {got} results; {wanted} were asked for, one for each of {inputs}.",
        "`torch.autograd.grad(outputs, inputs)` returns as many gradients as there are inputs.",
    ),
    "shape": (
        "the shape is {yours}; it must be {true}.",
        "{shape_help}",
    ),
    "dtype": (
        "the dtype is {yours}; the inputs are float64, and so must be the result.",
        "A new tensor is float32 unless you say otherwise: `torch.zeros_like(x)`, `x.new_zeros(…)` or "
        "`dtype=x.dtype` keep the input's dtype.",
    ),
    "complex": ("the result is complex; it must be real.", ""),
    "nonfinite": (
        "{count} of {size} entries are {what}.",
        "nan comes from 0/0, from ∞ − ∞ or from the root of a negative number; ∞ from a division by 0. Look for the first line where "
        "one appears.",
    ),
    "special_point": (
        "right on some of the hidden problems, wrong on others.",
        "What you return fits one choice of numbers or shapes. Nothing may be typed in that belongs to one example: compute it from the "
        "arguments.",
    ),
    "imprecise": (
        "close, but not close enough: off by {off} relative to the largest entry, {allowed} is allowed.",
        "The formula seems right and the arithmetic rough: a difference quotient with another step, or float32 "
        "somewhere on the way.",
    ),
    "multiple": (
        "this is {factor} times the right answer.",
        "Every entry has the right direction; look for a factor: a mean for a sum, a 2 from a square, an η.",
    ),
    "transpose": (
        "this is the right answer transposed.",
        "Rows and columns are exchanged.",
    ),
    "permuted": (
        "the right values, in another order.",
        "Each entry of a gradient stands at the place of its own variable.",
    ),
    "some_right": (
        "{right} of {size} entries are right: {which}.",
        "{equation_line}",
    ),
    "wrong": ("the values differ, and not in a way that has a name here.", "{equation_line}{sign_line}"),
    "wrong_choice": ("not quite.", "Run nothing yet: read the snippet once more, line by line."),
}

FORMS: dict[str, str] = {
    "tensor": "one tensor",
    "tuple": "a tuple of tensors",
    "numbers": "a number or a list of numbers",
    "shape": "a shape, such as (3,) or (2, 3)",
    "letters": 'letters in quotes, such as "b"',
}

SHAPE_HELP: dict[str, str] = {
    "gradient": "A gradient has the shape of what is differentiated by: one entry for each entry that can be moved.",
    "jacobian": "The Jacobian has one row per output and one column per input: y's shape, then x's.",
    "output": "There is one entry per output, so the result has y's shape.",
    "predicted": "Count once more how many numbers the result holds.",
    "dimensions": "Count its dimensions once more.",
}

KINDS: dict[str, str] = {
    "tensor": "a tensor",
    "array": "a NumPy array",
    "number": "a plain number",
    "text": "a text",
    "none": "None",
    "tuple": "a tuple of {count}",
    "list": "a list of {count}",
    "callable": "a function",
    "other": "an object of type {type_name}",
}

FORM_HELP: dict[str, str] = {
    "array": "NumPy knows no gradients: return the torch tensor itself, without `.numpy()`.",
    "number": "Return the tensor itself, without `.item()` or `float()`.",
    "callable": "Return what the function gives, not the function: is a pair of brackets missing?",
    "list": "Return a tuple of tensors, or the tensor itself.",
    "none": "A function without `return` returns None.",
}

CARD: dict[str, str] = {
    "score": "{score} of {points}",
    "yours": "yours",
    "true": "true",
    "difference": "yours − true",
    "lesson": "Lesson {lesson}.",
    "more": 'More help: hint("{id}")',
    "line": "line {line}",
    "where": "At {inputs}",
    "hidden": "{count} problems that you had not seen",
    "no_hints": "{title} has no hints: ask your neighbour.",
    "hint": "Hint {k} of {count} for {title}",
    "last_hint": "That was the last one.",
    "next_hint": "Another: hint(\"{id}\")",
    "other_error": "PyTorch has another message for that case: {says}",
}

NOTICES: dict[str, str] = {
    "unknown_id": 'There is no question "{id}".{nearest} All ids: {address}',
    "nearest": " Did you mean {ids}?",
    "nothing_checked": "Nothing checked yet. Run a `check(…)` cell in an exercise notebook.",
    "no_progress_file": "Progress could not be read from {path} and starts anew: {why}.",
}


def cause(key: str) -> str:
    """What to say to someone who took ``key`` for the cause of another error."""
    return CAUSES[key] if key in CAUSES else CARD["other_error"].format(says=ERRORS[key].says)


def fill(template: str, facts: Mapping[str, Any]) -> str:
    """The template with its placeholders filled from facts."""
    return template.format_map(facts)
