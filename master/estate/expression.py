"""The grammar of targets: which hosts are meant. Text in, a tree out; what the names stand for is asked in targets.py.

    target  := both ("or" | ",") ...            lists:  library,school      @libraries or ring:lab
    both    := one "and" ...
    one     := "not" one | "(" target ")" | atom
    atom    := "*" | SITE | SITE/HOST | @GROUP | ring:RING
             | LABEL relation VALUE             kind=library   link.down<4Mbit   title="Two words"
             | svc:NAME [relation VALUE]        svc:apps<2.5
             | fact:NAME relation VALUE         fact:xen.version~4.17
             | state:WORD                       state:offline
    relation := = != < <= > >= ~                ~ : holds the text

Refuses everything else at its very column; never evaluates anything.

Called by targets.py, and by reader.py for the groups of an estate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from orch.common import names
from orch.common.errors import UsageError
from orch.master.estate.diagnostics import printable, suggest

MAX_LENGTH = 200_000
MAX_DEPTH = 40


class TargetError(UsageError):
    """A target is not understood, or names what is not there; nothing was done."""

    code = "target"

    def __init__(self, problem: str, expression: str, span: Span, *, hint: str = "") -> None:
        """Lay out the words, the expression, and a mark under the piece that is wrong."""
        self.problem, self.span = problem, span
        start = max(0, span.start - 60)
        shown = printable(expression[start : start + 120].replace("\t", " "))
        carets = " " * (span.start - start) + "^" * max(1, min(span.length, 120 - (span.start - start)))
        super().__init__(f"{problem}\n   {shown}\n   {carets}", hint=hint)


class NotThere(TargetError):
    """A target names a site, a host or a label that the estate has not."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a piece stands in the expression, from 0."""

    start: int
    length: int


class Relation(Enum):
    """How a value is compared."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    LESS_EQUAL = "<="
    GREATER = ">"
    GREATER_EQUAL = ">="
    HOLDS = "~"


@dataclass(frozen=True, slots=True)
class Everything:
    """`*`."""

    span: Span


@dataclass(frozen=True, slots=True)
class Named:
    """A site, or one host of it."""

    site: str
    host: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Member:
    """`@group` or `ring:name`."""

    of: str  # group, ring
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Compare:
    """Something that the estate says of a host, against a value."""

    path: str
    relation: Relation
    value: str
    span: Span


class Source(Enum):
    """Where live data comes from."""

    SERVICE = "svc"
    FACT = "fact"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Question:
    """Something that only the centre knows now; a resolver answers it host by host."""

    source: Source
    name: str
    relation: Relation | None
    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Not:
    """Every host but these."""

    inner: Expression


@dataclass(frozen=True, slots=True)
class Both:
    """Hosts that all parts name."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Hosts that any part names."""

    parts: tuple[Expression, ...]


Atom: TypeAlias = "Everything | Named | Member | Compare | Question"
Expression: TypeAlias = "Atom | Not | Both | Either"


def parse(text: str) -> Expression:
    """Read a target.

    Raises:
        TargetError: with the column that is wrong.
    """
    if len(text) > MAX_LENGTH:
        raise TargetError(f"a target has at most {MAX_LENGTH} characters", text, Span(0, 1))
    reader = _Reader(text)
    found = reader.target(0)
    reader.end()
    return found


def atoms(expression: Expression) -> Iterator[Atom]:
    """Every piece that speaks of hosts, from left to right."""
    if isinstance(expression, Not):
        yield from atoms(expression.inner)
    elif isinstance(expression, Both | Either):
        for part in expression.parts:
            yield from atoms(part)
    else:
        yield expression


_TOKEN = re.compile(
    r"""(?P<blank>\s+)|(?P<relation><=|>=|!=|[<>=~])|(?P<sign>[(),*])|(?P<quoted>"[^"]*"|'[^']*')"""
    r"""|(?P<word>[^\s(),*<>=!~"']+)|(?P<wrong>.)""",
    re.DOTALL,
)
_PATH = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # relation, sign, quoted, word, end
    text: str
    span: Span


