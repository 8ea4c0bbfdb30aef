"""Whoever has stolen the centre: says to hosts what its keys let it say, which is everything, and signs what it can.

It holds what the centre held: old releases, other hosts' documents, the key that proves freshness. It has no key that
commands. Nothing of what it says may be acted on.
"""

from __future__ import annotations

from orch.common import authoring, codec, messages
from orch.common.authoring import Draft
from orch.common.crypto import sha256
from orch.common.document import Document, File, Reconcile
from orch.common.messages import Message
from orch.common.release import Parcel
from tests.fakes import signed_estate as estate
from tests.sim.agenda import Dice
from tests.sim.clock import true_time
from tests.sim.host import SimHost
from tests.sim.operator import SimOperator


class Thief:
    """Speaks on the connections of hosts."""

    def __init__(self, operator: SimOperator, dice: Dice) -> None:
        """Has everything that the centre ever had."""
        self._operator, self._dice = operator, dice
        self.signer = "mallory"  # a fault gives it an operator's key

    def says(self, host: SimHost) -> None:
        """Something to a host that has a connection."""
        line = host.road.line
        if line is not None and (message := self._word(host)) is not None:
            line.send("host", messages.to_frames(message))

    def _word(self, host: SimHost) -> Message | None:
        match self._dice.randrange(6):
            case 0 | 1:
                return self._old(host)
            case 2:
                return self._altered(host)
            case 3 | 4:
                return self._forged(host)
            case _:
                policy = estate.policy_bytes(self._operator.policy, self.signer)
                return messages.PolicySent(version=self._operator.policy.version, envelope=policy)

    def _old(self, host: SimHost) -> Message | None:
        """A release that was good once, for this host or for another."""
        if not self._operator.releases:
            return None
        made = self._dice.choice(self._operator.releases)
        mine = [at for at, content in enumerate(made.documents) if host.curve in content]
        at = mine[0] if mine else self._dice.randrange(len(made.documents))
        return _delivered(made.parcel(at))

    def _altered(self, host: SimHost) -> Message | None:
        said = self._old(host)
        if not isinstance(said, messages.Delivered):
            return None
        content = bytearray(said.release)
        content[self._dice.randrange(len(content))] ^= 1 << self._dice.randrange(8)
        return messages.Delivered(proof=said.proof, release=bytes(content), document=said.document)

    def _forged(self, host: SimHost) -> Message:
        text = b"owned\n"
        document = Document(
            estate=estate.ESTATE,
            host=host.name,
            curve=host.curve,
            scope="main",
            files=(File(path="/etc/owned", sha256=sha256(text), size=len(text), content=text),),
            reconcile=Reconcile(every=3600),
        )
        now = true_time(host.agenda)
        draft = Draft(
            estate=estate.ESTATE,
            scope="main",
            epoch=self._operator.epoch,
            number=self._operator.number + 2,
            created=now,
            expires=now + 86_400,
        )
        made = authoring.sign_release(draft, [codec.encode(document)], keys=estate.keys(self.signer))
        return _delivered(made.parcel(0))


def _delivered(parcel: Parcel) -> Message:
    return messages.Delivered(proof=parcel.proof, release=parcel.release, document=parcel.document)
