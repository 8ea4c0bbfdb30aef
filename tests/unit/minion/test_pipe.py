from __future__ import annotations

import pytest

from orch.common import transfer
from orch.common.errors import ProtocolError, SettingsError, Unreachable
from orch.common.messages import Pending, StreamCredit, StreamData, StreamEnd
from orch.minion.pipe import Exit, Flow, Pipe, code_of
from orch.minion.want import Want
from tests.fakes.clock import ManualClock

WANT = Want(
    addresses=("tcp://centre:4505",),
    servers=(bytes(32),),
    curve="/var/lib/orch/net/host.curve",
    document=bytes([1] * 32),
    spool="/var/lib/orch/spool",
    most=1000,
)


def test_no_more_pieces_go_out_than_were_credited() -> None:
    flow = Flow(1000)
    for _piece in range(transfer.WINDOW):
        assert flow.may_send
        flow.sent()
    assert not flow.may_send
    flow.received(StreamCredit(pieces=3))
    assert flow.may_send


def test_credit_beyond_the_window_counts_for_nothing() -> None:
    flow = Flow(1000)
    flow.received(StreamCredit(pieces=1 << 40))
    for _piece in range(transfer.WINDOW):
        flow.sent()
    assert not flow.may_send


def test_a_piece_is_credited_when_it_is_written_whole() -> None:
    flow = Flow(1000)
    flow.received(StreamData(piece=b"abcdef"))
    assert not flow.written(4)
    assert flow.credit() == 0
    assert flow.waiting[0] == b"ef"
    assert flow.written(2)
    assert flow.credit() == 1
    assert flow.credit() == 0


def test_a_centre_that_sends_faster_than_it_may_is_cut_off() -> None:
    flow = Flow(1000)
    for _piece in range(transfer.WINDOW):
        flow.received(StreamData(piece=b"x"))
    with pytest.raises(ProtocolError, match="faster"):
        flow.received(StreamData(piece=b"x"))


def test_a_centre_that_sends_more_than_there_can_be_is_cut_off() -> None:
    flow = Flow(10)
    flow.received(StreamData(piece=b"x" * 10))
    with pytest.raises(ProtocolError, match="more than"):
        flow.received(StreamData(piece=b"x"))


def over(flow: Flow) -> bool:
    return flow.over


def test_it_is_over_when_the_end_came_and_all_is_written() -> None:
    flow = Flow(10)
    flow.received(StreamData(piece=b"x"))
    flow.received(StreamEnd(status=0))
    assert not over(flow)
    flow.written(1)
    assert over(flow)
    with pytest.raises(ProtocolError):
        flow.received(StreamData(piece=b"x"))


def test_nothing_else_may_come_on_a_stream() -> None:
    with pytest.raises(ProtocolError):
        Flow(10).received(Pending())


def test_an_rsync_with_other_options_is_told_so_before_anything_is_dialled() -> None:
    with pytest.raises(SettingsError, match="other options"):
        Pipe(WANT, ManualClock()).run(("centre", "rsync", "--server", "--daemon", "."))


def test_a_want_travels_through_the_environment() -> None:
    assert Want.from_text(WANT.as_text()) == WANT
    for text in ("", "ä", "====", "aGk="):
        with pytest.raises(SettingsError):
            Want.from_text(text)


def test_rsync_learns_by_the_exit_code_what_broke() -> None:
    assert code_of(SettingsError("x")) == Exit.START
    assert code_of(Unreachable("x")) == Exit.CONNECT
    assert code_of(ProtocolError("x")) == Exit.PROTOCOL
