"""The enrolment file: what a new host must be given so that it knows whose it is.

Text that survives mail and a copy by hand (armour.py): the newest signed policy and its hash. It
holds nothing secret, but it must not be replaced on its way: whoever can do that owns the host.

Refuses to do: judge the policy (trust.take_policy, with the pin that is in here), read or write a file.

Called by the operator's commands, which write it, and by `orch-minion enrol`, which reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from orch.common import armour, codec, phrase
from orch.common.codec import Bytes32, Length
from orch.common.names import Name

LIMIT = 128 * 1024
KIND = "ENROLMENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """Whose the host is to be: the estate, its newest policy as signed, and the SHA-256 of that policy's body."""

    estate: Name
    policy: Annotated[bytes, Length(1, 70_000)]
    pin: Bytes32


def words(pin: bytes) -> str:
    """The check words of an enrolment file: six, for the policy that it makes a host believe."""
    return phrase.check_words(pin)


def write(enrolment: Enrolment) -> str:
    """The text of an enrolment file."""
    head = [f"orch enrolment file of the estate {enrolment.estate}", f"check words: {words(enrolment.pin)}"]
    return armour.write(KIND, codec.encode(enrolment), head=head)


def read(text: str) -> Enrolment:
    """Read an enrolment file; lines before and after the armour do not count.

    Raises:
        Malformed: there is no armour, it is cut, or what it holds is not an enrolment.
    """
    data = armour.read(KIND, text, limit=LIMIT, hint="copy the file ESTATE.enrol again, whole")
    return codec.decode(Enrolment, data, limit=LIMIT)
