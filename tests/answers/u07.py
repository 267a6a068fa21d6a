"""What students write in unit 07: late passes, gradients in the wrong leaves, hooks without effect, wrong cuts."""

from __future__ import annotations

import torch

grad = torch.autograd.grad


# --- 7.3 and 7.5: several passes over one graph


def no_retain(x, y, *weights):
    return tuple(grad(y, x, weight)[0] for weight in weights)


def always_retain(x, y, *weights):
    return tuple(grad(y, x, weight, retain_graph=True)[0] for weight in weights)


def retain_but_the_last(x, y, *weights):
    *early, last = weights
    return (*always_retain(x, y, *early), grad(y, x, last)[0])


def bucket_not_cleared(x, y, *weights):
    found = []
    for weight in weights:
        y.backward(weight, retain_graph=weight is not weights[-1])
        found.append(x.grad.clone())
    return tuple(found)


def bucket_not_copied(x, y, *weights):
    found = []
    for weight in weights:
        y.backward(weight, retain_graph=weight is not weights[-1])
        found.append(x.grad)
    return tuple(found)


def weights_compared_by_entries(x, y, v, w, u):
    return tuple(grad(y, x, weight, retain_graph=weight != u)[0] for weight in (v, w, u))


def bucket_cleared(x, y, *weights):
    found = []
    for weight in weights:
        x.grad = None
        y.backward(weight, retain_graph=weight is not weights[-1])
        found.append(x.grad)
    return tuple(found)


def first_weight_twice(x, y, v, w):
    return grad(y, x, v, retain_graph=True)[0], grad(y, x, v)[0]


def batched(x, y, *weights):
    return tuple(grad(y, x, torch.stack(weights), is_grads_batched=True)[0])


def retain_on_the_last_too(x, y, v, w, u):
    keep = [grad(y, x, weight, retain_graph=True)[0] for weight in (v, w)]
    return (*keep, grad(y, x, u, retain_graph=True)[0])


def frees_graph_too_early(x, y, v, w, u):
    first = grad(y, x, v, retain_graph=True)[0]
    second = grad(y, x, w)[0]
    return first, second, grad(y, x, u)[0]


def create_graph_keeps_too(x, y, v, w, u):
    return tuple(grad(y, x, weight, create_graph=True)[0] for weight in (v, w, u))


# --- 7.7: into some leaves only


def into_all(a, b, c, loss):
    loss.backward()


def into_the_spared_one(a, b, c, loss):
    loss.backward(inputs=(b,))


def returned_only(a, b, c, loss):
    return grad(loss, (a, b, c))


def two_calls(a, b, c, loss):
    loss.backward(inputs=a)
    loss.backward(inputs=c)


def one_spared_too_many(a, b, c, loss):
    loss.backward(inputs=(a, b))


def zeros_in_b(a, b, c, loss):
    loss.backward()
    b.grad.zero_()


def put_there_by_hand(a, b, c, loss):
    a.grad, c.grad = grad(loss, (a, c))


def taken_out_again(a, b, c, loss):
    loss.backward()
    b.grad = None


# --- 7.4 and 7.6: inputs that take no part


def not_allowed(f, a, b, c):
    return grad(f(a, b, c), (a, b, c))


def left_out(f, a, b, c):
    return tuple(g for g in grad(f(a, b, c), (a, b, c), allow_unused=True) if g is not None)


def always_zeros(f, a, b, c):
    return grad(f(a, b, c), (a, b, c), materialize_grads=True)


def outputs_and_inputs_exchanged(f, a, b, c):
    return grad((a.sum(), b.sum(), c), f(a, b, c))


def another_order(f, a, b, c):
    return grad(f(a, b, c), (c, b, a), allow_unused=True)


def as_none(f, *inputs):
    return grad(f(*inputs), inputs, allow_unused=True)


def by_backward(f, a, b, c):
    f(a, b, c).backward()
    return a.grad, b.grad, c.grad


def zeros_forbidden(f, W, b, x):
    return grad(f(W, b, x), (W, b, x), allow_unused=False, materialize_grads=True)


def step_without_looking(f, W, b, x):
    return tuple(1.0 * g for g in grad(f(W, b, x), (W, b, x), allow_unused=True))


