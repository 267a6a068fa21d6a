"""Errors: each one explained is one that torch really raises, and no other error is explained as it."""

from __future__ import annotations

import linecache
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import grader
from grader import formatting, words
from grader.errors import NOTES, recognise
from grader.judge import diagnose
from grader.probe import Call, Raised, probe
from grader.units.u12_functions import Budget, ansatz

from answers import u02, u07, u10, u12, u13
from support import ALL, functions

grad = torch.autograd.grad
vmap = torch.func.vmap
TRICK = "05.scalar_trick"


def x(*shape: int) -> torch.Tensor:
    return torch.ones(shape, dtype=torch.float64, requires_grad=True)


class Bare:
    """A node of an engine that lacks nearly everything."""

    rule = None

    def backward(self):
        pass

    def again(self):
        return self.again()


def twice(y):
    y.backward()
    y.backward()


def saved_value_overwritten():
    a = x(3)
    y = a.exp()
    y += 1
    y.sum().backward()


def leaf_overwritten():
    a = x(3)
    a += 1


def slice_of_leaf_overwritten():
    a = x(3)
    a[0] = 1


def column_of_another_length():
    table = torch.zeros(2, 3)
    table[:, 0] = torch.ones(3)


def used_after_inference_mode():
    with torch.inference_mode():
        a = torch.ones(3)
    (a * x(3)).sum().backward()


def local_before_it_has_a_value():
    a = later + 1  # noqa: F821
    later = 2
    return a, later


def a_name_given_anew():
    f = functions.square
    f = lambda z: 2 * f(z)  # noqa: E731
    return f(x(3))


def typing_mistake():
    return touch.ones(3)  # noqa: F821


def input_copied_after_the_fact():
    a = x(3)
    y = a.sum()
    return grad(y, a.clone())


def no_grad_without_parentheses():
    with torch.no_grad:
        pass


def hook_that_shortens():
    a = x(3)
    h = a**2
    h.register_hook(lambda g: g[:2])
    return grad(h.sum(), a)


def function(forward, backward, setup_context=None):
    """A Function class of these methods."""
    methods = {"forward": forward, "backward": backward, "setup_context": setup_context}
    return type("Mine", (torch.autograd.Function,), {k: staticmethod(m) for k, m in methods.items() if m})


def product(ctx, a, b):
    ctx.save_for_backward(a, b)
    return a * b


def back_through(backward, forward=product):
    """The gradients of the product of two tensors, by this backward."""
    a, b = x(3), x(3)
    return grad(function(forward, backward).apply(a, b), (a, b), torch.ones(3).double())


def unpacked(ctx, v):
    a, b = ctx.saved_tensors
    return v * b, v * a


def unpacked_as_one(ctx, v):
    (a,) = ctx.saved_tensors
    return v * a, v * a


def save_nothing(ctx, inputs, output):
    """A setup_context for an operation that is linear."""


def under_func(forward, setup_context=None, backward=lambda ctx, v: (v, None)):
    operation = function(forward, backward, setup_context)
    y, vjp = torch.func.vjp(lambda a: operation.apply(a, 2.0), x(3).detach())
    return vjp(torch.ones_like(y))


def marked_as_once():
    square = function(
        lambda ctx, a: (ctx.save_for_backward(a), a**2)[1],
        torch.autograd.function.once_differentiable(lambda ctx, v: 2 * v * ctx.saved_tensors[0]),
    )
    a, v = x(3), x(3)
    (g,) = grad(square.apply(a), a, v, create_graph=True)
    g.sum().backward()  # autograd.grad finds no way to a, and says that instead


def nan_in_anomaly_mode():
    a = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    with torch.autograd.detect_anomaly():
        grad(torch.where(a > 0, a.sqrt(), 0.0).sum(), a)


def complex_square():
    return torch.tensor([1 + 2j, 3j], requires_grad=True) ** 2


IDENTITY = function(lambda ctx, a: a.clone(), lambda ctx, v: 2 * v)


