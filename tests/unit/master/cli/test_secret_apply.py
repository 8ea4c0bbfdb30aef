"""Secrets on their way: plan, apply, a second apply, undo, a host with a new key."""

from orch.common import codec, sealed
from orch.common.clock import SystemChance
from orch.common.document import COPY, LIMIT, Document
from orch.states import secret_files
from tests.unit.master.cli.desk import Workplace, err

VALUE = "correct horse battery staple"
SITE = """\
site: {name}
labels: {{ kind: library }}
hosts:
  srv1:
    files:
      /etc/token: {{ secret: token }}
"""


def documents(place: Workplace) -> dict[str, Document]:
    """The newest document of each host at the centre."""
    assert place.centre is not None
    found = (codec.decode(Document, document, limit=LIMIT) for _, document in place.centre.wanted.values())
    return {document.host: document for document in found}


def opened(place: Workplace, host: str) -> bytes:
    """What a host would find in its secret."""
    assert place.centre is not None
    document = documents(place)[host]
    own = place.centre.hosts[document.curve].curve
    return sealed.open_here(own, secret_files.closed(document, document.secrets[0]))


def set_up(place: Workplace, *sites: str) -> None:
    place.chance = SystemChance()  # values are told by the beginning of a name that chance gives
    place.found(*(sites or ("library",)))
    place.admit(*(f"{site}/srv1" for site in sites or ("library",)))
    for site in sites or ("library",):
        place.site(site, SITE)
    done = place.run("secret", "set", "token", "--from-stdin", answer=VALUE)
    assert done.exit_code == 0, err(done)


def apply(place: Workplace, *words: str) -> str:
    done = place.run("apply", "--yes", *words, *place.unlocked)
    assert done.exit_code == 0, done.output + err(done)
    return err(done)


def test_an_unchanged_estate_asks_for_no_passphrase_and_publishes_nothing(place: Workplace) -> None:
    set_up(place)
    assert "+ its first document: 2 packages on lists, 0 files, 1 secret" in apply(place)
    before = documents(place)
    done = place.run("apply", "--yes")
    assert done.exit_code == 0, err(done)
    assert "nothing changed" in err(done)
    assert documents(place) == before


def test_a_new_value_is_shown_by_its_name_and_reaches_every_host(place: Workplace) -> None:
    set_up(place, "library", "school")
    apply(place)
    assert place.run("secret", "rotate", "token", "--from-stdin", answer="another one").exit_code == 0
    told = apply(place)
    assert "~ secret /etc/token token " in told
    assert "another one" not in told
    assert {opened(place, f"{site}/srv1") for site in ("library", "school")} == {b"another one"}


def test_each_host_gets_a_copy_that_only_it_opens(place: Workplace) -> None:
    set_up(place, "library", "school")
    apply(place)
    found = documents(place)
    assert opened(place, "library/srv1") == opened(place, "school/srv1") == VALUE.encode()
    one, other = (found[f"{site}/srv1"].secrets[0] for site in ("library", "school"))
    assert one.box == other.box
    assert one.key != other.key


def test_a_host_that_uses_a_secret_later_gets_its_copy_with_the_apply(place: Workplace) -> None:
    set_up(place)
    apply(place)
    place.site("school", SITE)
    place.admit("school/srv1")
    told = apply(place)
    assert "✓ token sealed to 1 host; commit secrets/ to git" in told
    assert opened(place, "school/srv1") == VALUE.encode()
    assert "nothing changed" in apply(place)


def test_two_people_who_seal_the_same_write_the_same_documents(place: Workplace) -> None:
    set_up(place)
    bob = place.joins("bob", "*/*:all")
    assert place.run("secret", "reseal", *place.unlocked).exit_code == 0
    place.site("school", SITE)
    place.admit("school/srv1")
    bob.pull(place)
    apply(place)
    # Bob has not taken anna's secrets/ out of git since: he lacks the copy, and makes the same one.
    before = documents(place)
    assert "nothing changed" in apply(bob)
    apply(bob, "--again")
    assert documents(bob) == before
    assert (bob.estate / "secrets/token.sealed").read_text() == (place.estate / "secrets/token.sealed").read_text()


