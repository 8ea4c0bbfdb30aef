"""Where each secret is used: which host is to hold it, under which path, and where that was written.

Called by checks.py, and by the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orch.common.names import Place
from orch.master.estate.diagnostics import Mark
from orch.master.estate.merge import Merger
from orch.master.estate.model import Estate


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One place of one host."""

    place: Place
    path: str
    scope: str
    ring: str
    mark: Mark


def uses(estate: Estate) -> Mapping[str, tuple[Use, ...]]:
    """The uses of every secret that the estate's files name, also of one that there is no file of."""
    merger, found = Merger(estate), dict[str, list[Use]]()
    for site in estate.sites.values():
        for host in site.hosts.values():
            for path, file in merger.of(site, host).files.items():
                if file.secret is not None:
                    use = Use(place=host.place, path=path, scope=site.scope, ring=site.ring, mark=file.secret.mark)
                    found.setdefault(file.secret.value, []).append(use)
    return {name: tuple(sorted(items, key=lambda use: (use.place, use.path))) for name, items in found.items()}
