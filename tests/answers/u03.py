"""Unit 03: answers as students write them, about the gradient of a number with respect to a vector."""

from __future__ import annotations

import torch

grad = torch.autograd.grad


def f_of_step(A, b, x):
    return ((A @ x - b) ** 2).sum() / 2


def naive_log_sum_exp(x):
    return grad(torch.log(torch.exp(x).sum()), x)[0]


def naive_formula(x):
    return torch.exp(x) / torch.exp(x).sum()


def shifted_and_forgotten(x):
    return grad(torch.log(torch.exp(x - x.max()).sum()), x)[0]


def shifted_with_one_detached(x):
    m = x.max()
    return grad(m.detach() + torch.log(torch.exp(x - m).sum()), x)[0]


def shifted(x):
    m = x.max()
    return grad(m + torch.log(torch.exp(x - m).sum()), x)[0]


def by_backward_and_projection(f, x, u):
    f(x).backward()
    return torch.dot(x.grad, u)


def moved_along(f, x, u):
    """d/dt of f(x + t·u) at t = 0."""
    t = torch.zeros((), dtype=x.dtype, requires_grad=True)
    return grad(f(x.detach() + t * u), t)[0]


def step(A, b, x, eta):
    with torch.no_grad():
        return x - eta * A.T @ (A @ x - b)


def step_as_grad_left_it(A, b, x, eta):
    f_of_step(A, b, x).backward()
    return x + eta * x.grad


def step_without_half(A, b, x, eta):
    return x - eta * grad(((A @ x - b) ** 2).sum(), x)[0]


def step_of_unit_length(A, b, x, eta):
    g = grad(f_of_step(A, b, x), x)[0]
    return x - eta * g / g.norm()


def sliced_after_the_fact(f, x, k):
    return grad(f(x), x[k:])[0]


def sliced_after_and_allowed(f, x, k):
    return grad(f(x), x[k:], allow_unused=True)[0]


def sliced_after_and_backward(f, x, k):
    f(x).backward()
    return x[k:].grad


def slice_of_the_gradient(f, x, k):
    return grad(f(x), x)[0][k:]


def slice_before_f(f, x, k):
    head, part = x[:k], x[k:]
    return grad(f(torch.cat([head, part])), part)[0]


def slice_alone(f, x, k):
    part = x[k:]
    return grad(f(part), part)[0]


def masked(f, x, k):
    g = grad(f(x), x)[0].clone()
    g[:k] = 0
    return g


def three_backwards(f, a, b, c):
    found = []
    for leaf in (c, a, b):
        f(a, b, c).backward()
        found.append(leaf.grad.clone())
    return tuple(found)


def one_by_one(f, a, b, c):
    return tuple(grad(f(a, b, c), leaf)[0] for leaf in (c, a, b))


def differences(f, x, h=1e-5):
    g = torch.zeros_like(x)
    for j in range(len(x)):
        plus, minus = x.clone(), x.clone()
        plus[j] += h
        minus[j] -= h
        g[j] = (f(plus) - f(minus)) / (2 * h)
    return g


def differences_by_rows_of_eye(f, x):
    h = 2.0**-17
    return torch.stack([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in torch.eye(len(x), dtype=x.dtype)])


def differences_of_one_tensor(f, x):
    g = torch.zeros_like(x)
    for j in range(len(x)):
        plus = x
        minus = x
        plus[j] += 1e-5
        minus[j] -= 1e-5
        g[j] = (f(plus) - f(minus)) / 2e-5
    return g


def differences_of_everything(f, x):
    g = torch.zeros_like(x)
    for j in range(len(x)):
        g[j] = (f(x + 1e-5) - f(x - 1e-5)) / 2e-5
    return g


def differences_over_one_step(f, x):
    h = 1e-5
    return torch.stack([(f(x + h * e) - f(x - h * e)) / h for e in torch.eye(len(x), dtype=x.dtype)])


def differences_in_float32(f, x):
    g = torch.zeros(len(x))
    for j, entry in enumerate(differences(f, x)):
        g[j] = entry
    return g


def differences_to_one_side(f, x):
    h = 1e-5
    return torch.stack([(f(x + h * e) - f(x)) / h for e in torch.eye(len(x), dtype=x.dtype)])


def parts_of_rows(E, idx, w, t):
    """The gradient with respect to each row looked up: (k, d)."""
    return (E[idx] @ w - t)[:, None] * w


def rows_assigned(E, idx, w, t):
    G = torch.zeros_like(E)
    G[idx] = parts_of_rows(E, idx, w, t)
    return G


def rows_added_in_place(E, idx, w, t):
    G = torch.zeros_like(E)
    G[idx] += parts_of_rows(E, idx, w, t)
    return G


def rows_assigned_in_a_loop(E, idx, w, t):
    G, s = torch.zeros_like(E), E[idx] @ w
    for i, word in enumerate(idx):
        G[word] = (s[i] - t[i]) * w
    return G


def rows_added_in_a_loop(E, idx, w, t):
    G, s = torch.zeros_like(E), E[idx] @ w
    for i, word in enumerate(idx):
        G[word] += (s[i] - t[i]) * w
    return G


