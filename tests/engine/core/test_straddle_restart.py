"""Issue 4's own test: a straddle held at 11:00, ``kill -9``, a restart, and its stop still fires."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest

from engine.model.event import OrderStreamChanged
from engine.model.order import Order
from engine.model.order_update import OrderUpdate, RemoteStatus
from engine.rules.clock_time import at_ns, ns
from strategies.short_straddle import ShortStraddle, StraddleParams, StraddleState
from tests.engine.core.live_kernel import DAY, LiveKernel

R = RemoteStatus


SHIPPED: dict[str, Any] = {
    "strategy": ShortStraddle,
    "params": StraddleParams(underlying="NIFTY"),
    "state": StraddleState,
}


def fill(live: LiveKernel, client_id: str, broker_id: str, price: float) -> OrderUpdate:
    order: Order = live.order(client_id)
    row = live.row(
        client_id, R.FILLED, 65, broker_id=broker_id,
        average_price=order.instrument.price(price, order.side, "nearest"),
    )  # fmt: skip
    live.update(row)
    return row


@pytest.mark.parametrize("away_s", [0.1, 30, 600])
def test_its_stop_still_fires_and_nothing_is_entered_twice(away_s: float) -> None:
    live = LiveKernel(now=at_ns(DAY, time(9, 19, 50)), **SHIPPED).ready()
    live.wait(9)
    live.tick()
    live.wait(1)
    call, put = live.placed
    rows = [fill(live, call, "X1", 100.0), fill(live, put, "X2", 90.0)]
    live.wait((at_ns(DAY, time(11)) - live.now) / 1e9)
    live.tick()
    assert live.group("straddle").state == "HELD"

    # kill -9: nothing of the process is left but what it wrote.
    again = live.restart(away_s, **SHIPPED).start()
    settle = {again.call: -65, again.put: -65}
    for account in ("A1", "B1"):
        again.tell(OrderStreamChanged(account, True, "connected"))
    for account in list(again.reads) * 2:
        again.show(
            account, *(rows if account == "A1" else ()), held=settle if account == "A1" else None
        )
    again.tick()
    assert again.group("straddle").state == "HELD"
    assert again.placed == []

    again.wait(60)
    again.prices = {again.call: 130.0, again.put: 95.0}
    again.tick()
    assert again.placed == []
    assert again.puppet.state.stops == 0
    again.prices = {again.call: 150.0, again.put: 100.0}
    again.tick()
    assert len(again.placed) == 2
    orders = [again.order(client_id) for client_id in again.placed]
    assert all(order.key.exit and order.side.name == "BUY" for order in orders)
    assert {o.instrument for o in orders} == {again.call, again.put}
    for number, order in enumerate(orders):
        fill(again, order.client_id, f"Y{number}", 140.0)
    assert again.group("straddle").state == "CLOSED"
    assert not dict(again.kernel.desk.ledger.nets(None))
    assert again.now - live.now >= ns(60)
