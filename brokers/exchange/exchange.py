"""The model exchange: every order of ours, by id, and the books they work in."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from brokers.exchange.admission import Admission
from brokers.exchange.matching import Book, Settings
from brokers.exchange.order import BookOrder, Stage
from brokers.exchange.report import Rejection, Report, ReportKind, Why, report
from brokers.exchange.view import MarketView
from engine.model.instrument import Instrument
from engine.model.side import Side


class NewOrder(NamedTuple):
    """What is asked of the exchange. Prices are rupees; with ``trigger`` it is a stop-limit."""

    order_id: str
    instrument: Instrument
    side: Side
    quantity: int
    price: Decimal
    trigger: Decimal | None = None
    fillable: int | None = None


class Change(NamedTuple):
    """A new whole quantity, price and trigger (rupees) of a working order."""

    quantity: int
    price: Decimal
    trigger: Decimal | None


class ModelExchange:
    """Accepts, changes, cancels and matches orders. Every answer is a list of reports.

    ``busy[index]`` counts the orders that work in an instrument: while it is 0, ``observe`` need
    not be called for its frames.
    """

    def __init__(self, instruments: int, admission: Admission, settings: Settings) -> None:
        self._admission = admission
        self._settings = settings
        self._orders: dict[str, BookOrder] = {}
        self._books: dict[int, Book] = {}
        self.busy: list[int] = [0] * instruments

    def submit(self, asked: NewOrder, view: MarketView | None, now: int) -> list[Report]:
        """Take a new order that reaches the exchange at ``now``; ``view`` is the newest frame.

        Raises ``ValueError`` when the id is already in use.
        """
        if asked.order_id in self._orders:
            raise ValueError(f"order id {asked.order_id} is in use")
        rejection = self._admission.check(
            asked.instrument, asked.side, asked.quantity, asked.price, asked.trigger, view, now
        )
        if rejection is not None:
            return [_rejected(asked, now, rejection)]
        instrument = asked.instrument
        order = BookOrder(
            order_id=asked.order_id,
            instrument=instrument,
            side=asked.side,
            quantity=asked.quantity,
            price=instrument.ticks(asked.price),
            trigger=None if asked.trigger is None else instrument.ticks(asked.trigger),
            fillable=asked.fillable,
        )
        self._orders[order.order_id] = order
        kind = ReportKind.OPENED if order.trigger is None else ReportKind.STOP_ACCEPTED
        accepted = report(kind, order, now)
        return [accepted, *self._add(order, view, now)]

    def replace(
        self, order_id: str, change: Change, view: MarketView | None, now: int
    ) -> list[Report] | Rejection:
        """Change a working order; a ``Rejection`` when it has ended or never existed.

        A change the rules forbid is a ``REPLACE_REFUSED`` report, and the order works on as it was.
        A new price, or a larger quantity, costs its place in the queue. A quantity at or below what
        has filled completes the order at what has filled.
        """
        order = self._orders.get(order_id)
        if order is None or order.stage is Stage.ENDED:
            return _too_late(order)
        side = Side.BUY if order.sign > 0 else Side.SELL
        stopped = order.stage is Stage.STOPPED
        trigger = change.trigger if stopped else None
        if stopped and trigger is None:
            trigger = order.instrument.from_ticks(order.trigger or 0)
        rejection = self._admission.check(
            order.instrument, side, change.quantity, change.price, trigger, view, now
        )
        if rejection is not None:
            return [report(ReportKind.REPLACE_REFUSED, order, now, rejection)]
        price = order.instrument.ticks(change.price)
        keeps_place = price == order.price and change.quantity <= order.quantity
        order.price = price
        order.quantity = max(change.quantity, order.filled)
        if trigger is not None:
            order.trigger = order.instrument.ticks(trigger)
        if order.is_complete:
            order.stage = Stage.ENDED
        replaced = report(ReportKind.REPLACED, order, now)
        if order.stage is Stage.ENDED or keeps_place or stopped:
            self._prune(order.instrument)
            return [replaced]
        return [replaced, *self._add(order, view, now)]

    def cancel(self, order_id: str, now: int) -> list[Report] | Rejection:
        """Take a working order out; a ``Rejection`` when it has ended or never existed."""
        order = self._orders.get(order_id)
        if order is None or order.stage is Stage.ENDED:
            return _too_late(order)
        return self._end(order, ReportKind.CANCELLED, now)

    def observe(self, instrument: Instrument, view: MarketView) -> list[Report]:
        """Match what works in ``instrument`` against a new frame; expire it after the close."""
        if not self.busy[instrument.index]:
            return []
        if self._admission.has_closed(instrument, view.at):
            return self.expire(instrument, view.at)
        book = self._books[instrument.index]
        reports = book.observe(view)
        self.busy[instrument.index] = len(book.orders)
        return reports

    def closes_at(self, instrument: Instrument) -> int | None:
        """Return when orders in ``instrument`` expire, ns; None on a day without a session."""
        return self._admission.closes_at(instrument)

    def expire(self, instrument: Instrument, now: int) -> list[Report]:
        """End what still works in ``instrument``: its trading day is over at ``now``."""
        book = self._books.get(instrument.index)
        orders = () if book is None else tuple(book.orders)
        return [said for order in orders for said in self._end(order, ReportKind.EXPIRED, now)]

    def order(self, order_id: str) -> BookOrder | None:
        """Return one order, ended or not; None when it never reached the book."""
        return self._orders.get(order_id)

    def _end(self, order: BookOrder, kind: ReportKind, now: int) -> list[Report]:
        order.stage = Stage.ENDED
        ended = report(kind, order, now)
        self._prune(order.instrument)
        return [ended]

    def _add(self, order: BookOrder, view: MarketView | None, now: int) -> list[Report]:
        index = order.instrument.index
        book = self._books.get(index)
        if book is None:
            book = self._books[index] = Book(self._settings, self._admission.check_at_trigger)
        reports = book.add(order, view, now)
        self.busy[index] = len(book.orders)
        return reports

    def _prune(self, instrument: Instrument) -> None:
        book = self._books[instrument.index]
        book.prune()
        self.busy[instrument.index] = len(book.orders)


def _too_late(order: BookOrder | None) -> Rejection:
    if order is None:
        return Rejection(Why.ENDED, "not in the book", "a working order")
    return Rejection(Why.ENDED, f"filled {order.filled} of {order.quantity}", "a working order")


def _rejected(asked: NewOrder, now: int, rejection: Rejection) -> Report:
    return Report(
        kind=ReportKind.REJECTED,
        order_id=asked.order_id,
        at=now,
        filled=0,
        value=0,
        quantity=asked.quantity,
        price=0,
        trigger=None,
        is_complete=False,
        rejection=rejection,
    )
