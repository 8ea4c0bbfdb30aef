"""Settings files: TOML to a frozen dataclass, whole or not at all.

The dataclass is the schema: its annotations say types and limits, its defaults say what may be left out, a field whose
type is a dataclass is a table of its own. Dashes in the file stand for underscores in the class.

Refuses to do: guess. An unknown key is an error that names the nearest known one; nothing is passed over in silence.

Invariants:
- everything that is wrong with a file is said at once, one line a mistake: `FILE: key: what is wrong`;
- a missing file is a file in which nothing is set, so a machine without one runs on the defaults.

Called by both daemons before anything else, and by `orch-master --check-config`.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar, cast, get_args, get_origin, get_type_hints

from orch.common.codec import Length, Pattern
from orch.common.errors import SettingsError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Range:
    """Limit on a number: at least `low`, at most `high`."""

    low: int
    high: int


def read(cls: type[T], path: Path) -> T:
    """The settings in a file.

    Args:
        cls: a frozen dataclass of str, int, bool, tuple[str, ...] and further such dataclasses; Annotated with Range,
            Length or Pattern where there are limits.
        path: the file; it need not exist.

    Raises:
        SettingsError: with one line per mistake, all of them.
    """
    try:
        text = path.read_text("utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as err:
        raise SettingsError(f"{path}: cannot be read: {err}") from err
    return parse(cls, text, str(path))


def parse(cls: type[T], text: str, name: str) -> T:
    """The settings in a text; `name` stands for its file in errors.

    Raises:
        SettingsError: with one line per mistake, all of them.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise SettingsError(f"{name}: {err}", hint="see the settings' reference page") from err
    except RecursionError as err:
        raise SettingsError(f"{name}: nested too deeply", hint="see the settings' reference page") from err
    found = _Reader()
    value = found.table(cls, table, ())
    if found.mistakes:
        raise SettingsError(
            "\n".join(f"{name}: {mistake}" for mistake in found.mistakes), hint="see the settings' reference page"
        )
    return cast(T, value)


class _Reader:
    """Walks schema and file together and collects what does not fit."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []

    def table(self, cls: type, table: dict[str, object], above: tuple[str, ...]) -> object:
        hints = get_type_hints(cls, include_extras=True)
        fields = {field.name.replace("_", "-"): field for field in dataclasses.fields(cls)}
        given: dict[str, object] = {}
        for key, value in table.items():
            if key in fields:
                given[fields[key].name] = self._member(hints[fields[key].name], value, (*above, key))
            else:
                self._unknown((*above, key), list(fields))
        for key, field in fields.items():
            needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            if needed and field.name not in given:
                self._say((*above, key), "is missing")
        return None if self.mistakes else cls(**given)

    def _member(self, hint: object, value: object, where: tuple[str, ...]) -> object:
        limits: tuple[object, ...] = ()
        if get_origin(hint) is Annotated:
            hint, *extra = get_args(hint)
            limits = tuple(extra)
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            if isinstance(value, dict):
                return self.table(hint, value, where)
            self._say(where, "is not a table")
            return None
        if get_origin(hint) is tuple:
            return self._members(value, limits, where)
        kind = cast(type, hint)
        if type(value) is not kind:
            self._say(where, f"is not {_NAMES[kind]}")
        else:
            for problem in _problems(value, limits):
                self._say(where, problem)
        return value

    def _members(self, value: object, limits: tuple[object, ...], where: tuple[str, ...]) -> object:
        if not isinstance(value, list) or not all(isinstance(member, str) for member in value):
            self._say(where, "is not a list of texts")
            return ()
        for length in (item for item in limits if isinstance(item, Length)):
            if not length.low <= len(value) <= length.high:
                self._say(where, f"has {len(value)} members, allowed are {length.low} to {length.high}")
        for member in value:
            for problem in _problems(member, tuple(item for item in limits if isinstance(item, Pattern))):
                self._say(where, problem)
        return tuple(value)

    def _unknown(self, where: tuple[str, ...], known: list[str]) -> None:
        near = difflib.get_close_matches(where[-1].replace("_", "-"), known, n=1, cutoff=0.5)
        advice = f"did you mean {near[0]}?" if near else f"known here: {', '.join(sorted(known))}"
        self._say(where, f"is not a setting; {advice}")

    def _say(self, where: tuple[str, ...], what: str) -> None:
        self.mistakes.append(f"{'.'.join(where)}: {what}")


_NAMES = {str: "a text", int: "a whole number", bool: "true or false"}


def _problems(value: object, limits: tuple[object, ...]) -> Iterator[str]:
    for limit in limits:
        match limit:
            case Range(low=low, high=high) if isinstance(value, int) and not low <= value <= high:
                yield f"is {value}, allowed are {low} to {high}"
            case Length(low=low, high=high) if isinstance(value, str) and not low <= len(value) <= high:
                yield f"has {len(value)} characters, allowed are {low} to {high}"
            case Pattern(expression=expression, what=what) if isinstance(value, str):
                if re.fullmatch(expression, value) is None:
                    yield f"is not {what}: {value[:80]!r}"
            case _:
                continue
