"""Every key of the operator's files: what it takes, what it is for, its default, and whether this version honours it.

One table for four uses: reading, lint, `docs/reference/estate.md` (reference.py) and later completion. The whole format
is here from the start. A key whose `built` is False is known and refused as "not supported by this version": what would
have to change a host and does not is never passed over in silence. (design section 5)

Called by loader.py and reader.py, which take values out by the keys named here.
"""

from __future__ import annotations

from orch.common.document import Reconcile, Unlisted
from orch.master.estate import values
from orch.master.estate.kinds import Fields, Free, Key, Many, Table
from orch.master.estate.quantity import DAY, MINUTE, span

FORMAT = 1
DEFAULT_SCOPE = "main"
DEFAULT_RING = "all"
DEFAULT_EXPIRES = 30 * DAY
DEFAULT_REMOVALS = 20
_STANDARD = Reconcile()

_NAME = values.name()

# ------------------------------------------------------------------------------------- what may be said on every level
LISTS = Key(
    name="lists",
    kind=Many(values.name("a list's name"), low=1, high=64),
    text="Package lists, `lists/NAME.list`, least specific first; a later line wins. Replaces the lists of the level "
    "above. Without any, the host's packages are left alone.",
)
UNLISTED = Key(
    name="unlisted",
    kind=values.choice(*(item.value for item in Unlisted)),
    text="What happens to packages that no list names and no listed package needs.",
    default=Unlisted.REMOVE.value,
)
PROTECT = Key(
    name="protect",
    kind=Many(values.protected(), high=200),
    text="Packages that are never removed where they are present; `essential` stands for all that Debian marks so. "
    "Replaces the level above. The guard set (essential, kernel, boot loader, minion, ssh) is protected anyway.",
)
REMOVALS = Key(
    name="removals",
    kind=values.number(0, 10_000),
    text="Most packages that one apply may remove from a host without an explicit word.",
    default=str(DEFAULT_REMOVALS),
)
LISTEN = Key(
    name="listen",
    kind=Many(values.port(), high=64),
    text="What may listen on the host for connections from outside; the host reports every other listener.",
    default="[] (nothing)",
)
EVERY = Key(
    name="every",
    kind=values.span(MINUTE, 7 * DAY),
    text="How often the host looks whether it is what it must be.",
    default=span(_STANDARD.every),
)
FULL = Key(
    name="full",
    kind=values.span(MINUTE, 30 * DAY),
    text="How often it looks at everything, even where nothing seems to have changed.",
    default=span(_STANDARD.full),
)
AT_BOOT = Key(name="at_boot", kind=values.flag(), text="Whether it looks when it starts.", default="true")
RECONCILE_FIELDS = Fields("reconcile", (EVERY, FULL, AT_BOOT))
RECONCILE = Key(name="reconcile", kind=RECONCILE_FIELDS, text="When a host looks by itself; merged key by key.")

CONTENT = Key(
    name="content", kind=values.content(), text="The content itself. One of `content`, `source` and `secret`."
)
SOURCE = Key(name="source", kind=values.below("files"), text="A file below `files/` that holds the content.")
SECRET = Key(
    name="secret",
    kind=values.name("a secret's name"),
    text="A secret, `secrets/NAME.sealed`, that is the content: only the host can open it. Made by `orch secret set`.",
)
MODE = Key(
    name="mode",
    kind=values.mode(),
    text="Permissions, four octal digits.",
    default='"0644", and "0600" for a secret',
)
_ACCOUNT = values.shaped(r"[a-z_][a-z0-9_.-]{0,30}\$?|[0-9]{1,9}", "a user's or group's name")
OWNER = Key(name="owner", kind=_ACCOUNT, text="Its owner; the host must have it.", default="root")
GROUP = Key(name="group", kind=_ACCOUNT, text="Its group; the host must have it.", default="root")
FILE_FIELDS = Fields("a file", (CONTENT, SOURCE, SECRET, MODE, OWNER, GROUP))
FILES = Key(
    name="files",
    kind=Table(values.path(), FILE_FIELDS, high=2000),
    text="Files that the host must hold, by absolute path: content, mode and owner. Merged path by path: the most "
    "specific level decides on a path as a whole.",
)
SETTINGS: tuple[Key[object], ...] = (LISTS, FILES, UNLISTED, PROTECT, REMOVALS, LISTEN, RECONCILE)

