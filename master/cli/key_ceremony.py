"""`orch key ceremony`: from one root key to several, of which some must sign; step by step, and as often as is needed.

Nothing is remembered but what lies in the ceremony's folder, which may go round on a stick:

    NAME.pub              the public half of each holder's root key (orch key root new)
    policy-N.proposal     the policy with the new root keys, signed by more and more of them

So the same command again says how far it is and takes the next step.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from orch.common import keyfile
from orch.common.errors import NotAllowed, UsageError
from orch.common.keyfile import RootPart
from orch.common.policy import KeySet, Policy
from orch.master.cli import files, proposal, proposing
from orch.master.cli.asking import confirm
from orch.master.cli.changing import How, SigningCommand, how_of
from orch.master.cli.context import Desk, desk_of
from orch.master.cli.key_root import PUBLIC, words
from orch.master.cli.proposal import Proposal
from orch.master.cli.wording import mark


@click.command(cls=SigningCommand)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--holders", required=True, type=click.IntRange(2, 16), help="How many hold a root key.")
@click.option("--needed", required=True, type=click.IntRange(1, 16), help="How many of them must sign a policy.")
@click.pass_context
def ceremony(context: click.Context, /, folder: Path, *, holders: int, needed: int) -> None:
    """Replace the root keys by those of several people, of whom some must sign each policy.

    FOLDER collects what they bring. Say the same command again after each step: it looks at what is there, says what
    comes next and who has to do it. Nothing changes before enough of the old and of the new keys have signed.
    """
    if needed > holders:
        raise UsageError(f"{needed} of {holders} can never sign", hint="--needed is at most --holders")
    desk, how = desk_of(context), how_of(context)
    policy, output = desk.verified(), desk.output
    parts = _parts(folder, policy)
    wanted = KeySet(needed, tuple(part.root for part in parts)) if len(parts) == holders else None
    if wanted is not None and policy.root == wanted:
        output.lines([output.sign("✓ done") + f": policy {policy.version} asks for {needed} of {holders} root keys"])
        output.note("the old root keys count no more: destroy root.key in the folders of keys, and its copies")
        output.note("keep the recovery key: the centre's next connection keys still follow from it")
        return
    output.note(f"step 1 of 3: {len(parts)} of {holders} holders have brought the public half of a root key")
    for part in parts:
        output.note(f"    {part.holder:<12} {mark(part.root)}  {words(part)}")
    if wanted is None:
        _collect(desk, folder, have=len(parts), holders=holders)
        return
    path = folder / f"policy-{policy.version + 1}.proposal"
    if not path.exists():
        _propose(desk, how, path, wanted)
    _signatures(desk, how, path, parts)


def _parts(folder: Path, policy: Policy) -> list[RootPart]:
    found = [_part(path, policy) for path in sorted(folder.glob(f"*{PUBLIC}"))]
    for at, part in enumerate(found):
        for other in found[:at]:
            if part.holder == other.holder or part.root == other.root:
                hint = f"each holder brings one: take one of them out of {folder}"
                raise UsageError(f"{other.holder} and {part.holder} brought the same name or key", hint=hint)
    return found


def _part(path: Path, policy: Policy) -> RootPart:
    part = keyfile.read_root(files.read(path, limit=keyfile.MAX_FILE).decode("utf-8", "replace"))
    if part.estate != policy.estate:
        raise UsageError(f"{path} was made for the estate {part.estate}; this is {policy.estate}")
    return part


def _collect(desk: Desk, folder: Path, *, have: int, holders: int) -> None:
    if have > holders:
        raise UsageError(f"{have} keys are in {folder} for {holders} holders", hint="take out those that do not belong")
    estate = desk.folder.newest_policy().estate
    desk.output.note("each of the others, on a machine and a stick of their own:")
    desk.output.note(f"    orch key root new /STICK/NAME.root --holder NAME --for {estate}")
    desk.output.note(f"then copy NAME.root{PUBLIC} into {folder}, and say this command again")


def _propose(desk: Desk, how: How, path: Path, wanted: KeySet) -> None:
    question = "Has each holder read out these words, and were they the same?"
    confirm(question, yes=how.yes, surroundings=desk.surroundings)
    desk.output.note("step 2 of 3: the policy that names them")
    proposing.amend(desk, replace(how, proposal=path, yes=True), lambda policy: replace(policy, root=wanted))


def _signatures(desk: Desk, how: How, path: Path, parts: list[RootPart]) -> None:
    policy, output = desk.verified(), desk.output
    made = proposal.read(path, policy)
    if set(made.following.root.keys) != {part.root for part in parts}:
        hint = f"if the keys in the folder are right, delete {path} and say this command again"
        raise NotAllowed(f"{path} does not name the root keys that are in the folder", hint=hint)
    if how.roots:
        proposing.refuse_lockout(desk, made, force=how.force)
        made = proposing.signed(desk, made, how)
        proposal.write(path, made, new=False)
    output.note(f"step 3 of 3: signatures of policy {made.following.version}, check words {made.words}")
    for part in parts:
        state = "signed" if part.root in made.signed else "not yet: orch policy sign FILE --root /STICK/NAME.root"
        output.note(f"    {part.holder:<12} {state}")
    _what_next(desk, path, made)


def _what_next(desk: Desk, path: Path, made: Proposal) -> None:
    for item in made.lacking:
        desk.output.note(f"it has {item}")
    desk.output.next(f"orch policy {'sign' if made.lacking else 'publish'} {path}")
