"""TAB offers commands, options and the names that were seen last; it calls nobody and loads little."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from orch.master.cli import remembered, wordtree
from tests.unit.master.cli.desk import Workplace, err

TOP = Path(__file__).parents[4]


def offered(place: Workplace, *words: str, where: Path | None = None, **more: str) -> list[str]:
    """What is offered for the last word."""
    answer = asked(place, *words, where=where, **more)
    return [line.partition(",")[2] for line in answer.splitlines()]


def asked(place: Workplace, *words: str, where: Path | None = None, **more: str) -> str:
    """What the shell is told."""
    environment = {
        "PYTHONPATH": str(TOP),
        "PATH": "/usr/bin:/bin",
        "HOME": str(place.base),
        "ORCH_HOME": str(place.home),
        "XDG_CACHE_HOME": str(place.base / "xdg"),
        "_ORCH_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("orch", *words)),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        [sys.executable, "-m", "orch.master.cli"],
        cwd=where or place.estate,
        env=environment | more,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


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


def test_offers_what_an_option_takes_and_nothing_where_anything_may_stand(seen: Workplace) -> None:
    assert offered(seen, "status", "--output", "js") == ["json", "jsonl"]
    assert offered(seen, "status", "--color", "") == ["auto", "always", "never"]
    assert offered(seen, "apply", "--note", "lib") == []
    assert offered(seen, "apply", "--note", "lib", "lib") == ["library", "library/srv1"]
    assert offered(seen, "apply", "--yes", "--", "lib") == ["library", "library/srv1"]
    assert offered(seen, "-v", "explain", "library/srv1", "") == []
    assert offered(seen, "policy", "operator", "re") == ["remove"]
    assert "--most" in offered(seen, "doc", "history", "--m")
    assert offered(seen, "nosuch", "") != []
    assert asked(seen, "apply", "spr") == "file,spr\n"
    assert asked(seen, "lint", "--estate", "") == "dir,\n"
    assert asked(seen, "import-results", "one", "tw") == "file,tw\n"


def test_speaks_to_each_shell(seen: Workplace) -> None:
    assert asked(seen, "sta", _ORCH_COMPLETE="zsh_complete") == "plain\nstatus\nHow every site is now.\n"
    assert asked(seen, "wait", "state:of", _ORCH_COMPLETE="zsh_complete") == "plain\nstate:offline\n_\n"
    fish = asked(seen, _ORCH_COMPLETE="fish_complete", COMP_WORDS="orch sta", COMP_CWORD="sta")
    assert fish == "plain,status\tHow every site is now.\n"
    assert asked(seen, COMP_WORDS="orch status 'lib", COMP_CWORD="2") == "plain,library\nplain,library/srv1\n"


def test_finds_the_estate_that_is_meant(seen: Workplace) -> None:
    elsewhere = seen.base / "elsewhere"
    elsewhere.mkdir()
    assert offered(seen, "status", "lib", where=elsewhere) == []
    assert offered(seen, "--estate", str(seen.estate), "status", "lib", where=elsewhere) == ["library", "library/srv1"]
    assert offered(seen, "status", "lib", where=elsewhere, ORCH_ESTATE=str(seen.estate))
    for text in (f'estate = "{seen.estate}"\n', "estate = \n", ""):
        (seen.home / "config").write_text(text)
        assert bool(offered(seen, "status", "lib", where=elsewhere)) is ("netgate" in text)
    (seen.home / "config").write_text(f'estates = ["{seen.estate}"]\n')
    assert offered(seen, "--estate", "netgate", "status", "lib", where=elsewhere)
    assert offered(seen, "--estate", "other", "status", "lib", where=elsewhere) == []


def test_every_command_is_known_and_a_damaged_cache_is_made_anew(seen: Workplace) -> None:
    assert set(wordtree.made()) > {"", "status", "key accept", "policy operator add"}
    offered(seen, "")
    [kept] = (seen.base / "xdg/orch").glob("words-*.json")
    kept.write_text("{")
    older = kept.with_name("words-1.json")
    older.write_text("{}")
    assert offered(seen, "sta") == ["status"]
    assert json.loads(kept.read_text())
    assert not older.exists()


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


def test_completion_loads_no_library(seen: Workplace) -> None:
    offered(seen, "")  # the words are kept now
    program = (
        "import os, sys\n"
        "os.environ.update(_ORCH_COMPLETE='bash_complete', COMP_WORDS='orch status lib', COMP_CWORD='2')\n"
        "from orch.master.cli.__main__ import main\n"
        "main()\n"
        "heavy = {'click', 'msgpack', 'cryptography', 'yaml', 'rich', 'sqlalchemy', 'zmq'}\n"
        "print(sorted(heavy & {name.split('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=seen.estate,
        env={
            "PYTHONPATH": str(TOP),
            "HOME": str(seen.base),
            "XDG_CACHE_HOME": str(seen.base / "xdg"),
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.splitlines() == ["plain,library", "plain,library/srv1", "[]"]
