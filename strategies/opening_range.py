"""Trade the future out of its opening range, and let a trailing stop take the trade home."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from engine import (
    Bar,
    Field,
    GroupState,
    GroupView,
    Params,
    State,
    Strategy,
    Tick,
    buy,
    model_validator,
    sell,
    time,
)


class OpeningRangeParams(Params):
    """The range, the trades and the stop. Times are Indian clock times, ``"09:30"`` in the YAML.

    Give exactly one of ``trail_points`` and ``trail_pct``.
    """

    underlying: str = Field(description="whose nearest future: NIFTY")
    lots: int = Field(default=1, gt=0, description="lots of one trade")
    opens_at: time = Field(default=time(9, 15), description="when the range begins: the open")
    range_until: time = Field(default=time(9, 30), description="when it ends: a full minute")
    buffer_points: float = Field(default=5, ge=0, description="beyond the range, to be a breakout")
    trail_points: float | None = Field(default=None, gt=0, description="stop behind the best price")
    trail_pct: float | None = Field(default=None, gt=0, lt=100, description="the same, in percent")
    trades_per_side_max: int = Field(default=1, ge=1, description="long, and as many short, a day")
    last_entry_at: time = Field(default=time(14, 30), description="no trade is opened from then on")
    leave_at: time = Field(default=time(15, 10), description="when an open trade is closed")
    failures_max: int = Field(default=3, ge=1, description="refused or unwound tries, a day")
    retry_after_s: float = Field(default=30, ge=1, description="pause after one of those")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if not self.opens_at < self.range_until < self.last_entry_at <= self.leave_at:
            raise ValueError(
                "opens_at, range_until, last_entry_at and leave_at must follow each other"
            )
        if self.range_until.replace(second=0, microsecond=0) != self.range_until:
            raise ValueError("range_until must be a full minute: the range is made of them")
        if (self.trail_points is None) == (self.trail_pct is None):
            raise ValueError("give either trail_points or trail_pct")
        return self


class OpeningRangeState(State):
    """What a restart must not forget. Prices are rupees; ``best`` is the trade's best so far."""

    high: float | None = None
    low: float | None = None
    longs: int = 0
    shorts: int = 0
    best: float | None = None
    failures: int = 0
    quiet_until: datetime | None = None


class OpeningRange(Strategy[OpeningRangeParams]):
    """One trade at a time, and so many a side a day."""

    state: OpeningRangeState

    def on_start(self) -> None:
        """Build minutes of the future; a start after the open sees no whole range."""
        self.contract = self.future(self.params.underlying)
        self.bars(self.contract, "1m")
        self.at(self.params.leave_at, self.leave, missed="run")
        self.opening: list[Bar] = []
        first_minute = datetime.combine(self.now, self.params.opens_at) + timedelta(minutes=1)
        self.saw_the_open = self.now.time() < first_minute.time()
        if not self.saw_the_open and self.state.high is None:
            self.log.warning("started after the open: no range, so no trades today")

    def on_bar(self, bar: Bar) -> None:
        """Collect the minutes of the range; with the last of them it stands."""
        if self.state.high is not None or not self.saw_the_open:
            return
        now = self.now.time()
        if now <= self.params.range_until:
            self.opening.append(bar)
        if now >= self.params.range_until and self.opening:
            self.state.high = max(bar.high for bar in self.opening)
            self.state.low = min(bar.low for bar in self.opening)
            self.log.info("opening range", high=self.state.high, low=self.state.low)

    def on_tick(self, tick: Tick) -> None:
        """Look for a breakout, or move the stop of the trade that came of one."""
        trade = self.group("breakout")
        if trade is None:
            self._look(tick.last)
        elif trade.is_held:
            self._trail(trade, tick.last)

    def on_legs(self, group: GroupView) -> None:
        """Say what became of a trade; one that did not come about may be tried again later."""
        if group.state == GroupState.HELD:
            self._note_entry(group)
        elif group.state == GroupState.CLOSED:
            self.log.info("out", pnl_inr=round(group.pnl_inr, 2), why=group.why)
        elif group.state in (GroupState.REFUSED, GroupState.UNWOUND):
            self.state.failures += 1
            self.state.quiet_until = self.now + timedelta(seconds=self.params.retry_after_s)
            self.log.warning("no trade", why=group.why, failures=self.state.failures)

    def leave(self) -> None:
        """Close what is open for the day."""
        self.exit("breakout", "end of the day")

    def _look(self, last: float) -> None:
        p, state = self.params, self.state
        if state.high is None or state.low is None or state.failures >= p.failures_max:
            return
        is_up = last > state.high + p.buffer_points and state.longs < p.trades_per_side_max
        is_down = last < state.low - p.buffer_points and state.shorts < p.trades_per_side_max
        if not (is_up or is_down) or not p.range_until <= self.now.time() < p.last_entry_at:
            return
        if state.quiet_until is not None and self.now < state.quiet_until:
            return
        state.best = None
        if is_up:
            self.enter(buy(self.contract, p.lots), name="breakout")
        else:
            self.enter(sell(self.contract, p.lots), name="breakout")

    def _note_entry(self, trade: GroupView) -> None:
        """Count the trade, once, and start its stop from the price it was entered at."""
        if self.state.best is not None:
            return
        self.state.best = trade.average_price(self.contract)
        if trade.quantity(self.contract) > 0:
            self.state.longs += 1
        else:
            self.state.shorts += 1
        self.log.info("in", price=self.state.best, longs=self.state.longs, shorts=self.state.shorts)

    def _trail(self, trade: GroupView, last: float) -> None:
        """Follow the best price since the entry, and leave when the market has come back."""
        best = self.state.best
        if best is None:
            return
        is_long = trade.quantity(self.contract) > 0
        self.state.best = best = max(best, last) if is_long else min(best, last)
        behind = self.params.trail_points or best * (self.params.trail_pct or 0) / 100
        back = best - last if is_long else last - best
        if back >= behind:
            self.exit(trade, f"stop: {back:.2f} points back from {best:.2f}")
