"""`orch doc`: what hosts were told to be, now and before. One file for each of its commands."""

from __future__ import annotations

import click

from orch.master.cli.group import Entry, LazyGroup


def _show() -> click.Command:
    from orch.master.cli.doc_show import show

    return show


def _history() -> click.Command:
    from orch.master.cli.doc_history import history

    return history


def _diff() -> click.Command:
    from orch.master.cli.doc_diff import diff

    return diff


def _verify() -> click.Command:
    from orch.master.cli.doc_verify import verify

    return verify


def _export() -> click.Command:
    from orch.master.cli.doc_export import export

    return export


TABLE = {
    "show": Entry(help="What a host is to be, in full.", load=_show),
    "diff": Entry(help="What two releases tell a host differently.", load=_diff),
    "history": Entry(help="The releases that named a host.", load=_history),
    "export": Entry(help="Write what hosts are to be into files, for a stick.", load=_export),
    "verify": Entry(help="Whether the centre's releases are what operators signed.", load=_verify),
}

doc = LazyGroup("doc", TABLE, about="What hosts were told to be, now and before.")
