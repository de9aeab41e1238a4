"""Joins a live run: a kernel taken up from its journal, brokers behind their port, one sender.

Which brokers, which disk and which clock is the caller's: the same parts run against real ones and,
in virtual time, against simulated ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from engine.core.kernel import Kernel
from engine.core.kernel_config import KernelConfig
from engine.core.restore import Restore, next_sequence
from engine.errors import FileError
from engine.model.arithmetic import exactly
from engine.model.catalogue import Catalogue
from engine.model.effect import Say
from engine.model.event import KillTripped
from engine.model.record import SessionBooted, StateSaved
from engine.ports import Clock, DecisionLog, Disk, Execution, Feed, MessageGovernor, RiskGate
from engine.rules.clock_time import NS_PER_S, ns
from engine.rules.sessions import Sessions
from engine.runtime.bus import Bus
from engine.runtime.checkpoints import EVERY_RECORDS, Checkpoints
from engine.runtime.feed_watch import FeedWatch
from engine.runtime.group_commit import GroupCommit, Sync
from engine.runtime.hot_path.choice import guarding, marking
from engine.runtime.journal import Journal
from engine.runtime.journal_reader import JournalEntry, read_journal
from engine.runtime.live_effects import LiveEffects
from engine.runtime.live_runner import NOBODY_ASKS, Acts, LiveRunner
from engine.runtime.sender import Sender
from engine.runtime.silence import STALE_AFTER_S, Silence
from risk.kill_switch import KillSwitch
from risk.last_test import barred
from risk.throttle import Governor

FUTURE_MAX_S: Final = 5.0
"""A journal may be this far ahead of the clock: one that was set back a little."""

Seats = Callable[[Kernel, Mapping[str, bytes]], None]
"""Gives the kernel its strategies; the mapping is their durable state by strategy id.

