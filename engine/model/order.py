"""An order: what was asked (``OrderRequest``) and what is known of it (``Order``).

What is known lives in three registers that move independently (reliability.md 1.1): the lifecycle,
the outstanding request on it (cancel or replace), and the quantities. A partial fill is a number,
not a state. The registers change only through ``engine.model.order_state``.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

import msgspec

from engine.model.arithmetic import ARITHMETIC
from engine.model.instrument import Instrument
from engine.model.money import ZERO
from engine.model.side import Side


class OrderType(StrEnum):
    """How an order is priced on the wire.

    There is no MARKET: exchanges refuse it from an API since 1 April 2026 (market_rules.md 4), so
    a market intent becomes a collared limit that is chased.
    """

    LIMIT = "LIMIT"
    STOP_LIMIT = "STOP_LIMIT"


class Product(StrEnum):
    """Settlement product: MIS, NRML and CNC in the older words."""

    INTRADAY = "intraday"
    CARRYFORWARD = "carryforward"
    DELIVERY = "delivery"


class Validity(StrEnum):
    """How long an order stands. IOC is refused from an API, so DAY is all there is."""

    DAY = "DAY"


class Purpose(StrEnum):
    """Why an order exists: which governor lane it takes and which risk rules it must pass."""

    ENTRY = "entry"
    HEDGE = "hedge"
    EXIT = "exit"
    UNWIND = "unwind"
    FLATTEN = "flatten"

    reduces: bool
    """True when the order can only take exposure away."""


for _purpose in Purpose:
    _purpose.reduces = _purpose in (Purpose.EXIT, Purpose.UNWIND, Purpose.FLATTEN)


class Lifecycle(StrEnum):
    """Where an order is in its life. ``IN_DOUBT``: sent, outcome unknown.

    IN_DOUBT is resolved by evidence, never by sending again. QUARANTINED needs a person or new
    evidence and keeps its risk reserved.
    """

    INTENT = "INTENT"
    DENIED = "DENIED"
    APPROVED = "APPROVED"
    SENDING = "SENDING"
    IN_DOUBT = "IN_DOUBT"
    ACKED = "ACKED"
    PENDING_NEW = "PENDING_NEW"
    TRIGGER_PENDING = "TRIGGER_PENDING"
    OPEN = "OPEN"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    NOT_PLACED = "NOT_PLACED"
    QUARANTINED = "QUARANTINED"

    # Worked out once for each state: they are asked dozens of times for every order.
    is_terminal: bool
    """True when nothing more is expected of the order."""
    is_unknown: bool
    """True when the order may or may not stand at the broker."""
    is_working: bool
    """True when the broker is known to hold it and it can still fill."""


_TERMINAL = frozenset(
    {
        Lifecycle.DENIED,
        Lifecycle.FILLED,
        Lifecycle.CANCELLED,
        Lifecycle.REJECTED,
        Lifecycle.EXPIRED,
        Lifecycle.NOT_PLACED,
    }
)
_WORKING = frozenset(
    {Lifecycle.ACKED, Lifecycle.PENDING_NEW, Lifecycle.TRIGGER_PENDING, Lifecycle.OPEN}
)
for _lifecycle in Lifecycle:
    _lifecycle.is_terminal = _lifecycle in _TERMINAL
    _lifecycle.is_unknown = _lifecycle in (Lifecycle.IN_DOUBT, Lifecycle.QUARANTINED)
    _lifecycle.is_working = _lifecycle in _WORKING


class AmendKind(StrEnum):
    """What is asked of a standing order."""

    CANCEL = "CANCEL"
    REPLACE = "REPLACE"


class AmendState(StrEnum):
    """Where that asking is. ``WANTED``: latched, e.g. before a broker id is known."""

    WANTED = "WANTED"
    SENDING = "SENDING"
    ACKED = "ACKED"
    IN_DOUBT = "IN_DOUBT"
    REFUSED = "REFUSED"
    DONE = "DONE"

    is_outstanding: bool
    """True while an answer is still expected."""


for _state in AmendState:
    _state.is_outstanding = _state not in (AmendState.REFUSED, AmendState.DONE)


class Amend(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The request register: one outstanding cancel or replace of an order.

    The terms are those a replace asks for. A cancel has none, unless it overtook a replace whose
    outcome is not known, whose terms may still come true. ``queued`` is the newest replace asked
    for while this request was out; it becomes WANTED when this one is settled.
    """

    kind: AmendKind
    state: AmendState
    generation: int
    quantity: int | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    reason: str | None = None
    queued: Amend | None = None

    @property
    def may_replace(self) -> bool:
        """True while the terms it carries may still become the order's."""
        if self.quantity is None:
            return False
        return self.state.is_outstanding or (
            self.kind is AmendKind.CANCEL and self.state is AmendState.REFUSED
        )


