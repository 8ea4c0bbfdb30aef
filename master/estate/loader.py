"""Reads an estate from its directory: every file, everything that is wrong in them, and the model if nothing is.

    estate/
      estate.yaml            the whole estate in one short file
      sites/NAME.yaml        a site and its hosts
      lists/NAME.list        a package list (common/lists.py)
      files/...              contents for `files:`
      secrets/NAME.sealed    a secret (sealed_file.py)
      services/  policy.yaml known, and refused by this version

Refuses to hand out an estate with an error in it. Warnings are for `orch lint`.

Called by the command line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from orch.common import lists, names
from orch.common.document import LIST_LIMIT
from orch.common.errors import EstateError
from orch.master.estate import checks, groups, reader, schema, sealed_file, services, source
from orch.master.estate.diagnostics import Diagnostic, Findings, Mark, suggest
from orch.master.estate.kinds import Fields, Record
from orch.master.estate.model import NOTHING, Estate, Group, ListSource, Ring, Site
from orch.master.estate.sealed_file import SealedSecret
from orch.master.estate.targets import Known

MAIN = "estate.yaml"
_FOLDERS = {"sites": ".yaml", "services": ".yaml", "lists": ".list", "secrets": sealed_file.ENDING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What lint knows: the estate if it has no error, what was found, and how many files were read."""

    estate: Estate | None
    diagnostics: tuple[Diagnostic, ...]
    files: int
    draft: Estate | None  # as far as it could be read, errors or not: to ask what it names, not to publish


def load(directory: Path) -> Estate:
    """Read a valid estate.

    Raises:
        EstateError: with every error in every file, laid out; or there is no estate in the directory.
        SettingsError: this machine cannot read YAML as orch needs it.
    """
    loader = _Loader(directory)
    estate = loader.run()
    loader.findings.refuse_errors()
    if estate is None:  # nothing without a reason: a reason has just been raised
        raise EstateError(f"{directory} holds no estate")
    return estate


def lint(directory: Path) -> tuple[Diagnostic, ...]:
    """Everything that is wrong, warnings too; empty where all is well.

    Raises:
        EstateError: there is no estate in the directory.
    """
    return examine(directory).diagnostics


def examine(directory: Path) -> Examined:
    """As `lint`, with the estate and the number of files.

    Raises:
        EstateError: there is no estate in the directory.
    """
    loader = _Loader(directory)
    estate = loader.run()
    good = None if loader.findings.has_errors else estate
    return Examined(estate=good, diagnostics=loader.findings.diagnostics(), files=loader.files, draft=estate)


