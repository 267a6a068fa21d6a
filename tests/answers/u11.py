"""Unit 11: Functions whose backward is right, wrong, or right only once; checks, nan, and complex slopes."""

import contextlib
import re

import torch
from torch.autograd import Function, gradcheck, gradgradcheck
from torch.autograd.function import once_differentiable

grad = torch.autograd.grad


def function(forward, backward, setup_context=None):
    """A Function class of these methods."""
    methods = {"forward": forward, "backward": backward, "setup_context": setup_context}
    return type("Mine", (Function,), {name: staticmethod(method) for name, method in methods.items() if method})


# --- 11.function


def damp(ctx, x, w):
    ctx.save_for_backward(x, w)
    return x / (1 + w**2)


def damped(gradients):
    """The Function whose backward returns ``gradients(v, x, w)``."""

    def backward(ctx, v):
        x, w = ctx.saved_tensors
        return gradients(v, x, w)

    return function(damp, backward)


def right(v, x, w):
    return v / (1 + w**2), -2 * x * w * v / (1 + w**2) ** 2


def damp_unsaved(ctx, x, w):
    return x / (1 + w**2)


def damp_forgetful(ctx, x, w):
    ctx.save_for_backward(w)
    return x / (1 + w**2)


def damp_backward(ctx, v):
    x, w = ctx.saved_tensors
    return right(v, x, w)


def damp_by_attribute(ctx, v):
    return right(v, ctx.x, ctx.w)


def damp_with_setup(x, w):
    return x / (1 + w**2)


