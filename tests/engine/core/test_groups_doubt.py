"""Doubt and kill: STUCK groups decide nothing, killed ones send nothing."""

from __future__ import annotations

from typing import Any

import pytest

from engine import GroupState, buy, sell
from engine.model.event import KillMode
from engine.model.order import Lifecycle

SILENT = {"when": {"leg": 2, "purpose": "entry"}, "do": "never_reply"}


def _stuck(stage: Any, **options: Any) -> Any:
    """A straddle whose second leg was sent and never answered."""
    s = stage(SILENT, reply_timeout_s=3, latency_ms=40)
    s.enter(sell(s.call), sell(s.put), **options)
    s.seconds(5)
    assert s.group("group").state is GroupState.STUCK
    return s


def _known(s: Any, status: str, **what: Any) -> None:
    order = s.orders[1]
    s.report(order, status, broker_id="B2", **what)


class TestStuck:
    def test_a_leg_without_an_answer_makes_the_group_stuck_and_it_says_so(self, stage: Any) -> None:
        s = _stuck(stage)
        assert s.orders[1].lifecycle is Lifecycle.IN_DOUBT
        assert any(line.text.startswith("STUCK: leg 2") for line in s.alerts())

    def test_nothing_is_sent_for_it_however_long_it_lasts(self, stage: Any) -> None:
        s = _stuck(stage)
        s.seconds(300)
        assert len(s.orders) == 2
        assert s.group("group").state is GroupState.STUCK

    def test_known_to_be_filled_it_is_held(self, stage: Any) -> None:
        s = _stuck(stage)
        _known(s, "FILLED", filled_quantity=65)
        assert s.group("group").is_held

    def test_known_to_be_rejected_it_is_unwound(self, stage: Any) -> None:
        s = _stuck(stage)
        _known(s, "REJECTED", reason="Margin")
        s.seconds(3)
        assert s.group("group").state is GroupState.UNWOUND
        assert s.nets() == {}

    def test_known_after_its_deadline_it_is_unwound(self, stage: Any) -> None:
        s = _stuck(stage, deadline_s=20)
        s.seconds(60)
        _known(s, "OPEN")
        s.seconds(3)
        assert s.group("group").state in (GroupState.UNWINDING, GroupState.UNWOUND)

    def test_a_wish_to_leave_is_kept_until_it_is_known(self, stage: Any) -> None:
        s = _stuck(stage, exit_deadline_s=30)
        s.ask(lambda p: p.exit("group", "enough"))
        assert s.group("group").state is GroupState.STUCK
        s.seconds(300)
        _known(s, "FILLED", filled_quantity=65)
        s.seconds(3)
        assert s.group("group").is_done
        assert s.group("group").why == "enough"
        assert s.nets() == {}

    def test_time_spent_stuck_on_the_way_out_does_not_count(self, stage: Any) -> None:
        s = stage(
            {"when": {"purpose": "exit", "leg": 1}, "do": "never_reply"},
            reply_timeout_s=3,
            latency_ms=40,
        )
        s.enter(sell(s.call), sell(s.put), exit_deadline_s=30)
        s.seconds(2)
        s.ask(lambda p: p.exit("group"))
        s.seconds(300)
        assert s.group("group").state is GroupState.STUCK
        in_doubt = next(o for o in s.orders if o.lifecycle is Lifecycle.IN_DOUBT)
        s.report(in_doubt, "REJECTED", broker_id="B3")
        s.seconds(5)
        assert s.group("group").state is GroupState.CLOSED
        assert s.nets() == {}

    def test_a_wish_to_cancel_is_kept_too(self, stage: Any) -> None:
        s = stage({"when": {"leg": 1}, "do": "never_reply"}, reply_timeout_s=3, latency_ms=40)
        s.enter(buy(s.call), buy(s.put), sequencing="sequential")
        s.seconds(5)
        s.ask(lambda p: p.cancel("group"))
        order = s.orders[0]
        s.report(order, "FILLED", broker_id="B1", filled_quantity=65)
        s.seconds(3)
        assert len(s.orders) == 1
        assert s.group("group").state is GroupState.PARTIAL_HELD

    def test_a_late_reply_takes_it_out_again(self, stage: Any) -> None:
        s = stage(
            {"when": {"leg": 2}, "do": "reply_late", "delay_s": 8},
            reply_timeout_s=3,
            latency_ms=40,
        )
        s.enter(sell(s.call), sell(s.put))
        s.seconds(5)
        assert s.group("group").state is GroupState.STUCK
        s.seconds(10)
        assert s.group("group").is_held
        assert len(s.orders) == 2

    def test_other_groups_go_on(self, stage: Any) -> None:
        s = _stuck(stage)
        s.enter(buy(s.far_call), name="other")
        s.seconds(2)
        assert s.group("other").is_held


