"""Groups of one strategy stand apart, also where they hold the same contract both ways."""

from __future__ import annotations

from engine import GroupState, Params, Strategy, buy, sell, time
from engine.testing import StrategyHarness


class BothWays(Strategy[Params]):
    def on_start(self) -> None:
        self.watch("NIFTY")
        self.at(time(9, 20), self.enter_both)
        self.at(time(9, 21), self.leave_both)

    def enter_both(self) -> None:
        call, _ = self.chain("NIFTY").at_the_money()
        self.enter(sell(call), name="short")
        self.enter(buy(call), name="long")

    def leave_both(self) -> None:
        self.exit("short")
        self.exit("long")


def test_opposite_groups_in_one_contract_both_get_flat_and_nothing_is_killed() -> None:
    harness = StrategyHarness(BothWays)
    harness.spot(24_312.0)
    harness.advance("09:20:10")
    assert harness.group("short").is_held
    assert harness.group("long").is_held
    harness.advance("09:21:30")
    assert harness.group("short").state is GroupState.CLOSED
    assert harness.group("long").state is GroupState.CLOSED
    assert not any("KILLED" in line for line in harness.log)


class AsksFromBackground(Strategy[Params]):
    def on_start(self) -> None:
        self.watch("NIFTY")
        self.at(time(9, 20), self.work)

    def work(self) -> None:
        self.background(self.wrong(), then=self.done)

    async def wrong(self) -> str:
        call, _ = self.chain("NIFTY").at_the_money()
        self.enter(sell(call), name="late")
        return "never"

    def done(self, result: str) -> None:
        self.log.error("came back", result=result)


def test_background_work_may_not_ask_for_anything_itself() -> None:
    harness = StrategyHarness(AsksFromBackground)
    harness.spot(24_312.0)
    harness.advance("09:20:10")
    assert harness.orders == []
    assert any("background work" in line and "then" in line for line in harness.log)
