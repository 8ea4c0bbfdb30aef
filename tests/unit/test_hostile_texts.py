"""Metacharacters in every text that travels, found by the annotations: bound by a pattern, or on the list of those that
are only shown, compared or looked up (trust.md section 0, C2 and C3).

What the screens make of them is in master/cli/test_hostile_text.py and minion/cli/test_show.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from orch.common import attest, codec, events, messages
from orch.common import operations as op
from orch.common.errors import Malformed
from orch.common.operations import OPERATIONS
from orch.common.report import Change, Outcome, Reason, Report, Sign, StepOutcome, StepReport
from tests.fakes import signed_estate as estate
from tests.fakes.hostile import TEXTS, TOGETHER, harm_in
from tests.fakes.running_centre import RunningCentre
from tests.fakes.texts import members, poisoned, texts
from tests.proof.invent import invent
from tests.proof.mutate import packed, unpacked
from tests.proof.targets import BODIES


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[RunningCentre]:
    made = RunningCentre(tmp_path / "centre")
    yield made
    made.close()


TRAVELLING: tuple[type, ...] = tuple(
    dict.fromkeys(
        (
            *BODIES,
            *messages.ALL,
            *(operation.takes for operation in OPERATIONS.values()),
            *(operation.gives for operation in OPERATIONS.values()),
        )
    )
)
ALL = {one.where: one for cls in TRAVELLING for one in texts(cls)}
BOUND = {where: one for where, one in ALL.items() if one.bound}

SHOWN = {
    "Answer.code", "Answer.hint", "Answer.text", "CentreState.version", "Change.after", "Change.before", "Change.kind",
    "Change.name", "Change.why", "Denied.reason", "Document.commit", "Document.listen", "HostExplanation.because",
    "HostExplanation.do", "HostStatus.centre", "HostStatus.commit", "HostStatus.denied", "HostStatus.doing",
    "HostStatus.estate", "HostStatus.listeners", "HostStatus.lost", "HostStatus.outcome", "HostStatus.permission",
    "HostStatus.ring", "HostStatus.scope", "HostStatus.standing", "HostStatus.trigger", "HostStatus.unlisted",
    "IdentityRequest.machine", "KeyRow.address", "Last.listeners", "Last.unlisted", "Origin.resource", "Origin.where",
    "Progress.text", "Reason.code", "Reason.hint", "Reason.text", "Release.note", "Report.listeners", "Report.refused",
    "Report.unlisted", "Revocation.reason", "Row.by", "Row.code", "Row.listeners", "Row.outcome", "Row.progress", "Row.ring",
    "Row.scope", "Row.text", "Row.warning", "StepReport.hint", "StepReport.problem", "StepReport.resource", "StreamEnd.text",
    "Summary.code", "Summary.listeners", "Summary.outcome", "Summary.text", "Summary.warning",
}  # fmt: skip
"""Shown to people, or compared with names; never a path, a command or an option."""
COMPARED = {"Ask.scope", "Hello.scope", "Floor.scope", "Packages.protect"}
"""With names that were bound by a pattern where they came in."""
LOOKED_UP = {"File.owner", "File.group", "SecretFile.owner", "SecretFile.group"}
"""In the host's own tables of users and groups."""
OURS = {"Want.addresses", "Want.curve", "Want.proxy", "Want.spool"}
"""What the executor tells its own fetcher."""
DIALLED = {"Centre.addresses"}
"""Signed by the roots; ZeroMQ refuses what is no address (test_an_address_that_is_none_is_refused)."""
UNUSED = {"Order.arguments"}
"""Of orders, of which this version does none that takes any."""


def test_c3_every_text_that_travels_is_bound_by_a_pattern_or_on_the_list_of_those_that_do_nothing() -> None:
    free = ALL.keys() - BOUND.keys()
    assert free == SHOWN | COMPARED | LOOKED_UP | OURS | DIALLED | UNUSED


# --- what is bound ---------------------------------------------------------------------------------------------------


def placed(value: Any, cls: type, name: str, text: str) -> bool:
    """Put the text into the first such member of a plain value; whether there was one."""
    hints = members(cls)
    if isinstance(value, dict) and name in hints and name in value:
        before = value[name]
        value[name] = [text] if isinstance(before, list) else text
        return True
    return False


