"""Writes a session log while it happens: an Arrow IPC stream behind the ``Disk`` port.

What was flushed survives ``kill -9``; the unflushed rest is at most ``flush_interval_ns`` old.
"""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import count, islice, repeat
from typing import Final

import msgspec
import pyarrow as pa

from engine.errors import InvariantBroken, RecordingError
from engine.ports import Disk
from engine.sessionlog.columns import of_bytes
from engine.sessionlog.content import ContentHash
from engine.sessionlog.format import (
    KIND_NAMES,
    OWN_SOURCE,
    Header,
    RowKind,
    encode_header,
    make_schema,
)
from engine.sessionlog.row import Chain, Connection, Run, Summary

FLUSH_INTERVAL_NS: Final = 250_000_000
FLUSH_ROWS: Final = 4096

_NO_ROWS: Final = ((), (), (), (), ())
_EFFECTS_JSON: Final = b'{"chain":"%s","effects":%s}'
_ENCODER: Final = msgspec.json.Encoder()


class SessionLogWriter:
    """Appends rows in the order in which things happened.

    Rows are flushed when there are ``flush_rows`` of them or the oldest is ``flush_interval_ns``
    old (None: by number only, for a writer whose time is virtual). Every method raises
    ``RecordingError`` when the disk fails; what was flushed before stays readable and nothing more
    is accepted. ``name`` is what messages call the file.
    """

    def __init__(
        self,
        disk: Disk,
        header: Header,
        *,
        name: str,
        flush_rows: int = FLUSH_ROWS,
        flush_interval_ns: int | None = FLUSH_INTERVAL_NS,
    ) -> None:
        self._disk = disk
        self._name = name
        self._flush_rows = flush_rows
        self._flush_interval_ns = flush_interval_ns
        header_json = encode_header(header)
        self._schema = make_schema(header_json)
        names = header.source_names()
        self._source_codes = {name: code for code, name in enumerate(names)}
        self._own_code = self._source_codes[OWN_SOURCE]
        self._kind_names = of_bytes(pa.string(), [name.encode() for name in KIND_NAMES])
        self._source_names = of_bytes(pa.string(), [name.encode() for name in names])
        self._content = ContentHash(header_json)
        self._chain = Chain(header_json)

        self._frames = 0
        self._written = dict.fromkeys(RowKind, 0)
        self._events = 0
        self._next_kseq: int | None = None
        self._first_frame_at: int | None = None
        self._last_frame_at: int | None = None

        self._waiting: list[tuple[RowKind, int, int, int, bytes]] = []
        self._refusal: str | None = None
        self._bytes = 0
        self._rows = 0

        self._outbox = _Outbox()
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        self._stream = pa.ipc.new_stream(
            pa.PythonFile(self._outbox, mode="w"), self._schema, options=options
        )
        # Arrow writes the schema with the first batch: an empty one, so that the header is on disk
        # before anything happens.
        self._append_batch()

    @property
    def frame_count(self) -> int:
        """How many frames were recorded, which is also the number of the next one."""
        return self._frames

    def frame(self, source: str, received_at: int, payload: bytes) -> int:
        """Record a binary frame of a socket and return its number.

        Raises ``InvariantBroken`` when ``received_at`` lies before the frame recorded last.
        """
        number = self._frames
        if self._last_frame_at is None:
            self._first_frame_at = received_at
        elif received_at < self._last_frame_at:
            raise InvariantBroken(
                f"{self._name}: frame {number} of {source} was received "
                f"{self._last_frame_at - received_at} ns before the frame recorded before it"
            )
        self._last_frame_at = received_at
        self._frames = number + 1
        self._row(RowKind.FRAME, number, received_at, self._source_codes[source], payload)
        return number

    def frames(self, source: str, received_at: Sequence[int], payloads: Sequence[bytes]) -> None:
        """Record frames of one socket at once, as ``frame`` would one after the other.

        Raises ``InvariantBroken`` when their times run backwards.
        """
        if not payloads:
            return
        if self._refusal is not None:
            raise RecordingError(self._refusal)
        times = [self._last_frame_at or received_at[0], *received_at]
        if times != sorted(times):
            raise InvariantBroken(
                f"{self._name}: {len(payloads)} frames of {source} from number {self.frame_count} "
                "on are not in the order in which they were received"
            )
        if self._first_frame_at is None:
            self._first_frame_at = received_at[0]
        self._last_frame_at = received_at[-1]
        kind, code = repeat(RowKind.FRAME), repeat(self._source_codes[source])
        rows = zip(kind, count(self.frame_count), received_at, code, payloads, strict=False)
        left = len(payloads)
        while left:
            taken = min(self._flush_rows - len(self._waiting), left)
            self._waiting += islice(rows, taken)
            self._frames += taken
            left -= taken
            if len(self._waiting) >= self._flush_rows:
                self._append_batch()
        self.flush_due(received_at[-1])

    def text(self, source: str, received_at: int, text: str) -> None:
        """Record a text frame of a socket; no token and no login body ever stands in one."""
        code = self._source_codes[source]
        self._row(RowKind.TEXT, self.frame_count, received_at, code, text.encode())

    def connection(self, source: str, at: int, event: Connection) -> None:
        """Record that a socket opened, closed or was found silent."""
        code = self._source_codes[source]
        self._row(RowKind.CONNECTION, self.frame_count, at, code, _ENCODER.encode(event))

    def dispatched_frames(
        self, first_kseq: int, first_frame: int, count: int, first_at: int, parts: int = 1
    ) -> None:
        """Record that ``count`` consecutive frames were handled, each as ``parts`` events.

        Each event's time was its frame's receive time; a run of one may have had another,
        ``first_at``. Raises ``InvariantBroken`` when ``first_kseq`` is not the next one.
        """
        run = _ENCODER.encode(Run(first_frame, count, parts))
        self.decided(((RowKind.DISPATCH_FRAMES, first_kseq, first_at, count * parts, run),))

    def dispatched_event(self, kseq: int, now: int, payload: bytes) -> None:
        """Record an event that came from no frame, as ``engine.model.codec`` JSON."""
        self.decided(((RowKind.DISPATCH_EVENT, kseq, now, 1, payload),))

    def effects(self, kseq: int, now: int, payload: bytes) -> None:
        """Record what event ``kseq`` led to, as ``engine.model.codec`` JSON; call only if any.

        Raises ``InvariantBroken`` unless ``kseq`` is the event dispatched last.
        """
        self.decided(((RowKind.EFFECTS, kseq, now, 0, payload),))

    def decided(self, rows: Iterable[tuple[RowKind, int, int, int, bytes]]) -> None:
        """Record what was dispatched and what it led to, as the three methods above do.

        Each row is its kind, the kseq of its (first) event, the time, how many events it stands
        for (0 of effects), and its payload.
        """
        if self._refusal is not None:
            raise RecordingError(self._refusal)
        waiting, own_code, flush_rows = self._waiting, self._own_code, self._flush_rows
        add, chain, effects = waiting.append, self._chain.add, RowKind.EFFECTS
        expected = self._next_kseq
        at = 0
        try:
            for kind, kseq, at, count, payload in rows:
                if kind is effects:
                    if expected != kseq + 1:
                        raise InvariantBroken(
                            f"{self._name}: effects of event {kseq}, but the next event is "
                            f"{expected}"
                        )
                    written = _EFFECTS_JSON % (chain(kseq, payload).encode(), payload)
                else:
                    if count < 1 or expected not in (None, kseq):
                        raise InvariantBroken(
                            f"{self._name}: {count} events from number {kseq} on, but the next "
                            f"event is {expected}"
                        )
                    written, expected = payload, kseq + count
                    self._events += count
                add((kind, kseq, at, own_code, written))
                if len(waiting) >= flush_rows:
                    self._append_batch()
        finally:
            self._next_kseq = expected
        self.flush_due(at)

    def flush_due(self, now: int) -> None:
        """Flush if the oldest row waits too long; call it while nothing arrives."""
        interval_ns, waiting = self._flush_interval_ns, self._waiting
        if interval_ns is not None and waiting and now - waiting[0][2] >= interval_ns:
            self.flush()

    def flush(self) -> None:
        """Hand every row so far to the operating system."""
        if self._refusal is not None:
            raise RecordingError(self._refusal)
        if self._waiting:
            self._append_batch()

    def close(self, at: int, reason: str) -> Summary:
        """Write the summary, make the log durable and release the disk."""
        self.flush()
        summary = Summary(
            content_sha256=self._content.hex(),
            frames=self._frames,
            texts=self._written[RowKind.TEXT],
            connections=self._written[RowKind.CONNECTION],
            events=self._events,
            effects=self._written[RowKind.EFFECTS],
            effects_chain=self._chain.hex,
            first_at=self._first_frame_at,
            last_at=self._last_frame_at,
            reason=reason,
        )
        payload = _ENCODER.encode(summary)
        self._row(RowKind.CLOSED, self._rows, at, self._own_code, payload)
        self.flush()
        self._stream.close()
        self._hand_over()
        try:
            self._disk.sync()
            self._disk.close()
        except OSError as error:
            raise self._failed(error) from error
        self._refusal = f"{self._name}: the log is closed; nothing can be added"
        return summary

    def abandon(self) -> None:
        """Release the disk without a summary, as a crash would; what was flushed stays."""
        self._refusal = self._refusal or f"{self._name}: the log was abandoned"
        with contextlib.suppress(OSError):
            self._disk.close()

    def _row(self, kind: RowKind, seq: int, at: int, source: int, payload: bytes) -> None:
        if self._refusal is not None:
            raise RecordingError(self._refusal)
        self._waiting.append((kind, seq, at, source, payload))
        if len(self._waiting) >= self._flush_rows:
            self._append_batch()
        elif self._flush_interval_ns is not None:
            self.flush_due(at)

    def _append_batch(self) -> None:
        # The first batch of all is empty.
        kinds, seqs, times, sources, payloads = tuple(zip(*self._waiting, strict=True)) or _NO_ROWS
        codes = bytes(kinds)
        for kind in RowKind:
            self._written[kind] += codes.count(kind)
        batch = pa.RecordBatch.from_arrays(
            [
                _named(codes, self._kind_names),
                _fixed(array("q", seqs), self._schema.field("seq").type),
                _fixed(array("q", times), self._schema.field("at").type),
                _named(bytes(sources), self._source_names),
                of_bytes(pa.binary(), payloads),
            ],
            schema=self._schema,
        )
        self._stream.write_batch(batch)
        self._hand_over()
        self._content.add(batch)
        self._rows += len(self._waiting)
        self._waiting.clear()

    def _hand_over(self) -> None:
        data = self._outbox.take()
        try:
            self._disk.append(data)
        except OSError as error:
            raise self._failed(error) from error
        self._bytes += len(data)

    def _failed(self, error: OSError) -> RecordingError:
        """Poison the writer and cut off what may have been written of the batch that failed."""
        with contextlib.suppress(OSError):
            self._disk.truncate(self._bytes)
        self._refusal = (
            f"{self._name}: cannot write the log: {error.strerror or error}; the {self._rows} rows "
            "written before can still be read; make room on the disk and start a new session"
        )
        return RecordingError(self._refusal)


class _Outbox:
    """The sink Arrow writes to; one batch leaves it as one append."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data

    def flush(self) -> None:
        """Nothing waits here that Arrow could push on."""

    def close(self) -> None:
        """The disk is closed by the writer."""


def _named(codes: bytes, names: pa.Array) -> pa.DictionaryArray:
    indices = pa.Array.from_buffers(pa.int8(), len(codes), [None, pa.py_buffer(codes)])
    return pa.DictionaryArray.from_arrays(indices, names)


def _fixed(values: array[int], kind: pa.DataType) -> pa.Array:
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])
