"""The gate as a whole: what it lets through, how it words a refusal, what it remembers."""

import math
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import ConfigError, InvariantBroken
from engine.model.approval import Approved, Refusal
from engine.model.command import Batch
from engine.model.order import Lifecycle, Order, Purpose
from engine.model.side import Side
from engine.ports import Breach, TradingState
from engine.rules.clock_time import NS_PER_S
from risk.gate import Gate
from risk.limits import AccountLimits, StrategyLimits

REDUCING = [Purpose.EXIT, Purpose.UNWIND, Purpose.FLATTEN]


def refused(verdict: Any) -> Refusal:
    assert isinstance(verdict, Refusal), verdict
    return verdict


def approved(verdict: Any) -> Approved[Batch]:
    assert isinstance(verdict, Approved), verdict.text
    return verdict


ENTRY_RULES = [
    "trading state", "session", "entry window", "instrument", "order type", "lot and quantity",
    "freeze quantity", "tick and sign", "day range", "reference", "price collar",
    "repeated rejection", "duplicate", "order value", "open orders", "position",
    "uncovered short", "daily loss",
]  # fmt: skip


def test_a_plain_entry_passes_every_rule_and_carries_every_check(world: Any) -> None:
    batch = world.batch(world.request(world.call))
    verdict = approved(world.gate().judge(batch, world.view))
    assert verdict.item is batch
    assert [check.rule for check in verdict.checks] == ENTRY_RULES
    assert all(check.passed and check.figure and check.limit for check in verdict.checks)
    assert {check.subject for check in verdict.checks} == {"BUY 65 NIFTY 25AUG26 24500 CE"}


def test_a_strategy_s_own_limits_add_checks_of_its_own_scope(world: Any) -> None:
    gate = world.gate(
        own={
            "max_loss_inr": 6000,
            "max_open_orders": 4,
            "max_position_lots": 2,
            "max_uncovered_short_lots": 0,
        }
    )
    verdict = approved(gate.judge(world.batch(world.request(world.call)), world.view))
    added = verdict.checks[len(ENTRY_RULES) :]
    assert [check.rule for check in added] == [
        "open orders",
        "position",
        "uncovered short",
        "daily loss",
    ]
    assert {check.scope for check in added} == {"strategy"}


def test_a_refusal_names_rule_figure_limit_and_the_largest_quantity(world: Any) -> None:
    request = world.request(world.future, lots=5, price="24600.0")
    verdict = refused(world.gate().judge(world.batch(request), world.view))
    assert verdict.text == (
        "order value (BUY 325 NIFTY 25AUG26 FUT): Rs 79,95,000 futures notional, limit "
        "Rs 50,00,000; the largest quantity that passes is 195"
    )
    assert [check.rule for check in verdict.checks] == ENTRY_RULES


def test_the_quantity_named_passes_every_rule_not_only_the_first_that_failed(world: Any) -> None:
    request = world.request(world.future, lots=12)
    verdict = refused(world.gate().judge(world.batch(request), world.view))
    assert verdict.failed.rule == "lot and quantity"
    assert verdict.failed.largest_quantity == 195
    assert verdict.failed.note == "also failed: order value"
    smaller = world.request(world.future, lots=3)
    approved(world.gate().judge(world.batch(smaller), world.view))


def test_no_quantity_is_named_when_another_rule_fails_whatever_the_quantity(world: Any) -> None:
    request = world.request(world.future, lots=12, price="26000.0")
    verdict = refused(world.gate().judge(world.batch(request), world.view))
    assert verdict.failed.rule == "lot and quantity"
    assert verdict.failed.largest_quantity is None
    assert "price collar" in verdict.failed.note


def test_one_bad_leg_refuses_the_whole_batch_and_is_the_one_named(world: Any) -> None:
    good, bad = world.request(world.call), world.request(world.put, price="0.03")
    verdict = refused(world.gate().judge(world.batch(good, bad), world.view))
    assert verdict.failed.rule == "tick and sign"
    assert verdict.failed.subject == "BUY 65 NIFTY 25AUG26 24500 PE"
    assert len(verdict.checks) == 2 * len(ENTRY_RULES)


def test_the_gate_names_a_looser_strategy_when_it_is_made(world: Any) -> None:
    with pytest.raises(ConfigError, match=r"strategies\.s\.risk\.max_order_lots"):
        Gate(AccountLimits(), {"s": StrategyLimits(max_order_lots=99)}, world.sessions, world.day)


