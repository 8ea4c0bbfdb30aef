"""The estate that the tutorial walks through and `make demo` copies."""

from __future__ import annotations

from pathlib import Path

from orch.common import codec
from orch.common.document import LIMIT, Document
from orch.master.estate import compiler, loader, targets
from tests.unit.master.estate import estates

DIRECTORY = Path(__file__).parents[4] / "docs/tutorial/estate"


def test_has_nothing_to_mend() -> None:
    assert loader.lint(DIRECTORY) == ()


def test_holds_a_library_a_school_and_a_lab_in_three_rings() -> None:
    estate = loader.load(DIRECTORY)
    assert [str(place) for place in estate.places] == ["lab/lab-srv1", "library/lib-srv1", "school/sch-srv1"]
    assert {name: site.ring for name, site in estate.sites.items()} == {
        "lab": "lab",
        "library": "pilot",
        "school": "wide",
    }
    assert [str(place) for place in targets.select(estate, "@public")] == ["library/lib-srv1", "school/sch-srv1"]


def test_compiles_for_every_host() -> None:
    estate = loader.load(DIRECTORY)
    admissions = {place: estates.admission(str(place), estate="tutorial") for place in estate.places}
    result = compiler.compile_estate(estate, admissions)
    assert not result.not_admitted
    assert not result.refused
    for item in result.compiled:
        document = codec.decode(Document, item.data, limit=LIMIT)
        assert document == item.document
        assert document.packages is not None
        assert "base" in document.packages.lists
        assert "/etc/motd" in [file.path for file in document.files]
