from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.angelone import wire
from brokers.angelone.normalize import TWIN, AngelDecoder, make_decoder
from brokers.angelone.wire import BookRow, Depth20, ErrorReply, ExchangeType, Ltp, Pong, Quote
from engine.errors import FileError, WireError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Kind, Segment
from engine.model.market import Depth, Level, Tick
from engine.model.tokens import TokenRow
from engine.native import Implementation
from engine.ports import Decoder

RECEIVED = 1_689_225_333_250_000_000
MakeSnap = Callable[..., bytes]


def ltp(exchange: ExchangeType, token: str, last: int) -> bytes:
    return wire.encode(Ltp(exchange, token, 9, 1_689_225_333_000, last))


def quote(exchange: ExchangeType, token: str, last: int, *rest: int) -> bytes:
    """``rest``: last quantity, average, volume, open, high, low, close."""
    head = rest[:3]
    return wire.encode(
        Quote(exchange, token, 9, 1_689_225_333_000, last, *head, 1.0, 2.0, *rest[3:])
    )


INFY = InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.EQUITY, underlying="INFY")
CATALOGUE = Catalogue.of([INFY])


def one_contract(implementation: Implementation) -> Decoder:
    rows = [TokenRow(Segment.NSE_CM, "1594", INFY.key)]
    return make_decoder(CATALOGUE, rows, "angel", implementation)


def twin_of(python: AngelDecoder) -> Decoder:
    from brokers.angelone.normalize.compiled import CompiledDecoder  # noqa: PLC0415 - optional

    return python.compiled(CompiledDecoder)


def every_decoder() -> dict[str, Decoder]:
    here = [i for i in Implementation if i is Implementation.PYTHON or not TWIN.why_not()]
    return {str(implementation): one_contract(implementation) for implementation in here}


LONG_WAY = one_contract(Implementation.PYTHON)
each_decoder = pytest.mark.parametrize("decoder", every_decoder().values(), ids=every_decoder())
HEAD = struct.pack("<BB25sqqq", 3, 1, b"1594", 1, 1_689_225_333_000, 10_000)
DAY = struct.pack("<qqqddqqqqqqq", 75, 9_990, 1500, 1, 1, 9_900, 9_990, 9_800, 9_850, 1, 1, 0)


def frame_of(rows: list[tuple[int, int, int, int]]) -> bytes:
    book = b"".join(struct.pack("<hqqh", *row) for row in rows)
    return HEAD + DAY + book + struct.pack("<qqqq", 1, 1, 1, 1)


def test_a_published_option_packet_becomes_a_tick(known: Any, golden: Any) -> None:
    frame, _ = golden["snap_nse_fo_41735_2023-07-13"]
    assert known.decoder.tick(frame, RECEIVED) == Tick(
        instrument=known.option,
        source="angel",
        last=185.70,
        bid=185.35,
        ask=185.75,
        bid_qty=75,
        ask_qty=150,
        last_qty=25,
        volume=22_401_150,
        open_interest=2_246_775,
        open=300.00,
        high=344.75,
        low=168.30,
        previous_close=404.40,
        average_price=219.08,
        exchange_time=1_689_225_333_000_000_000,
        received_at=RECEIVED,
    )


def test_a_published_share_packet_keeps_the_interest_of_its_derivatives(
    known: Any, golden: Any
) -> None:
    tick = known.decoder.tick(golden["snap_nse_cm_1594_INFY_2024-12-26"].frame, RECEIVED)
    assert (tick.instrument, tick.last, tick.bid, tick.ask) == (
        known.equity,
        1907.35,
        1907.00,
        1907.35,
    )
    assert tick.open_interest == 78_268_800
    assert tick.previous_close == 1909.05


