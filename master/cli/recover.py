"""`orch init --recover`: new operator keys and a new centre for an estate that lost either, with its recovery key.

In the estate's directory, from git. What it does: policy N+1, signed by the recovery key; a new operator in place of
all old ones; a new centre, which hosts recognise by a key that they know already; raised epochs, so that nothing which
the lost keys sign counts any more; every admission signed anew.
"""

from __future__ import annotations

from pathlib import Path

from orch.common import keyfile
from orch.common.errors import UsageError
from orch.common.policy import Policy
from orch.master.cli import admitting, files, folder, founding, writing
from orch.master.cli.context import unpinned
from orch.master.cli.folder import Folder
from orch.master.cli.founding import Founded, Wanted
from orch.master.cli.intent import Asked, operator_name
from orch.master.cli.output import Output
from orch.master.cli.surroundings import Surroundings
from orch.master.cli.writing import Lock, Places, Staging
from orch.master.estate import loader


def recover(recovery_file: Path, asked: Asked, *, estate: Path | None, world: tuple[Surroundings, Output]) -> None:
    """Make the next policy and all that hangs on it.

    Raises:
        UsageError: no estate here, or a place for new files is taken.
        KeyFileError: not a recovery key.
        NotAllowed: a recovery key that this estate does not know.
    """
    surroundings, output = world
    if asked.name is not None:
        raise UsageError("a recovery needs no name: it works on the estate in this directory")
    kept = folder.find(asked.directory or estate, start=Path.cwd())
    policies = kept.policies()
    pin, old = unpinned(policies)
    recovery = keyfile.read_recovery(files.read(recovery_file, limit=keyfile.MAX_FILE).decode("utf-8", "replace"))
    places = Places(
        estate=kept.path,
        centre=(asked.centre or kept.path.with_name(f"{old.estate}-centre")).absolute(),
        keys=surroundings.home() / old.estate,
        recovery=recovery_file,
    )
    places.refuse_existing(estate_too=False)
    only = old.operators[0].name if len(old.operators) == 1 else None
    wanted = Wanted(
        estate=old.estate,
        operator=operator_name(asked.operator or only),
        addresses=asked.addresses,
        now=surroundings.clock.wall(),
    )
    scopes = {site.scope for site in loader.load(kept.path).sites.values()}
    founded = founding.recover(old, recovery, wanted=wanted, scopes=scopes)
    lock = Lock(asked.passphrase.choose(), surroundings.key_cost)
    staging = Staging()
    try:
        writing.centre(founded, [*policies, founded.envelope], folder=staging.place(places.centre))
        keyring = staging.place(places.keys, above=0o700)
        writing.keys(founded.own, lock, pin=pin, folder=keyring, root=founded.root)
        staging.finish()
    finally:
        staging.discard()
    kept.put_policy(founded.envelope)
    renewed = admitting.renew(kept, founded.policy, key=founded.own.signing, now=wanted.now).count
    _tell(output, kept, founded, old=old, told=(places, renewed))


def _tell(output: Output, kept: Folder, founded: Founded, *, old: Policy, told: tuple[Places, int]) -> None:
    places, renewed = told
    dropped = ", ".join(person.name for person in old.operators)
    output.lines(
        [
            output.sign(f"✓ policy {founded.policy.version}") + f" of {old.estate}, signed by the recovery key",
            "",
            f"  operators dropped: {dropped}; you are the operator {founded.own.login.operator} now",
            f"  {renewed} admissions and revocations were signed anew",
            f"  {places.centre}/    move this to a machine at the old address; there: orch-master --directory DIR",
            f"  {places.keys}/    your new keys: back them up",
            "  the recovery key stays what it was: put it back into its safe",
        ]
    )
    output.note(f"commit policy/, hosts/ and {old.estate}.enrol in {kept.path} to git")
    output.next("start the new centre, then: orch apply --again")
