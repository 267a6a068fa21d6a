"""What students answer: wrong, with the name that it must be given, and right by another road than the reference's."""

import torch

import functions

grad = torch.autograd.grad

WRONG = [
    ("ones_weight", "ps1.logistic", lambda f, w, X, v: grad(f(w, X).sum(), w)[0]),
    ("mean_of_weighted", "ps1.logistic", lambda f, w, X, v: grad((v * f(w, X)).mean(), w)[0]),
    ("scalar_needed", "ps1.logistic", lambda f, w, X, v: grad(f(w, X), w)[0]),
    ("half_the_slope", "ps1.loss_slope", lambda w, X, t: X.T @ (X @ w - t) / len(t)),
    ("minus_sign", "ps1.loss_slope", lambda w, X, t: 2 * X.T @ (t - X @ w) / len(t)),
    ("multiple", "ps1.loss_slope", lambda w, X, t: 2 * X.T @ (X @ w - t)),
]
RIGHT = [
    ("ps1.logistic", lambda f, w, X, v: grad((v * f(w, X)).sum(), w)[0]),
    ("ps1.loss_slope", lambda w, X, t: torch.func.grad(functions.loss)(w, X, t)),
]
