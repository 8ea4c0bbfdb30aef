"""The real host, for looking: satisfies states/host.py's `Host` on a root file system, this machine's own or another.

One `Machine` is one look: dpkg's status is read once, apt's indexes are fetched once, at the first question that needs
them. A new look is a new Machine; it costs nothing until it is asked.

Refuses to do: change anything of the host's own. Below `/var/lib/orch/apt` it keeps apt's indexes for orch.

Called by whoever plans: reconcile, plan requests, the command line on site.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orch.common.sealed import Closed, Opener, open_nowhere
from orch.minion.adapters import netfilter, sockets
from orch.minion.adapters.apt import Apt, Patience
from orch.minion.adapters.dpkg import Dpkg
from orch.minion.adapters.process import ProcessRunner, Runner
from orch.minion.adapters.tree import Tree
from orch.states.host import AptRequest, Available, FileFacts, FileKind, PackageFacts, Simulated, Wish

LISTS: Final = "/var/lib/orch/lists"
SUFFIX: Final = ".list"


class Machine:
    """One look at a host."""

    def __init__(
        self,
        root: Path = Path("/"),
        *,
        runner: Runner | None = None,
        patience: Patience | None = None,
        refresh: bool = True,
        opens: Opener = open_nowhere,
    ) -> None:
        """Look at this root.

        Args:
            root: the host's root; where it is not `/`, programs run in it by chroot.
            runner: runs programs; the real one where nothing is said.
            patience: how long to wait for mirrors.
            refresh: whether apt's indexes are fetched anew; without, those of the last time count, if the host's
                sources are still the same.
            opens: opens what was sealed to this host.
        """
        self._opens = opens
        self._tree = Tree(root, one_look=True)
        self._dpkg = Dpkg(self._tree)
        self._apt = Apt(self._tree, runner or ProcessRunner(root), patience or Patience())
        self._stale = refresh
        self._packages: PackageFacts | None = None

    def file(self, path: str) -> FileFacts:
        """What stands under an absolute path in the host's root."""
        return self._tree.facts(path)

    def holds(self, closed: Closed) -> bool:
        """Whether the file in the secret's place has its value; the value leaves this line for nowhere."""
        facts = self._tree.facts(closed.slot.path)
        value = hashlib.sha256(self._opens(closed)).digest()
        return facts.kind is FileKind.REGULAR and hmac.compare_digest(facts.sha256, value)

    def list_hashes(self) -> Mapping[str, bytes]:
        """SHA-256 of every list kept on the host."""
        found = {}
        for name in self._tree.names(LISTS):
            facts = self._tree.facts(f"{LISTS}/{name}")
            if name.endswith(SUFFIX) and facts.kind is FileKind.REGULAR:
                found[name.removesuffix(SUFFIX)] = facts.sha256
        return found

    def packages(self) -> PackageFacts:
        """What dpkg's status said when it was first asked for in this look."""
        if self._packages is None:
            self._packages = self._dpkg.facts()
        return self._packages

    def available(self, names: tuple[str, ...]) -> Mapping[str, Available]:
        """What apt could install, by its newest indexes."""
        self._refresh()
        return self._apt.available(names)

    def solve(self, wish: Wish) -> Simulated:
        """What apt would do for a wish."""
        self._refresh()
        return self._apt.solve(wish, self.packages())

    def simulate(self, request: AptRequest) -> Simulated:
        """What apt would do for exactly this request."""
        self._refresh()
        return self._apt.simulate(request)

    def package_fingerprint(self) -> bytes:
        """A hash of dpkg's and apt's state; reads, and starts nothing."""
        return self._dpkg.fingerprint()

    def listeners(self) -> tuple[str, ...]:
        """Every socket of this process's network namespace that waits for somebody."""
        return sockets.listeners()

    def rules(self) -> bytes:
        """SHA-256 of the firewall's rules in this process's network namespace; empty where the kernel does not tell."""
        return netfilter.rules()

    def _refresh(self) -> None:
        sources = self._dpkg.sources()
        if self._stale or not self._apt.has_indexes(sources):
            self._apt.update(sources)
            self._stale = False
