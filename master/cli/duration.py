"""Lengths of time on the command line: `20s`, `5m`, `2h`; a bare number is seconds."""

from __future__ import annotations

import re

import click

_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_WRITTEN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)")


def seconds(_context: click.Context, _parameter: click.Parameter, value: str) -> float:
    """The seconds that an option's text means; for `callback=`."""
    found = _WRITTEN.fullmatch(value.strip())
    if found is None or found[2] not in _UNITS or not float(found[1]):
        raise click.BadParameter(f"{value!r} is no length of time; write 20s, 5m or 2h")
    return float(found[1]) * _UNITS[found[2]]
