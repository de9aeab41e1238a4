"""``engine recordings import`` as a person types it, and a run on what it makes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Engine = Callable[..., Any]

ROOT = Path(__file__).resolve().parents[3]
MARKET = ROOT / ".." / "shared" / "data" / "market"

RUN = """\
mode: paper
feed: {replay: chain.arrow}
risk:
  max_loss_inr: 25000
  max_order_value_inr: {premium: 1000000, futures_notional: 5000000, cash: 1000000}
  max_uncovered_short_lots: 2
strategies:
  nifty-straddle:
    uses: strategies.short_straddle:ShortStraddle
    params: {underlying: NIFTY, enter_at: "11:30", last_entry_at: "12:45", leave_at: "13:05"}
  nifty-condor:
    uses: strategies.iron_condor:IronCondor
    params: {underlying: NIFTY, enter_at: "11:35", last_entry_at: "12:45", leave_at: "13:05"}
"""
QUOTES = """\
time,name,price
2026-08-19T09:15:00+05:30,NIFTY,24000.5
2026-08-19T09:16:00+05:30,NIFTY,24001
"""
MAP = """\
title: an index
rows: snapshots
cadence_s: 60
fields:
  time: time
  segment: {value: nse_cm}
  kind: {value: index}
  underlying: name
  last: price
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "quotes.csv").write_text(QUOTES)
    (tmp_path / "quotes.yaml").write_text(MAP)
    return tmp_path


def words(files: Path, out: str, *more: str) -> list[str | Path]:
    maps = ["--map", files / "quotes.yaml", "--instruments", "derive"]
    return ["recordings", "import", files / "quotes.csv", *maps, "--out", files / out, *more]


def test_an_import_says_that_it_is_one_and_of_what(engine: Engine, files: Path) -> None:
    answer = engine(*words(files, "x.arrow"))
    assert (answer.code, answer.err) == (0, "")
    assert "IMPORTED: frames made from snapshots of quotes.csv" in answer.out
    assert "2 read, 2 used" in answer.out
    info = engine("recordings", "info", files / "x.arrow").out
    assert info in answer.out
    assert sorted(p.name for p in files.iterdir()) == ["quotes.csv", "quotes.yaml", "x.arrow"]


def test_a_dry_run_says_what_would_be_made(engine: Engine, files: Path) -> None:
    answer = engine(*words(files, "x.arrow", "--dry-run"))
    assert "1 recording would be made; nothing was written: 2 of 2 rows" in answer.out
    assert not (files / "x.arrow").exists()


def test_json_is_one_document(engine: Engine, files: Path) -> None:
    found = json.loads(engine(*words(files, "days", "--json")).out)
    assert found["is_written"] is True
    assert found["rows_read"] == 2
    assert [made["rows"] for made in found["recordings"]] == [2]
    assert found["recordings"][0]["path"].endswith("days/nifty-2026-08-19.arrow")


def test_the_shipped_maps_are_listed_with_what_they_are_for(engine: Engine) -> None:
    out = engine("recordings", "import", "--list-maps").out
    assert "nse-option-chain-snapshots  NSE option chain, a snapshot a minute" in out
    names = set(json.loads(engine("recordings", "import", "--list-maps", "--json").out))
    assert {"index-ticks", "mcx-future-candles-1m", "nse-index-candles-1m"} <= names


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--out", None), "--out missing"),
        (("--map", "nse-option-chain"), "did you mean nse-option-chain-snapshots?"),
        (("--map", "gone.yaml"), "gone.yaml: no such file"),
        (("--instruments", "gone.csv"), "gone.csv: no such file"),
        (("--set", "underlyin=X"), "did you mean underlying?"),
        (("--set", "underlying"), "write NAME=VALUE"),
        (("--policy", "off_gird=round"), "did you mean off_grid?"),
        (("--policy", "off_grid=maybe"), "off_grid"),
    ],
)
def test_a_slip_of_the_hand_is_exit_code_2_and_says_what_is_meant(
    engine: Engine, files: Path, change: tuple[str, str | None], said: str
) -> None:
    typed = words(files, "x.arrow")
    name, value = change
    if name in typed:
        place = typed.index(name)
        typed[place : place + 2] = [] if value is None else [name, value]
    else:
        typed += [name, str(value)]
    answer = engine(*typed)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert not (files / "x.arrow").exists()


def test_the_shipped_strategies_trade_on_the_real_chain(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not MARKET.is_dir():
        pytest.skip("the market data is not beside this repository (../shared)")
    monkeypatch.chdir(tmp_path)
    source = MARKET / "option_chain" / "nifty_option_chain_20260819.parquet"
    made = engine(
        "recordings", "import", source, "--map", "nse-option-chain-snapshots",
        "--instruments", "derive", "--out", "chain.arrow",
    )  # fmt: skip
    assert made.code == 0
    (tmp_path / "run.yaml").write_text(RUN)
    checked = engine("check", "run.yaml")
    assert "(imported: frames made from snapshots of nifty_option_chain_20260819" in checked.out
    ran = engine("run", "run.yaml")
    assert ran.code == 0
    label = "paper on IMPORTED recording (frames made from snapshots of nifty_option_chain_20260819"
    assert label in ran.out
    orders = json.loads(engine("orders", "--json").out)
    assert [order["state"] for order in orders] == ["FILLED"] * 12
    # Without a book, a fill is the print of its minute, one tick to our harm, or the limit.
    assert {order["filled_quantity"] for order in orders} == {65}
    assert label in engine("status").out
    assert engine("replay", "--verify").code == 0
