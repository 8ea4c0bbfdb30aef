"""Every decoder of bytes from outside: what is valid for it, and how it is called.

What reads msgpack is fed with values made from the annotations, so a new class needs a line in TARGETS and no samples
(tests/unit/proof/test_families.py misses that line).

Called by the families `decoder` (dice) and `guided` (coverage).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random

from orch.common import armour, codec, crypto, enrolment, envelope, keyfile, lists, messages, settings, stick
from orch.common.document import COPY, Document
from orch.common.enrolment import Enrolment
from orch.common.identity import Admission, IdentityRequest, Reset, Revocation
from orch.common.names import Place
from orch.common.operations import OPERATIONS, AuditRow
from orch.common.order import Order, PlanRequest
from orch.common.policy import Policy
from orch.common.release import Fresh, Go, Release
from orch.common.report import PlanAnswer, Report, StepReport
from orch.common.standing import Contact
from orch.common.stick import Results, Stick
from orch.master.cli import proposal, record
from orch.master.estate import expression, quantity, sealed_file, source
from orch.master.estate.diagnostics import Findings
from orch.master.records import Summary
from orch.master.settings import Settings
from orch.minion import channel, failpoint, floor, refusals, shelf, want
from orch.minion.adapters import apt, dpkg
from orch.minion.last import Last
from orch.minion.onsite import HostExplanation, HostPlan, HostReports, HostStatus
from orch.minion.want import Want
from tests.fakes import signed_estate as estate
from tests.proof.invent import invent

CORPUS = 24
"""Valid inputs of each decoder that its mutants are made of."""
LIMIT = 1 << 20
BODIES: tuple[type, ...] = (
    Policy, Release, Go, Fresh, Document, Admission, IdentityRequest, Revocation, Reset, Order, PlanRequest, Report,
    PlanAnswer, StepReport, Enrolment, Summary, Contact, Last, Want, HostStatus, HostPlan, HostExplanation,
    HostReports, Stick, Results, floor._Slot, shelf._Stored, refusals._Said,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A decoder: something valid for it, and how it is called. `packed` says that it is msgpack."""

    name: str
    valid: Callable[[Random], bytes]
    read: Callable[[bytes], object]
    packed: bool = False


def _body(cls: type) -> Target:
    return Target(
        name=cls.__name__,
        valid=lambda fall: codec.encode(invent(cls, fall)),
        read=lambda data: codec.decode(cls, data, limit=LIMIT),
        packed=True,
    )


def _operation(name: str, cls: type, what: str) -> Target:
    return Target(
        name=f"{name} {what}",
        valid=lambda fall: codec.encode(invent(cls, fall)),
        read=lambda data: codec.decode(cls, data, limit=LIMIT, unknown="ignore"),
        packed=True,
    )


def _message(cls: type[messages.Message]) -> Target:
    return Target(
        name=f"message {cls.TAG}",
        valid=lambda fall: messages.to_frames(invent(cls, fall))[0],
        read=lambda data: messages.from_frames((data, *(b"\x00" * 9 for _ in cls.ATTACHED))),
        packed=True,
    )


def _channel_word(data: bytes) -> object:
    try:
        return channel._read(data)
    except channel.Closed:
        return None


def _envelope(fall: Random) -> bytes:
    keys = estate.keys(*("anna", "bert", "root")[: fall.randint(0, 3)])
    return envelope.seal(
        fall.choice(("orch/policy/1", "orch/release/1", "x")), fall.randbytes(fall.randint(0, 300)), keys
    )


def _as_text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: read(data.decode("utf-8", "replace"))


LISTS = (
    b"@base\nrsync\nlibc6:amd64 install # c\ntelnet purge\nlinux-image-* allow\nlm-sensors (>= 1:3.6)\nf /bookworm-b\n",
    b"\xef\xbb\xbfa-b\r\n\tg++   hold\n",
)
YAML = (
    b"orch: 1\nestate: small\ndefaults:\n  lists: [base]\n  files:\n    /etc/motd: {content: hi, mode: '0644'}\n",
    b"site: a\nlabels: { kind: library, x: 'y' }\nlink: {down: 2Mbit}\nhosts:\n  srv1:\n  srv2:\n    lists: [a, b]\n",
    b"a: &x [1, 0o7, true]\nb: *x\nc: !!binary aGk=\nd: |\n  text\n  more\n? k\n: v\n--- 2\n",
)
TARGETS_OF_HOSTS = (
    b"library or (kind=school and not @wide) or lib*/srv1",
    b"mem>=4GiB",
    b"not not all",
    b"lists:base, x",
)
TOML = (
    b'listen = ["tcp://*:4505"]\n[limits]\npending = 3\n[keep]\nreports = 9\n',
    b'x = {a = [1, 2.5]}\n[[t]]\n"k" = 1\n',
)


