"""What is different between two documents of a host, in the signs of a plan. Decides nothing and asks nobody.

What the host would do is its own to say (`orch plan`); this says what it is told differently.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from orch.common.document import Document, File, ListFile, Packages, Reconcile, SecretFile
from orch.common.report import Change, Sign
from orch.master.cli.upload import size

T = TypeVar("T", bound=Hashable)


def between(old: Document | None, new: Document) -> tuple[Change, ...]:
    """From one document to the other; where a line stands in the files, and in which commit, is no difference."""
    before = old if old is not None else replace(new, lists=(), packages=None, files=(), listen=(), secrets=())
    return (
        *_members("list", _named(before.lists), _named(new.lists)),
        *_packages(before.packages, new.packages),
        *_members("file", _placed(before.files), _placed(new.files)),
        *_members("secret", _sealed(before.secrets), _sealed(new.secrets)),
        *_set("listen", frozenset(before.listen), frozenset(new.listen)),
        *_look(before.reconcile, new.reconcile),
    )


def _named(lists: tuple[ListFile, ...]) -> dict[str, tuple[bytes, str]]:
    return {item.name: (item.sha256, size(item.size)) for item in lists}


def _placed(files: tuple[File, ...]) -> dict[str, tuple[bytes, str]]:
    return {item.path: (item.sha256, f"{size(item.size)} {item.mode:04o} {item.owner}:{item.group}") for item in files}


def without_copies(document: Document) -> Document:
    """A document without its host's copies of secrets: they say the same in other bytes, sealed sooner or later."""
    return replace(document, secrets=tuple(replace(item, key=b"") for item in document.secrets))


def _sealed(secrets: tuple[SecretFile, ...]) -> dict[str, tuple[bytes, str]]:
    """By path. A value is told by its name; the host's copy is no difference, it says the same in other bytes."""
    return {
        item.path: (item.value, f"{item.secret} {item.value[:4].hex()} {item.mode:04o} {item.owner}:{item.group}")
        for item in secrets
    }


def _members(kind: str, old: Mapping[str, tuple[bytes, str]], new: Mapping[str, tuple[bytes, str]]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) == new.get(name):
            continue
        before, after = old[name][1] if name in old else "", new[name][1] if name in new else ""
        if before == after:
            before, after = "", "other content"
        yield Change(sign=_sign(name in old, name in new), kind=kind, name=name, before=before, after=after)


def _sign(was: object, is_: object) -> Sign:
    if not was:
        return Sign.ADD
    return Sign.CHANGE if is_ else Sign.REMOVE


def _packages(old: Packages | None, new: Packages | None) -> Iterator[Change]:
    empty = Packages(lists=("none",))
    before, after = old or empty, new or empty
    yield from _set("on list", frozenset(_listed(old)), frozenset(_listed(new)))
    yield from _set("also", frozenset(before.also), frozenset(after.also))
    yield from _set("protect", frozenset(before.protect), frozenset(after.protect))
    if old is not None and new is not None:
        yield from _value("unlisted packages", before.unlisted.value, after.unlisted.value)
        yield from _value("most removals", str(before.removals), str(after.removals))
        if frozenset(before.lists) == frozenset(after.lists):
            yield from _value("order of lists", ", ".join(before.lists), ", ".join(after.lists))


def _listed(packages: Packages | None) -> tuple[str, ...]:
    return packages.lists if packages is not None else ()


def _set(kind: str, old: frozenset[str], new: frozenset[str]) -> Iterator[Change]:
    for name in sorted(old ^ new):
        yield Change(sign=Sign.ADD if name in new else Sign.REMOVE, kind=kind, name=name)


def _look(old: Reconcile, new: Reconcile) -> Iterator[Change]:
    yield from _value("looks every", f"{old.every} s", f"{new.every} s")
    yield from _value("looks in full every", f"{old.full} s", f"{new.full} s")
    yield from _value("looks at boot", _yes(value=old.at_boot), _yes(value=new.at_boot))


def _yes(*, value: bool) -> str:
    return "yes" if value else "no"


def _value(name: str, old: str, new: str) -> Iterator[Change]:
    if old != new:
        yield Change(sign=Sign.CHANGE, kind="setting", name=name, before=old, after=new)
