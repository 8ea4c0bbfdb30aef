"""What the codec lets through, and above all what it does not."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.common import codec
from orch.common.codec import Bytes16, Length, Line, Pattern
from orch.common.errors import Malformed


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Inner:
    word: Annotated[str, Pattern("[a-z]+", "a word")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    text: Line
    number: int
    flag: bool = False
    token: Bytes16 = bytes(16)
    inner: Inner | None = None
    many: Annotated[tuple[Inner, ...], Length(0, 2)] = ()
    colour: Colour = Colour.RED

    def __post_init__(self) -> None:
        if self.number == 13:
            raise ValueError("not thirteen")


GOOD = Outer(text="grüezi", number=7, flag=True, inner=Inner("a"), many=(Inner("b"), Inner("c")))


def read(**members: object) -> Outer:
    return codec.decode(Outer, packed({"text": "x", "number": 1, **members}), limit=10_000)


def packed(value: object) -> bytes:
    return msgpack.packb(value, use_bin_type=True)


def test_reads_back_what_it_wrote() -> None:
    assert codec.decode(Outer, codec.encode(GOOD), limit=1000) == GOOD


def test_writes_members_in_the_order_of_declaration() -> None:
    written = codec.parse(codec.encode(GOOD), limit=1000)
    assert isinstance(written, dict)
    assert tuple(written) == codec.field_names(Outer)


@given(
    st.builds(
        Outer,
        text=st.text(max_size=300),
        number=st.integers(14, codec.MAX_INT),
        token=st.binary(min_size=16, max_size=16),
    )
)
def test_reads_back_whatever_it_wrote(value: Outer) -> None:
    assert codec.decode(Outer, codec.encode(value), limit=10_000) == value


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"text": 1}, "Outer.text is not str"),
        ({"text": b"x"}, "Outer.text is not str"),
        ({"text": "x" * 301}, "Outer.text has length 301"),
        ({"number": True}, "Outer.number is not int"),
        ({"number": "1"}, "Outer.number is not int"),
        ({"number": 13}, "not thirteen"),
        ({"flag": 1}, "Outer.flag is not bool"),
        ({"token": bytes(15)}, "Outer.token has length 15"),
        ({"token": "0123456789abcdef"}, "Outer.token is not bytes"),
        ({"inner": 5}, "Outer.inner is not a map"),
        ({"inner": {"word": "UP"}}, "Outer.inner.word is not a word"),
        ({"inner": {"word": "a\n"}}, "Outer.inner.word is not a word"),
        ({"inner": {}}, "lacks the field 'word'"),
        ({"many": {"word": "a"}}, "Outer.many is not a list"),
        ({"many": [{"word": "a"}] * 3}, "Outer.many has 3 members"),
        ({"many": [{"word": "a"}, {"word": "1"}]}, r"Outer.many\[1\].word"),
        ({"colour": "blue"}, "Outer.colour is none of red"),
        ({"colour": []}, "Outer.colour is none of red"),
        ({"more": 1}, "unknown field 'more'"),
        ({"number": -1}, "out of range"),
        ({"number": 1 << 63}, "out of range"),
        ({"number": 1.0}, "type float"),
        ({"number": float("nan")}, "type float"),
    ],
)
def test_names_the_member_that_is_wrong(members: dict[str, object], problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        read(**members)


@dataclass(frozen=True, slots=True)
class Grown:
    """As `Small`, with a member that it got later."""

    word: str
    later: tuple[str, ...] = field(default=(), metadata=codec.LATER)


def test_a_later_member_is_not_written_where_it_has_its_default() -> None:
    before = codec.encode({"word": "a"})
    assert codec.encode(Grown("a")) == before
    assert codec.decode(Grown, before, limit=100) == Grown("a")
    assert codec.encode(Grown("a", ("b",))) == codec.encode({"word": "a", "later": ["b"]})
    assert codec.decode(Grown, codec.encode(Grown("a", ("b",))), limit=100) == Grown("a", ("b",))


def test_refuses_a_missing_member() -> None:
    with pytest.raises(Malformed, match="lacks the field 'number'"):
        codec.decode(Outer, packed({"text": "x"}), limit=100)


def test_ignores_unknown_members_only_where_it_is_asked_to() -> None:
    data = packed({"text": "x", "number": 1, "news": 1, "inner": {"word": "a", "news": 2}})
    assert codec.decode(Outer, data, limit=100, unknown="ignore").inner == Inner("a")
    with pytest.raises(Malformed, match="unknown field"):
        codec.decode(Outer, data, limit=100)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not valid msgpack"),
        (b"\xc1", "not valid msgpack"),
        (packed({"a": 1})[:-1], "not valid msgpack"),
        (packed({"a": 1}) + b"\x00", "not valid msgpack"),
        (b"\x82\xa1a\x01\xa1a\x02", "duplicate key 'a'"),
        (b"\x81\x01\x02", "."),
        (b"\x81\xc4\x01a\x02", "."),
        (b"\xa1\xff", "not valid msgpack"),
        (msgpack.packb(msgpack.ExtType(5, b"x")), "."),
        (msgpack.packb(msgpack.Timestamp(1)), "."),
        (b"\xd4\x05\x00", "."),
        (b"\xc7\x00\x05", "extension type 5"),
        (b"\xc7\x00\xff", "."),
        (b"\xdd\xff\xff\xff\xff", "not valid msgpack"),
        (b"\xc6\xff\xff\xff\xff", "not valid msgpack"),
        (b"\x91" * 13 + b"\x01", "nested deeper"),
        (b"\x81\xa1a" * 13 + b"\x01", "nested deeper"),
        (b"\x91" * 5000, "not valid msgpack"),
        (bytes(10_001), "10001 bytes where at most 10000"),
    ],
)
def test_refuses_what_msgpack_itself_lets_through(data: bytes, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        codec.parse(data, limit=10_000)


def test_the_limit_is_the_largest_size_that_is_read() -> None:
    assert codec.parse(packed("x" * 98), limit=100) == "x" * 98
    with pytest.raises(Malformed):
        codec.parse(packed("x" * 99), limit=100)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_otherwise(data: bytes) -> None:
    with suppress(Malformed):
        codec.decode(Outer, data, limit=200)


@pytest.mark.parametrize("value", [object(), 1 << 70, "\ud800", {"a": {1, 2}}])
def test_does_not_write_what_cannot_travel(value: object) -> None:
    with pytest.raises(Malformed, match="cannot be written"):
        codec.encode([value])


def test_writes_what_a_socket_hands_out_as_bytes() -> None:
    assert codec.parse(codec.encode([memoryview(b"ab"), bytearray(b"c"), Colour.RED]), limit=99) == [b"ab", b"c", "red"]


def test_an_annotation_that_cannot_travel_is_a_fault_of_ours() -> None:
    @dataclass
    class Wrong:
        value: dict[str, str]

    @dataclass
    class Either:
        value: str | int

    for cls in (Wrong, Either):
        with pytest.raises(TypeError):
            codec.decode(cls, packed({"value": 1}), limit=99)
