"""Whether anybody listens at an address: for a diagnosis, where "the centre does not answer" is not enough.

Says nothing and sends nothing; whether it is the centre that listens there is CURVE's to say (common/wire).
"""

from __future__ import annotations

import socket


def problem(address: str, *, seconds: float) -> str:
    """Why no connection can be made to `tcp://host:port`; empty where one can."""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=seconds) as line:
            return _greeting(line)
    except socket.gaierror as err:
        return f"the name {host} is not known: {err.strerror}"
    except TimeoutError:
        return f"no answer within {seconds:g} s: a firewall, a wrong address, or the machine is off"
    except OSError as err:
        return f"{err.strerror or err}"


def _greeting(line: socket.socket) -> str:
    """Whoever listens for ZeroMQ says its signature at once; the kernel takes connections for a process that hangs."""
    try:
        said = line.recv(1)
    except TimeoutError:
        return "a connection is taken and not a word is said: orch-master hangs there, or is no orch-master"
    if said == b"\xff":
        return ""
    return "a connection is taken and ended at once" if not said else "something else than orch-master listens there"
