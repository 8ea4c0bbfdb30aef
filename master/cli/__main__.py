"""`orch`: the operator's command."""

from __future__ import annotations

import sys
from types import TracebackType

import orch


def main() -> None:
    """Run `orch` with the arguments of the process."""
    if sys.argv[1:] == ["--version"]:
        print(f"orch {orch.__version__}")  # before anything is imported: this must be quick
        return
    if "--debug" not in sys.argv:
        sys.excepthook = _fault
    from orch.master.cli.commands import root

    root(prog_name="orch")


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
