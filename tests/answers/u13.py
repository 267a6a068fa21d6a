"""Unit 13: penalties on the gradients of a critic, and gradients through a step of training, as students write them."""

from __future__ import annotations

import torch
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, vmap
from torch.nn.functional import softplus

pull = torch.autograd.grad


# --- 13.2


def factors(*shape):
    """Factors of a shape that is made of the batch's, (N, *shape)."""
    return lambda real: torch.rand(*(len(real) if size == "N" else size for size in shape))


def ones_after(real):
    return [1] * (real.ndim - 1)


def per_sample(real):
    return torch.rand(len(real), *ones_after(real))


def between(draw, real_again=None):
    """ε · real + (1 − ε) · fake with ``draw(real)`` as ε, and a second draw in place of 1 − ε."""

    def answer(real, fake):
        eps = draw(real)
        other = 1 - eps if real_again is None else real_again(real)
        return eps * real + other * fake

    return answer


def normally(real):
    """Factors from a normal distribution; seeded, since of 12 all are negative once in 4000 draws."""
    return torch.randn(len(real), *ones_after(real), generator=torch.Generator().manual_seed(0))


def point_by_point(real, fake):
    points = []
    for x, z in zip(real, fake, strict=True):
        t = torch.rand(())
        points.append(x + t * (z - x))
    return torch.stack(points)


def by_lerp(real, fake):
    eps = torch.rand(real.size(0)).double()
    return torch.lerp(fake, real, eps.view(-1, *ones_after(real)).expand_as(real))


def by_view(real, fake):
    eps = torch.rand(real.shape[0], 1)
    return (eps * real.flatten(1) + (1 - eps) * fake.flatten(1)).view_as(real)


def broadcast_over_rows(real, fake):
    eps = torch.rand(len(real), 1, 1, 1)
    return eps * real + (1 - eps) * fake


def noisy(real, fake):
    return between(per_sample)(real, fake) + 0.1 * torch.randn_like(real)


def dragan(real, fake):
    return real + 0.5 * real.std() * torch.rand_like(real)


def shuffled(real, fake):
    return between(per_sample)(real, fake.roll(1, dims=0))


def shuffled_at_random(real, fake):
    order = torch.randperm(len(fake), generator=torch.Generator().manual_seed(0))
    return between(per_sample)(real, fake[order])


def not_divided(real, fake):
    eps = per_sample(real)
    return eps * real + eps * fake


def offset_alone(real, fake):
    return per_sample(real) * (real - fake)


def in_the_wrong_brackets(real, fake):
    eps = per_sample(real)
    return eps * real + 1 - eps * fake


# --- 13.3


def gradient(critic, x, graph=False):
    x = x.detach().requires_grad_()
    return pull(critic(x).sum(), x, create_graph=graph)[0]


def slope(norm):
    return lambda critic, x: norm(gradient(critic, x))


def image_norm(g):
    return g.flatten(1).norm(dim=1)


def of_number(number, critic, x):
    x = x.detach().requires_grad_()
    return image_norm(pull(number(critic(x)), x)[0])


def image_after_image(critic, x):
    x = x.detach().requires_grad_()
    norms = []
    for y in critic(x):
        y.backward(retain_graph=True)
        norms.append(x.grad.norm())
    return torch.stack(norms)


def undeclared(critic, x):
    return image_norm(pull(critic(x).sum(), x)[0])


def declared_too_late(critic, x):
    y = critic(x).sum()
    x.requires_grad_()
    return image_norm(pull(y, x)[0])


def without_sum(critic, x):
    x.requires_grad_()
    return image_norm(pull(critic(x), x)[0])


def of_mean(critic, x):
    x.requires_grad_()
    return image_norm(pull(critic(x).mean(), x)[0])


def with_ones(critic, x):
    x.requires_grad_()
    y = critic(x)
    return image_norm(pull(y, x, grad_outputs=torch.ones_like(y), create_graph=True, retain_graph=True)[0])


def image_by_image(critic, x):
    return torch.stack([gradient(critic, image[None]).norm() for image in x])


def by_vmap(critic, x):
    return image_norm(vmap(grad(lambda image: critic(image[None])[0]))(x))


def by_backward(critic, x):
    x.requires_grad_()
    critic(x).sum().backward()
    return x.grad.square().sum(dim=(1, 2, 3)).sqrt()


def first_only(critic, x):
    x.requires_grad_()
    return pull(critic(x)[0], x)[0].flatten(1).norm(dim=1)


def tuple_not_unpacked(critic, x):
    x.requires_grad_()
    g = pull(critic(x).sum(), x)
    return g.flatten(1).norm(dim=1)


# --- 13.4


def as_asked(critic, real, fake, eps):
    e = eps.view(-1, *ones_after(real))
    return e * real + (1 - e) * fake


def penalized(norms=image_norm, cost=lambda n: ((n - 1) ** 2).mean(), at=as_asked, reduce=torch.sum):
    """The penalty, with other norms, another cost, other points, or another reduction of the outputs."""

    def answer(critic, real, fake, eps):
        x = at(critic, real, fake, eps).detach().requires_grad_()
        (g,) = pull(reduce(critic(x)), x)
        return cost(norms(g))

    return answer


def at(points):
    return penalized(at=points)


def laid_along_the_last(critic, real, fake, eps):
    return eps * real + (1 - eps) * fake


def laid_along_the_rows(critic, real, fake, eps):
    e = eps[:, None]
    return e * real + (1 - e) * fake


