"""Leaving: exits and their mirror order, failures, late fills, cancels and changes."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest

from engine import GroupState, buy, sell
from engine.model.command import MessageKind
from engine.model.event import KillMode, ReplyClassified, ReplyOutcome
from engine.model.order import Lifecycle
from engine.model.record import KillRecorded


class TestExit:
    def test_sold_options_come_back_before_their_hedges_go(self, stage: Any) -> None:
        s = stage(latency_ms=40)
        s.enter(buy(s.far_call), buy(s.far_put), sell(s.call), sell(s.put))
        s.seconds(3)
        s.ask(lambda p: p.exit("group", "enough"))
        s.seconds(3)
        exits = [o for o in s.orders if o.key.exit]
        shorts, hedges = exits[:2], exits[2:]
        assert {o.side for o in shorts} == {"BUY"}
        assert {o.side for o in hedges} == {"SELL"}
        assert max(o.updated_at for o in shorts) <= min(o.request.created_at for o in hedges)
        assert s.group("group").state is GroupState.CLOSED
        assert s.group("group").why == "enough"
        assert s.nets() == {}

    def test_asking_twice_sends_once(self, stage: Any) -> None:
        s = stage(latency_ms=40)
        s.enter(sell(s.call))
        s.seconds(1)
        s.ask(lambda p: (p.exit("group"), p.exit("group")))
        s.ask(lambda p: p.exit("group"))
        s.seconds(2)
        assert len([o for o in s.orders if o.key.exit]) == 1

    @pytest.mark.parametrize("name", ["never-entered", "group"])
    def test_an_exit_that_has_nothing_to_do_is_done(self, stage: Any, name: str) -> None:
        s = stage()
        s.enter(sell(s.call))
        s.seconds(1)
        s.ask(lambda p: p.exit("group"))
        s.seconds(2)
        s.ask(lambda p: p.exit(name))
        assert not s.halted

    def test_a_resting_exit_is_chased_until_it_fills(self, stage: Any) -> None:
        s = stage(latency_ms=40)
        s.enter(sell(s.call))
        s.seconds(1)
        s.ask(lambda p: p.exit("group"))
        s.quote(s.call, 180.0)
        s.seconds(4)
        (left,) = [o for o in s.orders if o.key.exit]
        assert s.group("group").state is GroupState.CLOSED
        assert left.generation >= 1

    def test_during_the_entry_it_takes_back_what_works_and_closes_what_filled(
        self, stage: Any
    ) -> None:
        s = stage({"when": {"leg": 2}, "do": "fill_half"}, latency_ms=40)
        s.enter(sell(s.call), sell(s.put))
        s.seconds(1)
        assert s.group("group").state is GroupState.WORKING
        s.ask(lambda p: p.exit("group", "enough"))
        s.seconds(3)
        assert s.states[-2:] == ["group: UNWINDING", "group: UNWOUND"]
        assert s.nets() == {}
        assert s.sent()[1] == "entry SELL 1 24300 PE CANCELLED"

    def test_it_does_not_trade_with_its_own_entry(self, stage: Any) -> None:
        """Half a leg has filled and the rest works: that is taken back before the half is sold."""
        s = stage({"when": {"leg": 1}, "do": "fill_half"}, latency_ms=200)
        s.enter(buy(s.call, 4))
        s.seconds(1)
        s.ask(lambda p: p.exit("group"))
        s.seconds(3)
        entry, left = s.orders
        assert entry.lifecycle is Lifecycle.CANCELLED
        assert left.request.created_at >= entry.updated_at
        assert left.request.quantity == 130
        assert s.nets() == {}

    def test_a_fill_that_overtakes_the_cancel_is_closed_too(self, stage: Any) -> None:
        s = stage({"when": {"leg": 2}, "do": "fill_half"}, latency_ms=200)
        s.enter(sell(s.call), sell(s.put))
        s.seconds(1)
        s.ask(lambda p: p.exit("group"))
        resting = s.orders[1]
        s.report(resting, "FILLED", broker_id=resting.broker_id, filled_quantity=65)
        s.seconds(3)
        assert s.nets() == {}
        assert s.group("group").state is GroupState.UNWOUND


class TestExitFails:
    def test_a_rejected_exit_is_tried_again_after_a_pause(self, stage: Any) -> None:
        s = stage({"when": {"purpose": "exit"}, "do": "reject", "times": 2})
        s.enter(sell(s.call))
        s.seconds(1)
        s.ask(lambda p: p.exit("group"))
        s.seconds(5)
        exits = [o for o in s.orders if o.key.exit]
        assert [o.lifecycle for o in exits] == ["REJECTED", "REJECTED", "FILLED"]
        assert [o.key.attempt for o in exits] == [1, 2, 3]
        gaps = [b.request.created_at - a.updated_at for a, b in itertools.pairwise(exits)]
        assert min(gaps) >= 1_000_000_000
        assert s.group("group").state is GroupState.CLOSED

    def test_when_attempts_are_used_up_it_is_stranded_and_everything_is_killed(
        self, stage: Any
    ) -> None:
        s = stage({"when": {"purpose": "exit"}, "do": "reject", "times": 99})
        s.enter(sell(s.call), exit_retries=2)
        s.seconds(1)
        s.ask(lambda p: p.exit("group"))
        s.seconds(10)
        assert s.group("group").state is GroupState.STRANDED
        assert len([o for o in s.orders if o.key.exit]) == 3
        (kill,) = [r for r in s.records if isinstance(r, KillRecorded)]
        assert kill.mode is KillMode.CANCEL_ALL
        assert any("A person is needed" in line.text for line in s.alerts())
        s.seconds(60)
        assert len([o for o in s.orders if o.key.exit]) == 3

    def test_after_a_person_armed_it_again_it_gets_all_its_attempts(self, stage: Any) -> None:
        s = stage({"when": {"purpose": "exit"}, "do": "reject", "times": 3})
        s.enter(sell(s.call), exit_retries=2)
        s.seconds(1)
        s.ask(lambda p: p.exit("group"))
        s.seconds(10)
        s._kernel._kill_switch.arm("all")
        s.ask(lambda p: p.exit("group", "again"))
        s.seconds(5)
        assert s.group("group").state is GroupState.CLOSED

    def test_one_that_does_not_fill_in_time_is_stranded(self, stage: Any) -> None:
        s = stage({"when": {"purpose": "exit"}, "do": "fill_half"})
        s.enter(sell(s.call), exit_deadline_s=20)
        s.seconds(1)
        s.ask(lambda p: p.exit("group"))
        s.seconds(25)
        assert s.group("group").state is GroupState.STRANDED
        assert "not flat in 20 s" in s.group("group").why

    def test_an_entry_that_is_never_answered_is_not_waited_for_for_ever(self, stage: Any) -> None:
        """Nothing is held, but an order may be: the deadline counts although no leg has a net."""
        s = stage({"when": {"leg": 1}, "do": "reply_late", "delay_s": 500}, reply_timeout_s=1000)
        s.enter(sell(s.call), exit_deadline_s=20)
        s.seconds(1)
        s.ask(lambda p: p.exit("group"))
        s.seconds(30)
        assert s.group("group").state is GroupState.STRANDED

    def test_hedges_are_kept_while_their_short_cannot_be_bought_back(self, stage: Any) -> None:
        s = stage({"when": {"purpose": "exit", "leg": 2}, "do": "reject", "times": 99})
        s.enter(buy(s.far_call), sell(s.call), exit_retries=1)
        s.seconds(2)
        s.ask(lambda p: p.exit("group"))
        s.seconds(10)
        assert s.nets() == {s.far_call: 65, s.call: -65}


class TestAfterTheClose:
    def held_at_the_close(self, stage: Any) -> Any:
        """Half of a resting order is filled when the exchange lets the rest expire."""
        s = stage({"when": {"leg": 1}, "do": "fill_half"})
        s.ask(lambda p: p.watch(s.call))
        s.seconds(2)
        s.enter(buy(s.call, 2, limit=round(s.strategy.last(s.call)) + 2), deadline_s=None)
        s.advance("15:40:01")
        return s

    def test_what_cannot_be_closed_any_more_is_told_and_not_tried(self, stage: Any) -> None:
        s = self.held_at_the_close(stage)
        assert s.group("group").state is GroupState.STRANDED
        assert [o.lifecycle for o in s.orders] == ["EXPIRED"]
        (told,) = [line.text for line in s.alerts() if "STRANDED" in line.text]
        what = "nothing of it trades today after 15:40:00, and it holds +65 NIFTY 25AUG26 24300 CE"
        assert what in told
        s.seconds(300)
        assert len(s.orders) == 1

    def test_only_its_own_strategy_is_killed(self, stage: Any) -> None:
        s = self.held_at_the_close(stage)
        (kill,) = [r for r in s.records if isinstance(r, KillRecorded)]
        assert (kill.scope, kill.mode) == (s.strategy.id, KillMode.CANCEL_ALL)

    def test_an_exit_asked_for_then_is_no_other(self, stage: Any) -> None:
        s = stage()
        s.enter(sell(s.call))
        s.advance("15:41:00")
        s.ask(lambda p: p.exit("group", "too late"))
        assert s.group("group").state is GroupState.STRANDED
        assert "it holds -65 NIFTY 25AUG26 24300 CE" in s.group("group").why
        assert not [o for o in s.orders if o.key.exit]


class TestLate:
    def test_a_fill_after_the_end_opens_the_group_again_and_is_unwound(self, stage: Any) -> None:
        s = stage({"when": {"leg": 1}, "do": "fill_half"})
        s.enter(buy(s.call), deadline_s=5, leg_timeout_s=60, exit_deadline_s=30)
        s.seconds(8)
        assert s.group("group").state is GroupState.UNWOUND
        s.seconds(300)
        cancelled = s.orders[0]
        s.report(cancelled, "FILLED", broker_id=cancelled.broker_id, filled_quantity=65)
        assert s.group("group").state is GroupState.UNWINDING
        s.seconds(5)
        assert s.group("group").state is GroupState.UNWOUND
        assert s.sent()[-1] == "unwind SELL 1 24300 CE FILLED"
        assert s.group("group").why == "65 units filled late"
        assert s.nets() == {}

    def test_a_fill_that_completes_what_was_held_incomplete_makes_it_held(self, stage: Any) -> None:
        s = stage({"when": {"leg": 2}, "do": "reject"})
        s.enter(sell(s.call), sell(s.put), on_failure="hold")
        s.seconds(2)
        assert s.group("group").state is GroupState.PARTIAL_HELD
        rejected = s.orders[1]
        s.report(rejected, "FILLED", broker_id=rejected.broker_id, filled_quantity=65)
        assert s.group("group").is_held

    def test_although_its_name_was_used_again(self, stage: Any) -> None:
        s = stage({"when": {"leg": 1, "nth": 1}, "do": "fill_half"})
        s.enter(buy(s.call), deadline_s=5, leg_timeout_s=60)
        s.seconds(8)
        s.enter(buy(s.put))
        s.seconds(2)
        cancelled = s.orders[0]
        s.report(cancelled, "FILLED", broker_id=cancelled.broker_id, filled_quantity=65)
        s.seconds(5)
        assert s.nets() == {s.put: 65}
        assert s.group("group").group_id == "strategy.group.2"


class TestCancel:
    def test_of_an_order_that_rests_ends_the_group(self, stage: Any) -> None:
        s = stage()
        s.ask(lambda p: p.place(buy(s.call, limit=150.0), name="group"))
        s.seconds(2)
        s.ask(lambda p: p.cancel("group"))
        s.seconds(2)
        assert s.group("group").state is GroupState.UNWOUND
        assert s.sent() == ["entry BUY 1 24300 CE CANCELLED"]

    def test_is_not_taken_for_a_failure_that_is_retried(self, stage: Any) -> None:
        s = stage()
        s.ask(lambda p: p.place(buy(s.call, limit=150.0), name="group", on_failure="retry"))
        s.seconds(2)
        s.ask(lambda p: p.cancel("group"))
        s.seconds(10)
        assert s.group("group").state is GroupState.UNWOUND
        assert len(s.orders) == 1

    def test_keeps_what_had_filled(self, stage: Any) -> None:
        s = stage({"when": {"leg": 1}, "do": "fill_half"}, latency_ms=40)
        s.ask(lambda p: p.enter(buy(s.call, 4), name="group", leg_timeout_s=60))
        s.seconds(2)
        s.ask(lambda p: p.cancel("group"))
        s.seconds(2)
        assert s.group("group").state is GroupState.PARTIAL_HELD
        assert s.nets() == {s.call: 130}

    def test_that_a_fill_overtook_leaves_the_group_held(self, stage: Any) -> None:
        s = stage(latency_ms=300)
        s.ask(lambda p: p.place(buy(s.call, limit=150.0), name="group"))
        s.seconds(2)
        s.ask(lambda p: p.cancel("group"))
        (order,) = s.orders
        s.report(order, "FILLED", broker_id=order.broker_id, filled_quantity=65)
        s.seconds(2)
        assert s.group("group").is_held

    def test_before_anything_was_sent_sends_nothing(self, stage: Any) -> None:
        s = stage()
        s.enter(sell(s.call), buy(s.far_call))
        s = stage(latency_ms=100)
        s.enter(sell(s.call), buy(s.far_call))
        s.ask(lambda p: p.cancel("group"))
        s.seconds(3)
        assert [o.side for o in s.orders] == ["BUY"]
        assert s.group("group").state in (GroupState.UNWOUND, GroupState.PARTIAL_HELD)

    def test_of_a_held_group_changes_nothing(self, stage: Any) -> None:
        s = stage()
        s.enter(sell(s.call))
        s.seconds(1)
        s.ask(lambda p: p.cancel("group"))
        s.seconds(1)
        assert s.group("group").is_held

    def test_that_a_broker_refuses_is_asked_for_again_but_not_at_once(self, stage: Any) -> None:
        s = stage({"when": {"leg": 1}, "do": "fill_half"}, latency_ms=400)
        s.ask(lambda p: p.enter(buy(s.call), name="group", leg_timeout_s=60))
        s.seconds(2)
        s.ask(lambda p: p.cancel("group"))
        (order,) = s.orders
        s.tell(
            ReplyClassified(
                MessageKind.CANCEL, order.client_id, ReplyOutcome.REFUSED, order.broker_id
            )
        )
        assert s.orders[0].amend.state == "REFUSED"
        s.seconds(0.3)
        assert s.orders[0].amend.state == "REFUSED"
        s.seconds(3)
        assert s.group("group").state is GroupState.UNWOUND


class TestModify:
    def test_moves_the_price_of_a_resting_order(self, stage: Any) -> None:
        s = stage(latency_ms=40)
        s.ask(lambda p: p.place(buy(s.call, limit=150.0), name="group"))
        s.seconds(1)
        s.ask(lambda p: p.modify("group", limit=155.07))
        s.seconds(1)
        assert [(o.price, o.generation) for o in s.orders] == [(Decimal("155.05"), 1)]

    def test_while_another_is_under_way_waits_its_turn(self, stage: Any) -> None:
        s = stage(latency_ms=200)
        s.ask(lambda p: p.place(buy(s.call, limit=150.0), name="group"))
        s.seconds(1)
        for limit in (152.0, 154.0, 156.0):
            s.ask(lambda p, limit=limit: p.modify("group", limit=limit))
        s.seconds(3)
        assert s.orders[0].price == Decimal(156)

    def test_of_a_group_that_was_not_sent_yet_changes_what_is_sent(self, stage: Any) -> None:
        s = stage()
        s._market.quotes.pop(s.far_call)
        s.ask(lambda p: p.place(buy(s.far_call, limit=60.0), name="group"))
        s.ask(lambda p: p.modify("group", limit=65.0))
        s.quote(s.far_call, 80.0)
        s.seconds(1)
        assert [o.price for o in s.orders] == [Decimal(65)]

    def test_of_an_order_that_is_approved_and_not_sent_yet_is_sent_after_it(
        self, stage: Any
    ) -> None:
        s = stage(latency_ms=40)

        def lower(group: Any) -> None:
            if group.state is GroupState.WORKING:
                s.strategy.modify("group", limit=140.0)

        s.strategy.when_told = lower
        s.ask(lambda p: p.place(buy(s.call, limit=150.0), name="group"))
        s.seconds(1)
        assert [(o.price, o.generation) for o in s.orders] == [(Decimal(140), 1)]
        s.ask(lambda p: p.modify("group", limit=145.0))
        s.seconds(1)
        assert [(o.price, o.generation) for o in s.orders] == [(Decimal(145), 2)]

    def test_of_a_group_that_has_filled_is_said_and_harms_nobody(self, stage: Any) -> None:
        s = stage()
        s.enter(buy(s.call))
        s.seconds(1)
        s.ask(lambda p: p.modify("group", limit=1.0))
        assert not s.halted
        assert any("not modified" in line for line in s.log)

    def test_that_risk_refuses_leaves_the_order_as_it_was(self, stage: Any) -> None:
        s = stage()
        s.ask(lambda p: p.place(buy(s.call, limit=160.0), name="group"))
        s.seconds(1)
        s.ask(lambda p: p.modify("group", limit=900.0))
        s.seconds(1)
        assert s.orders[0].price == Decimal(160)
        assert not s.halted
        assert any("not modified: price collar" in line for line in s.log)

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"limit": float("nan")}, "nan is not a price"),
            ({"limit": 0.0}, "not above 0"),
            ({"trigger": 90.0}, "is no stop"),
        ],
    )
    def test_to_nonsense_halts_the_strategy(
        self, stage: Any, change: dict[str, float], why: str
    ) -> None:
        s = stage()
        s.ask(lambda p: p.place(buy(s.call, limit=150.0), name="group"))
        s.seconds(1)
        s.ask(lambda p: p.modify("group", **change))
        assert why in s.halted
        assert s.orders[0].price == Decimal(150)

    def test_of_a_group_that_is_over_is_said_and_harms_nobody(self, stage: Any) -> None:
        s = stage()
        s.ask(lambda p: p.place(buy(s.call, limit=150.0), name="group"))
        s.seconds(1)
        s.ask(lambda p: p.cancel("group"))
        s.seconds(1)
        s.ask(lambda p: p.modify("group", limit=151.0))
        assert not s.halted
        assert any("not modified" in line for line in s.log)

    def test_of_a_name_that_was_never_entered_is_a_mistake(self, stage: Any) -> None:
        s = stage()
        s.ask(lambda p: p.modify("gruop", limit=151.0))
        assert "entered no group 'gruop'" in s.halted

    def test_of_several_legs_cannot_be(self, stage: Any) -> None:
        s = stage()
        s.enter(sell(s.call), sell(s.put))
        s.ask(lambda p: p.modify("group", limit=1.0))
        assert "has 2 legs" in s.halted


class TestPlace:
    def test_a_stop_waits_for_its_trigger(self, stage: Any) -> None:
        s = stage()
        s.quote(s.call, 170.0)
        s.ask(lambda p: p.watch(s.call))
        s.ask(lambda p: p.place(buy(s.call, trigger=180.0), name="group"))
        s.seconds(2)
        (order,) = s.orders
        assert order.lifecycle is Lifecycle.TRIGGER_PENDING
        assert (order.trigger_price, order.price) == (Decimal(180), Decimal(189))
        s.quote(s.call, 181.0)
        s.seconds(2)
        assert s.group("group").is_held

    def test_its_trigger_can_be_moved(self, stage: Any) -> None:
        s = stage(latency_ms=40)
        s.quote(s.call, 170.0)
        s.ask(lambda p: p.watch(s.call))
        s.ask(lambda p: p.place(buy(s.call, trigger=180.0, limit=182.0), name="group"))
        s.seconds(1)
        s.ask(lambda p: p.modify("group", trigger=175.0, limit=176.0))
        s.seconds(1)
        assert (s.orders[0].trigger_price, s.orders[0].price) == (Decimal(175), Decimal(176))

    @pytest.mark.parametrize("trigger", [100.0, 160.0])
    def test_without_a_limit_of_its_own_its_limit_follows_its_trigger(
        self, stage: Any, trigger: float
    ) -> None:
        s = stage(latency_ms=40)
        s.quote(s.call, 170.0)
        s.ask(lambda p: p.watch(s.call))
        s.ask(lambda p: p.place(sell(s.call, trigger=150.0), name="group"))
        s.seconds(1)
        s.ask(lambda p: p.modify("group", trigger=trigger))
        s.seconds(1)
        (order,) = s.orders
        as_placed = Decimal(str(trigger)) * Decimal("0.95")
        assert (order.trigger_price, order.price) == (Decimal(str(trigger)), as_placed)

    def test_that_has_fired_keeps_its_limit_when_its_trigger_is_moved(self, stage: Any) -> None:
        s = stage({"when": {"leg": 1}, "do": "fill_half"})
        s.quote(s.call, 170.0)
        s.ask(lambda p: p.watch(s.call))
        s.ask(lambda p: p.place(sell(s.call, trigger=150.0), name="group"))
        s.seconds(1)
        s.quote(s.call, 149.0)
        s.seconds(1)
        s.ask(lambda p: p.modify("group", trigger=149.0))
        s.seconds(1)
        (order,) = s.orders
        assert (order.lifecycle, order.price) == (Lifecycle.OPEN, Decimal("142.5"))

    def test_its_group_is_named_after_what_is_traded(self, stage: Any) -> None:
        s = stage()
        s.ask(lambda p: p.place(buy(s.call, limit=150.0)))
        assert s.group("NIFTY 25AUG26 24300 CE").state is GroupState.WORKING
