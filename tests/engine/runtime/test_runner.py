"""The one total order: time, then timer < exchange < governor and journal < market, then sequence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.kernel import NOTHING
from engine.core.timers import NEVER
from engine.errors import WireError
from engine.model.codec import encode
from engine.model.command import Lane, MessageKind, Ticket
from engine.model.effect import Enqueue, Keep, RunBackground, Say, Subscribe
from engine.model.event import KillMode, KillTripped, ReplyClassified, ReplyOutcome
from engine.model.instrument import Segment
from engine.model.market import Depth, Tick
from engine.model.record import AlertRaised
from engine.runtime.bus import Bus
from engine.runtime.clock import Pacer
from engine.runtime.effects import Effects
from engine.runtime.runner import CHUNK_FRAMES, ReplayRunner
from engine.sessionlog.decisions import as_logged
from engine.testing import nifty_chain

CATALOGUE = nifty_chain()
A, B = CATALOGUE[0], CATALOGUE[1]
REPLY = ReplyClassified(MessageKind.PLACE, "X", ReplyOutcome.ACCEPTED)
STALE_NS = 5_000


def ticket(client_id: str, expires_at: int = NEVER) -> Ticket:
    return Ticket(
        kind=MessageKind.PLACE,
        client_id=client_id,
        account="paper",
        segment=Segment.NSE_FO,
        lane=Lane.ENTRY,
        queued_at=0,
        expires_at=expires_at,
    )


def saying(text: str) -> Keep:
    return Keep(AlertRaised(0, 0, "info", "test", text))


class Batch(NamedTuple):
    first_frame: int
    received_at: list[int]
    payloads: list[bytes]


class Decoder:
    """Frames are letters: ``a`` and ``b`` tick, capitals carry a book, ``!`` cannot be read."""

    def tick(self, frame: bytes, received_at: int) -> Tick | None:
        if frame == b"!":
            raise WireError("no frame of ours")
        if frame in b"?D":
            return None
        instrument = A if frame in (b"a", b"A") else B
        return Tick(instrument, "test", 100.0, received_at, received_at)

    def depth(self, frame: bytes, received_at: int) -> Depth | None:
        if frame == b"B":
            raise WireError("a book that is none")
        if frame not in (b"A", b"D"):
            return None
        return Depth(A, "test", (), (), None, None, received_at, received_at)


class Silence:
    """No silence may be longer than five thousand, until the market is said to have stopped."""

    def __init__(self) -> None:
        self.halted = ("", 0)

    def earliest(self, last_at: int) -> int:
        return last_at + STALE_NS

    def due(self, last_at: int) -> int:
        return max(last_at, self.halted[1]) + STALE_NS

    def halt_to_tell(self, at: int, last_at: int) -> str:
        text, until = self.halted
        self.halted = ("", until)
        return text if at > self.earliest(last_at) else ""


class Watched(list[Any]):
    """The exchange's newest ticks; tells when one is stored."""

    def __init__(self, story: list[Any]) -> None:
        super().__init__([None] * len(CATALOGUE))
        self._story = story

    def __setitem__(self, index: Any, tick: Any) -> None:
        super().__setitem__(index, tick)
        self._story.append((tick.received_at, f"exchange sees {'ab'[index]}"))


