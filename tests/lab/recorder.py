"""A disk that writes down what it is told: a file system in user space of one file, spoken with the kernel directly.

    python3 -m tests.lab.recorder IMAGE LOG TARGET [--lies]

TARGET, an empty file, becomes the disk; IMAGE has its content. Every write and every flush is added to LOG in the order
in which they were taken, before the kernel is answered. One that `--lies` says that it has flushed and writes down none.
It ends when its standard input does, so it dies with whoever started it.

The kernel's device mapper has this as dm-log-writes; many kernels are built without it. The messages are those of
linux/include/uapi/linux/fuse.h, and few: who opens one file by a loop device asks for little.

Started by `recording`.
"""

from __future__ import annotations

import errno
import os
import select
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.lab import mounts

RECORD: Final = struct.Struct("<IIQ")
"""What stands before each record's bytes in the log: its kind, how many bytes follow, and where on the disk they go."""
WRITE: Final = 1
FLUSH: Final = 2

_HEAD: Final = struct.Struct("<IIQQIIIHH")
_ANSWER: Final = struct.Struct("<IiQ")
_INIT: Final = struct.Struct("<IIIIHHIIHHI28x")
_ATTR: Final = struct.Struct("<6Q10I")
_ATTR_HEAD: Final = struct.Struct("<QII")
_OPENED: Final = struct.Struct("<QII")
_PLACE: Final = struct.Struct("<QQIIQII")  # of a read or a write
_WRITTEN: Final = struct.Struct("<II")

_MOST: Final = 128 * 1024
"""Bytes of one write."""
_BIG_WRITES: Final = 1 << 5
_DIRECT: Final = 1
_FOR_EVER: Final = 1 << 30
_SILENT: Final = frozenset((2, 36, 42))
"""FORGET, INTERRUPT and BATCH_FORGET want no answer."""


class Recorder:
    """One disk."""

    def __init__(self, image: int, log: int, *, lies: bool) -> None:
        """Keep the content in the file `image`, and the records in the file `log` (descriptors)."""
        self._image, self._log, self._lies = image, log, lies
        self._size = os.fstat(image).st_size
        self._answers: dict[int, Callable[[bytes], bytes]] = {
            3: self._attributes,
            4: self._attributes,  # SETATTR: times are nobody's business
            14: lambda _body: _OPENED.pack(0, _DIRECT, 0),
            15: self._read,
            16: self._write,
            18: lambda _body: b"",  # RELEASE
            20: self._flush,  # FSYNC
            25: lambda _body: b"",  # FLUSH, which is one descriptor's close
            26: lambda _body: _INIT.pack(7, 31, _MOST, _BIG_WRITES, 12, 9, _MOST, 1, 0, 0, 0),
        }

    def serve(self, device: int) -> None:
        """Answer the kernel until nobody wants it any more."""
        while True:
            ready, _, _ = select.select([device, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            try:
                message = os.read(device, _MOST + 4096)
            except OSError as err:
                if err.errno == errno.ENODEV:  # it was unmounted
                    return
                if err.errno not in (errno.ENOENT, errno.EINTR):
                    raise
                continue
            self._serve(device, message)

    def _serve(self, device: int, message: bytes) -> None:
        _length, code, unique, *_ = _HEAD.unpack_from(message)
        if code in _SILENT:
            return
        error, body = 0, b""
        if (answer := self._answers.get(code)) is None:
            error = -errno.ENOSYS
        else:
            try:
                body = answer(message[_HEAD.size :])
            except OSError as err:
                error = -(err.errno or errno.EIO)
        os.write(device, _ANSWER.pack(_ANSWER.size + len(body), error, unique) + body)

    def _attributes(self, _body: bytes) -> bytes:
        blocks = self._size // 512
        found = _ATTR.pack(1, self._size, blocks, 0, 0, 0, 0, 0, 0, 0o100600, 1, 0, 0, 0, 4096, 0)
        return _ATTR_HEAD.pack(_FOR_EVER, 0, 0) + found

    def _read(self, body: bytes) -> bytes:
        _handle, offset, size, *_ = _PLACE.unpack_from(body)
        return os.pread(self._image, size, offset)

    def _write(self, body: bytes) -> bytes:
        _handle, offset, size, *_ = _PLACE.unpack_from(body)
        data = body[_PLACE.size : _PLACE.size + size]
        os.writev(self._log, (RECORD.pack(WRITE, size, offset), data))
        os.pwrite(self._image, data, offset)
        return _WRITTEN.pack(size, 0)

    def _flush(self, _body: bytes) -> bytes:
        if not self._lies:
            os.write(self._log, RECORD.pack(FLUSH, 0, 0))
        return b""


def main(words: list[str]) -> None:
    """Be the disk."""
    image, log, target = (Path(word) for word in words[:3])
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    mounts.mount("recorder", target, "fuse", f"fd={device},rootmode=100600,user_id=0,group_id=0")
    recorder = Recorder(
        os.open(image, os.O_RDWR | os.O_CLOEXEC),
        os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600),
        lies="--lies" in words,
    )
    print("ready", flush=True)
    recorder.serve(device)


if __name__ == "__main__":
    main(sys.argv[1:])
