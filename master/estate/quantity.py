"""Amounts with a unit: `15m`, `8Mbit`, `3072M`, `24`. A unit is never guessed.

Called by the schema (spans of time) and by targets (`link.down<4Mbit`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

MINUTE, HOUR, DAY = 60, 3600, 86_400
WORDS = {"hourly": HOUR, "daily": DAY, "weekly": 7 * DAY}

_UNITS: dict[str, tuple[str, int]] = {
    "": ("number", 1),
    "s": ("time", 1),
    "m": ("time", MINUTE),
    "h": ("time", HOUR),
    "d": ("time", DAY),
    "w": ("time", 7 * DAY),
    "bit": ("rate", 1),
    "kbit": ("rate", 1000),
    "Mbit": ("rate", 1000**2),
    "Gbit": ("rate", 1000**3),
    "K": ("size", 1024),
    "M": ("size", 1024**2),
    "G": ("size", 1024**3),
    "T": ("size", 1024**4),
    "kB": ("size", 1000),
    "KB": ("size", 1000),
    "MB": ("size", 1000**2),
    "GB": ("size", 1000**3),
    "TB": ("size", 1000**4),
    "%": ("share", 1),
}
_AMOUNT = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Za-z%]{0,4})")


@dataclass(frozen=True, slots=True)
class Quantity:
    """So much of something: seconds, bits per second, bytes, per cent or a bare number."""

    dimension: str
    amount: Fraction


def parse(text: str) -> Quantity | None:
    """The amount that the text names; None where it names none."""
    if text in WORDS:
        return Quantity("time", Fraction(WORDS[text]))
    match = _AMOUNT.fullmatch(text)
    if match is None or match[2] not in _UNITS:
        return None
    dimension, factor = _UNITS[match[2]]
    return Quantity(dimension, Fraction(match[1]) * factor)


def seconds(text: str) -> int | None:
    """A span of time in whole seconds; None where the text is none."""
    found = parse(text)
    if found is None or found.dimension != "time" or found.amount.denominator != 1:
        return None
    return int(found.amount)


def span(value: int) -> str:
    """Seconds as a person writes them: the largest unit that fits evenly."""
    for unit, factor in (("d", DAY), ("h", HOUR), ("m", MINUTE)):
        if value and value % factor == 0:
            return f"{value // factor}{unit}"
    return f"{value}s"
