"""A walk over the heads of a msgpack value, before anything is built of it.

msgpack reserves what a head claims before it looks whether it is there, and version 1.0.3 (Debian 12) gives nothing of
it back when it then fails: six messages of 5 KB cost a centre 800 MB. So codec.py has every message walked here first.

Refuses: whatever codec.py refuses and a head, a sign or a text can tell. It builds no value, and needs no msgpack.

Invariants of bytes that pass:
- they are one whole msgpack value: nothing is cut off, nothing is left over, every claimed member is there;
- it holds only nil, bools, integers 0..2^63-1, UTF-8 texts, bytes, arrays, and maps whose keys are texts;
- it is nested no deeper than the caller allows;
- so msgpack finds nothing in them to fail on. Duplicate keys are all that is left to look for (codec.py).

The walk takes time in proportion to the bytes, and memory in proportion to the depth.

Called by codec.py, for every message from the network and every signed thing.
"""

from __future__ import annotations

from collections.abc import Callable

from orch.common.errors import Malformed

_Skip = Callable[[bytes, int], int]
"""Takes the place after a value's head, and gives the place after the value."""

# Whoever cuts a message off is found out without a test at each step: a place beyond the end either makes the next
# look at a byte an IndexError, or is not the end.


def check(data: bytes, *, depth: int) -> None:
    """Walk one value with at most `depth` arrays and maps around each member.

    Raises:
        Malformed: these bytes are not such a value (above).
    """
    try:
        at = _walk(data, depth)
    except IndexError as err:
        raise Malformed("not valid msgpack: it is cut off") from err
    if at != len(data):
        raise Malformed(f"not valid msgpack: it is {at} bytes long, and {len(data)} are there")


def _walk(data: bytes, depth: int) -> int:
    at, left, keyed = 0, 1, False  # `left` members are still to come, each with a key before it if `keyed`
    around: list[tuple[int, bool]] = []  # the same of the arrays and maps around
    while True:
        while left:
            left -= 1
            if keyed:
                at = _KEYS[data[at]](data, at + 1)
            head = data[at]
            at += 1
            if skip := _SKIPS[head]:
                at = skip(data, at)
            elif members := _MEMBERS[head]:
                count, at = members(data, at)
                if count and len(around) == depth:
                    raise Malformed(f"not valid msgpack: nested deeper than {depth}")
                around.append((left, keyed))
                left, keyed = count, head in _MAPS
        if not around:
            return at
        left, keyed = around.pop()


def _number(data: bytes, at: int, width: int) -> int:
    return int.from_bytes(data[at : at + width], "big")


def _check_text(text: bytes) -> None:
    try:
        text.decode()
    except UnicodeDecodeError as err:
        raise Malformed("not valid msgpack: a text is not UTF-8") from err


def _short_text(size: int) -> _Skip:
    def short_text(data: bytes, at: int) -> int:
        text = data[at : at + size]
        if not text.isascii():
            _check_text(text)
        return at + size

    return short_text


def _text(width: int) -> _Skip:
    def text(data: bytes, at: int) -> int:
        start = at + width
        stop = start + _number(data, at, width)
        read = data[start:stop]
        if not read.isascii():
            _check_text(read)
        return stop

    return text


def _binary(width: int) -> _Skip:
    def binary(data: bytes, at: int) -> int:
        return at + width + _number(data, at, width)

    return binary


def _unsigned(width: int) -> _Skip:
    def unsigned(_data: bytes, at: int) -> int:
        return at + width

    return unsigned


def _halved(width: int) -> _Skip:
    """A number whose first bit must be 0: else it is signed and negative, or has 64 bits and is above 2^63-1."""

    def halved(data: bytes, at: int) -> int:
        if data[at] > 0x7F:
            raise Malformed("a number is out of range")
        return at + width

    return halved


def _refusal(problem: str) -> _Skip:
    def refusal(_data: bytes, _at: int) -> int:
        raise Malformed(problem)

    return refusal


def _extension(width: int) -> _Skip:
    def extension(data: bytes, at: int) -> int:
        code = int.from_bytes(data[at + width : at + width + 1], "big", signed=True)
        raise Malformed(f"extension type {code} is not allowed")

    return extension


def _few(count: int) -> Callable[[bytes, int], tuple[int, int]]:
    def few(_data: bytes, at: int) -> tuple[int, int]:
        return count, at

    return few


def _many(width: int, *, least: int) -> Callable[[bytes, int], tuple[int, int]]:
    """A count in `width` bytes, of members that take at least `least` bytes each."""

    def many(data: bytes, at: int) -> tuple[int, int]:
        count = _number(data, at, width)
        at += width
        if count * least > len(data) - at:
            raise Malformed(f"not valid msgpack: {count} members in {max(0, len(data) - at)} bytes")
        return count, at

    return many


_NEGATIVE = _refusal("a number is out of range")
_FLOAT = _refusal("a value of type float is not allowed")
_NO_KEY = _refusal("a map key is not text")

# The heads, as msgpack's specification lists them. What is in none of these tables is its head and no more:
# 0x00-0x7f (numbers up to 127), 0xc0 (nil), 0xc2 and 0xc3 (false, true).
_TEXTS: dict[int, _Skip] = {0xA0 + size: _short_text(size) for size in range(32)}
_TEXTS |= {0xD9: _text(1), 0xDA: _text(2), 0xDB: _text(4)}
_SCALARS: dict[int, _Skip] = _TEXTS | dict.fromkeys(range(0xE0, 0x100), _NEGATIVE)
_SCALARS |= {0xC1: _refusal("not valid msgpack: no value begins with 0xc1")}
_SCALARS |= {0xC4: _binary(1), 0xC5: _binary(2), 0xC6: _binary(4)}
_SCALARS |= {0xC7: _extension(1), 0xC8: _extension(2), 0xC9: _extension(4)}
_SCALARS |= {0xCA: _FLOAT, 0xCB: _FLOAT}
_SCALARS |= {0xCC: _unsigned(1), 0xCD: _unsigned(2), 0xCE: _unsigned(4), 0xCF: _halved(8)}
_SCALARS |= {0xD0: _halved(1), 0xD1: _halved(2), 0xD2: _halved(4), 0xD3: _halved(8)}
_SCALARS |= dict.fromkeys(range(0xD4, 0xD9), _extension(0))
_SMALL_MAPS = range(0x80, 0x90)
_SMALL_ARRAYS = range(0x90, 0xA0)
_MAPS = frozenset({*_SMALL_MAPS, 0xDE, 0xDF})
_COUNTS = {head: _few(head & 0x0F) for head in (*_SMALL_MAPS, *_SMALL_ARRAYS)}
_COUNTS |= {0xDC: _many(2, least=1), 0xDD: _many(4, least=1), 0xDE: _many(2, least=2), 0xDF: _many(4, least=2)}

_SKIPS = tuple(_SCALARS.get(head) for head in range(0x100))
_MEMBERS = tuple(_COUNTS.get(head) for head in range(0x100))
_KEYS = tuple(_TEXTS.get(head, _NO_KEY) for head in range(0x100))
