"""The limit on what a group can lose at expiry: figure, limit, and the largest group that passes."""

from __future__ import annotations

from typing import Any

import pytest

from engine.model.approval import Approved, Check, Refusal
from engine.model.command import Batch
from engine.model.order import Purpose
from engine.model.side import Side

BUY, SELL = Side.BUY, Side.SELL
ROOM = {"max_uncovered_short_lots": 20, "max_order_lots": 20}


def spread(world: Any, lots: int = 1, hedges: int | None = None, **changes: Any) -> list[Any]:
    """Sell the 24500 call at 120, buy the 25000 at 20: at most 400 a unit, 26,000 a lot."""
    return [
        world.request(world.far_call, BUY, lots if hedges is None else hedges, "20", **changes),
        world.request(world.call, SELL, lots, "120", **changes),
    ]


def judged(gate: Any, world: Any, *requests: Any, planned: bool = True) -> Any:
    return gate.judge(Batch(requests=requests, whole=True, planned=planned), world.view)


def of_rule(verdict: Any) -> list[Check]:
    return [check for check in verdict.checks if check.rule == "group loss"]


def test_a_group_that_may_lose_more_is_refused_with_the_size_that_would_pass(world: Any) -> None:
    gate = world.gate(**ROOM, max_group_loss_inr=60_000)
    verdict = judged(gate, world, *spread(world, 3, group="s.condor.1"))
    assert isinstance(verdict, Refusal)
    assert verdict.text == (
        "group loss (s.condor.1): Rs 78,000 at expiry, limit Rs 60,000; "
        "the largest that passes is 2 lots a leg"
    )
    assert isinstance(judged(gate, world, *spread(world, 2, group="s.condor.2")), Approved)


def test_the_limit_itself_passes(world: Any) -> None:
    gate = world.gate(**ROOM, max_group_loss_inr=26_000)
    verdict = judged(gate, world, *spread(world))
    assert isinstance(verdict, Approved)
    (check,) = of_rule(verdict)
    assert (check.figure, check.limit, check.scope) == (
        "Rs 26,000 at expiry", "Rs 26,000", "account",
    )  # fmt: skip


def test_the_prices_are_those_the_orders_carry(world: Any) -> None:
    gate = world.gate(**ROOM, max_group_loss_inr=26_000)
    dearer = [
        world.request(world.far_call, BUY, 1, "20.05"),
        world.request(world.call, SELL, 1, "120"),
    ]
    verdict = judged(gate, world, *dearer)
    assert isinstance(verdict, Refusal)
    assert verdict.failed.figure == "Rs 26,003.25 at expiry"
    assert verdict.failed.note == "not even the smallest of these proportions passes"


@pytest.mark.parametrize(
    ("shape", "figure"),
    [
        (lambda w: [w.request(w.call, SELL)], "unbounded at expiry"),
        (lambda w: [w.request(w.call, SELL), w.request(w.put, SELL)], "unbounded at expiry"),
        (lambda w: [w.request(w.future, SELL)], "unbounded at expiry"),
        (lambda w: spread(w, 2, hedges=1), "unbounded at expiry"),
        (
            lambda w: [w.request(w.later_call, BUY, 1, "60"), w.request(w.far_call, SELL, 1, "20")],
            "unbounded at expiry",
        ),
    ],
    ids=["call", "straddle", "future", "ratio", "calendar"],
)
def test_what_has_no_bound_is_refused_where_a_limit_is_set(
    world: Any, shape: Any, figure: str
) -> None:
    gate = world.gate(**ROOM, max_group_loss_inr=100_000_000)
    verdict = judged(gate, world, *shape(world))
    assert isinstance(verdict, Refusal)
    assert (verdict.failed.rule, verdict.failed.figure) == ("group loss", figure)
    assert verdict.failed.note == "no size passes: buy what bounds it"
    assert verdict.failed.largest_quantity is None


