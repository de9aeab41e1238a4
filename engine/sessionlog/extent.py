"""How much of an Arrow stream is whole: what a writer that was killed left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa

from engine.errors import RecordingError

FILE_MAGIC: Final = b"ARROW1\x00\x00"
_CONTINUATION: Final = b"\xff\xff\xff\xff"
_END_OF_STREAM: Final = _CONTINUATION + bytes(4)


class Extent(NamedTuple):
    """The whole record batches at the start of a stream, and the bytes after them."""

    batches: int
    lost_bytes: int


def is_compacted(path: Path) -> bool:
    """Tell a compacted file from a live stream by its first bytes.

    Raises ``RecordingError`` for what is neither, and for a file that cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(FILE_MAGIC))
    except FileNotFoundError:
        raise RecordingError(f"{path}: no such recording; check the name and the folder") from None
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from error
    if not head:
        raise RecordingError(
            f"{path}: the file is empty (0 bytes); copy it again or record a new session"
        )
    if head == FILE_MAGIC:
        return True
    if head[:4] == _CONTINUATION:
        return False
    if FILE_MAGIC.startswith(head) or _CONTINUATION.startswith(head):
        raise RecordingError(
            f"{path}: cut short after {len(head)} bytes, inside its first mark; copy it again"
        )
    raise RecordingError(
        f"{path}: not a recording (neither an Arrow stream nor an Arrow file); "
        "a run takes what `engine recordings generate` writes"
    )


def measure_stream(path: Path) -> Extent:
    """Count the whole batches of a live stream without reading their bodies.

    Raises ``RecordingError`` when not even its header is whole.
    """
    size = path.stat().st_size
    batches = 0
    with pa.memory_map(str(path)) as source:
        reader = pa.ipc.MessageReader.open_stream(source)
        whole = 0
        seen_header = False
        while True:
            try:
                message = reader.read_next_message()
            except StopIteration:
                break
            except (pa.ArrowInvalid, OSError):
                break
            if not seen_header:
                seen_header = message.type == "schema"
                if not seen_header:
                    break
            batches += message.type == "record batch"
            whole = source.tell()
        source.seek(whole)
        rest = source.read(len(_END_OF_STREAM))
    if not seen_header:
        raise RecordingError(
            f"{path}: cut short or damaged inside its header, so nothing in it can be read; "
            "copy it again"
        )
    if rest == _END_OF_STREAM:
        whole += len(rest)
    return Extent(batches, size - whole)
