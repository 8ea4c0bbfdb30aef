"""`orch policy operator add|remove`: who is an operator."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from orch.common import keyfile, names, phrase
from orch.common.errors import UsageError
from orch.common.keyfile import OperatorPart
from orch.common.policy import Operator
from orch.master.cli import amendments, files, founding, grants, proposing
from orch.master.cli.changing import AmendingCommand, how_of
from orch.master.cli.context import Desk, desk_of
from orch.master.cli.group import Entry, LazyGroup

END = "The last day on which the operator may do anything: YYYY-MM-DD, or never."


def day(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:  # noqa: ARG001  click's
    """The end of a day as seconds since 1970; 0 for never, None where nothing was said."""
    if value is None or value == "never":
        return None if value is None else 0
    try:
        found = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as err:
        raise UsageError(f"{value!r} is no day", hint="write YYYY-MM-DD, or never") from err
    return int(found.timestamp()) + 86_399


@click.command(cls=AmendingCommand)
@click.argument("name")
@click.option(
    "--key",
    "key_file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Their public keys, as orch key request wrote them.",
)
@click.option("--grant", "given", multiple=True, required=True, metavar="SCOPE/RING:VERBS", help="May be repeated.")
@click.option("--until", callback=day, metavar="DAY", help=END)
@click.pass_context
def add(context: click.Context, /, name: str, *, key_file: Path, given: tuple[str, ...], until: int | None) -> None:
    """Let NAME in as an operator, with the keys in a file that `orch key request` wrote on their machine.

    Compare the check words with them by telephone or at a desk: whose keys these are is decided by nothing else.
    """
    desk = desk_of(context)
    part = keyfile.read_operator(files.read(key_file, limit=keyfile.MAX_FILE).decode("utf-8", "replace"))
    person = _person(part, name, desk.folder.newest_policy().estate, granted=given, until=until or 0)
    _tell(desk, part)
    proposing.amend(desk, how_of(context), lambda policy: amendments.with_operator(policy, person))


def _person(part: OperatorPart, name: str, estate: str, *, granted: tuple[str, ...], until: int) -> Operator:
    if part.estate != estate:
        raise UsageError(f"these keys were made for the estate {part.estate}; this is {estate}")
    if part.operator != name:
        hint = f"write {part.operator}, or have them make keys as {name}"
        raise UsageError(f"these are the keys of {part.operator!r}, not of {name!r}", hint=hint)
    if not names.is_name(name):
        raise UsageError(f"{name!r} cannot be an operator's name", hint="use a-z, 0-9, dot, dash, underscore")
    return founding.operator_of(part, tuple(grants.parse(text) for text in granted), not_after=until)


def _tell(desk: Desk, part: OperatorPart) -> None:
    desk.output.note(f"{part.operator} was shown these words when the keys were made. Have them read out:")
    desk.output.note(f"    {words(part)}")


def words(part: OperatorPart) -> str:
    """Check words of somebody's public keys."""
    return phrase.check_words(keyfile.write(part).encode())


@click.command(cls=AmendingCommand)
@click.argument("name")
@click.pass_context
def remove(context: click.Context, /, name: str) -> None:
    """Drop the operator NAME. What only NAME signed no longer counts; admissions are signed anew with your key.

    Hosts go on as they are, and change nothing until there is a release by somebody else: orch apply --again.
    """
    desk = desk_of(context)
    proposing.amend(
        desk, how_of(context), lambda policy: amendments.without_operator(policy, name, scopes=proposing.scopes(desk))
    )


TABLE = {
    "add": Entry(help="Let somebody in as an operator.", load=lambda: add),
    "remove": Entry(help="Drop an operator.", load=lambda: remove),
}

operator = LazyGroup("operator", TABLE, about="Let somebody in as an operator, or drop one.")
