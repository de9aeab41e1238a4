"""The only path to a socket (reliability.md 2.3).

1. the disk begins to make everything journaled so far durable; 2. meanwhile the request is made,
read back from its own bytes and compared with what was approved; 3. all of it is durable; 4. a kill
test, which may only abort; 5. a connection may have to be made, so the last kill test is just
before the first byte; 6. it is written once; 7. the reply is classified, however late it comes.
Nothing here sends anything twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from engine.errors import InvariantBroken, LegworkError, NotSent
from engine.model.command import MessageKind
from engine.model.effect import Transmit, TransmitCancel, TransmitReplace
from engine.model.event import Event, ReplyClassified, ReplyOutcome, SendAborted, SendWritten
from engine.model.order import Order, OrderRequest
from engine.model.wire_order import (
    WireOrder,
    cancel_difference,
    placement_difference,
    replacement_difference,
)
from engine.ports import Answer, Execution, Outgoing
from engine.runtime.group_commit import GroupCommit
from engine.runtime.tasks import Tasks

REPLY_WITHIN_S: Final = 10.0
"""After so long without a reply the outcome is in doubt."""
LATE_REPLY_S: Final = 60.0
"""A reply is still waited for this long after that: it settles the doubt."""

Send = Transmit | TransmitReplace | TransmitCancel


class Sender:
    """Sends what the kernel released, each in a task of its own; answers are published events.

    ``executions`` are the order entries by account. ``order_of`` returns an order of ours by its
    id. ``bar`` is the last kill test: it returns why an order may not leave, empty when it may.
    ``now`` (ns) says whether it is still wanted: a slow disk, or a process that stood still, may
    have kept it until it is not.
    """

    def __init__(
        self,
        executions: Mapping[str, Execution],
        commit: GroupCommit,
        order_of: Callable[[str], Order],
        bar: Callable[[OrderRequest], str],
        now: Callable[[], int],
        publish: Callable[[Event], object],
    ) -> None:
        self._executions = executions
        self._commit = commit
        self._order_of = order_of
        self._bar = bar
        self._now = now
        self._publish = publish
        self._tasks = Tasks("a send")

    @property
    def under_way(self) -> int:
        """How many sends have not been answered and given up yet."""
        return len(self._tasks)

    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """Return every send under way."""
        return self._tasks.running()

    def send(self, effect: Send, sequence: int) -> None:
        """Send once record ``sequence`` is durable."""
        self._commit.begin()
        self._tasks.start(self._run(effect, sequence))

    async def close(self) -> None:
        """Give up waiting for replies; what was written and not answered is left in doubt."""
        await self._tasks.close()

    async def _run(self, effect: Send, sequence: int) -> None:
        kind, orders = self._orders(effect)
        client_ids = tuple(order.client_id for order in orders)
        execution = self._executions[orders[0].account]
        try:
            outgoing = self._make(effect, orders, execution)
            self._compare(effect, orders, execution.read_back(outgoing))
        except Exception as error:
            # Not a byte left. What would have left may be our own bug: nothing else may follow it.
            why = str(error) or type(error).__name__
            self._publish(SendAborted(kind, client_ids, why))
            if isinstance(error, LegworkError) and not isinstance(error, InvariantBroken):
                return
            raise
        await self._commit.wait(sequence)
        barred = self._barred(kind, orders)
        if barred:
            self._publish(SendAborted(kind, client_ids, barred))
            return
        await self._transmit(kind, orders, execution, outgoing)

    def _barred(self, kind: MessageKind, orders: Sequence[Order]) -> str:
        """Return why a request may not leave, empty when it may.

        What was approved is the whole request; a part of it is another one.
        """
        if kind is MessageKind.CANCEL:
            return ""
        for order in orders:
            barred = self._bar(order.request)
            if barred:
                return barred
            if kind is MessageKind.PLACE and self._now() > order.request.expires_at:
                return "no longer wanted when it was durable"
        return ""

    async def _transmit(
        self,
        kind: MessageKind,
        orders: Sequence[Order],
        execution: Execution,
        outgoing: Outgoing,
    ) -> None:
        client_ids = tuple(order.client_id for order in orders)
        was_written = has_left = False

        def written() -> None:
            nonlocal was_written
            if not was_written:
                was_written = True
                self._publish(SendWritten(kind, client_ids))

        def leaves() -> None:
            """Say for the last time whether the bytes may leave: a kill may have come meanwhile."""
            nonlocal has_left
            barred = "" if has_left else self._barred(kind, orders)
            if barred:
                raise NotSent(barred)
            has_left = True
            written()

        loop = asyncio.get_running_loop()
        given_up = asyncio.timeout(None)

        def overdue() -> None:
            """Call the outcome in doubt, and go on waiting: a late reply settles it."""
            written()
            why = f"no reply within {REPLY_WITHIN_S:.0f} s"
            self._answer(kind, client_ids, _ambiguous(client_ids, why))
            given_up.reschedule(loop.time() + LATE_REPLY_S)

        waiting = loop.call_later(REPLY_WITHIN_S, overdue)
        try:
            async with given_up:
                answers = await execution.transmit(outgoing, leaves)
        except NotSent as error:
            if was_written:
                self._answer(kind, client_ids, _ambiguous(client_ids, str(error)))
            else:
                self._publish(SendAborted(kind, client_ids, str(error)))
            return
        except Exception as error:
            if given_up.expired():
                return
            # Whatever else went wrong, the request may have left: an error of ours proves nothing.
            written()
            why = str(error) or type(error).__name__
            self._answer(kind, client_ids, _ambiguous(client_ids, why))
            is_known = isinstance(error, LegworkError | OSError)
            if is_known and not isinstance(error, InvariantBroken):
                return
            raise
        finally:
            waiting.cancel()
        written()
        self._answer(kind, client_ids, answers)

    def _answer(
        self, kind: MessageKind, client_ids: Sequence[str], answers: Sequence[Answer]
    ) -> None:
        """Publish what a reply proves of each order.

        One that speaks of another number of orders than were sent, or names one of the broker's
        orders twice, proves nothing of any of them.
        """
        named = [answer.broker_id for answer in answers if answer.broker_id is not None]
        if len(answers) != len(client_ids):
            why = f"the reply speaks of {len(answers)} orders, {len(client_ids)} were sent"
            answers = _ambiguous(client_ids, why)
        elif len(named) != len(frozenset(named)):
            answers = _ambiguous(client_ids, "the reply names one order of the broker's twice")
        for client_id, answer in zip(client_ids, answers, strict=True):
            self._publish(
                ReplyClassified(
                    kind,
                    client_id,
                    answer.outcome,
                    answer.broker_id,
                    answer.code,
                    answer.text,
                )
            )

    def _orders(self, effect: Send) -> tuple[MessageKind, tuple[Order, ...]]:
        if isinstance(effect, Transmit):
            requests = effect.batch.item.requests
            return MessageKind.PLACE, tuple(self._order_of(r.client_id) for r in requests)
        if isinstance(effect, TransmitReplace):
            return MessageKind.REPLACE, (self._order_of(effect.replacement.item.client_id),)
        return MessageKind.CANCEL, (self._order_of(effect.client_id),)

    @staticmethod
    def _make(effect: Send, orders: Sequence[Order], execution: Execution) -> Outgoing:
        if isinstance(effect, Transmit):
            return execution.placement(effect.batch)
        if isinstance(effect, TransmitReplace):
            return execution.replacement(orders[0], effect.replacement)
        return execution.cancellation(orders[0])

    @staticmethod
    def _compare(effect: Send, orders: Sequence[Order], rows: Sequence[WireOrder]) -> None:
        """Hold the bytes about to leave against what was approved (reliability.md 2: Knight)."""
        if len(rows) != len(orders):
            raise InvariantBroken(f"a request for {len(orders)} orders carries {len(rows)}")
        for order, row in zip(orders, rows, strict=True):
            if isinstance(effect, Transmit):
                wrong = placement_difference(order.request, row)
            elif isinstance(effect, TransmitReplace):
                wanted = effect.replacement.item
                wrong = replacement_difference(wanted, effect.account, effect.broker_id, row)
            else:
                wrong = cancel_difference(effect.account, effect.broker_id, row)
            if wrong:
                raise InvariantBroken(f"{order.key}: the request about to leave has {wrong}")


def _ambiguous(client_ids: Sequence[str], why: str) -> list[Answer]:
    return [Answer(ReplyOutcome.AMBIGUOUS, text=why) for _ in client_ids]