def _carried(cls: type[Stick | Results]) -> Target:
    def valid(fall: Random) -> bytes:
        contents, file = tuple(fall.randbytes(fall.randint(0, 40)) for _ in range(fall.randint(0, 3))), io.BytesIO()
        stick.write(file, replace(invent(cls, fall), contents=stick.named(contents)), contents)
        return file.getvalue()

    def read(data: bytes) -> object:
        file = io.BytesIO(data)
        head, _bytes = stick.read_head(file, cls)
        return tuple(stick.read_contents(file, head.contents))

    return Target(name=f"file {cls.__name__}", valid=valid, read=read)


STATUS = (
    b"Package: nano\nStatus: install ok installed\nArchitecture: amd64\nVersion: 7.2-1\nEssential: no\n\n"
    b"Package: libc6\nStatus: install reinstreq half-configured\nArchitecture: i386\nVersion: 2.36-9+deb12u9\n",
    b"Package: x\nStatus: deinstall ok config-files\nVersion: 1:0~rc1\nDescription: a\n b\n .\n\n",
)
SIMULATED = (
    b"NOTE: only a simulation\nInst nano [7.1-1] (7.2-1 Debian:12/stable [amd64]) []\nConf nano (7.2-1 Debian:12)\n"
    b"Remv telnet [0.17] [x:amd64 ]\nPurg old [1]\n",
    b"Inst libc6:i386 (2.36-9 Debian:12.5/stable [i386])\nRemv a [1]\nInst a (2 x [all])\n",
)
KNOWN = (
    b"nano:\n  Installed: (none)\n  Candidate: 7.2-1\n  Version table:\n *** 7.2-1 500\n        500 http://x y/z\n"
    b"     7.1-1 -10\ntelnet:\n  Installed: 1\n  Candidate: (none)\n",
)


def _outside() -> Iterator[Target]:
    """What other programs say, and what comes in a file from somebody else."""
    rows = tuple(AuditRow(kind=kind, envelope=estate.policy_bytes()) for kind in ("policy", "release"))
    asked = armour.write(proposal.KIND, estate.policy_bytes(), head=["a proposal"]).encode()

    def proposed(data: bytes) -> object:
        text = data.decode("utf-8", "replace")
        return proposal.judged(estate.POLICY, armour.read(proposal.KIND, text, limit=200_000, hint="again"))

    def of(samples: Sequence[bytes]) -> Callable[[Random], bytes]:
        return lambda fall: fall.choice(samples)

    text = record.text(rows, estate="lab").encode()
    yield Target(name="record", valid=of((text,)), read=lambda data: record.parse(data, Path("x")))
    yield Target(name="proposal", valid=of((asked,)), read=proposed)
    yield Target(name="status of packages", valid=of(STATUS), read=dpkg._packages)
    yield Target(name="what apt would do", valid=of(SIMULATED), read=_as_text(apt.read_simulation))
    yield Target(name="what apt knows", valid=of(KNOWN), read=_as_text(apt.read_policy))


_KEY_FILES = {
    "orch login key": keyfile.read_login,
    "orch centre key": keyfile.read_centre,
    "orch recovery key": keyfile.read_recovery,
    "orch operator's public keys": keyfile.read_operator,
}


def _mended_key(data: bytes) -> object:
    """A key file behind its check digits, which let hardly a mutant pass."""
    lines = [line.strip() for line in data.decode("utf-8", "replace").splitlines()[:-1] if line.strip()]
    kept = [line for line in lines if not line.startswith("#")]
    read = _KEY_FILES.get(kept[0].partition(",")[0] if kept else "", keyfile.read_root)
    return read("\n".join([*lines, f"check: {keyfile._check(kept)}"]))


def _mended_secret(data: bytes) -> object:
    """The same of a sealed secret."""
    lines = data.decode("utf-8", "replace").split("\n")[:-2]
    return sealed_file.read("\n".join([*lines, f"check: {sealed_file._check(lines)}", ""]))


def _sealed(fall: Random) -> bytes:
    copy, key = fall.randbytes(COPY), fall.randbytes(32)
    made = sealed_file.SealedSecret(
        estate="lab",
        name="apps-join",
        value=fall.randbytes(16),
        at=fall.randrange(1 << 31),
        by="anna",
        box=fall.randbytes(fall.randint(16, 80)),
        readers=(sealed_file.ReaderCopy("anna", key, copy), sealed_file.ReaderCopy("@root", key, copy)),
        hosts=(sealed_file.HostCopy("library/srv1", "/etc/a b", "main", key, copy),),
    )
    return sealed_file.write(made).encode()


