"""What a person did counts once, wherever a crash cuts it off and whenever it is taken up again."""

from __future__ import annotations

import pytest

from engine.model.event import Armed, HumanAdjusted, KillMode, KillTripped
from engine.model.order import Product
from engine.model.record import ForeignHeld, HumanActed
from tests.engine.core.live_kernel import LiveKernel
from tests.engine.core.test_recovery import cut_after


def accept(live: LiveKernel) -> None:
    what = "A1", live.put, Product.INTRADAY, 65
    live.tell(HumanAdjusted(*what, "asha", "bought by phone", "act-1"))


@pytest.mark.parametrize("last", [HumanActed, ForeignHeld])
def test_an_accepted_difference_counts_once_whichever_record_of_it_was_the_last(last: type) -> None:
    live = LiveKernel().ready()
    for _ in range(2):
        accept(live)
    assert live.strangers() == {live.put.symbol: 65}
    again = cut_after(live, last).start()
    accept(again)
    assert again.strangers() == {live.put.symbol: 65}
    assert again.restart().strangers() == {live.put.symbol: 65}


def test_an_arming_taken_up_again_lifts_no_kill_that_came_behind_it() -> None:
    live = LiveKernel().ready()
    arm = Armed("all", "asha", "seen to", "act-1")
    live.tell(KillTripped("all", KillMode.CANCEL_ALL, "asha", "look"))
    live.tell(arm)
    assert live.state_of() == "ACTIVE"
    live.tell(KillTripped("all", KillMode.CANCEL_ALL, "ravi", "something else"))
    for process in (live, live.restart().ready()):
        process.tell(arm)
        assert process.state_of() == "KILLED"
    again = live.restart().ready()
    again.tell(Armed("all", "asha", "that too", "act-2"))
    assert again.state_of() == "ACTIVE"
