"""What a student is told: on cards, about errors, in hints, in pictures and on feedback pages."""

from grader.words.entry import Words

# What the judge says if it names no mistake.  Keys are values of Verdict.status or the pattern found.
FINDINGS: dict[str, tuple[str, str]] = {
    "correct": ("Right: {formula_of_truth} on {problems}.", ""),
    "right": ("Right.", ""),
    "no_function": (
        "you gave `check` {kind}; it needs your function itself.",
        "Give its name, without parentheses: `check` calls it, with inputs that you have not seen.",
    ),
    "unattempted": (
        "Not attempted yet: {number}, about {minutes} minutes.",
        "If you have written your answer, delete the line `raise NotImplementedError()` below it, and run its cell "
        "again.",
    ),
    "raised": ("PyTorch stopped{place}: `{error}`.", ""),
    "raised_python": ("your code stopped{place}: `{error}`.", ""),
    "signature": (
        "your function takes {misfit}, but it is called with {given}.",
        "Leave the line that starts with `def` unchanged.",
    ),
    "type": ("you returned {kind}; the exercise asks for {expected}.", "{form_help}"),
    "length": (
        "you returned a tuple of {got}; the exercise asks for {wanted} gradients, one for each of {inputs}.",
        "`torch.autograd.grad(outputs, inputs)` returns as many gradients as there are inputs.",
    ),
    "count": (
        "you returned a tuple of {got}; the exercise asks for a tuple of {wanted}.",
        "Read again what the function returns: one entry for each of what?",
    ),
    "shape": (
        "the shape is {yours}; it must be {true}.",
        "{shape_help}{about}",
    ),
    "dimensions": (
        "a tensor of this shape has a different number of dimensions.",
        "A shape has one entry for each dimension: a vector has one, a matrix has two, and a single number has none.",
    ),
    "dtype": (
        "the dtype is {yours}; the inputs are {true}, and so must be the result.",
        "Unless you say otherwise, a new tensor is float32, or int64 if it is made from whole numbers: "
        "`torch.zeros_like(x)`, `x.new_zeros(…)` or `dtype=x.dtype` keep the input's dtype.",
    ),
    "complex": ("the result is complex, but it must be real.", ""),
    "not_complex": (
        "the result is real, of dtype {yours}, but it must be complex, of dtype {true}.",
        "A real tensor holds one of the two parts, or the size of each number: `.real`, `.imag` and `.abs()` make "
        "such tensors.",
    ),
    "nonfinite": (
        "{count} of {size} entries are {what}.",
        "nan comes from 0/0, ∞/∞, 0·∞, ∞ − ∞ or the root of a negative number; ∞ comes from a division by 0 or from "
        "a number that is too large, such as exp(1000). Look for the first line where one appears.",
    ),
    "nonfinite_number": (
        "the result is {what}.",
        "nan comes from 0/0, ∞/∞, 0·∞, ∞ − ∞ or the root of a negative number; ∞ comes from a division by 0 or from "
        "a number that is too large, such as exp(1000). Look for the first line where one appears.",
    ),
    "special_point": (
        "right on some of the hidden problems, wrong on others.",
        "Below is one where it is wrong. What is special about its numbers or shapes? Do not type in anything that "
        "belongs to one example; compute it from the arguments.{about}",
    ),
    "imprecise": (
        "close, but not close enough: off by {off} relative to the largest entry, {allowed} is allowed.",
        "The formula seems right, and the arithmetic rough. Typical causes: a difference quotient that is one-sided, "
        "whose step is too large or too small, or whose point was not moved back after the previous step; a small "
        "number that was added to avoid a division by 0; float32 somewhere along the way.",
    ),
    "multiple": (
        "this is {factor} times the right answer.",
        "{factor_name} Look for the line that brings in such a factor: a mean instead of a sum, a 2 from a square, a "
        "step, a length.",
    ),
    "transpose": (
        "this is the right answer transposed.",
        "Rows and columns are swapped.",
    ),
    "permuted": (
        "the right values in the wrong order.",
        "Each entry of a gradient stands in the place of its own variable.",
    ),
    "sizes_permuted": (
        "the right sizes in the wrong order.",
        "For each place, say which dimension it counts: which tensor does it come from, and is that its rows or its "
        "columns?",
    ),
    "some_right": (
        "{right} of {size} {things} are right: {which}.",
        "{equation_line}{about}",
    ),
    "wrong": ("the values differ, in a way that has no name here.", "{equation_line}{about}"),
    "no_operation": (
        "you gave `check` {kind}; it needs a class derived from `torch.autograd.Function`.",
        "Give the name of the class, without parentheses, or its `apply`. You never make an instance of it: PyTorch "
        "calls `forward` and `backward` when you use `apply`.",
    ),
    "nonfinite_gradient": (
        "the value is right, but {count} of {size} entries of its gradient are {what}.",
        "Somewhere in the backward pass an infinite slope meets a factor of 0, and 0·∞ is nan. `torch.where` "
        "differentiates both of its branches and multiplies the one that was not taken by 0, so what goes into that "
        "branch must be harmless, too.",
    ),
    "wrong_text": (
        "this is not the text that was asked for.",
        "Texts are compared letter by letter; spaces at either end do not matter.",
    ),
    "wrong_choice": (
        "this cannot be the answer.",
        "Answer with letters from the table, in quotes: a single one, or several if several may apply.",
    ),
    "no_class": (
        "you gave `check` {kind}; it needs the class itself.",
        "Give its name, without parentheses: `check` makes nodes from it, with values that you have not seen.",
    ),
    "unfinished": (
        "one part is still open: {expression}.",
        "Everything else that you have written is right. Write that rule, delete the line `raise "
        "NotImplementedError()` below it, and run the cell again.",
    ),
}