class World:
    """Fakes around one runner. ``story`` is [(time, what)], ``rows`` what the session log got."""

    def __init__(self, *, depth: bool = False, subscribed: str = "ab") -> None:
        self.story: list[tuple[int, str]] = []
        self.rows: list[tuple[Any, ...]] = []
        self.said: list[str] = []
        self.timers: list[int] = []
        self.reports: list[tuple[int, Any]] = []
        self.tickets: list[tuple[int, Ticket]] = []
        self.on: dict[str, list[Any]] = {}
        self.overruns: list[Any] = []
        self.desk = SimpleNamespace(kseq=0, now=0)
        self.bus = Bus()
        self.silence = Silence()
        # As the paper broker.
        self.ticks = Watched(self.story)
        self.frames = [b""] * len(CATALOGUE)
        self.busy = bytearray(len(CATALOGUE))
        self.on_match: Callable[[int], None] = lambda _: None
        wanted = bytearray(len(CATALOGUE))
        wants_depth = bytearray(len(CATALOGUE))
        for letter in subscribed:
            wanted["ab".index(letter)] = 1
        wants_depth[0] = wants_depth[1] = depth
        journal = SimpleNamespace(append_all=lambda *_: len(self.story))
        self.effects = Effects(
            journal,
            self,
            self,
            wanted,
            wants_depth,
            lambda line: self.said.append(line.text),  # type: ignore[arg-type]
        )
        self.runner = ReplayRunner(
            self,  # type: ignore[arg-type]
            self,  # type: ignore[arg-type]
            self,  # type: ignore[arg-type]
            self.effects,
            Decoder(),
            self,
            self.bus,
            subscribed=wanted,
            wants_depth=wants_depth,
            source="test",
            silence=self.silence,
        )

    # As the kernel.

    def handle(self, event: Any, now: int) -> Any:
        assert now >= self.desk.now
        self.desk.kseq += 1
        self.desk.now = now
        what = type(event).__name__
        if isinstance(event, Tick):
            what = f"tick {'ab'[event.instrument.index]}"
        self.story.append((now, what))
        if what == "TimerFired":
            self.timers.remove(min(self.timers))
        answers = self.on.get(what)
        return tuple(answers.pop(0)) if answers else NOTHING

    def next_timer(self) -> int:
        return min(self.timers, default=NEVER)

    # As the paper broker and the governor, who are asked for their next time alike.

    def next_time(self) -> int | None:
        times = [at for at, _ in self.reports] + [at for at, _ in self.tickets]
        return min(times, default=None)

    def due(self, now: int) -> list[tuple[int, Any]]:
        found = [each for each in self.reports if each[0] <= now]
        self.reports = [each for each in self.reports if each[0] > now]
        return found

    def match(self, index: int) -> None:
        self.on_match(index)

    def submit(self, one: Ticket, now: int) -> None:
        self.tickets.append((now, one))

    def release(self, now: int) -> list[Ticket]:
        found = [one for at, one in self.tickets if at <= now]
        self.tickets = [each for each in self.tickets if each[0] > now]
        return found

    def expired(self, now: int) -> list[Ticket]:
        gone = [one for _, one in self.tickets if now > one.expires_at]
        self.tickets = [each for each in self.tickets if each[1] not in gone]
        return gone

    def forget(self, client_ids: Any) -> None:
        raise NotImplementedError

    # As the session log.

    def dispatched_frames(
        self, first_kseq: int, first_frame: int, count: int, first_at: int
    ) -> None:
        self.rows.append(("frames", first_kseq, first_frame, count, first_at))

    def dispatched_event(self, kseq: int, now: int, event: Any) -> None:
        self.rows.append(("event", kseq, now, encode(event)))

    # The two may not both have the same next time by accident, so each has its own view.


class Split(World):
    """A world whose exchange and governor are two, as they are outside."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.runner._broker = SimpleNamespace(  # type: ignore[assignment]
            ticks=self.ticks,
            frames=self.frames,
            busy=self.busy,
            match=self.match,
            due=self.due,
            next_time=lambda: min((at for at, _ in self.reports), default=None),
        )
        self.runner._governor = SimpleNamespace(  # type: ignore[assignment]
            submit=self.submit,
            release=self.release,
            expired=self.expired,
            next_time=lambda: min((at for at, _ in self.tickets), default=None),
        )

    def effects_row(self, kseq: int, now: int, records: Any, others: Any) -> None:
        self.rows.append(("effects", kseq, now, as_logged(records, others)))

    def run(self, *frames: tuple[int, bytes], stop: bool = False) -> list[tuple[int, str]]:
        """Feed the frames and return what happened, in order, without the exchange's own view."""
        batch = Batch(0, [at for at, _ in frames], [payload for _, payload in frames])
        done = 0
        while done < len(frames):
            done = self.runner.step(batch, done, len(frames))
            asyncio.run(self.runner.settle())
        if stop:
            self.runner.end("the test ended")
        return [
            (at, what)
            for at, what in self.story
            if not what.startswith("exchange sees") and what != "FeedHealthChanged"
        ]


@pytest.fixture
def world() -> Split:
    return _made()


def _made(**more: Any) -> Split:
    made = Split(**more)
    # The port's method and the fakes' attribute have the same name.
    log = SimpleNamespace(
        dispatched_frames=made.dispatched_frames,
        dispatched_event=made.dispatched_event,
        effects=made.effects_row,
    )
    made.runner._log = log  # type: ignore[assignment]
    return made


def test_at_equal_times_timer_exchange_governor_and_frame_follow_each_other(world: Split) -> None:
    world.timers = [100]
    world.reports = [(100, REPLY)]
    world.tickets = [(100, ticket("X"))]
    story = world.run((50, b"a"), (100, b"a"))
    assert story == [
        (50, "tick a"),
        (100, "TimerFired"),
        (100, "ReplyClassified"),
        (100, "SendReleased"),
        (100, "tick a"),
    ]


