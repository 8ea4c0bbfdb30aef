"""Every operation by every credential, over real sockets: allowed exactly where the table says (CVE class C4).

The rows are operations.OPERATIONS, so a new operation is an error here until it is said who may do it. There are two
questions for each: whose key may dial, and whose signature must be on what is handed over. Only the second is an authority.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from orch.common import authoring, codec, envelope, report
from orch.common import operations as op
from orch.common.crypto import sha256
from orch.common.identity import Reset, Revocation
from orch.common.operations import OPERATIONS
from orch.common.policy import Grant, Verb
from orch.common.report import Outcome, Report, Trigger
from tests.fakes import signed_estate as estate
from tests.fakes.running_centre import FakeOperator, RunningCentre

HOST, PENDING, REVOKED, SECOND = "library/dom0", "site1/dom0", "site2/dom0", "site3/dom0"
OLGA = estate.person("olga", Grant(("north",), estate.ALL, tuple(Verb)))
POLICY = replace(estate.POLICY, version=2, operators=(*estate.POLICY.operators, OLGA))
QUESTION = bytes(range(32))

DIALLERS = ("anna", "bert", "carl", "olga")
"""Operators of the policy in force: whatever they are granted, they may ask."""
OUTSIDERS = ("a stranger", PENDING, HOST, REVOKED, "dora", "anna's thief")
"""dora's days have ended."""

By = tuple[str, ...]
NOBODY: tuple[By, ...] = ((), ("a stranger",), ("fresh",), (HOST,), ("dora",), ("olga",), ("anna login",))
"""Signatures that count nowhere in scope main: no key, a wrong ring of keys, an end that has passed, another scope."""


class World:
    """A centre with everybody in it, and what can be handed over to it."""

    def __init__(self, centre: RunningCentre) -> None:
        self.centre = centre
        centre.admitted(HOST)
        for name in (PENDING, SECOND, REVOKED):
            host = centre.host(name)
            centre.until(lambda host=host: "pending" in host.standing)  # type: ignore[misc]
        centre.admit(REVOKED)
        centre.revoke(REVOKED)
        centre.ask("policy.put", op.Signed(estate.policy_bytes(POLICY)), op.Nothing)
        self.number = 0
        self.published = b""
        self.version = POLICY.version
        self.host = centre.hosts[0]

    # --- what is handed over, signed by some -----------------------------------------------------------------

    def content(self, _by: By) -> op.ContentAsked:
        return op.ContentAsked(sha256=self.centre.upload(b"x"))

    def nothing(self, _by: By) -> object:
        return op.Nothing()

    def policy(self, by: By) -> object:
        return op.Signed(authoring.sign_policy(replace(POLICY, version=self.version + 1), keys=estate.keys(*by)))

    def release(self, by: By) -> object:
        made = estate.release(estate.draft(self.number + 2), by=by, contents=(codec.encode(estate.document()),))
        return op.Publish(release=made.envelope, documents=tuple(map(sha256, made.documents)))

    def past(self, _by: By) -> object:
        """A document of a release that is there."""
        if not self.published:
            self.published = self.centre.publish_to(HOST).hash
        return op.DocumentAsked(host=HOST, release=self.published)

    def plan(self, by: By) -> object:
        asked = authoring.Question(
            estate=estate.ESTATE, scope="main", id=bytes(16), issued=estate.NOW, expires=estate.NOW + 60
        )
        made = authoring.sign_plan_request(asked, (codec.encode(estate.document()),), keys=estate.keys(*by))
        return op.AskPlan(request=made.envelope, documents=tuple(map(sha256, made.documents)))

    def admission(self, by: By) -> object:
        return op.Signed(authoring.sign_admission(estate.admission(self.waiting()), keys=estate.keys(*by)))

    def waiting(self) -> str:
        """A host that waits; the next one once the first was let in."""
        return PENDING if PENDING not in self.centre.rows() else SECOND

    def revocation(self, by: By) -> object:
        me = estate.admission(HOST)
        made = Revocation(estate=estate.ESTATE, host=HOST, curve=me.curve, issued=estate.NOW)
        return op.Signed(authoring.sign_revocation(made, keys=estate.keys(*by)))

    def reset(self, by: By) -> object:
        made = Reset(
            estate=estate.ESTATE, curve=estate.admission().curve, nonce=QUESTION, epoch=1, number=2, issued=estate.NOW
        )
        return op.Signed(authoring.sign_reset(made, keys=estate.keys(*by)))

    def report(self, by: By) -> object:
        made = Report(
            host=HOST,
            curve=estate.admission(HOST).curve,
            boot=bytes(16),
            sequence=1,
            previous=b"",
            time=estate.NOW,
            trigger=Trigger.RELEASE,
            epoch=1,
            number=2,
            release=b"",
            document=b"",
            outcome=Outcome.APPLIED,
        )
        signed = envelope.seal(report.TYPE, codec.encode(made), estate.keys(*by))
        return op.Carried(host=HOST, curve=made.curve, reports=(signed,))

    # --- what must be there before -------------------------------------------------------------------------------

    def asks_for_a_reset(self) -> None:
        sequence = self.host.report(Outcome.REFUSED, refused="floor", question=QUESTION)
        self.centre.until(lambda: self.host.acknowledged == sequence)

    def try_it(self, operation: str, arguments: object, *, by: FakeOperator) -> str:
        """The code of the answer; "cut" for no answer at all; empty where it was done."""
        number = by.send(operation, arguments)
        self.centre.until(lambda: by.to(number) or by.cut, operation)
        answers = by.to(number)
        if not answers:
            return "cut"
        assert not (answers[0].code and answers[0].result)
        return answers[0].code


