"""Unit 02: what accumulates, what is cut, what is forbidden, and the training step."""

import torch

grad = torch.autograd.grad


# --- zero_it_right


def nothing_cleared(first, second, x):
    gradients = []
    for loss in (first, second):
        loss(x).backward()
        gradients.append(x.grad)
    return tuple(gradients)


def copied_but_not_cleared(first, second, x):
    gradients = []
    for loss in (first, second):
        loss(x).backward()
        gradients.append(x.grad.clone())
    return tuple(gradients)


def cleared_once(first, second, x):
    x.grad = None
    return copied_but_not_cleared(first, second, x)


def zeroed(first, second, x):
    gradients = []
    for loss in (first, second):
        x.grad.zero_()
        loss(x).backward()
        gradients.append(x.grad)
    return tuple(gradients)


def zeroed_after(first, second, x):
    gradients = []
    for loss in (first, second):
        x.grad = None if not gradients else x.grad
        loss(x).backward()
        gradients.append(x.grad)
        x.grad.zero_()
    return tuple(gradients)


def cleared_only_between(first, second, x):
    first(x).backward()
    one, x.grad = x.grad, None
    second(x).backward()
    return one, x.grad


def in_the_other_order(first, second, x):
    return cleared_properly(second, first, x)


def cleared_properly(first, second, x):
    gradients = []
    for loss in (first, second):
        x.grad = None
        loss(x).backward()
        gradients.append(x.grad)
    return tuple(gradients)


def zeroed_and_copied(first, second, x):
    gradients = []
    for loss in (first, second):
        x.grad.zero_()
        loss(x).backward()
        gradients.append(x.grad.clone())
    return tuple(gradients)


def x_zeroed(first, second, x):
    gradients = []
    for loss in (first, second):
        with torch.no_grad():
            x.zero_()
        loss(x).backward()
        gradients.append(x.grad)
    return tuple(gradients)


def x_zeroed_and_copied(first, second, x):
    gradients = []
    for loss in (first, second):
        x.data.zero_()
        loss(x).backward()
        gradients.append(x.grad.clone())
    return tuple(gradients)


def set_to_zero(first, second, x):
    x.grad = 0
    first(x).backward()


def zero_grad_of_a_tensor(first, second, x):
    x.zero_grad()


def with_an_optimizer(first, second, x):
    optimizer = torch.optim.SGD([x])
    gradients = []
    for loss in (first, second):
        optimizer.zero_grad()
        loss(x).backward()
        gradients.append(x.grad)
    return tuple(gradients)


# --- cut_one_branch


def distance(prediction, t, x):
    return grad(((prediction - t) ** 2).sum(), x)[0]


def target_under_no_grad(predict, target, x):
    with torch.no_grad():
        t = target(x)
    return distance(predict(x), t, x)


def accumulated_twice(predict, target, x):
    for _ in range(2):
        ((predict(x) - target(x).detach()) ** 2).sum().backward()
    return x.grad


def not_squared(predict, target, x):
    return grad((predict(x) - target(x).detach()).sum(), x)[0]


def undeclared_copy(predict, target, x):
    return distance(predict(x), target(x.detach()), x)


# --- freeze_half


def trained(prepare, after=lambda model: None):
    """One backward pass, with something done to the model before it, and something after it."""

    def answer(model, X, t):
        prepare(model)
        ((model(X) - t) ** 2).mean().backward()
        after(model)

    return answer


def frozen(which):
    """Freezing of the parameters whose names contain ``which``, one at a time."""

    def prepare(model):
        for name, p in model.named_parameters():
            p.requires_grad = which not in name

    return trained(prepare)


def flag_on_the_module(model):
    model.features.requires_grad = False


def all_under_no_grad(model, X, t):
    with torch.no_grad():
        loss = ((model(X) - t) ** 2).mean()
    loss.backward()


def features_under_no_grad(model, X, t):
    with torch.no_grad():
        h = torch.tanh(model.features(X))
    ((model.head(h) - t) ** 2).mean().backward()


def features_detached(model, X, t):
    h = torch.tanh(model.features(X)).detach()
    ((model.head(h) - t) ** 2).mean().backward()


def head_by_grad(model, X, t):
    head = tuple(model.head.parameters())
    for p, g in zip(head, grad(((model(X) - t) ** 2).mean(), head), strict=True):
        p.grad = g


