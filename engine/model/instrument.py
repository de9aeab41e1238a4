"""One tradable contract, or an index: interned, immutable, compared by identity.

Prices lie on the contract's tick grid. Observed prices are floats in rupees; whatever is ordered,
filled or counted as money is ``Decimal``; rules, matching and collars compare integer ticks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from operator import sub
from typing import Final, Literal, Never

from engine.errors import OffGrid
from engine.model.arithmetic import ARITHMETIC
from engine.model.side import Side

Rounding = Literal["passive", "aggressive", "nearest"]

# A float that stands for a price is its nearest double, so its distance from the grid is far
# below this share of a tick; half a paisa of garbage on a five-paise grid is far above it.
_GRID_TOLERANCE_TICKS: Final = 1e-4


class Segment(StrEnum):
    """Exchange and market segment; the names are those of the exchanges' own feeds."""

    NSE_CM = "nse_cm"
    NSE_FO = "nse_fo"
    BSE_CM = "bse_cm"
    BSE_FO = "bse_fo"
    MCX_FO = "mcx_fo"
    NCX_FO = "ncx_fo"
    CDE_FO = "cde_fo"


class Kind(StrEnum):
    """What a contract is."""

    INDEX = "index"
    EQUITY = "equity"
    FUTURE = "future"
    OPTION = "option"


class Right(StrEnum):
    """An option's right, in the exchanges' letters (European call, European put)."""

    CALL = "CE"
    PUT = "PE"


