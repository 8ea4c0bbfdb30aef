"""From checked records to the model: settings, sites, groups and rings, as far as one file can say.

What one file alone cannot know (a list that is missing, a site in two rings) is asked in checks.py and groups.py.

Called by loader.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from orch.common.document import BLOB_LIMIT, Unlisted
from orch.common.names import Place
from orch.master.estate import schema, source
from orch.master.estate.diagnostics import Findings, Located, Mark, suggest
from orch.master.estate.kinds import Fields, Record, Row
from orch.master.estate.model import NOTHING, OWN_WORDS, Contact, FileWanted, Host, Link, Settings, Site


@dataclass(slots=True)
class Contents:
    """Files below `files/`, each read once."""

    directory: Path
    findings: Findings
    _read: dict[str, tuple[bytes, bytes] | None]

    @classmethod
    def of(cls, directory: Path, findings: Findings) -> Contents:
        """The contents of an estate's `files/`."""
        return cls(directory, findings, {})

    def get(self, path: str, mark: Mark) -> tuple[bytes, bytes] | None:
        """A file's content and its SHA-256; None where it cannot be taken, which has then been said."""
        if path not in self._read:
            self._read[path] = self._load(path, mark)
        return self._read[path]

    def _load(self, path: str, mark: Mark) -> tuple[bytes, bytes] | None:
        folder = (self.directory / "files").resolve()
        full = (folder / path).resolve()
        if not full.is_relative_to(folder):  # a link: what lies outside the estate is not under its review
            self.findings.error(mark, f"files/{path} leads out of files/")
            return None
        if not full.is_file():
            near = [str(item.relative_to(folder)) for item in folder.rglob("*") if item.is_file()]
            self.findings.error(mark, f"there is no file files/{path}", suggest(path, near, otherwise="write it first"))
            return None
        try:
            size = full.stat().st_size
            if size > BLOB_LIMIT:
                self.findings.error(mark, f"files/{path} has {size} bytes, at most {BLOB_LIMIT} travel")
                return None
            data = full.read_bytes()
        except OSError as err:
            self.findings.error(mark, f"files/{path} cannot be read: {err.strerror}")
            return None
        return data, sha256(data).digest()


def settings(record: Record, contents: Contents) -> Settings:
    """What one level says about its hosts."""
    if not record.values.keys() & _SETTING_NAMES:
        return NOTHING
    unlisted = record.get(schema.UNLISTED)
    protect = record.get(schema.PROTECT)
    reconcile = record.get(schema.RECONCILE)
    return Settings(
        lists=record.get(schema.LISTS),
        files=_files(record, contents),
        unlisted=Located(Unlisted(unlisted.value), unlisted.mark) if unlisted else None,
        protect=Located(tuple(item.value for item in protect.value), protect.mark) if protect else None,
        removals=record.get(schema.REMOVALS),
        listen=record.get(schema.LISTEN),
        every=reconcile.get(schema.EVERY) if reconcile else None,
        full=reconcile.get(schema.FULL) if reconcile else None,
        at_boot=reconcile.get(schema.AT_BOOT) if reconcile else None,
    )


_SETTING_NAMES = frozenset(key.name for key in schema.SETTINGS)


def _files(record: Record, contents: Contents) -> Mapping[str, FileWanted]:
    table = record.get(schema.FILES)
    if table is None:
        return {}
    found: dict[str, FileWanted] = {}
    for path, row in table.value.items():
        file = _file(path, row, contents)
        if file is not None:
            found[path] = file
    return found


def _file(path: str, row: Row[Record], contents: Contents) -> FileWanted | None:
    record = row.value
    if not _says_its_content_once(path, row, contents.findings):
        return None
    secret = record.get(schema.SECRET)
    loaded = (b"", b"") if secret is not None else _plain(record, contents)
    if loaded is None:
        return None
    data, digest = loaded
    mode, owner, group = record.get(schema.MODE), record.get(schema.OWNER), record.get(schema.GROUP)
    return FileWanted(
        path=path,
        content=data,
        sha256=digest,
        mode=mode.value if mode else 0o600 if secret else 0o644,
        owner=owner.value if owner else "root",
        group=group.value if group else "root",
        mark=row.mark,
        secret=secret,
    )


