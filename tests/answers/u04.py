"""Unit 04: the Jacobian by rows and by columns, as students write it."""

import torch

grad = torch.autograd.grad
jvp = torch.func.jvp


def table(f, x):
    """The Jacobian of f at x, right: (m, n)."""
    return torch.stack([grad(entry, x, retain_graph=True)[0] for entry in f(x)])


def at(f, x):
    """The Jacobian of f at the values of x: (m, n)."""
    return torch.func.jacrev(f)(x.detach())


# --- 4.3, 4.5: all rows


def without_retain_graph(f, x):
    y = f(x)
    return torch.stack([grad(y[i], x)[0] for i in range(len(y))])


def tuples_stacked(f, x):
    y = f(x)
    return torch.stack([grad(y[i], x, retain_graph=True) for i in range(len(y))])


def by_backward_without_clearing(f, x):
    y, rows = f(x), []
    for i in range(len(y)):
        y[i].backward(retain_graph=True)
        rows.append(x.grad.clone())
    return torch.stack(rows)


def same_tensor_each_time(f, x):
    """Without a copy every row is the same tensor x.grad, which holds the sum of all gradients at the end."""
    y, rows = f(x), []
    for i in range(len(y)):
        y[i].backward(retain_graph=True)
        rows.append(x.grad)
    return torch.stack(rows)


def first_output_every_time(f, x):
    y = f(x)
    return torch.stack([grad(y[0], x, retain_graph=True)[0] for _ in range(len(y))])


def returned_inside_the_loop(f, x):
    y, rows = f(x), []
    for i in range(len(y)):
        rows.append(grad(y[i], x, retain_graph=True)[0])
        return torch.stack(rows)
    return None


def into_columns(f, x):
    y = f(x)
    J = torch.zeros(len(x), len(y), dtype=x.dtype)
    for i in range(len(y)):
        J[:, i] = grad(y[i], x, retain_graph=True)[0]
    return J


def only_the_shape_mended(f, x):
    y = f(x)
    J = torch.zeros(len(y), len(x), dtype=x.dtype)
    for i in range(len(y)):
        J[:, i] = grad(y[i], x, retain_graph=True)[0]
    return J


def only_the_place_mended(f, x):
    y = f(x)
    J = torch.zeros(len(x), len(y), dtype=x.dtype)
    for i in range(len(y)):
        J[i] = grad(y[i], x, retain_graph=True)[0]
    return J


def into_rows(f, x):
    y = f(x)
    J = torch.zeros(len(y), len(x), dtype=x.dtype)
    for i in range(len(y)):
        J[i] = grad(y[i], x, retain_graph=True)[0]
    return J


def single_precision(f, x):
    y = f(x)
    J = torch.zeros(len(y), len(x))
    for i in range(len(y)):
        J[i] = grad(y[i], x, retain_graph=True)[0]
    return J


# --- 4.4: columns


def direction(x, j):
    e = torch.zeros_like(x)
    e[j] = 1
    return e


def by_difference(f, x, j):
    h = 1e-4
    return (f(x + h * direction(x, j)) - f(x)) / h


def by_central_difference(f, x, j):
    h = 1e-5
    e = direction(x, j)
    return (f(x + h * e) - f(x - h * e)) / (2 * h)


# --- 4.9: softmax


def of_softmax(combine):
    """An answer made of a formula in s = softmax(x)."""
    return lambda x: combine(torch.softmax(x, dim=0))


def by_entries(x):
    s = torch.softmax(x, dim=0)
    J = torch.zeros(len(s), len(s), dtype=s.dtype)
    for i in range(len(s)):
        for j in range(len(s)):
            J[i, j] = s[i] * (1 - s[i]) if i == j else -s[i] * s[j]
    return J


def without_normalising(x):
    e = torch.exp(x)
    return torch.diag(e) - torch.outer(e, e)


# --- 4.7: the chain rule


def chained(combine):
    """An answer made of a formula in two Jacobians: of outer at u = inner(x), and of inner at x."""
    return lambda outer, inner, x: combine(at(outer, inner(x)), at(inner, x))


def at_the_wrong_place(outer, inner, x):
    return at(outer, x) @ at(inner, x)


def by_the_intermediate(outer, inner, x):
    u = inner(x)
    return torch.stack([grad(entry, u, retain_graph=True)[0] for entry in outer(u)])


# --- 4.8: multiplications


def counted(count):
    """The right product with ``count(m, l, k, n)`` multiplications."""
    return lambda C, B, A: (C @ B @ A, count(*C.shape, *A.shape))


