from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from orch.common.events import PROBLEM, Event, LineLog
from orch.common.systemd import JournalLog, Notifier, log
from tests.fakes.clock import ManualClock

THING = Event("thing", ("host", "hash", "text"))


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    """Where systemd listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "ear"))
        made.settimeout(20)
        yield made


def heard(ear: socket.socket) -> list[str]:
    """All that was said until now."""
    found = []
    ear.setblocking(False)
    while True:
        try:
            found.append(ear.recv(65536).decode())
        except BlockingIOError:
            return found


def notifier(ear: socket.socket, clock: ManualClock, **more: str) -> Notifier:
    return Notifier(clock, {"NOTIFY_SOCKET": ear.getsockname(), **more})


def test_is_ready_once_and_not_before_it_is_said(ear: socket.socket) -> None:
    told = notifier(ear, ManualClock())
    assert heard(ear) == []
    told.ready()
    told.ready()
    assert heard(ear) == ["READY=1"]


def test_beats_at_most_four_times_in_the_watchdog_s_interval(ear: socket.socket) -> None:
    clock = ManualClock()
    told = notifier(ear, clock, WATCHDOG_USEC="60000000", WATCHDOG_PID=str(os.getpid()))
    for _turn in range(600):
        told.alive()
        clock.advance(0.1)
    assert heard(ear) == ["WATCHDOG=1"] * 4


@pytest.mark.parametrize("whose", [{}, {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}])
def test_does_not_beat_where_no_watchdog_looks_at_this_process(ear: socket.socket, whose: dict[str, str]) -> None:
    notifier(ear, ManualClock(), **whose).alive()
    assert heard(ear) == []


def test_a_status_is_one_line_and_said_when_it_changes(ear: socket.socket) -> None:
    told = notifier(ear, ManualClock())
    told.status("no line:\nREADY=1")
    told.status("no line:\nREADY=1")
    told.status("connected")
    assert heard(ear) == ["STATUS=no line: READY=1", "STATUS=connected"]


def test_a_loop_is_ready_when_it_first_comes_round_and_says_when_it_ends(ear: socket.socket) -> None:
    ends: list[bool] = []
    asked = notifier(ear, ManualClock(), WATCHDOG_USEC="60000000").turning(lambda: bool(ends))
    assert heard(ear) == []
    assert not asked()
    assert not asked()
    ends.append(True)
    assert asked()
    assert heard(ear) == ["READY=1", "WATCHDOG=1", "STOPPING=1"]


def test_a_loop_that_never_came_round_was_never_ready(ear: socket.socket) -> None:
    assert notifier(ear, ManualClock()).turning(lambda: True)()
    assert heard(ear) == ["STOPPING=1"]


def test_an_abstract_socket_is_an_address_too() -> None:
    name = f"orch-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(f"\0{name}")
        made.settimeout(20)
        Notifier(ManualClock(), {"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert made.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "@nobody-listens-here"])
def test_a_systemd_that_is_not_there_is_no_reason_to_end(address: str) -> None:
    told = Notifier(ManualClock(), {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1"})
    told.ready()
    told.status("well")
    told.alive()
    told.stopping()


def fields_of(data: bytes) -> dict[str, str]:
    """An entry of the journal's native protocol, read as journald reads it."""
    found = {}
    while data:
        name, data = data.split(b"\n", 1)
        if b"=" in name:
            name, _, value = name.partition(b"=")
        else:
            (size,) = struct.unpack_from("<Q", data)
            value, data = data[8 : 8 + size], data[8 + size + 1 :]
        found[name.decode()] = value.decode()
    return found


def test_an_event_is_an_entry_with_its_fields(ear: socket.socket, tmp_path: Path) -> None:
    with (tmp_path / "lines").open("w") as lines:
        journal = JournalLog("orch-agent", LineLog(lines, ManualClock()), tmp_path / "ear")
        journal.write(THING, host="site/srv", hash=bytes(range(32)), text="two\nlines")
    assert fields_of(ear.recv(65536)) == {
        "MESSAGE": 'thing host=site/srv hash=000102030405 text="two\\nlines"',
        "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": "orch-agent",
        "ORCH_EVENT": "thing",
        "ORCH_HOST": "site/srv",
        "ORCH_HASH": bytes(range(32)).hex(),
        "ORCH_TEXT": "two\nlines",
    }
    assert (tmp_path / "lines").read_text() == ""


def test_a_problem_is_a_warning(ear: socket.socket, tmp_path: Path) -> None:
    with (tmp_path / "lines").open("w") as lines:
        JournalLog("x", LineLog(lines, ManualClock()), tmp_path / "ear").write(PROBLEM, code="disk", text="full")
    assert fields_of(ear.recv(65536))["PRIORITY"] == "4"


def test_a_value_cannot_add_a_field_of_its_own(ear: socket.socket, tmp_path: Path) -> None:
    with (tmp_path / "lines").open("w") as lines:
        journal = JournalLog("x", LineLog(lines, ManualClock()), tmp_path / "ear")
        journal.write(THING, text="harmless\nPRIORITY=0\nORCH_EVENT=problem\n")
    found = fields_of(ear.recv(65536))
    assert (found["PRIORITY"], found["ORCH_EVENT"]) == ("6", "thing")


def test_what_the_journal_does_not_take_is_written_as_a_line(tmp_path: Path) -> None:
    with (tmp_path / "lines").open("w") as lines:
        JournalLog("x", LineLog(lines, ManualClock()), tmp_path / "nobody").write(THING, host="a/b")
    assert (tmp_path / "lines").read_text().endswith("Z thing host=a/b\n")


def test_lines_are_written_unless_the_stream_is_the_journal_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kind(stream: TextIO) -> type:
        return type(log("x", stream, ManualClock()))

    with (tmp_path / "stream").open("w") as stream:
        found = os.fstat(stream.fileno())
        monkeypatch.delenv("JOURNAL_STREAM", raising=False)
        assert kind(stream) is LineLog
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino + 1}")
        assert kind(stream) is LineLog
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        assert kind(stream) is JournalLog
