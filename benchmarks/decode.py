"""Frame to ``Tick`` against what it cannot beat and against the vendor's own parser.

    python -m benchmarks.decode

``ours`` is the decoder in use, compiled where it was built (``engine --version``), and ``python``
the one it stands in for. Three things are measured per packet kind beside them, in the same rounds:

* ``plain``: the same ``struct`` unpack of the same fields and one msgspec object of exactly those
  raw values: no instrument, no rupees, no absent fields;
* ``event``: the same unpack, the instrument looked up by its 26-byte key, and one ``Tick`` of raw
  values: what remains of our work when all of its meaning is taken away;
* ``vendor``: ``SmartWebSocketV2._parse_binary_data`` of smartapi-python.

The frames are those of a hundred options whose prices walk inside the day's range.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import random
import struct
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from benchmarks.harness import Target, Timings, interleave
from brokers.angelone import wire
from brokers.angelone.normalize import TWIN, make_decoder
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Instrument, Kind, Right, Segment
from engine.model.market import Tick
from engine.model.tokens import TokenRow
from engine.native import Implementation

INSTRUMENTS = 100
SEED = 20_260_825
RECEIVED_AT = 1_787_634_900_250_000_000
SOURCE = "angel"
FLOOR_BOUND = 1.5
VENDOR_BOUNDS = {"LTP": 6.0, "SNAP_QUOTE": 25.0}
INSTALL = (
    "smartapi-python is not installed here, so the vendor's parser is not measured: "
    "pip install smartapi-python logzero websocket-client"
)

Read = Callable[[bytes, int], object]


class PlainLtp(msgspec.Struct, frozen=True, gc=False):
    key: bytes
    time_ms: int
    last: int
    received_at: int


class PlainQuote(PlainLtp, frozen=True, gc=False):
    last_qty: int
    average: int
    volume: int
    open: int
    high: int
    low: int
    close: int


class PlainSnap(PlainQuote, frozen=True, gc=False):
    open_interest: int
    bid_qty: int
    bid: int
    ask_qty: int
    ask: int


unpack_ltp = struct.Struct("<x26s 8x qq").unpack
unpack_quote = struct.Struct("<x26s 8x qqqqq 16x qqqq").unpack
unpack_snap = struct.Struct("<x26s 8x qqqqq 16x qqqq 8x q 8x 2xqq2x 80x 2xqq2x 112x").unpack


def plain_ltp(frame: bytes, at: int) -> PlainLtp:
    key, ms, last = unpack_ltp(frame)
    return PlainLtp(key, ms, last, at)


def plain_quote(frame: bytes, at: int) -> PlainQuote:
    key, ms, last, qty, average, volume, open_, high, low, close = unpack_quote(frame)
    return PlainQuote(key, ms, last, at, qty, average, volume, open_, high, low, close)


def plain_snap(frame: bytes, at: int) -> PlainSnap:
    key, ms, last, qty, avg, vol, open_, high, low, close, oi, bq, bid, aq, ask = unpack_snap(frame)
    return PlainSnap(
        key, ms, last, at, qty, avg, vol, open_, high, low, close, oi, bq, bid, aq, ask
    )


def event_readers(known: dict[bytes, Instrument]) -> dict[str, Read]:
    make: Any = Tick

    def ltp(frame: bytes, at: int) -> object:
        key, ms, last = unpack_ltp(frame)
        return make(known[key], SOURCE, last, ms, at)

    def quote(frame: bytes, at: int) -> object:
        key, ms, last, qty, avg, vol, open_, high, low, close = unpack_quote(frame)
        return make(known[key], SOURCE, last, ms, at, qty, vol, avg, open_, high, low, close)

    def snap(frame: bytes, at: int) -> object:
        key, ms, last, qty, avg, vol, open_, high, low, close, oi, bq, bid, aq, ask = unpack_snap(
            frame
        )
        # fmt: off
        return make(
            known[key], SOURCE, last, ms, at, qty, vol, avg, open_, high, low, close, oi, bid, ask,
            bq, aq,
        )
        # fmt: on

    return {"LTP": ltp, "QUOTE": quote, "SNAP_QUOTE": snap}


def contracts() -> tuple[Catalogue, list[TokenRow]]:
    facts = [
        InstrumentFacts(
            segment=Segment.NSE_FO,
            kind=Kind.OPTION,
            underlying="NIFTY",
            expiry=date(2026, 8, 25),
            strike=Decimal(20_000 + 50 * number),
            right=Right.CALL,
            lot_size=75,
        )
        for number in range(INSTRUMENTS)
    ]
    rows = [
        TokenRow(Segment.NSE_FO, str(40_000 + number), fact.key)
        for number, fact in enumerate(facts)
    ]
    return Catalogue.of(facts), rows


def frames(count: int) -> dict[str, list[bytes]]:
    dice = random.Random(SEED)
    last = [10_000 + 50 * number for number in range(INSTRUMENTS)]
    volume = [0] * INSTRUMENTS
    day = [(p - 200, p + 40_000, max(5, p - 9_000), p - 300) for p in last]
    made: dict[str, list[bytes]] = {"LTP": [], "QUOTE": [], "SNAP_QUOTE": []}
    for sequence in range(count):
        n = dice.randrange(INSTRUMENTS)
        last[n] = max(30, last[n] + dice.choice((-5, 0, 0, 5)))
        volume[n] += 75 * dice.randint(1, 9)
        ms = 1_787_634_900_000 + sequence // 200 * 1000
        head: tuple[Any, ...] = (wire.ExchangeType.NSE_FO, str(40_000 + n), sequence, ms, last[n])
        traded: tuple[Any, ...] = (
            75 * dice.randint(1, 9),
            last[n] - 3,
            volume[n],
            5e5,
            4e5,
            *day[n],
        )
        bids = [
            wire.BookRow(75 * dice.randint(1, 40), last[n] - 5 * row, dice.randint(1, 9))
            for row in range(5)
        ]
        asks = [
            wire.BookRow(75 * dice.randint(1, 40), last[n] + 5 + 5 * row, dice.randint(1, 9))
            for row in range(5)
        ]
        rest = (
            ms // 1000,
            2_000_000 + volume[n],
            0,
            tuple(bids),
            tuple(asks),
            90_000,
            5,
            60_000,
            5,
        )
        made["LTP"].append(wire.encode(wire.Ltp(*head)))
        made["QUOTE"].append(wire.encode(wire.Quote(*head, *traded)))
        made["SNAP_QUOTE"].append(wire.encode(wire.SnapQuote(*(*head, *traded, *rest))))
    return made


def vendor() -> Read | None:
    """Return the vendor's parser, or None where it is not installed.

    Importing its package opens sockets, and making its object makes a ``logs`` folder: neither
    happens here. Only the module's file is loaded, from an empty folder.
    """
    package = importlib.util.find_spec("SmartApi")
    if package is None or not package.submodule_search_locations:
        return None
    path = Path(package.submodule_search_locations[0]) / "smartWebSocketV2.py"
    spec = importlib.util.spec_from_file_location("smartapi_websocket_v2", path)
    if spec is None or spec.loader is None:
        return None
    module: ModuleType = importlib.util.module_from_spec(spec)
    with tempfile.TemporaryDirectory() as empty, contextlib.chdir(empty):
        try:
            spec.loader.exec_module(module)
        except ImportError:
            return None
    parse = object.__new__(module.SmartWebSocketV2)._parse_binary_data
    return lambda frame, _at: parse(frame)


def over(read: Read, packets: Sequence[bytes]) -> Callable[[], None]:
    def run() -> None:
        at = RECEIVED_AT
        for packet in packets:
            read(packet, at)

    return run


def measure(count: int, rounds: int) -> dict[str, Timings]:
    catalogue, rows = contracts()
    ours = make_decoder(catalogue, rows, SOURCE)
    python = make_decoder(catalogue, rows, SOURCE, Implementation.PYTHON)
    known = {
        wire.instrument_key(wire.EXCHANGE_TYPES[row.segment], row.token): catalogue.by_key(row.key)
        for row in rows
    }
    events = event_readers(known)
    plain: dict[str, Read] = {"LTP": plain_ltp, "QUOTE": plain_quote, "SNAP_QUOTE": plain_snap}
    theirs = vendor()
    timings = {}
    for kind, packets in frames(count).items():
        variants = {
            "ours": over(ours.tick, packets),
            "python": over(python.tick, packets),
            "plain": over(plain[kind], packets),
            "event": over(events[kind], packets),
        }
        if theirs is not None:
            variants["vendor"] = over(theirs, packets)
        timings[kind] = interleave(variants, operations=count, rounds=rounds)
    return timings


def targets(timings: dict[str, Timings]) -> list[Target]:
    made = []
    for kind, found in timings.items():
        made += [
            Target(f"{kind} ours / plain floor", found.ratio("ours", "plain"), FLOOR_BOUND),
            Target(f"{kind} ours / event floor", found.ratio("ours", "event"), FLOOR_BOUND),
        ]
        if "vendor" in found.rounds and kind in VENDOR_BOUNDS:
            ratio = found.ratio("vendor", "ours")
            bound = VENDOR_BOUNDS[kind]
            made.append(Target(f"{kind} vendor / ours", ratio, bound, at_least=True))
    return made


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    reader.add_argument("--frames", type=int, default=4000, help="frames of each kind per round")
    reader.add_argument("--rounds", type=int, default=25)
    reader.add_argument("--json", action="store_true", help="print the figures as JSON")
    asked = reader.parse_args()
    choice = TWIN.in_use()
    timings = measure(asked.frames, asked.rounds)
    found = targets(timings)
    if asked.json:
        figures = {
            kind: {name: round(t.median_ns(name), 1) for name in t.rounds}
            for kind, t in timings.items()
        }
        ratios = {target.what: round(target.measured, 3) for target in found}
        made_of = str(choice.implementation)
        print(json.dumps({"ours": made_of, "median_ns": figures, "ratios": ratios}, indent=1))
        return
    print(f"ours: {choice}")
    for kind, t in timings.items():
        shown = "  ".join(f"{name} {t.median_ns(name):7.0f} ns" for name in t.rounds)
        print(f"{kind:10}  {shown}")
    for target in found:
        print(target)
    if not any("vendor" in t.rounds for t in timings.values()):
        print(INSTALL, file=sys.stderr)


if __name__ == "__main__":
    main()
