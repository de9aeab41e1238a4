"""Entering: sequences, policies, chasing, slices and accounts."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest

from engine import GroupState, Tick, buy, sell
from engine.model.order import Lifecycle
from risk.limits import AccountLimits

REJECT_LEG_2 = {"when": {"leg": 2, "purpose": "entry"}, "do": "reject", "reason": "Margin"}


def test_a_group_goes_from_checked_over_working_to_held(stage: Any) -> None:
    s = stage()
    s.enter(sell(s.call), sell(s.put))
    s.seconds(2)
    assert s.states == ["group: CHECKED", "group: WORKING", "group: HELD"]
    assert s.nets() == {s.call: -65, s.put: -65}
    assert s.group("group").is_held


def test_on_legs_runs_once_for_each_state_it_can_see(stage: Any) -> None:
    s = stage({"when": {"leg": 2}, "do": "reject"})
    s.enter(sell(s.call), sell(s.put))
    s.seconds(3)
    told = s.strategy.told
    assert told[-1] == "group: UNWOUND"
    assert all(before != after for before, after in itertools.pairwise(told))


def test_a_state_that_passed_within_one_moment_is_not_told_of(stage: Any) -> None:
    s = stage(latency_ms=40)
    s.enter(sell(s.call), sell(s.put))
    s.seconds(2)
    assert s.states == ["group: CHECKED", "group: WORKING", "group: HELD"]
    assert s.strategy.told == ["group: WORKING", "group: HELD"]


def test_a_rejected_leg_unwinds_the_one_that_filled(stage: Any) -> None:
    s = stage(REJECT_LEG_2)
    s.enter(sell(s.call), sell(s.put))
    s.seconds(5)
    assert s.states[-2:] == ["group: UNWINDING", "group: UNWOUND"]
    assert s.sent() == [
        "entry SELL 1 24300 CE FILLED",
        "entry SELL 1 24300 PE REJECTED",
        "unwind BUY 1 24300 CE FILLED",
    ]
    assert s.nets() == {}
    assert "Margin" in next(line for line in s.log if "unwinding" in line)


def test_a_rejected_leg_that_leaves_nothing_filled_ends_at_once(stage: Any) -> None:
    s = stage({"when": {"leg": 1}, "do": "reject"})
    s.enter(sell(s.call))
    s.seconds(2)
    assert s.states == ["group: CHECKED", "group: WORKING", "group: UNWOUND"]
    assert "REJECTED" in s.group("group").why


def test_a_sibling_that_still_works_is_cancelled_when_a_leg_fails(stage: Any) -> None:
    s = stage(REJECT_LEG_2, {"when": {"leg": 1}, "do": "fill_half"})
    s.enter(sell(s.call), sell(s.put))
    s.seconds(5)
    assert s.sent() == ["entry SELL 1 24300 CE CANCELLED", "entry SELL 1 24300 PE REJECTED"]
    assert s.group("group").state is GroupState.UNWOUND


class TestHedgeFirst:
    def test_nothing_is_sold_before_its_hedges_are_filled(self, stage: Any) -> None:
        s = stage(latency_ms=40)
        s.enter(sell(s.call), sell(s.put), buy(s.far_call), buy(s.far_put))
        s.seconds(3)
        hedges = [o for o in s.orders if o.request.purpose == "hedge"]
        shorts = [o for o in s.orders if o.request.purpose == "entry"]
        assert len(hedges) == len(shorts) == 2
        assert max(o.updated_at for o in hedges) <= min(o.request.created_at for o in shorts)
        assert s.group("group").is_held

    def test_a_rejected_hedge_means_that_nothing_is_sold(self, stage: Any) -> None:
        s = stage({"when": {"purpose": "hedge", "leg": 4}, "do": "reject"})
        s.enter(sell(s.call), sell(s.put), buy(s.far_call), buy(s.far_put))
        s.seconds(5)
        assert not [o for o in s.orders if o.side == "SELL" and not o.key.exit]
        assert s.group("group").state is GroupState.UNWOUND
        assert s.nets() == {}

    def test_half_a_hedge_lets_half_be_sold(self, stage: Any) -> None:
        s = stage({"when": {"purpose": "hedge"}, "do": "fill_half"}, latency_ms=40)
        s.enter(sell(s.call, 4), buy(s.far_call, 4))
        s.seconds(2)
        assert s.nets() == {s.far_call: 130, s.call: -130}

    def test_a_rejected_short_is_unwound_shorts_first_and_then_hedges(self, stage: Any) -> None:
        s = stage({"when": {"leg": 2, "purpose": "entry"}, "do": "reject"}, latency_ms=40)
        s.enter(sell(s.call), sell(s.put), buy(s.far_call), buy(s.far_put))
        s.seconds(5)
        exits = [o for o in s.orders if o.key.exit]
        assert [(o.side, o.instrument) for o in exits] == [
            ("BUY", s.call),
            ("SELL", s.far_call),
            ("SELL", s.far_put),
        ]
        assert exits[0].updated_at <= min(o.request.created_at for o in exits[1:])
        assert s.group("group").state is GroupState.UNWOUND

    def test_a_ratio_spread_may_take_its_time(self, stage: Any) -> None:
        """Its second short has no hedge by plan, so it does not stand without its own."""
        s = stage({"when": {"leg": 3}, "do": "fill_half"})
        s.enter(sell(s.call, 2), buy(s.far_call), sell(s.put, 2), leg_timeout_s=30, max_naked_s=2)
        s.seconds(8)
        assert s.group("group").state is GroupState.WORKING
        assert s.nets() == {s.far_call: 65, s.call: -130, s.put: -65}

    def test_without_a_hedge_all_legs_are_judged_and_sent_together(self, stage: Any) -> None:
        s = stage(latency_ms=40)
        s.enter(sell(s.call), sell(s.put))
        s.seconds(1)
        assert len({o.request.created_at for o in s.orders}) == 1


class TestSequential:
    def test_a_leg_waits_for_the_one_before_it(self, stage: Any) -> None:
        s = stage(latency_ms=40)
        s.enter(buy(s.call), buy(s.put), sequencing="sequential")
        s.seconds(2)
        first, second = s.orders
        assert (first.instrument, second.instrument) == (s.call, s.put)
        assert first.updated_at <= second.request.created_at

    def test_a_leg_is_entered_only_as_far_as_the_one_before_it(self, stage: Any) -> None:
        s = stage({"when": {"leg": 1}, "do": "fill_half"})
        s.enter(buy(s.call, 4), buy(s.put, 4), sequencing="sequential")
        s.seconds(2)
        assert s.nets() == {s.call: 130, s.put: 130}


class TestNaked:
    def test_a_short_that_stands_without_its_hedge_for_too_long_is_left(self, stage: Any) -> None:
        s = stage({"when": {"leg": 2}, "do": "fill_half"})
        s.enter(sell(s.call), buy(s.far_call), sequencing="parallel", max_naked_s=3)
        s.seconds(2)
        assert s.group("group").state is GroupState.WORKING
        s.seconds(5)
        assert s.group("group").state is GroupState.UNWOUND
        assert "a sold option stood without it" in "".join(s.log)


class TestRetry:
    def test_a_new_attempt_follows_the_end_of_the_one_before(self, stage: Any) -> None:
        s = stage({"when": {"leg": 2, "attempt": 1}, "do": "reject"})
        s.enter(sell(s.call), sell(s.put), on_failure="retry")
        s.seconds(5)
        assert s.group("group").is_held
        assert [o.key.attempt for o in s.orders if o.key.leg == 2] == [1, 2]

    def test_when_its_attempts_are_used_up_the_group_is_unwound(self, stage: Any) -> None:
        s = stage({"when": {"leg": 2, "purpose": "entry"}, "do": "reject", "times": 9})
        s.enter(sell(s.call), sell(s.put), on_failure="retry", retries=2)
        s.seconds(15)
        assert [o.key.attempt for o in s.orders if o.key.leg == 2] == [1, 2, 3]
        assert s.group("group").state is GroupState.UNWOUND

    def test_a_retried_leg_asks_only_for_what_is_missing(self, stage: Any) -> None:
        s = stage({"when": {"leg": 1, "attempt": 1}, "do": "fill_half"}, latency_ms=40)
        s.enter(sell(s.call, 4), on_failure="retry")
        s.seconds(1)
        (half,) = s.orders
        s.report(half, "CANCELLED", broker_id=half.broker_id, filled_quantity=130)
        s.seconds(3)
        assert [o.request.quantity for o in s.orders] == [260, 130]
        assert s.nets() == {s.call: -260}


class TestHold:
    def test_what_filled_is_kept_and_a_person_is_told(self, stage: Any) -> None:
        s = stage(REJECT_LEG_2)
        s.enter(sell(s.call), sell(s.put), on_failure="hold")
        s.seconds(3)
        assert s.group("group").state is GroupState.PARTIAL_HELD
        assert s.nets() == {s.call: -65}
        assert "held incomplete" in s.alerts()[-1].text

    def test_it_can_be_left_later(self, stage: Any) -> None:
        s = stage(REJECT_LEG_2)
        s.enter(sell(s.call), sell(s.put), on_failure="hold")
        s.seconds(3)
        s.ask(lambda p: p.exit("group"))
        s.seconds(3)
        assert s.group("group").state is GroupState.CLOSED
        assert s.nets() == {}

    def test_where_nothing_filled_there_is_nothing_to_hold(self, stage: Any) -> None:
        s = stage(REJECT_LEG_2, {"when": {"leg": 1}, "do": "fill_half"})
        s.enter(sell(s.call), sell(s.put), on_failure="hold")
        s.seconds(5)
        assert s.group("group").state is GroupState.UNWOUND


class TestDraft:
    def test_a_leg_without_a_price_makes_the_group_wait(self, stage: Any) -> None:
        s = stage()
        silent = s.option(24_600, "CE")
        s._market.quotes.pop(silent)
        s.enter(buy(silent))
        assert s.group("group").state is GroupState.DRAFT
        s.quote(silent, 55.0)
        s.seconds(1)
        assert s.group("group").is_held

    def test_it_is_refused_when_the_price_does_not_come(self, stage: Any) -> None:
        s = stage()
        silent = s.option(24_600, "CE")
        s._market.quotes.pop(silent)
        s.enter(buy(silent), price_wait_s=3)
        s.seconds(4)
        assert s.group("group").state is GroupState.REFUSED
        assert s.group("group").why == f"no price for {silent.symbol} within 3.0 s"

    @pytest.mark.parametrize("nonsense", [0.0, float("nan"), -1.0, float("inf")])
    def test_a_price_that_is_none_is_waited_over(self, stage: Any, nonsense: float) -> None:
        s = stage()
        s._market.quotes.pop(s.far_call)
        s.enter(buy(s.far_call))
        s.tell(Tick(s.far_call, "test", nonsense, s._now, s._now, bid=0.0, ask=0.0))
        assert s.group("group").state is GroupState.DRAFT
        s.quote(s.far_call, 90.0)
        s.seconds(1)
        assert s.group("group").is_held

    def test_an_exit_takes_a_draft_back(self, stage: Any) -> None:
        s = stage()
        s._market.quotes.pop(s.far_call)
        s.enter(buy(s.far_call))
        s.ask(lambda p: p.exit("group", "changed my mind"))
        assert s.group("group").state is GroupState.REFUSED
        assert s.group("group").why == "taken back before it was sent: changed my mind"
        s.spot(24_320)
        s.seconds(10)
        assert s.orders == []


class TestRefused:
    def test_risk_judges_all_legs_before_the_first_is_sent(self, stage: Any) -> None:
        s = stage(limits=_limits(max_uncovered_short_lots=1))
        s.enter(sell(s.call), sell(s.put))
        s.seconds(1)
        assert s.orders == []
        assert s.group("group").state is GroupState.REFUSED
        assert s.group("group").why.startswith("uncovered short")
        assert s.strategy.told == ["group: REFUSED"]

    def test_its_name_is_free_again(self, stage: Any) -> None:
        s = stage(limits=_limits(max_uncovered_short_lots=1))
        s.enter(sell(s.call), sell(s.put))
        s.seconds(1)
        s.enter(sell(s.call), sell(s.put))
        s.seconds(1)
        assert s.group("group").group_id == "strategy.group.2"
        assert not s.halted


class TestNames:
    def test_an_open_groups_name_cannot_be_used_again(self, stage: Any) -> None:
        s = stage()
        s.enter(sell(s.call))
        s.seconds(1)
        s.enter(sell(s.put))
        assert "'group' is still HELD" in s.halted

    def test_two_groups_may_stand_side_by_side(self, stage: Any) -> None:
        s = stage()
        s.enter(sell(s.call), name="one")
        s.seconds(2)
        s.enter(sell(s.call), name="two")
        s.seconds(2)
        s.ask(lambda p: p.exit("one"))
        s.seconds(2)
        assert s.group("one").state is GroupState.CLOSED
        assert s.group("two").is_held
        assert s.nets() == {s.call: -65}


class TestChase:
    def test_a_resting_leg_is_brought_to_the_touch_and_then_a_step_further_each_second(
        self, stage: Any
    ) -> None:
        s = stage(latency_ms=40)
        s.quote(s.call, 170.0, bid=169.95, ask=170.05)
        s.ask(lambda p: p.watch(s.call))
        s.ask(lambda p: p.enter(buy(s.call), name="group", leg_timeout_s=2))
        s.quote(s.call, 171.0, bid=170.95, ask=171.05)
        s.seconds(1.5)
        assert [o.price for o in s.orders] == [Decimal("170.05")]
        assert s.orders[0].lifecycle is Lifecycle.OPEN
        s.seconds(3)
        assert s.group("group").is_held
        assert s.orders[0].price == Decimal("171.05")
        assert len(s.orders) == 1

    def test_it_is_never_chased_beyond_its_slippage(self, stage: Any) -> None:
        s = stage(latency_ms=40)
        s.quote(s.call, 170.0, bid=169.95, ask=170.05)
        s.ask(lambda p: p.watch(s.call))
        s.ask(
            lambda p: p.enter(
                buy(s.call), name="group", leg_timeout_s=1, max_slippage_pct=1, deadline_s=20
            )
        )
        s.quote(s.call, 190.0, bid=189.95, ask=190.05)
        s.seconds(15)
        assert s.orders[0].lifecycle is Lifecycle.OPEN
        assert s.orders[0].price == Decimal("171.70")
        s.seconds(10)
        assert s.group("group").state is GroupState.UNWOUND
        assert "not filled within 20 s" in s.group("group").why

    def test_a_chase_never_goes_backwards(self, stage: Any) -> None:
        s = stage({"when": {"leg": 1}, "do": "fill_half"}, latency_ms=40)
        s.enter(buy(s.call), leg_timeout_s=1)
        paid = s.orders[0].price
        s.quote(s.call, 160.0)
        s.seconds(5)
        assert s.orders[0].price >= paid

    def test_a_limit_of_the_author_is_left_where_it_is(self, stage: Any) -> None:
        s = stage()
        s.ask(lambda p: p.place(buy(s.call, limit=150.0), name="group"))
        s.seconds(90)
        assert s.group("group").state is GroupState.WORKING
        assert s.orders[0].price == Decimal(150)
        s.quote(s.call, 149.0)
        s.seconds(2)
        assert s.group("group").is_held


class TestResting:
    """An order that nobody chases is looked at when something is heard of it, or due."""

    def test_while_it_rests_no_timer_waits(self, stage: Any) -> None:
        s = stage()
        idle = s._kernel.next_timer()
        s.ask(lambda p: p.place(buy(s.call, limit=150.0), name="group"))
        s.seconds(2)
        assert s.group("group").state is GroupState.WORKING
        assert s._kernel.next_timer() == idle

    def test_its_deadline_is_kept_to_the_moment(self, stage: Any) -> None:
        s = stage()
        s.enter(buy(s.call, limit=150.0), deadline_s=7.5)
        s.seconds(7)
        assert s.group("group").state is GroupState.WORKING
        s.seconds(1)
        assert s.group("group").is_done
        assert "not filled within 7.5 s" in s.group("group").why

    def test_a_market_leg_beside_it_is_chased_all_the_same(self, stage: Any) -> None:
        s = stage(latency_ms=40)
        s.quote(s.put, 170.0, bid=169.95, ask=170.05)
        s.ask(lambda p: p.watch(s.put))
        s.enter(buy(s.call, limit=150.0), buy(s.put), leg_timeout_s=2, deadline_s=60)
        s.quote(s.put, 171.0, bid=170.95, ask=171.05)
        s.seconds(5)
        (leg,) = (o for o in s.orders if o.instrument is s.put)
        assert (leg.lifecycle, leg.price) == (Lifecycle.FILLED, Decimal("171.05"))

    def test_another_attempt_is_made_when_it_is_due(self, stage: Any) -> None:
        s = stage({"when": {"leg": 1, "attempt": 1}, "do": "reject"})
        s.enter(buy(s.call, limit=150.0), on_failure="retry", deadline_s=60)
        s.seconds(3)
        assert [o.key.attempt for o in s.orders] == [1, 2]
        assert s.orders[1].lifecycle is Lifecycle.OPEN

    def test_once_a_group_is_done_nothing_of_it_is_waited_for(self, stage: Any) -> None:
        s = stage()
        idle = s._kernel.next_timer()
        s.enter(sell(s.call), sell(s.put))
        s.seconds(0.5)
        assert s.group("group").is_held
        assert s._kernel.next_timer() == idle


class TestSlices:
    def test_more_than_the_exchange_takes_in_one_order_goes_out_in_slices(self, stage: Any) -> None:
        s = stage()
        s.enter(buy(s.call, 60))
        s.seconds(10)
        assert [o.request.quantity for o in s.orders] == [1755, 1755, 390]
        assert s.group("group").is_held

    def test_and_comes_back_in_slices(self, stage: Any) -> None:
        s = stage()
        s.enter(buy(s.call, 60))
        s.seconds(10)
        s.ask(lambda p: p.exit("group"))
        s.seconds(10)
        exits = [o for o in s.orders if o.key.exit]
        assert [o.request.quantity for o in exits] == [1755, 1755, 390]
        assert [o.key.slice for o in exits] == [0, 1, 2]
        assert s.group("group").state is GroupState.CLOSED

    def test_a_slice_that_fails_leaves_those_before_it_to_be_unwound(self, stage: Any) -> None:
        s = stage({"when": {"leg": 1, "nth": 2}, "do": "reject"})
        s.enter(buy(s.call, 60))
        s.seconds(10)
        assert s.group("group").state is GroupState.UNWOUND
        assert s.nets() == {}

    def test_a_quantity_beyond_reason_is_refused_without_planning_each_slice(
        self, stage: Any
    ) -> None:
        s = stage()
        s.enter(buy(s.call, 100_000))
        s.seconds(1)
        assert s.group("group").state is GroupState.REFUSED
        assert "more than 50 orders" in s.group("group").why


class TestAccounts:
    def test_each_account_gets_its_weight_of_every_leg(self, stage: Any) -> None:
        s = stage(accounts={"small": 1, "large": 3})
        s.enter(sell(s.call), sell(s.put))
        s.seconds(2)
        assert {(o.account, o.request.quantity) for o in s.orders} == {
            ("small", 65),
            ("large", 195),
        }
        assert s.group("group").is_held

    def test_an_account_that_fails_is_unwound_and_the_other_stays(self, stage: Any) -> None:
        s = stage({"when": {"leg": 2, "nth": 2}, "do": "reject"}, accounts={"a": 1, "b": 1})
        s.enter(sell(s.call), sell(s.put))
        s.seconds(5)
        assert s.parts["a"].state is GroupState.HELD
        assert s.parts["b"].state is GroupState.UNWOUND
        assert s.group("group").is_held
        s.ask(lambda p: p.exit("group"))
        s.seconds(5)
        assert s.group("group").is_done
        assert s.nets() == {}

    def test_the_least_settled_account_speaks_for_the_group(self, stage: Any) -> None:
        s = stage({"when": {"leg": 1, "nth": 2}, "do": "fill_half"}, accounts={"a": 1, "b": 1})
        s.enter(sell(s.call), leg_timeout_s=30)
        s.seconds(2)
        assert s.group("group").state is GroupState.WORKING


def _limits(**changes: Any) -> AccountLimits:
    return AccountLimits(**({"max_uncovered_short_lots": 20} | changes))
