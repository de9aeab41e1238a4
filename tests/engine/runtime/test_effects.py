"""Effects are carried out in the kernel's order, and what follows from them is told as events."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from engine.model.command import Lane, MessageKind, Ticket
from engine.model.effect import (
    Enqueue,
    Forget,
    Keep,
    LoadHistory,
    RunBackground,
    Say,
    Subscribe,
    TransmitCancel,
    Unsubscribe,
)
from engine.model.event import HistoryLoaded, SendWritten
from engine.model.instrument import Segment
from engine.model.record import AlertRaised
from engine.runtime.effects import Effects, finish
from engine.testing import nifty_chain

CATALOGUE = nifty_chain()
INDEX, FUTURE = CATALOGUE[0], CATALOGUE[1]


class Outside:
    """Journal, governor and broker at once: writes down what reaches them, in order."""

    def __init__(self) -> None:
        self.story: list[str] = []
        self.subscribed = bytearray(len(CATALOGUE))
        self.wants_depth = bytearray(len(CATALOGUE))
        self.effects = Effects(
            self,
            self,  # type: ignore[arg-type]
            self,  # type: ignore[arg-type]
            self.subscribed,
            self.wants_depth,
            lambda line: self.story.append(f"say {line.text}"),
        )

    def append_all(self, records: list[Any], at: int) -> None:
        self.story.append(f"keep {' '.join(record.text for record in records)} at {at}")

    def submit(self, ticket: Ticket, now: int) -> None:
        self.story.append(f"queue {ticket.client_id} at {now}")

    def forget(self, client_ids: tuple[str, ...]) -> None:
        self.story.append(f"forget {' '.join(client_ids)}")

    def cancel(self, client_id: str, broker_id: str, account: str, now: int) -> None:
        self.story.append(f"cancel {client_id} as {broker_id} of {account} at {now}")


@pytest.fixture
def outside() -> Outside:
    return Outside()


def keep(text: str) -> Keep:
    return Keep(AlertRaised(0, 0, "info", "test", text))


def ticket(client_id: str) -> Ticket:
    return Ticket(
        kind=MessageKind.PLACE,
        client_id=client_id,
        account="paper",
        segment=Segment.NSE_FO,
        lane=Lane.ENTRY,
        queued_at=0,
        expires_at=9,
    )


def test_they_are_carried_out_in_their_order_once_all_was_journaled(outside: Outside) -> None:
    outside.effects.carry(
        [keep("a"), Enqueue((ticket("X"), ticket("Y"))), Say("info", "s", "hello", 5), keep("b"),
         Forget(("X",))],
        7,
    )  # fmt: skip
    assert outside.story == [
        "keep a b at 7",
        "queue X at 7",
        "queue Y at 7",
        "say hello",
        "forget X",
    ]
    assert not outside.effects.has_answers


def test_what_is_sent_goes_out_after_everything_journaled_and_is_answered(outside: Outside) -> None:
    outside.effects.carry(
        [
            keep("a"),
            TransmitCancel("paper", "X", "17"),
            keep("b"),
            TransmitCancel("paper", "Y", "18"),
        ],
        7,
    )
    assert outside.story == ["keep a b at 7"]
    assert outside.effects.has_answers
    assert outside.effects.answers(7) == [
        SendWritten(MessageKind.CANCEL, ("X",)),
        SendWritten(MessageKind.CANCEL, ("Y",)),
    ]
    assert outside.story[1:] == ["cancel X as 17 of paper at 7", "cancel Y as 18 of paper at 7"]
    assert not outside.effects.has_answers
    assert list(outside.effects.answers(7)) == []


def test_the_feed_is_asked_for_ticks_and_for_books(outside: Outside) -> None:
    outside.effects.carry([Subscribe((INDEX, FUTURE), depth=False)], 1)
    assert (outside.subscribed[:3], outside.wants_depth[:3]) == (b"\1\1\0", b"\0\0\0")
    outside.effects.carry([Subscribe((FUTURE,), depth=True)], 2)
    assert (outside.subscribed[:3], outside.wants_depth[:3]) == (b"\1\1\0", b"\0\1\0")
    outside.effects.carry([Unsubscribe((FUTURE,))], 3)
    assert (outside.subscribed[:3], outside.wants_depth[:3]) == (b"\1\0\0", b"\0\0\0")


def test_history_is_answered_with_none_and_said(outside: Outside) -> None:
    outside.effects.carry([LoadHistory(INDEX, "5d")], 7)
    assert outside.effects.answers(7) == [HistoryLoaded(INDEX.key, ())]
    assert "history of 5d" in outside.story[0]


async def _returns(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


async def _raises(error: BaseException) -> None:
    raise error


async def test_background_work_brings_its_result_as_json() -> None:
    done = await finish(RunBackground("one", 3, _returns({"a": [1, 2.5, None]})))
    assert (done.strategy, done.token, done.error) == ("one", 3, None)
    assert done.result is not None
    assert msgspec.json.decode(done.result) == {"a": [1, 2.5, None]}


@pytest.mark.parametrize(
    ("work", "why"),
    [
        (lambda: _raises(ValueError("no")), "ValueError: no"),
        (lambda: _raises(SystemExit(3)), "SystemExit: 3"),
        (lambda: _returns(object()), "TypeError: "),
        (lambda: _raises(asyncio.CancelledError()), "CancelledError"),
        (lambda: _raises(ValueError("\ud800")), "ValueError: \\ud800"),
    ],
)
async def test_background_work_that_fails_brings_its_error(work: Any, why: str) -> None:
    done = await finish(RunBackground("one", 3, work()))
    assert done.result is None
    assert done.error is not None
    assert done.error.startswith(why)


async def test_an_interruption_is_not_background_works_own() -> None:
    with pytest.raises(KeyboardInterrupt):
        await finish(RunBackground("one", 3, _raises(KeyboardInterrupt())))


async def test_a_run_that_is_cancelled_takes_its_background_work_along() -> None:
    run = asyncio.ensure_future(finish(RunBackground("one", 3, asyncio.sleep(60))))
    await asyncio.sleep(0)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run


def test_work_that_is_dropped_is_closed(outside: Outside) -> None:
    # A coroutine that is never awaited would warn, and warnings are errors here.
    outside.effects.carry([RunBackground("one", 1, _returns(1))], 7)
    assert len(outside.effects.background) == 1
    outside.effects.drop_background()
    assert outside.effects.background == []
