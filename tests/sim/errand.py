"""Code that is written straight on, such as a turn, while virtual time passes in the middle of it.

It runs in a thread, and only ever one thread of the simulation runs: whoever hands over waits for the other. So nothing
is left to the machine's scheduler, and a seed happens again as it did.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

Job = Callable[["Errand"], None]


class Abandoned(BaseException):
    """Raised at the pause of an errand whose process is killed."""


class _Thread:
    """A thread that does errand after errand."""

    def __init__(self) -> None:
        self.begin, self.back = threading.Lock(), threading.Lock()
        self.begin.acquire()
        self.back.acquire()
        self.job: Callable[[], None] | None = None
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            self.begin.acquire()
            if self.job is None:
                return
            self.job()
            self.back.release()


class Errands:
    """Threads that are used again."""

    def __init__(self) -> None:
        """None yet."""
        self._idle: list[_Thread] = []

    def begin(self, job: Job) -> Errand:
        """Do it until its first pause."""
        errand = Errand(self._idle.pop() if self._idle else _Thread(), job)
        self._turn(errand)
        return errand

    def go_on(self, errand: Errand) -> None:
        """Until the next pause, or the end."""
        if not errand.ended:
            self._turn(errand)

    def abandon(self, errand: Errand) -> None:
        """The process is killed: nothing after the pause happens."""
        errand.killed = True
        self.go_on(errand)
        assert errand.ended

    def _turn(self, errand: Errand) -> None:
        errand.thread.begin.release()
        errand.thread.back.acquire()
        if errand.ended:
            self._idle.append(errand.thread)
            if errand.error is not None:
                raise errand.error

    def close(self) -> None:
        """End the threads that are idle."""
        for thread in self._idle:
            thread.job = None
            thread.begin.release()
        self._idle.clear()


class Errand:
    """One of them."""

    def __init__(self, thread: _Thread, job: Job) -> None:
        """Not begun."""
        self.thread = thread
        self.ended = False
        self.killed = False
        self.error: BaseException | None = None
        self._job = job
        thread.job = self._run

    def pause(self) -> None:
        """Let the world go on; called by the errand itself.

        Raises:
            Abandoned: the process was killed meanwhile.
        """
        self.thread.back.release()
        self.thread.begin.acquire()
        if self.killed:
            raise Abandoned

    def _run(self) -> None:
        try:
            self._job(self)
        except Abandoned:
            return
        except BaseException as err:  # noqa: BLE001  it belongs to whoever turned this errand
            self.error = err
        finally:
            self.ended = True
