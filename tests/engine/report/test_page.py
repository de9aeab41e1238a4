"""The page of a report that was written by hand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.report.build import build
from engine.report.day import DayReport
from engine.report.html import ROWS_MAX
from engine.report.machine import Machine, machine_of
from engine.report.page import Around, render
from engine.rules.sessions import Sessions

EVIL = "<script>alert(1)</script>\"'&"
AROUND = Around(name="2026-08-19-paper-abc-01", configuration="", machine=None)


@pytest.fixture
def made(rejected_leg: Any, tmp_path: Path) -> DayReport:
    return build(rejected_leg.write(tmp_path / "session"), None, Sessions(), "not at hand")


def hostile(value: Any) -> Any:
    """Put markup into every free text of a report, as deep as they lie."""
    if isinstance(value, msgspec.Struct):
        texts = {
            name: hostile(getattr(value, name))
            for name in value.__struct_fields__
            if name not in {"format", "trading_date"}
        }
        return msgspec.structs.replace(value, **texts)
    if isinstance(value, tuple):
        return tuple(hostile(each) for each in value)
    return f"{value}{EVIL}" if type(value) is str else value


def test_markup_in_any_name_or_reason_stays_text(made: DayReport) -> None:
    around = Around(name=EVIL, configuration=EVIL, machine=None)
    text = render(hostile(made), around)
    assert text.count("<script") == 3
    assert "alert(1)</script>" not in text
    assert text.count("alert(1)") > 50


def test_rupees_are_grouped_as_indians_read_them(made: DayReport) -> None:
    total = msgspec.structs.replace(made.total, net_inr=Decimal("-12345678.905"))
    assert "-1,23,45,678.91" in render(msgspec.structs.replace(made, total=total), AROUND)


def test_a_day_of_thousands_of_orders_has_a_page_of_hundreds(made: DayReport) -> None:
    many = msgspec.structs.replace(made, orders=made.orders * 2000)
    text = render(many, AROUND)
    # The rejected third of them has a table of its own, cut likewise.
    assert text.count('<th scope="row">09:20:00') <= 2 * ROWS_MAX + len(made.fills) + 10
    assert "5,800 of 6,000 rows are left out here; engine report --format csv has them all" in text


def test_who_won_is_not_known_where_charges_are_not(made: DayReport) -> None:
    every = tuple(
        msgspec.structs.replace(each, trades=2, wins=0, losses=0, win_rate_pct=None)
        for each in made.statistics
    )
    text = render(msgspec.structs.replace(made, statistics=every), AROUND)
    assert "0 / 0" not in text


def test_how_the_machine_kept_up_is_shown_where_it_was_kept(
    made: DayReport, tmp_path: Path
) -> None:
    path = tmp_path / "machine.json"
    assert machine_of(path) is None
    Machine(took_s=2.0, frames=100_000, events=7, longest_callback_ms=18.25).write(path)
    found = machine_of(path)
    text = render(made, Around("x", "", found))
    assert "50,000" in text
    assert "18.2 ms" in text
