"""Figures, tables and colours as a person sees them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.cli import show
from engine.model.legs import GroupState
from engine.model.order import Lifecycle
from engine.rules.charges import Charges


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [
        (0, "+0.000"),
        (45_999_999, "+0.045"),
        (59_999_000_000, "+59.999"),
        (62_345_000_000, "+1:02.345"),
        (3_723_456_000_000, "+1:02:03.456"),
    ],
)
def test_time_since_the_start_is_cut_to_the_millisecond(duration_ns: int, text: str) -> None:
    assert show.elapsed(duration_ns) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (90.0, "90.00"),
        (Decimal("20.05"), "20.05"),
        (Decimal(1) / 3, "0.3333"),
        (Decimal("0.125"), "0.125"),
    ],
)
def test_a_price_has_two_to_four_places(value: Decimal | float | None, text: str) -> None:
    assert show.price(value) == text


def test_money_that_is_not_known_is_not_nil() -> None:
    assert show.money(None) == "?"
    assert show.money(Decimal("-123456.7")) == "-1,23,456.70"
    assert show.profit(Decimal("0.00")).style == ""
    assert show.profit(Decimal(1)).style == "green"
    assert show.profit(Decimal(-1)).style == "red"


def test_states_are_coloured_by_how_bad_they_are() -> None:
    assert show.state(Lifecycle.IN_DOUBT).style == show.LEVEL_STYLES["critical"]
    assert show.state(GroupState.UNWOUND).style == show.LEVEL_STYLES["warning"]
    assert show.state(Lifecycle.FILLED).style == ""


def test_charges_that_do_not_come_to_a_paisa_are_left_out() -> None:
    charges = Charges(brokerage=Decimal(20), stt=Decimal("1.5"), sebi=Decimal("0.004"))
    assert show.charges_text(charges) == "brokerage 20.00, STT 1.50"


def test_a_table_in_a_pipe_is_aligned_and_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 300
    show.table(["a", "qty", "why"], [["1", "5", long], ["22", "10", ""]], right={"qty"}, indent=2)
    assert capsys.readouterr().out.splitlines() == [
        "  a   qty  why",
        f"  1     5  {long}",
        "  22   10",
    ]
