"""Greeks of a chain from a book's newest prices, and why a row has none."""

from __future__ import annotations

import math
from datetime import date, time
from decimal import Decimal

import pandas as pd
import polars as pl
import pytest

from engine.core.book import Book
from engine.core.chain import OptionChain
from engine.model.greeks import (
    AT_INTRINSIC,
    AT_LIMIT,
    EXPIRED,
    NO_FORWARD,
    NO_PRICE,
    NO_VOLATILITY,
    ChainGreeks,
)
from engine.model.instrument import Instrument, Right
from engine.model.market import Tick
from engine.rules import black76
from engine.rules.clock_time import at_ns
from engine.rules.sessions import Sessions
from engine.testing import EXPIRY, TRADING_DATE, nifty_chain

NOW = at_ns(TRADING_DATE, time(10, 0))
FORWARD, VOL = 24_312.0, 0.13


class Prices:
    """A book that the test fills in."""

    def __init__(self, now: int = NOW) -> None:
        self.catalogue = nifty_chain()
        self.book = Book(self.catalogue)
        self.chain = OptionChain(self.catalogue, self.book, Sessions(), "NIFTY", EXPIRY, now)

    def see(
        self, instrument: Instrument, last: float, bid: float | None = None,
        ask: float | None = None,
    ) -> None:  # fmt: skip
        self.book.ticks[instrument.index] = Tick(
            instrument, "test", last, NOW, NOW, bid=bid, ask=ask
        )

    def option(self, strike: int, right: str) -> Instrument:
        return self.chain.strike(strike, right)

    def see_all(self, vol: float = VOL, discount: float = 1.0) -> None:
        self.see(self.catalogue.find("NIFTY"), FORWARD - 40)
        for option in self.catalogue.options("NIFTY", EXPIRY):
            assert option.right is not None
            k = float(option.strike or 0)
            premium = black76.price(option.right, FORWARD, k, self.chain.years, vol, discount)
            self.see(option, premium)


@pytest.fixture
def prices() -> Prices:
    made = Prices()
    made.see_all()
    return made


def test_every_option_of_the_chain_has_its_row_in_order(prices: Prices) -> None:
    greeks = prices.chain.greeks()
    assert isinstance(greeks, ChainGreeks)
    assert [row.instrument for row in greeks] == prices.catalogue.options("NIFTY", EXPIRY)
    assert [(row.strike, row.right) for row in greeks] == sorted(
        (row.strike, row.right) for row in greeks
    )
    assert not greeks.missing
    assert repr(greeks) == "<greeks of NIFTY 2026-08-25: 62 of 62 options>"


def test_the_forward_is_that_of_the_options_and_not_the_spot(prices: Prices) -> None:
    greeks = prices.chain.greeks()
    assert greeks.spot == FORWARD - 40
    assert greeks.forward == pytest.approx(FORWARD, abs=1e-6)
    assert greeks.forward_from == "put-call parity, 7 strikes"
    assert prices.chain.forward == greeks.forward


def test_figures_are_those_of_the_model(prices: Prices) -> None:
    greeks = prices.chain.greeks()
    for row in greeks:
        assert row.iv == pytest.approx(VOL, rel=1e-6)
        wanted = black76.greeks(row.right, FORWARD, float(row.strike), greeks.years, VOL)
        found = (row.delta, row.gamma, row.vega, row.theta, row.rho)
        assert found == pytest.approx(tuple(wanted), rel=1e-4, abs=1e-7)


def test_one_option_is_looked_up_by_itself(prices: Prices) -> None:
    call = prices.option(24_300, "CE")
    row = prices.chain.greeks()[call]
    assert (row.instrument, row.strike, row.right) == (call, 24_300, Right.CALL)
    assert row.delta == pytest.approx(prices.chain.delta(call))
    assert row.iv == pytest.approx(prices.chain.implied_volatility(call))
    with pytest.raises(KeyError):
        prices.chain.greeks()[prices.catalogue.find("NIFTY")]


def test_the_mid_is_taken_where_there_are_quotes(prices: Prices) -> None:
    call = prices.option(24_300, "CE")
    last = prices.chain.greeks()[call]
    assert last.price_from == "last"
    assert last.price is not None
    prices.see(call, last.price - 5, bid=last.price - 1, ask=last.price + 1)
    mid = prices.chain.greeks()[call]
    assert mid.price_from == "mid"
    assert mid.price == pytest.approx(last.price)


def test_interest_discounts_premiums() -> None:
    prices, rate = Prices(), 0.065
    prices.see_all(discount=math.exp(-rate * prices.chain.years))
    greeks = prices.chain.greeks(rate=rate)
    assert greeks.rate == rate
    assert greeks.forward == pytest.approx(FORWARD, abs=1e-6)
    assert [row.iv for row in greeks] == pytest.approx([VOL] * len(greeks), rel=1e-6)


