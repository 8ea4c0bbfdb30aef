"""Every case of every state: a host, a declaration, and the plan that comes of it.

Each plan is then applied to the fake host: what was done must be what was planned, and the next plan must be empty.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orch.common.crypto import CurveKey
from orch.common.document import Document, File, ListFile, Packages, SecretFile, Unlisted
from orch.common.errors import Shut, StepFailed
from orch.common.sealed import Closed, Slot, close, for_host, open_here
from orch.minion import planner
from orch.states.host import FileFacts, FileKind, PackageState
from tests.fakes.host import FakeHost, Package, regular, shown

HERE = Path(__file__).parent
Case = Mapping[str, Any]


def cases(state: str) -> list[Any]:
    """The cases in the state's file."""
    found = tomllib.loads((HERE / f"{state}.toml").read_text("utf-8"))
    return [pytest.param(case, id=name) for name, case in found.items()]


def package(text: str) -> Package:
    """Read `name version [essential] [needs a b|c] [against d]`."""
    name, version, *words = text.split()
    lists: dict[str, list[str]] = {"needs": [], "against": [], "essential": []}
    word = ""
    for one in words:
        if one in lists:
            word = one
        else:
            lists[word].append(one)
    depends, conflicts = tuple(lists["needs"]), tuple(lists["against"])
    return Package(name, version, depends=depends, conflicts=conflicts, essential="essential" in words)


def host_of(case: Case) -> FakeHost:
    """The host of a case."""
    host = FakeHost().offer(*(package(text) for text in case.get("repository", [])))
    host.installed = {package(text).name: package(text) for text in case.get("installed", [])}
    host.states = {name: PackageState(word) for name, word in case.get("broken", {}).items()}
    host.settings = dict(case.get("settings", {}))
    host.opens = opens
    host.interrupted = case.get("interrupted", False)
    host.lists = {name: sha(text) for name, text in case.get("kept", {}).items()}
    host.stored |= {path: regular(text.encode()) for path, text in case.get("there", {}).items()}
    host.stored |= {path: replace(host.stored[path], mode=mode) for path, mode in case.get("modes", {}).items()}
    host.stored |= {path: FileFacts(kind=FileKind.LINK, target=to) for path, to in case.get("links", {}).items()}
    host.stored |= {path: FileFacts(kind=FileKind.FOLDER) for path in case.get("folders", [])}
    return host


