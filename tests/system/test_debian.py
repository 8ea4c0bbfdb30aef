"""The Debian packages: built twice, judged by lintian, and installed, upgraded, removed and purged on a bare Debian."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab import command, roots, tree
from tests.lab.bare import NEEDED, Bare, Entry

CHECKOUT = Path(__file__).resolve().parents[2]
NAMES = ("orch", "orch-common", "orch-master", "orch-minion")
UNITS = Path("lib/systemd/system")
PASSPHRASE = "correct horse battery staple"
IMPORT_ALL = """
import importlib, pathlib
top = pathlib.Path("/usr/lib/python3/dist-packages")
for file in sorted((top / "orch").rglob("*.py")):
    name = ".".join(file.relative_to(top).with_suffix("").parts).removesuffix(".__init__")
    if not name.endswith("__main__") or name == "orch.master.__main__":
        importlib.import_module(name)
"""
"""Everything that is installed, with nothing but what is installed; the other `__main__`s run when they are imported."""
SERVE = """
import json, os, socket, subprocess, sys
user, daemon, ask = json.loads(sys.argv[1])
ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ear.bind("/tmp/ear")
os.chmod("/tmp/ear", 0o777)
ear.settimeout(120)
who = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
child = subprocess.Popen([*who, *daemon], env={**os.environ, "NOTIFY_SOCKET": "/tmp/ear"})
heard = []
while "READY=1" not in heard:
    heard.append(ear.recv(4096).decode())
asked = subprocess.run(ask, stdout=subprocess.PIPE, text=True)
child.terminate()
assert child.wait(60) == 0, "the daemon did not end well"
os.unlink("/tmp/ear")
print(json.dumps([heard, asked.returncode, asked.stdout]))
"""
"""Plays systemd for one daemon."""
HOW_EXPOSED = {
    "orch-master.service": 1.5,
    "orch-agent.service": 1.5,
    "orch-fetcher@.service": 1.5,
    "orch-executor.service": 7.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What came out of the builds."""

    now: Path
    again: Path
    before: tuple[Path, ...]  # the packages of an older version

    @property
    def packages(self) -> tuple[Path, ...]:
        """The packages of this version."""
        return tuple(sorted(self.now.glob("*.deb")))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Three builds: two of this version under different conditions, and one of a version before it."""
    folder = tmp_path_factory.mktemp("built")
    elsewhere = {"TZ": "Pacific/Auckland", "LC_ALL": "C", "PYTHONPATH": "/nowhere"}
    builds: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("now", "", {}),
        ("again", "", elsewhere),
        ("before", "0.0.1", {}),
    )

    def build(name: str, version: str, env: dict[str, str]) -> None:
        words = [str(CHECKOUT / "packaging/build-deb.sh"), str(folder / name), *([version] if version else [])]
        command.run(
            ["sh", "-c", 'umask "$1"; shift; exec "$@"', "sh", "077" if env else "022", *words], env=env, timeout=900
        )

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(build, *one) for one in builds]:
            done.result()
    return Built(now=folder / "now", again=folder / "again", before=tuple(sorted((folder / "before").glob("*.deb"))))


@pytest.fixture(scope="module")
def units(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with nothing in it but the packages' files."""
    root = tmp_path_factory.mktemp("files")
    for package in built.packages:
        command.run(["dpkg-deb", "--extract", str(package), str(root)])
    return root


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Bare]:
    """A Debian as it is after an installation."""
    root = roots.get(CHECKOUT / "build/lab/cache", progress=print, real_packages=NEEDED)
    made = Bare(tmp_path, root)
    yield made
    tree.remove(made.root)


def sha256sums(folder: Path) -> dict[str, str]:
    """What was built, by name."""
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def test_two_builds_of_one_tree_give_the_same_bytes(built: Built) -> None:
    now = sha256sums(built.now)
    assert len(now) == len(NAMES) + 1
    assert {name.split("_")[0] for name in now if name.endswith(".deb")} == set(NAMES)
    assert sum(name.endswith(".whl") for name in now) == 1
    assert sha256sums(built.again) == now


