"""Frames on a pipe between the trusted side and a confined process: JSON and safetensors, every length checked first.

Nothing that comes in is unpickled, imported or trusted.  A reader that meets anything but a valid frame raises Broken
and reads no further.
"""

from __future__ import annotations

import json
import re
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from safetensors.numpy import load, save

_HEAD = struct.Struct("!II")
LARGEST_TEXT = 8 * 2**20  # bytes of JSON in one frame
LARGEST_ARRAYS = 16 * 2**20  # bytes of arrays in one frame
LONGEST_WAIT = 0.5  # seconds between two looks at the time that is left, which may pass more slowly than the wall clock

In = TypeVar("In")
Out = TypeVar("Out")
Left = Callable[[], float]  # returns the seconds that are left now; 0 or less when time is up

_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
TURNING = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # characters that turn the reading direction
# Control characters except tab and line feed; characters that turn the reading direction; and surrogates, a single one
# of which would make it impossible to write the notebook as UTF-8.
_CONTROL = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{TURNING}\ud800-\udfff]")
# Marks above and below letters.  No script puts more than four on one letter; a hundred cover the lines around it.
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0f71-\u0f84"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u3099\u309a\ufe20-\ufe2f"
)
_STACKED = re.compile(f"([{_MARKS}]{{4}})[{_MARKS}]+")


class Broken(ValueError):
    """What came over the pipe is not a valid message, or the pipe is closed, or a frame could not be sent in time."""


def send(
    pipe: socket.socket,
    message: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray] | None = None,
    left: Left | None = None,
) -> None:
    """Write one frame: ``message`` as JSON, and ``arrays``.

    left: tells how long to wait; None waits for ever.  Raises Broken if the pipe is closed, or not read in time.
    """
    text = json.dumps(message, allow_nan=True).encode()
    blob = save({k: np.array(a, order="C") for k, a in arrays.items()}) if arrays else b""
    frame = memoryview(_HEAD.pack(len(text), len(blob)) + text + blob)
    while frame:
        try:
            frame = frame[_wait(pipe, left, pipe.send, frame) :]
        except OSError as why:  # time is up, too
            raise Broken(str(why)) from why


def receive(pipe: socket.socket, left: Left | None = None) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read one frame; returns its message and its arrays.

    left: tells how long to wait; None waits for ever.  Raises TimeoutError when time is up, Broken for an invalid frame
    or a closed pipe.
    """
    text_size, blob_size = _HEAD.unpack(_exactly(pipe, _HEAD.size, left))
    if text_size > LARGEST_TEXT or blob_size > LARGEST_ARRAYS:
        raise Broken(f"a frame of {text_size} and {blob_size} bytes")
    body = _exactly(pipe, text_size + blob_size, left)
    text, blob = body[:text_size], body[text_size:]
    try:
        message = json.loads(text, cls=json.JSONDecoder)  # a decoder of its own, which nobody has changed
        arrays = load(blob) if blob else {}
    except Exception as why:  # the two libraries raise many kinds of errors for malformed bytes
        raise Broken("a frame that cannot be read") from why
    if not isinstance(message, dict):
        raise Broken("a frame that is no message")
    return message, arrays


def _exactly(pipe: socket.socket, size: int, left: Left | None) -> bytes:
    parts = []
    while size:
        try:
            part = _wait(pipe, left, pipe.recv, min(size, 2**20))
        except TimeoutError:
            raise
        except OSError as why:
            raise Broken(str(why)) from why
        if not part:
            raise Broken("the end")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _wait(pipe: socket.socket, left: Left | None, step: Callable[[In], Out], what: In) -> Out:
    """Do one step of sending or receiving as soon as the other side is ready.  Raises TimeoutError when time is up."""
    if left is None:
        pipe.settimeout(None)  # undo the timeout of an earlier frame
        return step(what)
    while (seconds := left()) > 0:
        pipe.settimeout(min(seconds, LONGEST_WAIT))
        try:
            return step(what)
        except TimeoutError:
            continue
    raise TimeoutError


def plain_text(thing: Any) -> str:
    """Remove terminal codes, stacked marks, and control characters except line feeds and tabs from a text.

    Raises Broken if ``thing`` is not a text.
    """
    if not isinstance(thing, str):
        raise Broken("a text that is none")
    return _STACKED.sub(r"\1", _CONTROL.sub("", _TERMINAL.sub("", thing)))
