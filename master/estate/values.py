"""The single values of the format: names, numbers, spans, modes, paths. Each refuses what is nearly right, with a hint.

Called by schema.py.
"""

from __future__ import annotations

import re

from orch.common import names
from orch.master.estate import quantity, source
from orch.master.estate.diagnostics import suggest
from orch.master.estate.kinds import Leaf, Wrong


def text(words: str = "text", *, high: int = 300) -> Leaf[str]:
    """One line of text; numbers and true/false count as what was written."""

    def convert(node: source.Scalar) -> str:
        if not node.text.isprintable():
            raise Wrong("line ends and control characters are not allowed here")
        if len(node.text) > high:
            raise Wrong(f"{len(node.text)} characters where at most {high} are allowed")
        return node.text

    return Leaf(words, convert)


def content() -> Leaf[str]:
    """The content of a file: any text, several lines too."""

    def convert(node: source.Scalar) -> str:
        if not isinstance(node.value, str):
            raise Wrong("this is not text", hint=f'quote it: "{node.text}"')
        return node.text

    return Leaf("text, usually with `|`", convert)


def shaped(expression: str, words: str, *, hint: str = "") -> Leaf[str]:
    """Text that fits a regular expression."""
    pattern = re.compile(expression)

    def convert(node: source.Scalar) -> str:
        if not pattern.fullmatch(node.text):
            raise Wrong(f'"{node.text[:80]}" is not {words}', hint=hint)
        return node.text

    return Leaf(words, convert)


def name(of: str = "a name") -> Leaf[str]:
    """What sites, hosts, lists and the like may be called; not like a word that joins targets."""
    expression = rf"(?!(?:and|or|not)$){names.WORD}"
    return shaped(expression, of, hint="a-z, 0-9, dot, dash and underscore, at most 63; not: and, or, not")


def number(low: int, high: int) -> Leaf[int]:
    """A whole number."""
    words = f"a whole number from {low} to {high}"

    def convert(node: source.Scalar) -> int:
        if isinstance(node.value, bool) or not isinstance(node.value, int):
            raise Wrong(f'"{node.text[:80]}" is not {words}')
        if not low <= node.value <= high:
            raise Wrong(f"{node.value} is not {words}")
        return node.value

    return Leaf(words, convert)


def flag() -> Leaf[bool]:
    """True or false, and no other word for them."""

    def convert(node: source.Scalar) -> bool:
        if not isinstance(node.value, bool):
            raise Wrong(f'"{node.text[:80]}" is text here', hint="write true or false")
        return node.value

    return Leaf("true or false", convert)


def choice(*words: str) -> Leaf[str]:
    """One of a few words."""
    said = ", ".join(words[:-1]) + f" or {words[-1]}" if len(words) > 1 else words[0]

    def convert(node: source.Scalar) -> str:
        if node.text not in words:
            raise Wrong(f'"{node.text[:80]}" is not {said}', hint=suggest(node.text, words, otherwise=f"write {said}"))
        return node.text

    return Leaf(said, convert)


def span(low: int, high: int) -> Leaf[int]:
    """A span of time, in seconds once read."""
    words = "a span of time such as 15m, 2h, 30d or daily"

    def convert(node: source.Scalar) -> int:
        value = quantity.seconds(node.text)
        if value is None:
            bare = isinstance(node.value, int) and not isinstance(node.value, bool)
            hint = f"with its unit: {node.text}s, {node.text}m, {node.text}h or {node.text}d" if bare else ""
            raise Wrong(f'"{node.text[:80]}" is not {words}', hint=hint)
        if not low <= value <= high:
            raise Wrong(f"{node.text} is out of range: {quantity.span(low)} to {quantity.span(high)}")
        return value

    return Leaf(words, convert)


def amount(dimension: str, words: str) -> Leaf[str]:
    """An amount with its unit, as written."""

    def convert(node: source.Scalar) -> str:
        found = quantity.parse(node.text)
        if found is None or found.dimension != dimension:
            raise Wrong(f'"{node.text[:80]}" is not {words}')
        return node.text

    return Leaf(words, convert)


def mode() -> Leaf[int]:
    """A file's mode: four octal digits, quoted or not; anything shorter could have been meant as decimal."""
    words = 'a mode of four octal digits, such as "0644"'

    def convert(node: source.Scalar) -> int:
        if not re.fullmatch("[0-7]{4}", node.text):
            octal = re.fullmatch("(?:0o)?([0-7]{3})", node.text)
            raise Wrong(f'"{node.text[:80]}" is not {words}', hint=f'write "0{octal[1]}"' if octal else "")
        return int(node.text, 8)

    return Leaf(words, convert)


def decimal(low: int, high: int) -> Leaf[str]:
    """A number with a fraction, kept as written: floats do not travel."""
    words = f"a number from {low} to {high}"

    def convert(node: source.Scalar) -> str:
        if not re.fullmatch(r"-?[0-9]{1,6}(\.[0-9]{1,9})?", node.text) or not low <= float(node.text) <= high:
            raise Wrong(f'"{node.text[:80]}" is not {words}')
        return node.text

    return Leaf(words, convert)


_ELSEWHERE = ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/lib/dpkg", "/var/lib/apt")  # noqa: S108  refused, not used


def path() -> Leaf[str]:
    """Where a file goes on a host."""
    words = "an absolute path"

    def convert(node: source.Scalar) -> str:
        value = node.text
        if not value.startswith("/") or not value.isprintable() or not 2 <= len(value) <= 1024:
            hint = "" if value.startswith("/") else f"write /{value[:80]}"
            raise Wrong(f'"{value[:80]}" is not {words}', hint=hint)
        if any(part in ("", ".", "..") for part in value[1:].split("/")):
            raise Wrong(f'"{value[:80]}" has an empty part, . or .. in it')
        if any(value == place or value.startswith(place + "/") for place in _ELSEWHERE):
            raise Wrong(f"{value[:80]} is no place for a file of an estate", hint="it belongs to the running system")
        return value

    return Leaf(words, convert)


def below(folder: str) -> Leaf[str]:
    """A file of the estate, named from a folder of it."""
    words = f"a path below {folder}/"

    def convert(node: source.Scalar) -> str:
        value = node.text
        if not value.isprintable() or not 1 <= len(value) <= 1024:
            raise Wrong(f"this is not {words}")
        if value.startswith("/") or any(part in ("", ".", "..") for part in value.split("/")):
            raise Wrong(f'"{value[:80]}" is not {words}', hint="no leading /, no . or ..")
        return value

    return Leaf(words, convert)


def day() -> Leaf[str]:
    """A date; whether the calendar has it is asked by whoever honours it, once somebody does."""
    return shaped(r"20\d\d-[01]\d-[0-3]\d", "a date such as 2026-12-15")


def port() -> Leaf[str]:
    """A door that may be open on a host."""
    words = "a protocol and a port, such as tcp/22"

    def convert(node: source.Scalar) -> str:
        match = re.fullmatch(r"(tcp|udp)/([1-9][0-9]{0,4})", node.text)
        if not match or int(match[2]) > 65_535:
            raise Wrong(f'"{node.text[:80]}" is not {words}')
        return node.text

    return Leaf(words, convert)


def protected() -> Leaf[str]:
    """A package that is never removed, or a pattern of such names."""
    return shaped(r"[a-z0-9*][a-z0-9+.:*-]{1,147}", 'a package name, a pattern such as "grub-*", or essential')
