"""Nothing listens at a site: asked inside, probed from outside, and what somebody starts by hand is told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab import command
from tests.lab.ground import LAB, LIBRARY, SCHOOL, Ground, said
from tests.lab.hosts import PATIENCE, Host, until
from tests.lab.network import inside
from tests.lab.table import Service

pytestmark = pytest.mark.system


@contextmanager
def listening(ground: Ground, host: Host, *addresses: str) -> Iterator[None]:
    """Let somebody start something by hand that waits for connections."""
    program = (
        "import socket, sys, time\nheld = []\nfor word in sys.argv[1:]:\n    where, _, port = word.partition(':')\n"
    )
    program += "    one = socket.socket()\n    one.bind((where, int(port)))\n    one.listen()\n    held.append(one)\n"
    argv = (command.PYTHON, "-c", program + "time.sleep(1000)\n", *addresses)
    host.serve([*ground.services(host), Service(name="by-hand", argv=argv)])
    until(lambda: len(host.listeners()) == len(addresses), what="the listener")
    try:
        yield
    finally:
        host.serve(ground.services(host))
        until(lambda: host.listeners() == [], what="the listener to end")


def proven(ground: Ground, *, code: int) -> dict[str, str]:
    """What the hosts' own signatures say of each."""
    told = ground.asked("status", "--prove", "no-inbound", codes=(code,))
    return {row["host"]: row["standing"] for row in told["hosts"]}


def test_no_host_listens_and_a_probe_from_outside_gets_nothing(ground: Ground) -> None:
    for host in ground.lab.hosts.values():
        assert host.listeners() == []
        assert not host.probe()
    assert [row["listeners"] for row in ground.rows().values()] == [[], [], []]
    assert "nothing listens unasked: so say 3 of 3 hosts" in said(ground.orch("status"))


def test_nothing_listens_after_a_document_with_an_empty_list_of_listeners_either(ground: Ground) -> None:
    site = "site: library\nlists: [base, library]\nlisten: [tcp/22]\nhosts:\n  lib-srv1: {}\n"
    ground.write({"sites/library.yaml": site})
    ground.apply()
    ground.write({"sites/library.yaml": site.replace("[tcp/22]", "[]")})
    ground.apply()
    host = ground.lab.hosts[LIBRARY]
    assert host.listeners() == []
    assert not host.probe()


def test_while_a_host_takes_a_release_nothing_listens(ground: Ground) -> None:
    host = ground.lab.hosts[LIBRARY]
    ground.add_to_list("library", "reading-room", "tree")
    ground.write({"files/large": "a large file\n" * 5000})
    ground.write({"sites/library.yaml": "site: library\nlists: [base, library]\nhosts:\n  lib-srv1:\n    files:\n"
                  "      /etc/large: { source: large }\n"})  # fmt: skip
    ground.apply_unheard()
    seen: list[str] = []

    def done() -> bool:
        seen.extend(host.listeners())
        return "tree" in host.installed()

    end = time.monotonic() + PATIENCE
    while not done() and time.monotonic() < end:  # as often as it goes: what is seen meanwhile is the test
        time.sleep(0.02)
    assert "tree" in host.installed()
    assert seen == []


def test_a_listener_that_somebody_starts_is_told_and_one_that_is_allowed_is_not(ground: Ground) -> None:
    host, other = ground.lab.hosts[LIBRARY], ground.lab.hosts[LAB]
    ground.write({"sites/lab.yaml": "site: lab\nlists: [base, lab]\nlisten: [tcp/8000]\nhosts:\n  lab-srv1: {}\n"})
    everywhere = (ground.folders.estate / "estate.yaml").read_text().replace("every: 1m", "every: 1h")
    ground.write({"estate.yaml": everywhere})  # no timer of a host falls into this test
    ground.apply()
    assert proven(ground, code=0) == {LIBRARY: "closed", LAB: "closed", SCHOOL: "closed"}
    with listening(ground, host, "0.0.0.0:8000", "127.0.0.1:8001"), listening(ground, other, "0.0.0.0:8000"):
        assert not host.probe()  # the firewall stands
        row = ground.wait_row(LIBRARY, lambda row: bool(row["listeners"]), what="the listener to be told")
        assert row["listeners"] == ["tcp 0.0.0.0:8000"]
        assert proven(ground, code=1) == {LIBRARY: "open", LAB: "closed", SCHOOL: "closed"}
        assert row["condition"] == "degraded"
        assert "0.0.0.0:8000" in said(ground.orch("status"))
        explained = said(ground.orch("explain", LIBRARY))
        assert "tcp 0.0.0.0:8000" in explained
        assert "listen" in explained
        assert "8001" not in explained
        assert ground.rows()[LAB]["condition"] == "converged"
        assert ground.rows()[LAB]["listeners"] == []
    ground.wait_row(LIBRARY, lambda row: row["condition"] == "converged", what="its end to be told")
    assert proven(ground, code=0)[LIBRARY] == "closed"


def rules(ground: Ground, name: str) -> str:
    """The rules of a host's firewall, as it signed them."""
    told = ground.asked("status", "--prove", "no-inbound", codes=(0, 1, 4))
    [found] = [row["rules"] for row in told["hosts"] if row["host"] == name]
    return str(found)


def test_a_rule_that_somebody_changes_is_told_and_what_rules_count_is_not(ground: Ground) -> None:
    def nft(words: str) -> None:
        command.run(inside(ground.lab.network.line(LIBRARY).namespace, ["nft", words]))

    host = ground.lab.hosts[LIBRARY]
    everywhere = (ground.folders.estate / "estate.yaml").read_text().replace("every: 1m", "every: 1h")
    ground.write({"estate.yaml": everywhere})  # no timer of a host falls into this test
    ground.apply()
    before = rules(ground, LIBRARY)
    assert len(before) == 64
    nft("add table inet by-hand")
    nft("add chain inet by-hand first { type filter hook input priority -10; }")
    nft("add set inet by-hand seen { type ipv4_addr; flags dynamic,timeout; timeout 1m; }")
    nft("add rule inet by-hand first counter")
    until(lambda: rules(ground, LIBRARY) != before, every=1, what="the rule to be told")
    seen = read_rules(ground)
    assert seen.hex() != before
    host.probe()  # packets are counted
    nft("add element inet by-hand seen { 10.77.1.1 }")
    assert read_rules(ground) == seen
    nft("add rule inet by-hand first tcp dport 22 accept")
    assert read_rules(ground) != seen
    nft("delete table inet by-hand")
    assert read_rules(ground).hex() == before
    until(lambda: rules(ground, LIBRARY) == before, every=1, what="its end to be told")


def read_rules(ground: Ground) -> bytes:
    """What the kernel says now in the host's network namespace."""
    program = "from orch.minion.adapters import netfilter; print(netfilter.rules().hex())"
    where = ground.lab.network.line(LIBRARY).namespace
    found = command.run(inside(where, [command.PYTHON, "-c", program]), env={"PYTHONPATH": str(ground.lab.checkout)})
    return bytes.fromhex(found.out.strip())


def test_the_instrument_sees_a_listener_where_there_is_one(ground: Ground) -> None:
    host = ground.lab.hosts[LIBRARY]
    with listening(ground, host, "0.0.0.0:8000"):
        command.run(inside(ground.lab.network.line(host.name).namespace, ["nft", "flush", "ruleset"]))
        assert host.probe().open == (8000,)
    host.power_cut()  # the next start brings the firewall back
