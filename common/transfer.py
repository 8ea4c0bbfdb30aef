"""How rsync is run at both ends of a stream: the one place that holds its options and its flow control.

A host's fetcher runs the real rsync with orch's own transport as its remote shell; the centre runs
`rsync --server --sender` on the tree of one document. The letters of the server must be those that the client's options
imply, or the two misunderstand each other; so both are constants, and nothing that a host sends chooses any of them.
(design section 4, measured.md section 4)

Invariants:
- a tree holds `lists/NAME.list` and `blobs/HEX` and nothing else;
- the client takes no owners, groups, modes, links or devices: owner and mode come from the signed document;
- each side has at most WINDOW pieces of at most PIECE bytes under way that the other has not credited;
  a receiver sends StreamCredit(pieces=n) after it has written n pieces on;
- the host ends its direction with StreamEnd(status=0), the centre ends the stream with StreamEnd(rsync's exit code).

Called by minion/fetcher.py, minion/pipe.py and master/streams.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orch.common.document import BLOB_LIMIT

PIECE: Final = 64 * 1024
"""Most bytes in one StreamData."""

WINDOW: Final = 8
"""Pieces under way without credit, each way; what StreamOpen.credit says for the way to the host."""

QUIET: Final = 60
"""Seconds after which rsync gives up on a silent peer."""

REMOTE: Final = "centre:tree/"
"""What the client names as its source; means nothing, the document chooses the tree."""

TREE: Final = "tree"
"""Folder in a host's spool that becomes a copy of the centre's tree."""

CLIENT_OPTIONS: Final = (
    "--recursive",
    "--times",
    "--checksum",  # contents decide, never size and time: two lists of one length may be written in one second
    "--no-owner",
    "--no-group",
    "--no-perms",
    "--no-links",
    "--no-devices",
    "--no-specials",
    "--delete",
    "--partial",  # a large file goes on where the line broke
    f"--timeout={QUIET}",
    f"--max-size={BLOB_LIMIT}",
)

LISTS_ONLY: Final = ("--exclude=/blobs",)
"""Beside the others: contents of files stay where they are. It travels in rsync's own talk, not in the arguments."""

_SERVER: Final = ("--server", "--sender", "-trce.iLsfxCIvu", f"--timeout={QUIET}", ".")
"""What rsync 3.2.7 to 3.5.0 make of the options above; e.iLsfxCIvu is what the client is able to do."""

SHELL_ARGUMENTS: Final = ("centre", "rsync", *_SERVER, "tree/")
"""What rsync gives its remote shell. A host whose rsync says anything else is told so, and nothing is transferred."""


def server_arguments(tree: str) -> tuple[str, ...]:
    """The arguments of the centre's rsync for a tree that the centre chose (absolute, with a slash at its end)."""
    return (*_SERVER, tree)


def fits(arguments: Sequence[str]) -> bool:
    """Whether the remote shell was called as the centre's constant options need it."""
    return tuple(arguments) == SHELL_ARGUMENTS


def list_path(name: str) -> str:
    """Where a list lies in a tree."""
    return f"lists/{name}.list"


def blob_path(sha256: bytes) -> str:
    """Where a blob lies in a tree."""
    return f"blobs/{sha256.hex()}"
