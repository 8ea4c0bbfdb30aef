from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orch.common import codec
from orch.common.document import INLINE, LIMIT, Document, Reconcile, Unlisted
from orch.master.estate import compiler, loader
from orch.master.estate.compiler import NotCompilable
from orch.master.estate.model import Estate
from tests.unit.master.estate import estates

PLACE = estates.place("library/srv2")


def document(estate: Estate, place: str = "library/srv2") -> Document:
    made = compiler.compile_host(estate, estates.place(place), admission=estates.admission(place), commit="0123abc")
    read = codec.decode(Document, made.data, limit=LIMIT)
    assert read == made.document
    return read


def test_names_the_host_by_name_and_key(tmp_path: Path) -> None:
    made = document(estates.small(tmp_path))
    assert (made.estate, made.host, made.curve, made.scope) == ("small", "library/srv2", b"k" * 32, "main")
    assert made.commit == "0123abc"


def test_names_each_list_with_those_that_it_includes_by_hash(tmp_path: Path) -> None:
    made = document(estates.small(tmp_path, extra="hello\n", school="site: school\nlists: [extra]\nhosts: { srv1: }\n"))
    assert [(item.name, item.sha256, item.size) for item in made.lists] == [
        ("base", sha256(b"site-tools\n").digest(), 11),
        ("extra", sha256(b"hello\n").digest(), 6),
    ]
    only = estates.small(tmp_path, school="site: school\nlists: [extra]\nhosts: { srv1: }\n")
    assert [item.name for item in document(only, "school/srv1").lists] == ["base", "extra"]


def test_hands_out_every_content_that_travels_beside_the_document(tmp_path: Path) -> None:
    estate = estates.small(tmp_path)
    made = compiler.compile_host(estate, PLACE, admission=estates.admission("library/srv2"))
    assert set(made.blobs.values()) == {b"site-tools\n", b"@base\nhello\n"}
    assert all(sha256(content).digest() == digest for digest, content in made.blobs.items())


def test_takes_the_formats_defaults_where_nobody_says_anything(tmp_path: Path) -> None:
    made = document(estates.small(tmp_path))
    assert made.packages is not None
    assert (made.packages.unlisted, made.packages.removals, made.packages.protect) == (Unlisted.REMOVE, 20, ())
    assert (made.reconcile, made.listen, made.files) == (Reconcile(), (), ())


def test_leaves_packages_alone_where_there_are_no_lists(tmp_path: Path) -> None:
    made = document(estates.small(tmp_path, estate="orch: 1\nestate: small\n"), "school/srv1")
    assert made.packages is None
    assert made.lists == ()


def test_carries_small_files_and_names_large_ones(tmp_path: Path) -> None:
    estates.write(tmp_path, {"files/small": b"x" * INLINE, "files/large": b"y" * (INLINE + 1)})
    site = (
        "site: school\nfiles:\n  /etc/b: { source: large, mode: 0600, owner: daemon, group: '0' }\n"
        "  /etc/a: { source: small }\nhosts: { srv1: }\n"
    )
    estate = estates.small(tmp_path, school=site)
    small, large = document(estate, "school/srv1").files
    assert (small.path, small.content, small.mode) == ("/etc/a", b"x" * INLINE, 0o644)
    assert (large.path, large.content, large.mode, large.owner, large.group) == ("/etc/b", None, 0o600, "daemon", "0")
    made = compiler.compile_host(estate, estates.place("school/srv1"), admission=estates.admission("school/srv1"))
    assert made.blobs[large.sha256] == b"y" * (INLINE + 1)
    assert small.sha256 not in made.blobs


def test_sends_contents_beside_the_document_once_it_is_full(tmp_path: Path) -> None:
    estates.write(tmp_path, {f"files/{n}": bytes([n]) * INLINE for n in range(100)})
    files = "".join(f"  /etc/{n:03}: {{ source: '{n}' }}\n" for n in range(100))
    made = document(estates.small(tmp_path, school=f"site: school\nfiles:\n{files}hosts: {{ srv1: }}\n"), "school/srv1")
    carried = [file.content is not None for file in made.files]
    assert carried == sorted(carried, reverse=True)
    assert sum(carried) == compiler.INLINE_TOTAL // INLINE


def test_a_document_without_secrets_has_the_bytes_that_it_had_before_there_were_any(tmp_path: Path) -> None:
    made = compiler.compile_host(
        estates.small(tmp_path), estates.place("school/srv1"), admission=estates.admission("school/srv1")
    )
    written = codec.parse(made.data, limit=LIMIT)
    assert isinstance(written, dict)
    assert list(written)[-1] == "origins"


