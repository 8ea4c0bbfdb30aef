"""Whatever hosts, a centre, an operator's files or a careless paste say: no screen is harmed, no line of ours is forged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from click.testing import Result

from orch.common import attest
from orch.common import operations as op
from orch.common.identity import IdentityRequest
from orch.common.report import Change, Outcome, Reason, Report, Sign, StepOutcome, StepReport, Trigger
from tests.fakes.hostile import TEXTS, TOGETHER, harm_in
from tests.fakes.operators_centre import FakeHost
from tests.fakes.texts import poisoned
from tests.unit.master.cli.desk import ESTATE, Workplace

FORMS = ("table", "json", "yaml")
COMMANDS = (("status",), ("explain", "library/srv1"), ("key", "list"), ("plan",))


def unharmed(done: Result, *, of: str) -> None:
    assert harm_in(done.stdout) == "", of
    assert harm_in(done.stderr) == "", of
    assert "Traceback" not in done.stderr
    assert done.exception is None or isinstance(done.exception, SystemExit)


def shown(place: Workplace, *, of: str) -> Iterator[Result]:
    """Every screen in every form."""
    for command in COMMANDS:
        for form in FORMS:
            done = place.run(*command, "--output", form)
            unharmed(done, of=f"{of!r} {command} {form}")
            if form == "json":
                json.loads(done.stdout)
            yield done


@pytest.mark.parametrize("text", TOGETHER)
def test_what_a_host_says_harms_no_screen(place: Workplace, text: str) -> None:
    centre = place.found("library")
    [host] = place.admit("library/srv1")
    place.run("apply", "--yes", *place.unlocked)
    curve = host.curve.public
    change = Change(sign=Sign.CHANGE, kind="file", name="x", why="x")
    step = poisoned(StepReport(resource="x", outcome=StepOutcome.FAILED, changes=(change,)), text)
    row = centre.rows[curve]
    reason = Reason(code="step-failed", text=text, hint=text)
    made = poisoned(
        Report(
            host=host.name, curve=curve, boot=bytes(16), sequence=1, previous=b"", time=place.clock.wall(),
            trigger=Trigger.RELEASE, epoch=row.wanted[0], number=row.wanted[1], release=row.wanted_release,
            document=bytes(32), outcome=Outcome.FAILED, reason=reason, steps=(step,),
        ), text,
    )  # fmt: skip
    assert made.listeners == made.unlisted == (text[:300],)
    centre.reports[curve] = [attest.sign_report(made, host.sign)]
    host.plan, host.reason = (step,), None
    centre.rows[curve] = replace(
        row, outcome="failed", code=text, text=text, progress=text, warning=text, listeners=(text,)
    )
    assert len(list(shown(place, of=text))) == 12
    centre.rows[curve] = replace(row, outcome=text, code=text, text=text, progress=text, warning=text)
    host.plan, host.reason = (), reason
    assert len(list(shown(place, of=text))) == 12


@pytest.mark.parametrize("text", TOGETHER)
def test_what_a_stolen_centre_says_in_every_text_that_it_has_harms_no_screen(place: Workplace, text: str) -> None:
    centre = place.found("library")
    [host] = place.admit("library/srv1")
    place.run("apply", "--yes", *place.unlocked)
    centre.state = poisoned(
        op.CentreState(version="1", time=place.clock.wall(), free=1, size=2, contents=0, contents_limit=1), text
    )
    centre.lie = lambda row: poisoned(row, text)
    assert poisoned(centre.rows[host.curve.public], text).by == text[:300]
    assert len(list(shown(place, of=text))) == 12
    others = (
        ("doctor",),
        ("audit", "verify"),
        ("status", "-v"),
        ("status", "library/srv1"),
        ("explain", "library/srv1", "-v"),
        ("doc", "history", "library/srv1"),
        ("key", "who", "library/srv1"),
        ("events",),
    )
    for command in others:
        for form in FORMS:
            done = place.run(*command, "--output", form)
            unharmed(done, of=f"{text!r} {command} {form}")
            assert "No such" not in done.stderr, done.stderr


class Braggart(FakeHost):
    """A machine whose request says more than a machine's name."""

    @property
    def request(self) -> bytes:
        made = IdentityRequest(
            estate=self.estate, host=self.name, curve=self.curve.public, sign=self.sign.public, seal=self.curve.public,
            machine=self.text,
        )  # fmt: skip
        return attest.sign_identity_request(made, self.sign)


