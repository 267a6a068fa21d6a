"""The one list of what only ``make test-all`` does, and why.  ``make test`` does all else, and holds each promise once.

Tests are named by the beginnings of their ids.  ``tests/conftest.py`` chooses by this list.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Repeat:
    """What these tests do ``few`` times in ``make test`` and ``many`` times in ``make test-all``.

    why: why a few times hold the promise, and what more of them are for.
    """

    few: int
    many: int
    why: str
    tests: tuple[str, ...]


REPEATS = {
    "seeds": Repeat(
        3,
        20,
        "A check poses three problems at least. Nothing depends on the seed but what is drawn, and a draw that cannot "
        "tell mistakes apart is refused whenever it comes up; more seeds look for a question that runs out of draws.",
        (
            "tests/test_answers.py::test_a_shipped_question_keeps_every_rule",
            "tests/test_mistakes.py::test_no_mistake_equals_the_truth",
            "tests/test_jacobian.py::test_forward_reverse_and_central_differences_agree",
        ),
    ),
    "faults": Repeat(
        3,
        5,
        "As above. Where a derivative is tiny beside the values, as at seed 7 of 07.unused_none, differences of values "
        "are too coarse to show a fault of a millionth.",
        ("tests/test_jacobian.py::test_a_fault_in_any_one_entry",),
    ),
    "edits": Repeat(
        150,
        2000,
        "Every kind of edit comes up within a few dozen; rare pairs of edits need thousands.",
        ("tests/test_edits.py::test_no_edit_stops_grading",),
    ),
    "edited and run": Repeat(
        5,
        30,
        "Each of the five notebooks that are edited comes up once; running one takes half a second.",
        ("tests/test_edits.py::test_untouched_answers_keep_their_credit",),
    ),
    "examples": Repeat(
        100,
        600,
        "Hypothesis finds what breaks a reader or a card within dozens of examples, or needs very many.",
        (
            "tests/test_sandbox.py::test_no_bytes_raise",
            "tests/test_sandbox.py::test_no_safetensors_header_raises",
            "tests/test_sandbox.py::test_no_answer_raises",
            "tests/test_sandbox.py::test_no_outputs_raise",
            "tests/test_card.py::test_whatever_is_returned",
            "tests/redteam/test_texts.py::test_no_text_says_more",
        ),
    ),
    "students": Repeat(
        2,
        200,
        "The sample class has every kind of submission; a crowd beside it looks for what only numbers show. nbgrader "
        "takes a second for each.",
        ("tests/test_grading_class.py",),
    ),
    "kills": Repeat(
        2,
        20,
        "A run is killed before its first submission is written and after; more kills look for rarer moments.",
        ("tests/test_grading_killed.py::test_killed_at_random_moments",),
    ),
}

# What looks once more at a promise that `make test` holds already, and takes long.
ONLY_IN_ALL = {
    "tests/redteam/test_redteam.py::test_attack_works_where_its_defence_is_absent": "That an attack is one is shown on "
    "graders without its defence, which change only when the attack does.",
    "tests/redteam/test_costs.py::test_without_its_defence_it_works": "As above, for what only costs time or memory.",
    "tests/redteam/test_neighbors.py::test_on_shared_processors_and_on_the_clock_it_has_not": "As above.",
    "tests/redteam/test_costs.py::test_neighbors_get_their_own_grade_by_nbgrader_too": "nbgrader's road is ours from "
    "reading on; tests/redteam/test_redteam_nbgrader.py walks it with hostile submissions in `make test`.",
    "tests/redteam/test_costs.py::test_each_is_graded_by_nbgrader_or_said_not_to_be": "As above.",
    "tests/redteam/test_costs.py::test_what_nbgrader_would_copy_through_a_link": "As above.",
    "tests/redteam/test_costs.py::test_without_the_plugin_a_name_stops_nbgrader": "It is about nbgrader alone.",
    "tests/test_classroom.py::test_plain_nbgrader_gets_these_wrong": "It is about nbgrader alone.",
    "tests/test_notebooks.py::test_solutions_of_every_unit": "`make test` grades every unit's solutions and untouched "
    "release in the sandbox (tests/test_classroom.py), and runs one in a kernel; this runs all in a kernel.",
    "tests/test_notebooks.py::test_untouched_release_runs_to_the_end": "As above.",
    "tests/test_fidelity.py::test_every_ungraded_cell_of_solutions_and_class": "`make test` compares 60 difficult "
    "cells with a kernel; this compares all that there are.",
    "tests/test_sandbox.py::test_single_namespaces": "`make test` runs with all namespaces, and without any.",
    "tests/test_sandbox.py::test_nothing_of_the_judge_is_in_any_library": "`make test` looks at all places but the "
    "libraries that a fork may read; this reads those, a gigabyte.",
    "tests/test_grading_elsewhere.py::test_both_workers_of_the_cluster_are_used": "A class on a cluster and the way in "
    "which deaths of workers are counted are in `make test`; this kills workers of a real cluster.",
    "tests/test_grading_elsewhere.py::test_a_course_of_ones_own": "`make test` has a class on a cluster, and packs "
    "that are loaded from their text where their files are not.",
    "tests/test_own_course.py::test_in_parallel": "`make test` grades other classes in several processes, and "
    "this one in one.",
    "tests/test_grading.py::test_a_worker_that_dies_costs_a_retry_and_what_kills_it_twice_is_given_up[1]": "One worker "
    "fewer; `make test` has two.",
    "tests/test_grading_killed.py::test_another_class_ends_otherwise": "It is the way in which a comparison fails that "
    "all of its twenty kills need.",
    "tests/test_start_anywhere.py::test_devcontainers_command": "It sets up an environment, as CI does "
    "before all tests; `make test` asks whether make knows the command.",
    "tests/browser/test_lab.py": "`make test` walks through one exercise in a browser; the other walks take minutes, "
    "and what they see is tested without a browser, too.",
    "tests/browser/test_validate.py": "As above.",
    "tests/browser/test_formgrader.py": "As above.",
    "tests/browser/test_exchange.py": "As above.",
    "tests/browser/test_pages.py": "As above.",
    "tests/browser/test_site.py": "It builds the whole website, which runs all lessons again. `make test` lays out all "
    "pages, follows the links that their sources contain, and builds a small website with the same settings.",
    "tests/test_boundary.py::test_every_fault_at_every_step": "`make test` has each step with one fault, and each "
    "fault at one step.",
}

everything = False  # whether ``--all`` was given


def count(name: str) -> int:
    """How often something is to be done in this run."""
    return REPEATS[name].many if everything else REPEATS[name].few


def chosen(id: str) -> bool:
    """Whether the test of this id belongs to this run."""
    repeated = any(id.startswith(one.tests) for one in REPEATS.values())
    only = id.startswith(tuple(ONLY_IN_ALL))
    return repeated or only if everything else not only


def unused(ids: list[str]) -> list[str]:
    """The entries of the list that no test's id begins with."""
    entries = [*ONLY_IN_ALL, *(test for one in REPEATS.values() for test in one.tests)]
    return [entry for entry in entries if not any(id.startswith(entry) for id in ids)]
