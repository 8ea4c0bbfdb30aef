"""A host and its list, without a centre: planned and done in this process, by the real apt and dpkg of the host's root.

Programs run inside the host's namespaces and are remembered, so that a test can say which ran and that none did.
Called by the tests of packages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from orch.common.document import Document, File, ListFile, Packages
from orch.common.errors import HostError
from orch.minion import planner
from orch.minion.actions import Hands
from orch.minion.adapters.apt import Patience
from orch.minion.adapters.machine import Machine
from orch.minion.adapters.process import Call, ProcessRunner, Progress, Result
from tests.fakes.host import shown
from tests.lab.hosts import Host

PATIENCE = Patience(lock=1, mirror=2)
BASE = "site-tools\n"


@dataclass
class InHost:
    """Runs programs in a host's root, inside its namespaces, and remembers them."""

    host: Host
    calls: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, call: Call, progress: Progress | None = None) -> Result:
        self.calls.append(call.argv)
        argv = self.host.enter(["chroot", str(self.host.root), *call.argv])
        return ProcessRunner().run(replace(call, argv=tuple(argv), detached=False), progress)


class Site:
    """A host and its list."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.runner = InHost(host)
        self.rules: dict[str, Any] = {}
        self.files: tuple[File, ...] = ()
        self.allowance = 0
        self.text = BASE

    def document(self) -> tuple[Document, Mapping[bytes, bytes]]:
        data = self.text.encode()
        sha256 = hashlib.sha256(data).digest()
        document = Document(
            estate="library",
            host="library/lib-srv1",
            curve=bytes(32),
            scope="main",
            lists=(ListFile("base", sha256, len(data)),),
            packages=Packages(lists=("base",), **self.rules),
            files=self.files,
        )
        return document, {sha256: data}

    def look(self) -> Machine:
        return Machine(self.host.root, runner=self.runner, patience=PATIENCE)

    def plan(self, text: str | None = None, *, settled: bytes | None = None, heal: bool = False) -> planner.Plan:
        if text is not None:
            self.text = text
        document, materials = self.document()
        look = planner.Look(allowance=self.allowance, settled=settled, heal=heal)
        return planner.plan(document, materials, self.look(), look=look)

    def do(self, plan: planner.Plan) -> None:
        """Do all steps; each must do what was planned, to the letter."""
        assert not plan.problems
        _, materials = self.document()
        for step in plan.steps:
            done = Hands(self.host.root, runner=self.runner, patience=PATIENCE).apply(step, materials)
            assert done == step.changes

    def make(self, text: str) -> list[str]:
        """Make a list true and see that nothing is left to do.

        Returns:
            What became of packages.
        """
        plan = self.plan(text)
        self.do(plan)
        assert self.plan().converged
        return packages_of(plan)

    def refusal(self, text: str | None = None) -> HostError:
        """Why nothing is done about packages."""
        before = self.host.packages()
        plan = self.plan(text)
        (problem,) = plan.problems
        assert packages_of(plan) == []
        assert self.host.packages() == before
        return problem.error


def packages_of(plan: planner.Plan) -> list[str]:
    return shown(change for step in plan.steps for change in step.changes if change.kind in ("package", "dpkg"))
