"""The operator: signs with real keys, and asks the centre over a connection of its own until it is answered.

Like `orch apply`, it looks at what the centre has and signs what follows that, so what the centre refused, as it had
expired before it arrived, stands in the way of nothing.

What was asked and not answered, because the centre was killed, is asked again with the same bytes: an answer that was
lost and a change that was lost look alike from here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256 as hash_of
from pathlib import Path
from typing import TypeAlias

from orch.common import authoring, codec, messages
from orch.common import operations as op
from orch.common.authoring import Authored, Draft
from orch.common.crypto import sha256
from orch.common.document import Document, File, ListFile, Packages, Reconcile
from orch.common.identity import Admission, Revocation
from orch.common.messages import FRAME_LIMIT, Answer
from orch.common.policy import Operator, Policy, ScopeEpoch
from tests.fakes import signed_estate as estate
from tests.sim.agenda import Agenda, Dice
from tests.sim.centre import SimCentre
from tests.sim.clock import true_time
from tests.sim.history import History, Signed
from tests.sim.host import SimHost
from tests.sim.line import Frames, Line, Road
from tests.sim.machine import MARKER, SERVICES, marker

AGAIN = 5.0
EVERY = 6 * 3600


Requests: TypeAlias = "tuple[tuple[str, object], ...]"


@dataclass(frozen=True, slots=True)
class Wish:
    """Requests that belong together: on a new connection all of them are said again."""

    requests: Requests
    done: Callable[[Answer], None]
    looks: Callable[[Answer], Requests] | None = None  # what the first answer leads to, in the place of these


@dataclass(frozen=True, slots=True)
class Intent:
    """A release that is to be signed."""

    hosts: tuple[SimHost, ...]
    epoch: int
    seconds: int  # until it expires
    by: str


class SimOperator:
    """One person with all rights."""

    def __init__(self, centre: SimCentre, history: History, dice: Dice, spool: Path) -> None:
        """Has asked nothing yet."""
        self._centre, self._history, self._dice, self._spool = centre, history, dice, spool
        self._agenda: Agenda = centre.agenda
        self._road = Road(centre.agenda, dice.own("desk"))
        self._line: Line | None = None
        self._wishes: deque[Wish] = deque()
        self._at = 0
        self._asked = 0
        self.policy: Policy = estate.POLICY
        self.epoch = 1
        self.number = 0  # the newest that it signed in this epoch
        self.releases: list[Authored] = []  # all that were ever signed
        self.refused: list[str] = []

    @property
    def is_idle(self) -> bool:
        """Whether all is answered."""
        return not self._wishes

    # --- what it wants ------------------------------------------------------------------------------

    def admit(self, hosts: Sequence[SimHost]) -> None:
        """Let these in."""
        for host in hosts:
            envelope = authoring.sign_admission(_admission(host), keys=estate.keys("anna"))
            self._wish((("key.admit", op.Signed(envelope)),), lambda answer: self._heard("admit", answer))

    def publish(self, hosts: Sequence[SimHost], *, seconds: int, by: str = "anna") -> None:
        """Look at what is newest, then sign and publish a release that expires in so many seconds."""
        intent = Intent(tuple(hosts), self.epoch, seconds, by)
        self._wish(
            (("scope.head", op.ScopeAsked("main")),),
            lambda answer: self._heard("publish", answer),
            lambda answer: self._signed(intent, codec.decode(op.ScopeHead, answer.result, limit=FRAME_LIMIT)),
        )

    def _signed(self, intent: Intent, head: op.ScopeHead) -> Requests:
        follows = head if head.epoch == intent.epoch else op.ScopeHead(intent.epoch, 0, b"")
        number = max(follows.number, self.number if intent.epoch == self.epoch else 0) + 2
        if intent.epoch == self.epoch:
            self.number = number
        now = true_time(self._agenda)
        lists = [self._list() for _ in range(2)]
        place = (intent.epoch, number)
        documents = [self._document(host, lists[self._dice.randrange(2)], place) for host in intent.hosts]
        draft = Draft(
            estate=estate.ESTATE,
            scope="main",
            epoch=intent.epoch,
            number=number,
            previous=follows.release,
            created=now,
            expires=now + intent.seconds,
        )
        made = authoring.sign_release(
            draft, [codec.encode(document) for document, _ in documents], keys=estate.keys(intent.by)
        )
        for content, (_document, services) in zip(made.documents, documents, strict=True):
            self._history.signed[sha256(content)] = Signed(intent.epoch, number, draft.expires, services)
        self.releases.append(made)
        self._history.note(f"operator signs {intent.epoch}:{number} for {len(intent.hosts)} hosts, {intent.seconds} s")
        return (
            *(("blob.put", piece) for piece in (_piece(content) for content, _services in lists)),
            ("document.hold", op.Documents(made.documents)),
            ("release.put", op.Publish(release=made.envelope, documents=tuple(map(sha256, made.documents)))),
        )

    def drop_bert(self) -> None:
        """A policy without him: what he signed changes nothing any more."""
        self._rule(tuple(person for person in self.policy.operators if person.name != "bert"))

    def give_bert_all(self) -> None:
        """A policy in which bert may publish everywhere."""
        others = tuple(person for person in self.policy.operators if person.name != "bert")
        self._rule((*others, estate.person("bert", *estate.ANNA.grants)))

    @property
    def signers(self) -> tuple[str, ...]:
        """Who may publish to all rings, as the newest policy says."""
        return tuple(person.name for person in self.policy.operators if person.grants == estate.ANNA.grants)

    def open_epoch(self) -> None:
        """A policy that starts the numbers anew."""
        self.epoch += 1
        self.number = 0
        self._rule(self.policy.operators)

    def _rule(self, people: tuple[Operator, ...]) -> None:
        self.policy = replace(
            self.policy,
            version=self.policy.version + 1,
            issued=true_time(self._agenda),
            operators=people,
            epochs=(ScopeEpoch("main", self.epoch),),
        )
        self._history.note(f"operator makes policy {self.policy.version}: {self.signers}, epoch {self.epoch}")
        envelope = authoring.sign_policy(self.policy, keys=estate.keys("root"))
        self._wish((("policy.put", op.Signed(envelope)),), lambda answer: self._heard("policy", answer))

    def revoke(self, host: SimHost) -> None:
        """Shut a host out for good."""
        host.is_revoked = True
        self._history.note(f"operator revokes {host.name}")
        made = Revocation(estate=estate.ESTATE, host=host.name, curve=host.curve, issued=true_time(self._agenda))
        envelope = authoring.sign_revocation(made, keys=estate.keys("anna"))
        self._wish((("key.revoke", op.Signed(envelope)),), lambda answer: self._heard("revoke", answer))

    # --- documents ----------------------------------------------------------------------------------

    def _list(self) -> tuple[bytes, frozenset[str]]:
        services = frozenset(name for name in SERVICES if self._dice.chance(0.5)) or frozenset(SERVICES[:1])
        return "".join(f"{name}\n" for name in sorted(services)).encode(), services

    def _document(
        self, host: SimHost, chosen: tuple[bytes, frozenset[str]], release: tuple[int, int]
    ) -> tuple[Document, frozenset[str]]:
        content, services = chosen
        name = f"base{hash_of(content).hexdigest()[:12]}"
        place = self._spool / "lists" / f"{name}.list"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content)
        text = marker(*release, host.name)
        made = Document(
            estate=estate.ESTATE,
            host=host.name,
            curve=host.curve,
            scope="main",
            lists=(ListFile(name, sha256(content), len(content)),),
            packages=Packages(lists=(name,)),
            files=(File(path=MARKER, sha256=sha256(text), size=len(text), content=text),),
            reconcile=Reconcile(every=EVERY),
        )
        return made, services

    # --- asking -------------------------------------------------------------------------------------

    def _wish(
        self,
        requests: Requests,
        done: Callable[[Answer], None],
        looks: Callable[[Answer], Requests] | None = None,
    ) -> None:
        self._wishes.append(Wish(requests, done, looks))
        if len(self._wishes) == 1:
            self._ask()

    def _ask(self) -> None:
        if not self._wishes:
            return
        if self._line is None and not self._connect():
            self._agenda.after(AGAIN, self._ask_again)
            return
        operation, arguments = self._wishes[0].requests[self._at]
        self._asked += 1
        request = messages.Request(
            id=self._asked, protocol=messages.PROTOCOL, operation=operation, arguments=codec.encode(arguments)
        )
        assert self._line is not None
        self._line.send("centre", messages.to_frames(request))

    def _ask_again(self) -> None:
        if self._line is None:
            self._at = 0
            self._ask()

    def _connect(self) -> bool:
        line = Line(self._road, peer=self._centre.peer(), host=self, centre=self._centre)
        if not self._centre.accept(line, estate.curve("anna").public):
            return False
        self._line = line
        return True

    def _heard(self, what: str, answer: Answer) -> None:
        if answer.code:
            self.refused.append(f"{what}: {answer.code}: {answer.text}")
            self._history.note(f"operator is refused: {self.refused[-1]}")

    def arrived(self, line: Line, frames: Frames) -> None:
        message = messages.from_frames(frames)
        if line is not self._line or not isinstance(message, Answer) or message.id != self._asked:
            return
        wish = self._wishes[0]
        if wish.looks is not None and not message.code:
            self._wishes[0] = Wish(wish.looks(message), wish.done)
            self._ask()
            return
        self._at += 1
        if message.code or self._at == len(wish.requests):
            self._wishes.popleft()
            self._at = 0
            wish.done(message)
        self._ask()

    def ended(self, line: Line) -> None:
        if line is self._line:
            self._line = None
            self._agenda.after(AGAIN, self._ask_again)


def _admission(host: SimHost) -> Admission:
    return Admission(
        estate=estate.ESTATE,
        host=host.name,
        curve=host.curve,
        sign=host.sign,
        seal=host.seal,
        scope="main",
        ring="stable",
        serial=1,
        issued=estate.NOW,
    )


def _piece(content: bytes) -> op.Piece:
    return op.Piece(sha256=sha256(content), size=len(content), offset=0, data=content)
