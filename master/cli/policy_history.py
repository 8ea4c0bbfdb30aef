"""`orch policy history`: every version of the policy, what it changed, and which root keys signed it."""

from __future__ import annotations

import click

from orch.common.clock import rfc3339
from orch.common.envelope import open_envelope, signers
from orch.common.policy import LIMIT, TYPE, Policy
from orch.master.cli import past, wording
from orch.master.cli.context import desk_of
from orch.master.cli.group import ReadingCommand
from orch.master.cli.output import Data, Each


@click.command(cls=ReadingCommand)
@click.pass_context
def history(context: click.Context) -> None:
    """Every version of the policy in your files: when it was made, by which root keys, and what it changed.

    Every signature is checked, from the policy on that your keys were made for. Needs no centre.
    """
    desk = desk_of(context)
    chain, output = past.chain(desk), desk.output
    before: list[Policy | None] = [None, *chain]
    told = [
        (made, _by(was, made, envelope), wording.differences(was, made) if was else [])
        for was, made, envelope in zip(before, chain, desk.folder.policies(), strict=False)
    ]
    if output.structured:
        output.data("orch/policy-history/1", {"versions": [_data(*item) for item in told]}, each=Each("versions"))
        return
    for made, by, changes in told:
        output.lines([f"policy {made.version}, {rfc3339(made.issued)}, signed with {wording.marks(by)}"])
        output.lines(output.change(f"  {line}") for line in changes or ["+ the first in these files"])
    output.next("orch policy show")


def _by(before: Policy | None, made: Policy, envelope: bytes) -> tuple[bytes, ...]:
    keys = {*made.root.keys, *(before.root.keys if before else ())}
    return tuple(sorted(signers(open_envelope(envelope, type=TYPE, limit=LIMIT), keys)))


def _data(made: Policy, by: tuple[bytes, ...], changes: list[str]) -> Data:
    return {
        "version": made.version,
        "issued": rfc3339(made.issued),
        "roots": [key.hex() for key in by],
        "changes": list(changes),
    }
