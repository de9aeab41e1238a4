"""The compiled loop takes ordinary frames as the runner would, and leaves every other one alone."""

from __future__ import annotations

import gc
import math
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.desk import Desk
from engine.core.loss_watch import LossWatch
from engine.core.timers import NEVER
from engine.core.trading_time import TradingTime
from engine.errors import WireError
from engine.model.catalogue import Catalogue
from engine.model.instrument import Instrument
from engine.model.market import Tick
from engine.rules.sessions import Sessions
from engine.runtime.hot_path.twin import TWIN
from engine.testing import TRADING_DATE, nifty_chain

if why := TWIN.why_not():
    pytest.skip(f"the compiled frame loop is not here: {why}", allow_module_level=True)

from engine.runtime.hot_path import compiled

CATALOGUE: Catalogue = nifty_chain()
SIZE = len(CATALOGUE)


def decode(payload: bytes, at: int) -> Tick | None:
    """One byte: the instrument's index. Text is no tick, anything longer cannot be read."""
    if payload == b"text":
        return None
    if len(payload) != 1:
        raise WireError("no such frame")
    return Tick(CATALOGUE[payload[0]], "test", float(at), at, at)


class Watch:
    """Where the loss limits stand: broken, unless a test says otherwise."""

    __slots__ = ("floors", "next_at")

    def __init__(self) -> None:
        self.floors: Any = ((0.0, [], math.inf),)
        self.next_at = 0


class Parts:
    """A loop and all it works on. ``heard`` is what the hooks were told."""

    def __init__(self, read: Callable[[bytes, int], Any] = decode) -> None:
        self.desk = Desk(CATALOGUE, TradingTime(CATALOGUE, Sessions(), TRADING_DATE), lambda: None)
        self.ticks: list[Tick | None] = [None] * SIZE
        self.frames = [b""] * SIZE
        self.busy = [0] * SIZE
        self.subscribed = bytearray(b"\1" * SIZE)
        self.wants_depth = bytearray(SIZE)
        self.heard: list[tuple[int, int, int]] = []
        self.on: dict[int, Callable[[Tick], None]] = {}
        self.routes: list[tuple[Callable[[Tick], None], ...]] = [(self.hear,)] * SIZE
        self.watch = Watch()
        self.loop = self.made(read)

    def made(self, read: Callable[[bytes, int], Any] = decode, **other: Any) -> Any:
        arguments: dict[str, Any] = {
            "desk": self.desk,
            "decode": read,
            "tick": Tick,
            "instrument": Instrument,
            "ticks": self.ticks,
            "frames": self.frames,
            "busy": self.busy,
            "subscribed": self.subscribed,
            "wants_depth": self.wants_depth,
            "book": self.desk.book.ticks,
            "routes": self.routes,
            "watch": self.watch,
            "look_every_ns": 2,
        }
        return compiled.FrameLoop(**(arguments | other))

    def hear(self, tick: Tick) -> None:
        self.heard.append((self.desk.kseq, self.desk.now, tick.instrument.index))
        act = self.on.get(len(self.heard))
        if act is not None:
            act(tick)

    def run(self, frames: list[tuple[int, bytes]], start: int = 0, horizon: int = NEVER) -> Any:
        times, payloads = [at for at, _ in frames], [payload for _, payload in frames]
        return self.loop.run(times, payloads, start, len(frames), horizon)


def frames_of(*indices: int) -> list[tuple[int, bytes]]:
    return [(100 + place, bytes([index])) for place, index in enumerate(indices)]


def test_ordinary_frames_are_taken_to_the_end() -> None:
    parts = Parts()
    frames = frames_of(3, 4, 3)
    assert parts.run(frames) == (3, False)
    assert parts.heard == [(1, 100, 3), (2, 101, 4), (3, 102, 3)]
    assert (parts.desk.kseq, parts.desk.now) == (3, 102)
    for index, at in ((3, 102), (4, 101)):
        tick = parts.ticks[index]
        assert tick is not None
        assert tick.received_at == at
        assert parts.desk.book.ticks[index] is tick
        assert parts.frames[index] == bytes([index])