# What is right about a wrong value that has no name, and what it resembles.
ABOUT: dict[str, str] = {
    "here": "Where it is wrong, {says}",
    "value_here": "Where it is wrong, it has the value that one mistake gives: {name}.",
    "shape_here": "Its shape there is {yours}; it must be {true}.",
    "same": "It is the same on all problems, although their inputs differ. Is it computed from the arguments, or "
    "from names outside your function?",
    "zero": "Every entry is 0: was a constant differentiated, or a new tensor of zeros never filled?",
    "reshaped": "The numbers are right, and in the right order; only the shape is wrong.",
    "to_be_added": "Summed over dimension {dim}, it would be the right answer.",
    "to_be_averaged": "Averaged over dimension {dim}, it would be the right answer.",
    "added_up": "It is the right answer summed over dimension {dim}.",
    "averaged": "It is the right answer averaged over dimension {dim}.",
    "shifted": "Every entry differs from the right one by {by}.",
    "plus": "It is the right answer plus {name}.",
    "minus": "It is the right answer minus {name}.",
    "times": "It is the right answer times {name}, entry by entry.",
    "divided": "It is the right answer divided by {name}, entry by entry.",
    "rows": "It is a weighted sum of the rows of J, but with the weights {weights} instead of {v}.",
    "off_rows": "No weights turn the rows of J into this: something other than the weight is wrong.",
    "elsewhere": "It would be right if {name} were {place}.",
    "exchanged": "It would be right if {one} and {other} were swapped.",
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
        "autograd followed the graph back from the outputs and never reached that input.",
        "There are four possible reasons. Outputs and inputs are swapped; or the input was copied or sliced after "
        "the outputs were computed; or the outputs were cut off and declared anew, as `torch.tensor(…, "
        "requires_grad=True)` does; or the input really does not take part. Differentiate with respect to the very "
        "tensor that went into the computation; `allow_unused=True` is for inputs that truly do not matter.",
    ),
    "batched_weight_shape": Words(
        "the batch of weights has the wrong shape",
        "with `is_grads_batched=True`, the weight does not have one dimension more than the output.",
        "The first dimension of `grad_outputs` counts the weights; the others must be those of y. For y of shape "
        "(m,), B weights are a tensor of shape (B, m). A single weight of y's own shape needs no batch; in a "
        "transposed V the two dimensions are swapped.",
    ),
    "vmap_sizes": Words(
        "batches of different sizes",
        "`vmap` was given tensors whose batch dimensions have different sizes.",
        "Without `in_dims`, `vmap` splits every argument along its first dimension, even one that all samples share, "
        "such as the parameters. `in_dims=(None, 0)` passes the first argument whole, and the rows of the second one "
        "at a time.",
    ),
    "in_dims_form": Words(
        "in_dims does not fit the arguments",
        "`in_dims` does not say for each argument whether it is batched, or it says that none is.",
        "It has one entry for each argument of the function: the dimension that counts the samples, or None for an "
        "argument that all samples share. At least one of them is not None.",
    ),
    "vmap_sees_no_values": Words(
        "a value inside vmap",
        "inside `vmap` a tensor was turned into a Python number, or an `if` depended on one.",
        "`vmap` runs the function once for all samples together, so there is no single value to look at. Stay with "
        "tensors: `torch.where(…)` chooses for each sample.",
    ),
    "number_for_grad": Words(
        "grad needs one number",
        "`torch.func.grad` got a function that returns more than one number, or a tuple.",
        "A gradient belongs to a single number. Give it the loss of one sample, and let `vmap` call the result for "
        "each of them; a function with several outputs has a Jacobian: `jacrev` or `jacfwd`. And of the pair that "
        "`jvp` returns, take out the one that is meant.",
    ),
    "transform_not_called": Words(
        "arguments in the wrong pair of parentheses",
        "the arguments of the function were given to the transform.",
        "`grad(f)`, `vmap(f, in_dims=…)` and `jacfwd(f)` return functions. The first pair of parentheses says what "
        "to do with f, the second holds the arguments: `grad(f)(x)`, `vmap(f, in_dims=(None, 0))(w, X)`.",
    ),
    "parameters_as_dict": Words(
        "parameters as a dict",
        "the parameters were passed in a form that `torch.func` cannot take.",
        "`grad` and `vmap` take tensors, and tuples, lists and dicts of tensors, but not a model. `functional_call` "
        "takes the parameters by name: `params = dict(model.named_parameters())`.",
    ),
    "backward_in_transform": Words(
        "backward inside a transform",
        "`backward` was called inside a transform of `torch.func`, such as `vmap` or `grad`.",
        "A transform needs a function that returns its result and changes nothing outside itself. Use "
        "`torch.func.grad` there instead of `backward` and `.grad`.",
    ),
    "no_dual_level": Words(
        "a dual number outside its level",
        "a dual number was made outside a dual level.",
        "Make it, compute with it and unpack it inside `with forward_ad.dual_level():`.",
    ),
    "second_backward": Words(
        "the graph was already used",
        "an earlier backward pass freed the graph.",
        "The first backward pass through an operation frees what that operation saved for it. Ask the earlier pass "
        "to keep it (`retain_graph=True`), or compute the outputs again. If you are differentiating a derivative, "
        "the earlier pass needs `create_graph=True`, which keeps the graph as well.",
    ),
    "no_graph": Words(
        "nothing to differentiate",
        "what you differentiate has no graph: nothing that it was computed from requires a gradient.",
        "Declare the input before computing with it: `x.requires_grad_()`. If it was declared, something cut the "
        "graph on the way: `.detach()`, `.data`, `.item()`, `torch.tensor(…)` and `torch.no_grad()` all do that.",
    ),
    "no_graph_in_transform": Words(
        "autograd.grad inside a transform",
        "`autograd.grad` or `backward` finds no graph inside a transform of `torch.func`, such as `vmap` or `jvp`.",
        "A transform passes tensors of its own, which do not require a gradient. Use `torch.func.grad` there: it "
        "differentiates a function, and needs no `requires_grad`. If no transform calls that line, something cut the "
        "graph: `.detach()`, `.item()` or `torch.no_grad()`.",
    ),
    "input_undeclared": Words(
        "not declared",
        "a tensor that you differentiate with respect to does not require a gradient.",
        "Declare it before computing with it: `x.requires_grad_()`. Declaring the result afterwards does not help. "
        "If x was declared, then the tensor here is a different one: a detached copy, or one made under "
        "`torch.no_grad()`.",
    ),
    "flag_called": Words(
        "a flag that was called",
        "True or False was called as if it were a function.",
        "`x.requires_grad` is a flag. Set it with `x.requires_grad_()`, with an underscore at the end, or with "
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
        "Methods whose names end in an underscore, `+=` and assignments to a slice overwrite a tensor. Write `y = y "
        "* 2` instead of `y *= 2`. A write under `torch.no_grad()` or through `.detach()` counts just the same.",
    ),
    "inplace_on_leaf": Words(
        "a leaf was overwritten",
        "a leaf that requires a gradient was changed in place.",
        "Compute a new tensor from it instead; an update step belongs under `torch.no_grad()`.",
    ),
    "flag_of_non_leaf": Words(
        "only leaves can be declared",
        "`requires_grad` was changed on a tensor that is not a leaf: a recorded operation computed it.",
        "Such a tensor requires a gradient because of what it was computed from. `.detach()` gives its values "
        "without that history, and the detached tensor can be declared.",
    ),
    "grad_takes_a_tensor": Words(
        ".grad holds a tensor or None",
        "`.grad` was given something that does not fit its tensor.",
        "It takes None, or a tensor with the shape and dtype of the tensor that it belongs to. To start afresh, "
        "write `x.grad = None`.",
    ),
    "inference_tensor": Words(
        "made in inference mode",
        "a tensor that was made under `torch.inference_mode()` is used where a gradient is needed.",
        "Make it under `torch.no_grad()` instead, or `.clone()` it outside inference mode.",
    ),
    "numpy_of_grad": Words(
        "NumPy cannot follow gradients",
        "a tensor that requires a gradient was passed to NumPy.",
        "Autograd cannot see what NumPy computes. Use torch functions; if you want only the values, say so: "
        "`x.detach().numpy()`.",
    ),
    "shapes_do_not_multiply": Words(
        "inner sizes differ",
        "the two factors of a matrix product do not fit together.",
        "In `A @ B` the last size of A must equal the first size of B. Print both shapes just before that line.",
    ),
    "expand_sizes": Words(
        "expand does not fit",
        "a tensor cannot be expanded to that shape.",
        "`expand` and `expand_as` repeat along dimensions of size 1, and may add dimensions in front. All other "
        "sizes must equal those of the target, counted from the last one backwards. First give the tensor as many "
        "dimensions as the target has, those to be repeated of size 1: for example `.view(-1, 1, 1, 1)`.",
    ),
    "norm_over_too_many": Words(
        "a norm over more than two dimensions",
        "this norm takes one dimension, or two for the norm of a matrix.",
        "`torch.linalg.vector_norm(g, dim=(1, 2, 3))` takes any number of dimensions. Or flatten them into one first: "
        "`g.flatten(1).norm(dim=1)`.",
    ),
    "shapes_do_not_broadcast": Words(
        "shapes do not fit",
        "two tensors were combined entry by entry, but their shapes do not match.",
        "Shapes are compared from the last size backwards; in each pair the sizes must be equal, or one of them must "
        "be 1. Print both shapes just before that line.",
    ),
    "not_a_scalar": Words(
        "more than one number",
        "a tensor with several entries was used where a single number is needed.",
        "`float()`, `.item()` and `if` need a single number. Look at the tensor's shape.",
    ),
    "dtypes_differ": Words(
        "two dtypes",
        "an operation was given tensors of different dtypes.",
        "The inputs here are float64. Make new tensors like them: `torch.zeros_like(x)`, "
        "`x.new_tensor([…])` or `dtype=x.dtype`.",
    ),
    "view_incompatible": Words(
        "view needs another memory layout",
        "`view` was called on a tensor whose entries are not laid out in memory in that order.",
        "Use `reshape`, which copies if it must.",
    ),
    "reshape_size": Words(
        "number of entries differs",
        "a reshape asked for a different number of entries than the tensor has.",
        "The product of the sizes must stay the same.",
    ),
    "inputs_one_by_one": Words(
        "a tensor where one whole number belongs",
        "a tensor was given where a single whole number, or True or False, is expected.",
        "Did you pass several inputs one by one? They go into one tuple: `torch.autograd.grad(y, (a, b))`; its third "
        "argument is `grad_outputs`, its fourth `retain_graph`. Or did you compare two tensors? `v != u` compares "
        "entry by entry; `v is not u` asks whether they are different tensors.",
    ),
    "not_a_tensor": Words(
        "a number or a function instead of a tensor",
        "a plain number or a function was given where tensors are expected.",
        "`torch.autograd.grad` takes the tensor that was computed, and those that it was computed from. `y.item()` and "
        "`float(y)` are plain numbers without a graph; a function has no value until it is called.",
    ),
    "caret_for_power": Words(
        "^ is not a power",
        "`^` does not raise to a power in Python; it combines bits.",
        "Write powers with two asterisks: `x**2`.",
    ),
    "index_range": Words(
        "index out of range",
        "an index or a dimension is out of range.",
        "Counting starts at 0, so the last of n is n − 1.",
    ),
    "name_unknown": Words(
        "an unknown name",
        "a name is used that has no value yet.",
        "Look for a typo, or for a cell further up that has not been run.",
    ),
    "tuple_in_stack": Words(
        "tuples, not tensors",
        "the list to be stacked or joined holds tuples instead of tensors.",
        "`torch.autograd.grad` returns a tuple, one gradient per input (and a dict if `inputs` is a dict). Take each "
        "gradient out of its tuple first: `(row,) = torch.autograd.grad(…)`.",
    ),
    "not_a_function": Words(
        "a tensor, not a function",
        "a tensor was called as if it were a function.",
        "`torch.func.jvp`, `jacrev`, `jacfwd` and `jacobian` call the function themselves: pass f, not f(x). "
        "Elsewhere, look for a pair of parentheses after a tensor.",
    ),
    "direction_form": Words(
        "jvp takes two tuples",
        "`jvp` was not given its inputs and its directions as two tuples of tensors.",
        "There is one direction for each input: `torch.func.jvp(f, (x,), (direction,))`.",
    ),
    "direction_shape": Words(
        "the direction has the wrong shape",
        "the direction does not have the input's shape.",
        "Each entry of the direction says how fast the corresponding entry of x moves, so their shapes must be equal: "
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
        "assigned to a slice of another shape",
        "a tensor was assigned to a slice of a different shape.",
        "A row of a table has one entry per column, and a column one entry per row. Print the shapes of both sides "
        "just before that line.",
    ),
    "tensor_has_no": Words(
        "no such attribute",
        "tensors have no attribute of that name.",
        "Look for a typo. `zero_grad` belongs to optimizers and modules, `step` to optimizers; to clear a tensor's "
        "own gradient, write `x.grad = None`.",
    ),
    "tuple_has_no": Words(
        "a tuple, not a tensor",
        "a tuple was used as if it were a tensor.",
        "`torch.autograd.grad` returns a tuple, one gradient per input, even if there is only one input: "
        "`(g,) = torch.autograd.grad(…)`.",
    ),
    "list_has_no": Words(
        "a list, not a tensor",
        "a list was used as if it were a tensor.",
        "Python's lists do no arithmetic. `torch.stack(…)` makes one tensor from a list of tensors, and keeps their "
        "graph.",
    ),
    "function_for_value": Words(
        "a function, not its value",
        "a function was used as if it were its value.",
        "`f` is the function; `f(x)` is its value at x. The same holds for methods: `y.sum()`, not `y.sum`.",
    ),
    "unknown_keyword": Words(
        "no argument of that name",
        "a function was given a keyword argument that it does not have.",
        "The weight is called `grad_outputs` in `autograd.grad`, and `gradient` in `backward`. `allow_unused` and "
        "`materialize_grads` belong to `autograd.grad` alone. Otherwise look for a typo.",
    ),
    "argument_missing": Words(
        "an argument is missing",
        "a function was called without an argument that it needs.",
        "The message names it. Compare the call with the function's first line, or with its page in the documentation.",
    ),
    "context_not_called": Words(
        "parentheses after no_grad",
        "what follows `with` is not a context manager.",
        "`no_grad` needs its parentheses: `with torch.no_grad():`.",
    ),
    "too_many_indices": Words(
        "more indices than dimensions",
        "a tensor was given more indices than it has dimensions.",
        "A vector has one dimension, and a single number has none. Print the tensor's shape just before that line.",
    ),
    "index_into_number": Words(
        "an index into a single number",
        "a single number was indexed.",
        "A NumPy number has no entries. Print the value and its shape just before that line.",
    ),
    "batch_dimension_gone": Words(
        "no batch dimension inside vmap",
        "inside `vmap`, a tensor was given more indices than it has dimensions.",
        "`vmap` passes one sample at a time: an argument that is split along `in_dims` has one dimension less inside "
        "the function. Write the function for a single sample.",
    ),
    "single_numbers_end_to_end": Words(
        "stack, not cat",
        "tensors without dimensions cannot be concatenated.",
        "`torch.cat` joins tensors along a dimension that they have, and a single number has none. `torch.stack` "
        "makes a vector out of single numbers.",
    ),
    "network_called_otherwise": Words(
        "the network called with other shapes",
        "the network was called with something other than tensors of N rows.",
        "It takes all points at once, one in each row: shape (N, 1) for each variable, with the same N for all. "
        "`x[:, None]` turns (N,) into (N, 1), and `torch.zeros(1, 1)` is the point 0.",
    ),
    "none_to_torch": Words(
        "None where a tensor belongs",
        "a PyTorch function was given None instead of a tensor.",
        "None stands for a gradient that does not exist, if `allow_unused=True`; it is also what `.grad` holds "
        "before a `backward` has filled it, and what a function without `return` returns.",
    ),
    "module_for_its_values": Words(
        "the network instead of its values",
        "the network itself was given where its values belong.",
        "u is a module. Its values at the points are what it returns: `y = u(x, t)`. Differentiate these values with "
        "respect to the points.",
    ),
    "budget_spent": Words(
        "too many calls",
        "your answer called a given function more often than this exercise allows.",
        "Print the loss every fifty steps or so. If it stopped falling long ago, end there; if it is still falling "
        "when the budget ends, take larger steps or another optimizer. Several points can go into one call, one in "
        "each row.",
    ),
    "number_among_tensors": Words(
        "a plain number among tensors",
        "tensors are joined here, and one of the pieces is a plain number.",
        "Make it a tensor in the shape of its neighbor: `torch.zeros_like(x)` for 0, `torch.full_like(x, 0.5)` for "
        "another number.",
    ),
    "optimizer_takes_a_list": Words(
        "no list of parameters",
        "an optimizer takes a list of tensors, even if there is only one.",
        "Write `torch.optim.SGD([k], lr=…)`, with square brackets around a single tensor; for a model, pass "
        "`model.parameters()`.",
    ),
    "none_has_no": Words(
        "None, not a tensor",
        "something is None where a tensor was expected.",
        "`backward` returns None, and `.grad` is None until a gradient has arrived there; for a tensor that is not a "
        "leaf it stays None. With `allow_unused=True`, None stands in the place of an input that takes no part.",
    ),
    "zeros_need_unused": Words(
        "zeros for unused inputs, and unused inputs forbidden",
        "`materialize_grads=True` and `allow_unused=False` contradict each other.",
        "Zeros can stand only for an input that is allowed to be unused. Leave out `allow_unused`: "
        "`materialize_grads=True` sets it.",
    ),
    "hook_changed_size": Words(
        "the hook returned another shape",
        "a hook returned a gradient whose shape differs from the one it got.",
        "What a hook returns replaces the gradient from there on, so it must have the same shape: change its "
        "entries, not their number.",
    ),
    "gradient_count": Words(
        "one gradient for each argument",
        "`backward` returned more or fewer gradients than `forward` has arguments.",
        "It returns a tuple, not a list: one gradient for each argument of `forward` after ctx, in that order, and "
        "None for those that have no gradient, such as numbers and flags.",
    ),
    "gradient_shape": Words(
        "a gradient of the wrong shape",
        "`backward` returned a gradient whose shape is not that of its argument.",
        "Each gradient has the shape of the argument of `forward` at its place. Either the gradients stand in the "
        "wrong order, or one of them was summed, or a broadcast was not undone.",
    ),
    "gradient_no_tensor": Words(
        "a gradient that is not a tensor",
        "`backward` returned something other than tensors and None.",
        "Return the gradients side by side, `return first, second`: not in a tuple within the tuple, and not as "
        "numbers or NumPy arrays.",
    ),
    "gradient_not_none": Words(
        "a gradient for something that has none",
        "`backward` returned a gradient for an argument that is not a tensor, or that is not differentiable.",
        "In the place of a number, a flag or a shape, return None.",
    ),
    "output_no_float": Words(
        "an output of integers",
        "an operation was differentiated whose output is an integer tensor.",
        "Only floating-point tensors have gradients, even if all their entries are whole numbers: `torch.round` "
        "keeps the dtype, `.int()` and `.long()` do not.",
    ),
    "input_returned": Words(
        "the input itself was returned",
        "`forward` returned the very tensor that it was given, and saved it as well.",
        "Was it changed in place, as `round_()` does? Compute a new tensor: `torch.round(x)`, or `x.clone()`.",
    ),
    "saves_tensors_only": Words(
        "only tensors can be saved",
        "`ctx.save_for_backward` was given something that is not a tensor.",
        "Simply store a number, a flag or a shape on ctx: `ctx.bound = bound`.",
    ),
    "not_on_ctx": Words(
        "not on ctx",
        "`backward` asks ctx for something that was never stored there.",
        "What you saved with `ctx.save_for_backward(x)` you get back with `(x,) = ctx.saved_tensors`. Only what was "
        "stored as `ctx.bound = bound` is read as `ctx.bound`.",
    ),
    "setup_context_missing": Words(
        "torch.func needs setup_context",
        "a Function without `setup_context` was used under `torch.func`.",
        "There, `forward(x, …)` computes and takes no ctx, and `setup_context(ctx, inputs, output)` saves what "
        "`backward` needs. Both are static methods.",
    ),
    "forward_takes_ctx": Words(
        "one argument too many in the definition",
        "a function was called with fewer arguments than its definition has.",
        "In a class with a `setup_context`, `forward` takes no ctx: `forward(x, bound)`. ctx goes to `setup_context` "
        "and `backward`.",
    ),
    "instance_of_function": Words(
        "an instance of a Function",
        "an instance of a Function was called.",
        "You never make an instance: use the class, with `MyFunction.apply(x)`.",
    ),
    "method_missing": Words(
        "forward or backward is missing",
        "a Function has no `forward`, or no `backward`.",
        "Both are static methods of the class: check their names, and that both are indented alike.",
    ),
    "differentiated_twice": Words(
        "marked as differentiable once",
        "a `backward` with the decorator `@once_differentiable` was differentiated.",
        "The decorator turns a wrong second derivative into this error. To get a right one, remove it, and compute "
        "in `backward` with saved inputs and outputs only.",
    ),
    "nan_handed_back": Words(
        "nan found by anomaly mode",
        "anomaly mode is on, and this node returned a nan.",
        "The name in quotes is that of the first node of the backward pass that did. To go on after it, catch the "
        "RuntimeError and look at its text.",
    ),
    "gradcheck_failed": Words(
        "the check failed",
        "the result of `backward` does not agree with finite differences.",
        "That is what the check is for. If you want a result rather than an error, pass `raise_exception=False`: the "
        "check then returns False.",
    ),
    "check_needs_grad": Words(
        "nothing to check",
        "none of the inputs of the check requires a gradient.",
        "`.double()` keeps what was declared, and declares nothing. Declare it: `x.double().requires_grad_()`.",
    ),
    "complex_needs_weight": Words(
        "a complex output needs a weight",
        "only a real number has the weight 1 by default.",
        "For complex outputs give the weight: `grad_outputs=torch.ones_like(y)`. Or differentiate a real number, "
        "such as `y.real.sum()`.",
    ),
    "real_inputs_only": Words(
        "complex inputs where only real ones are allowed",
        "`jacrev`, `jacfwd` and `hessian` take real inputs only, and this one is complex.",
        "If each output depends on its own input alone, you need no Jacobian: one call of `torch.autograd.grad` with a "
        "weight of ones, or of `torch.func.jvp` with a direction of ones, gives all the derivatives.",
    ),
    "complex_weight": Words(
        "a real weight for a complex output",
        "the output is complex, and its weight is not.",
        "`torch.ones_like(y)` has y's shape and its dtype.",
    ),
    "unpack_count": Words(
        "a different number of values",
        "an assignment to several names got more or fewer values than names.",
        "`ctx.saved_tensors` holds exactly what `ctx.save_for_backward(…)` was given in its one call, and is a tuple "
        "even for a single tensor: `(x,) = ctx.saved_tensors`.",
    ),
    "leaf_without_rule": Words(
        "None was called",
        "None was called as if it were a function.",
        "In an engine, a leaf has no rule: its `pull` is None. Check `node.parents` before you call `node.pull`. "
        "Elsewhere, look for a name that was set to None.",
    ),
    "none_for_whole_number": Words(
        "None instead of a whole number",
        "None was given where a whole number is needed.",
        "An axis may be None, which stands for all axes; treat that case separately: `if axis is None`.",
    ),
    "number_in_torch": Words(
        "a torch function without a tensor",
        "a torch function was given a plain number or a NumPy array.",
        "torch functions take tensors. For numbers and arrays use NumPy's: `np.cos`, `np.exp`.",
    ),
    "truth_of_an_array": Words(
        "an if about many entries",
        "an `if`, `and` or `or` was given an array with several entries.",
        "Some entries may be true and others false. Decide entry by entry: `np.where(condition, a, b)`, or g times the "
        "condition.",
    ),
    "node_in_numpy": Words(
        "a node, not its data",
        "a NumPy function was given an object that it cannot compute with.",
        "If it is a node of an engine: a node is not an array, its value is `self.data`, its gradient `self.grad`.",
    ),
    "number_gone_through": Words(
        "a number, not a tuple",
        "a loop or an unpacking was given a single number.",
        "A rule returns one gradient for each parent, as a tuple. With one parent, the comma makes the "
        "tuple: `return (g * slope,)`.",
    ),
    "too_many_arguments": Words(
        "more arguments than the function takes",
        "a function was called with more arguments than it takes.",
        "Compare its `def` line with the one that you were given, including the default values. The methods of an "
        "`autograd.Function` are called by PyTorch: `forward(ctx, …)` and `backward(ctx, v)` get a ctx first.",
    ),
    "endless_recursion": Words(
        "recursion without an end",
        "a function calls itself without end.",
        "If it is meant to call itself, some case must end that: in a graph, a leaf, which has no parents, and a "
        "node that has been visited before. If it is not: a name is looked up when the function runs, so after `f = "
        "lambda z: 2 * f(z)` the f inside is the new function; give the new one another name.",
    ),
    "operator_missing": Words(
        "no such operation between these two",
        "Python knows no such operation between values of these two types.",
        "The message names both types. For objects of a class, an operator is a method: `a - b` calls "
        "`a.__sub__(b)`, and `3 - b` calls `b.__rsub__(3)`. Check that the class has that method, with two "
        "underscores on either side.",
    ),
    "no_index": Words(
        "square brackets on something without entries",
        "an object that has no entries was indexed.",
        "The message names its type. For objects of a class, `x[key]` calls `x.__getitem__(key)`; check that the "
        "class has that method.",
    ),
    "object_has_no": Words(
        "no such attribute",
        "an object has no attribute of that name.",
        "The message names its type and the attribute. Check the spelling, check that this is the class that you "
        "meant and not one that it extends, and check that no plain number stands in the place of an object.",
    ),
}


