"""Unit 05: weights given, forgotten, given twice, given to the wrong side."""

import torch

grad = torch.autograd.grad


def f(x):
    """The function that 5.2 hands out."""
    return torch.stack([x[0] * x[1], x[1] ** 2 + torch.sin(x[2])])


def with_weight(weight):
    """5.2 with this function of x and v for its weight."""
    return lambda x, v: grad(f(x), x, grad_outputs=weight(x, v))[0]


def of_number(number):
    """5.3 with this function of y and v for the number that is differentiated."""
    return lambda f, x, v: grad(number(f(x), v), x)[0]


def backward_of(clear=True, **options):
    """5.4: what is given to backward, after clearing or not."""

    def fill(f, x, v):
        if clear:
            x.grad = None
        f(x).backward(**{name: make(v) for name, make in options.items()})

    return fill


def cleared_afterwards(f, x, v):
    f(x).backward(v)
    x.grad = None


def zero_grad_of_a_tensor(f, x, v):
    x.zero_grad()
    f(x).backward(v)


def zeroed_in_place(f, x, v):
    x.grad.zero_()
    f(x).backward(v)


def row_of(weight):
    """5.5 with this function of x, y and i for its weight."""

    def row(f, x, i):
        y = f(x)
        return grad(y, x, grad_outputs=weight(x, y, i))[0]

    return row


def one_hot(like, i, filled=0.0):
    weight = torch.full_like(like, filled)
    weight[i] = 1
    return weight


def zero_at_i(f, x, i):
    y = f(x)
    weight = torch.ones_like(y)
    weight[i] = 0
    return grad(y, x, grad_outputs=weight)[0]


def with_the_last_one_left_standing(f, x):
    y = f(x)
    weight, found = torch.zeros_like(y), []
    for i in range(len(y)):
        weight[i] = 1
        found.append(grad(y, x, weight, retain_graph=True)[0])
    return torch.stack(found)


def y_cut(f, weigh, x):
    return grad(weigh(x) @ f(x).detach(), x)[0]


def difference_of_outputs(f, x, v, w):
    y, z = f(x)
    return grad(v @ y - w @ z, x)[0]


def rows(f, x):
    y = f(x)
    return [grad(y, x, weight, retain_graph=True)[0] for weight in torch.eye(len(y)).double()]


def without_keeping(f, x):
    y = f(x)
    return torch.stack([grad(y, x, weight)[0] for weight in torch.eye(len(y)).double()])


def tuples_stacked(f, x):
    y = f(x)
    return torch.stack([grad(y, x, weight, retain_graph=True) for weight in torch.eye(len(y)).double()])


def grads_collected(f, x):
    y, found = f(x), []
    for output in y:
        output.backward(retain_graph=True)
        found.append(x.grad)
    return torch.stack(found)


