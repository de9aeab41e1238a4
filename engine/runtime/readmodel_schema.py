"""The tables of the read model: one class a table, one field a column.

The classes are the schema: columns and their types are read off the annotations, rows go in and
come out as these objects. ``Decimal`` is kept as text, so that no digit is lost; times are ns UTC;
``sequence`` is the journal record's. Whatever changes here changes ``SCHEMA_VERSION``.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from engine.model.legs import GroupState, LegRole, OnFailure, Sequencing
from engine.model.order import AmendKind, AmendState, Lifecycle, OrderType, Product, Purpose
from engine.model.side import Side
from engine.runtime.readmodel_row import Row
from engine.runtime.readmodel_schema_books import AccountRow, ActRow, DifferenceRow, ForeignOrderRow

SCHEMA_VERSION: Final = 3


class ProfitRow(Row, kw_only=True):
    """What something earned before charges; ``unrealised_inr`` is None without a mark."""

    realised_inr: Decimal = Decimal(0)
    unrealised_inr: Decimal | None = None

    @property
    def gross_inr(self) -> Decimal | None:
        """Realised plus unrealised, None while something open has no mark."""
        return None if self.unrealised_inr is None else self.realised_inr + self.unrealised_inr


class StampRow(Row, kw_only=True):
    """Which journal the tables were built from; another one means that they must be built again."""

    schema_version: int
    journal_bytes: int
    journal_sha256: str


class SessionRow(Row, kw_only=True):
    """The session's own facts. ``boots`` counts starts; ``closed_at`` is None until it closed.

    ``charged_by``: the plan, or the plans by account; ``charges_unknown``: why there are none.
    """

    session_id: str
    trading_date: str
    mode: str
    recording: str
    recording_hash: str
    configuration_hash: str
    engine_version: str
    engine_hash: str
    rules_version: str
    charged_by: str
    is_synthetic: bool
    imported: str
    boots: int
    booted_at: int
    last_at: int
    last_sequence: int
    closed_at: int | None = None
    closed_reason: str | None = None
    charges_unknown: str = ""


class StrategyRow(ProfitRow, kw_only=True):
    """A strategy and what it earned."""

    strategy: str
    source_hash: str
    halted_at: int | None = None
    halted_why: str | None = None
    traceback: str = ""


class GroupRow(ProfitRow, kw_only=True):
    """A leg group as it was asked for. ``policy`` and ``accounts`` are JSON.

    ``hook``, ``kseq`` and ``frame`` are the cause of the asking (``engine.model.record.Cause``).
    """

    sequence: int
    group_id: str
    strategy: str
    name: str
    product: Product
    sequencing: Sequencing
    on_failure: OnFailure
    policy: str
    accounts: str
    created_at: int
    kseq: int
    hook: str
    frame: int | None


class AskedLegRow(Row, kw_only=True):
    """One leg as the author asked for it, per unit of account weight."""

    group_id: str
    number: int
    instrument: str
    symbol: str
    side: Side
    lots: int
    limit_price: str | None
    trigger_price: str | None


class LegRow(Row, kw_only=True):
    """One leg as planned for one account; ``quantity`` in units."""

    group_id: str
    account: str
    number: int
    instrument: str
    symbol: str
    side: Side
    quantity: int
    role: LegRole
    order_type: OrderType
    limit_price: Decimal | None
    trigger_price: Decimal | None


class PartRow(Row, kw_only=True):
    """One account's share of a group, as it stands.

    ``naked_ns`` is how long a sold option stood without the hedge the group has for it, computed
    from the fills; None for a group without a hedge.
    """

    group_id: str
    account: str
    state: GroupState
    why: str
    moved_at: int
    naked_ns: int | None = None


class MoveRow(Row, kw_only=True):
    """A part of a group changed state."""

    sequence: int
    at: int
    kseq: int
    group_id: str
    account: str
    before: GroupState
    after: GroupState
    why: str


class OrderRow(Row, kw_only=True):
    """An order as it stands, with what was asked. ``charges_inr`` is None when not known.

    ``is_exit`` and ``slice`` and ``attempt`` are of its key (``engine.model.order.ChildKey``).
    """

    client_id: str
    broker_id: str | None
    exchange_id: str | None
    strategy: str
    group_id: str
    leg: int
    account: str
    slice: int
    attempt: int
    is_exit: bool
    instrument: str
    symbol: str
    lot_size: int
    tick_size: Decimal
    side: Side
    asked_quantity: int
    asked_price: Decimal
    quantity: int
    order_type: OrderType
    price: Decimal
    trigger_price: Decimal | None
    product: Product
    purpose: Purpose
    decision_price: float | None
    created_at: int
    state: Lifecycle
    amend_kind: AmendKind | None
    amend_state: AmendState | None
    filled_quantity: int
    filled_value: Decimal
    reason: str | None
    code: str | None
    anomalies: str
    is_late: bool
    sent_at: int | None
    acked_at: int | None
    updated_at: int
    charges_inr: Decimal | None = None

    @property
    def average_price(self) -> Decimal | None:
        """Mean fill price in rupees, None before the first fill."""
        return self.filled_value / self.filled_quantity if self.filled_quantity else None


class OrderEventRow(Row, kw_only=True):
    """One change of an order's registers: what moved it and what it was like afterwards."""

    sequence: int
    at: int
    kseq: int
    client_id: str
    trigger: str
    note: str
    before: Lifecycle
    after: Lifecycle
    quantity: int
    price: Decimal
    price_before: Decimal
    trigger_price: Decimal | None
    filled_quantity: int
    broker_id: str | None
    exchange_id: str | None
    code: str | None
    reason: str | None
    amend_kind: AmendKind | None
    amend_state: AmendState | None
    amend_price: Decimal | None
    anomalies: str


