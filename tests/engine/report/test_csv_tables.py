"""A report as tables for spreadsheets."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.report.build import build
from engine.report.csv_tables import TABLES, csv_files
from engine.report.day import DayReport
from engine.rules.sessions import Sessions


@pytest.fixture
def made(rejected_leg: Any, tmp_path: Any) -> DayReport:
    return build(rejected_leg.write(tmp_path / "session"), None, Sessions(), "not at hand")


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_every_table_of_the_report_has_a_file(made: DayReport) -> None:
    tables = {
        name
        for name in made.__struct_fields__
        if isinstance(getattr(made, name), tuple) and name != "notes"
    }
    assert set(TABLES) == tables
    assert set(csv_files(made)) == {f"{name}.csv" for name in tables}


def test_fills_are_told_to_the_last_digit_with_their_time_in_india(made: DayReport) -> None:
    found = rows(csv_files(made)["fills.csv"])
    assert [(r["at"], r["side"], r["quantity"], r["price"]) for r in found] == [
        ("2026-08-19T09:20:00.080000+05:30", "BUY", "65", "20.05"),
        ("2026-08-19T09:20:00.240000+05:30", "SELL", "65", "19.90"),
    ]


def test_the_total_is_among_the_strategies(made: DayReport) -> None:
    found = rows(csv_files(made)["strategies.csv"])
    assert [r["strategy"] for r in found] == ["condor", "total"]
    assert Decimal(found[-1]["gross_inr"]) == Decimal("-9.75")


def test_charges_have_a_column_a_kind(made: DayReport) -> None:
    found = rows(csv_files(made)["charges.csv"])
    kinds = [name for name in found[0] if name.startswith("kinds.")]
    assert sum(Decimal(found[0][kind]) for kind in kinds) == Decimal(found[0]["total_inr"])


def test_a_table_without_lines_still_says_its_columns(made: DayReport) -> None:
    assert csv_files(made)["refusals.csv"].startswith(b"at,strategy,group_id,")


def test_a_table_has_the_same_columns_on_every_day(made: DayReport) -> None:
    idle = msgspec.structs.replace(
        made,
        contract_notes=(),
        charges=tuple(
            msgspec.structs.replace(each, kinds=None, total_inr=None) for each in made.charges
        ),
    )
    full, empty = csv_files(made), csv_files(idle)
    for name in ("contract_notes.csv", "charges.csv"):
        assert empty[name].splitlines()[0] == full[name].splitlines()[0]
    # There is no drawdown without prices; with them a day's table has these columns.
    assert b"drawdown.fall_inr,drawdown.high_at" in full["statistics.csv"]


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t"])
def test_no_text_is_a_formula(made: DayReport, first: str) -> None:
    reason = f"{first}HYPERLINK(1)"
    order = msgspec.structs.replace(made.orders[0], reason=reason)
    changed = msgspec.structs.replace(made, orders=(order,))
    (row,) = rows(csv_files(changed)["orders.csv"])
    assert row["reason"] == f"'{reason}"


def test_a_loss_stays_a_number(made: DayReport) -> None:
    assert rows(csv_files(made)["groups.csv"])[0]["gross_inr"].startswith("-9.75")
