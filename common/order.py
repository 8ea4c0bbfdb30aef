"""Signed requests that are not releases: orders that act once, and plan requests that only look.

A plan request travels under its own type and is signed with a login key: it can never touch floor or inbox.
(design section 3)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from orch.common.codec import Bytes16, Bytes32, Length, Line
from orch.common.names import Name

ORDER_TYPE = "orch/order/1"
PLAN_TYPE = "orch/plan-request/1"
LIMIT = 512 * 1024
"""Room for ten thousand keys of 34 bytes and the arguments."""


class Kind(Enum):
    """What an order asks for."""

    RUN = "run"
    RESTART = "restart"
    REBOOT = "reboot"
    RECONCILE = "reconcile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Do this once, on these hosts, before it expires."""

    estate: Name
    scope: Name
    id: Bytes16
    hosts: Annotated[tuple[Bytes32, ...], Length(1, 10_000)]  # CURVE keys
    kind: Kind
    arguments: Annotated[tuple[Line, ...], Length(0, 64)] = ()
    issued: int
    expires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What would you do with this document? Answered, never done."""

    estate: Name
    scope: Name
    id: Bytes16
    root: Bytes32
    count: int
    issued: int
    expires: int
