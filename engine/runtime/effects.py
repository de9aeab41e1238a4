"""Carries out what the kernel wants done, for a run in virtual time.

The order of things within one moment is fixed (DESIGN.md section 2): what was decided went to the
journal before anything is transmitted, which takes no virtual time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from engine.core.failure import describe
from engine.model.arithmetic import fresh_arithmetic
from engine.model.command import MessageKind
from engine.model.effect import (
    Effect,
    Enqueue,
    Forget,
    Keep,
    LoadHistory,
    RunBackground,
    Say,
    Subscribe,
    Transmit,
    TransmitCancel,
    TransmitReplace,
    Unsubscribe,
)
from engine.model.event import BackgroundDone, Event, HistoryLoaded, SendWritten
from engine.model.record import Record
from engine.ports import MessageGovernor, RecordSink, VirtualBroker


class Effects:
    """``carry`` does what can be done at once; ``answers`` returns the events that follow.

    What is to be journaled comes first, in one write.
    """

    def __init__(
        self,
        journal: RecordSink,
        governor: MessageGovernor,
        broker: VirtualBroker,
        subscribed: bytearray,
        wants_depth: bytearray,
        say: Callable[[Say], None],
    ) -> None:
        self._journal = journal
        self._governor = governor
        self._broker = broker
        self._subscribed = subscribed
        self._wants_depth = wants_depth
        self._say = say
        self._sends: list[Transmit | TransmitReplace | TransmitCancel] = []
        self._events: list[Event] = []
        self.background: list[RunBackground] = []
        self._work: dict[type, Callable[[Any, int], None]] = {
            Enqueue: self._enqueue,
            Forget: lambda e, _: self._governor.forget(e.client_ids),
            Transmit: lambda e, _: self._sends.append(e),
            TransmitReplace: lambda e, _: self._sends.append(e),
            TransmitCancel: lambda e, _: self._sends.append(e),
            Subscribe: self._subscribe,
            Unsubscribe: self._unsubscribe,
            RunBackground: lambda e, _: self.background.append(e),
            LoadHistory: self._load_history,
            Say: lambda e, _: self._say(e),
        }

    def carry(self, effects: Iterable[Effect], now: int) -> None:
        """Do what the kernel wants, in its order."""
        records, others = sort_out(effects)
        self.keep(records, now)
        self.carry_out(others, now)

    def keep(self, records: Sequence[Record], now: int) -> None:
        """Journal what an event led to, before a log tells of it and before anything is done."""
        if records:
            self._journal.append_all(records, now)

    def carry_out(self, others: Sequence[Effect], now: int) -> None:
        """Do the rest of what an event led to."""
        work = self._work
        for effect in others:
            work[effect.__class__](effect, now)

    def answers(self, now: int) -> Sequence[Event]:
        """Return what happened because of it by now: bytes written, history loaded.

        Sending itself happens here, after everything so far went to the journal.
        """
        events, self._events = self._events, []
        if self._sends:
            sends, self._sends = self._sends, []
            events.extend(self._send(send, now) for send in sends)
        return events

    def drop_background(self) -> None:
        """Forget background work that nobody will await any more."""
        for asked in self.background:
            asked.work.close()
        self.background.clear()

    @property
    def has_answers(self) -> bool:
        """True when ``answers`` has something."""
        return bool(self._sends or self._events)

    def _send(self, send: Transmit | TransmitReplace | TransmitCancel, now: int) -> SendWritten:
        if isinstance(send, Transmit):
            batch = send.batch.item
            self._broker.place(batch, now)
            return SendWritten(MessageKind.PLACE, tuple(r.client_id for r in batch.requests))
        if isinstance(send, TransmitReplace):
            wanted = send.replacement.item
            self._broker.replace(wanted, send.broker_id, send.account, now)
            return SendWritten(MessageKind.REPLACE, (wanted.client_id,))
        self._broker.cancel(send.client_id, send.broker_id, send.account, now)
        return SendWritten(MessageKind.CANCEL, (send.client_id,))

    def _enqueue(self, effect: Enqueue, now: int) -> None:
        for ticket in effect.tickets:
            self._governor.submit(ticket, now)

    def _subscribe(self, effect: Subscribe, _: int) -> None:
        for instrument in effect.instruments:
            self._subscribed[instrument.index] = 1
            if effect.depth:
                self._wants_depth[instrument.index] = 1

    def _unsubscribe(self, effect: Unsubscribe, _: int) -> None:
        for instrument in effect.instruments:
            self._subscribed[instrument.index] = 0
            self._wants_depth[instrument.index] = 0

    def _load_history(self, effect: LoadHistory, now: int) -> None:
        """A recording holds one session and no history before it: say so, and answer with none."""
        self._say(
            Say(
                "warning",
                effect.instrument.symbol,
                f"history of {effect.span} was asked for; a recording has none before its session",
                now,
            )
        )
        self._events.append(HistoryLoaded(effect.instrument.key, ()))


def sort_out(effects: Iterable[Effect]) -> tuple[list[Record], list[Effect]]:
    """Return what is to be journaled, and all else that is to be done, each in its order."""
    records: list[Record] = []
    others: list[Effect] = []
    for effect in effects:
        if effect.__class__ is Keep:
            records.append(effect.record)
        else:
            others.append(effect)
    return records, others


async def finish(effect: RunBackground) -> BackgroundDone:
    """Await background work and return the event that brings its result, or its error."""
    strategy, token = effect.strategy, effect.token
    # Its own context, as a hook's: what is sent meanwhile was begun in the one before.
    fresh_arithmetic()
    try:
        result = msgspec.json.encode(await effect.work)
    except (Exception, SystemExit, asyncio.CancelledError) as error:
        ours = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and ours is not None and ours.cancelling():
            raise  # Not something it awaited was cancelled, but the run.
        return BackgroundDone(strategy, token, None, describe(error).text)
    finally:
        fresh_arithmetic()
    return BackgroundDone(strategy, token, result, None)