def test_a_strategy_risk_was_never_told_of_is_our_own_bug(world: Any) -> None:
    request = world.request(world.call, strategy="stranger")
    with pytest.raises(InvariantBroken, match="stranger"):
        world.gate().judge(world.batch(request), world.view)


def test_an_empty_batch_is_our_own_bug(world: Any) -> None:
    with pytest.raises(InvariantBroken, match="empty"):
        world.gate().judge(world.batch(), world.view)


def test_the_limits_that_hold_for_a_strategy_can_be_read(world: Any) -> None:
    gate = world.gate(own={"max_order_lots": 2})
    assert gate.limits("straddle").max_order_lots == 2
    assert gate.limits("other").max_order_lots == 10


# -- exits ---------------------------------------------------------------------------------------


def crippled(world: Any) -> Gate:
    """A day on which no entry could pass: lost, full, late, stale, three times rejected."""
    view = world.view
    view.states["straddle", "A1"] = (TradingState.REDUCE_ONLY, "daily loss")
    view.pnl[None, None] = view.pnl[None, "A1"] = -1_000_000.0
    for _ in range(60):
        world.order(world.request(world.share))
    world.hold(world.call, 40)
    world.quote(world.call, 120.0, age_s=900)
    view.now += round(5.6 * 3600 * NS_PER_S)  # 15:36
    gate: Gate = world.gate(max_order_value_inr={"premium": 100}, max_order_lots=1)
    return gate


@pytest.mark.parametrize("purpose", REDUCING)
def test_no_limit_on_entries_ever_holds_back_an_exit(world: Any, purpose: Purpose) -> None:
    gate = crippled(world)
    request = world.request(world.call, Side.SELL, lots=27, purpose=purpose)
    verdict = approved(gate.judge(world.batch(request), world.view))
    assert [check.rule for check in verdict.checks] == [
        "trading state", "session", "instrument", "order type", "lot and quantity",
        "freeze quantity", "tick and sign", "day range", "price collar", "reduce only",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"quantity": 66}, "lot and quantity"),
        ({"quantity": 0}, "lot and quantity"),
        ({"quantity": 28 * 65}, "freeze quantity"),
        ({"price": Decimal("119.97")}, "tick and sign"),
        ({"price": Decimal("71.95")}, "price collar"),
        ({"quantity": 20 * 65, "side": Side.BUY}, "reduce only"),
    ],
)
def test_what_is_wrong_with_an_exit_still_refuses_it(
    world: Any, changes: dict[str, Any], rule: str
) -> None:
    gate = crippled(world)
    facts = {"side": Side.SELL, "lots": 1, "purpose": Purpose.EXIT} | changes
    request = msgspec.structs.replace(
        world.request(world.call, purpose=Purpose.EXIT),
        **{name: value for name, value in facts.items() if name != "lots"},
    )
    verdict = refused(gate.judge(world.batch(request), world.view))
    assert verdict.failed.rule == rule


# -- again, later --------------------------------------------------------------------------------


def test_a_released_entry_is_approved_alone_with_what_was_looked_at_again(world: Any) -> None:
    request = world.request(world.call)
    verdict = approved(world.gate().recheck(request, world.view))
    assert verdict.item.requests == (request,)
    assert [check.rule for check in verdict.checks] == [
        "trading state",
        "session",
        "intent expiry",
        "reference",
        "price collar",
    ]


def stale(world: Any) -> None:
    world.quote(world.call, 120.0, age_s=5.1)


def moved(world: Any) -> None:
    world.quote(world.call, 200.0)


def waited(world: Any) -> None:
    world.view.now += 11 * NS_PER_S
    world.quote(world.call, 120.0)


def killed(world: Any) -> None:
    world.view.states["straddle", "A1"] = (TradingState.KILLED, "killed by operator: test")


def closed(world: Any) -> None:
    world.view.now += 7 * 3600 * NS_PER_S


@pytest.mark.parametrize(
    ("happened", "rule"),
    [
        (stale, "reference"),
        (moved, "price collar"),
        (waited, "intent expiry"),
        (killed, "trading state"),
        (closed, "session"),
    ],
)
def test_what_time_changed_stops_an_entry_at_its_release(
    world: Any, happened: Any, rule: str
) -> None:
    request = world.request(world.call)
    happened(world)
    assert refused(world.gate().recheck(request, world.view)).failed.rule == rule


def test_an_exit_is_released_on_a_stale_price_while_something_is_held(world: Any) -> None:
    world.hold(world.call, 1)
    request = world.request(world.call, Side.SELL, purpose=Purpose.EXIT)
    world.order(request, Lifecycle.APPROVED)
    world.quote(world.call, 120.0, age_s=600)
    approved(world.gate().recheck(request, world.view))
    world.hold(world.call, 0)
    assert refused(world.gate().recheck(request, world.view)).failed.rule == "reduce only"


