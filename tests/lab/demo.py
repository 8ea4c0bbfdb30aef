"""`make demo`: three sites on this machine, from nothing to the reports.

Real hosts (root file systems of their own with real apt and dpkg, network namespaces of their own that refuse whatever
comes from outside), a real master, real CURVE connections, a real operator's folder. Ends with 0 only if every host is
what its document says, as judged from outside (`judge`).
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from tests.lab import judge
from tests.lab.errors import LabError
from tests.lab.fleet import Fleet
from tests.lab.lab import Lab, Settings

CHECKOUT = Path(__file__).resolve().parents[2]
FILES = CHECKOUT / "docs/tutorial/estate"
CHANGED = "library/lib-srv1"
LATE = "school/sch-srv1"
FILES_OF = {
    "library/lib-srv1": {"/etc/reading-room.conf": "opens = 09:00\ncloses = 20:00\nseats = 24\n"},
    "lab/lab-srv1": {"/etc/lab-notebook.conf": "author = staff\n"},
    "school/sch-srv1": {},
}
"""What the tutorial's files say of single hosts, written down once more for the judge."""


class Demo:
    """The story, a method a chapter."""

    def __init__(self, lab: Lab, started: float) -> None:
        """A laboratory that stands, its hosts off."""
        self.lab = lab
        self.fleet = Fleet(lab)
        self.started = started
        self.bases = {name: frozenset(host.installed()) for name, host in lab.hosts.items()}

    def tell(self) -> list[str]:
        """All of it; what is wrong in the end."""
        self.found()
        self.enrol()
        self.first_release()
        self.change_while_one_is_away()
        self.prove_silence()
        return self.judge()

    def say(self, text: str) -> None:
        """A line of the story."""
        print("\n" + _painted(f"== {time.monotonic() - self.started:4.0f} s  {text}", "1"), flush=True)

    def show(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> None:
        """Run `orch` and show it as a person sees it, while it works.

        Raises:
            LabError: it ended with another exit code than the story has it.
        """
        print(_painted(f"$ orch {' '.join(arguments)}", "36"), flush=True)
        for line in self.fleet.watch(*arguments, codes=codes):
            print(f"  {line}".rstrip(), flush=True)

    def found(self) -> None:
        """The centre and the operator's files."""
        self.say(
            "The centre: `orch init` makes keys, a policy and an estate; the tutorial's files go in; orch-master starts"
        )
        self.fleet.found(files=FILES)
        self.fleet.start_master()
        self.show("lint")

    def enrol(self) -> None:
        """The hosts come in."""
        self.say("Each host is given the enrolment file; the operator compares six words and lets it in")
        words = {name: self.fleet.enrol(host) for name, host in self.lab.hosts.items()}
        for name, host in self.lab.hosts.items():
            self.fleet.admit(host, words[name])
        self.show("key", "list")

    def first_release(self) -> None:
        """Plan, sign, roll out."""
        self.say("What would happen? Every host is asked and only looks")
        self.show("plan", codes=(3,))
        self.say("Sign it and roll it out")
        self.show("apply", "--yes")
        self.show("status", "-v")

    def change_while_one_is_away(self) -> None:
        """A list changes, one host is cut off and comes back."""
        self.say(f"One package in, one out for every site; the line to {LATE} is cut meanwhile")
        self.lab.hosts[LATE].cut()
        change_list(self.fleet.folders.estate / "lists/base.list", add="tree", drop="site-tools")
        self.show("plan", CHANGED, codes=(3,))
        self.show("apply", "--yes", "--timeout", "10s", codes=(4,))
        self.show("status", "-v")
        self.show("explain", LATE)
        self.say("The line is mended; nobody does anything else")
        mended = time.monotonic()
        self.lab.hosts[LATE].heal()
        self.fleet.wait_applied([LATE])
        print(f"  {LATE} has it {time.monotonic() - mended:.1f} s later")
        self.show("status", "-v")
        self.say("Once more: nothing to do")
        self.show("plan")

    def prove_silence(self) -> None:
        """Nothing listens."""
        self.say("Does anything listen at a site? Asked inside, and probed from outside")
        for name, host in self.lab.hosts.items():
            listeners, answers = host.listeners(), host.probe()
            print(f"  {name}: listeners: {listeners or 'none'}; answers to a probe from outside: {answers or 'none'}")
            if listeners or answers:
                raise LabError(f"{name} listens: {listeners} {answers}")

    def judge(self) -> list[str]:
        """What dpkg-query says of every host, from outside."""
        self.say("The judge: dpkg-query from outside, no orch involved")
        estate = self.fleet.folders.estate
        found: list[str] = []
        for name, host in self.lab.hosts.items():
            site = name.partition("/")[0]
            files = FILES_OF[name] | {"/etc/motd": (estate / "files/motd").read_text("utf-8")}
            wanted = judge.listed(estate, ["base", site])
            faults = judge.faults(host, wanted=wanted, base=self.bases[name], files=files)
            print(f"  {name}: {'; '.join(faults) if faults else 'is what its document says'}")
            found += faults
        return found

    def stay(self) -> None:
        """How to go on with it."""
        orch, *hosts = self.fleet.write_commands()
        self.say("It stays up. Go on with it yourself:")
        print(f"  the operator's files:   {self.fleet.folders.estate}")
        print(f"  orch at this centre:    {orch} status")
        for program in hosts:
            print(f"  orch-minion on a host:  {program} status")


def _painted(text: str, colour: str) -> str:
    """Coloured on a terminal, plain elsewhere and where NO_COLOR is set."""
    return f"\033[{colour}m{text}\033[0m" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else text


def change_list(path: Path, *, add: str, drop: str) -> None:
    """What an operator does with an editor."""
    lines = [line for line in path.read_text("utf-8").splitlines() if line.split("#")[0].strip() != drop]
    path.write_text("\n".join([*lines, add]) + "\n", "utf-8")


def main() -> int:
    """Run it; the exit code."""
    started = time.monotonic()
    keep = bool(os.environ.get("KEEP"))
    try:
        with Lab(Settings(checkout=CHECKOUT, keep=keep), progress=lambda text: print(text, flush=True)) as lab:
            demo = Demo(lab, started)
            found = demo.tell()
            if keep:
                demo.stay()
    except LabError as err:
        print(f"\nThe demo failed: {err}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nEnded by you; what was built is " + ("kept." if keep else "cleared away."), file=sys.stderr)
        return 130
    if found:
        print("\nThe demo failed: a host is not what its document says.", file=sys.stderr)
        return 1
    print(f"\nAll three sites are what the operator signed. {time.monotonic() - started:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
