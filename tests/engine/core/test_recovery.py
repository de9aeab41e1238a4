"""A restart: what was under way is known or said not to be, and work goes on when books agree."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from engine import State, buy, sell
from engine.model.codec import encode
from engine.model.command import MessageKind
from engine.model.event import (
    Armed,
    HookOverran,
    KillMode,
    KillTripped,
    OrderStreamChanged,
    ReplyClassified,
    ReplyOutcome,
    TimerFired,
)
from engine.model.order import AmendState, Lifecycle
from engine.model.order_update import OrderUpdate, RemoteStatus
from engine.model.record import (
    GroupMoved,
    KillRecorded,
    OrderChanged,
    OrderFilled,
    StrategyHalted,
)
from engine.runtime.journal_reader import read_journal
from engine.runtime.memory_disk import MemoryDisk
from tests.engine.core.live_kernel import ROOMY, LiveKernel, Puppet
from tests.engine.core.test_state_digest import fill, taken_back

L, R = Lifecycle, RemoteStatus


def entered(*, exits_on_error: bool = True) -> tuple[LiveKernel, list[str]]:
    """Return a straddle that was sold, and its two orders."""
    live = LiveKernel(exits_on_error=exits_on_error).ready()
    ours = live.enter(sell(live.call, 1), sell(live.put, 1))
    for number, client_id in enumerate(ours):
        live.update(live.row(client_id, R.FILLED, 65, broker_id=f"X{number}"))
    assert live.group().state == "HELD"
    return live, ours


def rows(live: LiveKernel, ours: list[str]) -> list[OrderUpdate]:
    return [live.row(c, R.FILLED, 65, broker_id=f"X{n}") for n, c in enumerate(ours)]


def settle(live: LiveKernel, *shown: OrderUpdate, **books: object) -> None:
    """Have the streams up and both accounts' books read."""
    for account in ("A1", "B1"):
        live.tell(OrderStreamChanged(account, True, "connected"))
    for account in list(live.reads) * 2:
        live.show(
            account, *(shown if account == "A1" else ()), **(books if account == "A1" else {})
        )  # type: ignore[arg-type]


def cut_after(live: LiveKernel, kind: type) -> LiveKernel:
    """Return the next process, when the machine died right behind the last record of ``kind``."""
    content = read_journal(live.disk, live.catalogue)
    entries = list(content)
    last = max(n for n, entry in enumerate(entries) if isinstance(entry.record, kind))
    end = content.raw[last + 1].offset if last + 1 < len(entries) else len(live.disk.read())
    again = LiveKernel(
        MemoryDisk(live.disk.read()[:end]), now=live.now + 10**9, exits_on_error=live.exits_on_error
    )
    again.prices = {again.call: 100.0, again.put: 90.0}
    return again


def test_what_was_being_sent_is_in_doubt_and_not_sent_again() -> None:
    live = LiveKernel().ready()
    (ours,) = live.enter(buy(live.call, 1))
    again = live.restart().start()
    assert again.order(ours).lifecycle is L.IN_DOUBT
    settle(again)
    assert again.placed == []
    assert any(ours in text for text in again.alerts())


def test_what_was_approved_and_not_sent_is_not_sent_any_more() -> None:
    live = LiveKernel().ready()
    live.releases = False
    live.enter(buy(live.call, 1))
    (ours,) = live.kernel.blotter.orders
    assert live.order(ours).lifecycle is L.APPROVED
    again = live.restart().start()
    settle(again)
    assert again.order(ours).lifecycle is L.DENIED
    assert ours not in again.placed


def test_a_cancel_that_was_wanted_is_sent() -> None:
    live = LiveKernel().ready()
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.OPEN))
    live.releases = False
    live.ask(lambda s: s.cancel("g"))
    assert live.cancels == []
    again = live.restart().start()
    assert again.cancels == [ours]


def test_a_cancel_that_was_being_sent_is_in_doubt() -> None:
    live = LiveKernel().ready()
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.OPEN))
    live.ask(lambda s: s.cancel("g"))
    again = live.restart().start()
    amend = again.order(ours).amend
    assert amend is not None
    assert amend.state is AmendState.IN_DOUBT


def test_nothing_is_worked_until_every_accounts_books_were_weighed() -> None:
    live, ours = entered()
    live.ask(lambda s: s.exit("g"))
    live.releases = False
    again = live.restart().start()
    assert again.kernel.placement.is_paused
    again.tick()
    again.tell(OrderStreamChanged("A1", True, "connected"))
    again.show("A1", *rows(live, ours))
    assert again.kernel.placement.is_paused
    assert again.puppet.recovered == 0
    settle(again, *rows(live, ours), held={again.call: -65, again.put: -65})
    assert not again.kernel.placement.is_paused


def test_on_recovered_is_called_once_and_before_any_order_goes() -> None:
    live, ours = entered()
    again = live.restart().start()
    assert again.puppet.recovered == 0
    held = {again.call: -65, again.put: -65}
    settle(again, *rows(live, ours), held=held)
    assert again.puppet.recovered == 1
    again.tell(OrderStreamChanged("A1", False, "closed"))
    again.tell(OrderStreamChanged("A1", True, "connected"))
    again.wait(6)
    again.show("A1", *rows(live, ours), held=held)
    assert again.puppet.recovered == 1
    assert again.placed == []


