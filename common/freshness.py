"""What time it is as far as anybody can prove, and what a host may still do when nobody has proved it for long.

Refuses to do: read a clock (a `Moment` is handed in), or stop a service. Expiry and staleness stop *changes*.

Invariants (design section 3):
- the time is never earlier than anything that was signed and accepted;
- a proof of freshness of this very boot decides, counted on by the boot's own clock, whatever the wall clock says;
  without one it is the latest of wall clock, last proved time and last signed time;
- a proof needs this host's nonce, and authorises nothing;
- after 24 h without one, or with an expired release, a host only heals: no new release, no removals.

Called by a host's executor. Import it through trust.py.
"""

from __future__ import annotations

from enum import Enum

from orch.common import codec
from orch.common.clock import rfc3339
from orch.common.envelope import open_envelope, signers
from orch.common.errors import BadSignature, Expired, Mislabelled, NotFresh, Refused
from orch.common.release import FRESH_LIMIT, FRESH_TYPE, Fresh, Release
from orch.common.standing import Contact, Floor, Moment, Standing

STALE_AFTER = 24 * 3600
"""Seconds without a proof of freshness after which a host makes no changes but healing ones."""


class Permission(Enum):
    """How much a host may do with the release that it holds."""

    EVERYTHING = "everything"
    HEAL = "heal"  # bring back what the release in force says; take no new release, remove nothing


def judge_fresh(standing: Standing, envelope: bytes, *, nonce: bytes) -> Fresh:
    """The centre's proof of what is newest for this host. It is told apart by its nonce, so it cannot be replayed.

    That it names an older policy or release than the host has is no error: a centre restored from a backup learns from
    the host's hello. Its time is bounded by `proved_time` and `trusted_now`.

    Raises:
        Malformed: not a proof of freshness.
        BadSignature: not signed with a freshness key of the policy in force.
        Mislabelled: another type, estate, host or nonce.
    """
    opened = open_envelope(envelope, type=FRESH_TYPE, limit=FRESH_LIMIT)
    if not signers(opened, standing.policy.centre.fresh):
        raise BadSignature("the proof of freshness is not signed by this estate's centre")
    fresh = codec.decode(Fresh, opened.body, limit=FRESH_LIMIT)
    if (fresh.estate, fresh.curve) != (standing.me.estate, standing.me.curve):
        raise Mislabelled("the proof of freshness is for another host")
    if fresh.nonce != nonce:
        raise Mislabelled("the proof of freshness answers another question of this host")
    return fresh


def trusted_now(moment: Moment, floor: Floor, contact: Contact | None = None) -> int:
    """Seconds since 1970, as well as they can be known.

    Args:
        moment: what the machine says.
        floor: signed and proved times.
        contact: the last good proof of freshness, if any.

    Returns:
        The centre's time where it was proved since this boot, else the latest of all that is known. A clock that is
        behind is brought forward by both; one that is far ahead is brought back by the first.
    """
    if contact is not None and contact.boot == moment.boot:
        return max(contact.time + max(0, moment.boottime - contact.boottime), floor.signed_time)
    return max(moment.wall, floor.trusted_time, floor.signed_time)


def proved_time(time: int, *, moment: Moment, floor: Floor, contact: Contact | None) -> int:
    """What time it is after a good proof of freshness that says `time`.

    A stolen centre may not turn time back so that an expired release looks young: what was proved before, counted on
    by this machine, is left only where this machine's own clock too says that it was ahead. So one centre whose clock
    was far ahead, or one machine whose clock is, can be brought back; both together cannot.

    Args:
        time: the centre's clock in the proof.
        moment: what the machine says now.
        floor: signed and proved times.
        contact: the proof before this one, if any.
    """
    before = floor.trusted_time
    if contact is not None and contact.boot == moment.boot:
        before = contact.time + max(0, moment.boottime - contact.boottime)
    return max(time, min(moment.wall, before))


def unproven(moment: Moment, contact: Contact | None, *, now: int) -> int | None:
    """Seconds since the last proof of freshness; None if there never was one.

    Within one boot the boot's own clock counts. After a reboot the difference of trusted times does, and at least the
    time since boot, so a machine whose clock died does not stay fresh for ever.
    """
    if contact is None:
        return None
    if contact.boot == moment.boot:
        return max(0, moment.boottime - contact.boottime)
    return max(now - contact.time, moment.boottime)


def permission(release: Release, *, now: int, unproven_for: int | None) -> tuple[Permission, Refused | None]:
    """What may be done with the release in force.

    Args:
        release: it.
        now: from `trusted_now`.
        unproven_for: from `unproven`. A run without a centre gives 0: it has nobody to be withheld from by.

    Returns:
        The permission, and why it is not everything.
    """
    # The reasons name no span that grows: a host that waits for days would take each repetition for news and report it.
    # The moment of signing is a lower bound too: a host that has just taken a release has it in its floor already,
    # a dry run of one has not.
    now = max(now, release.created)
    if now > release.expires:
        return Permission.HEAL, Expired(f"release {release.number} expired at {rfc3339(release.expires)}")
    if unproven_for is None:
        return Permission.HEAL, NotFresh("the centre has never proved to this host what is newest")
    if unproven_for > STALE_AFTER:
        return Permission.HEAL, NotFresh(
            f"no proof for more than {STALE_AFTER // 3600} h that release {release.number} is the newest"
        )
    return Permission.EVERYTHING, None
