"""The public harness: a test of a strategy in five lines, the same every time."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from brokers.paper.config import PaperConfig
from engine import Field, GroupState, Params, Policy, State, Strategy, Tick, buy
from engine.errors import FileError
from engine.model.codec import encode
from engine.model.market import Depth, Interval
from engine.model.order import Product
from engine.testing import EXPIRY, StrategyHarness, nifty_chain
from risk.limits import AccountLimits
from strategies.short_straddle import ShortStraddle


def test_the_five_lines_of_the_design() -> None:
    harness = StrategyHarness(ShortStraddle, underlying="NIFTY", stop_pct=25)
    harness.spot(24_312.0)
    harness.advance("09:20:05")
    assert harness.group("straddle").is_held


class BuyerParams(Params):
    lots: int = Field(default=1, gt=0)


class BuyerState(State):
    bought: int = 0


class Buyer(Strategy[BuyerParams]):
    """Buys the at-the-money call at 09:20, and writes down what it hears."""

    state: BuyerState

    def on_start(self) -> None:
        self.heard: list[Tick] = []
        self.books: list[Depth] = []
        self.stopped = False
        self.note: Callable[[Tick], None] = lambda _: None
        self.watch("NIFTY")
        self.watch(self.future("NIFTY"), depth=True)
        self.at(time(9, 20), self.go)

    def go(self) -> None:
        self.state.bought += 1
        self.enter(buy(self.chain("NIFTY").call(), self.params.lots), name="call")

    def on_tick(self, tick: Tick) -> None:
        self.heard.append(tick)
        self.note(tick)

    def on_depth(self, depth: Depth) -> None:
        self.books.append(depth)

    def on_stop(self) -> None:
        self.stopped = True


def _harness(**options: Any) -> StrategyHarness:
    harness = StrategyHarness(Buyer, **options)
    harness.spot(24_312.0)
    return harness


class TestMarket:
    def test_options_are_priced_around_the_spot(self) -> None:
        harness = _harness()
        harness.advance("09:20:02")
        call, put = harness.option(24_300, "CE"), harness.option(24_300, "PE")
        chain = harness.strategy.chain("NIFTY")
        assert chain.spot == 24_312.0
        assert chain.implied_volatility(call) == pytest.approx(0.13, abs=0.002)
        assert harness.strategy.last(put) is None

    def test_a_volatility_given_once_stays(self) -> None:
        harness = _harness()
        harness.advance("09:20:02")
        harness.spot(24_312.0, volatility=0.30)
        harness.spot(24_320.0)
        harness.seconds(1)
        call = harness.option(24_300, "CE")
        assert harness.strategy.chain("NIFTY").implied_volatility(call) == pytest.approx(
            0.30, abs=0.002
        )

    def test_everything_moves_before_the_strategy_hears_of_any_of_it(self) -> None:
        harness = _harness()
        harness.advance("09:20:02")
        call = harness.option(24_300, "CE")
        seen: list[float] = []
        harness.strategy.note = lambda _: seen.append(harness.strategy.last(call))
        harness.spot(24_500.0)
        assert len(seen) == 3
        assert len(set(seen)) == 1

    def test_a_quote_has_the_touch_it_is_given(self) -> None:
        harness = _harness()
        future = harness.future()
        harness.quote(future, 24_330.0, bid=24_320.0, ask=24_340.0)
        tick = harness.strategy.heard[-1]
        assert (tick.last, tick.bid, tick.ask) == (24_330.0, 24_320.0, 24_340.0)
        book = harness.strategy.books[-1]
        assert (book.bids[0].price, book.asks[0].price) == (24_320.0, 24_340.0)

    def test_an_index_has_a_price_and_no_touch(self) -> None:
        harness = _harness()
        tick = harness.strategy.heard[0]
        assert (tick.bid, tick.ask, tick.volume) == (None, None, None)

    def test_watched_prices_print_once_a_second(self) -> None:
        harness = _harness()
        before = len(harness.strategy.heard)
        harness.seconds(10)
        assert len(harness.strategy.heard) - before == 20

    def test_a_resting_order_fills_when_the_market_comes_to_it(self) -> None:
        harness = _harness()
        harness.start()
        future = harness.future()
        harness.advance("09:20:00")
        harness.call_hook(
            lambda: harness.strategy.place(buy(future, limit=24_290.0), name="resting")
        )
        harness.seconds(3)
        assert harness.position(future) == 0
        harness.quote(future, 24_285.0)
        harness.seconds(1)
        assert harness.position(future) == 65
        assert harness.orders[-1].average_price == Decimal(24_290)


class TestTime:
    def test_begins_at_the_open_or_where_it_is_told_to(self) -> None:
        assert _harness().now.time() == time(9, 15)
        assert _harness(start="13:00:00").now.time() == time(13)

    def test_seconds_and_advance_move_the_same_clock(self) -> None:
        harness = _harness()
        harness.seconds(90)
        harness.advance("09:17")
        harness.advance(time(9, 17, 1))
        assert harness.now.time() == time(9, 17, 1)

    def test_a_time_that_is_past_moves_nothing(self) -> None:
        harness = _harness()
        harness.advance("09:10:00")
        assert harness.now.time() == time(9, 15)

    def test_stop_ends_the_session(self) -> None:
        harness = _harness()
        harness.stop()
        assert harness.strategy.stopped

    def test_the_whole_day_takes_a_moment(self) -> None:
        harness = _harness()
        harness.advance("15:29:59")
        assert harness.group("call").is_held


class TestLooking:
    def test_orders_positions_states_and_log(self) -> None:
        harness = _harness(lots=2)
        harness.advance("09:20:02")
        call = harness.option(24_300, "CE")
        assert [(o.side, o.instrument, o.filled_quantity) for o in harness.orders] == [
            ("BUY", call, 130)
        ]
        assert harness.position(call) == 130
        assert harness.states == ["call: CHECKED", "call: WORKING", "call: HELD"]
        assert harness.strategy.state.bought == 1
        assert harness.halted == ""
        assert harness.log[0] == "info: feed FRESH: first frame"

    def test_what_is_not_there_is_said_to_be_missing(self) -> None:
        harness = _harness()
        with pytest.raises(FileError, match="entered no group 'call'"):
            harness.group("call")
        with pytest.raises(FileError, match="no NIFTY 24311 CE in this harness's catalogue"):
            harness.option(24_311, "CE")
        with pytest.raises(FileError, match="no instrument 'NIFTTY'"):
            harness.instrument("NIFTTY")


class TestOptions:
    def test_unknown_parameters_are_refused_as_in_the_yaml(self) -> None:
        with pytest.raises(ValueError, match="lotz"):
            StrategyHarness(Buyer, lotz=3)

    def test_limits_are_those_of_the_yaml(self) -> None:
        harness = _harness(lots=3, limits=AccountLimits(max_order_lots=2))
        harness.advance("09:20:02")
        assert "3 lots (195), limit 2 lots" in harness.group("call").why

    def test_latency_and_faults_are_those_of_the_yaml(self) -> None:
        fault = {"when": {"leg": 1}, "do": "reject", "reason": "No, thank you"}
        harness = _harness(paper=PaperConfig(latency_ms=500, faults=[fault]))
        harness.advance("09:20:02")
        assert "No, thank you" in harness.group("call").why

    def test_accounts_have_their_weights(self) -> None:
        harness = _harness(accounts={"a": 1, "b": 2})
        harness.advance("09:20:02")
        assert {o.account: o.request.quantity for o in harness.orders} == {"a": 65, "b": 130}

    def test_a_product_may_be_named(self) -> None:
        harness = _harness(product=Product.CARRYFORWARD)
        harness.advance("09:20:02")
        assert harness.orders[0].request.product is Product.CARRYFORWARD

    def test_another_chain_and_day_may_be_traded(self) -> None:
        harness = StrategyHarness(
            Buyer,
            catalogue=nifty_chain(spot=24_900, expiry=date(2026, 9, 1)),
            trading_date=date(2026, 8, 31),
        )
        harness.spot(24_905.0)
        harness.advance("09:20:02")
        assert harness.orders[0].instrument.expiry == date(2026, 9, 1)
        assert harness.now.date() == date(2026, 8, 31)

    def test_the_usual_chain_expires_on_its_tuesday(self) -> None:
        assert {i.expiry for i in nifty_chain() if i.is_derivative} == {EXPIRY}


def test_the_same_test_gives_the_same_day() -> None:
    def play() -> list[bytes]:
        harness = _harness(paper=PaperConfig())
        harness.advance("09:20:05")
        harness.spot(24_400.0)
        harness.stop()
        return [encode(record) for record in harness.records]

    assert play() == play()


GUIDE = Path(__file__).resolve().parents[2] / "docs" / "writing-a-strategy.md"


class TestGuide:
    """What docs/writing-a-strategy.md says is so."""

    @pytest.fixture
    def text(self) -> str:
        return GUIDE.read_text(encoding="utf-8")

    def test_its_first_strategy_passes_its_first_test(
        self, text: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        strategy, its_test = blocks[:2]
        module = ModuleType("my_idea")
        exec(compile(strategy, GUIDE, "exec", dont_inherit=True), module.__dict__)
        monkeypatch.setitem(sys.modules, "my_idea", module)
        names: dict[str, Any] = {"__name__": "guide"}
        exec(compile(its_test, GUIDE, "exec", dont_inherit=True), names)
        names["test_it_sells_the_straddle_at_its_time"]()

    def test_the_rejected_leg_prints_what_it_shows(
        self, text: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        found = re.search(r"```python\n(from brokers.*?)```\n\n```\n(.*?)```", text, re.DOTALL)
        assert found
        exec(compile(found[1], GUIDE, "exec", dont_inherit=True), {})
        assert capsys.readouterr().out == found[2]

    @pytest.mark.parametrize("name", [name for name in vars(Strategy) if not name.startswith("_")])
    def test_every_hook_and_every_call_is_in_it(self, text: str, name: str) -> None:
        said = f"`{name}(" if name.startswith("on_") else f"self.{name}"
        assert said in text

    @pytest.mark.parametrize("option", Policy.__struct_fields__)
    def test_every_option_of_a_group_is_in_it(self, text: str, option: str) -> None:
        assert f"`{option}`" in text

    @pytest.mark.parametrize("state", list(GroupState))
    def test_every_state_of_a_group_is_in_it(self, text: str, state: GroupState) -> None:
        assert f"`{state}`" in text

    @pytest.mark.parametrize("interval", list(Interval))
    def test_every_interval_is_in_it(self, text: str, interval: Interval) -> None:
        assert re.search(rf"[` ]{interval}[` ]", text)
