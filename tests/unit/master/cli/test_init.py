import os
import shutil
import stat
from pathlib import Path

import pytest
from click.testing import Result

from orch.common import enrolment, keyfile, trust
from orch.common.crypto import CurveKey, open_file, sha256
from orch.common.envelope import open_envelope
from orch.common.errors import KeyFileError
from orch.common.policy import LIMIT, TYPE, Policy, Verb
from tests.unit.master.cli.desk import ESTATE, Workplace, err

CENTRE = ("--centre", "tcp://orch.example.org:4505")


def newest(place: Workplace) -> Policy:
    current = None
    for path in sorted((place.estate / "policy").iterdir()):
        envelope = path.read_bytes()
        pin = sha256(open_envelope(envelope, type=TYPE, limit=LIMIT).body)
        current = trust.take_policy(current, envelope, pinned=pin)
    assert current is not None
    return current


def init(place: Workplace, *more: str) -> Result:
    done = place.run("init", ESTATE, *CENTRE, "--operator", "anna", *place.unlocked, *more, where=place.base)
    assert done.exit_code == 0, done.output
    return done


def test_founds_an_estate_whose_policy_every_host_takes(place: Workplace) -> None:
    init(place)
    policy = newest(place)
    assert policy.version == 1
    assert policy.root.threshold == 1
    assert len(policy.root.keys) == 2
    assert policy.operators[0].name == "anna"
    assert set(policy.operators[0].grants[0].verbs) == set(Verb)
    assert policy.centre.addresses == ("tcp://orch.example.org:4505",)


def test_the_first_files_have_no_error(place: Workplace) -> None:
    init(place)
    assert place.run("lint").exit_code == 0


def test_keys_are_for_their_owner_alone(place: Workplace) -> None:
    init(place)
    keys = place.home / ESTATE
    secret = [*keys.iterdir(), place.recovery, place.base / f"{ESTATE}-centre" / "centre.key"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700


def test_the_centre_gets_its_keys_and_the_policy_and_no_key_that_commands(place: Workplace) -> None:
    init(place)
    centre = place.base / f"{ESTATE}-centre"
    assert sorted(path.name for path in centre.iterdir()) == ["centre.key", "master.toml", "policy"]
    key = keyfile.read_centre((centre / "centre.key").read_text())
    policy = newest(place)
    assert CurveKey.from_secret(key.curve).public == policy.centre.curve[0]
    assert 'listen = ["tcp://*:4505"]' in (centre / "master.toml").read_text()


def test_the_enrolment_file_holds_the_policy_and_its_pin(place: Workplace) -> None:
    init(place)
    found = enrolment.read((place.estate / f"{ESTATE}.enrol").read_text())
    assert trust.take_policy(None, found.policy, pinned=found.pin) == newest(place)


def test_says_what_to_keep_where_and_what_comes_next(place: Workplace) -> None:
    done = place.run("init", ESTATE, *CENTRE, *place.unlocked, where=place.base)
    assert "recovery key" in done.stdout
    assert "orch-master" in done.stdout
    assert done.stderr.splitlines()[-1].startswith("next: cd netgate")


@pytest.mark.parametrize("there", ["netgate", "netgate-centre", "netgate-recovery.key", "home/netgate"])
def test_overwrites_nothing_and_leaves_nothing_half_done(place: Workplace, there: str) -> None:
    path = place.base / there
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".key":
        path.write_text("mine")
    else:
        path.mkdir()
        (path / "mine").write_text("mine")
    done = place.run("init", ESTATE, *CENTRE, *place.unlocked, where=place.base)
    assert done.exit_code == 2
    assert "is there already: nothing was done" in err(done)
    left = {str(item.relative_to(place.base)) for item in place.base.rglob("*") if item.is_file()}
    assert left <= {"passphrase", there, f"{there}/mine"}


def test_asks_for_a_passphrase_twice(place: Workplace) -> None:
    place.interactive = True
    done = place.run("init", ESTATE, *CENTRE, answer="one\ntwo\nthree\nthree\n", where=place.base)
    assert done.exit_code == 0, done.output
    assert opens(place, "three")
    assert not opens(place, "one")


def opens(place: Workplace, passphrase: str) -> bool:
    try:
        open_file((place.home / ESTATE / "signing.key").read_text(), passphrase)
    except KeyFileError:
        return False
    return True


def test_refuses_to_make_keys_without_a_passphrase_when_nobody_is_there(place: Workplace) -> None:
    done = place.run("init", ESTATE, *CENTRE, where=place.base)
    assert done.exit_code == 5
    assert "--passphrase-file" in err(done)
    assert not place.estate.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Net Gate", *CENTRE], "cannot be an estate's name"),
        ([ESTATE], "where will the hosts find the centre"),
        ([ESTATE, "--centre", "orch.example.org"], "is not an address"),
        ([ESTATE, "--centre", "tcp://orch.example.org:99999"], "is not an address"),
        ([ESTATE, *CENTRE, "--operator", "Änne"], "cannot be an operator's name"),
        ([*CENTRE], "which name shall the estate have"),
    ],
)
def test_says_what_is_wrong_with_the_command(place: Workplace, arguments: list[str], said: str) -> None:
    done = place.run("init", *arguments, *place.unlocked, where=place.base)
    assert done.exit_code == 2
    assert said in err(done)
    assert "do:" in err(done)


