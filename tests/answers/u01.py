"""Unit 01: a slope from two values, and from autograd."""

import torch

grad = torch.autograd.grad


def f(x):
    """The function that 1.4 hands out."""
    return x * torch.sin(x) + x**2


def difference(h=1e-5, run=2.0):
    """A central difference with this step, divided by run · h."""
    return lambda f, x: (f(x + h) - f(x - h)) / (run * h)


def parentheses_missing(f, x, h=1e-5):
    return (f(x + h) - f(x - h)) / 2 * h


def from_one_side(f, x, h=1e-5):
    return (f(x + h) - f(x)) / h


def attribute_misspelled(x):
    x.require_grad = True
    return grad(f(x), x)[0]


def declared_too_late(x):
    y = f(x)
    x.requires_grad_()
    return grad(y, x)[0]


def result_declared(x):
    y = f(x).requires_grad_()
    return grad(y, x)[0]


def flag_called(x):
    x.requires_grad(True)
    return grad(f(x), x)[0]


def slope(f, x):
    x = x.detach().clone().requires_grad_()
    return grad(f(x), x)[0]


def by_the_inner(outer, inner, x):
    u = inner(x)
    return grad(outer(u), u)[0]


def both_at_x(outer, inner, x):
    return grad(outer(x), x)[0] * grad(inner(x), x)[0]


def inner_called_twice(outer, inner, x):
    return grad(outer(inner(x)), inner(x))[0]


def both_slopes_by_hand(outer, inner, x):
    u = inner(x)
    return grad(outer(u), u, retain_graph=True)[0] * grad(u, x)[0]


def out_of_one_value(f, a, b, c):
    y = f(a, b, c)
    return tuple(grad(y, leaf)[0] for leaf in (a, b, c))


def by_three_backwards(f, a, b, c):
    found = []
    for leaf in (a, b, c):
        f(a, b, c).backward()
        found.append(leaf.grad.clone())
    return tuple(found)


def by_one_backward(f, a, b, c):
    f(a, b, c).backward()
    return a.grad, b.grad, c.grad


def backward_twice(f, x):
    f(x).backward()
    f(x).backward()


def on_a_copy(f, x):
    f(x.detach().requires_grad_()).backward()


def put_there_by_hand(f, x):
    (x.grad,) = grad(f(x), x)


def value_for_its_slope(f, x):
    x.grad = f(x).detach()


def put_there_with_its_tuple(f, x):
    x.grad = grad(f(x), x)


def newton(step=lambda x, a: (x + a / x) / 2, less=0, start=torch.ones_like):
    """Newton's method with one thing changed."""

    def slope(a, steps):
        x = start(a)
        for _ in range(steps - less):
            x = step(x, a)
        return grad(x, a)[0]

    return slope


def value_of_the_root(a, steps):
    x = torch.ones_like(a)
    for _ in range(steps):
        x = (x + a / x) / 2
    return x


def branched(halve=lambda y: y / 2, above=lambda y: y**2, below=lambda y: 3 * y, looks_at=lambda x, y: y, wrt=None):
    """The program of 1.9 with one thing changed."""

    def slope(x):
        y = x
        while y.item() > 2:
            y = halve(y)
        if wrt == "y" and y is not x:
            y = y.detach().requires_grad_()
        z = above(y) if looks_at(x, y).item() > 1 else below(y)
        return grad(z, y if wrt == "y" else x)[0]

    return slope


def no_loop(x):
    return grad(x**2 if x > 1 else 3 * x, x)[0]


def as_given(x):
    return branched(below=lambda y: torch.tensor(3 * y.item(), dtype=y.dtype))(x)


def by_differences(x, h=1e-6):
    def program(y):
        while y > 2:
            y = y / 2
        return y**2 if y > 1 else 3 * y

    return (program(x + h) - program(x - h)) / (2 * h)


