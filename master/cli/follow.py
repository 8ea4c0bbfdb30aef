"""Follows a release at the hosts until every one that is connected has said how it went."""

from __future__ import annotations

from orch.common import printable
from orch.common.operations import Nothing, Row, View
from orch.master.cli import believing
from orch.master.cli.condition import Condition, condition, note, sign_of_life
from orch.master.cli.context import Desk
from orch.master.cli.exits import Exit
from orch.master.cli.fleet import Fleet
from orch.master.cli.line import Centre
from orch.master.cli.publishing import Published

_ENDED = {Condition.CONVERGED, Condition.DEGRADED, Condition.FAILED, Condition.REFUSED, Condition.REVOKED}
_BAD = {Condition.FAILED, Condition.REFUSED, Condition.REVOKED}


def until_done(desk: Desk, centre: Centre, published: Published, *, timeout: float) -> Exit:
    """Say what happens until nothing more is to be expected; Ctrl-C leaves, and says how to come back."""
    following = _Following(desk, published)
    end = desk.surroundings.clock.boottime() + timeout
    try:
        for view in centre.stream("status.watch", Nothing(), View):
            if view is not None:
                following.take(view)
            if following.over or desk.surroundings.clock.boottime() >= end:
                break
    except KeyboardInterrupt:
        desk.output.note("\ndetached; the hosts go on.   watch: orch status --watch")
        return Exit.INTERRUPTED
    return following.result(_doubts(desk, following))


def _doubts(desk: Desk, following: _Following) -> dict[str, str]:
    """Ended hosts whose signature does not bear out the centre's word; on a line of its own, as this one watches."""
    ended = [row for row in following.rows if following.how(row) in _ENDED]
    if not ended:
        return {}
    with desk.line() as centre:
        return believing.doubts(desk, centre, ended)


class _Following:
    """What is known of the hosts of a release."""

    def __init__(self, desk: Desk, published: Published) -> None:
        self.desk, self.published = desk, published
        self.fleet = Fleet(desk.surroundings.clock)
        self.said: dict[str, str] = {}

    def take(self, view: View) -> None:
        for row in self.fleet.take(view):
            if row.host in self.published.wanted:
                self.say(row)

    def say(self, row: Row) -> None:
        """A line for a host that is in another condition than before."""
        how = self.how(row)
        silent = how in (Condition.WAITING, Condition.CHANGING) and not (row.outcome or row.progress)
        if how is Condition.OFFLINE or silent:
            return  # named once, at the end
        text = note(row) if how is not Condition.CHANGING else row.progress
        told = how.value + text
        if self.said.get(row.host, Condition.CHANGING.value) != told:
            self.said[row.host] = told
            count = f"{row.changes} change{'' if row.changes == 1 else 's'}" if how is Condition.CONVERGED else ""
            output = self.desk.output
            output.lines(["  " + "  ".join(part for part in (row.host, output.sign(how.value), count, text) if part)])

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

    def result(self, doubts: dict[str, str]) -> Exit:
        """The last lines and the exit code."""
        output, rows = self.desk.output, self.rows
        how = {row.host: self.how(row) for row in rows}
        for row in rows:
            if how[row.host] is Condition.OFFLINE:
                since = f"silent for {self.fleet.now.ago(sign_of_life(row))}" if sign_of_life(row) else "never heard"
                output.lines([f"  {row.host}  " + output.sign("? offline") + f"  queued, {since}"])
            elif how[row.host] not in _ENDED:
                output.lines([f"  {row.host}  " + output.sign(how[row.host].value) + f"  {note(row)}"])
        for host, why in doubts.items():
            output.lines([f"  {host}  " + output.sign("✗ in doubt") + f"  {printable.one_line(why)}"])
        good = (Condition.CONVERGED, Condition.DEGRADED)
        done = sum(item in good and host not in doubts for host, item in how.items())
        bad = [host for host, item in how.items() if item in _BAD or host in doubts]
        told = f"{done} of {len(self.published.wanted)} hosts have it"
        output.lines([told + (f", {len(bad)} failed" if bad else "")])
        if bad:
            output.next(f"orch explain {bad[0]}")
            return Exit.FAILED
        if done < len(self.published.wanted):
            output.next("orch status --watch")
            return Exit.UNCONFIRMED
        output.next("orch status")
        return Exit.DONE
