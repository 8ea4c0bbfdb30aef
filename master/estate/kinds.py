"""What a value may look like: the building blocks of the schema. Each reads a node and says what is wrong with it.

Invariants:
- a kind that returns a value has checked it completely; None means that the fault has been reported;
- unknown keys are errors and suggest the nearest; keys that are not built yet are errors of their own;
- nothing is looked up outside the node: whether a name exists is asked in checks.py.

Called by schema.py (which is made of these) and reference.py (which prints them).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, cast

from orch.common.errors import EstateError
from orch.master.estate import source
from orch.master.estate.diagnostics import Findings, Located, Mark, suggest

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Wrong(EstateError):
    """A value is not what its key takes; caught here and reported with its place."""

    code = "value"
    hint = ""


class Kind(Protocol[T_co]):
    """How to read one value."""

    @property
    def words(self) -> str:
        """What it takes, in words, for the reference."""

    def read(self, node: source.Node, findings: Findings) -> T_co | None:
        """The value; None where it is wrong, which has then been said."""


@dataclass(frozen=True, slots=True)
class Leaf(Generic[T_co]):
    """A single value."""

    words: str
    convert: Callable[[source.Scalar], T_co]

    def read(self, node: source.Node, findings: Findings) -> Located[T_co] | None:
        """The value and its place."""
        if not isinstance(node, source.Scalar):
            findings.error(node.mark, f"this must be {self.words}, not {_shape(node)}")
            return None
        if node.value is None:
            findings.error(node.mark, f"a value is missing: {self.words}", 'an empty text is written ""')
            return None
        try:
            return Located(self.convert(node), node.mark)
        except Wrong as wrong:
            findings.error(node.mark, wrong.text, wrong.hint)
            return None


@dataclass(frozen=True, slots=True)
class Many(Generic[T_co]):
    """A list of values."""

    item: Kind[T_co]
    low: int = 0
    high: int = 1000
    lone: Kind[T_co] | None = None  # one value that may stand without brackets, such as "*"

    @property
    def words(self) -> str:
        """`a list of names`."""
        text = f"a list; each: {self.item.words}"
        return f"{self.lone.words}, or {text}" if self.lone else text

    def read(self, node: source.Node, findings: Findings) -> Located[tuple[T_co, ...]] | None:
        """Every value; None if one of them is wrong."""
        if self.lone is not None and isinstance(node, source.Scalar):
            alone = self.lone.read(node, findings)
            return None if alone is None else Located((alone,), node.mark)
        if not isinstance(node, source.Sequence):
            text = node.text if isinstance(node, source.Scalar) and node.text else "..."
            findings.error(node.mark, f"this must be a list, not {_shape(node)}", f"write [{text}]")
            return None
        if not self.low <= len(node.items) <= self.high:
            findings.error(node.mark, f"{len(node.items)} values where {self.low} to {self.high} are allowed")
            return None
        values = [self.item.read(item, findings) for item in node.items]
        good = tuple(value for value in values if value is not None)
        return Located(good, node.mark) if len(good) == len(values) else None


@dataclass(frozen=True, slots=True)
class Row(Generic[T_co]):
    """One line of a table: the place of its key, and its value."""

    mark: Mark
    value: T_co


@dataclass(frozen=True, slots=True)
class Table(Generic[T_co]):
    """Names that the operator chooses, each with a value of the same kind."""

    key: Leaf[str]
    value: Kind[T_co]
    high: int = 10_000

    @property
    def words(self) -> str:
        """`a table: name to ...`."""
        return f"a table from {self.key.words} to {self.value.words}"

    def read(self, node: source.Node, findings: Findings) -> Located[Mapping[str, Row[T_co]]] | None:
        """Rows in the order in which they were written; wrong ones are left out."""
        entries = _entries(node, self.words, findings)
        if entries is None:
            return None
        if len(entries) > self.high:
            findings.error(node.mark, f"{len(entries)} entries where at most {self.high} are allowed")
            return None
        rows: dict[str, Row[T_co]] = {}
        for entry in entries:
            key = self.key.read(source.Scalar(entry.key, entry.key, entry.mark), findings)
            value = self.value.read(entry.node, findings)
            if key is not None and value is not None:
                rows[key.value] = Row(entry.mark, value)
        return Located(rows, node.mark)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key(Generic[T_co]):
    """A key of the format: what it takes and what it is for."""

    name: str
    kind: Kind[T_co]
    text: str
    default: str = ""
    built: bool = True
    required: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A map with known keys, checked."""

    mark: Mark
    values: Mapping[str, object]
    marks: Mapping[str, Mark]

    def get(self, key: Key[T]) -> T | None:
        """The value of a key; None where it is not written or was wrong."""
        return cast("T | None", self.values.get(key.name))

    def at(self, key: Key[T]) -> Mark:
        """Where the key stands; the map's own place where it does not."""
        return self.marks.get(key.name, self.mark)


