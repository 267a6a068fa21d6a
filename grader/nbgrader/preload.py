"""What is imported, and done once, before workers are forked."""

import gc

import torch

import grader.nbgrader.autograde  # noqa: F401

torch.set_num_threads(1)  # of other threads a fork has none
# Everything here stays; of what a submission leaves, little refers to itself.
gc.freeze()
gc.set_threshold(50_000, 20, 100)
