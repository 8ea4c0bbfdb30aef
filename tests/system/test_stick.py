"""A real host that no line ever reached is kept by sticks alone; when its line comes, nothing is lost or counted twice.

Only the way to the master is cut: the mirror is within reach, as packages do not travel on a stick yet.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab import command, counted
from tests.lab.errors import LabError
from tests.lab.fleet import PORT
from tests.lab.ground import FILES, LIBRARY, Ground, write
from tests.lab.hosts import Host, until
from tests.lab.lab import Lab
from tests.lab.network import inside

pytestmark = pytest.mark.system

_CUT = f"""
table inet noline {{
    chain out {{ type filter hook output priority 0; tcp dport {PORT} drop; }}
}}
"""


@dataclass(frozen=True)
class Remote:
    """The host, the people at both ends, and the person with the stick between them."""

    ground: Ground
    host: Host

    def nft(self, text: str) -> None:
        namespace = self.ground.lab.network.line(self.host.name).namespace
        command.run(inside(namespace, ["nft", "-f", "-"]), stdin=text)

    def export(self, name: str) -> Path:
        """A stick from the operator, on the host."""
        made = self.ground.folders.base / name
        self.ground.orch("doc", "export", "library", str(made))
        there = self.host.root / "mnt" / name
        shutil.copy(made, there)
        return there

    def results(self) -> Path:
        """What the host gives back, at the operator's."""
        self.ground.minion(self.host, "export-results", str(self.host.root / "mnt/results"))
        return Path(shutil.copy(self.host.root / "mnt/results", self.ground.folders.base))

    def imported(self, stick: Path) -> command.Result:
        return self.ground.minion(self.host, "import", str(stick), check=False)

    def ended(self, number: int, *outcomes: str) -> str:
        """Wait for the end of a release's turn; how it ended."""
        found: dict[str, object] = {}

        def there() -> bool:
            found.update(self.ground.on_site(self.host, "status"))
            return found["number"] == number and not found["doing"] and found["outcome"] in outcomes

        try:
            until(there, every=0.5, what=f"release {number} to be {' or '.join(outcomes)} on the host")
        except LabError as err:
            raise AssertionError(f"{err}\n{found}\n{self.host.log('executor')[-4000:]}") from err
        return str(found["outcome"])


@pytest.fixture
def remote(lab: Lab) -> Iterator[Remote]:
    """An estate, its master, and a host that is enrolled and whose line is cut before it was ever used."""
    host = lab.renew(LIBRARY)
    lab.repository.mend()
    ground = Ground(lab, "test_stick")
    write(ground.folders.base / "source", FILES)
    ground.found(files=ground.folders.base / "source")
    ground.start_master()
    host.start([])
    made = Remote(ground, host)
    made.nft(_CUT)
    yield made
    ground.end()


def test_a_host_is_kept_by_sticks_alone_until_its_line_comes(remote: Remote) -> None:
    ground, host = remote.ground, remote.host
    words = ground.enrol(host)
    until(lambda: ground.minion(host, "status", check=False).code == 0, every=0.2, what="the executor to answer")

    # It is let in by its file, and told by a stick what to be.
    ground.orch("key", "accept", LIBRARY, "--words", words, "--yes", "--request", str(remote.results()))
    ground.apply_unheard("library")
    first = remote.export("first.orch")
    taken = remote.imported(first)
    assert taken.code == 0, taken.err
    assert "nothing is removed" in taken.out
    remote.ended(2, "applied", "waiting")
    assert {"site-tools", "library-catalogue"} <= set(host.installed())
    assert (host.root / "etc/motd").read_text() == FILES["files/motd"]

    # A second one adds at once, and removes nothing before the centre has proved that it is the newest.
    ground.write({"lists/library.list": "tree\n", "files/large": "a line\n" * 5000})
    ground.write({"sites/library.yaml": FILES["sites/library.yaml"].replace("{}", _LARGE)})
    ground.apply_unheard("library")
    second = remote.export("second.orch")
    assert remote.imported(second).code == 0
    assert remote.ended(4, "waiting") == "waiting"
    assert {"library-catalogue", "tree"} <= set(host.installed())
    assert (host.root / "etc/large").read_text() == "a line\n" * 5000

    # Old and damaged ones are refused, and change nothing.
    older = remote.imported(first)
    assert older.code == 5
    assert "release 1:2 is below 1:4" in older.err
    second.write_bytes(second.read_bytes()[:-1])
    assert "it ends too early" in remote.imported(second).err

    # Its reports come back, each once.
    made = counted.made(host)
    assert made.committed == 0
    results = remote.results()
    handed = ground.orch("import-results", str(results)).out
    assert f"{LIBRARY}: {len(made.unsent)} new" in handed
    assert f"0 new, {len(made.unsent)} were there already" in ground.orch("import-results", str(results)).out
    assert counted.kept(ground.folders.centre, LIBRARY).sequences == made.unsent
    row = ground.rows()[LIBRARY]
    assert (row["connected"], row["outcome"]) == (False, "waiting")

    # The line comes: the rest is done, and nothing is lost or there twice.
    remote.nft("delete table inet noline")
    ground.wait_outcome(LIBRARY, "applied")
    assert "library-catalogue" not in host.installed()
    until(lambda: not counted.made(host).unsent, every=0.2, what="the reports to be acknowledged")
    assert counted.faults(host, ground.folders.centre) == []


_LARGE = "\n    files: { /etc/large: { source: large } }"
