"""What holds for one host: defaults, then its groups, then its site, then itself; the most specific value wins.

Lists, `protect` and `listen` are replaced as a whole, `files` are merged path by path, `reconcile` key by key. Every
value keeps the place where it was written, for `explain`.

Invariants:
- pure; the same layers give the very same object, so that ten thousand hosts cost as many merges as there are
  different combinations of layers.

Called by compiler.py and checks.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from orch.common.document import Origin, Unlisted
from orch.common.names import Place
from orch.master.estate.diagnostics import Located, Mark
from orch.master.estate.model import NOTHING, Estate, FileWanted, Group, Host, Settings, Site

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Effective:
    """Everything that is said about one host."""

    lists: tuple[Located[str], ...]
    files: Mapping[str, FileWanted]  # by path, sorted
    unlisted: Located[Unlisted] | None
    protect: Located[tuple[str, ...]] | None
    removals: Located[int] | None
    listen: tuple[Located[str], ...]
    every: Located[int] | None
    full: Located[int] | None
    at_boot: Located[bool] | None
    origins: tuple[Origin, ...]


class Merger:
    """Merges for one estate, and remembers what it has merged."""

    def __init__(self, estate: Estate) -> None:
        """Sort the groups that say anything by their members."""
        self._estate = estate
        self._groups: dict[Place, list[Group]] = {}
        for group in estate.groups.values():
            if group.own is not NOTHING:
                for place in group.members:
                    self._groups.setdefault(place, []).append(group)
        self._merged: dict[tuple[int, ...], Effective] = {}

    def of(self, site: Site, host: Host) -> Effective:
        """What holds for a host."""
        groups = (group.own for group in self._groups.get(host.place, ()))
        layers = [layer for layer in (self._estate.defaults, *groups, site.own, host.own) if layer is not NOTHING]
        key = tuple(id(layer) for layer in layers)  # the estate, which is kept here, keeps them alive
        found = self._merged.get(key)
        if found is None:
            found = self._merged[key] = _merge(layers)
        return found


def _merge(layers: Sequence[Settings]) -> Effective:
    lists = _last([layer.lists for layer in layers])
    listen = _last([layer.listen for layer in layers])
    unlisted = _last([layer.unlisted for layer in layers])
    protect = _last([layer.protect for layer in layers])
    removals = _last([layer.removals for layer in layers])
    every = _last([layer.every for layer in layers])
    full = _last([layer.full for layer in layers])
    at_boot = _last([layer.at_boot for layer in layers])
    files = dict(sorted({path: file for layer in layers for path, file in layer.files.items()}.items()))
    marks = {f"file {path}": file.mark for path, file in files.items()}
    marks.update({f"list {item.value}": item.mark for item in (lists.value if lists else ())})
    said: dict[str, Located[object] | None] = {
        "lists": lists,
        "packages": lists,
        "listen": listen,
        "unlisted": unlisted,
        "protect": protect,
    }
    said.update({"removals": removals, "every": every, "full": full, "at_boot": at_boot})
    marks.update({name: value.mark for name, value in said.items() if value is not None})
    return Effective(
        lists=lists.value if lists else (),
        files=files,
        unlisted=unlisted,
        protect=protect,
        removals=removals,
        listen=listen.value if listen else (),
        every=every,
        full=full,
        at_boot=at_boot,
        origins=_origins(marks),
    )


def _last(values: Sequence[T | None]) -> T | None:
    return next((value for value in reversed(values) if value is not None), None)


def _origins(marks: Mapping[str, Mark]) -> tuple[Origin, ...]:
    """Sorted by resource; a path longer than an origin's line is cut at its end."""
    return tuple(Origin(resource=name[:300], where=str(mark)[:300]) for name, mark in sorted(marks.items()))
