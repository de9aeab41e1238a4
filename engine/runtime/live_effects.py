"""Carries out what the kernel wants against real brokers, or simulated ones behind the same port.

What can wait is a task of its own, and comes back as an event; nothing here blocks the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from engine.errors import FileError, LegworkError
from engine.model.effect import (
    Effect,
    Enqueue,
    Forget,
    LoadHistory,
    ReadBooks,
    RunBackground,
    Say,
    Subscribe,
    Transmit,
    TransmitCancel,
    TransmitReplace,
    Unsubscribe,
)
from engine.model.event import Event, HistoryLoaded, SnapshotMerged
from engine.model.record import Record
from engine.model.snapshot import Snapshot
from engine.ports import Clock, Execution, Feed, MessageGovernor
from engine.runtime.effects import finish, sort_out
from engine.runtime.journal import Journal
from engine.runtime.sender import Sender
from engine.runtime.tasks import Tasks

BOOKS_WITHIN_S: Final = 60.0
"""A reading of an account's books that takes longer failed; the next one may not."""


class LiveEffects:
    """``carry`` does or starts what the kernel wants, in its order.

    ``executions`` are the order entries by account; ``publish`` puts an event on the order lane.
    """

    def __init__(
        self,
        journal: Journal,
        governor: MessageGovernor,
        sender: Sender,
        executions: Mapping[str, Execution],
        feed: Feed,
        clock: Clock,
        publish: Callable[[Event], object],
        say: Callable[[Say], None],
    ) -> None:
        self._journal = journal
        self._governor = governor
        self._sender = sender
        self._executions = executions
        self._feed = feed
        self._clock = clock
        self._publish = publish
        self._say = say
        self._tasks = Tasks("an effect")
        self._broken_books: dict[str, str] = {}
        self._work: dict[type, Callable[[Any, int], None]] = {
            Enqueue: self._enqueue,
            Forget: lambda e, _: self._governor.forget(e.client_ids),
            Transmit: lambda e, _: self._sender.send(e, self._journal.sequence),
            TransmitReplace: lambda e, _: self._sender.send(e, self._journal.sequence),
            TransmitCancel: lambda e, _: self._sender.send(e, self._journal.sequence),
            ReadBooks: lambda e, _: self._tasks.start(self._read_books(e)),
            Subscribe: lambda e, _: self._feed.subscribe(e.instruments, depth=e.depth),
            Unsubscribe: lambda e, _: self._feed.unsubscribe(e.instruments),
            RunBackground: lambda e, _: self._tasks.start(self._finish(e)),
            LoadHistory: lambda e, now: self._tasks.start(self._load_history(e, now)),
            Say: lambda e, _: self._say(e),
        }

    def carry(self, effects: Iterable[Effect], now: int) -> Sequence[Record]:
        """Do what the kernel wants, in its order; ``now`` is the time of the event it answered.

        What is to be journaled comes first, in one write: nothing is begun that is not in the file.
        Returns those records.
        """
        records, others = sort_out(effects)
        self.keep(records, now)
        self.carry_out(others, now)
        return records

    def keep(self, records: Sequence[Record], now: int) -> None:
        """Journal what an event led to, before a log tells of it and before anything is done."""
        if records:
            self._journal.append_all(records, now)

    def carry_out(self, others: Sequence[Effect], now: int) -> None:
        """Do or start the rest of what an event led to."""
        work = self._work
        for effect in others:
            work[effect.__class__](effect, now)

    @property
    def journaled(self) -> int:
        """The number of the record that was journaled last."""
        return self._journal.sequence

    @property
    def under_way(self) -> int:
        """How many things were started and have not come back."""
        return len(self._tasks) + self._sender.under_way

    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """Return everything that was started and has not come back, sends apart."""
        return self._tasks.running()

    async def close(self) -> None:
        """Let go of what was started; what was sent and not answered stays in doubt."""
        await self._tasks.close()
        await self._sender.close()

    def _enqueue(self, effect: Enqueue, now: int) -> None:
        for ticket in effect.tickets:
            self._governor.submit(ticket, now)

    async def _read_books(self, effect: ReadBooks) -> None:
        """Read an account's books; whatever goes wrong is a snapshot that is not complete."""
        asked_at = self._clock.now()
        try:
            async with asyncio.timeout(BOOKS_WITHIN_S):
                snapshot = await self._executions[effect.account].read_books(effect.account)
            if snapshot.account != effect.account:
                raise ValueError(f"the books of {snapshot.account} came instead")  # noqa: TRY301
        except (LegworkError, OSError) as error:
            snapshot = _unread(effect.account, asked_at, str(error) or type(error).__name__)
        except Exception as error:  # noqa: BLE001 - an adapter that trips over a reply ends no run
            why = f"{type(error).__name__}: {error}"
            snapshot = _unread(effect.account, asked_at, f"the reply cannot be read: {why}")
            self._tell_broken(effect.account, why)
        else:
            self._broken_books.pop(effect.account, None)
        self._publish(SnapshotMerged(snapshot))

    def _tell_broken(self, account: str, why: str) -> None:
        """Tell a person, once as long as it stays the same: books are read every few seconds."""
        if self._broken_books.get(account) == why:
            return
        self._broken_books[account] = why
        text = f"its books count as unread, the broker's reply cannot be read: {why}"
        self._say(Say("critical", account, text, self._clock.now()))

    async def _finish(self, effect: RunBackground) -> None:
        self._publish(await finish(effect))

    async def _load_history(self, effect: LoadHistory, now: int) -> None:
        instrument = effect.instrument
        try:
            bars = tuple(await self._feed.history(instrument, effect.span))
        except FileError as error:
            self._say(
                Say("warning", instrument.symbol, f"no history of {effect.span}: {error}", now)
            )
            bars = ()
        self._publish(HistoryLoaded(instrument.key, bars))


def _unread(account: str, asked_at: int, why: str) -> Snapshot:
    """Return a reading of an account's books that came to nothing."""
    return Snapshot(
        account=account,
        source="books",
        asked_at=asked_at,
        orders=(),
        is_complete=False,
        why=why,
    )
