# The few calls of msgpack that common/codec.py makes. msgpack ships no types of its own.
# What comes out of a decode is `object` on purpose: the codec has to look before it believes.
from collections.abc import Callable

from . import exceptions as exceptions
from .exceptions import BufferFull as BufferFull
from .exceptions import ExtraData as ExtraData
from .exceptions import FormatError as FormatError
from .exceptions import OutOfData as OutOfData
from .exceptions import StackError as StackError
from .exceptions import UnpackException as UnpackException

class ExtType:
    code: int
    data: bytes
    def __init__(self, code: int, data: bytes) -> None: ...

class Timestamp:
    seconds: int
    nanoseconds: int
    def __init__(self, seconds: int, nanoseconds: int = ...) -> None: ...

def packb(
    o: object,
    *,
    use_bin_type: bool = ...,
    use_single_float: bool = ...,
    strict_types: bool = ...,
    default: Callable[[object], object] | None = ...,
) -> bytes: ...
def unpackb(
    packed: bytes | bytearray | memoryview,
    *,
    raw: bool = ...,
    use_list: bool = ...,
    strict_map_key: bool = ...,
    timestamp: int = ...,
    object_hook: Callable[[dict[object, object]], object] | None = ...,
    object_pairs_hook: Callable[[list[tuple[object, object]]], object] | None = ...,
    ext_hook: Callable[[int, bytes], object] | None = ...,
    max_str_len: int = ...,
    max_bin_len: int = ...,
    max_array_len: int = ...,
    max_map_len: int = ...,
    max_ext_len: int = ...,
) -> object: ...
