"""What is told after a restart comes in an order in which it can be true."""

from __future__ import annotations

from typing import Any

from engine import buy
from engine.model.event import KillMode, KillTripped, OrderStreamChanged
from engine.model.order_update import RemoteStatus
from engine.model.scope import EVERYTHING
from tests.engine.core.live_kernel import LiveKernel, Puppet

R = RemoteStatus


class Listening(Puppet):
    """Writes down how its groups stand as well."""

    def on_legs(self, group: Any) -> None:
        self.told.append(f"{group.name} {group.state}")


def test_a_group_is_told_of_behind_the_fill_that_closed_it() -> None:
    live = LiveKernel(strategy=Listening).ready()
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.FILLED, 65))
    live.tick()
    live.ask(lambda s: s.exit("g"))
    out = live.placed[-1]
    live.update(live.row(out, R.OPEN, broker_id="X2"))
    live = live.restart(strategy=Listening).start()
    live.tell(KillTripped(EVERYTHING, KillMode.CANCEL_ALL, "asha", "enough"))
    assert live.group().state == "KILLED"
    assert live.puppet.told == []
    live.tell(OrderStreamChanged("A1", True, "connected"))
    live.tell(OrderStreamChanged("B1", True, "connected"))
    for account in list(live.reads) * 2:
        shown = [live.row(ours, R.FILLED, 65), live.row(out, R.FILLED, 65, broker_id="X2")]
        live.show(account, *(shown if account == "A1" else ()))
    assert live.group().state == "CLOSED"
    assert [told for told in live.puppet.told if told.startswith("g ")] == ["g CLOSED"]
    assert live.puppet.told[-2:] == [f"{out} FILLED", "g CLOSED"]
