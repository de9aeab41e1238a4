"""A cancel nobody answered is asked for again, also while no book can be read."""

from __future__ import annotations

import pytest

from engine import buy
from engine.model.command import MessageKind
from engine.model.event import (
    HumanResolved,
    KillMode,
    KillTripped,
    ReplyClassified,
    ReplyOutcome,
    Resolution,
)
from engine.model.order import AmendState
from engine.model.order_update import RemoteStatus
from tests.engine.core.live_kernel import LiveKernel

R = RemoteStatus


@pytest.fixture
def live() -> LiveKernel:
    return LiveKernel(accounts={"A1": 1}).ready()


def unanswered(live: LiveKernel) -> str:
    """Return an order that stands at the broker, and whose cancel was sent into the void."""
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.OPEN))
    live.ask(lambda s: s.cancel("g"))
    lose(live, ours)
    assert live.cancels == [ours]
    return ours


def lose(live: LiveKernel, ours: str) -> None:
    live.tell(ReplyClassified(MessageKind.CANCEL, ours, ReplyOutcome.AMBIGUOUS, text="no reply"))


def state(live: LiveKernel, ours: str) -> AmendState | None:
    amend = live.order(ours).amend
    return None if amend is None else amend.state


def test_it_is_asked_for_again_with_longer_pauses_while_no_book_can_be_read(
    live: LiveKernel,
) -> None:
    ours = unanswered(live)
    for pause_s, sent in ((1.9, 1), (0.2, 2), (3.8, 2), (0.2, 3), (7.8, 3), (0.2, 4)):
        live.wait(pause_s)
        assert len(live.cancels) == sent, pause_s
        if state(live, ours) is AmendState.SENDING:
            lose(live, ours)
    live.wait(600)
    assert len(live.cancels) > 4
    assert set(live.cancels) == {ours}


def test_one_that_was_answered_or_whose_order_ended_is_left_alone(live: LiveKernel) -> None:
    ours = unanswered(live)
    live.tell(ReplyClassified(MessageKind.CANCEL, ours, ReplyOutcome.ACCEPTED))
    live.wait(10)
    assert live.cancels == [ours]
    live.update(live.row(ours, R.CANCELLED))
    live.wait(600)
    assert live.cancels == [ours]


def test_a_kill_is_not_content_with_a_cancel_that_may_be_lost(live: LiveKernel) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.OPEN))
    live.tell(KillTripped("all", KillMode.CANCEL_ALL, "asha", "enough"))
    lose(live, ours)
    live.wait(3)
    assert live.cancels == [ours, ours]


def test_one_in_doubt_over_a_restart_is_asked_for_by_the_next_process(live: LiveKernel) -> None:
    ours = unanswered(live)
    again = live.restart().start()
    assert again.order(ours).amend is not None
    again.wait(1)
    assert again.cancels == [ours]


def refuse(live: LiveKernel, ours: str) -> None:
    live.tell(ReplyClassified(MessageKind.CANCEL, ours, ReplyOutcome.REFUSED, text="busy"))


def test_one_refused_for_an_order_of_a_group_that_is_over_is_asked_for_again_and_told(
    live: LiveKernel,
) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    live.lose(ours)
    live.tell(HumanResolved(ours, Resolution.NOT_PLACED, "asha", "not in the book"))
    assert live.group().is_done
    live.update(live.row(ours, R.OPEN))
    assert live.cancels == [ours]
    refuse(live, ours)
    live.wait(2.1)
    assert live.cancels == [ours, ours]
    for _ in range(100):
        if state(live, ours) is AmendState.SENDING:
            refuse(live, ours)
        live.wait(1)
    assert len(live.cancels) > 20
    (told,) = [text for text in live.alerts() if "not cancelled" in text]
    assert "busy" in told
    live.update(live.row(ours, R.CANCELLED))
    sent = len(live.cancels)
    live.wait(300)
    assert len(live.cancels) == sent


def test_one_refused_is_asked_for_by_the_next_process(live: LiveKernel) -> None:
    (ours,) = live.enter(buy(live.call, 1))
    live.lose(ours)
    live.tell(HumanResolved(ours, Resolution.NOT_PLACED, "asha", "not in the book"))
    live.update(live.row(ours, R.OPEN))
    refuse(live, ours)
    again = live.restart().ready()
    again.wait(3)
    assert again.cancels == [ours]