# -------------------------------------------------------------------------------------------------- pieces used twice
DOWN = Key(
    name="down",
    kind=values.amount("rate", "a rate such as 8Mbit"),
    text="Towards the site. Information, for people and targets (`link.down<4Mbit`).",
)
UP = Key(name="up", kind=values.amount("rate", "a rate such as 1Mbit"), text="Away from the site. Information.")
MONTHLY = Key(
    name="monthly", kind=values.amount("size", "an amount such as 40GB"), text="Most bytes in a month.", built=False
)
QUIET = Key(name="quiet", kind=values.text(), text="A narrower limit for certain hours.", built=False)
LINK_FIELDS = Fields("link", (DOWN, UP, MONTHLY, QUIET))
LINK = Key(name="link", kind=LINK_FIELDS, text="What the line to the site carries.")
TIMEZONE = Key(
    name="timezone",
    kind=values.shaped(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}", "a time zone such as Europe/Zurich"),
    text="The hosts' time zone, and the one in which windows are meant.",
    built=False,
)
SCOPE = Key(
    name="scope",
    kind=values.name("a scope's name"),
    text="The scope that operators' grants speak of; each scope has its own releases.",
    default=DEFAULT_SCOPE,
)
LABELS = Key(
    name="labels",
    kind=Table(_NAME, values.text("a text"), high=100),
    text="Words of the operator's own, for targets (`kind=library`). A host's label goes before its site's.",
)

# ---------------------------------------------------------------------------------------------------- estate.yaml
ORCH = Key(name="orch", kind=values.number(1, 1_000_000), text="The format's version; this one is 1.", required=True)
ESTATE = Key(name="estate", kind=values.name("the estate's name"), text="The estate's name.", required=True)
DESCRIPTION = Key(name="description", kind=values.text(), text="For people.")
BASE = Key(
    name="base",
    kind=Fields(
        "base",
        (
            Key(name="os", kind=values.choice("debian-12", "debian-13"), text="The system of the hosts."),
            Key(name="hypervisor", kind=values.choice("xen", "kvm", "lxc", "test"), text="What runs the guests."),
            Key(name="arch", kind=values.choice("amd64", "arm64", "i386"), text="The hosts' architecture."),
        ),
    ),
    text="What the hosts are installed as.",
    built=False,
)
EXPIRES = Key(
    name="expires",
    kind=values.span(60 * MINUTE, 3650 * DAY),
    text="How long a release is good for: afterwards hosts change nothing more until they get a newer one. "
    "What runs goes on running.",
    default=span(DEFAULT_EXPIRES),
)
DEFAULTS_FIELDS = Fields("defaults", (*SETTINGS, SCOPE, LINK, EXPIRES, BASE, TIMEZONE))
DEFAULTS = Key(
    name="defaults", kind=DEFAULTS_FIELDS, text="Holds for every host unless something nearer says otherwise."
)
MATCH = Key(
    name="match",
    kind=values.text("a target", high=2000),
    text="A target, without `state:` and `fact:`, that says which hosts belong.",
)
MEMBERS = Key(name="sites", kind=Many(values.name("a site's name"), low=1, high=10_000), text="Sites that belong.")
GROUP_FIELDS = Fields("a group", (MATCH, MEMBERS, *SETTINGS))
GROUPS = Key(
    name="groups",
    kind=Table(_NAME, GROUP_FIELDS, high=500),
    text="Names for some of the hosts: `@NAME` in targets. What a group says goes before the defaults; where a host is "
    "in two groups, the later one in the file decides.",
)
RING_NAME = Key(name="name", kind=values.name("a ring's name"), text="The ring's name.", required=True)
RING_SITES = Key(
    name="sites",
    kind=Many(values.name("a site's name"), low=1, high=10_000, lone=values.choice("*")),
    text='Its sites; `"*"` for all that no earlier ring names.',
    required=True,
)
RING_FIELDS = Fields(
    "a ring",
    (
        RING_NAME,
        RING_SITES,
        Key(name="soak", kind=values.span(0, 90 * DAY), text="How long it must be well before the next.", built=False),
        Key(name="approve", kind=values.number(0, 16), text="People who must approve before it starts.", built=False),
        Key(name="batch", kind=values.text("a number or a share such as 10%"), text="How many at once.", built=False),
        Key(name="max_failed", kind=values.number(0, 10_000), text="Failures that stop it.", built=False),
    ),
)
RINGS = Key(
    name="rings",
    kind=Many(RING_FIELDS, low=1, high=64),
    text="The order in which a change travels. A site that no ring names counts to the last one.",
)
ROLLOUT = Key(
    name="rollout",
    kind=Fields(
        "rollout",
        (
            Key(name="on_failure", kind=values.choice("stop", "stop-and-roll-back", "continue"), text="On a failure."),
            Key(name="offline_sites", kind=values.choice("catch-up", "skip", "block"), text="Sites that are away."),
            Key(name="deadline", kind=values.span(MINUTE, 3650 * DAY), text="When a silent site counts as stale."),
        ),
    ),
    text="How changes travel through the rings.",
    built=False,
)
ESTATE_FILE = Fields("estate.yaml", (ORCH, ESTATE, DESCRIPTION, DEFAULTS, GROUPS, RINGS, ROLLOUT))

