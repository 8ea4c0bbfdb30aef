"""`enrol` and `words`: how a host is given to an estate, and how people make sure that it is this host."""

from __future__ import annotations

import grp
import os
import pwd
import sys
from collections.abc import Callable
from pathlib import Path

import click

from orch.common.errors import UsageError
from orch.minion.settings import HostSettings, Layout

_USERS = {"agent": "orch-agent", "fetcher": "orch-fetcher", "group": "orch"}


@click.command(short_help="Give this host to an estate.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", required=True, metavar="SITE/HOST", help="What this host is called in the estate.")
@click.option("--agent-uid", default="", metavar="USER", help="User of the agent; orch-agent if there is one.")
@click.option("--fetcher-uid", default="", metavar="USER", help="User of the fetcher; orch-fetcher if there is one.")
@click.option("--gid", default="", metavar="GROUP", help="Group of both; orch if there is one.")
@click.option("--proxy", default="", metavar="HOST:PORT", help="SOCKS5 proxy on the way to the centre.")
@click.option("--break-enrolment", is_flag=True, help="Forget keys, releases and reports that are here already.")
@click.pass_obj
def enrol(layout: Layout, /, file: Path, **options: str | bool) -> None:
    """Give this host to an estate, by the enrolment file that `orch init` has written."""
    from orch.common import enrolment
    from orch.common.clock import SystemClock
    from orch.common.events import LineLog
    from orch.common.names import Place
    from orch.minion import enrol as enrolling

    text = {name: str(value) for name, value in options.items()}
    given = enrolment.read(file.read_text(encoding="utf-8", errors="replace"))
    settings = HostSettings(
        estate=given.estate,
        name=str(Place.parse(text["name"])),
        agent=_number(text["agent_uid"], "agent", _user),
        fetcher=_number(text["fetcher_uid"], "fetcher", _user),
        group=_number(text["gid"], "group", _group),
        proxy=text["proxy"],
    )
    wanted = enrolling.Wanted(
        enrolment=given, settings=settings, machine=enrolling.hardware(), again=bool(options["break_enrolment"])
    )
    words = enrolling.enrol(layout, wanted, LineLog(sys.stderr, SystemClock()))
    print(words)
    print(f"the enrolment file has the words: {enrolment.words(given.pin)}", file=sys.stderr)
    print("  the operator sees the same in orch key list; others: somebody gave you another file", file=sys.stderr)
    print(f"{settings.name} belongs to {given.estate} when an operator has compared these words:", file=sys.stderr)
    print("  orch key accept", settings.name, file=sys.stderr)


@click.command(short_help="Print this host's check words.")
@click.pass_obj
def words(layout: Layout) -> None:
    """Print the check words of this host, to be compared with those at the operator's."""
    from orch.minion import enrol as enrolling

    print(enrolling.words_of(enrolling.request(layout)))


def _number(text: str, what: str, find: Callable[[str], int]) -> int:
    """A user's or group's number: as given, or of the one that the package made, or our own with a warning."""
    if text:
        return int(text) if text.isdigit() else find(text)
    try:
        return find(_USERS[what])
    except UsageError:
        own = os.getgid() if what == "group" else os.getuid()
        print(f"warning: there is no {_USERS[what]} on this host; the {what} is number {own}", file=sys.stderr)
        return own


def _user(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError as err:
        raise UsageError(f"there is no user {name}") from err


def _group(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError as err:
        raise UsageError(f"there is no group {name}") from err
