"""Every state, in the order in which a host is made right. Adding a state edits one line of `SECTIONS`.

Lists come first: they say what is wanted. Then apt's own settings, since they decide which packages there are, then
packages, then all other files: a package's own configuration files are there by then, and its users.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from orch.common import lists as package_lists
from orch.common.document import Document, File, SecretFile
from orch.common.errors import Blocked, StepFailed
from orch.states.base import Part, Task
from orch.states.files import Files
from orch.states.host import Host
from orch.states.lists import Lists
from orch.states.packages import Packages, Wanted
from orch.states.secret_files import Secrets

PACKAGES: Final = "packages"
APT_SETTINGS: Final = "apt's settings"
APT: Final = "/etc/apt/"
"""Files below it are put in place before packages are looked at."""


@dataclass(frozen=True, slots=True)
class Section:
    """A state, and how it reads the document."""

    name: str
    part: Callable[[Task, Host], Part]
    needs: str = ""  # a section without which this one is not planned


def _lists(task: Task, host: Host) -> Part:
    state, wanted = Lists(host), task.document.lists
    return Part(steps=tuple(state.plan(wanted, state.observe(wanted))))


def _apt_settings(task: Task, host: Host) -> Part:
    files = _files(tuple(item for item in task.document.files if item.path.startswith(APT)), host)
    secrets = _secrets(task.document, tuple(item for item in task.document.secrets if item.path.startswith(APT)), host)
    part = Part(steps=(*files.steps, *secrets.steps), problems=secrets.problems)
    if part.steps and task.document.packages is not None:
        more = "packages and other files are planned when apt's new settings are in place"
        return Part(steps=part.steps, problems=part.problems, more=more)
    return part


def _packages(task: Task, host: Host) -> Part:
    rules = task.document.packages
    if rules is None:
        return Part()
    entries, site = _entries(rules.lists, task), task.document.host.partition("/")[0]
    state = Packages(host)
    wanted = Wanted(entries=entries, rules=rules, site=site, allowance=task.allowance, heal=task.heal)
    found = state.observe(wanted)
    steps = tuple(state.plan(wanted, found))
    more = "" if found.repair is None else "packages and files are planned when dpkg is repaired"
    return Part(steps=steps, unlisted=found.unlisted, more=more)


def _other_files(task: Task, host: Host) -> Part:
    return _files(tuple(item for item in task.document.files if not item.path.startswith(APT)), host)


def _files(wanted: tuple[File, ...], host: Host) -> Part:
    state = Files(host)
    return Part(steps=tuple(state.plan(wanted, state.observe(wanted))))


def _other_secrets(task: Task, host: Host) -> Part:
    document = task.document
    return _secrets(document, tuple(item for item in document.secrets if not item.path.startswith(APT)), host)


def _secrets(document: Document, wanted: tuple[SecretFile, ...], host: Host) -> Part:
    state = Secrets(host, document)
    found = state.observe(wanted)
    problems = tuple(kept.shut for _, kept in sorted(found.items()) if kept.shut is not None)
    return Part(steps=tuple(state.plan(wanted, found)), problems=problems)


SECTIONS: Final = (
    Section("lists", _lists),
    Section(APT_SETTINGS, _apt_settings),
    Section(PACKAGES, _packages, needs=APT_SETTINGS),
    Section("files", _other_files),
    Section("secrets", _other_secrets),
)


def _entries(wanted: tuple[str, ...], task: Task) -> tuple[package_lists.Entry, ...]:
    """The lists' entries.

    Raises:
        StepFailed: a list is not one: the host keeps its packages as they are.
        Blocked: a list is not here yet.
    """
    known = {}
    try:
        for item in task.document.lists:
            data = _content(item.sha256, item.name, task)
            known[item.name] = package_lists.parse_bytes(data, f"lists/{item.name}.list")
        return package_lists.resolve(wanted, known)
    except package_lists.ListError as err:
        raise StepFailed(err.text, hint=err.hint) from err


def _content(sha256: bytes, name: str, task: Task) -> bytes:
    try:
        return task.materials[sha256]
    except KeyError as err:
        raise Blocked(f"the list {name} is not here yet") from err


def declared(document: Document) -> tuple[object, ...]:
    """What the document says of packages, all of it: equal declarations ask for equal packages."""
    files = tuple(item for item in document.files if item.path.startswith(APT))
    secrets = tuple(item for item in document.secrets if item.path.startswith(APT))
    return (document.packages, document.lists, files, secrets)
