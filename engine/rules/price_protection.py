"""How far from the market an order's price may lie: the exchanges' bands, and brokers' own.

Source: market_rules.md section 4. Half widths are rupees (``Decimal``); bands are whole ticks, both
ends allowed, so that the gate, the kernel and the paper exchange compare the same integers.
"""

from __future__ import annotations

import math
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache
from typing import Final, NamedTuple, TypeGuard

from engine.errors import FileError
from engine.model.instrument import Instrument, Segment
from engine.model.side import Side
from engine.rules.contract_class import ContractClass, contract_class
from engine.rules.dated import Row, in_force
from engine.rules.holidays import FIRST_DAY

_HUNDRED: Final = Decimal(100)

# What a contract's orders all ask is worked out once, for this many contracts.
_CONTRACTS_KEPT: Final = 1024


class Band(NamedTuple):
    """Prices from ``low`` to ``high``, in ticks, both included."""

    low: int
    high: int

    def admits(self, ticks: int, side: Side) -> bool:
        """True unless a buy lies above or a sell below: the passive side is never refused."""
        return ticks <= self.high if side is Side.BUY else ticks >= self.low

    def clamp(self, ticks: int) -> int:
        """Return the price inside the band nearest to ``ticks``."""
        return max(self.low, min(self.high, ticks))


class Width(NamedTuple):
    """A width by level: ``near`` rupees up to ``up_to``, above it ``pct`` percent of the level."""

    up_to: Decimal
    near: Decimal
    pct: Decimal

    def at(self, level: Decimal) -> Decimal:
        """Return the width at ``level``, rupees."""
        return self.near if level <= self.up_to else level * self.pct / _HUNDRED


def _width(up_to: str, near: str, pct: str) -> Width:
    return Width(Decimal(up_to), Decimal(near), Decimal(pct))


Rows = tuple[Row[Width], ...]

_OPTION_BAND: Final = _width("50", "20", "40")
_INDEX_FUTURE: Final = _width("10000", "200", "2")
_STOCK: Final = _width("50", "1.5", "3")
_LPP: Final = "NSE/FAOP/54242; index futures by Geojit 2026"

_LIMIT_PRICE_PROTECTION: Final[dict[ContractClass, Rows]] = {
    ContractClass.OPTIDX: (Row(FIRST_DAY, _OPTION_BAND, _LPP),),
    ContractClass.OPTSTK: (Row(FIRST_DAY, _OPTION_BAND, _LPP),),
    ContractClass.FUTIDX: (Row(FIRST_DAY, _INDEX_FUTURE, _LPP),),
    ContractClass.FUTSTK: (Row(FIRST_DAY, _STOCK, _LPP),),
}

_EXECUTION: Final = "market_rules.md 4: trade execution range"
_EXECUTION_RANGE: Final[dict[ContractClass, Rows]] = {
    ContractClass.OPTIDX: (Row(FIRST_DAY, _OPTION_BAND, _EXECUTION),),
    ContractClass.OPTSTK: (Row(FIRST_DAY, _OPTION_BAND, _EXECUTION),),
    ContractClass.FUTIDX: (Row(FIRST_DAY, _width("0", "0", "5"), _EXECUTION),),
    ContractClass.FUTSTK: (Row(FIRST_DAY, _width("0", "0", "5"), _EXECUTION),),
}

_NSE_STOPS: Final = "NSE circular 54/2023, error 16448"
_BSE_STOPS: Final = "market_rules.md 4: BSE since 19 January 2026"
_BSE_STOPS_FROM: Final = date(2026, 1, 19)
_OPTION_GAP: Final = _width("50", "10", "20")

_STOP_GAP: Final[dict[tuple[Segment, ContractClass], Rows]] = {
    (Segment.NSE_FO, ContractClass.OPTIDX): (Row(FIRST_DAY, _OPTION_GAP, _NSE_STOPS),),
    (Segment.NSE_FO, ContractClass.OPTSTK): (Row(FIRST_DAY, _OPTION_GAP, _NSE_STOPS),),
    (Segment.NSE_FO, ContractClass.FUTIDX): (Row(FIRST_DAY, _STOCK, _NSE_STOPS),),
    (Segment.NSE_FO, ContractClass.FUTSTK): (Row(FIRST_DAY, _STOCK, _NSE_STOPS),),
    (Segment.NSE_CM, ContractClass.CASH): (Row(FIRST_DAY, _STOCK, "NSE, CM/57613"),),
    (Segment.BSE_FO, ContractClass.OPTIDX): (Row(_BSE_STOPS_FROM, _OPTION_GAP, _BSE_STOPS),),
    (Segment.BSE_FO, ContractClass.FUTIDX): (Row(_BSE_STOPS_FROM, _INDEX_FUTURE, _BSE_STOPS),),
}

# A future's day range is 10 % either side of its base price; an option's range comes with the
# master (by delta) or with the feed's circuit limits, and never lies below one tick.
_OPERATING_RANGE_PCT: Final = {ContractClass.FUTIDX: Decimal(10), ContractClass.FUTSTK: Decimal(10)}

