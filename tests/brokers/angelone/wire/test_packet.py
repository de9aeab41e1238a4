from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.angelone import wire
from brokers.angelone.wire import BookRow, Depth20, ExchangeType, Ltp, Mode, Quote, SnapQuote
from engine.errors import WireError
from engine.model.instrument import Segment

LTP = "ltp_nse_cm_2885_RELIANCE_2025-05-02"
FIELDS = {
    "exchange_type": "exchange",
    "token": "token",
    "sequence_number": "sequence",
    "exchange_timestamp": "exchange_time_ms",
    "last_traded_price": "last",
    "last_traded_quantity": "last_quantity",
    "average_traded_price": "average_price",
    "volume_trade_for_the_day": "volume",
    "total_buy_quantity": "total_buy_quantity",
    "total_sell_quantity": "total_sell_quantity",
    "open_price_of_the_day": "open",
    "high_price_of_the_day": "high",
    "low_price_of_the_day": "low",
    "closed_price": "close",
    "last_traded_timestamp": "last_trade_time_s",
    "open_interest": "open_interest",
    "open_interest_change_percentage": "open_interest_change_bits",
    "upper_circuit_limit": "upper_circuit",
    "lower_circuit_limit": "lower_circuit",
    "52_week_high_price": "year_high",
    "52_week_low_price": "year_low",
}

int64 = st.integers(-(2**63), 2**63 - 1)
int32 = st.integers(-(2**31), 2**31 - 1)
int16 = st.integers(-(2**15), 2**15 - 1)
double = st.floats(allow_nan=False)
exchanges = st.sampled_from(ExchangeType)
tokens = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=25)
rows = st.builds(BookRow, int64, int64, int16)
deep_rows = st.builds(BookRow, int32, int32, int16)
quote_fields = (exchanges, tokens, int64, int64, int64, int64, int64, int64, double, double)
ten = st.integers(0, 10).flatmap(
    lambda n: st.tuples(
        st.lists(rows, min_size=n, max_size=n).map(tuple),
        st.lists(rows, min_size=10 - n, max_size=10 - n).map(tuple),
    )
)
snaps = ten.flatmap(
    lambda book: st.builds(
        SnapQuote, *quote_fields, *(int64,) * 7, st.just(book[0]), st.just(book[1]), *(int64,) * 4
    )
)
twenty = st.lists(deep_rows, min_size=20, max_size=20).map(tuple)
packets = st.one_of(
    st.builds(Ltp, exchanges, tokens, int64, int64, int64),
    st.builds(Quote, *quote_fields, *(int64,) * 4),
    snaps,
    st.builds(Depth20, exchanges, tokens, int64, int64, twenty, twenty),
)


def test_every_field_of_every_published_tick_is_read(golden: dict[str, Any]) -> None:
    for name, (frame, decoded) in golden.items():
        record = wire.decode(frame)
        assert type(record) is {1: Ltp, 3: SnapQuote}[decoded["subscription_mode"]], name
        seen = {"subscription_mode", "subscription_mode_val", "best_5_buy_data", "best_5_sell_data"}
        for theirs, ours in FIELDS.items():
            if theirs in decoded:
                assert getattr(record, ours) == decoded[theirs], (name, theirs)
                seen.add(theirs)
        assert set(decoded) <= seen
        if isinstance(record, SnapQuote):
            for theirs, side in (
                ("best_5_buy_data", record.bids),
                ("best_5_sell_data", record.asks),
            ):
                assert [(r.quantity, r.price, r.orders) for r in side] == [
                    (row["quantity"], row["price"], row["no of orders"]) for row in decoded[theirs]
                ], (name, theirs)


def test_published_packets_are_encoded_to_the_same_bytes(golden: dict[str, Any]) -> None:
    for name, (frame, _) in golden.items():
        assert wire.encode(wire.decode(frame)) == frame, name


def test_open_interest_change_is_a_double_whose_bits_are_kept(golden: dict[str, Any]) -> None:
    record = wire.decode(golden["snap_nse_fo_41735_2023-07-13"].frame)
    assert isinstance(record, SnapQuote)
    assert record.open_interest_change_bits == 4610956350471126153
    assert record.untrusted_open_interest_change_pct == pytest.approx(1.838, abs=5e-4)


