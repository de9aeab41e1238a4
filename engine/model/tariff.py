"""What a run's trades are charged by, as its configuration says: brokerage plans and scrip facts.

The session's first record keeps it, so that a journal alone tells what its trades cost. The rates
of law and exchanges are not in it: they are the market's (``engine.rules.charges``).
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from engine.model.money import ZERO

_HUNDRED = Decimal(100)


class Fee(msgspec.Struct, frozen=True, kw_only=True):
    """A broker's fee for one executed order: the lower of ``flat_inr`` and ``pct`` of its value.

    Where only one of them is set, that one. ``min_inr`` is the least that is taken. Rupees,
    without GST.
    """

    flat_inr: Decimal | None = None
    pct: Decimal | None = None
    min_inr: Decimal = ZERO

    def of(self, value: Decimal) -> Decimal:
        """Return the fee on an order that traded ``value`` rupees."""
        share = None if self.pct is None else value * self.pct / _HUNDRED
        if share is None or self.flat_inr is None:
            asked = share if share is not None else self.flat_inr or ZERO
        else:
            asked = min(self.flat_inr, share)
        return max(asked, self.min_inr)

    def __str__(self) -> str:
        parts = []
        if self.flat_inr is not None:
            parts.append(f"Rs {self.flat_inr:f}")
        if self.pct is not None:
            parts.append(f"{self.pct:f} %")
        least = f", at least Rs {self.min_inr:f}" if self.min_inr else ""
        if self.flat_inr == ZERO and self.pct is None:
            return f"nothing{least}"
        return ("the lower of " if len(parts) > 1 else "") + " and ".join(parts) + least


class OwnPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A brokerage plan that a configuration spells out. All of it: nothing is taken for granted.

    ``delivery`` to ``options`` are per executed order, of every exchange; ``dp`` is per scrip and
    day on which shares leave the depository account, ``square_off`` per position the broker closes.
    """

    delivery: Fee
    intraday: Fee
    futures: Fee
    options: Fee
    dp: Fee
    square_off: Fee


class Tariff(msgspec.Struct, frozen=True, kw_only=True):
    """Whose plan an account is on, and what the charges on a share depend on besides its name.

    ``plan`` is that of every account that ``accounts`` does not name. ``bse_groups`` maps a share's
    symbol to its group on BSE, ``etfs`` are symbols that are units of a fund and no shares.
    """

    plan: str = "angelone"
    accounts: dict[str, str] = {}
    own: dict[str, OwnPlan] = {}
    bse_groups: dict[str, str] = {}
    etfs: tuple[str, ...] = ()

    def plan_of(self, account: str) -> str:
        """Return the name of an account's plan."""
        return self.accounts.get(account, self.plan)
