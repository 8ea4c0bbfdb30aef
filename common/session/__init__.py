"""The protocol: who may say what when. Both ends, as state machines without sockets, disks or clocks.

A connection begins with the host's Hello. The centre answers with Denied, or with Pending and nothing else until an
operator admits the key, or with everything the host lacks, in this order: policies, admission, reset, freshness,
release, acknowledgement. From then on the host asks on a beat; the centre answers, and pushes what is new at once.

Invariants:
- nothing reaches a host that is not admitted but Pending, and nothing of it but its identity request is kept;
- a report is repeated until it is acknowledged, in order, at most WINDOW under way;
- one Delivered per release and connection, again only after REDELIVER seconds: a host that refuses a release is not
  sent it with each beat;
- a document that the host says it holds, or that it was sent last, is left out; a host that lacks it after all says so
  and is sent the release once more, with it;
- a host from which nothing is heard is sent at most UNHEARD releases and plan requests: the newest waits for its word;
- whatever is said out of turn is answered by cutting the connection, never by guessing.

Signatures are not checked here: the host's executor does it (trust.py), the centre's intake does it. The daemons
(minion/executor.py, master/hub.py) and the simulator drive these classes. (design section 4)
"""

from __future__ import annotations

from orch.common.session.centre import (
    Answer,
    CentreEffect,
    CentreSession,
    Cut,
    Head,
    Heard,
    Known,
    Relay,
    Requested,
    StoreReport,
    View,
)
from orch.common.session.host import (
    CheckFresh,
    Forget,
    Held,
    HostEffect,
    HostSession,
    Say,
    SendReports,
    Standing,
    Take,
)
from orch.common.session.pace import BEAT, GONE, REDELIVER, REPEAT, SILENT, UNHEARD, WINDOW

__all__ = [
    "BEAT",
    "GONE",
    "REDELIVER",
    "REPEAT",
    "SILENT",
    "UNHEARD",
    "WINDOW",
    "Answer",
    "CentreEffect",
    "CentreSession",
    "CheckFresh",
    "Cut",
    "Forget",
    "Head",
    "Heard",
    "Held",
    "HostEffect",
    "HostSession",
    "Known",
    "Relay",
    "Requested",
    "Say",
    "SendReports",
    "Standing",
    "StoreReport",
    "Take",
    "View",
]
