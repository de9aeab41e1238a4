"""The option chain: strikes by offset, by distance and by delta, and which expiry is meant."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.book import Book
from engine.core.chain import OptionChain, resolve_expiry
from engine.errors import FileError
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Instrument, Kind, Right, Segment
from engine.model.market import Tick
from engine.rules import black76
from engine.rules.clock_time import at_ns
from engine.rules.sessions import Sessions
from engine.testing import EXPIRY, TRADING_DATE, nifty_chain

NOW = at_ns(TRADING_DATE, time(10, 0))
CALL, PUT = Right.CALL, Right.PUT


class Market:
    """A chain with prices: Black-76 around a forward, at one volatility."""

    def __init__(self, catalogue: Catalogue | None = None) -> None:
        self.catalogue = nifty_chain() if catalogue is None else catalogue
        self.book = Book(self.catalogue)
        self.chain = OptionChain(self.catalogue, self.book, Sessions(), "NIFTY", EXPIRY, NOW)

    def price(self, instrument: Instrument, last: float, width: float = 0.0) -> None:
        bid = last - width / 2 if width else None
        ask = last + width / 2 if width else None
        self.book.ticks[instrument.index] = Tick(
            instrument, "test", last, NOW, NOW, bid=bid, ask=ask
        )

    def price_all(self, forward: float, volatility: float, spot: float | None = None) -> None:
        self.price(self.catalogue.find("NIFTY"), forward if spot is None else spot)
        for option in self.catalogue.options("NIFTY", EXPIRY):
            assert option.right is not None
            value = black76.price(
                option.right, forward, float(option.strike or 0), self.chain.years, volatility
            )
            self.price(option, max(value, 0.05))


@pytest.fixture
def market() -> Market:
    made = Market()
    made.price_all(24_312.0, 0.13)
    return made


class TestByOffset:
    def test_at_the_money_is_the_nearest_strike(self, market: Market) -> None:
        call, put = market.chain.at_the_money()
        assert (call.strike, call.right) == (24_300, CALL)
        assert (put.strike, put.right) == (24_300, PUT)

    def test_offsets_count_strikes_upwards_for_both(self, market: Market) -> None:
        assert market.chain.call(2).strike == 24_400
        assert market.chain.put(-3).strike == 24_150

    def test_beyond_the_last_strike_there_is_nothing(self, market: Market) -> None:
        with pytest.raises(FileError, match="lies outside the chain"):
            market.chain.call(99)

    def test_further_is_away_from_the_money(self, market: Market) -> None:
        chain = market.chain
        assert chain.further(chain.call(2), 4).strike == 24_600
        assert chain.further(chain.put(-2), 4).strike == 24_000
        assert chain.further(chain.put(-2), -2).strike == 24_300

    def test_further_of_what_is_not_in_it(self, market: Market) -> None:
        with pytest.raises(FileError, match="is not in the chain"):
            market.chain.further(market.catalogue.future("NIFTY"), 1)

    def test_around_goes_from_low_to_high_call_before_put(self, market: Market) -> None:
        around = market.chain.around(1)
        assert [(int(o.strike or 0), o.right) for o in around] == [
            (24_250, CALL),
            (24_250, PUT),
            (24_300, CALL),
            (24_300, PUT),
            (24_350, CALL),
            (24_350, PUT),
        ]

    def test_around_is_cut_at_the_edges(self, market: Market) -> None:
        assert len(market.chain.around(99)) == 62

    @pytest.mark.parametrize("strike", [24_300, 24_300.0, Decimal(24_300)])
    def test_a_strike_is_found_by_its_number(self, market: Market, strike: float | Decimal) -> None:
        assert market.chain.strike(strike, "PE").right is PUT

    @pytest.mark.parametrize("strike", [24_310, 0, float("nan"), float("inf")])
    def test_what_is_no_strike_is_said_to_be_none(self, market: Market, strike: float) -> None:
        with pytest.raises(FileError, match="strike"):
            market.chain.strike(strike, "CE")

    def test_without_a_price_of_the_underlying_no_strike_is_at_the_money(self) -> None:
        chain = Market().chain
        assert chain.spot is None
        assert chain.forward is None
        with pytest.raises(FileError, match="NIFTY has no price yet"):
            chain.at_the_money()

    def test_a_strike_with_one_right_only_has_no_other(self) -> None:
        facts = [f for f in nifty_chain().facts() if not (f.strike == 24_300 and f.right is PUT)]
        market = Market(Catalogue.of(facts))
        market.price_all(24_312.0, 0.13)
        with pytest.raises(FileError, match="has no 24300 PE"):
            market.chain.put()
        assert market.chain.forward == 24_312.0


class TestByDelta:
    def test_the_nearest_delta_is_chosen(self, market: Market) -> None:
        chain = market.chain
        for right in (CALL, PUT):
            found = chain.by_delta(0.20, right)
            others = [
                abs(abs(chain.delta(o) or 9) - 0.20) for o in chain.around(99) if o.right is right
            ]
            assert abs(abs(chain.delta(found) or 9) - 0.20) == min(others)

    def test_the_sign_of_a_put_delta_does_not_matter(self, market: Market) -> None:
        assert market.chain.by_delta(-0.20, PUT) is market.chain.by_delta(0.20, PUT)

    def test_only_what_has_a_price_can_be_chosen(self) -> None:
        market = Market()
        market.price(market.catalogue.find("NIFTY"), 24_312.0)
        far = market.chain
        market.price(far.call(10), 9.0)
        assert far.by_delta(0.50, CALL) is far.call(10)
        with pytest.raises(FileError, match="no PE of NIFTY 2026-08-25 has a price yet"):
            far.by_delta(0.20, PUT)

    @pytest.mark.parametrize("delta", [0.0, 1.0, -1.5, float("nan"), float("inf")])
    def test_what_is_no_delta(self, market: Market, delta: float) -> None:
        with pytest.raises(FileError, match="between 0 and 1"):
            market.chain.by_delta(delta, CALL)

    @settings(max_examples=40)
    @given(volatility=st.floats(0.06, 0.6), forward=st.floats(24_000, 24_600))
    def test_deltas_and_volatilities_are_those_the_prices_were_made_from(
        self, volatility: float, forward: float
    ) -> None:
        market = Market()
        market.price_all(forward, volatility)
        chain = market.chain
        assert chain.forward == pytest.approx(forward, abs=1e-6)
        call = chain.call(1)
        assert chain.implied_volatility(call) == pytest.approx(volatility, rel=1e-3)
        wanted = black76.delta(CALL, forward, float(call.strike or 0), chain.years, volatility)
        assert chain.delta(call) == pytest.approx(wanted, abs=1e-3)

    def test_the_forward_is_the_chains_own_where_it_differs_from_the_index(self) -> None:
        market = Market()
        market.price_all(24_350.0, 0.13, spot=24_312.0)
        assert market.chain.spot == 24_312.0
        assert market.chain.forward == pytest.approx(24_350.0)

    def test_a_mid_is_worth_more_than_a_last_price(self, market: Market) -> None:
        call = market.chain.call(2)
        before = market.chain.implied_volatility(call)
        fair = market.book.fair(call) or 0.0
        market.book.ticks[call.index] = Tick(
            call, "test", 1.0, NOW, NOW, bid=fair - 0.1, ask=fair + 0.1
        )
        assert market.chain.implied_volatility(call) == pytest.approx(before)

    def test_an_option_below_its_worth_has_no_volatility_and_no_delta(self, market: Market) -> None:
        deep = market.chain.call(-10)
        market.price(deep, 1.0)
        assert market.chain.implied_volatility(deep) is None
        assert market.chain.delta(deep) is None

    @pytest.mark.parametrize("nonsense", [0.0, -5.0, float("nan"), float("inf")])
    def test_a_price_that_is_none_is_as_good_as_absent(
        self, market: Market, nonsense: float
    ) -> None:
        call = market.chain.call()
        market.price(call, nonsense)
        assert market.book.last(call) is None
        assert market.chain.delta(call) is None
        market.price(market.catalogue.find("NIFTY"), nonsense)
        assert market.chain.spot is None


class TestExpiries:
    TUESDAYS = (
        date(2026, 8, 18),
        date(2026, 8, 25),
        date(2026, 9, 1),
        date(2026, 9, 29),
    )

    @pytest.mark.parametrize(
        ("words", "today", "meant"),
        [
            ("nearest", date(2026, 8, 18), date(2026, 8, 18)),
            ("nearest", date(2026, 8, 19), date(2026, 8, 25)),
            ("weekly", date(2026, 8, 19), date(2026, 8, 25)),
            ("next", date(2026, 8, 19), date(2026, 9, 1)),
            ("monthly", date(2026, 8, 17), date(2026, 8, 25)),
            ("monthly", date(2026, 8, 26), date(2026, 9, 29)),
            (date(2026, 9, 1), date(2026, 8, 19), date(2026, 9, 1)),
        ],
    )
    def test_what_the_instruments_say(self, words: str | date, today: date, meant: date) -> None:
        assert resolve_expiry(_catalogue(self.TUESDAYS), "NIFTY", words, today) == meant

    @pytest.mark.parametrize(
        ("words", "today", "why"),
        [
            (date(2026, 8, 18), date(2026, 8, 19), "has no expiry 2026-08-18; it has 2026-08-25"),
            ("next", date(2026, 9, 20), "has one expiry only"),
            ("nearest", date(2026, 10, 1), "has no options on or after 2026-10-01"),
            ("soon", date(2026, 8, 19), "is not one of nearest, weekly, next, monthly"),
        ],
    )
    def test_what_they_do_not(self, words: str | date, today: date, why: str) -> None:
        with pytest.raises(FileError, match=why):
            resolve_expiry(_catalogue(self.TUESDAYS), "NIFTY", words, today)


def _catalogue(expiries: tuple[date, ...]) -> Catalogue:
    return Catalogue.of(
        [
            InstrumentFacts(
                segment=Segment.NSE_FO,
                kind=Kind.OPTION,
                underlying="NIFTY",
                expiry=expiry,
                strike=Decimal(24_000),
                right=CALL,
                lot_size=65,
                tick_size=Decimal("0.05"),
                freeze_quantity=1800,
            )
            for expiry in expiries
        ]
    )
