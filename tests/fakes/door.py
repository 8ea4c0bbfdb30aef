"""A socket behind which a program is started for whoever connects, as systemd does with Accept=yes.

It does what packaging/debian/orch-fetcher.socket and orch-fetcher@.service say, with another program: the connection is
the program's stdin, stdout and stderr, and how it ended is written into it at the end, in the words of the unit's
`ExecStopPost`, which are read from its file.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

UNIT = Path(__file__).resolve().parents[2] / "packaging/debian/orch-minion.orch-fetcher@.service"


class Door:
    """One socket; a thread serves one connection after the other until `close`."""

    def __init__(self, path: Path, argv: Sequence[str], *, says_how_it_ended: bool = True) -> None:
        self._argv = argv
        self._says = says_how_it_ended
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen(4)
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def stop(self) -> None:
        """End the program: `systemctl stop`."""
        if self._child is not None:
            self._child.terminate()

    def close(self) -> None:
        """Let nobody in any more."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(20)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _address = self._socket.accept()
            except OSError:
                return
            with connection:
                end = connection.fileno()
                self._child = subprocess.Popen(self._argv, stdin=end, stdout=end, stderr=end)
                code = self._child.wait()
                with contextlib.suppress(OSError):  # whoever asked may have gone
                    connection.sendall(_last_words(code) if self._says else b"")


def _last_words(code: int) -> bytes:
    """What the unit's file has echo say when the program ended so."""
    found = re.search(r"^ExecStopPost=/bin/echo (.*)$", UNIT.read_text("utf-8"), re.MULTILINE)
    assert found is not None
    (text,) = shlex.split(found[1])
    signalled = {-15: "TERM", -9: "KILL"}.get(code, "")
    result = "signal" if signalled else "exit-code" if code else "success"
    values = {
        "SERVICE_RESULT": result,
        "EXIT_CODE": "killed" if signalled else "exited",
        "EXIT_STATUS": signalled or str(code),
    }
    return re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], text).encode() + b"\n"
