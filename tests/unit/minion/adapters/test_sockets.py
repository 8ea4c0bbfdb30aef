from __future__ import annotations

import socket
from pathlib import Path

from orch.minion.adapters.sockets import from_proc, listeners

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def test_reads_what_the_kernel_says(tmp_path: Path) -> None:
    (tmp_path / "tcp").write_text(
        HEAD
        + "   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1\n"
        + "   1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 1\n"
    )
    (tmp_path / "tcp6").write_text(
        HEAD
        + "   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00\n"
    )
    (tmp_path / "udp").write_text(
        HEAD
        + "   0: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1\n"
        + "   1: 0100007F:B6D5 0100007F:0035 01 00000000:00000000 00:00000000 00000000     0        0 1\n"
    )
    assert from_proc(tmp_path) == ("tcp 0.0.0.0:22", "tcp6 [::1]:80", "udp 0.0.0.0:68")


def test_the_kernel_says_the_same_when_it_is_asked_and_when_its_files_are_read() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as other,
    ):
        names = {f"tcp 127.0.0.1:{one.getsockname()[1]}", f"tcp6 [::1]:{other.getsockname()[1]}"}
        with socket.create_connection(one.getsockname()) as client:
            assert names <= set(listeners())
            assert names <= set(from_proc())
            assert not [name for name in listeners() if name.endswith(f":{client.getsockname()[1]}")]


def test_sees_a_socket_that_listens_here_and_no_longer_when_it_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        name = f"tcp 127.0.0.1:{server.getsockname()[1]}"
        assert name in listeners()
    assert name not in listeners()