def test_an_ltp_packet_has_a_last_price_and_nothing_else(known: Any) -> None:
    tick = known.decoder.tick(ltp(ExchangeType.NSE_FO, "58662", 1_958_905), RECEIVED)
    assert (tick.instrument, tick.last) == (known.future, 19_589.05)
    absent = set(Tick.__struct_fields__) - {
        *("instrument", "source", "last", "exchange_time", "received_at"),
    }
    assert {getattr(tick, name) for name in absent} == {None}


def test_a_quote_packet_has_the_day_and_no_book(known: Any) -> None:
    frame = quote(ExchangeType.NSE_FO, "58662", 100, 75, 99, 1500, 90, 110, 80, 95)
    tick = known.decoder.tick(frame, RECEIVED)
    assert (tick.last_qty, tick.average_price, tick.volume) == (75, 0.99, 1500)
    assert (tick.open, tick.high, tick.low, tick.previous_close) == (0.9, 1.1, 0.8, 0.95)
    assert (tick.bid, tick.ask, tick.bid_qty, tick.ask_qty, tick.open_interest) == (None,) * 5


def test_the_whole_book_and_the_circuits_are_in_the_depth(known: Any, golden: Any) -> None:
    frame, decoded = golden["snap_nse_fo_41735_2023-07-13"]
    depth = known.decoder.depth(frame, RECEIVED)
    assert depth == Depth(
        instrument=known.option,
        source="angel",
        bids=tuple(
            Level(row["price"] / 100, row["quantity"], row["no of orders"])
            for row in decoded["best_5_buy_data"]
        ),
        asks=tuple(
            Level(row["price"] / 100, row["quantity"], row["no of orders"])
            for row in decoded["best_5_sell_data"]
        ),
        upper_circuit=2043.85,
        lower_circuit=0.05,
        exchange_time=1_689_225_333_000_000_000,
        received_at=RECEIVED,
    )


def test_rupees_are_the_nearest_double_to_the_paise(known: Any) -> None:
    for paise in (*range(1, 5000), 2_565_035, 7_056_234_670, 2**40 + 1):
        tick = known.decoder.tick(ltp(ExchangeType.NSE_FO, "41735", paise), RECEIVED)
        assert tick.last == float(f"{paise // 100}.{paise % 100:02d}")


def test_sells_before_buys_make_the_same_tick_and_depth(known: Any, snap: MakeSnap) -> None:
    straight = snap()
    turned = straight[:147] + straight[247:347] + straight[147:247] + straight[347:]
    assert known.decoder.tick(turned, RECEIVED) == known.decoder.tick(straight, RECEIVED)
    assert known.decoder.depth(turned, RECEIVED) == known.decoder.depth(straight, RECEIVED)


@each_decoder
@given(order=st.permutations(range(10)))
def test_however_flags_are_shuffled_the_best_is_the_first_row_of_its_flag(
    decoder: Decoder, order: list[int]
) -> None:
    rows = [((n + 1) % 2, 10 + n, 1000 + n, 1) for n in order]
    best_bid = next(row for row in rows if row[0] == 1)
    best_ask = next(row for row in rows if row[0] == 0)
    tick = decoder.tick(frame_of(rows), RECEIVED)
    depth = decoder.depth(frame_of(rows), RECEIVED)
    assert tick is not None
    assert depth is not None
    assert (tick.bid, tick.bid_qty) == (best_bid[2] / 100, best_bid[1])
    assert (tick.ask, tick.ask_qty) == (best_ask[2] / 100, best_ask[1])
    assert [level.quantity for level in depth.bids] == [row[1] for row in rows if row[0]]
    assert [level.quantity for level in depth.asks] == [row[1] for row in rows if not row[0]]


FLAGS = st.one_of(st.just([1] * 5 + [0] * 5), st.lists(st.integers(0, 1), min_size=10, max_size=10))
LEVELS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.one_of(st.integers(0, 3), st.integers(-(2**60), 2**60)),
        st.integers(0, 9),
    ),
    min_size=10,
    max_size=10,
)


