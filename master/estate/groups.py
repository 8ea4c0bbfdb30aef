"""Groups and rings: which sites and hosts their words stand for.

Invariants: a group may use other groups in its `match`, in any order, but never itself by way of others; a site
counts to one ring only.

Called by loader.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from orch.common.names import Place
from orch.master.estate import expression, schema
from orch.master.estate.diagnostics import Findings, Located, Mark, suggest
from orch.master.estate.expression import Expression, NotThere, Question, TargetError
from orch.master.estate.kinds import Record, Row
from orch.master.estate.model import Ring, Site
from orch.master.estate.targets import Known, Places, Selection

EVERY_SITE = "*"


def rings(record: Record, findings: Findings) -> tuple[Ring, ...]:
    """The rings in order."""
    table = record.get(schema.RINGS)
    found: dict[str, Ring] = {}
    for row in table.value if table else ():
        name, sites = row.get(schema.RING_NAME), row.get(schema.RING_SITES)
        if name is None or sites is None:
            continue
        if name.value in found:
            findings.error(name.mark, f'the ring "{name.value}" is there twice')
        found[name.value] = Ring(name=name.value, mark=name.mark, sites=sites.value)
    return tuple(found.values())


class RingFinder:
    """Which ring a site counts to: the one that names it, else the first with `*`, else the last."""

    def __init__(self, known: Sequence[Ring]) -> None:
        """Remember who is named where."""
        self._named: dict[str, str] = {}
        for ring in known:
            for site in ring.sites:
                self._named.setdefault(site.value, ring.name)
        last = known[-1].name if known else schema.DEFAULT_RING
        self._rest = self._named.get(EVERY_SITE, last)

    def __call__(self, site: str) -> str:
        """The ring's name."""
        return self._named.get(site, self._rest)


def check_rings(known: Sequence[Ring], sites: Mapping[str, Site], findings: Findings) -> None:
    """Every site that is named exists and is named once; a site that is not named is worth a word."""
    seen: dict[str, str] = {}
    for ring in known:
        for site in ring.sites:
            if site.value != EVERY_SITE:
                _check_site(site, sites, findings)
            if site.value in seen:
                findings.error(site.mark, f'"{site.value}" is in the ring {seen[site.value]} already')
            seen.setdefault(site.value, ring.name)
    if known and EVERY_SITE not in seen:
        for item in sites.values():
            if item.name not in seen:
                text = f'no ring names "{item.name}": it counts to the last one, {item.ring}'
                findings.warning(item.mark, text, 'give a ring sites: "*"')


def _check_site(site: Located[str], sites: Mapping[str, Site], findings: Findings) -> None:
    # A file that could not be read was said; what it would have defined is not missing.
    if site.value not in sites and not findings.wrong(f"sites/{site.value}.yaml"):
        hint = suggest(site.value, sites, otherwise=f"write sites/{site.value}.yaml")
        findings.error(site.mark, f'there is no site "{site.value}"', hint)


class Memberships:
    """Works out the members of every group, one for the other where they refer to each other."""

    def __init__(self, rows: Mapping[str, Row[Record]], known: Known, findings: Findings) -> None:
        """Take the groups as written; nothing is worked out yet."""
        self._rows, self._known, self._findings = rows, known, findings
        self._found: dict[str, Places] = {}

    def all(self) -> Mapping[str, Places]:
        """Members by group; a group that is wrong has none, which has been said."""
        for name in self._rows:
            self._work_out(name, ())
        if not self._findings.has_errors:  # otherwise a fault may be why nobody seems to be in it
            for name, row in self._rows.items():
                if not self._found[name]:
                    self._findings.warning(row.mark, f'nobody is in the group "{name}"')
        return {name: self._found[name] for name in self._rows}

    def _work_out(self, name: str, trail: tuple[str, ...]) -> None:
        if name in self._found:
            return
        row = self._rows[name]
        match, sites = row.value.get(schema.MATCH), row.value.get(schema.MEMBERS)
        if not {"match", "sites"} & row.value.marks.keys():
            self._findings.error(row.mark, f'the group "{name}" has neither match nor sites')
        members = self._sites(sites.value) if sites else frozenset()
        self._found[name] = members | (self._matching(match, (*trail, name)) if match else frozenset())

    def _sites(self, sites: Iterable[Located[str]]) -> Places:
        found: set[Place] = set()
        for site in sites:
            _check_site(site, self._known.sites, self._findings)
            if site.value in self._known.sites:
                found.update(host.place for host in self._known.sites[site.value].hosts.values())
        return frozenset(found)

    def _matching(self, match: Located[str], trail: tuple[str, ...]) -> Places:
        """Hosts that the target names; nobody where it is wrong, which has then been said."""
        try:
            wanted = expression.parse(match.value)
            self._prepare(wanted, match.value, trail)
            members = {name: self._found.get(name, frozenset()) for name in self._rows}
            known = Known(self._known.sites, members, self._known.rings)
            return Selection(match.value, known).of(wanted)
        except TargetError as err:
            if not (isinstance(err, NotThere) and self._findings.wrong("sites/")):
                self._say(err, match)
            return frozenset()

    def _prepare(self, wanted: Expression, text: str, trail: tuple[str, ...]) -> None:
        """Work out the groups that this one refers to; refuse circles and what only the centre knows."""
        for atom in expression.atoms(wanted):
            if isinstance(atom, Question):
                problem = f"{atom.source.value}: changes by itself; a group is made of what the files say"
                raise TargetError(problem, text, atom.span)
            if isinstance(atom, expression.Member) and atom.of == "group" and atom.name in self._rows:
                if atom.name in trail:
                    raise TargetError(f"the groups go in a circle: {' -> '.join((*trail, atom.name))}", text, atom.span)
                self._work_out(atom.name, trail)

    def _say(self, err: TargetError, match: Located[str]) -> None:
        """A fault in a target, at its very column in the file."""
        quoted = match.mark.length == len(match.value) + 2
        column = match.mark.column + err.span.start + (1 if quoted else 0)
        if match.mark.length < len(match.value):  # a block over several lines: its columns are not known
            column = match.mark.column
        mark = Mark(match.mark.file, match.mark.line, column, err.span.length)
        if "no site or host has a label" in err.problem:
            self._findings.warning(mark, err.problem, err.hint)
        else:
            self._findings.error(mark, err.problem, err.hint)
