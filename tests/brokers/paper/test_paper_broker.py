"""What the paper broker says, and when: replies, updates, latency, ids, refusals."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import Any, Final

import pytest

from brokers.exchange.admission import Admission
from brokers.exchange.exchange import ModelExchange, NewOrder
from brokers.exchange.matching import Settings
from brokers.exchange.report import ReportKind
from engine.errors import InvariantBroken
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Kind, Segment
from engine.model.order_update import RemoteStatus
from engine.model.side import Side
from engine.rules.clock_time import at_ns
from engine.rules.sessions import Sessions

CLOSE_MS: Final = (5 * 60 + 40) * 60_000
"""15:40, in the rig's milliseconds after ten o'clock."""


def test_a_reply_and_the_updates_come_back_after_both_latencies(rig: Any) -> None:
    market = rig(latency_ms=30, reply_latency_ms=50)
    market.frame(0)
    market.place(10, market.request())
    assert market.run(89.999) == []
    assert market.run(90) == [
        "90 place A ACCEPTED",
        "90 A OPEN 0/65",
        "90 A FILLED 65/65@100.05",
    ]


def test_an_order_meets_the_market_of_its_arrival_not_of_its_sending(rig: Any) -> None:
    market = rig()
    market.frame(0, asks=((100.05, 65),))
    market.place(10, market.request())
    market.frame(49, asks=((100.00, 65),))
    assert market.run(500)[-1] == "90 A FILLED 65/65@100.00"


def test_an_arrival_comes_before_a_frame_of_the_same_moment(rig: Any) -> None:
    market = rig()
    market.frame(0, asks=((100.05, 65),))
    market.place(10, market.request())
    market.frame(50, asks=((100.00, 65),))
    assert market.run(500)[-1] == "90 A FILLED 65/65@100.05"


def test_with_no_latency_everything_comes_back_at_once(rig: Any) -> None:
    market = rig(latency_ms=0, reply_latency_ms=0)
    market.frame(0)
    market.place(10, market.request())
    assert market.broker.next_time() == market.at(10)
    assert market.run(10)[-1] == "10 A FILLED 65/65@100.05"
    assert market.broker.next_time() is None


def test_next_time_is_that_of_the_next_arrival_or_report(rig: Any) -> None:
    market = rig()
    assert market.broker.next_time() is None
    market.frame(0)
    market.place(0, market.request())
    assert market.broker.next_time() == market.at(40)
    market.run(40)
    assert market.broker.next_time() == market.at(80)
    market.run(80)
    assert market.broker.next_time() is None


def test_a_partial_fill_is_a_number_and_updates_are_cumulative(rig: Any) -> None:
    market = rig()
    market.frame(0, asks=((100.00, 65), (100.05, 65)))
    market.place(0, market.request(quantity=195))
    market.frame(1000, last=99.90, volume=65, asks=((100.10, 65),))
    assert market.run(2000) == [
        "80 place A ACCEPTED",
        "80 A OPEN 0/195",
        "80 A OPEN 65/195@100.00",
        "80 A OPEN 130/195@100.025",
    ]
    market.frame(3000, last=99.90, volume=300, asks=((100.10, 65),))
    assert market.run(4000)[-1].startswith("3040 A FILLED 195/195@100.0333")
    assert [update.version for update in market.updates()] == [1, 2, 3, 4]
    # an average need not end; times the quantity it is what was paid all the same
    assert market.updates()[-1].average_price * 195 == Decimal("19506.50")


def test_updates_carry_every_id_and_the_exchange_time(rig: Any) -> None:
    market = rig()
    market.frame(0)
    market.place(0, market.request(), market.request("B", account="second"))
    market.run(1000)
    first, second = market.updates()[0], market.updates()[2]
    assert (first.source, first.account, first.client_id) == ("paper", "paper", "A")
    assert (first.broker_id, first.exchange_id) == ("260820000000001", "1000000000000001")
    assert (second.account, second.broker_id) == ("second", "260820000000002")
    assert first.exchange_time == market.at(40)
    assert first.raw_status == "open"
    assert market.updates()[1].raw_status == "complete"


def test_a_stop_is_trigger_pending_then_open_then_filled(rig: Any) -> None:
    market = rig()
    market.frame(0)
    stop = market.request(price=Decimal(103), trigger_price=Decimal(102))
    market.place(0, stop)
    market.frame(1000, last=102.0, volume=65, asks=((102.00, 650),))
    assert market.run(2000) == [
        "80 place A ACCEPTED",
        "80 A TRIGGER_PENDING 0/65",
        "1040 A OPEN 0/65",
        "1040 A FILLED 65/65@102.00",
    ]


REJECTIONS: dict[str, tuple[dict[str, Any], str, str]] = {
    "tick": (
        {"price": Decimal("100.02")},
        "16283",
        "Order price 100.02 is not a multiple of the tick size 0.05",
    ),
    "trigger tick": (
        {"price": Decimal(103), "trigger_price": Decimal("102.01")},
        "16316",
        "Trigger price 102.01 is not a multiple of the tick size 0.05",
    ),
    "lot": ({"quantity": 66}, "16328", "Quantity 66 is not a multiple of the regular lot 65"),
    "quantity": ({"quantity": 0}, "16416", "Invalid order parameters: quantity 0 must be more than 0"),
    "price": (
        {"price": Decimal(-1)},
        "16416",
        "Invalid order parameters: price -1 must be more than 0",
    ),
    "freeze": (
        {"quantity": 1820},
        "16606",
        "Quantity 1820 is greater than the freeze quantity 1800",
    ),
    "price protection": (
        {"price": Decimal(150)},
        "17070",
        "The price 150 is out of the LPP range, which ends at 140",
    ),
    "stop trigger": (
        {"price": Decimal(103), "trigger_price": Decimal(99)},
        "RMS",
        ("RMS: the trigger price 99 of a stop must lie beyond the last traded price 100:"
        " above it to buy, below it to sell"),
    ),
    "stop limit": (
        {"price": Decimal(102), "trigger_price": Decimal(103)},
        "16315",
        "Limit price 102 is worse than the trigger price 103",
    ),
    "stop gap": (
        {"price": Decimal(130), "trigger_price": Decimal(105)},
        "16448",
        ("The difference between the limit price and trigger price, 25, is beyond the"
        " permissible range 21"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REJECTIONS)
def test_a_rejection_follows_an_accepting_reply_in_the_brokers_words(name: str, rig: Any) -> None:
    over, code, reason = REJECTIONS[name]
    market = rig()
    market.frame(0)
    request = market.request(**over)
    market.place(0, request)
    assert market.run(80) == [
        "80 place A ACCEPTED",
        f"80 A REJECTED 0/{request.quantity} {code}",
    ]
    (update,) = market.updates()
    assert (update.reason, update.price) == (reason, request.price)
    assert market.broker.open_orders() == ()
    assert market.run(10_000)[2:] == []


def test_outside_the_hours_the_market_is_closed(rig: Any) -> None:
    market = rig()
    five_and_three_quarter_hours = 5.75 * 3_600_000
    market.place(five_and_three_quarter_hours, market.request())
    market.run(five_and_three_quarter_hours + 80)
    (update,) = market.updates()
    assert update.code == "16278"
    assert update.reason == (
        "The markets have not been opened for trading: it is 15:45:00, hours 09:15:00-15:40:00"
    )


def test_an_index_is_refused_in_the_reply(rig: Any) -> None:
    market = rig()
    market.place(0, market.request(instrument=market.index, quantity=1))
    assert market.run(1000) == ["80 place A REFUSED AB1009"]
    (_, reply), = market.events  # fmt: skip
    assert reply.text == "Symbol not found: NIFTY is not a contract with an order book"
    assert reply.broker_id is None


def test_a_price_beyond_the_frames_circuit_is_rejected(rig: Any) -> None:
    market = rig()
    market.frame(0)
    depth = market.decoder.books[0]
    market.decoder.books[0] = type(depth)(
        depth.instrument, "test", depth.bids, depth.asks, 120.0, 80.0, 0, 0
    )
    market.place(0, market.request(price=Decimal("120.05")))
    market.run(80)
    (update,) = market.updates()
    assert (update.code, update.reason) == (
        "16284",
        "Order price 120.05 exceeds the day's price range 80 - 120",
    )


def test_a_cancel_is_acknowledged_then_reported_with_what_filled(rig: Any) -> None:
    market = rig()
    market.frame(0, asks=((100.05, 65),))
    market.place(0, market.request(quantity=130))
    market.cancel(1000)
    assert market.run(2000)[3:] == [
        "1080 cancel A ACCEPTED",
        "1080 A CANCELLED 65/130@100.05",
    ]


def test_cancel_and_replace_of_a_complete_order_are_refused(rig: Any) -> None:
    market = rig()
    market.frame(0)
    market.place(0, market.request())
    market.cancel(1000)
    market.replace(1000)
    assert market.run(2000)[3:] == [
        "1080 cancel A REFUSED 16344",
        "1080 replace A REFUSED 16346",
    ]
    assert market.events[-1][1].text == (
        "The order cannot be modified: it works no more (filled 65 of 65)"
    )


@pytest.mark.parametrize(("name", "broker_id"), [("A", "nonsense"), ("B", "260820000000001")])
def test_a_message_about_another_order_is_refused(name: str, broker_id: str, rig: Any) -> None:
    market = rig()
    market.frame(0)
    market.place(0, market.request(price=Decimal(99)))
    market.cancel(1000, name, broker_id)
    assert market.run(2000)[-1] == f"1080 cancel {name} REFUSED AB1013"
    assert len(market.broker.open_orders()) == 1


def test_a_message_of_another_account_finds_nothing(rig: Any) -> None:
    market = rig()
    market.place(0, market.request())
    market.run(1000)
    market.broker.cancel("A", "260820000000001", "second", market.at(1000))
    assert market.run(2000)[-1] == "1080 cancel A REFUSED AB1013"


def test_a_replace_is_done_at_its_new_price_and_may_match(rig: Any) -> None:
    market = rig()
    market.frame(0)
    market.place(0, market.request(price=Decimal(99)))
    market.replace(1000)
    assert market.run(2000)[2:] == [
        "1080 replace A ACCEPTED",
        "1080 A OPEN REPLACE_DONE 0/65",
        "1080 A FILLED 65/65@100.05",
    ]
    assert market.updates()[1].price == Decimal("100.05")


def test_a_forbidden_replace_is_refused_and_the_order_works_on(rig: Any) -> None:
    market = rig()
    market.frame(0)
    market.place(0, market.request(price=Decimal(99)))
    market.replace(1000, price=Decimal(150))
    assert market.run(2000)[2:] == [
        "1080 replace A ACCEPTED",
        "1080 A NONE REPLACE_REFUSED 0/65 17070",
    ]
    (row,) = market.broker.open_orders()
    assert row.price == Decimal(99)


def test_a_replaced_stop_stays_trigger_pending(rig: Any) -> None:
    market = rig()
    market.frame(0)
    market.place(0, market.request(price=Decimal(103), trigger_price=Decimal(102)))
    market.replace(1000, price=Decimal(104), trigger_price=Decimal(103))
    assert market.run(2000)[-1] == "1080 A TRIGGER_PENDING REPLACE_DONE 0/65"
    assert market.updates()[-1].trigger_price == Decimal(103)


def test_a_replace_down_to_what_filled_completes(rig: Any) -> None:
    market = rig()
    market.frame(0, asks=((100.05, 65),))
    market.place(0, market.request(quantity=130))
    market.replace(1000, quantity=65)
    assert market.run(2000)[-1] == "1080 A FILLED REPLACE_DONE 65/65@100.05"


def test_an_order_is_never_sent_twice(rig: Any) -> None:
    market = rig()
    market.place(0, market.request())
    with pytest.raises(InvariantBroken, match="A was sent twice"):
        market.place(1, market.request())


def test_accounts_share_the_recorded_liquidity(rig: Any) -> None:
    market = rig()
    market.frame(0, asks=((100.05, 65),))
    market.place(0, market.request(), market.request("B", account="second"))
    market.run(1000)
    assert [row.filled_quantity for row in market.broker.orders()] == [65, 0]


def test_the_book_of_a_frame_is_read_only_where_an_order_works(rig: Any) -> None:
    market = rig()
    for ms in range(20):
        market.frame(ms)
        market.frame(ms, instrument=market.put)
    assert market.decoder.asked == 0
    market.place(20, market.request(price=Decimal(99)))
    market.frame(21)
    assert market.decoder.asked == 0
    market.run(60)
    assert market.decoder.asked == 1
    market.frame(61)
    market.frame(61, instrument=market.put)
    assert market.decoder.asked == 2
    market.cancel(100)
    market.run(140)
    market.frame(141)
    assert market.decoder.asked == 2


def test_a_frame_off_the_grid_is_counted_and_fills_nothing(rig: Any) -> None:
    market = rig()
    market.frame(0, asks=((100.03, 650),))
    market.place(0, market.request())
    assert market.run(1000) == ["80 place A ACCEPTED", "80 A OPEN 0/65"]
    assert market.broker.off_grid_frames == {market.call.key: 1}
    market.frame(1001)
    assert market.run(2000)[-1] == "1041 A FILLED 65/65@100.05"


def test_what_is_open_at_the_end_is_said_to_be_open(rig: Any) -> None:
    market = rig()
    market.frame(0, asks=((100.05, 65),))
    market.place(0, market.request(quantity=130), market.request("B", price=Decimal(99)))
    market.run(1000)
    market.place(1000, market.request("C", instrument=market.put))
    rows = market.broker.open_orders()
    assert [(row.request.client_id, row.filled_quantity, row.quantity) for row in rows] == [
        ("A", 65, 130),
        ("B", 0, 65),
        ("C", 0, 65),
    ]
    assert not any(row.is_silent for row in rows)


def test_day_orders_expire_when_their_session_closes_whether_a_frame_comes_or_not(rig: Any) -> None:
    market = rig()
    market.frame(0)
    market.place(0, market.request(price=Decimal(99)), market.request("B", price=Decimal(98)))
    market.run(1_000)
    close = CLOSE_MS
    assert market.broker.next_time() == market.at(close)
    assert market.run(close)[-1] == "80 B OPEN 0/65"
    market.run(close + 40)
    assert [(at, e.update.client_id, e.update.status) for at, e in market.events[-2:]] == [
        (market.at(close + 40), name, RemoteStatus.EXPIRED) for name in ("A", "B")
    ]
    assert market.broker.open_orders() == ()
    assert market.broker.next_time() is None


def test_a_frame_of_the_very_close_fills_nothing_any_more(rig: Any) -> None:
    market = rig()
    market.frame(0)
    market.place(0, market.request(price=Decimal(99)))
    market.frame(CLOSE_MS, last=90.0, asks=((90.0, 650),), bids=((89.95, 650),))
    market.run(CLOSE_MS + 100)
    assert market.updates()[-1].status is RemoteStatus.EXPIRED


def test_an_order_that_filled_leaves_nothing_to_expire(rig: Any) -> None:
    market = rig()
    market.frame(0)
    market.place(0, market.request())
    market.run(CLOSE_MS + 100)
    assert market.updates()[-1].status is RemoteStatus.FILLED


def test_a_share_in_the_closing_auction_ends_with_its_continuous_trading() -> None:
    day = date(2026, 8, 20)
    catalogue = Catalogue.of(
        [
            InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.EQUITY, underlying=name)
            for name in ("SBIN", "SMALLCO")
        ]
    )
    exchange = ModelExchange(
        2, Admission(day, Sessions(closing_auction=frozenset({"SBIN"}))), Settings(0, 0)
    )
    closes = [exchange.closes_at(share) for share in catalogue]
    assert closes == [at_ns(day, time(15, 15)), at_ns(day, time(15, 30))]


def test_on_a_day_with_a_break_orders_outlive_it() -> None:
    day = date(2024, 3, 2)
    (share,) = Catalogue.of(
        [InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.EQUITY, underlying="SBIN")]
    )
    exchange = ModelExchange(1, Admission(day, Sessions()), Settings(0, 0))
    assert exchange.closes_at(share) == at_ns(day, time(12, 30))
    asked = NewOrder("a", share, Side.BUY, 1, Decimal(100))
    (taken,) = exchange.submit(asked, None, at_ns(day, time(9, 59)))
    assert taken.kind is ReportKind.OPENED
    (refused,) = exchange.submit(asked._replace(order_id="b"), None, at_ns(day, time(10, 30)))
    assert refused.rejection is not None
    assert refused.rejection.limit == "09:15:00-10:00:00, 11:30:00-12:30:00"
    (ended,) = exchange.expire(share, at_ns(day, time(12, 30)))
    assert ended.kind is ReportKind.EXPIRED


@pytest.mark.parametrize(
    ("age_ms", "expected"),
    [(1000, "1080 A FILLED 65/65@100.10"), (1000.001, "5040 A FILLED 65/65@100.20")],
)
def test_without_a_book_the_last_print_counts_until_it_is_a_cadence_old(
    age_ms: float, expected: str, rig: Any
) -> None:
    market = rig(cadence_s=1.0, slippage_ticks=2, latency_ms=0, reply_latency_ms=40)
    market.frame(1040 - age_ms, bids=None, volume=None)
    market.place(1040, market.request(price=Decimal(101)))
    market.frame(5000, last=100.1, bids=None, volume=None)
    assert market.run(9000)[-1] == expected


def test_without_a_book_a_live_tick_feed_fills_at_the_first_later_print(rig: Any) -> None:
    market = rig(slippage_ticks=0)
    market.frame(0, bids=None)
    market.place(0, market.request(side=Side.SELL, price=Decimal(99)))
    market.frame(41, last=99.5, bids=None)
    assert market.run(1000)[-1] == "81 A FILLED 65/65@99.50"


def test_the_same_messages_give_the_same_answers(rig: Any) -> None:
    def day() -> list[str]:
        market = rig(faults=[{"when": {"nth": 2}, "do": "reject"}])
        market.frame(0)
        market.place(1, *(market.request(f"O{n}", quantity=65 * n) for n in range(1, 9)))
        for n in range(1, 60):
            market.frame(30 * n, last=100 - n % 3 * 0.05, volume=65 * n)
        return [*market.run(5000), repr(market.broker.orders())]

    assert day() == day()
