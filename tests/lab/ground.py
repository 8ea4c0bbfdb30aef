"""A small estate in daily use: three hosts that are well, and a way back to that from whatever a test has done.

Each host has a list that all have and one of its own, and one file. `calm` brings everything back: lines, master,
repository, hosts, the operator's files, and with them what the hosts are.

Called by the system tests.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab import command, judge
from tests.lab.centre import REPOSITORY
from tests.lab.fleet import APPLIED_WITHIN, ESTATE, MASTER, Fleet, Folders, is_applied
from tests.lab.hosts import PATIENCE, Host, until
from tests.lab.lab import Lab
from tests.lab.line import PLAIN

LIBRARY, SCHOOL, LAB = "library/lib-srv1", "school/sch-srv1", "lab/lab-srv1"
FILES: Mapping[str, str] = {
    "estate.yaml": f"""orch: 1
estate: {ESTATE}
defaults:
  lists: [base]
  removals: 5
  listen: []
  reconcile: {{ every: 1m }}
  files:
    /etc/motd: {{ source: motd }}
""",
    "files/motd": "as it should be\n",
    "lists/base.list": "apt\nsite-tools\n",
    "lists/library.list": "library-catalogue\n",
    "lists/school.list": "school-timetable\n",
    "lists/lab.list": "lab-common\n",
    "sites/library.yaml": "site: library\nlists: [base, library]\nhosts:\n  lib-srv1: {}\n",
    "sites/school.yaml": "site: school\nlists: [base, school]\nhosts:\n  sch-srv1: {}\n",
    "sites/lab.yaml": "site: lab\nlists: [base, lab]\nhosts:\n  lab-srv1: {}\n",
}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a host is, by its disk: what must not have changed where nothing was to happen."""

    packages: Mapping[str, tuple[str, str]]
    files: Mapping[str, bytes]
    release: bytes