def within(value: Any, cls: type, wanted: type) -> Iterator[Any]:
    """The plain values that stand for one class inside those of another."""
    if cls is wanted:
        yield value
        return
    for name, hint in members(cls).items():
        for inner in _classes(hint):
            found = value.get(name)
            for one in found if isinstance(found, list) else [found]:
                if isinstance(one, dict):
                    yield from within(one, inner, wanted)


def _classes(hint: Any) -> Iterator[type]:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        yield hint
    else:
        for inner in getattr(hint, "__args__", ()):
            yield from _classes(inner)


@cache
def around(where: str) -> tuple[type, bytes]:
    """A class that travels and has this text somewhere, and good bytes of it in which it stands."""
    one = ALL[where]
    for cls in sorted(TRAVELLING, key=lambda cls: cls is not one.cls):
        for number in range(20 if one in texts(cls) else 0):
            good = codec.encode(invent(cls, Random(number)))
            if any(placed(found, one.cls, one.name, "") for found in within(unpacked(good), cls, one.cls)):
                return cls, good
    raise AssertionError(f"{where} is nowhere")


def spoilt(where: str, text: str) -> tuple[type, bytes]:
    """A class that travels, whose bytes are good but for one text of it."""
    cls, good = around(where)
    plain, one = unpacked(good), ALL[where]
    assert any(placed(found, one.cls, one.name, text) for found in within(plain, cls, one.cls))
    return cls, packed(plain)


@pytest.mark.parametrize("where", sorted(BOUND))
def test_c2_c3_no_hostile_word_stands_where_a_pattern_binds(where: str) -> None:
    cls, good = spoilt(where, {"a package name": "nano", "a plain absolute path": "/a"}.get(BOUND[where].bound, "a"))
    if "site/host" not in BOUND[where].bound:
        codec.decode(cls, good, limit=1 << 20)
    for text in (*TEXTS, "../x", "a/../../b", "/etc/../passwd", "library/..", "..", ".", "", "-", "-a", "a" * 2000):
        _cls, bad = spoilt(where, text)
        with pytest.raises(Malformed, match=ALL[where].name):
            codec.decode(cls, bad, limit=1 << 20)


# --- what the centre makes of them -----------------------------------------------------------------------------------


def test_c2_c3_whatever_hosts_and_strangers_say_in_their_texts_the_log_is_unharmed(centre: RunningCentre) -> None:
    host, fall = centre.admitted(), Random(2)
    step = StepReport(
        resource="x",
        outcome=StepOutcome.FAILED,
        changes=(Change(sign=Sign.CHANGE, kind="x", name="x", why="x"),),
        problem="x",
    )
    for number, text in enumerate(TOGETHER):
        stranger = centre.host(f"site{number}/dom0", connect=False)
        asked = poisoned(estate.request(stranger.name), text)
        assert text[:60] in asked.machine
        stranger.held = replace(
            stranger.held,
            scope=text[:300],
            request=attest.sign_identity_request(asked, estate.signing(stranger.name)),
        )
        stranger.connect(centre.context, centre.address)
        host.held = replace(host.held, scope=text[:300])
        host.ask()
        told = poisoned(replace(invent(Report, fall), reason=Reason(code="x", text="x"), steps=(step,)), text)
        said = {name: getattr(told, name) for name in ("reason", "steps", "listeners", "unlisted", "refused")}
        sequence = host.report(Outcome.FAILED, **said)
        centre.until(lambda sequence=sequence: host.acknowledged >= sequence)  # type: ignore[misc]
        centre.until(lambda stranger=stranger: "pending" in stranger.standing)  # type: ignore[misc]
        host.say(poisoned(invent(messages.Progress, fall), text))
        centre.until(lambda text=text: text[:60] in centre.rows()[host.name].progress)  # type: ignore[misc]
        assert set(centre.ask("host.explain", op.HostAsked(host.name), op.Detail).row.listeners) == {text[:300]}
    assert len(centre.log.lines) > 4
    for name, values in centre.log.lines:
        assert harm_in(events.line(events.Event(name, tuple(values)), values)) == ""
