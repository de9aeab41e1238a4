"""The day every engine is given: last prices on the grid, instruments strictly in turn.

Standard library only, since each peer reads it in its own environment. Tick ``n`` is of instrument
``n % instruments`` and comes ``apart_ns`` after the one before it; no two ticks share a time, and
an instrument's next tick is always ``n + instruments``. A price moves by one tick of the grid or
not at all, so that a limit one tick beyond the last price always reaches the next one.
"""

from __future__ import annotations

import json
import random
import sys
from array import array
from dataclasses import dataclass
from pathlib import Path

OPENS_NS = 1_786_938_300_000_000_000
"""09:15 IST on Monday, 17 August 2026."""
APART_NS = 20_000_000
"""Fifty ticks a second: about what a hundred contracts print."""
SESSION_NS = 360 * 60 * 1_000_000_000
"""09:15 to 15:15: entries are allowed until 15:20."""
TICK_PAISE = 5
LOT = 65
SPREAD_PAISE = TICK_PAISE
"""With books: the bid is one tick below the last price, the ask one above."""


@dataclass(frozen=True, slots=True)
class Day:
    """Prices in paise, in the order of their times."""

    instruments: int
    prices: array[int]

    def __len__(self) -> int:
        return len(self.prices)

    def time_ns(self, number: int) -> int:
        """UTC time of a tick."""
        return OPENS_NS + number * APART_NS

    def number_at(self, at_ns: int) -> int:
        """Return the newest tick at a time."""
        return (at_ns - OPENS_NS) // APART_NS


def make(count: int, instruments: int, seed: int) -> Day:
    """Walk ``instruments`` prices over ``count`` ticks; the same arguments make the same day."""
    most = SESSION_NS // APART_NS
    if not 1 <= instruments <= count <= most or count % instruments:
        raise ValueError(f"needs whole turns of 1 or more instruments, and at most {most:,} ticks")
    dice = random.Random(seed)
    draw = dice.random
    at = [dice.randrange(1_500, 6_000) for _ in range(instruments)]
    trend = [0.0] * instruments
    prices = array("i")
    for number in range(count):
        index = number % instruments
        if draw() < 0.01:
            trend[index] = (draw() - 0.5) * 0.4
        step = draw()
        up = 0.35 + trend[index]
        at[index] += 1 if step < up else -1 if step < 0.7 else 0
        at[index] = min(max(at[index], 400), 20_000)
        prices.append(at[index] * TICK_PAISE)
    return Day(instruments, prices)


def write(day: Day, path: Path) -> None:
    """Write a day: one line of JSON, then the prices as little-endian 32-bit integers."""
    with path.open("wb") as file:
        file.write(json.dumps({"instruments": day.instruments, "ticks": len(day)}).encode())
        file.write(b"\n")
        file.write(_little_endian(day.prices).tobytes())


def read(path: Path) -> Day:
    """Read a day. Raises ``ValueError`` where the file is cut short."""
    with path.open("rb") as file:
        head = json.loads(file.readline())
        prices = array("i")
        prices.frombytes(file.read())
    if len(prices) != head["ticks"]:
        raise ValueError(f"{path}: {len(prices)} ticks, but its first line says {head['ticks']}")
    return Day(head["instruments"], _little_endian(prices))


def _little_endian(prices: array[int]) -> array[int]:
    if sys.byteorder == "big":
        prices = array("i", prices)
        prices.byteswap()
    return prices
