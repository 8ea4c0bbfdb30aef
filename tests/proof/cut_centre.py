"""A real master that takes in releases, contents and reports on a recorded disk, and its return after a power cut."""

from __future__ import annotations

import hashlib
import signal
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from orch.common import codec, trust
from orch.common import operations as op
from orch.common.document import ListFile
from orch.common.report import Report
from tests.fakes import signed_estate as estate
from tests.fakes.real_master import Master, kept
from tests.fakes.running_centre import RunningCentre
from tests.lab.recording import RecordedDisk

ROUNDS = 4
SCOPE = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """What the centre has promised by a position, one thing at a time."""

    position: int
    admitted: bool = False
    acknowledged: int = 0
    published: int = 0
    content: bytes = b""


class CentreLife:
    """One centre with one host."""

    def __init__(self, dice: Random) -> None:
        """The dice say how much comes in."""
        self.begins = 0
        self._dice = dice
        self._claims: list[_Claim] = []
        self._newest = b""  # hash of the newest release
        self._made: list[tuple[int, bytes]] = []  # the host's reports, and when each was made

    def live(self, disk: RecordedDisk) -> None:
        """Take in what comes, be killed once."""
        master = Master(disk.place / "centre")
        try:
            self.begins = disk.position
            master.start()
            master.connect()
            master.admit()
            self._claims.append(_Claim(position=disk.position, admitted=True))
            for number in range(ROUNDS):
                self._contents(disk, master, 2 * number + 2)
                self._reports(disk, master)
                if number == ROUNDS // 2:
                    master.kill(signal.SIGKILL)
                    master.start()
                    master.connect()
        finally:
            master.end()

    def _contents(self, disk: RecordedDisk, master: Master, number: int) -> None:
        """Some contents one after the other, then a release that names the last of them."""
        content = b""
        for _ in range(self._dice.randint(3, 6)):
            content = self._dice.randbytes(self._dice.choice((40, 3000, 60_000)))
            piece = op.Piece(sha256=_hash(content), size=len(content), offset=0, data=content)
            master.ask("blob.put", piece)
            self._claims.append(_Claim(position=disk.position, content=_hash(content)))
        lists = (ListFile("base", _hash(content), len(content)),)
        document = codec.encode(replace(estate.document(), lists=lists))
        now = int(time.time())
        draft = estate.draft(number, created=now - 5, expires=now + 86_400, previous=self._newest)
        made = estate.release(draft, contents=(document,))
        self._newest = made.hash
        master.ask_all(
            ("document.hold", op.Documents((document,))),
            ("release.put", op.Publish(release=made.envelope, documents=(_hash(document),))),
        )
        self._claims.append(_Claim(position=disk.position, published=number))

    def _reports(self, disk: RecordedDisk, master: Master) -> None:
        """Reports in bursts, each noted when it is acknowledged."""
        host = master.host
        for _ in range(self._dice.randint(2, 4)):
            for _ in range(self._dice.randint(1, 8)):
                sequence = host.report()
                self._made.append((disk.position, host.outbox[sequence]))
            while host.acknowledged < len(self._made):
                before = host.acknowledged
                master.until(lambda known=before: host.acknowledged > known)  # type: ignore[misc]
                self._claims.append(_Claim(position=disk.position, acknowledged=host.acknowledged))

    def come_back(self, place: Path, position: int) -> None:
        """It starts on what was left, and the host goes on with it."""
        folder = place / "centre"
        folder.mkdir(exist_ok=True)  # nothing but the test's own files is in it before the first start
        claims = [one for one in self._claims if one.position <= position]
        made = [envelope for at, envelope in self._made if at <= position]
        acknowledged = max((one.acknowledged for one in claims), default=0)
        _is_sound(folder)
        self._nothing_is_lost(folder, claims, made[:acknowledged])
        centre = RunningCentre(folder, now=int(time.time()))
        try:
            _knows(centre, claims)
            _goes_on(centre, made, acknowledged)
        finally:
            centre.close()
        if (there := kept(folder, estate.admission().curve)) != made:
            raise AssertionError(f"the host made {len(made)} reports, the centre has {_numbers(there)}")

    def _nothing_is_lost(self, folder: Path, claims: list[_Claim], acknowledged: list[bytes]) -> None:
        there = kept(folder, estate.admission().curve)
        if there[: len(acknowledged)] != acknowledged:
            raise AssertionError(f"{len(acknowledged)} reports were acknowledged, and the centre has {_numbers(there)}")
        blobs = {path.name for path in (folder / "blobs").glob("[0-9a-f][0-9a-f]/*")}
        if lost := {one.content.hex() for one in claims if one.content} - blobs:
            raise AssertionError(f"contents were taken in and are gone: {sorted(lost)}")


def _is_sound(folder: Path) -> None:
    """The database is whole, and each content is what its name says."""
    with closing(sqlite3.connect(folder / "store.db")) as database:
        if (found := database.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
            raise AssertionError(f"the store: {found}")
    for path in (folder / "blobs").glob("[0-9a-f][0-9a-f]/*"):
        if _hash(path.read_bytes()).hex() != path.name:
            raise AssertionError(f"the content {path.name} has other bytes")


def _knows(centre: RunningCentre, claims: list[_Claim]) -> None:
    number = max((one.published for one in claims), default=0)
    head = centre.ask("scope.head", op.ScopeAsked(SCOPE), op.ScopeHead)
    if head.number < number:
        raise AssertionError(f"release {number} was taken in, and the newest is {head.number}")
    if any(one.admitted for one in claims) and estate.admission().host not in centre.rows():
        raise AssertionError("the host was admitted, and is not")


def _goes_on(centre: RunningCentre, made: list[bytes], acknowledged: int) -> None:
    """The host says what it has to say, as after any cut line."""
    if estate.admission().host not in centre.rows():
        centre.admit(estate.admission().host)
    host = centre.host(connect=False)
    host.outbox = {at: envelope for at, envelope in enumerate(made, start=1) if at > acknowledged}
    host.held = replace(host.held, sequence=len(made), unsent=tuple(sorted(host.outbox)))
    host.connect(centre.context, centre.address)
    centre.until(lambda: host.acknowledged >= len(made) and "admitted" in host.standing, "the last acknowledgement")


def _hash(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _numbers(envelopes: list[bytes]) -> list[int]:
    reports: list[Report] = [trust.read_report(one) for one in envelopes]
    return [one.sequence for one in reports]
