"""J by three methods that share no differentiation code: they agree, and a fault in any of them is noticed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from repeats import count

from grader.jacobian import central_differences, derivative, forward_mode, hessian, reverse_mode

from support import ALL, case, functions, sample, stretched

TIGHT = 1e-12  # forward and reverse mode differ by the order of their sums only
SEEN = 1e-6  # a fault of this size, relative to the largest entry of J, must not pass
# Questions whose maps have no J that the three roads could agree on, and why; their truths do not come from J.
WITHOUT_J = {
    "11.gradcheck": "some of its operations have a backward that is wrong on purpose",
    "11.anomaly": "its gradients are nan on purpose",
    "11.complex": "its outputs are complex: below it is taken as a map of real and imaginary parts",
}
# A row of zeros has no derivative: scaled to length 1 it may end anywhere.  The exercise defines it as 0.
DEFINED = "11.nan_behind_where"
DIFFERENTIATED = [id for id, question in ALL.items() if question.maps and id not in (*WITHOUT_J, DEFINED)]


def scale_of(J: np.ndarray) -> float:
    return float(np.abs(J).max(initial=0)) or 1.0


def x_of(*values: float) -> dict[str, torch.Tensor]:
    return {"x": torch.tensor(values, dtype=torch.float64)}


def by_differences(f, inputs):
    return {name: J for name, (J, _) in central_differences(f, inputs).items()}


class CubeWithoutJvp(torch.autograd.Function):
    """x³, with a reverse rule and no forward rule.  ``slip`` spoils the reverse rule."""

    slip = 0.0

    @staticmethod
    def forward(x):
        return x**3

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g * (1 + CubeWithoutJvp.slip)


class CubeInTheOldStyle(torch.autograd.Function):
    """The same with ``ctx`` in forward, which ``torch.func`` refuses with a RuntimeError."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g


