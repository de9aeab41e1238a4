"""Who hears what: the calls a tick, a book and a bar make, and what the feed is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from engine.core.bars import BarBuilder
from engine.core.desk import Desk
from engine.core.seat import Seat
from engine.model.effect import Subscribe, Unsubscribe
from engine.model.instrument import Instrument
from engine.model.market import Bar, Depth, Interval, Tick


class Listening:
    """Routes by instrument index.

    ``on_tick`` is a plain list, since the kernel reads it for every tick.
    """

    def __init__(self, desk: Desk, seats: dict[str, Seat]) -> None:
        self._desk = desk
        self._seats = seats
        size = len(desk.catalogue)
        self.on_tick: list[tuple[Callable[[Tick], None], ...]] = [()] * size
        self.builders: list[tuple[BarBuilder, ...]] = [()] * size
        self._on_depth: list[tuple[Seat, ...]] = [()] * size
        self._bar_seats: dict[tuple[Instrument, Interval], list[Seat]] = {}

    # -- watching --------------------------------------------------------------------------------

    def watch(self, seat: Seat, instruments: Iterable[Instrument], *, depth: bool) -> None:
        """Route ticks (and books) of these to a strategy, and ask the feed for new ones."""
        asked = tuple(dict.fromkeys(instruments))
        new = tuple(i for i in asked if not self._is_heard(i))
        new_depth = tuple(i for i in asked if depth and not self._on_depth[i.index])
        for instrument in asked:
            seat.watched[instrument] = depth or seat.watched.get(instrument, False)
            self._route(instrument)
        if new:
            self._desk.emit(Subscribe(new, depth=False))
        if new_depth:
            self._desk.emit(Subscribe(new_depth, depth=True))

    def watch_legs(self, seat: Seat, instruments: Iterable[Instrument]) -> None:
        """Watch the legs of a group, until ``leave_legs`` says it is flat."""
        new = []
        for instrument in dict.fromkeys(instruments):
            is_routed = seat.listens_to(instrument)
            if not is_routed and not self._is_heard(instrument):
                new.append(instrument)
            seat.leg_watches[instrument] = seat.leg_watches.get(instrument, 0) + 1
            if not is_routed:
                self._route(instrument)
        if new:
            self._desk.emit(Subscribe(tuple(new), depth=False))

    def leave_legs(self, seat: Seat, instruments: Iterable[Instrument]) -> None:
        """A group is flat: what nobody else listens to is not asked for any more, and unknown."""
        silent = []
        for instrument in dict.fromkeys(instruments):
            left = seat.leg_watches[instrument] - 1
            if left:
                seat.leg_watches[instrument] = left
                continue
            del seat.leg_watches[instrument]
            if instrument in seat.watched:
                continue  # Its strategy asked for it beside: it goes on hearing it.
            self._route(instrument)
            if not self._is_heard(instrument) and not self.builders[instrument.index]:
                self._desk.book.ticks[instrument.index] = None
                self._desk.book.depths[instrument.index] = None
                silent.append(instrument)
        if silent:
            self._desk.emit(Unsubscribe(tuple(silent)))

    def reroute(self, seat: Seat) -> None:
        """Take a halted strategy out of every route, or one that goes on again back in.

        What it watched goes on being marked meanwhile.
        """
        for instrument in (*seat.watched, *seat.leg_watches):
            self._route(instrument)

    def deliver_depth(self, depth: Depth) -> None:
        """Call ``on_depth`` of whoever asked for books of this instrument."""
        for seat in self._on_depth[depth.instrument.index]:
            seat.call("on_depth", seat.strategy.on_depth, depth)

    # -- bars ------------------------------------------------------------------------------------

    def build_bars(self, seat: Seat, instrument: Instrument, interval: Interval) -> None:
        """Build bars for a strategy, from now on."""
        builder = self.builder(instrument, interval)
        seats = self._bar_seats.setdefault((instrument, interval), [])
        if seat in seats:
            return
        seats.append(seat)
        if len(seats) == 1:
            self._wait_for_end(builder)

    def builder(self, instrument: Instrument, interval: Interval) -> BarBuilder:
        """Return the builder of an instrument and interval, making it the first time."""
        for builder in self.builders[instrument.index]:
            if builder.interval is interval:
                return builder
        made = BarBuilder(instrument, interval, self._desk.trading.require(instrument))
        self.builders[instrument.index] += (made,)
        self._route(instrument)
        return made

    def seed_bars(self, instrument: Instrument, bars: Iterable[Bar]) -> None:
        """Put bars of before the session in front of those built, oldest first."""
        by_interval: dict[Interval, list[Bar]] = {}
        for bar in bars:
            by_interval.setdefault(bar.interval, []).append(bar)
        for interval, of_interval in by_interval.items():
            self.builder(instrument, interval).seed(of_interval)

    def bars_of(self, instrument: Instrument, interval: Interval) -> Sequence[Bar]:
        """Return the closed bars, oldest first; none before they are asked for."""
        for builder in self.builders[instrument.index]:
            if builder.interval is interval:
                return tuple(builder.closed)
        return ()

    def update_bars(self, tick: Tick) -> None:
        """Take a tick into the bars of its instrument."""
        for builder in self.builders[tick.instrument.index]:
            done = builder.update(tick)
            if done is not None:
                self._deliver_bar(done)

    # -- inside ----------------------------------------------------------------------------------

    def _wait_for_end(self, builder: BarBuilder) -> None:
        """Close the bar on time, also when nothing prints after its end."""
        timers = self._desk.timers

        def close() -> None:
            done = builder.close(self._desk.now)
            if done is not None:
                self._deliver_bar(done)
            timers.add(builder.next_end(self._desk.now), close)

        timers.add(builder.next_end(self._desk.now), close)

    def _deliver_bar(self, bar: Bar) -> None:
        for seat in self._bar_seats.get((bar.instrument, bar.interval), ()):
            seat.call("on_bar", seat.strategy.on_bar, bar)

    def _is_heard(self, instrument: Instrument) -> bool:
        return any(s.listens_to(instrument) for s in self._seats.values())

    def _route(self, instrument: Instrument) -> None:
        """Rebuild the calls for one instrument, in the order of the YAML."""
        seats = [
            s
            for s in self._seats.values()
            if not s.is_halted and not s.is_recovering and s.listens_to(instrument)
        ]
        index = instrument.index
        bars = (self.update_bars,) if self.builders[index] else ()
        self.on_tick[index] = (*bars, *(s.deliver for s in seats if s.wants_ticks))
        self._on_depth[index] = tuple(s for s in seats if s.watched.get(instrument, False))