def test_time_decides_before_class(world: Split) -> None:
    world.timers = [90]
    world.reports = [(80, REPLY)]
    world.tickets = [(70, ticket("X"))]
    story = world.run((60, b"a"), (100, b"a"))
    assert story == [
        (60, "tick a"),
        (70, "SendReleased"),
        (80, "ReplyClassified"),
        (90, "TimerFired"),
        (100, "tick a"),
    ]


def test_what_is_due_after_the_last_frame_waits(world: Split) -> None:
    world.timers = [200]
    assert world.run((60, b"a")) == [(60, "tick a")]


def test_the_exchange_sees_every_frame_and_sees_it_first() -> None:
    world = _made(subscribed="a")
    world.run((10, b"a"), (20, b"b"), (30, b"a"))
    ticks = [each for each in world.story if each[1] != "FeedHealthChanged"]
    assert ticks == [
        (10, "exchange sees a"),
        (10, "tick a"),
        (20, "exchange sees b"),
        (30, "exchange sees a"),
        (30, "tick a"),
    ]
    assert world.frames[:2] == [b"a", b"b"]


def test_records_are_journaled_before_the_log_counts_them_and_before_anything_is_done(
    world: Split,
) -> None:
    order: list[str] = []
    world.effects._journal = SimpleNamespace(
        append_all=lambda records, _: order.append(f"{len(records)} journaled")
    )
    world.runner._log = SimpleNamespace(  # type: ignore[assignment]
        dispatched_frames=lambda *_: None,
        dispatched_event=lambda *_: None,
        effects=lambda *_: order.append("logged"),
    )
    world.effects._say = lambda line: order.append(f"said {line.text}")
    world.on = {"tick a": [[Say("info", "s", "hello", 10), saying("x"), saying("y")]]}
    world.run((10, b"a"))
    assert order == ["2 journaled", "logged", "said hello"]


def test_what_the_exchange_says_of_a_frame_at_once_comes_before_it(world: Split) -> None:
    world.busy[0] = 1
    world.on_match = lambda _: world.reports.append((20, REPLY))
    story = world.run((20, b"a"), (30, b"b"))
    assert story == [(20, "ReplyClassified"), (20, "tick a"), (30, "tick b")]


def test_what_it_says_later_comes_later(world: Split) -> None:
    world.busy[0] = 1
    world.on_match = lambda _: world.reports.append((25, REPLY))
    story = world.run((20, b"a"), (30, b"b"))
    assert story == [(20, "tick a"), (25, "ReplyClassified"), (30, "tick b")]


def test_an_order_is_released_at_the_time_at_which_it_was_asked_for(world: Split) -> None:
    world.on["tick a"] = [[saying("intent"), Enqueue((ticket("X"),))]]
    story = world.run((10, b"a"), (20, b"b"))
    assert story == [(10, "tick a"), (10, "SendReleased"), (20, "tick b")]


def test_a_message_nobody_wants_any_more_is_said_to_have_expired(world: Split) -> None:
    world.tickets = [(50, ticket("X", expires_at=40)), (50, ticket("Y"))]
    story = world.run((10, b"a"), (60, b"a"))
    assert story == [
        (10, "tick a"),
        (50, "SendExpired"),
        (50, "SendReleased"),
        (60, "tick a"),
    ]


def test_nothing_is_sent_once_the_run_has_ended(world: Split) -> None:
    world.on["RunEnding"] = [[saying("late"), Enqueue((ticket("X"),))]]
    story = world.run((10, b"a"), stop=True)
    assert story == [(10, "tick a"), (10, "RunEnding")]
    assert world.tickets


def test_what_is_due_by_the_end_happens_before_it(world: Split) -> None:
    world.on["tick a"] = [[saying("x")]]
    world.busy[0] = 1
    world.on_match = lambda _: world.reports.extend([(10, REPLY), (11, REPLY)])
    story = world.run((10, b"a"), stop=True)
    assert story == [(10, "ReplyClassified"), (10, "tick a"), (10, "RunEnding")]


# -- the rows --------------------------------------------------------------------------------------


