"""The day report as data: what the page shows, what ``--format json`` writes, what is compared.

Everything here is engine time and engine money: no host, no wall time, no epoch and no path, so
that identical runs give identical reports (DESIGN.md section 2). Times are ns UTC (``*_at``), or
seconds after midnight in India in curves (``clock_s``). Rupees are ``Decimal`` where they are
booked and float where they are marks. None is "not known" or "not defined", never 0.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from engine.model.order import Lifecycle, Product, Purpose
from engine.model.record import recording_label
from engine.model.side import Side
from engine.report.curves import Curves
from engine.report.drawdown import Drawdown
from engine.report.feed import FeedQuality, Spread

FORMAT: Final = "legwork-report/1"
TOTAL: Final = "total"
"""What stands for the strategy in the line of all strategies together."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a table of the report."""


class Provenance(Line, frozen=True, kw_only=True):
    """Where the prices came from and what ran on them. Hashes are SHA-256, hex.

    ``imported`` says what frames were made from, empty where a socket brought them.
    ``journal`` is the hash of the canonical journal; ``generator`` and ``seed`` are None unless the
    market was made up. ``sources`` are the sockets of the recording.
    """

    session_id: str
    trading_date: str
    mode: str
    recording: str
    recording_sha256: str
    is_synthetic: bool
    imported: str
    generator: str | None
    seed: int | None
    cadence_s: float
    sources: tuple[str, ...]
    journal_sha256: str
    configuration_sha256: str
    engine_version: str
    engine_sha256: str
    rules_version: str
    strategy_sha256: dict[str, str]

    @property
    def label(self) -> str:
        """What a reader must not overlook about the prices."""
        return recording_label(self.imported, is_synthetic=self.is_synthetic)


class Ending(Line, frozen=True, kw_only=True):
    """How far the session came. ``closed_at`` is None when it did not end in order."""

    booted_at: int
    last_at: int
    closed_at: int | None
    reason: str | None
    boots: int


class ProfitLine(Line, frozen=True, kw_only=True):
    """What something earned: gross is realised plus unrealised, net is gross less charges."""

    realised_inr: Decimal
    unrealised_inr: Decimal | None
    gross_inr: Decimal | None
    charges_inr: Decimal | None
    net_inr: Decimal | None


class StrategyLine(ProfitLine, frozen=True, kw_only=True):
    """One strategy's day, or all of them together (``engine.runtime.summary``)."""

    strategy: str
    orders: int
    fills: int
    rejections: int
    refusals: int
    in_doubt: int
    halted_why: str | None


class AccountLine(ProfitLine, frozen=True, kw_only=True):
    """One strategy's day in one account."""

    account: str
    strategy: str


class PositionLine(ProfitLine, frozen=True, kw_only=True):
    """What a strategy holds or held of an instrument in one account, marked at the last price."""

    strategy: str
    account: str
    symbol: str
    product: Product
    quantity: int
    average_price: Decimal | None
    mark: float | None
    bought_quantity: int
    bought_value_inr: Decimal
    sold_quantity: int
    sold_value_inr: Decimal


class GroupLine(Line, frozen=True, kw_only=True):
    """A leg group from asking to flat. It is a trade when it has traded and is flat again.

    ``state`` names the account where there are several. ``whole_at`` is when every leg was filled,
    ``leaving_at`` when it began to be closed, ``flat_at`` its last fill. ``slippage_inr`` is what
    the fills cost beside the prices seen at decision, within gross. ``naked_s`` is how long a sold
    option stood without its hedge, None for a group without one.
    """

    group_id: str
    strategy: str
    name: str
    state: str
    why: str
    needs_a_person: bool
    legs: tuple[str, ...]
    asked_at: int
    first_fill_at: int | None
    whole_at: int | None
    leaving_at: int | None
    flat_at: int | None
    to_whole_ms: float | None
    held_s: float | None
    turnover_inr: Decimal
    slippage_inr: Decimal | None
    naked_s: float | None
    naked_limit_s: float | None
    realised_inr: Decimal
    unrealised_inr: Decimal | None
    gross_inr: Decimal | None
    charges_inr: Decimal | None
    net_inr: Decimal | None


