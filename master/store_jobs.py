"""What is done to the tables, each a function on an open transaction; store.py says when and on which thread.

Statements are SQLAlchemy Core without anything that only SQLite knows, so that another database can stand in one day
(design section 8). Replacing a row is therefore "delete, insert" within the transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import bindparam, delete, select
from sqlalchemy.engine import Connection

from orch.common import codec
from orch.common.errors import StoreError
from orch.common.merkle import Tree
from orch.common.release import Parcel
from orch.common.report import LIMIT
from orch.master import store_schema as tables
from orch.master.records import (
    HeadRecord,
    Keeping,
    KeyRecord,
    Loaded,
    NewReport,
    Publication,
    ReleaseRecord,
    ScopeRecord,
    Sighting,
    Summary,
)

SUMMARY_LIMIT = LIMIT
"""A summary holds less than its report. One that could be written and not read would keep the centre from starting."""
MANY = 500
"""Values in one statement: every database takes that many."""

# Statements of every report and every key, built once: SQLAlchemy takes longer to build one than SQLite to do it.
_KEY_GONE = delete(tables.keys).where(tables.keys.c.curve == bindparam("which"))
_ADMITTED = select(tables.admissions.c.serial).where(
    tables.admissions.c.curve == bindparam("which"), tables.admissions.c.serial == bindparam("number")
)
_NEWEST = select(tables.latest.c.curve, tables.latest.c.sequence).where(
    tables.latest.c.curve.in_(bindparam("curves", expanding=True))
)
_GONE = {
    table.name: delete(table).where(table.c.curve.in_(bindparam("curves", expanding=True)))
    for table in (tables.heads, tables.latest, tables.sightings)
}
_STALE = delete(tables.reports).where(
    tables.reports.c.curve == bindparam("host"), tables.reports.c.sequence <= bindparam("upto")
)


def put_policy(connection: Connection, version: int, envelope: bytes) -> None:
    """Keep a policy version."""
    connection.execute(tables.policies.insert().values(version=version, envelope=envelope))


def put_key(connection: Connection, record: KeyRecord, serial: int) -> None:
    """Keep how a key stands; `serial` of its admission, 0 where there is none."""
    connection.execute(_KEY_GONE, {"which": record.curve})
    values = {name: getattr(record, name) for name in codec.field_names(KeyRecord)}
    connection.execute(tables.keys.insert().values(**values))
    if serial and connection.execute(_ADMITTED, {"which": record.curve, "number": serial}).first() is None:
        connection.execute(
            tables.admissions.insert().values(
                curve=record.curve, serial=serial, envelope=record.admission, received=record.last
            )
        )


def put_release(connection: Connection, made: Publication, bodies: Mapping[bytes, bytes]) -> None:
    """Keep a release, its placements and documents: all or nothing, as it is one transaction."""
    connection.execute(
        tables.releases.insert().values(
            hash=made.hash,
            scope=made.scope,
            epoch=made.epoch,
            number=made.number,
            held=made.held,
            envelope=made.envelope,
            received=made.received,
        )
    )
    _put_documents(connection, bodies)
    rows = [
        {"release": made.hash, "leaf_index": index, "curve": item.curve, "document": item.document, "leaf": item.leaf}
        for index, item in enumerate(made.placed)
    ]
    connection.execute(tables.placements.insert(), rows)
    if made.contents:
        connection.execute(
            tables.contents.insert(), [{"release": made.hash, "sha256": item} for item in sorted(made.contents)]
        )
    if not made.held:
        _replace(connection, "heads", [{key: row[key] for key in ("curve", "release", "leaf_index")} for row in rows])


def put_reports(connection: Connection, reports: Sequence[NewReport], keep: int) -> None:
    """Keep reports; the caller gives each host's in order. Of each host the newest `keep` stay.

    Raises:
        StoreError: they do not go on where the host's last one ended: something before them was not committed.
    """
    _check_follows(connection, reports)
    connection.execute(
        tables.reports.insert(),
        [
            {
                "curve": item.curve,
                "sequence": item.sequence,
                "gap": item.gap,
                "received": item.summary.received,
                "envelope": item.envelope,
            }
            for item in reports
        ],
    )
    newest = {item.curve: item for item in reports}
    _replace(
        connection,
        "latest",
        [
            {"curve": item.curve, "sequence": item.sequence, "summary": codec.encode(item.summary)}
            for item in newest.values()
        ],
    )
    olds = [{"host": item.curve, "upto": item.sequence - keep} for item in newest.values() if item.sequence > keep]
    if olds:
        connection.execute(_STALE, olds)


def _check_follows(connection: Connection, reports: Sequence[NewReport]) -> None:
    last: dict[bytes, int] = {}
    curves = list({item.curve for item in reports})
    for at in range(0, len(curves), MANY):
        known = connection.execute(_NEWEST, {"curves": curves[at : at + MANY]})
        last.update({row.curve: row.sequence for row in known})
    for item in reports:
        if item.sequence - item.gap != last.get(item.curve, 0) + 1:
            raise StoreError(f"report {item.sequence} does not follow {last.get(item.curve, 0)}")
        last[item.curve] = item.sequence


def put_sightings(connection: Connection, found: Sequence[Sighting]) -> None:
    """Keep when hosts were heard."""
    names = codec.field_names(Sighting)
    _replace(connection, "sightings", [{name: getattr(item, name) for name in names} for item in found])


def prune(connection: Connection, keeping: Keeping) -> frozenset[bytes]:
    """Drop what is too old; returns the contents that some release still names.

    A host's newest report stays however old it is, and so does a release that is some host's newest.
    """
    newest = select(tables.latest.c.sequence).where(tables.latest.c.curve == tables.reports.c.curve).scalar_subquery()
    connection.execute(
        delete(tables.reports).where(tables.reports.c.received < keeping.since, tables.reports.c.sequence < newest)
    )
    kept = set(connection.execute(select(tables.heads.c.release).distinct()).scalars())
    order = select(tables.releases.c.hash, tables.releases.c.scope).order_by(
        tables.releases.c.scope, tables.releases.c.epoch.desc(), tables.releases.c.number.desc()
    )
    seen: dict[str, int] = {}
    gone: list[dict[str, bytes]] = []
    for row in connection.execute(order):
        seen[row.scope] = seen.get(row.scope, 0) + 1
        if seen[row.scope] > keeping.releases and row.hash not in kept:
            gone.append({"which": row.hash})
    if gone:
        connection.execute(delete(tables.releases).where(tables.releases.c.hash == bindparam("which")), gone)
        connection.execute(
            delete(tables.documents).where(tables.documents.c.hash.not_in(select(tables.placements.c.document)))
        )
    return frozenset(connection.execute(select(tables.contents.c.sha256).distinct()).scalars())


def newest_reports(connection: Connection, curve: bytes, *, most: int, size: int) -> tuple[bytes, ...]:
    """A host's newest reports, newest first, as many as fit in `size` bytes."""
    rows = connection.execute(
        select(tables.reports.c.envelope)
        .where(tables.reports.c.curve == curve)
        .order_by(tables.reports.c.sequence.desc())
        .limit(most)
    )
    return _fitting(rows.scalars(), size)


