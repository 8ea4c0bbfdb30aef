"""What stdout and stderr are, and what that allows: colours, signs beyond ASCII, a screen that is redrawn.

Each stream is looked at by itself: `orch apply 2>log` writes no colour into the log, and `orch status | less` still
tells its hints in colour.

Called by group.py; nothing else looks at the streams, the locale or NO_COLOR.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import TextIO

_PLAIN = ("C", "POSIX")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One of the two."""

    colour: bool
    moves: bool  # a terminal on which a screen can be redrawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """Both, and what they have in common."""

    out: Stream
    err: Stream
    ascii: bool
    width: int  # columns of the terminal that stdout is; 0 where it is none


def look(colour: str, *, ascii_only: bool) -> Terminal:
    """What to make of the streams, from the options, NO_COLOR, TERM, the locale and the streams themselves."""
    out, err = _stream(sys.stdout, colour), _stream(sys.stderr, colour)
    return Terminal(
        out=out,
        err=err,
        ascii=ascii_only or not _knows_unicode(),
        width=shutil.get_terminal_size().columns if sys.stdout.isatty() else 0,
    )


def _stream(stream: TextIO, colour: str) -> Stream:
    moves = stream.isatty() and os.environ.get("TERM") != "dumb"
    wanted = colour == "always" or (colour == "auto" and moves and not os.environ.get("NO_COLOR"))
    return Stream(colour=wanted, moves=moves)


def _knows_unicode() -> bool:
    """Whether signs can be shown. Python itself writes UTF-8 also in the locale C, where a terminal may not read it."""
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    return encoding.startswith("utf") and locale() not in _PLAIN


def locale() -> str:
    """What the person said about characters; empty: nothing, and then Python knows best."""
    if said := os.environ.get("LC_ALL"):
        return said
    said, general = os.environ.get("LC_CTYPE", ""), os.environ.get("LANG", "")
    # Python puts C.UTF-8 there by itself where it finds the locale C (PEP 538); that was nobody's wish.
    return general if said in ("", "C.UTF-8") and general else said
