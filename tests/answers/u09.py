"""Unit 09: forward mode, vmap and batches of weights, as students write them."""

from __future__ import annotations

import torch
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

pull = torch.autograd.grad


# --- 9.2


def by_dual(f, x, u):
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(f(forward_ad.make_dual(x, u))).tangent


def dual_unpacked_too_late(f, x, u):
    with forward_ad.dual_level():
        y = f(forward_ad.make_dual(x, u))
    return forward_ad.unpack_dual(y).tangent


def dual_not_used(f, x, u):
    with forward_ad.dual_level():
        forward_ad.make_dual(x, u)
        return forward_ad.unpack_dual(f(x)).tangent


def dual_not_unpacked(f, x, u):
    with forward_ad.dual_level():
        return f(forward_ad.make_dual(x, u))


def dual_without_level(f, x, u):
    return forward_ad.unpack_dual(f(forward_ad.make_dual(x, u))).tangent


# --- 9.3


def counted(choose, passes):
    """J by the mode that ``choose(m, n)`` returns, with ``passes(m, n)``."""

    def answer(f, x):
        m, n = f(x).numel(), x.numel()
        return choose(m, n)(f)(x), passes(m, n)

    return answer


def cheaper(m, n):
    return jacfwd if n < m else jacrev


def dearer(m, n):
    return jacrev if n < m else jacfwd


def counting(f, x):
    """J, and how often f was really called by hand in forward mode, or pulled back in reverse mode."""
    y = f(x)
    if x.numel() < y.numel():
        columns = [jvp(f, (x,), (e,))[1] for e in torch.eye(x.numel(), dtype=x.dtype)]
        return torch.stack(columns, dim=1), len(columns)
    rows = [pull(entry, x, retain_graph=True)[0] for entry in y]
    return torch.stack(rows), len(rows)


# --- 9.4


def in_a_loop(f, w, X):
    return torch.stack([pull(f(w, x), w)[0] for x in X])


def by_backward(clear=True, clone=True):
    def answer(f, w, X):
        rows = []
        for x in X:
            if clear:
                w.grad = None
            f(w, x).backward()
            rows.append(w.grad.clone() if clone else w.grad)
        return torch.stack(rows)

    return answer


def at_mean(f, w, X):
    return grad(f)(w, X.mean(dim=0))


def total(f, w, X):
    return torch.stack([f(w, x) for x in X])


# --- 9.5


def each_weight(f, x, V):
    return torch.stack([pull(f(x), x, v)[0] for v in V])


def weights_by_backward(clone):
    def answer(f, x, V):
        rows = []
        for v in V:
            f(x).backward(v)
            rows.append(x.grad.clone() if clone else x.grad)
        return torch.stack(rows)

    return answer


def transposed(f, x, V):
    return pull(f(x), x, V.T, is_grads_batched=True)[0]


# --- 9.6


def loss_of(model):
    def loss(params, x, t):
        return (functional_call(model, params, (x,)) - t) ** 2

    return loss


def per_sample(loss=loss_of, in_dims=(None, 0, 0), **options):
    """The usual road, with another loss or other dimensions."""

    def answer(model, X, t):
        params = dict(model.named_parameters())
        return tuple(vmap(grad(loss(model)), in_dims=in_dims, **options)(params, X, t).values())

    return answer


def half_loss(model):
    return lambda params, x, t: (functional_call(model, params, (x,)) - t) ** 2 / 2


def loss_over_all(reduce):
    return lambda model: lambda params, x, t: reduce((functional_call(model, params, (x,)) - t) ** 2)


def output(model):
    return lambda params, x, t: functional_call(model, params, (x,))


def residual(model):
    return lambda params, x, t: functional_call(model, params, (x,)) - t


def in_alphabetical_order(model, X, t):
    grads = as_dict(model, X, t)
    return tuple(grads[name] for name in sorted(grads))


def of_batch(reduce):
    return lambda model, X, t: pull(reduce((model(X) - t) ** 2), tuple(model.parameters()))


def model_loop(clear=True, clone=True):
    def answer(model, X, t):
        found = []
        for x, target in zip(X, t, strict=True):
            if clear:
                model.zero_grad()
            ((model(x) - target) ** 2).backward()
            found.append([p.grad.clone() if clone else p.grad for p in model.parameters()])
        return tuple(torch.stack(grads) for grads in zip(*found, strict=True))

    return answer


