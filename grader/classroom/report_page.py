"""A Report as one HTML page, for an instructor to read, to print and to show to colleagues.

It needs no network and no script, follows the reader's light or dark color scheme, and gives a number wherever it
uses color.  Students' names and other text of theirs cannot be active on it: ``templates/report.html.j2`` escapes
whatever it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    counted,
    edges,
    explanation,
    histogram,
    most_common,
    standard_error,
)
from grader.pictures import ACCENT, DEEPEST, NEGATIVE, POSITIVE, tint
from grader.words import LANGUAGE, REPORT

TALLEST = 170  # pixels of the histogram's highest bar
FAINTEST = 0.12  # opacity that the cells of the map approach as the number of answers goes to 0
FULL = 5  # answers needed for the deepest color, so that a single one does not look like many
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


def as_html(report: Report, pages_of: PagesOf, when: str = "") -> str:
    """The whole page as HTML.

    pages_of: maps a student's id to the feedback pages, one for each notebook, with URLs relative to this page.
    when: the date to show; "" for none.
    """
    facts = {"submissions": len(report.scores), "points": formatting.of(report.points), "when": when}
    return _template().render(
        report=report,
        title=REPORT["title"].format(unit=report.unit),
        subtitle=REPORT["subtitle" if when else "subtitle_undated"].format(**facts),
        language=LANGUAGE,
        policy=POLICY,
        pages_of=pages_of,
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
def _template() -> Any:
    made = Environment(
        loader=PackageLoader("grader.classroom"), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    made.filters |= {"rich": _rich, "of": formatting.of}
    made.globals["say"] = lambda key, **facts: REPORT[key].format(**facts)
    return made.get_template("report.html.j2")


def _rich(text: str) -> Markup:
    return Markup(card.rich(text))


def _tiles(report: Report) -> list[tuple[str, str, str]]:
    """The headline figures: (key of REPORT for the title, the figure, a remark on it)."""
    totals, count = list(report.scores.values()), len(report.scores)
    low, middle, high = (formatting.of(float(q)) for q in np.percentile(totals or [0.0], (25, 50, 75)))
    full, none = (sum(map(test, totals)) for test in (lambda t: t >= report.points, lambda t: t == 0))
    lost = count - len(report.graded)
    top = most_common(report)
    return [
        (
            "figure_graded",
            str(len(report.graded)),
            REPORT["figure_graded_not"].format(count=lost) if lost else REPORT["figure_graded_all"],
        ),
        (
            "figure_median",
            REPORT["of"].format(n=middle, total=formatting.of(report.points)),
            REPORT["figure_quarters"].format(low=low, high=high),
        ),
        ("figure_full", str(full), REPORT["figure_share"].format(share=_percent(full, count))),
        ("figure_none", str(none), REPORT["figure_share"].format(share=_percent(none, count))),
        (
            "figure_mistake",
            top.says.name if top else "–",
            _who(top) if top else REPORT["figure_no_mistake"],
        ),
        (
            "figure_human",
            str(len(report.human)),
            REPORT["figure_human_where" if report.human else "figure_human_none"],
        ),
    ]


def _scores(report: Report) -> dict[str, Any]:
    """The histogram: (count, lower edge, height in pixels) of each bar, and a description in words."""
    bars = edges(report.points)
    counts = histogram(list(report.scores.values()), report.points)
    top = max(counts) or 1
    said = [
        REPORT["scores_last" if k == len(counts) - 1 else "scores_bar"].format(
            low=formatting.of(bars[k]), high=formatting.of(bars[k + 1]), count=count
        )
        for k, count in enumerate(counts)
    ]
    return {
        "bars": [
            (count, formatting.of(low), f"{TALLEST * count / top:.0f}")
            for count, low in zip(counts, bars, strict=False)
        ],
        "bars_alt": REPORT["scores_alt"].format(bars="; ".join(said)),
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
    numbers = [str(item.shares[name]) for name in SHARES]
    numbers += [REPORT["of"].format(n=f"{item.mean:.2f}", total=formatting.of(item.points))]
    numbers += ["–" if value is None else f"{value:.2f}" for value in (item.facility, item.facility_tried)]
    numbers += [_correlation(item) or REPORT[item.unsaid]]
    return {
        "name": item.name,
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


def _groups(report: Report) -> list[tuple[str, list[tuple[Found, list[tuple[int, str]]]]]]:
    """The map of mistakes: the findings of each kind, with (number of answers, color) for each question."""
    top = max(FULL, *(count for found in report.found for count in found.counts.values()), 0)

    def cells(found: Found) -> list[tuple[int, str]]:
        counts = [found.counts.get(item.id, 0) for item in report.items]
        return [(n, tint(NEGATIVE, FAINTEST + (DEEPEST - FAINTEST) * n / top)) for n in counts]

    groups = [(kind, [(found, cells(found)) for found in report.found if found.kind == kind]) for kind in KINDS]
    return [(kind, rows) for kind, rows in groups if rows]


def _lessons(report: Report) -> list[tuple[str, int, str]]:
    """The lessons to repeat: (lesson, number of students, names of their mistakes)."""
    rows = []
    for lesson, students, found in report.lessons:
        names = [f.says.name for f in found[:MOST_WHO]] + ["…"] * (len(found) > MOST_WHO)
        rows.append((lesson, students, "; ".join(names)))
    return rows


def _in_words(report: Report) -> list[tuple[str, str, str, str]]:
    """The findings in words: (name, how many made it and where, what to repeat, explanation)."""
    numbers = {item.id: item.number or item.id for item in report.items}
    entries = []
    for found in sorted(report.found, key=lambda f: (f.kind == "other", -len(f.students))):
        places = [numbers[id] for id in numbers if id in found.counts]
        where = REPORT["where"].format(questions=", ".join(places))
        if len(places) > MOST_PLACES:
            where = REPORT["where_many"].format(count=len(places))
        repeat = REPORT["repeat"].format(lesson=f"`{found.lesson}`") if found.lesson and found.kind != "other" else ""
        entries.append((found.says.name, f"{_who(found)} {where}", repeat, explanation(found)))
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
            _duration(seconds),
            formatting.of(report.penalties.get(student, 0.0)),
        )
        for student, seconds in report.late.items()
    ]


def _duration(seconds: float) -> str:
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


def _who(found: Found) -> str:
    return counted("who", len(found.students))


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"


def _amount(name: str, value: float) -> str:
    return REPORT["mebibytes"].format(n=f"{value / 2**20:.0f}") if name == "memory" else f"{value:.3g}"
