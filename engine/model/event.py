"""What happened: the facts the kernel is told, each an immutable event.

Ticks and depth are in ``engine.model.market``. Everything that changes a decision is an event
here or there, so that a log of them can be fed back (DESIGN.md section 2).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from engine.model.command import MessageKind, Ticket
from engine.model.instrument import Instrument
from engine.model.market import Bar, Depth, Tick
from engine.model.order import Product
from engine.model.order_update import OrderUpdate
from engine.model.snapshot import Snapshot


class Started(msgspec.Struct, frozen=True, tag=True):
    """The run begins: strategies are started in the order of the YAML."""


class RunEnding(msgspec.Struct, frozen=True, tag=True):
    """The run ends, with the reason; strategies are stopped."""

    reason: str


class FrameDepth(msgspec.Struct, frozen=True, tag=True):
    """In a session log: the book in frame number ``frame`` was dispatched, after its tick."""

    frame: int


class TimerFired(msgspec.Struct, frozen=True, tag=True):
    """A timer of the kernel's own heap fell due."""

    due: int


class HealthState(StrEnum):
    """How alive a feed is."""

    FRESH = "FRESH"
    STALE = "STALE"
    DEAD = "DEAD"


class FeedHealthChanged(msgspec.Struct, frozen=True, tag=True):
    """A feed became fresh, stale or dead."""

    source: str
    state: HealthState
    why: str


class SendReleased(msgspec.Struct, frozen=True, tag=True):
    """The governor lets these messages go now."""

    tickets: tuple[Ticket, ...]


class SendExpired(msgspec.Struct, frozen=True, tag=True):
    """The governor held these messages until nobody wanted them any more; they were not sent."""

    tickets: tuple[Ticket, ...]


class SendWritten(msgspec.Struct, frozen=True, tag=True):
    """The bytes of these messages left us."""

    kind: MessageKind
    client_ids: tuple[str, ...]


class SendAborted(msgspec.Struct, frozen=True, tag=True):
    """The last test before the socket said no: provably nothing left."""

    kind: MessageKind
    client_ids: tuple[str, ...]
    reason: str


class ReplyOutcome(StrEnum):
    """What a reply proves (reliability.md 2.3). Anything not on a broker's list is AMBIGUOUS."""

    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    AMBIGUOUS = "AMBIGUOUS"


class ReplyClassified(msgspec.Struct, frozen=True, tag=True):
    """A reply (or its absence) to one message about one order. ``code`` and ``text``: broker's."""

    kind: MessageKind
    client_id: str
    outcome: ReplyOutcome
    broker_id: str | None = None
    code: str = ""
    text: str = ""


class OrderUpdated(msgspec.Struct, frozen=True, tag=True):
    """A broker said something about an order."""

    update: OrderUpdate


class SnapshotMerged(msgspec.Struct, frozen=True, tag=True):
    """The books of an account were read, wholly or not: every ``ReadBooks`` is answered by one."""

    snapshot: Snapshot


class OrderStreamChanged(msgspec.Struct, frozen=True, tag=True):
    """An account's stream of order updates came up or went down; it tells nothing of between."""

    account: str
    is_up: bool
    why: str


class JournalStalled(msgspec.Struct, frozen=True, tag=True):
    """The journal did not become durable in time: nothing new is sent until it is."""

    waited_ms: float


class Resolution(StrEnum):
    """What a person says became of an order in doubt."""

    NOT_PLACED = "NOT_PLACED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"


class HumanResolved(msgspec.Struct, frozen=True, tag=True):
    """A person settled an order in doubt, with the reason.

    ``act_id`` names the act, so that one taken up again after a crash counts once.
    """

    client_id: str
    resolution: Resolution
    who: str
    why: str
    act_id: str = ""


class HumanAdjusted(msgspec.Struct, frozen=True, tag=True):
    """A person accepts that an account holds ``quantity`` units more (less) than we can explain.

    The units are counted as somebody else's: no strategy gets them, and no fill is made up.
    """

    account: str
    instrument: Instrument
    product: Product
    quantity: int
    who: str
    why: str
    act_id: str = ""


class Armed(msgspec.Struct, frozen=True, tag=True):
    """A person lifted every restriction of ``scope``, with the reason; ``act_id`` as above."""

    scope: str
    who: str
    why: str
    act_id: str = ""


class BackgroundDone(msgspec.Struct, frozen=True, tag=True):
    """A strategy's background work ended: ``result`` is msgspec JSON, or ``error`` is set."""

    strategy: str
    token: int
    result: bytes | None
    error: str | None


class HistoryLoaded(msgspec.Struct, frozen=True, tag=True):
    """Bars from before the session, for one instrument a strategy watches."""

    instrument_key: str
    bars: tuple[Bar, ...]


class HookOverran(msgspec.Struct, frozen=True, tag=True):
    """A hook took longer than its budget; its strategy is halted when this arrives."""

    strategy: str
    hook: str
    took_ms: float


class KillMode(StrEnum):
    """What a kill does; each includes the one before."""

    BLOCK_NEW = "block_new"
    CANCEL_ALL = "cancel_all"
    FLATTEN = "flatten"

    @property
    def reach(self) -> int:
        """How far it goes: of two kills of one scope the further one holds."""
        return tuple(KillMode).index(self)


class KillTripped(msgspec.Struct, frozen=True, tag=True):
    """The kill switch was tripped in a ``scope`` (``engine.model.scope``)."""

    scope: str
    mode: KillMode
    who: str
    why: str


_Fact = (
    Started
    | RunEnding
    | TimerFired
    | FeedHealthChanged
    | SendReleased
    | SendExpired
    | SendWritten
    | SendAborted
    | ReplyClassified
    | OrderUpdated
    | SnapshotMerged
    | OrderStreamChanged
    | JournalStalled
    | HumanResolved
    | HumanAdjusted
    | Armed
    | BackgroundDone
    | HistoryLoaded
    | HookOverran
    | KillTripped
)

Event = Tick | Depth | _Fact
"""Everything the kernel handles."""

InlineEvent = FrameDepth | _Fact
"""The events a session log holds in full; ticks and depth are decoded from their frames again."""
