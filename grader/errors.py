"""The errors that PyTorch raises in students' code, recognized by fragments of their messages.

Messages change between versions, so a note matches only the words that carry the meaning, in lower
case.  The explanations are in ``words.ERRORS``, under the same keys.
"""

from __future__ import annotations

from dataclasses import dataclass

from grader.probe import Raised


@dataclass(frozen=True)
class ErrorNote:
    """One known error.

    key: where ``words.ERRORS`` explains it.
    unit: the unit whose lesson teaches it, or "" if no lesson does yet.
    fragments: alternatives; the error matches if all fragments of one of them occur in its lower-cased message.
    types: the names of the exception types that it can have.
    code: alternatives, one of which must occur in a student's line that the error passed through; () for any line.
    again: if the error has another cause where derivatives are differentiated, explained in ``words.AGAIN``: the unit
    that teaches it; else "".
    """

    key: str
    unit: str
    fragments: tuple[tuple[str, ...], ...]
    types: tuple[str, ...] = ("RuntimeError",)
    again: str = ""
    code: tuple[str, ...] = ()


TRANSFORMS = ("vmap(", "jvp(", "vjp(", "jacfwd(", "jacrev(", "hessian(", "func.grad(")

DERIVATIVES = ("grad(", "backward(", "jvp(", "vjp(", "jacobian(", "hessian(")

