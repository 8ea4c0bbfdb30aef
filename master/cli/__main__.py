"""`orch`: the operator's command."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import orch


def main() -> None:
    """Run `orch` with the arguments of the process."""
    _streams()
    if sys.argv[1:] == ["--version"]:
        print(f"orch {orch.__version__}")  # before anything is imported: this must be quick
        return
    if "--debug" not in sys.argv:
        sys.excepthook = _fault
    if "_ORCH_COMPLETE" in os.environ:
        from orch.master.cli import quick

        sys.stdout.write(quick.answer(_words))
        return
    from orch.master.cli.commands import root

    root(prog_name="orch")


def _words() -> Mapping[str, Mapping[str, object]]:
    """All commands, for completion; only the first TAB after an update needs them."""
    from orch.master.cli import wordtree

    return wordtree.made()


def _streams() -> None:
    """Streams that can be written: a closed one takes nothing, and a character that one does not know is a `?`."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever called: files opened later must not get its number
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  for good
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def _fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody foresaw is a fault of orch: say so in one line."""
    if issubclass(kind, KeyboardInterrupt):
        sys.exit(130)
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})" if trace else ""
    print(f"error: this is a fault in orch: {kind.__name__}: {error}{where}", file=sys.stderr)
    print("   do: run it again with --debug and report what it says", file=sys.stderr)


if __name__ == "__main__":
    main()
