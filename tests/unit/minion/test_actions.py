from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orch.common.errors import Blocked, Shut, StepFailed
from orch.common.report import Change, Sign
from orch.minion.actions import Halfway, Hands
from orch.minion.adapters.process import Call, Result
from orch.states.base import AptTransaction, DropList, PutFile, PutList, PutSecret, RepairDpkg, Step
from orch.states.host import AptRequest, Pin
from tests.contract import host_contract, roots
from tests.contract.roots import DPKG, stanza
from tests.fakes.host import shown
from tests.fakes.runner import FakeRunner, said

HELLO = b"hello\n"
ME, MINE = str(os.getuid()), str(os.getgid())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return roots.make(tmp_path / "root", status=DPKG + stanza("old", "1.0"))


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def file_step(content: bytes, *, path: str = "/srv/motd", mode: int = 0o644, owner: str = ME) -> Step:
    action = PutFile(path=path, sha256=sha(content), content=content, mode=mode, owner=owner, group=MINE)
    return Step(resource=f"file {path}", changes=(), action=action)


def wrote(root: Path, status: str, result: Result | None = None) -> Callable[[Call], Result]:
    """A program that leaves this status."""

    def run(_: Call) -> Result:
        (root / "var/lib/dpkg/status").write_text(DPKG + status)
        return result or said()

    return run


PLANNED = (
    Change(sign=Sign.ADD, kind="package", name="new", after="2.0", why="lists/base.list:1"),
    Change(sign=Sign.REMOVE, kind="package", name="old", before="1.0", why="on no list"),
)
REQUEST = AptRequest(install=(Pin("new", "2.0"),), purge=("old",))
TRANSACTION = Step(
    resource="packages", changes=PLANNED, action=AptTransaction(request=REQUEST, manual=("new",), auto=("dpkg",))
)
SIMULATED = said("Purg old [1.0]\nInst new (2.0 x [all])\n")


# ---- files and lists


@pytest.mark.usefixtures("as_root")
def test_a_list_is_put_changed_and_dropped(root: Path) -> None:
    hands, materials = Hands(root, runner=FakeRunner()), {sha(HELLO): HELLO, sha(b"jq\n"): b"jq\n"}
    put = [Step(resource="list base", changes=(), action=PutList("base", key)) for key in materials]
    assert shown(hands.apply(put[0], materials)) == [f"+ base sha256 {sha(HELLO).hex()[:12]}"]
    assert [change.sign for change in hands.apply(put[1], materials)] == [Sign.CHANGE]
    assert (root / "var/lib/orch/lists/base.list").read_bytes() == b"jq\n"
    assert hands.apply(put[1], materials) == ()
    drop = Step(resource="list base", changes=(), action=DropList("base"))
    assert [change.sign for change in hands.apply(drop, materials)] == [Sign.REMOVE]
    assert hands.apply(drop, materials) == ()


@pytest.mark.usefixtures("as_root")
def test_a_list_that_is_not_what_its_hash_says_is_not_put(root: Path) -> None:
    step = Step(resource="list base", changes=(), action=PutList("base", sha(HELLO)))
    for materials in ({}, {sha(HELLO): b"other\n"}):
        with pytest.raises(StepFailed, match="list base: its content is not here"):
            Hands(root, runner=FakeRunner()).apply(step, materials)
    assert not (root / "var/lib/orch/lists/base.list").exists()


def test_a_file_is_put_with_its_folder_and_a_second_time_nothing_changes(root: Path) -> None:
    hands = Hands(root, runner=FakeRunner())
    changes = hands.apply(file_step(b"welcome\n", mode=0o640), {})
    assert [(change.sign, change.kind, change.name) for change in changes] == [
        (Sign.ADD, "folder", "/srv"),
        (Sign.ADD, "file", "/srv/motd"),
    ]
    assert hands.apply(file_step(b"welcome\n", mode=0o640), {}) == ()
    (change,) = hands.apply(file_step(b"welcome\n", mode=0o600), {})
    assert (change.before, change.after) == ("mode 0640", "mode 0600")


def secret_step(value: bytes, *, path: str = "/srv/token", sealed_for: str = "", mode: int = 0o600) -> Step:
    made = host_contract.secret(value, path=sealed_for or path)
    closed = replace(made, slot=replace(made.slot, path=path))
    return Step(resource=f"file {path}", changes=(), action=PutSecret(closed=closed, mode=mode, owner=ME, group=MINE))


def test_a_secret_is_opened_when_it_is_put_and_never_told(root: Path) -> None:
    hands = Hands(root, runner=FakeRunner(), opens=host_contract.opens)
    changes = hands.apply(secret_step(b"correct horse"), {})
    file = root / "srv/token"
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"correct horse", 0o600)
    assert shown(changes) == [
        "+ /srv mode 0755, owner root:root",
        f"+ /srv/token token 00000000, mode 0600, owner {ME}:{MINE}",
    ]
    assert hands.apply(secret_step(b"correct horse"), {}) == ()
    assert shown(hands.apply(secret_step(b"battery", mode=0o640), {})) == [
        f"~ /srv/token other content, mode 0600, owner {ME}:{MINE} -> token 00000000, mode 0640, owner {ME}:{MINE}"
    ]
    assert file.read_bytes() == b"battery"


