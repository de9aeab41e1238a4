"""What a broken loss limit does to what is held: in its own scope, and nowhere else."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from engine import GroupState, buy
from engine.model.order import Order
from engine.model.order_update import RemoteStatus
from tests.engine.core.live_kernel import ROOMY, LiveKernel

R = RemoteStatus
LIMITS: Final = ROOMY.model_copy(update={"max_loss_inr": Decimal(1000)})


def two_accounts(live: LiveKernel) -> dict[str, Order]:
    """Hold 65 calls in two accounts: A1 paid 100 for each, B1 only 20."""
    ours = {live.order(c).account: live.order(c) for c in live.enter(buy(live.call, 1))}
    live.update(live.row(ours["A1"], R.FILLED, 65, average_price=Decimal(100)))
    live.accept(ours["B1"].client_id, "Y1")
    live.update(live.row(ours["B1"], R.FILLED, 65, broker_id="Y1", average_price=Decimal(20)))
    return ours


def prints(live: LiveKernel, price: float) -> None:
    """Let the call print at a price, twice, a second apart: it is looked at once a second."""
    live.prices[live.call] = price
    for _ in range(2):
        live.wait(1.0)
        live.tick()


def test_an_account_has_its_limit_whatever_another_one_earns() -> None:
    live = LiveKernel(accounts={"A1": 1, "B1": 1}, limits=LIMITS).ready()
    ours = two_accounts(live)
    sent = len(live.placed)
    prints(live, 84.0)
    parts = live.group().parts
    assert {name: part.state for name, part in parts.items()} == {
        "A1": GroupState.EXITING,
        "B1": GroupState.HELD,
    }
    assert [live.order(c).account for c in live.placed[sent:]] == ["A1"]
    assert (live.state_of("A1"), live.state_of("B1")) == ("REDUCE_ONLY", "ACTIVE")
    assert any("account:A1: loss limit broken: daily loss: Rs -1,040" in t for t in live.alerts())
    assert ours
