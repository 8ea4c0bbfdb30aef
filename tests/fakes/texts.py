"""The texts of classes that travel, found by their annotations: so a field that is new is attacked from its first day."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from random import Random
from types import NoneType
from typing import Annotated, Any, ClassVar, TypeVar, get_args, get_origin, get_type_hints

from orch.common import codec
from orch.common.codec import DEFAULT_LENGTH, Length, Pattern
from orch.common.operations import OPERATIONS
from tests.fakes.hostile import TEXTS
from tests.proof.invent import invent
from tests.proof.mutate import packed, unpacked

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Text:
    """A text somewhere in a class: where, and what a pattern binds it to; empty for any text."""

    cls: type
    name: str
    bound: str

    @property
    def where(self) -> str:
        """As a table of them names it."""
        return f"{self.cls.__name__}.{self.name}"


def members(cls: type) -> dict[str, Any]:
    """The annotations of what travels of a class."""
    hints = get_type_hints(cls, include_extras=True)
    return {name: hint for name, hint in hints.items() if get_origin(hint) is not ClassVar}


def texts(cls: type) -> Iterator[Text]:
    """Every text of a class, and of the classes in it."""
    for name, hint in members(cls).items():
        yield from _walk(hint, cls, name, "")


def _walk(hint: Any, cls: type, name: str, bound: str) -> Iterator[Text]:
    if get_origin(hint) is Annotated:
        inner, *limits = get_args(hint)
        yield from _walk(inner, cls, name, next((one.what for one in limits if isinstance(one, Pattern)), ""))
    elif dataclasses.is_dataclass(hint) and isinstance(hint, type):
        yield from texts(hint)
    elif hint is str:
        yield Text(cls, name, bound)
    else:
        for inner in get_args(hint):
            yield from _walk(inner, cls, name, bound)


def poisoned(value: T, text: str) -> T:
    """The same with this text, cut to what may stand there, in the place of every text that no pattern binds."""
    hints = members(type(value))
    changed = {name: _poisoned(hint, getattr(value, name), text) for name, hint in hints.items()}
    return dataclasses.replace(value, **changed)  # type: ignore[type-var]  # what has members is a dataclass


def _poisoned(hint: Any, value: Any, text: str) -> Any:
    inner: Any = hint
    limits: list[Any] = []
    if get_origin(hint) is Annotated:
        inner, *limits = get_args(hint)
    if inner is str:
        length = next((one for one in limits if isinstance(one, Length)), DEFAULT_LENGTH)
        return value if any(isinstance(one, Pattern) for one in limits) else text[: length.high]
    if dataclasses.is_dataclass(value):
        return poisoned(value, text)
    if get_origin(inner) is tuple:
        (member, *_) = get_args(inner)
        before = value or (("",) if _is_text(member) else ())
        return tuple(_poisoned(member, one, text) for one in before)
    kinds = [kind for kind in get_args(inner) if kind is not NoneType]
    return _poisoned(kinds[0], value, text) if value is not None and len(kinds) == 1 else value


def _is_text(hint: Any) -> bool:
    return (get_args(hint)[0] if get_origin(hint) is Annotated else hint) is str


def wrong_arguments() -> Iterator[tuple[str, bytes]]:
    """Every operation, with each of its members in turn a hostile text, or with such a text in the place of a name."""
    for name, operation in OPERATIONS.items():
        good = unpacked(codec.encode(invent(operation.takes, Random(1))))
        for member in members(operation.takes):
            for text in TEXTS:
                yield name, packed({**good, member: text})
                yield name, packed({**good, member: [text]})
    for text in TEXTS:
        yield text, packed({})
