"""The promise of the thesis, for any host and any list: what is listed, what that needs, what is guarded, nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from orch.common.document import Document, ListFile, Packages
from orch.common.report import Sign
from orch.minion import planner
from orch.states import guard
from orch.states.difference import differences
from orch.states.host import Installed, PackageState
from tests.fakes.host import FakeHost, Package

NAMES = tuple(f"p{number}" for number in range(8))
GUARDED = ("dpkg", "linux-image-6")


@st.composite
def repositories(draw: st.DrawFn) -> dict[str, Package]:
    """Packages with dependencies that go in circles now and then."""
    found = {}
    for name in (*NAMES, *GUARDED):
        depends = draw(st.lists(st.sampled_from([*NAMES, "p1|p2", "p3|p4|p5"]), max_size=2))
        found[name] = Package(name, depends=tuple(depends), essential=name == "dpkg")
    return found


def document(names: list[str]) -> tuple[Document, Mapping[bytes, bytes]]:
    text = "".join(f"{name}\n" for name in names).encode()
    sha256 = hashlib.sha256(text).digest()
    return Document(
        estate="library",
        host="library/lib-srv1",
        curve=bytes(32),
        scope="main",
        lists=(ListFile("base", sha256, len(text)),),
        packages=Packages(lists=("base",), removals=1000),
    ), {sha256: text}


def needed(installed: Mapping[str, Package], roots: set[str]) -> set[str]:
    """Roots and all that satisfies any need of theirs, reckoned in another way than the fake's."""
    found = set(roots)
    while True:
        words = {name for one in found for need in installed[one].depends for name in need.split("|")}
        more = words.intersection(installed) - found
        if not more:
            return found
        found |= more


@given(
    repositories(),
    st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
    st.lists(st.sampled_from(NAMES), unique=True),
)
def test_the_result_is_the_list_its_dependencies_and_the_guarded(
    repository: dict[str, Package], listed: list[str], present: list[str]
) -> None:
    host = FakeHost().offer(*repository.values())
    host.installed = {name: repository[name] for name in needed(repository, {*present, *GUARDED})}
    wanted, materials = document(listed)
    plan = planner.plan(wanted, materials, host)
    assert not plan.problems
    for step in plan.steps:
        done = host.apply(step, materials)
        assert [(c.sign, c.name, c.before, c.after) for c in done] == [
            (c.sign, c.name, c.before, c.after) for c in step.changes
        ]
    assert set(host.installed) == needed(host.installed, {*listed, *GUARDED})
    assert planner.plan(wanted, materials, host).converged


@given(
    repositories(),
    st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
    st.lists(st.sampled_from(NAMES), unique=True),
    st.sampled_from(NAMES),
)
def test_where_nothing_may_be_removed_all_is_installed_that_can_be_and_the_rest_stands_apart(
    repository: dict[str, Package], listed: list[str], present: list[str], hated: str
) -> None:
    newcomer = Package("newcomer", conflicts=(hated,))
    host = FakeHost().offer(*repository.values(), newcomer)
    host.installed = {name: repository[name] for name in needed(repository, {*present, *GUARDED})}
    before = set(host.installed)
    wanted, materials = document([*listed, "newcomer"])
    plan = planner.plan(wanted, materials, host, look=planner.Look(heal=True))
    for step in plan.steps:
        if all(change.sign is not Sign.REMOVE for change in step.changes):
            host.apply(step, materials)
    assert before <= set(host.installed)
    if not plan.problems:  # the lists can be had at all
        assert set(listed) <= set(host.installed)
        assert ("newcomer" in host.installed) == (hated not in host.installed)
        again = planner.plan(wanted, materials, host, look=planner.Look(heal=True))
        assert all(any(change.sign is Sign.REMOVE for change in step.changes) for step in again.steps)


def test_a_package_that_leaves_its_settings_is_shown_as_gone() -> None:
    there = Installed(name="hello", version="1", state=PackageState.INSTALLED)
    settings = Installed(name="hello", version="1", state=PackageState.CONFIG_FILES)
    (change,) = differences({"hello": there}, {"hello": settings})
    assert (change.sign, change.before, change.after) == (Sign.REMOVE, "1", "")
    (purge,) = differences({"hello": settings}, {})
    assert (purge.sign, purge.before, purge.after) == (Sign.REMOVE, "settings of 1", "")
    assert differences({}, {"hello": settings}) == ()


def test_every_guarded_pattern_says_why() -> None:
    assert all(why for _, why in guard.PATTERNS)
    one = Installed(name="xen-hypervisor-4.17-amd64", version="1", state=PackageState.INSTALLED)
    assert guard.reason(one, ()) == "the hypervisor"


def test_the_word_essential_is_no_pattern() -> None:
    one = Installed(name="essential", version="1", state=PackageState.INSTALLED)
    assert guard.reason(one, ("essential",)) == ""
    assert guard.reason(one, ("ess*",)) == "protected (ess*)"


def test_a_foreign_twin_is_guarded_by_its_bare_name() -> None:
    one = Installed(name="grub-pc:i386", version="1", state=PackageState.INSTALLED)
    assert guard.reason(one, ()) == "the boot loader"


def test_apt_is_not_told_the_names_that_it_would_leave_as_they_are() -> None:
    host = FakeHost().offer(Package("here"), Package("old"), Package("old", "1.1"), Package("new"), Package("dpkg"))
    host.have("here", "old", "dpkg")
    wanted, materials = document(["here", "old", "new"])
    plan = planner.plan(wanted, materials, host)
    assert [wish.install for wish in host.wishes] == [("new", "old")]
    assert [change.name for step in plan.steps for change in step.changes if change.kind == "package"] == ["new", "old"]


def test_what_is_listed_does_not_go_for_a_newcomer() -> None:
    host = FakeHost().offer(Package("here"), Package("new", conflicts=("here",)), Package("dpkg")).have("here", "dpkg")
    wanted, materials = document(["here", "new"])
    (problem,) = planner.plan(wanted, materials, host).problems
    assert "new conflicts with here" in problem.error.text
