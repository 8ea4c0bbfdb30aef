from dataclasses import replace

import pytest

from orch.common.errors import NotAllowed
from orch.common.policy import KeySet
from orch.master.cli import founding
from orch.master.cli.founding import Founded, Wanted

NOW = 1_800_000_000
WANTED = Wanted(estate="netgate", operator="anna", addresses=("tcp://orch.example.org:4505",), now=NOW)


@pytest.fixture(scope="module")
def founded() -> Founded:
    return founding.found(WANTED, seed=bytes(range(32)))


def test_the_same_seed_gives_the_same_root_and_the_same_next_centres() -> None:
    one, two = (founding.found(WANTED, seed=bytes(range(32))) for _ in range(2))
    assert one.policy.root.keys[1] == two.policy.root.keys[1]
    assert one.policy.centre.curve[1:] == two.policy.centre.curve[1:]
    assert one.policy.centre.curve[0] != two.policy.centre.curve[0]


def test_no_key_that_connects_or_proves_also_commands(founded: Founded) -> None:
    person = founded.policy.operators[0]
    commands = {person.signing, *founded.policy.root.keys}
    assert not commands & {person.login, person.login_curve, *founded.policy.centre.fresh, *founded.policy.centre.curve}


def test_a_recovery_of_an_estate_with_more_root_keys_needs_more_people(founded: Founded) -> None:
    grown = replace(founded.policy, root=KeySet(2, founded.policy.root.keys))
    with pytest.raises(NotAllowed, match="needs 2 root keys"):
        founding.recover(grown, founded.recovery, wanted=WANTED, scopes=())


def test_a_recovery_key_says_of_which_estate_it_is(founded: Founded) -> None:
    other = replace(founded.recovery, estate="other")
    with pytest.raises(NotAllowed, match="of the estate other; the files here are netgate"):
        founding.recover(founded.policy, other, wanted=WANTED, scopes=())


def test_a_policy_without_a_key_of_the_next_centre_cannot_be_recovered_from(founded: Founded) -> None:
    centre = replace(founded.policy.centre, curve=founded.policy.centre.curve[:1])
    with pytest.raises(NotAllowed, match="no key of a next centre"):
        founding.recover(replace(founded.policy, centre=centre), founded.recovery, wanted=WANTED, scopes=())


def test_a_recovery_raises_the_epoch_of_every_scope_that_is_known(founded: Founded) -> None:
    found = founding.recover(founded.policy, founded.recovery, wanted=WANTED, scopes=("main", "schools"))
    again = founding.recover(found.policy, founded.recovery, wanted=WANTED, scopes=("main", "new"))
    assert {item.scope: item.epoch for item in again.policy.epochs} == {"main": 3, "schools": 3, "new": 2}


def test_a_clock_that_went_back_makes_no_policy_older_than_the_one_before(founded: Founded) -> None:
    found = founding.recover(founded.policy, founded.recovery, wanted=replace(WANTED, now=5), scopes=())
    assert found.policy.issued == NOW
