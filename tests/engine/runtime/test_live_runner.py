"""A live kernel driven in virtual time: stalls hold the governor, lost frames have books read."""

from __future__ import annotations

import asyncio
import decimal
from pathlib import Path
from typing import Any

import pytest

from engine.model.codec import encode
from engine.model.event import JournalStalled, KillMode, KillTripped, OrderUpdated
from engine.model.order_update import OrderUpdate, RemoteStatus
from engine.runtime.bus import ORDER_LANE_MAX
from engine.runtime.inbox import Inbox
from tests.simulation.adapter import SimExecution
from tests.simulation.loop import VirtualLoop, run_virtual
from tests.simulation.trader import Trader
from tests.simulation.world import World


def quiet_world(loop: VirtualLoop) -> World:
    """Return a world in which nothing goes wrong by itself."""
    world = World(loop, 5, scale=0.0)
    world.start()
    return world


def test_more_updates_than_fit_have_every_account_read_again() -> None:
    async def main(loop: VirtualLoop) -> None:
        world = quiet_world(loop)
        await world.turn(30)
        assert world.life is not None
        parts = world.life.parts
        said = OrderUpdate(
            account="A1", source="t", status=RemoteStatus.OPEN, broker_id="Z1", filled_quantity=0
        )
        taken = sum(parts.bus.publish(OrderUpdated(said)) for _ in range(ORDER_LANE_MAX + 5))
        assert taken <= ORDER_LANE_MAX
        kill = KillTripped("alpha", KillMode.BLOCK_NEW, "asha", "a drill")
        assert parts.bus.publish(kill)
        before = len([r for b in world.brokers.values() for r in b.requests if "orders/" in r[2]])
        await asyncio.sleep(0.2)
        assert parts.kernel.view.trading_state("alpha", "A1")[0].name == "KILLED"
        assert not parts.bus.needs_snapshot
        await world.turn(10)
        asked = [r for b in world.brokers.values() for r in b.requests if "orders/" in r[2]]
        assert len(asked) > before
        assert any("more order updates came at once than fit" in line for line in world.story)

    run_virtual(main, 5)


def test_while_the_journal_stalls_the_governor_lets_nothing_go() -> None:
    async def main(loop: VirtualLoop) -> None:
        world = quiet_world(loop)
        await world.turn(60)
        assert world.life is not None
        parts = world.life.parts
        heard = parts.bus.subscribe(JournalStalled)
        sync = parts.commit._sync

        parts.commit._sync = lambda synced: loop.call_later(3.0, sync, synced)
        while not parts.commit.is_stalled:
            await world.turn(0.5)
        placed = [r for b in world.brokers.values() for r in b.requests if r[1] == "POST"]
        while parts.commit.is_stalled:
            still = [r for b in world.brokers.values() for r in b.requests if r[1] == "POST"]
            assert still == placed
            await asyncio.sleep(0.1)
        parts.commit._sync = sync
        await world.turn(30)
        assert heard.take()
        assert any("nothing became durable" in line for line in world.story)

    run_virtual(main, 5)


def test_what_is_sent_calculates_on_in_the_engines_context_whatever_hooks_do_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digits: set[int] = set()
    spoiled: list[int] = []

    def on_tick(_: Trader, __: object) -> None:
        decimal.getcontext().prec = 3
        spoiled.append(3)

    transmit = SimExecution.transmit

    async def noting(*parts: Any) -> Any:
        digits.add(decimal.getcontext().prec)
        return await transmit(*parts)

    monkeypatch.setattr(Trader, "on_tick", on_tick)
    monkeypatch.setattr(SimExecution, "transmit", noting)

    async def main(loop: VirtualLoop) -> None:
        world = quiet_world(loop)
        await world.turn(60)

    run_virtual(main, 5)
    assert len(spoiled) > 100
    assert digits == {28}


def test_a_feed_that_falls_silent_is_told_of_while_nothing_else_happens() -> None:
    async def main(loop: VirtualLoop) -> None:
        world = quiet_world(loop)
        await world.turn(60)
        assert world.life is not None
        assert world.life.parts.kernel.feed_health.states == {"feed": "FRESH"}
        await asyncio.sleep(12)
        assert world.life.parts.kernel.feed_health.states == {"feed": "STALE"}
        assert any("feed STALE: nothing came for 1" in line for line in world.story)
        await world.turn(5)
        assert world.life.parts.kernel.feed_health.states == {"feed": "FRESH"}

    run_virtual(main, 5)


def test_an_act_that_cannot_be_read_is_said_and_ends_nothing(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        world = quiet_world(loop)
        await world.turn(30)
        assert world.life is not None
        parts = world.life.parts
        inbox = Inbox(tmp_path)
        parts.runner._acts = inbox
        inbox.put(b'{"type":"HumanAdjusted","instrument":"nse_fo/NIFTI"}')
        inbox.put(encode(KillTripped("alpha", KillMode.BLOCK_NEW, "asha", "a drill")))
        await world.turn(5)
        assert parts.kernel.view.trading_state("alpha", "A1")[0].name == "KILLED"
        assert sum("nothing was done" in line for line in world.story) == 1

    run_virtual(main, 5)
