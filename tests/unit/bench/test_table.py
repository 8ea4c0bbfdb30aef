"""What `make bench` prints: a missed promise is called one, and nothing that was not measured is called kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.bench import table
from tests.bench.__main__ import Family, families, run
from tests.bench.figure import ALL, BY_NAME, Verdict


def line_of(name: str, measured: dict[str, float]) -> str:
    return next(line for line in table.lines(measured) if line.startswith(f"{name} "))


def test_a_missed_promise_is_printed_as_missed() -> None:
    assert "MISSED" in line_of("round_10k_master_cpu_s", {"round_10k_master_cpu_s": 2.3})
    assert "kept" in line_of("round_10k_master_cpu_s", {"round_10k_master_cpu_s": 2.1})


def test_a_share_is_missed_from_below() -> None:
    assert BY_NAME["apply_50_hosts_reported"].judge(0.98) is Verdict.MISSED
    assert BY_NAME["apply_50_hosts_reported"].judge(1.0) is Verdict.KEPT


def test_what_was_not_measured_is_not_called_kept() -> None:
    assert all("not measured" in line_of(figure.name, {}) for figure in ALL)


def test_the_ratio_is_the_best_peer_by_ours() -> None:
    assert " 6.0 " in line_of("cli_version_cpu_s", {"cli_version_cpu_s": 0.05})


def test_figures_of_another_size_are_shown_and_not_judged() -> None:
    shown = line_of("round_100_master_cpu_s", {"round_100_master_cpu_s": 9.0})
    assert "MISSED" not in shown
    assert "kept" not in shown


def test_the_page_names_every_promise() -> None:
    page = table.page({"cli_version_cpu_s": 0.05, "round_100_wall_s": 1.0}, where="here")
    assert all(figure.about in page for figure in ALL)
    assert "`round_100_wall_s`" in page


def test_the_page_says_what_is_missed_and_why() -> None:
    page = table.page({"round_10k_master_cpu_s": 2.3, "cli_version_cpu_s": 0.05}, where="here")
    told = page[page.index("## What is missed") : page.index("## Measured beside")]
    assert "`round_10k_master_cpu_s`: a quarter is ZeroMQ's own thread" in told
    assert "cli_version_cpu_s" not in told
    assert "## What is missed" not in table.page({"cli_version_cpu_s": 0.05}, where="here")


def refusing() -> Mapping[str, float]:
    raise SystemExit("no room")


def test_a_missed_promise_is_said_and_ends_well_and_a_failed_measurement_does_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    slow = Family("start", ("cli_version_cpu_s",), lambda: {"cli_version_cpu_s": 9.0})
    assert run([slow]) == ({"cli_version_cpu_s": 9.0}, 0)
    assert "missed: cli_version_cpu_s" in capsys.readouterr().out
    broken = Family("host", ("noop_10_files_cpu_s",), refusing)
    assert run([slow, broken]) == ({"cli_version_cpu_s": 9.0}, 1)
    assert "not measured: no room" in capsys.readouterr().out


def test_every_promise_is_measured_by_one_family() -> None:
    measured = [name for family in families(10_000) for name in family.figures]
    assert sorted(measured) == sorted(BY_NAME)


def test_the_file_is_one_flat_object(tmp_path: Path) -> None:
    table.write({"cli_version_cpu_s": 0.05}, tmp_path / "new" / "bench.json")
    assert json.loads((tmp_path / "new" / "bench.json").read_text()) == {"cli_version_cpu_s": 0.05}
    assert table.read(tmp_path / "new" / "bench.json") == {"cli_version_cpu_s": 0.05}
    assert table.read(tmp_path / "none.json") == {}