def test_puts_everything_where_it_is_told(place: Workplace) -> None:
    init(place, "--directory", str(place.base / "files"), "--centre-directory", str(place.base / "var"))
    assert (place.base / "files" / "estate.yaml").exists()
    assert (place.base / "var" / "centre.key").exists()
    assert (place.base / f"{ESTATE}-recovery.key").exists()


# --- recovery


def lose(place: Workplace) -> None:
    """The operator's folder and the centre are gone; the files come from git."""
    for path in (place.home / ESTATE, place.base / f"{ESTATE}-centre"):
        for item in sorted(path.rglob("*"), reverse=True):
            item.rmdir() if item.is_dir() else item.unlink()
        path.rmdir()


def recover(place: Workplace) -> None:
    done = place.run("init", "--recover", str(place.recovery), *place.unlocked)
    assert done.exit_code == 0, done.output


def test_recovers_with_the_key_that_hosts_know_as_the_next_centres(place: Workplace) -> None:
    init(place)
    before = newest(place)
    lose(place)
    recover(place)
    after = newest(place)
    assert after.version == 2
    assert after.centre.curve[0] == before.centre.curve[1]
    key = keyfile.read_centre((place.base / f"{ESTATE}-centre" / "centre.key").read_text())
    assert CurveKey.from_secret(key.curve).public == after.centre.curve[0]
    assert after.operators[0].name == "anna"
    assert after.operators[0].signing != before.operators[0].signing
    assert after.centre.fresh != before.centre.fresh


def test_recovers_again_and_again_without_a_counter(place: Workplace) -> None:
    init(place)
    first = newest(place)
    for _ in range(3):
        before = newest(place)
        lose(place)
        recover(place)
        assert newest(place).centre.curve[0] == before.centre.curve[1]
    assert newest(place).version == 4
    # A host that missed one recovery still finds the centre after the second.
    assert newest(place).centre.curve[0] not in first.centre.curve


