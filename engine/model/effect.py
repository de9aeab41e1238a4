"""What the kernel wants done: the shell carries these out and answers with events."""

from __future__ import annotations

from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

import msgspec

from engine.model.approval import Approved
from engine.model.command import Batch, Replacement, Ticket
from engine.model.instrument import Instrument
from engine.model.record import Record


class Keep(msgspec.Struct, frozen=True, tag=True):
    """Append ``record`` to the journal."""

    record: Record


class Kept(msgspec.Struct, frozen=True, tag=True):
    """What a session log has in place of ``Keep``: so many records, which the journal has."""

    records: int


class Enqueue(msgspec.Struct, frozen=True, tag=True):
    """Hand messages to the governor."""

    tickets: tuple[Ticket, ...]


class Forget(msgspec.Struct, frozen=True, tag=True):
    """Take messages that are no longer wanted out of the governor's queue."""

    client_ids: tuple[str, ...]


class Transmit(msgspec.Struct, frozen=True, tag=True):
    """Place the orders of a batch, once everything journaled so far is durable."""

    batch: Approved[Batch]


class TransmitReplace(msgspec.Struct, frozen=True, tag=True):
    """Replace a standing order, once everything journaled so far is durable."""

    account: str
    broker_id: str
    replacement: Approved[Replacement]


class TransmitCancel(msgspec.Struct, frozen=True, tag=True):
    """Cancel a standing order. Needs no approval: it can only take exposure away."""

    account: str
    client_id: str
    broker_id: str


class ReadBooks(msgspec.Struct, frozen=True, tag=True):
    """Read the orders, trades and positions of an account; ``SnapshotMerged`` is the answer."""

    account: str
    why: str


class Subscribe(msgspec.Struct, frozen=True, tag=True):
    """Ask the feed for these instruments; ``depth`` where the book is wanted as well."""

    instruments: tuple[Instrument, ...]
    depth: bool


class Unsubscribe(msgspec.Struct, frozen=True, tag=True):
    """Nobody listens to these any more."""

    instruments: tuple[Instrument, ...]


class RunBackground(msgspec.Struct, frozen=True, tag=True):
    """Await a strategy's coroutine beside the kernel; its result returns as an event."""

    strategy: str
    token: int
    work: Coroutine[Any, Any, Any]


class LoadHistory(msgspec.Struct, frozen=True, tag=True):
    """Load bars of ``span`` (``"5d"``) from before the session."""

    instrument: Instrument
    span: str


class Say(msgspec.Struct, frozen=True, tag=True):
    """A line for a person: a strategy's own log line or an alert. Not part of any decision."""

    level: str
    subject: str
    text: str
    at: int
    fields: dict[str, str | int | float | bool | Decimal | None] = {}


Effect = (
    Keep
    | Enqueue
    | Forget
    | Transmit
    | TransmitReplace
    | TransmitCancel
    | ReadBooks
    | Subscribe
    | Unsubscribe
    | RunBackground
    | LoadHistory
    | Say
)
