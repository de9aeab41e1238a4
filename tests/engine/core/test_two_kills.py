"""A second kill reaches further or changes nothing, and arming ends what the first one allowed."""

from __future__ import annotations

import pytest

from engine import GroupState
from engine.model.event import Armed, KillMode, KillTripped
from engine.model.order import Purpose
from engine.model.order_update import RemoteStatus
from tests.engine.core.live_kernel import LiveKernel
from tests.engine.core.test_recovery import settle
from tests.engine.core.test_state_digest import filled, require_same_after_fold

R = RemoteStatus
LESSER = (KillMode.BLOCK_NEW, KillMode.CANCEL_ALL)


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("scope", ["all", "account:A1", "puppet"])
@pytest.mark.parametrize("mode", LESSER)
def test_what_is_being_flattened_goes_on_whatever_is_killed_behind_it(
    mode: KillMode,
    scope: str,
    restarts: bool,  # noqa: FBT001 - a parameter
) -> None:
    live = LiveKernel().ready()
    ours = filled(live)
    live.tell(KillTripped(scope, KillMode.FLATTEN, "asha", "enough"))
    exits = live.placed[len(ours) :]
    live.tell(KillTripped(scope, mode, "engine", "another group is stranded"))
    if restarts:
        shown = [live.row(c, R.FILLED, 65, broker_id=f"X{c}") for c in ours]
        shown += [live.row(c, R.REJECTED, broker_id=f"X{c}", reason="no") for c in exits]
        live = live.restart().start()
        settle(live, *shown, held={live.call: -65, live.put: -65})
    else:
        for client_id in exits:
            live.update(live.row(client_id, R.REJECTED, broker_id=f"X{client_id}", reason="no"))
    assert live.group().state is GroupState.EXITING
    sent = 0 if restarts else len(live.placed)
    for _ in range(2):
        live.wait(2)
        live.tick()
    assert {live.order(c).request.purpose for c in live.placed[sent:]} == {Purpose.FLATTEN}
    require_same_after_fold(live)


def test_what_one_kill_let_through_the_next_one_after_an_arming_does_not() -> None:
    live = LiveKernel().ready()
    ours = filled(live)
    live.tell(KillTripped("all", KillMode.FLATTEN, "asha", "enough"))
    live.tell(Armed("all", "asha", "seen to"))
    live.tell(KillTripped("all", KillMode.CANCEL_ALL, "asha", "I do it by hand"))
    exits = live.placed[len(ours) :]
    for client_id in exits:
        live.update(live.row(client_id, R.CANCELLED, broker_id=f"X{client_id}"))
    live.ask(lambda s: s.exit("g"))
    live.wait(5)
    live.tick()
    live.wait(5)
    assert live.group().state is GroupState.KILLED
    assert live.placed[len(ours) :] == exits
    require_same_after_fold(live)