# Errors that have another cause when a derivative is differentiated.
AGAIN: dict[str, Words] = {
    "not_in_graph": Words(
        "x is not in the derivative's graph",
        "autograd followed the graph of the derivative back and never reached that input.",
        "`x[j]` is a new tensor: differentiate with respect to x, and index afterwards. A derivative on which "
        "`requires_grad_()` was called, or that was detached, is a leaf of its own with no way back to x. And a "
        "slope that is a parameter does not depend on x: its derivative is 0, which `materialize_grads=True` returns.",
    ),
    "second_backward": Words(
        "the graph was already used",
        "this pass goes back through a graph that an earlier gradient has freed.",
        "Are there several passes back through the same graph, as for the rows of H? All but the last need "
        "`retain_graph=True`. Or did the earlier call compute a derivative which is differentiated here? Then give that call "
        "`create_graph=True`, which keeps the graph and records the pass. There `retain_graph=True` would only stop the "
        "message, and the derivative would count as a constant.",
    ),
    "no_graph": Words(
        "the first derivative has no graph",
        "what you differentiate has no graph.",
        "If it is a derivative: `create_graph=True` in the first call records the backward pass, so that its result "
        "can be differentiated, too; `retain_graph=True` only keeps the graph of f. If f is linear, its derivative "
        "is a constant and may have no graph whatever you ask for; the second derivative is 0 then. If it is f(x) "
        "itself, something cut its graph: `.detach()`, `.item()` or `torch.no_grad()`.",
    ),
}


