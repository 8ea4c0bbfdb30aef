"""What the operator's tool takes over from a centre, and what it does not."""

from __future__ import annotations

import pytest

from orch.common.errors import ProtocolError
from orch.common.operations import After, Envelopes
from orch.master.cli import catchup
from tests.fakes.operators_centre import FakeCentre
from tests.unit.master.cli.desk import Workplace


def test_a_centre_that_was_put_back_does_not_bring_a_revoked_key_back_into_the_files(place: Workplace) -> None:
    centre = place.found("library")
    [host] = place.admit("library/srv1")
    before = centre.admissions[host.curve.public]
    assert place.run("key", "revoke", "library/srv1", "--yes", *place.unlocked).exit_code == 0
    centre.states[host.curve.public], centre.admissions[host.curve.public] = "admitted", before
    place.run("plan")
    assert not (place.estate / "hosts/library/srv1.admission").exists()
    assert centre.states[host.curve.public] == "revoked"


class Stuck(FakeCentre):
    """Gives the same policies whatever was asked for."""

    def _policy_get(self, after: After) -> Envelopes:
        return super()._policy_get(After(0))


def test_a_centre_that_answers_for_ever_does_not_hold_the_operator(place: Workplace) -> None:
    centre = place.found("library")
    with pytest.raises(ProtocolError, match="were asked for"):
        catchup._newest_at(Stuck(centre.clock, [envelope for _version, envelope in _policies(centre)]))


def _policies(centre: FakeCentre) -> list[tuple[int, bytes]]:
    return list(enumerate(centre._policy_get(After(0)).envelopes, start=1))
