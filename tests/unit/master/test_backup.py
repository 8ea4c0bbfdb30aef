"""A backup is the centre as of one moment, made while it runs; what is not a whole one is put nowhere."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import operations as op
from orch.common.errors import KeyFileError, Malformed, SettingsError, StoreError
from orch.common.wire import Event
from orch.master import backup
from orch.master.directory import check
from tests.fakes import signed_estate as estate
from tests.fakes.running_centre import RunningCentre, write_directory

TOP = Path(__file__).parents[3]


def made(folder: Path) -> bytes:
    target = io.BytesIO()
    backup.make(folder, target, now=estate.NOW)
    return target.getvalue()


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    write_directory(tmp_path / "old")
    return made(tmp_path / "old")


class TestOfARunningCentre:
    def test_is_that_centre_again_with_keys_hosts_releases_reports_and_contents(
        self, centre: RunningCentre, tmp_path: Path
    ) -> None:
        host = centre.admitted()
        content = centre.upload(b"a list")
        release = centre.publish_to(host.name)
        centre.until(lambda: host.held.number == 2)
        sequence = host.report()
        centre.until(lambda: host.acknowledged == sequence)
        saved = made(centre.folder)
        centre.publish_to(host.name, number=4, previous=release.hash)  # it runs on; the backup is of before
        told = backup.restore(io.BytesIO(saved), tmp_path / "new")
        assert (told.estate, told.made) == (estate.ESTATE, estate.NOW)
        assert check(tmp_path / "new") == []
        centre.restart(tmp_path / "new")
        assert centre.ask("scope.head", op.ScopeAsked("main"), op.ScopeHead).number == 2
        detail = centre.ask("host.explain", op.HostAsked(host.name), op.Detail)
        assert detail.row.wanted == (1, 2)
        assert len(detail.reports) == 1
        assert centre.ask("blob.missing", op.Hashes((content,)), op.Hashes).hashes == ()

    def test_that_was_put_back_takes_no_host_back_and_says_that_it_is_behind(
        self, centre: RunningCentre, tmp_path: Path
    ) -> None:
        host = centre.admitted()
        first = centre.publish_to(host.name)
        centre.until(lambda: host.held.number == 2)
        saved = made(centre.folder)
        second = centre.publish_to(host.name, number=4, previous=first.hash)
        centre.until(lambda: host.held.number == 4)
        assert not centre.rows()[host.name].ahead
        backup.restore(io.BytesIO(saved), tmp_path / "new")
        centre.restart(tmp_path / "new")
        host.connect(centre.context, centre.address)
        centre.until(lambda: centre.log.said("host-ahead"))
        row = centre.rows()[host.name]
        assert (row.ahead, row.running, row.wanted, host.held.number) == (True, (1, 4), (1, 2), 4)
        head = centre.ask("scope.head", op.ScopeAsked("main"), op.ScopeHead)
        assert head == op.ScopeHead(epoch=1, number=4, release=second.hash, claimed=True)
        centre.publish_to(host.name, number=6, previous=second.hash)
        centre.until(lambda: host.held.number == 6)
        assert not centre.rows()[host.name].ahead

    def test_of_a_week_ago_takes_nobody_back_and_whom_it_lets_in_again_goes_when_it_is_told(
        self, centre: RunningCentre, tmp_path: Path
    ) -> None:
        host, stolen = centre.admitted(), centre.admitted("site1/dom0")
        first = centre.publish_to(host.name, stolen.name)
        centre.until(lambda: host.held.number == stolen.held.number == 2)
        saved = made(centre.folder)
        centre.clock.skip(7 * estate.DAY)
        centre.until(lambda: len(centre.log.said("host-gone")) == 2)  # in this week nobody has said anything
        for one in (host, stolen):
            one.connect(centre.context, centre.address)
        newer = estate.policy_bytes(replace(estate.POLICY, version=2))
        centre.ask("policy.put", op.Signed(newer), op.Nothing)
        centre.revoke(stolen.name)
        second = centre.publish_to(host.name, number=4, previous=first.hash)
        centre.until(lambda: host.held.number == 4 and host.held.policy == 2)
        centre.until(lambda: Event.DOWN in stolen.events)
        backup.restore(io.BytesIO(saved), tmp_path / "new")
        centre.restart(tmp_path / "new")
        stolen.standing.clear()
        stolen.events.clear()
        for one in (host, stolen):
            one.connect(centre.context, centre.address)
        centre.until(lambda: centre.log.said("host-ahead") and "admitted" in stolen.standing)
        assert (host.held.number, host.held.policy, host.held.release) == (4, 2, second.hash)
        head = centre.ask("scope.head", op.ScopeAsked("main"), op.ScopeHead)
        assert (head.number, head.claimed) == (4, True)
        centre.ask("policy.put", op.Signed(newer), op.Nothing)  # as every `orch plan` does with what is in git
        centre.revoke(stolen.name)
        centre.until(lambda: "revoked" in stolen.standing and Event.DOWN in stolen.events)
        centre.publish_to(host.name, number=6, previous=second.hash)
        centre.until(lambda: host.held.number == 6)

    def test_leaves_nothing_behind_in_the_directory(self, centre: RunningCentre) -> None:
        # The running centre's own, which come with its first write, whenever that is.
        own = {"store.db-wal", "store.db-shm"}
        before = {item.name for item in centre.folder.iterdir()} - own
        made(centre.folder)
        assert {item.name for item in centre.folder.iterdir()} - own == before


def test_needs_a_centres_directory(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"centre\.key is missing"):
        made(tmp_path)


def test_of_a_damaged_database_is_an_error(tmp_path: Path) -> None:
    write_directory(tmp_path)
    (tmp_path / "store.db").write_bytes(b"x" * 5000)
    with pytest.raises(StoreError, match="cannot be copied"):
        made(tmp_path)


def test_is_restored_into_an_empty_directory_only(whole: bytes, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/centre.key").write_text("another")
    with pytest.raises(SettingsError, match="is not empty"):
        backup.restore(io.BytesIO(whole), tmp_path / "full")
    assert (tmp_path / "full/centre.key").read_text() == "another"
    (tmp_path / "empty").mkdir(mode=0o700)
    backup.restore(io.BytesIO(whole), tmp_path / "empty")
    assert (tmp_path / "empty/centre.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_restored_by_root_belongs_to_whom_the_directory_belongs_to(whole: bytes, tmp_path: Path) -> None:
    place = tmp_path / "new"
    place.mkdir()
    os.chown(place, 61001, 61001)
    backup.restore(io.BytesIO(whole), place)
    assert {item.stat().st_uid for item in place.rglob("*")} == {61001}


def cut(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


def repacked(whole: bytes, change: Callable[[tarfile.TarInfo, bytes], tuple[tarfile.TarInfo, bytes] | None]) -> bytes:
    """The same, packed again with other members; None leaves one out."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(whole)) as old, tarfile.open(fileobj=out, mode="w|gz") as new:
        for member in old:
            opened = old.extractfile(member)
            changed = change(member, opened.read() if opened else b"")
            if changed is not None:
                info, data = changed
                info.size = len(data)
                new.addfile(info, io.BytesIO(data))
    return out.getvalue()