def test_it_goes_on_where_it_is_told_to() -> None:
    parts = Parts()
    assert parts.run(frames_of(1, 2, 3), start=2) == (3, False)
    assert parts.heard == [(1, 102, 3)]
    assert parts.run(frames_of(1, 2, 3), start=3) == (3, False)


@pytest.mark.parametrize("odd", ["horizon", "text", "wire", "busy", "unwatched", "depth", "past"])
def test_the_first_frame_that_is_not_ordinary_is_left_as_it_was(odd: str) -> None:
    parts = Parts()
    frames = frames_of(1, 2, 1)
    horizon = NEVER
    if odd == "horizon":
        horizon = 101
    elif odd == "text":
        frames[1] = (101, b"text")
    elif odd == "wire":
        frames[1] = (101, b"too long")
    elif odd == "busy":
        parts.busy[2] = 1
    elif odd == "unwatched":
        parts.subscribed[2] = 0
    elif odd == "depth":
        parts.wants_depth[2] = 1
    else:
        frames[1] = (99, b"\2")
    assert parts.run(frames, horizon=horizon) == (1, False)
    assert parts.heard == [(1, 100, 1)]
    assert (parts.desk.kseq, parts.desk.now) == (1, 100)
    assert parts.ticks[2] is parts.desk.book.ticks[2] is None
    assert parts.frames[2] == b""


@pytest.mark.parametrize("answer", [5, "tick", (), Tick])
def test_what_is_no_tick_is_left(answer: Any) -> None:
    assert Parts(lambda *_: answer).run(frames_of(1)) == (0, False)


def test_an_instrument_of_another_catalogue_is_left() -> None:
    parts = Parts()
    del parts.frames[5:]
    assert parts.run(frames_of(4, 5)) == (1, False)


def test_it_stops_behind_a_frame_that_stirred_something() -> None:
    parts = Parts()
    parts.on[2] = lambda _: parts.desk.stir()
    assert parts.run(frames_of(1, 2, 3)) == (2, True)
    assert parts.desk.is_stirred


def test_it_stops_behind_the_first_frame_that_must_be_looked_at() -> None:
    parts = Parts()
    parts.desk.look_at = 101
    assert parts.run(frames_of(1, 2, 3)) == (2, True)
    parts.desk.look_at = 0
    assert parts.run(frames_of(1, 2, 3), start=2) == (3, True)


def test_it_goes_on_where_the_look_that_is_due_finds_nothing() -> None:
    parts = Parts()
    parts.desk.look_at, parts.watch.floors = 101, ((0.0, [], -1.0),)
    parts.on[5] = lambda _: parts.desk.stir()
    assert parts.run(frames_of(1, 2, 3, 4, 5, 6)) == (5, True)
    assert parts.desk.look_at == parts.watch.next_at == 105, "what was stirred is not looked at"


def test_no_look_is_quiet_while_a_group_waits_for_prices() -> None:
    parts = Parts()
    parts.desk.look_at, parts.watch.floors = 0, ((0.0, [], -1.0),)
    assert parts.run(frames_of(1, 2)) == (1, True)
    assert parts.watch.next_at == 0


@given(
    st.lists(
        st.tuples(
            st.floats(-1e6, 1e6),
            st.lists(
                st.tuples(st.integers(0, 5), st.integers(-650, 650), st.floats(-1e6, 1e6)),
                max_size=4,
            ),
            st.floats(-1e6, 1e6),
        ),
        max_size=3,
    )
)
def test_a_look_finds_what_the_watch_would(floors: list[Any]) -> None:
    parts = Parts()
    for index in range(4):  # Of the others no price is known.
        parts.desk.book.ticks[index] = Tick(CATALOGUE[index], "test", 10.0 * index, 0, 0)
    parts.desk.book.ticks[1] = None
    parts.desk.look_at, parts.watch.floors = 100, tuple(floors)
    place, is_stirred = parts.run(frames_of(0))
    watch: Any = LossWatch(parts.desk, None, None, lambda _: None)  # type: ignore[arg-type]
    watch.floors, parts.desk.look_at = tuple(floors), 100
    assert (place, is_stirred) == (1, not watch.is_quiet())


