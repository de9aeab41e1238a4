from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from brokers.paper.config import PaperConfig
from engine import GroupState, time
from engine.testing import StrategyHarness
from risk.limits import AccountLimits
from strategies.short_straddle import ShortStraddle, StraddleParams


def _harness(**options: Any) -> StrategyHarness:
    harness = StrategyHarness(ShortStraddle, **({"underlying": "NIFTY"} | options))
    harness.spot(24_312.0)
    return harness


def _rejecting(times: int) -> PaperConfig:
    fault = {"when": {"leg": 2, "purpose": "entry"}, "do": "reject", "times": times}
    return PaperConfig(latency_ms=40, reply_latency_ms=40, faults=[fault])


def test_it_sells_the_straddle_at_its_time() -> None:
    harness = _harness()
    harness.advance("09:19:59")
    assert harness.orders == []
    harness.advance("09:20:05")
    assert harness.group("straddle").is_held
    assert harness.position(harness.option(24_300, "CE")) == -65
    assert harness.position(harness.option(24_300, "PE")) == -65


def test_it_leaves_when_the_premium_has_risen_too_far() -> None:
    harness = _harness(stop_pct=25, reentries_max=0)
    harness.advance("09:20:05")
    harness.spot(24_312.0, volatility=0.15)
    harness.seconds(2)
    assert harness.group("straddle").is_held
    harness.spot(24_312.0, volatility=0.17)
    harness.seconds(3)
    assert harness.group("straddle").state is GroupState.CLOSED
    assert "stop: its premium has risen by" in harness.group("straddle").why


def test_it_sells_again_after_a_pause_and_only_so_often() -> None:
    harness = _harness(stop_pct=10, reentries_max=1, reentry_after_s=120)
    harness.advance("09:20:05")
    harness.spot(24_520.0)
    harness.seconds(100)
    assert harness.group("straddle").group_id.endswith(".1")
    harness.seconds(30)
    assert harness.group("straddle").group_id.endswith(".2")
    assert harness.group("straddle").is_held
    assert harness.position(harness.option(24_500, "CE")) == -65
    harness.spot(24_760.0)
    harness.seconds(600)
    assert harness.group("straddle").group_id.endswith(".2")
    assert harness.group("straddle").is_done


def test_it_does_not_sell_again_late_in_the_day() -> None:
    harness = _harness(stop_pct=10, last_entry_at=time(9, 23), reentry_after_s=120)
    harness.advance("09:21:05")
    harness.spot(24_520.0)
    harness.seconds(300)
    assert harness.group("straddle").group_id.endswith(".1")


def test_it_leaves_at_its_time() -> None:
    harness = _harness(leave_at=time(9, 25), last_entry_at=time(9, 24))
    harness.advance("09:25:05")
    assert harness.group("straddle").state is GroupState.CLOSED
    assert harness.group("straddle").why == "end of the day"
    harness.seconds(600)
    assert harness.group("straddle").group_id.endswith(".1")


def test_started_after_its_time_it_sells_nothing_but_would_still_leave() -> None:
    harness = _harness(start="15:20:00")
    harness.seconds(60)
    assert harness.orders == []
    assert any("it does not run today" in line for line in harness.log)
    assert any("it runs now" in line for line in harness.log)


@pytest.mark.parametrize("failures", [1, 2])
def test_one_rejected_leg_is_unwound_and_the_straddle_tried_again(failures: int) -> None:
    harness = _harness(paper=_rejecting(failures), retry_after_s=30)
    harness.advance("09:23:00")
    assert harness.group("straddle").group_id.endswith(f".{failures + 1}")
    assert harness.group("straddle").is_held
    assert harness.position(harness.option(24_300, "CE")) == -65


def test_it_gives_up_after_so_many_tries() -> None:
    limits = AccountLimits(max_uncovered_short_lots=20, max_rejections=50)
    harness = _harness(paper=_rejecting(99), limits=limits, attempts_max=3, retry_after_s=5)
    harness.advance("09:40:00")
    assert harness.group("straddle").group_id.endswith(".3")
    assert harness.group("straddle").state is GroupState.UNWOUND
    assert not harness.halted
    assert sum("no straddle" in line for line in harness.log) == 3


def test_a_refusal_is_said_and_not_hammered() -> None:
    harness = _harness(limits=AccountLimits(max_uncovered_short_lots=0), attempts_max=2)
    harness.advance("09:40:00")
    assert harness.orders == []
    said = [line for line in harness.log if "no straddle" in line]
    assert len(said) == 2
    assert "uncovered short" in said[0]


def test_without_a_price_of_the_index_it_waits_a_little() -> None:
    harness = StrategyHarness(ShortStraddle, underlying="NIFTY", retry_after_s=30)
    harness.advance("09:20:10")
    assert not harness.halted
    harness.spot(24_312.0)
    harness.advance("09:20:40")
    assert harness.group("straddle").is_held


def test_a_straddle_that_is_stuck_is_left_alone() -> None:
    fault = {"when": {"leg": 1, "purpose": "entry"}, "do": "never_reply"}
    harness = _harness(paper=PaperConfig(reply_timeout_s=3, faults=[fault]))
    harness.advance("09:30:00")
    assert harness.group("straddle").state is GroupState.STUCK
    assert len(harness.orders) == 2


@pytest.mark.parametrize(
    "params",
    [
        {"stop_pct": 0},
        {"stop_pct": float("nan")},
        {"lots": 0},
        {"enter_at": time(15, 0)},
        {"leave_at": time(14, 0)},
        {"enter_at": "09:20+05:30"},
        {"reentry_after_s": 0},
        {"stop": 25},
    ],
)
def test_parameters_that_make_no_sense_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        StraddleParams(underlying="NIFTY", **params)


def test_every_parameter_is_explained() -> None:
    assert all(field.description for field in StraddleParams.model_fields.values())