def test_frames_in_a_row_are_one_row_and_anything_between_ends_it() -> None:
    world = _made(subscribed="a")
    world.on["tick a"] = [[], [], [saying("x")]]
    world.run(
        (10, b"a"),
        (11, b"a"),
        (12, b"a"),
        (13, b"a"),
        (14, b"b"),
        (15, b"a"),
        (16, b"!"),
        (17, b"a"),
    )
    world.runner.abandon()
    frames = [row[1:] for row in world.rows if row[0] == "frames"]
    # (first kseq, first frame, how many, first time); the third tick leads to something.
    assert frames == [(1, 0, 3, 10), (4, 3, 1, 13), (5, 5, 1, 15), (6, 7, 1, 17)]


def test_rows_stand_in_the_order_of_the_events_with_their_effects_behind(world: Split) -> None:
    world.timers = [15]
    world.on["tick a"] = [[saying("one")]]
    world.on["TimerFired"] = [[saying("two")]]
    world.run((10, b"a"), (20, b"b"), stop=True)
    assert [row[:2] for row in world.rows] == [
        ("frames", 1),
        ("effects", 1),
        ("event", 2),
        ("effects", 2),
        ("frames", 3),
        ("event", 4),
    ]


def test_a_book_is_a_row_of_its_own_and_names_its_frame() -> None:
    world = _made(depth=True)
    story = world.run((10, b"A"), (20, b"a"), (30, b"D"), stop=True)
    assert story == [
        (10, "tick a"),
        (10, "Depth"),
        (20, "tick a"),
        (30, "Depth"),
        (30, "RunEnding"),
    ]
    books = [row[3] for row in world.rows if row[0] == "event" and b"FrameDepth" in row[3]]
    assert books == [b'{"type":"FrameDepth","frame":0}', b'{"type":"FrameDepth","frame":2}']


def test_a_book_nobody_wants_is_not_dispatched(world: Split) -> None:
    assert world.run((10, b"A"), (30, b"D")) == [(10, "tick a")]


def test_frames_that_cannot_be_read_are_counted_and_the_first_ten_kept() -> None:
    world = _made(depth=True)
    frames = [(10 + place, b"!") for place in range(20)]
    story = world.run(*frames, (50, b"B"), (60, b"a"))
    assert story == [(50, "tick b"), (60, "tick a")]
    assert world.runner.progress.bad_frames == 21
    assert world.runner.bad_frames[0] == "frame 0: no frame of ours"
    assert len(world.runner.bad_frames) == 10


FRAMES = st.lists(
    st.tuples(st.integers(1, 400), st.sampled_from([b"a", b"b", b"A", b"D", b"!", b"?", b"B"])),
    min_size=1,
    max_size=25,
)


def _scripted() -> Split:
    world = _made(depth=True, subscribed="a")
    world.timers = [100, 150, 150, 300]
    world.reports = [(150, REPLY), (299, REPLY)]
    world.on["TimerFired"] = [[saying("t")], [Enqueue((ticket("X"),))], [_background(world)], []]
    world.on["tick a"] = [[], [saying("x")], [_background(world)], [Subscribe((B,), depth=False)]]
    return world


def _background(world: Split) -> RunBackground:
    async def work() -> int:
        world.story.append((world.desk.now, "worked"))
        return 1

    return RunBackground("one", 1, work())


