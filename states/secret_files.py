"""Files whose content only this host can open: made, kept and replaced as other files are, and shown without content.

Whether a file is right is asked of the host (`Host.holds`), which opens the secret, compares, and answers yes or no. No
value and no hash of one comes here, so none can get into a plan, a journal or a report; a value is named by the random
name that it has in the document.

As in files.py, a folder that stands in a file's place is an error, and a file that is no longer named stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orch.common.document import Document, SecretFile
from orch.common.errors import Shut, StepFailed
from orch.common.report import Change, Sign
from orch.common.sealed import Closed, Slot
from orch.states.base import PutSecret, Step
from orch.states.host import FileFacts, FileKind, Host

KIND = "secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What stands in a secret's place."""

    facts: FileFacts
    same: bool = False  # whether its content is the value
    shut: Shut | None = None  # why that cannot be known here


class Secrets:
    """The state `secret_files`."""

    def __init__(self, host: Host, document: Document) -> None:
        """Look at this host, for secrets of this document."""
        self._host = host
        self._document = document

    def observe(self, wanted: tuple[SecretFile, ...]) -> Mapping[str, Kept]:
        """What stands under each path, and whether it is what it should be."""
        return {item.path: self._kept(item) for item in wanted}

    def _kept(self, item: SecretFile) -> Kept:
        facts = self._host.file(item.path)
        if not item.key:
            return Kept(facts=facts)  # a candidate's: it is sealed to this host when it is signed
        try:
            return Kept(facts=facts, same=self._host.holds(closed(self._document, item)))
        except Shut as err:
            return Kept(facts=facts, shut=err)

    def plan(self, wanted: tuple[SecretFile, ...], found: Mapping[str, Kept]) -> Iterator[Step]:
        """One step for each that is not as it should be; none for what is shut here.

        Raises:
            StepFailed: something that must not be deleted stands in a file's place.
        """
        made: set[str] = set()
        for item in sorted(wanted, key=lambda item: item.path):
            kept = found[item.path]
            if kept.shut is not None:
                continue
            _check(item, kept.facts)
            change = difference(closed(self._document, item).slot, kept, _wanted(item, kept.facts))
            if change is None:
                continue
            folders = [folder for folder in kept.facts.missing if folder not in made]
            made.update(folders)
            action = PutSecret(closed=closed(self._document, item), mode=item.mode, owner=item.owner, group=item.group)
            yield Step(
                resource=f"file {item.path}",
                changes=(*map(folder_change, folders), change),
                action=action,
                destructive=kept.facts.kind is not FileKind.ABSENT,
            )


def closed(document: Document, item: SecretFile) -> Closed:
    """A secret with everything that it is bound to."""
    slot = Slot(
        estate=document.estate,
        scope=document.scope,
        host=document.host,
        path=item.path,
        secret=item.secret,
        value=item.value,
    )
    return Closed(slot=slot, key=item.key, box=item.box)


def difference(slot: Slot, before: Kept, after: FileFacts) -> Change | None:
    """How a file differs from the secret that it should be, as a plan shows it; None where it does not."""
    value = f"{slot.secret} {slot.value[:4].hex()}"
    facts = before.facts
    if facts.kind is FileKind.ABSENT:
        return Change(sign=Sign.ADD, kind=KIND, name=slot.path, after=f"{value}, {_metadata(after)}")
    if facts.kind is not FileKind.REGULAR:
        was = f"a link to {facts.target}"[:300] if facts.kind is FileKind.LINK else facts.kind.value
        return Change(sign=Sign.CHANGE, kind=KIND, name=slot.path, before=was, after=f"{value}, {_metadata(after)}")
    parts = [] if before.same else [("other content", value)]
    if _metadata(facts) != _metadata(after):
        parts.append((_metadata(facts), _metadata(after)))
    if not parts:
        return None
    was, becomes = (", ".join(side) for side in zip(*parts, strict=True))
    return Change(sign=Sign.CHANGE, kind=KIND, name=slot.path, before=was, after=becomes)


def folder_change(path: str) -> Change:
    """The line for a folder that is made."""
    return Change(sign=Sign.ADD, kind="folder", name=path, after="mode 0755, owner root:root")


def _metadata(facts: FileFacts) -> str:
    return f"mode {facts.mode:04o}, owner {facts.owner}:{facts.group}"


def _wanted(item: SecretFile, facts: FileFacts) -> FileFacts:
    """What shall stand there; a user may be named by number, and what is the same must compare as the same."""
    regular = facts.kind is FileKind.REGULAR
    owner = facts.owner if regular and item.owner == str(facts.uid) else item.owner
    group = facts.group if regular and item.group == str(facts.gid) else item.group
    return FileFacts(kind=FileKind.REGULAR, mode=item.mode, owner=owner, group=group)


def _check(item: SecretFile, facts: FileFacts) -> None:
    if facts.kind in (FileKind.FOLDER, FileKind.OTHER):
        raise StepFailed(
            f"{item.path}: {facts.kind.value} stands where the file should be",
            hint="move it away, or take the file out of the host's files",
        )
