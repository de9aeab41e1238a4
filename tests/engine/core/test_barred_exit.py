"""An exit that a kill does not let through is told of: what it should close stays held."""

from __future__ import annotations

import pytest

from engine import GroupState
from engine.model.event import KillMode, KillTripped
from tests.engine.core.live_kernel import LiveKernel
from tests.engine.core.test_state_digest import filled


@pytest.mark.parametrize("mode", [KillMode.BLOCK_NEW, KillMode.CANCEL_ALL])
def test_an_exit_under_a_kill_is_told_once(mode: KillMode) -> None:
    live = LiveKernel().ready()
    filled(live)
    live.tell(KillTripped("all", mode, "engine", "a stranger's order"))
    sent, told = len(live.placed), len(live.said)
    for _ in range(3):
        live.ask(lambda s: s.exit("g", reason="its stop"))
        live.wait(2)
        live.tick()
    assert live.group().state is GroupState.KILLED
    assert live.placed[sent:] == []
    (alert,) = live.said[told:]
    assert alert.level == "critical"
    assert alert.subject == live.group().group_id
    assert "not left in A1" in alert.text
