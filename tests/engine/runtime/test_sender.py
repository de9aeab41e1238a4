"""The only path to a socket: durable, judged a last time, read back, written once, answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from engine import buy
from engine.errors import InvariantBroken, LoginRequired, NotSent, OutcomeUnknown
from engine.model.command import MessageKind
from engine.model.effect import Transmit, TransmitCancel
from engine.model.event import ReplyClassified, ReplyOutcome, SendAborted, SendWritten
from engine.model.order import Lifecycle, OrderRequest
from engine.model.order_update import RemoteStatus
from engine.model.wire_order import WireOrder
from engine.ports import Answer, Capabilities
from engine.runtime.group_commit import GroupCommit
from engine.runtime.sender import LATE_REPLY_S, REPLY_WITHIN_S, Sender
from tests.engine.core.live_kernel import LiveKernel
from tests.simulation.disk import InTask
from tests.simulation.loop import VirtualLoop, run_virtual

A, REFUSED, AMBIGUOUS = ReplyOutcome.ACCEPTED, ReplyOutcome.REFUSED, ReplyOutcome.AMBIGUOUS


class Wire:
    """A broker's order entry that does what a test says, and writes down what it was asked."""

    capabilities = Capabilities(max_legs=2, echoes_tag=True, has_order_stream=True)

    def __init__(self, story: list[str]) -> None:
        self.story = story
        self.lies: dict[str, Any] = {}
        self.lies_from = 0
        self.reverses = False
        self.rows: int | None = None
        self.writes = True
        self.connecting_s = 0.0
        self.after_s = 0.01
        self.error: Exception | None = None
        self.cannot_make: Exception | None = None
        self.answers: Sequence[Answer] = (Answer(A, "X1"),)

    def placement(self, approved: Any) -> Any:
        if self.cannot_make is not None:
            raise self.cannot_make
        self.story.append("made")
        return approved.item.requests

    def replacement(self, *_: Any) -> Any:
        raise AssertionError("not asked for")

    def cancellation(self, order: Any) -> Any:
        return order

    def read_back(self, outgoing: Any) -> Sequence[WireOrder]:
        if not isinstance(outgoing, tuple):
            rows = [WireOrder(account=outgoing.account, broker_id=outgoing.broker_id)]
        else:
            rows = [
                WireOrder(
                    account=r.key.account,
                    tag=r.client_id,
                    instrument=r.instrument,
                    side=r.side,
                    quantity=r.quantity,
                    order_type=r.order_type,
                    price=r.price,
                    trigger_price=r.trigger_price,
                    product=r.product,
                )
                for r in outgoing
            ]
        rows = [
            msgspec.structs.replace(row, **self.lies) if number >= self.lies_from else row
            for number, row in enumerate(rows)
        ]
        rows = rows[::-1] if self.reverses else rows
        return rows if self.rows is None else rows[: self.rows]

    async def transmit(self, _: Any, on_written: Callable[[], None]) -> Sequence[Answer]:
        self.story.append("transmit")
        await asyncio.sleep(self.connecting_s)
        if self.writes:
            on_written()
            self.story.append("bytes")
        await asyncio.sleep(self.after_s)
        if self.error is not None:
            raise self.error
        return self.answers

    async def read_books(self, _: str) -> Any:
        raise AssertionError("not asked for")


class Scene:
    """A sender with everything around it, on a virtual loop; its request places ``legs`` orders."""

    def __init__(self, loop: VirtualLoop, legs: int = 1) -> None:
        self.loop = loop
        self.story: list[str] = []
        self.events: list[Any] = []
        self.wire = Wire(self.story)
        self.bar = ""
        self.bars = ""
        self.sync_s = 0.0
        self.live = LiveKernel(accounts={"A1": 1}, max_legs=legs).ready()
        self.live.releases = False
        effects: list[Any] = []
        carry = self.live.carry
        self.live.carry = lambda found: (effects.extend(found), carry(found))[1]  # type: ignore[method-assign, func-returns-value]
        self.live.writes = False
        self.live.releases = True
        bought = (self.live.call, self.live.put)[:legs]
        self.all_ours = self.live.enter(*(buy(option, 1) for option in bought))
        self.ours = self.all_ours[0]
        self.now = self.live.now
        (self.placing,) = (e for e in effects if isinstance(e, Transmit))
        self.journal = self.live.journal

        async def sync() -> int:
            await asyncio.sleep(self.sync_s)
            self.story.append("durable")
            return self.journal.sync()

        self.commit = GroupCommit(
            self.journal, InTask(lambda: sync), lambda _: None, self.events.append
        )
        self.sender = Sender(
            {"A1": self.wire},  # type: ignore[dict-item]
            self.commit,
            self.live.order,
            self.last_test,
            lambda: self.now,
            self.events.append,
        )
        self.committing = loop.create_task(self.commit.run())

    def last_test(self, request: OrderRequest) -> str:
        self.story.append("last test")
        return self.bar if self.bars in {"", request.client_id} else ""

    async def send(self, effect: Any = None, *, for_s: float = 100.0) -> list[Any]:
        self.sender.send(effect or self.placing, self.journal.sequence)
        await asyncio.sleep(for_s)
        return self.events

    def replies(self) -> list[tuple[ReplyOutcome, str | None]]:
        return [(e.outcome, e.broker_id) for e in self.events if isinstance(e, ReplyClassified)]