def mean_in_loop(model, X, t):
    return tuple(g / len(X) for g in model_loop()(model, X, t))


def one_graph(model, X, t):
    losses = (model(X) - t) ** 2
    found = [pull(loss, tuple(model.parameters()), retain_graph=True) for loss in losses]
    return tuple(torch.stack(grads) for grads in zip(*found, strict=True))


def batched_eye(model, X, t):
    eye = torch.eye(len(X), dtype=X.dtype)
    return pull((model(X) - t) ** 2, tuple(model.parameters()), eye, is_grads_batched=True)


def sample_by_sample(model, X, t):
    return tuple(
        tuple(pull((model(x) - target) ** 2, p)[0] for p in model.parameters()) for x, target in zip(X, t, strict=True)
    )


def only_one(model, X, t):
    return pull((model(X[0]) - t[0]) ** 2, tuple(model.parameters()))


def as_dict(model, X, t):
    return vmap(grad(loss_of(model)), in_dims=(None, 0, 0))(dict(model.named_parameters()), X, t)


def of_the_model(model, X, t):
    return vmap(grad(lambda m, x, t: (m(x) - t) ** 2), in_dims=(None, 0, 0))(model, X, t)


# --- 9.7


def of_sum(f, X):
    return hessian(lambda Z: vmap(f)(Z).sum())(X)


def rows_of_sum(f, X):
    (g,) = pull(vmap(f)(X).sum(), X, create_graph=True)
    return pull(g.sum(), X)[0]


def hessians_in_a_loop(f, X):
    return torch.stack([torch.autograd.functional.hessian(f, x) for x in X])


def first_hessian(f, X):
    return jacfwd(grad(f))(X[0])


# --- 9.8


def first_way(f, x, u):
    (g,) = pull(f(x), x, create_graph=True)
    return pull(g, x, grad_outputs=u)[0]


def first_way_broken(f, x, u):
    (g,) = pull(f(x), x, create_graph=True)
    return pull(g, x, grad_outputs=torch.ones_like(g))[0]


def second_way(f, x, u):
    return jvp(grad(f), (x,), (u,))[1]


def second_way_broken(f, x, u):
    return jvp(grad(f), (x,), (u,))[0]


def third_way(f, x, u):
    return grad(lambda z: jvp(f, (z,), (u,))[1])(x)


def third_way_broken(f, x, u):
    return grad(lambda z: jvp(f, (u,), (z,))[1])(x)


def three(first=first_way, second=second_way, third=third_way):
    return lambda f, x, u: (first(f, x, u), second(f, x, u), third(f, x, u))


def diagonal(f, x, u):
    return hessian(f)(x).diagonal() * u


def twice_applied(f, x, u):
    return jvp(grad(f), (x,), (second_way(f, x, u),))[1]


def of_square(f, x, u):
    return grad(lambda z: jvp(f, (z,), (u,))[1] ** 2)(x)


# --- 9.9


def weighted_by_y(x, y, u):
    (g,) = pull(y, x, y, create_graph=True)
    return pull(g, y, u)[0]


def by_two_vjps(make, create=True):
    """A JVP out of two VJPs, the first with the weight ``make(y)``."""

    def answer(x, y, u):
        w = make(y)
        (g,) = pull(y, x, w, create_graph=create, retain_graph=True)
        return pull(g, w, u)[0]

    return answer


def declared(make):
    return lambda y: make(y).detach().requires_grad_()


def by_x_again(make):
    def answer(x, y, u):
        (g,) = pull(y, x, make(y), create_graph=True)
        return pull(g, x, u)[0]

    return answer


def without_u(x, y, u):
    w = torch.zeros_like(y, requires_grad=True)
    (g,) = pull(y, x, w, create_graph=True)
    return pull(g.sum(), w)[0]


def u_missing(x, y, u):
    w = torch.zeros_like(y, requires_grad=True)
    (g,) = pull(y, x, w, create_graph=True)
    return pull(g, w)[0]


def row_by_row(x, y, u):
    return torch.stack([pull(entry, x, retain_graph=True)[0] @ u for entry in y])


def table(x, y):
    return torch.stack([pull(entry, x, retain_graph=True)[0] for entry in y])


