"""What a session came to, per strategy and in total: for the end of a run and ``status``."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from engine.model.instrument import Segment
from engine.model.legs import GroupState
from engine.model.money import ZERO
from engine.model.order import Lifecycle
from engine.rules.charges import NO_CHARGES, Charges, DayNote, day_notes
from engine.runtime.readmodel import ReadModel
from engine.runtime.readmodel_schema import (
    FillRow,
    HaltRow,
    KillRow,
    MoveRow,
    OrderRow,
    PositionRow,
    SessionRow,
    StrategyRow,
)
from engine.runtime.story_outcome import TROUBLE, charges_of, first_trouble, total_charges

NEEDS_A_PERSON = (GroupState.STUCK, GroupState.STRANDED, GroupState.PARTIAL_HELD)
"""States in which a part of a group waits for somebody."""


class StrategySummary(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy's day, or all of them together.

    ``orders`` counts those that left us, ``rejections`` those the broker refused or rejected,
    ``refusals`` the judgements in which risk said no, ``in_doubt`` the orders whose outcome is not
    known. Rupees; ``unrealised_inr`` is None while something open has no mark, ``charges`` where
    no rates are known.
    """

    strategy: str
    orders: int
    fills: int
    rejections: int
    refusals: int
    in_doubt: int
    realised_inr: Decimal
    unrealised_inr: Decimal | None
    charges: Charges | None
    halted_why: str | None = None

    @property
    def gross_inr(self) -> Decimal | None:
        """Realised plus unrealised."""
        return None if self.unrealised_inr is None else self.realised_inr + self.unrealised_inr

    @property
    def net_inr(self) -> Decimal | None:
        """What is left after charges."""
        if self.gross_inr is None or self.charges is None:
            return None
        return self.gross_inr - self.charges.total


class NotableGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a group that did not go by plan, and the line that explains it.

    ``why`` is what first went wrong; ``needs_a_person`` while it waits for somebody.
    """

    group_id: str
    account: str
    state: GroupState
    at: int
    why: str
    needs_a_person: bool
    command: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The whole session. ``open_positions`` are marked at the last price seen.

    ``notes`` are the day's contract notes, which round what orders cost; empty where charges are
    not known.
    """

    session: SessionRow
    strategies: tuple[StrategySummary, ...]
    total: StrategySummary
    notes: tuple[DayNote, ...]
    open_positions: tuple[PositionRow, ...]
    notable_groups: tuple[NotableGroup, ...]
    unknown_orders: tuple[OrderRow, ...]
    halts: tuple[HaltRow, ...]
    kills: tuple[KillRow, ...]


def summarise(model: ReadModel, *, session_argument: str | None = None) -> Summary:
    """Return what a session came to.

    ``session_argument`` is added to the command lines as ``--session``; None where the session is
    the latest, which is what ``engine explain`` looks at anyway.
    """
    orders = model.orders()
    strategies = tuple(_strategy(model, row, orders) for row in model.strategies())
    total = _total(strategies)
    return Summary(
        session=model.session,
        strategies=strategies,
        total=total,
        notes=() if total.charges is None else _notes(model),
        open_positions=tuple(p for p in model.positions() if p.quantity),
        notable_groups=_notable(model, session_argument),
        unknown_orders=tuple(order for order in orders if order.state.is_unknown),
        halts=tuple(model.rows(HaltRow)),
        kills=tuple(model.kills()),
    )


def explain_command(asked: str, session_argument: str | None = None) -> str:
    """Return the command line that tells the story of ``asked``."""
    where = f" --session {session_argument}" if session_argument is not None else ""
    return f"engine explain {asked}{where}"


def _strategy(model: ReadModel, row: StrategyRow, orders: Iterable[OrderRow]) -> StrategySummary:
    strategy = row.strategy
    own = [order for order in orders if order.strategy == strategy]
    refused = model.judgements(strategy=strategy, approved=0)
    known = all(order.charges_inr is not None for order in own)
    return StrategySummary(
        strategy=strategy,
        orders=sum(order.sent_at is not None for order in own),
        fills=sum(fill.quantity > 0 for fill in model.rows(FillRow, strategy=strategy)),
        rejections=sum(
            order.state is Lifecycle.REJECTED
            or (order.state is Lifecycle.NOT_PLACED and order.sent_at is not None)
            for order in own
        ),
        refusals=len(refused),
        in_doubt=sum(order.state.is_unknown for order in own),
        realised_inr=row.realised_inr,
        unrealised_inr=row.unrealised_inr,
        charges=total_charges(model.charges(strategy=strategy)) if known else None,
        halted_why=row.halted_why,
    )


def _notes(model: ReadModel) -> tuple[DayNote, ...]:
    return day_notes(
        (row.account, Segment(row.instrument.partition("/")[0]), charges_of(row))
        for row in model.charges()
    )


def _total(strategies: tuple[StrategySummary, ...]) -> StrategySummary:
    charges: Charges | None = NO_CHARGES
    unrealised: Decimal | None = ZERO
    for each in strategies:
        charges = None if charges is None or each.charges is None else charges + each.charges
        unrealised = (
            None
            if unrealised is None or each.unrealised_inr is None
            else unrealised + each.unrealised_inr
        )
    return StrategySummary(
        strategy="total",
        orders=sum(each.orders for each in strategies),
        fills=sum(each.fills for each in strategies),
        rejections=sum(each.rejections for each in strategies),
        refusals=sum(each.refusals for each in strategies),
        in_doubt=sum(each.in_doubt for each in strategies),
        realised_inr=sum((each.realised_inr for each in strategies), start=ZERO),
        unrealised_inr=unrealised,
        charges=charges,
    )


def _notable(model: ReadModel, session_argument: str | None) -> tuple[NotableGroup, ...]:
    """Return the parts that did not go by plan: those that need a person first."""
    found = []
    for part in model.parts():
        if part.state not in TROUBLE:
            continue
        moves = model.rows(MoveRow, group_id=part.group_id, account=part.account)
        first = first_trouble(moves)
        found.append(
            NotableGroup(
                group_id=part.group_id,
                account=part.account,
                state=part.state,
                at=part.moved_at if first is None else first.at,
                why=part.why if first is None else first.why,
                needs_a_person=part.state in NEEDS_A_PERSON,
                command=explain_command(part.group_id, session_argument),
            )
        )
    return tuple(sorted(found, key=lambda each: not each.needs_a_person))
