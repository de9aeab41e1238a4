"""What every part of the kernel shares: the moment, the market, the books and the outbox."""

from __future__ import annotations

from collections.abc import Callable

from engine.core.book import Book
from engine.core.ledger import Ledger, Mark, mark
from engine.core.timers import NEVER, Timers
from engine.core.trading_time import TradingTime
from engine.model.catalogue import Catalogue
from engine.model.effect import Effect, Keep, Say
from engine.model.record import AlertRaised, Cause, Record


class Desk:
    """The kernel's shared state. ``now`` and ``kseq`` are those of the event being handled.

    ``is_stirred``: this event led to something, so the kernel must finish it. ``look_at`` (ns): no
    tick before it needs more than its routes. Both keep the way of an ordinary tick short.
    ``is_waiting``: background work is being awaited, so no hook is running and none may ask.
    ``trading`` says when the instruments trade. ``states``: what was last journaled of each
    strategy's own state. ``on_record``, if there is one, is shown every record
    (``engine.core.state_digest``).
    """

    __slots__ = (
        "_frame_number",
        "book",
        "catalogue",
        "hook",
        "is_stirred",
        "is_waiting",
        "kseq",
        "ledger",
        "look_at",
        "now",
        "on_record",
        "outbox",
        "states",
        "timers",
        "trading",
    )

    def __init__(
        self,
        catalogue: Catalogue,
        trading: TradingTime,
        frame_number: Callable[[], int | None],
        mark: Mark = mark,
    ) -> None:
        self.catalogue = catalogue
        self.trading = trading
        self.book = Book(catalogue)
        self.ledger = Ledger(mark)
        self.timers = Timers(self.stir)
        self.outbox: list[Effect] = []
        self.now = 0
        self.kseq = 0
        self.hook = "engine"
        self.is_stirred = False
        self.is_waiting = False
        self.look_at = NEVER
        self.states: dict[str, bytes] = {}
        self.on_record: Callable[[Record], None] | None = None
        self._frame_number = frame_number

    def stir(self) -> None:
        """Note that this event led to something."""
        self.is_stirred = True

    def emit(self, effect: Effect) -> None:
        """Ask the shell for something."""
        self.outbox.append(effect)
        self.is_stirred = True

    def keep(self, record: Record) -> None:
        """Write to the journal."""
        if self.on_record is not None:
            self.on_record(record)
        self.outbox.append(Keep(record))
        self.is_stirred = True

    def cause(self) -> Cause:
        """Say what is being handled: the event's number, the hook, the newest frame."""
        return Cause(kseq=self.kseq, hook=self.hook, frame=self._frame_number())

    def marks(self) -> dict[str, float]:
        """Return the last price of everything that is held, by instrument key."""
        ticks = self.book.ticks
        return {
            instrument.key: tick.last
            for instrument, _ in self.ledger.nets(None)
            if (tick := ticks[instrument.index]) is not None
        }

    def alert(self, level: str, subject: str, text: str) -> None:
        """Tell a person, and journal that they were told."""
        self.keep(AlertRaised(self.now, self.kseq, level, subject, text))
        self.emit(Say(level, subject, text, self.now))