def from_left(m, l, k, n):
    return m * l * k + m * k * n


def from_right(m, l, k, n):
    return l * k * n + m * l * n


def decided_by_the_ends(m, l, k, n):
    return from_left(m, l, k, n) if m < n else from_right(m, l, k, n)


def best_order(C, B, A):
    """By torch.linalg.multi_dot, with the two products counted as they are made."""
    total = []
    for order in (((C, B), A), (C, (B, A))):
        count = 0
        for left, right in (pair for pair in order if isinstance(pair, tuple)):
            count += left.shape[0] * left.shape[1] * right.shape[1]
        outer, inner = (p[0] @ p[1] if isinstance(p, tuple) else p for p in order)
        total.append(count + outer.shape[0] * outer.shape[1] * inner.shape[1])
    return torch.linalg.multi_dot([C, B, A]), min(total)


def one_factored(C, B, A):
    """The common factor of both products taken out: m·k·(l + n) from the left, l·n·(k + m) from the right."""
    m, n = len(C), A.shape[1]
    l, k = B.shape
    return C @ (B @ A), min(m * k * (l + n), l * n * (k + m))


# --- 4.6, 4.10


def ones(b):
    return torch.ones_like(b)


def identity(b):
    return torch.eye(len(b), dtype=b.dtype)


def by_autograd(W, b, x):
    y = x @ W + b
    pairs = [grad(entry, (x, b), retain_graph=True) for entry in y]
    return torch.stack([p[0] for p in pairs]), torch.stack([p[1] for p in pairs])


def flat_table(f, X):
    return torch.stack([grad(entry, X, retain_graph=True)[0].reshape(-1) for entry in f(X).reshape(-1)])


def inputs_first(f, X):
    J = torch.func.jacrev(f)(X)
    k = J.dim() - X.dim()
    return J.permute(*range(k, J.dim()), *range(k))


def whole_numbers(f, x, j):
    return jvp(f, (x,), (torch.nn.functional.one_hot(torch.tensor(j), len(x)),))[1]


