from __future__ import annotations

import contextlib
import math
from collections.abc import Coroutine
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import FileError
from engine.model.approval import Approved, Check
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.codec import Codec, encode, encode_state
from engine.model.event import InlineEvent, OrderUpdated, ReplyClassified, TimerFired
from engine.model.instrument import Instrument, Kind, Right, Segment
from engine.model.market import Bar, Interval, Level, Tick
from engine.model.order import (
    Amend,
    AmendKind,
    AmendState,
    ChildKey,
    Fill,
    Order,
    OrderRequest,
    OrderType,
    Product,
    Purpose,
)
from engine.model.order_update import OrderUpdate, RemoteStatus
from engine.model.record import OrderChanged, OrderFilled, Record
from engine.model.side import Side

CATALOGUE = Catalogue.of(
    [
        InstrumentFacts(
            segment=Segment.NSE_FO,
            kind=Kind.OPTION,
            underlying="NIFTY",
            expiry=date(2026, 8, 25),
            strike=Decimal(24000),
            right=Right.CALL,
            lot_size=65,
        )
    ]
)
CALL = CATALOGUE[0]
CODEC = Codec(CATALOGUE)
REQUEST = OrderRequest(
    client_id="LW0AA000001XYZ",
    key=ChildKey("s.g.1", 1, "paper", 0, 1, exit=True),
    strategy="s",
    instrument=CALL,
    side=Side.SELL,
    quantity=65,
    order_type=OrderType.STOP_LIMIT,
    price=Decimal("100.05"),
    trigger_price=Decimal("101.00"),
    product=Product.INTRADAY,
    purpose=Purpose.EXIT,
    decision_price=100.1,
    created_at=1_785_000_000_000_000_000,
    expires_at=1_785_000_030_000_000_000,
)
ORDER = msgspec.structs.replace(
    Order.of(REQUEST),
    amend=Amend(
        kind=AmendKind.REPLACE,
        state=AmendState.SENDING,
        generation=1,
        quantity=65,
        price=Decimal("99.95"),
        queued=Amend(kind=AmendKind.REPLACE, state=AmendState.WANTED, generation=2),
    ),
    anomalies=("overfill",),
)
FILL = Fill(
    client_id=REQUEST.client_id,
    group_id="s.g.1",
    strategy="s",
    account="paper",
    instrument=CALL,
    side=Side.SELL,
    product=Product.INTRADAY,
    quantity=3,
    price=Decimal("100.35333333"),
    at=1,
    filled_before=0,
    exact_value=Decimal("301.06"),
)


def test_an_instrument_is_written_as_its_key() -> None:
    assert encode(CALL) == b'"nse_fo/NIFTY/2026-08-25/24000/CE"'
    assert CODEC.decode(encode(CALL), type(CALL)) is CALL


@pytest.mark.parametrize("thing", [REQUEST, ORDER, FILL])
def test_what_is_written_reads_back_the_same(thing: Any) -> None:
    read = CODEC.decode(encode(thing), type(thing))
    assert read == thing
    assert read.instrument is CALL
    assert encode(read) == encode(thing)


def test_what_is_nothing_is_left_out_and_read_back_as_nothing() -> None:
    bare = encode(Order.of(REQUEST))
    for name in (
        b"amend",
        b"broker_id",
        b"anomalies",
        b"is_orphan",
        b"filled_quantity",
        b"acked_at",
    ):
        assert b'"%s"' % name not in bare
    assert CODEC.decode(bare, Order) == Order.of(REQUEST)
    check = Check(rule="session", passed=True, figure="10:00", limit="open")
    assert encode(check) == b'{"rule":"session","passed":true,"figure":"10:00","limit":"open"}'


def test_a_form_in_which_nothing_was_left_out_is_read_as_well() -> None:
    fields = {name: getattr(ORDER, name) for name in Order.__struct_fields__}
    assert CODEC.decode(encode(fields), Order) == ORDER
    bare = Order.of(REQUEST)
    fields = {name: getattr(bare, name) for name in Order.__struct_fields__}
    assert b'"amend":null' in encode(fields)
    assert CODEC.decode(encode(fields), Order) == bare


@pytest.mark.parametrize("zero", ["0", "0.00"])
def test_a_zero_that_was_worked_out_reads_back_as_it_was_written(zero: str) -> None:
    order = msgspec.structs.replace(ORDER, filled_value=Decimal(zero))
    read = CODEC.decode(encode(order), Order)
    assert encode(read) == encode(order)


def test_money_is_written_as_digits_and_not_as_a_float() -> None:
    assert b'"price":"100.05"' in encode(REQUEST)
    assert b'"trigger_price":"101.00"' in encode(REQUEST)


def test_a_record_is_found_by_its_tag() -> None:
    for record in (
        OrderChanged(1, 2, "APPROVE", ORDER, "why"),
        OrderFilled(1, 2, FILL),
    ):
        read = CODEC.decode(encode(record), Record)
        assert type(read) is type(record)
        assert read == record


