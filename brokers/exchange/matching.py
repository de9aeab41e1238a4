"""One instrument's orders of ours, matched against what was recorded.

With a book in the frame, an arriving order walks the displayed levels and what is left rests behind
the quantity displayed at its price. Without one, it takes the last print if that is fresh enough.
The exact rules are those of ``docs/paper-exchange.md``; a trader can predict every fill from them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from brokers.exchange.liquidity import Taken
from brokers.exchange.order import BookOrder, Stage
from brokers.exchange.reference import ReferencePrice
from brokers.exchange.report import Rejection, Report, ReportKind, report
from brokers.exchange.view import MarketView

TriggerCheck = Callable[[BookOrder, int], Rejection | None]


class Settings(NamedTuple):
    """What the market without a book needs.

    ``cadence_ns`` is how often the recording prints an instrument: an older print is stale.
    ``slippage_ticks`` is added to a print, to our harm, within the limit.
    """

    cadence_ns: int
    slippage_ticks: int


class Book:
    """Our working orders of one instrument, in ``orders``.

    ``at_trigger`` judges a stop that fires, against the reference price in ticks.
    """

    __slots__ = (
        "_at_trigger",
        "_reference",
        "_sequence",
        "_settings",
        "_taken",
        "_volume",
        "orders",
    )

    def __init__(self, settings: Settings, at_trigger: TriggerCheck) -> None:
        self._settings = settings
        self._at_trigger = at_trigger
        self._taken = Taken()
        self._reference = ReferencePrice()
        self._volume: int | None = None
        self._sequence = 0
        self.orders: list[BookOrder] = []

    def add(self, order: BookOrder, view: MarketView | None, now: int) -> list[Report]:
        """Accept ``order`` at ``now``, the newest frame being ``view``; match it if it may trade.

        An order that was replaced comes again: it goes to the end of the line.
        """
        if not self.orders:
            self._resume(view)
        self._sequence += 1
        order.sequence = self._sequence
        order.ahead = None
        if order not in self.orders:
            self.orders.append(order)
        reports: list[Report] = []
        if order.stage is not Stage.STOPPED:
            order.stage = Stage.ARRIVING
            self._take(order, view, now, reports)
        self.prune()
        return reports

    def observe(self, view: MarketView) -> list[Report]:
        """Match everything that works against a new frame."""
        reports: list[Report] = []
        traded = self._growth(view)
        if view.last is not None:
            self._reference.note(view.at, view.last)
        if view.has_book:
            traded = max(0, traded - self._taken.refresh(view))
            self._fill_resting_by_trades(view, traded, reports)
            self._fill_resting_by_crossing(view, reports)
        else:
            self._fill_resting_by_print(view, reports)
        for order in self.orders:
            if order.stage is Stage.ARRIVING:
                self._take(order, view, view.at, reports)
        if view.last is not None:
            self._trigger(view, view.last, reports)
        self.prune()
        return reports

    def prune(self) -> None:
        """Let go of the orders that have ended."""
        self.orders = [order for order in self.orders if order.stage is not Stage.ENDED]

    def _resume(self, view: MarketView | None) -> None:
        """Begin to watch: what traded while nothing of ours stood here is not for us."""
        self._reference = ReferencePrice()
        self._volume = None
        if view is not None:
            self._volume = view.volume
            self._taken.refresh(view)

    def _growth(self, view: MarketView) -> int:
        before, self._volume = self._volume, view.volume
        if before is None or view.volume is None:
            return 0
        return max(0, view.volume - before)

    def _by_priority(self) -> list[BookOrder]:
        """Return resting orders, best price first and then oldest first; buys before sells."""
        return sorted(
            (order for order in self.orders if order.stage is Stage.RESTING),
            key=lambda order: (-order.sign, -order.sign * order.price, order.sequence),
        )

    def _fill_resting_by_trades(self, view: MarketView, traded: int, reports: list[Report]) -> None:
        for order in self._by_priority():
            shown = view.displayed(order.sign, order.price)
            if traded and view.last is not None:
                if order.is_passed_by(view.last):
                    order.ahead = 0
                    traded -= _fill(order, traded, order.price, view.at, reports)
                elif view.last == order.price and order.ahead is not None:
                    beyond = traded - order.ahead
                    order.ahead = max(0, -beyond)
                    traded -= _fill(order, beyond, order.price, view.at, reports)
            if shown is not None:
                order.ahead = shown if order.ahead is None else min(order.ahead, shown)

    def _fill_resting_by_crossing(self, view: MarketView, reports: list[Report]) -> None:
        for order in self._by_priority():
            for price, shown in view.other_side(order.sign):
                if not order.reaches(price) or not order.open_quantity:
                    break
                available = self._taken.available(order.sign, price, shown)
                filled = _fill(order, available, order.price, view.at, reports)
                self._taken.take(order.sign, price, shown, filled)

    def _fill_resting_by_print(self, view: MarketView, reports: list[Report]) -> None:
        if view.last is None:
            return
        for order in self._by_priority():
            if order.is_passed_by(view.last):
                _fill(order, order.open_quantity, order.price, view.at, reports)

    def _take(
        self, order: BookOrder, view: MarketView | None, now: int, reports: list[Report]
    ) -> None:
        """Let an arriving order trade with what stands there; the rest of it rests."""
        if view is None:
            return
        if view.has_book:
            for price, shown in view.other_side(order.sign):
                if not order.reaches(price) or not order.open_quantity:
                    break
                available = self._taken.available(order.sign, price, shown)
                filled = _fill(order, available, price, now, reports)
                self._taken.take(order.sign, price, shown, filled)
        elif view.last is None or now - view.at > self._settings.cadence_ns:
            return
        elif order.reaches(view.last):
            worse = view.last + order.sign * self._settings.slippage_ticks
            _fill(order, order.open_quantity, order.no_worse(worse), now, reports)
        if order.stage is Stage.ARRIVING:
            order.stage = Stage.RESTING
            order.ahead = view.displayed(order.sign, order.price) if view.has_book else None

    def _trigger(self, view: MarketView, last: int, reports: list[Report]) -> None:
        for order in self.orders:
            if order.stage is not Stage.STOPPED or not order.is_triggered_by(last):
                continue
            self._sequence += 1
            order.sequence = self._sequence
            order.stage = Stage.ARRIVING
            order.trigger = None
            reports.append(report(ReportKind.TRIGGERED, order, view.at))
            rejection = self._at_trigger(order, self._reference.over(last))
            if rejection is not None:
                order.stage = Stage.ENDED
                reports.append(report(ReportKind.CANCELLED, order, view.at, rejection))
            else:
                self._take(order, view, view.at, reports)


def _fill(order: BookOrder, offered: int, ticks: int, at: int, reports: list[Report]) -> int:
    """Fill what ``order`` wants of ``offered`` units, in whole lots; return the units filled."""
    quantity = min(order.open_quantity, offered)
    quantity -= quantity % order.instrument.lot_size
    if quantity <= 0:
        return 0
    order.fill(quantity, ticks)
    reports.append(report(ReportKind.FILLED, order, at))
    return quantity