def save_inputs(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


def keep_on_ctx(ctx, x, w):
    ctx.x, ctx.w = x, w
    return x / (1 + w**2)


def through_output(ctx, x, w):
    y = x / (1 + w**2)
    ctx.save_for_backward(y, w)
    return y


def through_output_backward(ctx, v):
    y, w = ctx.saved_tensors
    return v / (1 + w**2), -2 * w * y * v / (1 + w**2)


class WithoutStatic(Function):
    def forward(self, ctx, x, w):
        ctx.save_for_backward(x, w)
        return x / (1 + w**2)

    def backward(self, ctx, v):
        return v, v


class NoFunction:
    @staticmethod
    def forward(ctx, x, w):
        return x / (1 + w**2)


Damp = damped(right)

# --- 11.twice


def silu(save, backward):
    """The Function x·sigmoid(x) that saves ``save(x, s)``."""

    def forward(ctx, x):
        s = torch.sigmoid(x)
        ctx.save_for_backward(*save(x, s))
        return x * s

    return function(forward, backward)


def slope_of_silu(x, s):
    return s + x * s * (1 - s)


def with_saved_s(ctx, v):
    x, s = ctx.saved_tensors
    return v * slope_of_silu(x, s)


def recomputed(ctx, v):
    (x,) = ctx.saved_tensors
    return v * slope_of_silu(x, torch.sigmoid(x))


def recomputed_by_autograd(ctx, v):
    (x,) = ctx.saved_tensors
    with torch.enable_grad():
        y = x * torch.sigmoid(x)
        return grad(y, x, v, create_graph=True)[0]


def recomputed_from_data(ctx, v):
    (x,) = ctx.saved_tensors
    return v * slope_of_silu(x.data, torch.sigmoid(x.data))


def recomputed_without_graph(ctx, v):
    (x,) = ctx.saved_tensors
    with torch.no_grad():
        return v * slope_of_silu(x, torch.sigmoid(x))


def with_saved_slope(ctx, v):
    (slope,) = ctx.saved_tensors
    return v * slope


def half_of_it(ctx, v):
    (x,) = ctx.saved_tensors
    return v * torch.sigmoid(x)


def other_half(ctx, v):
    (x,) = ctx.saved_tensors
    s = torch.sigmoid(x)
    return v * x * s * (1 - s)


def without_upstream(ctx, v):
    (x,) = ctx.saved_tensors
    return slope_of_silu(x, torch.sigmoid(x))


def with_slope(slope):
    """x·sigmoid(x), whose backward multiplies by ``slope(x, s)``."""

    def backward(ctx, v):
        (x,) = ctx.saved_tensors
        return v * slope(x, torch.sigmoid(x))

    return silu(only_x, backward)


def sigmoid_without_graph(ctx, v):
    (x,) = ctx.saved_tensors
    with torch.no_grad():
        s = torch.sigmoid(x)
    return v * slope_of_silu(x, s)


def upstream_detached(ctx, v):
    (x,) = ctx.saved_tensors
    return v.detach() * slope_of_silu(x, torch.sigmoid(x))


def both(x, s):
    return x, s


def only_x(x, s):
    return (x,)


def graph_inside_of_forward():
    def forward(ctx, x):
        with torch.enable_grad():
            s = torch.sigmoid(x)
        ctx.save_for_backward(x, s)
        return x * s

    return function(forward, with_saved_s)


# --- 11.straight_through


def keep_x_and_bound(ctx, inputs, output):
    x, ctx.bound = inputs
    ctx.save_for_backward(x)


def keep_output_and_bound(ctx, inputs, output):
    ctx.bound = inputs[1]
    ctx.save_for_backward(output)


def through(mask, value=lambda x, bound: torch.round(x), setup=keep_x_and_bound):
    """The estimator with this value, whose backward returns ``mask(v, x, bound)`` and None."""

    def backward(ctx, v):
        (x,) = ctx.saved_tensors
        return mask(v, x, ctx.bound), None

    return function(value, backward, setup)


def inside(v, x, bound):
    return v * (x.abs() <= bound)


def round_with_ctx(ctx, x, bound):
    ctx.save_for_backward(x)
    ctx.bound = bound
    return torch.round(x)


def round_backward(ctx, v):
    (x,) = ctx.saved_tensors
    return inside(v, x, ctx.bound), None


def round_backward_of_one(ctx, v):
    return round_backward(ctx, v)[0]


def save_both(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


def by_zeroing(v, x, bound):
    g = v.clone()
    g[(x < -bound) | (x > bound)] = 0
    return g


def hard_tanh_slope(v, x, bound):
    with torch.enable_grad():
        z = x.detach().requires_grad_()
        return grad(z.clamp(-bound, bound), z, v)[0]


# --- 11.gradcheck


def checks(f, x, **options):
    z = x.double().requires_grad_()
    return gradcheck(f, (z,), **options), gradgradcheck(f, (z,), **options)


def declared_before_converted(f, x):
    z = x.requires_grad_().double()
    return [one(f, (z,), raise_exception=False) for one in (gradcheck, gradgradcheck)]


def caught(f, x):
    z = x.double().requires_grad_()
    found = []
    for one in (gradcheck, gradgradcheck):
        try:
            found.append(one(f, (z,)))
        except RuntimeError:
            found.append(False)
    return found


def caught_and_forgotten(f, x):
    with contextlib.suppress(RuntimeError):
        checks(f, x)
    return True, True


def by_hand(f, x):
    """Both checks by central differences along random directions."""
    torch.manual_seed(0)
    z = x.double().requires_grad_()
    v, u = torch.randn(2, len(x), dtype=torch.float64)
    (g,) = grad(f(z), z, v, create_graph=True)
    (h,) = grad(g, z, u, allow_unused=True, materialize_grads=True) if g.requires_grad else (torch.zeros_like(z),)

    def central(of):
        e = 1e-6
        rows = torch.eye(len(x), dtype=torch.float64)
        return torch.stack([(of(z.detach() + e * r) - of(z.detach() - e * r)) / (2 * e) for r in rows])

    def slope(at):
        at = at.requires_grad_()
        return (u * grad(f(at), at, v)[0]).sum()

    first = torch.allclose(central(lambda at: (v * f(at)).sum()).detach(), g.detach(), rtol=1e-3, atol=1e-5)
    return first, torch.allclose(central(slope), h, rtol=1e-3, atol=1e-5)


# --- 11.nan_behind_where


def broken_rows(X):
    length = X.norm(dim=1, keepdim=True)
    return torch.where(length > 0, X / length, 0.0)


def safe_rows(X):
    length = X.norm(dim=1, keepdim=True)
    safe = torch.where(length > 0, length, 1.0)
    return torch.where(length > 0, X / safe, 0.0)


def chosen_rows(X):
    chosen = X.detach().any(dim=1)
    Y = X * 0
    Y[chosen] = X[chosen] / X[chosen].norm(dim=1, keepdim=True)
    return Y


def looped_rows(X):
    return torch.stack([row / row.norm() if row.norm() > 0 else 0 * row for row in X])


def one_where(X):
    length = X.norm(dim=1, keepdim=True)
    return X / torch.where(length > 0, length, 1.0)


def squares_first(X):
    squares = (X**2).sum(dim=1, keepdim=True)
    return torch.where(squares > 0, X / torch.where(squares > 0, squares, 1.0).sqrt(), 0.0)


def root_of_squares(X):
    length = (X**2).sum(dim=1, keepdim=True).sqrt()
    safe = torch.where(length > 0, length, 1.0)
    return torch.where(length > 0, X / safe, 0.0)


def length_detached(X):
    length = X.norm(dim=1, keepdim=True).detach()
    return X / torch.where(length > 0, length, torch.inf)


def length_without_graph(X):
    with torch.no_grad():
        length = X.norm(dim=1, keepdim=True)
        safe = torch.where(length > 0, length, 1.0)
    return X / safe


# --- 11.anomaly


def said(f, x):
    try:
        with torch.autograd.detect_anomaly():
            f(x).backward()
    except RuntimeError as error:
        return str(error)


def name_said(f, x):
    return re.search(r"'(\w+)'", said(f, x))[1]


def noting(name, found):
    """A hook for a node of this name that adds the name to ``found`` if the node hands back a nan."""

    def hook(out, into):
        if any(g is not None and g.isnan().any() for g in out):
            found.append(name)

    return hook


def nodes(f, x):
    """The names of the nodes that hand back a nan, in the order of the pass."""
    y, found = f(x), []
    waiting, seen = [y.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [before for before, _ in node.next_functions]
            node.register_hook(noting(node.name(), found))
    y.backward()
    return found


def class_of_error(f, x):
    try:
        with torch.autograd.detect_anomaly():
            f(x).backward()
    except RuntimeError as error:
        return type(error).__name__


def backward_outside(f, x):
    try:
        with torch.autograd.detect_anomaly():
            y = f(x)
        y.backward()
    except RuntimeError as error:
        return str(error).split("'")[1]


def let_through(f, x):
    with torch.autograd.detect_anomaly():
        f(x).backward()


# --- 11.complex


def slope(f, z, change):
    y = f(z)
    return change(grad(y, z, torch.ones_like(y))[0])


def two_real_passes(f, z):
    y = f(z)
    (a,) = grad(y.real.sum(), z, retain_graph=True)
    (b,) = grad(y.imag.sum(), z)
    return torch.complex(a.real, b.real)


def half_of_two_passes(f, z):
    return two_real_passes(f, z) / 2


WRONG = [
    ("fact_missed", "11.predict_nan", "ce"),
    ("fact_too_many", "11.predict_nan", "bceg"),
    ("fact_too_many", "11.predict_nan", "acdefg"),
    ("fact_too_many", "11.predict_nan", "cegh"),
    ("gradients_exchanged", "11.function", damped(lambda v, x, w: right(v, x, w)[::-1])),
    ("upstream_unused", "11.function", damped(lambda v, x, w: right(torch.ones_like(v), x, w))),
    ("upstream_unused_once", "11.function", damped(lambda v, x, w: (1 / (1 + w**2), right(v, x, w)[1]))),
    (
        "upstream_unused_once",
        "11.function",
        damped(lambda v, x, w: (right(v, x, w)[0], -2 * x * w / (1 + w**2) ** 2)),
    ),
    ("upstream_twice", "11.function", damped(lambda v, x, w: right(v * v, x, w))),
    ("upstream_handed_on", "11.function", damped(lambda v, x, w: (v, v))),
    ("minus_sign", "11.function", damped(lambda v, x, w: right(-v, x, w))),
    (
        "inner_derivative_forgotten",
        "11.function",
        damped(lambda v, x, w: (right(v, x, w)[0], -x * v / (1 + w**2) ** 2)),
    ),
    ("sign_of_quotient", "11.function", damped(lambda v, x, w: (right(v, x, w)[0], -right(v, x, w)[1]))),
    ("quotient_not_squared", "11.function", damped(lambda v, x, w: (v / (1 + w**2), -2 * x * w * v / (1 + w**2)))),
    ("numerator_forgotten", "11.function", damped(lambda v, x, w: (right(v, x, w)[0], -2 * w * v / (1 + w**2) ** 2))),
    ("saved_in_other_order", "11.function", damped(lambda v, x, w: right(v, w, x))),
    ("gradient_count", "11.function", damped(lambda v, x, w: right(v, x, w)[0])),
    ("gradient_count", "11.function", damped(lambda v, x, w: [*right(v, x, w)])),
    ("gradient_count", "11.function", damped(lambda v, x, w: (*right(v, x, w), v))),
    ("gradient_shape", "11.function", damped(lambda v, x, w: tuple(g.sum() for g in right(v, x, w)))),
    ("gradient_no_tensor", "11.function", damped(lambda v, x, w: (right(v, x, w), None))),
    ("gradient_is_none", "11.function", damped(lambda v, x, w: (right(v, x, w)[0], None))),
    ("unpack_count", "11.function", function(damp_unsaved, damp_backward)),
    ("unpack_count", "11.function", function(damp_forgetful, damp_backward)),
    ("not_on_ctx", "11.function", function(damp, damp_by_attribute)),
    ("argument_missing", "11.function", WithoutStatic),
    ("method_missing", "11.function", function(damp, None)),
    ("no_operation", "11.function", Damp.__new__(Damp)),
    ("no_operation", "11.function", NoFunction),
    ("no_operation", "11.function", damp_with_setup),
    ("no_operation", "11.function", torch.ones(3)),
    ("saved_intermediate", "11.twice", silu(both, with_saved_s)),
    ("saved_intermediate", "11.twice", silu(lambda x, s: (slope_of_silu(x, s),), with_saved_slope)),
    ("saved_intermediate", "11.twice", silu(only_x, recomputed_from_data)),
    ("saved_intermediate", "11.twice", silu(only_x, upstream_detached)),
    ("saved_intermediate", "11.twice", silu(only_x, sigmoid_without_graph)),
    ("pullback_without_graph", "11.twice", silu(only_x, recomputed_without_graph)),
    ("differentiated_twice", "11.twice", silu(only_x, once_differentiable(recomputed))),
    ("product_rule_halved", "11.twice", silu(only_x, half_of_it)),
    ("product_rule_halved", "11.twice", silu(only_x, other_half)),
    ("derivatives_multiplied", "11.twice", with_slope(lambda x, s: s * (1 - s))),
    ("x_of_second_term_forgotten", "11.twice", with_slope(lambda x, s: s + s * (1 - s))),
    ("sign_of_second_term", "11.twice", with_slope(lambda x, s: s - x * s * (1 - s))),
    ("sigmoid_its_own_slope", "11.twice", with_slope(lambda x, s: s + x * s)),
    ("slope_at_output", "11.twice", with_slope(lambda x, s: slope_of_silu(x * s, torch.sigmoid(x * s)))),
    ("slope_at_output", "11.twice", with_slope(lambda x, s: slope_of_silu(x, torch.sigmoid(x * s)))),
    ("upstream_unused", "11.twice", silu(only_x, without_upstream)),
    ("rounding_itself", "11.straight_through", through(lambda v, x, bound: torch.zeros_like(v))),
    ("not_clipped", "11.straight_through", through(lambda v, x, bound: v)),
    ("outside_for_inside", "11.straight_through", through(lambda v, x, bound: v * (x.abs() > bound))),
    ("one_side_clipped", "11.straight_through", through(lambda v, x, bound: v * (x <= bound))),
    ("clipped_by_output", "11.straight_through", through(inside, setup=keep_output_and_bound)),
    ("upstream_clipped", "11.straight_through", through(lambda v, x, bound: v.clamp(-bound, bound))),
    ("upstream_clipped", "11.straight_through", through(lambda v, x, bound: v * (v.abs() <= bound))),
    ("upstream_unused", "11.straight_through", through(lambda v, x, bound: (x.abs() <= bound).double())),
    ("not_rounded", "11.straight_through", through(inside, value=lambda x, bound: x.clone())),
    ("value_clipped", "11.straight_through", through(inside, lambda x, bound: x.clamp(-bound, bound).round())),
    ("value_clipped", "11.straight_through", through(inside, lambda x, bound: x.round().clamp(-bound, bound))),
    ("rounded_down", "11.straight_through", through(inside, lambda x, bound: x.floor())),
    ("setup_context_missing", "11.straight_through", function(round_with_ctx, round_backward)),
    (
        "gradient_count",
        "11.straight_through",
        function(lambda x, bound: x.round(), round_backward_of_one, keep_x_and_bound),
    ),
    ("forward_takes_ctx", "11.straight_through", function(round_with_ctx, round_backward, keep_x_and_bound)),
    ("saves_tensors_only", "11.straight_through", through(inside, setup=save_both)),
    (
        "gradient_not_none",
        "11.straight_through",
        function(lambda x, bound: x.round(), lambda ctx, v: (v, torch.zeros(())), keep_x_and_bound),
    ),
    ("output_no_float", "11.straight_through", through(inside, lambda x, bound: x.round().long())),
    ("input_returned", "11.straight_through", through(inside, lambda x, bound: x.round_())),
    ("no_operation", "11.straight_through", lambda x, bound: x + (x.round() - x).detach()),
    (
        "left_in_float32",
        "11.gradcheck",
        lambda f, x: tuple(one(f, x.requires_grad_(), raise_exception=False) for one in (gradcheck, gradgradcheck)),
    ),
    ("special_point", "11.gradcheck", lambda f, x: (all(checks(f, x, raise_exception=False)),) * 2),
    ("special_point", "11.gradcheck", lambda f, x: (checks(f, x, raise_exception=False)[0],) * 2),
    ("gradcheck_failed", "11.gradcheck", checks),
    ("check_needs_grad", "11.gradcheck", lambda f, x: (gradcheck(f, x.double()), gradgradcheck(f, x.double()))),
    ("check_always_passes", "11.gradcheck", caught_and_forgotten),
    ("checks_exchanged", "11.gradcheck", lambda f, x: checks(f, x, raise_exception=False)[::-1]),
    ("shape", "11.gradcheck", lambda f, x: checks(f, x, raise_exception=False)[0]),
    ("fact_missed", "11.saved_intermediate", "c"),
    ("fact_missed", "11.saved_intermediate", "d"),
    ("fact_too_many", "11.saved_intermediate", "cde"),
    ("fact_too_many", "11.saved_intermediate", "bcd"),
    ("nonfinite", "11.nan_behind_where", broken_rows),
    ("nonfinite", "11.nan_behind_where", lambda X: torch.nan_to_num(X / X.norm(dim=1, keepdim=True))),
    ("nonfinite", "11.nan_behind_where", root_of_squares),
    ("nonfinite", "11.nan_behind_where", lambda X: X / X.norm(dim=1, keepdim=True)),
    ("length_held_constant", "11.nan_behind_where", length_detached),
    ("length_held_constant", "11.nan_behind_where", length_without_graph),
    ("no_branch_taken_back", "11.nan_behind_where", one_where),
    ("divided_by_tiny", "11.nan_behind_where", lambda X: torch.nn.functional.normalize(X, dim=1)),
    ("divided_by_tiny", "11.nan_behind_where", lambda X: X / X.norm(dim=1, keepdim=True).clamp(min=1e-8)),
    ("divided_by_tiny", "11.nan_behind_where", lambda X: X / (X.norm(dim=1, keepdim=True) + 1e-10)),
    ("divided_by_tiny", "11.nan_behind_where", lambda X: X / ((X**2).sum(dim=1, keepdim=True) + 1e-12).sqrt()),
    ("whole_length", "11.nan_behind_where", lambda X: X / X.norm()),
    ("columns_normalized", "11.nan_behind_where", lambda X: X / X.norm(dim=0)),
    ("divided_by_square", "11.nan_behind_where", lambda X: torch.nan_to_num(X / (X**2).sum(dim=1, keepdim=True))),
    ("value_without_graph", "11.nan_behind_where", lambda X: safe_rows(X.detach())),
    ("node_of_output", "11.anomaly", lambda f, x: f(x).grad_fn.name()),
    ("node_that_hands_on", "11.anomaly", lambda f, x: nodes(f, x)[-1]),
    ("forward_name", "11.anomaly", lambda f, x: name_said(f, x).removesuffix("Backward0")),
    ("forward_name", "11.anomaly", lambda f, x: name_said(f, x).removesuffix("Backward0").lower()),
    ("whole_message", "11.anomaly", said),
    ("whole_message", "11.anomaly", lambda f, x: repr(RuntimeError(said(f, x)))),
    ("quotes_kept", "11.anomaly", lambda f, x: said(f, x).split()[1]),
    ("other_part_of_error", "11.anomaly", lambda f, x: said(f, x).split()[0]),
    ("other_part_of_error", "11.anomaly", lambda f, x: said(f, x).split("'")[0]),
    ("other_part_of_error", "11.anomaly", lambda f, x: said(f, x).split("'")[2]),
    ("other_part_of_error", "11.anomaly", class_of_error),
    ("no_error_raised", "11.anomaly", backward_outside),
    ("nan_handed_back", "11.anomaly", let_through),
    ("type", "11.anomaly", lambda f, x: f(x).grad_fn),
    ("conjugate_slope", "11.complex", lambda f, z: slope(f, z, lambda g: g)),
    ("conjugate_slope", "11.complex", lambda f, z: grad(f(z).real.sum(), z)[0]),
    ("real_part_of_slope", "11.complex", lambda f, z: slope(f, z, lambda g: g.real)),
    ("dtype", "11.complex", lambda f, z: 2 * slope(f, z, lambda g: g.real)),
    ("dtype", "11.complex", lambda f, z: slope(f, z, lambda g: g.conj().to(torch.complex64))),
    ("half_slope", "11.complex", half_of_two_passes),
    ("imaginary_output_alone", "11.complex", lambda f, z: grad(f(z).imag.sum(), z)[0]),
    ("value_of_h", "11.complex", lambda f, z: f(z)),
    ("complex_needs_weight", "11.complex", lambda f, z: grad(f(z).sum(), z)[0]),
    ("real_inputs_only", "11.complex", lambda f, z: torch.func.jacrev(f)(z).diagonal()),
    ("complex_weight", "11.complex", lambda f, z: grad(f(z), z, torch.ones(len(z)).double())[0]),
]

RIGHT = [
    ("11.predict_nan", lambda: "c, e and g"),
    ("11.function", Damp),
    ("11.function", Damp.apply),
    ("11.function", lambda x, w: Damp.apply(x, w)),
    ("11.function", function(keep_on_ctx, damp_by_attribute)),
    ("11.function", function(through_output, through_output_backward)),
    ("11.function", function(damp_with_setup, damp_backward, save_inputs)),
    ("11.twice", silu(only_x, recomputed)),
    ("11.twice", silu(only_x, recomputed_by_autograd)),
    ("11.twice", graph_inside_of_forward()),
    ("11.straight_through", through(inside)),
    ("11.straight_through", through(by_zeroing).apply),
    ("11.straight_through", through(lambda v, x, bound: torch.where((x > -bound) & (x < bound), v, 0.0))),
    ("11.straight_through", through(hard_tanh_slope)),
    ("11.gradcheck", lambda f, x: checks(f, x, raise_exception=False)),
    ("11.gradcheck", caught),
    ("11.gradcheck", declared_before_converted),
    ("11.gradcheck", by_hand),
    ("11.saved_intermediate", lambda: "dc"),
    ("11.nan_behind_where", safe_rows),
    ("11.nan_behind_where", chosen_rows),
    ("11.nan_behind_where", looped_rows),
    ("11.nan_behind_where", squares_first),
    ("11.anomaly", name_said),
    ("11.anomaly", lambda f, x: nodes(f, x)[0]),
    ("11.complex", lambda f, z: slope(f, z, torch.conj)),
    ("11.complex", two_real_passes),
    ("11.complex", lambda f, z: torch.func.jvp(f, (z.detach(),), (torch.ones_like(z),))[1]),
    ("11.complex", lambda f, z: slope(f, z, lambda g: g.conj().resolve_conj())),
]