def test_a_build_leaves_nothing_in_the_tree(built: Built) -> None:
    assert built.packages
    assert not [path for path in CHECKOUT.iterdir() if path.name in ("debian", ".pybuild")]


def test_lintian_has_nothing_to_say(built: Built) -> None:
    (changes,) = built.now.glob("*.changes")
    said = command.run(["lintian", "--allow-root", "--fail-on", "error,warning", str(changes)], timeout=600)
    assert not [line for line in said.lines if line.startswith(("E:", "W:"))]


@pytest.mark.parametrize("unit", HOW_EXPOSED)
def test_a_unit_is_not_more_exposed_than_was_promised(units: Path, unit: str) -> None:
    limit = int(HOW_EXPOSED[unit] * 10)
    words = ["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={limit}"]
    done = command.run([*words, str(units / UNITS / unit)], check=False)
    assert done.code == 0, done.last_words()


def test_systemd_understands_every_line_of_the_units(units: Path, tmp_path: Path) -> None:
    names = {path.name for path in (units / UNITS).iterdir()}
    assert set(HOW_EXPOSED) | {"orch-master.path", "orch-executor.path", "orch-fetcher.socket"} == names
    for path in (units / UNITS).iterdir():  # their programs are in no root here
        text = path.read_text().replace("/usr/bin/orch-", f"{units}/usr/bin/orch-")
        (tmp_path / path.name).write_text(text)
    words = ["systemd-analyze", "verify", "--man=no", *sorted(map(str, tmp_path.iterdir()))]
    done = command.run(words, check=False)
    assert (done.code, [line for line in done.err.splitlines() if "orch-" in line]) == (0, [])


def test_a_shell_understands_its_completions(units: Path) -> None:
    folder = units / "usr/share/bash-completion/completions"
    assert {path.name for path in folder.iterdir()} == {"orch", "orch-master", "orch-minion"}
    for path in folder.iterdir():
        said = command.run(["bash", "-c", 'source "$1"; complete -p "$2"', "bash", str(path), path.name]).out
        assert path.name in said


def test_a_bare_debian_becomes_a_centre_and_is_left_with_what_the_user_made(built: Built, bare: Bare) -> None:
    bare.apt("install", *NEEDED)  # so that what is there afterwards and was not before is ours
    before, users = bare.files(), bare.users()
    bare.offer(built.before)
    bare.apt("install", "orch-master")
    assert {name for name in NAMES if bare.version(name)} == {"orch", "orch-common", "orch-master"}
    bare.run("python3", "-P", "-c", IMPORT_ALL)
    assert bare.entry("/var/lib/orch-master") == Entry("drwx------", "orch-master", "orch-master")

    found(bare)
    assert bare.entry("/var/lib/orch-master") == Entry("drwx------", "orch-master", "orch-master")
    assert bare.entry("/var/lib/orch-master/centre.key") == Entry("-rw-------", "orch-master", "orch-master")
    assert "0 hosts" in serve_and_ask(bare)

    bare.offer(built.packages)
    bare.apt("upgrade")
    assert bare.version("orch-master") not in ("", "0.0.1")
    assert "0 hosts" in serve_and_ask(bare)

    bare.apt("remove", "orch-master", "orch", "orch-common")
    assert "/var/lib/orch-master/store.db" in bare.files()
    assert not [path for path in bare.files() if path.startswith("/usr/lib/python3/dist-packages/orch")]
    bare.apt("purge", "orch-master", "orch", "orch-common")
    left = {path for path in bare.files() - before if not path.startswith(("/root/", "/var/lib/orch-master/policy/"))}
    assert left == {f"/var/lib/orch-master{name}" for name in ("", "/centre.key", "/master.toml", "/policy")}
    assert bare.entry("/var/lib/orch-master/centre.key") == Entry("-rw-------", "root", "root")
    assert before - bare.files() == set()
    assert bare.users() == users