``Codec.decode_state`` reads it.
"""


@dataclass(slots=True, kw_only=True)
class LiveSetup:
    """What a live run is made of, besides its journal.

    ``executions`` are the order entries by account. ``sync`` returns what makes a journal
    durable beside the loop. ``kill`` is a kill that stands from before, if one does.
    ``acts`` is where people ask for things (``engine.runtime.inbox``). ``checkpoint_every``: so
    many records are written between two checkpoints. ``feeds`` are the sources whose ticks must
    come, each by itself; without them all are watched as one.
    """

    trading_date: date
    catalogue: Catalogue
    sessions: Sessions
    gate: RiskGate
    governor: Governor
    executions: Mapping[str, Execution]
    feed: Feed
    clock: Clock
    wall: Clock
    log: DecisionLog
    seats: Seats
    boot: SessionBooted
    say: Callable[[Say], None]
    sync: Callable[[Journal], Sync]
    stopwatch: Callable[[], int]
    kill: KillTripped | None = None
    acts: Acts = NOBODY_ASKS
    feeds: Sequence[str] = ()
    checkpoint_every: int = EVERY_RECORDS
    name: str = "journal"


@dataclass(slots=True, kw_only=True)
class LiveParts:
    """A live run, joined but not started. ``commit.run`` and ``runner.run`` are its two tasks."""

    kernel: Kernel
    kill_switch: KillSwitch
    journal: Journal
    commit: GroupCommit
    bus: Bus
    runner: LiveRunner
    effects: LiveEffects
    sender: Sender
    governor: MessageGovernor


def join_live(setup: LiveSetup, disk: Disk) -> LiveParts:
    """Take the journal on ``disk`` up, or begin it, and join everything around it.

    Raises ``FileError`` for a journal with a hole in it, one of a newer version, of another day or
    of the future, one with a checkpoint that its records do not lead to, and one whose open groups
    belong to a strategy that is gone; and as ``marking`` does.
    """
    content = read_journal(disk, setup.catalogue, name=setup.name)
    entries = list(content)
    _require_today(entries, setup)
    kill_switch = KillSwitch()
    kernel = Kernel(
        KernelConfig(
            trading_date=setup.trading_date,
            next_client_sequence=next_sequence(entry.record for entry in entries),
            booked_accounts=tuple(setup.executions),
            untagged_accounts=tuple(
                account
                for account, execution in setup.executions.items()
                if not execution.capabilities.echoes_tag
            ),
            max_legs={
                account: execution.capabilities.max_legs
                for account, execution in setup.executions.items()
            },
        ),
        setup.catalogue,
        setup.sessions,
        setup.gate,
        kill_switch,
        stopwatch=setup.stopwatch,
        mark=marking(),
        guard=guarding(),
    )
    states = {
        entry.record.strategy: entry.record.payload
        for entry in entries
        if isinstance(entry.record, StateSaved)
    }
    exactly(setup.seats)(kernel, states)
    restore = Restore(kernel)
    for entry in entries:
        restore.take(entry.record, entry.at)
    if entries:
        restore.finish()
    # What was folded is hashed here, where nothing waits for it.
    restore.digest.sections()
    kernel.desk.on_record = restore.digest.note
    # Nothing is written before all that stands in the journal was understood.
    if entries:
        journal = Journal.resume(disk, setup.wall, name=setup.name, position=content.position)
    else:
        disk.truncate(0)
        journal = Journal.create(disk, setup.wall, name=setup.name)
        # Whatever a power cut leaves of the rest, the next start knows whose file it is.
        journal.sync()
    journal.append(setup.boot, setup.clock.now())
    bus = Bus()
    if setup.kill is not None:
        # Nothing passes from here on; the run takes it up as it would a fresh one.
        kill_switch.trip(setup.kill)
        if not kernel.halting.has_kill(setup.kill):
            bus.publish(setup.kill)
    commit = GroupCommit(journal, setup.sync(journal), lambda _: bus.wake(), bus.publish)
    sender = Sender(
        setup.executions,
        commit,
        lambda client_id: kernel.blotter.orders[client_id],
        lambda request: barred(
            request, kernel.view.trading_state(request.strategy, request.key.account)
        ),
        setup.clock.now,
        bus.publish,
    )
    effects = LiveEffects(
        journal,
        setup.governor,
        sender,
        setup.executions,
        setup.feed,
        setup.clock,
        bus.publish,
        setup.say,
    )
    runner = LiveRunner(
        kernel,
        setup.governor,
        effects,
        commit,
        setup.log,
        bus,
        setup.clock,
        setup.stopwatch,
        setup.acts,
        Checkpoints(kernel, journal, restore.digest, setup.checkpoint_every),
        _watch(setup, kernel),
    )
    return LiveParts(
        kernel=kernel,
        kill_switch=kill_switch,
        journal=journal,
        commit=commit,
        bus=bus,
        runner=runner,
        effects=effects,
        sender=sender,
        governor=setup.governor,
    )


def _watch(setup: LiveSetup, kernel: Kernel) -> FeedWatch:
    """Return the watch on the silence of the feeds, as long as any strategy listens to them."""
    desk = kernel.desk
    day = setup.trading_date
    silence = Silence(setup.catalogue, desk.trading, desk.book.ticks, day, STALE_AFTER_S)
    return FeedWatch(
        setup.feeds,
        silence,
        lambda: any(seat.watched or seat.leg_watches for seat in kernel.seats.values()),
        setup.clock.now(),
    )


def _require_today(entries: Sequence[JournalEntry], setup: LiveSetup) -> None:
    """Refuse a journal that this run cannot go on with: nothing of it is touched."""
    for entry in entries:
        boot = entry.record
        if isinstance(boot, SessionBooted) and boot.trading_date != setup.trading_date.isoformat():
            raise FileError(
                f"{setup.name}: record {entry.sequence} is of the trading date "
                f"{boot.trading_date}, and today is {setup.trading_date}: every trading date has a "
                "journal of its own; put this one back under its own name"
            )
    now = setup.clock.now()
    ahead_ns = max((entry.at for entry in entries), default=now) - now
    if ahead_ns > ns(FUTURE_MAX_S):
        raise FileError(
            f"{setup.name}: its last record was written {ahead_ns / NS_PER_S:.0f} s after the time "
            "this machine's clock shows: the clock is wrong now, or was wrong then; set it right, "
            "or wait until it has passed that time, and start again"
        )