WRONG = [
    ("letter_missed", "05.predict_error", "a"),
    ("letter_too_many", "05.predict_error", "acd"),
    ("letter_too_many", "05.predict_error", "ace"),
    ("wrong_choice", "05.predict_error", "xz"),
    ("weight_shape", "05.weight_the_outputs", with_weight(lambda x, v: v.sum())),
    ("weight_shape", "05.weight_the_outputs", with_weight(lambda x, v: v[:, None])),
    ("weight_shape", "05.weight_the_outputs", with_weight(lambda x, v: torch.ones_like(x))),
    ("ones_weight", "05.weight_the_outputs", with_weight(lambda x, v: torch.ones_like(v))),
    ("weighted_outputs_as_weights", "05.weight_the_outputs", with_weight(lambda x, v: v * f(x))),
    ("outputs_as_weights", "05.weight_the_outputs", with_weight(lambda x, v: f(x))),
    ("not_a_tensor", "05.weight_the_outputs", with_weight(lambda x, v: True)),
    ("not_a_tensor", "05.weight_the_outputs", with_weight(lambda x, v: v.tolist())),
    ("scalar_needed", "05.weight_the_outputs", lambda x, v: grad(f(x), x)[0]),
    ("scalar_needed", "05.scalar_trick", of_number(lambda y, v: v * y)),
    ("ones_weight", "05.scalar_trick", of_number(lambda y, v: y.sum())),
    ("mean_of_weighted", "05.scalar_trick", of_number(lambda y, v: (v * y).mean())),
    ("weighted_twice", "05.scalar_trick", of_number(lambda y, v: (v * v * y).sum())),
    ("one_output_only", "05.scalar_trick", of_number(lambda y, v: y[0])),
    ("not_a_tensor", "05.scalar_trick", of_number(lambda y, v: (v @ y).item())),
    ("not_in_graph", "05.scalar_trick", of_number(lambda y, v: torch.tensor((v @ y).item(), requires_grad=True))),
    ("one_weight_for_all", "05.scalar_trick", of_number(lambda y, v: v.mean() * y.sum())),
    ("one_weight_for_all", "05.scalar_trick", of_number(lambda y, v: v.sum() * y.sum())),
    ("weight_summing_to_one", "05.scalar_trick", of_number(lambda y, v: v @ y / v.sum())),
    ("ones_weight", "05.scalar_trick", of_number(lambda y, v: (v + y).sum())),
    ("sum_of_squares", "05.scalar_trick", of_number(lambda y, v: ((v * y) ** 2).sum())),
    ("sum_of_squares", "05.scalar_trick", of_number(lambda y, v: ((v * y) ** 2).sum() / 2)),
    ("weight_applied_after", "05.scalar_trick", lambda f, x, v: grad(f(x).sum(), x)[0] * v),
    ("stale_grad", "05.backward_gradient", backward_of(clear=False, gradient=lambda v: v)),
    ("ones_weight", "05.backward_gradient", backward_of(gradient=torch.ones_like)),
    ("scalar_needed", "05.backward_gradient", backward_of()),
    ("unknown_keyword", "05.backward_gradient", backward_of(grad_outputs=lambda v: v)),
    ("tensor_has_no", "05.backward_gradient", zero_grad_of_a_tensor),
    ("grad_is_none", "05.backward_gradient", cleared_afterwards),
    ("grad_untouched", "05.backward_gradient", lambda f, x, v: grad(f(x), x, v)[0]),
    ("rows_added_up", "05.one_row", row_of(lambda x, y, i: one_hot(y, i, filled=1.0))),
    ("other_row", "05.one_row", row_of(lambda x, y, i: one_hot(y, i - 1))),
    ("weight_shape", "05.one_row", row_of(lambda x, y, i: torch.tensor(i))),
    ("weight_shape", "05.one_row", row_of(lambda x, y, i: torch.eye(len(y)))),
    ("place_as_value", "05.one_row", row_of(lambda x, y, i: i * one_hot(y, i))),
    ("all_rows_but_i", "05.one_row", zero_at_i),
    ("input_for_output", "05.one_row", lambda f, x, i: grad(x[i], x)[0]),
    ("rows_up_to_i", "05.one_row", lambda f, x, i: grad(f(x)[: i + 1].sum(), x)[0]),
    ("wrong", "05.one_row", row_of(lambda x, y, i: torch.full_like(y, i))),
    ("sum_of_columns", "05.ones_sum_the_rows", [1, 9]),
    ("mean_of_rows", "05.ones_sum_the_rows", [1.5, 1, 2.5]),
    ("one_output_only", "05.ones_sum_the_rows", [2, -1, 0]),
    ("some_right", "05.ones_sum_the_rows", [3, 4, 5]),
    ("shape", "05.ones_sum_the_rows", [[2, -1, 0], [1, 3, 5]]),
    ("one_output_forgotten", "05.several_outputs", lambda f, x, v, w: grad(f(x)[0], x, v)[0]),
    ("weights_exchanged", "05.several_outputs", lambda f, x, v, w: grad(f(x), x, (w, v))[0]),
    ("one_output_subtracted", "05.several_outputs", difference_of_outputs),
    ("one_output_subtracted", "05.several_outputs", lambda f, x, v, w: -difference_of_outputs(f, x, v, w)),
    ("scalar_needed", "05.several_outputs", lambda f, x, v, w: grad(f(x), x)[0]),
    ("parts_not_added", "05.several_outputs", lambda f, x, v, w: (grad(f(x)[0], x, v)[0], grad(f(x)[1], x, w)[0])),
    ("inputs_swapped", "05.several_inputs", lambda f, A, x, v: grad(f(A, x), (x, A), v)),
    ("product_assumed", "05.several_inputs", lambda f, A, x, v: (torch.outer(v, x), A.T @ v)),
    ("ones_weight", "05.several_inputs", lambda f, A, x, v: grad(f(A, x).sum(), (A, x))),
    ("type", "05.several_inputs", lambda f, A, x, v: grad(f(A, x), x, v)[0]),
    ("weight_shape", "05.mend_the_weight", lambda f, x, v: grad(f(x), x, v)[0]),
    ("ones_weight", "05.mend_the_weight", lambda f, x, v: grad(f(x), x, torch.ones_like(f(x)))[0]),
    ("shapes_do_not_broadcast", "05.mend_the_weight", lambda f, x, v: grad((v * f(x)).sum(), x)[0]),
    (
        "weight_laid_out_by_columns",
        "05.mend_the_weight",
        lambda f, x, v: grad(f(x), x, v.reshape(f(x).shape[::-1]).T)[0],
    ),
    ("weight_not_detached", "05.weight_that_depends_on_x", lambda f, weigh, x: grad((weigh(x) * f(x)).sum(), x)[0]),
    ("y_held_constant", "05.weight_that_depends_on_x", y_cut),
    ("not_a_tensor", "05.weight_that_depends_on_x", lambda f, weigh, x: grad(f(x), x, weigh)[0]),
    ("ones_weight", "05.weight_that_depends_on_x", lambda f, weigh, x: grad(f(x).sum(), x)[0]),
    ("no_graph", "05.weight_that_depends_on_x", lambda f, weigh, x: grad(weigh(x).detach() @ f(x.detach()), x)[0]),
    ("second_backward", "05.rebuild_jacobian", without_keeping),
    ("tuple_in_stack", "05.rebuild_jacobian", tuples_stacked),
    ("rows_accumulated", "05.rebuild_jacobian", with_the_last_one_left_standing),
    ("one_grad_for_all_rows", "05.rebuild_jacobian", grads_collected),
    ("transposed_assembly", "05.rebuild_jacobian", lambda f, x: torch.stack(rows(f, x), dim=1)),
    ("jacobian_in_other_shape", "05.rebuild_jacobian", lambda f, x: torch.cat(rows(f, x))),
    ("one_row_only", "05.rebuild_jacobian", lambda f, x: rows(f, x)[0]),
    ("type", "05.rebuild_jacobian", rows),
    ("dtype", "05.rebuild_jacobian", lambda f, x: torch.stack(rows(f, x)).float()),
    ("tuple_of_one", "05.transfer", lambda f, X, V: grad(f(X), X, V)),
    ("ones_weight", "05.transfer", lambda f, X, V: grad(f(X).sum(), X)[0]),
    ("scalar_needed", "05.transfer", lambda f, X, V: grad(V * f(X), X)[0]),
    ("shape", "05.transfer", lambda f, X, V: grad(f(X), X, V)[0].flatten()),
]

