"""Bytes to objects and back: the only door to msgpack.

A class that travels is a frozen dataclass; its annotations are its schema. `encode` writes it as a map
with the fields in order of declaration; `decode` accepts exactly that and nothing else.

Refuses, by design (msgpack itself lets all of the first line through):
- duplicate keys, extension types, timestamps, floats, trailing bytes;
- more bytes, members, characters or nesting than the caller and the annotations allow;
- unknown fields, unless the caller says `unknown="ignore"` (protocol messages, so that version N speaks with N-1);
- missing fields that have no default; integers outside 0..2^63-1 (no negative number travels).

A field that a class got later says so (`LATER`): it is not written while it has its default. So what does not use it
has the very bytes that it had before, and a reader that does not know it yet takes them.

It never re-encodes what it read: signatures are over bytes as received (envelope.py).

Annotations understood: str, bytes, int, bool, Enum with str values, dataclasses, tuple[X, ...], X | None,
each also as Annotated[X, limit] with a limit from this module.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache, partial
from types import NoneType, UnionType
from typing import Annotated, Final, Literal, TypeAlias, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgpack

from orch.common import heads
from orch.common.errors import Malformed

T = TypeVar("T")
Plain: TypeAlias = "str | bytes | int | bool | list[Plain] | dict[str, Plain] | None"
Unknown = Literal["refuse", "ignore"]

MAX_INT = (1 << 63) - 1
MAX_DEPTH = 12
"""Deepest nesting that any orch structure has, with room; an attacker's deeper one is refused."""


@dataclass(frozen=True, slots=True)
class Length:
    """Limit on characters, bytes or members: at least `low`, at most `high`."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text must match this regular expression from end to end; `what` names it in errors."""

    expression: str
    what: str


Limit: TypeAlias = Length | Pattern
Bytes16 = Annotated[bytes, Length(16, 16)]
Bytes32 = Annotated[bytes, Length(32, 32)]
Bytes64 = Annotated[bytes, Length(64, 64)]
Line = Annotated[str, Length(0, 300)]
Text = Annotated[str, Length(0, 8000)]

LATER: Final[Mapping[str, bool]] = {"orch-later": True}
"""`field(default=..., metadata=LATER)`: not written where it has its default."""

DEFAULT_LENGTH = Length(0, 10_000)
"""For members of tuples and characters of texts that say nothing themselves."""


def encode(value: object) -> bytes:
    """Write a dataclass, or a plain structure of the same members, as msgpack bytes.

    Limits and patterns are not checked here: whoever signs reads back what was written first (authoring.py, attest.py).

    Raises:
        Malformed: something in it cannot be written at all: a set, a too large number, half a character.
    """
    try:
        return msgpack.packb(value, use_bin_type=True, strict_types=True, default=_plain)
    except (ValueError, TypeError, OverflowError) as err:
        raise Malformed(f"this cannot be written: {err}") from err


def decode(cls: type[T], data: bytes, *, limit: int, unknown: Unknown = "refuse") -> T:
    """Read one `cls` from `data`.

    Args:
        cls: a dataclass whose annotations this module understands.
        data: the bytes, all of them.
        limit: most bytes that this kind of thing may have.
        unknown: what to do with fields that `cls` does not have.

    Raises:
        Malformed: with the path of the member that is wrong.
    """
    return build(cls, parse(data, limit=limit), unknown=unknown)


def build(cls: type[T], value: Plain, *, unknown: Unknown = "refuse") -> T:
    """Make one `cls` of plain values that `parse` gave.

    Raises:
        Malformed: with the path of the member that is wrong.
    """
    try:
        return cast(T, _reader(cast(Hashable, cls))(value, unknown))
    except _Misfit as err:
        raise Malformed(f"{cls.__name__}{''.join(reversed(err.path))}{err.problem}") from err


def field_names(cls: type) -> tuple[str, ...]:
    """The members of a travelling class, in the order in which they are written."""
    return _names(cls)


def parse(data: bytes, *, limit: int) -> Plain:
    """Read plain values with all the refusals above but no schema.

    Raises:
        Malformed: too long, or not strict msgpack.
    """
    if len(data) > limit:
        raise Malformed(f"{len(data)} bytes where at most {limit} are allowed")
    heads.check(data, depth=MAX_DEPTH)
    # What is not checked from here on, heads.py has: extensions, floats, numbers, texts, keys, depth, trailing bytes.
    # Nothing below may fail half-way: msgpack 1.0.3 (Debian 12) never frees what it had built by then.
    duplicates: list[str] = []
    try:
        value = msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            object_pairs_hook=partial(_map, duplicates),
            max_str_len=limit,
            max_bin_len=limit,
            max_array_len=limit,
            max_map_len=limit,
            max_ext_len=0,
        )
    except (ValueError, TypeError, msgpack.exceptions.UnpackException) as err:  # a msgpack stricter than those we know
        raise Malformed(f"not valid msgpack: {type(err).__name__}") from err
    if duplicates:
        raise Malformed(f"duplicate key {duplicates[0][:40]!r}")
    return cast(Plain, value)


def _map(duplicates: list[str], pairs: list[tuple[str, Plain]]) -> dict[str, Plain]:
    """The map of these pairs; a key that is there twice is noted instead of raised (see `parse`)."""
    result = dict(pairs)
    if len(result) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        duplicates.append(next(key for key, count in counts.items() if count > 1))
    return result


