"""Unit 00: what people write when they have just met tensors."""

import torch


def computed_and_dropped(x):
    x**2


WRONG = [
    ("doubled_not_squared", "00.run_and_check", lambda x: 2 * x),
    ("not_returned", "00.run_and_check", computed_and_dropped),
    ("caret_for_power", "00.run_and_check", lambda x: x ^ 2),
    ("squares_added_up", "00.run_and_check", lambda x: (x**2).sum()),
    ("type", "00.run_and_check", lambda x: [entry**2 for entry in x]),
    ("type", "00.run_and_check", lambda x: x.numpy() ** 2),
    ("no_function", "00.run_and_check", torch.ones(4)),
    ("nonfinite", "00.run_and_check", torch.sqrt),
    ("shape_of_input", "00.predict_a_shape", (4, 3)),
    ("shape_of_input", "00.predict_a_shape", (3,)),
    ("shape", "00.predict_a_shape", (4, 1)),
    ("type", "00.predict_a_shape", 4),
    ("type", "00.predict_a_shape", "(4,)"),
    ("other_cause", "00.read_an_error", "a"),
    ("other_cause", "00.read_an_error", "d"),
    ("wrong_choice", "00.read_an_error", "bc"),
    ("along_other_dim", "00.use_a_hint", lambda A: A.mean(dim=0)),
    ("over_everything", "00.use_a_hint", lambda A: A.mean()),
    ("sum_for_mean", "00.use_a_hint", lambda A: A.sum(dim=1)),
    ("divided_by_rows", "00.use_a_hint", lambda A: A.sum(dim=1) / len(A)),
    ("dimension_kept", "00.use_a_hint", lambda A: A.mean(dim=1, keepdim=True)),
    ("index_range", "00.use_a_hint", lambda A: A.mean(dim=2)),
    ("tensor_has_no", "00.use_a_hint", lambda A: A.means(dim=1)),
]

RIGHT = [
    ("00.run_and_check", lambda x: x * x),
    ("00.predict_a_shape", torch.Size([4])),
    ("00.predict_a_shape", [4]),
    ("00.read_an_error", "B"),
    ("00.use_a_hint", lambda A: torch.stack([row.mean() for row in A])),
]
