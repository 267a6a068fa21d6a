"""Unit 08: derivatives of derivatives, as students write them."""

from __future__ import annotations

import torch

grad = torch.autograd.grad


def again(y, x, **options):
    """The gradient with respect to x, with a graph: what most of these begin with."""
    return grad(y, x, create_graph=True, **options)[0]


def rows(f, x):
    return torch.stack([grad(entry, x, retain_graph=True)[0] for entry in again(f(x), x)])


# --- second and higher derivatives


def graph_kept_but_not_made(f, x):
    (slope,) = grad(f(x), x, retain_graph=True)
    return grad(slope, x)[0]


def two_backwards(f, x):
    f(x).backward(create_graph=True)
    x.grad.backward()
    return x.grad


def zeroed_in_place(f, x):
    f(x).backward(create_graph=True)
    slope = x.grad
    x.grad.zero_()
    slope.backward()
    return x.grad


def reset_between(f, x):
    f(x).backward(create_graph=True)
    slope, x.grad = x.grad, None
    slope.backward()
    return x.grad


def by_slope_requiring_grad(f, x):
    (slope,) = grad(f(x), x)
    return grad(slope.requires_grad_(), x)[0]


def the_value_differentiated_twice(f, x):
    y = f(x)
    again(y, x)
    return grad(y, x)[0]


def looped(f, x, times):
    y = f(x)
    for _ in range(times):
        y = again(y, x)
    return y


def recursive(f, x, order):
    def derivative(z):
        return again(f(z), z)

    return f(x) if order == 0 else recursive(derivative, x, order - 1)


def looped_without_graph(f, x, order):
    y = f(x)
    for _ in range(order):
        (y,) = grad(y, x)
    return y


def accumulating(f, x, order):
    y = f(x)
    for _ in range(order):
        y.backward(create_graph=True)
        y = x.grad
    return x.grad


def with_tuple(f, x, order):
    y = f(x)
    for _ in range(order):
        y = grad(y, x, create_graph=True)
    return y


# --- a gradient that can be differentiated again


def revived(f, x):
    return grad(f(x), x)[0].requires_grad_()


def hung_on_x(f, x):
    return grad(f(x), x)[0] + 0 * x


def on_a_copy(f, x):
    z = x.detach().requires_grad_()
    return again(f(z), z)


# --- nothing left to differentiate


def or_slope(f, x):
    slope = again(f(x), x)
    try:
        return grad(slope, x)[0]
    except RuntimeError:
        return slope


def or_zeros(f, x):
    slope = again(f(x), x)
    try:
        return grad(slope, x)[0]
    except RuntimeError:
        return torch.zeros_like(x)


def if_it_has_a_graph(f, x):
    slope = again(f(x), x)
    return grad(slope, x)[0] if slope.requires_grad else torch.zeros_like(x)


def or_a_new_zero(f, x):
    slope = again(f(x), x)
    try:
        return grad(slope, x)[0]
    except RuntimeError:
        return torch.tensor(0.0)


def or_none(f, x):
    slope = again(f(x), x)
    return grad(slope, x, allow_unused=True)[0] if slope.requires_grad else None


# --- rows of H


def rows_by_backward(f, x):
    g = again(f(x), x)
    found = []
    for entry in g:
        entry.backward(retain_graph=True)
        found.append(x.grad.clone())
    return torch.stack(found)


def rows_over_the_gradient(f, x):
    f(x).backward(create_graph=True)
    g = x.grad
    x.grad = g.detach().clone()
    found = []
    for entry in g:
        entry.backward(retain_graph=True)
        found.append(x.grad.clone())
    return torch.stack(found)


def rows_of_zeros(f, x):
    f(x).backward(create_graph=True)
    g = x.grad
    found = []
    for entry in range(len(x)):
        x.grad.zero_()
        g[entry].backward(retain_graph=True)
        found.append(x.grad.detach().clone())
        x.grad = g
    return torch.stack(found)


def rows_without_keeping(f, x):
    return torch.stack([grad(entry, x)[0] for entry in again(f(x), x)])


# --- Hu


