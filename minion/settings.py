"""Where a host's software keeps its things, and what this host is called: the layout, and `host.toml`.

Refuses to do: hold anything that an operator decides. Addresses and keys of the centre are in the policy, everything
that the host must be is in the document; here is only what was settled on this machine at enrolment.

Called by every `orch-minion` command.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

from orch.common.errors import Malformed, SettingsError
from orch.common.names import Place, checked
from orch.minion.adapters import files
from orch.minion.adapters.disk import REAL, Disk

_LIMIT = 16 * 1024
NOT_ENROLLED = "enrol it: orch-minion enrol FILE --name site/host"


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders and files of a host, below its root, and the disk that they are on."""

    root: Path
    disk: Disk = REAL

    @property
    def state(self) -> Path:
        """What must survive."""
        return self.root / "var/lib/orch"

    @property
    def run(self) -> Path:
        """What need not survive a reboot."""
        return self.root / "run/orch"

    @property
    def socket(self) -> Path:
        """Where the executor listens for the agent and for people on site."""
        return self.run / "executor.sock"

    @property
    def fetcher(self) -> Path:
        """Where systemd starts a fetcher for whoever connects; missing where there is no systemd."""
        return self.run / "fetcher.sock"

    @property
    def settings(self) -> Path:
        """This host's name and the users of its processes."""
        return self.state / "host.toml"

    @property
    def keys(self) -> Path:
        """Keys that only root reads."""
        return self.state / "keys"

    @property
    def curve(self) -> Path:
        """The secret of the connection: agent and fetcher read it."""
        return self.state / "net/host.curve"

    @property
    def journal(self) -> Path:
        """Runs, steps and reports."""
        return self.state / "journal.db"

    @property
    def lists(self) -> Path:
        """Lists in force."""
        return self.state / "lists"

    @property
    def blobs(self) -> Path:
        """Contents that a document names by hash."""
        return self.state / "blobs"

    @property
    def carried(self) -> Path:
        """Contents that a stick brought, until a turn has taken them: nothing in it is believed either."""
        return self.state / "carried"

    @property
    def spool(self) -> Path:
        """The fetcher's folder: nothing in it is believed."""
        return self.state / "spool"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """What was settled at enrolment."""

    estate: str
    name: str  # site/host
    agent: int  # numeric user of the network process
    fetcher: int  # numeric user of the fetcher
    group: int  # numeric group of both
    proxy: str = ""  # SOCKS5, host:port

    def text(self) -> str:
        """As `host.toml` has it."""
        return (
            "# Written by orch-minion enrol. The centre's address and keys are in the signed policy, not here.\n"
            f"estate = {_quoted(self.estate)}\n"
            f"name = {_quoted(self.name)}\n"
            f"agent_uid = {self.agent}\n"
            f"fetcher_uid = {self.fetcher}\n"
            f"gid = {self.group}\n"
            f"proxy = {_quoted(self.proxy)}  # SOCKS5, host:port\n"
        )


def _quoted(text: str) -> str:
    """A basic string of TOML: JSON's, with the one control character that JSON lets through."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def load(layout: Layout) -> HostSettings:
    """Read `host.toml`.

    Raises:
        SettingsError: the host is not enrolled, or the file is wrong.
    """
    data = files.read(layout.settings, limit=_LIMIT, disk=layout.disk)
    if data is None:
        raise SettingsError(f"this host is not enrolled: there is no {layout.settings}", hint=NOT_ENROLLED)
    try:
        found = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise SettingsError(f"{layout.settings}: {err}") from err
    except RecursionError as err:
        raise SettingsError(f"{layout.settings}: nested too deeply") from err
    known = {"estate": str, "name": str, "agent_uid": int, "fetcher_uid": int, "gid": int, "proxy": str}
    for key, value in found.items():
        if key not in known or type(value) is not known[key]:
            raise SettingsError(f"{layout.settings}: {key} is not a setting of this version, or has the wrong type")
    try:
        return HostSettings(
            estate=checked(found["estate"], "estate"),
            name=str(Place.parse(found["name"])),
            agent=found["agent_uid"],
            fetcher=found["fetcher_uid"],
            group=found["gid"],
            proxy=found.get("proxy", ""),
        )
    except KeyError as err:
        raise SettingsError(f"{layout.settings} lacks {err}") from err
    except Malformed as err:
        raise SettingsError(f"{layout.settings}: {err.text}") from err