def for_images_only(critic, real, fake, eps):
    e = eps.view(-1, 1, 1, 1)
    return e * real + (1 - e) * fake


def exchanged(critic, real, fake, eps):
    return as_asked(critic, fake, real, eps)


def one_factor(critic, real, fake, eps):
    return eps[0] * real + (1 - eps[0]) * fake


def drawn_again(critic, real, fake, eps):
    return as_asked(critic, real, fake, torch.linspace(0.9, 0.1, len(eps), dtype=eps.dtype))


def with_create_graph(critic, real, fake, eps):
    x = as_asked(critic, real, fake, eps).requires_grad_()
    g = gradient(critic, x, graph=True)
    return (torch.linalg.vector_norm(g, dim=tuple(range(1, g.ndim))) - 1).square().mean()


def through_x_hat(by_real):
    """The penalty with gradients with respect to real or fake, of which x̂ is made."""

    def answer(critic, real, fake, eps):
        x = (real if by_real else fake).requires_grad_()
        (g,) = pull(critic(as_asked(critic, real, fake, eps)).sum(), x)
        return ((image_norm(g) - 1) ** 2).mean()

    return answer


def penalty_in_a_loop(critic, real, fake, eps):
    total = 0
    for e, x, z in zip(eps, real, fake, strict=True):
        g = gradient(critic, (e * x + (1 - e) * z)[None])
        total = total + (g.square().sum().sqrt() - 1) ** 2
    return total / len(eps)


def undeclared_penalty(critic, real, fake, eps):
    x = as_asked(critic, real, fake, eps)
    return ((image_norm(pull(critic(x).sum(), x)[0]) - 1) ** 2).mean()


def per_pixel(g):
    return g.norm(2, dim=1)


# --- 13.5


def parameter_gradient(norms=image_norm, cost=lambda n: ((n - 1) ** 2).mean(), reduce=torch.sum, **options):
    """The gradient of the penalty, with other norms or another cost; options for the second call."""

    def answer(critic, x_hat):
        x = x_hat.requires_grad_()
        (g,) = pull(reduce(critic(x)), x, create_graph=True)
        options_of_second = options or {"materialize_grads": True}
        return pull(cost(norms(g)), tuple(critic.parameters()), **options_of_second)

    return answer


def as_given(critic, x_hat):
    x = x_hat.requires_grad_()
    (g,) = pull(critic(x).sum(), x)
    penalty = ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()
    return pull(penalty, tuple(critic.parameters()))


def graph_in_the_wrong_call(critic, x_hat):
    x = x_hat.requires_grad_()
    (g,) = pull(critic(x).sum(), x, retain_graph=True)
    penalty = ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()
    return pull(penalty, tuple(critic.parameters()), create_graph=True, materialize_grads=True)


def declared_anew(**options):
    def answer(critic, x_hat):
        x = x_hat.requires_grad_()
        (g,) = pull(critic(x).sum(), x)
        g.requires_grad_()
        penalty = ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()
        return pull(penalty, tuple(critic.parameters()), **options)

    return answer


def of_critic(reduce):
    return lambda critic, x_hat: pull(reduce(critic(x_hat)), tuple(critic.parameters()))


def by_backward_of_penalty(zeros=True, clear=True):
    def answer(critic, x_hat):
        x = x_hat.requires_grad_()
        critic(x).sum().backward(create_graph=True)
        g = x.grad
        if clear:
            critic.zero_grad()
        ((image_norm(g) - 1) ** 2).mean().backward()
        return tuple(torch.zeros_like(p) if zeros and p.grad is None else p.grad for p in critic.parameters())

    return answer


def by_functional_call(critic, x_hat):
    def penalty(params):
        g = grad(lambda x: functional_call(critic, params, (x,)).sum())(x_hat)
        return ((image_norm(g) - 1) ** 2).mean()

    return tuple(grad(penalty)(dict(critic.named_parameters())).values())


def unused_dropped(critic, x_hat):
    return tuple(g for g in parameter_gradient(allow_unused=True)(critic, x_hat) if g is not None)


def scaled(share):
    return lambda critic, x_hat: tuple(share * g for g in parameter_gradient()(critic, x_hat))


def in_alphabetical_order(critic, x_hat):
    found = dict(zip((name for name, _ in critic.named_parameters()), parameter_gradient()(critic, x_hat), strict=True))
    return tuple(found[name] for name in sorted(found))


# --- 13.6


def clamped(real):
    return torch.linspace(-1, 2, len(real), dtype=real.dtype).roll(1).clamp(0, 1).reshape(-1, *ones_after(real))


