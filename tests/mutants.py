"""Mutation testing of one module: ``python tests/mutants.py judge [how many at most]``.  See docs/testing.md.

Needs ``pip install cosmic-ray==8.7.0``.  Sources are changed in place: run it in a clone that is only for this.
"""

from __future__ import annotations

import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
SEED = 19260685
SECONDS = 60  # for the tests of one mutant; one that takes longer counts as killed
MENDING = (
    "untouched_notebook or mended_notebook or own_cells or comes_back or several or metadata or no_notebook "
    "or odd_cells or reach_every or without_mending or on_top or nothing_of_a_sol or another_order or whole_up "
    "or test_texts or things_put or later_note or in_words or more_cells or older_format"
)
JUDGE = ("tests/test_judge.py", "not cut_one_branch")
GRADEBOOK = (
    "tests/test_grading.py",
    "leaves_the_other or set_aside_has or entered_again or asked_to_look or lateness_is or first_line or a_fingerprint "
    "or usually_nobody or gave_is_known or ids_are or earlier_version",
)
# module -> its nearest tests: files, and which of them
NEAREST = {
    "judge": JUDGE,
    "question": JUDGE,
    "problem": JUDGE,
    "sandbox/codec": (
        "tests/test_sandbox.py",
        "kind_of_value or other_answer or too_large_an or just_the_size or no_probe or were_made_from or errors_lines "
        "or nobodys or (arrives_as and not cut_one)",
    ),
    "sandbox/wire": (
        "tests/test_sandbox.py",
        "frame or wait or deadline or drops or time_left or any_time or goes_without or one_look or only_plain_text",
    ),
    "classroom/submission": ("tests/test_classroom.py tests/test_edits.py tests/redteam/test_texts.py", MENDING),
    "nbgrader/job": GRADEBOOK,
    "nbgrader/gradebook": GRADEBOOK,
}


def drawn(session: Path, lines: list[str], most: int | None) -> int:
    """Keep, at every place and for every family of operators, one mutant; of these, so many at most."""
    with sqlite3.connect(session) as db:
        found = db.execute(
            "SELECT operator_name, start_pos_row, start_pos_col, job_id FROM mutation_specs "
            "ORDER BY start_pos_row, start_pos_col, operator_name, occurrence"
        ).fetchall()
        places: dict[tuple[str, int, int], list[str]] = {}
        for operator, row, column, job in found:
            # `|` stands in annotations only, and what is tuned is not tested by its digits.
            if "BitOr" not in operator and not re.fullmatch(r"[A-Z_]+(, [A-Z_]+)* = [\d_*. ,]+(#.*)?", lines[row - 1]):
                places.setdefault((operator.split("/")[-1].split("_")[0], row, column), []).append(job)
        rng = random.Random(SEED)
        kept = [rng.choice(jobs) for jobs in places.values()]
        kept = kept if most is None else rng.sample(kept, min(most, len(kept)))
        others = [(job,) for *_, job in found if job not in set(kept)]
        for table in ("mutation_specs", "work_items"):
            db.executemany(f"DELETE FROM {table} WHERE job_id = ?", others)
    return len(kept)


def main(module: str, most: int | None = None) -> None:
    files, which = NEAREST[module]
    source = ROOT / "grader" / f"{module}.py"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    for cached in (source.parent / "__pycache__").glob(f"{source.stem}.*.pyc"):
        cached.unlink()  # it could pass for the mutant's, by size and second
    tests = f"{sys.executable} -m pytest -x -q -p no:cacheprovider --assert=plain {files} -k '{which}'"
    with tempfile.TemporaryDirectory() as folder:
        config, session = Path(folder) / "mutants.toml", Path(folder) / "mutants.sqlite"
        config.write_text(
            f'[cosmic-ray]\nmodule-path = "grader/{module}.py"\ntimeout = {SECONDS}.0\nexcluded-modules = []\n'
            f'test-command = "{tests}"\n[cosmic-ray.distributor]\nname = "local"\n'
        )

        def cosmic_ray(*arguments: object) -> None:
            subprocess.run(["cosmic-ray", *map(str, arguments)], cwd=ROOT, env=environment, check=True)

        cosmic_ray("baseline", config)  # the tests pass as it is
        cosmic_ray("init", config, session)
        count = drawn(session, source.read_text("utf-8").split("\n"), most)
        cosmic_ray("exec", config, session)
        with sqlite3.connect(session) as db:
            survived = db.execute("SELECT diff FROM work_results WHERE test_outcome = 'SURVIVED'").fetchall()
    print(*(diff for (diff,) in survived), sep="\n\n")
    print(f"{module}: {count} mutants, {len(survived)} survived")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
