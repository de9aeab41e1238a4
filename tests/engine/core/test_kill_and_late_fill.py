"""A kill that flattens reaches what was over when it came, should that still fill."""

from __future__ import annotations

import pytest

from engine.model.event import KillMode, KillTripped
from engine.model.order import Purpose
from tests.engine.core.live_kernel import LiveKernel
from tests.engine.core.test_state_digest import fill, taken_back


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("mode", [KillMode.FLATTEN, KillMode.CANCEL_ALL])
def test_what_fills_late_after_a_kill_is_left_if_the_kill_flattens(
    mode: KillMode,
    restarts: bool,  # noqa: FBT001 - a parameter
) -> None:
    live = LiveKernel().ready()
    ours = taken_back(live)
    live.tell(KillTripped("all", mode, "asha", "enough"))
    if restarts:
        live = live.restart()
        live.ready()
    fill(live, ours)
    live.tick()
    live.wait(2)
    exits = [o.request.purpose for o in live.kernel.blotter.orders.values() if o.key.exit]
    assert exits == ([Purpose.FLATTEN] if mode is KillMode.FLATTEN else [])
