"""Sell a strangle, buy its wings first, and live on the time that passes between them."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from engine import (
    Chain,
    Field,
    GroupState,
    GroupView,
    Instrument,
    Params,
    Right,
    State,
    Strategy,
    Tick,
    buy,
    chain,
    model_validator,
    sell,
    time,
)


class CondorParams(Params):
    """Which strikes, when, and what ends it. Times are Indian clock times, ``"09:30"`` in the YAML.

    Percentages are of the credit: what the four legs brought in together.
    """

    underlying: str = Field(description="whose options: NIFTY")
    expiry: str = Field(default="nearest", description="nearest, weekly, next or monthly")
    lots: int = Field(default=1, gt=0, description="lots of each leg")
    short_delta: float = Field(default=0.20, gt=0, lt=0.5, description="delta of what is sold")
    delta_tolerance: float = Field(
        default=0.10, gt=0, description="no condor where the nearest delta is further off"
    )
    short_offset: int | None = Field(
        default=None, ge=1, description="sell so many strikes from the money instead of by delta"
    )
    wing_strikes: int = Field(default=4, ge=1, description="from a sold strike to its wing")
    watch_strikes: int = Field(default=12, ge=1, description="watched each side, for the deltas")
    enter_at: time = Field(default=time(9, 30), description="when it is sold")
    last_entry_at: time = Field(default=time(13, 0), description="no try from then on")
    leave_at: time = Field(default=time(15, 10), description="when it is closed, come what may")
    take_profit_pct: float = Field(default=50, gt=0, description="gain that ends it, percent")
    stop_pct: float = Field(default=100, gt=0, description="loss that ends it, percent")
    attempts_max: int = Field(default=2, ge=1, description="tries when refused or unwound")
    retry_after_s: float = Field(default=60, ge=1, description="pause between two tries")

    @model_validator(mode="after")
    def _times_in_order(self) -> Self:
        if not self.enter_at < self.last_entry_at <= self.leave_at:
            raise ValueError("enter_at, last_entry_at and leave_at must follow each other")
        return self


class CondorState(State):
    """What a restart must not forget: tries that failed, and when the next one is due."""

    failures: int = 0
    sell_at: time | None = None


class IronCondor(Strategy[CondorParams]):
    """One condor a day: no sold option ever stands without its wing."""

    state: CondorState

    def on_start(self) -> None:
        """Watch the strikes around the money well before they are needed: deltas need prices."""
        p = self.params
        self.watch(chain(p.underlying, p.expiry, strikes=p.watch_strikes))
        self.at(p.enter_at, self.sell_condor)
        self.at(p.leave_at, self.leave, missed="run")

    def on_recovered(self) -> None:
        """Keep the appointment that the restart interrupted."""
        if self.state.sell_at is not None:
            self.at(self.state.sell_at, self.sell_condor, missed="run")

    def sell_condor(self) -> None:
        """Enter all four legs; the wings are bought before anything is sold."""
        self.state.sell_at = None
        options = self.chain(self.params.underlying, self.params.expiry)
        call, put = self._short(options, Right.CALL), self._short(options, Right.PUT)
        if call is None or put is None:
            self._try_again("no strike to sell has a price and the right delta")
            return
        lots, wing = self.params.lots, self.params.wing_strikes
        self.enter(
            buy(options.further(call, wing), lots),
            buy(options.further(put, wing), lots),
            sell(call, lots),
            sell(put, lots),
            name="condor",
            sequencing="hedge_first",
            on_failure="unwind",
        )

    def on_tick(self, tick: Tick) -> None:
        """Take the profit, or the loss."""
        condor = self.group("condor")
        if not condor or not condor.is_held:
            return
        loss_pct = condor.loss_pct
        if loss_pct >= self.params.stop_pct:
            self.exit(condor, f"stop: {loss_pct:.1f} % of the credit is lost")
        elif loss_pct <= -self.params.take_profit_pct:
            self.exit(condor, f"profit: {-loss_pct:.1f} % of the credit is earned")

    def on_legs(self, group: GroupView) -> None:
        """Say what became of it; try again when it did not come about."""
        if group.state == GroupState.HELD:
            self.log.info("condor sold", credit_inr=round(group.entry_premium_inr, 2))
        elif group.state in (GroupState.REFUSED, GroupState.UNWOUND):
            self._try_again(group.why)
        elif group.state == GroupState.CLOSED:
            self.log.info("condor closed", pnl_inr=round(group.pnl_inr, 2), why=group.why)

    def leave(self) -> None:
        """Close it for the day."""
        self.exit("condor", "end of the day")

    def _short(self, options: Chain, right: Right) -> Instrument | None:
        """Return the option to sell, None while the market does not say which."""
        offset, wanted = self.params.short_offset, self.params.short_delta
        if options.spot is None:
            return None
        if offset is not None:
            return options.call(offset) if right is Right.CALL else options.put(-offset)
        found = options.by_delta(wanted, right)
        delta = options.delta(found)
        if delta is None or abs(abs(delta) - wanted) > self.params.delta_tolerance:
            return None
        return found

    def _try_again(self, why: str) -> None:
        self.state.failures += 1
        self.log.warning("no condor", why=why, failures=self.state.failures)
        again = (self.now + timedelta(seconds=self.params.retry_after_s)).time()
        may_try = self.state.failures < self.params.attempts_max
        if may_try and again < self.params.last_entry_at:
            self.state.sell_at = again
            self.at(again, self.sell_condor)
