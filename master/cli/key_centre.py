"""`orch key centre`: the centre's own keys are replaced, and no host notices more than a reconnection.

Hosts know the centre by a connection key that their policy names; it names several, and hosts try them in turn. So the
new key is named first, then used, and then the old one is no longer named. FILE is what remembers how far it is.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click

from orch.common import keyfile
from orch.common.crypto import CurveKey, SigningKey
from orch.common.errors import Unreachable, UsageError
from orch.common.keyfile import CentreKey
from orch.common.policy import Centre, Policy
from orch.master.cli import files, fleet, proposing
from orch.master.cli.changing import AmendingCommand, how_of
from orch.master.cli.context import Desk, desk_of

MOST = 4
"""Keys of one kind that a policy can name."""


@click.command(cls=AmendingCommand)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def centre(context: click.Context, /, file: Path) -> None:
    """Replace the keys of the centre, in three steps; say the same command for each.

    First it makes new keys in FILE and a policy that names them beside the old ones. When every host has that policy,
    you put FILE in place of centre.key on the centre and start orch-master again. Then the old keys are dropped.
    """
    desk, how = desk_of(context), how_of(context)
    desk.me(desk.verified())
    if not file.exists():
        _make(desk, file)
    key = keyfile.read_centre(files.read(file, limit=keyfile.MAX_FILE).decode("utf-8", "replace"))
    policy = desk.verified()
    if key.estate != policy.estate:
        raise UsageError(f"{file} holds keys of the estate {key.estate}; this is {policy.estate}")
    curve = CurveKey.from_secret(key.curve).public
    if curve not in policy.centre.curve:
        proposing.amend(desk, replace(how, renews=False), lambda before: _named(before, key))
        _say_swap(desk, file, curve)
        return
    if policy.centre.curve[0] == curve:
        desk.output.lines([desk.output.sign("✓ the centre's keys are new") + f"; delete {file} here"])
        return
    if not _in_use(desk, curve):
        _say_swap(desk, file, curve)
        return
    # Not by all keys in turn: the one that is named first is not the centre's any more, and would be waited for.
    sure = replace(how, renews=False, servers=(curve,))
    proposing.amend(desk, sure, lambda before: _alone(before, key))
    if desk.verified().centre.curve[0] == curve:
        desk.output.lines([desk.output.sign("✓ the centre's keys are new") + f"; delete {file} here"])


def _make(desk: Desk, file: Path) -> None:
    made = CentreKey(
        estate=desk.folder.newest_policy().estate,
        curve=CurveKey.generate().secret,
        fresh=SigningKey.generate().seed,
    )
    files.write(file, keyfile.write(made), mode=0o600)


def _publics(key: CentreKey) -> tuple[bytes, bytes]:
    return CurveKey.from_secret(key.curve).public, SigningKey.from_seed(key.fresh).public


def _named(policy: Policy, key: CentreKey) -> Policy:
    """The new keys behind those in use, before the ones of later centres."""
    curve, fresh = _publics(key)
    known = policy.centre
    keys = (known.curve[0], curve, *known.curve[1:])
    return _with(policy, replace(known, curve=keys[:MOST], fresh=(known.fresh[0], fresh, *known.fresh[1:])[:MOST]))


def _alone(policy: Policy, key: CentreKey) -> Policy:
    """The new keys in use, and the old ones gone."""
    curve, fresh = _publics(key)
    later = tuple(item for item in policy.centre.curve[1:] if item != curve)
    return _with(policy, replace(policy.centre, curve=(curve, *later), fresh=(fresh,)))


def _with(policy: Policy, made: Centre) -> Policy:
    return replace(policy, centre=made)


def _in_use(desk: Desk, curve: bytes) -> bool:
    """Whether the centre proves itself with the new key."""
    with ExitStack() as stack:
        try:
            stack.enter_context(desk.line(servers=(curve,)))
        except Unreachable:
            return False
    return True


def _say_swap(desk: Desk, file: Path, curve: bytes) -> None:
    policy, output = desk.verified(), desk.output
    if curve not in policy.centre.curve:
        output.note("once that policy is published, say this again")
        return
    with desk.line() as line:
        rows = fleet.fetch(line, desk.surroundings.clock).rows.values()
    late = sorted(row.host for row in rows if row.policy < policy.version and not row.revoked)
    if late:
        output.warn(f"{len(late)} hosts do not have policy {policy.version} yet: {', '.join(late[:6])}")
        output.note("wait for them: a host that never heard of the new key does not know the centre any more")
    else:
        output.note(f"every host has policy {policy.version}")
    output.note(f"then put {file} in place of centre.key in the centre's directory, start orch-master again, and say")
    output.next(f"orch key centre {file}")
