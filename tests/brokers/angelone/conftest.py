"""Golden pairs, the documents' samples, and a decoder that knows a contract of every kind."""

from __future__ import annotations

import json
import struct
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from brokers.angelone.normalize import TWIN, make_decoder
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Instrument, Kind, Right, Segment
from engine.model.tokens import TokenRow
from engine.native import Implementation
from engine.ports import Decoder

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "angelone"


class Golden(NamedTuple):
    """A packet's bytes and what the vendor's own parser printed for it."""

    frame: bytes
    decoded: dict[str, Any]


class Known(NamedTuple):
    """A decoder and the instruments it knows."""

    decoder: Decoder
    option: Instrument
    future: Instrument
    equity: Instrument
    index: Instrument
    currency: Instrument


@pytest.fixture(scope="session")
def angel_data() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the reference captures are not beside this repository (../shared)")
    return SHARED


@pytest.fixture(scope="session")
def golden(angel_data: Path) -> dict[str, Golden]:
    """Every published tick with its packet, by file name."""
    found = {}
    for packet in sorted((angel_data / "packets_reconstructed").glob("*.hex")):
        tick = json.loads((angel_data / "ticks" / f"{packet.stem}.json").read_text())
        found[packet.stem] = Golden(bytes.fromhex(packet.read_text()), tick["decoded"])
    assert len(found) == 4
    return found


CONTRACTS = (
    ("option", "41735", Segment.NSE_FO, Kind.OPTION, "NIFTY"),
    ("future", "58662", Segment.NSE_FO, Kind.FUTURE, "NIFTY"),
    ("equity", "1594", Segment.NSE_CM, Kind.EQUITY, "INFY"),
    ("index", "99926000", Segment.NSE_CM, Kind.INDEX, "NIFTY"),
    ("currency", "1151", Segment.CDE_FO, Kind.FUTURE, "USDINR"),
)


@pytest.fixture(params=list(Implementation))
def implementation(request: pytest.FixtureRequest) -> Implementation:
    """Each decoder that is here."""
    if request.param is Implementation.COMPILED and (why := TWIN.why_not()):
        pytest.skip(f"the compiled decoder is not here: {why}")
    made: Implementation = request.param
    return made


@pytest.fixture
def known(implementation: Implementation) -> Known:
    catalogue = Catalogue()
    rows = []
    made = []
    for _, token, segment, kind, underlying in CONTRACTS:
        facts = InstrumentFacts(
            segment=segment,
            kind=kind,
            underlying=underlying,
            expiry=date(2026, 8, 25) if kind in (Kind.OPTION, Kind.FUTURE) else None,
            strike=Decimal(19500) if kind is Kind.OPTION else None,
            right=Right.CALL if kind is Kind.OPTION else None,
        )
        instrument = catalogue.intern(facts)
        made.append(instrument)
        rows.append(TokenRow(segment, token, instrument.key))
    return Known(make_decoder(catalogue, rows, "angel", implementation), *made)


def packed_head(mode: int, exchange: int, token: bytes, sequence: int, ms: int, last: int) -> bytes:
    """Bytes 0 to 51, put together by hand from the document's table."""
    return struct.pack("<BB25sqqq", mode, exchange, token, sequence, ms, last)


def packed_quote(*values: float) -> bytes:
    """Bytes 51 to 123: last qty, average, volume, total buy, total sell, open, high, low, close."""
    return struct.pack("<qqqddqqqq", *values)


def packed_rows(*rows: tuple[int, int, int, int]) -> bytes:
    """Bytes 147 to 347: (flag, quantity, price, orders), ten times."""
    assert len(rows) == 10
    return b"".join(struct.pack("<hqqh", *row) for row in rows)


BUYS = tuple((1, 75 * (n + 1), 10_000 - 5 * n, n + 1) for n in range(5))
SELLS = tuple((0, 50 * (n + 1), 10_005 + 5 * n, n + 2) for n in range(5))
NOTHING = ((1, 0, 0, 0),) * 5 + ((0, 0, 0, 0),) * 5
TRADED = (75, 9_990, 150_000, 5e5, 4e5, 9_900, 10_100, 9_800, 9_850)


@pytest.fixture
def snap() -> Any:
    """Make a SnapQuote frame from the document's offsets; every part can be replaced."""

    def make(
        *,
        exchange: int = 2,
        token: bytes = b"41735",
        last: int = 10_000,
        quote: tuple[float, ...] = TRADED,
        open_interest: int = 2_246_775,
        rows: tuple[tuple[int, int, int, int], ...] = (*BUYS, *SELLS),
        circuits: tuple[int, int] = (20_000, 5),
    ) -> bytes:
        frame = (
            packed_head(3, exchange, token, 7, 1_689_225_333_000, last)
            + packed_quote(*quote)
            + struct.pack("<qqd", 1_689_225_333, open_interest, float("nan"))
            + packed_rows(*rows)
            + struct.pack("<qqqq", *circuits, 30_000, 0)
        )
        assert len(frame) == 379
        return frame

    return make
