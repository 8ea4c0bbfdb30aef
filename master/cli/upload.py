"""Gives the centre what a release or a plan request names: contents first, then documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from orch.common.operations import PIECE, Documents, Hashes, Piece
from orch.common.rows import Nothing
from orch.master.cli.line import Centre
from orch.master.cli.output import Output

_BATCH = 800_000
"""Bytes of documents in one message, below the largest frame (messages.FRAME_LIMIT)."""

_DOCUMENTS = 4000
"""Documents in one message (operations.Documents)."""

_ASKED = 10_000
"""Hashes in one question."""


def contents(centre: Centre, blobs: Mapping[bytes, bytes], *, output: Output) -> None:
    """Upload those contents that the centre lacks, in pieces."""
    wanted = sorted(blobs)
    parts = (tuple(wanted[at : at + _ASKED]) for at in range(0, len(wanted), _ASKED))
    lacking = [digest for part in parts for digest in centre.ask("blob.missing", Hashes(part), Hashes).hashes]
    for digest in lacking:
        for piece in _pieces(digest, blobs[digest]):
            centre.ask("blob.put", piece, Nothing)
    if lacking:
        total = sum(len(blobs[digest]) for digest in lacking)
        output.note(f"uploaded {len(lacking)} content{'' if len(lacking) == 1 else 's'}, {size(total)}")


def documents(centre: Centre, data: Sequence[bytes]) -> None:
    """Have the centre hold these documents, on this connection, for what names them next."""
    for part in batches(data, size=_BATCH, most=_DOCUMENTS):
        centre.ask("document.hold", Documents(part), Nothing)


def size(count: int) -> str:
    """A number of bytes for people: `301 B`, `12 kB`, `4.1 MB`."""
    if count < 1000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{count // 1000} kB"
    return f"{count / 1_000_000:.1f} MB"


def _pieces(digest: bytes, content: bytes) -> Iterator[Piece]:
    for offset in range(0, max(1, len(content)), PIECE):
        yield Piece(sha256=digest, size=len(content), offset=offset, data=content[offset : offset + PIECE])


def batches(data: Sequence[bytes], *, size: int, most: int) -> Iterator[tuple[bytes, ...]]:
    """As many as go into one message: `size` bytes but for a first that is larger, and at most so many."""
    part: list[bytes] = []
    room = size
    for item in data:
        if part and (len(item) > room or len(part) == most):
            yield tuple(part)
            part, room = [], size
        part.append(item)
        room -= len(item)
    if part:
        yield tuple(part)
