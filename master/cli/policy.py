"""`orch policy`: who may do what, and how that is changed. One file for each kind of change."""

from __future__ import annotations

import click

from orch.master.cli.group import Entry, LazyGroup


def _show() -> click.Command:
    from orch.master.cli.policy_show import show

    return show


def _history() -> click.Command:
    from orch.master.cli.policy_history import history

    return history


def _operator() -> click.Command:
    from orch.master.cli.policy_operator import operator

    return operator


def _grant() -> click.Command:
    from orch.master.cli.policy_grant import grant

    return grant


def _threshold() -> click.Command:
    from orch.master.cli.policy_threshold import threshold

    return threshold


def _address() -> click.Command:
    from orch.master.cli.policy_address import address

    return address


def _epoch() -> click.Command:
    from orch.master.cli.policy_epoch import epoch

    return epoch


def _sign() -> click.Command:
    from orch.master.cli.policy_sign import sign

    return sign


def _publish() -> click.Command:
    from orch.master.cli.policy_publish import publish

    return publish


def _renew() -> click.Command:
    from orch.master.cli.policy_renew import renew

    return renew


TABLE = {
    "show": Entry(help="Who may do what where, and which keys count.", load=_show),
    "history": Entry(help="Every version, what it changed and who signed it.", load=_history),
    "operator": Entry(help="Let somebody in as an operator, or drop one.", load=_operator),
    "grant": Entry(help="What an operator may do from now on.", load=_grant),
    "threshold": Entry(help="How many people must sign something.", load=_threshold),
    "address": Entry(help="Where hosts find the centre.", load=_address),
    "epoch": Entry(help="Begin the numbers of a scope anew.", load=_epoch),
    "sign": Entry(help="Sign a policy that somebody proposed.", load=_sign),
    "publish": Entry(help="Bring a policy into force that is signed.", load=_publish),
    "renew": Entry(help="Sign anew what a dropped operator had signed.", load=_renew),
}

policy = LazyGroup("policy", TABLE, about="Who may do what, and how that is changed.")
