"""Journals written by hand: histories as data, for the read model and what reads it."""

from __future__ import annotations

import itertools
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.model.approval import Check
from engine.model.instrument import Instrument
from engine.model.legs import (
    GroupPlan,
    GroupState,
    Leg,
    LegPlan,
    LegRole,
    Policy,
)
from engine.model.order import (
    ChildKey,
    Fill,
    Lifecycle,
    Order,
    OrderRequest,
    OrderType,
    Product,
    Purpose,
)
from engine.model.record import (
    AlertRaised,
    Cause,
    GroupMoved,
    GroupPlanned,
    OrderChanged,
    OrderFilled,
    Record,
    RiskJudged,
    SessionBooted,
    SessionClosed,
)
from engine.model.side import Side
from engine.rules import RULES_VERSION
from engine.rules.clock_time import midnight_ns
from engine.runtime.clock import VirtualClock
from engine.runtime.disk import FileDisk
from engine.runtime.journal import Journal
from engine.runtime.journal_reader import JournalEntry
from engine.runtime.sessions_on_disk import JOURNAL_NAME, LOG_NAME, SessionFolder
from engine.sessionlog.format import Header, Source
from engine.sessionlog.writer import SessionLogWriter
from engine.testing import TRADING_DATE, nifty_chain

MS = 1_000_000


