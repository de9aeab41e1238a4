"""The paper broker: orders go out, replies and updates come back, in virtual time.

The runner shows it every frame before the kernel sees it, hands it what the kernel transmits, and
merges what it says (``next_time``, ``due``) into the order of events. It never looks at a clock.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from brokers.exchange.admission import Admission
from brokers.exchange.exchange import Change, ModelExchange, NewOrder
from brokers.exchange.matching import Settings
from brokers.exchange.order import Stage
from brokers.exchange.report import Rejection, Report, Why
from brokers.exchange.view import MarketView, view_of
from brokers.paper import errors
from brokers.paper.config import PaperConfig
from brokers.paper.faults import FaultAction, FaultList
from brokers.paper.placed import Placed
from engine.errors import InvariantBroken, OffGrid, WireError
from engine.model.catalogue import Catalogue
from engine.model.command import Batch, MessageKind, Replacement
from engine.model.event import Event, OrderUpdated, ReplyClassified, ReplyOutcome
from engine.model.instrument import Instrument
from engine.model.market import Tick
from engine.model.order import OrderRequest
from engine.ports import Decoder
from engine.rules.clock_time import ns
from engine.rules.sessions import Sessions


class PaperOrder(NamedTuple):
    """One order as the paper broker knows it, which is the truth even where nobody was told.

    ``is_open``: it travels or works. ``is_silent``: nothing is ever said about it (a scripted
    fault), so the engine's own books do not know what became of it.
    """

    request: OrderRequest
    broker_id: str
    quantity: int
    filled_quantity: int
    price: Decimal
    is_open: bool
    is_silent: bool


class _Arrival(NamedTuple):
    """A message reaches the exchange."""

    act: Callable[[int], None]


class PaperBroker:
    """Answers as a broker would, over the model exchange.

    ``ticks`` and ``frames`` hold the newest of every instrument by index; while ``busy[index]`` is
    0, keeping them is all that a frame costs, and the runner may do that itself and call ``match``
    only where it is not. ``decoder`` reads the book out of a frame, when one is needed.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        decoder: Decoder,
        config: PaperConfig,
        *,
        trading_date: date,
        cadence_s: float,
        sessions: Sessions,
    ) -> None:
        """``cadence_s`` is how often the recording prints an instrument, 0.0 for a live tick feed.

        Raises ``FileError`` when a fault names an instrument that the catalogue does not have.
        """
        self._catalogue = catalogue
        self._decoder = decoder
        self._latency_ns = ns(config.latency_ms / 1e3)
        self._reply_latency_ns = ns(config.reply_latency_ms / 1e3)
        self._reply_timeout_s = config.reply_timeout_s
        self._reply_timeout_ns = ns(config.reply_timeout_s)
        self._faults = FaultList(config.faults, catalogue.find)
        self._exchange = ModelExchange(
            len(catalogue),
            Admission(trading_date, sessions),
            Settings(ns(cadence_s), config.slippage_ticks),
        )
        self._day = f"{trading_date:%y%m%d}"
        self._heap: list[tuple[int, int, Event | _Arrival]] = []
        self._pushed = 0
        self._by_broker_id: dict[str, Placed] = {}
        self._by_client_id: dict[str, Placed] = {}
        self._will_expire: set[int] = set()
        self.ticks: list[Tick | None] = [None] * len(catalogue)
        self.frames: list[bytes] = [b""] * len(catalogue)
        self.busy = self._exchange.busy
        self.off_grid_frames: dict[str, int] = {}

    # Market

    def on_frame(self, index: int, tick: Tick, frame: bytes) -> None:
        """Take note of a frame of instrument ``index``; match what works there."""
        self.ticks[index] = tick
        self.frames[index] = frame
        if self.busy[index]:
            self.match(index)

    def match(self, index: int) -> None:
        """Match what works in instrument ``index`` against its newest frame."""
        view = self._view(index)
        if view is not None:
            self._say(self._exchange.observe(self._catalogue[index], view))

    # Messages

    def place(self, batch: Batch, now: int) -> None:
        """Send the orders of ``batch`` at ``now``.

        Raises ``InvariantBroken`` when a client id was used before: that order was sent twice.
        """
        for request in batch.requests:
            if request.client_id in self._by_client_id:
                raise InvariantBroken(f"order {request.client_id} was sent twice")
            self._place(request, now)

    def replace(self, replacement: Replacement, broker_id: str, account: str, now: int) -> None:
        """Send a change of a standing order at ``now``."""

        def arrive(at: int) -> None:
            kept = self._find(MessageKind.REPLACE, replacement.client_id, broker_id, account, at)
            if kept is None:
                return
            change = Change(replacement.quantity, replacement.price, replacement.trigger_price)
            view = self._view(kept.request.instrument.index)
            answer = self._exchange.replace(broker_id, change, view, at)
            self._answer(MessageKind.REPLACE, kept, answer, at)

        self._push(now + self._latency_ns, _Arrival(arrive))

    def cancel(self, client_id: str, broker_id: str, account: str, now: int) -> None:
        """Send a cancel of a standing order at ``now``."""

        def arrive(at: int) -> None:
            kept = self._find(MessageKind.CANCEL, client_id, broker_id, account, at)
            if kept is not None:
                answer = self._exchange.cancel(broker_id, at)
                self._answer(MessageKind.CANCEL, kept, answer, at)

        self._push(now + self._latency_ns, _Arrival(arrive))

    # What comes back

    def next_time(self) -> int | None:
        """Return when something next happens here (ns), None while nothing is under way."""
        return self._heap[0][0] if self._heap else None

    def due(self, now: int) -> list[tuple[int, Event]]:
        """Let everything up to ``now`` happen; return what has come back by then, in order."""
        heap = self._heap
        back: list[tuple[int, Event]] = []
        while heap and heap[0][0] <= now:
            at, _, what = heapq.heappop(heap)
            if isinstance(what, _Arrival):
                what.act(at)
            else:
                back.append((at, what))
        return back

    # The end of the run

    def orders(self) -> tuple[PaperOrder, ...]:
        """Return every order ever sent here, in order of sending."""
        return tuple(self._row(kept) for kept in self._by_broker_id.values())

    def open_orders(self) -> tuple[PaperOrder, ...]:
        """Return the orders that still travel or work: nothing is squared off silently."""
        return tuple(row for row in self.orders() if row.is_open)

    def unfired(self) -> tuple[str, ...]:
        """Return one sentence for every scripted fault that did not fire as often as asked."""
        return self._faults.unfired()

    # Inside

    def _place(self, request: OrderRequest, now: int) -> None:
        number = len(self._by_client_id) + 1
        fault = self._faults.pick(request)
        arrives = now + self._latency_ns
        first_word = arrives + self._reply_latency_ns
        if fault is not None and fault.delay_s is not None:
            first_word += ns(fault.delay_s)
        placed = Placed(
            request,
            broker_id=f"{self._day}{number:09}",
            exchange_id=f"1{number:015}",
            fault=fault,
            quiet_until=first_word,
        )
        self._by_client_id[request.client_id] = placed
        self._by_broker_id[placed.broker_id] = placed
        if not placed.is_lost:
            self._push(arrives, _Arrival(lambda at: self._arrive(placed, at)))
        timeout = now + self._reply_timeout_ns
        if placed.is_silent or first_word > timeout:
            code, text = errors.TIMED_OUT
            self._push(
                timeout,
                ReplyClassified(
                    MessageKind.PLACE,
                    request.client_id,
                    ReplyOutcome.AMBIGUOUS,
                    code=code,
                    text=text.format(seconds=self._reply_timeout_s),
                ),
            )

    def _arrive(self, placed: Placed, at: int) -> None:
        """An order reaches the exchange: the broker's reply first, then what the exchange says."""
        placed.is_travelling = False
        request = placed.request
        fault = placed.fault
        if fault is not None and fault.do is FaultAction.REJECT:
            self._reply(MessageKind.PLACE, placed, at)
            own = errors.SCRIPTED_REJECTION
            code = own.code if fault.code is None else fault.code
            reason = own.text if fault.reason is None else fault.reason
            self._send_back(placed, OrderUpdated(placed.scripted_rejection(code, reason, at)), at)
            return
        asked = NewOrder(
            order_id=placed.broker_id,
            instrument=request.instrument,
            side=request.side,
            quantity=request.quantity,
            price=request.price,
            trigger=request.trigger_price,
            fillable=placed.fillable,
        )
        reports = self._exchange.submit(asked, self._view(request.instrument.index), at)
        rejection = reports[0].rejection
        if rejection is not None and rejection.why is Why.NOT_TRADABLE:
            self._refuse(MessageKind.PLACE, request.client_id, errors.words(rejection), at, placed)
            return
        self._reply(MessageKind.PLACE, placed, at)
        self._say(reports)
        self._expire_at_close(request.instrument)

    def _expire_at_close(self, instrument: Instrument) -> None:
        """Have what works in ``instrument`` end with its session, whether a frame comes or not."""
        closes = self._exchange.closes_at(instrument)
        if (
            closes is None
            or instrument.index in self._will_expire
            or not self.busy[instrument.index]
        ):
            return
        self._will_expire.add(instrument.index)
        self._push(closes, _Arrival(lambda at: self._say(self._exchange.expire(instrument, at))))

    def _find(
        self, kind: MessageKind, client_id: str, broker_id: str, account: str, at: int
    ) -> Placed | None:
        """Return the order a message means; refuse the message where there is none."""
        placed = self._by_broker_id.get(broker_id)
        if (
            placed is None
            or placed.request.client_id != client_id
            or placed.request.key.account != account
        ):
            self._refuse(kind, client_id, errors.NOT_FOUND, at, None)
            return None
        return placed

    def _answer(
        self, kind: MessageKind, placed: Placed, answer: list[Report] | Rejection, at: int
    ) -> None:
        if isinstance(answer, Rejection):
            said = errors.too_late(kind, answer)
            self._refuse(kind, placed.request.client_id, said, at, placed)
        else:
            self._reply(kind, placed, at)
            self._say(answer)

    def _say(self, reports: list[Report]) -> None:
        for said in reports:
            placed = self._by_broker_id[said.order_id]
            self._send_back(placed, OrderUpdated(placed.update(said)), said.at)

    def _reply(self, kind: MessageKind, placed: Placed, at: int) -> None:
        client_id = placed.request.client_id
        outcome = ReplyOutcome.ACCEPTED
        self._send_back(placed, ReplyClassified(kind, client_id, outcome, placed.broker_id), at)

    def _refuse(
        self,
        kind: MessageKind,
        client_id: str,
        said: errors.Words,
        at: int,
        placed: Placed | None,
    ) -> None:
        refusal = ReplyClassified(
            kind, client_id, ReplyOutcome.REFUSED, code=said.code, text=said.text
        )
        self._send_back(placed, refusal, at)

    def _send_back(self, placed: Placed | None, event: Event, at: int) -> None:
        arrives = at + self._reply_latency_ns
        if placed is not None:
            if placed.is_silent:
                return
            arrives = max(arrives, placed.quiet_until)
        self._push(arrives, event)

    def _push(self, at: int, what: Event | _Arrival) -> None:
        self._pushed += 1
        heapq.heappush(self._heap, (at, self._pushed, what))

    def _view(self, index: int) -> MarketView | None:
        """Return the newest frame in ticks: None before the first, and for one that is no use.

        A frame whose prices do not fit the contract's grid, or whose book cannot be read, is
        counted and skipped; the orders wait for the next one.
        """
        tick = self.ticks[index]
        if tick is None:
            return None
        try:
            depth = self._decoder.depth(self.frames[index], tick.received_at)
            return view_of(tick.instrument, tick, depth)
        except (OffGrid, WireError):
            key = tick.instrument.key
            self.off_grid_frames[key] = self.off_grid_frames.get(key, 0) + 1
            return None

    def _row(self, placed: Placed) -> PaperOrder:
        order = self._exchange.order(placed.broker_id)
        request = placed.request
        if order is None:
            return PaperOrder(
                request,
                placed.broker_id,
                request.quantity,
                0,
                request.price,
                placed.is_travelling,
                placed.is_silent,
            )
        return PaperOrder(
            request,
            placed.broker_id,
            order.quantity,
            order.filled,
            request.instrument.from_ticks(order.price),
            order.stage is not Stage.ENDED,
            placed.is_silent,
        )
