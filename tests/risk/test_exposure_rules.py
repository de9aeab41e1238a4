"""Each rule about what would be held in the worst case."""

import math
import re
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.model.approval import Approved, Check, Refusal
from engine.model.instrument import Instrument
from engine.model.order import Amend, AmendKind, AmendState, Lifecycle, Purpose
from engine.model.side import Side
from risk.exposure_rules import uncovered_lots


def checks(
    world: Any, rule: str, *requests: Any, gate: Any = None, whole: bool = False
) -> list[Check]:
    """Judge a batch and return what one rule said of each of its orders."""
    verdict = (gate or world.gate()).judge(world.batch(*requests, whole=whole), world.view)
    return [c for c in verdict.checks if c.rule == rule]


# -- open orders ---------------------------------------------------------------------------------


def test_open_orders_count_those_in_doubt_and_the_batch_itself(world: Any) -> None:
    gate = world.gate(max_open_orders=3)
    world.order(world.request(world.share), Lifecycle.OPEN)
    world.order(world.request(world.share), Lifecycle.IN_DOUBT)
    world.order(world.request(world.share), Lifecycle.FILLED)
    world.order(world.request(world.share, account="A2"), Lifecycle.OPEN)
    first, second = checks(
        world, "open orders", world.request(world.call), world.request(world.put), gate=gate
    )
    assert first.passed
    assert not second.passed
    assert second.figure == "2 open and 2 more"
    assert second.largest_quantity is None


def test_a_strategy_s_open_orders_are_its_own_in_all_accounts(world: Any) -> None:
    gate = world.gate(own={"max_open_orders": 2})
    world.order(world.request(world.share, strategy="other"))
    world.order(world.request(world.share, account="A2"))
    account, strategy = checks(world, "open orders", world.request(world.call), gate=gate)
    assert (account.passed, account.scope) == (True, "account")
    assert (strategy.passed, strategy.figure) == (True, "1 open and 1 more")
    world.order(world.request(world.share))
    assert not checks(world, "open orders", world.request(world.call), gate=gate)[1].passed


def test_orders_of_the_batch_that_the_view_knows_already_count_once(world: Any) -> None:
    gate = world.gate(max_open_orders=1, max_position_lots=1)
    request = world.request(world.call)
    world.order(request, Lifecycle.INTENT)
    assert isinstance(gate.judge(world.batch(request), world.view), Approved)


# -- position ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "side", "lots", "passed", "largest"),
    [
        (0, Side.BUY, 4, True, 4),
        (0, Side.BUY, 5, False, 4),
        (3, Side.BUY, 1, True, 1),
        (3, Side.BUY, 2, False, 1),
        (-3, Side.BUY, 7, True, 7),
        (4, Side.SELL, 8, True, 8),
        (4, Side.SELL, 9, False, 8),
        (-4, Side.SELL, 1, False, 0),
        (-6, Side.SELL, 1, False, 0),
        (-6, Side.BUY, 1, True, 10),
    ],
)
def test_the_position_limit_holds_both_ways(
    world: Any, *, held: int, side: Side, lots: int, passed: bool, largest: int
) -> None:
    gate = world.gate(max_position_lots=4)
    world.hold(world.future, held)
    (found,) = checks(world, "position", world.request(world.future, side, lots=lots), gate=gate)
    assert found.passed is passed
    assert found.largest_quantity == largest * 65


def test_working_orders_of_the_same_side_count_as_filled_and_the_other_side_does_not(
    world: Any,
) -> None:
    gate = world.gate(max_position_lots=4)
    world.order(world.request(world.future, lots=2), Lifecycle.IN_DOUBT)
    world.order(world.request(world.future, Side.SELL, lots=9), Lifecycle.OPEN)
    (found,) = checks(world, "position", world.request(world.future, lots=3), gate=gate)
    assert not found.passed
    assert found.largest_quantity == 2 * 65
    assert found.figure == "5 lots (325) in the worst case, 0 held"


def test_an_outstanding_replace_counts_at_the_larger_quantity(world: Any) -> None:
    gate = world.gate(max_position_lots=4)
    grow = Amend(kind=AmendKind.REPLACE, state=AmendState.IN_DOUBT, generation=1, quantity=4 * 65)
    world.order(world.request(world.future, lots=1), Lifecycle.OPEN, amend=grow)
    (found,) = checks(world, "position", world.request(world.future), gate=gate)
    assert not found.passed
    assert found.largest_quantity == 0


