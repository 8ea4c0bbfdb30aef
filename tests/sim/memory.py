"""What comes out the same each time is worked out once in a world: fifty hosts read the same policy, in one process.

Only functions of bytes that say the same for the same bytes are remembered, and nothing is remembered of those that
raised: the second wrong signature is refused by the verifier itself, as the first was. What is handed out again is
frozen. A signature that a key made here is right without being verified: that is what Ed25519 promises, and what the
unit tests of crypto.py try. A world without this memory is the same world (tests/unit/sim/test_memory.py).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Final, ParamSpec, TypeAlias, TypeVar

from orch.common import codec, envelope
from orch.common.crypto import CurveKey, SigningKey, verify

P = ParamSpec("P")
T = TypeVar("T")
Known: TypeAlias = "MutableMapping[Hashable, object]"

MOST: Final = 20_000
"""Answers that are kept of each function; then it begins anew, so that weeks of a large world stay small."""

_WORLDS: Final[tuple[tuple[ModuleType, str], ...]] = (
    (codec, "decode"),  # a frozen dataclass
    (envelope, "_parse"),  # a frozen envelope, nothing of it verified
)
_KEYS: Final[tuple[tuple[type, str, Known], ...]] = (
    # A host reads its keys at each start, and has the same in each world (founding.py): these outlive a world.
    (CurveKey, "from_secret", {}),
    (SigningKey, "from_seed", {}),
)


@contextmanager
def remembering() -> Iterator[None]:
    """Within this, each of them is asked once for the same."""
    with ExitStack() as stack:

        def put(owner: ModuleType | type, name: str, instead: object) -> None:
            stack.callback(setattr, owner, name, vars(owner)[name])
            setattr(owner, name, instead)

        for module, name in _WORLDS:
            put(module, name, once(getattr(module, name), {}))
        for cls, name, known in _KEYS:
            put(cls, name, staticmethod(once(getattr(cls, name), known)))
        right: Known = {}
        put(envelope, "verify", once(verify, right))
        put(SigningKey, "sign", _signing(SigningKey.sign, right))
        yield


def once(real: Callable[P, T], known: MutableMapping[Hashable, T]) -> Callable[P, T]:
    """The same function with a memory."""

    def asked(*args: P.args, **kwargs: P.kwargs) -> T:
        what = (args, tuple(kwargs.items())) if kwargs else args
        if what in known:
            return known[what]
        found = real(*args, **kwargs)
        _keep(known, what, found)
        return found

    return asked


def _signing(real: Callable[[SigningKey, bytes], bytes], right: Known) -> Callable[[SigningKey, bytes], bytes]:
    def sign(key: SigningKey, message: bytes) -> bytes:
        made = real(key, message)
        _keep(right, (key.public, made, message), True)
        return made

    return sign


def _keep(known: MutableMapping[Hashable, T], what: Hashable, answer: T) -> None:
    if len(known) >= MOST:
        known.clear()
    known[what] = answer
