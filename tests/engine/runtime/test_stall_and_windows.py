"""After a slow disk no more leaves at once than the rate windows allow."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from engine.core.timers import NEVER
from engine.model.command import Lane
from engine.model.event import Event, SendReleased
from engine.rules.clock_time import NS_PER_S
from engine.runtime.bus import Bus
from engine.runtime.feed_watch import FeedWatch
from engine.runtime.live_runner import NOBODY_ASKS, LiveRunner
from risk.limits import AccountLimits
from risk.throttle import Governor
from tests.engine.core.live_kernel import BOOT
from tests.engine.runtime.test_group_commit import Scene
from tests.risk.test_throttle import START, ticket
from tests.simulation.loop import VirtualClock, VirtualLoop, run_virtual
from tests.simulation.price_feed import NoLog


class Sends:
    """A kernel that lets everything go, and effects that send it once it is durable."""

    def __init__(self, scene: Scene, clock: VirtualClock) -> None:
        self.desk = SimpleNamespace(kseq=0, now=0)
        self.overruns: list[Any] = []
        self.left: list[int] = []
        self._scene = scene
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []

    def next_timer(self) -> int:
        return NEVER

    def handle(self, event: Event, now: int) -> list[Any]:
        self.desk.now = now
        return list(event.tickets) if isinstance(event, SendReleased) else []

    @property
    def journaled(self) -> int:
        return self._scene.journal.sequence

    def keep(self, records: Iterable[Any], now: int) -> None:
        """What is kept here is what is sent."""

    def carry_out(self, tickets: Iterable[Any], now: int) -> None:
        for _ in tickets:
            sequence = self._scene.journal.append(BOOT, now)
            self._tasks.append(asyncio.create_task(self._send(sequence)))

    async def _send(self, sequence: int) -> None:
        await self._scene.commit.wait(sequence)
        self.left.append(self._clock.now())

    async def close(self) -> None:
        """Nothing waits."""


@pytest.mark.parametrize("takes_s", [0.001, 0.2, 0.6, 3.0])
def test_no_window_carries_more_than_it_may_however_long_the_disk_took(takes_s: float) -> None:
    async def main(loop: VirtualLoop) -> list[int]:
        scene = Scene(loop, takes_s)
        clock = VirtualClock(loop, START)
        governor = Governor.of(AccountLimits())
        sends: Any = Sends(scene, clock)
        quiet: Any = SimpleNamespace(look=lambda _: (), write=lambda _: None)
        bus = Bus()
        scene.commit._on_durable = lambda _: bus.wake()
        runner = LiveRunner(
            sends,
            governor,
            sends,
            scene.commit,
            NoLog(),
            bus,
            clock,
            lambda: 0,
            NOBODY_ASKS,
            quiet,
            FeedWatch((), quiet, lambda: False, START),
        )
        for number in range(40):
            governor.submit(ticket(number, Lane.HEDGE_OR_EXIT), clock.now())
        running = loop.create_task(runner.run())
        await asyncio.sleep(5)
        scene.takes_s = 0.001
        await asyncio.sleep(30)
        runner.stop("enough")
        await running
        left: list[int] = sends.left
        return left

    left = run_virtual(main, 3)
    assert len(left) == 40
    second = NS_PER_S
    most = max(sum(at <= later < at + second for later in left) for at in left)
    assert most <= 9
