"""Positions and profit of a journal's fills, in the kernel's own arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from engine.core.ledger import Ledger
from engine.model.instrument import Instrument
from engine.model.money import ZERO, paise
from engine.model.order import Fill, Product
from engine.model.position import Position
from engine.runtime.readmodel_schema import (
    GroupRow,
    PositionRow,
    StrategyRow,
)
from engine.runtime.readmodel_tables import Tables


class Books:
    """Takes the fills in; ``close`` works out what stands at the end.

    ``marks`` are the last prices at the session's end, by instrument key; empty until it closed.
    """

    def __init__(self) -> None:
        self.marks: Mapping[str, float] = {}
        self._ledger = Ledger()
        self._held: dict[tuple[str, str, Instrument], Product] = {}

    def fill(self, fill: Fill) -> None:
        """Count a fill."""
        self._ledger.apply(fill)
        self._held.setdefault((fill.strategy, fill.account, fill.instrument), fill.product)

    def close(
        self, tables: Tables, strategies: Iterable[StrategyRow], groups: Iterable[GroupRow]
    ) -> None:
        """Add every position, and put their profit into the rows of strategies and groups."""
        ledger = self._ledger
        for (strategy, account, instrument), product in self._held.items():
            position = ledger.by_strategy(strategy, instrument, account)
            tables.add(self._position_row(strategy, account, product, position))
        for row in strategies:
            row.realised_inr = ledger.realised_inr(row.strategy)
            row.unrealised_inr = self._unrealised(ledger.positions_of(row.strategy))
        for group in groups:
            held = ledger.by_group(group.group_id)
            group.realised_inr = sum((p.realised_inr for p in held), start=ZERO)
            group.unrealised_inr = self._unrealised(held)

    def _position_row(
        self, strategy: str, account: str, product: Product, position: Position
    ) -> PositionRow:
        instrument = position.instrument
        return PositionRow(
            strategy=strategy,
            account=account,
            product=product,
            instrument=instrument.key,
            symbol=instrument.symbol,
            quantity=position.quantity,
            average_price=None if position.is_flat else position.average_price,
            realised_inr=position.realised_inr,
            mark=self.marks.get(instrument.key),
            unrealised_inr=self._unrealised((position,)),
            bought_quantity=position.bought_quantity,
            sold_quantity=position.sold_quantity,
            bought_value_inr=position.bought_value_inr,
            sold_value_inr=position.sold_value_inr,
        )

    def _unrealised(self, positions: Iterable[Position]) -> Decimal | None:
        """Return what is open at its marks, to the paisa; None when one of them has no mark."""
        total = ZERO
        for position in positions:
            if position.is_flat:
                continue
            mark = self.marks.get(position.instrument.key)
            if mark is None:
                return None
            total += position.quantity * (Decimal(repr(mark)) - position.average_price)
        return paise(total)
