"""Who a host is: what it asks for, what an operator signed, and the end of it.

A host makes its own keys and asks with an IdentityRequest, signed with the key it presents. An operator whose
grant has `enrol` answers with an Admission. Both lie in the estate's git, so a new centre can be built from there,
and neither can be made by the master. Scope and ring are taken from here, never from what a host says of itself.
(design section 3)
"""

from __future__ import annotations

from dataclasses import dataclass

from orch.common.codec import Bytes32, Line
from orch.common.names import HostName, Name

REQUEST_TYPE = "orch/identity-request/1"
ADMISSION_TYPE = "orch/admission/1"
REVOCATION_TYPE = "orch/revocation/1"
RESET_TYPE = "orch/reset/1"
LIMIT = 4 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRequest:
    """What a host says when it asks to be let in; signed by `sign`."""

    estate: Name
    host: HostName
    curve: Bytes32  # X25519: the connection, and the host's identity everywhere
    sign: Bytes32  # Ed25519: reports
    seal: Bytes32  # X25519: secrets sealed to this host
    machine: Line = ""  # what the machine says of its hardware; for people


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """An operator's word that this key is that host, in that scope and ring; signed with the verb `enrol`."""

    estate: Name
    host: HostName
    curve: Bytes32
    sign: Bytes32
    seal: Bytes32
    scope: Name
    ring: Name
    serial: int  # from 1; a higher one replaces a lower one
    issued: int

    def __post_init__(self) -> None:
        """Serials start at 1: 0 stands for "not admitted" in a hello."""
        if self.serial < 1:
            raise ValueError("serials start at 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """An operator's word that this key is nobody any more; signed with the verb `enrol`."""

    estate: Name
    host: HostName
    curve: Bytes32
    issued: int
    reason: Line = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """The only way back from a lost floor: for one host and one question of its; root and an operator sign."""

    estate: Name
    curve: Bytes32
    nonce: Bytes32
    epoch: int
    number: int
    issued: int
