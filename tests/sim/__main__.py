"""`make sim SEED=1 CASES=20`: let worlds live and judge them; a seed that fails is printed with what went wrong.

SEED     the first seed; without it a new one. The same seed is the same world, to the last message.
CASES    how many seeds, one after the other; without it as many as fit in SECONDS (30).
HOSTS    how many hosts each world has (50).
DAYS     for how many days of virtual time each lives at least; without it two to four episodes, days to weeks.
STORY=1  with SEED: print the whole history of that world.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.sim.weather import PLACES
from tests.sim.world import HOSTS, Verdict, run

BUDGET = 30.0


def main() -> int:
    """Do what was asked; 1 where an invariant was broken."""
    asked = _arguments()
    first = int(time.time()) if asked.seed is None else asked.seed
    cases = asked.cases or (1 if asked.story else None)
    failed, done, again, began, cpu = 0, 0, 0, time.monotonic(), time.process_time()
    places: Counter[str] = Counter()
    while done < cases if cases else time.monotonic() - began < asked.seconds:
        verdict = run(first + done, hosts=asked.hosts, days=asked.days)
        done += 1
        again += verdict.again
        places.update(verdict.places)
        failed += bool(verdict.wrong)
        _say(verdict, asked)
    each = (time.process_time() - cpu) / max(1, done)
    print(f"sim: seeds {first} to {first + done - 1}, {failed} failed, {each * 1000:.0f} ms CPU a seed", flush=True)
    print(f"sim: {again} reports came to a centre more than once; {places.total()} times a host died at one of these:")
    print(f"sim: {', '.join(f'{place} {places[place]}' for place in PLACES)}", flush=True)
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make sim")
    parser.add_argument("--seed", type=int, help="the first seed; without it a new one")
    parser.add_argument("--cases", type=int, help="how many seeds")
    parser.add_argument("--seconds", type=float, default=BUDGET, help="without --cases: begin new ones for so long")
    parser.add_argument("--hosts", type=int, default=HOSTS, help="hosts of each world")
    parser.add_argument("--days", type=float, default=0, help="days of virtual time that each lives at least")
    parser.add_argument("--story", action="store_true", help="print the history")
    return parser.parse_args()


def _say(verdict: Verdict, asked: argparse.Namespace) -> None:
    if asked.story:
        print("\n".join(verdict.lines))
    state = "FAILED" if verdict.wrong else "holds"
    print(
        f"seed {verdict.seed} {state}: {verdict.days:.1f} days, {verdict.releases} releases, {verdict.acts} steps, "
        f"{verdict.events} events, digest {verdict.digest}",
        flush=True,
    )
    for text in verdict.wrong:
        print(f"  {text}")
    if verdict.wrong:
        size = "".join(
            f" {name}={value:g}"
            for name, value, usual in (("HOSTS", asked.hosts, HOSTS), ("DAYS", asked.days, 0))
            if value != usual
        )
        print(f"  again: make sim SEED={verdict.seed} CASES=1{size}   with its history: STORY=1", flush=True)


if __name__ == "__main__":
    sys.exit(main())
