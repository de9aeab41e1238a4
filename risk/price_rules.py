"""Rules about an order's price beside the market's: day range, fresh reference, collar."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final

from engine.errors import FileError
from engine.model.approval import Check
from engine.model.instrument import Instrument
from engine.model.money import ZERO
from engine.model.side import Side
from engine.rules.price_protection import lpp_half_width, operating_range
from risk.case import LIMIT_KIND, Case, Policy, Reference, exact, is_price, rupees

# An order is held to its collar when it is judged and again when it leaves, mostly at one price.
_ORDERS_KEPT: Final = 256


def day_range(case: Case) -> Check:
    """C9. Inside the day's price limits: the feed's, for entries into futures else the rules'."""
    depth = case.view.depth(case.instrument)
    # The range by the rules is widened on wild days, when an exit is needed most.
    close = None
    if case.tick is not None and not case.request.purpose.reduces:
        close = case.tick.previous_close
    band = operating_range(
        case.instrument,
        previous_close=close,
        lower_circuit=depth.lower_circuit if depth is not None else None,
        upper_circuit=depth.upper_circuit if depth is not None else None,
    )
    figure = rupees(case.request.price)
    if band is None:
        limit = "no circuit limits are known"
        return Check(
            rule="day range", subject=case.subject, passed=True, figure=figure, limit=limit
        )
    low, high = case.instrument.from_ticks(band.low), case.instrument.from_ticks(band.high)
    return Check(
        rule="day range",
        subject=case.subject,
        passed=low <= case.request.price <= high,
        figure=figure,
        limit=f"{rupees(low)} to {rupees(high)}",
    )


def reference_fresh(case: Case) -> Check:
    """C11. The price it is judged by is young enough; without one, no entry."""
    _, limit = case.age_limit
    age = "no price seen" if case.age_s is None else f"{case.age_s:.3f} s old"
    return Check(
        rule="reference",
        subject=case.subject,
        passed=case.is_fresh,
        figure=age,
        limit=limit,
        scope=case.policy.scope("reference_max_age_s"),
    )


def entry_collar(case: Case) -> Check:
    """C10. Within the collar either side of the reference, and inside the exchange's band."""
    price, reference = case.request.price, _reference(case)
    if reference is None:
        return Check(
            rule="price collar",
            subject=case.subject,
            passed=False,
            figure="no price seen",
            limit="a reference price",
        )
    try:
        passed, figure, limit = _entry_collar(
            case.policy, case.instrument, price, reference, case.trading_date
        )
    except FileError as error:
        return case.unknown("price collar", rupees(price), error)
    return Check(
        rule="price collar",
        subject=case.subject,
        passed=passed,
        figure=figure,
        limit=limit,
        scope=case.policy.scope("collar_pct"),
    )


@lru_cache(maxsize=_ORDERS_KEPT)
def _entry_collar(
    policy: Policy, instrument: Instrument, price: Decimal, reference: Reference, day: date
) -> tuple[bool, str, str]:
    kind = LIMIT_KIND[instrument.kind]
    pct: Decimal = getattr(policy.limits.collar_pct, kind)
    floor: Decimal = getattr(policy.limits.collar_floor_inr, kind)
    centre, source = reference
    half_width = max(centre * pct / 100, floor)
    width_text = f"{pct:f} %" if half_width > floor else f"at least {rupees(floor)}"
    protection = lpp_half_width(instrument, centre, day)
    if protection is not None and protection < half_width:
        half_width, width_text = protection, "limit price protection"
    low, high = centre - half_width, centre + half_width
    return (
        low <= price <= high,
        f"{rupees(price)}, {source} {rupees(centre)}",
        f"{rupees(max(low, ZERO))} to {rupees(high)} ({width_text})",
    )


def exit_collar(case: Case) -> Check:
    """C10 for exits. Only the harmful side, only the exchange's band, whatever the price's age."""
    price, reference = case.request.price, _reference(case)
    if reference is None:
        passed, figure, limit = True, rupees(price), "no price seen: an exit passes"
    else:
        try:
            passed, figure, limit = _exit_collar(
                case.instrument, case.request.side, price, reference, case.trading_date
            )
        except FileError as error:
            return case.unknown("price collar", rupees(price), error, passed=True)
    return Check(
        rule="price collar", subject=case.subject, passed=passed, figure=figure, limit=limit
    )


@lru_cache(maxsize=_ORDERS_KEPT)
def _exit_collar(
    instrument: Instrument, side: Side, price: Decimal, reference: Reference, day: date
) -> tuple[bool, str, str]:
    centre, source = reference
    figure = f"{rupees(price)}, {source} {rupees(centre)}"
    protection = lpp_half_width(instrument, centre, day)
    if protection is None:
        return True, figure, "no price protection in this segment"
    worst = centre + side.sign * protection
    passed = price <= worst if side is Side.BUY else price >= worst
    way = "at most" if side is Side.BUY else "at least"
    limit = f"{way} {rupees(max(worst, ZERO))} (limit price protection)"
    return passed, figure, limit


def _reference(case: Case) -> Reference | None:
    """Return the mid of a fresh book that is not crossed, else the last price, if there is one."""
    # A stop is judged at its trigger: that is where the exchange tests its limit.
    trigger = case.waiting_trigger
    if trigger is not None:
        return Reference(trigger, "trigger")
    tick = case.tick
    if tick is None:
        return None
    bid, ask = tick.bid, tick.ask
    if case.is_fresh and is_price(bid) and is_price(ask) and bid < ask:
        return Reference((exact(bid) + exact(ask)) / 2, "mid")
    return Reference(exact(tick.last), "last")
