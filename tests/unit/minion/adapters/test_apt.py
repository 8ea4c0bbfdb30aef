from __future__ import annotations

from pathlib import Path

import pytest

from orch.common.errors import Blocked, HostError, StepFailed
from orch.minion.adapters import apt
from orch.minion.adapters.apt import Apt, Patience
from orch.minion.adapters.tree import Tree
from orch.states.host import AptRequest, Installed, PackageFacts, PackageState, Pin, Simulated, Wish
from tests.contract import roots
from tests.fakes.runner import FakeRunner, said

SIMULATION = """\
NOTE: This is only a simulation!
The following packages will be REMOVED:
  old*
Purg old [1.0]
Remv bound [2:1.0-1] [needs:amd64 ]
Inst libc6 [2.36-9] (2.36-10 Debian:12.1/stable, Debian-Security:12/stable-security [amd64])
Inst libc6:i386 (2.36-10 Debian:12.1/stable [i386]) [gcc:i386 ]
Inst g++ (4:12.2.0-3 Debian:12.0/stable [amd64])
Conf libc6 (2.36-10 Debian:12.1/stable [amd64])
Inst bound (2:1.1-1 Debian:12.1/stable [amd64])
"""
POLICY = """\
hello:
  Installed: (none)
  Candidate: 2.10-3
  Version table:
     2.10-3 500
        500 http://mirror.example/debian bookworm/main amd64 Packages
     2.10-2 -1
        100 /var/lib/dpkg/status
libc6:i386:
  Installed: 2.36-9
  Candidate: 2.36-9
  Version table:
 *** 2.36-9 500
        500 http://mirror.example/debian bookworm/main i386 Packages
        100 /var/lib/dpkg/status
mail-transport-agent:
  Installed: (none)
  Candidate: (none)
  Version table:
"""


def test_reads_a_simulation_to_its_end() -> None:
    found = apt.read_simulation(SIMULATION)
    assert found.install == (
        Pin("bound", "2:1.1-1"),
        Pin("g++", "4:12.2.0-3"),
        Pin("libc6", "2.36-10"),
        Pin("libc6:i386", "2.36-10"),
    )
    assert found.remove == ("old",)


def test_a_line_that_is_half_understood_is_refused() -> None:
    with pytest.raises(StepFailed, match="not understood: Inst hello"):
        apt.read_simulation("Inst hello\n")


def test_reads_a_policy_and_leaves_out_names_without_versions() -> None:
    found = apt.read_policy(POLICY)
    assert sorted(found) == ["hello", "libc6:i386"]
    assert found["hello"].candidate == "2.10-3"
    assert found["hello"].versions == ("2.10-3", "2.10-2")


def make(tmp_path: Path, runner: FakeRunner) -> Apt:
    return Apt(Tree(roots.make(tmp_path / "root")), runner, Patience(lock=7))


def test_one_transaction_has_every_version_exact(tmp_path: Path) -> None:
    runner = FakeRunner({"apt-get": said()})
    request = AptRequest(install=(Pin("aa", "2.0"), Pin("g++", "1")), purge=("cc",))
    make(tmp_path, runner).install(request, lambda _: None)
    (call,) = runner.calls
    assert call.argv[-5:] == ("install", "--", "aa=2.0", "g++=1", "cc-")
    assert "--purge" in call.argv
    assert "--allow-downgrades" not in call.argv
    assert "-oDPkg::Lock::Timeout=7" in call.argv
    assert call.detached


def test_looking_and_acting_use_the_same_words(tmp_path: Path) -> None:
    runner = FakeRunner({"apt-get": said("Inst aa (2.0 x [all])\n")})
    one, request = make(tmp_path, runner), AptRequest(install=(Pin("aa", "2.0"),), purge=("cc",), downgrade=True)
    one.simulate(request)
    one.install(request, lambda _: None)
    looking, acting = (call.argv for call in runner.calls)
    assert [word for word in looking if word != "-s"] == [word for word in acting if word in looking]


def test_settings_that_stay_need_a_second_transaction_for_those_that_go(tmp_path: Path) -> None:
    runner = FakeRunner({"apt-get": said()})
    make(tmp_path, runner).install(AptRequest(purge=("aa",), remove=("bb",)), lambda _: None)
    first, second = runner.calls
    assert "--purge" not in first.argv
    assert first.argv[-2:] == ("aa-", "bb-")
    assert "--purge" in second.argv
    assert second.argv[-1:] == ("aa-",)