def on_stage(act: Callable[[Scene], Any], legs: int = 1) -> Scene:
    async def main(loop: VirtualLoop) -> Scene:
        scene = Scene(loop, legs)
        await act(scene)
        return scene

    return run_virtual(main, 1)


def test_it_is_made_then_durable_then_tested_then_written_then_answered() -> None:
    scene = on_stage(lambda s: s.send())
    assert scene.story == ["made", "durable", "last test", "transmit", "last test", "bytes"]
    assert [type(e) for e in scene.events] == [SendWritten, ReplyClassified]
    assert scene.replies() == [(A, "X1")]
    assert scene.sender.under_way == 0


def test_what_differs_from_what_was_approved_is_told_before_the_disk_is_done() -> None:
    async def act(scene: Scene) -> None:
        scene.wire.lies = {"quantity": 1}
        scene.sync_s = 50.0
        await scene.send(for_s=1.0)
        (aborted,) = (event for event in scene.events if isinstance(event, SendAborted))
        assert "quantity" in aborted.reason
        assert "durable" not in scene.story
        await asyncio.sleep(100.0)

    scene = on_stage(act)
    assert "transmit" not in scene.story
    assert scene.loop.failures


def test_a_kill_between_the_disk_and_the_socket_aborts() -> None:
    async def act(scene: Scene) -> None:
        scene.sync_s = 1.0
        scene.loop.call_later(0.5, lambda: setattr(scene, "bar", "killed by asha"))
        await scene.send()

    scene = on_stage(act)
    assert "transmit" not in scene.story
    assert scene.events[-1] == SendAborted(MessageKind.PLACE, (scene.ours,), "killed by asha")


def test_a_kill_while_the_connection_is_made_aborts() -> None:
    async def act(scene: Scene) -> None:
        scene.wire.connecting_s = 1.0
        scene.loop.call_later(0.5, lambda: setattr(scene, "bar", "killed by asha"))
        await scene.send()

    scene = on_stage(act)
    assert "bytes" not in scene.story
    assert scene.events == [SendAborted(MessageKind.PLACE, (scene.ours,), "killed by asha")]


def test_a_kill_still_aborts_when_the_connection_took_too_long() -> None:
    """Its outcome was called unknown by then, and nothing says that it is known again."""

    async def act(scene: Scene) -> None:
        scene.wire.connecting_s = 20.0
        scene.loop.call_later(15, lambda: setattr(scene, "bar", "killed by asha"))
        await scene.send()

    scene = on_stage(act)
    assert "bytes" not in scene.story
    assert {outcome for outcome, _ in scene.replies()} == {ReplyOutcome.AMBIGUOUS}


def test_an_order_that_became_stale_while_it_waited_for_the_disk_does_not_leave() -> None:
    async def act(scene: Scene) -> None:
        scene.now = scene.live.order(scene.ours).request.expires_at + 1
        await scene.send()

    scene = on_stage(act)
    assert "transmit" not in scene.story
    why = "no longer wanted when it was durable"
    assert scene.events == [SendAborted(MessageKind.PLACE, (scene.ours,), why)]


def test_at_the_last_moment_it_is_still_wanted() -> None:
    async def act(scene: Scene) -> None:
        scene.now = scene.live.order(scene.ours).request.expires_at
        await scene.send()

    assert on_stage(act).replies() == [(A, "X1")]


def test_a_cancel_leaves_however_long_it_waited() -> None:
    async def act(scene: Scene) -> None:
        scene.live.update(scene.live.row(scene.ours, RemoteStatus.OPEN))
        scene.now = scene.live.order(scene.ours).request.expires_at + 1
        await scene.send(TransmitCancel("A1", scene.ours, "X1"))

    assert on_stage(act).story == ["durable", "transmit", "bytes"]