class _Reader:
    """Recursive descent; one method for each line of the grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [
            _Token(match.lastgroup or "", match[0], Span(match.start(), len(match[0])))
            for match in _TOKEN.finditer(text)
            if match.lastgroup != "blank"
        ]
        self.tokens.append(_Token("end", "", Span(len(text.rstrip()), 1)))
        self.at = 0

    def target(self, depth: int) -> Expression:
        parts = [self.both(depth)]
        while self.take("word", "or") or self.take("sign", ","):
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def both(self, depth: int) -> Expression:
        parts = [self.one(depth)]
        while self.take("word", "and"):
            parts.append(self.one(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def one(self, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise self.wrong(f"nested deeper than {MAX_DEPTH}", self.peek.span)
        if self.take("word", "not"):
            return Not(self.one(depth + 1))
        opened = self.take("sign", "(")
        if opened:
            inner = self.target(depth + 1)
            if not self.take("sign", ")"):
                raise self.wrong("this parenthesis is not closed", opened.span)
            return inner
        star = self.take("sign", "*")
        return Everything(star.span) if star else self.atom()

    def atom(self) -> Expression:
        token = self.peek
        if token.kind != "word" or token.text in ("and", "or"):
            said = "the target ends" if token.kind == "end" else f'"{token.text}" stands'
            raise self.wrong(f"{said} where a site, @group or label=value should be", token.span)
        self.at += 1
        prefix, colon, rest = token.text.partition(":")
        if colon:
            return self.prefixed(token, prefix, rest)
        if self.peek.kind == "relation":
            return self.compare(token)
        if token.text.startswith("@"):
            return Member("group", self.name(token.text[1:], token, "a group's name"), token.span)
        return self.named(token)

    def named(self, token: _Token) -> Named:
        site, slash, host = token.text.partition("/")
        self.name(site, token, "a site's name")
        return Named(site, self.name(host, token, "a host's name") if slash else None, token.span)

    def prefixed(self, token: _Token, prefix: str, rest: str) -> Expression:
        if prefix == "ring":
            return Member("ring", self.name(rest, token, "a ring's name"), token.span)
        known = [source.value for source in Source]
        if prefix not in known:
            hint = suggest(prefix, [*known, "ring"], otherwise="known are ring: svc: fact: state:")
            raise self.wrong(f'unknown kind of target "{prefix}:"', Span(token.span.start, len(prefix) + 1), hint)
        source = Source(prefix)
        name = self.name(rest, token, "a name")
        if source is Source.STATE or (source is Source.SERVICE and self.peek.kind != "relation"):
            return Question(source, name, None, "", token.span)
        relation, value, span = self.comparison(token)
        return Question(source, name, relation, value, span)

    def compare(self, token: _Token) -> Compare:
        if not _PATH.fullmatch(token.text):
            raise self.wrong(f'"{token.text[:80]}" is not a name for a label', token.span)
        relation, value, span = self.comparison(token)
        return Compare(token.text, relation, value, span)

    def comparison(self, token: _Token) -> tuple[Relation, str, Span]:
        relation = self.peek
        if relation.kind != "relation":
            raise self.wrong(f"{token.text} needs a comparison", token.span, f"write {token.text}=VALUE")
        self.at += 1
        value = self.peek
        if value.kind not in ("word", "quoted"):
            hint = "quote a value that holds blanks, commas or parentheses" if value.kind != "end" else ""
            raise self.wrong(f"a value is missing after {token.text}{relation.text}", value.span, hint)
        self.at += 1
        text = value.text[1:-1] if value.kind == "quoted" else value.text
        end = value.span.start + value.span.length
        return Relation(relation.text), text, Span(token.span.start, end - token.span.start)

    def end(self) -> None:
        token = self.peek
        if token.kind == "end":
            return
        if token.kind == "wrong" or token.text == ")":
            raise self.wrong(f'"{token.text}" does not belong here', token.span)
        raise self.wrong("two targets with nothing between them", token.span, 'join them with a comma, "and" or "or"')

    def name(self, text: str, token: _Token, what: str) -> str:
        if not names.is_name(text):
            lower = text.lower()
            hint = f'did you mean "{lower}"?' if names.is_name(lower) else ""
            raise self.wrong(f'"{text[:80]}" is not {what}', token.span, hint)
        return text

    @property
    def peek(self) -> _Token:
        return self.tokens[self.at]

    def take(self, kind: str, text: str) -> _Token | None:
        token = self.tokens[self.at]
        if token.kind != kind or token.text != text:
            return None
        self.at += 1
        return token

    def wrong(self, problem: str, span: Span, hint: str = "") -> TargetError:
        return TargetError(problem, self.text, span, hint=hint)
