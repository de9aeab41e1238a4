"""The seams: what the core and the shell ask of each other, as Protocols.

``engine.core`` sees the world through these alone; the shell implements, ``engine.app`` joins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from enum import IntEnum
from typing import NamedTuple, Protocol

from engine.model.approval import Approved, Refusal
from engine.model.catalogue import InstrumentFacts
from engine.model.command import Batch, Replacement, Ticket
from engine.model.effect import Effect
from engine.model.event import Event, FrameDepth, KillTripped, ReplyOutcome
from engine.model.instrument import Instrument, Segment
from engine.model.market import Bar, Depth, Tick
from engine.model.order import Order, OrderRequest
from engine.model.prints import Prints
from engine.model.record import Record
from engine.model.scope import EVERYTHING, account_scope
from engine.model.snapshot import Snapshot
from engine.model.tokens import Listing, TokenRow
from engine.model.wire_order import WireOrder


class Capabilities(NamedTuple):
    """What a broker can do. ``max_legs``: orders one request may place."""

    max_legs: int
    echoes_tag: bool
    has_order_stream: bool


class Answer(NamedTuple):
    """What a reply proves of one order; ``code`` and ``text`` are the broker's own words."""

    outcome: ReplyOutcome
    broker_id: str | None = None
    code: str = ""
    text: str = ""


class Clock(Protocol):
    """Tells the time: nanoseconds since the epoch, UTC."""

    def now(self) -> int:
        """Return the current time."""


class Disk(Protocol):
    """The one door to a log file: append, sync, read."""

    def append(self, data: bytes) -> None:
        """Write at the end. Raises ``OSError`` (disk full, read-only)."""

    def sync(self) -> None:
        """Make everything appended durable. Raises ``OSError``; never retried on the same file."""

    def make_room(self) -> None:
        """Prepare for what is appended next, for shorter syncs. Raises ``OSError``."""

    def read(self) -> bytes:
        """Return the whole content."""

    def truncate(self, length: int) -> None:
        """Cut a torn tail."""

    def close(self) -> None:
        """Release the file."""


class Decoder(Protocol):
    """A broker's frames to market events (``brokers.<name>.normalize``)."""

    def tick(self, frame: bytes, received_at: int) -> Tick | None:
        """Return the tick of ``frame``, None for text or a book. Raises ``WireError`` if broken."""

    def depth(self, frame: bytes, received_at: int) -> Depth | None:
        """Return the book in ``frame``, None when this kind of frame has none."""


class PrintEncoder(Protocol):
    """Prints to a broker's frames: the decoder's other way, for imports (``brokers.<name>``)."""

    def frames(self, prints: Prints) -> list[bytes]:
        """Return a frame per print. Raises ``WireError`` for what the wire cannot carry."""


class FrameMaker(NamedTuple):
    """How prints from elsewhere become frames of one broker.

    ``encoder`` makes the encoder of a token table; ``scale`` says how many wire units make a rupee
    in a segment; ``invent_tokens`` names contracts without a token, always alike for the same list;
    ``read_master`` reads the broker's list from ``(data, name)`` and says what was wrong in it.
    """

    encoder: Callable[[Sequence[TokenRow]], PrintEncoder]
    scale: Callable[[Segment], int]
    invent_tokens: Callable[[Sequence[InstrumentFacts]], tuple[TokenRow, ...]]
    read_master: Callable[[bytes, str], tuple[Sequence[Listing], Sequence[str]]]


class Feed(Protocol):
    """A broker's market data (``brokers.<name>``), as far as the kernel asks for it."""

    def subscribe(self, instruments: Sequence[Instrument], *, depth: bool) -> None:
        """Send ticks of these from now on, with books where ``depth``."""

    def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        """Send nothing of these any more."""

    async def history(self, instrument: Instrument, span: str) -> Sequence[Bar]:
        """Return bars from before the session. Raises ``FileError`` where it has none."""


class RecordSink(Protocol):
    """Where journal records go (``engine.runtime.journal.Journal``)."""

    def append_all(self, records: Sequence[Record], at: int) -> object:
        """Write records made at ``at`` (ns UTC), in order."""


class DecisionLog(Protocol):
    """Where dispatch rows and effects go (``engine.sessionlog.decisions``)."""

    def dispatched_frames(
        self, first_kseq: int, first_frame: int, count: int, first_at: int
    ) -> None:
        """Consecutive frames were dispatched, each at the time it was received."""

    def dispatched_event(self, kseq: int, now: int, event: Event | FrameDepth) -> None:
        """Another event was dispatched."""

    def effects(
        self, kseq: int, now: int, records: Sequence[Record], others: Sequence[Effect]
    ) -> None:
        """The kernel wanted this: what goes to the journal, and all else."""