def grad_of_ones(a, *weight, **options):
    return grad(a * 2, a, *weight, **options)


# (key of errors.NOTES, code that torch or Python refuses for that reason)
SNIPPETS = [
    ("scalar_needed", lambda: grad(x(3) * 2, x(3))),
    ("scalar_needed", lambda: (x(3) * 2).backward()),
    ("weight_shape", lambda: (x(3) * 2).backward(gradient=torch.ones(2).double())),
    ("weight_shape", lambda: (x(3) * 2).backward(gradient=torch.ones(3, 1).double())),
    ("weight_shape", lambda: (x(3) * 2).backward(gradient=torch.tensor(1.0).double())),
    ("not_in_graph", lambda: grad(x(3).sum(), x(3))),
    ("not_in_graph", lambda: grad(x(), x() ** 2)),
    ("not_in_graph", input_copied_after_the_fact),
    ("batched_weight_shape", lambda: grad_of_ones(x(3), torch.ones(3).double(), is_grads_batched=True)),
    ("batched_weight_shape", lambda: grad_of_ones(x(3), torch.ones(3, 2).double(), is_grads_batched=True)),
    ("vmap_sizes", lambda: vmap(torch.func.grad(functions.logistic))(x(3), x(4, 2))),
    ("in_dims_form", lambda: vmap(torch.func.grad(functions.logistic), in_dims=(0,))(x(3), x(4, 2))),
    ("in_dims_form", lambda: vmap(torch.func.grad(functions.logistic), in_dims=(None, None))(x(3), x(4, 2))),
    ("vmap_sees_no_values", lambda: vmap(lambda a: a.sum().item())(x(4, 2))),
    ("vmap_sees_no_values", lambda: vmap(lambda a: a if a.sum() > 0 else -a)(x(4, 2))),
    ("number_for_grad", lambda: torch.func.grad(functions.logistic)(x(3), x(4, 2))),
    ("number_for_grad", lambda: torch.func.grad(lambda a: torch.func.jvp(functions.valley, (a,), (a,)))(x(2))),
    ("transform_not_called", lambda: vmap(functions.logistic, (None, 0), x(3), x(4, 2))),
    ("transform_not_called", lambda: torch.func.grad(functions.valley, x(2))(x(2))),
    ("parameters_as_dict", lambda: torch.func.grad(lambda model: model(x(2)))(torch.nn.Linear(2, 1).double())),
    ("parameters_as_dict", lambda: torch.func.functional_call(torch.nn.Linear(2, 1), [x(2)], (x(2),))),
    ("backward_in_transform", lambda: vmap(lambda a: a.sum().backward())(x(4, 2))),
    ("no_dual_level", lambda: torch.autograd.forward_ad.make_dual(x(2), x(2))),
    ("second_backward", lambda: twice((x(3) ** 2).sum())),
    ("zeros_need_unused", lambda: grad(x(3).sum(), x(3), allow_unused=False, materialize_grads=True)),
    ("hook_changed_size", hook_that_shortens),
    ("no_graph", lambda: torch.ones(3).sum().backward()),
    ("no_graph", lambda: (x(3) ** 2).detach().sum().backward()),
    ("input_undeclared", lambda: grad(x().clone(), torch.ones(()))),
    ("input_undeclared", lambda: grad(torch.ones(()).requires_grad_(), torch.ones(()))),
    ("flag_called", lambda: x(3).requires_grad(True)),
    ("integer_tensor", lambda: torch.ones(3, dtype=torch.int64, requires_grad=True)),
    ("integer_tensor", lambda: torch.arange(3).requires_grad_()),
    ("inplace_on_saved", saved_value_overwritten),
    ("inplace_on_leaf", leaf_overwritten),
    ("inplace_on_leaf", slice_of_leaf_overwritten),
    ("flag_of_non_leaf", lambda: (x(3) * 2).requires_grad_(False)),
    ("grad_takes_a_tensor", lambda: setattr(x(3), "grad", 0)),
    ("grad_takes_a_tensor", lambda: setattr(x(3), "grad", torch.zeros(2))),
    ("inference_tensor", used_after_inference_mode),
    ("numpy_of_grad", lambda: x(3).numpy()),
    ("numpy_of_grad", lambda: np.asarray(x(3))),
    ("shapes_do_not_multiply", lambda: torch.ones(2, 3) @ torch.ones(2, 3)),
    ("shapes_do_not_multiply", lambda: torch.ones(4, 3) @ torch.ones(4)),
    ("shapes_do_not_multiply", lambda: torch.ones(2, 3, 4) @ torch.ones(2, 5, 4)),
    ("shapes_do_not_multiply", lambda: torch.ones(2) @ torch.ones(3)),
    ("shapes_do_not_multiply", lambda: torch.ones(2).dot(torch.ones(3))),
    ("shapes_do_not_multiply", lambda: torch.ones(()) @ torch.ones(3)),
    ("shapes_do_not_broadcast", lambda: torch.ones(3) + torch.ones(4)),
    ("expand_sizes", lambda: torch.ones(4, 1, 1, 1).expand_as(torch.ones(4, 3))),
    ("expand_sizes", lambda: torch.ones(4, 1).expand(4)),
    ("norm_over_too_many", lambda: torch.ones(4, 2, 3, 3).norm(dim=(1, 2, 3))),
    ("norm_over_too_many", lambda: torch.linalg.norm(torch.ones(4, 2, 3, 3), dim=(1, 2, 3))),
    ("not_a_scalar", lambda: torch.ones(3).item()),
    ("not_a_scalar", lambda: float(torch.ones(3))),
    ("not_a_scalar", lambda: 1 if torch.ones(3) else 2),
    ("dtypes_differ", lambda: torch.ones(2, 3) @ torch.ones(3, 2).double()),
    ("dtypes_differ", lambda: torch.ones(2, 3) @ torch.ones(3).double()),
    ("dtypes_differ", lambda: torch.zeros(2).index_add_(0, torch.tensor([0, 1]), torch.ones(2).double())),
    ("view_incompatible", lambda: torch.ones(2, 3).T.view(-1)),
    ("reshape_size", lambda: torch.ones(3).reshape(2, 2)),
    ("index_range", lambda: torch.ones(3)[5]),
    ("index_range", lambda: torch.ones(3).sum(dim=1)),
    ("index_range", lambda: [1, 2][5]),
    ("name_unknown", typing_mistake),
    ("name_unknown", local_before_it_has_a_value),
    ("inputs_one_by_one", lambda: grad(x(3).sum(), x(3), retain_graph=x(3) != x(3))),
    ("inputs_one_by_one", lambda: grad(functions.lens(x(), x(), x()), x(), x(), x())),
    ("not_a_tensor", lambda: grad(3.0, x())),
    ("not_a_tensor", lambda: grad(functions.wave, x())),
    ("not_a_tensor", lambda: grad(x(3) * 2, x(3), True)),
    ("not_a_tensor", lambda: grad(x(3) * 2, x(3), 1)),
    ("not_a_tensor", lambda: grad(x(3) * 2, x(3), [1.0])),
    ("caret_for_power", lambda: x(3) ^ 2),
    ("tuple_in_stack", lambda: torch.stack([grad(x(), x(), allow_unused=True)])),
    ("not_a_function", lambda: torch.func.jacrev(x(3) ** 2)(x(3))),
    ("direction_form", lambda: torch.func.jvp(functions.square, x(3), torch.ones(3).double())),
    ("direction_form", lambda: torch.func.jvp(functions.square, (x(3),), torch.ones(3).double())),
    ("direction_form", lambda: torch.func.jvp(functions.square, (x(3),), (1,))),
    ("direction_shape", lambda: torch.func.jvp(functions.square, (x(3),), (torch.ones(2).double(),))),
    ("direction_dtype", lambda: torch.func.jvp(functions.square, (x(3),), (torch.ones(3, dtype=torch.int64),))),
    ("not_a_matrix", lambda: x(3) @ 2.0),
    ("not_a_matrix", lambda: 2 @ x(3)),
    ("not_a_matrix", lambda: x(3) @ [1.0, 2.0, 3.0]),
    ("endless_recursion", a_name_given_anew),
    ("no_graph_in_transform", lambda: torch.func.vmap(lambda z: grad(z.sum(), z)[0])(torch.ones(2, 3))),
    ("batch_dimension_gone", lambda: torch.func.vmap(lambda z: z[:, 0])(torch.ones(2, 3))),
    ("assigned_shape", column_of_another_length),
    ("tensor_has_no", lambda: x(3).zero_grad()),
    ("tuple_has_no", lambda: grad(x(3).sum(), x(3), allow_unused=True).sum()),
    ("tuple_has_no", lambda: x() - 0.1 * grad(x().sin(), x(), allow_unused=True)),
    ("tuple_has_no", lambda: torch.zeros(2).__setitem__(0, grad(x().sin(), x(), allow_unused=True))),
    ("tuple_has_no", lambda: -grad(x().sin(), x(), allow_unused=True)),
    ("tuple_has_no", lambda: x() - grad(x().sin(), x(), allow_unused=True)),
    ("tuple_has_no", lambda: float(grad(x().sin(), x(), allow_unused=True))),
    ("tuple_has_no", lambda: torch.sin(grad(x().sin(), x(), allow_unused=True))),
    ("list_has_no", lambda: [x(), x()].mean()),
    ("list_has_no", lambda: torch.mean([x(), x()])),
    ("function_for_value", lambda: functions.wave.backward()),
    ("function_for_value", lambda: x() - functions.wave),
    ("function_for_value", lambda: functions.wave[0]),
    ("function_for_value", lambda: x(3).sum.backward()),
    ("function_for_value", lambda: torch.sin(functions.wave)),
    ("unknown_keyword", lambda: (x(3) * 2).backward(grad_outputs=torch.ones(3).double())),
    ("unknown_keyword", lambda: grad(x(3) * 2, x(3), gradient=torch.ones(3).double())),
    ("argument_missing", lambda: torch.logsumexp(x(3))),
    ("argument_missing", lambda: functions.wave()),
    ("context_not_called", no_grad_without_parentheses),
    ("too_many_indices", lambda: x(3)[:, 0]),
    ("too_many_indices", lambda: x()[0]),
    ("index_into_number", lambda: np.float64(1.0)[0]),
    ("single_numbers_end_to_end", lambda: torch.cat([x(), x()])),
    ("budget_spent", lambda: Budget("u", 0).spend()),
    ("network_called_otherwise", lambda: ansatz(*map(torch.ones, ((2, 1), 2, (2, 1), 2)))(torch.ones(3))),
    ("module_for_its_values", lambda: torch.autograd.grad(ansatz(*map(torch.ones, ((2, 1), 2, (2, 1), 2))), x())),
    ("none_to_torch", lambda: torch.ones_like(None)),
    ("number_among_tensors", lambda: torch.cat([x(2), 0])),
    ("optimizer_takes_a_list", lambda: torch.optim.SGD(x(), lr=0.1)),
    ("none_has_no", lambda: x(3).grad.sum()),
    ("none_has_no", lambda: x().clone().backward()[0]),
    ("none_has_no", lambda: grad(x(3).sum(), x(3), allow_unused=True)[0] * 2),
    ("none_has_no", lambda: torch.stack(grad(x(3).sum(), (x(3), x(3)), allow_unused=True))),
    ("gradient_count", lambda: back_through(lambda ctx, v: v)),
    ("gradient_count", lambda: back_through(lambda ctx, v: (v, v, v))),
    ("gradient_shape", lambda: back_through(lambda ctx, v: (v[:2], v))),
    ("gradient_shape", lambda: back_through(lambda ctx, v: (v.sum(), v))),
    ("gradient_no_tensor", lambda: back_through(lambda ctx, v: ((v, v), None))),
    ("gradient_no_tensor", lambda: back_through(lambda ctx, v: (v.numpy(), v))),
    ("gradient_not_none", lambda: under_func(lambda a, n: n * a, save_nothing, lambda ctx, v: (v, v))),
    ("output_no_float", lambda: under_func(lambda a, n: a.long(), save_nothing)),
    ("input_returned", lambda: under_func(lambda a, n: a, lambda ctx, i, o: ctx.save_for_backward(i[0]))),
    ("saves_tensors_only", lambda: under_func(lambda a, n: n * a, lambda ctx, i, o: ctx.save_for_backward(*i))),
    ("not_on_ctx", lambda: back_through(lambda ctx, v: (v * ctx.b, v * ctx.a))),
    ("setup_context_missing", lambda: under_func(lambda ctx, a, n: n * a)),
    ("forward_takes_ctx", lambda: under_func(lambda ctx, a, n: n * a, lambda ctx, inputs, output: None)),
    ("instance_of_function", lambda: IDENTITY()(x(3))),
    ("method_missing", lambda: back_through(None)),
    ("method_missing", lambda: function(None, unpacked).apply(x(3))),
    ("differentiated_twice", marked_as_once),
    ("nan_handed_back", nan_in_anomaly_mode),
    ("gradcheck_failed", lambda: torch.autograd.gradcheck(IDENTITY.apply, x(3))),
    ("check_needs_grad", lambda: torch.autograd.gradcheck(IDENTITY.apply, x(3).detach())),
    ("complex_needs_weight", lambda: complex_square().sum().backward()),
    ("complex_weight", lambda: complex_square().backward(torch.ones(2))),
    ("real_inputs_only", lambda: torch.func.jacrev(torch.sin)(torch.tensor([1 + 2j, 3j]))),
    ("real_inputs_only", lambda: torch.func.hessian(torch.sin)(torch.tensor([1 + 2j, 3j]))),
    ("unpack_count", lambda: back_through(unpacked, lambda ctx, a, b: a * b)),
    ("unpack_count", lambda: back_through(unpacked_as_one)),
    ("too_many_arguments", lambda: back_through(lambda v: (v, v))),
    ("shapes_do_not_multiply", lambda: np.ones((2, 3)) @ np.ones((2, 3))),
    ("shapes_do_not_multiply", lambda: np.ones((2, 3)) @ np.float64(1.0)),
    ("shapes_do_not_broadcast", lambda: np.ones(3) + np.ones(4)),
    ("reshape_size", lambda: np.ones(3).reshape(2, 2)),
    ("index_range", lambda: np.ones(3).sum(axis=1)),
    ("caret_for_power", lambda: 2.0 ^ 3),
    ("none_for_whole_number", lambda: np.expand_dims(np.ones(3), None)),
    ("number_in_torch", lambda: torch.cos(1.0)),
    ("number_in_torch", lambda: torch.cos(np.ones(3))),
    ("leaf_without_rule", lambda: Bare().rule(1.0)),
    ("truth_of_an_array", lambda: 1 if np.ones(3) > 0 else 2),
    ("node_in_numpy", lambda: np.cos(Bare())),
    ("number_gone_through", lambda: [*zip([1], np.float64(1.0), strict=True)]),
    ("too_many_arguments", lambda: Bare().backward(1.0)),
    ("endless_recursion", lambda: Bare().again()),
    ("operator_missing", lambda: Bare() - Bare()),
    ("operator_missing", lambda: 2 * Bare()),
    ("no_index", lambda: Bare()[0]),
    ("object_has_no", lambda: Bare().sin()),
]
IDS = [f"{key}-{k}" for k, (key, _) in enumerate(SNIPPETS)]