def _texts() -> Iterator[Target]:
    def of(samples: Sequence[bytes]) -> Callable[[Random], bytes]:
        return lambda fall: fall.choice(samples)

    seed = crypto.sha256(b"seed")
    login = keyfile.write(keyfile.LoginKey(estate="lab", operator="anna", curve=seed, sign=seed)).encode()
    centre = keyfile.write(keyfile.CentreKey(estate="lab", curve=seed, fresh=seed)).encode()
    recovery = keyfile.write(keyfile.RecoveryKey(estate="lab", seed=seed), about="keep it\napart").encode()
    asking = keyfile.OperatorPart(estate="lab", operator="anna", connection=seed, login=seed, signing=seed)
    holder = keyfile.RootPart(estate="lab", holder="rita", root=seed)
    sealed = crypto.seal_file(seed, "a passphrase", cost=2).encode()
    policy = estate.policy_bytes()
    enrol = enrolment.write(Enrolment(estate="lab", policy=policy, pin=estate.body_hash(policy))).encode()
    wanted = invent(Want, Random(1)).as_text().encode()
    yield Target(name="list", valid=of(LISTS), read=lambda data: lists.parse_bytes(data, "lists/x.list"))
    yield Target(name="login key", valid=of((login,)), read=_as_text(keyfile.read_login))
    yield Target(name="centre key", valid=of((centre,)), read=_as_text(keyfile.read_centre))
    yield Target(
        name="operator's keys", valid=of((keyfile.write(asking).encode(),)), read=_as_text(keyfile.read_operator)
    )
    yield Target(name="root's half", valid=of((keyfile.write(holder).encode(),)), read=_as_text(keyfile.read_root))
    yield Target(name="recovery key", valid=of((recovery,)), read=_as_text(keyfile.read_recovery))
    yield Target(
        name="sealed key", valid=of((sealed,)), read=_as_text(lambda text: crypto.open_file(text, "a passphrase"))
    )
    every = (login, centre, recovery, keyfile.write(asking).encode(), keyfile.write(holder).encode())
    yield Target(name="key file with its check mended", valid=of(every), read=_mended_key)
    yield Target(name="sealed secret", valid=_sealed, read=_as_text(sealed_file.read))
    yield Target(name="sealed secret with its check mended", valid=_sealed, read=_mended_secret)
    yield Target(name="enrolment", valid=of((enrol,)), read=_as_text(enrolment.read))
    yield Target(name="settings", valid=of(TOML), read=_as_text(lambda text: settings.parse(Settings, text, "x")))
    yield Target(name="estate file", valid=of(YAML), read=lambda data: source.read(data, "sites/x.yaml", Findings()))
    yield Target(name="target", valid=of(TARGETS_OF_HOSTS), read=_as_text(expression.parse))
    yield Target(name="quantity", valid=of((b"2Mbit", b"4 GiB", b"30d")), read=_as_text(quantity.parse))
    yield Target(name="place", valid=of((b"library/dom0",)), read=_as_text(Place.parse))
    yield Target(name="want", valid=of((wanted,)), read=_as_text(want.Want.from_text))
    yield Target(name="failpoint", valid=of((b"after-floor=kill:3",)), read=_as_text(failpoint.parse))


def _all() -> Iterator[Target]:
    yield from (_body(cls) for cls in BODIES)
    yield from (_message(cls) for cls in messages.ALL)
    for name, operation in OPERATIONS.items():
        yield _operation(name, operation.takes, "asked")
        yield _operation(name, operation.gives, "answered")
    yield Target(
        name="envelope",
        valid=_envelope,
        read=lambda data: envelope.open_envelope(data, type="orch/policy/1", limit=70_000),
        packed=True,
    )
    yield Target(
        name="word of the agent",
        valid=lambda fall: channel._written(invent(fall.choice(list(channel._WORDS.values())), fall))[4:],
        read=_channel_word,
        packed=True,
    )
    yield _carried(Stick)
    yield _carried(Results)
    yield from _texts()
    yield from _outside()


TARGETS = tuple(_all())


@cache
def corpus() -> tuple[tuple[bytes, ...], ...]:
    """What mutants are made of, in the order of the targets; the same for every seed."""
    falls = (Random(f"corpus of {target.name}") for target in TARGETS)
    return tuple(tuple(target.valid(fall) for _ in range(CORPUS)) for target, fall in zip(TARGETS, falls, strict=True))
