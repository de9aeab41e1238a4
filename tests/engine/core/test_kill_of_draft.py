"""A group that waits for a price and one of whose accounts is killed is given up in all of them."""

from __future__ import annotations

from engine import GroupState, buy
from engine.model.event import KillMode, KillTripped
from tests.engine.core.live_kernel import LiveKernel
from tests.engine.core.test_state_digest import require_same_after_fold


def test_it_is_refused_whole() -> None:
    live = LiveKernel(accounts={"A1": 1, "B1": 1}).ready()
    unseen = live.catalogue.find("NIFTY 25AUG26 24500 CE")
    live.ask(lambda s: s.enter(buy(unseen, 1), name="g"))
    live.tell(KillTripped("account:A1", KillMode.CANCEL_ALL, "asha", "enough"))
    states = [part.state for part in live.group().parts.values()]
    assert states == [GroupState.REFUSED, GroupState.REFUSED]
    assert live.placed == []
    require_same_after_fold(live)