@given(flags=FLAGS, levels=LEVELS, circuits=st.tuples(st.integers(0, 2**40), st.integers(0, 9)))
def test_a_book_is_the_same_the_short_way_and_the_long_way(
    flags: list[int], levels: list[tuple[int, int, int]], circuits: tuple[int, int]
) -> None:
    rows = [(flag, *level) for flag, level in zip(flags, levels, strict=True)]
    frame = frame_of(rows)[:-32] + struct.pack("<qqqq", *circuits, 1, 1)
    assert isinstance(LONG_WAY, AngelDecoder)
    assert LONG_WAY.depth(frame, RECEIVED) == LONG_WAY._depth_of_record(frame, RECEIVED)


def test_a_row_flagged_neither_buy_nor_sell_is_no_book() -> None:
    rows = [(1, 75, 10_000, 1)] * 5 + [(0, 75, 10_005, 1)] * 4 + [(2, 0, 0, 0)]
    with pytest.raises(WireError, match="flag 2 of token 1594"):
        LONG_WAY.depth(frame_of(rows), RECEIVED)


@pytest.mark.parametrize("side", ["bids", "asks"])
def test_a_one_sided_book_has_no_other_side(known: Any, snap: MakeSnap, side: str) -> None:
    buys = tuple((1, 75, 10_000 - 5 * n, 1) for n in range(5))
    sells = tuple((0, 75, 10_005 + 5 * n, 1) for n in range(5))
    no_buys, no_sells = ((1, 0, 0, 0),) * 5, ((0, 0, 0, 0),) * 5
    frame = snap(rows=buys + no_sells if side == "bids" else no_buys + sells)
    tick, depth = known.decoder.tick(frame, RECEIVED), known.decoder.depth(frame, RECEIVED)
    if side == "bids":
        assert (tick.bid, tick.ask, tick.ask_qty, depth.asks) == (100.0, None, None, ())
    else:
        assert (tick.ask, tick.bid, tick.bid_qty, depth.bids) == (100.05, None, None, ())
    assert len(getattr(depth, side)) == 5
    assert tick.volume == 150_000


def test_a_short_book_loses_its_empty_levels(known: Any, snap: MakeSnap) -> None:
    rows = ((1, 75, 10_000, 1), (1, 0, 9_995, 0), (1, 50, 0, 1), *((1, 0, 0, 0),) * 2)
    frame = snap(rows=(*rows, (0, 25, 10_005, 1), *((0, 0, 0, 0),) * 4))
    depth = known.decoder.depth(frame, RECEIVED)
    assert depth.bids == (Level(100.0, 75, 1),)
    assert depth.asks == (Level(100.05, 25, 1),)


def test_ten_empty_rows_are_an_empty_book(known: Any, snap: MakeSnap) -> None:
    frame = snap(rows=((0, 0, 0, 0),) * 10, circuits=(0, 0))
    depth = known.decoder.depth(frame, RECEIVED)
    assert (depth.bids, depth.asks) == ((), ())
    assert (depth.upper_circuit, depth.lower_circuit) == (None, None)
    tick = known.decoder.tick(frame, RECEIVED)
    assert (tick.bid, tick.ask, tick.bid_qty, tick.ask_qty) == (None,) * 4


def test_a_crossed_book_is_handed_on_as_it_is(known: Any, snap: MakeSnap) -> None:
    rows = ((1, 75, 10_010, 1),) * 5 + ((0, 75, 10_005, 1),) * 5
    tick = known.decoder.tick(snap(rows=rows), RECEIVED)
    assert (tick.bid, tick.ask) == (100.10, 100.05)


@pytest.mark.parametrize("row", range(10))
def test_an_unknown_flag_is_no_book(known: Any, snap: MakeSnap, row: int) -> None:
    frame = bytearray(snap())
    struct.pack_into("<h", frame, 147 + 20 * row, 2)
    with pytest.raises(WireError, match="flag 2"):
        known.decoder.depth(bytes(frame), RECEIVED)
    if row <= 5:
        with pytest.raises(WireError, match="flag 2"):
            known.decoder.tick(bytes(frame), RECEIVED)


