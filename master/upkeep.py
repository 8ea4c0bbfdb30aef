"""What the centre does for itself from time to time: keeps when hosts were heard, drops what is too old.

Called by the hub's tick. Everything goes to the store's writer and the disk's worker; nothing waits.
"""

from __future__ import annotations

from collections.abc import Callable

from orch.common import events as ev
from orch.common.errors import OrchError
from orch.master.centre import Centre
from orch.master.records import Keeping, Sighting

SIGHTINGS = 60.0
"""Seconds between two writings of when hosts were heard."""
PRUNING = 3600.0
FIRST_PRUNING = 300.0
"""Not at once: a centre that starts has better things to do."""
DAY = 86_400
PRUNED = ev.Event("pruned", ("contents",))


class Upkeep:
    """The centre's housekeeping."""

    def __init__(self, centre: Centre, in_use: Callable[[], frozenset[tuple[bytes, bytes]]]) -> None:
        """`in_use` names trees that must stay beside those of the newest releases: host's key and document's hash."""
        self._centre = centre
        self._in_use = in_use
        now = centre.clock.boottime()
        self._sightings_at = now + SIGHTINGS
        self._pruning_at = now + FIRST_PRUNING
        self._written: dict[bytes, Sighting] = {}

    def tick(self) -> None:
        """Do what is due."""
        now = self._centre.clock.boottime()
        if now >= self._sightings_at:
            self._sightings_at = now + SIGHTINGS
            self.sightings()
        if now >= self._pruning_at:
            self._pruning_at = now + PRUNING
            self.prune()

    def sightings(self) -> None:
        """Keep when hosts were heard, so that a new start still knows since when each is silent."""
        changed = [item for item in self._centre.roster.sightings() if self._written.get(item.curve) != item]
        if not changed:
            return
        self._written.update((item.curve, item) for item in changed)
        self._centre.store.put_sightings(changed, lambda _nothing: None, self._failed)

    def prune(self) -> None:
        """Drop what is too old: reports, releases, contents, trees."""
        centre, keep = self._centre, self._centre.settings.keep
        keeping = Keeping(releases=keep.releases, since=centre.clock.wall() - keep.days * DAY)
        centre.store.prune(keeping, self._collect, self._failed)
        heads = {(curve, host.document) for curve, host in centre.roster.hosts.items() if host.document}
        trees = self._in_use() | heads
        centre.disk.ask(lambda: centre.views.prune(trees), lambda _nothing: None, self._failed)

    def _collect(self, named: frozenset[bytes]) -> None:
        centre, now = self._centre, self._centre.clock.wall()
        centre.disk.ask(
            lambda: centre.blobs.collect(named, now=now),
            lambda count: centre.log.write(PRUNED, contents=count) if count else None,
            self._failed,
        )

    def _failed(self, err: OrchError) -> None:
        self._centre.log.write(ev.PROBLEM, code=err.code, text=err.text, hint=err.hint)