def hvp_over_the_gradient(f, x, u):
    f(x).backward(create_graph=True)
    (x.grad @ u).backward()
    return x.grad


def hvp_zeroed(f, x, u):
    f(x).backward(create_graph=True)
    g = x.grad
    x.grad.zero_()
    g.backward(gradient=u)
    return x.grad


def forward_over_reverse(f, x, u):
    return torch.func.jvp(torch.func.grad(f), (x.detach(),), (u,))[1]


# --- the Laplacian


def laplacian_by_backward(f, x):
    g, total = again(f(x), x), 0
    for i in range(len(x)):
        g[i].backward(retain_graph=True)
        total = total + x.grad[i]
    return total


def laplacian_by_slices(f, x):
    z = [entry.detach().requires_grad_() for entry in x]
    g = grad(f(torch.stack(z)), z, create_graph=True)
    return sum(grad(first, entry, retain_graph=True)[0] for first, entry in zip(g, z, strict=True))


def last_term_only(f, x):
    g = again(f(x), x)
    total = torch.zeros(())
    for i in range(len(x)):
        total = grad(g[i], x, retain_graph=True)[0][i]
    return total


def returned_in_the_loop(f, x):
    g = again(f(x), x)
    for i in range(len(x)):
        if i == 0:
            return grad(g[i], x, retain_graph=True)[0][i]
    return None


def first_entry_of_each_row(f, x):
    g, total = again(f(x), x), 0
    for i in range(len(x)):
        total = total + grad(g[i], x, retain_graph=True)[0][0]
    return total


def squared_norm_over_the_gradient(f, x):
    f(x).backward(create_graph=True)
    (x.grad**2).sum().backward()
    return x.grad


def solve(f, x):
    return torch.linalg.solve(rows(f, x), again(f(x), x))