def test_an_index_has_prices_and_no_trade(known: Any, snap: MakeSnap) -> None:
    index = {"exchange": 1, "token": b"99926000", "last": 2_440_015}
    day = (0, 0, 0, 0.0, 0.0, 2_435_000, 2_445_005, 2_430_000, 2_433_385)
    tick = known.decoder.tick(
        snap(**index, quote=day, open_interest=0, rows=((0, 0, 0, 0),) * 10), RECEIVED
    )
    assert (tick.instrument, tick.last) == (known.index, 24_400.15)
    assert (tick.open, tick.high, tick.low, tick.previous_close) == (
        *(24_350.0, 24_450.05, 24_300.0, 24_333.85),
    )
    nothing = ("bid", "ask", "bid_qty", "ask_qty", "last_qty", "volume", "open_interest")
    assert {getattr(tick, name) for name in (*nothing, "average_price")} == {None}


def test_an_index_has_no_trade_even_where_the_packet_claims_one(known: Any, snap: MakeSnap) -> None:
    frame = snap(exchange=1, token=b"99926000")
    tick = known.decoder.tick(frame, RECEIVED)
    assert (tick.bid, tick.last_qty, tick.volume, tick.open_interest) == (None,) * 4
    assert known.decoder.depth(frame, RECEIVED) is None


def test_an_index_before_the_open_has_no_day(known: Any) -> None:
    frame = quote(ExchangeType.NSE_CM, "99926000", 2_440_015, 0, 0, 0, 0, 0, 0, 2_433_385)
    tick = known.decoder.tick(frame, RECEIVED)
    assert (tick.open, tick.high, tick.low, tick.previous_close) == (None, None, None, 24_333.85)


def test_a_currency_is_priced_in_ten_millionths(known: Any, snap: MakeSnap) -> None:
    rows = ((1, 3, 832_475_000, 1),) * 5 + ((0, 4, 832_500_000, 1),) * 5
    day = (1, 832_400_000, 500, 1.0, 1.0, 832_000_000, 833_000_000, 831_000_000, 832_100_000)
    currency = {"exchange": 13, "token": b"1151", "last": 832_500_000}
    frame = snap(**currency, quote=day, rows=rows, circuits=(850_000_000, 815_000_000))
    tick, depth = known.decoder.tick(frame, RECEIVED), known.decoder.depth(frame, RECEIVED)
    assert (tick.instrument, tick.last, tick.bid, tick.ask) == (
        known.currency,
        83.25,
        83.2475,
        83.25,
    )
    assert (tick.open, tick.average_price) == (83.2, 83.24)
    assert depth.bids[0] == Level(83.2475, 3, 1)
    assert (depth.upper_circuit, depth.lower_circuit) == (85.0, 81.5)
    last = known.decoder.tick(ltp(ExchangeType.CDE_FO, "1151", 832_525_000), RECEIVED)
    assert last.last == 83.2525


def test_an_untraded_contract_has_volume_0_and_no_day(known: Any, snap: MakeSnap) -> None:
    tick = known.decoder.tick(
        snap(quote=(0, 0, 0, 0.0, 0.0, 0, 0, 0, 9_850), open_interest=0), RECEIVED
    )
    assert (tick.volume, tick.open_interest) == (0, 0)
    assert (tick.last_qty, tick.average_price, tick.open, tick.high, tick.low) == (None,) * 5
    assert (tick.bid, tick.ask, tick.previous_close) == (100.0, 100.05, 98.5)


def test_a_share_without_derivatives_has_no_open_interest(known: Any, snap: MakeSnap) -> None:
    tick = known.decoder.tick(snap(exchange=1, token=b"1594", open_interest=0), RECEIVED)
    assert (tick.instrument, tick.open_interest) == (known.equity, None)


