"""Rules about the order itself: whether it may trade now, and whether it is well formed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final

from engine.errors import FileError, InvariantBroken, OffGrid
from engine.model.approval import Check
from engine.model.instrument import Instrument, Kind
from engine.model.money import ZERO
from engine.model.order import OrderType, Product, Purpose
from engine.model.side import Side
from engine.ports import TradingState
from engine.rules.clock_time import clock_text
from engine.rules.freeze import freeze_quantity
from engine.rules.price_protection import stop_gap_cap
from risk.case import Case, exact, is_in_range, rupees

_PRODUCTS: Final = {
    Kind.EQUITY: (Product.INTRADAY, Product.DELIVERY),
    Kind.FUTURE: (Product.INTRADAY, Product.CARRYFORWARD),
    Kind.OPTION: (Product.INTRADAY, Product.CARRYFORWARD),
}
_WHILE: Final = {
    (purpose, state): f"{purpose} while {state.name}"
    for purpose in Purpose
    for state in TradingState
}
_ORDER_VALUE_KEY: Final = {
    Kind.OPTION: "premium",
    Kind.FUTURE: "futures_notional",
    Kind.EQUITY: "cash",
}


def trading_state(case: Case) -> Check:
    """C1. A kill lets only flattening pass, any other restriction only what reduces."""
    state, why = case.view.trading_state(case.request.strategy, case.request.key.account)
    purpose = case.request.purpose
    if state is TradingState.ACTIVE:
        passed, limit = True, "any order"
    elif state is TradingState.KILLED:
        passed, limit = purpose is Purpose.FLATTEN, "flattening only"
    else:
        passed, limit = purpose.reduces, "exits only"
    return Check(
        rule="trading state",
        subject=case.subject,
        passed=passed,
        figure=_WHILE[purpose, state],
        limit=limit,
        scope="strategy",
        note=why,
    )


def session(case: Case) -> Check:
    """C3. The contract trades continuously now: by its own hours, not in a break."""
    now = case.view.now
    figure = clock_text(now)
    try:
        day = case.hours.of(case.instrument)
    except FileError as error:
        return case.unknown("session", figure, error)
    if day is None:
        limit = f"{case.instrument.segment} is closed on {case.trading_date.isoformat()}"
        return Check(rule="session", subject=case.subject, passed=False, figure=figure, limit=limit)
    return Check(
        rule="session", subject=case.subject, passed=day.is_open(now), figure=figure, limit=day.text
    )


def entry_window(case: Case) -> Check:
    """C3. No entry right after an open and none shortly before the close that follows it.

    A break counts as both: nobody can leave a position while it lasts.
    """
    now = case.view.now
    figure = clock_text(now)
    try:
        day = case.hours.of(case.instrument)
    except FileError as error:
        return case.unknown("entry window", figure, error)
    if day is None:
        return Check(
            rule="entry window",
            subject=case.subject,
            passed=False,
            figure=figure,
            limit="no session",
        )
    after, before = case.policy.entries_after_open_ns, case.policy.entries_before_close_ns
    allowed = case.hours.for_entry(case.instrument, day, after, before)
    is_early = day.is_early(now, after)
    return Check(
        rule="entry window",
        subject=case.subject,
        passed=allowed.admits(now),
        figure=figure,
        limit=allowed.text,
        scope=case.policy.scope("entries_after_open_s" if is_early else "entries_before_close_s"),
    )


def instrument_valid(case: Case) -> Check:
    """C4. It can be traded, and has not expired."""
    passed, figure, limit = _validity(case.instrument, case.trading_date)
    return Check(rule="instrument", subject=case.subject, passed=passed, figure=figure, limit=limit)


@lru_cache(maxsize=1024)
def _validity(instrument: Instrument, day: date) -> tuple[bool, str, str]:
    expiry = instrument.expiry
    if not instrument.is_tradable:
        passed, figure = False, f"{instrument.symbol} is an index"
    elif expiry is not None and expiry < day:
        passed, figure = False, f"expired {expiry.isoformat()}"
    else:
        passed = True
        figure = f"expires {expiry.isoformat()}" if expiry is not None else "does not expire"
    return passed, figure, f"tradable on {day.isoformat()}"


def order_type(case: Case) -> Check:
    """C5. The product fits the contract, and a trigger stands exactly where one belongs."""
    request = case.request
    passed, figure, limit = _form(
        case.instrument.kind,
        request.order_type,
        request.product,
        has_trigger=request.trigger_price is not None,
    )
    return Check(rule="order type", subject=case.subject, passed=passed, figure=figure, limit=limit)


@lru_cache(maxsize=64)
def _form(
    kind: Kind, order_type: OrderType, product: Product, *, has_trigger: bool
) -> tuple[bool, str, str]:
    products = _PRODUCTS[kind]
    is_stop = order_type is OrderType.STOP_LIMIT
    figure = f"{order_type} {product}"
    if is_stop != has_trigger:
        figure += " with a trigger" if has_trigger else " without a trigger"
    limit = f"LIMIT, or STOP_LIMIT with a trigger; {' or '.join(products)}"
    return product in products and is_stop == has_trigger, figure, limit


def quantity(case: Case) -> Check:
    """C6. Whole lots, at least one, at most what one order may carry."""
    units, lot = case.request.quantity, case.instrument.lot_size
    most = case.limits.max_order_lots
    largest = most * lot
    if units <= 0 or units % lot:
        figure, limit = f"{units} units", f"whole lots of {lot}"
        passed, largest = False, min(largest, case.whole_lots(units))
    else:
        figure, limit = case.lots_text(units), f"{most} lots of {lot}"
        passed = units <= largest
    return Check(
        rule="lot and quantity",
        subject=case.subject,
        passed=passed,
        figure=figure,
        limit=limit,
        scope=case.policy.scope("max_order_lots"),
        largest_quantity=largest,
    )


def exit_quantity(case: Case) -> Check:
    """C6 for exits. Whole lots, at least one; how many is for the reduce-only rule to say."""
    units, lot = case.request.quantity, case.instrument.lot_size
    return Check(
        rule="lot and quantity",
        subject=case.subject,
        passed=units > 0 and units % lot == 0,
        figure=f"{units} units",
        limit=f"whole lots of {lot}",
        largest_quantity=case.whole_lots(units) if units % lot else None,
    )


def freeze(case: Case) -> Check:
    """C7. No more units than the exchange takes in one order, in whole lots."""
    units = case.request.quantity
    figure = f"{units} units"
    if not case.instrument.is_derivative:
        limit = "none in the cash segment"
        return Check(
            rule="freeze quantity", subject=case.subject, passed=True, figure=figure, limit=limit
        )
    try:
        frozen = freeze_quantity(case.instrument, case.trading_date)
    except FileError as error:
        return case.unknown("freeze quantity", figure, error, passed=case.request.purpose.reduces)
    largest = case.whole_lots(frozen)
    return Check(
        rule="freeze quantity",
        subject=case.subject,
        passed=units <= largest,
        figure=figure,
        limit=f"{largest} units ({frozen} in whole lots)",
        largest_quantity=largest,
    )


def tick_and_sign(case: Case) -> Check:
    """C8. Prices are positive and on the grid; a stop's trigger and limit stand the right way."""
    request, instrument = case.request, case.instrument
    figure = str(request.price)
    limit = f"above 0, multiples of {instrument.tick_size}"
    fault = _grid_fault(instrument, request.price)
    if request.trigger_price is not None:
        figure = f"{figure} trigger {request.trigger_price}"
        fault = fault or _grid_fault(instrument, request.trigger_price)
        waiting = case.waiting_trigger
        if not fault and waiting is not None:
            fault, limit = _stop_fault(case, waiting)
    return Check(
        rule="tick and sign",
        subject=case.subject,
        passed=not fault,
        figure=figure,
        limit=limit,
        note=fault,
    )


