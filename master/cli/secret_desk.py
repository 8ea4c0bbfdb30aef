"""What the secret commands begin with: the estate's files, right or wrong, the policy, the keys of hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orch.common.errors import EstateError, NotAllowed, OrchError, UsageError
from orch.common.policy import Operator
from orch.master.cli import finding, readers, work
from orch.master.cli.context import Desk
from orch.master.cli.group import did_you_mean
from orch.master.cli.readers import Known, Standing
from orch.master.estate import loader
from orch.master.estate.diagnostics import Diagnostic, Severity, render
from orch.master.estate.model import Estate
from orch.master.estate.sealed_file import SealedSecret
from orch.master.estate.uses import Use, uses


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """All secrets of an estate, and by what they are judged."""

    desk: Desk
    estate: Estate
    known: Known
    places: Mapping[str, tuple[Use, ...]]

    def uses(self, name: str) -> tuple[Use, ...]:
        """Where a secret is used."""
        return self.places.get(name, ())

    def one(self, name: str) -> SealedSecret:
        """The secret of that name.

        Raises:
            UsageError: there is none.
        """
        found = self.estate.secrets.get(name)
        if found is None:
            near = did_you_mean(name, self.estate.secrets)
            raise UsageError(
                f"there is no secret {name!r}{near}", hint=f"see: orch secret list; or: orch secret set {name}"
            )
        return found

    def standing(self, name: str) -> Standing:
        """Who may read it, who can, and who could.

        Raises:
            UsageError: there is none of that name.
        """
        return readers.standing(self.one(name), self.uses(name), self.known)

    def all(self) -> list[Standing]:
        """Every secret, by name."""
        return [self.standing(name) for name in sorted(self.estate.secrets)]

    def me(self, name: str) -> Operator:
        """The person of this desk, who is to set this secret.

        Raises:
            NotAllowed: the policy does not let this person.
        """
        me = self.desk.me(self.known.policy)
        if me in readers.entitled(self.uses(name), self.known):
            return me
        where = "at a host that uses it" if self.uses(name) else "in every scope, and no host uses it yet"
        raise NotAllowed(
            f"{me.name} is not granted secret {where}, so could not read {name} again",
            hint=f"see: orch key who {me.name}; who holds the root keys can say: orch policy grant",
        )


def begin(desk: Desk) -> Secrets:
    """Read everything. A mistake in another file does not stand in the way: `secret set` is what mends some.

    Raises:
        EstateError: estate.yaml cannot be read, or a file in secrets/ is damaged.
        NotAllowed, BadSignature: the policies are not the ones that this person trusts.
    """
    policy = desk.verified()
    found = loader.examine(desk.folder.path)
    _refuse_damaged(found.draft, found.diagnostics)
    estate = found.draft
    if estate is None or estate.name != policy.estate:
        raise EstateError("estate.yaml cannot be read, or is of another estate than the policies beside it")
    known = Known(policy=policy, admissions=work.admissions(desk), now=desk.surroundings.clock.wall())
    return Secrets(desk=desk, estate=estate, known=known, places=uses(estate))


def warn(desk: Desk) -> None:
    """Say which secrets somebody could read whose key has just been ended."""
    if not (desk.folder.path / "secrets").is_dir():
        return
    try:
        names = [item.secret.name for item in begin(desk).all() if item.former]
    except OrchError as err:
        desk.output.warn(f"which secrets that concerns cannot be told: {err.text}")
        return
    if names:
        desk.output.warn(f"could be read with that key until they have new values: {finding.some(names)}")
        desk.output.hint("orch secret rotate --revoked")


def _refuse_damaged(estate: Estate | None, diagnostics: Iterable[Diagnostic]) -> None:
    errors = [item for item in diagnostics if item.severity is Severity.ERROR]
    needed = [item for item in errors if estate is None or item.file.startswith("secrets/")]
    if needed:
        raise EstateError(render(needed))


def places_told(places: Iterable[Use]) -> list[str]:
    """`library/srv1 /etc/apps/join`, a line each."""
    return [f"{use.place} {use.path}" for use in places]
