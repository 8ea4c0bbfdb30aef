"""Follows a release at the hosts until every one that is connected has said how it went.

What happens meanwhile is progress, on stderr: a block that is redrawn on a terminal, else a line for each step of a
host. The result is on stdout: hosts that came to the same are one line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orch.common import printable
from orch.common.clock import ago, rfc3339
from orch.common.rows import Nothing, Row, View
from orch.master.cli import believing, plans, screens
from orch.master.cli.condition import Condition, condition, note, sign_of_life
from orch.master.cli.context import Desk
from orch.master.cli.exits import Exit
from orch.master.cli.fleet import Fleet
from orch.master.cli.line import Centre
from orch.master.cli.output import HOSTS, Data, Output
from orch.master.cli.publishing import Published
from orch.master.cli.status import host_data

_ENDED = {Condition.CONVERGED, Condition.DEGRADED, Condition.FAILED, Condition.REFUSED, Condition.REVOKED}
_BAD = {Condition.FAILED, Condition.REFUSED, Condition.REVOKED}
_HAVE = {Condition.CONVERGED, Condition.DEGRADED}
SCHEMA = "orch/apply/1"
_BAR = 24
_ROWS = 10
"""Hosts that a moving screen shows at most."""


def until_done(desk: Desk, centre: Centre, published: Published, *, timeout: float) -> Exit:
    """Say what happens until nothing more is to be expected; Ctrl-C leaves, and says how to come back."""
    following = _Following(desk, published)
    end = desk.surroundings.clock.boottime() + timeout
    try:
        with screens.live(desk.output, progress=True) as screen:
            for view in centre.stream("status.watch", Nothing(), View):
                if view is not None:
                    following.take(view, aloud=not screen.redraws)
                if screen.redraws:
                    screen.draw(following.block())
                if following.over or desk.surroundings.clock.boottime() >= end:
                    break
    except KeyboardInterrupt:
        desk.output.note("\ndetached; the hosts go on.   watch: orch status --watch")
        return Exit.INTERRUPTED
    return following.result(_doubts(desk, following))


def detached(desk: Desk, published: Published) -> Exit:
    """Published, and not followed."""
    if desk.output.structured:
        hosts: list[Data] = [{"host": host, "has": None} for host in sorted(published.wanted)]
        desk.output.data(SCHEMA, {"releases": list(published.names), "hosts": hosts}, each=HOSTS)
    desk.output.next("orch status --watch")
    return Exit.UNCONFIRMED


def nothing(desk: Desk) -> None:
    """Nothing was published, as nothing was different."""
    if desk.output.structured:
        desk.output.data(SCHEMA, {"releases": [], "hosts": []}, each=HOSTS)


def _doubts(desk: Desk, following: _Following) -> dict[str, str]:
    """Ended hosts whose signature does not bear out the centre's word; on a line of its own, as this one watches."""
    ended = [row for row in following.rows if following.how(row) in _ENDED]
    if not ended:
        return {}
    with desk.line() as centre:
        return believing.doubts(desk, centre, ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How it ended at one host."""

    row: Row
    how: Condition
    doubt: str = ""

    @property
    def has(self) -> bool:
        """Whether it has what was published, by its own signature."""
        return self.how in _HAVE and not self.doubt

    @property
    def bad(self) -> bool:
        """Whether somebody has to look."""
        return self.how in _BAD or bool(self.doubt)

    def words(self, output: Output) -> str:
        """What is said of it beside its name; hosts of which the same is said fold."""
        if self.doubt:
            return output.sign("✗ in doubt") + f"  {printable.one_line(self.doubt)}"
        if self.how is Condition.OFFLINE:
            return output.sign("? offline") + "  queued"
        return "  ".join(part for part in (output.sign(self.how.value), _count(self.row, self.how), _why(self)) if part)

    def data(self) -> dict[str, Data]:
        """For scripts."""
        return {**host_data(self.row), "condition": self.how.word, "has": self.has, "doubt": self.doubt or None}


def _count(row: Row, how: Condition) -> str:
    return f"{row.changes} change{'' if row.changes == 1 else 's'}" if how is Condition.CONVERGED else ""


def _why(end: End) -> str:
    return note(end.row) if end.how is not Condition.CHANGING else end.row.progress


def block(output: Output, ends: Sequence[End], *, every: int, took: float) -> list[str]:
    """How many of `every` have it after `took` seconds, and those who do not, the worst first."""
    have = sum(end.has for end in ends)
    full = _BAR * have // every
    lines = [f"  {'█' * full}{'░' * (_BAR - full)}  {have} of {every} hosts have it   {ago(took)}"]
    left = sorted((end for end in ends if not end.has), key=lambda end: list(Condition).index(end.how))
    lines += [f"  {end.row.host}  {end.words(output)}" for end in left[:_ROWS]]
    return lines + ([f"  and {len(left) - _ROWS} more"] if len(left) > _ROWS else [])


class _Following:
    """What is known of the hosts of a release."""

    def __init__(self, desk: Desk, published: Published) -> None:
        self.desk, self.published = desk, published
        self.fleet = Fleet(desk.surroundings.clock)
        self.said: dict[str, str] = {}
        self.began = desk.surroundings.clock.boottime()

    def take(self, view: View, *, aloud: bool) -> None:
        for row in self.fleet.take(view):
            if aloud and row.host in self.published.wanted:
                self.say(row)

    def say(self, row: Row) -> None:
        """A line for a host that is in another condition than before."""
        how = self.how(row)
        silent = how in (Condition.WAITING, Condition.CHANGING) and not (row.outcome or row.progress)
        if how is Condition.OFFLINE or silent:
            return  # named once, at the end
        output = self.desk.output
        told = End(row=row, how=how).words(output)
        if self.said.get(row.host) != told:
            self.said[row.host] = told
            when = rfc3339(self.desk.surroundings.clock.wall())[11:19]
            output.note(f"  {when}  {row.host}  {told}")

    def how(self, row: Row) -> Condition:
        """The host's condition with regard to this release and no other."""
        found = condition(row)
        if found in (Condition.OFFLINE, Condition.REVOKED) or row.wanted_release == self.published.wanted[row.host]:
            return found
        return Condition.CHANGING

    @property
    def rows(self) -> list[Row]:
        return self.fleet.ordered(lambda row: row.host in self.published.wanted)

    @property
    def over(self) -> bool:
        """Whether everybody who is connected has ended, one way or the other."""
        return self.fleet.complete and all(self.how(row) in _ENDED | {Condition.OFFLINE} for row in self.rows)

    def block(self) -> list[str]:
        """A moving screen."""
        ends = [End(row=row, how=self.how(row)) for row in self.rows]
        took = self.desk.surroundings.clock.boottime() - self.began
        return block(self.desk.output, ends, every=len(self.published.wanted), took=took)

    def result(self, doubts: dict[str, str]) -> Exit:
        """The last lines and the exit code."""
        output, every = self.desk.output, len(self.published.wanted)
        ends = [End(row=row, how=self.how(row), doubt=doubts.get(row.host, "")) for row in self.rows]
        done, bad = sum(end.has for end in ends), [end for end in ends if end.bad]
        code = Exit.FAILED if bad else Exit.DONE if done == every else Exit.UNCONFIRMED
        if output.structured:
            members: dict[str, Data] = {"releases": list(self.published.names), "hosts": [end.data() for end in ends]}
            output.data(SCHEMA, members, each=HOSTS)
            return code
        output.lines(self._folded([end for end in ends if not (output.quiet and end.has)]))
        output.lines([f"{done} of {every} hosts have it" + (f", {len(bad)} failed" if bad else "")])
        if bad:
            output.next(f"orch explain {bad[0].row.host}")
        else:
            output.next("orch status" if code is Exit.DONE else "orch status --watch")
        return code

    def _folded(self, ends: Sequence[End]) -> Iterator[str]:
        """Hosts that came to the same in one line, the worst first; -v names them."""
        output = self.desk.output
        same: dict[tuple[int, str], list[End]] = {}
        for end in ends:
            same.setdefault((list(Condition).index(end.how), end.words(output)), []).append(end)
        for (_order, words), some in sorted(same.items(), key=lambda item: item[0]):
            if len(some) < plans.FOLD or output.verbose:
                yield from (f"  {end.row.host}  {words}{self._silent([end])}" for end in some)
            else:
                sites = len({end.row.host.partition("/")[0] for end in some})
                yield f"  {len(some)} hosts at {sites} sites  {words}{self._silent(some)}  (-v names them)"

    def _silent(self, ends: Sequence[End]) -> str:
        """For how long those were silent who are offline."""
        if any(end.how is not Condition.OFFLINE or end.doubt for end in ends):
            return ""
        heard = sorted((sign_of_life(end.row) for end in ends), reverse=True)
        if not heard[0]:
            return ", never heard"
        least, most = self.fleet.now.ago(heard[0]), self.fleet.now.ago(heard[-1])
        return f", silent for {least}" + (f" to {most}" if most != least and heard[-1] else "")
