"""Prints become the packets of the document's tables; what they leave out decodes as absent."""

from __future__ import annotations

import struct
from datetime import date
from decimal import Decimal

import pytest

from brokers.angelone import wire
from brokers.angelone.normalize import AngelDecoder
from brokers.angelone.wire.prints import PrintEncoder
from engine.errors import FileError, WireError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Kind, Right, Segment
from engine.model.prints import Prints
from engine.model.tokens import TokenRow

OPTION = InstrumentFacts(
    segment=Segment.NSE_FO,
    kind=Kind.OPTION,
    underlying="NIFTY",
    expiry=date(2026, 8, 25),
    strike=Decimal(24_000),
    right=Right.CALL,
    lot_size=65,
)
INDEX = InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.INDEX, underlying="NIFTY")
TOKENS = (
    TokenRow(Segment.NSE_FO, "43001", OPTION.key),
    TokenRow(Segment.NSE_CM, "99926000", INDEX.key),
)
AT_MS = 1_787_111_100_000


def frame(place: int, **more: int | None) -> bytes:
    columns = {name: [value] for name, value in more.items()}
    (made,) = PrintEncoder(TOKENS).frames(Prints([place], [AT_MS], [12_005], **columns))
    return made


def test_a_price_alone_is_the_documents_ltp_packet() -> None:
    # (51 bytes: mode, exchange type, token, sequence, exchange time, last price)
    assert frame(1) == struct.pack("<BB25sqqq", 1, 1, b"99926000", 0, AT_MS, 12_005)


def test_a_volume_makes_a_quote_packet() -> None:
    assert frame(0, volume=650) == struct.pack(
        "<BB25sqqqqqqddqqqq", 2, 2, b"43001", 0, AT_MS, 12_005, 0, 0, 650, 0.0, 0.0, 0, 0, 0, 0
    )


def test_open_interest_makes_a_snap_quote_with_an_empty_book_buys_first() -> None:
    record = wire.decode(frame(0, volume=650, open_interest=0))
    assert isinstance(record, wire.SnapQuote)
    assert (record.volume, record.open_interest) == (650, 0)
    assert record.bids == record.asks == (wire.EMPTY_ROW,) * 5


def test_every_field_stands_where_the_record_has_it() -> None:
    values = {
        "last_qty": 65, "volume": 650, "average_price": 11_900, "open": 11_500, "high": 12_500,
        "low": 11_000, "previous_close": 11_750, "open_interest": 1_300, "bid": 12_000,
        "bid_qty": 130, "ask": 12_010, "ask_qty": 195,
    }  # fmt: skip
    record = wire.decode(frame(0, **values))
    assert isinstance(record, wire.SnapQuote)
    assert wire.encode(record) == frame(0, **values)
    assert (record.last_quantity, record.average_price, record.close) == (65, 11_900, 11_750)
    assert (record.open, record.high, record.low) == (11_500, 12_500, 11_000)
    assert record.bids[0] == wire.BookRow(130, 12_000, 0)
    assert record.asks[0] == wire.BookRow(195, 12_010, 0)
    assert record.bids[1:] == record.asks[1:] == (wire.EMPTY_ROW,) * 4


def test_what_is_absent_decodes_as_none() -> None:
    catalogue = Catalogue.of([OPTION, INDEX])
    decoder = AngelDecoder(catalogue, TOKENS, "angel")
    tick = decoder.tick(frame(0, volume=650, open_interest=1_300), 5)
    assert tick is not None
    assert (tick.last, tick.volume, tick.open_interest) == (120.05, 650, 1_300)
    assert (tick.bid, tick.ask, tick.last_qty, tick.open, tick.previous_close) == (None,) * 5
    index = decoder.tick(frame(1, open=11_000), 5)
    assert index is not None
    assert (index.open, index.volume, index.open_interest) == (110.0, None, None)


def test_prints_of_several_kinds_keep_their_order() -> None:
    prints = Prints(
        [0, 1, 0], [AT_MS] * 3, [1, 2, 3], volume=[10, None, 20], open_interest=[None, None, 5]
    )
    modes = [made[0] for made in PrintEncoder(TOKENS).frames(prints)]
    assert modes == [wire.Mode.QUOTE, wire.Mode.LTP, wire.Mode.SNAP_QUOTE]


def test_what_no_packet_can_say_is_refused() -> None:
    with pytest.raises(WireError, match="without the day's volume"):
        frame(0, open_interest=5)
    with pytest.raises(WireError, match="does not fit a packet"):
        frame(0, volume=2**63)
    with pytest.raises(FileError, match="printable ASCII"):
        PrintEncoder([TokenRow(Segment.NSE_FO, "x" * 26, OPTION.key)])
