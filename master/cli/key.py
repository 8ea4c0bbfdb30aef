"""`orch key`: keys of hosts, of operators, and of the root. One file for each of its commands."""

from __future__ import annotations

import click

from orch.master.cli.group import Entry, LazyGroup


def _list() -> click.Command:
    from orch.master.cli.key_list import list_

    return list_


def _accept() -> click.Command:
    from orch.master.cli.key_accept import accept

    return accept


def _reject() -> click.Command:
    from orch.master.cli.key_reject import reject

    return reject


def _revoke() -> click.Command:
    from orch.master.cli.key_revoke import revoke

    return revoke


def _reset() -> click.Command:
    from orch.master.cli.key_reset import reset

    return reset


def _request() -> click.Command:
    from orch.master.cli.key_request import request

    return request


def _who() -> click.Command:
    from orch.master.cli.key_who import who

    return who


def _rotate() -> click.Command:
    from orch.master.cli.key_rotate import rotate

    return rotate


def _root() -> click.Command:
    from orch.master.cli.key_root import root

    return root


def _ceremony() -> click.Command:
    from orch.master.cli.key_ceremony import ceremony

    return ceremony


def _centre() -> click.Command:
    from orch.master.cli.key_centre import centre

    return centre


TABLE = {
    "list": Entry(help="Hosts that ask, and those that were decided on.", load=_list),
    "accept": Entry(help="Let a host in, after comparing its words.", load=_accept),
    "reject": Entry(help="Turn a host away that asks.", load=_reject),
    "revoke": Entry(help="End the key of a host or of an operator.", load=_revoke),
    "reset": Entry(help="Let a host that lost its record take releases again.", load=_reset),
    "who": Entry(help="Whose keys count for what.", load=_who),
    "request": Entry(help="Make your keys, and ask to be an operator.", load=_request),
    "rotate": Entry(help="Replace your own keys by new ones.", load=_rotate),
    "centre": Entry(help="Replace the centre's keys.", load=_centre),
    "root": Entry(help="Make a root key, on a machine without a line.", load=_root),
    "ceremony": Entry(help="Share the root among several people.", load=_ceremony),
}

key = LazyGroup("key", TABLE, about="Keys of hosts, of operators, and of the root.")