RIGHT = [
    ("05.predict_error", ["a", "c"]),
    ("05.weight_the_outputs", lambda x, v: grad(v @ f(x), x)[0]),
    ("05.scalar_trick", of_number(lambda y, v: v @ y)),
    ("05.scalar_trick", lambda f, x, v: torch.func.vjp(f, x)[1](v)[0]),
    ("05.backward_gradient", zeroed_in_place),
    ("05.one_row", lambda f, x, i: grad(f(x)[i], x)[0]),
    ("05.ones_sum_the_rows", torch.tensor([3, 2, 5])),
    ("05.several_outputs", lambda f, x, v, w: grad(torch.cat(f(x)), x, torch.cat((v, w)))[0]),
    ("05.several_inputs", lambda f, A, x, v: (grad(f(A, x), A, v)[0], grad(f(A, x), x, v)[0])),
    ("05.mend_the_weight", lambda f, x, v: grad(f(x).reshape(-1), x, v)[0]),
    ("05.weight_that_depends_on_x", lambda f, weigh, x: grad(f(x), x, weigh(x))[0]),
    ("05.rebuild_jacobian", lambda f, x: torch.func.jacrev(f)(x)),
    ("05.rebuild_jacobian", lambda f, x: torch.func.jacfwd(f)(x)),
    ("05.transfer", lambda f, X, V: grad((V * f(X)).sum(), X)[0]),
]