class VirtualBroker(Protocol):
    """A broker in virtual time (``brokers.paper``), driven by the runner.

    It is shown every frame before the kernel is; while ``busy[index]`` is 0 storing the tick and
    the frame is all that takes, and the runner does that itself.
    """

    ticks: list[Tick | None]
    frames: list[bytes]

    @property
    def busy(self) -> list[int]:
        """Non-zero where an order of ours rests in, or travels to, an instrument."""

    def match(self, index: int) -> None:
        """Match what works in an instrument against its newest frame."""

    def place(self, batch: Batch, now: int) -> None:
        """Send the orders of a batch."""

    def replace(self, replacement: Replacement, broker_id: str, account: str, now: int) -> None:
        """Send a change of a standing order."""

    def cancel(self, client_id: str, broker_id: str, account: str, now: int) -> None:
        """Send a cancel."""

    def next_time(self) -> int | None:
        """Return when it next has something to say, ns UTC."""

    def due(self, now: int) -> Sequence[tuple[int, Event]]:
        """Take out what it says at or before ``now``, in order."""


class Outgoing(Protocol):
    """A request ready to leave: its bytes are made and will not be made again."""

    @property
    def body(self) -> bytes:
        """The very bytes."""


class Execution(Protocol):
    """A broker's order entry and books (``brokers.<name>.orders``).

    Making a request, reading it back and sending it are apart, so that what leaves can be compared
    with what was approved. The disk writes in between, which may take a while: what must be fresh
    when it leaves (a token, a time) ``transmit`` puts in. None of the three retries anything.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this broker can do."""

    def placement(self, approved: Approved[Batch]) -> Outgoing:
        """Return the one request that places a batch, each order in the batch's order."""

    def replacement(self, order: Order, approved: Approved[Replacement]) -> Outgoing:
        """Return the request that changes a standing order."""

    def cancellation(self, order: Order) -> Outgoing:
        """Return the request that cancels a standing order."""

    def read_back(self, outgoing: Outgoing) -> Sequence[WireOrder]:
        """Return what the bytes of a request say, decoded from those bytes alone."""

    async def transmit(
        self, outgoing: Outgoing, on_written: Callable[[], None]
    ) -> Sequence[Answer]:
        """Write a request once, and return what its reply proves of each order, in its order.

        One answer for every order sent: AMBIGUOUS for one the reply does not speak of, and for all
        where it speaks of another. ``on_written`` is called just before the first byte may leave;
        where it raises ``NotSent`` none may, and that is raised. Raises ``NotSent`` when provably
        none did, and ``OutcomeUnknown`` for everything a broker's list does not name.
        """

    async def read_books(self, account: str) -> Snapshot:
        """Read an account's orders, trades, positions and orders again. Raises ``LoginRequired``.

        A failure is a snapshot that is not whole, and says why; books that differ are read again.
        """


class MessageGovernor(Protocol):
    """Holds messages until every rate window has room (``risk.throttle``)."""

    def submit(self, ticket: Ticket, now: int) -> None:
        """Queue a message."""

    def release(self, now: int) -> list[Ticket]:
        """Take out what may leave now."""

    def expired(self, now: int) -> list[Ticket]:
        """Take out what nobody wants any more."""

    def left_late(self, since: int, now: int) -> None:
        """Count what was released at ``since`` or later as leaving only now: the disk held it."""

    def next_time(self) -> int | None:
        """Return when either next has something."""

    def forget(self, client_ids: Iterable[str]) -> None:
        """Take messages out that are no longer wanted."""


class TradingState(IntEnum):
    """How much may be done; the most restrictive of all scopes wins."""

    ACTIVE = 0
    REDUCE_ONLY = 1
    HALTED = 2
    KILLED = 3


class KillSwitch(Protocol):
    """The standing of every scope: ``all``, ``account:NAME`` or a strategy's id."""

    def trip(self, kill: KillTripped) -> None:
        """Kill a scope."""

    def halt(self, strategy: str, why: str) -> None:
        """Stop a strategy; its exits still pass."""

    def reduce_only(self, scope: str, why: str) -> None:
        """Let only exits pass."""

    def arm(self, scope: str) -> None:
        """Lift every restriction of one scope. Raises ``KeyError`` when it has none."""

    def state(self, strategy: str, account: str) -> tuple[TradingState, str]:
        """Return the most restrictive state that applies, and why."""


