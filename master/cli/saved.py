"""A plan in a file, to be looked at in peace and applied as it was: `orch plan -o FILE`, then `orch apply FILE`.

The file authorises nothing and holds no document: what is signed is compiled from the estate's files as they are then.
It says what was found when it was made, so that `apply` can refuse where any of that is different now:

- what each host is to be (a digest of its document without the lines' places and the commit);
- the newest release for each host, so that nobody published in between;
- what each host said it would do: it is asked again, and has to say the same.

Called by plan and apply.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orch.common import codec
from orch.common.clock import rfc3339
from orch.common.crypto import sha256
from orch.common.document import Document
from orch.common.errors import StalePlan, UsageError
from orch.common.report import StepReport
from orch.master.cli import files, plans
from orch.master.cli.output import Data
from orch.master.estate.compiler import Compiled

SCHEMA = "orch/saved-plan/1"
ENDING = ".plan"
_LIMIT = 256 << 20
_SHOWN = 6
_BEGIN = f'{{"schema": "{SCHEMA[:-1]}'.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One host of a plan. `steps` as for scripts; None where it did not say what it would do."""

    document: str
    release: str  # the newest for it then, by its hash; empty: none
    steps: Sequence[Data] | None

    @property
    def removals(self) -> int:
        """Packages that it would remove."""
        every = [change for step in self.steps or () for change in _changes(step)]
        return sum((change.get("kind"), change.get("sign")) == ("package", "-") for change in every)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A plan that was made."""

    estate: str
    made: int
    hosts: Mapping[str, Planned]

    @property
    def target(self) -> str:
        """Exactly its hosts."""
        return ",".join(self.hosts)


def _changes(step: Data) -> Iterator[Mapping[str, Data]]:
    match step:
        case {"changes": list(changes)}:
            yield from (change for change in changes if isinstance(change, Mapping))
        case _:
            return


def made(compiled: Sequence[Compiled], found: plans.Found, *, estate: str, releases: Mapping[str, bytes]) -> Saved:
    """The plan of these documents, as the hosts answered.

    Args:
        compiled: what each host is to be.
        found: what the hosts said.
        estate: its name.
        releases: the newest release of each host, by its hash.
    """
    hosts = {
        str(item.place): Planned(
            document=digest(item.document),
            release=releases.get(str(item.place), b"").hex(),
            steps=_said(found, str(item.place)),
        )
        for item in compiled
    }
    return Saved(estate=estate, made=found.now, hosts=hosts)


def digest(document: Document) -> str:
    """What a host is to be. Where a line stands, and in which commit, is no difference for it.

    Nor is it whether a secret's value is sealed to it already: apply sees to that.
    """
    secrets = tuple(replace(item, key=b"") for item in document.secrets)
    return sha256(codec.encode(replace(document, commit="", origins=(), secrets=secrets))).hex()


def _said(found: plans.Found, host: str) -> Sequence[Data] | None:
    return steps(found.answers[host].steps) if host in found.answers else None


def steps(told: Sequence[StepReport]) -> list[Data]:
    """Steps without how long they took."""
    return [plans.step_data(replace(step, milliseconds=0)) for step in told]


def write(path: Path, saved: Saved) -> None:
    """Write it.

    Raises:
        UsageError: it cannot be written.
    """
    files.needs_folder(path)
    hosts: list[Data] = [
        {"host": host, "document": item.document, "release": item.release, "steps": item.steps}
        for host, item in saved.hosts.items()
    ]
    text: dict[str, Data] = {"schema": SCHEMA, "estate": saved.estate, "made": saved.made, "hosts": hosts}
    files.write(path, json.dumps(text, ensure_ascii=False) + "\n")


def is_plan(word: str | None) -> bool:
    """Whether the word on the command line is a file with a plan, not a target.

    Raises:
        UsageError: it is called like one and is none.
    """
    if not word:
        return False
    path = Path(word)
    try:
        with path.open("rb") as file:
            if file.read(len(_BEGIN)) == _BEGIN:
                return True
    except (OSError, ValueError):
        pass
    if word.endswith(ENDING):
        raise UsageError(f"{word} is no file with a plan", hint=f"orch plan -o {word} writes one")
    return False


def read(path: Path) -> Saved:
    """The plan of a file.

    Raises:
        UsageError: it cannot be read or is damaged.
    """
    wrong = UsageError(f"{path} is no plan that this version can read", hint=f"make it anew: orch plan -o {path}")
    try:
        found = json.loads(files.read(path, limit=_LIMIT))
    except (ValueError, RecursionError) as err:
        raise wrong from err
    match found:
        case {"schema": "orch/saved-plan/1", "estate": str(estate), "made": int(when), "hosts": list(hosts)}:
            pass
        case _:
            raise wrong
    kept: dict[str, Planned] = {}
    for item in hosts:
        match item:
            case {"host": str(host), "document": str(document), "release": str(release), "steps": list() | None}:
                kept[host] = Planned(document=document, release=release, steps=item["steps"])
            case _:
                raise wrong
    return Saved(estate=estate, made=when, hosts=kept)


def check(saved: Saved, now: Saved) -> None:
    """Let a plan pass that holds.

    Args:
        saved: as it was made.
        now: the same, made again.

    Raises:
        StalePlan: something is different; it says what.
    """
    reasons = [f"it is of the estate {saved.estate}, not of {now.estate}"] if saved.estate != now.estate else []
    for host, then in saved.hosts.items():
        if why := _differs(then, now.hosts.get(host)):
            reasons.append(f"{host}: {why}")
    if reasons:
        more = f"\n  and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
        told = "".join(f"\n  {reason}" for reason in reasons[:_SHOWN])
        raise StalePlan(
            f"this plan of {rfc3339(saved.made)} does not hold any more:{told}{more}",
            hint="nothing was done. Make a new one with orch plan -o FILE, and look at it",
        )


def _differs(then: Planned, now: Planned | None) -> str:
    if now is None:
        return "it is in your files no more, or not admitted"
    if then.document != now.document:
        return "your files say something else for it now"
    if then.release != now.release:
        return "somebody has published a release for it since"
    if then.steps is not None and now.steps is not None and then.steps != now.steps:
        return "it would do something else now than it said then"
    return ""