class FillRow(Row, kw_only=True):
    """Units that changed hands; ``value`` in rupees, unsigned."""

    sequence: int
    at: int
    kseq: int
    client_id: str
    group_id: str
    strategy: str
    account: str
    instrument: str
    symbol: str
    side: Side
    product: Product
    quantity: int
    price: Decimal
    value: Decimal
    filled_before: int


class JudgementRow(Row, kw_only=True):
    """Risk judged a batch. ``client_ids`` is JSON; empty when a whole group was judged."""

    sequence: int
    at: int
    kseq: int
    hook: str
    frame: int | None
    strategy: str
    group_id: str
    client_ids: str
    approved: bool
    text: str


class CheckRow(Row, kw_only=True):
    """One rule's answer in a judgement (``engine.model.approval.Check``)."""

    sequence: int
    position: int
    rule: str
    passed: bool
    figure: str
    limit_text: str
    scope: str
    subject: str
    largest_quantity: int | None
    note: str


class AlertRow(Row, kw_only=True):
    """Something a person was told."""

    sequence: int
    at: int
    kseq: int
    level: str
    subject: str
    text: str


class KillRow(Row, kw_only=True):
    """The kill switch was tripped."""

    sequence: int
    at: int
    kseq: int
    scope: str
    mode: str
    who: str
    why: str


class HaltRow(Row, kw_only=True):
    """A strategy was halted."""

    sequence: int
    at: int
    kseq: int
    strategy: str
    why: str
    traceback: str


class StateRow(Row, kw_only=True):
    """A strategy's durable state as it was saved, JSON."""

    sequence: int
    at: int
    kseq: int
    strategy: str
    payload: str


class PositionRow(ProfitRow, kw_only=True):
    """What a strategy holds or held of an instrument in one account.

    ``mark`` is the last price at the session's end; ``unrealised_inr`` is None while something is
    open and there is no mark.
    """

    strategy: str
    account: str
    product: Product
    instrument: str
    symbol: str
    quantity: int
    average_price: Decimal | None
    mark: float | None
    bought_quantity: int
    sold_quantity: int
    bought_value_inr: Decimal
    sold_value_inr: Decimal


class ChargeRow(Row, kw_only=True):
    """What one executed order cost, rupees, unrounded (``engine.rules.charges``)."""

    client_id: str
    group_id: str
    strategy: str
    account: str
    instrument: str
    brokerage: Decimal
    stt: Decimal
    exchange: Decimal
    ipft: Decimal
    sebi: Decimal
    gst: Decimal
    stamp: Decimal
    dp: Decimal
    square_off: Decimal


TABLES: Final[Mapping[type[Row], str]] = {
    StampRow: "stamp",
    SessionRow: "session",
    StrategyRow: "strategies",
    GroupRow: "groups",
    AskedLegRow: "asked_legs",
    LegRow: "legs",
    PartRow: "parts",
    MoveRow: "moves",
    OrderRow: "orders",
    OrderEventRow: "order_events",
    FillRow: "fills",
    JudgementRow: "judgements",
    CheckRow: "checks",
    AlertRow: "alerts",
    KillRow: "kills",
    HaltRow: "halts",
    StateRow: "states",
    PositionRow: "positions",
    ChargeRow: "charges",
    AccountRow: "accounts",
    DifferenceRow: "differences",
    ForeignOrderRow: "foreign_orders",
    ActRow: "acts",
}
"""Every table by its class."""
