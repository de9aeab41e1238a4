"""A kill's cancels that a broker refuses are asked for until nothing works any more."""

from __future__ import annotations

import pytest

from engine import GroupState
from engine.model.command import MessageKind
from engine.model.event import KillMode, KillTripped, ReplyClassified, ReplyOutcome
from engine.model.order_update import RemoteStatus
from tests.engine.core.live_kernel import LiveKernel
from tests.engine.core.test_state_digest import filled, straddle

R = RemoteStatus


@pytest.fixture
def live() -> LiveKernel:
    return LiveKernel().ready()


def refuse_cancels(live: LiveKernel) -> None:
    for client_id in live.cancels:
        refused = ReplyOutcome.REFUSED
        live.tell(ReplyClassified(MessageKind.CANCEL, client_id, refused, None, "", "busy"))
    live.cancels.clear()


def kill(live: LiveKernel) -> None:
    live.tell(KillTripped("all", KillMode.CANCEL_ALL, "asha", "enough"))


def being_left(live: LiveKernel) -> list[str]:
    """Return the exits of a group that its strategy leaves, all of them resting."""
    sent = len(filled(live))
    live.ask(lambda s: s.exit("g"))
    exits = live.placed[sent:]
    for client_id in exits:
        live.update(live.row(client_id, R.OPEN, broker_id=f"X{client_id}"))
    return exits


@pytest.mark.parametrize("leaves_first", [False, True])
def test_what_works_beside_a_leg_in_doubt_is_taken_back_again(
    live: LiveKernel,
    leaves_first: bool,  # noqa: FBT001 - a parameter
) -> None:
    known, unknown = straddle(live)
    live.update(live.row(known, R.OPEN))
    live.lose(unknown)
    assert live.group().state is GroupState.STUCK
    if leaves_first:
        live.ask(lambda s: s.exit("g"))
    else:
        kill(live)
    for _ in range(3):
        assert live.cancels == [known]
        refuse_cancels(live)
        live.wait(1.5)
    live.update(live.row(known, R.CANCELLED))
    live.cancels.clear()
    live.wait(5)
    assert live.cancels == []


def test_exits_are_taken_back_again_too(live: LiveKernel) -> None:
    exits = being_left(live)
    kill(live)
    for _ in range(3):
        assert live.cancels == exits
        refuse_cancels(live)
        live.wait(1.5)


def test_what_works_of_a_group_that_is_stranded_is_taken_back_again(live: LiveKernel) -> None:
    exits = being_left(live)
    for _ in range(200):
        if live.group().state is GroupState.STRANDED:
            break
        live.wait(1)
    assert live.group().state is GroupState.STRANDED
    for _ in range(3):
        assert live.cancels == exits
        refuse_cancels(live)
        live.wait(1.5)