def test_an_event_is_found_by_its_tag() -> None:
    update = OrderUpdate(account="paper", source="t", status=RemoteStatus.OPEN, filled_quantity=0)
    for event in (TimerFired(5), OrderUpdated(update)):
        assert CODEC.decode(encode(event), InlineEvent) == event


def test_a_tick_and_a_bar_read_back() -> None:
    tick = Tick(CALL, "t", 0.1 + 0.2, 1, 2, ask=5.0)
    bar = Bar(CALL, Interval.M5, 0, 1, 1.0, 2.0, 0.5, 1.5, None, 7, 3)
    for thing in (tick, bar):
        assert CODEC.decode(encode(thing), type(thing)) == thing
    assert CODEC.decode(encode(Level(1.0, 2, 3)), Level) == Level(1.0, 2, 3)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_reads_back_to_the_last_bit(x: float) -> None:
    assert CODEC.decode(encode(x), float) == x


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_every_decimal_reads_back_digit_by_digit(x: Decimal) -> None:
    assert str(CODEC.decode(encode(x), Decimal)) == str(x)


class Plain(msgspec.Struct):
    """What a strategy may keep."""

    at: float = 1.0
    best: float | None = None
    by_strike: dict[int, float] = msgspec.field(default_factory=dict)
    pair: tuple[int, float] = (1, 2.0)
    word: float | str = "NaN"
    traded: Instrument | None = None


FLOATS = st.floats()


@given(
    st.builds(
        Plain,
        at=FLOATS,
        best=st.none() | FLOATS,
        by_strike=st.dictionaries(st.integers(0, 9), FLOATS),
        pair=st.tuples(st.integers(0, 9), FLOATS),
        word=FLOATS | st.text(),
        traded=st.sampled_from([None, CALL]),
    )
)
def test_every_state_reads_back_nan_and_infinity_included(state: Plain) -> None:
    written = encode_state(state)
    read = CODEC.decode_state(written, Plain)
    assert repr(read) == repr(state)
    assert encode_state(read) == written


def test_a_finite_state_is_written_as_anything_else_and_an_infinite_one_by_its_name() -> None:
    assert encode_state(Plain()) == encode(Plain())
    assert encode_state(Plain(best=math.inf)).startswith(b'{"at":1.0,"best":Infinity,')


@pytest.mark.parametrize("data", [b"", b"[]", b'{"at":null}', b'{"traded":"x"}', b"\xff"])
def test_what_is_no_state_is_one_clear_error(data: bytes) -> None:
    with pytest.raises(FileError, match=r"not a Plain|no instrument"):
        CODEC.decode_state(data, Plain)


def test_an_approval_is_written_with_what_it_approved() -> None:
    check = Check(rule="r", passed=True, figure="1", limit="2", scope="order")
    written = msgspec.json.decode(encode(Approved(REQUEST, (check,))))
    assert written["approved"]["client_id"] == REQUEST.client_id
    assert written["checks"][0]["rule"] == "r"


def test_background_work_is_written_as_its_name() -> None:
    async def fetch_news() -> None:
        raise AssertionError

    work: Coroutine[Any, Any, None] = fetch_news()
    try:
        assert encode(work).endswith(b'fetch_news"')
    finally:
        work.close()


def test_what_has_no_written_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no written form"):
        encode(object())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a OrderRequest"),
        (b"{", "not a OrderRequest"),
        (b"{}", "missing required field"),
        (b"\xff\xfe", "not a OrderRequest"),
        (b"[1,2]", "not a OrderRequest"),
        (encode(REQUEST).replace(b'"SELL"', b'"SHORT"'), "SHORT"),
        (encode(REQUEST).replace(b'"LIMIT"', b'"x"').replace(b"STOP_LIMIT", b"MARKET"), "MARKET"),
        (
            encode(REQUEST).replace(b"24000", b"24010"),
            "no instrument 'nse_fo/NIFTY/2026-08-25/24010",
        ),
        (encode(REQUEST).replace(encode(CALL), b"7"), "not a OrderRequest"),
        (encode(REQUEST).replace(encode(CALL), b"[]"), "not a OrderRequest"),
    ],
)
def test_bytes_that_are_not_what_they_should_be_are_one_clear_error(
    data: bytes, message: str
) -> None:
    with pytest.raises(FileError, match=message):
        CODEC.decode(data, OrderRequest)


def test_an_unknown_tag_is_refused() -> None:
    with pytest.raises(FileError, match="not a "):
        CODEC.decode(b'{"type":"Nonsense"}', InlineEvent)


@given(st.binary(max_size=60))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    for kind in (ReplyClassified, Fill, InlineEvent):
        with pytest.raises(FileError):
            CODEC.decode(data, kind)


@given(st.data())
def test_a_cut_or_changed_record_raises_nothing_else(data: st.DataObject) -> None:
    whole = encode(OrderChanged(1, 2, "APPROVE", ORDER, "why"))
    at = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(FileError):
        CODEC.decode(whole[:at], Record)
    changed = whole[:at] + data.draw(st.binary(min_size=1, max_size=1)) + whole[at + 1 :]
    with contextlib.suppress(FileError):
        assert isinstance(CODEC.decode(changed, Record), msgspec.Struct)
