"""Unit 05: weights given, forgotten, given twice, given to the wrong side."""

import torch
import torch.nn.functional as F

grad = torch.autograd.grad


def f(x):
    """The function that 5.3 hands out."""
    return torch.stack([x[0] * x[1], x[1] ** 2 + torch.sin(x[2])])


def with_weight(weight):
    """5.3 with this function of x and v for its weight."""
    return lambda x, v: grad(f(x), x, grad_outputs=weight(x, v))[0]


def of_number(number):
    """5.4 with this function of y and v for the number that is differentiated."""
    return lambda f, x, v: grad(number(f(x), v), x)[0]


def backward_of(clear=True, **options):
    """5.12: what is given to backward, after clearing or not."""

    def fill(f, x, v):
        if clear:
            x.grad = None
        f(x).backward(**{name: make(v) for name, make in options.items()})

    return fill


def cleared_afterwards(f, x, v):
    f(x).backward(v)
    x.grad = None


def zero_grad_of_a_tensor(f, x, v):
    x.zero_grad()
    f(x).backward(v)


def zeroed_in_place(f, x, v):
    x.grad.zero_()
    f(x).backward(v)


def y_cut(f, weigh, x):
    return grad(weigh(x) @ f(x).detach(), x)[0]


def difference_of_outputs(f, x, v, w):
    y, z = f(x)
    return grad(v @ y - w @ z, x)[0]


# --- 5.8


def loss_of_class(number):
    """5.8 with this function of the losses and of where the labels are c for the number that is differentiated."""
    return lambda w, losses, labels, c: grad(number(losses, labels == c), w)[0]


def weight_of_class(weight):
    """5.8 with this function of labels and c for its weight."""
    return lambda w, losses, labels, c: grad(losses, w, weight(labels, c))[0]


def one_by_one(w, losses, labels, c):
    chosen = [grad(loss, w, retain_graph=True)[0] for loss, label in zip(losses, labels, strict=True) if label == c]
    return torch.stack(chosen).mean(dim=0)


# --- 5.10


def at_logits(weight):
    """5.10 with this function of logits and one-hot rows for the weight at the logits."""

    def backward(W, logits, labels):
        Z, hot = logits.detach(), F.one_hot(labels, logits.shape[1])
        return grad(logits, W, weight(Z, hot))[0]

    return backward


def by_loss(loss):
    """5.10 with this function of logits and labels for a loss."""
    return lambda W, logits, labels: grad(loss(logits, labels), W)[0]


def squared(logits, labels):
    return (logits.softmax(1) - F.one_hot(labels, logits.shape[1])) ** 2


def product_with_logits(W, logits, labels):
    p = torch.softmax(logits, dim=1)
    return grad(((p - F.one_hot(labels, logits.shape[1])) * logits).sum() / len(labels), W)[0]


def by_backward(W, logits, labels):
    v = torch.softmax(logits, dim=1)
    v[torch.arange(len(labels)), labels] -= 1
    logits.backward(gradient=v / len(labels))
    return W.grad


# --- 5.11


def products(combine, number=lambda logits, c: logits[c]):
    """5.11 with this function of X and its gradient, and this one of logits and c for what is differentiated."""

    def contributions(head, E, ids, c):
        X = E[ids]
        (g,) = grad(number(head(X), c), X)
        return combine(X, g)

    return contributions


def added(X, g):
    return (X * g).sum(dim=1)


def of_words(head, E, ids, c):
    return added(E, grad(head(E[ids])[c], E)[0])


def by_token(head, E, ids, c):
    """A leaf of its own for every token."""
    leaves = [E[k].detach().requires_grad_() for k in ids]
    return torch.stack([x @ g for x, g in zip(leaves, grad(head(torch.stack(leaves))[c], leaves), strict=True)])


def by_retain_grad(head, E, ids, c):
    X = E[ids]
    X.retain_grad()
    head(X).backward(gradient=F.one_hot(torch.tensor(c), 3).to(X.dtype))
    return torch.einsum("td,td->t", X, X.grad)


