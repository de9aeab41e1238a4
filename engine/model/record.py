"""What the journal keeps: the story of every order and group, as tagged records.

The kernel makes them, in order; the journal frames, chains and syncs them (DESIGN.md decision 15);
the read model and ``engine explain`` are folds over them.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from engine.model.approval import Check
from engine.model.instrument import Instrument
from engine.model.legs import GroupPlan, GroupState, LegPlan
from engine.model.order import Fill, Order, Product
from engine.model.order_update import OrderUpdate
from engine.model.tariff import Tariff


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """What led to a record: the event's number, the hook that ran and the market it saw.

    ``frame`` is the number of the newest frame in the recording at that moment, None before it.
    """

    kseq: int
    hook: str
    frame: int | None


def recording_label(imported: str, *, is_synthetic: bool) -> str:
    """Return what a reader must not overlook about a recording's prices."""
    if is_synthetic:
        return "SYNTHETIC recording"
    return f"IMPORTED recording ({imported})" if imported else "recording"


class SessionBooted(msgspec.Struct, frozen=True, tag=True):
    """The first record: what runs, on what, with which rules. Hashes are SHA-256, hex.

    ``tariff`` says whose plans the trades are charged by; a journal without one knew a single plan.
    ``imported`` says what the recording's frames were made from, empty where a socket brought them.
    """

    session_id: str
    trading_date: str
    mode: str
    recording: str
    recording_hash: str
    configuration_hash: str
    engine_version: str
    engine_hash: str
    strategy_hashes: dict[str, str]
    rules_version: str
    is_synthetic: bool
    tariff: Tariff = Tariff()
    imported: str = ""


class GroupPlanned(msgspec.Struct, frozen=True, tag=True):
    """A strategy asked for a group."""

    at: int
    cause: Cause
    plan: GroupPlan


class RiskJudged(msgspec.Struct, frozen=True, tag=True):
    """The gate judged a batch: every check with its figure and limit."""

    at: int
    cause: Cause
    strategy: str
    group_id: str
    client_ids: tuple[str, ...]
    approved: bool
    text: str
    checks: tuple[Check, ...]


class OrderChanged(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """An order's registers moved: the whole order as it is now, and what moved it."""

    at: int
    kseq: int
    trigger: str
    order: Order
    note: str = ""


class OrderFilled(msgspec.Struct, frozen=True, tag=True):
    """Units changed hands."""

    at: int
    kseq: int
    fill: Fill


class GroupMoved(msgspec.Struct, frozen=True, tag=True):
    """A part (one account's share) of a group changed state, and why."""

    at: int
    kseq: int
    group_id: str
    account: str
    before: GroupState
    after: GroupState
    why: str
    legs: tuple[LegPlan, ...] = ()


class EntryWithdrawn(msgspec.Struct, frozen=True, tag=True):
    """The entry of a part was taken back: nothing more is sent for it, what filled is kept."""

    at: int
    kseq: int
    group_id: str
    account: str
    reason: str


class LegRepriced(msgspec.Struct, frozen=True, tag=True):
    """An author asked for another limit or trigger of a leg: the leg as it is planned now."""

    at: int
    kseq: int
    group_id: str
    account: str
    leg: LegPlan


class StrategyHalted(msgspec.Struct, frozen=True, tag=True):
    """A strategy will get no more hooks (it raised, overran, or broke a limit)."""

    at: int
    kseq: int
    strategy: str
    why: str
    traceback: str = ""


class StateSaved(msgspec.Struct, frozen=True, tag=True):
    """A strategy's durable ``self.state``, msgspec JSON."""

    at: int
    kseq: int
    strategy: str
    payload: bytes


class KillRecorded(msgspec.Struct, frozen=True, tag=True):
    """The kill switch was tripped."""

    at: int
    kseq: int
    scope: str
    mode: str
    who: str
    why: str


class SnapshotNoted(msgspec.Struct, frozen=True, tag=True):
    """An account's books were read: what of them was believed, and what could not be explained.

    ``missing``: broker ids known for the day that the order book lacked. ``unexplained``: what the
    account holds beyond what we know of, units by instrument key and product (``key|product``).
    """

    at: int
    kseq: int
    account: str
    asked_at: int
    orders: int
    is_complete: bool
    why: str
    missing: tuple[str, ...] = ()
    unexplained: dict[str, int] = {}


class ForeignSeen(msgspec.Struct, frozen=True, tag=True):
    """An order in our account that we did not send, as it is shown now."""

    at: int
    kseq: int
    update: OrderUpdate


class ForeignHeld(msgspec.Struct, frozen=True, tag=True):
    """Units in an account that are not ours: held at the start of the day, or accepted by a person.

    ``quantity`` is what is added, signed.
    """

    at: int
    kseq: int
    account: str
    instrument: Instrument
    product: Product
    quantity: int
    who: str
    why: str


class AccountVerified(msgspec.Struct, frozen=True, tag=True):
    """What an account may do, after its books were held against what we know."""

    at: int
    kseq: int
    account: str
    standing: str
    why: str


class HumanActed(msgspec.Struct, frozen=True, tag=True):
    """A person settled or lifted something: ``action`` is ``resolve``, ``adjust`` or ``arm``."""

    at: int
    kseq: int
    action: str
    subject: str
    who: str
    why: str
    act_id: str = ""


class AlertRaised(msgspec.Struct, frozen=True, tag=True):
    """Something a person should know. ``level``: info, warning or critical."""

    at: int
    kseq: int
    level: str
    subject: str
    text: str


class Checkpoint(msgspec.Struct, frozen=True, tag=True):
    """The hash of each section of what a restart restores, as the live kernel had it here.

    The fold of all records before must give the same. ``form`` is the number of what is hashed
    and how (``engine.core.state_digest``).
    """

    at: int
    kseq: int
    form: int
    sections: dict[str, str]


class SessionClosed(msgspec.Struct, frozen=True, tag=True):
    """The end of a session that ended in order: profit and loss per strategy, marks.

    The last record, but for a live run's checkpoint behind it.
    """

    at: int
    kseq: int
    reason: str
    marks: dict[str, float]
    realised_inr: dict[str, Decimal]
    unrealised_inr: dict[str, float]


Record = (
    SessionBooted
    | GroupPlanned
    | RiskJudged
    | OrderChanged
    | OrderFilled
    | GroupMoved
    | EntryWithdrawn
    | LegRepriced
    | StrategyHalted
    | StateSaved
    | KillRecorded
    | SnapshotNoted
    | ForeignSeen
    | ForeignHeld
    | AccountVerified
    | HumanActed
    | AlertRaised
    | SessionClosed
    | Checkpoint
)
