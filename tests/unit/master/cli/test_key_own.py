"""Keys of operators, of root holders and of the centre: made, asked about, replaced."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orch.common import keyfile, trust
from orch.common.crypto import CurveKey, SigningKey, open_file
from tests.unit.master.cli.desk import ESTATE, Workplace, err

ADDRESS = ("policy", "address", "add", "tcp://elsewhere:1", "--yes")


def test_a_request_makes_keys_that_others_cannot_read_and_no_root_key(place: Workplace) -> None:
    place.found("library")
    bert = place.asks_in("bert")
    folder = bert.home / ESTATE
    assert sorted(path.name for path in folder.iterdir()) == ["login.key", "pin", "signing.key"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (folder, *folder.iterdir()))
    text = (place.base / "bert.operator").read_text()
    login = keyfile.read_login((folder / "login.key").read_text())
    part = keyfile.read_operator(text)
    assert part.login == SigningKey.from_seed(login.sign).public
    assert login.sign.hex()[:8] not in text


def test_a_request_never_overwrites_keys(place: Workplace) -> None:
    place.found("library")
    done = place.run("key", "request", "--operator", "bert", *place.unlocked)
    assert done.exit_code == 2
    assert "orch key rotate" in err(done)
    done = place.colleague("anna").run("key", "request", "--operator", "anna", *place.unlocked)
    assert done.exit_code == 2
    assert "anna is an operator already" in err(done)


def test_who_tells_what_counts_for_a_host_an_operator_and_all(place: Workplace) -> None:
    place.found("library")
    place.joins("bert", "main/all:plan,publish")
    place.admit("library/srv1")
    done = place.run("key", "who", "library/srv1")
    assert done.exit_code == 0, done.output
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert "anna, bert" in lines["publish"]
    assert "bert" not in lines["enrol"]
    told = json.loads(place.run("key", "who", "bert", "--output", "json").stdout)
    assert told["hosts"]["publish"] == ["library/srv1"]
    assert told["hosts"]["reboot"] == []
    everybody = place.run("key", "who").stdout
    assert "root.key" in everybody
    assert "*/*:all" in everybody
    done = place.run("key", "who", "brt")
    assert done.exit_code == 2
    assert 'did you mean "bert"' in err(done)


def test_new_keys_take_the_place_of_the_old_ones_and_what_they_signed_is_renewed(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    before = centre.policy.operators[0]
    done = place.run("key", "rotate", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    after = centre.policy.operators[0]
    assert {before.signing, before.login, before.login_curve}.isdisjoint(
        {after.signing, after.login, after.login_curve}
    )
    assert after.grants == before.grants
    folder = place.home / ESTATE
    assert not (folder / "next").exists()
    assert (
        SigningKey.from_seed(open_file((folder / "signing.key").read_text(), "correct horse")).public == after.signing
    )
    kept = (place.estate / "hosts" / "library" / "srv1.admission").read_bytes()
    assert trust.take_admission(centre.policy, kept, mine=None, current=None, now=0).serial == 2
    assert err(done).splitlines()[-1] == "next: orch apply --again"
    assert place.run("apply", "--again", "--yes", *place.unlocked).exit_code == 0


def test_a_rotation_waits_for_a_policy_that_others_sign(place: Workplace) -> None:
    centre = place.found("library")
    bert = place.joins("bert", "*/*:all")
    bert.admit("library/srv1")
    place.pull(bert)
    done = bert.run("key", "rotate", "--yes", *bert.unlocked)
    assert done.exit_code == 0, done.output
    assert "say this again: orch key rotate" in err(done)
    old = (bert.home / ESTATE / "login.key").read_text()
    assert bert.run("status").exit_code == 0
    file = str(bert.estate / "policy-3.proposal")
    assert place.run("policy", "sign", file, "--yes", *place.unlocked).exit_code == 0
    assert place.run("policy", "publish", file, "--yes", *place.unlocked).exit_code == 0
    done = bert.run("key", "rotate", "--yes", *bert.unlocked)
    assert done.exit_code == 0, done.output
    assert (bert.home / ESTATE / "login.key").read_text() != old
    assert bert.run("policy", "show").exit_code == 0
    [_anna, now] = centre.policy.operators
    login = keyfile.read_login((bert.home / ESTATE / "login.key").read_text())
    assert CurveKey.from_secret(login.curve).public == now.login_curve


def test_the_wrong_passphrase_makes_no_new_keys(place: Workplace) -> None:
    place.found("library")
    wrong = place.base / "wrong"
    wrong.write_text("guess\n")
    done = place.run("key", "rotate", "--yes", "--passphrase-file", str(wrong))
    assert done.exit_code == 5
    assert not (place.home / ESTATE / "next").exists()


def test_a_root_key_does_not_lie_in_the_estate(place: Workplace) -> None:
    place.found("library")
    asked = ("key", "root", "new", "mine.root", "--holder", "rita", "--for", ESTATE, *place.unlocked)
    done = place.run(*asked)
    assert done.exit_code == 2
    assert "which is shared" in err(done)
    assert place.run(*asked, where=place.base).exit_code == 0
    assert (place.base / "mine.root").stat().st_mode & 0o077 == 0
    again = place.run(*asked, where=place.base)
    assert again.exit_code == 2
    assert "is there already" in err(again)


@pytest.fixture
def round_(place: Workplace) -> Path:
    """The folder of a ceremony, and three root keys on their sticks."""
    place.found("library")
    folder = place.base / "round"
    folder.mkdir()
    for name in ("rita", "rolf", "rosa"):
        key = str(place.base / f"{name}.root")
        asked = ("key", "root", "new", key, "--holder", name, "--for", ESTATE, *place.unlocked)
        assert place.run(*asked, where=place.base).exit_code == 0
    return folder


def brings(place: Workplace, folder: Path, name: str) -> None:
    (folder / f"{name}.pub").write_bytes((place.base / f"{name}.root.pub").read_bytes())


def test_a_ceremony_is_taken_up_where_it_was_left(place: Workplace, round_: Path) -> None:
    centre = place.centre
    assert centre is not None
    say = ("key", "ceremony", str(round_), "--holders", "3", "--needed", "2", "--yes", *place.unlocked)
    assert "step 1 of 3: 0 of 3 holders" in err(place.run(*say))
    brings(place, round_, "rita")
    brings(place, round_, "rolf")
    first = place.run(*say)
    assert "step 1 of 3: 2 of 3 holders" in err(first)
    assert "orch key root new /STICK/NAME.root" in err(first)
    brings(place, round_, "rosa")
    proposed = place.run(*say)
    assert proposed.exit_code == 0, proposed.output
    assert "step 3 of 3" in err(proposed)
    assert "0 of the 2 root signatures that version 2 itself asks for" in err(proposed)
    assert len(centre.policies) == 1
    one = place.run(*say, "--root", str(place.base / "rosa.root"))
    assert "1 of the 2 root signatures that version 2 itself asks for" in err(one)
    two = place.run(*say, "--root", str(place.base / "rita.root"))
    file = round_ / "policy-2.proposal"
    assert err(two).splitlines()[-1] == f"next: orch policy publish {file}"
    assert place.run("policy", "publish", str(file), "--yes", *place.unlocked).exit_code == 0
    assert (centre.policy.root.threshold, len(centre.policy.root.keys)) == (2, 3)
    assert "✓ done: policy 2 asks for 2 of 3 root keys" in place.run(*say).stdout
    done = place.run(*ADDRESS, "--root", str(place.base / "rita.root"), *place.unlocked)
    assert "1 of the 2 root signatures" in err(done)


def test_a_ceremony_does_not_begin_before_the_words_were_compared(place: Workplace, round_: Path) -> None:
    for name in ("rita", "rolf", "rosa"):
        brings(place, round_, name)
    place.interactive = True
    say = ("key", "ceremony", str(round_), "--holders", "3", "--needed", "2", *place.unlocked)
    done = place.run(*say, answer="n\n")
    assert done.exit_code == 1
    assert list(round_.glob("*.proposal")) == []


def test_all_of_all_is_a_trap_and_needs_a_word(place: Workplace, round_: Path) -> None:
    for name in ("rita", "rolf", "rosa"):
        brings(place, round_, name)
    say = ("key", "ceremony", str(round_), "--holders", "3", "--needed", "3", "--yes", *place.unlocked)
    done = place.run(*say)
    assert done.exit_code == 5
    assert "nobody can ever change the policy again" in err(done)


def test_a_key_that_was_exchanged_in_the_folder_is_noticed(place: Workplace, round_: Path) -> None:
    for name in ("rita", "rolf", "rosa"):
        brings(place, round_, name)
    say = ("key", "ceremony", str(round_), "--holders", "3", "--needed", "2", "--yes", *place.unlocked)
    assert place.run(*say).exit_code == 0
    key = str(place.base / "mallory.root")
    asked = ("key", "root", "new", key, "--holder", "rosa", "--for", ESTATE, *place.unlocked)
    assert place.run(*asked, where=place.base).exit_code == 0
    (round_ / "rosa.pub").write_bytes(Path(f"{key}.pub").read_bytes())
    done = place.run(*say)
    assert done.exit_code == 5
    assert "does not name the root keys that are in the folder" in err(done)


def test_the_centres_keys_are_named_first_then_used_then_alone(place: Workplace) -> None:
    centre = place.found("library")
    place.admit("library/srv1")
    old = centre.policy.centre
    file = place.base / "new-centre.key"
    place.proves = lambda servers: old.curve[0] in servers
    say = ("key", "centre", str(file), "--yes", *place.unlocked)
    first = place.run(*say)
    assert first.exit_code == 0, first.output
    key = keyfile.read_centre(file.read_text())
    new = CurveKey.from_secret(key.curve).public
    assert file.stat().st_mode & 0o077 == 0
    assert centre.policy.centre.curve == (old.curve[0], new, *old.curve[1:])
    assert centre.policy.centre.fresh == (*old.fresh, SigningKey.from_seed(key.fresh).public)
    assert "put" in err(place.run(*say))
    assert centre.policy.version == 2
    place.proves = lambda servers: new in servers
    done = place.run(*say)
    assert done.exit_code == 0, done.output
    assert centre.policy.centre.curve == (new, *old.curve[1:])
    assert centre.policy.centre.fresh == (SigningKey.from_seed(key.fresh).public,)
    assert "✓ the centre's keys are new" in done.stdout
    assert "✓ the centre's keys are new" in place.run(*say).stdout
    assert centre.policy.version == 3