def test_slices_of_one_batch_add_up_and_the_one_that_crosses_is_named(world: Any) -> None:
    gate = world.gate(max_position_lots=4)
    slices = [world.request(world.future, lots=2, group="g", price=p) for p in
              ("24600.0", "24600.1", "24600.2")]  # fmt: skip
    verdict = gate.judge(world.batch(*slices, whole=True), world.view)
    assert isinstance(verdict, Refusal)
    assert [c.passed for c in verdict.checks if c.rule == "position"] == [True, True, False]
    assert verdict.failed.largest_quantity == 0


def test_accounts_are_counted_apart_and_a_strategy_s_own_limit_over_all(world: Any) -> None:
    gate = world.gate(max_position_lots=4, own={"max_position_lots": 3})
    both = [world.request(world.put, lots=2, account=a, group="g") for a in ("A1", "A2")]
    found = checks(world, "position", *both, gate=gate, whole=True)
    assert [(c.scope, c.passed) for c in found] == [
        ("account", True),
        ("strategy", True),
        ("account", True),
        ("strategy", False),
    ]


def test_another_strategy_s_holding_counts_for_the_account(world: Any) -> None:
    gate = world.gate(max_position_lots=4)
    world.hold(world.future, 4, strategy="other")
    (found,) = checks(world, "position", world.request(world.future), gate=gate)
    assert not found.passed


# -- uncovered shorts ----------------------------------------------------------------------------


def short(world: Any, which: str, lots: int = 1, **facts: Any) -> Any:
    return world.request(getattr(world, which), Side.SELL, lots=lots, group="g", **facts)


def long(world: Any, which: str, lots: int = 1, **facts: Any) -> Any:
    facts = {"purpose": Purpose.HEDGE} | facts
    return world.request(getattr(world, which), Side.BUY, lots=lots, group="g", **facts)


def test_a_naked_short_is_refused_unless_allowed(world: Any) -> None:
    (found,) = checks(world, "uncovered short", short(world, "call"))
    assert not found.passed
    assert found.figure == "1 lot uncovered, 0 lots before it"
    assert found.limit == "0 lots"
    assert found.largest_quantity == 0
    allowed = world.gate(max_uncovered_short_lots=1)
    assert checks(world, "uncovered short", short(world, "call"), gate=allowed)[0].passed


def test_a_straddle_needs_both_its_legs_allowed(world: Any) -> None:
    legs = short(world, "call"), short(world, "put")
    one = world.gate(max_uncovered_short_lots=1)
    assert [c.passed for c in checks(world, "uncovered short", *legs, gate=one, whole=True)] == [
        True,
        False,
    ]
    two = world.gate(max_uncovered_short_lots=2)
    assert all(c.passed for c in checks(world, "uncovered short", *legs, gate=two, whole=True))


def test_an_iron_condor_is_covered_as_a_whole_wherever_its_hedges_stand(world: Any) -> None:
    legs = [
        short(world, "call"),
        short(world, "put"),
        long(world, "far_call"),
        long(world, "far_put"),
    ]
    assert all(c.passed for c in checks(world, "uncovered short", *legs, whole=True))
    assert all(c.passed for c in checks(world, "uncovered short", *reversed(legs), whole=True))


def test_on_its_own_way_out_a_short_is_covered_by_what_is_held_only(world: Any) -> None:
    hedge, risk = long(world, "far_call"), short(world, "call")
    assert not checks(world, "uncovered short", hedge, risk)[1].passed
    world.order(hedge, Lifecycle.OPEN)
    assert not checks(world, "uncovered short", risk)[0].passed
    world.hold(world.far_call, 1)
    assert checks(world, "uncovered short", risk)[0].passed


def test_cover_must_be_of_the_same_right_and_expire_no_earlier(world: Any) -> None:
    world.hold(world.far_put, 1)
    assert not checks(world, "uncovered short", short(world, "call"))[0].passed
    world.hold(world.later_call, 1)
    assert checks(world, "uncovered short", short(world, "call"))[0].passed
    world.hold(world.later_call, 0)
    world.hold(world.far_call, 1)
    assert not checks(world, "uncovered short", short(world, "later_call"))[0].passed


def test_a_hedge_about_to_be_sold_covers_nothing(world: Any) -> None:
    world.hold(world.far_call, 1)
    world.order(world.request(world.far_call, Side.SELL, purpose=Purpose.EXIT), Lifecycle.IN_DOUBT)
    assert not checks(world, "uncovered short", short(world, "call"))[0].passed


