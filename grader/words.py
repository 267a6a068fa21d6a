"""Every sentence that the program says, as tables keyed by name, and the one place that formats numbers.

A second language is a second copy of these tables; nothing elsewhere holds prose.
Placeholders are filled by the judge: {v}, {x}, {y} values; {m}, {n} sizes; {k}, {i} which one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

LONGEST = 8  # entries of an array printed in running text before it is cut


def number(value: float | complex) -> str:
    """Four significant digits, a true minus sign, and the names nan, ∞ and −∞."""
    if isinstance(value, complex) and value.imag:
        return f"{number(value.real)}{'+' if value.imag >= 0 else '−'}{number(abs(value.imag))}i"
    real = float(value.real)
    if math.isnan(real):
        return "nan"
    if math.isinf(real):
        return "∞" if real > 0 else "−∞"
    text = f"{real:.4g}"
    return ("0" if text == "-0" else text).replace("-", "−")


def shape(sizes: tuple[int, ...]) -> str:
    """A shape as Python writes it: (), (3,), (2, 3)."""
    return str(tuple(int(s) for s in sizes))


def values(thing: Any) -> str:
    """An array or a tuple of arrays in one line, nested brackets for rows, cut after a few entries."""
    if thing is None:
        return "None"
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
        "`backward` adds to `.grad`; it never replaces it. Set `.grad` to None before the first call.",
    ),
    "grad_untouched": Words(
        ".grad is as it was",
        "`.grad` still holds what lay there before your function was called, and nothing else.",
        "`backward` is what fills `.grad`, and only that of leaves that took part: a detached copy has a `.grad` of its own. "
        "`torch.autograd.grad` returns what it finds, and leaves `.grad` alone.",
    ),
    "last_backward_only": Words(
        "only the last backward",
        "this is what the last backward call alone would leave in `.grad`.",
        "Every `backward` adds to `.grad`, so all calls count: what lies there is the sum of what each would leave.",
    ),
    "one_output_only": Words(
        "one output only",
        "this is made of the gradient of output {i} alone.",
        "Every output counts here, each with its own weight. One row of J is the answer only where the "
        "weight is one-hot.",
    ),
    "whole_jacobian": Words(
        "the whole Jacobian",
        "this is the whole Jacobian: one row per output, not yet weighted and added up.",
        "The weights turn its rows into one gradient: `v @ J`. `autograd.grad` does that without ever building J.",
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
    "weighted_outputs_as_weights": Words(
        "weighted outputs used as weights",
        "this is Jᵀ(v⊙y): the outputs, weighted by v, were used as weights.",
        "`grad_outputs` says how much each output counts, and that is v itself. The outputs are known to autograd already: "
        "they are its first argument.",
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
        "`v.detach()`. What goes in through `grad_outputs` is taken as numbers here.",
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
        "this is the value of the function, not its derivative.",
        "The value says how high the curve is at that point; the derivative says how fast it rises there.",
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
        "Row i is the gradient of output i: of `y[i]`, or of y with a one-hot weight whose 1 stands at place i. Places "
        "are counted from 0.",
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
        "another number of steps",
        "this is the derivative for {k} as the number of steps; {steps} were asked for.",
        "Check what the loop counts: `range(steps)` runs steps times, and a `return` inside the loop ends it at once.",
    ),
    "power_not_lowered": Words(
        "the power was not lowered",
        "the exponent came down in front, but the power itself stayed.",
        "The derivative of xⁿ is n·xⁿ⁻¹: the power goes down by one.",
    ),
    "power_not_in_front": Words(
        "the exponent did not come in front",
        "the power went down by one, but the exponent did not come in front.",
        "The derivative of xⁿ is n·xⁿ⁻¹: the old exponent becomes a factor.",
    ),
    "linear_term_kept": Words(
        "the linear term was left as it was",
        "here −4x was left as −4x.",
        "A line has the same slope everywhere: the derivative of −4x is −4, whatever x is.",
    ),
    "linear_term_lost": Words(
        "the linear term was lost",
        "this is the slope of x³ alone.",
        "The derivative of a sum is the sum of the derivatives. Only constants have the derivative 0; that of "
        "−4x is −4.",
    ),
    "step_vanishes": Words(
        "nothing left of the rise",
        "of the rise from f(x − h) to f(x + h) nothing is left here but rounding, or next to nothing.",
        "Either h is too small: a float64 number carries about 16 digits, and x + h and x − h are rounded to x or to its "
        "neighbours. Or the brackets are missing: `rise / 2 * h` multiplies by h, `rise / (2 * h)` divides.",
    ),
    "inner_only": Words(
        "the inner derivative alone",
        "this is g′(x), the derivative of the inner function alone.",
        "With u = g(x) and y = h(u), the factor h′(u) is missing: how fast y moves when u does.",
    ),
    "order_exchanged": Words(
        "inner and outer exchanged",
        "this is the derivative of g(h(x)): the two functions were put together in the other order.",
        "The inner function comes first: it sees x, and the outer one sees what the inner one gives.",
    ),
    "product_rule": Words(
        "the product rule instead of the chain rule",
        "this is the derivative of h(x)·g(x), the product of the two functions.",
        "Here one function is put into the other, and nothing is multiplied but their slopes: h′(g(x))·g′(x).",
    ),
    "slopes_added": Words(
        "the two slopes added",
        "this is h′(g(x)) + g′(x), the right slopes, but added.",
        "If u moves g′(x) times as fast as x, and y moves h′(u) times as fast as u, then y moves h′(u)·g′(x) "
        "times as fast as x.",
    ),
    "accumulated_in_turn": Words(
        "each backward added to the one before",
        "these are 1, 2 and 3 times the right gradients, one after the other.",
        "Every `backward` adds to `.grad` of all inputs, not only of the one that is read next. One `backward`, "
        "or one `torch.autograd.grad` with all inputs, gives all of them.",
    ),
    "backward_of_input": Words(
        "backward called on x",
        "this is 1: the derivative of x by x.",
        "`backward` is a method of what is to be differentiated, the result: `f(x).backward()`.",
    ),
    "weighted_by_input": Words(
        "x given as the weight",
        "this is x times the slope: x was taken as the weight.",
        "What stands in the brackets of `backward` is the argument `gradient`, the weight of the output. Here "
        "the output is a single number, whose weight is understood to be 1; and what to differentiate by, "
        "autograd knows from the graph.",
    ),
    "divisor_held_constant": Words(
        "the x in a/x held constant",
        "this takes the x that a is divided by as a constant.",
        "That x depends on a, too, from the second step on. Something cut it off, such as `.item()` or "
        "`.detach()`: keep it a tensor of the graph.",
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
    "divided_by_rows": Words(
        "divided by the number of rows",
        "this is the sum of each row, divided by the number of rows.",
        "A row has as many entries as there are columns, and that is what its sum must be divided by. "
        "`A.shape` is (rows, columns); `A.mean` counts for you.",
    ),
    "dimension_kept": Words(
        "the dimension was kept",
        "these are the right numbers, but in a table with one column.",
        "The dimension that was to disappear is still there, with size 1: `keepdim=True` does that, and so does "
        "`reshape(-1, 1)`. A shape (n, 1) is not a shape (n,).",
    ),
    "mean_of_rows": Words(
        "a mean instead of a sum",
        "this is the mean of the rows of J; a weight of ones adds them up.",
        "Nothing is divided: each row is multiplied by its weight, here 1, and the rows are added.",
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
        "The shape () belongs to a tensor that holds one number and has no dimension. Count how many numbers the "
        "result holds.",
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
    "branch_not_cut": Words(
        "the branch was not cut",
        "this is the gradient through both branches.",
        "One branch was to count as a constant. `.detach()` gives the same values without their past: nothing flows back "
        "through them.",
    ),
    "leaf_for_intermediate": Words(
        "the gradient by the leaf",
        "this is the gradient by x, the leaf; that by an intermediate result was asked for.",
        "Name the tensor in the middle as the input of `autograd.grad`, or call its `retain_grad()` before `backward`.",
    ),
    "gradient_for_step": Words(
        "the gradient, not the point after the step",
        "this is the gradient itself; the point after the step was asked for.",
        "The new point is x minus the rate times the gradient.",
    ),
    "step_alone": Words(
        "the step without the point",
        "this is how far x moves, not where it gets to.",
        "Add the step to x: the new point is x minus the rate times the gradient.",
    ),
    "uphill": Words(
        "a step uphill",
        "this step was taken uphill.",
        "The gradient points to where f grows. To make f smaller, go against it: minus the rate times the gradient.",
    ),
    "step_without_rate": Words(
        "the rate left out",
        "the whole gradient was subtracted; the rate is missing.",
        "The new point is x minus the rate times the gradient.",
    ),
    "nothing_changed": Words(
        "x is as it was",
        "x still holds what it held before.",
        "`x = x - …` makes a new tensor and gives it the old name; the caller's tensor never hears of it. To change a tensor "
        "itself use an operation in place, such as `x -= …`, under `torch.no_grad()`.",
    ),
    "hessian_of_rows": Words(
        "each row added to the next",
        "every row here is the sum of the right rows up to it.",
        "`backward` adds to `.grad`. Set it to None between two rows, or use `autograd.grad`.",
    ),
    "hessian_diagonal": Words(
        "only the diagonal of H",
        "this holds only the unmixed second derivatives.",
        "∂²f/∂x_i∂x_j is zero for i ≠ j only where f is a sum of functions of one variable each.",
    ),
    "gradient_outer": Words(
        "products of first derivatives",
        "this is the outer product of the gradient with itself.",
        "A second derivative is the derivative of a first one, not a product of two.",
    ),
    "hessian_summed": Words(
        "the rows of H, added up",
        "these are the rows of H, added up.",
        "That is what `autograd.grad` gives for the whole gradient weighted with ones. One row of H is the gradient of one "
        "entry of the gradient.",
    ),
    "hvp_ones": Words(
        "H times ones",
        "this is H times a vector of ones: the rows of H, added up.",
        "The direction u is the weight of the second pass. With ones, or with `.sum()`, every entry of the gradient counts "
        "the same.",
    ),
    "hvp_diagonal": Words(
        "only the diagonal of H",
        "this uses only the diagonal of H.",
        "The mixed second derivatives are part of every entry of Hu.",
    ),
    "hvp_gradient_weighted": Words(
        "the gradient times u, entry by entry",
        "this is the gradient times u, entry by entry: a first derivative.",
        "Multiply the gradient by u, add up, and then differentiate once more.",
    ),
    "hvp_plus_gradient": Words(
        "an old .grad was not cleared",
        "this is Hu plus the gradient.",
        "The first backward left the gradient in `.grad`, and the second added to it. Set `.grad` to None in between, or use "
        "`autograd.grad`.",
    ),
    "hvp_doubled": Words(
        "twice Hu",
        "this is twice the right answer.",
        "The derivative of u·∇f is Hu; a factor 2 belongs to uᵀHu or to ‖∇f‖², not here.",
    ),
    "hvp_directional": Words(
        "from the directional derivative",
        "this is made of the directional derivative u·∇f alone.",
        "u·∇f is the number to differentiate once more: its gradient is Hu.",
    ),
    "curvature_along": Words(
        "the number uᵀHu",
        "this is uᵀHu, the curvature along u, a single number.",
        "Hu is the vector that tells how the gradient changes when x moves along u.",
    ),
    "gradient_for_second": Words(
        "the gradient itself",
        "this is the gradient, a first derivative.",
        "Differentiate once more: the first `autograd.grad` needs `create_graph=True` for that.",
    ),
    "laplacian_of_all": Words(
        "all entries of H added up",
        "this is the sum of all entries of H, the mixed ones included.",
        "The Laplacian adds up the diagonal only. The derivative of the sum of the gradient brings the mixed ones in: "
        "differentiate one entry at a time.",
    ),
    "laplacian_of_squares": Words(
        "squares of first derivatives",
        "this is the sum of the squared first derivatives.",
        "(∂f/∂x)² and ∂²f/∂x² are written alike and are not the same.",
    ),
    "laplacian_unsummed": Words(
        "not yet added up",
        "these are the terms of the Laplacian, not yet added up.",
        "The Laplacian is a single number: their sum.",
    ),
    "sum_of_gradient": Words(
        "first derivatives added up",
        "this is the sum of the first derivatives.",
        "Every term must be differentiated twice by the same variable.",
    ),
    "pure_for_mixed": Words(
        "an unmixed partial derivative",
        "this is the second derivative by x_{k} twice.",
        "A mixed one differentiates by the one variable first and then by the other.",
    ),
    "product_of_slopes": Words(
        "a product of first derivatives",
        "this is the product of the two first derivatives.",
        "Differentiate the first derivative by the other variable, instead of multiplying.",
    ),
    "row_of_hessian": Words(
        "the whole row",
        "this is the whole row {i} of H; one entry of it was asked for.",
        "Entry {j} of it is the derivative by x_{j}.",
    ),
    "gradient_step": Words(
        "a step along the gradient",
        "this is x minus the gradient.",
        "Newton's step is −H⁻¹∇f: the curvature decides how far to go in each direction.",
    ),
    "newton_step_alone": Words(
        "the step without the point",
        "this is the step, not the point after it.",
        "The new point is x plus the step −H⁻¹∇f.",
    ),
    "newton_uphill": Words(
        "the opposite sign",
        "the step was taken in the opposite direction.",
        "The new point is x minus H⁻¹∇f.",
    ),
    "newton_diagonal": Words(
        "only the diagonal of H",
        "this divides by the diagonal of H.",
        "That is Newton's step only where the variables do not interact. Solve with the whole matrix.",
    ),
    "hessian_not_inverted": Words(
        "H where H⁻¹ was meant",
        "this is x minus H∇f: multiplied where one must solve.",
        "`torch.linalg.solve(H, g)` is H⁻¹g, without ever making the inverse.",
    ),
    "half_of_squared_norm": Words(
        "a factor 2 is missing",
        "this is H∇f, half of the right answer.",
        "The derivative of a square brings a 2: the gradient of ‖∇f‖² is 2H∇f.",
    ),
    "gradient_of_norm": Words(
        "the norm, not its square",
        "this is the gradient of the norm ‖∇f‖; that of its square was asked for.",
        "The root divides by ‖∇f‖.",
    ),
    "twice_the_gradient": Words(
        "H is missing",
        "this is twice the gradient.",
        "That is the derivative of ‖g‖² by g. By the chain rule it must still be multiplied by the derivative of g by x, "
        "which is H.",
    ),
    "order_off": Words(
        "another order",
        "this is the derivative of order {k}; order {order} was asked for.",
        "Count how often the loop differentiates. f itself has order 0.",
    ),
    "second_plus_first": Words(
        "lower orders added",
        "this is the right derivative with lower ones added to it.",
        "They stayed in `.grad`: `backward` adds. Set `x.grad = None` between two orders, or use `autograd.grad`.",
    ),
    "power_of_first": Words(
        "a power of the first derivative",
        "this is a power of f′.",
        "f″ is the derivative of f′, not its square.",
    ),
    "not_differentiable_again": Words(
        "cannot be differentiated again",
        "the values are right, but they cannot be differentiated once more.",
        "The result has no graph that leads to x. `create_graph=True` records the pass backwards as well.",
    ),
    "graph_cut_inside": Words(
        "part of the graph is missing",
        "the values are right, but their derivative is not.",
        "Somewhere on the way a tensor lost its past: look for `.detach()`, `.data`, `.item()` or a missing "
        "`create_graph=True`.",
    ),
    "graph_kept": Words(
        "the graph was kept to the end",
        "the values are right, but the graph is still there.",
        "The last pass should let go of what was saved: leave `retain_graph` out there, and `create_graph`, which keeps "
        "the graph as well. Otherwise the memory is held for as long as the output lives.",
    ),
    "zeros_for_none": Words(
        "zeros where None was asked for",
        "an input that takes no part got zeros; here None was asked for.",
        "`allow_unused=True` returns None for it; `materialize_grads=True` makes zeros of that.",
    ),
    "none_for_zeros": Words(
        "None where zeros were asked for",
        "an input that takes no part got None; here zeros were asked for.",
        "`materialize_grads=True` returns zeros in its shape, with which one can go on computing.",
    ),
    "fact_missed": Words(
        "one that holds is missing",
        "look again at {letter}: it was not in your answer, but it holds.",
        "{note} Go through that line once more, step by step.",
    ),
    "fact_too_many": Words(
        "one that does not hold is in it",
        "look again at {letter}: it was in your answer, but it does not hold.",
        "{note} Go through that line once more, step by step.",
    ),
    "first_backward_only": Words(
        "only the first backward",
        "this is what the first backward call alone left in `.grad`.",
        "The second call adds its gradient to it.",
    ),
    "shared_grad": Words(
        "one tensor kept twice",
        "both entries are one and the same tensor: whatever lies in `x.grad` at the end.",
        "As long as `x.grad` holds a tensor, a plain `backward` adds into that tensor, and `zero_()` empties it, also where you "
        "have kept it under another name. `x.grad = None` lets go of it, and the next `backward` starts a new one.",
    ),
    "never_zeroed": Words(
        "not cleared in between",
        "what the first backward left was still there when the second one was called.",
        "`backward` adds to `.grad`. Let `x.grad` start afresh before each of the two calls.",
    ),
    "not_zeroed_before": Words(
        "not cleared at the start",
        "the second entry is right; the first still holds what lay in `x.grad` before your function was called.",
        "Clear before each `backward`, the first one included: nobody knows what the caller left there.",
    ),
    "other_branch_cut": Words(
        "the wrong branch was cut",
        "this is what flows through the target; the prediction was cut instead.",
        "Detach what is to count as a constant. The gradient is to flow through the other branch.",
    ),
    "data_written": Words(
        "a saved value overwritten through .data",
        "this was computed with overwritten values, and one operation is missing from the graph.",
        "A write through `.data` is not recorded, so its own derivative is lost; and it overwrites what an earlier operation has "
        "saved, without the check that would raise an error.",
    ),
    "operation_hidden": Words(
        "an operation that autograd did not see",
        "the derivative of the operation that changes h is missing.",
        "What is done to `.data`, or under `torch.no_grad()`, is not recorded: forward it counts, backward it is as if it were "
        "never done. Compute a new tensor instead. Where the operation was left out altogether, the result is the same.",
    ),
    "total_held_constant": Words(
        "the sum held constant",
        "this takes the sum that h is divided by as a constant.",
        "That sum depends on x, too. Leave out the `.detach()`, `.item()` or `float()` that cuts it off.",
    ),
    "one_sample_only": Words(
        "one row only",
        "this is the gradient of the loss of row {k} alone.",
        "Every row counts. `loss = …` in a loop forgets the row before it: collect the losses, then combine all of them.",
    ),
    "samples_added": Words(
        "a sum instead of a mean",
        "this is the gradient of the sum of the losses; that of their mean was asked for.",
        "A mean is the sum divided by the number of rows, and so is its gradient.",
    ),
    "means_added": Words(
        "the micro-batches' gradients just added",
        "this is the sum of the micro-batches' own gradients.",
        "Each of them belongs to a mean over a few rows. The mean over all rows weights each micro-batch by its share of the rows.",
    ),
    "mean_of_means": Words(
        "the mean of the means",
        "every micro-batch counts the same here, also the one that is shorter.",
        "The mean over all rows gives every row the same weight. So a micro-batch weighs as much as its share of the rows: its "
        "length divided by the number of rows.",
    ),
    "last_batch_only": Words(
        "only the last micro-batch",
        "this is what the last micro-batch alone leaves in `.grad`.",
        "Here `backward` is meant to add. Clear `.grad` once, before the first micro-batch, not between them.",
    ),
    "shape_of_value": Words(
        "the shape of f's value",
        "this is the shape of f's value, a single number.",
        "One number has one derivative for every number that can be moved. The gradient holds all of them, so it has the "
        "shape of the variable, not that of the value.",
    ),
    "shape_of_other_variable": Words(
        "the shape of another variable",
        "this is the shape of {name}, another variable.",
        "A gradient has the shape of the variable that it is taken by. The others are held still, and their shapes "
        "do not enter.",
    ),
    "shape_flattened": Words(
        "the right count, in one line",
        "the number of entries is right, but they do not stand in one line.",
        "Each derivative stands where its own entry stands in the variable. PyTorch never flattens a gradient: its shape "
        "is always that of the variable.",
    ),
    "shape_with_a_row": Words(
        "a row for the output",
        "this has one more dimension, for the single output.",
        "A table of derivatives has a row for each output. A gradient is taken of one number, and that number takes up no "
        "dimension: only the variable's shape is left.",
    ),
    "symmetric_assumed": Words(
        "the formula for a symmetric matrix",
        "this is {formula}, the formula for a symmetric A.",
        "x stands on both sides of A. Moving the right one gives Aᵀx, moving the left one gives Ax, and the gradient is "
        "their sum, (A + Aᵀ)x. The two parts are equal for every x only where A equals Aᵀ.",
    ),
    "one_factor_only": Words(
        "one of the two factors held still",
        "this is {kept}: only one of the two x was moved.",
        "x stands on both sides of A. By the product rule there is one part for each: Ax for the left one, Aᵀx for the "
        "right one. Here {lost} is missing.",
    ),
    "exponentials_alone": Words(
        "not divided by the sum",
        "these are exponentials that were not divided by their sum.",
        "The derivative of log s is 1/s, and here s is the sum of all exponentials. With this factor the entries of the "
        "gradient add up to 1.",
    ),
    "gradient_of_maximum": Words(
        "the gradient of the maximum",
        "this is 1 at the largest entry and 0 elsewhere: the gradient of max(x).",
        "The logarithm of a sum of exponentials comes near the maximum where one entry is much larger than all "
        "others. Otherwise every entry has its share.",
    ),
    "maximum_not_added": Words(
        "the maximum was not added back",
        "this is the right answer minus 1 at the largest entry.",
        "Shifting by the maximum m keeps the exponentials small, but it changes the value: log Σ exp(x_i) = "
        "m + log Σ exp(x_i − m). m depends on x, too: differentiate both places where it stands, or neither.",
    ),
    "log_of_gradient": Words(
        "the logarithm of the answer",
        "these are the logarithms of the right entries.",
        "`log_softmax` and x − log Σ exp(x_i) give the logarithm of softmax. The gradient is softmax itself.",
    ),
    "direction_normalised": Words(
        "direction scaled to length 1",
        "this is the slope along u, divided by the length of u.",
        "∇f·u says how fast f changes when x moves with the velocity u. Twice as fast a move changes f twice as fast, so "
        "u must not be scaled.",
    ),
    "direction_unsummed": Words(
        "not yet added up",
        "this is ∇f times u, entry by entry, not yet added up.",
        "Entry j tells what moving x_j alone does. In a direction all entries move at once, and what they do adds "
        "up: `(g * u).sum()` or `g @ u`.",
    ),
    "length_of_gradient": Words(
        "the length of the gradient",
        "this is |∇f|, whatever u is.",
        "That is the slope in one direction only, the gradient's own, taken with length 1. In the direction u the slope is "
        "∇f·u.",
    ),
    "gradient_for_slope": Words(
        "the gradient itself",
        "this is the whole gradient; one number, the slope along u, was asked for.",
        "The direction u has not entered yet: multiply the gradient by u, entry by entry, and add up.",
    ),
    "whole_step": Words(
        "the change over a whole step",
        "this is f(x + u) − f(x), the change over a whole step.",
        "A derivative is the rate of change at the point x itself. On the way from x to x + u that rate changes, in general; "
        "where f is linear it does not.",
    ),
    "residual_for_gradient": Words(
        "a step along the residual",
        "this step was taken along Ax − b, not along the gradient.",
        "½|r|² has the gradient r by r. By x, where r = Ax − b, the chain rule brings one more factor: Aᵀr.",
    ),
    "transposed_operand": Words(
        "A where Aᵀ belongs",
        "this step was taken along A(Ax − b), not along Aᵀ(Ax − b).",
        "x_j meets column j of A, so its derivative is made with column j: that is a row of Aᵀ. Only a square A lets "
        "the wrong product pass.",
    ),
    "half_lost": Words(
        "the ½ was lost",
        "this is a step twice as long.",
        "The 2 that comes down from the square and the ½ in front of it cancel. Look whether the ½ of f was left out.",
    ),
    "unit_step": Words(
        "the gradient scaled to length 1",
        "this step was taken along ∇f/|∇f|, so its length is eta, whatever the gradient's is.",
        "In steepest descent as it was asked for here, a steep place gets a long step: the gradient enters with its size.",
    ),
    "slice_never_seen": Words(
        "None, for a slice that f never saw",
        "what you returned is None.",
        "If there is a `return`, then autograd had nothing to give: `x[k:]`, written after y was computed, is a new tensor "
        "that y does not depend on. `allow_unused=True` gives None for it instead of an error. Slice before f is computed, "
        "or slice the gradient.",
    ),
    "gradient_not_sliced": Words(
        "the gradient by all of x",
        "this is the gradient by the whole of x; that by x[{k}:] was asked for.",
        "The gradient by a part of x holds the entries that belong to that part.",
    ),
    "other_part": Words(
        "the other part",
        "this is the gradient by x[:{k}], the entries before place {k}.",
        "`x[k:]` begins at place k and goes to the end; `x[:k]` ends before it.",
    ),
    "zeros_before_slice": Words(
        "zeros where nothing was asked for",
        "this is the right part, with zeros in front of it.",
        "The gradient has the shape of what is differentiated by, here that of the slice `x[k:]`.",
    ),
    "function_of_slice": Words(
        "f of the slice alone",
        "this is the gradient of f(x[k:]), a function of fewer numbers.",
        "f was to be taken at the whole of x. The entries before place k are held still, but they are still there.",
    ),
    "all_entries_moved": Words(
        "all entries moved at once",
        "what stands here is the sum of all entries of the gradient: all of x was moved at once.",
        "`x + h` adds h to every entry. For entry j of the gradient only x_j may move: `plus = x.clone()`, then "
        "`plus[j] += h`.",
    ),
    "both_points_the_same": Words(
        "both values at the same point",
        "these are zeros, or next to nothing.",
        "`plus = x` makes no copy: it gives x a second name, and what is added under the one is taken away again under "
        "the other, so that both values of f are taken at the same point. Write `x.clone()`. A step so small that x ± h is "
        "rounded to x does the same. And `rise / 2 * h` multiplies by h: write `rise / (2 * h)`.",
    ),
    "shape_transposed": Words(
        "the variable's shape, transposed",
        "this is the shape of {name}, transposed.",
        "Some books lay derivatives out that way. In PyTorch entry [i, j] of the gradient is the derivative by entry [i, j] of "
        "the variable.",
    ),
    "point_not_moved": Words(
        "x as it was",
        "this is x, as it was before the step.",
        "`x - eta * g` computes a new tensor and leaves x alone. Return what it gives.",
    ),
    "rows_added_up": Words(
        "the rows added up",
        "this is the sum of the rows of J: the gradient of y.sum().",
        "The derivative of a sum is the sum of the derivatives. `y.sum()`, or a weight of ones, adds all the rows up, "
        "and no row can be told from the sum. Differentiate one output at a time, such as `y[i]`.",
    ),
    "whole_table": Words(
        "the whole table",
        "this is the whole Jacobian; one row or one column of it was asked for.",
        "`J[i]` is row i, `J[:, j]` is column j. But a single row costs one pass back, and a single column one pass "
        "forward: the rest of the table need not be made.",
    ),
    "columns_added_up": Words(
        "the columns added up",
        "this is the sum of the columns of J.",
        "A direction of ones moves all inputs at once. Column j tells what happens when input j moves alone: a 1 at place "
        "j, and zeros elsewhere.",
    ),
    "moved_along_x": Words(
        "x itself as the direction",
        "this is Jx: each column of J times its entry of x, added up.",
        "The second tuple of `jvp` says in which direction x moves, not where x is. For column j only input j moves.",
    ),
    "one_row_only": Words(
        "one row only",
        "this holds row {i} of J and no other.",
        "The Jacobian has one row for each of the {m} outputs. Look at what changes from one turn of the loop to the next, "
        "and where the `return` stands.",
    ),
    "jacobian_diagonal": Words(
        "only the diagonal of J",
        "this holds only the diagonal of J: how each output moves with the input of the same number.",
        "Each output may move with every input. The other entries are zero only where the map acts entry by entry.",
    ),
    "jacobian_in_other_shape": Words(
        "the right numbers in another shape",
        "these are the right numbers in the right order, but in another shape.",
        "The shape of a Jacobian is y's shape, then x's: `reshape(y.shape + x.shape)`. For rows that are vectors, "
        "`torch.stack` puts them under each other, and `torch.cat` lays them end to end.",
    ),
    "jacobian_inputs_first": Words(
        "x's dimensions first",
        "the dimensions of x stand before those of y.",
        "Outputs come first, as in a table with one row per output: J[i] is the gradient of output i, in x's shape.",
    ),
    "argument_ignored": Words(
        "a function that ignores its argument",
        "this is zero everywhere.",
        "`jacobian`, `jacrev` and `jacfwd` put a tensor of their own into the function and look how the result follows it. A "
        "function that computes with the x outside, such as `lambda _: f(x)`, does not follow. Give them f itself.",
    ),
    "jacobian_shape_flat": Words(
        "the shape of the flattened table",
        "this is the shape of the table with X laid out as one long row.",
        "That is J on paper, m×n. PyTorch keeps the shapes of both sides: y's shape, then X's.",
    ),
    "jacobian_shape_inputs_first": Words(
        "the input's shape first",
        "the sizes of X stand before those of y.",
        "Outputs come first, as in a table with one row per output: J[i] is the gradient of output i, in X's shape.",
    ),
    "jacobian_shape_of_one_side": Words(
        "the shape of one side only",
        "this is the shape of {name} alone.",
        "Every output has a derivative by every entry of X. The shape needs both: y's, then X's.",
    ),
    "transposed_by_reshape": Words(
        "reshaped instead of transposed",
        "the numbers are right, but most of them stand in the wrong place: a table was reshaped where it had to be "
        "transposed.",
        "`reshape` keeps the order of the entries and only breaks the line elsewhere. Rows become columns by `.T`, or, "
        "better, are put into rows from the start.",
    ),
    "softmax_diagonal": Words(
        "diag(s) alone",
        "this is diag(s) alone.",
        "Every output is divided by the same sum, and that sum moves with every input. That is where −ssᵀ comes from.",
    ),
    "softmax_outer": Words(
        "the outer product alone",
        "this is made of the outer product ssᵀ alone.",
        "s_i moves with x_i in two ways: as a numerator, which gives s_i on the diagonal, and as a part of the sum below, "
        "which gives −s_i·s_j everywhere.",
    ),
    "softmax_plus": Words(
        "plus instead of minus",
        "this is diag(s) + ssᵀ: the minus is missing.",
        "When another input grows, the sum below grows, and s_i shrinks: off the diagonal all entries are negative. Each "
        "column must add up to 0, since the outputs always add up to 1.",
    ),
    "softmax_unnormalised": Words(
        "exponentials instead of their shares",
        "the exponentials stand here where the softmax belongs.",
        "s is e^x divided by its sum: `torch.softmax(x, dim=0)`.",
    ),
    "softmax_not_diagonal": Words(
        "s not put on the diagonal",
        "here s was added to every row, or to every column, of −ssᵀ.",
        "In `s - torch.outer(s, s)` the vector is stretched to a table. `torch.diag(s)` puts it on the diagonal.",
    ),
    "inner_for_outer": Words(
        "a number instead of a table",
        "the single number s·s was subtracted from every entry.",
        "`s @ s` of two vectors is their inner product, and `.T` changes nothing in a vector. The table of all products is "
        "`torch.outer(s, s)`.",
    ),
    "log_softmax": Words(
        "the Jacobian of log softmax",
        "this is I − 1sᵀ, the Jacobian of the logarithm of the softmax.",
        "Row i still has to be multiplied by s_i, which the logarithm took away.",
    ),
    "jacobians_exchanged": Words(
        "the factors in the other order",
        "this is g′(x)·h′(u): the right matrices in the wrong order.",
        "A matrix product is not commutative. The outer function comes last on the way from x, and its Jacobian stands on "
        "the left: h′(u)·g′(x).",
    ),
    "elementwise_product": Words(
        "multiplied entry by entry",
        "here the two Jacobians were multiplied entry by entry.",
        "`*` multiplies what stands at the same place, `@` is the matrix product. An input acts on an output by way of every "
        "intermediate value, and the matrix product adds up all these ways.",
    ),
    "ones_for_identity": Words(
        "ones instead of the identity",
        "the derivative by b was taken to be ones.",
        "Output i moves with b_i and with no other entry of b: that is the identity matrix. Ones are what its rows add up "
        "to.",
    ),
    "matrix_not_transposed": Words(
        "W itself instead of its transpose",
        "the derivative by x was taken to be W itself.",
        "With x on the left, y_i is x times *column* i of W, so column i of W is row i of J: that is Wᵀ. W itself is the "
        "Jacobian of W @ x.",
    ),
    "factor_x_kept": Words(
        "x was left in",
        "here each entry of the matrix is still multiplied by an entry of x.",
        "Those products are the terms that y is the sum of. Differentiated by x_j, W[j, i]·x_j leaves W[j, i]: a linear map has "
        "the same Jacobian at every x.",
    ),
    "one_grad_for_all_rows": Words(
        "one .grad for all rows",
        "every row here is the sum of all rows.",
        "Either `y.sum()` was differentiated in every turn, where `y[i]` was meant. Or `x.grad` was collected: it is one tensor, "
        "every `backward` adds to it in place, and a list of `x.grad` holds that one tensor {m} times. `autograd.grad` returns "
        "a new tensor each time.",
    ),
    "factors_untransposed": Words(
        "no factor transposed",
        "both factors stand on their right sides, but neither is transposed.",
        "Multiplying by a factor takes X to Y; multiplying by its transpose takes the weight of Y back to X. Where all "
        "tables are square, no shape gives the difference away.",
    ),
    "right_untransposed": Words(
        "only the left factor transposed",
        "this is AᵀVB: the factor on the right was not transposed.",
        "On the way back both factors are transposed: AᵀVBᵀ. Where B is not square, VB does not even fit.",
    ),
    "left_untransposed": Words(
        "only the right factor transposed",
        "this is AVBᵀ: the factor on the left was not transposed.",
        "On the way back both factors are transposed: AᵀVBᵀ. Where A is not square, AV does not even fit.",
    ),
    "factors_exchanged": Words(
        "the factors on the wrong sides",
        "both factors are transposed, but they have changed sides.",
        "A product that is transposed as a whole turns its order round; a gradient does not. What stood on the left of X "
        "stays on the left.",
    ),
    "gradient_transposed": Words(
        "the gradient transposed",
        "this is the right gradient with its rows and columns exchanged.",
        "Entry (a, b) of the gradient is the derivative by entry (a, b) of the variable: the two have one shape and one "
        "order.",
    ),
    "weight_transposed": Words(
        "the weight transposed",
        "this is the gradient for the weight Vᵀ.",
        "`trace(V @ Y)` adds up V[i, j] times Y[j, i], and so weights each entry of Y by the one across the diagonal. Each "
        "entry of V must meet the entry of Y at its own place: `(V * Y).sum()`, or `trace(V.T @ Y)`.",
    ),
    "weight_as_matrix_product": Words(
        "V and Y multiplied as matrices",
        "V and Y were multiplied as matrices, and all entries of that product added up.",
        "In a matrix product whole rows meet whole columns. A weight is paired entry by entry with what it weights: `V * Y`, "
        "not `@`.",
    ),
    "operand_transposed": Words(
        "f of the transposed X",
        "this is the gradient of f(Xᵀ), not of f(X).",
        "X was transposed before f saw it. Where X is square f accepts that, and nothing but the values tells.",
    ),
    "result_laid_out_by_columns": Words(
        "the result laid out by columns",
        "the right numbers were filled in column by column.",
        "X was flattened row by row, so the result must be cut into rows: `reshape(p, q)`, with no transpose after it.",
    ),
    "result_left_flat": Words(
        "the result left in one line",
        "these are the right numbers, still in one long line.",
        "The flattening of X has to be undone at the end: `g.reshape(p, q)`. A gradient has the shape of what is "
        "differentiated by.",
    ),
    "reshaped_not_permuted": Words(
        "reshaped where dimensions had to move",
        "no entry was moved, although dimensions had to change places.",
        "`reshape` leaves all entries in their order and only cuts that line at other places. To let dimensions change "
        "places takes `permute` or a transpose.",
    ),
    "broadcast_not_undone": Words(
        "the broadcast was not undone",
        "these are the gradients by every single copy, not yet added up.",
        "One entry was copied to several places, and each copy has its share in the result. When the entry moves, all its "
        "copies move: their gradients add up.",
    ),
    "mean_over_copies": Words(
        "a mean over the copies",
        "this is the mean over the copies; it must be the sum.",
        "When an entry moves by a little, all its copies move by as much. So what they do adds up, and nothing is divided.",
    ),
    "summed_other_dim": Words(
        "summed over the other dimension",
        "this was summed over the dimensions that hold the entries, not over those that hold their copies.",
        "Line the shapes up from the right. Copies lie where the small operand has a 1 or nothing at all, and only there is "
        "a sum taken.",
    ),
    "sum_incomplete": Words(
        "summed over some copies only",
        "some of the dimensions that hold copies were summed over, but not all of them.",
        "There are two kinds: leading dimensions that the small operand does not have, and those where its size is 1. Both "
        "hold copies.",
    ),
    "size_one_lost": Words(
        "the dimension of size 1 was lost",
        "these are the right numbers, but a dimension of size 1 is missing.",
        "A sum removes its dimension. Where the operand has that dimension with size 1, keep it: `sum(d, keepdim=True)`, or "
        "`reshape` at the end.",
    ),
    "leading_one_kept": Words(
        "a dimension too many",
        "these are the right numbers, with a dimension of size 1 that the operand does not have.",
        "Leading dimensions that the broadcast added must disappear again: sum over them without `keepdim`.",
    ),
    "residual_all_pairs": Words(
        "(N, 1) − (N,) is N×N",
        "here every row of Y was compared with every target: the difference was N×N.",
        "Y has shape (N, 1) and T has (N,). Lined up from the right, a 1 meets N and nothing meets N, so both are stretched, and "
        "PyTorch says nothing. Give T the shape of Y first.",
    ),
    "permuted_again": Words(
        "permuted the same way again",
        "V was permuted the same way once more, not back.",
        "The gradient goes back by the inverse order. An exchange of two dimensions is its own inverse; going round all three "
        "is not.",
    ),
    "inverse_untransposed": Words(
        "X⁻¹ for X⁻ᵀ",
        "this is −X⁻¹AᵀX⁻¹: A is transposed, X⁻¹ is not.",
        "The derivative of X⁻¹ is a product like AXB, with X⁻¹ on both sides. On the way back both of them are transposed.",
    ),
    "operand_untransposed": Words(
        "A for Aᵀ",
        "this is −X⁻ᵀAX⁻ᵀ: A should be transposed.",
        "tr(ZA) adds up Z[i, j] times A[j, i], so the weight that it puts on Z is Aᵀ.",
    ),
    "inverses_on_one_side": Words(
        "both inverses on one side",
        "the two inverses stand on the same side of A.",
        "d(1/x) = −dx/x² may be written in any order for numbers. For matrices dX⁻¹ = −X⁻¹ dX X⁻¹, with one factor on each "
        "side of what moves.",
    ),
    "entry_by_entry": Words(
        "entry by entry",
        "this divides by the squares of the entries of X.",
        "That is the derivative of A/X entry by entry. An inverse matrix is not made of 1/X[i, j]: in general each of its "
        "entries depends on all entries of X.",
    ),
    "inverse_sign": Words(
        "the sign of dX⁻¹ lost",
        "this is the right answer with the opposite sign.",
        "X X⁻¹ stays the identity, so dX X⁻¹ + X dX⁻¹ = 0, and dX⁻¹ = −X⁻¹ dX X⁻¹. For numbers it is the minus in "
        "d(1/x) = −dx/x².",
    ),
    "call_missed": Words(
        "one that does is missing",
        "look again at {letter}: it was not in your answer, but it does raise this error.",
        "{note}",
    ),
    "call_too_many": Words(
        "one that does not is in it",
        "look again at {letter}: it was in your answer, but it does not raise this error.",
        "{note}",
    ),
    "saved_missed": Words(
        "one that holds is missing",
        "look again at {letter}: it was not in your answer, but it holds.",
        "{note}",
    ),
    "saved_too_many": Words(
        "one that does not hold is in it",
        "look again at {letter}: it was in your answer, but it does not hold.",
        "{note}",
    ),
    "sums_in_turn": Words(
        "each result added to the next",
        "the first result is right; every later one is the sum of all up to it.",
        "`backward` adds to `.grad`. Set `.grad` to None between two calls, or use `autograd.grad`, which returns each "
        "gradient by itself.",
    ),
    "one_sum_for_all": Words(
        "the sum at every place",
        "every place holds the sum of all the gradients.",
        "Either the weights were added up, or `x.grad` was stored after each `backward` without a `.clone()`: then all places "
        "hold the very tensor to which every call adds.",
    ),
    "first_for_all": Words(
        "the first weight for all",
        "every place holds the gradient for the first weight.",
        "Each pass takes its own weight: the second place belongs to the second one.",
    ),
    "results_exchanged": Words(
        "results in reverse order",
        "these are the right gradients, in reverse order.",
        "The first place of the tuple belongs to the first weight.",
    ),
    "landed_everywhere": Words(
        "a gradient in every leaf",
        "a gradient landed in every leaf, in b as well.",
        "Without `inputs`, `backward` fills `.grad` of every leaf that took part and requires a gradient. "
        "`inputs=` names those that it may fill; the others stay as they are.",
    ),
    "landed_in_the_other": Words(
        "the wrong ones were named",
        "a gradient landed in b alone: the one that was to be left out.",
        "`inputs=` names the tensors to fill, not those to spare.",
    ),
    "zeros_landed": Words(
        "zeros where nothing was to land",
        "`b.grad` holds zeros; nothing was to land there.",
        "Zeros are a gradient like any other: an optimiser passes over a leaf whose `.grad` is None, but one whose `.grad` "
        "is zero it may still move, by momentum or weight decay.",
    ),
    "nothing_landed": Words(
        "nothing landed in any leaf",
        "after your function `.grad` of a, b and c is None.",
        "`torch.autograd.grad` returns what it finds and leaves `.grad` alone; `backward` is what fills it.",
    ),
    "hook_without_effect": Words(
        "not clipped",
        "this is the gradient by x with nothing clipped.",
        "A hook acts only through what it returns: without a `return`, the gradient goes on unchanged. And it must be "
        "registered on h, the tensor that goes into outer, before the pass back.",
    ),
    "clipped_at_the_input": Words(
        "clipped at x instead of h",
        "here the gradient by x was clipped, at the end of the way.",
        "It was to be clipped where it passes h, before the chain rule multiplies it by the derivatives of inner. Clipping "
        "does not commute with that.",
    ),
    "clipped_from_above_only": Words(
        "clipped from above only",
        "large negative entries were let through.",
        "Clip on both sides: `g.clamp(-limit, limit)`. `torch.clamp(g, max=limit)` knows only the upper one.",
    ),
    "clipped_by_length": Words(
        "the length clipped, not the entries",
        "the whole gradient was scaled until its length was at most the limit.",
        "That is clipping by norm, another rule, which keeps the direction. Here each entry by itself is to be brought into "
        "the interval from −limit to limit.",
    ),
    "clipped_not_handed_on": Words(
        "the gradient by h, not by x",
        "this is the clipped gradient by h; it has not been handed on to x.",
        "From h to x the chain rule still multiplies by the derivatives of inner. Differentiate by x: the hook "
        "acts on the way.",
    ),
    "clipped_on_the_way_forward": Words(
        "the values clipped, not the gradient",
        "here the values of h were clipped on the way forward.",
        "That is another function, with another derivative. A hook leaves the values alone and acts on the gradient, on the way "
        "back.",
    ),
    "sum_of_losses": Words(
        "the gradient of the sum",
        "this is the gradient of p + q.",
        "That is what one pass for both losses gives. Here each loss was to have its own: two passes, and the first must "
        "keep the trunk. Read out of `x.grad` twice, both results are the very same tensor, to which both passes added.",
    ),
    "stopped_at_the_trunk": Words(
        "stopped at the trunk",
        "these are the gradients by h, the trunk's output.",
        "Go on from h to x: differentiate by x, which went into the trunk.",
    ),
    "zero_second": Words(
        "zero",
        "this is 0, and the true value is not.",
        "Two things give 0. `x.grad.zero_()` overwrites the very tensor that holds the first derivative; set `x.grad = None` "
        "instead. And 0 as a stand-in, where PyTorch refuses to differentiate again, is right for a linear f only.",
    ),
    "hessian_from_grad": Words(
        "the gradient left in .grad, and each row added to the next",
        "every row here is the gradient plus the sum of the right rows up to it.",
        "The first `backward` left the gradient in `.grad`, and every row was added to it. Take the gradient with "
        "`autograd.grad`, and each row, too.",
    ),
    "summed_then_picked": Words(
        "the rows of H added up before one entry is taken",
        "this is entry {j} of the sum of all rows of H.",
        "With `.sum()`, or ones, in the second pass every first derivative counts. Take one of them, `g[{i}]`, and "
        "differentiate that.",
    ),
    "laplacian_of_triangle": Words(
        "each row added to the next",
        "this is the sum of the diagonal of H and of all that stands above it.",
        "`backward` adds to `.grad`, so entry i that is read after row i holds the rows before it, too. Set `x.grad = None` "
        "between two rows, or use `autograd.grad`.",
    ),
    "reciprocal_of_hessian": Words(
        "1/H entry by entry",
        "this takes 1/H entry by entry for the inverse of H.",
        "The inverse of a matrix is not made of the reciprocals of its entries. `torch.linalg.solve(H, g)` is H⁻¹g.",
    ),
    "slope_for_zero": Words(
        "the slope where its derivative was asked for",
        "this is f′(x), on a line. The slope of a line never changes, so the second derivative is 0.",
        "Where PyTorch refuses to differentiate a constant slope, the answer is a zero in x's shape: `torch.zeros_like(x)`.",
    ),
    "not_returned": Words(
        "nothing was returned",
        "your function returned None.",
        "A function without `return` returns None. If it computes the result and stops there, "
        "add `return` in front of it. A `.grad` that no gradient has reached is None, too, and so is what `allow_unused=True` gives "
        "for an input that takes no part.",
    ),
    "grad_is_none": Words(
        "nothing landed in .grad",
        "after your function, `.grad` is None: no gradient has landed there.",
        "`backward` fills `.grad` of leaves that took part in the computation. A detached copy, or what "
        "`torch.tensor(…)` makes, is another tensor with a `.grad` of its own. `torch.autograd.grad` returns what it finds, and leaves "
        "`.grad` alone.",
    ),
    "grad_of_non_leaf": Words(
        "the .grad of a tensor that is no leaf",
        "your function returned None: what it read is the `.grad` of a tensor that is not a leaf.",
        "`backward` leaves gradients in leaves only. A tensor that an operation made keeps its own if `retain_grad()` is called on "
        "it before `backward`; or ask `torch.autograd.grad` for it by name. `.to()` and `.float()` are operations, too.",
    ),
}

ERRORS: dict[str, Words] = {
    "scalar_needed": Words(
        "a weight is needed",
        "autograd was asked for the gradient of more than one number.",
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
        "computed, or the outputs were cut off and declared anew, as `torch.tensor(…, requires_grad=True)` does, or it really "
        "does not take part. Differentiate by the very tensor that went into the "
        "computation; `allow_unused=True` is for inputs that truly do not matter.",
    ),
    "second_backward": Words(
        "the graph was already used",
        "the graph was freed by an earlier gradient.",
        "What an operation saved on the way forward is let go by the first pass back through it. Ask the earlier pass "
        "to keep it (`retain_graph=True`), or compute the outputs again.",
    ),
    "no_graph": Words(
        "nothing to differentiate",
        "what you differentiate has no graph behind it: nothing that went into it requires a gradient.",
        "Declare the input before computing with it: `x.requires_grad_()`. If it was declared, the graph was "
        "cut on the way: `.detach()`, `.data`, `.item()`, `torch.tensor(…)` and `torch.no_grad()` all do that.",
    ),
    "input_undeclared": Words(
        "not declared",
        "that by which you differentiate does not require a gradient.",
        "Declare it before computing with it: `x.requires_grad_()`. Declaring the result afterwards is no help. If it was "
        "declared, then what stands here is another tensor: a detached copy, or one made under `torch.no_grad()`.",
    ),
    "flag_called": Words(
        "a flag that was called",
        "True or False was called as if it were a function.",
        "`x.requires_grad` is a flag. It is set by `x.requires_grad_()`, with an underscore, or by "
        "`x.requires_grad = True`.",
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
        "instead of `y *= 2`. Under `torch.no_grad()` and through `.detach()` a write counts just the same.",
    ),
    "inplace_on_leaf": Words(
        "a leaf was overwritten",
        "a leaf that requires a gradient was changed in place.",
        "Compute a new tensor from it instead, or, for an update step, do it under `torch.no_grad()`.",
    ),
    "flag_of_non_leaf": Words(
        "only leaves are declared",
        "`requires_grad` was changed on a tensor that a recorded operation made.",
        "Such a tensor requires a gradient because of what it was computed from. Its values without that past are "
        "`.detach()`, and those can be declared.",
    ),
    "grad_takes_a_tensor": Words(
        ".grad holds a tensor or None",
        "`.grad` was given something that does not fit its tensor.",
        "It takes None, or a tensor of its own tensor's shape and dtype. To start afresh, write `x.grad = None`.",
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
    "inputs_one_by_one": Words(
        "a tensor where one whole number belongs",
        "a tensor stands where a single whole number, or True or False, is expected.",
        "Were several inputs handed over one by one? They go into one tuple: `torch.autograd.grad(y, (a, b))`; its third argument "
        "is `grad_outputs`, its fourth `retain_graph`. Or were two tensors compared? `v != u` compares entry by entry; whether "
        "they are one and the same tensor is asked by `v is not u`.",
    ),
    "not_a_tensor": Words(
        "a number or a function for a tensor",
        "a plain number or a function stands where tensors are expected.",
        "`torch.autograd.grad` takes the tensor that was computed, and those that it was computed from. `y.item()` and "
        "`float(y)` are numbers without a past; a function has no value until it is called.",
    ),
    "caret_for_power": Words(
        "^ is not a power",
        "`^` does not raise to a power in Python; it combines bits.",
        "Powers are written with two stars: `x**2`.",
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
    "tuple_in_stack": Words(
        "tuples, not tensors",
        "tuples were handed over where tensors are stacked.",
        "`torch.autograd.grad` always returns a tuple, one gradient per input. Take each gradient out of its tuple "
        "first: `(row,) = torch.autograd.grad(…)`.",
    ),
    "not_a_function": Words(
        "a tensor, not a function",
        "a tensor was called as if it were a function.",
        "`torch.func.jvp`, `jacrev`, `jacfwd` and `jacobian` call the function themselves: hand over f, not f(x). "
        "Elsewhere, look for a pair of round brackets after a tensor.",
    ),
    "direction_form": Words(
        "jvp takes two tuples",
        "`jvp` was not given its inputs and its directions as two tuples of tensors.",
        "There is one direction for each input: `torch.func.jvp(f, (x,), (direction,))`.",
    ),
    "direction_shape": Words(
        "the direction has the wrong shape",
        "the direction does not have the input's shape.",
        "Each entry of the direction says how fast the entry of x at its place moves, so their shapes must be equal: "
        "start from `torch.zeros_like(x)`.",
    ),
    "assigned_shape": Words(
        "put into a place of another shape",
        "a tensor was put into a place of another shape.",
        "A row of a table has one entry per column, a column one per row. Print the shapes of both sides just before "
        "that line.",
    ),
    "tensor_has_no": Words(
        "no such attribute",
        "a tensor was asked for something that tensors do not have.",
        "Look for a typing mistake. `zero_grad` and `step` belong to optimizers; a tensor's own gradient is cleared by "
        "`x.grad = None`.",
    ),
    "tuple_has_no": Words(
        "a tuple, not a tensor",
        "a tuple was used as if it were a tensor.",
        "`torch.autograd.grad` always returns a tuple, one gradient per input: `(g,) = torch.autograd.grad(…)`.",
    ),
    "list_has_no": Words(
        "a list, not a tensor",
        "a list was used as if it were a tensor.",
        "Python's lists cannot compute. `torch.stack(…)` makes one tensor of a list of tensors, and keeps their graph.",
    ),
    "function_for_value": Words(
        "a function, not its value",
        "a function was used as if it were what it gives.",
        "`f` is the function, `f(x)` is its value at x. The same holds for methods: `y.sum()`, not `y.sum`.",
    ),
    "unknown_keyword": Words(
        "no argument of that name",
        "a function was given an argument by a name that it does not have.",
        "The weight is called `grad_outputs` in `autograd.grad`, and `gradient` in `backward`. `allow_unused` and "
        "`materialize_grads` belong to `autograd.grad` alone. Otherwise look for a typing mistake.",
    ),
    "argument_missing": Words(
        "an argument is missing",
        "a function was called without an argument that it needs.",
        "The message names it. Compare the call with the function's first line, or with its page in the documentation.",
    ),
    "context_not_called": Words(
        "brackets after no_grad",
        "what stands after `with` cannot be entered.",
        "It needs its brackets: `with torch.no_grad():`.",
    ),
    "too_many_indices": Words(
        "more indices than dimensions",
        "a tensor was indexed in more places than it has dimensions.",
        "A vector has one, a single number none. Print the tensor's shape just before that line.",
    ),
    "single_numbers_end_to_end": Words(
        "stack, not cat",
        "single numbers cannot be laid end to end.",
        "`torch.cat` joins tensors along a dimension that they have, and a single number has none. `torch.stack` makes a vector "
        "of single numbers.",
    ),
    "none_has_no": Words(
        "None, not a tensor",
        "something is None where a tensor was expected.",
        "`backward` returns None, and `.grad` is None until a gradient has landed there: of a tensor that is not a "
        "leaf it stays None. `allow_unused=True` puts None at the place of an input that takes no part.",
    ),
    "zeros_need_unused": Words(
        "zeros for unused inputs, and unused inputs forbidden",
        "`materialize_grads=True` and `allow_unused=False` contradict each other.",
        "Zeros can stand only for an input that is allowed to take no part. Leave `allow_unused` out: "
        "`materialize_grads=True` sets it.",
    ),
    "hook_changed_size": Words(
        "the hook returned another shape",
        "a hook returned a gradient of another shape than it got.",
        "What a hook returns is handed on in the place of the gradient, so it must have the same shape: change its "
        "entries, not their number.",
    ),
}

# Errors that have another cause where derivatives of derivatives are asked for.
AGAIN: dict[str, Words] = {
    "not_in_graph": Words(
        "x is not in the derivative's graph",
        "autograd followed the derivative back and never met that input.",
        "`x[j]` is a new tensor: differentiate by x, and index afterwards. A derivative on which `requires_grad_()` was called "
        "is a leaf of its own, with no way back to x. And a slope that is a parameter does not depend on x: its derivative is "
        "0, which `materialize_grads=True` returns.",
    ),
    "no_graph": Words(
        "the first derivative has no graph",
        "what you differentiate is a derivative that came without a graph.",
        "`create_graph=True` in the first call records the pass backwards, so that its result can be differentiated, too; "
        "`retain_graph=True` only keeps the graph of f. Where f is linear, its derivative is a constant and may have no graph "
        "whatever you ask for: the second derivative is 0 there.",
    ),
}

# Causes that raise nothing: options of `Cause` questions that are keyed by a free name.
CAUSES: dict[str, str] = {
    "too_slow": "Nothing in the message speaks of time. An error's last line says what was met.",
    "wrong_values": "PyTorch does not know which values you wanted: wrong values raise no error.",
}

# What the judge says where no mistake is named.  Keys are Verdict.status or the pattern found.
FINDINGS: dict[str, tuple[str, str]] = {
    "correct": ("Right: {formula_of_truth} on {problems}.", ""),
    "right": ("Right.", ""),
    "no_function": (
        "you gave `check` {kind}; your function itself was asked for.",
        "Give its name, without brackets: it is called here, with inputs that you have not seen.",
    ),
    "unattempted": (
        "Not attempted yet: {number}, about {minutes} minutes.",
        "If your answer is there, delete the line `raise NotImplementedError()` below it, and run its cell again.",
    ),
    "raised": ("PyTorch stopped{place}: `{error}`.", ""),
    "raised_python": ("your code stopped{place}: `{error}`.", ""),
    "signature": (
        "your function takes {misfit}, but it is called with {given}.",
        "Keep the line that starts with `def` as it was given.",
    ),
    "type": ("you returned {kind}; {expected} was asked for.", "{form_help}"),
    "length": (
        "you returned a tuple of {got}; {wanted} gradients were asked for, one for each of {inputs}.",
        "`torch.autograd.grad(outputs, inputs)` returns as many gradients as there are inputs.",
    ),
    "count": (
        "you returned a tuple of {got}; a tuple of {wanted} was asked for.",
        "Read once more what the function returns: one entry for each of what?",
    ),
    "shape": (
        "the shape is {yours}; it must be {true}.",
        "{shape_help}",
    ),
    "dimensions": (
        "a tensor of this shape has another number of dimensions.",
        "A shape has one entry for each dimension: a vector has one, a matrix two, a single number none.",
    ),
    "dtype": (
        "the dtype is {yours}; the inputs are float64, and so must be the result.",
        "A new tensor is float32, or int64 where it is made of whole numbers, unless you say otherwise: "
        "`torch.zeros_like(x)`, `x.new_zeros(…)` or `dtype=x.dtype` keep the input's dtype.",
    ),
    "complex": ("the result is complex; it must be real.", ""),
    "nonfinite": (
        "{count} of {size} entries are {what}.",
        "nan comes from 0/0, ∞/∞, 0·∞, ∞ − ∞ or the root of a negative number; ∞ from a division by 0 or from a number too "
        "large, such as exp(1000). Look for the first line where one appears.",
    ),
    "nonfinite_number": (
        "the result is {what}.",
        "nan comes from 0/0, ∞/∞, 0·∞, ∞ − ∞ or the root of a negative number; ∞ from a division by 0 or from a number too "
        "large, such as exp(1000). Look for the first line where one appears.",
    ),
    "special_point": (
        "right on some of the hidden problems, wrong on others.",
        "Below is one where it is wrong: what is special about its numbers or shapes? Nothing may be typed in that belongs to "
        "one example; compute it from the arguments.",
    ),
    "imprecise": (
        "close, but not close enough: off by {off} relative to the largest entry, {allowed} is allowed.",
        "The formula seems right and the arithmetic rough: a difference quotient whose step is too large or too small, or one from "
        "one side only, or float32 somewhere on the way.",
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
    "sizes_permuted": (
        "the right sizes, in another order.",
        "Say for each place which dimension it counts: which tensor does it come from, and is that its rows or its columns?",
    ),
    "some_right": (
        "{right} of {size} {things} are right: {which}.",
        "{equation_line}",
    ),
    "wrong": ("the values differ, and not in a way that has a name here.", "{equation_line}{sign_line}"),
    "wrong_choice": (
        "this cannot be the answer.",
        "Letters that stand in the table are asked for, in quotes: a single one, or several where several may hold.",
    ),
}

FORMS: dict[str, str] = {
    "tensor": "one tensor",
    "tuple": "a tuple of tensors",
    "numbers": "a number or a list of numbers",
    "shape": "a shape, such as (3,) or (2, 3)",
    "letters": 'letters in quotes, such as "b"',
}

EQUATIONS: dict[str, str] = {
    "in_shape": ", in x's shape {shape}",
    "jacobian": "{m} outputs by {n} inputs → ({m}, {n})",
}

SHAPE_HELP: dict[str, str] = {
    "gradient": "A gradient has the shape of what is differentiated by: one entry for each entry that can be moved.",
    "jacobian": "The Jacobian has one row per output and one column per input: y's shape, then x's.",
    "output": "There is one entry per output, so the result has y's shape.",
    "hessian": "The Hessian has one row and one column per entry of x: x's shape, twice.",
    "number": "It is a single number: a tensor of shape ().",
    "point": "The new point has x's shape. For g of shape (n,), `torch.linalg.solve(H, g)` has shape (n,), too.",
    "value": "Read once more what the result is to hold: one entry for each of what?",
    "predicted": "Count once more how many numbers the result holds.",
}

KINDS: dict[str, str] = {
    "tensor": "a tensor",
    "no_values": "a tensor that holds no values",
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
    "list": "Return the tensor itself; `torch.stack([…])` makes one tensor of several.",
    "tuple/list": "Return a tuple: round brackets.",
    "tuple/tensor": "One result for each of what was asked for, side by side: `return first, second`. Stacked, joined or added up, "
    "they cannot be told apart any more.",
    "numbers/text": "Leave out the quotes.",
    "shape/text": "Leave out the quotes: `return (2, 5)`.",
    "tensor/tuple": "Take out the one that was asked for: `torch.autograd.grad` returns a tuple with one gradient per "
    "input, `torch.func.jvp` a pair of the value and its derivative.",
    "shape/number": "A shape is a tuple even where it has one entry, and then it is written with a comma: (n,).",
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
    "place": " at your line {line}",
    "stale": "{name}.grad before",
    "signs_right": " The shape and all signs are right.",
    "at_places": "at {places}",
    "entries": "entries",
    "results": "results",
    "nan": "nan",
    "infinite": "infinite",
    "or": " or ",
    "hidden": "{count} problems that you had not seen",
    "no_hints": "{title} has no hints: ask your neighbour.",
    "hint": "Hint {k} of {count} for {title}",
    "last_hint": "That was the last one.",
    "next_hint": 'Another: hint("{id}")',
    "other_error": "PyTorch has another message for that case: {says}",
}

NOTICES: dict[str, str] = {
    "unknown_id": 'There is no question "{id}".{nearest} All ids: {address}',
    "nearest": " Did you mean {ids}?",
    "nothing_checked": "Nothing checked yet. Run a `check(…)` cell in an exercise notebook.",
    "no_progress_file": "Progress could not be read from {path} and starts anew: {why}.",
}

# What a class is told: on feedback pages, in nbgrader's log and on the terminal.
CLASSROOM: dict[str, str] = {
    "unreadable": "This file could not be graded.",
    "empty": "The file is empty. Save your notebook, look whether it opens in JupyterLab, and hand it in again.",
    "not_utf8": "The file is not text in UTF-8 (byte {place} cannot be read), so it is no notebook. Hand in the "
    "`.ipynb` file that JupyterLab saves.",
    "not_a_notebook": "The file is not a Jupyter notebook. Hand in the `.ipynb` file that JupyterLab saves, not a "
    "copy in another format.",
    "no_cells": "The notebook has no cells.",
    "not_a_file": "What was handed in is not a file but a link, a pipe or a device. Hand in the `.ipynb` file itself.",
    "too_large": "The notebook is too large: up to 64 MiB, 2000 cells and 2 million characters of source are graded. Clear "
    "its outputs and hand it in again.",
    "slow_to_read": "Reading the notebook took longer than it may. Clear its outputs, save it in JupyterLab, and hand it in "
    "again.",
    "hungry_to_read": "Reading the notebook took more memory than it may. Clear its outputs, save it in JupyterLab, and "
    "hand it in again.",
    "picture": "(a picture)",
    "plain_page": "This page could not be laid out in time, so what you wrote is shown as it is, without pictures, and long "
    "outputs are cut. "
    "Your grade does not depend on that.",
    "mended": "Before grading, this notebook was mended.",
    "duplicate": "There were several cells with the id {id}; the last one counts.",
    "unknown_id": "A cell claims the id {id}, which this unit does not have; it was run like any cell of your own.",
    "reordered": "Cells were out of order; the locked ones were put back to where they belong.",
    "long_text": "A very long text is shown by its first {kept} characters; all of it is in the file that was handed in.",
    "more_notes": "{count} more things were put right.",
    "own_text": "The student's own text:",
    "put_back": "The code that the exercises begin with was missing, changed or moved; the original was run first.",
    "missing": "The locked cell {id} was missing and has been put back.",
    "missing_answer": "The cell {id} is missing: without it there is nothing to check.",
    "changed": "The locked cell {id} had been changed; the original was run.",
    "retyped": "The cell {id} had been given another type, and was given back its own.",
    "check_stopped": "the check did not get to its answer: {error}.",
    "elsewhere_only": "right on the problems that `check` poses, and not on others: it holds for their numbers or shapes only.",
    "wrong_unshown": "the answer is not right, and ended before more could be asked of it.",
    "check_silent": "the check was not run, or nothing came of it: an earlier cell stopped the kernel, or hid the "
    "output.",
    "not_judged": "what the check sent is no answer that can be judged.",
    "check_not_run": "the check was not run, because an earlier cell ended the notebook.",
    "own_cell": "a cell of the student's",
    "not_confined": "Students' code was run without confinement, as --no-sandbox or RunOutside.confined = False says.",
    "bad_secret": "{path} does not hold a course secret. Move it away: a new one is made, and hidden inputs change.",
    "help_confined": "Whether students' code is confined. False runs it with the rights of whoever grades.",
    "help_cell_seconds": "Seconds that one cell may compute or sleep; waiting for a busy processor does not count.",
    "help_notebook_seconds": "Seconds that all cells of one notebook may compute or sleep.",
    "help_cpu_seconds": "Seconds of processor time for one notebook.",
    "help_memory": "Bytes of memory for one notebook, beyond what Python and torch need.",
    "help_file_size": "Bytes of one file in the work folder.",
    "help_open_files": "Files that may be open at once.",
    "help_work_size": "Bytes of all files in the work folder together.",
    "help_threads": "Threads that a notebook may have at once.",
    "help_cell_output": "Characters of output that are kept of one cell.",
    "help_notebook_output": "Characters of output that are kept of one notebook.",
    "help_reading_seconds": "Seconds that reading one submission may take.",
    "help_page_seconds": "Seconds that making one feedback page may take.",
    "no_course": "{folder} is in no course folder: {config} was not found there or above. Go to your clone of the "
    "repository and try again.",
    "nbgrader_failed": "`{command}` failed. The end of its log:\n{log}",
    "no_such_path": "there is no {path}.",
    "no_such_unit": "there is no unit {unit}; there are {known}.",
    "no_gradebook": "there is no gradebook at {db}. nbgrader makes it when it generates or grades a unit.",
    "unread_gradebook": "the gradebook at {db} cannot be read: {why}",
    "no_such_student": "nobody of that name is in the sample class; there are {known}.",
    "not_canonical": "{path} is not in canonical form. Run: grader format {path}",
    "formatted": "{path} put into canonical form",
    "drifted": "{path} is not what solutions/ gives. Run: make exercises",
    "released": "{path} generated from solutions/",
    "interrupted": "Interrupted. Files are either as they were or as they should be; the same command goes on from there.",
    "demo_in_the_way": "{folder} exists and was not made by this command. Move it away, or name another folder: "
    "grader demo FOLDER",
    "demo_starts": "Grading a sample class of {count} in unit {unit} with nbgrader, in {folder}",
    "demo_feedback": "Writing feedback ...",
    "demo_right": "All {count} got exactly the score that they must get. Look at:",
    "demo_amiss": "These did not get the score that they must get: {names}. Look at:",
    "column_questions": "questions",
    "column_score": " score  what the judge said",
    "help": "The grader of the gradient course, for instructors and maintainers.",
    "help_demo": "Grade a sample class with nbgrader and show the result.",
    "help_demo_folder": "where to; it is replaced if an earlier demo made it (default: demo)",
    "help_demo_student": "only this member of the class; may be given several times",
    "help_format": "Put notebooks into canonical form.",
    "help_paths": "a notebook, or a folder of notebooks",
    "help_check": "change nothing; exit with 1 where something would change",
    "help_release": "Generate exercises/ from solutions/ with nbgrader.",
    "help_units": "for instance 05_weighted_vjp; all units where none is named",
    "help_doctor": "Say what this machine offers to confine submissions with, and prove it.",
    "help_questions": "List all questions.",
    "help_grade": "Grade what is in submitted/ for one unit, in parallel: autograded notebooks, gradebook and feedback. What "
    "is graded already and did not change is left alone, so a run that was stopped can be started again.",
    "help_grade_unit": "the assignment, e.g. 05_weighted_vjp",
    "help_grade_student": "only this student; can be given several times",
    "help_jobs": "worker processes on this machine; as many as it has processors if left out",
    "help_dask": "grade on the Dask cluster whose scheduler has this address, e.g. tcp://127.0.0.1:8786",
    "help_db": "URL of the gradebook, if not the configured one, e.g. postgresql+psycopg://user@host/gradebook",
    "help_force": "grade what did not change, too",
    "help_no_sandbox": "run students' code with your own rights, unprotected; the report will say so",
    "help_limit": "a limit for this run in place of the configured one, e.g. cell_seconds=60; can be given several times",
    "help_json": "print what was done as JSON",
    "not_positive": "a whole number above 0 is needed",
    "no_such_limit": "NAME=N is needed, where NAME is one of: {known}",
    "submissions": " submissions",
    "failures": "{count} failed",
    "progress": "{unit}: {done} of {count}, {rate:.1f} a second, {left:.0f} s left, {failed} failed",
    "column_graded": "graded",
    "column_unchanged": "unchanged",
    "column_failed": "failed",
    "remarked": "Graded, and worth a look:",
    "failures_head": "Not graded:",
    "not_in_gradebook": "The gradebook does not know {unit}. Enter it: nbgrader generate_assignment {unit} --force",
    "nobody": "nobody has handed in anything for {unit}. Submissions are looked for in {path}; `nbgrader collect {unit}` "
    "fetches them from the exchange.",
    "no_such_submission": "{student} has handed in nothing for {unit}: there is no such folder in submitted/.",
    "nothing_handed_in": "There is no {names} in the folder. Ask the student for it, or put it there, and run again.",
    "not_opened": "The file cannot be opened ({why}). Look at its owner and mode, and run again.",
    "bad_student": "The name of the folder is too long, or not text in UTF-8, so the gradebook cannot have it as an id.",
    "bad_timestamp": "timestamp.txt says {text!r}, which is no time; the submission is taken to be in time.",
    "lost": "The process that graded this submission died {times} times, so it was set aside with 0 points. Look at it by "
    "hand, and grade it again: grader grade --force --student ID",
    "fault": "Something went wrong with this submission ({error}). The others were graded. Look at what lies in its folder, "
    "and run again; if there is nothing odd, please report this.",
    "no_process": "The process that runs submissions ended twice under this one, and works for others: {why} The submission was "
    "set aside with 0 points; look at it by hand.",
    "a_link": "it is a link, and could lead to another student's work",
    "linked": "The student's folder is a link, and links are not followed: it could be somebody else's work. Ask for the "
    "files themselves.",
    "left_beside": "Of the files beside the notebook only timestamp.txt was taken along: {why}. The grade does not depend on "
    "them.",
    "no_file_beside": "a link, a pipe or a device lies there",
    "linked_output": "{folder} or the folder above it is a link. Grading writes there; put a folder in its place.",
    "left_out": "{folder} was left out: {why}. `grader grade` can deal with that.",
    "odd_name": "its name holds a line end, or a sign that nbgrader takes for a pattern",
    "odd_time": "its timestamp.txt is no small file",
    "too_many_files": "there are more than {most} files and folders",
    "too_deep": "folders lie more than {most} deep, or a name is too long",
    "too_large_beside": "they have more than {most} MB",
    "unknown_zone": "timestamp.txt says {text!r}, whose time zone is not known; it was read as UTC.",
    "no_driver": "The database needs the package {driver}, which is not installed: pip install {driver}",
    "database_locked": "The gradebook {url} is in use by another program ({why}). Close it, the formgrader too, and run "
    "again: what is graded so far is kept.",
    "database_refused": "The gradebook {url} refuses: {why}. What is graded so far is kept; mend it and run again.",
    "no_dask": "Dask is not installed here: pip install distributed",
    "no_scheduler": "There is no Dask scheduler at {address} ({why}). Start one with `dask scheduler`.",
    "no_workers": "The Dask scheduler at {address} has no workers. Start some with `dask worker {address}`.",
    "no_release": "{path} is missing, which submissions are compared with. Make it: nbgrader generate_assignment "
    "{unit}",
}

# What is said of the sandbox: to the student whose submission breached a limit, and to the instructor.
SANDBOX: dict[str, str] = {
    "no_warm_process": "The process that runs submissions has ended. Run `grader doctor` to see what is missing here.",
    "not_emptied": "{folder} still holds what an earlier submission left, and cannot be emptied. Remove it and run again.",
    "unconfined": "This machine cannot confine a submission ({layer}), so nothing was run. `grader doctor` says what is "
    "missing; `--no-sandbox` of `grader grade` runs students' code without protection, as does "
    "`nbgrader autograde --RunOutside.confined=False`.",
    "cell_time": "This cell ran longer than it may, and was stopped.",
    "notebook_time": "The notebook as a whole ran longer than it may; the cells from here on were not run.",
    "output": "This cell printed more than is kept; the rest was cut off.",
    "notebook_output": "The notebook as a whole printed more than is kept; what came from here on was cut off.",
    "memory": "This cell needed more memory than it may use.",
    "file_size": "This cell wrote a larger file than it may.",
    "cpu": "The notebook as a whole used more processor time than it may, and ended in this cell. The cells after it "
    "were not run.",
    "left": "This cell ended the notebook's process. The cells after it were not run.",
    "work_size": "The notebook wrote more files than it may, and was ended in this cell. The cells after it were not run.",
    "threads": "The notebook started more threads than it may, and was ended in this cell. The cells after it were not "
    "run.",
    "ended": "The notebook was ended in this cell: it crashed, used more than it may, or sent what no cell sends. The "
    "cells after it were not run.",
    "no_start": "A process for a submission was made, but it did not get ready. Run `grader doctor`; if it is content, "
    "the limits may be too low.",
}

# What the judge found where no mistake has a name, as a class report speaks of it.  Keys are Verdict.status.
STATUSES: dict[str, Words] = {
    "no_function": Words("called before it was handed in", "`check` was given a result, not the function itself.", ""),
    "signature": Words("other arguments", "the line that starts with `def` was changed.", ""),
    "raised": Words("stopped by another error", "the code raised an error that has no explanation here.", ""),
    "type": Words(
        "another type of result", "something else than a tensor, or the tensors asked for, was returned.", ""
    ),
    "length": Words("another number of gradients", "there must be one gradient for each input.", ""),
    "count": Words("another number of results", "the function must return as many results as are asked for.", ""),
    "shape": Words(
        "another shape", "the result has another shape than the true one, and no known mistake gives it.", ""
    ),
    "complex": Words("complex numbers", "the result must be real.", ""),
    "dtype": Words("another dtype", "the result is not float64 as its inputs are.", ""),
    "nonfinite": Words("nan or ∞", "entries of the result are no finite numbers.", ""),
    "imprecise": Words("computed roughly", "the formula seems right and the arithmetic rough.", ""),
    "special_point": Words("right for one example only", "right on some of the hidden problems, wrong on others.", ""),
    "multiple": Words("a multiple of the truth", "all entries are off by one factor that no known mistake gives.", ""),
    "transpose": Words("transposed", "rows and columns are exchanged.", ""),
    "permuted": Words("in another order", "the right values stand at other places.", ""),
    "some_right": Words("partly right", "some entries or results are right, others are not.", ""),
    "wrong_choice": Words("another choice", "a prediction that is not the true one.", ""),
    "wrong": Words("wrong in a way of its own", "the values differ, and no known mistake gives them.", ""),
}

# What stands in a sentence about a mistake where there is no single answer whose numbers could stand there.
REPORT_FACTS: dict[str, str] = {
    "cause_words": "",
    "note": "",
    "letter": "one of the lines",
    "which": "one of them",
    "name": "another tensor",
    "formula": "2Ax or 2Aᵀx",
    "kept": "one of the two parts",
    "lost": "the other",
    "order": "another",
    "steps": "another number",
    "vy": "vᵀy",
}

# Names that say enough beside a student's own answer, and too little in a list of all mistakes.
REPORT_NAMES: dict[str, str] = {
    "letter_missed": "left out a line that raises the error",
    "letter_too_many": "chose a line that does not raise the error",
    "call_missed": "left out a call that raises the error",
    "call_too_many": "chose a call that does not raise the error",
    "fact_missed": "left out a statement that holds",
    "fact_too_many": "chose a statement that does not hold",
    "saved_missed": "left out a statement that holds",
    "saved_too_many": "chose a statement that does not hold",
    "other_cause": "took another cause for that of the error",
}

# The report on a class, for its instructor.
REPORT: dict[str, str] = {
    "title": "{unit}: how the class did",
    "subtitle": "{submissions} submissions, {points} points · {when}",
    "subtitle_undated": "{submissions} submissions, {points} points",
    "unconfined": "Graded without the sandbox: {count} of {submissions} submissions.",
    "unconfined_help": "Their code ran with the rights of whoever graded. It could read and change scores, files and other "
    "submissions, so nothing on this page is sure for them: grade them again with confinement.",
    "figure_graded": "graded",
    "figure_graded_all": "all submissions",
    "figure_graded_not": "{count} could not be graded",
    "figure_median": "median score",
    "figure_quarters": "half the class lies between {low} and {high}",
    "figure_full": "all points",
    "figure_none": "no points",
    "figure_share": "{share} of the class",
    "figure_mistake": "most common mistake",
    "figure_no_mistake": "none has a name",
    "figure_human": "need a person",
    "figure_human_where": "see below",
    "figure_human_none": "nothing is left to do",
    "of": "{n} of {total}",
    "scores": "Scores",
    "scores_lead": "How many students got how many of the {points} points. These are the gradebook's totals, with what was "
    "given by hand and taken off for lateness.",
    "scores_late": "Points were taken off for lateness from {count} of them.",
    "scores_alt": "Histogram of scores. {bars}",
    "scores_bar": "{low} to below {high} points: {count}",
    "scores_last": "{low} points or more: {count}",
    "scores_axis": "points",
    "questions": "Questions",
    "questions_lead": "What became of each question in the {graded} submissions that could be graded.",
    "question": "question",
    "share": "what became of it",
    "share_right": "right",
    "share_partly": "partly",
    "share_wrong": "wrong",
    "share_untouched": "untouched",
    "share_unjudged": "not judged",
    "mean": "mean score",
    "facility": "facility",
    "facility_tried": "if tried",
    "discrimination": "discrimination",
    "few": "too few",
    "same": "all alike",
    "facility_note": "Facility is the mean score divided by the points: 1 if all was right, 0 if nothing was. “If tried” leaves "
    "out who did not touch the question.",
    "discrimination_note": "Discrimination is the correlation of a question's score with the score on all other questions, "
    "r = corr(xₖ, T − xₖ), the corrected item-total correlation (Henrysson, Psychometrika 28, 1963). A question that strong "
    "students get right and weak ones do not is near 1; below {weak} it tells them apart badly.",
    "discrimination_error": "With {count} submissions each of these figures has a standard error of about {error}.",
    "discrimination_few": "It is not shown here: with {count} submissions it would mostly be chance, and at least {fewest} are "
    "needed.",
    "flags": "Questions to look at",
    "flags_few": "With {count} submissions none is called too easy or too hard; at least {fewest} are needed.",
    "flags_none": "None is too easy (facility above {easy}) or too hard (below {hard}).",
    "flags_apart": "None tells strong from weak badly.",
    "flag_easy": "Too easy: facility {facility}. Nearly everybody gets all of it, so it tells little; as a first step it may be "
    "just right.",
    "flag_hard": "Too hard: facility {facility}; {untouched} did not touch it.",
    "flag_weak": "Tells strong from weak badly: discrimination {discrimination}.",
    "flag_negative": "Students who are strong elsewhere do worse here: discrimination {discrimination}. Read its text again: it "
    "may be ambiguous.",
    "mistakes": "Which mistakes this class makes",
    "mistakes_lead": "Answers by mistake and question: the deeper the colour, the more answers. What a mistake is stands below.",
    "mistakes_none": "No wrong answer was found.",
    "mistakes_map": "Map of mistakes",
    "mistake": "mistake",
    "all": "all",
    "kind_mistake": "mistakes with a name",
    "kind_error": "stopped by an error",
    "kind_other": "wrong without a name",
    "words": "In plain words",
    "words_lead": "The most frequent first, with the lesson that explains it.",
    "who": "{count} students",
    "who_one": "1 student",
    "where": "in {questions}",
    "where_many": "in {count} questions",
    "repeat": "repeat {lesson}",
    "lessons": "What to repeat",
    "lessons_lead": "Lessons by the number of students who made a mistake that they explain.",
    "lesson": "lesson",
    "lesson_students": "students",
    "lesson_mistakes": "because of",
    "human": "Submissions that need a person",
    "human_lead": "{count} of {submissions}, the gravest first. A name leads to the feedback page that the student gets.",
    "human_none": "None: every submission was read and graded as it was handed in.",
    "student": "student",
    "reason": "why",
    "needs_aside": "set aside",
    "needs_unreadable": "unreadable",
    "needs_limit": "limit reached",
    "needs_stopped": "not judged",
    "needs_hand": "waits for a score by hand",
    "needs_mended": "mended",
    "no_card": "the graded notebook holds no verdict.",
    "resources": "Time and memory",
    "resources_lead": "Of {count} submissions: wall time of the run, and memory at its peak.",
    "resources_none": "They were not recorded. `grader grade` records them; `nbgrader autograde` does not.",
    "resource": "per submission",
    "median": "median",
    "p90": "nine of ten stay within",
    "largest": "largest",
    "whose": "whose",
    "seconds": "seconds",
    "memory": "memory",
    "mebibytes": "{n} MiB",
    "everyone": "Everyone",
    "everyone_lead": "Every student and question: ✓ right, ◐ partly, ✗ wrong, ○ untouched, – not judged.",
    "score": "score",
    "sum_class": "{submissions} submissions of {unit}, {graded} of them with answers to judge.{confined}",
    "sum_unconfined": " {count} ran WITHOUT the sandbox.",
    "sum_scores": "Median {median} of {points} points; {full} have all, {none} have none.",
    "sum_questions": "Hardest: {hardest} (facility {low}). Easiest: {easiest} ({high}).",
    "sum_mistake": "Most common mistake: {name} ({who}). Repeat {lesson}.",
    "sum_no_mistake": "No mistake with a name, and no explained error.",
    "sum_human": "{count} submissions need a person.",
    "sum_human_one": "1 submission needs a person.",
    "written": "Written: {path}",
    "nothing": "nothing of {unit} was graded yet. Run: grader grade {unit}",
    "nothing_at_all": "nothing was graded yet. Run: grader grade UNIT",
    "help_report": "Write a page about how a class did in a unit: scores, questions, mistakes, who needs a person.",
    "help_unit": "for instance 05_weighted_vjp",
    "help_html": "where the page goes (default: report/UNIT.html in the course)",
    "help_json": "write the same as JSON, too",
    "help_csv": "write the same as a table, too",
    "help_db": "the gradebook's URL (default: gradebook.db in the course)",
    "help_units": "for instance 05_weighted_vjp; all that were graded where none is named",
    "help_export": "Write grades as a table that Canvas, Moodle or a spreadsheet imports.",
    "help_to_canvas": "for Canvas: Gradebook, Import. Students are found by their SIS login id",
    "help_to_moodle": "for Moodle: Grades, Import, CSV file. Map from “Identifier” to what your ids are",
    "help_to_csv": "a line for each student and question",
    "help_out": "where to (default: the terminal)",
}

DOCTOR: dict[str, str] = {
    "privileges": "no program, were one started, could gain privileges",
    "read_home": "a file outside of the libraries cannot be read",
    "list_root": "folders outside cannot be listed",
    "write_outside": "nothing can be written outside of the work folder",
    "read_processes": "nothing can be learnt of processes, not even of its own environment",
    "start_program": "no other program can be started",
    "fork": "no other process can be started",
    "socket": "no socket can be opened",
    "signal_others": "no signal can be sent to another process",
    "processors": "no other processor can be used than the one it was given",
    "memory": "memory is limited",
    "open_files": "open files are limited",
    "other_processes": "no process outside has a number that could be named",
    "network": "there is no network to reach",
    "without": "(this kernel does not grant it; seccomp, alone, refuses what it would hide)",
    "cannot": "Submissions cannot be confined here: {why}",
    "well": "Submissions can be graded here.",
    "not_well": "Submissions must not be graded here as it is: what is marked ✗ is not refused.",
}


def cause(key: str) -> str:
    """What to say to someone who took ``key`` for the cause of another error."""
    return CAUSES[key] if key in CAUSES else CARD["other_error"].format(says=ERRORS[key].says)


def explained(key: str, again: bool = False) -> str:
    """What an error means and what to do: ``again`` where a derivative is differentiated and the cause is another."""
    text = (AGAIN if again else ERRORS)[key]
    return f"{text.says[0].upper()}{text.says[1:]} {text.why}"


def fill(template: str, facts: Mapping[str, Any]) -> str:
    """The template with its placeholders filled from facts."""
    return template.format_map(facts)
