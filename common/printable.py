"""What others wrote, made fit for a terminal: pure functions over text.

A host, a centre or a file may say anything; shown as it is, it could move the cursor, hide a word, set a title, or look
like a line of ours. Nothing is refused here and nothing is logged: a character that could do so becomes `?`.

Invariants:
- no control character and no character that turns the direction of writing passes, but line feeds and tabs; our own
  colours only where the caller says so;
- `one_line` has no line ends either: what stands in one line of a screen cannot begin another.

Called by what shows things to people, on a host (minion/cli) and at the operator's desk (master/cli).
"""

from __future__ import annotations

import re

_CONTROL = r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]"
_COLOURED = re.compile(_CONTROL + r"|\x1b(?!\[(?:0|3[0-7])m)")
_FOREIGN = re.compile(_CONTROL + r"|\x1b")
_ENDS = re.compile(r"\n")
_ESCAPED = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A))}
"""What JSON itself leaves as it is."""


def harmless(text: str) -> str:
    """The same without control characters; lines stay lines."""
    return _FOREIGN.sub("?", text)


def harmless_coloured(text: str) -> str:
    """As `harmless`, but our own eight colours stay: for whole screens that we have painted."""
    return _COLOURED.sub("?", text)


def one_line(text: str) -> str:
    """As `harmless`, and in one line: for names and values that others chose."""
    return _ENDS.sub("?", harmless(text))


def one_line_coloured(text: str) -> str:
    """As `one_line`, but our own eight colours stay: for a line that we have put together of theirs and ours."""
    return _ENDS.sub("?", harmless_coloured(text))


def hanging(text: str, indent: int) -> str:
    """As `harmless`; every line after the first begins with `indent` blanks, so that none looks like a line of ours."""
    return ("\n" + " " * indent).join(one_line(line) for line in text.split("\n"))


def in_json(text: str) -> str:
    """JSON text in which what JSON leaves as it is, and a terminal does not, is escaped. It means the same."""
    return text.translate(_ESCAPED)
