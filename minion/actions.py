"""The hands: apply one step's action to the real root, and tell what really became different.

Refuses to do: decide anything. What is to be done stands in the step; whether it may be done was judged before.

Invariants:
- every action can be done again: a kill at any point leaves what a new plan starts from;
- a transaction is made only if apt, asked again right before, still says what the plan said;
- what is returned was read from the host before and after, never taken from the plan; where it differs from the plan,
  the step has failed and says in what.

Called by whoever does steps (steps.py), in the executor's worker.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, assert_never

from orch.common.errors import Blocked, HostError, StepFailed
from orch.common.report import Change, Sign
from orch.common.sealed import Opener, open_nowhere
from orch.minion.adapters.apt import Apt, Patience
from orch.minion.adapters.dpkg import Dpkg
from orch.minion.adapters.machine import LISTS, SUFFIX
from orch.minion.adapters.process import ProcessRunner, Progress, Runner
from orch.minion.adapters.tree import Metadata, Tree
from orch.states import files, lists, secret_files
from orch.states.base import AptTransaction, DropList, PutFile, PutList, PutSecret, RepairDpkg, Step
from orch.states.difference import differences, foreseen
from orch.states.host import FileFacts, FileKind, Installed

_ROOT_OWNED: Final = Metadata(mode=0o644, uid=0, gid=0)
_NAMED: Final = 10


class Halfway(StepFailed):
    """A step failed after it had changed something."""

    def __init__(self, text: str, *, hint: str = "", changes: tuple[Change, ...] = ()) -> None:
        """Keep what was changed, for the report."""
        super().__init__(text, hint=hint)
        self.changes = changes


def quiet(_: str) -> None:
    """Progress for those who do not want to see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    step: Step
    materials: Mapping[bytes, bytes]
    progress: Progress


class Hands:
    """Applies steps to one root."""

    def __init__(
        self,
        root: Path = Path("/"),
        *,
        runner: Runner | None = None,
        patience: Patience | None = None,
        opens: Opener = open_nowhere,
    ) -> None:
        """Act on this root; programs run in it, and `opens` opens secrets."""
        self._opens = opens
        self._tree = Tree(root)
        self._dpkg = Dpkg(self._tree)
        self._apt = Apt(self._tree, runner or ProcessRunner(root), patience or Patience())

    def apply(self, step: Step, materials: Mapping[bytes, bytes], progress: Progress = quiet) -> tuple[Change, ...]:
        """Do it.

        Args:
            step: of a plan for this root.
            materials: contents by SHA-256, for lists and for files that are not inline.
            progress: told what apt and dpkg say, line by line.

        Returns:
            What really became different.

        Raises:
            Blocked: not now; nothing was changed.
            StepFailed: it was tried and failed; as Halfway, with what was changed, where something was.
        """
        job, action = _Job(step=step, materials=materials, progress=progress), step.action
        match action:
            case PutList():
                return _with_reasons(self._put_list(action, job), step.changes)
            case DropList():
                return _with_reasons(self._drop_list(action), step.changes)
            case PutFile():
                return _with_reasons(self._put_file(action, job), step.changes)
            case PutSecret():
                return self._put_secret(action)
            case RepairDpkg():
                return self._repair(action, job)
            case AptTransaction():
                return self._transaction(action, job)
        assert_never(action)

    # --- lists and files ----------------------------------------------------------------------------

    def _put_list(self, action: PutList, job: _Job) -> tuple[Change, ...]:
        path = f"{LISTS}/{action.name}{SUFFIX}"
        before = self._tree.facts(path)
        self._tree.put(path, _content(action.sha256, None, job), _ROOT_OWNED)
        known = {action.name: before.sha256} if before.kind is FileKind.REGULAR else {}
        if known.get(action.name) == action.sha256:
            return ()
        sign = Sign.CHANGE if known else Sign.ADD
        was, becomes = lists.shown(known.get(action.name)), lists.shown(action.sha256)
        return (Change(sign=sign, kind=lists.KIND, name=action.name, before=was, after=becomes),)

    def _drop_list(self, action: DropList) -> tuple[Change, ...]:
        path = f"{LISTS}/{action.name}{SUFFIX}"
        before = self._tree.facts(path)
        self._tree.drop(path)
        if before.kind is FileKind.ABSENT:
            return ()
        return (Change(sign=Sign.REMOVE, kind=lists.KIND, name=action.name, before=lists.shown(before.sha256)),)

    def _put_file(self, action: PutFile, job: _Job) -> tuple[Change, ...]:
        content = _content(action.sha256, action.content, job)
        uid = self._number(action.owner, action.path, of="passwd")
        gid = self._number(action.group, action.path, of="group")
        before = self._tree.facts(action.path)
        made = self._tree.put(action.path, content, Metadata(mode=action.mode, uid=uid, gid=gid))
        after = replace(self._tree.facts(action.path), owner=action.owner, group=action.group)
        if before.uid == uid and before.gid == gid:
            before = replace(before, owner=action.owner, group=action.group)
        change = files.difference(action.path, before, after)
        return (*(files.folder_change(folder) for folder in made), *((change,) if change else ()))

    def _put_secret(self, action: PutSecret) -> tuple[Change, ...]:
        slot = action.closed.slot
        uid = self._number(action.owner, slot.path, of="passwd")
        gid = self._number(action.group, slot.path, of="group")
        value = self._opens(action.closed)
        before = self._tree.facts(slot.path)
        made = self._tree.put(slot.path, value, Metadata(mode=action.mode, uid=uid, gid=gid))
        after = replace(self._tree.facts(slot.path), owner=action.owner, group=action.group)
        if before.uid == uid and before.gid == gid:
            before = replace(before, owner=action.owner, group=action.group)
        if not has(after, value):
            raise Halfway(f"{slot.path} is not the secret that was put there: another program is at work on it")
        change = secret_files.difference(slot, secret_files.Kept(facts=before, same=has(before, value)), after)
        return (*(secret_files.folder_change(folder) for folder in made), *((change,) if change else ()))

    def _number(self, name: str, path: str, *, of: str) -> int:
        number = self._tree.number(name, of=of)
        if number is None:
            what = "user" if of == "passwd" else "group"
            raise StepFailed(f"{path}: the host has no {what} {name}", hint="which package makes it? is it listed?")
        return number

    # --- packages -----------------------------------------------------------------------------------

    def _repair(self, action: RepairDpkg, job: _Job) -> tuple[Change, ...]:
        def repaired(before: Mapping[str, Installed], after: Mapping[str, Installed]) -> tuple[Change, ...]:
            return _repaired(job.step.changes, differences(before, after))

        changes = self._between(lambda: self._apt.repair(job.progress), repaired)
        facts = self._dpkg.facts()
        left = [name for name in action.names if name in facts.packages and facts.packages[name].broken]
        if left or facts.interrupted:
            text = f"still not whole after a repair: {', '.join(left[:_NAMED]) or 'dpkg itself'}"
            raise Halfway(text, hint="its maintainer scripts say why: dpkg --configure -a", changes=changes)
        return changes

    def _transaction(self, action: AptTransaction, job: _Job) -> tuple[Change, ...]:
        facts = self._dpkg.facts()
        now = foreseen(facts.packages, self._apt.simulate(action.request), action.request)
        if _lines(now) != _lines(job.step.changes):
            raise StepFailed(
                f"the packages have changed since this was planned: {_gap(job.step.changes, now)}",
                hint="it is planned anew at the next turn",
            )

        def act() -> None:
            self._apt.install(action.request, job.progress)
            self._apt.mark(action.auto, word="auto")
            self._apt.mark(action.manual, word="manual")

        changes = _with_reasons(self._between(act, differences), job.step.changes)
        if _lines(changes) != _lines(job.step.changes):
            raise Halfway(f"apt did not do what it said: {_gap(job.step.changes, changes)}", changes=changes)
        return changes

    def _between(
        self,
        act: Callable[[], None],
        difference: Callable[[Mapping[str, Installed], Mapping[str, Installed]], tuple[Change, ...]],
    ) -> tuple[Change, ...]:
        """Act, and tell the difference between before and after, also where acting failed."""
        before = self._dpkg.facts().packages
        try:
            act()
        except Blocked:
            raise  # nothing of it happened; what differs was done by whoever holds the lock
        except HostError as err:
            changes = difference(before, self._dpkg.facts().packages)
            if changes:
                raise Halfway(err.text, hint=err.hint, changes=changes) from err
            raise
        return difference(before, self._dpkg.facts().packages)


