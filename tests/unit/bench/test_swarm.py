"""The swarm, small: the program that measures ten thousand hosts works with a hundred."""

from __future__ import annotations

import pytest

from tests.bench import swarm_round

pytestmark = pytest.mark.processes

HOSTS = 100


def test_a_hundred_hosts_get_their_documents_report_and_come_back_after_a_restart() -> None:
    figures = swarm_round.measure(HOSTS)  # ends the program if a host gets another's document, or does not come back
    assert figures["round_100_proofs"] >= HOSTS
    assert figures["round_100_master_cpu_s"] > 0
    assert figures["reconnect_100_dials_per_host"] >= 1
