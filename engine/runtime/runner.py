"""Runs a kernel over a recording, in virtual time, pull-driven.

One total order (DESIGN.md section 2): virtual time, then timer < exchange < governor and journal <
market, then sequence. The next frame is asked for only when nothing else is due before it. The
paper exchange sees each frame before the kernel does. Every event dispatched is written to the
session log just before the kernel sees it, and what it wanted just after.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Iterable, Sequence

from engine.core.kernel import NOTHING, Kernel
from engine.core.timers import NEVER
from engine.errors import WireError
from engine.model.arithmetic import exactly
from engine.model.effect import Effect, Say
from engine.model.event import (
    Event,
    FeedHealthChanged,
    FrameDepth,
    HealthState,
    RunEnding,
    SendExpired,
    SendReleased,
    Started,
    TimerFired,
)
from engine.ports import DecisionLog, Decoder, MessageGovernor, VirtualBroker
from engine.rules.clock_time import NS_PER_S
from engine.runtime.bus import Bus
from engine.runtime.clock import Pacer, stopwatch_ns
from engine.runtime.effects import Effects, finish, sort_out
from engine.runtime.frames import FrameBatch, FrameLoop
from engine.runtime.progress import Progress
from engine.runtime.silence import SilenceRule

PACED_STEP_NS = 50_000_000
"""At a stated speed, frames this close together in recording time are handled in one go."""
WAIT_MAX_S = 0.1
"""While the next frame is not due yet, the keyboard and the screen are looked at this often."""
CHUNK_FRAMES = 2_000
"""Frames between two looks at the screen, the keyboard and the clock."""


class ReplayRunner:
    """Drives one kernel over one recording. ``run`` is the whole of it."""

    def __init__(
        self,
        kernel: Kernel,
        broker: VirtualBroker,
        governor: MessageGovernor,
        effects: Effects,
        decoder: Decoder,
        log: DecisionLog,
        bus: Bus,
        *,
        subscribed: bytearray,
        wants_depth: bytearray,
        source: str,
        silence: SilenceRule,
        frame_loop: FrameLoop | None = None,
    ) -> None:
        self._kernel = kernel
        self._broker = broker
        # Called between ticks: the context a hook left stays for the next, as in a verification.
        self._match, self._due = exactly(broker.match), exactly(broker.due)
        self._governor = governor
        self._effects = effects
        self._decoder = decoder
        self._log = log
        self._bus = bus
        self._subscribed = subscribed
        self._wants_depth = wants_depth
        self._source = source
        self._silence = silence
        self._frame_loop = frame_loop
        self._health: HealthState | None = None
        self._last_frame_at = 0
        self._run_first = -1
        self._run_kseq = 0
        self._run_at = 0
        self.frame: int | None = None
        self.progress = Progress()
        self.bad_frames: list[str] = []

    # -- driving ---------------------------------------------------------------------------------

    def begin(self, at: int) -> None:
        """Start the strategies at ``at``, just before the first frame."""
        self.progress.now = at
        self.dispatch(Started(), at)
        self.advance(at)

    async def feed_batch(self, batch: FrameBatch, pacer: Pacer) -> AsyncIterator[None]:
        """Dispatch the frames of one batch; yields between chunks, for the screen and the loop."""
        done, last = 0, len(batch.payloads)
        while done < last:
            stop = min(done + CHUNK_FRAMES, last)
            if pacer.is_on:
                while not await pacer.wait(batch.received_at[done], at_most_s=WAIT_MAX_S):
                    yield
                until = batch.received_at[done] + PACED_STEP_NS
                stop = min(stop, max(done + 1, bisect_right(batch.received_at, until)))
            done = self.step(batch, done, stop)
            # Not when it happens to be flushed: two runs must write the same rows.
            self._flush_run()
            await self.settle()
            self._drain_inbox()
            self._warn_of_overruns()
            yield

    async def settle(self) -> None:
        """Await background work before time moves on, in the order in which it was asked for."""
        while self._effects.background:
            desk = self._kernel.desk
            desk.is_waiting = True
            try:
                done = await finish(self._effects.background.pop(0))
            finally:
                desk.is_waiting = False
            self.dispatch(done, self._now())

    def end(self, reason: str) -> None:
        """Stop the strategies, after what is due by now.

        What they still ask for is journaled and goes nowhere: the session is closed.
        """
        self.advance(self._now())
        self._handle(RunEnding(reason), self._now())
        self._effects.drop_background()
        self.progress.events = self._kernel.desk.kseq

    def abandon(self) -> None:
        """Write down what was dispatched until an error ended the run."""
        self._flush_run()

    def newest_frame(self) -> int | None:
        """Return the number of the newest frame that was dispatched, None before the first."""
        if self._run_first < 0:
            return self.frame
        return self._run_first + self._kernel.desk.kseq - self._run_kseq

    def step(self, batch: FrameBatch, start: int, stop: int) -> int:
        """Dispatch frames ``start`` to ``stop`` of a batch; return how far it came.

        It stops early when background work must be awaited before time moves on.
        """
        kernel, broker = self._kernel, self._broker
        handle, decode, desk = kernel.handle, self._decoder.tick, kernel.desk
        ticks, frames, busy = broker.ticks, broker.frames, broker.busy
        subscribed, wants_depth = self._subscribed, self._wants_depth
        loop = self._frame_loop
        last_at = self._last_frame_at
        # Nothing but frames happens before the horizon: one comparison a frame instead of four.
        horizon = self._horizon(last_at)
        times, payloads, place = batch.received_at, batch.payloads, start
        chunk_started = stopwatch_ns()
        while place < stop:
            if loop is not None and self._run_first >= 0:
                reached, is_stirred = loop.run(times, payloads, place, stop, horizon)
                if reached > place:
                    place = reached
                    at = last_at = times[place - 1]
                    if is_stirred and (effects := kernel.conclude(at)) is not NOTHING:
                        horizon = self._led_to(effects, at)
                    continue
            at, payload = times[place], payloads[place]
            if at >= horizon:
                if not self._reach(at, last_at):
                    break
                horizon = self._horizon(at)
            last_at = at
            number = batch.first_frame + place
            place += 1
            try:
                tick = decode(payload, at)
            except WireError as error:
                self._flush_run()
                self._bad_frame(number, error)
                continue
            if tick is None:
                self._flush_run()
                # A book-only packet, or text.
                self._dispatch_depth(number, payload, at)
                horizon = self._horizon(at)
                continue
            index = tick.instrument.index
            ticks[index] = tick
            frames[index] = payload
            if busy[index]:
                self._match(index)
                horizon = self._horizon(at)
                if horizon <= at:
                    # What the exchange says of this frame without delay comes before the frame.
                    self.advance(at)
                    horizon = self._horizon(at)
            if not subscribed[index]:
                self._flush_run()
                continue
            if self._run_first < 0:
                self._run_first, self._run_kseq, self._run_at = number, desk.kseq + 1, at
            if (effects := handle(tick, at)) is not NOTHING:
                horizon = self._led_to(effects, at)
            if wants_depth[index]:
                self._dispatch_depth(number, payload, at)
                horizon = self._horizon(at)
        self._last_frame_at = last_at
        progress = self.progress
        progress.now = max(progress.now, last_at)
        progress.frames = batch.first_frame + place
        progress.events = desk.kseq
        progress.longest_callback_ns = max(
            progress.longest_callback_ns, stopwatch_ns() - chunk_started
        )
        return place

    def _led_to(self, effects: Sequence[Effect], at: int) -> int:
        """Do what a tick led to; return the new horizon."""
        if effects:
            self._flush_run()
            self._carry(effects, at)
            self._answer(at)
        return self._horizon(at)

    def dispatch(self, event: Event, now: int, *, frame: int | None = None) -> None:
        """Log an event that is not a bare frame, let the kernel handle it, do what it wants."""
        self._handle(event, now, frame=frame)
        self._answer(now)

    # -- inside ----------------------------------------------------------------------------------

    def _handle(self, event: Event, now: int, *, frame: int | None = None) -> None:
        self._flush_run()
        kernel = self._kernel
        written = event if frame is None else FrameDepth(frame)
        self._log.dispatched_event(kernel.desk.kseq + 1, now, written)
        effects = kernel.handle(event, now)
        self._bus.tell(event)
        if effects:
            self._carry(effects, now)

    def _carry(self, effects: Iterable[Effect], now: int) -> None:
        records, others = sort_out(effects)
        self._effects.keep(records, now)  # A log is never ahead of its journal.
        self._log.effects(self._kernel.desk.kseq, now, records, others)
        self._effects.carry_out(others, now)

    def _answer(self, now: int) -> None:
        """Dispatch what follows at once from what was carried out, and what the governor frees.

        What a timer or the exchange has to say by now comes before the governor: the re-check of a
        message that leaves should know it.
        """
        effects, governor = self._effects, self._governor
        while True:
            if effects.has_answers:
                for event in effects.answers(now):
                    self.dispatch(event, now)
                continue
            due = governor.next_time()
            if due is None or due > now:
                return
            exchange = self._broker.next_time()
            if self._kernel.next_timer() <= now or (exchange is not None and exchange <= now):
                return
            if not self._release(now):
                return

    def _release(self, now: int) -> bool:
        """Dispatch what the governor, which is due, gives up and lets go; False if neither."""
        expired = self._governor.expired(now)
        if expired:
            self.dispatch(SendExpired(tuple(expired)), now)
        released = self._governor.release(now)
        if released:
            self.dispatch(SendReleased(tuple(released)), now)
        return bool(expired or released)

    def _horizon(self, last_at: int) -> int:
        """Return the first moment at which something other than a frame may have to happen.

        A timer, the exchange or the governor falls due, or the feed has been silent too long; at
        once when background work must be awaited.
        """
        if self._effects.background:
            return 0
        exchange = self._broker.next_time()
        governor = self._governor.next_time()
        return min(
            self._kernel.next_timer(),
            NEVER if exchange is None else exchange,
            NEVER if governor is None else governor,
            self._silence.earliest(last_at),
        )

    def _reach(self, at: int, last_at: int) -> bool:
        """Let everything happen that comes before the frame received at ``at``.

        False when background work must be awaited first; the rest is for the next call.
        """
        earliest = self._silence.earliest(last_at)
        if last_at and at > earliest and self._health is not HealthState.STALE:
            if halted := self._silence.halt_to_tell(at, last_at):
                self._effects.carry((Say("warning", self._source, halted, last_at),), self._now())
            silent_from = self._silence.due(last_at)
            if at > silent_from:
                if not self.advance(silent_from):
                    return False
                why = f"no frame for {(silent_from - last_at) / NS_PER_S:g} s"
                self._say_health(HealthState.STALE, why, max(silent_from, self._now()))
        if not self.advance(at):
            return False
        if self._health is not HealthState.FRESH and at > earliest:
            silence_s = (at - last_at) / NS_PER_S
            why = f"frames again after {silence_s:.1f} s" if last_at else "first frame"
            self._say_health(HealthState.FRESH, why, max(at, self._now()))
        return True

    def advance(self, until: int) -> bool:
        """Let all that is due by ``until`` happen: timers, then exchange, then governor.

        False when background work must be awaited before time moves on.
        """
        kernel, broker, governor = self._kernel, self._broker, self._governor
        background = self._effects.background
        while not background:
            timer = kernel.next_timer()
            exchange = broker.next_time()
            release = governor.next_time()
            at = min(
                timer,
                NEVER if exchange is None else exchange,
                NEVER if release is None else release,
            )
            if at > until:
                return True
            now = max(at, kernel.desk.now)
            self.progress.now = now
            if timer == at:
                self.dispatch(TimerFired(at), now)
            elif exchange == at:
                for when, event in self._due(at):
                    self.dispatch(event, max(when, now))
            elif not self._release(now):
                return True
        return False

    def _now(self) -> int:
        return max(self.progress.now, self._kernel.desk.now)

    def _drain_inbox(self) -> None:
        """Take in what came from outside (a kill, an overrun) at the present virtual time."""
        while self._bus.has_orders:
            event = self._bus.next()
            if event is not None:
                self.dispatch(event, self._now())

    def _warn_of_overruns(self) -> None:
        """Slow hooks only warn here: virtual time does not care how long a hook took."""
        overruns = self._kernel.overruns
        for overrun in overruns:
            text = f"{overrun.hook} took {overrun.took_ns / 1e6:.0f} ms"
            self._effects.carry(
                (Say("warning", overrun.strategy, text, self._kernel.desk.now),),
                self._kernel.desk.now,
            )
        overruns.clear()

    def _say_health(self, state: HealthState, why: str, at: int) -> None:
        self.progress.now = at
        self._health = state
        self.dispatch(FeedHealthChanged(self._source, state, why), at)

    def _dispatch_depth(self, number: int, payload: bytes, at: int) -> None:
        """Dispatch the book of a frame. It is read to its end only here, and may be damaged."""
        try:
            depth = self._decoder.depth(payload, at)
        except WireError as error:
            self._bad_frame(number, error)
            return
        if depth is not None and self._wants_depth[depth.instrument.index]:
            self.dispatch(depth, at, frame=number)

    def _bad_frame(self, number: int, error: WireError) -> None:
        """Count a frame that cannot be read; the first few are kept for the summary."""
        self.progress.bad_frames += 1
        if len(self.bad_frames) < 10:
            self.bad_frames.append(f"frame {number}: {error}")

    def _flush_run(self) -> None:
        """Write down the frames dispatched one after the other since the last other event."""
        if self._run_first >= 0:
            count = self._kernel.desk.kseq - self._run_kseq + 1
            self._log.dispatched_frames(self._run_kseq, self._run_first, count, self._run_at)
            self.frame = self._run_first + count - 1
            self._run_first = -1
