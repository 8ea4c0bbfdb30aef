"""`orch secret`: set, list, rotate, who-can-read, reseal."""

import json

import pytest

from orch.common import sealed
from orch.common.crypto import CurveKey
from orch.common.document import SecretFile
from orch.common.errors import Shut
from orch.common.sealed import Closed
from orch.master.estate import sealed_file
from orch.master.estate.sealed_file import SealedSecret
from orch.states import secret_files
from tests.fakes.operators_centre import FakeHost
from tests.unit.master.cli.desk import Workplace, err
from tests.unit.master.cli.test_policy_attacks import ceremony
from tests.unit.master.cli.test_secret_apply import SITE, VALUE, documents, opened


def kept(place: Workplace, name: str = "token") -> SealedSecret:
    return sealed_file.read((place.estate / "secrets" / f"{name}.sealed").read_text())


def founded(place: Workplace, *sites: str, admitted: tuple[str, ...] = ("library/srv1",)) -> list[FakeHost]:
    """An estate whose files name a secret that is still to be made."""
    place.found(*(sites or ("library",)))
    hosts = place.admit(*admitted)
    for site in sites or ("library",):
        place.site(site, SITE)
    return hosts


def set_(place: Workplace, name: str = "token", value: str = VALUE) -> None:
    done = place.run("secret", "set", name, "--from-stdin", answer=value)
    assert done.exit_code == 0, done.output + err(done)


def test_a_value_from_a_stream_is_sealed_to_who_may_read_and_is_nowhere_in_clear(place: Workplace) -> None:
    founded(place)
    done = place.run("secret", "set", "token", "--from-stdin", answer=VALUE)
    assert done.exit_code == 0, done.output
    secret = kept(place)
    assert done.stdout == f"✓ token is set, value {secret.value.hex()[:8]}\n"
    assert "can be read by anna and 2 root keys" in err(done)
    assert "at the next apply: library/srv1 /etc/token" in err(done)
    assert VALUE not in done.stdout + err(done)
    assert not [path for path in place.base.rglob("*") if path.is_file() and VALUE.encode() in path.read_bytes()]


def test_a_line_end_that_was_hardly_meant_is_kept_and_named(place: Workplace) -> None:
    founded(place)
    done = place.run("secret", "set", "token", "--from-stdin", answer="correct\n")
    assert "its line end, which is kept" in err(done)
    done = place.run("secret", "rotate", "token", "--from-stdin", answer="-----BEGIN\n-----END\n")
    assert "line end" not in err(done)


def test_a_value_is_asked_for_twice_and_not_shown(place: Workplace) -> None:
    founded(place)
    place.interactive = True
    done = place.run("secret", "set", "token", answer=f"{VALUE}\n{VALUE}\n")
    assert done.exit_code == 0, done.output
    assert VALUE not in done.stdout + err(done)
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    assert opened(place, "library/srv1") == VALUE.encode()


def test_a_value_can_come_from_a_file_byte_for_byte_or_from_chance(place: Workplace) -> None:
    founded(place)
    key = place.base / "tls.key"
    key.write_bytes(b"-----BEGIN\r\n\x00\xff\n")
    assert place.run("secret", "set", "token", "--file", str(key)).exit_code == 0
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    assert opened(place, "library/srv1") == key.read_bytes()
    assert place.run("secret", "rotate", "token", "--generate").exit_code == 0
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    assert len(opened(place, "library/srv1")) == 43


@pytest.mark.parametrize(
    ("words", "answer", "problem"),
    [
        ((), "", "the value of token is needed, and nobody is there to ask"),
        (("--from-stdin",), "", "the value is empty"),
        (("--from-stdin",), "x" * 16385, "a secret has at most 16384 bytes"),
        (("--from-stdin", "--generate"), "x", "a value comes from one place"),
    ],
)
def test_a_value_that_is_of_no_use_is_refused_and_nothing_is_kept(
    place: Workplace, words: tuple[str, ...], answer: str, problem: str
) -> None:
    founded(place)
    done = place.run("secret", "set", "token", *words, answer=answer)
    assert done.exit_code == 2
    assert problem in err(done)
    assert not (place.estate / "secrets").exists()


def test_no_option_takes_a_value(place: Workplace) -> None:
    founded(place)
    for command in ("set", "rotate"):
        told = place.run("secret", command, "--help").stdout
        assert "--value" not in told
        assert place.run("secret", command, "token", VALUE, "--generate").exit_code == 2


def test_a_second_set_is_refused_so_that_no_value_is_lost_by_mistake(place: Workplace) -> None:
    founded(place)
    set_(place)
    before = kept(place)
    done = place.run("secret", "set", "token", "--generate")
    assert done.exit_code == 2
    assert "orch secret rotate token" in err(done)
    assert kept(place) == before


