"""Bytes as text that survives mail and a copy by hand: base64 lines between two marks.

    some lines for people
    -----BEGIN ORCH ENROLMENT-----
    ...
    -----END ORCH ENROLMENT-----

Refuses to do: say what the bytes mean, or believe them.

Called by enrolment.py, and by the operator's tool for policies that wait for signatures.
"""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Sequence

from orch.common.errors import Malformed


def write(kind: str, data: bytes, *, head: Sequence[str]) -> str:
    """The text; `kind` stands in the marks, `head` before them.

    Args:
        kind: such as `ENROLMENT`.
        data: what is carried.
        head: lines for people, which nothing reads.
    """
    lines = textwrap.wrap(base64.b64encode(data).decode(), 64)
    return "\n".join([*head, _mark("BEGIN", kind), *lines, _mark("END", kind), ""])


def read(kind: str, text: str, *, limit: int, hint: str) -> bytes:
    """What is carried; lines before and after the marks do not count.

    Args:
        kind: what has to stand in the marks.
        text: the file's.
        limit: most bytes carried.
        hint: what whoever has a damaged file can do.

    Raises:
        Malformed: the marks are not there, or what is between them is cut or damaged.
    """
    what = kind.lower()
    if len(text) > 2 * limit:
        raise Malformed(f"this is too long for a file of the kind {what}")
    begin, end = _mark("BEGIN", kind), _mark("END", kind)
    lines = [line.strip() for line in text.splitlines()]
    if begin not in lines or end not in lines[lines.index(begin) :]:
        raise Malformed(f"this is no file of the kind {what}, or it was cut", hint=hint)
    at = lines.index(begin)
    try:
        return base64.b64decode("".join(lines[at + 1 : lines.index(end, at)]), validate=True)
    except ValueError as err:  # binascii.Error is one; so is what says that a character is not ASCII
        raise Malformed(f"this file of the kind {what} is damaged", hint=hint) from err


def _mark(which: str, kind: str) -> str:
    return f"-----{which} ORCH {kind}-----"
