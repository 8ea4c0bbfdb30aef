"""The record of an estate: what operators signed, from the centre or from a file that `orch audit export` wrote.

The file has a line of JSON for each thing: {"kind": "release", "envelope": "<base64>"}; the first line says what it is.
Nothing in it is secret, and nothing in it is believed before ledger.py has judged it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

from orch.common import ledger
from orch.common.errors import UsageError
from orch.common.ledger import Entry
from orch.common.operations import AuditRow, AuditRows
from orch.common.rows import Nothing
from orch.master.cli import files, past
from orch.master.cli.line import Centre

SCHEMA = "orch/record/1"
_LIMIT = 1 << 30
_ENVELOPE = 70_000


def fetch(centre: Centre) -> tuple[AuditRow, ...]:
    """All that the centre keeps."""
    return tuple(
        row for part in centre.stream("audit.list", Nothing(), AuditRows) if part is not None for row in part.rows
    )


def write(path: Path, rows: tuple[AuditRow, ...], *, estate: str) -> None:
    """Write a record file.

    Raises:
        UsageError: it cannot be written.
    """
    files.needs_folder(path)
    files.write(path, text(rows, estate=estate))


def text(rows: tuple[AuditRow, ...], *, estate: str) -> str:
    """What stands in a record file."""
    head = json.dumps({"schema": SCHEMA, "estate": estate})
    lines = [json.dumps({"kind": row.kind, "envelope": base64.b64encode(row.envelope).decode()}) for row in rows]
    return "\n".join([head, *lines]) + "\n"


def read(path: Path) -> tuple[AuditRow, ...]:
    """Read a record file.

    Raises:
        UsageError: it is none; names the line.
    """
    return parse(files.read(path, limit=_LIMIT), path)


def parse(data: bytes, path: Path) -> tuple[AuditRow, ...]:
    """Read what stands in a record file; `path` is for people.

    Raises:
        UsageError: it is none; names the line.
    """
    lines = data.decode("utf-8", "replace").splitlines()
    if not lines or not _is_head(lines[0]):
        raise UsageError(f"{path}:1: this is no record", hint="orch audit export FILE writes one")
    return tuple(_rows(path, lines[1:]))


def _is_head(line: str) -> bool:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("schema") == SCHEMA


def _rows(path: Path, lines: list[str]) -> Iterator[AuditRow]:
    for number, line in enumerate(lines, start=2):
        try:
            found = json.loads(line)
            kind, envelope = str(found["kind"]), base64.b64decode(found["envelope"], validate=True)
        except (ValueError, KeyError, TypeError, RecursionError) as err:
            hint = "the file was damaged: write it anew with orch audit export"
            raise UsageError(f"{path}:{number}: this line is not as it was written", hint=hint) from err
        if kind not in ledger.KINDS or len(envelope) > _ENVELOPE:
            raise UsageError(f"{path}:{number}: nothing of the kind {kind[:40]!r} is known", hint="update your orch")
        yield AuditRow(kind=kind, envelope=envelope)


def judged(policies: past.Chain, rows: tuple[AuditRow, ...]) -> list[Entry]:
    """Every entry, judged; the oldest first, what cannot be believed last."""
    entries = [ledger.read(policies, row.kind, row.envelope) for row in rows]
    return sorted(entries, key=lambda entry: (bool(entry.problem), entry.time))
