from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from brokers.paper.config import PaperConfig
from engine import GroupState, time
from engine.testing import StrategyHarness
from strategies.opening_range import OpeningRange, OpeningRangeParams


def _harness(**options: Any) -> StrategyHarness:
    """A range of 24,280 to 24,340, seen between 09:15 and 09:30."""
    given = {"underlying": "NIFTY", "buffer_points": 5}
    if not {"trail_points", "trail_pct"} & set(options):
        given["trail_points"] = 30
    harness = StrategyHarness(OpeningRange, **(given | options))
    harness.spot(24_300.0)
    harness.advance("09:18:00")
    harness.spot(24_340.0)
    harness.advance("09:22:00")
    harness.spot(24_280.0)
    harness.advance("09:28:00")
    harness.spot(24_300.0)
    return harness


def _at(harness: StrategyHarness, *spots: float, pause_s: float = 3) -> None:
    for spot in spots:
        harness.spot(spot)
        harness.seconds(pause_s)


def test_the_range_is_that_of_its_minutes() -> None:
    harness = _harness()
    harness.advance("09:30:00")
    assert (harness.strategy.state.high, harness.strategy.state.low) == (24_340.0, 24_280.0)
    assert "info: opening range high=24340.0 low=24280.0" in harness.log


def test_inside_it_and_its_buffer_nothing_happens() -> None:
    harness = _harness()
    harness.advance("09:30:01")
    _at(harness, 24_344.9, 24_275.1)
    assert harness.orders == []


def test_before_it_stands_nothing_is_traded() -> None:
    harness = _harness()
    _at(harness, 24_500.0)
    assert harness.orders == []


def test_a_breakout_above_is_bought() -> None:
    harness = _harness()
    harness.advance("09:30:01")
    _at(harness, 24_346.0)
    assert harness.group("breakout").is_held
    assert harness.position(harness.future()) == 65


def test_a_breakout_below_is_sold() -> None:
    harness = _harness()
    harness.advance("09:30:01")
    _at(harness, 24_274.0)
    assert harness.position(harness.future()) == -65


def test_the_stop_follows_the_best_price_of_a_long_trade() -> None:
    harness = _harness(trail_points=30)
    harness.advance("09:30:01")
    _at(harness, 24_346.0, 24_400.0, 24_371.0)
    assert harness.group("breakout").is_held
    _at(harness, 24_370.0)
    assert harness.group("breakout").state is GroupState.CLOSED
    assert harness.group("breakout").why == "stop: 30.00 points back from 24400.00"
    assert harness.group("breakout").pnl_inr == pytest.approx((24_370 - 24_346.1 - 0.1) * 65)


def test_the_stop_follows_the_best_price_of_a_short_trade_in_percent() -> None:
    harness = _harness(trail_pct=0.1)
    harness.advance("09:30:01")
    _at(harness, 24_274.0, 24_200.0, 24_224.0)
    assert harness.group("breakout").is_held
    _at(harness, 24_224.3)
    assert harness.group("breakout").state is GroupState.CLOSED


def test_a_trade_that_never_gains_is_stopped_from_its_entry_price() -> None:
    harness = _harness(trail_points=30)
    harness.advance("09:30:01")
    _at(harness, 24_346.0, 24_315.0)
    assert harness.group("breakout").state is GroupState.CLOSED


def test_each_side_is_traded_once_a_day() -> None:
    harness = _harness()
    harness.advance("09:30:01")
    _at(harness, 24_346.0, 24_310.0, 24_346.0, 24_400.0)
    assert harness.group("breakout").group_id.endswith(".1")
    _at(harness, 24_274.0)
    assert harness.group("breakout").group_id.endswith(".2")
    assert harness.position(harness.future()) == -65


def test_or_as_often_as_asked() -> None:
    harness = _harness(trades_per_side_max=2)
    harness.advance("09:30:01")
    _at(harness, 24_346.0, 24_310.0, 24_346.0)
    assert harness.group("breakout").group_id.endswith(".2")
    assert harness.group("breakout").is_held


def test_a_rejected_trade_does_not_count_and_is_tried_again_later() -> None:
    fault = {"when": {"group": "breakout"}, "do": "reject"}
    harness = _harness(paper=PaperConfig(faults=[fault]), retry_after_s=30)
    harness.advance("09:30:01")
    _at(harness, 24_346.0, pause_s=10)
    assert len(harness.orders) == 1
    harness.seconds(30)
    assert harness.group("breakout").is_held
    assert harness.strategy.state.longs == 1


def test_and_not_for_ever() -> None:
    fault = {"when": {"group": "breakout"}, "do": "reject", "times": 99}
    harness = _harness(paper=PaperConfig(faults=[fault]), retry_after_s=5, failures_max=2)
    harness.advance("09:30:01")
    _at(harness, 24_346.0, pause_s=120)
    assert len(harness.orders) == 2


def test_it_leaves_at_its_time() -> None:
    harness = _harness(last_entry_at=time(9, 34), leave_at=time(9, 35))
    harness.advance("09:30:01")
    _at(harness, 24_346.0)
    harness.advance("09:35:05")
    assert harness.group("breakout").why == "end of the day"
    _at(harness, 24_100.0)
    assert harness.group("breakout").group_id.endswith(".1")


def test_started_late_it_trades_nothing() -> None:
    harness = StrategyHarness(OpeningRange, start="09:20:00", underlying="NIFTY", trail_points=30)
    harness.spot(24_300.0)
    harness.advance("09:31:00")
    _at(harness, 24_900.0)
    assert harness.orders == []
    assert "warning: started after the open: no range, so no trades today" in harness.log


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"trail_points": 30, "trail_pct": 1},
        {"trail_points": 0},
        {"trail_points": 30, "range_until": time(9, 15)},
        {"trail_points": 30, "range_until": time(9, 30, 30)},
        {"trail_points": 30, "buffer_points": -1},
    ],
)
def test_parameters_that_make_no_sense_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OpeningRangeParams(underlying="NIFTY", **params)


def test_every_parameter_is_explained() -> None:
    assert all(field.description for field in OpeningRangeParams.model_fields.values())
