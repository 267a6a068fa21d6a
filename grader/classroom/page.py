"""A Report as one HTML page: for an instructor to read, to print and to show to colleagues.

It needs no network and no script, takes the reader's light or dark colours, and holds a number wherever it has a
colour.  What students chose, their names above all, is text on it and nothing else.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from html import escape
from urllib.parse import quote

import numpy as np

from grader import words
from grader.card import rich
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
    Lessons,
    Report,
    Spread,
    counted,
    edges,
    explanation,
    histogram,
    most_common,
    standard_error,
)
from grader.pictures import ACCENT, DEEPEST, NEGATIVE, POSITIVE, tint
from grader.units import LESSONS
from grader.words import REPORT

FAINTEST = 0.12  # opacity that a map's cell with the fewest answers comes near
FULL = 5  # answers that earn the deepest colour at the least: a single one must not look like a crowd
MOST_WHO = 3  # mistakes named beside a lesson
MOST_PLACES = 5  # questions named beside a mistake; the map has them all
A_DIGIT = 0.085  # of the width of a narrow bar, 110 pixels: a number that does not fit would be cut into another
MINOR = ("needs_mended", "needs_hand")  # reasons that are no alarm
MARKS = {"right": "✓", "partly": "◐", "wrong": "✗", "untouched": "○", "unjudged": "–"}
FILLS = {
    "right": tint(ACCENT, DEEPEST),
    "partly": tint(POSITIVE, 0.45),
    "wrong": tint(NEGATIVE, DEEPEST),
    "untouched": "repeating-linear-gradient(45deg,var(--line) 0 3px,transparent 3px 7px)",
    "unjudged": "repeating-linear-gradient(90deg,var(--muted) 0 1px,transparent 1px 5px)",
}

# A policy beside the escaping: even a hole in the one would run and fetch nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

CSS = """
:root{color-scheme:light dark;--page:#fff;--text:#1a1f26;--muted:#57606a;--line:#c9d1d9;--tile:#f4f6f8;--link:#00588a}
@media (prefers-color-scheme:dark){:root{--page:#13171d;--text:#e4e9ee;--muted:#9ba7b3;--line:#3d4651;--tile:#1c222a;
--link:#7cc4f4}}
*{box-sizing:border-box}
body{margin:0 auto;padding:28px 20px 60px;max-width:1160px;background:var(--page);color:var(--text);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 4px}
h2{font-size:1.2rem;line-height:1.3;margin:44px 0 4px;padding-top:14px;border-top:1px solid var(--line)}
h3{font-size:1rem;margin:24px 0 4px}
p{margin:4px 0 12px;max-width:70ch}
.muted,.note{color:var(--muted)}.note{font-size:.87rem}
a{color:var(--link)}
th code{white-space:nowrap}
code{font:.92em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
bdi,td,th,li{overflow-wrap:anywhere}
.alarm{border:2px solid #d55e00;border-radius:6px;padding:10px 14px;margin:16px 0;background:rgba(213,94,0,.12)}
.alarm strong{display:block;font-size:1.1rem}.alarm p{margin:2px 0}
.tiles{display:grid;grid-template-columns:repeat(7,1fr);gap:10px;margin:18px 0 0}
.tiles>div{background:var(--tile);border-radius:8px;padding:10px 14px;display:flex;flex-direction:column}
.tiles .wide{grid-column:span 2}
dt{order:0;color:var(--muted);font-size:.87rem}dd{margin:0}
dd.big{font-size:1.6rem;line-height:1.25;font-weight:650;font-variant-numeric:tabular-nums}
.wide dd.big{font-size:1.15rem;line-height:1.35;padding:4px 0}dd.small{font-size:.87rem;color:var(--muted)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:6px 8px;border-bottom:1px solid var(--line)}
thead th{font-size:.87rem;font-weight:600;color:var(--muted);vertical-align:bottom}
tbody th{font-weight:400}
.n{text-align:right}td.n{white-space:nowrap}
thead th{overflow-wrap:normal;word-break:normal}
.cards tbody th{min-width:110px}.questions tbody th{min-width:210px}
.hist{display:flex;align-items:flex-end;margin:18px 0 0;max-width:760px}
.hist>div{flex:1 1 0;min-width:0;text-align:center}
.hist .bar{margin:0 2px;background:rgba(0,114,178,.62);border-radius:3px 3px 0 0}
.hist .count{font-weight:600;font-size:.87rem}
.hist .edge{border-top:1px solid var(--muted);text-align:left;font-size:.8rem;color:var(--muted);padding-top:2px}
.hist .edge span{display:inline-block;transform:translateX(-50%)}.hist>div:first-child .edge span{transform:none}
.axis{max-width:760px;text-align:center;font-size:.87rem;color:var(--muted);margin:0}
.stack{display:flex;height:22px;border-radius:4px;overflow:hidden;min-width:170px}
.stack span{font-size:.8rem;line-height:22px;text-align:center;overflow:hidden;border-right:1px solid var(--page)}
.key{display:flex;flex-wrap:wrap;gap:4px 16px;list-style:none;padding:0;margin:6px 0 10px;font-size:.87rem}
.key i{display:inline-block;width:16px;height:12px;border-radius:2px;margin-right:5px;border:1px solid var(--line)}
.scroll{overflow-x:auto;position:relative}
.map th,.map td{border:0;padding:2px}
.map td{text-align:center;min-width:30px;height:28px;vertical-align:middle;border-radius:3px}
.map thead th:not(:first-child){width:46px}
.map td.zero{background:var(--tile)}
.map{border-collapse:separate;border-spacing:2px}
abbr{text-decoration:none}
.map thead th{text-align:center;vertical-align:bottom}.map tbody th{padding-right:10px;vertical-align:middle}
.map th:first-child{position:sticky;left:0;background:var(--page);text-align:left;min-width:190px}
.map .group th{padding-top:12px;font-size:.87rem;font-weight:600;color:var(--muted)}
.map td.all{font-weight:600}
.found{margin:0;padding:0;list-style:none}
.found li{padding:10px 0;border-bottom:1px solid var(--line);break-inside:avoid}
.found p{margin:2px 0}.found .name{font-weight:650}
.tag{display:inline-block;border:1px solid var(--muted);border-radius:9px;padding:0 8px;font-size:.8rem}
.tag.grave{border-color:#d55e00;border-width:2px}
.reasons{list-style:none;margin:0;padding:0}.reasons li{margin:0 0 3px}
summary{cursor:pointer;color:var(--link)}
.marks td.m,.marks th.m{text-align:center;padding:3px 4px}
@media (max-width:1180px){.questions tbody th{min-width:150px}.stack{min-width:110px}}
@media screen and (max-width:1040px){
.cards thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.cards,.cards tbody{display:block}
.cards tr{display:grid;grid-template-columns:repeat(3,1fr);gap:2px 10px;padding:10px 0}
.cards tr{border-bottom:1px solid var(--line)}
.cards th,.cards td{border:0;padding:0;text-align:left;white-space:normal}
.cards tbody th,.cards td.full{grid-column:1/-1}
.cards tbody th{font-weight:600}
.cards td[data-label]::before{content:attr(data-label);display:block;font-size:.8rem;color:var(--muted)}
}
@media (max-width:700px){
body{padding:18px 14px 40px;font-size:14px}
.tiles{grid-template-columns:1fr 1fr}.tiles>div:last-child{grid-column:span 2}
.map th:first-child{min-width:120px;max-width:132px;font-size:.87rem;line-height:1.3}
.map thead th:not(:first-child){width:auto}
.hist .edge{font-size:.72rem}
}
@media print{
:root{color-scheme:light;--page:#fff;--text:#000;--muted:#444;--line:#bbb;--tile:#f2f2f2;--link:#000}
@page{margin:14mm}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
body{max-width:none;padding:0;font-size:9.5pt}
h2,h3{break-after:avoid}h2{margin-top:22px}
tr,.tiles>div,.hist,.key,.alarm{break-inside:avoid}thead{display:table-header-group}
.new-page{break-before:page}
.tiles{grid-template-columns:repeat(4,1fr)}dd.big{font-size:1.15rem}
.map thead th:not(:first-child){width:36px}section>p.muted{break-after:avoid}
.questions{font-size:8pt}.questions thead th{font-size:inherit}.questions th,.questions td{padding:4px 3px}
.stack{min-width:110px}.questions tbody th{min-width:120px}
section:has(>details:not([open])){display:none}
.scroll{overflow:visible}.map th:first-child{position:static}
a{text-decoration:none}
}
"""


def as_html(report: Report, lessons: Lessons = LESSONS, feedback: str = "../feedback", when: str = "") -> str:
    """The whole page.

    feedback: the feedback folder's URL, as seen from the page.
    when: the day, for the reader; "" leaves it out.
    """
    title = REPORT["title"].format(unit=report.unit)
    facts = {"submissions": len(report.scores), "points": words.of(report.points), "when": when}
    subtitle = REPORT["subtitle" if when else "subtitle_undated"].format(**facts)
    sections = (
        _alarm(report),
        _figures(report),
        _scores(report),
        _questions(report),
        _flags(report),
        _mistakes(report),
        _lessons(report, lessons),
        _in_words(report, lessons),
        _human(report, feedback),
        _resources(report, feedback),
        _everyone(report, feedback),
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head><body>\n"
        f'<header><h1>{escape(title)}</h1><p class="muted">{escape(subtitle)}</p></header>\n<main>\n'
        + "\n".join(section for section in sections if section)
        + "\n</main></body></html>\n"
    )


def _alarm(report: Report) -> str:
    if not report.unconfined:
        return ""
    head = REPORT["unconfined"].format(count=len(report.unconfined), submissions=len(report.scores))
    more = escape(REPORT["unconfined_help"])
    return f'<div class="alarm" role="alert"><strong>⚠ {escape(head)}</strong><p>{more}</p></div>'


def _figures(report: Report) -> str:
    """The headline figures as tiles: what, how much, and a word on it."""
    totals, count = list(report.scores.values()), len(report.scores)
    low, middle, high = (words.of(float(q)) for q in np.percentile(totals or [0.0], (25, 50, 75)))
    full, none = (sum(map(test, totals)) for test in (lambda t: t >= report.points, lambda t: t == 0))
    lost = count - len(report.graded)
    top = most_common(report)
    tiles = [
        (
            "figure_graded",
            str(len(report.graded)),
            REPORT["figure_graded_not"].format(count=lost) if lost else REPORT["figure_graded_all"],
        ),
        (
            "figure_median",
            REPORT["of"].format(n=middle, total=words.of(report.points)),
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
    shown = "".join(
        f"<div{' class=wide' if name == 'figure_mistake' else ''}><dt>{escape(REPORT[name])}</dt>"
        f'<dd class="big">{rich(value)}</dd><dd class="small">{escape(more)}</dd></div>'
        for name, value, more in tiles
    )
    return f'<dl class="tiles">{shown}</dl>'


def _scores(report: Report) -> str:
    bars = edges(report.points)
    counts = histogram(list(report.scores.values()), report.points)
    top = max(counts) or 1
    said = [
        REPORT["scores_last" if k == len(counts) - 1 else "scores_bar"].format(
            low=words.of(bars[k]), high=words.of(bars[k + 1]), count=count
        )
        for k, count in enumerate(counts)
    ]
    columns = "".join(
        f'<div><div class="count">{count or ""}</div><div class="bar" style="height:{170 * count / top:.0f}px"></div>'
        f'<div class="edge"><span>{words.of(low)}</span></div></div>'
        for count, low in zip(counts, bars, strict=False)
    )
    alt = escape(REPORT["scores_alt"].format(bars="; ".join(said)), quote=True)
    late = REPORT["scores_late"].format(count=len(report.penalties)) if report.penalties else ""
    return _section(
        "scores",
        f'<p class="muted">{escape(REPORT["scores_lead"].format(points=words.of(report.points)))} {escape(late)}</p>'
        f'<div class="hist" role="img" aria-label="{alt}">{columns}</div>'
        f'<p class="axis" aria-hidden="true">{escape(REPORT["scores_axis"])}</p>',
    )


def _questions(report: Report) -> str:
    key = "".join(
        f'<li><i style="background:{FILLS[name]}"></i>{escape(REPORT[f"share_{name}"])}</li>' for name in SHARES
    )
    heads = [REPORT["question"], REPORT["share"], *(REPORT[f"share_{name}"] for name in SHARES)]
    heads += [REPORT[name] for name in ("mean", "facility", "facility_tried", "discrimination")]
    head = _heads(heads, range(2, len(heads)))
    rows = "".join(_question(item, heads) for item in report.items)
    notes = [REPORT["facility_note"], REPORT["discrimination_note"].format(weak=WEAK)]
    count = len(report.graded)
    if count < FEWEST_TO_CORRELATE:
        notes.append(REPORT["discrimination_few"].format(count=count, fewest=FEWEST_TO_CORRELATE))
    else:
        notes.append(REPORT["discrimination_error"].format(count=count, error=f"{standard_error(count):.2f}"))
    return _section(
        "questions",
        f'<p class="muted">{escape(REPORT["questions_lead"].format(graded=count))}</p><ul class="key">{key}</ul>'
        f'<table class="cards questions"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        f'<p class="note">{escape(notes[0])}</p><p class="note">{escape(" ".join(notes[1:]))}</p>',
        new_page=True,
    )


def _question(item: Item, heads: Sequence[str]) -> str:
    whole = sum(item.shares.values()) or 1
    stack = "".join(
        f'<span style="flex:{n};background:{FILLS[name]}">{n if n / whole >= A_DIGIT * len(str(n)) else ""}</span>'
        for name in SHARES
        if (n := item.shares[name])
    )
    r = "" if item.discrimination is None else f"{item.discrimination:.2f}".replace("-", "−")
    numbers = [str(item.shares[name]) for name in SHARES]
    numbers += [REPORT["of"].format(n=f"{item.mean:.2f}", total=words.of(item.points))]
    numbers += ["–" if value is None else f"{value:.2f}" for value in (item.facility, item.facility_tried)]
    numbers += [r or REPORT[item.unsaid]]
    cells = "".join(
        f'<td class="n" data-label="{escape(label, quote=True)}">{escape(text)}</td>'
        for label, text in zip(heads[2:], numbers, strict=True)
    )
    return (
        f'<tr><th scope="row">{rich(item.name)}</th>'
        f'<td class="full"><div class="stack" aria-hidden="true">{stack}</div></td>{cells}</tr>'
    )


def _flags(report: Report) -> str:
    """Questions that are too easy or too hard, or that do not tell strong from weak."""
    count = len(report.graded)
    flagged = [(item, flag) for item in report.items for flag in item.flags]
    if not flagged:
        said = REPORT["flags_few"].format(count=count, fewest=FEWEST_TO_JUDGE)
        if count >= FEWEST_TO_JUDGE:
            said = REPORT["flags_none"].format(easy=EASY, hard=HARD)
        if count >= FEWEST_TO_CORRELATE:
            said += " " + REPORT["flags_apart"]
        body = f'<p class="muted">{escape(said)}</p>'
    else:
        lines = "".join(
            f'<li><span class="name">{rich(item.name)}</span><p>{escape(_flag(item, flag))}</p></li>'
            for item, flag in flagged
        )
        body = f'<ul class="found">{lines}</ul>'
    return f"<section><h3>{escape(REPORT['flags'])}</h3>{body}</section>"


def _flag(item: Item, flag: str) -> str:
    r = "" if item.discrimination is None else f"{item.discrimination:.2f}".replace("-", "−")
    return REPORT[flag].format(
        facility=f"{item.facility or 0:.2f}", untouched=item.shares["untouched"], discrimination=r
    )


def _mistakes(report: Report) -> str:
    """The map: findings by question, with counts."""
    if not report.found:
        return _section("mistakes", f'<p class="muted">{escape(REPORT["mistakes_none"])}</p>', new_page=True)
    top = max(FULL, *(count for found in report.found for count in found.counts.values()))
    groups = []
    for kind in KINDS:
        rows = [_row(found, report.items, top) for found in report.found if found.kind == kind]
        if rows:
            span = len(report.items) + 2
            group = (
                f'<tr class="group"><th colspan="{span}" scope="rowgroup">{escape(REPORT[f"kind_{kind}"])}</th></tr>'
            )
            groups.append(f"<tbody>{group}{''.join(rows)}</tbody>")
    label = escape(REPORT["mistakes_map"], quote=True)
    return _section(
        "mistakes",
        f'<p class="muted">{escape(REPORT["mistakes_lead"])}</p>'
        f'<div class="scroll" role="region" aria-label="{label}" tabindex="0"><table class="map"><thead><tr>'
        f'<th scope="col">{escape(REPORT["mistake"])}</th>{_numbers(report.items)}'
        f'<th scope="col">{escape(REPORT["all"])}</th></tr></thead>'
        f"{''.join(groups)}</table></div>",
        new_page=True,
    )


def _row(found: Found, items: Sequence[Item], top: int) -> str:
    cells = []
    for item in items:
        count = found.counts.get(item.id, 0)
        if count:
            depth = FAINTEST + (DEEPEST - FAINTEST) * count / top
            cells.append(f'<td style="background:{tint(NEGATIVE, depth)}">{count}</td>')
        else:
            cells.append('<td class="zero"></td>')
    return f'<tr><th scope="row">{rich(found.says.name)}</th>{"".join(cells)}<td class="all">{found.total}</td></tr>'


def _lessons(report: Report, lessons: Lessons) -> str:
    if not report.lessons:
        return ""
    rows = []
    for unit, students, found in report.lessons:
        names = [f.says.name for f in found[:MOST_WHO]] + ["…"] * (len(found) > MOST_WHO)
        rows.append(
            f'<tr><th scope="row"><code>{escape(lessons.get(unit, unit))}</code></th>'
            f'<td class="n" data-label="{escape(REPORT["lesson_students"], quote=True)}">{students}</td>'
            f'<td class="full">{rich("; ".join(names))}</td></tr>'
        )
    heads = [REPORT["lesson"], REPORT["lesson_students"], REPORT["lesson_mistakes"]]
    head = _heads(heads, (1,))
    return (
        f'<section><h3>{escape(REPORT["lessons"])}</h3><p class="muted">{escape(REPORT["lessons_lead"])}</p>'
        f'<table class="cards"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></section>'
    )


def _in_words(report: Report, lessons: Lessons) -> str:
    """Each finding explained, with the lesson that does."""
    numbers = {item.id: item.number or item.id for item in report.items}
    entries = []
    for found in sorted(report.found, key=lambda f: (f.kind == "other", -len(f.students))):
        places = [numbers[id] for id in numbers if id in found.counts]
        where = REPORT["where"].format(questions=", ".join(places))
        if len(places) > MOST_PLACES:
            where = REPORT["where_many"].format(count=len(places))
        lesson = lessons.get(found.lesson, found.lesson)
        repeat = f" · {rich(REPORT['repeat'].format(lesson=f'`{lesson}`'))}" if lesson and found.kind != "other" else ""
        entries.append(
            f'<li><span class="name">{rich(found.says.name)}</span> <span class="muted">· {escape(_who(found))} '
            f"{escape(where)}{repeat}</span><p>{rich(explanation(found))}</p></li>"
        )
    if not entries:
        return ""
    return (
        f'<section><h3>{escape(REPORT["words"])}</h3><p class="muted">{escape(REPORT["words_lead"])}</p>'
        f'<ul class="found">{"".join(entries)}</ul></section>'
    )


def _human(report: Report, feedback: str) -> str:
    if not report.human:
        return _section("human", f'<p class="muted">{escape(REPORT["human_none"])}</p>')
    order = {key: k for k, key in enumerate(key for key in REPORT if key.startswith("needs_"))}
    rows = []
    for student in sorted(report.human, key=lambda who: (order[report.human[who][0][0]], who)):
        reasons = "".join(
            f'<li><span class="tag{"" if key in MINOR else " grave"}">{escape(REPORT[key])}</span> {rich(says)}</li>'
            for key, says in report.human[student]
        )
        score = REPORT["of"].format(n=words.of(report.scores[student]), total=words.of(report.points))
        rows.append(
            f'<tr><th scope="row">{_link(report, student, feedback)}</th>'
            f'<td class="n" data-label="{escape(REPORT["score"], quote=True)}">{score}</td>'
            f'<td class="full"><ul class="reasons">{reasons}</ul></td></tr>'
        )
    heads = (REPORT["student"], REPORT["score"], REPORT["reason"])
    head = _heads(heads, (1,))
    lead = REPORT["human_lead"].format(count=len(report.human), submissions=len(report.scores))
    return _section(
        "human",
        f'<p class="muted">{escape(lead)}</p>'
        f'<table class="cards"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>',
        new_page=True,
    )


def _resources(report: Report, feedback: str) -> str:
    if not (report.seconds or report.memory):
        return _section("resources", f'<p class="muted">{rich(REPORT["resources_none"])}</p>')
    heads = [REPORT[name] for name in ("resource", "median", "p90", "largest", "whose")]
    rows = []
    for name, spread in (("seconds", report.seconds), ("memory", report.memory)):
        if spread is not None:
            numbers = [_amount(name, value) for value in (spread.median, spread.p90, spread.largest)]
            cells = "".join(
                f'<td class="n" data-label="{escape(label, quote=True)}">{escape(text)}</td>'
                for label, text in zip(heads[1:4], numbers, strict=True)
            )
            rows.append(
                f'<tr><th scope="row">{escape(REPORT[name])}</th>{cells}'
                f'<td class="full">{_link(report, spread.who, feedback)}</td></tr>'
            )
    head = _heads(heads, range(1, 4))
    measured: list[Spread] = [spread for spread in (report.seconds, report.memory) if spread]
    lead = REPORT["resources_lead"].format(count=max(spread.count for spread in measured))
    return _section(
        "resources",
        f'<p class="muted">{escape(lead)}</p>'
        f'<table class="cards"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>',
    )


def _everyone(report: Report, feedback: str) -> str:
    """All students in one table, closed until asked for, and left out of print while it is."""
    rows = []
    for student, shares in report.shares.items():
        marks = "".join(
            f'<td class="m" style="background:{FILLS[shares[item.id]] if shares[item.id] != "right" else "none"}">'
            f'<span role="img" aria-label="{escape(REPORT[f"share_{shares[item.id]}"], quote=True)}">'
            f"{MARKS[shares[item.id]]}</span></td>"
            for item in report.items
        )
        rows.append(
            f'<tr><th scope="row">{_link(report, student, feedback)}</th>'
            f'<td class="n">{words.of(report.scores[student])}</td>{marks}</tr>'
        )
    label = escape(REPORT["everyone"], quote=True)
    return _section(
        "everyone",
        f"<details><summary>{escape(REPORT['everyone_lead'])}</summary>"
        f'<div class="scroll" role="region" aria-label="{label}" tabindex="0"><table class="marks"><thead><tr>'
        f"{_heads([REPORT['student'], REPORT['score']], (1,))}{_numbers(report.items)}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div></details>",
    )


def _heads(texts: Sequence[str], numeric: Container[int]) -> str:
    """A table's column heads; those over numbers stand to the right."""
    return "".join(
        f'<th scope="col"{" class=n" if k in numeric else ""}>{escape(text)}</th>' for k, text in enumerate(texts)
    )


def _numbers(items: Sequence[Item]) -> str:
    """The questions as narrow column heads: their numbers, and their titles for those who point at them."""
    return "".join(
        f'<th scope="col" class="m"><abbr title="{escape(item.title, quote=True)}">{escape(item.number or item.id)}'
        "</abbr></th>"
        for item in items
    )


def _section(name: str, body: str, new_page: bool = False) -> str:
    return (
        f'<section aria-labelledby="{name}"{" class=new-page" if new_page else ""}>'
        f'<h2 id="{name}">{escape(REPORT[name])}</h2>{body}</section>'
    )


def _link(report: Report, student: str, feedback: str) -> str:
    """A student's name, leading to the feedback page; it is isolated, so that it cannot turn the text around it."""
    unit = quote(report.unit, safe="")
    href = f"{feedback}/{quote(student, safe='')}/{unit}/{unit}.html"
    return f'<a href="{escape(href, quote=True)}"><bdi>{escape(student)}</bdi></a>'


def _who(found: Found) -> str:
    return counted("who", len(found.students))


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"


def _amount(name: str, value: float) -> str:
    return REPORT["mebibytes"].format(n=f"{value / 2**20:.0f}") if name == "memory" else f"{value:.3g}"
