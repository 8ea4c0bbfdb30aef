"""`orch-master`: the daemon at the centre, and the backup of what it keeps.

Reads its directory, checks everything that can be wrong with it, opens the store, proves its own gate, and turns the
hub's loop until SIGTERM. Prints one line an event on stderr; a person never sees a traceback.

`backup` and `restore` are here and not in `orch`: a backup holds the centre's key, and no line hands that out
(decision 0018).
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import click

from orch import __version__
from orch.common import events as ev
from orch.common.clock import SystemClock, ago, rfc3339
from orch.common.errors import OrchError, UsageError
from orch.common.events import Log
from orch.common.systemd import Notifier
from orch.common.systemd import log as open_log
from orch.common.wire.visitors import Room
from orch.master import backup
from orch.master.adapters.mailbox import Mailbox
from orch.master.assembly import Assembly, RealOutside
from orch.master.directory import check, open_directory

DESCRIPTORS = 65_536
"""Below so many, a few thousand hosts and some strangers use them up (measured.md section 1)."""


_HERE = Path("/var/lib/orch-master")
_ABOUT = "Where the centre keeps its key, policies, database and contents."


_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group(
    invoke_without_command=True,
    help="The centre of an orch estate: hosts and operators connect here. Without a command, it runs.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--directory", type=_FOLDER, default=_HERE, show_default=True, help=_ABOUT)
@click.option("--check-config", is_flag=True, help="Say everything that is wrong with the directory, and end.")
@click.version_option(__version__, prog_name="orch-master")
@click.pass_context
def main(context: click.Context, directory: Path, *, check_config: bool) -> None:
    """Run the centre, check its directory, or do what a command says."""
    context.obj = directory
    if context.invoked_subcommand is not None:
        return
    if check_config:
        sys.exit(_check(directory))
    with _told():
        _run(directory)


@main.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--directory", type=_FOLDER, help=_ABOUT)
@click.pass_obj
def backup_command(above: Path, file: Path, directory: Path | None) -> None:
    """Write all that the centre keeps to FILE ('-' for stdout), while it runs or not.

    The file is secret: it holds the centre's key. It is made for you alone (mode 0600), and never in place of another.
    """
    with _told():
        now = SystemClock().wall()
        with _target(file) as target:
            made = backup.make(directory or above, target, now=now)
        click.echo(f"backup of the centre of {made.estate}: {made.files} files, {_size(made.size)} unpacked", err=True)
        click.echo("  It is secret: it holds the centre's key. Keep it as you keep keys.", err=True)


@main.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--directory", type=_FOLDER, help=_ABOUT)
@click.pass_obj
def restore_command(above: Path, file: Path, directory: Path | None) -> None:
    """Make the centre's directory, which must be empty or missing, of a backup in FILE ('-' for stdin)."""
    place = directory or above
    with _told():
        with _source(file) as source:
            read = backup.restore(source, place)
        age = ago(SystemClock().wall() - read.made)
        click.echo(
            f"{place}: the centre of {read.estate} as it was {age} ago, {rfc3339(read.made)}; {read.files} files"
        )
        click.echo("  Does the old centre still run? End it: two with one key take each other's hosts away.")
        click.echo(f"  Then: orch-master --directory {place}, and at your desk: orch status, orch apply")
    sys.exit(_check(place, quiet=True))


@contextmanager
def _told() -> Iterator[None]:
    """What was raised, for people, and exit code 2."""
    try:
        yield
    except OrchError as err:
        click.echo(f"orch-master: {err.text}", err=True)
        if err.hint:
            click.echo(f"  {err.hint}", err=True)
        sys.exit(2)


@contextmanager
def _target(file: Path) -> Iterator[BinaryIO]:
    """Where a backup goes: whole or not at all, and readable by nobody else at any moment."""
    if str(file) == "-":
        if sys.stdout.isatty():
            raise UsageError("a backup is no text", hint="orch-master backup - | ssh, age, gpg or > FILE")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as target:
                yield target
                target.flush()
                os.fsync(target.fileno())
            os.link(beside, file)  # not a rename: it would take another file's place
        finally:
            beside.unlink()
    except FileExistsError as err:
        raise UsageError(f"{file} is there already", hint="give another name; a backup replaces none") from err
    except OSError as err:
        raise UsageError(f"{file} cannot be written: {err.strerror}") from err


@contextmanager
def _source(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        source = file.open("rb")
    except OSError as err:
        raise UsageError(f"{file} cannot be read: {err.strerror}") from err
    with source:
        yield source


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f} MiB" if count >= 1 << 20 else f"{max(1, count >> 10)} KiB"


def _check(directory: Path, *, quiet: bool = False) -> int:
    problems = check(directory)
    for problem in problems:
        click.echo(problem.text, err=True)
        if problem.hint:
            click.echo(f"  {problem.hint}", err=True)
    if not problems and not quiet:
        click.echo("ok")
    return 2 if problems else 0


def _run(directory: Path) -> None:
    os.umask(0o077)
    clock = SystemClock()
    log, notifier = open_log("orch-master", sys.stderr, clock), Notifier(clock, os.environ)
    found = open_directory(directory)
    mailbox = Mailbox()
    stop: list[int] = []

    def stopping(number: int, _frame: object) -> None:
        stop.append(number)
        mailbox.post(lambda: None)  # wakes the loop

    signal.signal(signal.SIGTERM, stopping)
    signal.signal(signal.SIGINT, stopping)
    limits = found.settings.limits.within(_raise_descriptors(log))
    found = replace(found, settings=replace(found.settings, limits=limits))
    outside = RealOutside(Room(silent=limits.silent))
    log.write(ev.STARTED, daemon="orch-master", version=__version__, pid=os.getpid())
    with Assembly(found, clock=clock, log=log, mailbox=mailbox, outside=outside) as hub:
        _calm_collector()
        notifier.status(f"listening at {', '.join(found.settings.listen)} for {len(hub.roster.hosts)} hosts")
        hub.run(notifier.turning(lambda: bool(stop)))
    log.write(ev.STOPPED, daemon="orch-master")


def _calm_collector() -> None:
    """Look for garbage that refers to itself seldom: there is next to none, and looking was a tenth of all work."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _raise_descriptors(log: Log) -> int:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < DESCRIPTORS:
        hint = "raise LimitNOFILE of the service: when they are used up nobody can connect any more"
        log.write(ev.PROBLEM, code="descriptors", text=f"only {hard} open files are allowed", hint=hint)
    return hard


if __name__ == "__main__":
    main()