def elsewhere(member: tarfile.TarInfo, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
    if member.name == "master.toml":
        member.name = "../planted"
    return member, data


def without(name: str) -> Callable[[tarfile.TarInfo, bytes], tuple[tarfile.TarInfo, bytes] | None]:
    return lambda member, data: None if member.name == name else (member, data)


def other(name: str, data: bytes) -> Callable[[tarfile.TarInfo, bytes], tuple[tarfile.TarInfo, bytes] | None]:
    return lambda member, old: (member, data if member.name == name else old)


def sparse(holes: str, size: str) -> Callable[[tarfile.TarInfo, bytes], tuple[tarfile.TarInfo, bytes] | None]:
    """Says of the settings that they are mostly holes."""

    def change(member: tarfile.TarInfo, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
        if member.name == "master.toml":
            member.pax_headers = {"GNU.sparse.map": holes, "GNU.sparse.size": size}
        return member, data

    return change


FOR_EVER = b'{"schema": "orch/centre-backup/1", "files": {}, "estate": "lab", "made": Infinity}'
SPOILED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut off": (cut, "no whole backup"),
    "nothing": (lambda _whole: b"", "no whole backup"),
    "something else": (lambda _whole: b"x" * 2000, "no whole backup"),
    "something else that is packed": (lambda _whole: gzip.compress(b"x" * 2000), "no whole backup"),
    "a name outside": (lambda whole: repacked(whole, elsewhere), "it holds '../planted'"),
    "without its end": (lambda whole: repacked(whole, without("backup.json")), "its end is missing"),
    "without the key": (lambda whole: repacked(whole, without("centre.key")), r"centre\.key is not as it was"),
    "another key": (lambda whole: repacked(whole, other("centre.key", b"x")), r"centre\.key is not as it was"),
    "a senseless end": (lambda whole: repacked(whole, other("backup.json", b"[]")), "last part"),
    "another kind": (lambda whole: repacked(whole, other("backup.json", b'{"schema": "x/2"}')), "not known here"),
    "an end made for ever": (lambda whole: repacked(whole, other("backup.json", FOR_EVER)), "last part"),
    "an end that is deep": (lambda whole: repacked(whole, other("backup.json", b"[" * 9999)), "last part"),
    "a file of more holes than bytes": (
        lambda whole: repacked(whole, sparse("1,1", "60000000")),
        "it holds 'master.toml'",
    ),
    "holes that are no numbers": (lambda whole: repacked(whole, sparse("x,y", "1")), "no whole backup"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_what_is_no_whole_backup_is_refused_and_nothing_is_left_of_it(whole: bytes, name: str, tmp_path: Path) -> None:
    spoil, said = SPOILED[name]
    with pytest.raises(Malformed, match=said):
        backup.restore(io.BytesIO(spoil(whole)), tmp_path / "deep/new")
    assert list((tmp_path / "deep/new").iterdir()) == []
    assert not (tmp_path / "deep/planted").exists()
    assert not (tmp_path / "planted").exists()


def test_a_link_in_a_backup_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w|gz") as tar:
        link = tarfile.TarInfo("master.toml")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(Malformed, match=r"it holds 'master\.toml'"):
        backup.restore(io.BytesIO(out.getvalue()), tmp_path / "new")


def run(*arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "orch.master", *arguments],
        env={"PYTHONPATH": str(TOP), "PATH": "/usr/bin:/bin"},
        input=data,
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.processes
class TestTheCommand:
    def test_writes_a_file_for_nobody_else_and_never_over_another(self, tmp_path: Path) -> None:
        write_directory(tmp_path / "old")
        file = tmp_path / "centre.backup"
        done = run("--directory", str(tmp_path / "old"), "backup", str(file))
        assert done.returncode == 0, done.stderr
        assert b"It is secret" in done.stderr
        assert file.stat().st_mode & 0o777 == 0o600
        again = run("--directory", str(tmp_path / "old"), "backup", str(file))
        assert again.returncode == 2
        assert b"is there already" in again.stderr
        assert sorted(item.name for item in tmp_path.iterdir()) == ["centre.backup", "old"]

    def test_goes_through_a_pipe_and_back(self, tmp_path: Path) -> None:
        write_directory(tmp_path / "old")
        saved = run("backup", "-", "--directory", str(tmp_path / "old")).stdout
        done = run("restore", "-", "--directory", str(tmp_path / "new"), data=saved)
        assert done.returncode == 0, done.stderr
        assert b"End it: two with one key" in done.stdout
        assert run("--directory", str(tmp_path / "new"), "--check-config").stdout == b"ok\n"

    def test_says_in_one_line_what_is_wrong(self, tmp_path: Path) -> None:
        done = run("restore", str(tmp_path / "missing"), "--directory", str(tmp_path / "new"))
        assert done.returncode == 2
        assert b"missing cannot be read: No such file or directory" in done.stderr
        assert b"Traceback" not in done.stderr
        assert b"Traceback" not in run("restore", "-", "--directory", str(tmp_path / "new"), data=b"x").stderr