def _plain(value: object) -> object:
    """What msgpack does not write by itself, in its words; it asks again for the members."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        cls = type(value)
        written = {name: getattr(value, name) for name in _names(cls)}
        for name, default in _later(cls):
            if written[name] == default:
                del written[name]
        return written
    raise TypeError(f"a {type(value).__name__} does not travel")


@cache
def _names(cls: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cls))


@cache
def _later(cls: type) -> tuple[tuple[str, object], ...]:
    marked = (field for field in dataclasses.fields(cls) if field.metadata.get("orch-later"))
    return tuple((field.name, field.default) for field in marked)


class _Misfit(Exception):
    """A member is not what its annotation says. Its path is put together on the way out: good messages pay nothing."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem  # as it follows the path: " is not str"
        self.path: list[str] = []  # from the inside out: ".name", "[3]"


Reader: TypeAlias = Callable[[object, Unknown], object]


@cache
def _reader(annotation: Hashable) -> Reader:
    """The function that turns a plain value into what the annotation says."""
    limits: tuple[Limit, ...] = ()
    if get_origin(annotation) is Annotated:
        annotation, *extra = get_args(annotation)
        limits = tuple(item for item in extra if isinstance(item, Length | Pattern))
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return _optional(annotation)
    if origin is tuple:
        return _members(_reader(get_args(annotation)[0]), _length(limits))
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return _structure(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _enumeration(annotation)
    if annotation in (int, bool):
        return _atom(cast(type, annotation))
    if annotation in (str, bytes):
        return _scalar(annotation, limits)
    raise TypeError(f"codec does not know how to read {annotation!r}")


def _length(limits: tuple[Limit, ...]) -> Length:
    return next((item for item in limits if isinstance(item, Length)), DEFAULT_LENGTH)


def _optional(annotation: object) -> Reader:
    inner = [item for item in get_args(annotation) if item is not NoneType]
    if len(inner) != 1:
        raise TypeError(f"only X | None travels, not {annotation!r}")
    read = _reader(inner[0])

    def optional(value: object, unknown: Unknown) -> object:
        return None if value is None else read(value, unknown)

    return optional


def _members(read: Reader, length: Length) -> Reader:
    low, high = length.low, length.high

    def members(value: object, unknown: Unknown) -> object:
        if not isinstance(value, list):
            raise _Misfit(" is not a list")
        if not low <= len(value) <= high:
            raise _Misfit(f" has {len(value)} members, allowed are {low} to {high}")
        result: list[object] = []
        try:
            for member in value:
                result.append(read(member, unknown))  # noqa: PERF401  how far it came is the place of the mistake
        except _Misfit as err:
            err.path.append(f"[{len(result)}]")
            raise
        return tuple(result)

    return members


def _enumeration(cls: type[Enum]) -> Reader:
    known: dict[object, Enum] = {item.value: item for item in cls}

    def enumeration(value: object, _unknown: Unknown) -> object:
        found = known.get(value) if type(value) is str else None
        if found is None:
            raise _Misfit(f" is none of {', '.join(str(item) for item in known)}")
        return found

    return enumeration


def _atom(kind: type) -> Reader:
    def atom(value: object, _unknown: Unknown) -> object:
        if type(value) is not kind:
            raise _Misfit(f" is not {kind.__name__}")
        return value

    return atom


def _scalar(kind: type[str | bytes], limits: tuple[Limit, ...]) -> Reader:
    length = _length(limits)
    low, high = length.low, length.high
    patterns = tuple((re.compile(item.expression), item.what) for item in limits if isinstance(item, Pattern))

    def scalar(value: object, _unknown: Unknown) -> object:
        if type(value) is not kind:
            raise _Misfit(f" is not {kind.__name__}")
        if not low <= len(value) <= high:
            raise _Misfit(f" has length {len(value)}, allowed are {low} to {high}")
        return value

    def patterned(value: object, unknown: Unknown) -> object:
        text = cast(str, scalar(value, unknown))
        for expression, what in patterns:
            if not expression.fullmatch(text):
                raise _Misfit(f" is not {what}: {text[:80]!r}")
        return text

    return patterned if patterns else scalar


def _structure(cls: type) -> Reader:
    hints = get_type_hints(cls, include_extras=True)
    readers = {field.name: _reader(hints[field.name]) for field in dataclasses.fields(cls)}
    needed = frozenset(field.name for field in dataclasses.fields(cls) if _has_no_default(field))

    def structure(value: object, unknown: Unknown) -> object:
        if not isinstance(value, dict):
            raise _Misfit(" is not a map")
        if unknown == "refuse" and (strange := value.keys() - readers.keys()):
            raise _Misfit(f" has an unknown field {min(strange)[:40]!r}")
        if missing := needed - value.keys():
            raise _Misfit(f" lacks the field {min(missing)!r}")
        given = _filled(readers, value, unknown)
        try:
            return cls(**given)
        except ValueError as err:  # a __post_init__ that checks what annotations cannot say
            raise _Misfit(f": {err}") from err

    return structure


def _filled(readers: Mapping[str, Reader], value: Mapping[object, object], unknown: Unknown) -> dict[str, object]:
    given: dict[str, object] = {}
    name = ""
    try:
        for name, read in readers.items():
            if name in value:
                given[name] = read(value[name], unknown)
    except _Misfit as err:
        err.path.append(f".{name}")
        raise
    return given


def _has_no_default(field: dataclasses.Field[object]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
