"""The fake host and the real one keep the same promises. What needs apt is asked of the real one in tests/system."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orch.minion.adapters.machine import Machine
from orch.states.host import Host, PackageState
from tests.contract import host_contract, roots
from tests.contract.host_contract import Builder, World
from tests.fakes.host import FakeHost, Package, regular
from tests.fakes.runner import FakeRunner


@pytest.fixture(params=["fake", "real"])
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Builder:
    """A host of either kind."""
    if request.param == "fake":
        return fake
    made: list[Path] = []

    def real(world: World) -> Host:
        made.append(roots.make(tmp_path / str(len(made))))
        return machine(made[-1], world)

    return real


def fake(world: World) -> Host:
    host = FakeHost(opens=host_contract.opens)
    host.stored |= {path: regular(content) for path, content in world.files.items()}
    host.lists = {name: hashlib.sha256(text).digest() for name, text in world.lists.items()}
    for name, (state, version) in world.packages.items():
        if state == "config-files":
            host.settings[name] = version
        else:
            host.installed[name] = Package(name, version)
            host.states[name] = PackageState(state)
    return host


def machine(root: Path, world: World) -> Host:
    roots.put(root, world.files)
    roots.put(root, {f"/var/lib/orch/lists/{name}.list": text for name, text in world.lists.items()})
    entries = [roots.stanza(name, version, state) for name, (state, version) in world.packages.items()]
    (root / "var/lib/dpkg/status").write_text(roots.DPKG + "".join(entries))
    # The root's own user is called root here, whoever runs the tests.
    (root / "etc/passwd").write_text(f"root:x:{os.getuid()}:0::/:/bin/sh\n")
    (root / "etc/group").write_text(f"root:x:{os.getgid()}:\n")
    return Machine(root, runner=FakeRunner(), opens=host_contract.opens)


@pytest.mark.parametrize("promise", host_contract.LOOKING, ids=lambda promise: promise.__name__)
def test_a_host(promise: Callable[[Builder], None], build: Builder) -> None:
    if promise is host_contract.tells_what_stands_under_a_path and os.getuid() != 0:
        pytest.xfail("files of root can only be made by root")
    promise(build)


@pytest.mark.parametrize("promise", host_contract.APT, ids=lambda promise: promise.__name__)
def test_the_fake_apt(promise: Callable[[Host], None]) -> None:
    host = FakeHost().offer(
        Package("apt"),
        Package("library-catalogue"),
        Package("reading-room", depends=("library-catalogue",)),
        Package("lost-needs", depends=("nowhere-to-be-found",)),
    )
    promise(host.have("apt"))
