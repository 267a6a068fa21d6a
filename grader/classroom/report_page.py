"""A Report as one HTML page, for an instructor to read, to print and to show to colleagues.

It needs no network and no script, follows the reader's light or dark color scheme, and gives a number wherever it
uses color.  Each number of students opens to their names, which link to their feedback pages.  Students' names and
other text of theirs cannot be active on it: ``templates/report.html.j2`` escapes whatever it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from grader import card, formatting
from grader.classroom.report import (
    EASY,
    FEWEST_TO_CORRELATE,
    FEWEST_TO_JUDGE,
    HARD,
    KINDS,
    SHARES,
    WEAK,
    Found,
    Item,
    Report,
    bar,
    counted,
    edges,
    explanation,
    most_common,
    standard_error,
    tied,
)
from grader.pictures import ACCENT, DEEPEST, NEGATIVE, POSITIVE, tint
from grader.words import LANGUAGE, REPORT

TALLEST = 170  # pixels of the histogram's highest bar
FAINTEST = 0.12  # opacity that the cells of the map approach as the number of answers goes to 0
FULL = 5  # answers needed for the deepest color, so that a single one does not look like many
MOST_NAMES = 60  # students named where the same page has the whole list elsewhere
MOST_WHO = 3  # mistakes named beside a lesson
MOST_PLACES = 5  # questions named beside a mistake; the map shows all of them
A_DIGIT = 0.085  # a digit's width as a fraction of the narrowest bar, 110 pixels; a cut number would read as another
MINOR = ("needs_mended", "needs_hand")  # reasons that are not alarming
MARKS = {"right": "✓", "partly": "◐", "wrong": "✗", "untouched": "○", "unjudged": "–"}
FILLS = {
    "right": tint(ACCENT, DEEPEST),
    "partly": tint(POSITIVE, 0.45),
    "wrong": tint(NEGATIVE, DEEPEST),
    "untouched": "repeating-linear-gradient(45deg,var(--line) 0 3px,transparent 3px 7px)",
    "unjudged": "repeating-linear-gradient(90deg,var(--muted) 0 1px,transparent 1px 5px)",
}

# A second defense beside the escaping: text that escaped it could neither run nor fetch anything.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


PagesOf = Callable[[str], Sequence[tuple[str, str]]]  # student's id -> (notebook, URL of its feedback page)


def as_html(report: Report, pages_of: PagesOf, when: str = "", overview: str = "") -> str:
    """The whole page as HTML.

    pages_of: maps a student's id to the feedback pages, one for each notebook, with URLs relative to this page.
    when: the date to show; "" for none.  overview: the URL of the page over all units; "" without one.
    """
    facts = {"submissions": len(report.scores), "points": formatting.of(report.points), "when": when}
    return template("report.html.j2").render(
        report=report,
        overview=overview,
        contents=_contents(report),
        most=MOST_NAMES,
        outcomes=_outcomes(report),
        **_everyone(report),
        title=REPORT["title"].format(unit=report.unit),
        subtitle=REPORT["subtitle" if when else "subtitle_undated"].format(**facts),
        language=LANGUAGE,
        policy=POLICY,
        pages_of=lambda report, student: pages_of(student),
        items=report.items,
        inside=[item.name for item in report.items if item.inside],
        shares=SHARES,
        fills=FILLS,
        marks=MARKS,
        minor=MINOR,
        tiles=_tiles(report),
        **facts,
        **_scores(report),
        **_questions(report),
        **_flags(report),
        groups=_groups(report),
        lessons=_lessons(report),
        in_words=_in_words(report),
        human=_human(report),
        late=_late(report),
        **_resources(report),
    )


@cache
def template(name: str) -> Any:
    """The template of this name, with the filters and functions that this package's templates use."""
    made = Environment(
        loader=PackageLoader("grader.classroom"), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    made.filters |= {"rich": _rich, "of": formatting.of}
    made.globals["say"] = lambda key, **facts: REPORT[key].format(**facts)
    made.globals["counted"] = counted
    return made.get_template(name)


def _rich(text: str) -> Markup:
    return Markup(card.rich(text))


def _contents(report: Report) -> list[tuple[str, int | None]]:
    """The table of contents: (id of a section, number of what is in it, or None)."""
    sections = [
        ("mistakes", len(report.found)),
        ("questions", len(report.items)),
        ("scores", None),
        ("human", len(report.human)),
        ("late", len(report.late)),
        ("everyone", len(report.scores)),
        ("resources", None),
    ]
    return [entry for entry in sections if entry[0] != "late" or report.late]


@dataclass(frozen=True)
class Tile:
    """A headline figure.  key: of REPORT, for its title.  remark: a line on it.  students: whom the figure counts."""

    key: str
    figure: str
    remark: str
    students: tuple[str, ...] = ()


def _tiles(report: Report) -> list[Tile]:
    totals, count, waits = list(report.scores.values()), len(report.scores), set(report.unfinished)
    low, middle, high = (formatting.of(float(q)) for q in np.percentile(totals or [0.0], (25, 50, 75)))
    full = tuple(student for student, total in report.scores.items() if total >= report.points)
    none = tuple(student for student, total in report.scores.items() if total == 0)
    lost = count - len(report.graded)
    top = most_common(report)

    def share(students: Sequence[str]) -> str:
        said = REPORT["figure_share"].format(share=_percent(len(students), count))
        open_ = len(waits.intersection(students))
        return f"{said}, {REPORT['figure_waiting'].format(count=open_)}" if open_ else said

    quarters = REPORT["figure_quarters"].format(low=low, high=high)
    if waits:
        quarters += " " + counted("waits", len(waits))
    tiles = [
        Tile(
            "figure_graded",
            str(len(report.graded)),
            REPORT["figure_graded_not"].format(count=lost) if lost else REPORT["figure_graded_all"],
            report.graded,
        ),
        Tile("figure_median", REPORT["of"].format(n=middle, total=formatting.of(report.points)), quarters),
        Tile("figure_full", str(len(full)), share(full), full),
        Tile("figure_none", str(len(none)), share(none), none),
        Tile(
            "figure_tie" if len(top) > 1 else "figure_mistake",
            tied(top) or "–",
            counted("each" if len(top) > 1 else "who", len(top[0].students)) if top else REPORT["figure_no_mistake"],
            tuple(sorted({student for found in top for student in found.students})),
        ),
        Tile(
            "figure_human",
            str(len(report.human)),
            REPORT["figure_human_where" if report.human else "figure_human_none"],
            tuple(report.human),
        ),
    ]
    more = (("unfinished", report.unfinished), ("late", tuple(report.late)), ("missing", report.missing))
    return tiles + [
        Tile(f"figure_{name}", str(len(students)), REPORT[f"figure_{name}_more"], students)
        for name, students in more
        if students
    ]


def _scores(report: Report) -> dict[str, Any]:
    """The histogram: (what the bar counts, students, lower edge, height in pixels) of each bar, and the maximum."""
    bars = edges(report.points)
    inside: list[list[str]] = [[] for _ in bars[1:]]
    for student, score in report.scores.items():
        inside[bar(score, report.points)].append(student)
    top = max(map(len, inside)) or 1
    return {
        "bars": [
            (
                REPORT["scores_last" if k == len(inside) - 1 else "scores_bar"].format(
                    low=formatting.of(bars[k]), high=formatting.of(bars[k + 1])
                ),
                students,
                formatting.of(bars[k]),
                round(TALLEST * len(students) / top),
            )
            for k, students in enumerate(inside)
        ],
    }


def _outcomes(report: Report) -> dict[tuple[str, str], list[str]]:
    """``{(cell, share): students}`` over the submissions that could be graded."""
    found: dict[tuple[str, str], list[str]] = {(item.id, name): [] for item in report.items for name in SHARES}
    for student in report.graded:
        for cell, name in report.shares[student].items():
            found[cell, name].append(student)
    return found


def _everyone(report: Report) -> dict[str, Any]:
    """The students in three orders: by name, by score, and by need of help or of a decision, the most needy first."""
    rank = {key: k for k, key in enumerate(key for key in REPORT if key.startswith("needs_"))}
    by_name = report.by_name(report.scores)

    def need(student: str) -> tuple[int, float]:
        reasons = report.human.get(student, ())
        return min((rank[key] for key, _ in reasons), default=len(rank)), report.scores[student]

    return {
        "by_name": by_name,
        "orders": [
            ("by_score", sorted(by_name, key=lambda student: -report.scores[student])),
            ("by_need", sorted(by_name, key=need)),
        ],
        "late_by": {student: duration(seconds) for student, seconds in report.late.items()},
    }


def _questions(report: Report) -> dict[str, Any]:
    heads = [REPORT["question"], REPORT["share"], *(REPORT[f"share_{name}"] for name in SHARES)]
    heads += [REPORT[name] for name in ("mean", "facility", "facility_tried", "discrimination")]
    on_discrimination, count = REPORT["discrimination_note"].format(weak=WEAK), len(report.graded)
    if count < FEWEST_TO_CORRELATE:
        certain = REPORT["discrimination_few"].format(count=count, fewest=FEWEST_TO_CORRELATE)
    else:
        certain = REPORT["discrimination_error"].format(count=count, error=f"{standard_error(count):.2f}")
    return {
        "question_heads": heads,
        "questions": [_question(item) for item in report.items],
        "notes": [REPORT["facility_note"], f"{on_discrimination} {certain}"],
    }


def _question(item: Item) -> dict[str, Any]:
    whole = sum(item.shares.values()) or 1
    numbers = [REPORT["of"].format(n=f"{item.mean:.2f}", total=formatting.of(item.points))]
    numbers += ["–" if value is None else f"{value:.2f}" for value in (item.facility, item.facility_tried)]
    numbers += [_correlation(item) or REPORT[item.unsaid]]
    return {
        "item": item,
        "stack": [
            (name, n, n if n / whole >= A_DIGIT * len(str(n)) else "") for name in SHARES if (n := item.shares[name])
        ],
        "numbers": numbers,
    }


def _correlation(item: Item) -> str:
    return "" if item.discrimination is None else f"{item.discrimination:.2f}".replace("-", "−")


def _flags(report: Report) -> dict[str, Any]:
    """The questions that are too easy or too hard, or do not tell strong students from weak ones."""
    count = len(report.graded)
    none = REPORT["flags_few"].format(count=count, fewest=FEWEST_TO_JUDGE)
    if count >= FEWEST_TO_JUDGE:
        none = REPORT["flags_none"].format(easy=EASY, hard=HARD)
    if count >= FEWEST_TO_CORRELATE:
        none += " " + REPORT["flags_apart"]
    flags = [
        (
            item,
            REPORT[flag].format(
                facility=f"{item.facility or 0:.2f}",
                untouched=item.shares["untouched"],
                discrimination=_correlation(item),
            ),
        )
        for item in report.items
        for flag in item.flags
    ]
    return {"flags": flags, "no_flags": none}


def _groups(report: Report) -> list[tuple[str, list[tuple[Found, str, list[tuple[Item, str]]]]]]:
    """The map of mistakes: of each kind, (finding, id of its entry in words, (question, color) for each question)."""
    top = max(FULL, *(count for found in report.found for count in found.counts.values()), 0)
    ids = {(found.kind, found.key, found.says): id for found, id in _named(report)}

    def cells(found: Found) -> list[tuple[Item, str]]:
        counts = [found.counts.get(item.id, 0) for item in report.items]
        colors = [tint(NEGATIVE, FAINTEST + (DEEPEST - FAINTEST) * n / top) for n in counts]
        return list(zip(report.items, colors, strict=True))

    rows = [(found, ids[found.kind, found.key, found.says], cells(found)) for found in report.found]
    groups = [(kind, [row for row in rows if row[0].kind == kind]) for kind in KINDS]
    return [(kind, of_kind) for kind, of_kind in groups if of_kind]


def _lessons(report: Report) -> list[tuple[str, tuple[str, ...], str]]:
    """The lessons to repeat: (lesson, students, names of their mistakes)."""
    rows = []
    for lesson, students, found in report.lessons:
        names = [f.says.name for f in found[:MOST_WHO]] + ["…"] * (len(found) > MOST_WHO)
        rows.append((lesson, students, "; ".join(names)))
    return rows


def _named(report: Report) -> list[tuple[Found, str]]:
    """The findings in the order in which they are explained, the most frequent first, each with an id for the page."""
    order = sorted(report.found, key=lambda f: (f.kind == "other", -len(f.students)))
    return [(found, f"found-{k}") for k, found in enumerate(order, 1)]


def _in_words(report: Report) -> list[tuple[Found, str, str, str, str]]:
    """The findings in words: (finding, id for the page, where, what to repeat, explanation)."""
    numbers = {item.id: item.number or item.id for item in report.items}
    entries = []
    for found, id in _named(report):
        places = [numbers[cell] for cell in numbers if cell in found.answers]
        where = REPORT["where"].format(questions=", ".join(places))
        if len(places) > MOST_PLACES:
            where = REPORT["where_many"].format(count=len(places))
        repeat = REPORT["repeat"].format(lesson=f"`{found.lesson}`") if found.lesson and found.kind != "other" else ""
        entries.append((found, id, where, repeat, explanation(found)))
    return entries


def _human(report: Report) -> list[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """The submissions that need a person: (student, score, reasons), the most serious first."""
    order = {key: k for k, key in enumerate(key for key in REPORT if key.startswith("needs_"))}
    return [
        (
            student,
            REPORT["of"].format(n=formatting.of(report.scores[student]), total=formatting.of(report.points)),
            report.human[student],
        )
        for student in sorted(report.human, key=lambda who: (order[report.human[who][0][0]], who))
    ]


def _late(report: Report) -> list[tuple[str, str, str, str]]:
    """Those who were late, the latest first: (student, when, by how much, points off)."""
    return [
        (
            student,
            f"{when:%Y-%m-%d %H:%M}" if (when := report.handed_in.get(student)) else "–",
            duration(seconds),
            formatting.of(report.penalties.get(student, 0.0)),
        )
        for student, seconds in report.late.items()
    ]


def duration(seconds: float) -> str:
    """A time in the two largest units that it has, rounded down."""
    minutes, hours, days = (int(seconds // size) for size in (60, 3600, 86400))
    key = "days" if days else "hours" if hours else "minutes" if minutes else "seconds"
    return REPORT[f"late_{key}"].format(days=days, hours=hours % 24, minutes=minutes % 60, seconds=int(seconds % 60))


def _resources(report: Report) -> dict[str, Any]:
    spreads = [(name, spread) for name, spread in (("seconds", report.seconds), ("memory", report.memory)) if spread]
    return {
        "resource_heads": [REPORT[name] for name in ("resource", "median", "p90", "largest", "whose")],
        "measured": [
            (name, [_amount(name, value) for value in (spread.median, spread.p90, spread.largest)], spread.who)
            for name, spread in spreads
        ],
        "measured_count": max((spread.count for _, spread in spreads), default=0),
    }


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"


def _amount(name: str, value: float) -> str:
    return REPORT["mebibytes"].format(n=f"{value / 2**20:.0f}") if name == "memory" else f"{value:.3g}"