WRONG = [
    # 4.1
    ("jacobian_shape_flat", "04.shape", (2, 12)),
    ("jacobian_shape_inputs_first", "04.shape", (4, 3, 2)),
    ("jacobian_shape_of_one_side", "04.shape", (4, 3)),
    ("jacobian_shape_of_one_side", "04.shape", (2,)),
    ("shape_reversed", "04.shape", (3, 4, 2)),
    ("shape_of_scalar", "04.shape", ()),
    # 4.2
    ("input_for_output", "04.one_row", lambda f, x, i: grad(x[i], x)[0]),
    ("rows_added_up", "04.one_row", lambda f, x, i: grad(f(x).sum(), x)[0]),
    ("whole_table", "04.one_row", lambda f, x, i: table(f, x)),
    ("other_row", "04.one_row", lambda f, x, i: grad(f(x)[i - 1], x)[0]),
    ("column_for_row", "04.one_row", lambda f, x, i: table(f, x)[:, i]),
    ("minus_sign", "04.one_row", lambda f, x, i: -grad(f(x)[i], x)[0]),
    ("tuple_of_one", "04.one_row", lambda f, x, i: grad(f(x)[i], x)),
    ("scalar_needed", "04.one_row", lambda f, x, i: grad(f(x), x)[0][i]),
    ("not_in_graph", "04.one_row", lambda f, x, i: grad(f(x)[i], x[i])[0]),
    # 4.3
    ("second_backward", "04.all_rows", without_retain_graph),
    ("tuple_in_stack", "04.all_rows", tuples_stacked),
    ("rows_accumulated", "04.all_rows", by_backward_without_clearing),
    ("one_grad_for_all_rows", "04.all_rows", same_tensor_each_time),
    ("rows_added_up", "04.all_rows", lambda f, x: grad(f(x).sum(), x)[0]),
    ("one_row_only", "04.all_rows", first_output_every_time),
    ("one_row_only", "04.all_rows", returned_inside_the_loop),
    ("one_row_only", "04.all_rows", lambda f, x: grad(f(x)[0], x)[0]),
    ("transposed_assembly", "04.all_rows", lambda f, x: torch.stack([*table(f, x)], dim=1)),
    ("jacobian_in_other_shape", "04.all_rows", lambda f, x: torch.cat([*table(f, x)])),
    ("argument_ignored", "04.all_rows", lambda f, x: torch.autograd.functional.jacobian(lambda _: f(x), x)),
    ("not_a_function", "04.all_rows", lambda f, x: torch.autograd.functional.jacobian(f(x), x)),
    ("type", "04.all_rows", lambda f, x: [*table(f, x)]),
    # 4.4
    ("direction_dtype", "04.one_column", whole_numbers),
    ("columns_added_up", "04.one_column", lambda f, x, j: jvp(f, (x,), (torch.ones_like(x),))[1]),
    ("moved_along_x", "04.one_column", lambda f, x, j: jvp(f, (x,), (x,))[1]),
    ("value_not_slope", "04.one_column", lambda f, x, j: jvp(f, (x,), (direction(x, j),))[0]),
    ("other_column", "04.one_column", lambda f, x, j: jvp(f, (x,), (direction(x, j - 1),))[1]),
    ("row_for_column", "04.one_column", lambda f, x, j: table(f, x)[j]),
    ("whole_table", "04.one_column", lambda f, x, j: table(f, x)),
    ("minus_sign", "04.one_column", lambda f, x, j: jvp(f, (x,), (-direction(x, j),))[1]),
    ("direction_form", "04.one_column", lambda f, x, j: jvp(f, x, direction(x, j))),
    ("direction_shape", "04.one_column", lambda f, x, j: jvp(f, (x,), (torch.ones(1, dtype=x.dtype),))[1]),
    ("not_a_function", "04.one_column", lambda f, x, j: jvp(f(x), (x,), (direction(x, j),))[1]),
    ("imprecise", "04.one_column", by_difference),
    ("type", "04.one_column", lambda f, x, j: jvp(f, (x,), (direction(x, j),))),
    # 4.5
    ("transposed_assembly", "04.mend_transposed", into_columns),
    ("assigned_shape", "04.mend_transposed", only_the_shape_mended),
    ("assigned_shape", "04.mend_transposed", only_the_place_mended),
    ("transposed_by_reshape", "04.mend_transposed", lambda f, x: into_columns(f, x).reshape(len(f(x)), len(x))),
    ("dtype", "04.mend_transposed", single_precision),
    # 4.6
    ("matrix_not_transposed", "04.linear_map", lambda W, b, x: (W, identity(b))),
    ("matrix_not_transposed", "04.linear_map", lambda W, b, x: (W, ones(b))),
    ("ones_for_identity", "04.linear_map", lambda W, b, x: (W.T, ones(b))),
    ("ones_for_identity", "04.linear_map", lambda W, b, x: (W.T, torch.outer(ones(b), ones(b)))),
    ("shift_held_constant", "04.linear_map", lambda W, b, x: (W.T, 0 * identity(b))),
    ("factor_x_kept", "04.linear_map", lambda W, b, x: (W.T * x, identity(b))),
    ("inputs_swapped", "04.linear_map", lambda W, b, x: (identity(b), W.T)),
    ("rows_added_up", "04.linear_map", lambda W, b, x: grad((x @ W + b).sum(), (x, b))),
    ("type", "04.linear_map", lambda W, b, x: W.T),
    ("dtype", "04.linear_map", lambda W, b, x: (W.T, torch.eye(len(b)))),
    # 4.7
    ("jacobians_exchanged", "04.chain_product", chained(lambda h, g: g @ h)),
    ("elementwise_product", "04.chain_product", chained(lambda h, g: h * g)),
    ("slopes_added", "04.chain_product", chained(lambda h, g: h + g)),
    ("chain_stops_early", "04.chain_product", chained(lambda h, g: h)),
    ("chain_stops_early", "04.chain_product", by_the_intermediate),
    ("inner_only", "04.chain_product", chained(lambda h, g: g)),
    ("outer_at_wrong_place", "04.chain_product", at_the_wrong_place),
    ("order_exchanged", "04.chain_product", lambda outer, inner, x: at(lambda z: inner(outer(z)), x)),
    ("transposed_assembly", "04.chain_product", chained(lambda h, g: g.T @ h.T)),
    # 4.8
    ("dearer_order", "04.cheaper_order", counted(lambda *s: max(from_left(*s), from_right(*s)))),
    ("special_point", "04.cheaper_order", counted(from_left)),
    ("special_point", "04.cheaper_order", counted(from_right)),
    ("special_point", "04.cheaper_order", counted(decided_by_the_ends)),
    ("both_orders_counted", "04.cheaper_order", counted(lambda *s: from_left(*s) + from_right(*s))),
    ("one_product_counted", "04.cheaper_order", counted(lambda m, l, k, n: min(m * l * k, l * k * n))),
    ("one_product_counted", "04.cheaper_order", counted(lambda m, l, k, n: min(m * k * n, m * l * n))),
    ("entries_for_multiplications", "04.cheaper_order", counted(lambda m, l, k, n: min(m * k, l * n) + m * n)),
    ("entries_for_multiplications", "04.cheaper_order", counted(lambda m, l, k, n: m * l + l * k + k * n)),
    ("all_sizes_multiplied", "04.cheaper_order", counted(lambda m, l, k, n: m * l * k * n)),
    ("additions_counted", "04.cheaper_order", counted(lambda *s: 2 * min(from_left(*s), from_right(*s)))),
    ("count_before_product", "04.cheaper_order", lambda C, B, A: one_factored(C, B, A)[::-1]),
    ("type", "04.cheaper_order", lambda C, B, A: C @ B @ A),
    # 4.9
    ("softmax_diagonal", "04.softmax", of_softmax(torch.diag)),
    ("softmax_outer", "04.softmax", of_softmax(lambda s: -torch.outer(s, s))),
    ("softmax_outer", "04.softmax", of_softmax(lambda s: torch.outer(s, s))),
    ("softmax_plus", "04.softmax", of_softmax(lambda s: torch.diag(s) + torch.outer(s, s))),
    ("softmax_unnormalised", "04.softmax", without_normalising),
    ("softmax_unnormalised", "04.softmax", lambda x: torch.diag(torch.exp(x))),
    ("softmax_not_diagonal", "04.softmax", of_softmax(lambda s: s - torch.outer(s, s))),
    ("softmax_not_diagonal", "04.softmax", of_softmax(lambda s: s[:, None] - torch.outer(s, s))),
    ("inner_for_outer", "04.softmax", of_softmax(lambda s: torch.diag(s) - s @ s)),
    ("log_softmax", "04.softmax", lambda x: at(lambda z: torch.log_softmax(z, dim=0), x)),
    ("jacobian_diagonal", "04.softmax", of_softmax(lambda s: s * (1 - s))),
    ("jacobian_diagonal", "04.softmax", of_softmax(lambda s: torch.diag(s * (1 - s)))),
    ("minus_sign", "04.softmax", of_softmax(lambda s: torch.outer(s, s) - torch.diag(s))),
    ("rows_added_up", "04.softmax", lambda x: grad(torch.softmax(x, dim=0).sum(), x)[0]),
    ("value_not_slope", "04.softmax", lambda x: torch.softmax(x, dim=0)),
    # 4.10
    ("jacobian_in_other_shape", "04.any_shape", flat_table),
    ("jacobian_inputs_first", "04.any_shape", inputs_first),
    ("rows_added_up", "04.any_shape", lambda f, X: grad(f(X).sum(), X)[0]),
    ("argument_ignored", "04.any_shape", lambda f, X: torch.func.jacrev(lambda _: f(X))(X)),
    ("argument_ignored", "04.any_shape", lambda f, X: torch.func.jacfwd(lambda _: f(X))(X)),
    ("type", "04.any_shape", lambda f, X: torch.func.jacrev(f)),
    ("type", "04.any_shape", lambda f, X: torch.func.jacrev(f, X)),
]