WRONG = [
    # 8.1
    ("fact_missed", "08.predict_again", lambda: "b"),
    ("fact_missed", "08.predict_again", lambda: "be"),
    ("fact_too_many", "08.predict_again", lambda: "bcef"),
    ("fact_too_many", "08.predict_again", lambda: "befg"),
    ("fact_too_many", "08.predict_again", lambda: "abef"),
    # 8.2
    ("no_graph", "08.second_derivative", lambda f, x: grad(grad(f(x), x)[0], x)[0]),
    ("no_graph", "08.second_derivative", graph_kept_but_not_made),
    ("second_plus_first", "08.second_derivative", two_backwards),
    ("zero_second", "08.second_derivative", zeroed_in_place),
    ("power_of_first", "08.second_derivative", lambda f, x: grad(f(x), x)[0] ** 2),
    ("order_off", "08.second_derivative", lambda f, x: again(f(x), x)),
    ("order_off", "08.second_derivative", the_value_differentiated_twice),
    ("not_in_graph", "08.second_derivative", by_slope_requiring_grad),
    ("tuple_of_one", "08.second_derivative", lambda f, x: grad(again(f(x), x), x)),
    ("minus_sign", "08.second_derivative", lambda f, x: -looped(f, x, 2)),
    # 8.3
    ("no_graph", "08.nth_derivative", looped_without_graph),
    ("second_plus_first", "08.nth_derivative", accumulating),
    ("order_off", "08.nth_derivative", lambda f, x, order: looped(f, x, order - 1)),
    ("order_off", "08.nth_derivative", lambda f, x, order: looped(f, x, order + 1)),
    ("power_of_first", "08.nth_derivative", lambda f, x, order: again(f(x), x) ** order),
    ("tuple_of_one", "08.nth_derivative", with_tuple),
    ("special_point", "08.nth_derivative", lambda f, x, order: looped(f, x, 2)),
    # 8.4
    ("pure_for_mixed", "08.mixed_partial", lambda f, x, i, j: rows(f, x)[i, i]),
    ("pure_for_mixed", "08.mixed_partial", lambda f, x, i, j: rows(f, x)[j, j]),
    ("product_of_slopes", "08.mixed_partial", lambda f, x, i, j: again(f(x), x)[i] * again(f(x), x)[j]),
    ("row_of_hessian", "08.mixed_partial", lambda f, x, i, j: grad(again(f(x), x)[i], x)[0]),
    ("summed_then_picked", "08.mixed_partial", lambda f, x, i, j: grad(again(f(x), x).sum(), x)[0][j]),
    ("gradient_for_second", "08.mixed_partial", lambda f, x, i, j: again(f(x), x)[j]),
    ("not_in_graph", "08.mixed_partial", lambda f, x, i, j: grad(again(f(x), x)[i], x[j])[0]),
    ("no_graph", "08.mixed_partial", lambda f, x, i, j: grad(grad(f(x), x)[0][i], x)[0][j]),
    ("minus_sign", "08.mixed_partial", lambda f, x, i, j: -rows(f, x)[i, j]),
    # 8.5
    ("not_differentiable_again", "08.mend_create_graph", lambda f, x: grad(f(x), x)[0]),
    ("not_differentiable_again", "08.mend_create_graph", lambda f, x: grad(f(x), x, retain_graph=True)[0]),
    ("not_differentiable_again", "08.mend_create_graph", lambda f, x: again(f(x), x).detach()),
    ("not_differentiable_again", "08.mend_create_graph", revived),
    ("not_differentiable_again", "08.mend_create_graph", on_a_copy),
    ("graph_cut_inside", "08.mend_create_graph", hung_on_x),
    ("minus_sign", "08.mend_create_graph", lambda f, x: -again(f(x), x)),
    # 8.6
    ("no_graph", "08.linear_map", lambda f, x: looped(f, x, 2)),
    ("not_in_graph", "08.linear_map", if_it_has_a_graph),
    ("slope_for_zero", "08.linear_map", or_slope),
    ("zero_second", "08.linear_map", lambda f, x: torch.zeros_like(x)),
    ("dtype", "08.linear_map", or_a_new_zero),
    ("not_returned", "08.linear_map", or_none),
    # 8.7
    ("second_backward", "08.hessian_by_rows", rows_without_keeping),
    ("no_graph", "08.hessian_by_rows", lambda f, x: torch.stack([grad(e, x)[0] for e in grad(f(x), x)[0]])),
    ("scalar_needed", "08.hessian_by_rows", lambda f, x: grad(again(f(x), x), x)[0]),
    ("hessian_of_rows", "08.hessian_by_rows", rows_by_backward),
    ("hessian_from_grad", "08.hessian_by_rows", rows_over_the_gradient),
    ("hessian_summed", "08.hessian_by_rows", lambda f, x: grad(again(f(x), x).sum(), x)[0]),
    ("hessian_diagonal", "08.hessian_by_rows", lambda f, x: rows(f, x).diagonal()),
    ("hessian_diagonal", "08.hessian_by_rows", lambda f, x: torch.diag(rows(f, x).diagonal())),
    ("gradient_outer", "08.hessian_by_rows", lambda f, x: torch.outer(again(f(x), x), again(f(x), x))),
    ("gradient_for_second", "08.hessian_by_rows", lambda f, x: again(f(x), x)),
    ("zero_second", "08.hessian_by_rows", rows_of_zeros),
    ("minus_sign", "08.hessian_by_rows", lambda f, x: -rows(f, x)),
    ("row_sums_on_diagonal", "08.hessian_by_rows", lambda f, x: torch.diag(grad(again(f(x), x).sum(), x)[0])),
    # 8.8
    ("hvp_applied_after", "08.hvp", lambda f, x, u: grad(again(f(x), x).sum(), x)[0] * u),
    ("hvp_applied_after", "08.hvp", lambda f, x, u: u * (rows(f, x) @ torch.ones_like(u))),
    ("hvp_along_gradient", "08.hvp", lambda f, x, u: grad(again(f(x), x), x, grad(f(x), x)[0])[0]),
    ("hvp_along_gradient", "08.hvp", lambda f, x, u: grad((again(f(x), x) ** 2).sum(), x)[0]),
    ("hvp_whole_step", "08.hvp", lambda f, x, u: again(f(x + u), x) - again(f(x), x)),
    ("hvp_ones", "08.hvp", lambda f, x, u: grad(again(f(x), x).sum(), x)[0]),
    ("hvp_ones", "08.hvp", lambda f, x, u: rows(f, x).sum(dim=1)),
    ("hvp_diagonal", "08.hvp", lambda f, x, u: rows(f, x).diagonal()),
    ("hvp_diagonal", "08.hvp", lambda f, x, u: rows(f, x).diagonal() * u),
    ("hvp_times_slope", "08.hvp", lambda f, x, u: grad((again(f(x), x) @ u) ** 2 / 2, x)[0]),
    ("hvp_times_slope", "08.hvp", lambda f, x, u: grad((again(f(x), x) @ u) ** 2, x)[0]),
    ("hessian_twice", "08.hvp", lambda f, x, u: rows(f, x) @ (rows(f, x) @ u)),
    ("hvp_gradient_weighted", "08.hvp", lambda f, x, u: again(f(x), x) * u),
    ("hvp_plus_gradient", "08.hvp", hvp_over_the_gradient),
    ("hvp_doubled", "08.hvp", lambda f, x, u: 2 * rows(f, x) @ u),
    ("hvp_directional", "08.hvp", lambda f, x, u: (again(f(x), x) @ u) * again(f(x), x)),
    ("hvp_directional", "08.hvp", lambda f, x, u: again(f(x), x) @ u),
    ("curvature_along", "08.hvp", lambda f, x, u: u @ rows(f, x) @ u),
    ("gradient_for_second", "08.hvp", lambda f, x, u: again(f(x), x)),
    ("zero_second", "08.hvp", hvp_zeroed),
    ("minus_sign", "08.hvp", lambda f, x, u: -grad(again(f(x), x), x, u)[0]),
    ("no_graph", "08.hvp", lambda f, x, u: grad(grad(f(x), x)[0] @ u, x)[0]),
    ("scalar_needed", "08.hvp", lambda f, x, u: grad(again(f(x), x) * u, x)[0]),
    # 8.9
    ("fact_too_many", "08.leak", lambda: "abdfg"),
    ("fact_missed", "08.leak", lambda: "cdfg"),
    ("fact_too_many", "08.leak", lambda: "acdefg"),
    ("fact_missed", "08.leak", lambda: "acdf"),
    # 8.10
    ("laplacian_of_all", "08.laplacian", lambda f, x: grad(again(f(x), x).sum(), x)[0].sum()),
    ("laplacian_of_squares", "08.laplacian", lambda f, x: (again(f(x), x) ** 2).sum()),
    ("laplacian_unsummed", "08.laplacian", lambda f, x: rows(f, x).diagonal()),
    ("laplacian_of_triangle", "08.laplacian", laplacian_by_backward),
    ("sum_of_gradient", "08.laplacian", lambda f, x: again(f(x), x).sum()),
    ("minus_sign", "08.laplacian", lambda f, x: -rows(f, x).trace()),
    ("shape", "08.laplacian", rows),
    ("one_pure_partial", "08.laplacian", last_term_only),
    ("one_pure_partial", "08.laplacian", returned_in_the_loop),
    ("column_for_laplacian", "08.laplacian", first_entry_of_each_row),
    ("column_for_laplacian", "08.laplacian", lambda f, x: grad(again(f(x), x).sum(), x)[0][-1]),
    # 8.11
    ("half_of_squared_norm", "08.gradient_of_norm", lambda f, x: grad(again(f(x), x), x, grad(f(x), x)[0])[0]),
    ("gradient_of_norm", "08.gradient_of_norm", lambda f, x: grad(again(f(x), x).norm(), x)[0]),
    ("twice_the_gradient", "08.gradient_of_norm", lambda f, x: 2 * again(f(x), x)),
    ("gradient_for_second", "08.gradient_of_norm", lambda f, x: again(f(x), x)),
    ("minus_sign", "08.gradient_of_norm", lambda f, x: -grad((again(f(x), x) ** 2).sum(), x)[0]),
    ("no_graph", "08.gradient_of_norm", lambda f, x: grad((grad(f(x), x)[0] ** 2).sum(), x)[0]),
    ("scalar_needed", "08.gradient_of_norm", lambda f, x: grad(again(f(x), x) ** 2, x)[0]),
    ("squared_norm_plus_gradient", "08.gradient_of_norm", squared_norm_over_the_gradient),
    (
        "gradient_applied_after",
        "08.gradient_of_norm",
        lambda f, x: 2 * again(f(x), x) * grad(again(f(x), x).sum(), x)[0],
    ),
    ("gradient_applied_after", "08.gradient_of_norm", lambda f, x: grad(f(x), x)[0] * grad(again(f(x), x).sum(), x)[0]),
    ("square_of_the_sum", "08.gradient_of_norm", lambda f, x: grad(again(f(x), x).sum() ** 2, x)[0]),
    # 8.12
    ("newton_other_length", "08.newton_step", lambda f, x: x - solve(f, x) / 2),
    ("newton_other_length", "08.newton_step", lambda f, x: x - 2 * solve(f, x)),
    ("newton_for_a_root", "08.newton_step", lambda f, x: x - f(x) / again(f(x), x)),
    ("gradient_step", "08.newton_step", lambda f, x: x - again(f(x), x)),
    ("newton_step_alone", "08.newton_step", solve),
    ("newton_step_alone", "08.newton_step", lambda f, x: -solve(f, x)),
    ("newton_uphill", "08.newton_step", lambda f, x: x + solve(f, x)),
    ("newton_diagonal", "08.newton_step", lambda f, x: x - again(f(x), x) / rows(f, x).diagonal()),
    ("hessian_not_inverted", "08.newton_step", lambda f, x: x - rows(f, x) @ again(f(x), x)),
    ("reciprocal_of_hessian", "08.newton_step", lambda f, x: x - (1 / rows(f, x)) @ again(f(x), x)),
    ("shape", "08.newton_step", lambda f, x: x - again(f(x), x) / rows(f, x)),
    ("shape", "08.newton_step", lambda f, x: x - torch.linalg.solve(rows(f, x), again(f(x), x)[:, None])),
]

