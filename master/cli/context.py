"""The operator's desk: the estate's directory, the person's keys, the way to the centre.

Finding them is cheap and loads no cryptography. `verified` checks the chain of policies from the pinned one on; every
command that signs or changes anything does it before the first other thing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from orch.common.errors import BadSignature, NotAllowed
from orch.common.keyfile import LoginKey
from orch.common.policy import LIMIT, TYPE, Operator, Policy
from orch.master.cli import meant, remembered
from orch.master.cli.folder import Folder
from orch.master.cli.group import estate_of, output_of, surroundings_of
from orch.master.cli.keyring import Keyring
from orch.master.cli.line import Centre, Dialling
from orch.master.cli.meant import Said
from orch.master.cli.output import Output
from orch.master.cli.surroundings import Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where a command works."""

    folder: Folder
    keyring: Keyring
    surroundings: Surroundings
    output: Output

    @contextmanager
    def line(self, *, also: tuple[str, ...] = (), servers: tuple[bytes, ...] = ()) -> Iterator[Centre]:
        """The line to the centre that the newest policy names; hung up at the end.

        Args:
            also: addresses to try besides, of a policy that is to be published.
            servers: the keys by which alone the centre may prove itself; else all that the policy names.

        Raises:
            Unreachable: nobody answers.
            KeyFileError: there is no usable login key.
        """
        policy, login = self.folder.newest_policy(), self.login()
        addresses = tuple(dict.fromkeys((*policy.centre.addresses, *also)))
        dialling = Dialling(
            addresses=addresses,
            servers=servers or policy.centre.curve,
            secret=login.curve,
            notice=self.output.note,
        )
        centre = self.surroundings.dial(dialling)
        try:
            yield centre
        finally:
            centre.close()

    def login(self) -> LoginKey:
        """The person's login key.

        Raises:
            KeyFileError: missing or damaged.
        """
        return self.keyring.login()

    def verified(self) -> Policy:
        """The newest policy, after checking every signature from the pinned policy on.

        Raises:
            NotAllowed: the chain does not begin with the pinned policy.
            BadSignature: a link of the chain is not signed as the one before it asks.
        """
        from orch.common import trust

        pin = self.keyring.pin()
        current: Policy | None = None
        for envelope in self.folder.policies():
            try:
                current = trust.take_policy(current, envelope, pinned=pin)
            except BadSignature as err:
                if current is not None:
                    raise
                raise NotAllowed(
                    f"{self.folder.path}/policy does not begin with the policy that your keys were made for",
                    hint="is this the right estate? somebody may have replaced the files; compare with the git history",
                ) from err
        if current is None:
            raise NotAllowed("this estate has no policy")
        return current

    def remember(self, **seen: Iterable[str]) -> None:
        """Keep names of these kinds for completion."""
        remembered.remember(remembered.path(self.surroundings.cache(), self.folder.path), **seen)

    def me(self, policy: Policy) -> Operator:
        """The person of this login key in a policy.

        Raises:
            NotAllowed: the policy does not name the key.
        """
        from orch.common.crypto import SigningKey

        login = self.login()
        public = SigningKey.from_seed(login.sign).public
        found = next((person for person in policy.operators if person.login == public), None)
        if found is None:
            raise NotAllowed(
                f"policy {policy.version} does not name your login key as an operator's",
                hint="take the newest files out of git; the key may have been replaced or dropped",
            )
        return found


def unpinned(policies: list[bytes]) -> tuple[bytes, Policy]:
    """The pin and the newest policy of a chain whose first link is taken as it is.

    For whoever holds a root key and no keyring: a chain that begins wrongly is believed by no host, so what is signed
    by it counts nowhere.

    Raises:
        Refused: a link is not signed as the one before it asks.
    """
    from orch.common import trust
    from orch.common.crypto import sha256
    from orch.common.envelope import open_envelope

    pin = sha256(open_envelope(policies[0], type=TYPE, limit=LIMIT).body)
    current = trust.take_policy(None, policies[0], pinned=pin)
    for envelope in policies[1:]:
        current = trust.take_policy(current, envelope)
    return pin, current


def folder_of(context: click.Context) -> Folder:
    """The estate's directory for the options of a command.

    Raises:
        UsageError: there is no estate here.
    """
    return Folder(meant.find(said_of(context)).path)


def said_of(context: click.Context) -> Said:
    """What says which estate is meant."""
    given = estate_of(context)
    return Said(
        option=str(given) if given is not None else "",
        variable=os.environ.get("ORCH_ESTATE", ""),
        start=Path.cwd(),
        home=surroundings_of(context).home(),
    )


def desk_of(context: click.Context) -> Desk:
    """The desk for the options of a command.

    Raises:
        UsageError: there is no estate here.
        EstateError: its signed policies are missing or damaged.
    """
    surroundings, found = surroundings_of(context), folder_of(context)
    return Desk(
        folder=found,
        keyring=Keyring(surroundings.home() / found.newest_policy().estate),
        surroundings=surroundings,
        output=output_of(context),
    )
