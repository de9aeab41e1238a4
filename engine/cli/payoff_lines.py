"""A payoff as a person reads it, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.dry_run import FirstGroup
from engine.model.money import inr, paise
from engine.model.payoff import Payoff, rupees_text
from engine.rules.clock_time import clock_text


def payoff_lines(payoff: Payoff) -> list[str]:
    """Return the ends and the breakevens, a line each expiry where there are several."""
    ends = (
        f"at expiry, before charges: most profit {rupees_text(payoff.max_profit_inr)}, "
        f"most loss {rupees_text(payoff.max_loss_inr)}"
    )
    if len(payoff.parts) == 1:
        return [ends, f"breaks even at {_breakevens(payoff)}"]
    return [
        ends,
        "each expiry by itself, held to its own end:",
        *(
            f"  {part.underlying} {part.expiry or 'shares'}: most profit "
            f"{rupees_text(part.max_profit_inr)}, most loss {rupees_text(part.max_loss_inr)}"
            for part in payoff.parts
        ),
    ]


def payoff_json(payoff: Payoff) -> dict[str, Any]:
    """Return a payoff as plain data; what has no end is ``"unbounded"``."""
    return {
        "max_profit_inr": payoff.max_profit_inr,
        "max_loss_inr": payoff.max_loss_inr,
        "breakevens": payoff.breakevens,
        "parts": payoff.parts,
    }


def first_group_lines(group: FirstGroup) -> list[str]:
    """Return what a strategy enters first: when, at what prices, and what that can come to."""
    lines = [
        f"{clock_text(group.at, 0)} {group.group_id}"
        + (", refused by risk" if group.refused else ""),
        *(
            f"  {leg.side:<4} {leg.lots} lot{'' if leg.lots == 1 else 's'} {leg.instrument.symbol} "
            f"at {inr(leg.price)}"
            for leg in group.legs
        ),
        *(f"  {line}" for line in payoff_lines(group.payoff)),
    ]
    return [*lines, f"  refused: {group.refused}"] if group.refused else lines


def first_group_json(group: FirstGroup) -> Mapping[str, Any]:
    """Return the same as plain data."""
    return {
        "group_id": group.group_id,
        "at": clock_text(group.at),
        "legs": [
            {
                "side": leg.side,
                "lots": leg.lots,
                "instrument": leg.instrument,
                "price": leg.price,
            }
            for leg in group.legs
        ],
        "payoff": payoff_json(group.payoff),
        "refused": group.refused,
    }


def _breakevens(payoff: Payoff) -> str:
    points = [inr(paise(point)) for point in payoff.breakevens]
    return " and ".join(points) if points else "no price"
