from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.model.catalogue import InstrumentFacts
from engine.model.instrument import Kind, Right, Segment
from engine.model.tokens import TokenRow
from engine.runtime.disk import FileDisk
from engine.sessionlog.format import Header, Source, Synthetic
from engine.sessionlog.writer import SessionLogWriter

INDEX = InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.INDEX, underlying="NIFTY")
CALL = InstrumentFacts(
    segment=Segment.NSE_FO,
    kind=Kind.OPTION,
    underlying="NIFTY",
    expiry=date(2026, 8, 25),
    strike=Decimal(24000),
    right=Right.CALL,
    lot_size=75,
    freeze_quantity=1800,
)
OPEN = 1_787_111_100_000_000_000  # 2026-08-19 09:15 IST


@pytest.fixture
def header() -> Header:
    return Header(
        created_by="legwork 0.1.0",
        trading_date=date(2026, 8, 19),
        cadence_s=1.0,
        instruments=(INDEX, CALL),
        sources=(
            Source(
                name="angel",
                decoder="angelone",
                tokens=(
                    TokenRow(Segment.NSE_CM, "26000", INDEX.key),
                    TokenRow(Segment.NSE_FO, "49697", CALL.key),
                ),
            ),
            Source(name="alice", decoder="aliceblue"),
        ),
        rules_version="2026-08-01",
        synthetic=Synthetic(generator="legwork-market/1", seed=7, parameters={"minutes": 120}),
    )


@pytest.fixture
def recorded(tmp_path: Path, header: Header) -> Callable[..., Path]:
    """Record ``frames`` frames, one a millisecond, from two sockets in turn."""

    def record(
        frames: int,
        *,
        name: str = "live.arrow",
        flush_rows: int = 10,
        close: bool = True,
        decisions: int = 0,
    ) -> Path:
        path = tmp_path / name
        writer = SessionLogWriter(
            FileDisk.create(path), header, name=name, flush_rows=flush_rows, flush_interval_ns=None
        )
        for number in range(frames):
            source = "alice" if number % 3 == 2 else "angel"
            writer.frame(source, OPEN + number * 1_000_000, frame_bytes(number))
        for kseq in range(1, decisions + 1):
            writer.dispatched_event(kseq, OPEN + kseq, b'{"type":"TimerFired","due":%d}' % kseq)
            writer.effects(kseq, OPEN + kseq, b'[{"type":"Say","text":"%d"}]' % kseq)
        if close:
            writer.close(OPEN + frames * 1_000_000, "end of day")
        else:
            writer.flush()
            writer.abandon()
        return path

    return record


def frame_bytes(number: int) -> bytes:
    return number.to_bytes(4, "little") * (1 + number % 5)


@pytest.fixture
def bytes_of() -> Callable[[int], bytes]:
    return frame_bytes
