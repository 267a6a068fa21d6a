"""All units of a course on one HTML page: how each unit went, and each student's scores in all of them.

Like ``report_page``, to whose pages it links, it needs no network and no script, and students' text is only text on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from grader import formatting
from grader.classroom.report import Report, counted, most_common, tied
from grader.classroom.report_page import FILLS, MOST_NAMES, POLICY, template
from grader.classroom.result import Person
from grader.words import LANGUAGE, REPORT

PagesOf = Callable[[str, str], Sequence[tuple[str, str]]]  # unit, student's id -> (notebook, URL of its feedback page)


@dataclass(frozen=True)
class Row:
    """A student's scores.  scores: one for each unit; None where nothing was handed in.

    final: whether all scores are.  missing: the number of units in which nothing was handed in.
    """

    student: str
    name: str
    scores: tuple[float | None, ...]
    final: bool

    @property
    def total(self) -> float:
        return sum(score for score in self.scores if score is not None)

    @property
    def missing(self) -> int:
        return sum(score is None for score in self.scores)


def rows(reports: Sequence[Report], people: Mapping[str, Person]) -> list[Row]:
    """The Rows of all students in the gradebook, in the order of a class list.

    people: ``{student: Person}`` of everybody in the course.
    """
    students = {*people, *(student for report in reports for student in report.scores)}
    known = {student: people.get(student, Person(student)) for student in students}
    return [
        Row(
            student,
            known[student].name,
            tuple(report.scores.get(student) for report in reports),
            not any(student in report.unfinished for report in reports),
        )
        for student in sorted(students, key=lambda student: known[student].order)
    ]


def short(units: Sequence[str]) -> list[str]:
    """What to write above a unit's column: the part before the first "_", such as "05", if that tells units apart."""
    parts = [unit.partition("_")[0] for unit in units]
    return parts if len(set(parts)) == len(units) else list(units)


def as_html(
    reports: Sequence[Report],
    people: Mapping[str, Person],
    page_of: Callable[[str], str],
    pages_of: PagesOf,
    when: str = "",
    ungraded: Sequence[str] = (),
) -> str:
    """The whole page as HTML.

    reports: one for each unit, in the order of the course.  people: ``{student: Person}`` of everybody in the course.
    page_of: maps a unit to the URL of its report.  pages_of: maps a unit and a student's id to the feedback pages, one
    for each notebook.  All URLs are relative to this page.  when: the date to show; "" for none.
    ungraded: the units in which nothing has been graded yet.
    """
    everyone = rows(reports, people)
    subtitle = counted("all_subtitle", len(reports), students=len(everyone))
    return template("overview.html.j2").render(
        reports=reports,
        short=short([report.unit for report in reports]),
        title=REPORT["all_title"],
        subtitle=f"{subtitle} · {when}" if when else subtitle,
        language=LANGUAGE,
        policy=POLICY,
        fills=FILLS,
        most=MOST_NAMES,
        page_of=page_of,
        pages_of=lambda report, student: pages_of(report.unit, student),
        most_common=most_common,
        tied=tied,
        ungraded=ungraded,
        everyone=everyone,
        orders=[
            ("by_total", sorted(everyone, key=lambda row: -row.total)),
            ("by_missing", sorted(everyone, key=lambda row: (-row.missing, row.total))),
        ],
    )


def summary(reports: Sequence[Report]) -> list[str]:
    """A line for each unit, for a terminal."""
    return [
        REPORT["all_line"].format(
            unit=report.unit,
            count=len(report.scores),
            median=formatting.of(report.median or 0.0),
            points=formatting.of(report.points),
        )
        + "".join(
            REPORT[f"all_{name}"].format(count=len(students))
            for name, students in (
                ("human", report.human),
                ("unfinished", report.unfinished),
                ("missing", report.missing),
            )
            if students
        )
        for report in reports
    ]
