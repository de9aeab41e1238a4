"""What a request says, read back from the very bytes that are about to leave.

The last thing before a socket is to compare these with what risk approved (reliability.md 2.3):
an encoder that puts the wrong side, quantity or price into a request is found by its own output.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from engine.model.command import Replacement
from engine.model.instrument import Instrument
from engine.model.order import OrderRequest, OrderType, Product
from engine.model.side import Side


class WireOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One order as a request carries it. ``tag`` is None where the broker takes none.

    ``broker_id`` is that of a change or cancel, None in a placement. What a request of its kind
    does not say is None.
    """

    account: str
    tag: str | None = None
    broker_id: str | None = None
    instrument: Instrument | None = None
    side: Side | None = None
    quantity: int | None = None
    order_type: OrderType | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    product: Product | None = None


def placement_difference(request: OrderRequest, wire: WireOrder) -> str:
    """Return how a placement about to leave differs from what was approved; empty when it does not.

    Everything must be there and equal but the tag, which some brokers do not take.
    """
    return _difference(
        ("account", request.key.account, wire.account),
        ("tag", request.client_id, wire.tag or request.client_id),
        ("broker id", None, wire.broker_id),
        ("instrument", request.instrument, wire.instrument),
        ("side", request.side, wire.side),
        ("quantity", request.quantity, wire.quantity),
        ("order type", request.order_type, wire.order_type),
        ("price", request.price, wire.price),
        ("trigger price", request.trigger_price, wire.trigger_price),
        ("product", request.product, wire.product),
    )


def replacement_difference(
    wanted: Replacement, account: str, broker_id: str, wire: WireOrder
) -> str:
    """Return how a change about to leave differs from what was approved; empty when it does not."""
    return _difference(
        ("account", account, wire.account),
        ("broker id", broker_id, wire.broker_id),
        ("quantity", wanted.quantity, wire.quantity),
        ("price", wanted.price, wire.price),
        ("trigger price", wanted.trigger_price, wire.trigger_price),
    )


def cancel_difference(account: str, broker_id: str, wire: WireOrder) -> str:
    """Return how a cancel about to leave differs from what was asked; empty when it does not."""
    return _difference(("account", account, wire.account), ("broker id", broker_id, wire.broker_id))


def _difference(*facts: tuple[str, object, object]) -> str:
    return ", ".join(
        f"{what} {found} instead of {wanted}" for what, wanted, found in facts if found != wanted
    )