def test_a_kill_does_not_stop_a_cancel() -> None:
    async def act(scene: Scene) -> None:
        scene.bar = "killed by asha"
        scene.live.update(scene.live.row(scene.ours, RemoteStatus.OPEN))
        await scene.send(TransmitCancel("A1", scene.ours, "X1"))

    scene = on_stage(act)
    assert scene.story == ["durable", "transmit", "bytes"]


@pytest.mark.parametrize(
    "lie",
    [
        {"quantity": 130}, {"price": None}, {"side": None}, {"account": "A2"},
        {"tag": "LW0000000000ZZ"}, {"product": None}, {"broker_id": "X9"}, {"trigger_price": 1},
    ],
)  # fmt: skip
def test_bytes_that_differ_from_what_was_approved_are_never_written(lie: dict[str, Any]) -> None:
    async def act(scene: Scene) -> None:
        scene.wire.lies = lie
        await scene.send()

    scene = on_stage(act)
    assert "transmit" not in scene.story
    (aborted,) = scene.events
    assert isinstance(aborted, SendAborted)
    assert next(iter(lie)).replace("_", " ") in aborted.reason
    assert isinstance(scene.loop.failures[0]["exception"], InvariantBroken)


def test_a_request_with_too_few_orders_is_never_written() -> None:
    async def act(scene: Scene) -> None:
        scene.wire.rows = 0
        await scene.send()

    scene = on_stage(act)
    assert "transmit" not in scene.story
    assert isinstance(scene.events[0], SendAborted)


def test_a_request_that_cannot_be_made_leaves_nothing_in_doubt() -> None:
    async def act(scene: Scene) -> None:
        scene.wire.cannot_make = LoginRequired("no session")
        await scene.send()

    scene = on_stage(act)
    assert scene.events == [SendAborted(MessageKind.PLACE, (scene.ours,), "no session")]
    assert not scene.loop.failures


def test_without_a_reply_it_is_in_doubt_and_a_late_reply_still_counts() -> None:
    async def act(scene: Scene) -> None:
        scene.wire.after_s = REPLY_WITHIN_S + 30
        await scene.send(for_s=REPLY_WITHIN_S + 1)
        assert scene.replies() == [(AMBIGUOUS, None)]
        await asyncio.sleep(30)

    scene = on_stage(act)
    assert scene.replies() == [(AMBIGUOUS, None), (A, "X1")]
    assert scene.story.count("transmit") == 1


def test_a_reply_that_never_comes_is_not_waited_for_for_ever() -> None:
    async def act(scene: Scene) -> None:
        scene.wire.after_s = 10_000
        await scene.send(for_s=REPLY_WITHIN_S + LATE_REPLY_S + 1)

    scene = on_stage(act)
    assert scene.sender.under_way == 0
    assert scene.replies() == [(AMBIGUOUS, None)]


def test_a_silent_adapter_counts_as_written() -> None:
    async def act(scene: Scene) -> None:
        scene.wire.writes = False
        scene.wire.after_s = 10_000
        await scene.send()

    scene = on_stage(act)
    assert [type(e) for e in scene.events] == [SendWritten, ReplyClassified]


@pytest.mark.parametrize(
    ("error", "writes", "kinds"),
    [
        (NotSent("refused"), False, [SendAborted]),
        (NotSent("reset"), True, [SendWritten, ReplyClassified]),
        (OutcomeUnknown("half a reply"), True, [SendWritten, ReplyClassified]),
        (OutcomeUnknown("half a reply"), False, [SendWritten, ReplyClassified]),
        (ConnectionResetError("reset"), True, [SendWritten, ReplyClassified]),
        (KeyError("orderid"), True, [SendWritten, ReplyClassified]),
        (KeyError("orderid"), False, [SendWritten, ReplyClassified]),
    ],
)
def test_only_what_provably_did_not_leave_is_aborted(
    error: Exception,
    writes: bool,  # noqa: FBT001 - a parameter
    kinds: list[type],
) -> None:
    async def act(scene: Scene) -> None:
        scene.wire.error, scene.wire.writes = error, writes
        await scene.send()

    scene = on_stage(act)
    assert [type(e) for e in scene.events] == kinds
    assert all(outcome is AMBIGUOUS for outcome, _ in scene.replies())
    assert bool(scene.loop.failures) == isinstance(error, KeyError)


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ((), [(AMBIGUOUS, None)]),
        ((Answer(A, "X1"), Answer(A, "X2")), [(AMBIGUOUS, None)]),
        ((Answer(REFUSED, None, "E1", "no"),), [(REFUSED, None)]),
    ],
)
def test_a_reply_of_too_few_or_too_many_orders_proves_nothing(
    answers: Sequence[Answer], told: list[Any]
) -> None:
    async def act(scene: Scene) -> None:
        scene.wire.answers = answers
        await scene.send()

    assert on_stage(act).replies() == told