@given(frames=FRAMES, cuts=st.lists(st.integers(1, 24), max_size=6))
def test_where_a_batch_is_cut_changes_nothing(
    frames: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    frames = sorted(frames, key=lambda each: each[0])
    whole = _scripted()
    story = whole.run(*frames, stop=True)
    parts = _scripted()
    edges = sorted({0, len(frames), *(cut for cut in cuts if cut < len(frames))})
    for start, stop in pairwise(edges):
        piece = frames[start:stop]
        batch = Batch(start, [at for at, _ in piece], [payload for _, payload in piece])
        done = 0
        while done < len(piece):
            done = parts.runner.step(batch, done, len(piece))
            asyncio.run(parts.runner.settle())
    parts.runner.end("the test ended")
    assert parts.run(stop=False) == story
    for world in (whole, parts):
        for effect in (each for group in world.on.values() for answer in group for each in answer):
            if isinstance(effect, RunBackground):
                effect.work.close()
    times = [at for at, _ in story]
    assert times == sorted(times)
    numbered = sum(row[3] if row[0] == "frames" else row[0] == "event" for row in whole.rows)
    assert numbered == whole.desk.kseq


# -- background work -------------------------------------------------------------------------------


def test_background_work_is_awaited_before_time_moves_on() -> None:
    world = _made(subscribed="a")
    world.timers = [15, 16]
    world.on["TimerFired"] = [[_background(world)], []]
    story = world.run((10, b"a"), (20, b"b"), (30, b"a"))
    assert story == [
        (10, "tick a"),
        (15, "TimerFired"),
        (15, "worked"),
        (15, "BackgroundDone"),
        (16, "TimerFired"),
        (30, "tick a"),
    ]


def test_background_work_of_a_frame_is_awaited_before_the_next(world: Split) -> None:
    world.on["tick a"] = [[_background(world)]]
    story = world.run((10, b"a"), (10, b"b"))
    assert [what for _, what in story] == ["tick a", "worked", "BackgroundDone", "tick b"]


def test_background_work_asked_for_at_the_end_is_dropped(world: Split) -> None:
    world.on["RunEnding"] = [[_background(world)]]
    assert (10, "worked") not in world.run((10, b"a"), stop=True)
    assert world.effects.background == []


# -- the feed's health -----------------------------------------------------------------------------


def _health(world: Split) -> list[tuple[int, str]]:
    rows = (row for row in world.rows if row[0] == "event" and b"FeedHealthChanged" in row[3])
    return [
        (now, payload.split(b'"state":"')[1].split(b'"')[0].decode()) for _, _, now, payload in rows
    ]


def test_a_silence_is_noticed_when_it_is_too_long_and_when_it_ends(world: Split) -> None:
    world.timers = [14_000, 18_000]
    story = world.run((10_000, b"a"), (15_000, b"a"), (30_000, b"a"))
    assert _health(world) == [(10_000, "FRESH"), (20_000, "STALE"), (30_000, "FRESH")]
    assert (18_000, "TimerFired") in story


def test_background_work_in_a_silence_says_it_once(world: Split) -> None:
    world.timers = [13_000, 22_000]
    world.on["TimerFired"] = [[_background(world)], [_background(world)]]
    story = world.run((10_000, b"a"), (30_000, b"a"))
    assert _health(world) == [(10_000, "FRESH"), (15_000, "STALE"), (30_000, "FRESH")]
    assert [at for at, what in story if what == "BackgroundDone"] == [13_000, 22_000]


# -- pacing and what comes from outside ------------------------------------------------------------


async def _fed(world: Split, batch: Batch, pacer: Pacer) -> int:
    chunks = 0
    async for _ in world.runner.feed_batch(batch, pacer):
        chunks += 1
    return chunks


async def test_at_full_speed_chunks_are_of_a_stated_size(world: Split) -> None:
    count = 2 * CHUNK_FRAMES + 1
    batch = Batch(0, list(range(1, count + 1)), [b"a"] * count)
    assert await _fed(world, batch, Pacer(None)) == 3
    assert world.runner.progress.frames == count
    assert world.runner.progress.events == count


async def test_at_a_stated_speed_the_screen_is_looked_at_while_nothing_is_due(world: Split) -> None:
    second = 1_000_000_000
    batch = Batch(0, [second, 2 * second], [b"a", b"a"])
    waited = await _fed(world, batch, Pacer(4.0))
    assert 3 <= waited <= 8


async def test_a_kill_from_outside_is_handled_between_two_chunks(world: Split) -> None:
    world.bus.publish(KillTripped("all", KillMode.CANCEL_ALL, "person", "enough"))
    batch = Batch(0, [10], [b"a"])
    await _fed(world, batch, Pacer(None))
    assert world.story[-1] == (10, "KillTripped")


async def test_a_slow_hook_is_said_and_changes_nothing(world: Split) -> None:
    world.overruns.append(SimpleNamespace(strategy="one", hook="on_tick", took_ns=80_000_000))
    await _fed(world, Batch(0, [10], [b"a"]), Pacer(None))
    assert world.said == ["on_tick took 80 ms"]
    assert world.overruns == []


async def test_who_subscribed_hears_what_was_handled(world: Split) -> None:
    listener = world.bus.subscribe(ReplyClassified)
    world.reports = [(10, REPLY)]
    await _fed(world, Batch(0, [10], [b"a"]), Pacer(None))
    assert listener.take() == [REPLY]


def test_effects_that_only_talk_are_carried_out(world: Split) -> None:
    world.on["tick a"] = [[Say("info", "one", "hello", 10, {"x": Decimal(1)})]]
    world.run((10, b"a"))
    assert world.said == ["hello"]


def test_a_silence_the_market_explains_is_told_and_makes_no_feed_stale(world: Split) -> None:
    world.silence.halted = ("market-wide halt", 22_000)
    world.run((10_000, b"a"), (20_000, b"a"), (40_000, b"a"))
    assert _health(world) == [(10_000, "FRESH"), (27_000, "STALE"), (40_000, "FRESH")]
    assert world.said == ["market-wide halt"]
