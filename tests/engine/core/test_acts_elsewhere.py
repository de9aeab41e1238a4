"""What a person asks for a name that is not here is refused aloud, and stands nowhere."""

from __future__ import annotations

import pytest

from engine import buy
from engine.model.event import HumanAdjusted, KillMode, KillTripped
from engine.model.order import Product
from engine.model.record import AlertRaised, ForeignHeld, HumanActed, KillRecorded
from tests.engine.core.live_kernel import LiveKernel


def alerts(live: LiveKernel) -> list[str]:
    raised = (r for r in live.records if isinstance(r, AlertRaised) and r.level == "critical")
    return [record.text for record in raised]


@pytest.mark.parametrize(
    ("scope", "nearest"),
    [("pupet", "puppet"), ("account:A11", "account:A1"), ("al", "all"), ("A1", "account:A1")],
)
@pytest.mark.parametrize("mode", KillMode)
def test_a_kill_of_a_scope_that_is_not_here(scope: str, nearest: str, mode: KillMode) -> None:
    live = LiveKernel().ready()
    live.enter(buy(live.call, 1))
    live.tell(KillTripped(scope, mode, "asha", "enough"))
    (said,) = alerts(live)
    assert said.startswith("NOTHING WAS KILLED: asha asked for it (enough)")
    assert f"there are {nearest}, " in said
    assert not any(isinstance(record, KillRecorded) for record in live.records)
    assert (live.kernel.halting.kills, live.kill_switch.standings()) == ({}, {})
    assert live.restart().ready().state_of() == "ACTIVE"


@pytest.mark.parametrize("scope", ["all", "account:A1", "account:B1", "puppet"])
def test_a_kill_of_one_that_is_here(scope: str) -> None:
    live = LiveKernel().ready()
    live.tell(KillTripped(scope, KillMode.BLOCK_NEW, "asha", "enough"))
    assert any(isinstance(record, KillRecorded) for record in live.records)
    assert live.restart().ready().kernel.halting.kills == {scope: KillMode.BLOCK_NEW}


def test_a_journal_with_a_kill_of_a_strategy_that_is_gone_is_taken_up() -> None:
    live = LiveKernel().ready()
    record = KillRecorded(live.now, 1, "gone", KillMode.FLATTEN, "asha", "enough")
    live.journal.append(record, live.now)
    again = live.restart().ready()
    assert again.state_of() == "ACTIVE"
    assert again.kernel.halting.kills == {"gone": KillMode.FLATTEN}


def test_units_accepted_for_an_account_that_is_not_here() -> None:
    live = LiveKernel().ready()
    live.reads.clear()
    act = HumanAdjusted("A2", live.put, Product.INTRADAY, 65, "asha", "by phone", "act-1")
    live.tell(act)
    (said,) = alerts(live)
    assert "no account 'A2' has books here; there are A1, B1: nothing done" in said
    assert not any(isinstance(r, HumanActed | ForeignHeld) for r in live.records)
    assert live.reads == []
    assert live.kernel.reconcile.adjustments() == []
