"""From the estate to the bytes that one host gets, and the blobs that those bytes name.

Refuses to compile for a host that nobody has admitted (its key is part of the document), and where the admission and
the estate disagree about whose host it is.

Invariants:
- pure: the same estate, admission and commit give the same bytes, on every machine;
- content that travels outside the document (lists, large files) is among the blobs, under its SHA-256;
- what hosts have in common is worked out once.

Called by the command line: plan, apply, doc.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orch.common import codec
from orch.common.document import INLINE, LIMIT, Document, File, ListFile, Packages, Reconcile, SecretFile, Unlisted
from orch.common.errors import EstateError
from orch.common.identity import Admission
from orch.common.lists import ParsedList
from orch.common.names import Place
from orch.master.estate.merge import Effective, Merger
from orch.master.estate.model import Estate, FileWanted
from orch.master.estate.schema import DEFAULT_REMOVALS

INLINE_TOTAL = 512 * 1024
"""Bytes of file contents that a document carries itself; what comes after them, by path, travels as blobs."""


class NotCompilable(EstateError):
    """This host's document cannot be made; the others' can."""

    code = "not-compilable"
    hint = "orch key list shows who is admitted as what"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """One host's document, and the contents that it names by hash."""

    place: Place
    document: Document
    data: bytes
    blobs: Mapping[bytes, bytes]  # SHA-256 to content

    @property
    def unsealed(self) -> tuple[SecretFile, ...]:
        """Secrets that nobody has sealed to this host yet: hosts can plan with it, and it must not be signed."""
        return tuple(item for item in self.document.secrets if not item.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compilation:
    """Documents of many hosts, and why some have none."""

    compiled: tuple[Compiled, ...]
    not_admitted: tuple[Place, ...]
    refused: tuple[NotCompilable, ...]

    @property
    def blobs(self) -> Mapping[bytes, bytes]:
        """Every content that any of the documents names, once."""
        return {digest: content for item in self.compiled for digest, content in item.blobs.items()}


def compile_host(estate: Estate, place: Place, *, admission: Admission, commit: str = "") -> Compiled:
    """One host's document.

    Args:
        estate: as loaded.
        place: the host.
        admission: the operators' word on whose key it has.
        commit: the estate's git commit, for people who read the document later.

    Raises:
        NotCompilable: no such host, or the admission is for another host, estate or scope.
    """
    return Compiler(estate, commit=commit).host(place, admission)


def compile_estate(
    estate: Estate,
    admissions: Mapping[Place, Admission],
    *,
    places: Iterable[Place] | None = None,
    commit: str = "",
) -> Compilation:
    """The documents of several hosts.

    Args:
        estate: as loaded.
        admissions: by place; who has none gets no document and is named in the result.
        places: which hosts; all when nothing is said.
        commit: as in `compile_host`.
    """
    compiler = Compiler(estate, commit=commit)
    compiled: list[Compiled] = []
    missing: list[Place] = []
    refused: list[NotCompilable] = []
    for place in estate.places if places is None else places:
        admission = admissions.get(place)
        if admission is None:
            missing.append(place)
            continue
        try:
            compiled.append(compiler.host(place, admission))
        except NotCompilable as err:
            refused.append(err)
    return Compilation(compiled=tuple(compiled), not_admitted=tuple(missing), refused=tuple(refused))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What all hosts with the same effective settings have in common."""

    lists: tuple[ListFile, ...]
    packages: Packages | None
    files: tuple[File, ...]
    listen: tuple[str, ...]
    reconcile: Reconcile
    blobs: Mapping[bytes, bytes]


class Compiler:
    """Compiles for one estate, and remembers what hosts have in common."""

    def __init__(self, estate: Estate, *, commit: str = "") -> None:
        """Nothing is worked out yet."""
        self._estate, self._commit = estate, commit
        self._merger = Merger(estate)
        self._shared: dict[Effective, _Shared] = {}

    def host(self, place: Place, admission: Admission) -> Compiled:
        """One host's document.

        Raises:
            NotCompilable: no such host, or the admission is for another host, estate or scope.
        """
        site, host = self._estate.sites.get(place.site), self._estate.host(place)
        if site is None or host is None:
            raise NotCompilable(f"the estate has no host {place}", hint="orch target '*' names them all")
        _check_admission(admission, estate=self._estate.name, place=place, scope=site.scope)
        effective = self._merger.of(site, host)
        shared = self._shared.get(effective)
        if shared is None:
            shared = self._shared[effective] = _share(self._estate, effective)
        document = Document(
            estate=self._estate.name,
            host=str(place),
            curve=admission.curve,
            scope=site.scope,
            lists=shared.lists,
            packages=shared.packages,
            files=shared.files,
            listen=shared.listen,
            reconcile=shared.reconcile,
            commit=self._commit,
            origins=effective.origins,
            secrets=_secrets(self._estate, effective, admission),
        )
        data = codec.encode(document)
        if len(data) > LIMIT:
            raise NotCompilable(f"the document of {place} has {len(data)} bytes, at most {LIMIT} travel")
        return Compiled(place=place, document=document, data=data, blobs=shared.blobs)


def _check_admission(admission: Admission, *, estate: str, place: Place, scope: str) -> None:
    if admission.host != str(place) or admission.estate != estate:
        raise NotCompilable(f"{place} of {estate}: the admission is for {admission.host} of {admission.estate}")
    if admission.scope != scope:
        text = f"{place} is admitted to the scope {admission.scope}, but its site says {scope}"
        raise NotCompilable(text, hint=f"put the scope back, or accept the host anew: orch key accept {place}")


def _share(estate: Estate, effective: Effective) -> _Shared:
    names = tuple(item.value for item in effective.lists)
    sources = [estate.lists[name] for name in needed(names, estate.parsed_lists)]
    files, blobs = _files(item for item in effective.files.values() if item.secret is None)
    blobs.update({item.sha256: item.content for item in sources})
    standard = Reconcile()
    return _Shared(
        lists=tuple(ListFile(item.name, item.sha256, len(item.content)) for item in sources),
        packages=_packages(names, effective) if names else None,
        files=files,
        listen=tuple(item.value for item in effective.listen),
        reconcile=Reconcile(
            every=effective.every.value if effective.every else standard.every,
            full=effective.full.value if effective.full else standard.full,
            at_boot=effective.at_boot.value if effective.at_boot else standard.at_boot,
        ),
        blobs=blobs,
    )


def _packages(names: tuple[str, ...], effective: Effective) -> Packages:
    return Packages(
        lists=names,
        unlisted=effective.unlisted.value if effective.unlisted else Unlisted.REMOVE,
        protect=effective.protect.value if effective.protect else (),
        removals=effective.removals.value if effective.removals else DEFAULT_REMOVALS,
    )


def _files(wanted: Iterable[FileWanted]) -> tuple[tuple[File, ...], dict[bytes, bytes]]:
    """The files in order of their paths, and the contents that travel beside the document."""
    files: list[File] = []
    blobs: dict[bytes, bytes] = {}
    room = INLINE_TOTAL
    for item in wanted:
        inline = len(item.content) <= min(INLINE, room)
        if inline:
            room -= len(item.content)
        else:
            blobs[item.sha256] = item.content
        files.append(
            File(
                path=item.path,
                sha256=item.sha256,
                size=len(item.content),
                content=item.content if inline else None,
                mode=item.mode,
                owner=item.owner,
                group=item.group,
            )
        )
    return tuple(files), blobs


def _secrets(estate: Estate, effective: Effective, admission: Admission) -> tuple[SecretFile, ...]:
    """The secrets in order of their paths, each with its copy for this host; without one where nobody sealed it yet."""
    made: list[SecretFile] = []
    for path, item in effective.files.items():
        if item.secret is None:
            continue
        secret = estate.secrets[item.secret.value]
        made.append(
            SecretFile(
                path=path,
                secret=secret.name,
                value=secret.value,
                key=secret.copy_for(admission.host, path, scope=admission.scope, key=admission.seal),
                box=secret.box,
                mode=item.mode,
                owner=item.owner,
                group=item.group,
            )
        )
    return tuple(made)


def needed(names: Iterable[str], known: Mapping[str, ParsedList]) -> tuple[str, ...]:
    """The lists that are named or included, sorted."""
    found: set[str] = set()
    queue = list(names)
    while queue:
        name = queue.pop()
        if name not in found and name in known:
            found.add(name)
            queue.extend(include.name for include in known[name].includes)
    return tuple(sorted(found))
