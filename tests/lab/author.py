"""The operator's hand, without `orch` around it: it signs what the tool would never sign.

`orch` refuses to sign two releases under one number, one that has expired, or one for somebody else's host; a test that
wants to see a host refuse such a thing signs it here, with the operator's own real keys.

Called by the system tests.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from orch.common import authoring, keyfile
from orch.common.authoring import Authored, Draft, Question
from orch.common.crypto import SigningKey, open_file
from orch.common.policy import Policy
from tests.lab.fleet import ESTATE, PASSPHRASE, Fleet

DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What the operator of a one-operator estate holds."""

    signing: SigningKey
    root: SigningKey
    login: SigningKey

    @classmethod
    def of(cls, fleet: Fleet) -> Keys:
        """Those of the fleet's operator."""
        return cls.read(fleet.folders.home / ESTATE)

    @classmethod
    def read(cls, folder: Path) -> Keys:
        """Those in a folder of an operator."""

        def sealed(name: str) -> SigningKey:
            return SigningKey.from_seed(open_file((folder / name).read_text("utf-8"), PASSPHRASE))

        login = keyfile.read_login((folder / "login.key").read_text("utf-8"))
        return cls(signing=sealed("signing.key"), root=sealed("root.key"), login=SigningKey.from_seed(login.sign))


def now() -> int:
    """The time of this machine, which is everybody's here."""
    return int(time.time())


def release(draft: Draft, documents: tuple[bytes, ...], *, by: tuple[SigningKey, ...], **changes: object) -> Authored:
    """A release like `draft`, but for `changes`; the parcels are in the order of the documents."""
    return authoring.sign_release(replace(draft, **changes), documents, keys=by)  # type: ignore[arg-type]


def draft(number: int, *, scope: str, epoch: int = 1) -> Draft:
    """A release of a scope, made just now, good for a month."""
    return Draft(estate=ESTATE, scope=scope, epoch=epoch, number=number, created=now() - 5, expires=now() + 30 * DAY)


def question(number: int, *, scope: str) -> Question:
    """A plan request, made just now, good for some minutes."""
    return Question(estate=ESTATE, scope=scope, id=number.to_bytes(16, "big"), issued=now() - 5, expires=now() + 600)


def next_policy(policy: Policy, *, by: tuple[SigningKey, ...], **changes: object) -> bytes:
    """The signed policy after `policy`, with `changes`."""
    made = replace(policy, **{"version": policy.version + 1, "issued": now(), **changes})  # type: ignore[arg-type]
    return authoring.sign_policy(made, keys=by)
