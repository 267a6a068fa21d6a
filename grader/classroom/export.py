"""Grades as the tables that Canvas, Moodle and spreadsheets import.

All ids and names are made inert by ``tables``.  A score that no submission stands for is left out wherever that can be
done: an import that writes a 0, or clears what somebody entered there by hand, is hard to undo.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grader.classroom import tables
from grader.classroom.result import Person, Result
from grader.student import questions

Units = Mapping[str, Sequence[Result]]

CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
POINTS_POSSIBLE = "Points Possible"


def canvas(units: Units, people: Mapping[str, Person]) -> str:
    """The table that Canvas's Gradebook imports ("Import", CSV file).

    The format is that of Canvas's own export, as ``lib/gradebook_importer.rb`` and ``lib/gradebook_exporter.rb`` of
    instructure/canvas-lms read and write it: the columns of CANVAS, then one per assignment; the second row has "Points
    Possible" in its first column.  A student is looked for by Canvas's number in ID, then by SIS User ID, then by SIS
    Login ID, then by name.  Ours stands under SIS Login ID alone: Canvas reads a number off the front of what stands
    under ID, and that may be another person's.  An assignment is found by its title, and made where none
    has it.  An empty score clears one that is there, so students without any submission are left out.

    units: ``{unit: its results}``, one column each.  people: by id.
    """
    rows: list[list[object]] = [
        [*CANVAS, *units],
        [f"    {POINTS_POSSIBLE}", "", "", "", "", *(tables.plain(worth(results)) for results in units.values())],
    ]
    for id, scores in _scores(units).items():
        person = people.get(id, Person(id))
        name = ", ".join(part for part in (person.last_name, person.first_name) if part) or id
        if POINTS_POSSIBLE in name:  # to Canvas, such a row says what the assignments are worth
            name = id.replace(POINTS_POSSIBLE, "")
        rows.append([name, "", "", id, "", *(tables.plain(scores.get(unit)) for unit in units)])
    return tables.as_csv(rows)


def moodle(units: Units, people: Mapping[str, Person]) -> str:
    """The table that Moodle's gradebook imports ("Import", "CSV file").

    The format is free: whoever imports maps one column to what Moodle knows its users by (username, ID number or email
    address) and each other one to a grade item, or to none; see docs.moodle.org, "Grade import".  From its source,
    ``grade/import/csv/classes/load_data.php`` of moodle/moodle: a user who is not found ends the import; a row whose
    user is empty is given to the user of the row before, so a column that could be mapped is there only where nobody's
    entry is empty; "-" stands for no grade; and more than 100 points a site must allow.

    units: ``{unit: its results}``, one column each.  people: by id.
    """
    scores = _scores(units)
    who = [people.get(id, Person(id)) for id in scores]
    mails = all(person.email for person in who)
    rows: list[list[object]] = [
        ["Identifier", "First name", "Last name", *(["Email address"] if mails else []), *units],
    ]
    for person in who:
        given = scores[person.id]
        rows.append([person.id, person.first_name, person.last_name, *([person.email] if mails else [])])
        rows[-1] += [tables.plain(given[unit]) if unit in given else tables.NO_GRADE for unit in units]
    return tables.as_csv(rows)


def long(units: Units) -> str:
    """A line for each student and question, in course order; the mistake or error is named by its key."""
    places = {question.grade_id: k for k, question in enumerate(questions())}
    rows: list[tuple[object, ...]] = [("student", "unit", "question", "score", "points", "mistake")]
    for unit, results in units.items():
        for result in results:
            for id, score in sorted(result.scores.items(), key=lambda entry: places.get(entry[0], len(places))):
                verdict = result.verdicts.get(id, {})
                mistake = verdict.get("mistake") or verdict.get("error") or ""
                question = verdict.get("question") or id
                rows.append(
                    (result.student, unit, question, tables.plain(score), tables.plain(result.points[id]), mistake)
                )
    return tables.as_csv(rows)


def worth(results: Sequence[Result]) -> float:
    """What a unit is worth: the most that one of its submissions could get."""
    return max((sum(result.points.values()) for result in results), default=0.0)


def _scores(units: Units) -> dict[str, dict[str, float]]:
    """``{student: {unit: total}}``, by id, of those who handed in something that was graded."""
    scores: dict[str, dict[str, float]] = {}
    for unit, results in units.items():
        for result in results:
            if not result.aside:  # a person is to grade it
                scores.setdefault(result.student, {})[unit] = result.score
    return dict(sorted(scores.items()))