def head_as_inputs(model, X, t):
    ((model(X) - t) ** 2).mean().backward(inputs=list(model.head.parameters()))


# --- mend_the_step


def steps_in_order(calls):
    """A training loop whose calls come in this order: z, l, b and s for zero_grad, loss, backward and step."""

    def train(model, optimizer, X, t, steps):
        for _ in range(steps):
            for call in calls:
                if call == "z":
                    optimizer.zero_grad()
                elif call == "l":
                    loss = ((model(X) - t) ** 2).mean()
                elif call == "b":
                    loss.backward()
                else:
                    optimizer.step()

    return train


def loss_before_the_loop(model, optimizer, X, t, steps):
    loss = ((model(X) - t) ** 2).mean()
    for _ in range(steps):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def cleared_before_the_loop(model, optimizer, X, t, steps):
    optimizer.zero_grad()
    steps_in_order("lbs")(model, optimizer, X, t, steps)


def step_after_the_loop(model, optimizer, X, t, steps):
    steps_in_order("zlb")(model, optimizer, X, t, steps)
    optimizer.step()


def one_step_of_all(model, optimizer, X, t, steps):
    steps_in_order("lb")(model, optimizer, X, t, steps)
    optimizer.step()


def returned_too_early(model, optimizer, X, t, steps):
    for _ in range(steps):
        steps_in_order("zlbs")(model, optimizer, X, t, 1)
        return


def by_hand(model, optimizer, X, t, steps):
    for _ in range(steps):
        parameters = tuple(model.parameters())
        gradients = grad(torch.nn.functional.mse_loss(model(X), t), parameters)
        with torch.no_grad():
            for p, g in zip(parameters, gradients, strict=True):
                p -= optimizer.param_groups[0]["lr"] * g


# --- step_in_place


def rebound(f, x, eta):
    (g,) = grad(f(x), x)
    x = x - eta * g


def not_under_no_grad(f, x, eta):
    (g,) = grad(f(x), x)
    x -= eta * g


def step(sign=-1.0, rate=True, start=True):
    """A step with one thing wrong."""

    def take(f, x, eta):
        (g,) = grad(f(x), x)
        with torch.no_grad():
            x.copy_((x if start else 0) + sign * (eta if rate else 1) * g)

    return take


def gradient_written(f, x, eta):
    (g,) = grad(f(x), x)
    with torch.no_grad():
        x.copy_(g)


def step_before_backward(f, x, eta):
    y = f(x)
    with torch.no_grad():
        x -= eta * x.grad
    y.backward()


def by_an_optimizer(f, x, eta):
    optimizer = torch.optim.SGD([x], lr=eta)
    optimizer.zero_grad()
    f(x).backward()
    optimizer.step()


def declared_off(f, x, eta):
    (g,) = grad(f(x), x)
    x.requires_grad_(False)
    x -= eta * g
    x.requires_grad_()


# --- gradient_of_an_intermediate


def no_leaf(inner, outer, x):
    h = inner(x)
    outer(h).backward()
    return h.grad


def of_the_leaf(inner, outer, x):
    outer(inner(x)).backward()
    return x.grad


def retained_twice(inner, outer, x):
    h = inner(x)
    h.retain_grad()
    outer(h).backward(retain_graph=True)
    outer(h).backward()
    return h.grad


def another_h(inner, outer, x):
    return grad(outer(inner(x)), inner(x))[0]


def by_grad(inner, outer, x):
    h = inner(x)
    return grad(outer(h), h)[0]


def from_a_new_leaf(inner, outer, x):
    h = inner(x).detach().requires_grad_()
    outer(h).backward()
    return h.grad


def by_a_hook(inner, outer, x):
    seen = []
    h = inner(x)
    h.register_hook(seen.append)
    outer(h).backward()
    return seen[0]


# --- mend_data


def square_of(h, x):
    return grad((h**2).sum(), x)[0]


def still_data(A, x, gain):
    h = torch.tanh(A @ x)
    h.data *= gain
    return square_of(h, x)


def data_of_a_clone(A, x, gain):
    h = torch.tanh(A @ x).clone()
    h.data *= gain
    return square_of(h, x)


def in_place_instead(A, x, gain):
    h = torch.tanh(A @ x)
    h *= gain
    return square_of(h, x)


def new_tensor_of_data(A, x, gain):
    h = gain * torch.tanh(A @ x).data
    return square_of(h, x)


