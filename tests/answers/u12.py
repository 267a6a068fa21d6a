"""Unit 12: derivatives of a network with respect to its input, residuals and training, as students write them."""

from __future__ import annotations

import copy

import torch
from torch.func import functional_call, hessian, jvp, vmap

pull = torch.autograd.grad


def ones(y):
    return torch.ones_like(y)


def slope(y, x):
    """The derivative at every point, with a graph."""
    return pull(y, x, ones(y), create_graph=True)[0]


# --- 12.2


def two(first=slope, second=slope, by=lambda x, t: (x, x)):
    """u_x and u_xx by these calls, with respect to what ``by`` says."""

    def answer(u, x, t):
        one, other = by(x, t)
        u_x = first(u(x, t), one)
        return u_x, second(u_x, other)

    return answer


def without_graph(y, x):
    return pull(y, x, ones(y))[0]


def retained(y, x):
    return pull(y, x, ones(y), retain_graph=True)[0]


def of_mean(y, x):
    return pull(y.mean(), x, create_graph=True)[0]


def of_sum(y, x):
    return pull(y.sum(), x, create_graph=True)[0]


def weighted_by_itself(y, x):
    return pull(y, x, y, create_graph=True)[0]


def two_by_backward(clear=True):
    def answer(u, x, t):
        u(x, t).sum().backward(create_graph=True)
        u_x = x.grad
        if clear:
            x.grad = None
        u_x.sum().backward()
        return u_x, x.grad

    return answer


def two_by_one_call(u, x, t):
    y = u(x, t)
    g = pull(y, (x, t), ones(y), create_graph=True)
    return g[0], pull(g, x, (ones(x), ones(t)))[0]


def two_by_vmap(u, x, t):
    def one(x, t):
        return u(x[None], t[None])[0, 0]

    H = vmap(hessian(one))(x, t)[:, :, 0]
    return vmap(torch.func.grad(one))(x, t), H


def two_forward(u, x, t):
    def u_x(z):
        return jvp(lambda z: u(z, t), (z,), (ones(z),))[1]

    return u_x(x), jvp(u_x, (x,), (ones(x),))[1]


def by_functional_call(u, x, t):
    def value(x):
        return functional_call(u, dict(u.named_parameters()), (x, t)).sum()

    g = torch.func.grad(value)
    return g(x), torch.func.grad(lambda x: g(x).sum())(x)


def point_by_point(u, x, t):
    first, second = [], []
    y = u(x, t)
    for k in range(len(x)):
        (g,) = pull(y[k, 0], x, create_graph=True)
        first.append(g[k])
        second.append(pull(g[k, 0], x, retain_graph=True)[0][k])
    return torch.stack(first), torch.stack(second)


# --- 12.3


def oscillator(last=lambda y, dy, d2y, z, w: d2y + 2 * z * w * dy + w**2 * y, slope=slope, f=-1):
    """The residual with another left side, other derivatives, or another factor for f."""

    def answer(u, force, t, zeta, omega):
        t.requires_grad_()
        y = u(t)
        dy = slope(y, t)
        return last(y, dy, slope(dy, t), zeta, omega) + f * force(t)

    return answer


def as_given(u, f, t, zeta, omega):
    y = u(t)
    (dy,) = pull(y, t, ones(y))
    (d2y,) = pull(dy, t, ones(dy))
    return d2y + 2 * zeta * omega * dy + omega * y - f(t)


def declared_only(u, f, t, zeta, omega):
    return as_given(u, f, t.requires_grad_(), zeta, omega)


def declared_too_late(u, f, t, zeta, omega):
    y = u(t)
    t.requires_grad_()
    (dy,) = pull(y, t, ones(y), create_graph=True)
    return dy


def of_a_copy(u, f, t, zeta, omega):
    t = t.clone().requires_grad_()
    return oscillator()(u, f, t, zeta, omega)


def flattened(u, f, t, zeta, omega):
    t.requires_grad_()
    y = u(t).squeeze()
    (dy,) = pull(y.sum(), t, create_graph=True)
    (d2y,) = pull(dy.sum(), t)
    return d2y.squeeze() + 2 * zeta * omega * dy.squeeze() + omega**2 * y - f(t)


def oscillator_forward(u, f, t, zeta, omega):
    def du(t):
        return jvp(u, (t,), (ones(t),))[1]

    return jvp(du, (t,), (ones(t),))[1] + 2 * zeta * omega * du(t) + omega**2 * u(t) - f(t)