def with_four_sizes(real, fake):
    N, C, H, W = real.shape
    return between(lambda real: torch.rand(N, C // C, H // H, W // W))(real, fake)


def of_penalty(cost):
    def answer(critic, x_hat):
        x = x_hat.detach().requires_grad_()
        (g,) = pull(critic(x).sum(), x, create_graph=True)
        return pull(cost(image_norm(g)), tuple(critic.parameters()), materialize_grads=True)

    return answer


def with_cross_entropy(critic, real, fake, eps, lam):
    scores = softplus(critic(fake)).mean() + softplus(-critic(real)).mean()
    return scores + lam * penalized()(critic, real, fake, eps)


def scored_at_interpolates(critic, real, fake, eps, lam):
    x_hat = as_asked(critic, real, fake, eps)
    return critic(x_hat).mean() - critic(real).mean() + lam * penalized()(critic, real, fake, eps)


def with_factors_as_weights(critic, real, fake, eps, lam):
    x = as_asked(critic, real, fake, eps).requires_grad_()
    (g,) = pull(critic(x), x, eps, create_graph=True)
    return critic(fake).mean() - critic(real).mean() + lam * ((image_norm(g) - 1) ** 2).mean()


def loss(graph=True, sign=1, penalize=1, mean=torch.mean, **settings):
    """The critic's loss; settings: of the penalty, as in ``penalized``."""
    norms = settings.get("norms", image_norm)
    cost = settings.get("cost", lambda n: ((n - 1) ** 2).mean())
    points = settings.get("at", as_asked)
    reduce = settings.get("reduce", torch.sum)

    def answer(critic, real, fake, eps, lam):
        x = points(critic, real, fake, eps).requires_grad_()
        (g,) = pull(reduce(critic(x)), x, create_graph=graph)
        return sign * (mean(critic(fake)) - mean(critic(real))) + penalize * lam * cost(norms(g))

    return answer


def with_item(critic, real, fake, eps, lam):
    return loss(penalize=0)(critic, real, fake, eps, lam) + lam * with_create_graph(critic, real, fake, eps).item()


def score_detached(critic, real, fake, eps, lam):
    return loss()(critic, real, fake, eps, lam) - critic(fake).mean() + critic(fake).mean().detach()


def both_signs_alike(critic, real, fake, eps, lam):
    return critic(fake).mean() + critic(real).mean() + lam * with_create_graph(critic, real, fake, eps)


def lam_outside(critic, real, fake, eps, lam):
    return lam * loss()(critic, real, fake, eps, 1)


def as_a_number(critic, real, fake, eps, lam):
    return loss()(critic, real, fake, eps, lam).item()


def fake_detached(critic, real, fake, eps, lam):
    return loss()(critic, real.detach(), fake.detach(), eps, lam)


def of_the_difference(critic, real, fake, eps, lam):
    return (critic(fake) - critic(real)).mean() + lam * with_create_graph(critic, real, fake, eps)


def all_at_once(critic, real, fake, eps, lam):
    scores = critic(torch.cat([real, fake]))
    return scores[len(real) :].mean() - scores[: len(real)].mean() + lam * with_create_graph(critic, real, fake, eps)


def squared_loss(critic, real, fake, eps, lam):
    return (critic(fake) ** 2).mean() + ((critic(real) - 1) ** 2).mean() + lam * penalized()(critic, real, fake, eps)


# --- 13.7


def influence(reduce):
    return lambda critic, x: reduce(jacrev(critic)(x))


def slope_of_sum(critic, x):
    return pull(critic(x).sum(), x)[0]


def one_by_one(critic, x):
    return torch.stack(
        [slope_of_sum(critic, x[j : j + 1].detach().requires_grad_()).norm() for j in range(len(x))]
    ).diag()


def one_growing_grad(critic, x):
    rows = []
    for y in critic(x):
        y.backward(retain_graph=True)
        rows.append(x.grad)
    return torch.stack(rows).norm(dim=-1)


def row_by_row(critic, x):
    x = x.requires_grad_()
    return torch.stack([pull(y, x, retain_graph=True)[0].norm(dim=1) for y in critic(x)])


def rows_freed(critic, x):
    x = x.requires_grad_()
    return torch.stack([pull(y, x)[0].norm(dim=1) for y in critic(x)])


def rows_by_backward(critic, x):
    rows = []
    for i in range(len(x)):
        critic(x)[i].backward()
        rows.append(x.grad.norm(dim=1))
    return torch.stack(rows)


def batched_rows(critic, x):
    y = critic(x)
    return pull(y, x, torch.eye(len(y), dtype=y.dtype), is_grads_batched=True)[0].norm(dim=2)


def of_the_sum(critic, x):
    return pull(critic(x).sum(), x)[0].norm(dim=1)


def everywhere(critic, x):
    return of_the_sum(critic, x).expand(len(x), len(x))


def in_every_row(critic, x):
    return torch.stack([of_the_sum(critic, x) for _ in x])


def each_by_itself(critic, x):
    return torch.stack([pull(y, x, retain_graph=True)[0][i].norm() for i, y in enumerate(critic(x))])


def one_sample_at_a_time(critic, x):
    return torch.stack([pull(critic(x)[i], x)[0].norm() for i in range(len(x))])


def columns(critic, x):
    return torch.stack([*row_by_row(critic, x)], dim=1)


# --- 13.8


def adapted(loss, theta, alpha, graph=True):
    (g,) = pull(loss(theta), theta, create_graph=graph)
    return theta - alpha * g


def maml(train_loss, val_loss, theta, alpha):
    there = adapted(train_loss, theta, alpha)
    return pull(val_loss(there), (theta, there))


def with_matrix(meta):
    def answer(train_loss, val_loss, theta, alpha):
        s = grad(val_loss)(theta - alpha * grad(train_loss)(theta))
        return meta(s, hessian(train_loss)(theta), alpha), s

    return answer


def cut_from_theta(train_loss, val_loss, theta, alpha):
    there = adapted(train_loss, theta, alpha).detach().requires_grad_()
    return pull(val_loss(there), (theta, there), materialize_grads=True)


def stepping_twice(train_loss, val_loss, theta, alpha):
    there = adapted(train_loss, adapted(train_loss, theta, alpha), alpha)
    return pull(val_loss(there), (theta, there))


def by_second_product(train_loss, val_loss, theta, alpha):
    (inner,) = pull(train_loss(theta), theta)
    s = grad(val_loss)(theta - alpha * inner)
    return s - alpha * pull(inner, theta, grad_outputs=s)[0], s


def in_two_calls(train_loss, val_loss, theta, alpha):
    there = adapted(train_loss, theta, alpha)
    (meta,) = pull(val_loss(there), theta)
    cut = adapted(train_loss, theta, alpha, graph=False).detach().requires_grad_()
    return meta, pull(val_loss(cut), cut)[0]


def by_func(train_loss, val_loss, theta, alpha):
    def after(theta):
        return val_loss(theta - alpha * grad(train_loss)(theta))

    return grad(after)(theta), grad(val_loss)(theta - alpha * grad(train_loss)(theta))


def by_hessian(sign=-1, at_adapted=False, rate=None):
    def answer(train_loss, val_loss, theta, alpha):
        there = theta - alpha * grad(train_loss)(theta)
        g = grad(val_loss)(there)
        H = hessian(train_loss)(there if at_adapted else theta)
        return g + sign * (alpha if rate is None else rate) * H @ g, g

    return answer


def without_graph(train_loss, val_loss, theta, alpha):
    there = adapted(train_loss, theta, alpha, graph=False)
    return pull(val_loss(there), (theta, there))


def under_no_grad(train_loss, val_loss, theta, alpha):
    (g,) = pull(train_loss(theta), theta)
    with torch.no_grad():
        there = theta - alpha * g
    return pull(val_loss(there), (theta, there))


def detached(train_loss, val_loss, theta, alpha):
    there = adapted(train_loss, theta, alpha).detach().requires_grad_()
    return pull(val_loss(there), (theta, there))


def theta_cut(train_loss, val_loss, theta, alpha):
    (g,) = pull(train_loss(theta), theta, create_graph=True)
    there = theta.detach() - alpha * g
    return pull(val_loss(there), (theta, there))


def moved(step):
    """MAML with another inner step: (train_loss, val_loss, theta, alpha) -> θ′ with its graph."""

    def answer(train_loss, val_loss, theta, alpha):
        there = step(train_loss, val_loss, theta, alpha)
        return pull(val_loss(there), (theta, there))

    return answer


def first_freed(train_loss, val_loss, theta, alpha):
    there = adapted(train_loss, theta, alpha)
    value = val_loss(there)
    (meta,) = pull(value, theta)
    return meta, pull(value, there)[0]


def by_two_backwards(train_loss, val_loss, theta, alpha):
    train_loss(theta).backward(create_graph=True)
    there = theta - alpha * theta.grad
    value = val_loss(there)
    (shortcut,) = pull(value, there, retain_graph=True)
    value.backward()
    return theta.grad, shortcut


def by_theta_twice(train_loss, val_loss, theta, alpha):
    meta, _ = maml(train_loss, val_loss, theta, alpha)
    return meta, meta


def not_moved(train_loss, val_loss, theta, alpha):
    (g,) = pull(val_loss(theta), theta)
    return maml(train_loss, val_loss, theta, alpha)[0], g


def on_the_step(train_loss, val_loss, theta, alpha):
    there = adapted(train_loss, theta, alpha)
    return pull(train_loss(there), (theta, there))


def meta_step(train_loss, val_loss, theta, alpha):
    meta, shortcut = maml(train_loss, val_loss, theta, alpha)
    return theta - alpha * meta, theta - alpha * shortcut


WRONG = [
    # 13.1
    ("fact_missed", "13.predict_norms", lambda: "b"),
    ("fact_too_many", "13.predict_norms", lambda: "abdf"),
    ("fact_too_many", "13.predict_norms", lambda: "bdfg"),
    ("fact_missed", "13.predict_norms", lambda: "bf"),
    ("fact_too_many", "13.predict_norms", lambda: "bdef"),
    # 13.2
    ("one_factor_for_all", "13.interpolates", between(lambda real: torch.rand(1))),
    ("one_factor_for_all", "13.interpolates", between(lambda real: torch.rand(()).item())),
    ("one_factor_for_all", "13.interpolates", between(lambda real: 0.25)),
    ("midpoints", "13.interpolates", lambda real, fake: (real + fake) / 2),
    ("ends_for_interpolates", "13.interpolates", lambda real, fake: real),
    ("ends_for_interpolates", "13.interpolates", between(lambda real: per_sample(real).round())),
    ("factor_per_entry", "13.interpolates", between(torch.rand_like)),
    ("factor_per_entry", "13.interpolates", between(lambda real: torch.rand(real.shape))),
    ("factor_per_entry", "13.interpolates", between(lambda real: torch.rand(*real.shape[:2], *ones_after(real)[1:]))),
    ("factors_along_other_dimension", "13.interpolates", between(lambda real: torch.rand(real.shape[-1]))),
    ("factors_along_other_dimension", "13.interpolates", between(lambda real: torch.rand(real.shape[1:]))),
    ("factors_along_other_dimension", "13.interpolates", between(lambda real: torch.rand(len(real)))),
    ("shapes_do_not_broadcast", "13.interpolates", between(lambda real: torch.rand(len(real), 1))),
    ("expand_sizes", "13.interpolates", between(lambda real: torch.rand(len(real), 1, 1, 1).expand_as(real))),
    ("pairs_shuffled", "13.interpolates", lambda real, fake: between(per_sample)(real, fake[:1])),
    ("special_point", "13.interpolates", between(lambda real: torch.rand(*real.shape[:-1], 1))),
    ("factors_outside", "13.interpolates", between(normally)),
    ("extrapolated", "13.interpolates", lambda real, fake: real + per_sample(real) * (real - fake)),
    ("pairs_shuffled", "13.interpolates", shuffled),
    ("pairs_shuffled", "13.interpolates", shuffled_at_random),
    ("weights_not_summing_to_one", "13.interpolates", between(per_sample, per_sample)),
    ("weights_not_summing_to_one", "13.interpolates", not_divided),
    ("weights_not_summing_to_one", "13.interpolates", offset_alone),
    (
        "factors_in_order",
        "13.interpolates",
        between(lambda real: torch.linspace(0, 1, len(real)).view(-1, *ones_after(real))),
    ),
    ("off_the_lines", "13.interpolates", noisy),
    ("off_the_lines", "13.interpolates", dragan),
    ("off_the_lines", "13.interpolates", in_the_wrong_brackets),
    ("factors_for_images_only", "13.interpolates", broadcast_over_rows),
    ("type", "13.interpolates", lambda real, fake: (per_sample(real), between(per_sample)(real, fake))),
    # 13.3
    ("slopes_weighted_by_outputs", "13.gradient_norms", lambda critic, x: of_number(lambda y: y.norm(), critic, x)),
    ("slopes_weighted_by_outputs", "13.gradient_norms", lambda critic, x: of_number(lambda y: (y**2).sum(), critic, x)),
    ("slopes_accumulated", "13.gradient_norms", image_after_image),
    ("norm_over_channels", "13.gradient_norms", slope(per_pixel)),
    ("norm_per_channel", "13.gradient_norms", slope(lambda g: g.norm(dim=(2, 3)))),
    ("norm_per_channel", "13.gradient_norms", slope(lambda g: g.flatten(2).norm(dim=2))),
    ("norm_over_one_dimension", "13.gradient_norms", slope(lambda g: g.norm(dim=2))),
    ("norm_over_one_dimension", "13.gradient_norms", slope(lambda g: g.norm(dim=-1))),
    ("pixel_norms_reduced", "13.gradient_norms", slope(lambda g: per_pixel(g).mean(dim=(1, 2)))),
    ("pixel_norms_reduced", "13.gradient_norms", slope(lambda g: per_pixel(g).flatten(1).sum(dim=1))),
    ("samples_mixed_by_reshape", "13.gradient_norms", slope(lambda g: g.reshape(-1, len(g)).norm(dim=0))),
    (
        "samples_mixed_by_reshape",
        "13.gradient_norms",
        slope(lambda g: g.permute(1, 0, 2, 3).reshape(len(g), -1).norm(dim=1)),
    ),
    ("norm_over_too_many", "13.gradient_norms", slope(lambda g: g.norm(dim=(1, 2, 3)))),
    ("norm_over_samples", "13.gradient_norms", slope(lambda g: g.norm(dim=0))),
    ("one_norm_for_all", "13.gradient_norms", slope(torch.Tensor.norm)),
    ("squared_norms", "13.gradient_norms", slope(lambda g: g.square().sum(dim=(1, 2, 3)))),
    ("root_mean_square", "13.gradient_norms", slope(lambda g: g.square().mean(dim=(1, 2, 3)).sqrt())),
    ("largest_entry", "13.gradient_norms", slope(lambda g: g.flatten(1).abs().amax(dim=1))),
    ("sum_of_absolute_entries", "13.gradient_norms", slope(lambda g: g.flatten(1).norm(1, dim=1))),
    ("sum_of_entries", "13.gradient_norms", slope(lambda g: g.sum(dim=(1, 2, 3)))),
    ("gradients_for_norms", "13.gradient_norms", gradient),
    ("gradient_of_mean_output", "13.gradient_norms", of_mean),
    ("outputs_for_norms", "13.gradient_norms", lambda critic, x: critic(x)),
    ("distances_from_one", "13.gradient_norms", slope(lambda g: image_norm(g) - 1)),
    ("input_undeclared", "13.gradient_norms", undeclared),
    ("not_in_graph", "13.gradient_norms", declared_too_late),
    ("scalar_needed", "13.gradient_norms", without_sum),
    ("some_right", "13.gradient_norms", first_only),
    ("tuple_has_no", "13.gradient_norms", tuple_not_unpacked),
    ("shape", "13.gradient_norms", slope(lambda g: g.flatten(1).norm(dim=1, keepdim=True))),
    # 13.4
    ("norm_over_channels", "13.penalty", penalized(norms=per_pixel)),
    ("norm_per_channel", "13.penalty", penalized(norms=lambda g: g.norm(dim=(2, 3)) if g.ndim > 2 else g.norm(dim=1))),
    ("norm_over_one_dimension", "13.penalty", penalized(norms=lambda g: g.norm(dim=-1))),
    ("extrapolated", "13.penalty", at(lambda critic, real, fake, eps: as_asked(critic, real, fake, 1 + eps))),
    ("extrapolated", "13.penalty", at(lambda critic, real, fake, eps: as_asked(critic, real, fake, -eps))),
    ("gradient_through_interpolates", "13.penalty", through_x_hat(by_real=True)),
    ("gradient_through_interpolates", "13.penalty", through_x_hat(by_real=False)),
    ("entries_compared_with_one", "13.penalty", penalized(norms=lambda g: g)),
    ("first_factor_for_all", "13.penalty", at(lambda critic, real, fake, eps: (real + fake) / 2)),
    ("shapes_do_not_broadcast", "13.penalty", at(lambda critic, real, fake, eps: eps @ real + (1 - eps) * fake)),
    ("one_norm_for_all", "13.penalty", penalized(norms=torch.Tensor.norm)),
    ("root_mean_square", "13.penalty", penalized(norms=lambda g: g.flatten(1).square().mean(dim=1).sqrt())),
    ("penalty_of_mean_output", "13.penalty", penalized(reduce=torch.mean)),
    ("other_cost_of_norms", "13.penalty", penalized(cost=lambda n: (n**2 - 1).mean())),
    ("other_cost_of_norms", "13.penalty", penalized(cost=lambda n: ((n - 1) ** 2).mean().sqrt())),
    ("other_cost_of_norms", "13.penalty", penalized(norms=lambda g: g.flatten(1).norm(1, dim=1))),
    ("mean_norm_first", "13.penalty", penalized(cost=lambda n: (n.mean() - 1) ** 2)),
    ("penalty_at_real", "13.penalty", at(lambda critic, real, fake, eps: real)),
    ("penalty_at_fake", "13.penalty", at(lambda critic, real, fake, eps: fake)),
    ("ends_exchanged", "13.penalty", at(exchanged)),
    ("first_factor_for_all", "13.penalty", at(one_factor)),
    ("factors_broadcast", "13.penalty", at(laid_along_the_last)),
    ("factors_broadcast", "13.penalty", at(laid_along_the_rows)),
    ("factors_for_images_only", "13.penalty", at(for_images_only)),
    ("sum_of_penalties", "13.penalty", penalized(cost=lambda n: ((n - 1) ** 2).sum())),
    ("penalties_not_averaged", "13.penalty", penalized(cost=lambda n: (n - 1) ** 2)),
    ("one_sided_penalty", "13.penalty", penalized(cost=lambda n: (n - 1).clamp(min=0).square().mean())),
    ("penalty_of_squared_norms", "13.penalty", penalized(cost=lambda n: ((n**2 - 1) ** 2).mean())),
    ("zero_centered_penalty", "13.penalty", penalized(cost=lambda n: (n**2).mean())),
    ("penalty_not_squared", "13.penalty", penalized(cost=lambda n: (n - 1).mean())),
    ("penalty_not_squared", "13.penalty", penalized(cost=lambda n: (n - 1).abs().mean())),
    ("mean_norm_for_penalty", "13.penalty", penalized(cost=torch.mean)),
    ("lambda_included", "13.penalty", penalized(cost=lambda n: 10 * ((n - 1) ** 2).mean())),
    ("input_undeclared", "13.penalty", undeclared_penalty),
    ("wrong", "13.penalty", at(drawn_again)),
    # 13.5
    ("no_graph", "13.penalty_gradient", as_given),
    ("no_graph", "13.penalty_gradient", graph_in_the_wrong_call),
    ("not_in_graph", "13.penalty_gradient", parameter_gradient(allow_unused=False)),
    ("not_in_graph", "13.penalty_gradient", declared_anew()),
    ("penalty_cut_from_parameters", "13.penalty_gradient", declared_anew(materialize_grads=True)),
    ("penalty_cut_from_parameters", "13.penalty_gradient", declared_anew(allow_unused=True)),
    ("none_for_zeros", "13.penalty_gradient", parameter_gradient(allow_unused=True)),
    ("none_for_zeros", "13.penalty_gradient", by_backward_of_penalty(zeros=False)),
    ("unused_parameter_left_out", "13.penalty_gradient", unused_dropped),
    ("added_to_first_backward", "13.penalty_gradient", by_backward_of_penalty(clear=False)),
    (
        "one_sided_penalty",
        "13.penalty_gradient",
        parameter_gradient(cost=lambda n: (n - 1).clamp(min=0).square().mean()),
    ),
    ("critic_for_penalty", "13.penalty_gradient", of_critic(torch.mean)),
    ("critic_for_penalty", "13.penalty_gradient", of_critic(torch.sum)),
    ("gradient_of_summed_penalties", "13.penalty_gradient", parameter_gradient(cost=lambda n: ((n - 1) ** 2).sum())),
    ("half_the_penalty", "13.penalty_gradient", scaled(0.5)),
    ("minus_sign", "13.penalty_gradient", scaled(-1)),
    ("inputs_swapped", "13.penalty_gradient", in_alphabetical_order),
    ("penalty_of_squared_norms", "13.penalty_gradient", parameter_gradient(cost=lambda n: ((n**2 - 1) ** 2).mean())),
    ("zero_centered_penalty", "13.penalty_gradient", parameter_gradient(cost=lambda n: (n**2).mean())),
    ("mean_norm_first", "13.penalty_gradient", parameter_gradient(cost=lambda n: (n.mean() - 1) ** 2)),
    ("mean_norm_for_penalty", "13.penalty_gradient", parameter_gradient(cost=torch.mean)),
    ("penalty_of_mean_output", "13.penalty_gradient", parameter_gradient(reduce=torch.mean)),
    ("one_norm_for_all", "13.penalty_gradient", parameter_gradient(norms=torch.Tensor.norm)),
    ("norm_over_channels", "13.penalty_gradient", parameter_gradient(norms=per_pixel)),
    # 13.6
    ("factors_clamped", "13.interpolates", between(clamped)),
    ("factors_repeated", "13.interpolates", between(lambda real: (4 * per_sample(real)).long() / 8 + 0.2)),
    ("factors_in_one_half", "13.interpolates", between(lambda real: per_sample(real) / 2)),
    ("unpack_count", "13.interpolates", with_four_sizes),
    ("penalty_not_squared", "13.penalty_gradient", of_penalty(lambda n: (n - 1).abs().mean())),
    ("multiple", "13.penalty_gradient", of_penalty(lambda n: 10 * ((n - 1) ** 2).mean())),
    ("ordinary_gan_scores", "13.critic_loss", with_cross_entropy),
    ("scores_at_interpolates", "13.critic_loss", scored_at_interpolates),
    ("gradient_through_interpolates", "13.critic_loss", with_factors_as_weights),
    ("penalty_not_squared", "13.critic_loss", loss(cost=lambda n: (n - 1).mean())),
    ("gradient_weighted_otherwise", "13.critic_loss", loss(cost=lambda n: ((n.detach() - 1) * (n - 1)).mean())),
    ("loss_without_gradient", "13.critic_loss", lambda *args: loss()(*args).detach().requires_grad_()),
    ("part_without_gradient", "13.critic_loss", loss(graph=False)),
    ("part_without_gradient", "13.critic_loss", with_item),
    ("part_without_gradient", "13.critic_loss", score_detached),
    ("part_left_out", "13.critic_loss", loss(penalize=0)),
    ("part_alone", "13.critic_loss", lambda critic, real, fake, eps, lam: -critic(real).mean()),
    (
        "part_weighted_twice",
        "13.critic_loss",
        lambda critic, real, fake, eps, lam: loss()(critic, real, fake, eps, lam**2),
    ),
    ("parts_weighted_otherwise", "13.critic_loss", loss(penalize=0.5)),
    ("part_sign_turned", "13.critic_loss", loss(penalize=-1)),
    ("part_sign_turned", "13.critic_loss", both_signs_alike),
    ("part_unweighted", "13.critic_loss", lambda critic, real, fake, eps, lam: loss()(critic, real, fake, eps, 1)),
    ("all_parts_weighted", "13.critic_loss", lam_outside),
    ("loss_sign_turned", "13.critic_loss", loss(sign=-1, penalize=-1)),
    ("scores_sign_turned", "13.critic_loss", loss(sign=-1)),
    ("generator_loss", "13.critic_loss", lambda critic, real, fake, eps, lam: -critic(fake).mean()),
    ("ten_for_lambda", "13.critic_loss", lambda critic, real, fake, eps, lam: loss()(critic, real, fake, eps, 10)),
    ("one_norm_for_all", "13.critic_loss", loss(norms=torch.Tensor.norm)),
    ("factors_for_images_only", "13.critic_loss", loss(at=for_images_only)),
    ("shapes_do_not_broadcast", "13.critic_loss", loss(at=laid_along_the_rows)),
    ("sum_of_scores", "13.critic_loss", loss(mean=torch.sum)),
    ("sum_of_scores", "13.critic_loss", loss(mean=torch.sum, cost=lambda n: ((n - 1) ** 2).sum())),
    ("sum_of_penalties", "13.critic_loss", loss(cost=lambda n: ((n - 1) ** 2).sum())),
    ("norm_over_channels", "13.critic_loss", loss(norms=per_pixel)),
    ("mean_norm_first", "13.critic_loss", loss(cost=lambda n: (n.mean() - 1) ** 2)),
    ("penalty_of_squared_norms", "13.critic_loss", loss(cost=lambda n: ((n**2 - 1) ** 2).mean())),
    ("zero_centered_penalty", "13.critic_loss", loss(cost=lambda n: (n**2).mean())),
    ("one_sided_penalty", "13.critic_loss", loss(cost=lambda n: (n - 1).clamp(min=0).square().mean())),
    ("penalty_of_mean_output", "13.critic_loss", loss(reduce=torch.mean)),
    ("penalty_at_real", "13.critic_loss", loss(at=lambda critic, real, fake, eps: real)),
    ("penalty_at_fake", "13.critic_loss", loss(at=lambda critic, real, fake, eps: fake)),
    ("ends_exchanged", "13.critic_loss", loss(at=exchanged)),
    ("factors_broadcast", "13.critic_loss", loss(at=laid_along_the_last)),
    ("type", "13.critic_loss", as_a_number),
    ("value_without_graph", "13.critic_loss", lambda *args: loss()(*args).detach()),
    ("wrong", "13.critic_loss", squared_loss),
    # 13.7
    ("influence_on_the_sum_as_diagonal", "13.batch_norm", lambda critic, x: slope_of_sum(critic, x).norm(dim=1).diag()),
    ("each_sample_in_a_batch_of_its_own", "13.batch_norm", one_by_one),
    ("sum_of_absolute_entries", "13.batch_norm", influence(lambda J: J.abs().sum(dim=-1))),
    ("influence_of_the_sum_repeated", "13.batch_norm", one_growing_grad),
    ("influence_transposed", "13.batch_norm", columns),
    ("influence_one_per_sample", "13.batch_norm", each_by_itself),
    ("influence_of_all_samples", "13.batch_norm", one_sample_at_a_time),
    ("influence_on_itself_only", "13.batch_norm", lambda critic, x: torch.diag(each_by_itself(critic, x))),
    ("influence_of_the_sum", "13.batch_norm", of_the_sum),
    ("influence_of_the_sum_repeated", "13.batch_norm", in_every_row),
    ("influence_of_the_sum_repeated", "13.batch_norm", everywhere),
    ("norm_over_the_samples", "13.batch_norm", influence(lambda J: J.norm(dim=1))),
    ("norm_over_the_outputs", "13.batch_norm", influence(lambda J: J.norm(dim=0))),
    ("influence_squared", "13.batch_norm", influence(lambda J: J.square().sum(dim=2))),
    ("influence_accumulated", "13.batch_norm", influence(lambda J: J.cumsum(dim=0).norm(dim=2))),
    ("influence_accumulated", "13.batch_norm", rows_by_backward),
    ("root_mean_square", "13.batch_norm", influence(lambda J: J.square().mean(dim=2).sqrt())),
    ("largest_entry", "13.batch_norm", influence(lambda J: J.abs().amax(dim=2))),
    ("influence_of_one_feature", "13.batch_norm", influence(lambda J: J[:, :, 0].abs())),
    ("influence_features_added", "13.batch_norm", influence(lambda J: J.sum(dim=2))),
    ("sum_of_absolute_entries", "13.batch_norm", influence(lambda J: J.norm(1, dim=2))),
    ("jacobian_for_norms", "13.batch_norm", influence(lambda J: J)),
    ("second_backward", "13.batch_norm", rows_freed),
    ("scalar_needed", "13.batch_norm", lambda critic, x: pull(critic(x), x)[0].norm(dim=1)),
    # 13.8
    ("meta_with_other_matrix", "13.meta_gradient", with_matrix(lambda s, H, alpha: (1 - alpha * H) @ s)),
    ("meta_with_other_matrix", "13.meta_gradient", with_matrix(lambda s, H, alpha: s - alpha * H.diagonal() * s)),
    ("meta_is_zero", "13.meta_gradient", cut_from_theta),
    ("two_inner_steps", "13.meta_gradient", stepping_twice),
    ("no_graph", "13.meta_gradient", by_second_product),
    ("shortcut_for_meta", "13.meta_gradient", without_graph),
    ("shortcut_for_meta", "13.meta_gradient", by_hessian(sign=0)),
    ("meta_for_shortcut", "13.meta_gradient", by_theta_twice),
    ("meta_exchanged", "13.meta_gradient", lambda *args: maml(*args)[::-1]),
    ("val_at_theta", "13.meta_gradient", not_moved),
    ("val_at_theta", "13.meta_gradient", lambda train_loss, val_loss, theta, alpha: (grad(val_loss)(theta),) * 2),
    ("inner_step_uphill", "13.meta_gradient", lambda t, v, theta, alpha: maml(t, v, theta, -alpha)),
    ("curvature_added", "13.meta_gradient", by_hessian(sign=1)),
    ("curvature_alone", "13.meta_gradient", theta_cut),
    ("curvature_at_adapted", "13.meta_gradient", by_hessian(at_adapted=True)),
    ("rate_forgotten", "13.meta_gradient", lambda t, v, theta, alpha: maml(t, v, theta, 1)),
    ("rate_forgotten_before_hessian", "13.meta_gradient", by_hessian(rate=1)),
    ("train_for_val", "13.meta_gradient", on_the_step),
    ("train_gradient_added", "13.meta_gradient", by_two_backwards),
    ("losses_exchanged", "13.meta_gradient", lambda t, v, theta, alpha: maml(v, t, theta, alpha)),
    ("losses_exchanged", "13.meta_gradient", lambda t, v, theta, alpha: maml(v, v, theta, alpha)),
    ("no_graph", "13.meta_gradient", under_no_grad),
    ("not_in_graph", "13.meta_gradient", detached),
    ("second_backward", "13.meta_gradient", first_freed),
    ("type", "13.meta_gradient", lambda *args: maml(*args)[0]),
    ("parameters_for_gradients", "13.meta_gradient", meta_step),
]

RIGHT = [
    ("13.predict_norms", "b, d and f"),
    ("13.predict_norms", ["f", "d", "b"]),
    ("13.interpolates", between(per_sample)),
    ("13.interpolates", between(lambda real: per_sample(real).double())),
    ("13.interpolates", point_by_point),
    ("13.interpolates", by_lerp),
    ("13.interpolates", by_view),
    ("13.gradient_norms", with_ones),
    ("13.gradient_norms", image_by_image),
    ("13.gradient_norms", by_vmap),
    ("13.gradient_norms", by_backward),
    ("13.gradient_norms", slope(lambda g: torch.linalg.vector_norm(g, dim=(1, 2, 3)))),
    ("13.penalty", penalized()),
    ("13.penalty", with_create_graph),
    ("13.penalty", penalty_in_a_loop),
    ("13.penalty", penalized(norms=lambda g: (g.flatten(1).square().sum(dim=1) + 1e-12).sqrt())),
    ("13.penalty_gradient", parameter_gradient()),
    ("13.penalty_gradient", by_backward_of_penalty()),
    ("13.penalty_gradient", by_functional_call),
    ("13.critic_loss", loss()),
    ("13.critic_loss", fake_detached),
    ("13.critic_loss", of_the_difference),
    ("13.critic_loss", all_at_once),
    ("13.batch_norm", influence(lambda J: J.norm(dim=-1))),
    ("13.batch_norm", lambda critic, x: jacfwd(critic)(x).square().sum(dim=-1).sqrt()),
    ("13.batch_norm", row_by_row),
    ("13.batch_norm", batched_rows),
    ("13.meta_gradient", maml),
    ("13.meta_gradient", in_two_calls),
    ("13.meta_gradient", by_func),
    ("13.meta_gradient", by_hessian()),
]
