"""What the walk over the heads lets through, format by format, and what a refusal costs."""

from __future__ import annotations

import tracemalloc

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.common import codec, heads
from orch.common.codec import Plain
from orch.common.errors import Malformed

WHOLE: dict[str, tuple[bytes, Plain]] = {
    "fixint, least": (b"\x00", 0),
    "fixint, most": (b"\x7f", 127),
    "fixmap, empty": (b"\x80", {}),
    "fixmap": (b"\x81\xa1a\x01", {"a": 1}),
    "fixmap, most": (
        b"\x8f" + b"".join(b"\xa1%c\x01" % key for key in b"abcdefghijklmno"),
        dict.fromkeys("abcdefghijklmno", 1),
    ),
    "fixarray, empty": (b"\x90", []),
    "fixarray": (b"\x92\x01\x91\x02", [1, [2]]),
    "fixarray, most": (b"\x9f" + bytes(15), [0] * 15),
    "fixstr, empty": (b"\xa0", ""),
    "fixstr, most": (b"\xbf" + b"x" * 31, "x" * 31),
    "fixstr, UTF-8": (b"\xa2\xc3\xbc", "ü"),
    "nil": (b"\xc0", None),
    "false": (b"\xc2", False),
    "true": (b"\xc3", True),
    "bin 8": (b"\xc4\x01\xff", b"\xff"),
    "bin 16": (b"\xc5\x00\x01\xff", b"\xff"),
    "bin 32": (b"\xc6\x00\x00\x00\x01\xff", b"\xff"),
    "uint 8": (b"\xcc\xff", 0xFF),
    "uint 16": (b"\xcd\xff\xff", 0xFFFF),
    "uint 32": (b"\xce" + b"\xff" * 4, 0xFFFFFFFF),
    "uint 64": (b"\xcf\x7f" + b"\xff" * 7, codec.MAX_INT),
    "int 8": (b"\xd0\x7f", 0x7F),
    "int 16": (b"\xd1\x7f\xff", 0x7FFF),
    "int 32": (b"\xd2\x7f" + b"\xff" * 3, 0x7FFFFFFF),
    "int 64": (b"\xd3\x7f" + b"\xff" * 7, codec.MAX_INT),
    "str 8": (b"\xd9\x02\xc3\xbc", "ü"),
    "str 16": (b"\xda\x00\x02\xc3\xbc", "ü"),
    "str 32": (b"\xdb\x00\x00\x00\x02\xc3\xbc", "ü"),
    "array 16": (b"\xdc\x00\x02\x01\x02", [1, 2]),
    "array 32": (b"\xdd\x00\x00\x00\x02\x01\x02", [1, 2]),
    "map 16": (b"\xde\x00\x01\xa1a\x01", {"a": 1}),
    "map 32": (b"\xdf\x00\x00\x00\x01\xd9\x01a\x01", {"a": 1}),
}
"""Every format that may travel: its bytes, and what they say."""

NEVER: dict[str, tuple[bytes, str]] = {
    "0xc1": (b"\xc1", "0xc1"),
    "ext 8": (b"\xc7\x01\x05x", "extension type 5"),
    "ext 8, empty": (b"\xc7\x00\xfe", "extension type -2"),
    "ext 16": (b"\xc8\x00\x01\x05x", "extension type 5"),
    "ext 32": (b"\xc9\x00\x00\x00\x01\x05x", "extension type 5"),
    "fixext 1": (b"\xd4\x05" + bytes(1), "extension type 5"),
    "fixext 2": (b"\xd5\x05" + bytes(2), "extension type 5"),
    "fixext 4, a timestamp": (b"\xd6\xff" + bytes(4), "extension type -1"),
    "fixext 8": (b"\xd7\x05" + bytes(8), "extension type 5"),
    "fixext 16": (b"\xd8\x05" + bytes(16), "extension type 5"),
    "float 32": (b"\xca" + bytes(4), "type float"),
    "float 64": (b"\xcb" + bytes(8), "type float"),
    "uint 64, too large": (b"\xcf\x80" + bytes(7), "out of range"),
    "negative fixint, most": (b"\xff", "out of range"),
    "negative fixint, least": (b"\xe0", "out of range"),
    "int 8, negative": (b"\xd0\x80", "out of range"),
    "int 16, negative": (b"\xd1\xff\xff", "out of range"),
    "int 32, negative": (b"\xd2" + b"\xff" * 4, "out of range"),
    "int 64, negative": (b"\xd3" + b"\xff" * 8, "out of range"),
    "a key that is a number": (b"\x81\x01\x02", "key is not text"),
    "a key that is bytes": (b"\x81\xc4\x01a\x02", "key is not text"),
    "a key that is a list": (b"\x81\x90\x02", "key is not text"),
    "a text that is not UTF-8": (b"\xa1\xff", "not UTF-8"),
    "a long text that is not UTF-8": (b"\xd9\x01\xff", "not UTF-8"),
    "half a character as UTF-8": (b"\xa3\xed\xa0\x80", "not UTF-8"),
    "a key that is not UTF-8": (b"\x81\xa1\xff\x01", "not UTF-8"),
    "array 16 that claims too much": (b"\xdc\x00\x03\x01\x02", "3 members in 2 bytes"),
    "array 32 that claims too much": (b"\xdd\xff\xff\xff\xff\x01", "4294967295 members in 1 bytes"),
    "map 16 that claims too much": (b"\xde\x00\x02\xa0\x01\xa0", "2 members in 3 bytes"),
    "map 32 that claims too much": (b"\xdf\x00\x00\x00\x02\xa0\x01\xa0", "2 members in 3 bytes"),
    "nothing": (b"", "cut off"),
}

