"""What systems like this one fell to (trust.md section 0, C1 to C13): the classes that had no test of their own elsewhere.

docs/explanation/attacks-on-others.md names a test for every class; that they are there is checked here as well.
"""

from __future__ import annotations

import base64
import re
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from zmq.utils import z85

from orch.common import codec, document, events, lists, messages, names
from orch.common import operations as op
from orch.common.errors import Malformed, ProtocolError
from orch.common.operations import OPERATIONS
from orch.common.order import Order
from orch.common.policy import Verb
from orch.common.wire import Dial, Event, Keys, Link
from orch.minion.curve import read_curve
from tests.fakes import signed_estate as estate
from tests.fakes.hostile import TEXTS, harm_in
from tests.fakes.real_host import open_site, wait_for
from tests.fakes.real_master import Master
from tests.fakes.running_centre import FakeOperator, RunningCentre
from tests.fakes.texts import wrong_arguments
from tests.lab.caller import samples
from tests.proof.invent import invent
from tests.proof.mutate import bent, packed
from tests.proof.socket_fuzz import said

pytestmark = pytest.mark.processes

TOP = Path(__file__).parents[2]
PAGE = TOP / "docs" / "explanation" / "attacks-on-others.md"


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[RunningCentre]:
    made = RunningCentre(tmp_path / "centre")
    yield made
    made.close()


def test_the_page_names_a_test_for_every_class_and_each_is_there() -> None:
    text = PAGE.read_text("utf-8")
    rows = {row[1]: row[2] for row in re.finditer(r"^\| (C\d+) .*\| (.*) \|$", text, re.MULTILINE)}
    assert list(rows) == [f"C{number}" for number in range(1, 14)]
    code = "".join(path.read_text("utf-8") for path in (TOP / "tests").rglob("test_*.py"))
    for row, cell in rows.items():
        named = re.findall(r"`(test_\w+)`", cell)
        assert named, row
        assert not [name for name in named if f"def {name}(" not in code], row


# --- C1: what is inside can be reached ---------------------------------------------------------------------------


def test_c1_no_name_of_ours_is_an_operation_but_those_of_the_table(centre: RunningCentre) -> None:
    assert centre.hub is not None
    inside: tuple[object, ...] = (
        centre.hub,
        centre.hub._desk,
        centre.hub._centre,
        centre.hub._streams,
        centre.hub._collector,
        centre.hub.roster,
        {},
    )
    words = {word for thing in inside for word in dir(thing)} | {f"policy.{word}" for word in dir(centre.hub)}
    fall = Random(1)
    words |= {"".join(fall.choices("abcdefghijklmnopqrstuvwxyz._-", k=fall.randint(1, 30))) for _ in range(300)}
    asked = [word for word in sorted(words - OPERATIONS.keys()) if names.is_name(word)]
    assert len(asked) > 300
    desk = centre.operator()
    for word in asked:
        number = desk.send(word, op.Nothing())
        centre.until(lambda number=number: desk.to(number) or desk.cut, word)  # type: ignore[misc]
        assert [(answer.code, answer.result) for answer in desk.to(number)] == [("usage", b"")], word
    assert centre.hub.operations() == OPERATIONS.keys()


def test_c1_no_tag_is_a_message_but_those_of_the_table() -> None:
    for word in (*dir(messages), *dir(messages.Message), "", "Hello", "hello ", "__init__"):
        if word not in messages.BY_TAG:
            with pytest.raises((Malformed, ProtocolError)):
                messages.from_frames((codec.encode({"": word}),))


def test_c1_what_strangers_are_tried_with_in_the_laboratory_is_every_message_and_operation() -> None:
    tried = samples()
    assert {type(message) for message in tried.values()} == set(messages.ALL)
    assert {f"request {name}" for name in OPERATIONS} <= tried.keys()


# --- C2 and C3: a name becomes a path, a command, an option --------------------------------------------------------


@dataclass
class Watched:
    """What this process was seen to do by Python's own audit."""

    on: bool = False
    there: bool = False  # an audit hook cannot be taken away again
    written: list[str] = field(default_factory=list)
    started: list[object] = field(default_factory=list)

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.on:
            return
        if event == "open" and isinstance(arguments[0], str | bytes):
            name, flags = arguments[0], arguments[2]
            if isinstance(flags, int) and flags & 3:
                self.written.append(name if isinstance(name, str) else name.decode())
        elif event in ("os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"):
            self.written += [str(item) for item in arguments if isinstance(item, str | bytes)]
        elif event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"):
            self.started.append((event, arguments[:2]))


