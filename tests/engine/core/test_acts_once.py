"""What a person did counts once, wherever a crash cuts it off and whenever it is taken up again."""

from __future__ import annotations

import pytest

from engine.model.event import HumanAdjusted
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
