"""Whoever is not admitted gets nothing but "pending", and whoever is gets nothing but what is its own.

A stranger here has the centre's address and its right CURVE key, as everybody has who holds an enrolment file.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing

import pytest
import zmq

from orch.common import attest
from orch.common import messages as m
from orch.common.crypto import SigningKey
from orch.common.identity import IdentityRequest
from orch.common.operations import OPERATIONS, After, HostAsked
from orch.common.rows import Nothing
from orch.common.wire import Keys, make_keys, public_of
from orch.minion.curve import read_curve
from tests.lab.caller import Caller, hello, let_listen, request, samples
from tests.lab.fleet import ESTATE, MASTER, PORT, Fleet
from tests.lab.hosts import PATIENCE, Host, until
from tests.lab.lab import Lab
from tests.lab.loot import Loot
from tests.lab.network import CENTRE
from tests.lab.siege import ELSEWHERE, HOST, NEIGHBOUR, founded
from tests.lab.spaces import network_of

pytestmark = pytest.mark.system

ALLOWED = (m.Pending,)


class Town:
    """A fleet whose hosts have a release, and what is known of it outside."""

    def __init__(self, lab: Lab) -> None:
        """Publish once."""
        self.lab = lab
        self.fleet: Fleet = founded(lab, "town")
        self.fleet.apply()
        self.loot = Loot(self.fleet.folders.centre)
        self.server = public_of(self.loot.curve)

    def caller(self, keys: Keys | None = None) -> Caller:
        """Somebody calls."""
        return Caller(self.lab.centre.namespace, port=PORT, server=self.server, keys=keys)

    def key_of(self, host: Host) -> Keys:
        """A host's key for the line, as somebody has it who has the host."""
        secret = read_curve(host.root / "var/lib/orch/net/host.curve")
        return Keys(public_of(secret), secret)

    def document(self, name: str) -> bytes:
        """Which document a host has, by its hash."""
        return hashlib.sha256(self.loot.parcels(name)[-1].parcel.document).digest()


@pytest.fixture(scope="module")
def town(lab: Lab) -> Iterator[Town]:
    """Three hosts with a release, and a master."""
    for name in lab.hosts:
        lab.renew(name)
    made = Town(lab)
    yield made
    made.fleet.stop_master()
    for host in lab.hosts.values():
        host.power_cut()


def answers_only_with_nothing(said: m.Message, heard: list[m.Message]) -> bool:
    """Whether a stranger has learnt nothing: told to wait, told that it may not, or told that there is no stream."""
    match said:
        case m.Hello():
            return [type(message) for message in heard] == [m.Pending]
        case m.Request():
            return all(isinstance(item, m.Answer) and item.code == "not-allowed" and not item.result for item in heard)
        case m.StreamOpen():
            return all(isinstance(item, m.StreamEnd) and item.status != 0 for item in heard)
        case _:
            return heard == []


def test_a_stranger_hears_nothing_but_pending_whatever_its_first_word_is(town: Town) -> None:
    with ExitStack() as stack:
        callers = {name: (stack.enter_context(town.caller()), said) for name, said in samples().items()}
        for caller, said in callers.values():
            caller.call()
            caller.say(said)
        let_listen([caller for caller, _ in callers.values()], lambda: _ended(callers, but="hello"), longer=2)
        told = {
            name: caller.heard
            for name, (caller, said) in callers.items()
            if not answers_only_with_nothing(said, caller.heard)
        }
        assert told == {}
        stays = {name for name, (caller, _) in callers.items() if not caller.ended}
        assert stays == {"hello"}


def test_a_stranger_hears_nothing_but_pending_whatever_its_second_word_is(town: Town) -> None:
    with ExitStack() as stack:
        callers = {name: (stack.enter_context(town.caller()), said) for name, said in samples().items()}
        for caller, said in callers.values():
            caller.call()
            caller.say(hello())
            caller.say(said)
        let_listen([caller for caller, _ in callers.values()], lambda: _ended(callers, but="ask"), longer=2)
        heard = {name: {type(message) for message in caller.heard} for name, (caller, _) in callers.items()}
        assert set().union(*heard.values()) <= {*ALLOWED}
        stays = {name for name, (caller, _) in callers.items() if not caller.ended}
        assert stays == {"ask"}


def test_bytes_that_are_no_message_end_the_connection_and_nothing_else(town: Town) -> None:
    pid = town.lab.centre.pid(MASTER)
    with ExitStack() as stack:
        callers = [stack.enter_context(town.caller()) for _ in range(5)]
        for caller in callers:
            caller.call()
        callers[0].say_frames((b"",))
        callers[1].say_frames((b"\xc1" * 1000,))
        callers[2].say_frames((b"\x81\xa0\xa5hello",))
        callers[3].say_frames((b"x",) * 40)
        callers[4].say_frames((b"\x00" * 1_200_000,))
        let_listen(callers, lambda: all(caller.ended for caller in callers))
        assert [caller.heard for caller in callers] == [[]] * 5
        assert all(caller.ended for caller in callers)
    assert town.lab.centre.pid(MASTER) == pid
    assert {HOST, NEIGHBOUR} <= town.fleet.rows().keys()


