"""Write the day as a recording: SmartStream frames of 51 bytes, or of 379 with five-level books."""

from __future__ import annotations

import argparse
import struct
from datetime import time
from pathlib import Path

from benchmarks import frames
from benchmarks.peers.day import APART_NS, LOT, OPENS_NS, SPREAD_PAISE, TICK_PAISE, Day, read
from brokers.angelone import wire
from engine import __version__
from engine.model.tokens import TokenRow
from engine.rules import RULES_VERSION
from engine.rules.clock_time import NS_PER_S, at_ns
from engine.runtime.disk import FileDisk
from engine.sessionlog.compact import compact
from engine.sessionlog.format import Header, Source, Synthetic
from engine.sessionlog.writer import SessionLogWriter

LTP = struct.Struct("<BB25sqqq")
LEVELS = 5


def write(day: Day, out: Path, *, books: bool) -> None:
    """Write ``day`` to ``out``. Its cadence is 0, a feed of every print: an order without a book
    then fills at the next print, never at an old one.
    """
    if at_ns(frames.DAY, time(9, 15)) != OPENS_NS:
        raise ValueError("the benchmark's day and its recording do not open at the same time")
    facts = frames.listings(day.instruments)
    tokens = tuple(
        TokenRow(fact.segment, str(50_001 + place), fact.key) for place, fact in enumerate(facts)
    )
    header = Header(
        created_by=f"legwork {__version__}",
        trading_date=frames.DAY,
        cadence_s=0.0,
        instruments=tuple(facts),
        sources=(Source(name=frames.SOURCE, decoder="angelone", tokens=tokens),),
        rules_version=RULES_VERSION,
        synthetic=Synthetic(
            generator="benchmarks/peers",
            seed=0,
            parameters={"frames": len(day), "instruments": day.instruments},
        ),
    )
    heads = [wire.instrument_key(wire.ExchangeType.NSE_FO, row.token) for row in tokens]
    opened = list(day.prices[: day.instruments])
    stream = out.with_name(f".{out.name}.stream")
    try:
        writer = SessionLogWriter(
            FileDisk.create(stream), header, name=str(out), flush_interval_ns=None
        )
        for number, paise in enumerate(day.prices):
            index, at = number % day.instruments, day.time_ns(number)
            make = book_frame if books else ltp_frame
            writer.frame(frames.SOURCE, at, make(heads[index], number, at, paise, opened[index]))
        writer.close(OPENS_NS + len(day) * APART_NS, "all frames written")
        compact(stream, out)
    finally:
        stream.unlink(missing_ok=True)


def ltp_frame(head: bytes, number: int, at: int, paise: int, _opened: int) -> bytes:
    return LTP.pack(int(wire.Mode.LTP), head[0], head[1:], number + 1, at // 1_000_000, paise)


def book_frame(head: bytes, number: int, at: int, paise: int, opened: int) -> bytes:
    """Five levels a side, from ``SPREAD_PAISE`` off the last price, each larger than an order."""
    book: list[int] = []
    for level in range(LEVELS):
        book += (1, 100 * LOT, paise - SPREAD_PAISE - TICK_PAISE * level, 2)
    for level in range(LEVELS):
        book += (0, 100 * LOT, paise + SPREAD_PAISE + TICK_PAISE * level, 2)
    return frames._FRAME.pack(
        int(wire.Mode.SNAP_QUOTE), head[0], head[1:], number + 1, at // 1_000_000, paise, LOT,
        paise, LOT * (number + 1), 400_000.0, 380_000.0, opened, max(opened, paise),
        min(opened, paise), opened, at // NS_PER_S, 5_000_000, 0.0, *book,
        200_000, TICK_PAISE, 200_000, TICK_PAISE,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("day", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--books", action="store_true")
    given = parser.parse_args()
    write(read(given.day), given.out, books=given.books)


if __name__ == "__main__":
    main()