def test_of_several_each_is_looked_at_alone_and_what_passes_is_approved_together(
    world: Any,
) -> None:
    call, put = world.request(world.call), world.request(world.put)
    both = world.gate().recheck_each((call, put), world.view)
    assert both.refused == ()
    assert both.approved.item.requests == (call, put)
    world.quote(world.call, 200.0)
    one = world.gate().recheck_each((call, put), world.view)
    assert one.approved.item.requests == (put,)
    ((denied, refusal),) = one.refused
    assert denied is call
    assert refusal.failed.rule == "price collar"
    world.quote(world.put, 400.0)
    assert world.gate().recheck_each((call, put), world.view).approved is None


# -- changes -------------------------------------------------------------------------------------


def test_a_better_price_for_a_standing_entry_passes_and_is_not_its_own_duplicate(
    world: Any,
) -> None:
    gate = world.gate(max_position_lots=1, max_open_orders=1)
    request = world.request(world.call)
    approved(gate.judge(world.batch(request), world.view))
    order = world.order(request)
    replacement = world.replacement(order, price=Decimal(121))
    verdict = gate.judge_replacement(order, replacement, world.view)
    assert isinstance(verdict, Approved)
    assert verdict.item is replacement


@pytest.mark.parametrize(
    ("to", "rule"),
    [
        ({"price": Decimal(150)}, "price collar"),
        ({"price": Decimal("121.03")}, "tick and sign"),
        ({"quantity": 100}, "lot and quantity"),
        ({"quantity": 11 * 65}, "lot and quantity"),
        ({"trigger_price": Decimal(119)}, "order type"),
    ],
)
def test_a_change_is_held_to_the_same_rules(world: Any, to: dict[str, Any], rule: str) -> None:
    order = world.order(world.request(world.call))
    verdict = world.gate().judge_replacement(order, world.replacement(order, **to), world.view)
    assert refused(verdict).failed.rule == rule


def test_a_change_counts_the_larger_of_old_and_new_and_not_what_has_filled(world: Any) -> None:
    gate = world.gate(max_position_lots=4)
    world.hold(world.call, 2)
    order = world.order(world.request(world.call, lots=4), filled_quantity=130)
    assert isinstance(
        gate.judge_replacement(order, world.replacement(order, price=Decimal(121)), world.view),
        Approved,
    )
    smaller = world.replacement(order, quantity=3 * 65)
    assert isinstance(gate.judge_replacement(order, smaller, world.view), Approved)
    world.hold(world.call, 3)
    assert refused(gate.judge_replacement(order, smaller, world.view)).failed.rule == "position"


def test_a_change_is_worth_the_dearer_of_old_and_new(world: Any) -> None:
    order = world.order(world.request(world.call, lots=2, price="130.00"))
    gate = world.gate(max_order_value_inr={"premium": 130 * 120})
    verdict = gate.judge_replacement(
        order, world.replacement(order, price=Decimal(119)), world.view
    )
    assert refused(verdict).failed.rule == "order value"


@pytest.mark.parametrize("lifecycle", [Lifecycle.FILLED, Lifecycle.CANCELLED, Lifecycle.REJECTED])
def test_an_order_that_has_ended_cannot_be_changed(world: Any, lifecycle: Lifecycle) -> None:
    order = world.order(world.request(world.call), lifecycle)
    verdict = world.gate().judge_replacement(order, world.replacement(order), world.view)
    assert refused(verdict).failed.rule == "standing order"


def test_an_order_cannot_shrink_below_what_has_filled(world: Any) -> None:
    order = world.order(world.request(world.call, lots=3), filled_quantity=130)
    verdict = world.gate().judge_replacement(
        order, world.replacement(order, quantity=130), world.view
    )
    assert refused(verdict).failed.rule == "standing order"


def test_an_exit_s_change_ignores_limits_on_entries(world: Any) -> None:
    world.hold(world.call, 12)
    request = world.request(world.call, Side.SELL, lots=12, purpose=Purpose.EXIT)
    order = world.order(request)
    gate = world.gate(max_order_value_inr={"premium": 1})
    world.quote(world.call, 120.0, age_s=60)
    verdict = gate.judge_replacement(
        order, world.replacement(order, price=Decimal(100)), world.view
    )
    assert isinstance(verdict, Approved)


# -- memory --------------------------------------------------------------------------------------