def test_for_a_wish_all_but_the_roots_counts_as_installed_for_others(tmp_path: Path) -> None:
    runner = FakeRunner({"dist-upgrade": said("Purg other [1]\n")})
    names = ("dpkg", "root", "wished", "other", "far:i386")
    there = {name: Installed(name=name, version="1", state=PackageState.INSTALLED) for name in names}
    wish = Wish(install=("wished",), roots=("root", "dpkg"))
    found = make(tmp_path, runner).solve(wish, PackageFacts(architecture="amd64", packages=there))
    assert found == Simulated(remove=("other",))
    marks = (tmp_path / "root/var/lib/orch/apt/extended_states").read_text()
    assert marks.replace("Auto-Installed: 1\n\n", "").splitlines() == [
        "Package: far",
        "Architecture: i386",
        "Package: other",
        "Architecture: amd64",
    ]
    assert "--auto-remove" in runner.calls[0].argv


@pytest.mark.parametrize(
    ("err", "kind"),
    [
        ("E: Failed to fetch http://m.example/x/InRelease  Could not connect to m.example:80", Blocked),
        ("E: Failed to fetch http://m.example/x/InRelease  Temporary failure resolving 'm.example'", Blocked),
        ("E: Release file for http://m.example/x/InRelease is expired (invalid since 1h).", StepFailed),
        ("E: GPG error: http://m.example lab InRelease: The following signatures were invalid: BADSIG", StepFailed),
        ("E: Failed to fetch http://m.example/Packages.gz  Hash Sum mismatch", StepFailed),
        ("E: The repository 'http://m.example lab Release' does not have a Release file.", StepFailed),
    ],
)
def test_a_source_that_is_away_is_waited_for_and_one_that_is_wrong_is_not(
    tmp_path: Path, err: str, kind: type[HostError]
) -> None:
    runner = FakeRunner({"update": said(err=f"{err}\nE: Some index files failed to download.\n", code=100)})
    with pytest.raises(HostError) as caught:
        make(tmp_path, runner).update(b"sources")
    assert type(caught.value) is kind
    assert "m.example" in caught.value.text
    assert "Some index files" not in caught.value.text


@pytest.mark.usefixtures("as_root")
def test_indexes_count_for_the_sources_that_they_were_fetched_from(tmp_path: Path) -> None:
    one = make(tmp_path, FakeRunner({"update": said()}))
    assert not one.has_indexes(b"one")
    one.update(b"one")
    assert one.has_indexes(b"one")
    assert not one.has_indexes(b"other")


def test_a_package_that_cannot_be_fetched_is_waited_for(tmp_path: Path) -> None:
    err = (
        "E: Failed to fetch http://m.example/a.deb  Could not connect to m.example:80\n"
        "E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?\n"
    )
    runner = FakeRunner({"install": said(err=err, code=100)})
    with pytest.raises(Blocked, match="Could not connect"):
        make(tmp_path, runner).install(AptRequest(install=(Pin("aa", "1"),)), lambda _: None)


@pytest.mark.parametrize(
    ("out", "err"),
    [
        (
            "Waiting for cache lock: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 17571...",
            "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?",
        ),
        ("", "dpkg: error: dpkg frontend lock was locked by another process with pid 17571"),
    ],
)
def test_a_held_lock_is_waited_for_and_its_holder_named(tmp_path: Path, out: str, err: str) -> None:
    runner = FakeRunner({"configure": said(out, err=err, code=2), "install": said(out, err=err, code=100)})
    one = make(tmp_path, runner)
    with pytest.raises(Blocked, match="lock is held by process 17571"):
        one.install(AptRequest(purge=("aa",)), lambda _: None)
    with pytest.raises(Blocked, match="lock is held by process 17571"):
        one.repair(lambda _: None)


def test_a_repair_never_removes_anything(tmp_path: Path) -> None:
    runner = FakeRunner({"--configure": said(code=1), "-f install": said()})
    make(tmp_path, runner).repair(lambda _: None)
    assert runner.calls[0].argv == ("dpkg", "--force-confdef", "--force-confold", "--configure", "-a")
    assert "--no-remove" in runner.calls[1].argv


def test_what_apt_complains_of_is_told_without_its_progress() -> None:
    out = "Reading package lists...\nThe following packages have unmet dependencies:\n kk : Conflicts: bb\n"
    assert apt.complaint(said(out, err="E: held broken packages.\n")) == " kk : Conflicts: bb\nE: held broken packages."
