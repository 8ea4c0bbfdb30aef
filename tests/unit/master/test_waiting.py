from orch.master.waiting import WaitingRoom


def room(*knocks: tuple[bytes, str], most: int = 3) -> WaitingRoom:
    made = WaitingRoom(most)
    for number, (curve, address) in enumerate(knocks):
        made.knock(curve, b"request " + curve, address=address, now=number)
    return made


def test_keeps_one_request_a_key_the_newest() -> None:
    made = room((b"a", "x"))
    assert made.knock(b"a", b"newer", address="y", now=9) is False
    (waiting,) = made.all()
    assert (waiting.request, waiting.address, waiting.first, waiting.last) == (b"newer", "y", 0, 9)


def test_forgets_the_oldest_when_it_is_full() -> None:
    made = room((b"a", "x"), (b"b", "x"), (b"c", "x"), (b"d", "x"))
    assert [waiting.curve for waiting in made.all()] == [b"b", b"c", b"d"]


def test_does_not_let_one_address_push_out_all_others() -> None:
    made = room((b"honest", "site"), *((bytes([number]), "flood") for number in range(50)))
    assert b"honest" in [waiting.curve for waiting in made.all()]
