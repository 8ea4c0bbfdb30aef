"""A secret on its way from a person to real hosts: a file of mode 0600 there, and nowhere else, not even its hash.

Two hosts hold it, under different paths, one does not. It is set, applied, changed, put right after somebody wrote over
it; then a copy is moved to another host. In the end everything is read that a thief of the centre, of its backup, of
the git, or of all that hosts and commands wrote down could read.
"""

from __future__ import annotations

import hashlib
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from orch.master.estate import sealed_file
from tests.lab.ground import FILES, LAB, LIBRARY, SCHOOL, Ground, Json, said
from tests.lab.hosts import Host, until

pytestmark = pytest.mark.system

FIRST, SECOND = "first: gentle-otter-4711", "second: brave-heron-0815"
TOKEN, OTHER = "/etc/apps/token", "/etc/token"
SITES = {
    "sites/library.yaml": FILES["sites/library.yaml"].replace("{}", f"{{ files: {{ {TOKEN}: {{ secret: token }} }} }}"),
    "sites/school.yaml": FILES["sites/school.yaml"].replace("{}", f"{{ files: {{ {OTHER}: {{ secret: token }} }} }}"),
}


@dataclass(kw_only=True)
class Kept:
    """A fleet with a secret, and all that commands said."""

    ground: Ground
    heard: list[str] = field(default_factory=list)
    first: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    second: dict[str, tuple[str, int, int]] = field(default_factory=dict)

    def orch(self, *arguments: str, check: bool = True) -> str:
        """Run `orch`, and keep what it says."""
        text = said(self.ground.orch(*arguments, check=check))
        self.heard.append(text)
        return text

    def value(self, verb: str, text: str) -> None:
        """Give the secret a value, from a file that is gone afterwards."""
        file = self.ground.folders.base / "value"
        file.write_text(text)
        try:
            self.orch("secret", verb, "token", "--file", str(file))
        finally:
            file.unlink()

    def files(self) -> dict[str, tuple[str, int, int]]:
        """What each host holds in its place: content, mode, owner."""
        return {name: content(self.ground.lab.hosts[name], path) for name, path in PLACES.items()}


PLACES = {LIBRARY: TOKEN, SCHOOL: OTHER}


def content(host: Host, path: str) -> tuple[str, int, int]:
    """A file of a host, by its disk."""
    file = host.root / path.lstrip("/")
    about = file.stat()
    return file.read_text(), stat.S_IMODE(about.st_mode), about.st_uid


@pytest.fixture(scope="module")
def kept(established: Ground) -> Iterator[Kept]:
    """Set, plan, apply, change, apply."""
    established.calm()
    seen = Kept(ground=established)
    established.write(SITES)
    seen.value("set", FIRST)
    seen.orch("plan", "-v", check=False)
    seen.orch("apply", "--yes", "-v")
    established.wait_applied(established.lab.hosts)
    seen.first = seen.files()
    seen.value("rotate", SECOND)
    seen.orch("plan", "-v", check=False)
    seen.orch("apply", "--yes", "-v")
    established.wait_applied(established.lab.hosts)
    seen.second = seen.files()
    yield seen
    shutil.rmtree(established.folders.estate / "secrets")


def test_it_is_a_file_for_root_alone_on_the_hosts_that_use_it_and_on_no_other(kept: Kept) -> None:
    assert kept.first == dict.fromkeys(PLACES, (FIRST, 384, 0))
    for path in PLACES.values():
        assert not (kept.ground.lab.hosts[LAB].root / path.lstrip("/")).exists()
    assert not (kept.ground.lab.hosts[SCHOOL].root / TOKEN.lstrip("/")).exists()


def test_a_new_value_takes_the_place_of_the_old_one_and_nothing_of_that_stays(kept: Kept) -> None:
    assert kept.second == dict.fromkeys(PLACES, (SECOND, 384, 0))
    assert sorted(path.name for path in (kept.ground.lab.hosts[LIBRARY].root / "etc/apps").iterdir()) == ["token"]


