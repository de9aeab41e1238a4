"""What holds for every market and every set of orders."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.exchange.matching import Book, Settings
from brokers.exchange.order import BookOrder, Stage
from brokers.exchange.report import Report, ReportKind
from brokers.exchange.view import MarketView
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Kind, Right, Segment
from engine.model.side import Side

OPTION = Catalogue().intern(
    InstrumentFacts(
        segment=Segment.NSE_FO,
        kind=Kind.OPTION,
        underlying="NIFTY",
        expiry=date(2026, 8, 25),
        strike=Decimal(24000),
        right=Right.PUT,
        lot_size=5,
    )
)

lots = st.integers(1, 40).map(lambda n: n * 5)


@st.composite
def views(draw: st.DrawFn, *, book: bool) -> list[MarketView]:
    """A day of frames around a wandering middle; volume never falls."""
    made = []
    middle, volume = 100, 0
    for at in range(draw(st.integers(1, 12))):
        middle = max(20, middle + draw(st.integers(-3, 3)))
        volume += draw(st.sampled_from([0, 0, 5, 50, 400]))
        last = middle + draw(st.integers(-2, 2))
        if not book:
            made.append(MarketView(at, last, volume, None, None))
            continue
        count = draw(st.integers(0, 5))
        bids = tuple((middle - 1 - n, draw(lots)) for n in range(count))
        asks = tuple((middle + 1 + n, draw(lots)) for n in range(draw(st.integers(0, 5))))
        made.append(MarketView(at, last, volume, bids, asks))
    return made


orders = st.lists(
    st.tuples(
        st.integers(0, 11),
        st.sampled_from(list(Side)),
        lots,
        st.integers(80, 120),
        st.one_of(st.none(), st.integers(80, 120)),
    ),
    max_size=6,
)


def play(
    frames: list[MarketView], asked: list[Any]
) -> tuple[list[list[Report]], dict[str, BookOrder]]:
    """Run a day; return the reports of each frame (with the arrivals after it) and the orders."""
    book = Book(Settings(1, 1), lambda _order, _reference: None)
    sent: dict[str, BookOrder] = {}
    said: list[list[Report]] = []
    for view in frames:
        reports = book.observe(view)
        for number, (when, side, quantity, price, trigger) in enumerate(asked):
            if when == view.at:
                order = BookOrder(
                    order_id=str(number),
                    instrument=OPTION,
                    side=side,
                    quantity=quantity,
                    price=price,
                    trigger=trigger,
                )
                sent[order.order_id] = order
                reports += book.add(order, view, view.at)
        said.append(reports)
    return said, sent


def fills(said: list[Report], before: dict[str, tuple[int, int]]) -> list[tuple[str, int, int]]:
    """Return (order, units, ticks) of every fill, keeping the cumulative figures in ``before``."""
    made = []
    for report in said:
        filled, value = before.get(report.order_id, (0, 0))
        assert report.filled >= filled
        if report.kind is ReportKind.FILLED:
            units = report.filled - filled
            assert units > 0
            assert (report.value - value) % units == 0
            made.append((report.order_id, units, (report.value - value) // units))
        else:
            assert (report.filled, report.value) == (filled, value)
        before[report.order_id] = (report.filled, report.value)
    return made


@settings(max_examples=150, deadline=None)
@given(views(book=True), orders)
def test_with_a_book_fills_stay_inside_limit_quantity_and_recorded_liquidity(
    frames: list[MarketView], asked: list[Any]
) -> None:
    said, sent = play(frames, asked)
    before: dict[str, tuple[int, int]] = {}
    volume = frames[0].volume
    total = dict.fromkeys(sent, 0)
    for view, reports in zip(frames, said, strict=True):
        made = fills(reports, before)
        for name, units, ticks in made:
            assert sent[name].reaches(ticks)
            assert units % OPTION.lot_size == 0
            total[name] += units
        displayed = sum(quantity for _, quantity in (*view.bids, *view.asks))
        assert sum(units for _, units, _ in made) <= displayed + view.volume - volume
        volume = view.volume
    for name, order in sent.items():
        assert total[name] == order.filled <= order.quantity
        assert (order.stage is Stage.ENDED) == order.is_complete


@settings(max_examples=100, deadline=None)
@given(views(book=False), orders)
def test_without_a_book_fills_stay_inside_limit_and_quantity(
    frames: list[MarketView], asked: list[Any]
) -> None:
    said, sent = play(frames, asked)
    before: dict[str, tuple[int, int]] = {}
    for reports in said:
        for name, _, ticks in fills(reports, before):
            assert sent[name].reaches(ticks)
    for name, order in sent.items():
        assert before.get(name, (0, 0))[0] == order.filled
        assert order.filled in (0, order.quantity)


@settings(max_examples=60, deadline=None)
@given(views(book=True), orders, st.integers(2, 5))
def test_a_frame_repeated_gives_no_liquidity_twice(
    frames: list[MarketView], asked: list[Any], times: int
) -> None:
    view = frames[-1]
    book = Book(Settings(1, 1), lambda _order, _reference: None)
    sent = []
    for number, (_, side, quantity, price, _) in enumerate(asked):
        for turn in range(times):
            name = f"{number}.{turn}"
            order = BookOrder(
                order_id=name, instrument=OPTION, side=side, quantity=quantity, price=price
            )
            sent.append(order)
            book.add(order, view, view.at)
            book.observe(view)
    bought = sum(order.filled for order in sent if order.sign > 0)
    sold = sum(order.filled for order in sent if order.sign < 0)
    assert bought <= sum(quantity for _, quantity in view.asks)
    assert sold <= sum(quantity for _, quantity in view.bids)


@settings(max_examples=40, deadline=None)
@given(views(book=True), orders)
def test_the_same_day_gives_the_same_reports(frames: list[MarketView], asked: list[Any]) -> None:
    assert play(frames, asked)[0] == play(frames, asked)[0]