def test_without_a_last_price_there_is_a_book_but_no_tick(known: Any, snap: MakeSnap) -> None:
    assert known.decoder.tick(snap(last=0), RECEIVED) is None
    assert known.decoder.depth(snap(last=0), RECEIVED).bids[0].price == 100.0
    assert known.decoder.tick(ltp(ExchangeType.NSE_FO, "41735", 0), RECEIVED) is None


def test_depth_20_is_a_book_and_no_tick(known: Any) -> None:
    bids = tuple(BookRow(10 * (n + 1), 190_700 - 5 * n, 1) for n in range(20))
    asks = (BookRow(7, 190_735, 2), *(wire.EMPTY_ROW,) * 19)
    frame = wire.encode(Depth20(ExchangeType.NSE_CM, "1594", 1_735_201_464_000, 0, bids, asks))
    assert known.decoder.tick(frame, RECEIVED) is None
    depth = known.decoder.depth(frame, RECEIVED)
    assert depth.instrument is known.equity
    assert len(depth.bids) == 20
    assert depth.bids[19] == Level(1906.05, 200, 1)
    assert depth.asks == (Level(1907.35, 7, 2),)
    assert (depth.upper_circuit, depth.lower_circuit) == (None, None)
    assert depth.exchange_time == 1_735_201_464_000_000_000


@pytest.mark.parametrize("record", [Pong(), ErrorReply("abcde12345", "E1002", "Limit")])
def test_a_text_frame_carries_neither_tick_nor_book(known: Any, record: wire.Text) -> None:
    assert known.decoder.tick(wire.encode(record), RECEIVED) is None
    assert known.decoder.depth(wire.encode(record), RECEIVED) is None


def test_a_text_frame_as_long_as_a_packet_is_still_text(known: Any) -> None:
    for length in wire.PACKET_BYTES.values():
        stem = wire.encode(ErrorReply("abcde12345", "E1001", ""))
        for bare in (stem, wire.encode(ErrorReply(None, "", ""))):
            if len(bare) <= length:
                frame = bare[:-2] + b"x" * (length - len(bare)) + bare[-2:]
                assert len(frame) == length
                assert known.decoder.tick(frame, RECEIVED) is None


def test_packets_below_snap_quote_have_no_book(known: Any) -> None:
    day = quote(ExchangeType.NSE_FO, "41735", 100, 75, 99, 1500, 90, 110, 80, 95)
    assert known.decoder.depth(day, RECEIVED) is None
    assert known.decoder.depth(ltp(ExchangeType.NSE_FO, "41735", 100), RECEIVED) is None


@pytest.mark.parametrize("garbage", [b"x", b"\xff" * 18, b"\0\0\x01"])
def test_bytes_behind_the_nul_of_a_token_change_nothing(
    known: Any, snap: MakeSnap, garbage: bytes
) -> None:
    clean = snap()
    dirty = snap(token=b"41735\0" + garbage)
    for _ in range(3):
        assert known.decoder.tick(dirty, RECEIVED) == known.decoder.tick(clean, RECEIVED)
        assert known.decoder.depth(dirty, RECEIVED) == known.decoder.depth(clean, RECEIVED)
    for cut, mode in ((51, 1), (123, 2)):
        short, expected = bytes([mode]) + dirty[1:cut], bytes([mode]) + clean[1:cut]
        for _ in range(2):
            assert known.decoder.tick(short, RECEIVED) == known.decoder.tick(expected, RECEIVED)


def test_endless_garbage_behind_the_nul_fills_no_memory(implementation: Implementation) -> None:
    python = one_contract(Implementation.PYTHON)
    assert isinstance(python, AngelDecoder)
    decoder = python if implementation is Implementation.PYTHON else twin_of(python)
    clean = ltp(ExchangeType.NSE_CM, "1594", 100)
    expected = decoder.tick(clean, RECEIVED)
    for n in range(1, 6000):
        dirty = clean[:8] + n.to_bytes(4, "little") + clean[12:]
        assert decoder.tick(dirty, RECEIVED) == expected
    assert len(python._ltp) < 5000


