"""What a session's log and journal must show, whatever the strategies did: folds over both."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest

from engine.model.order import Lifecycle
from engine.model.record import GroupPlanned, OrderChanged, RiskJudged
from engine.sessionlog.reader import SessionLog
from engine.sessionlog.row import DispatchedEvent, DispatchedFrames, Effects

BUSY = """
    class One(Strategy[Params]):
        def on_start(self):
            self.watch("NIFTY")
            self.every(10, self.turn)
            self.turns = 0

        def turn(self):
            self.turns += 1
            chain, future = self.chain("NIFTY"), self.future("NIFTY")
            if chain.spot is None:
                return
            pair = self.group("pair")
            if pair:
                self.exit(pair)
            else:
                call, put = chain.at_the_money()
                self.enter(sell(call, 1), sell(put, 1), buy(chain.call(2), 1), buy(chain.put(-2), 1),
                           name="pair", on_failure=["unwind", "retry", "hold"][self.turns % 3])
            price = self.last(future)
            if price is None:
                self.watch(future)
            elif not self.group("rest"):
                self.place(buy(future, 1, limit=round(price - 20, 1)), name="rest")
            elif self.turns % 4 == 1:
                self.modify("rest", limit=round(price - 10 + self.turns / 10, 1))
            elif self.turns % 4 == 3:
                self.cancel("rest")
"""
PAPER = {
    "plain": "{latency_ms: 40, reply_latency_ms: 40}",
    "no latency": "{latency_ms: 0, reply_latency_ms: 0}",
    "trouble": """{latency_ms: 200, reply_latency_ms: 700, reply_timeout_s: 3, faults: [
        {when: {leg: 1, purpose: entry, nth: 1}, do: reject},
        {when: {leg: 2, purpose: entry, nth: 2}, do: fill_half},
        {when: {purpose: exit, nth: 2}, do: reply_late, delay_s: 1.5},
        {when: {purpose: exit, nth: 5}, do: reject, times: 2},
        {when: {group: rest, nth: 2}, do: never_reply}]}""",
}
RISK = "{max_uncovered_short_lots: 20, max_order_value_inr: {futures_notional: 50000000}}"


class Told:
    """A session, read back. ``events`` is [(kseq, time, kind, data)], frames as kind ``Frame``."""

    def __init__(self, project: Any) -> None:
        folder = project.newest()
        log = SessionLog.open(folder.log)
        self.events: list[tuple[int, int, str, Any]] = []
        self.effects: dict[int, list[dict[str, Any]]] = {}
        for row in log.decisions():
            if isinstance(row, Effects):
                self.effects[row.kseq] = msgspec.json.decode(row.payload)
            elif isinstance(row, DispatchedEvent):
                data = msgspec.json.decode(row.payload)
                self.events.append((row.kseq, row.now, data["type"], data))
            else:
                assert isinstance(row, DispatchedFrames)
                for place in range(row.frames):
                    frame = row.first_frame + place
                    at = log_frame_at(log, frame)
                    self.events.append((row.first_kseq + place, at, "Frame", frame))

    def sent(self) -> list[tuple[int, str]]:
        """Return (kseq, client id) of everything handed to the broker to be placed."""
        return [
            (kseq, client_id)
            for kseq, effects in self.effects.items()
            for effect in effects
            for client_id in _placed(effect)
        ]


_TIMES: dict[str, list[int]] = {}


def log_frame_at(log: SessionLog, number: int) -> int:
    boot = log.header.boot["recording"]
    if boot not in _TIMES:
        batches = SessionLog.open(type(log.path)(boot)).frame_batches()
        _TIMES[boot] = [at for batch in batches for at in batch.received_at]
    return _TIMES[boot][number]


@pytest.fixture(params=list(PAPER))
def told(request: pytest.FixtureRequest, project: Any, morning: Any) -> tuple[Any, Told]:
    project.write(BUSY, tape=morning, paper=PAPER[request.param], risk=RISK)
    ended = project.cli("run", "strategies.yaml")
    assert ended.code == 0, ended.err
    assert "HALTED" not in ended.out, ended.out
    assert project.cli("replay", "--verify").code == 0
    return project, Told(project)


def test_time_and_numbers_only_grow(told: tuple[Any, Told]) -> None:
    _, session = told
    numbers = [kseq for kseq, _, _, _ in session.events]
    times = [at for _, at, _, _ in session.events]
    assert numbers == list(range(1, len(numbers) + 1))
    assert times == sorted(times)
    assert len({kind for _, _, kind, _ in session.events}) >= 8


def test_what_is_due_when_a_frame_arrives_comes_before_it(
    told: tuple[Any, Told], request: pytest.FixtureRequest
) -> None:
    _, session = told
    # Without latency an answer to what a frame led to comes at that frame's own time, after it.
    answers_later = request.node.callspec.params["told"] != "no latency"
    frame_at = 0
    for _, at, kind, _ in session.events:
        if kind == "Frame":
            frame_at = at
        elif kind == "TimerFired" or (
            kind in ("OrderUpdated", "ReplyClassified") and answers_later
        ):
            assert at > frame_at, kind


def test_nothing_is_sent_before_its_intent_is_journaled_and_judged(
    told: tuple[Any, Told],
) -> None:
    project, session = told
    planned: set[str] = set()
    judged: set[str] = set()
    approved: dict[str, int] = {}
    sending: dict[str, int] = {}
    for record in project.records(GroupPlanned | RiskJudged | OrderChanged):
        if isinstance(record, GroupPlanned):
            planned.add(record.plan.group_id)
        elif isinstance(record, RiskJudged):
            if record.approved:
                judged.update(record.client_ids)
        elif record.order.lifecycle is Lifecycle.APPROVED:
            assert record.order.key.group_id in planned
            assert record.order.client_id in judged
            approved.setdefault(record.order.client_id, record.kseq)
        elif record.order.lifecycle is Lifecycle.SENDING:
            sending.setdefault(record.order.client_id, record.kseq)
    sent = session.sent()
    assert len(sent) > 15
    for kseq, client_id in sent:
        assert approved[client_id] < kseq, client_id
        # The record of the sending is one of those before the sending, in the same event's effects.
        assert sending[client_id] == kseq
        about = [
            effect["type"]
            for effect in session.effects[kseq]
            if effect["type"] == "Kept" or client_id in _placed(effect)
        ]
        assert about == ["Kept", "Transmit"], client_id


def _placed(effect: dict[str, Any]) -> list[str]:
    if effect["type"] != "Transmit":
        return []
    return [request["client_id"] for request in effect["batch"]["approved"]["requests"]]


def test_each_client_id_is_sent_at_most_once(told: tuple[Any, Told]) -> None:
    _, session = told
    counts = Counter(client_id for _, client_id in session.sent())
    assert set(counts.values()) == {1}


def test_journaled_then_written_then_answered(told: tuple[Any, Told]) -> None:
    _, session = told
    journaled: set[str] = set()
    written: set[str] = set()
    answered: set[str] = set()
    for kseq, _, kind, data in session.events:
        if kind == "SendWritten" and data["kind"] == "place":
            assert journaled.issuperset(data["client_ids"])
            written.update(data["client_ids"])
        elif kind == "ReplyClassified" and data["kind"] == "place":
            assert data["client_id"] in written
            answered.add(data["client_id"])
        elif kind == "OrderUpdated" and data["update"]["client_id"] is not None:
            assert data["update"]["client_id"] in written
        for effect in session.effects.get(kseq, ()):
            # What is kept comes before what is sent, as another test of this file holds.
            journaled.update(_placed(effect))
    assert answered
    assert answered <= written


def test_no_reply_arrives_before_the_message_could_have_travelled(
    told: tuple[Any, Told], request: pytest.FixtureRequest
) -> None:
    _, session = told
    latency = {"plain": 80, "no latency": 0, "trouble": 900}[request.node.callspec.params["told"]]
    written = {
        client_id: at
        for _, at, kind, data in session.events
        if kind == "SendWritten" and data["kind"] == "place"
        for client_id in data["client_ids"]
    }
    for _, at, kind, data in session.events:
        if kind == "ReplyClassified" and data["kind"] == "place":
            assert at >= written[data["client_id"]] + latency * 1_000_000


THINKER = """
    class One(Strategy[Params]):
        def on_start(self):
            self.watch(self.chain("NIFTY").strike(24200, "PE"))
            self.every(7.3, self.ask)
            self.every(7.301, self.look)
            self.answers = 0

        def ask(self):
            self.background(self.think(), self.thought)

        async def think(self):
            return self.answers

        def thought(self, answer):
            self.answers += 1

        def look(self):
            self.log.info("look", answers=self.answers)
