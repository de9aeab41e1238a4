"""Every rate against the document, retyped: market_rules.md 6.1 to 6.3."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.errors import FileError
from engine.model.order import Product
from engine.model.tariff import Tariff
from engine.rules.charges import RateRows, rate_rows, tables, taxed_as
from engine.rules.charges.rates import venue_of
from engine.rules.contract_class import ContractClass
from engine.rules.dated import last_days

D = Decimal
DELIVERY, INTRADAY, CARRY = Product.DELIVERY, Product.INTRADAY, Product.CARRYFORWARD
TARIFF = Tariff(bse_groups={"SBIN": "A"}, etfs=("NIFTYBEES",))

# first day, last day known to hold (None: today's figure), contract, product,
# transaction tax in % on (buys, sells), exchange and IPFT in Rs a crore, stamp in % on buys
TABLE: list[tuple[str, str | None, str, Product, tuple[str, str], str, str, str]] = [
    ("2023-04-01", "2024-03-31", "NSE share", DELIVERY, ("0.1", "0.1"), "325", "10", "0.015"),
    ("2024-10-01", "2026-02-28", "NSE share", DELIVERY, ("0.1", "0.1"), "297", "10", "0.015"),
    ("2026-03-01", None, "NSE share", DELIVERY, ("0.1", "0.1"), "306.99", "0.01", "0.015"),
    ("2023-04-01", "2024-03-31", "NSE share", INTRADAY, ("0", "0.025"), "325", "10", "0.003"),
    ("2024-10-01", "2026-02-28", "NSE share", INTRADAY, ("0", "0.025"), "297", "10", "0.003"),
    ("2026-03-01", None, "NSE share", INTRADAY, ("0", "0.025"), "306.99", "0.01", "0.003"),
    ("2026-03-01", None, "NSE fund", DELIVERY, ("0", "0.001"), "306.99", "0.01", "0.015"),
    ("2026-03-01", None, "NSE fund", INTRADAY, ("0", "0.025"), "306.99", "0.01", "0.003"),
    ("2024-10-01", "2026-02-28", "NSE future", INTRADAY, ("0", "0.02"), "173", "10", "0.002"),
    ("2026-03-01", "2026-03-31", "NSE future", CARRY, ("0", "0.02"), "182.99", "0.01", "0.002"),
    ("2026-04-01", None, "NSE future", CARRY, ("0", "0.05"), "182.99", "0.01", "0.002"),
    ("2026-04-01", None, "NSE stock future", CARRY, ("0", "0.05"), "182.99", "0.01", "0.002"),
    ("2023-04-01", "2024-03-31", "NSE option", CARRY, ("0", "0.0625"), "5000", "50", "0.003"),
    ("2024-10-01", "2026-02-28", "NSE option", CARRY, ("0", "0.1"), "3503", "50", "0.003"),
    ("2026-03-01", "2026-03-31", "NSE option", CARRY, ("0", "0.1"), "3552", "1", "0.003"),
    ("2026-04-01", None, "NSE option", INTRADAY, ("0", "0.15"), "3552", "1", "0.003"),
    ("2026-04-01", None, "NSE stock option", INTRADAY, ("0", "0.15"), "3552", "1", "0.003"),
    ("2024-10-01", "2026-03-31", "BSE future", INTRADAY, ("0", "0.02"), "0", "0", "0.002"),
    ("2026-04-01", None, "BSE future", INTRADAY, ("0", "0.05"), "0", "0", "0.002"),
    ("2024-10-01", "2026-03-31", "BSE SENSEX option", CARRY, ("0", "0.1"), "3250", "0", "0.003"),
    ("2026-04-01", None, "BSE SENSEX option", CARRY, ("0", "0.15"), "3250", "0", "0.003"),
    ("2026-04-01", None, "BSE BANKEX option", CARRY, ("0", "0.15"), "3250", "0", "0.003"),
    ("2026-04-01", None, "BSE SENSEX50 option", CARRY, ("0", "0.15"), "500", "0", "0.003"),
    ("2026-04-01", None, "BSE stock option", CARRY, ("0", "0.15"), "500", "0", "0.003"),
    ("2024-10-01", None, "BSE share", DELIVERY, ("0.1", "0.1"), "375", "0", "0.015"),
    ("2024-10-01", None, "BSE share", INTRADAY, ("0", "0.025"), "375", "0", "0.003"),
    ("2024-10-01", None, "MCX future", INTRADAY, ("0", "0.01"), "210", "0", "0.002"),
    ("2024-10-01", None, "MCX option", CARRY, ("0", "0.05"), "4180", "0", "0.003"),
]  # fmt: skip
TODAY = "2026-11-20"
ROWS = [pytest.param(*row, id=f"{row[2]} {row[3]} {row[0]}") for row in TABLE]


def rows_on(contract: Any, product: Product, day: str, tariff: Tariff = TARIFF) -> RateRows:
    return rate_rows(contract, taxed_as(contract, product, tariff), date.fromisoformat(day), tariff)


@pytest.mark.parametrize(
    ("first", "last", "name", "product", "tax", "exchange", "ipft", "stamp"), ROWS
)
def test_every_rate_is_the_documents_from_its_first_day_to_its_last(
    contracts: Mapping[str, Any],
    first: str,
    last: str | None,
    name: str,
    product: Product,
    tax: tuple[str, str],
    exchange: str,
    ipft: str,
    stamp: str,
) -> None:
    for day in (first, last or TODAY):
        found = rows_on(contracts[name], product, day).rates
        assert (found.stt_buy * 100, found.stt_sell * 100) == (D(tax[0]), D(tax[1])), day
        assert found.exchange * 10_000_000 == D(exchange), day
        assert found.ipft * 10_000_000 == D(ipft), day
        assert found.stamp_buy * 100 == D(stamp), day
        assert found.sebi * 10_000_000 == 10
        assert found.gst * 100 == 18


@pytest.mark.parametrize(
    ("name", "product", "first"),
    [
        ("NSE share", DELIVERY, "2023-04-01"),
        ("NSE option", INTRADAY, "2023-04-01"),
        ("NSE future", INTRADAY, "2024-10-01"),
        ("BSE share", INTRADAY, "2024-10-01"),
        ("BSE SENSEX option", INTRADAY, "2024-10-01"),
        ("MCX future", INTRADAY, "2024-10-01"),
        ("MCX option", INTRADAY, "2024-10-01"),
    ],
)
def test_the_day_before_the_first_is_an_error_that_names_the_first(
    contracts: Mapping[str, Any], name: str, product: Product, first: str
) -> None:
    rows_on(contracts[name], product, first)
    before = date.fromisoformat(first) - timedelta(days=1)
    with pytest.raises(FileError, match=f"the first is of {first}"):
        rows_on(contracts[name], product, before.isoformat())


@pytest.mark.parametrize("name", ["NSE share", "NSE option"])
def test_between_what_notes_of_2023_show_and_october_2024_nothing_is_guessed(
    contracts: Mapping[str, Any], name: str
) -> None:
    for day in ("2024-04-01", "2024-09-30"):
        with pytest.raises(FileError, match="up to 2024-03-31 and again from 2024-10-01"):
            rows_on(contracts[name], INTRADAY, day)


@pytest.mark.parametrize(
    ("group", "pct"),
    [("A", "0.00375"), ("B", "0.00375"), ("X", "0.1"), ("Z", "0.1"), ("R", "1"), ("SS", "1"), ("ST", "1")],
)  # fmt: skip
def test_bse_charges_a_share_by_its_group(
    contracts: Mapping[str, Any], group: str, pct: str
) -> None:
    tariff = Tariff(bse_groups={"SBIN": group})
    assert rows_on(contracts["BSE share"], DELIVERY, TODAY, tariff).exchange.value * 100 == D(pct)


def test_a_group_that_is_not_known_is_asked_for_and_never_guessed(
    contracts: Mapping[str, Any],
) -> None:
    with pytest.raises(
        FileError, match=r"its group is not known.*--group.*bse_groups: \{SBIN: A\}"
    ):
        rows_on(contracts["BSE share"], DELIVERY, TODAY, Tariff())
    with pytest.raises(FileError, match="no charge is known for group 'Q'"):
        rows_on(contracts["BSE share"], DELIVERY, TODAY, Tariff(bse_groups={"SBIN": "Q"}))


@pytest.mark.parametrize(
    ("name", "product", "says"),
    [
        ("MCX farm future", INTRADAY, "farm commodities is not known"),
        ("MCX unheard of", INTRADAY, "COAL bears transaction tax is not known"),
        ("currency", INTRADAY, "no charges are known for FUTCUR on cde_fo"),
        ("index", INTRADAY, "no charges are known for INDEX"),
        ("NSE option", DELIVERY, "not as delivery"),
        ("NSE share", CARRY, "intraday or delivery, not as carryforward"),
    ],
)
def test_what_no_table_covers_is_an_error(
    contracts: Mapping[str, Any], name: str, product: Product, says: str
) -> None:
    with pytest.raises(FileError, match=says):
        rows_on(contracts[name], product, TODAY)


def test_farm_commodities_bear_no_transaction_tax(contracts: Mapping[str, Any]) -> None:
    for name in ("MCX farm future", "MCX farm option"):
        taxed = taxed_as(contracts[name], INTRADAY, TARIFF)
        assert [row.value for row in tables.STT_SELL[taxed]] == [0, 0]


def test_exercise_is_taxed_at_an_eighth_of_a_percent_until_the_act_of_2026() -> None:
    found = [(row.first_day.isoformat(), row.value * 100) for row in tables.STT_EXERCISED]
    assert found == [("2023-04-01", D("0.125")), ("2026-04-01", D("0.15"))]


# -- what is not sure -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "day", "kind", "mark"),
    [
        ("NSE option", "2026-08-19", "exchange", "H"),
        ("NSE option", "2023-06-01", "exchange", "M"),
        ("BSE share", "2025-03-31", "exchange", "H"),
        ("BSE share", "2025-04-01", "exchange", "M"),
        ("BSE SENSEX option", "2026-08-19", "exchange", "M"),
        ("MCX future", "2026-06-30", "stt_sell", "H"),
        ("MCX future", "2026-07-01", "stt_sell", "M"),
        ("NSE fund", "2026-08-19", "stt_sell", "M"),
    ],
)
def test_what_the_document_is_not_sure_of_is_marked_in_its_row(
    contracts: Mapping[str, Any], name: str, day: str, kind: str, mark: str
) -> None:
    row = getattr(rows_on(contracts[name], INTRADAY, day), kind)
    assert row.certainty == mark
    assert row.source


def every_series() -> list[Any]:
    found: list[Any] = [tables.SEBI, tables.GST, tables.STT_EXERCISED]
    for group in (tables.STT_BUY, tables.STT_SELL, tables.EXCHANGE, tables.IPFT, tables.STAMP_BUY):
        found += list(group.values())
    return found


def test_every_row_has_a_source_and_they_follow_each_other() -> None:
    for rows in every_series():
        assert all(row.source for row in rows)
        days = [row.first_day for row in rows]
        assert days == sorted(set(days))
        for last, after in zip(last_days(rows), rows[1:], strict=False):
            assert last is not None
            assert last < after.first_day


def test_every_venue_has_its_price(contracts: Mapping[str, Any]) -> None:
    assert set(tables.EXCHANGE) == set(tables.Venue)
    seen = {
        venue_of(contract, taxed_as(contract, INTRADAY, TARIFF), TARIFF)
        for name, contract in contracts.items()
        if contract.klass is not ContractClass.INDEX
        and name not in ("currency", "MCX unheard of", "MCX farm future", "MCX farm option")
    }
    assert seen >= set(tables.Venue) - {tables.Venue.BSE_CASH_XZ, tables.Venue.BSE_CASH_RS}
