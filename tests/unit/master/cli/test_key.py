import json
from dataclasses import replace

import pytest

from orch.common import authoring, codec, enrolment, keyfile, trust
from orch.common.crypto import SigningKey, open_file
from orch.common.envelope import open_envelope, seal
from orch.common.identity import Admission
from orch.common.operations import Signed
from orch.common.policy import LIMIT, TYPE, Grant, Policy, Verb
from orch.common.rows import Nothing
from tests.fakes import signed_estate
from tests.fakes.operators_centre import FakeHost
from tests.unit.master.cli.desk import ESTATE, Workplace, err, words


def test_lists_who_asks_with_the_words_to_compare(place: Workplace) -> None:
    centre = place.found("library")
    host = centre.knock(FakeHost("library/srv1", ESTATE))
    done = place.run("key", "list", "--pending")
    assert done.exit_code == 0, done.output
    assert words(host) in done.stdout
    assert "? pending" in done.stdout
    assert err(done).splitlines()[-1] == "next: orch key accept library/srv1"


def test_a_script_gets_keys_with_a_schema(place: Workplace) -> None:
    centre = place.found("library")
    host = centre.knock(FakeHost("library/srv1", ESTATE))
    told = json.loads(place.run("key", "list", "--output", "json").stdout)
    assert told["schema"] == "orch/keys/1"
    assert told["keys"][0]["words"] == words(host)
    assert told["keys"][0]["last"].endswith("Z")


def test_lets_a_host_in_whose_words_were_given(place: Workplace) -> None:
    centre = place.found("library")
    host = centre.knock(FakeHost("library/srv1", ESTATE))
    done = place.run("key", "accept", "library/srv1", "--words", words(host), *place.unlocked)
    assert done.exit_code == 0, done.output
    assert centre.states[host.curve.public] == "admitted"
    assert (place.estate / "hosts" / "library" / "srv1.admission").exists()
    assert err(done).splitlines()[-1] == "next: orch apply library/srv1"


def test_refuses_other_words_and_admits_nobody(place: Workplace) -> None:
    centre = place.found("library")
    host = centre.knock(FakeHost("library/srv1", ESTATE))
    done = place.run("key", "accept", "library/srv1", "--words", "a b c d e f", *place.unlocked)
    assert done.exit_code == 5
    assert "not the words" in err(done)
    assert centre.states[host.curve.public] == "pending"
    assert not (place.estate / "hosts").exists()


def test_asks_whether_the_words_match_and_takes_no_for_an_answer(place: Workplace) -> None:
    centre = place.found("library")
    host = centre.knock(FakeHost("library/srv1", ESTATE))
    place.interactive = True
    done = place.run("key", "accept", "srv1", *place.unlocked, answer="n\n")
    assert done.exit_code == 1
    assert words(host) in err(done)
    assert centre.states[host.curve.public] == "pending"
    done = place.run("key", "accept", "srv1", *place.unlocked, answer="y\n")
    assert done.exit_code == 0, done.output


def test_never_assumes_yes_when_nobody_is_there(place: Workplace) -> None:
    centre = place.found("library")
    centre.knock(FakeHost("library/srv1", ESTATE))
    done = place.run("key", "accept", "library/srv1", *place.unlocked)
    assert done.exit_code == 2
    assert "--yes" in err(done)