def test_the_same_order_a_moment_later_is_a_duplicate_and_after_the_window_is_not(
    world: Any,
) -> None:
    gate = world.gate()
    approved(gate.judge(world.batch(world.request(world.call, group="g1")), world.view))
    world.view.now += NS_PER_S - 1
    world.quote(world.call, 120.0)
    again = world.batch(world.request(world.call, group="g2"))
    verdict = refused(gate.judge(again, world.view))
    assert verdict.failed.rule == "duplicate"
    assert verdict.failed.figure == "the same as ID000000000001 of g1 1.000 s before"
    world.view.now += 1
    approved(gate.judge(again, world.view))


@pytest.mark.parametrize(
    "differing",
    [
        {"group": "g1"},
        {"strategy": "other"},
        {"account": "A2"},
        {"lots": 2},
        {"price": "120.05"},
        {"side": Side.SELL},
    ],
)
def test_slices_attempts_and_different_orders_are_no_duplicates(
    world: Any, differing: dict[str, Any]
) -> None:
    gate = world.gate(max_uncovered_short_lots=2)
    approved(gate.judge(world.batch(world.request(world.call, group="g1")), world.view))
    approved(
        gate.judge(
            world.batch(world.request(world.call, **({"group": "g2"} | differing))), world.view
        )
    )


def test_a_refused_order_is_not_remembered(world: Any) -> None:
    gate = world.gate()
    stale(world)
    refused(gate.judge(world.batch(world.request(world.call)), world.view))
    world.quote(world.call, 120.0)
    approved(gate.judge(world.batch(world.request(world.call)), world.view))


def test_an_id_that_was_sent_is_never_approved_again(world: Any) -> None:
    request = world.request(world.call)
    world.order(request, Lifecycle.IN_DOUBT, sent_at=world.view.now)
    verdict = refused(world.gate().judge(world.batch(request), world.view))
    assert verdict.failed.rule == "duplicate"
    assert verdict.failed.limit == "an id is sent once"


def ended(world: Any, lifecycle: Lifecycle) -> Order:
    order: Order = world.order(world.request(world.call), lifecycle, reason="insufficient funds")
    return order


def test_rejections_in_a_row_halt_a_strategy_and_close_the_gate_to_it(world: Any) -> None:
    gate = world.gate()
    for _ in range(2):
        assert gate.note_order(ended(world, Lifecycle.REJECTED)) is None
    why = gate.note_order(ended(world, Lifecycle.REJECTED))
    assert why == "3 orders were rejected in a row, limit 3; the last: insufficient funds"
    verdict = refused(gate.judge(world.batch(world.request(world.call)), world.view))
    assert verdict.failed.rule == "repeated rejection"
    approved(gate.judge(world.batch(world.request(world.call, strategy="other")), world.view))
    gate.forgive("straddle")
    approved(gate.judge(world.batch(world.request(world.call)), world.view))


@pytest.mark.parametrize("accepted", [Lifecycle.FILLED, Lifecycle.CANCELLED, Lifecycle.EXPIRED])
def test_an_accepted_order_ends_the_row(world: Any, accepted: Lifecycle) -> None:
    gate = world.gate()
    for lifecycle in (Lifecycle.REJECTED, Lifecycle.REJECTED, accepted, Lifecycle.REJECTED):
        assert gate.note_order(ended(world, lifecycle)) is None


@pytest.mark.parametrize("neutral", [Lifecycle.DENIED, Lifecycle.NOT_PLACED])
def test_our_own_refusals_neither_count_nor_forgive(world: Any, neutral: Lifecycle) -> None:
    gate = world.gate(max_rejections=2)
    assert gate.note_order(ended(world, Lifecycle.REJECTED)) is None
    assert gate.note_order(ended(world, neutral)) is None
    assert gate.note_order(ended(world, Lifecycle.REJECTED)) is not None


def test_a_strategy_that_is_gone_is_counted_and_has_no_limit(world: Any) -> None:
    gate = world.gate(max_rejections=1)
    order: Order = world.order(
        world.request(world.call, strategy="of yesterday"), Lifecycle.REJECTED, reason="no"
    )
    for _ in range(3):
        assert gate.note_order(order) is None
    assert gate.rejections() == {"of yesterday": 3}
    gate.forgive("of yesterday")
    gate.forgive("of the day before")
    assert gate.rejections() == {}


# -- losses --------------------------------------------------------------------------------------


