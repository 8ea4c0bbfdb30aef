"""A real host and a real centre that belong to each other, the operator between them, and what must hold of both."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from orch.common import codec, messages, trust
from orch.common import operations as op
from orch.common.crypto import sha256
from orch.common.report import Report
from orch.common.session import BEAT
from orch.common.standing import Floor
from tests.fakes import signed_estate as estate
from tests.fakes.real_host import RealHost, enrol, policy_of, text_document
from tests.fakes.real_master import Master, kept
from tests.fakes.running_centre import write_directory
from tests.proof.kills import floor_on_disk, height

GOOD_FOR = 30 * estate.DAY
"""Seconds after which a release expires."""
LIMIT = 2 * BEAT + 20.0
"""Seconds until it is so: the next proof is a beat away at most, then a beat, and a machine that is busy."""


class Pair:
    """One host and one centre, and all that was published for the host."""

    def __init__(self, folder: Path) -> None:
        """Enrol the host; nobody runs yet."""
        self.host, self.master = RealHost(folder / "host"), Master(folder / "centre")
        self.number = 0
        self._newest, self._texts = b"", [""]
        self._floor = Floor()
        policy = policy_of(self.master.address)
        settings = "[keep]\nreports = 100000\n"
        write_directory(self.master.folder, listen=self.master.address, policy=policy, settings=settings)
        enrol(self.host, policy)
        self._me = self.host.me

    def meet(self) -> None:
        """Let the host in and give it a first release; both run."""
        self.master.until(self.master.listens)
        self.master.ask("key.admit", op.Signed(estate.admission_bytes(self._me)))
        self.publish(Random(0))
        self.until(self.is_applied)

    def publish(self, dice: Random) -> None:
        """The next release: another text.

        Raises:
            RefusedHere: the centre does not take it in.
        """
        number, now, text = self.number + 2, int(time.time()), dice.randbytes(20).hex() + "\n"
        document = codec.encode(text_document(self._me, text))
        draft = estate.draft(number, created=now - 5, expires=now + GOOD_FOR, previous=self._newest)
        made = estate.release(draft, contents=(document,))
        self.master.ask_all(
            ("document.hold", op.Documents((document,))),
            ("release.put", op.Publish(release=made.envelope, documents=(sha256(document),))),
        )
        self.number, self._newest = number, made.hash
        self._texts.append(text)

    def row(self) -> op.Row:
        """How the centre says that the host is."""
        asked = self.master.ask("host.explain", op.HostAsked(self._me.host, reports=False))
        return codec.decode(op.Detail, asked.result, limit=messages.FRAME_LIMIT).row

    def is_applied(self) -> bool:
        """Whether the centre knows that the newest release is true."""
        row = self.row()
        return (row.wanted[1], row.running[1], row.outcome) == (self.number, self.number, "applied")

    def until(self, what: Callable[[], bool], about: str = "") -> None:
        """Wait for it.

        Raises:
            AssertionError: it is not so within two beats.
        """
        until = time.monotonic() + LIMIT
        while not what():
            if time.monotonic() > until:
                row = self.row()
                raise AssertionError(f"not in {LIMIT:.0f} s {about}: {row.running} {row.outcome} {row.code} {row.text}")
            time.sleep(0.5)  # each look is a connection

    def nothing_is_back(self) -> None:
        """The floor is no lower, and the file is the old one or the new one."""
        before, self._floor = self._floor, floor_on_disk(self.host.root)
        if height(self._floor) < height(before):
            raise AssertionError(f"the floor fell from {before} to {self._floor}")
        if self.host.motd() not in self._texts[-2:]:
            raise AssertionError("/etc/motd is neither what it was nor what it shall be")

    def is_true(self) -> None:
        """The newest document is what the host is."""
        if self.host.motd() != self._texts[-1]:
            raise AssertionError("it says applied, and /etc/motd is not so")

    def kept(self) -> tuple[list[bytes], list[Report]]:
        """All reports that the centre has, in the order in which they came, and what they say."""
        envelopes = kept(self.master.folder, self._me.curve)
        return envelopes, [trust.judge_report(self._me, one) for one in envelopes]