# Options of `Cause` questions that are no PyTorch errors; their keys are names made up for them.
CAUSES: dict[str, str] = {
    "too_slow": "Nothing in the message is about time. The last line of an error says what went wrong.",
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
    "in_shape": ", in the shape of x, {shape}",
    "value_and_gradient": "y and {formula}",
    "loss_and_gradient": "{formula} and its gradient with respect to the parameters",
    "gradient_of": "the gradient of {formula}",
    "value_and_derivatives": "y, {formula} and the derivative of that",
    "jacobian": "{m} outputs by {n} inputs → ({m}, {n})",
    "batched_vjp": "({B}×{m})·({m}×{n}) → ({B}, {n})",
}


SHAPE_HELP: dict[str, str] = {
    "gradient": "A gradient has the shape of the tensor that you differentiate with respect to: one entry for each "
    "entry that can change.",
    "jacobian": "The Jacobian has one row per output and one column per input: y's shape, then x's.",
    "output": "There is one entry per output, so the result has y's shape.",
    "hessian": "The Hessian has one row and one column per entry of x: x's shape, twice.",
    "sample_gradients": "There is one gradient per sample: first N, then the shape of the tensor that you "
    "differentiate with respect to.",
    "sample_hessians": "There is one Hessian per sample: first N, then x's size twice.",
    "batched_vjp": "There is one weighted gradient for each weight: as many rows as V has, each in x's shape.",
    "number": "It is a single number: a tensor of shape ().",
    "point": "The new point has x's shape. For g of shape (n,), `torch.linalg.solve(H, g)` has shape (n,), too.",
    "value": "Read again what the result should hold: one entry for each of what?",
    "predicted": "Count again how many numbers the result holds.",
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
    "class": "another kind of class",
    "other": "an object of type {type_name}",
}


