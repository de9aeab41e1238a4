"""In which order a strategy is told things."""

from __future__ import annotations

from engine import buy
from engine.model.order_update import RemoteStatus
from tests.engine.core.live_kernel import LiveKernel


def test_a_fill_that_came_before_its_reply_is_told_after_it() -> None:
    live = LiveKernel(accounts={"B1": 1}).ready()
    (client_id,) = live.enter(buy(live.call, 1))
    live.update(live.row(client_id, RemoteStatus.FILLED, 65))
    live.accept(client_id, "X1")
    assert live.puppet.told[-2:] == [f"{client_id} ACKED", f"{client_id} FILLED"]
