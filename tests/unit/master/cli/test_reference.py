from pathlib import Path

from orch.master.cli import reference
from orch.master.cli.exits import Exit

PAGE = Path(__file__).parents[4] / "docs/reference/cli.md"


def test_is_what_the_commands_say_now() -> None:
    made = reference.page()
    assert PAGE.read_text() == made, "run: python -m orch.master.cli.reference > docs/reference/cli.md"


def test_names_every_command_and_every_exit_code() -> None:
    made = reference.page()
    for command in ("status", "plan", "apply", "explain", "lint", "target", "key accept", "key revoke", "init"):
        assert f"## orch {command}\n" in made
    for code in Exit:
        assert f"\n| {int(code)} | " in made