@dataclass(frozen=True, kw_only=True)
class Cell:
    """An operation: what is handed over, and whose signatures make it count; none where nothing is signed."""

    make: Callable[[World, By], object]
    right: tuple[By, ...] = ()
    wrong: tuple[By, ...] = ()
    before: Callable[[World], None] = lambda _world: None
    after: Callable[[World], None] = lambda _world: None


def _asking(arguments: object) -> Cell:
    return Cell(make=lambda _world, _by: arguments)


def _next_policy(world: World) -> None:
    world.version += 1


def _next_release(world: World) -> None:
    world.number += 2


TABLE: dict[str, Cell] = {
    "policy.get": _asking(op.After(0)),
    "policy.put": Cell(
        make=World.policy,
        right=(("root",), ("recovery",)),
        wrong=(("anna",), ("carl",), ("anna", "carl")),
        after=_next_policy,
    ),
    "scope.head": _asking(op.ScopeAsked("main")),
    "blob.missing": _asking(op.Hashes((bytes(32),))),
    "blob.put": _asking(op.Piece(sha256=sha256(b"x"), size=1, offset=0, data=b"x")),
    "blob.get": Cell(make=World.content),
    "document.hold": _asking(op.Documents((codec.encode(estate.document()),))),
    "release.put": Cell(
        make=World.release, right=(("anna",), ("bert", "anna")), wrong=(("root",), ("bert",), ("carl",))
    ),
    "plan.ask": Cell(
        make=World.plan,
        right=(("anna login",),),
        wrong=(("anna",), ("root",), ("bert login",), ("carl login",), ("dora login",), ("olga login",)),
    ),
    "key.list": Cell(make=World.nothing),
    "key.admit": Cell(
        make=World.admission, right=(("anna",), ("carl",)), wrong=(("root",), ("bert",), ("carl login",))
    ),
    "key.reject": _asking(op.KeyAsked(estate.admission(PENDING).curve)),
    "key.revoke": Cell(make=World.revocation, right=(("carl",),), wrong=(("bert",), ("carl login",))),
    "key.reset": Cell(
        make=World.reset,
        right=(("root", "carl"), ("recovery", "anna")),
        wrong=(
            ("root",),
            ("carl",),
            ("anna",),
            ("root", "bert"),
            ("root", "olga"),
            ("root", "dora"),
            ("root", "carl login"),
        ),
        before=World.asks_for_a_reset,
    ),
    "centre.get": Cell(make=World.nothing),
    "status.get": Cell(make=World.nothing),
    "status.watch": Cell(make=World.nothing),
    "host.explain": _asking(op.HostAsked(HOST)),
    "host.history": _asking(op.HistoryAsked(host=HOST)),
    "host.document": Cell(make=World.past),
    "host.reports": _asking(op.ReportsAsked(host=HOST)),
    "report.put": Cell(
        make=World.report, right=((HOST,),), wrong=(("anna",), ("carl",), ("root",), (SECOND,), (PENDING,))
    ),
    "audit.list": Cell(make=World.nothing),
}


def test_the_table_is_the_table() -> None:
    assert TABLE.keys() == OPERATIONS.keys()


@pytest.fixture
def world(centre: RunningCentre) -> World:
    return World(centre)


def _hold(world: World, dialler: FakeOperator) -> None:
    world.centre.ask("document.hold", op.Documents((codec.encode(estate.document()),)), op.Nothing, by=dialler)


@pytest.mark.parametrize("operation", TABLE)
def test_no_outsider_does_anything_even_with_the_right_signatures(world: World, operation: str) -> None:
    cell = TABLE[operation]
    cell.before(world)
    arguments = cell.make(world, cell.right[0] if cell.right else ())
    rows, keys = world.centre.rows(), world.centre.other_keys()
    for name in OUTSIDERS:
        found = world.try_it(operation, arguments, by=world.centre.operator(name))
        assert found in ({"cut"} if name == REVOKED else {"cut", "not-allowed"}), name
    assert world.centre.rows().keys() == rows.keys()
    assert world.centre.other_keys() == keys


@pytest.mark.parametrize("operation", [name for name, cell in TABLE.items() if cell.right])
def test_only_the_right_signatures_count_whoever_dials(world: World, operation: str) -> None:
    cell = TABLE[operation]
    cell.before(world)
    for name in DIALLERS:
        dialler = world.centre.operator(name)
        _hold(world, dialler)
        for by in (*NOBODY, *cell.wrong):
            if by in cell.right:
                continue
            found = world.try_it(operation, cell.make(world, by), by=dialler)
            assert found in {"bad-signature", "out-of-scope"}, (name, by, found)
    for by in cell.right:
        dialler = world.centre.operator("bert")
        _hold(world, dialler)
        assert world.try_it(operation, cell.make(world, by), by=dialler) == "", by
        cell.after(world)


@pytest.mark.parametrize("operation", [name for name, cell in TABLE.items() if not cell.right])
def test_what_needs_no_signature_is_for_every_operator_of_the_policy(world: World, operation: str) -> None:
    for name in DIALLERS:
        assert world.try_it(operation, TABLE[operation].make(world, ()), by=world.centre.operator(name)) == ""
