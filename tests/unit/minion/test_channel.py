from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from orch.minion.channel import QUEUE, Agent, Ask, Channel, Closed, Dialling, Send, SiteAnswer, SiteAsk, Up, Word

WORDS: tuple[Word, ...] = (
    Agent(),
    Up("tcp://centre:4505"),
    Dialling(("tcp://a:1", "tcp://b:2"), (bytes(32),)),
    Send((b"header", b"x" * 100_000)),
    SiteAsk(Ask.PLAN),
    SiteAnswer(code="blocked", text="wait", hint="later"),
)


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    yield channel, theirs
    channel.close()
    theirs.close()


def heard(channel: Channel) -> list[Word]:
    return channel.receive()


def test_words_arrive_as_they_were_said_and_in_order() -> None:
    left, right = (Channel(end) for end in socket.socketpair())
    for word in WORDS:
        left.send(word)
    found: list[Word] = []
    while len(found) < len(WORDS):
        found += right.receive()
        left.flush()
    assert tuple(found) == WORDS
    left.close()
    with pytest.raises(Closed):
        right.receive()
    right.close()


def test_words_may_come_byte_by_byte(ends: tuple[Channel, socket.socket]) -> None:
    channel, other = ends
    writer = Channel(other.dup())
    reader, feed = socket.socketpair()
    slow = Channel(reader)
    channel.send(Up("tcp://centre:4505"))
    data = other.recv(1000)
    for at in range(len(data)):
        assert slow.receive() == []
        feed.send(data[at : at + 1])
    assert slow.receive() == [Up("tcp://centre:4505")]
    for end in (writer, slow):
        end.close()
    feed.close()


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x01\xc1",
        b"\x00\x00\x00\x06\x81\xa0\xa3foo",
        b"\x00\x00\x00\x01\x80",
    ],
    ids=["too large", "no msgpack", "unknown word", "no word"],
)
def test_what_is_no_word_ends_the_connection(ends: tuple[Channel, socket.socket], data: bytes) -> None:
    channel, other = ends
    other.send(data)
    with pytest.raises(Closed):
        channel.receive()


def test_a_side_that_does_not_read_is_given_up_and_not_waited_for(ends: tuple[Channel, socket.socket]) -> None:
    channel, _other = ends
    word = Send((b"x" * 1_000_000,) * 4)
    for _word in range(QUEUE // 4_000_000):
        channel.send(word)
    with pytest.raises(Closed):
        _send_twice(channel, word)


def _send_twice(channel: Channel, word: Word) -> None:
    channel.send(word)
    channel.send(word)


def test_the_kernel_says_who_is_at_the_other_end(ends: tuple[Channel, socket.socket]) -> None:
    assert ends[0].peer() == os.getuid()


def test_last_words_are_heard_also_from_a_side_that_left_without_reading_ours(
    ends: tuple[Channel, socket.socket],
) -> None:
    channel, other = ends
    channel.send(Agent())
    leaving = Channel(other.dup())
    leaving.send(Up("tcp://centre:4505"))
    leaving.close()
    other.close()  # with a word in its buffer that it never read: the kernel calls that a broken connection
    assert channel.receive() == [Up("tcp://centre:4505")]
    with pytest.raises(Closed):
        channel.receive()
