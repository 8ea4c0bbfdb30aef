"""What stays in memory on every host: each daemon has what it needs, and not what the other or a person needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.processes
NOBODY = {"click", "sqlalchemy", "yaml", "rich", "asyncio", "ssl", "http", "debian"}


@pytest.mark.parametrize(
    ("start", "without"),
    [
        ("run_agent", {"hashlib", "cryptography", "sqlite3", "subprocess", "orch.common.messages"}),
        ("run_executor", {"zmq"}),
    ],
)
def test_a_daemon_is_started_without_what_it_does_not_need(start: str, without: set[str]) -> None:
    program = f"import sys, orch.minion.__main__, orch.minion.cli.{start}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert (NOBODY | without) & set(done.stdout.split()) == set()


@pytest.mark.parametrize("daemon", ["agent", "executor"])
def test_a_daemon_on_a_host_that_is_not_enrolled_says_so(daemon: str, tmp_path: object) -> None:
    words = [sys.executable, "-m", "orch.minion", "--root", str(tmp_path), daemon]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("orch-minion: ")
    assert "enrol" in done.stderr
