"""What is different between two documents, in the signs of a plan."""

from __future__ import annotations

from dataclasses import replace

from orch.common.document import Document, File, ListFile, Packages, Reconcile, Unlisted
from orch.master.cli import differences, plans

MOTD = File(path="/etc/motd", sha256=b"1" * 32, size=6, content=b"hello\n")
OLD = Document(
    estate="netgate",
    host="library/srv1",
    curve=bytes(32),
    scope="main",
    lists=(ListFile("base", b"1" * 32, 120), ListFile("library", b"2" * 32, 40)),
    packages=Packages(lists=("base", "library")),
    files=(MOTD,),
    listen=("tcp/22",),
)


def lines(old: Document | None, new: Document) -> list[str]:
    return [plans.change_line(change) for change in differences.between(old, new)]


def test_the_same_is_no_difference_wherever_it_was_written() -> None:
    assert lines(OLD, replace(OLD, commit="abc")) == []


def test_each_part_is_named_with_what_it_was_and_is() -> None:
    new = replace(
        OLD,
        lists=(ListFile("base", b"3" * 32, 133), ListFile("school", b"4" * 32, 40)),
        packages=Packages(lists=("base", "school"), also=("tree",), unlisted=Unlisted.REPORT, removals=5),
        files=(replace(MOTD, mode=0o600), replace(MOTD, path="/etc/issue")),
        listen=(),
        reconcile=Reconcile(every=60, at_boot=False),
    )
    assert lines(OLD, new) == [
        "~ list base 120 B → 133 B",
        "- list library 40 B",
        "+ list school 40 B",
        "- on list library",
        "+ on list school",
        "+ also tree",
        "~ setting unlisted packages remove → report",
        "~ setting most removals 20 → 5",
        "+ file /etc/issue 6 B 0644 root:root",
        "~ file /etc/motd 6 B 0644 root:root → 6 B 0600 root:root",
        "- listen tcp/22",
        "~ setting looks every 900 s → 60 s",
        "~ setting looks at boot yes → no",
    ]


def test_another_content_of_the_same_size_is_said() -> None:
    assert lines(OLD, replace(OLD, files=(replace(MOTD, sha256=b"9" * 32),))) == ["~ file /etc/motd other content"]


def test_the_order_of_lists_is_a_difference_as_a_later_line_counts() -> None:
    assert lines(OLD, replace(OLD, packages=Packages(lists=("library", "base")))) == [
        "~ setting order of lists base, library → library, base"
    ]


def test_a_first_document_is_all_new() -> None:
    assert {line[0] for line in lines(None, OLD)} == {"+"}
