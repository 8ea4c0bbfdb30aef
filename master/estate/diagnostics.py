"""What is wrong with the operator's files, where, and how it is shown.

Everything that is wrong is collected, in all files, so that a person mends it in one go; whoever needs a valid estate
calls `Findings.refuse_errors` and gets one EstateError with the whole list laid out.

Refuses to print what could drive a terminal: a file may come from somebody else's git.

Called by every module of master/estate, and by the command line for lint and for wrong targets.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum
from typing import Generic, TypeVar

from orch.common.errors import EstateError

T_co = TypeVar("T_co", covariant=True)
WIDTH = 110
"""Longest piece of a source line that is shown."""


class Severity(Enum):
    """An error stops everything; a warning is said and the work goes on."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A piece of a file: line and column count characters, from 1; column 0 stands for the whole line."""

    file: str
    line: int
    column: int = 0
    length: int = 1

    def __str__(self) -> str:
        """`sites/library.yaml:12:5`."""
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Located(Generic[T_co]):
    """A value and where it was written."""

    value: T_co
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One thing to mend."""

    severity: Severity
    file: str
    line: int
    column: int  # from 1; 0: the whole line
    length: int
    text: str
    help: str = ""
    source: str = ""  # the line itself, for showing

    @property
    def where(self) -> str:
        """`file:line:column`."""
        return str(Mark(self.file, self.line, self.column))

    def render(self) -> str:
        """As a person sees it: the place and the words, then the line with a mark under it."""
        head = f"{self.where}  {self.severity.value}: {printable(self.text)}"
        if not self.source.strip():
            return f"{head}\n   {printable(self.help)}" if self.help else head
        shown, before = _window(self.source, max(self.column, 1))
        lines = [head, f"{self.line:>5} | {shown}"]
        if self.column:
            carets = "^" * max(1, _width(_piece(shown, before, self.length)))
            lines.append(f"      | {' ' * _width(shown[:before])}{carets} {printable(self.help)}".rstrip())
        elif self.help:
            lines.append(f"      | {printable(self.help)}")
        return "\n".join(lines)


def render(diagnostics: Iterable[Diagnostic]) -> str:
    """All of them, one under the other."""
    return "\n".join(item.render() for item in diagnostics)


def summary(diagnostics: Sequence[Diagnostic], *, files: int) -> str:
    """`2 errors, 1 warning in 9 files`."""
    errors = sum(item.severity is Severity.ERROR for item in diagnostics)
    counts = [_count(errors, "error"), _count(len(diagnostics) - errors, "warning")]
    return f"{', '.join(count for count in counts if count) or 'no errors'} in {_count(files, 'file') or 'no file'}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}" if number else ""


@dataclass(slots=True)
class Findings:
    """Collects diagnostics while files are read; the only mutable thing that is handed around here."""

    _lines: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _found: dict[tuple[Mark, str], Diagnostic] = field(default_factory=dict)
    _unbuilt: int = 0

    def opened(self, file: str, lines: Sequence[str]) -> None:
        """Remember a file's lines, for showing them."""
        self._lines[file] = tuple(lines)

    def error(self, mark: Mark, text: str, help: str = "") -> None:  # noqa: A002  the word that people read
        """This must be mended before anything is published."""
        self._add(Severity.ERROR, mark, text, help)

    def warning(self, mark: Mark, text: str, help: str = "") -> None:  # noqa: A002
        """This is probably not what was meant."""
        self._add(Severity.WARNING, mark, text, help)

    def unsupported(self, mark: Mark, what: str) -> None:
        """A key that the format has and this version cannot honour; said once for what lies below it."""
        if not self._unbuilt:
            self._add(Severity.ERROR, mark, f"{what} is not supported by this version", "take it out for now")

    @contextmanager
    def inside_unbuilt(self) -> Iterator[None]:
        """What is read inside has been refused as a whole; only what is plainly wrong in it is still worth saying."""
        self._unbuilt += 1
        try:
            yield
        finally:
            self._unbuilt -= 1

    @property
    def has_errors(self) -> bool:
        """Whether anything so far is an error."""
        return any(item.severity is Severity.ERROR for item in self._found.values())

    def wrong(self, place: str) -> bool:
        """Whether a file, or any in a folder (`sites/`), has an error: what it defines may not all be known."""
        errors = (item for item in self._found.values() if item.severity is Severity.ERROR)
        return any(item.file.startswith(place) if place.endswith("/") else item.file == place for item in errors)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything found, ordered by file, line and column."""
        return tuple(sorted(self._found.values(), key=lambda item: (item.file, item.line, item.column, item.text)))

    def refuse_errors(self) -> None:
        """Stop here if anything is wrong.

        Raises:
            EstateError: with every error laid out.
        """
        errors = [item for item in self.diagnostics() if item.severity is Severity.ERROR]
        if errors:
            raise EstateError(render(errors))

    def _add(self, severity: Severity, mark: Mark, text: str, help_text: str) -> None:
        lines = self._lines.get(mark.file, ())
        self._found.setdefault(
            (mark, text),
            Diagnostic(
                severity=severity,
                file=mark.file,
                line=mark.line,
                column=mark.column,
                length=mark.length,
                text=text,
                help=help_text,
                source=lines[mark.line - 1] if 0 < mark.line <= len(lines) else "",
            ),
        )


def suggest(word: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """`did you mean "x"?`, or a few of what is known, for a word that is not."""
    words = sorted(set(known))
    folded = {_fold(item): item for item in reversed(words)}
    near = get_close_matches(_fold(word), folded, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{folded[near[0]]}"?'
    if otherwise or not words:
        return otherwise
    return "known here: " + ", ".join(words[:16]) + (" ..." if len(words) > 16 else "")


def _fold(word: str) -> str:
    return word.lower().replace("_", "-")


def printable(text: str) -> str:
    """The text in one line, without anything that could move a terminal's cursor or hide what stands there."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _window(source: str, column: int) -> tuple[str, int]:
    """The part of a long line around the column, and how many of its characters stand before the column."""
    clean = printable(source.replace("\t", " ")).rstrip()
    before = min(column - 1, len(clean))
    start = max(0, before - WIDTH // 2) if len(clean) > WIDTH else 0
    shown = clean[start : start + WIDTH]
    return ("..." + shown[3:], before - start) if start else (shown, before)


def _piece(shown: str, before: int, length: int) -> str:
    return shown[before : before + length]


def _width(text: str) -> int:
    """Columns of a terminal that the text takes: wide characters two, combining ones none."""
    return sum(
        0 if unicodedata.combining(item) else 2 if unicodedata.east_asian_width(item) in "WF" else 1 for item in text
    )