def has(facts: FileFacts, value: bytes) -> bool:
    """Whether a file has exactly this content."""
    return facts.kind is FileKind.REGULAR and hmac.compare_digest(facts.sha256, hashlib.sha256(value).digest())


def _content(sha256: bytes, inline: bytes | None, job: _Job) -> bytes:
    """The content that a step names; hashed once more, since this is the last moment."""
    content = inline if inline is not None else job.materials.get(sha256)
    if content is None or hashlib.sha256(content).digest() != sha256:
        raise StepFailed(f"{job.step.resource}: its content is not here as the document names it")
    return content


def _repaired(planned: tuple[Change, ...], made: tuple[Change, ...]) -> tuple[Change, ...]:
    """A repair's changes in a plan's words; what a repair changed beside them comes as it is."""
    names = {change.name for change in made}
    told = tuple(change for change in planned if change.name in names or change.name == "dpkg")
    return (*told, *(change for change in made if change.name not in {item.name for item in planned}))


def _with_reasons(made: tuple[Change, ...], planned: tuple[Change, ...]) -> tuple[Change, ...]:
    reasons = {change.name: change.why for change in planned}
    return tuple(replace(change, why=reasons.get(change.name, "")) for change in made)


def _lines(changes: tuple[Change, ...]) -> dict[str, tuple[Sign, str, str]]:
    return {change.name: (change.sign, change.before, change.after) for change in changes}


def _gap(planned: tuple[Change, ...], made: tuple[Change, ...]) -> str:
    """Where two sets of changes differ, for people."""
    was, became = _lines(planned), _lines(made)
    differ = [name for name in sorted(was.keys() | became.keys()) if was.get(name) != became.get(name)]
    return ", ".join(
        f"{name} (planned {_told(was.get(name))}, now {_told(became.get(name))})" for name in differ[:_NAMED]
    )


def _told(line: tuple[Sign, str, str] | None) -> str:
    return "nothing" if line is None else " ".join(part for part in (line[0].value, line[1], line[2]) if part)
