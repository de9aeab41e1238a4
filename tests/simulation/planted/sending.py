"""Bugs of what is sent, and of what replies are taken to prove."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from brokers.transport.http import HttpReply
from engine.core.blotter import Blotter
from engine.errors import NotSent, OutcomeUnknown
from engine.model.approval import Approved
from engine.model.command import Batch
from engine.model.event import ReplyClassified, ReplyOutcome
from engine.model.order import Lifecycle
from engine.ports import Answer
from engine.runtime.group_commit import GroupCommit
from engine.runtime.sender import Sender
from risk.gate import Gate
from tests.simulation import adapter
from tests.simulation.adapter import SimExecution
from tests.simulation.planted.planting import planted, swap

# -- sending -------------------------------------------------------------------------------------


@planted
def a_request_without_reply_is_sent_again() -> Iterator[None]:
    send = SimExecution.transmit

    async def transmit(self: Any, outgoing: Any, on_written: Any) -> Sequence[Answer]:
        try:
            return await send(self, outgoing, on_written)
        except OutcomeUnknown:
            return await send(self, outgoing, on_written)

    yield from swap(SimExecution, "transmit", transmit)


@planted
def a_placement_is_transmitted_twice() -> Iterator[None]:
    send = Sender.send

    def twice(self: Any, effect: Any, sequence: int) -> None:
        send(self, effect, sequence)
        send(self, effect, sequence)

    yield from swap(Sender, "send", twice)


@planted
def bytes_leave_before_the_journal_is_durable() -> Iterator[None]:
    async def wait(_self: Any, _sequence: int) -> None:
        await asyncio.sleep(0)

    yield from swap(GroupCommit, "wait", wait)


@planted
def a_reset_connection_counts_as_not_sent() -> Iterator[None]:
    send = SimExecution.transmit

    async def transmit(self: Any, outgoing: Any, _: Any) -> Sequence[Answer]:
        try:
            return await send(self, outgoing, lambda: None)
        except OutcomeUnknown as error:
            raise NotSent(str(error)) from error

    yield from swap(SimExecution, "transmit", transmit)


# -- replies -------------------------------------------------------------------------------------


def _classify_as(match: Callable[[HttpReply], bool], outcome: ReplyOutcome) -> Iterator[None]:
    classify = SimExecution.classify

    def other(self: Any, reply: HttpReply) -> Answer:
        return Answer(outcome, text="?") if match(reply) else classify(self, reply)

    yield from swap(SimExecution, "classify", other)


@planted
def a_rate_limit_reply_counts_as_refused() -> Iterator[None]:
    yield from _classify_as(lambda r: r.status in {403, 429}, ReplyOutcome.REFUSED)


@planted
def a_server_error_counts_as_refused() -> Iterator[None]:
    yield from _classify_as(lambda r: r.status >= 500, ReplyOutcome.REFUSED)


@planted
def a_400_counts_as_refused() -> Iterator[None]:
    yield from _classify_as(lambda r: r.status == 400, ReplyOutcome.REFUSED)


@planted
def an_unreadable_reply_counts_as_refused() -> Iterator[None]:
    def unreadable(reply: HttpReply) -> bool:
        return reply.status == 200 and not reply.body.startswith(b'{"status":true,"data":{"')

    yield from _classify_as(unreadable, ReplyOutcome.REFUSED)


@planted
def a_cancel_in_doubt_counts_as_cancelled() -> Iterator[None]:
    replied = Blotter.replied

    def other(self: Any, reply: ReplyClassified) -> None:
        replied(self, reply)
        order = self.orders[reply.client_id]
        may_stand = reply.outcome is not ReplyOutcome.REFUSED and not order.lifecycle.is_terminal
        if reply.kind == "cancel" and may_stand:
            ended = msgspec.structs.replace(order, lifecycle=Lifecycle.CANCELLED)
            self._store(ended, "SEEN_CANCELLED")

    yield from swap(Blotter, "replied", other)


@planted
def a_reply_of_another_request_is_believed() -> Iterator[None]:
    yield from swap(SimExecution, "_is_of_another", staticmethod(lambda *_: False))


# -- replies to several legs ----------------------------------------------------------------------


def _left_out_is(outcome: ReplyOutcome) -> Iterator[None]:
    answer = SimExecution.answer

    def other(self: Any, leg: Any, rows: Any) -> Answer:
        found = answer(self, leg, rows)
        return Answer(outcome) if found.text == "the reply left it out" else found

    yield from swap(SimExecution, "answer", other)


@planted
def a_leg_the_reply_left_out_counts_as_placed() -> Iterator[None]:
    yield from _left_out_is(ReplyOutcome.ACCEPTED)


@planted
def a_leg_the_reply_left_out_counts_as_refused() -> Iterator[None]:
    yield from _left_out_is(ReplyOutcome.REFUSED)


@planted
def legs_of_a_reply_are_found_by_their_place() -> Iterator[None]:
    answer = SimExecution.answer

    def next_one(self: Any, leg: Any, rows: Any) -> Answer:
        seen = {name: leg[name] for name in adapter.LOOK}
        first = [({**rows[0][0], **seen}, rows[0][1])] if rows else []
        del rows[:1]
        return answer(self, leg, first)

    yield from swap(SimExecution, "answer", next_one)


@planted
def an_order_nobody_sent_in_a_reply_is_overlooked() -> Iterator[None]:
    classify = SimExecution.classify_legs

    def blind(self: Any, reply: HttpReply, legs: Any) -> list[Answer]:
        found = classify(self, reply, legs)
        if not found[0].text.endswith("that were not sent"):
            return found
        data = msgspec.json.decode(reply.body)["data"]
        rows = [(row, "placed") for row in data["placed"]]
        rows += [(row, "failed") for row in data["failed"]]
        return [self.answer(leg, rows) for leg in legs]

    yield from swap(SimExecution, "classify_legs", blind)


@planted
def an_order_that_risk_refused_at_its_release_leaves_with_the_others() -> Iterator[None]:
    recheck = Gate.recheck_each

    def all_of_them(self: Any, requests: Any, view: Any) -> Any:
        found = recheck(self, requests, view)
        if found.approved is None or not found.refused:
            return found
        whole = Approved(Batch(requests=tuple(requests)), found.approved.checks)
        return found._replace(approved=whole, refused=())

    yield from swap(Gate, "recheck_each", all_of_them)
