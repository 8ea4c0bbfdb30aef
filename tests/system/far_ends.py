"""The two ends of a connection as processes of their own, for lines between namespaces.

    python3 -m tests.system.far_ends centre ADDRESS
    python3 -m tests.system.far_ends host ADDRESS KEY HOSTS_FILE LINE...

The centre says its key, then what it hears, then that whoever said it is gone. The host dials once for each LINE, which becomes the content of
HOSTS_FILE before, and says what came of it, until one attempt succeeds.
"""

from __future__ import annotations

import sys
from pathlib import Path

from orch.common.wire import Context, Dial, Event, Link, Pulse, Waiter, make_keys
from orch.common.wire.centre import CentreSocket

QUICK = Pulse(every=1000, trust=3000)
"""For the centre; hosts have the usual one, so that none of their pings comes in a test."""


def centre(address: str) -> None:
    """Hear one message, and then of its connection's end."""
    context, keys = Context(), make_keys()
    made = CentreSocket(context, secret=keys.secret, pulse=QUICK)
    made.bind(address)
    print(keys.public.hex(), flush=True)
    waiter = Waiter()
    waiter.add(made)
    while not (found := made.receive()):
        waiter.wait(1.0)
    print(found[0].frames[0].decode(), flush=True)
    while not made.gone():
        waiter.wait(0.2)
    print("gone", flush=True)


def host(address: str, server: str, names: Path, *lines: str) -> None:
    """Dial, once for each content of the file of names."""
    context, keys = Context(), make_keys()
    for line in lines:
        names.write_text(f"{line}\n")
        link, waiter = Link(context, Dial(address=address, server=bytes.fromhex(server), keys=keys)), Waiter()
        waiter.add(link)
        link.send((b"hello from afar",))
        while not (events := link.events()):
            waiter.wait(1.0)
        print(events[0].value, flush=True)
        if events == [Event.UP]:
            sys.stdin.read()
        link.close()


if __name__ == "__main__":
    if sys.argv[1] == "centre":
        centre(sys.argv[2])
    else:
        host(sys.argv[2], sys.argv[3], Path(sys.argv[4]), *sys.argv[5:])
