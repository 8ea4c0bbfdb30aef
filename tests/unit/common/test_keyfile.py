import pytest

from orch.common import keyfile
from orch.common.errors import KeyFileError
from orch.common.keyfile import CentreKey, LoginKey, OperatorPart, RecoveryKey, RootPart

LOGIN = LoginKey(estate="netgate", operator="anna", curve=bytes(range(32)), sign=bytes(32))
CENTRE = CentreKey(estate="netgate", curve=bytes(range(32)), fresh=bytes(range(32, 64)))
RECOVERY = RecoveryKey(estate="netgate", seed=bytes(range(32)))

PERSON = OperatorPart(
    estate="netgate", operator="bert", connection=bytes(32), login=bytes(32), signing=bytes(range(32))
)
ROOT = RootPart(estate="netgate", holder="rita", root=bytes(range(32)))


def test_reads_back_what_it_wrote() -> None:
    assert keyfile.read_operator(keyfile.write(PERSON, about="send it")) == PERSON
    assert keyfile.read_root(keyfile.write(ROOT)) == ROOT
    assert keyfile.read_login(keyfile.write(LOGIN)) == LOGIN
    assert keyfile.read_centre(keyfile.write(CENTRE, about="for the\ncentre")) == CENTRE
    assert keyfile.read_recovery(keyfile.write(RECOVERY, about="a\n\nb")) == RECOVERY


def test_comments_are_marked_line_by_line() -> None:
    assert keyfile.write(RECOVERY, about="a\n\nb").startswith("# a\n#\n# b\norch recovery key, version 1\n")


def test_one_kind_is_never_taken_for_another() -> None:
    for read in (keyfile.read_login, keyfile.read_recovery, keyfile.read_operator, keyfile.read_root):
        with pytest.raises(KeyFileError, match="this is not a"):
            read(keyfile.write(CENTRE))


def test_blanks_and_capitals_do_not_count() -> None:
    text = keyfile.write(RECOVERY)
    typed = text.replace("00010203", " 0001 0203 ").replace("1c1d1e1f", "1C1D1E1F").replace("\n", "  \r\n")
    assert keyfile.read_recovery(typed) == RECOVERY


@pytest.mark.parametrize("digit", range(64))
def test_one_wrong_digit_is_noticed(digit: int) -> None:
    text = keyfile.write(RecoveryKey(estate="netgate", seed=bytes(32)))
    head, seed = text.split("seed: ")
    places = [at for at, letter in enumerate(seed) if letter == "0"]
    wrong = seed[: places[digit]] + "1" + seed[places[digit] + 1 :]
    with pytest.raises(KeyFileError, match="check digits do not fit"):
        keyfile.read_recovery(f"{head}seed: {wrong}")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version 1", "version 2", "of a version that is read here"),
        ("estate: netgate\n", "", "3 lines instead of 4"),
        ("estate:", "estate-name:", "where 'estate' belongs"),
        ("check:", "extra: 1\ncheck:", "5 lines instead of 4"),
    ],
)
def test_says_what_is_wrong_with_a_file(old: str, new: str, said: str) -> None:
    with pytest.raises(KeyFileError, match=said) as caught:
        keyfile.read_recovery(keyfile.write(RECOVERY).replace(old, new, 1))
    assert caught.value.hint


@pytest.mark.parametrize(("seed", "said"), [("00", "has 1 bytes"), ("zz", "not written in hexadecimal")])
def test_a_key_has_32_bytes(seed: str, said: str) -> None:
    lines = ["orch recovery key, version 1", "estate: netgate", f"seed: {seed}"]
    text = "\n".join([*lines, f"check: {keyfile._check(lines)}"])
    with pytest.raises(KeyFileError, match=said):
        keyfile.read_recovery(text)


def test_an_endless_file_is_cut_before_it_is_read() -> None:
    with pytest.raises(KeyFileError):
        keyfile.read_login("# x\n" * 10_000 + keyfile.write(LOGIN))


def test_a_key_is_not_shown_by_accident() -> None:
    assert "000102" not in repr(LOGIN)
    assert "000102" not in repr(CENTRE)
    assert "000102" not in repr(RECOVERY)