@dataclass(frozen=True, slots=True)
class Fields:
    """A map with known keys and no others."""

    noun: str  # a site, a host
    keys: tuple[Key[object], ...]
    unknown: str = "unknown key"

    @property
    def words(self) -> str:
        """`a host (keys below)`."""
        return f"{self.noun}: a map"

    def read(self, node: source.Node, findings: Findings) -> Record | None:
        """The map; values that are wrong are left out of it, and have been said."""
        entries = _entries(node, self.words, findings)
        if entries is None:
            return None
        known = {key.name: key for key in self.keys}
        values: dict[str, object] = {}
        for entry in entries:
            key = known.get(entry.key)
            if key is None:
                findings.error(entry.mark, f'{self.unknown} "{entry.key}" in {self.noun}', suggest(entry.key, known))
                continue
            value = _value(key, entry, findings)
            if value is not None:
                values[key.name] = value
        marks = {entry.key: entry.mark for entry in entries}
        for key in self.keys:
            if key.required and key.name not in marks:
                findings.error(node.mark, f'{self.noun} lacks the key "{key.name}"', f"{key.name}: {key.kind.words}")
        return Record(node.mark, values, marks)


def _value(key: Key[object], entry: source.Entry, findings: Findings) -> object | None:
    if key.built:
        return key.kind.read(entry.node, findings)
    findings.unsupported(entry.mark, f'"{key.name}"')
    with findings.inside_unbuilt():
        return key.kind.read(entry.node, findings)


@dataclass(frozen=True, slots=True)
class Shapes:
    """A value that may be written in more than one shape."""

    words: str
    scalar: Kind[object] | None = None
    sequence: Kind[object] | None = None
    mapping: Kind[object] | None = None

    def read(self, node: source.Node, findings: Findings) -> object | None:
        """As the shape that it has."""
        by_shape: dict[type, Kind[object] | None] = {
            source.Scalar: self.scalar,
            source.Sequence: self.sequence,
            source.Mapping: self.mapping,
        }
        kind = by_shape[type(node)]
        if kind is None:
            findings.error(node.mark, f"this must be {self.words}, not {_shape(node)}")
            return None
        return kind.read(node, findings)


@dataclass(frozen=True, slots=True)
class Free:
    """Anything: its meaning is checked where it is used."""

    words: str

    def read(self, node: source.Node, findings: Findings) -> source.Node | None:  # noqa: ARG002  every kind takes them
        """The node as it is."""
        return node


def _entries(node: source.Node, words: str, findings: Findings) -> tuple[source.Entry, ...] | None:
    """The keys of a map; a key with nothing below it is an empty map (`lab-srv1:`)."""
    if isinstance(node, source.Mapping):
        return node.entries
    if isinstance(node, source.Scalar) and node.value is None:
        return ()
    findings.error(node.mark, f"this must be {words}, not {_shape(node)}", "write key: value below it")
    return None


def _shape(node: source.Node) -> str:
    if isinstance(node, source.Mapping):
        return "a map"
    if isinstance(node, source.Sequence):
        return "a list"
    if node.value is None:
        return "nothing"
    return f'"{node.text[:60]}"'
