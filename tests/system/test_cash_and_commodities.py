"""Shares and commodities through a whole paper run, charged to the last digit by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engine.model.catalogue import Catalogue, InstrumentFacts
from engine.model.instrument import Kind, Segment
from engine.model.record import OrderFilled
from engine.model.side import Side

D = Decimal
SHARE = InstrumentFacts(
    segment=Segment.NSE_CM, kind=Kind.EQUITY, underlying="SBIN", tick_size=D("0.05")
)
BSE_SHARE = InstrumentFacts(
    segment=Segment.BSE_CM, kind=Kind.EQUITY, underlying="SBIN", tick_size=D("0.05")
)
CRUDE = InstrumentFacts(
    segment=Segment.MCX_FO,
    kind=Kind.FUTURE,
    underlying="CRUDEOIL",
    expiry=date(2026, 9, 21),
    lot_size=100,
    tick_size=D(1),
    freeze_quantity=10_000,
)
ROUND_TRIP = """
class One(Strategy[Params]):
    def on_start(self):
        self.watch("%(symbol)s")
        self.at(time(9, 16, 10), self.go)
        self.at(time(9, 17, 10), self.leave)

    def go(self):
        self.enter(buy(self.instrument("%(symbol)s"), %(lots)s), name="pair")

    def leave(self):
        %(leave)s
"""


@pytest.fixture
def tape_of(new_tape: Callable[..., Any]) -> Callable[..., Any]:
    """Make a tape of one instrument that prints once a second at one price."""

    def make(facts: InstrumentFacts, price: float) -> Any:
        tape = new_tape(start="09:15:55")
        tape.catalogue = Catalogue.of([facts])
        tape.facts = (facts,)
        tape.rows = tuple(tape._token(instrument) for instrument in tape.catalogue)
        tape._volume = [0]
        for second in range(120):
            tape.print(tape.catalogue[0], price + second % 3, quantity=50_000)
            tape.seconds(1)
        return tape

    return make


def run(
    project: Any,
    tape: Any,
    symbol: str,
    lots: int,
    *,
    product: str,
    charges: str,
    leave: str = 'self.exit("pair")',
) -> dict[str, Any]:
    body = ROUND_TRIP % {"symbol": symbol, "lots": lots, "leave": leave}
    path = project.write(
        body,
        tape=tape,
        risk="{max_order_lots: 1000, max_position_lots: 1000}",
        entries=f"  one: {{uses: './own.py:One', product: {product}}}",
    )
    path.write_text(path.read_text() + f"charges: {charges}\n")
    ended = project.cli("run", "strategies.yaml", "--json")
    assert (ended.code, ended.err) == (0, "")
    assert project.cli("replay", "--verify").code == 0
    found: dict[str, Any] = json.loads(ended.out)
    return found


def values(project: Any) -> dict[Side, Decimal]:
    found = {Side.BUY: D(0), Side.SELL: D(0)}
    for record in project.records(OrderFilled):
        found[record.fill.side] += record.fill.value
    return found


def test_a_share_for_delivery_that_is_sold_the_same_day_is_charged_as_intraday(
    project: Any, tape_of: Callable[..., Any]
) -> None:
    said = run(
        project, tape_of(SHARE, 812.0), "SBIN", 100, product="delivery", charges="{plan: zerodha}"
    )
    traded = values(project)
    bought, sold = traded[Side.BUY], traded[Side.SELL]
    assert min(bought, sold) > 80_000
    charges = {kind: D(amount) for kind, amount in said["total"]["charges"].items()}
    turnover = bought + sold
    assert charges["brokerage"] == 40
    assert charges["stt"] == sold * D("0.00025")
    assert charges["stamp"] == bought * D("0.00003")
    assert charges["exchange"] == turnover * D("0.000030699")
    assert charges["gst"] == D("0.18") * (
        40 + turnover * D("0.000030699") + turnover * D("0.000001")
    )
    assert charges["dp"] == charges["square_off"] == 0


def test_a_share_that_is_kept_is_charged_as_delivery(
    project: Any, tape_of: Callable[..., Any]
) -> None:
    said = run(
        project, tape_of(SHARE, 812.0), "SBIN", 100,
        product="delivery", charges="{plan: zerodha}", leave="pass",
    )  # fmt: skip
    bought = values(project)[Side.BUY]
    assert bought > 80_000
    charges = said["total"]["charges"]
    assert D(charges["brokerage"]) == 0
    assert D(charges["stt"]) == bought * D("0.001")
    assert D(charges["stamp"]) == bought * D("0.00015")
    (note,) = said["notes"]
    assert D(note["charges"]["stt"]) == round(bought * D("0.001"))


def test_crude_oil_bears_commodity_tax_on_a_note_of_its_own(
    project: Any, tape_of: Callable[..., Any]
) -> None:
    said = run(
        project, tape_of(CRUDE, 5_400.0), "CRUDEOIL 21SEP26 FUT", 2,
        product="intraday", charges="{accounts: {paper: aliceblue}}",
    )  # fmt: skip
    traded = values(project)
    bought, sold = traded[Side.BUY], traded[Side.SELL]
    assert min(bought, sold) > 1_000_000
    charges = {kind: D(amount) for kind, amount in said["total"]["charges"].items()}
    assert charges["brokerage"] == 40
    assert charges["stt"] == sold * D("0.0001")
    assert charges["exchange"] == (bought + sold) * D("0.000021")
    assert charges["stamp"] == bought * D("0.00002")
    assert charges["ipft"] == 0
    (note,) = said["notes"]
    assert note["is_commodity"] is True
    assert said["session"]["charged_by"] == "angelone (Angel One); paper by aliceblue"


def test_a_share_of_bse_without_its_group_leaves_charges_unknown_and_says_how_to_name_it(
    project: Any, tape_of: Callable[..., Any]
) -> None:
    said = run(project, tape_of(BSE_SHARE, 812.0), "SBIN", 100, product="intraday", charges="{}")
    assert said["total"]["charges"] is None
    assert said["notes"] == []
    assert "bse_groups: {SBIN: A}" in said["session"]["charges_unknown"]


def test_a_share_of_bse_with_its_group_is_charged_by_it(
    project: Any, tape_of: Callable[..., Any]
) -> None:
    said = run(
        project, tape_of(BSE_SHARE, 812.0), "SBIN", 100,
        product="intraday", charges="{bse_groups: {SBIN: X}}",
    )  # fmt: skip
    turnover = sum(values(project).values(), D(0))
    assert turnover > 160_000
    assert D(said["total"]["charges"]["exchange"]) == turnover * D("0.001")
