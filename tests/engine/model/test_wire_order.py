"""What is about to leave, held against what was approved: every difference is named."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.model.command import Replacement
from engine.model.order import ChildKey, OrderRequest, OrderType, Product, Purpose
from engine.model.side import Side
from engine.model.wire_order import (
    WireOrder,
    cancel_difference,
    placement_difference,
    replacement_difference,
)
from engine.testing import nifty_chain

CHAIN = nifty_chain()
CALL, PUT = (CHAIN.find(f"NIFTY 25AUG26 24300 {right}") for right in ("CE", "PE"))
REQUEST = OrderRequest(
    client_id="LW1V9000001C4Q", key=ChildKey("s.g.1", 1, "A1", 0, 1), strategy="s",
    instrument=CALL, side=Side.SELL, quantity=65, order_type=OrderType.STOP_LIMIT,
    price=Decimal("99.95"), trigger_price=Decimal(100), product=Product.INTRADAY,
    purpose=Purpose.ENTRY, decision_price=None, created_at=0, expires_at=1,
)  # fmt: skip
PLACED = WireOrder(
    account="A1", tag=REQUEST.client_id, instrument=CALL, side=Side.SELL, quantity=65,
    order_type=OrderType.STOP_LIMIT, price=Decimal("99.95"), trigger_price=Decimal(100),
    product=Product.INTRADAY,
)  # fmt: skip
REPLACED = WireOrder(
    account="A1", broker_id="X1", quantity=65, price=Decimal(98), trigger_price=Decimal(99)
)
WANTED = Replacement(
    client_id=REQUEST.client_id, generation=1, quantity=65, price=Decimal(98),
    trigger_price=Decimal(99), purpose=Purpose.ENTRY,
)  # fmt: skip


def changed(wire: WireOrder, field: str, value: Any) -> WireOrder:
    return msgspec.structs.replace(wire, **{field: value})


def test_what_says_the_same_differs_in_nothing() -> None:
    assert placement_difference(REQUEST, PLACED) == ""
    assert replacement_difference(WANTED, "A1", "X1", REPLACED) == ""
    assert cancel_difference("A1", "X1", WireOrder(account="A1", broker_id="X1")) == ""


def test_a_broker_that_takes_no_tag_is_no_difference() -> None:
    assert placement_difference(REQUEST, changed(PLACED, "tag", None)) == ""


def test_the_same_price_written_otherwise_is_the_same_price() -> None:
    assert placement_difference(REQUEST, changed(PLACED, "price", Decimal("99.950"))) == ""


OTHERS: dict[str, Any] = {
    "account": "A2", "tag": "LW1V9000002C4R", "broker_id": "X1", "instrument": PUT,
    "side": Side.BUY, "quantity": 650, "order_type": OrderType.LIMIT, "price": Decimal("9.95"),
    "trigger_price": None, "product": Product.CARRYFORWARD,
}  # fmt: skip


def test_every_field_there_is_is_compared() -> None:
    assert set(OTHERS) == set(WireOrder.__struct_fields__)


@pytest.mark.parametrize("field", OTHERS)
def test_any_other_value_in_a_placement_is_named(field: str) -> None:
    found = placement_difference(REQUEST, changed(PLACED, field, OTHERS[field]))
    assert found.startswith(field.replace("_", " "))
    assert "," not in found


@pytest.mark.parametrize(
    "field", ["instrument", "side", "quantity", "order_type", "price", "trigger_price", "product"]
)
def test_what_a_placement_does_not_say_is_a_difference(field: str) -> None:
    assert placement_difference(REQUEST, changed(PLACED, field, None))


@pytest.mark.parametrize("field", ["account", "broker_id", "quantity", "price", "trigger_price"])
def test_any_other_value_in_a_change_is_named(field: str) -> None:
    other = {**OTHERS, "broker_id": "X2"}[field]
    found = replacement_difference(WANTED, "A1", "X1", changed(REPLACED, field, other))
    assert found.startswith(field.replace("_", " "))


@pytest.mark.parametrize("field", ["account", "broker_id"])
def test_a_cancel_of_another_order_is_named(field: str) -> None:
    wire = changed(WireOrder(account="A1", broker_id="X1"), field, "Z")
    assert cancel_difference("A1", "X1", wire).startswith(field.replace("_", " "))
