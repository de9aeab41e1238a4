"""In which order a strategy is told things, also around a restart."""

from __future__ import annotations

from typing import Any

from engine import buy
from engine.model.event import OrderStreamChanged
from engine.model.market import Tick
from engine.model.order_update import RemoteStatus
from tests.engine.core.live_kernel import LiveKernel, Puppet
from tests.engine.core.test_state_digest import fill, taken_back


class Listener(Puppet):
    """Writes down every hook, and what comes by itself every 10 seconds."""

    def on_start(self) -> None:
        super().on_start()
        self.hooks: list[str] = []
        self.every(10, self.wake)

    def wake(self) -> None:
        self.hooks.append("wake")

    def on_tick(self, tick: Tick) -> None:
        del tick
        self.hooks.append("on_tick")

    def on_recovered(self) -> None:
        self.hooks.append("on_recovered")

    def on_order(self, order: Any) -> None:
        self.hooks.append(f"{order.lifecycle} {order.filled_quantity}")


def test_a_fill_that_came_before_its_reply_is_told_after_it() -> None:
    live = LiveKernel(accounts={"B1": 1}).ready()
    (client_id,) = live.enter(buy(live.call, 1))
    live.update(live.row(client_id, RemoteStatus.FILLED, 65))
    live.accept(client_id, "X1")
    assert live.puppet.told[-2:] == [f"{client_id} ACKED", f"{client_id} FILLED"]


class Watcher(Listener):
    """Writes down what it hears of its groups as well."""

    def on_legs(self, group: Any) -> None:
        self.hooks.append(str(group.state))


def test_a_fill_that_opens_a_group_again_is_told_before_the_group() -> None:
    live = LiveKernel(strategy=Watcher).ready()
    ours = taken_back(live)
    live.puppet.hooks.clear()
    fill(live, ours)
    assert live.puppet.hooks[:2] == ["FILLED 65", "UNWINDING"]


def test_after_a_restart_nothing_is_told_before_on_recovered_and_all_of_it_then() -> None:
    live = LiveKernel(strategy=Listener).ready()
    (client_id,) = live.enter(buy(live.call, 1))
    again = live.restart(strategy=Listener).start()
    again.wait(35)
    again.tick()
    row = again.row(client_id, RemoteStatus.FILLED, 65)
    again.update(row)
    assert not again.puppet.hooks
    for account, rows in (("A1", (row,)), ("B1", ())):
        again.tell(OrderStreamChanged(account, True, "connected"))
        while account in again.reads:
            again.show(account, *rows, held={again.call: 65} if rows else None)
    assert again.puppet.hooks == ["on_recovered", "IN_DOUBT 0", "wake", "FILLED 65"]
    again.tick()
    assert again.puppet.hooks[-1] == "on_tick"
