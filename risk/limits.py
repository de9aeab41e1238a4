"""The limits of the account and of each strategy, as they stand in the YAML under ``risk:``.

A strategy may only be stricter than its account. Defaults are those of reliability.md 4.1 unless a
field says otherwise. Money is rupees, time is seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from engine.errors import ConfigError

HARD_ORDER_VALUE_INR: Final = 100_000_000
"""Ten crore: SEBI's cap on one order (December 2012); no limit may be set above it."""

Money = Annotated[Decimal, Field(gt=0)]
OrderValue = Annotated[Decimal, Field(gt=0, le=HARD_ORDER_VALUE_INR)]
Lots = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]
Age = Annotated[float, Field(gt=0, le=3600)]
Percent = Annotated[Decimal, Field(gt=0, le=100)]
Rupees = Annotated[Decimal, Field(ge=0)]
Offset = Annotated[float, Field(ge=0, le=23_400)]

M = TypeVar("M", bound=BaseModel)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class OrderValueLimits(_Section):
    """The most one order may be worth, rupees, by what its value means."""

    premium: OrderValue = Field(
        default=Decimal(1_000_000), description="Options: units times premium. DESIGN.md 8."
    )
    futures_notional: OrderValue = Field(
        default=Decimal(5_000_000), description="Futures: units times price. DESIGN.md 8."
    )
    cash: OrderValue = Field(
        default=Decimal(1_000_000), description="Shares: units times price. DESIGN.md 8."
    )


class ReferenceAges(_Section):
    """How old the price that an order is judged by may be, seconds.

    Never held stricter than 2.5 times the recording's cadence.
    """

    option: Age = 5.0
    future: Age = 5.0
    cash: Age = 5.0


class Collars(_Section):
    """How far from the reference an entry may be priced, percent, inside the exchange's band."""

    option: Percent = Decimal(20)
    future: Percent = Decimal(1)
    cash: Percent = Decimal(1)


class CollarFloors(_Section):
    """The collar's least half width, rupees: cheap options would have none otherwise."""

    option: Rupees = Decimal(3)
    future: Rupees = Decimal(0)
    cash: Rupees = Decimal(0)


class AccountLimits(_Section):
    """What holds for each account, whichever strategy asks."""

    max_loss_inr: Money = Field(
        default=Decimal(25_000),
        description="The day's loss, realised and unrealised, over all accounts, at which only "
        "exits are let through. Default: DESIGN.md 8.",
    )
    max_order_value_inr: OrderValueLimits = Field(
        default=OrderValueLimits(), description="One order's value, by kind (C14)."
    )
    max_order_lots: Lots = Field(default=10, description="Lots in one order (C6).")
    max_open_orders: Count = Field(
        default=50,
        description="Orders of an account that have not ended, those in doubt too (C15).",
    )
    max_position_lots: Lots = Field(
        default=20,
        description="Lots held of one contract in the worst case, all working orders filled (C16). "
        "Default: two orders of the largest size.",
    )
    max_uncovered_short_lots: int = Field(
        default=0,
        ge=0,
        description="Sold option lots without a bought option of the same underlying and right "
        "that expires no earlier (C17).",
    )
    max_group_loss_inr: Money | None = Field(
        default=None,
        description="The most a group may lose at expiry, at the prices it would be entered at; "
        "where it is set, a group whose loss has no bound is refused. Default: no such limit.",
    )
    entries_after_open_s: Offset = Field(
        default=60.0, description="No entry before this long after the open: 09:16 (C3)."
    )
    entries_before_close_s: Offset = Field(
        default=1200.0, description="No entry later than this before the close: 15:20 (C3)."
    )
    reference_max_age_s: ReferenceAges = Field(
        default=ReferenceAges(), description="Age of the reference price, by kind (C11)."
    )
    collar_pct: Collars = Field(default=Collars(), description="Price collar, by kind (C10).")
    collar_floor_inr: CollarFloors = Field(
        default=CollarFloors(), description="Least half width of the collar, by kind (C10)."
    )
    max_rejections: Count = Field(
        default=3, description="Rejections in a row that halt a strategy (C12)."
    )
    duplicate_window_s: float = Field(
        default=1.0,
        ge=0,
        le=3600,
        description="How long the same order from the same strategy is a duplicate (C13).",
    )
    messages_per_window: int = Field(
        default=9,
        ge=4,
        le=9,
        description="Messages per account and segment in any window (4.4); 3 stay reserved for "
        "kill cancels, flattening, hedges and exits.",
    )
    message_window_s: float = Field(
        default=1.25, ge=1.25, le=60, description="Length of that window (4.4)."
    )
    messages_per_calendar_second: int = Field(
        default=8, ge=4, le=8, description="Messages per account and segment in a clock second."
    )