def test_a_bare_debian_becomes_a_host_and_is_left_as_it_was(built: Built, bare: Bare) -> None:
    bare.apt("install", *NEEDED)  # so that what is there afterwards and was not before is ours
    before, users = bare.files(), bare.users()
    bare.offer(built.before)
    bare.apt("install", "--no-install-recommends", "orch")
    bare.run("python3", "-P", "-c", IMPORT_ALL)
    found(bare, "--centre-directory", "/root/centre")
    bare.run("mv", "/root/netgate/netgate.enrol", "/root/enrol")
    bare.apt("purge", "orch", "orch-common")
    assert not [path for path in bare.files() - before if not path.startswith("/root/")]
    assert bare.users() == users

    bare.apt("install", "orch-minion")
    assert {name for name in NAMES if bare.version(name)} == {"orch-common", "orch-minion"}
    bare.run("python3", "-P", "-c", IMPORT_ALL)
    assert "/var/lib/orch" not in bare.files()
    words = bare.run("orch-minion", "enrol", "/root/enrol", "--name", "library/srv1").out
    assert bare.entry("/var/lib/orch") == Entry("drwx--x--x", "root", "root")
    assert bare.entry("/var/lib/orch/net/host.curve") == Entry("-rw-r-----", "root", "orch")
    assert bare.entry("/var/lib/orch/keys/sign") == Entry("-rw-------", "root", "root")
    assert bare.entry("/var/lib/orch/spool") == Entry("drwx------", "orch-fetcher", "orch")
    served = serve(bare, "root", ["orch-minion", "executor"], ["orch-minion", "status"])
    assert served.heard == {"STATUS=library/srv1 of netgate", "READY=1"}
    assert "library/srv1" in served.out

    bare.offer(built.packages)
    bare.apt("upgrade")
    assert bare.version("orch-minion") not in ("", "0.0.1")
    assert bare.run("orch-minion", "words").out == words
    assert "library/srv1" in serve(bare, "root", ["orch-minion", "executor"], ["orch-minion", "status"]).out

    bare.apt("remove", "orch-minion", "orch-common")
    assert "/var/lib/orch/host.toml" in bare.files()
    bare.apt("purge", "orch-common")
    assert "orch-fetcher" in bare.users()  # something of it is still there
    bare.apt("purge", "orch-minion")
    assert not [path for path in bare.files() - before if not path.startswith("/root/")]
    assert before - bare.files() == set()
    assert bare.users() == users


def found(bare: Bare, *more: str) -> None:
    """Found an estate in root's home, as a person does."""
    (bare.root / "root/passphrase").write_text(f"{PASSPHRASE}\n")
    where = more or ("--centre-directory", "/var/lib/orch-master")
    given = ("--directory", "/root/netgate", "--operator", "anna", "--passphrase-file", "/root/passphrase", *where)
    bare.run("orch", "init", "netgate", "--centre", "tcp://127.0.0.1:4505", *given)


def serve_and_ask(bare: Bare) -> str:
    """Run the centre as its unit does, and ask it as an operator as soon as it says that it is ready."""
    served = serve(bare, "orch-master", ["orch-master"], ["orch", "--estate", "/root/netgate", "status"])
    assert served.asked == 0
    return served.out


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """How a daemon fared: what it told systemd until it was ready, and what a command said meanwhile."""

    heard: frozenset[str]
    asked: int
    out: str


def serve(bare: Bare, user: str, daemon: list[str], ask: list[str]) -> Served:
    """Run a daemon until it says that it is ready, then a command, then end the daemon in good order."""
    said = bare.run("python3", "-c", SERVE, json.dumps([user, daemon, ask]), timeout=300).out
    heard, asked, out = json.loads(said.splitlines()[-1])
    return Served(heard=frozenset(heard), asked=asked, out=out)
