"""`orch-minion`: the door of everything that runs on a host.

A service manager's words for the two daemons are understood here; all others are the command line's (cli/commands.py).
So a daemon does without what only people need: it is there all the time, and its memory is the host's.
"""

from __future__ import annotations

import sys
from pathlib import Path

from orch.common.errors import OrchError
from orch.minion.cli.exits import Exit, code_of, tell
from orch.minion.settings import Layout


def main() -> None:
    """Run a command; errors end as text with a hint, never as a traceback without --debug."""
    debug = "--debug" in sys.argv[1:3]
    try:
        _run(sys.argv[1:])
    except OrchError as err:
        if debug:
            import traceback

            traceback.print_exc()
        tell(err)
        sys.exit(code_of(err))
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except Exception as err:  # the outermost boundary: said, and ended with
        if debug:
            raise
        print(f"orch-minion: a fault of orch itself: {type(err).__name__}: {err}", file=sys.stderr)
        print("  please report it, with what --debug shows", file=sys.stderr)
        sys.exit(Exit.FAILED)


def _run(words: list[str]) -> None:
    root, rest = (Path(words[1]), words[2:]) if words[:1] == ["--root"] and len(words) > 1 else (Path("/"), words)
    if rest == ["agent"] and root.is_dir():
        from orch.minion.cli.run_agent import run as run_agent

        run_agent(Layout(root.absolute()))
    elif rest == ["executor"] and root.is_dir():
        from orch.minion.cli.run_executor import run as run_executor

        run_executor(Layout(root.absolute()))
    else:
        from orch.minion.cli.commands import cli

        cli.main(prog_name="orch-minion")


if __name__ == "__main__":
    main()