def test_a_stranger_that_asks_as_an_admitted_host_is_pending_under_its_own_key(town: Town) -> None:
    keys, sign = make_keys(), SigningKey.generate()
    lie = IdentityRequest(estate=ESTATE, host=HOST, curve=keys.public, sign=sign.public, seal=keys.public)
    before = town.fleet.rows()[HOST]
    with town.caller(keys) as caller:
        caller.call()
        caller.say(hello(attest.sign_identity_request(lie, sign)))
        caller.listen(lambda: caller.heard, what="an answer")
        assert caller.heard == [m.Pending()]
    assert town.fleet.rows()[HOST]["running"] == before["running"]
    town.fleet.orch("key", "reject", HOST, "--yes", check=False)


def test_a_host_cannot_do_what_operators_do(town: Town) -> None:
    host = town.lab.hosts[NEIGHBOUR]
    arguments = {"policy.get": After(0), "host.explain": HostAsked(HOST)}
    with ExitStack() as stack:
        callers = {name: stack.enter_context(town.caller(town.key_of(host))) for name in OPERATIONS}
        for name, caller in callers.items():
            caller.call()
            caller.say(request(name, arguments.get(name, Nothing())))
        let_listen(callers.values(), lambda: all(caller.heard for caller in callers.values()), longer=2)
        for caller in callers.values():
            assert [(type(item), getattr(item, "code", ""), getattr(item, "result", b"")) for item in caller.heard] == [
                (m.Answer, "not-allowed", b"")
            ]


def test_a_host_cannot_have_another_hosts_files(town: Town) -> None:
    thief = town.key_of(town.lab.hosts[NEIGHBOUR])
    with town.caller(thief) as caller:
        caller.call()
        caller.say(m.StreamOpen(document=town.document(HOST), credit=8))
        let_listen([caller], lambda: caller.ended)
        assert caller.ended
        assert answers_only_with_nothing(m.StreamOpen(document=bytes(32), credit=8), caller.heard)


def test_a_host_that_says_it_has_nothing_gets_its_own_document_and_no_other(town: Town) -> None:
    host = town.lab.hosts[NEIGHBOUR]
    host.stop()
    try:
        with town.caller(town.key_of(host)) as caller:
            caller.call()
            caller.say(hello())
            caller.listen(lambda: any(isinstance(item, m.Delivered) for item in caller.heard), what="the release")
            documents = [
                hashlib.sha256(item.document).digest() for item in caller.heard if isinstance(item, m.Delivered)
            ]
            assert documents == [town.document(NEIGHBOUR)]
            serials = [item.envelope for item in caller.heard if isinstance(item, m.Admitted)]
            assert serials == [town.loot.admissions()[NEIGHBOUR][1]]
    finally:
        host.start()


def test_whoever_speaks_no_curve_gets_nothing(town: Town) -> None:
    with network_of(town.lab.centre.namespace):
        plain = socket.create_connection((CENTRE, PORT), timeout=PATIENCE)
        context = zmq.Context()
        dealer = context.socket(zmq.DEALER)
    try:
        # ZeroMQ without security: greeting, then nothing that either side would say is ever delivered.
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.connect(f"tcp://{CENTRE}:{PORT}")
        dealer.send_multipart(m.to_frames(hello()))
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n" * 8)
        heard = _all_of(plain)
        assert b"hello" not in heard
        assert len(heard) <= 64  # its own greeting
        assert dealer.poll(2000) == 0
    finally:
        plain.close()
        context.destroy(linger=0)


def test_a_revoked_key_is_cut_within_five_seconds_and_never_heard_again(town: Town) -> None:
    host = town.lab.hosts[ELSEWHERE]
    packages, keys = host.packages(), town.key_of(host)
    until(lambda: _has_a_line(town, ELSEWHERE), what="the host to be there")
    town.fleet.orch("key", "revoke", ELSEWHERE, "--yes", "--reason", "stolen")
    until(lambda: not _has_a_line(town, ELSEWHERE), timeout=5, what="the connection to be cut")
    with town.caller(keys) as caller:
        let_listen([caller], lambda: caller.ended)
        assert caller.ended
        caller.say(hello())
        let_listen([caller], lambda: True, longer=1)
        assert caller.heard == []
    assert host.packages() == packages
    row = town.fleet.rows()[ELSEWHERE]
    assert (row["condition"], row["connected"]) == ("revoked", False)


def _ended(callers: Mapping[str, tuple[Caller, m.Message]], *, but: str) -> bool:
    """Whether all connections are over, but that of one who may stay."""
    return all(caller.ended for name, (caller, _) in callers.items() if name != but)


def _has_a_line(town: Town, name: str) -> bool:
    """Whether a host has a connection to the centre now, as the centre's kernel sees it."""
    seen = town.lab.centre.run(["ss", "-Htn", "state", "established", f"sport = :{PORT}"]).lines
    there = town.lab.network.line(name).there
    return any(f"{there}:" in line.replace("]", "") for line in seen)


def _all_of(plain: socket.socket) -> bytes:
    """Everything until the other side hangs up, or is silent for some seconds."""
    plain.settimeout(8)
    found = b""
    with closing(plain):
        try:
            while data := plain.recv(4096):
                found += data
        except (TimeoutError, ConnectionError):
            return found
    return found