class _Loader:
    """One reading of one directory."""

    def __init__(self, directory: Path) -> None:
        if not (directory / MAIN).is_file():
            hint = "go to the estate's directory, or make one: orch init"
            raise EstateError(f"there is no {MAIN} in {directory}", hint=hint)
        self.directory = directory
        self.findings = Findings()
        self.contents = reader.Contents.of(directory, self.findings)
        self.files = 0
        self.secrets: dict[str, SealedSecret] = {}

    def run(self) -> Estate | None:
        self.strangers()
        self.secrets = dict(self.all_secrets())
        known_lists = {item.name: item for item in self.all_lists()}
        self.unbuilt()
        main = self.record(self.directory / MAIN, schema.ESTATE_FILE)
        if main is None:
            for path in self.folder("sites"):
                self.record(path, schema.SITE_FILE)
            return None
        self.format(main)
        rings = groups.rings(main, self.findings)
        sites = self.all_sites(main, rings)
        groups.check_rings(rings, sites, self.findings)
        estate = self.estate(main, rings, sites, known_lists)
        checks.check(estate, self.findings)
        return estate

    def format(self, main: Record) -> None:
        version = main.get(schema.ORCH)
        if version is not None and version.value != schema.FORMAT:
            text = f"this is format {version.value}, and this version of orch reads format {schema.FORMAT}"
            self.findings.error(version.mark, text)

    def estate(
        self, main: Record, rings: tuple[Ring, ...], sites: Mapping[str, Site], known: Mapping[str, ListSource]
    ) -> Estate:
        name, description = main.get(schema.ESTATE), main.get(schema.DESCRIPTION)
        defaults = main.get(schema.DEFAULTS)
        expires = defaults.get(schema.EXPIRES) if defaults else None
        return Estate(
            name=name.value if name else "",
            directory=self.directory,
            description=description.value if description else "",
            expires=expires.value if expires else schema.DEFAULT_EXPIRES,
            defaults=reader.settings(defaults, self.contents) if defaults else NOTHING,
            groups=self.all_groups(main, rings, sites),
            rings=rings,
            sites=sites,
            lists=known,
            secrets=self.secrets,
        )

    def all_groups(self, main: Record, rings: tuple[Ring, ...], sites: Mapping[str, Site]) -> Mapping[str, Group]:
        table = main.get(schema.GROUPS)
        rows = table.value if table else {}
        order = tuple(ring.name for ring in rings) or (schema.DEFAULT_RING,)
        members = groups.Memberships(rows, Known(sites, {}, order), self.findings).all()
        return {
            name: Group(name=name, mark=row.mark, members=members[name], own=reader.settings(row.value, self.contents))
            for name, row in rows.items()
        }

    def all_sites(self, main: Record, rings: tuple[Ring, ...]) -> Mapping[str, Site]:
        above = reader.defaults(main.get(schema.DEFAULTS))
        ring_of = groups.RingFinder(rings)
        found: dict[str, Site] = {}
        for path in self.folder("sites"):
            record = self.record(path, schema.SITE_FILE)
            site = reader.site(record, above, ring_of, self.contents) if record else None
            if site is None:
                continue
            if site.name != path.stem:
                text = f'the site "{site.name}" stands in a file called {path.name}'
                self.findings.error(site.mark, text, f"call it sites/{site.name}.yaml")
            found[path.stem] = site
        return found

    def record(self, path: Path, fields: Fields) -> Record | None:
        """One YAML file, checked against its schema; None where it cannot even be read."""
        node = self.node(path)
        return fields.read(node, self.findings) if node is not None else None

    def node(self, path: Path) -> source.Node | None:
        data = self.content(path, source.MAX_BYTES)
        return source.read(data, self.called(path), self.findings) if data is not None else None

    def unbuilt(self) -> None:
        for path in self.folder("services"):
            node = self.node(path)
            if node is not None:
                reader.refuse_unbuilt(node, services.SERVICE_FILE, self.findings)
        if (self.directory / "policy.yaml").is_file():
            node = self.node(self.directory / "policy.yaml")
            if node is not None:
                reader.refuse_unbuilt(node, schema.POLICY_FILE, self.findings)

    def all_lists(self) -> Iterator[ListSource]:
        for path in self.folder("lists"):
            called = self.called(path)
            content = self.content(path, LIST_LIMIT)
            if not names.is_name(path.stem):
                self.findings.error(Mark(called, 1), f'"{path.stem}" is not a list\'s name', "a-z 0-9 . _ -")
                continue
            if content is None:  # that was said; it is there all the same
                yield ListSource(name=path.stem, content=b"", sha256=b"", parsed=lists.ParsedList(called, ()))
                continue
            text = content.decode("utf-8", errors="replace")
            self.findings.opened(called, text.split("\n"))
            yield ListSource(
                name=path.stem,
                content=content,
                sha256=sha256(content).digest(),
                parsed=self.parsed(content, text, called),
            )

    def all_secrets(self) -> Iterator[tuple[str, SealedSecret]]:
        for path in self.folder("secrets"):
            content, called = self.content(path, sealed_file.LIMIT), self.called(path)
            if content is None:
                continue
            text = content.decode("utf-8", "surrogateescape")
            try:
                found = sealed_file.read(text)
            except sealed_file.Broken as err:
                self.findings.error(Mark(called, err.line), err.text, err.hint)
                continue
            if found.name != path.stem:
                text = f'the secret "{found.name}" lies in a file called {path.name}'
                self.findings.error(Mark(called, 3, 9, len(found.name)), text, f"call it secrets/{found.name}.sealed")
            yield path.stem, found

    def parsed(self, content: bytes, text: str, called: str) -> lists.ParsedList:
        if content.decode("utf-8", errors="ignore") != text:
            try:
                return lists.parse_bytes(content, called)
            except lists.ListError as err:
                checks.list_error(err, self.findings)
                return lists.ParsedList(called, ())
        parsed, problems = lists.examine(text, called)
        for problem in problems:
            checks.list_error(problem, self.findings)
        if text and not text.endswith("\n"):
            mark = Mark(called, text.count("\n") + 1)
            self.findings.warning(mark, "the last line has no end", "was the file cut off? end it with a newline")
        return parsed

    def content(self, path: Path, limit: int) -> bytes | None:
        """A file's content; None where it is too large or cannot be read, which is then said."""
        self.files += 1
        try:
            with path.open("rb") as file:
                data = file.read(limit + 1)
        except OSError as err:
            self.findings.error(Mark(self.called(path), 1), f"cannot be read: {err.strerror}")
            return None
        if len(data) > limit:
            self.findings.error(Mark(self.called(path), 1), f"has more than {limit} bytes")
            return None
        return data

    def folder(self, name: str) -> tuple[Path, ...]:
        """The files of a folder that are read, in order of their names."""
        folder = self.directory / name
        if not folder.is_dir():
            return ()
        ends = _FOLDERS[name]
        return tuple(sorted(path for path in folder.iterdir() if path.suffix == ends and not _hidden(path)))

    def strangers(self) -> None:
        """Files that look as if they were meant to be read, and are not."""
        for name, ends in _FOLDERS.items():
            folder = self.directory / name
            for path in sorted(folder.iterdir()) if folder.is_dir() else ():
                if path.suffix != ends and not _hidden(path) and path.is_file():
                    text = f"is not read: files in {name}/ are called NAME{ends}"
                    self.findings.warning(Mark(self.called(path), 1), text, f"{name}/{path.stem}{ends}")
        for path in sorted(self.directory.glob("*.y*ml")):
            if path.name not in (MAIN, "policy.yaml") and not _hidden(path):
                hint = suggest(path.stem, ["estate", "policy"], otherwise="sites belong into sites/")
                self.findings.warning(Mark(self.called(path), 1), "is not read", hint)

    def called(self, path: Path) -> str:
        """How people call a file: from the estate's directory."""
        return str(path.relative_to(self.directory))


def _hidden(path: Path) -> bool:
    """An editor's file, not the operator's."""
    return path.name.startswith((".", "#")) or path.name.endswith(("~", ".swp", ".bak", ".orig", ".rej"))
