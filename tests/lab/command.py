"""The laboratory's only door to other programs.

Invariants:
- no argument is ever pasted into a shell's text;
- a program that fails says so with its own last words (`LabError`), unless the caller wants the exit code;
- a program started for longer gets a session of its own: Ctrl-C at the terminal reaches the laboratory, which ends
  what it started in its own order.

Called by every other module of the laboratory.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabError

PYTHON = "/usr/bin/python3"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a program ended."""

    argv: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What it printed, one line each."""
        return self.out.splitlines()

    def last_words(self, count: int = 12) -> str:
        """The end of what it said, for an error message."""
        return "\n".join((self.err + self.out).splitlines()[-count:])


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A small environment that does not depend on who started the laboratory."""
    return {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"} | dict(extra or {})


def run(
    argv: Sequence[str],
    *,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    timeout: float = 120.0,
    check: bool = True,
) -> Result:
    """Run a program to its end.

    Args:
        argv: the program and its arguments.
        stdin: what it reads.
        env: added to the small environment.
        timeout: in seconds.
        check: whether a non-zero exit is an error.

    Raises:
        LabError: it is missing, took too long, or failed although `check` was asked for.
    """
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            env=environment(env),
            timeout=timeout,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            check=False,
        )
    except FileNotFoundError as err:
        raise LabError(f"there is no program {argv[0]}", hint="apt install " + " ".join(PACKAGES)) from err
    except subprocess.TimeoutExpired as err:
        raise LabError(f"{' '.join(argv)}: not done after {timeout:g} s") from err
    result = Result(argv=tuple(argv), code=done.returncode, out=done.stdout, err=done.stderr)
    if check and result.code:
        raise LabError(f"{' '.join(argv)}: exit code {result.code}\n{result.last_words()}")
    return result


def follow(
    argv: Sequence[str], *, env: Mapping[str, str], keep_open: int | None = None, codes: Collection[int] = (0,)
) -> Iterator[str]:
    """Run a program and hand out what it says (both streams) line by line while it works.

    Args:
        argv: the program and its arguments.
        env: its whole environment.
        keep_open: a descriptor that it and its children hold; a lock on it lasts until the last of them is gone.
        codes: exit codes that are no failure.

    Raises:
        LabError: it ended with another exit code.
    """
    said: list[str] = []
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(env),
        pass_fds=() if keep_open is None else (keep_open,),
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    ) as child:
        try:
            for line in child.stdout or ():
                said.append(line.rstrip())
                yield said[-1]
        finally:
            if child.poll() is None and child.stdout is not None and not child.stdout.closed:
                child.stdout.close()
            code = _end(child)
    if code not in codes:
        raise LabError(f"{argv[0]}: exit code {code}\n" + "\n".join(said[-15:]))


def _end(child: subprocess.Popen[str]) -> int:
    """Wait for a program that has closed its output; one that lingers (we were interrupted) is ended."""
    try:
        return child.wait(timeout=2)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait(timeout=30)


def spawn(argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a program that goes on running; what it says is added to the file `log`."""
    with log.open("ab") as stream:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=environment(env),
            start_new_session=True,
        )


def converse(argv: Sequence[str], *, log: Path) -> subprocess.Popen[str]:
    """Start a program that is told things while it runs and answers; its errors are added to the file `log`."""
    with log.open("ab") as stream:
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stream,
            env=environment(),
            encoding="utf-8",
            bufsize=1,
            start_new_session=True,
        )


TOOLS: Mapping[str, str] = {
    "mmdebstrap": "mmdebstrap",
    "apt-ftparchive": "apt-utils",
    "dpkg-deb": "dpkg",
    "gpg": "gpg",
    "gpgconf": "gpgconf",
    "gpg-agent": "gpg-agent",
    "ip": "iproute2",
    "nft": "nftables",
    "ping": "iputils-ping",
    "rsync": "rsync",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    PYTHON: "python3",
}
"""Programs that the laboratory runs, and the Debian packages that they are in."""

PACKAGES = tuple(sorted(set(TOOLS.values())))


def missing() -> list[str]:
    """The Debian packages to install before a laboratory can be built here."""
    folders = PATH.split(":")
    return sorted(
        {
            package
            for tool, package in TOOLS.items()
            if not any(os.access(Path(folder, tool), os.X_OK) for folder in folders)
        }
    )