class TestKill:
    def test_a_draft_is_refused(self, stage: Any) -> None:
        s = stage()
        s._market.quotes.pop(s.far_call)
        s.enter(buy(s.far_call))
        s.kill(KillMode.CANCEL_ALL)
        assert s.group("group").state is GroupState.REFUSED

    @pytest.mark.parametrize("mode", list(KillMode))
    def test_during_an_entry_nothing_more_is_entered(self, stage: Any, mode: KillMode) -> None:
        s = stage({"when": {"leg": 2}, "do": "fill_half"}, latency_ms=40)
        s.enter(buy(s.far_call), buy(s.far_put), sell(s.call), sell(s.put), leg_timeout_s=60)
        s.seconds(2)
        s.kill(mode)
        s.seconds(10)
        assert not [o for o in s.orders if o.side == "SELL" and not o.key.exit]

    def test_cancels_what_works_and_keeps_what_is_held(self, stage: Any) -> None:
        s = stage({"when": {"leg": 2}, "do": "fill_half"}, latency_ms=40)
        s.enter(sell(s.call), sell(s.put), leg_timeout_s=60)
        s.seconds(2)
        s.kill(KillMode.CANCEL_ALL)
        s.seconds(2)
        assert s.group("group").state is GroupState.KILLED
        assert s.sent() == ["entry SELL 1 24300 CE FILLED", "entry SELL 1 24300 PE CANCELLED"]
        assert s.nets() == {s.call: -65}

    def test_that_flattens_closes_what_is_held_shorts_first(self, stage: Any) -> None:
        s = stage(latency_ms=40)
        s.enter(buy(s.far_call), sell(s.call))
        s.seconds(2)
        s.kill(KillMode.FLATTEN)
        s.seconds(5)
        assert s.nets() == {}
        assert s.sent()[-2:] == ["flatten BUY 1 24300 CE FILLED", "flatten SELL 1 24500 CE FILLED"]

    def test_that_flattens_takes_over_from_an_exit_under_way(self, stage: Any) -> None:
        s = stage({"when": {"purpose": "exit"}, "do": "fill_half"}, latency_ms=40)
        s.enter(sell(s.call))
        s.seconds(1)
        s.ask(lambda p: p.exit("group"))
        s.seconds(2)
        s.kill(KillMode.FLATTEN)
        s.seconds(0.5)
        assert s.nets() == {}
        assert [line.split()[0] for line in s.sent()] == ["entry", "exit", "flatten"]

    @pytest.mark.parametrize("mode", [KillMode.BLOCK_NEW, KillMode.CANCEL_ALL])
    def test_an_exit_asked_for_under_a_kill_is_not_sent_and_strands_nothing(
        self, stage: Any, mode: KillMode
    ) -> None:
        s = stage(latency_ms=40)
        s.enter(sell(s.call))
        s.seconds(1)
        s.kill(mode)
        for _ in range(5):
            s.ask(lambda p: p.exit("group", "stop"))
            s.seconds(5)
        assert s.group("group").state is GroupState.KILLED
        assert len(s.orders) == 1
        assert len([line for line in s.states if line.endswith("KILLED")]) <= 2
        s._kernel._kill_switch.arm("all")
        s.ask(lambda p: p.exit("group", "stop"))
        s.seconds(2)
        assert s.group("group").state is GroupState.CLOSED

    def test_of_a_stuck_group_leaves_it_killed_once_it_is_known(self, stage: Any) -> None:
        s = _stuck(stage)
        s.kill(KillMode.CANCEL_ALL)
        assert s.group("group").state is GroupState.STUCK
        _known(s, "REJECTED")
        s.seconds(5)
        assert s.group("group").state is GroupState.KILLED
        assert len(s.orders) == 2

    def test_that_flattens_a_stuck_group_does_so_once_it_is_known(self, stage: Any) -> None:
        s = _stuck(stage)
        s.kill(KillMode.FLATTEN)
        assert len(s.orders) == 2
        _known(s, "FILLED", filled_quantity=65)
        s.seconds(5)
        assert s.nets() == {}

    def test_a_group_of_which_nothing_filled_ends_unwound(self, stage: Any) -> None:
        s = stage({"when": {"leg": 1}, "do": "fill_half"}, latency_ms=40)
        s.enter(sell(s.call), leg_timeout_s=60)
        s.seconds(1)
        s.kill(KillMode.CANCEL_ALL)
        s.seconds(2)
        assert s.group("group").state is GroupState.UNWOUND

    @pytest.mark.parametrize(
        ("scope", "killed"),
        [("all", True), ("strategy", True), ("account:paper", True), ("another", False)],
    )
    def test_reaches_what_its_scope_says(self, stage: Any, scope: str, *, killed: bool) -> None:
        s = stage(latency_ms=40)
        s.ask(lambda p: p.place(buy(s.call, limit=150.0), name="group"))
        s.seconds(1)
        s.kill(KillMode.CANCEL_ALL, scope)
        s.seconds(2)
        assert (s.orders[0].lifecycle is Lifecycle.CANCELLED) is killed

    def test_of_one_account_leaves_the_others(self, stage: Any) -> None:
        s = stage(accounts={"a": 1, "b": 1}, latency_ms=40)
        s.enter(sell(s.call))
        s.seconds(2)
        s.kill(KillMode.FLATTEN, "account:a")
        s.seconds(3)
        assert s.parts["a"].is_flat
        assert s.parts["b"].state is GroupState.HELD

    def test_a_foreign_order_blocks_what_is_new(self, stage: Any) -> None:
        s = stage()
        s.enter(buy(s.call))
        s.seconds(1)
        order = s.orders[0]
        s.report(order, "OPEN", broker_id="somebody else's")
        s.enter(buy(s.put), name="next")
        s.seconds(2)
        assert s.group("next").state is GroupState.REFUSED
        assert "killed by engine" in s.group("next").why
