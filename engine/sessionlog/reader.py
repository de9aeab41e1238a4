"""Reads a session log, live stream or compacted file, a batch at a time.

Memory does not grow with the log: ordinary reads, not a memory map whose touched pages would count
as ours. Reading a frame of a compacted log costs about 0.4 us (docs/decisions/0002).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import RecordingError
from engine.sessionlog.columns import codes, int64s
from engine.sessionlog.content import ContentHash
from engine.sessionlog.extent import Extent, is_compacted, measure_stream
from engine.sessionlog.format import (
    COLUMNS,
    HEADER_KEY,
    KIND_NAMES,
    Header,
    RowKind,
    decode_header,
    make_schema,
)
from engine.sessionlog.packed import packed_of
from engine.sessionlog.row import (
    Chain,
    ChainedEffects,
    Decision,
    DispatchedEvent,
    DispatchedFrames,
    Effects,
    Frame,
    FrameBatch,
    Row,
    Run,
    Summary,
)

Through = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
"""How batches are read: one after the other (``iter``), or some ahead of whoever asks."""

_DECISION_KINDS: Final = (RowKind.DISPATCH_FRAMES, RowKind.DISPATCH_EVENT, RowKind.EFFECTS)
_RUN: Final = msgspec.json.Decoder(Run)
_EFFECTS: Final = msgspec.json.Decoder(ChainedEffects)
_SUMMARY: Final = msgspec.json.Decoder(Summary)
# One batch is one decompression: handing it to a thread pool costs more than it saves.
_OPTIONS: Final = pa.ipc.IpcReadOptions(use_threads=False)
_ARROW_ERRORS: Final = (pa.ArrowException, OSError)
_JSON_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError)
# Not pa.scalar, which imports pandas wherever it is installed (half a second, 60 MB).
_FRAME_CODE: Final = pa.Array.from_buffers(
    pa.int8(), 1, [None, pa.py_buffer(bytes([RowKind.FRAME]))]
)[0]


class SessionLog:
    """A log that was opened: its header, and iterators over its rows.

    ``lost_bytes``: what a killed writer left of a batch it did not finish; everything before it is
    readable. Every iterator opens the file for itself and raises ``RecordingError`` on damage.
    """

    def __init__(
        self, path: Path, header: Header, header_json: bytes, extent: Extent, *, compacted: bool
    ) -> None:
        self.path = path
        self.header = header
        self.is_compacted = compacted
        self.batch_count = extent.batches
        self.lost_bytes = extent.lost_bytes
        self.header_json = header_json
        self._summary: Summary | None = None
        self._summary_is_known = False

    @classmethod
    def open(cls, path: Path) -> SessionLog:
        """Open a log.

        A live stream that ends in the middle of a batch opens up to its last whole one and
        ``is_torn`` says so. Raises ``RecordingError`` for a file that is missing, empty, foreign,
        newer than this engine, damaged, or a compacted log that is cut short.
        """
        compacted = is_compacted(path)
        try:
            if compacted:
                with pa.OSFile(str(path)) as source:
                    reader = pa.ipc.open_file(source)
                    schema = reader.schema
                    extent = Extent(reader.num_record_batches, 0)
            else:
                extent = measure_stream(path)
                with pa.OSFile(str(path)) as source:
                    schema = pa.ipc.open_stream(source).schema
        except _ARROW_ERRORS as error:
            cut = "the index at its end is missing" if compacted else "its header cannot be read"
            raise RecordingError(
                f"{path}: cut short or damaged ({cut}); copy it again from where it was made"
            ) from error
        header_json = (schema.metadata or {}).get(HEADER_KEY)
        if header_json is None:
            raise RecordingError(
                f"{path}: an Arrow file, but not a Legwork recording (its schema has no "
                f"{HEADER_KEY.decode()!r} entry); a run takes what "
                "`engine recordings generate` writes"
            )
        header = decode_header(header_json, str(path))
        if not schema.equals(make_schema(header_json)):
            raise RecordingError(
                f"{path}: its columns are not those of {header.format} ({', '.join(COLUMNS)}); "
                "another program rewrote it: copy it again from where it was made"
            )
        return cls(path, header, header_json, extent, compacted=compacted)

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema, header included."""
        return make_schema(self.header_json)

    @property
    def is_torn(self) -> bool:
        """The writer was killed in the middle of a batch."""
        return self.lost_bytes > 0

    @property
    def is_closed(self) -> bool:
        """The writer ended in order and said what it had written."""
        return self.summary is not None

    @property
    def summary(self) -> Summary | None:
        """The last row of a log that was closed in order, None of one that was not."""
        if not self._summary_is_known:
            self._summary = self._read_summary()
            self._summary_is_known = True
        return self._summary

    @property
    def frame_count(self) -> int:
        """How many frames there are to read."""
        if self.summary is not None:
            return self.summary.frames
        return sum(_count(batch, RowKind.FRAME) for batch in self.batches())

    @property
    def warning(self) -> str:
        """What a person should know before using this log; empty when there is nothing."""
        if self.is_torn:
            return (
                f"{self.path}: its writer was killed; the last {self.lost_bytes} bytes are of a "
                "batch that was not finished and are left out"
            )
        if not self.is_closed:
            return (
                f"{self.path}: not closed in order, so what was not flushed at the end is missing"
            )
        return ""

    def require_frames(self) -> None:
        """Raise ``RecordingError`` when there is nothing to replay."""
        if not self.frame_count:
            raise RecordingError(
                f"{self.path}: holds no market data (0 frames); choose another recording"
            )

    def content_hash(self) -> str:
        """Compute the content hash again, over every whole row but the summary."""
        content = ContentHash(self.header_json)
        for batch in self.batches():
            content.add(batch)
        return content.hex()

    def require_intact(self) -> str:
        """Return the content hash; raise ``RecordingError`` if it is not the one written."""
        found = self.content_hash()
        self._require(found)
        return found

    @property
    def has_packed_hash(self) -> bool:
        """The summary says what the bytes of this file are: those of a compacted log."""
        return self.summary is not None and self.summary.packed is not None

    def is_as_packed(self) -> bool:
        """Tell whether this file, with its header and summary, is what compaction wrote."""
        summary = self.summary
        if summary is None or summary.packed is None:
            return False
        try:
            length = summary.packed.bytes
            return packed_of(self.path, self.header_json, summary, length) == summary.packed
        except OSError as error:
            raise RecordingError(f"{self.path}: cannot be read: {error.strerror}") from error

    def _require(self, found: str) -> None:
        if self.summary is not None and self.summary.content_sha256 != found:
            raise RecordingError(
                f"{self.path}: its content is not what was recorded (SHA-256 {found[:12]}, written "
                f"{self.summary.content_sha256[:12]}); copy it again from where it was made"
            )

    def frame_batches(
        self, *, checked: bool = False, through: Through = iter
    ) -> Generator[FrameBatch]:
        """Yield the binary frames in batches: the hot path of a replay.

        ``through`` may have Arrow's batches read and unpacked before they are asked for.

        Raises ``RecordingError`` when a frame is missing or earlier than the one before it and,
        where ``checked``, when the content is not what was recorded: before the first frame where
        the file says what its bytes are, else after the last one, since reading a long recording
        twice, first to check it, would cost as much as replaying it.
        """
        number = 0
        last_at = 0
        content = ContentHash(self.header_json) if checked and not self.has_packed_hash else None
        if checked and content is None and not self.is_as_packed():
            self.require_intact()  # Damaged, or the same rows rewritten by another program.
        for batch in through(self.batches()):
            if content is not None:
                content.add(batch)
            frames = _count(batch, RowKind.FRAME)
            if not frames:
                continue
            if frames != batch.num_rows:
                is_frame = pc.equal(batch.column(0).indices, _FRAME_CODE)
                batch = batch.filter(is_frame)  # noqa: PLW2901  the rest of the loop wants frames
            first, last = batch.column(1)[0].as_py(), batch.column(1)[-1].as_py()
            if first != number or last != number + frames - 1:
                raise RecordingError(
                    f"{self.path}: frame {number} is missing (found {first} to {last}); "
                    "copy the file again from where it was made"
                )
            received_at = int64s(batch.column(2))
            if received_at[0] < last_at or received_at != sorted(received_at):
                raise RecordingError(
                    f"{self.path}: receive times run backwards between frames {first} and {last}; "
                    "a replay needs them in order: record the session again"
                )
            yield FrameBatch(
                number, received_at, batch.column(4).to_pylist(), codes(batch.column(3))
            )
            number += frames
            last_at = received_at[-1]
        if content is not None:
            self._require(content.hex())
        elif checked and self.summary is not None and number != self.summary.frames:
            raise RecordingError(
                f"{self.path}: has {number} frames, and its summary counts {self.summary.frames}; "
                "copy the file again from where it was made"
            )

    def frames(self) -> Iterator[Frame]:
        """Yield the binary frames one by one."""
        names = self.header.source_names()
        for batch in self.frame_batches():
            rows = zip(batch.received_at, batch.payloads, batch.sources, strict=True)
            for number, (at, payload, source) in enumerate(rows, batch.first_frame):
                yield Frame(number, names[source], at, payload)

    def frame(self, number: int) -> Frame:
        """Return one frame. Raises ``RecordingError`` when there is no such number."""
        for batch in self.frame_batches():
            place = number - batch.first_frame
            if 0 <= place < len(batch.payloads):
                source = self.header.source_names()[batch.sources[place]]
                return Frame(number, source, batch.received_at[place], batch.payloads[place])
        raise RecordingError(f"{self.path}: no frame {number}; it has {self.frame_count}")

    def rows(self, kinds: Collection[RowKind] = tuple(RowKind)) -> Iterator[Row]:
        """Yield the rows of these kinds in the order in which they were written."""
        names = self.header.source_names()
        wanted = frozenset(kinds)
        every_kind = tuple(RowKind)
        for batch in self.batches():
            kind_codes = codes(batch.column(0))
            if wanted.isdisjoint(kind_codes):
                continue
            columns = zip(
                kind_codes,
                int64s(batch.column(1)),
                int64s(batch.column(2)),
                codes(batch.column(3)),
                batch.column(4).to_pylist(),
                strict=True,
            )
            for code, seq, at, source, payload in columns:
                if code in wanted:
                    yield Row(every_kind[code], seq, at, names[source], payload)

    def decisions(self) -> Iterator[Decision]:
        """Yield what was dispatched and what it led to, in order.

        Raises ``RecordingError`` when the effects are not those that were chained.
        """
        chain = Chain(self.header_json)
        for row in self.rows(_DECISION_KINDS):
            try:
                if row.kind is RowKind.DISPATCH_FRAMES:
                    run = _RUN.decode(row.payload)
                    yield DispatchedFrames(row.seq, row.at, run.first_frame, run.count, run.parts)
                elif row.kind is RowKind.DISPATCH_EVENT:
                    yield DispatchedEvent(row.seq, row.at, row.payload)
                else:
                    written = _EFFECTS.decode(row.payload)
                    payload = bytes(written.effects)
                    if chain.add(row.seq, payload) != written.chain:
                        raise RecordingError(
                            f"{self.path}: the effects of event {row.seq} or some before it were "
                            "changed after they were written; copy the log again"
                        )
                    yield Effects(row.seq, row.at, payload)
            except _JSON_ERRORS as error:
                raise RecordingError(
                    f"{self.path}: the row of event {row.seq} is damaged ({error}); "
                    "copy the log again"
                ) from error

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the Arrow batches as they stand, each checked to be well formed."""
        number = 0
        try:
            with pa.OSFile(str(self.path)) as source:
                if self.is_compacted:
                    file = pa.ipc.open_file(source, options=_OPTIONS)
                    while number < self.batch_count:
                        yield self._checked(file.get_batch(number))
                        number += 1
                else:
                    stream = pa.ipc.open_stream(source, options=_OPTIONS)
                    while number < self.batch_count:
                        yield self._checked(stream.read_next_batch())
                        number += 1
        except (*_ARROW_ERRORS, StopIteration) as error:
            raise RecordingError(
                f"{self.path}: batch {number + 1} of {self.batch_count} is damaged ({error}); "
                "copy the file again from where it was made"
            ) from error

    def _checked(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        # A damaged offset would otherwise be a read outside the buffer.
        batch.validate(full=True)
        if (
            batch.column(0).dictionary.to_pylist() != list(KIND_NAMES)
            or batch.column(3).dictionary.to_pylist() != self.header.source_names()
            or any(column.null_count for column in batch.columns)
        ):
            raise pa.ArrowInvalid("its names are not those of the header")
        return batch

    def _last_payload_if_closed(self) -> bytes | None:
        """Return the summary's bytes: the last row of all; a file knows its last batch."""
        if not self.is_compacted:
            last = None
            for batch in self.batches():
                last = batch if batch.num_rows else last
            return None if last is None else _closing_payload(last)
        if not self.batch_count:
            return None
        try:
            with pa.OSFile(str(self.path)) as source:
                file = pa.ipc.open_file(source, options=_OPTIONS)
                return _closing_payload(self._checked(file.get_batch(self.batch_count - 1)))
        except _ARROW_ERRORS as error:
            raise RecordingError(
                f"{self.path}: its last batch is damaged ({error}); "
                "copy the file again from where it was made"
            ) from error

    def _read_summary(self) -> Summary | None:
        payload = self._last_payload_if_closed()
        if payload is None:
            return None
        try:
            return _SUMMARY.decode(payload)
        except _JSON_ERRORS as error:
            raise RecordingError(
                f"{self.path}: its summary is damaged ({error}); copy the file again"
            ) from error


def _closing_payload(batch: pa.RecordBatch) -> bytes | None:
    """Return the payload of a batch's last row if that is the summary."""
    rows = batch.num_rows
    if not rows or codes(batch.column(0))[rows - 1] != RowKind.CLOSED:
        return None
    return bytes(batch.column(4)[rows - 1].as_py())


def _count(batch: pa.RecordBatch, kind: RowKind) -> int:
    return codes(batch.column(0)).count(kind)