WRONG = [
    # 9.1
    ("fact_missed", "09.predict_mode", lambda: "a"),
    ("fact_too_many", "09.predict_mode", lambda: "acd"),
    ("fact_too_many", "09.predict_mode", lambda: "ade"),
    ("fact_too_many", "09.predict_mode", lambda: "adf"),
    ("fact_missed", "09.predict_mode", lambda: "bcf"),
    # 9.2
    ("output_for_jvp", "09.jvp", lambda f, x, u: jvp(f, (x,), (u,))[0]),
    ("output_for_jvp", "09.jvp", dual_not_unpacked),
    ("both_of_jvp", "09.jvp", lambda f, x, u: jvp(f, (x,), (u,))),
    ("both_of_jvp", "09.jvp", lambda f, x, u: torch.autograd.functional.jvp(f, x, u)),
    ("tangent_is_none", "09.jvp", dual_unpacked_too_late),
    ("tangent_is_none", "09.jvp", dual_not_used),
    ("no_dual_level", "09.jvp", dual_without_level),
    ("direction_of_ones", "09.jvp", lambda f, x, u: jvp(f, (x,), (torch.ones_like(x),))[1]),
    ("moved_along_x", "09.jvp", lambda f, x, u: jvp(f, (x,), (x,))[1]),
    ("point_and_direction", "09.jvp", lambda f, x, u: jvp(f, (u,), (x,))[1]),
    ("jvp_normalized", "09.jvp", lambda f, x, u: jvp(f, (x,), (u / u.norm(),))[1]),
    ("step_for_jvp", "09.jvp", lambda f, x, u: f(x + u) - f(x)),
    ("table_for_jvp", "09.jvp", lambda f, x, u: jacfwd(f)(x)),
    ("jvp_unsummed", "09.jvp", lambda f, x, u: jacfwd(f)(x) * u),
    ("jvp_diagonal", "09.jvp", lambda f, x, u: jacrev(f)(x).diagonal() * u),
    ("minus_sign", "09.jvp", lambda f, x, u: jvp(f, (x,), (-u,))[1]),
    ("multiple", "09.jvp", lambda f, x, u: (f(x + 1e-6 * u) - f(x - 1e-6 * u)) / 1e-6),
    ("imprecise", "09.jvp", lambda f, x, u: (f(x + 1e-4 * u) - f(x)) / 1e-4),
    ("direction_form", "09.jvp", lambda f, x, u: jvp(f, x, u)[1]),
    ("not_a_function", "09.jvp", lambda f, x, u: jvp(f(x), (x,), (u,))[1]),
    ("argument_missing", "09.jvp", lambda f, x, u: jvp(f, (x,))[1]),
    ("vjp_for_jvp", "09.jvp", lambda f, x, u: pull(f(x), x, u)[0]),
    ("shape", "09.jvp", lambda f, x, u: vjp(f, x)[1](f(x))[0]),
    # 9.3
    ("passes_of_other_mode", "09.cheaper_jacobian", counted(cheaper, max)),
    ("passes_of_other_mode", "09.cheaper_jacobian", counted(dearer, max)),
    ("passes_per_entry", "09.cheaper_jacobian", counted(cheaper, lambda m, n: m * n)),
    ("passes_of_both_modes", "09.cheaper_jacobian", counted(cheaper, lambda m, n: m + n)),
    ("evaluation_counted", "09.cheaper_jacobian", counted(cheaper, lambda m, n: min(m, n) + 1)),
    ("one_pass_for_all", "09.cheaper_jacobian", counted(cheaper, lambda m, n: 1)),
    ("special_point", "09.cheaper_jacobian", counted(cheaper, lambda m, n: m)),
    ("special_point", "09.cheaper_jacobian", counted(cheaper, lambda m, n: n)),
    ("jacobian_transposed", "09.cheaper_jacobian", lambda f, x: (jacrev(f)(x).T, min(f(x).numel(), x.numel()))),
    ("count_before_jacobian", "09.cheaper_jacobian", lambda f, x: counted(cheaper, min)(f, x)[::-1]),
    ("argument_ignored", "09.cheaper_jacobian", lambda f, x: counted(cheaper, min)(lambda _: f(x), x)),
    ("type", "09.cheaper_jacobian", lambda f, x: jacfwd(f)(x)),
    ("count", "09.cheaper_jacobian", lambda f, x: (jacfwd(f)(x), len(f(x)), len(x))),
    # 9.4
    ("samples_summed", "09.vmap_gradient", lambda f, w, X: pull(total(f, w, X).sum(), w)[0]),
    ("samples_averaged", "09.vmap_gradient", lambda f, w, X: pull(total(f, w, X).mean(), w)[0]),
    ("samples_each_over_n", "09.vmap_gradient", lambda f, w, X: jacrev(f)(w, X) / len(X)),
    ("samples_accumulated", "09.vmap_gradient", by_backward(clear=False)),
    ("sum_for_every_sample", "09.vmap_gradient", by_backward(clear=False, clone=False)),
    ("one_gradient_only", "09.vmap_gradient", lambda f, w, X: grad(f)(w, X[0])),
    ("samples_last", "09.vmap_gradient", lambda f, w, X: vmap(grad(f), in_dims=(None, 0), out_dims=1)(w, X)),
    ("losses_for_gradients", "09.vmap_gradient", lambda f, w, X: vmap(f, in_dims=(None, 0))(w, X)),
    ("norms_for_gradients", "09.vmap_gradient", lambda f, w, X: in_a_loop(f, w, X).norm(dim=1)),
    ("too_many_indices", "09.vmap_gradient", lambda f, w, X: vmap(grad(f), in_dims=(0, None))(w, X)),
    ("index_range", "09.vmap_gradient", lambda f, w, X: vmap(lambda x: grad(f)(x, w))(X)),
    ("gradients_squared", "09.vmap_gradient", lambda f, w, X: in_a_loop(f, w, X) ** 2),
    ("gradient_by_the_sample", "09.vmap_gradient", lambda f, w, X: vmap(grad(f, argnums=1), in_dims=(None, 0))(w, X)),
    ("gradient_at_mean_sample", "09.vmap_gradient", at_mean),
    ("vmap_sizes", "09.vmap_gradient", lambda f, w, X: vmap(grad(f))(w, X)),
    ("number_for_grad", "09.vmap_gradient", lambda f, w, X: grad(f)(w, X)),
    ("in_dims_form", "09.vmap_gradient", lambda f, w, X: vmap(grad(f), in_dims=(0,))(w, X)),
    ("in_dims_form", "09.vmap_gradient", lambda f, w, X: vmap(grad(f), in_dims=(None, None))(w, X)),
    ("transform_not_called", "09.vmap_gradient", lambda f, w, X: vmap(grad(f), (None, 0), w, X)),
    ("no_graph_in_transform", "09.vmap_gradient", lambda f, w, X: vmap(lambda x: pull(f(w, x), w)[0])(X)),
    ("type", "09.vmap_gradient", lambda f, w, X: [grad(f)(w, x) for x in X]),
    ("minus_sign", "09.vmap_gradient", lambda f, w, X: -in_a_loop(f, w, X)),
    # 9.5
    ("one_weight_only", "09.batched_weights", lambda f, x, V: pull(f(x), x, V[0])[0]),
    ("weights_added_up", "09.batched_weights", lambda f, x, V: pull(f(x), x, V.sum(dim=0))[0]),
    ("weights_averaged", "09.batched_weights", lambda f, x, V: pull(f(x), x, V.mean(dim=0))[0]),
    (
        "ones_for_every_weight",
        "09.batched_weights",
        lambda f, x, V: pull(f(x), x, torch.ones_like(V), is_grads_batched=True)[0],
    ),
    ("results_in_columns", "09.batched_weights", lambda f, x, V: torch.stack([*each_weight(f, x, V)], dim=1)),
    ("directions_for_weights", "09.batched_weights", lambda f, x, V: vmap(lambda v: jvp(f, (x,), (v,))[1])(V)),
    ("weights_left_out", "09.batched_weights", lambda f, x, V: jacrev(f)(x)),
    ("weights_accumulated", "09.batched_weights", weights_by_backward(clone=True)),
    ("sum_of_weights_throughout", "09.batched_weights", weights_by_backward(clone=False)),
    ("minus_sign", "09.batched_weights", lambda f, x, V: -each_weight(f, x, V)),
    ("weight_shape", "09.batched_weights", lambda f, x, V: pull(f(x), x, V)[0]),
    ("weights_in_columns", "09.batched_weights", transposed),
    ("batched_weight_shape", "09.batched_weights", lambda f, x, V: pull(f(x), x, V[0], is_grads_batched=True)[0]),
    ("scalar_needed", "09.batched_weights", lambda f, x, V: pull(f(x), x, is_grads_batched=True)[0]),
    ("tuple_of_one", "09.batched_weights", lambda f, x, V: pull(f(x), x, V, is_grads_batched=True)),
    # 9.6
    ("samples_summed", "09.per_sample", of_batch(torch.sum)),
    ("samples_averaged", "09.per_sample", of_batch(torch.mean)),
    ("samples_each_over_n", "09.per_sample", mean_in_loop),
    ("samples_accumulated", "09.per_sample", model_loop(clear=False)),
    ("one_gradient_only", "09.per_sample", only_one),
    ("samples_last", "09.per_sample", per_sample(out_dims=1)),
    ("inputs_swapped", "09.per_sample", lambda model, X, t: one_graph(model, X, t)[::-1]),
    ("inputs_swapped", "09.per_sample", in_alphabetical_order),
    ("gradients_squared", "09.per_sample", lambda model, X, t: tuple(g**2 for g in one_graph(model, X, t))),
    ("half_the_squared_error", "09.per_sample", per_sample(half_loss)),
    ("output_for_loss", "09.per_sample", per_sample(output)),
    ("output_for_loss", "09.per_sample", per_sample(residual)),
    ("every_target_for_each_sample", "09.per_sample", per_sample(loss_over_all(torch.sum), (None, 0, None))),
    ("every_target_for_each_sample", "09.per_sample", per_sample(loss_over_all(torch.mean), (None, 0, None))),
    ("minus_sign", "09.per_sample", lambda model, X, t: tuple(-g for g in one_graph(model, X, t))),
    ("parameters_ignored", "09.per_sample", per_sample(lambda model: lambda params, x, t: (model(x) - t) ** 2)),
    ("number_for_grad", "09.per_sample", per_sample(in_dims=(None, 0, None))),
    ("vmap_sizes", "09.per_sample", per_sample(in_dims=0)),
    ("in_dims_form", "09.per_sample", per_sample(in_dims=(None, 0))),
    ("parameters_as_dict", "09.per_sample", of_the_model),
    ("type", "09.per_sample", as_dict),
    ("type", "09.per_sample", lambda model, X, t: one_graph(model, X, t)[0]),
    ("scalar_needed", "09.per_sample", lambda model, X, t: pull((model(X) - t) ** 2, tuple(model.parameters()))),
    # 9.7
    ("hessians_summed", "09.batched_hessian", lambda f, X: hessians_in_a_loop(f, X).sum(dim=0)),
    ("hessians_averaged", "09.batched_hessian", lambda f, X: hessians_in_a_loop(f, X).mean(dim=0)),
    ("hessian_of_the_sum", "09.batched_hessian", of_sum),
    ("hessians_diagonal", "09.batched_hessian", lambda f, X: vmap(jacfwd(grad(f)))(X).diagonal(dim1=1, dim2=2)),
    ("hessians_rows_summed", "09.batched_hessian", rows_of_sum),
    (
        "hessians_outer",
        "09.batched_hessian",
        lambda f, X: vmap(lambda x: torch.outer(grad(f)(x), grad(f)(x)))(X),
    ),
    ("gradients_for_hessians", "09.batched_hessian", lambda f, X: vmap(grad(f))(X)),
    ("one_hessian_only", "09.batched_hessian", first_hessian),
    ("hessians_last", "09.batched_hessian", lambda f, X: vmap(jacfwd(grad(f)), out_dims=2)(X)),
    ("minus_sign", "09.batched_hessian", lambda f, X: -vmap(hessian(f))(X)),
    ("number_for_grad", "09.batched_hessian", lambda f, X: jacfwd(grad(f))(X)),
    ("transform_not_called", "09.batched_hessian", lambda f, X: grad(f, X)(X)),
    # 9.8
    ("hvp_ones", "09.hvp_three_ways", three(first_way_broken, second_way_broken, third_way_broken)),
    ("hvp_ones", "09.hvp_three_ways", three(first_way_broken)),
    ("gradient_for_hvp", "09.hvp_three_ways", three(second=second_way_broken)),
    ("gradient_for_hvp", "09.hvp_three_ways", three(second=second_way_broken, third=third_way_broken)),
    ("gradient_at_u", "09.hvp_three_ways", three(third=third_way_broken)),
    ("hessian_at_u", "09.hvp_three_ways", three(second=lambda f, x, u: jvp(grad(f), (u,), (x,))[1])),
    ("hessian_at_u", "09.hvp_three_ways", three(third=lambda f, x, u: third_way(f, u, u))),
    ("number_for_grad", "09.hvp_three_ways", three(third=lambda f, x, u: grad(lambda z: jvp(f, (z,), (u,)))(x))),
    ("hvp_doubled", "09.hvp_three_ways", three(third=lambda f, x, u: 2 * third_way(f, x, u))),
    ("hessian_twice", "09.hvp_three_ways", three(second=twice_applied)),
    ("hvp_diagonal", "09.hvp_three_ways", three(first=diagonal)),
    ("hvp_times_slope", "09.hvp_three_ways", three(third=of_square)),
    ("minus_sign", "09.hvp_three_ways", three(third=lambda f, x, u: -third_way(f, x, u))),
    ("type", "09.hvp_three_ways", first_way),
    ("type", "09.hvp_three_ways", three(second=lambda f, x, u: jvp(grad(f), (x,), (u,)))),
    # 9.9
    ("output_for_jvp", "09.jvp_from_vjps", lambda x, y, u: y),
    ("direction_of_ones", "09.jvp_from_vjps", without_u),
    ("moved_along_x", "09.jvp_from_vjps", lambda x, y, u: by_two_vjps(declared(torch.zeros_like))(x, y, x)),
    ("jvp_normalized", "09.jvp_from_vjps", lambda x, y, u: row_by_row(x, y, u / u.norm())),
    ("jvp_unsummed", "09.jvp_from_vjps", lambda x, y, u: table(x, y) * u),
    ("table_for_jvp", "09.jvp_from_vjps", lambda x, y, u: table(x, y)),
    ("second_pass_by_x", "09.jvp_from_vjps", by_x_again(torch.zeros_like)),
    ("second_pass_by_x", "09.jvp_from_vjps", by_x_again(torch.ones_like)),
    ("weighted_by_y", "09.jvp_from_vjps", weighted_by_y),
    ("minus_sign", "09.jvp_from_vjps", lambda x, y, u: -row_by_row(x, y, u)),
    ("no_graph", "09.jvp_from_vjps", by_two_vjps(declared(torch.zeros_like), create=False)),
    ("input_undeclared", "09.jvp_from_vjps", by_two_vjps(torch.zeros_like)),
    ("scalar_needed", "09.jvp_from_vjps", u_missing),
    ("vjp_for_jvp", "09.jvp_from_vjps", lambda x, y, u: pull(y, x, u)[0]),
]

