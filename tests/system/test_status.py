"""`orch status` where a part of the hosts is gone: an answer at once, and since when each is silent."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import pytest

from tests.lab.ground import LAB, LIBRARY, SCHOOL, Ground, said

pytestmark = pytest.mark.system

AT_ONCE = 2.0
"""Seconds for a whole `orch status`, with the start of the program, on a slow machine; ordinary is a third of that."""
NOTICED = 120.0
"""Seconds in which the master calls a host silent that went without a word: two and a half beats, and room."""


def timed(ground: Ground, *arguments: str) -> tuple[str, float]:
    """What a command says, and how long it takes; the best of some, as the machine has other work."""
    found: list[tuple[float, str]] = []
    while len(found) < 10 and not (len(found) >= 3 and min(found)[0] < AT_ONCE):
        started = time.monotonic()
        text = said(ground.orch(*arguments))
        found.append((time.monotonic() - started, text))
    return min(found)[1], min(found)[0]


def test_status_with_a_third_of_the_hosts_gone_answers_at_once_and_says_since_when(ground: Ground) -> None:
    all_there, took_before = timed(ground, "status", "-v")
    assert all_there.count("✓ converged") == 3
    gone = time.time()
    ground.lab.hosts[LAB].power_cut()

    # The moment after: nobody can know yet, and nobody waits for it.
    _, took_just_after = timed(ground, "status")
    row = ground.wait_row(LAB, lambda row: not row["connected"], timeout=NOTICED, what="the master to notice")
    noticed = time.time() - gone
    heard = datetime.fromisoformat(row["heard"]).astimezone(UTC).timestamp()
    assert gone - 60 < heard < gone + 5
    assert row["condition"] == "offline"

    text, took = timed(ground, "status", "-v")
    print(f"\nstatus: {took_before:.2f} s with all, {took_just_after:.2f} s right after, {took:.2f} s with one gone")
    print(f"the master noticed after {noticed:.0f} s\n{text}")
    assert max(took, took_just_after) < AT_ONCE
    (line,) = [line for line in text.splitlines() if LAB in line and "offline" in line]
    since = re.search(r"\b(\d+) ?(s|min|m)\b", line)
    assert since, line
    assert {name: row["condition"] for name, row in ground.rows().items()} == {
        LIBRARY: "converged",
        SCHOOL: "converged",
        LAB: "offline",
    }
    explained = said(ground.orch("explain", LAB))
    assert "offline" in explained
    assert re.search(r"silent for \d+", explained), explained
    assert "power and line" in explained


def test_a_master_that_was_restarted_still_knows_since_when_a_host_is_silent(ground: Ground) -> None:
    ground.lab.hosts[LAB].power_cut()
    gone = time.time()
    ground.stop_master()
    ground.start_master()
    row = ground.rows()[LAB]
    assert row["connected"] is False
    assert gone - 60 < datetime.fromisoformat(str(row["heard"])).timestamp() < gone + 5
    text, took = timed(ground, "status")
    assert took < AT_ONCE
    assert "offline" in text
    ground.connected([LIBRARY, SCHOOL])


def test_without_a_master_status_says_so_and_soon(ground: Ground) -> None:
    ground.stop_master()
    started = time.monotonic()
    done = ground.orch("status", check=False)
    took = time.monotonic() - started
    ground.start_master()
    assert done.code == 6
    assert "tcp://" in said(done)
    assert took < 20
    print(f"\nwithout a master: {took:.1f} s: {said(done)}")


def test_an_exit_code_tells_a_script_that_a_host_is_gone(ground: Ground) -> None:
    assert ground.orch("status", "--exit-code").code == 0
    ground.lab.hosts[LAB].stop()  # it says goodbye
    ground.wait_row(LAB, lambda row: not row["connected"], timeout=NOTICED, what="the master to notice")
    assert ground.orch("status", "--exit-code", check=False).code == 3
    assert ground.orch("status", "library", "--exit-code").code == 0