WRONG = [
    ("letter_missed", "05.predict_error", "a"),
    ("letter_too_many", "05.predict_error", "acd"),
    ("letter_too_many", "05.predict_error", "ace"),
    ("wrong_choice", "05.predict_error", "xz"),
    ("weight_shape", "05.weight_the_outputs", with_weight(lambda x, v: v.sum())),
    ("weight_shape", "05.weight_the_outputs", with_weight(lambda x, v: v[:, None])),
    ("weight_shape", "05.weight_the_outputs", with_weight(lambda x, v: torch.ones_like(x))),
    ("ones_weight", "05.weight_the_outputs", with_weight(lambda x, v: torch.ones_like(v))),
    ("weighted_outputs_as_weights", "05.weight_the_outputs", with_weight(lambda x, v: v * f(x))),
    ("outputs_as_weights", "05.weight_the_outputs", with_weight(lambda x, v: f(x))),
    ("not_a_tensor", "05.weight_the_outputs", with_weight(lambda x, v: True)),
    ("not_a_tensor", "05.weight_the_outputs", with_weight(lambda x, v: v.tolist())),
    ("scalar_needed", "05.weight_the_outputs", lambda x, v: grad(f(x), x)[0]),
    ("scalar_needed", "05.scalar_trick", of_number(lambda y, v: v * y)),
    ("ones_weight", "05.scalar_trick", of_number(lambda y, v: y.sum())),
    ("mean_of_weighted", "05.scalar_trick", of_number(lambda y, v: (v * y).mean())),
    ("weighted_twice", "05.scalar_trick", of_number(lambda y, v: (v * v * y).sum())),
    ("one_output_only", "05.scalar_trick", of_number(lambda y, v: y[0])),
    ("not_a_tensor", "05.scalar_trick", of_number(lambda y, v: (v @ y).item())),
    ("not_in_graph", "05.scalar_trick", of_number(lambda y, v: torch.tensor((v @ y).item(), requires_grad=True))),
    ("one_weight_for_all", "05.scalar_trick", of_number(lambda y, v: v.mean() * y.sum())),
    ("one_weight_for_all", "05.scalar_trick", of_number(lambda y, v: v.sum() * y.sum())),
    ("weight_summing_to_one", "05.scalar_trick", of_number(lambda y, v: v @ y / v.sum())),
    ("ones_weight", "05.scalar_trick", of_number(lambda y, v: (v + y).sum())),
    ("sum_of_squares", "05.scalar_trick", of_number(lambda y, v: ((v * y) ** 2).sum())),
    ("sum_of_squares", "05.scalar_trick", of_number(lambda y, v: ((v * y) ** 2).sum() / 2)),
    ("weight_applied_after", "05.scalar_trick", lambda f, x, v: grad(f(x).sum(), x)[0] * v),
    ("stale_grad", "05.backward_gradient", backward_of(clear=False, gradient=lambda v: v)),
    ("ones_weight", "05.backward_gradient", backward_of(gradient=torch.ones_like)),
    ("scalar_needed", "05.backward_gradient", backward_of()),
    ("unknown_keyword", "05.backward_gradient", backward_of(grad_outputs=lambda v: v)),
    ("tensor_has_no", "05.backward_gradient", zero_grad_of_a_tensor),
    ("grad_is_none", "05.backward_gradient", cleared_afterwards),
    ("grad_untouched", "05.backward_gradient", lambda f, x, v: grad(f(x), x, v)[0]),
    ("sum_of_columns", "05.ones_sum_the_rows", [1, 9]),
    ("mean_of_rows", "05.ones_sum_the_rows", [1.5, 1, 2.5]),
    ("one_output_only", "05.ones_sum_the_rows", [2, -1, 0]),
    ("some_right", "05.ones_sum_the_rows", [3, 4, 5]),
    ("shape", "05.ones_sum_the_rows", [[2, -1, 0], [1, 3, 5]]),
    ("one_output_forgotten", "05.several_outputs", lambda f, x, v, w: grad(f(x)[0], x, v)[0]),
    ("weights_exchanged", "05.several_outputs", lambda f, x, v, w: grad(f(x), x, (w, v))[0]),
    ("one_output_subtracted", "05.several_outputs", difference_of_outputs),
    ("one_output_subtracted", "05.several_outputs", lambda f, x, v, w: -difference_of_outputs(f, x, v, w)),
    ("scalar_needed", "05.several_outputs", lambda f, x, v, w: grad(f(x), x)[0]),
    ("parts_not_added", "05.several_outputs", lambda f, x, v, w: (grad(f(x)[0], x, v)[0], grad(f(x)[1], x, w)[0])),
    ("inputs_swapped", "05.several_inputs", lambda f, A, x, v: grad(f(A, x), (x, A), v)),
    ("product_assumed", "05.several_inputs", lambda f, A, x, v: (torch.outer(v, x), A.T @ v)),
    ("ones_weight", "05.several_inputs", lambda f, A, x, v: grad(f(A, x).sum(), (A, x))),
    ("type", "05.several_inputs", lambda f, A, x, v: grad(f(A, x), x, v)[0]),
    ("weight_shape", "05.mend_the_weight", lambda f, x, v: grad(f(x), x, v)[0]),
    ("ones_weight", "05.mend_the_weight", lambda f, x, v: grad(f(x), x, torch.ones_like(f(x)))[0]),
    ("shapes_do_not_broadcast", "05.mend_the_weight", lambda f, x, v: grad((v * f(x)).sum(), x)[0]),
    (
        "weight_laid_out_by_columns",
        "05.mend_the_weight",
        lambda f, x, v: grad(f(x), x, v.reshape(f(x).shape[::-1]).T)[0],
    ),
    ("weight_not_detached", "05.weight_that_depends_on_x", lambda f, weigh, x: grad((weigh(x) * f(x)).sum(), x)[0]),
    ("y_held_constant", "05.weight_that_depends_on_x", y_cut),
    ("not_a_tensor", "05.weight_that_depends_on_x", lambda f, weigh, x: grad(f(x), x, weigh)[0]),
    ("ones_weight", "05.weight_that_depends_on_x", lambda f, weigh, x: grad(f(x).sum(), x)[0]),
    ("no_graph", "05.weight_that_depends_on_x", lambda f, weigh, x: grad(weigh(x).detach() @ f(x.detach()), x)[0]),
    ("class_summed", "05.one_class", weight_of_class(lambda labels, c: (labels == c).double())),
    ("class_summed", "05.one_class", loss_of_class(lambda losses, mask: losses[mask].sum())),
    ("divided_by_batch", "05.one_class", loss_of_class(lambda losses, mask: (losses * mask).mean())),
    ("other_samples", "05.one_class", loss_of_class(lambda losses, mask: losses[~mask].mean())),
    ("labels_as_weights", "05.one_class", weight_of_class(lambda labels, c: labels.double())),
    ("class_as_place", "05.one_class", lambda w, losses, labels, c: grad(losses[c], w)[0]),
    ("mean_of_outputs", "05.one_class", loss_of_class(lambda losses, mask: losses.mean())),
    ("ones_weight", "05.one_class", loss_of_class(lambda losses, mask: losses.sum())),
    ("scalar_needed", "05.one_class", loss_of_class(lambda losses, mask: losses[mask])),
    ("weight_shape", "05.one_class", weight_of_class(lambda labels, c: torch.ones(int((labels == c).sum())).double())),
    ("one_hot_forgotten", "05.cross_entropy", at_logits(lambda Z, hot: Z.softmax(1) / len(Z))),
    ("one_hot_alone", "05.cross_entropy", by_loss(lambda Z, t: -Z[torch.arange(len(Z)), t].mean())),
    ("softmax_of_columns", "05.cross_entropy", at_logits(lambda Z, hot: (Z.softmax(0) - hot) / len(Z))),
    ("sum_over_samples", "05.cross_entropy", at_logits(lambda Z, hot: Z.softmax(1) - hot)),
    ("sum_over_samples", "05.cross_entropy", by_loss(lambda Z, t: F.cross_entropy(Z, t, reduction="sum"))),
    ("mean_over_entries", "05.cross_entropy", at_logits(lambda Z, hot: (Z.softmax(1) - hot) / Z.numel())),
    ("softmax_twice", "05.cross_entropy", by_loss(lambda Z, t: F.cross_entropy(Z.softmax(1), t))),
    ("softmax_not_crossed", "05.cross_entropy", at_logits(lambda Z, hot: -hot / Z.softmax(1) / len(Z))),
    ("log_for_probability", "05.cross_entropy", at_logits(lambda Z, hot: (Z.log_softmax(1) - hot) / len(Z))),
    ("logarithm_left_out", "05.cross_entropy", by_loss(lambda Z, t: F.nll_loss(Z.softmax(1), t))),
    ("handed_to_probabilities", "05.cross_entropy", by_loss(lambda Z, t: squared(Z, t).sum(dim=1).mean())),
    ("handed_to_probabilities", "05.cross_entropy", by_loss(lambda Z, t: squared(Z, t).mean())),
    ("softmax_left_out", "05.cross_entropy", at_logits(lambda Z, hot: (Z - hot) / len(Z))),
    ("sigmoid_for_softmax", "05.cross_entropy", at_logits(lambda Z, hot: (Z.sigmoid() - hot) / len(Z))),
    ("part_divided", "05.cross_entropy", at_logits(lambda Z, hot: Z.softmax(1) - hot / len(Z))),
    ("stopped_at_logits", "05.cross_entropy", lambda W, logits, t: grad(F.cross_entropy(logits, t), logits)[0]),
    ("weight_not_detached", "05.cross_entropy", product_with_logits),
    ("minus_sign", "05.cross_entropy", at_logits(lambda Z, hot: (hot - Z.softmax(1)) / len(Z))),
    ("weight_shape", "05.cross_entropy", at_logits(lambda Z, hot: (Z.softmax(1) - hot).sum(dim=1))),
    ("scalar_needed", "05.cross_entropy", by_loss(lambda Z, t: F.cross_entropy(Z, t, reduction="none"))),
    ("uses_merged", "05.token_contributions", lambda head, E, ids, c: of_words(head, E, ids, c)[ids]),
    ("one_per_word", "05.token_contributions", of_words),
    ("all_logits", "05.token_contributions", products(added, lambda logits, c: logits.sum())),
    ("other_logit", "05.token_contributions", products(added, lambda logits, c: logits[c - 1])),
    ("probability_for_logit", "05.token_contributions", products(added, lambda logits, c: logits.softmax(0)[c])),
    ("probability_for_logit", "05.token_contributions", products(added, lambda logits, c: logits.log_softmax(0)[c])),
    ("row_left_out", "05.token_contributions", products(lambda X, g: g.sum(dim=1))),
    ("length_for_contribution", "05.token_contributions", products(lambda X, g: g.norm(dim=1))),
    ("sign_of_contribution_lost", "05.token_contributions", products(lambda X, g: added(X, g).abs())),
    ("gradient_of_rows", "05.token_contributions", products(lambda X, g: g)),
    ("not_added_up", "05.token_contributions", products(lambda X, g: X * g)),
    ("mean_of_products", "05.token_contributions", products(lambda X, g: (X * g).mean(dim=1))),
    ("not_in_graph", "05.token_contributions", lambda head, E, ids, c: added(E[ids], grad(head(E[ids])[c], E[ids])[0])),
    ("scalar_needed", "05.token_contributions", products(added, lambda logits, c: logits)),
]

