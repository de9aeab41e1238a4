"""What a strategy holds, in greeks and in payoffs, asked in its own hooks."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine import UNBOUNDED, Params, Strategy, buy, chain, sell, time
from engine.model.greeks import NO_PRICE, PortfolioGreeks
from engine.testing import StrategyHarness


class Holder(Strategy[Params]):
    """Sells the straddle and buys the wings; each test reads it from outside the hooks."""

    def on_start(self) -> None:
        self.watch(chain("NIFTY", strikes=6))
        self.at(time(9, 20), self.open_all)

    def open_all(self) -> None:
        options = self.chain("NIFTY")
        call, put = options.at_the_money()
        self.before = self.payoff(sell(call), sell(put))
        self.enter(sell(call), sell(put), buy(options.call(4)), buy(options.put(-4)), name="fly")


@pytest.fixture
def harness() -> StrategyHarness:
    made = StrategyHarness(Holder)
    made.spot(24_312.0)
    made.advance("09:20:05")
    return made


def greeks(harness: StrategyHarness) -> PortfolioGreeks:
    found = harness.strategy.greeks()
    assert list(found) == ["NIFTY"]
    return found["NIFTY"]


def test_before_anything_is_held_there_are_no_greeks() -> None:
    made = StrategyHarness(Holder)
    made.spot(24_312.0)
    made.advance("09:19:00")
    assert made.strategy.greeks() == {}


def test_sums_are_those_of_the_chain_times_what_is_held(harness: StrategyHarness) -> None:
    found = greeks(harness)
    table = harness.strategy.chain("NIFTY").greeks()
    for name in ("delta", "gamma", "vega", "theta", "rho"):
        wanted = sum(
            harness.position(row.instrument) * getattr(row, name)
            for row in table
            if harness.position(row.instrument)
        )
        assert getattr(found, name) == pytest.approx(wanted, rel=1e-9), name
    assert [part.quantity for part in found.held] == [65, 65, -65, -65]
    assert not found.missing


def test_a_short_straddle_with_wings_earns_with_time_and_loses_with_volatility(
    harness: StrategyHarness,
) -> None:
    found = greeks(harness)
    assert found.theta is not None
    assert found.vega is not None
    assert found.gamma is not None
    assert found.theta > 0 > found.vega
    assert found.gamma < 0


def test_the_profit_moves_as_the_greeks_say(harness: StrategyHarness) -> None:
    found, before = greeks(harness), harness.strategy.pnl
    assert found.delta is not None
    assert found.gamma is not None
    harness.spot(24_332.0)
    harness.seconds(1)
    moved = harness.strategy.pnl - before
    assert moved == pytest.approx(20 * found.delta + 200 * found.gamma, abs=25.0)


def test_half_a_book_has_no_delta(harness: StrategyHarness) -> None:
    (call,) = [i for i in harness.strategy.chain("NIFTY").around(0) if i.right == "CE"]
    kernel: Any = harness._kernel
    kernel.desk.book.ticks[call.index] = None
    found = greeks(harness)
    assert found.delta is found.gamma is found.vega is found.theta is found.rho is None
    assert found.missing == {call: NO_PRICE}
    assert sum(part.delta is not None for part in found.held) == 3


def test_a_future_moves_rupee_for_rupee() -> None:
    class Long(Strategy[Params]):
        def on_start(self) -> None:
            self.watch(self.future("NIFTY"))
            self.at(time(9, 20), self.open_one)

        def open_one(self) -> None:
            self.enter(buy(self.future("NIFTY"), 2), name="long")

    harness = StrategyHarness(Long)
    harness.spot(24_312.0)
    harness.advance("09:20:05")
    found = greeks(harness)
    assert (found.delta, found.gamma, found.vega, found.theta, found.rho) == (130, 0, 0, 0, 0)


def test_a_held_group_s_payoff_is_that_of_its_real_fills(harness: StrategyHarness) -> None:
    fly = harness.group("fly")
    found = fly.payoff
    assert found is not None
    premium = sum(
        -order.side.sign * order.filled_quantity * order.average_price for order in harness.orders
    )
    assert found.max_profit_inr == premium
    assert found.max_loss_inr == 65 * 200 - premium
    low, high = found.breakevens
    assert low == 24_300 - premium / 65
    assert high == 24_300 + premium / 65
    assert float(premium) == pytest.approx(fly.entry_premium_inr)


def test_what_was_left_counts_with_its_result(harness: StrategyHarness) -> None:
    fly = harness.group("fly")
    harness.strategy.exit("fly")
    harness.seconds(5)
    assert fly.is_done
    found = fly.payoff
    assert found is not None
    assert found.max_profit_inr == -found.max_loss_inr == fly.realised_cash
    assert found.breakevens == ()


def test_before_a_fill_there_is_no_payoff() -> None:
    harness = StrategyHarness(Holder)
    harness.advance("09:19:00")
    assert harness.strategy.payoff(sell(harness.option(24_300, "CE"))) is None


def test_a_what_if_is_asked_at_the_prices_it_would_trade_at(harness: StrategyHarness) -> None:
    before = harness.strategy.before
    assert before.max_loss_inr is UNBOUNDED
    call = harness.option(24_300, "CE")
    tick = harness.strategy.tick(call)
    at_market = harness.strategy.payoff(buy(call, 2))
    assert at_market.max_loss_inr == 130 * Decimal(repr(tick.ask))
    sold = harness.strategy.payoff(sell(call, 2))
    assert sold.max_profit_inr == 130 * Decimal(repr(tick.bid))
    limited = harness.strategy.payoff(buy(call, limit=100))
    assert limited.max_loss_inr == 6_500