def rows_averaged(E, idx, w, t):
    counts = torch.bincount(idx, minlength=len(E)).clamp(min=1)
    return torch.zeros_like(E).index_add_(0, idx, parts_of_rows(E, idx, w, t)) / counts[:, None]


def rows_added(E, idx, w, t):
    return torch.zeros_like(E).index_add_(0, idx, parts_of_rows(E, idx, w, t))


def rows_put(E, idx, w, t):
    return torch.zeros_like(E).index_put_((idx,), parts_of_rows(E, idx, w, t), accumulate=True)


def rows_by_one_hot(E, idx, w, t):
    return torch.nn.functional.one_hot(idx, len(E)).to(E).T @ parts_of_rows(E, idx, w, t)


def rows_of_the_table(E, idx, w, t):
    return torch.zeros_like(E).index_add_(0, idx, (E[idx] @ w - t)[:, None] * E[idx])


def residuals_in_every_column(E, idx, w, t):
    residuals = (E[idx] @ w - t)[:, None].expand(-1, len(w))
    return torch.zeros_like(E).index_add_(0, idx, residuals)


def by_autograd(E, idx, w, t):
    return grad(((E[idx] @ w - t) ** 2).sum() / 2, E)[0]


def without_the_half(E, idx, w, t):
    return grad(((E[idx] @ w - t) ** 2).sum(), E)[0]


def of_the_rows(E, idx, w, t):
    rows = E[idx]
    return grad(((rows @ w - t) ** 2).sum() / 2, rows)[0]


SHAPE, FORM, LSE, ALONG = "03.predict_the_shape", "03.quadratic_form", "03.log_sum_exp", "03.directional_derivative"


def moved_on(f, x, h=1e-5):
    """Forward differences; an entry that was moved stays moved."""
    z, g, y = x.clone(), torch.zeros_like(x), f(x)
    for j in range(len(x)):
        z[j] += h
        g[j] = (f(z) - y) / h
    return g


def moved_apart(f, x, h=1e-5):
    """Central differences; both copies are made once, before the loop."""
    plus, minus, g = x.clone(), x.clone(), torch.zeros_like(x)
    for j in range(len(x)):
        plus[j] += h
        minus[j] -= h
        g[j] = (f(plus) - f(minus)) / (2 * h)
    return g


def left_behind(f, x, h=1e-5):
    """Central differences of one copy, which ends a step behind."""
    z, g = x.clone(), torch.zeros_like(x)
    for j in range(len(x)):
        z[j] += h
        above = f(z)
        z[j] -= 2 * h
        g[j] = (above - f(z)) / (2 * h)
    return g


EMBED = "03.embedding"
STEP, SLICE, ORDER, CHECK = "03.descent_step", "03.by_a_slice", "03.order_of_inputs", "03.finite_differences"