class History:
    """A session's journal, a record at a time. ``at`` is milliseconds after 09:20."""

    group_id = "condor.wings.1"
    account = "paper"

    def __init__(self) -> None:
        self.catalogue = nifty_chain()
        self.start = midnight_ns(TRADING_DATE) + (9 * 60 + 20) * 60_000 * MS
        self.records: list[tuple[int, Record]] = []
        self._kseq = itertools.count(100)
        self.kseq = 0
        self.orders: dict[str, Order] = {}

    def at(self, ms: float) -> int:
        return self.start + round(ms * MS)

    def call(self, strike: int) -> Instrument:
        return self.catalogue.find(f"NIFTY 25AUG26 {strike} CE")

    def put(self, strike: int) -> Instrument:
        return self.catalogue.find(f"NIFTY 25AUG26 {strike} PE")

    def add(self, ms: float, record: Record) -> None:
        self.records.append((self.at(ms), record))

    def event(self) -> int:
        self.kseq = next(self._kseq)
        return self.kseq

    # -- records ---------------------------------------------------------------------------------

    def boot(self, *, trading_date: str = TRADING_DATE.isoformat(), **changes: Any) -> None:
        made = SessionBooted(
            session_id="2026-08-19-paper-abc",
            trading_date=trading_date,
            mode="paper",
            recording="morning.arrow",
            recording_hash="r" * 64,
            configuration_hash="c" * 64,
            engine_version="0.1.0",
            engine_hash="e" * 64,
            strategy_hashes={"condor": "s" * 64},
            rules_version=RULES_VERSION,
            is_synthetic=True,
        )
        self.add(-300_000, msgspec.structs.replace(made, **changes))

    def plan(self, *legs: Leg, accounts: dict[str, int] | None = None, **policy: Any) -> None:
        cause = Cause(kseq=self.event(), hook="condor.open_wings", frame=7)
        plan = GroupPlan(
            group_id=self.group_id,
            name="wings",
            strategy="condor",
            product=Product.INTRADAY,
            policy=Policy(**policy),
            accounts=accounts or {self.account: 1},
            legs=legs,
            created_at=self.at(0),
            cause=cause.hook,
        )
        self.add(0, GroupPlanned(self.at(0), cause, plan))

    def judge(self, ms: float, *checks: Check, ids: tuple[str, ...] = (), text: str = "") -> None:
        cause = Cause(kseq=self.event(), hook="engine", frame=7)
        judged = RiskJudged(
            self.at(ms), cause, "condor", self.group_id, ids, not text, text, checks
        )
        self.add(ms, judged)

    def move(
        self, ms: float, before: GroupState, after: GroupState, why: str, *legs: LegPlan
    ) -> None:
        self.add(
            ms,
            GroupMoved(
                self.at(ms), self.event(), self.group_id, self.account, before, after, why, legs
            ),
        )

    def order(
        self,
        ms: float,
        client_id: str,
        leg: int,
        side: Side,
        instrument: Instrument,
        price: str,
        **more: Any,
    ) -> None:
        """Make an order and have it approved."""
        is_exit = more.pop("is_exit", False)
        request = OrderRequest(
            client_id=client_id,
            key=ChildKey(
                self.group_id,
                leg,
                self.account,
                more.pop("slice", 0),
                more.pop("attempt", 1),
                is_exit,
            ),
            strategy="condor",
            instrument=instrument,
            side=side,
            quantity=more.pop("quantity", 65),
            order_type=OrderType.LIMIT,
            price=Decimal(price),
            trigger_price=None,
            product=Product.INTRADAY,
            purpose=more.pop("purpose", Purpose.UNWIND if is_exit else Purpose.ENTRY),
            decision_price=more.pop("decision", float(price)),
            created_at=self.at(ms),
            expires_at=self.at(ms + 2000),
        )
        self.orders[client_id] = Order.of(request)
        self.change(ms, client_id, "APPROVE", lifecycle=Lifecycle.APPROVED)

    def change(
        self, ms: float, client_id: str, trigger: str, note: str = "", **changes: Any
    ) -> None:
        order = msgspec.structs.replace(self.orders[client_id], updated_at=self.at(ms), **changes)
        self.orders[client_id] = order
        self.add(ms, OrderChanged(self.at(ms), self.event(), trigger, order, note))

    def send(self, ms: float, client_id: str) -> None:
        self.change(ms, client_id, "SEND_START", lifecycle=Lifecycle.SENDING)
        self.change(ms, client_id, "SEND_WRITTEN", sent_at=self.at(ms))

    def ack(self, ms: float, client_id: str, broker_id: str) -> None:
        self.change(
            ms, client_id, "REPLY_OK",
            lifecycle=Lifecycle.ACKED, broker_id=broker_id, acked_at=self.at(ms),
        )  # fmt: skip

    def fill(self, ms: float, client_id: str, quantity: int, price: str) -> None:
        before = self.orders[client_id]
        done = before.filled_quantity + quantity
        full = done == before.quantity
        self.change(
            ms, client_id, "SEEN_FILLED" if full else "SEEN_OPEN",
            lifecycle=Lifecycle.FILLED if full else Lifecycle.OPEN,
            filled_quantity=done,
            filled_value=before.filled_value + quantity * Decimal(price),
        )  # fmt: skip
        request = before.request
        fill = Fill(
            client_id=client_id, group_id=request.key.group_id, strategy=request.strategy,
            account=request.key.account, instrument=request.instrument, side=request.side,
            product=request.product, quantity=quantity, price=Decimal(price), at=self.at(ms),
            filled_before=before.filled_quantity,
        )  # fmt: skip
        self.add(ms, OrderFilled(self.at(ms), self.kseq, fill))

    def alert(self, ms: float, level: str, subject: str, text: str) -> None:
        self.add(ms, AlertRaised(self.at(ms), self.event(), level, subject, text))

    def close(self, ms: float, **marks: float) -> None:
        keys = {
            self.catalogue.find(f"NIFTY 25AUG26 {n[1:]} {n[0]}E").key: m for n, m in marks.items()
        }
        self.add(ms, SessionClosed(self.at(ms), self.event(), "the recording ended", keys, {}, {}))

    # -- whole sessions --------------------------------------------------------------------------

    def rejected_leg(self) -> History:
        """A condor's half: the hedge fills, the sold leg is rejected, the hedge is sold again."""
        wing, body = self.call(24_500), self.call(24_300)
        self.boot()
        self.alert(-299_000, "info", "angel", "feed FRESH: first frame")
        self.plan(
            Leg(instrument=wing, side=Side.BUY, lots=1),
            Leg(instrument=body, side=Side.SELL, lots=1),
        )
        self.judge(
            0,
            check("session", "09:20:00.000", "09:15:00-15:30:00", f"BUY 65 {wing.symbol}"),
            check("session", "09:20:00.000", "09:15:00-15:30:00", f"SELL 65 {body.symbol}"),
            check("price collar", "Rs 20.05", "Rs 18 to Rs 22", f"BUY 65 {wing.symbol}"),
        )
        legs = (
            leg_plan(1, wing, Side.BUY, LegRole.HEDGE), leg_plan(2, body, Side.SELL, LegRole.RISK)
        )  # fmt: skip
        self.move(0, GroupState.DRAFT, GroupState.CHECKED, "every leg passed risk", *legs)
        self.move(0, GroupState.CHECKED, GroupState.WORKING, "sending")
        self.judge(
            0,
            check("session", "09:20:00.000", "09:15:00-15:30:00", f"BUY 65 {wing.symbol}"),
            ids=("LW0000000000A1",),
        )
        self.order(
            0, "LW0000000000A1", 1, Side.BUY, wing, "20.05", purpose=Purpose.HEDGE, decision=20.0
        )
        self.send(0, "LW0000000000A1")
        self.ack(80, "LW0000000000A1", "260819000000001")
        self.fill(80, "LW0000000000A1", 65, "20.05")
        self.order(80, "LW0000000000A2", 2, Side.SELL, body, "90")
        self.send(80, "LW0000000000A2")
        self.ack(160, "LW0000000000A2", "260819000000002")
        self.change(
            160, "LW0000000000A2", "SEEN_REJECTED",
            lifecycle=Lifecycle.REJECTED, code="17070", reason="The price is out of the LPP range",
        )  # fmt: skip
        why = f"leg 2 SELL 65 {body.symbol}: REJECTED: The price is out of the LPP range"
        self.move(160, GroupState.WORKING, GroupState.UNWINDING, why)
        self.alert(160, "warning", self.group_id, f"unwinding: {why}")
        self.order(160, "LW0000000000A3", 1, Side.SELL, wing, "19.90", is_exit=True, decision=19.95)
        self.send(160, "LW0000000000A3")
        self.ack(240, "LW0000000000A3", "260819000000003")
        self.fill(240, "LW0000000000A3", 65, "19.90")
        self.move(240, GroupState.UNWINDING, GroupState.UNWOUND, "nothing is held any more")
        self.close(6_000_000)
        return self

    # -- out -------------------------------------------------------------------------------------

    def entries(self) -> list[JournalEntry]:
        return [
            JournalEntry(number, 1, at, at, record)
            for number, (at, record) in enumerate(self.records, start=1)
        ]

    def write(self, folder: Path) -> SessionFolder:
        """Write the journal and the session log it is read with."""
        folder.mkdir(parents=True)
        header = Header(
            created_by="the tests", trading_date=TRADING_DATE, cadence_s=1.0,
            instruments=tuple(self.catalogue.facts()),
            sources=(Source(name="angel", decoder="angelone"),), rules_version=RULES_VERSION,
        )  # fmt: skip
        log = SessionLogWriter(FileDisk.create(folder / LOG_NAME), header, name=LOG_NAME)
        log.close(self.at(0), "the end")
        journal = Journal.create(
            FileDisk.create(folder / JOURNAL_NAME), VirtualClock(0), name=JOURNAL_NAME
        )
        for at, record in self.records:
            journal.append(record, at)
        journal.close()
        return SessionFolder(folder)


def leg_plan(number: int, instrument: Instrument, side: Side, role: LegRole) -> LegPlan:
    return LegPlan(
        number=number, instrument=instrument, side=side, quantity=65, role=role,
        order_type=OrderType.LIMIT, limit=None, trigger=None,
    )  # fmt: skip


def check(rule: str, figure: str, limit: str, subject: str, *, passed: bool = True) -> Check:
    return Check(
        rule=rule, passed=passed, figure=figure, limit=limit, scope="order", subject=subject
    )


@pytest.fixture
def history() -> History:
    """An empty history."""
    return History()


@pytest.fixture
def rejected_leg(history: History) -> History:
    """A group of which one leg is rejected and which is unwound."""
    return history.rejected_leg()