def minus(f, W, b, x):
    return tuple(-g for g in grad(f(W, b, x), (W, b, x), materialize_grads=True))


def not_even_allowed(f, W, b, x):
    return grad(f(W, b, x), (W, b, x))


def zeros_by_hand(f, *inputs):
    found = grad(f(*inputs), inputs, allow_unused=True)
    return tuple(torch.zeros_like(t) if g is None else g for g, t in zip(found, inputs, strict=True))


def joined_by_a_zero(f, *inputs):
    return grad(f(*inputs) + sum(0 * t.sum() for t in inputs), inputs)


# --- 7.8: hooks


def nothing_returned(outer, inner, x, limit):
    def clip(g):
        g.clamp(-limit, limit)

    h = inner(x)
    h.register_hook(clip)
    return grad(outer(h), x)[0]


def hook_on_another_tensor(outer, inner, x, limit):
    inner(x).register_hook(lambda g: g.clamp(-limit, limit))
    return grad(outer(inner(x)), x)[0]


def hook_on_x(outer, inner, x, limit):
    x.register_hook(lambda g: g.clamp(-limit, limit))
    return grad(outer(inner(x)), x)[0]


def one_side(outer, inner, x, limit):
    h = inner(x)
    h.register_hook(lambda g: g.clamp(max=limit))
    return grad(outer(h), x)[0]


def other_side(outer, inner, x, limit):
    h = inner(x)
    h.register_hook(lambda g: g.clamp(min=-limit))
    return grad(outer(h), x)[0]


def hook_on_y(outer, inner, x, limit):
    y = outer(inner(x))
    y.register_hook(lambda g: g.clamp(-limit, limit))
    return grad(y, x)[0]


def dropped(outer, inner, x, limit):
    h = inner(x)
    h.register_hook(lambda g: torch.where(g.abs() > limit, 0.0, g))
    return grad(outer(h), x)[0]


def above_zero_only(outer, inner, x, limit):
    h = inner(x)
    h.register_hook(lambda g: g.clamp(0, limit))
    return grad(outer(h), x)[0]


def by_norm(outer, inner, x, limit):
    h = inner(x)
    h.register_hook(lambda g: g * min(1.0, limit / g.norm().item()))
    return grad(outer(h), x)[0]


def by_h(outer, inner, x, limit):
    h = inner(x)
    return grad(outer(h), h)[0].clamp(-limit, limit)


def values_clipped(outer, inner, x, limit):
    return grad(outer(inner(x).clamp(-limit, limit)), x)[0]


def grad_of_a_non_leaf(outer, inner, x, limit):
    h = inner(x)
    outer(h).backward()
    return grad(h, x, h.grad.clamp(-limit, limit))[0]


def shape_changed(outer, inner, x, limit):
    h = inner(x)
    h.register_hook(lambda g: g.clamp(-limit, limit).sum())
    return grad(outer(h), x)[0]


def in_two_steps(outer, inner, x, limit):
    h = inner(x)
    (g,) = grad(outer(h), h)
    return grad(h, x, g.clamp(-limit, limit))[0]


def hook_and_backward(outer, inner, x, limit):
    h = inner(x)
    h.register_hook(lambda g: torch.clamp(g, -limit, limit))
    outer(h).backward()
    return x.grad


# --- 7.9: truncated backpropagation through time


def never_detached(step, W, h, xs, k):
    total = 0
    for x in xs:
        h, loss = step(W, h, x)
        total = total + loss
    return grad(total, W)[0]


def detach_not_assigned(step, W, h, xs, k):
    total = 0
    for i, x in enumerate(xs):
        if i % k == 0:
            h.detach()
        h, loss = step(W, h, x)
        total = total + loss
    return grad(total, W)[0]


def detached_every_time(step, W, h, xs, k):
    total = 0
    for x in xs:
        h, loss = step(W, h.detach(), x)
        total = total + loss
    return grad(total, W)[0]


def cut_where(begins):
    """The loop that detaches the state before a step i for which ``begins(i, k)`` is true."""

    def answer(step, W, h, xs, k):
        total = 0
        for i, x in enumerate(xs):
            if begins(i, k):
                h = h.detach()
            h, loss = step(W, h, x)
            total = total + loss
        return grad(total, W)[0]

    return answer


