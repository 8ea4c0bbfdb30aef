"""Questions to the person, never answered by silence."""

from __future__ import annotations

from typing import NoReturn

import click

from orch.common.errors import UsageError
from orch.master.cli.exits import Exit
from orch.master.cli.surroundings import Surroundings


def confirm(question: str, *, yes: bool, surroundings: Surroundings) -> None:
    """Ask y/N and go on only after a yes.

    Raises:
        UsageError: nobody is there to ask and --yes was not given.
    """
    if yes:
        return
    if not surroundings.interactive():
        raise UsageError("this asks before it changes anything, and nobody is there to answer", hint="give --yes")
    if not click.confirm(question, err=True):
        _nothing()


def confirm_by_name(question: str, name: str) -> None:
    """Go on only after a name was typed: a `y` comes too easily where much is lost. Somebody is there to ask."""
    typed = click.prompt(f"{question} Type {name} if that is meant", default="", show_default=False, err=True)
    if typed.strip() != name:
        _nothing()


def _nothing() -> NoReturn:
    click.echo("nothing was done", err=True)
    raise click.exceptions.Exit(Exit.FAILED)
