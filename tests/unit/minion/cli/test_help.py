"""What `orch-minion --help` says fits its lines."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from orch.minion.cli.commands import cli


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_no_line_of_the_list_of_commands_is_cut_off(option: str) -> None:
    done = CliRunner().invoke(cli, [option], terminal_width=80)
    assert done.exit_code == 0
    commands = done.output.partition("Commands:")[2].strip().splitlines()
    assert {line.split()[0] for line in commands} >= {"enrol", "words", "status", "plan", "explain"}
    assert [line for line in commands if line.endswith("...")] == []


def test_debugging_changes_no_exit_code(tmp_path: object) -> None:
    import subprocess
    import sys

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "orch.minion", *options, "--root", str(tmp_path), "status"]
        return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)

    plain, debugged = run(), run("--debug")
    assert debugged.returncode == plain.returncode != 0
    assert debugged.stderr.startswith("Traceback")
    assert debugged.stderr.endswith(plain.stderr)
