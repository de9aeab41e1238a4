"""What a restart means for the proof that an order was never placed."""

from __future__ import annotations

import pytest

from engine import buy
from engine.model.event import OrderStreamChanged
from engine.model.order import Lifecycle
from engine.model.order_update import RemoteStatus
from tests.engine.core.live_kernel import LiveKernel


def _look(live: LiveKernel, seconds: float) -> None:
    """Answer every reading with books that hold nothing, for so long."""
    for _ in range(round(seconds)):
        live.wait(1)
        for account in ("A1", "B1"):
            while account in live.reads:
                live.show(account)


def _restarted(away_s: float) -> tuple[LiveKernel, str]:
    live = LiveKernel().ready()
    (ours,) = live.enter(buy(live.call, 1))
    live.lose(ours)
    again = live.restart(away_s).start()
    for account in ("A1", "B1"):
        again.tell(OrderStreamChanged(account, True, "connected"))
    return again, ours


@pytest.mark.parametrize("away_s", [125, 3_600])
def test_a_clock_set_ahead_while_the_engine_was_down_proves_no_absence(away_s: float) -> None:
    again, ours = _restarted(away_s)
    _look(again, 115)
    assert again.order(ours).lifecycle is Lifecycle.IN_DOUBT
    again.update(again.row(ours, RemoteStatus.FILLED, 65))
    assert again.order(ours).lifecycle is Lifecycle.FILLED


def test_absence_is_proven_by_the_time_that_passed_since_the_restart() -> None:
    again, ours = _restarted(away_s=3_600)
    _look(again, 185)
    assert again.order(ours).lifecycle is Lifecycle.NOT_PLACED