def test_says_where_each_resource_was_written(tmp_path: Path) -> None:
    site = "site: school\nfiles:\n  /etc/a: { content: x }\nlisten: [tcp/22]\nhosts:\n  srv1:\n    removals: 3\n"
    made = document(estates.small(tmp_path, school=site), "school/srv1")
    assert {item.resource: item.where for item in made.origins} == {
        "file /etc/a": "sites/school.yaml:3:3",
        "list base": "estate.yaml:4:11",
        "lists": "estate.yaml:4:10",
        "packages": "estate.yaml:4:10",
        "listen": "sites/school.yaml:4:9",
        "removals": "sites/school.yaml:7:15",
    }


def test_refuses_who_is_not_admitted_as_this_host_here(tmp_path: Path) -> None:
    estate = estates.small(tmp_path)
    with pytest.raises(NotCompilable, match="is for library/srv1"):
        compiler.compile_host(estate, PLACE, admission=estates.admission("library/srv1"))
    with pytest.raises(NotCompilable, match="of other"):
        compiler.compile_host(estate, PLACE, admission=estates.admission("library/srv2", estate="other"))
    with pytest.raises(NotCompilable, match="the scope north, but its site says main"):
        compiler.compile_host(estate, PLACE, admission=estates.admission("library/srv2", scope="north"))
    with pytest.raises(NotCompilable, match="has no host library/srv9"):
        compiler.compile_host(estate, estates.place("library/srv9"), admission=estates.admission("library/srv9"))


def test_compiles_the_others_and_names_those_it_cannot(tmp_path: Path) -> None:
    estate = estates.small(tmp_path)
    admissions = {
        estates.place("library/srv1"): estates.admission("library/srv1"),
        PLACE: estates.admission("library/srv2", scope="north"),
    }
    result = compiler.compile_estate(estate, admissions)
    assert [str(item.place) for item in result.compiled] == ["library/srv1"]
    assert [str(place) for place in result.not_admitted] == ["school/srv1"]
    assert [err.text for err in result.refused] == [
        "library/srv2 is admitted to the scope north, but its site says main"
    ]
    assert set(result.blobs.values()) == {b"site-tools\n"}
    assert compiler.compile_estate(estate, admissions, places=[PLACE]).compiled == ()


def test_gives_the_same_bytes_for_the_same_estate_in_another_place(tmp_path: Path) -> None:
    one, other = estates.small(tmp_path / "a"), estates.small(tmp_path / "b")
    admissions = {place: estates.admission(str(place)) for place in one.places}
    first, second = (compiler.compile_estate(estate, admissions) for estate in (one, other))
    assert [item.data for item in first.compiled] == [item.data for item in second.compiled]
    alone = [compiler.compile_host(one, place, admission=admissions[place]).data for place in one.places]
    assert alone == [item.data for item in first.compiled]


LEVEL = st.fixed_dictionaries(
    {},
    optional={
        "unlisted": st.sampled_from(["remove", "report", "ignore"]),
        "removals": st.integers(0, 9),
        "listen": st.lists(st.sampled_from(["tcp/22", "udp/53"]), max_size=2),
        "protect": st.lists(st.sampled_from(["essential", "grub-*"]), max_size=2),
        "files": st.dictionaries(st.sampled_from(["/etc/a", "/etc/b"]), st.just({"content": "x"}), max_size=2),
    },
)


@settings(deadline=None, max_examples=40)
@given(layers=st.tuples(LEVEL, LEVEL, LEVEL, LEVEL))
def test_lets_the_most_specific_level_win(
    tmp_path_factory: pytest.TempPathFactory, layers: tuple[dict[str, Any], ...]
) -> None:
    defaults, group, site, host = (
        level | {"files": {path: {"content": f"{number}"} for path in level.get("files", {})}}
        for number, level in enumerate(layers)
    )
    main = {"orch": 1, "estate": "small", "defaults": {"lists": ["base"]} | defaults}
    main["groups"] = {"g": {"sites": ["school"]} | group}
    school = {"site": "school", "hosts": {"srv1": host}} | site
    directory = tmp_path_factory.mktemp("estate")
    files = {"estate.yaml": json.dumps(main), "sites/school.yaml": json.dumps(school), "lists/base.list": "tool\n"}
    made = document(loader.load(estates.write(directory, files)), "school/srv1")

    def last(key: str, default: object) -> object:
        return next((level[key] for level in reversed(layers) if key in level), default)

    assert made.packages is not None
    assert made.packages.unlisted.value == last("unlisted", "remove")
    assert made.packages.removals == last("removals", 20)
    assert list(made.packages.protect) == last("protect", [])
    assert list(made.listen) == last("listen", [])
    for file in made.files:
        level = max(number for number, layer in enumerate(layers) if file.path in layer.get("files", {}))
        assert file.content == f"{level}".encode()
