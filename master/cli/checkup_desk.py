"""What `orch doctor` looks at where the operator sits: files, git, keys, the chain of policies. Nobody is called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from orch.common.clock import ago
from orch.common.errors import KeyFileError, OrchError
from orch.common.policy import Policy
from orch.master.adapters import git
from orch.master.cli import finding
from orch.master.cli.context import Desk
from orch.master.cli.finding import Finding

SOON = 30 * 86_400
"""Seconds before an operator's end in which it is said."""
_OPEN = 0o077


def look(desk: Desk) -> Iterator[Finding]:
    """Everything at the desk."""
    yield _files(desk)
    yield _git(desk)
    yield from _keys(desk)
    yield from _policy(desk)
    yield from _secrets(desk)


def _secrets(desk: Desk) -> Iterator[Finding]:
    from orch.master.cli import secret_desk

    if not (desk.folder.path / "secrets").is_dir():
        return
    try:
        found = secret_desk.begin(desk).all()
    except OrchError as err:
        yield finding.failed("secrets", err)
        return
    former = [item.secret.name for item in found if item.former]
    lacking = [item.secret.name for item in found if item.lacking]
    if former:
        text = f"somebody could read who must not any more: {finding.some(former)}"
        yield finding.look("secrets", text, do="orch secret list; then: orch secret rotate --revoked")
    if lacking:
        text = f"somebody may read and cannot yet: {finding.some(lacking)}"
        yield finding.look("secrets", text, do="somebody who can says: orch secret reseal")
    if not (former or lacking):
        yield finding.good("secrets", f"{finding.many(len(found), 'secret')}, sealed to who may read them")


def _files(desk: Desk) -> Finding:
    from orch.master.estate import loader
    from orch.master.estate.diagnostics import Severity

    found = loader.examine(desk.folder.path)
    errors = [item for item in found.diagnostics if item.severity is Severity.ERROR]
    if errors:
        where = f"{errors[0].file}:{errors[0].line}: {errors[0].text}"
        return finding.wrong("files", f"{finding.many(len(errors), 'error')}, the first: {where}", do="orch lint")
    if found.diagnostics:
        return finding.look("files", finding.many(len(found.diagnostics), "warning"), do="orch lint")
    return finding.good("files", f"{finding.many(found.files, 'file')}, no error")


def _git(desk: Desk) -> Finding:
    path = desk.folder.path
    commit = git.commit(path)
    if not commit:
        return finding.look(
            "git",
            "the estate is not under git: policy/ and hosts/ are what a lost centre is rebuilt from",
            do=f"git -C {path} init; git -C {path} add -A; git -C {path} commit -m begin; and push it elsewhere",
        )
    written = ("policy", "hosts", "secrets", *(item.name for item in path.glob("*.enrol")))
    waiting = git.uncommitted(path, written)
    if waiting:
        return finding.look(
            "git",
            f"orch wrote what is not committed: {finding.some(waiting)}",
            do=f"git -C {path} add {' '.join(written)}; git -C {path} commit -m 'policy and hosts'",
        )
    changed = ", with changes that are not committed" if commit.endswith("+") else ", clean"
    return finding.good("git", f"commit {commit[:12].rstrip('+')}{changed}")


def _keys(desk: Desk) -> Iterator[Finding]:
    ring = desk.keyring
    try:
        login = desk.login()
        ring.pin()
    except OrchError as err:
        yield finding.failed("keys", err)
        return
    exposed = [item for item in (ring.folder / name for name in ("signing.key", "root.key")) if _is_open(item)]
    if exposed or ring.folder.stat().st_mode & _OPEN:
        paths = [str(item) for item in exposed] or [str(ring.folder)]
        yield finding.wrong(
            "keys", f"others can read {finding.some(paths)}", do=f"chmod -R go= {ring.folder}, and think: did it leak?"
        )
    elif not (ring.folder / "signing.key").exists():
        yield finding.look(
            "keys", f"{login.operator} has no signing key here: looks and plans, no apply", do="work where it lies"
        )
    else:
        yield finding.good("keys", f"{login.operator}'s keys are in {ring.folder}, for nobody else")
    recovery = desk.folder.path.with_name(f"{login.estate}-recovery.key")
    if recovery.exists():
        yield finding.look(
            "recovery", f"the recovery key still lies at {recovery}", do="print it or store it apart, then delete it"
        )


def _is_open(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & _OPEN)


def _policy(desk: Desk) -> Iterator[Finding]:
    try:
        policy = desk.verified()
    except OrchError as err:
        yield finding.failed("policy", err)
        return
    people = finding.some(person.name for person in policy.operators)
    yield finding.good("policy", f"version {policy.version}, every signature from the first on; operators: {people}")
    try:
        mine = desk.me(policy).name
    except KeyFileError:
        return  # said where the keys were looked at
    except OrchError as err:
        yield finding.failed("login", err)
        return
    yield from _ends(policy, mine, now=desk.surroundings.clock.wall())


def _ends(policy: Policy, mine: str, *, now: int) -> Iterator[Finding]:
    for person in policy.operators:
        if not person.not_after or person.not_after > now + SOON:
            continue
        mend = "have the next policy signed with a later end, or without this operator"
        if person.not_after < now:
            text = (
                f"the time of operator {person.name} ended {ago(now - person.not_after)} ago: signatures count no more"
            )
            yield (
                finding.wrong("login", text, do=mend) if person.name == mine else finding.look("people", text, do=mend)
            )
        else:
            text = f"the time of operator {person.name} ends in {ago(person.not_after - now)}"
            yield finding.look("people", text, do=mend)