def test_closing_leaves_what_was_written_to_the_journal() -> None:
    async def act(scene: Scene) -> None:
        scene.wire.after_s = 5
        await scene.send(for_s=1)
        await scene.sender.close()

    scene = on_stage(act)
    assert scene.replies() == []
    assert scene.live.restart().order(scene.ours).lifecycle is Lifecycle.SENDING


def test_nothing_leaves_once_the_journal_is_broken() -> None:
    async def act(scene: Scene) -> None:
        scene.live.disk.sync_error = 5
        await scene.send()

    scene = on_stage(act)
    assert scene.story.count("transmit") == 0
    assert "could not be made durable" in str(scene.committing.exception())


# -- several orders in one request ---------------------------------------------------------------


def test_several_orders_are_tested_one_by_one_and_written_once() -> None:
    async def act(scene: Scene) -> None:
        scene.wire.answers = (Answer(A, "X1"), Answer(REFUSED, None, "E1", "no"))
        await scene.send()

    scene = on_stage(act, legs=2)
    tests = ["last test", "last test"]
    assert scene.story == ["made", "durable", *tests, "transmit", *tests, "bytes"]
    assert scene.events[0] == SendWritten(MessageKind.PLACE, tuple(scene.all_ours))
    assert scene.replies() == [(A, "X1"), (REFUSED, None)]


@pytest.mark.parametrize("barred", [0, 1])
def test_a_kill_that_stops_one_order_stops_the_whole_request(barred: int) -> None:
    async def act(scene: Scene) -> None:
        scene.bar, scene.bars = "killed by asha", scene.all_ours[barred]
        await scene.send()

    scene = on_stage(act, legs=2)
    assert "transmit" not in scene.story
    assert scene.events == [SendAborted(MessageKind.PLACE, tuple(scene.all_ours), "killed by asha")]


def test_every_order_of_a_request_is_read_back_and_compared() -> None:
    async def act(scene: Scene) -> None:
        scene.wire.lies_from = 1
        scene.wire.lies = {"quantity": 130}
        await scene.send()

    scene = on_stage(act, legs=2)
    assert "transmit" not in scene.story
    (aborted,) = scene.events
    assert aborted.client_ids == tuple(scene.all_ours)
    assert "quantity" in aborted.reason


def test_rows_in_another_order_than_approved_are_never_written() -> None:
    async def act(scene: Scene) -> None:
        scene.wire.reverses = True
        await scene.send()

    scene = on_stage(act, legs=2)
    assert "transmit" not in scene.story
    assert isinstance(scene.loop.failures[0]["exception"], InvariantBroken)


@pytest.mark.parametrize(
    "answers",
    [
        (),
        (Answer(A, "X1"),),
        (Answer(A, "X1"), Answer(A, "X2"), Answer(A, "X3")),
        (Answer(A, "X1"), Answer(A, "X1")),
    ],
)
def test_a_reply_that_does_not_fit_the_request_proves_nothing_of_any_order(
    answers: Sequence[Answer],
) -> None:
    async def act(scene: Scene) -> None:
        scene.wire.answers = answers
        await scene.send()

    assert on_stage(act, legs=2).replies() == [(AMBIGUOUS, None)] * 2


def test_a_late_reply_settles_each_order_of_its_request() -> None:
    async def act(scene: Scene) -> None:
        scene.wire.after_s = REPLY_WITHIN_S + 30
        scene.wire.answers = (Answer(REFUSED, None, "E1", "no"), Answer(A, "X2"))
        await scene.send()

    scene = on_stage(act, legs=2)
    assert scene.replies() == [(AMBIGUOUS, None)] * 2 + [(REFUSED, None), (A, "X2")]
    assert scene.story.count("transmit") == 1


def test_a_request_that_provably_did_not_leave_aborts_all_its_orders() -> None:
    async def act(scene: Scene) -> None:
        scene.wire.error, scene.wire.writes = NotSent("refused"), False
        await scene.send()

    scene = on_stage(act, legs=2)
    assert scene.events == [SendAborted(MessageKind.PLACE, tuple(scene.all_ours), "refused")]