def _fitting(envelopes: Iterable[bytes], size: int) -> tuple[bytes, ...]:
    found: list[bytes] = []
    for envelope in envelopes:
        size -= len(envelope)
        if size < 0:
            break
        found.append(envelope)
    return tuple(found)


def history(connection: Connection, curve: bytes, *, most: int, size: int) -> tuple[tuple[bytes, int], ...]:
    """The newest releases that name a host, newest first, with when each came, as many as fit in `size` bytes."""
    rows = connection.execute(
        select(tables.releases.c.envelope, tables.releases.c.received)
        .join(tables.placements, tables.placements.c.release == tables.releases.c.hash)
        .where(tables.placements.c.curve == curve, tables.releases.c.held.is_(False))
        .order_by(tables.releases.c.epoch.desc(), tables.releases.c.number.desc())
        .limit(most)
    )
    found: list[tuple[bytes, int]] = []
    for row in rows:
        size -= len(row.envelope) + 16
        if size < 0:
            break
        found.append((row.envelope, row.received))
    return tuple(found)


def parcel(connection: Connection, curve: bytes, *, release: bytes) -> Parcel | None:
    """A host's document in a release, with its proof; None where that is not kept, or names the host nowhere."""
    row = connection.execute(
        select(tables.releases.c.envelope, tables.placements.c.leaf_index, tables.documents.c.body)
        .join(tables.placements, tables.placements.c.release == tables.releases.c.hash)
        .join(tables.documents, tables.documents.c.hash == tables.placements.c.document)
        .where(tables.releases.c.hash == release, tables.placements.c.curve == curve)
    ).first()
    if row is None:
        return None
    proof = Tree(_leaves(connection, release)).proof(row.leaf_index)
    return Parcel(release=row.envelope, document=row.body, proof=proof)


def reports_after(connection: Connection, curve: bytes, *, after: int, limits: tuple[int, int]) -> tuple[bytes, ...]:
    """A host's reports above a number, in their order; `limits` are how many and how many bytes at most."""
    most, size = limits
    rows = connection.execute(
        select(tables.reports.c.envelope)
        .where(tables.reports.c.curve == curve, tables.reports.c.sequence > after)
        .order_by(tables.reports.c.sequence)
        .limit(most)
    )
    return _fitting(rows.scalars(), size)


