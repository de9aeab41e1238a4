"""A live run vouches for its state now and then; a journal that was changed does not pass."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
import pytest

from engine.errors import FileError
from engine.live_parts import join_live
from engine.model.record import (
    Checkpoint,
    GroupMoved,
    GroupPlanned,
    OrderChanged,
    Record,
    SessionClosed,
    StateSaved,
)
from engine.runtime.clock import VirtualClock
from engine.runtime.journal import Journal
from engine.runtime.journal_reader import JournalEntry, read_journal
from engine.runtime.memory_disk import MemoryDisk
from engine.runtime.readmodel_build import fold
from engine.runtime.readmodel_schema import SessionRow
from tests.simulation.loop import VirtualLoop, run_virtual
from tests.simulation.world import CHECKPOINT_EVERY, World


@cache
def quiet_day() -> tuple[World, tuple[JournalEntry, ...]]:
    """Return a day that ended in order, and its journal."""

    async def main(loop: VirtualLoop) -> World:
        world = World(loop, 5, scale=0.0)
        world.start()
        await world.turn(240)
        life = world.life
        assert life is not None
        life.parts.runner.stop("enough")
        await asyncio.wait_for(life.tasks[1], 60)
        for task in life.tasks:
            task.cancel()
        await asyncio.gather(*life.tasks, return_exceptions=True)
        return world

    world = run_virtual(main, 5)
    return world, tuple(read_journal(world.disk, world.catalogue))


def written_again(entries: list[tuple[Record, int]]) -> MemoryDisk:
    """Return a journal of these records, with every CRC and the chain right."""
    disk = MemoryDisk()
    journal = Journal.create(disk, VirtualClock(1), name="journal")
    for record, at in entries:
        journal.append(record, at)
    return disk


def join(disk: MemoryDisk) -> None:
    world, entries = quiet_day()
    setup = world._setup(world.wall)
    setup.clock = setup.wall = VirtualClock(entries[-1].at)
    join_live(setup, disk)


def test_a_run_writes_one_at_its_start_now_and_then_and_at_its_end() -> None:
    _, entries = quiet_day()
    at = [n for n, entry in enumerate(entries) if isinstance(entry.record, Checkpoint)]
    assert at[0] <= CHECKPOINT_EVERY
    assert at[-1] == len(entries) - 1
    assert isinstance(entries[-2].record, SessionClosed)
    gaps = [after - before for before, after in itertools.pairwise(at)]
    assert len(gaps) > 5
    assert max(gaps) < 2 * CHECKPOINT_EVERY, "an event ends before one is written, no more"
    assert min(gaps[:-1]) >= CHECKPOINT_EVERY


def test_what_was_written_again_as_it_was_is_taken_up() -> None:
    _, entries = quiet_day()
    join(written_again([(entry.record, entry.at) for entry in entries]))


def test_the_read_model_passes_over_them() -> None:
    _, entries = quiet_day()
    without = fold(entry for entry in entries if not isinstance(entry.record, Checkpoint))
    for (table, rows), (_, wanted) in zip(fold(entries), without, strict=True):
        assert rows == wanted or table is SessionRow, "the session names its last record"


def one_paisa_more(record: Any) -> Any:
    order = record.order
    return msgspec.structs.replace(
        record, order=msgspec.structs.replace(order, price=order.price + Decimal("0.05"))
    )


def one_unit_more(record: Any) -> Any:
    more = record.order.filled_quantity + 1
    return msgspec.structs.replace(
        record, order=msgspec.structs.replace(record.order, filled_quantity=more)
    )


def another_word(record: Any) -> Any:
    return msgspec.structs.replace(record, payload=record.payload.replace(b"1", b"2"))


def another_decision(record: Any) -> Any:
    order = record.order
    request = msgspec.structs.replace(order.request, decision_price=1.0)
    return msgspec.structs.replace(record, order=msgspec.structs.replace(order, request=request))


def another_name(record: Any) -> Any:
    plan = msgspec.structs.replace(record.plan, name=record.plan.name + "!")
    return msgspec.structs.replace(record, plan=plan)


def held(record: Any) -> Any:
    return msgspec.structs.replace(record, after="HELD")


@pytest.mark.parametrize(
    ("kind", "change", "sections"),
    [
        (OrderChanged, one_paisa_more, "orders"),
        (OrderChanged, one_unit_more, "orders, groups, ledger"),
        (OrderChanged, another_decision, "orders"),
        (GroupPlanned, another_name, "groups"),
        (GroupMoved, held, "groups"),
        (StateSaved, another_word, "strategies"),
    ],
)
def test_a_record_that_was_changed_is_caught_by_the_next_checkpoint(
    kind: type[Record], change: Callable[[Any], Any], sections: str
) -> None:
    _, entries = quiet_day()
    checks = [n for n, entry in enumerate(entries) if isinstance(entry.record, Checkpoint)]
    number = next(
        n
        for n in range(checks[-1], 0, -1)
        if isinstance(entries[n].record, kind) and change(entries[n].record) != entries[n].record
    )
    following = next(n for n in checks if n > number)
    records = [(entry.record, entry.at) for entry in entries]
    records[number] = (change(entries[number].record), entries[number].at)
    with pytest.raises(FileError, match=f"record {following + 1}, .* then, in {sections}\\."):
        join(written_again(records))


def test_a_record_that_was_taken_out_is_caught() -> None:
    _, entries = quiet_day()
    records = [(entry.record, entry.at) for entry in entries]
    last = max(n for n, (record, _) in enumerate(records) if isinstance(record, OrderChanged))
    del records[last]
    with pytest.raises(FileError, match="the checkpoint of"):
        join(written_again(records))
