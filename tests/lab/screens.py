"""The screens of docs/explanation/screens.md, as orch prints them on three real hosts of a laboratory.

A screen is a block of the page that begins with `$ orch ...`. `scenes` plays the story in which they come, in the
page's order; `shape` is what of a screen has to be the same each time: its words, not times, hashes or widths.

The test tests/system/test_screens.py holds the page to it; with SCREENS=write it writes the page's blocks anew.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab import command
from tests.lab.demo import FILES, change_list
from tests.lab.fleet import Fleet, Folders
from tests.lab.hosts import Host, until
from tests.lab.lab import Lab
from tests.lab.table import Service

PAGE = FILES.parents[1] / "explanation/screens.md"
LIBRARY, SCHOOL, LABSITE = "library/lib-srv1", "school/sch-srv1", "lab/lab-srv1"
_BLOCK = re.compile(r"^```text\n(\$ orch .*?)^```$", re.MULTILINE | re.DOTALL)
_CHANGES = (
    (r"\x1b\[[0-9;]*m", ""),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "WHEN"),
    (r"\b\d\d:\d\d:\d\d\b", "CLOCK"),
    (r"\b\d+ (?:s|min|h|d)\b(?: \d+ (?:min|h)\b)?", "SPAN"),
    (r"\b[0-9a-f]{12}\b", "HASH"),
    (r"(?:\b[a-z]{5}\b ){5}\b[a-z]{5}\b", "WORDS"),
    (r"(has +release \S+), policy \d+", r"\1"),  # a host says with a later word which policy it has
    (r"\s+", " "),
)


@dataclass(frozen=True, slots=True)
class Screen:
    """A command, and all that it printed."""

    line: str
    text: str

    def block(self) -> str:
        """As it stands in the page."""
        return f"$ {self.line}\n{self.text}"


def documented() -> list[Screen]:
    """The screens of the page."""
    found = []
    for body in _BLOCK.findall(PAGE.read_text("utf-8")):
        first, _, rest = body.partition("\n")
        found.append(Screen(first.removeprefix("$ "), rest))
    return found


def shape(screen: Screen) -> list[str]:
    """What is the same each time. Hosts report in any order, and what they do meanwhile is seen or not."""
    lines = [screen.line, *screen.text.splitlines()]
    return sorted(filter(None, (_plain(line) for line in lines if "↻ changing" not in line)))


def _plain(line: str) -> str:
    for pattern, word in _CHANGES:
        line = re.sub(pattern, word, line)
    return line.strip()


def write(screens: list[Screen]) -> None:
    """Put these in place of the page's own, one for one."""
    made = iter(screens)
    PAGE.write_text(_BLOCK.sub(lambda _old: f"```text\n{next(made).block()}```", PAGE.read_text("utf-8")), "utf-8")


class Story:
    """An estate from its first host on."""

    def __init__(self, lab: Lab) -> None:
        """Nothing is made before `scenes`."""
        self.lab = lab
        self.fleet = Fleet(lab)
        self.fleet.folders = Folders(lab.folder / "screens")

    def show(self, *arguments: str) -> Screen:
        """Run `orch` and keep all that it says, in the order in which a person sees it."""
        codes = range(256)
        text = "".join(f"{line}".rstrip() + "\n" for line in self.fleet.watch(*arguments, codes=codes))
        return Screen("orch " + shlex.join(arguments), text)

    def scenes(self) -> Iterator[Screen]:
        """The story."""
        yield from self._enrolment()
        yield from self._change()
        yield from self._trouble()
        yield from self._mistake()

    def _enrolment(self) -> Iterator[Screen]:
        self.fleet.found(files=FILES)
        self.fleet.start_master()
        words = {name: self.fleet.enrol(host) for name, host in self.lab.hosts.items()}
        self._until_all_ask()
        yield self.show("key", "list", "--pending")
        yield self.show("key", "accept", LIBRARY, "--words", words[LIBRARY])
        for name in (SCHOOL, LABSITE):
            self.fleet.admit(self.lab.hosts[name], words[name])
        self.fleet.apply()

    def _until_all_ask(self) -> None:
        def there() -> bool:
            said = self.fleet.orch("key", "list", "--pending").out
            return all(name in said for name in self.lab.hosts)

        until(there, every=0.3, what="all hosts to ask to be let in")

    def _change(self) -> Iterator[Screen]:
        change_list(self.fleet.folders.estate / "lists/base.list", add="tree", drop="site-tools")
        plan = str(self.fleet.folders.base / "spring.plan")
        yield self._with_file(self.show("plan", "-o", plan), plan)
        self.lab.hosts[SCHOOL].stop()  # it says goodbye
        until(lambda: not self.fleet.rows()[SCHOOL]["connected"], every=0.3, what="the centre to know")
        yield self._with_file(self.show("apply", plan, "--yes"), plan)

    @staticmethod
    def _with_file(screen: Screen, path: str) -> Screen:
        """As if the file lay where the person stands."""
        name = Path(path).name
        return Screen(screen.line.replace(path, name), screen.text.replace(path, name))

    def _trouble(self) -> Iterator[Screen]:
        with self._listening(self.lab.hosts[LABSITE]):
            until(lambda: bool(self.fleet.rows()[LABSITE]["listeners"]), every=0.3, what="the listener to be told")
            yield self.show("status")
            yield self.show("status", "--prove", "no-inbound")
            yield self.show("explain", "lab")
        yield self.show("explain", "school")
        yield self.show("doc", "history", "library")

    @contextmanager
    def _listening(self, host: Host) -> Iterator[None]:
        """Somebody starts something by hand on a host that waits for connections."""
        by_hand = Service(name="by-hand", argv=(command.PYTHON, "-m", "http.server", "8000"))
        host.serve([*self.fleet.services(host), by_hand])
        try:
            yield
        finally:
            host.serve(self.fleet.services(host))

    def _mistake(self) -> Iterator[Screen]:
        file = self.fleet.folders.estate / "sites/library.yaml"
        before = file.read_text("utf-8")
        file.write_text(before.replace("labels:", "lables:"), "utf-8")
        yield self.show("lint")
        file.write_text(before, "utf-8")

    def end(self) -> None:
        """Leave the laboratory as the next one finds it."""
        self.fleet.kill_master()
        for host in self.lab.hosts.values():
            host.power_cut()
