"""`orch secret`: what only some may read. One file for each of its commands."""

from __future__ import annotations

import click

from orch.master.cli.group import Entry, LazyGroup


def _list() -> click.Command:
    from orch.master.cli.secret_list import list_

    return list_


def _set() -> click.Command:
    from orch.master.cli.secret_set import set_

    return set_


def _rotate() -> click.Command:
    from orch.master.cli.secret_rotate import rotate

    return rotate


def _who() -> click.Command:
    from orch.master.cli.secret_who import who_can_read

    return who_can_read


def _reseal() -> click.Command:
    from orch.master.cli.secret_reseal import reseal

    return reseal


TABLE = {
    "list": Entry(help="The secrets, who uses and who can read them.", load=_list),
    "set": Entry(help="Make a secret.", load=_set),
    "rotate": Entry(help="Give secrets a new value.", load=_rotate),
    "who-can-read": Entry(help="Who can read a secret, and who could.", load=_who),
    "reseal": Entry(help="Let everybody read who may and cannot yet.", load=_reseal),
}

secret = LazyGroup("secret", TABLE, about="What only some may read.")
