"""Implied volatility and greeks of a chain: in arrays, in a scalar loop, and by libraries.

    python -m benchmarks.greeks

The chain is 121 strikes with a call and a put each, priced with a smile and rounded to the tick.
``arrays`` is ``engine.rules.black76_arrays``, ``scalar`` a loop over ``engine.rules.black76``;
QuantLib and vollib are measured where they are installed. What is not the library's own business
(lists, dictionaries) is left out. ``table`` is what an author gets from ``chain.greeks()``:
reading 242 ticks, the forward by parity, the arrays, and the rows.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from typing import Any

import numpy as np

from benchmarks.harness import Target, interleave
from engine.core.book import Book
from engine.core.chain import OptionChain
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Kind, Right, Segment
from engine.model.market import Tick
from engine.rules import black76, black76_arrays
from engine.rules.clock_time import at_ns
from engine.rules.sessions import Sessions

STRIKES = 121
STEP = 50
CHAINS = 10
FORWARD = 24_312.0
DAY, EXPIRY = date(2026, 8, 19), date(2026, 8, 25)
NOW = at_ns(DAY, time(11, 30))
SCALAR_BOUND = 3.0
LIBRARY_BOUND = 3.0


class Market:
    """A chain with prices, as arrays, as lists, and as an author's chain."""

    def __init__(self) -> None:
        lowest = 24_300 - STEP * (STRIKES // 2)
        facts = [InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.INDEX, underlying="NIFTY")]
        facts += [
            InstrumentFacts(
                segment=Segment.NSE_FO,
                kind=Kind.OPTION,
                underlying="NIFTY",
                expiry=EXPIRY,
                strike=Decimal(lowest + STEP * number),
                right=right,
                lot_size=65,
            )
            for number in range(STRIKES)
            for right in Right
        ]
        catalogue = Catalogue.of(facts)
        book = Book(catalogue)
        self.chain = OptionChain(catalogue, book, Sessions(), "NIFTY", EXPIRY, NOW)
        listed = catalogue.strikes("NIFTY", EXPIRY)
        self.years = self.chain.years
        self.are_calls = np.array(listed.are_calls)
        self.strikes = np.array(listed.floats)
        moneyness = np.log(self.strikes / FORWARD)
        vols = 0.12 - 0.4 * moneyness + 12.0 * moneyness**2
        exact = black76_arrays.price(self.are_calls, FORWARD, self.strikes, self.years, vols)
        self.premiums = np.maximum(np.round(exact / 0.05), 1.0) * 0.05
        book.ticks[0] = Tick(catalogue[0], "benchmark", 24_305.0, NOW, NOW)
        for option, premium in zip(listed.options, self.premiums.tolist(), strict=True):
            book.ticks[option.index] = Tick(option, "benchmark", premium, NOW, NOW)
        self.rights = [Right.CALL if is_call else Right.PUT for is_call in listed.are_calls]
        self.rows = list(zip(self.rights, listed.floats, self.premiums.tolist(), strict=True))


def arrays(market: Market) -> Callable[[], object]:
    def run() -> object:
        return black76_arrays.greeks_of_premiums(
            market.are_calls, FORWARD, market.strikes, market.years, market.premiums
        )

    return run


def scalar(market: Market) -> Callable[[], object]:
    def run() -> object:
        found = []
        for right, strike, premium in market.rows:
            vol = black76.implied_vol(right, FORWARD, strike, market.years, premium)
            if vol is not None:
                found.append(black76.greeks(right, FORWARD, strike, market.years, vol))
        return found

    return run


def quantlib(market: Market) -> Callable[[], object]:
    ql: Any = importlib.import_module("QuantLib")
    kinds = {Right.CALL: ql.Option.Call, Right.PUT: ql.Option.Put}
    root = market.years**0.5

    def run() -> object:
        found = []
        for right, strike, premium in market.rows:
            kind = kinds[right]
            try:
                width = ql.blackFormulaImpliedStdDev(
                    kind, strike, FORWARD, premium, 1.0, 0.0, 0.13 * root, 1e-12, 100
                )
            except RuntimeError:
                continue
            payoff = ql.PlainVanillaPayoff(kind, strike)
            made = ql.BlackCalculator(payoff, FORWARD, width, 1.0)
            found.append((made.deltaForward(), made.gammaForward(), made.vega(market.years)))
            found.append((made.thetaPerDay(FORWARD, market.years), made.rho(market.years)))
        return found

    return run


def vollib(market: Market) -> Callable[[], object]:
    solve: Any = importlib.import_module("vollib.black.implied_volatility").implied_volatility
    greeks: Any = importlib.import_module("vollib.black.greeks.analytical")
    flags = {Right.CALL: "c", Right.PUT: "p"}

    def run() -> object:
        found = []
        years = market.years
        for right, strike, premium in market.rows:
            flag = flags[right]
            try:
                vol = solve(premium, FORWARD, strike, 0.0, years, flag)
            except ValueError:
                continue
            if vol > 0.0:
                named = (greeks.delta, greeks.gamma, greeks.vega, greeks.theta, greeks.rho)
                found.append([greek(flag, FORWARD, strike, years, 0.0, vol) for greek in named])
        return found

    return run


def repeat(run: Callable[[], object]) -> Callable[[], object]:
    def chains() -> None:
        for _ in range(CHAINS):
            run()

    return chains


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    market = Market()
    variants = {"arrays": arrays(market), "scalar": scalar(market), "table": market.chain.greeks}
    libraries = {"QuantLib": quantlib, "vollib": vollib}
    for name, make in libraries.items():
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed here and is not measured: pip install {name}")
        else:
            variants[name] = make(market)
    repeated = {name: repeat(run) for name, run in variants.items()}
    timings = interleave(repeated, operations=CHAINS * 2 * STRIKES, rounds=rounds)
    missing = len(market.chain.greeks().missing)
    print(f"{2 * STRIKES} options, {missing} without a volatility; medians of {rounds} rounds")
    for name in variants:
        each, whole = timings.median_ns(name), timings.median_ns(name) * 2 * STRIKES / 1e6
        ratio = timings.ratio(name, "arrays")
        print(f"  {name:9}{each:9,.0f} ns an option {whole:8.2f} ms a chain {ratio:7.1f} x arrays")
    bounds = {"scalar": SCALAR_BOUND, "QuantLib": LIBRARY_BOUND, "vollib": LIBRARY_BOUND}
    targets = [
        Target(f"{name}, times arrays", timings.ratio(name, "arrays"), bound, at_least=True)
        for name, bound in bounds.items()
        if name in variants
    ]
    for target in targets:
        print(target)


if __name__ == "__main__":
    main()
