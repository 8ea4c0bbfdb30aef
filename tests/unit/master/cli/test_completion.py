"""TAB offers commands, options and the names that were seen last; it calls nobody and loads little."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from orch.master.cli import remembered
from orch.master.cli.commands import root
from tests.unit.master.cli.desk import Workplace, err

TOP = Path(__file__).parents[4]


def offered(place: Workplace, *words: str) -> list[str]:
    """What is offered for the last word."""
    environment = {
        "PYTHONPATH": str(TOP),
        "PATH": "/usr/bin:/bin",
        "HOME": str(place.base),
        "XDG_CACHE_HOME": str(place.base / "xdg"),
        "_ORCH_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("orch", *words)),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        [sys.executable, "-m", "orch.master.cli"],
        cwd=place.estate,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.fixture
def seen(place: Workplace) -> Workplace:
    place.found("library", "school")
    file = remembered.path(place.base / "xdg/orch", place.estate.resolve())
    remembered.remember(file, sites=["library", "school"], hosts=["library/srv1", "school/srv1"], groups=["libraries"])
    return place


def test_offers_commands_options_and_names(seen: Workplace) -> None:
    assert "status" in offered(seen, "")
    assert offered(seen, "sta") == ["status"]
    assert "accept" in offered(seen, "key", "")
    assert "--watch" in offered(seen, "status", "--w")
    assert offered(seen, "status", "lib") == ["library", "library/srv1"]
    assert offered(seen, "apply", "school,lib") == ["school,library", "school,library/srv1"]
    assert offered(seen, "plan", "@") == ["@libraries"]
    assert offered(seen, "wait", "state:of") == ["state:offline"]
    assert offered(seen, "explain", "") == ["library/srv1", "school/srv1"]
    assert offered(seen, "site", "add", "new", "--like", "s") == ["school"]
    assert not seen.dialled


def test_status_plan_and_apply_remember_what_they_saw(place: Workplace) -> None:
    place.found("library")
    place.admit("library/srv1")
    file = remembered.path(place.base / "cache", place.estate.resolve())
    file.unlink(missing_ok=True)
    assert place.run("status").exit_code == 0
    assert remembered.read(file)["hosts"] == ["library/srv1"]
    place.site("school")
    place.run("plan")
    assert remembered.read(file)["sites"] == ["library", "school"]


def test_names_that_cannot_be_read_or_kept_harm_nobody(tmp_path: Path) -> None:
    file = tmp_path / "names.json"
    for text in ("{", "[]", '{"schema": "orch/names/1", "names": {"sites": 7}}', '{"schema": "x", "names": {}}'):
        file.write_text(text)
        assert remembered.read(file) == {}
    (tmp_path / "blocked").write_text("")
    remembered.remember(tmp_path / "blocked/names.json", sites=["a"])
    remembered.remember(file, sites=["b", "a"])
    assert json.loads(file.read_text())["names"] == {"sites": ["a", "b"]}
    remembered.remember(file, hosts=["a/b"])
    assert remembered.read(file) == {"sites": ["a", "b"], "hosts": ["a/b"]}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_prints_what_a_shell_needs(place: Workplace, shell: str) -> None:
    done = place.run("completion", shell)
    assert done.exit_code == 0, done.output
    assert "_ORCH_COMPLETE" in done.stdout
    assert "put it where your shell reads it" in err(done)


def test_an_unknown_shell_is_said(place: Workplace) -> None:
    assert place.run("completion", "csh").exit_code == 2


def test_completion_loads_nothing_heavy(seen: Workplace) -> None:
    program = (
        "import sys\n"
        "from click.shell_completion import ShellComplete\n"
        "from orch.master.cli.commands import root\n"
        "ShellComplete(root, {}, 'orch', 'X').get_completions(['status'], 'lib')\n"
        "heavy = {'cryptography', 'yaml', 'rich', 'sqlalchemy', 'zmq'} & {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(heavy))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=seen.estate,
        env={"PYTHONPATH": str(TOP), "HOME": str(seen.base), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.strip() == "[]"
    assert ShellComplete(root, {}, "orch", "X").get_completions([], "stat")
