"""The keys of services/*.yaml. No service is built in this version: the file is known, checked and refused.

Called by loader.py and reference.py.
"""

from __future__ import annotations

from orch.master.estate import values
from orch.master.estate.kinds import Fields, Free, Key, Many, Shapes, Table
from orch.master.estate.quantity import DAY

_NAME = values.name()
_SPAN = values.span(0, 30 * DAY)
_SIZE = values.amount("size", "an amount such as 768M")

_PROBE = Fields(
    "health",
    (
        Key(name="tcp", kind=values.number(1, 65_535), text="A port that answers."),
        Key(name="tftp", kind=values.text("a path"), text="A file that TFTP gives."),
        Key(name="http", kind=values.text("an address"), text="An address that answers."),
        Key(name="dhcp-proxy", kind=values.flag(), text="A DHCP proxy that answers."),
        Key(name="guest-exec", kind=values.text("a command"), text="A command in the guest that ends well."),
    ),
    unknown="unknown health probe",
)
_ALL = Key(name="all", kind=Many(_PROBE), text="Probes that must all be well.")
_ANY = Key(name="any", kind=Many(_PROBE), text="Probes of which one must be well.")
_GUEST = Fields(
    "guest",
    (
        Key(name="type", kind=values.choice("pvh", "pv", "hvm"), text="How it is run."),
        Key(name="memory", kind=_SIZE, text="Its memory."),
        Key(name="vcpus", kind=values.number(1, 1024), text="Its processors."),
        Key(name="autostart", kind=values.flag(), text="Whether it starts with the host."),
        Key(name="boot_order", kind=values.number(0, 1000), text="Its place in the order of starting."),
    ),
)
_DISK = Fields(
    "a disk",
    (
        Key(name="from", kind=values.choice("image"), text="Where its content comes from."),
        Key(name="mode", kind=values.choice("replace", "overlay"), text="What a new version does to it."),
        Key(name="size", kind=_SIZE, text="Its size."),
        Key(name="keep", kind=values.choice("always", "never"), text="Whether it survives the package."),
        Key(name="backup", kind=values.text(), text="How often it is backed up."),
    ),
)
_PARAM = Fields(
    "a parameter",
    (
        Key(
            name="type",
            kind=values.choice("cidr", "service", "word", "locale", "url", "int", "secret", "text", "bool"),
            text="What it may be.",
            required=True,
        ),
        Key(name="required", kind=values.flag(), text="Whether a site must fill it in."),
        Key(name="default", kind=Free("a value"), text="Its value where a site says nothing."),
        Key(name="min", kind=values.number(-(10**9), 10**9), text="The least."),
        Key(name="max", kind=values.number(-(10**9), 10**9), text="The most."),
    ),
)
_ACCESS = Fields(
    "an access",
    (
        Key(name="via", kind=values.choice("ssh", "tls"), text="What carries it."),
        Key(name="ciphers", kind=values.choice("modern"), text="Which ciphers."),
        Key(name="allow_from", kind=values.text(), text="Who may come."),
    ),
)
_HEALTH = Fields(
    "health",
    (
        Key(
            name="ready",
            kind=Fields("ready", (Key(name="within", kind=_SPAN, text="At most so long after the start."), _ALL, _ANY)),
            text="When it counts as started.",
        ),
        Key(
            name="alive",
            kind=Fields(
                "alive",
                (
                    Key(name="every", kind=_SPAN, text="How often it is asked."),
                    Key(name="fail_after", kind=values.number(1, 1000), text="Failures in a row that count."),
                    _ALL,
                    _ANY,
                ),
            ),
            text="When it counts as well.",
        ),
        Key(
            name="limits",
            kind=Table(values.shaped(r"[a-z_]+(\.[a-z0-9_-]+)?", "a measure such as disk_free.home"), values.text()),
            text="What it must have left.",
        ),
    ),
)
_UPDATE = Fields(
    "update",
    (
        Key(name="strategy", kind=values.choice("swap", "replace", "side-by-side"), text="How versions change places."),
        Key(
            name="drain",
            kind=Fields(
                "drain",
                (
                    Key(name="wait", kind=_SPAN, text="How long at most."),
                    Key(name="until", kind=values.text(), text="Until what."),
                    Key(name="then", kind=values.choice("proceed", "defer"), text="What if it takes longer."),
                ),
            ),
            text="How the old one is emptied.",
        ),
        Key(name="healthy_for", kind=_SPAN, text="How long the new one must be well."),
        Key(name="rollback", kind=values.choice("auto", "never"), text="Whether the old one comes back by itself."),
        Key(name="keep_previous", kind=values.number(0, 10), text="How many old ones are kept."),
    ),
)

SERVICE_FILE = Fields(
    "a service",
    (
        Key(
            name="service", kind=values.name("the service's name"), text="Its name, which is the file's.", required=True
        ),
        Key(name="package", kind=values.text("a package"), text="The Debian package that holds its image."),
        Key(
            name="version",
            kind=Shapes(
                "a version, or { track: stable }",
                scalar=values.text(),
                mapping=Fields(
                    "version", (Key(name="track", kind=values.text(), text="stable, testing, a relation."),)
                ),
            ),
            text="Which version.",
        ),
        Key(name="guest", kind=_GUEST, text="The guest that it runs in."),
        Key(name="disks", kind=Table(_NAME, _DISK), text="Its disks."),
        Key(name="nets", kind=Many(_NAME), text="Its networks."),
        Key(name="needs", kind=Many(_NAME), text="Services that start before it."),
        Key(name="params", kind=Table(_NAME, _PARAM), text="What a site must or may fill in."),
        Key(name="access", kind=Table(_NAME, _ACCESS), text="How people reach it."),
        Key(name="health", kind=_HEALTH, text="When it is well."),
        Key(name="update", kind=_UPDATE, text="How it is updated."),
    ),
)