def test_whoever_is_not_granted_secret_there_cannot_set_one(place: Workplace) -> None:
    founded(place)
    bob = place.joins("bob", "main/*:publish,plan")
    done = bob.run("secret", "set", "token", "--generate")
    assert done.exit_code == 5
    assert "bob is not granted secret at a host that uses it" in err(done)
    place.site("library", SITE.replace("secret: token", 'content: "x"'))
    bob.pull(place)
    done = bob.run("secret", "set", "token", "--generate")
    assert "in every scope, and no host uses it yet" in err(done)


def test_lists_age_hosts_readers_and_what_needs_somebody(place: Workplace) -> None:
    founded(place, "library", "school")
    set_(place)
    place.clock.advance(3 * 86400)
    done = place.run("secret", "list")
    value = kept(place).value.hex()[:8]
    [_, row] = [line.split() for line in done.stdout.splitlines()]
    assert row[:8] == ["token", value, "3", "d", "anna", "1", "of", "2"]
    assert "not admitted: school/srv1" in done.stdout
    found = json.loads(place.run("secret", "list", "--output", "json").stdout)
    assert found["schema"] == "orch/secrets/1"
    [secret] = found["secrets"]
    assert [(use["host"], use["path"], use["state"]) for use in secret["uses"]] == [
        ("library/srv1", "/etc/token", "sealed"),
        ("school/srv1", "/etc/token", "not-admitted"),
    ]
    assert (secret["readers"], secret["roots"], secret["former"]) == (["anna"], 2, [])


def test_a_dropped_operator_and_a_revoked_host_are_named_until_the_value_is_new(place: Workplace) -> None:
    founded(place, "library", "school", admitted=("library/srv1", "school/srv1"))
    place.joins("bob", "*/*:all")
    set_(place)
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    assert {copy.name for copy in kept(place).readers} == {"anna", "bob", "@root"}
    done = place.run("key", "revoke", "school/srv1", "--yes", *place.unlocked)
    assert "could be read with that key until they have new values: token" in err(done)
    assert place.run("policy", "operator", "remove", "bob", "--yes", *place.unlocked).exit_code == 0
    told = place.run("secret", "who-can-read", "token").stdout
    assert "COULD" in told
    assert "bob" in told
    assert "no operator any more" in told
    assert "its key does not count any more" in told
    doctor = place.run("doctor").stdout
    assert "somebody could read who must not any more: token" in doctor
    done = place.run("lint")
    assert done.exit_code == 0
    assert "secrets/token.sealed:1  warning: could be read by bob (no operator any more), school/srv1" in done.stdout
    done = place.run("secret", "rotate", "--revoked", "--generate")
    assert done.exit_code == 0, err(done)
    assert "no more: bob, no operator any more" in err(done)
    assert {copy.name for copy in kept(place).readers} == {"anna", "@root"}
    assert [copy.host for copy in kept(place).hosts] == ["library/srv1"]
    assert "nothing was done" in err(place.run("secret", "rotate", "--revoked", "--generate"))
    assert "COULD" not in place.run("secret", "who-can-read", "token").stdout


def test_who_commands_a_host_that_holds_it_is_named_too(place: Workplace) -> None:
    founded(place)
    place.joins("bob", "main/*:publish")
    place.joins("carol", "main/*:plan")
    set_(place)
    found = json.loads(place.run("secret", "who-can-read", "token", "--output", "json").stdout)
    assert (found["schema"], found["readers"], found["commanders"]) == ("orch/secret-readers/1", ["anna"], ["bob"])
    assert "commands a host that holds it" in place.run("secret", "who-can-read", "token").stdout


def test_an_unknown_name_is_answered_with_the_nearest(place: Workplace) -> None:
    founded(place)
    set_(place)
    for words in (("who-can-read", "tokne"), ("rotate", "tokne", "--generate"), ("reseal", "tokne")):
        done = place.run("secret", *words)
        assert done.exit_code == 2
        assert "token" in err(done)


def test_a_new_operator_reads_once_somebody_who_can_has_resealed(place: Workplace) -> None:
    founded(place)
    set_(place)
    bob = place.joins("bob", "*/*:all")
    assert "not sealed yet to bob" in place.run("secret", "list").stdout
    before = kept(place)
    done = bob.run("secret", "reseal", *bob.unlocked)
    assert done.exit_code == 5
    assert "you cannot read the secret token" in err(done)
    assert "anna" in err(done)
    done = place.run("secret", "reseal", *place.unlocked)
    assert done.exit_code == 0, err(done)
    assert "✓ token is sealed to bob, too" in done.stdout
    after = kept(place)
    assert (after.value, after.box, after.hosts) == (before.value, before.box, before.hosts)
    bob.pull(place)
    place.site("school", SITE)
    bob.pull(place)
    bob.admit("school/srv1")
    assert bob.run("apply", "--yes", *bob.unlocked).exit_code == 0
    assert opened(bob, "school/srv1") == VALUE.encode()
    assert "nothing was done" in err(place.run("secret", "reseal", *place.unlocked))


