"""The read model's rows as the report's lines: the same figures, the columns a reader needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from engine.model.catalogue import Catalogue
from engine.model.money import ZERO
from engine.report.day import (
    AccountLine,
    ChargesLine,
    FillLine,
    GroupLine,
    Line,
    MessageLine,
    NoteLine,
    OrderLine,
    PositionLine,
    RefusalLine,
    StrategyLine,
)
from engine.report.feed import Spread
from engine.rules.charges import KINDS, Charges, DayNote
from engine.runtime.readmodel import ReadModel
from engine.runtime.readmodel_schema import (
    AlertRow,
    CheckRow,
    FillRow,
    JudgementRow,
    OrderRow,
    PositionRow,
)
from engine.runtime.story_words import coded, slippage
from engine.runtime.summary import StrategySummary

L = TypeVar("L", bound=Line)


def strategy_line(summary: StrategySummary) -> StrategyLine:
    """Return one strategy's day, or that of all."""
    charges = None if summary.charges is None else summary.charges.total
    return _line(StrategyLine, summary, charges_inr=charges)


def charges_line(summary: StrategySummary) -> ChargesLine:
    """Return what trading cost by kind, in the order in which ``Charges`` has them."""
    charges = summary.charges
    if charges is None:
        return ChargesLine(strategy=summary.strategy, kinds=None, total_inr=None)
    return ChargesLine(strategy=summary.strategy, kinds=_by_kind(charges), total_inr=charges.total)


def note_line(note: DayNote) -> NoteLine:
    """Return a contract note."""
    return NoteLine(
        account=note.account,
        is_commodity=note.is_commodity,
        kinds=_by_kind(note.charges),
        total_inr=note.total,
    )


def position_lines(
    positions: Iterable[PositionRow], orders: Iterable[OrderRow]
) -> tuple[PositionLine, ...]:
    """Return what was held, each with what the orders behind it cost; what is open first."""
    charges: dict[tuple[str, str, str], Decimal | None] = {}
    for order in orders:
        key = order.strategy, order.account, order.instrument
        charges[key] = _plus(charges.get(key, ZERO), order.charges_inr)
    return tuple(
        _line(
            PositionLine,
            row,
            charges_inr=(cost := charges[row.strategy, row.account, row.instrument]),
            net_inr=_minus(row.gross_inr, cost),
        )
        for row in positions
    )


def account_lines(positions: Iterable[PositionLine]) -> tuple[AccountLine, ...]:
    """Return the sums of positions by account and strategy, in order of account."""
    sums: dict[tuple[str, str], AccountLine] = {}
    for line in positions:
        key = line.account, line.strategy
        before = sums.get(key)
        sums[key] = _line(AccountLine, line) if before is None else _together(before, line)
    return tuple(sums[key] for key in sorted(sums))


def order_line(row: OrderRow) -> OrderLine:
    """Return an order as it stands."""
    return _line(OrderLine, row, reason=coded(row.code, row.reason))


def fill_line(row: FillRow, order: OrderRow, catalogue: Catalogue) -> FillLine:
    """Return a fill, with what it cost beside the price seen at decision."""
    each = slippage(row, order)
    return _line(
        FillLine,
        row,
        underlying=catalogue.by_key(row.instrument).underlying,
        slippage_inr=None if each is None else each * row.quantity,
    )


def refusal_lines(model: ReadModel) -> tuple[RefusalLine, ...]:
    """Return every check that failed in a judgement that refused, in order."""
    found: list[RefusalLine] = []
    for judged in model.judgements(approved=0):
        failed = [check for check in model.checks(judged.sequence) if not check.passed]
        found += [_refusal(judged, check) for check in failed] or [_refusal(judged, None)]
    return tuple(found)


def message_lines(alerts: Iterable[AlertRow]) -> tuple[MessageLine, ...]:
    """Return what a person was told; every kill and every halt is among it."""
    return tuple(_line(MessageLine, alert) for alert in alerts)


def latency_spreads(
    orders: Sequence[OrderRow], fills: Iterable[FillRow], groups: Iterable[GroupLine]
) -> tuple[Spread, ...]:
    """Return how long orders and groups took, in engine time."""
    first_fill: dict[str, int] = {}
    for fill in fills:
        first_fill.setdefault(fill.client_id, fill.at)
    sent = [(order, order.sent_at) for order in orders if order.sent_at is not None]
    return (
        Spread.of("order: decided to sent", (at - order.created_at for order, at in sent)),
        Spread.of(
            "order: sent to acknowledged",
            (order.acked_at - at for order, at in sent if order.acked_at is not None),
        ),
        Spread.of(
            "order: sent to first fill",
            (
                first_fill[order.client_id] - at
                for order, at in sent
                if order.client_id in first_fill
            ),
        ),
        Spread.of(
            "group: asked to every leg filled",
            (g.whole_at - g.asked_at for g in groups if g.whole_at is not None),
        ),
    )


def _line(kind: type[L], row: Any, **more: Any) -> L:
    """Return a line of what ``row`` has under the same names, and ``more``."""
    names = [name for name in kind.__struct_fields__ if name not in more]
    return kind(**{name: getattr(row, name) for name in names}, **more)


def _together(sums: AccountLine, line: PositionLine) -> AccountLine:
    return AccountLine(
        account=sums.account,
        strategy=sums.strategy,
        realised_inr=sums.realised_inr + line.realised_inr,
        unrealised_inr=_plus(sums.unrealised_inr, line.unrealised_inr),
        gross_inr=_plus(sums.gross_inr, line.gross_inr),
        charges_inr=_plus(sums.charges_inr, line.charges_inr),
        net_inr=_plus(sums.net_inr, line.net_inr),
    )


def _by_kind(charges: Charges) -> dict[str, Decimal]:
    return {kind: getattr(charges, kind) for kind in KINDS}


def _refusal(judged: JudgementRow, check: CheckRow | None) -> RefusalLine:
    """Return a refusal; without a check it was not one of the rules that refused."""
    return _line(
        RefusalLine,
        judged,
        rule="" if check is None else check.rule,
        figure="" if check is None else check.figure,
        limit="" if check is None else check.limit_text,
        scope="" if check is None else check.scope,
        subject="" if check is None else check.subject,
    )


def _plus(a: Decimal | None, b: Decimal | None) -> Decimal | None:
    return None if a is None or b is None else a + b


def _minus(a: Decimal | None, b: Decimal | None) -> Decimal | None:
    return None if a is None or b is None else a - b
