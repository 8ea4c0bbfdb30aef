"""The time that can be proved, and what may be done when nobody has proved anything for long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.common import attest, authoring, trust
from orch.common.crypto import sha256
from orch.common.envelope import seal
from orch.common.errors import BadSignature, Malformed, Mislabelled, Refused
from orch.common.release import FRESH_TYPE
from orch.common.standing import Contact, Floor, Moment
from orch.common.trust import STALE_AFTER, Permission
from tests.fakes.signed_estate import DAY, NOW, draft, fresh, keys, release, signing, standing

BOOT, EARLIER_BOOT = b"b" * 16, b"e" * 16
CENTURY = 100 * 365 * DAY


def at(wall: int, *, boot: bytes = BOOT, boottime: int = 1000) -> Moment:
    return Moment(wall=wall, boot=boot, boottime=boottime)


# --- the proof -----------------------------------------------------------------------------------------------


def test_takes_the_centres_proof() -> None:
    proof = fresh(number=8, time=NOW + 5)
    found = trust.judge_fresh(standing(), proof.envelope, nonce=proof.nonce)
    assert (found.number, found.time) == (8, NOW + 5)


@pytest.mark.parametrize("by", ["anna", "root", "anna login", "library/dom0"])
def test_nobody_but_the_centre_proves_freshness(by: str) -> None:
    proof = fresh(by=by)
    with pytest.raises(BadSignature):
        trust.judge_fresh(standing(), proof.envelope, nonce=proof.nonce)


@pytest.mark.parametrize("changes", [{"estate": "other"}, {"curve": bytes(32)}, {"nonce": bytes(16)}])
def test_a_proof_is_for_one_host_and_one_question(changes: dict[str, object]) -> None:
    proof = fresh(**changes)  # type: ignore[arg-type]
    with pytest.raises(Mislabelled):
        trust.judge_fresh(standing(), proof.envelope, nonce=proof.nonce)


def test_a_proof_cannot_be_replayed_to_a_later_question() -> None:
    proof = fresh()
    with pytest.raises(Mislabelled, match="another question"):
        trust.judge_fresh(standing(), proof.envelope, nonce=sha256(b"later")[:16])


def test_a_well_signed_proof_without_sense_is_malformed() -> None:
    with pytest.raises(Malformed):
        trust.judge_fresh(standing(), seal(FRESH_TYPE, b"\x80", keys("fresh")), nonce=bytes(16))


@pytest.mark.parametrize(
    ("says", "wall", "before", "result"),
    [
        (NOW, NOW, NOW - DAY, NOW),  # all is well
        (NOW - DAY, NOW, NOW, NOW),  # a stolen centre turns time back: a machine that knows better does not follow
        (NOW - DAY, NOW - DAY, NOW, NOW - DAY),  # the centre was ahead, and this machine says so too
        (NOW - DAY, NOW, 0, NOW - DAY),  # nothing was proved before: nobody but the centre can say
        (NOW, NOW + CENTURY, NOW - 5, NOW),  # this machine's clock is far ahead
        (NOW, 0, NOW - 5, NOW),  # or has died
    ],
)
@pytest.mark.parametrize("same_boot", [True, False])
def test_a_proof_turns_time_back_only_where_this_machine_agrees(
    says: int, wall: int, before: int, result: int, *, same_boot: bool
) -> None:
    contact = Contact(boot=BOOT, boottime=1000, time=before) if same_boot else None
    floor = Floor(trusted_time=0 if same_boot else before)
    assert trust.proved_time(says, moment=at(wall), floor=floor, contact=contact) == result


# --- the time ------------------------------------------------------------------------------------------------


def test_without_a_proof_it_is_the_latest_that_is_known() -> None:
    assert trust.trusted_now(at(NOW), Floor()) == NOW
    assert trust.trusted_now(at(0), Floor(trusted_time=NOW)) == NOW
    assert trust.trusted_now(at(0), Floor(signed_time=NOW, trusted_time=5)) == NOW


def test_a_proof_of_this_boot_decides_and_counts_on() -> None:
    contact = Contact(boot=BOOT, boottime=400, time=NOW)
    for wall in (0, NOW - CENTURY, NOW + CENTURY):
        assert trust.trusted_now(at(wall), Floor(), contact) == NOW + 600


def test_a_proof_of_this_boot_cannot_go_below_what_was_signed() -> None:
    contact = Contact(boot=BOOT, boottime=1000, time=5)
    assert trust.trusted_now(at(NOW), Floor(signed_time=NOW - DAY), contact) == NOW - DAY


def test_a_proof_of_an_earlier_boot_does_not_decide() -> None:
    contact = Contact(boot=EARLIER_BOOT, boottime=400, time=NOW)
    assert trust.trusted_now(at(NOW + DAY), Floor(), contact) == NOW + DAY


def test_one_centre_with_a_clock_far_ahead_locks_nobody_out() -> None:
    """Errors must not leave a host unrecoverable: the next good proof brings the time back."""
    floor = Floor(signed_time=NOW - DAY).with_time(NOW + CENTURY)
    assert trust.trusted_now(at(NOW), floor) == NOW + CENTURY
    floor = floor.with_time(NOW)
    assert trust.trusted_now(at(NOW), floor, Contact(boot=BOOT, boottime=1000, time=NOW)) == NOW
    assert trust.trusted_now(at(NOW, boot=EARLIER_BOOT), floor) == NOW


TIMES = st.integers(0, NOW + CENTURY)


@given(TIMES, TIMES, TIMES, TIMES, st.booleans())
def test_it_is_never_earlier_than_anything_signed(wall: int, signed: int, trusted: int, time: int, same: bool) -> None:  # noqa: FBT001
    contact = Contact(boot=BOOT if same else EARLIER_BOOT, boottime=0, time=time)
    floor = Floor(signed_time=signed, trusted_time=trusted)
    assert trust.trusted_now(at(wall), floor, contact) >= signed
    assert trust.trusted_now(at(wall), floor) >= max(signed, trusted, wall)


# --- how long without proof ------------------------------------------------------------------------------------


def test_within_a_boot_the_boots_own_clock_counts() -> None:
    contact = Contact(boot=BOOT, boottime=400, time=NOW)
    assert trust.unproven(at(0), contact, now=NOW + CENTURY) == 600


def test_after_a_reboot_the_trusted_time_counts() -> None:
    contact = Contact(boot=EARLIER_BOOT, boottime=9_000_000, time=NOW)
    assert trust.unproven(at(0, boottime=60), contact, now=NOW + DAY) == DAY


def test_after_a_reboot_with_a_dead_clock_at_least_the_time_since_boot_counts() -> None:
    contact = Contact(boot=EARLIER_BOOT, boottime=400, time=NOW)
    assert trust.unproven(at(0, boottime=5000), contact, now=NOW) == 5000


def test_a_host_that_never_had_a_proof_has_none() -> None:
    assert trust.unproven(at(NOW), None, now=NOW) is None


# --- what may be done ------------------------------------------------------------------------------------------


def permitted(now: int, unproven_for: int | None) -> tuple[Permission, Refused | None]:
    found = trust.endorsed(standing().policy, release().envelope).release
    return trust.permission(found, now=now, unproven_for=unproven_for)


@pytest.mark.parametrize(
    ("now", "unproven_for", "code"),
    [
        (NOW, 0, None),
        (NOW, STALE_AFTER, None),
        (NOW, STALE_AFTER + 1, "not-fresh"),
        (NOW, None, "not-fresh"),
        (NOW + 30 * DAY, 0, None),
        (NOW + 30 * DAY + 1, 0, "expired"),
        (NOW + 30 * DAY + 1, None, "expired"),
        (0, 0, None),
    ],
)
def test_expiry_and_staleness_leave_healing(now: int, unproven_for: int | None, code: str | None) -> None:
    allowed, why = permitted(now, unproven_for)
    assert allowed is (Permission.EVERYTHING if code is None else Permission.HEAL)
    assert (why.code if why else None) == code
    assert code != "expired" or "expired at 20" in str(why)


# --- makers ----------------------------------------------------------------------------------------------------


def test_a_release_is_no_proof_of_freshness() -> None:
    made = authoring.sign_release(draft(), release().documents, keys=keys("fresh"))
    with pytest.raises(Mislabelled):
        trust.judge_fresh(standing(), made.envelope, nonce=bytes(16))


def test_a_proof_is_not_made_of_what_cannot_be_read() -> None:
    found = trust.judge_fresh(standing(), fresh().envelope, nonce=fresh().nonce)
    object.__setattr__(found, "nonce", b"short")
    with pytest.raises(Malformed):
        attest.sign_fresh(found, signing("fresh"))