_CONTENTS = (schema.CONTENT.name, schema.SOURCE.name, schema.SECRET.name)


def _says_its_content_once(path: str, row: Row[Record], findings: Findings) -> bool:
    written = [name for name in _CONTENTS if name in row.value.marks]
    if len(written) == 1:
        return True
    if not written:
        findings.error(row.mark, f"{path} has neither content nor source nor secret", "write one of them")
    else:
        both = "both " if len(written) == 2 else ""
        findings.error(row.mark, f"{path} has {both}{' and '.join(written)}", "write one of them")
    return False


def _plain(record: Record, contents: Contents) -> tuple[bytes, bytes] | None:
    content, origin = record.get(schema.CONTENT), record.get(schema.SOURCE)
    if content is not None:
        data = content.value.encode()
        return data, sha256(data).digest()
    return contents.get(origin.value, origin.mark) if origin is not None else None


@dataclass(frozen=True, slots=True)
class SiteDefaults:
    """What estate.yaml says of every site."""

    scope: str
    link: Link


def defaults(record: Record | None) -> SiteDefaults:
    """What the defaults say that is no setting of a host."""
    if record is None:
        return SiteDefaults(schema.DEFAULT_SCOPE, Link())
    scope = record.get(schema.SCOPE)
    return SiteDefaults(scope.value if scope else schema.DEFAULT_SCOPE, link(record, Link()))


def link(record: Record, above: Link) -> Link:
    """What the line carries; what is not said holds from above."""
    found = record.get(schema.LINK)
    if found is None:
        return above
    down, up = found.get(schema.DOWN), found.get(schema.UP)
    return Link(down=down.value if down else above.down, up=up.value if up else above.up)


def site(record: Record, above: SiteDefaults, ring_of: Callable[[str], str], contents: Contents) -> Site | None:
    """One site with its hosts; None where it does not even have a name."""
    name = record.get(schema.SITE)
    if name is None:
        return None
    scope = record.get(schema.SCOPE)
    hosts = record.get(schema.HOSTS)
    location = record.get(schema.LOCATION)
    rows = hosts.value if hosts else {}
    return Site(
        name=name.value,
        mark=name.mark,
        title=_text(record, schema.TITLE.name),
        labels=_labels(record, contents.findings),
        location=(location.value[0].value, location.value[1].value) if location else None,
        contact=_contact(record),
        link=link(record, above.link),
        scope=scope.value if scope else above.scope,
        ring=ring_of(name.value),
        own=settings(record, contents),
        hosts={host: _host(Place(name.value, host), row, contents) for host, row in rows.items()},
    )


def _host(place: Place, row: Row[Record], contents: Contents) -> Host:
    return Host(
        place=place,
        mark=row.mark,
        title=_text(row.value, schema.TITLE.name),
        labels=_labels(row.value, contents.findings),
        own=settings(row.value, contents),
    )


def _labels(record: Record, findings: Findings) -> Mapping[str, str]:
    table = record.get(schema.LABELS)
    if table is None:
        return {}
    for word in OWN_WORDS:
        if word in table.value:
            findings.error(table.value[word].mark, f'"{word}" is a word of the format: no label may be called so')
    return {label: row.value.value for label, row in table.value.items()}


def _contact(record: Record) -> Contact:
    found = record.get(schema.CONTACT)
    if found is None:
        return Contact()
    return Contact(
        name=_text(found, "name"),
        mail=_text(found, "mail"),
        phone=_text(found, "phone"),
        locale=_text(found, "locale"),
    )


def _text(record: Record, key: str) -> str:
    found = record.values.get(key)
    return str(found.value) if isinstance(found, Located) else ""


def refuse_unbuilt(node: source.Node, fields: Fields, findings: Findings) -> None:
    """A whole file that this version does not honour: said once, and checked for what is plainly wrong in it."""
    first = node.entries[0].mark if isinstance(node, source.Mapping) and node.entries else node.mark
    findings.unsupported(first, f"{first.file.partition('/')[0]}/" if "/" in first.file else first.file)
    with findings.inside_unbuilt():
        fields.read(node, findings)
