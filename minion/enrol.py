"""Enrolment: a host learns whose it is, makes its keys, and asks to be let in.

What it learns is the estate's policy, pinned by the enrolment file. What it asks with is its identity request, whose
check words a person at the host reads to the operator. Nothing is sent here: the agent carries it when it dials.

Refuses to do: enrol twice without being told to, or believe a policy that the pin does not name.

Invariants:
- `host.toml` is written last: before it is there, the host is not enrolled, and enrolling again begins anew;
- the floor is laid here and nowhere else (floor.py).

Called by `orch-minion enrol` and `words`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from orch.common import attest, identity, policy, trust
from orch.common.clock import Chance, SystemChance
from orch.common.enrolment import Enrolment
from orch.common.envelope import open_envelope
from orch.common.errors import Mislabelled, SettingsError, UsageError
from orch.common.events import Log
from orch.common.identity import IdentityRequest
from orch.common.phrase import check_words
from orch.common.trust import Floor
from orch.minion import keys
from orch.minion.adapters import files
from orch.minion.adapters.disk import Owner
from orch.minion.channel import is_answered
from orch.minion.floor import SLOTS, FloorFile
from orch.minion.rules import COMING, IN_FORCE
from orch.minion.settings import NOT_ENROLLED, HostSettings, Layout

_OLD: Final = (IN_FORCE, COMING, "admission", "current", "previous", "next", "request", *SLOTS)
_JOURNAL: Final = ("journal.db", "journal.db-wal", "journal.db-shm")
_REQUEST: Final = "request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How this host shall be enrolled."""

    enrolment: Enrolment
    settings: HostSettings
    machine: str  # what the hardware calls itself, for people
    again: bool  # forget an enrolment that is there
    chance: Chance = field(default_factory=SystemChance)  # its keys come from it


def enrol(layout: Layout, wanted: Wanted, log: Log) -> str:
    """Enrol this host.

    Returns:
        The check words of its identity request.

    Raises:
        UsageError: it is enrolled already.
        Refused: the policy is not the one that was pinned.
        Malformed: the enrolment file holds no policy.
        StoreError: the disk refuses.
    """
    enrolment, settings = wanted.enrolment, wanted.settings
    taken = trust.take_policy(None, enrolment.policy, pinned=enrolment.pin)
    if taken.estate != enrolment.estate:
        raise Mislabelled(f"the enrolment file says {enrolment.estate}, its policy says {taken.estate}")
    _clear(layout, again=wanted.again)
    network = Owner(0, settings.group) if files.is_root() else None
    fetcher = Owner(settings.fetcher, settings.group) if files.is_root() else None
    files.make_folder(layout.state, mode=0o711, disk=layout.disk)
    files.make_folder(layout.spool, owner=fetcher, disk=layout.disk)
    made = keys.make(layout, wanted.chance, network=network)
    request = IdentityRequest(
        estate=taken.estate,
        host=settings.name,
        curve=made.curve.public,
        sign=made.sign.public,
        seal=made.seal.public,
        machine=wanted.machine,
    )
    envelope = attest.sign_identity_request(request, made.sign)
    pinned = open_envelope(enrolment.policy, type=policy.TYPE, limit=policy.LIMIT)
    files.write(layout.state / IN_FORCE, enrolment.policy, disk=layout.disk)
    FloorFile(layout.state, log, layout.disk).lay(Floor().with_policy(taken, pinned.hash))
    files.write(layout.state / _REQUEST, envelope, disk=layout.disk)
    files.write(layout.settings, settings.text().encode(), mode=0o644, disk=layout.disk)
    return words_of(envelope)


def request(layout: Layout) -> bytes:
    """This host's signed identity request.

    Raises:
        SettingsError: the host is not enrolled.
    """
    envelope = files.read(layout.state / _REQUEST, limit=identity.LIMIT + 4096, disk=layout.disk)
    if envelope is None:
        raise SettingsError("this host has no identity request", hint=NOT_ENROLLED)
    return envelope


def words_of(envelope: bytes) -> str:
    """The six check words of a signed identity request: those that `orch key accept` shows."""
    return check_words(open_envelope(envelope, type=identity.REQUEST_TYPE, limit=identity.LIMIT).body)


def _clear(layout: Layout, *, again: bool) -> None:
    if files.size(layout.settings, disk=layout.disk) is not None and not again:
        raise UsageError(
            f"this host is enrolled already: {layout.settings}",
            hint="to give it new keys and forget what it accepted: --break-enrolment",
        )
    if is_answered(layout.socket):
        raise UsageError("the executor of this host is running", hint="stop it first, and start it afterwards")
    files.remove_here(layout.state, (layout.settings.name, *_OLD, *_JOURNAL), disk=layout.disk)


def hardware(path: Path = Path("/sys/class/dmi/id/product_name")) -> str:
    """What the machine's firmware calls it; empty where it does not say."""
    data = files.read_oddity(path, limit=200)
    return "".join(char for char in data.decode("utf-8", "replace").strip() if char.isprintable())
