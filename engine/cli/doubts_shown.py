"""What needs a person: orders in doubt, accounts that hold what nobody can explain, strangers."""

from __future__ import annotations

from typing import NamedTuple

from engine.rules.clock_time import clock_text
from engine.runtime.readmodel import ReadModel
from engine.runtime.readmodel_schema import OrderRow
from engine.runtime.readmodel_schema_books import (
    AccountRow,
    ActRow,
    DifferenceRow,
    ForeignOrderRow,
)


class Doubts(NamedTuple):
    """Everything of a session that the engine cannot settle by itself."""

    orders: list[OrderRow]
    accounts: list[AccountRow]
    differences: list[DifferenceRow]
    foreign: list[ForeignOrderRow]
    acts: list[ActRow]

    def lines(self) -> list[str]:
        """Return a line for each of them; none when nothing needs a person."""
        lines = [
            f"{order.state}: {order.client_id}, {order.side} {order.quantity} {order.symbol} in "
            f"{order.account}: {order.reason or 'no answer came'}; "
            f"engine resolve {order.client_id} --as ... settles it"
            for order in self.orders
        ]
        lines += [
            f"{row.account}: {row.standing} since {clock_text(row.at)}: {row.why}"
            for row in self.accounts
            if row.standing != "VERIFIED"
        ]
        lines += [
            f"{row.account}: holds {row.quantity:+d} {row.instrument} {row.product} that nobody "
            "can explain"
            for row in self.differences
        ]
        if self.foreign:
            lines.append(f"{len(self.foreign)} orders in our accounts are not ours")
        return lines

    def data(self) -> dict[str, object]:
        """Return all of it for ``--json``."""
        return {
            "orders": self.orders,
            "accounts": self.accounts,
            "differences": self.differences,
            "foreign_orders": self.foreign,
            "acts": self.acts,
        }


def doubts_of(model: ReadModel) -> Doubts:
    """Return what of a session needs a person."""
    return Doubts(
        orders=[order for order in model.orders() if order.state.is_unknown],
        accounts=model.rows(AccountRow),
        differences=model.rows(DifferenceRow),
        foreign=model.rows(ForeignOrderRow),
        acts=model.rows(ActRow),
    )
