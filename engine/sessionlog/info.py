"""Everything ``engine recordings info`` says about a log."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from engine.sessionlog.columns import codes
from engine.sessionlog.content import ContentHash
from engine.sessionlog.format import Imported, RowKind, Synthetic
from engine.sessionlog.reader import SessionLog


class SourceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded socket."""

    name: str
    decoder: str
    tokens: int
    frames: int


class RecordingInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A log, described. Times are ns UTC of frames, None where there is no frame.

    ``is_intact``: the content hash computed again is the one written at the close; None where the
    log was not closed in order and none was written. ``warning`` says what a person should know
    before using it, empty when there is nothing.
    """

    path: str
    format: str
    created_by: str
    trading_date: date
    is_synthetic: bool
    synthetic: Synthetic | None
    imported: Imported | None
    is_session: bool
    cadence_s: float
    rules_version: str
    sources: tuple[SourceInfo, ...]
    instruments: dict[str, int]
    underlyings: tuple[str, ...]
    rows: dict[str, int]
    frames: int
    events: int
    first_at: int | None
    last_at: int | None
    file_bytes: int
    bytes_per_frame: float | None
    batches: int
    is_compacted: bool
    is_closed: bool
    closed_because: str | None
    is_torn: bool
    lost_bytes: int
    content_sha256: str
    is_intact: bool | None
    hashes: dict[str, str]
    boot: dict[str, Any]
    warning: str


def describe(path: Path) -> RecordingInfo:
    """Read the whole log once and say what is in it. Raises ``RecordingError``."""
    log = SessionLog.open(path)
    header = log.header
    frames: Counter[int] = Counter()
    first_at: int | None = None
    last_at: int | None = None
    for batch in log.frame_batches():
        frames.update(batch.sources)
        first_at = batch.received_at[0] if first_at is None else first_at
        last_at = batch.received_at[-1]
    content_hash = ContentHash(log.header_json)
    kinds: Counter[int] = Counter()
    for whole_batch in log.batches():
        content_hash.add(whole_batch)
        kinds.update(codes(whole_batch.column(0)))
    total = frames.total()
    content = content_hash.hex()
    summary = log.summary
    is_intact = summary.content_sha256 == content if summary else None
    warning = log.warning
    if is_intact is False:
        warning = f"{path}: its content is not what was recorded; copy it again"
    file_bytes = path.stat().st_size
    instruments = Counter(str(facts.kind) for facts in header.instruments)
    return RecordingInfo(
        path=str(path),
        format=header.format,
        created_by=header.created_by,
        trading_date=header.trading_date,
        is_synthetic=header.is_synthetic,
        synthetic=header.synthetic,
        imported=None if header.imported is msgspec.UNSET else header.imported,
        is_session=bool(header.boot),
        cadence_s=header.cadence_s,
        rules_version=header.rules_version,
        sources=tuple(
            SourceInfo(
                name=source.name,
                decoder=source.decoder,
                tokens=len(source.tokens),
                frames=frames[code],
            )
            for code, source in enumerate(header.sources)
        ),
        instruments=dict(sorted(instruments.items())),
        underlyings=tuple(dict.fromkeys(facts.underlying for facts in header.instruments)),
        rows={kind.name.lower(): kinds[kind] for kind in RowKind},
        frames=total,
        events=summary.events if summary else 0,
        first_at=first_at,
        last_at=last_at,
        file_bytes=file_bytes,
        bytes_per_frame=file_bytes / total if total else None,
        batches=log.batch_count,
        is_compacted=log.is_compacted,
        is_closed=log.is_closed,
        closed_because=summary.reason if summary else None,
        is_torn=log.is_torn,
        lost_bytes=log.lost_bytes,
        content_sha256=content,
        is_intact=is_intact,
        hashes=header.hashes,
        boot=header.boot,
        warning=warning,
    )