"""


@pytest.mark.parametrize("speed", ["max", "5000"])
def test_background_work_is_awaited_before_time_moves_on(
    project: Any, morning: Any, speed: str
) -> None:
    project.write(THINKER, tape=morning, speed=speed)
    ended = project.cli("run", "strategies.yaml")
    assert (ended.code, ended.err) == (0, "")
    events = Told(project).events
    asked = [at for _, at, kind, _ in events if kind == "TimerFired"][::2]
    done = [at for _, at, kind, _ in events if kind == "BackgroundDone"]
    assert len(done) == 18
    assert done == asked[: len(done)]
    assert project.cli("replay", "--verify").code == 0


def test_background_work_asked_for_in_a_silence_is_awaited_there(
    project: Any, new_tape: Any
) -> None:
    tape = new_tape(start="09:15:55")
    tape.walk("09:16:10")
    tape.to("09:17:30")
    tape.walk("09:17:40")
    project.write(THINKER, tape=tape)
    ended = project.cli("run", "strategies.yaml")
    assert (ended.code, ended.err) == (0, "")
    events = Told(project).events
    asked = [at for _, at, kind, _ in events if kind == "TimerFired"][::2]
    done = [at for _, at, kind, _ in events if kind == "BackgroundDone"]
    assert done == asked[: len(done)]
    assert len(done) == 14
    health = [data["state"] for _, _, kind, data in events if kind == "FeedHealthChanged"]
    assert health == ["FRESH", "STALE", "FRESH"]
    assert [at for _, at, _, _ in events] == sorted(at for _, at, _, _ in events)
