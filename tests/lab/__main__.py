"""`python3 -m tests.lab list|stop`: the laboratories that were left running in this checkout, and their end."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.lab.ledger import Ledger


def main(arguments: list[str]) -> int:
    """Do what is asked; an exit code."""
    ledger = Ledger(Path(__file__).resolve().parents[2] / "build/lab")
    if arguments == ["list"]:
        for entry in ledger.entries():
            state = "in use" if entry.alive else "kept" if entry.keep else "left by a killed run"
            print(f"{entry.name}  {state}  {ledger.place(entry)}")
        return 0
    if arguments == ["stop"]:
        for name in ledger.cleanup_stale(kept=True):
            print(f"ended {name}")
        return 0
    print("usage: python3 -m tests.lab list|stop", file=sys.stderr)
    return 64


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
