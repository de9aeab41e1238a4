"""The content hash of a log: the same for the live stream and for its compacted file."""

from __future__ import annotations

from hashlib import sha256

import pyarrow as pa
import pyarrow.compute as pc

from engine.sessionlog.columns import binary_bytes, codes, fixed_bytes
from engine.sessionlog.format import RowKind


class ContentHash:
    """SHA-256 over header and rows, column by column, so that batch boundaries do not matter.

    The digest is the hash of: the header's JSON, the number of rows, and the digests of the
    concatenated kind codes, seqs, times, source codes, payload lengths (int32) and payloads,
    all little endian.
    """

    def __init__(self, header_json: bytes) -> None:
        self._header_json = header_json
        self._rows = 0
        self._columns = [sha256() for _ in range(6)]

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in the next rows; the summary, which holds this hash, is left out."""
        closed = codes(batch.column(0)).count(RowKind.CLOSED)
        batch = batch.slice(0, batch.num_rows - closed)
        kind, seq, at, source, payload = batch.columns
        parts = (
            fixed_bytes(kind.indices, 1),
            fixed_bytes(seq, 8),
            fixed_bytes(at, 8),
            fixed_bytes(source.indices, 1),
            fixed_bytes(pc.binary_length(payload), 4),
            binary_bytes(payload),
        )
        for column, data in zip(self._columns, parts, strict=True):
            column.update(data)
        self._rows += batch.num_rows

    def hex(self) -> str:
        """Return the hash of everything added so far."""
        whole = sha256(self._header_json)
        whole.update(self._rows.to_bytes(8, "little"))
        for column in self._columns:
            whole.update(column.digest())
        return whole.hexdigest()
