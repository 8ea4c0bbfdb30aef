"""Questions to the person, never answered by silence."""

from __future__ import annotations

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
        click.echo("nothing was done", err=True)
        raise click.exceptions.Exit(Exit.FAILED)