def test_on_recovered_is_not_called_at_a_first_start() -> None:
    assert LiveKernel().ready().puppet.recovered == 0


def test_books_that_cannot_be_read_do_not_keep_exits_waiting_for_ever() -> None:
    live, _ = entered()
    again = live.restart().start()
    again.tick()
    again.ask(lambda s: s.exit("g"))
    assert again.placed == []
    again.wait(61)
    assert len(again.placed) == 2
    assert again.puppet.recovered == 1


def test_groups_names_and_state_survive() -> None:
    live, ours = entered()
    live.ask(lambda s: s.state.notes.append("sold at ten"))
    again = live.restart().start()
    settle(again, *rows(live, ours), held={again.call: -65, again.put: -65})
    group = again.group()
    assert group.state == "HELD"
    assert group.group_id == live.group().group_id
    assert again.puppet.state.notes == ["sold at ten"]
    assert sorted(q for _, q in again.kernel.desk.ledger.nets(None)) == [-65, -65]


def test_ids_are_not_given_out_twice() -> None:
    live, ours = entered()
    again = live.restart().start()
    settle(again, *rows(live, ours), held={again.call: -65, again.put: -65})
    again.tick()
    fresh = again.enter(buy(again.call, 1), name="more")
    assert fresh
    assert not {*fresh} & {*ours}
    assert again.group("more").group_id not in live.kernel.placement.groups


@pytest.mark.parametrize(("away_s", "goes_on"), [(30, True), (70, False)])
def test_an_entry_is_gone_on_with_only_after_a_short_absence(
    away_s: float,
    goes_on: bool,  # noqa: FBT001 - a parameter
) -> None:
    live = LiveKernel().ready()
    live.prices = {live.call: 100.0, live.put: 90.0}
    hedge, *rest = live.enter(buy(live.call, 1), sell(live.put, 1))
    assert not rest
    again = live.restart(away_s).start()
    again.tick()
    again.update(again.row(hedge, R.FILLED, 65))
    settle(again, again.row(hedge, R.FILLED, 65), held={again.call: 65})
    assert bool(again.placed) is goes_on
    if not goes_on:
        assert any("held as far as it filled" in text for text in again.alerts())


def test_recovering_twice_is_recovering_once() -> None:
    live, _ = entered()
    live.enter(buy(live.call, 1), name="lost")
    once = live.restart().start()
    twice = once.restart().start()
    first, second = (
        {c: encode(o) for c, o in k.kernel.blotter.orders.items()} for k in (once, twice)
    )
    assert first == second
    for live_again in (once, twice):
        assert sorted(q for _, q in live_again.kernel.desk.ledger.nets(None)) == [-65, -65]
        assert {g: k.state for g, k in live_again.kernel.placement.groups.items()} == {
            g: k.state for g, k in once.kernel.placement.groups.items()
        }


def test_an_exit_asked_for_while_stuck_is_not_forgotten() -> None:
    live = LiveKernel().ready()
    (one,) = live.enter(buy(live.call, 1))
    live.lose(one)
    live.ask(lambda s: s.exit("g"))
    again = live.restart().start()
    again.tick()
    again.update(again.row(one, R.FILLED, 65))
    settle(again, again.row(one, R.FILLED, 65), held={again.call: 65})
    assert len(again.placed) == 1
    assert again.order(again.placed[0]).key.exit


# -- stopped before, stopped after ---------------------------------------------------------------


@pytest.mark.parametrize("mode", list(KillMode))
def test_a_kill_outlives_the_process_until_a_person_arms(mode: KillMode) -> None:
    live, _ = entered()
    live.tell(KillTripped("all", mode, "asha", "a drill"))
    again = live.restart().start()
    assert again.state_of() == "KILLED"
    again.tell(Armed("all", "asha", "the drill is over"))
    assert again.state_of() != "KILLED"
    assert again.restart().state_of() != "KILLED"


@pytest.mark.parametrize("mode", [KillMode.CANCEL_ALL, KillMode.FLATTEN])
def test_a_kill_cut_off_by_the_end_of_the_process_is_carried_out_by_the_next(
    mode: KillMode,
) -> None:
    live, ours = entered()
    (resting,) = live.enter(buy(live.call, 1, limit=98.0), name="rests")
    live.update(live.row(resting, R.OPEN, broker_id="X9"))
    live.tell(KillTripped("all", mode, "asha", "a drill"))
    again = cut_after(live, KillRecorded).start()
    assert again.cancels == [resting]
    again.tick()
    shown = [*rows(live, ours), again.row(resting, R.CANCELLED, broker_id="X9")]
    settle(again, *shown, held={again.call: -65, again.put: -65})
    assert len(again.placed) == (2 if mode is KillMode.FLATTEN else 0)


