"""A change of a price that is not made is told: a stop that does not trail protects nobody."""

from __future__ import annotations

from decimal import Decimal

from engine import buy
from engine.model.command import MessageKind
from engine.model.event import ReplyClassified, ReplyOutcome
from engine.model.order import AmendKind, AmendState
from engine.model.order_update import RemoteStatus
from tests.engine.core.live_kernel import LiveKernel


def resting(live: LiveKernel, **prices: float) -> str:
    (client_id,) = live.enter(buy(live.call, **prices))
    live.update(live.row(client_id, RemoteStatus.OPEN))
    return client_id


def modify(live: LiveKernel, limit: float) -> None:
    live.ask(lambda s: s.modify("g", limit=limit))


def answer(live: LiveKernel, kind: MessageKind, client_id: str, outcome: ReplyOutcome) -> None:
    live.tell(ReplyClassified(kind, client_id, outcome, None, "", "busy"))


def told(live: LiveKernel) -> list[str]:
    return [said.text for said in live.said if "not modified" in said.text]


def in_doubt() -> tuple[LiveKernel, str]:
    """Return a resting order with a change to 96 whose outcome is not known."""
    live = LiveKernel().ready()
    client_id = resting(live, limit=95.0)
    modify(live, 96.0)
    answer(live, MessageKind.REPLACE, client_id, ReplyOutcome.AMBIGUOUS)
    assert live.replaces == [client_id]
    return live, client_id


def test_one_asked_for_while_an_earlier_is_in_doubt_is_sent_once_that_is_settled() -> None:
    live, client_id = in_doubt()
    modify(live, 97.0)
    assert (live.replaces, told(live)) == ([client_id], [])
    live.update(live.row(client_id, RemoteStatus.OPEN, price=Decimal(96)))
    assert live.replaces == [client_id] * 2
    amend = live.order(client_id).amend
    assert amend is not None
    assert amend.price == Decimal(97)


def test_one_asked_for_while_it_is_cancelled_is_refused() -> None:
    live, client_id = in_doubt()
    live.ask(lambda s: s.cancel("g"))
    assert live.cancels == [client_id]
    modify(live, 97.0)
    assert "a cancel wins" in told(live)[-1]


def test_one_asked_for_while_an_overtaken_change_may_come_true_is_refused() -> None:
    live, client_id = in_doubt()
    live.kernel.blotter.cancel(client_id, "for a moment")
    live.tick()
    answer(live, MessageKind.CANCEL, client_id, ReplyOutcome.REFUSED)
    modify(live, 97.0)
    assert "an earlier replace is still in doubt" in told(live)[-1]
    assert live.group().legs[0].limit == Decimal(96)


def test_a_cancel_asked_for_while_a_change_is_in_doubt_is_sent_at_once() -> None:
    live, client_id = in_doubt()
    modify(live, 97.0)
    live.ask(lambda s: s.cancel("g"))
    assert live.cancels == [client_id]
    amend = live.order(client_id).amend
    assert amend is not None
    assert (amend.kind, amend.state) == (AmendKind.CANCEL, AmendState.SENDING)


def test_one_that_the_broker_refuses_is_told() -> None:
    live = LiveKernel().ready()
    client_id = resting(live, limit=95.0)
    modify(live, 96.0)
    answer(live, MessageKind.REPLACE, client_id, ReplyOutcome.REFUSED)
    assert "busy" in told(live)[-1]
    assert "stays at 95" in told(live)[-1]
    assert [said.level for said in live.said][-1] == "warning"


def test_a_stop_that_does_not_trail_is_told_as_critical() -> None:
    live = LiveKernel().ready()
    (client_id,) = live.enter(buy(live.call, trigger=110.0))
    live.update(live.row(client_id, RemoteStatus.TRIGGER_PENDING, trigger_price=Decimal(110)))
    live.ask(lambda s: s.modify("g", trigger=108.0))
    answer(live, MessageKind.REPLACE, client_id, ReplyOutcome.REFUSED)
    (said,) = [said for said in live.said if "not modified" in said.text]
    assert said.level == "critical"
    assert "its trigger at 110" in said.text


def test_one_that_a_newer_one_overtook_is_not_told() -> None:
    live, client_id = in_doubt()
    modify(live, 97.0)
    answer(live, MessageKind.REPLACE, client_id, ReplyOutcome.REFUSED)
    assert (live.replaces, told(live)) == ([client_id] * 2, [])
