"""A snapshot's rows and trades, merged into our orders row by row (reliability.md 1.4, 2.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from engine.core.blotter import Blotter
from engine.core.claims import Claims
from engine.core.doubt import FIRST_LOOK_S, Doubts
from engine.core.foreign import Foreign
from engine.model.amend_state import AmendTrigger
from engine.model.order import AmendKind, AmendState, Lifecycle
from engine.model.order_update import OrderUpdate, RemoteStatus
from engine.model.snapshot import Snapshot, TradeRow
from engine.model.verdict import Evidence
from engine.rules.clock_time import ns

AGREES_AFTER_S: Final = 5.0
"""Two looks this far apart are two: a broker may answer both from one stale copy."""


class _Facts(NamedTuple):
    """What complete books say of an order, of ours in state ``lifecycle``, since ``since``."""

    status: RemoteStatus
    quantity: int | None
    lifecycle: Lifecycle | None
    since: int


_UNANSWERED: Final = (AmendState.ACKED, AmendState.IN_DOUBT)
"""A request that was accepted may still never be carried out, without another word."""


class BookMerge:
    """Merges the order and trade books of accounts; remembers what the last complete ones showed.

    Two complete snapshots in a row that say the same of an order agree, and that is the strongest
    evidence there is. What was shown before the order came into its present state does not count.
    """

    def __init__(self, blotter: Blotter, claims: Claims, foreign: Foreign, doubts: Doubts) -> None:
        self._blotter = blotter
        self._claims = claims
        self._foreign = foreign
        self._doubts = doubts
        self._facts: dict[str, dict[str, _Facts]] = {}

    def take_rows(self, snapshot: Snapshot, *, is_complete: bool) -> None:
        """Merge the order book.

        What an incomplete book shows is still true, and counts as much as a stream does.
        """
        unclaimed: list[OrderUpdate] = []
        known = self._facts.get(snapshot.account, {})
        rows: dict[str, _Facts] = {}
        for row in snapshot.orders:
            evidence = Evidence.STREAM
            order = self._claims.owner(row)
            if is_complete and row.broker_id is not None:
                lifecycle = None if order is None else order.lifecycle
                facts = _Facts(row.status, row.filled_quantity, lifecycle, snapshot.asked_at)
                before = known.get(row.broker_id)
                if before is not None and before[:-1] == facts[:-1]:
                    facts = before
                agreed = snapshot.asked_at - facts.since >= ns(AGREES_AFTER_S)
                evidence = Evidence.AGREED if agreed else Evidence.SNAPSHOT
                rows[row.broker_id] = facts
            if order is not None:
                self._blotter.take(order.client_id, row, evidence)
            else:
                unclaimed.append(row)
        if is_complete:
            self._facts[snapshot.account] = rows
            unclaimed = self._match_looks(snapshot.account, unclaimed)
        for row in unclaimed:
            self._claims.take(row, Evidence.SNAPSHOT if is_complete else Evidence.STREAM)

    def _match_looks(self, account: str, rows: Sequence[OrderUpdate]) -> list[OrderUpdate]:
        """Claim untagged rows for orders in doubt that look like them and like nothing else.

        Where more than one pair is possible every order involved becomes a person's.
        """
        in_doubt = [
            order
            for client_id in list(self._doubts.of(account))
            if (order := self._blotter.orders[client_id]).broker_id is None
        ]
        pairs = [
            (order, row) for order in in_doubt for row in rows if self._claims.matches(order, row)
        ]
        by_order = Counter(order.client_id for order, _ in pairs)
        by_row = Counter(id(row) for _, row in pairs)
        claimed: set[int] = set()
        for order, row in pairs:
            if by_order[order.client_id] == 1 and by_row[id(row)] == 1:
                claimed.add(id(row))
                self._blotter.take(order.client_id, row, Evidence.SNAPSHOT)
            else:
                self._doubts.give_up(
                    order.client_id,
                    f"{by_order[order.client_id]} rows of the order book look like it, and "
                    f"{by_row[id(row)]} orders in doubt look like row {row.broker_id}",
                )
        return [row for row in rows if id(row) not in claimed]

    def take_trades(self, snapshot: Snapshot) -> int:
        """Merge the trade book; return how many of its trades are of orders nobody knows.

        Trades show a fill that the order book does not show yet; they never take one back.
        """
        if snapshot.trades is None:
            return 0
        unnamed = 0
        by_order: dict[str, list[TradeRow]] = {}
        for trade in _once(snapshot.trades):
            by_order.setdefault(trade.broker_id, []).append(trade)
        for broker_id, trades in by_order.items():
            quantity = sum(trade.quantity for trade in trades)
            value = sum((trade.price * trade.quantity for trade in trades), Decimal(0))
            update = OrderUpdate(
                account=snapshot.account,
                source=snapshot.source,
                status=RemoteStatus.NONE,
                broker_id=broker_id,
                filled_quantity=quantity,
                average_price=value / quantity if quantity else None,
            )
            order = self._claims.owner(update)
            if order is not None:
                if quantity > order.filled_quantity:
                    self._blotter.take(order.client_id, update, Evidence.SNAPSHOT)
            elif (snapshot.account, broker_id) not in self._foreign.orders:
                unnamed += len(trades)
        return unnamed

    def chase_amends(self, snapshot: Snapshot) -> None:
        """Settle cancels and replaces not carried out yet: the books show if they came true."""
        for row in snapshot.orders:
            order = self._claims.owner(row)
            if order is None or order.amend is None or order.lifecycle.is_terminal:
                continue
            if snapshot.asked_at - order.updated_at < ns(FIRST_LOOK_S):
                continue
            amend = order.amend
            if order.cancel_state in _UNANSWERED:
                self._blotter.cancel_again(order.client_id)
            elif amend.kind is AmendKind.REPLACE and amend.state in _UNANSWERED:
                why = "its old terms are still shown"
                self._blotter.settle_amend(order.client_id, AmendTrigger.REPLY_REFUSED, why)


def _once(trades: Iterable[TradeRow]) -> Iterable[TradeRow]:
    """Return the trades without those a book shows twice, by the broker's fill id."""
    seen: set[tuple[str, str]] = set()
    for trade in trades:
        if trade.fill_id is not None:
            key = trade.broker_id, trade.fill_id
            if key in seen:
                continue
            seen.add(key)
        yield trade