def test_a_recovery_signs_admissions_anew_and_raises_epochs(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    lose(place)
    recover(place)
    policy = newest(place)
    assert policy.epoch("main") == 2
    envelope = (place.estate / "hosts" / "library" / "srv1.admission").read_bytes()
    found = trust.take_admission(policy, envelope, mine=None, current=None, now=place.clock.wall())
    assert found.serial == 2


def test_the_new_centre_is_given_the_whole_chain(place: Workplace) -> None:
    init(place)
    lose(place)
    recover(place)
    folder = place.base / f"{ESTATE}-centre" / "policy"
    assert sorted(path.name for path in folder.iterdir()) == ["0001.policy", "0002.policy"]
    found = enrolment.read((place.estate / f"{ESTATE}.enrol").read_text())
    assert trust.take_policy(None, found.policy, pinned=found.pin).version == 2


def test_after_a_recovery_everything_reaches_the_new_centre_by_itself(place: Workplace) -> None:
    centre = place.found("library")
    [host] = place.admit("library/srv1")
    lose(place)
    recover(place)
    centre.policies = [path.read_bytes() for path in sorted((place.estate / "policy").iterdir())]
    centre.states.clear()
    centre.admissions.clear()
    centre.knock(host)
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert "gave the centre 1 admissions" in err(done)
    assert centre.heads["main"].epoch == 2
    assert centre.heads["main"].number == 2


def test_a_recovery_key_of_another_estate_is_refused(place: Workplace) -> None:
    init(place)
    other = Workplace(place.base / "other")
    other.base.mkdir()
    other.chance.token(32)  # another seed than the first estate's
    init(other)
    lose(place)
    done = place.run("init", "--recover", str(other.recovery), *place.unlocked)
    assert done.exit_code == 5
    assert "does not name this recovery key" in err(done)
    assert not (place.home / ESTATE).exists()


def test_a_mistyped_recovery_key_is_no_key(place: Workplace, tmp_path: Path) -> None:
    init(place)
    lose(place)
    typed = tmp_path / "typed.key"
    text = place.recovery.read_text()
    digit = text.index("seed: ") + 6
    typed.write_text(text[:digit] + ("0" if text[digit] != "0" else "1") + text[digit + 1 :])
    done = place.run("init", "--recover", str(typed), *place.unlocked)
    assert done.exit_code == 5
    assert "check digits" in err(done)


def test_a_recovery_key_may_be_typed_with_other_blanks_and_in_capitals(place: Workplace, tmp_path: Path) -> None:
    init(place)
    lose(place)
    typed = tmp_path / "typed.key"
    lines = [line for line in place.recovery.read_text().splitlines() if not line.startswith("#")]
    seed = lines[2].removeprefix("seed: ").replace(" ", "").upper()
    typed.write_text("\n".join([lines[0], lines[1], f"seed: {seed}", lines[3], ""]))
    done = place.run("init", "--recover", str(typed), *place.unlocked)
    assert done.exit_code == 0, done.output


def test_recovers_nothing_where_keys_are_still_there(place: Workplace) -> None:
    init(place)
    done = place.run("init", "--recover", str(place.recovery), *place.unlocked)
    assert done.exit_code == 2
    assert "nothing was done" in err(done)
    assert newest(place).version == 1


def test_a_recovery_signs_revocations_anew_so_that_the_new_centre_refuses_old_keys(place: Workplace) -> None:
    place.found("library")
    [host] = place.admit("library/srv1")
    assert place.run("key", "revoke", "library/srv1", "--yes", *place.unlocked).exit_code == 0
    lose(place)
    recover(place)
    policy = newest(place)
    [kept] = (place.estate / "hosts" / "library").iterdir()
    found = trust.take_revocation(policy, kept.read_bytes(), admission=None, now=place.clock.wall())
    assert found.curve == host.curve.public


def test_a_recovery_needs_an_estate_around_it_and_takes_no_name(place: Workplace) -> None:
    init(place)
    lose(place)
    done = place.run("init", "--recover", str(place.recovery), *place.unlocked, where=place.base)
    assert done.exit_code == 2
    assert "there is no estate here" in err(done)
    done = place.run("init", "other", "--recover", str(place.recovery), *place.unlocked)
    assert done.exit_code == 2
    assert "needs no name" in err(done)


def test_a_recovery_may_name_a_new_address_and_a_new_operator(place: Workplace) -> None:
    init(place)
    lose(place)
    more = ("--centre", "tcp://new.example.org:4505", "--operator", "bert")
    assert place.run("init", "--recover", str(place.recovery), *more, *place.unlocked).exit_code == 0
    assert newest(place).centre.addresses == ("tcp://new.example.org:4505",)
    assert [person.name for person in newest(place).operators] == ["bert"]


def test_a_place_that_cannot_be_written_leaves_nothing_behind(place: Workplace) -> None:
    (place.base / "file").write_text("in the way")
    done = place.run(
        "init", ESTATE, *CENTRE, *place.unlocked, "--centre-directory", str(place.base / "file" / "x"), where=place.base
    )
    assert done.exit_code == 2
    assert sorted(path.name for path in place.base.iterdir()) == ["file", "passphrase"]


@pytest.mark.parametrize(
    ("name", "said"), [("login.key", "there is no login key"), ("signing.key", "signing.key is missing")]
)
def test_keys_that_are_missing_are_named(place: Workplace, name: str, said: str) -> None:
    place.found("library")
    place.admit("library/srv1")
    (place.home / ESTATE / name).unlink()
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 5
    assert said in err(done)


def test_private_folders_are_private_whatever_the_umask_says(place: Workplace) -> None:
    place = Workplace(place.base / "deep")
    place.base.mkdir()
    before = os.umask(0)
    try:
        init(place)
    finally:
        os.umask(before)
    private = [place.home, place.home / ESTATE, place.base / f"{ESTATE}-centre"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in private] == [0o700] * 3
    open_to_all = [path for path in place.estate.rglob("*") if path.stat().st_mode & 0o022]
    assert open_to_all == []


def test_the_words_of_the_enrolment_file_are_shown_and_stand_in_it(place: Workplace) -> None:
    done = init(place)
    text = (place.estate / f"{ESTATE}.enrol").read_text()
    words = enrolment.words(enrolment.read(text).pin)
    assert len(words.split()) == 6
    assert words in done.stdout
    assert f"check words: {words}" in text.splitlines()


def test_a_place_that_is_taken_names_the_option_for_another(place: Workplace) -> None:
    for path, option in (
        (place.estate, "--directory"),
        (place.base / f"{ESTATE}-centre", "--centre-directory"),
        (place.home / ESTATE, "ORCH_HOME"),
        (place.recovery, "--directory"),
    ):
        path.mkdir(parents=True)
        (path / "something").write_text("x")
        done = place.run("init", ESTATE, *CENTRE, *place.unlocked, where=place.base)
        assert done.exit_code == 2
        assert option in done.stderr, path
        shutil.rmtree(path)