# --- 12.4


def laplacian(u, X):
    g = of_sum(u(X), X)
    return sum(of_sum(g[:, i], X)[:, i : i + 1] for i in range(X.shape[1]))


def poisson(delta=laplacian, sign=-1, f=-1):
    return lambda u, source, X: sign * delta(u, X) + f * source(X)


def all_of_hessian(u, X):
    return of_sum(of_sum(u(X), X), X).sum(dim=1, keepdim=True)


def rows_of_hessian(u, X):
    g = slope(u(X), X)
    return slope(g, X)


def pure(u, X):
    g = of_sum(u(X), X)
    return torch.cat([of_sum(g[:, i], X)[:, i : i + 1] for i in range(X.shape[1])], dim=1)


def first_only(u, X):
    g = of_sum(u(X), X)
    for i in range(X.shape[1]):
        return of_sum(g[:, i], X)[:, i : i + 1]
    return None


def last_only(u, X):
    g = of_sum(u(X), X)
    for i in range(X.shape[1]):
        total = of_sum(g[:, i], X)[:, i : i + 1]
    return total


def squared_gradient(u, X):
    return (of_sum(u(X), X) ** 2).sum(dim=1, keepdim=True)


def without_keepdim(u, source, X):
    return -pure(u, X).sum(dim=1) - source(X)


def both_flat(u, source, X):
    return -pure(u, X).sum(dim=1) - source(X)[:, 0]


def by_hessian(u, X):
    H = vmap(hessian(lambda x: u(x[None])[0, 0]))(X)
    return H.diagonal(dim1=1, dim2=2).sum(dim=1, keepdim=True)


def by_columns(u, X):
    """Coordinates as separate leaves, put together for u."""
    columns = [X[:, i : i + 1].detach().requires_grad_() for i in range(X.shape[1])]
    y = u(torch.cat(columns, dim=1))
    return sum(slope(slope(y, c), c) for c in columns)


def last_call_without_graph(u, source, X):
    (g,) = pull(u(X).sum(), X, create_graph=True)
    d = X.shape[1]
    return -sum(pull(g[:, i].sum(), X, retain_graph=True)[0][:, i : i + 1] for i in range(d)) - source(X)


def sliced_after(u, source, X):
    y = u(X)
    return -sum(slope(slope(y, X[:, i : i + 1]), X[:, i : i + 1]) for i in range(X.shape[1])) - source(X)


def loop_frees_graph(u, source, X):
    (g,) = pull(u(X).sum(), X, create_graph=True)
    return -sum(pull(g[:, i].sum(), X)[0][:, i : i + 1] for i in range(X.shape[1])) - source(X)


# --- 12.5


def burgers(residual=lambda y, u_x, u_t, u_xx, nu: u_t + y * u_x - nu * u_xx, slope=slope):
    def answer(u, x, t, nu):
        y = u(x, t)
        u_x, u_t = slope(y, x), slope(y, t)
        return residual(y, u_x, u_t, slope(u_x, x), nu)

    return answer


def burgers_in_time(u, x, t, nu):
    y = u(x, t)
    u_x, u_t = pull(y, (x, t), ones(y), create_graph=True)
    return u_t + y * u_x - nu * slope(u_t, t)


def burgers_mixed(u, x, t, nu):
    y = u(x, t)
    u_x, u_t = pull(y, (x, t), ones(y), create_graph=True)
    return u_t + y * u_x - nu * slope(u_x, t)


def burgers_exchanged(u, x, t, nu):
    y = u(x, t)
    u_t, u_x = pull(y, (x, t), ones(y), create_graph=True)
    return u_t + y * u_x - nu * slope(u_x, x)


def names_exchanged(u, x, t, nu):
    y = u(x, t)
    u_t, u_x = slope(y, x), slope(y, t)
    return u_t + y * u_x - nu * slope(u_x, t)


def second_of_time(u, x, t, nu):
    y = u(x, t)
    u_x, u_t = pull(y, (x, t), ones(y), create_graph=True)
    return slope(u_t, t) + y * u_x - nu * slope(u_x, x)


def conservative(u, x, t, nu):
    """u · u_x as the derivative of u²/2, and both terms in x at once."""
    y = u(x, t)
    return slope(y, t) + slope(y**2 / 2 - nu * slope(y, x), x)


