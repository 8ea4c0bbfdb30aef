"""How threads hand their results to the loop, and how the loop hands work to threads.

The hub's loop never waits for a disk. Work that does runs on a `Worker`, one piece after the other; what becomes of it
comes back through the `Mailbox`, whose descriptor the loop waits for together with its sockets.

Invariants:
- the functions `then` and `fail` run in the loop's thread, never in a worker's, so no state needs a lock;
- work on one worker is done in the order in which it was asked for, and answered in that order;
- an error that is nobody's business ends neither the worker nor the loop: it becomes a StoreError and is said.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol, TypeVar

from orch.common.errors import OrchError, StoreError

T = TypeVar("T")
Then = Callable[[T], None]
Fail = Callable[[OrchError], None]
Task = Callable[[], None]


class Mailbox:
    """Results on their way to the loop."""

    def __init__(self) -> None:
        """Open the pipe that wakes the loop."""
        self._letters: deque[Task] = deque()
        self.descriptor, self._bell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def post(self, letter: Task) -> None:
        """Have the loop call this; from any thread."""
        self._letters.append(letter)
        try:
            os.write(self._bell, b"x")
        except BlockingIOError:
            return  # the bell rings already

    def take(self) -> list[Task]:
        """What was posted, for the loop to call."""
        with contextlib.suppress(BlockingIOError):  # nobody rang since; there may be letters all the same
            os.read(self.descriptor, 65536)
        return [self._letters.popleft() for _ in range(len(self._letters))]

    def close(self) -> None:
        """Give the pipe back."""
        os.close(self.descriptor)
        os.close(self._bell)


class Works(Protocol):
    """Who does pieces of work beside the loop."""

    def ask(self, job: Callable[[], T], then: Then[T], fail: Fail) -> None:
        """Do `job`; then call `then` with its result, or `fail` with its error, in the loop."""

    def close(self) -> None:
        """Finish what was asked for, and end."""


class Worker:
    """One thread that does one piece of work after the other."""

    def __init__(self, mailbox: Mailbox, name: str) -> None:
        """Start the thread."""
        self._mailbox = mailbox
        self._queue: SimpleQueue[Task | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def ask(self, job: Callable[[], T], then: Then[T], fail: Fail) -> None:
        """Do `job` in the thread; then call `then` with its result, or `fail` with its error, in the loop."""

        def work() -> None:
            self._mailbox.post(outcome(job, then, fail))

        self._queue.put(work)

    def close(self) -> None:
        """Finish what was asked for, and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (task := self._queue.get()) is not None:
            task()


def outcome(job: Callable[[], T], then: Then[T], fail: Fail) -> Task:
    """Do a job now; what the loop shall be told about it."""
    try:
        value = job()
    except OrchError as err:
        return _told(fail, err)
    except Exception as err:  # noqa: BLE001  a thread's outermost loop: whoever asked is told, the thread lives on
        return _told(fail, StoreError(f"a mistake in the program: {type(err).__name__}: {err}"))
    return _told(then, value)


def _told(function: Callable[[T], None], value: T) -> Task:
    return lambda: function(value)
