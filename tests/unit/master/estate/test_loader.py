from __future__ import annotations

import os
from pathlib import Path

import pytest

from orch.common.document import LIST_LIMIT
from orch.common.errors import EstateError
from orch.common.names import Place
from orch.master.estate import diagnostics, loader
from orch.master.estate.diagnostics import Severity
from tests.unit.master.estate import estates


def said(directory: Path) -> list[str]:
    return [f"{item.where} {item.text}" for item in loader.lint(directory)]


def test_reads_sites_hosts_and_what_is_said_of_them(tmp_path: Path) -> None:
    site = (
        "site: library\ntitle: Town library\nscope: north\nlocation: [46.2333, 6.05]\n"
        "contact: { name: Desk, mail: desk@example.org, phone: 012, locale: fr_CH }\n"
        "link: { down: 8Mbit, up: 1Mbit }\nlabels: { kind: library, floor: 2 }\nlists: [extra]\n"
        "hosts:\n  srv1:\n    title: Behind the desk\n    labels: { kind: spare }\n"
    )
    estate = estates.small(tmp_path, library=site)
    library = estate.sites["library"]
    assert (library.title, library.scope, library.ring) == ("Town library", "north", "wide")
    assert library.location == ("46.2333", "6.05")
    assert (library.contact.mail, library.contact.phone) == ("desk@example.org", "012")
    host = estate.host(Place("library", "srv1"))
    assert host is not None
    assert host.title == "Behind the desk"
    assert (library.says(host, "kind"), library.says(host, "floor"), library.says(host, "none")) == ("spare", "2", None)
    assert estate.host(Place("library", "srv9")) is None
    assert estate.host(Place("nowhere", "srv9")) is None


def test_takes_defaults_for_scope_link_and_expiry(tmp_path: Path) -> None:
    main = "orch: 1\nestate: small\ndefaults: { lists: [base], scope: north, link: { up: 1Mbit }, expires: 7d }\n"
    estate = estates.small(tmp_path, estate=main)
    assert estate.expires == 7 * 86_400
    assert estate.sites["school"].scope == "north"
    assert (estate.sites["school"].link.down, estate.sites["school"].link.up) == ("1Gbit", "1Mbit")
    assert estate.ring_order == ("all",)
    assert estate.sites["school"].ring == "all"


def test_collects_the_errors_of_all_files_and_lays_them_out(tmp_path: Path) -> None:
    files = {"sites/library.yaml": "site: library\nhosts: [\n", "sites/school.yaml": "sit: school\nhosts: {}\n"}
    estates.write(tmp_path, estates.SMALL | files | {"lists/base.list": "Curl\n"})
    with pytest.raises(EstateError) as caught:
        loader.load(tmp_path)
    text = caught.value.text
    assert "sites/library.yaml:3:1  error: did not find expected node content" in text
    assert 'sites/school.yaml:1:1  error: unknown key "sit" in a site\n    1 | sit: school\n' in text
    assert '      | ^^^ did you mean "site"?' in text
    assert "lists/base.list:1:1  error:" in text


def test_looks_at_sites_even_if_the_main_file_cannot_be_read(tmp_path: Path) -> None:
    estates.write(tmp_path, estates.SMALL | {"estate.yaml": "a: [", "sites/school.yaml": "sit: school\nhosts: {}\n"})
    assert any("sites/school.yaml:1:1 unknown key" in item for item in said(tmp_path))


def test_says_where_there_is_no_estate(tmp_path: Path) -> None:
    with pytest.raises(EstateError, match=r"there is no estate\.yaml") as caught:
        loader.load(tmp_path)
    assert "orch init" in caught.value.hint


def test_counts_files_and_hands_out_the_estate_with_warnings(tmp_path: Path) -> None:
    estates.write(tmp_path, estates.SMALL | {"lists/spare.list": "tool\n"})
    found = loader.examine(tmp_path)
    assert found.estate is not None
    assert [item.severity for item in found.diagnostics] == [Severity.WARNING]
    assert diagnostics.summary(found.diagnostics, files=found.files) == "1 warning in 6 files"


def test_reads_a_files_content_from_the_estate_only(tmp_path: Path) -> None:
    site = "site: school\nhosts:\n  srv1:\n    files: { /etc/a: { source: link }, /etc/b: { source: folder } }\n"
    estates.write(tmp_path, estates.SMALL | {"sites/school.yaml": site, "files/folder/x": "x", "outside": "secret"})
    (tmp_path / "files/link").symlink_to(tmp_path / "outside")
    assert said(tmp_path) == [
        "sites/school.yaml:4:32 files/link leads out of files/",
        "sites/school.yaml:4:58 there is no file files/folder",
    ]


def test_warns_of_a_list_whose_last_line_has_no_end(tmp_path: Path) -> None:
    estates.write(tmp_path, estates.SMALL | {"lists/base.list": "site-tools\nrsy"})
    assert said(tmp_path) == ["lists/base.list:2 the last line has no end"]


