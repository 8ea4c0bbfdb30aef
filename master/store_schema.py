"""The tables, and how a database with them is opened.

Invariants:
- WAL with synchronous=FULL: what was acknowledged survives a power cut; batches make it cheap (measured.md section 3);
- a database of a newer version is refused, never guessed at; one of an older version is brought up step by step;
- (curve, sequence) is unique, so a report cannot count twice; (scope, epoch, number) is unique among releases.

Only store.py and its parts import this.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    event,
    inspect,
    select,
)
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from orch.common.errors import StoreError

VERSION = 2
STEPS = {1: ("CREATE INDEX placements_curve ON placements (curve)",)}
"""What brings the tables of a version to the next one."""


class Octets(LargeBinary):
    """Bytes as they are: LargeBinary wraps each value in a memoryview, which no driver in use here needs."""

    def bind_processor(self, dialect: Dialect) -> None:
        """Hand the bytes to the driver."""
        del dialect


METADATA = MetaData()

about = Table("about", METADATA, Column("version", Integer, nullable=False))

policies = Table(
    "policies",
    METADATA,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("envelope", Octets, nullable=False),
)

keys = Table(
    "keys",
    METADATA,
    Column("curve", Octets, primary_key=True),
    Column("state", String, nullable=False),
    Column("request", Octets, nullable=False),
    Column("admission", Octets, nullable=False),
    Column("revocation", Octets, nullable=False),
    Column("first", Integer, nullable=False),
    Column("last", Integer, nullable=False),
)

admissions = Table(  # every one that was ever in force, for audits; `keys` has the newest
    "admissions",
    METADATA,
    Column("curve", Octets, primary_key=True),
    Column("serial", Integer, primary_key=True, autoincrement=False),
    Column("envelope", Octets, nullable=False),
    Column("received", Integer, nullable=False),
)

releases = Table(
    "releases",
    METADATA,
    Column("hash", Octets, primary_key=True),
    Column("scope", String, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("held", Boolean, nullable=False),
    Column("envelope", Octets, nullable=False),
    Column("received", Integer, nullable=False),
    UniqueConstraint("scope", "epoch", "number"),
)

documents = Table(
    "documents",
    METADATA,
    Column("hash", Octets, primary_key=True),
    Column("body", Octets, nullable=False),
)

placements = Table(
    "placements",
    METADATA,
    Column("release", Octets, ForeignKey("releases.hash", ondelete="CASCADE"), primary_key=True),
    Column("leaf_index", Integer, primary_key=True, autoincrement=False),
    Column("curve", Octets, nullable=False),
    Column("document", Octets, nullable=False, index=True),
    Column("leaf", Octets, nullable=False),
    Index("placements_curve", "curve"),
)

contents = Table(
    "contents",
    METADATA,
    Column("release", Octets, ForeignKey("releases.hash", ondelete="CASCADE"), primary_key=True),
    Column("sha256", Octets, primary_key=True),
)

heads = Table(
    "heads",
    METADATA,
    Column("curve", Octets, primary_key=True),
    Column("release", Octets, ForeignKey("releases.hash"), nullable=False, index=True),
    Column("leaf_index", Integer, nullable=False),
)

reports = Table(
    "reports",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("curve", Octets, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("gap", Integer, nullable=False),
    Column("received", Integer, nullable=False),
    Column("envelope", Octets, nullable=False),
    UniqueConstraint("curve", "sequence"),
    Index("reports_received", "received"),
)

latest = Table(
    "latest",
    METADATA,
    Column("curve", Octets, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("summary", Octets, nullable=False),
)

sightings = Table(
    "sightings",
    METADATA,
    Column("curve", Octets, primary_key=True),
    Column("heard", Integer, nullable=False),
    Column("policy", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("release", Octets, nullable=False),
)


class _Raw(Protocol):
    """What is used of a raw SQLite connection."""

    isolation_level: str | None

    def execute(self, statement: str) -> object:
        """Run a statement."""


def open_database(path: Path) -> Engine:
    """Open the database, and make its tables where there are none.

    Raises:
        StoreError: it cannot be opened, is damaged, or was written by a newer version.
    """
    engine = create_engine(f"sqlite:///{path}", future=True, poolclass=NullPool)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    try:
        with engine.begin() as connection:
            found = _version(connection)
    except SQLAlchemyError as err:
        hint = "is the disk full or read-only? if the file is damaged, put back a backup of it"
        raise StoreError(f"{path} cannot be opened: {reason(err)}", hint=hint) from err
    if found > VERSION:
        hint = "install the newer orch-master again, or put back the backup from before it"
        raise StoreError(f"{path} was written by a newer version (tables {found}, known are {VERSION})", hint=hint)
    return engine


def copy_database(path: Path, target: Path) -> None:
    """Write a copy as of one moment, whoever writes to the database meanwhile; it is neither brought up nor changed.

    Args:
        path: the database.
        target: a file that is not there yet.

    Raises:
        StoreError: it cannot be read, or the copy cannot be written.
    """
    engine = create_engine(f"sqlite:///{path}", future=True, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(target),))
    except SQLAlchemyError as err:
        hint = "is the disk full, or failing? the copy needs as much room as the database"
        raise StoreError(f"{path} cannot be copied: {reason(err)}", hint=hint) from err
    finally:
        engine.dispose()


def reason(err: SQLAlchemyError) -> str:
    """What the database itself said, without the statement."""
    return str(getattr(err, "orig", None) or type(err).__name__)


def _prepare(raw: _Raw, _record: object) -> None:
    # SQLAlchemy begins transactions (`_begin`), so that making the tables is one transaction too.
    raw.isolation_level = None
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute("PRAGMA synchronous=FULL")
    raw.execute("PRAGMA foreign_keys=ON")
    raw.execute("PRAGMA busy_timeout=10000")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _version(connection: Connection) -> int:
    if inspect(connection).has_table("about"):
        found = int(connection.execute(select(about.c.version)).scalar_one())
        for version in range(found, VERSION):
            for statement in STEPS[version]:
                connection.exec_driver_sql(statement)
            connection.execute(about.update().values(version=version + 1))
        return found
    METADATA.create_all(connection)
    connection.execute(about.insert().values(version=VERSION))
    return VERSION