RIGHT = [
    ("04.one_row", lambda f, x, i: table(f, x)[i]),
    ("04.one_row", lambda f, x, i: torch.func.grad(lambda z: f(z)[i])(x)),
    ("04.all_rows", into_rows),
    ("04.all_rows", lambda f, x: torch.func.jacfwd(f)(x)),
    ("04.all_rows", lambda f, x: grad(f(x), x, torch.eye(len(f(x)), dtype=x.dtype), is_grads_batched=True)[0]),
    ("04.one_column", lambda f, x, j: table(f, x)[:, j]),
    ("04.one_column", by_central_difference),
    ("04.shape", [2, 4, 3]),
    ("04.mend_transposed", lambda f, x: into_columns(f, x).T),
    ("04.softmax", by_entries),
    ("04.softmax", lambda x: at(lambda z: torch.softmax(z, dim=0), x)),
    ("04.chain_product", lambda outer, inner, x: table(lambda z: outer(inner(z)), x)),
    ("04.linear_map", by_autograd),
    ("04.linear_map", lambda W, b, x: torch.func.jacrev(lambda x, b: x @ W + b, argnums=(0, 1))(x, b)),
    ("04.cheaper_order", best_order),
    ("04.cheaper_order", one_factored),
    ("04.any_shape", lambda f, X: torch.func.jacfwd(f)(X)),
    ("04.any_shape", torch.autograd.functional.jacobian),
]
