"""Valid values of any class that travels, made from its annotations: so a new message is fuzzed from its first day.

Only what `codec` understands is understood here. A pattern is met by one of the texts below, by its name.
"""

from __future__ import annotations

import dataclasses
from enum import Enum
from random import Random
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from orch.common.codec import DEFAULT_LENGTH, MAX_INT, Length, Pattern
from orch.common.settings import Range

TEXTS = {
    "a name (a-z 0-9 . _ -)": ("lib-srv1", "a", "x.y_z-0"),
    "a name or *": ("*", "main"),
    "a host's name (site/host)": ("library/dom0", "a/b"),
    "a package name": ("nano", "libc6:amd64", "g++"),
    "a Debian version": ("1.0", "1:2.3~rc1-4+b1"),
    "a plain absolute path": ("/etc/motd", "/srv/a b/c"),
}
PLAIN = ("", "a", "Grüße", "tcp://centre:4505", "two\nlines", "\u202eelif")


def invent(annotation: Any, fall: Random, depth: int = 0) -> Any:
    """A value that fits the annotation."""
    limits: tuple[Any, ...] = ()
    if get_origin(annotation) is Annotated:
        annotation, *extra = get_args(annotation)
        limits = tuple(extra)
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        inner = next(item for item in get_args(annotation) if item is not NoneType)
        return None if fall.random() < 0.4 else invent(inner, fall, depth)
    if origin is tuple:
        return _members(annotation, _length(limits), fall, depth)
    if dataclasses.is_dataclass(annotation):
        return _structure(annotation, fall, depth)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return fall.choice(list(annotation))
    return _scalar(annotation, limits, fall)


def _structure(cls: Any, fall: Random, depth: int) -> Any:
    """One whose members fit together as well, where its class asks for that."""
    hints = get_type_hints(cls, include_extras=True)
    for _ in range(200):
        try:
            return cls(**{item.name: invent(hints[item.name], fall, depth + 1) for item in dataclasses.fields(cls)})
        except ValueError:
            continue
    raise AssertionError(f"no {cls.__name__} came about by chance")


def _members(annotation: Any, length: Length, fall: Random, depth: int) -> tuple[Any, ...]:
    most = min(length.high, length.low + (3 if depth < 3 else 1))
    return tuple(invent(get_args(annotation)[0], fall, depth + 1) for _ in range(fall.randint(length.low, most)))


def _length(limits: tuple[Any, ...]) -> Length:
    return next((item for item in limits if isinstance(item, Length)), DEFAULT_LENGTH)


def _scalar(kind: Any, limits: tuple[Any, ...], fall: Random) -> Any:
    length = _length(limits)
    if kind is bool:
        return fall.random() < 0.5
    if kind is int:
        bounds = next((item for item in limits if isinstance(item, Range)), Range(0, MAX_INT))
        return fall.choice((bounds.low, *(min(bounds.high, bounds.low + more) for more in (1, 2)), bounds.high))
    if kind is bytes:
        sizes = (length.low, length.high) if length.high <= 64 else (length.low, length.low + 40)
        return fall.randbytes(fall.choice(sizes))
    for limit in limits:
        if isinstance(limit, Pattern):
            return fall.choice(TEXTS[limit.what])
    return fall.choice([text for text in PLAIN if len(text) >= length.low] or ["x" * length.low])