class StrategyOrderValueLimits(_Section):
    """A strategy's own order values; what is left out is the account's."""

    premium: OrderValue | None = None
    futures_notional: OrderValue | None = None
    cash: OrderValue | None = None


class StrategyReferenceAges(_Section):
    """A strategy's own reference ages; what is left out is the account's."""

    option: Age | None = None
    future: Age | None = None
    cash: Age | None = None


class StrategyCollars(_Section):
    """A strategy's own collars; what is left out is the account's."""

    option: Percent | None = None
    future: Percent | None = None
    cash: Percent | None = None


class StrategyCollarFloors(_Section):
    """A strategy's own collar floors; what is left out is the account's."""

    option: Rupees | None = None
    future: Rupees | None = None
    cash: Rupees | None = None


class StrategyLimits(_Section):
    """What a strategy sets for itself; what is left out is the account's.

    Meanings and units are those of ``AccountLimits``; loss, open orders, position, uncovered
    lots and the loss of a group then count the strategy alone, over all its accounts.
    """

    max_loss_inr: Money | None = None
    max_order_value_inr: StrategyOrderValueLimits | None = None
    max_order_lots: Lots | None = None
    max_open_orders: Count | None = None
    max_position_lots: Lots | None = None
    max_uncovered_short_lots: Annotated[int, Field(ge=0)] | None = None
    max_group_loss_inr: Money | None = None
    entries_after_open_s: Offset | None = None
    entries_before_close_s: Offset | None = None
    reference_max_age_s: StrategyReferenceAges | None = None
    collar_pct: StrategyCollars | None = None
    collar_floor_inr: StrategyCollarFloors | None = None
    max_rejections: Count | None = None
    duplicate_window_s: Annotated[float, Field(ge=0, le=3600)] | None = None


# Everything else is stricter when it is smaller.
_STRICTER_WHEN_LARGER: Final = frozenset(
    {"entries_after_open_s", "entries_before_close_s", "duplicate_window_s"}
)


def stricter(account: AccountLimits, own: StrategyLimits, strategy: str) -> AccountLimits:
    """Return the account's limits with the strategy's own in their place.

    Raises ``ConfigError`` naming the key and both values where the strategy would be looser.
    """
    return _merged(account, own, f"strategies.{strategy}.risk")


def set_by(own: StrategyLimits) -> Mapping[str, Any]:
    """Return the limits a strategy sets itself, by name."""
    return {name: value for name, value in own if value is not None}


def _merged(account: M, own: BaseModel, path: str) -> M:
    changes: dict[str, Any] = {}
    for name, value in own:
        if value is None:
            continue
        theirs = getattr(account, name)
        if isinstance(value, BaseModel):
            changes[name] = _merged(theirs, value, f"{path}.{name}")
            continue
        if theirs is None:
            # The account has no limit of this kind, so any is stricter.
            changes[name] = value
            continue
        looser = value < theirs if name in _STRICTER_WHEN_LARGER else value > theirs
        if looser:
            raise ConfigError(
                f"{path}.{name}: {value} is looser than the account's {theirs}; a strategy may "
                "only be stricter"
            )
        changes[name] = value
    return account.model_copy(update=changes)
