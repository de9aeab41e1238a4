"""The greeks of a whole chain from the newest prices of a book."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from engine.core.book import Book, Quote
from engine.errors import InvariantBroken
from engine.model.greeks import (
    AT_INTRINSIC,
    AT_LIMIT,
    EXPIRED,
    NO_FORWARD,
    NO_PRICE,
    NO_VOLATILITY,
    ChainGreeks,
    OptionGreeks,
)
from engine.model.instrument import Right
from engine.model.strikes import Strikes
from engine.rules import black76, black76_arrays
from engine.rules.parity import Pair, ParityForward, parity_forward

Quotes: TypeAlias = Sequence[Quote | None]


def quotes_of(listed: Strikes, book: Book) -> Quotes:
    """Return what every option is worth, in the order of ``listed.options``."""
    return [book.quote(option) for option in listed.options]


def parity(
    listed: Strikes, quotes: Quotes, near: float | None, discount: float = 1.0
) -> ParityForward | None:
    """Return the forward that ``quotes`` imply, None where no strike has two."""
    pairs = []
    for strike, call_place, put_place in listed.pairs:
        call, put = quotes[call_place], quotes[put_place]
        if call is not None and put is not None:
            spread = None
            if call.spread is not None and put.spread is not None:
                spread = call.spread + put.spread
            pairs.append(Pair(strike, call.price, put.price, spread))
    return parity_forward(pairs, near, discount)


def of_chain(
    listed: Strikes, book: Book, *, rate: float, now: int, years: float, spot: float | None
) -> ChainGreeks:
    """Return the table of ``engine.core.chain.OptionChain.greeks``."""
    if not math.isfinite(rate):
        raise ValueError(f"rate {rate} is no number; 0.065 means 6.5 % a year")
    discount = math.exp(-rate * years)
    quotes = quotes_of(listed, book)
    implied = parity(listed, quotes, spot, discount)
    if implied is not None:
        forward: float | None = implied.price
        source = "put-call parity at one strike"
        if implied.strikes > 1:
            source = f"put-call parity, {implied.strikes} strikes"
    else:
        # The spot, grown at the rate asked for: no dividend is known.
        forward = None if spot is None else spot / discount
        source = "" if spot is None else "the spot"
    return ChainGreeks(
        underlying=listed.underlying,
        expiry=listed.expiry,
        at=now,
        years=years,
        rate=rate,
        spot=spot,
        forward=forward,
        forward_from=source,
        rows=tuple(_rows(listed, quotes, forward, years, discount)),
    )


def _rows(
    listed: Strikes, quotes: Quotes, forward: float | None, years: float, discount: float
) -> Iterator[OptionGreeks]:
    found = black76_arrays.greeks_of_premiums(
        listed.are_calls,
        math.nan if forward is None else forward,
        listed.floats,
        years,
        [math.nan if quote is None else quote.price for quote in quotes],
        discount,
    )
    columns = zip(*(column.tolist() for column in found), strict=True)
    terms = zip(listed.options, quotes, listed.floats, columns, strict=True)
    for option, quote, k, (iv, delta, gamma, vega, theta, rho) in terms:
        strike, right = option.strike, option.right
        if strike is None or right is None:
            raise InvariantBroken(f"{option.symbol} is an option without terms")
        price, source = None, ""
        if quote is not None:
            price, source = quote.price, "last" if quote.spread is None else "mid"
        # nan in one field is nan in all; and nan is no number of an author's.
        if not math.isnan(iv):
            yield OptionGreeks(
                option, strike, right, price, source, iv, delta, gamma, vega, theta, rho, ""
            )
        else:
            why = why_missing(right, k, price, forward, years, discount)
            yield OptionGreeks(
                option, strike, right, price, source, None, None, None, None, None, None, why
            )


def why_missing(
    right: Right,
    strike: float,
    price: float | None,
    forward: float | None,
    years: float,
    discount: float = 1.0,
) -> str:
    """Say why an option at ``price`` has no implied volatility."""
    if years == 0.0:
        return EXPIRED
    if price is None:
        return NO_PRICE
    if forward is None:
        return NO_FORWARD
    inside = black76.intrinsic(right, forward, strike)
    if price / discount - inside <= black76.NOISE * inside:
        return AT_INTRINSIC
    if price / discount >= (forward if right is Right.CALL else strike):
        return AT_LIMIT
    return NO_VOLATILITY
