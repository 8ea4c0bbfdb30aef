"""`orch policy`: a team grows, shrinks and changes, and what must stay true stays true."""

from __future__ import annotations

import json

import pytest

from orch.common import trust
from orch.common.policy import Grant, Verb
from tests.fakes.operators_centre import FakeHost
from tests.unit.master.cli.desk import ESTATE, Workplace, err, words


def test_shows_who_may_do_what_and_needs_no_centre(place: Workplace) -> None:
    place.found("library").reachable = False
    done = place.run("policy", "show")
    assert done.exit_code == 0, done.output
    assert "anna" in done.stdout
    assert "*/*:all" in done.stdout
    assert "1 of 2" in done.stdout
    assert "tcp://127.0.0.1:4505" in done.stdout
    told = json.loads(place.run("policy", "show", "--output", "json").stdout)
    assert told["schema"] == "orch/policy/1"
    assert told["operators"][0]["grants"] == ["*/*:all"]


def test_somebody_who_asked_is_let_in_and_can_work(place: Workplace) -> None:
    centre = place.found("library")
    bert = place.asks_in("bert")
    file = str(place.base / "bert.operator")
    grant = ("--grant", "main/all:enrol,publish,plan")
    done = place.run("policy", "operator", "add", "bert", "--key", file, *grant, "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert "+ operator bert: main/all:enrol,publish,plan, no end" in err(done)
    [_anna, made] = centre.policy.operators
    assert made.grants == (Grant(("main",), ("all",), (Verb.ENROL, Verb.PUBLISH, Verb.PLAN)),)
    assert (place.estate / "policy" / "0002.policy").read_bytes() == centre.policies[-1]
    bert.pull(place)
    host = centre.knock(FakeHost("library/srv1", ESTATE))
    done = bert.run("key", "accept", "library/srv1", "--words", words(host), *bert.unlocked)
    assert done.exit_code == 0, done.output
    assert centre.states[host.curve.public] == "admitted"


def test_nothing_is_made_without_a_yes(place: Workplace) -> None:
    centre = place.found("library")
    place.asks_in("bert")
    file = str(place.base / "bert.operator")
    place.interactive = True
    asked = ("policy", "operator", "add", "bert", "--key", file, "--grant", "*/*:plan", *place.unlocked)
    assert place.run(*asked, answer="n\n").exit_code == 1
    assert len(centre.policies) == 1


@pytest.mark.parametrize(
    ("grant", "said"),
    [
        ("main:publish", "no grant"),
        ("main/all", "no grant"),
        ("main/all:publsh", 'did you mean "publish"'),
        ("Main/all:plan", "cannot be a scope's name"),
        ("main/../x:plan", "cannot be a ring's name"),
    ],
)
def test_a_wrong_grant_is_an_error_before_anything_else(place: Workplace, grant: str, said: str) -> None:
    centre = place.found("library")
    done = place.run("policy", "grant", "anna", grant, "--yes", *place.unlocked)
    assert done.exit_code == 2
    assert said in err(done)
    assert centre.asked == []


def test_a_file_of_other_keys_is_named(place: Workplace) -> None:
    place.found("library")
    place.asks_in("bert")
    file = place.base / "bert.operator"
    done = place.run("policy", "operator", "add", "carl", "--key", str(file), "--grant", "*/*:plan", *place.unlocked)
    assert "keys of 'bert', not of 'carl'" in err(done)
    file.write_text(file.read_text().replace("signing: ", "signing: 0", 1))
    done = place.run("policy", "operator", "add", "bert", "--key", str(file), "--grant", "*/*:plan", *place.unlocked)
    assert done.exit_code == 5
    assert "check digits do not fit" in err(done)


def test_the_words_that_the_new_operator_reads_out_are_the_ones_shown_here(place: Workplace) -> None:
    place.found("library")
    bert = place.colleague("bert")
    file = str(place.base / "bert.operator")
    asked = bert.run("key", "request", "--operator", "bert", "--to", file, *bert.unlocked)
    done = place.run(
        "policy", "operator", "add", "bert", "--key", file, "--grant", "*/*:plan", "--yes", *place.unlocked
    )
    shown = err(done).splitlines()[1].strip()
    assert len(shown.split()) == 6
    assert shown in asked.stdout
    first = place.run("policy", "show").stdout.splitlines()[-1].partition(": ")[2]
    assert first in asked.stdout


def test_dropping_an_operator_renews_what_hangs_on_that_one_alone(place: Workplace) -> None:
    centre = place.found("library")
    bert = place.joins("bert", "*/*:all")
    [host] = bert.admit("library/srv1")
    assert bert.run("apply", "--yes", *bert.unlocked).exit_code == 0
    place.pull(bert)
    done = place.run("policy", "operator", "remove", "bert", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    kept = (place.estate / "hosts" / "library" / "srv1.admission").read_bytes()
    admission = trust.take_admission(centre.policy, kept, mine=None, current=None, now=place.clock.wall())
    assert admission.serial == 2
    assert centre.admissions[host.curve.public] == kept
    assert centre.policy.epoch("main") == 2
    assert err(done).splitlines()[-1] == "next: orch apply --again"


def test_what_nobody_here_may_renew_is_named(place: Workplace) -> None:
    centre = place.found("library")
    bert = place.joins("bert", "main/all:enrol,publish,plan")
    bert.admit("library/srv1")
    place.pull(bert)
    done = place.run("policy", "grant", "anna", "*/*:publish,plan", "--yes", "--force", *place.unlocked)
    assert done.exit_code == 0, done.output
    done = place.run("policy", "grant", "bert", "other/*:enrol", "--yes", "--force", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert "library/srv1" in err(done)
    assert "orch policy renew" in err(done)
    done = place.run("policy", "grant", "anna", "*/*:all", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert "1 admissions and revocations were signed anew" in err(done)
    done = place.run("policy", "renew", *place.unlocked)
    assert "every admission and revocation counts" in err(done)
    kept = (place.estate / "hosts" / "library" / "srv1.admission").read_bytes()
    assert trust.take_admission(centre.policy, kept, mine=None, current=None, now=0).serial == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("operator", "remove", "anna"), "you, anna, would be no operator any more"),
        (("grant", "anna", "*/*:plan,enrol"), "nobody could publish any more"),
        (("grant", "anna", "main/*:all"), "nobody could publish in any other scope any more"),
        (("threshold", "enrol", "2"), "nobody could enrol"),
    ],
)
def test_nobody_locks_themselves_out_without_a_clear_word(place: Workplace, change: tuple[str, ...], said: str) -> None:
    centre = place.found("library")
    done = place.run("policy", *change, "--yes", *place.unlocked)
    assert done.exit_code == 5, done.output
    assert said in err(done)
    assert "--force" in err(done)
    assert len(centre.policies) == 1
    done = place.run("policy", *change, "--yes", "--force", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert len(centre.policies) == 2


def test_an_operators_time_can_end(place: Workplace) -> None:
    centre = place.found("library")
    place.joins("bert", "*/*:plan")
    done = place.run("policy", "grant", "bert", "*/*:plan,publish", "--until", "2030-06-30", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert "~ operator bert: until no end → 2030-06-30" in err(done)
    done = place.run("policy", "grant", "bert", "*/*:plan", "--yes", *place.unlocked)
    assert centre.policy.operators[1].not_after == 1_909_094_399
    assert place.run("policy", "grant", "bert", "*/*:plan", "--until", "soon", *place.unlocked).exit_code == 2


def test_the_centre_gets_another_address_and_loses_the_old_one(place: Workplace) -> None:
    centre = place.found("library")
    new = "tcp://centre.example.org:4505"
    assert place.run("policy", "address", "add", new, "--yes", *place.unlocked).exit_code == 0
    assert "+ address of the centre: tcp://centre.example.org:4505" in place.run("policy", "history").stdout
    done = place.run("policy", "address", "remove", "tcp://127.0.0.1:4505", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert centre.policy.centre.addresses == (new,)
    done = place.run("policy", "address", "remove", new, "--yes", *place.unlocked)
    assert done.exit_code == 2
    assert "only address" in err(done)
    assert place.run("policy", "address", "add", "centre:4505", "--yes", *place.unlocked).exit_code == 2


def test_an_epoch_is_raised_and_the_person_is_told_to_publish_again(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    done = place.run("policy", "epoch", "raise", "main", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert centre.policy.epoch("main") == 2
    assert err(done).splitlines()[-1] == "next: orch apply --again"
    done = place.run("policy", "epoch", "raise", "mian", "--yes", *place.unlocked)
    assert done.exit_code == 2
    assert 'did you mean "main"' in err(done)


def test_a_rule_that_is_in_force_already_makes_no_policy(place: Workplace) -> None:
    centre = place.found("library")
    done = place.run("policy", "threshold", "run", "1", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert "nothing was done" in err(done)
    assert len(centre.policies) == 1


def test_history_tells_what_each_version_changed_and_who_signed_it(place: Workplace) -> None:
    place.found("library")
    place.joins("bert", "*/*:plan")
    place.run("policy", "threshold", "run", "2", "--scope", "main", "--yes", *place.unlocked)
    done = place.run("policy", "history")
    assert done.exit_code == 0, done.output
    assert "policy 1" in done.stdout
    assert "+ operator bert: */*:plan, no end" in done.stdout
    assert "+ run in scope main needs 2 people" in done.stdout
    told = json.loads(place.run("policy", "history", "--output", "json").stdout)
    assert [item["version"] for item in told["versions"]] == [1, 2, 3]
    assert all(len(item["roots"]) == 1 for item in told["versions"])
