"""When a submission was handed in: the time in ``timestamp.txt``, in any of its forms, as UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from dateutil import parser

from grader.files import opened
from grader.words import COMMANDS


def read(path: Path) -> tuple[datetime | None, tuple[str, ...]]:
    """The time in a file, in UTC without tzinfo, and remarks on what could not be read of it.

    The time is None if there is no such regular file, or it holds no time.  Raises OSError if it cannot be opened.
    """
    if path.is_symlink() or not path.is_file():
        return None, ()
    with opened(path, path.parent) as file:
        text = file.read(100).decode("utf-8", "replace").strip()
    try:
        return _moment(text) if text else (None, ())
    except Exception:  # dateutil raises whatever its arithmetic meets
        return None, (COMMANDS["bad_timestamp"].format(text=text),)


def _moment(text: str) -> tuple[datetime, tuple[str, ...]]:
    """The time in a text, and remarks, as ``read``; without a known zone it is taken as UTC.

    nbgrader writes "2026-11-24 20:03:35 UTC"; any other form that dateutil reads will do.  Raises if it is no time.
    """
    *day_and_time, last = text.split(" ")
    if len(day_and_time) != 2:
        when, zone, unknown = parser.parse(text, tzinfos=_zone), None, False
    else:
        when, zone = parser.parse(" ".join(day_and_time), tzinfos=_zone), _zone(last)
        unknown = zone is None
    where = when.tzinfo or zone or UTC
    said = (COMMANDS["unknown_zone"].format(text=text),) if unknown else ()
    return when.replace(tzinfo=where).astimezone(UTC).replace(tzinfo=None), said


def _zone(name: str | None, seconds: int | None = None) -> tzinfo | None:
    """The time zone with this name or this offset in seconds; None if there is no such zone.

    Left to itself, dateutil would look for a file with the name.
    """
    if seconds is not None:
        return timezone(timedelta(seconds=seconds))
    if name is None:
        return None
    if found := _OFFSET.fullmatch(name):
        sign, hours, minutes = found.groups()
        return timezone((-1 if sign == "-" else 1) * timedelta(hours=int(hours), minutes=int(minutes)))
    if name in ("UTC", "Z"):
        return UTC
    try:
        return ZoneInfo(name) if _ZONE.fullmatch(name) else None
    except (KeyError, ValueError, OSError):
        return None


_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)", re.ASCII)
_ZONE = re.compile(r"[A-Za-z]\w*(/[\w+-]+){0,2}", re.ASCII)
