"""One record of the journal as the rows it becomes: nothing is remembered between two."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from engine.model.instrument import plain
from engine.model.legs import LegPlan
from engine.model.order import Fill, Lifecycle, Order
from engine.model.record import GroupPlanned, OrderChanged, RiskJudged, SessionBooted
from engine.rules.charges.plans import charged_by
from engine.runtime.readmodel_schema import (
    AskedLegRow,
    CheckRow,
    FillRow,
    GroupRow,
    JudgementRow,
    LegRow,
    OrderEventRow,
    OrderRow,
    SessionRow,
)


def session_row(
    sequence: int, at: int, boot: SessionBooted, before: SessionRow | None
) -> SessionRow:
    """Return the session as its newest boot says it is."""
    return SessionRow(
        session_id=boot.session_id,
        trading_date=boot.trading_date,
        mode=boot.mode,
        recording=boot.recording,
        recording_hash=boot.recording_hash,
        configuration_hash=boot.configuration_hash,
        engine_version=boot.engine_version,
        engine_hash=boot.engine_hash,
        rules_version=boot.rules_version,
        charged_by=charged_by(boot.tariff),
        is_synthetic=boot.is_synthetic,
        imported=boot.imported,
        boots=1 if before is None else before.boots + 1,
        booted_at=at if before is None else before.booted_at,
        last_at=at,
        last_sequence=sequence,
    )


def group_row(sequence: int, record: GroupPlanned) -> GroupRow:
    """Return a group as it was asked for."""
    plan, cause = record.plan, record.cause
    return GroupRow(
        sequence=sequence,
        group_id=plan.group_id,
        strategy=plan.strategy,
        name=plan.name,
        product=plan.product,
        sequencing=plan.policy.sequencing,
        on_failure=plan.policy.on_failure,
        policy=_json(plan.policy),
        accounts=_json(plan.accounts),
        created_at=record.at,
        kseq=cause.kseq,
        hook=cause.hook,
        frame=cause.frame,
    )


def asked_leg_rows(record: GroupPlanned) -> Iterator[AskedLegRow]:
    """Return the legs as the author asked for them."""
    for number, leg in enumerate(record.plan.legs, start=1):
        yield AskedLegRow(
            group_id=record.plan.group_id,
            number=number,
            instrument=leg.instrument.key,
            symbol=leg.instrument.symbol,
            side=leg.side,
            lots=leg.lots,
            limit_price=_price_text(leg.limit),
            trigger_price=_price_text(leg.trigger),
        )


def leg_row(group_id: str, account: str, leg: LegPlan) -> LegRow:
    """Return a leg as planned for one account."""
    return LegRow(
        group_id=group_id,
        account=account,
        number=leg.number,
        instrument=leg.instrument.key,
        symbol=leg.instrument.symbol,
        side=leg.side,
        quantity=leg.quantity,
        role=leg.role,
        order_type=leg.order_type,
        limit_price=leg.limit,
        trigger_price=leg.trigger,
    )


def judgement_row(sequence: int, record: RiskJudged) -> JudgementRow:
    """Return what risk was asked and answered."""
    return JudgementRow(
        sequence=sequence,
        at=record.at,
        kseq=record.cause.kseq,
        hook=record.cause.hook,
        frame=record.cause.frame,
        strategy=record.strategy,
        group_id=record.group_id,
        client_ids=_json(record.client_ids),
        approved=record.approved,
        text=record.text,
    )


def check_rows(sequence: int, record: RiskJudged) -> Iterator[CheckRow]:
    """Return every check of a judgement."""
    for position, check in enumerate(record.checks):
        yield CheckRow(
            sequence=sequence,
            position=position,
            rule=check.rule,
            passed=check.passed,
            figure=check.figure,
            limit_text=check.limit,
            scope=check.scope,
            subject=check.subject,
            largest_quantity=check.largest_quantity,
            note=check.note,
        )


def order_event_row(sequence: int, record: OrderChanged, before: Order | None) -> OrderEventRow:
    """Return how an order changed; ``before`` is None the first time."""
    order = record.order
    amend = order.amend
    return OrderEventRow(
        sequence=sequence,
        at=record.at,
        kseq=record.kseq,
        client_id=order.client_id,
        trigger=record.trigger,
        note=record.note,
        before=Lifecycle.INTENT if before is None else before.lifecycle,
        after=order.lifecycle,
        quantity=order.quantity,
        price=order.price,
        price_before=order.request.price if before is None else before.price,
        trigger_price=order.trigger_price,
        filled_quantity=order.filled_quantity,
        broker_id=order.broker_id,
        exchange_id=order.exchange_id,
        code=order.code,
        reason=order.reason,
        amend_kind=None if amend is None else amend.kind,
        amend_state=None if amend is None else amend.state,
        amend_price=None if amend is None else amend.price,
        anomalies=", ".join(order.anomalies),
    )


def order_row(order: Order) -> OrderRow:
    """Return an order as it stands, its charges not yet known."""
    request, instrument, key = order.request, order.instrument, order.key
    amend = order.amend
    return OrderRow(
        client_id=order.client_id,
        broker_id=order.broker_id,
        exchange_id=order.exchange_id,
        strategy=order.strategy,
        group_id=key.group_id,
        leg=key.leg,
        account=key.account,
        slice=key.slice,
        attempt=key.attempt,
        is_exit=key.exit,
        instrument=instrument.key,
        symbol=instrument.symbol,
        lot_size=instrument.lot_size,
        tick_size=instrument.tick_size,
        side=order.side,
        asked_quantity=request.quantity,
        asked_price=request.price,
        quantity=order.quantity,
        order_type=request.order_type,
        price=order.price,
        trigger_price=order.trigger_price,
        product=request.product,
        purpose=request.purpose,
        decision_price=request.decision_price,
        created_at=request.created_at,
        state=order.lifecycle,
        amend_kind=None if amend is None else amend.kind,
        amend_state=None if amend is None else amend.state,
        filled_quantity=order.filled_quantity,
        filled_value=order.filled_value,
        reason=order.reason,
        code=order.code,
        anomalies=", ".join(order.anomalies),
        is_late=order.is_late,
        sent_at=order.sent_at,
        acked_at=order.acked_at,
        updated_at=order.updated_at,
    )


def fill_row(sequence: int, kseq: int, fill: Fill) -> FillRow:
    """Return units that changed hands."""
    return FillRow(
        sequence=sequence,
        at=fill.at,
        kseq=kseq,
        client_id=fill.client_id,
        group_id=fill.group_id,
        strategy=fill.strategy,
        account=fill.account,
        instrument=fill.instrument.key,
        symbol=fill.instrument.symbol,
        side=fill.side,
        product=fill.product,
        quantity=fill.quantity,
        price=fill.price,
        value=fill.value,
        filled_before=fill.filled_before,
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _price_text(price: float | Decimal | None) -> str | None:
    if price is None:
        return None
    return plain(price) if isinstance(price, Decimal) else repr(price)
