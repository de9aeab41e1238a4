"""The journal as tables: what the fold says, and when the file is built again."""

from __future__ import annotations

import sqlite3
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest

from engine.errors import FileError
from engine.model.instrument import Instrument
from engine.model.legs import GroupState, Leg, LegPlan, LegRole
from engine.model.order import Lifecycle, OrderType, Product
from engine.model.record import KillRecorded, StateSaved, StrategyHalted
from engine.model.side import Side
from engine.model.tariff import Tariff
from engine.rules.charges import PLANS, Contract, Traded, order_charges
from engine.runtime.readmodel import ReadModel
from engine.runtime.readmodel_build import fold
from engine.runtime.readmodel_schema import (
    SCHEMA_VERSION,
    TABLES,
    FillRow,
    HaltRow,
    KillRow,
    LegRow,
    OrderEventRow,
    StampRow,
    StateRow,
)
from engine.runtime.readmodel_tables import create_statement, insert_statement, values_of
from engine.testing import TRADING_DATE


@pytest.mark.parametrize("table", list(TABLES), ids=lambda t: t.__name__)
def test_every_table_can_be_made_and_its_columns_are_the_fields(table: Any) -> None:
    database = sqlite3.connect(":memory:")
    database.execute(create_statement(table))
    columns = [row[1] for row in database.execute(f'PRAGMA table_info("{TABLES[table]}")')]
    database.close()
    assert columns == list(table.__struct_fields__) == list(get_type_hints(table))


def test_rows_come_out_of_sqlite_as_they_went_in(rejected_leg: Any) -> None:
    tables = fold(rejected_leg.entries())
    with ReadModel.of(rejected_leg.entries()) as model:
        for table, rows in tables:
            assert model.rows(table) == rows


def test_an_order_stands_as_its_last_record_says(rejected_leg: Any) -> None:
    with ReadModel.of(rejected_leg.entries()) as model:
        order = model.order("LW0000000000A2")
        assert (order.state, order.code) == (Lifecycle.REJECTED, "17070")
        assert (order.filled_quantity, order.average_price) == (0, None)
        assert order.charges_inr == 0
        assert model.order("LW0000000000A1").average_price == Decimal("20.05")
        events = model.rows(OrderEventRow, client_id="LW0000000000A1")
        assert [e.trigger for e in events] == [
            "APPROVE", "SEND_START", "SEND_WRITTEN", "REPLY_OK", "SEEN_FILLED",
        ]  # fmt: skip
        assert [(e.before, e.after) for e in events[:2]] == [
            (Lifecycle.INTENT, Lifecycle.APPROVED),
            (Lifecycle.APPROVED, Lifecycle.SENDING),
        ]


def test_a_part_stands_in_its_last_state_with_its_why(rejected_leg: Any) -> None:
    with ReadModel.of(rejected_leg.entries()) as model:
        (part,) = model.parts()
    assert (part.state, part.why) == (GroupState.UNWOUND, "nothing is held any more")


def test_profit_is_what_the_fills_made(rejected_leg: Any) -> None:
    with ReadModel.of(rejected_leg.entries()) as model:
        group = model.group("condor.wings.1")
        (strategy,) = model.strategies()
    assert group.realised_inr == strategy.realised_inr == Decimal("-9.75")
    assert group.unrealised_inr == strategy.unrealised_inr == 0


def test_an_executed_order_costs_what_the_tables_say_and_a_rejected_one_nothing(
    rejected_leg: Any,
) -> None:
    wing = rejected_leg.call(24_500)
    trade = Traded(
        contract=Contract.of(wing),
        side=Side.BUY,
        product=Product.INTRADAY,
        quantity=65,
        value=65 * Decimal("20.05"),
    )
    bought = order_charges(trade, TRADING_DATE, PLANS["angelone"], Tariff())
    with ReadModel.of(rejected_leg.entries()) as model:
        costs = {row.client_id: row for row in model.charges()}
        assert set(costs) == {"LW0000000000A1", "LW0000000000A3"}
        assert costs["LW0000000000A1"].stamp == bought.stamp
        assert model.order("LW0000000000A1").charges_inr == bought.total


def test_charges_before_the_first_known_rate_are_unknown_and_say_so(history: Any) -> None:
    history.boot(trading_date=date(2020, 1, 1).isoformat())
    history.order(0, "LW0000000000B1", 1, Side.BUY, history.call(24_500), "20")
    history.fill(1, "LW0000000000B1", 65, "20")
    with ReadModel.of(history.entries()) as model:
        assert model.order("LW0000000000B1").charges_inr is None
        assert "2020-01-01" in model.session.charges_unknown