FORM_HELP: dict[str, str] = {
    "array": "NumPy does not track gradients: return the torch tensor itself, without `.numpy()`.",
    "number": "Return the tensor itself, without `.item()` or `float()`.",
    "text/callable": "Return its name, which is a text: `node.name()`, with parentheses.",
    "callable": "Return the function's value, not the function. Is a pair of parentheses missing?",
    "list": "Return the tensor itself; `torch.stack([…])` makes one tensor out of several.",
    "tuple/list": "Return a tuple: parentheses instead of square brackets.",
    "tuple/tensor": "Return the results side by side, one for each thing that was asked for: `return first, second`. "
    "Once they are stacked, joined or added up, they can no longer be told apart.",
    "numbers/text": "Leave out the quotes.",
    "shape/text": "Leave out the quotes: `return (2, 5)`.",
    "tensor/tuple": "Take out the one that was asked for: `torch.autograd.grad` returns a tuple with one gradient "
    "per input, `torch.func.jvp` a pair of the value and its derivative. If all of them together are the answer, "
    "`torch.stack(…)` makes one tensor out of them.",
    "shape/number": "A shape is a tuple even if it has a single entry; it is then written with a comma: (n,).",
    "none": "A function without `return` returns None.",
    "entry/none": "None can come from three places: `allow_unused=True`, for a tensor that takes no part or whose "
    "graph was cut; `.grad`, before a `backward` has reached the tensor or if it is not a leaf; and a function "
    "without `return`.",
    "gradients/none": "A function without `return` returns None.",
    "gradients/tuple": "One gradient for each parent, side by side in one tuple; a single one is a tuple with a "
    "comma: `(g,)`.",
}


