"""The rows of all hosts as the centre tells them, in parts and then one by one as they change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from orch.common.clock import Clock
from orch.common.errors import UsageError
from orch.common.rows import Nothing, Row, View
from orch.master.cli.condition import Now
from orch.master.cli.line import Centre


@dataclass(slots=True)
class Fleet:
    """What was heard so far; the only thing here that changes."""

    clock: Clock
    rows: dict[str, Row] = field(default_factory=dict)
    view: View | None = None
    _received: float = 0.0

    def take(self, view: View) -> list[Row]:
        """Take in a part; return the rows that it brought."""
        self.view, self._received = view, self.clock.boottime()
        self.rows.update((row.host, row) for row in view.rows)
        return list(view.rows)

    @property
    def complete(self) -> bool:
        """Whether every host has come."""
        return self.view is not None and len(self.rows) >= self.view.total

    @property
    def now(self) -> Now:
        """The centre's time now, by the last part and what passed since."""
        told = self.view.time if self.view else self.clock.wall()
        return Now(told + int(self.clock.boottime() - self._received))

    def ordered(self, wanted: Callable[[Row], bool] = lambda _row: True) -> list[Row]:
        """The rows by name."""
        return [self.rows[host] for host in sorted(self.rows) if wanted(self.rows[host])]


def fetch(centre: Centre, clock: Clock) -> Fleet:
    """All rows, once."""
    fleet = Fleet(clock)
    for view in centre.stream("status.get", Nothing(), View):
        if view is not None:
            fleet.take(view)
    return fleet


def chosen(target: str | None, rows: Iterable[Row], resolve: Callable[[str], frozenset[str]]) -> Callable[[Row], bool]:
    """Which rows a target means.

    Sites and hosts are looked up among the rows; only what is more than that needs the estate's files (`resolve`),
    as reading those costs more than all the rest of `orch status`.
    """
    if target is None or target.strip() == "*":
        return lambda _row: True
    words = {word.strip() for word in target.split(",")}
    names = {name for row in rows for name in (row.host, row.host.partition("/")[0])}
    if words <= names:
        return lambda row: row.host in words or row.host.partition("/")[0] in words
    hosts = resolve(target)
    return lambda row: row.host in hosts


def one(target: str, rows: Iterable[Row]) -> Row:
    """The one host that a word means: `site/host`, or a site or host name that is unique.

    Raises:
        UsageError: none or several; says which was probably meant.
    """
    from orch.master.cli.group import did_you_mean

    known = list(rows)
    found = [row for row in known if row.host == target] or [row for row in known if target in row.host.split("/")]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{target!r} means {len(found)} hosts", hint="name one: " + ", ".join(row.host for row in found[:8])
        )
    near = did_you_mean(target, {name for row in known for name in (row.host, *row.host.split("/"))})
    raise UsageError(f"the centre knows no host {target!r}{near}", hint="see them all: orch status -v")
