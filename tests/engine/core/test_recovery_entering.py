"""What a strategy enters while its engine is still recovering."""

from __future__ import annotations

from engine import buy
from engine.model.event import OrderStreamChanged
from engine.model.legs import GroupState
from tests.engine.core.live_kernel import LiveKernel


def test_a_group_entered_before_prices_and_books_are_there_waits_for_both() -> None:
    again = LiveKernel().ready().restart().start()
    again.ask(lambda s: s.enter(buy(again.call, 1), name="early"))
    (group,) = again.kernel.placement.groups.values()
    for account in ("A1", "B1"):
        again.tell(OrderStreamChanged(account, True, "connected"))
        while account in again.reads:
            again.show(account)
    assert again.puppet.recovered
    assert group.state is GroupState.DRAFT
    assert not again.placed
    again.tick()
    assert len(again.placed) == 1
