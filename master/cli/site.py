"""`orch site`: the places of the estate. One file for each of its commands."""

from __future__ import annotations

import click

from orch.master.cli.group import Entry, LazyGroup


def _add() -> click.Command:
    from orch.master.cli.site_add import add

    return add


TABLE = {"add": Entry(help="A new site, made like another.", load=_add)}

site = LazyGroup("site", TABLE, about="The places of the estate.")
