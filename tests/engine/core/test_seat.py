"""A strategy's seat: whatever a hook does, only its own strategy pays for it."""

from __future__ import annotations

import sys
from datetime import time
from typing import Any

import msgspec
import pytest

from engine import GroupState, Params, State, Strategy, buy, sell
from engine.core.kernel import Kernel
from engine.core.kernel_config import KernelConfig
from engine.core.seat import SeatConfig
from engine.errors import FileError, InvariantBroken
from engine.model.event import FeedHealthChanged, HealthState, HookOverran, Started
from engine.model.market import Bar, Depth, Tick
from engine.model.order import Order, Product
from engine.model.record import StateSaved, StrategyHalted
from engine.rules.sessions import Sessions
from engine.testing import LIMITS, TRADING_DATE, StrategyHarness, nifty_chain
from risk.gate import Gate
from risk.kill_switch import KillSwitch
from risk.limits import StrategyLimits


class Raising(Strategy[Params]):
    """Sells a straddle, and raises in the hook it is told to."""

    raises_in = ""

    def on_start(self) -> None:
        self._maybe("on_start")
        self.watch("NIFTY", depth=False)
        self.watch(self.future("NIFTY"), depth=True)
        self.bars("NIFTY", "1m")
        self.at(time(9, 17), self.timer)
        self.at(time(9, 18), self.work)

    def timer(self) -> None:
        call, put = self.chain("NIFTY").at_the_money()
        self.enter(sell(call), sell(put), name="straddle")
        self._maybe("timer")

    def work(self) -> None:
        self.background(self.sleep(), self.done)

    async def sleep(self) -> int:
        return 1

    def done(self, _: int) -> None:
        self._maybe("done")

    def on_tick(self, _: Tick) -> None:
        self._maybe("on_tick", after=time(9, 19))

    def on_depth(self, _: Depth) -> None:
        self._maybe("on_depth", after=time(9, 19))

    def on_bar(self, _: Bar) -> None:
        self._maybe("on_bar", after=time(9, 19))

    def on_order(self, _: Order) -> None:
        self._maybe("on_order")

    def on_legs(self, group: Any) -> None:
        if group.state == GroupState.HELD:
            self._maybe("on_legs")

    def on_stop(self) -> None:
        self._maybe("on_stop")

    def _maybe(self, hook: str, after: time = time(0)) -> None:
        if self.raises_in == hook and self.now.time() >= after:
            raise ZeroDivisionError(f"in {hook}")


def _raising(hook: str) -> StrategyHarness:
    return StrategyHarness(type("Raising", (Raising,), {"raises_in": hook}))


HOOKS = ["timer", "done", "on_tick", "on_depth", "on_bar", "on_order", "on_legs"]


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_that_raises_halts_its_strategy_and_its_groups_are_left(hook: str) -> None:
    harness = _raising(hook)
    harness.spot(24_312.0)
    harness.advance("09:20:30")
    assert harness.halted == f"{hook} raised ZeroDivisionError: in {hook}"
    assert harness.group("straddle").is_done
    assert all(harness.position(o.instrument) == 0 for o in harness.orders)
    (halt,) = [r for r in harness.records if isinstance(r, StrategyHalted)]
    assert "ZeroDivisionError" in halt.traceback


@pytest.mark.parametrize("hook", ["on_start", "on_tick", "on_legs"])
def test_a_hook_that_is_no_plain_function_is_refused_before_the_start(hook: str) -> None:
    async def waits(_: Any, __: Any = None) -> None:
        """Never run."""

    with pytest.raises(FileError, match=f"{hook}: waits is an async def, and hooks are plain"):
        StrategyHarness(type("Waiting", (Raising,), {hook: waits}))


def test_without_a_hook_that_raises_it_runs_to_the_end() -> None:
    harness = _raising("")
    harness.spot(24_312.0)
    harness.advance("09:20:30")
    harness.stop()
    assert not harness.halted
    assert harness.group("straddle").is_held


def test_on_stop_may_raise_too() -> None:
    harness = _raising("on_stop")
    harness.spot(24_312.0)
    harness.stop()
    assert "on_stop raised" in harness.halted


def test_a_strategy_that_raises_at_its_start_keeps_the_run_from_starting() -> None:
    with pytest.raises(FileError, match=r"strategy strategy: on_start raised ZeroDivisionError"):
        _raising("on_start").start()


class Quitting(Strategy[Params]):
    def on_start(self) -> None:
        self.at(time(9, 16), self.leave_python)

    def leave_python(self) -> None:
        sys.exit(3)


def test_a_strategy_that_calls_exit_halts_itself_and_not_the_engine() -> None:
    harness = StrategyHarness(Quitting)
    harness.advance("09:17")
    assert harness.halted == "leave_python raised SystemExit: 3"


class Recursing(Strategy[Params]):
    def on_start(self) -> None:
        self.at(time(9, 16), self.down)

    def down(self) -> None:
        self.down()


def test_endless_recursion_halts_the_strategy() -> None:
    harness = StrategyHarness(Recursing)
    harness.advance("09:17")
    assert "RecursionError" in harness.halted


class Counted(State):
    count: int = 0
    notes: list[Any] = []  # noqa: RUF012 - msgspec copies it


class Counting(Strategy[Params]):
    state: Counted

    def on_start(self) -> None:
        self.every(1, self.count)

    def count(self) -> None:
        if self.state.count < 3:
            self.state.count += 1
        elif self.now.time() >= time(9, 16):
            self.state.notes.append(object())


