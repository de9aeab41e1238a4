"""Runs a kernel in real time, or in a simulated loop's: the bus, timers and the governor drive it.

One event after the other, each at the clock's time and never before the one ahead of it. Order
events go first. While the journal is not durable in time the governor lets nothing go.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from engine.core.kernel import NOTHING, Kernel
from engine.core.timers import NEVER
from engine.model.arithmetic import fresh_arithmetic
from engine.model.effect import Say
from engine.model.event import (
    Event,
    HookOverran,
    OrderStreamChanged,
    RunEnding,
    SendExpired,
    SendReleased,
    Started,
    TimerFired,
)
from engine.model.market import Depth, Tick
from engine.ports import Clock, DecisionLog, MessageGovernor
from engine.rules.clock_time import NS_PER_S
from engine.runtime.bus import Bus
from engine.runtime.checkpoints import Checkpoints
from engine.runtime.effects import sort_out
from engine.runtime.feed_watch import FeedWatch
from engine.runtime.group_commit import GroupCommit
from engine.runtime.live_effects import LiveEffects

ACTS_EVERY_NS: Final = NS_PER_S
"""How often what people asked for is looked for."""
LATE_NS: Final = NS_PER_S // 4
"""The rate windows have room for so much between a release and its bytes (reliability.md 4.4)."""
TURN_EVENTS: Final = 256
"""Events handled before the loop gets its turn: sockets must not wait for a burst."""
TURN_NS: Final = 5_000_000
"""No event is begun after so long in one turn, for the same reason."""


class Acts(Protocol):
    """What people ask of the engine (``engine.runtime.inbox``)."""

    def take(self) -> Iterable[Event]:
        """Return what was asked for since the last call."""

    def unread(self) -> list[str]:
        """Return, once, what was asked for and cannot be read."""

    def done(self) -> None:
        """Forget what was taken: it is in the journal."""


class _NobodyAsks:
    """An engine nobody can ask for anything."""

    def take(self) -> Iterable[Event]:
        """Return nothing."""
        return ()

    def unread(self) -> list[str]:
        """Return nothing."""
        return []

    def done(self) -> None:
        """Forget nothing."""


NOBODY_ASKS: Final = _NobodyAsks()


class LiveRunner:
    """Drives one kernel until ``stop``. ``run`` is the whole of it.

    ``acts`` is where people ask for things. ``stopwatch`` (ns) measures how long one event takes;
    the longest is in ``longest_event_ns``.
    """

    def __init__(
        self,
        kernel: Kernel,
        governor: MessageGovernor,
        effects: LiveEffects,
        commit: GroupCommit,
        log: DecisionLog,
        bus: Bus,
        clock: Clock,
        stopwatch: Callable[[], int],
        acts: Acts,
        checkpoints: Checkpoints,
        feeds: FeedWatch,
    ) -> None:
        self._kernel = kernel
        self._governor = governor
        self._effects = effects
        self._commit = commit
        self._log = log
        self._bus = bus
        self._clock = clock
        self._stopwatch = stopwatch
        self._acts = acts
        self._checkpoints = checkpoints
        self._feeds = feeds
        self._ending: str | None = None
        self._released: deque[tuple[int, int]] = deque()
        self._look_at_acts = 0
        self._acts_until = 0
        self.longest_event_ns = 0

    def stop(self, reason: str) -> None:
        """End the run after the event being handled."""
        self._ending = self._ending or reason
        self._bus.wake()

    async def run(self) -> None:
        """Start the strategies, handle what comes, and stop them when ``stop`` was called.

        Raises ``FileError`` when a strategy cannot start and ``InvariantBroken`` for our own bug;
        what was journaled until then is durable as far as the disk allows.
        """
        self._dispatch(Started())
        while self._ending is None:
            self._turn()
            if self._ending is not None:
                break
            if self._bus:
                await asyncio.sleep(0)
            else:
                await self._idle()
        self._dispatch(RunEnding(self._ending))
        await self._effects.close()
        self._checkpoints.write(self._now())
        await self._commit.wait_for_all()

    async def _idle(self) -> None:
        """Wait for an event, or until a timer or the governor is due."""
        now = self._clock.now()
        looks = min(self._look_at_acts, self._feeds.next_at)
        due = min(self._kernel.next_timer(), self._governor_due(), looks)
        if due <= now:
            await asyncio.sleep(0)
            return
        waking = None
        if due < NEVER:
            loop = asyncio.get_running_loop()
            waking = loop.call_later((due - now) / NS_PER_S, self._bus.wake)
        try:
            await self._bus.wait()
        finally:
            if waking is not None:
                waking.cancel()

    def _turn(self) -> None:
        """Handle what is due and what waits, up to ``TURN_EVENTS`` and ``TURN_NS``."""
        until = self._stopwatch() + TURN_NS
        for _ in range(TURN_EVENTS):
            if self._ending is not None or self._stopwatch() > until:
                return
            self._count_late()
            if self._bus.needs_snapshot:
                self._catch_up()
            now = self._now()
            self._take_acts(now)
            if self._feeds.next_at <= now:
                for change in self._feeds.look(now):
                    self._dispatch(change)
            if self._kernel.next_timer() <= now:
                self._dispatch(TimerFired(now))
                continue
            if self._governor_due() <= now and self._release(now):
                continue
            event = self._bus.next()
            if event is None:
                return
            self._dispatch(event)

    def _catch_up(self) -> None:
        """Order updates were lost for want of room: the same as if their streams had been down."""
        self._bus.needs_snapshot = False
        why = "more order updates came at once than fit"
        for account in self._kernel.reconcile.books.heard():
            self._dispatch(OrderStreamChanged(account, is_up=False, why=why))
            self._dispatch(OrderStreamChanged(account, is_up=True, why=why))

    def _count_late(self) -> None:
        """Have the governor count what the disk held too long when it leaves, which is now."""
        reached, since = self._commit.durable_sequence, None
        while self._released and self._released[0][0] <= reached:
            _, at = self._released.popleft()
            since = at if since is None else since
        if since is not None and (now := self._now()) - since > LATE_NS:
            self._governor.left_late(since, now)

    def _take_acts(self, now: int) -> None:
        """Take in what people asked for since the last look; forget it once it is journaled."""
        if now < self._look_at_acts:
            return
        self._look_at_acts = now + ACTS_EVERY_NS
        if self._acts_until and self._commit.durable_sequence >= self._acts_until:
            self._acts.done()
            self._acts_until = 0
        for event in self._acts.take():
            self._dispatch(event)
            self._acts_until = self._effects.journaled
        for text in self._acts.unread():
            self._effects.carry((Say("critical", "inbox", text, now),), now)

    def _release(self, now: int) -> bool:
        expired = self._governor.expired(now)
        if expired:
            self._dispatch(SendExpired(tuple(expired)))
        released = self._governor.release(now)
        if released:
            self._dispatch(SendReleased(tuple(released)))
            self._released.append((self._effects.journaled, now))
        return bool(expired or released)

    def _governor_due(self) -> int:
        if self._commit.is_stalled:
            return NEVER
        due = self._governor.next_time()
        return NEVER if due is None else due

    def _dispatch(self, event: Event) -> None:
        """Log an event, let the kernel handle it, and do what it wants."""
        kernel, now = self._kernel, self._now()
        started = self._stopwatch()
        if isinstance(event, Tick | Depth):
            self._feeds.heard(event.source, now)
        else:
            fresh_arithmetic()
            self._log.dispatched_event(kernel.desk.kseq + 1, now, event)
        effects = kernel.handle(event, now)
        self._bus.tell(event)
        if effects is not NOTHING and effects:
            records, others = sort_out(effects)
            self._effects.keep(records, now)  # A log is never ahead of its journal.
            self._log.effects(kernel.desk.kseq, now, records, others)
            self._effects.carry_out(others, now)
            self._commit.want((*records, *self._checkpoints.look(now)))
            # What was begun here calculates on in the context it was begun in; hooks get another.
            fresh_arithmetic()
        self.longest_event_ns = max(self.longest_event_ns, self._stopwatch() - started)
        overruns, kernel.overruns[:] = list(kernel.overruns), []
        for overrun in overruns:
            self._bus.publish(
                HookOverran(overrun.strategy, overrun.hook, overrun.took_ns / 1_000_000)
            )

    def _now(self) -> int:
        return max(self._clock.now(), self._kernel.desk.now)