WATCHED = Watched()


@contextmanager
def watched() -> Iterator[Watched]:
    """While this lasts, what is written and started is noted."""
    if not WATCHED.there:
        sys.addaudithook(WATCHED)
        WATCHED.there = True
    WATCHED.written.clear()
    WATCHED.started.clear()
    WATCHED.on = True
    try:
        yield WATCHED
    finally:
        WATCHED.on = False


def hostile_words(centre: RunningCentre, desk: FakeOperator) -> Iterator[FakeOperator]:
    """An operator's connection that says hostile words in every member of every operation, and words that look like
    paths; a new one where the centre hung up."""
    paths = ("../x", "a/../../b", "/etc/passwd", "library/..", "..", ".")
    asked = [("host.explain", packed({"host": f"{text}/{text}"})) for text in (*TEXTS, *paths)]
    asked += [("scope.head", packed({"scope": text})) for text in paths]
    for number, (operation, arguments) in enumerate((*asked, *wrong_arguments())):
        if desk.cut:
            desk = centre.operator()
        request = messages.Request(id=number, protocol=messages.PROTOCOL, operation=operation, arguments=arguments)
        desk.link.send(messages.to_frames(request))
        centre.until(lambda number=number, desk=desk: desk.to(number) or desk.cut, operation)  # type: ignore[misc]
        assert all(answer.code and not answer.result for answer in desk.to(number)), (operation, arguments)
        yield desk


def test_c2_c3_whatever_is_said_the_centre_writes_in_its_own_folder_and_starts_nothing(
    centre: RunningCentre, tmp_path: Path
) -> None:
    centre.admitted("library/dom0")
    traitor = centre.host("library/dom0", connect=False)
    centre.hosts.remove(traitor)  # what is answered to it by chance is nothing that it has asked for

    def up() -> bool:
        traitor.turn()
        return Event.UP in traitor.events

    desk = centre.operator()
    with watched() as seen:
        (tmp_path / "centre" / "seen").write_text("what is written is noticed")
        for at, used in enumerate(hostile_words(centre, desk)):
            desk = used
            if at % 40 == 0:
                traitor.connect(centre.context, centre.address)
                assert traitor.link is not None
                centre.until(up)
                for frames in said(Random(at), operator=False):
                    traitor.link.send(frames)
                centre.turns(0.01)
                traitor.events.clear()
    traitor.disconnect()
    assert seen.started == []
    assert f"{tmp_path}/centre/seen" in seen.written
    outside = {path for path in seen.written if not path.startswith(f"{tmp_path}/centre") and path.startswith("/")}
    assert outside <= {"/dev/null"}
    assert [path.name for path in tmp_path.iterdir()] == ["centre"]
    assert all(harm_in(events.line(event, values)) == "" for event, values in _logged(centre))


def _logged(centre: RunningCentre) -> Iterator[tuple[events.Event, dict[str, events.Value]]]:
    for name, values in centre.log.lines:
        yield events.Event(name, tuple(values)), values


def test_c2_c3_no_hostile_word_is_a_name_of_anything() -> None:
    for text in TEXTS:
        assert not names.is_name(text)
        with pytest.raises(Malformed):
            names.Place.parse(text)


@pytest.mark.parametrize("text", TEXTS)
def test_c3_a_line_of_a_list_is_a_package_s_name_or_refused(text: str) -> None:
    try:
        found = lists.parse(text, "lists/x.list")
    except lists.ListError as err:
        assert err.at.file == "lists/x.list"
        return
    for entry in found.entries:
        assert re.fullmatch(r"[a-z0-9*][a-z0-9+.*:-]*", entry.name), entry


# --- C9: a bad packet stops the service ---------------------------------------------------------------------------


