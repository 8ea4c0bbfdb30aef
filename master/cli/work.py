"""What `plan` and `apply` begin with: valid files, the hosts that are meant, a centre that is up to date, documents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from orch.common.errors import EstateError, UsageError
from orch.common.identity import Admission
from orch.common.names import Place
from orch.common.policy import Policy
from orch.master.adapters import git
from orch.master.cli import catchup, finding, fleet, selection
from orch.master.cli.context import Desk
from orch.master.cli.line import Centre
from orch.master.estate import compiler, loader
from orch.master.estate.compiler import Compiled
from orch.master.estate.model import Estate


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The hosts that are meant, and the policy by which it is done."""

    desk: Desk
    estate: Estate
    policy: Policy
    places: tuple[Place, ...]
    admissions: dict[Place, Admission]

    def admission(self, host: str) -> Admission:
        """The admission of a host that was compiled for."""
        return self.admissions[Place.parse(host)]

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes of the hosts that are meant."""
        return tuple(sorted({self.estate.sites[place.site].scope for place in self.places}))

    def moved(self) -> tuple[Place, ...]:
        """Hosts whose scope or ring in the files is not the one they were admitted to."""
        return tuple(place for place in self.places if place in self.admissions and not self._fits(place))

    def _fits(self, place: Place) -> bool:
        site, admission = self.estate.sites[place.site], self.admissions[place]
        return (site.scope, site.ring) == (admission.scope, admission.ring)

    def compiled(self) -> tuple[Compiled, ...]:
        """The documents of the hosts that are admitted; says on stderr which are not."""
        made = compiler.compile_estate(
            self.estate, self.admissions, places=self.places, commit=git.commit(self.desk.folder.path)
        )
        if made.not_admitted:
            left = finding.some(map(str, made.not_admitted))
            self.desk.output.warn(f"not admitted yet, left out: {left} (orch key list --pending)")
        for refused in made.refused:
            self.desk.output.warn(refused.text)
        return made.compiled


def begin(desk: Desk, centre: Centre, target: str | None, *, estate: Estate) -> Work:
    """Choose the hosts and bring the centre up to the files.

    Raises:
        UsageError: the target is not understood, names what is not there, or means no host.
        NotAllowed: the policy in the files is not the one that this person trusts.
    """
    places = selection.places(estate, target, lambda: fleet.fetch(centre, desk.surroundings.clock))
    if target is not None and not places:
        raise UsageError(f"no host is meant by {target!r}", hint="see which there are: orch target")
    known = catchup.bring_up(centre, desk.folder, desk.verified(), output=desk.output)
    desk.me(known.policy)
    ended = {row.curve for row in known.keys.values() if row.state == "revoked"}
    return Work(
        desk=desk,
        estate=estate,
        policy=known.policy,
        places=places,
        admissions=admissions(desk, without=ended),
    )


def admissions(desk: Desk, *, without: Iterable[bytes] = ()) -> dict[Place, Admission]:
    """The admissions in the estate's directory, but for keys that were revoked since."""
    ended = frozenset(without)
    kept = desk.folder.admissions()
    return {Place.parse(host): item.admission for host, item in kept.items() if item.admission.curve not in ended}


def valid(desk: Desk) -> Estate:
    """The estate, read before anybody is called: a mistake in a file needs no centre.

    Raises:
        EstateError: with every error, laid out.
    """
    estate, signed = loader.load(desk.folder.path), desk.folder.newest_policy().estate
    if estate.name != signed:
        raise EstateError(
            f"estate.yaml is of the estate {estate.name!r}, the signed policies beside it are of {signed!r}",
            hint=f"write `estate: {signed}`, or take the right files out of git; an estate keeps its name",
        )
    desk.remember(
        hosts=map(str, estate.places),
        sites=estate.sites,
        lists=estate.lists,
        groups=estate.groups,
        secrets=estate.secrets,
    )
    return estate
