"""When a submission was handed in: the time in ``timestamp.txt``, in any of its forms, as UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from dateutil import parser, tz

from grader.files import opened
from grader.words import COMMANDS

SKEW = timedelta(minutes=5)  # by which clocks may differ

# Abbreviations that the database of time zones lacks, in hours from UTC.
_HOURS = {
    **{"UTC": 0, "UT": 0, "Z": 0, "WEST": 1, "BST": 1, "CEST": 2, "EEST": 3, "MSK": 3, "IST": 5.5},
    **{"SGT": 8, "HKT": 8, "AWST": 8, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13},
    **{"ADT": -3, "AST": -4, "EDT": -4, "CDT": -5, "CST": -6, "MDT": -6, "PDT": -7, "PST": -8, "AKDT": -8, "AKST": -9},
}
_SEVERAL = ("AST", "BST", "CDT", "CST", "IST", "PST")  # those that other countries use for other times
_STANDARD = ("CET", "EET", "MET", "WET")  # those that many write for summer time, too
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d\d?)(?::?(\d\d))?", re.ASCII)
_ZONE = re.compile(r"[A-Za-z]\w*(/[\w+-]+){0,2}", re.ASCII)
_DAY_FIRST = re.compile(r"\d\d?\.\d\d?\.", re.ASCII)


def read(path: Path, now: datetime | None = None) -> tuple[datetime | None, tuple[str, ...]]:
    """The time in a file, in UTC without tzinfo, and remarks on whatever is not certain about it.

    now: in UTC without tzinfo; None for the time by this machine's clock.
    The time is None if there is no such regular file, or it holds no time.  Raises OSError if it cannot be opened.
    """
    if path.is_symlink() or not path.is_file():
        return None, ()
    with opened(path, path.parent) as file:
        text = file.read(100).decode("utf-8-sig", "replace").strip()
    if not text:
        return None, ()
    try:
        when, why = _moment(text)
    except Exception:  # dateutil raises whatever its arithmetic meets
        return None, (COMMANDS["bad_timestamp"].format(text=text),)
    if when > (now or datetime.now(UTC).replace(tzinfo=None)) + SKEW:
        why = (*why, "future_time")
    return when, tuple(COMMANDS[key].format(text=text, read=f"{when:%Y-%m-%d %H:%M:%S}") for key in why)


def _moment(text: str) -> tuple[datetime, tuple[str, ...]]:
    """The time in a text, in UTC, and keys of COMMANDS for what is not certain about it.

    nbgrader writes "2026-11-24 20:03:35 UTC"; any other form that dateutil reads will do.  Raises if it is no time.
    """
    front, _, last = text.rpartition(" ")
    unknown, names = False, [last]  # what may be the name of a zone

    def named(name: str | None, seconds: int | None) -> tzinfo | None:
        """The zone for dateutil, which would look for a file with an unknown name."""
        if seconds is not None:
            return timezone(timedelta(seconds=seconds))
        if name is None:  # there is none
            return None
        names.append(name)
        return _zone(name)

    zone = _zone(last) if front else None
    if zone is None:
        try:
            local, certain = _parsed(text, named)
            unknown = local.tzinfo is None and len(names) > 1
        except (ValueError, OverflowError):
            local, certain = _parsed(front, named)
            unknown = True
    else:
        local, certain = _parsed(front, named)
    where = zone or local.tzinfo or UTC
    bare = local.replace(tzinfo=None)
    when = bare.replace(tzinfo=where).astimezone(UTC).replace(tzinfo=None)
    why = []
    if unknown:
        why.append("unknown_zone")
    elif zone is None and local.tzinfo is None:
        why.append("no_zone")
    summer = bool(where.dst(bare)) and any(name.upper() in _STANDARD for name in names)
    several = any(name.upper() in _SEVERAL for name in names) or summer
    if several or not certain or tz.datetime_ambiguous(bare, where) or not tz.datetime_exists(bare, where):
        why.append("unclear_time")
    return when, tuple(why)


def _parsed(text: str, named: object) -> tuple[datetime, bool]:
    """The time that dateutil reads, and whether day and month cannot be exchanged in it.

    Raises ValueError if a part of the date is missing, for which dateutil would take today's, and what dateutil raises.
    """
    day_first = bool(_DAY_FIRST.match(text))
    one, other = (
        parser.parse(text, tzinfos=named, default=datetime(*some), dayfirst=day_first)
        for some in ((2000, 1, 1), (2001, 2, 2))
    )
    if one != other:
        raise ValueError(text)
    exchanged = parser.parse(text, tzinfos=named, dayfirst=not day_first)
    return one, exchanged == one or day_first or text[:4].isdecimal()  # a year comes first only with the month second


def _zone(name: str) -> tzinfo | None:
    """The time zone with this name or offset; None if there is no such zone."""
    if found := _OFFSET.fullmatch(name):
        sign, hours, minutes = found.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        return timezone(-offset if sign == "-" else offset) if offset < timedelta(days=1) else None
    if name.upper() in _HOURS:
        return timezone(timedelta(hours=_HOURS[name.upper()]))
    try:
        return ZoneInfo(name) if _ZONE.fullmatch(name) else None
    except (KeyError, ValueError, OSError):
        return None
