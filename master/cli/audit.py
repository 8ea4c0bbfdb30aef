"""`orch audit`: who decided what, proved by signatures. One file for each of its commands."""

from __future__ import annotations

import click

from orch.master.cli.group import Entry, LazyGroup


def _log() -> click.Command:
    from orch.master.cli.audit_log import log

    return log


def _verify() -> click.Command:
    from orch.master.cli.audit_verify import verify

    return verify


def _export() -> click.Command:
    from orch.master.cli.audit_export import export

    return export


TABLE = {
    "log": Entry(help="Who decided what, and when.", load=_log),
    "verify": Entry(help="Whether decisions and reports are whole and signed.", load=_verify),
    "export": Entry(help="All of it in one file, which anybody can verify.", load=_export),
}

audit = LazyGroup("audit", TABLE, about="Who decided what, proved by signatures.")
