"""The hash of a rule set says what is filtered, and nothing of what is counted (against the kernel: tests/system)."""

from __future__ import annotations

import struct

from orch.minion.adapters.netfilter import attributes, canonical

FAMILY = struct.pack("!BBH", 2, 0, 7)


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def rule(*, packets: int, port: int = 22, handle: int = 1) -> bytes:
    """Table, handle and two expressions: one counts, one compares."""
    counter = attribute(1, b"counter\0") + attribute(2, packets.to_bytes(8, "big"))
    compare = attribute(1, b"cmp\0") + attribute(2, port.to_bytes(2, "big"))
    expressions = attribute(0x8001, counter) + attribute(0x8001, compare)
    return FAMILY + attribute(1, b"filter\0") + attribute(3, bytes([handle])) + attribute(0x8004, expressions)


def words(body: bytes) -> bytes:
    return canonical(body, frozenset({3}), is_rule=True)


def test_counters_handles_and_the_number_of_the_change_make_no_difference() -> None:
    assert words(rule(packets=1, handle=4)) == words(rule(packets=99, handle=9))
    later = struct.pack("!BBH", 2, 0, 8) + rule(packets=1)[4:]
    assert words(later) == words(rule(packets=1))


def test_what_is_compared_and_in_which_family_makes_one() -> None:
    assert words(rule(packets=1)) != words(rule(packets=1, port=23))
    assert words(rule(packets=1)) != words(b"\x0a" + rule(packets=1)[1:])


def test_attributes_that_are_cut_off_or_too_short_end_the_reading() -> None:
    whole = attribute(1, b"abc") + attribute(2, b"")
    assert list(attributes(whole)) == [(1, b"abc"), (2, b"")]
    assert list(attributes(whole + b"\x04")) == [(1, b"abc"), (2, b"")]
    assert list(attributes(attribute(1, b"abc") + struct.pack("=HH", 0, 2))) == [(1, b"abc")]
