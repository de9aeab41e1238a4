"""What the brokers' books say, held against what we know: read, merged, compared, acted on.

Every account is READING until a complete snapshot of it has been merged and explains every unit it
holds; only exits pass meanwhile. The same happens again after its order stream was down, since a
stream never tells what it missed (reliability.md 0 F7 and F8, 2.4, 2.5). A difference is never
traded away and no fill is made up for it: a person accepts it, or a later snapshot explains it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final

from engine.core.blotter import Blotter
from engine.core.book_merge import BookMerge
from engine.core.book_watch import BookWatch
from engine.core.claims import Claims
from engine.core.desk import Desk
from engine.core.doubt import Doubts
from engine.core.foreign import Foreign
from engine.core.holdings import Units, differences
from engine.core.known_ids import SETTLES_S, KnownIds
from engine.core.repeated import Repeated
from engine.model.effect import ReadBooks
from engine.model.order import Order
from engine.model.order_state import Trigger
from engine.model.record import AccountVerified, SnapshotNoted
from engine.model.snapshot import Snapshot
from engine.model.verdict import Anomaly
from engine.ports import TradingState
from engine.rules.clock_time import NS_PER_S, ns

POLL_WORKING_S: Final = 5.0
"""How often the books are read while an order of the account has not ended."""
POLL_IDLE_S: Final = 60.0
"""How often they are read otherwise."""
NAMED: Final = 3
"""How many of the orders that a book lost a person is given by name."""
VERIFY_WITHIN_S: Final = 60.0
"""A person hears of an account that is not verified this long after it should have been."""


class Standing(StrEnum):
    """What is known of an account. READING: nothing yet. UNEXPLAINED: it holds what we cannot."""

    READING = "READING"
    VERIFIED = "VERIFIED"
    UNEXPLAINED = "UNEXPLAINED"


class _Account:
    """One account's reading: where it stands, and what its last snapshots showed.

    ``is_overtaken``: the read under way was asked for before what it should explain.
    """

    def __init__(self, name: str, desk: Desk) -> None:
        self.name = name
        self.watch = BookWatch(desk, name)
        self.standing = Standing.READING
        self.why = "its books were not read yet"
        self.is_up = False
        self.is_reading = False
        self.is_overtaken = False
        self.reads_again = ""
        self.ids = KnownIds()
        self.differing: Repeated[Units] = Repeated()
        self.active_at = 0
        self.was_verified = False
        self.next_poll = 0
        self.unknown_since = 0
        self.is_late = False


class Books:
    """The books of every account that has some; a paper run has none.

    ``on_settled`` is told when an account's books have been weighed, or could not be in time.
    """

    def __init__(
        self,
        desk: Desk,
        blotter: Blotter,
        claims: Claims,
        foreign: Foreign,
        accounts: Iterable[str],
        on_settled: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._blotter = blotter
        self._claims = claims
        self._foreign = foreign
        self._on_settled = on_settled
        self._accounts = {name: _Account(name, desk) for name in accounts}
        self.doubts = Doubts(desk, self.read, blotter.advance)
        self._merge = BookMerge(blotter, claims, foreign, self.doubts)

    def start(self) -> None:
        """Read every account's books: at the start of a run, restarted or not."""
        self.doubts.begin_again()
        for account in self._accounts.values():
            self._begin(account, "the run starts")

    def standing(self, name: str) -> tuple[TradingState, str]:
        """Return what an account's books allow, and why."""
        account = self._accounts.get(name)
        if account is None or (account.standing is Standing.VERIFIED and account.is_up):
            return TradingState.ACTIVE, ""
        if account.standing is Standing.UNEXPLAINED:
            return TradingState.HALTED, f"{name}: {account.why}"
        if not account.is_up:
            return TradingState.REDUCE_ONLY, f"{name}: its order stream is down: {account.why}"
        return TradingState.REDUCE_ONLY, f"{name}: {account.why}"

    @property
    def is_reading(self) -> bool:
        """True while an account's books are still to be weighed, and it is not too late for it.

        Books that were read before the order stream was up are read again once it is.
        """
        return any(
            (a.standing is Standing.READING or not a.is_up) and not a.is_late
            for a in self._accounts.values()
        )

    def heard(self) -> list[str]:
        """Return the accounts whose order stream is up."""
        return [account.name for account in self._accounts.values() if account.is_up]

    def read(self, name: str, why: str) -> None:
        """Ask for an account's books; while a read is under way, for another one after it."""
        account = self._accounts.get(name)
        if account is None:
            return
        if account.is_reading:
            account.reads_again = why
            return
        account.is_reading = True
        self._desk.emit(ReadBooks(name, why))

    def stream_changed(self, name: str, why: str, *, is_up: bool) -> None:
        """The order stream of an account came up or went down."""
        account = self._accounts[name]
        if is_up == account.is_up:
            return
        account.is_up = is_up
        account.why = why
        if is_up:
            self._begin(account, f"its order stream is up again: {why}")
            return
        self.doubts.stream_broke(name)
        self._unknown_from_now(account)
        self._desk.alert("warning", name, f"the order stream is down: {why}; only exits pass")

    def order_changed(self, order: Order, before: Order) -> None:
        """Note what happened to one of our orders."""
        account = self._accounts.get(order.account)
        if account is None:
            return
        account.active_at = self._desk.now
        self.doubts.order_changed(order, had_gap=not account.is_up)
        if order.broker_id is not None and before.broker_id is None:
            account.ids.learn(order.broker_id, self._desk.now)
            for held in self._claims.named(order.account, order.broker_id):
                self._blotter.take(order.client_id, held.update, held.evidence)

    def restore(self, orders: Iterable[Order]) -> None:
        """Know the orders an earlier process had, and which of them are in doubt."""
        for order in orders:
            account = self._accounts.get(order.account)
            if account is None:
                continue
            self.doubts.order_changed(order, had_gap=not account.is_up)
            # One that was lost and has ended all the same ended by the word of a person.
            is_settled = order.lifecycle.is_terminal and Anomaly.VANISHED in order.anomalies
            if order.broker_id is not None and not is_settled:
                account.ids.learn(order.broker_id, order.updated_at)

    def settled_by_hand(self, order: Order) -> None:
        """Ask for an order no more of which a person said what became of it."""
        account = self._accounts.get(order.account)
        if account is not None and order.broker_id is not None:
            account.ids.forget(order.broker_id)

    # -- a snapshot ------------------------------------------------------------------------------

    def merged(self, snapshot: Snapshot) -> None:
        """Take in one look into an account's books, complete or not."""
        account = self._accounts[snapshot.account]
        account.is_reading = False
        is_overtaken, account.is_overtaken = account.is_overtaken, False
        shown = {row.broker_id for row in snapshot.orders if row.broker_id is not None}
        missing = account.ids.look(snapshot, shown)
        is_complete = snapshot.is_complete and not missing
        self._merge.take_rows(snapshot, is_complete=is_complete)
        for broker_id in self._foreign.ids(account.name):
            account.ids.learn(broker_id, self._desk.now)
        unnamed = self._merge.take_trades(snapshot)
        if is_complete:
            self._weigh_doubts(account, snapshot, shown, unnamed)
            self._merge.chase_amends(snapshot)
        elif snapshot.is_complete:
            self._weigh_missing(account, snapshot, missing)
        orders = self._blotter.orders
        in_doubt = [orders[client_id] for client_id in self.doubts.of(snapshot.account)]
        found = differences(snapshot, self._desk.ledger, self._foreign, in_doubt)
        why = snapshot.why or (f"{len(missing)} known orders are missing" if missing else "")
        account.watch.note(is_complete=is_complete, why=why)
        self._note(account, snapshot, missing, found, why, is_complete=is_complete)
        if is_complete and snapshot.positions is not None and not is_overtaken:
            self._verify(account, snapshot, found)
        if account.reads_again:
            why, account.reads_again = account.reads_again, ""
            self.read(account.name, why)
        self._poll_later(account)

    def _weigh_doubts(
        self, account: _Account, snapshot: Snapshot, shown: set[str], unnamed: int
    ) -> None:
        orders = self._blotter.orders
        absent = [
            client_id
            for client_id in self.doubts.of(snapshot.account)
            if orders[client_id].broker_id not in shown
        ]
        if not absent:
            return
        # Here what an order in doubt may have filled counts: it would prove that it was placed.
        found = differences(snapshot, self._desk.ledger, self._foreign, ())
        objection = ""
        if account.ids.gone:
            objection = f"the order book lacks {len(account.ids.gone)} that are known"
        elif snapshot.trades is None or found is None:
            objection = "trades and positions were not read"
        elif unnamed:
            objection = f"{unnamed} trades are of orders nobody knows"
        elif any(instrument is orders[c].instrument for c in absent for instrument, _ in found):
            objection = "the position differs from what we know"
        elif any(self._claims.has_lookalike(orders[c]) for c in absent):
            objection = "a row that was placed at another time looks like it"
        self.doubts.looked(snapshot.account, snapshot.asked_at, absent, objection)

    def _weigh_missing(
        self, account: _Account, snapshot: Snapshot, missing: tuple[str, ...]
    ) -> None:
        """Believe that a known order is gone only when snapshot after snapshot lacks it."""
        gone = account.ids.weigh(missing, snapshot.asked_at)
        if not gone:
            return
        for broker_id, looks in gone.items():
            client_id = self._blotter.by_broker_id.get((account.name, broker_id))
            if client_id is not None:
                why = f"{looks} order books in a row lack it"
                self._blotter.advance(client_id, Trigger.SNAPSHOT_ABSENT, why)
        self._desk.alert(
            "warning",
            account.name,
            f"order books in a row lack orders that are known: {_named(tuple(gone))}. Until they "
            "are shown, or a person settles them, no other order of it is proven absent",
        )

    # -- positions -------------------------------------------------------------------------------

    def _verify(self, account: _Account, snapshot: Snapshot, found: Units | None) -> None:
        if snapshot.asked_at - account.active_at < ns(SETTLES_S) and account.was_verified:
            return
        if not found:
            account.differing.clear()
            self._stand(account, Standing.VERIFIED, "its books explain all it holds")
            return
        # Positions lag behind orders: only the same difference, again and again, is one.
        is_believed = account.differing.add(found, snapshot.asked_at)
        words = ", ".join(
            f"{quantity:+d} {instrument.symbol} {product}"
            for (instrument, product), quantity in found.items()
        )
        if is_believed:
            if not account.was_verified and not self._has_history(account.name):
                self._open_with(account, found)
                return
            self._stand(account, Standing.UNEXPLAINED, f"it holds what we cannot explain: {words}")
        elif account.standing is not Standing.VERIFIED:
            account.why = f"a difference is looked at again: {words}"

    def _open_with(self, account: _Account, found: Units) -> None:
        """Take what an account holds before the day's first order for what it began with."""
        for (instrument, product), quantity in found.items():
            row = instrument, product, quantity
            self._foreign.hold(account.name, row, "engine", "held before the day's first order")
        account.differing.clear()
        self._stand(account, Standing.VERIFIED, "it began the day with what it holds")

    def _stand(self, account: _Account, standing: Standing, why: str) -> None:
        desk = self._desk
        if account.standing is standing and account.why == why:
            return
        account.standing, account.why = standing, why
        if account.is_up:
            account.unknown_since = 0
        desk.keep(AccountVerified(desk.now, desk.kseq, account.name, standing, why))
        if standing is Standing.VERIFIED:
            account.was_verified = True
        elif standing is Standing.UNEXPLAINED:
            desk.alert(
                "critical",
                account.name,
                f"{why}. Only exits pass; `engine resolve` accepts it, with a reason",
            )
        self._on_settled()

    def _has_history(self, name: str) -> bool:
        return any(order.account == name for order in self._blotter.orders.values())

    # -- reading ---------------------------------------------------------------------------------

    def _begin(self, account: _Account, why: str) -> None:
        account.standing, account.why = Standing.READING, f"its books are being read: {why}"
        account.differing.clear()
        self._unknown_from_now(account)
        account.is_overtaken = account.is_reading
        self.read(account.name, why)

    def _unknown_from_now(self, account: _Account) -> None:
        """Have a person told when an account stays unknown, however often it is begun anew."""
        if account.unknown_since:
            return
        desk = self._desk
        account.is_late = False
        began = account.unknown_since = desk.now
        desk.timers.add(began + ns(VERIFY_WITHIN_S), lambda: self._late(account, began))

    def _late(self, account: _Account, began: int) -> None:
        if account.unknown_since == began and not account.is_late:
            waited = (self._desk.now - began) / NS_PER_S
            self._desk.alert(
                "critical", account.name, f"not verified for {waited:.0f} s: {account.why}"
            )
            account.is_late = True
            self._on_settled()

    def _poll_later(self, account: _Account) -> None:
        desk = self._desk
        works = any(order.account == account.name for order in self._blotter.live.values())
        is_odd = account.differing.is_open or account.watch.is_blind
        is_unsettled = works or is_odd or account.standing is not Standing.VERIFIED
        due = desk.now + ns(POLL_WORKING_S if is_unsettled else POLL_IDLE_S)
        if desk.now < account.next_poll <= due:
            return
        account.next_poll = due
        desk.timers.add(due, lambda: self._poll(account, due))

    def _poll(self, account: _Account, due: int) -> None:
        if account.next_poll == due:
            self.read(account.name, "it is time")

    def _note(
        self,
        account: _Account,
        snapshot: Snapshot,
        missing: tuple[str, ...],
        found: Units | None,
        why: str,
        *,
        is_complete: bool,
    ) -> None:
        """Journal a look that decided something or could not; the others are told of nowhere."""
        doubts = self.doubts.of(account.name)
        if is_complete and not found and not doubts and account.was_verified:
            return
        desk = self._desk
        desk.keep(
            SnapshotNoted(
                desk.now,
                desk.kseq,
                account.name,
                snapshot.asked_at,
                len(snapshot.orders),
                is_complete,
                why,
                missing,
                {
                    f"{instrument.key}|{product}": quantity
                    for (instrument, product), quantity in (found or {}).items()
                },
            )
        )


def _named(ids: tuple[str, ...]) -> str:
    """Return a few ids to look for, and how many more there are."""
    more = len(ids) - NAMED
    return ", ".join(ids[:NAMED]) + (f" and {more} more" if more > 0 else "")