def as_square(u, x, t, nu):
    y = u(x, t)
    return slope(y, t) + slope(y**2, x) - nu * slope(slope(y, x), x)


def detached(u, x, t, nu):
    y = u(x, t)
    u_x, u_t = pull(y, (x, t), ones(y), create_graph=True)
    return u_t + y * u_x - nu * slope(u_x.detach(), x)


# --- 12.6


def mean_square(z):
    return (z**2).mean()


def at_start(x0):
    return torch.zeros_like(x0)


def ends_of(u, tb):
    return torch.cat([u(torch.zeros_like(tb), tb), u(torch.ones_like(tb), tb)])


def parts(
    size=mean_square,
    residual=None,
    initial=lambda u, x0, u0: u(x0, at_start(x0)) - u0[:, None],
    boundary=ends_of,
    boundary_size=None,
):
    """The three parts, with another measure of size, or with something else in one of them."""

    def answer(u, r, x, t, x0, u0, tb):
        first = size(r(u, x, t)) if residual is None else residual(r(u, x, t))
        return first, size(initial(u, x0, u0)), (boundary_size or size)(boundary(u, tb))

    return answer


def parts_as_table(u, r, x, t, x0, u0, tb):
    return mean_square(r(u, x, t)), mean_square(u(x0, at_start(x0)) - u0), mean_square(ends_of(u, tb))


def parts_by_mse(u, r, x, t, x0, u0, tb):
    """mse_loss, which warns where it broadcasts."""
    mse = torch.nn.functional.mse_loss
    ends = ends_of(u, tb)
    start = u(x0, at_start(x0)).squeeze(1)
    return r(u, x, t).pow(2).mean(), mse(start, u0), mse(ends, torch.zeros_like(ends))


def table_by_mse(u, r, x, t, x0, u0, tb):
    mse = torch.nn.functional.mse_loss
    ends = ends_of(u, tb)
    return r(u, x, t).pow(2).mean(), mse(u(x0, at_start(x0)), u0), mse(ends, torch.zeros_like(ends))


def initial_inside(u, r, x, t, x0, u0, tb):
    return mean_square(r(u, x, t)), mean_square(u(x, at_start(x)) - u0), mean_square(ends_of(u, tb))


def one_loss(u, r, x, t, x0, u0, tb):
    return sum(parts()(u, r, x, t, x0, u0, tb))


def as_floats(u, r, x, t, x0, u0, tb):
    return tuple(part.item() for part in parts()(u, r, x, t, x0, u0, tb))


# --- 12.7


def rod_loss(u, f, left, right, x, sign=-1.0, f_sign=-1.0, boundary=10.0, residual=1.0, order=2):
    x = x.detach().requires_grad_()
    d = slope(u(x), x)
    if order == 2:
        d = slope(d, x)
    ends = u(torch.tensor([[0.0], [1.0]], dtype=x.dtype))
    wanted = torch.tensor([[left], [right]], dtype=x.dtype)
    return residual * mean_square(sign * d + f_sign * f(x)) + boundary * mean_square(ends - wanted)


def points(count=32, random=False):
    if random:
        return torch.rand(count, 1, dtype=torch.float64)
    return torch.linspace(0, 1, count, dtype=torch.float64)[:, None]


def train(steps=500, lr=0.02, random=False, make=torch.optim.Adam, **loss):
    """The usual loop, with another loss or other steps."""

    def answer(u, f, left, right):
        torch.manual_seed(0)
        optimizer = make(u.parameters(), lr=lr)
        for _ in range(steps):
            optimizer.zero_grad()
            rod_loss(u, f, left, right, points(random=random), **loss).backward()
            optimizer.step()

    return answer


def by_lbfgs(loss=rod_loss, **options):
    """The same by L-BFGS, which gets there in fewer steps; with another loss, or other terms in it."""

    def answer(u, f, left, right):
        optimizer = torch.optim.LBFGS(u.parameters(), max_iter=120, line_search_fn="strong_wolfe")

        def closure():
            optimizer.zero_grad()
            total = loss(u, f, left, right, points(), **options)
            total.backward()
            return total

        optimizer.step(closure)

    return answer


def never_stepped(u, f, left, right):
    for _ in range(3):
        u.zero_grad()
        rod_loss(u, f, left, right, points()).backward()


