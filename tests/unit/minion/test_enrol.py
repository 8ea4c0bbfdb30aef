from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import trust
from orch.common.enrolment import Enrolment
from orch.common.envelope import open_envelope
from orch.common.errors import BadSignature, SettingsError, UsageError
from orch.common.phrase import check_words
from orch.minion import enrol, keys
from orch.minion.enrol import Wanted
from orch.minion.floor import FloorFile
from orch.minion.settings import HostSettings, Layout, load
from tests.fakes import signed_estate as estate
from tests.fakes.log import ListLog

POLICY = estate.policy_bytes()
WANTED = Wanted(
    enrolment=Enrolment(estate=estate.ESTATE, policy=POLICY, pin=estate.body_hash(POLICY)),
    settings=HostSettings(estate=estate.ESTATE, name="library/dom0", agent=0, fetcher=0, group=0),
    machine="a machine",
    again=False,
)


def test_a_host_knows_whose_it_is_and_asks_with_its_own_keys(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    words = enrol.enrol(layout, WANTED, ListLog())
    envelope = enrol.request(layout)
    request = trust.check_identity_request(envelope, estate=estate.ESTATE)
    own = keys.load(layout)
    assert (request.host, request.curve, request.sign) == ("library/dom0", own.curve.public, own.sign.public)
    assert words == enrol.words_of(envelope)
    assert words == check_words(open_envelope(envelope, type="orch/identity-request/1", limit=4096).body)
    assert load(layout) == WANTED.settings
    floor = FloorFile(layout.state, ListLog()).load()
    assert (floor.policy_version, floor.policy_hash, floor.number) == (1, WANTED.enrolment.pin, 0)


def test_only_root_reads_the_keys_and_the_group_only_the_connections(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    enrol.enrol(layout, WANTED, ListLog())
    assert layout.keys.stat().st_mode & 0o777 == 0o700
    for name in ("sign", "seal"):
        assert (layout.keys / name).stat().st_mode & 0o777 == 0o600
    assert layout.curve.stat().st_mode & 0o777 == 0o640


def test_a_policy_that_was_not_pinned_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    evil = replace(WANTED, enrolment=replace(WANTED.enrolment, pin=bytes(32)))
    with pytest.raises(BadSignature):
        enrol.enrol(Layout(tmp_path), evil, ListLog())
    assert list(tmp_path.iterdir()) == []


def test_a_second_time_needs_to_be_meant_and_forgets_everything(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    words = enrol.enrol(layout, WANTED, ListLog())
    with pytest.raises(UsageError):
        enrol.enrol(layout, WANTED, ListLog())
    for name in ("admission", "current", "journal.db"):
        (layout.state / name).write_bytes(b"old")
    assert enrol.enrol(layout, replace(WANTED, again=True), ListLog()) != words
    assert not any((layout.state / name).exists() for name in ("admission", "current", "journal.db"))


def test_an_enrolment_that_was_cut_off_can_be_begun_again(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    enrol.enrol(layout, WANTED, ListLog())
    layout.settings.unlink()
    with pytest.raises(SettingsError):
        load(layout)
    enrol.enrol(layout, WANTED, ListLog())
    assert load(layout) == WANTED.settings


def test_there_are_no_words_before_enrolment(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        enrol.request(Layout(tmp_path))
