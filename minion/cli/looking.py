"""`status`, `plan`, `explain`: what a person on site may ask. The executor answers; nothing is changed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Literal, TypeVar

import click

from orch.minion.cli.exits import Exit
from orch.minion.settings import Layout

T = TypeVar("T")
Output = Literal["table", "json"]
_output = click.option(
    "--output", type=click.Choice(["table", "json"]), default="table", help="For people, or for programs."
)


@click.command()
@_output
@click.pass_obj
def status(layout: Layout, output: Output) -> None:
    """Show how this host is: its release, its last turn, its line."""
    from orch.minion.channel import Ask
    from orch.minion.cli import show
    from orch.minion.onsite import HostStatus

    found = _asked(layout, Ask.STATUS, HostStatus)
    _print(output, "orch.host-status/1", found, lambda: show.status(found))


@click.command(short_help="Show what this host would change now.")
@_output
@click.pass_obj
def plan(layout: Layout, output: Output) -> None:
    """Show what this host would change now, towards its document; changes nothing, ends 3 if there is something."""
    from orch.minion.channel import Ask
    from orch.minion.cli import show
    from orch.minion.onsite import HostPlan

    found = _asked(layout, Ask.PLAN, HostPlan)
    _print(output, "orch.host-plan/1", found, lambda: show.plan(found))
    if found.steps:
        sys.exit(Exit.DIFFERENT)
    if found.reason is not None:
        sys.exit(Exit.FAILED)


@click.command()
@_output
@click.pass_obj
def explain(layout: Layout, output: Output) -> None:
    """Say why this host is as it is, and what to do."""
    from orch.minion.channel import Ask
    from orch.minion.cli import show
    from orch.minion.onsite import HostExplanation

    found = _asked(layout, Ask.EXPLAIN, HostExplanation)
    _print(output, "orch.host-explanation/1", found, lambda: show.explanation(found))


def _asked(layout: Layout, what: object, answer: type[T]) -> T:
    from orch.minion.channel import Ask, SiteAsk

    if not isinstance(what, Ask):
        raise TypeError(what)
    return asked(layout, SiteAsk(what), answer)


def asked(layout: Layout, question: object, answer: type[T]) -> T:
    """What the executor answers.

    Raises:
        SettingsError: it does not run, or cannot.
        OrchError: what it says is in the way.
    """
    from orch.common import codec
    from orch.common.errors import SettingsError
    from orch.common.messages import FRAME_LIMIT
    from orch.minion.channel import SiteAsk
    from orch.minion.site_ask import ask

    if not isinstance(question, SiteAsk):
        raise TypeError(question)
    try:
        return codec.decode(answer, ask(layout.socket, question), limit=FRAME_LIMIT)
    except SettingsError:
        _say_why_it_cannot_run(layout)
        raise


def _say_why_it_cannot_run(layout: Layout) -> None:
    """An executor that cannot read its settings or keys does not answer: the true cause is better than its silence."""
    from orch.minion import enrol, keys, settings
    from orch.minion.adapters import files

    settings.load(layout)
    if files.is_root():
        keys.load(layout)
        enrol.request(layout)


def _print(output: Output, schema: str, found: object, table: Callable[[], str]) -> None:
    from orch.minion.cli import show

    print(show.as_json(schema, found) if output == "json" else table())
