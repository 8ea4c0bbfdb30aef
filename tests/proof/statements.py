"""One of everything that is signed, with the verdict that must refuse whatever is not exactly it.

Called by the unit tests, which change every byte, and by the family `signed`, which throws dice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from orch.common import attest, authoring, enrolment, sealed, trust
from orch.common.crypto import CurveKey
from orch.common.document import COPY
from orch.common.enrolment import Enrolment
from orch.common.errors import Refused, Shut
from orch.common.identity import Reset, Revocation
from orch.common.order import Kind, Order
from orch.common.policy import KeySet, Policy
from orch.common.release import Go, Parcel
from orch.common.report import Outcome, PlanAnswer, Report, Trigger
from orch.common.sealed import Closed, Slot
from tests.fakes.signed_estate import (
    ESTATE,
    NOW,
    POLICY,
    admission,
    admission_bytes,
    body_hash,
    fresh,
    keys,
    plan_request,
    policy_bytes,
    release,
    request,
    signing,
    standing,
)

ME = admission()
STATE = standing()
STEP = release()
PLAN = plan_request()
FRESH = fresh()
HELD = replace(STATE, floor=trust.judge_release(STATE, STEP.parcel(0), now=NOW).floor)
ROOTS = replace(POLICY, root=KeySet(2, (signing("root").public, signing("recovery").public)))
REQUEST = attest.sign_identity_request(request(), signing("library/dom0"))
GO = Go(
    estate=ESTATE, scope="main", epoch=1, number=2, release=STEP.hash, rings=("stable",), issued=NOW, expires=NOW + 1
)
ORDER = Order(
    estate=ESTATE, scope="main", id=bytes(16), hosts=(ME.curve,), kind=Kind.REBOOT, issued=NOW, expires=NOW + 1
)
GONE = Revocation(estate=ESTATE, host=ME.host, curve=ME.curve, issued=NOW)
RESET = Reset(estate=ESTATE, curve=ME.curve, nonce=bytes(32), epoch=1, number=2, issued=NOW)
REPORT = Report(
    host=ME.host, curve=ME.curve, boot=bytes(16), sequence=1, previous=b"", time=NOW, trigger=Trigger.RELEASE, epoch=1,
    number=2, release=STEP.hash, document=b"", outcome=Outcome.APPLIED,
)  # fmt: skip
PLAN_ANSWER = PlanAnswer(request=bytes(16), host=ME.host, curve=ME.curve, time=NOW, document=b"")
TOKEN = enrolment.write(Enrolment(estate=ESTATE, policy=policy_bytes(), pin=body_hash(policy_bytes()))).encode()


def _enrolled(data: bytes) -> Policy:
    """What a new host believes after this enrolment file, where its words were compared with the true one's."""
    found = enrolment.read(data.decode("utf-8", "replace"))
    return trust.take_policy(None, found.policy, pinned=body_hash(policy_bytes()))


HOST = CurveKey.from_secret(bytes([7]) * 32)
SLOT = Slot(estate=ESTATE, scope="main", host=ME.host, path="/etc/token", secret="token", value=bytes(16))
SEALED = sealed.for_host(bytes(32), SLOT, HOST.public) + sealed.close(b"correct horse", SLOT.what, seed=bytes(32))


def _opened(data: bytes) -> bytes:
    """What the host opens: its copy of the key, and the box behind it."""
    try:
        return sealed.open_here(HOST, Closed(slot=SLOT, key=data[:COPY], box=data[COPY:]))
    except Shut as err:
        raise Refused(err.text) from err


Verdict = Callable[[bytes], object]
SIGNED: dict[str, tuple[bytes, Verdict]] = {
    "release": (
        STEP.envelope,
        lambda data: trust.judge_release(STATE, Parcel(data, STEP.documents[0], STEP.proofs[0]), now=NOW),
    ),
    "document": (
        STEP.documents[0],
        lambda data: trust.judge_release(STATE, Parcel(STEP.envelope, data, STEP.proofs[0]), now=NOW),
    ),
    "plan request": (
        PLAN.envelope,
        lambda data: trust.judge_plan_request(STATE, data, document=PLAN.documents[0], proof=PLAN.proofs[0], now=NOW),
    ),
    "policy": (
        policy_bytes(replace(ROOTS, version=2), "root", "recovery"),
        lambda data: trust.take_policy(ROOTS, data),
    ),
    "admission": (
        admission_bytes(ME),
        lambda data: trust.take_admission(POLICY, data, mine=None, current=None, now=NOW),
    ),
    "identity request": (REQUEST, trust.check_identity_request),
    "fresh": (FRESH.envelope, lambda data: trust.judge_fresh(STATE, data, nonce=FRESH.nonce)),
    "go": (authoring.sign_go(GO, keys=keys("anna")), lambda data: trust.judge_go(HELD, data, now=NOW)),
    "order": (authoring.sign_order(ORDER, keys=keys("anna")), lambda data: trust.judge_order(STATE, data, now=NOW)),
    "revocation": (
        authoring.sign_revocation(GONE, keys=keys("carl")),
        lambda data: trust.take_revocation(POLICY, data, admission=ME, now=NOW),
    ),
    "reset": (
        authoring.sign_reset(RESET, keys=keys("root", "carl")),
        lambda data: trust.take_reset(POLICY, data, me=ME, nonce=bytes(32), now=NOW),
    ),
    "report": (attest.sign_report(REPORT, signing(ME.host)), lambda data: trust.judge_report(ME, data)),
    "plan answer": (
        attest.sign_plan_answer(PLAN_ANSWER, signing(ME.host)),
        lambda data: trust.judge_plan_answer(ME, data, request=bytes(16)),
    ),
}
"""By name: the bytes, and what says whether it takes them."""

TEXTS: dict[str, tuple[bytes, Verdict]] = {"enrolment file": (TOKEN, _enrolled), "sealed secret": (SEALED, _opened)}
"""The same for what is in no envelope: what people carry (other blanks, and words around it, change nothing), and what
is sealed to a host."""
