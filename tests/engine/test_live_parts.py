"""A live run is joined from whatever its journal is: whole, torn, damaged, of another time."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from engine import Params, buy
from engine.core.seat import SeatConfig
from engine.core.state_digest import FORM, StateDigest
from engine.errors import FileError
from engine.live_parts import LiveParts, LiveSetup, join_live
from engine.model.effect import Keep
from engine.model.event import KillMode, KillTripped, ReplyOutcome, Started
from engine.model.order import AmendKind, Lifecycle, Product
from engine.model.order_update import RemoteStatus
from engine.model.record import Checkpoint, KillRecorded
from engine.ports import Capabilities, TradingState
from engine.rules.clock_time import ns
from engine.rules.sessions import Sessions
from engine.runtime.clock import VirtualClock
from engine.runtime.journal import MAGIC
from engine.runtime.journal_reader import read_journal
from engine.runtime.memory_disk import MemoryDisk
from risk.gate import Gate
from risk.limits import StrategyLimits
from risk.throttle import Governor
from tests.engine.core.live_kernel import BOOT, DAY, ROOMY, LiveKernel, Memory, Puppet
from tests.engine.core.test_state_digest import taken_back


def setup(live: LiveKernel, *, now: int | None = None, day: date = DAY) -> LiveSetup:
    clock = VirtualClock(live.now if now is None else now)
    sessions = Sessions()
    execution: Any = SimpleNamespace(
        capabilities=Capabilities(max_legs=1, echoes_tag=True, has_order_stream=True)
    )
    quiet: Any = SimpleNamespace()

    def seats(kernel: Any, states: Any) -> None:
        del states
        seat, context = kernel.seat(
            SeatConfig(strategy_id="puppet", accounts={"A1": 1}, product=Product.INTRADAY)
        )
        seat.sit(Puppet(Params(), Memory(), context))

    return LiveSetup(
        trading_date=day,
        catalogue=live.catalogue,
        sessions=sessions,
        gate=Gate(ROOMY, {"puppet": StrategyLimits()}, sessions, DAY),
        governor=Governor.of(ROOMY),
        executions={"A1": execution},
        feed=quiet,
        clock=clock,
        wall=clock,
        log=quiet,
        seats=seats,
        boot=msgspec.structs.replace(BOOT, trading_date=day.isoformat()),
        say=lambda _: None,
        sync=lambda _: quiet,
        stopwatch=lambda: 0,
    )


def join(live: LiveKernel, content: bytes, **changes: Any) -> tuple[LiveParts, MemoryDisk]:
    disk = MemoryDisk(content)
    return join_live(setup(live, **changes), disk), disk


@pytest.fixture
def live() -> LiveKernel:
    """A process that bought 65 calls and sent an order nobody answered yet."""
    live = LiveKernel().ready()
    (ours,) = live.enter(buy(live.call, 1))
    live.update(live.row(ours, RemoteStatus.FILLED, 65))
    live.enter(buy(live.put, 1), name="second")
    return live


def test_what_was_sent_and_not_answered_is_known_to_the_next_process(live: LiveKernel) -> None:
    parts, _ = join(live, live.disk.read())
    lifecycles = [order.lifecycle for order in parts.kernel.blotter.orders.values()]
    assert lifecycles == [Lifecycle.FILLED, Lifecycle.SENDING]
    assert dict(parts.kernel.desk.ledger.nets(None)) == {live.call: 65}


def test_rejections_in_a_row_are_known_to_the_next_process(live: LiveKernel) -> None:
    live.wait(5.0)
    (ours,) = live.enter(buy(live.call, 1), name="third", retries=0)
    live.reply(ours, ReplyOutcome.REFUSED, text="RMS: margin")
    live.journal.append(
        Checkpoint(live.now, 1, FORM, StateDigest(live.kernel).sections()), live.now
    )
    parts, _ = join(live, live.disk.read())
    assert parts.kernel.halting.rejections() == {"puppet": 1}


def test_a_journal_cut_at_any_byte_of_its_last_records_is_taken_up_as_far_as_it_goes(
    live: LiveKernel,
) -> None:
    content = live.disk.read()
    raw = read_journal(live.disk, live.catalogue).raw
    cuts = [*range(raw[-4].offset, raw[-1].offset, 41), *range(raw[-1].offset, len(content), 3)]
    for cut in cuts:
        parts, disk = join(live, content[:cut])
        whole = sum(following.offset <= cut for following in raw[1:])
        entries = list(read_journal(disk, live.catalogue))
        assert entries[-1].epoch == 2
        assert entries[-1].sequence == whole + 1
        assert set(parts.kernel.blotter.orders) <= set(live.kernel.blotter.orders)


def test_a_flipped_bit_before_the_end_is_refused_and_nothing_is_touched(live: LiveKernel) -> None:
    content = live.disk.read()
    raw = read_journal(live.disk, live.catalogue).raw
    for entry in raw[:-1]:
        damaged = bytearray(content)
        damaged[entry.offset + 30] ^= 4
        disk = MemoryDisk(bytes(damaged))
        with pytest.raises(FileError, match=f"record {entry.sequence} at byte {entry.offset}"):
            join_live(setup(live), disk)
        assert disk.read() == bytes(damaged)


@pytest.mark.parametrize("behind_s", [6, 3_600])
def test_a_journal_from_the_future_is_refused_and_not_touched(
    live: LiveKernel, behind_s: int
) -> None:
    content = live.disk.read() + b"torn"
    disk = MemoryDisk(content)
    with pytest.raises(FileError, match=rf"written {behind_s} s after .*clock"):
        join_live(setup(live, now=live.now - ns(behind_s)), disk)
    assert disk.read() == content


def test_a_clock_set_back_a_little_is_none(live: LiveKernel) -> None:
    parts, _ = join(live, live.disk.read(), now=live.now - ns(4))
    assert parts.kernel.blotter.orders


def test_a_clock_an_hour_ahead_is_an_absence_of_an_hour(live: LiveKernel) -> None:
    parts, _ = join(live, live.disk.read(), now=live.now + ns(3_600))
    assert parts.kernel.recovery.is_on
    assert parts.kernel.placement.is_paused


def test_the_journal_of_another_day_is_refused(live: LiveKernel) -> None:
    with pytest.raises(FileError, match=r"record 1 is of the trading date 2026-08-18, and today"):
        join_live(setup(live, day=DAY + timedelta(days=1)), MemoryDisk(live.disk.read()))


@pytest.mark.parametrize("length", range(18))
def test_a_journal_that_died_at_birth_is_begun_anew(live: LiveKernel, length: int) -> None:
    parts, disk = join(live, live.disk.read()[:length])
    assert not parts.kernel.blotter.orders
    assert len(list(read_journal(disk, live.catalogue))) == 1


def test_a_checkpoint_that_does_not_hold_is_refused_and_nothing_is_touched(
    live: LiveKernel,
) -> None:
    sections = StateDigest(live.kernel).sections()
    live.journal.append(Checkpoint(live.now, 1, FORM, sections), live.now)
    join(live, live.disk.read())
    live.journal.append(Checkpoint(live.now, 1, FORM, sections | {"groups": "00"}), live.now)
    content = live.disk.read()
    disk = MemoryDisk(content)
    with pytest.raises(FileError, match=rf"record {live.journal.sequence}, .* in groups\."):
        join_live(setup(live), disk)
    assert disk.read() == content


def test_an_open_group_whose_strategy_is_gone_is_refused(live: LiveKernel) -> None:
    gone = setup(live)
    gone.seats = lambda *_: None
    with pytest.raises(FileError, match=r"puppet.*no longer stands in the configuration"):
        join_live(gone, MemoryDisk(live.disk.read()))


def test_a_strategy_that_is_gone_is_missed_also_by_what_it_sent_and_is_over() -> None:
    """A late fill, or a mere exchange id, would otherwise find nobody to tell and end the run."""
    live = LiveKernel().ready()
    taken_back(live)
    gone = setup(live)
    gone.seats = lambda *_: None
    with pytest.raises(FileError, match=r"puppet.*no longer stands in the configuration"):
        join_live(gone, MemoryDisk(live.disk.read()))


def test_a_strategy_that_is_gone_and_sent_nothing_is_not_missed() -> None:
    live = LiveKernel().ready()
    gone = setup(live)
    gone.seats = lambda *_: None
    unseen = live.catalogue.find("NIFTY 25AUG26 24500 CE")
    live.ask(lambda s: s.enter(buy(unseen, 1), name="g"))
    live.ask(lambda s: s.cancel("g"))
    assert live.group().is_done
    join_live(gone, MemoryDisk(live.disk.read()))


def test_a_new_journal_is_known_for_one_whatever_is_lost_of_it() -> None:
    live = LiveKernel()
    _, disk = join(live, b"")
    left = disk.crash(0).read()
    assert left == MAGIC
    again, _ = join(live, left)
    assert again.journal.sequence == 1


KILL = KillTripped("all", KillMode.CANCEL_ALL, "asha", "the latch of last night")


def test_a_kill_that_stands_from_before_cancels_what_rests_and_is_journaled() -> None:
    live = LiveKernel().ready()
    (ours,) = live.enter(buy(live.call, 1, limit=80.0))
    live.update(live.row(ours, RemoteStatus.OPEN))
    killed = setup(live)
    killed.kill = KILL
    parts = join_live(killed, MemoryDisk(live.disk.read()))
    kernel = parts.kernel
    assert kernel.view.trading_state("puppet", "A1")[0] is TradingState.KILLED
    kernel.handle(Started(), live.now)
    event = parts.bus.next()
    assert event == KILL
    effects = kernel.handle(event, live.now)
    kept = [e.record for e in effects if isinstance(e, Keep)]
    assert [r.mode for r in kept if isinstance(r, KillRecorded)] == [KillMode.CANCEL_ALL]
    amend = kernel.blotter.orders[ours].amend
    assert amend is not None
    assert amend.kind is AmendKind.CANCEL


def test_a_kill_that_the_journal_has_already_is_not_written_again(live: LiveKernel) -> None:
    live.tell(KILL)
    killed = setup(live)
    killed.kill = KillTripped("all", KillMode.BLOCK_NEW, "asha", "the same, as the latch has it")
    parts = join_live(killed, MemoryDisk(live.disk.read()))
    assert parts.bus.next() is None
    assert parts.kernel.view.trading_state("puppet", "A1")[0] is TradingState.KILLED
