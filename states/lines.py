"""Which line of the lists speaks of a package, found quickly for hundreds of packages.

Refuses to do: decide which of several lines counts; `lists.matching` does.

Called by packages.py.
"""

from __future__ import annotations

from orch.common import lists


class Lines:
    """lists.matching for many packages: the few lines that may fit are found by name first."""

    def __init__(self, entries: tuple[lists.Entry, ...]) -> None:
        """Of these entries, in their order."""
        self._exact: dict[str, list[tuple[int, lists.Entry]]] = {}
        self._patterns: list[tuple[int, lists.Entry]] = []
        for numbered in enumerate(entries):
            entry = numbered[1]
            place = self._patterns if entry.is_pattern else self._exact.setdefault(entry.name, [])
            place.append(numbered)

    def of(self, package: str) -> lists.Entry | None:
        """The line that speaks of a package, named with its architecture."""
        bare = package.partition(":")[0]
        near = [*self._exact.get(package, ()), *self._exact.get(bare, ()), *self._patterns]
        near.sort(key=lambda numbered: numbered[0])
        return lists.matching([entry for _, entry in near], package)
