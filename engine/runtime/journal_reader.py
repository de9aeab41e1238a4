"""Reads a journal back: every whole record, a torn tail and room cut, and no hole accepted."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from shlex import quote
from typing import Final, NamedTuple

from engine.errors import FileError
from engine.model.catalogue import Catalogue
from engine.model.codec import Codec
from engine.model.record import Record
from engine.ports import Disk
from engine.runtime.journal import (
    HASH_BYTES,
    HEAD,
    LENGTH_AND_CRC,
    LENGTH_MAX,
    LENGTH_MIN,
    MAGIC,
    MAGIC_NAME,
    TYPE_NUMBERS,
    Position,
    canonical_line,
    checksum,
    hash_of,
)

_TYPES: Final = {number: kind for kind, number in TYPE_NUMBERS.items()}


class RawEntry(NamedTuple):
    """One record as it stands, its payload not decoded. ``offset``: its first byte in the file."""

    offset: int
    sequence: int
    epoch: int
    type_number: int
    at: int
    wall: int
    payload: bytes


class JournalEntry(NamedTuple):
    """One record, decoded."""

    sequence: int
    epoch: int
    at: int
    wall: int
    record: Record


class TornTail(NamedTuple):
    """What a crash left of a record it did not finish, and was cut: where, how much, after what."""

    offset: int
    length: int
    last_sequence: int

    def __str__(self) -> str:
        return (
            f"the last {self.length} bytes (from byte {self.offset}, after record "
            f"{self.last_sequence}) were not finished and are left out"
        )


class JournalContent:
    """A journal that was read and found whole up to ``torn``; iterates over its entries."""

    def __init__(
        self,
        name: str,
        entries: list[RawEntry],
        torn: TornTail | None,
        position: Position,
        catalogue: Catalogue,
    ) -> None:
        self.raw = entries
        self.torn = torn
        self.position = position
        self._name = name
        self._codec = Codec(catalogue)

    def __len__(self) -> int:
        return len(self.raw)

    def __iter__(self) -> Iterator[JournalEntry]:
        for raw in self.raw:
            try:
                record = self._codec.decode(raw.payload, _TYPES[raw.type_number])
            except KeyError:
                raise FileError(
                    f"{self._name}: record {raw.sequence} at byte {raw.offset} has the unknown "
                    f"type {raw.type_number}; a newer Legwork wrote it: read it with that one"
                ) from None
            except FileError as error:
                raise FileError(
                    f"{self._name}: record {raw.sequence} at byte {raw.offset} is {error}"
                ) from error
            yield JournalEntry(raw.sequence, raw.epoch, raw.at, raw.wall, record)


def read_journal(source: Path | Disk, catalogue: Catalogue, *, name: str = "") -> JournalContent:
    """Read and check a whole journal; records are decoded with ``catalogue`` while iterating.

    A bad record with nothing good behind it is the tail of a crash and is left out. Raises
    ``FileError`` for a file that is no journal, a newer one, a bad record with good ones behind it
    (naming byte and sequence), and a record that is not chained to the one before it.
    """
    data, name = _load(source, name)
    entries, torn, position = _scan(data, name)
    return JournalContent(name, entries, torn, position, catalogue)


def canonical(source: Path | Disk, *, name: str = "") -> bytes:
    """Return the journal without host, wall time and epoch: a line of JSON per record.

    Two runs that decided the same have the same canonical journal. Raises as ``read_journal``.
    """
    data, name = _load(source, name)
    entries, _, _ = _scan(data, name)
    return b"".join(canonical_line(e.sequence, e.at, e.payload) for e in entries)


def canonical_hash(source: Path | Disk, *, name: str = "") -> str:
    """Return the SHA-256 of the canonical journal, hex."""
    return sha256(canonical(source, name=name)).hexdigest()


def _load(source: Path | Disk, name: str) -> tuple[bytes, str]:
    if not isinstance(source, Path):
        return source.read(), name or "journal"
    try:
        return source.read_bytes(), name or str(source)
    except OSError as error:
        raise FileError(f"{source}: the journal cannot be read: {error.strerror}") from error


def _scan(data: bytes, name: str) -> tuple[list[RawEntry], TornTail | None, Position]:
    if not data.startswith(MAGIC):
        if not MAGIC.startswith(data):
            raise _foreign(data, name)
        torn = TornTail(0, len(data), 0) if data else None
        return [], torn, Position(0, 0, 0, hash_of(MAGIC))
    entries: list[RawEntry] = []
    position = Position(len(MAGIC), 0, 0, hash_of(MAGIC))
    offset = len(MAGIC)
    while offset < len(data):
        end = _record_end(data, offset)
        if end is None:
            break
        sequence, epoch, type_number, at, wall = HEAD.unpack_from(data, offset + 8)
        chained = data[end - HASH_BYTES : end] == position.prev_hash
        if sequence != position.sequence + 1 or epoch < position.epoch or not chained:
            raise FileError(
                f"{name}: record {sequence} at byte {offset} does not follow record "
                f"{position.sequence}: something was taken out, put in or written by two engines; "
                "do not trade on it: restore it from a copy"
            )
        payload = data[offset + 8 + HEAD.size : end - HASH_BYTES]
        entries.append(RawEntry(offset, sequence, epoch, type_number, at, wall, payload))
        position = Position(end, sequence, epoch, hash_of(data[offset:end]))
        offset = end
    end = len(data.rstrip(b"\0"))
    if end <= offset:
        return entries, None, position  # Nothing is behind it, or room (roomy_disk).
    # Room is looked through no further than a record's hash may reach into it: zeros could begin
    # a record anywhere.
    good = _next_good(data[: end + HASH_BYTES], offset + 1, position.sequence)
    if good is not None:
        raise FileError(
            f"{name}: record {position.sequence + 1} at byte {offset} is damaged, but record "
            f"{HEAD.unpack_from(data, good + 8)[0]} at byte {good} is whole: the file was changed "
            "after it was written, or the power failed while it was; do not trade on it: restore "
            "it from a copy; if the power failed, nothing of what is damaged or behind it was "
            f"durable or sent, and `truncate -s {offset} {quote(name)}` cuts it off"
        )
    return entries, TornTail(offset, end - offset, position.sequence), position


def _record_end(data: bytes, offset: int) -> int | None:
    """Return where the record at ``offset`` ends, None when there is no whole one."""
    start = offset + LENGTH_AND_CRC.size
    if start > len(data):
        return None
    length, crc = LENGTH_AND_CRC.unpack_from(data, offset)
    end: int = start + length
    if not LENGTH_MIN <= length <= LENGTH_MAX or end > len(data):
        return None
    return end if checksum(data[start:end]) == crc else None


def _next_good(data: bytes, start: int, last_sequence: int) -> int | None:
    """Return the offset of the first whole record at or after ``start``.

    Its sequence can only be a little above the last one, so the upper six of its eight bytes are
    one of a few patterns, which is what is searched for.
    """
    highest = last_sequence + 1 + (len(data) - start) // (LENGTH_AND_CRC.size + LENGTH_MIN)
    found: list[int] = []
    for upper in range((last_sequence + 1) >> 16, (highest >> 16) + 1):
        pattern = upper.to_bytes(6, "little")
        place = start + LENGTH_AND_CRC.size + 2
        while (place := data.find(pattern, place)) >= 0:
            offset = place - LENGTH_AND_CRC.size - 2
            end = _record_end(data, offset)
            if end is not None and HEAD.unpack_from(data, offset + 8)[0] > last_sequence:
                found.append(offset)
                break
            place += 1
    return min(found, default=None)


def _foreign(data: bytes, name: str) -> FileError:
    line = data[:64].split(b"\n", 1)[0]
    if line.startswith(MAGIC_NAME) and line[len(MAGIC_NAME) :].isdigit():
        return FileError(
            f"{name}: a journal of format {line.decode()}; this engine reads "
            f"{MAGIC.decode().strip()}: use the version of Legwork that wrote it, or a newer one"
        )
    return FileError(f"{name}: not a journal of this engine; check the session's folder")
