"""Removals beyond the ceiling: `--yes` is no word for them; a person types the site's name, a script names it.

What the desk counts is what lists named before and name no more, or what the hosts said themselves (a saved plan). The
host counts for itself in any case, and refuses what it was not allowed.

Called by apply and undo.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click

from orch.common.errors import UsageError
from orch.master.cli import asking
from orch.master.cli.group import did_you_mean
from orch.master.cli.preview import Difference
from orch.master.cli.surroundings import Surroundings
from orch.master.estate.model import Estate

OPTION = click.option(
    "--yes-remove",
    multiple=True,
    metavar="SITE",
    help="The hosts of SITE may remove more packages than their ceiling allows; may be given more than once.",
)


@dataclass(frozen=True, slots=True)
class Going:
    """How many packages go at one host of a site, at most, and how many may without a word."""

    site: str
    count: int
    ceiling: int


def named(option: object, estate: Estate) -> frozenset[str]:
    """The sites that --yes-remove named.

    Raises:
        UsageError: one of them is not there.
    """
    sites = frozenset(map(str, option if isinstance(option, tuple) else ()))
    for site in sorted(sites - set(estate.sites)):
        known = ", ".join(sorted(estate.sites)[:12])
        raise UsageError(
            f"--yes-remove: there is no site {site!r}{did_you_mean(site, estate.sites)}", hint=f"known here: {known}"
        )
    return sites


def beyond(different: Iterable[Difference]) -> tuple[Going, ...]:
    """Sites with a host at which more goes than may without a word; the host that loses most stands for its site."""
    worst: dict[str, Going] = {}
    for item in different:
        if item.removed > max(item.ceiling, worst[item.site].count if item.site in worst else 0):
            worst[item.site] = Going(item.site, item.removed, item.ceiling)
    return tuple(worst[site] for site in sorted(worst))


def allowed(going: Sequence[Going], sites: frozenset[str], *, yes: bool, surroundings: Surroundings) -> frozenset[str]:
    """The sites where more may go, after asking for each that was not named.

    Raises:
        UsageError: nobody is there to type a name, or --yes was given, which does not cover this.
    """
    lacking = [item for item in going if item.site not in sites]
    if lacking and (yes or not surroundings.interactive()):
        told = "; ".join(f"up to {item.count} at a host of {item.site}, {item.ceiling} are allowed" for item in lacking)
        words = " ".join(f"--yes-remove {item.site}" for item in lacking)
        raise UsageError(f"more packages would be removed than without a word: {told}", hint=f"if it is meant: {words}")
    for item in lacking:
        asking.confirm_by_name(
            f"Up to {item.count} packages go at a host of {item.site}, {item.ceiling} are allowed without a word.",
            item.site,
        )
    return sites | {item.site for item in lacking}