_ANGEL_CASH: Final = ((None, Decimal("0.5")),)
_ANGEL_INDEX_OPTION: Final = (
    (Decimal(10), Decimal(20)),
    (Decimal(20), Decimal(10)),
    (Decimal(50), Decimal(5)),
    (None, Decimal("2.5")),
)
_ANGEL_STOCK_OPTION: Final = (
    (Decimal(10), Decimal(40)),
    (Decimal(20), Decimal(20)),
    (Decimal(50), Decimal(10)),
    (None, Decimal(5)),
)
_MARKET_PROTECTION: Final = {
    ContractClass.CASH: _ANGEL_CASH,
    ContractClass.FUTIDX: ((None, Decimal("0.5")),),
    ContractClass.FUTSTK: ((None, Decimal(1)),),
    ContractClass.FUTCOM: ((None, Decimal(1)),),
    ContractClass.OPTIDX: _ANGEL_INDEX_OPTION,
    ContractClass.OPTFUT: _ANGEL_INDEX_OPTION,
    ContractClass.OPTSTK: _ANGEL_STOCK_OPTION,
}


def band_around(instrument: Instrument, centre: Decimal, half_width: Decimal) -> Band:
    """Return the whole ticks within ``half_width`` of ``centre`` (rupees); never below one tick."""
    tick = instrument.tick_size
    low = int(((centre - half_width) / tick).to_integral_value(ROUND_CEILING))
    high = int(((centre + half_width) / tick).to_integral_value(ROUND_FLOOR))
    return Band(max(1, low), max(1, high))


def lpp_half_width(instrument: Instrument, reference: Decimal, day: date) -> Decimal | None:
    """Return the limit price protection either side of ``reference``, rupees.

    The exchange's reference is the mean of the last 30 seconds' trades. None where the exchange
    has no such band (cash, commodities). Raises ``FileError`` before the first known day.
    """
    width = _protection(instrument, day)
    return None if width is None else width.at(reference)


@lru_cache(maxsize=_CONTRACTS_KEPT)
def _protection(instrument: Instrument, day: date) -> Width | None:
    rows = _LIMIT_PRICE_PROTECTION.get(contract_class(instrument))
    return None if rows is None else in_force(rows, day, "limit price protection")


def lpp_band(instrument: Instrument, reference: Decimal, day: date) -> Band | None:
    """Return the band outside which a buy above or a sell below is rejected, or None."""
    half_width = lpp_half_width(instrument, reference, day)
    return None if half_width is None else band_around(instrument, reference, half_width)


def execution_band(instrument: Instrument, reference: Decimal, day: date) -> Band | None:
    """Return the band outside which nothing matches (reference: one-minute mean), or None."""
    rows = _EXECUTION_RANGE.get(contract_class(instrument))
    if rows is None:
        return None
    half_width = in_force(rows, day, "trade execution range").at(reference)
    return band_around(instrument, reference, half_width)


def operating_range(
    instrument: Instrument,
    *,
    previous_close: float | None,
    lower_circuit: float | None = None,
    upper_circuit: float | None = None,
) -> Band | None:
    """Return the day's price limits in ticks, None where nothing known bounds the price.

    The feed's circuit limits win; a future without them has 10 % either side of the previous
    close. Absent or meaningless figures (0, NaN) bound nothing.
    """
    if _is_price(lower_circuit) and _is_price(upper_circuit) and lower_circuit < upper_circuit:
        return _circuit_band(instrument, lower_circuit, upper_circuit)
    pct = _OPERATING_RANGE_PCT.get(contract_class(instrument))
    if pct is None or not _is_price(previous_close):
        return None
    base = Decimal(repr(previous_close))
    return band_around(instrument, base, base * pct / _HUNDRED)


@lru_cache(maxsize=_CONTRACTS_KEPT)
def _circuit_band(instrument: Instrument, lower: float, upper: float) -> Band:
    low = instrument.price(lower, Side.BUY, "aggressive")
    high = instrument.price(upper, Side.BUY, "passive")
    return Band(max(1, instrument.ticks(low)), instrument.ticks(high))


def stop_gap_cap(instrument: Instrument, trigger: Decimal, day: date) -> Decimal | None:
    """Return how far the limit of a stop order may lie from its trigger, rupees.

    None where the exchange states no cap (commodities). Raises ``FileError`` for an exchange or a
    day whose cap is not known.
    """
    if instrument.segment is Segment.MCX_FO:
        return None
    klass = contract_class(instrument)
    rows = _STOP_GAP.get((instrument.segment, klass))
    if rows is None:
        raise FileError(
            f"{instrument.symbol}: how far a stop's limit may lie from its trigger is not known "
            f"for {klass} on {instrument.segment}"
        )
    return in_force(rows, day, f"stop-limit gap of {klass} on {instrument.segment}").at(trigger)


def market_collar_pct(instrument: Instrument, reference: Decimal) -> Decimal:
    """Return how far a market intent may reach, percent: Angel One's own protection bands.

    Raises ``KeyError`` for a class that no band is published for.
    """
    for up_to, pct in _MARKET_PROTECTION[contract_class(instrument)]:
        if up_to is None or reference <= up_to:
            return pct
    raise AssertionError("every band table ends without a bound")


def _is_price(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value) and value > 0
