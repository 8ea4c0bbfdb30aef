"""What TAB offers where a command takes a name: names that were seen last (remembered.py). Nobody is called."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from orch.common.errors import OrchError
from orch.master.cli import remembered
from orch.master.cli.group import estate_of, surroundings_of

_STATES = (
    "ahead",
    "changing",
    "converged",
    "degraded",
    "failed",
    "no-release",
    "offline",
    "online",
    "refused",
    "waiting",
)
_MOST = 500


class Names(click.types.StringParamType):
    """A text for which names of some kinds are offered."""

    def __init__(self, *kinds: str) -> None:
        """Offer these kinds; `states` and `groups` belong to targets."""
        self.kinds = kinds

    def shell_complete(self, ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # type: ignore[explicit-any]
        """Those that go on as the person began; behind a comma a new one begins."""
        before, comma, word = incomplete.rpartition(",")
        names = remembered.read(_file(ctx))
        offered = [name for kind in self.kinds for name in _of(kind, names)]
        fitting = [name for name in offered if name.startswith(word)][:_MOST]
        return [CompletionItem(before + comma + name) for name in fitting]


TARGET = Names("sites", "hosts", "groups", "states")
HOST = Names("hosts")
SITE = Names("sites")
SECRET = Names("secrets")


def _of(kind: str, names: remembered.Names) -> list[str]:
    if kind == "states":
        return [f"state:{word}" for word in _STATES]
    return [f"@{name}" for name in names.get(kind, [])] if kind == "groups" else names.get(kind, [])


def _file(ctx: click.Context) -> Path:
    given = estate_of(ctx) or Path(os.environ.get("ORCH_ESTATE") or ".")
    start = given.absolute()
    around = next((item for item in (start, *start.parents) if (item / "estate.yaml").is_file()), start)
    if around is start and not (start / "estate.yaml").is_file():
        from orch.master.cli import meant
        from orch.master.cli.context import said_of

        try:
            around = meant.find(said_of(ctx)).path
        except OrchError:
            return Path(os.devnull)
    return remembered.path(surroundings_of(ctx).cache(), around)
