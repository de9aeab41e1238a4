"""Rejections in a row over restarts: killing the engine is no way around ``max_rejections``."""

from __future__ import annotations

import itertools

import pytest

from engine import buy
from engine.model.event import Armed, ReplyOutcome
from engine.model.order import Lifecycle
from engine.model.order_update import RemoteStatus
from engine.model.record import OrderChanged, StrategyHalted
from engine.runtime.journal_reader import read_journal
from engine.runtime.memory_disk import MemoryDisk
from tests.engine.core.live_kernel import ROOMY, LiveKernel

THREE = ROOMY.model_copy(update={"max_rejections": 3})
WHY = "3 orders were rejected in a row, limit 3; the last: RMS: margin"
names = (f"g{number}" for number in itertools.count(1))


@pytest.fixture
def live() -> LiveKernel:
    return LiveKernel(limits=THREE).ready()


def enter(live: LiveKernel) -> str:
    live.wait(5.0)  # the same order at once would be a duplicate
    (ours,) = live.enter(buy(live.call, 1), name=next(names), retries=0)
    return ours


def reject(live: LiveKernel, times: int = 1) -> str:
    """Have so many orders refused by the broker; return the last one's id."""
    ours = ""
    for _ in range(times):
        ours = enter(live)
        live.reply(ours, ReplyOutcome.REFUSED, text="RMS: margin")
        assert live.order(ours).lifecycle is Lifecycle.REJECTED
    return ours


def again(live: LiveKernel) -> LiveKernel:
    """Kill the process; return the next one, with every account's books read."""
    live = live.restart().ready()
    assert not live.seat.is_recovering
    return live


def halts(live: LiveKernel) -> list[str]:
    """Return the halts of the whole journal, each with its reason."""
    records = (entry.record for entry in read_journal(live.disk, live.catalogue))
    return [record.why for record in records if isinstance(record, StrategyHalted)]


def test_the_row_goes_on_after_a_restart(live: LiveKernel) -> None:
    reject(live, 2)
    live = again(live)
    assert live.kernel.halting.rejections() == {"puppet": 2}
    assert live.state_of() == "ACTIVE"
    reject(live)
    assert live.state_of() == "HALTED"
    assert halts(live) == [WHY]


def test_a_restart_after_every_rejection_changes_nothing(live: LiveKernel) -> None:
    for _ in range(3):
        assert live.state_of() == "ACTIVE"
        reject(live)
        live = again(live)
    assert live.state_of() == "HALTED"
    assert live.seat.is_halted
    assert halts(live) == [WHY]
    assert live.kernel.halting.rejections() == {"puppet": 3}


def test_an_accepted_order_ends_the_row_over_a_restart(live: LiveKernel) -> None:
    reject(live, 2)
    ours = enter(live)
    live.update(live.row(ours, RemoteStatus.FILLED, 65))
    live = live.restart().start()
    assert live.kernel.halting.rejections() == {}


def test_a_person_who_arms_forgives_and_a_restart_knows(live: LiveKernel) -> None:
    reject(live, 3)
    live = again(live)
    live.tell(Armed("puppet", "asha", "margin was brought in"))
    assert live.state_of() == "ACTIVE"
    assert live.kernel.halting.rejections() == {}
    live = again(live)
    assert live.state_of() == "ACTIVE"
    assert live.kernel.halting.rejections() == {}
    reject(live, 2)
    assert live.state_of() == "ACTIVE"
    live = again(live)
    reject(live)
    assert live.state_of() == "HALTED"
    assert halts(live) == [WHY, WHY]


def test_an_armed_strategy_may_be_rejected_as_often_as_a_new_one(live: LiveKernel) -> None:
    reject(live, 3)
    live.tell(Armed("puppet", "asha", "margin was brought in"))
    reject(live, 2)
    assert live.state_of() == "ACTIVE"


def test_arming_something_else_forgives_nothing(live: LiveKernel) -> None:
    reject(live, 2)
    live.tell(Armed("all", "asha", "just in case"))
    assert live.kernel.halting.rejections() == {"puppet": 2}
    assert again(live).kernel.halting.rejections() == {"puppet": 2}


def test_a_rejection_of_which_more_becomes_known_is_one(live: LiveKernel) -> None:
    ours = reject(live)
    before = live.order(ours)
    live.update(live.row(ours, RemoteStatus.REJECTED, broker_id="X7"))
    assert live.order(ours) != before
    assert live.kernel.halting.rejections() == {"puppet": 1}
    assert live.restart().kernel.halting.rejections() == {"puppet": 1}


def _torn_behind_the_last_rejection(live: LiveKernel) -> LiveKernel:
    """Return the next process, of a journal whose last record is the last order's rejection."""
    content = read_journal(live.disk, live.catalogue)
    entries = list(content)
    last = max(
        number
        for number, entry in enumerate(entries)
        if isinstance(entry.record, OrderChanged)
        and entry.record.order.lifecycle is Lifecycle.REJECTED
    )
    assert any(isinstance(entry.record, StrategyHalted) for entry in entries[last:])
    cut = content.raw[last + 1].offset
    live.disk = MemoryDisk(live.disk.read()[:cut])
    return live.restart()


def test_a_halt_whose_record_a_crash_cut_off_is_made_up_for(live: LiveKernel) -> None:
    reject(live, 3)
    live = _torn_behind_the_last_rejection(live)
    assert halts(live) == []
    # Killed again before it came to anything: the next one does it.
    live = live.restart().start()
    assert halts(live) == [WHY]
    assert live.state_of() == "HALTED"
    live = again(live)
    assert halts(live) == [WHY]
    assert live.state_of() == "HALTED"


def test_a_stricter_limit_halts_nobody_for_what_was_allowed(live: LiveKernel) -> None:
    reject(live, 2)
    enter(live)
    live = live.restart(limits=ROOMY.model_copy(update={"max_rejections": 2})).start()
    assert not live.seat.is_halted
    assert halts(live) == []
    assert live.kernel.halting.rejections() == {"puppet": 2}
