"""Files on a stick: whole and as written, or refused."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

import pytest

from orch.common import codec, stick
from orch.common.document import BLOB_LIMIT
from orch.common.errors import Malformed
from orch.common.stick import Content, Results, Stick
from orch.minion import channel

CONTENTS = (b"apt\nnano\n", b"", b"x" * 300)
STICK = Stick(
    estate="netgate",
    host="library/dom0",
    curve=bytes(32),
    made=1,
    policies=(b"a policy",),
    contents=stick.named(CONTENTS),
)


def written(head: Stick | Results = STICK, contents: tuple[bytes, ...] = CONTENTS) -> bytes:
    file = io.BytesIO()
    stick.write(file, head, contents)
    return file.getvalue()


def read(data: bytes) -> tuple[Stick, tuple[bytes, ...]]:
    file = io.BytesIO(data)
    head, _bytes = stick.read_head(file, Stick)
    return head, tuple(stick.read_contents(file, head.contents))


def headed(head: bytes, *, size: int | None = None) -> bytes:
    length = len(head) if size is None else size
    return Stick.KIND + hashlib.sha256(head).digest() + length.to_bytes(4, "big") + head


def test_comes_back_as_it_was_written() -> None:
    assert read(written()) == (STICK, CONTENTS)
    bare = replace(STICK, contents=())
    assert read(written(bare, ())) == (bare, ())


def test_every_byte_that_is_altered_is_found() -> None:
    whole = written()
    for at in range(len(whole)):
        for flip in (0x01, 0x80):
            altered = whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :]
            with pytest.raises(Malformed):
                read(altered)


def test_a_file_that_was_copied_in_part_is_refused_whole() -> None:
    whole = written()
    for end in range(len(whole)):
        with pytest.raises(Malformed):
            read(whole[:end])
    with pytest.raises(Malformed, match="goes on after its end"):
        read(whole + b"\n")
    with pytest.raises(Malformed, match="goes on after its end"):
        read(written(replace(STICK, contents=()), ()) + b"x")


def test_sizes_are_looked_at_before_anything_is_read() -> None:
    with pytest.raises(Malformed, match="claims"):
        read(headed(b"", size=stick.LIMIT + 1))
    huge = replace(STICK, contents=(Content(bytes(32), BLOB_LIMIT + 1),))
    with pytest.raises(Malformed, match="names a content of"):
        read(headed(codec.encode(huge)))


def test_what_no_stick_takes_is_not_written() -> None:
    large = replace(STICK, contents=tuple(Content(bytes(32), BLOB_LIMIT) for _ in range(64)))
    with pytest.raises(Malformed, match="more than a stick takes"):
        stick.write(io.BytesIO(), large, ())


def test_says_what_another_file_is() -> None:
    results = Results(estate="netgate", host="library/dom0", curve=bytes(32), made=1)
    with pytest.raises(Malformed) as caught:
        read(written(results, ()))
    assert "orch import-results" in caught.value.hint
    with pytest.raises(Malformed) as caught:
        stick.read_head(io.BytesIO(written()), Results)
    assert "orch-minion import" in caught.value.hint
    with pytest.raises(Malformed) as caught:
        read(b"orch/stick/2\n" + bytes(100))
    assert "another version" in caught.value.hint
    with pytest.raises(Malformed) as caught:
        read(b"\xff\xd8\xff\xe0 a photo")
    assert "orch doc export" in caught.value.hint


def test_the_head_fits_the_question_that_brings_it_to_the_executor() -> None:
    assert channel.LOAD == stick.LIMIT
    assert channel.FRAME > stick.LIMIT + 1024