@pytest.mark.parametrize("rate", [math.nan, math.inf])
def test_a_rate_that_is_no_number_is_refused(prices: Prices, rate: float) -> None:
    with pytest.raises(ValueError, match=r"0\.065 means 6\.5 % a year"):
        prices.chain.greeks(rate=rate)


class TestMissing:
    def test_what_is_not_watched_has_no_price(self, prices: Prices) -> None:
        call = prices.option(24_300, "CE")
        prices.book.ticks[call.index] = None
        greeks = prices.chain.greeks()
        (row,) = greeks.missing
        assert (row.instrument, row.missing, row.price, row.price_from) == (
            call, NO_PRICE, None, "",
        )  # fmt: skip
        assert (row.iv, row.delta, row.gamma, row.vega, row.theta, row.rho) == (None,) * 6

    @pytest.mark.parametrize(
        ("strike", "right", "premium", "why"),
        [
            (24_000, "CE", 300.0, AT_INTRINSIC),
            (24_000, "CE", 311.95, AT_INTRINSIC),
            (24_000, "PE", 24_000.0, AT_LIMIT),
            (24_000, "CE", 24_400.0, AT_LIMIT),
            (24_000, "PE", 23_999.999999, NO_VOLATILITY),
        ],
    )
    def test_a_premium_no_volatility_gives(
        self, prices: Prices, strike: int, right: str, premium: float, why: str
    ) -> None:
        option = prices.option(strike, right)
        prices.see(option, premium)
        (row,) = prices.chain.greeks().missing
        assert (row.instrument, row.missing, row.price) == (option, why, premium)

    def test_without_parity_the_spot_is_the_forward(self) -> None:
        prices = Prices()
        call = prices.option(24_300, "CE")
        prices.see(prices.catalogue.find("NIFTY"), FORWARD)
        prices.see(call, 150.0)
        greeks = prices.chain.greeks()
        assert (greeks.forward, greeks.forward_from) == (FORWARD, "the spot")
        assert greeks[call].iv is not None
        assert len(greeks.missing) == len(greeks) - 1

    def test_without_any_price_of_the_underlying_there_is_no_forward(self) -> None:
        prices = Prices()
        call = prices.option(24_300, "CE")
        prices.see(call, 150.0)
        greeks = prices.chain.greeks()
        assert (greeks.forward, greeks.forward_from) == (None, "")
        assert greeks[call].missing == NO_FORWARD
        assert {row.missing for row in greeks} == {NO_FORWARD, NO_PRICE}

    def test_parity_needs_no_spot(self) -> None:
        prices = Prices()
        prices.see_all()
        prices.book.ticks[prices.catalogue.find("NIFTY").index] = None
        assert prices.chain.greeks().forward == pytest.approx(FORWARD, abs=1e-6)

    def test_after_the_last_trade_everything_has_expired(self) -> None:
        prices = Prices(at_ns(EXPIRY, time(15, 40)))
        prices.see_all()
        greeks = prices.chain.greeks()
        assert greeks.years == 0.0
        assert {row.missing for row in greeks} == {EXPIRED}

    def test_a_minute_before_that_there_is_time_left(self) -> None:
        prices = Prices(at_ns(EXPIRY, time(15, 39)))
        assert prices.chain.years == pytest.approx(1 / 60 / 24 / 365)


def test_the_table_is_two_lines_away_from_pandas_and_polars(prices: Prices) -> None:
    prices.book.ticks[prices.option(24_300, "CE").index] = None
    columns = prices.chain.greeks().columns()
    for frame in (pd.DataFrame(columns), pl.DataFrame(columns).to_pandas()):
        assert list(frame.columns[:5]) == ["instrument", "strike", "right", "price", "price_from"]
        assert len(frame) == 62
        assert frame["iv"].isna().sum() == 1
        assert frame["strike"].iloc[0] == 23_550.0
        assert frame["instrument"].iloc[0] == "NIFTY 25AUG26 23550 CE"


def test_asking_twice_gives_the_same_figures(prices: Prices) -> None:
    assert prices.chain.greeks().rows == prices.chain.greeks().rows


def test_a_chain_found_again_is_the_same_list_until_a_contract_is_added() -> None:
    catalogue = nifty_chain()
    first = catalogue.strikes("NIFTY", EXPIRY)
    assert catalogue.strikes("NIFTY", EXPIRY) is first
    facts = catalogue.facts()
    new = next(f for f in facts if f.strike is not None)
    catalogue.intern(type(new)(**{n: getattr(new, n) for n in new.__struct_fields__}
                               | {"strike": Decimal(90_000)}))  # fmt: skip
    again = catalogue.strikes("NIFTY", EXPIRY)
    assert again is not first
    assert again.strikes[-1] == 90_000
    assert catalogue.strikes("NIFTY", date(2030, 1, 1)).options == ()
