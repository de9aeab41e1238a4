"""Trades in figures. A trade is a group's round trip: it has traded, and is flat again.

Every figure is None where it is not defined (no trades, no losses, nothing earned) or not known (no
charges); the formulas stand in docs/report.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from engine.model.money import ZERO, paise
from engine.report.day import GroupLine, Statistics
from engine.report.drawdown import Drawdown


def statistics(
    strategy: str,
    groups: Iterable[GroupLine],
    gross_inr: Decimal | None,
    charges_inr: Decimal | None,
    drawdown: Drawdown | None,
) -> Statistics:
    """Return the statistics of one strategy's groups, or of all.

    ``gross_inr`` and ``charges_inr`` are of everything it traded, what is still open included.
    """
    traded = [group for group in groups if group.turnover_inr]
    trades = [group for group in traded if group.flat_at is not None]
    nets = [group.net_inr for group in trades if group.net_inr is not None]
    # One trade of unknown net makes every sum over nets unknown.
    known = nets if len(nets) == len(trades) else []
    wins = [net for net in known if net > 0]
    losses = [net for net in known if net < 0]
    turnover = sum((group.turnover_inr for group in traded), start=ZERO)
    slips = [group.slippage_inr for group in traded if group.slippage_inr is not None]
    held = [group.held_s for group in trades if group.held_s is not None]
    return Statistics(
        strategy=strategy,
        trades=len(trades),
        wins=len(wins),
        losses=len(losses),
        win_rate_pct=_pct(Decimal(len(wins)), Decimal(len(known))),
        average_win_inr=_mean(wins),
        average_loss_inr=_mean(losses),
        best_inr=paise(max(known)) if known else None,
        worst_inr=paise(min(known)) if known else None,
        expectancy_inr=_mean(known),
        profit_factor=_ratio(sum(wins, start=ZERO), -sum(losses, start=ZERO)),
        average_held_s=round(sum(held) / len(held), 3) if held else None,
        turnover_inr=turnover,
        slippage_inr=sum(slips, start=ZERO) if len(slips) == len(traded) else None,
        charges_pct_of_gross=_pct(charges_inr, gross_inr),
        charges_pct_of_turnover=_pct(charges_inr, turnover, places=4),
        drawdown=drawdown,
    )


def _mean(amounts: Sequence[Decimal]) -> Decimal | None:
    return paise(sum(amounts, start=ZERO) / len(amounts)) if amounts else None


def _ratio(part: Decimal, whole: Decimal) -> float | None:
    return round(float(part / whole), 4) if whole > 0 else None


def _pct(part: Decimal | None, whole: Decimal | None, places: int = 2) -> float | None:
    if part is None or whole is None or whole <= 0:
        return None
    return round(float(100 * part / whole), places)
