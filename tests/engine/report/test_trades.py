"""Statistics of trades: figures worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from engine.report.day import GroupLine
from engine.report.trades import statistics

LINE = GroupLine(
    group_id="a.b.1",
    strategy="a",
    name="b",
    state="CLOSED",
    why="",
    needs_a_person=False,
    legs=(),
    asked_at=0,
    first_fill_at=0,
    whole_at=0,
    leaving_at=0,
    flat_at=60_000_000_000,
    to_whole_ms=80.0,
    held_s=60.0,
    turnover_inr=Decimal(1000),
    slippage_inr=Decimal(2),
    naked_s=None,
    naked_limit_s=None,
    realised_inr=Decimal(0),
    unrealised_inr=Decimal(0),
    gross_inr=Decimal(0),
    charges_inr=Decimal(10),
    net_inr=Decimal(0),
)


def trade(net: str | None, **changes: Any) -> GroupLine:
    value = None if net is None else Decimal(net)
    return msgspec.structs.replace(LINE, net_inr=value, **changes)


def test_wins_losses_and_what_a_trade_is_worth() -> None:
    groups = [trade("300"), trade("-100", held_s=120.0), trade("100"), trade("-50"), trade("0")]
    found = statistics("a", groups, Decimal(500), Decimal(50), None)
    assert (found.trades, found.wins, found.losses) == (5, 2, 2)
    assert found.win_rate_pct == 40.0
    assert found.expectancy_inr == Decimal("50.00")
    assert found.profit_factor == round(400 / 150, 4)
    assert (found.average_win_inr, found.average_loss_inr) == (Decimal(200), Decimal(-75))
    assert (found.best_inr, found.worst_inr) == (Decimal(300), Decimal(-100))
    assert found.average_held_s == 72.0
    assert found.turnover_inr == 5000
    assert found.slippage_inr == 10
    assert found.charges_pct_of_gross == 10.0
    assert found.charges_pct_of_turnover == 1.0


def test_without_a_trade_nothing_is_defined() -> None:
    found = statistics("a", [], Decimal(0), Decimal(0), None)
    undefined = (
        found.win_rate_pct, found.expectancy_inr, found.profit_factor, found.average_win_inr,
        found.average_loss_inr, found.best_inr, found.worst_inr, found.average_held_s,
        found.charges_pct_of_gross, found.charges_pct_of_turnover, found.drawdown,
    )  # fmt: skip
    assert undefined == (None,) * len(undefined)
    assert found.trades == 0


def test_without_a_loss_there_is_no_profit_factor() -> None:
    assert statistics("a", [trade("5")], None, None, None).profit_factor is None


def test_charges_are_no_share_of_a_loss() -> None:
    found = statistics("a", [trade("-5")], Decimal(-3), Decimal(2), None)
    assert found.charges_pct_of_gross is None
    assert found.charges_pct_of_turnover == 0.2


def test_what_is_open_or_never_traded_is_no_trade_and_still_turns_money_over() -> None:
    groups = [
        trade("70", flat_at=None, held_s=None),
        trade(None, turnover_inr=Decimal(0), flat_at=None, held_s=None, slippage_inr=None),
        trade("20"),
    ]
    found = statistics("a", groups, None, None, None)
    assert (found.trades, found.expectancy_inr, found.turnover_inr) == (1, Decimal(20), 2000)


def test_one_unknown_net_makes_every_sum_unknown() -> None:
    found = statistics("a", [trade("5"), trade(None)], None, None, None)
    assert (found.trades, found.win_rate_pct, found.expectancy_inr) == (2, None, None)
