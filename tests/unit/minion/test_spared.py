"""A release that comes without the document that this host holds: it judges its own copy, as if it had been sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from orch.common import messages
from orch.common.authoring import Authored
from orch.common.crypto import sha256
from orch.common.report import Outcome
from tests.fakes.bench import Bench, bench, text_file


@pytest.fixture
def host(tmp_path: Path) -> Bench:
    """A host that has taken one release."""
    made = bench(tmp_path)
    made.settle()
    return made


def spared(host: Bench, made: Authored, *, known: bytes = b"") -> None:
    """The centre sends it without its document."""
    parcel = made.parcel(0)
    name = known or sha256(parcel.document)
    host.say(messages.Delivered(proof=parcel.proof, release=parcel.release, known=name))
    host.work()


def same(host: Bench, number: int) -> Authored:
    return host.release(number, host.document(packages="nano\n", files=[text_file("/etc/motd", "hi")]))


def asks(host: Bench) -> list[bytes]:
    """What this host has said that it lacks."""
    return [word.lacks for word in host.said(messages.Ask) if isinstance(word, messages.Ask) and word.lacks]


def test_a_release_of_the_document_that_is_held_is_taken_and_outlives_a_restart(host: Bench) -> None:
    made = same(host, 4)
    spared(host, made)
    assert host.reports()[-1].outcome is Outcome.APPLIED
    assert host.reports()[-1].release == made.hash
    host.start()
    assert host.core.inbox.in_force is not None
    assert host.core.inbox.in_force.release_hash == made.hash
    assert asks(host) == []


def test_a_document_that_is_not_held_is_asked_for(host: Bench) -> None:
    made = host.release(4, host.document(files=[text_file("/etc/motd", "new")]))
    spared(host, made)
    assert asks(host) == [sha256(made.parcel(0).document)]
    assert host.reports() == []
    host.deliver(made)
    host.work()
    assert host.machine.files["/etc/motd"] == sha256(b"new")


def test_a_document_that_the_disk_has_spoiled_is_asked_for(host: Bench) -> None:
    made, place = same(host, 4), host.layout.state / "current"
    place.write_bytes(place.read_bytes().replace(b"/etc/motd", b"/etc/mold"))
    spared(host, made)
    assert asks(host) == [sha256(made.parcel(0).document)]
    assert host.reports() == []


def test_a_centre_that_names_a_document_which_the_release_does_not_is_refused(host: Bench) -> None:
    held = sha256(same(host, 4).parcel(0).document)
    spared(host, host.release(4, host.document(files=[text_file("/etc/motd", "new")])), known=held)
    assert host.reports()[-1].outcome is Outcome.REFUSED
    assert host.machine.files["/etc/motd"] == sha256(b"hi")
