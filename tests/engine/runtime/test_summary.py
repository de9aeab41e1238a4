"""What a session came to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from engine.model.legs import GroupState, Leg
from engine.model.order import Lifecycle
from engine.model.record import KillRecorded, StrategyHalted
from engine.model.side import Side
from engine.model.tariff import Tariff
from engine.runtime.readmodel import ReadModel
from engine.runtime.summary import Summary, explain_command, summarise


def summary_of(history: Any) -> Summary:
    with ReadModel.of(history.entries()) as model:
        return summarise(model)


def test_it_counts_what_left_us_and_what_became_of_it(rejected_leg: Any) -> None:
    (strategy,) = summary_of(rejected_leg).strategies
    assert (strategy.orders, strategy.fills, strategy.rejections, strategy.refusals) == (3, 2, 1, 0)


def test_net_is_gross_less_charges_and_the_total_is_the_sum(rejected_leg: Any) -> None:
    summary = summary_of(rejected_leg)
    (strategy,) = summary.strategies
    assert strategy.gross_inr == Decimal("-9.75")
    assert strategy.charges is not None
    assert strategy.charges.brokerage == 40
    assert strategy.net_inr == Decimal("-9.75") - strategy.charges.total
    assert summary.total.net_inr == strategy.net_inr
    assert summary.open_positions == ()


def test_an_unwound_group_is_named_with_its_first_trouble_and_its_command(
    rejected_leg: Any,
) -> None:
    (group,) = summary_of(rejected_leg).notable_groups
    assert (group.group_id, group.state) == ("condor.wings.1", GroupState.UNWOUND)
    assert "REJECTED: The price is out of the LPP range" in group.why
    assert group.command == "engine explain condor.wings.1"
    assert not group.needs_a_person


def test_a_session_that_is_not_the_latest_is_named_in_the_command() -> None:
    assert explain_command("a.b.1", "sessions/x") == "engine explain a.b.1 --session sessions/x"


def test_a_group_that_needs_a_person_comes_first(history: Any) -> None:
    history.boot()
    for number, after in enumerate((GroupState.UNWOUND, GroupState.STUCK), start=1):
        history.group_id = f"condor.wings.{number}"
        history.plan(Leg(instrument=history.call(24_300), side=Side.SELL, lots=1))
        history.move(1, GroupState.WORKING, after, "why")
    groups = summary_of(history).notable_groups
    assert [(g.state, g.needs_a_person) for g in groups] == [
        (GroupState.STUCK, True),
        (GroupState.UNWOUND, False),
    ]


def test_orders_in_doubt_kills_and_halts_are_told(history: Any) -> None:
    history.boot()
    history.order(0, "LW0000000000B1", 1, Side.SELL, history.call(24_300), "90")
    history.send(0, "LW0000000000B1")
    history.change(9, "LW0000000000B1", "REPLY_AMBIGUOUS", lifecycle=Lifecycle.IN_DOUBT)
    history.add(10, KillRecorded(history.at(10), 1, "all", "block_new", "me", "enough"))
    history.add(11, StrategyHalted(history.at(11), 2, "condor", "it raised", ""))
    summary = summary_of(history)
    assert [o.client_id for o in summary.unknown_orders] == ["LW0000000000B1"]
    assert summary.total.in_doubt == 1
    assert [k.scope for k in summary.kills] == ["all"]
    assert [s.halted_why for s in summary.strategies] == ["it raised"]


def test_without_a_mark_gross_and_net_are_unknown_not_nil(history: Any) -> None:
    history.boot()
    history.order(0, "LW0000000000B1", 1, Side.SELL, history.call(24_300), "90")
    history.fill(5, "LW0000000000B1", 65, "90")
    summary = summary_of(history)
    assert summary.total.realised_inr == 0
    assert summary.total.gross_inr is None
    assert summary.total.net_inr is None
    assert [p.quantity for p in summary.open_positions] == [-65]


def test_a_refusal_of_risk_is_counted(history: Any) -> None:
    history.boot()
    history.plan(Leg(instrument=history.call(24_300), side=Side.SELL, lots=1))
    history.judge(0, text="uncovered short: 3 lots, limit 2 lots")
    (strategy,) = summary_of(history).strategies
    assert (strategy.refusals, strategy.orders) == (1, 0)


def test_the_days_note_rounds_what_the_orders_cost(rejected_leg: Any) -> None:
    summary = summary_of(rejected_leg)
    (note,) = summary.notes
    assert note.account == rejected_leg.account
    assert not note.is_commodity
    assert summary.total.charges is not None
    assert note.unrounded == summary.total.charges
    assert note.charges.stt == round(note.unrounded.stt)
    assert note.charges.gst == note.unrounded.gst.quantize(Decimal("0.01"))


def test_charges_are_by_the_plan_of_the_sessions_first_record(rejected_leg: Any) -> None:
    (at, boot), *others = rejected_leg.records
    rejected_leg.records = [(at, replace(boot, tariff=Tariff(plan="zerodha"))), *others]
    summary = summary_of(rejected_leg)
    assert summary.session.charged_by == "zerodha (Zerodha)"
    assert summary.total.charges is not None
    # Both orders are options: Rs 20 each, as with Angel One.
    assert summary.total.charges.brokerage == 40


def test_a_plan_that_is_not_known_any_more_leaves_charges_unknown(rejected_leg: Any) -> None:
    (at, boot), *others = rejected_leg.records
    rejected_leg.records = [(at, replace(boot, tariff=Tariff(plan="gone"))), *others]
    summary = summary_of(rejected_leg)
    assert summary.total.charges is None
    assert summary.notes == ()
    assert "no brokerage plan 'gone'" in summary.session.charges_unknown
