"""A saved plan is applied as it was shown, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orch.common.document import Document, SecretFile
from orch.common.report import Change, Reason, Sign, StepOutcome, StepReport
from orch.master.cli import saved
from tests.fakes.operators_centre import FakeCentre, FakeHost
from tests.unit.master.cli.desk import SITE, Workplace, err

FILE = "spring.plan"


@pytest.fixture
def planned(place: Workplace) -> Workplace:
    """Two hosts, one of which would change something; a plan in a file."""
    place.found("library", "school")
    library, _school = place.admit("library/srv1", "school/srv1")
    library.plan = ()
    done = place.run("plan", "-o", FILE)
    assert done.exit_code == 3, done.output
    assert f"✓ saved in {FILE}" in err(done)
    assert err(done).splitlines()[-1] == f"next: orch apply {FILE}"
    return place


def centre_of(place: Workplace) -> FakeCentre:
    assert place.centre is not None
    return place.centre


def host_of(place: Workplace, name: str) -> FakeHost:
    return next(host for host in centre_of(place).hosts.values() if host.name == name)


def test_a_plan_that_holds_is_applied(planned: Workplace) -> None:
    done = planned.run("apply", FILE, "--yes", *planned.unlocked)
    assert done.exit_code == 0, done.output
    assert "the plan holds: 2 of 2 hosts were asked again and say the same" in err(done)
    assert len(centre_of(planned).releases) == 1


def test_the_hosts_of_a_plan_are_those_that_it_was_made_for(place: Workplace) -> None:
    centre = place.found("library", "school")
    library, school = place.admit("library/srv1", "school/srv1")
    assert place.run("plan", "library", "-o", FILE).exit_code == 3
    assert place.run("apply", FILE, "--yes", *place.unlocked).exit_code == 0
    assert library.curve.public in centre.wanted
    assert school.curve.public not in centre.wanted


def test_a_comment_in_a_file_leaves_a_plan_as_it_is(planned: Workplace) -> None:
    planned.site("library", "# a word for the reader\n\n" + SITE)
    assert planned.run("apply", FILE, "--yes", *planned.unlocked).exit_code == 0


def other_files(place: Workplace) -> None:
    place.site("school", SITE.replace("hello", "good day"))


def other_release(place: Workplace) -> None:
    assert place.run("apply", "school", "--yes", *place.unlocked).exit_code == 0


def other_answer(place: Workplace) -> None:
    host_of(place, "school/srv1").plan = ()


def cannot(place: Workplace) -> None:
    school = host_of(place, "school/srv1")
    school.reason = Reason(code="step-failed", text="no package telnett")


def no_longer_there(place: Workplace) -> None:
    (place.estate / "sites/school.yaml").unlink()
    place.site("lab")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (other_files, "school/srv1: your files say something else for it now"),
        (other_release, "school/srv1: somebody has published a release for it since"),
        (other_answer, "school/srv1: it would do something else now than it said then"),
        (cannot, "school/srv1: it would do something else now than it said then"),
    ],
)
def test_a_plan_that_does_not_hold_is_refused_with_the_reason(
    planned: Workplace, change: Callable[[Workplace], None], why: str
) -> None:
    change(planned)
    before = len(centre_of(planned).releases)
    done = planned.run("apply", FILE, "--yes", *planned.unlocked)
    assert done.exit_code == 5
    assert why in err(done)
    assert "library/srv1:" not in err(done)
    assert "do: nothing was done" in err(done)
    assert len(centre_of(planned).releases) == before


def test_a_host_that_went_out_of_the_files_ends_a_plan(planned: Workplace) -> None:
    no_longer_there(planned)
    done = planned.run("apply", FILE, "--yes", *planned.unlocked)
    assert done.exit_code == 2
    assert centre_of(planned).releases == []


def test_a_host_that_was_silent_then_or_is_now_does_not_end_a_plan(place: Workplace) -> None:
    place.found("library", "school", "lab")
    _library, school, lab = place.admit("library/srv1", "school/srv1", "lab/srv1")
    school.connected = False
    assert place.run("plan", "-o", FILE).exit_code == 3
    school.connected, lab.connected = True, False
    done = place.run("apply", FILE, "--yes", *place.unlocked)
    assert done.exit_code == 4, done.output
    assert "1 of 3 hosts were asked again" in err(done)


def test_a_plan_that_cannot_be_done_is_not_saved(place: Workplace) -> None:
    place.found("library")
    [host] = place.admit("library/srv1")
    host.reason = Reason(code="step-failed", text="no package telnett")
    done = place.run("plan", "library", "-o", FILE)
    assert done.exit_code == 1
    assert "not saved" in err(done)
    assert err(done).splitlines()[-1] == "next: mend what is named above, then: orch plan library"
    assert not (place.estate / FILE).exists()


@pytest.mark.parametrize(
    "content",
    [None, "", "spring", "{", '{"schema": "orch/saved-plan/1"}', '{"schema": "orch/saved-plan/2", "hosts": []}'],
)
def test_what_is_no_plan_is_said(place: Workplace, content: str | None) -> None:
    place.found("library")
    if content is not None:
        (place.estate / FILE).write_text(content)
    done = place.run("apply", FILE, "--yes", *place.unlocked)
    assert done.exit_code == 2
    assert f"orch plan -o {FILE}" in err(done)


def test_a_file_that_is_called_like_a_site_does_not_hide_it(place: Workplace) -> None:
    centre = place.found("library", "school")
    place.admit("library/srv1", "school/srv1")
    (place.estate / "library").write_text("just a file\n")
    assert place.run("apply", "library", "--yes", *place.unlocked).exit_code == 0
    assert len(centre.wanted) == 1


def test_what_a_host_said_it_removes_counts_against_its_ceiling(place: Workplace) -> None:
    centre = place.found("library")
    [host] = place.admit("library/srv1")
    gone = tuple(Change(sign=Sign.REMOVE, kind="package", name=f"old{n}", before="1.0") for n in range(21))
    host.plan = (StepReport(resource="packages", outcome=StepOutcome.DONE, changes=gone),)
    assert place.run("plan", "-o", FILE).exit_code == 3
    done = place.run("apply", FILE, "--yes", *place.unlocked)
    assert done.exit_code == 2
    assert "up to 21 at a host of library, 20 are allowed" in err(done)
    assert "do: if it is meant: --yes-remove library" in err(done)
    assert centre.releases == []
    assert place.run("apply", FILE, "--yes", "--yes-remove", "library", *place.unlocked).exit_code == 0


def test_the_file_has_a_schema_and_holds_nothing_to_sign(planned: Workplace) -> None:
    text = Path(planned.estate / FILE).read_text()
    found = json.loads(text)
    assert found["schema"] == "orch/saved-plan/1"
    assert {item["host"] for item in found["hosts"]} == {"library/srv1", "school/srv1"}
    assert "hello" not in text


def test_a_secret_that_is_not_sealed_to_its_host_yet_is_the_same_secret() -> None:
    secret = SecretFile(path="/etc/key", secret="wifi", value=bytes(16), key=b"", box=bytes(32))
    document = Document(estate="netgate", host="library/srv1", curve=bytes(32), scope="main", secrets=(secret,))
    sealed = replace(document, secrets=(replace(secret, key=b"k" * 80),), commit="abc")
    other = replace(document, secrets=(replace(secret, value=b"v" * 16),))
    assert saved.digest(document) == saved.digest(sealed) != saved.digest(other)