class TestState:
    def test_is_journaled_whenever_a_hook_has_changed_it(self) -> None:
        harness = StrategyHarness(Counting)
        harness.advance("09:15:30")
        saved = [r for r in harness.records if isinstance(r, StateSaved)]
        assert [msgspec.json.decode(r.payload)["count"] for r in saved] == [1, 2, 3]

    def test_that_cannot_be_written_down_halts_the_strategy(self) -> None:
        harness = StrategyHarness(Counting)
        harness.advance("09:16:05")
        assert harness.halted.startswith("state raised TypeError")


class TestBudget:
    def test_a_hook_that_overruns_is_halted_by_name_when_the_watchdog_says_so(
        self, stage: Any
    ) -> None:
        s = stage()
        s.enter(buy(s.call))
        s.seconds(1)
        s.tell(HookOverran("strategy", "on_tick", 75.0))
        s.seconds(2)
        assert s.halted == "on_tick took 75 ms, its budget is 50 ms"
        assert s.group("group").is_done

    def test_an_overrun_is_noticed(self) -> None:
        clock = iter(range(0, 10**12, 60_000_000))
        kernel = _kernel(stopwatch=lambda: next(clock))
        _sit(kernel, Counting, "slow")
        kernel.handle(Started(), 1)
        kernel.seats["slow"].call("count", kernel.seats["slow"].strategy.count)
        (overrun,) = kernel.overruns
        assert (overrun.strategy, overrun.hook, overrun.took_ns) == ("slow", "count", 60_000_000)


class Idle(Strategy[Params]):
    """Its author wrote no hook at all."""


class ChangingHooks(Strategy[Params]):
    """Hears of its orders and groups from when it trades, by functions it takes then."""

    def on_start(self) -> None:
        self.heard: list[str] = []
        self.watch("NIFTY")
        self.at(time(9, 17), self.trade)

    def trade(self) -> None:
        vars(self).update(
            on_order=lambda _: self.heard.append("order"),
            on_legs=lambda group: self.heard.append(group.state),
        )
        call, put = self.chain("NIFTY").at_the_money()
        self.enter(sell(call), sell(put), name="straddle")


class TestUnwritten:
    def test_a_hook_that_nobody_wrote_is_not_called(self) -> None:
        kernel = _kernel(stopwatch=lambda: pytest.fail("it was called"))
        seat, context = kernel.seat(_config("a"))
        seat.sit(Idle(Params(), State(), context))
        seat.call("on_order", seat.strategy.on_order, None)
        seat.call("on_legs", seat.strategy.on_legs, None)

    def test_a_hook_that_is_put_in_its_place_later_is_called(self) -> None:
        harness = StrategyHarness(ChangingHooks)
        harness.spot(24_312.0)
        harness.advance("09:20:30")
        assert harness.group("straddle").is_held
        assert {"order", GroupState.HELD} <= set(vars(harness.strategy)["heard"])

    def test_what_changed_between_hooks_is_journaled_behind_one_all_the_same(self) -> None:
        kernel = _kernel()
        made = _sit(kernel, Counting, "a")
        made.state.count = 5
        seat = kernel.seats["a"]
        seat.call("on_order", seat.strategy.on_order, None)
        assert msgspec.json.decode(kernel.desk.states["a"])["count"] == 5


class TestOthers:
    def test_a_halted_strategy_leaves_the_others_alone(self) -> None:
        kernel = _kernel()
        good, bad = _sit(kernel, Counting, "good"), _sit(kernel, Counting, "bad")
        kernel.handle(Started(), 1)
        kernel.handle(HookOverran("bad", "count", 80.0), 2)
        kernel.seats["good"].call("count", good.count)
        kernel.seats["bad"].call("count", bad.count)
        assert (good.state.count, bad.state.count) == (1, 0)

    def test_two_of_one_name_are_our_own_bug(self) -> None:
        kernel = _kernel()
        _sit(kernel, Counting, "a")
        with pytest.raises(InvariantBroken, match="two strategies are called a"):
            _sit(kernel, Counting, "a")


class TestKernel:
    def test_time_never_runs_backwards(self) -> None:
        kernel = _kernel()
        kernel.handle(Started(), 5)
        with pytest.raises(InvariantBroken, match="time ran backwards"):
            kernel.handle(Started(), 4)

    def test_an_event_it_does_not_know_is_our_own_bug(self) -> None:
        with pytest.raises(InvariantBroken, match="no handler for int"):
            _kernel().handle(5, 5)  # type: ignore[arg-type]

    def test_a_feed_that_goes_stale_is_critical_and_its_return_is_not(self) -> None:
        kernel = _kernel()
        effects = kernel.handle(FeedHealthChanged("angel", HealthState.STALE, "no frame"), 1)
        assert any(getattr(e, "level", "") == "critical" for e in effects)
        effects = kernel.handle(FeedHealthChanged("angel", HealthState.FRESH, "frames"), 2)
        assert not any(getattr(e, "level", "") == "critical" for e in effects)

    def test_an_event_that_changes_nothing_has_no_effects(self) -> None:
        kernel = _kernel()
        tick = Tick(kernel.desk.catalogue[0], "test", 1.0, 1, 1)
        assert tuple(kernel.handle(tick, 1)) == ()


def _kernel(**options: Any) -> Kernel:
    sessions = Sessions()
    names = {name: StrategyLimits() for name in ("good", "bad", "slow", "a")}
    return Kernel(
        KernelConfig(trading_date=TRADING_DATE),
        nifty_chain(),
        sessions,
        Gate(LIMITS, names, sessions, TRADING_DATE),
        KillSwitch(),
        **options,
    )


def _config(name: str) -> SeatConfig:
    return SeatConfig(strategy_id=name, accounts={"paper": 1}, product=Product.INTRADAY)


def _sit(kernel: Kernel, strategy: type[Strategy[Any]], name: str) -> Any:
    seat, context = kernel.seat(_config(name))
    made = strategy(Params(), Counted(), context)
    seat.sit(made)
    return made