@pytest.mark.parametrize(
    "floors",
    [
        [(0.0, [], -1.0)],
        ((0.0, [], -1.0, 0.0),),
        ([0.0, [], -1.0],),
        ((0.0, (), -1.0),),
        (("0", [], -1.0),),
        ((0.0, [], None),),
        ((0.0, [(0, 1)], -1.0),),
        ((0.0, [(0, "1", 0.0)], -1.0),),
    ],
)
def test_limits_that_are_none_are_the_callers_errors(floors: Any) -> None:
    parts = Parts()
    parts.desk.look_at, parts.watch.floors = 101, floors
    with pytest.raises(TypeError):
        parts.run(frames_of(1, 2, 3))
    assert parts.desk.kseq == 2


def test_what_is_held_of_an_instrument_that_is_not_there_is_an_error() -> None:
    parts = Parts()
    parts.desk.look_at, parts.watch.floors = 100, ((0.0, [(SIZE, 1, 0.0)], -1.0),)
    with pytest.raises(IndexError):
        parts.run(frames_of(1))


def test_all_that_listen_hear_it_in_order_and_what_changes_counts_from_the_next() -> None:
    parts = Parts()
    story: list[str] = []

    def first(_: Tick) -> None:
        story.append("first")
        parts.routes[1] = (lambda _: story.append("new"),)

    parts.routes[1] = (first, lambda _: story.append("second"))
    assert parts.run(frames_of(1, 1)) == (2, False)
    assert story == ["first", "second", "new"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_a_hook_lets_through_is_the_callers(error: type[BaseException]) -> None:
    parts = Parts()

    def raising(_: Tick) -> None:
        raise error

    parts.on[2] = raising
    with pytest.raises(error):
        parts.run(frames_of(1, 2, 3))
    assert parts.desk.kseq == 2


def test_an_interrupt_in_the_decoder_is_not_swallowed() -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Parts(interrupted).run(frames_of(1))


def test_a_batch_that_shrinks_meanwhile_is_an_error() -> None:
    parts = Parts()
    times, payloads = [100, 101, 102], [b"\1", b"\2", b"\3"]
    parts.on[1] = lambda _: times.clear()
    with pytest.raises(RuntimeError, match="the batch changed"):
        parts.loop.run(times, payloads, 0, 3, NEVER)


def test_wrong_arguments_are_errors() -> None:
    parts = Parts()
    for arguments in (((), [], 0, 0, 1), ([], (), 0, 0, 1), ([1], [b""], "0", 1, 1), ([], [], 0)):
        with pytest.raises(TypeError):
            parts.loop.run(*arguments)
    for start, stop in ((-1, 1), (0, 2)):
        with pytest.raises(IndexError):
            parts.loop.run([1], [b"\1"], start, stop, NEVER)
    with pytest.raises(TypeError):
        parts.loop.run([None], [b"\1"], 0, 1, NEVER)
    with pytest.raises(OverflowError):
        parts.loop.run([1 << 70], [b"\1"], 0, 1, NEVER)


def test_a_watch_without_slots_is_refused() -> None:
    class Other:
        floors = ()
        next_at = 0

    with pytest.raises(TypeError, match="is no slot"):
        Parts().made(watch=Other())


@pytest.mark.parametrize("name", ["ticks", "frames", "busy", "subscribed", "wants_depth", "book"])
def test_it_is_made_of_what_it_can_read(name: str) -> None:
    with pytest.raises(TypeError):
        Parts().made(**{name: ()})


def test_a_desk_without_slots_is_refused() -> None:
    class Other:
        now = kseq = look_at = 0
        is_stirred = False

    with pytest.raises(TypeError, match="is no slot"):
        Parts().made(desk=Other())


def test_a_route_that_is_no_tuple_is_an_error() -> None:
    parts = Parts()
    parts.routes[1] = [parts.hear]  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="a route is a tuple"):
        parts.run(frames_of(1))