class ChildKey(NamedTuple):
    """Which part of a group an order serves. Every single order is a one-leg group.

    ``attempt`` counts from 1 and grows only after the previous attempt has ended; exits count
    theirs apart from entries (``exit`` is True).
    """

    group_id: str
    leg: int
    account: str
    slice: int
    attempt: int
    exit: bool = False

    def __str__(self) -> str:
        way = "exit" if self.exit else "entry"
        return f"{self.group_id}/{self.account}/leg{self.leg}/{way}/s{self.slice}a{self.attempt}"


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is asked: one child order, before anything is known of it.

    ``client_id`` is the tag on the wire: 14 characters ``[A-Z0-9]`` (DESIGN.md section 5).
    ``decision_price`` is the mid (or last) price seen when the order was decided, in rupees:
    slippage is measured against it. ``expires_at`` (ns) is when an unsent order stops being wanted.
    """

    client_id: str
    key: ChildKey
    strategy: str
    instrument: Instrument
    side: Side
    quantity: int
    order_type: OrderType
    price: Decimal
    trigger_price: Decimal | None
    product: Product
    purpose: Purpose
    decision_price: float | None
    created_at: int
    expires_at: int
    validity: Validity = Validity.DAY


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one order. Replaced, never changed; see ``engine.model.order_state``.

    ``quantity``, ``price`` and ``trigger_price`` are those of the newest confirmed generation.
    ``filled_quantity`` never falls; ``filled_value`` is the sum of quantity times price, in rupees.
    ``version`` is the newest update's, ``status_version`` that of the newest update whose status
    said something of the book (a PENDING may come after an OPEN, on a replace, and says nothing).
    """

    request: OrderRequest
    lifecycle: Lifecycle = Lifecycle.INTENT
    amend: Amend | None = None
    generation: int = 0
    quantity: int = 0
    price: Decimal = ZERO
    trigger_price: Decimal | None = None
    filled_quantity: int = 0
    filled_value: Decimal = ZERO
    broker_id: str | None = None
    exchange_id: str | None = None
    version: int | None = None
    status_version: int | None = None
    reason: str | None = None
    code: str | None = None
    is_orphan: bool = False
    is_external_change: bool = False
    is_late: bool = False
    anomalies: tuple[str, ...] = ()
    sent_at: int | None = None
    acked_at: int | None = None
    updated_at: int = 0

    @classmethod
    def of(cls, request: OrderRequest) -> Order:
        """Return the order as it is before anything happened to it."""
        return cls(
            request=request,
            quantity=request.quantity,
            price=request.price,
            trigger_price=request.trigger_price,
            updated_at=request.created_at,
        )

    @property
    def client_id(self) -> str:
        """Our own id, the tag on the wire."""
        return self.request.client_id

    @property
    def key(self) -> ChildKey:
        """Which part of a group it serves."""
        return self.request.key

    @property
    def strategy(self) -> str:
        """The strategy that owns it."""
        return self.request.strategy

    @property
    def account(self) -> str:
        """The broker account it is for."""
        return self.request.key.account

    @property
    def instrument(self) -> Instrument:
        """What is traded."""
        return self.request.instrument

    @property
    def side(self) -> Side:
        """Which way."""
        return self.request.side

    @property
    def leaves_quantity(self) -> int:
        """Units that may still fill, as far as the confirmed quantity says."""
        return max(0, self.quantity - self.filled_quantity)

    @property
    def exposed_quantity(self) -> int:
        """Units that may still fill in the worst case: 0 when ended, more under a replace."""
        if self.lifecycle.is_terminal:
            return 0
        quantity = self.quantity
        amend = self.amend
        if amend is not None and amend.quantity is not None and amend.may_replace:
            quantity = max(quantity, amend.quantity)
        return max(0, quantity - self.filled_quantity)

    @property
    def overfill(self) -> int:
        """Units filled beyond what was asked: always an alarm."""
        filled, quantity = self.filled_quantity, self.quantity
        return filled - quantity if filled > quantity else 0

    @property
    def average_price(self) -> Decimal | None:
        """Mean fill price in rupees, or None before the first fill."""
        if not self.filled_quantity:
            return None
        return ARITHMETIC.divide(self.filled_value, self.filled_quantity)

    @property
    def cancel_state(self) -> AmendState | None:
        """Where the request to cancel it stands, None while none is out."""
        amend = self.amend
        return amend.state if amend is not None and amend.kind is AmendKind.CANCEL else None

    @property
    def is_partly_filled(self) -> bool:
        """Some, but not all: derived, never stored."""
        return 0 < self.filled_quantity < self.quantity


class Fill(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units that changed hands: the growth of one order's ``filled_quantity`` at one merge.

    ``exact_value`` is set where quantity times the (rounded) price is not the money that moved, so
    that the fills of an order always add up to its ``filled_value``. ``quantity`` is 0 when only
    the value is put right, after a broker gave its average price late.
    """

    client_id: str
    group_id: str
    strategy: str
    account: str
    instrument: Instrument
    side: Side
    product: Product
    quantity: int
    price: Decimal
    at: int
    filled_before: int
    exact_value: Decimal | None = None

    @property
    def value(self) -> Decimal:
        """The money that moved, rupees, unsigned: quantity times price, exactly."""
        return self.price * self.quantity if self.exact_value is None else self.exact_value