def test_loss_limits_that_are_broken_are_named_whoever_asks(world: Any) -> None:
    gate = world.gate(own={"max_loss_inr": 6000})
    assert list(gate.breaches(world.view)) == []
    world.view.pnl[None, None] = -25000.0
    world.view.pnl["straddle", None] = -6000.5
    assert list(gate.breaches(world.view)) == [
        Breach(None, None, -25000.0, 25000.0, "daily loss: Rs -25,000, limit Rs -25,000"),
        Breach("straddle", None, -6000.5, 6000.0, "daily loss: Rs -6,000.50, limit Rs -6,000"),
    ]


def test_each_of_several_accounts_has_the_loss_limit_of_its_own(world: Any) -> None:
    world.view.pnl |= {(None, None): -5000.0, (None, "A1"): -26000.0, (None, "A2"): 21000.0}
    text = "daily loss: Rs -26,000, limit Rs -25,000"
    assert list(world.gate().breaches(world.view)) == [Breach(None, "A1", -26000.0, 25000.0, text)]


def test_of_one_account_alone_the_limit_is_told_once(world: Any) -> None:
    world.view.pnl |= {(None, None): -26000.0, (None, "A1"): -26000.0}
    assert [b.scope for b in world.gate().breaches(world.view)] == ["all"]


def test_a_loss_one_rupee_short_of_the_limit_breaks_nothing(world: Any) -> None:
    world.view.pnl[None, None] = -24999.0
    assert list(world.gate().breaches(world.view)) == []


def test_an_unknown_profit_is_no_breach_but_stops_entries(world: Any) -> None:
    world.view.pnl[None, None] = math.nan
    gate = world.gate()
    assert list(gate.breaches(world.view)) == []
    verdict = refused(gate.judge(world.batch(world.request(world.call)), world.view))
    assert verdict.failed.rule == "daily loss"
    assert verdict.failed.figure == "unknown"


# -- whatever comes ------------------------------------------------------------------------------

prices = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True),
    st.decimals(-10, 100_000, places=2),
    st.sampled_from(
        [Decimal(x) for x in ("0", "0.05", "NaN", "sNaN", "-Infinity", "1E+999999", "1E-999999")]
    ),
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    which=st.sampled_from(["index", "future", "call", "share", "old_call", "later_call"]),
    side=st.sampled_from(Side),
    units=st.integers(-100, 5_000),
    price=prices,
    trigger=st.none() | prices,
    purpose=st.sampled_from(Purpose),
    last=st.sampled_from([None, 0.0, math.nan, -1.0, 120.0]),
)
def test_whatever_is_asked_gets_an_answer_and_what_passes_is_well_formed(
    world: Any,
    which: str,
    side: Side,
    units: int,
    price: Decimal,
    trigger: Decimal | None,
    purpose: Purpose,
    last: float | None,
) -> None:
    instrument = getattr(world, which)
    world.view.ticks.pop(instrument, None)
    if last is not None:
        world.quote(instrument, last)
    request = world.request(
        instrument, side, quantity=units, price="1", trigger_price=trigger, purpose=purpose
    )
    request = msgspec.structs.replace(request, price=price)
    verdict = world.gate().judge(world.batch(request), world.view)
    if isinstance(verdict, Refusal):
        assert verdict.text
        assert not verdict.failed.passed
        return
    assert instrument.is_tradable
    assert units > 0
    assert units % instrument.lot_size == 0
    assert instrument.ticks(price) > 0
    assert purpose.reduces is False or world.view.held  # nothing is held, so no exit may pass


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lots=st.integers(1, 60),
    held=st.integers(-25, 25),
    side=st.sampled_from(Side),
    which=st.sampled_from(["call", "future", "put"]),
    cover=st.integers(0, 6),
    allowed=st.integers(0, 4),
)
def test_the_largest_quantity_passes_and_one_lot_more_does_not(
    world: Any, lots: int, held: int, side: Side, which: str, cover: int, allowed: int
) -> None:
    instrument = getattr(world, which)
    world.view.held.clear()
    world.hold(instrument, held)
    world.hold(world.far_call, cover)
    gate = world.gate(max_uncovered_short_lots=allowed, duplicate_window_s=0)

    def judge(count: int) -> Approved[Batch] | Refusal:
        verdict: Approved[Batch] | Refusal = gate.judge(
            world.batch(world.request(instrument, side, lots=count)), world.view
        )
        return verdict

    verdict = judge(lots)
    if isinstance(verdict, Approved):
        return
    largest = verdict.failed.largest_quantity
    assert largest is not None
    best = largest // instrument.lot_size
    assert best < lots
    if best:
        approved(judge(best))
    refused(judge(best + 1))
