"""A fake centre behind a real socket, so that the real line to it can be held to what the fake one does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from orch.common import codec, messages, operations, wire
from orch.common.errors import OrchError
from orch.common.wire.centre import CentreSocket
from tests.fakes.operators_centre import FakeCentre


@contextmanager
def served(fake: FakeCentre, *, secret: bytes, knows: frozenset[bytes]) -> Iterator[str]:
    """Answer at an address on this machine until the end; keys that are not known get "pending"."""
    context = wire.Context()
    door = CentreSocket(context, secret=secret)
    door.bind("tcp://127.0.0.1:*")
    over = threading.Event()
    thread = threading.Thread(target=_serve, args=(fake, door, knows, over), daemon=True)
    thread.start()
    try:
        yield door.endpoint
    finally:
        over.set()
        thread.join()
        door.close()
        context.close()


def _serve(fake: FakeCentre, door: CentreSocket, knows: frozenset[bytes], over: threading.Event) -> None:
    waiter = wire.Waiter()
    waiter.add(door)
    while not over.is_set():
        waiter.wait(0.05)
        for received in door.receive():
            request = messages.from_frames(received.frames)
            assert isinstance(request, messages.Request)
            if received.key not in knows:
                door.send(received.peer, messages.to_frames(messages.Pending()))
                continue
            for answer in _answers(fake, request):
                door.send(received.peer, messages.to_frames(answer))


def _answers(fake: FakeCentre, request: messages.Request) -> Iterator[messages.Answer]:
    operation = operations.OPERATIONS[request.operation]
    takes: type[object] = operation.takes
    gives: type[object] = operation.gives
    try:
        arguments = codec.decode(takes, request.arguments, limit=1 << 24)
        for item in fake.stream(request.operation, arguments, gives):
            if item is None:
                return  # nothing more is coming for now, and the last word was not said
            yield messages.Answer(id=request.id, final=not operation.many, result=codec.encode(item))
    except OrchError as err:
        yield messages.Answer(id=request.id, code=err.code, text=err.text, hint=err.hint)
        return
    if operation.many:
        yield messages.Answer(id=request.id, final=True)