def signed(connection: Connection) -> tuple[tuple[str, bytes], ...]:
    """Everything that operators signed and that is kept: kind and envelope."""
    policies = select(tables.policies.c.envelope).order_by(tables.policies.c.version)
    admissions = select(tables.admissions.c.envelope).order_by(tables.admissions.c.curve, tables.admissions.c.serial)
    revocations = select(tables.keys.c.revocation).where(tables.keys.c.revocation != b"")
    releases = select(tables.releases.c.envelope).order_by(
        tables.releases.c.scope, tables.releases.c.epoch, tables.releases.c.number
    )
    kinds = {"policy": policies, "admission": admissions, "revocation": revocations, "release": releases}
    return tuple((kind, envelope) for kind, rows in kinds.items() for envelope in connection.execute(rows).scalars())


def load(connection: Connection) -> Loaded:
    """Everything that the roster keeps in memory."""
    policies = select(tables.policies.c.version, tables.policies.c.envelope).order_by(tables.policies.c.version)
    names = codec.field_names(KeyRecord)
    sightings = connection.execute(select(tables.sightings)).mappings()
    return Loaded(
        policies=tuple((row.version, row.envelope) for row in connection.execute(policies)),
        keys=tuple(
            KeyRecord(**{name: row[name] for name in names})
            for row in connection.execute(select(tables.keys)).mappings()
        ),
        scopes=_scopes(connection),
        releases=_head_releases(connection),
        heads=_heads(connection),
        latest=tuple(
            (row.curve, codec.decode(Summary, row.summary, limit=SUMMARY_LIMIT, unknown="ignore"))
            for row in connection.execute(select(tables.latest))
        ),
        sightings=tuple(Sighting(**{name: row[name] for name in codec.field_names(Sighting)}) for row in sightings),
    )


def _scopes(connection: Connection) -> tuple[ScopeRecord, ...]:
    order = (
        select(tables.releases).where(tables.releases.c.held.is_(False))
        .order_by(tables.releases.c.epoch, tables.releases.c.number)
    )  # fmt: skip
    newest = {row.scope: row for row in connection.execute(order)}
    return tuple(
        ScopeRecord(scope=row.scope, epoch=row.epoch, number=row.number, release=row.hash) for row in newest.values()
    )


def _head_releases(connection: Connection) -> tuple[ReleaseRecord, ...]:
    wanted = select(tables.releases).where(tables.releases.c.hash.in_(select(tables.heads.c.release)))
    return tuple(
        ReleaseRecord(
            scope=row.scope,
            epoch=row.epoch,
            number=row.number,
            hash=row.hash,
            envelope=row.envelope,
            leaves=_leaves(connection, row.hash),
        )
        for row in connection.execute(wanted).all()
    )


def _leaves(connection: Connection, release: bytes) -> tuple[bytes, ...]:
    """The leaves of a release in their order."""
    order = (
        select(tables.placements.c.leaf)
        .where(tables.placements.c.release == release)
        .order_by(tables.placements.c.leaf_index)
    )
    return tuple(connection.execute(order).scalars())


def _heads(connection: Connection) -> tuple[HeadRecord, ...]:
    rows = connection.execute(
        select(tables.heads.c.curve, tables.heads.c.release, tables.heads.c.leaf_index, tables.documents.c.body)
        .join(
            tables.placements,
            (tables.placements.c.release == tables.heads.c.release)
            & (tables.placements.c.leaf_index == tables.heads.c.leaf_index),
        )
        .join(tables.documents, tables.documents.c.hash == tables.placements.c.document)
    )
    return tuple(
        HeadRecord(curve=row.curve, release=row.release, index=row.leaf_index, document=row.body) for row in rows
    )


def _put_documents(connection: Connection, bodies: Mapping[bytes, bytes]) -> None:
    names = list(bodies)
    known: set[bytes] = set()
    for at in range(0, len(names), MANY):
        some = select(tables.documents.c.hash).where(tables.documents.c.hash.in_(names[at : at + MANY]))
        known.update(connection.execute(some).scalars())
    rows = [{"hash": name, "body": bodies[name]} for name in names if name not in known]
    if rows:
        connection.execute(tables.documents.insert(), rows)


def _replace(connection: Connection, name: str, rows: Sequence[Mapping[str, object]]) -> None:
    if not rows:
        return
    table = tables.METADATA.tables[name]
    for at in range(0, len(rows), MANY):
        connection.execute(_GONE[name], {"curves": [row["curve"] for row in rows[at : at + MANY]]})
    connection.execute(table.insert(), [dict(row) for row in rows])
