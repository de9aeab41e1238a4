"""The write-ahead journal: what was decided, framed, chained and durable before bytes leave.

File: the line ``legwork-journal/1`` and records, all integers little endian:

    length u32 | crc u32 | sequence u64 | epoch u32 | type u16 | at i64 | wall i64
    | payload | prev_hash 16 bytes

``length`` counts what follows ``crc``. ``crc`` is CRC-32 (zlib's) over ``length`` and all that
follows ``crc``. ``sequence`` starts at 1 and has no holes. ``epoch`` counts the processes that
wrote this file. ``at`` is the engine's time (virtual in paper), ``wall`` the machine's, both ns
UTC. ``payload`` is the record as tagged JSON. ``prev_hash`` is BLAKE2b-128 of the whole record
before, of the first line for the first. (reliability.md 2.2; docs/decisions/0002.)
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b, sha256
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

from engine.errors import FileError, InvariantBroken
from engine.model.codec import encode
from engine.model.record import (
    AccountVerified,
    AlertRaised,
    Checkpoint,
    EntryWithdrawn,
    ForeignHeld,
    ForeignSeen,
    GroupMoved,
    GroupPlanned,
    HumanActed,
    KillRecorded,
    LegRepriced,
    OrderChanged,
    OrderFilled,
    Record,
    RiskJudged,
    SessionBooted,
    SessionClosed,
    SnapshotNoted,
    StateSaved,
    StrategyHalted,
)
from engine.ports import Clock, Disk

MAGIC_NAME: Final = b"legwork-journal/"
MAGIC: Final = MAGIC_NAME + b"1\n"

LENGTH_AND_CRC: Final = Struct("<II")
HEAD: Final = Struct("<QIHqq")
HASH_BYTES: Final = 16
LENGTH_MIN: Final = HEAD.size + HASH_BYTES
LENGTH_MAX: Final = 16 << 20

TYPE_NUMBERS: Final[dict[type[Record], int]] = {
    SessionBooted: 1,
    GroupPlanned: 2,
    RiskJudged: 3,
    OrderChanged: 4,
    OrderFilled: 5,
    GroupMoved: 6,
    StrategyHalted: 7,
    StateSaved: 8,
    KillRecorded: 9,
    AlertRaised: 10,
    SessionClosed: 11,
    SnapshotNoted: 12,
    ForeignSeen: 13,
    ForeignHeld: 14,
    AccountVerified: 15,
    HumanActed: 16,
    EntryWithdrawn: 17,
    LegRepriced: 18,
    Checkpoint: 19,
}
"""What stands in the ``type`` field. A number is never given to another record."""


class JournalBroken(FileError):
    """The journal cannot be written any more: nothing may be sent, the session must stop."""


class Position(NamedTuple):
    """The end of what is whole in a journal: bytes, last sequence and epoch, and its hash."""

    length: int
    sequence: int
    epoch: int
    prev_hash: bytes


class Journal:
    """Appends records and makes them durable. ``create`` or ``resume`` makes one.

    An append survives ``kill -9`` once it returned and a power cut after the next ``sync``. An
    error of the disk is fatal: whatever failed is not tried again, and every later call raises the
    same ``JournalBroken``. ``sync`` may run in another thread than ``append``.
    """

    def __init__(self, disk: Disk, wall: Clock, name: str, position: Position) -> None:
        self._disk = disk
        self._wall = wall
        self._name = name
        self._sequence = self._written = position.sequence
        self._unwritten: list[bytes] = []
        self._lines: list[bytes] = []
        self._epoch = position.epoch
        self._prev_hash = position.prev_hash
        self._durable = 0
        self._canonical = sha256()
        self._refusal: str | None = None

    @classmethod
    def create(cls, disk: Disk, wall: Clock, *, name: str) -> Journal:
        """Start a new journal on an empty disk; ``name`` is what messages call the file."""
        journal = cls(disk, wall, name, Position(0, 0, 1, hash_of(MAGIC)))
        journal._unwritten.append(MAGIC)
        journal._write()
        return journal

    @classmethod
    def resume(cls, disk: Disk, wall: Clock, *, name: str, position: Position) -> Journal:
        """Go on behind what ``read_journal`` found whole, in a new epoch; a torn tail is cut."""
        journal = cls(disk, wall, name, position._replace(epoch=position.epoch + 1))
        try:
            disk.truncate(position.length)
            if not position.length:
                disk.append(MAGIC)
            disk.sync()
        except OSError as error:
            end = position.sequence
            raise journal._failed("continued", end, end, error) from error
        journal._durable = position.sequence
        return journal

    @property
    def sequence(self) -> int:
        """The number of the record appended last, 0 before the first."""
        return self._sequence

    @property
    def durable_sequence(self) -> int:
        """The number up to which this process knows everything to be durable."""
        return self._durable

    def append(self, record: Record, at: int) -> int:
        """Write one record and return its sequence."""
        return self.append_all((record,), at)

    def append_all(self, records: Iterable[Record], at: int) -> int:
        """Write records in their order, with one write, and return the last one's sequence."""
        return self.append_each(((records, at),))

    def append_each(self, made: Iterable[tuple[Iterable[Record], int]]) -> int:
        """Write records of several times as ``append_all`` those of one, with one write for all."""
        self._require_whole()
        try:
            for records, at in made:
                self._frame(records, at)
        finally:
            self._write()
        return self._sequence

    def _write(self) -> None:
        """Put what was framed into the file; only then may a sync count it."""
        self._require_whole()
        if not self._unwritten:
            return
        unwritten, lines = b"".join(self._unwritten), b"".join(self._lines)
        self._unwritten.clear()
        self._lines.clear()
        try:
            self._disk.append(unwritten)
        except OSError as error:
            raise self._failed("written", self._written, self._sequence, error) from error
        self._canonical.update(lines)
        self._written = self._sequence

    @property
    def canonical_sha256(self) -> str:
        """The SHA-256 of the canonical form of what this process wrote, hex.

        Kept while writing, so that a long session need not be read again; for a journal made by
        ``create`` it is what ``journal_reader.canonical_hash`` finds in the file.
        """
        return self._canonical.hexdigest()

    def sync(self) -> int:
        """Make everything appended so far durable and return the sequence reached."""
        self._require_whole()
        reached = self._written
        try:
            self._disk.sync()
        except OSError as error:
            raise self._failed("made durable", self._durable, reached, error) from error
        self._durable = reached
        return reached

    def make_room(self) -> None:
        """Have the disk prepare for the next records (``Disk.make_room``); it may take its time."""
        self._require_whole()
        try:
            self._disk.make_room()
        except OSError as error:
            raise self._failed("made durable", self._durable, self._written, error) from error

    def close(self) -> None:
        """Sync and release the file; a broken journal is only released."""
        try:
            if self._refusal is None:
                self.sync()
        finally:
            self._refusal = self._refusal or f"{self._name}: the journal is closed"
            self._disk.close()

    def _frame(self, records: Iterable[Record], at: int) -> None:
        """Have records go out with the next write; those before one that has no form still do."""
        epoch, wall = self._epoch, self._wall.now()
        unwritten, lines = self._unwritten, self._lines
        for record in records:
            payload = encode(record)
            sequence = self._sequence + 1
            head = HEAD.pack(sequence, epoch, TYPE_NUMBERS[record.__class__], at, wall)
            framed = frame_record(sequence, head + payload + self._prev_hash)
            unwritten.append(framed)
            lines.append(canonical_line(sequence, at, payload))
            self._sequence = sequence
            self._prev_hash = hash_of(framed)

    def _require_whole(self) -> None:
        if self._refusal is not None:
            raise JournalBroken(self._refusal)

    def _failed(self, what: str, done: int, last: int, error: OSError) -> JournalBroken:
        """Refuse everything from now on: it could not be done to what follows record ``done``."""
        first = done + 1
        which = f"records {first} to {last}" if last > first else f"record {first}"
        self._refusal = (
            f"{self._name}: {which} of the journal could not be {what}: "
            f"{error.strerror or error}; nothing more is sent: make the disk writable, see what is "
            "open at the broker, and start again"
        )
        return JournalBroken(self._refusal)


def canonical_line(sequence: int, at: int, payload: bytes) -> bytes:
    """Return a record without host, wall time and epoch: a line of JSON."""
    return b'{"sequence":%d,"at":%d,"record":%s}\n' % (sequence, at, payload)


def frame_record(sequence: int, body: bytes) -> bytes:
    """Return a record as it stands in the file; ``body`` is its part after the CRC.

    Raises ``InvariantBroken`` when it is too long.
    """
    length = len(body)
    if length > LENGTH_MAX:
        raise InvariantBroken(f"record {sequence} has {length} bytes, more than {LENGTH_MAX}")
    return LENGTH_AND_CRC.pack(length, checksum(body)) + body


def checksum(body: bytes) -> int:
    """Return the CRC of a record whose part after the CRC is ``body``."""
    return crc32(body, crc32(len(body).to_bytes(4, "little")))


def hash_of(framed: bytes) -> bytes:
    """Return what the next record's ``prev_hash`` is."""
    return blake2b(framed, digest_size=HASH_BYTES).digest()