def test_unequal_legs_are_named_each(world: Any) -> None:
    gate = world.gate(**ROOM, max_group_loss_inr=60_000)
    # 4 x 65 x 500 less the 20,800 taken in: worst where the bought calls begin to pay.
    verdict = judged(gate, world, *spread(world, 4, hedges=8))
    assert isinstance(verdict, Refusal)
    assert verdict.failed.figure == "Rs 1,09,200 at expiry"
    assert verdict.failed.note == (
        "the largest that passes is BUY 4 lots NIFTY 25AUG26 25000 CE, "
        "SELL 2 lots NIFTY 25AUG26 24500 CE"
    )


def test_slices_of_a_leg_are_one_leg(world: Any) -> None:
    gate = world.gate(**ROOM, max_group_loss_inr=60_000)
    legs = [*spread(world, 2, group="g"), *spread(world, 2, group="g")]
    verdict = judged(gate, world, *legs)
    assert isinstance(verdict, Refusal)
    assert verdict.failed.figure == "Rs 1,04,000 at expiry"
    assert verdict.failed.note == "the largest that passes is 2 lots a leg"


def test_each_account_is_held_to_it_by_itself_and_the_strategy_over_all(world: Any) -> None:
    legs = [*spread(world, 1, group="g"), *spread(world, 2, group="g", account="A2")]
    gate = world.gate(**ROOM, max_group_loss_inr=52_000)
    verdict = judged(gate, world, *legs)
    assert isinstance(verdict, Approved)
    assert [check.figure for check in of_rule(verdict)] == [
        "Rs 26,000 at expiry",
        "Rs 52,000 at expiry",
    ]
    own = world.gate(own={"max_group_loss_inr": 51_000}, **ROOM, max_group_loss_inr=52_000)
    refused = judged(own, world, *legs)
    assert isinstance(refused, Refusal)
    assert (refused.failed.scope, refused.failed.figure) == ("strategy", "Rs 78,000 at expiry")


def test_a_strategy_may_have_the_limit_alone(world: Any) -> None:
    gate = world.gate(own={"max_group_loss_inr": 20_000}, **ROOM)
    verdict = judged(gate, world, *spread(world))
    assert isinstance(verdict, Refusal)
    (check,) = of_rule(verdict)
    assert check.scope == "strategy"


def test_without_a_limit_nothing_is_asked(world: Any) -> None:
    verdict = judged(world.gate(**ROOM), world, world.request(world.call, SELL))
    assert isinstance(verdict, Approved)
    assert of_rule(verdict) == []


def test_it_is_asked_once_and_not_of_the_orders_that_follow(world: Any) -> None:
    gate = world.gate(**ROOM, max_group_loss_inr=1)
    hedge, short = spread(world)
    world.hold(world.far_call, 1)
    # A slice that goes out later is no group: what covers it has been bought before.
    assert isinstance(judged(gate, world, short, planned=False), Approved)
    assert isinstance(judged(gate, world, hedge, short), Refusal)


def test_an_exit_is_never_held_back_by_it(world: Any) -> None:
    gate = world.gate(**ROOM, max_group_loss_inr=1)
    world.hold(world.far_call, 1)
    leaving = world.request(world.far_call, SELL, 1, purpose=Purpose.EXIT)
    verdict = judged(gate, world, leaving, planned=False)
    assert isinstance(verdict, Approved)
    assert of_rule(verdict) == []


@pytest.mark.parametrize("price", ["NaN", "sNaN", "Infinity", "1E+400"])
def test_a_price_nothing_can_be_computed_with_is_refused_as_such(world: Any, price: str) -> None:
    gate = world.gate(**ROOM, max_group_loss_inr=1)
    legs = [world.request(world.far_call, BUY, 1, "20"), world.request(world.call, SELL, 1, price)]
    verdict = judged(gate, world, *legs)
    assert isinstance(verdict, Refusal)
    assert verdict.failed.rule == "tick and sign"


def test_other_refusals_of_the_first_order_name_it_as_well(world: Any) -> None:
    gate = world.gate(max_order_lots=1, max_uncovered_short_lots=20, max_group_loss_inr=1)
    verdict = judged(gate, world, *spread(world, 2))
    assert isinstance(verdict, Refusal)
    assert verdict.failed.rule == "lot and quantity"
    assert "group loss" in verdict.failed.note
