"""orch doctor: every kind of trouble has its line, and a line says what mends it."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

import orch
from orch.common.operations import CentreState
from orch.master.adapters import reach
from tests.fakes.operators_centre import FakeCentre, FakeHost
from tests.unit.master.cli.desk import ESTATE, Workplace, err

DAY = 86_400


@pytest.fixture
def well(place: Workplace) -> Workplace:
    """An estate of one host in which nothing is wrong."""
    place.found("library")
    place.admit("library/srv1")
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    place.recovery.unlink()
    person = ("-c", "user.name=anna", "-c", "user.email=anna@example.org")
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "begin")):
        subprocess.run(["git", *person, *words], cwd=place.estate, check=True, timeout=30)
    return place


def found(place: Workplace) -> list[tuple[str, str, str]]:
    """Mark, topic and text of all that is not well."""
    done = place.run("doctor", "--output", "json")
    told = json.loads(done.stdout)
    bad = [item for item in told["findings"] if item["mark"] != "good"]
    assert all(item["do"] for item in bad), bad
    assert done.exit_code == (1 if any(item["mark"] == "wrong" for item in bad) else 0)
    return [(item["mark"], item["topic"], item["text"]) for item in bad]


def test_says_of_everything_that_is_well_that_it_is(well: Workplace) -> None:
    assert found(well) == []
    done = well.run("doctor")
    assert done.exit_code == 0
    for topic in ("files", "git", "keys", "policy", "line", "centre", "clock", "disk", "hosts"):
        assert f"  ✓ {topic} " in done.stdout, topic
    assert done.stdout.rstrip().endswith("are well")
    assert well.run("doctor", "-q").stdout.strip().startswith("all ")


Spoil = Callable[[Workplace, FakeCentre], object]


def host_of(place: Workplace) -> FakeHost:
    assert place.centre is not None
    return next(iter(place.centre.hosts.values()))


def row(place: Workplace, centre: FakeCentre, **changes: object) -> None:
    curve = host_of(place).curve.public
    centre.rows[curve] = replace(centre.rows[curve], **changes)  # type: ignore[arg-type]


def silent(place: Workplace, _centre: FakeCentre) -> None:
    host_of(place).connected = False
    place.clock.advance(3 * DAY)


def grown(place: Workplace, _centre: FakeCentre) -> None:
    place.site("school")
    place.admit("school/srv1")


def state(place: Workplace, **changes: int | str) -> CentreState:
    now = place.clock.wall()
    good = CentreState(version=orch.__version__, time=now, free=9 << 30, size=10 << 30, contents=1, contents_limit=100)
    return replace(good, **changes)  # type: ignore[arg-type]


def told(**changes: int | str) -> Spoil:
    def spoil(place: Workplace, centre: FakeCentre) -> None:
        ahead = int(changes.get("ahead", 0))
        rest = {name: value for name, value in changes.items() if name != "ahead"}
        centre.state = state(place, time=place.clock.wall() + ahead, **rest)

    return spoil


TROUBLE: dict[str, tuple[Spoil, tuple[str, str, str]]] = {
    "a file that is wrong": (
        lambda place, _c: place.site("school", "site: school\nhosts: 7\n"),
        ("wrong", "files", "1 error, the first: sites/school.yaml:2"),
    ),
    "what orch wrote and nobody committed": (
        grown,
        ("look", "git", "hosts/school/srv1.admission"),
    ),
    "a key that others can read": (
        lambda place, _c: (place.home / ESTATE / "signing.key").chmod(0o644),
        ("wrong", "keys", "others can read"),
    ),
    "the recovery key lies about": (lambda place, _c: place.recovery.touch(), ("look", "recovery", "still lies at")),
    "nobody listens": (
        lambda place, _c: setattr(place, "unheard", "Connection refused"),
        ("wrong", "line", "tcp://127.0.0.1:4505: Connection refused"),
    ),
    "somebody else listens": (
        lambda _p, centre: setattr(centre, "reachable", False),
        ("wrong", "line", "has none of the 3 keys"),
    ),
    "a clock that is wrong": (told(ahead=3600), ("wrong", "clock", "is 1 h ahead of yours")),
    "a clock that is a little wrong": (told(ahead=-30), ("look", "clock", "is 30 s behind yours")),
    "a full disk": (told(free=1 << 20), ("wrong", "disk", "1.0 MiB of 10.0 GiB are free")),
    "a disk that fills": (told(free=500 << 20), ("look", "disk", "500.0 MiB of 10.0 GiB")),
    "contents that fill their room": (told(contents=95), ("look", "disk", "of the")),
    "another version": (told(version="9.9"), ("look", "version", "the centre 9.9")),
    "a host that failed": (
        lambda place, centre: row(place, centre, outcome="failed", text="apt said no"),
        ("wrong", "host", "library/srv1 failed 1:2: apt said no"),
    ),
    "a centre that is behind": (
        lambda place, centre: row(place, centre, ahead=True, running=(1, 8)),
        ("wrong", "centre", "this centre is behind"),
    ),
    "a listener": (
        lambda place, centre: row(place, centre, listeners=("tcp 0.0.0.0:22",)),
        ("wrong", "listens", "library/srv1 listens where no document allows it: tcp 0.0.0.0:22"),
    ),
    "a warning": (
        lambda place, centre: row(place, centre, warning="refused something"),
        ("look", "warning", "library/srv1: refused something"),
    ),
    "a host that is silent": (silent, ("look", "silent", "library/srv1 (3 d)")),
    "a machine that asks": (
        lambda place, centre: centre.knock(FakeHost("library/new", ESTATE)),
        ("look", "keys", "1 machine asks to be let in"),
    ),
    "a host that was never admitted": (
        lambda place, _c: place.site("school"),
        ("look", "hosts", "never admitted: school/srv1"),
    ),
    "a host that is in no file": (
        lambda place, _c: (place.estate / "sites/library.yaml").unlink(),
        ("look", "hosts", "in no file any more: library/srv1"),
    ),
    "a release that ends soon": (lambda place, _c: place.clock.advance(25 * DAY), ("look", "release", "ends in 5 d")),
    "a release that has ended": (
        lambda place, _c: place.clock.advance(31 * DAY),
        ("wrong", "release", "ended 1 d ago"),
    ),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_finds(well: Workplace, name: str) -> None:
    spoil, (mark, topic, text) = TROUBLE[name]
    assert well.centre is not None
    spoil(well, well.centre)
    bad = found(well)
    assert [item for item in bad if item[:2] == (mark, topic) and text in item[2]], bad


def test_without_git_or_keys_it_says_so_and_goes_on_as_far_as_it_goes(place: Workplace) -> None:
    place.found("library")
    assert ("look", "git") in {item[:2] for item in found(place)}
    (place.home / ESTATE / "login.key").unlink()
    bad = found(place)
    assert [item[:2] for item in bad if item[0] == "wrong"] == [("wrong", "keys")]


def test_a_person_sees_one_line_each_with_what_to_do(well: Workplace) -> None:
    well.unheard = "Connection refused"
    done = well.run("doctor")
    assert done.exit_code == 1
    assert "  ✗ line      tcp://127.0.0.1:4505: Connection refused\n" in done.stdout
    assert "do: is orch-master running there?" in done.stdout
    assert "wrong, " in done.stdout.splitlines()[-1]
    assert "Traceback" not in err(done)


def test_a_name_that_nobody_knows_and_a_port_where_nobody_listens_are_told_apart() -> None:
    assert "is not known" in reach.problem("tcp://nowhere.invalid:4505", seconds=5.0)
    assert "refused" in reach.problem("tcp://127.0.0.1:1", seconds=5.0)


@pytest.mark.parametrize(
    ("said", "problem"),
    [(b"\xff\x00", ""), (b"HTTP/1.1 400", "something else"), (b"", "ended at once")],
)
def test_a_port_where_zeromq_listens_is_no_problem(said: bytes, problem: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            taken, _whose = server.accept()
            with taken:
                taken.sendall(said)

        listener = threading.Thread(target=greet)
        listener.start()
        found = reach.problem(f"tcp://127.0.0.1:{server.getsockname()[1]}", seconds=20.0)
        listener.join()
    assert found == "" if not problem else problem in found


def test_a_centre_that_hangs_is_told_from_one_with_other_keys() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # the kernel takes the connection; nobody says a word
        found = reach.problem(f"tcp://127.0.0.1:{server.getsockname()[1]}", seconds=0.2)
    assert "orch-master hangs there" in found
