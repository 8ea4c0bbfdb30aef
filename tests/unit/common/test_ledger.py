"""The history of an estate: believed as far as it is signed, and a host's reports as far as they follow each other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orch.common import attest, authoring, ledger
from orch.common.crypto import sha256
from orch.common.envelope import open_envelope
from orch.common.identity import Revocation
from orch.common.report import TYPE, Outcome, Report, Trigger
from tests.fakes import signed_estate as estate

POLICIES = (estate.POLICY,)
ME = estate.admission()
KEY = estate.signing(ME.host)


def revocation(*by: str, of: str = estate.ESTATE) -> bytes:
    made = Revocation(estate=of, host=ME.host, curve=ME.curve, issued=estate.NOW, reason="stolen")
    return authoring.sign_revocation(made, keys=estate.keys(*by))


@pytest.mark.parametrize(
    ("kind", "envelope", "by", "what"),
    [
        ("policy", estate.policy_bytes(), ("the root",), "policy 1; operators: anna, bert, carl, dora"),
        ("admission", estate.admission_bytes(ME), ("anna",), "library/dom0 let in: scope main, ring stable"),
        ("revocation", revocation("carl"), ("carl",), "library/dom0 revoked: stolen"),
        ("release", estate.release().envelope, ("anna",), "release 1:2 of main for 4 hosts"),
    ],
)
def test_says_who_decided_what(kind: str, envelope: bytes, by: tuple[str, ...], what: str) -> None:
    found = ledger.read(POLICIES, kind, envelope)
    assert (found.problem, found.by, found.what) == ("", by, what)
    assert found.time <= estate.NOW


@pytest.mark.parametrize(
    ("kind", "envelope"),
    [
        ("policy", estate.policy_bytes(replace(estate.POLICY, operators=()))),
        ("policy", estate.policy_bytes(replace(estate.POLICY, version=9))),
        ("admission", estate.admission_bytes(ME, "a thief")),
        ("revocation", revocation("a thief")),
        ("revocation", revocation("anna", of="other")),
        ("release", estate.release(by=("a thief",)).envelope),
        ("release", estate.policy_bytes()),
        ("wedding", estate.policy_bytes()),
        ("release", b"nonsense"),
    ],
)
def test_what_nobody_signed_is_said_and_not_believed(kind: str, envelope: bytes) -> None:
    found = ledger.read(POLICIES, kind, envelope)
    assert found.problem
    assert (found.time, found.by, found.what) == (0, (), "")


def reports(count: int, *, first: int = 1) -> list[bytes]:
    found, previous = [], b"" if first == 1 else bytes(32)
    for sequence in range(first, first + count):
        made = Report(
            host=ME.host,
            curve=ME.curve,
            boot=bytes(16),
            sequence=sequence,
            previous=previous,
            time=estate.NOW,
            trigger=Trigger.TIMER,
            epoch=1,
            number=2,
            release=bytes(32),
            document=bytes(32),
            outcome=Outcome.APPLIED,
            steps=(),
        )
        found.append(attest.sign_report(made, KEY))
        previous = sha256(open_envelope(found[-1], type=TYPE, limit=1 << 20).body)
    return found


def test_reports_that_follow_each_other_are_whole_wherever_they_begin() -> None:
    assert ledger.follow(ME, reports(5)) == ledger.Trail(count=5, first=1, last=5)
    assert ledger.follow(ME, reports(3, first=70)) == ledger.Trail(count=3, first=70, last=72)
    assert ledger.follow(ME, ()) == ledger.Trail()


def test_a_report_that_is_left_out_is_missed() -> None:
    made = reports(5)
    found = ledger.follow(ME, made[:2] + made[3:])
    assert found.problems == ("report 4 comes after 2: 1 lack",)


def test_a_report_of_another_history_is_found_by_the_hash() -> None:
    made, other = reports(4), reports(4, first=2)
    found = ledger.follow(ME, [*made[:2], other[1], *made[3:]])
    assert found.problems == (
        "report 3 does not name report 2 as the one before it",
        "report 4 does not name report 3 as the one before it",
    )


def test_a_report_that_the_host_did_not_sign_is_named() -> None:
    made = reports(3)
    found = ledger.follow(replace(ME, sign=estate.signing("somebody").public), made)
    assert len(found.problems) == 3
    assert "not signed by library/dom0" in found.problems[0]