def test_who_cannot_read_publishes_what_is_sealed_and_nothing_else(place: Workplace) -> None:
    set_up(place)
    bob = place.joins("bob", "*/*:publish,plan,enrol")
    apply(bob)
    assert opened(bob, "library/srv1") == VALUE.encode()
    bob.site("school", SITE)
    bob.admit("school/srv1")
    done = bob.run("apply", "--yes", *bob.unlocked)
    assert done.exit_code == 5
    assert "you cannot read the secret token" in err(done)
    assert "orch secret reseal token" in err(done)
    assert "school/srv1" not in documents(bob)


def test_a_plan_needs_no_passphrase_also_where_nothing_is_sealed_yet(place: Workplace) -> None:
    set_up(place)
    place.site("school", SITE)
    place.admit("school/srv1")
    assert place.run("plan").exit_code == 3
    assert place.centre is not None
    asked = [codec.decode(Document, data, limit=LIMIT) for data in place.centre.documents.values()]
    keys = {item.host: item.secrets[0].key for item in asked}
    assert keys["school/srv1"] == b""
    assert len(keys["library/srv1"]) == COPY


def test_a_name_that_is_mistyped_is_said_before_anybody_is_asked(place: Workplace) -> None:
    set_up(place)
    place.site("library", SITE.replace("token", "tokken"))
    done = place.run("apply", "--yes", *place.unlocked)
    assert done.exit_code == 2
    assert 'there is no secret "tokken"' in err(done)
    assert 'did you mean "token"?' in err(done)
    assert place.centre is not None
    assert not place.centre.releases


def test_a_host_with_a_new_key_gets_a_copy_for_it(place: Workplace) -> None:
    set_up(place)
    apply(place)
    assert place.run("key", "revoke", "library/srv1", "--yes", *place.unlocked).exit_code == 0
    place.admit("library/srv1")
    told = place.run("secret", "who-can-read", "token").stdout
    assert "an earlier key of it" in told
    apply(place)
    assert opened(place, "library/srv1") == VALUE.encode()


def test_a_host_that_moves_to_another_scope_gets_a_copy_for_it(place: Workplace) -> None:
    set_up(place)
    apply(place)
    place.site("library", SITE.replace("labels", "scope: north\nlabels"))
    apply(place)
    assert documents(place)["library/srv1"].scope == "north"
    assert opened(place, "library/srv1") == VALUE.encode()
    assert "COULD" not in place.run("secret", "who-can-read", "token").stdout


def test_undo_brings_the_old_value_back(place: Workplace) -> None:
    set_up(place)
    apply(place)
    assert place.run("secret", "rotate", "token", "--generate").exit_code == 0
    apply(place)
    done = place.run("undo", "*", "--yes", *place.unlocked)
    assert done.exit_code == 0, err(done)
    assert "~ secret /etc/token token " in err(done)
    assert opened(place, "library/srv1") == VALUE.encode()


def test_a_secret_that_is_no_longer_named_stays_where_it_is_and_that_is_said(place: Workplace) -> None:
    set_up(place)
    apply(place)
    place.site("library", SITE.replace("/etc/token: {{ secret: token }}", '/etc/motd: {{ content: "x" }}'))
    assert "- secret /etc/token" in (told := apply(place))
    assert "it stays as it is, and is no longer looked after" in told
    assert documents(place)["library/srv1"].secrets == ()


def test_nothing_that_the_centre_was_given_holds_the_value(place: Workplace) -> None:
    set_up(place)
    place.run("plan")
    apply(place)
    assert place.centre is not None
    held = repr(vars(place.centre)).encode() + b"".join(place.centre.documents.values())
    held += b"".join(place.centre.releases) + b"".join(place.centre.blobs.values())
    assert VALUE.encode() not in held
    assert VALUE not in held.decode("latin-1")


def test_a_saved_plan_holds_where_somebody_else_has_sealed_since_what_it_names(place: Workplace) -> None:
    set_up(place)
    apply(place)
    place.site("school", SITE)
    place.admit("school/srv1")
    assert place.run("plan", "school", "-o", "kept.plan").exit_code == 3
    assert place.run("secret", "reseal", *place.unlocked).exit_code == 0
    assert "the plan holds" in apply(place, "kept.plan")
    assert opened(place, "school/srv1") == VALUE.encode()
