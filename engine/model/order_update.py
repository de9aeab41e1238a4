"""What a broker says of an order, in one form for streams, replies and snapshots."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from engine.model.instrument import Instrument
from engine.model.order import Product
from engine.model.side import Side


class RemoteStatus(StrEnum):
    """What a broker says of an order, in one vocabulary for all of them (reliability.md 1.5).

    ``PENDING``: received, still being validated. ``NONE``: the message speaks of a request on the
    order only. ``UNRECOGNISED``: a word no table has: kept, counted, queried, never guessed.
    """

    PENDING = "PENDING"
    OPEN = "OPEN"
    TRIGGER_PENDING = "TRIGGER_PENDING"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    NONE = "NONE"
    UNRECOGNISED = "UNRECOGNISED"


class AmendOutcome(StrEnum):
    """What a broker says of a cancel or replace request."""

    CANCEL_ACKED = "CANCEL_ACKED"
    CANCEL_REFUSED = "CANCEL_REFUSED"
    REPLACE_ACKED = "REPLACE_ACKED"
    REPLACE_DONE = "REPLACE_DONE"
    REPLACE_REFUSED = "REPLACE_REFUSED"


class OrderUpdate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing a broker said about one order: the same type from stream, reply and snapshot.

    Absent is None. ``filled_quantity`` is cumulative and is the truth about fills (reliability.md
    1.4 rule 5). ``version`` orders updates of one order where the broker has such a counter.
    ``broker_id`` is day-scoped; ``client_id`` is our tag when the broker echoes it. ``instrument``,
    ``side``, ``product`` and ``placed_at`` (ns UTC, the broker's clock) are what tells an order of
    ours from a stranger's where no tag is echoed.
    """

    account: str
    source: str
    status: RemoteStatus
    client_id: str | None = None
    broker_id: str | None = None
    exchange_id: str | None = None
    amend_outcome: AmendOutcome | None = None
    filled_quantity: int | None = None
    average_price: Decimal | None = None
    quantity: int | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    version: int | None = None
    reason: str | None = None
    code: str | None = None
    raw_status: str = ""
    exchange_time: int | None = None
    instrument: Instrument | None = None
    side: Side | None = None
    product: Product | None = None
    placed_at: int | None = None
