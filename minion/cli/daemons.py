"""`executor`, `agent`, `fetch`, `pipe`: what a service manager, the executor and rsync start. No person types these.

Imports stand in the functions: the agent must not load what only the executor needs.
"""

from __future__ import annotations

import os
import sys

import click

from orch.minion.settings import Layout


@click.command(short_help="Verify, plan and do what was signed (a service, root).")
@click.pass_obj
def executor(layout: Layout) -> None:
    """Verify, plan and do what the centre sends (root)."""
    from orch.minion.cli.run_executor import run

    run(layout)


@click.command(short_help="Carry messages to and from the centre (a service).")
@click.pass_obj
def agent(layout: Layout) -> None:
    """Carry messages between the centre and the executor (network, no authority)."""
    from orch.minion.cli.run_agent import run

    run(layout)


@click.command(hidden=True)
def fetch() -> None:
    """Become the rsync that fetches (started by the executor)."""
    from orch.minion.cli.program import own_words
    from orch.minion.fetcher import fetch as run
    from orch.minion.want import LIMIT

    run(sys.stdin.buffer.read(LIMIT + 1), own_words(), os.environ)


@click.command(
    hidden=True,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def pipe(arguments: tuple[str, ...]) -> None:
    """Carry rsync's bytes (started by rsync)."""
    from orch.common.clock import SystemClock
    from orch.common.errors import OrchError
    from orch.minion.cli.exits import tell
    from orch.minion.pipe import Pipe, code_of
    from orch.minion.want import VARIABLE, Want

    try:
        code = Pipe(Want.from_text(os.environ.get(VARIABLE, "")), SystemClock()).run(arguments)
    except OrchError as err:
        tell(err)
        code = code_of(err)
    sys.exit(code)
