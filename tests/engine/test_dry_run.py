"""What ``engine check`` finds out by running in memory: first groups, their prices and payoffs."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from engine import app
from engine.cli.payoff_lines import first_group_json, first_group_lines
from engine.dry_run import NO_GROUP, DryRun
from engine.model.payoff import UNBOUNDED
from engine.model.side import Side
from engine.rules.clock_time import clock_text

RECORDING = Path(__file__).resolve().parents[2] / "recordings" / "nifty-open.arrow"

STRATEGIES = """
from engine import Params, Strategy, buy, sell, time


class Spread(Strategy[Params]):
    def on_start(self) -> None:
        self.watch("NIFTY")
        self.at(time(9, 21), self.go)

    def go(self) -> None:
        call = self.chain("NIFTY").call()
        self.enter(sell(call, 2), buy(self.chain("NIFTY").further(call, 4), 2), name="spread")

    def on_legs(self, group) -> None:
        if group.is_held:
            self.log.info("its second group is not looked for")
            self.enter(buy(self.future("NIFTY")), name="second")


class Naked(Strategy[Params]):
    def on_start(self) -> None:
        self.watch("NIFTY")
        self.at(time(9, 22), self.go)

    def go(self) -> None:
        self.enter(sell(self.chain("NIFTY").put()), name="naked")


class Idle(Strategy[Params]):
    def on_start(self) -> None:
        self.watch("NIFTY")


class Breaks(Strategy[Params]):
    def on_start(self) -> None:
        self.at(time(9, 20), self.go)

    def go(self) -> None:
        raise KeyError("nothing")
"""

YAML = """
mode: paper
feed: {{replay: {recording}}}
risk: {{max_uncovered_short_lots: 4, max_group_loss_inr: 50000, reference_max_age_s: {{option: 20}}}}
strategies:
  spread: {{uses: ./four.py:Spread, accounts: {{first: 1, second: 2}}}}
  naked: {{uses: ./four.py:Naked}}
  idle: {{uses: ./four.py:Idle}}
  breaks: {{uses: ./four.py:Breaks}}
"""


@pytest.fixture
def dry_run(tmp_path: Path) -> Callable[[str], DryRun]:
    def run(text: str = YAML) -> DryRun:
        (tmp_path / "four.py").write_text(STRATEGIES)
        path = tmp_path / "strategies.yaml"
        path.write_text(textwrap.dedent(text.format(recording=RECORDING)).lstrip())
        loaded = app.load(path)
        made = DryRun(loaded, app.open_recording(loaded.configuration.recording))
        asyncio.run(made.run())
        return made

    return run


def test_every_strategy_is_found_or_skipped_with_its_reason(
    dry_run: Callable[..., DryRun], tmp_path: Path
) -> None:
    found = dry_run()
    assert set(found.found) == {"spread", "naked"}
    assert found.skipped["idle"] == NO_GROUP
    assert found.skipped["breaks"].startswith("halted at 09:20:00: ")
    assert "KeyError" in found.skipped["breaks"]
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == [
        "four.py",
        "strategies.yaml",
    ]


def test_the_first_group_has_its_moment_its_prices_and_its_payoff(
    dry_run: Callable[..., DryRun],
) -> None:
    group = dry_run().found["spread"]
    assert group.group_id == "spread.spread.1"
    assert clock_text(group.at, 0) == "09:21:00"
    sold, bought = group.legs
    assert (sold.side, bought.side) == (Side.SELL, Side.BUY)
    # Two lots for the first account and two times two for the second.
    assert [leg.lots for leg in group.legs] == [6, 6]
    units = 6 * sold.instrument.lot_size
    assert sold.instrument.strike is not None
    assert bought.instrument.strike is not None
    width = bought.instrument.strike - sold.instrument.strike
    taken = sold.price - bought.price
    assert group.payoff.max_profit_inr == units * taken
    assert group.payoff.max_loss_inr == units * (width - taken)
    assert group.payoff.breakevens == (sold.instrument.strike + taken,)
    assert not group.refused


def test_what_risk_refuses_is_shown_with_its_reason(dry_run: Callable[..., DryRun]) -> None:
    group = dry_run().found["naked"]
    (leg,) = group.legs
    assert leg.instrument.strike is not None
    worst = leg.instrument.lot_size * (leg.instrument.strike - leg.price)
    assert group.payoff.max_loss_inr == worst > Decimal(50_000)
    assert group.refused.startswith("group loss (naked.naked.1): Rs ")
    assert "limit Rs 50,000" in group.refused
    lines = first_group_lines(group)
    assert lines[0] == "09:22:00 naked.naked.1, refused by risk"
    assert lines[-1] == f"  refused: {group.refused}"


def test_it_reads_as_lines_and_as_data(dry_run: Callable[..., DryRun]) -> None:
    group = dry_run(YAML.replace("max_group_loss_inr: 50000, ", "")).found["naked"]
    (leg,) = group.legs
    lines = first_group_lines(group)
    assert lines[0] == "09:22:00 naked.naked.1"
    assert lines[1].startswith(f"  SELL 1 lot {leg.instrument.symbol} at ")
    assert lines[2].startswith("  at expiry, before charges: most profit Rs ")
    assert lines[3].startswith("  breaks even at ")
    told = first_group_json(group)
    assert told["payoff"]["max_loss_inr"] == group.payoff.max_loss_inr is not UNBOUNDED
    assert told["refused"] == ""
    assert told["at"].startswith("09:22:00.")