def test_an_open_position_is_marked_at_the_close(history: Any) -> None:
    history.boot()
    history.order(0, "LW0000000000B1", 1, Side.SELL, history.call(24_500), "20")
    history.fill(1, "LW0000000000B1", 65, "20")
    history.close(60_000, C24500=18.5)
    with ReadModel.of(history.entries()) as model:
        (position,) = model.positions()
    assert (position.quantity, position.average_price) == (-65, Decimal(20))
    assert (position.mark, position.unrealised_inr) == (18.5, Decimal("97.50"))


def test_without_a_close_what_is_open_has_no_mark_and_no_profit_is_made_up(history: Any) -> None:
    history.boot()
    history.order(0, "LW0000000000B1", 1, Side.SELL, history.call(24_500), "20")
    history.fill(1, "LW0000000000B1", 65, "20")
    with ReadModel.of(history.entries()) as model:
        (position,) = model.positions()
        (strategy,) = model.strategies()
        assert model.session.closed_at is None
    assert position.unrealised_inr is None
    assert strategy.unrealised_inr is None
    assert strategy.gross_inr is None


def test_uncovered_time_runs_from_the_sold_fill_to_its_hedge(history: Any) -> None:
    wing, body = history.call(24_500), history.call(24_300)
    history.boot()
    history.plan(Leg(instrument=wing, side=Side.BUY, lots=1))
    legs = [
        history_leg(1, wing, Side.BUY, LegRole.HEDGE),
        history_leg(2, body, Side.SELL, LegRole.RISK),
    ]
    history.move(0, GroupState.DRAFT, GroupState.CHECKED, "", *legs)
    history.order(0, "LW0000000000B1", 2, Side.SELL, body, "90")
    history.fill(100, "LW0000000000B1", 65, "90")
    history.order(0, "LW0000000000B2", 1, Side.BUY, wing, "20")
    history.fill(350, "LW0000000000B2", 65, "20")
    history.close(9_000)
    with ReadModel.of(history.entries()) as model:
        assert [part.naked_ns for part in model.parts()] == [250_000_000]


def test_a_short_that_never_gets_its_hedge_is_uncovered_to_the_end(history: Any) -> None:
    wing, body = history.call(24_500), history.call(24_300)
    history.boot()
    history.plan(Leg(instrument=wing, side=Side.BUY, lots=1))
    history.move(
        0, GroupState.DRAFT, GroupState.CHECKED, "", history_leg(1, wing, Side.BUY, LegRole.HEDGE)
    )
    history.order(0, "LW0000000000B1", 2, Side.SELL, body, "90")
    history.fill(100, "LW0000000000B1", 65, "90")
    history.close(1_100)
    with ReadModel.of(history.entries()) as model:
        assert [part.naked_ns for part in model.parts()] == [1_000_000_000]


def test_a_group_without_a_hedge_has_no_uncovered_time(history: Any) -> None:
    body = history.call(24_300)
    history.boot()
    history.plan(Leg(instrument=body, side=Side.SELL, lots=1))
    history.move(
        0, GroupState.DRAFT, GroupState.CHECKED, "", history_leg(1, body, Side.SELL, LegRole.RISK)
    )
    with ReadModel.of(history.entries()) as model:
        assert [part.naked_ns for part in model.parts()] == [None]
        assert [leg.role for leg in model.rows(LegRow)] == [LegRole.RISK]


def test_halts_kills_and_saved_states_are_kept(history: Any) -> None:
    history.boot()
    history.add(1, StateSaved(history.at(1), history.event(), "condor", b'{"entries":1}'))
    history.add(2, StrategyHalted(history.at(2), history.event(), "condor", "it raised", "trace"))
    history.add(3, KillRecorded(history.at(3), history.event(), "all", "cancel_all", "me", "test"))
    with ReadModel.of(history.entries()) as model:
        assert [row.payload for row in model.rows(StateRow)] == ['{"entries":1}']
        assert [row.why for row in model.rows(HaltRow)] == ["it raised"]
        assert [row.scope for row in model.rows(KillRow)] == ["all"]
        assert [row.halted_why for row in model.strategies()] == ["it raised"]


def test_a_second_boot_is_counted_and_the_first_time_kept(history: Any) -> None:
    history.boot()
    history.boot(engine_version="0.2.0")
    with ReadModel.of(history.entries()) as model:
        assert (model.session.boots, model.session.engine_version) == (2, "0.2.0")


def test_a_journal_that_does_not_begin_with_a_boot_is_refused(history: Any) -> None:
    history.alert(0, "info", "x", "y")
    with pytest.raises(FileError, match="does not begin with the boot"):
        fold(history.entries())


# -- the file ------------------------------------------------------------------------------------


