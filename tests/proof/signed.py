"""Everything that is signed, altered in every way that keeps or breaks its form: only exactly it is taken.

Case 0 turns every bit of each, one after the other. Any other is one altered copy of each statement. Signatures may come in another order, twice, or with strangers' beside
them; then the verdict must be that of the original, for the same bytes. Anything else must be refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from orch.common.errors import Malformed, Refused
from tests.fakes.signed_estate import signing
from tests.proof.family import Case, Family
from tests.proof.mutate import bent, changed, packed, unpacked
from tests.proof.statements import SIGNED, TEXTS, Verdict

Parts = list[Any]
"""Type, body and signatures of an envelope, as msgpack has them."""
ENVELOPES = {what: data for what, (data, _) in SIGNED.items() if what != "document"}
OTHERS = tuple(ENVELOPES.values())
GOOD = {what: verdict(data) for what, (data, verdict) in (SIGNED | TEXTS).items()}


def _drop(parts: Parts, _other: Parts, fall: Random) -> None:
    if parts[2]:
        parts[2].pop(fall.randrange(len(parts[2])))


def _twice(parts: Parts, _other: Parts, fall: Random) -> None:
    parts[2] = (parts[2] * 2)[: fall.choice((2, 16, 17))]


def _turned(parts: Parts, _other: Parts, _fall: Random) -> None:
    parts[2] = parts[2][::-1]


def _retyped(parts: Parts, other: Parts, _fall: Random) -> None:
    parts[0] = other[0]


def _reworded(parts: Parts, other: Parts, _fall: Random) -> None:
    parts[1] = other[1]


def _foreign(parts: Parts, other: Parts, fall: Random) -> None:
    parts[2] = fall.choice((other[2], [*parts[2], *other[2]], [*other[2], *parts[2]]))


def _misnamed(parts: Parts, other: Parts, _fall: Random) -> None:
    parts[2] = [[mine[0], theirs[1]] for mine, theirs in zip(parts[2], other[2], strict=False)]


def _unnamed(parts: Parts, _other: Parts, fall: Random) -> None:
    parts[2] = [[fall.randbytes(16), entry[1]] for entry in parts[2]]


def _resigned(parts: Parts, _other: Parts, fall: Random) -> None:
    """Somebody else's good signature, of the same bytes, under the right key's name."""
    key = signing(f"thief {fall.randrange(9)}")
    kind = parts[0].encode()
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(parts[1]), parts[1])
    parts[2] = [[entry[0], key.sign(message)] for entry in parts[2]]


def _bent_body(parts: Parts, _other: Parts, fall: Random) -> None:
    parts[1] = bent(parts[1], fall)


CHANGES: tuple[Callable[[Parts, Parts, Random], None], ...] = (
    _drop, _twice, _turned, _retyped, _reworded, _foreign, _misnamed, _unnamed, _resigned, _bent_body,
)  # fmt: skip


def altered(data: bytes, fall: Random) -> bytes:
    """Another envelope of the same parts, or of another's."""
    parts, other = unpacked(data), unpacked(fall.choice(OTHERS))
    for _ in range(fall.choice((1, 1, 2))):
        fall.choice(CHANGES)(parts, other, fall)
    return packed(parts)


def _same(data: bytes, found: bytes) -> bool:
    """Whether an envelope says the same, whoever else signed it."""
    before, after = unpacked(data), unpacked(found)
    return bool(before[:2] == after[:2] and all(entry in after[2] for entry in before[2]))


def one(what: str, fall: Random, *, lax: Verdict | None = None) -> None:
    """An altered copy of one statement; `lax` stands for a verdict that is to be found out.

    Raises:
        AssertionError: it was taken.
    """
    data = (SIGNED | TEXTS)[what][0]
    made = altered(data, fall) if what in ENVELOPES and fall.random() < 0.6 else changed(data, OTHERS, fall)
    judge(what, made, lax=lax)


def every_bit(what: str) -> int:
    """Each bit of one statement turned by itself; how many there were.

    Raises:
        AssertionError: one of them was taken.
    """
    data = (SIGNED | TEXTS)[what][0]
    for at in range(len(data)):
        for bit in range(8):
            judge(what, data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])
    return 8 * len(data)


def judge(what: str, made: bytes, *, lax: Verdict | None = None) -> None:
    """Put a copy to the verdict about a statement.

    Raises:
        AssertionError: it was taken, and does not say the same.
    """
    data, strict = (SIGNED | TEXTS)[what]
    verdict = lax or strict
    try:
        found = verdict(made)
    except (Refused, Malformed):
        return
    if found != GOOD[what] or (what in ENVELOPES and not _same(data, made)) or (what == "document" and made != data):
        raise AssertionError(f"an altered {what} was taken: {made.hex()}")


def _case(number: int, fall: Random) -> None:
    for what in GOOD:
        if number == 0:
            every_bit(what)
        else:
            one(what, fall)


@contextmanager
def _open() -> Iterator[Case]:
    yield _case


FAMILY = Family(
    name="signed",
    about=f"an altered copy of each of {len(GOOD)} signed things (a flip, a cut, signatures dropped, doubled, swapped or made "
    "anew, type or body of another): none is taken; in case 0 every single bit of each is turned",
    whole=1_000_000,
    sample=400,
    open=_open,
    flat=True,
)