def of_a_trained_copy(u, f, left, right):
    twin = copy.deepcopy(u)
    train(steps=30)(twin, f, left, right)
    return twin


def with_more_units(u, f, left, right):
    u.W = torch.nn.Parameter(torch.zeros(20, 1, dtype=torch.float64))


def too_many_calls(u, f, left, right):
    with torch.no_grad():
        for _ in range(4000):
            u(points(1))


def left_end_only(u, f, left, right, x):
    zero = torch.zeros(1, 1, dtype=x.dtype)
    return rod_loss(u, f, left, right, x, boundary=0.0) + 10 * mean_square(u(zero) - left)


def second_without_graph(u, f, left, right):
    x = points().requires_grad_()
    (d,) = pull(u(x).sum(), x, create_graph=True)
    (d2,) = pull(d.sum(), x)
    loss = mean_square(-d2 - f(x))
    loss.backward()


# --- 12.8


def descent(clear=True, steps=None, lr=None, result=lambda k, loss, solve: k, up=1.0):
    """Gradient descent by ``backward``."""

    def answer(solve, data, k0, rate, count):
        k = k0.clone().requires_grad_()
        for _ in range(count if steps is None else steps):
            if clear:
                k.grad = None
            loss = ((solve(k) - data) ** 2).mean()
            loss.backward()
            with torch.no_grad():
                k -= up * (rate if lr is None else lr) * k.grad
        return result(k, loss, solve)

    return answer


def by_optimizer(make, count):
    def answer(solve, data, k0, lr, steps):
        k = torch.nn.Parameter(k0.clone())
        optimizer = make([k])
        for _ in range(count):
            optimizer.zero_grad()
            ((solve(k) - data) ** 2).mean().backward()
            optimizer.step()
        return k

    return answer


def by_grad(solve, data, k0, lr, steps):
    k = k0.clone()
    for _ in range(steps):
        k.requires_grad_()
        (g,) = pull(((solve(k) - data) ** 2).mean(), k)
        k = (k - lr * g).detach()
    return k


def by_newton(solve, data, k0, lr, steps):
    """Gauss and Newton's method, by forward mode."""
    k = k0
    for _ in range(15):
        y, J = jvp(solve, (k,), (torch.ones_like(k),))
        k = k - (J @ (y - data)) / (J @ J)
    return k


def in_logarithms(back):
    def answer(solve, data, k0, lr, steps):
        z = k0.log().requires_grad_()
        for _ in range(150):
            (g,) = pull(((solve(z.exp()) - data) ** 2).mean(), z)
            z = (z - lr * g).detach().requires_grad_()
        return back(z)

    return answer


def first_gradient_only(solve, data, k0, lr, steps):
    k = k0.clone().requires_grad_()
    (g,) = pull(((solve(k) - data) ** 2).mean(), k)
    with torch.no_grad():
        for _ in range(steps):
            k -= lr * g
    return k


def never_declared(solve, data, k0, lr, steps):
    for _ in range(steps):
        ((solve(k0) - data) ** 2).mean().backward()
    return k0


def not_under_no_grad(solve, data, k0, lr, steps):
    k = k0.clone().requires_grad_()
    for _ in range(steps):
        ((solve(k) - data) ** 2).mean().backward()
        k -= lr * k.grad
    return k


def a_new_k(solve, data, k0, lr, steps):
    k = k0.clone().requires_grad_()
    for _ in range(steps):
        ((solve(k) - data) ** 2).mean().backward()
        k = k - lr * k.grad
    return k


def a_copy_moved(solve, data, k0, lr, steps):
    k = k0.clone().requires_grad_()
    for _ in range(steps):
        (g,) = pull(((solve(k) - data) ** 2).mean(), k)
        moved = k.detach()
        moved = moved - lr * g
    return k


def table_of_values(solve, data, k0, lr, steps):
    """A search without derivatives."""
    tried = torch.linspace(0.1, 2, 1000, dtype=torch.float64)
    return tried[torch.stack([((solve(k) - data) ** 2).mean() for k in tried]).argmin()]


def no_brackets(solve, data, k0, lr, steps):
    return torch.optim.SGD(k0.clone().requires_grad_(), lr=lr)


