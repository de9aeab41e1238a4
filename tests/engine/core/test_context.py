"""What a strategy may ask for and read, and what becomes of nonsense."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, date, time
from typing import Any

import pytest

from engine import Leg, Params, Side, Strategy, buy, chain, sell
from engine.errors import FileError
from engine.model.event import Armed
from engine.model.legs import Sequencing
from engine.testing import StrategyHarness

Ask = Callable[[Any, Any], Any]
NAN = float("nan")

NONSENSE: dict[str, tuple[Ask, str]] = {
    "a limit that is no number": (lambda p, s: p.enter(buy(s.call, limit=NAN), name="g"), "nan"),
    "an infinite limit": (lambda p, s: p.enter(buy(s.call, limit=math.inf), name="g"), "inf"),
    "a limit of zero": (lambda p, s: p.enter(buy(s.call, limit=0), name="g"), "not above 0"),
    "a negative trigger": (lambda p, s: p.enter(buy(s.call, trigger=-5), name="g"), "not above 0"),
    "zero lots": (lambda p, s: p.enter(buy(s.call, 0), name="g"), "lots must be a whole number"),
    "half a lot": (lambda p, s: p.enter(buy(s.call, 0.5), name="g"), "lots must be a whole number"),
    "lots that are true": (lambda p, s: p.enter(buy(s.call, True), name="g"), "lots must be"),
    "a leg made by hand without lots": (
        lambda p, s: p.enter(Leg(instrument=s.call, side=Side.BUY, lots=0), name="g"),
        "lots must be",
    ),
    "an index": (
        lambda p, s: p.enter(buy(s.instrument("NIFTY")), name="g"),
        "is an index and cannot be traded",
    ),
    "a symbol for an instrument": (
        lambda p, _: p.enter(buy("NIFTY"), name="g"),
        "takes an instrument, not 'NIFTY'",
    ),
    "an unknown option": (
        lambda p, _: p.enter(buy(p.chain("NIFTY").strike(24_301, "CE")), name="g"),
        "has no strike 24301",
    ),
    "no legs": (lambda p, _: p.enter(name="g"), "at least one leg"),
    "an instrument for a leg": (lambda p, s: p.enter(s.call, name="g"), "made with buy(...)"),
    "no name": (lambda p, s: p.enter(buy(s.call), name=""), "a group's name"),
    "a name with dots": (lambda p, s: p.enter(buy(s.call), name="a.b"), "a group's name"),
    "a name that is a number": (lambda p, s: p.enter(buy(s.call), name=5), "a group's name"),
    "an unknown option of the group": (
        lambda p, s: p.enter(buy(s.call), name="g", retires=3),
        "no option 'retires'",
    ),
    "an unknown policy": (
        lambda p, s: p.enter(buy(s.call), name="g", on_failure="pray"),
        "Invalid enum value 'pray'",
    ),
    "an unknown sequence": (
        lambda p, s: p.enter(buy(s.call), name="g", sequencing="random"),
        "Invalid enum value 'random'",
    ),
    "a deadline that is no number": (
        lambda p, s: p.enter(buy(s.call), name="g", deadline_s=NAN),
        "deadline_s must be a finite number",
    ),
    "an endless deadline": (
        lambda p, s: p.enter(buy(s.call), name="g", exit_deadline_s=math.inf),
        "exit_deadline_s must be a finite number",
    ),
    "negative slippage": (
        lambda p, s: p.enter(buy(s.call), name="g", max_slippage_pct=-1),
        "must not be negative",
    ),
    "a chase without a pause": (
        lambda p, s: p.enter(buy(s.call), name="g", chase_every_s=0),
        "chase_every_s must be at least 0.1 s",
    ),
    "a fraction of a retry": (
        lambda p, s: p.enter(buy(s.call), name="g", retries=1.5),
        "Expected `int`",
    ),
    "somebody else's group": (lambda p, _: p.exit(object()), "is not a group of strategy"),
    "a text for a time": (lambda p, _: p.at("09:30", print), "takes a time of day"),
    "a time elsewhere": (lambda p, _: p.at(time(9, 30, tzinfo=UTC), print), "another zone"),
    "an unknown answer to being late": (
        lambda p, _: p.at(time(9, 30), print, missed="maybe"),
        '"skip" or "run"',
    ),
    "every no time": (lambda p, _: p.every(0, print), "self.every takes seconds"),
    "every moment": (lambda p, _: p.every(1e-12, print), "self.every takes seconds"),
    "every never": (lambda p, _: p.every(math.inf, print), "self.every takes seconds"),
    "a hook that was called": (lambda p, _: p.at(time(9, 30), None), "self.at takes a function"),
    "a hook that is async": (lambda p, _: p.every(5, asyncio.sleep), "sleep is an async def"),
    "background work that is none": (lambda p, _: p.background(5, print), "takes a coroutine"),
    "an unknown interval": (lambda p, _: p.bars("NIFTY", "7m"), "no bars of '7m'"),
    "an unknown instrument": (lambda p, _: p.last("NIFTTY"), "no instrument 'NIFTTY'"),
    "an unknown expiry": (lambda p, _: p.chain("NIFTY", "tomorrow"), "is not one of nearest"),
    "an expiry that is none": (
        lambda p, _: p.chain("NIFTY", date(2026, 8, 26)),
        "has no expiry 2026-08-26",
    ),
    "a delta that is none": (lambda p, _: p.chain("NIFTY").by_delta(NAN, "CE"), "between 0 and 1"),
    "a future far away": (lambda p, _: p.future("NIFTY", 7), "1 futures known"),
}


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_halts_the_strategy_with_a_sentence_and_sends_nothing(
    stage: Any, what: str
) -> None:
    ask, why = NONSENSE[what]
    s = stage()
    s.ask(lambda p: ask(p, s))
    s.seconds(5)
    assert why in s.halted
    assert s.orders == []


class Looping(Strategy[Params]):
    """Asks again as soon as it is answered."""

    def on_start(self) -> None:
        self.watch("NIFTY")
        self.at(time(9, 20), self.begin)

    def begin(self) -> None:
        self.enter(buy(self.chain("NIFTY").call(), limit=1.0), name="loop")
        self.exit("loop")

    def on_legs(self, _: Any) -> None:
        self.begin()


class Tight(Strategy[Params]):
    """Makes an appointment in the past from the appointment itself."""

    def on_start(self) -> None:
        self.at(time(9, 20), self.again)

    def again(self) -> None:
        self.at(time(9, 20), self.again, missed="run")


class Endless(Strategy[Params]):
    """Asks and asks within one hook."""

    def on_start(self) -> None:
        self.at(time(9, 20), self.ask)

    def ask(self) -> None:
        while True:
            self.exit("nothing")


@pytest.mark.parametrize("strategy", [Looping, Tight, Endless])
def test_a_strategy_in_an_endless_loop_is_halted(strategy: type[Strategy[Any]]) -> None:
    harness = StrategyHarness(strategy)
    harness.spot(24_312.0)
    harness.advance("09:20:05")
    assert "this is a loop" in harness.halted


class Clock(Strategy[Params]):
    """Writes down when its hooks ran."""

    def on_start(self) -> None:
        self.ran: list[str] = []
        self.at(time(9, 10), self.early)
        self.at(time(9, 10), self.early_but_run, missed="run")
        self.at(time(9, 16, 0, 500_000), self.later)
        self.at(time(9, 16), self.sooner)
        self.every(20, self.often)

    def early(self) -> None:
        self._note("early")

    def early_but_run(self) -> None:
        self._note("early but run")

    def later(self) -> None:
        self._note("later")

    def sooner(self) -> None:
        self._note("sooner")

    def often(self) -> None:
        self._note("often")

    def _note(self, what: str) -> None:
        self.ran.append(f"{self.now:%H:%M:%S.%f} {what}")


class TestTimes:
    def test_hooks_run_at_their_time_in_order(self) -> None:
        harness = StrategyHarness(Clock)
        harness.advance("09:16:10")
        assert isinstance(harness.strategy, Clock)
        assert harness.strategy.ran == [
            "09:15:00.000000 early but run",
            "09:15:20.000000 often",
            "09:15:40.000000 often",
            "09:16:00.000000 sooner",
            "09:16:00.000000 often",
            "09:16:00.500000 later",
        ]

    def test_a_time_that_is_past_is_said_to_be(self) -> None:
        harness = StrategyHarness(Clock)
        harness.start()
        assert (
            "warning: 09:10:00 was past when early was asked for; it does not run today"
            in harness.log
        )

    def test_now_is_indian_time(self) -> None:
        harness = StrategyHarness(Clock)
        harness.start()
        assert harness.strategy.now.isoformat() == "2026-08-19T09:15:00+05:30"


def test_what_repeats_goes_on_once_a_halted_strategy_is_armed_again(stage: Any) -> None:
    s = stage()
    called: list[str] = []
    s.ask(lambda p: p.watch(chain("NIFTY", strikes=2)))
    s.ask(lambda p: p.every(20, lambda: called.append(f"{p.now:%H:%M:%S}")))
    s.seconds(30)
    s.ask(lambda _: 1 / 0)
    s.seconds(90)
    s.spot(24_800.0)
    s.tell(Armed("strategy", "asha", "looked at it"))
    s.advance("09:23:30")
    assert [time[:5] for time in called] == ["09:20", "09:22", "09:22", "09:23", "09:23"]
    assert s.strategy.last(s.option(24_800, "CE")) is not None


class Worker(Strategy[Params]):
    """Sends work to the background."""

    def on_start(self) -> None:
        self.got: list[Any] = []
        self.at(time(9, 16), self.ask)
        self.at(time(9, 17), self.ask_badly)
        self.at(time(9, 18), self.ask_the_unwritable)

    def ask(self) -> None:
        self.background(self.fetch({"a": [1, 2.5, "x"]}), self.take)

    def ask_badly(self) -> None:
        self.background(self.fail(), self.take)

    def ask_the_unwritable(self) -> None:
        self.background(self.fetch(object()), self.take)

    async def fetch(self, what: Any) -> Any:
        await asyncio.sleep(0)
        return what

    async def fail(self) -> None:
        raise OSError("no route")

    def take(self, result: Any) -> None:
        self.got.append((self.now.time(), result))
        if len(self.got) == 1:
            self.background(self.fetch(None), self.take)


class TestBackground:
    def test_a_result_comes_back_before_time_moves_on_and_may_ask_for_more(self) -> None:
        harness = StrategyHarness(Worker)
        harness.advance("09:16:05")
        assert isinstance(harness.strategy, Worker)
        assert harness.strategy.got == [
            (time(9, 16), {"a": [1, 2.5, "x"]}),
            (time(9, 16), None),
        ]

    def test_work_that_raises_is_reported_and_its_hook_not_called(self) -> None:
        harness = StrategyHarness(Worker)
        harness.advance("09:19:00")
        assert isinstance(harness.strategy, Worker)
        assert len(harness.strategy.got) == 2
        assert any("background work failed: OSError: no route" in line for line in harness.log)
        assert any("unsupported" in line for line in harness.log)
        assert not harness.halted


class TestReading:
    def test_an_unwatched_price_is_none(self, stage: Any) -> None:
        s = stage()
        assert s.strategy.last(s.call) is None
        assert s.strategy.tick(s.call) is None
        assert s.strategy.depth(s.call) is None
        s.ask(lambda p: p.watch(s.call, depth=True))
        s.seconds(1)
        assert s.strategy.last(s.call) == s.strategy.tick(s.call).last
        assert s.strategy.depth(s.call).bids

    def test_legs_are_watched_until_their_group_is_flat(self, stage: Any) -> None:
        s = stage()
        s.enter(sell(s.call))
        s.seconds(2)
        assert s.strategy.last(s.call) is not None
        s.ask(lambda p: p.exit("group"))
        s.seconds(2)
        assert s.group("group").is_done
        assert s.strategy.last(s.call) is None

    def test_a_watched_chain_is_followed_as_the_money_moves(self, stage: Any) -> None:
        s = stage()
        s.ask(lambda p: p.watch(chain("NIFTY", strikes=2)))
        s.seconds(1)
        assert s.strategy.last(s.option(24_400, "CE")) is not None
        assert s.strategy.last(s.option(24_600, "CE")) is None
        s.spot(24_510)
        s.seconds(61)
        assert s.strategy.last(s.option(24_600, "CE")) is not None

    def test_positions_and_profit_are_the_strategys(self, stage: Any) -> None:
        s = stage()
        s.quote(s.call, 170.0)
        s.enter(sell(s.call, 2))
        s.seconds(2)
        position = s.strategy.position(s.call)
        assert position.quantity == -130
        s.quote(s.call, 160.0)
        s.seconds(1)
        assert s.strategy.pnl == pytest.approx((169.95 - 160.0) * 130)

    def test_dice_fall_the_same_way_each_time(self, stage: Any) -> None:
        assert stage().strategy.random.random() == stage().strategy.random.random()

    def test_groups_lists_what_is_not_done(self, stage: Any) -> None:
        s = stage()
        s.enter(sell(s.call), name="one")
        s.seconds(2)
        s.enter(sell(s.put), name="two")
        s.seconds(2)
        s.ask(lambda p: p.exit("one"))
        s.seconds(2)
        assert [g.name for g in s.strategy.groups()] == ["two"]
        assert s.strategy.group("one") is None
        assert s.strategy.id == "strategy"

    def test_history_is_empty_where_no_bars_were_asked_for(self, stage: Any) -> None:
        s = stage()
        assert s.strategy.history("NIFTY", "1m") == ()

    def test_a_policy_may_be_given_in_words_or_by_name(self, stage: Any) -> None:
        s = stage()
        s.enter(buy(s.call), sequencing=Sequencing.PARALLEL, on_failure="hold", deadline_s=None)
        policy = s.group("group").plan.policy
        assert (policy.sequencing, policy.on_failure, policy.deadline_s) == (
            "parallel",
            "hold",
            None,
        )

    def test_a_group_of_limits_has_no_deadline_of_its_own(self, stage: Any) -> None:
        s = stage()
        s.ask(lambda p: p.place(buy(s.call, limit=150.0), name="group"))
        assert s.group("group").plan.policy.deadline_s is None


class Fussy(Strategy[Params]):
    """Asks for what there is not, at the start."""

    def on_start(self) -> None:
        self.watch("NIFTTY")


def test_a_start_that_cannot_be_is_a_mistake_in_a_file() -> None:
    with pytest.raises(FileError, match="strategy strategy: no instrument 'NIFTTY'"):
        StrategyHarness(Fussy).start()
