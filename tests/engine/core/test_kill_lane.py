"""A kill's cancels leave first: also those that waited at the governor before it."""

from __future__ import annotations

from engine.model.command import Lane, MessageKind
from engine.model.event import KillMode, KillTripped, SendExpired, SendReleased
from engine.model.order_update import RemoteStatus
from tests.engine.core.live_kernel import LiveKernel
from tests.engine.core.test_state_digest import straddle


def waiting(live: LiveKernel) -> list[tuple[str, Lane]]:
    return [(t.client_id, t.lane) for t in live.queue if t.kind is MessageKind.CANCEL]


def being_cancelled() -> tuple[LiveKernel, list[str]]:
    """Return a kernel with the cancels of two resting orders waiting at the governor."""
    live = LiveKernel().ready()
    resting = list(straddle(live))
    for client_id in resting:
        live.update(live.row(client_id, RemoteStatus.OPEN, broker_id=f"X{client_id}"))
    live.releases = False
    live.ask(lambda s: s.cancel("g"))
    assert waiting(live) == [(client_id, Lane.CANCEL) for client_id in resting]
    return live, resting


def kill(live: LiveKernel) -> None:
    live.tell(KillTripped("all", KillMode.CANCEL_ALL, "asha", "enough"))


def test_a_cancel_that_waits_is_lifted_and_leaves_once() -> None:
    live, resting = being_cancelled()
    kill(live)
    assert waiting(live) == [(client_id, Lane.KILL_CANCEL) for client_id in resting]
    kill(live)
    live.wait(1.5)
    assert len(waiting(live)) == len(resting)
    live.releases = True
    tickets, live.queue = tuple(live.queue), []
    live.tell(SendReleased(tickets))
    assert live.cancels == resting
    kill(live)
    assert live.cancels == resting


def test_a_cancel_of_a_kill_that_expired_waits_again_as_one() -> None:
    live, resting = being_cancelled()
    kill(live)
    tickets, live.queue = tuple(live.queue), []
    live.tell(SendExpired(tickets))
    assert waiting(live) == [(client_id, Lane.KILL_CANCEL) for client_id in resting]
