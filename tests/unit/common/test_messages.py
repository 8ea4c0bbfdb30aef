"""Messages as frames."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.common import codec, frames, messages
from orch.common.errors import Malformed, ProtocolError
from orch.common.messages import Acknowledged, Delivered, Hello, Message, Pending, Reported
from orch.common.release import Proof

HELLO = Hello(
    protocol=1,
    lowest=1,
    boot=bytes(16),
    nonce=bytes(16),
    policy=1,
    admission=0,
    epoch=0,
    number=0,
    release=b"",
    sequence=0,
    request=b"an envelope",
)
DELIVERED = Delivered(proof=Proof(3, (bytes(32),)), release=b"r", document=b"d" * 5000)


@pytest.mark.parametrize("message", [HELLO, DELIVERED, Pending(), Acknowledged(sequence=9)])
def test_reads_back_what_it_wrote(message: Message) -> None:
    assert messages.from_frames(messages.to_frames(message)) == message


def test_attachments_travel_as_they_are() -> None:
    header, first, second = messages.to_frames(DELIVERED)
    assert (first, second) == (DELIVERED.release, DELIVERED.document)
    assert DELIVERED.document not in header


@pytest.mark.parametrize("cls", messages.ALL)
def test_every_message_has_a_tag_of_its_own_and_readable_members(cls: type[Message]) -> None:
    assert messages.BY_TAG[cls.TAG] is cls
    names = {field.name for field in fields(cls)}
    assert set(cls.ATTACHED) <= names
    assert len(cls.ATTACHED) < frames.MAX_FRAMES
    assert names <= set(get_type_hints(cls))


def test_a_newer_version_may_say_more() -> None:
    frames = (codec.encode({"": "ack", "sequence": 4, "mood": "good"}),)
    assert messages.from_frames(frames) == Acknowledged(sequence=4)


def test_an_unknown_word_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="unknown message 'sing'"):
        messages.from_frames((codec.encode({"": "sing"}),))


@pytest.mark.parametrize(
    "frames",
    [
        (),
        (b"",) * 5,
        (codec.encode([1]),),
        (codec.encode({"sequence": 1}),),
        (codec.encode({"": 1}),),
        (codec.encode({"": "ack"}),),
        (codec.encode({"": "ack", "sequence": "1"}),),
        (codec.encode({"": "ack", "sequence": 1}), b"more"),
        (codec.encode({"": "report", "sequence": 1}),),
        (codec.encode({"": "report", "sequence": 1}), bytes(messages.FRAME_LIMIT + 1)),
        (bytes(messages.HEADER_LIMIT + 1),),
    ],
)
def test_refuses_frames_that_are_no_message(frames: tuple[bytes, ...]) -> None:
    with pytest.raises(Malformed):
        messages.from_frames(frames)


def test_an_attachment_cannot_be_given_in_the_header() -> None:
    header = codec.encode({"": "report", "sequence": 1, "envelope": b"from the header"})
    assert messages.from_frames((header, b"from the frame")) == Reported(sequence=1, envelope=b"from the frame")


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_no_frames_make_it_fail_otherwise(frames: list[bytes]) -> None:
    with suppress(Malformed, ProtocolError):
        messages.from_frames(frames)
