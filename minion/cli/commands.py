"""The commands of `orch-minion`, and what they have in common."""

from __future__ import annotations

from pathlib import Path

import click

import orch
from orch.minion.cli.carrying import export_results, import_
from orch.minion.cli.daemons import agent, executor, fetch, pipe
from orch.minion.cli.enrolling import enrol, words
from orch.minion.cli.looking import explain, plan, status
from orch.minion.settings import Layout


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(orch.__version__, prog_name="orch-minion")
@click.option(
    "--root", type=click.Path(path_type=Path, file_okay=False), default=Path("/"), help="The host's root folder."
)
@click.option("--debug", is_flag=True, help="Show where an error came from.")
@click.pass_context
def cli(context: click.Context, root: Path, *, debug: bool) -> None:
    """The software on a host of an estate: it dials out, listens nowhere, and does what its signed document says."""
    del debug  # looked at in `main`, where errors end
    context.obj = Layout(root.absolute())


for command in (enrol, words, status, plan, explain, import_, export_results, executor, agent, fetch, pipe):
    cli.add_command(command)
