from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from brokers.paper.config import PaperConfig
from engine import GroupState, time
from engine.testing import StrategyHarness
from risk.limits import AccountLimits
from strategies.iron_condor import CondorParams, IronCondor


def _harness(**options: Any) -> StrategyHarness:
    harness = StrategyHarness(IronCondor, **({"underlying": "NIFTY"} | options))
    harness.spot(24_312.0)
    return harness


def _strikes(harness: StrategyHarness) -> dict[str, int]:
    return {
        f"{o.side} {o.instrument.right}": int(o.instrument.strike or 0)
        for o in harness.orders
        if not o.key.exit
    }


def test_it_sells_by_delta_and_buys_its_wings_further_out() -> None:
    harness = _harness()
    harness.advance("09:30:05")
    strikes = _strikes(harness)
    assert strikes["BUY CE"] == strikes["SELL CE"] + 200
    assert strikes["BUY PE"] == strikes["SELL PE"] - 200
    chain = harness.strategy.chain("NIFTY")
    call = chain.strike(strikes["SELL CE"], "CE")
    assert abs((chain.delta(call) or 0) - 0.20) < 0.03
    assert harness.group("condor").is_held
    assert harness.group("condor").entry_premium_inr > 0


def test_it_sells_by_offset_where_that_is_asked_for() -> None:
    harness = _harness(short_offset=3, wing_strikes=2)
    harness.advance("09:30:05")
    assert _strikes(harness) == {
        "BUY CE": 24_550,
        "BUY PE": 24_050,
        "SELL CE": 24_450,
        "SELL PE": 24_150,
    }


def test_its_accounts_need_no_uncovered_lots() -> None:
    harness = _harness(limits=AccountLimits(max_uncovered_short_lots=0))
    harness.advance("09:30:05")
    assert harness.group("condor").is_held


def test_the_last_leg_rejected_everything_comes_back_shorts_first() -> None:
    fault = {"when": {"group": "condor", "leg": 4, "purpose": "entry"}, "do": "reject"}
    paper = PaperConfig(latency_ms=40, reply_latency_ms=40, faults=[fault])
    harness = _harness(paper=paper, attempts_max=1)
    harness.advance("09:30:20")
    assert harness.group("condor").state is GroupState.UNWOUND
    exits = [o for o in harness.orders if o.key.exit]
    assert [o.side for o in exits] == ["BUY", "SELL", "SELL"]
    assert harness.states == [
        "condor: CHECKED",
        "condor: WORKING",
        "condor: UNWINDING",
        "condor: UNWOUND",
    ]
    assert any("no condor why=leg 4 SELL 65" in line for line in harness.log)


def test_after_an_unwinding_it_tries_once_more() -> None:
    fault = {"when": {"group": "condor", "leg": 4, "purpose": "entry"}, "do": "reject"}
    harness = _harness(paper=PaperConfig(faults=[fault]), attempts_max=2, retry_after_s=30)
    harness.advance("09:32:00")
    assert harness.group("condor").group_id.endswith(".2")
    assert harness.group("condor").is_held


def test_it_takes_its_profit() -> None:
    harness = _harness(take_profit_pct=50)
    harness.advance("09:30:05")
    harness.spot(24_312.0, volatility=0.06)
    harness.seconds(3)
    assert harness.group("condor").state is GroupState.CLOSED
    assert "profit" in harness.group("condor").why
    assert harness.group("condor").pnl_inr > 0


def test_it_takes_its_loss() -> None:
    harness = _harness(stop_pct=100)
    harness.advance("09:30:05")
    harness.spot(24_850.0)
    harness.seconds(3)
    assert harness.group("condor").state is GroupState.CLOSED
    assert "stop" in harness.group("condor").why
    assert harness.group("condor").pnl_inr < 0


def test_it_leaves_at_its_time_and_does_not_come_back() -> None:
    harness = _harness(last_entry_at=time(9, 34), leave_at=time(9, 35))
    harness.advance("09:40:00")
    assert harness.group("condor").why == "end of the day"
    assert harness.group("condor").group_id.endswith(".1")


def test_without_prices_it_tries_a_little_later_and_then_gives_up() -> None:
    harness = StrategyHarness(IronCondor, underlying="NIFTY", attempts_max=2, retry_after_s=30)
    harness.advance("09:35:00")
    assert harness.orders == []
    assert not harness.halted
    assert sum("no condor" in line for line in harness.log) == 2


def test_where_no_strike_has_the_delta_nothing_is_sold() -> None:
    harness = _harness(delta_tolerance=0.01, short_delta=0.499, attempts_max=1)
    harness.advance("09:31:00")
    assert harness.orders == []
    assert any("right delta" in line for line in harness.log)


@pytest.mark.parametrize(
    "params",
    [
        {"short_delta": 0.5},
        {"short_delta": 20},
        {"short_offset": 0},
        {"wing_strikes": 0},
        {"stop_pct": 0},
        {"enter_at": time(15, 20)},
    ],
)
def test_parameters_that_make_no_sense_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CondorParams(underlying="NIFTY", **params)


def test_every_parameter_is_explained() -> None:
    assert all(field.description for field in CondorParams.model_fields.values())
