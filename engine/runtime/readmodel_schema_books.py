"""The tables of what brokers' books say beside our orders, and of what people did about it."""

from __future__ import annotations

from engine.model.order import Product
from engine.runtime.readmodel_row import Row


class AccountRow(Row, kw_only=True):
    """Where an account stands after its books were last weighed, since ``at`` (ns UTC)."""

    account: str
    standing: str
    why: str
    at: int


class DifferenceRow(Row, kw_only=True):
    """Units an account holds beyond what we know of, as its newest complete books show."""

    account: str
    instrument: str
    product: Product
    quantity: int
    at: int


class ForeignOrderRow(Row, kw_only=True):
    """An order in our account that we did not send, as it was last shown."""

    account: str
    broker_id: str
    symbol: str
    side: str
    quantity: int | None
    filled_quantity: int
    status: str
    at: int


class ActRow(Row, kw_only=True):
    """A person settled, accepted or lifted something."""

    sequence: int
    at: int
    kseq: int
    action: str
    subject: str
    who: str
    why: str
