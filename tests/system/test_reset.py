"""The way back from a lost floor: a host whose record of what it had accepted was destroyed on its disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from orch.common import authoring, codec, identity, keyfile
from orch.common import messages as m
from orch.common.crypto import SigningKey
from orch.common.envelope import open_envelope
from orch.common.identity import Admission, Reset
from orch.common.operations import Signed
from orch.common.report import TYPE, Report
from orch.common.wire import Keys, public_of
from orch.minion.floor import SLOTS
from tests.lab import author
from tests.lab.caller import Caller, request
from tests.lab.fleet import ESTATE, PORT
from tests.lab.ground import LIBRARY, SCHOOL, Ground, events, said
from tests.lab.hosts import Host, until
from tests.lab.loot import Loot

pytestmark = pytest.mark.system

SOON = 30.0
"""Seconds in which a host with a line answers to anything."""


def is_lost(row: Mapping[str, object]) -> bool:
    return "lost" in str(row["warning"])


def is_whole(row: Mapping[str, object]) -> bool:
    return row["warning"] is None


def destroy(host: Host, *slots: str) -> None:
    """Write over slots of the floor on the disk of a host that is off."""
    for slot in slots:
        (host.root / "var/lib/orch" / slot).write_bytes(b"\x00" * 100)


def lose(ground: Ground) -> Host:
    """Have a host lose its whole floor, and say so."""
    host = ground.lab.hosts[LIBRARY]
    host.power_cut()
    destroy(host, *SLOTS)
    ground.switch_on(host)
    ground.wait_row(LIBRARY, is_lost, timeout=SOON, what="the host to say that it is lost")
    return host


def change(ground: Ground, text: str) -> None:
    """Publish something that every host would do."""
    ground.write({"files/motd": text})
    ground.apply_unheard()


def motd(host: Host) -> str:
    return (host.root / "etc/motd").read_text("utf-8")


class Hand:
    """Somebody with an operator's login who signs resets as `orch` never would."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.keys = author.Keys.of(ground)

    def admission(self, name: str) -> Admission:
        envelope = (self.ground.folders.estate / f"hosts/{name}.admission").read_bytes()
        opened = open_envelope(envelope, type=identity.ADMISSION_TYPE, limit=1 << 20)
        return codec.decode(Admission, opened.body, limit=1 << 20)

    def question(self, name: str) -> bytes:
        newest = Loot(self.ground.folders.centre).reports(name)[-1]
        return codec.decode(Report, open_envelope(newest, type=TYPE, limit=1 << 20).body, limit=1 << 20).question

    def signed(self, name: str, *, by: tuple[SigningKey, ...], question: bytes) -> bytes:
        made = Reset(
            estate=ESTATE, curve=self.admission(name).curve, nonce=question, epoch=1, number=2, issued=author.now()
        )
        return authoring.sign_reset(made, keys=by)

    def put(self, envelope: bytes) -> str:
        """Give it to the centre as an operator; the code of its answer."""
        loot = Loot(self.ground.folders.centre)
        text = (self.ground.folders.home / ESTATE / "login.key").read_text("utf-8")
        secret = keyfile.read_login(text).curve
        keys = Keys(public_of(secret), secret)
        centre = self.ground.lab.centre
        with Caller(centre.namespace, port=PORT, server=public_of(loot.curve), keys=keys) as caller:
            caller.call()
            caller.say(request("key.reset", Signed(envelope)))
            caller.listen(lambda: caller.heard, what="the centre's answer")
            answer = caller.heard[0]
            assert isinstance(answer, m.Answer)
            return answer.code


@pytest.fixture
def lost(ground: Ground) -> Iterator[Host]:
    """A host that has lost its floor; it gets a new one in the end, however the test ends."""
    yield lose(ground)
    if is_lost(ground.rows()[LIBRARY]):
        ground.orch("key", "reset", LIBRARY, "--yes")


def test_one_destroyed_slot_costs_nothing(ground: Ground) -> None:
    host = ground.lab.hosts[LIBRARY]
    for slot in SLOTS:
        host.power_cut()
        destroy(host, slot)
        ground.switch_on(host)
        ground.connected([LIBRARY])
        ground.write({"files/motd": f"without {slot}\n"})
        ground.apply()
        assert motd(host) == f"without {slot}\n"
        assert f"slot={slot}" in host.log("executor")
        assert is_whole(ground.rows()[LIBRARY])


