"""One placement as the broker keeps it: its ids, its fault, and how it speaks of it."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Final

from brokers.exchange.report import Report, ReportKind
from brokers.paper.errors import words
from brokers.paper.faults import Fault, FaultAction
from engine.model.instrument import Instrument
from engine.model.order import OrderRequest
from engine.model.order_update import AmendOutcome, OrderUpdate, RemoteStatus

SOURCE: Final = "paper"

_PRECISE: Final = Context(prec=40)

_OPEN: Final = (RemoteStatus.OPEN, "open")
_STOPPED: Final = (RemoteStatus.TRIGGER_PENDING, "trigger pending")
_COMPLETE: Final = (RemoteStatus.FILLED, "complete")

_STATUS: Final[dict[ReportKind, tuple[RemoteStatus, str]]] = {
    ReportKind.OPENED: _OPEN,
    ReportKind.STOP_ACCEPTED: _STOPPED,
    ReportKind.TRIGGERED: _OPEN,
    ReportKind.FILLED: _OPEN,
    ReportKind.REPLACED: _OPEN,
    ReportKind.REPLACE_REFUSED: (RemoteStatus.NONE, "not modified"),
    ReportKind.CANCELLED: (RemoteStatus.CANCELLED, "cancelled"),
    ReportKind.REJECTED: (RemoteStatus.REJECTED, "rejected"),
    ReportKind.EXPIRED: (RemoteStatus.EXPIRED, "expired"),
}
"""Status and Angel One's word for it (protocols/angelone.md 7.3), unless the order is complete."""

_AMEND: Final[dict[ReportKind, AmendOutcome]] = {
    ReportKind.REPLACED: AmendOutcome.REPLACE_DONE,
    ReportKind.REPLACE_REFUSED: AmendOutcome.REPLACE_REFUSED,
}


class Placed:
    """A placement. ``quiet_until`` (ns): nothing is said of it before then; ``is_silent``: never.

    ``is_travelling`` until it has reached the exchange or is known to get lost on the way.
    """

    __slots__ = (
        "broker_id",
        "exchange_id",
        "fault",
        "is_silent",
        "is_travelling",
        "quiet_until",
        "request",
        "version",
    )

    def __init__(
        self,
        request: OrderRequest,
        *,
        broker_id: str,
        exchange_id: str,
        fault: Fault | None,
        quiet_until: int,
    ) -> None:
        self.request = request
        self.broker_id = broker_id
        self.exchange_id = exchange_id
        self.fault = fault
        self.quiet_until = quiet_until
        self.is_silent = fault is not None and fault.do is FaultAction.NEVER_REPLY
        self.is_travelling = not self.is_lost
        self.version = 0

    @property
    def is_lost(self) -> bool:
        """The order never reaches the exchange (``never_reply`` with ``reached: false``)."""
        return self.fault is not None and self.fault.reached is False

    @property
    def fillable(self) -> int | None:
        """The most units that may fill under ``fill_half``: half of the lots, rounded down."""
        if self.fault is None or self.fault.do is not FaultAction.FILL_HALF:
            return None
        lot = self.request.instrument.lot_size
        return self.request.quantity // lot // 2 * lot

    def update(self, said: Report) -> OrderUpdate:
        """Return what the exchange said, as the broker passes it on; counts the version up."""
        self.version += 1
        instrument = self.request.instrument
        status, word = _STATUS[said.kind]
        if said.is_complete:
            status, word = _COMPLETE
        elif said.kind is ReportKind.REPLACED and said.trigger is not None:
            status, word = _STOPPED
        is_known = said.kind is not ReportKind.REJECTED
        code, reason = (None, None) if said.rejection is None else words(said.rejection)
        return OrderUpdate(
            account=self.request.key.account,
            source=SOURCE,
            status=status,
            client_id=self.request.client_id,
            broker_id=self.broker_id,
            exchange_id=self.exchange_id if is_known else None,
            amend_outcome=_AMEND.get(said.kind),
            filled_quantity=said.filled,
            average_price=_average(instrument, said),
            quantity=said.quantity,
            price=instrument.from_ticks(said.price) if is_known else self.request.price,
            trigger_price=None if said.trigger is None else instrument.from_ticks(said.trigger),
            version=self.version,
            reason=reason,
            code=code,
            raw_status=word,
            exchange_time=said.at,
        )

    def scripted_rejection(self, code: str, reason: str, at: int) -> OrderUpdate:
        """Return the rejection a ``reject`` fault asks for; counts the version up."""
        self.version += 1
        status, word = _STATUS[ReportKind.REJECTED]
        return OrderUpdate(
            account=self.request.key.account,
            source=SOURCE,
            status=status,
            client_id=self.request.client_id,
            broker_id=self.broker_id,
            filled_quantity=0,
            quantity=self.request.quantity,
            price=self.request.price,
            trigger_price=self.request.trigger_price,
            version=self.version,
            reason=reason,
            code=code,
            raw_status=word,
            exchange_time=at,
        )


def _average(instrument: Instrument, said: Report) -> Decimal | None:
    """Return the mean fill price, None before a fill.

    It carries more digits than the kernel's arithmetic, so that the average times the quantity
    rounds there to exactly what was paid.
    """
    if not said.filled:
        return None
    return _PRECISE.divide(instrument.from_ticks(said.value), Decimal(said.filled))
