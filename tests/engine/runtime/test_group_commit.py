"""The journal is made durable beside the loop: one sync for many, a slow one told, a bad one fatal."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from engine.model.event import JournalStalled
from engine.model.record import HumanActed, KillRecorded, Record
from engine.runtime.clock import VirtualClock
from engine.runtime.group_commit import SOON_S, STALL_AFTER_S, GroupCommit, Synced, in_thread
from engine.runtime.journal import Journal, JournalBroken
from engine.runtime.memory_disk import MemoryDisk
from tests.engine.core.live_kernel import BOOT
from tests.simulation.disk import InTask
from tests.simulation.loop import VirtualLoop, run_virtual


class Scene:
    """A journal, a slow disk, and whoever waits for it."""

    def __init__(self, loop: VirtualLoop, takes_s: float) -> None:
        self.disk = MemoryDisk()
        self.journal = Journal.create(self.disk, VirtualClock(0), name="journal")
        self.takes_s = takes_s
        self.stalls: list[JournalStalled] = []
        self.reached: list[int] = []
        self.commit = GroupCommit(
            self.journal, InTask(lambda: self._sync), self.reached.append, self.stalls.append
        )
        self.running = loop.create_task(self.commit.run())

    async def _sync(self) -> int:
        sequence = self.journal.sequence
        await asyncio.sleep(self.takes_s)
        self.journal.sync()
        return sequence

    def append(self) -> int:
        return self.journal.append(BOOT, 0)

    def keep(self, record: Record = BOOT) -> int:
        """Append what nobody waits for."""
        sequence = self.journal.append(record, 0)
        self.commit.want((record,))
        return sequence

    def decree(self) -> int:
        return self.keep(KillRecorded(0, 0, "all", "block_new", "asha", "a drill"))


def on_stage(act: Callable[[Scene], Any], takes_s: float = 0.001) -> Scene:
    async def main(loop: VirtualLoop) -> Scene:
        scene = Scene(loop, takes_s)
        await asyncio.sleep(0)  # It runs.
        await act(scene)
        return scene

    return run_virtual(main, 3)


def test_one_sync_serves_all_who_wait() -> None:
    async def act(scene: Scene) -> None:
        numbers = [scene.append() for _ in range(50)]
        await asyncio.gather(*(scene.commit.wait(n) for n in numbers))

    scene = on_stage(act)
    assert scene.disk.sync_count == 1
    assert scene.commit.durable_sequence == 50


def test_what_a_sync_under_way_serves_is_not_synced_again() -> None:
    async def act(scene: Scene) -> None:
        sequence = scene.decree()
        await asyncio.sleep(scene.takes_s / 2)
        await scene.commit.wait(sequence)
        await asyncio.sleep(scene.takes_s * 3)

    assert on_stage(act).disk.sync_count == 1


def test_what_nobody_waits_for_is_durable_within_50_ms_with_what_came_after_it() -> None:
    async def act(scene: Scene) -> None:
        first = scene.keep()
        await asyncio.sleep(SOON_S / 2)
        assert scene.disk.sync_count == 0
        second = scene.keep()
        await asyncio.sleep(0.05 - SOON_S / 2)
        assert scene.disk.sync_count == 1
        assert scene.commit.durable_sequence == second > first
        scene.keep()
        await asyncio.sleep(0.05)

    scene = on_stage(act)
    assert scene.disk.sync_count == 2
    assert scene.commit.durable_sequence == 3


def test_a_send_waits_for_one_sync_when_none_is_under_way() -> None:
    async def act(scene: Scene) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(5):
            scene.keep()
        began = loop.time()
        await scene.commit.wait(scene.append())
        assert loop.time() - began < 2 * scene.takes_s
        assert scene.disk.sync_count == 1
        await asyncio.sleep(2 * SOON_S)

    # That sync served all that nobody waited for: none follows it.
    assert on_stage(act).disk.sync_count == 1


def test_what_is_appended_while_a_sync_is_under_way_has_its_own_deadline() -> None:
    async def act(scene: Scene) -> None:
        scene.decree()
        await asyncio.sleep(scene.takes_s / 2)
        sequence = scene.keep()
        await asyncio.sleep(0.05)
        assert scene.commit.durable_sequence == sequence

    assert on_stage(act).disk.sync_count == 2


@pytest.mark.parametrize(
    "record",
    [
        KillRecorded(0, 0, "all", "block_new", "asha", "a drill"),
        HumanActed(0, 0, "arm", "alpha", "asha", "it is mended"),
    ],
)
def test_a_decree_is_synced_at_once(record: Record) -> None:
    async def act(scene: Scene) -> None:
        scene.keep()
        sequence = scene.keep(record)
        await asyncio.sleep(scene.takes_s * 1.5)
        assert scene.commit.durable_sequence == sequence

    on_stage(act)


def test_nobody_goes_on_before_its_own_record_is_durable() -> None:
    async def act(scene: Scene) -> None:
        async def one() -> None:
            sequence = scene.append()
            await scene.commit.wait(sequence)
            assert scene.commit.durable_sequence >= sequence
            assert scene.disk.synced_length

        tasks = []
        for _ in range(30):
            tasks.append(asyncio.ensure_future(one()))
            await asyncio.sleep(0.0004)
        await asyncio.gather(*tasks)

    scene = on_stage(act)
    assert scene.reached == sorted(scene.reached)


def test_what_is_durable_is_not_waited_for() -> None:
    async def act(scene: Scene) -> None:
        await scene.commit.wait(scene.append())
        await scene.commit.wait(1)
        await scene.commit.wait_for_all()

    assert on_stage(act).disk.sync_count == 1


def test_a_sync_that_takes_too_long_is_told_once_and_while_it_lasts() -> None:
    async def act(scene: Scene) -> None:
        scene.decree()
        await asyncio.sleep(STALL_AFTER_S + 0.01)
        assert scene.commit.is_stalled
        assert len(scene.stalls) == 1
        await scene.commit.wait_for_all()
        assert not scene.commit.is_stalled

    scene = on_stage(act, takes_s=2.0)
    (stalled,) = scene.stalls
    assert stalled.waited_ms >= STALL_AFTER_S * 1000


def test_a_sync_that_fails_is_the_end_for_everybody() -> None:
    async def act(scene: Scene) -> None:
        scene.disk.sync_error = 5
        waiting = [asyncio.ensure_future(scene.commit.wait(scene.append())) for _ in range(3)]
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(error, JournalBroken) for error in found)
        scene.disk.sync_error = None
        with pytest.raises(JournalBroken):
            await scene.commit.wait(99)
        with pytest.raises(JournalBroken):
            scene.append()

    scene = on_stage(act)
    assert isinstance(scene.running.exception(), JournalBroken)
    assert scene.commit.durable_sequence == 0


async def test_a_real_journal_is_synced_in_a_thread_of_its_own() -> None:
    disk = MemoryDisk()
    journal = Journal.create(disk, VirtualClock(0), name="journal")
    commit = GroupCommit(journal, in_thread(journal), lambda _: None, lambda _: None)
    running = asyncio.ensure_future(commit.run())
    sequence = journal.append(BOOT, 0)
    await commit.wait(sequence)
    assert journal.durable_sequence == commit.durable_sequence == sequence
    disk.sync_error = 5
    with pytest.raises(JournalBroken, match="could not be made durable"):
        await commit.wait(journal.append(BOOT, 0))
    with pytest.raises(JournalBroken):
        await running


async def test_a_journal_that_broke_before_it_was_watched_ends_the_run() -> None:
    disk = MemoryDisk()
    journal = Journal.create(disk, VirtualClock(0), name="journal")
    commit = GroupCommit(journal, in_thread(journal), lambda _: None, lambda _: None)
    disk.sync_error = 5
    with pytest.raises(JournalBroken):
        await commit.wait(journal.append(BOOT, 0))
    with pytest.raises(JournalBroken):
        await commit.run()


def test_a_sync_begins_in_the_call_that_wants_it() -> None:
    async def act(scene: Scene) -> None:
        scene.append()
        scene.commit.begin()
        await asyncio.sleep(scene.takes_s / 2)
        later = scene.append()
        scene.commit.begin()
        await asyncio.sleep(scene.takes_s)
        assert scene.commit.durable_sequence == later - 1
        await asyncio.sleep(scene.takes_s)
        assert scene.commit.durable_sequence == later

    assert on_stage(act).disk.sync_count == 2


async def test_our_own_bug_in_a_sync_ends_the_run_and_whoever_waits() -> None:
    def sync(synced: Synced) -> None:
        asyncio.get_running_loop().call_soon(synced, None, MemoryError())

    journal = Journal.create(MemoryDisk(), VirtualClock(0), name="journal")
    commit = GroupCommit(journal, sync, lambda _: None, lambda _: None)
    running = asyncio.ensure_future(commit.run())
    for _ in range(2):
        with pytest.raises(MemoryError):
            await commit.wait(journal.append(BOOT, 0))
    with pytest.raises(MemoryError):
        await running


def test_what_was_written_before_the_run_becomes_durable_with_it() -> None:
    async def act(scene: Scene) -> None:
        scene.running.cancel()
        scene.append()
        scene.running = asyncio.ensure_future(scene.commit.run())
        await asyncio.sleep(scene.takes_s * 1.5)
        assert scene.commit.durable_sequence == 1

    on_stage(act)


def test_one_sync_serves_a_decree_and_what_it_leads_to_in_the_same_turn() -> None:
    async def act(scene: Scene) -> None:
        scene.decree()
        sequence = scene.append()
        began = asyncio.get_running_loop().time()
        await scene.commit.wait(sequence)
        assert asyncio.get_running_loop().time() - began < scene.takes_s * 1.5

    assert on_stage(act).disk.sync_count == 1


@pytest.mark.parametrize("turns", [1, 2, 3, 5, 8])
def test_a_stall_is_told_however_the_time_rounds(turns: int) -> None:
    """The sum of two times may round up, and their difference down to nothing."""

    async def act(scene: Scene) -> None:
        loop = asyncio.get_running_loop()
        # A wait for the sync that ends with the time at a power of two.
        await asyncio.sleep(1024.0 - STALL_AFTER_S / 2 - loop.time() + turns * 1e-7 / 3)
        scene.decree()
        await asyncio.sleep(STALL_AFTER_S * 2)
        assert len(scene.stalls) == 1

    on_stage(act, takes_s=2.0)


def test_a_journal_let_go_of_lets_its_thread_end() -> None:
    threads = list[threading.Thread]()
    gone = list[weakref.ref[GroupCommit]]()

    async def one() -> None:
        journal = Journal.create(MemoryDisk(), VirtualClock(0), name="journal")
        before = set(threading.enumerate())
        commit = GroupCommit(journal, in_thread(journal), lambda _: None, lambda _: None)
        threads.extend(set(threading.enumerate()) - before)
        gone.append(weakref.ref(commit))
        await commit.wait(journal.append(BOOT, 0))

    asyncio.run(one())
    (thread,) = threads
    for _ in range(200):  # It may be at work still, for whoever is let go of.
        gc.collect()
        thread.join(timeout=0.05)
        if not thread.is_alive():
            break
    assert gone[0]() is None
    assert not thread.is_alive()
