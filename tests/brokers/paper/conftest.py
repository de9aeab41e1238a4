"""A rig that stands where the runner stands: it shows frames, sends orders, and writes what came."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, time
from decimal import Decimal
from typing import Any

import pytest

from brokers.paper import PaperBroker, PaperConfig
from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.command import Batch, Replacement
from engine.model.event import Event, OrderUpdated, ReplyClassified
from engine.model.instrument import Instrument, Kind, Right, Segment
from engine.model.market import Depth, Level, Tick
from engine.model.order import ChildKey, OrderRequest, OrderType, Product, Purpose
from engine.model.side import Side
from engine.rules.clock_time import at_ns
from engine.rules.sessions import Sessions

DAY = date(2026, 8, 20)
START = at_ns(DAY, time(10))
MS = 1_000_000
Levels = Iterable[tuple[float, int]]


class FakeDecoder:
    """Frames are numbers of books that the rig has made."""

    def __init__(self) -> None:
        self.books: list[Depth | None] = []
        self.asked = 0

    def tick(self, frame: bytes, received_at: int) -> Tick | None:
        raise NotImplementedError

    def depth(self, frame: bytes, received_at: int) -> Depth | None:  # noqa: ARG002
        self.asked += 1
        return self.books[int(frame)]


class Rig:
    """Times are milliseconds after ten o'clock."""

    def __init__(self, **config: Any) -> None:
        cadence_s = config.pop("cadence_s", 0.0)
        self.catalogue = Catalogue.of(
            [
                InstrumentFacts(
                    segment=Segment.NSE_FO,
                    kind=Kind.OPTION,
                    underlying="NIFTY",
                    expiry=date(2026, 8, 25),
                    strike=Decimal(24000),
                    right=right,
                    lot_size=65,
                )
                for right in Right
            ]
            + [InstrumentFacts(segment=Segment.NSE_CM, kind=Kind.INDEX, underlying="NIFTY")]
        )
        self.call, self.put, self.index = self.catalogue
        self.decoder = FakeDecoder()
        self.broker = PaperBroker(
            self.catalogue,
            self.decoder,
            PaperConfig.model_validate(config),
            trading_date=DAY,
            cadence_s=cadence_s,
            sessions=Sessions(),
        )
        self.events: list[tuple[int, Event]] = []

    def request(self, name: str = "A", **over: Any) -> OrderRequest:
        key = {
            "group_id": "straddle-1.straddle.1", "leg": 0, "account": "paper", "slice": 0, "attempt": 1,
        }  # fmt: skip
        key |= {field: over.pop(field) for field in tuple(over) if field in key}
        asked: dict[str, Any] = {
            "client_id": name,
            "key": ChildKey(**key),
            "strategy": "straddle-1",
            "instrument": self.call,
            "side": Side.BUY,
            "quantity": 65,
            "order_type": OrderType.STOP_LIMIT if "trigger_price" in over else OrderType.LIMIT,
            "price": Decimal("100.05"),
            "trigger_price": None,
            "product": Product.INTRADAY,
            "purpose": Purpose.ENTRY,
            "decision_price": None,
            "created_at": START,
            "expires_at": START + 60_000 * MS,
        }
        return OrderRequest(**(asked | over))

    def place(self, ms: float, *requests: OrderRequest) -> None:
        self.run(ms)
        self.broker.place(Batch(requests=requests), self.at(ms))

    def cancel(self, ms: float, name: str = "A", broker_id: str = "260820000000001") -> None:
        self.run(ms)
        self.broker.cancel(name, broker_id, "paper", self.at(ms))

    def replace(self, ms: float, name: str = "A", **over: Any) -> None:
        self.run(ms)
        change: dict[str, Any] = {
            "client_id": name, "generation": 1, "quantity": 65, "price": Decimal("100.05"),
            "trigger_price": None, "purpose": Purpose.ENTRY,
        }  # fmt: skip
        replacement = Replacement(**(change | over))
        self.broker.replace(replacement, "260820000000001", "paper", self.at(ms))

    def frame(
        self,
        ms: float,
        last: float = 100.0,
        volume: int | None = 0,
        bids: Levels | None = ((99.95, 650),),
        asks: Levels | None = ((100.05, 650),),
        instrument: Instrument | None = None,
    ) -> None:
        """Show a frame; ``bids=None`` for one without a book."""
        self.run(ms)
        what = self.call if instrument is None else instrument
        at = self.at(ms)
        book = None
        if bids is not None and asks is not None:
            sides = [tuple(Level(p, q, 1) for p, q in side) for side in (bids, asks)]
            book = Depth(what, "test", sides[0], sides[1], None, None, at, at)
        self.decoder.books.append(book)
        tick = Tick(what, "test", last, at, at, volume=volume)
        self.broker.on_frame(what.index, tick, str(len(self.decoder.books) - 1).encode())

    def run(self, ms: float) -> list[str]:
        """Let everything up to ``ms`` happen; return all that has come back so far."""
        self.events += self.broker.due(self.at(ms))
        return [line(at, event) for at, event in self.events]

    @staticmethod
    def at(ms: float) -> int:
        return START + round(ms * MS)

    def updates(self) -> list[Any]:
        return [event.update for _, event in self.events if isinstance(event, OrderUpdated)]


def line(at: int, event: Event) -> str:
    ms = (at - START) / MS
    if isinstance(event, ReplyClassified):
        code = f" {event.code}" if event.code else ""
        return f"{ms:g} {event.kind} {event.client_id} {event.outcome}{code}"
    assert isinstance(event, OrderUpdated)
    update = event.update
    amend = f" {update.amend_outcome}" if update.amend_outcome else ""
    average = f"@{update.average_price}" if update.average_price is not None else ""
    code = f" {update.code}" if update.code else ""
    return (
        f"{ms:g} {update.client_id} {update.status}{amend} "
        f"{update.filled_quantity}/{update.quantity}{average}{code}"
    )


@pytest.fixture
def rig() -> Callable[..., Rig]:
    return Rig
