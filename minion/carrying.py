"""What a person carries instead of the line: a stick's contents on their way in, reports on their way out.

Refuses to do: judge anything signed. The executor does (intake.py); here a file is only found whole or damaged, and
what it brings is laid where a turn looks before it fetches (materials.py).

Invariants:
- nothing of a file is laid before all of it was read and is what was written;
- what lies there is believed by nobody: it is hashed again when it is taken.

Called by the commands `import` and `export-results`, as root.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from orch.common import stick, trust
from orch.common.errors import Malformed, Mislabelled, UsageError
from orch.common.identity import IdentityRequest
from orch.common.stick import Results, Stick
from orch.minion.adapters import files
from orch.minion.settings import Layout


def look(path: Path) -> tuple[Stick, bytes]:
    """A stick's head and its bytes, after the whole file was read.

    Raises:
        UsageError: it cannot be read.
        Malformed: it is no stick, or not all of it is as it was written.
    """
    with _opened(path) as file:
        head, data = stick.read_head(file, Stick)
        for _content in stick.read_contents(file, head.contents):
            pass
    return head, data


def check_mine(found: Stick, mine: IdentityRequest) -> None:
    """Say for whom a stick is, if not for this host: the signatures inside say the same, less plainly.

    Raises:
        Mislabelled: it is for another one.
    """
    if found.estate != mine.estate:
        raise Mislabelled(f"this stick is of the estate {found.estate}; this host belongs to {mine.estate}")
    if found.host != mine.host:
        raise Mislabelled(f"this stick is for {found.host}; this is {mine.host}")
    if found.curve != mine.curve:
        hint = f"if this is the right machine, let it in anew: orch key accept {mine.host}"
        raise Mislabelled(f"this stick is for a {found.host} with another key than this machine has", hint=hint)


def lay(layout: Layout, path: Path) -> None:
    """Lay a stick's contents where a turn finds them, in place of what one before it has left.

    Raises:
        UsageError: it cannot be read.
        Malformed: it is not as it was written.
        StoreError: this host's disk.
    """
    clear(layout)
    files.make_folder(layout.carried, disk=layout.disk)
    with _opened(path) as file:
        head, _data = stick.read_head(file, Stick)
        for item, content in zip(head.contents, stick.read_contents(file, head.contents), strict=True):
            name = item.sha256.hex()
            if files.size(layout.blobs / name, disk=layout.disk) != item.size:
                files.write(layout.carried / name, content, disk=layout.disk)


def clear(layout: Layout) -> None:
    """Forget what was laid.

    Raises:
        StoreError: this host's disk.
    """
    files.remove_here(layout.carried, files.names(layout.carried, disk=layout.disk), disk=layout.disk)


def write_results(path: Path, request: bytes, reports: Sequence[bytes], *, now: int) -> None:
    """Write reports, and who this host is, for whoever carries them to the operator.

    Raises:
        StoreError: it cannot be written there.
    """
    mine = trust.check_identity_request(request)
    head = Results(
        estate=mine.estate,
        host=mine.host,
        curve=mine.curve,
        made=now,
        request=request,
        contents=stick.named(reports),
    )
    written = io.BytesIO()
    stick.write(written, head, reports)
    files.write(path, written.getvalue(), mode=0o644)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as err:
        raise UsageError(f"{path} cannot be read: {err.strerror}", hint="look at the stick: dmesg") from err
    except Malformed as err:
        raise Malformed(f"{path}: {err.text}", hint=err.hint) from err
