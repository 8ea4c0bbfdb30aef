from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from orch.common.document import Document, File, ListFile, Packages
from orch.common.errors import Blocked
from orch.minion import planner
from tests.fakes.host import FakeHost, Package, shown

TEXT = b"hello\n"
SHA256 = hashlib.sha256(TEXT).digest()
MATERIALS: Mapping[bytes, bytes] = {SHA256: TEXT}
MOTD = File(path="/etc/motd", sha256=hashlib.sha256(b"m").digest(), size=1, content=b"m")
DOCUMENT = Document(
    estate="library",
    host="library/lib-srv1",
    curve=bytes(32),
    scope="main",
    lists=(ListFile("base", SHA256, len(TEXT)),),
    packages=Packages(lists=("base",)),
    files=(MOTD,),
)


def host() -> FakeHost:
    return FakeHost().offer(Package("hello"))


def done(one: FakeHost) -> FakeHost:
    for step in planner.plan(DOCUMENT, MATERIALS, one).steps:
        one.apply(step, MATERIALS)
    one.asked.clear()
    return one


def test_lists_come_before_packages_and_packages_before_files() -> None:
    plan = planner.plan(DOCUMENT, MATERIALS, host())
    assert [step.resource for step in plan.steps] == ["list base", "packages", "file /etc/motd"]
    assert not plan.converged


def test_the_same_question_gets_the_same_answer() -> None:
    assert planner.plan(DOCUMENT, MATERIALS, host()) == planner.plan(DOCUMENT, MATERIALS, host())


def test_a_settled_host_is_asked_nothing_about_packages() -> None:
    one = done(host())
    mark = planner.mark(DOCUMENT, one)
    plan = planner.plan(DOCUMENT, MATERIALS, one, look=planner.Look(settled=mark))
    assert plan.converged
    assert plan.settled
    assert one.asked == []


def test_files_of_a_settled_host_are_looked_at_all_the_same() -> None:
    one = done(host())
    mark = planner.mark(DOCUMENT, one)
    del one.stored["/etc/motd"]
    plan = planner.plan(DOCUMENT, MATERIALS, one, look=planner.Look(settled=mark))
    assert shown(step.changes[0] for step in plan.steps)[0].startswith("+ /etc/motd")


def test_a_mark_fits_no_more_when_packages_lists_or_rules_change() -> None:
    one = done(host())
    mark = planner.mark(DOCUMENT, one)
    other = replace(DOCUMENT, packages=Packages(lists=("base",), removals=1))
    assert planner.mark(other, one) != mark
    assert planner.mark(replace(DOCUMENT, lists=(ListFile("base", bytes(32), 1),)), one) != mark
    assert planner.mark(replace(DOCUMENT, files=(), commit="abc"), one) == mark
    one.installed["other"] = Package("other")
    assert planner.mark(DOCUMENT, one) != mark
    assert not planner.plan(DOCUMENT, MATERIALS, one, look=planner.Look(settled=mark)).settled


def test_what_stands_in_the_way_of_packages_does_not_stop_files() -> None:
    one = host()
    one.trouble = Blocked("a package source cannot be reached")
    plan = planner.plan(DOCUMENT, MATERIALS, one)
    assert [step.resource for step in plan.steps] == ["list base", "file /etc/motd"]
    (problem,) = plan.problems
    assert (problem.resource, problem.error) == ("packages", one.trouble)
    assert not plan.converged


def test_a_list_that_is_not_here_yet_is_waited_for() -> None:
    (problem,) = planner.plan(DOCUMENT, {}, host()).problems
    assert isinstance(problem.error, Blocked)
    assert "the list base is not here yet" in problem.error.text


def test_packages_are_left_alone_where_the_document_does_not_speak_of_them() -> None:
    one = host()
    plan = planner.plan(replace(DOCUMENT, packages=None), MATERIALS, one)
    assert [step.resource for step in plan.steps] == ["list base", "file /etc/motd"]
    assert one.asked == []


def test_packages_wait_where_apt_s_settings_cannot_be_put_in_place() -> None:
    one = host()
    one.stored["/etc/apt"] = one.stored["/etc"]
    one.stored["/etc/apt/a.list"] = one.stored["/etc"]
    bad = File(path="/etc/apt/a.list", sha256=MOTD.sha256, size=1, content=b"m")
    plan = planner.plan(replace(DOCUMENT, files=(bad, MOTD)), MATERIALS, one)
    assert [problem.resource for problem in plan.problems] == ["apt's settings"]
    assert [step.resource for step in plan.steps] == ["list base", "file /etc/motd"]