def test_c9_ten_bad_packets_of_every_kind_stop_nothing_and_leave_nothing(centre: RunningCentre) -> None:
    honest, key = centre.admitted("library/dom0"), estate.curve("site1/dom0")
    centre.admit("site1/dom0")
    before = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
    dial = Dial(address=centre.address, server=estate.curve("centre").public, keys=Keys(key.public, key.secret))
    for kind in messages.ALL:
        for number in range(10):
            link, seen = Link(centre.context, dial), list[Event]()
            centre.until(lambda link=link, seen=seen: seen.extend(link.events()) or seen)  # type: ignore[misc]
            frames = messages.to_frames(invent(kind, Random(number)))
            link.send((bent(frames[0], Random(number)), *frames[1:]))
            centre.turn()
            link.close()
    asked, sequence = len(honest.fresh), honest.report()
    honest.ask()
    centre.until(lambda: honest.acknowledged == sequence and len(honest.fresh) > asked)
    assert Event.DOWN not in honest.events
    assert [line for line in centre.log.said("problem") if line["code"] == "mistake"] == []
    assert len(centre.log.said("connection-cut")) > 100
    centre.until(lambda: (threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))) <= before)


# --- C12: what others on the machine can read ----------------------------------------------------------------------


def test_c12_with_the_most_careless_umask_the_centre_s_files_are_its_own(tmp_path: Path) -> None:
    import os

    before = os.umask(0)
    try:
        running = RunningCentre(tmp_path / "centre")
        try:
            running.admitted("library/dom0").report()
            running.upload(b"a content")
            running.publish_to("library/dom0")
            running.turns(0.1)
        finally:
            running.close()
    finally:
        os.umask(before)
    made = {path for path in (tmp_path / "centre").rglob("*") if path.name not in WRITTEN_BY_THE_TEST}
    assert len(made) > 4
    assert {path for path in made if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o022} == set()
    closed = {path for path in made if path.parent.name == "centre" and path.is_dir()}
    open_ = {path.name for path in closed if stat.S_IMODE(path.stat().st_mode) & 0o077}
    assert open_ <= {"policy"}


def _written_as(secret: bytes) -> tuple[bytes, ...]:
    """How a secret could stand somewhere."""
    digits = secret.hex().encode()
    return (
        secret,
        digits,
        b" ".join(digits[at : at + 8] for at in range(0, 64, 8)),
        base64.b64encode(secret),
        z85.encode(secret),
    )


def _seen_of(pid: int) -> bytes:
    """What anybody, or the same user, sees of a process."""
    return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ", "comm"))


def test_c12_no_secret_stands_in_a_log_a_command_line_an_environment_or_a_report(tmp_path: Path) -> None:
    master = Master(tmp_path / "centre")
    with open_site(tmp_path / "site") as site:
        try:
            master.start()
            master.connect()
            master.host.report()
            site.admit()
            site.start("executor")
            site.start("agent")
            site.publish(2, site.document("welcome\n", lists="nano\n"))
            wait_for(lambda: site.applied(2))
            assert master.child is not None
            seen = b"".join(map(_seen_of, (master.child.pid, *(child.pid for child in site.running.values()))))
            assert b"orch.master" in seen
            assert b"orch.minion" in seen
            status = site.run("status", "--output", "json").stdout + site.run("explain").stdout
        finally:
            master.end()
        logs = b"".join(path.read_bytes() for path in (master.log, *site.root.glob("*.log")))
        assert len(logs) > 1000
        shown = seen + logs + status.encode() + b"".join(site.centre.reports) + b"".join(site.centre.requests)
        keys = [path.read_bytes() for path in (site.root / "var/lib/orch/keys").iterdir()]
        assert len(keys) > 1
        keys += [read_curve(site.root / "var/lib/orch/net/host.curve")]
        keys += [estate.curve("centre").secret, estate.signing("fresh").seed]
    assert {len(key) for key in keys} == {32}
    assert [form for key in keys for form in _written_as(key) if form in shown] == []


WRITTEN_BY_THE_TEST = {"master.toml", "0001.policy"}


# --- C13: nobody is everybody ----------------------------------------------------------------------------------------


def test_c13_an_empty_set_addresses_nobody() -> None:
    order = {
        "estate": "lab", "scope": "main", "id": bytes(16), "hosts": [], "kind": "reboot", "issued": 1, "expires": 2,
    }  # fmt: skip
    with pytest.raises(Malformed):
        codec.decode(Order, codec.encode(order), limit=9999)
    assert not estate.person("eve").may(Verb.PUBLISH, scope="main", ring="stable", now=1)
    assert document.Document(estate="lab", host="a/b", curve=bytes(32), scope="main").lists == ()
