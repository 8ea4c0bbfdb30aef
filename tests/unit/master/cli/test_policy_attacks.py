"""Who tries to get a policy past the root: too few signatures, an operator's own wish, a proposal changed on its way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import armour, authoring, codec
from orch.common.crypto import SigningKey
from orch.common.envelope import open_envelope, seal
from orch.common.errors import BadSignature, OrchError
from orch.common.operations import Signed
from orch.common.policy import LIMIT, TYPE, Policy
from orch.common.rows import Nothing
from orch.master.cli.founding import EVERYTHING
from tests.fakes import signed_estate
from tests.fakes.operators_centre import FakeCentre
from tests.unit.master.cli.desk import ESTATE, Workplace, err


@pytest.fixture
def shared(place: Workplace) -> Workplace:
    """An estate whose root is shared by three, of whom two must sign."""
    place.found("library")
    ceremony(place, "rita", "rolf", "rosa")
    return place


def ceremony(place: Workplace, *holders: str) -> None:
    folder = place.base / "round"
    folder.mkdir()
    for name in holders:
        key = str(stick(place, name))
        made = place.run(
            "key", "root", "new", key, "--holder", name, "--for", ESTATE, *place.unlocked, where=place.base
        )
        assert made.exit_code == 0, made.output
        (folder / f"{name}.pub").write_bytes(Path(f"{key}.pub").read_bytes())
    say = ("key", "ceremony", str(folder), "--holders", "3", "--needed", "2", "--yes", *place.unlocked)
    assert place.run(*say).exit_code == 0
    for name in holders[:2]:
        assert place.run(*say, "--root", str(stick(place, name))).exit_code == 0
    done = place.run("policy", "publish", str(folder / "policy-2.proposal"), "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output


def stick(place: Workplace, name: str) -> Path:
    return place.base / f"{name}.root"


def file_of(place: Workplace, version: int = 3) -> Path:
    return place.estate / f"policy-{version}.proposal"


def propose(place: Workplace, *signers: str) -> Path:
    """Anna proposes that bert may plan; some sign."""
    place.asks_in("bert")
    add = ("policy", "operator", "add", "bert", "--key", str(place.base / "bert.operator"), "--grant", "*/*:plan")
    done = place.run(*add, "--yes", *roots(place, signers[:1]), *place.unlocked)
    assert done.exit_code == 0, done.output
    for name in signers[1:]:
        done = place.run("policy", "sign", str(file_of(place)), "--yes", *roots(place, [name]), *place.unlocked)
        assert done.exit_code == 0, done.output
    return file_of(place)


def roots(place: Workplace, names: tuple[str, ...] | list[str]) -> list[str]:
    return [word for name in names for word in ("--root", str(stick(place, name)))]


def envelope_in(file: Path) -> bytes:
    return armour.read("PROPOSAL", file.read_text(), limit=1 << 20, hint="")


def rewrite(file: Path, envelope: bytes) -> None:
    file.write_text(armour.write("PROPOSAL", envelope, head=["changed on its way"]))


def with_mallory(envelope: bytes) -> Policy:
    made = codec.decode(Policy, open_envelope(envelope, type=TYPE, limit=LIMIT).body, limit=LIMIT)
    return replace(made, operators=(*made.operators, signed_estate.person("mallory", *EVERYTHING)))


def put(centre: FakeCentre, envelope: bytes) -> None:
    centre.ask("policy.put", Signed(envelope), Nothing)


def test_a_policy_goes_round_and_counts_when_enough_have_signed(shared: Workplace) -> None:
    centre = shared.centre
    assert centre is not None
    file = propose(shared, "rita")
    done = shared.run("policy", "publish", str(file), "--yes", *shared.unlocked)
    assert done.exit_code == 5
    assert "1 of the 2 root signatures" in err(done)
    done = shared.run("policy", "sign", str(file), "--yes", *roots(shared, ["rosa"]), *shared.unlocked)
    assert err(done).splitlines()[-1] == f"next: orch policy publish {file}"
    done = shared.run("policy", "publish", str(file), "--yes", *shared.unlocked)
    assert done.exit_code == 0, done.output
    assert [person.name for person in centre.policy.operators] == ["anna", "bert"]
    again = shared.run("policy", "publish", str(file), "--yes", *shared.unlocked)
    assert again.exit_code == 0
    assert "in force already" in err(again)


def test_a_policy_signed_by_too_few_is_refused_by_everybody(shared: Workplace) -> None:
    centre = shared.centre
    assert centre is not None
    file = propose(shared, "rita")
    with pytest.raises(BadSignature):
        put(centre, envelope_in(file))
    done = shared.run("policy", "publish", str(file), "--yes", "--force", *shared.unlocked)
    assert done.exit_code == 5
    (shared.estate / "policy" / "0003.policy").write_bytes(envelope_in(file))
    assert "lacks root signatures" in err(shared.run("policy", "show"))


def test_the_same_person_twice_is_one_signature(shared: Workplace) -> None:
    centre = shared.centre
    assert centre is not None
    file = propose(shared, "rita", "rita")
    assert shared.run("policy", "publish", str(file), "--yes", *shared.unlocked).exit_code == 5
    opened = open_envelope(envelope_in(file), type=TYPE, limit=LIMIT)
    doubled = codec.encode([opened.type, opened.body, [[s.key_id, s.signature] for s in opened.signatures * 2]])
    with pytest.raises(BadSignature):
        put(centre, doubled)


def test_the_old_root_alone_cannot_take_the_shared_root_back(shared: Workplace) -> None:
    done = shared.run("policy", "address", "add", "tcp://elsewhere:1", "--yes", *shared.unlocked)
    assert done.exit_code == 0, done.output
    assert "is no root key of this estate" in err(done)
    assert "0 of the 2 root signatures" in err(done)
    recovery = str(shared.recovery)
    file = str(file_of(shared))
    done = shared.run("policy", "sign", file, "--root", recovery, "--yes", *shared.unlocked)
    assert "nothing was signed" in err(done)
    assert shared.run("policy", "publish", file, "--yes", "--force", *shared.unlocked).exit_code == 5


def test_an_operator_without_a_root_key_cannot_add_anybody(place: Workplace) -> None:
    centre = place.found("library")
    bert = place.joins("bert", "main/*:plan")
    done = bert.run("policy", "grant", "bert", "*/*:all", "--yes", *bert.unlocked)
    assert done.exit_code == 0, done.output
    assert "signed by 0" in done.stdout
    file = file_of(bert)
    own = str(bert.home / ESTATE / "signing.key")
    done = bert.run("policy", "sign", str(file), "--root", own, "--yes", *bert.unlocked)
    assert "is no root key of this estate" in err(done)
    done = bert.run("policy", "publish", str(file), "--yes", "--force", *bert.unlocked)
    assert done.exit_code == 5
    made = codec.decode(Policy, open_envelope(envelope_in(file), type=TYPE, limit=LIMIT).body, limit=LIMIT)
    for key in (SigningKey.generate(), signed_estate.signing("bert")):
        with pytest.raises(OrchError):
            put(centre, authoring.sign_policy(made, keys=(key,)))
    assert centre.policy.version == 2


def test_a_proposal_that_was_changed_after_somebody_signed_it_is_not_signed(shared: Workplace) -> None:
    file = propose(shared, "rita")
    opened = open_envelope(envelope_in(file), type=TYPE, limit=LIMIT)
    body = codec.encode(with_mallory(envelope_in(file)))
    rewrite(file, codec.encode([opened.type, body, [[s.key_id, s.signature] for s in opened.signatures]]))
    before = file.read_bytes()
    done = shared.run("policy", "sign", str(file), "--yes", *roots(shared, ["rosa"]), *shared.unlocked)
    assert done.exit_code == 5
    assert "it was changed after the root key" in err(done)
    assert file.read_bytes() == before


def test_a_change_without_the_signatures_shows_in_the_differences_and_in_the_words(shared: Workplace) -> None:
    file = propose(shared, "rita")
    told = shared.run("policy", "sign", str(file), "--yes", *roots(shared, ["rolf"]), *shared.unlocked)
    rewrite(file, seal(TYPE, codec.encode(with_mallory(envelope_in(file))), ()))
    done = shared.run("policy", "sign", str(file), "--yes", *roots(shared, ["rosa"]), *shared.unlocked)
    assert "+ operator mallory: */*:all" in err(done)
    assert words_in(err(done)) != words_in(err(told))
    # One signature on the changed one, two on the first: neither lends the other any.
    assert shared.run("policy", "publish", str(file), "--yes", *shared.unlocked).exit_code == 5


def words_in(text: str) -> str:
    return next(line for line in text.splitlines() if "check words of this proposal" in line).partition(": ")[2]


def test_a_signature_of_a_stranger_is_a_reason_to_stop(shared: Workplace) -> None:
    file = propose(shared, "rita")
    rewrite(file, authoring.cosign(envelope_in(file), type=TYPE, key=SigningKey.generate()))
    done = shared.run("policy", "sign", str(file), "--yes", *roots(shared, ["rosa"]), *shared.unlocked)
    assert done.exit_code == 5
    assert "no root key of this estate" in err(done)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"version": 5}, "cannot follow"),
        ({"version": 1}, "is in force"),
        ({"estate": "other"}, "of the estate other"),
        ({"epochs": ()}, "lowers the epoch"),
    ],
)
def test_what_could_never_follow_is_not_signed(shared: Workplace, changed: dict[str, object], said: str) -> None:
    shared.admit("library/srv1")
    raised = ("policy", "epoch", "raise", "main", "--yes", *roots(shared, ["rita", "rosa"]), *shared.unlocked)
    assert shared.run(*raised).exit_code == 0
    shared.asks_in("bert")
    add = ("policy", "operator", "add", "bert", "--key", str(shared.base / "bert.operator"), "--grant", "*/*:plan")
    assert shared.run(*add, "--yes", *roots(shared, ["rita"]), *shared.unlocked).exit_code == 0
    file = file_of(shared, 4)
    made = codec.decode(Policy, open_envelope(envelope_in(file), type=TYPE, limit=LIMIT).body, limit=LIMIT)
    rewrite(file, seal(TYPE, codec.encode(replace(made, **changed)), ()))  # type: ignore[arg-type]
    done = shared.run("policy", "sign", str(file), "--yes", *roots(shared, ["rosa"]), *shared.unlocked)
    assert done.exit_code == 5, done.output
    assert said in err(done)


def test_a_damaged_file_is_said_to_be_damaged(shared: Workplace) -> None:
    file = propose(shared, "rita")
    file.write_text(file.read_text().replace("-----END", "-----"))
    done = shared.run("policy", "sign", str(file), "--yes", *roots(shared, ["rosa"]), *shared.unlocked)
    assert done.exit_code != 0
    assert "sent again, whole" in err(done)


def test_a_holder_without_a_keyring_sees_the_whole_policy_before_signing(shared: Workplace) -> None:
    file = propose(shared, "rita")
    rosa = shared.colleague("rosa")
    done = rosa.run("policy", "sign", str(file), "--yes", *roots(shared, ["rosa"]), *shared.unlocked)
    assert done.exit_code == 0, done.output
    assert "no keyring of this estate" in err(done)
    assert "OPERATOR" in err(done)
    assert shared.run("policy", "publish", str(file), "--yes", *shared.unlocked).exit_code == 0


def test_without_a_centre_a_policy_is_only_proposed_and_finds_the_centre_later_at_its_new_address(
    place: Workplace,
) -> None:
    centre = place.found("library")
    centre.reachable = False
    new = "tcp://elsewhere.example.org:4505"
    done = place.run("policy", "address", "add", new, "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert "not published" in err(done)
    assert centre.policy.version == 1
    centre.reachable = True
    done = place.run("policy", "publish", str(file_of(place, 2)), "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    assert new in place.dialled[-1].addresses
    assert centre.policy.version == 2