WRONG = [
    ("shape_of_value", SHAPE, lambda: ()),
    ("shape_of_other_variable", SHAPE, lambda: (3,)),
    ("shape_of_other_variable", SHAPE, lambda: (2,)),
    ("shape_flattened", SHAPE, lambda: (6,)),
    ("shape_transposed", SHAPE, lambda: (3, 2)),
    ("shape_with_a_row", SHAPE, lambda: (1, 2, 3)),
    ("type", SHAPE, lambda: 6),
    ("symmetric_assumed", FORM, lambda A, x: 2 * A @ x),
    ("symmetric_assumed", FORM, lambda A, x: 2 * x @ A),
    ("one_factor_only", FORM, lambda A, x: A @ x),
    ("one_factor_only", FORM, lambda A, x: grad(x.detach() @ A @ x, x)[0]),
    ("factor_x_not_dropped", FORM, lambda A, x: 2 * x * (A @ x)),
    ("factor_x_not_dropped", FORM, lambda A, x: x * (A @ x)),
    ("factor_x_not_dropped", FORM, lambda A, x: x * ((A + A.T) @ x)),
    ("accumulated", FORM, lambda A, x: 2 * (A + A.T) @ x),
    ("tuple_of_one", FORM, lambda A, x: grad(x @ A @ x, x)),
    ("nonfinite", LSE, naive_log_sum_exp),
    ("nonfinite", LSE, naive_formula),
    ("exponentials_alone", LSE, torch.exp),
    ("exponentials_alone", LSE, lambda x: torch.exp(x - x.max())),
    ("gradient_of_maximum", LSE, lambda x: grad(x.max(), x)[0]),
    ("maximum_not_added", LSE, shifted_and_forgotten),
    ("maximum_not_added", LSE, shifted_with_one_detached),
    ("log_before_sum", LSE, lambda x: grad(torch.log(torch.exp(x)).sum(), x)[0]),
    ("log_before_sum", LSE, torch.ones_like),
    ("log_of_gradient", LSE, lambda x: torch.log_softmax(x, dim=0)),
    ("direction_normalized", ALONG, lambda f, x, u: grad(f(x), x)[0] @ (u / u.norm())),
    ("direction_unsummed", ALONG, lambda f, x, u: grad(f(x), x)[0] * u),
    ("length_of_gradient", ALONG, lambda f, x, u: grad(f(x), x)[0].norm()),
    ("lengths_multiplied", ALONG, lambda f, x, u: grad(f(x), x)[0].norm() * u.norm()),
    ("gradient_for_slope", ALONG, lambda f, x, u: grad(f(x), x)[0]),
    ("whole_step", ALONG, lambda f, x, u: f(x + u) - f(x)),
    ("weight_shape", ALONG, lambda f, x, u: grad(f(x), x, u)[0]),
    ("gradient_for_step", STEP, lambda A, b, x, eta: grad(f_of_step(A, b, x), x)[0]),
    ("step_alone", STEP, lambda A, b, x, eta: -eta * grad(f_of_step(A, b, x), x)[0]),
    ("uphill", STEP, step_as_grad_left_it),
    ("step_without_rate", STEP, lambda A, b, x, eta: x - grad(f_of_step(A, b, x), x)[0]),
    ("half_lost", STEP, step_without_half),
    ("unit_step", STEP, step_of_unit_length),
    ("residual_for_gradient", STEP, lambda A, b, x, eta: x - eta * (A @ x - b)),
    ("transposed_operand", STEP, lambda A, b, x, eta: x - eta * A @ (A @ x - b)),
    ("point_not_moved", STEP, lambda A, b, x, eta: x),
    ("not_in_graph", SLICE, sliced_after_the_fact),
    ("slice_never_seen", SLICE, sliced_after_and_allowed),
    ("grad_of_non_leaf", SLICE, sliced_after_and_backward),
    ("gradient_not_sliced", SLICE, lambda f, x, k: grad(f(x), x)[0]),
    ("minus_sign", SLICE, lambda f, x, k: -grad(f(x), x)[0][k:]),
    ("other_part", SLICE, lambda f, x, k: grad(f(x), x)[0][:k]),
    ("zeros_before_slice", SLICE, masked),
    ("function_of_slice", SLICE, slice_alone),
    ("inputs_swapped", ORDER, lambda f, a, b, c: grad(f(a, b, c), (a, b, c))),
    ("accumulated_in_turn", ORDER, three_backwards),
    ("weight_shape", ORDER, lambda f, a, b, c: grad(f(a, b, c), c, a, b)),
    ("type", ORDER, lambda f, a, b, c: torch.cat(grad(f(a, b, c), (c, a, b)))),
    ("last_use_only", EMBED, rows_assigned),
    ("last_use_only", EMBED, rows_added_in_place),
    ("last_use_only", EMBED, rows_assigned_in_a_loop),
    ("uses_averaged", EMBED, rows_averaged),
    ("rows_as_looked_up", EMBED, parts_of_rows),
    ("rows_as_looked_up", EMBED, of_the_rows),
    ("other_factor", EMBED, rows_of_the_table),
    ("chain_stopped_at_score", EMBED, residuals_in_every_column),
    ("half_of_loss_lost", EMBED, without_the_half),
    ("half_of_loss_lost", EMBED, lambda *given: 2 * rows_added(*given)),
    ("minus_sign", EMBED, lambda *given: -rows_added(*given)),
    ("both_points_the_same", CHECK, differences_of_one_tensor),
    ("both_points_the_same", CHECK, lambda f, x: differences(f, x, h=1e-18)),
    ("not_moved_back", CHECK, moved_on),
    ("not_moved_back", CHECK, moved_apart),
    ("imprecise", CHECK, left_behind),
    ("all_entries_moved", CHECK, differences_of_everything),
    ("all_entries_moved", CHECK, lambda f, x: (f(x + 1e-5) - f(x - 1e-5)) / 2e-5),
    ("divided_by_one_step", CHECK, differences_over_one_step),
    ("imprecise", CHECK, differences_to_one_side),
    ("imprecise", CHECK, lambda f, x: differences(f, x, h=1e-2)),
    ("dtype", CHECK, differences_in_float32),
]

RIGHT = [
    (SHAPE, lambda: [2, 3]),
    (FORM, lambda A, x: grad(x @ A @ x, x)[0]),
    (FORM, lambda A, x: (A + A.T) @ x),
    (LSE, shifted),
    (LSE, lambda x: torch.softmax(x, dim=0)),
    (LSE, lambda x: torch.exp(x - torch.logsumexp(x, dim=0))),
    (ALONG, by_backward_and_projection),
    (ALONG, moved_along),
    (ALONG, lambda f, x, u: torch.func.jvp(f, (x.detach(),), (u,))[1]),
    (STEP, step),
    (SLICE, slice_of_the_gradient),
    (SLICE, slice_before_f),
    (ORDER, one_by_one),
    (EMBED, rows_added),
    (EMBED, rows_added_in_a_loop),
    (EMBED, rows_put),
    (EMBED, rows_by_one_hot),
    (EMBED, by_autograd),
    (CHECK, differences),
    (CHECK, differences_by_rows_of_eye),
    (CHECK, lambda f, x: differences(f, x, h=1e-4)),
    (CHECK, lambda f, x: differences(f, x, h=1e-6)),
]
