"""Leg groups: what an author asks for (``Leg``), and the group the kernel owns.

Our multi-leg orders are not atomic (reliability.md 3.1): a group is a saga of child orders with a
stated order of sending and a stated answer to failure. A group completes per account, so what
moves is the ``Part``: one account's share of it.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from engine.errors import OffGrid
from engine.model.instrument import Instrument
from engine.model.money import ZERO
from engine.model.order import OrderType, Product
from engine.model.side import Side

LOTS_MAX = 1_000_000
"""No leg is larger: far above any freeze quantity, and far below what any table can hold."""


class LegRole(StrEnum):
    """What a leg does for the group's risk.

    HEDGE: a bought option that covers a sold one. RISK: a sold option. NEUTRAL: anything else.
    """

    HEDGE = "hedge"
    RISK = "risk"
    NEUTRAL = "neutral"


class Sequencing(StrEnum):
    """In which order legs are sent (reliability.md 3.2)."""

    HEDGE_FIRST = "hedge_first"
    SEQUENTIAL = "sequential"
    PARALLEL = "parallel"


class OnFailure(StrEnum):
    """What happens when a leg cannot be filled (reliability.md 3.3).

    UNWIND: close what has filled. RETRY: new attempts with chased prices, then unwind.
    HOLD: keep what has filled, send nothing more and raise an alert.
    """

    UNWIND = "unwind"
    RETRY = "retry"
    HOLD = "hold"


class GroupState(StrEnum):
    """Where a part (one account's share of a group) is; the table is ``engine.model.legs_state``.

    DRAFT waits for prices; CHECKED has passed risk; STUCK has a leg whose outcome is unknown;
    STRANDED could not get flat and needs a person. ``is_terminal``: the group is flat and nothing
    more will be sent for it.
    """

    DRAFT = "DRAFT"
    REFUSED = "REFUSED"
    CHECKED = "CHECKED"
    WORKING = "WORKING"
    HELD = "HELD"
    PARTIAL_HELD = "PARTIAL_HELD"
    UNWINDING = "UNWINDING"
    UNWOUND = "UNWOUND"
    EXITING = "EXITING"
    CLOSED = "CLOSED"
    STUCK = "STUCK"
    STRANDED = "STRANDED"
    KILLED = "KILLED"

    is_terminal: bool


for _state in GroupState:
    _state.is_terminal = _state in (GroupState.REFUSED, GroupState.UNWOUND, GroupState.CLOSED)


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One leg as an author asks for it, made by ``buy(...)`` and ``sell(...)``.

    ``lots`` is per unit of account weight. Without ``limit`` the leg is a market intent: a limit
    inside the collar that is chased. With ``trigger`` it is a stop-limit. Raises ``OffGrid`` where
    it can never be an order: an index, no whole lots, a price that is none.
    """

    instrument: Instrument
    side: Side
    lots: int
    limit: float | Decimal | None = None
    trigger: float | Decimal | None = None

    def __post_init__(self) -> None:
        instrument = self.instrument
        if not instrument.is_tradable:
            raise OffGrid(f"{instrument.symbol} is an index and cannot be traded; trade its future")
        if type(self.lots) is not int or not 1 <= self.lots <= LOTS_MAX:
            raise OffGrid(
                f"{instrument.symbol}: lots must be a whole number from 1 to {LOTS_MAX:,}, "
                f"not {self.lots!r}"
            )
        for word, price in (("limit", self.limit), ("trigger", self.trigger)):
            if price is not None and instrument.price(price, self.side, "nearest") <= ZERO:
                raise OffGrid(f"{instrument.symbol}: a {word} of {price} is not above 0")


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How a group is worked. Seconds are of engine time; defaults follow reliability.md 3.3.

    ``deadline_s`` bounds the whole entry (None: until the session ends). A leg without a limit
    goes out at the touch; after ``leg_timeout_s`` it is chased: re-priced to the touch, then
    ``chase_step_ticks`` further every ``chase_every_s``, until it is ``max_slippage_pct`` (at least
    ``min_slippage_ticks``) from the price at decision. ``retries`` counts new attempts after a
    leg has failed. ``price_wait_s`` is how long DRAFT waits for every leg to have a price. Exits
    are chased from their first second, by ``exit_slippage_pct`` of the touch at most, and must be
    flat within ``exit_deadline_s``, or the group is STRANDED. ``max_naked_s`` bounds how long a
    sold option may stand without the hedge its group has for it.
    """

    sequencing: Sequencing = Sequencing.HEDGE_FIRST
    on_failure: OnFailure = OnFailure.UNWIND
    deadline_s: float | None = 60.0
    price_wait_s: float = 5.0
    leg_timeout_s: float = 5.0
    chase_every_s: float = 1.0
    chase_step_ticks: int = 1
    max_slippage_pct: float = 2.0
    min_slippage_ticks: int = 10
    exit_slippage_pct: float = 10.0
    exit_deadline_s: float = 120.0
    retries: int = 3
    exit_retries: int = 10
    max_naked_s: float = 5.0


class LegPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One leg of one part, as planned: ``quantity`` in units, always positive."""

    number: int
    instrument: Instrument
    side: Side
    quantity: int
    role: LegRole
    order_type: OrderType
    limit: Decimal | None
    trigger: Decimal | None


class GroupPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done: the immutable half of a group, journaled when it is made.

    ``group_id`` is ``strategy.name.number``, e.g. ``nifty-straddle.straddle.1``: what
    ``engine explain`` takes. ``cause`` says which hook asked for it.
    """

    group_id: str
    name: str
    strategy: str
    product: Product
    policy: Policy
    accounts: dict[str, int]
    legs: tuple[Leg, ...]
    created_at: int
    cause: str
