"""The firewall's rules as the kernel holds them (nftables over netlink).

What is hashed is what filters, whoever wrote it. No program runs, and nothing is asked over a network: netlink(7) ends
in this machine's kernel, in the network namespace of this process. Rules of iptables-nft are among them; those of the
old iptables interface are not.

Invariants:
- the same rules have the same hash on every host: handles, counters and the order in which sets keep their members are
  left out, and so are members that come and go by themselves (of sets with a timeout, or that rules fill);
- a hash is of one moment: the kernel counts changes, and a look in the middle of one begins anew.

Sources: linux/netfilter/nf_tables.h, nfnetlink.h, netlink.h.

Called by machine.py.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from orch.minion.adapters.netlink import Changed, Kernel

_NETFILTER: Final = 12
_NFTABLES: Final = 10 << 8
_FAMILY: Final = struct.Struct("!BBH")
_ATTRIBUTE: Final = struct.Struct("=HH")
_TYPE: Final = 0x3FFF
_TRIES: Final = 5

_GET_GENERATION, _GET_MEMBERS, _NUMBER = 16, 13, 1
_NAME_OF_EXPRESSION, _DATA_OF_EXPRESSION, _EXPRESSIONS = 1, 2, 4
_SET_TABLE, _SET_NAME, _SET_FLAGS = 1, 2, 3
_COMES_AND_GOES: Final = 0x10 | 0x20  # a set with a timeout, or one that rules add to
_MEMBERS: Final = 3
_KEPT_OF_A_MEMBER: Final = frozenset({1, 2, 3, 4, 6, 9, 10})  # key, data, flags, timeout, user's, object, end of key
_COUNTS: Final = frozenset({b"counter", b"quota", b"last"})


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of thing in a rule set: the request that lists it, and attributes that number or count."""

    get: int
    left_out: frozenset[int]
    is_rule: bool = False  # its order counts, and its expressions may


_KINDS: Final = (
    _Kind(get=1, left_out=frozenset({3, 4, 5, 7})),  # tables: use, handle, pad, owner
    _Kind(get=4, left_out=frozenset({2, 6, 8, 9, 11})),  # chains: handle, use, counters, pad, id
    _Kind(get=7, left_out=frozenset({3, 6, 8, 9, 10}), is_rule=True),  # rules: handle, position, pad, ids
    _Kind(get=10, left_out=frozenset({10, 14, 16, 19, 20})),  # sets: id, pad, handle, how they are kept, members
    _Kind(get=19, left_out=frozenset({4, 5, 6, 7})),  # objects: what they count, use, handle, pad
    _Kind(get=23, left_out=frozenset({4, 5, 6})),  # flow tables: use, handle, pad
)
_SETS: Final = 10


def rules() -> bytes:
    """SHA-256 of the rule set; empty where the kernel does not tell, or where it changes all the time."""
    for _ in range(_TRIES):
        try:
            with Kernel(_NETFILTER) as kernel:
                before = _generation(kernel)
                found = _digest(kernel)
                if _generation(kernel) == before:
                    return found
        except Changed:
            continue
        except (OSError, struct.error):
            return b""
    return b""


def _generation(kernel: Kernel) -> bytes:
    """The number of the newest change."""
    told = kernel.one(_NFTABLES | _GET_GENERATION, bytes(_FAMILY.size))
    return dict(attributes(told[_FAMILY.size :])).get(_NUMBER, b"")


def _digest(kernel: Kernel) -> bytes:
    made = hashlib.sha256()
    for kind in _KINDS:
        found = list(kernel.every(_NFTABLES | kind.get, bytes(_FAMILY.size)))
        words = [canonical(body, kind.left_out, is_rule=kind.is_rule) for body in found]
        if kind.get == _SETS:
            words += [word for body in found for word in _members(kernel, body)]
        for word in words if kind.is_rule else sorted(words):
            made.update(struct.pack("!BI", kind.get, len(word)) + word)
    return made.digest()


def _members(kernel: Kernel, body: bytes) -> Iterator[bytes]:
    """What is in a set, each member by itself."""
    told = dict(attributes(body[_FAMILY.size :]))
    (flags,) = struct.unpack("!I", told.get(_SET_FLAGS, bytes(4)))
    if flags & _COMES_AND_GOES:
        return
    asked = _attribute(_SET_TABLE, told.get(_SET_TABLE, b"")) + _attribute(_SET_NAME, told.get(_SET_NAME, b""))
    for part in kernel.every(_NFTABLES | _GET_MEMBERS, _FAMILY.pack(body[0], 0, 0) + asked):
        for kind, value in attributes(part[_FAMILY.size :]):
            if kind == _MEMBERS:
                for _, member in attributes(value):
                    kept = [item for item in attributes(member) if item[0] in _KEPT_OF_A_MEMBER]
                    yield asked + b"".join(_attribute(*item) for item in kept)


def canonical(body: bytes, left_out: frozenset[int], *, is_rule: bool = False) -> bytes:
    """A table, chain, rule, set, object or flow table without what numbers or counts.

    Args:
        body: a message without its netlink header: the family's header, then attributes.
        left_out: types of attributes that say nothing of what is filtered.
        is_rule: its expressions are looked into, as some of them count.
    """
    words = [body[: _FAMILY.size - 2]]  # the family; what follows is the generation's number
    for kind, value in attributes(body[_FAMILY.size :]):
        if kind in left_out:
            continue
        words.append(_attribute(kind, _expressions(value) if is_rule and kind == _EXPRESSIONS else value))
    return b"".join(words)


def _expressions(value: bytes) -> bytes:
    words = []
    for kind, item in attributes(value):
        told = dict(attributes(item))
        if told.get(_NAME_OF_EXPRESSION, b"").rstrip(b"\0") in _COUNTS:
            told.pop(_DATA_OF_EXPRESSION, None)
        words.append(_attribute(kind, b"".join(_attribute(*found) for found in told.items())))
    return b"".join(words)


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and content of each attribute (struct nlattr)."""
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        size, kind = _ATTRIBUTE.unpack_from(data, at)
        if size < _ATTRIBUTE.size:
            return
        yield kind & _TYPE, data[at + _ATTRIBUTE.size : at + size]
        at += size + (-size % 4)


def _attribute(kind: int, value: bytes) -> bytes:
    size = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(size, kind) + value + bytes(-size % 4)