def test_an_unknown_token_is_named_with_its_segment(known: Any, snap: MakeSnap) -> None:
    for frame in (
        snap(token=b"41736"),
        snap(exchange=1),
        ltp(ExchangeType.NSE_CM, "41735", 100),
        quote(ExchangeType.BSE_FO, "41735", 100, 75, 99, 1500, 90, 110, 80, 95),
    ):
        with pytest.raises(WireError, match=r"token 4173\d on \w+ is unknown"):
            known.decoder.tick(frame, RECEIVED)
    with pytest.raises(WireError, match="token 41736 on nse_fo is unknown"):
        known.decoder.depth(snap(token=b"41736"), RECEIVED)


@pytest.mark.parametrize("mode", [0, 1, 2, 3, 4, 5, 255])
@pytest.mark.parametrize("length", [51, 123, 379])
def test_the_mode_must_be_that_of_the_length(
    known: Any, snap: MakeSnap, mode: int, length: int
) -> None:
    frame = bytes([mode]) + snap()[1:length]
    if {51: 1, 123: 2, 379: 3}[length] == mode:
        assert known.decoder.tick(frame, RECEIVED).last == 100.0
    else:
        with pytest.raises(WireError):
            known.decoder.tick(frame, RECEIVED)


def test_every_cut_of_a_frame_is_refused(known: Any, snap: MakeSnap) -> None:
    frame = snap()
    for length in range(379):
        with pytest.raises(WireError):
            known.decoder.tick(frame[:length], RECEIVED)
        with pytest.raises(WireError):
            known.decoder.depth(frame[:length], RECEIVED)


@each_decoder
@given(frame=st.binary(max_size=450))
def test_random_bytes_are_a_wire_error_and_nothing_else(decoder: Decoder, frame: bytes) -> None:
    for read in (decoder.tick, decoder.depth):
        try:
            made = read(frame, RECEIVED)
        except WireError:
            continue
        assert made is None


@each_decoder
@given(
    kind=st.sampled_from([(1, 51), (2, 123), (3, 379)]),
    at=st.integers(0, 400),
    noise=st.binary(min_size=1, max_size=40),
)
def test_the_short_way_and_the_long_way_agree_on_any_frame(
    decoder: Decoder, kind: tuple[int, int], at: int, noise: bytes
) -> None:
    mode, length = kind
    rows = [(1, 75, 9_995 - n, 1) for n in range(5)] + [(0, 50, 10_000 + n, 1) for n in range(5)]
    frame = bytearray(frame_of(rows)[:length])
    frame[0] = mode
    at = 27 + at % (length - 27)
    frame[at : at + len(noise)] = noise[: length - at]
    try:
        long = LONG_WAY._tick_of_record(bytes(frame), RECEIVED)
    except WireError:  # the noise hit a flag; the short way looks at those of the first six rows
        return
    assert decoder.tick(bytes(frame), RECEIVED) == long


def test_a_token_no_packet_can_carry_is_a_file_error() -> None:
    facts = InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.EQUITY, underlying="INFY")
    with pytest.raises(FileError, match="INFY on nse_cm: token '1234567890"):
        AngelDecoder(
            Catalogue.of([facts]), [TokenRow(Segment.NSE_CM, "1234567890" * 3, facts.key)], "angel"
        )


def test_a_token_of_an_instrument_the_session_lacks_is_a_file_error() -> None:
    with pytest.raises(FileError, match="no instrument 'nse_cm/TCS/EQ'"):
        AngelDecoder(Catalogue(), [TokenRow(Segment.NSE_CM, "11536", "nse_cm/TCS/EQ")], "angel")