def test_a_short_of_another_strategy_uses_the_account_s_cover(world: Any) -> None:
    gate = world.gate(own={"max_uncovered_short_lots": 0})
    world.hold(world.far_call, 1, strategy="other")
    account, strategy = checks(world, "uncovered short", short(world, "call"), gate=gate)
    assert account.passed
    assert not strategy.passed


def test_what_is_over_the_limit_already_does_not_stop_a_hedge(world: Any) -> None:
    world.hold(world.call, -3)
    assert checks(world, "uncovered short", long(world, "far_call"))[0].passed
    assert not checks(world, "uncovered short", short(world, "put"))[0].passed
    world.hold(world.put, 1)
    assert checks(world, "uncovered short", short(world, "put"))[0].passed  # uncovers nothing


def test_the_largest_short_is_the_cover_and_what_is_allowed(world: Any) -> None:
    gate = world.gate(max_uncovered_short_lots=1)
    world.hold(world.far_call, 3)
    (found,) = checks(world, "uncovered short", short(world, "call", 9), gate=gate)
    assert not found.passed
    assert found.largest_quantity == 4 * 65


def test_selling_what_is_held_is_no_short(world: Any) -> None:
    world.hold(world.call, 2)
    assert checks(world, "uncovered short", short(world, "call", 2))[0].passed
    assert not checks(world, "uncovered short", short(world, "call", 3))[0].passed


def test_the_longest_lived_cover_is_kept_for_the_longest_lived_short(world: Any) -> None:
    net = {world.call: -65, world.later_call: -65, world.far_call: 65}
    assert uncovered_lots(net) == 1
    far = world.add(world.call.kind, strike=26000, right=world.call.right, expiry=world.far_expiry)
    assert uncovered_lots(net | {far: 65}) == 0
    last = world.add(world.call.kind, strike=26000, right=world.call.right, expiry=date(2026, 9, 8))
    assert uncovered_lots({world.call: -65, world.later_call: -65, last: 65}) == 1
    assert uncovered_lots({world.call: -65, world.put: -130, far: 130}) == 2


def test_a_part_of_a_lot_counts_as_a_lot(world: Any) -> None:
    assert uncovered_lots({world.call: -66}) == 2
    assert uncovered_lots({world.call: -65, world.far_call: 1}) == 1
    assert uncovered_lots({world.future: -65, world.share: -10}) == 0


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(-6, 6), min_size=4, max_size=4), st.integers(0, 5))
def test_selling_never_covers_and_buying_never_uncovers(
    world: Any, lots: list[int], which: int
) -> None:
    options = [world.call, world.far_call, world.later_call, world.put]
    net = {o: n * 65 for o, n in zip(options, lots, strict=True)}
    option = options[which % 4]
    before = uncovered_lots(net)
    sold = uncovered_lots(net | {option: net[option] - 65})
    bought = uncovered_lots(net | {option: net[option] + 65})
    assert before <= sold <= before + 1
    assert before - 1 <= bought <= before
    shorts = sum(-n for n in lots if n < 0)
    assert max(0, shorts - sum(n for n in lots if n > 0)) <= before <= shorts


def lots_without_cover(net: dict[Instrument, int]) -> int:
    """What ``uncovered_lots`` says it returns, contract by contract."""
    total = 0
    for family in {(o.segment, o.underlying, o.right) for o in net}:
        held = [o for o in net if (o.segment, o.underlying, o.right) == family and net[o]]
        cover = 0
        for expiry in sorted({o.expiry for o in held if o.expiry}, reverse=True):
            alike = [o for o in held if o.expiry == expiry]
            cover += sum(net[o] for o in alike if net[o] > 0)
            short = -sum(net[o] for o in alike if net[o] < 0)
            left = max(0, short - cover)
            cover = max(0, cover - short)
            total += math.ceil(left / min(o.lot_size for o in alike))
    return total


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(-200, 200), min_size=6, max_size=6), st.integers(0, 5), st.integers(1, 3)
)
def test_what_an_order_leaves_uncovered_is_that_of_the_whole_account(
    world: Any, units: list[int], which: int, lots: int
) -> None:
    small = world.add(world.call.kind, strike=23000, right=world.call.right, lot_size=25)
    options = [world.call, small, world.far_call, world.later_call, world.put, world.far_put]
    net = dict(zip(options, units, strict=True))
    world.view.held = {("straddle", "A1", option): held for option, held in net.items()}
    option = options[which]
    request = world.request(option, Side.SELL, lots)
    before = lots_without_cover(net)
    then = lots_without_cover(net | {option: net[option] - request.quantity})
    assert uncovered_lots(net) == before
    (found,) = checks(world, "uncovered short", request)
    said = re.findall(r"(\d+) lots?", found.figure)
    assert [int(count) for count in said] == [then, before]