RIGHT = [
    ("05.predict_error", ["a", "c"]),
    ("05.weight_the_outputs", lambda x, v: grad(v @ f(x), x)[0]),
    ("05.scalar_trick", of_number(lambda y, v: v @ y)),
    ("05.scalar_trick", lambda f, x, v: torch.func.vjp(f, x)[1](v)[0]),
    ("05.backward_gradient", zeroed_in_place),
    ("05.ones_sum_the_rows", torch.tensor([3, 2, 5])),
    ("05.several_outputs", lambda f, x, v, w: grad(torch.cat(f(x)), x, torch.cat((v, w)))[0]),
    ("05.several_inputs", lambda f, A, x, v: (grad(f(A, x), A, v)[0], grad(f(A, x), x, v)[0])),
    ("05.mend_the_weight", lambda f, x, v: grad(f(x).reshape(-1), x, v)[0]),
    ("05.weight_that_depends_on_x", lambda f, weigh, x: grad(f(x), x, weigh(x))[0]),
    ("05.one_class", loss_of_class(lambda losses, mask: losses[mask].mean())),
    ("05.one_class", weight_of_class(lambda labels, c: (labels == c) / (labels == c).sum())),
    ("05.one_class", one_by_one),
    ("05.cross_entropy", by_loss(F.cross_entropy)),
    ("05.cross_entropy", at_logits(lambda Z, hot: (Z.softmax(1) - hot) / len(Z))),
    ("05.cross_entropy", by_backward),
    ("05.token_contributions", products(added)),
    ("05.token_contributions", by_token),
    ("05.token_contributions", by_retain_grad),
]
