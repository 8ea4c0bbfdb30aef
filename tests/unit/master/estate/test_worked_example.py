"""The whole format, as one worked example (example/): all of it is known, part of it is not built yet."""

from __future__ import annotations

import re
from pathlib import Path

from orch.master.estate import loader
from orch.master.estate.diagnostics import Severity

EXAMPLE = Path(__file__).parent / "example"


def test_knows_every_key_and_refuses_only_what_is_not_built() -> None:
    errors = [item for item in loader.lint(EXAMPLE) if item.severity is Severity.ERROR]
    assert errors
    assert [item for item in errors if not item.text.endswith("is not supported by this version")] == []


def test_says_of_each_unbuilt_key_where_it_stands() -> None:
    found = {item.where for item in loader.lint(EXAMPLE)}
    assert {"estate.yaml:8:3", "estate.yaml:25:58", "sites/cern-library.yaml:9:1", "services/apps.yaml:2:1"} <= found


def test_is_a_good_estate_once_the_unbuilt_keys_are_taken_out(tmp_path: Path) -> None:
    for path in EXAMPLE.rglob("*"):
        if path.is_file() and path.parent.name != "services" and path.name != "policy.yaml":
            target = tmp_path / path.relative_to(EXAMPLE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_built_only(path.name, path.read_text()))
    estate = loader.load(tmp_path)
    assert [str(place) for place in estate.places] == ["cern-library/lib-srv1", "hip-lab/lab-srv1"]
    assert estate.sites["hip-lab"].ring == "lab"
    assert estate.sites["cern-library"].link.down == "8Mbit"


def _built_only(name: str, text: str) -> str:
    if name == "cern-library.list":
        return "@base\n@dom0\nsmartmontools\nvm-ltsp\n"
    text = re.sub(r"^(rollout|windows|services):.*\n(?:[ ].*\n)*", "", text, flags=re.MULTILINE)
    text = re.sub(r"^ *(base|timezone|enrol|disks|services):.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^ *nets: *(#.*)?\n(?: {6}.*\n)*|^ *nets: \{.*\n", "", text, flags=re.MULTILINE)
    return re.sub(r", +(soak|approve|batch|max_failed|monthly|quiet): ?(\"[^\"]*\"|[^ ,}]+)", "", text)