class OrderLine(Line, frozen=True, kw_only=True):
    """An order as it stands at the end. ``price`` is its limit, ``reason`` the broker's or ours."""

    created_at: int
    client_id: str
    strategy: str
    account: str
    group_id: str
    leg: int
    is_exit: bool
    purpose: Purpose
    side: Side
    quantity: int
    symbol: str
    price: Decimal
    trigger_price: Decimal | None
    decision_price: float | None
    state: Lifecycle
    filled_quantity: int
    average_price: Decimal | None
    charges_inr: Decimal | None
    sent_at: int | None
    acked_at: int | None
    updated_at: int
    reason: str


class FillLine(Line, frozen=True, kw_only=True):
    """Units that changed hands. ``value`` is unsigned rupees."""

    at: int
    client_id: str
    strategy: str
    account: str
    group_id: str
    side: Side
    quantity: int
    symbol: str
    instrument: str
    underlying: str
    price: Decimal
    value: Decimal
    slippage_inr: Decimal | None


class RefusalLine(Line, frozen=True, kw_only=True):
    """A judgement in which risk said no: ``rule`` failed, with its figure and its limit."""

    at: int
    strategy: str
    group_id: str
    text: str
    rule: str
    figure: str
    limit: str
    scope: str
    subject: str


class ChargesLine(Line, frozen=True, kw_only=True):
    """What trading cost a strategy by kind, unrounded rupees; None where no rates are known."""

    strategy: str
    kinds: dict[str, Decimal] | None
    total_inr: Decimal | None


class NoteLine(Line, frozen=True, kw_only=True):
    """A contract note of the day, which rounds what orders cost (market_rules.md 6.5)."""

    account: str
    is_commodity: bool
    kinds: dict[str, Decimal]
    total_inr: Decimal


class MessageLine(Line, frozen=True, kw_only=True):
    """Something a person was told: of a feed, a group, a halt, a kill."""

    at: int
    level: str
    subject: str
    text: str


class Statistics(Line, frozen=True, kw_only=True):
    """One strategy's trades in figures; docs/report.md has the formulas.

    ``drawdown`` is None where there are no prices to follow it with.
    """

    strategy: str
    trades: int
    wins: int
    losses: int
    win_rate_pct: float | None
    average_win_inr: Decimal | None
    average_loss_inr: Decimal | None
    best_inr: Decimal | None
    worst_inr: Decimal | None
    expectancy_inr: Decimal | None
    profit_factor: float | None
    average_held_s: float | None
    turnover_inr: Decimal
    slippage_inr: Decimal | None
    charges_pct_of_gross: float | None
    charges_pct_of_turnover: float | None
    drawdown: Drawdown | None


class DayReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything. ``notes`` says what a reader should know about how it was come by.

    ``feed`` and ``curves`` are None where the recording could not be read again.
    """

    format: str = FORMAT
    provenance: Provenance
    ending: Ending
    notes: tuple[str, ...]
    total: StrategyLine
    strategies: tuple[StrategyLine, ...]
    accounts: tuple[AccountLine, ...]
    statistics: tuple[Statistics, ...]
    positions: tuple[PositionLine, ...]
    groups: tuple[GroupLine, ...]
    orders: tuple[OrderLine, ...]
    fills: tuple[FillLine, ...]
    refusals: tuple[RefusalLine, ...]
    charges: tuple[ChargesLine, ...]
    contract_notes: tuple[NoteLine, ...]
    messages: tuple[MessageLine, ...]
    latencies: tuple[Spread, ...]
    feed: FeedQuality | None
    curves: Curves | None
