"""Write a recording of N synthetic SNAP_QUOTE frames over K instruments, for the replay benchmark.

    python benchmarks/frames.py OUT --frames 1000000 --instruments 100

Prices are a random walk per instrument in small steps, so that moving averages cross now and then;
books are five levels around it. Frames come round-robin with a little disorder, a fixed time
apart. The file is streamed, so memory does not grow with N. The same arguments make the same file.
"""

from __future__ import annotations

import argparse
import random
import struct
from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Final

from brokers.angelone import wire
from engine import __version__
from engine.model.catalogue import InstrumentFacts
from engine.model.instrument import Kind, Right, Segment
from engine.model.tokens import TokenRow
from engine.rules import RULES_VERSION
from engine.rules.clock_time import NS_PER_S, at_ns
from engine.runtime.disk import FileDisk
from engine.sessionlog.compact import compact
from engine.sessionlog.format import Header, Source, Synthetic
from engine.sessionlog.writer import SessionLogWriter

DAY: Final = date(2026, 8, 17)
EXPIRY: Final = date(2026, 8, 18)
SESSION_S: Final = 385 * 60
LOT: Final = 65
TICK_PAISE: Final = 5
SOURCE: Final = "angel"

_FRAME: Final = struct.Struct("<BB25sqqqqqqddqqqqqqd" + "hqqh" * 10 + "qqqq")
_OPEN_INTEREST: Final = 5_000_000
_STEPS: Final = (-3, -2, -1, -1, 0, 0, 1, 1, 2, 3)


class Walk:
    """One instrument: its packet head, and a price in ticks that goes up and down."""

    __slots__ = ("head", "high", "low", "open", "price", "trend", "value", "volume")

    def __init__(self, head: bytes, price: int) -> None:
        self.head = head
        self.price = self.open = self.high = self.low = price
        self.trend = self.volume = self.value = 0


def listings(count: int) -> list[InstrumentFacts]:
    """Options of one expiry, calls and puts by strike."""
    return [
        InstrumentFacts(
            segment=Segment.NSE_FO,
            kind=Kind.OPTION,
            underlying="NIFTY",
            expiry=EXPIRY,
            strike=Decimal(20_000 + 50 * (place // 2)),
            right=Right.PUT if place % 2 else Right.CALL,
            lot_size=LOT,
            tick_size=Decimal("0.05"),
            freeze_quantity=1800,
        )
        for place in range(count)
    ]


def write(out: Path, frames: int, instruments: int, seed: int) -> int:
    """Write the recording; return its size in bytes."""
    facts = listings(instruments)
    tokens = tuple(
        TokenRow(fact.segment, str(50_001 + place), fact.key) for place, fact in enumerate(facts)
    )
    opens, apart = at_ns(DAY, time(9, 15)), SESSION_S * NS_PER_S // frames
    header = Header(
        created_by=f"legwork {__version__}",
        trading_date=DAY,
        cadence_s=max(1.0, instruments * apart / NS_PER_S),
        instruments=tuple(facts),
        sources=(Source(name=SOURCE, decoder="angelone", tokens=tokens),),
        rules_version=RULES_VERSION,
        synthetic=Synthetic(
            generator="benchmarks/frames.py",
            seed=seed,
            parameters={"frames": frames, "instruments": instruments},
        ),
    )
    stream = out.with_name(f".{out.name}.stream")
    stream.unlink(missing_ok=True)
    try:
        writer = SessionLogWriter(
            FileDisk.create(stream), header, name=str(out), flush_interval_ns=None
        )
        record(writer, tokens, frames, random.Random(seed), opens, apart)
        writer.close(opens + frames * apart, "all frames written")
        compact(stream, out)
    finally:
        stream.unlink(missing_ok=True)
    return out.stat().st_size


def record(
    writer: SessionLogWriter,
    tokens: tuple[TokenRow, ...],
    frames: int,
    dice: random.Random,
    opens: int,
    apart: int,
) -> None:
    """Write ``frames`` frames, ``apart`` ns from each other."""
    walks = [
        Walk(wire.instrument_key(wire.ExchangeType.NSE_FO, row.token), dice.randrange(1_500, 6_000))
        for row in tokens
    ]
    draw, count = dice.random, len(walks)
    mode = int(wire.Mode.SNAP_QUOTE)
    for number in range(frames):
        # Mostly in turn, as a conflating feed sends them, sometimes one out of its turn.
        walk = walks[number % count if draw() < 0.9 else int(draw() * count)]
        at = opens + number * apart
        frame = next_frame(walk, draw, mode, number, at)
        writer.frame(SOURCE, at + 7_000_000 + int(draw() * apart), frame)


def next_frame(walk: Walk, draw: Callable[[], float], mode: int, number: int, at: int) -> bytes:
    """Move the walk and return its packet."""
    if draw() < 0.004:
        walk.trend = int(draw() * 3.0) - 1
    step = _STEPS[int(draw() * 10.0)] + (walk.trend if draw() < 0.5 else 0)
    price = walk.price = min(max(walk.price + step, 200), 20_000)
    last = price * TICK_PAISE
    walk.high, walk.low = max(walk.high, price), min(walk.low, price)
    quantity = LOT * (1 + int(draw() * 8.0))
    walk.volume += quantity
    walk.value += quantity * last
    second = at // NS_PER_S
    size = LOT * (5 + int(draw() * 60.0))
    bid, ask = last - TICK_PAISE, last + TICK_PAISE
    book: list[int] = []
    for level in range(5):
        book += (1, size + LOT * level, bid - TICK_PAISE * level, 2 + level)
    for level in range(5):
        book += (0, size + LOT * (4 - level), ask + TICK_PAISE * level, 2 + level)
    return _FRAME.pack(
        mode, walk.head[0], walk.head[1:], number + 1, second * 1000, last, quantity,
        walk.value // walk.volume, walk.volume, 400_000.0 + size, 380_000.0 + size,
        walk.open * TICK_PAISE, walk.high * TICK_PAISE, walk.low * TICK_PAISE,
        walk.open * TICK_PAISE, second, _OPEN_INTEREST, 0.25, *book,
        200_000, TICK_PAISE, 200_000, TICK_PAISE,
    )  # fmt: skip


def main() -> None:
    """Read the arguments and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--instruments", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if not 1 <= given.instruments <= given.frames <= SESSION_S * 1_000_000:
        parser.error("needs 1 <= instruments <= frames, and at most a million frames a second")
    size = write(given.out, given.frames, given.instruments, given.seed)
    print(f"{given.out}: {given.frames:,} frames, {given.instruments} instruments, {size:,} bytes")


if __name__ == "__main__":
    main()