def detached_after_the_step(step, W, h, xs, k):
    total = 0
    for i, x in enumerate(xs):
        h, loss = step(W, h, x)
        total = total + loss
        if i % k == 0:
            h = h.detach()
    return grad(total, W)[0]


def by_chunks(collect, start=lambda h, first: h.detach()):
    """A backward pass for each chunk; ``collect`` makes one gradient of theirs."""

    def answer(step, W, h, xs, k):
        first, found = h, []
        for begin in range(0, len(xs), k):
            h, total = start(h, first), 0
            for x in xs[begin : begin + k]:
                h, loss = step(W, h, x)
                total = total + loss
            found.append(grad(total, W)[0])
        return collect(found)

    return answer


def as_many_pieces(step, W, h, xs, k):
    total = 0
    for piece in xs.chunk(k):
        h = h.detach()
        for x in piece:
            h, loss = step(W, h, x)
            total = total + loss
    return grad(total, W)[0]


def sum_detached(step, W, h, xs, k):
    total = torch.zeros((), dtype=torch.float64)
    for i, x in enumerate(xs):
        if i % k == 0:
            total = total.detach()
        h, loss = step(W, h, x)
        total = total + loss
    return grad(total, W)[0]


def only_the_last_loss(step, W, h, xs, k):
    for i, x in enumerate(xs):
        if i % k == 0:
            h = h.detach()
        h, loss = step(W, h, x)
    return grad(loss, W)[0]


def loss_at_chunk_ends(step, W, h, xs, k):
    total = 0
    for begin in range(0, len(xs), k):
        h = h.detach()
        for x in xs[begin : begin + k]:
            h, loss = step(W, h, x)
        total = total + loss
    return grad(total, W)[0]


def window_for_each_loss(step, W, h, xs, k):
    states, total = [h], 0
    for x in xs:
        states.append(step(W, states[-1], x)[0].detach())
    for t in range(1, len(xs) + 1):
        begin = max(0, t - k)
        state = states[begin]
        for x in xs[begin:t]:
            state, loss = step(W, state, x)
        total = total + loss
    return grad(total, W)[0]


def divided_by_steps(step, W, h, xs, k):
    return by_chunks(sum)(step, W, h, xs, k) / len(xs)


def one_sum_never_begun_anew(step, W, h, xs, k):
    total = 0
    for piece in xs.split(k):
        h = h.detach()
        for x in piece:
            h, loss = step(W, h, x)
            total = total + loss
        total.backward(retain_graph=True)
    return W.grad


def last_steps_only(step, W, h, xs, k):
    with torch.no_grad():
        for x in xs[:-k]:
            h, _ = step(W, h, x)
    return never_detached(step, W, h, xs[-k:], k)