RIGHT = [
    ("08.predict_again", lambda: "bef"),
    ("08.predict_again", lambda: ("e", "b", "f")),
    ("08.second_derivative", reset_between),
    ("08.second_derivative", lambda f, x: torch.func.grad(torch.func.grad(f))(x)),
    ("08.second_derivative", lambda f, x: looped(f, x, 2)),
    ("08.nth_derivative", recursive),
    ("08.nth_derivative", looped),
    ("08.mixed_partial", lambda f, x, i, j: rows(f, x)[j, i]),
    ("08.mixed_partial", lambda f, x, i, j: torch.func.hessian(f)(x)[i, j]),
    ("08.mend_create_graph", lambda f, x: torch.func.grad(f)(x)),
    ("08.mend_create_graph", lambda f, x: (again(f(x), x, grad_outputs=2 * torch.ones(()).double())) / 2),
    ("08.linear_map", or_zeros),
    ("08.linear_map", lambda f, x: grad(again(f(x), x) + 0 * x, x)[0]),
    ("08.linear_map", lambda f, x: torch.func.grad(torch.func.grad(f))(x)),
    ("08.hessian_by_rows", lambda f, x: torch.autograd.functional.hessian(f, x)),
    ("08.hessian_by_rows", lambda f, x: rows(f, x).T),
    ("08.hvp", lambda f, x, u: grad(again(f(x), x) @ u, x)[0]),
    ("08.hvp", forward_over_reverse),
    ("08.hvp", lambda f, x, u: rows(f, x) @ u),
    ("08.leak", lambda: "a, c, d, f and g"),
    ("08.leak", lambda: ["a", "c", "d", "f", "g"]),
    ("08.laplacian", laplacian_by_slices),
    ("08.laplacian", lambda f, x: torch.func.hessian(f)(x).trace()),
    ("08.gradient_of_norm", lambda f, x: grad(again(f(x), x).norm() ** 2, x)[0]),
    ("08.gradient_of_norm", lambda f, x: 2 * grad(again(f(x), x), x, grad(f(x), x)[0])[0]),
    ("08.newton_step", lambda f, x: x - torch.linalg.inv(rows(f, x)) @ again(f(x), x)),
    ("08.newton_step", lambda f, x: (x - solve(f, x)).detach()),
]
