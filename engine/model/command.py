"""What is handed to risk and to brokers: batches, replacements, cancels, and their tickets."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import IntEnum, StrEnum

import msgspec

from engine.model.instrument import Segment
from engine.model.order import OrderRequest, Purpose


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Child orders judged, and where the broker allows it sent, together.

    ``whole`` is True when these are all the legs of a group, over all its accounts: rules about
    exposure then look at the sum. ``planned`` is True when nothing of that group has been sent yet
    and these are all its units: rules about the group itself look then, and only then.
    """

    requests: tuple[OrderRequest, ...]
    whole: bool = False
    planned: bool = False


class Replacement(msgspec.Struct, frozen=True, kw_only=True):
    """A new price, trigger or quantity for a standing order. ``quantity`` is the whole quantity."""

    client_id: str
    generation: int
    quantity: int
    price: Decimal
    trigger_price: Decimal | None
    purpose: Purpose


class MessageKind(StrEnum):
    """What goes over the wire for an order."""

    PLACE = "place"
    REPLACE = "replace"
    CANCEL = "cancel"


class Lane(IntEnum):
    """Who goes first when the governor has to choose; smaller goes first (DESIGN.md section 5)."""

    KILL_CANCEL = 0
    FLATTEN = 1
    HEDGE_OR_EXIT = 2
    CANCEL = 3
    MODIFY = 4
    ENTRY = 5


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """One message waiting for the governor. ``expires_at`` (ns): after it, it is not sent.

    ``others`` are the further orders that the same request places, behind that of ``client_id``.
    """

    kind: MessageKind
    client_id: str
    account: str
    segment: Segment
    lane: Lane
    queued_at: int
    expires_at: int
    generation: int = 0
    others: tuple[str, ...] = ()

    @property
    def client_ids(self) -> tuple[str, ...]:
        """Every order this message is about, in the order the request has them."""
        return (self.client_id, *self.others)

    def of(self, client_ids: Sequence[str]) -> Ticket:
        """Return the same message about these orders instead; there is at least one."""
        first, *others = client_ids
        return msgspec.structs.replace(self, client_id=first, others=tuple(others))


LANE_OF: dict[Purpose, Lane] = {
    Purpose.ENTRY: Lane.ENTRY,
    Purpose.HEDGE: Lane.HEDGE_OR_EXIT,
    Purpose.EXIT: Lane.HEDGE_OR_EXIT,
    Purpose.UNWIND: Lane.HEDGE_OR_EXIT,
    Purpose.FLATTEN: Lane.FLATTEN,
}