# ---------------------------------------------------------------------------------------------------- sites/*.yaml
SITE = Key(
    name="site", kind=values.name("the site's name"), text="The site's name, which is the file's.", required=True
)
TITLE = Key(name="title", kind=values.text(), text="For people.")
LOCATION = Key(
    name="location",
    kind=Many(values.decimal(-180, 180), low=2, high=2),
    text="Latitude and longitude, for the map.",
)
CONTACT = Key(
    name="contact",
    kind=Fields(
        "contact",
        (
            Key(name="name", kind=values.text(), text="Who to ask."),
            Key(name="mail", kind=values.shaped(r"[^@\s]+@[^@\s]+", "a mail address"), text="Their mail address."),
            Key(name="phone", kind=values.text(), text="Their telephone number."),
            Key(
                name="locale",
                kind=values.shaped(r"[a-z]{2,3}(_[A-Z]{2})?(\.UTF-8)?", "a locale such as fr_CH"),
                text="Their language.",
            ),
        ),
    ),
    text="Who is on site. Information.",
)
WINDOWS = Key(
    name="windows",
    kind=Many(
        Fields(
            "a window",
            (
                Key(name="days", kind=values.text("days such as Mon-Fri"), text="On which days."),
                Key(
                    name="time",
                    kind=values.shaped(r"all|\d\d:\d\d-\d\d:\d\d", "a time such as 21:30-05:30, or all"),
                    text="Between which hours.",
                ),
            ),
        ),
        high=50,
    ),
    text="When the site may be disturbed.",
    built=False,
)
_SETUP: tuple[Key[object], ...] = (
    Key(
        name="enrol",
        kind=Fields(
            "enrol",
            (
                Key(name="serial", kind=values.text(), text="The machine's serial number."),
                Key(name="tpm", kind=values.flag(), text="Whether its key lies in a TPM."),
            ),
        ),
        text="How the machine is known before it has a key.",
        built=False,
    ),
    Key(name="disks", kind=Table(_NAME, values.text("a device")), text="Which disks hold what.", built=False),
    Key(
        name="nets",
        kind=Table(
            _NAME,
            Fields(
                "a net",
                (
                    Key(name="bridge", kind=values.text(), text="The bridge."),
                    Key(name="nic", kind=values.text(), text="The network card."),
                    Key(name="dhcp", kind=values.choice("client", "none"), text="Where its address comes from."),
                    Key(name="address", kind=values.text("an address such as 192.168.67.1/24"), text="Its address."),
                ),
            ),
        ),
        text="The host's networks.",
        built=False,
    ),
    Key(name="services", kind=Many(values.name("a service's name")), text="The services that run here.", built=False),
)
HOST_FIELDS = Fields("a host", (TITLE, LABELS, *SETTINGS, *_SETUP))
HOSTS = Key(name="hosts", kind=Table(_NAME, HOST_FIELDS, high=1000), text="The site's hosts, by name.", required=True)
SITE_SERVICES = Key(
    name="services",
    kind=Table(
        _NAME,
        Fields(
            "a service of the site",
            (
                Key(name="with", kind=Table(_NAME, Free("a value")), text="Values for the service's parameters."),
                Key(
                    name="resources",
                    kind=Fields(
                        "resources",
                        (
                            Key(name="memory", kind=values.amount("size", "an amount such as 3072M"), text="Memory."),
                            Key(name="vcpus", kind=values.number(1, 1024), text="Processors."),
                        ),
                    ),
                    text="Other than the service's own.",
                ),
                Key(
                    name="trial",
                    kind=Fields(
                        "trial",
                        (
                            Key(name="version", kind=values.text(), text="The version to try."),
                            Key(name="net", kind=values.choice("isolated"), text="Its network."),
                            Key(name="until", kind=values.day(), text="When the trial ends."),
                        ),
                    ),
                    text="A second version beside the first.",
                ),
            ),
        ),
    ),
    text="What this site says about its services.",
    built=False,
)
SITE_FILE = Fields(
    "a site",
    (SITE, TITLE, LABELS, LOCATION, CONTACT, SCOPE, LINK, HOSTS, *SETTINGS, TIMEZONE, WINDOWS, SITE_SERVICES),
)