WRONG = [
    # 12.1
    ("fact_missed", "12.predict_coupled", "bc"),
    ("fact_missed", "12.predict_coupled", "bce"),
    ("fact_too_many", "12.predict_coupled", "abceg"),
    ("fact_too_many", "12.predict_coupled", "bcdeg"),
    ("fact_too_many", "12.predict_coupled", "bcefg"),
    # 12.2
    ("slope_squared", "12.two_derivatives", two(second=lambda g, x: g**2)),
    ("mixed_for_second", "12.two_derivatives", two(by=lambda x, t: (x, t))),
    (
        "second_in_time",
        "12.two_derivatives",
        lambda u, x, t: (slope(u(x, t), x), slope(slope(u(x, t), t), t)),
    ),
    ("t_for_x", "12.two_derivatives", two(by=lambda x, t: (t, t))),
    ("t_for_x", "12.two_derivatives", two(by=lambda x, t: (t, x))),
    ("points_averaged", "12.two_derivatives", two(of_mean, of_mean)),
    ("points_averaged", "12.two_derivatives", two(of_mean, of_sum)),
    ("points_averaged", "12.two_derivatives", two(of_sum, of_mean)),
    ("points_summed", "12.two_derivatives", lambda u, x, t: tuple(g.sum() for g in two()(u, x, t))),
    ("values_as_weights", "12.two_derivatives", two(weighted_by_itself)),
    ("values_as_weights", "12.two_derivatives", two(weighted_by_itself, weighted_by_itself)),
    ("values_as_weights", "12.two_derivatives", two(second=weighted_by_itself)),
    ("both_slopes_differentiated", "12.two_derivatives", two_by_one_call),
    ("second_on_first", "12.two_derivatives", two_by_backward(clear=False)),
    ("derivatives_exchanged", "12.two_derivatives", lambda u, x, t: two()(u, x, t)[::-1]),
    ("one_order_low", "12.two_derivatives", lambda u, x, t: (u(x, t), slope(u(x, t), x))),
    ("one_order_low", "12.two_derivatives", lambda u, x, t: (slope(u(x, t), x),) * 2),
    ("arguments_exchanged", "12.two_derivatives", lambda u, x, t: two()(lambda x, t: u(t, x), x, t)),
    ("no_graph", "12.two_derivatives", two(without_graph)),
    ("no_graph", "12.two_derivatives", two(retained)),
    ("scalar_needed", "12.two_derivatives", lambda u, x, t: pull(u(x, t), x)),
    ("weight_shape", "12.two_derivatives", lambda u, x, t: pull(u(x, t), x, torch.ones(len(x)))),
    ("shape", "12.two_derivatives", lambda u, x, t: tuple(g.squeeze() for g in two()(u, x, t))),
    ("type", "12.two_derivatives", lambda u, x, t: two()(u, x, t)[1]),
    # 12.3
    ("input_undeclared", "12.ode_residual", as_given),
    ("no_graph", "12.ode_residual", declared_only),
    ("not_in_graph", "12.ode_residual", declared_too_late),
    ("omega_unsquared", "12.ode_residual", oscillator(lambda y, d, e, z, w: e + 2 * z * w * d + w * y)),
    ("damping_sign", "12.ode_residual", oscillator(lambda y, d, e, z, w: e - 2 * z * w * d + w**2 * y)),
    ("damping_factor", "12.ode_residual", oscillator(lambda y, d, e, z, w: e + z * w * d + w**2 * y)),
    ("damping_factor", "12.ode_residual", oscillator(lambda y, d, e, z, w: e + 2 * z * d + w**2 * y)),
    ("value_left_out", "12.ode_residual", oscillator(lambda y, d, e, z, w: e + 2 * z * w * d)),
    ("term_slipped", "12.ode_residual", oscillator(lambda y, d, e, z, w: e + 2 * z * w * d + (w * y) ** 2)),
    ("term_slipped", "12.ode_residual", oscillator(lambda y, d, e, z, w: e + 2 * z * w * y + w**2 * d)),
    ("first_for_second", "12.ode_residual", oscillator(lambda y, d, e, z, w: d + 2 * z * w * e + w**2 * y)),
    ("slope_squared", "12.ode_residual", oscillator(lambda y, d, e, z, w: d**2 + 2 * z * w * d + w**2 * y)),
    ("force_added", "12.ode_residual", oscillator(f=1)),
    ("force_left_out", "12.ode_residual", oscillator(f=0)),
    ("points_averaged", "12.ode_residual", oscillator(slope=of_mean)),
    ("values_as_weights", "12.ode_residual", oscillator(slope=weighted_by_itself)),
    ("every_pair_of_points", "12.ode_residual", flattened),
    ("residual_squared", "12.ode_residual", lambda *given: oscillator()(*given) ** 2),
    ("residual_squared", "12.ode_residual", lambda *given: mean_square(oscillator()(*given))),
    ("residual_turned", "12.ode_residual", lambda *given: -oscillator()(*given)),
    (
        "graph_cut_inside",
        "12.ode_residual",
        oscillator(lambda y, d, e, z, w: e.detach() + 2 * z * w * d + w**2 * y),
    ),
    ("shape", "12.ode_residual", lambda *given: oscillator()(*given).squeeze()),
    # 12.4
    ("source_for_each_coordinate", "12.poisson_residual", lambda u, f, X: -laplacian(u, X) - X.shape[1] * f(X)),
    ("row_of_hessian_for_laplacian", "12.poisson_residual", poisson(lambda u, X: rows_of_hessian(u, X)[:, :1])),
    ("all_of_hessian_at_points", "12.poisson_residual", poisson(all_of_hessian)),
    ("rows_of_hessian_at_points", "12.poisson_residual", poisson(rows_of_hessian)),
    ("second_derivatives_unsummed", "12.poisson_residual", poisson(pure)),
    ("one_coordinate_only", "12.poisson_residual", poisson(first_only)),
    ("one_coordinate_only", "12.poisson_residual", poisson(last_only)),
    ("squared_gradient", "12.poisson_residual", poisson(squared_gradient)),
    ("mixed_only", "12.poisson_residual", poisson(lambda u, X: all_of_hessian(u, X) - laplacian(u, X))),
    ("coordinates_averaged", "12.poisson_residual", poisson(lambda u, X: pure(u, X).mean(dim=1, keepdim=True))),
    ("points_summed", "12.poisson_residual", poisson(lambda u, X: laplacian(u, X).sum())),
    (
        "slopes_added_for_laplacian",
        "12.poisson_residual",
        poisson(lambda u, X: of_sum(u(X), X).sum(dim=1, keepdim=True)),
    ),
    ("laplacian_sign", "12.poisson_residual", poisson(sign=1)),
    ("source_added", "12.poisson_residual", poisson(f=1)),
    ("source_left_out", "12.poisson_residual", poisson(f=0)),
    ("source_left_out", "12.poisson_residual", poisson(sign=1, f=0)),
    ("every_pair_of_points", "12.poisson_residual", without_keepdim),
    ("residual_squared", "12.poisson_residual", lambda *given: mean_square(poisson()(*given))),
    ("residual_turned", "12.poisson_residual", poisson(sign=1, f=1)),
    ("not_differentiable_again", "12.poisson_residual", last_call_without_graph),
    ("shape", "12.poisson_residual", both_flat),
    ("not_in_graph", "12.poisson_residual", sliced_after),
    ("second_backward", "12.poisson_residual", loop_frees_graph),
    # 12.5
    ("viscous_term_slipped", "12.burgers_residual", burgers(lambda y, a, b, c, n: b + y * a - n * (a + c))),
    ("viscous_term_slipped", "12.burgers_residual", burgers(lambda y, a, b, c, n: b + y * a - n**2 * c)),
    ("network_called_otherwise", "12.burgers_residual", lambda u, x, t, nu: u(x.flatten(), t.flatten())),
    ("module_for_its_values", "12.burgers_residual", lambda u, x, t, nu: pull(u, x, create_graph=True)[0]),
    ("flow_without_u", "12.burgers_residual", burgers(lambda y, a, b, c, n: b + a - n * c)),
    ("flux_not_halved", "12.burgers_residual", as_square),
    ("flow_in_time", "12.burgers_residual", burgers(lambda y, a, b, c, n: b + y * b - n * c)),
    ("flow_slipped", "12.burgers_residual", burgers(lambda y, a, b, c, n: b - y * a - n * c)),
    ("flow_slipped", "12.burgers_residual", burgers(lambda y, a, b, c, n: b - n * c)),
    ("x_and_t_exchanged", "12.burgers_residual", burgers_exchanged),
    ("x_and_t_exchanged", "12.burgers_residual", names_exchanged),
    ("viscosity_sign", "12.burgers_residual", burgers(lambda y, a, b, c, n: b + y * a + n * c)),
    ("viscosity_left_out", "12.burgers_residual", burgers(lambda y, a, b, c, n: b + y * a - c)),
    ("viscosity_left_out", "12.burgers_residual", burgers(lambda y, a, b, c, n: b + y * a)),
    ("second_for_first_in_time", "12.burgers_residual", second_of_time),
    ("time_left_out", "12.burgers_residual", burgers(lambda y, a, b, c, n: y * a - n * c)),
    ("slope_squared", "12.burgers_residual", burgers(lambda y, a, b, c, n: b + y * a - n * a**2)),
    ("first_for_second", "12.burgers_residual", burgers(lambda y, a, b, c, n: b + y * a - n * a)),
    ("mixed_for_second", "12.burgers_residual", burgers_mixed),
    ("second_in_time", "12.burgers_residual", burgers_in_time),
    ("points_averaged", "12.burgers_residual", burgers(slope=of_mean)),
    ("values_as_weights", "12.burgers_residual", burgers(slope=weighted_by_itself)),
    ("arguments_exchanged", "12.burgers_residual", lambda u, x, t, nu: burgers()(lambda x, t: u(t, x), x, t, nu)),
    ("every_pair_of_points", "12.burgers_residual", burgers(lambda y, a, b, c, n: b + y @ a.T - n * c)),
    ("residual_squared", "12.burgers_residual", lambda *given: burgers()(*given) ** 2),
    ("residual_turned", "12.burgers_residual", lambda *given: -burgers()(*given)),
    ("no_graph", "12.burgers_residual", detached),
    ("not_differentiable_again", "12.burgers_residual", lambda *given: burgers()(*given).detach()),
    # 12.6
    ("not_differentiable_again", "12.loss_parts", lambda *args: tuple(part.detach() for part in parts()(*args))),
    ("graph_cut_inside", "12.loss_parts", parts(initial=lambda u, x, v: (u(x, at_start(x)) - v[:, None]).detach())),
    ("table_averaged", "12.loss_parts", parts_as_table),
    ("table_averaged", "12.loss_parts", table_by_mse),
    ("table_averaged", "12.loss_parts", initial_inside),
    ("part_summed", "12.loss_parts", parts(size=lambda z: (z**2).sum())),
    ("part_summed", "12.loss_parts", parts(boundary_size=lambda z: (z**2).sum())),
    ("part_unsquared", "12.loss_parts", parts(size=torch.mean)),
    ("part_unsquared", "12.loss_parts", parts(residual=lambda r: r.abs().mean())),
    ("mean_then_squared", "12.loss_parts", parts(size=lambda z: z.mean() ** 2)),
    ("part_rooted", "12.loss_parts", parts(size=lambda z: mean_square(z).sqrt())),
    ("part_rooted", "12.loss_parts", parts(size=torch.linalg.vector_norm)),
    ("initial_elsewhere", "12.loss_parts", parts(initial=lambda u, x, v: u(x, ones(x)) - v[:, None])),
    ("initial_elsewhere", "12.loss_parts", parts(initial=lambda u, x, v: u(at_start(x), x) - v[:, None])),
    ("initial_without_u0", "12.loss_parts", parts(initial=lambda u, x, v: u(x, at_start(x)))),
    ("one_end_only", "12.loss_parts", parts(boundary=lambda u, t: u(torch.zeros_like(t), t))),
    ("one_end_only", "12.loss_parts", parts(boundary=lambda u, t: u(ones(t), t))),
    ("ends_added", "12.loss_parts", parts(boundary_size=lambda z: sum(map(mean_square, z.chunk(2))))),
    ("ends_mixed", "12.loss_parts", parts(boundary=lambda u, t: u(ones(t), t) - u(0 * t, t))),
    ("ends_mixed", "12.loss_parts", parts(boundary=lambda u, t: u(ones(t), t) + u(0 * t, t))),
    ("boundary_elsewhere", "12.loss_parts", parts(boundary=lambda u, t: torch.cat([u(t, 0 * t), u(t, ones(t))]))),
    (
        "boundary_elsewhere",
        "12.loss_parts",
        parts(boundary=lambda u, t: torch.cat([u(0 * t, 0 * t), u(ones(t), 0 * t)])),
    ),
    ("network_called_otherwise", "12.loss_parts", parts(initial=lambda u, x, v: u(x, 0) - v[:, None])),
    ("type", "12.loss_parts", one_loss),
    ("type", "12.loss_parts", as_floats),
    ("shape", "12.loss_parts", parts(size=lambda z: z**2)),
    # 12.7
    ("trained_with_other_sign", "12.train", by_lbfgs(sign=1.0)),
    ("trained_without_source", "12.train", by_lbfgs(f_sign=0.0)),
    ("trained_to_zero_at_the_ends", "12.train", by_lbfgs(lambda u, f, a, b, x: rod_loss(u, f, 0.0, 0.0, x))),
    ("trained_with_ends_exchanged", "12.train", by_lbfgs(lambda u, f, a, b, x: rod_loss(u, f, b, a, x))),
    ("boundary_missed", "12.train", by_lbfgs(left_end_only)),
    ("boundary_missed", "12.train", by_lbfgs(boundary=0.0)),
    ("equation_missed", "12.train", by_lbfgs(residual=0.0)),
    ("not_trained_enough", "12.train", train(steps=20, lr=0.003)),
    (
        "not_trained_enough",
        "12.train",
        train(steps=60, lr=0.01, boundary=1.0),
    ),  # where the residual is small long before
    ("training_diverged", "12.train", train(steps=100, lr=1.0, make=torch.optim.SGD)),
    ("untrained", "12.train", never_stepped),
    ("untrained", "12.train", of_a_trained_copy),
    ("untrained", "12.train", second_without_graph),
    ("model_changed", "12.train", with_more_units),
    ("budget_spent", "12.train", too_many_calls),
    # 12.8
    ("search_passed_by", "12.find_coefficient", descent(lr=2)),
    ("search_went_away", "12.find_coefficient", descent(up=-0.1)),
    ("gradient_kept", "12.find_coefficient", descent(clear=False)),
    ("start_returned", "12.find_coefficient", a_copy_moved),
    ("one_step_only", "12.find_coefficient", descent(steps=1)),
    ("gradient_of_the_start", "12.find_coefficient", first_gradient_only),
    ("misfit_returned", "12.find_coefficient", descent(result=lambda k, loss, solve: loss)),
    ("misfit_returned", "12.find_coefficient", descent(result=lambda k, loss, solve: k.grad)),
    ("logarithm_returned", "12.find_coefficient", in_logarithms(lambda z: z)),
    ("course_returned", "12.find_coefficient", descent(result=lambda k, loss, solve: solve(k))),
    ("search_not_finished", "12.find_coefficient", descent(lr=0.05)),
    ("search_not_finished", "12.find_coefficient", descent(steps=8)),
    ("no_graph", "12.find_coefficient", never_declared),
    ("inplace_on_leaf", "12.find_coefficient", not_under_no_grad),
    ("none_has_no", "12.find_coefficient", a_new_k),
    ("budget_spent", "12.find_coefficient", table_of_values),
    ("optimizer_takes_a_list", "12.find_coefficient", no_brackets),
]