class RiskView(Protocol):
    """What the gate may look at: the kernel's state at the moment of judgement, read only."""

    @property
    def now(self) -> int:
        """The time of the event being handled, ns UTC."""

    @property
    def cadence_s(self) -> float:
        """How often the feed prints an instrument, seconds; 0.0 for a live tick feed."""

    def trading_state(self, strategy: str, account: str) -> tuple[TradingState, str]:
        """Return the most restrictive state that applies, and why."""

    def tick(self, instrument: Instrument) -> Tick | None:
        """Return the newest tick, or None."""

    def orders(self) -> Iterable[Order]:
        """Every order that has not ended, oldest first (those of an approved batch included)."""

    def order(self, client_id: str) -> Order | None:
        """Return one order, ended or not."""

    def position(self, instrument: Instrument, account: str | None = None) -> int:
        """Net units held, of one account or of all."""

    def positions(self, account: str | None = None) -> Iterable[tuple[Instrument, int]]:
        """Every instrument with a net quantity, of one account or of all."""

    def strategy_position(self, strategy: str, instrument: Instrument) -> int:
        """Net units held by one strategy."""

    def group_position(self, group_id: str, account: str, instrument: Instrument) -> int:
        """Net units a group holds in one account."""

    def strategy_positions(
        self, strategy: str, account: str | None = None
    ) -> Iterable[tuple[Instrument, int]]:
        """Every instrument a strategy holds net, in one account or in all."""

    def depth(self, instrument: Instrument) -> Depth | None:
        """Return the newest book, or None; its circuit limits are the day's price band."""

    def accounts(self) -> Sequence[str]:
        """Return the accounts in which anything was filled."""

    def day_pnl_inr(self, strategy: str | None = None, account: str | None = None) -> float:
        """Realised plus unrealised, before charges, of one strategy, one account or all."""


class LossLimit(NamedTuple):
    """A limit on the day's loss: of a strategy, of an account, of everything with neither.

    ``limit_inr`` is above 0; it is broken at a profit and loss of its negative.
    """

    strategy: str | None
    account: str | None
    limit_inr: Decimal


class Breach(NamedTuple):
    """A loss limit that is broken: of a strategy, of an account, of everything with neither.

    ``pnl_inr`` is the day's profit and loss that broke it, ``limit_inr`` the limit, above 0.
    """

    strategy: str | None
    account: str | None
    pnl_inr: float
    limit_inr: float
    text: str

    @property
    def scope(self) -> str:
        """The scope of the kill switch that it restricts."""
        of_account = EVERYTHING if self.account is None else account_scope(self.account)
        return self.strategy or of_account


class Rechecked(NamedTuple):
    """What came of judging orders of one request again: what may leave, and what was refused."""

    approved: Approved[Batch] | None
    refused: tuple[tuple[OrderRequest, Refusal], ...]


class RiskGate(Protocol):
    """Judges whatever can raise exposure. Pure: no clock, no I/O, no await."""

    def judge(self, batch: Batch, view: RiskView) -> Approved[Batch] | Refusal:
        """Judge child orders together."""

    def judge_replacement(
        self, order: Order, replacement: Replacement, view: RiskView
    ) -> Approved[Replacement] | Refusal:
        """Judge a change of a standing order, at the worse of old and new."""

    def recheck_each(self, requests: Sequence[OrderRequest], view: RiskView) -> Rechecked:
        """Judge again what time may have changed, when the governor releases orders.

        Each is judged alone. The approval, of those that passed, is what may go over the wire.
        """

    def loss_limits(self, view: RiskView) -> Sequence[LossLimit]:
        """Return the loss limits there are; more of them once another account has traded."""

    def breaches(self, view: RiskView) -> Sequence[Breach]:
        """Return the loss limits that are broken now, whoever is asking or not."""

    def note_order(self, order: Order) -> str | None:
        """Learn that an order ended; return why its strategy must halt, if it must.

        Told of every end once, in order: as it happens, and by a restart from the journal, where
        the strategy may be one that no longer stands in the configuration.
        """

    def remember(self, request: OrderRequest, at: int) -> None:
        """Take an order for one approved ``at`` that time: the same one again is a duplicate."""

    def forgive(self, strategy: str) -> None:
        """Forget the rejections in a row of a strategy that a person armed again."""

    def rejections(self) -> Mapping[str, int]:
        """Return how often each strategy was rejected in a row, of those that were."""
