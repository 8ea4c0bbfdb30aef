"""Seals and opens secrets on the operator's machine: new values, copies for those who lack one, files in `secrets/`.

Refuses to do: show a value, or write one down in clear. Nothing here goes over the line: what does is a document with a
host's own copy in it (compiler.py).

Called by the secret commands and by apply.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from orch.common import crypto, hpke, sealed
from orch.common.clock import Chance
from orch.common.crypto import SigningKey
from orch.common.errors import Malformed, NotAllowed, UsageError
from orch.common.sealed import Slot, Value
from orch.master.cli import files, readers
from orch.master.cli.context import Desk
from orch.master.cli.readers import Known
from orch.master.cli.work import Work
from orch.master.estate import sealed_file
from orch.master.estate.compiler import Compiled, Compiler
from orch.master.estate.sealed_file import ROOT, HostCopy, ReaderCopy, SealedSecret
from orch.master.estate.uses import Use, uses

SIZE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """A value that is to be sealed, and who says so."""

    estate: str
    name: str
    value: bytes = field(repr=False)
    by: str


def make(new: New, places: tuple[Use, ...], known: Known, *, chance: Chance) -> SealedSecret:
    """A secret's new value, sealed to everybody who may read it and to every host that uses it.

    Raises:
        UsageError: the value is empty or too large.
    """
    seed, named = chance.token(SIZE), Value(estate=new.estate, secret=new.name, value=chance.token(16))
    try:
        box = sealed.close(new.value, named, seed=seed)
    except Malformed as err:
        raise UsageError(err.text, hint="a larger content belongs into files/, or is fetched by the service") from err
    made = SealedSecret(estate=new.estate, name=new.name, value=named.value, at=known.now, by=new.by, box=box)
    return complete(made, places, known, seed=seed, chance=chance)


def complete(
    secret: SealedSecret, places: tuple[Use, ...], known: Known, *, seed: bytes, chance: Chance
) -> SealedSecret:
    """With a copy for everybody who may read it and for every host that uses it; those that are there stay."""
    have = {(copy.name, copy.key) for copy in secret.readers}
    wanted = [(person.name, person.signing) for person in readers.entitled(places, known)]
    wanted += [(ROOT, key) for key in readers.root_keys(known.policy)]
    added = [_reader(secret, item, seed, chance) for item in wanted if item not in have]
    return with_hosts(secret.with_readers(added), places, known, seed=seed)


def with_hosts(secret: SealedSecret, places: Iterable[Use], known: Known, *, seed: bytes) -> SealedSecret:
    """With a copy for every of these places whose host's key is known."""
    added = [
        _host(secret, use, known.admissions[use.place].seal, seed)
        for use in places
        if use.place in known.admissions and not readers.copy_of(secret, use, known.admissions[use.place])
    ]
    return secret.with_hosts(added) if added else secret


def _reader(secret: SealedSecret, who: tuple[str, bytes], seed: bytes, chance: Chance) -> ReaderCopy:
    name, key = who
    ephemeral = hpke.pair(chance.token(SIZE))
    return ReaderCopy(name, key, sealed.for_reader(seed, named(secret), crypto.reading_of(key), ephemeral=ephemeral))


def _host(secret: SealedSecret, use: Use, key: bytes, seed: bytes) -> HostCopy:
    slot = Slot(
        estate=secret.estate,
        scope=use.scope,
        host=str(use.place),
        path=use.path,
        secret=secret.name,
        value=secret.value,
    )
    return HostCopy(slot.host, use.path, use.scope, key, sealed.for_host(seed, slot, key))


def named(secret: SealedSecret) -> Value:
    """What the copies of a secret are bound to."""
    return Value(estate=secret.estate, secret=secret.name, value=secret.value)


def opens(secret: SealedSecret, public: bytes) -> bool:
    """Whether there is a copy for the holder of this signing key or root key."""
    return any(copy.key == public for copy in secret.readers)


def seed_of(secret: SealedSecret, key: SigningKey) -> bytes:
    """The seed, for a reader.

    Raises:
        NotAllowed: there is no copy for this key, or it does not open.
    """
    for copy in secret.readers:
        if copy.key == key.public:
            try:
                return sealed.seed_of(key.reading, named(secret), copy.copy)
            except Malformed as err:
                raise NotAllowed(
                    f"secrets/{secret.name}.sealed: your copy does not open: it was altered, or is of another secret",
                    hint="take the file out of git as it was; or: orch secret rotate",
                ) from err
    raise cannot_read(secret)


def cannot_read(secret: SealedSecret) -> NotAllowed:
    """Why somebody cannot do what only a reader can, and who else."""
    able = ", ".join(sorted({copy.name for copy in secret.readers if copy.name != ROOT})) or "whoever has a root key"
    return NotAllowed(
        f"you cannot read the secret {secret.name}: it is not sealed to you",
        hint=f"somebody who can ({able}) says: orch secret reseal {secret.name}; and commits secrets/",
    )


def write(desk: Desk, secret: SealedSecret) -> None:
    """Keep a secret in the estate's directory.

    Raises:
        UsageError: it cannot be written.
    """
    path = desk.folder.path / "secrets" / f"{secret.name}{sealed_file.ENDING}"
    files.write(path, sealed_file.write(secret))


# ---- for apply


def check_able(begun: Work, compiled: Sequence[Compiled]) -> None:
    """Whether this person can seal what is not sealed yet: asked before anybody types a passphrase.

    Raises:
        NotAllowed: a secret is not sealed to a host, and this person cannot read it.
    """
    me = begun.desk.me(begun.policy)
    for name in sorted({item.secret for one in compiled for item in one.unsealed}):
        if not opens(begun.estate.secrets[name], me.signing):
            raise cannot_read(begun.estate.secrets[name])


def seal_rest(begun: Work, compiled: Sequence[Compiled], *, key: SigningKey) -> tuple[Compiled, ...]:
    """The same documents, with every secret sealed to its host; what was added is kept in `secrets/`.

    Raises:
        NotAllowed: this person cannot read one of them.
    """
    lacking = {(item.secret, one.place) for one in compiled for item in one.unsealed}
    if not lacking:
        return tuple(compiled)
    known = Known(policy=begun.policy, admissions=begun.admissions, now=begun.desk.surroundings.clock.wall())
    places, changed = uses(begun.estate), dict[str, SealedSecret]()
    for name in sorted({name for name, _ in lacking}):
        secret = begun.estate.secrets[name]
        wanted = [use for use in places[name] if (name, use.place) in lacking]
        changed[name] = with_hosts(secret, wanted, known, seed=seed_of(secret, key))
        write(begun.desk, changed[name])
        hosts = len({use.place for use in wanted})
        begun.desk.output.note(f"✓ {name} sealed to {hosts} host{'' if hosts == 1 else 's'}; commit secrets/ to git")
    return _again(begun, compiled, changed)


def _again(begun: Work, compiled: Sequence[Compiled], changed: Mapping[str, SealedSecret]) -> tuple[Compiled, ...]:
    estate = replace(begun.estate, secrets={**begun.estate.secrets, **changed})
    compiler = Compiler(estate, commit=compiled[0].document.commit)
    return tuple(compiler.host(item.place, begun.admissions[item.place]) for item in compiled)