def test_a_halt_cut_off_by_the_end_of_the_process_is_carried_out_by_the_next() -> None:
    live, ours = entered()
    live.tell(HookOverran("puppet", "on_tick", 5_000.0))
    again = cut_after(live, StrategyHalted).start()
    again.tick()
    settle(again, *rows(live, ours), held={again.call: -65, again.put: -65})
    assert len(again.placed) == 2
    assert again.group().state == "EXITING"


def test_a_halt_without_exits_keeps_what_is_held_over_a_restart() -> None:
    live, ours = entered(exits_on_error=False)
    live.tell(HookOverran("puppet", "on_tick", 5_000.0))
    again = live.restart().start()
    again.tick()
    settle(again, *rows(live, ours), held={again.call: -65, again.put: -65})
    assert again.placed == []
    assert again.group().state == "HELD"


def test_a_kill_of_a_stuck_group_is_not_forgotten() -> None:
    live = LiveKernel().ready()
    (one,) = live.enter(buy(live.call, 1))
    live.lose(one)
    live.tell(KillTripped("all", KillMode.FLATTEN, "asha", "a drill"))
    moves = [r for r in live.records if isinstance(r, GroupMoved) and r.after == "STUCK"]
    assert moves[-1].before == "EXITING"
    again = live.restart().start()
    again.tick()
    again.update(again.row(one, R.FILLED, 65))
    settle(again, again.row(one, R.FILLED, 65), held={again.call: 65})
    assert [again.order(c).request.purpose for c in again.placed] == ["flatten"]


# -- arming --------------------------------------------------------------------------------------


def test_an_armed_strategy_hears_again_as_it_does_after_a_restart() -> None:
    live = LiveKernel().ready()
    live.tell(HookOverran("puppet", "on_tick", 5_000.0))
    assert live.state_of() == "HALTED"
    assert live.seat.is_halted
    live.tell(Armed("puppet", "asha", "looked at it"))
    assert live.state_of() == "ACTIVE"
    assert not live.seat.is_halted
    assert not live.restart().seat.is_halted
    assert live.enter(buy(live.call, 1))


def test_arming_what_nothing_stopped_is_said() -> None:
    live = LiveKernel().ready()
    live.tell(Armed("all", "asha", "just in case"))
    assert any("nothing stopped it" in text for text in live.alerts("warning"))


def test_more_filled_than_was_asked_halts_the_strategy_and_is_an_alarm() -> None:
    live = LiveKernel().ready()
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.FILLED, 130))
    assert live.order(ours).overfill == 65
    assert live.seat.is_halted
    assert any("overfill" in text for text in live.alerts())
    assert any("65 units more" in text for text in live.alerts())


def test_a_late_cancel_reply_of_an_earlier_process_changes_nothing() -> None:
    live = LiveKernel().ready()
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.CANCELLED))
    again = live.restart().start()
    again.tell(ReplyClassified(MessageKind.CANCEL, ours, ReplyOutcome.ACCEPTED))
    again.tell(TimerFired(again.now))
    assert again.order(ours).lifecycle is L.CANCELLED


# -- loss limits ---------------------------------------------------------------------------------


def test_a_loss_limit_is_watched_after_a_restart_before_anything_is_filled() -> None:
    live = LiveKernel(limits=ROOMY.model_copy(update={"max_loss_inr": Decimal(3_000)})).ready()
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, R.FILLED, 65))
    again = live.restart().start()
    settle(again, again.row(ours, R.FILLED, 65), held={again.call: 65})
    assert again.state_of() == "ACTIVE"
    again.prices[again.call] = 10.0
    for _ in range(2):
        again.tick()
        again.wait(1.0)
    again.tick()
    assert again.state_of() == "REDUCE_ONLY"
    assert again.group().state == "EXITING"


@pytest.mark.parametrize("kind", [OrderChanged, OrderFilled])
@pytest.mark.parametrize("kill", [None, KillMode.CANCEL_ALL, KillMode.FLATTEN])
def test_a_late_fill_is_left_though_the_crash_came_before_its_group_was_moved(
    kind: type, kill: KillMode | None
) -> None:
    live = LiveKernel().ready()
    ours = taken_back(live)
    if kill is not None:
        live.tell(KillTripped("all", kill, "asha", "enough"))
    fill(live, ours)
    again = cut_after(live, kind).start()
    settle(again, again.row(ours, R.FILLED, 65, broker_id=f"X{ours}"), held={again.call: 65})
    again.tick()
    again.wait(1)
    is_left = kill is not KillMode.CANCEL_ALL
    assert again.group().state == ("UNWINDING" if is_left else "KILLED")
    assert len(again.placed) == is_left


class Range(State):
    """A day's range before its first price, as authors write it."""

    high: float = -math.inf
    low: float = math.inf
    close: float | None = None


class Ranging(Puppet):
    state: Range  # type: ignore[assignment]


def test_a_state_with_infinity_and_nan_is_there_after_a_restart() -> None:
    live = LiveKernel(strategy=Ranging, state=Range).ready()
    for close in (None, math.nan, math.inf):
        live.puppet.state.close = close
        live.tick()
        again = live.restart(strategy=Ranging, state=Range)
        assert repr(again.puppet.state) == repr(live.puppet.state)
