"""``engine charges``, typed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

Engine = Callable[..., Any]
SALE = "SELL 65 NIFTY 24000 CE @ 120"
ROUND_TRIP = "BUY 65 NIFTY 24000 CE @ 100, SELL 65 NIFTY 24000 CE @ 120"
ON = ("--on", "2026-08-19")


def said(engine: Engine, *words: str) -> str:
    answer = engine("charges", *words)
    assert (answer.code, answer.err) == (0, "")
    return str(answer.out)


def data(engine: Engine, *words: str) -> Any:
    return json.loads(said(engine, *words, "--json"))


def refused(engine: Engine, *words: str) -> str:
    answer = engine("charges", *words)
    assert (answer.code, answer.out) == (2, "")
    return str(answer.err)


def test_a_sale_is_broken_up_with_each_rates_day_and_source(engine: Engine) -> None:
    told = said(engine, SALE, *ON)
    for line in (
        "on 2026-08-19, intraday, charged by the plan angelone (Angel One)",
        "SELL 65 NIFTY 24000 CE @ 120 = Rs 7,800.00, nse_fo, taxed as options",
        "0.15 % of the premium",
        "2026-04-01  Finance Act 2026",
        "18 % of brokerage, exchange, SEBI",
        "[M] one good source",
        "break-even 118.95 (on ticks of 0.05; exactly 118.9898): 65 units bought back",
    ):
        assert line in told, line
    (brokerage,) = [line for line in told.splitlines() if line.lstrip().startswith("brokerage")]
    assert "Rs 20, an executed order [M]" in brokerage
    (tax,) = [line for line in told.splitlines() if line.lstrip().startswith("STT")]
    assert "[" not in tax


def test_the_documents_round_trip(engine: Engine) -> None:
    found = data(engine, ROUND_TRIP, *ON)
    assert found["total_inr"].startswith("65.1069")
    assert found["charges"]["stt"] == "11.7000"
    assert (found["gross_inr"], found["break_even"]) == ("1300", None)
    assert found["net_inr"].startswith("1234.893")
    (note,) = found["notes"]
    assert note["charges"]["stt"] == "12"
    assert "  net        1,234.8931" in said(engine, ROUND_TRIP, *ON).splitlines()


def test_every_line_of_the_json_adds_up_to_the_trade(engine: Engine) -> None:
    for trade in data(engine, ROUND_TRIP, *ON)["trades"]:
        lines = {line["kind"]: Decimal(line["amount_inr"]) for line in trade["lines"]}
        assert all(Decimal(trade["charges"][kind]) == amount for kind, amount in lines.items())
        assert sum(lines.values()) == sum(map(Decimal, trade["charges"].values()))


def test_without_a_day_it_is_today_and_says_so(engine: Engine) -> None:
    assert "(today; --on takes another day)" in said(engine, "BUY 10 SBIN @ 800")
    assert data(engine, "BUY 10 SBIN @ 800")["on_is_today"] is True


def test_a_delivery_purchase_breaks_even_on_another_day(engine: Engine) -> None:
    told = said(engine, "BUY 100 SBIN @ 812.5", "--product", "delivery", *ON)
    assert "at least Rs 5, an executed order [L]" in told
    assert "[L] a weak source" in told
    assert "on another day, sold there or higher" in told


def test_a_share_bought_and_sold_for_delivery_is_taxed_as_intraday_and_says_so(
    engine: Engine,
) -> None:
    told = said(engine, "BUY 100 SBIN @ 800, SELL 40 SBIN @ 810", "--product", "delivery", *ON)
    assert "note: 40 of 100 both bought and sold on this day: taxed as intraday" in told
    assert "note: all both bought and sold" in told


def test_a_share_turned_round_in_part_says_which_rate_is_on_which_part(engine: Engine) -> None:
    told = said(engine, "BUY 100 SBIN @ 800, SELL 40 SBIN @ 810", "--product", "delivery", *ON)
    # 60 of 100 stay: 48,000 of 80,000 rupees bear 0.1 %, and not the whole of it.
    assert "48.0000  0.1 % of Rs 48,000.00 for delivery, 0 % of Rs 32,000.00 intraday" in told
    assert "8.1600  0.015 % of Rs 48,000.00 for delivery, 0.003 % of Rs 32,000.00 intraday" in told
    assert "8.1000  0.025 % of the value" in told


def test_a_delivery_sale_has_no_break_even_and_pays_the_depository(engine: Engine) -> None:
    told = said(engine, "SELL 100 SBIN @ 812.5", "--product", "delivery", *ON)
    assert "no break-even: a delivery sale closes a holding" in told
    assert "Rs 20, a scrip and day" in told
    assert "18 % of brokerage, exchange, SEBI, DP" in told


def test_a_commodity_is_on_a_note_of_its_own(engine: Engine) -> None:
    told = said(engine, "SELL 2 lots CRUDEOIL FUT @ 5400", "--plan", "zerodha", *ON)
    assert "the day's commodity note shows" in told
    assert "CTT to the rupee" in told
    assert "0.01 % of the value [M]" in told
    assert "SELL 200 CRUDEOIL FUT" in told


def test_without_a_known_tick_the_break_even_is_on_no_grid(engine: Engine) -> None:
    told = said(engine, "BUY 100 CRUDEOIL 5400 CE @ 90", *ON)
    assert "no tick is known" in told
    assert "(on ticks of 0.10;" in said(
        engine, "BUY 100 CRUDEOIL 5400 CE @ 90", "--tick", "0.10", *ON
    )


def test_an_exercise_is_taxed_on_what_it_is_in_the_money_by(engine: Engine) -> None:
    words = "BUY 65 NIFTY 24000 CE @ 100, EXERCISE 65 NIFTY 24000 CE @ 24200"
    found = data(engine, words, *ON)
    assert found["trades"][1]["charges"]["stt"] == "19.5000"
    assert found["gross_inr"] == "6500"
    assert "expires worthless" in said(engine, "EXERCISE 65 NIFTY 24000 CE @ 23900", *ON)
    assert "only 0 of them are held" in refused(
        engine,
        "SELL 65 NIFTY 24000 CE @ 100, EXERCISE 65 NIFTY 24000 CE @ 24200",
        *ON,
    )


def test_what_was_squared_off_by_the_broker_costs_more(engine: Engine) -> None:
    assert "square off" in said(engine, SALE, "--square-off", *ON)


def test_a_charge_that_eats_the_premium_leaves_no_break_even(engine: Engine) -> None:
    told = said(engine, "SELL 65 NIFTY 24000 CE @ 0.05", *ON)
    assert "no break-even: the charges are more than the sale brought in" in told


def test_several_open_contracts_have_no_one_break_even(engine: Engine) -> None:
    told = said(engine, "SELL 65 NIFTY 24000 CE @ 100, SELL 65 NIFTY 24000 PE @ 90", *ON)
    assert "no break-even: a break-even is one price of one contract" in told


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((SALE, "--on", "tomorrow"), "--on tomorrow: not a day like 2026-08-19"),
        ((SALE, "--on", "2023-03-31"), "the first is of 2023-04-01"),
        (("SELL 65 NIFTY FUT @ 24000", "--on", "2024-09-30"), "the first is of 2024-10-01"),
        ((SALE, "--on", "2024-06-03"), "up to 2024-03-31 and again from 2024-10-01"),
        ((SALE, "--plan", "zerodah", *ON), "no brokerage plan 'zerodah'; nearest: zerodha"),
        ((SALE, "--tick", "-1", *ON), "--tick -1: not a number of rupees above 0"),
        ((SALE, "--product", "delivery", *ON), "traded as intraday or carryforward"),
        (("BUY 10 SBIN @ 800", "--exchange", "BSE", *ON), "its group is not known"),
        (("BUY 10 NIFTYBEES @ 270", *ON), "NIFTYBEES sounds like a fund.*--etf or --share"),
        (("BUY 10 KAPAS FUT @ 1500", *ON), "farm commodities is not known"),
    ],
)
def test_what_is_wrong_is_said(engine: Engine, words: tuple[str, ...], says: str) -> None:
    assert re.search(says, refused(engine, *words))


def test_a_fund_and_a_group_may_be_named(engine: Engine) -> None:
    told = said(engine, "BUY 10 NIFTYBEES @ 270", "--etf", *ON)
    assert "no tick is known" in told  # market_rules.md 3: those of shares are not a fund's
    told = said(engine, "SELL 10 NIFTYBEES @ 270", "--etf", "--product", "delivery", *ON)
    assert "0.001 % of the value" in told
    assert "taxed as ETF delivery" in told
    assert "0.1 % of the value [M]" in said(
        engine, "SELL 10 SBIN @ 800", "--exchange", "BSE", "--group", "x", *ON
    )


def test_a_files_own_plan_is_used(engine: Engine, write_own_plan: Callable[[], Path]) -> None:
    told = said(engine, SALE, "--file", str(write_own_plan()), *ON)
    assert "charged by the plan mine (your own)" in told
    assert "Rs 9, an executed order" in told
    assert "your own plan" in told


@pytest.fixture
def write_own_plan(tmp_path: Path, recording: Path) -> Callable[[], Path]:
    """A configuration with a plan of its own."""

    def write() -> Path:
        (tmp_path / "own.py").write_text(
            "from engine import Params, Strategy\n\n\nclass Own(Strategy[Params]):\n    pass\n"
        )
        path = tmp_path / "strategies.yaml"
        fee = "{flat_inr: 9}"
        path.write_text(
            f"mode: paper\nfeed: {{replay: {recording.name}}}\ncharges:\n  plan: mine\n  plans:\n"
            f"    mine: {{delivery: {fee}, intraday: {fee}, futures: {fee}, options: {fee}, "
            f"dp: {fee}, square_off: {fee}}}\n"
            "strategies:\n  own: {uses: './own.py:Own'}\n"
        )
        return path

    return write
