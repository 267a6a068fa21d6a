"""Imported once before workers are forked, for what all of them need."""

import contextlib
import gc

import torch

import grader.nbgrader.autograde  # noqa: F401
from grader import pack

with contextlib.suppress(pack.PackError):  # the command says what is wrong with it
    for source in pack.installed():
        pack.loaded(source)

torch.set_num_threads(1)  # forks do not inherit other threads
# Never collect what is loaded here, and collect rarely: submissions leave few reference cycles behind.
gc.freeze()
gc.set_threshold(50_000, 20, 100)