def test_a_nan_in_the_untrusted_field_spoils_no_comparison(snap: Callable[..., bytes]) -> None:
    record = wire.decode(snap())
    assert isinstance(record, SnapQuote)
    assert math.isnan(record.untrusted_open_interest_change_pct)
    assert wire.decode(wire.encode(record)) == record


def test_every_cut_of_a_packet_is_refused(
    golden: dict[str, Any], snap: Callable[..., bytes]
) -> None:
    for frame in (golden[LTP].frame, wire.encode(quote()), snap(), wire.encode(depth())):
        for length in range(len(frame)):
            with pytest.raises(WireError):
                wire.decode(frame[:length])
        with pytest.raises(WireError):
            wire.decode(frame + b"\0")


@given(packets)
def test_what_is_encoded_decodes_to_itself(packet: wire.Packet) -> None:
    frame = wire.encode(packet)
    assert len(frame) == wire.PACKET_BYTES[Mode(frame[0])]
    assert wire.decode(frame) == packet
    assert type(wire.decode(frame)) is type(packet)


@given(
    st.one_of(
        st.binary(max_size=500),
        st.tuples(st.sampled_from(sorted(wire.PACKET_BYTES.items())), st.randoms()).map(
            lambda made: bytes([made[0][0]]) + made[1].randbytes(made[0][1] - 1)
        ),
        st.tuples(st.integers(0, 400), st.integers(0, 255)).map(
            lambda made: bytes(made[0]) + bytes([made[1]])
        ),
    )
)
def test_random_bytes_are_a_record_or_a_wire_error(frame: bytes) -> None:
    try:
        record = wire.decode(frame)
    except WireError:
        return
    assert wire.decode(wire.encode(record)) is not None


@pytest.mark.parametrize("mode", sorted(set(range(32)) - {1, 2, 3, 4}))
def test_an_unknown_mode_is_refused(mode: int) -> None:
    with pytest.raises(WireError, match=f"mode {mode} "):
        wire.decode(bytes([mode]) + wire.encode(ltp())[1:])


def test_the_length_must_be_the_modes() -> None:
    for right in Mode:
        for wrong in set(Mode) - {right}:
            frame = bytes([wrong]) + bytes(wire.PACKET_BYTES[right] - 1)
            with pytest.raises(WireError, match=f"a {wrong.name} frame of {len(frame)} bytes"):
                wire.decode(frame)


@pytest.mark.parametrize("exchange", sorted(set(range(256)) - {1, 2, 3, 4, 5, 7, 13}))
def test_an_unknown_exchange_is_refused(exchange: int) -> None:
    frame = bytearray(wire.encode(ltp()))
    frame[1] = exchange
    with pytest.raises(WireError, match=f"exchange type {exchange} is unknown"):
        wire.decode(bytes(frame))


@pytest.mark.parametrize(
    ("number", "segment"),
    [
        (1, Segment.NSE_CM),
        (2, Segment.NSE_FO),
        (3, Segment.BSE_CM),
        (4, Segment.BSE_FO),
        (5, Segment.MCX_FO),
        (7, Segment.NCX_FO),
        (13, Segment.CDE_FO),
    ],
)
def test_exchange_types_are_the_documents(number: int, segment: Segment) -> None:
    assert wire.SEGMENTS[ExchangeType(number)] is segment
    assert wire.EXCHANGE_TYPES[segment] == number
    assert wire.divisor(segment) == (10_000_000 if number == 13 else 100)


def test_every_segment_has_an_exchange_type() -> None:
    assert set(wire.EXCHANGE_TYPES) == set(Segment)


@pytest.mark.parametrize("token", [b"", b"\0" + b"2" * 24, b"\xff123", b"12\n3", b"\x0142"])
def test_a_token_must_be_printable_ascii(token: bytes) -> None:
    frame = wire.encode(ltp())
    with pytest.raises(WireError, match="token"):
        wire.decode(frame[:2] + token.ljust(25, b"\0") + frame[27:])


def test_a_token_ends_at_its_nul_or_at_its_field() -> None:
    frame = wire.encode(ltp())
    cut = wire.decode(frame[:2] + b"2885\0garbage\xff".ljust(25, b"\x07") + frame[27:])
    whole = wire.decode(frame[:2] + b"1234567890123456789012345" + frame[27:])
    assert isinstance(cut, Ltp)
    assert isinstance(whole, Ltp)
    assert cut.token == "2885"
    assert whole.token == "1234567890123456789012345"