PLAIN: st.SearchStrategy[Plain] = st.recursive(
    st.none() | st.booleans() | st.integers(0, codec.MAX_INT) | st.text(max_size=40) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=40), inner, max_size=20),
    max_leaves=30,
)


@pytest.mark.parametrize("name", WHOLE)
def test_passes_every_format_that_may_travel(name: str) -> None:
    data, value = WHOLE[name]
    read = codec.parse(data, limit=100)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("name", WHOLE)
def test_refuses_each_format_cut_off_anywhere_or_with_a_byte_left_over(name: str) -> None:
    data, _ = WHOLE[name]
    for piece in (*(data[:size] for size in range(len(data))), data + b"\x00"):
        with pytest.raises(Malformed, match="not valid msgpack"):
            heads.check(piece, depth=12)


@pytest.mark.parametrize("name", NEVER)
@pytest.mark.parametrize("around", [b"", b"\x91", b"\x92\x01", b"\x81\xa1k"], ids=repr)
def test_refuses_what_never_travels_alone_and_as_a_member(name: str, around: bytes) -> None:
    data, problem = NEVER[name]
    with pytest.raises(Malformed, match=problem):
        heads.check(around + data, depth=12)


def test_the_tables_above_hold_every_head_there_is() -> None:
    ranges = {*range(0x01, 0x7F), *range(0x82, 0x8F), *range(0x91, 0x9F), *range(0xA1, 0xBF), *range(0xE1, 0xFF)}
    named = {data[0] for data, _ in (*WHOLE.values(), *NEVER.values()) if data}
    assert named | ranges == set(range(0x100))


@pytest.mark.parametrize("around", [b"\x91", b"\x81\xa1a", b"\xdc\x00\x01", b"\xdf\x00\x00\x00\x01\xa0"], ids=repr)
def test_the_depth_is_the_deepest_that_passes(around: bytes) -> None:
    heads.check(around * 12 + b"\x01", depth=12)
    with pytest.raises(Malformed, match="nested deeper than 12"):
        heads.check(around * 13 + b"\x01", depth=12)


def test_many_members_side_by_side_are_not_deep() -> None:
    heads.check(b"\xdc\x00\x64" + b"\x91\x90" * 100, depth=2)


@given(PLAIN)
def test_passes_whatever_encode_writes(value: Plain) -> None:
    assert codec.parse(codec.encode(value), limit=1_000_000) == value


@given(PLAIN, st.data())
def test_changed_bytes_are_read_as_msgpack_reads_them_or_refused(value: Plain, draw: st.DataObject) -> None:
    data = bytearray(codec.encode(value))
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    check_against_msgpack(bytes(data))


@given(st.binary(max_size=60))
def test_any_bytes_are_read_as_msgpack_reads_them_or_refused(data: bytes) -> None:
    check_against_msgpack(data)


def check_against_msgpack(data: bytes) -> None:
    """`parse` gives what msgpack gives, and refuses only what msgpack refuses or what never travels."""
    try:
        read = codec.parse(data, limit=len(data))
    except Malformed:
        with pytest.raises((ValueError, TypeError, msgpack.exceptions.UnpackException)):
            check_travels(msgpack.unpackb(data, object_pairs_hook=unique), 0)
    else:
        assert read == msgpack.unpackb(data)


def unique(pairs: list[tuple[object, object]]) -> dict[object, object]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def check_travels(value: object, depth: int) -> None:
    """A second way of saying what may travel, over the value instead of the bytes; a ValueError for what may not."""
    allowed = value is None or isinstance(value, bool | str | bytes | list | dict)
    if depth > codec.MAX_DEPTH or not (allowed or (type(value) is int and 0 <= value <= codec.MAX_INT)):
        raise ValueError("this never travels")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("a key is not text")
        value = list(value.values())
    for member in value if isinstance(value, list) else ():
        check_travels(member, depth + 1)


MEMBER = b"\xb8" + b"x" * 24
HOSTILE = {
    "arrays in arrays that claim 65535 members each": b"\xdd\x00\x00\xff\xff" * 100,
    "maps in maps that claim 65535 members each": b"\xdf\x00\x00\xff\xff\xa0" * 100,
    "an array that claims as many as there are bytes, in itself": b"\xdc\x13\x00" * 1650,
    "a key twice, after much": b"\xdc\x00\xc9" + MEMBER * 200 + b"\x82\xa1a\x01\xa1a\x01",
    "a text that is not UTF-8, after much": b"\xdc\x00\xc9" + MEMBER * 200 + b"\xa1\xff",
    "an extension, after much": b"\xdc\x00\xc9" + MEMBER * 200 + b"\xd4\x05\x00",
    "a key that is bytes, after much": b"\xdc\x00\xc9" + MEMBER * 200 + b"\x81\xc4\x01a\x01",
    "cut off, after much": b"\xdc\x00\xc9" + MEMBER * 200,
    "a byte left over, after much": b"\xdc\x00\xc8" + MEMBER * 200 + b"\x00",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_refused_message_costs_little_and_leaves_nothing_behind(name: str) -> None:
    """Measured by Python's own account of its memory; msgpack 1.0.3 by itself keeps up to 50 MB of each of these."""
    refuse(HOSTILE[name])  # what is kept once, such as a cache, is no leak
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(5):
            refuse(HOSTILE[name])
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 5_000
    assert peak - before < 200_000


def refuse(data: bytes) -> None:
    with pytest.raises(Malformed):
        codec.parse(data, limit=0xFFFF)
