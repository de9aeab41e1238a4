"""What a trade costs besides its price: law, exchange, depository and broker, by date.

* ``tables``: the dated rates, each with its source
* ``plans``: what brokers take
* ``trades``: the unrounded charges of executed orders
* ``note``: what a day's contract note makes of them
* ``break_even``: the price at which closing leaves nothing

Covers NSE, BSE and MCX: shares and fund units (delivery, intraday), futures, options. Source:
market_rules.md section 6. A day that a table does not cover raises; nothing is guessed.
"""

from __future__ import annotations

from engine.rules.charges import tables
from engine.rules.charges.amounts import KINDS, NO_CHARGES, Charges, kind_name
from engine.rules.charges.break_even import BreakEven, break_even
from engine.rules.charges.contract import Contract, Taxed, taxed_as
from engine.rules.charges.note import DayNote, day_notes, rounded
from engine.rules.charges.plans import PLANS, BrokeragePlan, Item, plan_named, plan_of
from engine.rules.charges.rates import RateRows, Rates, rate_rows
from engine.rules.charges.trades import (
    Traded,
    charge,
    day_charges,
    exercise_charges,
    order_charges,
)

__all__ = [
    "KINDS",
    "NO_CHARGES",
    "PLANS",
    "BreakEven",
    "BrokeragePlan",
    "Charges",
    "Contract",
    "DayNote",
    "Item",
    "RateRows",
    "Rates",
    "Taxed",
    "Traded",
    "break_even",
    "charge",
    "day_charges",
    "day_notes",
    "exercise_charges",
    "kind_name",
    "order_charges",
    "plan_named",
    "plan_of",
    "rate_rows",
    "rounded",
    "tables",
    "taxed_as",
]