def test_a_book_is_sorted_by_flag_and_never_by_position(snap: Callable[..., bytes]) -> None:
    mixed = tuple(
        (flag, 10 + n, 100 + n, n) for n, flag in enumerate((0, 1, 1, 0, 0, 0, 1, 0, 0, 0))
    )
    record = wire.decode(snap(rows=mixed))
    assert isinstance(record, SnapQuote)
    assert [row.price for row in record.bids] == [101, 102, 106]
    assert [row.price for row in record.asks] == [100, 103, 104, 105, 107, 108, 109]


@pytest.mark.parametrize("flag", [2, -1, 256, 257])
@pytest.mark.parametrize("row", range(10))
def test_an_unknown_flag_is_refused_in_any_row(
    snap: Callable[..., bytes], flag: int, row: int
) -> None:
    frame = bytearray(snap())
    struct.pack_into("<h", frame, 147 + 20 * row, flag)
    with pytest.raises(WireError, match=f"flag {flag} of token 41735"):
        wire.decode(bytes(frame))


def test_depth_20_has_twenty_rows_a_side_and_no_flags() -> None:
    buys = b"".join(struct.pack("<iih", n, 100 - n, 1) for n in range(20))
    sells = b"".join(struct.pack("<iih", n, 101 + n, 2) for n in range(20))
    head = struct.pack("<BB25sqq", 4, 1, b"2885", 1_745_500_000_000, 1_745_500_000_123)
    record = wire.decode(head + buys + sells)
    assert record == Depth20(
        ExchangeType.NSE_CM,
        "2885",
        1_745_500_000_000,
        1_745_500_000_123,
        tuple(BookRow(n, 100 - n, 1) for n in range(20)),
        tuple(BookRow(n, 101 + n, 2) for n in range(20)),
    )
    assert record.segment is Segment.NSE_CM


def test_what_does_not_fit_the_wire_is_not_encoded() -> None:
    with pytest.raises(WireError, match="Ltp of token 2885"):
        wire.encode(Ltp(ExchangeType.NSE_CM, "2885", 2**63, 0, 0))
    with pytest.raises(WireError, match="printable ASCII"):
        wire.encode(Ltp(ExchangeType.NSE_CM, "1" * 26, 0, 0, 0))
    with pytest.raises(WireError, match="ten rows"):
        wire.encode(SnapQuote(*quote_values(), 0, 0, 0, (), wire.five([]), 0, 0, 0, 0))
    with pytest.raises(WireError, match="twenty of each"):
        wire.encode(Depth20(ExchangeType.NSE_CM, "2885", 0, 0, (), ()))


def test_a_short_side_is_filled_with_empty_rows() -> None:
    row = BookRow(75, 100, 1)
    assert wire.five([row, row]) == (row, row, wire.EMPTY_ROW, wire.EMPTY_ROW, wire.EMPTY_ROW)
    assert wire.five([row] * 7) == (row,) * 5


def test_the_offsets_are_those_of_the_document(angel_data: Path) -> None:
    known = json.loads((angel_data / "ticks" / "snap_nse_cm_1594_INFY_2024-12-26.json").read_text())
    frame = bytes.fromhex(
        (angel_data / "packets_reconstructed" / "snap_nse_cm_1594_INFY_2024-12-26.hex").read_text()
    )
    decoded = known["decoded"]
    at = {27: "sequence_number", 35: "exchange_timestamp", 43: "last_traded_price"}
    at |= {67: "volume_trade_for_the_day", 115: "closed_price", 131: "open_interest"}
    for offset, field in at.items():
        assert struct.unpack_from("<q", frame, offset)[0] == decoded[field]


def ltp() -> Ltp:
    return Ltp(ExchangeType.NSE_CM, "2885", 1, 1_746_171_226_000, 141_840)


def quote_values() -> tuple[Any, ...]:
    return (*(ExchangeType.NSE_CM, "2885", 1, 2, 3, 4, 5, 6, 7.0, 8.0, 9, 10, 11, 12),)


def quote() -> Quote:
    return Quote(*quote_values())


def depth() -> Depth20:
    return Depth20(
        ExchangeType.NSE_CM, "2885", 1, 2, (wire.EMPTY_ROW,) * 20, (wire.EMPTY_ROW,) * 20
    )
