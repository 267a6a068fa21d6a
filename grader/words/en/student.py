"""What a student is told: on cards, about errors, in hints, in pictures and on feedback pages."""

from grader.words.entry import Words

# What the judge says if it names no mistake.  Keys are values of Verdict.status or the pattern found.
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
        "{shape_help}{about}",
    ),
    "dimensions": (
        "a tensor of this shape has another number of dimensions.",
        "A shape has one entry for each dimension: a vector has one, a matrix two, a single number none.",
    ),
    "dtype": (
        "the dtype is {yours}; the inputs are {true}, and so must be the result.",
        "A new tensor is float32, or int64 where it is made of whole numbers, unless you say otherwise: "
        "`torch.zeros_like(x)`, `x.new_zeros(…)` or `dtype=x.dtype` keep the input's dtype.",
    ),
    "complex": ("the result is complex; it must be real.", ""),
    "not_complex": (
        "the result is real, of dtype {yours}; it must be complex, of dtype {true}.",
        "A real tensor holds one of the two parts, or the size of each number: `.real`, `.imag` and `.abs()` make such tensors.",
    ),
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
        "one example; compute it from the arguments.{about}",
    ),
    "imprecise": (
        "close, but not close enough: off by {off} relative to the largest entry, {allowed} is allowed.",
        "The formula seems right and the arithmetic rough: a difference quotient whose step is too large or too small, or one from "
        "one side only, or from a point that was not moved back after the step before it; a small number added to avoid a division by 0; or float32 "
        "somewhere on the way.",
    ),
    "multiple": (
        "this is {factor} times the right answer.",
        "{factor_name} Look for the line that brings in such a factor: a mean for a sum, a 2 from a square, a step, a length.",
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
        "{equation_line}{about}",
    ),
    "wrong": ("the values differ, and not in a way that has a name here.", "{equation_line}{about}"),
    "no_operation": (
        "you gave `check` {kind}; a class that is derived from `torch.autograd.Function` was asked for.",
        "Give the name of the class, without brackets, or its `apply`. Nobody makes an instance of it: PyTorch calls `forward` and "
        "`backward`, and only where `apply` was used.",
    ),
    "nonfinite_gradient": (
        "the value is right, but {count} of {size} entries of its gradient are {what}.",
        "Somewhere on the way back an infinite slope meets a factor of 0, and 0·∞ is nan. `torch.where` differentiates both of "
        "its branches, and multiplies the one that was not taken by 0: what goes into that branch must be harmless, too.",
    ),
    "wrong_text": (
        "this is another text than the one that was asked for.",
        "Texts are compared letter by letter; blanks around them do not matter.",
    ),
    "wrong_choice": (
        "this cannot be the answer.",
        "Letters that stand in the table are asked for, in quotes: a single one, or several where several may hold.",
    ),
    "no_class": (
        "you gave `check` {kind}; the class itself was asked for.",
        "Give its name, without brackets: nodes are made of it here, with values that you have not seen.",
    ),
    "unfinished": (
        "one part is still open: {expression}.",
        "Whatever else you have written is right. Write that rule, delete the line `raise NotImplementedError()` "
        "below it, and run the cell again.",
    ),
}


# What is right about a wrong value that has no name, and what it resembles.
ABOUT: dict[str, str] = {
    "here": "Where it is wrong, {says}",
    "value_here": "Where it is wrong, it has the value that one mistake gives: {name}.",
    "shape_here": "Its shape there is {yours}; it must be {true}.",
    "same": "It is the same on all problems, though their inputs differ: is it computed from the arguments, or from names "
    "outside your function?",
    "zero": "Every entry is 0: was a constant differentiated, or a new tensor of zeros never filled?",
    "reshaped": "The numbers are right and in the right order; only the shape is not.",
    "to_be_added": "Added up over dimension {dim}, it is the right answer.",
    "to_be_averaged": "Averaged over dimension {dim}, it is the right answer.",
    "added_up": "It is the right answer, added up over dimension {dim}.",
    "averaged": "It is the right answer, averaged over dimension {dim}.",
    "shifted": "Every entry differs from the right one by {by}.",
    "plus": "It is the right answer plus {name}.",
    "minus": "It is the right answer minus {name}.",
    "times": "It is the right answer times {name}, entry by entry.",
    "divided": "It is the right answer divided by {name}, entry by entry.",
    "rows": "It is a weighted sum of the rows of J, but with the weights {weights} instead of {v}.",
    "off_rows": "It is no weighted sum of the rows of J, whatever the weights: something else than the weight is wrong.",
    "elsewhere": "It would be right if {name} were {place}.",
    "exchanged": "It would be right if {one} and {other} were exchanged.",
    "signs_right": "The shape and all signs are right.",
    "one_sign": "The shape and all signs but one, at {place}, are right.",
    "right_size": "The size is about right.",
    "too_large": "It is about {times} times too large.",
    "too_small": "It is about {times} times too small.",
    "factor": "That factor is {name}.",
}