def clone_then_in_place(A, x, gain):
    h = torch.tanh(A @ x).clone()
    h *= gain
    return square_of(h, x)


# --- mend_torch_tensor


def losses_of(w, X, t):
    return [(torch.tanh(row @ w) - one) ** 2 for row, one in zip(X, t, strict=True)]


def still_torch_tensor(w, X, t):
    torch.tensor(losses_of(w, X, t)).mean().backward()


def declared_too_late(w, X, t):
    torch.tensor(losses_of(w, X, t), requires_grad=True).mean().backward()


def summed(w, X, t):
    sum(losses_of(w, X, t)).backward()


def cleared_in_the_loop(w, X, t):
    for loss in losses_of(w, X, t):
        w.grad = None
        (loss / len(X)).backward()


def last_loss(w, X, t):
    losses_of(w, X, t)[-1].backward()


def at_once(w, X, t):
    ((torch.tanh(X @ w) - t) ** 2).mean().backward()


# --- mend_in_place


def counted(h, c, x):
    return grad((c * h).sum(), x)[0]


def still_in_place(A, x, c):
    h = torch.sigmoid(A @ x)
    h /= h.sum()
    return counted(h, c, x)


def under_no_grad(A, x, c):
    h = torch.sigmoid(A @ x)
    with torch.no_grad():
        h /= h.sum()
    return counted(h, c, x)


def through_data(A, x, c):
    h = torch.sigmoid(A @ x)
    h.data /= h.data.sum()
    return counted(h, c, x)


def through_data_of_a_clone(A, x, c):
    h = torch.sigmoid(A @ x).clone()
    h.data /= h.data.sum()
    return counted(h, c, x)


def divided_by_a_number(A, x, c):
    h = torch.sigmoid(A @ x)
    return counted(h / h.sum().item(), c, x)


def by_h(A, x, c):
    h = torch.sigmoid(A @ x).detach().requires_grad_()
    return counted(h / h.sum(), c, h)


def detached(A, x, c):
    h = torch.sigmoid(A @ x).detach()
    h /= h.sum()
    return counted(h, c, x)


def clone_and_divide(A, x, c):
    h = torch.sigmoid(A @ x).clone()
    h /= h.sum()
    return counted(h, c, x)


# --- micro_batches


def micro_batches(share=lambda rows, X, size: len(rows) / len(X), before=True, between=False):
    """Gradient accumulation with a share for each micro-batch, cleared before, between, or not at all."""

    def accumulate(loss, w, X, t, size):
        if before:
            w.grad = None
        for rows, goals in zip(X.split(size), t.split(size), strict=True):
            if between:
                w.grad = None
            (loss(w, rows, goals) * share(rows, X, size)).backward()

    return accumulate


def all_rows_at_once(loss, w, X, t, size):
    w.grad = None
    loss(w, X, t).backward()


def one_loss_in_the_end(loss, w, X, t, size):
    w.grad = None
    parts = zip(X.split(size), t.split(size), strict=True)
    (sum(loss(w, rows, goals) * len(rows) for rows, goals in parts) / len(X)).backward()


def divided_afterwards(loss, w, X, t, size):
    micro_batches(lambda rows, X, size: len(rows))(loss, w, X, t, size)
    w.grad /= len(X)


