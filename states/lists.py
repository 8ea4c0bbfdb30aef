"""The lists that a host keeps: exactly those that its document names, byte for byte.

What they say is the business of packages.py. That the bytes are those that were signed is checked where they come in
(the hash stands in the document) and again by whoever puts them in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orch.common.document import ListFile
from orch.common.report import Change, Sign
from orch.states.base import DropList, PutList, Step
from orch.states.host import Host

KIND = "list"


class Lists:
    """The state `lists`."""

    def __init__(self, host: Host) -> None:
        """Look at this host."""
        self._host = host

    def observe(self, wanted: tuple[ListFile, ...]) -> Mapping[str, bytes]:
        """Every list that is kept, wanted or not."""
        del wanted
        return self._host.list_hashes()

    def plan(self, wanted: tuple[ListFile, ...], found: Mapping[str, bytes]) -> Iterator[Step]:
        """Put what is missing or different, drop what is not named."""
        for item in sorted(wanted, key=lambda item: item.name):
            before = found.get(item.name)
            if before != item.sha256:
                change = Change(
                    sign=Sign.CHANGE if before else Sign.ADD,
                    kind=KIND,
                    name=item.name,
                    before=shown(before),
                    after=shown(item.sha256),
                )
                yield Step(resource=f"list {item.name}", changes=(change,), action=PutList(item.name, item.sha256))
        for name in sorted(found.keys() - {item.name for item in wanted}):
            gone = Change(sign=Sign.REMOVE, kind=KIND, name=name, before=shown(found[name]), why="no longer named")
            yield Step(resource=f"list {name}", changes=(gone,), action=DropList(name), destructive=True)


def shown(sha256: bytes | None) -> str:
    """A hash as people see it."""
    return f"sha256 {sha256[:6].hex()}" if sha256 else ""