def test_new_keys_of_an_operator_read_what_the_old_ones_did(place: Workplace) -> None:
    founded(place)
    set_(place)
    done = place.run("key", "rotate", "--yes", *place.unlocked)
    assert done.exit_code == 0, err(done)
    assert "1 secret sealed to your new key" in err(done)
    place.site("school", SITE)
    place.admit("school/srv1")
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    assert opened(place, "school/srv1") == VALUE.encode()
    assert "COULD" not in place.run("secret", "who-can-read", "token").stdout


def test_the_recovery_key_brings_secrets_back_for_new_keys(place: Workplace) -> None:
    founded(place)
    set_(place)
    (place.home / "netgate").rename(place.base / "lost")
    recovery = str(place.recovery)
    done = place.run("init", "--recover", recovery, "--centre-directory", str(place.base / "c2"), *place.unlocked)
    assert done.exit_code == 0, err(done)
    assert "you cannot read" in err(place.run("secret", "reseal", *place.unlocked))
    done = place.run("secret", "reseal", "--root", recovery, *place.unlocked)
    assert done.exit_code == 0, err(done)
    assert [copy.name for copy in kept(place).readers].count("anna") == 1
    assert place.run("secret", "rotate", "token", "--generate").exit_code == 0


def test_where_several_must_sign_policies_no_root_key_reads(place: Workplace) -> None:
    founded(place)
    set_(place)
    place.site("library", SITE.replace("secret: token", 'content: "x"'))
    ceremony(place, "rita", "rolf", "rosa")
    place.site("library", SITE)
    assert "no root key any more" in place.run("secret", "who-can-read", "token").stdout
    done = place.run("secret", "rotate", "--revoked", "--from-stdin", answer=VALUE)
    assert done.exit_code == 0, err(done)
    assert "only anna can read it" in err(done)
    assert {copy.name for copy in kept(place).readers} == {"anna"}


def test_a_damaged_file_is_named_and_stops_everything_that_would_trust_it(place: Workplace) -> None:
    founded(place)
    set_(place)
    file = place.estate / "secrets/token.sealed"
    file.write_text(file.read_text().replace("box: ", "box: A"))
    for words in (("lint",), ("secret", "list"), ("secret", "rotate", "token", "--generate"), ("plan",)):
        done = place.run(*words)
        assert done.exit_code == 2, words
        assert "secrets/token.sealed:" in done.stdout + err(done)
        assert "its check digits do not fit" in done.stdout + err(done)


def test_a_secret_of_a_host_that_nobody_admitted_is_a_warning_at_its_place(place: Workplace) -> None:
    founded(place, admitted=())
    set_(place)
    done = place.run("lint")
    assert done.exit_code == 0
    assert 'sites/library.yaml:6:29  warning: the secret "token" cannot be sealed to library/srv1 yet' in done.stdout
    assert place.run("lint", "--strict").exit_code == 2


def test_the_document_shows_a_secret_without_its_value(place: Workplace) -> None:
    founded(place)
    set_(place)
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    shown = place.run("doc", "show", "library/srv1", "-v")
    assert f"0600 root:root secret token {kept(place).value.hex()[:8]}" in shown.stdout
    told = json.loads(place.run("doc", "show", "library/srv1", "--output", "json").stdout)
    assert [item["secret"] for item in told["secrets"]] == ["token"]
    assert VALUE not in json.dumps(told) + shown.stdout


def test_a_copy_that_was_moved_in_the_file_to_another_host_is_opened_by_nobody(place: Workplace) -> None:
    library, school = founded(place, "library", "school", admitted=("library/srv1", "school/srv1"))
    set_(place)
    secret = kept(place)
    first, second = sorted(secret.hosts)
    for host, copy in ((library, second), (school, first)):
        slot = sealed.Slot(
            estate="netgate", scope="main", host=host.name, path="/etc/token", secret="token", value=secret.value
        )
        with pytest.raises(Shut):
            sealed.open_here(host.curve, Closed(slot=slot, key=copy.copy, box=secret.box))


def test_closed_names_what_a_document_says(place: Workplace) -> None:
    founded(place)
    set_(place)
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    document = documents(place)["library/srv1"]
    [item] = document.secrets
    assert isinstance(item, SecretFile)
    slot = secret_files.closed(document, item).slot
    assert (slot.estate, slot.scope, slot.host, slot.path) == ("netgate", "main", "library/srv1", "/etc/token")
    with pytest.raises(Shut):
        sealed.open_here(CurveKey.generate(), secret_files.closed(document, item))