def test_a_host_may_be_named_by_its_words_or_its_fingerprint(place: Workplace) -> None:
    centre = place.found("library")
    host = centre.knock(FakeHost("library/srv1", ESTATE))
    told = json.loads(place.run("key", "list", "--output", "json").stdout)["keys"][0]
    done = place.run("key", "accept", told["fingerprint"][:10], "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert "nobody has compared" in err(done)
    assert centre.states[host.curve.public] == "admitted"


def test_two_machines_under_one_name_must_be_told_apart(place: Workplace) -> None:
    centre = place.found("library")
    one, two = (centre.knock(FakeHost("library/srv1", ESTATE)) for _ in range(2))
    done = place.run("key", "accept", "library/srv1", "--yes", *place.unlocked)
    assert done.exit_code == 2
    assert "2 keys ask" in err(done)
    assert place.run("key", "accept", words(two), "--yes", *place.unlocked).exit_code == 0
    assert centre.states == {one.curve.public: "pending", two.curve.public: "admitted"}


def test_a_host_that_the_files_do_not_name_is_not_let_in(place: Workplace) -> None:
    centre = place.found("library")
    centre.knock(FakeHost("libary/srv1", ESTATE))
    done = place.run("key", "accept", "libary/srv1", "--yes", *place.unlocked)
    assert done.exit_code == 2
    assert 'did you mean "library/srv1"?' in err(done)


def test_a_name_that_no_key_has_gets_a_suggestion(place: Workplace) -> None:
    centre = place.found("library")
    centre.knock(FakeHost("library/srv1", ESTATE))
    done = place.run("key", "accept", "library/srv2", "--yes", *place.unlocked)
    assert done.exit_code == 2
    assert 'did you mean "library/srv1"?' in err(done)


def test_a_second_key_for_a_host_needs_the_first_to_be_ended(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    centre.knock(FakeHost("library/srv1", ESTATE))
    done = place.run("key", "accept", "library/srv1", "--yes", *place.unlocked)
    assert done.exit_code == 5
    assert "orch key revoke library/srv1" in err(done)


def test_accepting_twice_is_no_error(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    done = place.run("key", "accept", "library/srv1", "--yes", *place.unlocked)
    assert done.exit_code == 0
    assert "admitted already" in err(done)


def test_the_wrong_passphrase_changes_nothing(place: Workplace) -> None:
    centre = place.found("library")
    host = centre.knock(FakeHost("library/srv1", ESTATE))
    wrong = place.base / "wrong"
    wrong.write_text("guess\n")
    done = place.run("key", "accept", "library/srv1", "--yes", "--passphrase-file", str(wrong))
    assert done.exit_code == 5
    assert "passphrase is wrong" in err(done)
    assert centre.states[host.curve.public] == "pending"


def test_asks_again_for_a_mistyped_passphrase(place: Workplace) -> None:
    centre = place.found("library")
    host = centre.knock(FakeHost("library/srv1", ESTATE))
    place.interactive = True
    done = place.run("key", "accept", "library/srv1", "--yes", answer="guess\ncorrect horse\n")
    assert done.exit_code == 0, done.output
    assert centre.states[host.curve.public] == "admitted"


def test_turns_a_host_away(place: Workplace) -> None:
    centre = place.found("library")
    host = centre.knock(FakeHost("library/srv1", ESTATE))
    assert place.run("key", "reject", "library/srv1", "--yes").exit_code == 0
    assert centre.states[host.curve.public] == "rejected"


def test_ends_the_key_of_a_host_and_keeps_the_word_for_a_later_centre(place: Workplace) -> None:
    centre = place.found("library")
    [host] = place.admit("library/srv1")
    done = place.run("key", "revoke", "library/srv1", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert centre.states[host.curve.public] == "revoked"
    kept = sorted(path.name for path in (place.estate / "hosts" / "library").iterdir())
    assert len(kept) == 1
    assert kept[0].endswith(".revoked")
    centre.states[host.curve.public] = "pending"
    place.run("key", "list")
    assert centre.states[host.curve.public] == "revoked"


def test_a_host_that_nobody_knows_cannot_be_revoked(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    done = place.run("key", "revoke", "library/srv", "--yes", *place.unlocked)
    assert done.exit_code == 2
    assert 'did you mean "library/srv1"?' in err(done)


def test_nobody_can_end_their_own_key_by_mistake(place: Workplace) -> None:
    place.found("library")
    done = place.run("key", "revoke", "operator:anna", "--yes", *place.unlocked)
    assert done.exit_code == 5
    assert "--recover" in err(done)


def test_an_admission_that_only_the_centre_has_is_taken_into_the_files(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    kept = place.estate / "hosts" / "library" / "srv1.admission"
    content = kept.read_bytes()
    kept.unlink()
    done = place.run("key", "list")
    assert done.exit_code == 0, done.output
    assert kept.read_bytes() == content
    assert "commit hosts/" in err(done)


def test_a_login_key_that_others_can_read_is_refused(place: Workplace) -> None:
    place.found("library")
    path = place.home / ESTATE / "login.key"
    path.chmod(0o644)
    done = place.run("key", "list")
    assert done.exit_code == 5
    assert "can be read by others" in err(done)


def test_an_operator_whom_the_policy_does_not_name_is_told_so(place: Workplace) -> None:
    centre = place.found("library")
    host = centre.knock(FakeHost("library/srv1", ESTATE))
    path = place.home / ESTATE / "login.key"
    mine = keyfile.read_login(path.read_text())
    other = keyfile.LoginKey(estate=mine.estate, operator=mine.operator, curve=mine.curve, sign=bytes(32))
    path.write_text(keyfile.write(other))
    done = place.run("key", "accept", "library/srv1", "--words", words(host), *place.unlocked)
    assert done.exit_code == 5
    assert "does not name your login key" in err(done)


def test_other_peoples_files_are_not_believed(place: Workplace) -> None:
    place.found("library")
    other = Workplace(place.base / "other")
    other.base.mkdir()
    other.found("library")
    stranger = (other.estate / "policy" / "0001.policy").read_bytes()
    (place.estate / "policy" / "0001.policy").write_bytes(stranger)
    done = place.run("key", "list")
    assert done.exit_code == 5
    assert "does not begin with the policy that your keys were made for" in err(done)


def two_operators(place: Workplace) -> bytes:
    """A second policy, in which bert is an operator, too; signed with the root key, and so far only in the files."""
    seed = open_file((place.home / ESTATE / "root.key").read_text(), "correct horse")
    first = codec.decode(
        Policy,
        open_envelope((place.estate / "policy" / "0001.policy").read_bytes(), type=TYPE, limit=LIMIT).body,
        limit=LIMIT,
    )
    bert = signed_estate.person("bert", Grant(("*",), ("*",), tuple(Verb)))
    made = replace(first, version=2, operators=(*first.operators, bert))
    envelope = authoring.sign_policy(made, keys=(SigningKey.from_seed(seed),))
    (place.estate / "policy" / "0002.policy").write_bytes(envelope)
    return envelope


def test_a_policy_that_only_the_files_have_reaches_the_centre(place: Workplace) -> None:
    centre = place.found("library")
    envelope = two_operators(place)
    done = place.run("key", "list")
    assert done.exit_code == 0, done.output
    assert centre.policies[-1] == envelope
    assert "gave the centre 1 policies" in err(done)


def test_a_policy_that_only_the_centre_has_is_taken_into_the_files(place: Workplace) -> None:
    centre = place.found("library")
    centre.policies.append(two_operators(place))
    kept = place.estate / "policy" / "0002.policy"
    kept.unlink()
    done = place.run("key", "list")
    assert done.exit_code == 0, done.output
    assert kept.read_bytes() == centre.policies[-1]
    assert "commit policy/" in err(done)


def test_a_policy_in_the_files_that_the_root_did_not_sign_stops_everything(place: Workplace) -> None:
    centre = place.found("library")
    envelope = two_operators(place)
    opened = open_envelope(envelope, type=TYPE, limit=LIMIT)
    forged = seal(TYPE, opened.body, (SigningKey.generate(),))
    (place.estate / "policy" / "0002.policy").write_bytes(forged)
    done = place.run("key", "list")
    assert done.exit_code == 5
    assert "lacks root signatures" in err(done)
    assert len(centre.policies) == 1


def test_ends_an_operator_and_signs_anew_what_only_that_one_had_signed(place: Workplace) -> None:
    centre = place.found("library")
    two_operators(place)
    place.run("key", "list")
    host = centre.knock(FakeHost("library/srv1", ESTATE))
    by_bert = authoring.sign_admission(
        Admission(
            estate=ESTATE,
            host=host.name,
            curve=host.curve.public,
            sign=host.sign.public,
            seal=host.curve.public,
            scope="main",
            ring="all",
            serial=1,
            issued=place.clock.wall(),
        ),
        keys=(signed_estate.signing("bert"),),
    )
    centre.ask("key.admit", Signed(by_bert), Nothing)
    done = place.run("key", "revoke", "operator:bert", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert [person.name for person in centre.policy.operators] == ["anna"]
    assert centre.policy.epoch("main") == 2
    now = place.clock.wall()
    kept = (place.estate / "hosts" / "library" / "srv1.admission").read_bytes()
    assert trust.take_admission(centre.policy, kept, mine=None, current=None, now=now).serial == 2
    assert centre.admissions[host.curve.public] == kept
    assert err(done).splitlines()[-1] == "next: orch apply --again"
    done = place.run("apply", "--again", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert centre.heads["main"].epoch == 2


def test_an_operator_whom_nobody_knows_cannot_be_ended(place: Workplace) -> None:
    place.found("library")
    two_operators(place)
    done = place.run("key", "revoke", "operator:bret", "--yes", *place.unlocked)
    assert done.exit_code == 2
    assert 'did you mean "bert"?' in err(done)


def test_files_with_a_gap_in_their_policies_are_refused(place: Workplace) -> None:
    place.found("library")
    envelope = two_operators(place)
    (place.estate / "policy" / "0002.policy").unlink()
    (place.estate / "policy" / "0003.policy").write_bytes(envelope)
    done = place.run("key", "list")
    assert done.exit_code == 2
    assert "a version is missing between" in err(done)


def test_a_damaged_signed_file_is_named(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    (place.estate / "hosts" / "library" / "srv1.admission").write_bytes(b"edited")
    done = place.run("key", "list")
    assert done.exit_code == 2
    assert "srv1.admission" in err(done)
    assert "signed, not edited" in err(done)


def test_files_without_a_policy_are_no_complete_estate(place: Workplace) -> None:
    place.found("library")
    (place.estate / "policy" / "0001.policy").unlink()
    done = place.run("status")
    assert done.exit_code == 2
    assert "there is no signed policy" in err(done)


@pytest.mark.parametrize(
    ("state", "verb", "said"),
    [
        ("admitted", "reject", ("is admitted already", "orch key revoke library/srv1")),
        ("rejected", "reject", ("was turned away already", "orch key accept library/srv1")),
        ("revoked", "reject", ("was revoked already", "it gets no connection")),
        ("admitted", "accept", ("is admitted already", "orch status library/srv1")),
        ("revoked", "accept", ("was revoked", "orch-minion enrol")),
        ("pending", "revoke", ("never admitted", "orch key reject library/srv1")),
        ("rejected", "revoke", ("was turned away already", "orch key list")),
        ("revoked", "revoke", ("was revoked already", "orch-minion enrol")),
    ],
)
def test_a_verb_that_does_not_fit_names_the_state_and_the_right_verb(
    place: Workplace, state: str, verb: str, said: tuple[str, str]
) -> None:
    centre = place.found("library")
    if state in ("pending", "rejected"):
        centre.knock(FakeHost("library/srv1", ESTATE))
    else:
        place.admit("library/srv1")
    if state == "rejected":
        place.run("key", "reject", "library/srv1", "--yes")
    if state == "revoked":
        place.run("key", "revoke", "library/srv1", "--yes", *place.unlocked)
    done = place.run("key", verb, "srv1", "--yes", *(place.unlocked if verb != "reject" else ()))
    assert done.exit_code == 2, done.output
    assert all(part in err(done) for part in said), err(done)


def test_shows_the_words_that_a_new_host_is_shown_of_its_enrolment_file(place: Workplace) -> None:
    centre = place.found("library")
    centre.knock(FakeHost("library/srv1", ESTATE))
    told = enrolment.words(enrolment.read((place.estate / f"{ESTATE}.enrol").read_text()).pin)
    assert f"check words of {ESTATE}.enrol: {told}" in err(place.run("key", "list"))
