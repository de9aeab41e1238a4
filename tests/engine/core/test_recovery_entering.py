"""What a strategy enters while its engine is still recovering."""

from __future__ import annotations

from engine import buy
from engine.model.event import OrderStreamChanged
from engine.model.legs import GroupState
from tests.engine.core.live_kernel import LiveKernel


def test_what_a_timer_would_enter_before_the_books_are_there_waits_for_them_and_for_prices() -> (
    None
):
    again = LiveKernel().ready().restart().start()
    again.ask(lambda s: s.enter(buy(again.call, 1), name="early"))
    assert not again.kernel.placement.groups
    for account in ("A1", "B1"):
        again.tell(OrderStreamChanged(account, True, "connected"))
        while account in again.reads:
            again.show(account)
    assert again.puppet.recovered
    (group,) = again.kernel.placement.groups.values()
    assert group.state is GroupState.DRAFT
    assert not again.placed
    again.tick()
    assert len(again.placed) == 1
