"""The scripted fault list, through a whole run: what is lived through, and what is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.model.order import Lifecycle, Order
from engine.model.record import AlertRaised, GroupMoved, OrderChanged, OrderFilled

PAPER = "{latency_ms: 40, reply_latency_ms: 40, reply_timeout_s: 5, faults: [%s]}"


def _run(project: Any, morning: Path, fault: str, body: str = "") -> str:
    project.write(body or project.STRADDLE, tape=morning, paper=PAPER % fault)
    ended = project.cli("run", "strategies.yaml")
    assert (ended.code, ended.err) == (0, "")
    assert project.cli("replay", "--verify").code == 0
    return str(ended.out)


def _states(project: Any) -> list[str]:
    return [str(record.after) for record in project.records(GroupMoved)]


def _orders(project: Any) -> dict[str, Order]:
    return {r.order.client_id: r.order for r in project.records(OrderChanged)}


def _net(project: Any) -> int:
    return sum(r.fill.side.sign * r.fill.quantity for r in project.records(OrderFilled))


def test_a_rejected_leg_is_unwound_and_explained(project: Any, morning: Path) -> None:
    said = _run(project, morning, "{when: {leg: 1, purpose: entry}, do: reject}")
    assert _states(project)[-2:] == ["UNWINDING", "UNWOUND"]
    assert _net(project) == 0
    assert "UNWOUND one.pair.1" in said
    story = project.cli("explain", "one.pair.1")
    assert story.code == 0
    for word in ("DRAFT", "CHECKED", "REJECTED", "UNWINDING", "unwind", "UNWOUND", "charges"):
        assert word in story.out, word


def test_half_a_fill_is_chased_until_the_deadline_and_unwound(project: Any, morning: Path) -> None:
    body = project.STRADDLE.replace("sell(call, 1), sell(put, 1)", "sell(call, 4), deadline_s=20")
    _run(project, morning, "{when: {purpose: entry}, do: fill_half}", body)
    fills = [r.fill.quantity for r in project.records(OrderFilled)]
    assert fills[0] == 130
    assert _states(project)[-1] == "UNWOUND"
    assert _net(project) == 0


def test_a_late_reply_is_waited_for(project: Any, morning: Path) -> None:
    said = _run(project, morning, "{when: {leg: 1, purpose: entry}, do: reply_late, delay_s: 3}")
    assert "HELD" in _states(project)
    assert "CLOSED" in _states(project)
    assert "IN_DOUBT" not in said
    late = next(o for o in _orders(project).values() if o.key.leg == 1)
    assert late.acked_at is not None
    assert late.sent_at is not None
    assert late.acked_at - late.sent_at == 3_080_000_000


def test_a_reply_after_its_timeout_resolves_the_doubt(project: Any, morning: Path) -> None:
    _run(project, morning, "{when: {leg: 1, purpose: entry}, do: reply_late, delay_s: 12}")
    states = _states(project)
    assert "STUCK" in states
    assert states[-1] == "CLOSED"
    assert _net(project) == 0
    assert all(order.lifecycle.is_terminal for order in _orders(project).values())


@pytest.mark.parametrize("reached", ["true", "false"])
@pytest.mark.parametrize("purpose", ["entry", "exit"])
def test_no_reply_at_all_leaves_the_order_in_doubt_and_the_group_stuck(
    project: Any, morning: Path, purpose: str, reached: str
) -> None:
    said = _run(
        project,
        morning,
        f"{{when: {{leg: 1, purpose: {purpose}}}, do: never_reply, reached: {reached}}}",
    )
    (unknown,) = [o for o in _orders(project).values() if o.lifecycle is Lifecycle.IN_DOUBT]
    assert _states(project)[-1] == "STUCK"
    for words in ("IN_DOUBT", "STUCK one.pair.1", f"engine explain {unknown.client_id}"):
        assert words in said, words
    alerts = [r for r in project.records(AlertRaised) if r.level == "critical"]
    assert any("will not be sent again" in alert.text for alert in alerts)
    assert any("STUCK" in alert.text for alert in alerts)
    status = project.cli("status")
    assert "STUCK one.pair.1" in status.out
    # Nothing more was sent for it: no leg of the group was approved after the doubt.
    stuck_at = next(r.at for r in project.records(GroupMoved) if r.after == "STUCK")
    assert all(
        record.order.request.created_at < stuck_at for record in project.records(OrderChanged)
    )
    attempts = [o for o in _orders(project).values() if o.key.leg == 1 and o.key.exit]
    assert len(attempts) == (1 if purpose == "exit" else 0)


def test_a_fault_that_never_fired_is_told(project: Any, morning: Path) -> None:
    said = _run(
        project,
        morning,
        "{when: {strategy: nobody}, do: reject}, {when: {leg: 2, purpose: entry}, do: reject, times: 3}",
    )
    assert "paper.faults[0] (reject, when strategy: nobody): fired 0 of 1 times" in said
    assert "paper.faults[1]" in said
    assert "fired 1 of 3 times" in said


def test_a_fault_on_an_unknown_instrument_starts_nothing(project: Any, morning: Path) -> None:
    project.write(
        project.STRADDLE,
        tape=morning,
        paper=PAPER % "{when: {instrument: NIFTY 25AUG26 99999 CE}, do: reject}",
    )
    ended = project.cli("run", "strategies.yaml")
    assert ended.code == 2
    assert "99999" in ended.err
    assert ended.err.count("\n") == 1
    assert project.sessions() == []


def test_exits_that_are_rejected_again_and_again_strand_the_group_and_kill(
    project: Any, morning: Path
) -> None:
    project.write(
        project.STRADDLE,
        tape=morning,
        paper=PAPER % "{when: {purpose: exit}, do: reject, times: 1000}",
    )
    ended = project.cli("run", "strategies.yaml")
    assert ended.code == 3
    assert "STRANDED" in ended.out
    assert "KILLED by engine" in ended.out
    assert _net(project) == -130
    assert project.cli("replay", "--verify").code == 0