def _grid_fault(instrument: Instrument, price: Decimal) -> str:
    if not is_in_range(price):
        return f"{price} is not a price"
    try:
        return "" if instrument.ticks(price) > 0 else f"{price} is not above 0"
    except OffGrid as error:
        return str(error)


def _stop_fault(case: Case, trigger: Decimal) -> tuple[str, str]:
    request, side = case.request, case.request.side
    gap = (request.price - trigger) * side.sign
    way = "at or above" if side is Side.BUY else "at or below"
    limit = f"limit {way} the trigger"
    if gap < ZERO:
        return f"the limit of a {side} stop must lie {way} its trigger", limit
    try:
        cap = stop_gap_cap(case.instrument, trigger, case.trading_date)
    except FileError as error:
        return ("" if request.purpose.reduces else str(error)), limit
    if cap is not None:
        limit += f", by no more than {rupees(cap)}"
        if gap > cap:
            return f"limit and trigger are {rupees(gap)} apart", limit
    if case.tick is None:
        return "", limit
    last = exact(case.tick.last)
    if (trigger - last) * side.sign <= ZERO:
        beyond = "above" if side is Side.BUY else "below"
        return f"the trigger must lie {beyond} the last price {rupees(last)}", limit
    return "", limit


def order_value(case: Case) -> Check:
    """C14. What the order is worth, by kind; a change at the larger of old and new."""
    price, units = case.request.price, case.request.quantity
    if case.standing is not None:
        price, units = max(price, case.standing.price), max(units, case.standing.quantity)
    key = _ORDER_VALUE_KEY[case.instrument.kind]
    most: Decimal = getattr(case.limits.max_order_value_inr, key)
    value = price * units
    return Check(
        rule="order value",
        subject=case.subject,
        passed=value <= most,
        figure=f"{rupees(value)} {key.replace('_', ' ')}",
        limit=rupees(most),
        scope=case.policy.scope("max_order_value_inr"),
        largest_quantity=case.whole_lots(int(most / price)) if price > ZERO else None,
    )


