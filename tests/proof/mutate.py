"""What can be wrong with bytes and with values: flips, cuts, splices, lies about length, nesting, hostile leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgpack  # the door is shut for orch; what is made here must not go through it

HOSTILE: tuple[Any, ...] = (
    None, True, -1, 1 << 63, (1 << 64) - 1, 0.5, float("nan"), b"", b"\x00" * 40, "", "\x00", "\x1b[2J", "../../etc/shadow",
    "$(id)", "-oProxyCommand=id", "a\nb", "\u202efdp", "x" * 9000, [], {}, {"": "hello"}, [[[]]], {"__class__": "object"},
)  # fmt: skip
HEADS = (0xC1, 0xC4, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCF, 0xD3, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF)
"""msgpack's heads that claim something."""
MOST = 60_000
"""Bytes that a mutant may have: more costs time and finds nothing that a limit would not."""


def changed(data: bytes, others: Sequence[bytes], fall: Random) -> bytes:
    """A mutant of these bytes: one to four changes, of which one may take a piece of another."""
    for _ in range(fall.choice((1, 1, 1, 2, 4))):
        data = fall.choice(_CHANGES)(data, others, fall)
    return data[:MOST]


def _place(data: bytes, fall: Random) -> int:
    return fall.randint(0, max(0, len(data) - 1))


def _flip(data: bytes, _others: Sequence[bytes], fall: Random) -> bytes:
    at = _place(data, fall)
    return data[:at] + bytes([byte ^ 1 << fall.randrange(8) for byte in data[at : at + 1]]) + data[at + 1 :]


def _byte(data: bytes, _others: Sequence[bytes], fall: Random) -> bytes:
    at = _place(data, fall)
    return data[:at] + fall.randbytes(1) + data[at + 1 :]


def _cut(data: bytes, _others: Sequence[bytes], fall: Random) -> bytes:
    at = _place(data, fall)
    return fall.choice((data[:at], data[at:]))


def _take_out(data: bytes, _others: Sequence[bytes], fall: Random) -> bytes:
    at = _place(data, fall)
    return data[:at] + data[at + fall.randint(1, 16) :]


def _double(data: bytes, _others: Sequence[bytes], fall: Random) -> bytes:
    at = _place(data, fall)
    piece = data[at : at + fall.randint(1, 200)] * fall.choice((1, 2, 50))
    return data[:at] + piece + data[at:]


def _splice(data: bytes, others: Sequence[bytes], fall: Random) -> bytes:
    other = fall.choice(others)
    return data[: _place(data, fall)] + other[_place(other, fall) :]


def _lie(data: bytes, _others: Sequence[bytes], fall: Random) -> bytes:
    at = _place(data, fall)
    claim = fall.choice(
        (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\xff\xff", b"\x00\x01", b"\x00\x00\x00\x00")
    )
    return data[:at] + bytes([fall.choice(HEADS)]) + claim + data[at + fall.choice((0, 1, 5)) :]


def _nest(data: bytes, _others: Sequence[bytes], fall: Random) -> bytes:
    at = _place(data, fall)
    piece = fall.choice((b"\x91", b"\x81\xa0", b"\xdc\x00\x01", b"[", b"{a: ", b"- ", b"(", b"not "))
    depth = fall.choice((2, 13, 300, 1100))  # Python itself gives up at a thousand
    return data[:at] + piece * depth + data[at:]


def _noise(_data: bytes, _others: Sequence[bytes], fall: Random) -> bytes:
    return fall.randbytes(fall.choice((0, 1, 5, 60, 1000)))


def _word(data: bytes, _others: Sequence[bytes], fall: Random) -> bytes:
    at = _place(data, fall)
    word = fall.choice([item for item in HOSTILE if isinstance(item, str)])
    return data[:at] + word[:200].encode() + data[at:]


_Change = Callable[[bytes, Sequence[bytes], Random], bytes]
_CHANGES: tuple[_Change, ...] = (_flip, _flip, _byte, _cut, _take_out, _double, _splice, _lie, _nest, _noise, _word)


def unpacked(data: bytes) -> Any:
    """What msgpack makes of it; nothing is checked."""
    return msgpack.unpackb(data, raw=False)


def packed(value: Any) -> bytes:
    """The other way round."""
    return msgpack.packb(value, use_bin_type=True)


def bent(data: bytes, fall: Random) -> bytes:
    """msgpack whose bytes are right and whose value is not: a leaf replaced, a member gone, doubled or invented."""
    return packed(_bend(unpacked(data), fall))


def _bend(value: Any, fall: Random) -> Any:
    if not isinstance(value, dict | list) or not value or fall.random() < 0.15:
        return fall.choice(HOSTILE)
    if isinstance(value, list):
        at = fall.randrange(len(value))
        done = fall.choice((value[:at], value * 2, value * 40, [*value, fall.choice(HOSTILE)], value[::-1], None))
        return [*value[:at], _bend(value[at], fall), *value[at + 1 :]] if done is None or fall.random() < 0.6 else done
    key = fall.choice(list(value))
    what = fall.random()
    if what < 0.1:
        return {name: member for name, member in value.items() if name != key}
    if what < 0.2:
        return {**value, fall.choice(("news", "", "__init__", "x" * 300)): fall.choice(HOSTILE)}
    if what < 0.3:
        other = fall.choice(list(value))
        return {**value, key: value[other], other: value[key]}
    return {**value, key: _bend(value[key], fall)}
