"""The real rsync through a real CURVE connection, from one tree of the centre into a host's folder."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import codec, transfer
from orch.common import messages as m
from orch.common.crypto import sha256
from orch.common.document import Document, File, ListFile
from orch.common.wire import Dial, Event, Keys, Link
from orch.minion.want import VARIABLE, Want
from tests.fakes import signed_estate as estate
from tests.fakes.running_centre import RunningCentre
from tests.fakes.swarmhost import SwarmHost

TOP = Path(__file__).parents[3]
SHELL = """
import os, sys
from orch.common.clock import SystemClock
from orch.minion.pipe import Pipe
from orch.minion.want import VARIABLE, Want
sys.exit(Pipe(Want.from_text(os.environ[VARIABLE]), SystemClock()).run(sys.argv[1:]))
"""

CONTENTS = {"base": b"tree\njq\n", "site": b"hello\n" * 1000}
BIG = os.urandom(3_000_000)
LONG_RULE = struct.pack("<I4sII", 31, b"\x03md5", 7 << 24 | 1004, 1000)
"""What an rsync client of protocol 31 says first, up to a filter rule of a thousand letters, which it has still to say."""


class Rsync:
    """A host's rsync, with orch's pipe as its remote shell."""

    def __init__(self, centre: RunningCentre, folder: Path, name: str = "library/dom0") -> None:
        self.centre = centre
        self.tree = folder / "tree"
        self.tree.mkdir(parents=True, exist_ok=True)
        self.curve = folder / "host.curve"
        self.curve.write_text(estate.curve(name).secret.hex() + "\n")
        self.shell = folder / "shell.py"
        self.shell.write_text(SHELL)

    def start(self, document: bytes) -> subprocess.Popen[bytes]:
        want = Want(
            addresses=(self.centre.address,),
            servers=(estate.curve("centre").public,),
            curve=str(self.curve),
            document=document,
            spool=str(self.tree.parent),
            most=100_000_000,
        )
        return subprocess.Popen(
            [
                "rsync",
                *transfer.CLIENT_OPTIONS,
                "-e",
                f"{sys.executable} {self.shell}",
                transfer.REMOTE,
                f"{self.tree}/",
            ],
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(TOP), VARIABLE: want.as_text()},
            stderr=subprocess.PIPE,
        )

    def run(self, document: bytes) -> tuple[int, str]:
        child = self.start(document)
        self.centre.until(lambda: child.poll() is not None, "the end of rsync")
        assert child.stderr is not None
        with child.stderr:
            return child.wait(), child.stderr.read().decode()

    def files(self) -> dict[str, bytes]:
        return {str(file.relative_to(self.tree)): file.read_bytes() for file in self.tree.rglob("*") if file.is_file()}


def document(*, big: bytes = BIG) -> Document:
    return replace(
        estate.document(),
        lists=tuple(ListFile(name, sha256(content), len(content)) for name, content in CONTENTS.items()),
        files=(File(path="/srv/big", sha256=sha256(big), size=len(big)),),
    )


def published(centre: RunningCentre) -> bytes:
    """A document with all contents uploaded; its hash."""
    for content in (*CONTENTS.values(), BIG):
        centre.upload(content)
    encoded = codec.encode(document())
    centre.publish(estate.release(contents=(encoded,)))
    return sha256(encoded)


@pytest.fixture
def host(centre: RunningCentre) -> SwarmHost:
    return centre.admitted()


@pytest.mark.processes
class TestAHostsRsync:
    def test_gets_exactly_the_files_of_its_document(
        self, centre: RunningCentre, host: SwarmHost, tmp_path: Path
    ) -> None:
        rsync = Rsync(centre, tmp_path)
        (rsync.tree / "lists").mkdir()
        (rsync.tree / "lists" / "old.list").write_text("left from before")
        assert rsync.run(published(centre)) == (0, "")
        lists = {f"lists/{name}.list": content for name, content in CONTENTS.items()}
        assert rsync.files() == {**lists, f"blobs/{sha256(BIG).hex()}": BIG}

    def test_sends_little_where_little_changed(self, centre: RunningCentre, host: SwarmHost, tmp_path: Path) -> None:
        rsync, name = Rsync(centre, tmp_path), published(centre)
        rsync.run(name)
        (rsync.tree / "lists" / "base.list").write_bytes(b"torn")
        assert rsync.run(name) == (0, "")
        assert centre.log.said("stream-ended")[-1]["sent"] < 20_000  # type: ignore[operator]
        assert rsync.files()["lists/base.list"] == CONTENTS["base"]

    def test_gets_nothing_for_a_document_that_is_not_its_own(
        self, centre: RunningCentre, host: SwarmHost, tmp_path: Path
    ) -> None:
        name = published(centre)
        other = centre.admitted("other/dom0")
        rsync = Rsync(centre, tmp_path, other.name)
        status, _text = rsync.run(name)
        assert status != 0
        assert rsync.files() == {}

    def test_leaves_no_process_when_its_connection_breaks(
        self, centre: RunningCentre, host: SwarmHost, tmp_path: Path
    ) -> None:
        rsync, name = Rsync(centre, tmp_path), published(centre)
        with opened(centre, name):
            centre.until(lambda: children() == 1)
        centre.until(lambda: children() == 0)
        assert rsync.run(name)[0] == 0

    def test_waits_for_its_turn_when_too_many_run(self, tmp_path: Path) -> None:
        centre = RunningCentre(tmp_path / "small", settings="[limits]\nstreams = 1\n")
        try:
            centre.admitted()
            name = published(centre)
            with opened(centre, name):
                centre.until(lambda: centre.log.said("stream-opened"))
                child = Rsync(centre, tmp_path / "host").start(name)
                centre.turns(1.0)
                assert child.poll() is None
                assert len(centre.log.said("stream-opened")) == 1
            centre.until(lambda: child.poll() is not None)
            assert child.stderr is not None
            child.stderr.close()
            assert child.wait() == 0
        finally:
            centre.close()


@contextmanager
def opened(centre: RunningCentre, name: bytes, *, credit: int = 8) -> Iterator[Link]:
    """A stream whose other end is this test."""
    secret, public = estate.curve("library/dom0").secret, estate.curve("library/dom0").public
    dial = Dial(address=centre.address, server=estate.curve("centre").public, keys=Keys(public, secret))
    link = Link(centre.context, dial)
    link.send(m.to_frames(m.StreamOpen(document=name, credit=credit)))
    try:
        yield link
    finally:
        link.close()


def children() -> int:
    """rsync processes that this process started."""
    listed = Path(f"/proc/{os.getpid()}/task")
    found = [pid for task in listed.iterdir() for pid in (task / "children").read_text().split()]
    return sum(1 for pid in found if Path(f"/proc/{pid}/comm").read_text().strip() == "rsync")


def until_event(centre: RunningCentre, link: Link) -> None:
    seen: list[Event] = []

    def down() -> bool:
        seen.extend(link.events())
        return Event.DOWN in seen

    centre.until(down)


class TestAStream:
    def test_is_cut_when_the_host_sends_more_than_was_credited(self, centre: RunningCentre, host: SwarmHost) -> None:
        with opened(centre, published(centre)) as link:
            for _ in range(40):
                link.send(m.to_frames(m.StreamData(piece=b"x" * transfer.PIECE)))
            until_event(centre, link)
        centre.until(lambda: children() == 0)

    @pytest.mark.parametrize(
        "message", [m.Pending(), m.StreamData(piece=b""), m.StreamCredit(pieces=0)], ids=["word", "empty", "no credit"]
    )
    def test_is_cut_when_the_host_says_what_does_not_belong_there(
        self, centre: RunningCentre, host: SwarmHost, message: m.Message
    ) -> None:
        with opened(centre, published(centre)) as link:
            link.send(m.to_frames(message))
            until_event(centre, link)

    def test_is_ended_when_nothing_moves_for_long(self, centre: RunningCentre, host: SwarmHost) -> None:
        with opened(centre, published(centre)) as link:
            centre.until(link.receive)  # rsync's greeting; then nobody says anything
            centre.clock.skip(130)
            until_event(centre, link)
        assert centre.log.said("stream-ended")[-1]["status"] == 30

    def test_is_cut_with_the_key(self, centre: RunningCentre, host: SwarmHost) -> None:
        with opened(centre, published(centre)) as link:
            centre.until(lambda: centre.log.said("stream-opened"))
            centre.revoke(host.name)
            until_event(centre, link)
        centre.until(lambda: children() == 0)

    def test_is_ended_when_only_words_move_and_no_bytes(self, centre: RunningCentre, host: SwarmHost) -> None:
        with opened(centre, published(centre)) as link:
            centre.until(link.receive)
            for _ in range(13):
                link.send(m.to_frames(m.StreamCredit(pieces=1)))  # for the greeting; every other is too much
                centre.clock.skip(10)
                centre.turns(0.02)
            until_event(centre, link)

    def test_is_cut_when_more_is_credited_than_was_sent(self, centre: RunningCentre, host: SwarmHost) -> None:
        with opened(centre, published(centre)) as link:
            centre.until(link.receive)
            link.send(m.to_frames(m.StreamCredit(pieces=2)))
            until_event(centre, link)
        assert centre.log.said("connection-cut")[-1]["reason"] == "credit for more than was sent"

    def test_gives_up_its_place_when_others_wait_and_only_then(self, tmp_path: Path) -> None:
        centre = RunningCentre(tmp_path / "centre", settings="[limits]\nstreams = 1\n")
        try:
            centre.admitted()
            name = published(centre)
            with opened(centre, name) as slow:
                slow.send(m.to_frames(m.StreamData(piece=LONG_RULE)))
                drip(centre, slow, seconds=400)
                assert centre.log.said("stream-ended") == []
                with opened(centre, name) as waiting:
                    drip(centre, slow, seconds=10)
                    until_event(centre, slow)
                    assert centre.log.said("stream-ended")[-1]["text"] == "others wait for their turn"
                    centre.until(waiting.receive)
        finally:
            centre.close()

    def test_ends_after_an_hour_at_the_latest(self, centre: RunningCentre, host: SwarmHost) -> None:
        with opened(centre, published(centre)) as link:
            link.send(m.to_frames(m.StreamData(piece=LONG_RULE)))
            drip(centre, link, seconds=3700)
            until_event(centre, link)
        assert centre.log.said("stream-ended")[-1]["text"] == "this stream took too long"


def drip(centre: RunningCentre, link: Link, *, seconds: int) -> None:
    """Let time pass on a stream on which a byte moves now and then; rsync has taken each before the next."""
    answer = (m.StreamCredit, m.StreamEnd)
    for _ in range(0, seconds, 100):
        link.send(m.to_frames(m.StreamData(piece=b"x")))
        centre.until(lambda: any(isinstance(m.from_frames(frames), answer) for frames in link.receive()))
        centre.clock.skip(100)
    centre.turns(0.05)