def full_batches_only(share):
    """Gradient accumulation that counts whole micro-batches only, with a share for each."""

    def accumulate(loss, w, X, t, size):
        w.grad = None
        for k in range(len(X) // size):
            part = slice(k * size, (k + 1) * size)
            (loss(w, X[part], t[part]) * share(size, len(X))).backward()

    return accumulate


WRONG = [
    ("fact_missed", "02.leaf_or_not", "a"),
    ("fact_missed", "02.leaf_or_not", lambda: "ace"),
    ("fact_too_many", "02.leaf_or_not", "acdef"),
    ("fact_too_many", "02.leaf_or_not", "abcef"),
    ("last_backward_only", "02.two_backwards", [6, 4]),
    ("first_backward_only", "02.two_backwards", lambda: [1, -6]),
    ("minus_sign", "02.two_backwards", [-7, 2]),
    ("some_right", "02.two_backwards", [7, 10]),
    ("fact_missed", "02.which_grad_is_none", "bde"),
    ("fact_missed", "02.which_grad_is_none", lambda: "d"),
    ("fact_too_many", "02.which_grad_is_none", "abdef"),
    ("fact_too_many", "02.which_grad_is_none", "bcdef"),
    ("not_frozen", "02.freeze_half", trained(lambda model: model.eval())),
    ("not_frozen", "02.freeze_half", trained(lambda model: model.features.eval())),
    ("not_frozen", "02.freeze_half", trained(flag_on_the_module)),
    ("not_frozen", "02.freeze_half", trained(lambda m: None, lambda m: m.features.requires_grad_(False))),
    ("other_half_frozen", "02.freeze_half", trained(lambda model: model.head.requires_grad_(False))),
    ("other_half_frozen", "02.freeze_half", frozen("head")),
    ("one_tensor_frozen", "02.freeze_half", frozen("features.weight")),
    ("one_tensor_frozen", "02.freeze_half", frozen("features.bias")),
    ("no_graph", "02.freeze_half", trained(lambda model: model.requires_grad_(False))),
    ("no_graph", "02.freeze_half", all_under_no_grad),
    ("parameters_unmoved", "02.mend_the_step", steps_in_order("slbz")),
    ("parameters_unmoved", "02.mend_the_step", steps_in_order("lbzs")),
    ("parameters_unmoved", "02.mend_the_step", steps_in_order("zlb")),
    ("gradients_added_up", "02.mend_the_step", steps_in_order("lbs")),
    ("gradients_added_up", "02.mend_the_step", cleared_before_the_loop),
    ("one_step_behind", "02.mend_the_step", steps_in_order("szlb")),
    ("behind_and_added_up", "02.mend_the_step", steps_in_order("slb")),
    ("step_before_its_gradient", "02.mend_the_step", steps_in_order("lszb")),
    ("step_before_its_gradient", "02.mend_the_step", steps_in_order("lsb")),
    ("stepped_once", "02.mend_the_step", step_after_the_loop),
    ("stepped_once", "02.mend_the_step", one_step_of_all),
    ("stepped_once", "02.mend_the_step", returned_too_early),
    ("second_backward", "02.mend_the_step", loss_before_the_loop),
    ("shared_grad", "02.zero_it_right", zeroed),
    ("shared_grad", "02.zero_it_right", zeroed_after),
    ("never_zeroed", "02.zero_it_right", nothing_cleared),
    ("never_zeroed", "02.zero_it_right", copied_but_not_cleared),
    ("never_zeroed", "02.zero_it_right", cleared_once),
    ("not_zeroed_before", "02.zero_it_right", cleared_only_between),
    ("point_zeroed", "02.zero_it_right", x_zeroed),
    ("point_zeroed", "02.zero_it_right", x_zeroed_and_copied),
    ("permuted", "02.zero_it_right", in_the_other_order),
    ("grad_takes_a_tensor", "02.zero_it_right", set_to_zero),
    ("tensor_has_no", "02.zero_it_right", zero_grad_of_a_tensor),
    ("branch_not_cut", "02.cut_one_branch", lambda predict, target, x: distance(predict(x), target(x), x)),
    ("other_branch_cut", "02.cut_one_branch", lambda predict, target, x: distance(predict(x).detach(), target(x), x)),
    ("difference_not_squared", "02.cut_one_branch", not_squared),
    ("no_graph", "02.cut_one_branch", lambda predict, target, x: distance(predict(x).data, target(x).data, x)),
    ("accumulated", "02.cut_one_branch", accumulated_twice),
    ("nothing_changed", "02.step_in_place", rebound),
    ("inplace_on_leaf", "02.step_in_place", not_under_no_grad),
    ("uphill", "02.step_in_place", step(sign=1.0)),
    ("step_without_rate", "02.step_in_place", step(rate=False)),
    ("step_alone", "02.step_in_place", step(start=False)),
    ("gradient_for_step", "02.step_in_place", gradient_written),
    ("none_has_no", "02.step_in_place", step_before_backward),
    ("grad_of_non_leaf", "02.gradient_of_an_intermediate", no_leaf),
    ("leaf_for_intermediate", "02.gradient_of_an_intermediate", of_the_leaf),
    ("accumulated", "02.gradient_of_an_intermediate", retained_twice),
    ("not_in_graph", "02.gradient_of_an_intermediate", another_h),
    ("data_written", "02.mend_data", still_data),
    ("operation_hidden", "02.mend_data", data_of_a_clone),
    ("gain_inside", "02.mend_data", lambda A, x, gain: square_of(torch.tanh(gain * (A @ x)), x)),
    ("inplace_on_saved", "02.mend_data", in_place_instead),
    ("no_graph", "02.mend_data", new_tensor_of_data),
    ("no_graph", "02.mend_torch_tensor", still_torch_tensor),
    ("grad_is_none", "02.mend_torch_tensor", declared_too_late),
    ("samples_added", "02.mend_torch_tensor", summed),
    ("one_sample_only", "02.mend_torch_tensor", last_loss),
    ("one_sample_only", "02.mend_torch_tensor", cleared_in_the_loop),
    ("inplace_on_saved", "02.mend_in_place", still_in_place),
    ("inplace_on_saved", "02.mend_in_place", under_no_grad),
    ("data_written", "02.mend_in_place", through_data),
    ("operation_hidden", "02.mend_in_place", through_data_of_a_clone),
    ("total_held_constant", "02.mend_in_place", divided_by_a_number),
    ("chain_stops_early", "02.mend_in_place", by_h),
    ("no_graph", "02.mend_in_place", detached),
    ("stale_grad", "02.micro_batches", micro_batches(before=False)),
    ("last_batch_only", "02.micro_batches", micro_batches(between=True)),
    ("last_batch_only", "02.micro_batches", micro_batches(lambda rows, X, size: 1, between=True)),
    ("last_batch_left_out", "02.micro_batches", full_batches_only(lambda size, rows: size / rows)),
    ("last_batch_left_out", "02.micro_batches", full_batches_only(lambda size, rows: 1)),
    ("last_batch_left_out", "02.micro_batches", full_batches_only(lambda size, rows: 1 / (rows // size))),
    ("means_added", "02.micro_batches", micro_batches(lambda rows, X, size: 1)),
    ("mean_of_means", "02.micro_batches", micro_batches(lambda rows, X, size: 1 / -(-len(X) // size))),
    ("mean_of_means", "02.micro_batches", micro_batches(lambda rows, X, size: size / len(X))),
    ("samples_added", "02.micro_batches", micro_batches(lambda rows, X, size: len(rows))),
    ("raised", "02.micro_batches", all_rows_at_once),
]

RIGHT = [
    ("02.leaf_or_not", lambda: "f, a, c and e"),
    ("02.two_backwards", lambda: (7, -2)),
    ("02.two_backwards", torch.tensor([7.0, -2.0])),
    ("02.which_grad_is_none", lambda: "b, d, e and f"),
    ("02.which_grad_is_none", ["f", "e", "d", "b"]),
    ("02.freeze_half", frozen("features")),
    ("02.freeze_half", features_under_no_grad),
    ("02.freeze_half", features_detached),
    ("02.freeze_half", head_by_grad),
    ("02.freeze_half", head_as_inputs),
    ("02.mend_the_step", steps_in_order("zlbs")),
    ("02.mend_the_step", steps_in_order("lzbs")),
    ("02.mend_the_step", steps_in_order("lbsz")),
    ("02.mend_the_step", by_hand),
    ("02.zero_it_right", cleared_properly),
    ("02.zero_it_right", zeroed_and_copied),
    ("02.zero_it_right", with_an_optimizer),
    ("02.zero_it_right", lambda first, second, x: (grad(first(x), x)[0], grad(second(x), x)[0])),
    ("02.cut_one_branch", target_under_no_grad),
    ("02.cut_one_branch", undeclared_copy),
    ("02.step_in_place", step()),
    ("02.step_in_place", by_an_optimizer),
    ("02.step_in_place", declared_off),
    ("02.gradient_of_an_intermediate", by_grad),
    ("02.gradient_of_an_intermediate", from_a_new_leaf),
    ("02.gradient_of_an_intermediate", by_a_hook),
    ("02.mend_data", clone_then_in_place),
    ("02.mend_data", lambda A, x, gain: square_of(gain * torch.tanh(A @ x), x)),
    ("02.mend_torch_tensor", at_once),
    ("02.mend_torch_tensor", lambda w, X, t: (sum(losses_of(w, X, t)) / len(X)).backward()),
    ("02.mend_in_place", clone_and_divide),
    ("02.mend_in_place", lambda A, x, c: counted(torch.nn.functional.normalize(torch.sigmoid(A @ x), 1, dim=0), c, x)),
    ("02.micro_batches", micro_batches()),
    ("02.micro_batches", one_loss_in_the_end),
    ("02.micro_batches", divided_afterwards),
]