@pytest.mark.parametrize("text", TOGETHER)
def test_what_a_stranger_says_harms_no_screen(place: Workplace, text: str) -> None:
    centre = place.found("library")
    centre.knock(Braggart("library/srv1", ESTATE, text=text))
    for form in FORMS:
        unharmed(place.run("key", "list", "--output", form), of=text)
    unharmed(place.run("key", "accept", "library/srv1", "--words", "a b c d e f", *place.unlocked), of=text)


@pytest.mark.parametrize("text", [TEXTS[0], TOGETHER[0], TEXTS[6] + TEXTS[7], TEXTS[10]])
def test_what_was_typed_or_pasted_harms_no_screen(place: Workplace, text: str) -> None:
    place.found("library")
    place.admit("library/srv1")
    for command in (
        ("status",),
        ("target",),
        ("explain",),
        ("plan",),
        ("key", "accept"),
        ("key", "revoke"),
        ("key", "reset"),
    ):
        unharmed(place.run(*command, "--", text), of=f"{text!r} {command}")
    unharmed(place.run("apply", "--yes", "--note", text, *place.unlocked), of=text)
    assert len(list(shown(place, of=text))) == 12
    unharmed(place.run("key", "revoke", "library/srv1", "--yes", "--reason", text, *place.unlocked), of=text)


NAMED = (
    "site: {0}\nhosts: {{ srv1: {{}} }}\n",
    "site: library\nhosts: {{ {0}: {{}} }}\n",
    "site: library\nscope: {0}\nhosts: {{ srv1: {{}} }}\n",
    "site: library\nlists: [{0}]\nhosts: {{ srv1: {{}} }}\n",
    "site: library\nlabels: {{ {0}: a }}\nhosts: {{ srv1: {{}} }}\n",
    "site: library\nfiles: {{ {0}: {{ content: a }} }}\nhosts: {{ srv1: {{}} }}\n",
    "site: library\nfiles: {{ /etc/motd: {{ source: {0} }} }}\nhosts: {{ srv1: {{}} }}\n",
    "site: library\nfiles: {{ /etc/motd: {{ content: a, owner: {0} }} }}\nhosts: {{ srv1: {{}} }}\n",
    "site: library\nfiles: {{ /etc/motd: {{ content: a, mode: {0} }} }}\nhosts: {{ srv1: {{}} }}\n",
    "site: library\n{0}: a\nhosts: {{ srv1: {{}} }}\n",
)
"""Where a file of the estate names something."""


@pytest.mark.parametrize("text", TEXTS[::2])
def test_a_name_in_the_files_is_refused_with_its_place(place: Workplace, text: str) -> None:
    place.found()
    for at, site in enumerate(NAMED):
        (place.estate / "sites" / "library.yaml").write_text(site.format(json.dumps(text)), "utf-8")
        done = place.run("lint")
        unharmed(done, of=f"{text!r} {at}")
        assert done.exit_code == 2, (site, text, done.output)
        assert "sites/library.yaml" in done.stdout + done.stderr


@pytest.mark.parametrize("text", TEXTS[::3])
def test_free_text_in_the_files_harms_no_screen(place: Workplace, text: str) -> None:
    place.found()
    said = json.dumps(text)
    site = f"site: library\ntitle: {said}\ncontact: {{ name: {said}, phone: {said} }}\nhosts: {{ srv1: {{}} }}\n"
    (place.estate / "sites" / "library.yaml").write_text(site, "utf-8")
    done = place.run("lint")
    unharmed(done, of=text)
    if done.exit_code:  # control characters and line ends
        assert "not allowed here" in done.stdout
        return
    place.admit("library/srv1")
    unharmed(place.run("apply", "--yes", *place.unlocked), of=text)
    assert len(list(shown(place, of=text))) == 12