CARD: dict[str, str] = {
    "score": "{score} of {points}",
    "yours": "yours",
    "true": "true",
    "difference": "yours − true",
    "lesson": "Lesson {lesson}.",
    "section": "Lesson {lesson}, “{section}”.",
    "then": "Next: {title}",
    "more": 'More help: hint("{id}")',
    "line": "line {line}",
    "where": "At {inputs}",
    "place": " at your line {line}",
    "place_in_cell": " at its line {line}",
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
    "about_value": "This is about the value; its gradient is judged once the value is right.",
    "about_gradient": "The value is right; this is about its gradient.",
    "differentiated_afterwards": "This happened when the grader differentiated what you returned, as training would: "
    "`backward` and `optimizer.step()` do not belong in your function.",
    "hidden": "{count} problems that you had not seen",
    "no_hints": "{title} has no hints: ask a neighbor.",
    "hint": "Hint {k} of {count} for {title}",
    "card_hint": "Hint {k} of {count}",
    "solution": "A solution for {title}",
    "card_solution": "A solution",
    "last_hint": "That was the last one.",
    "gallery": "{title}: wrong formulas, {count} in all",
    "next_hint": 'Another: hint("{id}")',
    "other_error": "PyTorch has a different message for that case: {says}",
    "value": "the value",
    "listed": "each answer",
    "gradient_of": "the gradient of {name}",
    "rule": "`pull`",
    "rule_of": "the `pull` of `{method}`",
    "one_right_order": "one of the right orders",
    "parents_first": "every node after its parents",
}