RIGHT = [
    ("12.predict_coupled", "b, c, e, g"),
    ("12.predict_coupled", ["g", "b", "c", "e"]),
    ("12.two_derivatives", two()),
    ("12.two_derivatives", two(of_sum, of_sum)),
    ("12.two_derivatives", two_by_backward()),
    ("12.two_derivatives", two_by_vmap),
    ("12.two_derivatives", two_forward),
    ("12.two_derivatives", by_functional_call),
    ("12.two_derivatives", point_by_point),
    ("12.ode_residual", oscillator()),
    ("12.ode_residual", of_a_copy),
    ("12.ode_residual", oscillator_forward),
    ("12.poisson_residual", poisson()),
    ("12.poisson_residual", poisson(by_hessian)),
    ("12.poisson_residual", poisson(by_columns)),
    ("12.burgers_residual", burgers()),
    ("12.burgers_residual", burgers(slope=of_sum)),
    ("12.burgers_residual", conservative),
    ("12.loss_parts", parts()),
    ("12.loss_parts", parts_by_mse),
    ("12.train", train(steps=400)),
    ("12.train", by_lbfgs()),
    ("12.find_coefficient", descent()),
    ("12.find_coefficient", by_grad),
    ("12.find_coefficient", by_newton),
    ("12.find_coefficient", by_optimizer(lambda k: torch.optim.Adam(k, lr=0.05), 200)),
    ("12.find_coefficient", in_logarithms(torch.exp)),
    ("12.find_coefficient", lambda *given: by_grad(*given).item()),
]
