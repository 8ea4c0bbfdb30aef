"""What this host refused, reported once: a signed thing that is not accepted is news, its hundredth repetition is not.

Refuses to do: judge (inbox.py did). It keeps what was said in this boot, so that neither a redelivery nor a restart of
the executor says it again, and at most MOST things, so that forged ones cannot fill the disk; beyond that there are
events only.

Called by the desk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from orch.common import codec
from orch.common import release as releases
from orch.common.codec import Bytes16, Bytes32, Length
from orch.common.crypto import sha256
from orch.common.envelope import open_envelope
from orch.common.errors import Malformed, OrchError, Refused, StoreError
from orch.common.events import PROBLEM, REFUSED, Log
from orch.common.release import Parcel, Release
from orch.common.report import Outcome, Reason, Trigger
from orch.minion.journal import Journal
from orch.minion.last import LastNote
from orch.minion.reporter import Reporter, Story, reason_of
from orch.minion.shelf import InForce

MOST: Final = 64
_NAME: Final = "refused"
_LIMIT: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Said:
    boot: Bytes16
    things: Annotated[tuple[Bytes32, ...], Length(0, MOST)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _About:
    epoch: int = 0
    number: int = 0
    release: bytes = b""


class Refusals:
    """The refusals of one boot."""

    def __init__(self, journal: Journal, reporter: Reporter, log: Log, boot: bytes) -> None:
        """Remember in this journal."""
        self._journal = journal
        self._reporter = reporter
        self._log = log
        self._said = _Said(boot)
        self.newest: Reason | None = None
        data = journal.note(_NAME)
        try:
            found = codec.decode(_Said, data, limit=_LIMIT) if data else None
        except Malformed:
            found = None
        if found is not None and found.boot == boot:
            self._said = found

    def release(self, parcel: Parcel, err: OrchError) -> bool:
        """A release was refused.

        Returns:
            Whether there is a report to send.
        """
        about = _about(parcel)
        self._log.write(
            REFUSED,
            what="release",
            code=err.code,
            text=err.text,
            epoch=about.epoch,
            number=about.number,
            release=about.release,
        )
        return self._report(about, sha256(parcel.document), reason_of(err), what="release")

    def other(self, what: str, envelope: bytes, err: OrchError, held: InForce | None) -> bool:
        """Something else was refused: the report is about the release that is held.

        Returns:
            Whether there is a report to send.
        """
        self._log.write(REFUSED, what=what, code=err.code, text=err.text)
        reason = reason_of(err)
        named = Reason(code=reason.code, text=f"{what}: {reason.text}"[:8000], hint=reason.hint)
        return self._report(_about_held(held), sha256(envelope), named, what=what)

    def not_kept(self, what: str, err: StoreError, held: InForce | None) -> None:
        """This host's disk refused what came. It may well refuse this report too: then the log alone says it."""
        try:
            self.other(what, what.encode(), err, held)
        except StoreError as another:
            self._log.write(PROBLEM, code=another.code, text=another.text, hint=another.hint)

    def waiting(self, what: InForce, reason: Reason) -> bool:
        """A release was accepted and may not begin yet.

        Returns:
            Whether there is a report to send.
        """
        return self._report(_about_held(what), what.document_hash, reason)

    def lost(self, question: bytes, err: OrchError, held: InForce | None) -> bool:
        """Every release is refused from now on, as the floor is lost: said before one comes, so that people can act.

        Returns:
            Whether there is a report to send.
        """
        return self._report(_about_held(held), sha256(question), reason_of(err), what="floor")

    def over(self, reason: Reason, held: InForce | None) -> None:
        """A reset was taken, or the journal lost: what was reported last counts no more, so the next turn is news."""
        self.newest = None
        about = _about_held(held)
        story = Story(
            trigger=Trigger.ASKED,
            epoch=about.epoch,
            number=about.number,
            release=about.release,
            document=held.document_hash if held else b"",
            outcome=Outcome.WAITING,
            reason=reason,
        )
        with self._reporter.ending(story):
            LastNote(self._journal).forget()

    def _report(self, about: _About, document: bytes, reason: Reason, *, what: str = "") -> bool:
        outcome = Outcome.REFUSED if what else Outcome.WAITING
        self.newest = reason if outcome is Outcome.REFUSED else self.newest
        thing = sha256(b"\x00".join((about.release, document, reason.code.encode(), outcome.value.encode())))
        if thing in self._said.things or len(self._said.things) >= MOST:
            return False
        said = _Said(self._said.boot, (*self._said.things, thing))
        story = Story(
            trigger=Trigger.RELEASE,
            epoch=about.epoch,
            number=about.number,
            release=about.release,
            document=document,
            outcome=outcome,
            reason=reason,
            refused=what,
        )
        with self._reporter.ending(story):
            self._journal.set_note(_NAME, codec.encode(said))
        self._said = said
        return True


def _about_held(held: InForce | None) -> _About:
    if held is None:
        return _About()
    return _About(epoch=held.release.epoch, number=held.release.number, release=held.release_hash)


def _about(parcel: Parcel) -> _About:
    """Which release it claims to be. Nothing of it is verified: it was refused, and this is for the report only."""
    try:
        opened = open_envelope(parcel.release, type=releases.TYPE, limit=releases.LIMIT)
    except (Malformed, Refused):
        return _About(release=sha256(parcel.release))
    try:
        found = codec.decode(Release, opened.body, limit=releases.LIMIT)
    except Malformed:
        return _About(release=opened.hash)
    return _About(epoch=found.epoch, number=found.number, release=opened.hash)