def test_the_file_is_built_when_missing_and_used_while_it_is_the_journals(
    rejected_leg: Any, tmp_path: Path
) -> None:
    folder = rejected_leg.write(tmp_path / "one")
    with ReadModel.open(folder) as model:
        assert len(model.rows(FillRow)) == 2
    built = folder.read_model.stat()
    with ReadModel.open(folder) as model:
        assert model.rows(StampRow)[0].schema_version == SCHEMA_VERSION
    again = folder.read_model.stat()
    assert (again.st_ino, again.st_mtime_ns) == (built.st_ino, built.st_mtime_ns)
    assert sorted(path.name for path in folder.path.iterdir()) == [
        "journal.log", "readmodel.sqlite", "session.arrow",
    ]  # fmt: skip


def test_deleting_it_loses_nothing(rejected_leg: Any, tmp_path: Path) -> None:
    folder = rejected_leg.write(tmp_path / "one")
    with ReadModel.open(folder) as model:
        before = model.orders()
    folder.read_model.unlink()
    with ReadModel.open(folder) as model:
        assert model.orders() == before


def test_a_journal_that_grew_is_folded_again(rejected_leg: Any, tmp_path: Path) -> None:
    shorter = rejected_leg.records[:]
    del rejected_leg.records[-1]
    folder = rejected_leg.write(tmp_path / "one")
    with ReadModel.open(folder) as model:
        assert model.session.closed_at is None
    rejected_leg.records = shorter
    longer = rejected_leg.write(tmp_path / "two")
    folder.journal.write_bytes(longer.journal.read_bytes())
    with ReadModel.open(folder) as model:
        assert model.session.closed_at is not None


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\x00" + b"\0" * 200])
def test_what_is_no_read_model_is_replaced(
    rejected_leg: Any, tmp_path: Path, content: bytes
) -> None:
    folder = rejected_leg.write(tmp_path / "one")
    folder.read_model.write_bytes(content)
    with ReadModel.open(folder) as model:
        assert len(model.orders()) == 3


def test_a_read_model_of_another_version_is_replaced(rejected_leg: Any, tmp_path: Path) -> None:
    folder = rejected_leg.write(tmp_path / "one")
    ReadModel.open(folder).close()
    database = sqlite3.connect(folder.read_model)
    with database:
        database.execute('UPDATE "stamp" SET schema_version = schema_version + 1')
        database.execute('DROP TABLE "orders"')
    database.close()
    with ReadModel.open(folder) as model:
        assert len(model.orders()) == 3


def test_a_torn_tail_of_the_journal_is_left_out(rejected_leg: Any, tmp_path: Path) -> None:
    folder = rejected_leg.write(tmp_path / "one")
    folder.journal.write_bytes(folder.journal.read_bytes()[:-5])
    with ReadModel.open(folder) as model:
        assert model.session.closed_at is None
        assert len(model.orders()) == 3


def test_a_folder_that_cannot_be_written_is_read_in_memory(
    rejected_leg: Any, tmp_path: Path
) -> None:
    folder = rejected_leg.write(tmp_path / "one")
    # A folder in its place cannot be replaced by a file, whoever runs the tests.
    folder.read_model.mkdir()
    with ReadModel.open(folder) as model:
        assert len(model.orders()) == 3
    assert not [p for p in folder.path.iterdir() if p.name.startswith(".readmodel")]


def test_an_empty_journal_says_that_nothing_began(history: Any, tmp_path: Path) -> None:
    folder = history.write(tmp_path / "one")
    with pytest.raises(FileError, match="the run stopped before it began"):
        ReadModel.open(folder)


def test_every_money_column_is_text_and_exact() -> None:
    row = FillRow(
        sequence=1, at=1, kseq=1, client_id="a", group_id="g", strategy="s", account="p",
        instrument="k", symbol="S", side=Side.BUY, product="intraday", quantity=1,  # type: ignore[arg-type]
        price=Decimal("0.1000000000000000000000001"), value=Decimal("1E+3"), filled_before=0,
    )  # fmt: skip
    database = sqlite3.connect(":memory:")
    database.execute(create_statement(FillRow))
    database.execute(insert_statement(FillRow), values_of(row))
    (price, value) = database.execute('SELECT price, value FROM "fills"').fetchone()
    database.close()
    assert (Decimal(price), Decimal(value)) == (row.price, row.value)
    assert msgspec.structs.asdict(row)["price"] == Decimal(price)


def history_leg(number: int, instrument: Instrument, side: Side, role: LegRole) -> LegPlan:
    return LegPlan(
        number=number, instrument=instrument, side=side, quantity=65, role=role,
        order_type=OrderType.LIMIT, limit=None, trigger=None,
    )  # fmt: skip