class Ground(Fleet):
    """The fleet of the tests about daily use."""

    def __init__(self, lab: Lab, name: str) -> None:
        """Nothing is made before `establish`."""
        super().__init__(lab)
        self.folders = Folders(lab.folder / name)  # one laboratory, a fleet for each module of tests

    def establish(self) -> None:
        """New disks, a new estate, every host let in, everything applied."""
        for name in self.lab.hosts:
            self.lab.renew(name)
        self.lab.repository.mend()
        source = self.folders.base / "source"
        write(source, FILES)
        self.found(files=source)
        self.start_master()
        words = {host.name: self.enrol(host) for host in self.lab.hosts.values()}
        for host in self.lab.hosts.values():
            self.admit(host, words[host.name])
        self.apply()

    def end(self) -> None:
        """Leave the laboratory as the next one finds it."""
        if self.lab.centre.is_running(MASTER):
            self.kill_master()
        for host in self.lab.hosts.values():
            host.power_cut()
            host.heal()
            host.set_line(PLAIN)

    def calm(self) -> None:
        """Bring everything back to what FILES say."""
        self.lab.repository.mend()
        if not self.lab.centre.is_running(REPOSITORY):
            self.lab.centre.serve_repository(self.lab.repository.served)
        if not self.lab.centre.is_running(MASTER):
            self.start_master()
        for host in self.lab.hosts.values():
            host.heal()
            host.set_line(PLAIN)
            if not host.running:
                self.switch_on(host)
            (host.root / "etc/slow-setup").unlink(missing_ok=True)
        changed = self.write_back()
        self.connected(self.lab.hosts)
        if not changed and self.all_applied():
            return
        sites = [word for name in self.lab.hosts for word in ("--yes-remove", name.partition("/")[0])]
        done = self.apply("--timeout", "90s", *sites, check=False)
        if done.code or not self.all_applied():
            self.apply("--again", "--timeout", "90s", *sites)
            self.wait_applied(self.lab.hosts)

    def all_applied(self) -> bool:
        """Whether every host has reported its newest release as applied."""
        return all(is_applied(row) for row in self.rows().values())

    # ---- the operator

    def write(self, files: Mapping[str, str]) -> None:
        """Change the operator's files."""
        write(self.folders.estate, files)

    def write_back(self) -> bool:
        """Put the operator's files back as they were, and take away what is new; whether anything was different."""
        estate = self.folders.estate
        there = [
            path for folder in ("files", "lists", "sites") for path in (estate / folder).rglob("*") if path.is_file()
        ]
        there.append(estate / "estate.yaml")
        if {str(path.relative_to(estate)): path.read_text("utf-8") for path in there} == FILES:
            return False
        for folder in ("files", "lists", "sites"):
            shutil.rmtree(self.folders.estate / folder)
        self.write(FILES)
        return True

    def add_to_list(self, name: str, *packages: str) -> None:
        """Put packages on a list."""
        path = self.folders.estate / f"lists/{name}.list"
        path.write_text(path.read_text("utf-8") + "".join(f"{one}\n" for one in packages), "utf-8")

    def apply_unheard(self, *arguments: str) -> None:
        """Publish, and wait for nobody: not every host will confirm."""
        done = self.apply("--detach", *arguments, check=False)
        if done.code != 4:
            raise AssertionError(f"orch apply ended with {done.code}:\n{done.out}{done.err}")

    def asked(self, *arguments: str, codes: Iterable[int] = (0,)) -> Json:
        """The answer of a command as data."""
        done = self.orch(*arguments, "--output", "json", check=False)
        if done.code not in codes:
            raise AssertionError(f"orch {' '.join(arguments)} ended with {done.code}:\n{done.out}{done.err}")
        found: Json = json.loads(done.out)
        return found

    def reports(self, name: str) -> list[Json]:
        """What a host has reported, as `orch explain` tells it, the newest first."""
        found: list[Json] = self.asked("explain", name)["reports"]
        return found

    def planned(self, *codes: int) -> dict[str, list[Json]]:
        """The steps that each host says it would do, by its name."""
        told = self.asked("plan", codes=codes or (3,))
        return {item["host"]: item["steps"] for item in told["hosts"]}

    # ---- waiting

    def connected(self, names: Iterable[str], *, timeout: float = PATIENCE) -> None:
        """Wait until hosts are on the line."""
        wanted = set(names)

        def there() -> bool:
            rows = self.rows()
            return all(rows.get(name, {}).get("connected") for name in wanted)

        until(there, timeout=timeout, every=0.2, what=f"{', '.join(sorted(wanted))} to be on the line")

    def wait_row(self, name: str, condition: Callable[[Json], bool], *, what: str, timeout: float = PATIENCE) -> Json:
        """Wait until a host's row is as wanted; the row."""
        found: Json = {}

        def fits() -> bool:
            found.clear()
            found.update(self.rows().get(name, {}))
            return bool(found) and condition(found)

        try:
            until(fits, timeout=timeout, every=0.2, what=what)
        except Exception as err:
            host = self.lab.hosts[name]
            raise AssertionError(f"{err}\n{found}\n{host.log('executor')[-4000:]}") from err
        return found

    def wait_outcome(self, name: str, outcome: str, *, timeout: float = APPLIED_WITHIN) -> Json:
        """Wait until a host has reported this of its newest release; its row."""
        return self.wait_row(
            name,
            lambda row: row["outcome"] == outcome and (outcome != "applied" or row["running"] == row["wanted"]),
            timeout=timeout,
            what=f"{name} to be {outcome}",
        )

    # ---- hosts, from outside

    def faults(self, *, also: Iterable[str] = (), gone: Iterable[str] = ()) -> list[str]:
        """What of all hosts is not as the lists and files in the operator's folder say."""
        estate = self.folders.estate
        motd = (estate / "files/motd").read_text("utf-8")
        found = []
        for name, host in self.lab.hosts.items():
            site = (estate / f"sites/{name.partition('/')[0]}.yaml").read_text("utf-8")
            wanted = judge.listed(estate, re.findall(r"[\w-]+", site.partition("lists: [")[2].partition("]")[0])) | set(
                also
            )
            found += judge.faults(host, wanted=wanted, gone=set(gone) - wanted, files={"/etc/motd": motd})
        return found

    def on_site(self, host: Host, verb: str) -> Json:
        """What `orch-minion VERB` says on a host."""
        found: Json = json.loads(self.minion(host, verb, "--output", "json").out)
        return found

    @staticmethod
    def seen(host: Host) -> Seen:
        """What a host is now."""
        files = {path: (host.root / path.lstrip("/")).read_bytes() for path in ("/etc/motd", "/var/lib/dpkg/status")}
        lists = sorted((host.root / "var/lib/orch/lists").glob("*.list"))
        files |= {str(path): path.read_bytes() for path in lists}
        return Seen(packages=host.packages(), files=files, release=(host.root / "var/lib/orch/current").read_bytes())

    @staticmethod
    def remove_by_hand(host: Host, package: str) -> None:
        """What somebody does on the host who does not know of orch."""
        host.chroot(["apt-get", "-y", "-o", "DPkg::Lock::Timeout=60", "purge", package])


def slow(host: Host, seconds: int) -> None:
    """Let the package `slow-setup` take its time on a host."""
    (host.root / "etc/slow-setup").write_text(f"{seconds}\n", "ascii")
    host.chroot(["rm", "-f", "/run/slow-setup.started"])


def begun(host: Host, *, timeout: float = PATIENCE) -> None:
    """Wait until `slow-setup` is being set up on a host, for the first time since `slow`."""
    argv = ["test", "-e", "/run/slow-setup.started"]
    until(lambda: host.chroot(argv, check=False).code == 0, timeout=timeout, every=0.1, what="slow-setup to be set up")


def events(log: str, name: str) -> list[str]:
    """The lines of a daemon's log that tell of one kind of event."""
    return re.findall(rf"^\S+ ({name}(?: .*)?)$", log, re.MULTILINE)


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def said(result: command.Result) -> str:
    """All that a command said."""
    return result.out + result.err
