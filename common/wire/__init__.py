"""Sockets that carry messages' frames: the only door to ZeroMQ.

One ROUTER at the centre, one DEALER per connection of a host or an operator, both ends CURVE. What measured.md found is
built in here, with the reason beside each option. Nothing here knows what the frames mean.

Invariants:
- the centre's socket is never bound before the ZAP handler runs: CURVE without one admits any key;
- identity is the key that CURVE proved (`User-Id`), taken from the first body frame; no ROUTING_ID is ever set;
- no send blocks: a peer that is gone or whose queue is full loses its connection or waits, nobody else does;
- whoever says nothing, or sends what never becomes a whole message, is bounded (visitors.py);
- a Link is one connection and never reconnects by itself: whoever made it makes the next, to another address or with
  another server key, after a pause of its own choosing (messages queued across a reconnect are lost at random).

The centre's end (centre.py, visitors.py) is imported by its own name: whoever dials would pay for it at each start.
"""

from orch.common.wire.link import Dial as Dial
from orch.common.wire.link import Event as Event
from orch.common.wire.link import Link as Link
from orch.common.wire.link import Pulse as Pulse
from orch.common.wire.sockets import Context as Context
from orch.common.wire.sockets import Keys as Keys
from orch.common.wire.sockets import Sendable as Sendable
from orch.common.wire.sockets import Sent as Sent
from orch.common.wire.sockets import Shared as Shared
from orch.common.wire.sockets import Waiter as Waiter
from orch.common.wire.sockets import make_keys as make_keys
from orch.common.wire.sockets import public_of as public_of
