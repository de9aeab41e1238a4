"""What brokers take, per executed order: not per fill, and a slice is an order of its own.

Source: market_rules.md 6.4, all of it marked M, and what is weaker marked L. A plan that a
configuration spells out is taken as it stands.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from engine.errors import FileError
from engine.model.tariff import Fee, OwnPlan, Tariff
from engine.rules.charges.contract import Taxed
from engine.rules.dated import Row, row_in_force

FeeRows = tuple[Row[Fee], ...]


class Item(StrEnum):
    """What a plan prices apart; the names are the keys of a plan in the YAML."""

    DELIVERY = "delivery"
    INTRADAY = "intraday"
    FUTURES = "futures"
    OPTIONS = "options"
    DP = "dp"
    SQUARE_OFF = "square_off"


_ITEMS: Final = {
    Taxed.DELIVERY: Item.DELIVERY,
    Taxed.INTRADAY: Item.INTRADAY,
    Taxed.ETF_DELIVERY: Item.DELIVERY,
    Taxed.ETF_INTRADAY: Item.INTRADAY,
    Taxed.FUTURE: Item.FUTURES,
    Taxed.OPTION: Item.OPTIONS,
    Taxed.COMMODITY_FUTURE: Item.FUTURES,
    Taxed.COMMODITY_OPTION: Item.OPTIONS,
    Taxed.AGRI_FUTURE: Item.FUTURES,
    Taxed.AGRI_OPTION: Item.OPTIONS,
}


def item_of(taxed: Taxed) -> Item:
    """Return which of a plan's fees an order bears."""
    return _ITEMS[taxed]


class BrokeragePlan(msgspec.Struct, frozen=True, kw_only=True):
    """A broker's fees, dated. ``name`` is what a configuration calls it, ``title`` what it is."""

    name: str
    title: str
    fees: Mapping[Item, FeeRows]

    def row(self, item: Item, day: date) -> Row[Fee]:
        """Return a fee with its source. Raises ``FileError`` before the first known day."""
        return row_in_force(self.fees[item], day, f"{item} of the plan {self.name}")


_FIRST: Final = date(2023, 4, 1)
_ANGEL_2024: Final = date(2024, 11, 1)
_SOURCE: Final = "market_rules.md 6.4"
_TWENTY: Final = Fee(flat_inr=Decimal(20))
_NOTHING: Final = Fee(flat_inr=Decimal(0))


def _lower(pct: str, min_inr: str = "0") -> Fee:
    return Fee(flat_inr=Decimal(20), pct=Decimal(pct), min_inr=Decimal(min_inr))


def _always(fee: Fee, source: str = _SOURCE, certainty: str = "M") -> FeeRows:
    return (Row(_FIRST, fee, source, "M" if certainty == "M" else "L"),)


ANGEL_ONE: Final = BrokeragePlan(
    name="angelone",
    title="Angel One",
    fees={
        Item.DELIVERY: (
            Row(_FIRST, _NOTHING, f"{_SOURCE}, free before November 2024", "M"),
            # The least is "Rs 2-5" in the source; the dearer end is taken.
            Row(_ANGEL_2024, _lower("0.1", "5"), f"{_SOURCE}, the least being Rs 2 to 5", "L"),
        ),
        Item.INTRADAY: (
            Row(_FIRST, _lower("0.25"), f"{_SOURCE}, depends on the plan", "M"),
            Row(_ANGEL_2024, _lower("0.1"), f"{_SOURCE}, depends on the plan", "M"),
        ),
        Item.FUTURES: _always(_TWENTY),
        Item.OPTIONS: _always(_TWENTY),
        Item.DP: _always(_TWENTY, "market_rules.md 6.3, about Rs 15 to 20"),
        Item.SQUARE_OFF: _always(_TWENTY),
    },
)
"""Rs 20 an order in derivatives; shares by the lower of Rs 20 and a share of the value."""

ALICE_BLUE: Final = BrokeragePlan(
    name="aliceblue",
    title="Alice Blue",
    fees={
        Item.DELIVERY: _always(_lower("2.5")),
        Item.INTRADAY: _always(_lower("0.05")),
        Item.FUTURES: _always(_lower("0.05")),
        Item.OPTIONS: _always(_TWENTY),
        Item.DP: _always(Fee(flat_inr=Decimal(15)), "market_rules.md 6.3, about Rs 15 to 20"),
        Item.SQUARE_OFF: _always(
            Fee(flat_inr=Decimal(50)), "market_rules.md 5, Rs 20 to 50; the dearer end", "L"
        ),
    },
)
"""The lower of Rs 20 and a share of the value; options Rs 20 an order."""

ZERODHA: Final = BrokeragePlan(
    name="zerodha",
    title="Zerodha",
    fees={
        Item.DELIVERY: _always(_NOTHING),
        Item.INTRADAY: _always(_lower("0.03")),
        Item.FUTURES: _always(_lower("0.03")),
        Item.OPTIONS: _always(_TWENTY),
        Item.DP: _always(Fee(flat_inr=Decimal(15)), "market_rules.md 6.3, about Rs 15 to 20", "L"),
        Item.SQUARE_OFF: _always(
            Fee(flat_inr=Decimal(50)), "market_rules.md 5, Rs 20 to 50; the dearer end", "L"
        ),
    },
)
"""Delivery free, the lower of Rs 20 and 0.03 %, options Rs 20 an order."""

PLANS: Final[Mapping[str, BrokeragePlan]] = {
    plan.name: plan for plan in (ANGEL_ONE, ALICE_BLUE, ZERODHA)
}
"""The plans that need no words in a configuration, by name; a broker's plan has its adapter's."""


def own_plan(name: str, said: OwnPlan) -> BrokeragePlan:
    """Return a plan as a configuration spells it out; it holds on every day."""
    source = "your own plan"
    return BrokeragePlan(
        name=name,
        title="your own",
        fees={item: (Row(date.min, getattr(said, item), source),) for item in Item},
    )


def plan_named(name: str, tariff: Tariff) -> BrokeragePlan:
    """Return a plan by its name, the configuration's own first.

    Raises ``FileError`` for an unknown one, with the nearest name.
    """
    own = tariff.own.get(name)
    if own is not None:
        return own_plan(name, own)
    plan = PLANS.get(name)
    if plan is None:
        raise FileError(f"no brokerage plan {name!r}{nearest_plan(name, tariff)}")
    return plan


def nearest_plan(name: str, tariff: Tariff) -> str:
    """Return ``; nearest: x`` for the likeliest plan, or which there are."""
    names = [*PLANS, *tariff.own]
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; nearest: {close[0]}" if close else f"; known: {', '.join(names)}"


def charged_by(tariff: Tariff) -> str:
    """Return in a few words by which plan a run is charged, or by which plans its accounts are."""
    own = tariff.own.get(tariff.plan)
    plan = PLANS.get(tariff.plan) if own is None else own_plan(tariff.plan, own)
    title = "" if plan is None else f" ({plan.title})"
    others = [f"{account} by {name}" for account, name in tariff.accounts.items()]
    return "; ".join([f"{tariff.plan}{title}", *others])


def plan_of(account: str, tariff: Tariff) -> BrokeragePlan:
    """Return the plan of an account. Raises as ``plan_named`` does."""
    return plan_named(tariff.plan_of(account), tariff)
