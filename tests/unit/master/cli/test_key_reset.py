from __future__ import annotations

from dataclasses import replace

import pytest

from orch.common import attest
from orch.common.crypto import SigningKey
from orch.common.operations import ScopeHead
from orch.common.phrase import check_words
from orch.common.report import Outcome, Report, Trigger
from tests.fakes.operators_centre import FakeCentre, FakeHost
from tests.unit.master.cli.desk import ESTATE, Workplace, err

HOST = "library/srv1"
QUESTION = bytes(range(32))


def reported(place: Workplace, host: FakeHost, *, key: SigningKey | None = None, **changes: object) -> None:
    """One more report of the host, the newest."""
    centre = place.centre
    assert centre is not None
    curve = host.curve.public
    kept = centre.reports.setdefault(curve, [])
    made = Report(
        host=host.name,
        curve=curve,
        boot=bytes(16),
        sequence=len(kept) + 1,
        previous=b"",
        time=place.clock.wall(),
        trigger=Trigger.RELEASE,
        epoch=1,
        number=2,
        release=bytes(32),
        document=bytes(32),
        outcome=Outcome.REFUSED,
        refused="floor",
        question=QUESTION,
    )
    kept.insert(0, attest.sign_report(replace(made, **changes), key or host.sign))  # type: ignore[arg-type]


def estate(place: Workplace) -> tuple[FakeCentre, FakeHost]:
    """A host that has release 2."""
    centre = place.found("library")
    [host] = place.admit(HOST)
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    return centre, host


def test_shows_what_the_host_says_it_ran_and_signs_the_newest_release_for_it(place: Workplace) -> None:
    centre, host = estate(place)
    reported(place, host)
    place.run("apply", "--yes", "--again", "--note", "spring", *place.unlocked)
    reported(place, host, number=4, refused="release")
    place.interactive = True
    done = place.run("key", "reset", "srv1", *place.unlocked, answer="y\n")
    assert done.exit_code == 0, done.output
    assert check_words(QUESTION) in err(done)
    assert "ran last    release 1:2" in err(done)
    assert 'release 1:4 of main, signed 0 s ago, "spring"' in err(done)
    [made] = centre.resets
    assert (made.curve, made.nonce, made.epoch, made.number) == (host.curve.public, QUESTION, 1, 4)
    assert (made.estate, made.issued) == (ESTATE, place.clock.wall())
    assert f"{HOST}: reset to 1:4" in done.stdout
    assert err(done).splitlines()[-1] == f"next: orch explain {HOST} --watch"


def test_asks_and_takes_no_for_an_answer(place: Workplace) -> None:
    centre, host = estate(place)
    reported(place, host)
    assert place.run("key", "reset", HOST, *place.unlocked).exit_code == 2
    place.interactive = True
    assert place.run("key", "reset", HOST, *place.unlocked, answer="n\n").exit_code == 1
    assert centre.resets == []
    assert place.run("key", "reset", HOST, "--yes", *place.unlocked).exit_code == 0


def test_explain_names_the_command_that_helps(place: Workplace) -> None:
    _centre, host = estate(place)
    reported(place, host)
    assert err(place.run("explain", HOST)).splitlines()[-1] == f"next: orch key reset {HOST}"


@pytest.mark.parametrize("healthy", [{"question": b"", "refused": ""}, None], ids=["whole again", "never reported"])
def test_a_host_that_asks_nothing_is_not_reset(place: Workplace, healthy: dict[str, object] | None) -> None:
    centre, host = estate(place)
    if healthy is not None:
        reported(place, host)
        reported(place, host, key=None, **healthy)
    done = place.run("key", "reset", HOST, "--yes", *place.unlocked)
    assert done.exit_code == 2
    assert "needs no reset" in err(done)
    assert centre.resets == []


def test_a_question_that_the_host_did_not_sign_is_not_answered(place: Workplace) -> None:
    centre, host = estate(place)
    reported(place, host, key=SigningKey.generate())
    done = place.run("key", "reset", HOST, "--yes", *place.unlocked)
    assert done.exit_code == 5
    assert centre.resets == []


def test_a_centre_that_hides_the_newest_release_gets_no_reset(place: Workplace) -> None:
    centre, host = estate(place)
    old = centre.wanted[host.curve.public]
    place.run("apply", "--yes", "--again", *place.unlocked)
    reported(place, host, number=4)
    reported(place, host, number=2, refused="release")
    centre.wanted[host.curve.public] = old
    done = place.run("key", "reset", HOST, "--yes", *place.unlocked)
    assert done.exit_code == 5
    assert "has run release 1:4" in err(done)
    assert f"orch apply --again {HOST}" in err(done)
    centre.wanted.clear()
    assert place.run("key", "reset", HOST, "--yes", *place.unlocked).exit_code == 5
    assert centre.resets == []


def test_an_expired_release_is_published_again_first(place: Workplace) -> None:
    centre, host = estate(place)
    reported(place, host)
    place.clock.advance(400 * 86400)
    done = place.run("key", "reset", HOST, "--yes", *place.unlocked)
    assert done.exit_code == 5
    assert "orch apply" in err(done)
    assert centre.resets == []


def test_a_host_that_never_had_a_release_takes_its_first(place: Workplace) -> None:
    centre = place.found("library")
    [host] = place.admit(HOST)
    host.connected = False
    reported(place, host, number=0, epoch=0, release=b"")
    done = place.run("key", "reset", HOST, "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert (centre.resets[0].epoch, centre.resets[0].number) == (1, 0)
    assert "offline" in err(done)
    assert centre.heads.get("main", ScopeHead(0, 0, b"")).number == 0
