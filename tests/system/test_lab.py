"""The laboratory itself: what it promises is what every other system test and `make demo` stand on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import command, package, tree
from tests.lab.errors import LabError
from tests.lab.hosts import PATIENCE, Host, until
from tests.lab.lab import Lab
from tests.lab.ledger import Ledger
from tests.lab.network import inside
from tests.lab.table import Service

pytestmark = pytest.mark.system

CHECKOUT = Path(__file__).resolve().parents[2]
SLEEPER = Service(name="sleeper", argv=("/bin/sleep", "1000"), uid=61001, gid=61001)
UPDATE = ("apt-get", "update", "--error-on=any")


def shell(name: str, text: str, *, uid: int = 0) -> Service:
    """A stand-in for a daemon."""
    return Service(name=name, argv=("/bin/sh", "-c", text), uid=uid, gid=uid)


def listener(port: int) -> Service:
    """A daemon that waits for somebody."""
    return Service(name="listener", argv=(command.PYTHON, "-m", "http.server", str(port)))


def mounted() -> dict[str, str]:
    """Every mount point that the machine sees, and the kind of what is mounted there."""
    rows = [line.partition(" - ") for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return {place.split()[4]: what.split()[0] for place, _, what in rows}


# ---- a host's daemons


def test_a_host_runs_its_daemons_as_the_users_of_the_table(host: Host) -> None:
    host.start([SLEEPER, shell("root", "exec sleep 1000")])
    sleeper = Path(f"/proc/{host.pid('sleeper')}")
    until(lambda: sleeper.stat().st_uid == 61001, what="the daemon to be its user")
    assert Path(f"/proc/{host.pid('root')}").stat().st_uid == 0
    assert (sleeper / "status").read_text().count("Groups:\t \n") == 1


def test_a_daemon_that_is_killed_comes_back_under_a_new_number(host: Host) -> None:
    host.start([SLEEPER])
    first = host.pid("sleeper")
    os.kill(first, signal.SIGKILL)
    until(lambda: host.starts("sleeper") == 2, what="the second start")
    assert host.pid("sleeper") != first
    assert "ended with -9; again in 0.2 s" in host.log("init")


def test_a_daemon_that_has_just_ended_is_waited_for(host: Host) -> None:
    host.start([SLEEPER])
    first = host.pid("sleeper")
    os.kill(host.init_pid, signal.SIGSTOP)  # PID 1 has not noticed yet, and goes on telling the old number
    os.kill(first, signal.SIGKILL)
    until(lambda: not _lives(str(first)), what="the daemon to end")
    with pytest.raises(LabError, match=r"waited 0\.1 s for sleeper"):
        host.pid("sleeper", timeout=0.1)
    os.kill(host.init_pid, signal.SIGCONT)
    assert host.pid("sleeper") != first


def test_a_daemon_that_keeps_ending_is_started_ever_more_slowly(host: Host) -> None:
    host.start([shell("brief", "echo here; exit 3")])
    until(lambda: host.log("brief").startswith("here\nhere\nhere\n"), what="three starts")
    assert host.starts("brief") >= 3
    assert "ended with 3; again in 0.4 s" in host.log("init")


def test_a_program_that_is_not_there_is_named_in_its_log(host: Host) -> None:
    host.start([Service(name="lost", argv=("/nowhere",))])
    until(lambda: "lost cannot be started" in host.log("lost"), what="the message")


def test_orphans_are_buried(host: Host) -> None:
    host.start([shell("mother", "(sleep 0.1 &) ; (sleep 0.1 &) ; exec sleep 1000")])
    host.pid("mother")
    until(lambda: len(host.processes()) == 2, what="the orphans to be buried")


def test_the_table_can_change_while_the_host_runs(host: Host) -> None:
    host.start([SLEEPER])
    before = host.pid("sleeper")
    host.serve([SLEEPER, shell("second", "exec sleep 1000")])
    host.pid("second")
    assert host.pid("sleeper") == before
    host.serve([shell("second", "exec sleep 1000")])
    until(lambda: len(host.processes()) == 2, what="the first daemon to end")
    assert host.starts("second") == 1


def test_an_orderly_stop_lets_daemons_say_goodbye(host: Host) -> None:
    host.start([shell("polite", "trap 'echo goodbye; exit 0' TERM; echo hello; while :; do sleep 0.1; done")])
    until(lambda: "hello" in host.log("polite"), what="the daemon")
    host.stop()
    assert host.log("polite") == "hello\ngoodbye\n"
    assert not host.running


def test_a_power_cut_lets_nobody_say_goodbye_and_keeps_the_disk(host: Host) -> None:
    host.start([shell("polite", "trap 'echo goodbye; exit 0' TERM; echo hello; while :; do sleep 0.1; done")])
    until(lambda: "hello" in host.log("polite"), what="the daemon")
    host.chroot(["sh", "-c", "echo kept >/var/lib/kept; echo lost >/run/lost"])
    pids = [process.pid for process in host.processes()]
    host.power_cut()
    assert host.log("polite") == "hello\n"
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    host.start()
    assert host.chroot(["cat", "/var/lib/kept"]).out == "kept\n"
    assert host.chroot(["ls", "/run"]).out == "lock\n"


def test_a_reboot_starts_the_same_daemons_again(host: Host) -> None:
    host.start([SLEEPER])
    host.pid("sleeper")
    host.reboot()
    host.pid("sleeper")
    assert host.starts("sleeper") == 1


# ---- what a host sees


def test_a_host_sees_neither_the_machine_nor_other_hosts(lab: Lab, host: Host) -> None:
    host.start()
    seen = host.run(["find", str(lab.settings.build_folder), "-maxdepth", "5", "-path", "*/hosts/*/*"]).lines
    assert seen == [str(host.folder)]
    # Nothing of the machine but the way to the checkout, wherever that lies.
    for folder in ("/root", "/var/lib"):
        way = [CHECKOUT.relative_to(folder).parts[0]] if CHECKOUT.is_relative_to(folder) else []
        assert host.run(["ls", folder]).out.split() == way
    assert host.run(["hostname"]).out == "lib-srv1\n"
    assert host.run(["sh", "-c", "echo /proc/[0-9]*"]).out.split()[0] == "/proc/1"
    assert host.run(["touch", f"{CHECKOUT}/README.md"], check=False).code != 0
    assert host.run(["cat", "/etc/hosts"]).out == host.chroot(["cat", "/etc/hosts"]).out


def test_an_unprivileged_daemon_can_import_the_checkout(host: Host) -> None:
    program = "import orch, os; print(orch.__version__, os.getuid(), flush=True); import time; time.sleep(1000)"
    host.start([Service(name="agent", argv=(command.PYTHON, "-c", program), uid=61001, gid=61001)])
    until(lambda: "61001" in host.log("agent"), what="the agent")


def test_nothing_of_a_host_is_mounted_on_the_machine(lab: Lab, host: Host) -> None:
    before = mounted()
    host.start([SLEEPER])
    new = {point: kind for point, kind in mounted().items() if point not in before}
    # Namespaces elsewhere are other laboratories': this is not the only one on the machine.
    ours = {point for point, kind in new.items() if kind != "nsfs" or point.startswith(f"{lab.folder}/")}
    assert ours == {str(lab.network.line(host.name).namespace)}
    assert list((host.root / "proc").iterdir()) == []


# ---- packages


def test_apt_installs_from_the_laboratory_and_dpkg_query_sees_it_from_outside(host: Host) -> None:
    assert "reading-room" not in host.installed()
    host.start()
    host.chroot(UPDATE)
    said = host.chroot(["apt-get", "-y", "install", "reading-room", "jq"])
    assert "W:" not in said.err
    found = host.installed()
    assert found["reading-room"] == found["library-catalogue"] == "1.0"
    assert {"jq", "libjq1", "libonig5"} <= found.keys()
    assert host.chroot(["jq", "-n", "1+1"]).out == "2\n"
    host.power_cut()
    assert host.installed() == found


def test_a_newer_version_and_its_conffile_arrive(lab: Lab, host: Host) -> None:
    host.start()
    host.chroot(UPDATE)
    host.chroot(["apt-get", "-y", "install", "printer-queue"])
    lab.repository.add(*package.UPDATES)
    try:
        host.chroot(UPDATE)
        host.chroot(["apt-get", "-y", "upgrade"])
        assert host.installed()["printer-queue"] == "1.1"
        assert "duplex" in host.chroot(["cat", "/etc/printer-queue.conf"]).out
    finally:
        for newer in package.UPDATES:
            lab.repository.remove(newer.name, newer.version)
    assert lab.repository.names()["printer-queue"] == ["1.0"]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("expire", "expired"),
        ("truncate_index", "Hash Sum mismatch|File has unexpected size"),
        ("forge_index", "GPG error|signature"),
    ],
)
def test_apt_refuses_a_repository_that_is_wrong(lab: Lab, host: Host, trouble: str, words: str) -> None:
    host.start()
    host.chroot(UPDATE)
    harm: Callable[[], None] = getattr(lab.repository, trouble)
    harm()
    refused = host.chroot(UPDATE, check=False)
    assert refused.code == 100
    assert any(word in refused.err for word in words.split("|")), refused.err
    lab.repository.mend()
    host.chroot(UPDATE)


def test_a_damaged_package_never_reaches_dpkg(lab: Lab, host: Host) -> None:
    host.start()
    host.chroot(UPDATE)
    lab.repository.damage("site-tools")
    try:
        refused = host.chroot(["apt-get", "-y", "install", "site-tools"], check=False)
    finally:
        lab.repository.add(next(one for one in package.ORDINARY if one.name == "site-tools"))
    assert refused.code == 100
    assert "site-tools" not in host.packages()


def test_an_unreachable_repository_is_an_error(lab: Lab, host: Host) -> None:
    host.start()
    lab.centre.stop("repository")
    refused = host.chroot([*UPDATE, "-o", "Acquire::Retries=0"], check=False)
    lab.centre.serve_repository(lab.repository.served)
    assert refused.code == 100
    host.chroot(UPDATE)


def test_packages_go_wrong_in_the_way_that_they_promise(host: Host) -> None:
    host.start()
    host.chroot(UPDATE)
    assert host.chroot(["apt-get", "-y", "install", "broken-setup"], check=False).code == 100
    assert host.packages()["broken-setup"] == ("half-configured", "1.0")
    assert "broken-setup" not in host.installed()
    assert host.chroot(["apt-get", "-s", "install", "lost-needs"], check=False).code == 100


def test_a_power_cut_catches_dpkg_in_the_middle(host: Host) -> None:
    host.start()
    host.chroot(UPDATE)
    argv = host.enter(["chroot", str(host.root), "apt-get", "-y", "install", "slow-setup"])
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=command.environment()) as apt:
        begun = ["test", "-e", "/run/slow-setup.started"]
        until(lambda: host.chroot(begun, check=False).code == 0, what="the script to run")
        host.power_cut()
        apt.wait(timeout=PATIENCE)
    assert host.packages()["slow-setup"][0] == "half-configured"
    host.start()
    host.chroot(["sh", "-c", "echo 0 >/etc/slow-setup"])
    host.chroot(["dpkg", "--configure", "-a"])
    assert host.installed()["slow-setup"] == "1.0"


# ---- the network


def test_nothing_listens_and_nothing_answers(host: Host) -> None:
    host.start([SLEEPER])
    assert host.listeners() == []
    assert not host.probe()


def test_the_probe_finds_what_a_missing_firewall_would_show(lab: Lab, host: Host) -> None:
    host.start([listener(8000)])
    until(host.listeners, what="the listener")
    assert "0.0.0.0:8000" in host.listeners()[0]
    assert not host.probe()  # the firewall stands
    command.run(inside(lab.network.line(host.name).namespace, ["nft", "flush", "ruleset"]))
    found = host.probe()
    assert found.open == (8000,)
    assert found.refused > 60000
    assert found.udp
    assert found.ping


def test_a_host_reaches_the_centre_and_nothing_else(lab: Lab, host: Host) -> None:
    host.start()
    other = lab.renew("school/sch-srv1")
    other.start()
    try:
        ping = ["ping", "-c", "1", "-W", "1"]
        assert host.run([*ping, "centre"]).code == 0
        assert host.run([*ping, lab.network.line(other.name).there], check=False).code != 0
        assert host.run(["ip", "route", "show", "default"]).out == ""
        assert lab.centre.run(["cat", "/proc/sys/net/ipv4/ip_forward"]).out == "0\n"
    finally:
        other.power_cut()


def test_a_cut_line_is_silent_until_it_is_healed_even_over_a_reboot(host: Host) -> None:
    ping = ["ping", "-c", "1", "-W", "1", "centre"]
    host.start()
    host.cut()
    silence = host.run(ping, check=False)
    assert silence.code == 1
    assert "100% packet loss" in silence.out
    with pytest.raises(LabError, match="would prove nothing"):
        host.probe()
    host.reboot()
    assert host.run(ping, check=False).code == 1
    host.heal()
    assert host.run(ping).code == 0


# ---- the centre, and the end


def test_nothing_is_deleted_in_which_something_is_mounted(tmp_path: Path) -> None:
    inner, precious = tmp_path / "folder/inner", tmp_path / "precious"
    for folder in (inner, precious):
        folder.mkdir(parents=True)
    (precious / "file").touch()
    command.run(["mount", "--bind", str(precious), str(inner)])
    try:
        with pytest.raises(LabError, match="is mounted in it"):
            tree.remove(tmp_path / "folder")
    finally:
        command.run(["umount", str(inner)])
    tree.remove(tmp_path / "folder")
    assert (precious / "file").exists()


def test_programs_at_the_centre_start_end_and_crash(lab: Lab) -> None:
    argv = [command.PYTHON, "-m", "http.server", "4000", "--bind", lab.centre.address]
    pid = lab.centre.start("master", argv, user=(61010, 61010), port=4000)
    assert Path(f"/proc/{pid}").stat().st_uid == 61010
    lab.centre.kill("master")
    assert not lab.centre.is_running("master")
    assert not lab.centre.listens(4000)
    with pytest.raises(LabError, match="ended at once"):
        lab.centre.start("broken", ["/bin/sh", "-c", "echo no; exit 4"], port=4001)


def test_a_laboratory_whose_maker_is_killed_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, signal\n"
        "from tests.lab.lab import Lab, Settings\n"
        "from tests.lab.table import Service\n"
        f"settings = Settings(checkout=pathlib.Path({str(CHECKOUT)!r}), hosts=('library/lib-srv1',))\n"
        "with Lab(settings) as lab:\n"
        "    lab.hosts['library/lib-srv1'].start([Service(name='s', argv=('/bin/sleep', '1000'))])\n"
        "    pid = lab.hosts['library/lib-srv1'].pid('s')\n"
        f"    pathlib.Path({str(tmp_path / 'made')!r}).write_text(f'{{lab.folder}} {{pid}}')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    child = command.run([sys.executable, "-c", program], env={"PYTHONPATH": str(CHECKOUT)}, check=False)
    assert child.code == -signal.SIGKILL, child.last_words()
    made, pid = (tmp_path / "made").read_text().split()
    assert Path(f"/proc/{pid}").exists()
    assert any(point.startswith(made) for point in mounted())
    ledger = Ledger(CHECKOUT / "build/lab")
    assert Path(made).name in ledger.cleanup_stale()
    assert not Path(made).exists()
    assert not any(point.startswith(made) for point in mounted())
    until(lambda: not _lives(pid), what="its processes to end")


def test_a_laboratory_that_is_told_to_end_takes_everything_with_it(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, signal, time\n"
        "from tests.lab.lab import Lab, Settings\n"
        f"settings = Settings(checkout=pathlib.Path({str(CHECKOUT)!r}), hosts=('library/lib-srv1',))\n"
        "with Lab(settings) as lab:\n"
        "    lab.hosts['library/lib-srv1'].start()\n"
        f"    pathlib.Path({str(tmp_path / 'made')!r}).write_text(str(lab.folder))\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    time.sleep(30)\n"
    )
    child = command.run([sys.executable, "-c", program], env={"PYTHONPATH": str(CHECKOUT)}, check=False)
    assert child.code == 128 + signal.SIGTERM, child.last_words()
    made = (tmp_path / "made").read_text()
    assert not Path(made).exists()
    assert not Path(f"{made}.json").exists()
    assert not any(point.startswith(made) for point in mounted())


def _lives(pid: str) -> bool:
    """Whether a process is more than a dead one that nobody has looked at yet."""
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()
