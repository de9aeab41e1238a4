"""The hash of a compacted file's own bytes: what tells a whole file from a damaged one, fast.

The content hash is of rows, which must be unpacked for it, and then of six times as many bytes: a
quarter of what it costs to replay a frame. This one is of the file as it lies on the disk. It is
made while the file is written, and only kept once the rows in it were read again and compared with
the content hash (``engine.sessionlog.compact``).
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import IO, Final

import msgspec

from engine.sessionlog.row import Packed, Summary

_READ_BYTES: Final = 1 << 20


class PackedHash:
    """SHA-256 over the header's JSON, the summary's without ``packed``, and the file's bytes."""

    def __init__(self, header_json: bytes, summary: Summary) -> None:
        self._digest = sha256(header_json)
        self._digest.update(msgspec.json.encode(msgspec.structs.replace(summary, packed=None)))
        self._bytes = 0

    def add(self, data: memoryview) -> None:
        """Take in the next bytes of the file."""
        self._digest.update(data)
        self._bytes += len(data)

    def packed(self) -> Packed:
        """Return what was added so far."""
        return Packed(self._bytes, self._digest.hexdigest())


class HashingSink:
    """What Arrow writes a file through: every byte goes into the hash on its way."""

    closed = False

    def __init__(self, file: IO[bytes], content: PackedHash) -> None:
        self._file = file
        self._hash = content

    def write(self, data: bytes) -> int:
        """Write all of ``data``."""
        view = memoryview(data)
        self._hash.add(view)
        self._file.write(view)
        return len(view)

    def tell(self) -> int:
        """Return how much was written."""
        return self._file.tell()

    def flush(self) -> None:
        """The file is flushed by whoever opened it."""

    def close(self) -> None:
        """The file is closed by whoever opened it."""


def packed_of(path: Path, header_json: bytes, summary: Summary, length: int) -> Packed:
    """Read the first ``length`` bytes of a file and return their hash. Raises ``OSError``."""
    found = PackedHash(header_json, summary)
    buffer = memoryview(bytearray(_READ_BYTES))
    with path.open("rb", buffering=0) as file:
        left = length
        while left and (taken := file.readinto(buffer[: min(left, _READ_BYTES)])):
            found.add(buffer[:taken])
            left -= taken
    return found.packed()