def test_a_second_apply_has_nothing_to_do_and_asks_for_no_passphrase(kept: Kept) -> None:
    said_ = kept.orch("apply", "--yes", "--passphrase-file", "/nowhere/at/all")
    assert "nothing changed" in said_
    planned: Json = kept.ground.asked("plan", codes=(0,))
    assert planned["changes"] == 0


def test_what_somebody_wrote_over_it_is_put_right_and_told_without_either_content(kept: Kept) -> None:
    host = kept.ground.lab.hosts[LIBRARY]
    (host.root / TOKEN.lstrip("/")).write_text("somebody's own")
    kept.orch("apply", "--yes", "--again")
    until(lambda: content(host, TOKEN)[0] == SECOND, every=0.3, what="the secret to be put right")
    kept.ground.wait_applied(kept.ground.lab.hosts)
    changes = [
        change
        for report in kept.ground.reports(LIBRARY)
        for step in report["steps"]
        for change in step["changes"]
        if change["name"] == TOKEN
    ]
    assert {change["kind"] for change in changes} == {"secret"}
    assert changes[0]["before"].startswith("other content")


def test_a_copy_that_was_moved_to_another_host_opens_nothing_and_the_host_says_so(kept: Kept) -> None:
    ground, file = kept.ground, kept.ground.folders.estate / "secrets/token.sealed"
    before = file.read_text()
    secret = sealed_file.read(before)
    copies = {copy.host: copy.copy for copy in secret.hosts}
    swapped = {LIBRARY: copies[SCHOOL], SCHOOL: copies[LIBRARY]}
    moved = replace(secret, hosts=tuple(replace(copy, copy=swapped[copy.host]) for copy in secret.hosts))
    try:
        file.write_text(sealed_file.write(moved))
        kept.orch("apply", "--yes", "--again", check=False)
        ground.wait_outcome(LIBRARY, "failed")
        assert ground.reports(LIBRARY)[0]["reason"]["code"] == "secret-shut"
        explained = kept.orch("explain", LIBRARY)
        assert f"the secret token for {TOKEN} cannot be opened here" in explained
        assert kept.files() == dict.fromkeys(PLACES, (SECOND, 384, 0))
    finally:
        file.write_text(before)
        kept.orch("apply", "--yes", "--again")
    ground.wait_applied(ground.lab.hosts)


def test_the_value_and_its_hash_are_nowhere_else(kept: Kept) -> None:
    ground = kept.ground
    backup, again = ground.folders.base / "centre.backup", ground.folders.base / "again"
    ground.master("backup", str(backup))
    ground.lab.centre.run(ground._module("orch.master", "--directory", str(again), "restore", str(backup)))
    for words in (
        ("doc", "show", LIBRARY, "-v"),
        ("doc", "show", LIBRARY, "--output", "json"),
        ("doc", "diff", LIBRARY, "~5", "~0"),
        ("explain", LIBRARY, "--output", "json"),
        ("status", "-v"),
        ("events",),
        ("audit", "log"),
        ("secret", "list"),
        ("secret", "who-can-read", "token", "--output", "json"),
    ):
        kept.orch(*words, check=False)
    ground.orch("doc", "export", LIBRARY, str(ground.folders.base / "stick"))
    places = [ground.folders.base, *(host.folder for host in ground.lab.hosts.values())]
    allowed = {ground.lab.hosts[name].root / path.lstrip("/") for name, path in PLACES.items()}
    leaks = [path for place in places for path in all_files(place) if path not in allowed and holds(path.read_bytes())]
    assert leaks == []
    assert [text for text in kept.heard if holds(text.encode())] == []
    assert all(holds(path.read_bytes()) for path in allowed)  # the search finds what is there


def all_files(folder: Path) -> Iterator[Path]:
    """Every regular file below a folder, links and devices left out."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts:
            yield path


def holds(data: bytes) -> bool:
    """Whether a value, or what could be guessed from, is in there."""
    return any(sign in data for sign in SIGNS)


SIGNS = [
    sign
    for text in (FIRST, SECOND)
    for digest in [hashlib.sha256(text.encode())]
    for sign in (text.encode(), text.partition(" ")[2].encode(), digest.digest(), digest.hexdigest()[:12].encode())
]
