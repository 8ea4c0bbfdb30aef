"""Lists made true on a real root, by the real apt and dpkg: from planning to what dpkg says from outside.

Looking and acting happen in this process; programs run inside the host's namespaces, in its root.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from orch.common.document import File, Unlisted
from orch.common.errors import Blocked, StepFailed
from orch.minion import planner
from orch.minion.actions import Halfway, Hands
from orch.minion.adapters.machine import Machine
from orch.states.base import RepairDpkg
from orch.states.host import Host as HostPort
from tests.contract import host_contract
from tests.fakes.host import shown
from tests.lab import command, package
from tests.lab.hosts import Host, until
from tests.lab.lab import Lab
from tests.lab.listed import BASE, PATIENCE, InHost, Site, packages_of

pytestmark = pytest.mark.system


@pytest.fixture
def site(host: Host) -> Site:
    """A host that has what every site has."""
    host.start()
    one = Site(host)
    one.make(BASE)
    one.runner.calls.clear()
    return one


@contextmanager
def offered(lab: Lab, *packages: package.Package) -> Iterator[None]:
    """More packages in the repository, for a while."""
    lab.repository.add(*packages)
    try:
        yield
    finally:
        for one in packages:
            lab.repository.remove(one.name, one.version)


# ---- what the thesis promises


def test_installs_and_removes_in_one_transaction_with_dependencies(site: Site) -> None:
    came = site.make(BASE + "reading-room\njq\ntelnet-old\n")
    assert [line.split()[:2] for line in came] == [
        ["+", name] for name in ("jq", "libjq1", "libonig5", "library-catalogue", "reading-room", "telnet-old")
    ]
    installs = [call for call in site.runner.calls if call[:2] == ("apt-get", "-y")]
    assert len(installs) == 1
    site.runner.calls.clear()
    gone = site.make(BASE + "lab-notebook\n")
    assert [line.split()[:2] for line in gone] == [
        ["-", "jq"],
        ["+", "lab-common"],
        ["+", "lab-notebook"],
        ["-", "libjq1"],
        ["-", "libonig5"],
        ["-", "library-catalogue"],
        ["-", "reading-room"],
        ["-", "telnet-old"],
    ]
    assert len([call for call in site.runner.calls if call[:2] == ("apt-get", "-y")]) == 1
    found = site.host.packages()
    assert "jq" not in found
    assert found["lab-common"] == ("installed", "1.0")
    assert found["apt"][0] == "installed"


def test_a_host_that_is_right_starts_no_program(site: Site) -> None:
    document, _ = site.document()
    mark = planner.mark(document, site.look())
    site.runner.calls.clear()
    plan = site.plan(settled=mark)
    assert plan.converged
    assert plan.settled
    assert site.runner.calls == []


def test_a_change_behind_our_back_is_seen_and_undone(site: Site) -> None:
    document, _ = site.document()
    mark = planner.mark(document, site.look())
    site.host.chroot(["apt-get", "update"])
    site.host.chroot(["apt-get", "-y", "install", "telnet-old"])
    plan = site.plan(settled=mark)
    assert packages_of(plan) == ["- telnet-old 1.0"]
    site.do(plan)
    assert "telnet-old" not in site.host.packages()


def test_updates_are_applied_and_edited_configuration_is_kept(lab: Lab, site: Site) -> None:
    text = BASE + "printer-queue\nreading-room\n"
    site.make(text)
    settings = site.host.root / "etc/printer-queue.conf"
    settings.write_text("paper = letter\n")
    with offered(lab, *package.UPDATES):
        assert site.make(text) == ["~ library-catalogue 1.0 -> 1.1", "~ printer-queue 1.0 -> 1.1"]
    assert settings.read_text() == "paper = letter\n"
    assert "duplex" in (settings.parent / "printer-queue.conf.dpkg-dist").read_text()


def test_a_pinned_version_is_taken_kept_and_gone_back_to(lab: Lab, site: Site) -> None:
    with offered(lab, *package.UPDATES):
        site.make(BASE + "library-catalogue\n")
        assert site.host.installed()["library-catalogue"] == "1.1"
        assert site.make(BASE + "library-catalogue (= 1.0)\n") == ["~ library-catalogue 1.1 -> 1.0"]


def test_settings_that_a_removal_left_are_purged(site: Site) -> None:
    site.make(BASE + "printer-queue\n")
    site.host.chroot(["apt-get", "-y", "remove", "printer-queue"])
    assert site.host.packages()["printer-queue"][0] == "config-files"
    assert site.make(BASE) == ["- printer-queue settings of 1.0"]
    assert not (site.host.root / "etc/printer-queue.conf").exists()


def test_settings_stay_where_the_list_says_deinstall(site: Site) -> None:
    site.make(BASE + "printer-queue\ntelnet-old\n")
    assert site.make(BASE + "printer-queue deinstall\n") == ["- printer-queue 1.0", "- telnet-old 1.0"]
    assert site.host.packages()["printer-queue"][0] == "config-files"
    assert "telnet-old" not in site.host.packages()


def test_unlisted_packages_are_only_reported_where_the_document_says_so(site: Site) -> None:
    site.make(BASE + "reading-room\n")
    site.rules["unlisted"] = Unlisted.REPORT
    plan = site.plan(BASE)
    assert packages_of(plan) == []
    assert plan.unlisted == ("library-catalogue", "reading-room")


def test_the_marks_say_what_was_asked_for(site: Site) -> None:
    site.make(BASE + "reading-room\n")
    asked = site.host.chroot(["apt-mark", "showmanual"]).lines
    assert "reading-room" in asked
    assert "library-catalogue" not in asked
    would = site.host.chroot(["apt-get", "-s", "autoremove"]).out
    assert "Remv" not in would


def test_a_new_source_comes_before_the_packages_that_it_has(site: Site) -> None:
    sources = site.host.root / "etc/apt/sources.list.d/lab.sources"
    content = sources.read_bytes()
    sources.unlink()
    path = "/etc/apt/sources.list.d/lab.sources"
    site.files = (File(path=path, sha256=hashlib.sha256(content).digest(), size=len(content), content=content),)
    plan = site.plan(BASE + "telnet-old\n")
    assert [step.resource for step in plan.steps] == ["list base", f"file {path}"]
    assert "packages" in plan.more
    site.do(plan)
    assert packages_of(site.plan()) == ["+ telnet-old 1.0"]


# ---- what is refused, before anything happens


def test_unknown_names_are_refused_with_their_lines(site: Site) -> None:
    error = site.refusal(BASE + "reading-room\nreading-romm\nhello (= 99)\n")
    assert isinstance(error, StepFailed)
    first, second = error.text.splitlines()
    assert first == "lists/base.list:3: no source has a package reading-romm"
    assert second.startswith("lists/base.list:4: no source has hello in version 99 (there is ")


def test_a_package_that_needs_what_nobody_has_is_refused_in_apts_words(site: Site) -> None:
    assert "nowhere-to-be-found but it is not installable" in site.refusal(BASE + "lost-needs\n").text


def test_an_empty_list_is_refused(site: Site) -> None:
    assert "holds no package" in site.refusal("# all gone\n").text


def test_too_many_removals_are_refused_and_go_with_the_word(site: Site) -> None:
    site.make(BASE + "reading-room\ntelnet-old\n")
    site.rules["removals"] = 2
    error = site.refusal(BASE)
    text = "this would remove 3 packages, 2 at most are allowed: library-catalogue, reading-room, telnet-old"
    assert error.text == text
    assert "--yes-remove library" in error.hint
    site.allowance = 1
    site.do(site.plan())
    assert "telnet-old" not in site.host.packages()


def test_where_nothing_may_be_removed_the_rest_is_still_installed(lab: Lab, site: Site) -> None:
    """An unlisted package and one that a newcomer conflicts with have to wait, with that newcomer."""
    foe = package.Package(name="telnet-foe", fields={"Conflicts": "telnet-old"})
    site.make(BASE + "reading-room\ntelnet-old\n")
    with offered(lab, foe):
        _list, now, later = site.plan(BASE + "lab-notebook\ntelnet-foe\n", heal=True).steps
        assert [line.split()[:2] for line in shown(now.changes)] == [["+", "lab-common"], ["+", "lab-notebook"]]
        _, materials = site.document()
        assert Hands(site.host.root, runner=site.runner, patience=PATIENCE).apply(now, materials) == now.changes
        assert {"lab-notebook", "reading-room", "telnet-old"} <= site.host.packages().keys()
        waits = [["-", name] for name in ("library-catalogue", "reading-room")]
        waits += [["+", "telnet-foe"], ["-", "telnet-old"]]
        assert [line.split()[:2] for line in shown(later.changes)] == waits
        _list, still = site.plan(heal=True).steps
        assert still.changes == later.changes
        site.do(site.plan())
        assert site.plan().converged


def test_what_is_guarded_stays(lab: Lab, site: Site) -> None:
    loader = package.Package(name="efibootmgr")
    foe = package.Package(name="boot-foe", fields={"Conflicts": "efibootmgr"})
    with offered(lab, loader, foe):
        site.make(BASE + "efibootmgr\n")
        assert site.make(BASE) == []
        assert "efibootmgr" in site.host.installed()
        assert "efibootmgr" in site.refusal(BASE + "boot-foe\n").text
        purge = site.refusal(BASE + "efibootmgr purge\n")
        assert purge.text == "lists/base.list:2: efibootmgr must not be removed: it is guarded (the boot loader)"
        site.text = BASE


# ---- what is waited for


def test_an_unreachable_mirror_is_waited_for_and_named(lab: Lab, site: Site) -> None:
    lab.centre.stop("repository")
    try:
        error = site.refusal(BASE + "telnet-old\n")
    finally:
        lab.centre.serve_repository(lab.repository.served)
    assert isinstance(error, Blocked)
    assert "http://" in error.text
    assert "Could not connect" in error.text
    assert site.make(BASE + "telnet-old\n") == ["+ telnet-old 1.0"]


def test_a_line_that_is_cut_is_waited_for(site: Site) -> None:
    site.host.cut()
    error = site.refusal(BASE + "telnet-old\n")
    site.host.heal()
    assert isinstance(error, Blocked)


@pytest.mark.parametrize(
    ("trouble", "words"),
    [("expire", "expired"), ("truncate_index", "a package source is not in order"), ("forge_index", "signature|GPG")],
)
def test_a_source_that_is_wrong_is_refused(lab: Lab, site: Site, trouble: str, words: str) -> None:
    harm: Callable[[], None] = getattr(lab.repository, trouble)
    harm()
    try:
        error = site.refusal(BASE + "telnet-old\n")
    finally:
        lab.repository.publish()
    assert isinstance(error, StepFailed)
    assert any(word in error.text for word in words.split("|")), error.text


def test_a_held_lock_is_waited_for_and_nothing_is_half_done(site: Site) -> None:
    plan = site.plan(BASE + "telnet-old\n")
    before = site.host.packages()
    with (site.host.root / "var/lib/dpkg/lock-frontend").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        with pytest.raises(Blocked, match="dpkg's lock is held"):
            site.do(plan)
    assert site.host.packages() == before
    site.make(BASE + "telnet-old\n")


def test_a_host_that_changed_since_the_plan_is_left_alone(site: Site) -> None:
    site.make(BASE + "library-catalogue\n")
    plan = site.plan(BASE)
    assert packages_of(plan) == ["- library-catalogue 1.0"]
    site.host.chroot(["apt-get", "update"])
    site.host.chroot(["apt-get", "-y", "install", "reading-room"])
    with pytest.raises(StepFailed, match=r"reading-room \(planned nothing, now - 1.0\)"):
        site.do(plan)
    assert "reading-room" in site.host.installed()


# ---- what went wrong before


def test_a_package_left_half_configured_is_repaired_first(site: Site) -> None:
    site.host.chroot(["apt-get", "update"])
    site.host.chroot(["apt-get", "-y", "install", "mendable-setup"], check=False)
    assert site.host.packages()["mendable-setup"][0] == "half-configured"
    (site.host.root / "etc/mendable-setup.ok").touch()
    plan = site.plan(BASE + "mendable-setup\ntelnet-old\n")
    assert packages_of(plan) == ["~ mendable-setup half-configured -> installed"]
    assert "when dpkg is repaired" in plan.more
    site.do(plan)
    assert site.make(BASE + "mendable-setup\ntelnet-old\n") == ["+ telnet-old 1.0"]


def test_a_repair_that_fails_says_what_dpkg_said(site: Site) -> None:
    plan = site.plan(BASE + "broken-setup\n")
    with pytest.raises(Halfway, match="post-installation script subprocess returned error") as caught:
        site.do(plan)
    assert shown(caught.value.changes) == ["+ broken-setup 1.0 (half-configured)"]
    plan = site.plan()
    with pytest.raises(StepFailed, match="broken-setup"):
        site.do(plan)
    assert site.make(BASE) == ["- broken-setup 1.0 (half-configured)"]


def test_a_transaction_that_a_power_cut_ended_is_finished(site: Site) -> None:
    plan = site.plan(BASE + "slow-setup\n")
    (step,) = (step for step in plan.steps if step.resource == "packages")
    own = "-oDir::State::Lists=/var/lib/orch/apt/lists"
    words = ["apt-get", "-y", own, "install", f"slow-setup={step.changes[0].after}"]
    argv = site.host.enter(["chroot", str(site.host.root), *words])
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=command.environment()) as apt:
        begun = ["test", "-e", "/run/slow-setup.started"]
        until(lambda: site.host.chroot(begun, check=False).code == 0, what="the script to run")
        site.host.power_cut()
        apt.wait(timeout=60)
    site.host.start()
    (site.host.root / "etc/slow-setup").write_text("0")
    plan = site.plan()
    assert isinstance(plan.steps[-1].action, RepairDpkg)
    site.do(plan)
    assert site.host.installed()["slow-setup"] == "1.0"
    assert site.plan().converged


def test_a_status_that_was_cut_off_is_refused(site: Site) -> None:
    status = site.host.root / "var/lib/dpkg/status"
    whole = status.read_bytes()
    for size in (len(whole) // 2, whole.rindex(b"\n\n", 0, len(whole) // 2) + 2, 0):
        status.write_bytes(whole[:size])
        (problem,) = site.plan().problems
        assert "/var/lib/dpkg/status" in problem.error.text
    status.write_bytes(whole)
    assert site.plan().converged


# ---- the port's promises, kept by the real apt


@pytest.mark.parametrize("promise", host_contract.APT, ids=lambda promise: promise.__name__)
def test_the_real_apt(promise: Callable[[HostPort], None], host: Host) -> None:
    host.start()
    promise(Machine(host.root, runner=InHost(host), patience=PATIENCE))