# -- losses --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "everything", "passed"),
    [
        (-24_999.0, 0.0, True),
        (-25_000.0, 0.0, False),
        (0.0, -25_000.0, False),
        (10_000.0, 10_000.0, True),
    ],
)
def test_a_loss_in_the_account_or_in_all_of_them_stops_entries(
    world: Any, *, account: float, everything: float, passed: bool
) -> None:
    world.view.pnl[None, "A1"] = account
    world.view.pnl[None, None] = everything
    (found,) = checks(world, "daily loss", world.request(world.call))
    assert found.passed is passed
    assert found.largest_quantity is None


def test_a_strategy_s_own_loss_limit_counts_the_strategy(world: Any) -> None:
    gate = world.gate(own={"max_loss_inr": 6000})
    world.view.pnl["straddle", None] = -6000.0
    account, strategy = checks(world, "daily loss", world.request(world.call), gate=gate)
    assert account.passed
    assert not strategy.passed
    assert strategy.figure == "Rs -6,000"


# -- reduce only ---------------------------------------------------------------------------------


def leave(world: Any, lots: int, side: Side = Side.SELL, **facts: Any) -> Any:
    group = facts.pop("group", "held")
    return world.request(world.call, side, lots=lots, purpose=Purpose.EXIT, group=group, **facts)


@pytest.mark.parametrize(
    ("held", "side", "lots", "passed", "largest"),
    [
        (2, Side.SELL, 2, True, 2),
        (2, Side.SELL, 3, False, 2),
        (-2, Side.BUY, 2, True, 2),
        (-2, Side.BUY, 3, False, 2),
        (2, Side.BUY, 1, False, 0),
        (0, Side.SELL, 1, False, 0),
    ],
)
def test_an_exit_takes_no_more_than_is_held(
    world: Any, *, held: int, side: Side, lots: int, passed: bool, largest: int
) -> None:
    world.hold(world.call, held)
    (found,) = checks(world, "reduce only", leave(world, lots, side))
    assert found.passed is passed
    assert found.largest_quantity == largest * 65


def test_other_exits_in_flight_or_in_doubt_use_up_what_is_held(world: Any) -> None:
    world.hold(world.call, 3)
    world.order(leave(world, 1), Lifecycle.IN_DOUBT)
    world.order(world.request(world.call, Side.SELL, lots=9), Lifecycle.OPEN)  # an entry
    (found,) = checks(world, "reduce only", leave(world, 3))
    assert not found.passed
    assert found.largest_quantity == 2 * 65
    assert found.limit == "130 units (195 held, 65 in other exits)"


def test_slices_of_an_exit_use_up_what_is_held_one_by_one(world: Any) -> None:
    world.hold(world.call, 3)
    found = checks(world, "reduce only", leave(world, 2), leave(world, 1), leave(world, 1))
    assert [c.passed for c in found] == [True, True, False]


def test_groups_that_hold_one_contract_both_ways_can_each_be_left(world: Any) -> None:
    world.view.held_by_group = {
        ("short", "A1", world.call): -65,
        ("long", "A1", world.call): 65,
    }
    assert checks(world, "reduce only", leave(world, 1, Side.BUY, group="short"))[0].passed
    assert checks(world, "reduce only", leave(world, 1, Side.SELL, group="long"))[0].passed
    assert not checks(world, "reduce only", leave(world, 1, Side.SELL, group="short"))[0].passed


def test_an_exit_is_the_strategy_s_own_in_its_own_account(world: Any) -> None:
    world.hold(world.call, 1, strategy="other")
    world.hold(world.call, 1, account="A2")
    assert not checks(world, "reduce only", leave(world, 1))[0].passed
    assert checks(world, "reduce only", leave(world, 1, account="A2"))[0].passed
    world.hold(world.call, -1, strategy="other")
    world.hold(world.call, 1)
    assert checks(world, "reduce only", leave(world, 1))[0].passed
