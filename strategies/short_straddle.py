"""Sell the at-the-money straddle after the open; leave when its premium has risen too far."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from engine import (
    Field,
    GroupState,
    GroupView,
    Params,
    State,
    Strategy,
    Tick,
    model_validator,
    sell,
    time,
)


class StraddleParams(Params):
    """What is sold, when, and how often. Times are Indian clock times, ``"09:20"`` in the YAML."""

    underlying: str = Field(description="whose options: NIFTY")
    lots: int = Field(default=1, gt=0, description="lots of each leg")
    enter_at: time = Field(default=time(9, 20), description="when the first straddle is sold")
    last_entry_at: time = Field(default=time(14, 30), description="nothing is sold from then on")
    leave_at: time = Field(default=time(15, 10), description="when everything is bought back")
    stop_pct: float = Field(
        default=25, gt=0, description="rise of the combined premium that ends it, percent"
    )
    reentries_max: int = Field(default=1, ge=0, description="straddles sold again after a stop")
    reentry_after_s: float = Field(default=300, ge=1, description="pause after a stop")
    attempts_max: int = Field(
        default=3, ge=1, description="tries for one straddle when it is refused or unwound"
    )
    retry_after_s: float = Field(default=30, ge=1, description="pause between two tries")

    @model_validator(mode="after")
    def _times_in_order(self) -> Self:
        if not self.enter_at < self.last_entry_at <= self.leave_at:
            raise ValueError("enter_at, last_entry_at and leave_at must follow each other")
        return self


class StraddleState(State):
    """What a restart must not forget: stops taken today, and failed tries for this straddle."""

    stops: int = 0
    failures: int = 0
    sell_at: time | None = None


class ShortStraddle(Strategy[StraddleParams]):
    """One straddle at a time, with one stop on what its two legs cost together."""

    state: StraddleState

    def on_start(self) -> None:
        """Watch the underlying and make the day's two appointments."""
        self.watch(self.params.underlying)
        self.at(self.params.enter_at, self.sell_straddle)
        self.at(self.params.leave_at, self.leave, missed="run")

    def on_recovered(self) -> None:
        """Keep the appointment that the restart interrupted."""
        if self.state.sell_at is not None:
            self.at(self.state.sell_at, self.sell_straddle, missed="run")

    def sell_straddle(self) -> None:
        """Sell the call and the put nearest the money: both, or neither."""
        self.state.sell_at = None
        chain = self.chain(self.params.underlying)
        if chain.spot is None:
            self._try_again(f"{self.params.underlying} has no price yet")
            return
        call, put = chain.at_the_money()
        self.enter(
            sell(call, self.params.lots),
            sell(put, self.params.lots),
            name="straddle",
            on_failure="unwind",
        )

    def on_tick(self, tick: Tick) -> None:
        """Hold the combined premium against the stop, whichever leg or index moved."""
        straddle = self.group("straddle")
        if straddle and straddle.is_held and straddle.loss_pct >= self.params.stop_pct:
            self.state.stops += 1
            self.exit(straddle, f"stop: its premium has risen by {straddle.loss_pct:.1f} %")

    def on_legs(self, group: GroupView) -> None:
        """Sell again after a stop, or after a straddle that did not come about."""
        if group.state == GroupState.HELD:
            self.state.failures = 0
            self.log.info("straddle sold", premium_inr=round(group.entry_premium_inr, 2))
        elif group.state in (GroupState.REFUSED, GroupState.UNWOUND):
            self._try_again(group.why)
        elif group.state == GroupState.CLOSED:
            self.log.info("straddle closed", pnl_inr=round(group.pnl_inr, 2), why=group.why)
            if 0 < self.state.stops <= self.params.reentries_max:
                self._sell_after(self.params.reentry_after_s)

    def leave(self) -> None:
        """Buy everything back for the day."""
        self.exit("straddle", "end of the day")

    def _try_again(self, why: str) -> None:
        self.state.failures += 1
        self.log.warning("no straddle", why=why, failures=self.state.failures)
        if self.state.failures < self.params.attempts_max:
            self._sell_after(self.params.retry_after_s)

    def _sell_after(self, pause_s: float) -> None:
        again = (self.now + timedelta(seconds=pause_s)).time()
        if again < self.params.last_entry_at:
            self.state.sell_at = again
            self.at(again, self.sell_straddle)