def sha(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def document_of(case: Case, *, packages: bool) -> Document:
    """The document of a case."""
    lists = case.get("lists", {})
    rules = Packages(
        lists=tuple(case.get("read", lists)) or ("none",),
        also=tuple(case.get("also", ())),
        unlisted=Unlisted(case.get("unlisted", "remove")),
        protect=tuple(case.get("protect", ())),
        removals=case.get("removals", 20),
    )
    return Document(
        estate="library",
        host="library/lib-srv1",
        curve=bytes(32),
        scope="main",
        lists=tuple(ListFile(name, sha(text), len(text)) for name, text in lists.items()),
        packages=rules if packages else None,
        files=tuple(_file(one) for one in case.get("files", [])),
        secrets=tuple(_secret(one) for one in case.get("secrets", [])),
    )


def _file(one: Mapping[str, Any]) -> File:
    content = one["content"].encode()
    rest = {key: value for key, value in one.items() if key != "content"}
    return File(sha256=hashlib.sha256(content).digest(), size=len(content), content=content, **rest)


OWN, SEED, VALUE = CurveKey.from_secret(bytes([7] * 32)), bytes([8] * 32), bytes([9] * 16)


def opens(closed: Closed) -> bytes:
    """The host's own key at work."""
    return open_here(OWN, closed)


def _secret(one: Mapping[str, Any]) -> SecretFile:
    """A secret; `sealed_for` is the path that it was sealed for, where that is another, or empty for none."""
    rest = {key: value for key, value in one.items() if key not in ("content", "sealed_for")}
    at = one.get("sealed_for", one["path"])
    place = {"estate": "library", "scope": "main", "host": "library/lib-srv1"}
    slot = Slot(**place, path=at or "/nowhere", secret=one["secret"], value=VALUE)
    key = for_host(SEED, slot, OWN.public) if at else b""
    box = close(one["content"].encode(), slot.what, seed=SEED)
    return SecretFile(value=VALUE, key=key, box=box, **rest)


def planned(case: Case, host: FakeHost, *, packages: bool) -> planner.Plan:
    materials = {sha(text): text.encode() for text in case.get("lists", {}).values()}
    document = document_of(case, packages=packages)
    return planner.plan(document, materials, host, look=planner.Look(allowance=case.get("allowance", 0)))


def applied(case: Case, host: FakeHost, plan: planner.Plan) -> None:
    """Do it, and compare."""
    materials = {sha(text): text.encode() for text in case.get("lists", {}).values()}
    for step in plan.steps:
        assert shown(host.apply(step, materials)) == shown(step.changes)


def brief(plan: planner.Plan, *, kinds: tuple[str, ...], versions: bool) -> list[str]:
    """A plan as short text."""
    changes = [change for step in plan.steps for change in step.changes if change.kind in kinds]
    return shown(changes) if versions else [f"{change.sign.value} {change.name}" for change in changes]


@pytest.mark.parametrize("case", cases("packages"))
def test_packages(case: Case) -> None:
    host = host_of(case)
    host.lists = {name: sha(text) for name, text in case["lists"].items()}
    plan = planned(case, host, packages=True)
    if "problem" in case:
        (problem,) = plan.problems
        assert isinstance(problem.error, StepFailed)
        assert case["problem"] in problem.error.text
        assert case.get("hint", "") in problem.error.hint
        assert not plan.steps
        return
    assert not plan.problems
    assert brief(plan, kinds=("package", "dpkg"), versions=True) == case["steps"]
    assert list(plan.unlisted) == case.get("left", [])
    why = {change.name: change.why for step in plan.steps for change in step.changes}
    assert {name: why[name] for name in case.get("why", {})} == case.get("why", {})
    assert plan.more == case.get("more", "")
    applied(case, host, plan)
    rest = planned(case, host, packages=True)
    assert brief(rest, kinds=("package", "dpkg"), versions=True) == case.get("then", [])
    applied(case, host, rest)
    assert planned(case, host, packages=True).converged


@pytest.mark.parametrize("case", cases("lists"))
def test_lists(case: Case) -> None:
    host = host_of(case)
    plan = planned(case, host, packages=False)
    assert brief(plan, kinds=("list",), versions=False) == case["steps"]
    applied(case, host, plan)
    assert planned(case, host, packages=False).converged


@pytest.mark.parametrize("case", cases("files"))
def test_files(case: Case) -> None:
    host, packages = host_of(case), case.get("packages", False)
    plan = planned(case, host, packages=packages)
    if "problem" in case:
        (problem,) = plan.problems
        assert case["problem"] in problem.error.text
        return
    kinds = ("list", "package", "folder", "file")
    assert brief(plan, kinds=kinds, versions=case.get("in_full", False)) == case["steps"]
    assert plan.more == case.get("more", "")
    applied(case, host, plan)
    rest = planned(case, host, packages=packages)
    assert brief(rest, kinds=kinds, versions=False) == case.get("then", [])
    applied(case, host, rest)
    assert planned(case, host, packages=packages).converged


@pytest.mark.parametrize("case", cases("secret_files"))
def test_secrets(case: Case) -> None:
    host = host_of(case)
    plan = planned(case, host, packages=False)
    if "problem" in case:
        (problem,) = plan.problems
        assert case["problem"] in problem.error.text
        assert isinstance(problem.error, Shut) is case.get("shut", False)
    else:
        assert not plan.problems
    assert brief(plan, kinds=("folder", "file", "secret"), versions=True) == case["steps"]
    if case.get("unsealed"):
        with pytest.raises(Shut, match="was not sealed to this host yet"):
            applied(case, host, plan)
        return
    applied(case, host, plan)
    assert not planned(case, host, packages=False).steps


def test_nothing_that_is_shown_of_a_secret_is_its_value_or_a_hash_of_it() -> None:
    value = "correct horse"
    case = {"secrets": [{"path": "/etc/token", "secret": "token", "content": value}], "there": {"/etc/token": "old"}}
    plan = planned(case, host_of(case), packages=False)
    told = repr(plan)
    for hidden in (value, sha(value).hex()[:12], "old", sha("old").hex()[:12], repr(sha(value))):
        assert hidden not in told
