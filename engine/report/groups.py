"""Leg groups as the report shows them: their times, and what came of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

import msgspec

from engine.model.legs import GroupState, Policy
from engine.model.money import ZERO
from engine.report.day import GroupLine
from engine.runtime.readmodel import ReadModel
from engine.runtime.readmodel_schema import FillRow, GroupRow, MoveRow, PartRow
from engine.runtime.story_outcome import LegOutcome, group_outcome
from engine.runtime.story_words import price_text
from engine.runtime.summary import NEEDS_A_PERSON

_LEAVING: Final = (GroupState.EXITING, GroupState.UNWINDING)
_POLICY: Final = msgspec.json.Decoder(Policy)


def group_lines(model: ReadModel) -> tuple[GroupLine, ...]:
    """Return every group, in the order in which they were asked for."""
    parts = _by_group(model.parts())
    moves = _by_group(model.rows(MoveRow))
    fills = _by_group(model.rows(FillRow))
    return tuple(
        _line(
            model,
            group,
            parts.get(group.group_id, []),
            moves.get(group.group_id, []),
            fills.get(group.group_id, []),
        )
        for group in model.rows(GroupRow)
    )


def _line(
    model: ReadModel,
    group: GroupRow,
    parts: Sequence[PartRow],
    moves: Sequence[MoveRow],
    fills: Sequence[FillRow],
) -> GroupLine:
    outcome = group_outcome(model, group, parts, _POLICY.decode(group.policy))
    is_open = any(leg.open_quantity for leg in outcome.traded)
    # While a leg is unknown, what is held is not what was seen to be filled.
    is_flat = bool(fills) and not is_open and GroupState.STUCK not in {p.state for p in parts}
    first = fills[0].at if fills else None
    flat = fills[-1].at if is_flat else None
    whole = _last_part(moves, (GroupState.HELD,), len(parts))
    several = len(parts) > 1
    return GroupLine(
        group_id=group.group_id,
        strategy=group.strategy,
        name=group.name,
        state=", ".join(f"{p.account}: {p.state}" if several else p.state for p in parts),
        why="; ".join(dict.fromkeys(part.why for part in parts if part.why)),
        needs_a_person=any(part.state in NEEDS_A_PERSON for part in parts),
        legs=tuple(_leg_text(leg, with_account=several) for leg in outcome.traded),
        asked_at=group.created_at,
        first_fill_at=first,
        whole_at=whole,
        leaving_at=next((move.at for move in moves if move.after in _LEAVING), None),
        flat_at=flat,
        to_whole_ms=None if whole is None else round((whole - group.created_at) / 1e6, 3),
        held_s=None if flat is None or first is None else round((flat - first) / 1e9, 3),
        turnover_inr=sum((fill.value for fill in fills), start=ZERO),
        slippage_inr=outcome.slippage_inr,
        naked_s=None if outcome.naked_ns is None else round(outcome.naked_ns / 1e9, 3),
        naked_limit_s=outcome.naked_limit_s,
        realised_inr=group.realised_inr,
        unrealised_inr=group.unrealised_inr,
        gross_inr=outcome.gross_inr,
        charges_inr=None if outcome.charges is None else outcome.charges.total,
        net_inr=outcome.net_inr,
    )


_G = TypeVar("_G", PartRow, MoveRow, FillRow)


def _by_group(rows: Iterable[_G]) -> dict[str, list[_G]]:
    found: dict[str, list[_G]] = {}
    for row in rows:
        found.setdefault(row.group_id, []).append(row)
    return found


def _last_part(moves: Sequence[MoveRow], states: Sequence[GroupState], parts: int) -> int | None:
    """Return when the last part first came to one of some states, None until all have."""
    first: dict[str, int] = {}
    for move in moves:
        if move.after in states:
            first.setdefault(move.account, move.at)
    return max(first.values()) if first and len(first) == parts else None


def _leg_text(leg: LegOutcome, *, with_account: bool) -> str:
    text = f"{leg.side} {leg.entered_quantity} {leg.symbol}"
    if leg.entered_price is not None:
        text += f" at {price_text(leg.entered_price)}"
    if leg.left_price is not None:
        left = "" if not leg.open_quantity else f"{leg.left_quantity} "
        text += f", {left}out at {price_text(leg.left_price)}"
    return f"{leg.account}: {text}" if with_account else text
