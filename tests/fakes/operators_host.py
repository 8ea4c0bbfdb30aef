"""A machine as the operator's centre in memory knows it (operators_centre.py)."""

from __future__ import annotations

from dataclasses import dataclass, field

from orch.common import attest
from orch.common.crypto import CurveKey, SigningKey
from orch.common.identity import IdentityRequest
from orch.common.report import Change, Reason, Sign, StepOutcome, StepReport

MOTD = StepReport(
    resource="file /etc/motd",
    outcome=StepOutcome.DONE,
    changes=(Change(sign=Sign.CHANGE, kind="file", name="/etc/motd", before="1 line", after="2 lines"),),
)


@dataclass(slots=True)
class FakeHost:
    """A machine that asks to be let in, and how it behaves."""

    name: str
    estate: str
    curve: CurveKey = field(default_factory=CurveKey.generate)
    sign: SigningKey = field(default_factory=SigningKey.generate)
    connected: bool = True
    heard: int = 0
    outcome: str = "applied"  # of whatever it is given; empty: it never answers
    text: str = ""
    plan: tuple[StepReport, ...] = (MOTD,)
    reason: Reason | None = None
    forges: bool = False  # signs its plans with another key

    @property
    def request(self) -> bytes:
        made = IdentityRequest(
            estate=self.estate,
            host=self.name,
            curve=self.curve.public,
            sign=self.sign.public,
            seal=self.curve.public,
            machine="a test",
        )
        return attest.sign_identity_request(made, self.sign)
