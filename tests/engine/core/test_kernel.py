"""The kernel as a whole: the same events give the same effects, and a session ends in order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine import buy, sell
from engine.model.codec import encode
from engine.model.effect import Subscribe, Unsubscribe
from engine.model.record import (
    GroupPlanned,
    OrderChanged,
    OrderFilled,
    RiskJudged,
    SessionClosed,
)

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import hashlib
from engine.model.codec import encode
from engine.testing import StrategyHarness
from strategies.iron_condor import IronCondor
h = StrategyHarness(IronCondor, underlying="NIFTY")
h.spot(24_312.0); h.advance("09:30:20"); h.spot(24_700.0); h.seconds(5); h.stop()
print(len(h.records), hashlib.sha256(b"".join(map(encode, h.records))).hexdigest())
"""


def test_the_same_day_is_journaled_the_same_whatever_the_hash_seed() -> None:
    answers = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "4711")
    }
    assert len(answers) == 1
    assert int(answers.pop().split()[0]) > 20


def test_two_stages_in_one_process_do_not_share_anything(stage: Any) -> None:
    def play() -> list[bytes]:
        s = stage(latency_ms=40)
        s.enter(sell(s.call), sell(s.put))
        s.seconds(3)
        return [encode(record) for record in s.records]

    assert play() == play()


def test_an_entry_is_planned_judged_approved_sent_and_filled_in_the_journal(stage: Any) -> None:
    s = stage()
    s.enter(buy(s.call))
    s.seconds(1)
    kinds = [type(record) for record in s.records]
    assert kinds.index(GroupPlanned) < kinds.index(RiskJudged) < kinds.index(OrderChanged)
    assert [r.order.lifecycle for r in s.records if isinstance(r, OrderChanged)][:3] == [
        "APPROVED",
        "SENDING",
        "SENDING",
    ]
    (fill,) = [r.fill for r in s.records if isinstance(r, OrderFilled)]
    assert fill.quantity == 65


def test_a_journaled_request_names_the_hook_that_asked_for_it(stage: Any) -> None:
    s = stage()
    s.enter(buy(s.call))
    s.seconds(1)
    (planned,) = [r for r in s.records if isinstance(r, GroupPlanned)]
    assert planned.cause.hook == "strategy.<lambda>"
    judged = next(r for r in s.records if isinstance(r, RiskJudged))
    assert judged.cause.hook in ("engine", "strategy.on_tick")


def test_the_end_says_what_is_open_and_at_what_it_is_marked(stage: Any) -> None:
    s = stage()
    s.quote(s.call, 170.0)
    s.enter(buy(s.call))
    s.seconds(1)
    s.quote(s.call, 180.0)
    s.stop()
    (closed,) = [r for r in s.records if isinstance(r, SessionClosed)]
    assert closed.reason == "the test ended"
    assert closed.marks == {s.call.key: 180.0}
    assert closed.unrealised_inr["strategy"] == pytest.approx((180.0 - 170.05) * 65)


class TestListening:
    def test_the_feed_is_asked_once_for_what_several_ask_for(self, stage: Any) -> None:
        s = stage()
        asked = _spy(s)
        s.ask(lambda p: (p.watch(s.call), p.watch(s.call), p.enter(buy(s.call), name="group")))
        s.seconds(1)
        assert asked == [f"+{s.call.symbol}"]

    def test_books_are_asked_for_apart_from_ticks(self, stage: Any) -> None:
        s = stage()
        asked = _spy(s)
        s.ask(lambda p: p.watch(s.call))
        s.ask(lambda p: p.watch(s.call, depth=True))
        assert asked == [f"+{s.call.symbol}", f"+{s.call.symbol} depth"]

    def test_a_leg_nobody_else_watches_is_let_go_when_its_group_is_flat(self, stage: Any) -> None:
        s = stage()
        asked = _spy(s)
        s.ask(lambda p: p.watch(s.put))
        s.enter(buy(s.call), buy(s.put))
        s.seconds(2)
        s.ask(lambda p: p.exit("group"))
        s.seconds(2)
        assert asked == [f"+{s.put.symbol}", f"+{s.call.symbol}", f"-{s.call.symbol}"]

    def test_a_leg_of_two_groups_is_watched_until_both_are_flat(self, stage: Any) -> None:
        s = stage()
        s.enter(buy(s.call), name="one")
        s.seconds(2)
        s.enter(buy(s.call), name="two")
        s.seconds(2)
        s.ask(lambda p: p.exit("one"))
        s.seconds(2)
        assert s.strategy.last(s.call) is not None
        s.ask(lambda p: p.exit("two"))
        s.seconds(2)
        assert s.strategy.last(s.call) is None

    def test_a_late_fill_of_a_group_that_was_let_go_gets_prices_again(self, stage: Any) -> None:
        s = stage({"when": {"leg": 1}, "do": "fill_half"})
        s.enter(buy(s.call), deadline_s=5, leg_timeout_s=60)
        s.seconds(8)
        assert s.strategy.last(s.call) is None
        late = s.orders[0]
        s.report(late, "FILLED", broker_id=late.broker_id, filled_quantity=65)
        s.seconds(5)
        assert s.nets() == {}


def _spy(s: Any) -> list[str]:
    """Write down what the feed is asked for."""
    asked: list[str] = []
    carry_out = s._runner._effects.carry_out

    def watch(effects: Any, now: int) -> None:
        for effect in effects:
            if isinstance(effect, Subscribe):
                tail = " depth" if effect.depth else ""
                asked.extend(f"+{i.symbol}{tail}" for i in effect.instruments)
            if isinstance(effect, Unsubscribe):
                asked.extend(f"-{i.symbol}" for i in effect.instruments)
        carry_out(effects, now)

    s._runner._effects.carry_out = watch
    return asked