def test_a_lost_host_goes_on_refuses_says_so_and_comes_back_by_a_reset(ground: Ground, lost: Host) -> None:
    assert "its record of what it had accepted is lost" in said(ground.orch("status", "-v"))
    change(ground, "after the loss\n")
    ground.wait_outcome(LIBRARY, "refused", timeout=SOON)
    assert motd(lost) == "as it should be\n"
    assert ground.rows()[SCHOOL]["condition"] == "converged"
    assert "both records" in said(ground.orch("status"))
    explained = said(ground.orch("explain", LIBRARY))
    assert f"next: orch key reset {LIBRARY}" in explained
    assert ground.reports(LIBRARY)[0]["reason"]["code"] == "floor-lost"
    on_site = ground.minion(lost, "explain").out
    assert f"orch key reset {LIBRARY}" in on_site
    words = on_site.partition("with the words: ")[2].partition("\n")[0]

    (lost.root / "etc/motd").write_text("somebody was here\n", "utf-8")  # what is in force is healed all the same
    lost.reboot()
    until(lambda: motd(lost) == "as it should be\n", timeout=SOON, what="the host to heal")

    told = said(ground.orch("key", "reset", LIBRARY, "--yes"))
    assert words in told
    ground.wait_applied([LIBRARY])
    assert motd(lost) == "after the loss\n"
    assert is_whole(ground.rows()[LIBRARY])
    assert events(lost.log("executor"), "reset-taken")
    ground.write({"files/motd": "as ever\n"})
    ground.apply()
    assert ground.faults() == []
    again = ground.orch("key", "reset", LIBRARY, "--yes", check=False)
    assert again.code == 2
    assert "needs no reset" in said(again)


def test_a_lost_host_that_has_the_newest_release_takes_it_once_more(ground: Ground, lost: Host) -> None:
    running = ground.rows()[LIBRARY]["wanted"]
    ground.orch("key", "reset", LIBRARY, "--yes")
    ground.wait_row(LIBRARY, is_whole, timeout=SOON, what="the host to be whole")
    ground.wait_applied([LIBRARY])
    assert ground.rows()[LIBRARY]["running"] == running
    lost.reboot()
    ground.connected([LIBRARY])
    ground.write({"files/motd": "one later\n"})
    ground.apply()


def test_a_reset_survives_a_host_that_is_away(ground: Ground, lost: Host) -> None:
    lost.cut()
    ground.wait_row(LIBRARY, lambda row: not row["connected"], timeout=90, what="the host to be missed")
    done = ground.orch("key", "reset", LIBRARY, "--yes")
    assert "offline" in said(done)
    lost.heal()
    ground.wait_row(LIBRARY, is_whole, timeout=90, what="the host to be whole")
    ground.wait_applied([LIBRARY])


def test_what_is_no_good_reset_is_refused_by_the_centre(ground: Ground, lost: Host) -> None:
    hand, taken = Hand(ground), len(events(lost.log("executor"), "reset-taken"))
    question = hand.question(LIBRARY)
    both = (hand.keys.root, hand.keys.signing)
    assert hand.put(hand.signed(LIBRARY, by=(hand.keys.signing,), question=question)) == "bad-signature"
    assert hand.put(hand.signed(LIBRARY, by=(hand.keys.root,), question=question)) == "bad-signature"
    assert hand.put(hand.signed(LIBRARY, by=both, question=bytes(32))) == "mislabelled"
    assert hand.put(hand.signed(SCHOOL, by=both, question=question)) == "mislabelled"
    assert is_lost(ground.rows()[LIBRARY])
    assert len(events(lost.log("executor"), "reset-taken")) == taken


def test_a_reset_is_not_taken_twice(ground: Ground, lost: Host) -> None:
    hand = Hand(ground)
    used = hand.signed(LIBRARY, by=(hand.keys.root, hand.keys.signing), question=hand.question(LIBRARY))
    assert hand.put(used) == ""
    ground.wait_row(LIBRARY, is_whole, timeout=SOON, what="the host to be whole")
    lose(ground)
    assert hand.put(used) == "mislabelled"
    assert is_lost(ground.rows()[LIBRARY])
    taken = len(events(lost.log("executor"), "reset-taken"))
    ground.orch("key", "reset", LIBRARY, "--yes")
    ground.wait_row(LIBRARY, is_whole, timeout=SOON, what="the host to be whole")
    assert len(events(lost.log("executor"), "reset-taken")) == taken + 1
