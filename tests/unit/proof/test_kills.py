"""That the family of kills kills where it says, and that its check of a chain of reports can fail."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orch.common import trust
from orch.common.clock import SystemChance, SystemClock
from orch.common.crypto import sha256
from orch.common.envelope import open_envelope
from orch.common.report import LIMIT, TYPE
from tests.fakes.swarmhost import SwarmHost
from tests.proof import kills, strace

COUNTS = "import os,sys\nfor n in range(5):\n    os.rename(sys.argv[1], sys.argv[1])\n    print(n, flush=True)"


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed: packaging/setup-debian.sh test")
def test_a_program_is_ended_at_the_call_that_was_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    words = [*strace.killed_at("rename", 3), sys.executable, "-B", "-c", COUNTS, str(file)]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.split()) == (-signal.SIGKILL, ["0", "1"]), done.stderr


def test_a_report_that_is_lost_or_comes_twice_is_noticed() -> None:
    envelopes = _told(4)
    _check(envelopes)
    for wrong in (envelopes[1:], envelopes[:1] + envelopes[2:], envelopes[:2] + envelopes[1:]):
        with pytest.raises(AssertionError, match="report"):
            _check(wrong)


def _told(count: int) -> list[bytes]:
    host, before, made = SwarmHost("library/dom0", clock=SystemClock(), chance=SystemChance()), b"", list[bytes]()
    for _ in range(count):
        made.append(host.outbox[host.report(previous=before)])
        before = sha256(open_envelope(made[-1], type=TYPE, limit=2 * LIMIT).body)
    return made


def _check(envelopes: list[bytes]) -> None:
    kills.in_their_chain(envelopes, [trust.read_report(one) for one in envelopes])