@pytest.mark.parametrize(("key", "snippet"), SNIPPETS, ids=IDS)
def test_error_that_is_really_raised_is_recognised_and_explained(key, snippet):
    raised = probe(snippet, Call()).raised
    assert raised is not None
    note = recognise(raised)
    assert note is not None, f"{raised.type_name}: {raised.message}"
    assert note.key == key
    assert key in words.ERRORS


def test_every_note_is_reproduced_here_and_has_words_and_the_other_way_round():
    assert {key for key, _ in SNIPPETS} == set(NOTES) == set(words.ERRORS)


@pytest.mark.parametrize("key", NOTES)
def test_words_for_an_error_are_whole_sentences(key):
    text = words.ERRORS[key]
    assert text.name
    for sentence in (text.says, text.why):
        assert sentence.endswith(".")
        assert sentence.count("`") % 2 == 0
        assert set(re.findall(r"{(\w*)}", sentence)) <= {"fn"}


@pytest.mark.parametrize("key", NOTES)
def test_note_matches_its_own_type_of_error_only(key):
    note = NOTES[key]
    for alternative in note.fragments:
        message, lines = " ... ".join(alternative).capitalize(), tuple((1, f"{word}y)") for word in note.code[:1])
        assert recognise(Raised(note.types[0], message, lines)) is not None
        assert recognise(Raised("KeyError", message)) is None
        assert recognise(Raised(note.types[0], message[: len(alternative[0]) // 2])) is None


def test_what_is_no_tensor_is_told_only_where_a_derivative_is_taken():
    message = "'int' object is not iterable"
    taken, pulled = (
        recognise(Raised("TypeError", message, ((1, line),)))
        for line in ("(g,) = torch.autograd.grad(y, x)", "for part in node.pull(node.grad):")
    )
    assert (taken, pulled) == (NOTES["not_a_tensor"], None)


UNRELATED = [
    lambda: torch.linalg.cholesky(-torch.eye(2)),
    lambda: torch.ones(2).to("nowhere"),
    lambda: torch.cat([]),
    lambda: torch.stack([torch.ones(2), torch.ones(3)]),
    lambda: int("three"),
    lambda: {}["key"],
    lambda: 1 / 0,
    lambda: (_ for _ in ()).throw(RuntimeError("something quite different")),
    lambda: (_ for _ in ()).throw(RuntimeError("")),
]


@pytest.mark.parametrize("snippet", UNRELATED)
def test_unrelated_error_is_not_explained_as_a_known_one(snippet):
    raised = probe(snippet, Call()).raised
    assert raised is not None
    assert recognise(raised) is None


@pytest.mark.parametrize(("key", "snippet"), SNIPPETS, ids=IDS)
def test_verdict_on_an_error_says_the_message_and_what_it_means(key, snippet):
    v = diagnose(ALL[TRICK], lambda f, x, v: snippet())
    assert (v.status, v.error, v.score) == ("raised", key, 0)
    assert v.unit == (NOTES[key].unit or ALL[TRICK].unit)
    raised = probe(snippet, Call()).raised
    assert raised.message.rstrip(".") in v.headline
    assert formatting.fill(words.ERRORS[key].why, {"fn": "autograd"}) in v.message
    assert not re.search(r"{\w*}", v.message)


# (key, what raises it in a question about a derivative of a derivative)
AGAIN = [
    ("second_backward", lambda f, x: grad((y := f(x)) + grad(y, x)[0], x)[0]),
    ("no_graph", lambda f, x: grad(grad(f(x), x)[0], x)[0]),
    ("not_in_graph", lambda f, x: grad(grad(f(x), x)[0].requires_grad_(), x)[0]),
]


@pytest.mark.parametrize(("key", "answer"), AGAIN, ids=[key for key, _ in AGAIN])
def test_error_with_another_cause_in_a_second_derivative_is_explained_by_that_cause(key, answer):
    again = diagnose(ALL["08.second_derivative"], answer)
    once = diagnose(ALL[TRICK], lambda f, z, v: answer(functions.wave, x()))
    assert again.error == once.error == key
    assert words.AGAIN[key].why in again.message
    assert words.ERRORS[key].why in once.message
    assert (again.unit, once.unit) == (NOTES[key].again, NOTES[key].unit)


def test_every_error_with_another_cause_has_words_for_it_and_is_shown_here():
    assert {key for key, note in NOTES.items() if note.again} == set(words.AGAIN) == {key for key, _ in AGAIN}


def with_a_batch_for_one_weight(f, x, V):
    return grad(f(x), x, grad_outputs=V)


def with_samples_shared(f, w, X):
    return vmap(torch.func.grad(f), in_dims=(0, None))(w, X)


def with_samples_first(f, w, X):
    return vmap(lambda a: torch.func.grad(f)(a, w))(X)


def with_a_sample_taken_apart(f, w, X):
    return vmap(vmap(torch.func.grad(f), in_dims=(None, 0)), in_dims=(None, 0))(w, X)


ENGINE = "10.earlier_maps"

# (question, key, what raises it): every error that means more in a question than it does in general
IN_A_QUESTION = [
    ("09.batched_weights", "weight_shape", with_a_batch_for_one_weight),
    ("09.vmap_gradient", "too_many_indices", with_samples_shared),
    ("09.vmap_gradient", "index_range", with_samples_first),
    ("09.vmap_gradient", "batch_dimension_gone", with_a_sample_taken_apart),
    ("12.ode_residual", "not_in_graph", u12.declared_too_late),
    *((id, name, answer) for name, id, answer in u10.WRONG if (name, id) == ("shapes_do_not_broadcast", ENGINE)),
    *((id, name, answer) for unit in (u02, u07, u13) for name, id, answer in unit.WRONG if name in ALL[id].errors),
]


@pytest.mark.parametrize(
    ("question", "key", "answer"), IN_A_QUESTION, ids=[f"{q}-{key}" for q, key, _ in IN_A_QUESTION]
)
def test_error_that_means_more_in_a_question_is_explained_by_the_questions_own_words(question, key, answer):
    v = diagnose(ALL[question], answer)
    assert v.error == key
    assert ALL[question].errors[key] in v.message
    assert words.ERRORS[key].why not in v.message


def test_every_error_that_a_question_explains_is_shown_here():
    explained = {(name, key) for name, question in ALL.items() for key in question.errors}
    assert explained == {(question, key) for question, key, _ in IN_A_QUESTION}


def test_unknown_error_is_told_in_its_own_words_without_an_explanation():
    v = diagnose(ALL[TRICK], lambda f, x, v: 1 / 0)
    assert (v.status, v.error, v.message) == ("raised", None, "")
    assert "division by zero" in v.headline


def test_braces_and_backticks_in_a_message_are_kept_as_they_are():
    def raises(f, x, v):
        raise ValueError("a {brace}, `a tick and {0}")

    v = diagnose(ALL[TRICK], raises)
    assert "a {brace}, `a tick and {0}" in v.headline


# --- the lines that are told


def first_line() -> int:
    return stops_inside_torch.__code__.co_firstlineno


def stops_inside_torch(f, x, v):
    y = f(x)
    return torch.autograd.grad(y, x)


def calls_a_helper(f, x, v):
    y = f(x)
    return helps(y, x)


def helps(y, x):
    return torch.func.vjp(lambda z: z.reshape(77), x)


def test_line_told_is_the_students_own_and_none_of_torch_or_the_grader():
    v = diagnose(ALL[TRICK], stops_inside_torch)
    assert v.lines == ((first_line() + 2, "return torch.autograd.grad(y, x)"),)
    assert words.CARD["line"].format(line=first_line() + 2) in v.headline


def test_lines_of_a_students_helpers_are_told_from_the_outside_in():
    lines = diagnose(ALL[TRICK], calls_a_helper).lines
    first = calls_a_helper.__code__.co_firstlineno
    helper = helps.__code__.co_firstlineno
    assert [number for number, _ in lines] == [first + 2, helper + 1, helper + 1][: len(lines)]
    assert lines[-1] == (helper + 1, "return torch.func.vjp(lambda z: z.reshape(77), x)")


def run_cell(source: str, name: str, scope: dict) -> None:
    """Run a source text as IPython runs a cell: under a file name of its own, from which lines can be read."""
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), scope)


def test_line_of_a_notebook_cell_is_told_with_its_text():
    scope: dict = {}
    run_cell("def answer(f, x, v):\n    y = f(x)\n    return y.view(77)\n", "<ipython-input-1-cell>", scope)
    v = diagnose(ALL[TRICK], scope["answer"])
    assert v.lines == ((3, "return y.view(77)"),)


# Where an error comes from -> (a cell before the answer's, the answer's cell, the line of the latter that is told)
INSIDE = {
    "a helper in another cell": (
        "\n\n\n\n\n\ndef helper(y):\n    return y.view(77)\n",
        "def answer(f, x, v):\n    y = f(x)\n    return helper(y)\n",
        3,
    ),
    "a helper in the same cell": (
        "",
        "def helper(y):\n    return y.view(77)\ndef answer(f, x, v):\n    return helper(f(x))\n",
        2,
    ),
    "a lambda": ("", "def answer(f, x, v):\n    g = lambda y: y.view(77)\n    return g(f(x))\n", 2),
    "a lambda that torch calls": (
        "",
        "def answer(f, x, v):\n    g = lambda z: (\n        f(z).view(77)\n    )\n    return vjp(g, x)\n",
        3,
    ),
    "a comprehension": ("", "def answer(f, x, v):\n    return [\n        y.view(7)\n        for y in f(x)\n    ]\n", 3),
    "a call over several lines": (
        "",
        "def answer(f, x, v):\n    return (\n        f(x)\n        .view(77)\n    )\n",
        4,
    ),
    "the function handed over": ("", "def answer(f, x, v):\n    z = x[:0]\n    return f(z)\n", 3),
}


@pytest.mark.parametrize("where", INSIDE)
def test_line_told_is_of_the_answers_own_cell_wherever_the_error_comes_from(where):
    before, cell, line = INSIDE[where]
    scope: dict = {"vjp": torch.func.vjp}
    run_cell(before, "<ipython-input-1-before>", scope)
    run_cell(cell, "<ipython-input-2-answer>", scope)
    v = diagnose(ALL[TRICK], scope["answer"])
    assert v.status == "raised"
    assert words.CARD["place"].format(line=line) in v.headline
    assert (line, cell.splitlines()[line - 1].strip()) in v.lines


def test_attribute_that_tensors_do_not_have_is_told_only_where_one_of_theirs_is_meant():
    def sets(name):
        def answer(f, x, v):
            z = x.detach().clone()
            setattr(z, name, True)
            return torch.autograd.grad(f(z), z, v)[0]

        return answer

    v = diagnose(ALL[TRICK], sets("require_grad"))
    assert (v.mistake, "`requires_grad`" in v.headline) == ("attribute_misspelt", True)
    assert v.lines
    assert diagnose(ALL[TRICK], sets("my_note")).error == "no_graph"
    assert diagnose(ALL[TRICK], sets("requires_grad")).correct


def test_no_line_is_told_where_none_is_the_students():
    v = diagnose(ALL[TRICK], torch.zeros_like)  # fits no call of three, or stops inside torch
    assert v.status in ("raised", "signature")
    assert v.lines == ()
    assert not re.search(words.CARD["line"].format(line=r"\d+"), v.headline)


@pytest.mark.parametrize("place", ["grader", "torch"])
def test_every_frame_of_ours_and_of_torch_is_left_out(place):
    package = Path(grader.__file__ if place == "grader" else torch.__file__).parent
    source = "def answer(f, x, v):\n    raise ValueError('here')\n"
    scope: dict = {}
    exec(compile(source, str(package / "made_up.py"), "exec"), scope)
    assert diagnose(ALL[TRICK], scope["answer"]).lines == ()
    exec(compile(source, "/home/student/made_up.py", "exec"), scope)
    assert [number for number, _ in diagnose(ALL[TRICK], scope["answer"]).lines] == [2]