# ------------------------------------------------------------------------------- not built yet, known all the same
POLICY_FILE = Fields(
    "policy.yaml",
    (
        Key(name="orch-policy", kind=values.number(1, 1_000_000), text="The policy's version.", required=True),
        Key(
            name="root",
            kind=Fields(
                "root",
                (
                    Key(name="threshold", kind=values.number(1, 16), text="How many must sign."),
                    Key(name="keys", kind=Many(values.text("a key's name")), text="The root keys."),
                ),
            ),
            text="Who signs this file.",
        ),
        Key(
            name="operators",
            kind=Table(
                _NAME,
                Fields(
                    "an operator",
                    (
                        Key(name="key", kind=values.text("a public key"), text="The signing key."),
                        Key(name="may", kind=Many(values.text("a verb")), text="The verbs that are granted."),
                        Key(name="sites", kind=Many(values.text(), lone=values.choice("*")), text="Where."),
                        Key(name="rings", kind=Many(_NAME, lone=values.choice("*")), text="In which rings."),
                        Key(name="scopes", kind=Many(_NAME, lone=values.choice("*")), text="In which scopes."),
                    ),
                ),
            ),
            text="Who may do what.",
        ),
        Key(
            name="require",
            kind=Many(
                Fields(
                    "a requirement",
                    (
                        Key(name="change", kind=values.text(), text="Which change."),
                        Key(name="signatures", kind=values.number(1, 16), text="How many must sign."),
                        Key(name="ttl", kind=values.span(1, 30 * DAY), text="How long it is good for."),
                        Key(name="log", kind=values.choice("always"), text="Whether it is logged."),
                    ),
                )
            ),
            text="What needs more than one signature.",
        ),
        Key(
            name="master",
            kind=Fields("master", (Key(name="may", kind=Many(values.text("a verb")), text="Its verbs."),)),
            text="What the centre itself may do.",
        ),
    ),
)
