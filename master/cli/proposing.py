"""From a change to a policy in force: shown in words, asked, signed with the root keys at hand, published or handed on.

What every command that changes the policy has in common. Nothing here decides whether a policy counts: that is
chain.py's, on this machine, at the centre and on every host alike.

Called by the policy commands and by the key commands that need a next policy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from orch.common import authoring, trust
from orch.common.errors import NotAllowed, Unreachable
from orch.common.operations import Signed
from orch.common.policy import TYPE, Policy
from orch.common.rows import Nothing
from orch.master.cli import admitting, catchup, lockout, proposal, rootkeys, wording
from orch.master.cli.asking import confirm
from orch.master.cli.changing import How
from orch.master.cli.context import Desk
from orch.master.cli.line import Centre
from orch.master.cli.proposal import Proposal

Edit: TypeAlias = Callable[[Policy], Policy]


def amend(desk: Desk, how: How, edit: Edit) -> None:
    """Make the next policy and bring it into force, or as far as the keys at hand go.

    Raises:
        UsageError: the edit does not fit the policy, or nobody is there to answer.
        NotAllowed: somebody would be locked out, and --force was not given.
    """
    with ExitStack() as stack:
        centre = _reached(desk, stack, how)
        policy = desk.verified()
        if centre is not None:
            policy = catchup.bring_up(centre, desk.folder, policy, output=desk.output).policy
        made = _made(desk, policy, edit(policy))
        if made is None:
            desk.output.note(f"policy {policy.version} says so already: nothing was done")
            return
        show(desk, made)
        refuse_lockout(desk, made, force=how.force)
        confirm(f"Make this policy {made.following.version}?", yes=how.yes, surroundings=desk.surroundings)
        made = signed(desk, made, how)
        if centre is None or how.proposal is not None or made.lacking:
            _hand_on(desk, made, how.proposal)
            return
        publish(desk, centre, made, how)


def _reached(desk: Desk, stack: ExitStack, how: How) -> Centre | None:
    try:
        return stack.enter_context(desk.line(servers=how.servers))
    except Unreachable as err:
        # Not the end: a policy may be what gives a lost centre a new address. It is only proposed then, as the centre
        # might know a newer one than the files.
        desk.output.warn(f"{err.text}: the next policy is made from your files, and not published")
        return None


def _made(desk: Desk, policy: Policy, changed: Policy) -> Proposal | None:
    if changed == policy:
        return None
    issued = max(desk.surroundings.clock.wall(), policy.issued)
    following = replace(changed, version=policy.version + 1, issued=issued)
    return proposal.judged(policy, authoring.sign_policy(following, keys=()))


def show(desk: Desk, made: Proposal) -> None:
    """Say in words what would be different."""
    output = desk.output
    output.note(f"policy {made.following.version} of {made.following.estate} would change:")
    for line in wording.differences(made.before, made.following):
        output.note(output.change(f"  {line}"))
    output.note(f"  check words of this proposal: {made.words}")


def refuse_lockout(desk: Desk, made: Proposal, *, force: bool) -> None:
    """Say who would be locked out, and stop unless the person wants just that.

    Raises:
        NotAllowed: somebody would be, and there is no --force.
    """
    found = lockout.reasons(
        made.before, made.following, me=_name(desk), scopes=scopes(desk), now=desk.surroundings.clock.wall()
    )
    for reason in found:
        desk.output.warn(reason)
    if found and not force:
        raise NotAllowed(f"this would lock somebody out: {found[0]}", hint="if that is meant, say so: --force")


def _name(desk: Desk) -> str:
    return desk.login().operator if desk.keyring.there else ""


def scopes(desk: Desk) -> Iterable[str]:
    """The scopes in which hosts are."""
    return {item.admission.scope for item in desk.folder.admissions().values()}


def signed(desk: Desk, made: Proposal, how: How) -> Proposal:
    """The same with the signatures of the root keys at hand."""
    wanted = {*made.before.root.keys, *made.following.root.keys}
    envelope = made.envelope
    for key in rootkeys.at_hand(desk.keyring, how.roots, estate=made.before.estate, unlock=how.unlock):
        if key.public not in wanted:
            desk.output.warn(f"{wording.mark(key.public)} is no root key of this estate, and did not sign")
            continue
        envelope = authoring.cosign(envelope, type=TYPE, key=key)
        desk.output.note(f"signed with the root key {wording.mark(key.public)}")
    return proposal.judged(made.before, envelope)


def _hand_on(desk: Desk, made: Proposal, given: Path | None) -> None:
    path = given or desk.folder.path / f"policy-{made.following.version}.proposal"
    proposal.write(path, made, new=True)
    tell(desk, made, path)


def tell(desk: Desk, made: Proposal, path: Path) -> None:
    """Say how far a proposal is, and what comes next."""
    output = desk.output
    output.lines([f"{path}: policy {made.following.version}, signed by {len(made.signed)}"])
    for item in made.lacking:
        output.note(f"it has {item}")
    if made.lacking:
        output.note(f"those who sign compare these words with you: {made.words}")
    output.next(f"orch policy {'sign' if made.lacking else 'publish'} {path}")


def publish(desk: Desk, centre: Centre, made: Proposal, how: How) -> None:
    """Bring a policy into force that has its signatures, and renew what hangs on people whom it dropped.

    Raises:
        Refused: it is not signed by enough (chain.py says so here, before the centre does).
    """
    following = trust.take_policy(made.before, made.envelope)
    centre.ask("policy.put", Signed(made.envelope), Nothing)
    desk.folder.put_policy(made.envelope)
    desk.output.lines([desk.output.sign(f"✓ policy {following.version}") + f" of {following.estate} is in force"])
    desk.output.note(f"commit policy/ and {following.estate}.enrol to git")
    if not how.renews:
        return
    renew(desk, centre, following, how)
    desk.output.next("orch apply --again" if again(made) else "orch policy show")


def again(made: Proposal) -> bool:
    """Whether hosts take up changes only after a new release: a signer was dropped, or an epoch raised."""
    before, after = made.before, made.following
    gone = {person.signing for person in before.operators} - {person.signing for person in after.operators}
    known = {item.scope for item in (*before.epochs, *after.epochs)}
    return bool(gone) or any(before.epoch(scope) != after.epoch(scope) for scope in known)


def renew(desk: Desk, centre: Centre, policy: Policy, how: How) -> None:
    """Sign anew the admissions and revocations that no longer count by this policy, where this person may."""
    now, output = desk.surroundings.clock.wall(), desk.output
    lapsed = admitting.lapsed(desk.folder, policy, now=now)
    if not lapsed:
        return
    if _name(desk) not in {person.name for person in policy.operators}:
        left = lapsed
    else:
        done = admitting.renew(desk.folder, policy, key=desk.keyring.signing(how.unlock), now=now)
        catchup.bring_up(centre, desk.folder, policy, output=output)
        output.note(f"{done.count} admissions and revocations were signed anew; commit hosts/ to git")
        left = done.left
    if left:
        output.warn(f"these count no more, and only somebody who may enrol there can sign them anew: {', '.join(left)}")
        output.hint("whoever may runs: orch policy renew")
