"""What the shipped strategies did before is what they do now, unless somebody meant it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.baselines.pinned import COMMAND, FOLDER, difference, made_now, pin
from tests.baselines.runs import CHAIN_YAML, RUNS, why_not
from tests.conftest import REPOSITORY


@pytest.mark.parametrize("name", RUNS)
def test_a_run_comes_to_what_is_pinned(name: str) -> None:
    if why := why_not(name):
        pytest.skip(why)
    changed = difference(name, made_now(name))
    assert not changed, f"{changed}\n\nif that is wanted: {COMMAND} {name}"


def test_every_shipped_strategy_is_pinned_on_every_recording() -> None:
    for name in RUNS:
        pinned = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        assert list(pinned["strategies"]) == ["nifty-straddle", "nifty-condor", "nifty-breakout"]
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == sorted(RUNS)


def test_the_breakout_says_that_the_real_chain_has_no_future_and_trades_nothing() -> None:
    pinned = json.loads((FOLDER / "real-chain.json").read_text(encoding="utf-8"))
    breakout = pinned["strategies"]["nifty-breakout"]
    assert breakout["exit_code"] == 2
    assert "future" in breakout["said"][0]
    assert set(breakout) == {"exit_code", "said"}


def test_a_difference_is_told_by_the_line_that_changed(tmp_path: Path) -> None:
    was = '{\n "orders": [\n  "SELL 65 at 10.05",\n  "BUY 65 at 9.00"\n ]\n}\n'
    pin("bundled", was, tmp_path)
    assert difference("bundled", was, tmp_path) == ""
    told = difference("bundled", was.replace("10.05", "10.10"), tmp_path).splitlines()
    assert [line for line in told[2:] if line[0] in "+-"] == [
        '-  "SELL 65 at 10.05",',
        '+  "SELL 65 at 10.10",',
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["bundled.json"]


def test_the_document_shows_the_configuration_that_is_run() -> None:
    assert f"```yaml\n{CHAIN_YAML}```" in (REPOSITORY / "docs" / "baselines.md").read_text()
