import json
from dataclasses import replace

from orch.common import attest
from orch.common.crypto import SigningKey
from orch.common.envelope import open_envelope, seal
from orch.common.release import TYPE
from orch.common.report import Outcome, Reason, Report, StepOutcome, StepReport, Trigger
from tests.fakes.operators_centre import MOTD, FakeHost
from tests.unit.master.cli.desk import ESTATE, Workplace, err


def report(place: Workplace, host: FakeHost, *, outcome: Outcome, key: SigningKey | None = None) -> None:
    assert place.centre is not None
    curve = host.curve.public
    row = place.centre.rows[curve]
    broken = outcome is Outcome.FAILED
    failed = StepReport(resource="packages", outcome=StepOutcome.FAILED, problem="E: broken", hint="mend the list")
    made = Report(
        host=host.name,
        curve=curve,
        boot=bytes(16),
        sequence=1,
        previous=b"",
        time=place.clock.wall(),
        trigger=Trigger.RELEASE,
        epoch=row.wanted[0],
        number=row.wanted[1],
        release=row.wanted_release,
        document=bytes(32),
        outcome=outcome,
        reason=Reason(code="step-failed", text="apt said no", hint="look at the list") if broken else None,
        steps=(failed,) if broken else (MOTD,),
    )
    place.centre.reports[curve] = [attest.sign_report(made, key or host.sign)]


def test_says_why_a_host_failed_who_can_act_and_what_helps(place: Workplace) -> None:
    place.found("library")
    [host] = place.admit("library/srv1")
    host.outcome, host.text = "failed", "apt said no"
    place.run("apply", "--yes", "--note", "spring", *place.unlocked)
    report(place, host, outcome=Outcome.FAILED)
    place.clock.advance(720)
    done = place.run("explain", "library")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("library/srv1 is ✗ failed since 12 min: apt said no")
    assert 'release 1:2 of main, signed by anna 12 min ago, "spring"' in done.stdout
    assert "E: broken" in done.stdout
    assert "do: mend the list" in done.stdout
    assert "who can    anna" in done.stdout
    assert err(done).splitlines()[-1] == "next: orch plan library/srv1"


def test_says_since_when_a_host_is_silent_and_whom_to_ask(place: Workplace) -> None:
    place.found()
    place.site("library", "site: library\ncontact: {{ name: The desk, phone: '12345' }}\nhosts: {{ srv1: {{}} }}\n")
    [host] = place.admit("library/srv1")
    place.run("apply", "--yes", *place.unlocked)
    host.connected = False
    place.clock.advance(86400)
    done = place.run("explain", "srv1")
    assert "is ? offline, silent for 1 d" in done.stdout
    assert "The desk, 12345" in done.stdout


def test_says_what_a_host_did_and_where_it_was_written(place: Workplace) -> None:
    place.found("library")
    [host] = place.admit("library/srv1")
    place.run("apply", "--yes", *place.unlocked)
    report(place, host, outcome=Outcome.APPLIED)
    done = place.run("explain", "library/srv1")
    assert "~ file /etc/motd" in done.stdout
    assert "written in sites/library.yaml:6" in done.stdout
    assert "nobody has to" in done.stdout


def test_marks_a_report_that_the_host_did_not_sign(place: Workplace) -> None:
    place.found("library")
    [host] = place.admit("library/srv1")
    place.run("apply", "--yes", *place.unlocked)
    report(place, host, outcome=Outcome.APPLIED, key=SigningKey.generate())
    assert "not signed by the host's key" in place.run("explain", "library/srv1").stdout
    told = json.loads(place.run("explain", "library/srv1", "--output", "json").stdout)
    assert told["schema"] == "orch/explain/1"
    assert told["reports"][0]["signed"] is False