def duplicate(case: Case) -> Check:
    """C13. Not the same order again, from the same strategy, a moment later."""
    window_s = case.limits.duplicate_window_s
    known = case.view.order(case.request.client_id)
    scope = case.policy.scope("duplicate_window_s")
    limit = f"once in {window_s:g} s"
    if known is not None and known.sent_at is not None:
        figure = f"{case.request.client_id} was sent at {clock_text(known.sent_at)}"
        return Check(
            rule="duplicate",
            subject=case.subject,
            passed=False,
            figure=figure,
            limit="an id is sent once",
        )
    recent = case.recent
    if recent is None:
        return Check(
            rule="duplicate",
            subject=case.subject,
            passed=True,
            figure="the first of its kind",
            limit=limit,
            scope=scope,
        )
    ago = (case.view.now - recent.at) / 1e9
    figure = f"the same as {recent.client_id} of {recent.group_id} {ago:.3f} s before"
    return Check(
        rule="duplicate",
        subject=case.subject,
        passed=False,
        figure=figure,
        limit=limit,
        scope=scope,
    )


def intent_expiry(case: Case) -> Check:
    """C23. The order has not waited until nobody wanted it."""
    request = case.request
    return Check(
        rule="intent expiry",
        subject=case.subject,
        passed=case.view.now <= request.expires_at,
        figure=clock_text(case.view.now),
        limit=f"wanted until {clock_text(request.expires_at)}",
    )


def standing(case: Case) -> Check:
    """The order that is to change still stands, and would not shrink below what has filled."""
    order = case.standing
    if order is None:
        raise InvariantBroken(f"{case.request.client_id}: a change without an order")
    return Check(
        rule="standing order",
        subject=case.subject,
        passed=not order.lifecycle.is_terminal and case.request.quantity > order.filled_quantity,
        figure=f"{order.lifecycle}, {order.filled_quantity} filled",
        limit=f"not ended, fewer than {case.request.quantity} filled",
    )


def rejections(case: Case) -> Check:
    """C12. Not after so many rejections in a row."""
    most = case.limits.max_rejections
    return Check(
        rule="repeated rejection",
        subject=case.subject,
        passed=case.rejections < most,
        figure=f"{case.rejections} in a row",
        limit=f"fewer than {most}",
        scope="strategy",
    )