ODD = st.sampled_from([b"text", b"too long", b""])


@given(
    st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 5).map(lambda n: bytes([n])) | ODD)),
    st.integers(100, 160),
    st.lists(st.integers(1, 30), max_size=3),
    st.sets(st.integers(0, 5), max_size=2),
    st.none() | st.integers(0, 9),
)
def test_it_does_what_one_frame_after_the_other_would(
    steps: list[tuple[int, bytes]],
    horizon: int,
    stirs: list[int],
    busy: set[int],
    look_every: int | None,
) -> None:
    at, frames = 100, []
    for step, payload in steps:
        at += step
        frames.append((at, payload))
    compiled_parts, plain = Parts(), Parts()
    for parts in (compiled_parts, plain):
        parts.desk.look_at = 130
        if look_every is not None:
            parts.watch.floors = ((0.0, [], -1.0),)
            parts.loop = parts.made(look_every_ns=look_every)
        for index in busy:
            parts.busy[index] = 1
        for number in stirs:
            parts.on[number] = lambda _, desk=parts.desk: desk.stir()
    reached, is_stirred = compiled_parts.run(frames, horizon=horizon)
    assert (reached, is_stirred) == _one_by_one(plain, frames, horizon, look_every)
    assert compiled_parts.heard == plain.heard
    assert compiled_parts.frames == plain.frames
    assert compiled_parts.ticks == plain.ticks
    assert compiled_parts.desk.kseq == plain.desk.kseq
    assert compiled_parts.desk.look_at == plain.desk.look_at
    assert compiled_parts.watch.next_at == plain.watch.next_at


def _one_by_one(
    parts: Parts, frames: list[tuple[int, bytes]], horizon: int, look_every: int | None
) -> tuple[int, bool]:
    """What the loop promises, in as many words."""
    desk = parts.desk
    for place, (at, payload) in enumerate(frames):
        if at >= horizon:
            return place, False
        try:
            tick = decode(payload, at)
        except WireError:
            tick = None
        if tick is None or parts.busy[tick.instrument.index] or at < desk.now:
            return place, False
        index = tick.instrument.index
        desk.kseq += 1
        desk.now = at
        parts.ticks[index] = desk.book.ticks[index] = tick
        parts.frames[index] = payload
        for hear in parts.routes[index]:
            hear(tick)
        if not desk.is_stirred and at >= desk.look_at and look_every is not None:
            parts.watch.next_at = desk.look_at = at + look_every
        elif desk.is_stirred or at >= desk.look_at:
            return place + 1, True
    return len(frames), False


def test_nothing_is_leaked_and_nothing_let_go_too_early() -> None:
    parts = Parts(lambda payload, at: decode(payload[:1], at) if payload[0] < SIZE else None)
    parts.routes[2] = (lambda _: None,)
    payload, at = bytes([2, *range(50)]), 10**15
    frames = [(at, payload)] * 500 + [(at, b"text")]
    before = sys.getrefcount(payload), sys.getrefcount(at)
    for _ in range(20):
        parts.run(frames)
    parts.frames[2] = b""
    parts.ticks[2] = parts.desk.book.ticks[2] = None
    parts.desk.now = 0
    gc.collect()
    assert (sys.getrefcount(payload), sys.getrefcount(at)) == before
    tracemalloc.start()
    try:
        for round_ in range(6):
            if round_ == 2:
                held, _ = tracemalloc.get_traced_memory()
            parts.run(frames)
        assert tracemalloc.get_traced_memory()[0] - held < 20_000
    finally:
        tracemalloc.stop()


def test_a_loop_that_is_part_of_a_cycle_is_collected() -> None:
    parts = Parts()
    parts.routes[0] = (parts.loop.run,)
    gone: list[int] = []

    class Watch:
        def __del__(self) -> None:
            gone.append(1)

    parts.on[0] = Watch()  # type: ignore[assignment]
    del parts
    gc.collect()
    assert gone == [1]