class CubeWithWrongJvp(CubeWithoutJvp):
    """x³ with a forward rule that is off by a millionth."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_forward(*inputs)

    @staticmethod
    def jvp(ctx, t):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * t * (1 + 2 * SEEN)


def three_roads_agree(p):
    by_rows, by_values = reverse_mode(p.forward, p.inputs), central_differences(p.forward, p.inputs)
    assert set(p.jacobians) == set(by_rows) == set(by_values) == set(p.inputs)
    for name, J in p.jacobians.items():
        near, bound = by_values[name]
        assert J.shape == by_rows[name].shape == near.shape == bound.shape == (p.y.size, p.inputs[name].numel())
        assert np.abs(J - by_rows[name]).max() <= TIGHT * scale_of(J)
        assert np.all(np.abs(J - near) <= bound)


@pytest.mark.parametrize("id", DIFFERENTIATED)
def test_forward_reverse_and_central_differences_agree_on_every_question(id):
    for seed in range(count("seeds")):
        with case(f"seed {seed}"):
            three_roads_agree(sample(id, seed))


@pytest.mark.parametrize("id", WITHOUT_J)
def test_truth_of_a_question_without_j_does_not_come_from_it(id):
    p = sample(id, 0)
    assert p.question.asks.names == ()
    p.truth, p.wrongs  # noqa: B018
    assert "jacobians" not in vars(p)
    assert "jacobians" in vars(sample("05.weight_the_outputs", 0))  # the way to fail


def test_three_roads_agree_on_a_derivative_that_is_defined_except_where_there_is_none():
    for seed in range(3):
        p = sample(DEFINED, seed)
        X = p.inputs["X"]
        J, by_rows = p.jacobians["X"], reverse_mode(p.forward, p.inputs)["X"]
        near, bound = central_differences(p.forward, p.inputs)["X"]
        zero = np.repeat((X == 0).all(dim=1).numpy(), X.shape[1])
        assert zero.any()
        assert np.abs(J - by_rows).max() <= TIGHT * scale_of(J)
        assert not J[:, zero].any()
        assert np.all(np.abs(J - near)[:, ~zero] <= bound[:, ~zero])


def test_derivative_of_a_complex_function_is_that_of_its_parts():
    for seed in range(3):
        p = sample("11.complex", seed)
        z = p.inputs["z"]

        def parts(z, fn=p.map.fn):
            return torch.view_as_real(fn(z)).T  # (2, n): as z is drawn

        J = forward_mode(parts, {"z": z})["z"]
        near, bound = central_differences(parts, {"z": z})["z"]
        assert np.abs(J - reverse_mode(parts, {"z": z})["z"]).max() <= TIGHT * scale_of(J)
        assert np.all(np.abs(J - near) <= bound)
        n = z.shape[1]
        slope = J[:n, :n].diagonal() + 1j * J[n:, :n].diagonal()  # ∂Re h/∂a + i ∂Im h/∂a
        np.testing.assert_allclose(p.truth, slope, rtol=TIGHT)
        assert np.abs(J[:n, n:] + J[n:, :n]).max() <= TIGHT * scale_of(J)  # Cauchy and Riemann: h is holomorphic


def any_fault_is_seen(p):
    for name, (near, bound) in central_differences(p.forward, p.inputs).items():
        J = p.jacobians[name]
        assert np.all(bound <= SEEN * scale_of(J) / 2)  # so the bound is not vacuous
        for place in np.ndindex(J.shape):
            spoiled = J.copy()
            spoiled[place] += SEEN * scale_of(J)
            assert np.any(np.abs(spoiled - near) > bound)


@pytest.mark.parametrize("id", DIFFERENTIATED)
def test_a_fault_in_any_one_entry_of_j_is_larger_than_the_bound(id):
    for seed in range(count("faults")):
        with case(f"seed {seed}"):
            any_fault_is_seen(sample(id, seed))


def test_operator_without_a_forward_rule_is_differentiated_by_rows_instead():
    x = x_of(0.5, -1.25, 2.0)
    with pytest.raises(NotImplementedError):
        torch.func.jvp(CubeWithoutJvp.apply, (x["x"],), (torch.ones(3, dtype=torch.float64),))
    J = forward_mode(CubeWithoutJvp.apply, x)["x"]
    near, bound = central_differences(CubeWithoutJvp.apply, x)["x"]
    assert np.all(np.abs(J - near) <= bound)
    np.testing.assert_allclose(J, np.diag(3 * x["x"].numpy() ** 2), rtol=TIGHT)


def test_operator_with_a_forward_rule_is_differentiated_by_that_rule():
    x = x_of(0.5, -1.25)  # the forward rule is off, the reverse rule is not: so one sees which was taken
    forward, reverse = (
        forward_mode(CubeWithWrongJvp.apply, x)["x"],
        reverse_mode(CubeWithoutJvp.apply, x)["x"],
    )
    np.testing.assert_allclose(forward, reverse * (1 + 2 * SEEN), rtol=TIGHT)


def test_function_in_the_old_style_is_differentiated_by_rows_too():
    x = x_of(0.5, -1.25, 2.0)
    np.testing.assert_allclose(
        forward_mode(CubeInTheOldStyle.apply, x)["x"], np.diag(3 * x["x"].numpy() ** 2), rtol=TIGHT
    )


@pytest.mark.parametrize("error", [RuntimeError, ValueError])
def test_what_the_map_itself_raises_comes_through(error):
    def broken(x):
        raise error("no such map")

    with pytest.raises(error, match="no such map"):
        forward_mode(broken, x_of(1.0))


@pytest.mark.parametrize("slip", [2 * SEEN, -2 * SEEN])
def test_a_wrong_reverse_rule_is_caught_by_central_differences(slip, monkeypatch):
    x = x_of(0.5, -1.25, 2.0)
    near, bound = central_differences(CubeWithoutJvp.apply, x)["x"]
    assert np.all(np.abs(reverse_mode(CubeWithoutJvp.apply, x)["x"] - near) <= bound)
    monkeypatch.setattr(CubeWithoutJvp, "slip", slip)
    assert np.any(np.abs(reverse_mode(CubeWithoutJvp.apply, x)["x"] - near) > bound)


def test_a_wrong_forward_rule_is_caught_by_central_differences():
    x = x_of(0.5, -1.25, 2.0)
    near, bound = central_differences(CubeWithWrongJvp.apply, x)["x"]
    assert np.any(np.abs(forward_mode(CubeWithWrongJvp.apply, x)["x"] - near) > bound)


@pytest.mark.parametrize("road", [forward_mode, reverse_mode, by_differences])
@pytest.mark.parametrize(
    ("f", "shapes", "m"),
    [
        (functions.square, {"x": ()}, 1),
        (functions.fan, {"x": (2,)}, 4),
        (functions.grid, {"x": (3,)}, 6),
        (stretched, {"X": (2, 2)}, 8),
        (functions.two_heads, {"x": (3,)}, 4),
        (functions.layer, {"A": (2, 3), "x": (3,)}, 2),
        (lambda x: x.sum(), {"x": (2, 1, 3)}, 1),
    ],
    ids=["number", "vector", "to a matrix", "matrix to rank 3", "tuple", "two inputs", "rank 3 to a number"],
)
def test_j_has_a_row_for_every_output_and_a_column_for_every_entry_of_the_input(road, f, shapes, m):
    generator = torch.Generator().manual_seed(1)
    inputs = {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}
    found = road(f, inputs)
    assert {name: J.shape for name, J in found.items()} == {
        name: (m, int(np.prod(shape))) for name, shape in shapes.items()
    }


def test_outputs_and_inputs_are_flattened_row_by_row():
    X = torch.arange(6, dtype=torch.float64).reshape(2, 3)
    for road in (forward_mode, reverse_mode):
        J = road(lambda X: X.T, {"X": X})["X"]  # y[j, i] = X[i, j]
        for i, j in np.ndindex(2, 3):
            assert J[j * 2 + i, i * 3 + j] == 1
        assert J.sum() == 6
        assert not np.array_equal(J, np.eye(6))  # flattening column by column would give this


def test_input_that_takes_no_part_has_a_column_of_zeros():
    inputs = x_of(1.0, 2.0) | {"unused": torch.ones(2, dtype=torch.float64)}
    for road in (forward_mode, reverse_mode):
        found = road(lambda x, unused: x**2, inputs)
        assert np.array_equal(found["unused"], np.zeros((2, 2)))
        assert np.any(found["x"])


@pytest.mark.parametrize("switch", [torch.no_grad, torch.inference_mode])
def test_j_is_the_same_where_the_caller_has_switched_gradients_off(switch):
    x = x_of(0.5, -1.25)
    expected = forward_mode(functions.fan, x)["x"], reverse_mode(functions.fan, x)["x"]
    with switch():
        np.testing.assert_array_equal(forward_mode(functions.fan, x)["x"], expected[0])
    with torch.no_grad():
        np.testing.assert_array_equal(reverse_mode(functions.fan, x)["x"], expected[1])


def test_the_inputs_are_left_as_they_were():
    x = x_of(0.5, -1.25)
    for road in (forward_mode, reverse_mode, central_differences):
        road(functions.fan, x)
        assert torch.equal(x["x"], x_of(0.5, -1.25)["x"])
        assert not x["x"].requires_grad
        assert x["x"].grad is None


entries = st.floats(-3, 3, allow_nan=False).map(lambda value: round(value, 3))


@st.composite
def quadratics(draw):
    """y = Bx + (Cx)², with its x and its true J = B + 2·diag(Cx)·C."""
    m, n = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    B, C = (np.array(draw(st.lists(entries, min_size=m * n, max_size=m * n))).reshape(m, n) for _ in "BC")
    x = np.array(draw(st.lists(entries, min_size=n, max_size=n)))
    tensors = torch.from_numpy(B), torch.from_numpy(C)
    return (lambda z: tensors[0] @ z + (tensors[1] @ z) ** 2), x, B + 2 * (C @ x)[:, None] * C


@given(quadratics())
def test_every_road_finds_the_known_jacobian_of_a_quadratic_map(drawn):
    f, x, J = drawn
    inputs = {"x": torch.from_numpy(x)}
    near, bound = central_differences(f, inputs)["x"]
    largest = 1 + scale_of(J)
    assert np.abs(forward_mode(f, inputs)["x"] - J).max() <= TIGHT * largest
    assert np.abs(reverse_mode(f, inputs)["x"] - J).max() <= TIGHT * largest
    assert np.all(np.abs(near - J) <= bound)
    assert np.all(np.abs(near - (J + SEEN * 100)) > bound)


# --- second order


def second_order():
    """A map to one number whose Hessian has all its entries, and a point."""
    f = lambda z: torch.sin(z[0] * z[1]) + z[1] ** 2 * z[2] + torch.exp(z[0] - z[2])  # noqa: E731
    return f, torch.tensor([0.4, -0.7, 0.3], dtype=torch.float64)


def test_hessian_agrees_with_reverse_over_reverse_and_with_differences_of_the_gradient():
    f, x = second_order()
    H = hessian(f, x)
    by_reverse = torch.autograd.functional.hessian(f, x).numpy()
    gradient = lambda z: reverse_mode(f, {"x": z})["x"][0]  # noqa: E731
    h = 1e-5
    by_values = np.stack([(gradient(x + h * e) - gradient(x - h * e)) / (2 * h) for e in torch.eye(3).double()])
    assert np.abs(H - by_reverse).max() <= TIGHT * scale_of(H)
    assert np.abs(H - by_values).max() <= 1e-8 * scale_of(H)
    assert np.abs(H - np.diag(np.diag(H))).max() > SEEN  # a diagonal one would show little
    assert np.abs(H + 2 * SEEN - by_values).max() > 1e-8 * scale_of(H)  # and a fault is seen


@pytest.mark.parametrize("order", range(5))
def test_derivative_of_any_order_agrees_with_the_closed_form(order):
    x = torch.tensor(0.7, dtype=torch.float64)
    exact = 2.0**order * np.exp(1.4)
    assert derivative(lambda z: torch.exp(2 * z), x, order) == pytest.approx(exact, rel=TIGHT)
    assert derivative(lambda z: torch.exp(2 * z), x, order + 1) != pytest.approx(exact, rel=SEEN)
