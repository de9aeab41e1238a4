"""Greeks as an author reads them: of a chain, strike by strike, and of what a strategy holds.

Where a figure is not known it is None, and ``missing`` says why; never a zero, never nan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.model.instrument import Instrument, Right

GREEKS: Final = ("delta", "gamma", "vega", "theta", "rho")

NO_PRICE: Final = "no price: not watched, or not traded yet"
NO_FORWARD: Final = "no forward: neither the underlying nor two prices of one strike are known"
EXPIRED: Final = "expired"
AT_INTRINSIC: Final = "premium at or below intrinsic value"
AT_LIMIT: Final = "premium at or above the most an option can be worth"
NO_VOLATILITY: Final = "no volatility from 0.01 % to 1000 % gives this premium"


class OptionGreeks(msgspec.Struct, frozen=True, gc=False):
    """One option of a chain: rupees a unit.

    ``price`` is the mid of its quotes, else its last price, as ``price_from`` says. ``iv`` is
    annualised (0.13 means 13 %). ``delta``: rupees a rupee of forward; ``gamma``: delta a rupee of
    forward; ``vega``: rupees a point of volatility; ``theta``: rupees a calendar day; ``rho``:
    rupees a point of interest.
    """

    instrument: Instrument
    strike: Decimal
    right: Right
    price: float | None
    price_from: str
    iv: float | None
    delta: float | None
    gamma: float | None
    vega: float | None
    theta: float | None
    rho: float | None
    missing: str


class ChainGreeks:
    """The greeks of one underlying and expiry at one moment: rows by strike, call before put.

    ``at`` is ns UTC, ``years`` the time to expiry, ``rate`` the interest it was asked with.
    ``forward`` is None where nothing says it; ``forward_from`` tells what did. Iterates over its
    rows; ``greeks[option]`` is the row of one option.
    """

    __slots__ = (
        "_by_instrument", "at", "expiry", "forward", "forward_from", "rate", "rows", "spot",
        "underlying", "years",
    )  # fmt: skip

    def __init__(
        self,
        *,
        underlying: str,
        expiry: date,
        at: int,
        years: float,
        rate: float,
        spot: float | None,
        forward: float | None,
        forward_from: str,
        rows: tuple[OptionGreeks, ...],
    ) -> None:
        self.underlying: Final = underlying
        self.expiry: Final = expiry
        self.at: Final = at
        self.years: Final = years
        self.rate: Final = rate
        self.spot: Final = spot
        self.forward: Final = forward
        self.forward_from: Final = forward_from
        self.rows: Final = rows
        self._by_instrument: dict[Instrument, OptionGreeks] | None = None

    def __repr__(self) -> str:
        known = len(self.rows) - len(self.missing)
        return f"<greeks of {self.underlying} {self.expiry}: {known} of {len(self.rows)} options>"

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[OptionGreeks]:
        return iter(self.rows)

    def __getitem__(self, option: Instrument) -> OptionGreeks:
        """Return the row of ``option``. Raises ``KeyError`` for one of another chain."""
        if self._by_instrument is None:
            self._by_instrument = {row.instrument: row for row in self.rows}
        return self._by_instrument[option]

    @property
    def missing(self) -> tuple[OptionGreeks, ...]:
        """The rows without greeks; ``row.missing`` says why."""
        return tuple(row for row in self.rows if row.missing)

    def columns(self) -> dict[str, list[Any]]:
        """Return the table by columns, for ``pandas.DataFrame(...)`` or ``polars.DataFrame(...)``.

        The instrument is its symbol, the strike a float.
        """
        names = OptionGreeks.__struct_fields__
        table: dict[str, list[Any]] = {n: [getattr(row, n) for row in self.rows] for n in names}
        table["instrument"] = [row.instrument.symbol for row in self.rows]
        table["strike"] = [float(row.strike) for row in self.rows]
        table["right"] = [str(row.right) for row in self.rows]
        return table


class HeldGreeks(msgspec.Struct, frozen=True):
    """What a strategy holds of one contract: the greeks of all its units, rupees.

    ``quantity`` is signed units. ``delta`` is rupees a rupee of the underlying, which is the units
    of it that move alike; the other units are those of ``OptionGreeks``, times the quantity.
    """

    instrument: Instrument
    quantity: int
    price: float | None
    iv: float | None
    delta: float | None
    gamma: float | None
    vega: float | None
    theta: float | None
    rho: float | None
    missing: str


class PortfolioGreeks(msgspec.Struct, frozen=True):
    """What a strategy holds of one underlying: sums of ``held``, in its units.

    A sum is None while one of its parts is not known: half a book's delta is no delta. ``missing``
    names those parts with the reason.
    """

    underlying: str
    delta: float | None
    gamma: float | None
    vega: float | None
    theta: float | None
    rho: float | None
    held: tuple[HeldGreeks, ...]

    @property
    def missing(self) -> Mapping[Instrument, str]:
        """Why a sum is None, by contract; empty when all is known."""
        return {part.instrument: part.missing for part in self.held if part.missing}
