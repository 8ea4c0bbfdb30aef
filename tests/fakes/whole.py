"""A host that consists of names and values: what is there, what a document wants there, and trouble on demand."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from orch.common import lists
from orch.common.document import Document
from orch.common.errors import OrchError
from orch.common.report import Change, Sign
from orch.minion.planner import Look, Plan, Problem
from orch.states.base import AptTransaction, PutFile, Step
from orch.states.host import AptRequest


class FakeWhole:
    """Satisfies steps.Machine: packages named by lists, and files by content's hash."""

    def __init__(self) -> None:
        self.packages: set[str] = {"dpkg"}
        self.files: dict[str, bytes] = {}
        self.applied: list[str] = []
        self.looks: list[Look] = []
        self.fail: dict[str, OrchError | Exception] = {}  # by resource: raised when its step is applied
        self.blind: Exception | None = None  # raised when somebody looks
        self.files_first = False
        self.stuck = False  # steps do nothing
        self.during: Callable[[Step], None] = lambda step: None
        self.open_ports: tuple[str, ...] = ()
        self.firewall = "drop what comes"
        self.trouble: tuple[Problem, ...] = ()

    def plan(self, document: Document, materials: Mapping[bytes, bytes], look: Look) -> Plan:
        self.looks.append(look)
        if self.blind is not None:
            raise self.blind
        settled = look.settled is not None and look.settled == self.mark(document)
        steps = [] if settled else self._packages(document, materials, heal=look.heal)
        files = self._files(document)
        steps = [*files, *steps] if self.files_first else [*steps, *files]
        return Plan(steps=tuple(steps), settled=settled, problems=self.trouble)

    def _packages(self, document: Document, materials: Mapping[bytes, bytes], *, heal: bool) -> list[Step]:
        if document.packages is None:
            return []
        wanted = {"dpkg"}
        for item in document.lists:
            text = materials[item.sha256].decode()
            wanted |= {entry.name for entry in lists.parse(text, f"{item.name}.list").entries}
        added = [Change(sign=Sign.ADD, kind="package", name=name) for name in sorted(wanted - self.packages)]
        gone = [Change(sign=Sign.REMOVE, kind="package", name=name) for name in sorted(self.packages - wanted)]
        if not (added or gone):
            return []
        parts = [added, gone] if heal else [[*added, *gone]]
        return [
            Step(resource="packages", changes=tuple(part), action=AptTransaction(request=AptRequest()))
            for part in parts
            if part
        ]

    def _files(self, document: Document) -> list[Step]:
        return [
            Step(
                resource=f"file {item.path}",
                changes=(Change(sign=Sign.ADD, kind="file", name=item.path),),
                action=PutFile(
                    path=item.path,
                    sha256=item.sha256,
                    content=item.content,
                    mode=item.mode,
                    owner=item.owner,
                    group=item.group,
                ),
            )
            for item in document.files
            if self.files.get(item.path) != item.sha256
        ]

    def mark(self, document: Document) -> bytes:
        wanted = repr((document.packages, document.lists)).encode()
        return hashlib.sha256(wanted + repr(sorted(self.packages)).encode()).digest()

    def apply(self, step: Step, materials: Mapping[bytes, bytes]) -> tuple[Change, ...]:
        self.during(step)
        if (error := self.fail.get(step.resource)) is not None:
            raise error
        self.applied.append(step.resource)
        if not self.stuck:
            self._apply(step)
        return step.changes

    def _apply(self, step: Step) -> None:
        if isinstance(step.action, PutFile):
            self.files[step.action.path] = step.action.sha256
            return
        for change in step.changes:
            if change.sign is Sign.ADD:
                self.packages.add(change.name)
            else:
                self.packages.discard(change.name)

    def listeners(self) -> tuple[str, ...]:
        return self.open_ports

    def rules(self) -> bytes:
        return hashlib.sha256(self.firewall.encode()).digest() if self.firewall else b""