# The way through the course, as ``progress`` shows it.
WAY: dict[str, str] = {
    "nothing_checked": "Nothing has been checked yet.",
    "next": "Next: {title}",
    "all_done": "Everything is solved.",
    "all_units": "All units",
    "lesson": "lesson {unit} {title}",
    "unit": "unit",
    "exercises": "exercises",
    "done": "solved",
    "minutes_left": "minutes left",
    "minutes": "{minutes} min",
    "in_all": "in all",
    "total": "In all: {done} solved, {minutes} minutes left.",
    "mark": "{title}: {state}",
    "right": "solved",
    "wrong": "not right yet",
    "open": "not tried yet",
}

NOTICES: dict[str, str] = {
    "unknown_unit": 'There is no unit "{unit}". All units: {units}.',
    "unknown_id": 'There is no question "{id}".{nearest} All ids: {address}.',
    "nearest": " Did you mean {ids}?",
    "no_pack": "If your course has questions of its own, the file that holds them must be beside the notebook, in "
    "{folder}: fetch the assignment again if it is missing.",
    "first_cell": "`{name}` is not defined: run the first cells of this notebook, which import it, and then this one.",
    "answer_missing": "`{name}` is not defined yet: run the cell with your answer, and then this one.",
    "answer_stopped": "`{name}` is not defined, because the cell with your answer stopped{place}: {error}. Correct it, "
    "run it, and then this one.",
    "not_checked": "Not checked: the cell that defines `{name}` stopped{place} the last time it ran.",
    "not_checked_because": "{error}. Correct that cell, run it, and then check again: until then, `{name}` is what an "
    "earlier run has left behind.",
    "interrupted": "Interrupted{place}.",
    "interrupted_because": "If it ran for longer than you expected, look for a loop that never ends, or for far too "
    "many steps.",
    "interrupted_elsewhere": "Your answer was not running at that moment. Nothing is wrong with it: check it again.",
    "interrupted_all": "Interrupted: the cells that were waiting were not run.",
    "no_progress_file": "Your progress could not be read from {path}, so it starts from zero: {why}.",
}