def test_a_secret_that_was_sealed_for_another_place_is_not_put(root: Path) -> None:
    hands = Hands(root, runner=FakeRunner(), opens=host_contract.opens)
    with pytest.raises(Shut, match="the secret token for /srv/token cannot be opened here"):
        hands.apply(secret_step(b"correct horse", sealed_for="/srv/other"), {})
    with pytest.raises(Shut, match="there is no key for secrets"):
        Hands(root, runner=FakeRunner()).apply(secret_step(b"correct horse"), {})
    assert not (root / "srv").exists()


def test_a_user_that_the_host_has_not_is_named(root: Path) -> None:
    with pytest.raises(StepFailed, match="/srv/motd: the host has no user nobody-here"):
        Hands(root, runner=FakeRunner()).apply(file_step(b"", owner="nobody-here"), {})
    assert not (root / "srv").exists()


# ---- packages


def test_a_transaction_tells_what_was_really_done(root: Path) -> None:
    runner = FakeRunner({" -s ": SIMULATED, "apt-get -y": wrote(root, stanza("new", "2.0")), "apt-mark": said()})
    assert Hands(root, runner=runner).apply(TRANSACTION, {}) == PLANNED
    assert [call.argv[-2:] for call in runner.calls[2:]] == [("auto", "dpkg"), ("manual", "new")]


def test_nothing_is_done_when_apt_says_something_else_than_it_said(root: Path) -> None:
    runner = FakeRunner({" -s ": said("Purg old [1.0]\nPurg dpkg [1.21]\nInst new (2.0 x [all])\n")})
    with pytest.raises(StepFailed, match=r"have changed since .*: dpkg \(planned nothing, now - 1.21\)"):
        Hands(root, runner=runner).apply(TRANSACTION, {})
    assert len(runner.calls) == 1


def test_a_transaction_that_failed_halfway_tells_how_far_it_came(root: Path) -> None:
    half = wrote(root, stanza("new", "2.0", "half-configured"), said("postinst failed\n", code=100))
    runner = FakeRunner({" -s ": SIMULATED, "apt-get -y": half})
    with pytest.raises(Halfway, match="postinst failed") as caught:
        Hands(root, runner=runner).apply(TRANSACTION, {})
    assert shown(caught.value.changes) == ["+ new 2.0 (half-configured)", "- old 1.0"]


def test_a_transaction_that_did_something_else_says_what(root: Path) -> None:
    runner = FakeRunner({" -s ": SIMULATED, "apt-get -y": wrote(root, stanza("new", "2.1")), "apt-mark": said()})
    with pytest.raises(Halfway, match=r"did not do what it said: new \(planned \+ 2.0, now \+ 2.1\)"):
        Hands(root, runner=runner).apply(TRANSACTION, {})


def test_a_lock_in_the_way_is_blocked_and_nothing_was_changed(root: Path) -> None:
    locked = said(err="E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 9 (apt)\n", code=100)
    runner = FakeRunner({" -s ": SIMULATED, "apt-get -y": locked})
    with pytest.raises(Blocked, match=r"held by process 9 \(apt\)"):
        Hands(root, runner=runner).apply(TRANSACTION, {})


def test_what_whoever_holds_the_lock_does_meanwhile_is_not_taken_for_a_step_that_failed_halfway(root: Path) -> None:
    locked = said(err="E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 9 (apt)\n", code=100)
    runner = FakeRunner({" -s ": SIMULATED, "apt-get -y": wrote(root, stanza("new", "2.0", "half-configured"), locked)})
    with pytest.raises(Blocked, match="held by process 9"):
        Hands(root, runner=runner).apply(TRANSACTION, {})


def test_progress_is_what_apt_says(root: Path) -> None:
    install = wrote(root, stanza("new", "2.0"), said("Setting up new (2.0) ...\n"))
    runner = FakeRunner({" -s ": SIMULATED, "apt-get -y": install, "apt-mark": said()})
    told: list[str] = []
    Hands(root, runner=runner).apply(TRANSACTION, {}, told.append)
    assert told == ["Setting up new (2.0) ..."]


def repair(*names: str) -> Step:
    changes = tuple(
        Change(sign=Sign.CHANGE, kind="dpkg", name=name, before="half-configured", after="installed") for name in names
    )
    return Step(resource="packages", changes=changes, action=RepairDpkg(names))


def test_a_repair_is_judged_by_what_became_of_the_packages(root: Path) -> None:
    broken, whole = stanza("old", "1.0", "half-configured"), stanza("old", "1.0")
    (root / "var/lib/dpkg/status").write_text(DPKG + broken)
    runner = FakeRunner({"--configure": wrote(root, whole), "-f install": said()})
    assert Hands(root, runner=runner).apply(repair("old"), {}) == repair("old").changes
    (root / "var/lib/dpkg/status").write_text(DPKG + broken)
    runner = FakeRunner({"--configure": said(code=1), "-f install": said()})
    with pytest.raises(Halfway, match="still not whole after a repair: old"):
        Hands(root, runner=runner).apply(repair("old"), {})