def test_refuses_a_list_that_is_not_text(tmp_path: Path) -> None:
    estates.write(tmp_path, estates.SMALL | {"lists/base.list": b"site-tools\n\xff\n"})
    assert said(tmp_path) == ["lists/base.list:2:1 is not UTF-8 text"]


def test_refuses_what_is_too_large(tmp_path: Path) -> None:
    estates.write(tmp_path, estates.SMALL | {"lists/base.list": "tool\n" * 300_000})
    assert "lists/base.list:1 has more than 1048576 bytes" in said(tmp_path)


def test_passes_over_what_an_editor_left(tmp_path: Path) -> None:
    estates.write(
        tmp_path, estates.SMALL | {"sites/library.yaml~": "x", "sites/.school.yaml.swp": "x", "README.md": "x"}
    )
    assert said(tmp_path) == []


def test_warns_of_yaml_files_in_the_wrong_place(tmp_path: Path) -> None:
    estates.write(tmp_path, estates.SMALL | {"lab.yaml": "site: lab\n"})
    assert said(tmp_path) == ["lab.yaml:1 is not read"]


def test_says_that_a_file_cannot_be_read(tmp_path: Path) -> None:
    estates.write(tmp_path, estates.SMALL)
    os.mkfifo(tmp_path / "not-used")
    (tmp_path / "sites/broken.yaml").symlink_to(tmp_path / "nowhere")
    assert said(tmp_path) == ["sites/broken.yaml:1 cannot be read: No such file or directory"]


def test_gives_a_group_its_say(tmp_path: Path) -> None:
    main = estates.SMALL["estate.yaml"] + "groups:\n  g: { match: 'kind=school', removals: 3 }\n"
    estate = estates.small(tmp_path, estate=main)
    assert estate.groups["g"].members == {Place("school", "srv1")}
    assert estate.groups["g"].own.removals is not None


def test_knows_groups_that_stand_for_each_other_in_any_order(tmp_path: Path) -> None:
    main = (
        estates.SMALL["estate.yaml"]
        + "groups:\n  a: { match: '@b and @c' }\n  b: { match: '@c' }\n  c: { sites: [school] }\n"
    )
    estate = estates.small(tmp_path, estate=main)
    assert estate.groups["a"].members == {Place("school", "srv1")}


def test_refuses_more_files_than_a_document_holds(tmp_path: Path) -> None:
    def files(start: int) -> str:
        return "files:\n" + "".join(f"  /etc/{n}: {{ content: x }}\n" for n in range(start, start + 1500))

    main = estates.SMALL["estate.yaml"].replace("rings:", files(0).replace("\n", "\n  ").join(["  ", "rings:"]))
    site = f"site: school\n{files(1000)}hosts: {{ srv1: }}\n"
    estates.write(tmp_path, estates.SMALL | {"estate.yaml": main, "sites/school.yaml": site})
    assert [item for item in said(tmp_path) if "2500 files for one host, at most 2000 travel" in item]


def test_refuses_more_lists_than_a_document_holds(tmp_path: Path) -> None:
    many = {f"lists/l{n}.list": "tool\n" for n in range(300)}
    includes = "".join(f"@l{n}\n" for n in range(300))
    estates.write(tmp_path, estates.SMALL | many | {"lists/base.list": includes})
    assert "estate.yaml:4:11 more than 256 lists in all, with those that they include" in said(tmp_path)


USES_LIBRARY = (
    estates.SMALL["estate.yaml"].replace("rings:\n", "rings:\n  - { name: pilot, sites: [library] }\n")
    + "groups:\n  a: { sites: [library] }\n  b: { match: library/srv1 }\n  c: { match: rack=a }\n"
)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("site: library\nlists: [base\nhosts:\n  srv1:\n", "sites/library.yaml:2:8 this bracket is not closed"),
        ("site: library\nhosts:\n  srv1: { lists: [base\n", "sites/library.yaml:3:18 this bracket is not closed"),
        ("sites: library\nhosts:\n  srv1:\n", 'sites/library.yaml:1:1 unknown key "sites" in a site'),
    ],
)
def test_a_broken_site_is_one_error_and_not_also_missing_elsewhere(text: str, fault: str, tmp_path: Path) -> None:
    estates.write(tmp_path, estates.SMALL | {"estate.yaml": USES_LIBRARY, "sites/library.yaml": text})
    found = said(tmp_path)
    assert fault in found
    assert [item for item in found if "there is no site" in item or "has a label" in item] == []


def test_a_site_that_is_really_missing_is_still_said(tmp_path: Path) -> None:
    files = estates.SMALL | {"estate.yaml": USES_LIBRARY}
    del files["sites/library.yaml"]
    assert [item for item in said(estates.write(tmp_path, files)) if 'there is no site "library"' in item]


def test_a_list_that_cannot_be_read_is_not_also_missing(tmp_path: Path) -> None:
    (estates.write(tmp_path, estates.SMALL) / "lists" / "base.list").write_bytes(b"#" * 3_000_000)
    assert said(tmp_path) == [f"lists/base.list:1 has more than {LIST_LIMIT} bytes"]
