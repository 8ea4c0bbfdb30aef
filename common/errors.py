"""The one tree of errors: each class says who must act, each carries a hint.

    OrchError
    ├── OperatorError          the person at `orch` must act
    │   ├── UsageError         the command was wrong (exit 2)
    │   ├── EstateError        a file of the estate is wrong, or several are (exit 2)
    │   ├── KeyFileError       a key or a passphrase is missing or wrong
    │   ├── NotAllowed         signature, policy or access refuse it (exit 5)
    │   ├── StalePlan          what a saved plan was made for is different now (exit 5)
    │   └── Unreachable        the centre does not answer (exit 6)
    ├── SettingsError          whoever set up this machine must act
    ├── StoreError             the disk or the database of this machine needs care
    │   └── Damaged            a database is not what was written there
    ├── Malformed              the peer sent bytes that are not what they claim to be
    ├── Refused                a signed thing was checked and is not accepted; the old one stays
    │   ├── BadSignature       altered, unknown key, or too few signatures
    │   ├── OutOfScope         the signers may not do this here
    │   ├── RolledBack         older than what this host has already accepted
    │   ├── Equivocation       same number, other content
    │   ├── Unpaired           a return without the step it takes back
    │   ├── Mislabelled        made for another host, estate or purpose
    │   ├── Expired            too old to start anything
    │   ├── NotFresh           no recent proof that this is the newest
    │   └── FloorLost          the host no longer knows what it had accepted
    ├── ProtocolError          a peer said something it may not say now
    └── HostError              something on the host stands in the way
        ├── Blocked            wait: it may pass by itself (lock, mirror, line)
        ├── Shut               a secret that was not sealed to this host for this place
        ├── StepFailed         a step was tried and failed
        ├── Impossible         the machine cannot do this at all: the document must ask for something else
        └── NoHypervisor       nothing here runs guests, or not what the document names

A foreign exception type that leaves a door is a bug: doors raise one of these `from` it.
"""

from __future__ import annotations

from typing import ClassVar


class OrchError(Exception):
    """Anything that orch raises on purpose.

    Attributes:
        code: stable short word for events, reports and JSON.
        hint: what the reader can do about it; may be overridden per instance.
    """

    code: ClassVar[str] = "error"
    hint: str = ""

    def __init__(self, text: str, *, hint: str = "") -> None:
        """Keep the text (what, where, why) and, where given, a better hint."""
        super().__init__(text)
        if hint:
            self.hint = hint

    @property
    def text(self) -> str:
        """What happened, without the hint."""
        return str(self.args[0])


def named(code: str) -> type[OrchError]:
    """The class of a code that came over a line; OrchError for one that is not known here."""
    waiting: list[type[OrchError]] = [OrchError]
    while waiting:
        cls = waiting.pop()
        if cls.code == code:
            return cls
        # Only this tree: a subclass somewhere else may need more than a text.
        waiting.extend(sub for sub in cls.__subclasses__() if sub.__module__ == __name__)
    return OrchError


class OperatorError(OrchError):
    """The person at `orch` must act."""

    code = "operator"


class UsageError(OperatorError):
    """The command line was wrong: nothing was done."""

    code = "usage"


class EstateError(OperatorError):
    """A file of the estate is wrong; the text is already laid out with file:line:column."""

    code = "estate"
    hint = "mend the file and run: orch lint"


class KeyFileError(OperatorError):
    """A key file or its passphrase is missing or wrong."""

    code = "key-file"


class NotAllowed(OperatorError):
    """Signature, policy or access refuse it."""

    code = "not-allowed"


class StalePlan(OperatorError):
    """A saved plan that does not hold any more."""

    code = "stale-plan"


class Unreachable(OperatorError):
    """The centre does not answer."""

    code = "unreachable"
    hint = "is orch-master running, and does the address in the estate's connection file fit?"


class SettingsError(OrchError):
    """Whoever set up this machine must mend its settings."""

    code = "settings"


class StoreError(OrchError):
    """This machine's disk or database needs care."""

    code = "store"


class Damaged(StoreError):
    """A database is not what was written there: whoever can do without it sets it aside and begins a new one."""

    code = "damaged"
    hint = "look at the disk: dmesg"


class Malformed(OrchError):
    """Bytes that are not what they claim to be; the sender is at fault."""

    code = "malformed"


class Refused(OrchError):
    """A signed thing was checked and is not accepted; what was in force stays in force."""

    code = "refused"


class BadSignature(Refused):
    """Altered, signed by an unknown key, or signed by too few."""

    code = "bad-signature"
    hint = "sign it again with keys that the policy in force names"


class OutOfScope(Refused):
    """The signers' grants do not cover this scope, ring or verb."""

    code = "out-of-scope"
    hint = "have it signed by an operator whose grant covers this host"


class RolledBack(Refused):
    """Older than what was already accepted: the operator must look, the host keeps the newer."""

    code = "rolled-back"
    hint = "publish the wanted content again: it gets a new number"


class Equivocation(Refused):
    """Same number, other content: somebody signed two different things under one number."""

    code = "equivocation"
    hint = "find out who signed twice; then publish again under a new number"


class Unpaired(Refused):
    """A return whose step is not what this host runs now."""

    code = "unpaired-return"
    hint = "a return is only for hosts that took the step it belongs to"


class Mislabelled(Refused):
    """Made for another host, another estate or another purpose."""

    code = "mislabelled"
    hint = "publish a release that names this host by the key it has now"


class Expired(Refused):
    """Too old to start anything; what runs goes on running."""

    code = "expired"
    hint = "publish the content again: orch apply"


class NotFresh(Refused):
    """No recent proof that this is the newest for this host."""

    code = "not-fresh"
    hint = "the proof comes with the next contact with the centre"


class FloorLost(Refused):
    """The host lost its record of what it had accepted, and takes nothing until reset."""

    code = "floor-lost"
    hint = "compare what the host runs with what it should, then: orch key reset HOST"


class ProtocolError(OrchError):
    """The peer said something that it may not say now, or in a version that is not spoken."""

    code = "protocol"


class HostError(OrchError):
    """Something on the host stands in the way."""

    code = "host"


class Blocked(HostError):
    """It may pass by itself: a lock, a mirror, the line. Tried again at the next turn."""

    code = "blocked"
    hint = "the host tries again by itself"


class Shut(HostError):
    """A secret cannot be opened here: it was sealed to another host, or for another place; nothing was put there."""

    code = "secret-shut"
    hint = "have it sealed to this host's key: orch secret reseal, then: orch apply; if it persists, somebody moved it"


class StepFailed(HostError):
    """A step was tried and failed; the report holds what it printed."""

    code = "step-failed"


class Impossible(HostError):
    """The machine cannot do this at all; nothing was changed, and the document must ask for something else."""

    code = "impossible"
    hint = "ask for what this host can do, or give the service to another host"


class NoHypervisor(HostError):
    """Nothing on the machine runs guests, or not what the document names."""

    code = "no-hypervisor"
