"""A strategy that trades too much, at random, in every way there is, and remembers what it did."""

from __future__ import annotations

from datetime import time
from typing import Any

from engine import Params, State, Strategy, Tick, buy, sell
from engine.author import GroupView
from engine.model.order import Order
from tests.simulation.witness import Witness

STRIKES = (24_200, 24_250, 24_300, 24_350, 24_400)


class TraderParams(Params):
    """``every_s``: how often it thinks of something."""

    every_s: float = 18.0
    until: time = time(9, 30)


class TraderState(State):
    """What survives a restart: how many groups it has entered."""

    entered: int = 0


class Trader(Strategy[TraderParams]):
    """Enters straddles, condors and single legs, cancels, modifies and leaves them."""

    state: TraderState
    witness: Witness | None = None

    def on_start(self) -> None:
        if self.witness is not None:
            self.witness.starts()
        self.watch("NIFTY")
        chain = self.chain("NIFTY")
        self.options = [chain.strike(strike, right) for strike in STRIKES for right in ("CE", "PE")]
        for option in self.options:
            self.watch(option)
        self.every(self.params.every_s, self.think)

    def on_recovered(self) -> None:
        if self.witness is not None:
            self.witness.recovered()

    def on_order(self, order: Order) -> None:
        if self.witness is not None:
            self.witness.order(order)

    def on_legs(self, group: GroupView) -> None:
        if self.witness is not None:
            self.witness.legs(group)

    def think(self) -> None:
        if self.witness is not None:
            self.witness.hook("a timer")
        if self.now.time() >= self.params.until:
            for group in self.open_groups():
                self.exit(group)
            return
        groups = self.open_groups()
        dice = self.random
        if groups and dice.random() < 0.5:
            group = dice.choice(groups)
            if dice.random() < 0.8:
                self.exit(group)
            else:
                self.cancel(group)
            return
        if len(groups) < 3:
            self.enter_something()

    def open_groups(self) -> list[Any]:
        return [group for group in self.groups() if group.is_open]

    def enter_something(self) -> None:
        dice = self.random
        call, put, far_call, far_put = (
            self.options[4],
            self.options[5],
            self.options[8],
            self.options[1],
        )
        name = f"g{self.state.entered}"
        self.state.entered += 1
        policy = dice.choice(("unwind", "retry", "hold"))
        kind = dice.randrange(4)
        if kind == 0:
            self.enter(sell(call, 1), sell(put, 1), name=name, on_failure=policy)
        elif kind == 1:
            self.enter(
                sell(call, 1),
                sell(put, 1),
                buy(far_call, 1),
                buy(far_put, 1),
                name=name,
                on_failure=policy,
            )
        elif kind == 2:
            option = dice.choice(self.options)
            self.enter(buy(option, dice.randint(1, 3)), name=name, on_failure=policy)
        else:
            option = dice.choice(self.options)
            last = self.last(option)
            if last is not None:
                self.enter(buy(option, 1, limit=round(last * 0.98, 1)), name=name)

    def on_tick(self, tick: Tick) -> None:
        """Look at nothing: the timers decide."""
        del tick
        if self.witness is not None:
            self.witness.hook("on_tick")