def test_a_host_without_a_release_is_explained_too(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    done = place.run("explain", "library/srv1", "-v")
    assert done.exit_code == 0, done.output
    assert "no release names it yet" in done.stdout
    assert err(done).splitlines()[-1] == "next: orch apply library/srv1"


def test_an_unknown_host_gets_a_suggestion(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    done = place.run("explain", "libary")
    assert done.exit_code == 2
    assert 'did you mean "library"?' in err(done)


def test_a_name_that_two_hosts_have_must_be_made_clear(place: Workplace) -> None:
    place.found("library", "school")
    place.admit("library/srv1", "school/srv1")
    done = place.run("explain", "srv1")
    assert done.exit_code == 2
    assert "means 2 hosts" in err(done)
    assert ESTATE not in done.stdout


def test_watching_a_host_tells_its_story_anew_when_it_changes(place: Workplace) -> None:
    centre = place.found("library", "school")
    library, school = place.admit("library/srv1", "school/srv1")
    centre.ticks = 3
    gone = iter([school, library])

    def go(operation: str) -> None:
        if operation == "status.tick":
            host = next(gone, None)
            if host is not None:
                host.connected = False

    centre.on_ask = go
    done = place.run("explain", "library", "--watch")
    assert done.exit_code == 130
    heads = [line for line in done.stdout.splitlines() if line.startswith("library/srv1 is")]
    assert len(heads) == 2
    assert "? offline" in heads[1]


def told(place: Workplace, host: FakeHost, outcome: str, text: str) -> str:
    host.outcome, host.text = outcome, text
    place.run("apply", "--again", "--yes", "--timeout", "5s", *place.unlocked)
    done = place.run("explain", host.name)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_says_for_every_condition_who_can_act(place: Workplace) -> None:
    place.found("library")
    [host] = place.admit("library/srv1")
    assert "nobody has to: the host tries again" in told(place, host, "waiting", "dpkg is locked")
    assert "who can    anna" in told(place, host, "refused", "not the newest")
    assert "no word back yet" in told(place, host, "", "")


def test_says_when_a_release_has_expired(place: Workplace) -> None:
    place.found("library")
    [host] = place.admit("library/srv1")
    place.run("apply", "--yes", *place.unlocked)
    report(place, host, outcome=Outcome.APPLIED)
    place.clock.advance(31 * 86400)
    assert "expired    1 d ago: it changes nothing more until orch apply" in place.run("explain", "library").stdout


def test_a_host_that_listens_unasked_is_degraded(place: Workplace) -> None:
    centre = place.found("library")
    [host] = place.admit("library/srv1")
    place.run("apply", "--yes", *place.unlocked)
    centre.rows[host.curve.public] = replace(centre.rows[host.curve.public], listeners=("tcp/631",))
    done = place.run("explain", "library")
    assert "is ! degraded: listens on tcp/631" in done.stdout
    assert "allow it under listen:" in done.stdout
    assert "! degraded" in place.run("status").stdout


def test_shows_the_document_and_earlier_turns_when_asked(place: Workplace) -> None:
    centre = place.found("library")
    [host] = place.admit("library/srv1")
    place.run("apply", "--yes", *place.unlocked)
    report(place, host, outcome=Outcome.FAILED)
    earlier = centre.reports[host.curve.public]
    report(place, host, outcome=Outcome.APPLIED)
    centre.reports[host.curve.public] += earlier
    done = place.run("explain", "library", "-v")
    assert "its document, and where each part was written" in done.stdout
    assert "list base" in done.stdout
    assert "earlier turns, the newest first" in done.stdout
    assert "failed     0 changes: apt said no" in done.stdout


def test_a_release_at_the_centre_that_nobody_signed_is_not_believed(place: Workplace) -> None:
    centre = place.found("library")
    [host] = place.admit("library/srv1")
    place.run("apply", "--yes", *place.unlocked)
    release, document = centre.wanted[host.curve.public]
    opened = open_envelope(release, type=TYPE, limit=1 << 20)
    centre.wanted[host.curve.public] = (seal(TYPE, opened.body, (SigningKey.generate(),)), document)
    assert "the release at the centre is not in order" in err(place.run("explain", "library"))


def test_files_that_are_being_worked_on_are_no_reason_to_explain_nothing(place: Workplace) -> None:
    place.found("library")
    [host] = place.admit("library/srv1")
    host.connected = False
    place.site("library", "site: [")
    done = place.run("explain", "srv1")
    assert done.exit_code == 0, done.output
    assert "whoever is on site" in done.stdout


def test_a_revoked_host_is_explained_with_who_when_and_why(place: Workplace) -> None:
    centre = place.found("library")
    [host] = place.admit("library/srv1")
    place.run("key", "revoke", "library/srv1", "--reason", "stolen", "--yes", *place.unlocked)
    place.clock.advance(300)
    done = place.run("explain", "library/srv1")
    assert done.exit_code == 0, done.output
    assert "library/srv1 is ✗ revoked" in done.stdout
    assert "by anna: stolen" in done.stdout
    assert "revoked    5 min ago by anna" in done.stdout
    assert "orch-minion enrol" in done.stdout
    assert "not in order" not in err(done)
    row, envelope = centre.ended[host.curve.public]
    centre.ended[host.curve.public] = (row, envelope[:-1] + bytes([envelope[-1] ^ 1]))
    assert "the revocation at the centre is not in order" in err(place.run("explain", "library/srv1"))