RIGHT = [
    ("09.predict_mode", "a, d"),
    ("09.predict_mode", ["d", "a"]),
    ("09.jvp", by_dual),
    ("09.jvp", lambda f, x, u: jacfwd(f)(x) @ u),
    ("09.jvp", lambda f, x, u: jvp(f, (x.detach(),), (u,))[1]),
    ("09.jvp", lambda f, x, u: torch.func.linearize(f, x)[1](u)),
    ("09.cheaper_jacobian", counting),
    ("09.cheaper_jacobian", counted(cheaper, min)),
    ("09.vmap_gradient", in_a_loop),
    ("09.vmap_gradient", by_backward()),
    ("09.vmap_gradient", lambda f, w, X: jacrev(f)(w, X)),
    ("09.vmap_gradient", lambda f, w, X: vmap(lambda x: grad(f)(w, x))(X)),
    ("09.batched_weights", each_weight),
    ("09.batched_weights", lambda f, x, V: V @ jacrev(f)(x)),
    ("09.batched_weights", lambda f, x, V: vmap(lambda v: vjp(f, x)[1](v)[0])(V)),
    ("09.per_sample", one_graph),
    ("09.per_sample", batched_eye),
    ("09.per_sample", model_loop()),
    ("09.per_sample", per_sample()),
    ("09.batched_hessian", hessians_in_a_loop),
    ("09.batched_hessian", lambda f, X: vmap(hessian(f))(X)),
    ("09.batched_hessian", lambda f, X: vmap(jacrev(jacrev(f)))(X)),
    ("09.hvp_three_ways", three()),
    ("09.hvp_three_ways", three(third_way, first_way, second_way)),
    ("09.hvp_three_ways", three(third=lambda f, x, u: pull(jvp(f, (x,), (u,))[1], x)[0])),
    ("09.jvp_from_vjps", by_two_vjps(declared(torch.zeros_like))),
    ("09.jvp_from_vjps", by_two_vjps(declared(torch.ones_like))),
    ("09.jvp_from_vjps", row_by_row),
]