_ALL = [
    ErrorNote("scalar_needed", "05", (("implicitly created only for scalar",),)),
    ErrorNote("weight_shape", "05", (("mismatch in shape", "grad_output"),)),
    ErrorNote(
        "not_in_graph",
        "01",
        (("appears to not have been used",), ("differentiated tensors", "not been used")),
        again="08",
    ),
    ErrorNote("batched_weight_shape", "09", (("we interpret the first dimension",),)),
    ErrorNote(
        "vmap_sizes", "09", (("expected all tensors to have the same size in the mapped dimension",),), ("ValueError",)
    ),
    ErrorNote(
        "in_dims_form",
        "09",
        (("in_dims is not compatible",), ("expected at least one tensor to vmap over",)),
        ("ValueError",),
    ),
    ErrorNote(
        "vmap_sees_no_values",
        "09",
        (("vmap over calling .item()",), ("data-dependent control flow",)),
    ),
    ErrorNote(
        "number_for_grad", "09", (("expected f(*args) to return a scalar",), ("expected f(*args) to return a tensor",))
    ),
    ErrorNote("transform_not_called", "09", (("allowed values for randomness",), ("argnums must be int",))),
    ErrorNote(
        "parameters_as_dict",
        "09",
        (("passed to transform api must be tensor",), ("parameter_and_buffer_dicts to be dictionaries",)),
        ("ValueError",),
    ),
    ErrorNote("backward_in_transform", "09", (("called inside a functorch transform",),)),
    ErrorNote("no_dual_level", "09", (("dual tensor", "no level exists"),)),
    ErrorNote("second_backward", "07", (("a second time",),), again="08"),
    ErrorNote("zeros_need_unused", "07", (("allow_unused to be true", "materialize_grads"),), ("ValueError",)),
    ErrorNote("hook_changed_size", "07", (("has changed the size of value",),)),
    ErrorNote("input_undeclared", "01", (("one of the differentiated tensors does not require grad",),)),
    ErrorNote("no_graph_in_transform", "09", (("does not require grad",),), code=TRANSFORMS),
    ErrorNote("no_graph", "01", (("does not require grad",),), again="08"),
    ErrorNote("flag_called", "01", (("'bool' object is not callable",),), ("TypeError",)),
    ErrorNote(
        "integer_tensor",
        "01",
        (("only tensors of floating point",), ("only floating point and complex",)),
    ),
    ErrorNote("inplace_on_saved", "02", (("modified by an inplace operation",),)),
    ErrorNote("inplace_on_leaf", "02", (("a leaf variable that requires grad", "in-place"),)),
    ErrorNote("flag_of_non_leaf", "02", (("requires_grad flags of leaf",),)),
    ErrorNote(
        "grad_takes_a_tensor",
        "02",
        (("assigned grad expected to be a tensor",), ("attempting to assign a gradient",)),
        ("TypeError", "RuntimeError"),
    ),
    ErrorNote("inference_tensor", "02", (("inference tensor",),)),
    ErrorNote("numpy_of_grad", "02", (("numpy() on tensor that requires grad",),)),
    ErrorNote(
        "shapes_do_not_multiply",
        "00",
        (
            ("shapes cannot be multiplied",),
            ("size mismatch",),
            ("expected size for first two dimensions",),
            ("inconsistent tensor size",),
            ("matmul", "mismatch in its core dimension"),
            ("matmul", "does not have enough dimensions"),
            ("matmul need to be at least 1d",),
        ),
        ("RuntimeError", "ValueError"),
    ),
    ErrorNote(
        "shapes_do_not_broadcast",
        "00",
        (("must match the size of tensor",), ("could not be broadcast together",)),
        ("RuntimeError", "ValueError"),
    ),
    ErrorNote(
        "not_a_scalar",
        "00",
        (
            ("cannot be converted to scalar",),
            ("only one element tensors",),
            ("boolean value of tensor with more than one value",),
        ),
        ("RuntimeError", "ValueError"),
    ),
    ErrorNote("complex_weight", "11", (("for complex tensors", "same dtype"),)),
    ErrorNote("dtypes_differ", "00", (("same dtype",), ("expected scalar type",), ("same scalar type",))),
    ErrorNote("view_incompatible", "00", (("view size is not compatible",),)),
    ErrorNote(
        "reshape_size",
        "00",
        (("is invalid for input of size",), ("cannot reshape array",)),
        ("RuntimeError", "ValueError"),
    ),
    ErrorNote("expand_sizes", "13", (("the number of sizes provided", "expand"),)),
    ErrorNote("norm_over_too_many", "13", (("dim must be a 2-tuple",), ("must be of length 1 or 2",))),
    ErrorNote("inputs_one_by_one", "01", (("can be converted to an index",),), ("TypeError",)),
    ErrorNote(
        "not_a_tensor",
        "01",
        (
            ("'float' object is not iterable",),
            ("'bool' object is not iterable",),
            ("'int' object is not iterable",),
            ("'function' object is not iterable",),
            ("gradients can be either tensors or none",),
        ),
        ("TypeError",),
        code=DERIVATIVES,
    ),
    ErrorNote(
        "caret_for_power",
        "00",
        (("bitwise_xor",), ("unsupported operand type(s) for ^",)),
        ("RuntimeError", "NotImplementedError", "TypeError"),
    ),
    ErrorNote(
        "index_range", "00", (("out of bounds",), ("out of range",)), ("IndexError", "RuntimeError", "AxisError")
    ),
    ErrorNote(
        "name_unknown",
        "00",
        (("is not defined",), ("cannot access local variable",)),
        ("NameError", "UnboundLocalError"),
    ),
    ErrorNote("tuple_in_stack", "04", (("expected tensor as element", "but got tuple"),), ("TypeError",)),
    ErrorNote("not_a_function", "04", (("'tensor' object is not callable",),), ("TypeError",)),
    ErrorNote(
        "direction_form",
        "04",
        (
            ("expected primals to be a tuple",),
            ("expected primals and tangents to have the same",),
            ("expected tangents to only contain tensors",),
        ),
    ),
    ErrorNote("direction_shape", "04", (("set a forward gradient that has a different size",),)),
    ErrorNote("direction_dtype", "04", (("expected tangent to be floating point",),), ("ValueError",)),
    ErrorNote("assigned_shape", "04", (("must match the existing size",),)),
    ErrorNote("tensor_has_no", "02", (("'tensor' object has no attribute",),), ("AttributeError",)),
    ErrorNote(
        "tuple_has_no",
        "01",
        (
            ("'tuple' object has no attribute",),
            ("multiply sequence by non-int",),
            ("unsupported operand", "'tuple'"),
            ("bad operand", "'tuple'"),
            ("not 'tuple'",),
            ("not tuple",),
            ("assign a tuple",),
        ),
        ("AttributeError", "TypeError"),
    ),
    ErrorNote(
        "list_has_no", "02", (("'list' object has no attribute",), ("not list",)), ("AttributeError", "TypeError")
    ),
    ErrorNote(
        "function_for_value",
        "01",
        (
            ("'function' object has no attribute",),
            ("'function' object is not subscriptable",),
            ("unsupported operand", "'function'"),
            ("'builtin_function_or_method' object",),
            ("unsupported operand", "'builtin_function_or_method'"),
            ("not function",),
        ),
        ("AttributeError", "TypeError"),
    ),
    ErrorNote("unknown_keyword", "07", (("unexpected keyword argument",),), ("TypeError",)),
    ErrorNote("argument_missing", "00", (("missing", "required positional argument"),), ("TypeError",)),
    ErrorNote("context_not_called", "02", (("context manager protocol",),), ("TypeError",)),
    ErrorNote("batch_dimension_gone", "09", (("too many indices",),), ("IndexError",), code=("vmap(",)),
    ErrorNote(
        "too_many_indices",
        "00",
        (("too many indices",), ("invalid index of a 0-dim tensor",)),
        ("IndexError",),
    ),
    ErrorNote("index_into_number", "", (("invalid index to scalar variable",),), ("IndexError",)),
    ErrorNote("single_numbers_end_to_end", "02", (("zero-dimensional tensor", "cannot be concatenated"),)),
    ErrorNote("none_for_whole_number", "", (("cannot be interpreted as an integer", "'nonetype'"),), ("TypeError",)),
    ErrorNote("leaf_without_rule", "10", (("'nonetype' object is not callable",),), ("TypeError",)),
    ErrorNote(
        "none_has_no",
        "01",
        (("'nonetype' object",), ("unsupported operand", "'nonetype'"), ("but got nonetype",)),
        ("AttributeError", "TypeError"),
    ),
    # --- custom operations, and tools for debugging them
    ErrorNote("gradient_count", "11", (("returned an incorrect number of gradients",),)),
    ErrorNote("gradient_shape", "11", (("returned an invalid gradient at index", "expected shape compatible"),)),
    ErrorNote("gradient_no_tensor", "11", (("expected variable or none",),)),
    ErrorNote("gradient_not_none", "11", (("returned a gradient different than none at position",),)),
    ErrorNote("output_no_float", "11", (("must be floating-point or complex tensors",),)),
    ErrorNote("input_returned", "11", (("an input that has been returned as-is",),)),
    ErrorNote("saves_tensors_only", "11", (("save_for_backward can only save",),), ("TypeError",)),
    ErrorNote("not_on_ctx", "11", (("backward' object has no attribute",),), ("AttributeError",)),
    ErrorNote("setup_context_missing", "11", (("must override the setup_context",),)),
    ErrorNote("forward_takes_ctx", "11", (("missing a required argument",),), ("TypeError",)),
    ErrorNote("instance_of_function", "11", (("legacy autograd function",),)),
    ErrorNote(
        "method_missing",
        "11",
        (("must implement either the backward",), ("must implement the forward function",)),
        ("NotImplementedError",),
    ),
    ErrorNote("differentiated_twice", "11", (("marked with @once_differentiable",),)),
    ErrorNote("nan_handed_back", "11", (("returned nan values in its",),)),
    ErrorNote("gradcheck_failed", "11", (("jacobian mismatch for output",),), ("GradcheckError",)),
    ErrorNote("check_needs_grad", "11", (("at least one input tensor to require gradient",),), ("ValueError",)),
    ErrorNote("complex_needs_weight", "11", (("implicitly created only for real scalar",),)),
    ErrorNote("real_inputs_only", "11", (("expected all inputs to be real",),)),
    ErrorNote(
        "unpack_count",
        "11",
        (("not enough values to unpack",), ("too many values to unpack",)),
        ("ValueError",),
    ),
    ErrorNote("truth_of_an_array", "", (("truth value of an array",),), ("ValueError",)),
    ErrorNote("node_in_numpy", "10", (("loop of ufunc does not support argument",),), ("TypeError",)),
    ErrorNote("number_gone_through", "10", (("'numpy.float64' object is not iterable",),), ("TypeError",)),
    ErrorNote("too_many_arguments", "", (("takes", "positional argument", "given"),), ("TypeError",)),
    ErrorNote("number_in_torch", "", (("must be tensor, not float",), ("must be tensor, not numpy",)), ("TypeError",)),
    ErrorNote("endless_recursion", "", (("maximum recursion depth exceeded",),), ("RecursionError",)),
    ErrorNote("not_a_matrix", "00", (("unsupported operand type(s) for @", "'tensor'"),), ("TypeError",)),
    ErrorNote("network_called_otherwise", "12", (("u takes tensors with a point in each row",),), ("ValueError",)),
    ErrorNote("none_to_torch", "", (("must be tensor, not nonetype",),), ("TypeError",)),
    ErrorNote("module_for_its_values", "12", (("network' object is not iterable",),), ("TypeError",)),
    ErrorNote("budget_spent", "12", (("the budget is spent",),), ("TimeoutError",)),
    ErrorNote("number_among_tensors", "", (("expected tensor as element", "but got"),), ("TypeError",)),
    ErrorNote(
        "optimizer_takes_a_list",
        "",
        (("params argument given to the optimizer should be an iterable",),),
        ("TypeError",),
    ),
    # Attributes missing from any class: last, since the notes above explain some types' messages more closely.
    ErrorNote("operator_missing", "", (("unsupported operand type(s)",),), ("TypeError",)),
    ErrorNote("no_index", "", (("object is not subscriptable",),), ("TypeError",)),
    ErrorNote("object_has_no", "", (("object has no attribute",),), ("AttributeError",)),
]

NOTES: dict[str, ErrorNote] = {note.key: note for note in _ALL}


def recognise(raised: Raised) -> ErrorNote | None:
    """The first note that fits an exception, or None for an error that nobody has explained yet."""
    message = raised.message.lower()
    for note in NOTES.values():
        fits = any(all(fragment in message for fragment in alternative) for alternative in note.fragments)
        written = not note.code or any(word in line for _, line in raised.lines for word in note.code)
        if raised.type_name in note.types and fits and written:
            return note
    return None