WRONG = [
    ("value_not_slope", "01.predict_slope", 105),
    ("linear_term_lost", "01.predict_slope", 75),
    ("linear_term_kept", "01.predict_slope", 55),
    ("power_not_in_front", "01.predict_slope", 21),
    ("power_not_lowered", "01.predict_slope", 371),
    ("type", "01.predict_slope", "71"),
    ("imprecise", "01.central_difference", difference(h=0.1)),
    ("imprecise", "01.central_difference", difference(h=1e-3)),
    ("imprecise", "01.central_difference", difference(h=1e-8)),
    ("imprecise", "01.central_difference", from_one_side),
    ("step_vanishes", "01.central_difference", difference(h=1e-15)),
    ("step_vanishes", "01.central_difference", difference(h=1e-16)),
    ("step_vanishes", "01.central_difference", difference(h=1e-18)),
    ("step_vanishes", "01.central_difference", parentheses_missing),
    ("divided_by_one_step", "01.central_difference", difference(run=1)),
    ("minus_sign", "01.central_difference", difference(h=-1e-5, run=-2)),
    ("no_graph", "01.declare", lambda x: grad(f(x), x)[0]),
    ("no_graph", "01.declare", declared_too_late),
    ("attribute_misspelt", "01.declare", attribute_misspelled),
    ("input_undeclared", "01.declare", result_declared),
    ("flag_called", "01.declare", flag_called),
    ("tuple_of_one", "01.unpack_the_tuple", lambda f, x: grad(f(x), x)),
    ("index_range", "01.unpack_the_tuple", lambda f, x: grad(f(x), x)[1]),
    ("tuple_has_no", "01.unpack_the_tuple", lambda f, x: grad(f(x), x).item()),
    ("tuple_has_no", "01.unpack_the_tuple", lambda f, x: float(grad(f(x), x))),
    ("type", "01.unpack_the_tuple", lambda f, x: grad(f(x), x)[0].item()),
    ("value_not_slope", "01.unpack_the_tuple", lambda f, x: f(x)),
    ("chain_stops_early", "01.composition", by_the_inner),
    ("outer_at_wrong_place", "01.composition", both_at_x),
    ("order_exchanged", "01.composition", lambda outer, inner, x: grad(inner(outer(x)), x)[0]),
    ("inner_only", "01.composition", lambda outer, inner, x: slope(inner, x)),
    ("slopes_added", "01.composition", lambda outer, inner, x: slope(outer, inner(x)) + slope(inner, x)),
    ("outer_times_inner_values", "01.composition", lambda outer, inner, x: slope(outer, slope(inner, x))),
    ("product_rule", "01.composition", lambda outer, inner, x: grad(outer(x) * inner(x), x)[0]),
    ("not_in_graph", "01.composition", inner_called_twice),
    ("no_graph", "01.composition", lambda outer, inner, x: grad(outer(inner(x).detach()), x)[0]),
    ("second_backward", "01.several_inputs", out_of_one_value),
    ("accumulated_in_turn", "01.several_inputs", by_three_backwards),
    ("inputs_swapped", "01.several_inputs", lambda f, a, b, c: grad(f(a, b, c), (c, b, a))),
    ("inputs_one_by_one", "01.several_inputs", lambda f, a, b, c: grad(f(a, b, c), a, b, c)),
    ("length", "01.several_inputs", lambda f, a, b, c: grad(f(a, b, c), a)),
    ("type", "01.several_inputs", lambda f, a, b, c: torch.stack(grad(f(a, b, c), (a, b, c)))),
    ("backward_of_input", "01.backward", lambda f, x: x.backward()),
    ("value_not_slope", "01.backward", value_for_its_slope),
    ("weighted_by_input", "01.backward", lambda f, x: f(x).backward(x)),
    ("accumulated", "01.backward", backward_twice),
    ("grad_is_none", "01.backward", on_a_copy),
    ("grad_is_none", "01.backward", lambda f, x: grad(f(x), x)[0]),
    ("grad_takes_a_tensor", "01.backward", put_there_with_its_tuple),
    ("function_for_value", "01.backward", lambda f, x: f.backward()),
    ("limit_not_iterate", "01.newton_root", lambda a, steps: grad(a.sqrt(), a)[0]),
    ("one_step_off", "01.newton_root", newton(less=1)),
    ("last_step_only", "01.newton_root", newton(lambda x, a: (x.detach() + a / x.detach()) / 2)),
    ("divisor_held_constant", "01.newton_root", newton(lambda x, a: (x + a / x.detach()) / 2)),
    ("value_not_slope", "01.newton_root", value_of_the_root),
    ("not_a_tensor", "01.newton_root", newton(lambda x, a: ((x + a / x) / 2).item())),
    ("no_graph", "01.newton_root", newton(lambda x, a: torch.tensor(float((x + a / x).detach()) / 2))),
    ("no_graph", "01.branches", as_given),
    ("no_graph", "01.branches", branched(below=lambda y: 3 * y.detach())),
    ("no_graph", "01.branches", branched(halve=lambda y: (y / 2).detach())),
    ("other_branch_of_if", "01.branches", branched(above=lambda y: 3 * y, below=lambda y: y**2)),
    ("loop_left_out", "01.branches", branched(wrt="y")),
    ("branch_at_x", "01.branches", no_loop),
    (
        "value_not_slope",
        "01.branches",
        lambda x: (h := x / 2 ** max(0, (x / 2).log2().ceil().item())) ** (1 + (h > 1)) * (1 if h > 1 else 3),
    ),
    ("type", "01.branches", lambda x: branched()(x).item()),
]

RIGHT = [
    ("01.predict_slope", torch.tensor(71.0)),
    ("01.central_difference", difference(h=1e-5)),
    ("01.central_difference", difference(h=5e-6)),
    ("01.central_difference", lambda f, x: difference()(f, x).item()),
    ("01.declare", lambda x: grad(f(x.requires_grad_()), x)[0]),
    ("01.unpack_the_tuple", lambda f, x: grad(f(x), x)[0]),
    ("01.unpack_the_tuple", lambda f, x: torch.func.grad(f)(x)),
    ("01.composition", both_slopes_by_hand),
    ("01.several_inputs", by_one_backward),
    ("01.several_inputs", lambda f, a, b, c: list(grad(f(a, b, c), (a, b, c)))),
    ("01.backward", put_there_by_hand),
    ("01.newton_root", newton(start=lambda a: 1.0)),
    ("01.newton_root", newton(lambda x, a: x - (x**2 - a) / (2 * x))),
    ("01.branches", branched()),
    ("01.branches", branched(halve=lambda y: 0.5 * y, above=lambda y: y * y)),
    ("01.branches", lambda x: by_differences(x.detach())),
]