# What a feedback page says beside the judge's cards: why there is no verdict, and what was mended before grading.
FEEDBACK: dict[str, str] = {
    "odd_number": "The test gave {number}, which is not within 0 and {points}; it counts as {score}.",
    "unreadable": "This file could not be graded.",
    "empty": "The file is empty. Save your notebook, check that it opens in JupyterLab, and hand it in again.",
    "not_utf8": "The file is not UTF-8 text (byte {place} cannot be read), so it is not a notebook. Hand in the "
    "`.ipynb` file that JupyterLab saves.",
    "not_a_notebook": "The file is not a Jupyter notebook. Hand in the `.ipynb` file that JupyterLab saves, not a "
    "copy in another format.",
    "no_cells": "The notebook has no cells.",
    "not_a_file": "You handed in a link, a pipe or a device instead of a file. Hand in the `.ipynb` file itself.",
    "too_large": "The notebook is too large: up to 64 MiB, 2000 cells and 2 million characters of source are graded. "
    "Clear its outputs and hand it in again.",
    "slow_to_read": "Reading the notebook took too long. Clear its outputs, save it in JupyterLab, and hand it in "
    "again.",
    "hungry_to_read": "Reading the notebook took too much memory. Clear its outputs, save it in JupyterLab, and "
    "hand it in again.",
    "picture": "(a picture)",
    "plain_page": "This page could not be laid out in time, so your text is shown unformatted, without pictures, and "
    "long outputs are cut. This does not affect your grade.",
    "mended": "Before grading, this notebook was repaired.",
    "duplicate": "There were several cells with the id {id}; the last one counts.",
    "unknown_id": "A cell claims the id {id}, which does not exist in this unit; it was run like any cell of your own.",
    "reordered": "Cells were out of order; the locked ones were put back where they belong.",
    "long_text": "Of a very long text, only the first {kept} characters are shown; all of it is in the file that was "
    "handed in.",
    "more_notes": "{count} more things were repaired.",
    "own_text": "The student's own text:",
    "put_back": "The code at the beginning of the exercises was missing, changed or moved; the original was run first.",
    "missing": "The locked cell {id} was missing and has been put back.",
    "missing_answer": "The cell {id} is missing, and no other cell could be recognized as this one. If you answered "
    "in cells of your own above the check, that answer was checked.",
    "missing_by_hand": "The cell {id}, which a person grades, was missing, and no other cell could be recognized as "
    "this one. It has been put back, empty.",
    "recognized": "These cells had lost the metadata by which nbgrader identifies them, and were recognized by their "
    "text, by what they define or by their position: {cells}.",
    "so_many_cells": "{count} cells",
    "chosen": "There are several cells where {id} belongs. The last of them was taken for it; the others were kept "
    "as your own.",
    "changed": "The locked cell {id} had been changed; the original was run.",
    "retyped": "The type of the cell {id} had been changed, and was restored.",
    "check_stopped": "the check did not get to its answer: {error}.",
    "elsewhere_only": "right on the problems that `check` poses, but not on others: the answer holds only for those "
    "numbers or shapes.",
    "wrong_unshown": "the answer is not right, and its process ended before more could be found out.",
    "check_silent": "the check was not run, or gave no result: an earlier cell stopped the kernel, or hid the output.",
    "not_judged": "what the check sent is not an answer that can be judged.",
    "check_not_run": "the check was not run, because an earlier cell ended the notebook.",
    "own_cell": "one of the student's cells",
    "points": "{score} of {points}",
    "score": "Score:",
    "late": "(with {points} for handing in late)",
    "penalty": "Handed in late",
    "total": "Total",
    "exercises": "Exercises",
    "repeat": "What to repeat",
    "work": "Your work",
    "your_answer": "Your answer",
    "your_code": "One of your own cells",
    "code": "code",
    "comment": "Comment",
    "commented": "with a comment",
    "to_top": "to the top",
    "limits": "Something went wrong when your code ran.",
    "nothing_shown": "As nothing could be read from it, the exercises are not shown here.",
    "waits_one": "One answer waits for a person, so the score is not final.",
    "waits_many": "{count} answers wait for a person, so the score is not final.",
    "verdict_right": "right",
    "verdict_partly": "partly right",
    "verdict_wrong": "wrong",
    "verdict_untouched": "untouched",
    "verdict_unjudged": "not judged",
    "verdict_waits": "waits for a person",
    "verdict_unrated": "no points",
    "named_otherwise": "There was no file named {right}, so {file} was graded instead.",
    "linked": "The student's folder is a link, and links are not followed: it could be somebody else's work. Ask for "
    "the files themselves.",
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
    "takes_away": "{layer}, which takes away",
    "empty": "It is empty.",
    "blocks": "{said}, as blocks of these shapes.",
    "slider": "{label}, {count} positions. ",
    "untrusted": "Picture: {alt} (Run the cell again to see it.)",
    "slider_untrusted": "Run the cell again to move the slider. This is its position “{reading}”.",
}
