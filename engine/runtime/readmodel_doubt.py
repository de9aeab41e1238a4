"""Folds what brokers' books said into rows: accounts, differences, strangers, people's acts."""

from __future__ import annotations

from engine.model.order import Product
from engine.model.record import (
    AccountVerified,
    ForeignHeld,
    ForeignSeen,
    HumanActed,
    SnapshotNoted,
)
from engine.runtime.readmodel_schema_books import (
    AccountRow,
    ActRow,
    DifferenceRow,
    ForeignOrderRow,
)
from engine.runtime.readmodel_tables import Tables


class DoubtBooks:
    """The newest word on every account, difference and stranger's order."""

    def __init__(self) -> None:
        self._accounts: dict[str, AccountRow] = {}
        self._differences: dict[str, list[DifferenceRow]] = {}
        self._foreign: dict[tuple[str, str], ForeignOrderRow] = {}
        self._acts: list[ActRow] = []

    def verified(self, record: AccountVerified) -> None:
        """Take in where an account stands; a verified one has no difference left."""
        self._accounts[record.account] = AccountRow(
            account=record.account, standing=record.standing, why=record.why, at=record.at
        )
        if record.standing == "VERIFIED":
            self._differences.pop(record.account, None)

    def snapshot(self, record: SnapshotNoted) -> None:
        """Take in what complete books did not explain."""
        if not record.is_complete:
            return
        rows = []
        for place, quantity in record.unexplained.items():
            instrument, _, product = place.partition("|")
            rows.append(
                DifferenceRow(
                    account=record.account,
                    instrument=instrument,
                    product=Product(product),
                    quantity=quantity,
                    at=record.at,
                )
            )
        self._differences[record.account] = rows

    def held(self, record: ForeignHeld) -> None:
        """Take in that units are not ours: they are no difference any more."""
        left = [
            row
            for row in self._differences.get(record.account, ())
            if (row.instrument, row.product) != (record.instrument.key, record.product)
        ]
        self._differences[record.account] = left

    def seen(self, record: ForeignSeen) -> None:
        """Take in a stranger's order as it is shown now."""
        update = record.update
        if update.broker_id is None:
            return
        self._foreign[update.account, update.broker_id] = ForeignOrderRow(
            account=update.account,
            broker_id=update.broker_id,
            symbol=update.instrument.symbol if update.instrument else "",
            side=str(update.side) if update.side else "",
            quantity=update.quantity,
            filled_quantity=update.filled_quantity or 0,
            status=update.status.value,
            at=record.at,
        )

    def acted(self, sequence: int, record: HumanActed) -> None:
        """Take in what a person did."""
        self._acts.append(
            ActRow(
                sequence=sequence,
                at=record.at,
                kseq=record.kseq,
                action=record.action,
                subject=record.subject,
                who=record.who,
                why=record.why,
            )
        )

    def add_to(self, tables: Tables) -> None:
        """Write every row."""
        for account in self._accounts.values():
            tables.add(account)
        for rows in self._differences.values():
            for row in rows:
                tables.add(row)
        for order in self._foreign.values():
            tables.add(order)
        for act in self._acts:
            tables.add(act)
