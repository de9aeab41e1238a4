"""Which orders the exchange takes: the checks of market_rules.md section 4, in the order made."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from brokers.exchange.order import BookOrder
from brokers.exchange.report import Rejection, Why
from brokers.exchange.view import MarketView
from engine.model.instrument import Instrument, plain
from engine.model.side import Side
from engine.rules.clock_time import clock_text
from engine.rules.freeze import freeze_quantity
from engine.rules.price_protection import lpp_band, operating_range, stop_gap_cap
from engine.rules.sessions import Sessions


class Admission:
    """Judges orders of one trading day, each contract by its own hours.

    There are no auctions here: outside continuous trading every order is refused.
    """

    def __init__(self, trading_date: date, sessions: Sessions) -> None:
        self._date = trading_date
        self._sessions = sessions
        self._windows: dict[Instrument, tuple[tuple[int, int], ...]] = {}

    def check(
        self,
        instrument: Instrument,
        side: Side,
        quantity: int,
        price: Decimal,
        trigger: Decimal | None,
        view: MarketView | None,
        now: int,
    ) -> Rejection | None:
        """Return why the order, new or changed, is not taken at ``now``, or None.

        ``view`` is the newest frame, None before the first. Raises ``FileError`` when a rule that
        applies is not known for the contract or the day.
        """
        malformed = (
            self._check_market(instrument, now)
            or self._check_quantity(instrument, quantity)
            or _check_price(instrument, price, Why.TICK)
            or (None if trigger is None else _check_price(instrument, trigger, Why.TRIGGER_TICK))
        )
        if malformed is not None:
            return malformed
        ticks = instrument.ticks(price)
        last = None if view is None else view.last
        return _check_day_range(instrument, ticks, view) or (
            self._check_protection(instrument, side, ticks, last)
            if trigger is None
            else self._check_stop(instrument, side, price, trigger, last)
        )

    def check_at_trigger(self, order: BookOrder, reference: int) -> Rejection | None:
        """Return why a stop that fires is cancelled instead of entering the book, or None.

        ``reference`` is in ticks: see ``brokers.exchange.reference``.
        """
        side = Side.BUY if order.sign > 0 else Side.SELL
        return self._check_protection(order.instrument, side, order.price, reference)

    def has_closed(self, instrument: Instrument, now: int) -> bool:
        """Return whether continuous trading in ``instrument`` is over for the day at ``now``."""
        closes = self.closes_at(instrument)
        return closes is None or now >= closes

    def closes_at(self, instrument: Instrument) -> int | None:
        """Return when continuous trading in ``instrument`` ends for the day, ns; None without any.

        What still works then expires: also in shares whose closing auction begins there.
        """
        windows = self._hours(instrument)
        return windows[-1][1] if windows else None

    def _hours(self, instrument: Instrument) -> tuple[tuple[int, int], ...]:
        """Return when ``instrument`` trades, as (open, close) in ns; nothing without a session."""
        windows = self._windows.get(instrument)
        if windows is None:
            session = self._sessions.of(instrument, self._date)
            windows = () if session is None else session.windows_ns()
            self._windows[instrument] = windows
        return windows

    def _check_market(self, instrument: Instrument, now: int) -> Rejection | None:
        if not instrument.is_tradable:
            return Rejection(Why.NOT_TRADABLE, instrument.symbol, "a contract with an order book")
        windows = self._hours(instrument)
        if not windows:
            day = f"{self._date:%d-%b-%Y}"
            return Rejection(Why.MARKET_CLOSED, clock_text(now, 0), f"no session on {day}")
        for opens, closes in windows:
            if opens <= now < closes:
                return None
        hours = ", ".join(
            f"{clock_text(opens, 0)}-{clock_text(closes, 0)}" for opens, closes in windows
        )
        return Rejection(Why.MARKET_CLOSED, clock_text(now, 0), hours)

    def _check_quantity(self, instrument: Instrument, quantity: int) -> Rejection | None:
        if quantity <= 0:
            return Rejection(Why.QUANTITY, str(quantity), "more than 0")
        if quantity % instrument.lot_size:
            return Rejection(Why.LOT, str(quantity), str(instrument.lot_size))
        if instrument.is_derivative or instrument.freeze_quantity is not None:
            frozen = freeze_quantity(instrument, self._date)
            if quantity > frozen:
                return Rejection(Why.FREEZE, str(quantity), str(frozen))
        return None

    def _check_protection(
        self, instrument: Instrument, side: Side, ticks: int, reference: int | None
    ) -> Rejection | None:
        if reference is None:
            return None
        band = lpp_band(instrument, instrument.from_ticks(reference), self._date)
        if band is None or band.admits(ticks, side):
            return None
        bound = band.high if side is Side.BUY else band.low
        return Rejection(
            Why.PRICE_PROTECTION, _rupees(instrument, ticks), _rupees(instrument, bound)
        )

    def _check_stop(
        self,
        instrument: Instrument,
        side: Side,
        price: Decimal,
        trigger: Decimal,
        last: int | None,
    ) -> Rejection | None:
        trigger_ticks = instrument.ticks(trigger)
        if last is not None and (trigger_ticks - last) * side.sign <= 0:
            return Rejection(Why.STOP_TRIGGER, plain(trigger), _rupees(instrument, last))
        if (price - trigger) * side.sign < 0:
            return Rejection(Why.STOP_LIMIT, plain(price), plain(trigger))
        gap = stop_gap_cap(instrument, trigger, self._date)
        if gap is not None and abs(price - trigger) > gap:
            return Rejection(Why.STOP_GAP, plain(abs(price - trigger)), plain(gap))
        return None


def _check_price(instrument: Instrument, price: Decimal, off_grid: Why) -> Rejection | None:
    if not price.is_finite() or price <= 0:
        return Rejection(Why.PRICE, str(price), "more than 0")
    if price % instrument.tick_size:
        return Rejection(off_grid, plain(price), plain(instrument.tick_size))
    return None


def _check_day_range(
    instrument: Instrument, ticks: int, view: MarketView | None
) -> Rejection | None:
    if view is None:
        return None
    band = operating_range(
        instrument,
        previous_close=view.previous_close,
        lower_circuit=view.lower_circuit,
        upper_circuit=view.upper_circuit,
    )
    if band is None or band.low <= ticks <= band.high:
        return None
    allowed = f"{_rupees(instrument, band.low)} - {_rupees(instrument, band.high)}"
    return Rejection(Why.CIRCUIT, _rupees(instrument, ticks), allowed)


def _rupees(instrument: Instrument, ticks: int) -> str:
    return plain(instrument.from_ticks(ticks))