class Instrument:
    """A contract. Made by ``Catalogue.intern`` only: one object per contract, equal by identity.

    ``index`` is dense from 0 and is what the kernel's lists are keyed by. ``key`` is the canonical
    identity, the same for every broker, e.g. ``nse_fo/NIFTY/2026-08-25/24000/CE``. Lots and ticks
    are facts of the contract and come from the master (market_rules.md section 3: two lot sizes
    coexist across expiries).
    """

    __slots__ = (
        "_tick_float",
        "expiry",
        "freeze_quantity",
        "index",
        "is_derivative",
        "is_tradable",
        "key",
        "kind",
        "lot_size",
        "right",
        "segment",
        "strike",
        "symbol",
        "tick_size",
        "underlying",
    )

    index: int
    key: str
    symbol: str
    segment: Segment
    kind: Kind
    underlying: str
    expiry: date | None
    strike: Decimal | None
    right: Right | None
    lot_size: int
    tick_size: Decimal
    freeze_quantity: int | None
    is_tradable: bool
    """True unless this is an index, which has a price but no order book."""
    is_derivative: bool
    """True for futures and options."""
    _tick_float: float

    def __init__(
        self,
        *,
        index: int,
        segment: Segment,
        kind: Kind,
        underlying: str,
        expiry: date | None = None,
        strike: Decimal | None = None,
        right: Right | None = None,
        lot_size: int = 1,
        tick_size: Decimal = Decimal("0.05"),
        freeze_quantity: int | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "index", index)
        put(self, "key", canonical_key(segment, kind, underlying, expiry, strike, right))
        put(self, "symbol", display_symbol(kind, underlying, expiry, strike, right))
        put(self, "segment", segment)
        put(self, "kind", kind)
        put(self, "underlying", underlying)
        put(self, "expiry", expiry)
        put(self, "strike", strike)
        put(self, "right", right)
        put(self, "lot_size", lot_size)
        put(self, "tick_size", tick_size)
        put(self, "freeze_quantity", freeze_quantity)
        put(self, "is_tradable", kind is not Kind.INDEX)
        put(self, "is_derivative", kind in (Kind.FUTURE, Kind.OPTION))
        put(self, "_tick_float", float(tick_size))

    def __setattr__(self, name: str, value: object) -> Never:
        raise AttributeError(f"{self.symbol}: an instrument does not change (tried {name})")

    def __delattr__(self, name: str) -> Never:
        raise AttributeError(f"{self.symbol}: an instrument does not change (tried {name})")

    def __repr__(self) -> str:
        return f"<{self.symbol}>"

    def __reduce__(self) -> Never:
        raise TypeError(f"{self.symbol}: instruments travel by key ({self.key}), not by copy")

    def ticks(self, price: float | Decimal) -> int:
        """Return ``price`` (rupees) as a whole number of ticks.

        Raises ``OffGrid`` when it lies between two ticks, is NaN or is infinite.
        """
        if isinstance(price, Decimal):
            if not price.is_finite():
                raise self._no_price(price)
            quotient = ARITHMETIC.divide(price, self.tick_size)
            whole = int(quotient)
            if quotient != whole:
                raise self._off_grid(price)
            return whole
        scaled = price / self._tick_float
        try:
            nearest = round(scaled)
        except (ValueError, OverflowError):
            raise self._no_price(price) from None
        if abs(scaled - nearest) > _GRID_TOLERANCE_TICKS:
            raise self._off_grid(price)
        return nearest

    def ticks_of(self, prices: Sequence[float]) -> list[int]:
        """Return ``ticks`` of each of several observed prices, those of a book; raises as it does.

        While all of them lie on the grid, no step is taken for each alone.
        """
        size = self._tick_float
        scaled = [price / size for price in prices]
        if all(map(math.isfinite, scaled)):
            nearest = list(map(round, scaled))
            if max(map(abs, map(sub, scaled, nearest)), default=0.0) <= _GRID_TOLERANCE_TICKS:
                return nearest
        return [self.ticks(price) for price in prices]

    def from_ticks(self, ticks: int) -> Decimal:
        """Return ``ticks`` as rupees, exactly."""
        return ARITHMETIC.multiply(self.tick_size, ticks)

    def price(self, x: float | Decimal, side: Side, rounding: Rounding) -> Decimal:
        """Put ``x`` (rupees) on the grid for an order on ``side``.

        ``aggressive`` rounds towards trading (a buy up, a sell down), ``passive`` away from it,
        ``nearest`` to the closest tick. A float that is its tick's nearest double, give or take
        the noise of arithmetic, is that tick. Raises ``OffGrid`` on NaN and infinity.
        """
        if isinstance(x, Decimal):
            if not x.is_finite():
                raise self._no_price(x)
            exact = x
        else:
            if not math.isfinite(x):
                raise self._no_price(x)
            # A plain float: the repr of a numpy scalar names its type as well.
            rupees = float(x)
            scaled = rupees / self._tick_float
            closest = round(scaled)
            if abs(scaled - closest) <= _GRID_TOLERANCE_TICKS:
                return ARITHMETIC.multiply(self.tick_size, closest)
            exact = Decimal(repr(rupees))
        quotient = ARITHMETIC.divide(exact, self.tick_size)
        if rounding == "nearest":
            mode = ROUND_HALF_EVEN
        elif (rounding == "aggressive") == (side is Side.BUY):
            mode = ROUND_CEILING
        else:
            mode = ROUND_FLOOR
        whole = quotient.to_integral_value(mode, ARITHMETIC)
        return ARITHMETIC.multiply(whole, self.tick_size)

    def lots(self, quantity: int) -> int:
        """Return ``quantity`` (units) in lots. Raises ``OffGrid`` on an odd lot."""
        lots, rest = divmod(quantity, self.lot_size)
        if rest:
            raise OffGrid(
                f"{self.symbol}: {quantity} is not a multiple of the lot size {self.lot_size}"
            )
        return lots

    def slice_quantity(self) -> int | None:
        """The largest whole-lot quantity one order may carry, or None where nothing is frozen."""
        if self.freeze_quantity is None:
            return None
        return self.freeze_quantity // self.lot_size * self.lot_size

    def _no_price(self, price: float | Decimal) -> OffGrid:
        return OffGrid(f"{self.symbol}: {price} is not a price")

    def _off_grid(self, price: float | Decimal) -> OffGrid:
        return OffGrid(
            f"{self.symbol}: {price} is not a multiple of the tick size {self.tick_size}"
        )


def canonical_key(
    segment: Segment,
    kind: Kind,
    underlying: str,
    expiry: date | None,
    strike: Decimal | None,
    right: Right | None,
) -> str:
    """Return the identity of a contract, the same for every broker and every day."""
    stem = f"{segment}/{underlying}"
    if kind is Kind.INDEX:
        return f"{stem}/INDEX"
    if kind is Kind.EQUITY:
        return f"{stem}/EQ"
    if expiry is None:
        raise OffGrid(f"{underlying}: a {kind} needs an expiry")
    if kind is Kind.FUTURE:
        return f"{stem}/{expiry.isoformat()}/FUT"
    if strike is None or right is None:
        raise OffGrid(f"{underlying}: an option needs a strike and a right")
    return f"{stem}/{expiry.isoformat()}/{plain(strike)}/{right}"


def display_symbol(
    kind: Kind,
    underlying: str,
    expiry: date | None,
    strike: Decimal | None,
    right: Right | None,
) -> str:
    """Return the symbol a trader reads, e.g. ``NIFTY 25AUG26 24000 CE``."""
    if expiry is None:
        return underlying
    day = f"{expiry:%d%b%y}".upper()
    if kind is Kind.FUTURE or strike is None:
        return f"{underlying} {day} FUT"
    return f"{underlying} {day} {plain(strike)} {right}"


def plain(number: Decimal) -> str:
    """Return ``number`` without an exponent and without trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