# Numbers by which people multiply or divide, as sentences name them.
FACTORS: dict[str, str] = {
    "outputs": "the number of outputs",
    "entries": "the number of entries of {name}",
    "weighted_sum": "{name}·y",
    "one_over": "one over {name}",
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
    "batched_weight_shape": Words(
        "the batch of weights has the wrong shape",
        "with `is_grads_batched=True`, the weight does not have one dimension more than the output.",
        "The first dimension of `grad_outputs` counts the weights; the others must be those of y. For y of shape (m,), B weights "
        "are a tensor of shape (B, m). A single weight of y's own shape needs no batch, and a transposed V has the two "
        "dimensions exchanged.",
    ),
    "vmap_sizes": Words(
        "batches of different sizes",
        "`vmap` was to take apart tensors that do not have the same number of entries to hand out.",
        "Without `in_dims`, every argument is taken apart along its first dimension, even one that all samples share, such as "
        "the parameters. `in_dims=(None, 0)` hands the first argument over whole, and the rows of the second one by one.",
    ),
    "in_dims_form": Words(
        "in_dims does not fit the arguments",
        "`in_dims` does not say for each argument whether it is batched, or it says that none is.",
        "It has one entry for each argument of the function: the dimension that counts the samples, or None for an argument "
        "that all samples share. At least one of them is not None.",
    ),
    "vmap_sees_no_values": Words(
        "a value inside vmap",
        "inside `vmap` a tensor was turned into a Python number, or an `if` depended on one.",
        "`vmap` runs the function once for all samples together, so there is no single value to look at. Stay with tensors: "
        "`torch.where(…)` chooses for each sample.",
    ),
    "number_for_grad": Words(
        "grad needs one number",
        "`torch.func.grad` got a function that returns more than one number, or a tuple.",
        "A gradient belongs to a single number. Give it the loss of one sample, and let `vmap` call the result for each of them; "
        "a function with several outputs has a Jacobian: `jacrev` or `jacfwd`. And of the pair that `jvp` returns, take out the "
        "one that is meant.",
    ),
    "transform_not_called": Words(
        "arguments in the wrong pair of brackets",
        "the arguments of the function were given to the transform.",
        "`grad(f)`, `vmap(f, in_dims=…)` and `jacfwd(f)` return functions. The first pair of brackets says what to do with f, the "
        "second holds the arguments: `grad(f)(x)`, `vmap(f, in_dims=(None, 0))(w, X)`.",
    ),
    "parameters_as_dict": Words(
        "parameters as a dict",
        "parameters were handed over in a form that `torch.func` cannot take.",
        "`grad` and `vmap` take tensors, and tuples, lists and dicts of tensors, but no model. `functional_call` takes the "
        "parameters by name: `params = dict(model.named_parameters())`.",
    ),
    "backward_in_transform": Words(
        "backward inside a transform",
        "`backward` was called inside a transform of `torch.func`, such as `vmap` or `grad`.",
        "What is transformed must be a function that returns its result and changes nothing outside. Use "
        "`torch.func.grad` there instead of `backward` and `.grad`.",
    ),
    "no_dual_level": Words(
        "a dual number outside of its level",
        "a dual number was made where forward mode is not switched on.",
        "Make it, compute with it and unpack it inside of `with forward_ad.dual_level():`.",
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
    "no_graph_in_transform": Words(
        "autograd.grad inside a transform",
        "`autograd.grad` or `backward` finds no graph inside a transform of `torch.func`, such as `vmap` or `jvp`.",
        "A transform hands over tensors of its own, which do not require a gradient. Use `torch.func.grad` there: it "
        "differentiates a function, and needs no `requires_grad`. If no transform calls that line, something cut the graph: "
        "`.detach()`, `.item()` or `torch.no_grad()`.",
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
    "expand_sizes": Words(
        "expand does not fit",
        "a tensor was to be expanded to a shape that it does not fit.",
        "`expand` and `expand_as` repeat along dimensions of size 1, and may add dimensions in front. All other sizes must be those "
        "of the target, counted from the last one backwards. Give the tensor its dimensions of size 1 first, for example with "
        "`.view(-1, 1, 1, 1)`: as many in all as the target has.",
    ),
    "norm_over_too_many": Words(
        "a norm over more than two dimensions",
        "this norm takes one dimension, or two as those of a matrix.",
        "`torch.linalg.vector_norm(g, dim=(1, 2, 3))` takes any number of dimensions. Or make one of them first: "
        "`g.flatten(1).norm(dim=1)`.",
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
    "direction_dtype": Words(
        "a direction of whole numbers",
        "the direction is an integer tensor.",
        "A direction has the dtype of the input that moves along it: start from `torch.zeros_like(x)`, or convert with "
        "`.to(x.dtype)`.",
    ),
    "not_a_matrix": Words(
        "@ needs two tensors",
        "`@` was given something that is not a tensor.",
        "`@` is the matrix product of two tensors. A number is multiplied with `*`; a list must become a tensor first.",
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
    "index_into_number": Words(
        "an index into a single number",
        "a single number was indexed.",
        "A NumPy number has no entries. Print the value and its shape just before that line.",
    ),
    "batch_dimension_gone": Words(
        "no batch dimension inside vmap",
        "a tensor was indexed in more places than it has dimensions inside `vmap`.",
        "`vmap` hands over one sample at a time: an argument that `in_dims` takes apart has one dimension less inside the function. "
        "Write the function for a single sample.",
    ),
    "single_numbers_end_to_end": Words(
        "stack, not cat",
        "single numbers cannot be laid end to end.",
        "`torch.cat` joins tensors along a dimension that they have, and a single number has none. `torch.stack` makes a vector "
        "of single numbers.",
    ),
    "network_called_otherwise": Words(
        "the network called with other shapes",
        "the network was called with something else than tensors of N rows.",
        "It takes all points at once, one in each row: shape (N, 1) for each variable, and the same N for all. "
        "`x[:, None]` makes (N, 1) of (N,), and `torch.zeros(1, 1)` is the point 0.",
    ),
    "none_to_torch": Words(
        "None where a tensor belongs",
        "a function of PyTorch was given None for a tensor.",
        "None comes of a gradient that does not exist, as `allow_unused=True` gives it, of a `.grad` that no `backward` has "
        "filled, or of a function without `return`.",
    ),
    "module_for_its_values": Words(
        "the network for its values",
        "the network itself was given where its values belong.",
        "u is a module. Its values at the points are what it returns, `y = u(x, t)`; differentiate these, and with respect to "
        "the points.",
    ),
    "budget_spent": Words(
        "too many calls",
        "what you were handed was called more often than this exercise allows.",
        "Print the loss every fifty steps or so. If it stopped falling long ago, end there; if it is still falling when the "
        "budget ends, take larger steps or another optimizer. Several points can go into one call, one in each row.",
    ),
    "number_among_tensors": Words(
        "a plain number among tensors",
        "tensors are joined here, and one of the pieces is a plain number.",
        "Make a tensor of it, in the shape of its neighbor: `torch.zeros_like(x)` for 0, `torch.full_like(x, 0.5)` for any "
        "other number.",
    ),
    "optimizer_takes_a_list": Words(
        "no list of parameters",
        "an optimizer takes a list of tensors, even if there is only one.",
        "Write `torch.optim.SGD([k], lr=…)`, with brackets around a single tensor; of a model, `model.parameters()`.",
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
    "gradient_count": Words(
        "one gradient for each argument",
        "`backward` returned more or fewer gradients than `forward` has arguments.",
        "It returns a tuple, not a list: one gradient for each argument of `forward` after ctx, in that order, and None for those that "
        "have no gradient, such as numbers and flags.",
    ),
    "gradient_shape": Words(
        "a gradient of the wrong shape",
        "`backward` returned a gradient whose shape is not that of its argument.",
        "Each gradient has the shape of the argument of `forward` at its place. Either the gradients stand in the wrong order, or "
        "one of them was summed, or a broadcast was not undone.",
    ),
    "gradient_no_tensor": Words(
        "a gradient that is no tensor",
        "`backward` returned something else than tensors and None.",
        "Return the gradients side by side, `return first, second`: not in a tuple within the tuple, and not as numbers or "
        "NumPy arrays.",
    ),
    "gradient_not_none": Words(
        "a gradient for what is no tensor",
        "`backward` returned a gradient for an argument that is no tensor, or not differentiated.",
        "At the place of a number, a flag or a shape, return None.",
    ),
    "output_no_float": Words(
        "an output of integers",
        "an operation was differentiated whose output is an integer tensor.",
        "Only floating-point tensors have gradients, even where all entries are whole: `torch.round` keeps the dtype, `.int()` and "
        "`.long()` do not.",
    ),
    "input_returned": Words(
        "the input itself was returned",
        "`forward` returned the very tensor that it was given, and saved it as well.",
        "Was it changed in place, as `round_()` does? Compute a new tensor: `torch.round(x)`, or `x.clone()`.",
    ),
    "saves_tensors_only": Words(
        "only tensors are saved",
        "`ctx.save_for_backward` was given something that is no tensor.",
        "A number, a flag or a shape is simply put on ctx: `ctx.bound = bound`.",
    ),
    "not_on_ctx": Words(
        "not on ctx",
        "`backward` asks ctx for something that was not put there.",
        "What went through `ctx.save_for_backward(x)` comes back by `(x,) = ctx.saved_tensors`. Only what was set as `ctx.bound = bound` is "
        "read as `ctx.bound`.",
    ),
    "setup_context_missing": Words(
        "torch.func needs setup_context",
        "a Function without `setup_context` was used under `torch.func`.",
        "There, `forward(x, …)` computes and takes no ctx, and `setup_context(ctx, inputs, output)` saves what `backward` needs. "
        "Both are static methods.",
    ),
    "forward_takes_ctx": Words(
        "one argument too many in the definition",
        "a function was called with fewer arguments than it has.",
        "Beside a `setup_context`, `forward` takes no ctx: `forward(x, bound)`. ctx goes to `setup_context` and to `backward`.",
    ),
    "instance_of_function": Words(
        "an instance of a Function",
        "an instance of a Function was called.",
        "Nobody makes an instance: use the class, by `MyFunction.apply(x)`.",
    ),
    "method_missing": Words(
        "forward or backward is missing",
        "a Function has no `forward`, or no `backward`.",
        "Both are static methods of the class: look at their names, and whether they are indented as much as each other.",
    ),
    "differentiated_twice": Words(
        "marked as differentiable once",
        "a backward that is marked with `@once_differentiable` was differentiated.",
        "The mark is there to turn a wrong second derivative into this error, where the backward pass reaches it. For a right one, take "
        "the mark away and compute in `backward` with saved inputs and outputs only.",
    ),
    "nan_handed_back": Words(
        "nan found by anomaly mode",
        "anomaly mode is on, and this node handed back a nan.",
        "The name in quotes is that of the first node on the way back that did. To go on after it, catch the RuntimeError and look at its text.",
    ),
    "gradcheck_failed": Words(
        "the check failed",
        "what `backward` gives does not agree with finite differences.",
        "That is what the check is for. Where the result is wanted rather than an error, pass `raise_exception=False`: it then returns False.",
    ),
    "check_needs_grad": Words(
        "nothing to check",
        "none of the inputs of the check requires a gradient.",
        "`.double()` keeps what was declared, and declares nothing. Declare it: `x.double().requires_grad_()`.",
    ),
    "complex_needs_weight": Words(
        "a complex output needs a weight",
        "a single number counts 1 without being told only if it is real.",
        "For complex outputs say the weight: `grad_outputs=torch.ones_like(y)`. Or differentiate a real number, such as `y.real.sum()`.",
    ),
    "real_inputs_only": Words(
        "complex inputs where only real ones are taken",
        "`jacrev`, `jacfwd` and `hessian` take real inputs only, and this one is complex.",
        "Where each output depends on its own input alone, no Jacobian is needed: one call of `torch.autograd.grad` with a "
        "weight of ones, or of `torch.func.jvp` with a direction of ones, gives all the derivatives.",
    ),
    "complex_weight": Words(
        "a real weight for a complex output",
        "the output is complex, and its weight is not.",
        "`torch.ones_like(y)` has y's shape and its dtype.",
    ),
    "unpack_count": Words(
        "another number of values",
        "a line with several names on its left got more or fewer values than names.",
        "`ctx.saved_tensors` holds exactly what one call of `ctx.save_for_backward(…)` was given, and is a tuple even for one: "
        "`(x,) = ctx.saved_tensors`.",
    ),
    "leaf_without_rule": Words(
        "None was called",
        "None was called as if it were a function.",
        "In an engine, a leaf has no rule: its `pull` is None. Ask for `node.parents` before you call `node.pull`. "
        "Elsewhere, look for a name that was set to None.",
    ),
    "none_for_whole_number": Words(
        "None for a whole number",
        "None stands where a whole number is needed.",
        "Where an axis may be None, for all axes, that case must be treated by itself: `if axis is None`.",
    ),
    "number_in_torch": Words(
        "no tensor for torch's function",
        "a function of torch was given a plain number or a NumPy array.",
        "torch's functions take tensors. For numbers and arrays there are NumPy's: `np.cos`, `np.exp`.",
    ),
    "truth_of_an_array": Words(
        "an if about many entries",
        "an `if`, `and` or `or` was given an array with several entries.",
        "Some entries may be true and some false. Decide entry by entry: `np.where(condition, a, b)`, or g times the "
        "condition.",
    ),
    "node_in_numpy": Words(
        "a node, not its data",
        "a NumPy function was given an object that it cannot compute with.",
        "If it is a node of an engine: a node is not an array, its value is `self.data`, its gradient `self.grad`.",
    ),
    "number_gone_through": Words(
        "a number, not a tuple",
        "a single number stands where several values are gone through.",
        "A rule returns one gradient for each parent, as a tuple. With one parent, it is the comma that makes the "
        "tuple: `return (g * slope,)`.",
    ),
    "too_many_arguments": Words(
        "more arguments than the function takes",
        "a function was called with more arguments than it takes.",
        "Compare its first line, the one with `def`, with the one that you were given, the default values included. "
        "The methods of an `autograd.Function` are called by PyTorch: `forward(ctx, …)` and `backward(ctx, v)` get a ctx first.",
    ),
    "endless_recursion": Words(
        "recursion without an end",
        "a function calls itself without end.",
        "If it is meant to, one case must end that: in a graph, a leaf, which has no parents, and a node that has been visited "
        "before. If it is not: a name is looked up when the function runs, so after `f = lambda z: 2 * f(z)` the f inside is "
        "the new function; give that one another name.",
    ),
    "operator_missing": Words(
        "no such operation between these two",
        "Python knows no such operation between values of these two types.",
        "The message names both types. For objects of a class, an operator is a method: `a - b` calls "
        "`a.__sub__(b)`, and `3 - b` calls `b.__rsub__(3)`. Look whether the class has that method, with two "
        "underscores on either side.",
    ),
    "no_index": Words(
        "square brackets on something without entries",
        "square brackets were put after an object that has no entries.",
        "The message names its type. For objects of a class, `x[key]` calls `x.__getitem__(key)`; look whether the "
        "class has that method.",
    ),
    "object_has_no": Words(
        "no such attribute",
        "an object was asked for something that it does not have.",
        "The message names its type and the attribute. Look whether the name is spelled as it was given, whether "
        "this is the class that you meant or one that it extends, and whether a plain number stands in the place of "
        "an object.",
    ),
}


# Errors that have another cause when a derivative is differentiated.
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


# Options of `Cause` questions that are no PyTorch errors; their keys are names made up for them.
CAUSES: dict[str, str] = {
    "too_slow": "Nothing in the message speaks of time. An error's last line says what was met.",
    "wrong_values": "PyTorch does not know which values you wanted: wrong values raise no error.",
}


FORMS: dict[str, str] = {
    "tensor": "one tensor",
    "tuple": "a tuple of tensors",
    "numbers": "a number or a list of numbers",
    "shape": "a shape, such as (3,) or (2, 3)",
    "letters": 'letters in quotes, such as "b"',
    "text": "a text",
    "numbers_in_tuple": "a tuple of numbers",
    "tuple_with_numbers": "a tuple of tensors and numbers",
    "gradients": "a number or a NumPy array for each parent",
}


EQUATIONS: dict[str, str] = {
    "in_shape": ", in x's shape {shape}",
    "value_and_gradient": "y and {formula}",
    "loss_and_gradient": "{formula} and its gradient with respect to the parameters",
    "gradient_of": "the gradient of {formula}",
    "value_and_derivatives": "y, {formula} and the derivative of that",
    "jacobian": "{m} outputs by {n} inputs → ({m}, {n})",
    "batched_vjp": "({B}×{m})·({m}×{n}) → ({B}, {n})",
}


SHAPE_HELP: dict[str, str] = {
    "gradient": "A gradient has the shape of what is differentiated by: one entry for each entry that can be moved.",
    "jacobian": "The Jacobian has one row per output and one column per input: y's shape, then x's.",
    "output": "There is one entry per output, so the result has y's shape.",
    "hessian": "The Hessian has one row and one column per entry of x: x's shape, twice.",
    "sample_gradients": "There is one gradient per sample: N first, then the shape of what is differentiated with respect to.",
    "sample_hessians": "There is one Hessian per sample: N first, then x's size twice.",
    "batched_vjp": "There is one weighted gradient for each weight: as many rows as V has, each in x's shape.",
    "number": "It is a single number: a tensor of shape ().",
    "point": "The new point has x's shape. For g of shape (n,), `torch.linalg.solve(H, g)` has shape (n,), too.",
    "value": "Read once more what the result is to hold: one entry for each of what?",
    "predicted": "Count once more how many numbers the result holds.",
    "order": "The list has one entry for each node that the root depends on, and one for the root.",
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
    "not_numbers": "{kind}, and not all of its entries are numbers",
    "class": "a class of another kind",
    "other": "an object of type {type_name}",
}


FORM_HELP: dict[str, str] = {
    "array": "NumPy knows no gradients: return the torch tensor itself, without `.numpy()`.",
    "number": "Return the tensor itself, without `.item()` or `float()`.",
    "text/callable": "Return its name, a text: `node.name()` calls what gives it.",
    "callable": "Return what the function gives, not the function: is a pair of brackets missing?",
    "list": "Return the tensor itself; `torch.stack([…])` makes one tensor of several.",
    "tuple/list": "Return a tuple: round brackets.",
    "tuple/tensor": "One result for each of what was asked for, side by side: `return first, second`. Stacked, joined or added up, "
    "they cannot be told apart any more.",
    "numbers/text": "Leave out the quotes.",
    "shape/text": "Leave out the quotes: `return (2, 5)`.",
    "tensor/tuple": "Take out the one that was asked for: `torch.autograd.grad` returns a tuple with one gradient per "
    "input, `torch.func.jvp` a pair of the value and its derivative. If all of them are the answer, `torch.stack(…)` makes "
    "one tensor of them.",
    "shape/number": "A shape is a tuple even where it has one entry, and then it is written with a comma: (n,).",
    "none": "A function without `return` returns None.",
    "entry/none": "None is what `allow_unused=True` gives for a tensor that takes no part or whose graph was cut, what `.grad` "
    "holds until a `backward` has reached the tensor and of one that is no leaf, and what a function without `return` returns.",
    "gradients/none": "A function without `return` returns None.",
    "gradients/tuple": "One gradient for each parent, side by side in one tuple; a single one is a tuple with a comma: `(g,)`.",
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
    "at_places": "at {places}",
    "entry": "entry {place}",
    "entry_of_tuple": "entry {place} of your tuple: ",
    "entry_of_gradients": "the gradient of {place}: ",
    "entries": "entries",
    "results": "results",
    "nan": "nan",
    "infinite": "infinite",
    "or": " or ",
    "and": " and ",
    "none_of_them": "none of them",
    "about_value": "This is about the value; its gradient is looked at once the value is right.",
    "about_gradient": "The value is right; this is about its gradient.",
    "differentiated_afterwards": "This happened when what you returned was differentiated, as training would do it: "
    "`backward` and `optimizer.step()` do not belong in your function.",
    "hidden": "{count} problems that you had not seen",
    "no_hints": "{title} has no hints: ask your neighbour.",
    "hint": "Hint {k} of {count} for {title}",
    "last_hint": "That was the last one.",
    "gallery": "{title}: wrong formulas, {count} in all",
    "next_hint": 'Another: hint("{id}")',
    "other_error": "PyTorch has another message for that case: {says}",
    "value": "the value",
    "listed": "each answer",
    "gradient_of": "the gradient of {name}",
    "rule": "`pull`",
    "rule_of": "the `pull` of `{method}`",
    "one_right_order": "one of the right orders",
    "parents_first": "every node after its parents",
}


NOTICES: dict[str, str] = {
    "unknown_unit": 'There is no unit "{unit}". All units: {units}.',
    "unknown_id": 'There is no question "{id}".{nearest} All ids: {address}.',
    "nearest": " Did you mean {ids}?",
    "no_pack": "If your course has questions of its own, the file with them must lie beside the notebook, in {folder}: fetch the "
    "assignment again if it is not there.",
    "nothing_checked": "Nothing checked yet. Run a `check(…)` cell in an exercise notebook.",
    "no_progress_file": "Progress could not be read from {path} and starts anew: {why}.",
}

# What a feedback page says beside the judge's cards: why there is no verdict, and what was mended before grading.
FEEDBACK: dict[str, str] = {
    "odd_number": "The test gave {number}, which is not within 0 and {points}; it counts as {score}.",
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
    "missing_answer": "The cell {id} is missing, and no other cell could be recognized as it. If you answered in cells of "
    "your own above the check, that answer was checked.",
    "missing_by_hand": "The cell {id}, which a person grades, was missing, and no other cell could be recognized as it. It has been put "
    "back, empty.",
    "recognized": "These cells had lost the metadata by which nbgrader knows them, and were recognized by their text, by what "
    "they define or by their place: {cells}.",
    "so_many_cells": "{count} cells",
    "chosen": "Several cells stand where {id} belongs. The last of them was taken for it; the others were kept as your own.",
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
    "named_otherwise": "There was no file named {right}, so {file} was graded in its place.",
    "linked": "The student's folder is a link, and links are not followed: it could be somebody else's work. Ask for the "
    "files themselves.",
}

# Descriptions of pictures for readers who cannot see them, and the few words in pictures.
PICTURES: dict[str, str] = {
    "untitled": "Table",
    "table": "{title}{lit}: {values}.",
    "table_cut": "{title}{lit}: {values} (cut).",
    "row_lit": ", row {k} lit",
    "column_lit": ", column {k} lit",
    "along": "Two curves over {count} points, yours and the true one; they are at most {apart} apart.",
    "row_of": "row of {matrix}",
    "weight_times_row": "weight × row",
    "weighted_rows": "The rows of {matrix}, each times its weight, add up: {terms}; in all {total} = {sum}.",
    "term": "{weight} times {row}",
    "forward": "Forward: {said}.",
    "back": " Back: {said}.",
    "boxes": "Boxes: {said}. ",
    "lit": " Lit: {said}.",
    "edge": "{start} to {end}",
    "edge_by": "{start} to {end} by {label}",
    "edge_cut": ", cut",
    "handed_back": "{start} to {end}: {label}",
    "bucket": "{title} as a bucket. {layers} It holds {under}.",
    "layers": "From the bottom: {said}.",
    "empty": "It is empty.",
    "blocks": "{said}, as blocks of these shapes.",
    "slider": "{label}, {count} positions. ",
}
