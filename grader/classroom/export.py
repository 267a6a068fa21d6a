"""Grades as the tables that Canvas, Moodle and spreadsheets import.

All ids and names are made inert by ``tables``.  Where there is no submission, the score is left out if the format
allows it: an import that writes a 0, or clears what somebody entered by hand, is hard to undo.  The same holds for a
score that is not final: as long as something waits for a person, no table gives it, and ``unfinished`` says whose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grader.classroom import tables
from grader.classroom.result import Person, Result

Units = Mapping[str, Sequence[Result]]

CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
POINTS_POSSIBLE = "Points Possible"
WAITS = "waits for a person"


def canvas(units: Units, people: Mapping[str, Person]) -> str:
    """The table that Canvas's Gradebook imports ("Import", CSV file).

    The format is that of Canvas's own export, as ``lib/gradebook_importer.rb`` and ``lib/gradebook_exporter.rb`` of
    instructure/canvas-lms read and write it: the columns of CANVAS, then one per assignment; the second row has "Points
    Possible" in its first column.  Canvas finds a student by its own number in ID, then by SIS User ID, then by SIS
    Login ID, then by name.  Our id is given as SIS Login ID only: of an ID, Canvas reads the leading digits, which may
    be another person's number.  An assignment is found by its title, and made if there is none with it.  An empty score
    clears an existing one, so students without any submission are left out.

    units: ``{unit: its results}``, one column each.  people: ``{id: Person}``.  Returns CSV.
    """
    rows: list[list[object]] = [
        [*CANVAS, *units],
        [f"    {POINTS_POSSIBLE}", "", "", "", "", *(tables.plain(worth(results)) for results in units.values())],
    ]
    for id, scores in _scores(units).items():
        person = people.get(id, Person(id))
        name = ", ".join(part for part in (person.last_name, person.first_name) if part) or id
        if POINTS_POSSIBLE in name:  # Canvas would take the row for the one with the assignments' points
            name = id.replace(POINTS_POSSIBLE, "")
        rows.append([name, "", "", id, "", *(tables.plain(scores.get(unit)) for unit in units)])
    return tables.as_csv(rows)


def moodle(units: Units, people: Mapping[str, Person]) -> str:
    """The table that Moodle's gradebook imports ("Import", "CSV file").

    The format is free: during the import one column is mapped to an attribute of Moodle's users (username, ID number or
    email address), and each other column to a grade item or to none; see docs.moodle.org, "Grade import".  From its
    source, ``grade/import/csv/classes/load_data.php`` of moodle/moodle: an unknown user ends the import; a row
    with an empty user is given to the user of the row before, so email addresses are written only if everybody has one;
    "-" stands for no grade; and the site must allow grades above 100 points.

    units: ``{unit: its results}``, one column each.  people: ``{id: Person}``.  Returns CSV.
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
    """CSV with a row for each student and graded cell, in the notebooks' order; mistakes and errors by their keys.

    units: ``{unit: its results}``.  A cell is named by the question that it asks, if it asks one.  The score of a cell
    that waits for a person is empty, and the column "state" says so: WAITS.  The column "judged" says "inside" of an
    nbgrader test, which is judged inside the student's process; "seconds_late" is the submission's.
    """
    rows: list[tuple[object, ...]] = [
        ("student", "unit", "question", "score", "points", "mistake", "state", "judged", "seconds_late")
    ]
    for unit, results in units.items():
        for result in results:
            places = {cell: k for k, cell in enumerate(result.order)}
            asked = result.questions
            for id, score in sorted(result.scores.items(), key=lambda entry: places.get(entry[0], len(places))):
                verdict = result.verdicts.get(id, {})
                mistake = verdict.get("mistake") or verdict.get("error") or ""
                question = asked.get(id, id)
                waits = bool(result.aside) or id in result.by_hand
                given, state = (None, WAITS) if waits else (tables.plain(score), "")
                points = tables.plain(result.points[id])
                judged, late = "inside" if id in result.inside else "", tables.plain(result.seconds_late)
                rows.append((result.student, unit, question, given, points, mistake, state, judged, late))
    return tables.as_csv(rows)


def worth(results: Sequence[Result]) -> float:
    """The points that a unit is worth: the largest maximum score of its submissions."""
    return max((sum(result.points.values()) for result in results), default=0.0)


def unfinished(units: Units) -> dict[str, list[str]]:
    """``{unit: ids of the students whose score is not final}``, without units where there are none."""
    waiting = {unit: [result.student for result in results if not result.final] for unit, results in units.items()}
    return {unit: students for unit, students in waiting.items() if students}


def _scores(units: Units) -> dict[str, dict[str, float]]:
    """``{student id: {unit: total}}``, sorted by id, for all scores that are final."""
    scores: dict[str, dict[str, float]] = {}
    for unit, results in units.items():
        for result in results:
            if result.final:
                scores.setdefault(result.student, {})[unit] = result.score
    return dict(sorted(scores.items()))
