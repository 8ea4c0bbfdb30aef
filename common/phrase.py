"""Check words: a fingerprint that two people can compare by telephone.

Six proquints (Wilkerson 2009, "A Proposal for Proquints"), 16 bits each: 96 bits, so nobody can make a second key with
the same words. Proquints are pronounceable in most languages and need no word list.
"""

from __future__ import annotations

import hashlib

_CONSONANTS = "bdfghjklmnprstvz"
_VOWELS = "aiou"


def proquint(number: int) -> str:
    """Sixteen bits as five letters, e.g. 0x7f00 -> `lusab`."""
    return (
        _CONSONANTS[number >> 12 & 15]
        + _VOWELS[number >> 10 & 3]
        + _CONSONANTS[number >> 6 & 15]
        + _VOWELS[number >> 4 & 3]
        + _CONSONANTS[number & 15]
    )


def check_words(material: bytes) -> str:
    """The six words of a thing, e.g. of a host's identity request, separated by blanks."""
    digest = hashlib.sha256(b"orch check words\x00" + material).digest()
    return " ".join(proquint(int.from_bytes(digest[at : at + 2], "big")) for at in range(0, 12, 2))
