"""The functions that students are handed: plain torch, and all that enters the process in which their code runs."""

import torch


def logistic(w, X):
    return torch.sigmoid(X @ w)


def saturating(w, X):
    return torch.tanh(X @ w) * w[0]


def loss(w, X, t):
    return ((X @ w - t) ** 2).mean()