def whole_chunks_only(step, W, h, xs, k):
    return by_chunks(sum)(step, W, h, xs[: len(xs) // k * k], k)


def backward_by_chunks(step, W, h, xs, k, cut=True):
    for begin in range(0, len(xs), k):
        h, total = h.detach() if cut else h, 0
        for x in xs[begin : begin + k]:
            h, loss = step(W, h, x)
            total = total + loss
        total.backward()
    return W.grad


def backward_without_a_cut(step, W, h, xs, k):
    return backward_by_chunks(step, W, h, xs, k, cut=False)


def detached_at_a_chunks_end(step, W, h, xs, k):
    total = 0
    for i, x in enumerate(xs, start=1):
        h, loss = step(W, h, x)
        total = total + loss
        if i % k == 0:
            h = h.detach()
    total.backward()
    return W.grad


# --- 7.10: two losses


def trunk_gone(x, h, p, q):
    return grad(p, x)[0], grad(q, x)[0]


def trunk_kept(x, h, p, q):
    return grad(p, x, retain_graph=True)[0], grad(q, x, retain_graph=True)[0]


def losses_in_one_call(x, h, p, q):
    return grad((p, q), x)


def same_bucket(x, h, p, q):
    p.backward(retain_graph=True)
    first = x.grad
    q.backward()
    return first, x.grad


def not_cleared(x, h, p, q):
    p.backward(retain_graph=True)
    first = x.grad.clone()
    q.backward()
    return first, x.grad


def by_the_trunk(x, h, p, q):
    return grad(p, h)[0], grad(q, h)[0]


def ones_at_h(x, h, p, q):
    ones = torch.ones_like(h)
    return grad(h, x, ones, retain_graph=True)[0], grad(h, x, ones)[0]


def trunk_last(x, h, p, q):
    (a,), (b,) = grad(p, h), grad(q, h)
    return grad(h, x, a, retain_graph=True)[0], grad(h, x, b)[0]


def trunk_kept_for_q(x, h, p, q):
    return grad(p, x, retain_graph=True)[0], grad(q, x)[0]


def trunk_in_one_batch(x, h, p, q):
    weights = torch.stack([grad(p, h)[0], grad(q, h)[0]])
    return tuple(grad(h, x, weights, is_grads_batched=True)[0])


WRONG = [
    ("call_missed", "07.refused_the_second_time", lambda: "ad"),
    ("call_too_many", "07.refused_the_second_time", lambda: "abdf"),
    ("call_too_many", "07.refused_the_second_time", lambda: "acdf"),
    ("call_missed", "07.refused_the_second_time", lambda: "af"),
    ("type", "07.refused_the_second_time", lambda: 3),
    ("second_backward", "07.retain", no_retain),
    ("sums_in_turn", "07.retain", bucket_not_cleared),
    ("one_sum_for_all", "07.retain", bucket_not_copied),
    ("first_for_all", "07.retain", first_weight_twice),
    ("results_exchanged", "07.retain", lambda x, y, v, w: retain_but_the_last(x, y, w, v)),
    ("ones_weight", "07.retain", lambda x, y, v, w: (grad(y.sum(), x, retain_graph=True)[0],) * 2),
    ("scalar_needed", "07.retain", lambda x, y, v, w: grad(y, x)),
    ("type", "07.retain", lambda x, y, v, w: grad(y, x, v + w)[0]),
    ("count", "07.retain", lambda x, y, v, w: grad(y, x, v)),
    ("inputs_one_by_one", "07.let_go", weights_compared_by_entries),
    ("graph_kept", "07.let_go", always_retain),
    ("graph_kept", "07.let_go", retain_on_the_last_too),
    ("graph_kept", "07.let_go", create_graph_keeps_too),
    ("second_backward", "07.let_go", frees_graph_too_early),
    ("sums_in_turn", "07.let_go", bucket_not_cleared),
    ("results_exchanged", "07.let_go", lambda x, y, v, w, u: retain_but_the_last(x, y, u, w, v)),
    ("landed_everywhere", "07.backward_inputs", into_all),
    ("landed_in_the_other", "07.backward_inputs", into_the_spared_one),
    ("nothing_landed", "07.backward_inputs", returned_only),
    ("second_backward", "07.backward_inputs", two_calls),
    ("some_right", "07.backward_inputs", one_spared_too_many),
    ("zeros_landed", "07.backward_inputs", zeros_in_b),
    ("not_in_graph", "07.unused_none", not_allowed),
    ("zeros_for_none", "07.unused_none", always_zeros),
    ("length", "07.unused_none", left_out),
    ("inputs_swapped", "07.unused_none", another_order),
    ("not_in_graph", "07.unused_none", outputs_and_inputs_exchanged),
    ("none_for_zeros", "07.unused_zeros", as_none),
    ("zeros_need_unused", "07.unused_zeros", zeros_forbidden),
    ("none_has_no", "07.unused_zeros", step_without_looking),
    ("minus_sign", "07.unused_zeros", minus),
    ("not_in_graph", "07.unused_zeros", not_even_allowed),
    ("hook_without_effect", "07.clipping_hook", nothing_returned),
    ("hook_without_effect", "07.clipping_hook", hook_on_another_tensor),
    ("clipped_at_the_input", "07.clipping_hook", hook_on_x),
    ("clipped_from_above_only", "07.clipping_hook", one_side),
    ("clipped_from_below_only", "07.clipping_hook", other_side),
    ("clipped_at_the_output", "07.clipping_hook", hook_on_y),
    ("zero_for_limit", "07.clipping_hook", dropped),
    ("clipped_at_zero", "07.clipping_hook", above_zero_only),
    ("clipped_by_length", "07.clipping_hook", by_norm),
    ("clipped_not_handed_on", "07.clipping_hook", by_h),
    ("clipped_on_the_way_forward", "07.clipping_hook", values_clipped),
    ("none_has_no", "07.clipping_hook", grad_of_a_non_leaf),
    ("hook_changed_size", "07.clipping_hook", shape_changed),
    ("never_cut", "07.truncated", never_detached),
    ("never_cut", "07.truncated", detach_not_assigned),
    ("cut_at_every_step", "07.truncated", detached_every_time),
    ("cut_elsewhere", "07.truncated", detached_after_the_step),
    ("cut_elsewhere", "07.truncated", cut_where(lambda i, k: (i + 1) % k == 0)),
    ("cut_elsewhere", "07.truncated", cut_where(lambda i, k: i % (k + 1) == 0)),
    ("k_pieces", "07.truncated", as_many_pieces),
    ("last_chunk_only", "07.truncated", by_chunks(lambda found: found[-1])),
    ("loss_detached", "07.truncated", sum_detached),
    ("losses_left_out", "07.truncated", only_the_last_loss),
    ("losses_left_out", "07.truncated", loss_at_chunk_ends),
    ("state_reset", "07.truncated", by_chunks(sum, start=lambda h, first: first)),
    ("state_reset", "07.truncated", by_chunks(sum, start=lambda h, first: torch.zeros_like(h))),
    ("sliding_window", "07.truncated", window_for_each_loss),
    ("losses_averaged", "07.truncated", divided_by_steps),
    ("losses_averaged", "07.truncated", by_chunks(lambda found: torch.stack(found).mean(dim=0))),
    ("cut_elsewhere", "07.truncated", cut_where(lambda i, k: i == k)),
    ("cut_elsewhere", "07.truncated", cut_where(lambda i, k: i >= k)),
    ("losses_left_out", "07.truncated", last_steps_only),
    ("losses_left_out", "07.truncated", lambda step, W, h, xs, k: never_detached(step, W, h, xs[:k], k)),
    ("losses_counted_again", "07.truncated", one_sum_never_begun_anew),
    ("rest_dropped", "07.truncated", whole_chunks_only),
    ("second_backward", "07.truncated", backward_without_a_cut),
    ("second_backward", "07.two_losses", trunk_gone),
    ("graph_kept", "07.two_losses", trunk_kept),
    ("sum_of_losses", "07.two_losses", losses_in_one_call),
    ("sum_of_losses", "07.two_losses", same_bucket),
    ("sums_in_turn", "07.two_losses", not_cleared),
    ("stopped_at_the_trunk", "07.two_losses", by_the_trunk),
    ("ones_at_the_trunk", "07.two_losses", ones_at_h),
    ("results_exchanged", "07.two_losses", lambda x, h, p, q: trunk_last(x, h, q, p)),
    ("saved_missed", "07.what_is_saved", lambda: "ac"),
    ("saved_too_many", "07.what_is_saved", lambda: "abcf"),
    ("saved_too_many", "07.what_is_saved", lambda: "acef"),
    ("saved_missed", "07.what_is_saved", lambda: "cf"),
]

RIGHT = [
    ("07.refused_the_second_time", lambda: ["f", "a", "d"]),
    ("07.retain", always_retain),
    ("07.retain", bucket_cleared),
    ("07.retain", batched),
    ("07.let_go", bucket_cleared),
    ("07.let_go", batched),
    ("07.backward_inputs", put_there_by_hand),
    ("07.backward_inputs", taken_out_again),
    ("07.unused_none", by_backward),
    ("07.unused_zeros", zeros_by_hand),
    ("07.unused_zeros", joined_by_a_zero),
    ("07.clipping_hook", in_two_steps),
    ("07.clipping_hook", hook_and_backward),
    ("07.truncated", by_chunks(sum)),
    ("07.truncated", backward_by_chunks),
    ("07.truncated", detached_at_a_chunks_end),
    ("07.two_losses", trunk_last),
    ("07.two_losses", trunk_kept_for_q),
    ("07.two_losses", trunk_in_one_batch),
    ("07.what_is_saved", lambda: "a, c and f"),
]
