"""The greeks of what is held, per underlying: scalar, since a strategy holds a few contracts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from engine.core.book import Book
from engine.core.chain_greeks import parity, quotes_of, why_missing
from engine.errors import InvariantBroken
from engine.model.catalogue import Catalogue
from engine.model.greeks import GREEKS, HeldGreeks, PortfolioGreeks
from engine.model.instrument import Instrument, Kind
from engine.rules import black76
from engine.rules.black76 import Greeks
from engine.rules.greeks import LINEAR, expires_at, option_value
from engine.rules.sessions import Sessions


def held_greeks(
    held: Iterable[tuple[Instrument, int]],
    catalogue: Catalogue,
    book: Book,
    sessions: Sessions,
    now: int,
) -> dict[str, PortfolioGreeks]:
    """Return the greeks of ``held`` (net units by contract), by underlying, in order of first use.

    Interest is left out; forwards are those of ``engine.core.chain.OptionChain.forward``.
    """
    forwards: dict[tuple[str, date], float | None] = {}
    parts: dict[str, list[HeldGreeks]] = {}
    for instrument, quantity in held:
        if not quantity:
            continue
        price = book.fair(instrument)
        if instrument.kind is not Kind.OPTION:
            part = _linear(instrument, quantity, price)
        else:
            part = _option(instrument, quantity, price, forwards, catalogue, book, sessions, now)
        parts.setdefault(instrument.underlying, []).append(part)
    return {underlying: _sum(underlying, tuple(found)) for underlying, found in parts.items()}


def _linear(instrument: Instrument, quantity: int, price: float | None) -> HeldGreeks:
    # A future moves with its underlying whether it has just been printed or not.
    return _part(instrument, quantity, price, None, LINEAR)


def _option(
    option: Instrument,
    quantity: int,
    price: float | None,
    forwards: dict[tuple[str, date], float | None],
    catalogue: Catalogue,
    book: Book,
    sessions: Sessions,
    now: int,
) -> HeldGreeks:
    right, strike, expiry = option.right, option.strike, option.expiry
    if right is None or strike is None or expiry is None:
        raise InvariantBroken(f"{option.symbol} is an option without terms")
    key = (option.underlying, expiry)
    if key not in forwards:
        listed = catalogue.strikes(*key)
        spot = book.last(catalogue.reference(option.underlying))
        implied = parity(listed, quotes_of(listed, book), spot)
        forwards[key] = spot if implied is None else implied.price
    forward = forwards[key]
    years = black76.years_between(now, expires_at(sessions, option))
    value = None
    if price is not None and forward is not None:
        value = option_value(option, price, forward, years)
    if value is None:
        why = why_missing(right, float(strike), price, forward, years)
        return HeldGreeks(option, quantity, price, None, None, None, None, None, None, why)
    return _part(option, quantity, price, value.iv, value.greeks)


def _part(
    instrument: Instrument, quantity: int, price: float | None, iv: float | None, greeks: Greeks
) -> HeldGreeks:
    delta, gamma, vega, theta, rho = (quantity * greek for greek in greeks)
    return HeldGreeks(instrument, quantity, price, iv, delta, gamma, vega, theta, rho, "")


def _sum(underlying: str, held: tuple[HeldGreeks, ...]) -> PortfolioGreeks:
    if any(part.missing for part in held):
        return PortfolioGreeks(underlying, None, None, None, None, None, held)
    delta, gamma, vega, theta, rho = (sum(getattr(part, name) for part in held) for name in GREEKS)
    return PortfolioGreeks(underlying, delta, gamma, vega, theta, rho, held)
