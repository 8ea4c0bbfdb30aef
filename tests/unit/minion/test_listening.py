"""Which listeners nobody has asked for."""

from __future__ import annotations

import pytest

from orch.minion.listening import unasked

FOUND = ("tcp 0.0.0.0:22", "tcp 127.0.0.1:631", "tcp6 [::]:22", "tcp6 [::1]:631", "udp 0.0.0.0:68", "raw 0.0.0.0:1")


def test_nothing_is_allowed_where_nothing_is_said_but_what_hears_only_the_host_itself() -> None:
    assert unasked(FOUND, ()) == ("tcp 0.0.0.0:22", "tcp6 [::]:22", "udp 0.0.0.0:68", "raw 0.0.0.0:1")


def test_a_port_is_allowed_for_both_versions_of_the_protocol_and_for_no_other_transport() -> None:
    assert unasked(FOUND, ("tcp/22", "tcp/68")) == ("udp 0.0.0.0:68", "raw 0.0.0.0:1")


@pytest.mark.parametrize("line", ["tcp 10.0.0.1:8022", "tcp 10.0.0.1:2", "tcp6 [::ffff:7f00:1]:80"])
def test_another_port_is_not_the_allowed_one(line: str) -> None:
    assert unasked([line], ["tcp/22"]) == (line,)
